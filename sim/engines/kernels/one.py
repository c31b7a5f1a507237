"""One unit that has something to do: everything that may become of it on a day (kernel)."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from sim.engines.kernels.address import reached_of_eight, shift
from sim.engines.kernels.buckets import day_of_leaving, days_drawn, finish, leave_stock, put, shift_stock
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
    S16,
    S32,
    SETTLE,
    SETTLED,
    SHUT,
    STRANDED,
    STREAM_FORCED,
    STREAM_TURN,
    TOP,
    TRAVELLING,
    U64,
    mix,
    visit,
    woven,
)
from sim.engines.kernels.record import (
    ARRIVING,
    KEEP,
    NO_LEG,
    PLACE,
    SOUTHWARD,
    WAY,
    ask,
    first_threshold,
    kind_of,
    size_of,
    who_dies,
)

__all__ = ["Seldom", "move_one"]

U32 = np.uint32


class Seldom(NamedTuple):
    """Addresses and sizes of what only some moves ask for or count."""

    kind_home: Any
    keep_after_robbery: Any
    kind_group: Any
    income: Any
    harm: Any
    forced_seen: Any
    request: Any
    n_legs: Any


@woven
def move_one(at, s, stays, buckets, ends, seldom):
    """Move a unit by one step: an outcome, a stay, a line, or a crossing.

    Parameters
    ----------
    at : int
        First word of its record among all pages (see :mod:`sim.engines.kernels.record`).
    s : Sight
        What most moves ask for.
    stays, buckets, ends, seldom : NamedTuple

    Returns
    -------
    int
        Persons who were touched.
    """
    w0, w1, w2, w3 = s.pages[at], s.pages[at + 1], s.pages[at + 2], s.pages[at + 3]
    day, n_days, n_tally, n_cells = s.day, s.n_days, s.n_tally, s.n_cells
    place_word, way_word, member_class = s.place_word, s.way_word, s.member_class
    stock, ring, flow = s.stock, s.ring, s.flow
    kind_group, forced_seen, harm = seldom.kind_group, seldom.forced_seen, seldom.harm
    travelling = TRAVELLING * n_cells
    events = 0
    place = np.int64(w2 & PLACE)
    kind = kind_of(w2)
    cell = place * n_tally
    means = w3 & M16
    south = (w3 >> U64(19)) & U64(1)
    status = np.int64((w3 >> U64(20)) & U64(3))
    code = np.int64((w3 >> U64(23)) & U64(7))
    lap = (w3 >> U64(26)) & U64(63)
    draw = w3 >> S32
    keep = w3 & KEEP
    before = status * n_cells + cell
    way = np.int64(-1)
    to = place
    when = day
    entering = False
    h = U64(0)
    if w3 & ARRIVING:  # an arrival that is an event: outcome, home, forced move, or a stay
        size = size_of(w2)
        events += size
        flags = place_word[4 * place + 1]
        if code == 0 and south and np.int64((flags >> U64(8)) & M16) == seldom.kind_home[kind]:
            code = RETURNED
        if code == 0 and (flags >> U64(24)) & U64(1) and not south:
            code = ARRIVED
        if code > 0:
            leave_stock(stock, member_class, kind, w2, travelling + cell)
            finish(ends, code, place, day, w0, w1, w2, w3)
            return events
        shift_stock(stock, member_class, kind, w2, travelling + cell, cell)
        before = cell  # staying
        entering = True
        w1, lap, h = visit(place_word[4 * place], flags & U64(0xFF), w0, w1, lap)
        f = np.int64((flags >> S32) & M16) - 1
        if f >= 0 and not south:
            post = np.int64(kind_group[kind]) * s.n_posts + f
            forced_seen[2 * post] += size
            first = s.n_forced * (kind * s.n_posts + f)
            u = U32(min(mix(h + U64(STREAM_FORCED) * GOLD) >> S32, TOP))
            for j in range(s.n_forced):
                if u < s.forced[first + j]:
                    way = np.int64(s.leg_way[s.forced_leg[(f * s.n_forced + j) * s.n_kinds + kind]])
                    entering = False
                    forced_seen[2 * post + 1] += size
                    events -= size  # counted where they leave
                    break
    elif code == BOARDING:
        way = np.int64(s.leg_way[np.int64(draw)])
    else:
        m = _class_of_means(means, s.means_edge, s.n_edges)
        ways = place_word[4 * place + 3]
        row = np.int64(s.kind_word[16 * kind] >> S32) + np.int64(south) * (s.n_edges + 1) + m
        chances = shift(s.threshold, first_threshold(ways, row))
        way = np.int64((ways >> S16) & WAY) + _choice(chances, np.int64(ways & U64(0xFFF)), draw)
        flags = way_word[8 * way + 1]
        if flags & NO_LEG:
            sort = (flags >> U64(21)) & U64(3)
            if sort == U64(SHUT):
                ask(seldom.request, buckets.turn, w0, w1, w2, w3, U64(0))
                events += size_of(w2)
                return events
            if sort == U64(SETTLE):
                events += size_of(w2)
                shift_stock(stock, member_class, kind, w2, before, SETTLED * n_cells + cell)
                finish(ends, OUT_SETTLED, place, day, w0, w1, w2, w3)
                return events
            here = place_word[4 * place + 1]
            if np.int64((here >> U64(8)) & M16) == seldom.kind_home[kind]:  # turns back in the home country
                events += size_of(w2)
                leave_stock(stock, member_class, kind, w2, before)
                finish(ends, RETURNED, place, day, w0, w1, w2, w3)
                return events
            v = ((w1 >> (here & U64(0xFF))) & U64(3)) + (lap << U64(2)) + U64(STREAM_TURN << 16)
            w3 = (w3 & M32) | SOUTHWARD
            w3 |= (mix(w0 + place_word[4 * place] + v * GOLD) >> S32) << S32
            events += size_of(w2)
            way = np.int64(-1)
        elif means != U64(NO_MEANS) and means < way_word[8 * way + 3]:
            rate = seldom.income[place]
            wait = 30
            if rate > 0:
                wait = min(30, (np.int64(way_word[8 * way + 3]) - np.int64(means) + rate - 1) // rate)
                means = min(means + U64(rate * wait), U64(NO_MEANS - 1))
            shift_stock(stock, member_class, kind, w2, before, STRANDED * n_cells + cell)
            w3 = (w3 & ~U64(0x30FFFF)) | means | U64(STRANDED << 20)
            when = min(day + wait, n_days)
            events += size_of(w2)
            way = np.int64(-1)
        elif flags & U64(1 << 16):
            ask(seldom.request, buckets.turn, w0, w1, w2, w3, flags >> S32)
            events += size_of(w2)
            return events
    if way >= 0:
        q = 8 * way
        flags = way_word[q + 1]
        leg = np.int64(flags >> S32) - 1
        if means != U64(NO_MEANS) and not w3 & ARRIVING:
            means -= min(means, way_word[q + 3])
        code = np.int64((flags >> U64(17)) & U64(7))
        sure = way_word[q + 6] & M32
        if sure > U64(0):
            when = day + np.int64(sure) - 1
        else:
            v = ((w1 >> (place_word[4 * place + 1] & U64(0xFF))) & U64(3)) + (lap << U64(2))
            h = mix(w0 + way_word[q] + v * GOLD)
            span = way_word[q + 2]
            when = day + days_drawn(stays, span >> S32, np.int64(span & M32), h >> S32)
            if (h & M32) < way_word[q + 4]:
                harm[np.int64(kind_group[kind]) * seldom.n_legs + leg] += size_of(w2)
                if means != U64(NO_MEANS):
                    means = (means * U64(seldom.keep_after_robbery)) >> U64(8)
            if way_word[q + 5] > U64(0):
                dead = who_dies(h, way_word[q + 5], w2)
                if dead > U64(0):  # on the way, without the others, until the day of arrival
                    to = np.int64(flags & PLACE)
                    gone = size_of(dead)
                    events += gone
                    harm[np.int64(kind_group[kind]) * seldom.n_legs + leg] += gone
                    after = travelling + to * n_tally
                    shift_stock(stock, member_class, kind, dead, before, after)
                    w3 = means | keep | ARRIVING | (U64(DIED) << U64(23)) | (lap << U64(26))
                    lost = dead | (w2 & M32 & ~PLACE) | U64(to)
                    put(buckets, min(when, n_days), w0, w1, lost, w3)
                    w2 ^= dead
                    if w2 >> S32 == U64(0):
                        return events
        to = np.int64(flags & M16)
        members = w2 >> S32
        w2 = (w2 & ~PLACE) | U64(to)
        late = when >= n_days
        event = late or code != 0 or (flags & U64(1 << 20)) != U64(0) or south != U64(0)
        ahead = not event and when != day
        after = to * n_tally
        coming = (when & s.mask) * n_cells + after
        if event or ahead:
            after += travelling
        counted = np.int64(s.period_of_day[U64(min(when, n_days))]) * s.n_flows + leg * n_tally
        classes = 16 * kind
        while members > U64(0):
            if members & U64(15):
                g = np.int64(member_class[classes + np.int64(members & U64(15))])
                events += 1
                stock[before + g] -= 1
                stock[after + g] += 1
                if not late:
                    flow[counted + g] += 1
                if ahead:
                    ring[coming + g] += 1
            members >>= U64(4)
        if event:
            w3 = means | keep | ARRIVING | (U64(code) << U64(23)) | (lap << U64(26))
            when = min(when, n_days)
        else:
            w1, lap, h = visit(way_word[q + 7], (flags >> U64(24)) & U64(0xFF), w0, w1, lap)
            entering = True
    if entering:
        leave = day_of_leaving(stays, kind, to, h & M32, when)
        if means != U64(NO_MEANS):
            spent = place_word[4 * to + 2] * U64(leave - when)
            means = means - spent if means > spent else U64(0)
        when = min(leave, n_days)
        w3 = means | keep | (lap << U64(26)) | ((h >> S32) << S32)
    put(buckets, when, w0, w1, w2, w3)
    return events


@woven
def _class_of_means(means, edge, n):
    """Class of means a person belongs to: how many of the edges in USD they reach."""
    m = 0
    for e in range(n):
        m += np.int64(means) >= edge[e]
    return m


@woven
def _choice(thresholds, n, draw):
    """Alternative that a draw means: how many thresholds it reaches; they are laid out by eight, the last ones certain."""
    u = U32(min(draw, TOP))
    j = 0
    for start in range(0, n, 8):
        j += reached_of_eight(shift(thresholds, start), u)
    return j
