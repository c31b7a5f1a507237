"""Stays as taps and exponentials: a distribution of whole days enters, what the kernels convolve with leaves.

A stay is a list of chances of leaving after 0, 1, 2 ... days (taps), and where its tail is long, a sum of exponentials fitted
to the tail with a total error of at most `TOLERANCE` (people are never lost by it: who has not left is still there). A
geometric stay needs neither: a fixed share of those present leaves every day. Policies scale the hazard of leaving, also of
those who are already there. While the factor stays the same the stay is another distribution, treated alike; while it changes
from day to day the chances of each day are worked out for every day of arrival. When one gives way to another those still
there are rewritten as if more (or fewer) people had begun their stay, so that it goes on from there.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from sim.engines.kernels.expected_prepare import scaled_stay

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sim.plan import Plan

__all__ = ["TOLERANCE", "Regime", "Stay", "regimes_of", "stay_of"]

TOLERANCE = 1e-7
"""Sum of absolute errors of the chances of a long tail."""
_RELATIVE = 1e-2
"""Relative error of the share still there, as long as it is above `_THIN`."""
_TAIL = 1e-8
_THIN = 1e-7
_SHORT = 28
"""Taps up to which no exponentials are fitted."""
_TRIES = ((10, 8), (12, 10), (14, 12), (20, 14), (32, 16))
_LONG = 20
"""Days for which one factor must hold to be treated as a distribution of its own."""
_SAME = 1e-12
_CERTAIN = 1e29


@dataclass(frozen=True)
class Stay:
    """How people leave a place after they arrived.

    Parameters
    ----------
    lag : int
        Days before which nobody leaves.
    taps : float64 [n]
        Chance of leaving after lag, lag + 1, ... days.
    begin : int
        Day of the stay on which the exponentials begin.
    decay, amount : float64 [m]
        Exponentials: ``sum of amount x decay ** (days - begin)``.
    geometric : float
        Daily chance of leaving from the first day after arrival; 0 = not geometric.
    reach : int
        Days after which nobody is left (by the tolerance).
    """

    lag: int
    taps: NDArray[np.float64]
    begin: int
    decay: NDArray[np.float64]
    amount: NDArray[np.float64]
    geometric: float
    reach: int

    def survival(self, depth: int) -> NDArray[np.float64]:
        """Share still there after 0, 1, ... days: float64 [depth]."""
        out = np.ones(depth)
        out[self.lag :] = np.maximum(
            1.0 - np.cumsum(np.pad(self.taps, (0, depth)))[: max(depth - self.lag, 0)], 0.0
        )
        if len(self.decay):
            days = np.arange(max(depth - self.begin, 0)) + 1.0
            out[self.begin :] = (self.decay[None, :] ** days[:, None]) @ (self.amount / (1.0 - self.decay))
        out[out < _EMPTY_SHARE] = 0.0
        return out


@dataclass(frozen=True)
class Regime:
    """Days on which a stay goes on in one way.

    Parameters
    ----------
    first, last : int
        Days of the run.
    stay : Stay, optional
        While the hazard is scaled by one number (by 1 where no policy acts).
    taps : float64 [days, depth]
        Else, chance of leaving on each day by days since arrival; for a geometric stay one column, the daily chance.
    length : int64 [days]
        Taps that matter on each day.
    ratio : float64 [depth]
        What arrivals are rewritten by at the end, so that the next regime goes on from there; empty where there is none.
    most : int
        Arrivals of longer ago are rewritten as of so many days ago.
    """

    first: int
    last: int
    stay: Stay | None
    taps: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 0)))
    length: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    ratio: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    most: int = 0


_EMPTY = np.zeros(0)
_EMPTY_SHARE = 1e-13


def stay_of(pmf: NDArray[np.float64], limit: int = 2**16) -> Stay:
    """Represent a distribution of whole days.

    Parameters
    ----------
    pmf : float64
        Chance of 0, 1, 2 ... days; what is missing from 1 never comes.
    limit : int
        Days beyond which nobody can have been there.

    Returns
    -------
    Stay
    """
    return _stay(np.ascontiguousarray(pmf, dtype=np.float64).tobytes(), limit)


@lru_cache(maxsize=4096)
def _stay(raw: bytes, limit: int) -> Stay:
    pmf = np.frombuffer(raw, dtype=np.float64)
    chance = _geometric(pmf)
    if chance > 0.0:
        return Stay(0, _EMPTY, 0, _EMPTY, _EMPTY, chance, 1)
    lag = int(np.flatnonzero(pmf > 0.0)[0]) if (pmf > 0.0).any() else 0
    rest = max(1.0 - float(pmf.sum()), 0.0)
    whole = rest < _TAIL
    tail = pmf.sum() - np.cumsum(pmf)
    enough = int(np.searchsorted(-tail, -_TAIL)) + 1
    reach = min(enough, max(limit, lag + 1))
    if reach - lag > _SHORT:
        for begin, terms in _TRIES:
            fitted = (
                _fit(pmf[begin:], reach - begin, terms, rest) if lag < begin < reach - 2 * terms else None
            )
            if fitted is not None:
                taps = pmf[lag:begin].copy()
                amount = fitted[1] * ((1.0 - taps.sum()) / (fitted[1] / (1.0 - fitted[0])).sum())
                return Stay(lag, taps, begin, fitted[0], amount, 0.0, reach)
    taps = pmf[lag:reach].copy()
    if whole and reach == enough and len(taps):
        taps[-1] += 1.0 - taps.sum()
    return Stay(lag, taps, 0, _EMPTY, _EMPTY, 0.0, reach)


def _geometric(pmf: NDArray[np.float64]) -> float:
    """Daily chance of leaving where it is the same on every day after the first, else 0."""
    if len(pmf) < 3 or pmf[0] != 0.0 or not 0.0 < pmf[1] < 1.0:  # noqa: PLR2004 - two days cannot tell
        return 0.0
    days = np.arange(len(pmf) - 1)
    return (
        float(pmf[1])
        if np.allclose(pmf[1:], pmf[1] * (1.0 - pmf[1]) ** days, rtol=1e-9, atol=1e-300)
        else 0.0
    )


def _fit(
    tail: NDArray[np.float64], n: int, terms: int, rest: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Fit exponentials with rates on a grid to the first `n` days of a tail; None where the errors are too large.

    Errors are weighed relative to the chances, because policies that hold people make what comes late matter.
    """
    if tail[n - 1] <= 0.0 or abs(1.0 - tail.sum()) <= _SAME:
        return None
    rows = np.unique(np.concatenate([np.arange(min(n, 40)), np.geomspace(1, n - 1, 80).astype(int)]))
    weight = 1.0 / (tail[rows] + _TAIL * 1e-3)
    days = np.arange(n)
    here = tail[::-1].cumsum()[::-1][:n] + rest
    thick = here > _THIN
    for slowest in np.geomspace(0.3, 6.0, 6) / n:
        for fastest in (0.35, 0.6, 1.0):
            decay = np.exp(-np.geomspace(slowest, fastest, terms))
            basis = decay[None, :] ** rows[:, None].astype(np.float64) * weight[:, None]
            scale = np.linalg.norm(basis, axis=0)
            amount = np.linalg.lstsq(basis / scale, tail[rows] * weight, rcond=1e-13)[0] / scale
            powers = decay[None, :] ** days[:, None]
            error = float(np.abs(powers @ amount - tail[:n]).sum())
            if error > TOLERANCE:
                continue
            share = powers @ (amount / (1.0 - decay))
            if np.abs(share[thick] / here[thick] - 1.0).max() < _RELATIVE and share.min() > 0.0:
                return decay, amount
    return None


