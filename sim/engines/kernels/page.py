"""A page of people: what becomes of its records, worked out for most eight at a time before any is moved (kernel).

Most units that leave a place choose a way, travel for some days, arrive and stay. All that decides this is tabled in the
morning, so that it can be worked out for a page of records before the first of them is counted. It is done in steps
(:mod:`sim.engines.kernels.eight`): each goes through the page and leaves rows of numbers for the next, so that a processor has
several eights under way at once. What all records look up in a table is looked up between the steps too, at the place a step
has left: it is there when the next one reads it. What few records need (a draw that its guide does not settle, a stay whose hazard policies
change, who dies) is looked up between the steps, one record after another: a branch that eight records share is guessed wrong
too often. Whoever does anything else (ends, turns back, settles, has no money, is robbed, dies, travels past the last day) is
left to :mod:`sim.engines.kernels.one`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from sim.engines.kernels.address import fetch, lowest, reached_of_eight, shift
from sim.engines.kernels.buckets import day_if_held, days_drawn, place_for
from sim.engines.kernels.draws import GOLD, M16, M32, S32, SETTLED, STREAM_FORCED, TOP, U64, mix, visit, woven
from sim.engines.kernels.eight import (
    AFTER,
    AT,
    BEFORE,
    BUCKET,
    COMING,
    COUNTED,
    DAYS,
    DRAW,
    FLAGS,
    KEY,
    MANY,
    PLACE,
    RECORD,
    STAY,
    SURE,
    W0,
    W1,
    W2,
    W3,
    WAY,
    WHEN,
    H,
    arrive,
    cross,
    look,
    look_up,
    look_up_days,
    look_up_ways,
    read,
    settle,
    write,
)  # fmt: skip
from sim.engines.kernels.record import PLACE as OF_PLACE
from sim.engines.kernels.record import ask, kind_of, size_of, who_dies
from sim.engines.kernels.rows import EIGHT, copy_four

__all__ = ["Seen", "ask_foreseen", "count_foreseen", "foresee", "put_foreseen"]

U32 = np.uint32
STATES = SETTLED + 1
AT_HAND = 4096
"""Counts that stay in a first-level cache beside all else, so that nobody need ask for them: 16 kB of them."""


class Seen(NamedTuple):
    """A bit for each record of a page.

    Who does what most do; who of these arrives later, is one person alone, has come to a place and left none; and who does
    nothing but ask for a place in a line.
    """

    common: Any
    ahead: Any
    alone: Any
    came: Any
    asks: Any


@woven
def foresee(s, stays, kind_group, forced_seen, record, active):
    """Work out what becomes of the records of a page from `record` on (`active` of them).

    Parameters
    ----------
    s : Sight
    stays : Stays
    kind_group, forced_seen : address
        Who comes to a post, and who is sent on from there, is counted here.
    record, active : int

    Returns
    -------
    Seen
    """
    leaves, boards, posted = _choose(s, record, active)
    sent = _send_on(s, posted)
    came = posted & ~sent
    for at in range(0, active, EIGHT):
        look_up_ways(s, at, U64(0), U64(0), U64(0))
    _stay_at_post(s, came)
    leaves, asks = _travel(s, stays, active, leaves, boards, sent)
    common, ahead, alone, event = _come(s, stays, active, leaves, came, sent)
    if STATES * s.n_cells + s.n_flows > AT_HAND:
        _ask_for_counts(s, active, ahead)
    for at in range(0, active, EIGHT):
        write(s, at, event, U64(0), U64(0))
    left = posted & common
    while left:
        i = lowest(left)
        _count_at_post(s, kind_group, forced_seen, i, (sent >> U64(i)) & U64(1))
        left &= left - U64(1)
    return Seen(common, ahead & common, alone & common, came & common, asks)


@woven
def _ask_for_counts(s, active, ahead):
    """Ask for the lines of what is counted when the records are written, so that they are on the way until then."""
    for i in range(active):
        fetch(s.stock, np.int64(s.scratch[BEFORE + i]))
        fetch(s.stock, np.int64(s.scratch[AFTER + i]))
        fetch(s.flow, np.int64(s.scratch[COUNTED + i]))
    if ahead:
        for i in range(active):
            fetch(s.ring, np.int64(s.scratch[COMING + i]))


@woven
def _choose(s, record, active):
    """Ways that records of a page choose: bits of those who leave, who have been let through a line, who come to a post."""
    scratch = s.scratch
    leaves, boards, came, wide = U64(0), U64(0), U64(0), U64(0)
    for at in range(0, active, EIGHT):
        read(s, at, U64(record), U64(active), U64(0))
    for at in range(0, active, EIGHT):
        look_up(s, at, U64(0), U64(0), U64(0))
    for at in range(0, active, EIGHT):
        bits = look(s, at, U64(active), U64(0), U64(0))
        leaves |= _part(bits, 0, at)
        boards |= _part(bits, 1, at)
        came |= _part(bits, 2, at)
        wide |= _part(bits, 3, at)
    for i in range(active):
        row = shift(s.threshold, np.int64(scratch[AT + i]))
        scratch[WAY + i] += U64(reached_of_eight(row, U32(scratch[DRAW + i])))
    while wide:
        i = lowest(wide)
        row = shift(s.threshold, np.int64(scratch[AT + i]))
        for start in range(8, np.int64(scratch[MANY + i]), 8):
            scratch[WAY + i] += U64(reached_of_eight(shift(row, start), U32(scratch[DRAW + i])))
        wide &= wide - U64(1)
    left = boards
    while left:
        i = lowest(left)
        scratch[WAY + i] = U64(s.leg_way[np.int64(scratch[W3 + i] >> S32)])
        left &= left - U64(1)
    return leaves, boards, came


@woven
def _travel(s, stays, active, leaves, boards, sent):
    """Days that crossings take: bits of those who have one like most, and of those who ask for a place in a line."""
    scratch = s.scratch
    common, open_, risky, asks = U64(0), U64(0), U64(0), U64(0)
    for at in range(0, active, EIGHT):
        bits = cross(s, at, leaves, boards, sent)
        common |= _part(bits, 0, at)
        open_ |= _part(bits, 1, at)
        risky |= _part(bits, 2, at)
        asks |= _part(bits, 3, at)
    while open_:
        i = lowest(open_)
        span = s.way_word[8 * np.int64(scratch[WAY + i]) + 2]
        scratch[DAYS + i] = U64(days_drawn(stays, span >> S32, np.int64(span & M32), scratch[H + i] >> S32))
        open_ &= open_ - U64(1)
    while risky:
        i = lowest(risky)
        death = s.way_word[8 * np.int64(scratch[WAY + i]) + 5]
        if who_dies(scratch[H + i], death, scratch[W2 + i]) > U64(0):
            common &= ~(U64(1) << U64(i))
        risky &= risky - U64(1)
    return common, asks


@woven
def _come(s, stays, active, leaves, came, sent):
    """Arrivals and stays: bits of those who do what most do, arrive later, are alone, and whose arrival is an event."""
    scratch = s.scratch
    common, ahead, alone, event, open_, held = U64(0), U64(0), U64(0), U64(0), U64(0), U64(0)
    for at in range(0, active, EIGHT):
        bits = arrive(s, at, leaves, came, sent)
        common |= _part(bits, 0, at)
        ahead |= _part(bits, 1, at)
        alone |= _part(bits, 2, at)
        event |= _part(bits, 3, at)
        held |= _part(bits, 4, at)
    for at in range(0, active, EIGHT):
        look_up_days(s, at, U64(0), U64(0), U64(0))
    for at in range(0, active, EIGHT):
        open_ |= settle(s, at, common & ~event, U64(0), U64(0)) << U64(at)
    while open_:
        i = lowest(open_)
        span = scratch[STAY + i]
        u = scratch[H + i] & M32
        scratch[DAYS + i] = U64(days_drawn(stays, span >> U64(48), np.int64(span & M32), u))
        open_ &= open_ - U64(1)
    while held:
        i = lowest(held)
        when = np.int64(scratch[WHEN + i])
        leave = when + np.int64(scratch[DAYS + i])
        leave = day_if_held(stays, scratch[STAY + i], leave, scratch[H + i] & M32, when)
        scratch[DAYS + i] = U64(leave - when)
        held &= held - U64(1)
    return common, ahead, alone, event


@woven
def _part(bits, which, at):
    """The `which`-th eight of answers, at their place in a page."""
    return ((bits >> U64(EIGHT * which)) & U64(0xFF)) << U64(at)


@woven
def _send_on(s, posted):
    """Those at a post who are sent on: their way and their visits are written; returns their bits."""
    scratch, sent = s.scratch, U64(0)
    while posted:
        i = lowest(posted)
        flags, w2, w3 = scratch[PLACE + i], scratch[W2 + i], scratch[W3 + i]
        f, kind = np.int64((flags >> S32) & M16) - 1, kind_of(w2)
        if f >= 0:
            key = s.place_word[4 * np.int64(w2 & OF_PLACE)]
            w1, lap, h = visit(
                key, flags & U64(0xFF), scratch[W0 + i], scratch[W1 + i], (w3 >> U64(26)) & U64(63)
            )
            u = U32(min(mix(h + U64(STREAM_FORCED) * GOLD) >> S32, TOP))
            for j in range(s.n_forced):
                if u < s.forced[s.n_forced * (kind * s.n_posts + f) + j]:
                    scratch[WAY + i] = U64(s.leg_way[s.forced_leg[(f * s.n_forced + j) * s.n_kinds + kind]])
                    scratch[W1 + i] = w1
                    scratch[W3 + i] = (w3 & ~(U64(63) << U64(26))) | (lap << U64(26))
                    sent |= posted & ~(posted - U64(1))
                    break
        posted &= posted - U64(1)
    return sent


@woven
def _stay_at_post(s, came):
    """Who has come to a post and stays: what a way says of where it leads, said of where they are."""
    scratch = s.scratch
    while came:
        i = lowest(came)
        w2 = scratch[W2 + i]
        place = np.int64(w2 & OF_PLACE)
        scratch[FLAGS + i] = U64(place) | ((scratch[PLACE + i] & U64(0xFF)) << U64(24))
        scratch[SURE + i] = U64(1) | (U64(s.bucket[place]) << S32)
        scratch[KEY + i] = s.place_word[4 * place]
        scratch[STAY + i] = s.stay_word[kind_of(w2) * s.n_places + place]
        came &= came - U64(1)


@woven
def _count_at_post(s, kind_group, forced_seen, i, sent):
    """Count a unit that has come to a post, and whether it is sent on."""
    f = np.int64((s.scratch[PLACE + i] >> S32) & M16) - 1
    if f >= 0:
        w2 = s.scratch[W2 + i]
        at, size = 2 * (np.int64(kind_group[kind_of(w2)]) * s.n_posts + f), size_of(w2)
        forced_seen[at] += size
        forced_seen[at + 1] += size * np.int64(sent)


@woven
def count_foreseen(s, seen):
    """Count what was foreseen; returns how many persons were touched."""
    scratch, stock, flow, ring = s.scratch, s.stock, s.flow, s.ring
    events = np.int64(0)
    left = seen.alone
    while left:
        i = lowest(left)
        stock[np.int64(scratch[BEFORE + i])] -= 1
        stock[np.int64(scratch[AFTER + i])] += 1
        events += 1
        left &= left - U64(1)
    left = seen.alone & ~seen.came
    while left:
        flow[np.int64(scratch[COUNTED + lowest(left)])] += 1
        left &= left - U64(1)
    left = seen.alone & seen.ahead
    while left:
        ring[np.int64(scratch[COMING + lowest(left)])] += 1
        left &= left - U64(1)
    left = seen.common & ~seen.alone
    while left:
        events += _count_members(s, lowest(left), left & ~(left - U64(1)), seen)
        left &= left - U64(1)
    return events


@woven
def _count_members(s, i, bit, seen):
    """Count the members of a unit one by one."""
    w2 = s.scratch[W2 + i]
    before, after = np.int64(s.scratch[BEFORE + i]), np.int64(s.scratch[AFTER + i])
    counted, coming = np.int64(s.scratch[COUNTED + i]), np.int64(s.scratch[COMING + i])
    members, classes, events = w2 >> S32, 16 * kind_of(w2), 0
    came, ahead = seen.came & bit, seen.ahead & bit
    while members > U64(0):
        if members & U64(15):
            g = np.int64(s.member_class[classes + np.int64(members & U64(15))])
            events += 1
            s.stock[before + g] -= 1
            s.stock[after + g] += 1
            if not came:
                s.flow[counted + g] += 1
            if ahead:
                s.ring[coming + g] += 1
        members >>= U64(4)
    return events


@woven
def put_foreseen(s, buckets, common):
    """Write the records whose moves were foreseen."""
    while common:
        i = lowest(common)
        copy_four(
            buckets.pages,
            4 * place_for(buckets, np.int64(s.scratch[BUCKET + i])),
            s.scratch,
            RECORD + 4 * i,
        )
        common &= common - U64(1)


@woven
def ask_foreseen(s, turn, request, asks):
    """Write down who asks for a place in a line; returns how many persons were touched."""
    events = np.int64(0)
    while asks:
        i = lowest(asks)
        w2 = s.scratch[W2 + i]
        ask(
            request,
            turn,
            s.scratch[W0 + i],
            s.scratch[W1 + i],
            w2,
            s.scratch[W3 + i],
            s.scratch[FLAGS + i] >> S32,
        )
        events += size_of(w2)
        asks &= asks - U64(1)
    return events
