"""The real case burundi2015, from FLEE's files over the command line to the figure FLEE is judged by."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sim.cli.main import call
from sim.ensemble import run
from sim.exchange.flee import compare_with_data, import_flee
from sim.results import open_run
from tests.flee_cases import BURUNDI

SETTINGS = BURUNDI / "simsetting.yml"
FLEE_OWN = 0.468


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("burundi") / "case"
    assert call(["import", "flee", str(BURUNDI), "--settings", str(SETTINGS), "--out", str(out)]) == 0
    return out


def test_the_import_lists_what_it_leaves_out(folder: Path) -> None:
    names = {path.name for path in folder.iterdir()}
    assert {"scenario.yaml", "places.csv", "legs.csv", "departures.csv", "observed.csv"} <= names
    left_out = json.loads((folder / "import_report.json").read_text())["left_out"]
    assert any("closures.csv:2" in item for item in left_out)
    assert any("several links on one day" in item for item in left_out)


def test_the_report_of_the_import_is_whole_in_spanish(folder: Path) -> None:
    """Every line but the settings, whose names are FLEE's, and none of it lost; what programs read stays."""
    out = folder.parent / "es"
    words = ["--settings", str(SETTINGS), "--out", str(out), "--lang", "es"]
    assert call(["import", "flee", str(BURUNDI), *words]) == 0
    english, spanish = (
        (one / "import_report.md").read_text(encoding="utf-8").splitlines() for one in (folder, out)
    )
    assert len(english) == len(spanish)
    assert spanish[0] == "# Importación del caso de FLEE burundi2015"
    same = {a for a, b in zip(english, spanish, strict=True) if a and a == b}
    assert same == {line for line in english[english.index("## Settings") + 2 : -1] if "others" not in line}
    assert (folder / "import_report.json").read_text() == (out / "import_report.json").read_text()


def test_at_least_as_near_to_the_data_as_flee(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = folder.parent / "run"
    code = call(["run", str(folder / "scenario.yaml"), "--daily", "--no-figures", "--out", str(target)])
    assert code == 0
    capsys.readouterr()
    assert call(["validate-flee", str(target)]) == 0
    shown = capsys.readouterr().out
    overall = {
        line.rsplit(": ", 1)[0]: float(line.rsplit(": ", 1)[1])
        for line in shown.splitlines()
        if "Averaged" in line
    }
    assert overall["Averaged relative difference, rescaled"] <= FLEE_OWN
    assert overall["Averaged relative difference"] < 0.5237  # FLEE 3.1 on the same tables
    assert "2015-05-02" in shown
    assert "Nyarugusu" in shown
    done = open_run(target)
    again = compare_with_data(done, folder / "observed.csv")
    assert again.rescaled == pytest.approx(overall["Averaged relative difference, rescaled"], abs=5e-5)
    assert len(again.by_day) == 396
    assert set(again.by_camp["place"]) == {"Mahama", "Nduta", "Nyarugusu", "Nakivale", "Lusenda"}


def test_flees_own_reading_of_the_closure(tmp_path: Path) -> None:
    """With Bujumbura shut whole, as FLEE 3.1 does, we are as far off as FLEE 3.1 (0.445 on these tables)."""
    done = run(
        import_flee(BURUNDI, SETTINGS, location_pairs=False).scenario, daily=True, out=tmp_path / "run"
    )
    assert compare_with_data(done).rescaled == pytest.approx(0.445, abs=0.015)


def test_our_own_rules_beside_it(tmp_path: Path) -> None:
    done = run(import_flee(BURUNDI, SETTINGS, rules="travesia").scenario, daily=True, out=tmp_path / "run")
    assert compare_with_data(done).rescaled == pytest.approx(0.472, abs=0.02)
