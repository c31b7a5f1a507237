"""``travesia forecast``: an origin enters; a folder with the quantiles of the months after it leaves."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

__all__ = ["app"]

app = typer.Typer(add_completion=False)


@app.command()
def forecast(
    origin: Annotated[str, typer.Option(help="Last month that may be used, YYYY-MM.")],
    months: Annotated[int, typer.Option(help="Months ahead.", min=1, max=24)] = 6,
    scenario: Annotated[
        str | None,
        typer.Option(help="Take the rules of this scenario as given, also later ones.", show_default=False),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder; forecasts/ORIGIN if not given.", show_default=False)
    ] = None,
    scale: Annotated[float, typer.Option(help="Share of the people simulated with --scenario.")] = 0.1,
) -> None:
    """Forecast crossings by border and nationality, with the 23 quantiles of the forecast hubs."""
    from calibration.forecast import make_forecast, write_forecast

    made = make_forecast(origin, months, scenario=scenario, scale=scale)
    folder = out or Path("forecasts") / (origin if scenario is None else f"{origin}-{Path(scenario).stem}")
    target = write_forecast(made, folder)
    table = Table(title=f"Scenario, not a promise: {made.scenario}, from {origin}", header_style="bold")
    table.add_column("target")
    table.add_column("month")
    for name in ("5 %", "25 %", "median", "75 %", "95 %"):
        table.add_column(name, justify="right")
    frame = made.frame()
    wide = frame[frame["nationality"] == "ALL"].pivot_table(
        index=["target", "period"], columns="quantile", values="value", sort=False
    )
    for period in (made.months[0], made.months[-1]):
        for border, row in wide.xs(period, level="period").iterrows():
            figures = (f"{row[q]:,.0f}" for q in (0.05, 0.25, 0.5, 0.75, 0.95))
            table.add_row(str(border), period, *figures)
    console = Console(highlight=False)
    console.print(table)
    console.print(f"{len(frame):,} rows in {target}", soft_wrap=True)
