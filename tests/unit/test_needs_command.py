"""``travesia needs``: files, languages, refusals."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from openpyxl import load_workbook
from typer.testing import CliRunner

import sim.results
from sim.cli.needs_command import app
from sim.errors import DataError
from tests.needs_fixture import synthetic_run


@pytest.fixture(autouse=True)
def _run(monkeypatch: pytest.MonkeyPatch) -> None:
    run = synthetic_run(months=2, replicates=1, persons=900.0)
    monkeypatch.setattr(sim.results, "open_run", lambda path: run)


def test_without_out_every_product_stands_in_the_run_folder(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, [str(tmp_path), "--lang", "es"])
    assert result.exit_code == 0, result.output
    names = {p.name for p in (tmp_path / "needs").iterdir()}
    assert {
        "needs.csv",
        "needs.parquet",
        "needs.xlsx",
        "datapackage.json",
        "coordination.csv",
        "overview.csv",
    } <= names
    csv = pd.read_csv(tmp_path / "needs" / "needs.csv", keep_default_na=False, low_memory=False)
    parquet = pd.read_parquet(tmp_path / "needs" / "needs.parquet")
    assert list(csv.columns) == list(parquet.columns)
    assert len(csv) == len(parquet)
    assert "Panamá" in set(csv["location_name"])
    sheets = load_workbook(tmp_path / "needs" / "needs.xlsx", read_only=True).sheetnames
    countries = [name for name in sheets if name in set(csv["location_name"])]
    assert countries == sorted(countries)
    assert "Panamá" in countries


def test_one_file_in_each_format(tmp_path: Path) -> None:
    for ending in ("xlsx", "csv", "parquet"):
        out = tmp_path / f"panama.{ending}"
        result = CliRunner().invoke(
            app, [str(tmp_path), "--out", str(out), "--country", "PAN", "--funding", "2025"]
        )
        assert result.exit_code == 0, result.output
        assert out.is_file()
    assert "Panama" in load_workbook(tmp_path / "panama.xlsx").sheetnames
    frame = pd.read_parquet(tmp_path / "panama.parquet")
    assert set(frame["location_code"].astype(str)) == {"PAN", "REG"}
    assert set(frame["funding"].astype(str)) == {"", "as_2025"}


def test_hxl_adds_a_row_of_tags(tmp_path: Path) -> None:
    out = tmp_path / "n.csv"
    assert CliRunner().invoke(app, [str(tmp_path), "--out", str(out), "--hxl"]).exit_code == 0
    header, tags = out.read_text(encoding="utf-8").splitlines()[:2]
    assert header.startswith("location_code,")
    assert all(tag.startswith("#") for tag in tags.split(","))
    assert len(tags.split(",")) == len(header.split(","))


def test_an_unknown_ending_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, [str(tmp_path), "--out", str(tmp_path / "n.pdf")])
    assert isinstance(result.exception, DataError)
    assert ".xlsx" in str(result.exception)
    assert not (tmp_path / "needs").exists()


def test_standards_and_arrangement_reach_the_product(tmp_path: Path) -> None:
    own = tmp_path / "own.csv"
    own.write_text("id,middle,source\nwater_per_person_day,30,local\n")
    plain, other = tmp_path / "a.csv", tmp_path / "b.csv"
    CliRunner().invoke(app, [str(tmp_path), "--out", str(plain)])
    CliRunner().invoke(
        app,
        [str(tmp_path), "--out", str(other), "--standards", str(own), "--arrangement", "single_structure"],
    )
    frames = [pd.read_csv(p, keep_default_na=False, low_memory=False) for p in (plain, other)]
    water = []
    for frame in frames:
        keep = (
            (frame["resource"] == "water") & (frame["basis"] == "total") & (frame["location_code"] == "PAN")
        )
        keep &= (frame["period"] == "year") & (frame["category"] == "all")
        water.append(float(frame[keep]["middle"].iloc[0]))
    assert water[1] == pytest.approx(2 * water[0], rel=0.01)
    assert set(frames[1].loc[frames[1]["location_code"] == "PAN", "coverage_flag"]) == {"covered"}
