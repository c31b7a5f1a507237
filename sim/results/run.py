"""A finished run, read back lazily: tables, manifest, checks, scenario, and what can be made from them."""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from sim.errors import DataError, Problem
from sim.results.folder import read_manifest

if TYPE_CHECKING:
    from tempfile import TemporaryDirectory

    from sim.spec import Scenario

__all__ = ["Run", "open_run"]


class Run:
    """A run folder.

    Parameters
    ----------
    path : Path
    holder : TemporaryDirectory, optional
        Keeps a temporary folder alive as long as the run is.
    """

    def __init__(self, path: Path, holder: TemporaryDirectory[str] | None = None) -> None:
        self.path = Path(path)
        self._holder = holder
        self.manifest: dict[str, Any] = read_manifest(self.path)

    def _table(self, name: str) -> pd.DataFrame:
        file = self.path / f"{name}.parquet"
        try:
            return pd.read_parquet(file)
        except (OSError, ValueError) as fault:
            problem = Problem(f"cannot be read ({fault})", str(file), "a table written by travesia run")
            raise DataError("A table of the run is missing or damaged.", [problem]) from None

    @cached_property
    def flows(self) -> pd.DataFrame:
        """Persons who arrived over each leg, by period, nationality, sex and age band."""
        return self._table("flows")

    @cached_property
    def stocks(self) -> pd.DataFrame:
        """Person-days and peak persons by place and status."""
        return self._table("stocks")

    @cached_property
    def outcomes(self) -> pd.DataFrame:
        """Persons by outcome and country, and days of journey."""
        return self._table("outcomes")

    @cached_property
    def departures(self) -> pd.DataFrame:
        """Persons who departed by place and nationality."""
        return self._table("departures")

    @cached_property
    def summary(self) -> pd.DataFrame:
        """Crossings by border, month and nationality with intervals, and observed."""
        return pd.read_csv(self.path / "summary.csv", dtype={"month": str})

    @cached_property
    def checks(self) -> dict[str, Any]:
        """Balance of people by replicate."""
        loaded: dict[str, Any] = json.loads((self.path / "checks.json").read_text())
        return loaded

    @cached_property
    def scenario(self) -> Scenario:
        """The resolved scenario that was run."""
        from sim.spec import load_scenario

        return load_scenario(self.path / "scenario.yaml")

    @property
    def replicates(self) -> int:
        """Number of replicates."""
        return int(self.manifest["replicates"])

    @property
    def plot(self) -> Any:  # noqa: ANN401 - the report room lies above this one and is reached by name
        """Figures of this run: ``run.plot.crossings("darien")``."""
        import importlib

        return importlib.import_module("sim.report").plots_for(self)

    def needs(self, **options: Any) -> Any:  # noqa: ANN401
        """Needs of this run: ``run.needs(country="PAN").to_excel("panama.xlsx")``."""
        import importlib

        return importlib.import_module("sim.needs").estimate(self, **options)

    def __repr__(self) -> str:
        m = self.manifest
        return (
            f"<Run {m['scenario']}: {m['replicates']} replicate(s), {m['people']:,} people each, seed {m['seed']}, "
            f"{m['engine']} engine, in {self.path}>"
        )


def open_run(path: str | Path) -> Run:
    """Open a run folder.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    Run

    Raises
    ------
    DataError
        When it is no complete run folder.
    """
    return Run(Path(path))
