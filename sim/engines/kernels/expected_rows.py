"""Row operations of the expected engine: short loops over the classes of people of one place, eight at a time (kernels).

Arrays are handed over as addresses (see `pointer`). Rows are padded to a whole number of chunks of eight numbers, and the
operations are written as vectors, so that nothing is left over to be done one by one, no two rows have to be proved apart, and
there is little for the compiler to work out.
"""

from __future__ import annotations

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from sim.engines.kernels.address import pointer, shift
from sim.engines.kernels.build import called, inside

__all__ = [
    "CHUNK",
    "add_product",
    "add_rows",
    "add_scaled",
    "arrive",
    "blend",
    "clear",
    "convolve",
    "copy",
    "decay",
    "inner",
    "jit",
    "part_of",
    "part_over",
    "pointer",
    "real",
    "scale",
    "send",
    "settle_down",
    "shift",
    "tight",
    "total",
    "whole",
]

CHUNK = 8
_FAST = {"reassoc", "contract", "nsz", "arcp"}
_FLAGS = ("contract", "reassoc", "nsz")
jit = called(fastmath=_FAST)
inner = inside(fastmath=_FAST)
tight = inside(fastmath=_FAST, inline="always")
"""For what is called for every node or edge of every day: put in the place of the call."""

_NUMBER = ir.DoubleType()
_ROW = ir.VectorType(_NUMBER, CHUNK)
_INT = ir.IntType(64)
_AT = types.CPointer(types.float64)
_I = types.int64
_F = types.float64


def _kept_address(number):
    """An intrinsic that takes an address out of a table of numbers."""

    def define(_, table, which):
        def codegen(context, builder, signature, arguments):
            value = builder.load(builder.gep(arguments[0], [arguments[1]]))
            return builder.inttoptr(value, context.get_value_type(signature.return_type))

        return types.CPointer(number)(types.CPointer(types.int64), types.int64), codegen

    return define


real = intrinsic(_kept_address(types.float64))
whole = intrinsic(_kept_address(types.int64))


def _chunk_at(builder, address, offset):
    return builder.bitcast(builder.gep(address, [offset]), _ROW.as_pointer())


def _get(builder, address, offset):
    return builder.load(_chunk_at(builder, address, offset), align=8)


def _put(builder, address, offset, value):
    builder.store(value, _chunk_at(builder, address, offset), align=8)


def _add(builder, a, b):
    return builder.fadd(a, b, flags=_FLAGS)


def _times(builder, a, b):
    return builder.fmul(a, b, flags=_FLAGS)


def _spread(builder, number):
    """The same number eight times."""
    one = builder.insert_element(ir.Constant(_ROW, ir.Undefined), number, ir.Constant(ir.IntType(32), 0))
    zeros = ir.Constant(ir.VectorType(ir.IntType(32), CHUNK), [0] * CHUNK)
    return builder.shuffle_vector(one, ir.Constant(_ROW, ir.Undefined), zeros)


def _zeros():
    return ir.Constant(_ROW, [0.0] * CHUNK)


def _each(builder, chunks, body):
    """Do something for every chunk, at its offset."""
    with cgutils.for_range(builder, chunks) as loop:
        body(builder.mul(loop.index, _INT(CHUNK)))


def _sum(builder, row):
    """Sum of eight numbers."""
    for half in (4, 2, 1):
        picked = ir.Constant(ir.VectorType(ir.IntType(32), half), list(range(half)))
        others = ir.Constant(ir.VectorType(ir.IntType(32), half), list(range(half, 2 * half)))
        none = ir.Constant(row.type, ir.Undefined)
        row = _add(
            builder, builder.shuffle_vector(row, none, picked), builder.shuffle_vector(row, none, others)
        )
    return builder.extract_element(row, ir.Constant(ir.IntType(32), 0))


def _in_groups(builder, chunks, body):
    """Do something for four chunks side by side, then for one at a time (``body(offset, how many)``)."""
    four = builder.sdiv(chunks, _INT(4))
    with cgutils.for_range(builder, four) as loop:
        body(builder.mul(loop.index, _INT(4 * CHUNK)), 4)
    done = builder.mul(four, _INT(4))
    with cgutils.for_range(builder, builder.sub(chunks, done)) as loop:
        body(builder.mul(builder.add(loop.index, done), _INT(CHUNK)), 1)