def _cut(multiplier: NDArray[np.float64]) -> list[tuple[int, int, bool]]:
    """Cut the days into runs (first, last, whether one number holds throughout); short runs join their neighbours."""
    n = len(multiplier)
    starts = np.concatenate([[0], np.flatnonzero(np.abs(np.diff(multiplier)) > _SAME) + 1, [n]])
    runs: list[tuple[int, int, bool]] = []
    for a, b in zip(starts[:-1], starts[1:], strict=True):
        steady = bool(b - a >= _LONG)
        if runs and not steady and not runs[-1][2]:
            runs[-1] = (runs[-1][0], int(b) - 1, False)
        else:
            runs.append((int(a), int(b) - 1, steady))
    return runs


def _scaled_pmf(hazard: NDArray[np.float64], multiplier: float, n: int) -> NDArray[np.float64]:
    """Chances of days when the hazard of leaving is scaled by one number."""
    h = np.concatenate([hazard, np.full(max(0, n - len(hazard)), hazard[-1])])[:n]
    with np.errstate(over="ignore", invalid="ignore"):
        kept = np.exp(-np.where(h > _CERTAIN, np.inf if multiplier > 0.0 else 0.0, multiplier * h))
    here = np.concatenate([[1.0], np.cumprod(kept)])
    pmf: NDArray[np.float64] = here[:-1] - here[1:]
    return np.trim_zeros(pmf, "b") if pmf.any() else np.zeros(1)


