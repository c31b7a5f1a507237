"""Stays of the expected engine: who begins a stay, and who leaves today (kernels)."""

from __future__ import annotations

from sim.engines.kernels import expected_layout as at
from sim.engines.kernels.expected_rows import (
    CHUNK,
    add_rows,
    clear,
    convolve,
    convolve_on,
    copy,
    decay,
    inner,
    own,
    real,
    scale,
    settle_down,
    shift,
    tight,
    whole,
)
from sim.engines.kernels.expected_span_rows import (
    FOUR,
    begin_decay,
    convolve_span,
    decay_span,
    no_stays,
    scale_days,
    spread_span,
    start_stays,
)

__all__ = [
    "current",
    "leave_span",
    "rewrite",
    "rewrite_segment",
    "stay",
    "stay_again",
    "stay_days",
    "stay_segment",
    "stay_segment_again",
]

DEEP = 16
"""Days since arrival beyond which chances are worked out for several days at once."""
NONE = 1e-16
"""Share still there below which arrivals do not enter the exponentials."""


@tight
def current(B, g, day):
    """Regime of a segment on a day."""
    r = own(B, at.A_NOW)[g]
    while whole(B, at.A_REGIME)[r * at.REGIME + at.R_LAST] < day:
        r += 1
    own(B, at.A_NOW)[g] = r
    return r


@tight
def deep(B, regime):
    """Whether those who came before a span are better worked out for several days at once: chances hang on many days since arrival."""
    if regime[at.R_KIND] != at.STEADY:
        return regime[at.R_KIND] == at.VARYING
    if regime[at.R_EXPS] == 0:
        return regime[at.R_LEN] > DEEP
    return regime[at.R_FROM] >= at.SPAN and B[at.N_DAYS] > at.FEW


@inner
def look_ahead(B, g, segment, regime, day):
    """Day from which on it is known, for up to `SPAN` days, who leaves of those who had come before it.

    Exponentials go on as far as is looked ahead, and so only to the end of the span, where a run may be left and taken up.
    """
    ahead = own(B, at.A_AHEAD)
    days = min(at.SPAN, regime[at.R_LAST] - day + 1)
    since = regime[at.R_FIRST]
    if regime[at.R_EXPS] > 0:
        days = min(days, B[at.N_DAY] + B[at.N_DAYS] - day)
        since = max(since, B[at.N_DAY])
    if day - ahead[g] < at.SPAN and ahead[g] >= since:
        return ahead[g]
    chunks, mask = segment[at.S_CHUNKS], segment[at.S_MASK]
    no_stays(shift(real(B, at.A_A), segment[at.S_A]), chunks * CHUNK, mask, day, chunks)
    known = shift(real(B, at.A_EXPS), segment[at.S_KNOWN])
    leave_span(B, regime, segment, known, chunks * CHUNK, day, days)
    ahead[g] = day
    return day


@inner
def leave_deep(B, g, segment, regime, here, leaving, day):
    """Those who begin a stay join the history of a segment with chances of many days; work out who of it leaves today."""
    chunks, mask = segment[at.S_CHUNKS], segment[at.S_MASK]
    width = chunks * CHUNK
    a = shift(real(B, at.A_A), segment[at.S_A])
    since = day - look_ahead(B, g, segment, regime, day)
    known = shift(real(B, at.A_EXPS), segment[at.S_KNOWN] + since * width)
    copy(shift(a, (day & mask) * width), here, chunks)
    lag, taps, most = regime[at.R_LAG], regime[at.R_TAP], regime[at.R_LEN]
    if regime[at.R_KIND] == at.VARYING:
        i = day - regime[at.R_FIRST]
        lag, taps, most = 0, taps + i * most, whole(B, at.A_LENGTH)[regime[at.R_EXP] + i]
    count = max(min(most, since + 1 - lag), 0)
    convolve_on(leaving, known, a, width, mask, day - lag, shift(real(B, at.A_TAP), taps), count, chunks)


