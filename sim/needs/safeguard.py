"""The one door to publication: what enters is a table with small numbers, what leaves may be read by anybody.

Cells under 15 people are hidden, the rest rounded by the census rule of ``standards.csv``. So that a hidden
cell cannot be recomputed, further cells are hidden until no published total, along any margin and in any
combination of margins, determines one. Sexual violence, trafficking and unaccompanied children leave for
the region only. Text that a spreadsheet would run as a formula is written as text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from sim.errors import DataError
from sim.needs.axes import REGION
from sim.needs.tables import load_standards, table

__all__ = [
    "HIDDEN",
    "Keys",
    "Margins",
    "as_text",
    "publish",
    "recoverable",
    "round_people",
    "round_quantity",
    "suppression",
]

HIDDEN: Final = "<15"
_STEPS: Final = ((100.0, 10.0), (1_000.0, 50.0), (10_000.0, 100.0), (100_000.0, 500.0), (np.inf, 1_000.0))
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
_DENSE: Final = 200
_TOLERANCE: Final = 1e-12
_TIE: Final = (
    1e-9  # numbers this near to a tie or to the threshold are on it: sums may differ in their last digit
)
_LIMIT: Final = 1e-6
_SMALL: Final = 1e-10
_BY_ROW: Final = ("location_code", "_period", "period_year", "period_month")
_ROOM: Final = 64  # keys are looked up in a table as long as it has at most so many times the rows
Array = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Margins:
    """Which rows of a table add up to which others.

    Parameters
    ----------
    dimensions : mapping of str to str
        Column and its label for the total, for example ``{"gender": "all"}``. Within rows that agree in
        every other dimension and in ``fixed``, the row with that label is the sum of the others.
    fixed : sequence of str
        Columns that never add up (measure, status, unit).
    """

    dimensions: Mapping[str, str]
    fixed: Sequence[str] = field(default_factory=tuple)


@lru_cache(maxsize=1)
def threshold() -> float:
    """Smallest number of people that may be printed."""
    return float(load_standards().values("small_cell_rule_census", ["*"])[1, 0])


def as_text(value: object) -> object:
    """Text that a spreadsheet would run as a formula, made plain text."""
    if isinstance(value, str) and value.startswith(_FORMULA):
        return "'" + value
    return value


def round_people(values: Array) -> Array:
    """Round counts of people by the census rule; values under 15 become 15, which reads '15 or fewer'."""
    out = np.asarray(values, dtype=np.float64).copy()
    limits, grids = np.array(_STEPS).T
    step = grids[np.searchsorted(limits - _TIE, np.abs(out), side="right").clip(max=len(grids) - 1)]
    rounded = np.floor(out / step + 0.5 + _TIE) * step
    return np.where(np.isnan(out), np.nan, np.where(out < threshold(), threshold(), rounded))


def round_quantity(values: Array, digits: int = 3) -> Array:
    """Round quantities that are not people to three significant digits."""
    out = np.asarray(values, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        power = np.where(
            (out == 0) | ~np.isfinite(out), 0.0, np.floor(np.log10(np.abs(np.where(out == 0, 1.0, out))))
        )
    places = digits - 1 - power  # decimals; dividing by a power of ten gives the number that is printed, 85.3
    up, down = 10.0 ** np.maximum(places, 0.0), 10.0 ** np.maximum(-places, 0.0)
    return np.where(np.isfinite(out), np.floor(out * up / down + 0.5 + _TIE) * down / up, out)


def publish(
    frame: pd.DataFrame,
    *,
    people: str = "",
    values: Sequence[str] = (),
    margins: Margins | None = None,
    counts_people: str = "",
    hidden: NDArray[np.bool_] | None = None,
) -> pd.DataFrame:
    """Make a table fit to be published.

    Parameters
    ----------
    frame : pandas.DataFrame
        Rows with unrounded numbers.
    people : str
        Column with the central count that decides what is small; blank for tables without people.
    values : sequence of str
        Number columns to hide and round.
    margins : Margins, optional
        How rows add up, for secondary suppression.
    counts_people : str
        Boolean column: true where the values are people (hidden under 15, census rounding), false where
        they are things or money (three significant digits). Blank means every row counts people.
    hidden : numpy.ndarray, optional
        Rows to hide in any case, because a table already published hides them.

    Returns
    -------
    pandas.DataFrame
        The same rows in the same order, fewer where figures may only be regional; with a ``suppressed``
        column.
    """
    keep = _may_leave(frame)
    out = frame.reset_index(drop=True) if keep.all() else frame.loc[keep].reset_index(drop=True)
    hide = np.zeros(len(out), dtype=bool) if hidden is None else np.asarray(hidden)[keep].copy()
    is_people = out[counts_people].to_numpy(dtype=bool) if counts_people else np.ones(len(out), dtype=bool)
    if people:
        rows = np.flatnonzero(is_people)
        central = np.where(hide[rows], np.nan, out[people].to_numpy(dtype=np.float64)[rows])
        hide[rows] = suppression(out.iloc[rows] if margins else out, central, margins)
    for column in values:
        raw = out[column].to_numpy(dtype=np.float64)
        rounded = raw.copy()
        for rows, rule in ((is_people, round_people), (~is_people, round_quantity)):
            if rows.any():
                rounded[rows] = rule(raw[rows])
        out[column] = np.where(hide, np.nan, rounded)
    if people or values:
        out["suppressed"] = pd.Categorical.from_codes(hide.astype(np.int8), categories=pd.Index(["", HIDDEN]))
    return _plain_text(out)


def _may_leave(frame: pd.DataFrame) -> Mask:
    """Rows that may be published: sensitive figures only for the region."""
    if "resource" not in frame.columns or "location_code" not in frame.columns:
        return np.ones(len(frame), dtype=bool)
    resources = table("resources")
    sensitive = set(resources.loc[resources["regional_only"] == "1", "id"])
    return ~(frame["resource"].isin(sensitive) & (frame["location_code"] != REGION)).to_numpy(dtype=bool)


def _plain_text(frame: pd.DataFrame) -> pd.DataFrame:
    """Every text column, categories included, with formulas made text."""
    for name in frame.columns:
        column = frame[name]
        if isinstance(column.dtype, pd.CategoricalDtype):
            categories = column.cat.categories
            if any(as_text(c) is not c for c in categories):
                frame[name] = column.cat.rename_categories([as_text(c) for c in categories])
        elif _holds_formulas(column):
            frame[name] = column.map(as_text)
    return frame


def _holds_formulas(column: pd.Series) -> bool:
    """Whether any text of a column would be run by a spreadsheet."""
    if not (pd.api.types.is_object_dtype(column.dtype) or pd.api.types.is_string_dtype(column.dtype)):
        return False
    return any(as_text(value) is not value for value in pd.unique(column))


@dataclass(frozen=True)
class _Coded:
    """A key column as integers, with the text of each."""

    codes: NDArray[np.int64]
    labels: list[str]


def _coded(column: pd.Series) -> _Coded:
    """A column as integers; those of a categorical, and small integers, are at hand."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        codes = np.asarray(column.cat.codes.to_numpy(), dtype=np.int64)
        return _Coded(codes, [str(c) for c in column.cat.categories])
    if column.dtype == np.int16 and len(column) and int(column.min()) >= 0:
        codes = column.to_numpy(dtype=np.int64)
        return _Coded(codes, [str(x) for x in range(int(codes.max()) + 1)])
    codes, uniques = pd.factorize(column)
    return _Coded(np.asarray(codes, dtype=np.int64), [str(u) for u in uniques])


