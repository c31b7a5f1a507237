"""The days of the expected engine: who arrives, stays and leaves at every node, in expectation (kernels)."""

from __future__ import annotations

from sim.engines.kernels import expected_layout as at
from sim.engines.kernels.address import add_one, look, seen, take
from sim.engines.kernels.expected_count import evening
from sim.engines.kernels.expected_day_stays import (
    begin_stays,
    end_stays,
    rewrite_today,
    stay_today,
    stay_today_again,
)
from sim.engines.kernels.expected_evening import tell_apart
from sim.engines.kernels.expected_lines import ask, goes_back, nobody_waits, open_lines
from sim.engines.kernels.expected_rows import (
    CHUNK,
    add_rows,
    add_scaled,
    anyone,
    arrive,
    arrive_at_once,
    clear,
    copy,
    inner,
    jit,
    own,
    part_of,
    pointer,
    real,
    scale,
    settle_down,
    shift,
    tight,
    total,
    whole,
)
from sim.engines.kernels.expected_spans import (
    COUNTS,
    FLOWING,
    GONE,
    HERE,
    LEAVING,
    MIXED,
    PART,
    ROUTE,
    begin_departures,
    count_out,
    depart,
    join_those_who_turned,
    nobody_comes,
    note_change,
    scratch,
    send_days,
    shares_on,
    solve_days,
    turn_back,
    way_then,
)
from sim.engines.kernels.expected_stays import rewrite, stay, stay_again

__all__ = ["ALLOWED", "DONE", "PROGRESS", "STOP", "run_stages"]

TAKEN, DONE = range(2)
ALLOWED, STOP = range(2)
PROGRESS = 8
"""Spans that a thread took and that are done, stage by stage; in a row behind the last, spans that the first stage may go through, and
1 = begin nothing more. A row is as long as a line of the processor's memory."""

TINY, ROUNDS = 1e-9, 10000
"""Persons below which going round and round within a day has come to its end (the rest stays on its way), and rounds at most."""


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
    z, on_way = scratch(B, FLOWING), shift(ring, (edge[at.MASK] + 1) * width)
    v = shift(whole(B, at.A_WAY), way * at.WAY)
    add_rows(on_way, shift(ring, ((day - 1) & edge[at.MASK]) * width), wide)
    scale(z, real(B, at.A_TAP)[v[at.TAP]], on_way, wide)
    add_scaled(on_way, -1.0, z, wide)
    chance = real(B, at.A_DEATH)[way]
    add_scaled(shift(scratch(B, HERE), edge[at.INTO]), 1.0 - chance, z, wide)
    add_scaled(shift(flow, edge[at.FLOW]), 1.0 - chance, z, wide)
    return die(B, o, z, chance, wide, day, moments) if chance > 0.0 else 0.0


@tight
def gather(B, me, now, flow, day, first, moments):
    """Add up who arrives at a node today over all its edges, from those who left on earlier days (and today, upstream)."""
    n = me[at.CHUNKS]
    here = scratch(B, HERE)
    clear(here, n)
    gone = 0.0
    for e in range(me[at.EDGE_0], me[at.EDGE_1]):
        edge = shift(whole(B, at.A_EDGE), e * at.EDGE)
        if nobody_comes(B, edge, e, day):
            continue
        if edge[at.EVEN]:
            gone += come_evenly(B, me, edge, now[e], day, flow, moments)
            continue
        note_change(B, edge, e, day, first)
        reach = edge[at.REACH]
        steady = own(B, at.A_SINCE)[e] <= day - reach + 1
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
    """Add up who arrives at a node from those of its own block who left today since it was last solved.

    Returns persons who died, and whether anyone came.
    """
    here = scratch(B, HERE)
    gone, came = 0.0, False
    for e in range(me[at.EDGE_0], me[at.EDGE_1]):
        edge = shift(whole(B, at.A_EDGE), e * at.EDGE)
        if edge[at.LATER] < 0:
            continue
        later, wide = shift(real(B, at.A_LATER), edge[at.LATER]), edge[at.WIDE]
        if not anyone(later, wide):
            continue
        way = now[e]
        v = shift(whole(B, at.A_WAY), way * at.WAY)
        if v[at.LAG] > 0:
            clear(later, wide)
            continue
        if not came:
            clear(here, me[at.CHUNKS])
            came = True
        z, chance = scratch(B, FLOWING), real(B, at.A_DEATH)[way]
        arrive_at_once(
            shift(here, edge[at.INTO]), shift(flow, edge[at.FLOW]), z, chance > 0.0, later,
            real(B, at.A_TAP)[v[at.TAP]], 1.0 - chance, wide,
        )  # fmt: skip
        if chance > 0.0:
            gone += die(B, me[at.ACC] + edge[at.INTO], z, chance, wide, day, moments)
    if came:
        add_scaled(
            shift(real(B, at.A_STOCK), at.TRAVELLING * B[at.N_ROWS] + me[at.ACC]), -1.0, here, me[at.CHUNKS]
        )
    return gone, came


