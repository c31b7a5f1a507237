"""Means, stranding, turning back, settling, pushes, harm: exact days and shares."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sim.engines.expected import run_expected
from tests.theory.test_stays_and_travel import near
from tests.theory.tiny import Outcome, at, departs, leg, place, simulate

PEOPLE = 20_000
RETURNED = 3
END = place("B", role="destination", country="CRI")


def with_means(
    usd: float, *, income: float, cost: float, policies: list[dict[str, Any]] | None = None
) -> Outcome:
    group = {"id": "VEN", "home_country": "VEN", "means_median_usd": usd, "means_spread": 0.0}
    return simulate(
        [place("A", 2, role="origin", income_usd_per_day=income), END],
        [leg("A-B", 1, cost_usd=cost)],
        [departs(50)],
        days=120,
        world={"groups": [group]},
        behaviour={"means": True},
        policies=policies or [],
    )


@pytest.mark.parametrize(
    ("usd", "income", "cost", "wait"), [(100, 10, 250, 15), (100, 7, 250, 22), (300, 10, 250, 0)]
)
def test_stranded_people_go_on_when_they_have_the_money(
    usd: float, income: float, cost: float, wait: int
) -> None:
    run = with_means(usd, income=income, cost=cost)
    assert run.arrivals("A-B")[2 + wait + 1] == 50
    assert run.present("A", "stranded").sum() == 50 * wait


def test_without_income_they_stay_stranded() -> None:
    run = with_means(100, income=0, cost=250)
    assert run.ended("arrived") == 0
    assert run.present("A", "stranded")[2:].tolist() == [50] * 118


def test_cash_frees_the_stranded() -> None:
    cash = {
        "id": "cash",
        "instrument": "assistance",
        "places": ["A"],
        "income_usd_per_day": 30,
        "start": at(20),
    }
    run = with_means(100, income=0, cost=250, policies=[cash])
    assert run.arrivals("A-B")[32 + 5 + 1] == 50  # tried again after 30 days, then five days of cash


def test_a_penalty_makes_the_way_dearer() -> None:
    fee = {"id": "fee", "instrument": "penalty", "legs": ["A-B"], "cost_usd": 60, "start": at(0)}
    run = with_means(300, income=10, cost=250, policies=[fee])
    assert run.arrivals("A-B")[2 + 1 + 1] == 50  # ten dollars short, one day


@pytest.mark.parametrize("size", [2.0, 3.0])
def test_a_push_by_a_whole_number_multiplies_every_departure(size: float) -> None:
    push = {"id": "push", "instrument": "push", "size": size, "start": at(5), "end": at(9)}
    run = simulate(
        [place("A", 0, role="origin"), END], [leg("A-B", 0)], [departs(30, last=14)], policies=[push]
    )
    assert run.arrivals("A-B")[:15].tolist() == [30] * 5 + [int(30 * size)] * 5 + [30] * 5


@pytest.mark.parametrize("size", [0.3, 1.6])
def test_a_push_by_a_share_keeps_that_share(size: float) -> None:
    push = {"id": "push", "instrument": "push", "size": size, "start": at(0)}
    run = simulate([place("A", 0, role="origin"), END], [leg("A-B", 0)], [departs(PEOPLE)], policies=[push])
    assert near(run.ended("arrived") - PEOPLE * int(size), PEOPLE, size - int(size))


def test_a_push_below_one_leaves_the_others_as_they_were() -> None:
    push = {"id": "push", "instrument": "push", "size": 0.5, "start": at(0)}
    kwargs: dict[str, Any] = {"days": 40, "trace": True}
    ways = [leg("A-B", {"kind": "gamma", "mean_days": 5.0, "shape": 2.0})]
    places = [place("A", {"kind": "geometric", "mean_days": 4.0}, role="origin"), END]
    every = simulate(places, ways, [departs(200, last=9)], **kwargs).tally.trace
    some = simulate(places, ways, [departs(200, last=9)], policies=[push], **kwargs).tally.trace
    assert every is not None
    assert some is not None
    assert {tuple(p) for p in some.tolist()} < {tuple(p) for p in every.tolist()}


def test_settling_takes_its_weight() -> None:
    places = [place("A", 1, role="origin", settle_weight=0.5), END]
    run = simulate(places, [leg("A-B", weight=1.5)], [departs(PEOPLE)], behaviour={"settling": True})
    assert near(run.ended("settled"), PEOPLE, 0.25)
    assert run.present("A", "settled")[-1] == run.ended("settled")


def test_turning_back_takes_its_weight_and_ends_at_home() -> None:
    places = [
        place("A", 0, role="origin", country="VEN"),
        place("T", 1),
        place("B", role="destination", country="CRI"),
    ]
    legs = [leg("A-T"), leg("T-B"), leg("T-A", 4, direction="southward")]
    group = {"id": "VEN", "home_country": "VEN"}
    run = simulate(
        places,
        legs,
        [departs(PEOPLE)],
        world={"groups": [group]},
        behaviour={"turning_back": True},
        parameters={"turn_back_weight": 0.25},
    )
    assert near(run.ended("returned"), PEOPLE, 0.2)
    assert run.arrivals("T-A")[6] == run.ended("returned")


def test_who_turns_back_at_home_has_returned_and_takes_no_way_out() -> None:
    places = [
        place("A", 0, role="origin", country="VEN"),
        place("T", 2, country="VEN"),
        place("X", 1, country="PER"),
        place("H", role="destination", country="HTI"),
        END,
    ]
    legs = [
        leg("A-T"),
        leg("T-B"),
        leg("T-X", 4, direction="southward"),
        leg("X-H", 1, direction="southward"),
    ]
    groups = [{"id": "VEN", "home_country": "VEN"}, {"id": "HTI", "home_country": "HTI"}]
    run = simulate(
        places,
        legs,
        [departs(PEOPLE), departs(400, group="HTI")],
        world={"groups": groups},
        behaviour={"turning_back": True},
        parameters={"turn_back_weight": 0.25},
    )
    abroad = run.arrivals("T-X")
    at_home = run.ended("returned") - abroad.sum()
    assert near(int(at_home), PEOPLE, 0.2)
    assert run.days_taken(RETURNED)[3] == at_home  # a day on the leg, two days of stay
    assert near(int(abroad.sum()), 400, 0.2)  # only those from elsewhere go on
    assert run.arrivals("X-H")[3 + 4 + 1 + 1] == abroad.sum()

    mean = run_expected(run.plan)
    away = [one.id for one in run.plan.legs].index("T-X")
    assert mean.flows[:, away].sum() == pytest.approx(400 * 0.2, rel=1e-9)
    assert mean.ended[RETURNED].sum() == pytest.approx((PEOPLE + 400) * 0.2, rel=1e-9)
    assert mean.on_route.sum() == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize(("closed", "share"), [(False, 0.2), (True, 0.0)])
def test_nobody_turns_back_where_people_are_only_sent_back(closed: bool, share: float) -> None:
    places = [
        place("A", 0, role="origin", country="VEN"),
        place("T", 1),
        place("B", role="destination", country="CRI"),
    ]
    back = leg("T-A", 4, direction="return", closed_by_default=closed)
    run = simulate(
        places,
        [leg("A-T"), leg("T-B"), back],
        [departs(PEOPLE)],
        world={"groups": [{"id": "VEN", "home_country": "VEN"}]},
        behaviour={"turning_back": True},
        parameters={"turn_back_weight": 0.25},
    )
    assert near(run.ended("returned"), PEOPLE, share)
    assert run.ended("on_route") == 0  # nobody waits for a way that never opens
    assert run.ended("arrived") + run.ended("returned") == PEOPLE


@pytest.mark.parametrize("deaths", [1_000, 30_000])
def test_deaths_are_the_share_stated(deaths: int) -> None:
    places = [place("A", 0, role="origin"), END]
    run = simulate(places, [leg("A-B", deaths_per_100k=deaths)], [departs(PEOPLE)])
    assert near(run.ended("died_or_missing"), PEOPLE, deaths / 1e5)
    assert run.ended("arrived") == PEOPLE - run.ended("died_or_missing") == run.arrivals("A-B").sum()
    none = simulate(
        places, [leg("A-B", deaths_per_100k=deaths)], [departs(PEOPLE)], behaviour={"hazards": False}
    )
    assert none.ended("died_or_missing") == 0


def test_deaths_strike_members_of_a_family_one_by_one() -> None:
    run = simulate(
        [place("A", 0, role="origin"), END],
        [leg("A-B", deaths_per_100k=50_000)],
        [departs(3000)],
        units={"family": {"share": 1.0, "sizes": {3: 1.0}}},
        trace=True,
    )
    assert run.tally.trace is not None
    keys, outcome = run.tally.trace[:, 0], run.tally.trace[:, 3] & 0xFF
    deaths = np.array([(outcome[keys == key] == 5).sum() for key in np.unique(keys)])
    for number, chance in enumerate((1 / 8, 3 / 8, 3 / 8, 1 / 8)):
        assert near(int((deaths == number).sum()), 1000, chance)


def test_robbery_takes_its_share_and_strands() -> None:
    group = {"id": "VEN", "home_country": "VEN", "means_median_usd": 400, "means_spread": 0.0}
    run = simulate(
        [place("A", 0, role="origin"), place("T", 0), END],
        [leg("A-T", haz_robbed=0.3), leg("T-B", cost_usd=300)],
        [departs(PEOPLE)],
        world={"groups": [group]},
        behaviour={"means": True},
        parameters={"robbery_loss_share": 0.5},
    )
    assert near(int(run.present("T", "stranded")[-1]), PEOPLE, 0.3)
    assert run.ended("arrived") == PEOPLE - run.present("T", "stranded")[-1]


def test_news_changes_nothing_before_it_can_be_known() -> None:
    places = [place("A", 1, role="origin"), END, place("C", role="destination", country="HND")]
    legs = [leg("A-B", haz_robbed=0.9), leg("A-C", haz_robbed=0.0)]
    told = {
        "beta_risk": -3.0,
        "information_weight": 1.0,
        "information_update_days": 5,
        "information_lag_days": 10,
        "hazard_scale": 1.0,
    }
    storm = {"id": "s", "instrument": "hazard", "legs": ["A-C"], "size": 0.0, "start": at(0)}
    rows = [departs(400, last=79)]
    calm = simulate(places, legs, rows, days=80, policies=[storm], parameters={"beta_risk": -3.0})
    news = simulate(
        places, legs, rows, days=80, policies=[storm], parameters=told, behaviour={"information": True}
    )
    first = 5 + 10  # the first interval ends on day 5 and is known behind after ten days more
    assert np.array_equal(calm.arrivals("A-B")[: first + 1], news.arrivals("A-B")[: first + 1])


def test_news_of_a_danger_sends_people_the_other_way() -> None:
    places = [place("A", 1, role="origin"), END, place("C", role="destination", country="HND")]
    legs = [leg("A-B", haz_robbed=0.05), leg("A-C", haz_robbed=0.05)]
    told = {
        "beta_risk": -2.0,
        "information_weight": 1.0,
        "information_update_days": 5,
        "information_lag_days": 10,
    }
    danger = {"id": "s", "instrument": "hazard", "legs": ["A-B"], "size": 18.0, "start": at(0)}
    rows = [departs(2000, last=99)]
    run = simulate(
        places, legs, rows, days=100, policies=[danger], parameters=told, behaviour={"information": True}
    )
    late = run.arrivals("A-B")[80:100].sum() / 40_000
    share = 1.0 / (1.0 + np.exp(2.0 * 0.85))  # risk 0.9 against 0.05, prior 0.05 on both
    assert abs(late - share) < 0.02
