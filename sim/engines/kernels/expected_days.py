"""The days of the expected engine: who arrives, stays and leaves at every node, in expectation (kernels)."""

from __future__ import annotations

from sim.engines.kernels import expected_layout as at
from sim.engines.kernels.expected_lines import ask, open_lines
from sim.engines.kernels.expected_rows import (
    CHUNK,
    add_rows,
    add_scaled,
    arrive,
    clear,
    copy,
    inner,
    jit,
    part_of,
    pointer,
    real,
    scale,
    send,
    settle_down,
    shift,
    tight,
    total,
    whole,
)
from sim.engines.kernels.expected_stays import rewrite, stay, stay_again

__all__ = ["run_days"]

TINY = 1e-9
"""Persons below which going round and round within a day has come to its end (the rest stays on its way)."""
HERE, FLOWING, LEAVING, PART = 0, 1, 2, 3
"""Rows of the scratch buffer (each begins with a chunk of noughts)."""


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
def die(B, o, z, chance, n, day, moments):
    """Count those who died or went missing on an edge on the day on which they would have arrived."""
    scale(z, chance, z, n)
    add_scaled(shift(real(B, at.A_STOCK), at.TRAVELLING * B[at.N_ROWS] + o), -1.0, z, n)
    return count_out(B, at.DIED, o, z, n, day, moments)


@tight
def come(B, me, edge, way, day, begun, p, count, flow, moments):
    """Those who come over an edge with one travel time. Returns those who died."""
    v = shift(whole(B, at.A_WAY), way * at.WAY)
    z = scratch(B, FLOWING)
    arrive(shift(scratch(B, HERE), edge[at.INTO]), shift(flow, edge[at.FLOW]), z, shift(real(B, at.A_RING), edge[at.RING]), edge[at.WIDE] * CHUNK,
           edge[at.MASK], begun, shift(real(B, at.A_TAP), v[at.TAP] + p), count, 1.0 - real(B, at.A_DEATH)[way], edge[at.WIDE])  # fmt: skip
    if real(B, at.A_DEATH)[way] > 0.0:
        return die(B, me[at.ACC] + edge[at.INTO], z, real(B, at.A_DEATH)[way], edge[at.WIDE], day, moments)
    return 0.0


@inner
def come_evenly(B, me, edge, way, day, flow, moments):
    """Those who come over an edge on which the same share of those on their way arrives every day. Returns those who died."""
    wide, o = edge[at.WIDE], me[at.ACC] + edge[at.INTO]
    width = wide * CHUNK
    ring = shift(real(B, at.A_RING), edge[at.RING])
    z, on_way = scratch(B, FLOWING), shift(ring, 2 * width)
    v = shift(whole(B, at.A_WAY), way * at.WAY)
    add_rows(on_way, shift(ring, ((day - 1) & 1) * width), wide)
    scale(z, real(B, at.A_TAP)[v[at.TAP]], on_way, wide)
    add_scaled(on_way, -1.0, z, wide)
    chance = real(B, at.A_DEATH)[way]
    add_scaled(shift(scratch(B, HERE), edge[at.INTO]), 1.0 - chance, z, wide)
    add_scaled(shift(flow, edge[at.FLOW]), 1.0 - chance, z, wide)
    return die(B, o, z, chance, wide, day, moments) if chance > 0.0 else 0.0


@inner
def way_then(B, day, e):
    """Travel time of an edge on an earlier day."""
    epoch = whole(B, at.A_DAY)[day * at.DAY + at.EPOCH]
    return whole(B, at.A_WAY_OF)[epoch * B[at.N_EDGES] + e]


