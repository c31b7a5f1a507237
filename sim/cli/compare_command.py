"""``travesia compare``: scenarios enter; run folders, their differences and a figure leave."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sim.cli.options import Daily, Engine, Lang, Scheduler, Threads, Workers, known_engine

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console
    from rich.table import Table

    from sim.ensemble.compare import Comparison

__all__ = ["app"]

app = typer.Typer(add_completion=False)


@app.command()
def compare(
    base: Annotated[str, typer.Argument(help="Scenario to compare with.", metavar="BASE")],
    others: Annotated[list[str], typer.Argument(help="One or more scenarios.", metavar="OTHER")],
    replicates: Annotated[int, typer.Option(help="Paired draws.", min=1)] = 10,
    engine: Engine = "agents",
    seed: Annotated[int, typer.Option(help="Same seed, same luck in every scenario.")] = 1,
    scale: Annotated[float, typer.Option(help="Share of the people simulated.")] = 0.1,
    threads: Threads = 1,
    workers: Workers = None,
    out: Annotated[Path, typer.Option(help="Folder to write to.")] = Path("runs/comparison"),
    daily: Daily = False,
    resume: Annotated[
        bool, typer.Option(help="Continue an unfinished comparison with what is whole in it.")
    ] = False,
    scheduler: Scheduler = None,
    explain: Annotated[
        tuple[str, str] | None,
        typer.Option(
            help="Border and month (darien 2022-11): trace the difference to policies and legs.",
            metavar="BORDER MONTH",
        ),
    ] = None,
    lang: Lang = None,
) -> None:
    """Run scenarios with the same luck and show what differs."""
    from rich.console import Console

    from sim.cli.progress import progress_bar
    from sim.cli.words import language_of, say
    from sim.ensemble.compare import compare as compare_scenarios
    from sim.ensemble.compare import explain as explain_difference
    from sim.report import differences, save
    from sim.spec import load_scenario

    spoken = language_of(lang)
    known_engine(engine, "The comparison was refused.")
    loaded = [load_scenario(name) for name in (base, *others)]
    with progress_bar(Console(stderr=True, highlight=False), spoken) as report:
        done = compare_scenarios(
            *loaded,
            replicates=replicates,
            engine=engine,
            seed=seed,
            scale=scale,
            threads=threads,
            workers=workers,
            out=out,
            daily=daily,
            resume=resume,
            scheduler=scheduler,
            progress=report,
        )
    for ran in done.others:
        save(differences(done.base, ran, lang=spoken)[0], out / f"differences-{ran.path.name}.png", ran)
    console = Console(highlight=False)
    _show(done, console, spoken)
    if explain is not None:
        for other in loaded[1:]:
            parts = explain_difference(loaded[0], other, explain[0], explain[1], seed=seed, scale=scale)
            _show_parts(parts, f"{other.name}: {explain[0]} {explain[1]}", console, spoken)
            parts.to_csv(out / f"explained-{other.name.replace('/', '-')}.csv", index=False)
    console.print(say("written", spoken, path=out))


def _show(done: Comparison, console: Console, lang: str) -> None:
    """Differences over the window by border, and whose journey changed."""
    from sim.cli.words import border_names, count, say
    from sim.engines.tally import OUTCOMES
    from sim.ensemble.differences import CROSSINGS

    many = done.base.replicates
    names = border_names(done.base.scenario, lang)
    for name, block in done.differences.groupby("other"):
        rows = block[(block["period"] == "ALL") & (block["nationality"] == "ALL")]
        rows = rows[rows["measure"] == CROSSINGS] if names else rows[rows["measure"].isin(OUTCOMES)]
        key = "compare.title" if names else "compare.title_outcomes"
        title = say(key, lang, other=name, base=done.base.manifest["scenario"])
        first = ("border",) if names else ("outcome", "country")
        table = _plain(first, ("base", "difference", "interval90", "errors"), lang)
        for row in rows.to_dict("records"):
            one = math.isnan(row["se_paired"])
            ends = [count(row[end], lang, sign=True) for end in ("lo90", "hi90")]
            table.add_row(
                *(
                    (names.get(row["border"], row["border"]),)
                    if names
                    else (say(f"outcome.{row['measure']}", lang), row["country"])
                ),
                count(row["base_median"], lang),
                count(row["median"], lang, sign=True),
                say("one_draw", lang) if one else say("range", lang, low=ends[0], high=ends[1]),
                "" if one else f"{count(row['se_paired'], lang)} / {count(row['se_unpaired'], lang)}",
            )
        console.print("\n" + title)
        console.print(table)
    units = "compare.one" if many == 1 else "compare.units" if names else "compare.no_borders"
    console.print(say(units, lang, n=many))
    if len(done.people):
        table = _plain(("scenario", "what_changed"), ("persons",), lang)
        for other, change, persons in (
            done.people.groupby(["other", "change"])["persons"].sum().reset_index().to_numpy().tolist()
        ):
            table.add_row(str(other), say(f"change.{change}", lang), count(persons, lang))
        console.print("\n" + say("people.title", lang))
        console.print(table)


def _plain(texts: tuple[str, ...], numbers: tuple[str, ...], lang: str) -> Table:
    """A table with columns of words and columns of numbers."""
    from rich.table import Table as Rows

    from sim.cli.words import say

    table = Rows(box=None, padding=(0, 1, 0, 0), pad_edge=False)
    for name in texts:
        table.add_column(say(name, lang))
    for name in numbers:
        table.add_column(say(name, lang), justify="right")
    return table


def _show_parts(parts: pd.DataFrame, title: str, console: Console, lang: str) -> None:
    """What each policy adds to the difference."""
    from sim.cli.words import count, say

    table = _plain(("policy", "change"), ("persons",), lang)
    for _, policy, change, persons in (
        parts.groupby(["step", "policy", "change"])["persons"].sum().reset_index().to_numpy().tolist()
    ):
        step = say(f"step.{str(change).replace(' ', '_')}", lang)
        table.add_row(str(policy), step, count(persons, lang, sign=True))
    table.add_row(say("in_all", lang), "", count(parts["persons"].sum(), lang, sign=True))
    console.print("\n" + say("why.title", lang, what=title))
    console.print(table)
    console.print(say("why.note", lang))
