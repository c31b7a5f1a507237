"""Policies act on those who already wait: the hazard of leaving is scaled day by day (4 standard errors)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.theory.test_stays_and_travel import near
from tests.theory.tiny import Outcome, at, departs, leg, place, simulate

PEOPLE = 20_000
END = place("B", role="destination", country="CRI")


def run(stay: dict[str, Any], *policies: dict[str, Any], days: int = 80) -> Outcome:
    dated = [{"id": f"p{i}", "places": ["A"]} | p for i, p in enumerate(policies)]
    return simulate(
        [place("A", stay, role="origin"), END], [leg("A-B", 0)], [departs(PEOPLE)], policies=dated, days=days
    )


def geometric_shares(mean: float, factor: list[float]) -> list[float]:
    """Chance of leaving on each day for those still there: ``1 - (1 - 1 / mean) ** factor``."""
    return [1.0 - (1.0 - 1.0 / mean) ** f for f in factor]


@pytest.mark.parametrize("size", [2.0, 0.5, 0.0, 3.7])
def test_a_scaled_hazard_reaches_people_who_arrived_before(size: float) -> None:
    policy = {"instrument": "regularisation", "size": size, "start": at(5), "end": at(12)}
    arrivals = run({"kind": "geometric", "mean_days": 10.0}, policy).arrivals("A-B")
    left = PEOPLE
    factors = [1.0] * 4 + [size] * 8 + [1.0] * 8
    for day, chance in enumerate(geometric_shares(10.0, factors), start=1):
        assert near(arrivals[day], left, chance)
        left -= arrivals[day]


def test_two_policies_multiply() -> None:
    both = [
        {"instrument": "regularisation", "size": 0.5, "start": at(3)},
        {"instrument": "assistance", "size": 0.4, "start": at(6)},
    ]
    arrivals = run({"kind": "geometric", "mean_days": 5.0}, *both).arrivals("A-B")
    left = PEOPLE
    for day, chance in enumerate(geometric_shares(5.0, [1.0] * 2 + [0.5] * 3 + [0.2] * 9), start=1):
        assert near(arrivals[day], left, chance)
        left -= arrivals[day]


def test_stays_of_less_than_a_day_are_scaled_too() -> None:
    stay = {"kind": "table", "days": [0.0, 1.0, 3.0], "share": [0.4, 0.3, 0.3]}
    policy = {"instrument": "regularisation", "size": 0.5, "start": at(0)}
    arrivals = run(stay, policy).arrivals("A-B")
    survival = np.sqrt([0.6, 0.3])  # half the hazard: the root of the share left
    assert near(arrivals[0], PEOPLE, 1.0 - survival[0])
    assert near(arrivals[1], PEOPLE, survival[0] - survival[1])
    assert near(arrivals[3], PEOPLE, survival[1])
    assert arrivals.sum() == PEOPLE


def test_a_policy_that_changes_nothing_changes_nobody() -> None:
    stay = {"kind": "gamma", "mean_days": 4.0, "shape": 1.3}
    plain = run(stay)
    none = run(stay, {"instrument": "regularisation", "size": 1.0 + 1e-12, "start": at(0)})
    assert np.array_equal(plain.arrivals("A-B"), none.arrivals("A-B"))


def test_a_slowed_tail_is_not_cut_off() -> None:
    stay = {"kind": "gamma", "mean_days": 2.0, "shape": 2.0}
    policy = {"instrument": "regularisation", "size": 0.02, "start": at(0)}
    arrivals = run(stay, policy, days=300).arrivals("A-B")
    hazard = 0.02 * 1.0  # a gamma stay's hazard tends to shape / mean a day
    for day in range(60, 75):
        left = PEOPLE - arrivals[:day].sum()
        assert near(arrivals[day], left, 1.0 - np.exp(-hazard))
