"""Four measures kept apart, stages, anticipation, borders, double impact, and the small table."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest

from sim.errors import DataError, RunError
from sim.needs import Needs, estimate, load_standards, simple_table
from sim.needs.axes import CELLS, STAGES
from sim.needs.measures import Measures, measure
from sim.needs.upstream import people_upstream, triggers
from tests.needs_fixture import SyntheticRun, synthetic_run

TWO = [
    ("A", "COL", "North", "origin", 4, 0, False),
    ("B", "PAN", "West", "transit", 3, 0, False),
    ("C", "CRI", "South", "destination", 1, 0, False),
]


@pytest.fixture(scope="module")
def run() -> SyntheticRun:
    return synthetic_run(months=12, replicates=2)


@pytest.fixture(scope="module")
def measures(run: SyntheticRun) -> Measures:
    return measure(run, load_standards())


@pytest.fixture(scope="module")
def needs(run: SyntheticRun) -> Needs:
    return estimate(run)


def test_the_fixture_conserves_people(run: SyntheticRun) -> None:
    assert run.outcomes["persons"].sum() == run.departures["persons"].sum()


def test_crossings_and_person_days_are_those_of_the_run(run: SyntheticRun, measures: Measures) -> None:
    months = measures.months
    for i, country in enumerate(measures.countries):
        flows = run.flows
        entries = flows[(flows["to_country"] == country) & (flows["from_country"] != country)][
            "persons"
        ].sum()
        assert measures.heads["crossings"][:, i, :months].sum() == pytest.approx(entries, rel=1e-5)
        days = run.stocks.loc[run.stocks["country"] == country, "person_days"].sum()
        assert measures.heads["person_days"][:, i, :months].sum() == pytest.approx(days, rel=1e-5)
        assert measures.heads["person_days"][:, i, months:].sum() == pytest.approx(days, rel=1e-5)


def test_unique_people_of_a_road_are_the_people_who_walked_it() -> None:
    run = synthetic_run(months=12, replicates=1, chain=TWO, nationalities=("VEN",), settle=0.0, turn_back=0.0)
    found = measure(run, load_standards())
    walked = run.departures["persons"].sum()
    year = found.heads["people"].sum(axis=(3, 4))[0, :, -1]
    panama = found.countries.index("PAN")
    start = run.stocks[(run.stocks["place"] == "B")]["person_days"].sum() / 365
    assert year[panama] == pytest.approx(walked, abs=3 * start)
    assert found.regional["people"][0, -1] == pytest.approx(walked, abs=6 * start)


def test_people_lie_between_their_bounds(measures: Measures) -> None:
    people = measures.heads["people"].sum(axis=(3, 4))
    assert (measures.bounds["low"] <= people * 1.0001 + 1e-6).all()
    assert (people <= measures.bounds["high"] * 1.0001 + 1e-6).all()


def test_the_region_is_never_the_sum_of_countries(measures: Measures) -> None:
    region = measures.regional["people"][:, -1]
    countries = measures.heads["people"].sum(axis=(3, 4))[:, :, -1]
    assert (region < 0.5 * countries.sum(axis=1)).all()
    assert (region >= 0.9 * countries.max(axis=1)).all()


def test_a_year_is_not_the_sum_of_its_months(measures: Measures) -> None:
    mexico = measures.countries.index("MEX")
    people = measures.heads["people"].sum(axis=(3, 4))[:, mexico]
    assert (people[:, -1] < people[:, : measures.months].sum(axis=1)).all()
    assert (people[:, -1] >= people[:, : measures.months].max(axis=1)).all()


def test_stages_follow_the_flows(measures: Measures) -> None:
    people = measures.drivers["people"][..., 0].mean(axis=0)[:, -1]
    stage = {s: i for i, s in enumerate(STAGES)}
    where = {c: i for i, c in enumerate(measures.countries)}
    assert people[where["VEN"], stage["origin"]] > 0.95 * people[where["VEN"]].sum()
    assert people[where["PAN"], stage["transit"]] > 0.8 * people[where["PAN"]].sum()
    assert people[where["PAN"], stage["return"]] > 0
    assert people[where["USA"], stage["destination"]] > 0.95 * people[where["USA"]].sum()
    assert people[where["CRI"], stage["settled"]] > 0
    assert people[where["PAN"], stage["settled"]] == 0


def test_waiting_and_stranded_people_are_groups_of_their_own(measures: Measures) -> None:
    people = measures.heads["people"].mean(axis=0)[:, -1].sum(axis=2)
    queue, stranded = CELLS.index(("transit", "X-WAI")), CELLS.index(("transit", "X-STR"))
    assert people[measures.countries.index("COL"), queue] > 0
    assert people[measures.countries.index("MEX"), stranded] > 0
    assert people[measures.countries.index("PAN"), stranded] == 0


def test_tables_add_up_before_they_are_rounded(measures: Measures) -> None:
    whole = measures.drivers["people"][..., 0].sum(axis=3)
    assert whole == pytest.approx(measures.heads["people"].sum(axis=(3, 4)), rel=1e-4)


def test_daily_tables_give_the_monthly_person_days(run: SyntheticRun) -> None:
    parts = []
    for day in (1, 11, 21):
        stocks = run.stocks.copy()
        stocks["period_start"] = stocks["period_start"] + pd.Timedelta(days=day - 1)
        parts.append(stocks.assign(person_days=stocks["person_days"] / 3))
    daily = SimpleNamespace(
        flows=run.flows,
        departures=run.departures,
        scenario=run.scenario,
        manifest={},
        stocks=pd.concat(parts, ignore_index=True),
    )
    standards = load_standards()
    once, often = measure(run, standards), measure(daily, standards)
    assert often.heads["person_days"] == pytest.approx(once.heads["person_days"], rel=1e-4)
    assert often.heads["people"] == pytest.approx(once.heads["people"], rel=1e-3, abs=0.5)


def test_categories_and_text_columns_give_the_same_numbers(run: SyntheticRun, measures: Measures) -> None:
    text = [
        "from_place",
        "to_place",
        "from_country",
        "to_country",
        "direction",
        "nationality",
        "sex",
        "age_band",
        "leg",
    ]
    coded = SimpleNamespace(
        flows=run.flows.astype(dict.fromkeys(text, "category")),
        departures=run.departures,
        scenario=run.scenario,
        stocks=run.stocks.astype(
            dict.fromkeys(["place", "country", "status", "nationality", "sex", "age_band"], "category")
        ),
    )
    again = measure(coded, load_standards())
    assert np.array_equal(again.heads["people"], measures.heads["people"])


def test_an_empty_run_is_refused() -> None:
    run = synthetic_run(months=1, replicates=1, nationalities=("VEN",))
    empty = SimpleNamespace(
        flows=run.flows[:0], stocks=run.stocks[:0], departures=run.departures[:0], scenario=None
    )
    with pytest.raises(RunError, match="nobody moved"):
        estimate(empty)


def test_a_run_without_a_scenario_still_has_needs(run: SyntheticRun) -> None:
    bare = SimpleNamespace(
        flows=run.flows, stocks=run.stocks, departures=run.departures, scenario=None, manifest=None
    )
    found = estimate(bare)
    assert set(found.countries) == set(estimate(run).countries)
    assert (found.table["admin1_code"] == "").all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lang": "fr"}, "'en' or 'es'"),
        ({"country": "ZZZ"}, "PAN"),
        ({"arrangement": "both"}, "single_structure"),
        ({"funding": "much"}, "as_2023"),
    ],
)
def test_unknown_options_are_refused_with_the_known_ones(
    run: SyntheticRun, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        estimate(run, **options)


def test_one_country_is_the_same_numbers(run: SyntheticRun, needs: Needs) -> None:
    panama = estimate(run, country="PAN")
    assert panama.countries == ["PAN"]
    own = needs.table[needs.table["location_code"] == "PAN"].reset_index(drop=True)
    got = panama.table[panama.table["location_code"] == "PAN"].reset_index(drop=True)
    pd.testing.assert_series_equal(own["middle"], got["middle"])
    assert set(panama.binational["from_country"]) | set(panama.binational["to_country"]) == {
        "COL",
        "PAN",
        "CRI",
    }


# --- anticipation -----------------------------------------------------------------------------------------


def test_people_upstream_are_people_who_are_there_and_on_their_way(
    run: SyntheticRun, measures: Measures
) -> None:
    frame = people_upstream(run, measures)
    panama = frame[frame["location_code"] == "PAN"]
    assert set(panama["from_country"]) >= {"COL", "VEN"}
    assert (panama["from_country"] != "PAN").all()
    days = measures.periods["days"].iloc[measures.months - 1]
    present = measures.places["person_days"].mean(axis=0)[:, measures.months - 1].sum() / days
    assert panama["middle"].sum() <= present
    assert set(frame["weeks"]) == {"0-2", "2-8", "8+"}
    near = panama[panama["from_country"] == "COL"].groupby("weeks")["middle"].sum()
    assert near["0-2"] > near["8+"]


def test_upstream_hides_the_places_on_the_trail(needs: Needs) -> None:
    assert not needs.upstream["places"].str.contains("Bajo Chiquito").any()


def test_triggers_give_a_threshold_a_probability_and_their_record(
    run: SyntheticRun, measures: Measures
) -> None:
    frame = triggers(run, measures)
    assert set(frame["trigger"]) == {"surge", "reverse"}
    assert frame["probability"].between(0, 1).all()
    assert frame["false_alarm_rate"].between(0, 1).all()
    assert frame["miss_rate"].between(0, 1).all()
    assert (frame["low"] <= frame["middle"]).all()
    assert (frame["middle"] <= frame["high"]).all()
    assert (frame["basis"] == "this run's own months").all()


def test_hindcasts_replace_the_runs_own_record(run: SyntheticRun, measures: Measures) -> None:
    past = pd.DataFrame(
        {
            "country": "PAN",
            "month": [f"2022-{m:02d}" for m in range(1, 9)],
            "forecast": [100, 100, 100, 300, 100, 100, 100, 100.0],
            "observed": [100, 100, 100, 100, 100, 300, 100, 100.0],
        }
    )
    frame = triggers(run, measures, past)
    own = frame[(frame["location_code"] == "PAN") & (frame["trigger"] == "surge")].iloc[0]
    assert own["basis"] == "hindcasts"
    assert own["false_alarm_rate"] == 1.0
    assert own["miss_rate"] == 1.0


# --- borders, impacts, minimums ---------------------------------------------------------------------------


def test_borders_have_both_directions_and_both_leads(needs: Needs, run: SyntheticRun) -> None:
    frame = needs.binational.set_index(["from_country", "to_country"])
    north = cast("pd.Series", frame.loc[("COL", "PAN")])
    south = cast("pd.Series", frame.loc[("PAN", "COL")])
    assert north["middle"] > south["middle"] > 0
    assert north["lead_from"] == "GIFMM"
    assert north["binational_coordination"] == "scarce"
    assert north["irregular_share"] == 1.0
    flows = run.flows[(run.flows["from_country"] == "COL") & (run.flows["to_country"] == "PAN")]
    children = (
        flows[flows["age_band"].isin(["0-4", "5-11", "12-17"])]["persons"].sum() / flows["persons"].sum()
    )
    assert north["children_share"] == pytest.approx(children, abs=0.006)


def test_double_impact_says_who_leads_what(needs: Needs) -> None:
    frame = needs.impacts
    honduras = frame[
        (frame["location_code"] == "HND") & (frame["reference_period_start"] == "2023-03-01")
    ].iloc[0]
    assert honduras["impacts"] == 3
    assert honduras["kinds"] == "disease; violence"
    assert honduras["leads_other"] == "IASC-type spaces where R4V is absent"
    panama = frame[
        (frame["location_code"] == "PAN") & (frame["reference_period_start"] == "2023-08-01")
    ].iloc[0]
    assert panama["events"] == "Armed groups on the Darién routes"


def test_minimums_follow_the_roles_and_the_published_numbers(needs: Needs) -> None:
    frame = needs.minimums
    for country in needs.countries:
        roles = set(frame.loc[frame["location_code"] == country, "role"])
        assert roles, country
        assert ("several" in roles) == (len(roles) > 1)
    water = frame[(frame["location_code"] == "HND") & (frame["theme"] == "water")].iloc[0]
    table = needs.table
    same = table[
        (table["location_code"] == "HND")
        & (table["resource"] == "water")
        & (table["basis"] == "peak")
        & (table["period"] == "year")
        & (table["category"] == "all")
    ].iloc[0]
    assert water["middle"] == same["middle"]
    assert water["coverage_flag"] == "gap"


# --- the small table --------------------------------------------------------------------------------------


def test_the_simple_table_has_every_country_month_and_indicator(run: SyntheticRun) -> None:
    frame = simple_table(run)
    wanted = {
        "people",
        "person_days",
        "water",
        "food",
        "shelter_places",
        "consultations",
        "transport_seats",
        "usd",
    }
    for _, part in frame.groupby(["country", "month"]):
        assert set(part["indicator"]) == wanted
    shown = frame.dropna(subset=["middle"])
    assert (shown["low"] <= shown["middle"]).all()
    assert (shown["middle"] <= shown["high"]).all()
    assert (frame["unit"] != "").all()
    assert (frame["source"] != "").all()
    water = frame[frame["indicator"] == "water"]
    assert (water["standard"] == "water_per_person_day 7.5-15-20 L/person/day").all()


def test_the_simple_table_and_the_whole_estimate_agree(run: SyntheticRun, needs: Needs) -> None:
    small = simple_table(run).set_index(["country", "month", "indicator"])["middle"]
    table = needs.table
    month = table[
        (table["resource"] == "water")
        & (table["basis"] == "total")
        & (table["period"] == "month")
        & (table["category"] == "all")
        & (table["location_code"] == "PAN")
    ]
    for record in month.to_dict("records"):
        assert small["PAN", record["reference_period_start"].strftime("%Y-%m"), "water"] == record["middle"]
