"""The frame of a day: tables of the day and standing lines in the morning, the count in the evening (kernels)."""

from __future__ import annotations

import numpy as np

from sim.engines.kernels.address import array, number, pointer
from sim.engines.kernels.draws import SETTLED, STAYING, TRAVELLING, inner, jit
from sim.engines.kernels.learn import learn
from sim.engines.kernels.leftover import leftover_durations
from sim.engines.kernels.line import let_go, measure_room, open_day, refill, serve_lines, serve_requests
from sim.engines.kernels.lots import draw_lots
from sim.engines.kernels.people import depart_part
from sim.engines.kernels.walk import move_part, write_leg_words

__all__ = ["DEPART", "EVENING", "MORNING", "MOVE", "REST", "SERVE", "work_on"]

MORNING, DEPART, MOVE, SERVE, EVENING, REST = 0, 1, 2, 3, 4, 5


@inner
def write_tables(book, epoch, before):
    """Write today's choice thresholds and which legs are open to whom.

    The share of an alternative is its base weight (attraction, cost, days; tabled once) times the policies' multiplier
    times what the group knows about the leg; classes whose multipliers are those of epoch `before` (-1: none) keep theirs. A
    closed leg has weight nothing, and nothing stays nothing. Beyond the last
    alternative of a place the thresholds stay certain, as they were laid out.
    """
    alternative = array(book, "fixed.alternative", 2)
    class_group = array(book, "fixed.class_group", 1)
    means_edge = array(book, "fixed.means_edge", 1)
    weight = array(book, "fixed.weight", 3)
    e_weight = array(book, "epochs.weight", 3)
    i_appeal = array(book, "knowledge.appeal", 2)
    i_on = number(book, "knowledge.on")
    leg_open = array(book, "state.leg_open", 2)
    threshold = array(book, "state.threshold", 3)
    leg_from = array(book, "fixed.leg_from", 1)
    closing = array(book, "state.closing", 1)
    opening = array(book, "state.opening", 1)
    per_class = 2 * (means_edge.shape[0] + 1)
    n_classes, n_legs = leg_open.shape
    n_places, width = threshold.shape[1], threshold.shape[2]
    factor = np.empty(n_legs)
    share = np.empty(width)
    closing[:] = 0
    opening[:] = 0
    for c in range(n_classes):
        if before >= 0:
            same = True
            for leg in range(n_legs):
                same &= e_weight[epoch, c, leg] == e_weight[before, c, leg]
            if same:
                continue
        group = class_group[c]
        for leg in range(n_legs):
            f = np.float64(e_weight[epoch, c, leg])
            if (f > 0.0) != (leg_open[c, leg] > 0):
                leg_open[c, leg] = f > 0.0
                if f > 0.0:
                    opening[leg_from[leg]] = 1
                else:
                    closing[leg] = 1
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


@inner
def close_day(book, day):
    """Count who is where this evening: person-days, peaks, and the balance of people.

    Arrivals of today that were written ahead move from travelling to staying first. Where nobody is, nothing is written.
    """
    ring = array(book, "state.ring", 4)
    stock = array(book, "state.stock", 4)
    person_days = array(book, "state.person_days", 4)
    peak = array(book, "state.peak", 4)
    slot = day & (ring.shape[1] - 1)
    period = np.int64(array(book, "fixed.period_of_day", 1)[day])
    parts, n_places, n = stock.shape[0], stock.shape[2], stock.shape[3]
    together = pointer(array(book, "state.together", 1))
    on_route = 0
    for place in range(n_places):
        for part in range(parts):
            due = pointer(ring[part, slot, place])
            if _present(due, n) > 0:
                _arrive(due, pointer(stock[part, STAYING, place]), pointer(stock[part, TRAVELLING, place]), n)
        for status in range(SETTLED + 1):
            total = pointer(stock[0, status, place])
            if parts > 1:
                for g in range(n):
                    together[g] = total[g]
                for part in range(1, parts):
                    _add(together, pointer(stock[part, status, place]), n)
                total = together
            present = _present(total, n)
            if present > 0:
                _evening(
                    total,
                    pointer(person_days[period, status, place]),
                    pointer(peak[period, status, place]),
                    n,
                )
            if status != SETTLED:
                on_route += present
    balance, ended = array(book, "state.balance", 2), array(book, "state.pointer", 2)
    balance[day, 1], balance[day, 2] = on_route, 0
    for part in range(parts):
        balance[day, 2] += ended[part, 6]


@inner
def _present(row, n):
    total = np.int64(0)
    for i in range(n):
        total += row[i]
    return total


@inner
def _arrive(due, staying, travelling, n):
    for i in range(n):
        x = due[i]
        staying[i] += x
        travelling[i] -= x
        due[i] = 0


@inner
def _add(total, part, n):
    for i in range(n):
        total[i] += part[i]


@inner
def _evening(total, person_days, peak, n):
    for i in range(n):
        x = total[i]
        person_days[i] += x
        peak[i] = max(peak[i], x)


@jit
def work_on(entries, step, k, first, last, key, whole, durations):
    """Work through the steps of days: the only kernel that Python calls, since each one more is compiled with all the rest.

    A day goes through MORNING (what is known, what is in force, standing lines), DEPART and MOVE (part by part), SERVE
    (requests for limited legs; back to MOVE while someone can move on) and EVENING (the count); REST adds the days on the
    route of those still on it to `durations`. Each function is called from one line only, which halves the time to compile.

    Where the people are in several parts, the caller waits for all of them: this returns after MORNING, after MOVE, after
    SERVE if someone can move on, and else after the EVENING and the next day's MORNING.

    Parameters
    ----------
    entries : int64 array
        Book of addresses.
    step, k, first, last : int
        Step to begin with, part of the people, days (`last` not included).
    key : uint64
        Key of all draws of the replicate.
    whole : bool
        All people are in one part: go on until the last day ends.
    durations : int64 [cells, groups, bins]

    Returns
    -------
    int
        Persons who departed from part `k` (DEPART, which goes on to MOVE; the caller adds them up for the balance of the
        day), or who can move on (SERVE); else 0.
    """
    book = pointer(entries)
    epoch_of_day, balance = array(book, "epochs.epoch_of_day", 1), array(book, "state.balance", 2)
    every = number(book, "knowledge.every") if number(book, "knowledge.on") else 0
    day, answer = first, 0
    while True:
        if step == MORNING:
            epoch, before = np.int64(epoch_of_day[day]), np.int64(epoch_of_day[max(day - 1, 0)])
            if day == 0 or epoch != before:
                write_leg_words(book, epoch)
            if day == 0:
                before = np.int64(-1)
            if every > 0 and day > 0 and day % every == 0:
                learn(book, epoch, day)
                before = np.int64(-1)
            changed = epoch != before
            if changed:
                write_tables(book, epoch, before)
            open_day(book)
            refill(book, day)
            measure_room(book, day)
            if changed:
                let_go(book, day)
            serve_lines(book, day)
            draw_lots(book, day, changed)
            if not whole:
                return 0
            step = DEPART
        elif step == DEPART:
            answer = depart_part(book, k, day, key)
            balance[day, 0] = answer
            step = MOVE
        elif step == MOVE:
            move_part(book, k, day)
            if not whole:
                return answer
            step = SERVE
        elif step == SERVE:
            answer = serve_requests(book, day)
            if answer > 0 and not whole:
                return answer
            step = MOVE if answer > 0 else EVENING
        elif step == EVENING:
            close_day(book, day)
            day += 1
            if day >= last:
                return 0
            step = MORNING
        else:
            leftover_durations(book, k, last, durations)
            return 0
