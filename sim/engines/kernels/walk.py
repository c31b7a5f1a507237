"""The day of the agents engine, compiled: one part of the people, one day, one round.

The order of the day is written in :mod:`sim.engines.agents`; the layout of a person's record in
:mod:`sim.plan.layout`. Every draw is a pure function of (seed, stream, unit or person, place or leg, visit).

Words of a record (uint64 x 4):

====  =====================================================================================================
word  content (low bits first)
====  =====================================================================================================
0     travel-unit key, 64 bits
1     visits: 32 slots of 2 bits, one slot for each place (modulo 32)
2     place 16, tally class 16, kind (group x unit) 16, departure day 16
3     means in USD 16, flags 16 (position 3, heading 1, status 2, arriving 1, outcome 3, lap 6), choice draw 32
====  =====================================================================================================
"""

from __future__ import annotations

import numpy as np

from sim.engines.kernels.address import array, number, pointer
from sim.engines.kernels.buckets import (
    PAGE_BITS,
    buckets_of,
    day_of_leaving,
    ends_of,
    finish,
    of_part,
    put,
    stays_of,
)
from sim.engines.kernels.draws import (
    ARRIVED,
    BOARDING,
    DIED,
    GOLD,
    M16,
    M32,
    NO_MEANS,
    OUT_SETTLED,
    RETURNED,
    S32,
    SETTLE,
    SETTLED,
    STAYING,
    STRANDED,
    STREAM_DEATH,
    STREAM_FORCED,
    STREAM_TURN,
    TOP,
    TRAVELLING,
    U64,
    inner,
    mix,
    visit,
)
from sim.plan.layout import PAGE

U32 = np.uint32


@inner
def write_leg_words(book, epoch):
    """Gather what a crossing asks of each leg in an epoch: eight words, one cache line.

    Words: key; place 16, limited 1, end 3, event at the place 1, sort 2 (from bit 0, 16, 17, 20, 21); first day of the
    distribution in ``cdf`` 32 and the distribution 32; cost in USD; thresholds of robbery and of death; days + 1 where
    nothing needs a draw, else 0.
    """
    word = array(book, "state.leg_word", 1)
    guide_word = array(book, "state.guide_word", 1)
    place_event = array(book, "fixed.place_event", 1)
    offset = array(book, "fixed.offset", 1)
    leg_to = array(book, "fixed.leg_to", 1)
    leg_key = array(book, "fixed.leg_key", 1)
    leg_sort = array(book, "fixed.leg_sort", 1)
    leg_limited = array(book, "fixed.leg_limited", 1)
    leg_end = array(book, "fixed.leg_end", 1)
    table = array(book, "epochs.leg_table", 2)
    cost = array(book, "epochs.leg_cost", 2)
    robbery = array(book, "epochs.leg_robbery", 2)
    death = array(book, "epochs.leg_death", 2)
    for leg in range(leg_to.shape[0]):
        a = 8 * leg
        t = np.int64(table[epoch, leg])
        to = np.int64(leg_to[leg])
        word[a] = leg_key[leg]
        flags = (
            to
            | (np.int64(leg_limited[leg]) << 16)
            | (np.int64(leg_end[leg]) << 17)
            | (np.int64(leg_sort[leg]) << 21)
        )
        if to >= 0:
            flags |= np.int64(place_event[to]) << 20
        word[a + 1] = U64(flags)
        word[a + 2] = U64(offset[t]) | (U64(t) << S32)
        word[a + 3] = U64(cost[epoch, leg])
        word[a + 4] = robbery[epoch, leg]
        word[a + 5] = death[epoch, leg]
        first, last = np.int64(guide_word[t * 256]), np.int64(guide_word[t * 256 + 255])
        sure = first == last and first >= 0x8000 and robbery[epoch, leg] == 0 and death[epoch, leg] == 0
        word[a + 6] = U64((first & 0x7FFF) + 1) if sure else U64(0)