def regimes_of(plan: Plan, table: int, calendar: int) -> list[Regime]:
    """Work out how a stay goes on day by day under a calendar of multipliers of the hazard of leaving.

    Parameters
    ----------
    plan : Plan
    table : int
        Distribution of the stay.
    calendar : int
        Row of multipliers, -1 none.

    Returns
    -------
    list of Regime
        From the first day to the last.
    """
    pmf, n = plan.pmfs[table], plan.n_days
    if calendar < 0:
        return [Regime(0, n - 1, stay_of(pmf))]
    multiplier = np.diff(plan.fixed.calendar[calendar].astype(np.float64))
    hazard = plan.fixed.hazard[plan.fixed.offset[table] : plan.fixed.offset[table + 1]].astype(np.float64)
    return list(_regimes(pmf.tobytes(), multiplier.tobytes(), hazard.tobytes()))


@lru_cache(maxsize=1024)
def _regimes(raw: bytes, factors: bytes, risks: bytes) -> tuple[Regime, ...]:
    pmf, multiplier, hazard = (np.frombuffer(x, dtype=np.float64) for x in (raw, factors, risks))
    n = len(multiplier)
    whole = stay_of(pmf)
    if whole.geometric > 0.0:
        chance = -np.expm1(multiplier * np.log1p(-whole.geometric))
        return (Regime(0, n - 1, whole, chance[:, None].copy()),)
    runs = _cut(multiplier)
    steady: list[Stay | None] = []
    oldest = 1
    for first, last, alike in runs:
        oldest = min(oldest + last - first + 2, n)
        own = pmf if multiplier[first] == 1.0 else _scaled_pmf(hazard, float(multiplier[first]), n + 1)
        steady.append(stay_of(own, oldest) if alike else None)
        oldest = min(oldest, steady[-1].reach) if steady[-1] is not None else oldest
    return tuple(_chain(hazard, multiplier, runs, steady, whole))


def _chain(
    hazard: NDArray[np.float64],
    multiplier: NDArray[np.float64],
    runs: list[tuple[int, int, bool]],
    steady: list[Stay | None],
    whole: Stay,
) -> list[Regime]:
    """Join runs: each goes on from who is left of the one before."""
    n = len(multiplier)
    out: list[Regime] = []
    written, oldest = whole, 1
    for number, (first, last, _) in enumerate(runs):
        own = steady[number]
        after = steady[number + 1] if number + 1 < len(runs) else None
        if own is not None:
            oldest = min(own.reach, oldest + last - first + 2)
            ratio, most = _rewriting(own.survival(oldest + 1), after)
            out.append(Regime(first, last, own, ratio=ratio, most=most))
            written = own
            continue
        depth = min(n, oldest + last - first + 2)
        taps, length, left = (
            np.zeros((last - first + 1, depth)),
            np.zeros(last - first + 1, np.int64),
            np.zeros(depth),
        )
        scaled_stay(
            hazard.copy(), written.survival(depth), multiplier.copy(), first, last, depth, taps, length, left
        )
        keep = max(int(length.max()), 1)
        oldest = max(int(length[-1]), 1)
        ratio, most = _rewriting(left[:keep], after)
        out.append(Regime(first, last, None, np.ascontiguousarray(taps[:, :keep]), length, ratio, most))
    return out


def _rewriting(left: NDArray[np.float64], after: Stay | None) -> tuple[NDArray[np.float64], int]:
    """Ratios by which arrivals are rewritten when a steady regime takes over, and the oldest arrival there can be under it."""
    if after is None:
        return np.zeros(0), 0
    there = after.survival(len(left))
    most = int(np.flatnonzero(there > _THIN)[-1]) if (there > _THIN).any() else 0
    under = there.copy()
    under[most:] = there[most]
    return left / np.where(under > 0.0, under, 1.0), most
