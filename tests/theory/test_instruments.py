"""Instruments that no other file here holds to a closed form: transport, announcement, return, and what settles people.

Shares to 4 standard errors (false alarm 1 in 16,000); days and persons exactly.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.theory.test_stays_and_travel import near
from tests.theory.tiny import Outcome, at, departs, leg, place, simulate

PEOPLE = 20_000
PLACES = [place("A", 0, role="origin"), place("B", role="destination", country="CRI")]


def fork(*policies: dict[str, Any], **more: Any) -> Outcome:  # noqa: ANN401
    """Two legs of equal weight from A to B, one of two days and one of four."""
    dated = [{"id": f"p{i}", "start": at(0)} | p for i, p in enumerate(policies)]
    legs = [leg("A-B/fast", 2, cost_usd=100), leg("A-B/slow", 4, cost_usd=100)]
    return simulate(PLACES, legs, [departs(PEOPLE)], policies=dated, days=30, **more)


def test_transport_multiplies_weight_and_days() -> None:
    out = fork({"instrument": "transport", "legs": ["A-B.slow"], "weight_factor": 3.0, "days_factor": 0.5})
    assert near(out.arrivals("A-B.slow")[2], PEOPLE, 0.75)  # four days halved
    assert out.arrivals("A-B.slow").sum() + out.arrivals("A-B.fast")[2] == PEOPLE


def test_a_weak_policy_acts_at_its_own_strength() -> None:
    """1 + 0.02 (101 - 1) is three times the weight, however small the strength is."""
    weak = {"instrument": "transport", "legs": ["A-B.slow"], "weight_factor": 101.0, "intensity": 0.02}
    assert near(fork(weak).arrivals("A-B.slow").sum(), PEOPLE, 0.75)


def test_transport_multiplies_the_cost() -> None:
    group = {"id": "VEN", "home_country": "VEN", "means_median_usd": 250, "means_spread": 0.0}
    dearer = {"instrument": "transport", "legs": ["A-B.slow", "A-B.fast"], "cost_factor": 3.0}
    world = {"groups": [group]}
    assert fork(world=world, behaviour={"means": True}).ended("arrived") == PEOPLE
    assert fork(dearer, world=world, behaviour={"means": True}).present("A", "stranded")[-1] == PEOPLE


def test_transport_opens_a_leg_closed_by_default() -> None:
    legs = [leg("A-B/fast", 2), leg("A-B/new", 1, closed_by_default=True, weight=3.0)]
    opens = {"id": "bus", "instrument": "transport", "legs": ["A-B.new"], "start": at(1), "end": at(1)}
    out = simulate(PLACES, legs, [departs(PEOPLE, last=2)], policies=[opens], days=30)
    assert near(out.arrivals("A-B.new")[2], PEOPLE, 0.75)
    assert out.arrivals("A-B.new").sum() == out.arrivals("A-B.new")[2]


def test_an_announcement_scales_departures_and_leaving() -> None:
    news = {
        "id": "news",
        "instrument": "announcement",
        "places": ["A"],
        "start": at(3),
        "departures_size": 2.0,
        "hazard_size": 0.5,
    }
    places = [place("A", {"kind": "geometric", "mean_days": 4.0}, role="origin"), PLACES[1]]
    out = simulate(places, [leg("A-B", 0)], [departs(PEOPLE, last=3)], policies=[news], days=30)
    left = 3 * PEOPLE - out.arrivals("A-B")[:3].sum()
    first = (
        out.arrivals("A-B")[3] - 0
    )  # nobody of day 3 leaves on day 3: a geometric stay takes a day at least
    assert near(first, left, 1.0 - np.sqrt(0.75))
    assert out.present("A")[3] == left - first + 2 * PEOPLE


@pytest.mark.parametrize("size", [2.0, 0.5])
def test_an_announcement_is_anticipated_by_those_who_stay(size: float) -> None:
    news = {
        "id": "news",
        "instrument": "announcement",
        "places": ["A"],
        "start": at(5),
        "anticipation_days": 4,
        "anticipation_size": size,
    }
    places = [place("A", {"kind": "geometric", "mean_days": 6.0}, role="origin"), PLACES[1]]
    out = simulate(places, [leg("A-B", 0)], [departs(PEOPLE)], policies=[news], days=40)
    left = PEOPLE
    factors = [1.0 + (size - 1.0) * step / 4 for step in (1, 2, 3, 4)] + [1.0] * 4
    for day, factor in enumerate(factors, start=1):
        assert near(out.arrivals("A-B")[day], left, 1.0 - (1.0 - 1.0 / 6.0) ** factor)
        left -= out.arrivals("A-B")[day]


def test_support_for_return_adds_to_the_weight_of_turning_back() -> None:
    places = [place("A", 0, role="origin", country="VEN"), place("T", 1), PLACES[1]]
    legs = [leg("A-T"), leg("T-B"), leg("T-A", 4, direction="southward")]
    support = {"id": "support", "instrument": "return", "places": ["T"], "size": 0.5, "start": at(0)}
    options: dict[str, Any] = {
        "world": {"groups": [{"id": "VEN", "home_country": "VEN"}]},
        "behaviour": {"turning_back": True},
        "parameters": {"turn_back_weight": 0.5},
    }
    out = simulate(places, legs, [departs(PEOPLE)], policies=[support], **options)
    assert near(out.ended("returned"), PEOPLE, (0.5 + 0.5) / (1.0 + 0.5 + 0.5))


def test_regularisation_multiplies_the_weight_of_settling() -> None:
    places = [place("A", 1, role="origin", settle_weight=0.5), PLACES[1]]
    papers = {
        "id": "papers",
        "instrument": "regularisation",
        "places": ["A"],
        "size": 1.0,
        "settle_size": 4.0,
        "start": at(0),
    }
    out = simulate(places, [leg("A-B")], [departs(PEOPLE)], policies=[papers], behaviour={"settling": True})
    assert near(out.ended("settled"), PEOPLE, 2.0 / 3.0)


def test_a_storm_slows_legs_and_holds_places() -> None:
    places = [place("A", {"kind": "geometric", "mean_days": 4.0}, role="origin"), PLACES[1]]
    storm = {
        "id": "storm",
        "instrument": "hazard",
        "legs": ["A-B"],
        "places": ["A"],
        "days_factor": 3.0,
        "stay_size": 0.5,
        "start": at(0),
    }
    out = simulate(places, [leg("A-B", 2)], [departs(PEOPLE)], policies=[storm], days=80)
    left = PEOPLE
    for day in range(1, 6):
        assert near(out.arrivals("A-B")[day + 6], left, 1.0 - np.sqrt(0.75))
        left -= out.arrivals("A-B")[day + 6]


def test_two_policies_on_one_weight_multiply_and_a_full_closure_dominates() -> None:
    bus = {"instrument": "transport", "legs": ["A-B.slow"], "weight_factor": 4.0}
    visa = {"instrument": "visa", "legs": ["A-B.slow"], "size": 0.5}
    shut = {"instrument": "closure", "legs": ["A-B.slow"]}
    assert near(int(fork(bus, visa).arrivals("A-B.slow").sum()), PEOPLE, 2.0 / 3.0)
    assert fork(bus, visa, shut).arrivals("A-B.slow").sum() == 0
