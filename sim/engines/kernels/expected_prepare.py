"""Tables the expected engine is built from: expected departures, stays under scaled hazards, splits by sex and age (kernels)."""

from __future__ import annotations

import numpy as np

from sim.engines.kernels.expected_rows import inner, jit

__all__ = ["departures_by_day", "scaled_stay", "spread_rows"]

CERTAIN = 1e30


@jit
def departures_by_day(D, n_days, share, begins, out, sizes):
    """Expected persons who depart by day and row; and expected units by group, unit and size.

    A unit departs on the day of one of its members that lie in the block, each as likely. So a person falls due on their own
    day, as it were, in a unit of each kind with the share of persons stated for it; and with each of those persons departs
    one unit divided by its members.

    Parameters
    ----------
    D : Departures
    n_days : int
    share : float64 [groups, units]
        Share of persons.
    begins : float64 [groups, units, 8]
        Chance that a unit of each size begins at a person.
    out : float64 [rows, n_days]
        Added to.
    sizes : float64 [groups, units, 8]
        Added to.
    """
    for block in range(D.block_row.shape[0]):
        row = D.block_row[block]
        n, days, start = D.block_persons[block], D.block_days[block], D.block_start[block]
        group, push = D.row_group[row], D.row_push[row]
        for d in range(days):
            day = max(start + d, 0)
            if day >= n_days:
                break
            one, end = -((-d * n) // days), -((-(d + 1) * n) // days)
            factor = 1.0 if push < 0 else D.push[push, day]
            out[row, day] += (end - one) * factor
            for u in range(share.shape[1]):
                if share[group, u] > 0.0:
                    _units_of_persons(begins[group, u], one, end, n, factor, sizes[group, u])


@inner
def _units_of_persons(begins, one, end, n, factor, sizes):
    """Expected units by size that depart with the persons `one` to before `end` of a block of `n`."""
    inside = max(min(end, n - 7) - max(one, 7), 0)  # whose units lie in the block whatever their size
    for s in range(8):
        sizes[s] += inside * begins[s] * factor
    person = one
    while person < end:
        if inside > 0 and person == max(one, 7):
            person += inside
            continue
        for s in range(8):
            for first in range(person - s, person + 1):
                within = min(first + s + 1, n) - max(first, 0)
                sizes[within - 1] += begins[s] / within * factor
        person += 1


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
