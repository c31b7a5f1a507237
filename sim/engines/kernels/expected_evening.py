"""Who is where in the evening: person-days, largest numbers by place and group, all on the route (kernels of the expected engine).

Groups are added up eight at a time where each has one class or three, the two that occur.
"""

from __future__ import annotations

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from sim.engines.kernels import expected_layout as at
from sim.engines.kernels.expected_rows import (
    CHUNK,
    add_chunks,
    chunk_of,
    clear,
    each_chunk,
    inner,
    put_chunk,
    real,
    repeated,
    shift,
    times_chunks,
    whole,
    whole_constant,
)

__all__ = [
    "add_groups",
    "add_parts",
    "add_threes",
    "add_turned",
    "add_turned_twos",
    "add_twos",
    "by_group",
    "close_crowd",
    "crowd_of",
    "gather_crowd",
    "keep_days",
    "larger",
    "open_crowd",
    "present",
    "settle_days",
    "tell_apart",
]

_AT = types.CPointer(types.float64)
_I = types.int64
_TWO, _THREE = 2, 3


def _threes(builder, rows):
    """Sums of three numbers next to each other: three chunks make one."""
    index = ir.IntType(32)

    def picked(one, other, places):
        return builder.shuffle_vector(one, other, ir.Constant(ir.VectorType(index, CHUNK), places))

    sums = None
    for k in range(_THREE):
        wanted = [_THREE * j + k for j in range(CHUNK)]
        first = picked(rows[0], rows[1], [min(w, 2 * CHUNK - 1) for w in wanted])
        part = picked(first, rows[2], [j if w < 2 * CHUNK else w - CHUNK for j, w in enumerate(wanted)])
        sums = part if sums is None else add_chunks(builder, sums, part)
    return sums


def _twos(builder, rows):
    """Sums of two numbers next to each other: two chunks make one."""
    places = ir.VectorType(ir.IntType(32), CHUNK)
    one, other = (
        builder.shuffle_vector(rows[0], rows[1], ir.Constant(places, [2 * j + k for j in range(CHUNK)]))
        for k in range(_TWO)
    )
    return add_chunks(builder, one, other)


def _only(builder, sums, left):
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
    eights = builder.ashr(builder.add(count, whole_constant(CHUNK - 1)), whole_constant(3))

    def body(at):
        sums = _only(builder, sums_of(at), builder.sub(count, at))
        put_chunk(builder, out, at, add_chunks(builder, chunk_of(builder, out, at), sums))

    each_chunk(builder, eights, body)


@intrinsic
def add_groups(_, out, x, groups):
    """``out[g] += x[g]``."""

    def codegen(context, builder, signature, arguments):
        out, x, groups = arguments
        _by_eights(builder, out, groups, lambda at: chunk_of(builder, x, at))
        return context.get_dummy_value()

    return types.void(_AT, _AT, _I), codegen


@intrinsic
def add_parts(_, out, back, left, groups):
    """``out[g] += back[g] left[g]``."""

    def codegen(context, builder, signature, arguments):
        out, back, left, groups = arguments

        def sums_of(at):
            return times_chunks(builder, chunk_of(builder, back, at), chunk_of(builder, left, at))

        _by_eights(builder, out, groups, sums_of)
        return context.get_dummy_value()

    return types.void(_AT, _AT, _AT, _I), codegen


def _places(builder, at, per=_THREE):
    begin = builder.mul(at, whole_constant(per))
    return [builder.add(begin, whole_constant(i * CHUNK)) for i in range(per)]


@intrinsic
def add_twos(_, out, x, groups):
    """``out[g] += x[2 g] + x[2 g + 1]``; reads up to a chunk behind the last that counts."""

    def codegen(context, builder, signature, arguments):
        out, x, groups = arguments

        def sums_of(at):
            return _twos(builder, [chunk_of(builder, x, p) for p in _places(builder, at, _TWO)])

        _by_eights(builder, out, groups, sums_of)
        return context.get_dummy_value()

    return types.void(_AT, _AT, _I), codegen


