"""Series up to an origin enter; by how much each is likely to be off leaves, as a regression that serves all series.

The mean absolute error is log-linear in what was known: how much the series moved of late, month by month and over as many
months as are forecast, how large its counts are, how far it stands from its record and recent mean, and how much rules are
about to change. It is fitted as a gamma regression, held towards the recent moves themselves.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["fit_spread", "lagged", "month_mean", "recent_move", "size_of", "spread_features"]

_LONG = 12
_USUAL_MOVE = 0.3
_HELD = 3.0
_ROUNDS = 12
_LOG_SPREAD = (-4.5, 1.4)
_PER_RULE = 0.3
"""Log of how much wider a forecast is where rules change crossings by one log unit, before anything is learnt."""


def lagged(table: NDArray[np.float64], by: int) -> NDArray[np.float64]:
    """Values of `by` months before (after, where negative); NaN where there are none.

    Parameters
    ----------
    table : float64 [series, months]
    by : int

    Returns
    -------
    float64 [series, months]
    """
    out = np.full_like(table, np.nan)
    if by == 0:
        return table.copy()
    if by > 0:
        out[:, by:] = table[:, :-by] if by < table.shape[1] else out[:, by:]
    elif -by < table.shape[1]:
        out[:, :by] = table[:, -by:]
    return out


def month_mean(table: NDArray[np.float64], months: int) -> NDArray[np.float64]:
    """Mean of the last `months` months, gaps left out.

    Parameters
    ----------
    table : float64 [series, months]
    months : int

    Returns
    -------
    float64 [series, months]
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return np.asarray(np.nanmean(np.stack([lagged(table, k) for k in range(months)]), axis=0))


def recent_move(z: NDArray[np.float64], step: int, memory: float) -> NDArray[np.float64]:
    """Log of the fading mean of absolute changes over `step` months.

    Parameters
    ----------
    z : float64 [series, months]
    step : int
    memory : float
        Share of the weight kept from month to month.

    Returns
    -------
    float64 [series, months]
    """
    change = np.abs(z - lagged(z, step))
    total, weight = np.zeros(len(z)), np.zeros(len(z))
    out = np.zeros_like(z)
    for t in range(z.shape[1]):
        known = np.isfinite(change[:, t])
        total = memory * total + np.where(known, np.nan_to_num(change[:, t]), 0.0)
        weight = memory * weight + known
        out[:, t] = (total + _USUAL_MOVE * np.sqrt(step)) / (weight + 1.0)
    return np.asarray(np.log(out))


def size_of(z: NDArray[np.float64]) -> NDArray[np.float64]:
    """Size of a series on a scale of about one: 0 at 700 persons a month, 1 at 8,000, 2 at 100,000.

    Parameters
    ----------
    z : float64 [series, months]
        Log(1 + count).

    Returns
    -------
    float64 [series, months]
    """
    return (z - 6.5) / 2.5


def spread_features(
    z: NDArray[np.float64], ahead: int, rules: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What the size of an error is explained by, and the coefficients it is held towards.

    Parameters
    ----------
    z : float64 [series, months]
        Log(1 + count).
    ahead : int
    rules : float64 [series, months]
        Log change by rules.

    Returns
    -------
    features : float64 [series, months, features]
        The first is the constant.
    prior : float64 [features]
    """
    count = np.expm1(np.nan_to_num(z))
    record = np.maximum.accumulate(np.nan_to_num(z, nan=-1.0), axis=1)
    columns = [
        np.ones_like(z),
        recent_move(z, 1, 0.6),
        recent_move(z, 1, 0.85),
        recent_move(z, 1, 0.96),
        recent_move(z, ahead, 0.93),
        recent_move(z, ahead, 0.98),
        np.nan_to_num(z) / 10.0,
        0.5 * np.log(1.0 / (count + 2.0) + 0.0025),
        np.nan_to_num(record - z),
        np.nan_to_num(np.abs(z - month_mean(z, 3))),
        np.nan_to_num(z - month_mean(z, _LONG)),
        np.abs(rules),
    ]
    prior = np.zeros(len(columns))
    prior[2] = prior[4] = 0.5
    prior[-1] = _PER_RULE
    return np.stack(columns, axis=-1), prior


def fit_spread(
    features: NDArray[np.float64],
    errors: NDArray[np.float64],
    weights: NDArray[np.float64],
    prior: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Fit the regression of the size of errors.

    Parameters
    ----------
    features : float64 [n, features]
        The first is the constant.
    errors, weights : float64 [n]
        Absolute errors.
    prior : float64 [features]
        What coefficients are held towards; the constant is free.

    Returns
    -------
    float64 [features]
        ``exp(features @ result)`` is the mean absolute error.
    """
    start = prior.copy()
    start[0] = np.log(np.average(errors, weights=weights)) - np.average(
        features[:, 1:] @ prior[1:], weights=weights
    )
    beta = start.copy()
    held = np.full(len(prior), _HELD)
    held[0] = 1e-6
    weighted = features * weights[:, None]
    matrix = weighted.T @ features + np.diag(held)
    for _ in range(_ROUNDS):
        left = np.clip(errors / np.exp(np.clip(features @ beta, -6.0, 3.0)) - 1.0, -1.0, 4.0)
        beta = beta + np.clip(np.linalg.solve(matrix, weighted.T @ left - held * (beta - start)), -1.0, 1.0)
    return beta


def spread_of(features: NDArray[np.float64], beta: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean absolute error expected: float64, the shape of `features` without its last axis."""
    return np.asarray(np.exp(np.clip(features @ beta, *_LOG_SPREAD)))
