"""Stays at places that go day by day: who leaves today of all who are at a place, whatever the length of their stay (kernels).

Before the days of a span it is worked out, segment by segment, who leaves on each of them of those who had come before; what is left for
a day is those who came since, a few rows for the whole place. Segments whose chances hang on the day, or change within the span, or
on how many are there, go by themselves (:mod:`sim.engines.kernels.expected_stays`).
"""

from __future__ import annotations

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from sim.engines.kernels import expected_layout as at
from sim.engines.kernels.expected_evening import add_ones
from sim.engines.kernels.expected_leaving import trim_span
from sim.engines.kernels.expected_rows import (
    CHUNK,
    add_chunks,
    add_rows,
    anyone,
    chunk_groups,
    chunk_of,
    clear,
    copy,
    inner,
    own,
    part_of,
    put_chunk,
    real,
    repeated,
    shift,
    times_chunks,
    whole,
    whole_constant,
)
from sim.engines.kernels.expected_span_rows import no_stays, start_stays
from sim.engines.kernels.expected_stays import (
    current,
    leave_span,
    rewrite_segment,
    stay_segment,
    stay_segment_again,
)

__all__ = ["begin_stays", "end_stays", "leave_today", "rewrite_today", "stay_today", "stay_today_again"]

TAPS, KNOWN, CAME = range(3)
"""Rows that a place keeps for the days of a span: chances by days since arrival, who leaves of those who had come before, who came."""
NEVER = -(10**6)

_AT = types.CPointer(types.float64)
_I = types.int64


@intrinsic
def leave_today(_, out, known, taps, came, step, i, chunks):
    """``out = known[i] + sum of taps[k] came[i - k]``, k from 0 to i, where the rows of a day lie `step` numbers apart."""

    def codegen(context, builder, signature, arguments):
        out, known, taps, came, step, i, chunks = arguments
        days = builder.add(i, whole_constant(1))
        today = builder.mul(i, step)

        def body(offset, side):
            places = [builder.add(offset, whole_constant(s * CHUNK)) for s in range(side)]
            sums = []
            for at_ in places:
                begun = chunk_of(builder, known, builder.add(today, at_))
                sums.append(cgutils.alloca_once_value(builder, ir.Constant(begun.type, [0.0] * CHUNK)))
                builder.store(begun, sums[-1])
            with repeated(builder, days) as loop:
                back = builder.mul(loop.index, step)
                for at_, kept in zip(places, sums, strict=True):
                    chance = chunk_of(builder, taps, builder.add(back, at_))
                    row = chunk_of(builder, came, builder.add(builder.sub(today, back), at_))
                    builder.store(
                        add_chunks(builder, builder.load(kept), times_chunks(builder, chance, row)), kept
                    )
            for at_, kept in zip(places, sums, strict=True):
                put_chunk(builder, out, at_, builder.load(kept))

        chunk_groups(builder, chunks, body)
        return context.get_dummy_value()

    return types.void(_AT, _AT, _AT, _AT, _I, _I, _I), codegen


@inner
def step_of(me):
    """Numbers from the row of a day to that of the next: a chunk more than a row, which segments may write over."""
    return (me[at.CHUNKS] + 1) * CHUNK


@inner
def held(B, me, which):
    """Some of the rows that a place keeps for the days of a span."""
    return shift(real(B, at.A_HELD), me[at.HELD] + which * at.SPAN * step_of(me))


@inner
def goes_along(regime, last):
    """Whether a segment is worked out with the others of its place in a span."""
    if regime[at.R_KIND] != at.STEADY or regime[at.R_LAST] < last:
        return False
    return regime[at.R_EXPS] == 0 or regime[at.R_FROM] >= at.SPAN


@inner
def set_taps(B, me, g, r):
    """Write the chances of the first days of a regime (-1: none) where those of a segment are."""
    if own(B, at.A_TAPS_OF)[g] == r:
        return
    own(B, at.A_TAPS_OF)[g] = r
    segment = shift(whole(B, at.A_SEGMENT), g * at.SEGMENT)
    rows, step = shift(held(B, me, TAPS), segment[at.S_LO] - me[at.LO]), step_of(me)
    regime = shift(whole(B, at.A_REGIME), max(r, 0) * at.REGIME)
    for k in range(at.SPAN):
        i = k - regime[at.R_LAG]
        chance = 0.0
        if r >= 0 and i >= 0 and i < regime[at.R_LEN]:
            chance = real(B, at.A_TAP)[regime[at.R_TAP] + i]
        for v in range(segment[at.S_COUNT]):
            rows[k * step + v] = chance


