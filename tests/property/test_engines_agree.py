"""Laws of the engines on random small worlds with every mechanism at random.

The reference engine is the slow, obvious twin: both engines must give the same tables and people, exactly. A
failure names the number of the world; ``random_world(number, size)`` makes it again.
"""

from __future__ import annotations

import random
from collections import defaultdict
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, reject, settings
from hypothesis import strategies as st

from sim.engines.agents import AgentsRun, run_agents
from sim.engines.reference import run_reference
from sim.engines.tally import Tally
from sim.errors import RunError, ScenarioError
from sim.plan import Plan, compile_plan
from sim.spec import load_scenario
from tests.reference.compare import differences
from tests.reference.worlds import Size, random_world

numbers = st.integers(0, 2**32)
sizes = st.builds(
    Size,
    places=st.integers(2, 12),
    days=st.integers(15, 50),
    per_day=st.integers(1, 10),
    policies=st.integers(0, 8),
    means=st.booleans(),
    information=st.booleans(),
    capacities=st.booleans(),
)
large = st.builds(
    Size,
    places=st.integers(2, 12),
    days=st.integers(30, 150),
    per_day=st.integers(1, 40),
    policies=st.integers(0, 16),
    means=st.booleans(),
    information=st.booleans(),
    capacities=st.booleans(),
)
scales = st.sampled_from((1.0, 1.0, 0.3, 2.0))


def few(examples: int) -> settings:
    return settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck))


def planned(world: dict[str, Any], scale: float = 1.0) -> Plan:
    """The plan of a random world; worlds that are refused do not count."""
    try:
        return compile_plan(load_scenario(world), scale=scale)
    except ScenarioError:
        pass
    except RunError as error:
        if "nobody departs" not in str(error):
            raise
    return reject()


def disagreements(number: int, size: Size, scale: float, threads: int) -> list[str]:
    plan = planned(random_world(number, size), scale)
    agents = run_agents(plan, seed=number, threads=threads, trace=True)
    reference = run_reference(plan, seed=number, trace=True)
    return differences(agents, reference)


@few(120)
@given(number=numbers, size=sizes, scale=scales, threads=st.integers(1, 3))
def test_reference_and_agents_give_the_same_people(
    number: int, size: Size, scale: float, threads: int
) -> None:
    assert disagreements(number, size, scale, threads) == []


@pytest.mark.slow
@pytest.mark.timeout(1800)
@few(600)
@given(number=numbers, size=large, scale=scales, threads=st.integers(1, 4))
def test_reference_and_agents_agree_on_larger_worlds(
    number: int, size: Size, scale: float, threads: int
) -> None:
    assert disagreements(number, size, scale, threads) == []


@few(25)
@given(number=numbers, size=sizes, replicate=st.integers(0, 3))
def test_any_number_of_threads_gives_the_same_tables(number: int, size: Size, replicate: int) -> None:
    plan = planned(random_world(number, size))
    one, two, four = (
        run_agents(plan, seed=number, replicate=replicate, threads=n, trace=True) for n in (1, 2, 4)
    )
    assert differences(one, two) == []
    assert differences(one, four) == []


@few(25)
@given(number=numbers, size=sizes)
def test_people_add_up_on_every_day(number: int, size: Size) -> None:
    plan = planned(random_world(number, size))
    run = AgentsRun(plan, seed=number)
    departed = 0
    for day in range(plan.n_days):
        run.advance(1)
        state = run.state
        departed += int(state.balance[day, 0])
        stock, ended = np.asarray(state.stock, np.int64), np.asarray(state.ended, np.int64)
        here = stock.sum(axis=(0, 2, 3))
        assert (stock.sum(axis=0) >= 0).all()
        assert departed == here[:4].sum() + ended.sum()
        assert here[4] == ended[:, 2].sum()  # settled people stay in view, and count once as ended


def limited(world: dict[str, Any]) -> dict[str, Any]:
    """The same world with a line before every other leg, and nobody lost on the way, to count starts."""
    for i, leg in enumerate(world["world"]["legs"]):
        leg.pop("deaths_per_100k", None)
        leg.pop("capacity_per_day", None)
        if i % 2 == 0:
            leg["capacity_per_day"] = 1 + i % 9
    return world


