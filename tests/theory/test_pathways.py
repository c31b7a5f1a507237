"""Appointments by lot and pathways with a monthly cap: exact quotas."""

from __future__ import annotations

import numpy as np
import pytest

from tests.theory.tiny import at, departs, leg, place, simulate

PLACES = [
    place("A", 0, role="origin"),
    place("B", role="destination", country="CRI"),
    place("C", role="destination", country="USA"),
]
LEGS = [leg("A-B", 1, weight=1e-9)]
WAY = "A--C--regular"


def test_a_lottery_gives_out_exactly_its_quota_while_people_wait() -> None:
    policy = {
        "id": "app",
        "instrument": "appointment",
        "places": ["A"],
        "to": "C",
        "per_day": 30,
        "start": at(5),
    }
    run = simulate(PLACES, LEGS, [departs(50, first=5, last=24)], policies=[policy], days=50, trace=True)
    arrivals = run.arrivals(WAY)
    assert arrivals[:6].sum() == 0
    assert arrivals[6:39].tolist() == [30] * 33  # 1,000 people, 30 a day
    assert arrivals[39] == 10
    assert run.tally.trace is not None
    last, first = run.tally.trace[:, 3] >> 32 & 0xFFFFFFF, run.tally.trace[:, 2] >> 48
    waited = last.astype(np.int64) - first.astype(np.int64)
    middle = first == 14
    assert len(np.unique(waited[middle])) > 8  # by lot: who came on one day does not go on one day


def test_patience_ends_the_wait() -> None:
    policy = {
        "id": "app",
        "instrument": "appointment",
        "places": ["A"],
        "to": "C",
        "per_day": 1,
        "start": at(0),
    }
    run = simulate(
        PLACES,
        [leg("A-B", 1, weight=1.0)],
        [departs(2000)],
        policies=[policy | {"patience_days": 6, "weight": 1.0}],
        days=200,
        trace=True,
    )
    arrivals = run.arrivals("A-B")
    half = arrivals[1]  # chose to go at once
    assert abs(half - 1000) < 4 * np.sqrt(500)
    assert arrivals[2:14].sum() > 0.4 * (2000 - half)  # patience is spread over 1 to 12 days, half then go on
    assert run.present("A", "queued")[0] == 2000 - half - 1
    assert (np.diff(run.present("A", "queued")[:150]) <= 0).all()


@pytest.mark.parametrize("start", [0, 11])
def test_a_pathway_takes_exactly_its_monthly_cap(start: int) -> None:
    policy = {"id": "parole", "instrument": "pathway", "places": ["A"], "to": "C", "per_month": 310}
    run = simulate(
        PLACES, LEGS, [departs(60, first=start, last=58)], policies=[policy | {"start": at(start)}], days=90
    )
    starts = run.arrivals(WAY)[1:]  # a day on the way
    allowed = 10 * (31 - start)
    assert starts[:31].sum() == allowed
    assert starts[31:59].sum() == 310
    assert starts[:start].sum() == 0


def test_a_pathway_without_a_cap_takes_all_who_choose_it() -> None:
    policy = {
        "id": "parole",
        "instrument": "pathway",
        "places": ["A"],
        "to": "C",
        "start": at(0),
        "weight": 3.0,
    }
    run = simulate(PLACES, [leg("A-B", 1, weight=1.0)], [departs(20_000)], policies=[policy])
    assert abs(run.arrivals(WAY).sum() - 15_000) < 4 * np.sqrt(20_000 * 3 / 16)


def test_a_pathway_closes_again() -> None:
    policy = {
        "id": "parole",
        "instrument": "pathway",
        "places": ["A"],
        "to": "C",
        "start": at(3),
        "end": at(6),
    }
    run = simulate(PLACES, LEGS, [departs(40, last=19)], policies=[policy])
    taken = run.arrivals(WAY)
    assert taken[4:8].tolist() == [40] * 4
    assert taken.sum() == 160
    assert run.arrivals("A-B").sum() == 640
