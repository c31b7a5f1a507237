"""Lines before limited legs as fluids: who is let through each morning, and who of those who ask today (kernels).

A line that is first come first served keeps those who joined by day; a line by lot, which people may give up, is well mixed.
Limits shared by several lines are split in proportion to those who wait. With `replay` on, the shares recorded in an earlier
run are let through instead, so that the model is linear in the departures.
"""

from __future__ import annotations

from sim.engines.kernels import expected_layout as at
from sim.engines.kernels.expected_evening import tell_apart
from sim.engines.kernels.expected_rows import (
    CHUNK,
    add_rows,
    add_scaled,
    anyone,
    clear,
    inner,
    part_sum,
    real,
    scale,
    shift,
    total,
    whole,
)

__all__ = ["ask", "goes_back", "nobody_waits", "open_lines", "wave_through"]

UNLIMITED = 1e17
NOBODY = 1e-9
"""Persons in line below which nobody is held up."""


@inner
def refill(B, part, day):
    """Set what each limit of a part takes today; what is left of a monthly cap stays until the month ends."""
    for limit in range(B[at.N_LIMITS]):
        if whole(B, at.A_LIMIT_PART)[limit] != part:
            continue
        today = real(B, at.A_ALLOTMENT)[limit * B[at.N_N_DAYS] + day]
        kept = 0.0
        if day > 0 and real(B, at.A_ALLOTMENT)[limit * B[at.N_N_DAYS] + day - 1] < UNLIMITED:
            if (
                whole(B, at.A_MONTHLY)[limit]
                and whole(B, at.A_DAY)[day * at.DAY + at.CALENDAR]
                == whole(B, at.A_DAY)[(day - 1) * at.DAY + at.CALENDAR]
            ):
                kept = real(B, at.A_LEFT)[limit]
            elif B[at.N_SAVE_UP]:
                kept = min(real(B, at.A_LEFT)[limit], 8.0)
        real(B, at.A_LEFT)[limit] = today if today >= UNLIMITED else today + kept
    for r in range(B[at.N_ROOMS]):
        if whole(B, at.A_ROOM_PART)[r] != part:
            continue
        inside = 0.0
        for number in range(B[at.N_NODES]):
            me = shift(whole(B, at.A_NODE), number * at.NODE)
            if me[at.PLACE] != whole(B, at.A_ROOM_PLACE)[r]:
                continue
            n, acc = me[at.CHUNKS], me[at.ACC]
            for s in (at.STAYING, at.TRAVELLING, at.CLOSED):
                inside += total(shift(real(B, at.A_STOCK), s * B[at.N_ROWS] + acc), n)
            for q in range(me[at.ASK_0], me[at.ASK_1]):
                inside += total(shift(real(B, at.A_QUEUE), whole(B, at.A_Q_QUEUE)[q]), n)
        real(B, at.A_LEFT)[B[at.N_LIMITS] + r] = real(B, at.A_ROOM)[r * B[at.N_N_DAYS] + day] - inside


