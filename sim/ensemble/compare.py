"""Two or more scenarios with the same luck: what differs, by how much, for whom, and through which policy."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from sim.engines.tally import OUTCOMES
from sim.ensemble.differences import difference_table
from sim.ensemble.simulate import TemporaryFolder, run
from sim.errors import Problem, RunError, ScenarioError
from sim.plan import compile_plan
from sim.results.folder import write_aside
from sim.spec import Scenario, load_scenario

if TYPE_CHECKING:
    from collections.abc import Callable

    from sim.results import Run

__all__ = ["Comparison", "changed_people", "compare", "difference_table", "explain"]


@dataclass(frozen=True)
class Comparison:
    """Scenarios run with the same seeds.

    Parameters
    ----------
    base : Run
    others : tuple of Run
    differences : DataFrame
        One row a difference with its interval, by border and by country; see :func:`difference_table`.
    people : DataFrame
        Persons by what changed for them (outcome, country, days, route), by nationality, in the first replicate.
    """

    base: Run
    others: tuple[Run, ...]
    differences: pd.DataFrame
    people: pd.DataFrame

    @property
    def plot(self) -> Any:  # noqa: ANN401 - the report room lies above this one and is reached by name
        """Figures: ``comparison.plot.differences()``."""
        return _Figures(self)

    def __repr__(self) -> str:
        names = ", ".join(str(o.manifest["scenario"]) for o in self.others)
        return f"<Comparison {self.base.manifest['scenario']} against {names}: {self.base.replicates} paired replicate(s)>"


class _Figures:
    def __init__(self, comparison: Comparison) -> None:
        self._comparison = comparison

    def differences(self, lang: str = "en") -> Any:  # noqa: ANN401
        """Draw the differences of the first other scenario."""
        import importlib

        return importlib.import_module("sim.report").differences(
            self._comparison.base, self._comparison.others[0], lang
        )


def compare(
    base: Scenario | str | Path,
    *others: Scenario | str | Path,
    replicates: int = 10,
    seed: int = 1,
    scale: float = 1.0,
    threads: int = 1,
    engine: str = "agents",
    workers: int | None = None,
    out: str | Path | None = None,
    daily: bool = False,
    resume: bool = False,
    scheduler: str | None = None,
    persons: bool = True,
    progress: Callable[[str, float, float], None] | None = None,
) -> Comparison:
    """Run scenarios with the same seeds and set their differences in a table.

    The same person has the same luck at the same place in each scenario, so that most of what chance does cancels out.

    Parameters
    ----------
    base : Scenario, str or Path
    *others : Scenario, str or Path
    replicates, seed, scale, threads, engine, workers, daily, resume, scheduler
        As in :func:`sim.ensemble.run`.
    out : str or Path, optional
        Folder for the run folders and ``differences.parquet``; temporary when left out.
    persons : bool
        Also count person by person who changed route, outcome or duration (first replicate, agents engine).
    progress : callable, optional

    Returns
    -------
    Comparison

    Raises
    ------
    ScenarioError
        When there is nothing to compare with, or two scenarios have one name.
    """
    loaded = [s if isinstance(s, Scenario) else load_scenario(s) for s in (base, *others)]
    names = [s.name for s in loaded]
    if len(loaded) < 2 or len(set(names)) < len(names):
        problem = Problem(
            f"{len(loaded)} scenario(s): {', '.join(names)}",
            "",
            "a base and at least one other, each named once",
        )
        raise ScenarioError("The comparison was refused.", [problem])
    holder = TemporaryFolder() if out is None else None
    folder = holder.path if holder is not None else Path(out or "")
    options: dict[str, Any] = {"replicates": replicates, "seed": seed, "scale": scale, "threads": threads}
    options |= {
        "engine": engine,
        "workers": workers,
        "daily": daily,
        "resume": resume,
        "scheduler": scheduler,
    }
    runs = [
        run(scenario, out=folder / scenario.name.replace("/", "-"), progress=progress, **options)
        for scenario in loaded
    ]
    for one in runs:
        one._holder = holder  # noqa: SLF001 - the folder lives as long as any run of it
    table = pd.concat([difference_table(runs[0], other) for other in runs[1:]], ignore_index=True)
    changed = pd.DataFrame()
    if persons and engine == "agents":
        parts = [changed_people(loaded[0], other, seed=seed, scale=scale) for other in loaded[1:]]
        changed = pd.concat(parts, ignore_index=True)
    table.to_parquet(folder / "differences.parquet", index=False)
    if len(changed):
        changed.to_parquet(folder / "people_changed.parquet", index=False)
    facts = {"base": names[0], "others": names[1:], "replicates": replicates, "seed": seed, "scale": scale}
    write_aside(folder / "comparison.json", json.dumps(facts, indent=1).encode())
    return Comparison(runs[0], tuple(runs[1:]), table, changed)


def changed_people(base: Scenario, other: Scenario, *, seed: int = 1, scale: float = 1.0) -> pd.DataFrame:
    """Count person by person what changed between two scenarios in the first replicate.

    Returns
    -------
    DataFrame
        other, nationality, change (``outcome``, ``country``, ``days``, ``route``, ``nothing``, ``only_base``, ``only_other``),
        persons at full size. People still on the route count as such.
    """
    from sim.engines.agents import run_agents

    frames = []
    for scenario in (base, other):
        plan = compile_plan(scenario, scale=scale)
        trace = run_agents(plan, seed=seed, trace=True).trace
        if trace is None:
            raise RunError("the engine kept no trace of people")
        ended = trace[:, 3]
        per_group = plan.n_tally // len(plan.groups)
        group = ((trace[:, 2] >> np.uint64(16)) & np.uint64(0xFFFF)).astype(int) // per_group
        outcome = (ended & np.uint64(0xFF)).astype(int) - 1
        day = ((ended >> np.uint64(32)) & np.uint64(0xFFFFFFF)).astype(int)
        place = ((ended >> np.uint64(8)) & np.uint64(0xFFFFFF)).astype(int)
        frames.append(
            pd.DataFrame(
                {
                    "unit": trace[:, 0],
                    "position": (ended >> np.uint64(60)).astype(int),
                    "nationality": np.array(plan.groups)[group],
                    "outcome": np.array(OUTCOMES)[outcome],
                    "country": np.array(plan.place_country)[place],
                    "days": day - (trace[:, 2] >> np.uint64(48)).astype(int),
                    "route": trace[:, 1],
                }
            )
        )
    both = frames[0].merge(
        frames[1], on=["unit", "position"], how="outer", suffixes=("", "_other"), indicator=True
    )
    change = np.select(
        [
            both["_merge"] == "left_only",
            both["_merge"] == "right_only",
            both["outcome"] != both["outcome_other"],
            both["country"] != both["country_other"],
            both["route"] != both["route_other"],
            both["days"] != both["days_other"],
        ],
        ["ended_only_in_base", "ended_only_in_other", "outcome", "country", "route", "days"],
        "nothing",
    )
    both["nationality"] = both["nationality"].fillna(both["nationality_other"])
    counts = (
        both.assign(change=change).groupby(["nationality", "change"]).size().rename("persons").reset_index()
    )
    counts["persons"] = counts["persons"] / scale
    counts.insert(0, "other", other.name)
    return counts


def explain(
    base: Scenario, other: Scenario, border: str, month: str, *, seed: int = 1, scale: float = 0.1
) -> pd.DataFrame:
    """Trace a difference at a border and month back to policies and legs; the parts add up to the whole.

    Policies that differ are changed one at a time, from `base` to `other`, in order of their start, with the same luck; each
    step's difference over each counted leg is its part.

    Returns
    -------
    DataFrame
        step, policy, change (``taken away``, ``added``, ``changed``), leg, persons (as counted at the border).

    Raises
    ------
    ScenarioError
        When the border is unknown or the scenarios differ in more than policies and departures.
    """
    legs = {
        b.leg: base.parameters.get(b.detection_parameter, 1.0) for b in base.world.borders if b.id == border
    }
    if not legs:
        known = ", ".join(sorted({b.id for b in base.world.borders}))
        raise ScenarioError(
            "Nothing to explain.", [Problem(f"there is no border '{border}'", "--explain", f"one of {known}")]
        )
    old, new = {p.id: p for p in base.policies}, {p.id: p for p in other.policies}
    differ = sorted(
        (i for i in {*old, *new} if old.get(i) != new.get(i)),
        key=lambda i: (str((old.get(i) or new[i]).start), i),
    )

    current = dict(old)
    before = _leg_counts(base, border, legs, month, seed, scale)
    rows: list[dict[str, Any]] = []
    for step, name in enumerate(differ, 1):
        change = "added" if name not in old else "taken away" if name not in new else "changed"
        if name in new:
            current[name] = new[name]
        else:
            current.pop(name)
        after = _leg_counts(
            base.model_copy(update={"policies": tuple(current.values())}), border, legs, month, seed, scale
        )
        rows += [
            {
                "step": step,
                "policy": name,
                "change": change,
                "leg": leg,
                "persons": after.get(leg, 0.0) - before.get(leg, 0.0),
            }
            for leg in legs
        ]
        before = after
    rest = _leg_counts(other, border, legs, month, seed, scale)
    rows += [
        {
            "step": len(differ) + 1,
            "policy": "",
            "change": "all else",
            "leg": leg,
            "persons": rest.get(leg, 0.0) - before.get(leg, 0.0),
        }
        for leg in legs
        if rest.get(leg, 0.0) != before.get(leg, 0.0)
    ]
    return pd.DataFrame(rows, columns=["step", "policy", "change", "leg", "persons"])


def _leg_counts(
    scenario: Scenario, border: str, legs: dict[str, float], month: str, seed: int, scale: float
) -> dict[str, float]:
    """Persons over each counted leg in a month, as the border's authority counts them."""
    from sim.engines.agents import run_agents

    plan = compile_plan(scenario, scale=scale)
    flows = run_agents(plan, seed=seed).flows
    if month not in plan.months:
        problem = Problem(
            f"month {month} is not in the run", "--explain", f"{plan.months[0]} to {plan.months[-1]}"
        )
        raise ScenarioError("Nothing to explain.", [problem])
    period = plan.months.index(month)
    share = {e.group: e.share for e in scenario.world.border_exclusions if e.border == border}
    counted = np.repeat([share.get(g, 1.0) for g in plan.groups], plan.n_tally // len(plan.groups))
    return {
        x.id: float(flows[period, i] @ counted) * legs[x.id] / scale
        for i, x in enumerate(plan.legs)
        if x.id in legs
    }
