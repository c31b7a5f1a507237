"""People sent elsewhere on arrival: expulsion, removal and transfer as competing chances at a place.

Whom an expulsion sends away is split at once into those who will try again, who go on from where they are put after
``repeat_attempt_wait_days`` on the way back, and those who will not, whose journey ends there as ``returned``. Without the
behaviour ``repeat_attempts`` nobody tries again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
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
    """What one policy sends from one place along one way: share of those who arrive, before competing.

    Parameters
    ----------
    row, way : int
    policy : int
        Place of the policy in the scenario's list.
    kinds : int64
    weight : float
        Part of the policy's share that is sent this way.
    value : float64 [n_days]
    """

    row: int
    way: int
    policy: int
    kinds: NDArray[np.int64]
    weight: float
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
        out = np.zeros((len(days), n_kinds, *self.leg.shape[:2]), np.uint32)
        for row in {s.row for s in self.shares}:
            out[:, :, row] = self.row_tables(row, days, n_kinds)
        return out

    def row_tables(self, row: int, days: NDArray[np.int64], n_kinds: int) -> NDArray[np.uint32]:
        """Return cumulated shares of one place: uint32 [days, K, J]."""
        own = [s for s in self.shares if s.row == row]
        values = np.ascontiguousarray(np.array([s.value[days] for s in own]).T)
        stretch, which = _same_rows(values)
        touched = np.zeros((n_kinds, len(own)), np.bool_)
        for i, one in enumerate(own):
            touched[one.kinds, i] = True
        kind, sort = _same_rows(touched)
        table = self._row(own, values[stretch].T, touched[kind])
        return np.asarray(table[which[:, None], sort])

    def _row(
        self, own: list[Share], values: NDArray[np.float64], touched: NDArray[np.bool_]
    ) -> NDArray[np.uint32]:
        """Cumulated shares of one place for columns of values of its shares, and kinds that some shares touch."""
        shape = (values.shape[1], len(touched))
        share = np.zeros((self.leg.shape[1], *shape))
        of_policy: dict[int, NDArray[np.float64]] = {}
        for i, (one, value) in enumerate(zip(own, values, strict=True)):
            if value.any():
                more = value[:, None] * touched[:, i]
                share[one.way] += more
                of_policy.setdefault(one.policy, np.zeros(shape))[:] += more
        left = np.ones(shape)
        for total in of_policy.values():
            left *= 1.0 - np.minimum(total, 1.0)
        summed = share.sum(axis=0)
        with np.errstate(invalid="ignore", divide="ignore"):
            part = np.where(summed > 0.0, share / summed * (1.0 - left), 0.0)
        table = np.minimum(np.round(np.cumsum(part, axis=0) * 2.0**32), 2.0**32 - 1).astype(np.uint32)
        return np.moveaxis(table, 0, 2)

    def otherwise(self, other: Forced) -> list[int]:
        """Rows whose shares are others than in another plan with the same rows and ways."""
        rows = {s.row for s in self.shares} | {s.row for s in other.shares}
        pairs = {
            row: ([s for s in self.shares if s.row == row], [s for s in other.shares if s.row == row])
            for row in rows
        }
        return [row for row, (one, two) in pairs.items() if not _sent_alike(one, two)]

    def resized(
        self, policies: Sequence[Policy], before: Sequence[Policy], days: NDArray[np.datetime64]
    ) -> Forced | None:
        """The same ways under other sizes and dates.

        Parameters
        ----------
        policies, before : sequence of Policy
            Of the scenario asked for, and of that which was compiled.
        days : datetime64[D] [n_days]

        Returns
        -------
        Forced or None
            None where policies that send people differ in more than sizes and dates.
        """
        if [p.id for p in policies] != [p.id for p in before]:
            return None
        changed: dict[int, NDArray[np.float64]] = {}
        policy: AnyPolicy
        for order, (policy, old) in enumerate(zip(policies, before, strict=True)):
            if policy is old or not {policy.instrument, old.instrument} & INSTRUMENTS or policy == old:
                continue
            if policy.instrument != old.instrument or policy != old.model_copy(
                update={name: getattr(policy, name) for name in ("size", "start", "end")}
            ):
                return None
            changed[order] = policy.strength(days) * float(policy.size)
        shares = [
            replace(s, value=np.clip(changed[s.policy] * s.weight, 0.0, 1.0)) if s.policy in changed else s
            for s in self.shares
        ]
        return replace(self, shares=shares)


def _sent_alike(one: list[Share], other: list[Share]) -> bool:
    """Whether two lists of shares of a place come to the same."""
    if len(one) != len(other):
        return False
    number: dict[int, int] = {}
    back: dict[int, int] = {}
    return all(
        a is b
        or (
            number.setdefault(a.policy, b.policy) == b.policy
            and back.setdefault(b.policy, a.policy) == a.policy
            and a.way == b.way
            and np.array_equal(a.kinds, b.kinds)
            and np.array_equal(a.value, b.value)
        )
        for a, b in zip(one, other, strict=True)
    )


def _same_rows(table: NDArray[np.generic]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First of each different row of a table, and which of them each row is."""
    seen: dict[bytes, int] = {}
    which = np.array([seen.setdefault(row.tobytes(), len(seen)) for row in table], np.int64)
    return np.unique(which, return_index=True)[1].astype(np.int64), which


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
    before: dict[str, set[str]] = {}
    for one in graph.legs:
        before.setdefault(one.to_place, set()).add(one.from_place)
    for order, policy in enumerate(policies):
        if policy.instrument not in INSTRUMENTS:
            continue
        for number in graph.places_of(policy):
            if index[number] < 0:
                index[number] = len(ways)
                ways.append([])
            own = ways[index[number]]
            for sort, target, weight in _ways(graph, policy, before.get(graph.places[number], set())):
                pair = (sort, target)
                if pair not in own:
                    own.append(pair)
                parts.append((int(number), own.index(pair), policy, order, weight))
    width = max((len(w) for w in ways), default=1)
    leg = np.full((max(len(ways), 1), width, graph.n_kinds), -1, dtype=np.int32)
    shares: list[Share] = []
    ends: dict[int, int] = {}
    travel: dict[int, Distribution] = {}
    by_order = {p[3]: p[2] for p in parts}
    strength = {order: policy.strength(days) for order, policy in by_order.items()}
    touched = {order: graph.kinds_of(policy) for order, policy in by_order.items()}
    homes = _homes(graph)
    for number, way, policy, order, weight in parts:
        row = int(index[number])
        _fill(graph, policy, number, ways[row][way], leg[row, way], ends, travel, homes)
        kinds = touched[order]
        kinds = kinds[leg[row, way, kinds] >= 0]  # nobody is sent where there is no place to send them
        value = np.clip(strength[order] * float(policy.size) * weight, 0.0, 1.0)
        shares.append(Share(row, way, order, kinds, weight, value))
    return Forced(index, leg, shares, ends, travel)