@inner
def stay_segment(B, me, g, here, out, staying, day):
    """Those who begin a stay join the history of a segment; work out who of it leaves today."""
    segment = shift(whole(B, at.A_SEGMENT), g * at.SEGMENT)
    to, chunks, mask = segment[at.S_LO] - me[at.LO], segment[at.S_CHUNKS], segment[at.S_MASK]
    width = chunks * CHUNK
    a, leaving = shift(real(B, at.A_A), segment[at.S_A]), shift(out, to)
    regime = shift(whole(B, at.A_REGIME), current(B, g, day) * at.REGIME)
    if deep(B, regime):
        leave_deep(B, g, segment, regime, shift(here, to), leaving, day)
        return
    copy(shift(a, (day & mask) * width), shift(here, to), chunks)
    if regime[at.R_KIND] == at.GEOMETRIC:
        chance = real(B, at.A_TAP)[regime[at.R_TAP] + regime[at.R_LEN] * day]
        scale(leaving, chance, shift(staying, to), chunks)
    else:
        taps = shift(real(B, at.A_TAP), regime[at.R_TAP])
        convolve(leaving, a, width, mask, day - regime[at.R_LAG], taps, regime[at.R_LEN], chunks)
        if regime[at.R_EXPS] > 0:
            old = shift(a, ((day - regime[at.R_FROM]) & mask) * width)
            expo = shift(real(B, at.A_EXPO), regime[at.R_EXP] * 2)
            state = shift(real(B, at.A_EXPS), segment[at.S_STATE])
            decay(leaving, state, width, old, expo, regime[at.R_EXPS], chunks)


@tight
def stay(B, me, here, out, day):
    """The same for all of a node.

    Segments come in the order of their classes, so that what one writes beyond its own last class the next writes over.
    """
    staying = shift(real(B, at.A_STOCK), at.STAYING * B[at.N_ROWS] + me[at.ACC])
    for g in range(me[at.SEG_0], me[at.SEG_1]):
        stay_segment(B, me, g, here, out, staying, day)


@inner
def leave_span(B, regime, segment, out, step, day, days):
    """Who leaves a segment in a span of one regime, where chances hang on the day of arrival (`out` begins with its first class)."""
    chunks, mask = segment[at.S_CHUNKS], segment[at.S_MASK]
    width = chunks * CHUNK
    a = shift(real(B, at.A_A), segment[at.S_A])
    if regime[at.R_KIND] == at.VARYING:
        j, length = day - regime[at.R_FIRST], regime[at.R_LEN]
        most = 0
        for i in range(days):
            most = max(most, whole(B, at.A_LENGTH)[regime[at.R_EXP] + j + i])
        taps = shift(real(B, at.A_TAP), regime[at.R_TAP] + j * length)
        spread_span(out, step, a, width, mask, day, taps, length, most, chunks)
        return
    taps = shift(real(B, at.A_TAP), regime[at.R_TAP])
    fours = (regime[at.R_LEN] + FOUR - 1) // FOUR
    convolve_span(out, step, a, width, mask, day - regime[at.R_LAG], taps, fours, chunks)
    if regime[at.R_EXPS] > 0:
        state = shift(real(B, at.A_EXPS), segment[at.S_STATE])
        expo = shift(real(B, at.A_EXPO), regime[at.R_EXP] * 2)
        first = day - regime[at.R_FROM]
        decay_span(out, step, state, width, a, mask, first, days, expo, regime[at.R_EXPS], chunks)


@inner
def stay_span(B, regime, segment, here, out, staying, step, day, days):
    """Who leaves a segment in a span of one regime (`here`, `out` and `staying` begin with the segment's first class)."""
    chunks, mask = segment[at.S_CHUNKS], segment[at.S_MASK]
    width = chunks * CHUNK
    a = shift(real(B, at.A_A), segment[at.S_A])
    start_stays(a, width, mask, day, here, step, chunks)
    if regime[at.R_KIND] == at.GEOMETRIC:
        for i in range(days):
            chance = real(B, at.A_TAP)[regime[at.R_TAP] + regime[at.R_LEN] * (day + i)]
            scale(shift(out, i * step), chance, staying, chunks)
            settle_down(staying, shift(here, i * step), shift(out, i * step), chunks)
    else:
        leave_span(B, regime, segment, out, step, day, days)


