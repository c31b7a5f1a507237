"""Laws of the expected engine on random small worlds: the agents' mean, nobody lost, doubling, previews taken up half-way.

Examples are the same in every run (``derandomize``): the bounds of four standard errors are passed or failed once and for all.
A failure names the number of the world; ``random_world(number, size)`` makes it again.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, reject, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from sim.engines.agents import run_agents
from sim.engines.expected import Preview, run_expected
from sim.engines.expected.marks import Base
from sim.engines.kernels import expected_layout
from sim.engines.tally import Tally
from sim.errors import RunError, ScenarioError
from sim.plan import Plan, compile_plan
from sim.spec import Scenario, load_scenario
from tests.reference.worlds import Size, random_world

REPLICATES = 48
ENOUGH = 4.0
"""Expected persons of a cell below which four standard errors of a mean say little."""
numbers = st.integers(0, 2**32)
loose = st.builds(
    Size,
    places=st.integers(2, 12),
    days=st.integers(15, 50),
    per_day=st.integers(1, 10),
    policies=st.integers(0, 8),
    means=st.just(False),
    information=st.just(False),
    capacities=st.just(False),
)
sizes = st.builds(
    Size,
    places=st.integers(2, 12),
    days=st.integers(15, 70),
    per_day=st.integers(1, 10),
    policies=st.integers(0, 8),
    means=st.booleans(),
    information=st.booleans(),
    capacities=st.booleans(),
)


def few(examples: int) -> settings:
    return settings(
        max_examples=examples, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
    )


def loaded(world: dict[str, Any]) -> Scenario:
    try:
        return load_scenario(world)
    except ScenarioError:
        return reject()


def planned(scenario: Scenario) -> Plan:
    """The plan of a scenario; worlds that nobody leaves for do not count."""
    try:
        return compile_plan(scenario)
    except RunError as error:
        if "nobody departs" not in str(error):
            raise
    return reject()


def counts(tally: Tally) -> NDArray[np.float64]:
    """Flows by leg and month, person-days by status, place and month, and outcomes by place: one number for each."""
    parts = (tally.flows.sum(axis=2), tally.person_days.sum(axis=3), tally.ended.sum(axis=2))
    return np.concatenate([np.asarray(part, np.float64).ravel() for part in parts])


def scores(plan: Plan, seed: int) -> NDArray[np.float64]:
    """Standard scores of the agents' mean against the expected counts, of cells with enough people."""
    runs = np.array([counts(run_agents(plan, seed=seed, replicate=r)) for r in range(REPLICATES)])
    expected = counts(run_expected(plan, durations=False))
    spread = np.maximum(runs.var(axis=0, ddof=1), expected / ENOUGH)  # a cell that never varied is not exact
    cells = expected > ENOUGH
    return ((runs.mean(axis=0) - expected) / np.sqrt(spread / REPLICATES + 1e-12))[cells]


@few(30)
@given(number=numbers, size=loose)
def test_the_mean_of_the_agents_is_the_expected_count(number: int, size: Size) -> None:
    plan = planned(loaded(random_world(number, size)))
    assume(not plan.reasons)
    z = scores(plan, number % 1000)
    assert np.abs(z).max(initial=0.0) < 4.0


@pytest.mark.slow
@pytest.mark.timeout(1800)
@few(300)
@given(number=numbers, size=loose)
def test_the_mean_of_the_agents_is_the_expected_count_in_many_worlds(number: int, size: Size) -> None:
    plan = planned(loaded(random_world(number, size)))
    assume(not plan.reasons)
    z = scores(plan, number % 1000)
    assert np.abs(z).max(initial=0.0) < 5.0  # some thirty thousand cells: four is passed by chance


@few(60)
@given(number=numbers, size=sizes)
def test_nobody_is_lost_on_any_day(number: int, size: Size) -> None:
    plan = planned(loaded(random_world(number, size)))
    tally = run_expected(plan)
    departed = np.cumsum(tally.balance[:, 0])
    assert np.allclose(departed, tally.balance[:, 1] + tally.balance[:, 2], rtol=1e-9, atol=1e-9)
    assert np.isclose(departed[-1], tally.ended.sum() + tally.on_route.sum(), rtol=1e-9)
    assert np.isclose(departed[-1], tally.durations.sum(), rtol=1e-6)
    assert tally.flows.min() > -1e-9
    assert tally.person_days.min() > -1e-9
    assert tally.exact == (not plan.reasons)


