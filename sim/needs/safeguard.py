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
from sim.needs.keys import Codes, Keys, numbered
from sim.needs.tables import load_standards, table

__all__ = [
    "HIDDEN",
    "Margins",
    "as_text",
    "publish",
    "recoverable",
    "round_people",
    "round_quantity",
    "suppression",
    "threshold",
]

HIDDEN: Final = "<15"
_TEN: Final = 10.0 ** np.arange(309)
_STEPS: Final = ((100.0, 10.0), (1_000.0, 50.0), (10_000.0, 100.0), (100_000.0, 500.0), (np.inf, 1_000.0))
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
_DIAGONAL: Final = 1e-8  # added to normal equations, whose own entries are whole numbers
_PROJECTIONS: Final = 50
_TOLERANCE: Final = 1e-13
_TIE: Final = (
    1e-9  # numbers this near to a tie or to the threshold are on it: sums may differ in their last digit
)
_LIMIT: Final = 1e-6
Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
#: the line of each row along one dimension, and which rows are totals of their line
Line = tuple[Codes, Mask]


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
    size = np.abs(out)
    step = grids[sum((size >= limit).view(np.int8) for limit in limits[:-1] - _TIE)]
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
    up, down = (_TEN[np.clip(x, 0, len(_TEN) - 1).astype(np.int64)] for x in (places, -places))
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
        rounded, shown = np.full(len(raw), np.nan), ~(hide | np.isnan(raw))
        for kind, rule in ((is_people, round_people), (~is_people, round_quantity)):
            rows = np.flatnonzero(kind & shown)
            rounded[rows] = rule(raw[rows])
        out[column] = rounded
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


def suppression(frame: pd.DataFrame | Keys, values: Array, margins: Margins | None) -> Mask:
    """Rows to hide: small ones, and as many others as it takes to keep them hidden.

    Parameters
    ----------
    frame : pandas.DataFrame or Keys
        Key columns.
    values : numpy.ndarray
        float64, persons; not-a-number is treated as hidden.
    margins : Margins or None
        How rows add up; without it only small rows are hidden.
    """
    hidden = np.isnan(values) | (values < threshold() - _TIE)
    if margins is None or not margins.dimensions or not hidden.any():
        return hidden
    keys = frame if isinstance(frame, Keys) else Keys(frame)
    return _settled(hidden, values, _lines(keys, margins), keys.combined(margins.fixed))


def _settled(hidden: Mask, values: Array, lines: list[Line], group: Codes) -> Mask:
    """Hide more rows until nothing hidden can be told.

    Rows of different groups never add up: after the first round only the groups in which a hidden row could be told are
    looked at.
    """
    out, checked = hidden.copy(), np.zeros(hidden.shape, dtype=bool)
    rows = np.arange(len(hidden))
    for _ in range(200):
        closed = _close_lines(out[rows], values[rows], lines)
        exposed = recoverable(closed, lines, since=checked[rows])
        out[rows], checked[rows] = closed, closed
        told = np.zeros(int(group.max(initial=-1)) + 1, dtype=bool)
        told[group[rows[exposed]]] = True
        keep = told[group[rows]]
        rows, exposed = rows[keep], exposed[keep]
        lines = [(numbered(line[keep])[0], is_total[keep]) for line, is_total in lines]
        changed = False
        for name in np.unique(group[rows[exposed]]):
            own = np.flatnonzero(group[rows] == name)
            inside = [(line[own], is_total[own]) for line, is_total in lines]
            more = _hide_beside(exposed[own], out[rows[own]], values[rows[own]], inside)
            changed |= bool((more != out[rows[own]]).any())
            out[rows[own]] = more
        if not changed:
            return out
    msg = "secondary suppression did not settle; publish this table with fewer dimensions"
    raise DataError(msg)


def _lines(keys: Keys, margins: Margins) -> list[Line]:
    """For each dimension, the line each row belongs to (-1: none) and whether it is the line's total."""
    names = list(margins.dimensions)
    out = []
    for name in names:
        line = keys.combined([*margins.fixed, *(n for n in names if n != name)])
        is_total = keys.is_label(name, margins.dimensions[name])
        has_total, has_part = np.zeros((2, int(line.max(initial=-1)) + 1), dtype=bool)
        has_total[line[is_total]] = True
        has_part[line[~is_total]] = True
        whole = has_total & has_part
        number = np.cumsum(whole, dtype=np.int32) - np.int32(1)
        number[~whole] = -1
        out.append((number[line], is_total))
    return out


