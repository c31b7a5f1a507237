"""A file or folder of observed counts in the project's tidy form enters; checked monthly counts by border and group leave.

Only four columns are needed: border, month, nationality, persons. Whatever else the observed tables carry is used when
present: sex, age band and cut to take one cut and never add two, series to take the one a border is forecast in. Every
fault is named with its file and row, all of them in one go.
"""

from __future__ import annotations

import io
import math
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from calibration.observed.checks import is_month, months_between, nearest
from calibration.observed.tables import COLUMNS, GROUPS, NOT_SERIES, nationalities
from calibration.panel import TARGETS
from sim.errors import DataError, Problem

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["OPEN_SERIES", "check_gaps", "read_observed"]

NEEDED: tuple[str, ...] = ("border", "month", "nationality", "persons")

OPEN_SERIES: frozenset[str] = frozenset({"honduras", "costa_rica"})
"""Borders whose figures are published for some months only; a missing month there is no fault."""

_EXTRA = ("covers",)
_SERIES = {
    "darien": ("darien_entries",),
    "honduras": ("honduras_irregular_entries",),
    "costa_rica": ("costarica_northbound_entries",),
    "mexico": ("mexico_irregular_encounters",),
    "us_border_patrol": ("swb_encounters_core", "swb_usbp_encounters_khsm_nat"),
    "us_ports": ("swb_encounters_core",),
    "us_southwest": ("swb_encounters_core",),
}
_CUTS = {"us_border_patrol": "USBP|ALL|ALL", "us_ports": "OFO|ALL|ALL", "us_southwest": "ALL|ALL|ALL"}
_BY_DIFFERENCE = ("BRA", "IND", "NIC", "PER")
"""Not listed at the ports: all encounters minus Border Patrol, and taken out of the others."""
_ROUNDING = 60.0
_READ = (*TARGETS, "us_southwest")
_REFUSED = "The observed counts were refused."
_COUNTED = ("persons", "encounters", "events", "")


def read_observed(path: Path) -> pd.DataFrame:
    """Read observed counts.

    Parameters
    ----------
    path : Path
        A CSV file, or a folder of them.

    Returns
    -------
    DataFrame
        border, month, nationality, persons: one row each, monthly, added up to the groups.

    Raises
    ------
    DataError
        With every fault found, each with file and row.
    """
    files = sorted(path.glob("*.csv")) if path.is_dir() else [path]
    files = [file for file in files if file.name not in NOT_SERIES]
    if not files or not all(file.is_file() for file in files):
        raise DataError(
            _REFUSED, [Problem("no such file, or no CSV table in it", str(path), "a tidy CSV table")]
        )
    problems: list[Problem] = []
    tables = [_read(file, problems) for file in files]
    if problems:
        raise DataError(_REFUSED, problems)
    rows = pd.concat(tables, ignore_index=True)
    if rows.empty:
        problem = Problem("no monthly total at a known border", str(path), ", ".join(TARGETS))
        raise DataError(_REFUSED, [problem])
    return _one_series_each(rows)


def check_gaps(rows: pd.DataFrame, months: Sequence[str], where: str) -> None:
    """Refuse series that skip months.

    Parameters
    ----------
    rows : DataFrame
        From :func:`read_observed`.
    months : sequence of str
        First and last month to look at.
    where : str
        File or folder, for the message.

    Raises
    ------
    DataError
        If a border that publishes every month has a hole between its first and last month in that span.
    """
    problems = []
    span = rows[(rows["month"] >= months[0]) & (rows["month"] <= months[-1])]
    for (border, nationality), part in span.groupby(["border", "nationality"], sort=True):
        if border in OPEN_SERIES:
            continue
        known = set(part["month"])
        holes = [m for m in months_between(min(known), max(known)) if m not in known]
        if holes:
            last = int(part.loc[part["month"] < holes[0], "row"].max())
            place = f"{part['file'].iloc[0] or where} row {last}, column month"
            problems.append(
                Problem(f"{border} {nationality}: nothing for {', '.join(holes)}", place, "every month once")
            )
    if problems:
        raise DataError(_REFUSED, problems)


def _read(file: Path, problems: list[Problem]) -> pd.DataFrame:
    """One table, checked row by row; totals by month at the known borders."""
    try:
        text = file.read_bytes().decode("utf-8-sig")
        table = pd.read_csv(io.StringIO(text), dtype=str, keep_default_na=False)
    except (UnicodeDecodeError, ValueError) as error:
        problems.append(Problem(f"cannot be read: {error}", file.name, "a CSV table in UTF-8"))
        return pd.DataFrame()
    known = (*COLUMNS, *_EXTRA)
    for name in table.columns:
        if name not in known:
            problems.append(
                Problem(
                    f"unknown column {name!r}", f"{file.name} row 1", ", ".join(COLUMNS), nearest(name, known)
                )
            )
    missing = [name for name in NEEDED if name not in table.columns]
    if missing:
        problems.append(Problem(f"no column {', '.join(missing)}", f"{file.name} row 1", ", ".join(NEEDED)))
        return pd.DataFrame()
    for name in known:
        if name not in table.columns:
            table[name] = "ALL" if name in {"sex", "age_band"} else ""
    table["row"] = range(2, len(table) + 2)
    table["file"] = file.name
    table = table[table["border"].isin(_READ) | ~table["border"].isin(_other_borders())]
    before = len(problems)
    _check(table, file.name, problems)
    if len(problems) > before:
        return pd.DataFrame()
    table["persons"] = table["persons"].astype(float)
    whole = (table["sex"] == "ALL") & (table["age_band"] == "ALL") & table["kind"].isin(_COUNTED)
    cut = table["border"].map(_CUTS).fillna("")
    return table[whole & table["month"].map(is_month) & ((table["cut"] == cut) | (table["cut"] == ""))]


