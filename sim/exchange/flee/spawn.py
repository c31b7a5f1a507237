"""Who sets out, where and when: observed totals and conflicts enter, whole persons by place and day leave."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from sim.exchange.files import Reader
    from sim.exchange.flee.settings import Settings
    from sim.exchange.flee.tables import Location

__all__ = ["daily_arrivals", "from_conflict", "spread"]


def daily_arrivals(total: NDArray[np.int64], insert_day0: bool) -> NDArray[np.int64]:
    """Newly displaced persons by day: increments of the total, after making up for what it fell."""
    new = np.diff(total, prepend=0)
    if insert_day0:
        new[0] = 0
    debt = 0
    out = np.zeros(len(total), np.int64)
    for day, change in enumerate(new):
        number = int(change) - debt
        debt = max(-number, 0)
        out[day] = max(number, 0)
    return out


def spread(
    numbers: NDArray[np.int64],
    settings: Settings,
    locations: Sequence[Location],
    conflict: NDArray[np.float64],
    reader: Reader,
    where: str,
) -> tuple[NDArray[np.float64], list[str]]:
    """Share out each day's newly displaced over the conflict zones, by population and intensity.

    FLEE draws a zone for each person; here the expected numbers are rounded so that nobody is lost and the
    running totals of all zones stay within one person of the expectation.

    Returns
    -------
    persons : float64 [places, days]
    notes : list of str
    """
    population: NDArray[np.float64] = np.array([float(one.population) for one in locations])
    notes: list[str] = []
    out = np.zeros(conflict.shape)
    owed: NDArray[np.float64] = np.zeros(len(locations))
    equal = False
    for day, number in enumerate(numbers):
        if number <= 0:
            continue
        weight: NDArray[np.float64] = population * conflict[:, day]
        if not weight.any():
            weight = np.where(conflict[:, day] > 0.0, 1.0, 0.0)
            equal = True
        if not weight.any():
            text = f"{number} newly displaced persons on day {day}, and no conflict zone on that day"
            reader.fault(text, where, "a conflict zone on every day on which people are displaced")
            break
        owed = owed + weight * (float(number) / float(weight.sum()))
        out[:, day] = whole(owed, int(number))
        owed = owed - out[:, day]
        if settings.take_from_population:
            population = (population - out[:, day]).clip(0.0)
    if equal:
        notes.append("conflict zones without a population share the displaced equally (FLEE would stop)")
    return out, notes


def whole(owed: NDArray[np.float64], number: int) -> NDArray[np.float64]:
    """Whole persons that add up to `number`, nearest to what is owed."""
    base = np.maximum(np.floor(owed + 1e-9), 0.0)
    missing = number - int(base.sum())
    order = np.argsort(base - owed, kind="stable")
    for place in order[: max(missing, 0)]:
        base[place] += 1.0
    for place in order[::-1]:
        if missing >= 0:
            break
        taken = min(base[place], -missing)
        base[place] -= taken
        missing += int(taken)
    return base


def from_conflict(
    settings: Settings, locations: Sequence[Location], conflict: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Departures driven by conflict itself: a number, or a share of the population, for each zone and day."""
    rate = settings.displaced_per_conflict_day or 0.0
    if settings.spawn_mode.lower() == "pop_ratio":
        sizes = np.array([float(one.population) for one in locations])
        return np.asarray(np.floor(rate * sizes[:, None] * conflict))
    return np.asarray(np.floor(rate * conflict))
