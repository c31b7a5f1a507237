"""Row operations over the days of a span of one place, all eight at once: sums stay in registers (kernels).

Rows of one day lie `step` numbers behind those of the day before; rings are read and written by the day. A span may have
fewer days than eight: all eight are worked out, and those behind the last are left out of every sum (`counts` is one for a
day of the span, nought behind it) and of every stock. What is written of them into a ring is written anew before it is read.
"""

from __future__ import annotations

from contextlib import contextmanager

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from sim.engines.kernels.expected_layout import SPAN
from sim.engines.kernels.expected_rows import (
    CHUNK,
    add_chunks,
    chunk_of,
    chunk_spread,
    each_chunk,
    put_chunk,
    repeated,
    times_chunks,
    whole_constant,
)

__all__ = [
    "FOUR",
    "arrive_span",
    "begin_decay",
    "convolve_span",
    "count_span",
    "decay_span",
    "die_span",
    "each_row",
    "end_span",
    "keep_span",
    "no_stays",
    "scale_days",
    "send_span",
    "settle_span",
    "spread_span",
    "start_stays",
    "until",
]

_AT = types.CPointer(types.float64)
_WHOLE = types.CPointer(types.int64)
_I = types.int64
_F = types.float64
_DAYS = range(SPAN)
FOUR = 4
"""Chances of days are gone through four at a time; behind those of a distribution lie noughts up to a multiple of it."""


def each_row(builder, address, step, offset):
    """Chunks of a row on every day of a span, as read."""
    return [chunk_of(builder, address, _of_day(builder, d, step, offset)) for d in _DAYS]


def _of_day(builder, d, step, offset):
    """Offset of a chunk on the d-th day."""
    return builder.add(builder.mul(step, whole_constant(d)), offset)


def _slot(builder, day, i, mask, width, offset):
    """Offset of a chunk in a ring on the i-th day."""
    now = builder.and_(builder.add(day, whole_constant(i)), mask)
    return builder.add(builder.mul(now, width), offset)


def _spread_at(builder, address, i):
    """A number eight times."""
    return chunk_spread(builder, builder.load(builder.gep(address, [i])))


def until(builder, days):
    """For every day, whether it is one of the span: eight answers side by side."""
    row = ir.VectorType(ir.IntType(64), CHUNK)
    none = ir.Constant(row, ir.Undefined)
    spread = builder.insert_element(none, days, ir.Constant(ir.IntType(32), 0))
    zeros = ir.Constant(ir.VectorType(ir.IntType(32), CHUNK), [0] * CHUNK)
    bound = builder.shuffle_vector(spread, none, zeros)
    return [builder.icmp_signed("<", ir.Constant(row, [d] * CHUNK), bound) for d in _DAYS]


def _noughts():
    return ir.Constant(ir.VectorType(ir.DoubleType(), CHUNK), [0.0] * CHUNK)


def _kept(builder, values):
    """Rows that a loop carries along in registers."""
    out = [cgutils.alloca_once_value(builder, _noughts()) for _ in values]
    for one, value in zip(out, values, strict=True):
        builder.store(value, one)
    return out


def _total(builder, rows):
    """Sum of eight rows, two by two."""
    while len(rows) > 1:
        rows = [add_chunks(builder, a, b) for a, b in zip(rows[::2], rows[1::2], strict=True)]
    return rows[0]


def _convolved(builder, x, width, mask, day, p, fours, offset):
    """``sum of p[k] x[day + d - k]`` for every day of a span: every row is read once for the days it adds to."""
    sums = _kept(builder, [_noughts() for _ in _DAYS])
    with repeated(builder, fours) as loop:
        first = builder.mul(loop.index, whole_constant(FOUR))
        chance = [_spread_at(builder, p, builder.add(first, whole_constant(i))) for i in range(FOUR)]
        begun = builder.sub(day, first)
        new = [builder.load(s) for s in sums]
        for r in range(1 - FOUR, SPAN):
            row = chunk_of(builder, x, _slot(builder, begun, r, mask, width, offset))
            for i in range(FOUR):
                if 0 <= r + i < SPAN:
                    new[r + i] = add_chunks(builder, new[r + i], times_chunks(builder, chance[i], row))
        for s, value in zip(sums, new, strict=True):
            builder.store(value, s)
    return [builder.load(s) for s in sums]