def _other_borders() -> frozenset[str]:
    """Borders the observed tables know and forecasts do not."""
    from calibration.observed.load import list_series  # noqa: PLC0415 - reads all tables

    return frozenset(list_series()["border"].astype(str)) - set(_READ)


def _check(table: pd.DataFrame, name: str, problems: list[Problem]) -> None:
    groups = _groups()
    for row in table.itertuples():
        where = f"{name} row {row.row}"
        if row.border not in _READ:
            close = nearest(str(row.border), TARGETS)
            problems.append(Problem(f"unknown border {row.border!r}", f"{where}, column border", "", close))
        month = str(row.month)
        if not (is_month(month) or "/" in month or (month.isdigit() and len(month) == len("2024"))):
            problems.append(Problem(f"month {month!r}", f"{where}, column month", "YYYY-MM"))
        if str(row.nationality) not in groups:
            close = nearest(str(row.nationality), groups)
            what = f"unknown nationality {row.nationality!r}"
            problems.append(
                Problem(what, f"{where}, column nationality", "a group, an ISO3 code or ALL", close)
            )
        try:
            persons = float(str(row.persons))
        except ValueError:
            persons = math.nan
        if not math.isfinite(persons):
            problems.append(Problem(f"persons {row.persons!r}", f"{where}, column persons", "a number"))
        elif persons < 0.0:
            problems.append(Problem(f"negative count {row.persons}", f"{where}, column persons", "0 or more"))
    cell = [
        "series",
        "border",
        "month",
        "nationality",
        "nationality_source",
        "sex",
        "age_band",
        "cut",
        "kind",
    ]
    cell.append("source_ref")
    for row in table[table.duplicated(cell)].itertuples():
        what = f"{row.border} {row.nationality} {row.month} stands twice"
        problems.append(
            Problem(what, f"{name} row {row.row}", "one figure per series, month and nationality")
        )


def _groups() -> dict[str, str]:
    """Group of each nationality a file may name: groups themselves, ALL, and ISO3 codes."""
    names = nationalities()
    codes = {str(iso): str(group) for iso, group in zip(names["iso3"], names["group"], strict=True) if iso}
    return {**codes, **{group: group for group in (*GROUPS, "ALL")}}


def _one_series_each(rows: pd.DataFrame) -> pd.DataFrame:
    """Keep, for each border and nationality, the series it is forecast in; add up to the groups."""
    groups = _groups()
    rows = rows.assign(nationality=[groups[str(n)] for n in rows["nationality"]])
    kept = []
    for border, part in rows.groupby("border", sort=False):
        order = {name: i for i, name in enumerate(_SERIES[str(border)])}
        official = part["series"].isin(order)
        chosen = part[official] if official.any() else part
        detailed = chosen["series"] == _SERIES[str(border)][-1]
        if len(order) > 1 and detailed.any():  # totals from the first series, nationalities from the second
            total = chosen["nationality"] == "ALL"
            chosen = chosen[(detailed & ~total) | (~detailed & total)]
        kept.append(chosen)
    table = pd.concat(kept, ignore_index=True)
    grouped = table.groupby(["border", "month", "nationality"], sort=True)
    added = grouped.agg(persons=("persons", "sum"), file=("file", "first"), row=("row", "max")).reset_index()
    return _zeros_of_full_lists(_ports_by_difference(added))


def _ports_by_difference(rows: pd.DataFrame) -> pd.DataFrame:
    """Count at the ports the groups that only the whole border lists, as the shipped series do."""
    whole = rows[(rows["border"] == "us_southwest") & rows["nationality"].isin(_BY_DIFFERENCE)]
    rows = rows[rows["border"] != "us_southwest"]
    patrol = rows[rows["border"] == "us_border_patrol"][["month", "nationality", "persons"]]
    both = whole.merge(patrol, on=["month", "nationality"], suffixes=("", "_between"))
    listed = set(rows.loc[rows["border"] == "us_ports", "nationality"])
    both = both[~both["nationality"].isin(listed)]
    if both.empty or "OTH" not in listed:
        return rows
    both["persons"] = (both["persons"] - both["persons_between"]).clip(lower=0.0)
    taken = both.groupby("month")["persons"].sum()
    others = (rows["border"] == "us_ports") & (rows["nationality"] == "OTH")
    left = rows["persons"] - rows["month"].map(taken).fillna(0.0)
    rows = rows.assign(persons=rows["persons"].where(~others, left.clip(lower=0.0)))
    return pd.concat([rows, both.assign(border="us_ports")[rows.columns]], ignore_index=True)


def _zeros_of_full_lists(rows: pd.DataFrame) -> pd.DataFrame:
    """Add zeros for nationalities a month leaves out although its list adds up to the published total."""
    new = []
    for border, part in rows.groupby("border", sort=True):
        wide = part.pivot_table(index="month", columns="nationality", values="persons", aggfunc="sum")
        if "ALL" not in wide or wide.shape[1] == 1:
            continue
        full = (wide.drop(columns="ALL").sum(axis=1) - wide["ALL"]).abs() <= _ROUNDING
        absent = wide[full].isna()
        for at, group in zip(*np.nonzero(absent.to_numpy()), strict=True):
            named = {"border": border, "month": absent.index[at], "nationality": absent.columns[group]}
            new.append({**named, "persons": 0.0, "file": "", "row": 0})
    out = pd.concat([rows, pd.DataFrame(new)], ignore_index=True) if new else rows
    return out.sort_values(["border", "month", "nationality"], ignore_index=True)