@few(25)
@given(number=numbers, size=sizes, threads=st.integers(1, 2))
def test_no_leg_takes_more_than_its_capacity_on_any_day(number: int, size: Size, threads: int) -> None:
    plan = planned(limited(random_world(number, size)))
    caps = {i: leg.capacity_per_day for i, leg in enumerate(plan.scenario.world.legs) if leg.capacity_per_day}
    run = AgentsRun(plan, seed=number, threads=threads)
    before = run.state.flow.sum(axis=(0, 1, 3))
    for _ in range(plan.n_days):
        run.advance(1)
        now = run.state.flow.sum(axis=(0, 1, 3))
        for leg, cap in caps.items():
            assert now[leg] - before[leg] <= cap
        before = now


@few(25)
@given(number=numbers, size=sizes)
def test_no_place_holds_more_than_its_room(number: int, size: Size) -> None:
    world = random_world(number, size)
    world["policies"] = [
        p for p in world["policies"] if p["instrument"] not in {"expulsion", "transfer", "removal"}
    ]
    plan = planned(world)
    starts = {d.place for d in plan.scenario.departures}
    limits = zip(plan.limits.room_place.tolist(), plan.limits.room.tolist(), strict=True)
    rooms = [(place, room) for place, room in limits if plan.places[place] not in starts]
    assume(rooms)
    run = AgentsRun(plan, seed=number)
    before = dict.fromkeys((place for place, _ in rooms), 0)
    for day in range(plan.n_days):
        run.advance(1)
        for place, room in rooms:
            inside = int(run.state.stock[:, :4, place].sum())
            assert inside <= max(room[day], before[place])  # a room that shrinks sends nobody away
            before[place] = inside


def members(tally: Tally) -> dict[int, list[tuple[int, ...]]]:
    """Visits, place, departure day, outcome and last day of every ended member, by travel unit."""
    assert tally.trace is not None
    units: dict[int, list[tuple[int, ...]]] = defaultdict(list)
    for key, visits, who, end in tally.trace.tolist():
        outcome = end & 0xFF
        units[key].append((visits, who & 0xFFFF, who >> 48, outcome, end >> 32 & 0xFFFFFFF))
    return units


@few(25)
@given(number=numbers, size=sizes, threads=st.integers(1, 2))
def test_families_never_split(number: int, size: Size, threads: int) -> None:
    world = random_world(number, size)
    for leg in world["world"]["legs"]:
        leg.pop("deaths_per_100k", None)
    world["units"] = {"family": {"share": 1.0, "sizes": {3: 0.5, 5: 0.5}}}
    plan = planned(world)
    tally = run_agents(plan, seed=number, threads=threads, trace=True)
    for journeys in members(tally).values():
        assert len(set(journeys)) == 1
        assert len(journeys) <= 5


@few(25)
@given(number=numbers, size=sizes, order=st.integers(0, 1000))
def test_the_order_of_the_tables_changes_nothing(number: int, size: Size, order: int) -> None:
    world, other = random_world(number, size), random_world(number, size)
    rng = random.Random(order)  # noqa: S311 - a test order is no secret
    for section in ("places", "legs", "groups", "attraction"):
        rng.shuffle(other["world"][section])
    rng.shuffle(other["departures"])
    one, two = planned(world), planned(other)
    a, b = run_agents(one, seed=number), run_agents(two, seed=number)
    legs = [[leg.id for leg in two.legs].index(leg.id) for leg in one.legs]
    places = [two.places.index(place) for place in one.places]
    groups = [two.groups.index(group) for group in one.groups]
    classes = np.concatenate([np.arange(10) + 10 * g for g in groups])
    assert np.array_equal(a.flows, b.flows[:, legs][:, :, classes])
    assert np.array_equal(a.person_days, b.person_days[:, :, places][..., classes])
    assert np.array_equal(a.ended, b.ended[:, places][..., classes])
    assert np.array_equal(a.balance, b.balance)


@few(25)
@given(number=numbers, size=sizes, cut=st.integers(1, 10))
def test_a_daily_row_cut_in_two_in_time_departs_the_same_people(number: int, size: Size, cut: int) -> None:
    world, other = random_world(number, size), random_world(number, size)
    rows: list[dict[str, Any]] = []
    for row in other["departures"]:
        middle = date.fromisoformat(row["start"]) + timedelta(days=cut)
        if "per_day" not in row or middle.isoformat() > row["end"]:
            rows.append(row)
            continue
        rows.append(row | {"end": (middle - timedelta(days=1)).isoformat()})
        rows.append(row | {"start": middle.isoformat()})
    other["departures"] = rows
    a = run_agents(planned(world), seed=number, trace=True)
    b = run_agents(planned(other), seed=number, trace=True)
    assert [name for name in differences(a, b) if name != "departed"] == []
    assert a.departed.sum() == b.departed.sum()
