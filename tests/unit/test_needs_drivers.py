"""Drivers and elections: each has a lag, a form and a scenario that switches it on, and the tables say what the files say."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

import scenarios
from sim.needs.tables import records, table
from sim.spec import load_scenario
from sim.spec.reading import read_text, read_yaml

FOLDER = Path(scenarios.__file__).parent
NUMBERS = ("lag_days", "phase_in_days", "fade_days", "size")


def _events() -> dict[str, date]:
    """First day of every event of the policy library."""
    out = {}
    for path in (FOLDER / "policies").glob("*.yaml"):
        event = read_yaml(read_text(path), path.name)["event"]
        out[str(event["id"])] = event["start"]
    return out


@pytest.mark.parametrize("driver", records(table("drivers")), ids=lambda row: str(row["id"]))
def test_the_switch_of_a_driver_has_the_lag_and_the_form_of_the_table(driver: dict[str, str]) -> None:
    assert driver["form_en"]
    assert driver["form_es"]
    assert driver["review_lines"]
    scenario = load_scenario(driver["switch"])
    if not driver["policy"]:
        assert driver["id"] == "policy"
        return
    policy = next(p for p in scenario.policies if p.id == driver["policy"])
    assert policy.instrument == driver["instrument"]
    for name in NUMBERS:
        if driver[name] != "":
            assert float(getattr(policy, name)) == float(driver[name]), name
    if driver["size"]:
        assert float(driver["size_low"]) < float(driver["size"]) < float(driver["size_high"])


def test_the_five_factors_of_the_review_and_elections_are_there() -> None:
    wanted = {
        "pandemic_economy",
        "insecurity",
        "disasters",
        "political_crises",
        "policy",
        "darien",
        "elections",
    }
    assert set(table("drivers")["id"]) == wanted


def test_elections_are_dated_and_their_rules_came_after_them() -> None:
    rows, events = records(table("elections")), _events()
    named = {(r["country"], r["date"][:4]) for r in rows}
    assert named >= {(c, "2024") for c in ("PAN", "USA", "MEX", "VEN", "DOM")}  # the review, line 798
    assert set(table("elections")["country"]) <= set(table("countries")["code"])
    evidence = str(table("drivers").set_index("id").loc["elections", "evidence"])
    for row in rows:
        day = date.fromisoformat(row["date"])
        if row["followed_by"]:
            lag = (events[row["followed_by"]] - day).days
            assert lag > 0
            assert f"{lag} days" in evidence, row["id"]
        if row["switch"]:
            assert (FOLDER / f"{row['switch']}.yaml").is_file(), row["id"]
        assert row["source"]
        assert row["source_ref"]


def test_a_switch_dated_by_an_election_begins_on_its_day() -> None:
    row = next(r for r in records(table("elections")) if r["id"] == "ven-2024")
    policy = next(p for p in load_scenario(row["switch"]).policies if p.id == "election-venezuela")
    assert policy.start == date.fromisoformat(row["date"])
