"""The command ``travesia scenarios`` from outside: what it prints, writes and refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sim.cli.main import call
from sim.spec import load_scenario
from sim.spec.template import json_schema
from sim.spec.timeline import text_timeline
from tests.unit.spec_worlds import TWO_ROADS, two_roads


@pytest.fixture
def two_roads_file(tmp_path: Path) -> Path:
    path = tmp_path / "two_roads.yaml"
    path.write_text(TWO_ROADS, encoding="utf-8")
    return path


def test_validate_says_valid_or_tells_every_fault(
    two_roads_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(["scenarios", "validate", str(two_roads_file)]) == 0
    assert "valid - two_roads: places 3" in capsys.readouterr().out
    bad = two_roads_file.with_name("bad.yaml")
    bad.write_text(TWO_ROADS.replace("from: A, to: B", "from: A, to: X").replace("mode: boat", "mode: ship"))
    assert call(["scenarios", "validate", str(two_roads_file), str(bad)]) == 2
    told = capsys.readouterr().err
    assert "there is no place 'X'" in told
    assert "mode is 'ship'" in told


def test_show_prints_the_scenario_and_its_timeline(
    two_roads_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    figure = two_roads_file.with_name("timeline.png")
    assert call(["scenarios", "show", str(two_roads_file), "--lang", "es", "--figure", str(figure)]) == 0
    told = capsys.readouterr().out
    assert '"id": "A-B"' in told
    assert "vigente todo el mes" in told
    assert figure.stat().st_size > 1000


def test_new_writes_a_file_that_is_valid(
    two_roads_file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(two_roads_file.parent)
    for lang in ("en", "es"):
        name = f"mine_{lang}"
        words = ["scenarios", "new", name, "--extends", "two_roads.yaml", "--lang", lang]
        assert call(words) == 0
        assert load_scenario(Path(f"{name}.yaml")).policy("trails_closed").id == "trails_closed"
        assert call(words) == 2
        assert {"en": "it is there already", "es": "ya existe"}[lang] in capsys.readouterr().err
    assert call(["scenarios", "new", "../x", "--extends", "two_roads.yaml"]) == 2
    assert sorted(path.name for path in Path().iterdir()) == [
        "mine_en.yaml",
        "mine_es.yaml",
        "two_roads.yaml",
    ]


def test_schema_is_json_and_names_every_instrument(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["scenarios", "schema"]) == 0
    schema = json.loads(capsys.readouterr().out)
    assert schema == json_schema()
    assert schema["additionalProperties"] is False
    assert {"Closure", "Appointment", "Return"} <= set(schema["$defs"])
    assert "instrument" in schema["$defs"]["Closure"]["required"]
    assert schema["$defs"]["Leg"]["properties"]["from"]["type"] == "string"


def test_list_runs(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["scenarios"]) == 0
    listed = capsys.readouterr().out
    assert call(["scenarios", "list"]) == 0
    assert capsys.readouterr().out == listed


def test_the_timeline_tells_full_partial_and_anticipated_months() -> None:
    content = two_roads()
    content["policies"] = [
        {"id": "a", "instrument": "push", "size": 2, "start": "2023-02-15", "end": "2023-04-30"},
        {
            "id": "b",
            "instrument": "push",
            "size": 2,
            "start": "2023-05-01",
            "anticipation_days": 20,
            "anticipation_size": 2,
        },
    ]
    lines = text_timeline(load_scenario(content))
    assert lines[:4] == ["   2023", "   JFMAMJ", "a   ▒██", "b     ·██"]