@intrinsic
def arrive_span(
    _, here, change, step, flow, z, keep_z, ring, width, mask, begun, day, counts, p, fours, alive, chunks
):
    """Those who come over an edge on each day, and the change of those on their way.

    ``z = sum of p[k] ring[begun - k]``, ``here += alive z``, ``change += ring[day] - z``, and ``alive z`` of all days of the
    span into the flow; `z` itself is written where `keep_z` is not 0.
    """

    def codegen(context, builder, signature, arguments):
        (
            here,
            change,
            step,
            flow,
            z,
            keep_z,
            ring,
            width,
            mask,
            begun,
            day,
            counts,
            p,
            fours,
            alive,
            chunks,
        ) = arguments
        share = chunk_spread(builder, alive)
        asked = builder.icmp_signed("!=", keep_z, whole_constant(0))

        def body(offset):
            came = _convolved(builder, ring, width, mask, begun, p, fours, offset)
            with builder.if_then(asked):
                for d in _DAYS:
                    put_chunk(builder, z, _of_day(builder, d, step, offset), came[d])
            counted = []
            for d in _DAYS:
                at = _of_day(builder, d, step, offset)
                some = times_chunks(builder, share, came[d])
                put_chunk(builder, here, at, add_chunks(builder, chunk_of(builder, here, at), some))
                new = chunk_of(builder, ring, _slot(builder, day, d, mask, width, offset))
                more = builder.fsub(new, came[d], flags=("contract", "nsz"))
                put_chunk(builder, change, at, add_chunks(builder, chunk_of(builder, change, at), more))
                counted.append(times_chunks(builder, _spread_at(builder, counts, whole_constant(d)), some))
            put_chunk(
                builder,
                flow,
                offset,
                add_chunks(builder, chunk_of(builder, flow, offset), _total(builder, counted)),
            )

        each_chunk(builder, chunks, body)
        return context.get_dummy_value()

    return types.void(_AT, _AT, _I, _AT, _AT, _I, _AT, _I, _I, _I, _I, _AT, _AT, _I, _F, _I), codegen


@intrinsic
def start_stays(_, a, width, mask, day, here, step, chunks):
    """Those who begin a stay on each day join the ring of days: ``a[day] = here``."""

    def codegen(context, builder, signature, arguments):
        a, width, mask, day, here, step, chunks = arguments

        def body(offset):
            for d, row in enumerate(each_row(builder, here, step, offset)):
                put_chunk(builder, a, _slot(builder, day, d, mask, width, offset), row)

        each_chunk(builder, chunks, body)
        return context.get_dummy_value()

    return types.void(_AT, _I, _I, _I, _AT, _I, _I), codegen


@intrinsic
def no_stays(_, a, width, mask, day, chunks):
    """Nobody begins a stay on the days of a span, as far as is known: ``a[day] = 0``."""

    def codegen(context, builder, signature, arguments):
        a, width, mask, day, chunks = arguments

        def body(offset):
            for d in _DAYS:
                put_chunk(builder, a, _slot(builder, day, d, mask, width, offset), _noughts())

        each_chunk(builder, chunks, body)
        return context.get_dummy_value()

    return types.void(_AT, _I, _I, _I, _I), codegen


@intrinsic
def count_span(_, counted, route, x, step, counts, chunks):
    """All evenings of a span into `counted`, and each into the day's chunk of `route`."""

    def codegen(context, builder, signature, arguments):
        counted, route, x, step, counts, chunks = arguments
        _add_days(builder, counted, route, counts, chunks, lambda at: each_row(builder, x, step, at))
        return context.get_dummy_value()

    return types.void(_AT, _AT, _AT, _I, _AT, _I), codegen


