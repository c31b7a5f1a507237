"""A plan that differs little from another: what of the other's route can be kept, and from which day on they differ."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.engines.expected.assemble import Travel, day_table, lines_of
from sim.engines.expected.segments import Segments
from sim.engines.expected.ways import ways_of
from sim.engines.kernels import expected_layout as at

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from sim.engines.expected.assemble import Assembled
    from sim.engines.expected.ways import Ways
    from sim.plan import Plan

__all__ = ["first_difference", "follow", "same_stays"]

_FIXED = (
    "place_country", "place_ends", "kind_home", "kind_group", "kind_class", "class_group", "leg_from", "leg_to", "leg_sort",
    "leg_limited", "leg_end", "alternative", "forced_index", "forced_leg", "means_edge", "period_of_day", "month_of_day",
)  # fmt: skip
"""What the nodes and edges of a route follow from."""
_LIMITS = ("leg_limit", "leg_lottery", "leg_patience", "limit_month", "room_place")
_CHOICE = ("weight", "alternative", "kind_class")
_BELIEFS = (
    "on",
    "risk_weight",
    "success_weight",
    "harm_cost",
    "chance_apart",
    "order",
    "prior",
    "group_class",
    "group_row",
)
_EPOCHS = ("weight", "leg_cost", "leg_robbery", "leg_death", "income", "forced")


def _alike(one: object, other: object, names: Iterable[str]) -> bool:
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in names)


def _numbers(one: Plan, other: Plan) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Number the distributions of two plans so that those that are the same have the same number."""
    known: dict[bytes, int] = {}
    first, second = (
        np.array([known.setdefault(pmf.tobytes(), len(known)) for pmf in plan.pmfs], np.int64)
        for plan in (one, other)
    )
    return first, second


def same_stays(one: Plan, other: Plan) -> bool:
    """Whether people stay alike everywhere on every day.

    Parameters
    ----------
    one, other : Plan

    Returns
    -------
    bool
    """
    first, second = _numbers(one, other)
    return np.array_equal(first[one.fixed.stay_table], second[other.fixed.stay_table]) and _alike(
        one.fixed, other.fixed, ("stay_calendar", "calendar")
    )


def follow(plan: Plan, other: Plan, made: Assembled, ways: Ways) -> Assembled | None:
    """Lay a plan out on the route of another.

    Parameters
    ----------
    plan : Plan
    other : Plan
        Whose route `made` is.
    made : Assembled
    ways : Ways
        Those the route was found with.

    Returns
    -------
    Assembled or None
        None where the route does not do: other places, legs or groups, a way that was never open, or a longer journey.
        Stays are those of the other plan.
    """
    same = (
        plan.places == other.places
        and plan.groups == other.groups
        and plan.months == other.months
        and plan.n_days == other.n_days
        and plan.legs == other.legs
        and _alike(plan.fixed, other.fixed, _FIXED)
        and _alike(plan.limits, other.limits, _LIMITS)
    )
    if not same or not ways_of(plan).within(ways):
        return None
    net = made.net
    taps = Segments(plan, begin=len(net.tap))
    travel = Travel(plan, taps)
    way_of = np.zeros((len(plan.epochs.weight), len(net.edge)), np.int64)
    edge = net.edge.copy()
    for i, leg in enumerate(made.edge_leg.tolist()):
        way_of[:, i], edge[i, at.REACH] = travel.add(leg)
    even = np.array([leg in travel.even for leg in made.edge_leg.tolist()], np.bool_)
    longer = (edge[:, at.REACH] > edge[:, at.MASK] + 1) & ~even
    at_once = (
        np.array(travel.table, np.int64).reshape(-1, at.WAY)[way_of, at.LAG].min(axis=0, initial=10**6) == 0
    )
    before = net.way[net.way_of, at.LAG].min(axis=0, initial=10**6) == 0
    if longer.any() or (even != (edge[:, at.EVEN] > 0)).any() or (at_once & ~before).any():
        return None
    follows = net._replace(
        day=day_table(plan),
        edge=edge,
        way_of=way_of,
        way=np.array(travel.table, np.int64).reshape(-1, at.WAY),
        death=np.array(travel.death, np.float64),
        tap=np.concatenate([net.tap, *taps.taps]),
    )
    lines = lines_of(plan, made.lines.edge, made.edge_leg, edge, net.node)
    return made.on(follows, lines)


def _first(different: NDArray[np.bool_], n_days: int) -> int:
    days = np.flatnonzero(different)
    return int(days[0]) if len(days) else n_days


def first_difference(plan: Plan, other: Plan) -> int:
    """Find the first day on which anything that moves people differs, departures aside.

    Parameters
    ----------
    plan, other : Plan
        Of the same days.

    Returns
    -------
    int
        The number of days where nothing does.
    """
    n = plan.n_days
    alike = (
        _alike(plan.fixed, other.fixed, _CHOICE)
        and _alike(plan.knowledge, other.knowledge, _BELIEFS)
        and np.array_equal(plan.departures.means, other.departures.means)
        and plan.limits.allotment.shape == other.limits.allotment.shape
        and plan.limits.room.shape == other.limits.room.shape
        and plan.epochs.weight.shape[1:] == other.epochs.weight.shape[1:]
    )
    if not alike:
        return 0
    day = _first((plan.limits.allotment != other.limits.allotment).any(axis=0), n)
    day = min(day, _first((plan.limits.room != other.limits.room).any(axis=0), n))
    one, two = (p.epochs.epoch_of_day[:n].astype(np.int64) for p in (plan, other))
    day = min(day, _first(np.diff(one, prepend=0) != np.diff(two, prepend=0), n))
    first, second = _numbers(plan, other)
    starts = np.flatnonzero(np.diff(one, prepend=-1) | np.diff(two, prepend=-1))
    for start in starts[starts < day].tolist():
        a, b = int(one[start]), int(two[start])
        tables = np.array_equal(first[plan.epochs.leg_table[a]], second[other.epochs.leg_table[b]])
        if not tables or not all(
            np.array_equal(getattr(plan.epochs, name)[a], getattr(other.epochs, name)[b]) for name in _EPOCHS
        ):
            return int(start)
    return day