@tight
def set_out(B, e, out, block, day, again):
    """Part of those who leave set out over an edge."""
    edge = shift(whole(B, at.A_EDGE), e * at.EDGE)
    wide = edge[at.WIDE]
    ring = shift(real(B, at.A_RING), edge[at.RING] + (day & edge[at.MASK]) * wide * CHUNK)
    row, some = shift(real(B, at.A_ROW), block + edge[at.ROW]), shift(out, edge[at.FROM])
    if edge[at.PARTS] >= 0:
        part_of(scratch(B, MIXED), row, some, edge[at.ASKED])
        tell_apart(B, edge, ring, scratch(B, MIXED), 1.0, again)
        return
    if again or goes_back(edge):
        later = shift(real(B, at.A_LATER), edge[at.LATER]) if edge[at.LATER] >= 0 else scratch(B, FLOWING)
        part_of(later, row, some, wide)
        if again:
            add_rows(ring, later, wide)
        else:
            copy(ring, later, wide)
    else:
        part_of(ring, row, some, wide)


@inner
def note_sent(B, e, day):
    """Note that someone may set out over an edge for those sent away, where that is kept."""
    if whole(B, at.A_EDGE)[e * at.EDGE + at.RARE]:
        own(B, at.A_LAST)[e] = day


@inner
def came_on(B, me, day):
    """Row of those who came to a node on a day of the span, of whom part is sent to other parts when it is over."""
    return shift(real(B, at.A_CAME), me[at.SENT_ROWS] + (day - B[at.N_DAY]) * me[at.CHUNKS] * CHUNK)


@inner
def send_on(B, part, day, days):
    """Those sent to other parts from the nodes of a part set out, when the days of a span are over."""
    block, node = whole(B, at.A_BLOCK), whole(B, at.A_NODE)
    for number in range(block[part[at.BLOCK_0]], block[part[at.BLOCK_1]]):
        me = shift(node, number * at.NODE)
        if me[at.SENT_ON] == me[at.SENT_1]:
            continue
        begin = shares_on(B, number, at.AWAY, day, days)
        for o in range(me[at.SENT_ON], me[at.SENT_1]):
            e = whole(B, at.A_OUT)[o]
            if days > at.FEW:
                send_days(B, e, came_on(B, me, day), me[at.CHUNKS] * CHUNK, begin, day, days)
            else:
                note_sent(B, e, day + days - 1)
                for i in range(days):
                    set_out(B, e, came_on(B, me, day + i), begin[i], day + i, False)


@inner
def end_at_home(B, me, people, part, n, day, moments):
    """The journey of those in their home country ends; the others are left. Returns persons whose journey ended."""
    part_of(part, shift(real(B, at.A_HOME), me[at.HOME]), people, n)
    add_scaled(people, -1.0, part, n)
    return count_out(B, at.ENDED, me[at.ACC], part, n, day, moments)


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
            gone = count_out(B, at.ENDED, me[at.ACC], part, n, day, moments)
        else:
            gone = end_at_home(B, me, here, part, n, day, moments)
    if me[at.SENT]:
        block = blocks[at.AWAY]
        for i in range(me[at.SENT_0], me[at.SENT_ON]):
            e = whole(B, at.A_OUT)[i]
            note_sent(B, e, day)
            set_out(B, e, here, block, day, again)
        if me[at.SENT_ON] < me[at.SENT_1]:
            came = came_on(B, me, day)
            if again:
                add_rows(came, here, n)
            else:
                copy(came, here, n)
        part_of(here, shift(real(B, at.A_ROW), block), here, n)
    return gone


