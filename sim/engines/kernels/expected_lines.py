"""Lines before limited legs as fluids: who is let through each morning, and who of those who ask today (kernels).

A line that is first come first served keeps those who joined by day; a line by lot, which people may give up, is well mixed.
Limits shared by several lines are split in proportion to those who wait. With `replay` on, the shares recorded in an earlier
run are let through instead, so that the model is linear in the departures.
"""

from __future__ import annotations

from sim.engines.kernels.expected_layout import (
    ACC,
    AGAIN,
    ASK_0,
    ASK_1,
    CALENDAR,
    CLOSED,
    COUNT,
    DAY,
    EPOCH,
    LO,
    NODE,
    PLACE,
    STAYING,
    TRAVELLING,
    WIDTH,
)  # fmt: skip
from sim.engines.kernels.expected_rows import add_scaled, clear, inner, shift, total

__all__ = ["ask", "open_lines"]

UNLIMITED = 1e17
NOBODY = 1e-9
"""Persons in line below which nobody is held up."""


@inner
def refill(B, day):
    """Set what each limit takes today; what is left of a monthly cap stays until the month ends."""
    for limit in range(B.limits):
        today = B.allotment[limit * B.n_days + day]
        kept = 0.0
        if day > 0 and B.allotment[limit * B.n_days + day - 1] < UNLIMITED:
            if B.monthly[limit] and B.day[day * DAY + CALENDAR] == B.day[(day - 1) * DAY + CALENDAR]:
                kept = B.left[limit]
            elif B.save_up:
                kept = min(B.left[limit], 8.0)
        B.left[limit] = today if today >= UNLIMITED else today + kept
    for r in range(B.rooms):
        inside = 0.0
        for at in range(B.nodes):
            me = shift(B.node, at * NODE)
            if me[PLACE] != B.room_place[r]:
                continue
            n, acc = me[COUNT], me[ACC] + me[LO]
            for s in (STAYING, TRAVELLING, CLOSED):
                inside += total(B.stock, s * B.rows + acc, n)
            for q in range(me[ASK_0], me[ASK_1]):
                inside += total(B.queue, B.q_queue[q] + me[LO], n)
        B.left[B.limits + r] = B.room[r * B.n_days + day] - inside


@inner
def let_go(B, q, day):
    """Those whose leg is closed to them today, and those whose patience ended, choose again."""
    me = shift(B.node, B.q_node[q] * NODE)
    lo, n, width = me[LO], me[COUNT], me[WIDTH]
    ep = B.day[day * DAY + EPOCH]
    row, queue = shift(B.row, B.q_ask[ep * B.lines + q] + lo), shift(B.queue, B.q_queue[q] + lo)
    again = shift(B.stock, AGAIN * B.rows + me[ACC] + lo)
    ring = B.q_ring[q]
    if ep != B.day[(day - 1) * DAY + EPOCH]:
        freed = 0.0
        for v in range(n):
            if row[v] == 0.0 and queue[v] != 0.0:
                freed += queue[v]
                again[v] += queue[v]
                queue[v] = 0.0
                if ring >= 0:
                    for d in range(int(B.head[q]), day):
                        B.joined[ring + d * width + lo + v] = 0.0
        if freed > 0.0 and ring >= 0:
            for d in range(int(B.head[q]), day):
                B.cohort[q * B.n_days + d] = total(B.joined, ring + d * width + lo, n)
    if B.q_patience[q] > 0:
        record = shift(B.record, (day * B.lines + q) * 3)
        if not B.replay:
            record[2] = give_up(B, q, day)
        add_scaled(again, 0, record[2], queue, 0, n)
        for v in range(n):
            queue[v] *= 1.0 - record[2]


@inner
def give_up(B, q, day):
    """Share of a line whose patience ends today: patience is even over 1 to twice its mean days after joining."""
    twice = 2 * B.q_patience[q]
    cohort = shift(B.cohort, q * B.n_days)
    waiting, gone = 0.0, 0.0
    for d in range(max(0, day - twice), day):
        part = cohort[d] / (twice - (day - d) + 1.0)
        waiting += cohort[d]
        gone += part
        cohort[d] -= part
    return min(gone / waiting, 1.0) if waiting > 0.0 else 0.0


@inner
def take(B, q, persons):
    """Take persons from what the limits of a line still take today."""
    for a in range(B.of_leg):
        limit = B.q_limit[q * B.of_leg + a]
        if limit >= 0:
            B.left[limit] -= persons


@inner
def allow(B):
    """Persons let through of those who want: limits shared in proportion, in three rounds; takes them from the limits."""
    want, got, passed, demand = (
        B.want,
        shift(B.want, B.lines),
        shift(B.want, 2 * B.lines),
        shift(B.want, 3 * B.lines),
    )
    clear(got, 0, B.lines)
    for _ in range(3):
        clear(demand, 0, B.limits + B.rooms)
        for q in range(B.lines):
            for a in range(B.of_leg):
                limit = B.q_limit[q * B.of_leg + a]
                if limit >= 0:
                    demand[limit] += want[q]
        moved = 0.0
        for q in range(B.lines):
            share = 1.0
            for a in range(B.of_leg):
                limit = B.q_limit[q * B.of_leg + a]
                if limit >= 0 and demand[limit] > 0.0:
                    share = min(share, max(B.left[limit], 0.0) / demand[limit])
            passed[q] = share * want[q]
        for q in range(B.lines):
            want[q] -= passed[q]
            got[q] += passed[q]
            moved += passed[q]
            take(B, q, passed[q])
        if moved <= NOBODY:
            break


