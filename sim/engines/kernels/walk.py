"""The day of the agents engine, compiled: one part of the people, one day, one round.

The order of the day is written in :mod:`sim.engines.agents`; the record of a travel unit in
:mod:`sim.engines.kernels.record`. Every draw is a pure function of (seed, stream, unit or person, place or leg, visit).
"""

from __future__ import annotations

import numpy as np

from sim.engines.kernels.address import add_one, array, fetch, number, pointer, reached_of_eight, shift
from sim.engines.kernels.buckets import (
    PAGE_BITS,
    buckets_of,
    day_of_leaving,
    days_drawn,
    ends_of,
    finish,
    leave_stock,
    of_part,
    put,
    shift_stock,
    stays_of,
)
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
    S16,
    S32,
    SETTLE,
    SETTLED,
    SHUT,
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
    woven,
)
from sim.engines.kernels.record import (
    ARRIVING,
    KEEP,
    MEMBER_BITS,
    PLACE,
    SOUTHWARD,
    WAY,
    first_threshold,
    kind_of,
    size_of,
)
from sim.plan.layout import PAGE

U32 = np.uint32
LINES_AHEAD = 12
"""Cache lines of the next page that are asked for before this one is read: the processor finds the rest by itself."""
NO_LEG = U64(1 << 23)
"""A way whose sort is not to move: a bit of its own, so that nearly everybody passes one branch and no table of jumps."""


@inner
def write_way_words(book, epoch):
    """Gather what a crossing asks of each way out of a place in an epoch: eight words, one cache line.

    Words: key of the leg; flags: place it leads to 16, limited 1, end 3, event at that place 1, sort 2, no leg to move on 1, visit
    slot of that place 8, leg + 1 (from bit 0, 16, 17, 20, 21, 23, 24, 32); first day of the distribution in ``cdf`` 32 and the distribution 32; cost
    in USD; thresholds of robbery and of death; days + 1 where nothing needs a draw, else 0; key of the place.
    """
    word = array(book, "state.way_word", 1)
    way_leg = array(book, "state.way_leg", 1)
    place_word = array(book, "state.place_word", 1)
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
    for way in range(way_leg.shape[0]):
        a = 8 * way
        leg = np.int64(way_leg[way])
        if leg < 0:
            word[a + 1] = U64(SHUT << 21) | NO_LEG
            continue
        t = np.int64(table[epoch, leg])
        to = np.int64(leg_to[leg])
        word[a] = leg_key[leg]
        flags = (
            (np.int64(leg_limited[leg]) << 16)
            | (np.int64(leg_end[leg]) << 17)
            | (np.int64(leg_sort[leg]) << 21)
        )
        if to >= 0:
            slot = np.int64(place_word[4 * to + 1] & U64(0xFF))
            flags |= to | (np.int64(place_event[to]) << 20) | (slot << 24)
            word[a + 7] = place_word[4 * to]
        word[a + 1] = U64(flags | ((leg + 1) << 32))
        if leg_sort[leg] != MOVE:
            word[a + 1] |= NO_LEG
        word[a + 2] = U64(offset[t]) | (U64(t) << S32)
        word[a + 3] = U64(cost[epoch, leg])
        word[a + 4] = robbery[epoch, leg]
        word[a + 5] = death[epoch, leg]
        first, last = np.int64(guide_word[t * 256]), np.int64(guide_word[t * 256 + 255])
        sure = first == last and first >= 0x8000 and robbery[epoch, leg] == 0 and death[epoch, leg] == 0
        word[a + 6] = U64((first & 0x7FFF) + 1) if sure else U64(0)