@tight
def leave(B, number, me, blocks_now, day, moments, again):
    """Turning back, closed ways and settling; the rest leaves over the node's edges. Returns who settled."""
    n, acc = me[at.CHUNKS], me[at.ACC]
    block = blocks_now[number * 2 + at.CHOICE]
    out, part = scratch(B, LEAVING), scratch(B, PART)
    gone = 0.0
    if not again and me[at.TURN] >= 0:
        join_those_who_turned(B, me, out, day)
        if me[at.HOME] >= 0:
            gone = end_at_home(B, me, out, part, n, day, moments)
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
    if me[at.BACK] >= 0:
        turn_back(B, me, block, out, day, again)
    for i in range(me[at.OUT_0], me[at.OUT_1]):
        set_out(B, whole(B, at.A_OUT)[i], out, block, day, again)
    for q in range(me[at.ASK_0], me[at.ASK_1]):
        ask(B, q, day, block, out, part, again)
    if me[at.SETTLES]:
        part_of(part, shift(real(B, at.A_ROW), block + me[at.R_SETTLE]), out, n)
        gone += count_out(B, at.SETTLED, acc, part, n, day, moments)
    return gone


@inner
def clear_block(B, one, end, day):
    """Forget who set out within a block so many days ago that the ring has come round, where it is read before it is written."""
    for number in range(one, end):
        me = shift(whole(B, at.A_NODE), number * at.NODE)
        for e in range(me[at.EDGE_0], me[at.EDGE_1]):
            edge = shift(whole(B, at.A_EDGE), e * at.EDGE)
            if goes_back(edge) and not edge[at.LINE]:  # lines were served in the morning
                width = edge[at.WIDE] * CHUNK
                clear(shift(real(B, at.A_RING), edge[at.RING] + (day & edge[at.MASK]) * width), edge[at.WIDE])


@tight
def solve(B, number, now, blocks_now, flow, day, first, moments):
    """Solve one node. Returns persons whose journey ended."""
    me = shift(whole(B, at.A_NODE), number * at.NODE)
    here, n = scratch(B, HERE), me[at.CHUNKS]
    gone = gather(B, me, now, flow, day, first, moments)
    if me[at.END] > 0 or me[at.SENT]:
        gone += enter(B, me, shift(blocks_now, number * 2), day, moments, False)
    depart(B, number, me, here, 0, day, 1)
    if me[at.SEG_0] < me[at.SEG_1]:
        out = scratch(B, LEAVING)
        if B[at.N_DAYS] > at.FEW:
            stay_today(B, number, me, here, out, scratch(B, PART), day)
        else:
            stay(B, me, here, out, day)
            clear(shift(out, me[at.COUNT]), 1)
        settle_down(shift(real(B, at.A_STOCK), at.STAYING * B[at.N_ROWS] + me[at.ACC]), here, out, n)
        gone += leave(B, number, me, blocks_now, day, moments, False)
    elif me[at.TURN] >= 0:  # nobody stays where all who turn back are at home
        clear(scratch(B, LEAVING), n + 1)
        gone += leave(B, number, me, blocks_now, day, moments, False)
    return gone


@inner
def leave_again(B, number, me, here, out, day):
    """Who leaves at once of those who came in a later round of a day. Returns whether anyone may."""
    if B[at.N_DAYS] > at.FEW:
        return stay_today_again(B, number, me, here, out, scratch(B, PART), day)
    some = stay_again(B, me, here, out, day)
    clear(shift(out, me[at.COUNT]), 1)
    return some


@inner
def solve_again(B, number, now, blocks_now, flow, day, moments):
    """Solve a node for those who came in a later round of a day. Returns persons whose journey ended, and persons who came."""
    me = shift(whole(B, at.A_NODE), number * at.NODE)
    n = me[at.CHUNKS]
    here, out = scratch(B, HERE), scratch(B, LEAVING)
    gone, came = gather_again(B, me, now, flow, day, moments)
    if not came:
        return gone, 0.0
    moved = total(here, n)
    if me[at.END] > 0 or me[at.SENT]:
        gone += enter(B, me, shift(blocks_now, number * 2), day, moments, True)
    if me[at.SEG_0] < me[at.SEG_1]:
        staying = shift(real(B, at.A_STOCK), at.STAYING * B[at.N_ROWS] + me[at.ACC])
        if leave_again(B, number, me, here, out, day):
            settle_down(staying, here, out, n)
            gone += leave(B, number, me, blocks_now, day, moments, True)
        else:
            add_rows(staying, here, n)
    return gone, moved