@inner
def let_go(B, q, day):
    """Those whose leg is closed to them today, and those whose patience ended, choose again."""
    me = shift(whole(B, at.A_NODE), whole(B, at.A_Q_NODE)[q] * at.NODE)
    edge = shift(whole(B, at.A_EDGE), whole(B, at.A_Q_EDGE)[q] * at.EDGE)
    n, width = me[at.CHUNKS], me[at.CHUNKS] * CHUNK
    ep = whole(B, at.A_DAY)[day * at.DAY + at.EPOCH]
    queue = shift(real(B, at.A_QUEUE), whole(B, at.A_Q_QUEUE)[q])
    again = shift(real(B, at.A_STOCK), at.AGAIN * B[at.N_ROWS] + me[at.ACC])
    ring = whole(B, at.A_Q_RING)[q]
    if ep != whole(B, at.A_DAY)[(day - 1) * at.DAY + at.EPOCH]:
        row = shift(
            real(B, at.A_ROW),
            whole(B, at.A_BLOCK_OF)[(ep * B[at.N_NODES] + whole(B, at.A_Q_NODE)[q]) * 2 + at.CHOICE]
            + edge[at.ROW],
        )
        one, end = edge[at.FROM], edge[at.FROM] + edge[at.ASKED] * CHUNK
        freed = 0.0
        for v in range(width):
            closed = v < one or v >= end or row[v - one] == 0.0
            if closed and queue[v] != 0.0:
                freed += queue[v]
                again[v] += queue[v]
                queue[v] = 0.0
                if ring >= 0:
                    for d in range(int(real(B, at.A_HEAD)[q]), day):
                        real(B, at.A_JOINED)[ring + d * width + v] = 0.0
        if freed > 0.0 and ring >= 0:
            for d in range(int(real(B, at.A_HEAD)[q]), day):
                real(B, at.A_COHORT)[q * B[at.N_N_DAYS] + d] = total(
                    shift(real(B, at.A_JOINED), ring + d * width), n
                )
    if whole(B, at.A_Q_PATIENCE)[q] > 0:
        record = shift(real(B, at.A_RECORD), (day * B[at.N_LINES] + q) * 3)
        if not B[at.N_REPLAY]:
            record[2] = give_up(B, q, day)
        if record[2] > 0.0:
            waiting = shift(queue, edge[at.FROM])  # only classes that may take the leg wait for it
            add_scaled(shift(again, edge[at.FROM]), record[2], waiting, edge[at.ASKED])
            scale(waiting, 1.0 - record[2], waiting, edge[at.ASKED])


@inner
def first_of_line(B, q, day):
    """First day on which someone joined who may still be in a line that people give up or that is served by lot."""
    cohort, d = shift(real(B, at.A_COHORT), q * B[at.N_N_DAYS]), int(real(B, at.A_HEAD)[q])
    while d < day and cohort[d] == 0.0:
        d += 1
    real(B, at.A_HEAD)[q] = d
    return max(d, day - 2 * whole(B, at.A_Q_PATIENCE)[q])


@inner
def give_up(B, q, day):
    """Share of a line whose patience ends today: patience is even over 1 to twice its mean days after joining."""
    twice = 2 * whole(B, at.A_Q_PATIENCE)[q]
    cohort = shift(real(B, at.A_COHORT), q * B[at.N_N_DAYS])
    waiting, gone = 0.0, 0.0
    for d in range(first_of_line(B, q, day), day):
        part = cohort[d] / (twice - (day - d) + 1.0)
        waiting += cohort[d]
        gone += part
        cohort[d] -= part
    return min(gone / waiting, 1.0) if waiting > 0.0 else 0.0


@inner
def limits_of(B, q):
    """How many limits a line has."""
    return whole(B, at.A_Q_LIMITS)[q]


@inner
def limit_of(B, q, a):
    """One of the limits of a line."""
    return whole(B, at.A_Q_LIMIT)[q * B[at.N_OF_LEG] + a]


@inner
def take(B, q, persons):
    """Take persons from what the limits of a line still take today."""
    for a in range(limits_of(B, q)):
        real(B, at.A_LEFT)[limit_of(B, q, a)] -= persons


@inner
def allow(B, one, end):
    """Persons let through of those who want: limits shared in proportion, in three rounds; takes them from the limits."""
    want, got, passed, demand = (
        real(B, at.A_WANT),
        shift(real(B, at.A_WANT), B[at.N_LINES]),
        shift(real(B, at.A_WANT), 2 * B[at.N_LINES]),
        shift(real(B, at.A_WANT), 3 * B[at.N_LINES]),
    )
    wanted = 0.0
    for q in range(one, end):
        got[q] = 0.0
        wanted += want[q]
    for _ in range(3 if wanted > 0.0 else 0):
        for limit in range(B[at.N_LIMITS] + B[at.N_ROOMS]):
            demand[limit] = 0.0
        for q in range(one, end):
            for a in range(limits_of(B, q) if want[q] > 0.0 else 0):
                demand[limit_of(B, q, a)] += want[q]
        moved = 0.0
        for q in range(one, end):
            share = 1.0 if want[q] > 0.0 else 0.0
            for a in range(limits_of(B, q) if want[q] > 0.0 else 0):
                limit = limit_of(B, q, a)
                share = min(share, max(real(B, at.A_LEFT)[limit], 0.0) / demand[limit])
            passed[q] = share * want[q]
        for q in range(one, end):
            if passed[q] > 0.0:
                want[q] -= passed[q]
                got[q] += passed[q]
                moved += passed[q]
                take(B, q, passed[q])
        if moved <= NOBODY:
            break


