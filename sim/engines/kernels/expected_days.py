"""The days of the expected engine: who arrives, stays and leaves at every node, in expectation (kernels)."""

from __future__ import annotations

from sim.engines.kernels.expected_layout import (
    ACC,
    AGAIN,
    ASK_0,
    ASK_1,
    AUX,
    CLOSED,
    CLOSES,
    COUNT,
    DAY,
    DIED,
    EDGE,
    EDGE_0,
    EDGE_1,
    END,
    ENDED,
    EPOCH,
    FLOW,
    GEOMETRIC,
    HOME,
    L_OFF,
    LAG,
    LATE,
    LEN,
    LO,
    MONTH,
    NODE,
    OPEN,
    PER,
    R_EXP,
    R_EXPS,
    R_FIRST,
    R_FROM,
    R_KIND,
    R_LAG,
    R_LAST,
    R_LEN,
    R_MOST,
    R_RATIO,
    R_RATIOS,
    R_TAP,
    REACH,
    REGIME,
    ROW,
    S_A,
    S_COUNT,
    S_LO,
    S_MASK,
    S_R0,
    S_R1,
    S_STATE,
    SCALED,
    SEG_0,
    SEG_1,
    SEGMENT,
    SENT,
    SETTLE,
    SETTLED,
    SETTLES,
    SOURCE,
    STAY_ON,
    STAYING,
    STEADY,
    TAP,
    TRAVELLING,
    TURN,
    TURN_BACK,
    VARYING,
    VERSION,
    WIDTH,
    Bare,
)  # fmt: skip
from sim.engines.kernels.expected_lines import ask, open_lines
from sim.engines.kernels.expected_rows import (
    add_rows,
    add_scaled,
    arrive,
    blend,
    clear,
    inner,
    jit,
    pointer,
    shift,
    taps,
    total,
)

__all__ = ["run_days"]

TINY = 1e-9
"""Persons below which going round and round within a day has come to its end (the rest stays on its way)."""
HERE, GONE, FLOWING, LEAVING, PART = 0, 1, 2, 3, 4
"""Rows of the scratch buffer."""


@inner
def count_out(B, code, o, x, n, day, moments):
    """Add persons whose journey ends today to the sums, with the day and its square where moments are asked for."""
    sums = shift(B.done, code * 3 * B.rows + o)
    for v in range(n):
        sums[v] += x[v]
    if moments:
        one, two = shift(sums, B.rows), shift(sums, 2 * B.rows)
        for v in range(n):
            one[v] += day * x[v]
            two[v] += day * day * x[v]
    return total(x, 0, n)


@inner
def die(B, o, rows, z, chance, n, day, moments):
    """Count those who died or went missing on an edge on the day on which they would have arrived."""
    dead, row = shift(B.buffer, GONE * B.wide), shift(B.row, rows)
    for v in range(n):
        dead[v] = chance * row[v] * z[v]
    add_scaled(shift(B.stock, TRAVELLING * B.rows), o, -1.0, dead, 0, n)
    return count_out(B, DIED, o, dead, n, day, moments)