def _key(columns: Sequence[_Coded], rows: int) -> NDArray[np.int64]:
    """One small integer for each distinct combination of columns."""
    out = np.zeros(rows, dtype=np.int64)
    room = 1
    for column in columns:
        codes, size = column.codes, len(column.labels)
        if room > 2**40 // (size + 1):
            out, seen = pd.factorize(out)
            room = len(seen)
        out = out * (size + 1) + codes + 1
        room *= size + 1
    if room > _ROOM * max(len(out), 1):
        return np.asarray(pd.factorize(out)[0], dtype=np.int64)
    there = np.zeros(room, dtype=bool)
    there[out] = True
    return (np.cumsum(there, dtype=np.int32) - 1)[out].astype(np.int64)


class Keys:
    """Combinations of the key columns of a table, as integers.

    Parameters
    ----------
    frame : pandas.DataFrame
        Key columns. Rows that were made together may carry the number of their block in ``_block``: all key columns but
        place and period are then the same in the block, and are combined once a block, not once a row.
    """

    def __init__(self, frame: pd.DataFrame) -> None:
        self._frame = frame
        self._coded: dict[str, _Coded] = {}
        self._block: NDArray[np.int64] | None = None
        if "_block" in frame.columns and len(frame):
            block = frame["_block"].to_numpy(dtype=np.int64)
            first = np.full(int(block.max()) + 1, -1, dtype=np.int64)
            first[block[::-1]] = np.arange(len(block) - 1, -1, -1)
            there = first >= 0
            self._block = (np.cumsum(there) - 1)[block]
            self._first = first[there]

    def column(self, name: str) -> _Coded:
        """A key column as integers."""
        if name not in self._coded:
            self._coded[name] = _coded(self._frame[name])
        return self._coded[name]

    def combined(self, names: Sequence[str]) -> NDArray[np.int64]:
        """One small integer for each distinct combination of columns, by row."""
        rows = len(self._frame)
        if self._block is None:
            return _key([self.column(n) for n in names], rows)
        shared = [_coded(self._frame[n].iloc[self._first]) for n in names if n not in _BY_ROW]
        small = _key(shared, len(self._first))
        whole = _Coded(small[self._block], [""] * (int(small.max()) + 1))
        return _key([whole, *(self.column(n) for n in names if n in _BY_ROW)], rows)

    def is_label(self, name: str, label: str) -> Mask:
        """Rows whose column has a label."""
        column = self.column(name)
        return np.array([*(x == label for x in column.labels), False])[column.codes]


