"""Many days of one node that nothing leads back to: as one day after another, but what they have in common is asked once (kernels)."""

from __future__ import annotations

from sim.engines.kernels import expected_layout as at
from sim.engines.kernels.expected_evening import (
    THREE,
    TWO,
    count_crowds,
    tell_apart,
    turned_ones,
    turned_threes,
    turned_twos,
)
from sim.engines.kernels.expected_leaving import (
    join_span,
    remain_span,
    trim_span,
    turn_ones,
    turn_threes,
    turn_twos,
    wait_span,
)
from sim.engines.kernels.expected_lines import wave_through
from sim.engines.kernels.expected_rows import (
    CHUNK,
    add_rows,
    add_scaled,
    anyone,
    arrive,
    clear,
    copy,
    inner,
    own,
    part_of,
    real,
    scale,
    shift,
    tight,
    total,
    whole,
)
from sim.engines.kernels.expected_span_rows import (
    FOUR,
    arrive_span,
    count_span,
    die_span,
    end_span,
    keep_span,
    send_span,
    settle_span,
)
from sim.engines.kernels.expected_stays import stay_days

__all__ = [
    "COUNTS",
    "FLOWING",
    "GONE",
    "HERE",
    "LEAVING",
    "MIXED",
    "PART",
    "ROUTE",
    "begin_departures",
    "count_out",
    "counted_in",
    "depart",
    "note_change",
    "scratch",
    "solve_days",
    "join_those_who_turned",
    "nobody_comes",
    "send_days",
    "turn_back",
    "way_then",
]

HERE, FLOWING, LEAVING, PART, CHANGE, GONE, ROUTE, COUNTS, MIXED = range(9)
"""Rows of the scratch buffer (each begins with a chunk of noughts): days of those who came, of an edge, of those who leave, a part of
them, of the change of those on their way; chunks of those whose journey ended and of all on the route, by day of the span; one for each
day of the span, nought for those behind it; a row before its classes are told apart."""


@tight
def scratch(B, which):
    """A row of the scratch buffer."""
    return shift(real(B, at.A_BUFFER), which * B[at.N_WIDE] + CHUNK)


@inner
def count_out(B, code, o, x, n, day, moments):
    """Add persons whose journey ends today to the sums, with the day and its square where moments are asked for."""
    sums = shift(real(B, at.A_DONE), code * 3 * B[at.N_ROWS] + o)
    add_rows(sums, x, n)
    if moments:
        add_scaled(shift(sums, B[at.N_ROWS]), day * 1.0, x, n)
        add_scaled(shift(sums, 2 * B[at.N_ROWS]), day * 1.0 * day, x, n)
    return total(x, n)


@inner
def way_then(B, day, e):
    """Travel time of an edge on a day."""
    epoch = whole(B, at.A_DAY)[day * at.DAY + at.EPOCH]
    return whole(B, at.A_WAY_OF)[epoch * B[at.N_EDGES] + e]


@inner
def note_change(B, edge, e, day, origin):
    """Note the day from which the travel time of an edge holds."""
    if not edge[at.SAME] and day > origin and way_then(B, day, e) != way_then(B, day - 1, e):
        own(B, at.A_SINCE)[e] = day


@inner
def begin_departures(B, first):
    """Find the first entry of the departures of each node of a stage on a day or after it."""
    start, entry, block = whole(B, at.A_DEP_START), own(B, at.A_ENTRY), whole(B, at.A_BLOCK)
    one = block[whole(B, at.A_PART)[B[at.N_BEGIN] * at.PART + at.BLOCK_0]]
    for number in range(one, block[whole(B, at.A_PART)[(B[at.N_END] - 1) * at.PART + at.BLOCK_1]]):
        i = max(entry[number], start[number])
        while i < start[number + 1] and whole(B, at.A_DEP_DAY)[i] < first:
            i += 1
        entry[number] = i


@inner
def depart(B, number, me, here, step, day, days):
    """Those who depart at a node on some days."""
    i, end = own(B, at.A_ENTRY)[number], whole(B, at.A_DEP_START)[number + 1]
    while i < end and whole(B, at.A_DEP_DAY)[i] < day + days:
        d, x = whole(B, at.A_DEP_DAY)[i], real(B, at.A_DEP_PERSONS)[i]
        here[(d - day) * step + whole(B, at.A_DEP_LANE)[i] - me[at.LO]] += x
        real(B, at.A_BALANCE)[d * 3] += x
        i += 1
    own(B, at.A_ENTRY)[number] = i