@inner
def solve_block(B, one, end, now, blocks_now, flow, day, origin, moments):
    """Solve nodes that lead back to each other within a day, round after round until hardly anybody moves.

    Returns persons whose journey ended.
    """
    gone = 0.0
    clear_block(B, one, end, day)
    for number in range(one, end):
        gone += solve(B, number, now, blocks_now, flow, day, origin, moments)
    for _ in range(ROUNDS):
        moved = 0.0
        for number in range(one, end):
            out, came = solve_again(B, number, now, blocks_now, flow, day, moments)
            gone += out
            moved += came
        if moved < TINY:
            break
    return gone


@tight
def walk(B, part, day, origin, moments):
    """Solve all nodes of a part on a day, those that lead back to each other within the day together."""
    block, node = whole(B, at.A_BLOCK), whole(B, at.A_NODE)
    today = shift(whole(B, at.A_DAY), day * at.DAY)
    blocks_now = shift(whole(B, at.A_BLOCK_OF), today[at.EPOCH] * B[at.N_NODES] * 2)
    now = shift(whole(B, at.A_WAY_OF), today[at.EPOCH] * B[at.N_EDGES])
    flow = shift(real(B, at.A_FLOW), today[at.MONTH] * B[at.N_FLOWS])
    gone = 0.0
    for b in range(part[at.BLOCK_0], part[at.BLOCK_1]):
        one, end = block[b], block[b + 1]
        if end > one + 1:
            gone += solve_block(B, one, end, now, blocks_now, flow, day, origin, moments)
        else:
            gone += solve(B, one, now, blocks_now, flow, day, origin, moments)
        for number in range(one, end):
            me = shift(node, number * at.NODE)
            if me[at.SCALED] and B[at.N_DAYS] > at.FEW:
                rewrite_today(B, number, me, day)
            elif me[at.SCALED]:
                rewrite(B, me, day)
    for number in range(block[part[at.BLOCK_0]], block[part[at.BLOCK_1]]):
        evening(B, number, day)
    real(B, at.A_BALANCE)[day * 3 + 2] += gone


