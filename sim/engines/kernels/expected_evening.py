"""Who is where in the evening: person-days, largest numbers by place and group, all on the route (kernels of the expected engine).

Groups are added up eight at a time where each has one, two or three classes, as occur. Over the days of a span all eight days
are worked out; those behind the last are the last once more, which changes neither what is kept nor what is largest.
"""

from __future__ import annotations

from functools import partial

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from sim.engines.kernels import expected_layout as at
from sim.engines.kernels.expected_layout import SPAN
from sim.engines.kernels.expected_rows import (
    CHUNK,
    add_chunks,
    chunk_of,
    chunk_spread,
    clear,
    each_chunk,
    inner,
    put_chunk,
    real,
    shift,
    times_chunks,
    whole,
    whole_constant,
)

__all__ = [
    "THREE",
    "TWO",
    "add_ones",
    "add_threes",
    "add_twos",
    "by_group",
    "count_crowds",
    "crowd_ones",
    "crowd_threes",
    "crowd_twos",
    "each_day",
    "each_slot",
    "eights_of",
    "groups_of",
    "has_others",
    "larger",
    "larger_of",
    "close_crowd",
    "crowd_of",
    "crowd_on",
    "gather_crowd",
    "open_crowd",
    "peak_of",
    "only",
    "tell_apart",
    "tell_thirds",
    "turned_ones",
    "turned_threes",
    "turned_twos",
]

_AT = types.CPointer(types.float64)
_I = types.int64
TWO, THREE = 2, 3


def _threes(builder, rows):
    """Sums of three numbers next to each other: three chunks make one."""
    index = ir.IntType(32)

    def picked(one, other, places):
        return builder.shuffle_vector(one, other, ir.Constant(ir.VectorType(index, CHUNK), places))

    sums = None
    for k in range(THREE):
        wanted = [THREE * j + k for j in range(CHUNK)]
        first = picked(rows[0], rows[1], [min(w, 2 * CHUNK - 1) for w in wanted])
        part = picked(first, rows[2], [j if w < 2 * CHUNK else w - CHUNK for j, w in enumerate(wanted)])
        sums = part if sums is None else add_chunks(builder, sums, part)
    return sums


def _twos(builder, rows):
    """Sums of two numbers next to each other: two chunks make one."""
    places = ir.VectorType(ir.IntType(32), CHUNK)
    one, other = (
        builder.shuffle_vector(rows[0], rows[1], ir.Constant(places, [2 * j + k for j in range(CHUNK)]))
        for k in range(TWO)
    )
    return add_chunks(builder, one, other)


def only(builder, sums, left):
    """The first `left` of eight numbers, nought for the others."""
    row = ir.VectorType(ir.IntType(64), CHUNK)
    none = ir.Constant(row, ir.Undefined)
    spread = builder.insert_element(none, left, ir.Constant(ir.IntType(32), 0))
    zeros = ir.Constant(ir.VectorType(ir.IntType(32), CHUNK), [0] * CHUNK)
    bound = builder.shuffle_vector(spread, none, zeros)
    counted = builder.icmp_signed("<", ir.Constant(row, list(range(CHUNK))), bound)
    return builder.select(counted, sums, ir.Constant(sums.type, [0.0] * CHUNK))


def _by_eights(builder, out, count, sums_of):
    """Add sums to so many numbers of a row, eight by eight; what lies behind them is added nought."""

    def body(at):
        sums = only(builder, sums_of(at), builder.sub(count, at))
        put_chunk(builder, out, at, add_chunks(builder, chunk_of(builder, out, at), sums))

    each_chunk(builder, eights_of(builder, count), body)


def _places(builder, at, per):
    begin = builder.mul(at, whole_constant(per))
    return [builder.add(begin, whole_constant(i * CHUNK)) for i in range(per)]