@intrinsic
def add_turned_twos(_, out, back, left, groups):
    """The same of ``back x left``, which are the shares who turn back and those who left."""

    def codegen(context, builder, signature, arguments):
        out, back, left, groups = arguments

        def sums_of(at):
            rows = [
                times_chunks(builder, chunk_of(builder, back, p), chunk_of(builder, left, p))
                for p in _places(builder, at, _TWO)
            ]
            return _twos(builder, rows)

        _by_eights(builder, out, groups, sums_of)
        return context.get_dummy_value()

    return types.void(_AT, _AT, _AT, _I), codegen


@intrinsic
def add_threes(_, out, x, groups):
    """``out[g] += x[3 g] + x[3 g + 1] + x[3 g + 2]``; reads up to two chunks behind the last that counts."""

    def codegen(context, builder, signature, arguments):
        out, x, groups = arguments

        def sums_of(at):
            return _threes(builder, [chunk_of(builder, x, p) for p in _places(builder, at)])

        _by_eights(builder, out, groups, sums_of)
        return context.get_dummy_value()

    return types.void(_AT, _AT, _I), codegen


@intrinsic
def add_turned(_, out, back, left, groups):
    """The same of ``back x left``, which are the shares who turn back and those who left."""

    def codegen(context, builder, signature, arguments):
        out, back, left, groups = arguments

        def sums_of(at):
            rows = [
                times_chunks(builder, chunk_of(builder, back, p), chunk_of(builder, left, p))
                for p in _places(builder, at)
            ]
            return _threes(builder, rows)

        _by_eights(builder, out, groups, sums_of)
        return context.get_dummy_value()

    return types.void(_AT, _AT, _AT, _I), codegen


@intrinsic
def larger(_, y, x, chunks):
    """``y = max(x, y)``."""

    def codegen(context, builder, signature, arguments):
        y, x, chunks = arguments

        def body(at):
            one, two = chunk_of(builder, y, at), chunk_of(builder, x, at)
            put_chunk(builder, y, at, builder.select(builder.fcmp_ordered(">", two, one), two, one))

        each_chunk(builder, chunks, body)
        return context.get_dummy_value()

    return types.void(_AT, _AT, _I), codegen


@intrinsic
def _count(_, days, route, x, chunks):
    """``days += x``, and the chunks of `x` added to one chunk."""

    def codegen(context, builder, signature, arguments):
        days, route, x, chunks = arguments
        first = whole_constant(0)
        sums = cgutils.alloca_once_value(builder, chunk_of(builder, route, first))
        builder.store(chunk_of(builder, route, first), sums)

        def body(at):
            own = chunk_of(builder, x, at)
            put_chunk(builder, days, at, add_chunks(builder, chunk_of(builder, days, at), own))
            builder.store(add_chunks(builder, builder.load(sums), own), sums)

        each_chunk(builder, chunks, body)
        put_chunk(builder, route, first, builder.load(sums))
        return context.get_dummy_value()

    return types.void(_AT, _AT, _AT, _I), codegen


def _going_on(builder, arguments, change_of):
    """A stock goes on day by day by its changes, which it takes the place of, and is counted every evening."""
    stock, counted, route, change, step, days, chunks = arguments
    held = [cgutils.alloca_once_value(builder, chunk_of(builder, stock, whole_constant(0))) for _ in range(2)]

    def body(offset):
        for kept, row in zip(held, (stock, counted), strict=True):
            builder.store(chunk_of(builder, row, offset), kept)
        with repeated(builder, days) as loop:
            at = builder.add(builder.mul(loop.index, step), offset)
            now = add_chunks(builder, builder.load(held[0]), change_of(at))
            put_chunk(builder, change, at, now)
            builder.store(now, held[0])
            builder.store(add_chunks(builder, builder.load(held[1]), now), held[1])
            of_day = builder.mul(loop.index, whole_constant(CHUNK))
            put_chunk(builder, route, of_day, add_chunks(builder, chunk_of(builder, route, of_day), now))
        for kept, row in zip(held, (stock, counted), strict=True):
            put_chunk(builder, row, offset, builder.load(kept))

    each_chunk(builder, chunks, body)


