"""A long table as lines and months: a run's rows in, one dense block for each month out.

A line is what rows that differ only in replicate, period, sex and age have in common: a leg and a nationality, or a place, a
status and a nationality. What needs ask of a place or a leg is asked once a line; a month's rows are added up by line, sex and
age in a block that fits the processor's cache. Nothing is grouped row by row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sim.needs.axes import AGES, DEMOGRAPHY, SEXES
from sim.needs.keys import numbered
from sim.needs.world import codes_of

__all__ = ["Lines", "lines_of", "lookup", "month_of", "positions", "starts"]

Array = NDArray[np.float64]
Codes = NDArray[np.intp]
_PIECES: Final = 64  # runs of equal months a replicate and month may be cut into before rows are sorted
_ROOM: Final = 2**24  # combinations of names that are looked up in a table; more are sorted


@dataclass(frozen=True)
class Lines:
    """A table of a run by line.

    Parameters
    ----------
    codes : dict
        Code of each line by column, -1 where there is no name.
    names : dict
        Names of the codes by column.
    keys : tuple
        Codes by row (line, sex, age), and what each code adds to the position in the block.
    values : tuple of numpy.ndarray
        Number columns.
    pieces : list of tuple
        Replicate, month since the year 0, first and last row of every run of rows of one month.
    """

    codes: dict[str, Codes]
    names: dict[str, list[str]]
    keys: tuple[tuple[NDArray[Any], Codes], ...]
    values: tuple[NDArray[Any], ...]
    pieces: list[tuple[int, int, int, int]]

    @property
    def size(self) -> int:
        """Number of lines."""
        return len(next(iter(self.codes.values())))

    def at(self, column: str, known: Sequence[str]) -> Codes:
        """Position of every line's name in a list of known names, -1 where it is not in it."""
        return lookup(self.names[column], known)[self.codes[column]]

    def marked(self, column: str, test: Callable[[str], bool]) -> NDArray[np.bool_]:
        """Lines whose name passes a test."""
        found = [*(test(name) for name in self.names[column]), False]
        return np.array(found, dtype=bool)[self.codes[column]]

    def used(self, *columns: str) -> list[tuple[str, ...]]:
        """Names, or combinations of names, that stand in the table at least once, in the order of their codes."""
        codes = np.stack([self.codes[name] for name in columns])
        there = np.unique(codes[:, (codes >= 0).all(axis=0)], axis=1).T
        return [
            tuple(self.names[name][code] for name, code in zip(columns, row, strict=True)) for row in there
        ]

    def blocks(self, replicate: int) -> Iterator[tuple[int, list[Array]]]:
        """Month and dense blocks of shape (lines, demography and one for others), one for each number column."""
        shape = (self.size, len(DEMOGRAPHY) + 1)
        for owner, month, low, high in self.pieces:
            if owner == replicate:
                at = sum(weight.take(codes[low:high]) for codes, weight in self.keys)
                yield (
                    month,
                    [
                        np.bincount(at, weights=v[low:high], minlength=shape[0] * shape[1]).reshape(shape)
                        for v in self.values
                    ],
                )


def lookup(names: Sequence[str], known: Sequence[str], missing: int = -1) -> Codes:
    """Position of every name in a list of known names; the last entry is for rows without a name."""
    at = {name: position for position, name in enumerate(known)}
    return np.array([*(at.get(name, missing) for name in names), missing], dtype=np.intp)


def positions(column: pd.Series, known: Sequence[str]) -> Codes:
    """Position of every row's name in a list of known names, -1 where it is not in it."""
    codes, names = codes_of(column)
    return np.asarray(lookup(names, known)[codes], dtype=np.intp)


def month_of(start: NDArray[Any]) -> NDArray[np.int64]:
    """Months since the year 0."""
    return np.asarray(start.astype("datetime64[M]").astype(np.int64) + 1970 * 12, dtype=np.int64)