@tight
def gather(B, me, now, flow, day, first, moments):
    """Add up who arrives at a node today over all its edges, from those who left on earlier days (and today, upstream)."""
    n = me[at.CHUNKS]
    here = scratch(B, HERE)
    clear(here, n)
    gone = 0.0
    for e in range(me[at.EDGE_0], me[at.EDGE_1]):
        edge = shift(whole(B, at.A_EDGE), e * at.EDGE)
        if edge[at.EVEN]:
            gone += come_evenly(B, me, edge, now[e], day, flow, moments)
            continue
        reach = edge[at.REACH]
        steady = whole(B, at.A_SINCE)[e] <= day - reach + 1
        for k in range(1 if steady else min(reach, day - first + 1)):
            way = now[e] if steady else way_then(B, day - k, e)
            v = shift(whole(B, at.A_WAY), way * at.WAY)
            i = 0 if steady else k - v[at.LAG]
            if i >= 0 and i < v[at.LEN]:
                begin = v[at.LAG] if steady else k
                gone += come(B, me, edge, way, day, day - begin, i, v[at.LEN] if steady else 1, flow, moments)
    add_scaled(shift(real(B, at.A_STOCK), at.TRAVELLING * B[at.N_ROWS] + me[at.ACC]), -1.0, here, n)
    return gone


@inner
def gather_again(B, me, now, flow, day, moments):
    """Add up who arrives at a node from those of its own block who left today since it was last solved."""
    n = me[at.CHUNKS]
    here, z = scratch(B, HERE), scratch(B, FLOWING)
    clear(here, n)
    gone = 0.0
    for e in range(me[at.EDGE_0], me[at.EDGE_1]):
        edge = shift(whole(B, at.A_EDGE), e * at.EDGE)
        way = now[e]
        v = shift(whole(B, at.A_WAY), way * at.WAY)
        if edge[at.LATE] != 2 or v[at.LAG] > 0:
            continue
        wide = edge[at.WIDE]
        scale(z, real(B, at.A_TAP)[v[at.TAP]], shift(real(B, at.A_LATER), edge[at.LATER]), wide)
        add_scaled(shift(here, edge[at.INTO]), 1.0 - real(B, at.A_DEATH)[way], z, wide)
        add_scaled(shift(flow, edge[at.FLOW]), 1.0 - real(B, at.A_DEATH)[way], z, wide)
        if real(B, at.A_DEATH)[way] > 0.0:
            gone += die(B, me[at.ACC] + edge[at.INTO], z, real(B, at.A_DEATH)[way], wide, day, moments)
    add_scaled(shift(real(B, at.A_STOCK), at.TRAVELLING * B[at.N_ROWS] + me[at.ACC]), -1.0, here, n)
    return gone


@tight
def set_out(B, e, out, block, day, again):
    """Part of those who leave set out over an edge."""
    edge = shift(whole(B, at.A_EDGE), e * at.EDGE)
    target, wide = shift(whole(B, at.A_NODE), edge[at.TARGET] * at.NODE), edge[at.WIDE]
    ring = shift(real(B, at.A_RING), edge[at.RING] + (day & edge[at.MASK]) * wide * CHUNK)
    travelling = shift(real(B, at.A_STOCK), at.TRAVELLING * B[at.N_ROWS] + target[at.ACC] + edge[at.INTO])
    row, some = shift(real(B, at.A_ROW), block + edge[at.ROW]), shift(out, edge[at.FROM])
    if again or edge[at.LATER] >= 0:
        later = shift(real(B, at.A_LATER), edge[at.LATER]) if edge[at.LATER] >= 0 else scratch(B, FLOWING)
        send(later, travelling, row, some, wide)
        if again:
            add_rows(ring, later, wide)
        else:
            copy(ring, later, wide)
    else:
        send(ring, travelling, row, some, wide)


@inner
def enter(B, me, blocks, day, moments, again):
    """Outcomes on arrival, then those sent away; who is left begins a stay. Returns persons whose journey ended."""
    n = me[at.CHUNKS]
    here, part = scratch(B, HERE), scratch(B, PART)
    gone = 0.0
    if me[at.END] > 0:
        if me[at.HOME] < 0:
            copy(part, here, n)
            clear(here, n)
        else:
            part_of(part, shift(real(B, at.A_HOME), me[at.HOME]), here, n)
            add_scaled(here, -1.0, part, n)
        gone = count_out(B, at.ENDED, me[at.ACC], part, n, day, moments)
    if me[at.SENT]:
        block = blocks[at.AWAY]
        for i in range(me[at.SENT_0], me[at.SENT_1]):
            set_out(B, whole(B, at.A_OUT)[i], here, block, day, again)
        part_of(here, shift(real(B, at.A_ROW), block), here, n)
    return gone


