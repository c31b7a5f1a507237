"""Appointments by lot among the travel units that wait for them (kernel)."""

from __future__ import annotations

import numpy as np

from sim.engines.kernels.address import array
from sim.engines.kernels.buckets import buckets_of
from sim.engines.kernels.draws import GOLD, S32, STREAM_AGAIN, STREAM_LINE, U64, inner, mix
from sim.engines.kernels.line import UNLIMITED, fits, hand_back, quotas_of, sort_by_key, take
from sim.engines.kernels.record import PLACE, kind_of, size_of

__all__ = ["draw_lots", "lots_of_the_day"]

_LAST = U64(0xFFFFFFFFFFFFFFFF)


@inner
def lots_of_the_day(book, k, of, day):
    """For the `k`-th of `of` shares of those who wait: whose patience ends today, each unit's lot, and how many wait for a leg.

    Each unit's lot of the day is a draw of its own.
    """
    counter = array(book, "state.counter", 1)
    pool_key = array(book, "state.pool_key", 1)
    pool_leg = array(book, "state.pool_leg", 1)
    pool_end = array(book, "state.pool_end", 1)
    pool_lot = array(book, "state.pool_lot", 1)
    action = array(book, "state.action", 1)
    units = array(book, "state.pool_units", 2)
    for leg in range(units.shape[1]):
        units[k, leg] = 0
    today = (U64(day) + U64(STREAM_LINE << 20)) * GOLD
    n = counter[2]
    for e in range(n * k // of, n * (k + 1) // of):
        action[U64(e)] = 3 if pool_end[U64(e)] <= day else 0
        pool_lot[U64(e)] = mix(pool_key[U64(e)] + today)
        units[k, U64(pool_leg[U64(e)])] += 1


@inner
def draw_lots(book, day, changed):
    """Draw appointments by lot among the units waiting, best lot first, until the quota is used.

    Only lots below a mark that should suffice are kept and sorted; where they do not suffice the rest is.
    """
    lottery = array(book, "limits.leg_lottery", 1)
    waiting = array(book, "state.waiting", 1)
    blocked = array(book, "state.blocked", 1)
    counter = array(book, "state.counter", 1)
    pool_leg = array(book, "state.pool_leg", 1)
    pool_slot = array(book, "state.pool_slot", 1)
    slot = array(book, "state.slot", 2)
    leg_open = array(book, "state.leg_open", 2)
    closing = array(book, "state.closing", 1)
    kind_class = array(book, "fixed.kind_class", 1)
    action = array(book, "state.action", 1)
    leg_limit = array(book, "limits.leg_limit", 2)
    remaining = array(book, "state.remaining", 1)
    n = counter[2]
    if n == 0:
        return
    low, high = np.zeros(waiting.shape[0], np.uint64), np.zeros(waiting.shape[0], np.uint64)
    if changed:
        _mark_shut_out(pool_leg, pool_slot, slot, leg_open, closing, kind_class, action, n)
    _enough(leg_limit, remaining, blocked, array(book, "state.pool_units", 2), high)
    _serve_lots(book, low, high, n)
    again = False
    for leg in range(waiting.shape[0]):
        low[leg] = high[leg]
        high[leg] = 0
        if lottery[leg] and waiting[leg] > 0 and not blocked[leg] and low[leg] < _LAST:
            high[leg] = _LAST
            again = True
    if again:
        _serve_lots(book, low, high, n)
    _clear_pool(book, day, n)


@inner
def _mark_shut_out(pool_leg, pool_slot, slot, leg_open, closing, kind_class, action, n):
    """Mark (2) the units whose leg closed to them, on days on which policies change."""
    for e in range(n):
        if closing[pool_leg[e]] and not leg_open[kind_class[kind_of(slot[pool_slot[e], 2])], pool_leg[e]]:
            action[e] = 2


@inner
def _enough(leg_limit, remaining, blocked, counted, high):
    """Mark by leg among all lots below which there should be units enough for what is given out today.

    Legs that are tied by limits in common have one mark, so that their lots are served in one order.
    """
    units = counted[0]
    for k in range(1, counted.shape[0]):
        for leg in range(blocked.shape[0]):
            units[leg] += counted[k, leg]
    tie = np.arange(remaining.shape[0])
    for _ in range(leg_limit.shape[1]):
        for leg in range(blocked.shape[0]):
            if units[leg] > 0:
                first = remaining.shape[0]
                for a in range(leg_limit.shape[1]):
                    if leg_limit[leg, a] >= 0:
                        first = min(first, tie[leg_limit[leg, a]])
                for a in range(leg_limit.shape[1]):
                    if leg_limit[leg, a] >= 0:
                        tie[leg_limit[leg, a]] = first
    many, most = np.zeros(remaining.shape[0] + 1, np.int64), np.zeros(remaining.shape[0] + 1, np.int64)
    for leg in range(blocked.shape[0]):
        if units[leg] > 0:
            many[_tie_of(leg_limit, tie, leg)] += units[leg]
    for limit in range(remaining.shape[0]):
        if remaining[limit] < UNLIMITED:
            most[tie[limit]] = max(most[tie[limit]], remaining[limit])
    for leg in range(blocked.shape[0]):
        if units[leg] == 0:
            continue
        for a in range(leg_limit.shape[1]):
            if leg_limit[leg, a] >= 0 and remaining[leg_limit[leg, a]] <= 0:
                blocked[leg] = 1
        if not blocked[leg]:
            t = _tie_of(leg_limit, tie, leg)
            share = min(1.0, (2.0 * np.float64(most[t]) + 64.0) / np.float64(many[t]))
            high[leg] = _LAST if share >= 1.0 or most[t] == 0 else U64(share * 18446744073709549568.0)


@inner
def _tie_of(leg_limit, tie, leg):
    for a in range(leg_limit.shape[1]):
        if leg_limit[leg, a] >= 0:
            return tie[leg_limit[leg, a]]
    return tie.shape[0]


@inner
def _clear_pool(book, day, n):
    """Hand back the units that were drawn, whose leg closed, or whose patience ended, and close the ranks."""
    slot = array(book, "state.slot", 2)
    slot_free = array(book, "state.slot_free", 1)
    action = array(book, "state.action", 1)
    place_key = array(book, "fixed.place_key", 1)
    waiting = array(book, "state.waiting", 1)
    counter = array(book, "state.counter", 1)
    pool_key = array(book, "state.pool_key", 1)
    pool_leg = array(book, "state.pool_leg", 1)
    pool_end = array(book, "state.pool_end", 1)
    pool_slot = array(book, "state.pool_slot", 1)
    buckets = buckets_of(book)
    again = (U64(day) + U64(STREAM_AGAIN << 20)) * GOLD
    x = 0
    while x < n:
        if action[U64(x)] == 0:
            x += 1
            continue
        leg = np.int64(pool_leg[x])
        e = np.int64(pool_slot[x])
        draw = slot[e, 3] >> S32
        if action[x] == 3:
            draw = mix(slot[e, 0] + place_key[np.int64(slot[e, 2] & PLACE)] + again) >> S32
        hand_back(buckets, np.int64(slot[e, 4] >> S32), day,
                   leg if action[x] == 1 else -1, slot[e, 0], slot[e, 1], slot[e, 2], slot[e, 3], draw)  # fmt: skip
        waiting[leg] -= size_of(slot[e, 2])
        slot_free[counter[1]] = e
        counter[1] += 1
        n -= 1
        pool_key[x], pool_leg[x], pool_end[x] = pool_key[n], pool_leg[n], pool_end[n]
        pool_slot[x], action[x] = pool_slot[n], action[n]
    counter[2] = n


@inner
def _draw_between(pool_lot, pool_leg, action, lot_key, lot_entry, n, low, high):
    """Write down the lots from their leg's `low` to before its `high` of those who stay; returns how many."""
    m = np.int64(0)
    for e in range(n):
        lot = pool_lot[U64(e)]
        lot_key[U64(m)] = lot
        lot_entry[U64(m)] = e
        leg = U64(pool_leg[U64(e)])
        m += (lot >= low[leg]) & (lot < high[leg]) & (action[U64(e)] == 0)
    return m


@inner
def _serve_lots(book, low, high, n):
    """Serve the lots from `low` to before `high` (by leg), smallest first."""
    slot = array(book, "state.slot", 2)
    pool_leg = array(book, "state.pool_leg", 1)
    pool_slot = array(book, "state.pool_slot", 1)
    blocked = array(book, "state.blocked", 1)
    action = array(book, "state.action", 1)
    lot_key = array(book, "state.lot_key", 1)
    lot_entry = array(book, "state.lot_entry", 1)
    quotas = quotas_of(book)
    m = _draw_between(array(book, "state.pool_lot", 1), pool_leg, action, lot_key, lot_entry, n, low, high)
    keys, entries = lot_key[:m].copy(), lot_entry[:m].copy()
    sort_by_key(keys, entries, m)
    for a in range(m):
        x = entries[a]
        leg = np.int64(pool_leg[x])
        if blocked[leg]:
            continue
        size = size_of(slot[pool_slot[x], 2])
        fit = fits(quotas, leg, size)
        if fit == 1:
            take(quotas, leg, size)
            action[x] = 1
        elif fit == 0:
            blocked[leg] = 1
