"""Forecasts of several rules at past origins and what then happened enter; how to weigh and widen them leaves.

Quantiles are averaged on the log scale. How much each rule weighs, and how wide the mean is, depends on what is known of a
series at the origin (:data:`FACTS`): its size, how restless it is, both together, how far ahead, how much rules are about
to change. The coefficients minimise the WIS of forecasts whose month had been published by the origin, half on the natural
and half on the log scale, each relative to the first rule, held towards usual weights; nothing after the origin is used.

Where WIS is lowest, intervals hold a little less than they promise, mostly where rules change: three quarters of what the
outer quantiles lacked at past origins are added afterwards, apart for series that rules move and that they leave alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import minimize
from scipy.stats import norm

from calibration.pooled import dense_series, highest, pooled_forecast
from calibration.score import LEVELS, wis
from calibration.smooth import recent_quantiles, smooth_forecast
from calibration.spread import recent_move, size_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from calibration.effects import Effects
    from calibration.panel import Panel

__all__ = ["FACTS", "RULES", "Combination", "Made", "Memory", "learn_combination", "rule_quantiles"]

RULES: tuple[str, ...] = ("smooth", "pooled", "recent")
"""What is combined: the two rules of `calibration.smooth` and the pooled regression. All are moved by the rules."""

LEARNT_AT: tuple[int, ...] = (1, 3, 6)
"""Months ahead at which the combination is learnt, for all horizons together."""

FACTS: tuple[str, ...] = (
    "constant",
    "size",
    "restless",
    "ahead",
    "rules",
    "whole border",
    "size squared",
    "restless squared",
    "size by restless",
)
"""What the weights and widths of a series depend on."""

_USUAL_WEIGHTS = np.full(len(RULES), 1.0 / len(RULES))
_HELD_CONSTANT, _HELD = 0.005, 0.01
"""Pull of the coefficients towards the usual weights and width, in relative WIS per squared unit."""
_MIDDLE = 11
_LOW, _HIGH = 2, 20
_PAST_ORIGINS = 36
_EARLIEST = 30
_HALF_LIFE = 30.0
"""Months after which a past forecast counts half."""
_FEWEST = 60
_FEWEST_TAIL = 50
_TAIL_HELD = 300.0
"""Past forecasts as which the outer quantiles of all series count beside those that rules move, or leave alone."""
_TAIL_SHARE = 0.75
_TAIL_BOUNDS = (0.8, 1.6)
_MOVED = 0.1
_LARGEST = 16.0
_WIDEST = 1.5
_NEWCOMERS = 1000.0
"""Persons a month above three times its record that the widened mean may reach: what a new way brings to a border that had
hardly seen a nationality. Without a lid, a series at rest on nought was once given a 95 % quantile of 1.4 million people."""
_ROUNDS = 60
_FURTHEST = 12

_BELOW = np.arange(len(LEVELS)) < _MIDDLE
_DISTANCE = np.abs(norm.ppf(LEVELS))
_OUTER = np.clip((_DISTANCE - _DISTANCE[6]) / (_DISTANCE[_LOW] - _DISTANCE[6]), 0.0, 1.0)
"""Nothing inside the quartiles, all of it from the 5 and 95 % quantiles outwards."""

Key = tuple[str, str]


@dataclass(frozen=True)
class Combination:
    """How the rules are put together.

    Parameters
    ----------
    weights : float64 [rules, facts]
        Coefficients of the logs of the weights, before they are made to add up to one.
    widths : float64 [2, facts]
        Coefficients of the log factors on the distance from the median of the quantiles below and above it.
    tails : float64 [2, 2]
        Factors on the outer quantiles, below and above, for series that rules leave alone and that they move.
    cells : int
        Past forecasts it was learnt from.
    """

    weights: NDArray[np.float64]
    widths: NDArray[np.float64]
    tails: NDArray[np.float64]
    cells: int

    def shares(self, facts: NDArray[np.float64]) -> NDArray[np.float64]:
        """Weights of the rules, together one: float64 [n, rules].

        Parameters
        ----------
        facts : float64 [n, facts]

        Returns
        -------
        float64
        """
        return _softmax(facts @ self.weights.T)

    def before_tails(self, quantiles: NDArray[np.float64], facts: NDArray[np.float64]) -> NDArray[np.float64]:
        """Weighted mean with its width, outer quantiles as they come out: float64 [n, 23]."""
        middle = quantiles[..., _MIDDLE]
        shares = self.shares(facts)
        centre = np.einsum("nr,rn->n", shares, middle)
        apart = np.einsum("nr,rnl->nl", shares, quantiles - middle[..., None])
        return np.asarray(centre[:, None] + _factor(facts, self.widths) * apart)

    def apply(
        self,
        quantiles: NDArray[np.float64],
        facts: NDArray[np.float64],
        lid: NDArray[np.float64] | None = None,
    ) -> NDArray[np.float64]:
        """Combine the rules.

        Parameters
        ----------
        quantiles : float64 [rules, n, 23]
            Log scale.
        facts : float64 [n, facts]
        lid : float64 [n], optional
            How far up a series is let go, log scale.

        Returns
        -------
        float64 [n, 23]
        """
        made = self.before_tails(quantiles, facts)
        middle = made[:, _MIDDLE, None]
        side = self.tails[:, _moved(facts).astype(np.int64)]
        stretch = 1.0 + (np.where(_BELOW, side[0][:, None], side[1][:, None]) - 1.0) * _OUTER
        wide = np.maximum(middle + stretch * (made - middle), 0.0)
        return np.asarray(wide if lid is None else np.minimum(wide, lid[:, None]))


@dataclass(frozen=True)
class Made:
    """Quantiles of every rule from one origin.

    Parameters
    ----------
    keys : tuple of (str, str)
    facts : float64 [series, horizons, facts]
    quantiles : float64 [rules, series, horizons, 23]
        Log scale.
    lid : float64 [series]
        How far up each series is let go, log scale.
    """

    keys: tuple[Key, ...]
    facts: NDArray[np.float64]
    quantiles: NDArray[np.float64]
    lid: NDArray[np.float64]


@dataclass
class Memory:
    """Forecasts of past origins, kept where many origins are forecast from one panel.

    Parameters
    ----------
    made : dict of (str, tuple of int) to Made
    """

    made: dict[tuple[str, tuple[int, ...]], Made] = field(default_factory=dict)


@dataclass(frozen=True)
class _Past:
    """Forecasts whose outcome is known.

    Parameters
    ----------
    quantiles : float64 [rules, n, 23]
    outcome : float64 [n]
        Log scale.
    facts : float64 [n, facts]
    weight : float64 [n]
        Newer ones count more; together one.
    """

    quantiles: NDArray[np.float64]
    outcome: NDArray[np.float64]
    facts: NDArray[np.float64]
    weight: NDArray[np.float64]


def _softmax(x: NDArray[np.float64]) -> NDArray[np.float64]:
    raised = np.exp(x - x.max(axis=-1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=-1, keepdims=True))


def _factor(facts: NDArray[np.float64], widths: NDArray[np.float64]) -> NDArray[np.float64]:
    """Factor on the distance of each quantile from the median: float64 [n, 23]."""
    below, above = np.exp(np.clip(facts @ widths.T, -_WIDEST, _WIDEST)).T
    return np.asarray(np.where(_BELOW, below[:, None], above[:, None]))


def _moved(facts: NDArray[np.float64]) -> NDArray[np.bool_]:
    return np.asarray(facts[:, FACTS.index("rules")] > _MOVED)


def _facts(
    keys: Sequence[Key], z: NDArray[np.float64], horizons: Sequence[int], rules: NDArray[np.float64]
) -> NDArray[np.float64]:
    """What is known of each series at the origin, on scales of about one: float64 [series, horizons, facts]."""
    out = np.zeros((len(keys), len(horizons), len(FACTS)))
    out[..., 0] = 1.0
    out[..., 1] = size_of(z[:, -1:])
    out[..., 2] = ((recent_move(z, 1, 0.85)[:, -1] + 1.3) / 0.6)[:, None]
    out[..., 3] = np.log2(np.minimum(horizons, _FURTHEST)) / 1.5 - 1.0
    out[..., 4] = np.minimum(np.abs(rules), 1.0)
    for i, (_, nationality) in enumerate(keys):
        out[i, :, 5] = float(nationality == "ALL")
    size, restless = out[..., 1], out[..., 2]
    out[..., 6], out[..., 7], out[..., 8] = size**2 - 0.5, restless**2 - 0.5, size * restless
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
    keys, z = dense_series(panel)
    pooled = pooled_forecast(panel, horizons, effects)
    smooth = smooth_forecast(panel, horizons, effects)
    together = np.stack([smooth.quantiles, pooled.quantiles, recent_quantiles(panel, smooth)])
    sound = np.clip(np.maximum.accumulate(together, axis=-1), 0.0, _LARGEST)
    return Made(
        keys, _facts(keys, z, horizons, pooled.rules), sound, np.logaddexp(highest(z), np.log(_NEWCOMERS))
    )


def _history(panel: Panel, effects: Effects | None, memory: Memory) -> _Past:
    """Past forecasts, each made with the months known at its own origin, whose month was known at this one."""
    length = len(panel.months)
    parts = []
    for end in range(max(_EARLIEST, length - _PAST_ORIGINS), length):
        usable = [i for i, h in enumerate(LEARNT_AT) if end - 1 + h < length]
        if not usable:
            continue
        key = (panel.months[end - 1], LEARNT_AT)
        if key not in memory.made:
            memory.made[key] = rule_quantiles(panel.until(key[0]), LEARNT_AT, effects)
        made = memory.made[key]
        rows = [panel.keys.index(k) for k in made.keys]
        for i in usable:
            seen = panel.counts[rows, end - 1 + LEARNT_AT[i]]
            known = np.isfinite(seen)
            age = np.full(int(known.sum()), float(length - end))
            parts.append((made.quantiles[:, known, i], np.log1p(seen[known]), made.facts[known, i], age))
    if not parts:
        nothing = np.zeros(0)
        return _Past(np.zeros((len(RULES), 0, len(LEVELS))), nothing, np.zeros((0, len(FACTS))), nothing)
    quantiles, outcome, facts, ages = zip(*parts, strict=True)
    weight = 0.5 ** (np.concatenate(ages) / _HALF_LIFE)
    return _Past(
        np.concatenate(quantiles, axis=1),
        np.concatenate(outcome),
        np.concatenate(facts),
        weight / weight.sum(),
    )


class _Loss:
    """Relative WIS of combined past forecasts, and its slope by the coefficients of weights and widths."""

    def __init__(self, past: _Past, usual: NDArray[np.float64]) -> None:
        self.past, self.usual = past, usual
        self.middle = past.quantiles[..., _MIDDLE]
        self.apart = past.quantiles - self.middle[..., None]
        first, outcome, weight = past.quantiles[0], past.outcome, past.weight
        self.log_unit = max(float(weight @ wis(first, outcome)), 1e-9)
        self.natural_unit = max(float(weight @ wis(np.expm1(first), np.expm1(outcome))), 1e-9)
        held = np.full(usual.shape, _HELD)
        held[:, 0] = _HELD_CONSTANT
        self.held = held.ravel()

    def _wis(self, q: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        y, size = self.past.outcome[:, None], np.exp(np.minimum(q, _LARGEST))
        slope, weight = (y < q) - LEVELS, self.past.weight
        log_loss = 2.0 * weight @ (slope * (q - y)).mean(axis=1) / self.log_unit
        natural = 2.0 * weight @ (slope * (size - np.exp(y))).mean(axis=1) / self.natural_unit
        unit = 0.5 / self.log_unit + 0.5 * size / self.natural_unit
        return float(0.5 * (log_loss + natural)), slope * unit * (2.0 / len(LEVELS)) * weight[:, None]

    def __call__(self, x: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        table = x.reshape(self.usual.shape)
        facts, rules = self.past.facts, len(self.middle)
        shares, factor = _softmax(facts @ table[:rules].T), _factor(facts, table[rules:])
        spread = np.einsum("nr,rnl->nl", shares, self.apart)
        value, by_q = self._wis(np.einsum("nr,rn->n", shares, self.middle)[:, None] + factor * spread)
        by_share = self.middle.T * by_q.sum(axis=1)[:, None]
        by_share += np.einsum("nl,rnl->nr", by_q * factor, self.apart)
        by_log = shares * (by_share - (shares * by_share).sum(axis=1, keepdims=True))
        by_width = by_q * factor * spread
        sides = np.stack([by_width[:, _BELOW].sum(axis=1), by_width[:, ~_BELOW].sum(axis=1)])
        away = x - self.usual.ravel()
        slope = np.concatenate([(by_log.T @ facts).ravel(), (sides @ facts).ravel()])
        return value + float(self.held @ away**2), slope + 2.0 * self.held * away


def _tail(apart: NDArray[np.float64], edge: NDArray[np.float64], weight: NDArray[np.float64]) -> float:
    """Factor on a quantile's distance from the median at which 95 % of past outcomes lay inside."""
    ratio = apart / np.maximum(edge, 1e-6)
    order = np.argsort(ratio)
    total = np.cumsum(weight[order])
    return float(np.clip(np.interp(0.95, total / total[-1], ratio[order]), *_TAIL_BOUNDS))


