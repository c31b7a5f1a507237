"""Row operations over several days of one place: the same as in `expected_rows`, with a loop over days around them (kernels).

Rows of one day lie `step` numbers behind those of the day before; rings are read and written by the day.
"""

from __future__ import annotations

from numba.core import cgutils, types
from numba.extending import intrinsic

from sim.engines.kernels.expected_rows import (
    CHUNK,
    add_chunks,
    chunk_groups,
    chunk_of,
    chunk_spread,
    chunk_sum,
    each_chunk,
    put_chunk,
    repeated,
    times_chunks,
    whole_constant,
)

__all__ = ["arrive_days", "convolve_days", "decay_days", "die_days", "move_days", "send_days"]

_AT = types.CPointer(types.float64)
_I = types.int64
_F = types.float64


def _row(builder, i, step, offset):
    """Offset of a chunk on the i-th day."""
    return builder.add(builder.mul(i, step), offset)


def _slot(builder, day, i, mask, width, offset):
    """Offset of a chunk in a ring on the i-th day."""
    return builder.add(builder.mul(builder.and_(builder.add(day, i), mask), width), offset)


@intrinsic
def arrive_days(_, here, step, flow, z, x, width, mask, day, days, p, count, alive, chunks):
    """Those who come over an edge on each day: ``z = sum of p[k] x[day - k]``, ``here += alive z``, and the same into the flow."""

    def codegen(context, builder, signature, arguments):
        here, step, flow, z, x, width, mask, day, days, p, count, alive, chunks = arguments
        share = chunk_spread(builder, alive)

        def body(offset, side):
            places = [builder.add(offset, whole_constant(i * CHUNK)) for i in range(side)]
            came_in = [cgutils.alloca_once_value(builder, chunk_of(builder, flow, at)) for at in places]
            for kept, at in zip(came_in, places, strict=True):
                builder.store(chunk_of(builder, flow, at), kept)
            with repeated(builder, days) as loop:
                now = builder.add(day, loop.index)
                sums = chunk_sum(builder, x, width, mask, now, p, count, offset, side)
                for s, at, kept in zip(sums, places, came_in, strict=True):
                    to = _row(builder, loop.index, step, at)
                    put_chunk(builder, z, to, s)
                    came = times_chunks(builder, share, s)
                    put_chunk(builder, here, to, add_chunks(builder, chunk_of(builder, here, to), came))
                    builder.store(add_chunks(builder, builder.load(kept), came), kept)
            for kept, at in zip(came_in, places, strict=True):
                put_chunk(builder, flow, at, builder.load(kept))

        chunk_groups(builder, chunks, body)
        return context.get_dummy_value()

    return types.void(_AT, _I, _AT, _AT, _AT, _I, _I, _I, _I, _AT, _I, _F, _I), codegen


@intrinsic
def convolve_days(_, y, step, x, width, mask, day, days, p, count, chunks):
    """``y = sum of p[k] x[day - k]`` on each day."""

    def codegen(context, builder, signature, arguments):
        y, step, x, width, mask, day, days, p, count, chunks = arguments

        def body(offset, side):
            with repeated(builder, days) as loop:
                now = builder.add(day, loop.index)
                sums = chunk_sum(builder, x, width, mask, now, p, count, offset, side)
                for i, s in enumerate(sums):
                    at = builder.add(offset, whole_constant(i * CHUNK))
                    put_chunk(builder, y, _row(builder, loop.index, step, at), s)

        chunk_groups(builder, chunks, body)
        return context.get_dummy_value()

    return types.void(_AT, _I, _AT, _I, _I, _I, _I, _AT, _I, _I), codegen


