"""Ensembles: sweeps, pools, estimates, facts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sim.cli import self_test
from sim.ensemble import estimate, open_pool, run, sweep
from sim.ensemble.pool import HerePool
from sim.ensemble.sweep import with_parameters
from sim.errors import RunError, ScenarioError
from sim.plan import compile_plan
from sim.spec import load_scenario
from tests.regression.update_baseline import SENT_BACK, TWO_ROADS


def bordered() -> dict[str, Any]:
    world: dict[str, Any] = json.loads(json.dumps(SENT_BACK))
    world["world"]["borders"] = [{"id": "north", "leg": "M-X", "count_kind": "encounters"}]
    world["world"]["legs"].append(
        {**world["world"]["legs"][0], "id": "A-M2", "mode": "boat", "cost_usd": 500}
    )
    world["parameters"] = {"beta_days": -0.01}
    world["world"]["legs"][0]["days"] = {"kind": "fixed", "days": 20}
    return world


def test_sweep_of_one_point_is_the_run() -> None:
    world = bordered()
    done = run(world, replicates=2, seed=4, scale=0.1, workers=1)  # type: ignore[arg-type]
    swept = sweep(load_scenario(world), [{}, {"beta_days": -2.0}], replicates=2, seed=4, scale=0.1)
    same = swept[swept["point"] == 0].drop(columns="point").reset_index(drop=True)
    expected = done.crossings.sort_values(["replicate", "border", "month", "nationality"], ignore_index=True)
    assert same.astype(str).equals(expected[same.columns].astype(str))
    other = swept[swept["point"] == 1].drop(columns="point").reset_index(drop=True)
    assert not other.equals(same)


def test_sweep_refuses_unknown_parameters() -> None:
    with pytest.raises(ScenarioError, match="there is no parameter 'beta_luck'"):
        sweep(load_scenario(bordered()), [{"beta_luck": 1.0}])


def test_a_copy_with_other_parameters_is_another_scenario() -> None:
    scenario = load_scenario(bordered())
    known = scenario.digest
    other = with_parameters(scenario, {"beta_days": -2.0})
    assert other.parameters["beta_days"] == -2.0
    assert other.digest != known
    assert with_parameters(scenario, {}).digest == known


def test_one_run_stays_in_this_process() -> None:
    with open_pool(1) as pool:
        assert isinstance(pool, HerePool)
    plan = compile_plan(load_scenario(TWO_ROADS))
    one = estimate.estimate_replicate(plan)
    assert estimate.helpful_workers(plan, one, 1, 1, "agents") == 1
    assert estimate.helpful_workers(plan, one, 20, 1, "agents") == 1


def test_many_long_replicates_are_worth_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(estimate, "usable_cores", lambda: 8)
    monkeypatch.setattr(estimate, "available_memory", lambda: 64e9)
    plan = compile_plan(load_scenario(TWO_ROADS))
    one = estimate.Estimate(1e8, 1e8, 1e8, 1e6, seconds=10.0)
    assert estimate.helpful_workers(plan, one, 100, 1, "agents") == 8
    assert estimate.helpful_workers(plan, one, 100, 2, "agents") == 4
    assert estimate.helpful_workers(plan, one, 5, 1, "agents") == 5
    assert estimate.helpful_workers(plan, one, 100, 1, "expected") == 1
    monkeypatch.setattr(estimate, "available_memory", lambda: 2e9)
    assert estimate.helpful_workers(plan, one, 100, 1, "agents") < 4


def test_estimate_grows_with_people_and_threads() -> None:
    scenario = load_scenario(TWO_ROADS)
    small = estimate.estimate_replicate(compile_plan(scenario, scale=0.1))
    large = estimate.estimate_replicate(compile_plan(scenario, scale=50.0))
    assert small.people_bytes < large.people_bytes
    assert small.memory <= large.memory
    assert estimate.estimate_replicate(compile_plan(scenario), threads=4).engine_bytes > small.engine_bytes
    doubled = estimate.estimate_replicate(compile_plan(scenario, scale=1.0), share=2.0)
    assert doubled.people_bytes == pytest.approx(large.people_bytes / 25, rel=0.05)


def test_disk_estimate_is_near_what_is_written(tmp_path: Path) -> None:
    scenario = load_scenario("history/baseline")
    plan = compile_plan(scenario, scale=0.002)
    done = run(scenario, scale=0.002, workers=1, out=tmp_path / "run")
    written = sum(f.stat().st_size for f in done.path.glob("*.parquet"))
    assert 0.5 < estimate.estimate_replicate(plan).disk_bytes / written < 2.0


def test_manifest_says_how_the_run_was_made(tmp_path: Path) -> None:
    m = run(TWO_ROADS, replicates=2, seed=3, out=tmp_path / "run").manifest  # type: ignore[arg-type]
    assert (m["engine"], m["exact"], m["seed"], m["threads"], m["replicates"]) == ("agents", True, 3, 1, 2)
    assert m["people"] == 9000
    assert m["events"] > m["people"]
    assert {"compile_s", "engine_s", "tables_s", "total_s"} <= set(m["timing"])
    assert m["peak_rss_mb"] > 50
    assert len(m["result_hash"]) == 64
    assert {"travesia", "python", "numpy"} <= set(m["versions"])
    assert m["data_hashes"]


@pytest.mark.parametrize("engine", ["expected", "reference"])
def test_other_engines_write_the_same_kind_of_folder(engine: Any, tmp_path: Path) -> None:
    done = run(TWO_ROADS, engine=engine, scale=0.1, replicates=2, out=tmp_path / "run")  # type: ignore[arg-type]
    assert done.checks["conserved"]
    assert sorted(done.outcomes["replicate"].unique()) == [0, 1]


def test_refusals_of_options() -> None:
    with pytest.raises(RunError, match="0 replicates"):
        run(TWO_ROADS, replicates=0)  # type: ignore[arg-type]
    with pytest.raises(RunError, match="there is no engine"):
        run(TWO_ROADS, engine="magic")  # type: ignore[arg-type]


def test_self_test_knows_its_answer() -> None:
    found = list(self_test.findings())
    assert [f.state for f in found] in (["ok"], ["warning"])


def test_self_test_sees_a_wrong_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(self_test.KNOWN, "arrived", 90_999)
    assert [f.state for f in self_test.findings()] == ["fault"]
