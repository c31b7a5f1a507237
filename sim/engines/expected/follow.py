"""A plan that differs little from another: what of the other's route can be kept, and from which day on they differ."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.engines.expected.assemble import Travel, ahead, day_table, lines_of
from sim.engines.expected.segments import Segments
from sim.engines.expected.ways import ways_of
from sim.engines.kernels import expected_layout as at

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from sim.engines.expected.assemble import Assembled
    from sim.engines.expected.ways import Ways
    from sim.engines.kernels.expected_layout import Net
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


def _same(one: object, other: object) -> bool:
    """Whether two arrays or numbers are the same; what one plan took over from the other is not looked at."""
    return one is other or np.array_equal(one, other)  # type: ignore[arg-type]


def _alike(one: object, other: object, names: Iterable[str]) -> bool:
    return all(_same(getattr(one, name), getattr(other, name)) for name in names)


def _numbers(one: Plan, other: Plan) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Number the distributions of two plans so that those that are the same have the same number."""
    if one.pmfs is other.pmfs:
        every = np.arange(len(one.pmfs))
        return every, every
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
    if not _alike(one.fixed, other.fixed, ("stay_calendar", "calendar")):
        return False
    if one.pmfs is other.pmfs and one.fixed.stay_table is other.fixed.stay_table:
        return True
    first, second = _numbers(one, other)
    return np.array_equal(first[one.fixed.stay_table], second[other.fixed.stay_table])


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
    if not same:
        return None
    lent = plan.fixed.weight is other.fixed.weight and plan.departures.means is other.departures.means
    if not ways_of(plan, ways.base if lent else None).within(ways):
        return None
    net = _travelled_alike(plan, other, made) or _travelled(plan, made)
    if net is None:
        return None
    lines = lines_of(plan, made.lines.edge, made.edge_leg, net.edge, net.node)
    return made.on(net._replace(day=day_table(plan)), lines)


def _travelled_alike(plan: Plan, other: Plan, made: Assembled) -> Net | None:
    """The net where every leg takes as long, and is as deadly, on every day; None where that is not plain to see."""
    if plan.pmfs is not other.pmfs:
        return None
    one, two = plan.epochs, other.epochs
    if one.leg_table is two.leg_table and one.leg_death is two.leg_death:
        return made.net
    starts = np.searchsorted(one.epoch_of_day, np.arange(len(one.weight)))
    then = two.epoch_of_day[starts]
    if np.array_equal(one.leg_table, two.leg_table[then]) and np.array_equal(
        one.leg_death, two.leg_death[then]
    ):
        return made.net._replace(way_of=made.net.way_of[then])
    return None


def _travelled(plan: Plan, made: Assembled) -> Net | None:
    """The net under other travel times; None where a journey is longer, or shorter, than the route is laid out for."""
    net = made.net
    taps = Segments(plan, begin=len(net.tap))
    travel = Travel(plan, taps)
    way_of = np.zeros((len(plan.epochs.weight), len(net.edge)), np.int64)
    edge = net.edge.copy()
    for i, leg in enumerate(made.edge_leg.tolist()):
        way_of[:, i], edge[i, at.REACH] = travel.add(leg)
    edge[:, at.SAME] = (way_of == way_of[:1]).all(axis=0)
    even = np.array([leg in travel.even for leg in made.edge_leg.tolist()], np.bool_)
    longer = (edge[:, at.REACH] + ahead(edge, net.node) > edge[:, at.MASK] + 1) & ~even
    way = np.array(travel.table, np.int64).reshape(-1, at.WAY)
    at_once = way[way_of, at.LAG].min(axis=0, initial=10**6) == 0
    before = net.way[net.way_of, at.LAG].min(axis=0, initial=10**6) == 0
    if longer.any() or (even != (edge[:, at.EVEN] > 0)).any() or (at_once & ~before).any():
        return None
    return net._replace(
        edge=edge,
        way_of=way_of,
        way=way,
        death=np.array(travel.death, np.float64),
        tap=np.concatenate([net.tap, *taps.taps]),
    )


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
    names = [n for n in _EPOCHS if getattr(plan.epochs, n) is not getattr(other.epochs, n)]
    tabled = first is second and plan.epochs.leg_table is other.epochs.leg_table
    starts = np.flatnonzero(np.diff(one, prepend=-1) | np.diff(two, prepend=-1))
    for start in starts[starts < day].tolist():
        a, b = int(one[start]), int(two[start])
        tables = tabled or np.array_equal(first[plan.epochs.leg_table[a]], second[other.epochs.leg_table[b]])
        if not tables or not all(
            np.array_equal(getattr(plan.epochs, name)[a], getattr(other.epochs, name)[b]) for name in names
        ):
            return int(start)
    return day
