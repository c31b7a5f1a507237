"""A file with later months enters; a checked, merged table leaves, every revision of an older figure named.

Nothing is written unless the whole file is sound. The merged table goes to the user's own folder (to the
shipped one only when asked), aside first and then renamed, together with a fresh descriptor.
"""

from __future__ import annotations

import io
import json
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

from calibration.observed.checks import (
    CELL,
    check_columns,
    check_duplicates,
    check_rows,
    check_sums,
    is_month,
    nearest,
    series_facts,
)
from calibration.observed.seal import describe, write_atomically
from calibration.observed.tables import (
    COLUMNS,
    OBSERVED,
    nationalities,
    read_table,
    series_tables,
    table_path,
    user_directory,
)
from calibration.observed.verify import file_hash
from sim.errors import DataError, Problem

__all__ = ["REQUIRED", "UpdatePlan", "apply_update", "plan_update"]

REQUIRED: tuple[str, ...] = ("series", "month", "persons", "source_ref")
"""Columns an update must have, besides ``nationality`` or ``nationality_source``."""

_REFUSED = "The update was refused; nothing was written."


@dataclass(frozen=True)
class UpdatePlan:
    """What an update would do.

    Parameters
    ----------
    file : pathlib.Path
        The file that was read.
    folder : pathlib.Path
        Where the tables would go.
    tables : mapping of str to pandas.DataFrame
        Merged tables by file name.
    sources : pandas.DataFrame
        ``sources.csv`` with the sources the update brings.
    added, unchanged : int
        Rows that are new, and rows that repeat what is known.
    revisions : pandas.DataFrame
        series, month, nationality, cut, before, after, difference: figures the update changes, in the unit
        of the series.
    """

    file: Path
    folder: Path
    tables: Mapping[str, pd.DataFrame]
    sources: pd.DataFrame
    added: int
    unchanged: int
    revisions: pd.DataFrame


def plan_update(file: str | Path, *, in_place: bool = False, allow_gaps: bool = False) -> UpdatePlan:
    """Read and check a file of later months, and merge it with the known tables.

    Parameters
    ----------
    file : str or pathlib.Path
        CSV in UTF-8 with the columns of the observed tables (see :data:`REQUIRED`).
    in_place : bool, default False
        Aim at the shipped tables instead of the user's own folder.
    allow_gaps : bool, default False
        Accept months that do not follow the last known month.

    Returns
    -------
    UpdatePlan
        Nothing has been written yet.

    Raises
    ------
    DataError
        With every fault found, each with file, row and column.
    """
    path = Path(file)
    rows = _read(path)
    known = {item.name: read_table(item.name) for item in series_tables()}
    home = {str(series): name for name, table in known.items() for series in table["series"].unique()}
    strangers = _unknown_series(rows, path.name, home)
    if strangers:
        raise DataError(_REFUSED, strangers)
    rows = _fill(rows, known, home)
    nameless = _nameless(rows, path.name)
    if nameless:
        raise DataError(_REFUSED, nameless)
    problems = check_rows(rows, path.name) + check_duplicates(rows, path.name)
    problems += _check_months(rows, path.name, known, home)
    if problems:
        raise DataError(_REFUSED, problems)
    rows["persons"] = rows["persons"].astype(float)
    merged, revised, added = {}, [], 0
    for name in sorted({home[series] for series in rows["series"]}):
        fresh = rows[rows["series"].map(home) == name]
        merged[name], revisions, count = _merge(known[name], fresh)
        problems += _check_merged(known[name], merged[name], fresh, path.name, allow_gaps=allow_gaps)
        revised.append(revisions)
        added += count
    if problems:
        raise DataError(_REFUSED, problems)
    table = pd.concat(revised, ignore_index=True)
    folder = OBSERVED if in_place else user_directory() / "observed"
    return UpdatePlan(
        path, folder, merged, _sources(rows, path), added, len(rows) - added - len(table), table
    )


def apply_update(plan: UpdatePlan) -> list[Path]:
    """Write the merged tables, the sources and a fresh descriptor, aside first and then renamed.

    Parameters
    ----------
    plan : UpdatePlan
        From :func:`plan_update`.

    Returns
    -------
    list of pathlib.Path
        Files written.
    """
    files = {plan.folder / name: _csv(table) for name, table in plan.tables.items()}
    files[plan.folder / "sources.csv"] = plan.sources.to_csv(index=False, lineterminator="\n")
    write_atomically(files)
    based_on = None
    if plan.folder != OBSERVED:
        names = [item.name for item in plan.folder.glob("*.csv") if (OBSERVED / item.name).is_file()]
        based_on = _bases(plan, names)
    descriptor = plan.folder / "datapackage.json"
    text = json.dumps(describe(plan.folder, based_on=based_on), ensure_ascii=False, indent=1) + "\n"
    write_atomically({descriptor: text})
    return [*files, descriptor]