def _targets(policy: AnyPolicy, near: set[str]) -> list[tuple[str, float]]:
    """Where people are sent, with the share of each place; ``home`` stands for each group's own.

    Those who are expelled go back to the places a leg leads from, where any of those named is among them.
    """
    to: Any = getattr(policy, "to", None)
    if policy.instrument == "removal" and not to:
        return [("home", 1.0)]
    names = (to,) if isinstance(to, str) else tuple(to)
    if policy.instrument == "expulsion" and len(names) > 1:
        names = tuple(name for name in names if name in near) or names
    return [(name, 1.0 / len(names)) for name in names]


def _ways(graph: Graph, policy: AnyPolicy, near: set[str]) -> list[tuple[str, str, float]]:
    """Ways on which a policy sends people from a place: what they are, where they lead, and the share of each.

    The draw that decides who is expelled decides also who will try again, so that the same people do in every scenario.
    """
    targets = _targets(policy, near)
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
    homes: dict[str, list[int]],
) -> None:
    place = graph.places[number]
    sort, target = way
    end = {_FOR_GOOD: _RETURNED, "removal": _REMOVED}.get(sort)
    mode = "removal_flight" if policy.instrument == "removal" else "bus"
    for to, kinds in homes.items() if target == "home" else ((target, slice(None)),):
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
