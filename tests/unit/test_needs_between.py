"""People on a leg are not in a place, and people who wait at home have not left."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from sim.needs import Needs, estimate, load_standards
from sim.needs.axes import AT_HOME, CELLS
from sim.needs.measures import Measures, measure
from sim.needs.world import waits_at_home
from tests.needs_fixture import SyntheticRun, synthetic_run

MONTH, MAY = pd.Timestamp("2023-04-01"), pd.Timestamp("2023-05-01")


@pytest.fixture(scope="module")
def run() -> SyntheticRun:
    return synthetic_run(months=6, replicates=1, turn_back=0.0)  # every way into Bajo Chiquito is the jungle


def _with(
    run: SyntheticRun, place: str, country: str, status: str, nationality: str, people: float
) -> SyntheticRun:
    """The run with so many people more at a place on every day of April and May."""
    row = {
        "replicate": 0,
        "place": place,
        "country": country,
        "status": status,
        "nationality": nationality,
        "sex": "male",
        "age_band": "18-59",
        "person_days": 30.0 * people,
        "peak_persons": people,
    }
    months = pd.DataFrame([{**row, "period_start": month} for month in (MONTH, MAY)])
    return replace(run, stocks=pd.concat([run.stocks, months], ignore_index=True))


def _total(found: Measures, name: str, country: str) -> float:
    """A measure of May over cells and people."""
    return float(found.heads[name][0, found.countries.index(country), 4].sum())


@pytest.fixture(scope="module")
def plain(run: SyntheticRun) -> Measures:
    return measure(run, load_standards())


@pytest.fixture(scope="module")
def jungle(run: SyntheticRun) -> SyntheticRun:
    return _with(run, "bajo-chiquito", "PAN", "travelling", "VEN", 1000.0)


def test_days_in_the_jungle_are_days_between_places(jungle: SyntheticRun, plain: Measures) -> None:
    found = measure(jungle, load_standards())
    assert _total(found, "person_days", "PAN") == pytest.approx(_total(plain, "person_days", "PAN"))
    assert _total(plain, "travel_days", "PAN") == 0
    assert _total(found, "travel_days", "PAN") == pytest.approx(30_000)
    assert _total(found, "danger_days", "PAN") == pytest.approx(30_000)
    assert found.stay == pytest.approx(plain.stay)


def test_who_walks_in_from_abroad_is_counted_on_entry_and_not_before(
    jungle: SyntheticRun, plain: Measures
) -> None:
    found = measure(jungle, load_standards())
    assert _total(found, "people", "PAN") == pytest.approx(_total(plain, "people", "PAN"))
    assert found.bounds["low"] == pytest.approx(plain.bounds["low"])
    assert found.regional["people"][0, 4] > plain.regional["people"][0, 4] + 100


def test_who_travels_inside_a_country_is_in_it(run: SyntheticRun, plain: Measures) -> None:
    found = measure(_with(run, "lajas-blancas", "PAN", "travelling", "VEN", 4000.0), load_standards())
    assert _total(found, "people", "PAN") > _total(plain, "people", "PAN") + 100
    assert _total(found, "person_days", "PAN") == pytest.approx(_total(plain, "person_days", "PAN"))
    assert _total(found, "travel_days", "PAN") == pytest.approx(120_000)
    assert _total(found, "danger_days", "PAN") == 0


def _middle(needs: Needs, country: str, resource: str, basis: str = "total") -> float:
    rows = needs.table[
        (needs.table["location_code"] == country)
        & (needs.table["resource"] == resource)
        & (needs.table["basis"] == basis)
        & (needs.table["category"] == "all")
        & (needs.table["period"] == "year")
    ]
    return float(rows["middle"].iloc[0])


def test_nobody_is_given_a_bed_in_the_jungle_but_everybody_who_comes_out_is_received(
    run: SyntheticRun, jungle: SyntheticRun
) -> None:
    before, after = estimate(run), estimate(jungle)
    for resource in ("water", "rations", "bed_nights", "consultations"):
        assert _middle(after, "PAN", resource) == _middle(before, "PAN", resource), resource
    came_out = run.flows[(run.flows["to_place"] == "bajo-chiquito") & (run.flows["direction"] == "northward")]
    assert _middle(after, "PAN", "arrival_care") == pytest.approx(came_out["persons"].sum(), rel=0.03)
    shown = after.overview[after.overview["location_code"] == "PAN"]
    assert list(shown["travel_days"]) == [60_000]


def test_who_waits_at_home_is_a_group_apart(run: SyntheticRun, plain: Measures) -> None:
    waits = _with(run, "caracas", "VEN", "queued", "VEN", 50_000.0)
    found, needs = measure(waits, load_standards()), estimate(waits)
    cell = CELLS.index(("origin", AT_HOME))
    venezuela = found.countries.index("VEN")
    people = found.heads["people"][0, venezuela, 4].sum(axis=1)
    assert people[cell] == pytest.approx(50_000 * 30.5 / 31)  # as many days in the longer month
    before = plain.heads["people"][0, venezuela, 4].sum(axis=1)
    assert np.delete(people, cell) == pytest.approx(np.delete(before, cell))
    assert found.waiting[0, venezuela, 3] == pytest.approx(50_000)
    assert _total(found, "person_days", "VEN") == pytest.approx(_total(plain, "person_days", "VEN"))
    assert found.drivers["present"] == pytest.approx(plain.drivers["present"])
    own = needs.table[needs.table["location_code"] == "VEN"]
    may = own[(own["reference_period_start"] == MAY) & (own["period"] == "month")]
    at_home = may[may["population_group"] == AT_HOME]
    assert set(at_home["population_status"]) == {"all"}  # never affected, in need or targeted
    assert (may["measure"] == "waiting_at_home").any()
    in_need = [
        list(x.overview.loc[x.overview["location_code"] == "VEN", "in_need"]) for x in (needs, estimate(run))
    ]
    assert in_need[0] == in_need[1]


def test_who_waits_away_from_home_or_far_from_where_journeys_begin_is_on_the_way(run: SyntheticRun) -> None:
    for place, country, nationality in (("san-antonio", "VEN", "VEN"), ("caracas", "VEN", "HTI")):
        found = measure(_with(run, place, country, "queued", nationality, 5000.0), load_standards())
        assert found.heads["people"][0, :, :, CELLS.index(("origin", AT_HOME))].sum() == 0, place
        assert found.waiting.sum() == 0
        assert found.drivers["present"][0, found.countries.index(country), 4, :, 0].sum() > 5000


def test_the_figure_of_who_is_where_leaves_out_who_waits_at_home(run: SyntheticRun) -> None:
    waits = _with(run, "caracas", "VEN", "queued", "VEN", 50_000.0)
    assert waits_at_home(waits).sum() == 2
    assert not waits_at_home(_with(run, "caracas", "VEN", "staying", "VEN", 50_000.0)).any()
    assert not waits_at_home(_with(run, "necocli", "COL", "queued", "VEN", 50_000.0)).any()
