"""Places, legs, choices and kinds by number; legs made by policies join the world's here."""

from __future__ import annotations

import hashlib
from copy import copy
from typing import TYPE_CHECKING

import numpy as np

from sim.plan.plan import UNITS, PlanLeg

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from sim.spec import Leg, Policy, Scenario

__all__ = ["Graph", "key_of"]

PATHWAY_DAYS = 1.0
"""Travel days of a regular flight or of being sent back, where a policy states none."""


def key_of(text: str) -> int:
    """Return 64 bits that stand for an id, so that draws do not depend on the order of a table."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little")


class Graph:
    """The route graph of a scenario by number.

    Parameters
    ----------
    scenario : Scenario
    """

    def __init__(self, scenario: Scenario) -> None:
        world = scenario.world
        self.scenario = scenario
        self.places = tuple(p.id for p in world.places)
        self.place_number = {p: i for i, p in enumerate(self.places)}
        self.country = tuple(p.country for p in world.places)
        present = {d.group for d in scenario.departures}
        self.groups = tuple(g.id for g in world.groups if g.id in present)
        self.units = UNITS
        self.homes = {g.id: g.home_country for g in world.groups}
        self.home_place = dict(world.home_places)
        self.world_legs: dict[int, Leg] = {}
        self.legs: list[PlanLeg] = []
        self._chosen = 0
        self.opened: dict[str, list[int]] = {}
        for leg in world.legs:
            self.world_legs[len(self.legs)] = leg
            self.legs.append(PlanLeg(leg.id, leg.from_, leg.to, leg.direction, leg.mode))
        self.leg_number = {leg.id: i for i, leg in enumerate(self.legs)}
        self._add_choices()
        for policy in scenario.policies:
            if policy.instrument in {"pathway", "appointment"}:
                self._open_legs(policy)

    def again(self, scenario: Scenario) -> Graph:
        """The same graph, without legs on which people are only sent, for a scenario whose policies open the same legs."""
        made = copy(self)
        made.scenario = scenario
        made.legs = self.legs[: self.n_chosen]
        made.leg_number = {leg.id: i for i, leg in enumerate(made.legs)}
        return made

    @property
    def n_chosen(self) -> int:
        """Legs and choices that people choose; those they are only sent along come after them."""
        while self._chosen < len(self.legs):  # legs are only ever added at the end
            leg = self.legs[self._chosen]
            if leg.made_by and leg.direction == "return":
                break
            self._chosen += 1
        return self._chosen

    @property
    def n_kinds(self) -> int:
        """Groups x units."""
        return len(self.groups) * len(self.units)

    def add_leg(self, leg: PlanLeg) -> int:
        """Add a leg and return its number (the number it has when it is there already)."""
        if leg.id not in self.leg_number:
            self.leg_number[leg.id] = len(self.legs)
            self.legs.append(leg)
        return self.leg_number[leg.id]

    def _add_choices(self) -> None:
        scenario = self.scenario
        back = {leg.from_ for leg in self.world_legs.values() if leg.leads_back}
        for place in scenario.world.places:
            if scenario.behaviour.settling and place.settle_weight > 0.0:
                self.add_leg(PlanLeg(f"{place.id}--settle", place.id, place.id, "lateral", "settle"))
            if (
                scenario.behaviour.turning_back
                and place.id in back
                and place.role not in {"origin", "destination"}
            ):
                self.add_leg(PlanLeg(f"{place.id}--turn-back", place.id, place.id, "lateral", "turn_back"))

    def _open_legs(self, policy: Policy) -> None:
        """Find, or make, the regular legs that a pathway or appointment policy opens."""
        targets = set(self._targets(policy))
        numbers: list[int] = []
        chosen = set(policy.legs)
        for place in sorted({self.places[i] for i in self.places_of(policy)}):
            found = [
                i
                for i, leg in self.world_legs.items()
                if leg.from_ == place
                and leg.closed_by_default
                and leg.mode in {"port", "air_regular"}
                and (leg.to in targets or not targets)
            ]
            if not found and not chosen:
                found = [
                    self.add_leg(
                        PlanLeg(f"{place}--{to}--regular", place, to, "northward", "air_regular", policy.id)
                    )
                    for to in sorted(targets)
                ]
            numbers.extend(found)
        numbers.extend(self.leg_number[i] for i in policy.legs)
        self.opened[policy.id] = sorted(set(numbers))

    def _targets(self, policy: Policy) -> Sequence[str]:
        to = getattr(policy, "to", None)
        if to is None:
            return ()
        return (to,) if isinstance(to, str) else tuple(to)

    def kinds_of(self, policy: Policy) -> NDArray[np.int64]:
        """Return the kinds (group x unit) a policy touches; all where it names none."""
        groups = set(policy.nationalities) or set(self.groups)
        units: set[str] = set(policy.units) or set(self.units)
        return np.array(
            [
                g * len(self.units) + u
                for g, group in enumerate(self.groups)
                for u, unit in enumerate(self.units)
                if group in groups and unit in units
            ],
            dtype=np.int64,
        )

    def places_of(self, policy: Policy) -> NDArray[np.int64]:
        """Return the places a policy acts at."""
        return np.array([self.place_number[p] for p in policy.place_ids(self.scenario.world)], dtype=np.int64)

    def legs_of(self, policy: Policy) -> NDArray[np.int64]:
        """Return the legs of the world a policy touches."""
        return np.array([self.leg_number[i] for i in policy.leg_ids(self.scenario.world)], dtype=np.int64)

    def rows_of(self, policy: Policy) -> NDArray[np.int64]:
        """Return the departure rows a policy touches: by channel, and by place or country of departure."""
        by_place = bool(policy.places or policy.countries) and policy.leg_rule == "none"
        groups = set(policy.nationalities)
        return np.array(
            [
                i
                for i, row in enumerate(self.scenario.departures)
                if (not groups or row.group in groups)
                and (not policy.channels or row.channel in policy.channels)
                and (
                    not by_place
                    or row.place in policy.places
                    or self.country[self.place_number[row.place]] in policy.countries
                )
            ],
            dtype=np.int64,
        )

    def legs_opened_by(self, policy: Policy) -> NDArray[np.int64]:
        """Return the regular legs that a pathway or appointment policy opens."""
        return np.array(self.opened.get(policy.id, []), dtype=np.int64)

    def closed_among(self, legs: Iterable[int]) -> NDArray[np.int64]:
        """Return those of some legs that are closed unless a policy opens them."""
        return np.array([i for i in legs if self.world_legs[i].closed_by_default], dtype=np.int64)

    def choices_at(self, places: Iterable[int], mode: str) -> NDArray[np.int64]:
        """Return the choices ``settle`` or ``turn_back`` at places."""
        names = {self.places[i] for i in places}
        return np.array(
            [i for i, leg in enumerate(self.legs) if leg.mode == mode and leg.from_place in names],
            dtype=np.int64,
        )
