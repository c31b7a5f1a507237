"""``travesia validate-flee``: a run of an imported case enters; differences to the counts leave."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from sim.cli.options import Lang

if TYPE_CHECKING:
    from rich.table import Table

    from sim.exchange.flee import Comparison

__all__ = ["app"]

app = typer.Typer(add_completion=False)


@app.command()
def validate_flee(
    run_dir: Annotated[
        Path, typer.Argument(help="Run folder of an imported case, run with --daily.", metavar="RUN_DIR")
    ],
    observed: Annotated[
        Path | None,
        typer.Option(help="Table place, date, persons in place of the case's own.", show_default=False),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Also write the differences by day as CSV.", show_default=False)
    ] = None,
    every: Annotated[int, typer.Option(help="Show every so many days (1 = each day).", min=1)] = 1,
    lang: Lang = None,
) -> None:
    """Averaged relative difference to the counts: plain and rescaled, per day, camp and overall."""
    from sim.cli.words import language_of
    from sim.exchange.flee import compare_with_data
    from sim.results import open_run

    spoken = language_of(lang)
    done = compare_with_data(open_run(run_dir), observed)
    if out is not None:
        done.by_day.to_csv(out, index=False, date_format="%Y-%m-%d")
    show(done, every, spoken)


def show(done: Comparison, every: int, lang: str) -> None:
    """Print the differences by day, by camp and overall."""
    from rich.console import Console

    from sim.cli.words import count, decimal, say

    def figures(row: Any) -> list[str]:  # noqa: ANN401 - a row of a table
        people = [count(value, lang) for value in (row.observed, row.simulated)]
        return [*people, *(decimal(value, lang, 4) for value in (row.difference, row.rescaled))]

    console = Console(highlight=False)
    days = _table("flee.by_day", "date", lang)
    for number, row in enumerate(done.by_day.itertuples()):
        if number % every == 0:
            days.add_row(f"{cast('Any', row).date:%Y-%m-%d}", *figures(row))
    console.print(days)
    camps = _table("flee.by_camp", "place", lang)
    for row in done.by_camp.itertuples():
        camps.add_row(str(row.place), *figures(row))
    console.print(camps)
    console.print(say("flee.days", lang, n=len(done.by_day), replicates=done.replicates))
    console.print(say("flee.plain", lang, value=decimal(done.plain, lang, 4)))
    console.print(say("flee.rescaled", lang, value=decimal(done.rescaled, lang, 4)))


def _table(title: str, first: str, lang: str) -> Table:
    """A table of observed and simulated people and their difference."""
    from rich.table import Table as Rows

    from sim.cli.words import say

    made = Rows(title=say(title, lang))
    made.add_column(say(first, lang))
    for name in ("observed", "simulated", "difference", "rescaled"):
        made.add_column(say(name, lang), justify="right")
    return made
