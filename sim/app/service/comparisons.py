"""A comparison's folder enters; its two runs, differences and what explains them leave."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pandas as pd

from sim.app.service.policies import policy_name
from sim.app.text import LANGUAGES
from sim.errors import DataError, Problem
from sim.results import Run, open_run

if TYPE_CHECKING:
    from pathlib import Path

    from sim.app.service.runs import Runs

__all__ = ["Pair", "open_pair"]

_EXPLAIN_SCALE = 0.05
"""An explanation runs the route once for each policy that differs."""


@dataclass(frozen=True)
class Pair:
    """Two runs with the same luck.

    Parameters
    ----------
    path : Path
    base, other : Run
    """

    path: Path
    base: Run
    other: Run

    @cached_property
    def by_month(self) -> pd.DataFrame:
        """Difference of everybody by border and month, with intervals."""
        return pd.read_parquet(self.path / "by_month.parquet")

    @cached_property
    def differences(self) -> pd.DataFrame:
        """Differences as `travesia compare` writes them."""
        return pd.read_parquet(self.path / "differences.parquet")

    @cached_property
    def people(self) -> pd.DataFrame:
        """Persons by what changed for them."""
        file = self.path / "people_changed.parquet"
        return pd.read_parquet(file) if file.is_file() else pd.DataFrame()

    @property
    def months(self) -> list[str]:
        """Months of the comparison."""
        return sorted({f"{m:%Y-%m}" for m in pd.to_datetime(self.by_month["month"].dropna())})

    def widest(self, border: str) -> str:
        """The month with the largest difference at a border."""
        part = self.by_month[(self.by_month["border"] == border) & self.by_month["month"].notna()]
        if part.empty:
            return self.months[0] if self.months else ""
        return f"{part['month'].iloc[int(part['median'].abs().to_numpy().argmax())]:%Y-%m}"

    def explain_payload(self, border: str, month: str) -> dict[str, Any]:
        """What the worker needs to trace a difference back to policies."""
        facts = self.base.manifest
        titles = {
            policy.id: {
                lang: f"{policy_name(policy, run.scenario, lang)} ({policy.id})" for lang in LANGUAGES
            }
            for run in (self.base, self.other)
            for policy in run.scenario.policies
        }
        files = [
            json.loads((run.path / "scenario_file.json").read_text(encoding="utf-8"))
            for run in (self.base, self.other)
        ]
        return {
            "base": files[0],
            "other": files[1],
            "border": border,
            "month": month,
            "seed": facts["seed"],
            "scale": min(float(facts["scale"]), _EXPLAIN_SCALE),
            "titles": titles,
        }


def open_pair(runs: Runs, name: str) -> Pair:
    """Open a comparison of the folder of runs.

    Raises
    ------
    DataError
        When there is none of that name.
    """
    path = runs.path(name)
    try:
        facts = json.loads((path / "comparison.json").read_text(encoding="utf-8"))
        folders = [str(facts["base"]).replace("/", "-"), str(facts["others"][0]).replace("/", "-")]
    except (OSError, ValueError, KeyError, IndexError, TypeError) as fault:
        problem = Problem(
            f"no readable comparison.json ({fault})", name, "a folder written by travesia compare"
        )
        message = "This is not a comparison."
        raise DataError(message, [problem]) from None
    return Pair(path, *(open_run(runs.path(f"{name}/{folder}")) for folder in folders))