def _tails(past: _Past, made: NDArray[np.float64]) -> NDArray[np.float64]:
    """What the outer quantiles lacked: float64 [below and above, left alone and moved]."""
    middle = made[:, _MIDDLE]
    moved = _moved(past.facts)
    out = np.ones((2, 2))
    for side, (sign, level) in enumerate(((-1.0, _LOW), (1.0, _HIGH))):
        apart, edge = sign * (past.outcome - middle), sign * (made[:, level] - middle)
        whole = _tail(apart, edge, past.weight)
        for kind in (0, 1):
            own = moved == bool(kind)
            n = int(own.sum())
            factor = _tail(apart[own], edge[own], past.weight[own]) if n > _FEWEST_TAIL else whole
            out[side, kind] = whole + (factor - whole) * n / (n + _TAIL_HELD)
    return 1.0 + _TAIL_SHARE * (out - 1.0)


def learn_combination(
    panel: Panel, effects: Effects | None = None, memory: Memory | None = None
) -> Combination:
    """Learn how to combine the rules, from forecasts whose outcome was known at the end of the panel.

    Parameters
    ----------
    panel : Panel
        Cut at the origin.
    effects : Effects, optional
        What rules change, by origin.
    memory : Memory, optional
        Kept between origins of one panel and one set of effects.

    Returns
    -------
    Combination
        The usual weights and widths where there are hardly any past forecasts.
    """
    past = _history(panel, effects, Memory() if memory is None else memory)
    usual = np.zeros((len(RULES) + 2, len(FACTS)))
    usual[: len(RULES), 0] = np.log(_USUAL_WEIGHTS)
    cells = len(past.outcome)
    if cells < _FEWEST:
        return Combination(usual[: len(RULES)], usual[len(RULES) :], np.ones((2, 2)), cells)
    loss = _Loss(past, usual)
    found = minimize(loss, usual.ravel(), jac=True, method="L-BFGS-B", options={"maxiter": _ROUNDS}).x
    table = found.reshape(usual.shape)
    learnt = Combination(table[: len(RULES)], table[len(RULES) :], np.ones((2, 2)), cells)
    made = learnt.before_tails(past.quantiles, past.facts)
    return Combination(learnt.weights, learnt.widths, _tails(past, made), cells)