@inner
def gather(B, me, now, flow, day, first, moments):
    """Add up who arrives at a node today over all its edges, from those who left on earlier days (and today, upstream)."""
    lo, n, width = me[LO], me[COUNT], me[WIDTH]
    acc = me[ACC] + lo
    here, z = B.buffer, shift(B.buffer, FLOWING * B.wide)
    travelling = shift(B.stock, TRAVELLING * B.rows)
    clear(here, 0, n)
    gone = 0.0
    for e in range(me[EDGE_0], me[EDGE_1]):
        edge = shift(B.edge, e * EDGE)
        o, of, reach = edge[L_OFF] + lo, edge[FLOW] + lo, edge[REACH]
        ver = now[e]
        share = B.version[ver * VERSION + ROW] + lo
        if B.since[e] <= day - reach + 1:
            v = shift(B.version, ver * VERSION)
            taps(z, 0, B.l, o, width, B.mask, day - v[LAG], B.tap, v[TAP], v[LEN], n)
            arrive(here, flow, of, B.row, share, z, 1.0 - B.death[ver], n)
            if B.death[ver] > 0.0:
                gone += die(B, acc, share, z, B.death[ver], n, day, moments)
        else:
            for k in range(min(reach, day - first + 1)):
                then = B.edge_version[B.day[(day - k) * DAY + EPOCH] * B.edges + e]
                v = shift(B.version, then * VERSION)
                i = k - v[LAG]
                if i < 0 or i >= v[LEN]:
                    continue
                taps(z, 0, B.l, o, width, B.mask, day - k, B.tap, v[TAP] + i, 1, n)
                arrive(here, flow, of, B.row, v[ROW] + lo, z, 1.0 - B.death[then], n)
                if B.death[then] > 0.0:
                    gone += die(B, acc, v[ROW] + lo, z, B.death[then], n, day, moments)
        if edge[LATE] == 0:
            blend(travelling, acc, B.row, share, B.l, o + (day & B.mask) * width, n)
    add_scaled(travelling, acc, -1.0, here, 0, n)
    return gone


@inner
def gather_again(B, me, now, flow, day, moments):
    """Add up who arrives at a node from those of its own block who left today since it was last solved."""
    lo, n = me[LO], me[COUNT]
    acc = me[ACC] + lo
    here, z = B.buffer, shift(B.buffer, FLOWING * B.wide)
    clear(here, 0, n)
    gone = 0.0
    for e in range(me[EDGE_0], me[EDGE_1]):
        ver = now[e]
        v = shift(B.version, ver * VERSION)
        if B.edge[e * EDGE + LATE] != 2 or v[LAG] > 0:
            continue
        taps(z, 0, B.delta, B.source[B.edge[e * EDGE + SOURCE] * 2 + 1] + lo, 0, 0, 0, B.tap, v[TAP], 1, n)
        arrive(here, flow, B.edge[e * EDGE + FLOW] + lo, B.row, v[ROW] + lo, z, 1.0 - B.death[ver], n)
        if B.death[ver] > 0.0:
            gone += die(B, acc, v[ROW] + lo, z, B.death[ver], n, day, moments)
    add_scaled(shift(B.stock, TRAVELLING * B.rows), acc, -1.0, here, 0, n)
    return gone


@inner
def enter(B, me, aux, day, moments, again):
    """Outcomes on arrival, then those sent away; who is left begins a stay. Returns persons whose journey ended."""
    lo, n = me[LO], me[COUNT]
    here, part = B.buffer, shift(B.buffer, PART * B.wide)
    gone = 0.0
    if me[END] > 0:
        if me[HOME] < 0:
            for v in range(n):
                part[v] = here[v]
                here[v] = 0.0
        else:
            home = shift(B.row, me[HOME] + lo)
            for v in range(n):
                part[v] = here[v] * home[v]
                here[v] -= part[v]
        gone = count_out(B, ENDED, me[ACC] + lo, part, n, day, moments)
    if me[SENT] >= 0:
        sent = shift(B.source, me[SENT] * 2)
        left = shift(B.l, sent[0] + (day & B.mask) * me[WIDTH] + lo)
        d, keep = shift(B.delta, sent[1] + lo), shift(B.row, aux[STAY_ON] + lo)
        if not again:
            clear(left, 0, n)
        for v in range(n):
            x = here[v]
            d[v] = x
            left[v] += x
            here[v] = x * keep[v]
    return gone


@inner
def current(B, segment, day):
    """Regime of a segment on a day."""
    r = segment[S_R0]
    while B.regime[r * REGIME + R_LAST] < day:
        r += 1
    return r


