"""Stays as taps and exponentials: a distribution of whole days enters, what the kernels convolve with leaves.

A stay is a list of chances of leaving after 0, 1, 2 ... days (taps), and where its tail is long, a sum of exponentials fitted to
the tail with a total error of at most `TOLERANCE` (people are never lost by it: who has not left is still there). A geometric
stay needs neither: a fixed share of those present leaves every day. Policies scale the hazard of leaving, also of those who are
already there. While the factor stays the same the stay is another distribution, treated alike; while it changes from day to day the
chances of each day are worked out for every day of arrival. When one gives way to another those still there are rewritten as if more
(or fewer) people had begun their stay, so that it goes on from there.
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
_TAIL = 1e-8
_LONG = 20
"""Days for which one factor must hold to be treated as a distribution of its own."""
_SHORT = 28
"""Taps up to which no exponentials are fitted."""
_TRIES = ((10, 6), (12, 8), (16, 10), (24, 12), (40, 14))


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


@dataclass(frozen=True)
class Regime:
    """Days on which a stay goes on in one way.

    Parameters
    ----------
    first, last : int
        Days of the run.
    stay : Stay, optional
        While the hazard is scaled by one number (by 1 where no policy acts); for a geometric stay the first day's chance.
    taps : float64 [days, depth]
        Else, chance of leaving on each day by days since arrival; for a geometric stay one column, the daily chance.
    length : int64 [days]
        Taps that matter on each day.
    ratio : float64 [depth]
        What arrivals are rewritten by at the end, so that the next regime goes on from there; empty where there is none.
    """

    first: int
    last: int
    stay: Stay | None
    taps: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 0)))
    length: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    ratio: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))


_EMPTY = np.zeros(0)


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
    tail = pmf.sum() - np.cumsum(pmf)
    reach = min(int(np.searchsorted(-tail, -_TAIL)) + 1, max(limit, lag + 1))
    if reach - lag <= _SHORT:
        return Stay(lag, pmf[lag:reach].copy(), 0, _EMPTY, _EMPTY, 0.0, reach)
    for begin, terms in _TRIES:
        if begin <= lag or reach <= begin + 2 * terms:
            continue
        fitted = _fit(pmf[begin:reach], terms)
        if fitted is not None:
            return Stay(lag, pmf[lag:begin].copy(), begin, fitted[0], fitted[1], 0.0, reach)
    return Stay(lag, pmf[lag:reach].copy(), 0, _EMPTY, _EMPTY, 0.0, reach)


def _geometric(pmf: NDArray[np.float64]) -> float:
    """Daily chance of leaving where it is the same on every day after the first, else 0."""
    if len(pmf) < 3 or pmf[0] != 0.0 or not 0.0 < pmf[1] < 1.0:
        return 0.0
    days = np.arange(len(pmf) - 1)
    return (
        float(pmf[1])
        if np.allclose(pmf[1:], pmf[1] * (1.0 - pmf[1]) ** days, rtol=1e-9, atol=1e-300)
        else 0.0
    )


def _fit(tail: NDArray[np.float64], terms: int) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Fit exponentials with rates on a grid to a tail; None where the error is larger than the tolerance."""
    n = len(tail)
    rows = np.unique(np.concatenate([np.arange(min(n, 60)), np.geomspace(1, n - 1, 120).astype(int)]))
    weight = np.sqrt(np.gradient(rows.astype(np.float64)))
    days = np.arange(n)
    best: tuple[float, NDArray[np.float64], NDArray[np.float64]] | None = None
    for slowest in np.geomspace(0.05, 20.0, 7) / n:
        for fastest in (0.3, 0.5, 0.8, 1.2):
            decay = np.exp(-np.geomspace(slowest, fastest, terms))
            basis = decay[None, :] ** rows[:, None].astype(np.float64) * weight[:, None]
            scale = np.linalg.norm(basis, axis=0)
            amount = np.linalg.lstsq(basis / scale, tail[rows] * weight, rcond=1e-14)[0] / scale
            error = float(np.abs((decay[None, :] ** days[:, None]) @ amount - tail).sum())
            if best is None or error < best[0]:
                best = (error, decay, amount)
            if error < TOLERANCE:
                return decay, amount
    return None


