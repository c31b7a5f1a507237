"""Forecast quantiles and what was observed enter; scores, coverage and relative skill leave.

The weighted interval score (WIS) on the 23 levels of the forecast hubs equals twice the mean pinball loss over the levels
(Bracher and others 2021). On the log scale, log(1 + x) of both is scored (Bosse and others 2023), which weighs
relative errors of small and large series alike.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import scoringrules

from sim.errors import CalibrationError, Problem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = [
    "LEVELS",
    "SCALES",
    "bias",
    "crps",
    "forecast_matrix",
    "pairwise_skill",
    "pinball",
    "relative_table",
    "score_cells",
    "summarise",
    "wis",
]

LEVELS: NDArray[np.float64] = np.array([0.01, 0.025, *(np.arange(5, 100, 5) / 100.0), 0.975, 0.99])
"""The 23 quantile levels of the forecast hubs."""

SCALES: tuple[str, ...] = ("natural", "log1p")

CELL = ["target", "nationality", "origin", "period"]
"""What names one forecast."""

_MIDDLE = 11
_LOW50, _HIGH50, _LOW90, _HIGH90 = 6, 16, 2, 20
_DRAWS = 199


def pinball(
    values: NDArray[np.float64], observed: NDArray[np.float64], levels: NDArray[np.float64] = LEVELS
) -> NDArray[np.float64]:
    """Pinball (quantile) loss.

    Parameters
    ----------
    values : float64 [..., levels]
        Forecast quantiles.
    observed : float64 [...]
    levels : float64 [levels]

    Returns
    -------
    float64 [..., levels]
    """
    gap = observed[..., None] - values
    return np.maximum(levels * gap, (levels - 1.0) * gap)


def wis(values: NDArray[np.float64], observed: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weighted interval score on the 23 levels: twice the mean pinball loss.

    Parameters
    ----------
    values : float64 [..., 23]
    observed : float64 [...]

    Returns
    -------
    float64 [...]
        In the unit of the series; 0 is perfect.
    """
    return np.asarray(2.0 * pinball(values, observed).mean(axis=-1))


def crps(values: NDArray[np.float64], observed: NDArray[np.float64]) -> NDArray[np.float64]:
    """Continuous ranked probability score of the distribution drawn through the quantiles.

    The quantile function is joined by straight lines, its outermost quantiles end it, and it is read at 199 evenly
    spaced probabilities.

    Parameters
    ----------
    values : float64 [n, 23]
    observed : float64 [n]

    Returns
    -------
    float64 [n]
    """
    if not len(values):
        return np.zeros(0)
    at = (np.arange(_DRAWS) + 0.5) / _DRAWS
    draws = np.stack([np.interp(at, LEVELS, row) for row in values])
    return np.asarray(scoringrules.crps_ensemble(observed, draws, estimator="nrg"))