@inner
def move_part(book, k, day):
    """Move everyone of part `k` who has something to do on `day`, until only requests for limited legs are left.

    What every move touches goes on as bare addresses.

    Parameters
    ----------
    book : address
        See :mod:`sim.engines.kernels.address`.
    k : int
        Part of the people.
    day : int
        Day of the run.
    """
    stock = array(book, "state.stock", 4)
    flow = array(book, "state.flow", 4)
    ring = array(book, "state.ring", 4)
    alternative = array(book, "fixed.alternative", 2)
    means_edge = array(book, "fixed.means_edge", 1)
    keep_after_robbery = number(book, "fixed.keep_after_robbery")
    period_of_day = array(book, "fixed.period_of_day", 1)
    kind_class = array(book, "fixed.kind_class", 1)
    leg_word = array(book, "state.leg_word", 1)
    kind_home = array(book, "fixed.kind_home", 1)
    kind_group = array(book, "fixed.kind_group", 1)
    end_cell = array(book, "fixed.end_cell", 2)
    forced_leg = array(book, "fixed.forced_leg", 3)
    harm = array(book, "state.harm", 3)
    forced_seen = array(book, "state.forced_seen", 4)
    request = array(book, "state.request", 3)
    threshold = array(book, "state.threshold", 3)
    epoch = array(book, "epochs.epoch_of_day", 1)[day]
    income, forced = array(book, "epochs.income", 2), array(book, "epochs.forced", 4)
    n_places, n_tally = stock.shape[2], stock.shape[3]
    _move(
        day, n_tally, n_places * n_tally, flow.shape[2] * n_tally, ring.shape[1] - 1, threshold.shape[2],
        alternative.shape[1], means_edge.shape[0], keep_after_robbery, pointer(period_of_day), pointer(kind_class),
        pointer(alternative), pointer(means_edge), pointer(threshold), pointer(leg_word), stays_of(book),
        of_part(buckets_of(book), k), ends_of(book, k), pointer(stock[k]), pointer(ring[k]), pointer(flow[k]), kind_home,
        kind_group, end_cell, forced_leg, income[epoch], forced[epoch], harm[k], forced_seen[k], request[k],
    )  # fmt: skip


