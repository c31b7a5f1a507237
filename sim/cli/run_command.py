"""``travesia run``: a scenario enters; a run folder, its figures and a table of crossings leave."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console
    from rich.table import Table

    from sim.results import Run

__all__ = ["app"]

app = typer.Typer(add_completion=False)

_ENGINES = ("agents", "expected", "reference")


@app.command()
def run(
    scenario: Annotated[str, typer.Argument(help="Name of the library, or a YAML file.", metavar="SCENARIO")],
    replicates: Annotated[int, typer.Option(help="Draws of the same scenario.", min=1)] = 1,
    engine: Annotated[str, typer.Option(help="agents, expected or reference.")] = "agents",
    seed: Annotated[int, typer.Option(help="Same seed, same tables.")] = 1,
    scale: Annotated[
        float, typer.Option(help="Share of the people simulated; tables are at full size.")
    ] = 1.0,
    threads: Annotated[int, typer.Option(help="Does not change the result.", min=1)] = 1,
    workers: Annotated[
        int | None,
        typer.Option(
            help="Processes that share the replicates; as many as help if not given.",
            min=1,
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Run folder; runs/NAME if not given.", show_default=False)
    ] = None,
    daily: Annotated[bool, typer.Option(help="Tables by day instead of by month.")] = False,
    resume: Annotated[
        bool, typer.Option(help="Continue an unfinished run folder with what is whole in it.")
    ] = False,
    scheduler: Annotated[
        str | None,
        typer.Option(
            help="Address of a Dask scheduler, tcp://..., instead of --workers.", show_default=False
        ),
    ] = None,
    figures: Annotated[bool, typer.Option(help="Write plots/ and needs.csv as well.")] = True,
) -> None:
    """Run a scenario and write its run folder, figures and a first table of needs."""
    from rich.console import Console

    from sim.cli.progress import progress_bar
    from sim.ensemble import run as run_scenario
    from sim.errors import Problem, ScenarioError
    from sim.spec import load_scenario

    if engine not in _ENGINES:
        problem = Problem(f"there is no engine '{engine}'", "--engine", "one of " + ", ".join(_ENGINES))
        msg = "The run was refused."
        raise ScenarioError(msg, [problem])
    loaded = load_scenario(scenario)
    target = out or Path("runs") / loaded.name.replace("/", "-")
    console = Console(highlight=False, stderr=True)
    note = ""
    with progress_bar(console) as report:
        done = run_scenario(
            loaded,
            replicates=replicates,
            engine=cast("Any", engine),
            seed=seed,
            scale=scale,
            threads=threads,
            workers=workers,
            out=target,
            daily=daily,
            resume=resume,
            scheduler=scheduler,
            progress=report,
        )
        if figures:
            report("figures", 0.0, 1.0)
            note = _write_figures(done)
            report("figures", 1.0, 1.0)
    shown = Console(highlight=False)
    _show(done, shown)
    if note:
        shown.print(note)


_MOST_FIGURE_BYTES = 600e6
_SOME = 20
"""Replicates that map and needs are made from when all together are too large to be read at once."""


def _write_figures(done: Run) -> str:
    """Crossings and map as pictures, and the short table of needs, into the run folder; returns what to say of it."""
    from sim.needs import simple_table
    from sim.results.folder import write_aside

    folder = done.path / "plots"
    folder.mkdir(exist_ok=True)
    large = done.replicates > _SOME and done.table_bytes("flows", "stocks") > _MOST_FIGURE_BYTES
    some = done.first(_SOME) if large else done
    if done.scenario.world.borders:
        from sim.report import crossings, save

        save(crossings(done)[0], folder / "crossings.png", done)
    if any(p.lat is not None for p in done.scenario.world.places):
        from sim.report import route_map, save

        save(route_map(some)[0], folder / "map.png", some)
    write_aside(done.path / "needs.csv", simple_table(some).to_csv(index=False).encode())
    return f"Map and needs.csv are made from the first {_SOME} replicates." if large else ""


def _show(done: Run, console: Console) -> None:
    """Table of crossings by border and year, and where everything was written."""
    from sim.results import nationality_table, year_table
    from sim.results.reduce import all_nationalities

    m = done.manifest
    console.print(
        f"\n{m['scenario']}: {m['people']:,} people simulated one by one, {m['events']:,} events, "
        f"{m['replicates']} replicate(s), seed {m['seed']}, engine {m['timing']['engine_s']} s, "
        f"in all {m['timing']['total_s']} s, {m['peak_rss_mb']:.0f} MB"
    )
    balance = (
        "people add up on every day" if done.checks["conserved"] else "PEOPLE DO NOT ADD UP, see checks.json"
    )
    console.print(f"Balance: {balance} (departed = on the route + every outcome).")
    if not done.scenario.world.borders:
        _show_outcomes(done, console)
        console.print(f"Written to {done.path}")
        return
    rows = year_table(done.summary, all_nationalities(done.path / "crossings.parquet"))
    console.print("\nCrossings by border and year, all nationalities (a scenario, not a prediction)")
    console.print(_year_rows(rows, one=m["replicates"] == 1))
    console.print("\nBy nationality, over the months with a count: the five largest at each border")
    console.print(_nationality_rows(nationality_table(done.summary)))
    console.print(
        "Persons, or encounters at the US border. Differences are over the months for which a count exists. "
        + _meaning_of_interval(m["replicates"])
    )
    console.print(f"Written to {done.path}")


def _meaning_of_interval(replicates: int) -> str:
    """Say what the interval of a run covers."""
    if replicates == 1:
        return "One replicate is one draw: --replicates 3 gives an interval."
    return (
        f"The interval is the chance between {replicates} replicates of the same departures and parameters; what is not known "
        "of those is in `travesia forecast`, and is far wider."
    )


def _year_rows(rows: pd.DataFrame, *, one: bool) -> Table:
    """Rows of borders and years."""
    table = _plain_table("border", "year")
    for name in ("simulated", "one draw" if one else "90 % interval", "observed", "months", "differs"):
        table.add_column(name, justify="right", no_wrap=True)
    before = ""
    row: Any
    for row in rows.itertuples():
        seen = row.observed_months > 0
        table.add_row(
            row.border.replace("_", " ") if row.border != before else "",
            str(row.year),
            f"{row.median:,.0f}",
            "" if one else f"{row.lo90:,.0f}-{row.hi90:,.0f}",
            f"{row.observed:,.0f}" if seen else "not known",
            f"{row.observed_months} of {row.months}",
            f"{row.difference_percent:+.1f} %" if seen else "",
        )
        before = row.border
    return table


def _nationality_rows(rows: pd.DataFrame) -> Table:
    """Rows of borders and their largest nationalities."""
    table = _plain_table("border", "nationality")
    for name in ("simulated", "observed", "months", "differs"):
        table.add_column(name, justify="right", no_wrap=True)
    before = ""
    row: Any
    for row in rows.itertuples():
        table.add_row(
            row.border.replace("_", " ") if row.border != before else "",
            str(row.nationality),
            f"{row.simulated:,.0f}",
            f"{row.observed:,.0f}",
            str(row.months),
            f"{row.difference_percent:+.1f} %",
        )
        before = row.border
    return table


def _plain_table(*columns: str) -> Table:
    """Table that fits into eighty columns."""
    from rich.table import Table as Plain

    table = Plain(box=None, padding=(0, 1, 0, 0), pad_edge=False)
    for name in columns:
        table.add_column(name, no_wrap=True)
    return table


def _show_outcomes(done: Run, console: Console) -> None:
    from rich.table import Table

    table = Table(title="Outcomes (persons, all replicates)")
    table.add_column("outcome")
    table.add_column("persons", justify="right")
    for outcome, persons in done.outcomes.groupby("outcome", observed=True)["persons"].sum().items():
        table.add_row(str(outcome), f"{persons:,.0f}")
    console.print(table)
