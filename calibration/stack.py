"""Forecasts of several rules at past origins and what then happened enter; weights and widths leave.

Quantiles are averaged on the log scale. Weights and widths minimise the WIS of forecasts whose month had been published by
the origin, half on the natural and half on the log scale, each relative to the first rule. Series of more and of fewer
than :data:`LARGE` a month learn apart: the first decide the natural scale, the second the log scale, and what is best
for one is not for the other.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import minimize

from calibration.baselines import clean_log
from calibration.pooled import pooled_forecast
from calibration.score import LEVELS, wis

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from calibration.effects import Effects
    from calibration.panel import Panel

__all__ = [
    "LARGE",
    "RULES",
    "Combination",
    "Made",
    "Memory",
    "combine",
    "learn_combination",
    "rule_quantiles",
]

RULES: tuple[str, ...] = ("steady", "pooled", "last_value")
"""What is combined: the last month moved by the rules, and the pooled regression, both with pooled, scaled errors; and the
last month with the series' own past changes in counts."""

LARGE = 5000.0
"""Persons in the month of the origin from which a series counts as large."""

_MIDDLE = 11
_PAST_ORIGINS = 30
_EARLIEST = 30
_USUAL_WEIGHTS = ((0.45, 0.45, 0.1), (0.35, 0.3, 0.35))
"""Weights of the rules that learning is held to, for small and for large series."""
_USUAL_WIDTHS = (0.95, 0.85)
_HELD = 0.1
"""Pull towards the usual weights and widths (below, above the median), in relative WIS per squared unit."""
_FEWEST = 60
_LARGEST = 16.0
_ROUNDS = 60

Key = tuple[str, str]


@dataclass(frozen=True)
class Combination:
    """How the rules are put together at one horizon, for series of one size.

    Parameters
    ----------
    weights : float64 [rules]
        Not negative, together one.
    lower, upper : float
        Factors on the distance from the median of the quantiles below and above it.
    cells : int
        Past forecasts it was learnt from.
    """

    weights: NDArray[np.float64]
    lower: float
    upper: float
    cells: int


@dataclass(frozen=True)
class Made:
    """Quantiles of every rule from one origin.

    Parameters
    ----------
    keys : tuple of (str, str)
    large : bool [series]
    quantiles : float64 [rules, series, horizons, 23]
        Log scale.
    """

    keys: tuple[Key, ...]
    large: NDArray[np.bool_]
    quantiles: NDArray[np.float64]


@dataclass
class Memory:
    """Forecasts of past origins, kept where many origins are forecast from one panel.

    Parameters
    ----------
    made : dict of (str, tuple of int) to Made
    """

    made: dict[tuple[str, tuple[int, ...]], Made] = field(default_factory=dict)


def combine(quantiles: NDArray[np.float64], rule: Combination) -> NDArray[np.float64]:
    """Average the rules and set the width.

    Parameters
    ----------
    quantiles : float64 [rules, ..., 23]
        Log scale.
    rule : Combination

    Returns
    -------
    float64 [..., 23]
    """
    mean = np.tensordot(rule.weights, quantiles, axes=1)
    middle = mean[..., _MIDDLE : _MIDDLE + 1]
    width = np.where(np.arange(mean.shape[-1]) < _MIDDLE, rule.lower, rule.upper)
    return np.asarray(np.maximum(middle + width * (mean - middle), 0.0))


def _last_value(panel: Panel, keys: Sequence[Key], horizons: Sequence[int]) -> NDArray[np.float64]:
    """The naive rule of the forecast hubs at chosen horizons: float64 [series, horizons, 23], log scale."""
    out = np.zeros((len(keys), len(horizons), len(LEVELS)))
    for i, key in enumerate(keys):
        x = np.expm1(clean_log(panel.row(*key)))
        for j, h in enumerate(horizons):
            change = x[h:] - x[:-h] if len(x) > h else np.zeros(1)
            both = np.quantile(np.concatenate([change, -change]), LEVELS)
            out[i, j] = np.log1p(np.maximum(x[-1] + both, 0.0))
    return out


def rule_quantiles(panel: Panel, horizons: Sequence[int], effects: Effects | None = None) -> Made:
    """Quantiles of every rule for the dense series.

    Parameters
    ----------
    panel : Panel
        Cut at the origin.
    horizons : sequence of int
    effects : Effects, optional
        What rules change, by origin.

    Returns
    -------
    Made
    """
    steady = pooled_forecast(panel, horizons, effects, ridge=None)
    pooled = pooled_forecast(panel, horizons, effects)
    naive = _last_value(panel, steady.keys, horizons) + steady.moved[:, :, None]
    level = np.array([np.expm1(clean_log(panel.row(*key)))[-1] for key in steady.keys])
    together = np.stack([steady.quantiles, pooled.quantiles, np.maximum(naive, 0.0)])
    return Made(steady.keys, level >= LARGE, together)


def _remembered(
    panel: Panel, origin: str, horizons: tuple[int, ...], effects: Effects | None, memory: Memory
) -> Made:
    key = (origin, horizons)
    if key not in memory.made:
        memory.made[key] = rule_quantiles(panel.until(origin), horizons, effects)
    return memory.made[key]


