"""Lines before limited legs: who asks enters, who may start today leaves; the rest wait.

A unit moves whole or not at all. On a leg it is first come, first served; for appointments lots are drawn
every morning among all who wait. A unit too large for any day holds up nobody; any other that does not fit
holds up all behind it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sim.engines.reference.draws import GOLDEN, Stream, mix

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sim.engines.reference.person import Person
    from sim.plan import Plan

__all__ = ["Lines", "Party"]

UNLIMITED = 2**60
SAVED_AT_MOST = 8
"""Persons that a small capacity keeps for the next day when people are scaled down: the largest unit."""
NEVER_FITS, NOT_TODAY, FITS = -1, 0, 1


@dataclass
class Party:
    """Members of one travel unit who want to start the same leg (None: any leg, once one is open)."""

    members: list[Person]
    leg: int | None
    patience_ends: float = float("inf")

    @property
    def key(self) -> int:
        """Key of the unit."""
        return self.members[0].unit_key

    @property
    def kind(self) -> int:
        """Group and unit of the members."""
        return self.members[0].kind


class Lines:
    """All who wait, and what is left today of every capacity, quota and room.

    Parameters
    ----------
    plan : Plan
    persons_at : callable
        Persons present in a place or on their way to it.
    """

    def __init__(self, plan: Plan, persons_at: Callable[[int], int]) -> None:
        limits = plan.limits
        self.plan, self.persons_at = plan, persons_at
        self.leg_key: list[int] = plan.fixed.leg_key.tolist()
        self.limits_of_leg = [[x for x in row if x >= 0] for row in limits.leg_limit.tolist()]
        self.allotment: list[list[int]] = limits.allotment.tolist()
        self.room = dict(zip(limits.room_limit.tolist(), limits.room.tolist(), strict=True))
        self.room_place = dict(zip(limits.room_limit.tolist(), limits.room_place.tolist(), strict=True))
        self.remaining = [0] * (len(self.allotment) + len(self.room))
        self.whole = list(self.remaining)
        self.blocked: set[int] = set()
        self.waiting: list[Party] = []

    # --- capacities of the day ------------------------------------------------------------------------

    def refill(self, day: int) -> None:
        """Set what each limit takes today; a monthly cap keeps its rest until the month ends."""
        month = self.plan.fixed.month_of_day
        same_month = day > 0 and month[day] == month[day - 1]
        for limit, amounts in enumerate(self.allotment):
            today = amounts[day]
            monthly = bool(self.plan.limits.limit_month[limit])
            in_force_yesterday = day > 0 and amounts[day - 1] < UNLIMITED
            kept = 0
            if in_force_yesterday and monthly and same_month:
                kept = self.remaining[limit]
            elif in_force_yesterday and self.plan.limits.save_up:
                kept = min(self.remaining[limit], SAVED_AT_MOST)
            self.remaining[limit] = today if today >= UNLIMITED else today + kept
            if not monthly or today >= UNLIMITED:
                self.whole[limit] = today
            elif not (same_month and in_force_yesterday):
                self.whole[limit] = self._rest_of_month(amounts, day)

    def _rest_of_month(self, amounts: Sequence[int], day: int) -> int:
        month, total = self.plan.fixed.month_of_day, 0
        for later in range(day, len(amounts)):
            if month[later] != month[day] or amounts[later] >= UNLIMITED:
                break
            total += amounts[later]
        return total

    def measure_room(self, day: int) -> None:
        """Set the room left in places with a hard capacity."""
        for limit, room in self.room.items():
            self.remaining[limit] = room[day] - self.persons_at(self.room_place[limit])
            self.whole[limit] = room[day]

    def _fits(self, party: Party) -> int:
        size, answer = len(party.members), FITS
        for limit in self._limits(party):
            if self.remaining[limit] >= size:
                continue
            saved = self.plan.limits.save_up and limit not in self.room
            if size > self.whole[limit] and not saved:
                return NEVER_FITS
            answer = NOT_TODAY
        return answer

    def _limits(self, party: Party) -> list[int]:
        return self.limits_of_leg[party.leg] if party.leg is not None and self.limits_of_leg else []

    def _admit(self, party: Party) -> bool:
        """Let a party start if it fits; if not today, nobody passes it on this leg until tomorrow."""
        assert party.leg is not None  # noqa: S101 - parties without a leg are never asked in
        if party.leg in self.blocked:
            return False
        fit = self._fits(party)
        if fit == NOT_TODAY:
            self.blocked.add(party.leg)
        if fit != FITS:
            return False
        for limit in self._limits(party):
            self.remaining[limit] -= len(party.members)
        return True

    # --- the morning ----------------------------------------------------------------------------------

    def open(self, day: int, changed: bool, is_open: Callable[[int, int], bool]) -> list[Party]:
        """Serve those who waited from earlier days.

        Parameters
        ----------
        day : int
        changed : bool
            Whether policies or what is known changed today.
        is_open : callable of (kind, leg)
            Whether a leg may be started today.

        Returns
        -------
        list of Party
            Those who start. Those whose leg closed or whose patience ended choose again and are left out.
        """
        self.refill(day)
        self.measure_room(day)
        self.blocked.clear()
        start: list[Party] = []
        stay: list[Party] = []
        lots: list[Party] = []
        for party in self.waiting:
            if party.leg is None or (changed and not is_open(party.kind, party.leg)):
                if changed:
                    choose_again(party, day, draw_anew=False)
                else:
                    stay.append(party)
            elif party.patience_ends <= day:
                choose_again(party, day, draw_anew=True)
            elif self.plan.limits.leg_lottery[party.leg]:
                lots.append(party)
                stay.append(party)
            elif self._admit(party):
                start.append(party)
            else:
                stay.append(party)
        lucky = [party for party in sorted(lots, key=lambda p: self._lot(p, day)) if self._admit(party)]
        self.waiting = [party for party in stay if not any(party is other for other in lucky)]
        return start + lucky

    def _lot(self, party: Party, day: int) -> int:
        return mix(party.key + self._way(party.leg) + (day + Stream.lottery) * GOLDEN)

    def _way(self, leg: int | None) -> int:
        return 0 if leg is None else self.leg_key[leg]

    # --- during the day -------------------------------------------------------------------------------

    def serve(self, asked: Sequence[tuple[Person, int | None]], day: int) -> list[Party]:
        """Serve today's requests in random order of units; who does not get through joins the line.

        Returns
        -------
        list of Party
            Those who start today.
        """
        parties: dict[tuple[int, int | None], Party] = {}
        for person, leg in asked:
            parties.setdefault((person.unit_key, leg), Party([], leg)).members.append(person)
        self.measure_room(day)
        start = []
        for party in sorted(parties.values(), key=lambda p: self._turn(p, day)):
            if party.leg is not None and self._admit(party):
                start.append(party)
            else:
                self._join(party, day)
        return start

    def _turn(self, party: Party, day: int) -> int:
        return mix(party.key + self._way(party.leg) + (day + Stream.request) * GOLDEN) & ~7

    def _join(self, party: Party, day: int) -> None:
        for person in party.members:
            person.queue()
        if party.leg is not None:
            patience = int(self.plan.limits.leg_patience[party.leg])
            if patience > 0:
                draw = mix(party.key + self.leg_key[party.leg] + (day + Stream.patience) * GOLDEN)
                party.patience_ends = day + 1 + draw % (2 * patience)
        self.waiting.append(party)


def choose_again(party: Party, day: int, *, draw_anew: bool) -> None:
    """Let everyone of a party choose today, with the draw they had or a new one."""
    for person in party.members:
        if draw_anew:
            person.draw_again(day)
        person.model.later(day, person.leave)