def suppression(frame: pd.DataFrame, values: Array, margins: Margins | None) -> Mask:
    """Rows to hide: small ones, and as many others as it takes to keep them hidden.

    Parameters
    ----------
    frame : pandas.DataFrame
        Key columns.
    values : numpy.ndarray
        float64, persons; not-a-number is treated as hidden.
    margins : Margins or None
        How rows add up; without it only small rows are hidden.
    """
    hidden = np.isnan(values) | (values < threshold() - _TIE)
    if margins is None or not hidden.any():
        return hidden
    return _settled(hidden, values, _lines(frame, margins), Keys(frame).combined(margins.fixed))


def _settled(
    hidden: Mask, values: Array, lines: list[tuple[NDArray[np.int64], Mask]], group: NDArray[np.int64]
) -> Mask:
    """Hide more rows until nothing hidden can be told.

    Rows of different groups never add up: after the first round only the groups in which a row was hidden are looked at.
    """
    out, checked = hidden.copy(), np.zeros(hidden.shape, dtype=bool)
    rows = np.arange(len(hidden))
    for _ in range(200):
        closed = _close_lines(out[rows], values[rows], lines)
        exposed = recoverable(closed, lines, since=checked[rows])
        more = _hide_beside(exposed, closed, values[rows], lines) if exposed.any() else closed
        out[rows], checked[rows] = more, closed
        changed = more != closed
        if not changed.any():
            return out
        keep = np.isin(group[rows], group[rows[changed]])
        rows = rows[keep]
        lines = [(_renumbered(line[keep]), is_total[keep]) for line, is_total in lines]
    msg = "secondary suppression did not settle; publish this table with fewer dimensions"
    raise DataError(msg)


def _renumbered(line: NDArray[np.int64]) -> NDArray[np.int64]:
    """Lines numbered from 0 again; -1 stays."""
    names, codes = np.unique(line, return_inverse=True)
    return codes - int(bool(len(names)) and int(names[0]) < 0)


