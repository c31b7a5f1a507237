"""A panel up to an origin enters; forecasts learnt from all its series together leave.

Changes of log(1 + count) over h months, divided by how much the series has moved of late, are explained by what was known
at the time: own momentum and distance from recent means, the same season of earlier years, the border as a whole, and
the borders upstream for the same nationality. One ridge regression per horizon serves all series; what it leaves
unexplained, pooled over series and weighted towards recent months, gives the quantiles. Nothing after the origin is used.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from calibration.baselines import clean_log
from calibration.score import LEVELS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from calibration.panel import Panel

__all__ = ["FEWEST_MONTHS", "Pooled", "pooled_forecast", "weighted_quantiles"]

FEWEST_MONTHS = 24
"""Published months a series must have to be forecast from its own past."""

_YEAR = 12
_HALF_LIFE = 15.0
_SIZE_POWER = 0.15
_WIDEST = 0.8
_NO_DRIFT = 0.4
"""Share of the median drift of past months that is not carried on."""
_ABOVE_RECORD = 1.1
"""Log of how far above its record a series is let go."""
_MEMORY = 0.92
_PRIOR_WEIGHT = 4.0
_PRIOR_VARIANCE = 0.0625
_LARGEST = 3.0
_UPSTREAM = {
    "mexico": ("darien",),
    "us_border_patrol": ("mexico", "darien"),
    "us_ports": ("us_border_patrol", "mexico"),
}


@dataclass(frozen=True)
class Pooled:
    """Forecasts of all dense series from one origin.

    Parameters
    ----------
    keys : tuple of (str, str)
        Series that are forecast.
    centre : float64 [series, months]
        Expected change of log(1 + count) from the origin.
    start : float64 [series]
        Log(1 + count) at the origin.
    spread : float64 [series]
        How much the series moves in a month.
    shape : float64 [months, 23]
        Quantiles of the unexplained part, in units of `spread`.
    horizons : tuple of int
        Months ahead of the columns.
    record : float64 [series]
        Largest log(1 + count) so far.
    """

    keys: tuple[tuple[str, str], ...]
    centre: NDArray[np.float64]
    start: NDArray[np.float64]
    spread: NDArray[np.float64]
    shape: NDArray[np.float64]
    horizons: tuple[int, ...]
    record: NDArray[np.float64]

    def quantiles(self) -> NDArray[np.float64]:
        """Quantiles on the log scale.

        Returns
        -------
        float64 [series, months, 23]
        """
        middle = self.start[:, None] + self.centre
        free = middle[:, :, None] + self.spread[:, None, None] * self.shape[None]
        return np.asarray(np.minimum(free, self.record[:, None, None] + _ABOVE_RECORD))


def _lag(table: NDArray[np.float64], by: int) -> NDArray[np.float64]:
    out = np.full_like(table, np.nan)
    if by == 0:
        return table.copy()
    if by > 0:
        out[:, by:] = table[:, :-by] if by < table.shape[1] else out[:, by:]
    elif -by < table.shape[1]:
        out[:, :by] = table[:, -by:]
    return out


def _mean(table: NDArray[np.float64], months: int) -> NDArray[np.float64]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return np.asarray(np.nanmean(np.stack([_lag(table, k) for k in range(months)]), axis=0))


def _companions(
    keys: tuple[tuple[str, str], ...], z: NDArray[np.float64]
) -> tuple[NDArray[np.float64], list[NDArray[np.float64]]]:
    """The whole border of each series, and the same nationality at the two borders upstream."""
    row = {key: i for i, key in enumerate(keys)}
    nothing = np.full(z.shape[1], np.nan)
    whole = np.stack([z[row.get((target, "ALL"), i)] for i, (target, _) in enumerate(keys)])
    upstream = []
    for step in range(2):
        rows = []
        for target, nationality in keys:
            above = _UPSTREAM.get(target, ())
            key = (above[step], nationality) if step < len(above) else ("", "")
            rows.append(z[row[key]] if key in row else nothing)
        upstream.append(np.stack(rows))
    return whole, upstream


def _season(z: NDArray[np.float64], ahead: int, years_back: int) -> NDArray[np.float64]:
    """Change over the same months of an earlier year."""
    years = (ahead + _YEAR - 1) // _YEAR + years_back - 1
    return _lag(z, _YEAR * years - ahead) - _lag(z, _YEAR * years)


def _features(keys: tuple[tuple[str, str], ...], z: NDArray[np.float64], ahead: int) -> NDArray[np.float64]:
    whole, upstream = _companions(keys, z)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        seasons = np.nanmean(np.stack([_season(z, ahead, 1), _season(z, ahead, 2)]), axis=0)
    columns = [
        z - _lag(z, 1),
        _lag(z, 1) - _lag(z, 2),
        z - _mean(z, 3),
        z - _mean(z, 6),
        z - _mean(z, _YEAR),
        _season(z, ahead, 1),
        seasons,
        whole - _lag(whole, 1),
        whole - _mean(whole, 3),
        _season(whole, ahead, 1),
    ]
    for above in upstream:
        gap = above - z
        columns += [above - _lag(above, 1), gap - _mean(gap, _YEAR), gap - _mean(gap, 6)]
    return np.nan_to_num(np.clip(np.stack(columns, axis=-1), -_LARGEST, _LARGEST))


def _spread(z: NDArray[np.float64]) -> NDArray[np.float64]:
    """How much each series moves in a month, as seen from each month.

    Root of the mean squared change on the log scale, recent months weighing more, held towards what a count of that size
    does. Large counts move less in relative terms than small ones: changes of earlier months are carried to the size of the
    series today with a power of the count.
    """
    change = z - _lag(z, 1)
    count = np.expm1(np.nan_to_num(z))
    size = (count + 10.0) ** _SIZE_POWER
    prior = (_PRIOR_VARIANCE + 1.5 / (count + 2.0)) * size**2
    total, weight = np.zeros(len(z)), np.zeros(len(z))
    out = np.zeros_like(z)
    for t in range(z.shape[1]):
        known = np.isfinite(change[:, t])
        before = size[:, max(t - 1, 0)]
        total = _MEMORY * total + np.where(known, (np.nan_to_num(change[:, t]) * before) ** 2, 0.0)
        weight = _MEMORY * weight + known
        out[:, t] = np.sqrt((total + _PRIOR_WEIGHT * prior[:, t]) / (weight + _PRIOR_WEIGHT)) / size[:, t]
    return np.minimum(out, _WIDEST)


def weighted_quantiles(
    values: NDArray[np.float64], weights: NDArray[np.float64], levels: NDArray[np.float64] = LEVELS
) -> NDArray[np.float64]:
    """Quantiles of a weighted sample.

    Parameters
    ----------
    values, weights : float64 [n]
    levels : float64 [levels]

    Returns
    -------
    float64 [levels]
        Interpolated between the middles of the weights.
    """
    order = np.argsort(values)
    weight = weights[order]
    middle = (np.cumsum(weight) - 0.5 * weight) / weight.sum()
    return np.asarray(np.interp(levels, middle, values[order]))


def _learn(
    x: NDArray[np.float64], z: NDArray[np.float64], spread: NDArray[np.float64], ahead: int, ridge: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Coefficients and the quantiles of what they leave, from the months whose outcome is known."""
    length = z.shape[1]
    change = _lag(z, -ahead) - z
    known = np.isfinite(change) & np.isfinite(z)
    if length > 2 * _YEAR + ahead:
        known[:, :_YEAR] = False  # the first year has no earlier season to compare with
    age = length - 1 - ahead - np.arange(length)
    recent = np.where(known, 0.5 ** (np.maximum(age, 0) / _HALF_LIFE), 0.0)
    weight = recent / spread**2
    square = np.einsum("stk,st,stl->kl", x, weight, x, optimize=True)
    diagonal = np.diag(square) * ridge * len(z) / max(int(known.sum()), 1)
    right = np.einsum("stk,st->k", x, weight * np.nan_to_num(change))
    beta = np.linalg.solve(square + np.diag(diagonal + 1e-9), right)
    left = ((change - x @ beta) / spread)[known]
    if len(left) < 2 * len(LEVELS):
        return 0.0 * beta, np.sqrt(ahead) * np.asarray(_normal_shape())
    return beta, weighted_quantiles(left, recent[known])