def _weighted(builder, x, width, mask, day, p, count, offset, side):
    """Chunks of the sum of ``p[k] x[day - k]`` over a ring of days.

    One chunk alone is summed in four parts, so that a sum need not wait for the one before.
    """
    sums = [cgutils.alloca_once_value(builder, _zeros()) for _ in range(4)]
    for s in sums:
        builder.store(_zeros(), s)

    def add(k, parts, step):
        slot = builder.mul(builder.and_(builder.sub(day, k), mask), width)
        chance = _spread(builder, builder.load(builder.gep(p, [k])))
        for i, s in enumerate(parts):
            at = builder.add(builder.add(slot, offset), _INT(i * step))
            builder.store(_add(builder, builder.load(s), _times(builder, chance, _get(builder, x, at))), s)

    if side > 1:
        with cgutils.for_range(builder, count) as loop:
            add(loop.index, sums, CHUNK)
        return [builder.load(s) for s in sums]
    fours = builder.sdiv(count, _INT(4))
    with cgutils.for_range(builder, fours) as loop:
        for i in range(4):
            add(builder.add(builder.mul(loop.index, _INT(4)), _INT(i)), sums[i : i + 1], 0)
    done = builder.mul(fours, _INT(4))
    with cgutils.for_range(builder, builder.sub(count, done)) as loop:
        add(builder.add(loop.index, done), sums[:1], 0)
    one, two, three, four = (builder.load(s) for s in sums)
    return [_add(builder, _add(builder, one, two), _add(builder, three, four))]


@intrinsic
def convolve(_, y, x, width, mask, day, p, count, chunks):
    """``y = sum of p[k] x[day - k]``, k from 0 to `count` - 1, over the ring of days of `x`."""

    def codegen(context, builder, signature, arguments):
        y, x, width, mask, day, p, count, chunks = arguments

        def body(offset, side):
            for i, s in enumerate(_weighted(builder, x, width, mask, day, p, count, offset, side)):
                _put(builder, y, builder.add(offset, _INT(i * CHUNK)), s)

        _in_groups(builder, chunks, body)
        return context.get_dummy_value()

    return types.void(_AT, _AT, _I, _I, _I, _AT, _I, _I), codegen


@intrinsic
def arrive(_, here, flow, z, x, width, mask, day, p, count, alive, chunks):
    """Those who come over an edge: ``z = sum of p[k] x[day - k]``, ``here += alive z``, and the same into the month's flow."""

    def codegen(context, builder, signature, arguments):
        here, flow, z, x, width, mask, day, p, count, alive, chunks = arguments
        share = _spread(builder, alive)

        def body(offset, side):
            for i, s in enumerate(_weighted(builder, x, width, mask, day, p, count, offset, side)):
                at = builder.add(offset, _INT(i * CHUNK))
                _put(builder, z, at, s)
                came = _times(builder, share, s)
                _put(builder, here, at, _add(builder, _get(builder, here, at), came))
                _put(builder, flow, at, _add(builder, _get(builder, flow, at), came))

        _in_groups(builder, chunks, body)
        return context.get_dummy_value()

    return types.void(_AT, _AT, _AT, _AT, _I, _I, _I, _AT, _I, _F, _I), codegen


@intrinsic
def send(_, ring, travelling, row, out, chunks):
    """Those who set out over an edge: ``ring = row out``, and as many more on their way."""

    def codegen(context, builder, signature, arguments):
        ring, travelling, row, out, chunks = arguments

        def body(at):
            x = _times(builder, _get(builder, row, at), _get(builder, out, at))
            _put(builder, ring, at, x)
            _put(builder, travelling, at, _add(builder, _get(builder, travelling, at), x))

        _each(builder, chunks, body)
        return context.get_dummy_value()

    return types.void(_AT, _AT, _AT, _AT, _I), codegen


@intrinsic
def decay(_, y, state, width, old, expo, count, chunks):
    """Exponentials of a stay go on by a day: ``state = keep state + old``, ``y += amount state``."""

    def codegen(context, builder, signature, arguments):
        y, state, width, old, expo, count, chunks = arguments

        def body(offset):
            sums = cgutils.alloca_once_value(builder, _zeros())
            builder.store(_get(builder, y, offset), sums)
            begun = _get(builder, old, offset)
            with cgutils.for_range(builder, count) as loop:
                at = builder.add(builder.mul(loop.index, width), offset)
                pair = builder.mul(loop.index, _INT(2))
                keep = _spread(builder, builder.load(builder.gep(expo, [pair])))
                amount = _spread(builder, builder.load(builder.gep(expo, [builder.add(pair, _INT(1))])))
                x = _add(builder, _times(builder, keep, _get(builder, state, at)), begun)
                _put(builder, state, at, x)
                builder.store(_add(builder, builder.load(sums), _times(builder, amount, x)), sums)
            _put(builder, y, offset, builder.load(sums))

        _each(builder, chunks, body)
        return context.get_dummy_value()

    return types.void(_AT, _AT, _I, _AT, _AT, _I, _I), codegen


@intrinsic
def settle_down(_, staying, here, out, chunks):
    """``staying += here - out``."""

    def codegen(context, builder, signature, arguments):
        staying, here, out, chunks = arguments

        def body(at):
            change = builder.fsub(_get(builder, here, at), _get(builder, out, at), flags=_FLAGS)
            _put(builder, staying, at, _add(builder, _get(builder, staying, at), change))

        _each(builder, chunks, body)
        return context.get_dummy_value()

    return types.void(_AT, _AT, _AT, _I), codegen


