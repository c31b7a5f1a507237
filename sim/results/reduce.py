"""Crossings of many replicates enter, their quantiles leave, in memory that does not grow with the replicates."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from sim.results.content import pieces
from sim.results.summary import with_intervals

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["MOST_BYTES", "all_nationalities", "nationality_counts", "quantiles"]

MOST_BYTES = 96_000_000
"""Memory for the values of one block of cells."""
_CELL = ["border", "month", "nationality"]


def quantiles(crossings: Path, replicates: int, most_bytes: int = MOST_BYTES) -> pd.DataFrame:
    """Median and intervals of crossings over replicates; one in which nobody crossed counts as nought.

    The cells are taken in blocks whose values fit into `most_bytes`; the file is read once for each block.

    Parameters
    ----------
    crossings : Path
        The joined crossings of a run folder.
    replicates : int
    most_bytes : int

    Returns
    -------
    DataFrame
        border, month, nationality, median, lo50, hi50, lo90, hi90; exactly those of all values at once.
    """
    cells = _cells(crossings)
    step = max(1, most_bytes // (8 * max(replicates, 1)))
    blocks = [cells[first : first + step] for first in range(0, len(cells), step)] or [cells]
    tables = [
        with_intervals(block.to_frame(index=False), _values(crossings, block, replicates)) for block in blocks
    ]
    return pd.concat(tables, ignore_index=True)


def _frames(crossings: Path, columns: list[str]) -> Iterator[tuple[int, pd.DataFrame]]:
    for replicate, table in pieces(crossings, columns):
        yield replicate, table.to_pandas()


def _cells(crossings: Path) -> pd.MultiIndex:
    """Every cell in which somebody crossed in some replicate, in order."""
    found = pd.MultiIndex.from_arrays([[], [], []], names=_CELL)
    for _, frame in _frames(crossings, _CELL):
        own = pd.MultiIndex.from_frame(frame[_CELL])
        new = own[found.get_indexer(own) < 0] if len(found) else own
        if len(new):
            found = found.append(new)
    return found.sort_values()


def _values(crossings: Path, block: pd.MultiIndex, replicates: int) -> np.ndarray:
    values = np.zeros((len(block), max(replicates, 1)))
    if not len(block):
        return values
    for replicate, frame in _frames(crossings, [*_CELL, "persons"]):
        row = block.get_indexer(pd.MultiIndex.from_frame(frame[_CELL]))
        inside = row >= 0
        values[row[inside], replicate] = frame["persons"].to_numpy()[inside]
    return values


def all_nationalities(crossings: Path) -> pd.DataFrame:
    """Crossings of all nationalities together, of every replicate: a small table for yearly totals.

    Parameters
    ----------
    crossings : Path

    Returns
    -------
    DataFrame
        replicate, border, month, nationality (``ALL``), persons.
    """
    columns = ["replicate", *_CELL, "persons"]
    kept = [frame[frame["nationality"] == "ALL"] for _, frame in _frames(crossings, columns)]
    if not kept:
        return pd.DataFrame(columns=columns)
    made = pd.concat(kept, ignore_index=True)
    return made.astype({"border": "category", "month": "str", "nationality": "category"})


def nationality_counts(crossings: Path, months: pd.DataFrame) -> pd.DataFrame:
    """Crossings by nationality over given months, of every replicate: small, for totals with an interval.

    Parameters
    ----------
    crossings : Path
    months : DataFrame
        border, month, nationality that are added up; one row each.

    Returns
    -------
    DataFrame
        replicate, border, nationality, persons; a replicate in which nobody crossed has no row.
    """
    wanted = pd.MultiIndex.from_frame(months[_CELL].astype(str))
    kept = []
    for replicate, frame in _frames(crossings, [*_CELL, "persons"]):
        inside = wanted.get_indexer(pd.MultiIndex.from_frame(frame[_CELL].astype(str))) >= 0
        part = frame[inside].astype({"border": str, "nationality": str})
        sums = part.groupby(["border", "nationality"], as_index=False)["persons"].sum()
        kept.append(sums.assign(replicate=replicate))
    columns = ["replicate", "border", "nationality", "persons"]
    return pd.concat(kept, ignore_index=True)[columns] if kept else pd.DataFrame(columns=columns)