def _close_lines(hidden: Mask, values: Array, lines: list[Line]) -> Mask:
    """Hide the smallest visible row of every line with exactly one hidden row.

    Until there is no such line.
    """
    out = hidden.copy()
    changed = True
    while changed:
        changed = False
        for line, is_total in lines:
            found = line[out]
            single = np.bincount(found[found >= 0], minlength=int(line.max(initial=-1)) + 2) == 1
            if not single.any():
                continue
            candidate = np.flatnonzero(single[line] & ~out)  # the last entry stands for rows without a line
            if candidate.size == 0:
                continue
            order = candidate[np.lexsort((values[candidate], is_total[candidate], line[candidate]))]
            first = np.unique(line[order], return_index=True)[1]
            out[order[first]] = True
            changed = True
    return out


def recoverable(hidden: Mask, lines: list[Line], *, since: Mask | None = None) -> Mask:
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
    equations, unknowns, signs = _equations(columns, lines)
    if equations.size and since is not None and since.any():
        keep = _hangs_together(equations, unknowns, ~since[columns])
        equations, unknowns, signs = numbered(equations[keep])[0], unknowns[keep], signs[keep]
        used = np.zeros(columns.size, dtype=bool)
        used[unknowns] = True
        columns, unknowns = columns[used], numbered(unknowns)[0]
    if equations.size:
        system = csr_array((signs, (equations, unknowns)), shape=(int(equations.max()) + 1, columns.size))
        out[columns[_determined(system)]] = True
    return out


def _equations(columns: Codes, lines: list[Line]) -> tuple[Codes, Codes, Array]:
    """Equation, unknown (position in `columns`) and sign of every hidden row in every line."""
    equations, unknowns, signs, start = [], [], [], 0
    for line, is_total in lines:
        codes, count = numbered(line[columns])
        inside = np.flatnonzero(codes >= 0)
        equations.append(codes[inside] + start)
        unknowns.append(inside)
        signs.append(np.where(is_total[columns[inside]], -1.0, 1.0))
        start += count
    return np.concatenate(equations), np.concatenate(unknowns), np.concatenate(signs)


def _hangs_together(equations: Codes, unknowns: Codes, fresh: Mask) -> Mask:
    """Entries of the equations that are linked, through equations, with a fresh unknown."""
    rows = int(equations.max()) + 1
    size = rows + fresh.size
    links = csr_array((np.ones(equations.size), (equations, unknowns + rows)), shape=(size, size))
    part = connected_components(links, directed=False)[1]
    wanted = np.zeros(int(part.max()) + 1, dtype=bool)
    wanted[part[rows:][fresh]] = True
    return np.asarray(wanted[part[equations]])


def _determined(system: csr_array) -> Mask:
    """Columns that are zero in the null space of the equations.

    Random vectors are freed of their part in the row space, which is projected out by the factors of the normal equations.
    These are singular where one equation follows from others, so a little is added to their diagonal; what this leaves of
    the row space goes when the projection is made again. An entry of the null space is either nothing but the last digits,
    some 1e-16, or chance has to bring it near to zero, twice.
    """
    from scipy.sparse.linalg import splu

    turned = system.T.tocsr()
    normal = (system @ turned).tocsc()
    normal.setdiag(normal.diagonal() + _DIAGONAL)
    factors = splu(
        normal,
        permc_spec="MMD_AT_PLUS_A",
        diag_pivot_thresh=0.0,
        panel_size=1,  # lines are short: columns handled together would mostly be zeros
        options={"SymmetricMode": True},
    )
    free = np.random.default_rng(20240724).standard_normal((system.shape[1], 2))
    for _ in range(_PROJECTIONS):
        left = system @ free
        if float(np.abs(left).max()) < _TOLERANCE:
            break
        free -= turned @ factors.solve(left)
    if float(np.abs(system @ free).max(initial=0.0)) >= _LIMIT:  # not settled: in doubt a cell can be told
        return np.ones(system.shape[1], dtype=bool)
    return np.asarray((np.abs(free) < _LIMIT).all(axis=1))


def _hide_beside(exposed: Mask, hidden: Mask, values: Array, lines: list[Line]) -> Mask:
    """Hide, beside each exposed row, the smallest visible row of its lines, or of the lines next to them."""
    out = hidden.copy()
    for row in np.flatnonzero(exposed):
        reached = np.array([row])
        while True:
            beside = np.zeros(out.shape, dtype=bool)
            total = np.zeros(out.shape, dtype=bool)
            for line, is_total in lines:
                touched = np.zeros(int(line.max(initial=-1)) + 2, dtype=bool)
                touched[line[reached]] = True
                touched[-1] = False  # rows without a line
                here = touched[line]
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