@intrinsic
def convolve_span(_, y, step, x, width, mask, day, p, fours, chunks):
    """``y = sum of p[k] x[day - k]`` on each day."""

    def codegen(context, builder, signature, arguments):
        y, step, x, width, mask, day, p, fours, chunks = arguments

        def body(offset):
            for d, row in enumerate(_convolved(builder, x, width, mask, day, p, fours, offset)):
                put_chunk(builder, y, _of_day(builder, d, step, offset), row)

        each_chunk(builder, chunks, body)
        return context.get_dummy_value()

    return types.void(_AT, _I, _AT, _I, _I, _I, _AT, _I, _I), codegen


@intrinsic
def spread_span(_, y, step, x, width, mask, day, p, length, most, chunks):
    """The same with chances of each day: ``y = sum of p[day, k] x[day - k]``, k below `most`.

    The chances of a day are `length` numbers, of which the last seven are noughts.
    """

    def codegen(context, builder, signature, arguments):
        y, step, x, width, mask, day, p, length, most, chunks = arguments

        def body(offset):
            first = []
            rows = [chunk_of(builder, x, _slot(builder, day, r, mask, width, offset)) for r in range(1, SPAN)]
            for d in _DAYS:
                new = _noughts()
                for r in range(1, d + 1):
                    k = builder.add(builder.mul(length, whole_constant(d)), whole_constant(d - r))
                    new = add_chunks(
                        builder, new, times_chunks(builder, _spread_at(builder, p, k), rows[r - 1])
                    )
                first.append(new)
            sums = _kept(builder, first)
            with repeated(builder, most) as loop:
                row = chunk_of(
                    builder, x, _slot(builder, builder.sub(day, loop.index), 0, mask, width, offset)
                )
                for d, s in enumerate(sums):
                    k = builder.add(
                        builder.mul(length, whole_constant(d)), builder.add(loop.index, whole_constant(d))
                    )
                    more = times_chunks(builder, _spread_at(builder, p, k), row)
                    builder.store(add_chunks(builder, builder.load(s), more), s)
            for d, s in enumerate(sums):
                put_chunk(builder, y, _of_day(builder, d, step, offset), builder.load(s))

        each_chunk(builder, chunks, body)
        return context.get_dummy_value()

    return types.void(_AT, _I, _AT, _I, _I, _I, _AT, _I, _I, _I), codegen


@intrinsic
def decay_span(_, y, step, state, width, x, mask, day, days, expo, count, chunks):
    """Exponentials of a stay go on day by day: ``state = keep state + x[day]``, ``y += amount state``."""

    def codegen(context, builder, signature, arguments):
        y, step, state, width, x, mask, day, days, expo, count, chunks = arguments
        within = until(builder, days)

        def body(offset):
            begun = [chunk_of(builder, x, _slot(builder, day, d, mask, width, offset)) for d in _DAYS]
            sums = _kept(builder, each_row(builder, y, step, offset))
            with repeated(builder, count) as terms:
                at = builder.add(builder.mul(terms.index, width), offset)
                pair = builder.mul(terms.index, whole_constant(2))
                keep = _spread_at(builder, expo, pair)
                amount = _spread_at(builder, expo, builder.add(pair, whole_constant(1)))
                now = chunk_of(builder, state, at)
                for d in _DAYS:
                    next_one = add_chunks(builder, times_chunks(builder, keep, now), begun[d])
                    now = builder.select(within[d], next_one, now) if d else next_one
                    more = times_chunks(builder, amount, now)
                    builder.store(add_chunks(builder, builder.load(sums[d]), more), sums[d])
                put_chunk(builder, state, at, now)
            for d, s in enumerate(sums):
                put_chunk(builder, y, _of_day(builder, d, step, offset), builder.load(s))

        each_chunk(builder, chunks, body)
        return context.get_dummy_value()

    return types.void(_AT, _I, _AT, _I, _AT, _I, _I, _I, _AT, _I, _I), codegen


