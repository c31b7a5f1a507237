"""What every engine returns: arrays of counts in the numbers of the plan."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["DURATION_BINS", "OUTCOMES", "STATUSES", "Tally"]

STATUSES = ("staying", "queued", "stranded", "travelling", "settled")
OUTCOMES = ("arrived", "settled", "returned", "removed", "died_or_missing", "on_route")
"""Outcome number 1 to 5 of the kernels, and those still on the route when the run ends."""
DURATION_BINS = 1024
"""Days of journey counted one by one; the last bin holds all longer ones."""


@dataclass
class Tally:
    """Counts of one replicate (T periods, P places, L legs, G tally classes = groups x sexes x age bands).

    Parameters
    ----------
    flows : float64 or int [T, L, G]
        Persons who arrived over each leg in each month.
    person_days : [T, 5, P, G]
        Sum over the evenings of a month of persons by status.
    peaks : [T, 5, P, G]
        Largest number on any evening of the month.
    departed : [T, rows]
        Persons who departed by departure row.
    ended : [6, P, G]
        Persons by outcome number (1 to 5) and place.
    on_route : [4, P, G]
        Persons staying, queued, stranded or travelling at the end.
    durations : [cells, groups, bins]
        Days of journey by outcome and country (``outcome x countries + country``), outcome 0 for those on the route.
    balance : int64 [n_days, 3]
        Departed on the day, on the route in the evening, ended so far.
    people, events : int
    timing : dict of str to float
        Seconds.
    exact : bool
    reasons : tuple of str
        Why expected counts are not exact.
    trace : uint64 [n, 4] or None
        Ended people one by one: unit key, visits, place-class-kind-day word, outcome-place-day-position word.
    """

    flows: NDArray[Any]
    person_days: NDArray[Any]
    peaks: NDArray[Any]
    departed: NDArray[Any]
    ended: NDArray[Any]
    on_route: NDArray[Any]
    durations: NDArray[Any]
    balance: NDArray[np.int64]
    people: int
    events: int
    engine: str
    seed: int
    replicate: int
    threads: int = 1
    exact: bool = True
    reasons: tuple[str, ...] = ()
    timing: dict[str, float] = field(default_factory=dict)
    trace: NDArray[np.uint64] | None = None
