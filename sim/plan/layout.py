"""The shape of the engine's memory: what the plan, the day's tables and the state hold, array by array."""

from __future__ import annotations

from typing import Annotated, Any, NamedTuple

from numpy.typing import NDArray

__all__ = ["PAGE", "Departures", "Epochs", "Fixed", "Knowledge", "Limits", "State"]

PAGE = 64
"""Records on a page of a day's bucket."""

Array = NDArray[Any]
F32 = Annotated[Array, "float32"]
F64 = Annotated[Array, "float64"]
I16 = Annotated[Array, "int16"]
I32 = Annotated[Array, "int32"]
I64 = Annotated[Array, "int64"]
U16 = Annotated[Array, "uint16"]
U32 = Annotated[Array, "uint32"]
U64 = Annotated[Array, "uint64"]
U8 = Annotated[Array, "uint8"]
"""Arrays by the type of their numbers, which the kernels read from here."""


class Fixed(NamedTuple):
    """What does not change during a run (P places, L legs, K kinds = groups x units, G tally classes)."""

    n_days: int
    month_of_day: I16  # [n_days + 1]
    period_of_day: I16  # [n_days + 1], period of the tables: month, or day
    month_of_period: I16  # [periods + 1]
    place_key: U64  # [P], hash of the place's id
    place_slot: U64  # [P], bit position of the place's visit counter
    place_country: I16  # [P]
    place_ends: U8  # [P], 1 = arriving here northward is the outcome "arrived"
    place_event: U8  # [P], 1 = an arrival is an event of its own
    daily_cost: I64  # [P], USD per person and day
    kind_home: I16  # [K], country of the group
    tally_group: I16  # [G], group of a tally class (group x sex x age band)
    leg_from: I32  # [L]
    leg_to: I32  # [L]
    leg_key: U64  # [L]
    leg_sort: U8  # [L], 0 move, 1 settle, 2 turn back
    leg_limited: U8  # [L], 1 = served through the line
    leg_end: U8  # [L], outcome on arrival (0 none)
    alternative: I32  # [P, W + 1], leg of each alternative, -1 none
    alternatives: I32  # [P], how many each place has
    weight: F64  # [C, P, W], base weight of each alternative; C = classes x 2 headings x classes of means
    guide: U16  # [D, 256]
    offset: I64  # [D + 1]
    cdf: U32  # [sum of sizes]
    hazard: F64  # [sum of sizes], discrete hazard of each day in cumulated form
    stay_table: I32  # [K, P]
    stay_calendar: I32  # [K, P], -1 none
    calendar: F64  # [S, n_days + 1], multipliers summed over days before
    calendar_span: I32  # [S, 2], first and last day with a multiplier other than 1
    forced_index: I32  # [P], -1 = none
    forced_leg: I32  # [F, J, K]
    means_edge: I64  # [M - 1], USD
    keep_after_robbery: int  # of 256
    kind_group: I16  # [K]
    kind_class: I32  # [K], class of choice: kinds that choose alike
    class_group: I32  # [classes]
    end_cell: I32  # [6, P], row of the duration table


class Departures(NamedTuple):
    """Who departs when: rows (place x group), cut into blocks of persons over days."""

    row_place: I32  # [rows]
    row_group: I32  # [rows]
    row_key: U64  # [rows], hash of the row's id
    row_push: I32  # [rows], row of `push`, -1 none
    push: F64  # [series, n_days], factor on departures
    block_row: I32  # [blocks]
    block_start: I64  # [blocks], day
    block_days: I64  # [blocks]
    block_persons: I64  # [blocks]
    due_start: I64  # [n_days + 1], first entry of `due_block` of each day
    due_block: I32  # blocks that may have someone due on the day
    unit_threshold: U64  # [groups, units], cumulated
    size_threshold: U64  # [K, 8], cumulated, sizes 1 to 8
    first_unit_threshold: U64  # [groups, units], cumulated, for the first unit of a block: shares of persons
    first_size_threshold: U64  # [K, 8], cumulated, what of the first unit lies in the block
    female_threshold: U64  # [K]
    age_threshold: U64  # [K, 5], cumulated
    needs_adult: U8  # [K]
    first_adult_age: int
    tally_class: I32  # [groups, 2, 5]
    means: U16  # [groups, 256], quantiles in USD


class Epochs(NamedTuple):
    """What policies and seasons make of the tables, one row for each stretch of days on which nothing changes."""

    epoch_of_day: I32  # [n_days + 1]
    weight: F32  # [epochs, classes, legs that can be chosen], multiplier of the choice weight, 0 = closed
    leg_table: I32  # [epochs, L]
    leg_cost: I64  # [epochs, L]
    leg_robbery: U64  # [epochs, L]
    leg_death: U64  # [epochs, L]
    income: I64  # [epochs, P]
    forced: U32  # [epochs, K, F, J], cumulated shares of those who arrive