@inner
def begin_period(B, day):
    """Nobody was counted yet at the nodes of a stage, nor over the edges into them, in the period that begins."""
    today = shift(whole(B, at.A_DAY), day * at.DAY)
    if day > 0 and whole(B, at.A_DAY)[(day - 1) * at.DAY + at.MONTH] == today[at.MONTH]:
        return
    part, block, node = whole(B, at.A_PART), whole(B, at.A_BLOCK), whole(B, at.A_NODE)
    first = shift(node, block[part[B[at.N_BEGIN] * at.PART + at.BLOCK_0]] * at.NODE)
    last = shift(node, (block[part[(B[at.N_END] - 1) * at.PART + at.BLOCK_1]] - 1) * at.NODE)
    rows = (last[at.ACC] - first[at.ACC]) // CHUNK + last[at.CHUNKS] + 1
    for status in range(at.STATUSES if B[at.N_TABLES] else 0):
        row = (today[at.MONTH] * at.STATUSES + status) * B[at.N_ROWS] + first[at.ACC]
        clear(shift(real(B, at.A_DAYS), row), rows)
    if first[at.EDGE_0] == last[at.EDGE_1]:
        return
    edge = whole(B, at.A_EDGE)
    one, end = shift(edge, first[at.EDGE_0] * at.EDGE), shift(edge, (last[at.EDGE_1] - 1) * at.EDGE)
    row = today[at.MONTH] * B[at.N_FLOWS] + one[at.FLOW]
    clear(shift(real(B, at.A_FLOW), row), (end[at.FLOW] - one[at.FLOW]) // CHUNK + end[at.WIDE])


@inner
def begin_span(B, day, days):
    """Forget the evenings and the ends of journeys of the span before."""
    B[at.N_DAY], B[at.N_DAYS] = day, days
    clear(scratch(B, GONE), days)
    clear(scratch(B, ROUTE), days)
    counts = scratch(B, COUNTS)
    for i in range(at.SPAN):
        counts[i] = 1.0 if i < days else 0.0


@inner
def end_span(B, day, days):
    """Balance of each day."""
    balance = real(B, at.A_BALANCE)
    for i in range(days):
        d = day + i
        balance[d * 3 + 1] = total(shift(scratch(B, ROUTE), i * CHUNK), 1)
        balance[d * 3 + 2] += total(shift(scratch(B, GONE), i * CHUNK), 1)


@inner
def side_by_side(B, part, day, days):
    """Whether the days of a span can be solved side by side: nothing leads back to a node of the part, and nobody waits in line."""
    return part[at.ALONE] or (part[at.APART] and nobody_waits(B, part[at.Q_0], part[at.Q_1], day, days))


@inner
def run_span(B, day, end, origin, moments):
    """Run the days of a span, from `day` to before `end`, in one stage: part after part of the route."""
    block = whole(B, at.A_BLOCK)
    days = end - day
    begin_departures(B, day)
    begin_period(B, day)
    begin_span(B, day, days)
    for p in range(B[at.N_BEGIN], B[at.N_END]):
        part = shift(whole(B, at.A_PART), p * at.PART)
        if days > at.FEW and side_by_side(B, part, day, days):
            for number in range(block[part[at.BLOCK_0]], block[part[at.BLOCK_1]]):
                solve_days(B, number, day, days, origin, moments)
            continue
        begin_part(B, part, day, days)
        for d in range(day, end):
            if part[at.Q_0] < part[at.Q_1]:
                open_lines(B, p, part[at.Q_0], part[at.Q_1], d, origin)
            walk(B, part, d, origin, moments)
        end_part(B, part, day, days)
    end_span(B, day, days)


@inner
def begin_part(B, part, day, days):
    """What can be known of the days of a span before a part goes through them one by one."""
    if days <= at.FEW:
        return
    block, node = whole(B, at.A_BLOCK), whole(B, at.A_NODE)
    for number in range(block[part[at.BLOCK_0]], block[part[at.BLOCK_1]]):
        if node[number * at.NODE + at.SEG_0] < node[number * at.NODE + at.SEG_1]:
            begin_stays(B, number, day, days)


@inner
def end_part(B, part, day, days):
    """What can wait until a part has gone through the days of a span."""
    block = whole(B, at.A_BLOCK)
    send_on(B, part, day, days)
    for number in range(block[part[at.BLOCK_0]], block[part[at.BLOCK_1]] if days > at.FEW else 0):
        end_stays(B, number, day, days)


@inner
def take_next(progress, stages, spans, backwards):
    """Take the next span of a stage that can go on, the first of them or the last; -1 where none can."""
    end = seen(shift(progress, (stages - 1) * PROGRESS + DONE))
    for i in range(stages):
        stage = stages - 1 - i if backwards else i
        own = shift(progress, stage * PROGRESS)
        span = seen(shift(own, DONE))
        before = stages * PROGRESS + ALLOWED if stage == 0 else (stage - 1) * PROGRESS + DONE
        if span < min(seen(shift(progress, before)), spans, end + at.AHEAD) and take(shift(own, TAKEN), span):
            return stage
    return -1


@jit
def run_stages(tables, spans, progress, backwards, most, patience, origin, moments):
    """Run spans of days through the stages, as far as they can go on, beside other threads that do the same.

    A stage goes through a span behind the stage before it, and not too far ahead of the last.

    Parameters
    ----------
    tables : int64 [stages, numbers and addresses]
        Of the arrays of a run (see `sim.engines.expected.model.tables_of`).
    spans : int64 [spans, 2]
        First day, and day after the last.
    progress : int64 [stages + 1, PROGRESS]
        How far all threads are.
    backwards : bool
        Look for what can go on from the last stage to the first.
    most : int
        Spans of a stage after which to return.
    patience : int
        How often to look for something to do before returning without.
    origin : int
        Day on which the run began, with nobody on the route.
    moments : bool
        Keep sums of days and squared days of those whose journey ends.

    Returns
    -------
    int
        Spans of a stage gone through.
    """
    stages, n, all_of = tables.shape[0], spans.shape[0], pointer(progress)
    stop, ended = shift(all_of, stages * PROGRESS + STOP), shift(all_of, (stages - 1) * PROGRESS + DONE)
    done = looks = 0
    while done < most and looks < patience and seen(stop) == 0:
        stage = take_next(all_of, stages, n, backwards)
        if stage >= 0:
            span = progress[stage, DONE]
            run_span(pointer(tables[stage]), spans[span, 0], spans[span, 1], origin, moments)
            add_one(shift(all_of, stage * PROGRESS + DONE))
            done += 1
            looks = 0
        elif look(ended) == n:
            break
        else:
            looks += 1
    return done
