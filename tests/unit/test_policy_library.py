"""The library of events and what-ifs: complete, sourced, bilingual, and every file of it does something."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from sim.engines.agents import load_kernels, run_agents
from sim.plan import compile_plan
from sim.spec import Scenario, load_scenario
from sim.spec.library import (
    Entry,
    file_yaml,
    in_words,
    library_entries,
    library_names,
    library_root,
    policy_words,
    scenario_file,
)
from sim.spec.policies import INSTRUMENTS, Appointment, PolicyBase
from sim.spec.policies.reference import event_files, event_rows, reference_page, with_table
from sim.spec.reading import Row

#: Every dated event since 2020 that the library must hold (the two without a date are its ground).
# fmt: off
EVENTS = [
    "US-ACA", "US-MPP1", "US-T42", "MX-T42-FAM", "PA-CO-QUOTA", "MX-VISA-ECU", "US-DELRIO",
    "NI-CUB-VISAFREE", "US-MPP2", "MX-VISA-BRA1", "MX-VISA-VEN", "BZ-VISA-VEN", "CR-VISA-VEN",
    "HN-AMNISTIA", "MX-VISA-BRA2", "US-VEN-T42PAROLE", "MX-ACCEPT-CHNV", "US-CHNV", "US-CBPONE",
    "DARIEN-60DAY", "US-CBPONE-CAP1000", "US-CLP", "SMO", "US-CBPONE-CAP1250", "US-CBPONE-CAP1450",
    "CR-EMERG", "PA-CR-BUS", "CR-VISA-HND", "US-VEN-DEPORT1", "SV-FEE", "HT-CHARTERBAN",
    "US-3C-CHARTER", "MX-INM-HALT", "TX-SB4", "MX-SURGE", "CO-NECOCLI-STOP", "MX-VISA-PER",
    "US-STB", "EC-VISA-CHN", "PA-MULINO", "US-CHNV-PAUSE", "PA-REMOVAL", "US-CBPONE-SOUTH",
    "BR-TRANSIT", "US-STB-FINAL", "PA-FINES", "US-CLOSE25", "US-MPP3", "US-VEN-DEPORT2",
    "PA-CR-REVERSE", "MX-FRONTERA-NORTE", "PA-3RDCOUNTRY", "CR-3RDCOUNTRY", "US-CHNV-END",
    "US-FRP-END", "NI-VISA128",
]
# fmt: on
GROUND = {"MX-CONTROL", "US-PORT-EXCEPTIONS"}
#: A what-if for each question that planners asked.
ASKED = {
    "appointments_end": ["cbpone-1450"],
    "appointments_doubled": ["cbpone-1450"],
    "no_parole_processes": ["chnv-parole-cubans"],
    "parole_doubled": ["chnv-parole-cubans"],
    "title_42_kept": ["t42-mexicans-last-year"],
    "title_42_ended_a_year_earlier": ["t42-mexicans"],
    "darien_closed_one_week": ["darien-closed-one-week"],
    "darien_closed_one_month": ["darien-closed-one-month"],
    "darien_closed": ["darien-closed"],
    "humanitarian_corridor": ["corridor-panama-costa-rica"],
    "buses_suspended": ["buses-suspended"],
    "nicaragua_ends_air_entry": ["nicaragua-visa"],
    "san_andres_opened": ["san-andres-boats"],
    "san_andres_closed": ["san-andres-closed"],
    "mexico_transfers_doubled": ["mx-surge-transfers"],
    "mexico_without_visa_for_venezuelans": ["mx-visa-ven"],
    "regularisation_colombia": ["regularisation-colombia"],
    "regularisation_ecuador": ["regularisation-ecuador"],
    "push_ecuador": ["push-ecuador"],
    "push_haiti": ["push-haiti"],
    "downturn_in_host_countries": ["downturn-host-countries"],
    "election_in_venezuela": ["election-venezuela"],
    "storm_in_the_darien": ["darien-storm"],
    "hurricane_in_honduras_and_guatemala": ["hurricane-roads-cut", "hurricane-push"],
    "assistance_8": ["assistance-8"],
    "assistance_22": ["assistance-22"],
    "assistance_54": ["assistance-54"],
    "border_closed_and_reversed": ["reversal-removals", "reversal-turn-back"],
    "three_at_once": ["three-storm", "three-assistance", "cbpone-1450"],
}
#: Run in every test run; all others are marked slow.
QUICK = {"history/baseline", "what_if/no_october_2022_rule", "what_if/darien_closed_one_month"}


@pytest.fixture(scope="module")
def baseline() -> Scenario:
    return load_scenario("history/baseline")


@pytest.fixture(scope="module")
def histories() -> dict[str, Scenario]:
    return {name: load_scenario(name) for name in library_names() if name.startswith("history/")}


def history_of(name: str) -> str:
    """The history that a what-if extends."""
    file = scenario_file(name)
    assert file is not None
    found = re.search(r"^extends: (\S+)$", file.read_text(encoding="utf-8"), re.MULTILINE)
    assert found is not None, f"{name} extends nothing"
    return found[1]


def policies(scenario: Scenario) -> dict[str, PolicyBase]:
    return {policy.id: policy for policy in scenario.policies}


def test_every_event_is_there_once() -> None:
    ids = [row["id"] for row in event_rows()]
    assert len(EVENTS) == 56
    assert sorted(ids) == sorted([*EVENTS, *GROUND])
    assert [row["id"] for row in event_rows() if not row["start"]] == []


def test_every_policy_has_one_id_in_the_whole_library() -> None:
    ids = [name for row in event_rows() for name in row["policies"]]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("content", event_files(), ids=lambda content: str(content["event"]["id"]))
def test_an_event_says_what_happened_and_who_says_so(content: Row) -> None:
    event = content["event"]
    for key in ("title", "summary"):
        assert set(event[key]) == {"en", "es"}
        assert all(len(text) > 10 for text in event[key].values())
    assert event["title"]["en"] != event["title"]["es"]
    assert event["documented_effect"]
    assert event["sources"]
    assert event["country"]
    if "end" in event:
        assert event["end"] >= event["start"]
    if not content["policies"]:
        assert {"en", "es"} == set(event["left_out"]), "an event without policies says why"
    for policy in content["policies"]:
        assert policy["instrument"] in INSTRUMENTS
        assert policy.get("effect_source"), f"{policy['id']} does not say where its size comes from"


def test_the_most_asked_instruments_are_in_use() -> None:
    used = {name for row in event_rows() for name in row["instruments"]}
    assert used >= {
        "closure",
        "capacity",
        "visa",
        "expulsion",
        "removal",
        "transfer",
        "pathway",
        "appointment",
    }
    assert used >= {"transport", "penalty", "announcement", "push", "return"}


def test_the_caps_of_appointments_follow_each_other(baseline: Scenario) -> None:
    held = [policies(baseline)[f"cbpone-{name}"] for name in ("first-months", "1000", "1250", "1450")]
    caps = [cap for cap in held if isinstance(cap, Appointment)]
    assert [cap.per_day for cap in caps] == [760, 1000, 1250, 1450]
    for before, after in zip(caps, caps[1:], strict=False):
        assert before.end is not None
        assert (after.start - before.end).days == 1


def test_the_baseline_holds_all_events_of_its_window(baseline: Scenario) -> None:
    held = {policy.event for policy in baseline.policies}
    due = {
        row["id"]
        for row in event_rows()
        if row["policies"] and row["start"] <= "2024-06-30" and (row["end"] or "9999") >= "2020-07-01"
    }
    assert held == due


def test_to_present_adds_the_later_events(baseline: Scenario) -> None:
    later = load_scenario("history/to_present")
    held = {policy.event for policy in later.policies}
    assert held == {row["id"] for row in event_rows() if row["policies"]}
    assert later.window.end.year == 2026
    assert set(policies(baseline)) < set(policies(later))


@pytest.mark.parametrize("entry", library_entries(), ids=lambda entry: str(entry.name))
def test_a_scenario_explains_itself_in_both_languages(entry: Entry) -> None:
    assert entry.title.en
    assert entry.title.es
    assert entry.title.en != entry.title.es
    assert len(entry.description.en.split()) > 20
    assert len(entry.description.es.split()) > 20


def test_there_is_a_what_if_for_each_question() -> None:
    names = {name.partition("/")[2] for name in library_names() if name.startswith("what_if/")}
    assert names >= set(ASKED) | {"no_october_2022_rule", "no_appointments"}
    assert len(names) >= 20


@pytest.mark.parametrize("name", [name for name in library_names() if name.startswith("what_if/")])
def test_a_what_if_loads_and_differs_from_its_history(name: str, histories: dict[str, Scenario]) -> None:
    scenario, history = load_scenario(name), histories[history_of(name)]
    here, there = policies(scenario), policies(history)
    changed = {key for key in here.keys() | there.keys() if here.get(key) != there.get(key)}
    assert changed
    assert changed >= set(ASKED.get(name.partition("/")[2], []))
    assert scenario.departures == history.departures, "the same people set out with the same luck"
    assert scenario.window == history.window


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in library_names()],
)
def test_a_scenario_runs_small(name: str) -> None:
    load_kernels()
    tally = run_agents(compile_plan(load_scenario(name), scale=0.01), seed=3)
    assert tally.people > 10_000
    assert int(tally.balance[-1].sum()) > 0


@pytest.mark.slow
def test_policies_of_no_strength_change_nothing(baseline: Scenario) -> None:
    load_kernels()
    added = tuple(
        policy.model_copy(update={"id": f"none-{policy.id}", "intensity": 0.0})
        for name in ("darien_closed", "border_closed_and_reversed", "hurricane_in_honduras_and_guatemala")
        for policy in load_scenario(f"what_if/{name}").policies
        if policy.id not in policies(baseline)
    )
    assert len({policy.instrument for policy in added}) >= 7
    with_none = baseline.model_copy(update={"policies": (*baseline.policies, *added)})
    one = run_agents(compile_plan(baseline, scale=0.01), seed=3)
    other = run_agents(compile_plan(with_none, scale=0.01), seed=3)
    legs = one.flows.shape[1]
    assert np.array_equal(one.flows, other.flows[:, :legs])
    assert np.array_equal(one.ended, other.ended)


@pytest.mark.slow
def test_the_baseline_at_no_strength_is_the_route_without_policies(baseline: Scenario) -> None:
    load_kernels()
    off = tuple(policy.model_copy(update={"intensity": 0.0}) for policy in baseline.policies)
    bare = compile_plan(baseline.model_copy(update={"policies": ()}), scale=0.01)
    idle = compile_plan(baseline.model_copy(update={"policies": off}), scale=0.01)
    one, other = run_agents(bare, seed=3), run_agents(idle, seed=3)
    number = {leg.id: i for i, leg in enumerate(bare.legs)}
    for i, leg in enumerate(idle.legs):
        expected = one.flows[:, number[leg.id]] if leg.id in number else 0
        assert np.array_equal(other.flows[:, i], np.broadcast_to(expected, other.flows[:, i].shape)), leg.id
    for table in ("person_days", "peaks", "ended", "on_route", "durations", "departed", "balance"):
        assert np.array_equal(getattr(one, table), getattr(other, table)), table


def test_the_reference_page_is_up_to_date() -> None:
    root = Path(__file__).resolve().parents[2]
    page = root / "docs" / "reference" / "policies.md"
    if not page.is_file():
        pytest.fail("run: python -m sim.spec.policies.reference")
    assert page.read_text(encoding="utf-8") == reference_page(), "run: python -m sim.spec.policies.reference"
    readme = (library_root() / "policies" / "README.md").read_text(encoding="utf-8")
    assert readme == with_table(readme), "run: python -m sim.spec.policies.reference"


SHIPPED = [library_root() / f"{name}.yaml" for name in library_names()]
ENGLISH = re.compile(
    r"\b(and|via|press|monthly|notes|tables|encounters|by|of|the|tracker|Department|August)\b"
)


def shipped_policies() -> list[tuple[str, Row, Row]]:
    """File, event (empty outside the events) and policy of everything the library holds."""
    held = [(str(c["event"]["id"]), c["event"], policy) for c in event_files() for policy in c["policies"]]
    for path in SHIPPED:
        rows = file_yaml(path, path.name).get("policies") or ()
        held += [(path.name, Row(), row) for row in rows if isinstance(row, Row)]
    return held


def test_what_policies_say_of_themselves_is_in_spanish_too() -> None:
    """A new event or policy whose effect, size, note or source has no Spanish is named here with its text."""
    said = [(name, str(policy["effect_source"])) for name, _, policy in shipped_policies()]
    said += [(str(c["event"]["id"]), str(c["event"]["documented_effect"])) for c in event_files()]
    said += [(name, str(policy["note"])) for name, _, policy in shipped_policies() if policy.get("note")]
    missing = [f"{name}: {text}" for name, text in said if text not in policy_words()]
    assert not missing, "add to scenarios/policies/words.csv: " + "; ".join(missing)
    sources = [(str(c["event"]["id"]), source) for c in event_files() for source in c["event"]["sources"]]
    missing = [
        f"{name}: {source}"
        for name, source in sources
        if ENGLISH.search(source.partition(": http")[0]) and in_words(source, "es") == source
    ]
    kept = {
        "Witness at the Border",
        "Federal Register",
        "Immigration Policy Tracking Project",
    }  # proper names
    missing = [line for line in missing if not any(name in line for name in kept)]
    assert not missing, "add to scenarios/policies/words.csv: " + "; ".join(missing)


def test_every_policy_has_a_title_in_both_languages() -> None:
    """Figures and pages name a policy by its title, never by its id."""
    for name, event, policy in shipped_policies():
        title = policy.get("title") or event.get("title")
        assert isinstance(title, Row), f"{name}: {policy['id']} has no title"
        assert title["en"], policy["id"]
        assert title["es"] not in {"", title["en"]}, policy["id"]


def test_spanish_says_the_same_numbers() -> None:
    """No figure is lost or invented, and none is left over from a text that has gone."""
    used = {str(policy["effect_source"]) for _, _, policy in shipped_policies()}
    used |= {str(policy["note"]) for _, _, policy in shipped_policies() if policy.get("note")}
    used |= {str(c["event"]["documented_effect"]) for c in event_files()}
    used |= {str(source).partition(": http")[0] for c in event_files() for source in c["event"]["sources"]}
    for english, spanish in policy_words().items():
        assert sorted(re.findall(r"\d+", english)) == sorted(re.findall(r"\d+", spanish)), english
        assert not re.search(r"\d[.]\d", spanish), f"decimals have a comma: {spanish}"
        assert english in used, f"nobody says this any longer: {english}"


def test_a_source_keeps_its_address() -> None:
    source = "IOM and UNHCR: https://reliefweb.int/report"
    assert in_words(source, "es") == "OIM y ACNUR: https://reliefweb.int/report"
    assert in_words(source, "en") == source
    assert in_words("My own words", "es") == "My own words"
