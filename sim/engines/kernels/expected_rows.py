"""Row operations of the expected engine: short loops over the classes of people of one place, eight at a time (kernels).

Arrays are handed over as addresses (see `pointer`). Rows are padded to a whole number of chunks of eight numbers, and the
operations are written as vectors, so that nothing is left over to be done one by one, no two rows have to be proved apart, and
there is little for the compiler to work out.
"""

from __future__ import annotations

import operator
from contextlib import contextmanager

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.datamodel.models import PointerModel
from numba.core.datamodel.registry import register_default
from numba.extending import intrinsic, lower_builtin

from sim.engines.kernels.address import pointer, shift
from sim.engines.kernels.build import called, inside

__all__ = [
    "CHUNK",
    "add_chunks",
    "add_product",
    "add_rows",
    "add_scaled",
    "anyone",
    "arrive",
    "arrive_at_once",
    "blend",
    "chunk_groups",
    "chunk_of",
    "chunk_spread",
    "chunk_sum",
    "clear",
    "convolve",
    "convolve_on",
    "copy",
    "decay",
    "each_chunk",
    "inner",
    "jit",
    "own",
    "part_of",
    "part_over",
    "part_sum",
    "pointer",
    "put_chunk",
    "real",
    "repeated",
    "scale",
    "settle_down",
    "shift",
    "tight",
    "times_chunks",
    "total",
    "whole",
    "whole_constant",
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
_WHOLE = ir.IntType(64)
whole_constant = _WHOLE
_AT = types.CPointer(types.float64)
_I = types.int64
_F = types.float64


class Settled(types.CPointer):
    """Address of numbers that nobody writes while a kernel runs, so that what was read once need not be read again."""

    def __init__(self, dtype) -> None:
        super().__init__(dtype)
        self.name = f"settled {self.name}"

    @property
    def key(self):
        return self.name


register_default(Settled)(PointerModel)


def _settled(builder, load):
    load.set_metadata("invariant.load", builder.module.add_metadata([]))
    return load


@lower_builtin(operator.getitem, Settled, types.Integer)
def _settled_number(context, builder, signature, arguments):
    return _settled(builder, builder.load(builder.gep(arguments[0], [arguments[1]])))


def _kept_address(kind):
    """An intrinsic that takes an address out of a table of numbers."""

    def define(_, table, which):
        def codegen(context, builder, signature, arguments):
            value = _settled(builder, builder.load(builder.gep(arguments[0], [arguments[1]])))
            return builder.inttoptr(value, context.get_value_type(signature.return_type))

        return kind(types.CPointer(types.int64), types.int64), codegen

    return define


real = intrinsic(_kept_address(types.CPointer(types.float64)))
whole = intrinsic(_kept_address(Settled(types.int64)))
own = intrinsic(_kept_address(types.CPointer(types.int64)))
"""Addresses of numbers; of whole numbers that stay as they are; of those that the kernels write."""


def _chunk_at(builder, address, offset):
    return builder.bitcast(builder.gep(address, [offset]), _ROW.as_pointer())


def chunk_of(builder, address, offset):
    return builder.load(_chunk_at(builder, address, offset), align=8)


def put_chunk(builder, address, offset, value):
    builder.store(value, _chunk_at(builder, address, offset), align=8)


def add_chunks(builder, a, b):
    return builder.fadd(a, b, flags=_FLAGS)


def times_chunks(builder, a, b):
    return builder.fmul(a, b, flags=_FLAGS)


def chunk_spread(builder, number):
    """The same number eight times."""
    one = builder.insert_element(ir.Constant(_ROW, ir.Undefined), number, ir.Constant(ir.IntType(32), 0))
    zeros = ir.Constant(ir.VectorType(ir.IntType(32), CHUNK), [0] * CHUNK)
    return builder.shuffle_vector(one, ir.Constant(_ROW, ir.Undefined), zeros)


def _zeros():
    return ir.Constant(_ROW, [0.0] * CHUNK)


@contextmanager
def repeated(builder, count):
    """A loop that is left as it is: rows are short, and of many lengths, so that to unroll it costs more than it saves."""
    with cgutils.for_range(builder, count) as loop:
        yield loop
        last = builder.basic_block
    module = builder.module
    wish = module.add_metadata([ir.MetaDataString(module, "llvm.loop.unroll.disable")])
    own = ir.MDValue(module, [], name=str(len(module.metadata)))
    own.operands = (own, wish)  # the name of a loop begins with itself
    last.terminator.set_metadata("llvm.loop", own)


def each_chunk(builder, chunks, body):
    """Do something for every chunk, at its offset."""
    with repeated(builder, chunks) as loop:
        body(builder.mul(loop.index, whole_constant(CHUNK)))


def _sum(builder, row):
    """Sum of eight numbers."""
    for half in (4, 2, 1):
        picked = ir.Constant(ir.VectorType(ir.IntType(32), half), list(range(half)))
        others = ir.Constant(ir.VectorType(ir.IntType(32), half), list(range(half, 2 * half)))
        none = ir.Constant(row.type, ir.Undefined)
        row = add_chunks(
            builder, builder.shuffle_vector(row, none, picked), builder.shuffle_vector(row, none, others)
        )
    return builder.extract_element(row, ir.Constant(ir.IntType(32), 0))


def chunk_groups(builder, chunks, body):
    """Do something for four chunks side by side, then for two, then for one (``body(offset, how many)``)."""
    four = builder.ashr(chunks, whole_constant(2))
    with repeated(builder, four) as loop:
        body(builder.mul(loop.index, whole_constant(4 * CHUNK)), 4)
    done = builder.mul(four, whole_constant(4 * CHUNK))
    for side in (2, 1):
        some = builder.and_(chunks, whole_constant(side))
        with builder.if_then(builder.icmp_signed("!=", some, whole_constant(0))):
            body(done, side)
        done = builder.add(done, builder.mul(some, whole_constant(CHUNK)))


def chunk_sum(builder, x, width, mask, day, p, count, offset, side):
    """Chunks of the sum of ``p[k] x[day - k]`` over a ring of days.

    One chunk alone is summed in four parts, so that a sum need not wait for the one before.
    """
    sums = [cgutils.alloca_once_value(builder, _zeros()) for _ in range(4)]
    for s in sums:
        builder.store(_zeros(), s)

    def add(k, parts, step):
        slot = builder.mul(builder.and_(builder.sub(day, k), mask), width)
        chance = chunk_spread(builder, builder.load(builder.gep(p, [k])))
        for i, s in enumerate(parts):
            at = builder.add(builder.add(slot, offset), whole_constant(i * step))
            builder.store(
                add_chunks(builder, builder.load(s), times_chunks(builder, chance, chunk_of(builder, x, at))),
                s,
            )

    if side > 1:
        with repeated(builder, count) as loop:
            add(loop.index, sums[:side], CHUNK)
        return [builder.load(s) for s in sums[:side]]
    fours = builder.sdiv(count, whole_constant(4))
    with repeated(builder, fours) as loop:
        for i in range(4):
            add(
                builder.add(builder.mul(loop.index, whole_constant(4)), whole_constant(i)), sums[i : i + 1], 0
            )
    done = builder.mul(fours, whole_constant(4))
    with repeated(builder, builder.sub(count, done)) as loop:
        add(builder.add(loop.index, done), sums[:1], 0)
    one, two, three, four = (builder.load(s) for s in sums)
    return [add_chunks(builder, add_chunks(builder, one, two), add_chunks(builder, three, four))]


@intrinsic
def anyone(_, x, chunks):
    """Whether a number of a row is not nought."""

    def codegen(context, builder, signature, arguments):
        x, chunks = arguments
        found = cgutils.alloca_once_value(builder, ir.Constant(ir.IntType(CHUNK), 0))
        builder.store(ir.Constant(ir.IntType(CHUNK), 0), found)

        def body(at):
            some = builder.fcmp_unordered("!=", chunk_of(builder, x, at), _zeros())
            builder.store(builder.or_(builder.load(found), builder.bitcast(some, ir.IntType(CHUNK))), found)

        each_chunk(builder, chunks, body)
        return builder.icmp_unsigned("!=", builder.load(found), ir.Constant(ir.IntType(CHUNK), 0))

    return types.boolean(_AT, _I), codegen


@intrinsic
def arrive_at_once(_, here, flow, z, keep_z, later, p, alive, chunks):
    """Those who come over an edge on the day on which they set out: ``z = p later``, ``here += alive z``, as into the flow.

    `z` itself is written where `keep_z` is not 0; nobody is left in `later`.
    """

    def codegen(context, builder, signature, arguments):
        here, flow, z, keep_z, later, p, alive, chunks = arguments
        chance, share = chunk_spread(builder, p), chunk_spread(builder, alive)
        asked = builder.icmp_signed("!=", keep_z, whole_constant(0))

        def body(at):
            row = times_chunks(builder, chance, chunk_of(builder, later, at))
            put_chunk(builder, later, at, _zeros())
            with builder.if_then(asked):
                put_chunk(builder, z, at, row)
            came = times_chunks(builder, share, row)
            for to in (here, flow):
                put_chunk(builder, to, at, add_chunks(builder, chunk_of(builder, to, at), came))

        each_chunk(builder, chunks, body)
        return context.get_dummy_value()

    return types.void(_AT, _AT, _AT, _I, _AT, _F, _F, _I), codegen


@intrinsic
def convolve(_, y, x, width, mask, day, p, count, chunks):
    """``y = sum of p[k] x[day - k]``, k from 0 to `count` - 1, over the ring of days of `x`."""

    def codegen(context, builder, signature, arguments):
        y, x, width, mask, day, p, count, chunks = arguments

        def body(offset, side):
            for i, s in enumerate(chunk_sum(builder, x, width, mask, day, p, count, offset, side)):
                put_chunk(builder, y, builder.add(offset, whole_constant(i * CHUNK)), s)

        chunk_groups(builder, chunks, body)
        return context.get_dummy_value()

    return types.void(_AT, _AT, _I, _I, _I, _AT, _I, _I), codegen


@intrinsic
def convolve_on(_, y, base, x, width, mask, day, p, count, chunks):
    """``y = base + sum of p[k] x[day - k]``."""

    def codegen(context, builder, signature, arguments):
        y, base, x, width, mask, day, p, count, chunks = arguments

        def body(offset, side):
            for i, s in enumerate(chunk_sum(builder, x, width, mask, day, p, count, offset, side)):
                at = builder.add(offset, whole_constant(i * CHUNK))
                put_chunk(builder, y, at, add_chunks(builder, chunk_of(builder, base, at), s))

        chunk_groups(builder, chunks, body)
        return context.get_dummy_value()

    return types.void(_AT, _AT, _AT, _I, _I, _I, _AT, _I, _I), codegen


@intrinsic
def arrive(_, here, flow, z, x, width, mask, day, p, count, alive, chunks):
    """Those who come over an edge: ``z = sum of p[k] x[day - k]``, ``here += alive z``, and the same into the month's flow."""

    def codegen(context, builder, signature, arguments):
        here, flow, z, x, width, mask, day, p, count, alive, chunks = arguments
        share = chunk_spread(builder, alive)

        def body(offset, side):
            for i, s in enumerate(chunk_sum(builder, x, width, mask, day, p, count, offset, side)):
                at = builder.add(offset, whole_constant(i * CHUNK))
                put_chunk(builder, z, at, s)
                came = times_chunks(builder, share, s)
                put_chunk(builder, here, at, add_chunks(builder, chunk_of(builder, here, at), came))
                put_chunk(builder, flow, at, add_chunks(builder, chunk_of(builder, flow, at), came))

        chunk_groups(builder, chunks, body)
        return context.get_dummy_value()

    return types.void(_AT, _AT, _AT, _AT, _I, _I, _I, _AT, _I, _F, _I), codegen


@intrinsic
def decay(_, y, state, width, old, expo, count, chunks):
    """Exponentials of a stay go on by a day: ``state = keep state + old``, ``y += amount state``."""

    def codegen(context, builder, signature, arguments):
        y, state, width, old, expo, count, chunks = arguments

        def body(offset):
            sums = cgutils.alloca_once_value(builder, _zeros())
            builder.store(chunk_of(builder, y, offset), sums)
            begun = chunk_of(builder, old, offset)
            with repeated(builder, count) as loop:
                at = builder.add(builder.mul(loop.index, width), offset)
                pair = builder.mul(loop.index, whole_constant(2))
                keep = chunk_spread(builder, builder.load(builder.gep(expo, [pair])))
                amount = chunk_spread(
                    builder, builder.load(builder.gep(expo, [builder.add(pair, whole_constant(1))]))
                )
                x = add_chunks(builder, times_chunks(builder, keep, chunk_of(builder, state, at)), begun)
                put_chunk(builder, state, at, x)
                builder.store(add_chunks(builder, builder.load(sums), times_chunks(builder, amount, x)), sums)
            put_chunk(builder, y, offset, builder.load(sums))

        each_chunk(builder, chunks, body)
        return context.get_dummy_value()

    return types.void(_AT, _AT, _I, _AT, _AT, _I, _I), codegen


@intrinsic
def settle_down(_, staying, here, out, chunks):
    """``staying += here - out``."""

    def codegen(context, builder, signature, arguments):
        staying, here, out, chunks = arguments

        def body(at):
            change = builder.fsub(chunk_of(builder, here, at), chunk_of(builder, out, at), flags=_FLAGS)
            put_chunk(builder, staying, at, add_chunks(builder, chunk_of(builder, staying, at), change))

        each_chunk(builder, chunks, body)
        return context.get_dummy_value()

    return types.void(_AT, _AT, _AT, _I), codegen


@intrinsic
def clear(_, x, chunks):
    """``x = 0``."""

    def codegen(context, builder, signature, arguments):
        x, chunks = arguments
        nought = builder.asm(ir.FunctionType(_WHOLE, [_WHOLE]), "", "=r,0", [whole_constant(0)], False)
        row = chunk_spread(
            builder, builder.bitcast(nought, _NUMBER)
        )  # a known nought makes it a call that costs more
        each_chunk(builder, chunks, lambda at: put_chunk(builder, x, at, row))
        return context.get_dummy_value()

    return types.void(_AT, _I), codegen


@intrinsic
def copy(_, y, x, chunks):
    """``y = x``."""

    def codegen(context, builder, signature, arguments):
        y, x, chunks = arguments
        each_chunk(builder, chunks, lambda at: put_chunk(builder, y, at, chunk_of(builder, x, at)))
        return context.get_dummy_value()

    return types.void(_AT, _AT, _I), codegen


@intrinsic
def scale(_, y, c, x, chunks):
    """``y = c x``."""

    def codegen(context, builder, signature, arguments):
        y, c, x, chunks = arguments
        by = chunk_spread(builder, c)
        each_chunk(
            builder,
            chunks,
            lambda at: put_chunk(builder, y, at, times_chunks(builder, by, chunk_of(builder, x, at))),
        )
        return context.get_dummy_value()

    return types.void(_AT, _F, _AT, _I), codegen


@intrinsic
def part_of(_, y, row, x, chunks):
    """``y = row x``."""

    def codegen(context, builder, signature, arguments):
        y, row, x, chunks = arguments
        each_chunk(
            builder,
            chunks,
            lambda at: put_chunk(
                builder, y, at, times_chunks(builder, chunk_of(builder, row, at), chunk_of(builder, x, at))
            ),
        )
        return context.get_dummy_value()

    return types.void(_AT, _AT, _AT, _I), codegen


@intrinsic
def part_sum(_, y, row, x, chunks):
    """``y = row x``; gives the sum of it."""

    def codegen(context, builder, signature, arguments):
        y, row, x, chunks = arguments
        sums = cgutils.alloca_once_value(builder, _zeros())
        builder.store(_zeros(), sums)

        def body(at):
            some = times_chunks(builder, chunk_of(builder, row, at), chunk_of(builder, x, at))
            put_chunk(builder, y, at, some)
            builder.store(add_chunks(builder, builder.load(sums), some), sums)

        each_chunk(builder, chunks, body)
        return _sum(builder, builder.load(sums))

    return types.float64(_AT, _AT, _AT, _I), codegen


@intrinsic
def add_rows(_, y, x, chunks):
    """``y += x``."""

    def codegen(context, builder, signature, arguments):
        y, x, chunks = arguments
        each_chunk(
            builder,
            chunks,
            lambda at: put_chunk(
                builder, y, at, add_chunks(builder, chunk_of(builder, y, at), chunk_of(builder, x, at))
            ),
        )
        return context.get_dummy_value()

    return types.void(_AT, _AT, _I), codegen


@intrinsic
def add_scaled(_, y, c, x, chunks):
    """``y += c x``."""

    def codegen(context, builder, signature, arguments):
        y, c, x, chunks = arguments
        by = chunk_spread(builder, c)

        def body(at):
            more = times_chunks(builder, by, chunk_of(builder, x, at))
            put_chunk(builder, y, at, add_chunks(builder, chunk_of(builder, y, at), more))

        each_chunk(builder, chunks, body)
        return context.get_dummy_value()

    return types.void(_AT, _F, _AT, _I), codegen


@intrinsic
def blend(_, y, row, x, chunks):
    """``y += row x``."""

    def codegen(context, builder, signature, arguments):
        y, row, x, chunks = arguments

        def body(at):
            more = times_chunks(builder, chunk_of(builder, row, at), chunk_of(builder, x, at))
            put_chunk(builder, y, at, add_chunks(builder, chunk_of(builder, y, at), more))

        each_chunk(builder, chunks, body)
        return context.get_dummy_value()

    return types.void(_AT, _AT, _AT, _I), codegen


@intrinsic
def add_product(_, y, c, a, b, chunks):
    """``y += c a b``."""

    def codegen(context, builder, signature, arguments):
        y, c, a, b, chunks = arguments
        by = chunk_spread(builder, c)

        def body(at):
            more = times_chunks(
                builder, by, times_chunks(builder, chunk_of(builder, a, at), chunk_of(builder, b, at))
            )
            put_chunk(builder, y, at, add_chunks(builder, chunk_of(builder, y, at), more))

        each_chunk(builder, chunks, body)
        return context.get_dummy_value()

    return types.void(_AT, _F, _AT, _AT, _I), codegen


@intrinsic
def part_over(_, y, top, bottom, chunks):
    """``y = top / bottom``, 0 where `bottom` is not above 0."""

    def codegen(context, builder, signature, arguments):
        y, top, bottom, chunks = arguments

        def body(at):
            under = chunk_of(builder, bottom, at)
            some = builder.fcmp_ordered(">", under, _zeros())
            ones = ir.Constant(_ROW, [1.0] * CHUNK)
            share = builder.fdiv(chunk_of(builder, top, at), builder.select(some, under, ones))
            put_chunk(builder, y, at, builder.select(some, share, _zeros()))

        each_chunk(builder, chunks, body)
        return context.get_dummy_value()

    return types.void(_AT, _AT, _AT, _I), codegen


@intrinsic
def total(_, x, chunks):
    """Sum of a row."""

    def codegen(context, builder, signature, arguments):
        x, chunks = arguments
        sums = cgutils.alloca_once_value(builder, _zeros())
        builder.store(_zeros(), sums)
        each_chunk(
            builder,
            chunks,
            lambda at: builder.store(add_chunks(builder, builder.load(sums), chunk_of(builder, x, at)), sums),
        )
        return _sum(builder, builder.load(sums))

    return types.float64(_AT, _I), codegen
