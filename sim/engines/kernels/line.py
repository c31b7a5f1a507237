"""Lines before limited legs: capacities, room in places, quotas by first come or by lottery (kernel).

Arrays are taken out of their tuples once in each kernel: a tuple handed on costs more than a person served.
"""

from __future__ import annotations

import numpy as np

from sim.engines.kernels.draws import (
    BOARDING,
    GOLD,
    M16,
    M32,
    QUEUED,
    S16,
    S32,
    STREAM_AGAIN,
    STREAM_LINE,
    TRAVELLING,
    U64,
    inner,
    jit,
    mix,
)
from sim.plan.layout import PAGE

__all__ = ["open_line", "serve_requests"]

_FLAGS = U64(0xFC0FFFFF)
"""Means, position, heading and lap of word 3: what stays when status, event bits and draw are rewritten."""
UNLIMITED = np.int64(1) << 60
_LAST = U64(0xFFFFFFFFFFFFFFFF)
_ROW = np.int64((1 << 40) - 1)


@inner
def _fits(leg_limit, remaining, whole, saved, leg, size):
    """Whether a unit of `size` fits every limit of a leg today (1), not today (0), or never under today's limits (-1).

    Limits below number `saved` keep what is left of a day for a unit larger than a day's whole capacity.
    """
    answer = 1
    for a in range(leg_limit.shape[1]):
        limit = leg_limit[leg, a]
        if limit >= 0 and remaining[limit] < size:
            if size > whole[limit] and limit >= saved:
                return -1
            answer = 0
    return answer


@inner
def _take(leg_limit, remaining, leg, size):
    for a in range(leg_limit.shape[1]):
        limit = leg_limit[leg, a]
        if limit >= 0:
            remaining[limit] -= size


@inner
def _hand_back(pages, next_page, free, pointer, head, tail, fill, k, day, leg, w0, w1, w2, w3, draw):
    """Hand a waiting person back to the movers of part `k`: with a leg to board, or (`leg` < 0) to choose with `draw`."""
    if leg >= 0:
        w3 = (w3 & (_FLAGS | U64(0x300000))) | (U64(BOARDING) << U64(23)) | (U64(leg) << S32)
    else:
        w3 = (w3 & M32) | (draw << S32)
    n = np.int64(fill[k, day])
    page = np.int64(tail[k, day])
    if n == PAGE:
        top = pointer[k, 0]
        if top > 0:
            pointer[k, 0] = top - 1
            new = np.int64(free[k, top - 1])
        else:
            new = np.int64(pointer[k, 1])
            pointer[k, 1] = new + 1
        next_page[k, new] = -1
        if page < 0:
            head[k, day] = new
        else:
            next_page[k, page] = new
        tail[k, day] = new
        page = new
        n = 0
    pages[k, page, 4 * n] = w0
    pages[k, page, 4 * n + 1] = w1
    pages[k, page, 4 * n + 2] = w2
    pages[k, page, 4 * n + 3] = w3
    fill[k, day] = n + 1


@inner
def refill(P, Q, S, day):
    """Set what each leg limit and quota takes today; what is left of a monthly cap stays until the month ends.

    A limit that was not in force yesterday leaves nothing over. A unit larger than all of a day (of a month, for a monthly
    cap) never fits and holds up nobody.
    """
    month_of_day = P.month_of_day
    allotment = Q.allotment
    limit_month = Q.limit_month
    save_up = Q.save_up
    remaining = S.remaining
    whole = S.whole
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
            whole[limit] = _month_total(P, Q, limit, day)


@inner
def _month_total(P, Q, limit, day):
    """Allotment of a limit from `day` to the end of the month or of the limit."""
    total = np.int64(0)
    for d in range(day, Q.allotment.shape[1]):
        if P.month_of_day[d] != P.month_of_day[day] or Q.allotment[limit, d] >= UNLIMITED:
            break
        total += Q.allotment[limit, d]
    return total


@inner
def measure_room(Q, S, day):
    """Room left in places with a hard capacity: capacity less those present and those already on their way there."""
    room = Q.room
    room_limit = Q.room_limit
    room_place = Q.room_place
    remaining = S.remaining
    stock = S.stock
    whole = S.whole
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
    shift = U64(64 - bits)
    start = np.zeros((1 << bits) + 1, np.int64)
    for i in range(n):
        start[np.int64(keys[i] >> shift) + 1] += 1
    for i in range(1 << bits):
        start[i + 1] += start[i]
    by_key, by_value = np.empty(n, np.uint64), np.empty(n, np.int64)
    for i in range(n):
        b = np.int64(keys[i] >> shift)
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
def open_line(P, Q, S, day, changed):
    """Serve those who waited from earlier days, let go those whose leg closed or whose patience ended.

    First come, first served on a leg, by lottery on an appointment leg; a unit moves whole or not at all, and one that is
    larger than a day's whole capacity does not hold up the rest. Only the heads of lines are touched, and the pools of the
    lotteries, so that a long wait costs nothing while nobody moves.
    """
    refill(P, Q, S, day)
    measure_room(Q, S, day)
    S.blocked[:] = 0
    if changed:
        _let_go(P, S, day)
    _serve_lines(Q, S, day)
    if S.counter[2] > 0:
        _draw_lots(P, Q, S, day, changed)


