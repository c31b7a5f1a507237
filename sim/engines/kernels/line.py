"""Lines before limited legs: capacities, room in places, quotas by first come or by lottery (kernel).

Arrays are taken out of their tuples once in each kernel: a tuple handed on costs more than a person served.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from sim.engines.kernels.address import array, number, pointer
from sim.engines.kernels.buckets import PAGE_BITS, buckets_of, of_part, put, shift_stock
from sim.engines.kernels.draws import (
    BOARDING,
    GOLD,
    M32,
    QUEUED,
    S32,
    STREAM_LINE,
    TRAVELLING,
    U64,
    inner,
    mix,
    woven,
)
from sim.engines.kernels.record import PLACE, kind_of, size_of

__all__ = [
    "UNLIMITED",
    "fits",
    "forget_changes",
    "hand_back",
    "let_go",
    "measure_room",
    "open_day",
    "quotas_of",
    "refill",
    "serve_lines",
    "serve_requests",
    "share_out",
    "sort_by_key",
    "take",
]

_FLAGS = U64(0xFC0FFFFF)
"""Means, departure day, heading and lap of word 3: what stays when status, event bits and draw are rewritten."""
UNLIMITED = np.int64(1) << 60
_LAST = U64(0xFFFFFFFFFFFFFFFF)
_ROW = np.int64((1 << 40) - 1)


class Quotas(NamedTuple):
    """Addresses of what each leg may take today; limits below number `saved` keep what is left of a day."""

    leg_limit: Any
    remaining: Any
    whole: Any
    width: int
    saved: int


@inner
def quotas_of(book):
    """What each leg may take today."""
    leg_limit = array(book, "limits.leg_limit", 2)
    remaining = array(book, "state.remaining", 1)
    whole = array(book, "state.whole", 1)
    allotment = array(book, "limits.allotment", 2)
    save_up = number(book, "limits.save_up")
    return Quotas(
        pointer(leg_limit), pointer(remaining), pointer(whole), leg_limit.shape[1],
        allotment.shape[0] if save_up else 0,
    )  # fmt: skip


@woven
def fits(q, leg, size):
    """Whether a unit of `size` fits every limit of a leg today (1), not today (0), or never under today's limits (-1).

    What is kept of a day serves a unit larger than a day's whole capacity.
    """
    answer = 1
    for a in range(q.width):
        limit = np.int64(q.leg_limit[leg * q.width + a])
        if limit >= 0 and q.remaining[limit] < size:
            if size > q.whole[limit] and limit >= q.saved:
                answer = -1
            answer = min(answer, 0)
    return answer


@woven
def take(q, leg, size):
    for a in range(q.width):
        limit = np.int64(q.leg_limit[leg * q.width + a])
        if limit >= 0:
            q.remaining[limit] -= size


@woven
def hand_back(buckets, k, day, leg, w0, w1, w2, w3, draw):
    """Hand a waiting unit back to the buckets of thread `k`: with a leg to board, or (`leg` < 0) to choose with `draw`."""
    if leg >= 0:
        w3 = (w3 & (_FLAGS | U64(0x300000))) | (U64(BOARDING) << U64(23)) | (U64(leg) << S32)
    else:
        w3 = (w3 & M32) | (draw << S32)
    put(of_part(buckets, k), day, w0, w1, w2, w3)


@inner
def open_day(book):
    """Begin to read every thread's buckets anew, and let every leg take people again."""
    turn, blocked = array(book, "state.pointer", 2), array(book, "state.blocked", 1)
    reading, free = array(book, "state.reading", 3), array(book, "state.free", 2)
    ready = array(book, "state.ready", 2)
    for k in range(turn.shape[0]):
        turn[k, 4] = 0
        for zone in range(reading.shape[1]):  # the last pages of yesterday, read to their end
            kept = (np.int64(ready[k, zone]) - 1) >> PAGE_BITS
            page = np.int64(reading[k, zone, 0])
            if kept >= 0:
                free[k, turn[k, 0]] = kept
                turn[k, 0] += 1
            if page >= 0 and page != kept:
                free[k, turn[k, 0]] = page
                turn[k, 0] += 1
            reading[k, zone, 0] = -1
            reading[k, zone, 1] = 0
            ready[k, zone] = 0
    _level(turn, free)
    for leg in range(blocked.shape[0]):
        blocked[leg] = 0


