"""Many days of one node that nothing leads back to: as one day after another, but what they have in common is asked once (kernels)."""

from __future__ import annotations

from sim.engines.kernels import expected_layout as at
from sim.engines.kernels.expected_evening import (
    add_parts,
    add_turned,
    close_crowd,
    crowd_of,
    gather_crowd,
    keep_days,
    open_crowd,
    present,
    settle_days,
)
from sim.engines.kernels.expected_rows import (
    CHUNK,
    add_rows,
    add_scaled,
    clear,
    copy,
    inner,
    part_of,
    real,
    scale,
    shift,
    tight,
    total,
    whole,
)
from sim.engines.kernels.expected_span_rows import arrive_days, die_days, move_days, send_days
from sim.engines.kernels.expected_stays import stay_days

__all__ = [
    "FLOWING",
    "GONE",
    "HERE",
    "LEAVING",
    "PART",
    "ROUTE",
    "begin_departures",
    "count_out",
    "depart",
    "note_change",
    "scratch",
    "solve_days",
    "turn_back",
    "way_then",
    "who_left",
]

HERE, FLOWING, LEAVING, PART, CHANGE, GONE, ROUTE = range(7)
"""Rows of the scratch buffer (each begins with a chunk of noughts): days of those who came, of an edge, of those who leave, a part of
them, of the change of those on their way; chunks of those whose journey ended and of all on the route, by day of the span."""


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
        whole(B, at.A_SINCE)[e] = day


@inner
def begin_departures(B, first):
    """Find the first entry of the departures of each node of a stage on a day or after it."""
    start, entry, block = whole(B, at.A_DEP_START), whole(B, at.A_ENTRY), whole(B, at.A_BLOCK)
    one = block[whole(B, at.A_PART)[B[at.N_BEGIN] * at.PART + at.BLOCK_0]]
    for number in range(one, block[whole(B, at.A_PART)[(B[at.N_END] - 1) * at.PART + at.BLOCK_1]]):
        i = max(entry[number], start[number])
        while i < start[number + 1] and whole(B, at.A_DEP_DAY)[i] < first:
            i += 1
        entry[number] = i


@inner
def depart(B, number, me, here, step, day, days):
    """Those who depart at a node on some days."""
    i, end = whole(B, at.A_ENTRY)[number], whole(B, at.A_DEP_START)[number + 1]
    while i < end and whole(B, at.A_DEP_DAY)[i] < day + days:
        d, x = whole(B, at.A_DEP_DAY)[i], real(B, at.A_DEP_PERSONS)[i]
        here[(d - day) * step + whole(B, at.A_DEP_LANE)[i] - me[at.LO]] += x
        real(B, at.A_BALANCE)[d * 3] += x
        i += 1
    whole(B, at.A_ENTRY)[number] = i


@inner
def who_left(B, me, day):
    """Row of those who left a node on one of the last days."""
    return shift(real(B, at.A_TURNED), me[at.LEFT] + (day & me[at.LEFT_MASK]) * me[at.CHUNKS] * CHUNK)


