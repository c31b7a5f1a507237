"""What is worked out for eight records at a time is what a unit alone would have done."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

from sim.engines.agents import AgentsRun
from sim.engines.kernels.address import book_of, lowest, pointer
from sim.engines.kernels.buckets import buckets_of, ends_of, of_part, stays_of
from sim.engines.kernels.build import called
from sim.engines.kernels.draws import U64
from sim.engines.kernels.eight import NUMBERS
from sim.engines.kernels.one import move_one
from sim.engines.kernels.page import ask_foreseen, count_foreseen, foresee, put_foreseen
from sim.engines.kernels.rows import room
from sim.engines.kernels.walk import seldom_of, sight_of
from sim.errors import ScenarioError
from sim.plan import compile_plan
from sim.plan.layout import PAGE, State
from sim.spec import load_scenario
from tests.reference.worlds import Size, random_world

_room: Any = room
_lowest: Any = lowest
_pointer: Any = pointer


@called()
def _eights(entries: Any, day: int, record: int, active: int) -> Any:
    """Move those of a page whose moves can be foreseen, eight at a time."""
    book = _pointer(entries)
    sight, seldom = sight_of(book, 0, day, _room(NUMBERS)), seldom_of(book, 0, day)
    seen = foresee(sight, stays_of(book), seldom.kind_group, seldom.forced_seen, record, active)
    count_foreseen(sight, seen)
    buckets = of_part(buckets_of(book), 0)
    put_foreseen(sight, buckets, seen.common)
    ask_foreseen(sight, buckets.turn, seldom.request, seen.asks)
    return seen.common, seen.ahead, seen.alone, seen.came, seen.asks


@called()
def _alone(entries: Any, day: int, record: int, common: Any) -> None:
    """Move the same, one after another."""
    book = _pointer(entries)
    sight, seldom = sight_of(book, 0, day, _room(NUMBERS)), seldom_of(book, 0, day)
    stays, buckets, ends = stays_of(book), of_part(buckets_of(book), 0), ends_of(book, 0)
    while common:
        move_one(4 * (record + _lowest(common)), sight, stays, buckets, ends, seldom)
        common &= common - U64(1)


def _pages(state: State, day: int, n_days: int) -> list[tuple[int, int]]:
    """First record of each page of a day, and how many it holds."""
    found = []
    for zone in range(state.reading.shape[1]):
        bucket = zone * (n_days + 1) + day
        page, end = int(state.head[0, bucket]), int(state.cursor[0, bucket])
        while page >= 0:
            last = (end - 1) // PAGE == page
            found.append((page * PAGE, end - page * PAGE if last else PAGE))
            page = -1 if last else int(state.next_page[page])
    return found


def _copied(state: State) -> State:
    return State(*(np.copy(value) for value in state))


@pytest.mark.parametrize("numbers", [range(12), range(12, 24), range(24, 36)], ids=str)
def test_eight_at_a_time_do_what_each_does_alone(numbers: range) -> None:
    total = np.zeros(6, int)
    for number in numbers:
        chance = random.Random(number)
        size = Size(
            places=chance.randint(4, 12), days=chance.randint(30, 60), per_day=chance.randint(20, 60),
            policies=chance.randint(0, 12), means=chance.random() < 0.5, information=chance.random() < 0.5,
            capacities=chance.random() < 0.5,
        )  # fmt: skip
        try:
            plan = compile_plan(load_scenario(random_world(number, size)))
        except ScenarioError:
            continue
        run = AgentsRun(plan)
        for day in sorted(chance.sample(range(2, plan.n_days), 8)):
            run.advance(day - run.day)
            total += _compared(run, plan, day)
        run.close()
    records, common, ahead, together, came, asks = total.tolist()
    assert common > 0.3 * records
    assert min(ahead, together, came, asks) > 50, "a case was never met"


def _compared(run: AgentsRun, plan: Any, day: int) -> Any:
    """Move a day's people both ways from the same state; returns how many of each sort there were."""
    one, other = _copied(run.state), _copied(run.state)
    books = [
        book_of(
            fixed=plan.fixed, epochs=plan.epochs, departures=plan.departures, limits=plan.limits,
            knowledge=run.knowledge, state=state,
        )
        for state in (one, other)
    ]  # fmt: skip
    seen = np.zeros(6, int)
    for record, active in _pages(run.state, day, plan.n_days):
        common, ahead, alone, came, asks = _eights(books[0], day, record, active)
        assert common >> active == 0, "somebody beyond the last record"
        for bits in (common, asks):
            _alone(books[1], day, record, np.uint64(bits))
        seen += (active, *(int(bits).bit_count() for bits in (common, ahead, common & ~alone, came, asks)))
    for name, a, b in zip(State._fields, one, other, strict=True):
        assert np.array_equal(a, b), f"day {day}: {name}"
    return seen