@intrinsic
def keep_days(_, stock, counted, route, change, step, days, chunks):
    """``change = stock += change`` on each day; all evenings into `counted`, and into the day's chunk of `route`."""

    def codegen(context, builder, signature, arguments):
        change = arguments[3]
        _going_on(builder, arguments, lambda at: chunk_of(builder, change, at))
        return context.get_dummy_value()

    return types.void(_AT, _AT, _AT, _AT, _I, _I, _I), codegen


@intrinsic
def settle_days(_, stock, counted, route, here, out, step, days, chunks):
    """``here = stock += here - out`` on each day, counted in the same way."""

    def codegen(context, builder, signature, arguments):
        stock, counted, route, here, out, step, days, chunks = arguments

        def change_of(at):
            return builder.fsub(
                chunk_of(builder, here, at), chunk_of(builder, out, at), flags=("contract", "nsz")
            )

        _going_on(builder, (stock, counted, route, here, step, days, chunks), change_of)
        return context.get_dummy_value()

    return types.void(_AT, _AT, _AT, _AT, _AT, _I, _I, _I), codegen


@inner
def by_group(x, out, groups, per):
    """Add the classes of each group: ``out[g] += sum of x``."""
    if per == _THREE:
        add_threes(out, x, groups)
    elif per == _TWO:
        add_twos(out, x, groups)
    elif per == 1:
        add_groups(out, x, groups)
    else:
        for v in range(groups * per):
            out[v // per] += x[v]


@inner
def tell_apart(B, edge, to, row, share, more):
    """Lay a row of classes that others are part of out in these: over, or (`more`) added to, what is there."""
    whole_of, part = (
        shift(whole(B, at.A_PART_OF), edge[at.PARTS]),
        shift(real(B, at.A_PART_SHARE), edge[at.PARTS]),
    )
    for v in range(edge[at.WIDE] * CHUNK):
        x = share * part[v] * row[whole_of[v]]
        to[v] = to[v] + x if more else x


@inner
def crowd_of(B, number, status):
    """Where the people of a node are counted by group."""
    return shift(whole(B, at.A_CROWDED), (number * 4 + status) * at.CROWDED)


@inner
def crowd_on(B, to, day):
    """Row of a place on a day."""
    return shift(real(B, at.A_CROWD), day % at.KEPT * B[at.N_CELLS] + to[at.C_ROW])


@inner
def gather_crowd(B, me, to, day, x):
    """Add people of a node to those of its place on an evening, by group."""
    by_group(x, shift(crowd_on(B, to, day), to[at.C_OWN]), to[at.C_GROUPS], me[at.PER])


@inner
def open_crowd(B, to, day):
    """The first node of a place forgets who was there when the ring was last here."""
    if to[at.C_FIRST]:
        clear(crowd_on(B, to, day), to[at.C_CHUNKS])


@inner
def close_crowd(B, to, day):
    """The last node of a place knows who was there, and keeps the largest numbers of the period."""
    if to[at.C_LAST]:
        month = whole(B, at.A_DAY)[day * at.DAY + at.MONTH]
        peak = shift(real(B, at.A_PEAK), month * B[at.N_CELLS] + to[at.C_ROW])
        larger(peak, crowd_on(B, to, day), to[at.C_CHUNKS])


@inner
def present(B, number, me, i, days, status, x, route, first, last):
    """Count those who are at a node on the evening of the i-th day of a span; all on the route in `route`.

    `first` and `last` tell whether others of the node with the same status were, and will be, counted.
    """
    _count(shift(days, status * B[at.N_ROWS] + me[at.ACC]), route, x, me[at.CHUNKS])
    if B[at.N_PEAKS]:
        to, day = crowd_of(B, number, status), B[at.N_DAY] + i
        if first:
            open_crowd(B, to, day)
        gather_crowd(B, me, to, day, x)
        if last:
            close_crowd(B, to, day)