@few(40)
@given(number=numbers, size=loose)
def test_twice_as_many_who_depart_are_twice_as_many_everywhere(number: int, size: Size) -> None:
    one, two = random_world(number, size), random_world(number, size)
    for world, factor in ((one, 1), (two, 2)):
        world["units"] = {"alone": {"share": 1.0}}  # a family is cut where its block of departures ends
        for row in world["departures"]:
            persons = int(row.pop("per_day", row.pop("persons", 5.0)))
            row["per_day"] = factor * max(persons % 17, 1)
    plans = [planned(loaded(world)) for world in (one, two)]
    assume(not plans[0].reasons)
    a, b = (counts(run_expected(plan, durations=False)) for plan in plans)
    assert np.allclose(2.0 * a, b, rtol=1e-9, atol=1e-9)


def changed(scenario: Scenario, which: int, kind: int) -> Scenario:
    """The scenario with one policy a week later, half as large, or gone."""
    policy = scenario.policies[which % len(scenario.policies)]
    update: dict[str, Any] = {}
    size = getattr(policy, "size", None)
    if kind == 0 and size is not None:
        update = {"size": 0.5 * size}
    elif kind == 1 and policy.end is None:
        update = {"start": policy.start + timedelta(days=7)}
    moved = policy.model_copy(update=update) if update else None
    policies = [moved if p.id == policy.id else p for p in scenario.policies]
    return scenario.model_copy(update={"policies": tuple(p for p in policies if p is not None)})


@few(60)
@given(number=numbers, size=sizes, which=st.integers(0, 7), kind=st.integers(0, 2))
def test_a_preview_taken_up_half_way_is_the_whole_run(number: int, size: Size, which: int, kind: int) -> None:
    scenario = loaded(random_world(number, size))
    assume(scenario.policies)
    planned(scenario)
    preview = Preview(scenario)
    other = changed(scenario, which, kind)
    planned(other)
    answer, whole = preview.answer(other), Preview(other).answer(other)
    for name in ("crossings", "stocks", "flows"):
        one, two = getattr(answer, name), getattr(whole, name)
        # pushes shift the make-up of a group by whom blocks cut; beliefs, which weigh it, are taken from the first scenario
        assert np.allclose(one, two, rtol=1e-3 if size.information else 1e-9, atol=1e-6)
    assert (answer.months, answer.legs, answer.exact) == (whole.months, whole.legs, whole.exact)


def test_who_was_on_the_route_is_taken_up_on_a_kept_day() -> None:
    found = 0
    for seed in range(12):
        world = random_world(seed, Size(places=6, days=85, policies=0, information=False))
        world["policies"] = [
            {
                "id": "late",
                "instrument": "closure",
                "legs": ["L0"],
                "size": 0.5,
                "start": "2023-03-05",
                "end": "2023-03-09",
            }
        ]
        try:
            scenario = load_scenario(world)
        except ScenarioError:
            continue
        plan = compile_plan(changed(scenario, 0, 0))
        taken, whole = Base(compile_plan(scenario), every=1).counted(plan), Base(plan).own
        assert taken is not None
        assert np.allclose(taken.by_leg(), whole.by_leg(), rtol=1e-9, atol=1e-9)
        assert np.allclose(taken.memory.days, whole.memory.days, rtol=1e-9, atol=1e-9)
        found += 1
    assert found > 3


def test_a_preview_starts_where_something_differs() -> None:
    scenario = load_scenario(random_world(11, Size(days=150, capacities=False)) | {"policies": []})
    base = Base(compile_plan(scenario))
    assert base.counted(base.plan) is base.own
    same = base.counted(compile_plan(scenario))
    assert same is not None
    assert same.memory is base.own.memory  # nothing differs: nothing is run


@few(40)
@given(number=numbers, size=sizes)
def test_neither_stages_nor_a_second_thread_change_a_number(number: int, size: Size) -> None:
    world = random_world(number, size)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(expected_layout, "STAGES", 1)
        whole = run_expected(planned(loaded(world)))
    plan = planned(loaded(world))
    for threads in (1, 2):
        staged = run_expected(plan, threads=threads)
        for name in ("flows", "person_days", "peaks", "ended", "on_route", "durations"):
            assert np.array_equal(getattr(staged, name), getattr(whole, name)), name
        assert np.allclose(staged.balance, whole.balance, rtol=1e-12, atol=1e-9)


def test_a_second_thread_changes_no_number_of_a_preview() -> None:
    scenario = load_scenario(random_world(11, Size(places=8, days=200, policies=4)))
    plan = compile_plan(changed(scenario, 0, 2))
    one, two = (Base(compile_plan(scenario), every=1, threads=n).counted(plan) for n in (1, 2))
    assert one is not None
    assert two is not None
    assert len(np.unique(plan.epochs.epoch_of_day)) > 1
    assert np.array_equal(one.by_leg(), two.by_leg())
    assert np.array_equal(one.memory.days, two.memory.days)
