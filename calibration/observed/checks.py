"""Rules every observed table keeps: rows in, problems out, each with its file, row and column."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

import pandas as pd

from calibration.observed.tables import COLUMNS, GROUPS, SEXES, WHOLE_KINDS, nationalities
from sim.errors import Problem

__all__ = [
    "CELL",
    "SeriesFacts",
    "check_columns",
    "check_duplicates",
    "check_gaps",
    "check_rows",
    "check_sums",
    "is_month",
    "months_between",
    "nearest",
    "series_facts",
]

CELL = ["series", "border", "month", "nationality_source", "sex", "age_band", "cut", "kind"]
"""Columns that name one published figure; with ``source_ref`` they name it as one source gave it."""

ROUNDED_TO = 10
"""The DHS tables are rounded to ten, so each part may be off by half of it."""

_FILLED = ("series", "border", "kind", "source", "source_ref", "age_band")
_MONTHS = frozenset(f"{month:02d}" for month in range(1, 13))
_MONTH = re.compile(r"(\d{4})-(\d{2})")
_WINDOW = re.compile(r"(\d{4}-\d{2}-\d{2})/(\d{4}-\d{2}-\d{2})")
_MONTH_FORM = "YYYY-MM, a year YYYY, or a window YYYY-MM-DD/YYYY-MM-DD"


@dataclass(frozen=True)
class SeriesFacts:
    """What a descriptor promises about one series.

    Parameters
    ----------
    name, border, kind : str
        Identity and unit.
    first, last : str
        First and last period.
    gaps : tuple of str
        Months inside the span for which nothing was published or found.
    parts : str
        ``complete`` if the nationalities of every month add up to its total, ``partial`` if they are fewer,
        ``none``.
    """

    name: str
    border: str
    kind: str
    first: str
    last: str
    gaps: tuple[str, ...]
    parts: str


def nearest(name: str, known: Iterable[str]) -> str:
    """Sentence that offers the nearest known name, or an empty one.

    Parameters
    ----------
    name : str
        What was written.
    known : iterable of str
        What is valid.

    Returns
    -------
    str
        For example ``did you mean 'darien_entries'?``.
    """
    close = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.5)
    return f"did you mean {close[0]!r}?" if close else ""


def is_month(period: str) -> bool:
    """Whether `period` is a calendar month ``YYYY-MM``."""
    match = _MONTH.fullmatch(period)
    return bool(match) and period[5:] in _MONTHS


def months_between(first: str, last: str) -> list[str]:
    """Every month from `first` to `last`, both ``YYYY-MM`` and included."""
    return [str(month) for month in pd.period_range(first, last, freq="M")]


def check_columns(columns: Sequence[str], where: str, required: Sequence[str] = COLUMNS) -> list[Problem]:
    """Unknown, missing or repeated columns.

    Parameters
    ----------
    columns : sequence of str
        Header of the file.
    where : str
        File name, for the messages.
    required : sequence of str
        Columns that must be there.

    Returns
    -------
    list of Problem
    """
    problems = []
    for name in columns:
        if name not in COLUMNS:
            expected = ", ".join(COLUMNS)
            problems.append(
                Problem(f"unknown column {name!r}", f"{where} header", expected, nearest(name, COLUMNS))
            )
        if list(columns).count(name) > 1:
            problems.append(Problem(f"column {name!r} appears twice", f"{where} header", "each column once"))
    problems += [
        Problem(f"no column {name!r}", f"{where} header", name) for name in required if name not in columns
    ]
    return list(dict.fromkeys(problems))


def check_rows(
    rows: pd.DataFrame, where: str, *, known_sources: Iterable[str] | None = None
) -> list[Problem]:
    """Faults of single rows: counts, months, names, groups, sources.

    Parameters
    ----------
    rows : pandas.DataFrame
        Text columns of :data:`COLUMNS`; ``persons`` as text or numbers. Row 2 is the first row below the
        header.
    where : str
        File name, for the messages.
    known_sources : iterable of str, optional
        Ids of ``sources.csv``; not checked if absent.

    Returns
    -------
    list of Problem
    """
    names = {str(name): str(group) for name, group in nationalities()["group"].items()}
    sources = None if known_sources is None else set(known_sources)
    problems: list[Problem] = []
    for position in _suspects(rows, sources):
        row = {str(name): value for name, value in rows.iloc[position].items()}
        place = f"{where} row {position + 2}"
        problems += _check_count(row, place)
        problems += _check_period(str(row["month"]), place)
        problems += _check_names(row, place, names)
        if sources is not None and row["source_ref"] not in sources:
            what = f"source {row['source_ref']!r} is not described"
            problems.append(Problem(what, f"{place}, column source_ref", "an id of sources.csv"))
    return problems


def _suspects(rows: pd.DataFrame, sources: set[str] | None) -> list[int]:
    """Positions of rows that may hold a fault: each distinct value is looked at once."""
    counts = pd.to_numeric(rows["persons"], errors="coerce")
    whole = rows["kind"].isin(WHOLE_KINDS)
    suspect = ~(counts >= 0) | (counts == float("inf")) | (whole & (counts % 1 != 0))
    months = {period: bool(_check_period(period, "")) for period in rows["month"].unique()}
    suspect |= rows["month"].map(months).astype(bool)
    groups = rows["nationality_source"].map(nationalities()["group"])
    suspect |= (groups != rows["nationality"]) | ~rows["sex"].isin(SEXES)
    for column in _FILLED:
        suspect |= rows[column] == ""
    if sources is not None:
        suspect |= ~rows["source_ref"].isin(sources)
    return [position for position, doubtful in enumerate(suspect.to_list()) if doubtful]


def _check_count(row: dict[str, object], place: str) -> list[Problem]:
    where = f"{place}, column persons"
    try:
        value = float(str(row["persons"]))
    except ValueError:
        return [Problem(f"{row['persons']!r} is not a number", where, "a number")]
    if not value >= 0 or value == float("inf"):
        return [Problem(f"{row['persons']}", where, "a count of 0 or more")]
    if str(row["kind"]) in WHOLE_KINDS and value != int(value):
        return [Problem(f"{row['persons']}", where, f"a whole number of {row['kind']}")]
    return []


def _check_period(period: str, place: str) -> list[Problem]:
    where = f"{place}, column month"
    window = _WINDOW.fullmatch(period)
    if window:
        try:
            start, end = date.fromisoformat(window[1]), date.fromisoformat(window[2])
        except ValueError as error:
            return [Problem(f"{period!r} holds an impossible date: {error}", where, _MONTH_FORM)]
        if end < start:
            return [Problem(f"the window {period} ends before it starts", where, "first day/last day")]
        return []
    if is_month(period) or re.fullmatch(r"\d{4}", period):
        return []
    return [Problem(f"{period!r} is not a month", where, _MONTH_FORM)]


def _check_names(row: dict[str, object], place: str, names: dict[str, str]) -> list[Problem]:
    problems = []
    source_name, group = str(row["nationality_source"]), str(row["nationality"])
    if source_name not in names:
        hint = nearest(source_name, names) or "add it to nationalities.csv with its group"
        what = f"nationality {source_name!r} is not known"
        problems.append(
            Problem(what, f"{place}, column nationality_source", "a name of nationalities.csv", hint)
        )
    elif names[source_name] != group:
        what = f"{source_name!r} is filed under {group!r}"
        problems.append(Problem(what, f"{place}, column nationality", f"group {names[source_name]!r}"))
    elif group not in (*GROUPS, "ALL"):
        problems.append(
            Problem(f"group {group!r}", f"{place}, column nationality", ", ".join((*GROUPS, "ALL")))
        )
    if row["sex"] not in SEXES:
        problems.append(Problem(f"sex {row['sex']!r}", f"{place}, column sex", ", ".join(SEXES)))
    blank = [column for column in _FILLED if not row[column]]
    return problems + [Problem("nothing written", f"{place}, column {name}", "a value") for name in blank]


def check_duplicates(rows: pd.DataFrame, where: str) -> list[Problem]:
    """Figures that one source gives twice.

    Parameters
    ----------
    rows : pandas.DataFrame
        Rows of one table.
    where : str
        File name, for the messages.

    Returns
    -------
    list of Problem
    """
    twice = rows.duplicated([*CELL, "source_ref"], keep="first").to_numpy()
    problems = []
    for position in twice.nonzero()[0]:
        row = rows.iloc[position]
        cell = ", ".join(
            str(row[column]) for column in ("series", "month", "nationality_source", "cut") if row[column]
        )
        problems.append(
            Problem(f"duplicate of {cell}", f"{where} row {position + 2}", "each figure once per source")
        )
    return problems


def check_sums(rows: pd.DataFrame, where: str, *, complete: Iterable[tuple[str, str]] = ()) -> list[Problem]:
    """Monthly parts against their totals: nationalities, sexes, ages.

    Parts must never exceed the total by more than rounding explains; in a series named in `complete` they
    must add up.

    Parameters
    ----------
    rows : pandas.DataFrame
        Rows of one table, ``persons`` numeric.
    where : str
        File name, for the messages.
    complete : iterable of tuple of str
        Series and border whose nationalities list everybody.

    Returns
    -------
    list of Problem
    """
    monthly = rows[rows["month"].map(is_month)]
    problems: list[Problem] = []
    whole = set(complete)
    base = monthly[(monthly["sex"] == "ALL") & (monthly["age_band"] == "ALL")]
    cell = ["series", "border", "cut", "month"]
    totals = base[base["nationality_source"] == "ALL"].drop_duplicates(cell)
    total_of = totals.set_index(cell)["persons"].to_dict()
    parts = base[base["nationality"] != "ALL"]
    parts = parts.assign(rounded=parts["confidence"] == "rounded")
    sums = parts.groupby(cell).agg(persons=("persons", "sum"), rounded=("rounded", "sum"))
    for key, persons, rounded in zip(sums.index, sums["persons"], sums["rounded"], strict=True):
        if key not in total_of:
            continue
        series, border, cut, month = key
        gap = float(persons) - float(total_of[key])
        slack = ROUNDED_TO / 2 * (1 + int(rounded)) if rounded else 0.0
        if gap > slack or ((series, border) in whole and gap < -slack):
            problems.append(
                _sum_problem(where, str(series), str(cut), str(month), "nationalities", gap, total_of[key])
            )
    return problems + _check_people_sums(monthly, where)


_PEOPLE_PARTS: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = (
    ("women and men", (("female", "ALL"), ("male", "ALL"))),
    ("children and adults", (("ALL", "0-17"), ("ALL", "18+"))),
    (
        "girls, boys, women and men",
        (("female", "0-17"), ("male", "0-17"), ("female", "18+"), ("male", "18+")),
    ),
)


def _check_people_sums(monthly: pd.DataFrame, where: str) -> list[Problem]:
    people = monthly[(monthly["nationality_source"] == "ALL") & (monthly["cut"] == "")]
    detailed = people[(people["sex"] != "ALL") | (people["age_band"] != "ALL")]
    if detailed.empty:
        return []
    value = people.drop_duplicates(["series", "month", "sex", "age_band"])
    persons = value.set_index(["series", "month", "sex", "age_band"])["persons"].to_dict()
    problems = []
    for series, month in sorted(set(zip(detailed["series"], detailed["month"], strict=True))):
        total = persons.get((series, month, "ALL", "ALL"))
        for label, cells in _PEOPLE_PARTS:
            found = [persons.get((series, month, sex, age)) for sex, age in cells]
            if total is None or any(count is None for count in found):
                continue
            gap = sum(count for count in found if count is not None) - total
            if gap:
                problems.append(_sum_problem(where, series, "", month, label, gap, total))
    return problems


def _sum_problem(
    where: str, series: str, cut: str, month: str, label: str, gap: float, total: float
) -> Problem:
    name = f"{series} {cut}".strip()
    what = f"{label} of {name} in {month} add up to {total + gap:,.0f}, {gap:+,.0f} against the total"
    hint = "write those not listed as 'Others'" if gap < 0 and label == "nationalities" else ""
    return Problem(what, where, f"{total:,.0f}", hint)


def series_facts(rows: pd.DataFrame) -> list[SeriesFacts]:
    """Describe each series of a table: span, gaps, whether its nationalities are complete.

    Parameters
    ----------
    rows : pandas.DataFrame
        Rows of one table, ``persons`` numeric.

    Returns
    -------
    list of SeriesFacts
        By name, border and kind.
    """
    facts = []
    for key, part in rows.groupby(["series", "border", "kind"], sort=True):
        name, border, kind = (str(value) for value in key)
        periods = sorted(part["month"].unique())
        months = [period for period in periods if is_month(period)]
        gaps = (
            tuple(month for month in months_between(months[0], months[-1]) if month not in months)
            if months
            else ()
        )
        first = min(period.split("/")[0] for period in periods)
        last = max(period.split("/")[-1] for period in periods)
        facts.append(SeriesFacts(name, border, kind, first, last, gaps, _parts(part)))
    return facts


def _parts(rows: pd.DataFrame) -> str:
    monthly = rows[rows["month"].map(is_month) & (rows["sex"] == "ALL") & (rows["age_band"] == "ALL")]
    listed = monthly[monthly["nationality"] != "ALL"]
    cells = [
        set(zip(part["cut"], part["month"], strict=True))
        for part in (listed, monthly[monthly["nationality_source"] == "ALL"])
    ]
    if not cells[0] & cells[1]:
        return "none"
    name = (str(rows["series"].iloc[0]), str(rows["border"].iloc[0]))
    return "partial" if check_sums(monthly, "", complete=[name]) else "complete"


def check_gaps(rows: pd.DataFrame, where: str, promised: Iterable[SeriesFacts]) -> list[Problem]:
    """Months, series and completeness a descriptor promises and the table no longer has.

    Parameters
    ----------
    rows : pandas.DataFrame
        Rows of one table.
    where : str
        File name, for the messages.
    promised : iterable of SeriesFacts
        From the descriptor.

    Returns
    -------
    list of Problem
    """
    found = {(fact.name, fact.border, fact.kind): fact for fact in series_facts(rows)}
    problems = []
    for fact in promised:
        key = (fact.name, fact.border, fact.kind)
        now = found.pop(key, None)
        if now is None:
            problems.append(
                Problem(f"series {fact.name!r} ({fact.border}, {fact.kind}) is gone", where, "its rows")
            )
            continue
        missing = [month for month in now.gaps if month not in fact.gaps]
        if missing:
            what = f"series {fact.name!r} has a gap: {', '.join(missing)}"
            problems.append(Problem(what, where, f"every month from {fact.first} to {fact.last}"))
        if (now.first, now.last) != (fact.first, fact.last):
            what = f"series {fact.name!r} runs from {now.first} to {now.last}"
            problems.append(Problem(what, where, f"{fact.first} to {fact.last}"))
    for name, border, kind in found:
        problems.append(
            Problem(
                f"series {name!r} ({border}, {kind}) is not described", where, "an entry in the descriptor"
            )
        )
    return problems
