"""``travesia run``: a scenario enters; a run folder, its figures and a table of crossings leave."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from sim.cli.options import Daily, Engine, Lang, Scheduler, Threads, Workers, known_engine

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console
    from rich.table import Table

    from sim.results import Run

__all__ = ["app"]

app = typer.Typer(add_completion=False)


@app.command()
def run(
    scenario: Annotated[str, typer.Argument(help="Name of the library, or a YAML file.", metavar="SCENARIO")],
    replicates: Annotated[int, typer.Option(help="Draws of the same scenario.", min=1)] = 1,
    engine: Engine = "agents",
    seed: Annotated[int, typer.Option(help="Same seed, same tables.")] = 1,
    scale: Annotated[
        float, typer.Option(help="Share of the people simulated; tables are at full size.")
    ] = 1.0,
    threads: Threads = 1,
    workers: Workers = None,
    out: Annotated[
        Path | None, typer.Option(help="Run folder; runs/NAME if not given.", show_default=False)
    ] = None,
    daily: Daily = False,
    resume: Annotated[
        bool, typer.Option(help="Continue an unfinished run folder with what is whole in it.")
    ] = False,
    scheduler: Scheduler = None,
    figures: Annotated[bool, typer.Option(help="Write plots/ and needs.csv as well.")] = True,
    lang: Lang = None,
) -> None:
    """Run a scenario and write its run folder, figures and a first table of needs."""
    from rich.console import Console

    from sim.cli.progress import progress_bar
    from sim.cli.words import language_of
    from sim.ensemble import run as run_scenario
    from sim.spec import load_scenario

    spoken = language_of(lang)
    known_engine(engine, "The run was refused.")
    loaded = load_scenario(scenario)
    target = out or Path("runs") / loaded.name.replace("/", "-")
    console = Console(highlight=False, stderr=True)
    note = ""
    with progress_bar(console, spoken) as report:
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
            note = (_figures_apart if done.replicates > _SOME else _write_figures)(done, spoken)
            report("figures", 1.0, 1.0)
    shown = Console(highlight=False)
    _show(done, shown, spoken)
    if note:
        shown.print(note)


_MOST_FIGURE_BYTES = 600e6
_SOME = 20
"""Replicates that map and needs are made from when all together are too large to be read at once."""


def _figures_apart(done: Run, lang: str) -> str:
    """Write the figures of many replicates in a process of its own, which gives its memory back."""
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_figures_of, done.path, lang).result()


def _figures_of(path: Path, lang: str) -> str:
    from sim.results import open_run

    return _write_figures(open_run(path), lang)


def _write_figures(done: Run, lang: str) -> str:
    """Crossings and map as pictures, and the short table of needs, into the run folder; returns what to say of it."""
    from sim.cli.words import say
    from sim.needs import simple_table
    from sim.results.folder import write_aside

    folder = done.path / "plots"
    folder.mkdir(exist_ok=True)
    large = done.replicates > _SOME and done.table_bytes("flows", "stocks") > _MOST_FIGURE_BYTES
    some = done.first(_SOME) if large else done
    if done.scenario.world.borders:
        from sim.report import crossings, save

        save(crossings(done, lang=lang)[0], folder / "crossings.png", done)
    if any(p.lat is not None for p in done.scenario.world.places):
        from sim.report import route_map, save

        save(route_map(some, lang=lang)[0], folder / "map.png", some)
    write_aside(done.path / "needs.csv", simple_table(some).to_csv(index=False).encode())
    return say("some", lang, n=_SOME) if large else ""


def _show(done: Run, console: Console, lang: str) -> None:
    """Table of crossings by border and year, and where everything was written."""
    from sim.cli.words import border_names, count, decimal, say
    from sim.results import nationality_table, year_table
    from sim.results.reduce import all_nationalities, nationality_counts
    from sim.results.summary import counted_months

    m = done.manifest
    many = int(m["replicates"])
    key = "expected" if m["engine"] == "expected" else "one" if many == 1 else "many"
    told = {name: count(m[name], lang) for name in ("people", "events", "replicates")}
    console.print("\n" + say(f"run.{key}", lang, scenario=m["scenario"], seed=m["seed"], **told))
    if m["scale"] != 1.0:
        console.print(
            say("run.scale", lang, scale=f"{m['scale']:g}".replace(".", "," if lang == "es" else "."))
        )
    timing = m["timing"]
    memory = count(m["peak_rss_mb"], lang)
    console.print(
        say(
            "run.cost",
            lang,
            total=decimal(timing["total_s"], lang),
            engine=decimal(timing["engine_s"], lang),
            memory=memory,
        )
    )
    console.print(say("balance.holds" if done.checks["conserved"] else "balance.fails", lang))
    if not done.scenario.world.borders:
        _show_outcomes(done, console, lang)
        console.print(say("written", lang, path=done.path))
        return
    crossings = done.path / "crossings.parquet"
    names = border_names(done.scenario, lang)
    rows = year_table(done.summary, all_nationalities(crossings))
    console.print("\n" + say("years.title", lang))
    console.print(_year_rows(rows, names, lang, one=many == 1))
    nations = nationality_table(
        done.summary, nationality_counts(crossings, counted_months(done.summary)), many
    )
    if len(nations):
        console.print("\n" + say("nations.title", lang))
        console.print(_nationality_rows(nations, names, lang, one=many == 1))
    console.print(say("units", lang) + " " + say(f"meaning.{key}", lang, n=told["replicates"]))
    console.print(say("written", lang, path=done.path))


def _interval(row: Any, lang: str, *, one: bool) -> str:  # noqa: ANN401 - a row of a table
    """Low and high of a row; nothing where there is one draw."""
    from sim.cli.words import count

    return "" if one else f"{count(row.lo90, lang)}-{count(row.hi90, lang)}"


def _year_rows(rows: pd.DataFrame, names: dict[str, str], lang: str, *, one: bool) -> Table:
    """Rows of borders and years."""
    from sim.cli.words import count, percent, say

    table = _plain_table(say("border", lang), say("year", lang))
    for name in ("simulated", "one_draw" if one else "interval90", "observed", "months", "differs"):
        table.add_column(say(name, lang), justify="right", no_wrap=True)
    before = ""
    row: Any
    for row in rows.itertuples():
        seen = row.observed_months > 0
        table.add_row(
            names.get(row.border, row.border) if row.border != before else "",
            str(row.year),
            count(row.median, lang),
            _interval(row, lang, one=one),
            count(row.observed, lang) if seen else say("not_known", lang),
            say("of", lang, n=row.observed_months, all=row.months),
            percent(row.difference_percent, lang) if seen else "",
        )
        before = row.border
    return table


def _nationality_rows(rows: pd.DataFrame, names: dict[str, str], lang: str, *, one: bool) -> Table:
    """Rows of borders and their largest nationalities."""
    from sim.cli.words import count, percent, say

    table = _plain_table(say("border", lang), say("group", lang))
    for name in ("simulated", "one_draw" if one else "interval90", "observed", "months", "differs"):
        table.add_column(say(name, lang), justify="right", no_wrap=True)
    before = ""
    row: Any
    for row in rows.itertuples():
        table.add_row(
            names.get(row.border, row.border) if row.border != before else "",
            str(row.nationality),
            count(row.simulated, lang),
            _interval(row, lang, one=one),
            count(row.observed, lang),
            str(row.months),
            percent(row.difference_percent, lang),
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


def _show_outcomes(done: Run, console: Console, lang: str) -> None:
    """Persons by outcome: median and interval over replicates."""
    import numpy as np

    from sim.cli.words import count, say

    one = done.replicates == 1
    table = _plain_table(say("outcome", lang))
    for name in ("median", "one_draw" if one else "interval90"):
        table.add_column(say(name, lang), justify="right", no_wrap=True)
    wide = done.outcomes.pivot_table(
        index="outcome", columns="replicate", values="persons", aggfunc="sum", observed=True
    )
    wide = wide.reindex(columns=range(done.replicates)).fillna(0.0)
    console.print("\n" + say("outcomes.title", lang))
    for outcome, values in zip(wide.index, wide.to_numpy(), strict=True):
        low, middle, high = (float(value) for value in np.quantile(values, (0.05, 0.5, 0.95)))
        span = "" if one else f"{count(low, lang)}-{count(high, lang)}"
        table.add_row(say(f"outcome.{outcome}", lang), count(middle, lang), span)
    console.print(table)