def _history(
    panel: Panel, horizons: Sequence[int], effects: Effects | None, memory: Memory
) -> list[tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]]:
    """Past forecasts, outcomes and sizes by horizon, each made with the months known at its own origin."""
    length = len(panel.months)
    parts: list[list[tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]]] = [
        [] for _ in horizons
    ]
    for end in range(max(_EARLIEST, length - _PAST_ORIGINS), length):
        usable = [i for i, h in enumerate(horizons) if end - 1 + h < length]
        if not usable:
            continue
        made = _remembered(panel, panel.months[end - 1], tuple(horizons), effects, memory)
        rows = [panel.keys.index(key) for key in made.keys]
        for i in usable:
            seen = panel.counts[rows, end - 1 + horizons[i]]
            known = np.isfinite(seen)
            parts[i].append((made.quantiles[:, known, i], np.log1p(seen[known]), made.large[known]))
    nothing = np.zeros((len(RULES), 0, len(LEVELS))), np.zeros(0), np.zeros(0, bool)
    return [
        (
            np.concatenate([q for q, _, _ in own], axis=1),
            np.concatenate([y for _, y, _ in own]),
            np.concatenate([b for _, _, b in own]),
        )
        if own
        else nothing
        for own in parts
    ]


class _Loss:
    """Relative WIS of combined past forecasts, and its slope by log weights and log widths."""

    def __init__(
        self, quantiles: NDArray[np.float64], outcome: NDArray[np.float64], usual: NDArray[np.float64]
    ) -> None:
        self.quantiles = np.minimum(np.maximum.accumulate(quantiles, axis=2), _LARGEST)
        self.outcome, self.usual = outcome, usual
        self.middle = self.quantiles[:, :, _MIDDLE]
        self.apart = self.quantiles - self.middle[:, :, None]
        self.below = np.arange(len(LEVELS)) < _MIDDLE
        self.log_unit = max(float(wis(self.quantiles[0], outcome).mean()), 1e-9)
        natural = wis(np.expm1(self.quantiles[0]), np.expm1(outcome))
        self.natural_unit = max(float(natural.mean()), 1e-9)

    def _wis(self, q: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        y, size = self.outcome[:, None], np.exp(np.minimum(q, _LARGEST))
        slope = (y < q) - LEVELS
        log_loss = (slope * (q - y)).mean() * 2.0 / self.log_unit
        natural = (slope * (size - np.exp(y))).mean() * 2.0 / self.natural_unit
        by_q = slope * (0.5 / self.log_unit + 0.5 * size / self.natural_unit) * 2.0 / q.size
        return float(0.5 * log_loss + 0.5 * natural), by_q

    def __call__(self, x: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        n = len(self.usual)
        weights = _softmax(x[:n])
        factor = np.where(self.below, *np.exp(x[n:]))
        spread = np.tensordot(weights, self.apart, axes=1)
        value, by_q = self._wis((weights @ self.middle)[:, None] + factor * spread)
        by_weight = np.array(
            [(by_q * (m[:, None] + factor * a)).sum() for m, a in zip(self.middle, self.apart, strict=True)]
        )
        away = x[n:] - np.log(_USUAL_WIDTHS)
        by_weight += 2.0 * _HELD * (weights - self.usual)
        by_width = np.array([(by_q * spread * factor * side).sum() for side in (self.below, ~self.below)])
        slope = np.concatenate([weights * (by_weight - weights @ by_weight), by_width + 2.0 * _HELD * away])
        return value + _HELD * float(((weights - self.usual) ** 2).sum() + (away**2).sum()), slope


def _softmax(x: NDArray[np.float64]) -> NDArray[np.float64]:
    raised = np.exp(x - x.max())
    return np.asarray(raised / raised.sum())


def _best(quantiles: NDArray[np.float64], outcome: NDArray[np.float64], large: bool) -> Combination:
    usual = np.array(_USUAL_WEIGHTS[int(large)])
    if len(outcome) < _FEWEST:
        return Combination(usual, *_USUAL_WIDTHS, len(outcome))
    begin = np.log(np.concatenate([usual, _USUAL_WIDTHS]))
    loss = _Loss(quantiles, outcome, usual)
    found = minimize(loss, begin, jac=True, method="L-BFGS-B", options={"maxiter": _ROUNDS}).x
    lower, upper = np.exp(found[len(usual) :])
    return Combination(_softmax(found[: len(usual)]), float(lower), float(upper), len(outcome))


def learn_combination(
    panel: Panel, horizons: Sequence[int], effects: Effects | None = None, memory: Memory | None = None
) -> list[tuple[Combination, Combination]]:
    """Learn how to combine the rules, from forecasts whose outcome was known at the end of the panel.

    Parameters
    ----------
    panel : Panel
        Cut at the origin.
    horizons : sequence of int
    effects : Effects, optional
        What rules change, by origin.
    memory : Memory, optional
        Kept between origins of one panel and one set of effects.

    Returns
    -------
    list of (Combination, Combination)
        For small and for large series, one pair per horizon.
    """
    past = _history(panel, horizons, effects, Memory() if memory is None else memory)
    return [
        (_best(q[:, ~large], y[~large], large=False), _best(q[:, large], y[large], large=True))
        for q, y, large in past
    ]
