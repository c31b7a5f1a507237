"""Tables the expected engine is built from: expected departures, stays under scaled hazards, splits by sex and age (kernels)."""

from __future__ import annotations

import numpy as np

from sim.engines.kernels.expected_rows import inner, jit

__all__ = ["beginnings", "departures_by_day", "scaled_stay", "spread_rows"]

CERTAIN = 1e30


@jit
def beginnings(size_share, most):
    """Chance that a travel unit begins at each person of a block, and its running sum (renewal equation).

    Parameters
    ----------
    size_share : float64 [8]
        Share of units of size 1 to 8.
    most : int
        Persons of the largest block.

    Returns
    -------
    float64 [most + 1]
        Expected number of units that begin before each person.
    """
    chance = np.zeros(most + 1)
    summed = np.zeros(most + 1)
    for i in range(most):
        x = 1.0 if i == 0 else 0.0
        for s in range(1, min(i, 8) + 1):
            x += size_share[s - 1] * chance[i - s]
        chance[i] = x
        summed[i + 1] = summed[i] + x
    return summed


@jit
def departures_by_day(D, n_days, unit_share, size_share, summed, group_start, out, sizes):
    """Expected persons who depart by day, row and unit; and expected units by group, unit and size.

    Parameters
    ----------
    D : Departures
    n_days : int
    unit_share : float64 [groups, units]
    size_share : float64 [groups, units, 8]
    summed : float64
        Units begun before each person, one group after another.
    group_start : int64 [groups]
    out : float64 [rows, n_days, units]
        Added to.
    sizes : float64 [groups, units, 8]
        Added to.
    """
    units = unit_share.shape[1]
    for block in range(D.block_row.shape[0]):
        row = D.block_row[block]
        n, days, start = D.block_persons[block], D.block_days[block], D.block_start[block]
        group, push = D.row_group[row], D.row_push[row]
        o = group_start[group]
        for d in range(days):
            day = max(start + d, 0)
            if day >= n_days:
                break
            one, end = -((-d * n) // days), -((-(d + 1) * n) // days)
            begun = summed[o + end] - summed[o + one]
            factor = 1.0 if push < 0 else D.push[push, day]
            for u in range(units):
                for s in range(8):
                    share = unit_share[group, u] * size_share[group, u, s] * factor
                    if share <= 0.0:
                        continue
                    count = share * begun
                    out[row, day, u] += count * (s + 1)
                    sizes[group, u, s] += count
                    for i in range(max(one, n - s), end):
                        cut = share * (summed[o + i + 1] - summed[o + i])
                        out[row, day, u] -= cut * (s + 1 - (n - i))
                        sizes[group, u, s] -= cut
                        sizes[group, u, n - i - 1] += cut


@inner
def _leaving(multiplier, hazard):
    return 1.0 - np.exp(-multiplier * hazard) if hazard < CERTAIN else (1.0 if multiplier > 0.0 else 0.0)


@jit
def scaled_stay(hazard, survival, multiplier, first, last, depth, tap, length, left):
    """Chances of leaving on each day of a stretch of scaled hazards, by the days since arrival.

    Parameters
    ----------
    hazard : float64
        Discrete hazard of each day of the stay; the last goes on.
    survival : float64 [depth]
        Share still here after each number of days as arrivals are written before the stretch.
    multiplier : float64 [n_days]
    first, last : int
        The stretch, both included.
    depth : int
        Days since arrival that are looked at.
    tap : float64 [last - first + 1, depth]
        Overwritten: share of those who arrived k days ago who leave on the day.
    length : int64 [last - first + 1]
        Overwritten: one past the last k that matters.
    left : float64 [depth]
        Overwritten: share of those who arrived k days before `last` who are still here in the evening.
    """
    size = hazard.shape[0]
    left[0] = 1.0
    for k in range(1, depth):
        left[k] = survival[k - 1]
    for day in range(first, last + 1):
        left[0] = 1.0
        m = multiplier[day]
        length[day - first] = 0
        for k in range(depth):
            out = left[k] * _leaving(m, hazard[min(k, size - 1)])
            tap[day - first, k] = out
            left[k] -= out
            if left[k] + out > 1e-8:
                length[day - first] = k + 1
        if day < last:
            for k in range(depth - 1, 0, -1):
                left[k] = left[k - 1]


@jit
def spread_rows(source, offset, first, width, target, layout, lane_group, lane_class, out):
    """Split counts by class of people into sexes and age bands: ``out[m, target, group x 10 + c] += x share``.

    Parameters
    ----------
    source : float64 [periods, numbers]
    offset, first, width : int64 [rows]
        Where each row begins, its first class and how many it has.
    target : int64 [rows]
        Row of `out`.
    layout : int64 [rows]
        How the classes of a row are laid out.
    lane_group : int64 [layouts, classes]
    lane_class : float64 [layouts, classes, 10]
    out : float64 [periods, targets, groups x 10]
    """
    for m in range(source.shape[0]):
        for r in range(offset.shape[0]):
            h = layout[r]
            for v in range(width[r]):
                x = source[m, offset[r] + v]
                if x == 0.0:
                    continue
                g = lane_group[h, first[r] + v] * 10
                for c in range(10):
                    out[m, target[r], g + c] += x * lane_class[h, first[r] + v, c]