class Limits(NamedTuple):
    """Capacities: each limited leg has up to three (its own, a shared quota, room in the place it leads to)."""

    leg_limit: I32  # [L, 3], -1 none; length 0 where no leg is limited
    leg_lottery: U8  # [L]
    leg_patience: I64  # [L], mean days in line before choosing again, 0 = for ever
    allotment: I64  # [limits, n_days], persons
    limit_month: U8  # [limits], 1 = what is left stays until the month ends
    room_place: I32  # [rooms]
    room_limit: I32  # [rooms]
    room: I64  # [rooms, n_days]
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
    order: I32  # [P], places from the destinations backwards
    group_class: I32  # [groups], class of choice that stands for the group
    group_row: I32  # [groups], row of the base weights likewise
    prior: F64  # [L]
    risk: F64  # [groups, L]
    fail: F64  # [groups, F]
    chance: F64  # [groups, P]
    appeal: F64  # [groups, L]
    crossings: F64  # [lag + 1, groups, L]
    harmed: F64  # [lag + 1, groups, L]
    seen: F64  # [lag + 1, groups, F]
    sent: F64  # [lag + 1, groups, F]
    before: F64  # [groups, L]
    harm_before: F64  # [groups, L]
    seen_before: F64  # [groups, F, 2]


class State(NamedTuple):
    """All that moves; the first dimension T is the thread that wrote it. Pages go from one to another, counts are added up."""

    pages: U64  # [pages * PAGE * 4], those of the first thread come first
    next_page: I32  # [pages]
    free: I32  # [T, pages], pages to be written anew
    pointer: I64  # [T, 8]: free pages, fresh page, nothing, nothing, requests, events, ended
    head: I32  # [T, Z * (n_days + 1)], first page of a zone and day, -1 none
    reading: I64  # [T, Z, 2], page and slot up to which today's people of a zone were read
    begun: I64  # [Z * T], threads that have asked to read this morning's people of a zone that one of them wrote: the first does
    ready: I32  # [T, Z], record after the last one of this morning, which any thread may read; 0 = none
    bucket: I64  # [P], bucket of day 0 of a place's zone: the people of a day are read zone by zone
    cursor: I32  # [T, Z * (n_days + 1)], record after the last of a zone and day; a multiple of PAGE = its page is full, or none
    stock: I32  # [T, 5, P, G]
    ring: I32  # [T, R, P, G]
    together: I32  # [T, G], a row of all parts' stocks
    flow: I32  # [T, months + 1, L, G]
    ended: I64  # [T, 6, P, G]
    duration: U32  # [T, cells, groups, bins]
    block_part: I64  # [blocks], part of a block of departures
    departed: I64  # [T, months + 1, rows]
    harm: I64  # [T, groups, L], robberies and deaths
    forced_seen: I64  # [T, groups, F, 2], arrivals where people may be sent back, and those sent
    request: U64  # [T, n, 5]
    trace: U64  # [T, n, 4] or empty: ended people one by one
    threshold: U32  # [thresholds], by place, class of people and alternative; eight, or 16, 32, ... where there are more
    way_word: U64  # [ways * 8], all that a crossing asks of a leg, in one cache line (see `sim.engines.kernels.walk`)
    way_leg: I32  # [ways], leg of each way: those out of a place one after another, then -1 for none; last, legs of no choice
    leg_way: I32  # [L], way of each leg
    kind_word: U64  # [K * 16], tally class of a member and first class of people of a kind (see `sim.engines.agents.words`)
    place_word: U64  # [P * 4], likewise of an arrival
    stay_word: U64  # [K * P], first day in `cdf` 32, calendar 16 (0xFFFF none), distribution 16
    guide_word: U16  # [D * 256], `guide` with 0x8000 where every draw of the cell means that day
    member_class: U16  # [K * 16], tally class of a member by its four bits in the record (see `sim.engines.kernels.record`)
    leg_open: U8  # [classes of choice, legs that can be chosen]
    closing: U8  # [legs that can be chosen], closed to some class when the tables were written last
    opening: U8  # [P], places from which a leg opened to some class then
    person_days: I64  # [months + 1, 5, P, G]
    peak: I32  # [months + 1, 5, P, G]
    balance: I64  # [n_days, 3], departed on the day, on the route in the evening, ended so far
    sync: I64  # [T + 1, 8], how far each thread is (see `sim.engines.kernels.day`), and what they know in common
    block_done: I64  # [blocks]
    block_units: I64  # [blocks]
    slot: U64  # [n, 6], units in the lines of legs: record, leg + 1 and part, day on which patience ends
    slot_next: I32  # [n], who stands behind, -1 nobody
    slot_seq: I64  # [n], order of coming
    slot_free: I32  # [n]
    fifo_head: I32  # [L], first in the line of a leg, -1 nobody
    fifo_tail: I32  # [L]
    pool_key: U64  # [n], units that wait for an appointment by lot: key of the unit and the leg
    pool_leg: I32  # [n]
    pool_end: I32  # [n], day on which patience ends
    pool_slot: I32  # [n]
    shut: U64  # [n, 6], units that found every way closed
    pool_lot: U64  # [n], the lot that a unit of the pool has today
    pool_units: I64  # [parts, L], units of the pool by leg, counted by each thread
    action: U8  # [n]
    lot_key: U64  # [n]
    lot_entry: I64  # [n]
    counter: I64  # [8]: 0 slots ever used, 1 free slots, 2 units in the pool, 3 shut in, 4 came so far
    waiting: I64  # [L], persons
    blocked: U8  # [L]
    remaining: I64  # [limits + rooms]
    whole: I64  # [limits + rooms]