@inner
def _let_go(P, S, day):
    """Let those choose again who found every way closed, and those whose leg closed to them."""
    pages, next_page, free, pointer = S.pages, S.next_page, S.free, S.pointer
    head, tail, fill, slot, shut = S.head, S.tail, S.fill, S.slot, S.shut
    for x in range(S.counter[3]):
        _hand_back(pages, next_page, free, pointer, head, tail, fill, np.int64(shut[x, 4] >> S32), day, -1,
                   shut[x, 0], shut[x, 1], shut[x, 2], shut[x, 3], shut[x, 3] >> S32)  # fmt: skip
    S.counter[3] = 0
    for leg in range(S.leg_open.shape[1]):
        if S.fifo_head[leg] < 0 or S.leg_open[:, leg].all():
            continue
        before = -1
        e = np.int64(S.fifo_head[leg])
        while e >= 0:
            after = np.int64(S.slot_next[e])
            if S.leg_open[P.kind_class[np.int64((slot[e, 2] >> S32) & M16)], leg]:
                before = e
            else:
                _hand_back(pages, next_page, free, pointer, head, tail, fill, np.int64(slot[e, 4] >> S32), day, -1,
                           slot[e, 0], slot[e, 1], slot[e, 2], slot[e, 3], slot[e, 3] >> S32)  # fmt: skip
                _unlink(
                    S.slot_next, S.slot_free, S.fifo_head, S.fifo_tail, S.waiting, S.counter, leg, before, e
                )
            e = after


@inner
def _unlink(slot_next, slot_free, fifo_head, fifo_tail, waiting, counter, leg, before, e):
    """Take entry `e` out of the line of a leg (`before` stands in front of it, -1 at the head)."""
    after = slot_next[e]
    if before < 0:
        fifo_head[leg] = after
    else:
        slot_next[before] = after
    if after < 0:
        fifo_tail[leg] = before
    waiting[leg] -= 1
    slot_free[counter[1]] = e
    counter[1] += 1


@inner
def _serve_lines(Q, S, day):
    """Serve all lines first come, first served; legs that share a limit are served in the order in which people came."""
    pages, next_page, free, pointer = S.pages, S.next_page, S.free, S.pointer
    head, tail, fill, slot, slot_next = S.head, S.tail, S.fill, S.slot, S.slot_next
    fifo_head, fifo_tail, slot_seq, slot_free = S.fifo_head, S.fifo_tail, S.slot_seq, S.slot_free
    waiting, counter, remaining, whole, leg_limit = S.waiting, S.counter, S.remaining, S.whole, Q.leg_limit
    saved = Q.allotment.shape[0] if Q.save_up else 0
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
        size = 1
        x = np.int64(slot_next[e])
        while x >= 0 and slot[x, 0] == slot[e, 0]:
            size += 1
            x = np.int64(slot_next[x])
        fit = _fits(leg_limit, remaining, whole, saved, leg, size)
        if fit == 0:
            S.blocked[leg] = 1
        elif fit == 1:
            _take(leg_limit, remaining, leg, size)
        for _ in range(size):
            after = np.int64(slot_next[e])
            if fit == 1:
                _hand_back(pages, next_page, free, pointer, head, tail, fill, np.int64(slot[e, 4] >> S32), day, leg,
                           slot[e, 0], slot[e, 1], slot[e, 2], slot[e, 3], U64(0))  # fmt: skip
                _unlink(slot_next, slot_free, fifo_head, fifo_tail, waiting, counter, leg, before[best], e)
            else:
                before[best] = e
            e = after
        if e < 0 or fit == 0:
            n -= 1
            active[best], before[best] = active[n], before[n]


