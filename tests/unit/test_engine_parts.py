"""Parts of the people and the threads that move them: even parts, and threads that hand back what went wrong."""

from __future__ import annotations

import gc
import os
import threading
import weakref

import numpy as np
import pytest

from sim.engines.agents.engine import AgentsRun
from sim.engines.mates import Mates, share_processors
from sim.plan import compile_plan
from sim.spec import load_scenario


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


def test_mates_add_up_and_hand_back_faults() -> None:
    mates = Mates(2)
    try:
        assert mates.together(lambda number: 10**number) == 111
        for wrong in range(3):

            def work(number: int, wrong: int = wrong) -> int:
                if number == wrong:
                    raise ValueError(str(number))
                return 1

            with pytest.raises(ValueError, match=str(wrong)):
                mates.together(work)
            assert mates.together(lambda _: 1) == 3, "an answer of the call before was left"
    finally:
        mates.close()


def test_a_run_that_is_forgotten_ends_its_threads() -> None:
    before = threading.active_count()
    run = AgentsRun(compile_plan(load_scenario("history/baseline"), scale=0.001), threads=2)
    run.advance(3)
    assert threading.active_count() == before + 1
    gone = weakref.ref(run)
    mates = [t for t in threading.enumerate() if t.name.startswith("Thread-") and t.daemon]
    del run
    gc.collect()
    assert gone() is None
    for mate in mates:
        mate.join(timeout=5.0)
    assert threading.active_count() == before


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
