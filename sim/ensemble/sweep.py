"""A scenario and points in parameter space enter, crossings of every point and replicate leave."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pandas as pd

from sim.ensemble.pool import Pool, open_pool
from sim.ensemble.replicate import crossings_table, run_replicate
from sim.errors import Problem, RunError, ScenarioError
from sim.plan import compile_plan
from sim.results import tally_tables
from sim.spec import Scenario, load_scenario

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

    from sim.plan import Plan

__all__ = ["sweep", "with_parameters"]


def with_parameters(scenario: Scenario, values: Mapping[str, float]) -> Scenario:
    """Copy a scenario with other values of some parameters.

    Parameters
    ----------
    scenario : Scenario
    values : mapping of str to float

    Returns
    -------
    Scenario

    Raises
    ------
    ScenarioError
        When the scenario has no such parameter.
    """
    unknown = [name for name in values if name not in scenario.parameters]
    if unknown:
        message = "The parameters were refused."
        known = ", ".join(sorted(scenario.parameters))
        raise ScenarioError(
            message, [Problem(f"there is no parameter '{n}'", "", f"one of {known}") for n in unknown]
        )
    parameters = type(scenario.parameters)({**scenario.parameters, **values})
    content = {name: getattr(scenario, name) for name in type(scenario).model_fields} | {
        "parameters": parameters
    }
    return type(scenario).model_construct(**content)


@dataclass
class _Sweep:
    """What all points share; a worker compiles each point once."""

    scenario: Scenario
    points: tuple[dict[str, float], ...]
    engine: str
    seed: int
    scale: float
    last: tuple[int, Plan] | None = field(default=None, repr=False)

    def plan(self, point: int) -> Plan:
        """The plan of a point."""
        if self.last is None or self.last[0] != point:
            self.last = (
                point,
                compile_plan(with_parameters(self.scenario, self.points[point]), scale=self.scale),
            )
        return self.last[1]


def _crossings(shared: _Sweep, item: tuple[int, int]) -> pa.Table:
    point, replicate = item
    plan = shared.plan(point)
    tally = run_replicate(plan, shared.engine, shared.seed, replicate)
    return crossings_table(plan, tally_tables(plan, tally)["flows"])


def sweep(  # noqa: PLR0913 - the options of `run`, by name
    scenario: Scenario | str | Path,
    points: Sequence[Mapping[str, float]],
    *,
    replicates: int = 1,
    engine: str = "agents",
    seed: int = 1,
    scale: float = 1.0,
    workers: int = 1,
    scheduler: str | None = None,
    pool: Pool | None = None,
    progress: Callable[[str, float, float], None] | None = None,
) -> pd.DataFrame:
    """Run a scenario at many points of its parameters, all with the same luck.

    Parameters
    ----------
    scenario : Scenario, str or Path
    points : sequence of mapping
        Values of parameters at each point; those not named keep the scenario's.
    replicates, engine, seed, scale, workers, scheduler, pool
        As in :func:`sim.ensemble.run`.
    progress : callable, optional

    Returns
    -------
    DataFrame
        point, replicate, border, month, nationality (with ``ALL``), persons.

    Raises
    ------
    RunError
        When a point failed.
    """
    loaded = scenario if isinstance(scenario, Scenario) else load_scenario(scenario)
    for point in points:
        with_parameters(loaded, point)
    shared = _Sweep(loaded, tuple(dict(p) for p in points), engine, seed, scale)
    items = [(point, replicate) for point in range(len(points)) for replicate in range(replicates)]
    tables, failed = [], []
    used = pool or open_pool(min(workers, len(items)), scheduler)
    try:
        for done in used.each(_crossings, shared, items):
            if done.value is None:
                failed.append(
                    Problem(
                        done.failure,
                        f"point {done.item[0]} ({points[done.item[0]]}), replicate {done.item[1]}",
                    )
                )
                continue
            tables.append(done.value.to_pandas().assign(point=done.item[0]))
            if progress is not None:
                progress("replicates", len(tables), len(items))
    finally:
        if pool is None:
            used.close()
    if failed:
        message = f"{len(failed)} of {len(items)} runs failed."
        raise RunError(message, failed)
    columns = ["point", "replicate", "border", "month", "nationality", "persons"]
    made = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=columns)
    return made[columns].sort_values(columns[:5], ignore_index=True)
