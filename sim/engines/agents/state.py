"""Memory of a run: allocated once, sized from the plan."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sim.engines.agents.words import (
    count_thresholds,
    count_ways,
    write_kinds,
    write_members,
    write_ways,
    write_words,
)
from sim.engines.tally import DURATION_BINS
from sim.errors import Problem, RunError
from sim.plan.layout import PAGE, Knowledge, State

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from sim.plan import Plan

__all__ = ["copy_knowledge", "new_state", "state_bytes"]


def _ring_length(plan: Plan) -> int:
    """Days ahead that an arrival can be written: a power of two above the longest travel time."""
    tables = np.unique(plan.epochs.leg_table)
    sizes = np.diff(plan.fixed.offset)
    longest = int(sizes[tables].max()) + 1
    return 1 << max(3, int(np.ceil(np.log2(min(longest, plan.n_days) + 1))))


def _shapes(plan: Plan, parts: int, trace: bool) -> dict[str, tuple[tuple[int, ...], type]]:
    n, g = plan.n_days, plan.n_tally
    p, legs = len(plan.places), len(plan.legs)
    periods = int(plan.fixed.period_of_day[-1]) + 1
    groups, rows = len(plan.groups), len(plan.rows)
    per_part = _most_of_a_part(plan, parts)
    zones = _zones(plan)
    # a thread takes fresh pages for those who depart, for buckets it opens, and for people it reads from last pages, which
    # come back in the morning to be levelled: at most all last pages of a day for each thread
    pages = parts * (per_part // PAGE + (n + 2 + parts * parts) * zones + 64)
    line = plan.people + 8  # anyone may find every way closed and have to wait
    limits = len(plan.limits.allotment) + len(plan.limits.room_place)
    forced = plan.fixed.forced_leg.shape[0]
    return {
        "pages": ((pages * PAGE * 4,), np.uint64),
        "next_page": ((pages,), np.int32),
        "free": ((parts, pages), np.int32),
        "pointer": ((parts, 8), np.int64),
        "head": ((parts, zones * (n + 1)), np.int32),
        "cursor": ((parts, zones * (n + 1)), np.int32),
        "reading": ((parts, zones, 2), np.int64),
        "begun": ((zones * parts,), np.int64),
        "ready": ((parts, zones), np.int32),
        "bucket": ((p,), np.int64),
        "stock": ((parts, 5, p, g), np.int32),
        "ring": ((parts, _ring_length(plan), p, g), np.int32),
        "together": ((parts, g), np.int32),
        "flow": ((parts, periods, legs, g), np.int32),
        "ended": ((parts, 6, p, g), np.int64),
        "duration": ((parts, 6 * len(plan.countries), groups, DURATION_BINS), np.uint32),
        "block_part": ((len(plan.departures.block_row),), np.int64),
        "departed": ((parts, periods, rows), np.int64),
        "harm": ((parts, groups, legs), np.int64),
        "forced_seen": ((parts, groups, forced, 2), np.int64),
        "request": ((parts, line, 5), np.uint64),
        "trace": ((parts, parts * per_part if trace else 0, 4), np.uint64),
        "threshold": ((count_thresholds(plan.fixed),), np.uint32),
        "way_word": ((count_ways(plan.fixed) * 8,), np.uint64),
        "way_leg": ((count_ways(plan.fixed),), np.int32),
        "leg_way": ((len(plan.fixed.leg_to),), np.int32),
        "kind_word": ((plan.fixed.kind_class.size * 16,), np.uint64),
        "place_word": ((p * 4,), np.uint64),
        "stay_word": ((plan.fixed.stay_table.size,), np.uint64),
        "member_class": ((16 * plan.fixed.kind_group.size,), np.uint16),
        "guide_word": ((plan.fixed.guide.size,), np.uint16),
        "leg_open": (plan.epochs.weight.shape[1:], np.uint8),
        "closing": ((plan.epochs.weight.shape[2],), np.uint8),
        "opening": ((p,), np.uint8),
        "person_days": ((periods, 5, p, g), np.int64),
        "peak": ((periods, 5, p, g), np.int32),
        "balance": ((n, 3), np.int64),
        "sync": ((parts + 1, 8), np.int64),
        "block_done": ((len(plan.departures.block_row),), np.int64),
        "block_units": ((len(plan.departures.block_row),), np.int64),
        "slot": ((line, 6), np.uint64),
        "slot_next": ((line,), np.int32),
        "slot_seq": ((line,), np.int64),
        "slot_free": ((line,), np.int32),
        "fifo_head": ((legs,), np.int32),
        "fifo_tail": ((legs,), np.int32),
        "pool_key": ((line,), np.uint64),
        "pool_leg": ((line,), np.int32),
        "pool_end": ((line,), np.int32),
        "pool_slot": ((line,), np.int32),
        "shut": ((line, 6), np.uint64),
        "pool_lot": ((line,), np.uint64),
        "pool_units": ((parts, legs), np.int64),
        "action": ((line,), np.uint8),
        "lot_key": ((line,), np.uint64),
        "lot_entry": ((line,), np.int64),
        "counter": ((8,), np.int64),
        "waiting": ((legs,), np.int64),
        "blocked": ((legs,), np.uint8),
        "remaining": ((max(limits, 1),), np.int64),
        "whole": ((max(limits, 1),), np.int64),
    }


_ZONE_BYTES = 64 * 1024
_MOST_ZONES = 64


def _zones(plan: Plan) -> int:
    """Zones by which the people of a day are read, so that what their moves touch stays near: one for 64 kB of it."""
    p, legs, g = len(plan.places), len(plan.legs), plan.n_tally
    touched = count_thresholds(plan.fixed) * 4 + (5 * p + legs) * g * 4
    return max(1, min(_MOST_ZONES, p, touched // _ZONE_BYTES))


def _people_of_blocks(plan: Plan) -> NDArray[np.float64]:
    """People of each block of departures, pushes included; a unit more or less."""
    d = plan.departures
    people, push = d.block_persons.astype(float), d.row_push[d.block_row]
    pushed = push >= 0
    sofar = np.pad(np.cumsum(d.push, axis=1), ((0, 0), (1, 0)))
    first = d.block_start[pushed]
    last = np.minimum(first + d.block_days[pushed], plan.n_days)
    people[pushed] *= (sofar[push[pushed], last] - sofar[push[pushed], first]) / (last - first)
    return people


def _parts_of_blocks(plan: Plan, parts: int) -> NDArray[np.int64]:
    """Part that each block of departures belongs to, whole: of those that begin together the largest come first.

    Each goes where the fewest people are so far, so that all parts have as much to do in every month.
    """
    part = np.zeros(len(plan.departures.block_row), np.int64)
    if parts > 1:
        people = _people_of_blocks(plan)
        load = np.zeros(parts)
        for block in np.lexsort((-people, plan.departures.block_start)):
            part[block] = np.argmin(load)
            load[part[block]] += people[block]
    return part


def _most_of_a_part(plan: Plan, parts: int) -> int:
    """Upper bound of the people of the largest part."""
    d = plan.departures
    top = np.array([np.ceil(series.max()) for series in d.push] or [1.0])
    factor = np.where(d.row_push[d.block_row] >= 0, np.maximum(top[d.row_push[d.block_row]], 1.0), 1.0)
    bound = np.bincount(_parts_of_blocks(plan, parts), weights=d.block_persons * factor, minlength=parts)
    return int(bound.max(initial=0.0)) + 8


_WAITING = {
    "request",
    "slot",
    "slot_next",
    "slot_seq",
    "slot_free",
    "pool_key",
    "pool_leg",
    "pool_end",
    "pool_slot",
    "pool_lot",
    "shut",
    "action",
    "lot_key",
    "lot_entry",
}
_LAZY = {"pages", "next_page", "free", "trace", *_WAITING}
"""Arrays whose memory is only used as people need it."""


_MOST = {
    "places": 1 << 12,
    "kinds of travel unit (group x alone, family, unaccompanied)": 1 << 8,
    "days": 1 << 15,
    "legs": 1 << 21,
    "thresholds of choice (places x classes of people x ways out)": 1 << 29,
}
"""What fits into a record (see `sim.engines.kernels.record`)."""


def _refuse_what_no_record_holds(plan: Plan) -> None:
    found = (
        len(plan.places),
        plan.fixed.kind_group.size,
        plan.n_days,
        len(plan.legs),
        count_thresholds(plan.fixed),
    )
    problems = [
        Problem(f"{n:,} {name}", plan.scenario.name, f"at most {most:,}", "leave out or join some of them")
        for n, (name, most) in zip(found, _MOST.items(), strict=True)
        if n > most
    ]
    if problems:
        raise RunError("The scenario is too wide for the agents engine.", problems)


_LINE_BYTES = 64


def _from_a_line(shape: tuple[int, ...], kind: type, made: Callable[..., NDArray[Any]]) -> NDArray[Any]:
    """Array that begins with a cache line, so that words which are asked for together lie in one line."""
    size = int(np.prod(shape)) * np.dtype(kind).itemsize
    raw = made(size + _LINE_BYTES, np.uint8)
    first = -raw.ctypes.data % _LINE_BYTES
    return raw[first : first + size].view(kind).reshape(shape)


def new_state(plan: Plan, parts: int, *, trace: bool = False) -> State:
    """Allocate the memory of one replicate.

    Parameters
    ----------
    plan : Plan
    parts : int
        Parts of the people, one a thread.
    trace : bool
        Keep every ended person.

    Returns
    -------
    State

    Raises
    ------
    RunError
        When there are more places, kinds of unit or days than a record holds.
    """
    _refuse_what_no_record_holds(plan)
    arrays: dict[str, Any] = {}
    for name, (shape, kind) in _shapes(plan, parts, trace).items():
        arrays[name] = _from_a_line(shape, kind, np.empty if name in _LAZY else np.zeros)
    for name in ("head", "reading", "fifo_head", "fifo_tail"):
        arrays[name][:] = -1
    arrays["threshold"][:] = 0xFFFFFFFF
    arrays["pointer"][:, 1] = np.arange(parts) * (len(arrays["next_page"]) // parts)
    arrays["block_part"][:] = _parts_of_blocks(plan, parts)
    places = np.arange(len(plan.places))
    zone = places * arrays["reading"].shape[1] // max(len(places), 1)
    arrays["bucket"][:] = zone * (plan.n_days + 1)
    write_words(plan.fixed, arrays["place_word"], arrays["stay_word"], arrays["guide_word"])
    write_ways(plan.fixed, arrays["way_leg"], arrays["leg_way"])
    write_members(plan.fixed.kind_group, plan.departures.tally_class, arrays["member_class"])
    write_kinds(plan.fixed, arrays["member_class"], arrays["kind_word"])
    return State(**arrays)


def state_bytes(plan: Plan, parts: int, *, trace: bool = False) -> int:
    """Upper bound of the memory of one replicate in bytes.

    Lines and requests hold at most everyone at once; what people really use of them is far less, a tenth is counted.
    """
    total = 0.0
    for name, (shape, kind) in _shapes(plan, parts, trace).items():
        size = float(np.prod(shape, dtype=np.float64)) * np.dtype(kind).itemsize
        total += size * (0.1 if name in _WAITING else 1.0)
    return int(total)


def copy_knowledge(knowledge: Knowledge) -> Knowledge:
    """Return beliefs of one's own to change."""
    fields: list[Any] = [v.copy() if isinstance(v, np.ndarray) else v for v in knowledge]
    return Knowledge(*fields)