@inner
def stay(B, me, day):
    """Those who begin a stay join the history of their place; work out who leaves today."""
    lo, n, acc = me[LO], me[COUNT], me[ACC]
    here, out = B.buffer, shift(B.buffer, LEAVING * B.wide)
    staying = shift(B.stock, STAYING * B.rows + acc)
    for g in range(me[SEG_0], me[SEG_1]):
        segment = shift(B.segment, g * SEGMENT)
        glo, m, mask = segment[S_LO], segment[S_COUNT], segment[S_MASK]
        to = glo - lo
        a = shift(B.a, segment[S_A])
        today = shift(a, (day & mask) * m)
        for v in range(m):
            today[v] = here[to + v]
        regime = shift(B.regime, current(B, segment, day) * REGIME)
        if regime[R_KIND] == GEOMETRIC:
            chance = B.tap[regime[R_TAP] + regime[R_LEN] * day]
            for v in range(m):
                out[to + v] = chance * staying[glo + v]
        elif regime[R_KIND] == VARYING:
            i = day - regime[R_FIRST]
            taps(
                out,
                to,
                a,
                0,
                m,
                mask,
                day,
                B.tap,
                regime[R_TAP] + i * regime[R_LEN],
                B.length[regime[R_EXP] + i],
                m,
            )
        else:
            taps(out, to, a, 0, m, mask, day - regime[R_LAG], B.tap, regime[R_TAP], regime[R_LEN], m)
            old = shift(a, ((day - regime[R_FROM]) & mask) * m)
            expo = shift(B.expo, regime[R_EXP] * 2)
            for j in range(regime[R_EXPS]):
                x = shift(B.exps, segment[S_STATE] + j * m)
                keep = expo[2 * j]
                for v in range(m):
                    x[v] = keep * x[v] + old[v]
                add_scaled(out, to, expo[2 * j + 1], x, 0, m)
    for v in range(n):
        staying[lo + v] += here[v] - out[v]


@inner
def stay_again(B, me, day):
    """The same for those who came in a later round of today: who of them leaves at once."""
    lo, n = me[LO], me[COUNT]
    here, out = B.buffer, shift(B.buffer, LEAVING * B.wide)
    staying = shift(B.stock, STAYING * B.rows + me[ACC])
    for g in range(me[SEG_0], me[SEG_1]):
        segment = shift(B.segment, g * SEGMENT)
        to, m = segment[S_LO] - lo, segment[S_COUNT]
        add_rows(B.a, segment[S_A] + (day & segment[S_MASK]) * m, here, to, m)
        regime = shift(B.regime, current(B, segment, day) * REGIME)
        p0 = 0.0
        if regime[R_KIND] == VARYING:
            p0 = B.tap[regime[R_TAP] + (day - regime[R_FIRST]) * regime[R_LEN]]
        elif regime[R_KIND] == STEADY and regime[R_LEN] > 0 and regime[R_LAG] == 0:
            p0 = B.tap[regime[R_TAP]]
        for v in range(to, to + m):
            out[v] = p0 * here[v]
    for v in range(n):
        staying[lo + v] += here[v] - out[v]


@inner
def rewrite(B, me, day):
    """When a regime ends, those still here are written as if more, or fewer, had begun their stay under the next."""
    for g in range(me[SEG_0], me[SEG_1]):
        segment = shift(B.segment, g * SEGMENT)
        r = current(B, segment, day)
        regime = shift(B.regime, r * REGIME)
        if regime[R_LAST] != day or r + 1 >= segment[S_R1]:
            continue
        m, mask = segment[S_COUNT], segment[S_MASK]
        a = shift(B.a, segment[S_A])
        last = shift(a, ((day - regime[R_MOST]) & mask) * m)
        for k in range(regime[R_RATIOS]):
            c = B.ratio[regime[R_RATIO] + k]
            x = shift(a, ((day - k) & mask) * m)
            for v in range(m):
                x[v] *= c
            if k > regime[R_MOST]:
                add_rows(last, 0, x, 0, m)
                clear(x, 0, m)
        after = shift(B.regime, (r + 1) * REGIME)
        if after[R_KIND] != STEADY:
            continue
        for k in range(regime[R_RATIOS], mask + 1):
            clear(a, ((day - k) & mask) * m, m)
        for j in range(after[R_EXPS]):
            s = segment[S_STATE] + j * m
            keep = B.expo[(after[R_EXP] + j) * 2]
            clear(B.exps, s, m)
            for k in range(after[R_FROM], mask + 1):
                c = keep ** (k - after[R_FROM])
                if c > 1e-16:
                    add_scaled(B.exps, s, c, a, ((day - k) & mask) * m, m)


