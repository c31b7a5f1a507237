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

from sim.engines.kernels.draws import (
    ARRIVED,
    BOARDING,
    DIED,
    GOLD,
    M16,
    M32,
    MOVE,
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
    jit,
    mix,
    visit,
)
from sim.plan.layout import PAGE

U32 = np.uint32


@inner
def day_of_leaving(u, arrival, table, cal, offset, cdf, hazard, cum, n_days):
    """Day on which a stay ends when policies scale its hazard: first day with cumulated hazard past the threshold.

    Leaving on the day of arrival is part of the hazard: who is held (multiplier 0) does not pass through either.

    The threshold is the unit-exponential quantile of the stay's own draw; `cum[cal, t]` is the multiplier summed over
    days before `t` (it differs from the count of days only where a policy is in force).
    """
    o = offset[table]
    size = offset[table + 1] - o
    share = (np.float64(u) + 0.5) / 4294967296.0
    need = -np.log1p(-share)
    total = 0.0
    day = arrival
    while day < n_days:
        m = cum[cal, day + 1] - cum[cal, day]
        h = hazard[o + min(day - arrival, size - 1)]
        if m > 0.0:
            total += m * h if h < 1e30 else 1e30
        if total >= need:
            return day
        day += 1
    return n_days


@inner
def finish(ended, duration, trace, pointer, cell, group, outcome, place, day, w0, w1, w2, pos):
    """Count a person whose journey ends, with the days it took; keep the person where a trace is asked for."""
    ended[outcome, place, np.int64((w2 >> U64(16)) & M16)] += 1
    days = day - np.int64(w2 >> U64(48))
    duration[cell, group, min(days, duration.shape[2] - 1)] += U32(1)
    n = pointer[6]
    if n < trace.shape[0]:
        trace[n, 0] = w0
        trace[n, 1] = w1
        trace[n, 2] = w2
        trace[n, 3] = U64(outcome) | (U64(place) << U64(8)) | (U64(day) << S32) | (pos << U64(60))
    pointer[6] = n + 1


@jit
def move_part(P, C, S, k, day):
    """Move everyone of part `k` who has something to do on `day`, until only requests for limited legs are left.

    Arrays are taken out of their tuples once, since a reference counted in the loop costs more than the whole move.

    Parameters
    ----------
    P, C, S : Fixed, Today, State
        See :mod:`sim.plan.layout`.
    k : int
        Part of the people.
    day : int
        Day of the run.

    Returns
    -------
    int
        Number of requests waiting in ``S.request[k]``.
    """
    return _move(
        day, P.n_days, P.period_of_day, P.place_key, P.place_slot, P.place_country, P.place_ends, P.place_event,
        P.daily_cost, P.kind_home, P.kind_group, P.kind_class, P.end_cell, P.leg_to, P.leg_key, P.leg_sort,
        P.leg_limited, P.leg_end, P.alternative, P.alternatives, P.guide, P.offset, P.cdf, P.hazard,
        P.stay_table, P.stay_calendar, P.calendar, P.calendar_span, P.forced_index, P.forced_leg, P.means_edge, P.keep_after_robbery, C.threshold, C.leg_table, C.leg_cost,
        C.leg_robbery, C.leg_death, C.income, C.forced, S.pages[k], S.next_page[k], S.free[k], S.pointer[k], S.head[k],
        S.tail[k], S.fill[k], S.stock[k], S.ring[k], S.flow[k], S.ended[k], S.duration[k], S.harm[k], S.forced_seen[k],
        S.request[k], S.trace[k],
    )  # fmt: skip