@intrinsic
def clear(_, x, chunks):
    """``x = 0``."""

    def codegen(context, builder, signature, arguments):
        x, chunks = arguments
        _each(builder, chunks, lambda at: _put(builder, x, at, _zeros()))
        return context.get_dummy_value()

    return types.void(_AT, _I), codegen


@intrinsic
def copy(_, y, x, chunks):
    """``y = x``."""

    def codegen(context, builder, signature, arguments):
        y, x, chunks = arguments
        _each(builder, chunks, lambda at: _put(builder, y, at, _get(builder, x, at)))
        return context.get_dummy_value()

    return types.void(_AT, _AT, _I), codegen


@intrinsic
def scale(_, y, c, x, chunks):
    """``y = c x``."""

    def codegen(context, builder, signature, arguments):
        y, c, x, chunks = arguments
        by = _spread(builder, c)
        _each(builder, chunks, lambda at: _put(builder, y, at, _times(builder, by, _get(builder, x, at))))
        return context.get_dummy_value()

    return types.void(_AT, _F, _AT, _I), codegen


@intrinsic
def part_of(_, y, row, x, chunks):
    """``y = row x``."""

    def codegen(context, builder, signature, arguments):
        y, row, x, chunks = arguments
        _each(
            builder,
            chunks,
            lambda at: _put(builder, y, at, _times(builder, _get(builder, row, at), _get(builder, x, at))),
        )
        return context.get_dummy_value()

    return types.void(_AT, _AT, _AT, _I), codegen


@intrinsic
def add_rows(_, y, x, chunks):
    """``y += x``."""

    def codegen(context, builder, signature, arguments):
        y, x, chunks = arguments
        _each(
            builder,
            chunks,
            lambda at: _put(builder, y, at, _add(builder, _get(builder, y, at), _get(builder, x, at))),
        )
        return context.get_dummy_value()

    return types.void(_AT, _AT, _I), codegen


@intrinsic
def add_scaled(_, y, c, x, chunks):
    """``y += c x``."""

    def codegen(context, builder, signature, arguments):
        y, c, x, chunks = arguments
        by = _spread(builder, c)

        def body(at):
            more = _times(builder, by, _get(builder, x, at))
            _put(builder, y, at, _add(builder, _get(builder, y, at), more))

        _each(builder, chunks, body)
        return context.get_dummy_value()

    return types.void(_AT, _F, _AT, _I), codegen


@intrinsic
def blend(_, y, row, x, chunks):
    """``y += row x``."""

    def codegen(context, builder, signature, arguments):
        y, row, x, chunks = arguments

        def body(at):
            more = _times(builder, _get(builder, row, at), _get(builder, x, at))
            _put(builder, y, at, _add(builder, _get(builder, y, at), more))

        _each(builder, chunks, body)
        return context.get_dummy_value()

    return types.void(_AT, _AT, _AT, _I), codegen


@intrinsic
def add_product(_, y, c, a, b, chunks):
    """``y += c a b``."""

    def codegen(context, builder, signature, arguments):
        y, c, a, b, chunks = arguments
        by = _spread(builder, c)

        def body(at):
            more = _times(builder, by, _times(builder, _get(builder, a, at), _get(builder, b, at)))
            _put(builder, y, at, _add(builder, _get(builder, y, at), more))

        _each(builder, chunks, body)
        return context.get_dummy_value()

    return types.void(_AT, _F, _AT, _AT, _I), codegen


@intrinsic
def part_over(_, y, top, bottom, chunks):
    """``y = top / bottom``, 0 where `bottom` is not above 0."""

    def codegen(context, builder, signature, arguments):
        y, top, bottom, chunks = arguments

        def body(at):
            under = _get(builder, bottom, at)
            some = builder.fcmp_ordered(">", under, _zeros())
            ones = ir.Constant(_ROW, [1.0] * CHUNK)
            share = builder.fdiv(_get(builder, top, at), builder.select(some, under, ones))
            _put(builder, y, at, builder.select(some, share, _zeros()))

        _each(builder, chunks, body)
        return context.get_dummy_value()

    return types.void(_AT, _AT, _AT, _I), codegen


@intrinsic
def total(_, x, chunks):
    """Sum of a row."""

    def codegen(context, builder, signature, arguments):
        x, chunks = arguments
        sums = cgutils.alloca_once_value(builder, _zeros())
        builder.store(_zeros(), sums)
        _each(
            builder,
            chunks,
            lambda at: builder.store(_add(builder, builder.load(sums), _get(builder, x, at)), sums),
        )
        return _sum(builder, builder.load(sums))

    return types.float64(_AT, _I), codegen
