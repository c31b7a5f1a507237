"""The shape of the engine's memory: what the plan, the day's tables and the state hold, array by array."""

from __future__ import annotations

from typing import Any, NamedTuple

from numpy.typing import NDArray

__all__ = ["PAGE", "Departures", "Epochs", "Fixed", "Knowledge", "Limits", "State", "Today"]

PAGE = 64
"""Records on a page of a day's bucket."""

Array = NDArray[Any]


class Fixed(NamedTuple):
    """What does not change during a run (P places, L legs, K kinds = groups x units, G tally classes)."""

    n_days: int
    month_of_day: Array  # int16 [n_days + 1]
    period_of_day: Array  # int16 [n_days + 1], period of the tables: month, or day
    month_of_period: Array  # int16 [periods + 1]
    place_key: Array  # uint64 [P], hash of the place's id
    place_slot: Array  # uint64 [P], bit position of the place's visit counter
    place_country: Array  # int16 [P]
    place_ends: Array  # uint8 [P], 1 = arriving here northward is the outcome "arrived"
    place_event: Array  # uint8 [P], 1 = an arrival is an event of its own
    daily_cost: Array  # int64 [P], USD per person and day
    kind_home: Array  # int16 [K], country of the group
    tally_group: Array  # int16 [G], group of a tally class (group x sex x age band)
    leg_from: Array  # int32 [L]
    leg_to: Array  # int32 [L]
    leg_key: Array  # uint64 [L]
    leg_sort: Array  # uint8 [L], 0 move, 1 settle, 2 turn back
    leg_limited: Array  # uint8 [L], 1 = served through the line
    leg_end: Array  # uint8 [L], outcome on arrival (0 none)
    alternative: Array  # int32 [P, W + 1], leg of each alternative, -1 none
    alternatives: Array  # int32 [P], how many each place has
    weight: Array  # float64 [C, P, W], base weight of each alternative; C = classes x 2 headings x classes of means
    guide: Array  # uint16 [D, 256]
    offset: Array  # int64 [D + 1]
    cdf: Array  # uint32 [sum of sizes]
    hazard: Array  # float64 [sum of sizes], discrete hazard of each day in cumulated form
    stay_table: Array  # int32 [K, P]
    stay_calendar: Array  # int32 [K, P], -1 none
    calendar: Array  # float64 [S, n_days + 1], multipliers summed over days before
    calendar_span: Array  # int32 [S, 2], first and last day with a multiplier other than 1
    forced_index: Array  # int32 [P], -1 = none
    forced_leg: Array  # int32 [F, J, K]
    means_edge: Array  # int64 [M - 1], USD
    keep_after_robbery: int  # of 256
    kind_group: Array  # int16 [K]
    kind_class: Array  # int32 [K], class of choice: kinds that choose alike
    class_group: Array  # int32 [classes]
    end_cell: Array  # int32 [6, P], row of the duration table


class Today(NamedTuple):
    """Tables of the day, rewritten when a policy, a season or what people know changes."""

    threshold: Array  # uint32 [C, P, W], cumulated choice probabilities, C = classes of choice x headings x classes of means
    leg_table: Array  # int32 [L], travel-time distribution
    leg_cost: Array  # int64 [L], USD
    leg_robbery: Array  # uint64 [L], 32-bit threshold
    leg_death: Array  # uint64 [L], 32-bit threshold
    income: Array  # int64 [P], USD per person and day of those stranded
    forced: Array  # uint32 [K, F, J]


class Departures(NamedTuple):
    """Who departs when: rows (place x group), cut into blocks of persons over days."""

    row_place: Array  # int32 [rows]
    row_group: Array  # int32 [rows]
    row_key: Array  # uint64 [rows], hash of the row's id
    row_push: Array  # int32 [rows], row of `push`, -1 none
    push: Array  # float64 [series, n_days], factor on departures
    block_row: Array  # int32 [blocks]
    block_start: Array  # int64 [blocks], day
    block_days: Array  # int64 [blocks]
    block_persons: Array  # int64 [blocks]
    block_part: Array  # int64 [blocks], taken modulo the number of parts
    due_start: Array  # int64 [n_days + 1], first entry of `due_block` of each day
    due_block: Array  # int32, blocks that may have someone due on the day
    unit_threshold: Array  # uint64 [groups, units], cumulated
    size_threshold: Array  # uint64 [K, 8], cumulated, sizes 1 to 8
    female_threshold: Array  # uint64 [K]
    age_threshold: Array  # uint64 [K, 5], cumulated
    needs_adult: Array  # uint8 [K]
    first_adult_age: int
    tally_class: Array  # int32 [groups, 2, 5]
    means: Array  # uint16 [groups, 256], quantiles in USD


