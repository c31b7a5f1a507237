"""The frame of a day: tables of the day and standing lines in the morning, the count in the evening (kernels)."""

from __future__ import annotations

import numpy as np

from sim.engines.kernels.address import add_one, array, look, number, pointer, shift
from sim.engines.kernels.draws import SETTLED, STAYING, TRAVELLING, inner, jit
from sim.engines.kernels.learn import learn, share_of_groups
from sim.engines.kernels.leftover import leftover_durations
from sim.engines.kernels.line import (
    forget_changes,
    let_go,
    measure_room,
    open_day,
    refill,
    serve_lines,
    serve_requests,
    share_out,
)
from sim.engines.kernels.lots import draw_lots, lots_of_the_day
from sim.engines.kernels.people import depart_part
from sim.engines.kernels.record import first_threshold
from sim.engines.kernels.walk import move_part, write_way_words

__all__ = ["DAY", "PATIENCE", "work_on"]

NEWS, MORNING, DEPART, MOVE, SERVE, AGAIN, EVENING, DONE = range(8)
"""Steps of a day; AGAIN looks whether somebody can move on."""
STEP, DAY, WAITS, SEEN, DEPARTED, ON_ROUTE, FROM, TO = range(8)
"""A thread's row of ``state.sync``: step and day it is at, whether it waits for the others, meetings it has seen, persons who departed
today and are on the route in its places, and whose people it moves."""
ARRIVED, MEETING, SERVED, PATIENCE = range(4)
"""The row in common: threads that have come, meetings so far, persons handed back to move on, and how often a thread that waits looks
before it lets others have its processor."""
_WORTH_SHARING = 3_000
"""So many people move on before it pays to share them out."""


@inner
def changes(book, day):
    """Epoch of a day and of the day before (-1: everything is new), and whether it is a day of news."""
    epoch_of_day = array(book, "epochs.epoch_of_day", 1)
    every = number(book, "knowledge.every") if number(book, "knowledge.on") else 0
    news = every > 0 and day > 0 and day % every == 0
    before = np.int64(epoch_of_day[max(day - 1, 0)])
    return np.int64(epoch_of_day[day]), np.int64(-1) if news or day == 0 else before, news


@inner
def write_tables(book, k, of, epoch, before):
    """Write today's choice thresholds and which legs are open to whom, for a share of the groups.

    The share of an alternative is its base weight (attraction, cost, days; tabled once) times the policies' multiplier
    times what the group knows about the leg; where no way out of a place has another multiplier than in epoch `before` (-1: none),
    a class keeps its own. A closed leg has weight nothing, and nothing stays nothing. Beyond the last
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
    threshold = array(book, "state.threshold", 1)
    place_word = array(book, "state.place_word", 1)
    leg_from = array(book, "fixed.leg_from", 1)
    closing = array(book, "state.closing", 1)
    opening = array(book, "state.opening", 1)
    per_class = 2 * (means_edge.shape[0] + 1)
    n_classes, n_legs = leg_open.shape
    n_places, width = weight.shape[1], weight.shape[2]
    factor = np.empty(n_legs)
    share = np.empty(width)
    stale = np.empty(n_places, np.uint8)
    a, b = share_of_groups(k, of, i_appeal.shape[0])
    for c in range(n_classes):
        if not a <= class_group[c] < b:
            continue
        if before >= 0:
            same = True
            for place in range(n_places):
                stale[place] = 0
            for leg in range(n_legs):
                if e_weight[epoch, c, leg] != e_weight[before, c, leg]:
                    same = False
                    stale[leg_from[leg]] = 1
            if same:
                continue
        else:
            for place in range(n_places):
                stale[place] = 1
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
                if not stale[place]:
                    continue
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
                at = first_threshold(place_word[4 * place + 3], row)
                running = 0.0
                for j in range(n):
                    running += share[j]
                    if last < 0:
                        threshold[at + j] = 0
                    elif j >= last:
                        threshold[at + j] = 0xFFFFFFFF
                    else:
                        threshold[at + j] = np.uint32(min(running / total * 4294967296.0, 4294967294.0))


@inner
def close_day(book, k, of, day):
    """Count who is where this evening in the `k`-th of `of` shares of the places: person-days and peaks.

    Arrivals of today that were written ahead move from travelling to staying first. Where nobody is, nothing is written.

    Returns
    -------
    int
        Persons on the route in these places.
    """
    ring = array(book, "state.ring", 4)
    stock = array(book, "state.stock", 4)
    person_days = array(book, "state.person_days", 4)
    peak = array(book, "state.peak", 4)
    slot = day & (ring.shape[1] - 1)
    period = np.int64(array(book, "fixed.period_of_day", 1)[day])
    parts, n_places, n = stock.shape[0], stock.shape[2], stock.shape[3]
    together = pointer(array(book, "state.together", 2)[k])
    on_route = 0
    for place in range(n_places * k // of, n_places * (k + 1) // of):
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
    return on_route


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


@inner
def _begin(book, day):
    """Begin a day: what is in force, standing lines, and who may move whom."""
    epoch, before, _ = changes(book, day)
    if epoch != before:
        write_way_words(book, epoch)
    open_day(book)
    refill(book, day)
    if epoch != before:
        let_go(book, day)
    serve_lines(book, day)
    draw_lots(book, day, epoch != before)
    forget_changes(book)
    share_out(book, day)


@inner
def _hear(book, k, of, day):
    """Room left in places, what is known, who may take which leg, and everybody's lot: a share of the groups and of those who wait."""
    epoch, before, news = changes(book, day)
    if k == 0:
        measure_room(book, day)
    if news:
        learn(book, k, of, epoch, day)
    if epoch != before:
        write_tables(book, k, of, epoch, before)
    lots_of_the_day(book, k, of, day)