def _bases(plan: UpdatePlan, names: list[str]) -> dict[str, str]:
    """Hash of the shipped table each copy was made from: kept for copies that this update only passes on."""
    before: dict[str, str] = {}
    descriptor = plan.folder / "datapackage.json"
    if descriptor.is_file():
        resources = json.loads(descriptor.read_text(encoding="utf-8")).get("resources", [])
        before = {str(item["path"]): str(item["based_on"]) for item in resources if "based_on" in item}
    return {name: before.get(name) or file_hash(OBSERVED / name) for name in names}


def _read(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise DataError(_REFUSED, [Problem("no such file", str(path), "a CSV file with later months")])
    try:
        text = path.read_bytes().decode("utf-8-sig")
        rows = pd.read_csv(io.StringIO(text), dtype=str, keep_default_na=False)
    except (UnicodeDecodeError, ValueError) as error:
        problem = Problem(f"cannot be read: {error}", path.name, "a CSV table in UTF-8")
        raise DataError(_REFUSED, [problem]) from error
    problems = check_columns([str(name).removesuffix(".1") for name in rows.columns], path.name, REQUIRED)
    if not {"nationality", "nationality_source"} & set(rows.columns):
        problems.append(
            Problem("no column 'nationality' or 'nationality_source'", f"{path.name} header", "one of them")
        )
    if not problems and rows.empty:
        problems.append(Problem("holds no row", path.name, "at least one figure"))
    if problems:
        raise DataError(_REFUSED, problems)
    return rows


def _unknown_series(rows: pd.DataFrame, where: str, home: Mapping[str, str]) -> list[Problem]:
    problems = []
    for number, series in enumerate(rows["series"], start=2):
        if series not in home:
            place = f"{where} row {number}, column series"
            problems.append(
                Problem(f"unknown series {series!r}", place, "a known series", nearest(series, home))
            )
    return problems


def _nameless(rows: pd.DataFrame, where: str) -> list[Problem]:
    """Groups that stand for several names, so that the row cannot be told apart from others."""
    problems = []
    for number, (name, group) in enumerate(
        zip(rows["nationality_source"], rows["nationality"], strict=True), start=2
    ):
        if not name:
            place = f"{where} row {number}, column nationality"
            what = f"group {group!r} does not say which nationality is meant" if group else "nothing written"
            problems.append(Problem(what, place, "the name the source uses, in column nationality_source"))
    return problems


def _fill(rows: pd.DataFrame, known: Mapping[str, pd.DataFrame], home: Mapping[str, str]) -> pd.DataFrame:
    """Fill the columns an update may leave out from what the series always says."""
    rows = rows.copy()
    defaults = {"sex": "ALL", "age_band": "ALL", "cut": "", "confidence": "exact", "note": ""}
    for column in COLUMNS:
        if column not in rows:
            rows[column] = defaults.get(column, "")
    names = nationalities()
    groups = names["group"].to_dict()
    code_of = names.loc[names["iso3"] != "", "iso3"]
    for series in rows["series"].unique():
        table = known[home[series]]
        before = table[table["series"] == series]
        mine = rows["series"] == series
        used = code_of[
            code_of.index.isin(before["nationality_source"])
        ]  # the series' own names before others
        name_of = {code: name for name, code in [*code_of[::-1].items(), *used[::-1].items()]}
        coded = mine & rows["nationality_source"].isin(set(name_of) - set(groups))
        rows.loc[coded, "nationality_source"] = rows.loc[coded, "nationality_source"].map(name_of)
        for column in ("border", "kind", "source"):
            values = before[column].unique()
            if len(values) == 1:
                rows.loc[mine & (rows[column] == ""), column] = values[0]
        pairs = before[["nationality", "nationality_source"]].drop_duplicates().groupby("nationality")
        single = {str(group): part["nationality_source"].iloc[0] for group, part in pairs if len(part) == 1}
        single["ALL"] = "ALL"
        nameless = mine & (rows["nationality_source"] == "")
        rows.loc[nameless, "nationality_source"] = rows.loc[nameless, "nationality"].map(single).fillna("")
    for column, value in defaults.items():
        rows.loc[rows[column] == "", column] = value
    agencies = pd.read_csv(table_path("sources.csv"), dtype=str, keep_default_na=False).set_index("id")[
        "agency"
    ]
    unsigned = rows["source"] == ""
    rows.loc[unsigned, "source"] = rows.loc[unsigned, "source_ref"].map(agencies.to_dict()).fillna("")
    groupless = rows["nationality"] == ""
    rows.loc[groupless, "nationality"] = rows.loc[groupless, "nationality_source"].map(groups).fillna("")
    return rows[list(COLUMNS)]


def _check_months(
    rows: pd.DataFrame, where: str, known: Mapping[str, pd.DataFrame], home: Mapping[str, str]
) -> list[Problem]:
    """Periods of the wrong form for their series, before its start, or still to come."""
    problems = []
    today = datetime.now(tz=UTC).strftime("%Y-%m")
    forms: dict[str, tuple[set[int], str]] = {}
    for series in rows["series"].unique():
        table = known[home[series]]
        periods = table.loc[table["series"] == series, "month"]
        forms[series] = (set(periods.str.len()), periods.min()[:7])
    names = {4: "a year", 7: "a month", 21: "a window"}
    for number, (series, period) in enumerate(zip(rows["series"], rows["month"], strict=True), start=2):
        lengths, first = forms[series]
        place = f"{where} row {number}, column month"
        if len(period) in names and len(period) not in lengths:
            expected = " or ".join(names[length] for length in sorted(lengths))
            problems.append(
                Problem(f"{period!r} is {names[len(period)]}", place, f"{expected}, as in {series}")
            )
        elif is_month(period) and period < first:
            problems.append(Problem(f"{period} lies before {series} starts", place, f"{first} or later"))
        elif is_month(period) and period >= today:
            problems.append(Problem(f"{period} is not over yet", place, f"a month before {today}"))
    return problems


def _merge(before: pd.DataFrame, fresh: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame, int]:
    """Merge new rows into a table: (merged, revisions, number of new rows)."""
    # A figure that several sources give is told apart by the source; any other is known by its cell alone.
    crowded = before.duplicated(CELL, keep=False)
    old: dict[tuple[str, ...], Hashable] = {}
    for index, many, *names in zip(before.index, crowded, *(before[column] for column in CELL), strict=True):
        key = (*names, before.at[index, "source_ref"]) if many else tuple(names)
        old[key] = index
    table, new_rows, revisions = before.copy(), [], []
    for row in fresh.to_dict("records"):
        cell = tuple(str(row[column]) for column in CELL)
        index = old.get(cell, old.get((*cell, str(row["source_ref"]))))
        if index is None:
            new_rows.append(row)
            continue
        known, value = float(str(table.at[index, "persons"])), float(row["persons"])
        if known == value:
            continue
        revisions.append(
            (row["series"], row["month"], row["nationality_source"], row["cut"], known, value, value - known)
        )
        for column in ("persons", "source", "source_ref", "confidence", "note"):
            table.at[index, column] = row[column]
    if new_rows:
        table = pd.concat([table, pd.DataFrame(new_rows)[list(COLUMNS)]], ignore_index=True)
    columns = ["series", "month", "nationality", "cut", "before", "after", "difference"]
    return _sort(table), pd.DataFrame(revisions, columns=columns), len(new_rows)


def _sort(table: pd.DataFrame) -> pd.DataFrame:
    first = table["nationality"].where(table["nationality"] != "ALL", "")
    order = ["series", "cut", "sex", "age_band", "month", "_first", "nationality_source", "source_ref"]
    return (
        table.assign(_first=first)
        .sort_values(order, kind="stable")
        .drop(columns="_first")
        .reset_index(drop=True)
    )


def _check_merged(
    before: pd.DataFrame, after: pd.DataFrame, fresh: pd.DataFrame, where: str, *, allow_gaps: bool
) -> list[Problem]:
    """Gaps the update opens and sums it breaks, in the months it touches."""
    problems = []
    old = {(fact.name, fact.border, fact.kind): fact for fact in series_facts(before)}
    touched = set(fresh["series"])
    for fact in series_facts(after[after["series"].isin(touched)]):
        earlier = old.get((fact.name, fact.border, fact.kind))
        missing = [month for month in fact.gaps if earlier is not None and month not in earlier.gaps]
        if missing and not allow_gaps:
            hint = "add them, or accept the gap with --allow-gaps"
            what = f"{fact.name} jumps over {', '.join(missing)}"
            problems.append(
                Problem(what, where, f"the month after {earlier.last if earlier else fact.first}", hint)
            )
    complete = {(fact.name, fact.border) for fact in old.values() if fact.parts == "complete"}
    months = set(zip(fresh["series"], fresh["month"], strict=True))
    mine = [pair in months for pair in zip(after["series"], after["month"], strict=True)]
    part = after[mine]
    for name, border in sorted(complete & set(zip(part["series"], part["border"], strict=True))):
        here = part[(part["series"] == name) & (part["border"] == border)]
        totals = set(here.loc[here["nationality_source"] == "ALL", "month"])
        orphans = [
            f"{name} in {month} has nationalities but no total"
            for month in sorted(set(here["month"]) - totals)
        ]
        problems += [Problem(what, where, "a row for ALL") for what in orphans]
    return problems + check_sums(part, where, complete=complete)


def _sources(rows: pd.DataFrame, path: Path) -> pd.DataFrame:
    sources = pd.read_csv(table_path("sources.csv"), dtype=str, keep_default_na=False)
    fresh = rows[~rows["source_ref"].isin(sources["id"])].drop_duplicates("source_ref")
    if fresh.empty:
        return sources
    added = pd.DataFrame(
        {
            "id": fresh["source_ref"],
            "agency": fresh["source"],
            "title": "figures added by an update",
            "read_from": path.name,
            "licence": "as published by the agency",
            "note": "",
        }
    )
    return pd.concat([sources, added], ignore_index=True).sort_values("id", ignore_index=True)


def _csv(table: pd.DataFrame) -> str:
    whole = table["persons"] % 1 == 0
    text = (
        table["persons"]
        .astype(str)
        .where(~whole, table["persons"].astype("int64", errors="ignore").astype(str))
    )
    return str(table.assign(persons=text).to_csv(index=False, lineterminator="\n"))
