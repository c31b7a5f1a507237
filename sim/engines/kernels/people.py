"""Departures: travel units and their members, drawn block by block (kernel)."""

from __future__ import annotations

import numpy as np

from sim.engines.kernels.draws import (
    GOLD,
    M32,
    S16,
    S32,
    STAYING,
    STREAM_PERSON,
    STREAM_UNIT,
    TOP,
    U64,
    inner,
    jit,
    mix,
    visit,
)
from sim.engines.kernels.walk import day_of_leaving
from sim.plan.layout import PAGE

__all__ = ["depart_part"]

LAST_POSITION = 7


@inner
def _pick(u, thresholds):
    """Index of the first threshold above `u`."""
    j = 0
    while j < thresholds.shape[0] - 1 and u >= thresholds[j]:
        j += 1
    return j


@jit
def depart_part(P, D, S, k, day, seed_key):
    """Let the units of every block of part `k` that fall due on `day` begin their stay.

    A block is a number of persons to depart over some days. Units are drawn one after another until the block is full
    (the last is cut to fit), and a unit departs on the day on which its first member falls due, so that a row of so many
    persons a day gives exactly that number. A push thins units (below one) or adds copies (above one), each with a draw
    of its own, so that the same people depart in both of two scenarios.

    Returns
    -------
    int
        Persons who departed.
    """
    pages, next_page, free, pointer = S.pages[k], S.next_page[k], S.free[k], S.pointer[k]
    head, tail, fill = S.head[k], S.tail[k], S.fill[k]
    stock, departed = S.stock[k], S.departed[k]
    total = 0
    n_units = D.unit_threshold.shape[1]
    for a in range(D.due_start[day], D.due_start[day + 1]):
        block = D.due_block[a]
        if D.block_part[block] % S.pages.shape[0] != k:
            continue
        row = D.block_row[block]
        n, days, start = D.block_persons[block], D.block_days[block], D.block_start[block]
        place, group = D.row_place[row], D.row_group[row]
        push = D.row_push[row]
        factor = 1.0 if push < 0 else D.push[push, day]
        base = mix(D.row_key[row] ^ seed_key) + (U64(start) << U64(40))
        done = S.block_done[block]
        while done < n and done * days // n + start <= day:
            ordinal = S.block_units[block]
            S.block_units[block] = ordinal + 1
            first = mix(base + U64(ordinal) * GOLD)
            h = mix(first + U64(STREAM_UNIT) * GOLD)
            unit = _pick(min(h >> S32, TOP), D.unit_threshold[group])
            kind = group * n_units + unit
            size = 1 + _pick(min(mix(h) & M32, TOP), D.size_threshold[kind])
            size = min(size, n - done, LAST_POSITION + 1)
            done += size
            copies = np.int64(np.floor(factor))
            share = factor - copies
            if share > 0.0 and (mix(h + GOLD) >> S32) < U64(share * 4294967296.0):
                copies += 1
            for copy in range(copies):
                w0 = mix(first + U64(copy) * GOLD) if copy > 0 else first
                adult = False
                for pos in range(size):
                    hm = mix(w0 + U64(pos + STREAM_PERSON) * GOLD)
                    female = np.int64((hm & M32) < D.female_threshold[kind])
                    age = _pick(min(hm >> S32, TOP), D.age_threshold[kind])
                    adult = adult or age >= D.first_adult_age
                    if pos == size - 1 and not adult and D.needs_adult[kind]:
                        age = D.first_adult_age
                    g = D.tally_class[group, 1 - female, age]
                    means = U64(D.means[group, (h >> S16) & U64(0xFF)])
                    w1, lap, hs = visit(P.place_key[place], P.place_slot[place], w0, U64(0), U64(0))
                    u = min(hs & M32, TOP)
                    table = P.stay_table[kind, place]
                    o = P.offset[table]
                    j = np.int64(P.guide[table, u >> U64(24)])
                    while u >= P.cdf[o + j]:
                        j += 1
                    when = day + j
                    cal = P.stay_calendar[kind, place]
                    if cal >= 0 and when > P.calendar_span[cal, 0] and day <= P.calendar_span[cal, 1]:
                        when = day_of_leaving(
                            u, day, table, cal, P.offset, P.cdf, P.hazard, P.calendar, P.n_days
                        )
                    when = min(when, P.n_days)
                    w2 = U64(place) | (U64(g) << S16) | (U64(kind) << S32) | (U64(day) << U64(48))
                    w3 = means | (U64(pos) << S16) | (lap << U64(26)) | ((hs >> S32) << S32)
                    stock[STAYING, place, g] += 1
                    departed[P.period_of_day[day], row] += 1
                    total += 1
                    _put(pages, next_page, free, pointer, head, tail, fill, when, w0, w1, w2, w3)
        S.block_done[block] = done
    return total


@inner
def _put(pages, next_page, free, pointer, head, tail, fill, when, w0, w1, w2, w3):
    """Put a record into the bucket of day `when`."""
    n = np.int64(fill[when])
    page = np.int64(tail[when])
    if n == PAGE:
        top = pointer[0]
        if top > 0:
            pointer[0] = top - 1
            new = np.int64(free[top - 1])
        else:
            new = np.int64(pointer[1])
            pointer[1] = new + 1
        next_page[new] = -1
        if page < 0:
            head[when] = new
        else:
            next_page[page] = new
        tail[when] = new
        page = new
        n = 0
    pages[page, 4 * n] = w0
    pages[page, 4 * n + 1] = w1
    pages[page, 4 * n + 2] = w2
    pages[page, 4 * n + 3] = w3
    fill[when] = n + 1
