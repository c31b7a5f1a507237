"""The Mesa face of the simulator: a scenario enters, a `mesa.Model` of countries and posts leaves.

People are arrays in the agents engine, because three million Mesa agents take minutes to make. Countries
and posts are Mesa agents that carry the numbers of the day, so that agent sets and collectors work on them.
"""

from __future__ import annotations

from dataclasses import fields
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import mesa
import numpy as np

from sim.engines.agents import AgentsRun
from sim.engines.tally import OUTCOMES
from sim.errors import RunError
from sim.plan import Plan, compile_plan
from sim.spec import Scenario, load_scenario

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date
    from pathlib import Path

    from numpy.typing import NDArray

    from sim.spec import Place

__all__ = ["Country", "Post", "RouteModel"]

POST_ROLES = ("crossing", "reception")
"""Roles of places that are posts: where people are registered, received or counted."""


class Numbers(mesa.Agent):  # type: ignore[misc]
    """A part of the route with its numbers of the day, in persons.

    Attributes
    ----------
    present : int
        Staying, queued or stranded there in the evening.
    staying, queued, stranded : int
        Their parts.
    coming : int
        On their way there.
    came : int
        Arrived there today over any leg.
    arrived, settled, returned, removed, died_or_missing : int
        Journeys that ended there today, by outcome.
    """

    def __init__(self, model: RouteModel, name: str, places: NDArray[np.int64]) -> None:
        super().__init__(model)
        self.name, self.places = name, places
        self.present = self.staying = self.queued = self.stranded = self.coming = self.came = 0
        self.arrived = self.settled = self.returned = self.removed = self.died_or_missing = 0

    def read(self, day: NDArray[np.int64]) -> None:
        """Take over the numbers of a day (see `numbers_of_the_day`)."""
        numbers = day[:, self.places].sum(axis=1).tolist()
        self.staying, self.queued, self.stranded, self.coming, self.came = numbers[:5]
        self.present = self.staying + self.queued + self.stranded
        self.arrived, self.settled, self.returned, self.removed, self.died_or_missing = numbers[5:]

    def __repr__(self) -> str:
        kind = type(self).__name__
        return f"<{kind} {self.name}: {self.present} present, {self.queued} queued, {self.came} came>"


class Country(Numbers):
    """A country: the sum over its places."""


class Post(Numbers):
    """A border crossing or reception post.

    Attributes
    ----------
    place : Place
        As the world describes it.
    """

    def __init__(self, model: RouteModel, place: Place, number: int) -> None:
        super().__init__(model, place.id, np.array([number]))
        self.place = place

    @property
    def over_capacity(self) -> int:
        """Persons present beyond the places of its reception services (0 where they are not stated)."""
        beds = self.place.reception_capacity_persons
        return 0 if beds is None else max(0, self.present - round(beds * self.model.plan.scale))


def numbers_of_the_day(run: AgentsRun, ended_before: NDArray[np.int64]) -> NDArray[np.int64]:
    """Numbers of the day that passed last, by place.

    Returns
    -------
    int64 [10, P], persons
        Staying, queued, stranded, on their way there in the evening; came; ended by outcome (5 rows).
    """
    state, plan = run.state, run.plan
    status = np.asarray(state.stock, np.int64).sum(axis=(0, 3))[:4]
    legs = np.asarray(state.flow[:, run.day - 1], np.int64).sum(axis=(0, 2))
    came = np.bincount(np.asarray(plan.fixed.leg_to), weights=legs, minlength=len(plan.places))
    return np.vstack([status, came.astype(np.int64), ended_so_far(run) - ended_before])


def ended_so_far(run: AgentsRun) -> NDArray[np.int64]:
    """Persons whose journey has ended, by outcome and place: int64 [5, P]."""
    return np.asarray(run.state.ended, np.int64).sum(axis=(0, 3))[1:]


class DayPlan(Plan):
    """A plan that counts by day and nationality, not by sex and age, to fit in memory."""

    @property
    def n_tally(self) -> int:
        """Tally classes: nationality groups."""
        return len(self.groups)


def day_plan(scenario: Scenario, scale: float) -> DayPlan:
    """Compile a scenario for counting by day and nationality."""
    plan = compile_plan(scenario, scale=scale, daily=True)
    groups = np.arange(len(plan.groups))
    parts = {field.name: getattr(plan, field.name) for field in fields(plan)}
    parts["fixed"] = plan.fixed._replace(tally_group=groups.astype(plan.fixed.tally_group.dtype))
    classes = np.broadcast_to(groups[:, None, None], plan.departures.tally_class.shape)
    parts["departures"] = plan.departures._replace(tally_class=np.ascontiguousarray(classes, np.int32))
    return DayPlan(**parts)