@inner
def _level(turn, free):
    """Let every thread have as many pages to write anew: who reads more people than it wrote has pages of the others."""
    threads = turn.shape[0]
    total = 0
    for k in range(threads):
        total += turn[k, 0]
    fair = total // threads
    poor = 0
    for rich in range(threads):
        while turn[rich, 0] > fair + 1:
            while poor < threads and turn[poor, 0] >= fair:
                poor += 1
            if poor == threads:
                return
            turn[rich, 0] -= 1
            free[poor, turn[poor, 0]] = free[rich, turn[rich, 0]]
            turn[poor, 0] += 1


@inner
def share_out(book, day):
    """Let any thread read whoever is due this morning; who comes later is read by the thread that wrote them."""
    begun, reading = array(book, "state.begun", 1), array(book, "state.reading", 3)
    cursor, ready = array(book, "state.cursor", 2), array(book, "state.ready", 2)
    threads, zones = reading.shape[0], reading.shape[1]
    if threads == 1:
        return
    for task in range(zones * threads):
        begun[task] = 0
    days = cursor.shape[1] // zones
    for k in range(threads):
        for zone in range(zones):
            end = np.int64(cursor[k, zone * days + day])
            ready[k, zone] = end
            if end > 0:
                page = (end - 1) >> PAGE_BITS
                reading[k, zone, 0] = page
                reading[k, zone, 1] = end - (page << PAGE_BITS)


@inner
def refill(book, day):
    """Set what each leg limit and quota takes today; what is left of a monthly cap stays until the month ends.

    A limit that was not in force yesterday leaves nothing over. A unit larger than all of a day (of a month, for a monthly
    cap) never fits and holds up nobody.
    """
    month_of_day = array(book, "fixed.month_of_day", 1)
    allotment = array(book, "limits.allotment", 2)
    limit_month = array(book, "limits.limit_month", 1)
    save_up = number(book, "limits.save_up")
    remaining = array(book, "state.remaining", 1)
    whole = array(book, "state.whole", 1)
    for limit in range(allotment.shape[0]):
        today = allotment[limit, day]
        same_month = day > 0 and month_of_day[day] == month_of_day[day - 1]
        kept = np.int64(0)
        if day > 0 and allotment[limit, day - 1] < UNLIMITED:
            if limit_month[limit] and same_month:
                kept = remaining[limit]
            elif save_up:
                kept = min(remaining[limit], 8)
        remaining[limit] = today if today >= UNLIMITED else today + kept
        if not limit_month[limit] or today >= UNLIMITED:
            whole[limit] = today
        elif not same_month or allotment[limit, day - 1] >= UNLIMITED:
            whole[limit] = _month_total(book, limit, day)


@inner
def _month_total(book, limit, day):
    """Allotment of a limit from `day` to the end of the month or of the limit."""
    allotment = array(book, "limits.allotment", 2)
    month_of_day = array(book, "fixed.month_of_day", 1)
    total = np.int64(0)
    for d in range(day, allotment.shape[1]):
        if month_of_day[d] != month_of_day[day] or allotment[limit, d] >= UNLIMITED:
            break
        total += allotment[limit, d]
    return total


@inner
def measure_room(book, day):
    """Room left in places with a hard capacity: capacity less those present and those already on their way there."""
    room = array(book, "limits.room", 2)
    room_limit = array(book, "limits.room_limit", 1)
    room_place = array(book, "limits.room_place", 1)
    remaining = array(book, "state.remaining", 1)
    stock = array(book, "state.stock", 4)
    whole = array(book, "state.whole", 1)
    for r in range(room_place.shape[0]):
        place = room_place[r]
        inside = 0
        for k in range(stock.shape[0]):
            for status in range(TRAVELLING + 1):
                for g in range(stock.shape[3]):
                    inside += stock[k, status, place, g]
        limit = room_limit[r]
        remaining[limit] = room[r, day] - inside
        whole[limit] = room[r, day]


