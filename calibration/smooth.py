"""Series up to an origin enter; forecasts of two rules that tell a lasting change from noise leave.

*smooth*: the pooled regression on how far the last month stands from levels of the series smoothed quickly and slowly, with
slopes of their own for large and small series (large ones, on which most of the error in persons lies, do not move as small
ones do), for small counts (which scatter by chance), for restless and for quiet series. *recent*: the same centre with the
width of the series' own latest changes, which a pooled width follows too slowly where a quota holds a series still.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import norm

from calibration.pooled import dense_series, highest, pooled_forecast
from calibration.score import LEVELS
from calibration.spread import lagged, recent_move, size_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from calibration.effects import Effects
    from calibration.panel import Panel
    from calibration.pooled import Pooled

__all__ = ["recent_quantiles", "smooth_forecast"]

_NEWEST = (0.7, 0.5, 0.3, 0.1, 0.05)
"""Weight of the newest month in the smoothed levels."""
_NOISY = 30.0
"""Persons a month at which half of a change is taken for chance."""
_USUAL_MOVE = 0.3
_LARGEST = 3.0
_RIDGE = 150.0
_PER_MOVE = 1.125
"""Standard deviation for one mean absolute change; 1.25 for normal errors, less since part of a change is noise."""

Key = tuple[str, str]


def _level(z: NDArray[np.float64], newest: float) -> NDArray[np.float64]:
    """Exponentially smoothed level: float64 [series, months]."""
    out = np.full_like(z, np.nan)
    level = np.full(len(z), np.nan)
    for t in range(z.shape[1]):
        seen = np.where(np.isfinite(z[:, t]), z[:, t], level)
        level = np.where(np.isfinite(level), level + newest * (seen - level), seen)
        out[:, t] = level
    return out


def _features(keys: tuple[Key, ...], z: NDArray[np.float64], ahead: int) -> NDArray[np.float64]:  # noqa: ARG001
    away = [z - lagged(z, 1), *(z - _level(z, newest) for newest in _NEWEST)]
    noise = 1.0 / (1.0 + np.expm1(np.nan_to_num(z)) / _NOISY)
    restless = np.clip(recent_move(z, 1, 0.85) - np.log(_USUAL_MOVE), -1.5, 1.5)
    columns = [*away]
    columns += [gap * size_of(z) for gap in away[:-1]]
    columns += [gap * noise for gap in away[:3]]
    columns += [gap * restless for gap in away[:-1]]
    return np.asarray(np.nan_to_num(np.clip(np.stack(columns, axis=-1), -_LARGEST, _LARGEST)))


def smooth_forecast(panel: Panel, horizons: Sequence[int], effects: Effects | None = None) -> Pooled:
    """Forecast every dense series from smoothed levels.

    Parameters
    ----------
    panel : Panel
        Cut at the origin.
    horizons : sequence of int
    effects : Effects, optional

    Returns
    -------
    Pooled
    """
    return pooled_forecast(panel, horizons, effects, ridge=_RIDGE, features=_features)


def recent_quantiles(panel: Panel, smooth: Pooled) -> NDArray[np.float64]:
    """Normal quantiles around the centre of `smooth_forecast`, as wide as the latest changes of each series.

    Parameters
    ----------
    panel : Panel
        Cut at the origin.
    smooth : Pooled

    Returns
    -------
    float64 [series, horizons, 23]
        Log scale.
    """
    _, z = dense_series(panel)
    month = recent_move(z, 1, 0.85)[:, -1]
    out = np.zeros_like(smooth.quantiles)
    for i, h in enumerate(smooth.horizons):
        over = 0.5 * (month + 0.5 * np.log(h) + recent_move(z, h, 0.85)[:, -1])
        free = smooth.centre[:, i, None] + _PER_MOVE * np.exp(over)[:, None] * norm.ppf(LEVELS)
        out[:, i] = np.minimum(free, highest(z)[:, None])
    return out