@inner
def turn_back(B, me, epoch_aux, day):
    """Those who turn back at the same place today choose at once among the ways south."""
    north = shift(B.node, me[TURN] * NODE)
    back = epoch_aux[me[TURN] * AUX + TURN_BACK]
    if back < 0:
        return
    out = shift(B.buffer, LEAVING * B.wide)
    o = B.source[me[TURN] * 2] + (day & B.mask) * north[WIDTH]
    per = north[WIDTH] // me[WIDTH]
    first, last = north[LO], north[LO] + north[COUNT]
    for v in range(me[COUNT]):
        for u in range(max((me[LO] + v) * per, first), min((me[LO] + v + 1) * per, last)):
            out[v] += B.row[back + u] * B.l[o + u]


@inner
def leave(B, at, me, epoch_aux, day, moments, again):
    """Turning back, closed ways and settling; the rest leaves over the node's edges. Returns who settled."""
    lo, n = me[LO], me[COUNT]
    acc = me[ACC] + lo
    aux = shift(epoch_aux, at * AUX)
    out, part = shift(B.buffer, LEAVING * B.wide), shift(B.buffer, PART * B.wide)
    if not again and me[TURN] >= 0:
        turn_back(B, me, epoch_aux, day)
    if me[ASK_1] > me[ASK_0] and not again:
        add_rows(out, 0, B.stock, AGAIN * B.rows + acc, n)
        clear(B.stock, AGAIN * B.rows + acc, n)
    if me[CLOSES]:
        opened, closed = shift(B.row, aux[OPEN] + lo), shift(B.stock, CLOSED * B.rows + acc)
        for v in range(n):
            x = out[v] + closed[v]
            out[v] = x * opened[v]
            closed[v] = x - out[v]
    left = shift(B.l, B.source[at * 2] + (day & B.mask) * me[WIDTH] + lo)
    if again:
        add_rows(left, 0, out, 0, n)
    else:
        for v in range(n):
            left[v] = out[v]
    d = shift(B.delta, B.source[at * 2 + 1] + lo)
    for v in range(n):
        d[v] = out[v]
    if me[SETTLES] and aux[SETTLE] >= 0:
        settle = shift(B.row, aux[SETTLE] + lo)
        for v in range(n):
            part[v] = settle[v] * out[v]
        return count_out(B, SETTLED, acc, part, n, day, moments)
    return 0.0


@inner
def set_out_late(B, now, day):
    """Put those on their way who left over edges whose source was solved after, or with, the node they lead to."""
    for at in range(B.nodes):
        me = shift(B.node, at * NODE)
        for e in range(me[EDGE_0], me[EDGE_1]):
            edge = shift(B.edge, e * EDGE)
            if edge[LATE]:
                blend(B.stock, TRAVELLING * B.rows + me[ACC] + me[LO], B.row, B.version[now[e] * VERSION + ROW] + me[LO], B.l,
                      edge[L_OFF] + (day & B.mask) * me[WIDTH] + me[LO], me[COUNT])  # fmt: skip