@inner
def sort_by_key(keys, values, n):
    """Sort `n` random 64-bit keys and their values: buckets by the upper bits, then insertion."""
    if n < 2:
        return
    bits = 1
    while (1 << bits) < n and bits < 20:
        bits += 1
    gap = U64(64 - bits)
    start = np.zeros((1 << bits) + 1, np.int64)
    for i in range(n):
        start[np.int64(keys[i] >> gap) + 1] += 1
    for i in range(1 << bits):
        start[i + 1] += start[i]
    by_key, by_value = np.empty(n, np.uint64), np.empty(n, np.int64)
    for i in range(n):
        b = np.int64(keys[i] >> gap)
        by_key[start[b]] = keys[i]
        by_value[start[b]] = values[i]
        start[b] += 1
    for i in range(n):
        key, value = by_key[i], by_value[i]
        j = i - 1
        while j >= 0 and keys[j] > key:
            keys[j + 1] = keys[j]
            values[j + 1] = values[j]
            j -= 1
        keys[j + 1] = key
        values[j + 1] = value


@inner
def let_go(book, day):
    """Let those choose again who found every way closed where one opened, and those whose leg closed to them."""
    slot = array(book, "state.slot", 2)
    shut = array(book, "state.shut", 2)
    opening = array(book, "state.opening", 1)
    closing = array(book, "state.closing", 1)
    counter = array(book, "state.counter", 1)
    fifo_head = array(book, "state.fifo_head", 1)
    slot_next = array(book, "state.slot_next", 1)
    leg_open = array(book, "state.leg_open", 2)
    kind_class = array(book, "fixed.kind_class", 1)
    slot_free = array(book, "state.slot_free", 1)
    fifo_tail = array(book, "state.fifo_tail", 1)
    waiting = array(book, "state.waiting", 1)
    buckets = buckets_of(book)
    keep = 0
    for x in range(counter[3]):
        if opening[np.int64(shut[x, 2] & PLACE)]:
            hand_back(buckets, np.int64(shut[x, 4] >> S32), day, -1,
                       shut[x, 0], shut[x, 1], shut[x, 2], shut[x, 3], shut[x, 3] >> S32)  # fmt: skip
        else:
            for w in range(5):
                shut[keep, w] = shut[x, w]
            keep += 1
    counter[3] = keep
    for leg in range(closing.shape[0]):
        if fifo_head[leg] < 0 or not closing[leg]:
            continue
        before = -1
        e = np.int64(fifo_head[leg])
        while e >= 0:
            after = np.int64(slot_next[e])
            if leg_open[kind_class[kind_of(slot[e, 2])], leg]:
                before = e
            else:
                hand_back(buckets, np.int64(slot[e, 4] >> S32), day, -1,
                           slot[e, 0], slot[e, 1], slot[e, 2], slot[e, 3], slot[e, 3] >> S32)  # fmt: skip
                _unlink(slot, slot_next, slot_free, fifo_head, fifo_tail, waiting, counter, leg, before, e)
            e = after


@woven
def _unlink(slot, slot_next, slot_free, fifo_head, fifo_tail, waiting, counter, leg, before, e):
    """Take entry `e` out of the line of a leg (`before` stands in front of it, -1 at the head)."""
    after = slot_next[e]
    if before < 0:
        fifo_head[leg] = after
    else:
        slot_next[before] = after
    if after < 0:
        fifo_tail[leg] = before
    waiting[leg] -= size_of(slot[e, 2])
    slot_free[counter[1]] = e
    counter[1] += 1