@inner
def turn_back(B, me, blocks_now, out):
    """Those who turn back at the same place today choose at once among the ways south."""
    north = shift(whole(B, at.A_NODE), me[at.TURN] * at.NODE)
    back = shift(real(B, at.A_ROW), blocks_now[me[at.TURN] * 2 + at.CHOICE] + north[at.R_TURN])
    left = shift(real(B, at.A_STOCK), at.LEFT * B[at.N_ROWS] + north[at.ACC])
    per = B[at.N_MERGE]
    first, last = north[at.LO], north[at.LO] + north[at.COUNT]
    for v in range(me[at.COUNT]):
        for u in range(max((me[at.LO] + v) * per, first), min((me[at.LO] + v + 1) * per, last)):
            out[v] += back[u - first] * left[u - first]


@tight
def leave(B, number, me, blocks_now, day, moments, again):
    """Turning back, closed ways and settling; the rest leaves over the node's edges. Returns who settled."""
    n, acc = me[at.CHUNKS], me[at.ACC]
    block = blocks_now[number * 2 + at.CHOICE]
    out, part = scratch(B, LEAVING), scratch(B, PART)
    if not again and me[at.TURN] >= 0:
        turn_back(B, me, blocks_now, out)
    if me[at.ASK_1] > me[at.ASK_0] and not again:
        more = shift(real(B, at.A_STOCK), at.AGAIN * B[at.N_ROWS] + acc)
        add_rows(out, more, n)
        clear(more, n)
    if me[at.CLOSES]:
        opened, closed = (
            shift(real(B, at.A_ROW), block + me[at.R_OPEN]),
            shift(real(B, at.A_STOCK), at.CLOSED * B[at.N_ROWS] + acc),
        )
        add_rows(closed, out, n)
        part_of(out, opened, closed, n)
        add_scaled(closed, -1.0, out, n)
    if me[at.R_TURN] >= 0:
        left = shift(real(B, at.A_STOCK), at.LEFT * B[at.N_ROWS] + acc)
        if again:
            add_rows(left, out, n)
        else:
            copy(left, out, n)
    for i in range(me[at.OUT_0], me[at.OUT_1]):
        set_out(B, whole(B, at.A_OUT)[i], out, block, day, again)
    for q in range(me[at.ASK_0], me[at.ASK_1]):
        ask(B, q, day, out, part, again)
    if me[at.SETTLES]:
        part_of(part, shift(real(B, at.A_ROW), block + me[at.R_SETTLE]), out, n)
        return count_out(B, at.SETTLED, acc, part, n, day, moments)
    return 0.0


