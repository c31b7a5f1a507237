"""Closures: a closed leg takes nobody, people on it arrive, and those who waited go when it opens."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.theory.tiny import Outcome, at, departs, leg, place, simulate

PLACES = [
    place("A", 2, role="origin"),
    place("B", 1, country="CRI"),
    place("C", role="destination", country="HND"),
]
LEGS = [leg("A-B", 3), leg("B-C", 1)]
SHUT = {"id": "shut", "instrument": "closure", "start": at(10), "end": at(19)}


def closed(**what: Any) -> Outcome:  # noqa: ANN401
    return simulate(PLACES, LEGS, [departs(40, last=29)], policies=[SHUT | what])


@pytest.mark.parametrize("what", [{"legs": ["A-B"]}, {"countries": ["CRI"]}], ids=["by leg", "by country"])
def test_a_closed_leg_takes_nobody_and_releases_its_queue(what: dict[str, Any]) -> None:
    run = closed(**what)
    expected = np.zeros(60, np.int64)
    expected[5:13] = 40  # left on days 2 to 9, three days on the way
    expected[23] = 11 * 40  # those of days 10 to 19, and of day 20 itself
    expected[24:35] = 40
    assert np.array_equal(run.arrivals("A-B"), expected)
    assert run.present("A", "queued")[9:21].tolist() == [0, *range(40, 401, 40), 0]
    assert run.ended("arrived") == 1200


def test_every_leg_of_a_closed_place_is_closed() -> None:
    run = closed(places=["B"])
    assert run.arrivals("A-B")[13:23].sum() == 0
    assert (
        run.arrivals("B-C")[11:21].sum() == 0
    )  # a day on the way: who left on days 10 to 19 would arrive then
    assert run.ended("arrived") == 1200


def test_a_closure_sends_people_another_way_if_there_is_one() -> None:
    other = [*LEGS, leg("A-C", 1, weight=0.0001)]
    run = simulate(PLACES, other, [departs(40, last=29)], policies=[SHUT | {"legs": ["A-B"]}])
    assert run.arrivals("A-B")[13:23].sum() == 0
    assert run.arrivals("A-C")[11:21].tolist() == [40] * 10
    assert run.present("A", "queued").sum() == 0


def test_half_a_closure_halves_the_weight() -> None:
    legs = [*LEGS, leg("A-C", 1, weight=1.0)]
    run = simulate(
        PLACES, legs, [departs(20_000, first=12)], policies=[SHUT | {"legs": ["A-B"], "size": 0.5}]
    )
    share = run.arrivals("A-B").sum() / 20_000
    assert abs(share - 1 / 3) < 4 * np.sqrt(
        2 / 9 / 20_000
    )  # 4 standard errors: fails by chance once in 16,000


def test_a_line_before_a_limited_leg_is_let_go_when_the_leg_closes() -> None:
    legs = [leg("A-B", 3, capacity_per_day=5), leg("B-C", 1), leg("A-C", 1, weight=1e-9)]
    run = simulate(PLACES, legs, [departs(40, last=5)], policies=[SHUT | {"legs": ["A-B"]}])
    waited = run.present("A", "queued")
    assert waited[9] == 6 * 40 - 8 * 5
    assert waited[10] == 0
    assert run.arrivals("A-C")[11] == waited[9]