@inner
def let_through(B, q, day, share, row):
    """Part of a row of the line's classes sets out over its leg."""
    edge = shift(whole(B, at.A_EDGE), whole(B, at.A_Q_EDGE)[q] * at.EDGE)
    ring = shift(real(B, at.A_RING), edge[at.RING] + (day & edge[at.MASK]) * edge[at.WIDE] * CHUNK)
    if edge[at.PARTS] >= 0:
        tell_apart(B, edge, ring, row, share, True)
    else:
        add_scaled(ring, share, row, edge[at.WIDE])


@inner
def serve(B, q, day, persons):
    """Let through persons from a line: those who joined first, or everybody alike."""
    me = shift(whole(B, at.A_NODE), whole(B, at.A_Q_NODE)[q] * at.NODE)
    edge = shift(whole(B, at.A_EDGE), whole(B, at.A_Q_EDGE)[q] * at.EDGE)
    n, width = edge[at.ASKED], me[at.CHUNKS] * CHUNK
    queue = shift(real(B, at.A_QUEUE), whole(B, at.A_Q_QUEUE)[q] + edge[at.FROM])
    record, cohort = (
        shift(real(B, at.A_RECORD), (day * B[at.N_LINES] + q) * 3),
        shift(real(B, at.A_COHORT), q * B[at.N_N_DAYS]),
    )
    if whole(B, at.A_Q_MIXED)[q]:
        waiting = total(queue, n)
        if waiting == 0.0 and not B[at.N_REPLAY]:  # as on most days, on which nothing is limited
            record[0] = 1.0
            for d in range(first_of_line(B, q, day), day):
                cohort[d] = 0.0  # whoever joined left the line when the leg closed to them
            return
        if not B[at.N_REPLAY]:
            record[0] = min(persons / waiting, 1.0) if waiting > NOBODY else 1.0
            kept = 1.0 - record[0]
            for d in range(first_of_line(B, q, day), day):
                cohort[d] *= kept
        let_through(B, q, day, record[0], queue)
        scale(queue, 1.0 - record[0], queue, n)
        return
    head, left = real(B, at.A_HEAD)[q], persons
    while head < day:
        d = int(head)
        step = d + 1.0 - head
        entirely = True
        if B[at.N_REPLAY]:
            if record[0] < d + 1.0:
                step, entirely = record[0] - head, False
        elif cohort[d] == 0.0:
            head = d + 1.0
            continue
        else:
            if left < step * cohort[d]:
                step, entirely = left / cohort[d], False
            left -= step * cohort[d]
        if step <= 0.0:
            break
        row = shift(real(B, at.A_JOINED), whole(B, at.A_Q_RING)[q] + d * width + edge[at.FROM])
        let_through(B, q, day, step, row)
        add_scaled(queue, -step, row, n)
        head = d + 1.0 if entirely else head + step
        if not entirely:
            break
    real(B, at.A_HEAD)[q] = head
    if not B[at.N_REPLAY]:
        record[0] = head


@inner
def open_lines(B, part, one, end, day, first):
    """The morning of a part: limits are filled, lines whose leg closed choose again, and those who wait are let through."""
    refill(B, part, day)
    for q in range(one, end):
        edge = shift(whole(B, at.A_EDGE), whole(B, at.A_Q_EDGE)[q] * at.EDGE)
        clear(
            shift(real(B, at.A_RING), edge[at.RING] + (day & edge[at.MASK]) * edge[at.WIDE] * CHUNK),
            edge[at.WIDE],
        )
        real(B, at.A_ASKED)[2 * q] = 0.0
        real(B, at.A_ASKED)[2 * q + 1] = 0.0
        if B[at.N_REPLAY] and day == first and whole(B, at.A_Q_RING)[q] >= 0:
            real(B, at.A_HEAD)[q] = day
        if day > first:
            let_go(B, q, day)
        queue = shift(real(B, at.A_QUEUE), whole(B, at.A_Q_QUEUE)[q] + edge[at.FROM])
        real(B, at.A_WANT)[q] = total(queue, edge[at.ASKED])
    if not B[at.N_REPLAY]:
        allow(B, one, end)
    for q in range(one, end):
        serve(B, q, day, real(B, at.A_WANT)[B[at.N_LINES] + q])


