"""Scenario files: the example parses, everything round-trips, extending and overriding do what they say."""

from __future__ import annotations

import pickle
from datetime import date
from pathlib import Path
from typing import Any

import networkx as nx
import pytest

from sim.errors import Problem, ScenarioError
from sim.messages import problem_told
from sim.spec import load_scenario, load_with_notes
from sim.spec.policies import Closure
from tests.unit.spec_worlds import TWO_ROADS, two_roads

LIBRARY = {
    "history/base.yaml": TWO_ROADS.replace(
        "name: two_roads", "name: base\ntitle: {en: Base, es: Base llana}"
    ),
    "what_if/open.yaml": "name: open\nextends: history/base\ntitle: {en: Open, es: Abierto}\n"
    "drop_policies: [shut]\n",
    "policies/storm.yaml": """\
event: {id: STORM, title: {en: Storm, es: Tormenta}, start: 2023-03-01, sources: [a newspaper]}
policies:
  - {id: storm-roads, instrument: hazard, legs: [B-C], start: 2023-03-01, end: 2023-03-10, days_factor: 2}
  - {id: storm-later, instrument: hazard, legs: [B-C], start: 2024-03-01, size: 2}
""",
}


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A library with two scenarios and one event."""
    for name, text in LIBRARY.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    monkeypatch.setattr("sim.spec.library.library_root", lambda: tmp_path)
    return tmp_path


@pytest.fixture
def two_roads_file(tmp_path: Path) -> Path:
    path = tmp_path / "two_roads.yaml"
    path.write_text(TWO_ROADS, encoding="utf-8")
    return path


def test_the_example_of_the_design_parses(two_roads_file: Path) -> None:
    scenario = load_scenario(two_roads_file)
    assert [place.id for place in scenario.world.places] == ["A", "B", "C"]
    assert scenario.world.leg("A-C").capacity_per_day == 50
    assert scenario.world.leg("A-B").from_ == "A"
    assert [group.id for group in scenario.world.groups] == ["VEN"]
    assert scenario.window.end == date(2023, 6, 30)
    assert scenario.departures[0].key == "A/VEN/"
    assert scenario.departures[0].total == 9000
    assert isinstance(scenario.policies[0], Closure)
    assert scenario.behaviour.model_dump() == {
        "means": False,
        "information": False,
        "hazards": True,
        "settling": False,
        "repeat_attempts": False,
        "turning_back": False,
    }
    assert scenario.parameters == {}
    assert scenario.sources["policies.shut"] == "two_roads.yaml:15"
    assert repr(scenario).startswith("Scenario(two_roads: 2023-01-01 to 2023-06-30, 3 places, 3 legs")


def test_a_mapping_a_path_and_a_text_of_it_say_the_same(two_roads_file: Path) -> None:
    content = two_roads()
    content["world"]["legs"][1]["capacity_per_day"] = 50
    assert load_scenario(content) == load_scenario(two_roads_file) == load_scenario(str(two_roads_file))


def test_scenarios_are_frozen_hashable_and_travel_between_processes() -> None:
    scenario = load_scenario(two_roads())
    again = pickle.loads(pickle.dumps(scenario))  # noqa: S301 - our own bytes
    assert again == scenario
    assert hash(again) == hash(scenario)
    assert {scenario: 1}[again] == 1
    with pytest.raises(ValueError, match="frozen"):
        setattr(scenario, "name", "other")  # noqa: B010 - what a type checker would refuse
    with pytest.raises(TypeError, match="frozen"):
        scenario.parameters["x"] = 1.0


def test_yaml_round_trip_is_equal(tmp_path: Path) -> None:
    content = two_roads()
    content["units"] = {"alone": {"share": 0.5}, "family": {"share": 0.5, "sizes": {2: 0.75, 4: 0.25}}}
    content["title"] = {"en": 'A "quoted": title', "es": "Título\nde dos líneas\u2028y más"}
    content["behaviour"] = {"hazards": False}
    content["world"]["home_places"] = {"VEN": "A"}
    content["world"]["parameters"] = [{"id": "hazard_scale", "default": 1.5}]
    scenario = load_scenario(content)
    path = tmp_path / "copy.yaml"
    path.write_text(scenario.to_yaml(), encoding="utf-8")
    assert load_scenario(path) == scenario
    assert load_scenario(path).hash() == scenario.hash()
    plain = tmp_path / "plain.yaml"  # without its heading the general parser reads it
    plain.write_text(scenario.to_yaml().split("\n", 1)[1], encoding="utf-8")
    assert load_scenario(plain) == scenario
    assert load_scenario(scenario.to_dict()) == scenario


def test_other_content_hashes_differently() -> None:
    content = two_roads()
    content["policies"][0]["size"] = 0.5
    assert load_scenario(content).hash() != load_scenario(two_roads()).hash()
    assert load_scenario(content) != load_scenario(two_roads())


def test_the_graph_carries_places_and_parallel_legs() -> None:
    content = two_roads()
    content["world"]["legs"].append({**content["world"]["legs"][0], "id": "A-B-2", "mode": "foot"})
    graph = load_scenario(content).world.graph()
    assert graph.number_of_edges("A", "B") == 2
    assert graph.edges["A", "B", "A-B-2"]["leg"].mode == "foot"
    assert nx.has_path(graph, "A", "C")


def test_extends_inherits_and_takes_away(library: Path) -> None:
    scenario = load_scenario("what_if/open")
    assert scenario.name == "open"
    assert scenario.title.es == "Abierto"
    assert scenario.policies == ()
    assert scenario.departures == load_scenario("history/base").departures


def test_set_overrides_by_id(library: Path) -> None:
    scenario = load_scenario(
        {
            "name": "changed",
            "extends": "history/base",
            "set": {
                "legs": {"A-B": {"cost_usd": 12}},
                "places": {"B": {"stay": {"kind": "fixed", "days": 5}}},
                "policies": {"shut": {"size": 0.5}},
                "parameters": {"hazard_scale": 2},
            },
            "behaviour": {"means": True},
        }
    )
    assert scenario.world.leg("A-B").cost_usd == 12
    assert scenario.world.leg("A-B").weight == 3
    stay = scenario.world.place("B").stay
    assert stay is not None
    assert stay.mean == 5
    assert scenario.policy("shut").model_dump()["size"] == 0.5
    assert scenario.parameters["hazard_scale"] == 2
    assert scenario.behaviour.means
    assert scenario.behaviour.hazards


def test_a_shorter_window_clips_what_is_inherited(library: Path) -> None:
    content = {
        "name": "late",
        "extends": "history/base",
        "window": {"start": "2023-03-01", "end": "2023-05-31"},
    }
    scenario, notes = load_with_notes(content)
    assert (scenario.departures[0].start, scenario.departures[0].end) == (date(2023, 3, 1), date(2023, 3, 31))
    assert scenario.policies == ()  # shut lies before the window
    assert any("'shut' touches nothing" in note.what for note in notes)


def test_an_event_stands_for_all_of_its_policies(library: Path) -> None:
    scenario, notes = load_with_notes({"name": "wet", "extends": "history/base", "policies": ["STORM"]})
    storm = scenario.policy("storm-roads")
    assert (storm.event, storm.title.es, storm.sources) == ("STORM", "Tormenta", ("a newspaper",))
    assert [policy.id for policy in scenario.policies] == ["shut", "storm-roads"]
    assert any("storm-later" in note.what for note in notes)


def test_a_policy_of_the_library_stands_for_itself(library: Path) -> None:
    scenario = load_scenario({"name": "wet", "extends": "history/base", "policies": ["storm-roads"]})
    assert len(scenario.policies) == 2
    gone = {"name": "dry", "extends": "history/base", "policies": ["STORM"], "drop_policies": ["shut"]}
    assert [policy.id for policy in load_scenario(gone).policies] == ["storm-roads"]


def test_a_policy_outside_the_window_listed_alone_is_refused(library: Path) -> None:
    with pytest.raises(ScenarioError, match="storm-later' touches nothing: it is in force on no day"):
        load_scenario({"name": "wet", "extends": "history/base", "policies": ["storm-later"]})


def test_a_file_extends_its_neighbour_but_nothing_outside(tmp_path: Path, two_roads_file: Path) -> None:
    near = tmp_path / "near.yaml"
    near.write_text("extends: two_roads.yaml\ndrop_policies: [shut]\n")
    assert load_scenario(near).name == "near"
    below = tmp_path / "below"
    below.mkdir()
    far = below / "far.yaml"
    far.write_text("extends: ../two_roads.yaml\n")
    with pytest.raises(ScenarioError, match=r"far.yaml:1:extends: '../two_roads.yaml' leaves the folder"):
        load_scenario(far)


def test_a_circle_of_extends_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("extends: b.yaml\n")
    (tmp_path / "b.yaml").write_text("extends: a.yaml\n")
    with pytest.raises(ScenarioError, match="chain of 'extends' is too long"):
        load_scenario(tmp_path / "a.yaml")


def world_folder(folder: Path) -> None:
    """The smallest world of tables."""
    folder.mkdir()
    tables = {
        "places": "id,country,role,stay_kind,stay_days,services,note\n"
        "A,COL,origin,fixed,2,food;water,n\nB,PAN,destination,,,,\n",
        "legs": "id,from,to,mode,days_kind,days_low,days_mode,days_high,irregular\n"
        "A--B--foot,A,B,foot,triangular,1,2,4,1\n",
        "groups": "id,name_en,name_es\nVEN,Venezuela,Venezuela\n",
        "parameters": "id,unit,default\nhazard_scale,factor,1.5\n",
        "home_places": "group,place\nVEN,A\n",
        "departures": "month,group,place,persons,channel\n"
        "2023-01,VEN,A,310,x\n2023-02,VEN,A,280,x\n2023-03,VEN,A,31,x\n",
    }
    for name, text in tables.items():
        (folder / f"{name}.csv").write_text(text)


def test_a_world_of_tables(tmp_path: Path) -> None:
    world_folder(tmp_path / "small")
    path = tmp_path / "s.yaml"
    path.write_text("world: small\nwindow: {start: 2023-01-22, end: 2023-02-28}\nspin_up_start: 2023-01-15\n")
    scenario = load_scenario(path)
    assert scenario.world.name == "small"
    assert scenario.world.leg("A--B--foot").irregular
    assert scenario.world.leg("A--B--foot").days.mean == pytest.approx(7 / 3)
    assert scenario.world.place("A").services == ("food", "water")
    assert scenario.world.home_places == {"VEN": "A"}
    assert scenario.parameters == {"hazard_scale": 1.5}
    assert all(scenario.behaviour.model_dump().values())
    january, february = scenario.departures
    assert (january.start, january.end, january.key) == (date(2023, 1, 15), date(2023, 1, 31), "A/VEN/x")
    assert january.persons == pytest.approx(170)
    assert (february.end, february.persons) == (date(2023, 2, 28), 280)
    copy = tmp_path / "copy.yaml"
    copy.write_text(scenario.to_yaml())
    assert load_scenario(copy) == scenario


def test_the_shipped_world_loads_and_round_trips(tmp_path: Path) -> None:
    departures = [
        {"place": "caracas", "group": "VEN", "per_day": 1, "start": "2023-01-01", "end": "2023-01-31"}
    ]
    window = {"start": "2023-01-01", "end": "2023-06-30"}
    scenario = load_scenario({"name": "x", "world": "americas", "window": window, "departures": departures})
    assert len(scenario.world.places) >= 100
    assert len(scenario.world.legs) >= 300
    assert len(scenario.world.groups) >= 15
    assert all(scenario.behaviour.model_dump().values())
    path = tmp_path / "copy.yaml"
    path.write_text(scenario.to_yaml(), encoding="utf-8")
    assert load_scenario(path) == scenario


def test_an_inline_world_may_bring_its_own_groups() -> None:
    content: dict[str, Any] = two_roads()
    content["world"]["groups"] = [{"id": "XYZ", "means_median_usd": 100}]
    content["departures"][0]["group"] = "XYZ"
    groups = load_scenario(content).world.groups
    assert [group.id for group in groups] == ["XYZ"]
    assert groups[0].means_median_usd == 100


def test_the_library_is_listed_by_title(library: Path) -> None:
    from sim.spec import library_entries

    assert [(entry.name, entry.title.es) for entry in library_entries()] == [
        ("history/base", "Base llana"),
        ("what_if/open", "Abierto"),
    ]


@pytest.mark.parametrize(
    ("given", "field", "switch"),
    [
        ({"instrument": "regularisation", "places": ["B"], "size": 0.5, "settle_size": 2}, "settle_size", "settling"),
        ({"instrument": "assistance", "places": ["B"], "income_usd_per_day": 5}, "income_usd_per_day", "means"),
        ({"instrument": "penalty", "legs": ["A-B"], "cost_usd": 50}, "cost_usd", "means"),
        ({"instrument": "transport", "legs": ["A-B"], "cost_factor": 0.5}, "cost_factor", "means"),
    ],
)  # fmt: skip
def test_a_part_of_a_policy_that_does_nothing_is_said(given: dict[str, Any], field: str, switch: str) -> None:
    content = two_roads()
    content.update(policies=[{"id": "rule", "start": "2023-02-01", **given}])
    notes = [str(note) for note in load_with_notes(content)[1]]
    (note,) = [note for note in notes if "switched off" in note]
    assert f"policies[rule].{field}" in note
    assert f"the behaviour '{switch}' is switched off" in note
    content.update(behaviour={switch: True})
    assert not [note for note in load_with_notes(content)[1] if "switched off" in str(note)]


def test_a_small_world_has_the_behaviours_that_its_policies_name() -> None:
    content = two_roads()
    assert not load_scenario(content).behaviour.turning_back
    rule = {"id": "rule", "instrument": "return", "places": ["B"], "size": 0.5, "start": "2023-02-01"}
    content.update(policies=[rule])
    assert load_scenario(content).behaviour.turning_back
    content.update(behaviour={"turning_back": False})
    scenario, notes = load_with_notes(content)
    assert not scenario.behaviour.turning_back
    assert any("'turning_back' is switched off" in str(note) for note in notes)


@pytest.mark.parametrize("given", [{"places": ["B"]}, {"countries": ["PAN"]}])
def test_support_for_return_where_nobody_can_turn_back_is_said(given: dict[str, Any]) -> None:
    content = two_roads()
    rule = {"id": "rule", "instrument": "return", "size": 0.5, "start": "2023-02-01", **given}
    content.update(policies=[rule])

    def told_of(rule: dict[str, Any]) -> list[Problem]:
        content.update(policies=[rule])
        return [note for note in load_with_notes(content)[1] if "nobody can turn back" in note.what]

    (note,) = told_of(rule)
    (where,) = given
    assert f"policies[rule].{where}: nobody can turn back at" in str(note)
    assert problem_told(note, "es").startswith(f"policies[rule].{where}: nadie puede regresar desde")
    way: dict[str, Any] = {
        "id": "B-A",
        "from": "B",
        "to": "A",
        "direction": "return",
        "days": {"kind": "fixed", "days": 1},
    }
    content["world"]["legs"].append(way)
    way["closed_by_default"] = True  # on which people are only sent
    assert told_of(rule)
    way["closed_by_default"] = False
    assert not told_of(rule)
    way["direction"] = "southward"
    assert not told_of(rule)
    (note,) = told_of({**rule, "places": ["B", "C"]})  # people have arrived at C
    assert "at C, so" in note.what
    content.update(behaviour={"turning_back": False})
    assert not told_of(rule)  # said of the behaviour, once


def test_people_of_a_small_world_are_removed_to_their_country_or_to_where_they_set_out_from() -> None:
    content = two_roads()
    rule = {"id": "rule", "instrument": "removal", "places": ["B"], "size": 0.5, "start": "2023-02-01"}
    assert not load_scenario(content).world.home_places
    content.update(policies=[rule])
    assert load_scenario(content).world.home_places["VEN"] == "A"
    content["world"]["places"].append({"id": "H", "country": "VEN", "role": "destination"})
    content["world"]["legs"].append(
        {"id": "B-H", "from": "B", "to": "H", "days": {"kind": "fixed", "days": 1}}
    )
    assert load_scenario(content).world.home_places["VEN"] == "H"


@pytest.mark.parametrize("order", [1, -1])
def test_the_home_of_a_group_does_not_hang_on_the_order_of_tables(order: int) -> None:
    """Of several places of a country an origin, and of these the first by name; without one, where the first set out."""
    content = two_roads()
    rule = {"id": "rule", "instrument": "removal", "places": ["B"], "size": 0.5, "start": "2023-02-01"}
    later = {**content["departures"][0], "place": "B", "start": "2023-02-01", "id": "later"}
    content.update(policies=[rule], departures=[*content["departures"], later][::order])
    assert load_scenario(content).world.home_places["VEN"] == "A"
    more = [("G", "destination"), ("K", "origin"), ("H", "origin")]
    content["world"]["places"] += [
        {"id": name, "country": "VEN", "role": role} for name, role in more[::order]
    ]
    content["world"]["legs"] += [
        {"id": f"{one}-{other}", "from": one, "to": other, "days": {"kind": "fixed", "days": 1}}
        for name, _ in more
        for one, other in (("B", name), (name, "C"))
        if (one, name) != ("G", "G")  # nobody leaves a destination
    ]
    assert load_scenario(content).world.home_places["VEN"] == "H"


def test_a_file_without_its_ending_and_a_folder_of_tables_are_pointed_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "two_roads.yaml").write_text(TWO_ROADS, encoding="utf-8")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "scenario.yaml").write_text(TWO_ROADS, encoding="utf-8")
    with pytest.raises(ScenarioError, match="did you mean 'two_roads.yaml'"):
        load_scenario("two_roads")
    with pytest.raises(ScenarioError, match=r"did you mean 'mine.scenario.yaml'"):
        load_scenario("mine")
