"""Observed tables in, monthly counts by nationality group out.

Counts are events or persons exactly as the issuing agency counts them: Darién, Honduras and Costa Rica count
persons registered, Mexico and the United States count encounters (one person may be counted several times).
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import pandas as pd

from calibration.observed.tables import (
    GROUPS,
    REST_GROUPS,
    nationalities,
    read_series,
    read_table,
    series_tables,
    table_path,
)
from sim.errors import DataError, Problem

__all__ = [
    "BORDERS",
    "PATHWAYS",
    "list_series",
    "load_expulsions",
    "load_observed",
    "load_pathways",
    "load_series",
    "load_windows",
]

RESULT_COLUMNS = [
    "border",
    "month",
    "nationality",
    "persons",
    "kind",
    "source",
    "series",
    "covers",
    "confidence",
]

BORDERS: tuple[str, ...] = ("darien", "costa_rica", "honduras", "mexico", "us_border_patrol", "us_ports")
"""Borders that do not overlap; ``us_southwest`` (the last two together) can be asked for by name."""

_MONTHLY: dict[str, tuple[str, str]] = {
    "darien": ("darien.csv", "darien_entries"),
    "costa_rica": ("costa_rica.csv", "costarica_northbound_entries"),
    "honduras": ("honduras.csv", "honduras_irregular_entries"),
    "mexico": ("mexico.csv", "mexico_irregular_encounters"),
}

_UNKNOWN = "The observed series cannot be read as asked."

_CONFIDENCE = ("derived", "approx", "rounded", "exact")
"""From the weakest to the strongest."""

PATHWAYS: dict[str, tuple[str, str, str]] = {
    "cbp_one": ("us_pathways.csv", "cbp_one_appointments_processed", "OFO|ALL|T8"),
    "chnv_parole": ("us_pathways.csv", "chnv_paroles", ""),
    "chnv_authorization": ("us_pathways.csv", "chnv_travel_authorizations", ""),
    "chnv_confirmed": ("us_pathways.csv", "chnv_i134_confirmed", ""),
    "mpp": ("us_pathways.csv", "swb_bookouts_by_citizenship", "Migrant Protection Protocols"),
    "title_42_expulsion": ("us_pathways.csv", "swb_bookouts_by_citizenship", "T42 expulsions"),
    "title_8_repatriation": ("us_pathways.csv", "swb_bookouts_by_citizenship", "T8 repatriations"),
    "port_parole": ("us_pathways.csv", "swb_bookouts_by_citizenship", "OFO Paroles"),
    "release": ("us_pathways.csv", "swb_bookouts_by_citizenship", "USBP Releases"),
    "transfer_ice": ("us_pathways.csv", "swb_bookouts_by_citizenship", "Transfers to ICE"),
    "transfer_hhs": ("us_pathways.csv", "swb_bookouts_by_citizenship", "Transfers to HHS"),
    "removal": ("us_pathways.csv", "dhs_removals", ""),
    "enforcement_return": ("us_pathways.csv", "dhs_enforcement_returns", ""),
    "ice_removal": ("us_pathways.csv", "ice_ero_removals_returns", ""),
    "mexico_return": ("mexico.csv", "mexico_returns_by_inm", ""),
}
"""Pathway or outcome -> table, series and cut that count it."""


def load_observed(
    border: str | None = None,
    nationality: str | Sequence[str] | None = None,
    *,
    start: str | None = None,
    end: str | None = None,
    haitian_children: bool = False,
) -> pd.DataFrame:
    """Monthly counts at a border by nationality group, without overlaps.

    Parameters
    ----------
    border : str, optional
        One of :data:`BORDERS` or ``us_southwest``; all of :data:`BORDERS` by default.
    nationality : str or sequence of str, optional
        Group ids or ``ALL``; everything by default.
    start, end : str, optional
        First and last month, ``YYYY-MM``, inclusive.
    haitian_children : bool, default False
        Count children of Haitians with Brazilian or Chilean passports (Darién and Honduras name them so)
        with HTI.

    Returns
    -------
    pandas.DataFrame
        border, month (``YYYY-MM``), nationality (group id, or ALL for the published total), persons (int64;
        persons or events a month, see kind), kind, source (issuing agency), series, covers (group ids the
        row stands for, separated by ``;``: an OTH row of a short list also covers the groups the list does
        not name), confidence (exact, rounded, approx, derived, or ``lower bound`` where the source hides
        part of a group among others).

    Raises
    ------
    DataError
        If the border or nationality is not known.
    """
    wanted = BORDERS if border is None else (border,)
    for name in wanted:
        if name not in (*BORDERS, "us_southwest"):
            known = ", ".join((*BORDERS, "us_southwest"))
            raise DataError(_UNKNOWN, [Problem(f"border {name!r}", "load_observed", f"one of {known}")])
    result = pd.concat(
        [_border(name, haitian_children=haitian_children) for name in wanted], ignore_index=True
    )
    if nationality is not None:
        groups = [nationality] if isinstance(nationality, str) else list(nationality)
        unknown = [group for group in groups if group not in (*GROUPS, "ALL")]
        if unknown:
            problem = Problem(
                f"nationality {', '.join(unknown)}", "load_observed", f"ALL or {', '.join(GROUPS)}"
            )
            raise DataError(_UNKNOWN, [problem])
        result = result[result["nationality"].isin(groups)]
    return _between(result, start, end)


def load_series(name: str) -> pd.DataFrame:
    """Every row of one series as published, all cuts and windows included.

    Parameters
    ----------
    name : str
        Series name, see :func:`list_series`.

    Returns
    -------
    pandas.DataFrame
        The columns of the observed tables; ``persons`` in the unit of ``kind``.
    """
    for path in series_tables():
        rows = read_series(path.name, [name])
        if len(rows):
            return rows.reset_index(drop=True)
    known = list_series()["series"].unique()
    close = [series for series in known if name.split("_", maxsplit=1)[0] in series]
    problem = Problem(f"series {name!r}", "load_series", f"one of {', '.join(close or known)}")
    raise DataError(_UNKNOWN, [problem])


def list_series() -> pd.DataFrame:
    """One row per series, border and kind.

    Returns
    -------
    pandas.DataFrame
        table, series, border, kind, source, first, last (months, years or window ends), nationalities (count
        of group ids), rows.
    """
    tables = [read_table(path.name).assign(table=path.stem) for path in series_tables()]
    rows = pd.concat(tables, ignore_index=True)
    grouped = rows.groupby(["table", "series", "border", "kind"], sort=True)
    return grouped.agg(
        source=("source", lambda names: "; ".join(sorted(set(names)))),
        first=("month", lambda months: min(month.split("/")[0] for month in months)),
        last=("month", lambda months: max(month.split("/")[-1] for month in months)),
        nationalities=("nationality", lambda groups: len(set(groups) - {"ALL"})),
        rows=("persons", "size"),
    ).reset_index()


def load_windows(border: str | None = None, *, annual: bool = True) -> pd.DataFrame:
    """Cumulative observations: a count between two dates, often since 1 January.

    Windows of one series overlap each other and the monthly rows; use them one at a time or in differences.

    Parameters
    ----------
    border : str, optional
        ``darien``, ``honduras``, ``mexico``, ``colombia``, ``san_andres``, ...; all by default.
    annual : bool, default True
        Include calendar-year totals as windows from 1 January to 31 December.

    Returns
    -------
    pandas.DataFrame
        border, start, end (datetime64, both inclusive), nationality, nationality_source, sex, age_band,
        persons (float64, in the unit of kind), kind, cut, series, source, source_ref, confidence, note.
    """
    rows = pd.concat([read_table(path.name) for path in series_tables()], ignore_index=True)
    span = rows["month"].str.split("/", expand=True)
    is_window = rows["month"].str.contains("/")
    is_year = rows["month"].str.fullmatch(r"\d{4}") & rows["kind"].isin(
        {"persons", "events", "encounters", "applications"}
    )
    chosen = is_window | (is_year if annual else False)
    if border is not None:
        chosen &= rows["border"] == border
    first = span[0].where(is_window, rows["month"] + "-01-01")[chosen]
    last = span[1].where(is_window, rows["month"] + "-12-31")[chosen]
    result = rows[chosen].drop(columns="month")
    result.insert(1, "start", pd.to_datetime(first))
    result.insert(2, "end", pd.to_datetime(last))
    order = [
        "border",
        "start",
        "end",
        "nationality",
        "nationality_source",
        "sex",
        "age_band",
        "persons",
        "kind",
        "cut",
    ]
    result = result[[*order, "series", "source", "source_ref", "confidence", "note"]]
    return result.sort_values(["border", "series", "start", "end", "nationality"]).reset_index(drop=True)


def load_expulsions() -> pd.DataFrame:
    """Title 42 expulsions at the US southwest border by month and nationality group.

    Returns
    -------
    pandas.DataFrame
        month, nationality (group id or ALL), persons (expulsion events), encounters (events, same month and
        group), share (expulsions per encounter, 0 to 1), covers, source, series; 2020-03 to 2023-05.
    """
    rows = read_series("us_southwest.csv", ["swb_encounters_core"])
    expelled = _to_groups(rows[rows["cut"] == "ALL|ALL|T42"], "us_southwest")
    everybody = _border("us_southwest", haitian_children=False)
    everybody = everybody[everybody["month"].isin(expelled["month"])].rename(
        columns={"persons": "encounters"}
    )
    # A group without an expulsion in a month has no row in the source: while expulsions ran, that is a zero.
    both = everybody.merge(
        expelled[["month", "nationality", "persons"]], on=["month", "nationality"], how="left"
    )
    both["persons"] = both["persons"].fillna(0).astype("int64")
    both["share"] = (both["persons"] / both["encounters"].where(both["encounters"] > 0)).fillna(0.0)
    order = ["month", "nationality", "persons", "encounters", "share", "covers", "source", "series"]
    return both[order].reset_index(drop=True)


def load_pathways(pathway: str | None = None) -> pd.DataFrame:
    """Regular entries, appointments, paroles, transfers, removals and returns by month and nationality group.

    Parameters
    ----------
    pathway : str, optional
        One of :data:`PATHWAYS`; all by default.

    Returns
    -------
    pandas.DataFrame
        pathway, month, nationality (group id or ALL), persons (int64, in the unit of kind), kind, covers,
        confidence, source, series. The DHS tables are rounded to ten.
    """
    if pathway is not None and pathway not in PATHWAYS:
        problem = Problem(f"pathway {pathway!r}", "load_pathways", f"one of {', '.join(PATHWAYS)}")
        raise DataError(_UNKNOWN, [problem])
    frames = []
    for name in PATHWAYS if pathway is None else (pathway,):
        table, series, cut = PATHWAYS[name]
        rows = read_series(table, [series])
        frame = _to_groups(rows[rows["cut"] == cut], name)
        frames.append(frame.rename(columns={"border": "pathway"}))
    order = ["pathway", "month", "nationality", "persons", "kind", "covers", "confidence", "source", "series"]
    return pd.concat(frames, ignore_index=True)[order]


def _border(border: str, *, haitian_children: bool) -> pd.DataFrame:
    names = [table for table, _ in _MONTHLY.values()] + ["us_southwest.csv", "us_border_patrol.csv"]
    paths = [table_path(name) for name in names]
    stamp = tuple((path, path.stat().st_mtime_ns) for path in paths)
    return _border_cached(border, haitian_children, stamp).copy()


@functools.cache
def _border_cached(border: str, haitian_children: bool, _stamp: tuple[object, ...]) -> pd.DataFrame:
    """One border, kept as long as no table changes."""
    makers = {"us_border_patrol": _us_border_patrol, "us_ports": _us_ports, "us_southwest": _us_southwest}
    if border in makers:
        return makers[border]()
    table, series = _MONTHLY[border]
    rows = read_series(table, [series])
    total = (rows["sex"] == "ALL") & (rows["age_band"] == "ALL") & (rows["cut"] == "")
    return _to_groups(rows[total], border, haitian_children=haitian_children)


def _us_border_patrol() -> pd.DataFrame:
    """Totals exact from CBP; nationalities from the DHS table that lists 111 of them, rounded to ten."""
    core = read_series("us_southwest.csv", ["swb_encounters_core"])
    total = core[(core["cut"] == "USBP|ALL|ALL") & (core["nationality"] == "ALL")]
    listed = read_series("us_border_patrol.csv", ["swb_usbp_encounters_khsm_nat"])
    return _to_groups(pd.concat([total, listed], ignore_index=True), "us_border_patrol")


def _us_southwest() -> pd.DataFrame:
    core = read_series("us_southwest.csv", ["swb_encounters_core"])
    return _to_groups(core[core["cut"] == "ALL|ALL|ALL"], "us_southwest")


def _us_ports() -> pd.DataFrame:
    """Ten nationalities as published; four by difference (all minus Border Patrol); the rest as OTH."""
    core = read_series("us_southwest.csv", ["swb_encounters_core"])
    rows = core[core["cut"] == "OFO|ALL|ALL"]
    total = rows[rows["nationality"] == "ALL"]
    listed = rows[~rows["nationality"].isin(["ALL", "OTH"])]
    everybody = _border("us_southwest", haitian_children=False).set_index(["month", "nationality"])["persons"]
    patrol = _border("us_border_patrol", haitian_children=False).set_index(["month", "nationality"])[
        "persons"
    ]
    derived = []
    for group in ("BRA", "IND", "NIC", "PER"):
        gap = (
            (everybody.xs(group, level="nationality") - patrol.xs(group, level="nationality"))
            .dropna()
            .clip(lower=0)
        )
        derived.append(_rows_like(total, gap, group, group))
    named = pd.concat([listed, *derived], ignore_index=True)
    rest = total.set_index("month")["persons"] - named.groupby("month")["persons"].sum()
    others = _rows_like(total, rest.clip(lower=0), "OTH", "Other nationalities")
    return _to_groups(pd.concat([total, named, others], ignore_index=True), "us_ports")


def _rows_like(template: pd.DataFrame, persons: pd.Series, group: str, name: str) -> pd.DataFrame:
    rows = template.set_index("month").loc[persons.index].reset_index()
    return rows.assign(
        nationality=group, nationality_source=name, persons=persons.to_numpy(), confidence="derived"
    )


@dataclass
class _Month:
    """What one source says about one month."""

    total: tuple[float, str] | None = None
    total_facts: tuple[str, str, str] = ("", "", "")
    groups: dict[str, float] = field(default_factory=dict)
    confidence: dict[str, str] = field(default_factory=dict)
    facts: tuple[str, str, str] = ("", "", "")
    rounded: int = 0
    hidden: float | None = None

    @property
    def complete(self) -> bool:
        """Whether the parts add up: exact parts to the person, parts rounded to ten within five each."""
        return self.total is not None and abs(sum(self.groups.values()) - self.total[0]) <= 5.0 * self.rounded

    def add(self, group: str, persons: float, confidence: str, rest: bool) -> None:
        self.groups[group] = self.groups.get(group, 0.0) + persons
        self.confidence[group] = min(self.confidence.get(group, "exact"), confidence, key=_CONFIDENCE.index)
        self.rounded += confidence == "rounded"
        if rest:
            self.hidden = (self.hidden or 0.0) + persons

    def rows(self) -> Iterator[tuple[str, float, str, str]]:
        """Yield (group, persons, covers, confidence), the total first."""
        if self.total is not None:
            yield "ALL", self.total[0], "ALL", self.total[1]
        absent = [group for group in GROUPS if group not in self.groups]
        for group in (group for group in GROUPS if group in self.groups):
            if group in REST_GROUPS and not self.complete:
                continue  # an incomplete list says nothing about groups made of many nationalities
            covers, sure = group, self.confidence[group]
            if self.hidden is not None and group == "OTH":
                covers = ";".join(
                    ["OTH", *absent, *(other for other in ("AFR", "ASI") if other in self.groups)]
                )
            elif self.hidden and group in REST_GROUPS:
                sure = "lower bound"
            yield group, self.groups[group], covers, sure
        if self.groups and self.complete and self.hidden is None:
            for group in absent:
                yield group, 0.0, group, "exact"


def _to_groups(rows: pd.DataFrame, border: str, *, haitian_children: bool = False) -> pd.DataFrame:
    """Add up the nationalities of one series to groups, month by month, and say what each row covers."""
    names = nationalities()
    rest, parents = names["rest"].to_dict(), names["travels_with"].to_dict()
    months: dict[str, _Month] = {}
    columns = [
        "month",
        "nationality",
        "nationality_source",
        "persons",
        "kind",
        "source",
        "series",
        "confidence",
    ]
    for month, group, name, persons, kind, source, series, sure in rows[columns].itertuples(index=False):
        entry = months.setdefault(month, _Month())
        if group == "ALL":
            entry.total, entry.total_facts = (persons, sure), (kind, source, series)
            continue
        entry.facts = (kind, source, series)
        counted_with = (haitian_children and parents.get(name)) or group
        entry.add(counted_with, persons, sure, rest.get(name, False))
    out = [
        (
            border,
            month,
            group,
            persons,
            *(months[month].total_facts if group == "ALL" else months[month].facts),
            covers,
            sure,
        )
        for month in sorted(months)
        for group, persons, covers, sure in months[month].rows()
    ]
    result = pd.DataFrame(out, columns=RESULT_COLUMNS)
    result["persons"] = result["persons"].round().astype("int64")
    return result


def _between(frame: pd.DataFrame, start: str | None, end: str | None) -> pd.DataFrame:
    if start is not None:
        frame = frame[frame["month"] >= start]
    if end is not None:
        frame = frame[frame["month"] <= end]
    return frame.reset_index(drop=True)