@intrinsic
def decay_days(_, y, step, state, width, x, mask, day, days, expo, count, chunks):
    """Exponentials of a stay go on day by day: ``state = keep state + x[day]``, ``y += amount state``."""

    def codegen(context, builder, signature, arguments):
        y, step, state, width, x, mask, day, days, expo, count, chunks = arguments
        held = cgutils.alloca_once_value(builder, chunk_spread(builder, builder.load(expo)))

        def body(offset):
            with repeated(builder, count) as terms:
                at = _row(builder, terms.index, width, offset)
                pair = builder.mul(terms.index, whole_constant(2))
                keep = chunk_spread(builder, builder.load(builder.gep(expo, [pair])))
                amount = chunk_spread(
                    builder, builder.load(builder.gep(expo, [builder.add(pair, whole_constant(1))]))
                )
                builder.store(chunk_of(builder, state, at), held)
                with repeated(builder, days) as loop:
                    begun = chunk_of(builder, x, _slot(builder, day, loop.index, mask, width, offset))
                    now = add_chunks(builder, times_chunks(builder, keep, builder.load(held)), begun)
                    builder.store(now, held)
                    to = _row(builder, loop.index, step, offset)
                    more = times_chunks(builder, amount, now)
                    put_chunk(builder, y, to, add_chunks(builder, chunk_of(builder, y, to), more))
                put_chunk(builder, state, at, builder.load(held))

        each_chunk(builder, chunks, body)
        return context.get_dummy_value()

    return types.void(_AT, _I, _AT, _I, _AT, _I, _I, _I, _AT, _I, _I), codegen


@intrinsic
def send_days(_, ring, width, mask, day, days, row, out, step, chunks):
    """Those who set out over an edge on each day: ``ring[day] = row out``."""

    def codegen(context, builder, signature, arguments):
        ring, width, mask, day, days, row, out, step, chunks = arguments

        def body(offset):
            share = chunk_of(builder, row, offset)
            with repeated(builder, days) as loop:
                some = times_chunks(
                    builder, share, chunk_of(builder, out, _row(builder, loop.index, step, offset))
                )
                put_chunk(builder, ring, _slot(builder, day, loop.index, mask, width, offset), some)

        each_chunk(builder, chunks, body)
        return context.get_dummy_value()

    return types.void(_AT, _I, _I, _I, _I, _AT, _AT, _I, _I), codegen


@intrinsic
def move_days(_, change, z, step, ring, width, mask, day, days, chunks):
    """Change of those on their way on each day: ``change += ring[day] - z``."""

    def codegen(context, builder, signature, arguments):
        change, z, step, ring, width, mask, day, days, chunks = arguments

        def body(offset):
            with repeated(builder, days) as loop:
                at = _row(builder, loop.index, step, offset)
                new = chunk_of(builder, ring, _slot(builder, day, loop.index, mask, width, offset))
                more = builder.fsub(new, chunk_of(builder, z, at))
                put_chunk(builder, change, at, add_chunks(builder, chunk_of(builder, change, at), more))

        each_chunk(builder, chunks, body)
        return context.get_dummy_value()

    return types.void(_AT, _AT, _I, _AT, _I, _I, _I, _I, _I), codegen


@intrinsic
def die_days(_, dead, gone, z, step, chance, days, chunks):
    """``dead += chance z`` over all days, and the same into a chunk of each day, of which each is `CHUNK` numbers."""

    def codegen(context, builder, signature, arguments):
        dead, gone, z, step, chance, days, chunks = arguments
        share = chunk_spread(builder, chance)
        held = cgutils.alloca_once_value(builder, share)

        def body(offset):
            builder.store(chunk_of(builder, dead, offset), held)
            with repeated(builder, days) as loop:
                some = times_chunks(
                    builder, share, chunk_of(builder, z, _row(builder, loop.index, step, offset))
                )
                builder.store(add_chunks(builder, builder.load(held), some), held)
                of_day = builder.mul(loop.index, whole_constant(CHUNK))
                put_chunk(builder, gone, of_day, add_chunks(builder, chunk_of(builder, gone, of_day), some))
            put_chunk(builder, dead, offset, builder.load(held))

        each_chunk(builder, chunks, body)
        return context.get_dummy_value()

    return types.void(_AT, _AT, _AT, _I, _F, _I, _I), codegen
