"""Combinations of key columns as integers: a table's text columns in, one small number for each row out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

__all__ = ["Codes", "Keys", "numbered"]

Codes = NDArray[np.int64]
_BY_ROW: Final = ("location_code", "_period", "period_year", "period_month")
_ROOM: Final = 16  # combinations keep gaps as long as there are at most so many times the rows


def numbered(codes: NDArray[Any]) -> tuple[NDArray[Any], int]:
    """Codes numbered from 0 without gaps, in the same order, and how many there are; -1 stays.

    A table of what occurs is faster than sorting or hashing as long as codes are not much larger than their number.
    """
    there = np.zeros(int(codes.max(initial=-1)) + 2, dtype=bool)
    there[codes] = True
    there[-1] = False
    number = np.cumsum(there, dtype=codes.dtype) - 1
    count = int(number[-1]) + 1
    number[-1] = -1
    return number[codes], count


@dataclass(frozen=True)
class _Coded:
    """A column as integers from 0 on; the text of each number, or how many numbers there are."""

    codes: Codes
    size: int
    labels: tuple[str, ...] = ()


def _coded(column: pd.Series) -> _Coded:
    """A column as integers; those of a categorical, and small integers, are at hand."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        codes, labels = column.cat.codes.to_numpy(), [str(c) for c in column.cat.categories]
    elif column.dtype == np.int16 and len(column) and int(column.min()) >= 0:
        codes = column.to_numpy()
        labels = [str(x) for x in range(int(codes.max()) + 1)]
    else:
        codes, uniques = pd.factorize(column)
        labels = [str(u) for u in uniques]
    missing = bool((codes < 0).any())  # a row without a key is a combination of its own
    given = np.where(codes < 0, len(labels), codes) if missing else codes
    return _Coded(np.asarray(given, dtype=np.int64), len(labels) + missing, (*labels, *[""] * missing))


def _joined(columns: Sequence[_Coded], rows: int) -> _Coded:
    """Each distinct combination of columns as one integer."""
    out = _Coded(np.zeros(rows, dtype=np.int64), 1)
    for column in columns:
        room = out.size * column.size
        codes = out.codes * column.size + column.codes
        if room > _ROOM * max(rows, 1):
            codes, seen = pd.factorize(codes)
            room = len(seen)
        out = _Coded(codes, room)
    return out


class Keys:
    """Combinations of the key columns of a table, as integers.

    Parameters
    ----------
    frame : pandas.DataFrame
        Key columns. Rows that were made together may carry the number of their block in ``_block``: all key columns but
        place and period are then the same in the block, and are combined once a block, not once a row.
    rows : numpy.ndarray, optional
        Positions of the rows that are looked at; all of them if left out.
    """

    def __init__(self, frame: pd.DataFrame, rows: NDArray[np.int64] | None = None) -> None:
        self._frame = frame
        self._rows = slice(None) if rows is None else rows
        self._size = len(frame) if rows is None else len(rows)
        self._by_row: dict[tuple[str, ...], _Coded] = {}
        self._by_block: dict[str, _Coded] = {}
        self._block: Codes | None = None
        if "_block" in frame.columns and self._size:
            block = frame["_block"].to_numpy(dtype=np.int64)[self._rows]
            self._block, count = numbered(block)
            first = np.empty(count, dtype=np.int64)
            first[self._block[::-1]] = np.arange(self._size - 1, -1, -1)
            self._first = first if rows is None else rows[first]

    def combined(self, names: Sequence[str]) -> Codes:
        """One integer for each distinct combination of columns, by row; numbers may have gaps."""
        if self._block is None:
            return self._of_rows(tuple(names)).codes
        by_row = self._of_rows(tuple(n for n in names if n in _BY_ROW))
        shared = self._of_blocks([n for n in names if n not in _BY_ROW])
        codes = (shared.codes * by_row.size)[self._block] + by_row.codes
        if shared.size * by_row.size > _ROOM * self._size:
            codes = pd.factorize(codes)[0]
        return np.asarray(codes, dtype=np.int64)

    def is_label(self, name: str, label: str) -> NDArray[np.bool_]:
        """Rows whose column has a label."""
        by_block = self._block is not None and name not in _BY_ROW
        column = self._of_block(name) if by_block else _coded(self._frame[name].iloc[self._rows])
        has = np.array([x == label for x in column.labels], dtype=bool)[column.codes]
        return has[self._block] if by_block else has

    def _of_rows(self, names: tuple[str, ...]) -> _Coded:
        """Combinations of columns that differ from row to row, kept because every line of a table asks for them."""
        if names not in self._by_row:
            columns = [_coded(self._frame[n].iloc[self._rows]) for n in names]
            codes, size = numbered(_joined(columns, self._size).codes)
            self._by_row[names] = _Coded(codes, size)
        return self._by_row[names]

    def _of_blocks(self, names: Sequence[str]) -> _Coded:
        """Combinations of columns that are the same throughout a block, by block."""
        codes, size = numbered(_joined([self._of_block(n) for n in names], len(self._first)).codes)
        return _Coded(codes, size)

    def _of_block(self, name: str) -> _Coded:
        if name not in self._by_block:
            self._by_block[name] = _coded(self._frame[name].iloc[self._first])
        return self._by_block[name]
