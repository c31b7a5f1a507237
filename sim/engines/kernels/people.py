"""Departures: travel units and their members, drawn block by block (kernel)."""

from __future__ import annotations

import numpy as np

from sim.engines.kernels.address import array, number, pointer
from sim.engines.kernels.buckets import buckets_of, day_of_leaving, of_part, put, stays_of
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
    mix,
    visit,
)
from sim.engines.kernels.record import MEMBER_BITS, first_words

__all__ = ["depart_part"]

LAST_POSITION = 7


@inner
def _pick(u, thresholds, row, n):
    """Index of the first of `n` cumulated thresholds of a row above `u` (the last where none is)."""
    j = 0
    for a in range(n - 1):
        j += u >= thresholds[row * n + a]
    return j


@inner
def depart_part(book, k, day, seed_key):
    """Let the units of every block of part `k` that fall due on `day` begin their stay.

    A block is a number of persons to depart over some days, cut from units one after another without beginning or end: the
    first and the last are cut to fit, and what is left of the first is drawn as it is met by a cut. A unit departs on the day
    on which one of its members, drawn, falls due. So a row of so many persons a day gives exactly that number, and on every
    day each kind of unit has the share of persons stated for it, however few people a block has. A push thins units (below
    one) or adds copies (above one), each with a draw of its own, so that the same people depart in both of two scenarios.

    Returns
    -------
    int
        Persons who departed.
    """
    period_of_day = array(book, "fixed.period_of_day", 1)
    departed_of = array(book, "state.departed", 3)
    stock = array(book, "state.stock", 4)
    due_start = array(book, "departures.due_start", 1)
    due_block = array(book, "departures.due_block", 1)
    block_part = array(book, "state.block_part", 1)
    block_row = array(book, "departures.block_row", 1)
    block_persons = array(book, "departures.block_persons", 1)
    block_days = array(book, "departures.block_days", 1)
    block_start = array(book, "departures.block_start", 1)
    row_push = array(book, "departures.row_push", 1)
    pushes = array(book, "departures.push", 2)
    row_key = array(book, "departures.row_key", 1)
    block_done = array(book, "state.block_done", 1)
    row_group = array(book, "departures.row_group", 1)
    row_place = array(book, "departures.row_place", 1)
    block_units = array(book, "state.block_units", 1)
    unit_threshold = array(book, "departures.unit_threshold", 2)
    size_threshold = array(book, "departures.size_threshold", 2)
    first_unit = array(book, "departures.first_unit_threshold", 2)
    first_size = array(book, "departures.first_size_threshold", 2)
    female_threshold = array(book, "departures.female_threshold", 1)
    age_threshold = array(book, "departures.age_threshold", 2)
    member_class = array(book, "state.member_class", 1)
    needs_adult = array(book, "departures.needs_adult", 1)
    first_adult_age = number(book, "departures.first_adult_age")
    means = array(book, "departures.means", 2)
    period = period_of_day[day]
    departed = departed_of[k]
    stays, buckets, staying = stays_of(book), of_part(buckets_of(book), k), pointer(stock[k, STAYING])
    total = 0
    for a in range(due_start[day], due_start[day + 1]):
        block = due_block[a]
        if block_part[block] != k:
            continue
        row = block_row[block]
        n, days, start = block_persons[block], block_days[block], block_start[block]
        push = row_push[row]
        factor = 1.0 if push < 0 else pushes[push, day]
        base = mix(row_key[row] ^ seed_key) + (U64(start) << U64(40))
        # persons 0 to due - 1 fall due by today: the smallest x with x * days // n + start > day
        due = min(n, ((day - start + 1) * n + days - 1) // days)
        if block_done[block] >= due:
            continue
        done, units, came = _depart_units(
            row_group[row], row_place[row], day, n, due, factor, base, block_done[block], block_units[block],
            stock.shape[3], pointer(unit_threshold), unit_threshold.shape[1], pointer(size_threshold),
            size_threshold.shape[1], pointer(first_unit), pointer(first_size), pointer(female_threshold),
            pointer(age_threshold), age_threshold.shape[1], pointer(needs_adult), first_adult_age, pointer(member_class),
            pointer(means), stays, buckets, staying,
        )  # fmt: skip
        block_done[block] = done
        block_units[block] = units
        departed[period, row] += came
        total += came
    return total


@inner
def _depart_units(
    group, place, day, n, due, factor, base, done, ordinal, n_tally, unit_threshold, n_units, size_threshold, sizes, first_unit,
    first_size, female_threshold, age_threshold, n_ages, needs_adult, first_adult_age, member_class, means_of, stays, buckets,
    staying,
):  # fmt: skip
    """Let units of a block depart that fall due among its first `due` persons.

    Returns persons done, units drawn and persons who departed.
    """
    total = 0
    key, slot = stays.place_word[4 * place], stays.place_word[4 * place + 1] & U64(0xFF)
    whole = np.int64(np.floor(factor))
    share = U64((factor - whole) * 4294967296.0)
    while done < due:
        first = mix(base + U64(ordinal) * GOLD)
        h = mix(first + U64(STREAM_UNIT) * GOLD)
        units_of, sizes_of = (first_unit, first_size) if ordinal == 0 else (unit_threshold, size_threshold)
        kind = group * n_units + _pick(min(h >> S32, TOP), units_of, group, n_units)
        hs = mix(h)
        size = 1 + _pick(min(hs & M32, TOP), sizes_of, kind, sizes)
        size = min(size, n - done, LAST_POSITION + 1)
        if done + np.int64((hs >> S32) * U64(size) >> S32) >= due:
            break  # drawn again on a later day
        ordinal += 1
        done += size
        copies = whole
        if share > U64(0) and (mix(h + GOLD) >> S32) < share:
            copies += 1
        means = U64(means_of[group * 256 + np.int64((h >> S16) & U64(0xFF))])
        for copy in range(copies):
            w0 = mix(first + U64(copy) * GOLD) if copy > 0 else first
            w1, lap, h_stay = visit(key, slot, w0, U64(0), U64(0))
            when = min(day_of_leaving(stays, kind, np.int64(place), h_stay & M32, day), stays.n_days)
            adult = False
            members = U64(0)
            for pos in range(size):
                hm = mix(w0 + U64(pos + STREAM_PERSON) * GOLD)
                male = np.int64((hm & M32) >= female_threshold[kind])
                age = _pick(min(hm >> S32, TOP), age_threshold, kind, n_ages)
                adult = adult or age >= first_adult_age
                if pos == size - 1 and not adult and needs_adult[kind]:
                    age = first_adult_age
                member = 1 + male * n_ages + age
                members |= U64(member) << (MEMBER_BITS * U64(pos))
                staying[place * n_tally + np.int64(member_class[16 * kind + member])] += 1
            w2, w3 = first_words(place, kind, day, members, means, lap, h_stay >> S32)
            put(buckets, when, w0, w1, w2, w3)
            total += size
    return done, ordinal, total