@inner
def forget_changes(book):
    """Forget which legs closed and where one opened: everybody who waited has been asked."""
    opening, closing = array(book, "state.opening", 1), array(book, "state.closing", 1)
    for place in range(opening.shape[0]):
        opening[place] = 0
    for leg in range(closing.shape[0]):
        closing[leg] = 0


@inner
def serve_lines(book, day):
    """Serve all lines first come, first served; legs that share a limit are served in the order in which people came.

    A unit moves whole or not at all, and one that is larger than a day's whole capacity does not hold up the rest. Only the
    heads of lines are touched, so that a long wait costs nothing while nobody moves.
    """
    slot = array(book, "state.slot", 2)
    slot_next = array(book, "state.slot_next", 1)
    fifo_head = array(book, "state.fifo_head", 1)
    fifo_tail = array(book, "state.fifo_tail", 1)
    slot_seq = array(book, "state.slot_seq", 1)
    slot_free = array(book, "state.slot_free", 1)
    waiting = array(book, "state.waiting", 1)
    counter = array(book, "state.counter", 1)
    blocked = array(book, "state.blocked", 1)
    buckets = buckets_of(book)
    quotas = quotas_of(book)
    active, before = np.empty(fifo_head.shape[0], np.int64), np.empty(fifo_head.shape[0], np.int64)
    n = 0
    for leg in range(fifo_head.shape[0]):
        if fifo_head[leg] >= 0:
            active[n] = leg
            before[n] = -1
            n += 1
    while n > 0:
        best = 0
        first = np.int64(1) << 62
        for a in range(n):
            e = np.int64(fifo_head[active[a]] if before[a] < 0 else slot_next[before[a]])
            if slot_seq[e] < first:
                first = slot_seq[e]
                best = a
        leg = active[best]
        e = np.int64(fifo_head[leg] if before[best] < 0 else slot_next[before[best]])
        after = np.int64(slot_next[e])
        fit = fits(quotas, leg, size_of(slot[e, 2]))
        if fit == 1:
            take(quotas, leg, size_of(slot[e, 2]))
            hand_back(buckets, np.int64(slot[e, 4] >> S32), day, leg,
                       slot[e, 0], slot[e, 1], slot[e, 2], slot[e, 3], U64(0))  # fmt: skip
            _unlink(slot, slot_next, slot_free, fifo_head, fifo_tail, waiting, counter, leg, before[best], e)
        else:
            before[best] = e
            if fit == 0:
                blocked[leg] = 1
        if after < 0 or fit == 0:
            n -= 1
            active[best], before[best] = active[n], before[n]


@inner
def serve_requests(book, day):
    """Serve today's requests in random order of units; who does not get through joins the line.

    Nobody passes those who wait from earlier (a leg is blocked from the first unit that does not fit until the next day).

    Returns
    -------
    int
        Persons handed back to move on today.
    """
    request = array(book, "state.request", 3)
    blocked = array(book, "state.blocked", 1)
    turn = array(book, "state.pointer", 2)
    leg_key = array(book, "fixed.leg_key", 1)
    buckets = buckets_of(book)
    quotas = quotas_of(book)
    total = 0
    for k in range(turn.shape[0]):
        total += turn[k, 4]
    if total == 0:
        return 0
    keys, source = np.empty(total, np.uint64), np.empty(total, np.int64)
    today = (U64(day) + U64(STREAM_LINE << 22)) * GOLD
    x = 0
    for k in range(turn.shape[0]):
        for a in range(turn[k, 4]):
            leg = np.int64(request[k, a, 4]) - 1
            way = leg_key[leg] if leg >= 0 else U64(0)
            keys[x] = mix(request[k, a, 0] + way + today)
            source[x] = (k << 40) | a
            x += 1
        turn[k, 4] = 0
    sort_by_key(keys, source, total)
    measure_room(book, day)
    served, waits = 0, 0
    for x in range(total):
        k, a = source[x] >> 40, source[x] & _ROW
        leg = np.int64(request[k, a, 4]) - 1
        fit = -1
        if leg >= 0 and not blocked[leg]:
            size = size_of(request[k, a, 2])
            fit = fits(quotas, leg, size)
            if fit == 0:
                blocked[leg] = 1
            elif fit == 1:
                take(quotas, leg, size)
                served += size
        if fit == 1:
            hand_back(buckets, k, day, leg,
                       request[k, a, 0], request[k, a, 1], request[k, a, 2], request[k, a, 3], U64(0))  # fmt: skip
        else:
            source[waits] = source[x]
            waits += 1
    if waits > 0:
        _join(book, day, source, waits)
    return served