@inner
def _draw_lots(P, Q, S, day, changed):
    """Draw appointments by lot among those waiting, best lot first, until the quota is used.

    Each unit's lot of the day is a draw of its own. Only lots below a mark that should suffice are sorted; where they do not
    suffice the rest is.
    """
    pool, action, lot_key, lot_entry, remaining = S.pool, S.action, S.lot_key, S.lot_entry, S.remaining
    leg_key, kind_class, leg_open = P.leg_key, P.kind_class, S.leg_open
    n = S.counter[2]
    most = np.int64(1)
    for limit in range(remaining.shape[0]):
        if remaining[limit] < UNLIMITED:
            most = max(most, remaining[limit])
    e = 0
    m = 0
    mark = 0
    today = (U64(day) + U64(STREAM_LINE << 20)) * GOLD
    while e < n:
        w0, w4 = pool[e, 0], pool[e, 4]
        end = e + 1
        while end < n and pool[end, 0] == w0 and pool[end, 4] == w4:
            end += 1
        leg = np.int64(w4 & M32) - 1
        mark = 0
        if changed and not leg_open[kind_class[np.int64((pool[e, 2] >> S32) & M16)], leg]:
            mark = 2
        elif pool[e, 5] <= U64(day):
            mark = 3
        else:
            lot_key[m] = mix(w0 + leg_key[leg] + today)
            lot_entry[m] = e
            m += 1
        for x in range(e, end):
            action[x] = mark
        e = end
    share = min(1.0, (2.0 * np.float64(most) + 64.0) / np.float64(max(m, 1)))
    edge = _LAST if share >= 1.0 else U64(share * 18446744073709549568.0)
    _serve_lots(Q, S, m, U64(0), edge, n)
    if edge < _LAST and _some_go_on(Q.leg_lottery, S.waiting, S.blocked):
        _serve_lots(Q, S, m, edge, _LAST, n)
    _clear_pool(P, S, day, n)


@inner
def _clear_pool(P, S, day, n):
    """Hand back those who were drawn, whose leg closed, or whose patience ended, and close the ranks."""
    pages, next_page, free, pointer = S.pages, S.next_page, S.free, S.pointer
    head, tail, fill, pool, action, place_key = S.head, S.tail, S.fill, S.pool, S.action, P.place_key
    waiting = S.waiting
    keep = 0
    for x in range(n):
        if action[x] == 0:
            if keep != x:
                for w in range(6):
                    pool[keep, w] = pool[x, w]
            keep += 1
            continue
        leg = np.int64(pool[x, 4] & M32) - 1
        waiting[leg] -= 1
        draw = pool[x, 3] >> S32
        if action[x] == 3:
            again = (U64(day) + U64(STREAM_AGAIN << 20)) * GOLD
            draw = mix(pool[x, 0] + place_key[np.int64(pool[x, 2] & M16)] + again) >> S32
        _hand_back(pages, next_page, free, pointer, head, tail, fill, np.int64(pool[x, 4] >> S32), day,
                   leg if action[x] == 1 else -1, pool[x, 0], pool[x, 1], pool[x, 2], pool[x, 3], draw)  # fmt: skip
    S.counter[2] = keep


@inner
def _some_go_on(leg_lottery, waiting, blocked):
    """Whether anyone who waits for an appointment could still be served today."""
    for leg in range(waiting.shape[0]):
        if leg_lottery[leg] and waiting[leg] > 0 and not blocked[leg]:
            return True
    return False


@inner
def _serve_lots(Q, S, m, low, high, n):
    """Serve the lots from `low` to before `high` (the highest mark included), smallest first."""
    pool, action, lot_key, lot_entry, blocked = S.pool, S.action, S.lot_key, S.lot_entry, S.blocked
    remaining, whole, leg_limit = S.remaining, S.whole, Q.leg_limit
    saved = Q.allotment.shape[0] if Q.save_up else 0
    chosen = 0
    for a in range(m):
        chosen += lot_key[a] >= low and (lot_key[a] < high or high == _LAST)
    keys, entries = np.empty(chosen, np.uint64), np.empty(chosen, np.int64)
    chosen = 0
    for a in range(m):
        if lot_key[a] >= low and (lot_key[a] < high or high == _LAST):
            keys[chosen] = lot_key[a]
            entries[chosen] = lot_entry[a]
            chosen += 1
    sort_by_key(keys, entries, chosen)
    for a in range(chosen):
        e = entries[a]
        leg = np.int64(pool[e, 4] & M32) - 1
        if blocked[leg]:
            continue
        end = e + 1
        while end < n and pool[end, 0] == pool[e, 0] and pool[end, 4] == pool[e, 4]:
            end += 1
        fit = _fits(leg_limit, remaining, whole, saved, leg, end - e)
        if fit == 1:
            _take(leg_limit, remaining, leg, end - e)
            for x in range(e, end):
                action[x] = 1
        elif fit == 0:
            blocked[leg] = 1


