"""Days: a draw enters, whole days leave; policies scale the hazard of leaving, also for those who wait."""

from __future__ import annotations

import math
from bisect import bisect_right
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sim.plan import Plan

__all__ = ["Days"]

_SURE = 1e30
"""Hazards from here on mean that nobody is left; they are not scaled."""


class Days:
    """Whole-day distributions of a plan, and the calendars by which policies scale the hazard of leaving.

    Parameters
    ----------
    plan : Plan
    """

    def __init__(self, plan: Plan) -> None:
        fixed = plan.fixed
        edges = fixed.offset.tolist()
        cumulated, hazards = fixed.cdf.tolist(), fixed.hazard.tolist()
        tables = range(len(edges) - 1)
        self.cumulated = [cumulated[edges[i] : edges[i + 1]] for i in tables]
        self.hazard = [hazards[edges[i] : edges[i + 1]] for i in tables]
        self.multiplier = fixed.calendar.tolist()
        self.first_and_last = fixed.calendar_span.tolist()
        self.n_days: int = plan.n_days

    def drawn(self, table: int, draw: int) -> int:
        """Days of distribution `table` for a draw of 32 bits: the first with a cumulated share above it."""
        return bisect_right(self.cumulated[table], draw)

    def day_of_leaving(self, table: int, calendar: int, draw: int, arrival: int) -> int:
        """Day on which a stay that began on `arrival` ends (not before the run's end if not within it)."""
        leave = arrival + self.drawn(table, draw)
        if calendar < 0:
            return leave
        before, last = self.first_and_last[calendar]
        if leave <= before or arrival > last:  # no policy during this stay
            return leave
        return self._under_policies(table, calendar, draw, arrival)

    def _under_policies(self, table: int, calendar: int, draw: int, arrival: int) -> int:
        """First day on which the scaled hazard, summed, passes the person's unit-exponential threshold."""
        threshold = -math.log1p(-((draw + 0.5) / 2**32))
        summed, hazards, multiplier = 0.0, self.hazard[table], self.multiplier[calendar]
        for day in range(arrival, self.n_days):
            factor = multiplier[day + 1] - multiplier[day]
            hazard = hazards[min(day - arrival, len(hazards) - 1)]
            if factor > 0.0:
                summed += factor * hazard if hazard < _SURE else _SURE
            if summed >= threshold:
                return day
        return self.n_days
