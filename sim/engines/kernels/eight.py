"""Steps that eight records of a page take at a time, written as vectors (kernels); `sim.engines.kernels.page` puts them together.

A step reads rows of numbers that those before it left and leaves others; it hands back eight bits for each question it answers.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from sim.engines.kernels.draws import BOARDING, GOLD, M32, MIX, NO_MEANS, TOP, TRAVELLING
from sim.engines.kernels.record import ARRIVING, KEEP, NO_LEG, SOUTHWARD
from sim.engines.kernels.rows import EIGHT, Asked, Writer

W0, W1, W2, W3, AT, DRAW, MANY, WAY, PLACE, KIND, FLAGS, MEANS, DAYS, H, WHEN = range(0, 960, 64)
SURE, KEY, STAY, COMING, RECORD = range(960, 1280, 64)
BEFORE, AFTER, COUNTED, BUCKET = AT, DRAW, MANY, SURE
"""Rows that take the place of those nobody reads any more: all rows together stay in the first-level cache."""
NUMBERS = RECORD + 256
"""Numbers of 64 bits that are kept of the 64 records of a page: rows of one number each, then the records as they will be."""
_NO_LEG, _LIMITED, _EVENT, _OUTCOME = int(NO_LEG), 1 << 16, 1 << 20, 7 << 23
_ARRIVING, _KEEP, _SOUTHWARD = int(ARRIVING), int(KEEP), int(SOUTHWARD)
_ENDS, _CERTAIN = 1 << 24, 0x8000
_M32, _TOP = int(M32), int(TOP)


class Sight(NamedTuple):
    """Addresses and sizes of what most moves ask for."""

    pages: Any
    place_word: Any
    kind_word: Any
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
    forced_leg: Any
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
    n_kinds: Any
    mask: Any
    day: Any
    scratch: Any


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

    def _at(self, which, i):
        return self.builder.gep(self.s.scratch, [self._offset(which + i)])

    def one(self, which, i):
        """The `i`-th of a row."""
        return self.builder.load(self._at(which, i))

    def leave_one(self, which, i, number):
        """Write the `i`-th of a row."""
        self.builder.store(number, self._at(which, i))

    def word(self, address, at, further=0):
        """One word, so many words further than the `at`-th from an address."""
        b = self.builder
        return b.load(b.gep(b.gep(address, [at]), [ir.IntType(64)(further)]))

    def half(self, address, at):
        """One number of 16 bits."""
        return self.builder.zext(self.word(address, at), ir.IntType(64))

    def there(self, active):
        """Who of these eight is among the `active` records of the page."""
        return self.count() < self.builder.sub(active, self.at)

    def record(self, lines):
        first = self.builder.mul(self.at, ir.IntType(64)(4))
        for i, line in enumerate(lines):
            at = self.builder.add(first, ir.IntType(64)(RECORD + EIGHT * i))
            self.store(line, self.s.scratch, at)

    def asked(self, bits):
        """The answers of these eight among the bits of a page."""
        b = self.builder
        own = b.trunc(b.lshr(bits, self.at), ir.IntType(8))
        return Asked(self, b.bitcast(own, ir.VectorType(ir.IntType(1), EIGHT)))


def _step(write):
    """A kernel that writes down a step for eight records; it hands back answers, eight bits each, the first lowest."""

    def define(_, sight, at, one, other, third):
        def codegen(context, builder, signature, arguments):
            s = Sight(*cgutils.unpack_tuple(builder, arguments[0]))
            whole = ir.IntType(64)(0)
            for i, asked in enumerate(write(_Eight(builder, s, arguments[1]), *arguments[2:])):
                whole = builder.or_(whole, builder.shl(asked.bits(), ir.IntType(64)(EIGHT * i)))
            return whole

        return types.uint64(sight, types.int64, types.uint64, types.uint64, types.uint64), codegen

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
def read(e, record, active, _):
    """Words of eight records, and where that stands which their choice asks of place and kind."""
    b = e.builder
    first = b.mul(b.add(record, e.at), ir.IntType(64)(4))
    there = e.there(active)
    lines = [e.load(e.s.pages, b.add(first, ir.IntType(64)(EIGHT * i)), align=8) for i in range(4)]
    words = [there.pick(word, 0) for word in e.words(lines)]
    for which, word in zip((W0, W1, W2, W3), words, strict=True):
        e.leave(which, word)
    w2, members = words[2], words[2] >> 32
    e.leave(PLACE, (w2 & 0xFFF) << 2)
    e.leave(KIND, ((w2 >> 8) & 0xFF0) + (members < 16).pick(members, 0))
    return ()


@_step
def look_up(e, *_: Any):
    """What the choice of eight asks of place and kind, one after another.

    Where in a table a number stands has been left in a row, so that to look it up takes three instructions and nobody waits for
    it before the next step. A vector of eight addresses is taken apart into more than that by some processors.
    """
    s = e.s
    for i in range(EIGHT):
        place, kind = e.one(PLACE, i), e.one(KIND, i)
        e.leave_one(PLACE, i, e.word(s.place_word, place, 1))
        e.leave_one(WAY, i, e.word(s.place_word, place, 3))
        e.leave_one(KIND, i, e.word(s.kind_word, kind))
    return ()


@_step
def look(e, active, *_: Any):
    """What the choice of eight asks for.

    Answers: who leaves, who has been let through a line, who comes to a post, and whose place has more than eight ways out.
    """
    s, b = e.s, e.builder
    there = e.there(active)
    w2, w3, ways, flags = e.row(W2), e.row(W3), e.row(WAY), e.row(PLACE)
    south = (w3 & _SOUTHWARD) != 0
    row = e.slot((e.row(KIND) >> 32) + south.pick(e.spread(s.n_edges) + 1, 0))
    with cgutils.for_range(b, s.n_edges) as loop:
        edge = e.spread(b.load(b.gep(s.means_edge, [loop.index])))
        e.keep(row, e.kept(row) + ((w3 & 0xFFFF) >= edge).pick(1, 0))
    e.leave(AT, ((ways >> 38) + (e.kept(row) << ((ways >> 12) & 15))) << 3)
    e.leave(DRAW, (w3 >> 32).least(_TOP))
    e.leave(MANY, ways & 0xFFF)
    e.leave(WAY, (ways >> 16) & 0x3FFFFF)
    e.leave(STAY, ((w2 >> 12) & 0xFF) * s.n_places)
    what = w3 & (_ARRIVING | _OUTCOME)
    post = there & (what == _ARRIVING) & south.no() & ((flags & _ENDS) == 0)
    many = ways & 0xFFF
    return there & (what == 0), there & (what == BOARDING << 23), post, there & (many >= EIGHT + 1)


@_step
def look_up_ways(e, *_: Any):
    """What the ways of eight lead to, one after another (see `look_up`): the stay there among the rest."""
    s, b = e.s, e.builder
    for i in range(EIGHT):
        way = b.shl(e.one(WAY, i), ir.IntType(64)(3))
        flags = e.word(s.way_word, way, 1)
        to = b.zext(b.trunc(flags, ir.IntType(16)), ir.IntType(64))
        e.leave_one(FLAGS, i, flags)
        e.leave_one(SURE, i, e.word(s.way_word, way, 6))
        e.leave_one(KEY, i, e.word(s.way_word, way, 7))
        e.leave_one(STAY, i, e.word(s.stay_word, b.add(e.one(STAY, i), to)))
    return ()


@_step
def cross(e, leaves, boards, sent):
    """The crossing of eight who have chosen.

    Answers: who has one like most, whose days the guide does not settle, who may die, and who asks for a place in a line.
    """
    s, leaves, boards, sent = e.s, e.asked(leaves), e.asked(boards), e.asked(sent)
    w3, flags, sure = e.row(W3), e.row(FLAGS), e.row(SURE) & _M32
    goes = leaves & ((flags & _NO_LEG) == 0)
    means = w3 & 0xFFFF
    left, able = e.slot(means), e.slot(goes)
    pays = (goes | boards) & (means != NO_MEANS)
    with e.where_any(pays):
        cost = e.gather(s.way_word, (e.row(WAY) << 3) + 3)
        poor = pays & (means < cost)
        e.keep(able, goes & poor.no())
        e.keep(left, pays.pick(poor.pick(0, means - cost), means))
    goes, limited = e.kept(able, Asked), (flags & _LIMITED) != 0
    common = (goes & limited.no()) | boards | sent
    unsure = common & (sure == 0)
    days, well = e.slot(sure - 1), e.slot(common)
    open_, risky = e.slot(unsure), e.slot(unsure)
    with e.where_any(unsure):
        q = e.row(WAY) << 3
        h = _mixed(e.row(W0) + e.gather(s.way_word, q) + _visit(e.row(W1), w3, e.row(PLACE) & 0xFF))
        n, more = _guided(e, e.gather(s.way_word, q + 2) >> 32, h >> 32)
        hurt = unsure & ((h & _M32) < e.gather(s.way_word, q + 4))
        e.keep(days, unsure.pick(n, e.kept(days)))
        e.keep(well, common & hurt.no())
        e.keep(open_, unsure & hurt.no() & more)
        e.keep(risky, unsure & hurt.no() & (e.gather(s.way_word, q + 5) != 0))
        e.leave(H, h)
    e.leave(MEANS, e.kept(left))
    e.leave(DAYS, e.kept(days))
    return e.kept(well, Asked), e.kept(open_, Asked), e.kept(risky, Asked), goes & limited


@_step
def arrive(e, leaves, came, sent):
    """Where and when eight arrive, what is counted, and what the length of their stay asks for.

    Answers: who does what most do, who of these arrives later, who is alone, whose arrival is an event, and whose stay
    policies may have changed.
    """
    s, came = e.s, e.asked(came)
    came_here = came | e.asked(sent)
    w1, w2, w3, flags = (e.row(which) for which in (W1, W2, W3, FLAGS))
    day, here, to = e.spread(s.day), w2 & 0xFFF, flags & 0xFFF
    when = day + e.row(DAYS)
    event = (flags & (_EVENT | 7 << 17) | (w3 & _SOUTHWARD)) != 0
    common = (came | e.asked(leaves)) & (when < s.n_days)
    later = common & (when != day)
    g, n_cells = e.row(KIND) & _M32, e.spread(s.n_cells)
    cell = g + to * s.n_tally
    period = e.slot(e.spread(e.half(s.period_of_day, s.day)))
    with e.where_any(later):
        e.keep(period, e.gather16(s.period_of_day, when.least(s.n_days)))
        e.leave(COMING, cell + (when & s.mask) * n_cells)
    e.leave(BEFORE, g + came_here.pick(TRAVELLING, (w3 >> 20) & 3) * n_cells + here * s.n_tally)
    e.leave(AFTER, (event | later).pick(cell + n_cells * TRAVELLING, cell))
    e.leave(COUNTED, g + e.kept(period) * s.n_flows + ((flags >> 32) - 1) * s.n_tally)
    h = _mixed(e.row(W0) + e.row(KEY) + _visit(w1, w3, (flags >> 24) & 0xFF))
    stay = e.row(STAY)
    guide = ((stay >> 40) & ~0xFF) + ((h >> 24) & 0xFF)
    stays = common & event.no()
    held = ((stay >> 32) & 0xFFFF) != 0xFFFF
    for which, number in ((H, h), (WHEN, when), (DAYS, guide)):
        e.leave(which, number)
    return common, stays & later, common & ((w2 >> 32) < 16), event, stays & held


@_step
def look_up_days(e, *_: Any):
    """What the guide says of the stays of eight, one after another (see `look_up`)."""
    for i in range(EIGHT):
        e.leave_one(DAYS, i, e.half(e.s.guide, e.one(DAYS, i)))
    return ()


@_step
def settle(e, stays, *_: Any):
    """Days that the guide says. Answers: whose days it does not settle."""
    days = e.row(DAYS)
    e.leave(DAYS, days & (_CERTAIN - 1))
    return (e.asked(stays) & ((days & _CERTAIN) == 0),)


@_step
def write(e, event, *_: Any):
    """The records of eight as they will be, and the buckets they go to."""
    s, event = e.s, e.asked(event)
    w1, w2, w3, flags, h, when, days = (e.row(which) for which in (W1, W2, W3, FLAGS, H, WHEN, DAYS))
    to = flags & 0xFFF
    means = e.slot(e.row(MEANS))
    spends = event.no() & ((w3 & 0xFFFF) != NO_MEANS)
    with e.where_any(spends):
        spent, has = e.gather(s.place_word, (to << 2) + 2) * days, e.kept(means)
        e.keep(means, spends.pick((spent < has).pick(has - spent, 0), has))
    slot = (flags >> 24) & 0xFF
    seen = ((w1 >> slot) & 3) + 1
    keep, lap = (w3 & _KEEP) | e.kept(means), (w3 >> 26) & 63
    travelling = keep | _ARRIVING | (((flags >> 17) & 7) << 23) | (lap << 26)
    staying = keep | (((lap + (seen >> 2)) & 63) << 26) | ((h >> 32) << 32)
    visited = (w1 & ((e.spread(3) << slot) ^ -1)) | ((seen & 3) << slot)
    e.record(
        e.lines((e.row(W0), event.pick(w1, visited), (w2 & ~0xFFF) | to, event.pick(travelling, staying)))
    )
    e.leave(BUCKET, (e.row(SURE) >> 32) + event.pick(when, (when + days).least(s.n_days)))
    return ()
