"""Forecasts of several rules at past origins and what then happened enter; weights and a width leave.

Quantiles are averaged on the log scale. Weights and widths minimise the WIS of forecasts whose month had been published by
the origin, half on the natural and half on the log scale, each relative to the first rule.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from calibration.pooled import pooled_forecast
from calibration.score import wis

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from calibration.panel import Panel

__all__ = ["RULES", "Combination", "combine", "learn_combination", "rule_quantiles"]

RULES: tuple[str, ...] = ("steady", "pooled")
"""What is combined: the last month as centre, and the pooled regression; both with pooled, scaled errors."""

_MIDDLE = 11
_PAST_ORIGINS = 30
_EARLIEST = 30
_SHARES = (0.25, 0.5, 0.75)
_WIDTHS = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.15)
_HELD = 0.3
_USUAL = (0.95, 0.72)
"""Pull towards equal weights and the usual widths (below, above the median), in relative WIS per squared unit."""


@dataclass(frozen=True)
class Combination:
    """How the rules are put together at one horizon.

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


def rule_quantiles(
    panel: Panel, horizons: Sequence[int]
) -> tuple[tuple[tuple[str, str], ...], NDArray[np.float64]]:
    """Quantiles of every rule for the dense series.

    Parameters
    ----------
    panel : Panel
        Cut at the origin.
    horizons : sequence of int

    Returns
    -------
    keys : tuple of (str, str)
    quantiles : float64 [rules, series, horizons, 23]
        Log scale.
    """
    steady = pooled_forecast(panel, horizons, ridge=None)
    pooled = pooled_forecast(panel, horizons)
    return steady.keys, np.stack([steady.quantiles(), pooled.quantiles()])


def _history(panel: Panel, horizons: Sequence[int]) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Past forecasts and outcomes by horizon, each made with the months known at its own origin."""
    length = len(panel.months)
    quantiles: list[list[NDArray[np.float64]]] = [[] for _ in horizons]
    outcomes: list[list[NDArray[np.float64]]] = [[] for _ in horizons]
    for end in range(max(_EARLIEST, length - _PAST_ORIGINS), length):
        usable = [i for i, h in enumerate(horizons) if end - 1 + h < length]
        if not usable:
            continue
        keys, made = rule_quantiles(panel.until(panel.months[end - 1]), [horizons[i] for i in usable])
        rows = [panel.keys.index(key) for key in keys]
        for column, i in enumerate(usable):
            seen = panel.counts[rows, end - 1 + horizons[i]]
            known = np.isfinite(seen)
            quantiles[i].append(made[:, known, column])
            outcomes[i].append(np.log1p(seen[known]))
    empty = np.zeros((len(RULES), 0, 23)), np.zeros(0)
    return [
        (np.concatenate(q, axis=1), np.concatenate(y)) if q else empty
        for q, y in zip(quantiles, outcomes, strict=True)
    ]


def _loss(quantiles: NDArray[np.float64], outcome: NDArray[np.float64]) -> tuple[float, float]:
    natural = wis(np.expm1(np.minimum(quantiles, 16.0)), np.expm1(outcome)).mean()
    return float(wis(quantiles, outcome).mean()), float(natural)


def _best(quantiles: NDArray[np.float64], outcome: NDArray[np.float64]) -> Combination:
    n = len(quantiles)
    if len(outcome) < 10 * n:
        return Combination(np.full(n, 1.0 / n), *_USUAL, len(outcome))
    reference = _loss(np.maximum(quantiles[0], 0.0), outcome)
    best, least = Combination(np.full(n, 1.0 / n), *_USUAL, len(outcome)), np.inf
    for share, lower, upper in product(_SHARES, _WIDTHS, _WIDTHS):
        rule = Combination(np.array([1.0 - share, share]), lower, upper, len(outcome))
        log_loss, natural = _loss(combine(quantiles, rule), outcome)
        apart = np.log(lower / _USUAL[0]) ** 2 + np.log(upper / _USUAL[1]) ** 2
        pull = _HELD * ((share - 0.5) ** 2 + apart)
        total = 0.5 * log_loss / reference[0] + 0.5 * natural / reference[1] + pull
        if total < least:
            best, least = rule, total
    return best


def learn_combination(panel: Panel, horizons: Sequence[int]) -> list[Combination]:
    """Learn how to combine the rules, from forecasts whose outcome was known at the end of the panel.

    Parameters
    ----------
    panel : Panel
        Cut at the origin.
    horizons : sequence of int

    Returns
    -------
    list of Combination
        One per horizon.
    """
    return [_best(quantiles, outcome) for quantiles, outcome in _history(panel, horizons)]
