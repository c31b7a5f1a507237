"""What policies do to the tables, day by day: each effect names a quantity, whom and what it touches, and its daily value.

Composition (the one rule): effects on the same quantity multiply; a closure multiplies by nothing and so dominates;
what is stated as an amount (cost, income, weight of turning back) adds; capacities take the smallest; shares sent back
combine as competing chances, ``1 - prod(1 - share)``, split in proportion.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from sim.plan.graph import Graph
    from sim.spec import Policy

    type Adder = Callable[..., None]
    type Array = NDArray[np.float64]
    type Index = NDArray[np.int64]
    type AnyPolicy = Any  # each builder knows the fields of its own instrument

__all__ = ["Effect", "effects_of"]

_STEPS = 20
"""Effects on legs come and go in twentieths of their full strength, so that a slow phase-in does not rewrite the tables every
day; the full strength itself is exact."""


@dataclass(frozen=True)
class Effect:
    """One change of one quantity.

    Parameters
    ----------
    quantity : str
        ``weight``, ``open`` (largest counts), ``add`` (to a weight), ``days``, ``cost_factor``, ``cost`` (USD), ``harm``,
        ``stay`` (hazard of leaving), ``income`` (USD per day), ``departures``.
    value : float64 [n_days]
    legs, places, kinds, rows : int arrays
        Whom and what it touches (kinds = group x unit; rows of departures).
    policy : str
        Where it comes from.
    """

    quantity: str
    value: NDArray[np.float64]
    legs: NDArray[np.int64]
    places: NDArray[np.int64]
    kinds: NDArray[np.int64]
    policy: str
    rows: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))


def _stepped(strength: NDArray[np.float64], intensity: float) -> NDArray[np.float64]:
    share = strength / intensity if intensity > 0.0 else strength
    return np.round(share * _STEPS) / _STEPS * intensity


def _factor(strength: NDArray[np.float64], size: float) -> NDArray[np.float64]:
    return 1.0 + strength * (size - 1.0)


def effects_of(policy: Policy, graph: Graph, days: NDArray[np.datetime64]) -> list[Effect]:
    """Return all effects of a policy on weights, days, costs, harm, stays, income and departures.

    Capacities, quotas and people sent back are compiled beside this (see :mod:`sim.plan.limits`, :mod:`sim.plan.forced`).

    Parameters
    ----------
    policy : Policy
    graph : Graph
        Numbers of places, legs and kinds.
    days : datetime64[D] [n_days]

    Returns
    -------
    list of Effect
    """
    strength = policy.strength(days)
    kinds = graph.kinds_of(policy)
    legs = graph.legs_of(policy)
    places = graph.places_of(policy)
    none = np.zeros(0, np.int64)
    made: list[Effect] = []

    def add(
        quantity: str, value: NDArray[np.float64], on: NDArray[np.int64] = none, at: NDArray[np.int64] = none
    ) -> None:
        if len(on) or len(at):
            made.append(Effect(quantity, value, on, at, kinds, policy.id))

    builder = _BUILDERS.get(policy.instrument)
    if builder is not None:
        builder(policy, strength, _stepped(strength, policy.intensity), legs, places, graph, add)
    rush = policy.anticipation(days)
    if policy.instrument == "announcement":
        leaving = _factor(strength, policy.hazard_size) * rush
        if np.any(leaving != 1.0):
            add("stay", leaving, at=places)
    shift = _departure_factor(policy, strength, rush) if policy.on_departures else None
    if shift is not None:
        made.append(Effect("departures", shift, none, none, kinds, policy.id, graph.rows_of(policy)))
    return made


def _departure_factor(
    policy: Policy, strength: NDArray[np.float64], rush: NDArray[np.float64]
) -> NDArray[np.float64] | None:
    """Factor on departures: size while in force, times the rush before the date."""
    size = getattr(policy, "departures_size", None)
    if policy.instrument == "push":
        size = policy.size
    if (size is None or size == 1.0) and np.all(rush == 1.0):
        return None
    return _factor(strength, 1.0 if size is None else size) * rush


def _closure(p: AnyPolicy, s: Array, step: Array, legs: Index, places: Index, g: Graph, add: Adder) -> None:
    add("weight", 1.0 - step * p.size, legs)


def _visa(p: AnyPolicy, s: Array, step: Array, legs: Index, places: Index, g: Graph, add: Adder) -> None:
    add("weight", _factor(step, p.size), legs)


def _opening(p: AnyPolicy, s: Array, step: Array, legs: Index, places: Index, g: Graph, add: Adder) -> None:
    add("open", (step > 0.0) * 1.0, g.legs_opened_by(p))


def _transport(p: AnyPolicy, s: Array, step: Array, legs: Index, places: Index, g: Graph, add: Adder) -> None:
    add("weight", _factor(step, p.weight_factor), legs)
    add("days", _factor(step, p.days_factor), legs)
    add("cost_factor", _factor(step, p.cost_factor), legs)
    closed = g.closed_among(legs)
    add("open", (step > 0.0) * 1.0, closed)


def _penalty(p: AnyPolicy, s: Array, step: Array, legs: Index, places: Index, g: Graph, add: Adder) -> None:
    add("cost", step * p.cost_usd, legs)


def _regularisation(
    p: AnyPolicy, s: Array, step: Array, legs: Index, places: Index, g: Graph, add: Adder
) -> None:
    add("stay", _factor(s, p.size), at=places)
    add("weight", _factor(step, p.settle_size), g.choices_at(places, "settle"))


def _hazard(p: AnyPolicy, s: Array, step: Array, legs: Index, places: Index, g: Graph, add: Adder) -> None:
    add("harm", _factor(step, p.size), legs)
    add("days", _factor(step, p.days_factor), legs)
    if p.stay_size != 1.0:
        add("stay", _factor(s, p.stay_size), at=places)


def _assistance(
    p: AnyPolicy, s: Array, step: Array, legs: Index, places: Index, g: Graph, add: Adder
) -> None:
    if p.size != 1.0:
        add("stay", _factor(s, p.size), at=places)
    if p.income_usd_per_day:
        add("income", step * p.income_usd_per_day, at=places)


def _return(p: AnyPolicy, s: Array, step: Array, legs: Index, places: Index, g: Graph, add: Adder) -> None:
    add("add", step * p.size, g.choices_at(places, "turn_back"))


_BUILDERS: dict[str, Callable[..., None]] = {
    "closure": _closure,
    "visa": _visa,
    "pathway": _opening,
    "appointment": _opening,
    "transport": _transport,
    "penalty": _penalty,
    "regularisation": _regularisation,
    "hazard": _hazard,
    "assistance": _assistance,
    "return": _return,
}


def series_product(effects: Sequence[Effect], n_days: int) -> NDArray[np.float64]:
    """Multiply the daily values of effects."""
    out = np.ones(n_days)
    for effect in effects:
        out = out * effect.value
    return out
