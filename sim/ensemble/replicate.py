"""One replicate: a plan and a number enter, a part ready to be written leaves. This is what workers do."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from sim.engines.tally import STATUSES
from sim.errors import RunError
from sim.results import border_counts, tally_tables
from sim.results.folder import CROSSINGS, part_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from sim.engines.tally import Tally
    from sim.plan import Plan
    from sim.results.folder import Part

    Progress = Callable[[str, float, float], None]
    """Called with (what is being done, done, in all)."""

__all__ = ["Work", "crossings_table", "make_part", "run_replicate", "warm_up"]

_CROSSINGS_COLUMNS = ["replicate", "leg", "period_start", "nationality", "persons"]


@dataclass(frozen=True)
class Work:
    """What all replicates of a run share.

    Parameters
    ----------
    plan : Plan
    engine : str
    seed : int
    threads : int
    """

    plan: Plan
    engine: str
    seed: int
    threads: int = 1


def warm_up(_plan: Plan, engine: str, progress: Progress | None = None) -> float:
    """Load or compile the kernels, and return the seconds it took."""
    if engine == "agents" and engine not in _loaded and progress is not None:
        progress("compile", 0.0, 1.0)
        seconds = _ready(engine, lambda share: progress("compile", share, 1.0))
        progress("compile", 1.0, 1.0)
        return seconds
    return _ready(engine)


def run_replicate(
    plan: Plan,
    engine: str,
    seed: int,
    replicate: int,
    threads: int = 1,
    progress: Progress | None = None,
) -> Tally:
    """Run one replicate with one of the engines.

    Returns
    -------
    Tally
    """
    if engine == "agents":
        from sim.engines.agents import run_agents  # noqa: PLC0415

        def report(done: int, total: int) -> None:
            if progress is not None:
                progress("days", done, total)

        return run_agents(plan, seed=seed, replicate=replicate, threads=threads, progress=report)
    if engine == "expected":
        from sim.engines.expected import run_expected  # noqa: PLC0415

        tally = run_expected(plan, threads=threads)
        tally.replicate = replicate
        return tally
    if engine == "reference":
        from sim.engines.reference import run_reference  # noqa: PLC0415

        return run_reference(plan, seed=seed, replicate=replicate)
    message = f"there is no engine '{engine}'; expected agents, expected or reference"
    raise RunError(message)


def make_part(work: Work, replicate: int, progress: Progress | None = None) -> Part:
    """Run one replicate and encode its tables.

    Parameters
    ----------
    work : Work
    replicate : int
    progress : callable, optional

    Returns
    -------
    Part
    """
    compile_s = _ready(work.engine)
    begin = time.perf_counter()
    tally = run_replicate(work.plan, work.engine, work.seed, replicate, work.threads, progress)
    middle = time.perf_counter()
    tables = tally_tables(work.plan, tally)
    facts = {
        "seed": work.seed,
        "compile_s": compile_s,
        "people": tally.people,
        "events": tally.events,
        "engine_s": tally.timing.get("engine_s", middle - begin),
        "exact": tally.exact,
        "reasons": list(tally.reasons),
        "check": _check(tally),
    }
    del tally
    part = part_of(replicate, {**tables, CROSSINGS: crossings_table(work.plan, tables["flows"])}, facts)
    part.facts["tables_s"] = time.perf_counter() - middle
    return part


_loaded: set[str] = set()


def _ready(engine: str, progress: Callable[[float], None] | None = None) -> float:
    """Load the kernels once in each process; return the seconds it took."""
    if engine in _loaded:
        return 0.0
    begin = time.perf_counter()
    if engine == "agents":
        from sim.engines.agents import load_kernels  # noqa: PLC0415

        load_kernels(progress)
    _loaded.add(engine)
    return time.perf_counter() - begin


def crossings_table(plan: Plan, flows: pa.Table) -> pa.Table:
    """Persons by border, month and nationality of one replicate, as each border's authority counts them.

    Parameters
    ----------
    plan : Plan
    flows : pyarrow.Table

    Returns
    -------
    pyarrow.Table
        replicate, border, month, nationality (with ``ALL``), persons.
    """
    *by, persons = _CROSSINGS_COLUMNS
    added = flows.group_by(by, use_threads=False).aggregate([(persons, "sum")])
    counts = border_counts(added.rename_columns(_CROSSINGS_COLUMNS).to_pandas(), plan.scenario)
    words = {
        name: pa.array(counts[name].astype(str), pa.string()) for name in ("border", "month", "nationality")
    }
    return pa.table(
        {
            "replicate": pa.array(counts["replicate"].to_numpy(np.int32)),
            **words,
            "persons": pa.array(counts["persons"].to_numpy(np.float64)),
        }
    )


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
