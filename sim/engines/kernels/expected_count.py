"""Who is where on an evening of places that go day by day: person-days, largest numbers, all on the route (kernels of the expected engine)."""

from __future__ import annotations

from functools import partial

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from sim.engines.kernels import expected_layout as at
from sim.engines.kernels.expected_evening import (
    THREE,
    TWO,
    close_crowd,
    crowd_of,
    crowd_on,
    eights_of,
    gather_crowd,
    groups_of,
    has_others,
    larger_of,
    only,
    open_crowd,
    peak_of,
)
from sim.engines.kernels.expected_rows import (
    CHUNK,
    add_chunks,
    add_rows,
    chunk_of,
    copy,
    each_chunk,
    inner,
    put_chunk,
    real,
    shift,
    whole,
    whole_constant,
)
from sim.engines.kernels.expected_spans import FLOWING, PART, ROUTE, counted_in, scratch

__all__ = ["count_row", "evening", "now_ones", "now_threes", "now_twos"]

_AT = types.CPointer(types.float64)
_I = types.int64


@intrinsic
def count_row(_, counted, route, x, chunks):
    """``counted += x``, and the chunks of `x` added to one chunk."""

    def codegen(context, builder, signature, arguments):
        counted, route, x, chunks = arguments
        first = whole_constant(0)
        begun = chunk_of(builder, route, first)
        sums = cgutils.alloca_once_value(builder, ir.Constant(begun.type, [0.0] * CHUNK))
        builder.store(begun, sums)

        def body(place):
            own = chunk_of(builder, x, place)
            put_chunk(builder, counted, place, add_chunks(builder, chunk_of(builder, counted, place), own))
            builder.store(add_chunks(builder, builder.load(sums), own), sums)

        each_chunk(builder, chunks, body)
        put_chunk(builder, route, first, builder.load(sums))
        return context.get_dummy_value()

    return types.void(_AT, _AT, _AT, _I), codegen


def _crowd_now(per):
    """An intrinsic that counts people with so many classes a group: one, two or three."""

    def define(_, x, row, peak, groups, first, last):
        def codegen(context, builder, signature, arguments):
            x, row, peak, groups, first, last = arguments
            begins, ends = (builder.icmp_signed("!=", flag, whole_constant(0)) for flag in (first, last))
            noughts = ir.Constant(ir.VectorType(ir.DoubleType(), CHUNK), [0.0] * CHUNK)
            there = cgutils.alloca_once_value(builder, noughts)

            def body(place):
                people = groups_of(builder, partial(chunk_of, builder, x), place, per)
                builder.store(only(builder, people, builder.sub(groups, place)), there)
                with builder.if_then(builder.not_(begins)):
                    before = chunk_of(builder, row, place)
                    builder.store(add_chunks(builder, builder.load(there), before), there)
                with builder.if_else(ends) as (then, otherwise):
                    with then:
                        most = larger_of(builder, chunk_of(builder, peak, place), builder.load(there))
                        put_chunk(builder, peak, place, most)
                    with otherwise:
                        put_chunk(builder, row, place, builder.load(there))

            each_chunk(builder, eights_of(builder, groups), body)
            return context.get_dummy_value()

        return types.void(_AT, _AT, _AT, _I, _I, _I), codegen

    return define


now_ones, now_twos, now_threes = (intrinsic(_crowd_now(per)) for per in (1, TWO, THREE))
"""``row = sums of x by group``, and what is there already too unless the node is the `first` of its place; for the `last` into `peak`
where it is larger, and not into the row."""


@inner
def count_crowd(B, number, me, status, x, day):
    """Largest numbers by group of those who are at a node, or on their way to it, on an evening."""
    to, per = crowd_of(B, number, status), me[at.PER]
    quick = per in (1, TWO, THREE) and not has_others(to)
    first, last = to[at.C_FIRST] and quick, to[at.C_LAST] and quick
    if to[at.C_FIRST] and not first:
        open_crowd(B, to, day, 1)
    row, peak = shift(crowd_on(B, to, day), to[at.C_OWN]), shift(peak_of(B, to, day), to[at.C_OWN])
    if per == 1:
        now_ones(x, row, peak, to[at.C_GROUPS], first, last)
    elif per == TWO:
        now_twos(x, row, peak, to[at.C_GROUPS], first, last)
    elif per == THREE:
        now_threes(x, row, peak, to[at.C_GROUPS], first, last)
    else:
        gather_crowd(B, me, to, day, x)
    if to[at.C_LAST] and not last:
        close_crowd(B, to, day, 1)


@inner
def count(B, number, me, status, x, day):
    """Count those who are on the route at a node on an evening."""
    route = shift(scratch(B, ROUTE), (day - B[at.N_DAY]) * CHUNK)
    count_row(counted_in(B, me, status, day), route, x, me[at.CHUNKS])
    if B[at.N_PEAKS]:
        count_crowd(B, number, me, status, x, day)


@inner
def waiting(B, me):
    """Row of those who wait at a node: where every way is closed to them, and in lines."""
    n, closed = me[at.CHUNKS], shift(real(B, at.A_STOCK), at.CLOSED * B[at.N_ROWS] + me[at.ACC])
    if me[at.ASK_0] == me[at.ASK_1]:
        return closed
    begin, sums = me[at.ASK_0], closed
    if not me[at.CLOSES]:
        sums = shift(real(B, at.A_QUEUE), whole(B, at.A_Q_QUEUE)[begin])
        begin += 1
    if begin < me[at.ASK_1]:
        copy(scratch(B, PART), sums, n)
        sums = scratch(B, PART)
    for q in range(begin, me[at.ASK_1]):
        add_rows(sums, shift(real(B, at.A_QUEUE), whole(B, at.A_Q_QUEUE)[q]), n)
    return sums


@inner
def evening(B, number, day):
    """Those on their way to a node in the evening, and everybody who is counted there."""
    me = shift(whole(B, at.A_NODE), number * at.NODE)
    stock = shift(real(B, at.A_STOCK), me[at.ACC])
    travelling = shift(stock, at.TRAVELLING * B[at.N_ROWS])
    for e in range(me[at.EDGE_0], me[at.EDGE_1]):
        edge = shift(whole(B, at.A_EDGE), e * at.EDGE)
        ring = shift(real(B, at.A_RING), edge[at.RING] + (day & edge[at.MASK]) * edge[at.WIDE] * CHUNK)
        add_rows(shift(travelling, edge[at.INTO]), ring, edge[at.WIDE])
    if not B[at.N_TABLES]:
        return
    if me[at.SEG_0] < me[at.SEG_1]:
        count(B, number, me, at.STAYS, shift(stock, at.STAYING * B[at.N_ROWS]), day)
    count(B, number, me, at.TRAVELS, travelling, day)
    if me[at.CLOSES] or me[at.ASK_0] < me[at.ASK_1]:
        count(B, number, me, at.WAITS, waiting(B, me), day)
    if me[at.SETTLES]:  # nobody of them leaves, so that most are there on the last evening of a span
        settled = shift(real(B, at.A_DONE), at.SETTLED * 3 * B[at.N_ROWS] + me[at.ACC])
        count_row(counted_in(B, me, at.HAS_SETTLED, day), scratch(B, FLOWING), settled, me[at.CHUNKS])
        if B[at.N_PEAKS] and day == B[at.N_DAY] + B[at.N_DAYS] - 1:
            count_crowd(B, number, me, at.HAS_SETTLED, settled, day)