@inner
def nobody_waits(B, one, end, day, days):
    """Whether nobody is in some lines, nor will be on some days, because nothing is limited on them."""
    if B[at.N_REPLAY]:
        return False
    for q in range(one, end):
        for a in range(limits_of(B, q)):
            limit = limit_of(B, q, a)
            if limit >= B[at.N_LIMITS]:  # a place that can be full
                return False
            for d in range(day, day + days):
                if real(B, at.A_ALLOTMENT)[limit * B[at.N_N_DAYS] + d] < UNLIMITED:
                    return False
        chunks = whole(B, at.A_NODE)[whole(B, at.A_Q_NODE)[q] * at.NODE + at.CHUNKS]
        if anyone(shift(real(B, at.A_QUEUE), whole(B, at.A_Q_QUEUE)[q]), chunks):
            return False
    return True


@inner
def wave_through(B, q, day, days):
    """Note that a line lets everybody through on some days on which nobody waits."""
    for d in range(day, day + days):
        record = shift(real(B, at.A_RECORD), (d * B[at.N_LINES] + q) * 3)
        record[0] = 1.0 if whole(B, at.A_Q_MIXED)[q] else d
        record[1], record[2] = 1.0, 0.0
        real(B, at.A_COHORT)[q * B[at.N_N_DAYS] + d] = 0.0
    real(B, at.A_HEAD)[q] = day + days - 1


@inner
def goes_back(edge):
    """Whether those who set out over an edge may arrive on the same day at a node that was solved before their own."""
    return edge[at.LATER] >= 0 and edge[at.SOURCE] >= edge[at.TARGET]


@inner
def ask(B, q, day, block, out, part, again):
    """Those who ask for a limited leg today: let through while nobody waits and there is room; the rest joins the line."""
    me = shift(whole(B, at.A_NODE), whole(B, at.A_Q_NODE)[q] * at.NODE)
    edge = shift(whole(B, at.A_EDGE), whole(B, at.A_Q_EDGE)[q] * at.EDGE)
    n, width = edge[at.ASKED], me[at.CHUNKS] * CHUNK
    queue = shift(real(B, at.A_QUEUE), whole(B, at.A_Q_QUEUE)[q] + edge[at.FROM])
    record, cohort = (
        shift(real(B, at.A_RECORD), (day * B[at.N_LINES] + q) * 3),
        shift(real(B, at.A_COHORT), q * B[at.N_N_DAYS]),
    )
    asked = part_sum(part, shift(real(B, at.A_ROW), block + edge[at.ROW]), shift(out, edge[at.FROM]), n)
    share = record[1]
    if not B[at.N_REPLAY]:
        share = 0.0
        if total(queue, n) <= NOBODY + 1e-9 * asked:
            share = 1.0
            for a in range(limits_of(B, q)):
                share = min(share, max(real(B, at.A_LEFT)[limit_of(B, q, a)], 0.0) / max(asked, NOBODY))
        take(B, q, share * asked)
        real(B, at.A_ASKED)[2 * q] += asked
        real(B, at.A_ASKED)[2 * q + 1] += share * asked
        record[1] = (
            real(B, at.A_ASKED)[2 * q + 1] / real(B, at.A_ASKED)[2 * q]
            if real(B, at.A_ASKED)[2 * q] > NOBODY
            else share
        )
    if asked == 0.0 and not again and edge[at.LATER] < 0:  # as where the leg is shut
        cohort[day] = 0.0
        return
    let_through(B, q, day, share, part)
    if goes_back(edge) or (again and edge[at.LATER] >= 0):
        scale(shift(real(B, at.A_LATER), edge[at.LATER]), share, part, n)
    cohort[day] = (1.0 - share) * asked + (cohort[day] if again else 0.0)
    if share == 1.0:
        return
    scale(part, 1.0 - share, part, n)
    add_rows(queue, part, n)
    if whole(B, at.A_Q_RING)[q] >= 0:  # nobody joined yet on a day that has not been
        joined = shift(real(B, at.A_JOINED), whole(B, at.A_Q_RING)[q] + day * width + edge[at.FROM])
        add_rows(joined, part, n)
