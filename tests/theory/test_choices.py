"""Choosing a way: weights, costs, days and groups (4 standard errors: false alarm 1 in 16,000)."""

from __future__ import annotations

import math

import pytest

from tests.theory.test_stays_and_travel import near
from tests.theory.tiny import departs, leg, place, simulate

PEOPLE = 20_000
PLACES = [
    place("A", 1, role="origin"),
    place("B", role="destination", country="CRI"),
    place("C", role="destination", country="HND"),
]


@pytest.mark.parametrize("weights", [(3.0, 1.0), (1.0, 1.0), (0.02, 1.98)])
def test_branches_share_people_by_weight(weights: tuple[float, float]) -> None:
    legs = [leg("A-B", weight=weights[0]), leg("A-C", weight=weights[1])]
    run = simulate(PLACES, legs, [departs(PEOPLE)])
    assert near(run.arrivals("A-B").sum(), PEOPLE, weights[0] / sum(weights))
    assert run.ended("arrived") == PEOPLE


def test_two_groups_share_alike_only_where_their_attraction_is_alike() -> None:
    attraction = [{"leg": "A-B", "group": "HTI", "weight": 0.0}]
    legs = [leg("A-B", weight=1.0), leg("A-C", weight=1.0)]
    rows = [departs(PEOPLE), departs(500, group="HTI")]
    run = simulate(PLACES, legs, rows, world={"attraction": attraction})
    flows = run.tally.flows[:, :2].sum(axis=0).reshape(2, len(run.plan.groups), 10).sum(axis=2)
    haiti = run.plan.groups.index("HTI")
    assert flows[:, haiti].tolist() == [0, 500]
    assert near(flows[0, 1 - haiti], PEOPLE, 0.5)


def test_days_cost_utility_as_the_logit_says() -> None:
    legs = [leg("A-B", 1), leg("A-C", 6)]
    run = simulate(PLACES, legs, [departs(PEOPLE)], parameters={"beta_days": -0.2})
    share = 1.0 / (1.0 + math.exp(-0.2 * 5))
    assert near(run.arrivals("A-B").sum(), PEOPLE, share)


def test_nobody_takes_a_leg_of_no_weight() -> None:
    run = simulate(PLACES, [leg("A-B", weight=0.0), leg("A-C", weight=1.0)], [departs(900)])
    assert run.arrivals("A-B").sum() == 0
    assert run.arrivals("A-C").sum() == 900


def test_a_policy_multiplies_the_weight_of_its_legs_for_its_nationals() -> None:
    visa = {"id": "visa", "instrument": "visa", "legs": ["A-B"], "nationalities": ["VEN"], "size": 0.25}
    legs = [leg("A-B", weight=1.0), leg("A-C", weight=1.0)]
    run = simulate(PLACES, legs, [departs(PEOPLE, first=2)], policies=[visa | {"start": "2023-01-01"}])
    assert near(run.arrivals("A-B").sum(), PEOPLE, 0.2)
    other = simulate(
        PLACES,
        legs,
        [departs(PEOPLE, first=2, group="HTI")],
        policies=[visa | {"start": "2023-01-01", "nationalities": []}],
    )
    assert near(other.arrivals("A-B").sum(), PEOPLE, 0.2)
