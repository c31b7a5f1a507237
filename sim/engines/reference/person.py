"""A person stays, chooses a way, sets out, arrives, may be sent elsewhere, and ends the journey (Mesa)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import mesa

from sim.engines.reference.draws import GOLDEN, Stream, certain, lower, mix, upper
from sim.engines.tally import STATUSES

if TYPE_CHECKING:
    from sim.engines.reference.corridor import Corridor

__all__ = ["ARRIVED", "DIED", "REMOVED", "RETURNED", "SETTLED_DOWN", "Person"]

STAYING, QUEUED, STRANDED, TRAVELLING, _ = range(len(STATUSES))
ARRIVED, SETTLED_DOWN, RETURNED, REMOVED, DIED = 1, 2, 3, 4, 5
MOVE, SETTLE, TURN_BACK = 0, 1, 2
SLOTS, VISITS, LAPS = 32, 4, 64
"""A person counts visits in 32 slots of two bits; a full slot starts again and the lap goes up."""
ENDLESS_MEANS = 0xFFFF
"""Means of people who never run out."""
HELP_AFTER_DAYS = 30
"""Longest time a stranded person waits before trying again."""


class Person(mesa.Agent):  # type: ignore[misc]
    """One person on the route.

    Parameters
    ----------
    corridor : Corridor
        The model.
    unit_key : int
        64 bits shared by all who travel together: they draw alike, decide alike and stay together.
    position : int
        Place in the unit, from 0.
    kind, tally_class : int
        Group and unit; group, sex and age band.
    place : int
        Where the journey begins.
    means : int
        USD.
    """

    model: Corridor

    def __init__(
        self,
        corridor: Corridor,
        unit_key: int,
        position: int,
        kind: int,
        tally_class: int,
        place: int,
        means: int,
    ) -> None:
        super().__init__(corridor)
        self.unit_key, self.position = unit_key, position
        self.kind, self.tally_class = kind, tally_class
        self.group = corridor.group_of_kind[kind]
        self.place, self.means = place, means
        self.status = STAYING
        self.heading_south = False
        self.fate = 0
        self.departed = corridor.day
        self.visits = [0] * SLOTS
        self.lap = 0
        self.choice_draw = 0
        self.now_on: int | None = None

    # --- staying --------------------------------------------------------------------------------------

    def depart(self) -> None:
        """Begin the journey with a stay at the place of departure, at no cost."""
        self.stay(self.visit(), costs=False)

    def visit(self) -> int:
        """Count an arrival; return its 64 bits: the upper half chooses the way, the lower half the stay."""
        slot = self.model.visit_slot[self.place]
        draw = mix(self.unit_key + self.model.place_key[self.place] + self.visit_number(slot) * GOLDEN)
        self.visits[slot] = (self.visits[slot] + 1) % VISITS
        if self.visits[slot] == 0:
            self.lap = (self.lap + 1) % LAPS
        return draw

    def visit_number(self, slot: int) -> int:
        """Number that no other visit to the same place has."""
        return self.visits[slot] + VISITS * self.lap

    def stay(self, draw: int, *, costs: bool = True) -> None:
        """Stay for the days drawn from the place's distribution, as policies scale them, and pay for them."""
        today, place = self.model.day, self.place
        self.status = STAYING
        self.choice_draw = upper(draw)
        table = self.model.stay_table[self.kind][place]
        calendar = self.model.stay_calendar[self.kind][place]
        leaving = self.model.days.day_of_leaving(table, calendar, certain(lower(draw)), today)
        if costs and self.means != ENDLESS_MEANS:
            self.means = max(0, self.means - self.model.daily_cost[place] * (leaving - today))
        self.model.later(leaving, self.leave)

    # --- leaving --------------------------------------------------------------------------------------

    def leave(self) -> None:
        """Choose a way: a leg, settling for good, or turning back; be stranded, or ask for a limited leg."""
        leg = self.model.choices.pick(self.kind, self.heading_south, self.means, self.place, self.choice_draw)
        if leg is None:
            self.model.ask(self, None)
        elif self.model.leg_sort[leg] == SETTLE:
            self.end(SETTLED_DOWN)
        elif self.model.leg_sort[leg] == TURN_BACK:
            self.turn_back()
        elif self.means < self.model.leg_cost[leg] and self.means != ENDLESS_MEANS:
            self.strand(self.model.leg_cost[leg])
        elif self.model.leg_limited[leg]:
            self.model.ask(self, leg)
        else:
            self.set_out(leg)

    def turn_back(self) -> None:
        """Head south from now on, and choose among the ways there today; whoever is in the home country has returned."""
        self.heading_south = True
        if self.model.country[self.place] == self.model.home_of_kind[self.kind]:
            self.end(RETURNED)
            return
        number = self.visit_number(self.model.visit_slot[self.place]) + Stream.turn
        self.choice_draw = upper(mix(self.unit_key + self.model.place_key[self.place] + number * GOLDEN))
        self.model.later(self.model.day, self.leave)

    def strand(self, cost: int) -> None:
        """Wait until cash, work or help makes up what is missing; try again after a month at the latest."""
        self.status = STRANDED
        income = self.model.income[self.place]
        wait = HELP_AFTER_DAYS
        if income > 0:
            wait = min(HELP_AFTER_DAYS, -((self.means - cost) // income))
            self.means = min(self.means + income * wait, ENDLESS_MEANS - 1)
        self.model.later(self.model.day + wait, self.leave)

    def queue(self) -> None:
        """Wait in line."""
        self.status = QUEUED

    def draw_again(self, day: int) -> None:
        """Draw a new choice, having given up waiting."""
        self.choice_draw = upper(
            mix(self.unit_key + self.model.place_key[self.place] + (day + Stream.again) * GOLDEN)
        )

    # --- on the way -----------------------------------------------------------------------------------

    def set_out(self, leg: int, *, sent: bool = False) -> None:
        """Travel along a leg: pay for it (unless sent along it), and meet what happens on the way."""
        model = self.model
        number = self.visit_number(model.visit_slot[self.place])
        draw = mix(self.unit_key + model.leg_key[leg] + number * GOLDEN)
        arrival = model.day + model.days.drawn(model.leg_table[leg], certain(upper(draw)))
        if not sent and self.means != ENDLESS_MEANS:
            self.means -= min(self.means, model.leg_cost[leg])
        self.fate = model.leg_end[leg]
        if lower(draw) < model.leg_robbery[leg]:
            model.beliefs.now.harmed[self.group, leg] += 1
            if self.means != ENDLESS_MEANS:
                self.means = self.means * model.keep_after_robbery // 256
        if upper(mix(draw + (self.position + Stream.death) * GOLDEN)) < model.leg_death[leg]:
            self.fate = DIED
            model.beliefs.now.harmed[self.group, leg] += 1
        if self.fate != DIED and arrival < model.plan.n_days:
            model.beliefs.now.started[self.group, leg, model.month[arrival]] += 1
        self.status, self.place, self.now_on = TRAVELLING, model.leg_to[leg], leg
        model.later(arrival, self.arrive)

    def arrive(self) -> None:
        """End the journey here, be sent elsewhere, or stay."""
        model = self.model
        if self.fate != DIED:
            model.count_crossing(self)
        self.now_on = None
        if self.fate:
            self.end(self.fate)
        elif self.heading_south and model.country[self.place] == model.home_of_kind[self.kind]:
            self.end(RETURNED)
        elif model.is_destination[self.place] and not self.heading_south:
            self.end(ARRIVED)
        else:
            draw = self.visit()
            leg = self.sent_along(draw)
            if leg is None:
                self.stay(draw)
            else:
                self.set_out(leg, sent=True)

    def sent_along(self, draw: int) -> int | None:
        """The leg along which a policy sends those who arrive, None if it spares this person."""
        forced = self.model.forced_at[self.place]
        if forced < 0 or self.heading_south:
            return None
        news = self.model.beliefs.now
        news.seen[self.group, forced] += 1
        drawn = certain(upper(mix(draw + Stream.forced * GOLDEN)))
        for alternative, share in enumerate(self.model.forced_shares[self.kind][forced]):
            if drawn < share:
                news.sent[self.group, forced] += 1
                return int(self.model.plan.fixed.forced_leg[forced, alternative, self.kind])
        return None

    # --- the end --------------------------------------------------------------------------------------

    def end(self, outcome: int) -> None:
        """End the journey."""
        self.model.count_end(self, outcome)
        self.remove()

    def words(self, outcome: int) -> tuple[int, int, int, int]:
        """The person as four words of 64 bits, as :class:`sim.engines.tally.Tally` keeps a trace."""
        visits = sum(n << (2 * slot) for slot, n in enumerate(self.visits))
        who = self.place | self.tally_class << 16 | self.kind << 32 | self.departed << 48
        end = outcome | self.place << 8 | self.model.day << 32 | self.position << 60
        return self.unit_key, visits, who, end
