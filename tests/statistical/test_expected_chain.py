"""The expected engine on a memoryless world against powers of its matrix: no chance is involved, the numbers are the same."""

from __future__ import annotations

import numpy as np

from sim.engines.expected import run_expected
from sim.engines.tally import STATUSES
from tests.statistical.test_exact_chain import LEGS, PEOPLE, STAYS, matrix, world


def test_every_evening_is_a_power_of_the_matrix() -> None:
    plan = world(1).plan
    tally = run_expected(plan)
    assert tally.exact
    states, step = matrix()
    chance = np.zeros(len(states))
    chance[0] = PEOPLE
    staying, travelling = STATUSES.index("staying"), STATUSES.index("travelling")
    for evening in range(plan.n_days):
        found = tally.person_days[evening].sum(axis=2)
        for name in [*STAYS, "E"]:
            where = plan.places.index(name)
            bound = sum(chance[i] for i, s in enumerate(states) if s.endswith("-" + name))
            assert np.isclose(found[travelling, where], bound, rtol=1e-9, atol=1e-8)
            if name != "E":
                assert np.isclose(found[staying, where], chance[states.index(name)], rtol=1e-9, atol=1e-8)
        chance = chance @ step
    assert np.isclose(tally.ended.sum() + tally.on_route.sum(), PEOPLE, rtol=1e-12)


def test_crossings_of_every_leg_are_the_sum_of_powers() -> None:
    plan = world(1).plan
    tally = run_expected(plan, durations=False)
    states, step = matrix()
    chance = np.zeros(len(states))
    chance[0] = PEOPLE
    numbers = {leg.id: i for i, leg in enumerate(plan.legs)}
    for day in range(1, plan.n_days):
        for way, (mean, _) in LEGS.items():
            arrived = tally.flows[day, numbers[way]].sum()
            assert np.isclose(arrived, chance[states.index(way)] / mean, rtol=1e-9, atol=1e-8)
        chance = chance @ step
