"""The frame of a day: tables of the day and standing lines in the morning, the count in the evening (kernels)."""

from __future__ import annotations

import numpy as np

from sim.engines.kernels.draws import SETTLED, STAYING, TRAVELLING, inner, jit
from sim.engines.kernels.learn import learn
from sim.engines.kernels.line import open_line, serve_requests
from sim.engines.kernels.people import depart_part
from sim.engines.kernels.walk import move_part
from sim.plan.layout import Today

__all__ = ["begin_day", "close_day", "depart_part", "move_part", "serve_requests", "tables_of"]


@inner
def write_tables(P, E, I, S, epoch):
    """Write today's choice thresholds and which legs are open to whom.

    The share of an alternative is its base weight (attraction, cost, days; tabled once) times the policies' multiplier
    times what the group knows about the leg; a closed leg has weight nothing, and nothing stays nothing. Beyond the last
    alternative of a place the thresholds stay certain, as they were laid out.
    """
    alternative = P.alternative
    class_group = P.class_group
    means_edge = P.means_edge
    weight = P.weight
    e_weight = E.weight
    i_appeal = I.appeal
    i_on = I.on
    leg_open = S.leg_open
    threshold = S.threshold
    per_class = 2 * (means_edge.shape[0] + 1)
    n_classes, n_legs = leg_open.shape
    n_places, width = threshold.shape[1], threshold.shape[2]
    factor = np.empty(n_legs)
    share = np.empty(width)
    for c in range(n_classes):
        group = class_group[c]
        for leg in range(n_legs):
            f = np.float64(e_weight[epoch, c, leg])
            leg_open[c, leg] = f > 0.0
            factor[leg] = f * i_appeal[group, leg] if i_on else f
        for row in range(c * per_class, (c + 1) * per_class):
            for place in range(n_places):
                total = 0.0
                last = -1
                n = 0
                while n < width and alternative[place, n] >= 0:
                    w = weight[row, place, n] * factor[alternative[place, n]]
                    share[n] = w
                    if w > 0.0:
                        total += w
                        last = n
                    n += 1
                running = 0.0
                for j in range(n):
                    running += share[j]
                    if last < 0:
                        threshold[row, place, j] = 0
                    elif j >= last:
                        threshold[row, place, j] = 0xFFFFFFFF
                    else:
                        threshold[row, place, j] = np.uint32(
                            min(running / total * 4294967296.0, 4294967294.0)
                        )


@jit
def tables_of(E, S, epoch):
    """Gather the tables of an epoch."""
    return Today(S.threshold, E.leg_table[epoch], E.leg_cost[epoch], E.leg_robbery[epoch], E.leg_death[epoch],
                 E.income[epoch], E.forced[epoch])  # fmt: skip


@jit
def begin_day(P, E, I, Q, S, day):
    """Bring policies into force, pass on what is known, and serve the standing lines.

    Returns
    -------
    int
        Epoch of the day (row of the tables in force).
    """
    epoch = E.epoch_of_day[day]
    changed = day == 0 or epoch != E.epoch_of_day[day - 1]
    if I.on and day > 0 and day % I.every == 0:
        learn(P, E, I, S, epoch, day)
        changed = True
    if changed:
        write_tables(P, E, I, S, epoch)
    for k in range(S.pointer.shape[0]):
        S.pointer[k, 2] = -1
        S.pointer[k, 3] = 0
        S.pointer[k, 4] = 0
    if Q.leg_limit.shape[0] > 0 or S.counter[3] > 0:
        open_line(P, Q, S, day, changed)
    return epoch


@jit
def close_day(P, S, day):
    """Count who is where this evening: person-days, peaks, and the balance of people.

    Arrivals of today that were written ahead move from travelling to staying first.
    """
    slot = day & (S.ring.shape[1] - 1)
    period = P.period_of_day[day]
    for k in range(S.ring.shape[0]):
        _arrive(
            S.ring[k, slot].reshape(-1), S.stock[k, STAYING].reshape(-1), S.stock[k, TRAVELLING].reshape(-1)
        )
    on_route = 0
    for status in range(SETTLED + 1):
        total = S.stock[0, status].reshape(-1)
        if S.stock.shape[0] > 1:
            total = total.copy()
            for k in range(1, S.stock.shape[0]):
                _add(total, S.stock[k, status].reshape(-1))
        present = _evening(
            total, S.person_days[period, status].reshape(-1), S.peak[period, status].reshape(-1)
        )
        if status != SETTLED:
            on_route += present
    gone = 0
    for k in range(S.pointer.shape[0]):
        gone += S.pointer[k, 6]
    S.balance[day, 1] = on_route
    S.balance[day, 2] = gone


@inner
def _arrive(ring, staying, travelling):
    for i in range(ring.shape[0]):
        x = ring[i]
        staying[i] += x
        travelling[i] -= x
        ring[i] = 0


@inner
def _add(total, part):
    for i in range(total.shape[0]):
        total[i] += part[i]


@inner
def _evening(total, person_days, peak):
    present = np.int64(0)
    for i in range(total.shape[0]):
        x = total[i]
        person_days[i] += x
        peak[i] = max(peak[i], x)
        present += x
    return present
