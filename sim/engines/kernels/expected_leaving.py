"""Who leaves a place over the days of a span, all eight at once: those who wait for a way to open, settle or turn back (kernels).

As in `sim.engines.kernels.expected_span_rows`.
"""

from __future__ import annotations

from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from sim.engines.kernels.expected_evening import THREE, TWO, eights_of, groups_of, only
from sim.engines.kernels.expected_layout import SPAN
from sim.engines.kernels.expected_rows import (
    CHUNK,
    add_chunks,
    chunk_of,
    chunk_spread,
    each_chunk,
    put_chunk,
    times_chunks,
    whole_constant,
)
from sim.engines.kernels.expected_span_rows import until

__all__ = ["join_span", "remain_span", "trim_span", "turn_ones", "turn_threes", "turn_twos", "wait_span"]

_AT = types.CPointer(types.float64)
_WHOLE = types.CPointer(types.int64)
_I = types.int64
_DAYS = range(SPAN)


def _at(builder, day_rows, offset):
    """A chunk of the row of each day."""
    return [chunk_of(builder, row, offset) for row in day_rows]


def _rows(builder, x, step):
    """Where the row of each day begins."""
    return [builder.gep(x, [builder.mul(step, whole_constant(d))]) for d in _DAYS]


def _shares(builder, rows, begin):
    """Where the shares of each day begin."""
    return [builder.gep(rows, [builder.load(builder.gep(begin, [whole_constant(d)]))]) for d in _DAYS]


def _slots(builder, ring, width, mask, day):
    """Where the row of each day begins in a ring of days."""
    days = [builder.and_(builder.add(day, whole_constant(d)), mask) for d in _DAYS]
    return [builder.gep(ring, [builder.mul(d, width)]) for d in days]


def _minus(builder, a, b):
    return builder.fsub(a, b, flags=("contract", "nsz"))


@intrinsic
def trim_span(_, x, step):
    """Noughts in eight places of a row on each day: what segments of stays wrote beyond the last class."""

    def codegen(context, builder, signature, arguments):
        noughts = ir.Constant(ir.VectorType(ir.DoubleType(), CHUNK), [0.0] * CHUNK)
        for row in _rows(builder, *arguments):
            put_chunk(builder, row, whole_constant(0), noughts)
        return context.get_dummy_value()

    return types.void(_AT, _I), codegen


@intrinsic
def wait_span(_, closed, waiting, out, step, rows, begin, days, chunks):
    """Who leaves waits where every way is closed: ``closed += out``, ``out = open closed``, ``closed -= out`` on each day.

    Who still waits in the evenings is written into `waiting`.
    """

    def codegen(context, builder, signature, arguments):
        closed, waiting, out, step, rows, begin, days, chunks = arguments
        shares, within = _shares(builder, rows, begin), until(builder, days)
        to, evening = _rows(builder, out, step), _rows(builder, waiting, step)

        def body(at):
            now = chunk_of(builder, closed, at)
            for d, share in enumerate(_at(builder, shares, at)):
                more = add_chunks(builder, now, chunk_of(builder, to[d], at))
                go = times_chunks(builder, share, more)
                now = builder.select(within[d], _minus(builder, more, go), now)
                put_chunk(builder, to[d], at, go)
                put_chunk(builder, evening[d], at, now)
            put_chunk(builder, closed, at, now)

        each_chunk(builder, chunks, body)
        return context.get_dummy_value()

    return types.void(_AT, _AT, _AT, _I, _AT, _WHOLE, _I, _I), codegen


@intrinsic
def remain_span(_, settled, there, gone, out, step, rows, begin, counts, chunks):
    """Part of those who leave settles on each day: ``settled += share out``, the same into a chunk of each day of `gone`.

    Who has settled by each evening is written into `there`.
    """

    def codegen(context, builder, signature, arguments):
        settled, there, gone, out, step, rows, begin, counts, chunks = arguments
        shares = _shares(builder, rows, begin)
        own, evening = _rows(builder, out, step), _rows(builder, there, step)
        one = [chunk_spread(builder, builder.load(builder.gep(counts, [whole_constant(d)]))) for d in _DAYS]

        def body(at):
            now = chunk_of(builder, settled, at)
            for d, share in enumerate(_at(builder, shares, at)):
                row = times_chunks(builder, share, chunk_of(builder, own[d], at))
                some = times_chunks(builder, one[d], row)
                now = add_chunks(builder, now, some)
                put_chunk(builder, evening[d], at, now)
                day = whole_constant(d * CHUNK)
                put_chunk(builder, gone, day, add_chunks(builder, chunk_of(builder, gone, day), some))
            put_chunk(builder, settled, at, now)

        each_chunk(builder, chunks, body)
        return context.get_dummy_value()

    return types.void(_AT, _AT, _AT, _AT, _I, _AT, _WHOLE, _AT, _I), codegen


def _turn_span(per):
    """An intrinsic for those who turn back, with so many classes a group: one, two or three."""

    def define(_, ring, width, mask, day, rows, begin, out, step, groups):
        def codegen(context, builder, signature, arguments):
            ring, width, mask, day, rows, begin, out, step, groups = arguments
            shares, own = _shares(builder, rows, begin), _rows(builder, out, step)
            to = _slots(builder, ring, width, mask, day)

            def body(at):
                for share, row, turned in zip(shares, own, to, strict=True):

                    def back(place, share=share, row=row):
                        return times_chunks(
                            builder, chunk_of(builder, share, place), chunk_of(builder, row, place)
                        )

                    sums = groups_of(builder, back, at, per)
                    put_chunk(builder, turned, at, only(builder, sums, builder.sub(groups, at)))

            each_chunk(builder, eights_of(builder, groups), body)
            return context.get_dummy_value()

        return types.void(_AT, _I, _I, _I, _AT, _WHOLE, _AT, _I, _I), codegen

    return define


turn_ones, turn_twos, turn_threes = (intrinsic(_turn_span(per)) for per in (1, TWO, THREE))
"""``ring[day] = sums of share out by group`` on each day."""


@intrinsic
def join_span(_, out, step, ring, width, mask, day, chunks):
    """``out += ring[day]`` on each day."""

    def codegen(context, builder, signature, arguments):
        out, step, ring, width, mask, day, chunks = arguments
        own, turned = _rows(builder, out, step), _slots(builder, ring, width, mask, day)

        def body(at):
            for to, more in zip(own, turned, strict=True):
                put_chunk(
                    builder,
                    to,
                    at,
                    add_chunks(builder, chunk_of(builder, to, at), chunk_of(builder, more, at)),
                )

        each_chunk(builder, chunks, body)
        return context.get_dummy_value()

    return types.void(_AT, _I, _AT, _I, _I, _I, _I), codegen