@intrinsic
def begin_decay(_, state, width, x, mask, day, days, expo, count, chunks):
    """Exponentials of a stay from those who began it on so many days up to one: ``state = sum of keep ** k x[day - k]``.

    Eight of them are gone through side by side from the oldest day on; behind the last it is once more the last.
    """

    def codegen(context, builder, signature, arguments):
        state, width, x, mask, day, days, expo, count, chunks = arguments
        one, last = whole_constant(1), builder.sub(count, whole_constant(1))
        oldest = builder.sub(day, builder.sub(days, one))
        eights = builder.ashr(builder.add(count, whole_constant(SPAN - 1)), whole_constant(3))

        def body(offset):
            with repeated(builder, eights) as group:
                first = builder.mul(group.index, whole_constant(SPAN))
                terms = [builder.add(first, whole_constant(i)) for i in range(SPAN)]
                terms = [builder.select(builder.icmp_signed("<", j, last), j, last) for j in terms]
                keep = [_spread_at(builder, expo, builder.mul(j, whole_constant(2))) for j in terms]
                sums = _kept(builder, [_noughts()] * SPAN)
                with repeated(builder, days) as loop:
                    slot = builder.and_(builder.add(oldest, loop.index), mask)
                    begun = chunk_of(builder, x, builder.add(builder.mul(slot, width), offset))
                    for k, s in zip(keep, sums, strict=True):
                        builder.store(
                            add_chunks(builder, times_chunks(builder, k, builder.load(s)), begun), s
                        )
                for j, s in zip(terms, sums, strict=True):
                    put_chunk(builder, state, builder.add(builder.mul(j, width), offset), builder.load(s))

        each_chunk(builder, chunks, body)
        return context.get_dummy_value()

    return types.void(_AT, _I, _AT, _I, _I, _I, _AT, _I, _I), codegen


@intrinsic
def scale_days(_, x, width, mask, day, p, days, chunks):
    """``x[day - k] = p[k] x[day - k]`` for so many days of a ring."""

    def codegen(context, builder, signature, arguments):
        x, width, mask, day, p, days, chunks = arguments
        with repeated(builder, days) as loop:
            slot = builder.mul(builder.and_(builder.sub(day, loop.index), mask), width)
            share = _spread_at(builder, p, loop.index)

            def body(offset):
                at = builder.add(slot, offset)
                put_chunk(builder, x, at, times_chunks(builder, share, chunk_of(builder, x, at)))

            each_chunk(builder, chunks, body)
        return context.get_dummy_value()

    return types.void(_AT, _I, _I, _I, _AT, _I, _I), codegen


@intrinsic
def send_span(_, ring, width, mask, day, rows, begin, out, step, chunks):
    """Those who set out over an edge on each day: ``ring[day] = row out``; `begin` says where the row of each day lies."""

    def codegen(context, builder, signature, arguments):
        ring, width, mask, day, rows, begin, out, step, chunks = arguments
        own = [builder.gep(rows, [builder.load(builder.gep(begin, [whole_constant(d)]))]) for d in _DAYS]

        def body(offset):
            for d, row in enumerate(each_row(builder, out, step, offset)):
                some = times_chunks(builder, chunk_of(builder, own[d], offset), row)
                put_chunk(builder, ring, _slot(builder, day, d, mask, width, offset), some)

        each_chunk(builder, chunks, body)
        return context.get_dummy_value()

    return types.void(_AT, _I, _I, _I, _AT, _WHOLE, _AT, _I, _I), codegen


@intrinsic
def die_span(_, dead, gone, z, step, chance, counts, chunks):
    """``dead += chance z`` over all days, and the same into a chunk of each day, of which each is `CHUNK` numbers."""

    def codegen(context, builder, signature, arguments):
        dead, gone, z, step, chance, counts, chunks = arguments
        share = chunk_spread(builder, chance)
        _add_days(builder, dead, gone, counts, chunks, lambda at: [
            times_chunks(builder, share, row) for row in each_row(builder, z, step, at)
        ])  # fmt: skip
        return context.get_dummy_value()

    return types.void(_AT, _AT, _AT, _I, _F, _AT, _I), codegen