@inner
def turned_on(B, north, day):
    """Row of those who turned back at a node on one of the last days, by group."""
    width = north[at.BACK_CHUNKS] * CHUNK
    return shift(real(B, at.A_TURNED), north[at.LEFT] + (day & north[at.LEFT_MASK]) * width)


@inner
def turn_back(B, me, block, out, day, again):
    """Part of those who leave a node turn back."""
    first, groups, per = me[at.BACK_FIRST], me[at.BACK_GROUPS], me[at.BACK_PER]
    back, leaving = shift(real(B, at.A_ROW), block + me[at.R_TURN] + first), shift(out, first)
    row = turned_on(B, me, day)
    if not again:
        clear(row, me[at.BACK_CHUNKS])
    if per == 1:
        turned_ones(row, back, leaving, groups)
    elif per == THREE:
        turned_threes(row, back, leaving, groups)
    elif per == TWO:
        turned_twos(row, back, leaving, groups)
    else:
        for i in range(groups * per):
            row[i // per] += back[i] * leaving[i]


@inner
def turn_days(B, me, begin, out, step, day, days):
    """Part of those who leave a node on the days of a span turn back."""
    first, groups, per = me[at.BACK_FIRST], me[at.BACK_GROUPS], me[at.BACK_PER]
    ring, width, mask = (
        shift(real(B, at.A_TURNED), me[at.LEFT]),
        me[at.BACK_CHUNKS] * CHUNK,
        me[at.LEFT_MASK],
    )
    back, leaving = shift(real(B, at.A_ROW), me[at.R_TURN] + first), shift(out, first)
    if per == 1:
        turn_ones(ring, width, mask, day, back, begin, leaving, step, groups)
    elif per == THREE:
        turn_threes(ring, width, mask, day, back, begin, leaving, step, groups)
    elif per == TWO:
        turn_twos(ring, width, mask, day, back, begin, leaving, step, groups)
    else:
        for i in range(days):
            turn_back(B, me, begin[i], shift(out, i * step), day + i, False)


@inner
def join_those_who_turned(B, me, out, day):
    """Those who turned back at the same place on a day choose at once among the ways south."""
    north = shift(whole(B, at.A_NODE), me[at.TURN] * at.NODE)
    add_rows(shift(out, me[at.JOIN_AT]), turned_on(B, north, day), north[at.BACK_CHUNKS])


@inner
def join_days(B, me, out, step, day):
    """The same on every day of a span."""
    north = shift(whole(B, at.A_NODE), me[at.TURN] * at.NODE)
    chunks = north[at.BACK_CHUNKS]
    ring = shift(real(B, at.A_TURNED), north[at.LEFT])
    join_span(shift(out, me[at.JOIN_AT]), step, ring, chunks * CHUNK, north[at.LEFT_MASK], day, chunks)


@inner
def block_on(B, number, which, day):
    """Offset of a node's shares on a day."""
    return whole(B, at.A_BLOCK_OF)[
        (whole(B, at.A_DAY)[day * at.DAY + at.EPOCH] * B[at.N_NODES] + number) * 2 + which
    ]


@inner
def shares_on(B, number, which, day, days):
    """Offsets of a node's shares on each day of a span, and of the last for those behind it."""
    begin = shift(B, at.N_SHARES)
    block = block_on(B, number, which, day)
    epoch, day_of = whole(B, at.A_DAY)[day * at.DAY + at.EPOCH], whole(B, at.A_DAY)
    for i in range(at.SPAN):
        if i < days and day_of[(day + i) * at.DAY + at.EPOCH] != epoch:
            epoch = day_of[(day + i) * at.DAY + at.EPOCH]
            block = block_on(B, number, which, day + i)
        begin[i] = block
    return begin


@inner
def steadily(B, edge, e, day, days):
    """Whether one travel time holds for all who come over an edge in a span."""
    if edge[at.SAME]:
        return True
    if own(B, at.A_SINCE)[e] > day - edge[at.REACH] + 1:
        return False
    way = way_then(B, day, e)
    for i in range(days):
        if way_then(B, day + i, e) != way:
            return False
    return True


@inner
def die_days(B, o, z, step, chance, n, day, days, moments):
    """Count those who died or went missing on an edge, on the days on which they would have arrived."""
    sums = shift(real(B, at.A_DONE), at.DIED * 3 * B[at.N_ROWS] + o)
    die_span(sums, scratch(B, GONE), z, step, chance, scratch(B, COUNTS), n)
    if moments:
        for j in range(days):
            d = (day + j) * 1.0
            add_scaled(shift(sums, B[at.N_ROWS]), d * chance, shift(z, j * step), n)
            add_scaled(shift(sums, 2 * B[at.N_ROWS]), d * d * chance, shift(z, j * step), n)


@inner
def come_steadily(B, me, edge, way, day, days, flow, step, moments):
    """Those who come over an edge with one travel time in a span."""
    wide, chance = edge[at.WIDE], real(B, at.A_DEATH)[way]
    z = scratch(B, FLOWING)
    v = shift(whole(B, at.A_WAY), way * at.WAY)
    arrive_span(shift(scratch(B, HERE), edge[at.INTO]), shift(scratch(B, CHANGE), edge[at.INTO]), step, shift(flow, edge[at.FLOW]),
                z, chance > 0.0, shift(real(B, at.A_RING), edge[at.RING]), wide * CHUNK, edge[at.MASK], day - v[at.LAG], day,
                scratch(B, COUNTS), shift(real(B, at.A_TAP), v[at.TAP]), (v[at.LEN] + FOUR - 1) // FOUR, 1.0 - chance, wide)  # fmt: skip
    if chance > 0.0:
        die_days(B, me[at.ACC] + edge[at.INTO], z, step, chance, wide, day, days, moments)


@inner
def come_evenly_days(B, me, edge, way, day, days, flow, step, moments):
    """Those who come over an edge on which the same share of those on their way arrives every day."""
    wide, chance = edge[at.WIDE], real(B, at.A_DEATH)[way]
    ring = shift(real(B, at.A_RING), edge[at.RING])
    on_way = shift(ring, (edge[at.MASK] + 1) * wide * CHUNK)
    share = real(B, at.A_TAP)[whole(B, at.A_WAY)[way * at.WAY + at.TAP]]
    for i in range(days):
        z, change = shift(scratch(B, FLOWING), i * step), shift(scratch(B, CHANGE), i * step + edge[at.INTO])
        add_rows(on_way, shift(ring, ((day + i - 1) & edge[at.MASK]) * wide * CHUNK), wide)
        scale(z, share, on_way, wide)
        add_scaled(on_way, -1.0, z, wide)
        add_scaled(shift(scratch(B, HERE), i * step + edge[at.INTO]), 1.0 - chance, z, wide)
        add_scaled(shift(flow, edge[at.FLOW]), 1.0 - chance, z, wide)
        add_scaled(change, -1.0, z, wide)
        add_rows(change, shift(ring, ((day + i) & edge[at.MASK]) * wide * CHUNK), wide)
    if chance > 0.0:
        die_days(B, me[at.ACC] + edge[at.INTO], scratch(B, FLOWING), step, chance, wide, day, days, moments)


@inner
def come_on(B, me, edge, way, day, i, begun, p, count, flow, step, moments):
    """Those who come over an edge on the i-th day of a span with one travel time, of so many days on which they set out."""
    wide, chance = edge[at.WIDE], real(B, at.A_DEATH)[way]
    z = scratch(B, FLOWING)
    v = shift(whole(B, at.A_WAY), way * at.WAY)
    arrive(shift(scratch(B, HERE), i * step + edge[at.INTO]), shift(flow, edge[at.FLOW]), z, shift(real(B, at.A_RING), edge[at.RING]),
           wide * CHUNK, edge[at.MASK], begun, shift(real(B, at.A_TAP), v[at.TAP] + p), count, 1.0 - chance, wide)  # fmt: skip
    add_scaled(shift(scratch(B, CHANGE), i * step + edge[at.INTO]), -1.0, z, wide)
    if chance > 0.0:
        scale(z, chance, z, wide)
        gone = count_out(B, at.DIED, me[at.ACC] + edge[at.INTO], z, wide, day, moments)
        real(B, at.A_BALANCE)[day * 3 + 2] += gone


@inner
def come_unsteadily(B, me, edge, e, day, days, origin, flow, step, moments):
    """Those who come over an edge in a span in which some set out under another travel time."""
    wide = edge[at.WIDE]
    for i in range(days):
        d = day + i
        note_change(B, edge, e, d, origin)
        now, reach = way_then(B, d, e), edge[at.REACH]
        steady = own(B, at.A_SINCE)[e] <= d - reach + 1
        for k in range(1 if steady else min(reach, d - origin + 1)):
            way = now if steady else way_then(B, d - k, e)
            v = shift(whole(B, at.A_WAY), way * at.WAY)
            p = 0 if steady else k - v[at.LAG]
            if p >= 0 and p < v[at.LEN]:
                begun = d - (v[at.LAG] if steady else k)
                come_on(B, me, edge, way, d, i, begun, p, v[at.LEN] if steady else 1, flow, step, moments)
        change = shift(scratch(B, CHANGE), i * step + edge[at.INTO])
        add_rows(change, shift(real(B, at.A_RING), edge[at.RING] + (d & edge[at.MASK]) * wide * CHUNK), wide)


@inner
def gather_days(B, me, day, days, origin, flow, step, moments):
    """Add up who arrives at a node over all its edges, and the change of those on their way."""
    clear(scratch(B, HERE), at.SPAN * (me[at.CHUNKS] + 1))
    clear(scratch(B, CHANGE), at.SPAN * (me[at.CHUNKS] + 1))
    for e in range(me[at.EDGE_0], me[at.EDGE_1]):
        edge = shift(whole(B, at.A_EDGE), e * at.EDGE)
        if nobody_comes(B, edge, e, day):
            continue
        if edge[at.EVEN]:
            come_evenly_days(B, me, edge, way_then(B, day, e), day, days, flow, step, moments)
            continue
        note_change(B, edge, e, day, origin)
        if steadily(B, edge, e, day, days):
            come_steadily(B, me, edge, way_then(B, day, e), day, days, flow, step, moments)
        else:
            come_unsteadily(B, me, edge, e, day, days, origin, flow, step, moments)


@inner
def set_out_days(B, e, out, step, begin, day):
    """Part of those who leave set out over an edge."""
    edge = shift(whole(B, at.A_EDGE), e * at.EDGE)
    ring, wide = shift(real(B, at.A_RING), edge[at.RING]), edge[at.WIDE]
    rows = shift(real(B, at.A_ROW), edge[at.ROW])
    if edge[at.PARTS] >= 0:
        for i in range(at.SPAN):
            to = shift(ring, ((day + i) & edge[at.MASK]) * wide * CHUNK)
            part_of(
                scratch(B, MIXED), shift(rows, begin[i]), shift(out, i * step + edge[at.FROM]), edge[at.ASKED]
            )
            tell_apart(B, edge, to, scratch(B, MIXED), 1.0, False)
        return
    send_span(ring, wide * CHUNK, edge[at.MASK], day, rows, begin, shift(out, edge[at.FROM]), step, wide)


@inner
def anyone_sent(B, edge, begin, days):
    """Whether anyone who comes to a node on the days of a span may be sent away over an edge."""
    rows, before = shift(real(B, at.A_ROW), edge[at.ROW]), -1
    for i in range(days):
        if begin[i] != before and anyone(shift(rows, begin[i]), edge[at.ASKED]):
            return True
        before = begin[i]
    return False


@inner
def send_days(B, e, out, step, begin, day, days):
    """Part of those who come set out over an edge for those sent away; it is left alone once nobody has for a whole ring of days."""
    edge = shift(whole(B, at.A_EDGE), e * at.EDGE)
    if edge[at.RARE]:
        last = own(B, at.A_LAST)
        if anyone_sent(B, edge, begin, days):
            last[e] = day + days - 1
        elif day > last[e] + edge[at.MASK] + 1:
            return
    set_out_days(B, e, out, step, begin, day)


@inner
def nobody_comes(B, edge, e, day):
    """Whether nobody can come over an edge on a day, because nobody set out for as long as a journey takes."""
    return own(B, at.A_LAST)[e] + edge[at.REACH] < day


@inner
def end_days(B, me, here, step, day, days, moments):
    """Journeys that end on arrival."""
    n, home = me[at.CHUNKS], shift(real(B, at.A_HOME), max(me[at.HOME], 0))
    some = me[at.HOME] >= 0
    sums = shift(real(B, at.A_DONE), at.ENDED * 3 * B[at.N_ROWS] + me[at.ACC])
    for i in range(days if moments else 0):
        part, d = scratch(B, PART), (day + i) * 1.0
        copy(part, shift(here, i * step), n)
        if some:
            part_of(part, home, part, n)
        add_scaled(shift(sums, B[at.N_ROWS]), d, part, n)
        add_scaled(shift(sums, 2 * B[at.N_ROWS]), d * d, part, n)
    end_span(sums, scratch(B, GONE), here, step, home, some, scratch(B, COUNTS), n)


@inner
def enter_days(B, number, me, day, days, step, moments):
    """Outcomes on arrival, then those sent away; who is left begins a stay."""
    here = scratch(B, HERE)
    if me[at.END] > 0:
        end_days(B, me, here, step, day, days, moments)
    if me[at.SENT]:
        begin = shares_on(B, number, at.AWAY, day, days)
        for o in range(me[at.SENT_0], me[at.SENT_1]):
            send_days(B, whole(B, at.A_OUT)[o], here, step, begin, day, days)
        for i in range(days):
            part_of(
                shift(here, i * step),
                shift(real(B, at.A_ROW), begin[i]),
                shift(here, i * step),
                me[at.CHUNKS],
            )


@inner
def counted_in(B, me, status, day):
    """Where person-days of a node are added up."""
    if not B[at.N_TABLES]:
        return scratch(B, PART)
    month = whole(B, at.A_DAY)[day * at.DAY + at.MONTH]
    return shift(real(B, at.A_DAYS), (month * at.STATUSES + status) * B[at.N_ROWS] + me[at.ACC])


@inner
def count_those(B, number, me, status, rows, step, day, days):
    """Count those who are on the route at a node on the evenings of a span."""
    count_span(
        counted_in(B, me, status, day), scratch(B, ROUTE), rows, step, scratch(B, COUNTS), me[at.CHUNKS]
    )
    count_crowds(B, number, me, status, rows, step, day, days)


@inner
def count_settled(B, number, me, rows, step, day, days):
    """Count those who settled at a place by the evenings of a span: nobody leaves, so that most are there on the last."""
    counted, last = counted_in(B, me, at.HAS_SETTLED, day), days - 1
    count_span(counted, scratch(B, PART), rows, step, scratch(B, COUNTS), me[at.CHUNKS])
    count_crowds(B, number, me, at.HAS_SETTLED, shift(rows, last * step), step, day + last, 1)


@inner
def keep_staying(B, number, me, here, out, step, day, days):
    """Those who stay at a node go on by those who come and go, and are counted."""
    stock = shift(real(B, at.A_STOCK), at.STAYING * B[at.N_ROWS] + me[at.ACC])
    counted = counted_in(B, me, at.STAYS, day)
    settle_span(stock, counted, scratch(B, ROUTE), here, out, step, days, scratch(B, COUNTS), me[at.CHUNKS])
    count_crowds(B, number, me, at.STAYS, here, step, day, days)


@inner
def wait_days(B, number, me, begin, out, step, day, days):
    """Who leaves a place waits where every way is closed to them."""
    n, waiting = me[at.CHUNKS], scratch(B, FLOWING)
    closed = shift(real(B, at.A_STOCK), at.CLOSED * B[at.N_ROWS] + me[at.ACC])
    wait_span(closed, waiting, out, step, shift(real(B, at.A_ROW), me[at.R_OPEN]), begin, days, n)
    if B[at.N_TABLES]:
        count_those(B, number, me, at.WAITS, waiting, step, day, days)


@inner
def settle_days(B, number, me, begin, out, step, day, days, moments):
    """Part of those who leave a place settles there."""
    n, there = me[at.CHUNKS], scratch(B, FLOWING)
    sums = shift(real(B, at.A_DONE), at.SETTLED * 3 * B[at.N_ROWS] + me[at.ACC])
    rows = shift(real(B, at.A_ROW), me[at.R_SETTLE])
    for i in range(days if moments else 0):
        part, d = scratch(B, PART), (day + i) * 1.0
        part_of(part, shift(rows, begin[i]), shift(out, i * step), n)
        add_scaled(shift(sums, B[at.N_ROWS]), d, part, n)
        add_scaled(shift(sums, 2 * B[at.N_ROWS]), d * d, part, n)
    remain_span(sums, there, scratch(B, GONE), out, step, rows, begin, scratch(B, COUNTS), n)
    if B[at.N_TABLES]:
        count_settled(B, number, me, there, step, day, days)


@inner
def leave_days(B, number, me, day, days, step, moments):
    """Turning back, closed ways and settling; the rest leaves over the node's edges (also limited ones, if nobody waits)."""
    out = scratch(B, LEAVING)
    if me[at.TURN] >= 0:
        join_days(B, me, out, step, day)
        if me[at.HOME] >= 0:
            end_days(B, me, out, step, day, days, moments)
    begin = shares_on(B, number, at.CHOICE, day, days)
    if me[at.CLOSES]:
        wait_days(B, number, me, begin, out, step, day, days)
    elif me[at.ASK_0] < me[at.ASK_1] and B[at.N_TABLES]:
        clear(scratch(B, FLOWING), at.SPAN * (me[at.CHUNKS] + 1))
        count_crowds(B, number, me, at.WAITS, scratch(B, FLOWING), step, day, days)
    if me[at.BACK] >= 0:
        turn_days(B, me, begin, out, step, day, days)
    if me[at.SETTLES]:
        settle_days(B, number, me, begin, out, step, day, days, moments)
    for o in range(me[at.OUT_0], me[at.OUT_1]):
        set_out_days(B, whole(B, at.A_OUT)[o], out, step, begin, day)
    for q in range(me[at.ASK_0], me[at.ASK_1]):
        wave_through(B, q, day, days)
        set_out_days(B, whole(B, at.A_Q_EDGE)[q], out, step, begin, day)


@inner
def keep_travelling(B, number, me, change, step, day, days):
    """Those on their way to a node go on by their changes, and are counted."""
    stock = shift(real(B, at.A_STOCK), at.TRAVELLING * B[at.N_ROWS] + me[at.ACC])
    counted = counted_in(B, me, at.TRAVELS, day)
    keep_span(stock, counted, scratch(B, ROUTE), change, step, days, scratch(B, COUNTS), me[at.CHUNKS])
    count_crowds(B, number, me, at.TRAVELS, change, step, day, days)


@inner
def solve_days(B, number, day, days, origin, moments):
    """Solve one node that nothing leads back to, and at which nobody waits in line, for a span."""
    me = shift(whole(B, at.A_NODE), number * at.NODE)
    step = (me[at.CHUNKS] + 1) * CHUNK
    month = whole(B, at.A_DAY)[day * at.DAY + at.MONTH]
    here, out, change = scratch(B, HERE), scratch(B, LEAVING), scratch(B, CHANGE)
    gather_days(B, me, day, days, origin, shift(real(B, at.A_FLOW), month * B[at.N_FLOWS]), step, moments)
    if me[at.END] > 0 or me[at.SENT]:
        enter_days(B, number, me, day, days, step, moments)
    depart(B, number, me, here, step, day, days)
    if me[at.SEG_0] < me[at.SEG_1]:
        stay_days(B, me, here, out, scratch(B, PART), step, day, days)
        trim_span(shift(out, me[at.COUNT]), step)
        keep_staying(B, number, me, here, out, step, day, days)
        leave_days(B, number, me, day, days, step, moments)
    elif me[at.TURN] >= 0:  # nobody stays where all who turn back are at home
        clear(out, at.SPAN * (me[at.CHUNKS] + 1))
        leave_days(B, number, me, day, days, step, moments)
    keep_travelling(B, number, me, change, step, day, days)
