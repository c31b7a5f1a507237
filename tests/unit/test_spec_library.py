"""The policy library against the shipped world: every file parses and names only what there is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sim.spec import load_scenario
from sim.spec.explain import build
from sim.spec.library import library_root, policy_file, policy_names, policy_paths
from sim.spec.policies import INSTRUMENTS
from sim.spec.reading import Row
from sim.spec.tables import table_rows, world_folder


def departures() -> list[dict[str, Any]]:
    """One row for every group, channel and place that the world's departures may come from."""
    folder = world_folder("americas")
    assert folder is not None
    days = {"start": "2019-01-01", "end": "2026-12-31", "per_day": 1}
    rows = table_rows(folder / "departure_places.csv")
    return [{**days, **{key: row[key] for key in ("place", "group", "channel")}} for row in rows]


def test_every_policy_of_the_library_is_well_formed() -> None:
    problems: list[Any] = []
    for path, modified in policy_paths():
        content = policy_file(path, modified)
        assert isinstance(content.get("event"), Row), f"{path.name} has no event"
        for row in content.get("policies") or ():
            assert row.get("instrument") in INSTRUMENTS, f"{path.name}: {row.get('instrument')}"
            values = Row({"id": "x", **row}, row.file, row.line, row.lines)
            build(INSTRUMENTS[row["instrument"]], values, f"policies[{row.get('id')}]", problems)
    assert problems == []


def test_ids_of_events_and_policies_are_used_once() -> None:
    names = policy_names()
    assert len(names) == len(set(names)), sorted({name for name in names if names.count(name) > 1})


def test_the_library_names_only_places_legs_and_groups_of_the_shipped_world() -> None:
    events = [
        str(content["event"]["id"])
        for path, modified in policy_paths()
        if (content := policy_file(path, modified)).get("policies")
    ]
    window = {"start": "2019-01-01", "end": "2026-12-31"}
    scenario = {
        "name": "all",
        "world": "americas",
        "window": window,
        "departures": departures(),
        "policies": events,
    }
    assert len(load_scenario(scenario).policies) >= len(events)


def test_the_library_lies_where_the_package_is() -> None:
    assert (library_root() / "world" / "americas" / "places.csv").is_file()
    assert Path(library_root()).name == "scenarios"


def test_the_baseline_survives_being_written_and_read(tmp_path: Path) -> None:
    baseline = load_scenario("history/baseline")
    copy = tmp_path / "scenario.yaml"
    copy.write_text(baseline.to_yaml(), encoding="utf-8")
    assert load_scenario(copy) == baseline
    assert load_scenario(copy).hash() == baseline.hash()