@inner
def by_group(x, o, out, lo, n, per):
    """Add the classes of each group: ``out[g] += sum of x`` (`lo` and `n` are whole groups)."""
    g = lo // per
    if per == 1:
        for v in range(n):
            out[g + v] += x[o + v]
    elif per == 3:
        for v in range(n // 3):
            out[g + v] += x[o + 3 * v] + x[o + 3 * v + 1] + x[o + 3 * v + 2]
    else:
        for v in range(n):
            out[g + v // per] += x[o + v]


@inner
def evening(B, days, peak):
    """Person-days of the evening and the largest numbers of the period; returns all who are on the route."""
    on_route = 0.0
    staying, travelling, closed = (
        B.stock,
        shift(B.stock, TRAVELLING * B.rows),
        shift(B.stock, CLOSED * B.rows),
    )
    settled = shift(B.done, SETTLED * 3 * B.rows)
    groups = B.groups
    for place in range(B.places):
        clear(B.group, 0, 4 * groups)
        queues, homes = False, False
        for i in range(B.place_start[place], B.place_start[place + 1]):
            me = shift(B.node, B.place_node[i] * NODE)
            lo, n, per = me[LO], me[COUNT], me[PER]
            acc = me[ACC] + lo
            add_rows(days, acc, staying, acc, n)
            by_group(staying, acc, B.group, lo, n, per)
            add_rows(days, 2 * B.rows + acc, travelling, acc, n)
            by_group(travelling, acc, shift(B.group, 2 * groups), lo, n, per)
            if me[CLOSES]:
                queues = True
                add_rows(days, B.rows + acc, closed, acc, n)
                by_group(closed, acc, shift(B.group, groups), lo, n, per)
            for q in range(me[ASK_0], me[ASK_1]):
                queues = True
                add_rows(days, B.rows + acc, B.queue, B.q_queue[q] + lo, n)
                by_group(B.queue, B.q_queue[q] + lo, shift(B.group, groups), lo, n, per)
            if me[SETTLES]:
                homes = True
                add_rows(days, 3 * B.rows + acc, settled, acc, n)
                by_group(settled, acc, shift(B.group, 3 * groups), lo, n, per)
        for s in range(4):
            if (s == 1 and not queues) or (s == 3 and not homes):
                continue
            top, x = shift(peak, (s * B.places + place) * groups), shift(B.group, s * groups)
            for g in range(groups):
                top[g] = max(top[g], x[g])
            if s < 3:
                on_route += total(x, 0, groups)
    return on_route


@inner
def bare(N, Q, M):
    """Addresses of all arrays."""
    return Bare(
        N.node.shape[0], N.edge.shape[0], Q.node.shape[0], N.place_start.shape[0] - 1, M.group.shape[1], M.stock.shape[1],
        M.l.shape[0] // max(M.delta.shape[0], 1) - 1, M.buffer.shape[1], N.day.shape[0], Q.allotment.shape[0], Q.room_place.shape[0],
        Q.limit.shape[1], Q.replay, Q.save_up, pointer(N.day), pointer(N.node), pointer(N.aux), pointer(N.source), pointer(N.edge),
        pointer(N.edge_version), pointer(N.version), pointer(N.death), pointer(N.tap), pointer(N.row), pointer(N.segment),
        pointer(N.expo), pointer(N.regime), pointer(N.length), pointer(N.ratio), pointer(N.place_start), pointer(N.place_node),
        pointer(Q.node), pointer(Q.source), pointer(Q.limit), pointer(Q.mixed), pointer(Q.patience), pointer(Q.ask), pointer(Q.queue),
        pointer(Q.ring), pointer(Q.allotment), pointer(Q.monthly), pointer(Q.room_place), pointer(Q.room), pointer(Q.record),
        pointer(M.a), pointer(M.l), pointer(M.exps), pointer(M.stock), pointer(M.done), pointer(M.since), pointer(M.buffer),
        pointer(M.delta), pointer(M.queue), pointer(M.joined), pointer(M.cohort), pointer(M.head), pointer(M.left), pointer(M.asked),
        pointer(M.group), pointer(M.want),
    )  # fmt: skip


@inner
def begin_day(B, now, before, day):
    """Note which edges changed, and clear what those leaving today from nodes solved together will be added to."""
    for e in range(B.edges):
        if now[e] != before[e]:
            B.since[e] = day


@inner
def solve(B, at, now, epoch_aux, flow, day, first, moments, again):
    """Solve one node: arrivals, outcomes, people sent away. Returns persons whose journey ended, and persons who came."""
    me = shift(B.node, at * NODE)
    moved = 0.0
    if again:
        gone = gather_again(B, me, now, flow, day, moments)
        moved = total(B.buffer, 0, me[COUNT])
    else:
        gone = gather(B, me, now, flow, day, first, moments)
    gone += enter(B, me, shift(epoch_aux, at * AUX), day, moments, again)
    return gone, moved


@jit
def run_days(N, Q, M, D, first, last, origin, moments):
    """Run the days from `first` to before `last`.

    Parameters
    ----------
    N, Q, M : Net, Lines, Memory
        Person-days and largest numbers are kept where `M` has room for them.
    D : tuple of arrays
        Departures: first entry of each day, node, class, persons.
    first, last : int
    origin : int
        Day on which the run began, with nobody on the route.
    moments : bool
        Keep sums of days and squared days of those whose journey ends.

    Returns
    -------
    float
        Persons whose journey ended.
    """
    dep_start, dep_node, dep_lane, dep_persons = pointer(D[0]), pointer(D[1]), pointer(D[2]), pointer(D[3])
    B = bare(N, Q, M)
    block, blocks = pointer(N.block), N.block.shape[0] - 1
    balance, days, peak, flows = pointer(M.balance), pointer(M.days), pointer(M.peak), pointer(M.flow)
    tables, n_flow = M.days.shape[0] > 0, M.flow.shape[1]
    gone = 0.0
    for day in range(first, last):
        ep, month = B.day[day * DAY + EPOCH], B.day[day * DAY + MONTH]
        now, epoch_aux, flow = (
            shift(B.edge_version, ep * B.edges),
            shift(B.aux, ep * B.nodes * AUX),
            shift(flows, month * n_flow),
        )
        if day > origin and ep != B.day[(day - 1) * DAY + EPOCH]:
            begin_day(B, now, shift(B.edge_version, B.day[(day - 1) * DAY + EPOCH] * B.edges), day)
        if B.lines > 0:
            open_lines(B, day, origin)
        entry, departed = dep_start[day], 0.0
        for b in range(blocks):
            one, end = block[b], block[b + 1]
            if end > one + 1:
                for at in range(one, end):
                    me = shift(B.node, at * NODE)
                    clear(B.l, B.source[at * 2] + (day & B.mask) * me[WIDTH], me[WIDTH])
                    if me[SENT] >= 0:
                        clear(B.l, B.source[me[SENT] * 2] + (day & B.mask) * me[WIDTH], me[WIDTH])
            for turn in range(1 if end == one + 1 else 10000):
                moved, again = 0.0, turn > 0
                for at in range(one, end):
                    me = shift(B.node, at * NODE)
                    out, came = solve(B, at, now, epoch_aux, flow, day, origin, moments, again)
                    gone += out
                    moved += came
                    while not again and entry < dep_start[day + 1] and dep_node[entry] == at:
                        B.buffer[dep_lane[entry] - me[LO]] += dep_persons[entry]
                        departed += dep_persons[entry]
                        entry += 1
                    if me[SEG_0] == me[SEG_1]:
                        continue
                    if again:
                        stay_again(B, me, day)
                    else:
                        stay(B, me, day)
                    gone += leave(B, at, me, epoch_aux, day, moments, again)
                    for q in range(me[ASK_0], me[ASK_1]):
                        ask(B, q, day, again)
                if again and moved < TINY:
                    break
            for at in range(one, end):
                if B.node[at * NODE + SCALED]:
                    rewrite(B, shift(B.node, at * NODE), day)
        set_out_late(B, now, day)
        balance[day * 3] = departed
        if tables:
            balance[day * 3 + 1] = evening(
                B, shift(days, month * 4 * B.rows), shift(peak, month * 4 * B.places * B.groups)
            )
        balance[day * 3 + 2] = gone
    return gone