@inner
def turn_back(B, me, block, day, out):
    """Those who turn back at the same place today choose at once among the ways south."""
    north = shift(whole(B, at.A_NODE), me[at.TURN] * at.NODE)
    per = B[at.N_MERGE]
    skip = me[at.LO] - north[at.LO] // per  # classes heading south before the first that can be here
    one, end = max(-skip, 0), min(north[at.COUNT] // per - skip, me[at.COUNT])
    begin = (one + skip) * per
    back = shift(real(B, at.A_ROW), block + north[at.R_TURN] + begin)
    left = shift(who_left(B, north, day), begin)
    to = shift(out, one)
    if per == 1:
        add_parts(to, back, left, end - one)
    elif per == 3:
        add_turned(to, back, left, end - one)
    else:
        for i in range((end - one) * per):
            to[i // per] += back[i] * left[i]


@inner
def block_on(B, number, which, day):
    """Offset of a node's shares on a day."""
    return whole(B, at.A_BLOCK_OF)[
        (whole(B, at.A_DAY)[day * at.DAY + at.EPOCH] * B[at.N_NODES] + number) * 2 + which
    ]


@inner
def same_block(B, number, which, day, most):
    """Days from a day on with the same shares."""
    n = 1
    while n < most and block_on(B, number, which, day + n) == block_on(B, number, which, day):
        n += 1
    return n


@inner
def same_way(B, edge, e, day, most):
    """Days from a day on with the same travel time."""
    if edge[at.SAME]:
        return most
    n = 1
    while n < most and way_then(B, day + n, e) == way_then(B, day, e):
        n += 1
    return n


@inner
def die_on(B, o, z, step, chance, n, day, days, i, moments):
    """Count those who died or went missing on an edge, on the days on which they would have arrived."""
    sums = shift(real(B, at.A_DONE), at.DIED * 3 * B[at.N_ROWS] + o)
    die_days(sums, shift(scratch(B, GONE), i * CHUNK), z, step, chance, days, n)
    if moments:
        for j in range(days):
            d = (day + j) * 1.0
            add_scaled(shift(sums, B[at.N_ROWS]), d * chance, shift(z, j * step), n)
            add_scaled(shift(sums, 2 * B[at.N_ROWS]), d * d * chance, shift(z, j * step), n)


@inner
def come_days(B, me, edge, way, day, days, i, begun, p, count, flow, step, moments):
    """Those who come over an edge with one travel time, on some days from the i-th of the span on."""
    wide, chance = edge[at.WIDE], real(B, at.A_DEATH)[way]
    z = scratch(B, FLOWING)
    v = shift(whole(B, at.A_WAY), way * at.WAY)
    arrive_days(shift(scratch(B, HERE), i * step + edge[at.INTO]), step, shift(flow, edge[at.FLOW]), z, shift(real(B, at.A_RING), edge[at.RING]),
                wide * CHUNK, edge[at.MASK], begun, days, shift(real(B, at.A_TAP), v[at.TAP] + p), count, 1.0 - chance, wide)  # fmt: skip
    if chance > 0.0:
        die_on(B, me[at.ACC] + edge[at.INTO], z, step, chance, wide, day, days, i, moments)


@inner
def come_evenly_days(B, me, edge, way, day, days, flow, step, moments):
    """Those who come over an edge on which the same share of those on their way arrives every day."""
    wide, chance = edge[at.WIDE], real(B, at.A_DEATH)[way]
    ring = shift(real(B, at.A_RING), edge[at.RING])
    on_way = shift(ring, (edge[at.MASK] + 1) * wide * CHUNK)
    share = real(B, at.A_TAP)[whole(B, at.A_WAY)[way * at.WAY + at.TAP]]
    for i in range(days):
        z = shift(scratch(B, FLOWING), i * step)
        add_rows(on_way, shift(ring, ((day + i - 1) & edge[at.MASK]) * wide * CHUNK), wide)
        scale(z, share, on_way, wide)
        add_scaled(on_way, -1.0, z, wide)
        add_scaled(shift(scratch(B, HERE), i * step + edge[at.INTO]), 1.0 - chance, z, wide)
        add_scaled(shift(flow, edge[at.FLOW]), 1.0 - chance, z, wide)
    if chance > 0.0:
        z = scratch(B, FLOWING)
        die_on(B, me[at.ACC] + edge[at.INTO], z, step, chance, wide, day, days, 0, moments)


@inner
def come_unsteadily(B, me, edge, e, day, i, origin, flow, step, moments):
    """Those who come over an edge on a day on which some set out under another travel time."""
    wide = edge[at.WIDE]
    change = shift(scratch(B, CHANGE), i * step + edge[at.INTO])
    for k in range(min(edge[at.REACH], day - origin + 1)):
        way = way_then(B, day - k, e)
        v = shift(whole(B, at.A_WAY), way * at.WAY)
        p = k - v[at.LAG]
        if p >= 0 and p < v[at.LEN]:
            come_days(B, me, edge, way, day, 1, i, day - k, p, 1, flow, step, moments)
            add_scaled(change, -1.0, scratch(B, FLOWING), wide)
    add_rows(change, shift(real(B, at.A_RING), edge[at.RING] + (day & edge[at.MASK]) * wide * CHUNK), wide)


@inner
def gather_days(B, me, day, days, origin, flow, step, moments):
    """Add up who arrives at a node over all its edges, and the change of those on their way."""
    clear(scratch(B, HERE), days * (me[at.CHUNKS] + 1))
    clear(scratch(B, CHANGE), days * (me[at.CHUNKS] + 1))
    for e in range(me[at.EDGE_0], me[at.EDGE_1]):
        edge = shift(whole(B, at.A_EDGE), e * at.EDGE)
        ring, wide = shift(real(B, at.A_RING), edge[at.RING]), edge[at.WIDE]
        i = 0
        while i < days:
            d = day + i
            note_change(B, edge, e, d, origin)
            way, n, steady = way_then(B, d, e), 1, True
            if edge[at.EVEN]:
                n = days
                come_evenly_days(B, me, edge, way, day, days, flow, step, moments)
            elif whole(B, at.A_SINCE)[e] <= d - edge[at.REACH] + 1:
                n = same_way(B, edge, e, d, days - i)
                v = shift(whole(B, at.A_WAY), way * at.WAY)
                come_days(B, me, edge, way, d, n, i, d - v[at.LAG], 0, v[at.LEN], flow, step, moments)
            else:
                steady = False
                come_unsteadily(B, me, edge, e, d, i, origin, flow, step, moments)
            if steady:
                change = shift(scratch(B, CHANGE), i * step + edge[at.INTO])
                move_days(change, scratch(B, FLOWING), step, ring, wide * CHUNK, edge[at.MASK], d, n, wide)
            i += n


@inner
def set_out_days(B, e, out, step, block, day, days):
    """Part of those who leave set out over an edge, on some days with the same shares."""
    edge = shift(whole(B, at.A_EDGE), e * at.EDGE)
    ring, row = shift(real(B, at.A_RING), edge[at.RING]), shift(real(B, at.A_ROW), block + edge[at.ROW])
    wide = edge[at.WIDE]
    send_days(ring, wide * CHUNK, edge[at.MASK], day, days, row, shift(out, edge[at.FROM]), step, wide)


@inner
def enter_days(B, number, me, day, days, step, moments):
    """Outcomes on arrival, then those sent away; who is left begins a stay."""
    n = me[at.CHUNKS]
    part = scratch(B, PART)
    if me[at.END] > 0:
        for i in range(days):
            here = shift(scratch(B, HERE), i * step)
            if me[at.HOME] < 0:
                copy(part, here, n)
                clear(here, n)
            else:
                part_of(part, shift(real(B, at.A_HOME), me[at.HOME]), here, n)
                add_scaled(here, -1.0, part, n)
            gone = count_out(B, at.ENDED, me[at.ACC], part, n, day + i, moments)
            real(B, at.A_BALANCE)[(day + i) * 3 + 2] += gone
    i = 0
    while me[at.SENT] and i < days:
        length = same_block(B, number, at.AWAY, day + i, days - i)
        block = block_on(B, number, at.AWAY, day + i)
        for o in range(me[at.SENT_0], me[at.SENT_1]):
            here = shift(scratch(B, HERE), i * step)
            set_out_days(B, whole(B, at.A_OUT)[o], here, step, block, day + i, length)
        for j in range(i, i + length):
            here = shift(scratch(B, HERE), j * step)
            part_of(here, shift(real(B, at.A_ROW), block), here, n)
        i += length


@inner
def leave_on(B, number, me, block, day, i, tally, step, moments):
    """Closed ways and settling of a day, and who is kept for those who turn back."""
    n, acc = me[at.CHUNKS], me[at.ACC]
    out, part = shift(scratch(B, LEAVING), i * step), scratch(B, PART)
    if me[at.CLOSES]:
        closed = shift(real(B, at.A_STOCK), at.CLOSED * B[at.N_ROWS] + acc)
        add_rows(closed, out, n)
        part_of(out, shift(real(B, at.A_ROW), block + me[at.R_OPEN]), closed, n)
        add_scaled(closed, -1.0, out, n)
        if B[at.N_TABLES]:
            present(B, number, me, i, tally, 1, closed, shift(scratch(B, ROUTE), i * CHUNK), True, True)
    if me[at.R_TURN] >= 0:
        copy(who_left(B, me, day), out, n)
    if me[at.SETTLES]:
        part_of(part, shift(real(B, at.A_ROW), block + me[at.R_SETTLE]), out, n)
        gone = count_out(B, at.SETTLED, acc, part, n, day, moments)
        real(B, at.A_BALANCE)[day * 3 + 2] += gone
        if B[at.N_TABLES]:
            settled = shift(real(B, at.A_DONE), at.SETTLED * 3 * B[at.N_ROWS] + acc)
            present(B, number, me, i, tally, 3, settled, part, True, True)


@inner
def leave_days(B, number, me, day, days, tally, step, moments):
    """Turning back, closed ways and settling; the rest leaves over the node's edges."""
    i = 0
    while i < days:
        n = same_block(B, number, at.CHOICE, day + i, days - i)
        block = block_on(B, number, at.CHOICE, day + i)
        out = shift(scratch(B, LEAVING), i * step)
        for j in range(n):
            if me[at.TURN] >= 0:
                back = block_on(B, me[at.TURN], at.CHOICE, day + i + j)
                turn_back(B, me, back, day + i + j, shift(out, j * step))
            if me[at.CLOSES] or me[at.R_TURN] >= 0 or me[at.SETTLES]:
                leave_on(B, number, me, block, day + i + j, i + j, tally, step, moments)
        for o in range(me[at.OUT_0], me[at.OUT_1]):
            set_out_days(B, whole(B, at.A_OUT)[o], out, step, block, day + i, n)
        i += n


@inner
def evenings(B, number, me, tally, stock, status, days, step, come, gone):
    """Those who stay at a node, or are on their way to it, go on by those who come and go (or by a change), and are counted."""
    n, own = me[at.CHUNKS], shift(real(B, at.A_STOCK), stock * B[at.N_ROWS] + me[at.ACC])
    counted = scratch(B, PART)
    if B[at.N_TABLES]:
        counted = shift(tally, status * B[at.N_ROWS] + me[at.ACC])
    if status == 0:
        settle_days(own, counted, scratch(B, ROUTE), come, gone, step, days, n)
    else:
        keep_days(own, counted, scratch(B, ROUTE), come, step, days, n)
    for i in range(days if B[at.N_PEAKS] else 0):
        to, day = crowd_of(B, number, status), B[at.N_DAY] + i
        open_crowd(B, to, day)
        gather_crowd(B, me, to, day, shift(come, i * step))
        close_crowd(B, to, day)


@inner
def solve_days(B, number, day, days, origin, moments):
    """Solve one node for some days of one period of the tables."""
    me = shift(whole(B, at.A_NODE), number * at.NODE)
    step = (me[at.CHUNKS] + 1) * CHUNK
    month = whole(B, at.A_DAY)[day * at.DAY + at.MONTH]
    tally = shift(real(B, at.A_DAYS), month * 4 * B[at.N_ROWS])
    gather_days(B, me, day, days, origin, shift(real(B, at.A_FLOW), month * B[at.N_FLOWS]), step, moments)
    if me[at.END] > 0 or me[at.SENT]:
        enter_days(B, number, me, day, days, step, moments)
    depart(B, number, me, scratch(B, HERE), step, day, days)
    if me[at.SEG_0] < me[at.SEG_1]:
        here, out = scratch(B, HERE), scratch(B, LEAVING)
        stay_days(B, me, here, out, scratch(B, PART), step, day, days)
        for i in range(days):
            clear(shift(out, i * step + me[at.COUNT]), 1)
        evenings(B, number, me, tally, at.STAYING, 0, days, step, here, out)
        leave_days(B, number, me, day, days, tally, step, moments)
    evenings(B, number, me, tally, at.TRAVELLING, 2, days, step, scratch(B, CHANGE), scratch(B, CHANGE))