@inner
def _join(book, day, source, n):
    """Let units join the line of a leg, a lottery's pool, or those who wait for any way to open."""
    request = array(book, "state.request", 3)
    stock = array(book, "state.stock", 4)
    counter = array(book, "state.counter", 1)
    waiting = array(book, "state.waiting", 1)
    shut = array(book, "state.shut", 2)
    slot = array(book, "state.slot", 2)
    slot_next = array(book, "state.slot_next", 1)
    slot_seq = array(book, "state.slot_seq", 1)
    slot_free = array(book, "state.slot_free", 1)
    fifo_head = array(book, "state.fifo_head", 1)
    fifo_tail = array(book, "state.fifo_tail", 1)
    pool_key = array(book, "state.pool_key", 1)
    pool_leg = array(book, "state.pool_leg", 1)
    pool_end = array(book, "state.pool_end", 1)
    pool_slot = array(book, "state.pool_slot", 1)
    member_class = array(book, "state.member_class", 1)
    leg_lottery = array(book, "limits.leg_lottery", 1)
    leg_patience = array(book, "limits.leg_patience", 1)
    leg_key = array(book, "fixed.leg_key", 1)
    n_tally = stock.shape[3]
    n_cells = stock.shape[2] * n_tally
    for x in range(n):
        k, a = source[x] >> 40, source[x] & _ROW
        w0, w1, w2, w3 = request[k, a, 0], request[k, a, 1], request[k, a, 2], request[k, a, 3]
        w4 = request[k, a, 4] | (U64(k) << S32)
        leg = np.int64(request[k, a, 4]) - 1
        cell = np.int64(w2 & PLACE) * n_tally
        before = np.int64((w3 >> U64(20)) & U64(3)) * n_cells + cell
        shift_stock(
            pointer(stock[k]), pointer(member_class), kind_of(w2), w2, before, QUEUED * n_cells + cell
        )
        w3 = (w3 & ~U64(0x300000)) | U64(QUEUED << 20)
        if leg < 0:
            e = counter[3]
            counter[3] += 1
            shut[e, 0], shut[e, 1], shut[e, 2], shut[e, 3], shut[e, 4] = w0, w1, w2, w3, w4
            continue
        waiting[leg] += size_of(w2)
        if counter[1] > 0:
            counter[1] -= 1
            e = np.int64(slot_free[counter[1]])
        else:
            e = counter[0]
            counter[0] += 1
        slot[e, 0], slot[e, 1], slot[e, 2], slot[e, 3], slot[e, 4] = w0, w1, w2, w3, w4
        slot_next[e] = -1
        if leg_lottery[leg]:
            key = w0 + leg_key[leg]
            end = np.int64(0x7FFFFFFF)
            if leg_patience[leg] > 0:
                h = mix(key + (U64(day) + U64(STREAM_LINE << 21)) * GOLD)
                end = day + 1 + np.int64(h % U64(2 * leg_patience[leg]))
            at = counter[2]
            counter[2] += 1
            pool_key[at], pool_leg[at], pool_end[at], pool_slot[at] = key, leg, end, e
            continue
        slot_seq[e] = counter[4]
        counter[4] += 1
        if fifo_tail[leg] < 0:
            fifo_head[leg] = e
        else:
            slot_next[fifo_tail[leg]] = e
        fifo_tail[leg] = e