def _cut(multiplier: NDArray[np.float64]) -> list[tuple[int, int, bool]]:
    """Cut the days into runs (first, last, whether one number holds throughout); short runs join their neighbours."""
    n = len(multiplier)
    starts = np.concatenate([[0], np.flatnonzero(np.abs(np.diff(multiplier)) > 1e-12) + 1, [n]])
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
        kept = np.exp(-np.where(h > 1e29, np.inf if multiplier > 0.0 else 0.0, multiplier * h))
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
    n = plan.n_days
    whole = stay_of(plan.pmfs[table])
    if calendar < 0:
        return [Regime(0, n - 1, whole)]
    multiplier = np.diff(plan.fixed.calendar[calendar].astype(np.float64))
    if whole.geometric > 0.0:
        chance = -np.expm1(multiplier * np.log1p(-whole.geometric))
        return [Regime(0, n - 1, whole, chance[:, None].copy())]
    hazard = plan.fixed.hazard[plan.fixed.offset[table] : plan.fixed.offset[table + 1]].astype(np.float64)
    runs = _cut(multiplier)
    pmfs = [
        plan.pmfs[table] if m == 1.0 else _scaled_pmf(hazard, m, n + 1)
        for m in multiplier[[r[0] for r in runs]]
    ]
    out: list[Regime] = []
    before = pmfs[0] if runs[0][2] else plan.pmfs[table]
    oldest = 1
    for number, (first, last, steady) in enumerate(runs):
        after = pmfs[number + 1] if number + 1 < len(runs) and runs[number + 1][2] else None
        if steady:
            stay = stay_of(pmfs[number], oldest + last - first + 1)
            before = pmfs[number]
            oldest = stay.reach
            ratio = _step(before, after, min(n, oldest + 1)) if after is not None else np.zeros(0)
            out.append(Regime(first, last, stay, ratio=ratio))
        else:
            out.append(
                _varying(
                    hazard, (before, after), multiplier, (first, last), min(n, oldest + last - first + 2)
                )
            )
            oldest = int(out[-1].length[-1])
    return out


def _survival(pmf: NDArray[np.float64], depth: int) -> NDArray[np.float64]:
    here = np.maximum(1.0 - np.cumsum(np.pad(pmf, (0, max(0, depth + 1 - len(pmf))))[: depth + 1]), 0.0)
    here[here < 1e-14] = 0.0
    return here


def _step(old: NDArray[np.float64], new: NDArray[np.float64], depth: int) -> NDArray[np.float64]:
    """Ratios by which arrivals are rewritten when one number takes over from another."""
    here, there = _survival(old, depth), _survival(new, depth)
    return np.where(there > 0.0, here / np.where(there > 0.0, there, 1.0), 1.0)[:depth]


def _varying(
    hazard: NDArray[np.float64],
    around: tuple[NDArray[np.float64], NDArray[np.float64] | None],
    multiplier: NDArray[np.float64],
    days: tuple[int, int],
    depth: int,
) -> Regime:
    """Days on which the multiplier changes: chances for every day of arrival."""
    first, last = days
    before, after = around
    goes_on = after if after is not None else before
    taps = np.zeros((last - first + 1, depth))
    length, ratio = np.zeros(len(taps), np.int64), np.zeros(depth)
    scaled_stay(
        hazard,
        _survival(before, depth),
        _survival(goes_on, depth),
        multiplier,
        first,
        last,
        depth,
        taps,
        length,
        ratio,
    )
    keep = max(int(length.max()), 1)
    rewritten = ratio[:keep].copy() if after is not None else np.zeros(0)
    return Regime(first, last, None, np.ascontiguousarray(taps[:, :keep]), length, rewritten)
