"""Day buckets and journeys that end: the small kernels that put a record where it belongs, on bare addresses."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from sim.engines.kernels.address import array, number, pointer, shift
from sim.engines.kernels.draws import M16, M32, S16, S32, TOP, U64, inner, woven
from sim.engines.kernels.record import PLACE, day_of_departure, kind_of
from sim.plan.layout import PAGE

__all__ = [
    "PAGE_BITS",
    "Buckets",
    "Ends",
    "Stays",
    "buckets_of",
    "day_if_held",
    "day_of_leaving",
    "days_drawn",
    "ends_of",
    "finish",
    "leave_stock",
    "of_part",
    "place_for",
    "put",
    "shift_stock",
    "stays_of",
]

PAGE_BITS = 6
"""`PAGE` is two to this power."""
U32 = np.uint32
Address = Any


class Buckets(NamedTuple):
    """Addresses of a thread's day buckets (see `State`) and how far on the next thread's lie."""

    pages: Address
    next_page: Address
    free: Address
    turn: Address
    head: Address
    cursor: Address
    reading: Address
    ready: Address
    bucket: Address
    n_pages: int
    n_buckets: int
    n_zones: int


class Ends(NamedTuple):
    """Addresses of what counts the end of a journey."""

    ended: Address
    duration: Address
    trace: Address
    turn: Address
    end_cell: Address
    kind_group: Address
    member_class: Address
    n_places: int
    n_cells: int
    n_tally: int
    n_groups: int
    bins: int
    traced: int


class Stays(NamedTuple):
    """Addresses of what says how long a stay lasts."""

    place_word: Address
    stay_word: Address
    guide: Address
    cdf: Address
    offset: Address
    hazard: Address
    calendar: Address
    span: Address
    n_days: int
    n_places: int


@inner
def buckets_of(book):
    """Buckets of the first thread."""
    pages = array(book, "state.pages", 1)
    next_page = array(book, "state.next_page", 1)
    free = array(book, "state.free", 2)
    turn = array(book, "state.pointer", 2)
    head = array(book, "state.head", 2)
    cursor = array(book, "state.cursor", 2)
    reading = array(book, "state.reading", 3)
    ready = array(book, "state.ready", 2)
    bucket = array(book, "state.bucket", 1)
    return Buckets(
        pointer(pages), pointer(next_page), pointer(free), pointer(turn), pointer(head), pointer(cursor), pointer(reading),
        pointer(ready), pointer(bucket), free.shape[1], head.shape[1], reading.shape[1],
    )  # fmt: skip


@woven
def of_part(b, k):
    """Buckets of thread `k`."""
    return Buckets(
        b.pages, b.next_page, shift(b.free, k * b.n_pages), shift(b.turn, k * 8), shift(b.head, k * b.n_buckets),
        shift(b.cursor, k * b.n_buckets), shift(b.reading, k * b.n_zones * 2), shift(b.ready, k * b.n_zones), b.bucket,
        b.n_pages, b.n_buckets, b.n_zones,
    )  # fmt: skip


@inner
def ends_of(book, k):
    """What counts the journeys that thread `k` ends."""
    ended = array(book, "state.ended", 4)
    duration = array(book, "state.duration", 4)
    trace = array(book, "state.trace", 3)
    turn = array(book, "state.pointer", 2)
    end_cell = array(book, "fixed.end_cell", 2)
    kind_group = array(book, "fixed.kind_group", 1)
    member_class = array(book, "state.member_class", 1)
    return Ends(
        pointer(ended[k]), pointer(duration[k]), pointer(trace[k]), pointer(turn[k]), pointer(end_cell), pointer(kind_group),
        pointer(member_class), end_cell.shape[1], ended.shape[2] * ended.shape[3], ended.shape[3], duration.shape[2],
        duration.shape[3], trace.shape[1],
    )  # fmt: skip


@inner
def stays_of(book):
    """What says how long a stay lasts."""
    place_word = array(book, "state.place_word", 1)
    stay_word = array(book, "state.stay_word", 1)
    guide_word = array(book, "state.guide_word", 1)
    cdf = array(book, "fixed.cdf", 1)
    offset = array(book, "fixed.offset", 1)
    hazard = array(book, "fixed.hazard", 1)
    calendar = array(book, "fixed.calendar", 2)
    calendar_span = array(book, "fixed.calendar_span", 2)
    n_days = number(book, "fixed.n_days")
    stay_table = array(book, "fixed.stay_table", 2)
    return Stays(
        pointer(place_word), pointer(stay_word), pointer(guide_word), pointer(cdf), pointer(offset),
        pointer(hazard), pointer(calendar), pointer(calendar_span), n_days, stay_table.shape[1],
    )  # fmt: skip


@woven
def put(b, day, w0, w1, w2, w3):
    """Put a record into the bucket of a day and zone; a full page is followed by one handed back, or by a fresh one."""
    at = place_for(b, b.bucket[np.int64(w2 & PLACE)] + day)
    b.pages[4 * at] = w0
    b.pages[4 * at + 1] = w1
    b.pages[4 * at + 2] = w2
    b.pages[4 * at + 3] = w3


@woven
def place_for(b, bucket):
    """Number of the next record of a bucket."""
    at = np.int64(b.cursor[bucket])
    if at & (PAGE - 1) == 0:
        top = b.turn[0]
        if top > 0:
            b.turn[0] = top - 1
            page = np.int64(b.free[top - 1])
        else:
            page = np.int64(b.turn[1])
            b.turn[1] = page + 1
        b.next_page[page] = -1
        if at == 0:
            b.head[bucket] = page
        else:
            b.next_page[(at >> PAGE_BITS) - 1] = page
        at = page << PAGE_BITS
    b.cursor[bucket] = at + 1
    return at


@woven
def days_drawn(T, table, first, u):
    """Whole days that a draw means in a distribution whose days stand in ``cdf`` from `first`.

    The guide gives the first day that a draw of its 256th of the range can mean, and that day itself where it is the only
    one, which is nearly always: only where it is not is the draw held below what is certain.
    """
    n = np.int64(T.guide[np.int64((table << U64(8)) + (u >> U64(24)))])
    if n < 0x8000:
        u = min(u, TOP)
        while u >= U64(T.cdf[first + n]):
            n += 1
    return n & 0x7FFF


@woven
def day_of_leaving(T, kind, place, u, arrival):
    """Day on which a stay that begins on `arrival` ends (at most the end of the run).

    Policies that scale a stay's hazard are in its calendar, and matter where the stay meets the calendar's span.
    """
    span = T.stay_word[kind * T.n_places + place]
    leave = arrival + days_drawn(T, span >> U64(48), np.int64(span & M32), u)
    return day_if_held(T, span, leave, u, arrival)


@woven
def day_if_held(T, span, leave, u, arrival):
    """Day of leaving of a stay whose words are `span` and whose distribution alone gives `leave`."""
    cal = np.int64((span >> S32) & M16)
    if cal != 0xFFFF and leave > T.span[2 * cal] and arrival <= T.span[2 * cal + 1]:
        leave = _held(T, np.int64(span >> U64(48)), cal, min(u, TOP), arrival)
    return leave


@inner
def _held(T, table, cal, u, arrival):
    """Day on which a stay ends when policies scale its hazard: first day with cumulated hazard past the threshold.

    Leaving on the day of arrival is part of the hazard: who is held (multiplier 0) does not pass through either.

    The threshold is the unit-exponential quantile of the stay's own draw; `calendar[cal, t]` is the multiplier summed over
    days before `t` (it differs from the count of days only where a policy is in force).
    """
    o = T.offset[table]
    size = T.offset[table + 1] - o
    cum = shift(T.calendar, cal * (T.n_days + 1))
    share = (np.float64(u) + 0.5) / 4294967296.0
    need = -np.log1p(-share)
    total = 0.0
    day = arrival
    while day < T.n_days:
        m = cum[day + 1] - cum[day]
        h = T.hazard[o + min(day - arrival, size - 1)]
        if m > 0.0:
            total += m * h if h < 1e30 else 1e30
        if total >= need:
            return day
        day += 1
    return T.n_days


@inner
def finish(e, outcome, place, day, w0, w1, w2, w3):
    """Count the people of a unit whose journey ends, with the days it took; keep each where a trace is asked for.

    A trace holds for each person the words of the unit's key and visits, then place 16, tally class 16, kind 16 and
    departure day 16, then outcome 8, place 24, day 28 and position 4 (low bits first).
    """
    kind = kind_of(w2)
    group = np.int64(e.kind_group[kind])
    departed = day_of_departure(w2, w3)
    days = min(day - departed, e.bins - 1)
    cell = np.int64(e.end_cell[outcome * e.n_places + place])
    at = (cell * e.n_groups + group) * e.bins + days
    members = w2 >> S32
    pos = U64(0)
    while members > U64(0):
        member = members & U64(15)
        if member > U64(0):
            g = np.int64(e.member_class[16 * kind + np.int64(member)])
            e.ended[outcome * e.n_cells + place * e.n_tally + g] += 1
            e.duration[at] += U32(1)
            n = e.turn[6]
            if n < e.traced:
                e.trace[4 * n] = w0
                e.trace[4 * n + 1] = w1
                e.trace[4 * n + 2] = (
                    U64(place) | (U64(g) << S16) | (U64(kind) << S32) | (U64(departed) << U64(48))
                )
                e.trace[4 * n + 3] = (
                    U64(outcome) | (U64(place) << U64(8)) | (U64(day) << S32) | (pos << U64(60))
                )
            e.turn[6] = n + 1
        members >>= U64(4)
        pos += U64(1)


@inner
def leave_stock(stock, member_class, kind, w2, before):
    """Count the people of a unit in a row of the stock no more."""
    members = w2 >> S32
    while members > U64(0):
        if members & U64(15):
            stock[before + np.int64(member_class[16 * kind + np.int64(members & U64(15))])] -= 1
        members >>= U64(4)


@inner
def shift_stock(stock, member_class, kind, w2, before, after):
    """Count the people of a unit in one row of the stock no more and in another instead."""
    members = w2 >> S32
    while members > U64(0):
        if members & U64(15):
            g = np.int64(member_class[16 * kind + np.int64(members & U64(15))])
            stock[before + g] -= 1
            stock[after + g] += 1
        members >>= U64(4)