@inner
def move_part(book, k, day):
    """Move, as thread `k`, those who have something to do on `day`, until only requests for limited legs are left.

    Whoever was in a bucket this morning is moved zone by zone by any thread that has nothing else to do, its own share of the
    zones first, so that what a zone's moves touch stays near one processor; who comes to a bucket during the day is moved by the
    thread that put them there. Each thread counts for itself, and counts are added up: which of them moved whom makes no
    difference. What every move touches goes on as bare addresses.

    Parameters
    ----------
    book : address
        See :mod:`sim.engines.kernels.address`.
    k : int
        Thread.
    day : int
        Day of the run.
    """
    stock = array(book, "state.stock", 4)
    flow = array(book, "state.flow", 4)
    ring = array(book, "state.ring", 4)
    means_edge = array(book, "fixed.means_edge", 1)
    keep_after_robbery = number(book, "fixed.keep_after_robbery")
    period_of_day = array(book, "fixed.period_of_day", 1)
    kind_row = array(book, "state.kind_row", 1)
    way_word, leg_way = array(book, "state.way_word", 1), array(book, "state.leg_way", 1)
    kind_home = array(book, "fixed.kind_home", 1)
    kind_group = array(book, "fixed.kind_group", 1)
    member_class = array(book, "state.member_class", 1)
    forced_leg = array(book, "fixed.forced_leg", 3)
    harm = array(book, "state.harm", 3)
    forced_seen = array(book, "state.forced_seen", 4)
    request = array(book, "state.request", 3)
    threshold = array(book, "state.threshold", 1)
    epoch = array(book, "epochs.epoch_of_day", 1)[day]
    income, forced = array(book, "epochs.income", 2), array(book, "epochs.forced", 4)
    n_places, n_tally = stock.shape[2], stock.shape[3]
    buckets = buckets_of(book)
    _move(
        k, stock.shape[0], pointer(array(book, "state.begun", 1)), day, n_tally, n_places * n_tally, flow.shape[2] * n_tally,
        ring.shape[1] - 1, means_edge.shape[0], keep_after_robbery, pointer(period_of_day),
        pointer(kind_row), pointer(leg_way), pointer(means_edge), pointer(threshold), pointer(way_word), stays_of(book),
        of_part(buckets, k), ends_of(book, k), pointer(stock[k]), pointer(ring[k]), pointer(flow[k]), kind_home,
        kind_group, pointer(member_class), forced_leg, income[epoch], forced[epoch], harm[k], forced_seen[k], request[k],
    )  # fmt: skip


