"""Cumulative counts of a border and its monthly ones enter; counts over the months that are not known singly leave.

A year's total, or a count since January, says something where single months were not published. Counts that share their
first day are taken one after the other as what came in between; what monthly figures already say is taken out, and the
rest stands for the months without a figure.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from calibration.likelihood import Window
from calibration.observed.checks import nearest
from calibration.observed.load import load_windows
from calibration.observed.tables import GROUPS, REST_GROUPS
from sim.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["cumulative_windows", "month_shares", "remainder", "window_series"]

_KINDS = ("persons", "encounters")

Span = tuple[pd.Timestamp, pd.Timestamp]


def window_series(border: str) -> tuple[str, ...]:
    """Names of the cumulative series of a border that count people or encounters.

    Parameters
    ----------
    border : str

    Returns
    -------
    tuple of str
    """
    table = load_windows(border)
    return tuple(sorted(table.loc[table["kind"].isin(_KINDS), "series"].unique()))


def month_shares(start: pd.Timestamp, end: pd.Timestamp) -> tuple[tuple[str, float], ...]:
    """Months between two days, both inclusive, and the share of each that lies inside.

    Parameters
    ----------
    start, end : Timestamp

    Returns
    -------
    tuple of (str, float)
    """
    out = []
    for month in pd.period_range(start, end, freq="M"):
        first, last = max(start, month.start_time), min(end, month.end_time.normalize())
        out.append((str(month), ((last - first).days + 1) / month.days_in_month))
    return tuple(out)


def remainder(window: Window, monthly: Mapping[str, float]) -> Window | None:
    """What a cumulative count says beyond the months known singly.

    Parameters
    ----------
    window : Window
    monthly : mapping of str to float
        Counts of the same people by month.

    Returns
    -------
    Window or None
        Nothing where every month is known; a negative count where the months exceed their sum.
    """
    left = tuple((month, share) for month, share in window.months if month not in monthly)
    if not left:
        return None
    seen = sum(share * monthly[month] for month, share in window.months if month in monthly)
    return Window(window.border, window.groups, left, window.count - seen, window.lower_bound)


def cumulative_windows(
    border: str,
    names: Sequence[str],
    span: tuple[str, str],
    groups: Sequence[str],
    monthly: pd.DataFrame,
    where: str,
) -> tuple[list[Window], list[Problem]]:
    """Cumulative counts of a border inside a window of months.

    Parameters
    ----------
    border : str
    names : sequence of str
        Series.
    span : (str, str)
        First and last month of the fit.
    groups : sequence of str
        Groups of the model.
    monthly : DataFrame
        month, nationality, persons: what is known by month.
    where : str
        File and line, for what is wrong.

    Returns
    -------
    windows : list of Window
    problems : list of Problem
    """
    known = window_series(border)
    problems = [
        Problem(f"unknown cumulative series {name!r}", where, ", ".join(known), nearest(name, known))
        for name in names
        if name not in known
    ]
    table = load_windows(border)
    table = table[table["kind"].isin(_KINDS) & (table["sex"] == "ALL") & (table["age_band"] == "ALL")]
    out: list[Window] = []
    for name in names if not problems else ():
        own = table[(table["series"] == name) & (table["cut"].fillna("") == "")]
        own = own[(own["start"] >= pd.Timestamp(span[0])) & (own["end"] <= pd.Period(span[1], "M").end_time)]
        counted: dict[str, dict[Span, float]] = {}
        named: dict[Span, set[str]] = {}
        for row in own.to_dict("records"):
            key = pd.Timestamp(row["start"]), pd.Timestamp(row["end"])
            by_span = counted.setdefault(str(row["nationality"]), {})
            by_span[key] = by_span.get(key, 0.0) + float(row["persons"])
            named.setdefault(key, set()).add(str(row["nationality"]))
        for nationality, spans in counted.items():
            made, wrong = _increments(border, nationality, spans, named, groups, f"{where}, {name}")
            problems += wrong
            for window in made:
                seen = _monthly(monthly, nationality, window.groups)
                rest = remainder(window, seen)
                if rest is not None and rest.count < 0.0:
                    what = (
                        f"{nationality}: months add up to {-rest.count:,.0f} more than the cumulative count"
                    )
                    problems.append(Problem(what, f"{where}, {name}", "a total of at least its months"))
                elif rest is not None:
                    out.append(rest)
    return out, problems


def _monthly(monthly: pd.DataFrame, nationality: str, groups: tuple[str, ...]) -> dict[str, float]:
    if nationality != "ALL" and len(groups) > 1:
        return {}
    rows = monthly[monthly["nationality"] == nationality]
    return dict(zip(rows["month"].astype(str), rows["persons"].to_numpy(np.float64), strict=True))


def _increments(
    border: str,
    nationality: str,
    spans: Mapping[Span, float],
    named: Mapping[Span, set[str]],
    groups: Sequence[str],
    where: str,
) -> tuple[list[Window], list[Problem]]:
    """Counts that follow one another, from counts that share their first day."""
    out: list[Window] = []
    problems: list[Problem] = []
    free = pd.Timestamp.min
    for start in sorted({first for first, _ in spans}):
        rows = sorted((end, persons) for (first, end), persons in spans.items() if first == start)
        if start <= free:
            what = f"{nationality}: counts from {start:%Y-%m-%d} overlap earlier ones"
            problems.append(Problem(what, where, "cumulative counts that do not overlap"))
            continue
        steps = [(start, *rows[0])]
        steps += [(a[0] + pd.Timedelta(days=1), b[0], b[1] - a[1]) for a, b in pairwise(rows)]
        for first, last, persons in steps:
            covers = _covers(nationality, named.get((start, last), set()), groups)
            if persons < 0.0:
                what = f"{nationality}: the count to {last:%Y-%m-%d} is below the one before it"
                problems.append(Problem(what, where, "cumulative counts that rise"))
            elif covers:
                partial = nationality in REST_GROUPS and nationality != "OTH"
                out.append(Window(border, covers, month_shares(first, last), float(persons), partial))
        free = rows[-1][0]
    return out, problems


def _covers(nationality: str, named: set[str], groups: Sequence[str]) -> tuple[str, ...]:
    """Groups a row stands for: itself, everybody, or all that its list does not name."""
    if nationality == "ALL":
        return () if len(named) > 1 else tuple(groups)
    if nationality == "OTH":
        rest = tuple(g for g in GROUPS if g in groups and g not in named)
        return ("OTH", *rest) if "OTH" in groups else rest
    return (nationality,) if nationality in groups else ()
