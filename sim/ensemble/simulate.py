"""Run a scenario: replicates one after another, a run folder at the end."""

from __future__ import annotations

import hashlib
import json
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from sim.engines.tally import STATUSES
from sim.ensemble.facts import data_hashes, git_state, machine, peak_rss_mb, versions
from sim.errors import RunError
from sim.plan import compile_plan
from sim.results import RunFolder, observed_series, open_run, summarise, tally_tables
from sim.results.describe import describe_tables
from sim.results.folder import write_aside
from sim.spec import Scenario, load_scenario

if TYPE_CHECKING:
    from collections.abc import Callable

    from sim.engines.tally import Tally
    from sim.plan import Plan
    from sim.results import Run

    Engine = Literal["agents", "expected", "reference"]
    Progress = Callable[[str, float, float], None]
    """Called with (what is being done, done, in all)."""

__all__ = ["run", "run_key", "run_replicate", "warm_up"]


def run(
    scenario: Scenario | str | Path,
    *,
    replicates: int = 1,
    engine: Engine = "agents",
    seed: int = 1,
    scale: float = 1.0,
    threads: int = 1,
    out: str | Path | None = None,
    daily: bool = False,
    resume: bool = False,
    scheduler: str | None = None,
    progress: Progress | None = None,
) -> Run:
    """Run a scenario and write its run folder.

    Parameters
    ----------
    scenario : Scenario, str or Path
        A scenario, a name of the library, or a YAML file.
    replicates : int
        Draws of the same scenario; replicate r of two scenarios has the same luck.
    engine : {"agents", "expected", "reference"}
    seed : int
    scale : float
        Share of the people simulated (capacities alike); tables are at full size.
    threads : int
        Does not change the result.
    out : str or Path, optional
        Run folder; a temporary one that lives as long as the result when left out.
    daily : bool
        Tables by day instead of by month.
    resume : bool
        Continue an unfinished folder.
    scheduler : str, optional
        Address of a Dask scheduler that shares out the replicates.
    progress : callable, optional

    Returns
    -------
    Run

    Raises
    ------
    ScenarioError
        When the scenario cannot be run as written.
    RunError
        When the folder is taken, or people do not add up.
    """
    began = time.perf_counter()
    if replicates < 1:
        raise RunError(f"{replicates} replicates; expected 1 or more")
    scenario = scenario if isinstance(scenario, Scenario) else load_scenario(scenario)
    plan = compile_plan(scenario, scale=scale, daily=daily)
    holder = tempfile.TemporaryDirectory(prefix="travesia-") if out is None else None
    path = Path(holder.name) / "run" if holder is not None else Path(out or "")
    key = run_key(scenario, engine, seed, scale, daily)
    folder = RunFolder(path, key, replicates, resume=resume)
    try:
        compile_s = warm_up(plan, engine, progress)
        for replicate in range(replicates):
            if replicate in folder.done():
                continue
            _one(folder, plan, engine, seed, replicate, threads, progress, replicates)
        _finish(folder, plan, engine, seed, replicates, threads, compile_s, began)
    except BaseException:
        folder.abandon()
        raise
    done = open_run(path)
    done._holder = holder  # noqa: SLF001 - the run keeps its temporary folder alive
    return done


def run_key(scenario: Scenario, engine: str, seed: int, scale: float, daily: bool = False) -> str:
    """Hash everything that decides a result."""
    text = json.dumps([scenario.digest, engine, seed, scale, daily, versions()["travesia"]])
    return hashlib.sha256(text.encode()).hexdigest()


def warm_up(plan: Plan, engine: str, progress: Progress | None = None) -> float:
    """Load or compile the kernels, and return the seconds it took."""
    begin = time.perf_counter()
    if engine == "agents":
        if progress is not None:
            progress("compile", 0.0, 1.0)
        from sim.engines.agents import load_kernels

        load_kernels()
        if progress is not None:
            progress("compile", 1.0, 1.0)
    return time.perf_counter() - begin


def run_replicate(
    plan: Plan, engine: str, seed: int, replicate: int, threads: int = 1, progress: Progress | None = None
) -> Tally:
    """Run one replicate with one of the engines.

    Returns
    -------
    Tally
    """
    if engine == "agents":
        from sim.engines.agents import run_agents

        def report(done: int, total: int) -> None:
            if progress is not None:
                progress("days", done, total)

        return run_agents(plan, seed=seed, replicate=replicate, threads=threads, progress=report)
    if engine == "expected":
        from sim.engines.expected import run_expected

        return run_expected(plan)
    if engine == "reference":
        from sim.engines.reference import run_reference

        return run_reference(plan, seed=seed, replicate=replicate)
    raise RunError(f"there is no engine '{engine}'; expected agents, expected or reference")