def _lines(frame: pd.DataFrame, margins: Margins) -> list[tuple[NDArray[np.int64], Mask]]:
    """For each dimension, the line each row belongs to (-1: none) and whether it is the line's total."""
    names = list(margins.dimensions)
    keys = Keys(frame)
    out = []
    for name in names:
        line = keys.combined([*margins.fixed, *(n for n in names if n != name)])
        is_total = keys.is_label(name, margins.dimensions[name])
        size = int(line.max(initial=-1)) + 1
        has_total = np.bincount(line[is_total], minlength=size) > 0
        has_part = np.bincount(line[~is_total], minlength=size) > 0
        out.append((np.where((has_total & has_part)[line], line, -1), is_total))
    return out


def _close_lines(hidden: Mask, values: Array, lines: list[tuple[NDArray[np.int64], Mask]]) -> Mask:
    """Hide the smallest visible row of every line with exactly one hidden row.

    Until there is no such line.
    """
    out = hidden.copy()
    changed = True
    while changed:
        changed = False
        for line, is_total in lines:
            inside = line >= 0
            size = int(line.max(initial=-1)) + 1
            if size == 0:
                continue
            count = np.bincount(line[inside & out], minlength=size)
            single = (count == 1)[line] & inside
            candidate = np.flatnonzero(single & ~out)
            if candidate.size == 0:
                continue
            order = candidate[np.lexsort((values[candidate], is_total[candidate], line[candidate]))]
            first = np.unique(line[order], return_index=True)[1]
            out[order[first]] = True
            changed = True
    return out


def recoverable(
    hidden: Mask, lines: list[tuple[NDArray[np.int64], Mask]], *, since: Mask | None = None
) -> Mask:
    """Hidden rows that the published totals determine exactly.

    Every line is one linear equation in its hidden rows. A hidden row is determined when no change of the
    hidden rows that keeps every equation can move it: when it is zero in the whole null space of the
    equations.

    Parameters
    ----------
    hidden : numpy.ndarray
        Hidden rows.
    lines : list
        Lines of each dimension, and which rows are totals.
    since : numpy.ndarray, optional
        Rows hidden at an earlier check that found nothing wrong elsewhere: only rows that hang together with
        newly hidden ones are looked at again.
    """
    out = np.zeros(hidden.shape, dtype=bool)
    columns = np.flatnonzero(hidden)
    if columns.size == 0:
        return out
    position = np.full(hidden.shape, -1, dtype=np.int64)
    position[columns] = np.arange(columns.size)
    equations, unknowns, signs = _equations(hidden, lines, position)
    if equations.size == 0:
        return out
    if since is not None and since.any():
        fresh = hidden[columns] & ~since[columns]
        keep = _hangs_together(equations, unknowns, columns.size, fresh)
        used = np.unique(unknowns[keep])
        columns = columns[used]
        equations = np.unique(equations[keep], return_inverse=True)[1]
        unknowns, signs = np.searchsorted(used, unknowns[keep]), signs[keep]
    if equations.size:
        system = csr_array((signs, (equations, unknowns)), shape=(int(equations.max()) + 1, columns.size))
        out[columns[_determined(system)]] = True
    return out


def _hangs_together(
    equations: NDArray[np.int64], unknowns: NDArray[np.int64], size: int, fresh: Mask
) -> Mask:
    """Entries of the equations that are linked, through equations, with a fresh unknown."""
    rows = int(equations.max()) + 1
    links = csr_array(
        (np.ones(equations.size), (equations, unknowns + rows)), shape=(rows + size, rows + size)
    )
    part = connected_components(links, directed=False)[1]
    wanted = np.zeros(int(part.max()) + 1, dtype=bool)
    wanted[part[rows:][fresh]] = True
    return np.asarray(wanted[part[equations]])


