"""Run a scenario: replicates here or on workers, a run folder at the end."""

from __future__ import annotations

import errno
import hashlib
import json
import logging
import shutil
import tempfile
import time
import weakref
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from sim.ensemble.estimate import (
    estimate_replicate,
    helpful_workers,
    refuse_what_cannot_fit,
)
from sim.ensemble.facts import data_hashes, departures_fit, git_state, machine, peak_rss_mb, versions
from sim.ensemble.pool import DaskPool, HerePool, Pool, open_pool
from sim.ensemble.replicate import Work, make_part, run_replicate, warm_up
from sim.errors import Problem, RunError
from sim.plan import compile_plan
from sim.results import RunFolder, observed_series, open_run
from sim.results.describe import describe_tables
from sim.results.folder import CROSSINGS, write_aside
from sim.results.provider import no_series
from sim.results.reduce import quantiles
from sim.results.summary import beside_observed
from sim.spec import Scenario, load_scenario

if TYPE_CHECKING:
    from collections.abc import Callable

    from sim.plan import Plan
    from sim.results import Run
    from sim.results.folder import Part

    Engine = Literal["agents", "expected", "reference"]
    Progress = Callable[[str, float, float], None]
    """Called with (what is being done, done, in all)."""

__all__ = ["TemporaryFolder", "run", "run_key", "run_replicate", "warm_up"]

log = logging.getLogger(__name__)

_HOPELESS = 5
"""So many replicates failed and none succeeded: the rest is not tried."""


def run(  # noqa: PLR0913 - the options of the command, by name
    scenario: Scenario | str | Path,
    *,
    replicates: int = 1,
    engine: Engine = "agents",
    seed: int = 1,
    scale: float = 1.0,
    threads: int = 1,
    workers: int | None = None,
    out: str | Path | None = None,
    daily: bool = False,
    resume: bool = False,
    scheduler: str | None = None,
    pool: Pool | None = None,
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
        Threads of each replicate; does not change the result.
    workers : int, optional
        Processes that share the replicates; as many as make the run shorter when left out. Does not change the result.
    out : str or Path, optional
        Run folder; a temporary one that lives as long as the result when left out.
    daily : bool
        Tables by day instead of by month.
    resume : bool
        Continue an unfinished folder.
    scheduler : str, optional
        Address of a Dask scheduler that shares out the replicates.
    pool : Pool, optional
        An open pool to use instead of `workers` and `scheduler`, so that several runs share it.
    progress : callable, optional

    Returns
    -------
    Run

    Raises
    ------
    ScenarioError
        When the scenario cannot be run as written.
    RunError
        When the folder is taken, the run would not fit this machine, people do not add up, or the run was interrupted.
    """
    began = time.perf_counter()
    if replicates < 1:
        message = f"{replicates} replicates; expected 1 or more"
        raise RunError(message, refused=True)
    scenario = scenario if isinstance(scenario, Scenario) else load_scenario(scenario)
    plan = compile_plan(scenario, scale=scale, daily=daily)
    one = estimate_replicate(plan, engine, threads)
    holder = TemporaryFolder() if out is None else None
    path = holder.path / "run" if holder is not None else Path(out or "")
    if workers is None:
        workers = helpful_workers(plan, one, replicates, threads, engine) if pool is None else pool.workers
    workers = max(1, min(workers, replicates))
    elsewhere = scheduler is not None or (pool is not None and not pool.local)
    refuse_what_cannot_fit(plan, one, replicates, 0 if elsewhere else workers, path)
    job = _Job(plan, engine, seed, threads, replicates, workers, scheduler, pool, progress, began)
    _into_folder(job, path, run_key(scenario, engine, seed, scale, daily), resume)
    done = open_run(path)
    done.scenario = scenario  # what was written is not read again
    done._holder = holder  # noqa: SLF001 - the run keeps its temporary folder alive
    return done


class TemporaryFolder:
    """A folder that is removed with the last run that knows it."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="travesia-"))
        self._end = weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)


@dataclass
class _Job:
    """One call of `run`."""

    plan: Plan
    engine: str
    seed: int
    threads: int
    replicates: int
    workers: int
    scheduler: str | None
    pool: Pool | None
    progress: Progress | None
    began: float
    compile_s: float = 0.0

    def report(self, what: str, done: float, total: float) -> None:
        """Tell how far it is."""
        if self.progress is not None:
            self.progress(what, done, total)


def run_key(scenario: Scenario, engine: str, seed: int, scale: float, daily: bool = False) -> str:
    """Hash everything that decides a result."""
    text = json.dumps([scenario.digest, engine, seed, scale, daily, versions()["travesia"]])
    return hashlib.sha256(text.encode()).hexdigest()


def _into_folder(job: _Job, path: Path, key: str, resume: bool) -> None:
    """Fill a run folder; whatever ends the run leaves it absent, partial and marked, or complete."""
    try:
        folder = RunFolder(path, key, job.replicates, resume=resume)
    except OSError as fault:
        raise RunError(_disk_message(fault, path)) from fault
    if folder.finished:
        return
    try:
        _replicates(job, folder)
        _finish(job, folder)
    except KeyboardInterrupt as stop:
        folder.abandon()
        msg = f"Interrupted: {_what_is_kept(folder)}"
        raise RunError(msg) from stop
    except OSError as fault:
        folder.abandon()
        msg = f"{_disk_message(fault, path)} {_what_is_kept(folder)}"
        raise RunError(msg) from fault
    except RunError as fault:
        folder.abandon()
        if folder.done():
            msg = f"{fault.message} {_what_is_kept(folder)}"
            raise RunError(msg, fault.problems) from fault
        raise
    except Exception:
        folder.abandon()
        raise