def _normal_shape() -> NDArray[np.float64]:
    from scipy.stats import norm  # noqa: PLC0415 - only where there is next to no past

    return np.asarray(norm.ppf(LEVELS))


def pooled_forecast(panel: Panel, horizons: Sequence[int], *, ridge: float | None = 30.0) -> Pooled:
    """Forecast every series with at least two years of figures.

    Parameters
    ----------
    panel : Panel
        Cut at the origin.
    horizons : sequence of int
        Months ahead.
    ridge : float, optional
        How strongly coefficients are held to zero; None explains nothing, so that the last month is the centre.

    Returns
    -------
    Pooled
        Empty where no series is long enough.
    """
    dense = [i for i, row in enumerate(panel.counts) if (~np.isnan(row)).sum() >= FEWEST_MONTHS]
    keys = tuple(panel.keys[i] for i in dense)
    n = len(horizons)
    if not keys:
        nothing = np.zeros(0)
        return Pooled(
            (), np.zeros((0, n)), nothing, nothing, np.zeros((n, len(LEVELS))), tuple(horizons), nothing
        )
    z = np.full((len(keys), len(panel.months)), np.nan)
    for i, row in enumerate(dense):
        series = clean_log(panel.counts[row])
        z[i, len(panel.months) - len(series) :] = series
    spread = _spread(z)
    centre = np.zeros((len(keys), n))
    shape = np.zeros((n, len(LEVELS)))
    for i, h in enumerate(horizons):
        x = np.zeros((*z.shape, 1)) if ridge is None else _features(keys, z, h)
        beta, shape[i] = _learn(x, z, spread, h, ridge or 1.0)
        centre[:, i] = x[:, -1] @ beta
        shape[i] -= _NO_DRIFT * shape[i, len(LEVELS) // 2]
    return Pooled(keys, centre, z[:, -1], spread[:, -1], shape, tuple(horizons), np.nanmax(z, axis=1))