def _equations(
    hidden: Mask, lines: list[tuple[NDArray[np.int64], Mask]], position: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], Array]:
    """Equation, unknown and sign of every hidden row in every line."""
    equations, unknowns, signs, start = [], [], [], 0
    for line, is_total in lines:
        inside = hidden & (line >= 0)
        if not inside.any():
            continue
        names, codes = np.unique(line[inside], return_inverse=True)
        equations.append(codes.astype(np.int64) + start)
        unknowns.append(position[inside])
        signs.append(np.where(is_total[inside], -1.0, 1.0))
        start += len(names)
    if not equations:
        empty = np.empty(0, dtype=np.int64)
        return empty, empty, np.empty(0)
    return np.concatenate(equations), np.concatenate(unknowns), np.concatenate(signs)


def _determined(system: csr_array) -> Mask:
    """Columns that are zero in the null space of the equations.

    Small systems by the eigenvectors of their normal equations (entries are -1, 0 and 1, so that a value that is
    not zero is far from it); large ones by taking random vectors apart into row space and null space.
    """
    n = system.shape[1]
    if n <= _DENSE:
        squares, vectors = np.linalg.eigh((system.T @ system).toarray())
        free = vectors[:, squares < _SMALL]
        return np.asarray((free**2).sum(axis=1) < _SMALL)
    generator = np.random.default_rng(20240724)
    part = _parts(system)
    still = np.ones(n, dtype=bool)
    for _ in range(2):  # one vector alone would, by chance, accuse a few of many thousand cells
        probe = generator.standard_normal(n)
        still &= np.abs(probe - _row_part(system, probe, part, _TOLERANCE)) < _LIMIT
    return still


def _parts(system: csr_array) -> NDArray[np.int64]:
    """Part of each equation: equations that share no unknown, however far along, are in different parts."""
    rows, size = system.shape
    entries = system.tocoo()
    links = csr_array(
        (np.ones(entries.nnz), (entries.coords[0], entries.coords[1] + rows)),
        shape=(rows + size, rows + size),
    )
    return np.asarray(connected_components(links, directed=False)[1][:rows], dtype=np.int64)


def _row_part(system: csr_array, probe: Array, part: NDArray[np.int64], tolerance: float) -> Array:
    """Part of a vector in the row space: conjugate gradients on the normal equations.

    Every part has a step of its own, so that it needs no more steps than it has equations, however many parts there are.
    Sums are plain, not BLAS products, whose threads wait for each other on a busy machine.
    """
    order = np.argsort(part, kind="stable")
    sizes = np.bincount(part)
    sizes = sizes[sizes > 0]
    first = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    own = csr_array(system[order])
    turned = own.T.tocsr()

    def total(values: Array) -> Array:
        return np.asarray(np.add.reduceat(values, first))

    left = own @ probe
    answer, way = np.zeros_like(left), left.copy()
    size = total(left * left)
    goal = size * tolerance**2
    for _ in range(4 * int(sizes.max())):
        going = size > goal
        if not going.any():
            break
        moved = own @ (turned @ way)
        along = total(way * moved)
        step = np.repeat(np.divide(size, along, out=np.zeros_like(size), where=going & (along > 0)), sizes)
        answer += step * way
        left -= step * moved
        new = total(left * left)
        way *= np.repeat(np.divide(new, size, out=np.zeros_like(size), where=size > 0), sizes)
        way += left
        size = np.where(going, new, size)
    return np.asarray(turned @ answer)


def _hide_beside(
    exposed: Mask, hidden: Mask, values: Array, lines: list[tuple[NDArray[np.int64], Mask]]
) -> Mask:
    """Hide, beside each exposed row, the smallest visible row of its lines, or of the lines next to them."""
    out = hidden.copy()
    for row in np.flatnonzero(exposed):
        reached = np.array([row])
        while True:
            beside = np.zeros(out.shape, dtype=bool)
            total = np.zeros(out.shape, dtype=bool)
            for line, is_total in lines:
                touched = np.unique(line[reached])
                here = np.isin(line, touched[touched >= 0])
                beside |= here
                total |= here & is_total
            visible = np.flatnonzero(beside & ~out)
            if visible.size:
                order = np.lexsort((values[visible], total[visible]))
                out[visible[order[0]]] = True
                break
            wider = np.flatnonzero(beside & out)
            if wider.size <= reached.size:
                break  # only hidden rows hang together here: nothing printed tells them apart
            reached = wider
    return out