@intrinsic
def end_span(_, ended, gone, here, step, home, some, counts, chunks):
    """Journeys that end on arrival, for the share `home` of each class, or for all where `some` is 0; the others stay in `here`."""

    def codegen(context, builder, signature, arguments):
        ended, gone, here, step, home, some, counts, chunks = arguments
        asked = builder.icmp_signed("!=", some, whole_constant(0))
        ones = ir.Constant(_noughts().type, [1.0] * CHUNK)
        share = cgutils.alloca_once_value(builder, ones)

        def leaving(at):
            builder.store(ones, share)
            with builder.if_then(asked):
                builder.store(chunk_of(builder, home, at), share)
            part = builder.load(share)
            rows = each_row(builder, here, step, at)
            own = [times_chunks(builder, part, row) for row in rows]
            for d in _DAYS:
                put_chunk(builder, here, _of_day(builder, d, step, at), builder.fsub(rows[d], own[d]))
            return own

        _add_days(builder, ended, gone, counts, chunks, leaving)
        return context.get_dummy_value()

    return types.void(_AT, _AT, _AT, _I, _AT, _I, _AT, _I), codegen


@contextmanager
def _by_day(builder, sums):
    """A chunk of each day that goes on in a register while chunks are gone through: gives what adds to one."""
    places = [whole_constant(d * CHUNK) for d in _DAYS]
    kept = _kept(builder, [chunk_of(builder, sums, at) for at in places])

    def add(d, more):
        builder.store(add_chunks(builder, builder.load(kept[d]), more), kept[d])

    yield add
    for at, value in zip(places, kept, strict=True):
        put_chunk(builder, sums, at, builder.load(value))


def _add_days(builder, ended, gone, counts, chunks, leaving):
    """Add persons of each day to a sum, and to the chunk of each day."""

    def body(offset):
        own = [
            times_chunks(builder, _spread_at(builder, counts, whole_constant(d)), row)
            for d, row in enumerate(leaving(offset))
        ]
        put_chunk(
            builder,
            ended,
            offset,
            add_chunks(builder, chunk_of(builder, ended, offset), _total(builder, own)),
        )
        for d in _DAYS:
            add(d, own[d])

    with _by_day(builder, gone) as add:
        each_chunk(builder, chunks, body)


def _going_on(builder, arguments, changes):
    """A stock goes on day by day by its changes, which it takes the place of, and is counted every evening of the span."""
    stock, counted, route, change, step, days, counts, chunks = arguments
    within = until(builder, days)

    def body(offset):
        now = chunk_of(builder, stock, offset)
        evenings = []
        for d, more in enumerate(changes(offset)):
            next_one = add_chunks(builder, now, more)
            now = builder.select(within[d], next_one, now) if d else next_one
            put_chunk(builder, change, _of_day(builder, d, step, offset), now)
            add(d, now)
            evenings.append(times_chunks(builder, _spread_at(builder, counts, whole_constant(d)), now))
        put_chunk(builder, stock, offset, now)
        put_chunk(
            builder,
            counted,
            offset,
            add_chunks(builder, chunk_of(builder, counted, offset), _total(builder, evenings)),
        )

    with _by_day(builder, route) as add:
        each_chunk(builder, chunks, body)


@intrinsic
def keep_span(_, stock, counted, route, change, step, days, counts, chunks):
    """``change = stock += change`` on each day; all evenings into `counted`, and into the day's chunk of `route`."""

    def codegen(context, builder, signature, arguments):
        change, step = arguments[3:5]
        _going_on(builder, arguments, lambda at: each_row(builder, change, step, at))
        return context.get_dummy_value()

    return types.void(_AT, _AT, _AT, _AT, _I, _I, _AT, _I), codegen


@intrinsic
def settle_span(_, stock, counted, route, here, out, step, days, counts, chunks):
    """``here = stock += here - out`` on each day, counted in the same way."""

    def codegen(context, builder, signature, arguments):
        stock, counted, route, here, out, step, days, counts, chunks = arguments

        def changes(at):
            rows = zip(each_row(builder, here, step, at), each_row(builder, out, step, at), strict=True)
            return [builder.fsub(come, go, flags=("contract", "nsz")) for come, go in rows]

        _going_on(builder, (stock, counted, route, here, step, days, counts, chunks), changes)
        return context.get_dummy_value()

    return types.void(_AT, _AT, _AT, _AT, _AT, _I, _I, _AT, _I), codegen
