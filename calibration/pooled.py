"""A panel up to an origin and what rules change enter; forecasts learnt from all its series together leave.

Changes of log(1 + count) over h months are explained by what was known at the time: own momentum and distance from recent
means, the same season of earlier years, the border as a whole, the borders upstream for the same nationality, and the
change that the simulated route expects of the rules (`calibration.effects`), of which a share is followed that each border
learns, held towards :data:`FOLLOWED`. One ridge regression per horizon serves all series; what it leaves unexplained,
divided by its expected size (`calibration.spread`), pooled over series and weighted towards recent months, gives the
quantiles. Both forget within months: what moves crossings changes with the rules. Nothing after the origin is used.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from calibration.baselines import clean_log
from calibration.panel import TARGETS
from calibration.score import LEVELS
from calibration.spread import fit_spread, lagged, month_mean, spread_features, spread_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from calibration.effects import Effects
    from calibration.panel import Panel

__all__ = [
    "FEWEST_MONTHS",
    "FOLLOWED",
    "Pooled",
    "dense_series",
    "highest",
    "pooled_forecast",
    "weighted_quantiles",
]

FEWEST_MONTHS = 24
"""Published months a series must have to be forecast from its own past."""

FOLLOWED = 0.7
"""Share of a simulated change by rules that is followed before anything is learnt: set beforehand, sizes are uncertain."""

_YEAR = 12
_HALF_LIFE = 6.0
_SPREAD_HALF_LIFE = 24.0
_NO_DRIFT = 0.4
"""Share of the median drift of past months that is not carried on."""
_ABOVE_RECORD = 1.1
"""Log of how far above its record a series is let go."""
_FOLLOWED_WEIGHT = 450.0
_BORDER_WEIGHT = 110.0
"""How firmly the share followed, and a border's distance from it, are held: information of neighbouring cells is alike."""
_FIRST_SPREAD = 0.35
_LARGEST = 3.0
_UPSTREAM = {
    "mexico": ("darien",),
    "us_border_patrol": ("mexico", "darien"),
    "us_ports": ("us_border_patrol", "mexico"),
}

Key = tuple[str, str]
Features = Callable[[tuple[Key, ...], "NDArray[np.float64]", int], "NDArray[np.float64]"]


@dataclass(frozen=True)
class Pooled:
    """Forecasts of all dense series from one origin.

    Parameters
    ----------
    keys : tuple of (str, str)
        Series that are forecast.
    horizons : tuple of int
        Months ahead.
    quantiles : float64 [series, months, 23]
        Log scale.
    moved : float64 [series, months]
        Part of the centre that rules brought about.
    centre : float64 [series, months]
        Log scale.
    rules : float64 [series, months]
        What the simulated route expects rules to change.
    """

    keys: tuple[Key, ...]
    horizons: tuple[int, ...]
    quantiles: NDArray[np.float64]
    moved: NDArray[np.float64]
    centre: NDArray[np.float64]
    rules: NDArray[np.float64]


def dense_series(panel: Panel) -> tuple[tuple[Key, ...], NDArray[np.float64]]:
    """Series with enough months to be forecast from their own past.

    Parameters
    ----------
    panel : Panel

    Returns
    -------
    keys : tuple of (str, str)
    z : float64 [series, months]
        Log(1 + count), gaps filled; NaN before the first month.
    """
    dense = [i for i, row in enumerate(panel.counts) if (~np.isnan(row)).sum() >= FEWEST_MONTHS]
    z = np.full((len(dense), len(panel.months)), np.nan)
    for i, row in enumerate(dense):
        series = clean_log(panel.counts[row])
        z[i, len(panel.months) - len(series) :] = series
    return tuple(panel.keys[i] for i in dense), z


