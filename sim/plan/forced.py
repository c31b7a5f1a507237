"""People sent elsewhere on arrival: expulsion, removal and transfer as competing chances at a place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sim.plan.graph import PATHWAY_DAYS
from sim.plan.plan import PlanLeg

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from sim.plan.graph import Graph
    from sim.spec import Policy

__all__ = ["Forced", "forced_of"]

_INSTRUMENTS = {"expulsion", "removal", "transfer"}


@dataclass(frozen=True)
class Forced:
    """What may happen on arrival at some places.

    Parameters
    ----------
    index : int32 [P]
        Row of a place, -1 none.
    leg : int32 [F, J, K]
        Leg of each alternative for each kind.
    shares : list of (row, alternative, kinds, float64 [n_days])
        Share of those who arrive, before competing.
    policy : int32 [F, J]
        Which policy an alternative belongs to: its own targets split its share and do not compete with each other.
    ends : dict of int to str
        Legs on whose arrival the journey ends as ``removed``.
    days : dict of int to float
        Travel days of the legs made here.
    """

    index: NDArray[np.int32]
    leg: NDArray[np.int32]
    shares: list[tuple[int, int, NDArray[np.int64], NDArray[np.float64]]]
    policy: NDArray[np.int32]
    ends: set[int]
    days: dict[int, float]

    def table(self, day: int, n_kinds: int) -> NDArray[np.uint32]:
        """Return cumulated shares on a day, uint32 [K, F, J] on the scale of 32 bits."""
        f, j = max(self.leg.shape[0], 1), max(self.leg.shape[1], 1)
        share = np.zeros((n_kinds, f, j))
        for row, alternative, kinds, value in self.shares:
            share[kinds, row, alternative] = value[day]
        left = np.ones((n_kinds, f))
        for number in range(int(self.policy.max(initial=-1)) + 1):
            left *= 1.0 - np.minimum((share * (self.policy == number)).sum(axis=2), 1.0)
        total = 1.0 - left
        summed = share.sum(axis=2)
        with np.errstate(invalid="ignore", divide="ignore"):
            part = np.where(summed[..., None] > 0.0, share / summed[..., None] * total[..., None], 0.0)
        return np.minimum(np.round(np.cumsum(part, axis=2) * 2.0**32), 2.0**32 - 1).astype(np.uint32)


def forced_of(graph: Graph, policies: Sequence[Policy], days: NDArray[np.datetime64]) -> Forced:
    """Compile every policy that sends people elsewhere on arrival.

    Parameters
    ----------
    graph : Graph
    policies : sequence of Policy
    days : datetime64[D] [n_days]

    Returns
    -------
    Forced
    """
    index = np.full(len(graph.places), -1, dtype=np.int32)
    columns: list[list[tuple[Policy, str, float]]] = []
    for policy in policies:
        if policy.instrument not in _INSTRUMENTS:
            continue
        for number in graph.places_of(policy):
            if index[number] < 0:
                index[number] = len(columns)
                columns.append([])
            for target, weight in _targets(graph, policy, int(number)):
                columns[index[number]].append((policy, target, weight))
    width = max((len(c) for c in columns), default=1)
    leg = np.full((max(len(columns), 1), width, graph.n_kinds), -1, dtype=np.int32)
    order = {policy.id: i for i, policy in enumerate(policies)}
    number_of = np.full(leg.shape[:2], -1, dtype=np.int32)
    shares: list[tuple[int, int, NDArray[np.int64], NDArray[np.float64]]] = []
    ends: set[int] = set()
    travel: dict[int, float] = {}
    for number in np.flatnonzero(index >= 0):
        for j, (policy, target, weight) in enumerate(columns[index[number]]):
            _fill(graph, policy, int(number), target, leg[index[number], j], ends, travel)
            value = policy.strength(days) * float(policy.size) * weight
            kinds = graph.kinds_of(policy)
            kinds = kinds[leg[index[number], j, kinds] >= 0]  # nobody is sent where there is no place to send them
            number_of[index[number], j] = order[policy.id]
            shares.append((int(index[number]), j, kinds, np.clip(value, 0.0, 1.0)))
    return Forced(index, leg, shares, number_of, ends, travel)


def _targets(graph: Graph, policy: Policy, number: int) -> list[tuple[str, float]]:
    """Where people are sent, with the share of each place; ``home`` stands for each group's own."""
    to = getattr(policy, "to", None)
    if policy.instrument == "removal" and not to:
        return [("home", 1.0)]
    names = (to,) if isinstance(to, str) else tuple(to)
    if policy.instrument == "expulsion" and len(names) > 1:
        near = [leg.from_place for leg in graph.legs if leg.to_place == graph.places[number] and leg.from_place in names]
        names = tuple(dict.fromkeys(near)) or names
    return [(name, 1.0 / len(names)) for name in names]


def _fill(
    graph: Graph, policy: Policy, number: int, target: str, row: NDArray[np.int32], ends: set[int], travel: dict[int, float]
) -> None:
    place = graph.places[number]
    for kind in range(graph.n_kinds):
        group = graph.groups[kind // len(graph.units)]
        to = graph.home_place.get(group, "") if target == "home" else target
        if to not in graph.place_number or to == place:
            continue
        mode = "removal_flight" if policy.instrument == "removal" else "bus"
        number_of_leg = graph.add_leg(PlanLeg(f"{policy.id}:{place}->{to}", place, to, "return", mode, policy.id))
        row[kind] = number_of_leg
        travel[number_of_leg] = float(getattr(policy, "days", None) or PATHWAY_DAYS)
        if policy.instrument == "removal":
            ends.add(number_of_leg)
