"""Lines before limited legs: capacities, room in places, quotas by first come or by lottery (kernel)."""

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
from sim.engines.kernels.people import _put

__all__ = ["open_line", "serve_requests"]

_BITS = U64(0x30FFFFF)
_FLAGS = U64(0xFC0FFFFF)
"""Means, position, heading and lap of word 3: what stays when status, event bits and draw are rewritten."""
UNLIMITED = np.int64(1) << 60


@inner
def _fits(Q, S, leg, size):
    """Whether a unit of `size` fits every limit of a leg today (1), not today (0), or never under today's limits (-1)."""
    answer = 1
    for a in range(Q.leg_limit.shape[1]):
        limit = Q.leg_limit[leg, a]
        if limit >= 0 and S.remaining[limit] < size:
            saved = Q.save_up and limit < Q.allotment.shape[0]  # room in a place is never saved up
            answer = -1 if size > S.whole[limit] and not saved else min(answer, 0)
            if answer < 0:
                return answer
    return answer


@inner
def _take(Q, S, leg, size):
    for a in range(Q.leg_limit.shape[1]):
        limit = Q.leg_limit[leg, a]
        if limit >= 0:
            S.remaining[limit] -= size


@inner
def _board(P, S, e, day):
    """Hand entry `e` of the line back to the movers of its part, with its leg in place of the choice draw."""
    k = np.int64(S.line[e, 4] >> S32)
    leg = np.int64(S.line[e, 4] & M32) - 1
    w3 = (S.line[e, 3] & (_FLAGS | U64(0x300000))) | (U64(BOARDING) << U64(23)) | (U64(leg) << S32)
    _put(S.pages[k], S.next_page[k], S.free[k], S.pointer[k], S.head[k], S.tail[k], S.fill[k], day,
         S.line[e, 0], S.line[e, 1], S.line[e, 2], w3)  # fmt: skip


@inner
def _release(P, S, e, day, again):
    """Let entry `e` choose again today; those who gave up draw anew."""
    k = np.int64(S.line[e, 4] >> S32)
    w3 = S.line[e, 3]
    if again:
        place = np.int64(S.line[e, 2] & M16)
        draw = mix(S.line[e, 0] + P.place_key[place] + (U64(day) + U64(STREAM_AGAIN << 20)) * GOLD) >> S32
        w3 = (w3 & M32) | (draw << S32)
    _put(S.pages[k], S.next_page[k], S.free[k], S.pointer[k], S.head[k], S.tail[k], S.fill[k], day,
         S.line[e, 0], S.line[e, 1], S.line[e, 2], w3)  # fmt: skip


@inner
def refill(P, Q, S, day):
    """Set what each leg limit and quota takes today; what is left of a monthly cap stays until the month ends.

    A limit that was not in force yesterday leaves nothing over. A unit larger than all of a day (of a month, for a monthly
    cap) never fits and holds up nobody.
    """
    for limit in range(Q.allotment.shape[0]):
        today = Q.allotment[limit, day]
        same_month = day > 0 and P.month_of_day[day] == P.month_of_day[day - 1]
        kept = np.int64(0)
        if day > 0 and Q.allotment[limit, day - 1] < UNLIMITED:
            if Q.limit_month[limit] and same_month:
                kept = S.remaining[limit]
            elif Q.save_up:
                kept = min(S.remaining[limit], 8)
        S.remaining[limit] = today if today >= UNLIMITED else today + kept
        if not Q.limit_month[limit] or today >= UNLIMITED:
            S.whole[limit] = today
        elif not same_month or Q.allotment[limit, day - 1] >= UNLIMITED:
            S.whole[limit] = _month_total(P, Q, limit, day)


@jit
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
    for r in range(Q.room_place.shape[0]):
        place = Q.room_place[r]
        inside = 0
        for k in range(S.stock.shape[0]):
            for status in range(TRAVELLING + 1):
                for g in range(S.stock.shape[3]):
                    inside += S.stock[k, status, place, g]
        limit = Q.room_limit[r]
        S.remaining[limit] = Q.room[r, day] - inside
        S.whole[limit] = Q.room[r, day]


@inner
def _unit_end(S, e, n):
    """One past the last entry of the unit that begins at `e` (members wait side by side)."""
    end = e + 1
    while end < n and S.line[end, 0] == S.line[e, 0] and S.line[end, 4] == S.line[e, 4]:
        end += 1
    return end


