"""Tiny worlds for closed-form answers: a few rows enter, counts by day and name leave."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.engines.agents import run_agents
from sim.engines.tally import OUTCOMES, STATUSES, Tally
from sim.plan import Plan, compile_plan
from sim.spec import load_scenario

__all__ = ["Days", "Outcome", "at", "departs", "leg", "place", "simulate"]

FIRST = date(2023, 1, 1)
Row = dict[str, Any]
Counts = NDArray[np.int64]


def at(day: int) -> str:
    """ISO date of a day of the run (day 0 is 1 January 2023)."""
    return (FIRST + timedelta(days=day)).isoformat()


def Days(days: float) -> Row:  # noqa: N802 - reads like the distribution it makes
    """A fixed stay or travel time."""
    return {"kind": "fixed", "days": days}


def place(name: str, stay: Row | float | None = None, *, role: str = "transit", **more: Any) -> Row:  # noqa: ANN401
    """A place; a number as stay is a fixed one."""
    made = {"id": name, "country": more.pop("country", "PAN"), "role": role} | more
    if stay is not None:
        made["stay"] = Days(stay) if isinstance(stay, int | float) else stay
    return made


def leg(name: str, days: Row | float = 1.0, **more: Any) -> Row:  # noqa: ANN401
    """A leg ``A-B`` from A to B; a number of days is fixed."""
    begins, ends = name.split("/", maxsplit=1)[0].split("-")
    time = Days(days) if isinstance(days, int | float) else days
    return {"id": name.replace("/", "."), "from": begins, "to": ends, "days": time} | more


def departs(persons: float, *, first: int = 0, last: int | None = None, **more: Any) -> Row:  # noqa: ANN401
    """So many persons on each day from `first` to `last` (one day if not given) from place A."""
    row = {"place": "A", "group": "VEN", "per_day": persons, "start": at(first), "end": at(last or first)}
    return row | more


@dataclass(frozen=True)
class Outcome:
    """A run with its names."""

    plan: Plan
    tally: Tally

    def _leg(self, name: str) -> int:
        return [one.id for one in self.plan.legs].index(name)

    def arrivals(self, name: str) -> Counts:
        """Persons who arrive over a leg, by day."""
        return np.asarray(self.tally.flows[:, self._leg(name)].sum(axis=1), np.int64)

    def present(self, name: str, status: str = "staying") -> Counts:
        """Persons in a place, or on their way to it, in the evening of each day."""
        where = self.plan.places.index(name)
        return np.asarray(self.tally.person_days[:, STATUSES.index(status), where].sum(axis=1), np.int64)

    def ended(self, outcome: str) -> int:
        """Persons with an outcome; those still on the route by ``on_route``."""
        if outcome == "on_route":
            return int(self.tally.on_route.sum())
        return int(self.tally.ended[OUTCOMES.index(outcome) + 1].sum())

    def days_taken(self, outcome: int) -> Counts:
        """Number of people by days from departure to the outcome number."""
        countries = len(self.plan.countries)
        cells = self.tally.durations[outcome * countries : (outcome + 1) * countries]
        return np.asarray(cells.sum(axis=(0, 1)), np.int64)


def simulate(
    places: Iterable[Row],
    legs: Iterable[Row],
    departures: Iterable[Row],
    *,
    days: int = 60,
    policies: Iterable[Row] = (),
    seed: int = 20230101,
    scale: float = 1.0,
    trace: bool = False,
    world: Row | None = None,
    **more: Any,  # noqa: ANN401
) -> Outcome:
    """Run a tiny world with the agents engine and count by day."""
    rows = {"places": list(places), "legs": list(legs)} | (world or {})
    content = {
        "name": "tiny",
        "window": {"start": at(0), "end": at(days - 1)},
        "world": rows,
        "departures": list(departures),
        "policies": list(policies),
    }
    plan = compile_plan(load_scenario(content | more), scale=scale, daily=True)
    return Outcome(plan, run_agents(plan, seed=seed, trace=trace))
