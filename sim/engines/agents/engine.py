"""Run the agents engine: whole runs, single days, one thread or several."""

from __future__ import annotations

import hashlib
import time
import weakref
from typing import TYPE_CHECKING

import numpy as np

from sim.engines.agents.state import copy_knowledge, new_state
from sim.engines.kernels import day as kernels
from sim.engines.kernels.address import book_of
from sim.engines.mates import Mates
from sim.engines.tally import Tally
from sim.errors import RunError

if TYPE_CHECKING:
    from collections.abc import Callable

    from sim.plan import Plan

__all__ = ["AgentsRun", "run_agents", "seed_key"]

_CHUNK_DAYS = 30
"""Days between two reports of progress."""


def seed_key(seed: int, replicate: int) -> np.uint64:
    """Return the 64 bits under which all draws of a replicate are keyed."""
    digest = hashlib.sha256(f"travesia/{seed}/{replicate}".encode()).digest()
    return np.uint64(int.from_bytes(digest[:8], "little"))


_PATIENCE = 20_000
"""Looks of a thread that waits for others before it takes a nap: 0.3 ms where measured. None where threads share processors."""
_NAP = 5e-5
"""Seconds for which a thread that has waited in vain leaves its processor to others."""


class AgentsRun:
    """One replicate that can be advanced day by day.

    Parameters
    ----------
    plan : Plan
    seed, replicate : int
        Key of all draws.
    threads : int
        Parts of the people moved side by side; the result does not depend on it.
    trace : bool
        Keep every ended person, for comparisons person by person.
    """

    def __init__(
        self, plan: Plan, *, seed: int = 1, replicate: int = 0, threads: int = 1, trace: bool = False
    ) -> None:
        if threads < 1:
            raise RunError(f"{threads} threads; expected 1 or more")
        self.plan, self.seed, self.replicate, self.threads = plan, seed, replicate, threads
        self.key = seed_key(seed, replicate)
        self.state = new_state(plan, threads, trace=trace)
        self.knowledge = copy_knowledge(plan.knowledge)
        self._book = book_of(
            fixed=plan.fixed, epochs=plan.epochs, departures=plan.departures, limits=plan.limits, knowledge=self.knowledge,
            state=self.state,
        )  # fmt: skip
        self._durations = np.zeros(self.state.duration.shape[1:], np.int64)
        self.day = 0
        self.engine_seconds = 0.0
        self._stopped = False
        self._mates = Mates(threads - 1)
        weakref.finalize(self, self._mates.close)

    def advance(self, days: int) -> None:
        """Run the next `days` days (fewer when the run ends before)."""
        last = min(self.day + days, self.plan.n_days)
        begin = time.perf_counter()
        self.state.sync[:] = 0
        self._stopped = False
        self.state.sync[:-1, kernels.DAY] = self.day
        self.state.sync[-1, kernels.PATIENCE] = 1 if self._mates.crowded else _PATIENCE
        with self._mates.apart():
            self._mates.together(lambda part: self._part(part, last))
        self.day = last
        self.engine_seconds += time.perf_counter() - begin

    def _part(self, part: int, last: int) -> None:
        """Go through the days as one of the threads, which meet several times a day and do not wait for one that was stopped."""
        try:
            while self._work(part, last) and not self._stopped:
                time.sleep(_NAP)
        except BaseException:
            self._stopped = True
            raise

    def _work(self, part: int, last: int, *, rest: bool = False) -> bool:
        """Go on with one part; whether it waits for the others."""
        return bool(kernels.work_on(self._book, part, self.day, last, self.key, rest, self._durations))

    def close(self) -> None:
        """End the threads."""
        self._mates.close()

    @property
    def events(self) -> int:
        """Events so far: a person touched once."""
        return int(self.state.pointer[:, 5].sum())

    def tally(self) -> Tally:
        """Return the counts so far."""
        s = self.state
        periods = len(self.plan.months)
        self._durations[:] = s.duration.sum(axis=0, dtype=np.int64)
        for k in range(self.threads):
            self._work(k, self.plan.n_days, rest=True)
        trace = None
        if s.trace.shape[1]:
            trace = np.concatenate([s.trace[k, : s.pointer[k, 6]] for k in range(self.threads)])
        return Tally(
            flows=s.flow.sum(axis=0)[:periods],
            person_days=s.person_days[:periods],
            peaks=s.peak[:periods],
            departed=s.departed.sum(axis=0)[:periods],
            ended=s.ended.sum(axis=0),
            on_route=s.stock.sum(axis=0)[:4],
            durations=self._durations.copy(),
            balance=s.balance[: self.day],
            people=int(s.balance[:, 0].sum()),
            events=self.events,
            engine="agents",
            seed=self.seed,
            replicate=self.replicate,
            threads=self.threads,
            timing={"engine_s": self.engine_seconds},
            trace=trace,
        )


def run_agents(
    plan: Plan,
    *,
    seed: int = 1,
    replicate: int = 0,
    threads: int = 1,
    trace: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Tally:
    """Run one replicate from the first day to the last.

    Parameters
    ----------
    plan : Plan
    seed, replicate : int
    threads : int
    trace : bool
    progress : callable, optional
        Called with (days done, days in all).

    Returns
    -------
    Tally

    Raises
    ------
    RunError
        When people do not add up on some day (departed = on the route + ended).
    """
    run = AgentsRun(plan, seed=seed, replicate=replicate, threads=threads, trace=trace)
    try:
        while run.day < plan.n_days:
            run.advance(_CHUNK_DAYS)
            if progress is not None:
                progress(run.day, plan.n_days)
        tally = run.tally()
    finally:
        run.close()
    lost = np.cumsum(tally.balance[:, 0]) - tally.balance[:, 1] - tally.balance[:, 2]
    if np.any(lost != 0):
        day = int(np.flatnonzero(lost)[0])
        raise RunError(
            f"people do not add up on day {day}: {int(lost[day])} departed but are neither on the route nor ended"
        )
    return tally