class RouteModel(mesa.Model):  # type: ignore[misc]
    """The route as a Mesa model: `step()` lets a day pass.

    Parameters
    ----------
    route : Scenario, str, Path or mapping
        A scenario, or what :func:`sim.spec.load_scenario` reads as one. (Mesa keeps `scenario` for itself.)
    scale : float
        Share of the people to simulate; numbers are those of the people simulated.
    threads : int
        Results do not depend on it.
    rng : int, numpy Generator or None
        The same whole number gives the same run, and the same people as replicate 0 of `travesia run --seed`.

    Attributes
    ----------
    day, date : int, date
        Days passed, and the date of the last of them.
    countries, posts : dict of str to Country, Post
        Mesa agents by name; also in ``model.agents``.

    Raises
    ------
    ScenarioError
        When the scenario is refused.
    RunError
        When a step is asked for beyond the last day.

    Examples
    --------
    >>> stay, window = {"kind": "fixed", "days": 1}, {"start": "2023-01-01", "end": "2023-01-31"}
    >>> origin = {"id": "A", "country": "COL", "role": "origin", "stay": stay}
    >>> target = {"id": "B", "country": "PAN", "role": "destination"}
    >>> world = {"places": [origin, target], "legs": [{"id": "A-B", "from": "A", "to": "B", "days": stay}]}
    >>> rows = [{"place": "A", "group": "VEN", "per_day": 10, **window}]
    >>> model = RouteModel({"name": "road", "window": window, "world": world, "departures": rows}, rng=1)
    >>> model.run_for(5)
    >>> model.countries["PAN"].arrived
    10
    """

    def __init__(
        self,
        route: Scenario | str | Path | Mapping[str, Any] = "history/baseline",
        *,
        scale: float = 1.0,
        threads: int = 1,
        rng: int | np.random.Generator | None = None,
    ) -> None:
        super().__init__(rng=rng)
        self.plan = day_plan(load_scenario(route), scale)
        self.run_seed = int(rng) if isinstance(rng, int | np.integer) else int(self.rng.integers(2**31))
        self.people = AgentsRun(self.plan, seed=self.run_seed, threads=threads)
        index = np.array(self.plan.place_country)
        self.countries = {
            c: Country(self, c, np.flatnonzero(index == c)) for c in sorted(set(index.tolist()))
        }
        places = enumerate(self.plan.scenario.world.places)
        self.posts = {p.id: Post(self, p, i) for i, p in places if {p.role, *p.roles_all} & set(POST_ROLES)}
        self.datacollector = mesa.DataCollector(
            model_reporters={
                "date": "date",
                "departed": "departed",
                "on_route": "on_route",
                "ended": "ended",
            },
            agenttype_reporters={kind: {n: n for n in REPORTED} for kind in (Country, Post)},
        )

    @classmethod
    def from_scenario(
        cls,
        name: str | Path,
        *,
        scale: float = 1.0,
        threads: int = 1,
        rng: int | np.random.Generator | None = None,
    ) -> RouteModel:
        """Make a model of a scenario of the library, or of a YAML file (see the class)."""
        return cls(name, scale=scale, threads=threads, rng=rng)

    @property
    def day(self) -> int:
        """Days passed."""
        return self.people.day

    @property
    def date(self) -> date:
        """Date of the day that passed last (the day before the first, at the beginning)."""
        return self.plan.first_day + timedelta(days=self.day - 1)

    @property
    def departed(self) -> int:
        """Persons who departed today."""
        return self._balance(0)

    @property
    def on_route(self) -> int:
        """Persons on the route in the evening."""
        return self._balance(1)

    @property
    def ended(self) -> int:
        """Persons whose journey has ended so far."""
        return self._balance(2)

    def _balance(self, column: int) -> int:
        return int(self.people.state.balance[self.day - 1, column]) if self.day else 0

    def step(self) -> None:
        """Let one day pass, hand its numbers to countries and posts, and collect them."""
        if self.day >= self.plan.n_days:
            msg = f"the run ended on {self.date}; expected at most {self.plan.n_days} steps"
            raise RunError(msg)
        ended = ended_so_far(self.people)
        self.people.advance(1)
        today = numbers_of_the_day(self.people, ended)
        for agent in [*self.countries.values(), *self.posts.values()]:
            agent.read(today)
        self.running = self.day < self.plan.n_days
        if not self.running:
            self.people.close()
        self.datacollector.collect(self)


REPORTED = ("name", "present", "staying", "queued", "stranded", "coming", "came", *OUTCOMES[:-1])
"""Numbers collected every day of every country and post."""