def bias(values: NDArray[np.float64], observed: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of the forecast above what was observed, from -1 (all below) to 1 (all above).

    Parameters
    ----------
    values : float64 [n, 23]
    observed : float64 [n]

    Returns
    -------
    float64 [n]
        ``1 - 2 F(observed)`` with F read off the quantiles; ties count half.
    """
    below = (values < observed[:, None]).sum(axis=1)
    up_to = (values <= observed[:, None]).sum(axis=1)
    edge = np.concatenate([[0.0], LEVELS, [1.0]])
    low, high = edge[below], edge[up_to + 1]
    return np.asarray(1.0 - low - high)


def forecast_matrix(forecast: pd.DataFrame) -> tuple[pd.DataFrame, NDArray[np.float64]]:
    """Arrange forecast rows by cell, checked.

    Parameters
    ----------
    forecast : DataFrame
        target, nationality, period, quantile, value, origin; other columns are kept out.

    Returns
    -------
    cells : DataFrame
        target, nationality, origin, period.
    values : float64 [cells, 23]

    Raises
    ------
    CalibrationError
        If levels are missing, doubled or crossing, or values are negative.
    """
    table = forecast.assign(quantile=forecast["quantile"].round(3))
    doubled = table[table.duplicated([*CELL, "quantile"])]
    problems = [
        Problem(
            f"two values for {' '.join(map(str, row))}", "forecast.parquet", "one value per cell and quantile"
        )
        for row in doubled[[*CELL, "quantile"]].head(10).itertuples(index=False)
    ]
    if problems:
        raise CalibrationError("The forecast cannot be scored.", problems)
    wide = table.pivot_table(index=CELL, columns="quantile", values="value", aggfunc="first")
    wide = wide.reindex(columns=np.round(LEVELS, 3))
    values = wide.to_numpy(dtype=np.float64)
    cells = wide.index.to_frame(index=False)
    faults = {
        "a quantile is missing": np.isnan(values).any(axis=1),
        "quantiles cross": (np.diff(values, axis=1) < -1e-9 * np.maximum(1.0, values[:, 1:])).any(axis=1),
        "a value is negative": (values < 0.0).any(axis=1),
    }
    for what, where in faults.items():
        for row in cells[where].head(5).itertuples(index=False):
            problems.append(Problem(what, " ".join(map(str, row)), "23 quantiles, rising, not negative"))
    if problems:
        raise CalibrationError("The forecast cannot be scored.", problems)
    return cells, values


def score_cells(
    cells: pd.DataFrame, values: NDArray[np.float64], observed: NDArray[np.float64], model: str
) -> pd.DataFrame:
    """Score every forecast on both scales.

    Parameters
    ----------
    cells : DataFrame
        One row per forecast.
    values : float64 [cells, 23]
    observed : float64 [cells]
    model : str
        Name of the model in the result.

    Returns
    -------
    DataFrame
        The columns of `cells`, and model, scale, observed, median, wis, crps, bias, inside50, inside90.
    """
    inside50 = (observed >= values[:, _LOW50]) & (observed <= values[:, _HIGH50])
    inside90 = (observed >= values[:, _LOW90]) & (observed <= values[:, _HIGH90])
    out = []
    for scale in SCALES:
        q, y = (values, observed) if scale == "natural" else (np.log1p(values), np.log1p(observed))
        out.append(
            cells.assign(
                model=model,
                scale=scale,
                observed=observed,
                median=values[:, _MIDDLE],
                wis=wis(q, y),
                crps=crps(q, y),
                bias=bias(values, observed),
                inside50=inside50,
                inside90=inside90,
            )
        )
    return pd.concat(out, ignore_index=True)


def summarise(scores: pd.DataFrame, by: Sequence[str] = ()) -> pd.DataFrame:
    """Mean scores by model, scale and whatever else is asked for.

    Parameters
    ----------
    scores : DataFrame
        From :func:`score_cells`, of one or more models.
    by : sequence of str
        Further columns to split by.

    Returns
    -------
    DataFrame
        cells, wis, crps, bias, coverage50, coverage90.
    """
    grouped = scores.groupby([*by, "scale", "model"], sort=False)
    return grouped.agg(
        cells=("wis", "size"),
        wis=("wis", "mean"),
        crps=("crps", "mean"),
        bias=("bias", "mean"),
        coverage50=("inside50", "mean"),
        coverage90=("inside90", "mean"),
    ).reset_index()


def pairwise_skill(scores: pd.DataFrame, baseline: str) -> pd.DataFrame:
    """Relative skill from all pairs of models, each pair on the forecasts both made.

    Parameters
    ----------
    scores : DataFrame
        Scores of one scale.
    baseline : str
        Model that is given 1.

    Returns
    -------
    DataFrame
        model, relative_wis: geometric mean of the ratios of mean WIS to every model, divided by that of the
        baseline.
    """
    wide = scores.pivot_table(index=CELL, columns="model", values="wis")
    models = list(wide.columns)
    theta = {}
    for a in models:
        ratios = []
        for b in models:
            both = wide[[a, b]].dropna() if a != b else wide[[a]].dropna()
            if len(both):
                ratios.append(np.log(max(both[a].mean(), 1e-12) / max(both[b].mean(), 1e-12)))
        theta[a] = float(np.exp(np.mean(ratios)))
    return pd.DataFrame({"model": models, "relative_wis": [theta[m] / theta[baseline] for m in models]})


def relative_table(
    scores: pd.DataFrame, model: str, naive: Sequence[str], by: Sequence[str] = ()
) -> pd.DataFrame:
    """How a model compares with the best of the naive rules, in each part and scale.

    Parameters
    ----------
    scores : DataFrame
    model : str
    naive : sequence of str
        Names of the naive rules.
    by : sequence of str
        Parts to compare in; the best rule is chosen anew in each, which favours the rules.

    Returns
    -------
    DataFrame
        Parts, scale, cells, wis of the model, best rule and its wis, relative_wis (ratio of mean WIS),
        geometric (ratio by series, geometric mean over series against the rule best in that same sense), coverage.
    """
    rows = []
    for part, table in scores.groupby([*by, "scale"], sort=False):
        wide = table.pivot_table(index=CELL, columns="model", values="wis").dropna()
        if model not in wide or wide.empty:
            continue
        mean = wide.mean()
        best = min(naive, key=lambda rule: float(mean[rule]))
        series = wide.groupby(level=["target", "nationality"]).mean().clip(lower=1e-9)
        log_ratio = np.log(series[[model]].to_numpy() / series[list(naive)].to_numpy()).mean(axis=0)
        own = table[table["model"] == model]
        rows.append(
            {
                **dict(zip([*by, "scale"], part, strict=True)),
                "cells": len(wide),
                "wis": float(mean[model]),
                "best_naive": best,
                "wis_naive": float(mean[best]),
                "relative_wis": float(mean[model] / mean[best]),
                "geometric": float(np.exp(log_ratio.max())),
                "coverage50": float(own["inside50"].mean()),
                "coverage90": float(own["inside90"].mean()),
                "bias": float(own["bias"].mean()),
            }
        )
    return pd.DataFrame(rows)


def consecutive(months: Sequence[str]) -> bool:
    """Whether months follow one another without a hole.

    Parameters
    ----------
    months : sequence of str
        Sorted, ``YYYY-MM``.

    Returns
    -------
    bool
    """
    number = [int(m[:4]) * 12 + int(m[5:]) for m in months]
    return all(b - a == 1 for a, b in pairwise(number))
