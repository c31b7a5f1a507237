"""A finished run, read back lazily: tables, manifest, checks, scenario, and what can be made from them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import psutil
import pyarrow.parquet as pq

from sim.errors import DataError, Problem, RunError
from sim.results.content import pieces, sums, table_files
from sim.results.folder import read_manifest

if TYPE_CHECKING:
    from sim.spec import Scenario

__all__ = ["Run", "open_run"]

_ROW_BYTES = 56.0
"""Memory of a row of flows or stocks."""
_SHARE = 0.7
"""Share of the free memory that one table may take."""


class Run:
    """A run folder.

    Parameters
    ----------
    path : Path
    holder : object, optional
        Keeps a temporary folder alive as long as the run is.
    """

    def __init__(self, path: Path, holder: object = None) -> None:
        self.path = Path(path)
        self._holder = holder
        self._most: int | None = None
        self.manifest: dict[str, Any] = read_manifest(self.path)

    def first(self, replicates: int) -> Run:
        """The same run with its first replicates only, for figures of runs too large to be held in memory.

        Parameters
        ----------
        replicates : int

        Returns
        -------
        Run
            Its summary is still that of all replicates.
        """
        made = Run(self.path, self._holder)
        made._most = min(replicates, self.replicates)
        made.manifest = {**self.manifest, "replicates": made._most}
        return made

    def pieces(self, name: str, columns: list[str] | None = None) -> Iterator[pd.DataFrame]:
        """Read a table replicate by replicate, in the memory of one.

        Parameters
        ----------
        name : str
            ``flows``, ``stocks``, ``outcomes``, ``departures`` or ``crossings``.
        columns : list of str, optional

        Yields
        ------
        DataFrame
        """
        for number, table in pieces(self.path / f"{name}.parquet", columns):
            if self._most is None or number < self._most:
                yield table.to_pandas()

    def sums(self, name: str, keys: list[str], value: str) -> pd.DataFrame:
        """Add a column of a table up by others, in the memory of one replicate: far smaller than the table.

        Parameters
        ----------
        name : str
            ``flows``, ``stocks``, ``outcomes`` or ``departures``.
        keys : list of str
            Columns to keep; ``replicate`` is always kept.
        value : str
            Column to add up: ``persons``, ``person_days``.

        Returns
        -------
        DataFrame
            ``replicate``, `keys` and `value`.

        Raises
        ------
        DataError
            When the table is missing or damaged.
        """
        file = self.path / f"{name}.parquet"
        with _readable(file):
            return pd.DataFrame(sums(file, keys, value, self._most).to_pandas())

    def table_bytes(self, *names: str) -> float:
        """Memory that tables would take, roughly."""
        files = [f for name in names for f in table_files(self.path / f"{name}.parquet")]
        return float(sum(_ROW_BYTES * pq.read_metadata(f).num_rows for f in files))

    def _table(self, name: str) -> pd.DataFrame:
        file = self.path / f"{name}.parquet"
        with _readable(file):
            rule = None if self._most is None else [("replicate", "<", self._most)]
            if self._most is None:
                self._refuse_if_too_large(name)
            return pd.read_parquet(file, filters=rule)

    def _refuse_if_too_large(self, name: str) -> None:
        needed, free = self.table_bytes(name), float(psutil.virtual_memory().available)
        if needed > _SHARE * free:
            message = (
                f"The table {name} of {self.replicates} replicates would take about {needed / 1e9:.1f} GB of memory and "
                f"{free / 1e9:.1f} GB are free; read it replicate by replicate with run.pieces('{name}'), or take some "
                "with run.first(20)."
            )
            raise RunError(message)

    def _text(self, name: str) -> str:
        file = self.path / name
        try:
            return file.read_text(encoding="utf-8")
        except (OSError, ValueError) as fault:
            problem = Problem(f"cannot be read ({fault})", str(file), "a file written by travesia run")
            message = "A file of the run is missing or damaged."
            raise DataError(message, [problem]) from None

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
        try:
            return pd.read_csv(StringIO(self._text("summary.csv")), dtype={"month": str})
        except ValueError as fault:
            problem = Problem(f"cannot be read ({fault})", str(self.path / "summary.csv"))
            message = "A table of the run is damaged."
            raise DataError(message, [problem]) from None

    @cached_property
    def crossings(self) -> pd.DataFrame:
        """Crossings by replicate, border as its authority counts, month and nationality (with ``ALL``)."""
        return self._table("crossings")

    @cached_property
    def checks(self) -> dict[str, Any]:
        """Balance of people by replicate."""
        try:
            loaded: dict[str, Any] = json.loads(self._text("checks.json"))
        except (ValueError, RecursionError) as fault:
            problem = Problem(f"holds no JSON ({fault})", str(self.path / "checks.json"))
            message = "A file of the run is damaged."
            raise DataError(message, [problem]) from None
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


@contextmanager
def _readable(file: Path) -> Iterator[None]:
    """Turn what a missing or damaged table raises into a message."""
    try:
        yield
    except (OSError, ValueError, IndexError, KeyError) as fault:  # a word's number may point beyond the words
        problem = Problem(f"cannot be read ({fault})", str(file), "a table written by travesia run")
        message = "A table of the run is missing or damaged."
        raise DataError(message, [problem]) from None


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
