"""People sent elsewhere on arrival: expulsion, removal and transfer as competing chances at a place.

Whom an expulsion sends away is split at once into those who will try again, who go on from where they are put after
``repeat_attempt_wait_days`` on the way back, and those who will not, whose journey ends there as ``returned``. Without the
behaviour ``repeat_attempts`` nobody tries again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.plan.graph import PATHWAY_DAYS
from sim.plan.plan import PlanLeg
from sim.spec import Fixed, Geometric

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from sim.plan.graph import Graph
    from sim.spec import Distribution, Policy

    type AnyPolicy = Any  # the caller has looked at the instrument

__all__ = ["INSTRUMENTS", "Forced", "forced_of"]

INSTRUMENTS = {"expulsion", "removal", "transfer"}
"""Policies that send people elsewhere on arrival."""
_RETURNED, _REMOVED = 3, 4
_FOR_GOOD = "for-good"
"""Name of the way of those who do not try again."""


@dataclass(frozen=True)
class Share:
    """What one policy sends from one place along one way: share of those who arrive, before competing."""

    row: int
    way: int
    policy: int
    kinds: NDArray[np.int64]
    value: NDArray[np.float64]


@dataclass(frozen=True)
class Forced:
    """What may happen on arrival at some places.

    Parameters
    ----------
    index : int32 [P]
        Row of a place, -1 none.
    leg : int32 [F, J, K]
        Leg of each way (instrument and target) for each kind.
    shares : list of Share
    ends : dict of int to int
        Legs on whose arrival the journey ends, with the outcome (returned or removed).
    days : dict of int to Distribution
        Travel days of the legs made here.
    """

    index: NDArray[np.int32]
    leg: NDArray[np.int32]
    shares: list[Share]
    ends: dict[int, int]
    days: dict[int, Distribution]

    def tables(self, days: NDArray[np.int64], n_kinds: int) -> NDArray[np.uint32]:
        """Return cumulated shares on some days, uint32 [days, K, F, J] on the scale of 32 bits.

        Policies compete: together they send ``1 - prod(1 - share)``, split in proportion to their shares; the targets of one
        policy split its share and do not compete with each other.
        """
        if not self.shares:
            return np.zeros((len(days), n_kinds, *self.leg.shape[:2]), np.uint32)
        values = np.ascontiguousarray(np.array([s.value[days] for s in self.shares]).T)
        seen: dict[bytes, int] = {}
        which = [seen.setdefault(row.tobytes(), len(seen)) for row in values]
        first = np.unique(which, return_index=True)[1]
        return np.asarray(self._tables(values[first].T, n_kinds)[which])

    def _tables(self, values: NDArray[np.float64], n_kinds: int) -> NDArray[np.uint32]:
        """Cumulated shares for columns of values of the shares."""
        n = values.shape[1]
        share = np.zeros((*self.leg.shape[:2], n, n_kinds))
        of_policy: dict[tuple[int, int], NDArray[np.float64]] = {}
        for one, value in zip(self.shares, values, strict=True):
            if value.any():
                more = np.zeros((n, n_kinds))
                more[:, one.kinds] = value[:, None]
                share[one.row, one.way] += more
                of_policy.setdefault((one.row, one.policy), np.zeros((n, n_kinds)))[:] += more
        left = np.ones((len(share), n, n_kinds))
        for (row, _), total in of_policy.items():
            left[row] *= 1.0 - np.minimum(total, 1.0)
        summed = share.sum(axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            part = np.where(summed[:, None] > 0.0, share / summed[:, None] * (1.0 - left)[:, None], 0.0)
        table = np.minimum(np.round(np.cumsum(part, axis=1) * 2.0**32), 2.0**32 - 1).astype(np.uint32)
        return np.ascontiguousarray(np.moveaxis(table, (0, 1), (2, 3)))


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
    ways: list[list[tuple[str, str]]] = []
    parts: list[tuple[int, int, AnyPolicy, int, float]] = []
    for order, policy in enumerate(policies):
        if policy.instrument not in INSTRUMENTS:
            continue
        for number in graph.places_of(policy):
            if index[number] < 0:
                index[number] = len(ways)
                ways.append([])
            own = ways[index[number]]
            for sort, target, weight in _ways(graph, policy, int(number)):
                pair = (sort, target)
                if pair not in own:
                    own.append(pair)
                parts.append((int(number), own.index(pair), policy, order, weight))
    width = max((len(w) for w in ways), default=1)
    leg = np.full((max(len(ways), 1), width, graph.n_kinds), -1, dtype=np.int32)
    shares: list[Share] = []
    ends: dict[int, int] = {}
    travel: dict[int, Distribution] = {}
    strength = {order: policy.strength(days) for order, policy in {p[3]: p[2] for p in parts}.items()}
    for number, way, policy, order, weight in parts:
        row = int(index[number])
        _fill(graph, policy, number, ways[row][way], leg[row, way], ends, travel)
        kinds = graph.kinds_of(policy)
        kinds = kinds[leg[row, way, kinds] >= 0]  # nobody is sent where there is no place to send them
        value = np.clip(strength[order] * float(policy.size) * weight, 0.0, 1.0)
        shares.append(Share(row, way, order, kinds, value))
    return Forced(index, leg, shares, ends, travel)


def _targets(graph: Graph, policy: AnyPolicy, number: int) -> list[tuple[str, float]]:
    """Where people are sent, with the share of each place; ``home`` stands for each group's own."""
    to: Any = getattr(policy, "to", None)
    if policy.instrument == "removal" and not to:
        return [("home", 1.0)]
    names = (to,) if isinstance(to, str) else tuple(to)
    if policy.instrument == "expulsion" and len(names) > 1:
        near = {leg.from_place for leg in graph.legs if leg.to_place == graph.places[number]}
        names = tuple(name for name in names if name in near) or names
    return [(name, 1.0 / len(names)) for name in names]