def groups_of(builder, chunk_at, at, per):
    """Eight groups of a row, their classes added up: one, two or three a group (`chunk_at` gives what lies at an offset)."""
    rows = [chunk_at(p) for p in _places(builder, at, per)]
    return {1: lambda: rows[0], TWO: lambda: _twos(builder, rows), THREE: lambda: _threes(builder, rows)}[
        per
    ]()


def _add_classes(per):
    """An intrinsic that adds up the classes of each group."""

    def define(_, out, x, groups):
        def codegen(context, builder, signature, arguments):
            out, x, groups = arguments
            _by_eights(
                builder, out, groups, lambda at: groups_of(builder, partial(chunk_of, builder, x), at, per)
            )
            return context.get_dummy_value()

        return types.void(_AT, _AT, _I), codegen

    return define


def _add_turned(per):
    """An intrinsic that adds up the classes of each group of those who turn back."""

    def define(_, out, back, left, groups):
        def codegen(context, builder, signature, arguments):
            out, back, left, groups = arguments

            def turned(at):
                return times_chunks(builder, chunk_of(builder, back, at), chunk_of(builder, left, at))

            _by_eights(builder, out, groups, lambda at: groups_of(builder, turned, at, per))
            return context.get_dummy_value()

        return types.void(_AT, _AT, _AT, _I), codegen

    return define


add_ones, add_twos, add_threes = (intrinsic(_add_classes(per)) for per in (1, TWO, THREE))
"""``out[g] += sum of the classes of x``; up to two chunks behind the last class that counts are read."""
turned_ones, turned_twos, turned_threes = (intrinsic(_add_turned(per)) for per in (1, TWO, THREE))
"""The same of ``back x left``, which are the shares who turn back and those who left."""


@intrinsic
def larger(_, y, x, chunks):
    """``y = max(x, y)``."""

    def codegen(context, builder, signature, arguments):
        y, x, chunks = arguments

        def body(at):
            one, two = chunk_of(builder, y, at), chunk_of(builder, x, at)
            put_chunk(builder, y, at, larger_of(builder, one, two))

        each_chunk(builder, chunks, body)
        return context.get_dummy_value()

    return types.void(_AT, _AT, _I), codegen


def each_day(builder, days, step):
    """Offset of every day of a span in rows that lie `step` numbers apart: the last once more for those behind it."""
    last = builder.sub(days, whole_constant(1))
    every = [whole_constant(d) for d in range(SPAN)]
    own = [builder.select(builder.icmp_signed("<", d, last), d, last) for d in every]
    return [builder.mul(d, step) for d in own]


def each_slot(builder, day, days, mask, width):
    """The same in a ring of days."""
    one = whole_constant(1)
    return [builder.mul(builder.and_(builder.add(day, d), mask), width) for d in each_day(builder, days, one)]


def eights_of(builder, count):
    """In how many chunks so many numbers are."""
    return builder.ashr(builder.add(count, whole_constant(CHUNK - 1)), whole_constant(3))


def larger_of(builder, a, b):
    """The larger of two numbers, eight times; said so, since what is compared and chosen is stored number by number, slowly."""
    largest = cgutils.get_or_insert_function(
        builder.module, ir.FunctionType(a.type, [a.type, a.type]), f"llvm.maxnum.v{CHUNK}f64"
    )
    return builder.call(largest, [a, b], fastmath=("nnan", "nsz"))


def _most(builder, rows):
    """Largest numbers of eight rows, two by two."""
    while len(rows) > 1:
        rows = [larger_of(builder, a, b) for a, b in zip(rows[::2], rows[1::2], strict=True)]
    return rows[0]


