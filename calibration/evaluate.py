"""A forecast and observed counts enter; tables of scores beside the naive rules leave."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from calibration.baselines import BASELINES, baseline_quantiles
from calibration.forecast import COLUMNS
from calibration.observed_file import check_gaps, read_observed
from calibration.panel import TARGETS, Panel, load_panel, months_apart, panel_of, parse_month
from calibration.score import forecast_matrix, pairwise_skill, relative_table, score_cells, summarise
from sim.errors import CalibrationError, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["MODEL", "naive_scores", "read_forecast", "score_folder", "skill_table", "write_scores"]

MODEL = "travesia"

_MONTHS_BACK = 1


def read_forecast(path: Path) -> pd.DataFrame:
    """Read ``forecast.parquet``.

    Parameters
    ----------
    path : Path
        The file, or the folder that holds it.

    Returns
    -------
    DataFrame

    Raises
    ------
    CalibrationError
        If it is missing, or columns, targets or months are not as they should be.
    """
    file = path / "forecast.parquet" if path.is_dir() else path
    if not file.is_file():
        raise CalibrationError("There is no forecast to score.", [Problem("no such file", str(file))])
    table = pd.read_parquet(file)
    missing = [name for name in COLUMNS if name not in table.columns]
    problems = [Problem(f"no column {name}", str(file), ", ".join(COLUMNS)) for name in missing]
    if not problems:
        strange = sorted(set(table["target"].astype(str)) - set(TARGETS))
        problems += [Problem(f"unknown target {name!r}", str(file), ", ".join(TARGETS)) for name in strange]
        for month in sorted({*table["period"].astype(str), *table["origin"].astype(str)}):
            parse_month(month, f"{file}, columns period and origin")
    if problems:
        raise CalibrationError("The forecast cannot be scored.", problems)
    return table.astype({"target": str, "nationality": str, "period": str, "origin": str, "scenario": str})


def naive_scores(cells: pd.DataFrame, observed: NDArray[np.float64], panel: Panel) -> pd.DataFrame:
    """Score the naive rules on the same cells.

    Parameters
    ----------
    cells : DataFrame
        target, nationality, origin, period.
    observed : float64 [cells]
    panel : Panel
        What was known; each rule sees the months up to the origin of its cell only.

    Returns
    -------
    DataFrame
        Scores of all rules; cells without any earlier figure are left out.
    """
    out = []
    for (target, nationality, origin), part in cells.groupby(["target", "nationality", "origin"], sort=False):
        known = panel.until(str(origin)).row(str(target), str(nationality))
        if np.isfinite(known).sum() < _MONTHS_BACK or not len(known):
            continue
        ahead = np.array([months_apart(str(origin), str(p)) for p in part["period"]])
        at = part.index.to_numpy()
        for name in BASELINES:
            made = baseline_quantiles(name, known, int(ahead.max()))[ahead - 1]
            out.append(score_cells(part, made, observed[at], name))
    return pd.concat(out, ignore_index=True) if out else pd.DataFrame()


def _all_known(observed: pd.DataFrame) -> Panel:
    """The shipped series, with the months of the file where it has them."""
    shipped = load_panel()
    given = panel_of(observed)
    rows = pd.concat(
        [
            frame.rename(columns={"target": "border", "period": "month", "observed": "persons"})
            for frame in (given.frame(), shipped.frame())
        ]
    )
    return panel_of(rows.drop_duplicates(["border", "month", "nationality"]))


def score_folder(forecast_dir: Path, observed: Path) -> dict[str, pd.DataFrame]:
    """Score a forecast folder against observed counts.

    Parameters
    ----------
    forecast_dir : Path
    observed : Path
        Tidy CSV file or folder.

    Returns
    -------
    dict of str to DataFrame
        ``cells`` (every score), ``summary``, ``by_target``, ``by_nationality``, ``relative``, ``pairwise``.

    Raises
    ------
    CalibrationError
        If no forecast month was observed.
    """
    forecast = read_forecast(forecast_dir)
    rows = read_observed(observed)
    periods = sorted(forecast["period"].unique())
    check_gaps(rows, [periods[0], periods[-1]], str(observed))
    cells, values = forecast_matrix(forecast)
    wanted = rows.rename(columns={"border": "target", "month": "period"})
    seen = cells.merge(wanted, on=["target", "nationality", "period"], how="left")["persons"].to_numpy(
        np.float64
    )
    known = np.isfinite(seen)
    if not known.any():
        expected = f"months {periods[0]} to {periods[-1]}"
        raise CalibrationError(
            "No forecast month was observed.", [Problem("no common month", str(observed), expected)]
        )
    cells, values, seen = cells[known].reset_index(drop=True), values[known], seen[known]
    return skill_table(cells, values, seen, _all_known(rows))


def skill_table(
    cells: pd.DataFrame, values: NDArray[np.float64], seen: NDArray[np.float64], panel: Panel
) -> dict[str, pd.DataFrame]:
    """All tables of scores for forecasts whose outcome is known.

    Parameters
    ----------
    cells : DataFrame
    values : float64 [cells, 23]
    seen : float64 [cells]
    panel : Panel

    Returns
    -------
    dict of str to DataFrame
    """
    scores = pd.concat(
        [score_cells(cells, values, seen, MODEL), naive_scores(cells, seen, panel)], ignore_index=True
    )
    pairs = [
        pairwise_skill(part, BASELINES[0]).assign(scale=scale)
        for scale, part in scores.groupby("scale", sort=False)
        if BASELINES[0] in set(part["model"])
    ]
    return {
        "cells": scores,
        "summary": summarise(scores),
        "relative": relative_table(scores, MODEL, BASELINES),
        "by_target": relative_table(scores, MODEL, BASELINES, ["target"]),
        "by_nationality": relative_table(scores, MODEL, BASELINES, ["nationality"]),
        "pairwise": pd.concat(pairs, ignore_index=True) if pairs else pd.DataFrame(),
    }


def write_scores(tables: Mapping[str, pd.DataFrame], folder: Path) -> list[Path]:
    """Write the tables as CSV, the single scores as Parquet, and ``skill.csv`` for the brief.

    Parameters
    ----------
    tables : mapping of str to DataFrame
    folder : Path

    Returns
    -------
    list of Path
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, table in tables.items():
        path = folder / (f"scores_{name}.parquet" if name == "cells" else f"scores_{name}.csv")
        if name == "cells":
            table.to_parquet(path, index=False, compression="zstd")
        else:
            table.to_csv(path, index=False)
        written.append(path)
    if "cells" in tables and "by_target" in tables:
        skill = _skill(tables["cells"], tables["by_target"])
        skill.to_csv(folder / "skill.csv", index=False)
        written.append(folder / "skill.csv")
    return written


def _skill(scores: pd.DataFrame, by_target: pd.DataFrame) -> pd.DataFrame:
    """Three figures a border that a reader of the brief understands."""
    own = scores[
        (scores["model"] == MODEL) & (scores["scale"] == "natural") & (scores["nationality"] == "ALL")
    ]
    own = own[own["observed"] > 0]
    error = (own["median"] - own["observed"]).abs() / own["observed"]
    grouped = own.assign(error=error).groupby("target", sort=False)
    table = grouped.agg(inside_share=("inside90", "mean"), error=("error", "median")).reset_index()
    natural = by_target[by_target["scale"] == "natural"].set_index("target")["relative_wis"]
    table["relative_to_naive"] = table["target"].map(natural)
    return table.rename(columns={"target": "border"})
