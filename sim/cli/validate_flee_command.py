"""``travesia validate-flee``: a run of an imported case enters; differences to the counts leave."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from sim.exchange.flee import Comparison

__all__ = ["app"]

app = typer.Typer(add_completion=False)


@app.command()
def validate_flee(
    run_dir: Annotated[Path, typer.Argument(help="Run folder of an imported case, run with --daily.")],
    observed: Annotated[
        Path | None,
        typer.Option(help="Table place, date, persons in place of the case's own.", show_default=False),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Also write the differences by day as CSV.", show_default=False)
    ] = None,
    every: Annotated[int, typer.Option(help="Show every so many days (1 = each day).", min=1)] = 1,
) -> None:
    """Averaged relative difference to the counts: plain and rescaled, per day, camp and overall."""
    from sim.exchange.flee import compare_with_data
    from sim.results import open_run

    done = compare_with_data(open_run(run_dir), observed)
    if out is not None:
        done.by_day.to_csv(out, index=False, date_format="%Y-%m-%d")
    show(done, every)


def show(done: Comparison, every: int) -> None:
    """Print the differences by day, by camp and overall."""
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    days = Table(title="Relative difference by day")
    for name in ("date", "observed", "simulated", "difference", "rescaled"):
        days.add_column(name, justify="left" if name == "date" else "right")
    for number, row in enumerate(done.by_day.itertuples()):
        if number % every == 0:
            days.add_row(
                f"{row.date:%Y-%m-%d}",
                f"{row.observed:,.0f}",
                f"{row.simulated:,.0f}",
                f"{row.difference:.4f}",
                f"{row.rescaled:.4f}",
            )
    console.print(days)
    camps = Table(title="Relative difference by camp (mean absolute difference over the mean observed)")
    for name in ("place", "observed", "simulated", "difference", "rescaled"):
        camps.add_column(name, justify="left" if name == "place" else "right")
    for row in done.by_camp.itertuples():
        camps.add_row(
            str(row.place),
            f"{row.observed:,.0f}",
            f"{row.simulated:,.0f}",
            f"{row.difference:.4f}",
            f"{row.rescaled:.4f}",
        )
    console.print(camps)
    console.print(f"Days compared: {len(done.by_day)}, replicates: {done.replicates}")
    console.print(f"Averaged relative difference: {done.plain:.4f}")
    console.print(f"Averaged relative difference, rescaled: {done.rescaled:.4f}")
