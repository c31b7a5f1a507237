"""One replicate of the reference engine: a plan and a seed enter, a tally leaves."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from sim.engines.reference.draws import run_key
from sim.engines.tally import STATUSES, Tally
from sim.errors import RunError

if TYPE_CHECKING:
    from collections.abc import Callable

    from sim.engines.reference.corridor import Corridor
    from sim.plan import Plan

__all__ = ["run_reference"]

MOST_PEOPLE = 500_000
"""A Mesa agent takes about a kilobyte and its days take seconds; more people belong in the agents engine."""


def run_reference(
    plan: Plan,
    *,
    seed: int = 1,
    replicate: int = 0,
    trace: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Tally:
    """Run one replicate from the first day to the last, one Mesa agent a person.

    Parameters
    ----------
    plan : Plan
    seed, replicate : int
        Key of all draws; the agents engine draws the same for the same numbers.
    trace : bool
        Keep every ended person.
    progress : callable, optional
        Called with (days done, days in all).

    Returns
    -------
    Tally
        Equal to that of the agents engine, person by person (events are counted differently).

    Raises
    ------
    RunError
        When the plan has too many people for this engine, or people do not add up.
    """
    if plan.people > MOST_PEOPLE:
        msg = (
            f"{plan.people:,} people are too many for this engine; expected at most {MOST_PEOPLE:,}; "
            "use a smaller scale or the agents engine"
        )
        raise RunError(msg)
    from sim.engines.reference.corridor import Corridor  # noqa: PLC0415 - Mesa takes seconds to import

    begin = time.perf_counter()
    corridor = Corridor(plan, run_key(seed, replicate))
    for day in range(plan.n_days):
        corridor.step()
        if progress is not None:
            progress(day + 1, plan.n_days)
    tally = _tally(corridor, seed, replicate, trace=trace)
    tally.timing["engine_s"] = time.perf_counter() - begin
    lost = np.cumsum(tally.balance[:, 0]) - tally.balance[:, 1] - tally.balance[:, 2]
    if np.any(lost != 0):
        day = int(np.flatnonzero(lost)[0])
        msg = f"people do not add up on day {day}: {int(lost[day])} are neither on the route nor ended"
        raise RunError(msg)
    return tally


def _tally(corridor: Corridor, seed: int, replicate: int, *, trace: bool) -> Tally:
    for person in corridor.agents:
        corridor.count_duration(person, 0)
    return Tally(
        flows=corridor.flows,
        person_days=corridor.person_days,
        peaks=corridor.peaks,
        departed=corridor.departed,
        ended=corridor.ended,
        on_route=corridor.count_people()[: len(STATUSES) - 1],
        durations=corridor.durations,
        balance=corridor.balance,
        people=int(corridor.balance[:, 0].sum()),
        events=corridor.acts,
        engine="reference",
        seed=seed,
        replicate=replicate,
        trace=np.array(corridor.trace, np.uint64).reshape(-1, 4) if trace else None,
    )