@inner
def stay_days(B, me, here, out, part, step, day, days):
    """The same as `stay` for a span of days: rows of `here` and `out` lie `step` numbers apart, `part` is scratch."""
    staying = shift(real(B, at.A_STOCK), at.STAYING * B[at.N_ROWS] + me[at.ACC])
    for g in range(me[at.SEG_0], me[at.SEG_1]):
        segment = shift(whole(B, at.A_SEGMENT), g * at.SEGMENT)
        to = segment[at.S_LO] - me[at.LO]
        regime = shift(whole(B, at.A_REGIME), current(B, g, day) * at.REGIME)
        if regime[at.R_LAST] >= day + days - 1:
            copy(part, shift(staying, to), segment[at.S_CHUNKS])
            stay_span(B, regime, segment, shift(here, to), shift(out, to), part, step, day, days)
            if me[at.SCALED]:
                rewrite_segment(B, g, day + days - 1)
            continue
        for i in range(days):  # never where people leave at one chance: they have one regime
            stay_segment(B, me, g, shift(here, i * step), shift(out, i * step), staying, day + i)
            if me[at.SCALED]:
                rewrite_segment(B, g, day + i)


@inner
def stay_segment_again(B, me, g, here, out, day):
    """The same for those who came in a later round of today: who of a segment leaves at once. Returns whether anyone may."""
    segment = shift(whole(B, at.A_SEGMENT), g * at.SEGMENT)
    to, chunks = segment[at.S_LO] - me[at.LO], segment[at.S_CHUNKS]
    begun = shift(real(B, at.A_A), segment[at.S_A] + (day & segment[at.S_MASK]) * chunks * CHUNK)
    add_rows(begun, shift(here, to), chunks)
    regime = shift(whole(B, at.A_REGIME), current(B, g, day) * at.REGIME)
    p0 = 0.0
    if regime[at.R_KIND] == at.VARYING:
        p0 = real(B, at.A_TAP)[regime[at.R_TAP] + (day - regime[at.R_FIRST]) * regime[at.R_LEN]]
    elif regime[at.R_KIND] == at.STEADY and regime[at.R_LEN] > 0 and regime[at.R_LAG] == 0:
        p0 = real(B, at.A_TAP)[regime[at.R_TAP]]
    scale(shift(out, to), p0, shift(here, to), chunks)
    return p0 > 0.0


@inner
def stay_again(B, me, here, out, day):
    """The same for all of a node."""
    some = False
    for g in range(me[at.SEG_0], me[at.SEG_1]):
        some = stay_segment_again(B, me, g, here, out, day) or some
    return some


@inner
def rewrite_segment(B, g, day):
    """When a regime ends, those still here are written as if more, or fewer, had begun their stay under the next."""
    segment = shift(whole(B, at.A_SEGMENT), g * at.SEGMENT)
    r = current(B, g, day)
    regime = shift(whole(B, at.A_REGIME), r * at.REGIME)
    if regime[at.R_LAST] != day or r + 1 >= segment[at.S_R1]:
        return
    after = shift(whole(B, at.A_REGIME), (r + 1) * at.REGIME)
    if after[at.R_KIND] != at.STEADY:
        return
    n, mask = segment[at.S_CHUNKS], segment[at.S_MASK]
    m = n * CHUNK
    a = shift(real(B, at.A_A), segment[at.S_A])
    ratio, most = shift(real(B, at.A_RATIO), regime[at.R_RATIO]), regime[at.R_MOST]
    scale_days(a, m, mask, day, ratio, min(regime[at.R_RATIOS], most + 1), n)
    older = most + 1
    last = shift(a, ((day - most) & mask) * m)
    convolve_on(
        last, last, a, m, mask, day - older, shift(ratio, older), max(regime[at.R_RATIOS] - older, 0), n
    )
    forget(a, n, mask, day - mask, mask - most)
    if after[at.R_EXPS] > 0:
        state, expo = (
            shift(real(B, at.A_EXPS), segment[at.S_STATE]),
            shift(real(B, at.A_EXPO), after[at.R_EXP] * 2),
        )
        begin = after[at.R_FROM]
        begin_decay(state, m, a, mask, day - begin, max(older - begin, 0), expo, after[at.R_EXPS], n)


@inner
def forget(a, chunks, mask, first, days):
    """Nobody began a stay on so many days of a ring from the first on."""
    one = first & mask
    ahead = min(days, mask + 1 - one)
    clear(shift(a, one * chunks * CHUNK), ahead * chunks)
    clear(a, (days - ahead) * chunks)


@inner
def rewrite(B, me, day):
    """The same for every segment of a node."""
    for g in range(me[at.SEG_0], me[at.SEG_1]):
        rewrite_segment(B, g, day)