def _one(
    folder: RunFolder,
    plan: Plan,
    engine: str,
    seed: int,
    replicate: int,
    threads: int,
    progress: Progress | None,
    replicates: int,
) -> None:
    def report(what: str, done: float, total: float) -> None:
        if progress is not None:
            progress(what, replicate + done / total, replicates)

    begin = time.perf_counter()
    tally = run_replicate(plan, engine, seed, replicate, threads, report)
    middle = time.perf_counter()
    tables = tally_tables(plan, tally)
    facts = {
        "replicate": replicate,
        "people": tally.people,
        "events": tally.events,
        "engine_s": tally.timing.get("engine_s", middle - begin),
        "exact": tally.exact,
        "reasons": list(tally.reasons),
        "check": _check(tally),
    }
    folder.add(replicate, tables, {**facts, "tables_s": time.perf_counter() - middle})


def _check(tally: Tally) -> dict[str, Any]:
    """Balance of people: departed = on the route + every outcome, on every day."""
    departed = np.cumsum(tally.balance[:, 0])
    difference = departed - tally.balance[:, 1] - tally.balance[:, 2]
    by_status = tally.on_route.sum(axis=(1, 2))
    tolerance = 0.0 if tally.engine != "expected" else 1e-6 * max(1.0, float(departed[-1]))
    return {
        "replicate": tally.replicate,
        "days": len(departed),
        "departed": _plain(departed[-1]),
        "on_route": _plain(tally.balance[-1, 1]),
        "on_route_by_status": {s: _plain(n) for s, n in zip(STATUSES, by_status, strict=False)},
        "ended": _plain(tally.balance[-1, 2]),
        "largest_difference_on_any_day": _plain(np.abs(difference).max()),
        "conserved_every_day": bool(np.all(np.abs(difference) <= tolerance)),
    }


def _plain(value: Any) -> int | float:  # noqa: ANN401
    number = float(value)
    return int(number) if number.is_integer() else number


def _finish(
    folder: RunFolder, plan: Plan, engine: str, seed: int, replicates: int, threads: int, compile_s: float, began: float
) -> None:
    begin = time.perf_counter()
    folder.join()
    scenario = plan.scenario
    write_aside(folder.path / "scenario.yaml", scenario.to_yaml().encode())
    facts = folder.facts()
    checks = {
        "rule": "departed = on the route + every outcome, on every day, to the person",
        "conserved": all(f["check"]["conserved_every_day"] for f in facts),
        "replicates": [f["check"] for f in facts],
    }
    write_aside(folder.path / "checks.json", json.dumps(checks, indent=1).encode())
    import pyarrow.parquet as pq

    needed = ["replicate", "leg", "period_start", "nationality", "persons"]
    flows = pq.read_table(folder.path / "flows.parquet", columns=needed).to_pandas()
    summary = summarise(flows, scenario, replicates, observed_series())
    write_aside(folder.path / "summary.csv", summary.round(3).to_csv(index=False).encode())
    write_aside(folder.path / "datapackage.json", json.dumps(describe_tables(folder.path, scenario.name), indent=1).encode())
    now = time.perf_counter()
    timing = {
        "compile_s": round(compile_s, 3),
        "engine_s": round(sum(f["engine_s"] for f in facts), 3),
        "tables_s": round(sum(f["tables_s"] for f in facts) + now - begin, 3),
        "total_s": round(now - began, 3),
    }
    folder.complete(
        {
            "scenario": scenario.name,
            "title": scenario.title.model_dump() if hasattr(scenario.title, "model_dump") else str(scenario.title),
            "engine": engine,
            "exact": all(f["exact"] for f in facts),
            "reasons": facts[0]["reasons"],
            "seed": seed,
            "replicates": replicates,
            "threads": threads,
            "scale": plan.scale,
            "window": {"start": str(scenario.window.start), "end": str(scenario.window.end)},
            "first_day": str(plan.first_day),
            "people": int(np.median([f["people"] for f in facts])),
            "events": int(np.median([f["events"] for f in facts])),
            "timing": timing,
            "peak_rss_mb": peak_rss_mb(),
            "result_hash": folder.result_hash(),
            "scenario_hash": scenario.digest,
            "data_hashes": data_hashes(),
            "versions": versions(),
            "git": git_state(),
            "machine": machine(),
            "key": folder.key,
            "complete": list(folder.done()),
            "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "note": "A scenario, not a prediction. Intervals are over replicates (chance in people's journeys).",
        }
    )
