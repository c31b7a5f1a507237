"""``travesia compare``: scenarios enter; run folders, their differences and a figure leave."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console

    from sim.ensemble.compare import Comparison

__all__ = ["app"]

app = typer.Typer(add_completion=False)


@app.command()
def compare(
    base: Annotated[str, typer.Argument(help="Scenario to compare with.", metavar="BASE")],
    others: Annotated[list[str], typer.Argument(help="One or more scenarios.", metavar="OTHER...")],
    replicates: Annotated[int, typer.Option(help="Paired draws.", min=1)] = 10,
    seed: Annotated[int, typer.Option(help="Same seed, same luck in every scenario.")] = 1,
    scale: Annotated[float, typer.Option(help="Share of the people simulated.")] = 0.1,
    threads: Annotated[int, typer.Option(help="Does not change the result.", min=1)] = 1,
    out: Annotated[Path, typer.Option(help="Folder to write to.")] = Path("runs/comparison"),
    explain: Annotated[
        tuple[str, str] | None,
        typer.Option(
            help="Border and month (darien 2022-11): trace the difference to policies and legs.",
            metavar="BORDER MONTH",
        ),
    ] = None,
) -> None:
    """Run scenarios with the same luck and show what differs."""
    from rich.console import Console

    from sim.cli.progress import progress_bar
    from sim.ensemble.compare import compare as compare_scenarios
    from sim.ensemble.compare import explain as explain_difference
    from sim.report import differences, save
    from sim.spec import load_scenario

    loaded = [load_scenario(name) for name in (base, *others)]
    with progress_bar(Console(stderr=True, highlight=False)) as report:
        done = compare_scenarios(
            *loaded, replicates=replicates, seed=seed, scale=scale, threads=threads, out=out, progress=report
        )
    for ran in done.others:
        save(differences(done.base, ran)[0], out / f"differences-{ran.path.name}.png", ran)
    console = Console(highlight=False)
    _show(done, console)
    if explain is not None:
        for other in loaded[1:]:
            parts = explain_difference(loaded[0], other, explain[0], explain[1], seed=seed, scale=scale)
            _show_parts(parts, f"{other.name}: {explain[0]} {explain[1]}", console)
            parts.to_csv(out / f"explained-{other.name.replace('/', '-')}.csv", index=False)
    console.print(f"Written to {out}")


def _show(done: Comparison, console: Console) -> None:
    from rich.table import Table

    for name, block in done.differences.groupby("other"):
        table = Table(title=f"{name} less {done.base.manifest['scenario']}: crossings over the whole window")
        for column in ("border", "base", "difference", "90 % interval", "standard error: paired / unpaired"):
            table.add_column(column, justify="left" if column == "border" else "right")
        for row in block[(block["period"] == "ALL") & (block["nationality"] == "ALL")].to_dict("records"):
            ratio = (
                f"{row['se_paired']:,.0f} / {row['se_unpaired']:,.0f}"
                if not math.isnan(row["se_paired"])
                else "one draw"
            )
            table.add_row(
                row["border"],
                f"{row['base_median']:,.0f}",
                f"{row['median']:+,.0f}",
                f"{row['lo90']:+,.0f} to {row['hi90']:+,.0f}",
                ratio,
            )
        console.print(table)
    if len(done.people):
        table = Table(title="Person by person (first replicate): whose journey changed")
        table.add_column("scenario")
        table.add_column("what changed")
        table.add_column("persons", justify="right")
        for other, change, persons in (
            done.people.groupby(["other", "change"])["persons"].sum().reset_index().to_numpy().tolist()
        ):
            table.add_row(str(other), str(change).replace("_", " "), f"{persons:,.0f}")
        console.print(table)


def _show_parts(parts: pd.DataFrame, title: str, console: Console) -> None:
    from rich.table import Table

    table = Table(title=f"Where the difference comes from: {title}")
    table.add_column("policy")
    table.add_column("change")
    table.add_column("persons", justify="right")
    for _, policy, change, persons in (
        parts.groupby(["step", "policy", "change"])["persons"].sum().reset_index().to_numpy().tolist()
    ):
        table.add_row(str(policy), str(change), f"{persons:+,.0f}")
    table.add_row("in all", "", f"{parts['persons'].sum():+,.0f}")
    console.print(table)
