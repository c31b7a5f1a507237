"""The corridor: a plan and a key enter, days pass in the one order there is, counts leave. Mesa enters here.

A day (the order is that of :mod:`sim.engines.agents`, written here as it is read):

1. Policies in force today; on a news day, what people know.
2. Those who waited in a line are served; who lost their leg or their patience will choose again.
3. Departures.
4. Everyone whose day it is arrives or leaves.
5. Requests for limited legs are served; the rest join the line.
6. Steps 4 and 5 repeat while anyone moves on today.
7. The evening's count.
"""

from __future__ import annotations

from collections import defaultdict, deque
from typing import TYPE_CHECKING

import mesa
import numpy as np

from sim.engines.reference.beliefs import Beliefs
from sim.engines.reference.choices import Choices
from sim.engines.reference.departures import Departures
from sim.engines.reference.lines import Lines, Party
from sim.engines.reference.person import SETTLED_DOWN, Person
from sim.engines.reference.stays import Days
from sim.engines.tally import DURATION_BINS, OUTCOMES, STATUSES

if TYPE_CHECKING:
    from collections.abc import Callable

    from sim.plan import Plan

__all__ = ["Corridor"]

SETTLED = STATUSES.index("settled")


class Corridor(mesa.Model):  # type: ignore[misc]
    """Everybody on the route, day by day.

    Parameters
    ----------
    plan : Plan
    key : int
        Key of all draws (see :func:`sim.engines.reference.draws.run_key`).
    """

    def __init__(self, plan: Plan, key: int) -> None:
        super().__init__(rng=key)
        self.plan, self.key, self.day = plan, key, 0
        self._name_tables(plan)
        self.days = Days(plan)
        self.choices = Choices(plan)
        self.beliefs = Beliefs(plan)
        self.lines = Lines(plan, self.persons_at)
        self.departures = Departures(self)
        self.agenda: defaultdict[int, deque[Callable[[], None]]] = defaultdict(deque)
        self.asked: list[tuple[Person, int | None]] = []
        self.acts = 0
        self._new_counts(plan)

    def _name_tables(self, plan: Plan) -> None:
        fixed = plan.fixed
        self.month: list[int] = fixed.month_of_day.tolist()
        self.period: list[int] = fixed.period_of_day.tolist()
        self.place_key: list[int] = fixed.place_key.tolist()
        self.visit_slot: list[int] = [int(bit) // 2 for bit in fixed.place_slot]
        self.country: list[int] = fixed.place_country.tolist()
        self.is_destination: list[bool] = [bool(end) for end in fixed.place_ends]
        self.daily_cost: list[int] = fixed.daily_cost.tolist()
        self.stay_table: list[list[int]] = fixed.stay_table.tolist()
        self.stay_calendar: list[list[int]] = fixed.stay_calendar.tolist()
        self.forced_at: list[int] = fixed.forced_index.tolist()
        self.group_of_kind: list[int] = fixed.kind_group.tolist()
        self.home_of_kind: list[int] = fixed.kind_home.tolist()
        self.leg_key: list[int] = fixed.leg_key.tolist()
        self.leg_to: list[int] = fixed.leg_to.tolist()
        self.leg_sort: list[int] = fixed.leg_sort.tolist()
        self.leg_end: list[int] = fixed.leg_end.tolist()
        self.leg_limited: list[bool] = [bool(limited) for limited in fixed.leg_limited]
        self.keep_after_robbery = int(fixed.keep_after_robbery)

    def _new_counts(self, plan: Plan) -> None:
        periods = self.period[plan.n_days - 1] + 1
        places, classes = len(plan.places), plan.n_tally
        self.flows = np.zeros((periods, len(plan.legs), classes), np.int64)
        self.person_days = np.zeros((periods, len(STATUSES), places, classes), np.int64)
        self.peaks = np.zeros_like(self.person_days)
        self.departed = np.zeros((periods, len(plan.rows)), np.int64)
        self.ended = np.zeros((len(OUTCOMES), places, classes), np.int64)
        self.settled = np.zeros((places, classes), np.int64)
        cells = len(OUTCOMES) * len(plan.countries)
        self.durations = np.zeros((cells, len(plan.groups), DURATION_BINS), np.int64)
        self.balance = np.zeros((plan.n_days, 3), np.int64)
        self.trace: list[tuple[int, int, int, int]] = []

    # --- the day --------------------------------------------------------------------------------------

    def step(self) -> None:
        """Let one day pass."""
        changed = self.bring_into_force()
        self.start(self.lines.open(self.day, changed, self.choices.is_open))
        self.balance[self.day, 0] = self.departures.depart(self.day)
        while True:
            self.act()
            through = self.lines.serve(self.asked, self.day)
            self.asked = []
            if not through:
                break
            self.start(through)
        self.count_evening()
        self.day += 1

    def bring_into_force(self) -> bool:
        """Take today's policies and news into force; return whether anything changed."""
        epochs = self.plan.epochs
        epoch = int(epochs.epoch_of_day[self.day])
        changed = self.day == 0 or epoch != epochs.epoch_of_day[self.day - 1]
        if self.beliefs.tells_news(self.day):
            self.beliefs.learn(epoch, self.day)
            changed = True
        if changed:
            self.choices.renew(epoch, self.beliefs.appeal if self.beliefs.on else None)
            self.leg_table: list[int] = epochs.leg_table[epoch].tolist()
            self.leg_cost: list[int] = epochs.leg_cost[epoch].tolist()
            self.leg_robbery: list[int] = epochs.leg_robbery[epoch].tolist()
            self.leg_death: list[int] = epochs.leg_death[epoch].tolist()
            self.income: list[int] = epochs.income[epoch].tolist()
            self.forced_shares: list[list[list[int]]] = epochs.forced[epoch].tolist()
        return changed

    def act(self) -> None:
        """Let everyone whose day it is act, until nobody is left who moves on without asking."""
        today = self.agenda[self.day]
        while today:
            self.acts += 1
            today.popleft()()

    def start(self, parties: list[Party]) -> None:
        """Let parties who got through start today."""
        for party in parties:
            assert party.leg is not None  # noqa: S101 - nobody gets through without a leg
            for person in party.members:
                person.set_out(party.leg)

    def later(self, day: int, act: Callable[[], None]) -> None:
        """Put something a person will do on the agenda."""
        self.agenda[day].append(act)

    def ask(self, person: Person, leg: int | None) -> None:
        """Note that a person asks to start a limited leg, or finds none open."""
        self.asked.append((person, leg))

    # --- counts ---------------------------------------------------------------------------------------

    def persons_at(self, place: int) -> int:
        """Persons present in a place or on their way to it."""
        return sum(person.place == place for person in self.agents)

    def count_crossing(self, person: Person) -> None:
        """Count a person who arrives over a leg."""
        self.flows[self.period[self.day], person.now_on, person.tally_class] += 1

    def count_end(self, person: Person, outcome: int) -> None:
        """Count a person whose journey ends."""
        self.ended[outcome, person.place, person.tally_class] += 1
        self.count_duration(person, outcome)
        if outcome == SETTLED_DOWN:
            self.settled[person.place, person.tally_class] += 1
        self.trace.append(person.words(outcome))

    def count_duration(self, person: Person, outcome: int) -> None:
        """Count the days since a person departed (outcome 0: still on the route)."""
        cell = outcome * len(self.plan.countries) + self.country[person.place]
        days = min(self.day - person.departed, DURATION_BINS - 1)
        self.durations[cell, person.group, days] += 1

    def count_people(self) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
        """Count who is where: persons by status, place and tally class."""
        count = np.zeros(self.person_days.shape[1:], np.int64)
        for person in self.agents:
            count[person.status, person.place, person.tally_class] += 1
        count[SETTLED] = self.settled
        return count

    def count_evening(self) -> None:
        """Add today's evening to person-days, peaks and the balance of people."""
        count = self.count_people()
        period = self.period[self.day]
        self.person_days[period] += count
        np.maximum(self.peaks[period], count, out=self.peaks[period])
        self.balance[self.day, 1] = count[:SETTLED].sum()
        self.balance[self.day, 2] = self.ended.sum()