@inner
def _move(
    k, threads, begun, day, n_tally, n_cells, n_flows, mask, n_edges, keep_after_robbery, period_of_day, kind_row,
    leg_way, means_edge, threshold, way_word, stays, buckets, ends, stock, ring, flow, kind_home, kind_group, member_class,
    forced_leg, income, forced, harm, forced_seen, request,
):  # fmt: skip
    pages, turn, cursor, free = buckets.pages, buckets.turn, buckets.cursor, buckets.free
    reading, n_zones = buckets.reading, buckets.n_zones
    place_word, n_days = stays.place_word, stays.n_days
    n_forced = forced.shape[2]
    travelling = TRAVELLING * n_cells
    events = 0
    source, zone, read = k, np.int64(-1), 1
    together, task = threads > 1, -1
    while True:
        if together:  # who was there this morning: zones of one's own first, then those nobody has begun
            task, zone, source = _next_zone(begun, k, threads, n_zones, task + 1)
            if task == n_zones * threads:
                together, source, zone, read = False, k, np.int64(-1), 0
                continue
        else:  # who came since, and may come again to a zone read before
            zone += 1
            if zone == n_zones:
                if read == 0:
                    break
                zone, read = 0, 0
        of_source = (source - k) * n_zones + zone
        bucket = (source - k) * buckets.n_buckets + zone * (n_days + 1) + day
        page, begin, end = np.int64(-1), 0, np.int64(buckets.ready[of_source])
        kept = (end - 1) >> PAGE_BITS  # a thread may be reading it: handed back tomorrow
        if together:
            if end > 0:
                page = np.int64(buckets.head[bucket])
        else:
            page, begin = np.int64(reading[2 * zone]), np.int64(reading[2 * zone + 1])
            if page < 0:
                page = np.int64(buckets.head[bucket])
        while page >= 0:
            if not together:
                end = np.int64(cursor[bucket])
            last = (end - 1) >> PAGE_BITS
            stop = end - (last << PAGE_BITS) if page == last else PAGE
            if begin >= stop:
                if page == last:
                    break
                if page != kept:
                    free[turn[0]] = page
                    turn[0] += 1
                page = np.int64(buckets.next_page[page])
                begin = 0
                continue
            read += 1
            if page != last:
                _ask_for(pages, np.int64(buckets.next_page[page]))
            for r in range((page << PAGE_BITS) + begin, (page << PAGE_BITS) + stop):
                w0, w1, w2, w3 = pages[4 * r], pages[4 * r + 1], pages[4 * r + 2], pages[4 * r + 3]
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
                    if code == 0 and south and np.int64((flags >> U64(8)) & M16) == kind_home[kind]:
                        code = RETURNED
                    if code == 0 and (flags >> U64(24)) & U64(1) and not south:
                        code = ARRIVED
                    if code > 0:
                        leave_stock(stock, member_class, kind, w2, travelling + cell)
                        finish(ends, code, place, day, w0, w1, w2, w3)
                        continue
                    shift_stock(stock, member_class, kind, w2, travelling + cell, cell)
                    before = cell  # staying
                    entering = True
                    w1, lap, h = visit(place_word[4 * place], flags & U64(0xFF), w0, w1, lap)
                    f = np.int64((flags >> S32) & M16) - 1
                    if f >= 0 and not south:
                        forced_seen[kind_group[kind], f, 0] += size
                        u = U32(min(mix(h + U64(STREAM_FORCED) * GOLD) >> S32, TOP))
                        for j in range(n_forced):
                            if u < forced[kind, f, j]:
                                way = np.int64(leg_way[forced_leg[f, j, kind]])
                                entering = False
                                forced_seen[kind_group[kind], f, 1] += size
                                events -= size  # counted where they leave
                                break
                elif code == BOARDING:
                    way = np.int64(leg_way[np.int64(draw)])
                else:
                    m = _class_of_means(means, means_edge, n_edges)
                    ways = place_word[4 * place + 3]
                    row = kind_row[kind] + np.int64(south) * (n_edges + 1) + m
                    chances = shift(threshold, first_threshold(ways, row))
                    way = np.int64((ways >> S16) & WAY) + _choice(chances, np.int64(ways & U64(0xFFF)), draw)
                    flags = way_word[8 * way + 1]
                    if flags & NO_LEG:
                        sort = (flags >> U64(21)) & U64(3)
                        if sort == U64(SHUT):
                            _ask(request, turn, w0, w1, w2, w3, U64(0))
                            events += size_of(w2)
                            continue
                        if sort == U64(SETTLE):
                            events += size_of(w2)
                            shift_stock(stock, member_class, kind, w2, before, SETTLED * n_cells + cell)
                            finish(ends, OUT_SETTLED, place, day, w0, w1, w2, w3)
                            continue
                        v = (
                            ((w1 >> (place_word[4 * place + 1] & U64(0xFF))) & U64(3))
                            + (lap << U64(2))
                            + U64(STREAM_TURN << 16)
                        )
                        w3 = (w3 & M32) | SOUTHWARD
                        w3 |= (mix(w0 + place_word[4 * place] + v * GOLD) >> S32) << S32
                        events += size_of(w2)
                        way = np.int64(-1)
                    elif means != U64(NO_MEANS) and means < way_word[8 * way + 3]:
                        rate = income[place]
                        wait = 30
                        if rate > 0:
                            wait = min(
                                30, (np.int64(way_word[8 * way + 3]) - np.int64(means) + rate - 1) // rate
                            )
                            means = min(means + U64(rate * wait), U64(NO_MEANS - 1))
                        shift_stock(stock, member_class, kind, w2, before, STRANDED * n_cells + cell)
                        w3 = (w3 & ~U64(0x30FFFF)) | means | U64(STRANDED << 20)
                        when = min(day + wait, n_days)
                        events += size_of(w2)
                        way = np.int64(-1)
                    elif flags & U64(1 << 16):
                        _ask(request, turn, w0, w1, w2, w3, flags >> S32)
                        events += size_of(w2)
                        continue
                if way >= 0:
                    q = 8 * way
                    flags = way_word[q + 1]
                    leg = np.int64(flags >> S32) - 1
                    if means != U64(NO_MEANS) and not w3 & ARRIVING:
                        means -= min(means, way_word[q + 3])
                    code = np.int64((flags >> U64(17)) & U64(7))
                    sure = way_word[q + 6]
                    if sure > U64(0):
                        when = day + np.int64(sure) - 1
                    else:
                        v = ((w1 >> (place_word[4 * place + 1] & U64(0xFF))) & U64(3)) + (lap << U64(2))
                        h = mix(w0 + way_word[q] + v * GOLD)
                        span = way_word[q + 2]
                        when = day + days_drawn(stays, span >> S32, np.int64(span & M32), h >> S32)
                        if (h & M32) < way_word[q + 4]:
                            harm[kind_group[kind], leg] += size_of(w2)
                            if means != U64(NO_MEANS):
                                means = (means * U64(keep_after_robbery)) >> U64(8)
                        if way_word[q + 5] > U64(0):
                            dead = _who_dies(h, way_word[q + 5], w2)
                            if dead > U64(0):  # on the way, without the others, until the day of arrival
                                to = np.int64(flags & PLACE)
                                gone = size_of(dead)
                                events += gone
                                harm[kind_group[kind], leg] += gone
                                after = travelling + to * n_tally
                                shift_stock(stock, member_class, kind, dead, before, after)
                                w3 = means | keep | ARRIVING | (U64(DIED) << U64(23)) | (lap << U64(26))
                                lost = dead | (w2 & M32 & ~PLACE) | U64(to)
                                put(buckets, min(when, n_days), w0, w1, lost, w3)
                                w2 ^= dead
                                if w2 >> S32 == U64(0):
                                    continue
                    to = np.int64(flags & M16)
                    members = w2 >> S32
                    w2 = (w2 & ~PLACE) | U64(to)
                    late = when >= n_days
                    event = late or code != 0 or (flags & U64(1 << 20)) != U64(0) or south != U64(0)
                    ahead = not event and when != day
                    after = to * n_tally
                    coming = (when & mask) * n_cells + after
                    if event or ahead:
                        after += travelling
                    counted = np.int64(period_of_day[U64(min(when, n_days))]) * n_flows + leg * n_tally
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
            begin = stop
        if not together:
            reading[2 * zone], reading[2 * zone + 1] = page, begin
    turn[5] += events