def _crowd_span(per):
    """An intrinsic that counts people with so many classes a group: one, two or three."""

    def define(_, x, step, ring, width, mask, day, days, peak, groups, first, last):
        def codegen(context, builder, signature, arguments):
            x, step, ring, width, mask, day, days, peak, groups, first, last = arguments
            own = [builder.gep(x, [d]) for d in each_day(builder, days, step)]
            evening = [builder.gep(ring, [d]) for d in each_slot(builder, day, days, mask, width)]
            later, ends = (builder.icmp_signed("!=", flag, whole_constant(0)) for flag in (first, last))
            later = builder.not_(later)
            noughts = ir.Constant(ir.VectorType(ir.DoubleType(), CHUNK), [0.0] * CHUNK)
            sums = [cgutils.alloca_once_value(builder, noughts) for _ in own]

            def body(at):
                left = builder.sub(groups, at)
                for row, kept in zip(own, sums, strict=True):
                    people = groups_of(builder, partial(chunk_of, builder, row), at, per)
                    builder.store(only(builder, people, left), kept)
                with builder.if_then(later):
                    for row, kept in zip(evening, sums, strict=True):
                        builder.store(
                            add_chunks(builder, builder.load(kept), chunk_of(builder, row, at)), kept
                        )
                with builder.if_else(ends) as (then, otherwise):
                    with then:
                        most = _most(builder, [builder.load(kept) for kept in sums])
                        put_chunk(builder, peak, at, larger_of(builder, chunk_of(builder, peak, at), most))
                    with otherwise:
                        for row, kept in zip(evening, sums, strict=True):
                            put_chunk(builder, row, at, builder.load(kept))

            each_chunk(builder, eights_of(builder, groups), body)
            return context.get_dummy_value()

        return types.void(_AT, _I, _AT, _I, _I, _I, _I, _AT, _I, _I, _I), codegen

    return define


crowd_ones, crowd_twos, crowd_threes = (intrinsic(_crowd_span(per)) for per in (1, TWO, THREE))
"""``ring[day] = sums of x by group`` on each day, and what is there already too unless the node is the `first` of its place; for the
`last`, the largest of the days into `peak`, and nothing into the ring."""