class Epochs(NamedTuple):
    """What policies and seasons make of the tables, one row for each stretch of days on which nothing changes."""

    epoch_of_day: Array  # int32 [n_days + 1]
    weight: Array  # float32 [epochs, classes, legs that can be chosen], multiplier of the choice weight, 0 = closed
    leg_table: Array  # int32 [epochs, L]
    leg_cost: Array  # int64 [epochs, L]
    leg_robbery: Array  # uint64 [epochs, L]
    leg_death: Array  # uint64 [epochs, L]
    income: Array  # int64 [epochs, P]
    forced: Array  # uint32 [epochs, K, F, J], cumulated shares of those who arrive


class Limits(NamedTuple):
    """Capacities: each limited leg has up to three (its own, a shared quota, room in the place it leads to)."""

    leg_limit: Array  # int32 [L, 3], -1 none; length 0 where no leg is limited
    leg_lottery: Array  # uint8 [L]
    leg_patience: Array  # int64 [L], mean days in line before choosing again, 0 = for ever
    allotment: Array  # int64 [limits, n_days], persons
    limit_month: Array  # uint8 [limits], 1 = what is left stays until the month ends
    room_place: Array  # int32 [rooms]
    room_limit: Array  # int32 [rooms]
    room: Array  # int64 [rooms, n_days]
    save_up: int  # 1 = capacities were scaled below whole units, unused persons (up to 8) are kept for the next day


class Knowledge(NamedTuple):
    """What each group believes, and the intervals on their way (mutable)."""

    on: int
    every: int  # days
    lag: int  # intervals
    trust: float  # crossings that move a belief by 63 %
    risk_weight: float
    success_weight: float
    harm_cost: float
    chance_apart: float
    sweeps: int
    order: Array  # int32 [P], places from the destinations backwards
    group_class: Array  # int32 [groups], class of choice that stands for the group
    group_row: Array  # int32 [groups], row of the base weights likewise
    prior: Array  # float64 [L]
    risk: Array  # float64 [groups, L]
    fail: Array  # float64 [groups, F]
    chance: Array  # float64 [groups, P]
    appeal: Array  # float64 [groups, L]
    crossings: Array  # float64 [lag + 1, groups, L]
    harmed: Array  # float64 [lag + 1, groups, L]
    seen: Array  # float64 [lag + 1, groups, F]
    sent: Array  # float64 [lag + 1, groups, F]
    before: Array  # float64 [groups, L]
    harm_before: Array  # float64 [groups, L]
    seen_before: Array  # float64 [groups, F, 2]


class State(NamedTuple):
    """All that moves; the first dimension is the part of the people (one a thread)."""

    pages: Array  # uint64 [T, pages, PAGE * 4]
    next_page: Array  # int32 [T, pages]
    free: Array  # int32 [T, pages]
    pointer: Array  # int64 [T, 8]: free pages, fresh page, page and slot read, requests, events, ended
    head: Array  # int32 [T, n_days + 1]
    tail: Array  # int32 [T, n_days + 1]
    fill: Array  # int32 [T, n_days + 1]
    stock: Array  # int32 [T, 5, P, G]
    ring: Array  # int32 [T, R, P, G]
    flow: Array  # int32 [T, months + 1, L, G]
    ended: Array  # int64 [T, 6, P, G]
    duration: Array  # uint32 [T, cells, groups, bins]
    departed: Array  # int64 [T, months + 1, rows]
    harm: Array  # int64 [T, groups, L], robberies and deaths
    forced_seen: Array  # int64 [T, groups, F, 2], arrivals where people may be sent back, and those sent
    request: Array  # uint64 [T, n, 5]
    trace: Array  # uint64 [T, n, 4] or empty: ended people one by one
    threshold: Array  # uint32 [C, P, W]
    leg_open: Array  # uint8 [classes of choice, legs that can be chosen]
    person_days: Array  # int64 [months + 1, 5, P, G]
    peak: Array  # int32 [months + 1, 5, P, G]
    balance: Array  # int64 [n_days, 3], departed on the day, on the route in the evening, ended so far
    block_done: Array  # int64 [blocks]
    block_units: Array  # int64 [blocks]
    slot: Array  # uint64 [n, 6], people in the lines of legs: record, leg + 1 and part, day on which patience ends
    slot_next: Array  # int32 [n], who stands behind, -1 nobody
    slot_seq: Array  # int64 [n], order of coming
    slot_free: Array  # int32 [n]
    fifo_head: Array  # int32 [L], first in the line of a leg, -1 nobody
    fifo_tail: Array  # int32 [L]
    pool: Array  # uint64 [n, 6], people who wait for an appointment by lot
    shut: Array  # uint64 [n, 6], people who found every way closed
    action: Array  # uint8 [n]
    lot_key: Array  # uint64 [n]
    lot_entry: Array  # int64 [n]
    counter: Array  # int64 [8]: 0 slots ever used, 1 free slots, 2 in the pool, 3 shut in, 4 came so far
    waiting: Array  # int64 [L]
    blocked: Array  # uint8 [L]
    remaining: Array  # int64 [limits + rooms]
    whole: Array  # int64 [limits + rooms]
