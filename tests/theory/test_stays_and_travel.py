"""Stays and travel times: who arrives on day t leaves on day t + k and arrives on day t + k + d.

Random shares are held to 4 standard errors (each fails by chance once in 16,000; the seed is fixed).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sim.spec import Gamma, Lognormal, Triangular
from tests.theory.tiny import departs, leg, place, simulate

PEOPLE = 20_000
END = place("B", role="destination", country="CRI")


def near(count: float | np.integer, people: int | np.integer, chance: float, errors: float = 4.0) -> bool:
    """Whether a count lies within so many standard errors of its expectation."""
    return bool(abs(count - people * chance) <= errors * np.sqrt(people * chance * (1 - chance)) + 1e-9)


@pytest.mark.parametrize(("stay", "days"), [(0, 0), (0, 3), (3, 0), (4, 2), (30, 21)])
def test_fixed_times_add_up_to_the_day(stay: int, days: int) -> None:
    run = simulate([place("A", stay, role="origin"), END], [leg("A-B", days)], [departs(70, last=4)])
    expected = np.zeros(60, np.int64)
    expected[stay + days : stay + days + 5] = 70
    assert np.array_equal(run.arrivals("A-B"), expected)
    assert run.ended("arrived") == 350
    assert np.array_equal(np.flatnonzero(run.days_taken(1)), [stay + days])


def test_who_waits_is_counted_every_evening() -> None:
    run = simulate([place("A", 3, role="origin"), END], [leg("A-B", 2)], [departs(70)])
    assert run.present("A").tolist()[:5] == [70, 70, 70, 0, 0]
    assert run.present("B", "travelling").tolist()[:7] == [0, 0, 0, 70, 70, 0, 0]


@pytest.mark.parametrize(("days", "lower", "share"), [(2.3, 2, 0.7), (0.25, 0, 0.75), (5.5, 5, 0.5)])
@pytest.mark.parametrize("where", ["stay", "leg"])
def test_a_fraction_of_a_day_goes_to_either_neighbour(
    days: float, lower: int, share: float, where: str
) -> None:
    stay, travel = (days, 0.0) if where == "stay" else (0.0, days)
    run = simulate([place("A", stay, role="origin"), END], [leg("A-B", travel)], [departs(PEOPLE)])
    arrivals = run.arrivals("A-B")
    assert arrivals[[lower, lower + 1]].sum() == PEOPLE
    assert near(arrivals[lower], PEOPLE, share)


def test_geometric_stays_leave_at_the_same_rate_every_day_from_the_first() -> None:
    stay = {"kind": "geometric", "mean_days": 4.0}
    run = simulate([place("A", stay, role="origin"), END], [leg("A-B", 0)], [departs(PEOPLE)], days=120)
    arrivals = run.arrivals("A-B")
    assert arrivals[0] == 0
    left = PEOPLE
    for day in range(1, 16):
        assert near(arrivals[day], left, 0.25)
        left -= arrivals[day]


@pytest.mark.parametrize(
    ("kind", "chance"),
    [
        (
            {"kind": "triangular", "low": 0.5, "mode": 2.0, "high": 6.0},
            Triangular(low=0.5, mode=2.0, high=6.0),
        ),
        ({"kind": "gamma", "mean_days": 3.5, "shape": 1.7}, Gamma(mean_days=3.5, shape=1.7)),
        ({"kind": "lognormal", "median_days": 2.0, "spread": 0.7}, Lognormal(median_days=2.0, spread=0.7)),
    ],
)
@pytest.mark.parametrize("where", ["stay", "leg"])
def test_continuous_times_keep_their_shares_and_mean(kind: dict[str, Any], chance: Any, where: str) -> None:  # noqa: ANN401
    stay, travel = (kind, 0.0) if where == "stay" else (0.0, kind)
    run = simulate([place("A", stay, role="origin"), END], [leg("A-B", travel)], [departs(PEOPLE)], days=150)
    arrivals, shares = run.arrivals("A-B"), chance.pmf(150)
    for day, share in enumerate(shares[:12].tolist()):
        assert near(arrivals[day], PEOPLE, share)
    days = np.arange(len(shares))
    deviation = np.sqrt(shares @ days**2 - (shares @ days) ** 2)
    assert abs(run.days_taken(1)[:151] @ np.arange(151) / PEOPLE - chance.mean) < 4 * deviation / np.sqrt(
        PEOPLE
    )


def test_a_fine_graph_does_not_slow_the_journey() -> None:
    hops = 10
    names = [*"ABCDEFGHIJK"][: hops + 1]
    places = [place(name, 0.0, role="origin" if name == "A" else "transit") for name in names[:-1]]
    places.append(place(names[-1], role="destination", country="CRI"))
    legs = [leg(f"{a}-{b}", 0.2) for a, b in zip(names, names[1:], strict=False)]
    run = simulate(places, legs, [departs(PEOPLE)])
    arrivals = run.arrivals("J-K")
    assert near(arrivals[0], PEOPLE, 0.8**hops)  # all ten hops on one day
    assert abs(arrivals @ np.arange(60) / PEOPLE - 2.0) < 4 * np.sqrt(hops * 0.16 / PEOPLE)


def test_many_places_may_be_passed_on_one_day_for_certain() -> None:
    names = "ABCDEF"
    places = [place(name, 0.0, role="origin" if name == "A" else "transit") for name in names[:-1]]
    places.append(place("F", role="destination"))
    run = simulate(
        places, [leg(f"{a}-{b}", 0) for a, b in zip(names, names[1:], strict=False)], [departs(50, last=3)]
    )
    for a, b in zip(names, names[1:], strict=False):
        assert run.arrivals(f"{a}-{b}").tolist()[:5] == [50, 50, 50, 50, 0]


def test_a_total_over_a_window_is_spread_evenly_and_kept_to_the_person() -> None:
    row = departs(0, last=29) | {"persons": 1000}
    del row["per_day"]
    run = simulate([place("A", 0, role="origin"), END], [leg("A-B", 0)], [row])
    arrivals = run.arrivals("A-B")
    assert arrivals.sum() == 1000
    assert set(arrivals[:30].tolist()) <= {33, 34}


@pytest.mark.parametrize("scale", [0.5, 0.01, 2.0])
def test_a_share_of_the_people_is_that_share(scale: float) -> None:
    run = simulate([place("A", 1, role="origin"), END], [leg("A-B")], [departs(300, last=9)], scale=scale)
    assert run.ended("arrived") == round(3000 * scale)