@jit
def serve_requests(P, Q, S, day):
    """Serve today's requests in random order of units; who does not get through joins the line.

    Nobody passes those who wait from earlier (a leg is blocked from the first unit that does not fit until the next day).

    Returns
    -------
    int
        Persons handed back to move on today.
    """
    pages, next_page, free, pointer = S.pages, S.next_page, S.free, S.pointer
    head, tail, fill, request, blocked = S.head, S.tail, S.fill, S.request, S.blocked
    remaining, whole, leg_limit, leg_key = S.remaining, S.whole, Q.leg_limit, P.leg_key
    saved = Q.allotment.shape[0] if Q.save_up else 0
    total = 0
    for k in range(pointer.shape[0]):
        total += pointer[k, 4]
    if total == 0:
        return 0
    keys, source = np.empty(total, np.uint64), np.empty(total, np.int64)
    today = (U64(day) + U64(STREAM_LINE << 22)) * GOLD
    x = 0
    for k in range(pointer.shape[0]):
        for a in range(pointer[k, 4]):
            leg = np.int64(request[k, a, 4]) - 1
            way = leg_key[leg] if leg >= 0 else U64(0)
            keys[x] = (mix(request[k, a, 0] + way + today) & ~U64(7)) | ((request[k, a, 3] >> S16) & U64(7))
            source[x] = (k << 40) | a
            x += 1
        pointer[k, 4] = 0
    sort_by_key(keys, source, total)
    measure_room(Q, S, day)
    served, waits = 0, 0
    e = 0
    while e < total:
        k, a = source[e] >> 40, source[e] & _ROW
        w0, way = request[k, a, 0], request[k, a, 4]
        end = e + 1
        while end < total:
            if request[source[end] >> 40, source[end] & _ROW, 0] != w0:
                break
            if request[source[end] >> 40, source[end] & _ROW, 4] != way:
                break
            end += 1
        leg = np.int64(way) - 1
        fit = -1
        if leg >= 0 and not blocked[leg]:
            fit = _fits(leg_limit, remaining, whole, saved, leg, end - e)
            if fit == 0:
                blocked[leg] = 1
            elif fit == 1:
                _take(leg_limit, remaining, leg, end - e)
                served += end - e
        for x in range(e, end):
            k, a = source[x] >> 40, source[x] & _ROW
            if fit == 1:
                _hand_back(pages, next_page, free, pointer, head, tail, fill, k, day, leg,
                           request[k, a, 0], request[k, a, 1], request[k, a, 2], request[k, a, 3], U64(0))  # fmt: skip
            else:
                source[waits] = source[x]
                waits += 1
        e = end
    if waits > 0:
        _join(P, Q, S, day, source, waits)
    return served


@inner
def _join(P, Q, S, day, source, n):
    """Let people join the line of a leg, a lottery's pool, or those who wait for any way to open."""
    request, stock, counter, waiting = S.request, S.stock, S.counter, S.waiting
    shut, pool, slot, slot_next, slot_seq, slot_free = (
        S.shut,
        S.pool,
        S.slot,
        S.slot_next,
        S.slot_seq,
        S.slot_free,
    )
    fifo_head, fifo_tail = S.fifo_head, S.fifo_tail
    leg_lottery, leg_patience, leg_key = Q.leg_lottery, Q.leg_patience, P.leg_key
    for x in range(n):
        k, a = source[x] >> 40, source[x] & _ROW
        w0, w1, w2, w3 = request[k, a, 0], request[k, a, 1], request[k, a, 2], request[k, a, 3]
        w4 = request[k, a, 4] | (U64(k) << S32)
        leg = np.int64(request[k, a, 4]) - 1
        place, g = np.int64(w2 & M16), np.int64((w2 >> S16) & M16)
        stock[k, np.int64((w3 >> U64(20)) & U64(3)), place, g] -= 1
        stock[k, QUEUED, place, g] += 1
        w3 = (w3 & ~U64(0x300000)) | U64(QUEUED << 20)
        if leg < 0:
            e = counter[3]
            counter[3] += 1
            shut[e, 0], shut[e, 1], shut[e, 2], shut[e, 3], shut[e, 4] = w0, w1, w2, w3, w4
            continue
        waiting[leg] += 1
        if leg_lottery[leg]:
            e = counter[2]
            counter[2] += 1
            end = U64(0xFFFFFFFF)
            if leg_patience[leg] > 0:
                h = mix(w0 + leg_key[leg] + (U64(day) + U64(STREAM_LINE << 21)) * GOLD)
                end = U64(day + 1 + np.int64(h % U64(2 * leg_patience[leg])))
            pool[e, 0], pool[e, 1], pool[e, 2], pool[e, 3], pool[e, 4], pool[e, 5] = w0, w1, w2, w3, w4, end
            continue
        if counter[1] > 0:
            counter[1] -= 1
            e = np.int64(slot_free[counter[1]])
        else:
            e = counter[0]
            counter[0] += 1
        slot[e, 0], slot[e, 1], slot[e, 2], slot[e, 3], slot[e, 4] = w0, w1, w2, w3, w4
        slot_next[e] = -1
        slot_seq[e] = counter[4]
        counter[4] += 1
        if fifo_tail[leg] < 0:
            fifo_head[leg] = e
        else:
            slot_next[fifo_tail[leg]] = e
        fifo_tail[leg] = e