def _what_is_kept(folder: RunFolder) -> str:
    whole = len(folder.done())
    if not folder.path.exists():
        return "nothing was kept; begin again."
    return f"{whole} of {folder.replicates} replicates are whole in {folder.path}; continue with the same command and --resume."


def _disk_message(fault: OSError, path: Path) -> str:
    if fault.errno in {errno.ENOSPC, errno.EDQUOT}:
        return f"The disk that holds {path} is full; free some space."
    return f"The system refused to write to {path}: {fault.strerror or fault}."


def _replicates(job: _Job, folder: RunFolder) -> None:
    """Make every replicate that is not whole in the folder."""
    missing = folder.missing()
    if not missing:
        return
    if job.pool is not None:
        if job.pool.local:  # compile once, before several workers would each
            job.compile_s = warm_up(job.plan, job.engine, job.progress)
        _through(job, folder, job.pool, missing)
        return
    many = job.scheduler is not None or (job.workers > 1 and len(missing) > 1)
    if many:
        if job.scheduler is None:  # compile once, before several workers would each
            job.compile_s = warm_up(job.plan, job.engine, job.progress)
        job.report("workers", 0.0, 1.0)
    with open_pool(job.workers if many else 1, job.scheduler) as pool:
        if many:
            job.report("workers", 1.0, 1.0)
        _through(job, folder, pool, missing)


def _through(job: _Job, folder: RunFolder, pool: Pool, missing: list[int]) -> None:
    """Share the missing replicates out and write each as it comes."""
    shared = Work(job.plan, job.engine, job.seed, job.threads)
    whole = job.replicates - len(missing)
    if isinstance(pool, HerePool):
        job.compile_s = warm_up(job.plan, job.engine, job.progress)
        work: Callable[[Work, int], Part] = partial(_here, job, folder)
    else:
        work = make_part
    job.report("replicates" if isinstance(pool, DaskPool) else "days", whole, job.replicates)
    failed: list[Problem] = []
    for done in pool.each(work, shared, missing):
        if done.value is None:
            if job.replicates == 1 and done.fault is not None:
                raise done.fault
            failed.append(_failure(job, done.item, done.failure, done.tries))
            if len(failed) >= _HOPELESS and not folder.done():
                break
            continue
        folder.add(done.value)
        whole += 1
        if isinstance(pool, DaskPool):
            job.report("replicates", whole, job.replicates)
    if not failed:
        return
    if job.replicates == 1:
        raise RunError(failed[0].what)
    message = f"{len(failed)} of {job.replicates} replicates failed by themselves."
    raise RunError(message, failed)


def _here(job: _Job, folder: RunFolder, work: Work, replicate: int) -> Part:
    before = len(folder.done())

    def report(what: str, done: float, total: float) -> None:
        job.report(what, before + done / total, job.replicates)

    return make_part(work, replicate, report)


def _failure(job: _Job, replicate: int, text: str, tries: int) -> Problem:
    where = f"replicate {replicate} (seed {job.seed}, scale {job.plan.scale:g}, {job.engine} engine)"
    if job.replicates == 1:
        return Problem(text, where)
    return Problem(text, where, hint=f"tried {tries} times" if tries > 1 else "")


def _finish(job: _Job, folder: RunFolder) -> None:
    """Join the parts, describe them, and make the folder valid."""
    begin = time.perf_counter()
    job.report("tables", 0.0, 1.0)
    folder.join()
    plan = job.plan
    scenario = plan.scenario
    write_aside(folder.path / "scenario.yaml", scenario.to_yaml().encode())
    facts = folder.facts()
    checks = {
        "rule": "departed = on the route + every outcome, on every day, to the person",
        "conserved": all(f["check"]["conserved_every_day"] for f in facts),
        "replicates": [f["check"] for f in facts],
    }
    write_aside(folder.path / "checks.json", json.dumps(checks, indent=1).encode())
    reduced = quantiles(folder.path / f"{CROSSINGS}.parquet", job.replicates)
    observed = observed_series() if scenario.world.borders else no_series()
    summary = beside_observed(reduced, scenario, observed)
    write_aside(folder.path / "summary.csv", summary.round(3).to_csv(index=False).encode())
    described = describe_tables(folder.path, scenario.name)
    write_aside(folder.path / "datapackage.json", json.dumps(described, indent=1).encode())
    now = time.perf_counter()
    timing = {
        "compile_s": round(max([job.compile_s, *(f["compile_s"] for f in facts)]), 3),
        "engine_s": round(sum(f["engine_s"] for f in facts), 3),
        "tables_s": round(sum(f["tables_s"] for f in facts) + now - begin, 3),
        "total_s": round(now - job.began, 3),
    }
    folder.complete(_manifest(job, folder, facts, timing))
    job.report("tables", 1.0, 1.0)


def _manifest(
    job: _Job, folder: RunFolder, facts: list[dict[str, Any]], timing: dict[str, float]
) -> dict[str, Any]:
    plan = job.plan
    scenario = plan.scenario
    return {
        "scenario": scenario.name,
        "title": scenario.title.model_dump()
        if hasattr(scenario.title, "model_dump")
        else str(scenario.title),
        "engine": job.engine,
        "exact": all(f["exact"] for f in facts),
        "reasons": facts[0]["reasons"],
        "seed": job.seed,
        "replicates": job.replicates,
        "threads": job.threads,
        "workers": job.workers,
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
        "departures_fit": departures_fit(),
        "versions": versions(),
        "git": git_state(),
        "machine": machine(),
        "key": folder.key,
        "complete": list(folder.done()),
        "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "note": "A scenario, not a prediction. Intervals are over replicates (chance in people's journeys).",
    }