@inner
def _move(
    day, n_days, period_of_day, place_key, place_slot, place_country, place_ends, place_event,
    daily_cost, kind_home, kind_group, kind_class, end_cell, leg_to, leg_key, leg_sort, leg_limited, leg_end,
    alternative, alternatives, guide, offset, cdf, hazard, stay_table, stay_calendar, calendar, calendar_span,
    forced_index, forced_leg, means_edge, keep_after_robbery, threshold, leg_table, leg_cost,
    leg_robbery, leg_death, income, forced, pages, next_page, free, pointer, head,
    tail, fill, stock, ring, flow, ended, duration, harm, forced_seen, request, trace,
):  # fmt: skip
    n_edges = means_edge.shape[0]
    n_forced = forced.shape[2]
    mask = ring.shape[0] - 1
    page = np.int64(pointer[2])
    i = np.int64(pointer[3])
    if page < 0:
        page = np.int64(head[day])
    events = 0
    while page >= 0:
        limit = np.int64(fill[day]) if page == tail[day] else PAGE
        if i >= limit:
            if page == tail[day]:
                break
            free[pointer[0]] = page
            pointer[0] += 1
            page = np.int64(next_page[page])
            i = 0
            continue
        w0, w1, w2, w3 = (
            pages[page, 4 * i],
            pages[page, 4 * i + 1],
            pages[page, 4 * i + 2],
            pages[page, 4 * i + 3],
        )
        i += 1
        events += 1
        place = np.int64(w2 & M16)
        g = np.int64((w2 >> U64(16)) & M16)
        kind = np.int64((w2 >> S32) & M16)
        means = w3 & M16
        pos = (w3 >> U64(16)) & U64(7)
        south = (w3 >> U64(19)) & U64(1)
        status = np.int64((w3 >> U64(20)) & U64(3))
        arriving = (w3 >> U64(22)) & U64(1)
        code = np.int64((w3 >> U64(23)) & U64(7))
        lap = (w3 >> U64(26)) & U64(63)
        draw = w3 >> S32
        keep = w3 & U64(0x0F0000)
        leg = np.int64(-1)
        when = day
        entering = False
        h = U64(0)
        if arriving:  # an arrival that is an event: outcome, home, forced move, or a stay
            stock[TRAVELLING, place, g] -= 1
            if code == 0 and south and place_country[place] == kind_home[kind]:
                code = RETURNED
            if code == 0 and place_ends[place] and not south:
                code = ARRIVED
            if code > 0:
                finish(ended, duration, trace, pointer, end_cell[code, place], kind_group[kind], code, place, day,
                       w0, w1, w2, pos)  # fmt: skip
                continue
            stock[STAYING, place, g] += 1
            status = STAYING
            entering = True
        else:
            if code == BOARDING:
                leg = np.int64(draw)
            else:
                m = 0
                for e in range(n_edges):
                    m += np.int64(means) >= means_edge[e]
                row = (kind_class[kind] * 2 + np.int64(south)) * (n_edges + 1) + m
                u = U32(min(draw, TOP))
                j = 0
                for start in range(0, alternatives[place], 8):
                    for a in range(8):
                        j += u >= threshold[row, place, start + a]
                leg = np.int64(alternative[place, j])
                if leg >= 0 and leg_sort[leg] != MOVE:
                    if leg_sort[leg] == SETTLE:
                        stock[status, place, g] -= 1
                        stock[SETTLED, place, g] += 1
                        finish(ended, duration, trace, pointer, end_cell[OUT_SETTLED, place], kind_group[kind],
                               OUT_SETTLED, place, day, w0, w1, w2, pos)  # fmt: skip
                        continue
                    v = ((w1 >> place_slot[place]) & U64(3)) + (lap << U64(2)) + U64(STREAM_TURN << 16)
                    w3 = (w3 & M32) | U64(0x080000)
                    w3 |= (mix(w0 + place_key[place] + v * GOLD) >> S32) << S32
                    leg = np.int64(-2)
                elif leg >= 0 and means != U64(NO_MEANS) and means < U64(leg_cost[leg]):
                    rate = income[place]
                    wait = 30
                    if rate > 0:
                        wait = min(30, (leg_cost[leg] - np.int64(means) + rate - 1) // rate)
                        means = min(means + U64(rate * wait), U64(NO_MEANS - 1))
                    stock[status, place, g] -= 1
                    stock[STRANDED, place, g] += 1
                    w3 = (w3 & ~U64(0x30FFFF)) | means | U64(STRANDED << 20)
                    when = min(day + wait, n_days)
                    leg = np.int64(-2)
                elif leg < 0 or leg_limited[leg]:
                    n = pointer[4]
                    request[n, 0] = w0
                    request[n, 1] = w1
                    request[n, 2] = w2
                    request[n, 3] = w3
                    request[n, 4] = U64(leg + 1)
                    pointer[4] = n + 1
                    continue
            if leg >= 0 and means != U64(NO_MEANS):
                means -= min(means, U64(leg_cost[leg]))
        to = place
        if entering:
            w1, lap, h = visit(place_key[place], place_slot[place], w0, w1, lap)
            f = forced_index[place]
            if f >= 0 and not south:
                forced_seen[kind_group[kind], f, 0] += 1
                u = U32(min(mix(h + U64(STREAM_FORCED) * GOLD) >> S32, TOP))
                for j in range(n_forced):
                    if u < forced[kind, f, j]:
                        leg = np.int64(forced_leg[f, j, kind])
                        entering = False
                        forced_seen[kind_group[kind], f, 1] += 1
                        break
        if leg >= 0:
            v = ((w1 >> place_slot[place]) & U64(3)) + (lap << U64(2))
            h = mix(w0 + leg_key[leg] + v * GOLD)
            u64 = min(h >> S32, TOP)
            table = leg_table[leg]
            o = offset[table]
            n = np.int64(guide[table, u64 >> U64(24)])
            while u64 >= cdf[o + n]:
                n += 1
            when = day + n
            code = np.int64(leg_end[leg])
            if (h & M32) < leg_robbery[leg]:
                harm[kind_group[kind], leg] += 1
                if means != U64(NO_MEANS):
                    means = (means * U64(keep_after_robbery)) >> U64(8)
            if (
                leg_death[leg] > U64(0)
                and (mix(h + (pos + U64(STREAM_DEATH)) * GOLD) >> S32) < leg_death[leg]
            ):
                code = DIED
                harm[kind_group[kind], leg] += 1
            to = np.int64(leg_to[leg])
            stock[status, place, g] -= 1
            stock[TRAVELLING, to, g] += 1
            late = when >= n_days
            if not late and code != DIED:
                flow[period_of_day[when], leg, g] += 1
            w2 = (w2 & ~M16) | U64(to)
            if late or code != 0 or place_event[to] or south:
                w3 = means | keep | U64(1 << 22) | (U64(code) << U64(23)) | (lap << U64(26))
                when = min(when, n_days)
            else:
                ring[when & mask, to, g] += 1
                w1, lap, h = visit(place_key[to], place_slot[to], w0, w1, lap)
                entering = True
        if entering:
            u64 = min(h & M32, TOP)
            table = stay_table[kind, to]
            o = offset[table]
            n = np.int64(guide[table, u64 >> U64(24)])
            while u64 >= cdf[o + n]:
                n += 1
            cal = stay_calendar[kind, to]
            leave = when + n
            if cal >= 0 and leave > calendar_span[cal, 0] and when <= calendar_span[cal, 1]:
                leave = day_of_leaving(u64, when, table, cal, offset, cdf, hazard, calendar, n_days)
            if means != U64(NO_MEANS):
                spent = U64(daily_cost[to] * (leave - when))
                means = means - spent if means > spent else U64(0)
            when = min(leave, n_days)
            w3 = means | keep | (lap << U64(26)) | ((h >> S32) << S32)
        n = np.int64(fill[when])
        last = np.int64(tail[when])
        if n == PAGE:
            top = pointer[0]
            if top > 0:
                pointer[0] = top - 1
                new = np.int64(free[top - 1])
            else:
                new = np.int64(pointer[1])
                pointer[1] = new + 1
            next_page[new] = -1
            if last < 0:
                head[when] = new
            else:
                next_page[last] = new
            tail[when] = new
            last = new
            n = 0
        pages[last, 4 * n] = w0
        pages[last, 4 * n + 1] = w1
        pages[last, 4 * n + 2] = w2
        pages[last, 4 * n + 3] = w3
        fill[when] = n + 1
    pointer[2] = page
    pointer[3] = i
    pointer[5] += events
    return pointer[4]