@inner
def _meet(own, common, of):
    """Come to where all threads meet; the last to come lets all go on."""
    own[SEEN] = look(shift(common, MEETING))
    own[WAITS] = 1
    if add_one(shift(common, ARRIVED)) == of - 1:
        common[ARRIVED] = 0
        add_one(shift(common, MEETING))
        own[WAITS] = 0


@inner
def _still_waits(own, common):
    """Look until all have come to where threads meet, or patience ends."""
    looks = 0
    while own[WAITS] and looks < common[PATIENCE]:
        own[WAITS] = look(shift(common, MEETING)) == own[SEEN]
        looks += 1
    return own[WAITS]


@inner
def _count_people(book, sync, k, first, day):
    """Who departed on a day, and ended their journey so far, of all threads; the first of them counts."""
    balance, ended = array(book, "state.balance", 2), array(book, "state.pointer", 2)
    if k == 0 and day >= first:
        balance[day, 0] = balance[day, 2] = 0
        for thread in range(ended.shape[0]):
            balance[day, 0] += sync[thread, DEPARTED]
            balance[day, 2] += ended[thread, 6]


@inner
def _count_on_route(book, sync, k, first, day):
    """Who is on the route in the evening of a day, in the places of all threads; the first of them counts."""
    balance = array(book, "state.balance", 2)
    if k == 0 and day >= first:
        balance[day, 1] = 0
        for thread in range(sync.shape[0] - 1):
            balance[day, 1] += sync[thread, ON_ROUTE]


@jit
def work_on(entries, k, first, last, key, rest, durations):
    """Work through days as one of several threads: the only kernel that Python calls, since each more is compiled with all the rest.

    A day goes through NEWS (what is known, who may take which leg, and everybody's lot), MORNING (what is in force, standing
    lines; beside it the count of the evening before), DEPART and MOVE, and SERVE (requests for limited legs; back to MOVE while
    someone can move on). Threads share the groups and lots, and the people; MORNING and SERVE are the first's, and so is MOVE where
    few can move on; the evening is the others', and after the last day everybody's. After NEWS, MORNING, MOVE and SERVE they
    meet. Each function is called from one line only: half the time to compile.

    Parameters
    ----------
    entries : int64 array
        Book of addresses.
    k : int
        Thread.
    first, last : int
        Days (`last` not included); how far a thread is stands in its row of ``state.sync``.
    key : uint64
        Key of all draws of the replicate.
    rest : bool
        Do nothing but add the days of those still on the route on day `last` to `durations`.
    durations : int64 [cells, groups, bins]

    Returns
    -------
    bool
        The others have not come to where threads meet, and patience has ended: to be called again, from where it stands.
    """
    book = pointer(entries)
    if rest:
        leftover_durations(book, k, last, durations)
        return False
    sync = array(book, "state.sync", 2)
    of = sync.shape[0] - 1
    own, common = pointer(sync[k]), pointer(sync[of])
    while True:
        if own[WAITS] and _still_waits(own, common):
            return True
        step, day = own[STEP], own[DAY]
        if step == NEWS:
            _count_people(book, sync, k, first, day - 1)
            if day < last:
                _hear(book, k, of, day)
            own[STEP] = MORNING if day < last else EVENING
            _meet(own, common, of)
        elif step in (MORNING, EVENING):
            share, shares = (k - 1, of - 1) if step == MORNING and of > 1 else (k, of)
            own[ON_ROUTE] = 0
            if day > first and share >= 0:
                own[ON_ROUTE] = close_day(book, share, shares, day - 1)
            if step == MORNING and k == 0:
                _begin(book, day)
            own[STEP] = DEPART if step == MORNING else DONE
            _meet(own, common, of)
        elif step in (DEPART, DONE):
            _count_on_route(book, sync, k, first, day - 1)
            if step == DONE:
                return False
            own[DEPARTED] = depart_part(book, k, day, key)
            own[FROM], own[TO], own[STEP] = k, k + 1, MOVE
        elif step == MOVE:
            for part in range(own[FROM], own[TO]):
                move_part(book, part, day)
            own[STEP] = SERVE
            if own[TO] - own[FROM] == 1 and own[FROM] == k:
                _meet(own, common, of)
        elif step == SERVE:
            own[STEP] = AGAIN
            if k == 0:
                served = serve_requests(book, day)
                common[SERVED] = served
                if of > 1 and 0 < served <= _WORTH_SHARING:
                    own[FROM], own[TO], own[STEP] = 0, of, MOVE
            if own[STEP] == AGAIN:
                _meet(own, common, of)
        elif common[SERVED] > 0:
            own[FROM], own[TO], own[STEP] = k, k + 1, MOVE
        else:
            own[STEP], own[DAY] = NEWS, day + 1