@inner
def by_group(x, out, lo, n, per):
    """Add the classes of each group: ``out[g] += sum of x`` (`lo` and `n` are whole groups)."""
    g = lo // per
    if per == 1:
        for v in range(n):
            out[g + v] += x[v]
    elif per == 3:
        for v in range(n // 3):
            out[g + v] += x[3 * v] + x[3 * v + 1] + x[3 * v + 2]
    else:
        for v in range(n):
            out[g + v // per] += x[v]


@inner
def largest(B, peak):
    """Largest numbers of the period by place and group."""
    staying, travelling, closed = (
        real(B, at.A_STOCK),
        shift(real(B, at.A_STOCK), at.TRAVELLING * B[at.N_ROWS]),
        shift(real(B, at.A_STOCK), at.CLOSED * B[at.N_ROWS]),
    )
    settled = shift(real(B, at.A_DONE), at.SETTLED * 3 * B[at.N_ROWS])
    groups = B[at.N_GROUPS]
    for place in range(B[at.N_PLACES]):
        for g in range(4 * groups):
            real(B, at.A_GROUP)[g] = 0.0
        queues, homes = False, False
        for i in range(whole(B, at.A_PLACE_START)[place], whole(B, at.A_PLACE_START)[place + 1]):
            me = shift(whole(B, at.A_NODE), whole(B, at.A_PLACE_NODE)[i] * at.NODE)
            lo, n, per, acc = me[at.LO], me[at.COUNT], me[at.PER], me[at.ACC]
            by_group(shift(staying, acc), real(B, at.A_GROUP), lo, n, per)
            by_group(shift(travelling, acc), shift(real(B, at.A_GROUP), 2 * groups), lo, n, per)
            if me[at.CLOSES]:
                queues = True
                by_group(shift(closed, acc), shift(real(B, at.A_GROUP), groups), lo, n, per)
            for q in range(me[at.ASK_0], me[at.ASK_1]):
                queues = True
                by_group(
                    shift(real(B, at.A_QUEUE), whole(B, at.A_Q_QUEUE)[q]),
                    shift(real(B, at.A_GROUP), groups),
                    lo,
                    n,
                    per,
                )
            if me[at.SETTLES]:
                homes = True
                by_group(shift(settled, acc), shift(real(B, at.A_GROUP), 3 * groups), lo, n, per)
        for s in range(4):
            if (s == 1 and not queues) or (s == 3 and not homes):
                continue
            top, x = (
                shift(peak, (s * B[at.N_PLACES] + place) * groups),
                shift(real(B, at.A_GROUP), s * groups),
            )
            for g in range(groups):
                top[g] = max(top[g], x[g])


@inner
def evening(B, days):
    """Person-days of the evening; returns all who are on the route."""
    n = B[at.N_ROWS] // CHUNK
    staying, travelling = real(B, at.A_STOCK), shift(real(B, at.A_STOCK), at.TRAVELLING * B[at.N_ROWS])
    closed, settled = (
        shift(real(B, at.A_STOCK), at.CLOSED * B[at.N_ROWS]),
        shift(real(B, at.A_DONE), at.SETTLED * 3 * B[at.N_ROWS]),
    )
    add_rows(days, staying, n)
    add_rows(shift(days, 2 * B[at.N_ROWS]), travelling, n)
    on_route = total(staying, n) + total(travelling, n)
    for number in range(B[at.N_NODES]):
        me = shift(whole(B, at.A_NODE), number * at.NODE)
        acc, chunks = me[at.ACC], me[at.CHUNKS]
        if me[at.CLOSES]:
            add_rows(shift(days, B[at.N_ROWS] + acc), shift(closed, acc), chunks)
            on_route += total(shift(closed, acc), chunks)
        for q in range(me[at.ASK_0], me[at.ASK_1]):
            add_rows(
                shift(days, B[at.N_ROWS] + acc), shift(real(B, at.A_QUEUE), whole(B, at.A_Q_QUEUE)[q]), chunks
            )
            on_route += total(shift(real(B, at.A_QUEUE), whole(B, at.A_Q_QUEUE)[q]), chunks)
        if me[at.SETTLES]:
            add_rows(shift(days, 3 * B[at.N_ROWS] + acc), shift(settled, acc), chunks)
    return on_route


@inner
def clear_block(B, one, end, day):
    """Forget who set out within a block so many days ago that the ring has come round, before its nodes are solved together."""
    for number in range(one, end):
        me = shift(whole(B, at.A_NODE), number * at.NODE)
        for e in range(me[at.EDGE_0], me[at.EDGE_1]):
            edge = shift(whole(B, at.A_EDGE), e * at.EDGE)
            if edge[at.LATE] == 2:
                clear(
                    shift(real(B, at.A_RING), edge[at.RING] + (day & edge[at.MASK]) * edge[at.WIDE] * CHUNK),
                    edge[at.WIDE],
                )


@tight
def solve(B, number, now, blocks_now, flow, entry, day, first, moments, again):
    """Solve one node. Returns persons whose journey ended, persons who came, departed, and the next entry of the departures."""
    me = shift(whole(B, at.A_NODE), number * at.NODE)
    here = scratch(B, HERE)
    moved, departed = 0.0, 0.0
    if again:
        gone = gather_again(B, me, now, flow, day, moments)
        moved = total(here, me[at.CHUNKS])
    else:
        gone = gather(B, me, now, flow, day, first, moments)
    if me[at.END] > 0 or me[at.SENT]:
        gone += enter(B, me, shift(blocks_now, number * 2), day, moments, again)
    end = whole(B, at.A_DEP_START)[day + 1]
    while not again and entry < end and whole(B, at.A_DEP_NODE)[entry] == number:
        x = real(B, at.A_DEP_PERSONS)[entry]
        here[whole(B, at.A_DEP_LANE)[entry] - me[at.LO]] += x
        departed += x
        entry += 1
    if me[at.SEG_0] < me[at.SEG_1]:
        out = scratch(B, LEAVING)
        if again:
            stay_again(B, me, here, out, day)
        else:
            stay(B, me, here, out, day)
        clear(shift(out, me[at.COUNT]), 1)
        settle_down(
            shift(real(B, at.A_STOCK), at.STAYING * B[at.N_ROWS] + me[at.ACC]), here, out, me[at.CHUNKS]
        )
        gone += leave(B, number, me, blocks_now, day, moments, again)
    return gone, moved, departed, entry


@tight
def walk(B, day, ep, month, now, origin, moments):
    """Solve all nodes of a day, those that lead back to each other within the day together. Returns who departed and who ended."""
    block, node = whole(B, at.A_BLOCK), whole(B, at.A_NODE)
    blocks_now = shift(whole(B, at.A_BLOCK_OF), ep * B[at.N_NODES] * 2)
    flow = shift(real(B, at.A_FLOW), month * B[at.N_FLOWS])
    entry, departed, gone = whole(B, at.A_DEP_START)[day], 0.0, 0.0
    for b in range(B[at.N_BLOCKS]):
        one, end = block[b], block[b + 1]
        if end > one + 1:
            clear_block(B, one, end, day)
        for turn in range(1 if end == one + 1 else 10000):
            moved, again = 0.0, turn > 0
            for number in range(one, end):
                out, came, left, entry = solve(
                    B, number, now, blocks_now, flow, entry, day, origin, moments, again
                )
                gone += out
                moved += came
                departed += left
            if again and moved < TINY:
                break
        for number in range(one, end):
            if node[number * at.NODE + at.SCALED]:
                rewrite(B, shift(node, number * at.NODE), day)
    return departed, gone


@inner
def note_changes(B, now, before, day):
    """Note on which edges travel times changed."""
    for e in range(B[at.N_EDGES]):
        if now[e] != before[e]:
            whole(B, at.A_SINCE)[e] = day


@jit
def run_days(table, first, last, origin, moments):
    """Run the days from `first` to before `last`.

    Parameters
    ----------
    table : int64
        Numbers and addresses of the arrays of a run (see `sim.engines.expected.model.table_of`).
    first, last : int
    origin : int
        Day on which the run began, with nobody on the route.
    moments : bool
        Keep sums of days and squared days of those whose journey ends.
    """
    B = pointer(table)
    day_of, balance = whole(B, at.A_DAY), real(B, at.A_BALANCE)
    gone = balance[(first - 1) * 3 + 2] if first > 0 else 0.0
    for day in range(first, last):
        ep, month = day_of[day * at.DAY + at.EPOCH], day_of[day * at.DAY + at.MONTH]
        now = shift(whole(B, at.A_WAY_OF), ep * B[at.N_EDGES])
        if day > origin and ep != day_of[(day - 1) * at.DAY + at.EPOCH]:
            before = shift(whole(B, at.A_WAY_OF), day_of[(day - 1) * at.DAY + at.EPOCH] * B[at.N_EDGES])
            note_changes(B, now, before, day)
        if B[at.N_LINES] > 0:
            open_lines(B, day, origin)
        departed, left = walk(B, day, ep, month, now, origin, moments)
        gone += left
        balance[day * 3] = departed
        if B[at.N_TABLES]:
            days = shift(real(B, at.A_DAYS), month * 4 * B[at.N_ROWS])
            balance[day * 3 + 1] = evening(B, days)
        if B[at.N_PEAKS]:
            largest(B, shift(real(B, at.A_PEAK), month * 4 * B[at.N_PLACES] * B[at.N_GROUPS]))
        balance[day * 3 + 2] = gone