def _companions(
    keys: tuple[Key, ...], z: NDArray[np.float64]
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
    return lagged(z, _YEAR * years - ahead) - lagged(z, _YEAR * years)


def _features(keys: tuple[Key, ...], z: NDArray[np.float64], ahead: int) -> NDArray[np.float64]:
    whole, upstream = _companions(keys, z)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        seasons = np.nanmean(np.stack([_season(z, ahead, 1), _season(z, ahead, 2)]), axis=0)
    columns = [
        z - lagged(z, 1),
        lagged(z, 1) - lagged(z, 2),
        z - month_mean(z, 3),
        z - month_mean(z, 6),
        z - month_mean(z, _YEAR),
        _season(z, ahead, 1),
        seasons,
        whole - lagged(whole, 1),
        whole - month_mean(whole, 3),
        _season(whole, ahead, 1),
    ]
    for above in upstream:
        gap = above - z
        columns += [above - lagged(above, 1), gap - month_mean(gap, _YEAR), gap - month_mean(gap, 6)]
    return np.nan_to_num(np.clip(np.stack(columns, axis=-1), -_LARGEST, _LARGEST))


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


def _normal_shape() -> NDArray[np.float64]:
    from scipy.stats import norm  # noqa: PLC0415 - only where there is next to no past

    return np.asarray(norm.ppf(LEVELS))


@dataclass(frozen=True)
class _Past:
    """What one horizon learns from.

    Parameters
    ----------
    change : float64 [series, months]
        Log change over the horizon from each month.
    known : bool [series, months]
    age : int64 [months]
        Months since the outcome was known.
    """

    change: NDArray[np.float64]
    known: NDArray[np.bool_]
    age: NDArray[np.int64]

    @classmethod
    def of(cls, z: NDArray[np.float64], rules: NDArray[np.float64], ahead: int) -> _Past:
        length = z.shape[1]
        change = lagged(z, -ahead) - z
        known = np.isfinite(change) & np.isfinite(z) & np.isfinite(rules)
        if length > 2 * _YEAR + ahead:
            known[:, :_YEAR] = False  # the first year has no earlier season to compare with
        return cls(change, known, np.maximum(length - 1 - ahead - np.arange(length), 0))

    def weight(self, half_life: float) -> NDArray[np.float64]:
        return np.asarray(np.where(self.known, 0.5 ** (self.age / half_life), 0.0))


def _coefficients(
    x: NDArray[np.float64],
    follow: NDArray[np.float64],
    past: _Past,
    spread: NDArray[np.float64],
    ridge: float,
) -> NDArray[np.float64]:
    """Ridge regression of the changes; what is followed of the rules is held towards its usual share."""
    both = np.concatenate([x, follow], axis=-1)
    weight = past.weight(_HALF_LIFE) / spread**2
    square = np.einsum("stk,st,stl->kl", both, weight, both, optimize=True)
    right = np.einsum("stk,st->k", both, weight * np.nan_to_num(past.change))
    held = np.diag(square) * ridge * len(spread) / max(int(past.known.sum()), 1) + 1e-9
    first = x.shape[-1]
    held[first], held[first + 1 :] = _FOLLOWED_WEIGHT, _BORDER_WEIGHT
    right[first] += _FOLLOWED_WEIGHT * FOLLOWED
    return np.asarray(np.linalg.solve(square + np.diag(held), right))


def _learn(
    x: NDArray[np.float64],
    follow: NDArray[np.float64],
    size: tuple[NDArray[np.float64], NDArray[np.float64]],
    past: _Past,
    ridge: float,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Coefficients, expected size of the error at the origin, and the quantiles of what is left, in that unit."""
    features, prior = size
    both = np.concatenate([x, follow], axis=-1)
    spread = np.full(past.change.shape, _FIRST_SPREAD)
    beta = np.zeros(both.shape[-1])
    beta[x.shape[-1]] = FOLLOWED
    if past.known.sum() < 2 * len(LEVELS):
        return beta, spread[:, -1], _normal_shape()
    aged = past.weight(_SPREAD_HALF_LIFE)[past.known]
    left = past.change
    for _ in range(3):
        beta = _coefficients(x, follow, past, spread, ridge)
        left = past.change - both @ beta
        gamma = fit_spread(features[past.known], np.abs(left)[past.known], aged, prior)
        spread = spread_of(features, gamma)
    shape = weighted_quantiles((left / spread)[past.known], past.weight(_HALF_LIFE)[past.known])
    return beta, spread[:, -1], shape - _NO_DRIFT * shape[len(LEVELS) // 2]


def pooled_forecast(
    panel: Panel,
    horizons: Sequence[int],
    effects: Effects | None = None,
    *,
    ridge: float = 150.0,
    features: Features = _features,
) -> Pooled:
    """Forecast every series with at least two years of figures.

    Parameters
    ----------
    panel : Panel
        Cut at the origin.
    horizons : sequence of int
        Months ahead.
    effects : Effects, optional
        What rules change, by origin; none by default.
    ridge : float
        How strongly coefficients are held to zero.
    features : callable
        What changes are explained by: of the keys, the log counts [series, months] and the months ahead, as float64
        [series, months, features].

    Returns
    -------
    Pooled
        Empty where no series is long enough.
    """
    keys, z = dense_series(panel)
    quantiles = np.zeros((len(keys), len(horizons), len(LEVELS)))
    moved, centre, asked = (np.zeros((len(keys), len(horizons))) for _ in range(3))
    borders = np.array([[float(target == t) for t in TARGETS] for target, _ in keys])
    for i, h in enumerate(horizons if keys else ()):
        rules = np.zeros_like(z) if effects is None else effects.aligned(keys, panel.months, h, z)
        past = _Past.of(z, rules, h)
        rules = np.nan_to_num(rules)
        follow = np.concatenate([rules[..., None], rules[..., None] * borders[:, None, :]], axis=-1)
        x = features(keys, z, h)
        beta, spread, shape = _learn(x, follow, spread_features(z, h, rules), past, ridge)
        moved[:, i] = follow[:, -1] @ beta[x.shape[-1] :]
        centre[:, i] = z[:, -1] + x[:, -1] @ beta[: x.shape[-1]] + moved[:, i]
        asked[:, i] = rules[:, -1]
        quantiles[:, i] = np.minimum(centre[:, i, None] + spread[:, None] * shape, highest(z)[:, None])
    return Pooled(keys, tuple(horizons), quantiles, moved, centre, asked)


def highest(z: NDArray[np.float64]) -> NDArray[np.float64]:
    """How far up a series is let go: float64 [series], log scale, a little above its record.

    Parameters
    ----------
    z : float64 [series, months]

    Returns
    -------
    float64 [series]
    """
    return np.asarray(np.nanmax(z, axis=1) + _ABOVE_RECORD)
