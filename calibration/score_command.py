"""``travesia score``: a forecast folder and observed counts enter; scores and relative skill leave."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["app"]

app = typer.Typer(add_completion=False)

_REFUSED = 2


@app.command()
def score(
    forecast_dir: Annotated[
        Path | None,
        typer.Argument(help="Folder of 'travesia forecast', or its Parquet file.", metavar="FORECAST_DIR"),
    ] = None,
    observed: Annotated[
        Path | None,
        typer.Argument(help="CSV or folder in the tidy form of the observed tables.", metavar="OBSERVED"),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the tables; FORECAST_DIR if not given.")
    ] = None,
    hindcast: Annotated[
        bool, typer.Option("--hindcast", help="Score the forecasts of the past: 2022-01 to 2024-06.")
    ] = False,
    refresh: Annotated[
        bool,
        typer.Option("--refresh", help="With --hindcast: make them anew instead of reading the archive."),
    ] = False,
) -> None:
    """Score a forecast against what was observed, beside five naive rules."""
    from calibration.evaluate import score_folder, write_scores
    from sim.errors import CalibrationError, Problem

    console = Console(highlight=False)
    if hindcast:
        from calibration.hindcast import score_hindcast

        tables = score_hindcast(refresh=refresh)
        for title in ("overall", "by_part", "by_horizon", "by_target"):
            console.print(_table(tables[title], title))
        if out is not None:
            write_scores(tables, out)
        return
    if forecast_dir is None or observed is None:
        problem = Problem(
            "no forecast and no observed counts", "FORECAST_DIR OBSERVED", "both, or --hindcast"
        )
        raise CalibrationError("There is nothing to score.", [problem])
    tables = score_folder(forecast_dir, observed)
    for title in ("summary", "relative", "by_target"):
        console.print(_table(tables[title], title))
    folder = out or (forecast_dir if forecast_dir.is_dir() else forecast_dir.parent)
    for path in write_scores(tables, folder):
        console.print(f"wrote {path}", soft_wrap=True)


def _table(frame: pd.DataFrame, title: str) -> Table:
    table = Table(title=title.replace("_", " "), header_style="bold")
    for name, dtype in frame.dtypes.items():
        table.add_column(str(name), justify="right" if dtype.kind in "fi" else "left", overflow="fold")
    for row in frame.itertuples(index=False):
        table.add_row(*(_text(value) for value in row))
    return table


def _text(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 100.0 else f"{value:.3f}"  # noqa: PLR2004 - three digits show
    return str(value)
