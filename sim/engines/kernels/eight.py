"""Eight records at a time: what most moves have in common is worked out with vectors before anybody is moved (kernel).

Most units that leave a place choose a way, travel for some days, arrive and stay. All that decides this is tabled in the
morning, so that it can be worked out for a page of records before the first of them is counted. It is done in steps: each goes
through the page eight records at a time and leaves rows of numbers for the next, so that a processor has several eights under
way at once, and what few records need (a draw that its guide does not settle, a stay whose hazard policies change, who dies) is
looked up between the steps, one record after another, since a branch that eight records share could not be guessed. Whoever
does anything else (ends, turns back, settles, stands in line, has no money, is robbed, dies, is sent on, travels past the last
day) is left to :mod:`sim.engines.kernels.one`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from sim.engines.kernels.address import lowest, reached_of_eight, shift
from sim.engines.kernels.buckets import day_of_leaving, days_drawn, put_at
from sim.engines.kernels.draws import (
    BOARDING,
    GOLD,
    M16,
    M32,
    MIX,
    NO_MEANS,
    S32,
    STREAM_FORCED,
    TOP,
    TRAVELLING,
    U64,
    mix,
    woven,
)
from sim.engines.kernels.record import ARRIVING, KEEP, NO_LEG, SOUTHWARD, kind_of, size_of, who_dies
from sim.engines.kernels.rows import EIGHT, Asked, Writer

__all__ = ["NUMBERS", "Seen", "Sight", "count_foreseen", "foresee", "put_foreseen"]

U32 = np.uint32
_W0, _W1, _W2, _W3, _AT, _DRAW, _MANY, _WAY, _PLACE, _FLAGS, _MEANS, _DAYS, _H, _TO, _WHEN = range(0, 960, 64)
_BUCKET, _BEFORE, _AFTER, _COUNTED, _COMING, _RECORD = range(960, 1344, 64)
NUMBERS = _RECORD + 256
"""Numbers of 64 bits that are kept of the 64 records of a page: rows of one number each, then the records as they will be."""
_NO_LEG, _LIMITED, _EVENT, _OUTCOME = int(NO_LEG), 1 << 16, 1 << 20, 7 << 23
_ARRIVING, _KEEP, _SOUTHWARD = int(ARRIVING), int(KEEP), int(SOUTHWARD)
_ENDS, _CERTAIN = 1 << 24, 0x8000
_M32, _TOP = int(M32), int(TOP)


class Sight(NamedTuple):
    """Addresses and sizes of what most moves ask for."""

    pages: Any
    place_word: Any
    kind_row: Any
    means_edge: Any
    n_edges: Any
    threshold: Any
    way_word: Any
    leg_way: Any
    stay_word: Any
    guide: Any
    bucket: Any
    period_of_day: Any
    member_class: Any
    forced: Any
    stock: Any
    ring: Any
    flow: Any
    n_places: Any
    n_tally: Any
    n_cells: Any
    n_flows: Any
    n_days: Any
    n_posts: Any
    n_forced: Any
    mask: Any
    day: Any
    scratch: Any


class Seen(NamedTuple):
    """A bit for each record of a page: who does what most do, and of these who arrives later, is alone, has come to a post."""

    common: Any
    ahead: Any
    alone: Any
    came: Any


class _Eight(Writer):
    """Writes what is done for the eight records from the `at`-th of a page."""

    def __init__(self, builder, s, at) -> None:
        super().__init__(builder)
        self.s, self.at = s, at

    def _offset(self, which):
        return self.builder.add(self.at, ir.IntType(64)(which))

    def row(self, which):
        return self.load(self.s.scratch, self._offset(which))

    def leave(self, which, row):
        self.store(row, self.s.scratch, self._offset(which))

    def record(self, lines):
        first = self.builder.mul(self.at, ir.IntType(64)(4))
        for i, line in enumerate(lines):
            at = self.builder.add(first, ir.IntType(64)(_RECORD + EIGHT * i))
            self.store(line, self.s.scratch, at)

    def asked(self, bits):
        """The answers of these eight among the bits of a page."""
        b = self.builder
        own = b.trunc(b.lshr(bits, self.at), ir.IntType(8))
        return Asked(self, b.bitcast(own, ir.VectorType(ir.IntType(1), EIGHT)))


def _step(write):
    """A kernel that writes down a step for eight records; it hands back answers, eight bits each, the first lowest."""

    def define(_, sight, at, one, other):
        def codegen(context, builder, signature, arguments):
            s = Sight(*cgutils.unpack_tuple(builder, arguments[0]))
            whole = ir.IntType(64)(0)
            for i, asked in enumerate(write(_Eight(builder, s, arguments[1]), *arguments[2:])):
                whole = builder.or_(whole, builder.shl(asked.bits(), ir.IntType(64)(EIGHT * i)))
            return whole

        return types.uint64(sight, types.int64, types.uint64, types.uint64), codegen

    return intrinsic(define)


def _mixed(x):
    """See :func:`sim.engines.kernels.draws.mix`."""
    for _ in range(2):
        x = (x ^ (x >> 32)) * int(MIX)
    return x ^ (x >> 28)


def _visit(w1, w3, slot):
    """Number of a visit, as its draw takes it (see :func:`sim.engines.kernels.draws.visit`)."""
    return (((w1 >> slot) & 3) + (((w3 >> 26) & 63) << 2)) * int(GOLD)


def _guided(e, table, u):
    """Days that draws mean in a distribution, and where the guide does not settle it (see `sim.engines.kernels.buckets`)."""
    n = e.gather16(e.s.guide, (table << 8) + (u >> 24))
    return n & (_CERTAIN - 1), (n & _CERTAIN) == 0


@_step
def _look(e, record, active):
    """Words of eight records, and what their choice asks for: who leaves, who has been let through a line, who comes to a post."""
    s, b = e.s, e.builder
    first = b.mul(b.add(record, e.at), ir.IntType(64)(4))
    there = e.count() < b.sub(active, e.at)
    lines = [e.load(s.pages, b.add(first, ir.IntType(64)(EIGHT * i)), align=8) for i in range(4)]
    words = [there.pick(word, 0) for word in e.words(lines)]
    _, _, w2, w3 = words
    place = (w2 & 0xFFF) << 2
    ways, flags = e.gather(s.place_word, place + 3), e.gather(s.place_word, place + 1)
    south = (w3 & _SOUTHWARD) != 0
    row = e.gather(s.kind_row, (w2 >> 12) & 0xFF) + south.pick(e.spread(s.n_edges) + 1, 0)
    row = e.slot(row)
    with cgutils.for_range(b, s.n_edges) as loop:
        edge = e.spread(b.load(b.gep(s.means_edge, [loop.index])))
        e.keep(row, e.kept(row) + ((w3 & 0xFFFF) >= edge).pick(1, 0))
    at = ((ways >> 38) + (e.kept(row) << ((ways >> 12) & 15))) << 3
    for which, number in (
        *zip((_W0, _W1, _W2, _W3), words, strict=True),
        (_AT, at), (_DRAW, (w3 >> 32).least(_TOP)), (_MANY, ways & 0xFFF), (_WAY, (ways >> 16) & 0x3FFFFF), (_PLACE, flags),
    ):  # fmt: skip
        e.leave(which, number)
    what = w3 & (_ARRIVING | _OUTCOME)
    post = there & (what == _ARRIVING) & south.no() & ((flags & _ENDS) == 0)
    many = ways & 0xFFF
    return there & (what == 0), there & (what == BOARDING << 23), post, there & (many >= EIGHT + 1)


@_step
def _cross(e, leaves, boards):
    """The crossing of eight who have chosen: who has one like most, whose days the guide does not settle, who may die."""
    s, boards = e.s, e.asked(boards)
    w3, q = e.row(_W3), e.row(_WAY) << 3
    flags, sure = e.gather(s.way_word, q + 1), e.gather(s.way_word, q + 6)
    common = boards | (e.asked(leaves) & ((flags & (_NO_LEG | _LIMITED)) == 0))
    means = w3 & 0xFFFF
    left, able = e.slot(means), e.slot(common)
    with e.where_any(common & (means != NO_MEANS)):
        cost, has = e.gather(s.way_word, q + 3), means != NO_MEANS
        poor = has & (means < cost)
        e.keep(able, common & (boards | poor.no()))
        e.keep(left, has.pick(poor.pick(0, means - cost), means))
    common = e.kept(able, Asked)
    unsure = common & (sure == 0)
    days, well = e.slot(sure - 1), e.slot(common)
    open_, risky = e.slot(unsure), e.slot(unsure)
    with e.where_any(unsure):
        h = _mixed(e.row(_W0) + e.gather(s.way_word, q) + _visit(e.row(_W1), w3, e.row(_PLACE) & 0xFF))
        n, more = _guided(e, e.gather(s.way_word, q + 2) >> 32, h >> 32)
        hurt = unsure & ((h & _M32) < e.gather(s.way_word, q + 4))
        e.keep(days, unsure.pick(n, e.kept(days)))
        e.keep(well, common & hurt.no())
        e.keep(open_, unsure & hurt.no() & more)
        e.keep(risky, unsure & hurt.no() & (e.gather(s.way_word, q + 5) != 0))
        e.leave(_H, h)
    for which, number in ((_FLAGS, flags), (_MEANS, e.kept(left)), (_DAYS, e.kept(days))):
        e.leave(which, number)
    return e.kept(well, Asked), e.kept(open_, Asked), e.kept(risky, Asked)


@_step
def _arrive(e, leaves, came):
    """Where and when eight arrive, what is counted, and their stay.

    Answers: who does what most do, who of these arrives later, who is alone, whose arrival is an event, and whose stay the
    guide does not settle.
    """
    s, came = e.s, e.asked(came)
    w1, w2, w3, flags, place = (e.row(which) for which in (_W1, _W2, _W3, _FLAGS, _PLACE))
    day, here, q = e.spread(s.day), w2 & 0xFFF, e.row(_WAY) << 3
    when = came.pick(day, day + e.row(_DAYS))
    to = came.pick(here, flags & 0xFFF)
    event = came.no() & ((flags & (_EVENT | 7 << 17) | (w3 & _SOUTHWARD)) != 0)
    later = came.no() & (when != day)
    common = (came | e.asked(leaves)) & (when < s.n_days)
    alone = (w2 >> 32) < 16
    kind = (w2 >> 12) & 0xFF
    g = alone.pick(e.gather16(s.member_class, (kind << 4) + ((w2 >> 32) & 15)), 0)
    n_cells, cell = e.spread(s.n_cells), g + to * s.n_tally
    period = e.gather16(s.period_of_day, when.least(s.n_days))
    e.leave(_BEFORE, g + came.pick(TRAVELLING, (w3 >> 20) & 3) * n_cells + here * s.n_tally)
    e.leave(_AFTER, (event | later).pick(cell + n_cells * TRAVELLING, cell))
    e.leave(_COUNTED, g + period * s.n_flows + ((flags >> 32) - 1) * s.n_tally)
    e.leave(_COMING, cell + (when & s.mask) * n_cells)
    slot = came.pick(place, flags >> 24) & 0xFF
    h = _mixed(e.row(_W0) + _key(e, came, here, q) + _visit(w1, w3, slot))
    stay = e.gather(s.stay_word, kind * s.n_places + to)
    days, more = _guided(e, stay >> 48, h & _M32)
    held = ((stay >> 32) & 0xFFFF) != 0xFFFF
    for which, number in ((_H, h), (_TO, to), (_WHEN, when), (_DAYS, days)):
        e.leave(which, number)
    return common, common & event.no() & later, common & alone, event, common & event.no() & (more | held)


def _key(e, came, here, q):
    """Key of the place where each arrives: among the words of the place or, which is nearer, of the way."""
    b = e.builder
    place, way = (e.spread(b.ptrtoint(address, ir.IntType(64))) for address in (e.s.place_word, e.s.way_word))
    return e.gather_at(came.pick(place + (here << 5), way + (q << 3) + 56))


@_step
def _write(e, came, event):
    """The records of eight as they will be, and the buckets they go to."""
    s, came, event = e.s, e.asked(came), e.asked(event)
    w1, w2, w3, flags, h, to, when, days = (
        e.row(which) for which in (_W1, _W2, _W3, _FLAGS, _H, _TO, _WHEN, _DAYS)
    )
    means = e.slot(came.pick(w3 & 0xFFFF, e.row(_MEANS)))
    spends = event.no() & ((w3 & 0xFFFF) != NO_MEANS)
    with e.where_any(spends):
        spent, has = e.gather(s.place_word, (to << 2) + 2) * days, e.kept(means)
        e.keep(means, spends.pick((spent < has).pick(has - spent, 0), has))
    slot = came.pick(e.row(_PLACE), flags >> 24) & 0xFF
    seen = ((w1 >> slot) & 3) + 1
    keep, lap = (w3 & _KEEP) | e.kept(means), (w3 >> 26) & 63
    travelling = keep | _ARRIVING | (((flags >> 17) & 7) << 23) | (lap << 26)
    staying = keep | (((lap + (seen >> 2)) & 63) << 26) | ((h >> 32) << 32)
    visited = (w1 & ((e.spread(3) << slot) ^ -1)) | ((seen & 3) << slot)
    e.record(
        e.lines((e.row(_W0), event.pick(w1, visited), (w2 & ~0xFFF) | to, event.pick(travelling, staying)))
    )
    e.leave(_BUCKET, e.gather(s.bucket, to) + event.pick(when, (when + days).least(s.n_days)))
    return ()


@woven
def foresee(s, stays, kind_group, forced_seen, record, active):
    """Work out what becomes of the records of a page from `record` on (`active` of them).

    Parameters
    ----------
    s : Sight
    stays : Stays
    kind_group, forced_seen : address
        Arrivals at a post that stay there are counted here.
    record, active : int

    Returns
    -------
    Seen
    """
    leaves, boards, came = _choose(s, record, active)
    leaves = _travel(s, stays, active, leaves, boards)
    common, ahead, alone, event = _come(s, stays, active, leaves, came)
    left = came
    while left:
        i = lowest(left)
        if _is_sent_on(
            s, kind_group, forced_seen, s.scratch[_W2 + i], s.scratch[_PLACE + i], s.scratch[_H + i]
        ):
            common &= ~(U64(1) << U64(i))
        left &= left - U64(1)
    for at in range(0, active, EIGHT):
        _write(s, at, came, event)
    return Seen(common, ahead & common, alone & common, came & common)


@woven
def _choose(s, record, active):
    """Ways that records of a page choose: bits of those who leave, who have been let through a line, who come to a post."""
    scratch = s.scratch
    leaves, boards, came, wide = U64(0), U64(0), U64(0), U64(0)
    for at in range(0, active, EIGHT):
        bits = _look(s, at, U64(record), U64(active))
        leaves |= _part(bits, 0, at)
        boards |= _part(bits, 1, at)
        came |= _part(bits, 2, at)
        wide |= _part(bits, 3, at)
    for i in range(active):
        row = shift(s.threshold, np.int64(scratch[_AT + i]))
        scratch[_WAY + i] += U64(reached_of_eight(row, U32(scratch[_DRAW + i])))
    while wide:
        i = lowest(wide)
        row = shift(s.threshold, np.int64(scratch[_AT + i]))
        for start in range(8, np.int64(scratch[_MANY + i]), 8):
            scratch[_WAY + i] += U64(reached_of_eight(shift(row, start), U32(scratch[_DRAW + i])))
        wide &= wide - U64(1)
    left = boards
    while left:
        i = lowest(left)
        scratch[_WAY + i] = U64(s.leg_way[np.int64(scratch[_W3 + i] >> S32)])
        left &= left - U64(1)
    return leaves, boards, came


@woven
def _travel(s, stays, active, leaves, boards):
    """Days that crossings take: bits of those who have one like most."""
    scratch = s.scratch
    common, open_, risky = U64(0), U64(0), U64(0)
    for at in range(0, active, EIGHT):
        bits = _cross(s, at, leaves, boards)
        common |= _part(bits, 0, at)
        open_ |= _part(bits, 1, at)
        risky |= _part(bits, 2, at)
    while open_:
        i = lowest(open_)
        span = s.way_word[8 * np.int64(scratch[_WAY + i]) + 2]
        scratch[_DAYS + i] = U64(days_drawn(stays, span >> S32, np.int64(span & M32), scratch[_H + i] >> S32))
        open_ &= open_ - U64(1)
    while risky:
        i = lowest(risky)
        if who_dies(scratch[_H + i], s.way_word[8 * np.int64(scratch[_WAY + i]) + 5], scratch[_W2 + i]) > U64(
            0
        ):
            common &= ~(U64(1) << U64(i))
        risky &= risky - U64(1)
    return common


@woven
def _come(s, stays, active, leaves, came):
    """Arrivals and stays: bits of those who do what most do, arrive later, are alone, and whose arrival is an event."""
    scratch = s.scratch
    common, ahead, alone, event, open_ = U64(0), U64(0), U64(0), U64(0), U64(0)
    for at in range(0, active, EIGHT):
        bits = _arrive(s, at, leaves, came)
        common |= _part(bits, 0, at)
        ahead |= _part(bits, 1, at)
        alone |= _part(bits, 2, at)
        event |= _part(bits, 3, at)
        open_ |= _part(bits, 4, at)
    while open_:
        i = lowest(open_)
        kind, when = kind_of(scratch[_W2 + i]), np.int64(scratch[_WHEN + i])
        leave = day_of_leaving(stays, kind, np.int64(scratch[_TO + i]), scratch[_H + i] & M32, when)
        scratch[_DAYS + i] = U64(leave - when)
        open_ &= open_ - U64(1)
    return common, ahead, alone, event


@woven
def _part(bits, which, at):
    """The `which`-th eight of answers, at their place in a page."""
    return ((bits >> U64(EIGHT * which)) & U64(0xFF)) << U64(at)


@woven
def _is_sent_on(s, kind_group, forced_seen, w2, flags, h):
    """Whether a unit that has come to a post is sent on; who is not is counted."""
    f = np.int64((flags >> S32) & M16) - 1
    if f < 0:
        return False
    kind = kind_of(w2)
    u = U32(min(mix(h + U64(STREAM_FORCED) * GOLD) >> S32, TOP))
    first = s.n_forced * (kind * s.n_posts + f)
    for j in range(s.n_forced):
        if u < s.forced[first + j]:
            return True
    forced_seen[2 * (np.int64(kind_group[kind]) * s.n_posts + f)] += size_of(w2)
    return False


@woven
def count_foreseen(s, seen):
    """Count what was foreseen; returns how many persons were touched."""
    scratch, stock, flow, ring = s.scratch, s.stock, s.flow, s.ring
    events = np.int64(0)
    left = seen.alone
    while left:
        i = lowest(left)
        stock[np.int64(scratch[_BEFORE + i])] -= 1
        stock[np.int64(scratch[_AFTER + i])] += 1
        events += 1
        left &= left - U64(1)
    left = seen.alone & ~seen.came
    while left:
        flow[np.int64(scratch[_COUNTED + lowest(left)])] += 1
        left &= left - U64(1)
    left = seen.alone & seen.ahead
    while left:
        ring[np.int64(scratch[_COMING + lowest(left)])] += 1
        left &= left - U64(1)
    left = seen.common & ~seen.alone
    while left:
        events += _count_members(s, lowest(left), left & ~(left - U64(1)), seen)
        left &= left - U64(1)
    return events


@woven
def _count_members(s, i, bit, seen):
    """Count the members of a unit one by one."""
    w2 = s.scratch[_W2 + i]
    before, after = np.int64(s.scratch[_BEFORE + i]), np.int64(s.scratch[_AFTER + i])
    counted, coming = np.int64(s.scratch[_COUNTED + i]), np.int64(s.scratch[_COMING + i])
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
        at = _RECORD + 4 * i
        bucket = np.int64(s.scratch[_BUCKET + i])
        put_at(buckets, bucket, s.scratch[at], s.scratch[at + 1], s.scratch[at + 2], s.scratch[at + 3])
        common &= common - U64(1)