@woven
def _next_zone(begun, k, threads, n_zones, task):
    """The next task of thread `k` that no thread has begun: its zones first, and in each whom it put there itself.

    Returns
    -------
    task, zone, source : int
        Whose people of which zone; `task` is one past the last where all are begun.
    """
    zone, source = np.int64(-1), k
    while task < n_zones * threads:
        zone, source = (n_zones * k // threads + task // threads) % n_zones, (k + task) % threads
        if add_one(shift(begun, zone * threads + source)) == 0:
            break
        task += 1
    return task, zone, source


@woven
def _ask_for(pages, page):
    """Ask for the first lines of a page that is read next: a processor reads ahead on a page, but does not know which follows."""
    for line in range(LINES_AHEAD):
        fetch(pages, (page << (PAGE_BITS + 2)) + 8 * line)


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


@inner
def _ask(request, turn, w0, w1, w2, w3, leg):
    """Write down that a unit asks for a limited leg (its number + 1), or (0) found every way closed."""
    n = turn[4]
    request[n, 0], request[n, 1], request[n, 2], request[n, 3], request[n, 4] = w0, w1, w2, w3, leg
    turn[4] = n + 1


@inner
def _who_dies(h, death, w2):
    """Fields of word 2 of the members who die on a crossing: each has a draw of their own."""
    dead = U64(0)
    for pos in range(8):
        field = U64(15) << (S32 + MEMBER_BITS * U64(pos))
        if w2 & field and (mix(h + U64(pos + STREAM_DEATH) * GOLD) >> S32) < death:
            dead |= w2 & field
    return dead
