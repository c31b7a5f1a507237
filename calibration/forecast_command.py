"""``travesia forecast``: an origin enters; a folder with the quantiles of the months after it leaves."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from sim.cli.options import Lang

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
    lang: Lang = None,
) -> None:
    """Forecast crossings by border and nationality, with the 23 quantiles of the forecast hubs."""
    from calibration.forecast import make_forecast, write_forecast
    from calibration.report_words import column, name_of, phrase
    from sim.cli.words import language_of
    from sim.report.words import number

    spoken = language_of(lang)
    made = make_forecast(origin, months, scenario=scenario, scale=scale)
    folder = out or Path("forecasts") / (origin if scenario is None else f"{origin}-{Path(scenario).stem}")
    target = write_forecast(made, folder)
    rules = name_of("scenario", made.scenario, spoken)
    table = Table(
        title=phrase("say_forecast_title", spoken, scenario=rules, origin=origin), header_style="bold"
    )
    for name in ("border", "month"):
        table.add_column(column(name, spoken))
    for name in ("5 %", "25 %", "median", "75 %", "95 %"):
        table.add_column(column(name, spoken), justify="right")
    frame = made.frame()
    wide = frame[frame["nationality"] == "ALL"].pivot_table(
        index=["target", "period"], columns="quantile", values="value", sort=False
    )
    for period in (made.months[0], made.months[-1]):
        for border, row in wide.xs(period, level="period").iterrows():
            figures = (number(row[q], spoken) for q in (0.05, 0.25, 0.5, 0.75, 0.95))
            table.add_row(name_of("border", str(border), spoken), period, *figures)
    console = Console(highlight=False)
    console.print(table)
    console.print(phrase("say_rows", spoken, n=number(len(frame), spoken), path=target), soft_wrap=True)