@inner
def serve(B, q, day, persons):
    """Let through persons from a line: those who joined first, or everybody alike."""
    me = shift(B.node, B.q_node[q] * NODE)
    lo, n, width = me[LO], me[COUNT], me[WIDTH]
    queue = shift(B.queue, B.q_queue[q] + lo)
    to = shift(B.l, B.source[B.q_source[q] * 2] + (day & B.mask) * width + lo)
    record, cohort = shift(B.record, (day * B.lines + q) * 3), shift(B.cohort, q * B.n_days)
    if B.q_mixed[q]:
        waiting = total(queue, 0, n)
        if not B.replay:
            record[0] = min(persons / waiting, 1.0) if waiting > NOBODY else 1.0
            for d in range(max(0, day - 2 * B.q_patience[q]), day):
                cohort[d] *= 1.0 - record[0]
        add_scaled(to, 0, record[0], queue, 0, n)
        for v in range(n):
            queue[v] *= 1.0 - record[0]
        return
    head, left = B.head[q], persons
    while head < day:
        d = int(head)
        step = d + 1.0 - head
        whole = True
        if B.replay:
            if record[0] < d + 1.0:
                step, whole = record[0] - head, False
        elif cohort[d] > 0.0:
            if left < step * cohort[d]:
                step, whole = left / cohort[d], False
            left -= step * cohort[d]
        if step <= 0.0:
            break
        row = B.q_ring[q] + d * width + lo
        add_scaled(to, 0, step, B.joined, row, n)
        add_scaled(queue, 0, -step, B.joined, row, n)
        head = d + 1.0 if whole else head + step
        if not whole:
            break
    B.head[q] = head
    record[0] = head


@inner
def open_lines(B, day, first):
    """The morning: limits are filled, lines whose leg closed choose again, and those who wait are let through."""
    refill(B, day)
    for q in range(B.lines):
        me = shift(B.node, B.q_node[q] * NODE)
        clear(B.l, B.source[B.q_source[q] * 2] + (day & B.mask) * me[WIDTH], me[WIDTH])
        B.asked[2 * q] = 0.0
        B.asked[2 * q + 1] = 0.0
        if B.replay and day == first and B.q_ring[q] >= 0:
            B.head[q] = day
        if day > first:
            let_go(B, q, day)
        B.want[q] = total(B.queue, B.q_queue[q] + me[LO], me[COUNT])
    if not B.replay:
        allow(B)
    for q in range(B.lines):
        serve(B, q, day, B.want[B.lines + q])


@inner
def ask(B, q, day, again):
    """Those who ask for a limited leg today: let through while nobody waits and there is room; the rest joins the line."""
    me = shift(B.node, B.q_node[q] * NODE)
    lo, n, width = me[LO], me[COUNT], me[WIDTH]
    out, part = shift(B.buffer, 3 * B.wide), shift(B.buffer, 4 * B.wide)
    queue, src = shift(B.queue, B.q_queue[q] + lo), shift(B.source, B.q_source[q] * 2)
    row = shift(B.row, B.q_ask[B.day[day * DAY + EPOCH] * B.lines + q] + lo)
    record, cohort = shift(B.record, (day * B.lines + q) * 3), shift(B.cohort, q * B.n_days)
    for v in range(n):
        part[v] = row[v] * out[v]
    asked = total(part, 0, n)
    share = record[1]
    if not B.replay:
        share = 0.0
        if total(queue, 0, n) <= NOBODY + 1e-9 * asked:
            share = 1.0
            for a in range(B.of_leg):
                limit = B.q_limit[q * B.of_leg + a]
                if limit >= 0:
                    share = min(share, max(B.left[limit], 0.0) / max(asked, NOBODY))
        take(B, q, share * asked)
        B.asked[2 * q] += asked
        B.asked[2 * q + 1] += share * asked
        record[1] = B.asked[2 * q + 1] / B.asked[2 * q] if B.asked[2 * q] > NOBODY else share
    add_scaled(B.l, src[0] + (day & B.mask) * width + lo, share, part, 0, n)
    d = shift(B.delta, src[1] + lo)
    for v in range(n):
        d[v] = share * part[v]
        queue[v] += part[v] - d[v]
    if B.q_ring[q] >= 0:
        joined = shift(B.joined, B.q_ring[q] + day * width + lo)
        for v in range(n):
            joined[v] = part[v] - d[v] + (joined[v] if again else 0.0)
    cohort[day] = (1.0 - share) * asked + (cohort[day] if again else 0.0)