@inner
def open_line(P, Q, S, day, changed):
    """Serve those who waited from earlier days, let go those whose leg closed or whose patience ended.

    First come, first served on a leg, by lottery on an appointment leg; a unit moves whole or not at all, and one that is
    larger than a day's whole capacity does not hold up the rest.
    """
    refill(P, Q, S, day)
    measure_room(Q, S, day)
    n = S.counter[0]
    for leg in range(S.waiting.shape[0]):
        S.blocked[leg] = 0
    S.counter[1] = 0
    e = 0
    while e < n:
        end = _unit_end(S, e, n)
        leg = np.int64(S.line[e, 4] & M32) - 1
        action = 0
        place = np.int64(S.line[e, 2] & M16)
        if leg < 0:
            action = 2 if changed else 0
        elif changed and not _is_open(P, S, e, leg, place):
            action = 2
        elif S.line[e, 5] <= U64(day):
            action = 3
        elif Q.leg_lottery[leg]:
            S.pool_key[S.counter[1]] = mix(S.line[e, 0] + P.leg_key[leg] + (U64(day) + U64(STREAM_LINE << 20)) * GOLD)
            S.pool_entry[S.counter[1]] = e
            S.counter[1] += 1
        elif not S.blocked[leg]:
            fit = _fits(Q, S, leg, end - e)
            if fit == 1:
                _take(Q, S, leg, end - e)
                action = 1
            elif fit == 0:
                S.blocked[leg] = 1
        for x in range(e, end):
            S.action[x] = action
        e = end
    if S.counter[1] > 0:
        _draw_lots(Q, S, n)
    keep = 0
    for x in range(n):
        if S.action[x] == 0:
            if keep != x:
                for w in range(6):
                    S.line[keep, w] = S.line[x, w]
            keep += 1
            continue
        leg = np.int64(S.line[x, 4] & M32) - 1
        if leg >= 0:
            S.waiting[leg] -= 1
        if S.action[x] == 1:
            _board(P, S, x, day)
        else:
            _release(P, S, x, day, S.action[x] == 3)
    S.counter[0] = keep


@inner
def _is_open(P, S, e, leg, place):
    """Whether a leg may be taken today by those who wait for it (its share of the choice is not nothing)."""
    kind = np.int64((S.line[e, 2] >> S32) & M16)
    return S.leg_open[P.kind_class[kind], leg] != 0


@inner
def _draw_lots(Q, S, n):
    """Choose by lot among those waiting for appointments, best lot first, until the quota is used."""
    m = S.counter[1]
    order = np.argsort(S.pool_key[:m])
    for a in range(m):
        e = S.pool_entry[order[a]]
        leg = np.int64(S.line[e, 4] & M32) - 1
        if S.blocked[leg]:
            continue
        end = _unit_end(S, e, n)
        fit = _fits(Q, S, leg, end - e)
        if fit == 1:
            _take(Q, S, leg, end - e)
            for x in range(e, end):
                S.action[x] = 1
        elif fit == 0:
            S.blocked[leg] = 1


@jit
def serve_requests(P, Q, S, day):
    """Serve today's requests in random order of units; who does not get through joins the line.

    Nobody passes those who wait from earlier (a leg is blocked from the first unit that does not fit until the next day).

    Returns
    -------
    int
        Persons handed back to move on today.
    """
    total = 0
    for k in range(S.pointer.shape[0]):
        total += S.pointer[k, 4]
    if total == 0:
        return 0
    keys = np.empty(total, np.uint64)
    source = np.empty(total, np.int64)
    x = 0
    for k in range(S.pointer.shape[0]):
        for a in range(S.pointer[k, 4]):
            w0 = S.request[k, a, 0]
            pos = (S.request[k, a, 3] >> S16) & U64(7)
            leg = np.int64(S.request[k, a, 4]) - 1
            way = P.leg_key[leg] if leg >= 0 else U64(0)
            keys[x] = (mix(w0 + way + (U64(day) + U64(STREAM_LINE << 22)) * GOLD) & ~U64(7)) | pos
            source[x] = (k << 40) | a
            x += 1
    order = np.argsort(keys)
    measure_room(Q, S, day)
    n = S.counter[0]
    first = n
    for a in range(total):
        k = source[order[a]] >> 40
        b = source[order[a]] & ((1 << 40) - 1)
        for w in range(5):
            S.line[n, w] = S.request[k, b, w]
        S.line[n, 4] |= U64(k) << S32
        n += 1
    for k in range(S.pointer.shape[0]):
        S.pointer[k, 4] = 0
    served = 0
    keep = first
    e = first
    while e < n:
        end = _unit_end(S, e, n)
        leg = np.int64(S.line[e, 4] & M32) - 1
        fit = -1
        if leg >= 0 and not S.blocked[leg]:
            fit = _fits(Q, S, leg, end - e)
            if fit == 0:
                S.blocked[leg] = 1
        if fit == 1:
            _take(Q, S, leg, end - e)
            for x in range(e, end):
                _board(P, S, x, day)
            served += end - e
        else:
            for x in range(e, end):
                _join(P, Q, S, x, keep, leg, day)
                keep += 1
        e = end
    S.counter[0] = keep
    return served


@inner
def _join(P, Q, S, x, keep, leg, day):
    """Place entry `x` at `keep` of the line, as queued, with the day on which its patience ends."""
    for w in range(5):
        S.line[keep, w] = S.line[x, w]
    k = np.int64(S.line[keep, 4] >> S32)
    place = np.int64(S.line[keep, 2] & M16)
    g = np.int64((S.line[keep, 2] >> S16) & M16)
    w3 = S.line[keep, 3]
    S.stock[k, np.int64((w3 >> U64(20)) & U64(3)), place, g] -= 1
    S.stock[k, QUEUED, place, g] += 1
    S.line[keep, 3] = (w3 & ~U64(0x300000)) | U64(QUEUED << 20)
    S.line[keep, 5] = U64(0xFFFFFFFF)
    if leg >= 0:
        S.waiting[leg] += 1
        patience = Q.leg_patience[leg]
        if patience > 0:
            h = mix(S.line[keep, 0] + P.leg_key[leg] + (U64(day) + U64(STREAM_LINE << 21)) * GOLD)
            S.line[keep, 5] = U64(day + 1 + np.int64(h % U64(2 * patience)))
