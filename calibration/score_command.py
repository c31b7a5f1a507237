"""``travesia score``: a forecast folder and observed counts enter; scores and relative skill leave."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from sim.cli.options import Lang

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["app"]

app = typer.Typer(add_completion=False)


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
    lang: Lang = None,
) -> None:
    """Score a forecast against what was observed, beside five naive rules."""
    from calibration.evaluate import score_folder, write_scores
    from calibration.report_words import phrase
    from sim.cli.words import language_of
    from sim.errors import CalibrationError, Problem

    spoken = language_of(lang)
    console = Console(highlight=False)
    if hindcast:
        from calibration.hindcast import score_hindcast

        tables = score_hindcast(refresh=refresh)
        for title in ("overall", "by_part", "by_horizon", "by_target"):
            _show(tables[title], title, console, spoken)
        if console.width < _WIDE:
            console.print(phrase("say_narrow", spoken))
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
        _show(tables[title], title, console, spoken)
    folder = out or (forecast_dir if forecast_dir.is_dir() else forecast_dir.parent)
    for path in write_scores(tables, folder):
        console.print(phrase("say_written", spoken, path=path), soft_wrap=True)


_WIDE = 116
"""Columns of a terminal in which every column of the scores has room."""
_FURTHER = ["cells", "geometric", "bias", "crps"]


def _show(frame: pd.DataFrame, title: str, console: Console, lang: str) -> None:
    """A table for each scale and each set of rules, so that it fits into a terminal."""
    from calibration.console import in_a_table
    from calibration.report_words import name_of, phrase

    kept = frame if console.width >= _WIDE else frame.drop(columns=_FURTHER, errors="ignore")
    apart = [name for name in ("scenario", "scale") if name in frame.columns]
    for key, part in kept.groupby(apart, sort=False):
        names = dict(zip(apart, key, strict=True))
        told = ", ".join(
            [phrase(f"table_{title}", lang), *(name_of(k, str(v), lang) for k, v in names.items())]
        )
        console.print(in_a_table(part.drop(columns=apart), lang, told), "")