@inner
def by_group(x, out, groups, per):
    """Add the classes of each group: ``out[g] += sum of x``."""
    if per == THREE:
        add_threes(out, x, groups)
    elif per == TWO:
        add_twos(out, x, groups)
    elif per == 1:
        add_ones(out, x, groups)
    else:
        for v in range(groups * per):
            out[v // per] += x[v]


def _lay_out(builder, to, place, own, j, shares, before):
    """The j-th of three chunks in which a chunk of classes is laid out in threes."""
    wanted = [(CHUNK * j + i) // THREE for i in range(CHUNK)]
    places = ir.Constant(ir.VectorType(ir.IntType(32), CHUNK), wanted)
    some = builder.shuffle_vector(own, ir.Constant(own.type, ir.Undefined), places)
    put_chunk(builder, to, place, add_chunks(builder, before, times_chunks(builder, shares, some)))


@intrinsic
def tell_thirds(_, to, part, row, share, more, chunks):
    """``to[3 i + j] = share part[3 i + j] row[i]``, j from 0 to 2, or (`more`) added to what is there."""

    def codegen(context, builder, signature, arguments):
        to, part, row, share, more, chunks = arguments
        spread, asked = chunk_spread(builder, share), builder.icmp_signed("!=", more, whole_constant(0))
        end = builder.mul(chunks, whole_constant(CHUNK))
        noughts = ir.Constant(ir.VectorType(ir.DoubleType(), CHUNK), [0.0] * CHUNK)
        there = cgutils.alloca_once_value(builder, noughts)

        def body(begin):
            own, first = chunk_of(builder, row, begin), builder.mul(begin, whole_constant(THREE))
            for j in range(THREE):
                place = builder.add(first, whole_constant(CHUNK * j))
                with builder.if_then(builder.icmp_signed("<", place, end)):
                    builder.store(noughts, there)
                    with builder.if_then(asked):
                        builder.store(chunk_of(builder, to, place), there)
                    shares = times_chunks(builder, spread, chunk_of(builder, part, place))
                    _lay_out(builder, to, place, own, j, shares, builder.load(there))

        threes = builder.sdiv(builder.add(chunks, whole_constant(THREE - 1)), whole_constant(THREE))
        each_chunk(builder, threes, body)
        return context.get_dummy_value()

    return types.void(_AT, _AT, _AT, types.float64, _I, _I), codegen


@inner
def tell_apart(B, edge, to, row, share, more):
    """Lay a row of classes that others are part of out in these: over, or (`more`) added to, what is there."""
    whole_of, part = (
        shift(whole(B, at.A_PART_OF), edge[at.PARTS]),
        shift(real(B, at.A_PART_SHARE), edge[at.PARTS]),
    )
    if edge[at.THIRDS]:
        tell_thirds(to, part, row, share, more, edge[at.WIDE])
        return
    for v in range(edge[at.WIDE] * CHUNK):
        x = share * part[v] * row[whole_of[v]]
        to[v] = to[v] + x if more else x


@inner
def crowd_of(B, number, status):
    """Where the people of a node are counted by group."""
    return shift(whole(B, at.A_CROWDED), (number * at.STATUSES + status) * at.CROWDED)


@inner
def crowd_on(B, to, day):
    """Row of a place on a day."""
    return shift(real(B, at.A_CROWD), to[at.C_RING] + (day & to[at.C_MASK]) * to[at.C_CHUNKS] * CHUNK)


@inner
def peak_of(B, to, day):
    """Largest numbers of a place in the period of a day."""
    month = whole(B, at.A_DAY)[day * at.DAY + at.MONTH]
    return shift(real(B, at.A_PEAK), month * B[at.N_CELLS] + to[at.C_ROW])


@inner
def gather_crowd(B, me, to, day, x):
    """Add people of a node to those of its place on an evening, by group."""
    by_group(x, shift(crowd_on(B, to, day), to[at.C_OWN]), to[at.C_GROUPS], me[at.PER])


@inner
def open_crowd(B, to, day, days):
    """The first node of a place forgets who was there when the ring was last here."""
    for d in range(day, day + days):
        clear(crowd_on(B, to, d), to[at.C_CHUNKS])


@inner
def close_crowd(B, to, day, days):
    """The last node of a place knows who was there, and keeps the largest numbers of the period."""
    for d in range(day, day + days):
        larger(peak_of(B, to, day), crowd_on(B, to, d), to[at.C_CHUNKS])


@inner
def has_others(to):
    """Whether the row of a place has groups that are not the node's."""
    return to[at.C_OWN] > 0 or to[at.C_GROUPS] + CHUNK <= to[at.C_CHUNKS] * CHUNK


@inner
def count_crowds(B, number, me, status, x, step, day, days):
    """Largest numbers by group of those who are at a node, or on their way to it, in the evenings of a span."""
    if not B[at.N_PEAKS]:
        return
    to = crowd_of(B, number, status)
    per, width = me[at.PER], to[at.C_CHUNKS] * CHUNK
    quick = per in (1, TWO, THREE) and not has_others(to)
    first, last = to[at.C_FIRST] and quick, to[at.C_LAST] and quick
    if to[at.C_FIRST] and not first:
        open_crowd(B, to, day, days)
    ring, peak = (
        shift(real(B, at.A_CROWD), to[at.C_RING] + to[at.C_OWN]),
        shift(peak_of(B, to, day), to[at.C_OWN]),
    )
    if per == 1:
        crowd_ones(x, step, ring, width, to[at.C_MASK], day, days, peak, to[at.C_GROUPS], first, last)
    elif per == TWO:
        crowd_twos(x, step, ring, width, to[at.C_MASK], day, days, peak, to[at.C_GROUPS], first, last)
    elif per == THREE:
        crowd_threes(x, step, ring, width, to[at.C_MASK], day, days, peak, to[at.C_GROUPS], first, last)
    else:
        for i in range(days):
            gather_crowd(B, me, to, day + i, shift(x, i * step))
    if to[at.C_LAST] and not last:
        close_crowd(B, to, day, days)
