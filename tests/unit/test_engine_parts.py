"""Parts of the people and the threads that move them: even parts, and threads that hand back what went wrong."""

from __future__ import annotations

import gc
import os
import threading
import weakref
from typing import Any

import numba as nb
import numpy as np
import pytest

from sim.engines import mates
from sim.engines.agents.engine import AgentsRun, run_agents
from sim.engines.kernels import day, line
from sim.engines.mates import Mates, share_processors
from sim.plan import compile_plan
from sim.spec import load_scenario

_level: Any = nb.njit(lambda turn, free: line._level(turn, free))  # noqa: PLW0108, SLF001 - what is woven into kernels cannot be compiled alone


def test_parts_have_as_many_people_in_every_month() -> None:
    plan = compile_plan(load_scenario("history/baseline"), scale=0.02)
    for parts in (2, 3):
        run = AgentsRun(plan, threads=parts)
        assert set(run.state.block_part) == set(range(parts))
        run.advance(plan.n_days)
        by_month = run.state.departed.sum(axis=2)[:, :-1]
        largest = plan.departures.block_persons.max()
        assert (np.ptp(by_month.cumsum(axis=1), axis=0) < 1.2 * largest).all()
        run.close()


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2)])
def test_which_thread_moves_whom_makes_no_difference(order: tuple[int, ...]) -> None:
    """Who comes first takes all of the morning's people: one after another, the threads do as unequal work as they can."""
    plan = compile_plan(load_scenario("history/baseline"), scale=0.01)
    expected = run_agents(plan)
    run = AgentsRun(plan, threads=3)

    def one_after_another(work: object) -> None:
        going = list(order)
        while going:  # each as far as where it would wait for the others
            going = [part for part in going if run._work(part, run.day + 1)]

    run._mates.together = one_after_another  # type: ignore[method-assign]
    days = [run.state.pointer[:, 5].copy()]
    for _ in range(plan.n_days):
        run.advance(1)
        days.append(run.state.pointer[:, 5].copy())
    found, state = run.tally(), run.state
    for name in ("flows", "person_days", "peaks", "departed", "ended", "on_route", "durations", "balance"):
        assert np.array_equal(getattr(found, name), getattr(expected, name)), name
    by_day = np.diff(days, axis=0)
    by_day = by_day[by_day.sum(axis=1) > 100]
    assert np.median(by_day.max(axis=1) / by_day.sum(axis=1)) > 0.6, "nobody took the people of others"
    pages = len(state.next_page) // 3
    assert (state.pointer[:, 1] <= np.arange(1, 4) * pages).all(), "a thread wrote into pages of the next"
    run.close()


@pytest.mark.parametrize("held", [(90, 0), (0, 7, 0), (5, 3, 1, 40), (2, 2, 2), (0, 0), (11,)])
def test_pages_to_write_anew_are_levelled_every_morning(held: tuple[int, ...]) -> None:
    """Nobody has more than one page above the mean, and every page is still there, once."""
    turn, free = np.zeros((len(held), 8), np.int64), np.full((len(held), 200), -1, np.int32)
    turn[:, 0] = held
    for thread, count in enumerate(held):
        free[thread, :count] = 100 * thread + np.arange(count)
    before = sorted(page for row, n in zip(free, held, strict=True) for page in row[:n].tolist())
    _level(turn, free)
    assert turn[:, 0].max() <= sum(held) // len(held) + 1
    assert (
        sorted(page for row, n in zip(free, turn[:, 0], strict=True) for page in row[:n].tolist()) == before
    )


def test_mates_work_side_by_side_and_hand_back_faults() -> None:
    mates = Mates(2)
    seen: list[int] = []
    try:
        mates.together(seen.append)
        assert sorted(seen) == [0, 1, 2]
        for wrong in range(3):

            def work(number: int, wrong: int = wrong) -> None:
                seen.append(number)
                if number == wrong:
                    raise ValueError(str(number))

            seen.clear()
            with pytest.raises(ValueError, match=str(wrong)):
                mates.together(work)
            assert sorted(seen) == [0, 1, 2], "one was not waited for"
            mates.together(lambda _: None)  # a fault of the call before is not raised again
    finally:
        mates.close()


def test_a_thread_does_not_wait_for_one_that_was_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that is interrupted while a thread waits for the others ends, and says so."""
    run = AgentsRun(compile_plan(load_scenario("history/baseline"), scale=0.001), threads=3)
    work = AgentsRun._work

    def stop(self: AgentsRun, part: int, last: int, *, rest: bool = False) -> bool:
        if part == 0:
            raise KeyboardInterrupt
        return work(self, part, last, rest=rest)

    monkeypatch.setattr(AgentsRun, "_work", stop)
    with pytest.raises(KeyboardInterrupt):
        run.advance(30)
    run.close()


def test_a_run_that_is_forgotten_ends_its_threads() -> None:
    before = set(threading.enumerate())  # those of earlier tests may end meanwhile
    run = AgentsRun(compile_plan(load_scenario("history/baseline"), scale=0.001), threads=2)
    run.advance(3)
    (mate,) = set(threading.enumerate()) - before
    gone = weakref.ref(run)
    del run
    gc.collect()
    assert gone() is None
    mate.join(timeout=5.0)
    assert not mate.is_alive()


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="only Linux keeps threads to processors")
def test_threads_that_work_together_have_processors_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2, 5, 6})
    assert share_processors(2) == [{0, 2, 6}, {1, 5}]
    assert share_processors(6) == []
    assert share_processors(1) == []
    monkeypatch.undo()
    before = os.sched_getaffinity(0)
    mates = Mates(1)
    try:
        with mates.apart():
            where = [set[int](), set[int]()]

            def look(number: int) -> int:
                where[number] = set(os.sched_getaffinity(0))
                return 0

            mates.together(look)
            if len(before) > 1:
                assert not where[0] & where[1]
                assert where[0] | where[1] == before
        assert os.sched_getaffinity(0) == before
    finally:
        mates.close()


def test_threads_that_share_processors_do_not_wait_in_a_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who looks again and again keeps another from its work where there are more threads than processors."""
    plan = compile_plan(load_scenario("history/baseline"), scale=0.001)
    looks = {}
    for processors in (1, 2, 3):
        monkeypatch.setattr(mates, "processors", lambda n=processors: n)
        run = AgentsRun(plan, threads=2)
        run.advance(1)
        looks[processors] = int(run.state.sync[-1, day.PATIENCE])
        run.close()
    assert looks[1] == 1
    assert looks[2] == looks[3] > 1_000
