"""Capacities: never exceeded on any day, used to the full where people wait, never by part of a family."""

from __future__ import annotations

import numpy as np
import pytest

from tests.theory.tiny import at, departs, leg, place, simulate

END = place("B", role="destination", country="CRI")
FAMILIES = {"family": {"share": 1.0, "sizes": {3: 1.0}}}


@pytest.mark.parametrize("threads_of_arrival", [1, 7])
def test_a_leg_with_a_line_before_it_takes_exactly_its_capacity(threads_of_arrival: int) -> None:
    run = simulate(
        [place("A", 0, role="origin"), END],
        [leg("A-B", 1, capacity_per_day=13)],
        [departs(40 * threads_of_arrival, last=9)],
        days=300,
    )
    arrivals, people = run.arrivals("A-B"), 400 * threads_of_arrival
    full = people // 13
    assert arrivals[1 : 1 + full].tolist() == [13] * min(full, 299)
    assert arrivals.max() == 13


def test_first_come_first_served() -> None:
    run = simulate(
        [place("A", 0, role="origin"), END],
        [leg("A-B", 1, capacity_per_day=10)],
        [departs(30, last=4)],
        trace=True,
    )
    assert run.tally.trace is not None
    departed, ended = run.tally.trace[:, 2] >> 48, run.tally.trace[:, 3] >> 32 & 0xFFFFFFF
    order = np.argsort(ended, kind="stable")
    assert (np.diff(departed[order].astype(np.int64)) >= 0).all()


def test_families_wait_for_room_for_all_of_them() -> None:
    run = simulate(
        [place("A", 0, role="origin"), END],
        [leg("A-B", 1, capacity_per_day=10)],
        [departs(90, last=2)],
        units=FAMILIES,
        trace=True,
    )
    arrivals = run.arrivals("A-B")[1:31]
    assert arrivals.sum() == 270
    assert arrivals.max() <= 10
    # three families of three, and the tenth place stays free, but where one that was cut to fit a day's number passes
    assert (arrivals != 9).sum() <= 6
    assert arrivals[:-1].min() >= 8
    assert run.tally.trace is not None
    unit, ended = run.tally.trace[:, 0], run.tally.trace[:, 3] >> 32 & 0xFFFFFFF
    assert len(np.unique(np.stack([unit, ended], axis=1), axis=0)) == len(np.unique(unit))


def test_a_unit_larger_than_a_day_waits_for_ever_and_holds_up_nobody() -> None:
    sizes = {"family": {"share": 1.0, "sizes": {2: 0.5, 5: 0.5}}}
    run = simulate(
        [place("A", 0, role="origin"), END],
        [leg("A-B", 1, capacity_per_day=4)],
        [departs(700)],
        units=sizes,
        days=200,
        trace=True,
    )
    assert run.tally.trace is not None
    _, members = np.unique(run.tally.trace[:, 0], return_counts=True)
    assert set(members.tolist()) <= {1, 2, 3, 4}
    arrivals = run.arrivals("A-B")
    assert arrivals.max() == 4
    assert (arrivals[1:40] >= 3).all()


def test_a_scaled_capacity_saves_up_for_whole_units() -> None:
    run = simulate(
        [place("A", 0, role="origin"), END],
        [leg("A-B", 1, capacity_per_day=10)],
        [departs(600)],
        units=FAMILIES,
        scale=0.1,
        days=100,
    )
    arrivals = np.cumsum(run.arrivals("A-B"))
    days = np.arange(100)
    assert (arrivals <= days).all()  # one person a day at this scale
    assert (arrivals[:60] >= days[:60] - 3).all()


def test_a_place_never_holds_more_than_its_room() -> None:
    run = simulate(
        [place("A", 0, role="origin"), place("C", 4, capacity_persons=25), END],
        [leg("A-C", 2), leg("C-B", 1)],
        [departs(60, last=4)],
        days=120,
    )
    inside = run.present("C") + run.present("C", "travelling")
    assert inside.max() == 25
    assert run.ended("arrived") == 300
    # two days on the way and four inside: 25 every six days, in steady waves
    assert run.arrivals("A-C")[2] == 25


def test_a_capacity_policy_holds_only_while_it_is_in_force() -> None:
    quota = {
        "id": "quota",
        "instrument": "capacity",
        "legs": ["A-B"],
        "per_day": 5,
        "start": at(3),
        "end": at(9),
    }
    run = simulate(
        [place("A", 0, role="origin"), END], [leg("A-B", 1)], [departs(20, last=19)], policies=[quota]
    )
    assert run.arrivals("A-B")[:13].tolist() == [0, 20, 20, 20, 5, 5, 5, 5, 5, 5, 5, 20 + 7 * 15, 20]


def test_a_quota_of_nothing_stops_everybody_without_a_word() -> None:
    quota = {
        "id": "quota",
        "instrument": "capacity",
        "legs": ["A-B"],
        "per_day": 0,
        "start": at(3),
        "end": at(9),
    }
    run = simulate(
        [place("A", 0, role="origin"), END], [leg("A-B", 1)], [departs(20, last=19)], policies=[quota]
    )
    assert run.arrivals("A-B")[4:11].sum() == 0
    assert run.ended("arrived") == 400


def test_families_of_more_than_eight_travel_as_eights() -> None:
    sizes = {"family": {"share": 1.0, "sizes": {8: 0.2, 10: 0.5, 12: 0.3}}}
    run = simulate([place("A", 0, role="origin"), END], [leg("A-B")], [departs(80)], units=sizes, trace=True)
    assert run.tally.trace is not None
    sizes_found = sorted(np.unique(run.tally.trace[:, 0], return_counts=True)[1].tolist())
    assert sizes_found[-9:] == [8] * 9
    assert sum(sizes_found[:-9]) == 8  # the first is cut to fit, and so is the last
