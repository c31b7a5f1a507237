"""The day of the agents engine, compiled: one part of the people, one day, one round.

The order of the day is written in :mod:`sim.engines.agents`; the record of a travel unit in
:mod:`sim.engines.kernels.record`. Every draw is a pure function of (seed, stream, unit or person, place or leg, visit).
"""

from __future__ import annotations

import numpy as np

from sim.engines.kernels.address import add_one, array, fetch, lowest, number, pointer, shift
from sim.engines.kernels.buckets import PAGE_BITS, buckets_of, ends_of, of_part, stays_of
from sim.engines.kernels.draws import MOVE, S32, SHUT, U64, inner, woven
from sim.engines.kernels.eight import NUMBERS, Sight
from sim.engines.kernels.one import Seldom, move_one
from sim.engines.kernels.page import ask_foreseen, count_foreseen, foresee, put_foreseen
from sim.engines.kernels.record import NO_LEG
from sim.engines.kernels.rows import room
from sim.plan.layout import PAGE

ONES = U64(0xFFFFFFFFFFFFFFFF)
LINES_AHEAD = 32
"""Cache lines of the next page that are asked for before this one is read: the processor finds the rest by itself."""


@inner
def write_way_words(book, epoch):
    """Gather what a crossing asks of each way out of a place in an epoch: eight words, one cache line.

    Words: key of the leg; flags: place it leads to 16, limited 1, end 3, event at that place 1, sort 2, no leg to move on 1, visit
    slot of that place 8, leg + 1 (from bit 0, 16, 17, 20, 21, 23, 24, 32); first day of the distribution in ``cdf`` 32 and the distribution 32; cost
    in USD; thresholds of robbery and of death; days + 1 where nothing needs a draw, else 0, 32, and first bucket of the place 32;
    key of the place.
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
    bucket = array(book, "state.bucket", 1)
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
        if to >= 0:
            word[a + 6] |= U64(bucket[to]) << S32


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
    threads = array(book, "state.stock", 4).shape[0]
    begun, buckets = pointer(array(book, "state.begun", 1)), of_part(buckets_of(book), k)
    sight, seldom = sight_of(book, k, day, room(NUMBERS)), seldom_of(book, k, day)
    _move(k, threads, begun, sight, stays_of(book), buckets, ends_of(book, k), seldom)


@woven
def sight_of(book, k, day, scratch):
    """What most moves of thread `k` ask for on a day; `scratch` is room for what is worked out."""
    stock = array(book, "state.stock", 4)
    flow = array(book, "state.flow", 4)
    ring = array(book, "state.ring", 4)
    means_edge = array(book, "fixed.means_edge", 1)
    epoch = array(book, "epochs.epoch_of_day", 1)[day]
    forced, forced_leg = array(book, "epochs.forced", 4), array(book, "fixed.forced_leg", 3)
    n_places, n_tally = stock.shape[2], stock.shape[3]
    buckets, stays = buckets_of(book), stays_of(book)
    return Sight(
        buckets.pages, stays.place_word, pointer(array(book, "state.kind_word", 1)), pointer(means_edge), means_edge.shape[0],
        pointer(array(book, "state.threshold", 1)), pointer(array(book, "state.way_word", 1)),
        pointer(array(book, "state.leg_way", 1)), stays.stay_word, stays.guide, buckets.bucket,
        pointer(array(book, "fixed.period_of_day", 1)), pointer(array(book, "state.member_class", 1)), pointer(forced[epoch]),
        pointer(forced_leg), pointer(stock[k]), pointer(ring[k]), pointer(flow[k]), stays.n_places, n_tally, n_places * n_tally,
        flow.shape[2] * n_tally, stays.n_days, forced.shape[2], forced.shape[3], forced_leg.shape[2], ring.shape[1] - 1,
        day, scratch,
    )  # fmt: skip


@woven
def seldom_of(book, k, day):
    """What only some moves of thread `k` ask for on a day."""
    harm = array(book, "state.harm", 3)
    epoch = array(book, "epochs.epoch_of_day", 1)[day]
    return Seldom(
        pointer(array(book, "fixed.kind_home", 1)), number(book, "fixed.keep_after_robbery"),
        pointer(array(book, "fixed.kind_group", 1)), pointer(array(book, "epochs.income", 2)[epoch]),
        pointer(harm[k]), pointer(array(book, "state.forced_seen", 4)[k]), pointer(array(book, "state.request", 3)[k]),
        harm.shape[2],
    )  # fmt: skip


@inner
def _move(k, threads, begun, sight, stays, buckets, ends, seldom):
    pages, turn, cursor, free = buckets.pages, buckets.turn, buckets.cursor, buckets.free
    reading, n_zones, n_days, day = buckets.reading, buckets.n_zones, stays.n_days, sight.day
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
                coming = np.int64(buckets.next_page[page])
                fetch(buckets.next_page, coming)
                _ask_for(pages, coming)
            start = (page << PAGE_BITS) + begin
            seen = foresee(sight, stays, seldom.kind_group, seldom.forced_seen, start, stop - begin)
            events += count_foreseen(sight, seen)
            put_foreseen(sight, buckets, seen.common)
            events += ask_foreseen(sight, turn, seldom.request, seen.asks)
            left = (ONES >> U64(PAGE - stop + begin)) & ~(seen.common | seen.asks)
            while left:
                events += move_one(4 * (start + lowest(left)), sight, stays, buckets, ends, seldom)
                left &= left - U64(1)
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