def lines_of(rows: pd.DataFrame, key: Sequence[str], beside: Sequence[str], values: Sequence[str]) -> Lines:
    """Make a table ready to be counted.

    Parameters
    ----------
    rows : pandas.DataFrame
        Columns ``replicate``, ``period_start``, ``sex``, ``age_band`` and those named below.
    key : sequence of str
        Columns that tell lines apart.
    beside : sequence of str
        Columns that the key decides: a leg has one place of departure and one of arrival. Tables from elsewhere need not be
        so; there every combination is a line of its own.
    values : sequence of str
        Number columns.
    """
    replicate, start = rows["replicate"].to_numpy(), starts(rows)
    first = _changes(replicate, start)
    most = _PIECES * len(np.unique(start[first])) * len(np.unique(replicate[first]))
    if len(first) > max(most, 1000):
        rows = rows.iloc[np.lexsort((start, replicate))]
        replicate, start = rows["replicate"].to_numpy(), starts(rows)
        first = _changes(replicate, start)
    coded = {name: codes_of(rows[name]) for name in (*key, *beside)}
    line, some = _combined([coded[name] for name in key])
    if any(bool((coded[name][0][some].take(line) != coded[name][0]).any()) for name in beside):
        line, some = _combined(list(coded.values()))
    width = len(DEMOGRAPHY) + 1
    pieces = zip(
        replicate[first].tolist(),
        month_of(start[first]).tolist(),
        first.tolist(),
        [*first[1:].tolist(), len(rows)][: len(first)],
        strict=True,
    )
    return Lines(
        codes={name: codes[some].astype(np.intp) for name, (codes, _) in coded.items()},
        names={name: names for name, (_, names) in coded.items()},
        keys=((line, np.arange(len(some), dtype=np.intp) * width), *_demography(rows)),
        values=tuple(rows[name].to_numpy() for name in values),
        pieces=list(pieces),
    )


def starts(rows: pd.DataFrame) -> NDArray[Any]:
    """Start of every row's period; text is read, dates are taken as they are."""
    given = rows["period_start"]
    return (given if pd.api.types.is_datetime64_dtype(given.dtype) else pd.to_datetime(given)).to_numpy()


def _changes(replicate: NDArray[Any], start: NDArray[Any]) -> Codes:
    """First row of every run of rows of one replicate and period."""
    change = np.flatnonzero((start[1:] != start[:-1]) | (replicate[1:] != replicate[:-1])) + 1
    return np.concatenate([np.zeros(min(len(start), 1), dtype=np.intp), change])


def _combined(coded: Sequence[tuple[NDArray[Any], list[str]]]) -> tuple[NDArray[Any], Codes]:
    """Combination of codes of every row, numbered from 0, and some row of each."""
    line: NDArray[Any] = np.zeros(1, dtype=np.int32)
    room = 1
    for codes, names in coded:
        size = len(names) + 1
        if room * size > _ROOM:
            line = np.unique(line, return_inverse=True)[1].reshape(-1)
            room = int(line.max(initial=-1)) + 1
        line = line * size + (codes + 1)
        room *= size
    line, count = numbered(line.astype(np.intp))
    some = np.zeros(count, dtype=np.intp)
    some[line] = np.arange(len(line))
    return line, some


def _demography(rows: pd.DataFrame) -> list[tuple[NDArray[Any], Codes]]:
    """Sex and age as two keys, or as one where some are unknown: those go to the last cell."""
    sex, sexes = codes_of(rows["sex"])
    age, ages = codes_of(rows["age_band"])
    of_sex, of_age = lookup(sexes, SEXES), lookup(ages, AGES)
    if (of_sex[_used(sex, len(sexes))] >= 0).all() and (of_age[_used(age, len(ages))] >= 0).all():
        return [(sex, np.maximum(of_sex, 0) * len(AGES)), (age, np.maximum(of_age, 0))]
    by_row_sex, by_row_age = of_sex[sex], of_age[age]
    known = (by_row_sex >= 0) & (by_row_age >= 0)
    cell = np.where(known, by_row_sex * len(AGES) + by_row_age, len(DEMOGRAPHY))
    return [(cell, np.arange(len(DEMOGRAPHY) + 1, dtype=np.intp))]


def _used(codes: NDArray[Any], size: int) -> NDArray[np.bool_]:
    """Which codes occur; the last entry stands for rows without a name."""
    there = np.zeros(size + 1, dtype=bool)
    there[codes] = True
    return there
