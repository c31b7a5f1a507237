"""Capacities of legs and places, shared quotas, monthly caps: whole persons for each day."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sim.plan.layout import Limits

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from sim.plan.graph import Graph
    from sim.spec import Policy

    type AnyPolicy = Any  # the caller has looked at the instrument

__all__ = ["limits_of"]

_UNLIMITED = np.int64(1) << 60


def _whole(per_day: NDArray[np.float64], scale: float) -> NDArray[np.int64]:
    """Cut a daily capacity into whole persons whose running total is the capacity's."""
    total = np.floor(np.cumsum(per_day * scale) + 1e-9)
    return np.diff(np.concatenate([[0.0], total])).astype(np.int64)


def limits_of(graph: Graph, policies: Sequence[Policy], days: NDArray[np.datetime64], scale: float) -> Limits:
    """Compile every limit on legs and places.

    A leg's own capacity is its own limit; a capacity policy is one limit shared by the legs it names; an appointment or
    pathway policy is one quota shared by the legs it opens; a hard capacity of a place limits all legs into it.

    Parameters
    ----------
    graph : Graph
    policies : sequence of Policy
    days : datetime64[D] [n_days]
    scale : float
        Share of the people simulated; capacities are scaled alike.

    Returns
    -------
    Limits
    """
    n = len(days)
    allotment: list[NDArray[np.int64]] = []
    monthly: list[int] = []
    of_leg: dict[int, list[int]] = {}
    lottery = np.zeros(len(graph.legs), np.uint8)
    patience = np.zeros(len(graph.legs), np.int64)

    def add(value: NDArray[np.int64], legs: NDArray[np.int64], month: bool = False) -> None:
        for leg in legs:
            of_leg.setdefault(int(leg), []).append(len(allotment))
        allotment.append(value)
        monthly.append(int(month))

    for number, leg in graph.world_legs.items():
        if leg.capacity_per_day is not None:
            add(_whole(np.full(n, float(leg.capacity_per_day)), scale), np.array([number]))
    room_days: dict[int, NDArray[np.float64]] = {}
    for number, place in enumerate(graph.scenario.world.places):
        if place.capacity_persons is not None:
            room_days[number] = np.full(n, float(place.capacity_persons))
    policy: AnyPolicy
    for policy in policies:
        on = policy.strength(days) > 0.0
        if policy.instrument == "capacity":
            _capacity(policy, on, graph, scale, add, room_days)
        elif policy.instrument in {"appointment", "pathway"}:
            legs = graph.legs_opened_by(policy)
            per_day = getattr(policy, "per_day", None)
            month = per_day is None
            amount = (
                np.full(n, float(per_day))
                if per_day is not None
                else _monthly(policy.per_month, days)
                if policy.per_month is not None
                else np.full(n, 1e12)
            )
            add(np.where(on, _whole(np.where(on, amount, 0.0), scale), _UNLIMITED), legs, month)
            lottery[legs] = policy.instrument == "appointment"
            patience[legs] = _patience(policy, graph)
    rooms = sorted(room_days)
    for r, number in enumerate(rooms):
        for leg_number, plan_leg in enumerate(graph.legs):
            if plan_leg.travelled and plan_leg.to_place == graph.places[number]:
                of_leg.setdefault(leg_number, []).append(len(allotment) + r)
    width = max((len(v) for v in of_leg.values()), default=0)
    leg_limit = np.full((len(graph.legs) if width else 0, max(width, 1)), -1, np.int32)
    for leg_number, numbers in of_leg.items():
        leg_limit[leg_number, : len(numbers)] = numbers
    return Limits(
        leg_limit=leg_limit,
        leg_lottery=lottery,
        leg_patience=patience,
        allotment=np.array(allotment, np.int64).reshape(len(allotment), n),
        limit_month=np.array(monthly, np.uint8),
        room_place=np.array(rooms, np.int32),
        room_limit=np.arange(len(rooms), dtype=np.int32) + len(allotment),
        room=np.array([np.floor(room_days[r] * scale + 1e-9) for r in rooms], np.int64).reshape(
            len(rooms), n
        ),
        save_up=int(scale < 1.0),
    )


def _patience(policy: AnyPolicy, graph: Graph) -> int:
    """Mean days people wait for an appointment before they choose again; 0 = for ever."""
    if policy.instrument != "appointment":
        return 0
    stated = policy.patience_days
    return int(graph.scenario.parameters.get("appointment_patience_days", 0.0) if stated is None else stated)


def _capacity(
    policy: AnyPolicy,
    on: NDArray[np.bool_],
    graph: Graph,
    scale: float,
    add: Callable[..., None],
    room_days: dict[int, NDArray[np.float64]],
) -> None:
    """A capacity policy: persons a day over its legs together, or persons present in each of its places."""
    if policy.per_day is not None:
        whole = _whole(np.where(on, float(policy.per_day), 0.0), scale)
        add(np.where(on, whole, _UNLIMITED), graph.legs_of(policy))
    if policy.persons is not None:
        for number in graph.places_of(policy):
            before = room_days.get(int(number), np.full(len(on), 1e15))
            room_days[int(number)] = np.where(on, np.minimum(before, float(policy.persons)), before)


def _monthly(per_month: float, days: NDArray[np.datetime64]) -> NDArray[np.float64]:
    """Spread a monthly cap evenly over the days of each month."""
    month = days.astype("datetime64[M]")
    length = (
        (month + np.timedelta64(1, "M")).astype("datetime64[D]") - month.astype("datetime64[D]")
    ).astype(np.int64)
    return np.asarray(float(per_month) / length)
