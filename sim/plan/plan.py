"""The compiled scenario: integer ids, typed tables, calendars; and the names to read them back by."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date

    import numpy as np
    from numpy.typing import NDArray

    from sim.plan.effects import Effect
    from sim.plan.forced import Forced
    from sim.plan.graph import Graph
    from sim.plan.layout import Departures, Epochs, Fixed, Knowledge, Limits
    from sim.spec import Policy, Scenario

__all__ = ["AGES", "SEXES", "UNITS", "Parts", "Plan", "PlanLeg"]

SEXES = ("female", "male")
AGES = ("0-4", "5-11", "12-17", "18-59", "60+")
UNITS = ("alone", "family", "unaccompanied")


@dataclass(frozen=True)
class PlanLeg:
    """A leg as compiled: of the world, or made by a policy (a pathway, an expulsion), or a choice that is no journey.

    Parameters
    ----------
    id : str
    from_place, to_place : str
    direction : str
        northward, southward, lateral or return.
    mode : str
        As in the world; ``settle`` and ``turn_back`` are choices, not journeys.
    made_by : str
        Policy that made the leg, or empty.
    """

    id: str
    from_place: str
    to_place: str
    direction: str
    mode: str
    made_by: str = ""

    @property
    def travelled(self) -> bool:
        """Whether people move along it."""
        return self.mode not in {"settle", "turn_back"}


@dataclass(frozen=True)
class Parts:
    """What was worked out of single policies on the way to a plan.

    Parameters
    ----------
    forced : Forced
    effects : dict of str to (Policy, tuple of Effect)
        By policy id.
    graph : Graph
        Places, legs and choices by number.
    policy_weight : dict of int to float
        Attraction of legs that a policy opens.
    daily : bool
        Whether counts are by day.
    """

    forced: Forced
    effects: dict[str, tuple[Policy, tuple[Effect, ...]]]
    graph: Graph
    policy_weight: dict[int, float]
    daily: bool

    @property
    def opened(self) -> dict[str, list[int]]:
        """Regular legs by the policy that opens them."""
        return self.graph.opened


@dataclass(frozen=True)
class Plan:
    """A scenario ready to run.

    Parameters
    ----------
    scenario : Scenario
        What was compiled.
    first_day : date
        Day 0, the first of the spin-up.
    report_from : int
        Day on which the window begins; earlier days are not reported.
    places, groups, countries : tuple of str
        Names by number.
    legs : tuple of PlanLeg
        Legs by number, journeys and choices.
    fixed, departures, epochs, limits : NamedTuple of arrays
        See :mod:`sim.plan.layout`.
    knowledge : Knowledge
        Initial beliefs; an engine works on a copy.
    people : int
        Upper bound of persons who depart (after scaling).
    scale : float
        Share of the people simulated.
    pmfs : tuple of ndarray
        Whole-day distributions by number, for the expected engine.
    reasons : tuple of str
        Why expected counts are not exact here; empty where they are.
    parts : Parts, optional
        What a plan of nearly the same scenario can take over.
    """

    scenario: Scenario
    first_day: date
    report_from: int
    places: tuple[str, ...]
    place_country: tuple[str, ...]
    groups: tuple[str, ...]
    countries: tuple[str, ...]
    legs: tuple[PlanLeg, ...]
    fixed: Fixed
    departures: Departures
    epochs: Epochs
    limits: Limits
    knowledge: Knowledge
    people: int
    scale: float
    rows: tuple[tuple[str, str], ...]
    months: tuple[str, ...]
    pmfs: tuple[NDArray[np.float64], ...] = ()
    reasons: tuple[str, ...] = field(default=())
    parts: Parts | None = field(default=None, repr=False, compare=False)

    @property
    def n_days(self) -> int:
        """Days simulated, spin-up included."""
        return int(self.fixed.n_days)

    @property
    def n_tally(self) -> int:
        """Tally classes: groups x sexes x age bands."""
        return len(self.groups) * len(SEXES) * len(AGES)

    def __repr__(self) -> str:
        return (
            f"<Plan {self.scenario.name}: {len(self.places)} places, {len(self.legs)} legs, {len(self.groups)} groups, "
            f"{self.n_days} days from {self.first_day}, at most {self.people:,} people>"
        )
