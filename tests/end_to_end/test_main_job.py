"""The main job on real input: the corridor from 2021 to mid-2024, from the command to the run folder."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sim import load_scenario, open_run, run
from sim.cli.main import call
from sim.ensemble.compare import compare
from sim.results import Run

SCALE = 0.01
"""Share of the people simulated here; what is tested does not depend on it."""

FILES = {
    "flows.parquet",
    "stocks.parquet",
    "outcomes.parquet",
    "departures.parquet",
    "summary.csv",
    "scenario.yaml",
    "manifest.json",
    "checks.json",
    "datapackage.json",
}
MANIFEST = {
    "engine",
    "exact",
    "seed",
    "threads",
    "people",
    "events",
    "versions",
    "data_hashes",
    "timing",
    "peak_rss_mb",
    "result_hash",
}


@pytest.fixture(scope="module")
def baseline(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The baseline, run once by the command."""
    target = tmp_path_factory.mktemp("runs") / "baseline"
    assert call(["run", "history/baseline", "--scale", str(SCALE), "--out", str(target)]) == 0
    return open_run(target)


def test_run_folder_is_complete(baseline: Run) -> None:
    present = {p.name for p in baseline.path.iterdir()}
    assert present >= FILES
    assert (baseline.path / "plots" / "crossings.png").stat().st_size > 20_000
    assert (baseline.path / "plots" / "map.png").stat().st_size > 20_000
    assert baseline.manifest.keys() >= MANIFEST
    assert baseline.manifest["timing"].keys() >= {"compile_s", "engine_s", "tables_s", "total_s"}


def test_everyone_is_accounted_for_on_every_day(baseline: Run) -> None:
    checks = json.loads((baseline.path / "checks.json").read_text())
    assert checks["conserved"] is True
    for replicate in checks["replicates"]:
        assert replicate["largest_difference_on_any_day"] == 0
        assert replicate["departed"] == replicate["on_route"] + replicate["ended"]


def test_outcomes_add_up_to_everyone_who_departed(baseline: Run) -> None:
    departed = baseline.checks["replicates"][0]["departed"] / SCALE
    assert baseline.outcomes["persons"].sum() == pytest.approx(departed, rel=1e-9)
    assert set(baseline.outcomes["outcome"]) >= {
        "arrived",
        "removed",
        "returned",
        "died_or_missing",
        "on_route",
    }


def test_no_person_lives_before_the_window(baseline: Run) -> None:
    assert baseline.flows["period_start"].min() == pd.Timestamp("2021-01-01")
    assert baseline.flows["period_start"].max() == pd.Timestamp("2024-06-01")


def test_needs_have_low_middle_and_high(baseline: Run) -> None:
    table = pd.read_csv(baseline.path / "needs.csv")
    assert {"country", "month", "indicator", "low", "middle", "high", "unit", "source"} <= set(table.columns)
    rows = table[["low", "middle", "high"]].dropna()
    assert len(rows) > 100
    assert (rows["low"] <= rows["middle"]).all()
    assert (rows["middle"] <= rows["high"]).all()


@pytest.mark.parametrize("threads", [1, 2])
def test_same_seed_same_tables(baseline: Run, threads: int) -> None:
    again = run(load_scenario("history/baseline"), scale=SCALE, threads=threads)
    assert again.manifest["result_hash"] == baseline.manifest["result_hash"]


def test_another_seed_differs(baseline: Run) -> None:
    other = run(load_scenario("history/baseline"), scale=SCALE, seed=2)
    assert other.manifest["result_hash"] != baseline.manifest["result_hash"]


def test_october_2022_rule_is_what_makes_venezuelans_drop() -> None:
    done = compare(
        "history/baseline", "what_if/no_october_2022_rule", replicates=2, scale=0.02, persons=False
    )
    drops = []
    for one in (done.base, done.others[0]):
        table = one.summary[(one.summary["border"] == "darien") & (one.summary["nationality"] == "VEN")]
        median = table.set_index("month")["median"]
        drops.append(median["2022-11"] / median["2022-09"])
    assert drops[0] < 0.15  # observed: 668 after 38,399
    assert drops[1] > 0.5
    paired = done.differences.query(
        "border == 'darien' and nationality == 'VEN' and period == '2022-11'"
    ).iloc[0]
    assert paired["lo90"] > 10_000


@pytest.mark.slow
def test_darien_by_nationality_and_year_within_five_per_cent() -> None:
    """Against SNM Panama, nationalities with at least 1,000 people in the year, at full size (about a minute)."""
    done = run(load_scenario("history/baseline"), scale=1.0, threads=2)
    table = done.summary[(done.summary["border"] == "darien") & done.summary["observed"].notna()]
    table = table.assign(year=table["month"].str[:4])
    years = table.groupby(["nationality", "year"])[["median", "observed"]].sum()
    years = years[years["observed"] >= 1000]
    error = years["median"] / years["observed"] - 1.0
    assert np.abs(error).max() <= 0.05, error[np.abs(error) > 0.05].to_string()


def test_example_of_the_design_runs(tmp_path: Path) -> None:
    text = """
name: two_roads
window: {start: 2023-01-01, end: 2023-06-30}
world:
  places:
    - {id: A, country: COL, role: origin, stay: {kind: geometric, mean_days: 4}}
    - {id: B, country: PAN, role: transit, stay: {kind: fixed, days: 3}}
    - {id: C, country: CRI, role: destination}
  legs:
    - {id: A-B, from: A, to: B, mode: bus, days: {kind: fixed, days: 1}, weight: 3}
    - {id: A-C, from: A, to: C, mode: boat, days: {kind: fixed, days: 2}, weight: 1, capacity_per_day: 50}
    - {id: B-C, from: B, to: C, mode: bus, days: {kind: fixed, days: 1}}
departures:
  - {place: A, group: VEN, per_day: 100, start: 2023-01-01, end: 2023-03-31}
policies:
  - {id: shut, instrument: closure, legs: [A-B], start: 2023-02-01, end: 2023-02-14}
"""
    file = tmp_path / "two_roads.yaml"
    file.write_text(text)
    target = tmp_path / "out"
    assert call(["run", str(file), "--daily", "--out", str(target)]) == 0
    done = open_run(target)
    by_day = done.flows[done.flows["leg"] == "A-C"].groupby("period_start", observed=True)["persons"].sum()
    assert by_day.max() <= 50
    shut = done.flows[
        (done.flows["leg"] == "A-B") & done.flows["period_start"].between("2023-02-02", "2023-02-15")
    ]
    assert shut["persons"].sum() == 0
    assert done.outcomes["persons"].sum() == 9000


def test_bad_input_leaves_nothing_behind(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text("name: bad\nwindow: {start: 2023-02-01, end: 2023-01-01}\nplaces: []\n")
    target = tmp_path / "out"
    assert call(["run", str(file), "--out", str(target)]) == 2
    assert not target.exists()
    message = capsys.readouterr().err
    assert "bad.yaml" in message
    assert "places" in message