def _ways(graph: Graph, policy: AnyPolicy, number: int) -> list[tuple[str, str, float]]:
    """Ways on which a policy sends people from a place: what they are, where they lead, and the share of each.

    The draw that decides who is expelled decides also who will try again, so that the same people do in every scenario.
    """
    targets = _targets(graph, policy, number)
    if policy.instrument != "expulsion":
        return [(str(policy.instrument), target, weight) for target, weight in targets]
    again = _trying_again(graph, policy)
    split = [("expulsion", target, weight * again) for target, weight in targets]
    split += [(_FOR_GOOD, target, weight * (1.0 - again)) for target, weight in targets]
    return [way for way in split if way[2] > 0.0]


def _trying_again(graph: Graph, policy: AnyPolicy) -> float:
    """Share of those expelled who will try again."""
    if not graph.scenario.behaviour.repeat_attempts:
        return 0.0
    stated = policy.try_again
    return float(graph.scenario.parameters.get("repeat_attempt_share", 1.0) if stated is None else stated)


def _days_back(graph: Graph, way: str) -> Distribution:
    """Days of the way back; who will try again needs time to get ready for it."""
    wait = graph.scenario.parameters.get("repeat_attempt_wait_days", PATHWAY_DAYS)
    if way == "expulsion" and wait > 1.0:
        return Geometric(mean_days=wait)
    return Fixed(days=PATHWAY_DAYS)


def _fill(
    graph: Graph,
    policy: Policy,
    number: int,
    way: tuple[str, str],
    row: NDArray[np.int32],
    ends: dict[int, int],
    travel: dict[int, Distribution],
) -> None:
    place = graph.places[number]
    sort, target = way
    end = {_FOR_GOOD: _RETURNED, "removal": _REMOVED}.get(sort)
    mode = "removal_flight" if policy.instrument == "removal" else "bus"
    for to, kinds in _homes(graph).items() if target == "home" else ((target, slice(None)),):
        if to not in graph.place_number or to == place:
            continue
        name = f"{policy.instrument}:{place}->{to}" + (f":{sort}" if sort == _FOR_GOOD else "")
        leg = graph.add_leg(PlanLeg(name, place, to, "return", mode, policy.instrument))
        row[kinds] = leg
        if leg not in travel:
            travel[leg] = _days_back(graph, sort)
        if end is not None:
            ends[leg] = end


def _homes(graph: Graph) -> dict[str, list[int]]:
    """Kinds whose home each place is, in the order of the groups."""
    out: dict[str, list[int]] = {}
    for kind in range(graph.n_kinds):
        group = graph.groups[kind // len(graph.units)]
        out.setdefault(graph.home_place.get(group, ""), []).append(kind)
    return out