@inner
def _move(
    day, n_tally, n_cells, n_flows, mask, width, alternative_width, n_edges, keep_after_robbery, period_of_day, kind_class,
    alternative, means_edge, threshold, leg_word, stays, buckets, ends, stock, ring, flow, kind_home, kind_group, end_cell,
    forced_leg, income, forced, harm, forced_seen, request,
):  # fmt: skip
    pages, turn, cursor, next_page, free = (
        buckets.pages,
        buckets.turn,
        buckets.cursor,
        buckets.next_page,
        buckets.free,
    )
    place_word, guide, cdf, n_days, n_places = (
        stays.place_word,
        stays.guide,
        stays.cdf,
        stays.n_days,
        stays.n_places,
    )
    n_forced = forced.shape[2]
    travelling = TRAVELLING * n_cells
    page = np.int64(turn[2])
    begin = np.int64(turn[3])
    if page < 0:
        page = np.int64(buckets.head[day])
    events = 0
    while page >= 0:
        end = cursor[day]
        last = (end - 1) >> PAGE_BITS
        stop = end - (last << PAGE_BITS) if page == last else PAGE
        if begin >= stop:
            if page == last:
                break
            free[turn[0]] = page
            turn[0] += 1
            page = np.int64(next_page[page])
            begin = 0
            continue
        events += stop - begin
        for r in range((page << PAGE_BITS) + begin, (page << PAGE_BITS) + stop):
            w0, w1, w2, w3 = pages[4 * r], pages[4 * r + 1], pages[4 * r + 2], pages[4 * r + 3]
            place = np.int64(w2 & M16)
            g = np.int64((w2 >> U64(16)) & M16)
            kind = np.int64((w2 >> S32) & M16)
            cell = place * n_tally + g
            means = w3 & M16
            pos = (w3 >> U64(16)) & U64(7)
            south = (w3 >> U64(19)) & U64(1)
            status = np.int64((w3 >> U64(20)) & U64(3))
            code = np.int64((w3 >> U64(23)) & U64(7))
            lap = (w3 >> U64(26)) & U64(63)
            draw = w3 >> S32
            keep = w3 & U64(0x0F0000)
            leg = np.int64(-1)
            to = place
            when = day
            entering = False
            h = U64(0)
            if w3 & U64(1 << 22):  # an arrival that is an event: outcome, home, forced move, or a stay
                stock[travelling + cell] -= 1
                flags = place_word[4 * place + 1]
                if code == 0 and south and np.int64((flags >> U64(8)) & M16) == kind_home[kind]:
                    code = RETURNED
                if code == 0 and (flags >> U64(24)) & U64(1) and not south:
                    code = ARRIVED
                if code > 0:
                    finish(ends, end_cell[code, place], kind_group[kind], code, place, day,
                           w0, w1, w2, pos)  # fmt: skip
                    continue
                stock[cell] += 1
                status = STAYING
                entering = True
                w1, lap, h = visit(place_word[4 * place], flags & U64(0xFF), w0, w1, lap)
                f = np.int64((flags >> S32) & M16) - 1
                if f >= 0 and not south:
                    forced_seen[kind_group[kind], f, 0] += 1
                    u = U32(min(mix(h + U64(STREAM_FORCED) * GOLD) >> S32, TOP))
                    for j in range(n_forced):
                        if u < forced[kind, f, j]:
                            leg = np.int64(forced_leg[f, j, kind])
                            entering = False
                            forced_seen[kind_group[kind], f, 1] += 1
                            break
            elif code == BOARDING:
                leg = np.int64(draw)
            else:
                m = 0
                for e in range(n_edges):
                    m += np.int64(means) >= means_edge[e]
                row = (np.int64(kind_class[kind]) * 2 + np.int64(south)) * (n_edges + 1) + m
                u = U32(min(draw, TOP))
                base = (row * n_places + place) * width
                j = 0
                for start in range(base, base + np.int64(place_word[4 * place + 3]), 8):
                    for a in range(8):
                        j += u >= threshold[start + a]
                leg = np.int64(alternative[place * alternative_width + j])
                flags = leg_word[8 * leg + 1] if leg >= 0 else U64(0)
                if leg >= 0 and flags >> U64(21):
                    if flags >> U64(21) == U64(SETTLE):
                        stock[status * n_cells + cell] -= 1
                        stock[SETTLED * n_cells + cell] += 1
                        finish(ends, end_cell[OUT_SETTLED, place], kind_group[kind],
                               OUT_SETTLED, place, day, w0, w1, w2, pos)  # fmt: skip
                        continue
                    v = (
                        ((w1 >> (place_word[4 * place + 1] & U64(0xFF))) & U64(3))
                        + (lap << U64(2))
                        + U64(STREAM_TURN << 16)
                    )
                    w3 = (w3 & M32) | U64(0x080000)
                    w3 |= (mix(w0 + place_word[4 * place] + v * GOLD) >> S32) << S32
                    leg = np.int64(-2)
                elif leg >= 0 and means != U64(NO_MEANS) and means < leg_word[8 * leg + 3]:
                    rate = income[place]
                    wait = 30
                    if rate > 0:
                        wait = min(30, (np.int64(leg_word[8 * leg + 3]) - np.int64(means) + rate - 1) // rate)
                        means = min(means + U64(rate * wait), U64(NO_MEANS - 1))
                    stock[status * n_cells + cell] -= 1
                    stock[STRANDED * n_cells + cell] += 1
                    w3 = (w3 & ~U64(0x30FFFF)) | means | U64(STRANDED << 20)
                    when = min(day + wait, n_days)
                    leg = np.int64(-2)
                elif leg < 0 or flags & U64(1 << 16):
                    n = turn[4]
                    request[n, 0] = w0
                    request[n, 1] = w1
                    request[n, 2] = w2
                    request[n, 3] = w3
                    request[n, 4] = U64(leg + 1)
                    turn[4] = n + 1
                    continue
            if leg >= 0:
                q = 8 * leg
                flags = leg_word[q + 1]
                if means != U64(NO_MEANS) and not w3 & U64(1 << 22):
                    means -= min(means, leg_word[q + 3])
                code = np.int64((flags >> U64(17)) & U64(7))
                sure = leg_word[q + 6]
                if sure > U64(0):
                    when = day + np.int64(sure) - 1
                else:
                    v = ((w1 >> (place_word[4 * place + 1] & U64(0xFF))) & U64(3)) + (lap << U64(2))
                    h = mix(w0 + leg_word[q] + v * GOLD)
                    u64 = min(h >> S32, TOP)
                    span = leg_word[q + 2]
                    n = np.int64(guide[np.int64(((span >> S32) << U64(8)) + (u64 >> U64(24)))])
                    if n < 0x8000:
                        o = np.int64(span & M32)
                        while u64 >= cdf[o + n]:
                            n += 1
                    when = day + (n & 0x7FFF)
                    if (h & M32) < leg_word[q + 4]:
                        harm[kind_group[kind], leg] += 1
                        if means != U64(NO_MEANS):
                            means = (means * U64(keep_after_robbery)) >> U64(8)
                    death = leg_word[q + 5]
                    if death > U64(0) and (mix(h + (pos + U64(STREAM_DEATH)) * GOLD) >> S32) < death:
                        code = DIED
                        harm[kind_group[kind], leg] += 1
                to = np.int64(flags & M16)
                cell_to = to * n_tally + g
                stock[status * n_cells + cell] -= 1
                late = when >= n_days
                if not late and code != DIED:
                    flow[np.int64(period_of_day[U64(when)]) * n_flows + leg * n_tally + g] += 1
                w2 = (w2 & ~M16) | U64(to)
                if late or code != 0 or (flags & U64(1 << 20)) or south:
                    stock[travelling + cell_to] += 1
                    w3 = means | keep | U64(1 << 22) | (U64(code) << U64(23)) | (lap << U64(26))
                    when = min(when, n_days)
                else:
                    if when == day:
                        stock[cell_to] += 1
                    else:
                        stock[travelling + cell_to] += 1
                        ring[(when & mask) * n_cells + cell_to] += 1
                    w1, lap, h = visit(place_word[4 * to], place_word[4 * to + 1] & U64(0xFF), w0, w1, lap)
                    entering = True
            if entering:
                leave = day_of_leaving(stays, kind, to, min(h & M32, TOP), when)
                if means != U64(NO_MEANS):
                    spent = place_word[4 * to + 2] * U64(leave - when)
                    means = means - spent if means > spent else U64(0)
                when = min(leave, n_days)
                w3 = means | keep | (lap << U64(26)) | ((h >> S32) << S32)
            put(buckets, when, w0, w1, w2, w3)
        begin = stop
    turn[2] = page
    turn[3] = begin
    turn[5] += events