@inner
def begin_stays(B, number, day, days):
    """Work out who leaves a place on the days of a span of those who had come before."""
    me = shift(whole(B, at.A_NODE), number * at.NODE)
    step = step_of(me)
    known, alone = held(B, me, KNOWN), 0
    if own(B, at.A_TAPS_OF)[me[at.SEG_0]] == NEVER:
        clear(held(B, me, TAPS), at.SPAN * (me[at.CHUNKS] + 1))
    for g in range(me[at.SEG_0], me[at.SEG_1]):
        segment = shift(whole(B, at.A_SEGMENT), g * at.SEGMENT)
        chunks, mask, out = (
            segment[at.S_CHUNKS],
            segment[at.S_MASK],
            shift(known, segment[at.S_LO] - me[at.LO]),
        )
        r = current(B, g, day)
        regime = shift(whole(B, at.A_REGIME), r * at.REGIME)
        along = goes_along(regime, day + days - 1)
        own(B, at.A_ALONG)[g] = along
        if along:
            set_taps(B, me, g, r)
            no_stays(shift(real(B, at.A_A), segment[at.S_A]), chunks * CHUNK, mask, day, chunks)
            leave_span(B, regime, segment, out, step, day, days)
            own(B, at.A_AHEAD)[g] = NEVER  # what was known ahead is not kept up
        else:
            set_taps(B, me, g, -1)
            for i in range(at.SPAN):
                clear(shift(out, i * step), chunks)
            alone += 1
    trim_span(shift(known, me[at.COUNT]), step)
    own(B, at.A_BY_THEMSELVES)[number] = alone


@inner
def stay_today(B, number, me, here, out, part, day):
    """Those who came today begin their stay; work out who leaves. `part` is a row of scratch."""
    n, step, i = me[at.CHUNKS], step_of(me), day - B[at.N_DAY]
    came = held(B, me, CAME)
    copy(shift(came, i * step), here, n)
    leave_today(out, held(B, me, KNOWN), held(B, me, TAPS), came, step, i, n)
    if own(B, at.A_BY_THEMSELVES)[number] == 0:
        return
    staying = shift(real(B, at.A_STOCK), at.STAYING * B[at.N_ROWS] + me[at.ACC])
    for g in range(me[at.SEG_0], me[at.SEG_1]):
        if not own(B, at.A_ALONG)[g]:
            stay_segment(B, me, g, here, part, staying, day)
            add_leaving(B, me, g, out, part)


@inner
def add_leaving(B, me, g, out, part):
    """Add who leaves a segment that goes by itself to those who leave the place."""
    segment = shift(whole(B, at.A_SEGMENT), g * at.SEGMENT)
    to = segment[at.S_LO] - me[at.LO]
    add_ones(shift(out, to), shift(part, to), segment[at.S_COUNT])


@inner
def stay_today_again(B, number, me, here, out, part, day):
    """The same for those who came in a later round of today: who of them leaves at once. Returns whether anyone does."""
    n = me[at.CHUNKS]
    add_rows(shift(held(B, me, CAME), (day - B[at.N_DAY]) * step_of(me)), here, n)
    part_of(out, held(B, me, TAPS), here, n)
    if own(B, at.A_BY_THEMSELVES)[number] > 0:
        for g in range(me[at.SEG_0], me[at.SEG_1]):
            if not own(B, at.A_ALONG)[g]:
                stay_segment_again(B, me, g, here, part, day)
                add_leaving(B, me, g, out, part)
    return anyone(out, n)


@inner
def rewrite_today(B, number, me, day):
    """A regime of a segment that goes by itself may end today."""
    if own(B, at.A_BY_THEMSELVES)[number] > 0:
        for g in range(me[at.SEG_0], me[at.SEG_1]):
            if not own(B, at.A_ALONG)[g]:
                rewrite_segment(B, g, day)


@inner
def end_stays(B, number, day, days):
    """Those who came on the days of a span join those who began their stay before; a regime may end with it."""
    me = shift(whole(B, at.A_NODE), number * at.NODE)
    came, step = held(B, me, CAME), step_of(me)
    for g in range(me[at.SEG_0], me[at.SEG_1]):
        if own(B, at.A_ALONG)[g]:
            segment = shift(whole(B, at.A_SEGMENT), g * at.SEGMENT)
            chunks, to = segment[at.S_CHUNKS], segment[at.S_LO] - me[at.LO]
            a = shift(real(B, at.A_A), segment[at.S_A])
            start_stays(a, chunks * CHUNK, segment[at.S_MASK], day, shift(came, to), step, chunks)
            if me[at.SCALED]:
                rewrite_segment(B, g, day + days - 1)
