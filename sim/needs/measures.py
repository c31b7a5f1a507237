"""Four measures kept apart: a run in, crossings, person-days, unique people and times out.

Estimator of unique people in a country and month (documented in ``docs``): people there when the month
begins, plus entries from abroad, plus departures that begin there, less entries of people sent back who had
been there in the same month (``same_month_reentry_share``). Lower bound: the mean daily number present or
the largest single peak. Upper bound: every entry a new person, on top of the smaller sum of peaks of this
and the last month. People are then split over stages by where entries of that nationality came from, and
over groups by their person-days, so that the cells are disjoint and add up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sim.errors import RunError
from sim.needs.axes import (
    AGES,
    DEMOGRAPHY,
    SEXES,
    filter_matrix,
    nationality_class,
    stage_matrix,
)
from sim.needs.tables import Standards, table
from sim.needs.world import Route, RunTables, route_of

__all__ = ["HEADS", "Measures", "measure"]

Array = NDArray[np.float64]
Codes = NDArray[np.int64]
HEADS: Final = ("people", "crossings", "person_days", "times")
_STATUS: Final = {"staying": 0, "travelling": 0, "queued": 1, "stranded": 2, "settled": 3}
_FORWARD, _TO_DESTINATION, _BACK = 0, 1, 2
_SETTLED: Final = 3
_AVERAGED: Final = ("cells", "moves", "left")
_CHILDREN: Final = 3  # the first age bands


@dataclass(frozen=True)
class Measures:
    """Labelled arrays of the four measures, by replicate.

    Parameters
    ----------
    countries : tuple of str
        ISO3 codes.
    periods : pandas.DataFrame
        One row for each month and then each year: start, end, days, kind (month, year), year, month.
    heads : dict
        float32 arrays, shape (replicates, countries, periods, cells, demography), persons or person-days.
    drivers : dict
        float64 arrays, shape (replicates, countries, periods, stages, filters): what standards multiply.
    bounds : dict
        ``low`` and ``high`` bounds of unique people, shape (replicates, countries, periods).
    cells : numpy.ndarray
        Mean unique people, shape (countries, periods, cells, classes, demography).
    exposure, stay : numpy.ndarray
        Share who arrived over a hazardous leg, and mean stay in days; shape (countries, periods).
    regional : dict
        Arrays, shape (replicates, periods), for the region as a whole; people are unique in the region.
    places : dict
        Arrays, shape (replicates, places, months): person_days (unsettled), all_days, arrivals, peak.
    moves, left : numpy.ndarray
        Mean persons from place to place, shape (months, places, places), and departing, shape (months, places).
    borders : dict
        Arrays, shape (replicates, countries from, countries to, years): persons, children, irregular.
    route : Route
        Places, legs and homes.
    """

    countries: tuple[str, ...]
    periods: pd.DataFrame
    heads: dict[str, NDArray[np.float32]]
    drivers: dict[str, Array]
    bounds: dict[str, Array]
    cells: Array
    exposure: Array
    stay: Array
    regional: dict[str, Array]
    places: dict[str, Array]
    moves: Array
    left: Array
    borders: dict[str, Array]
    route: Route

    @cached_property
    def months(self) -> int:
        """Number of months; the periods after them are years."""
        return int((self.periods["kind"] == "month").sum())

    @property
    def replicates(self) -> int:
        """Number of replicates."""
        return int(self.heads["people"].shape[0])


@dataclass(frozen=True)
class _Frame:
    """Axes shared by every replicate."""

    countries: list[str]
    nationalities: list[str]
    place_ids: list[str]
    first: int
    months: int
    days: Array
    route: Route
    home: Array
    ends_here: NDArray[np.bool_]

    @property
    def shape(self) -> tuple[int, int, int, int]:
        return len(self.countries), self.months, len(self.nationalities), len(DEMOGRAPHY)


def measure(run: RunTables, standards: Standards) -> Measures:
    """Compute the four measures of a run.

    Parameters
    ----------
    run : Run
        Anything with the ``flows``, ``stocks`` and ``departures`` tables of a run folder.
    standards : Standards
        For the share of people sent back who are counted once.

    Returns
    -------
    Measures
        Arrays by replicate, country, month and year.
    """
    frame = _axes(run)
    reentry = float(standards.values("same_month_reentry_share", ["*"])[1, 0]) / 100.0
    periods, years = _periods(frame)
    collected: dict[str, list[Any]] = {}
    for flows, stocks, departures in _by_replicate(run, frame):
        for name, value in _one(frame, flows, stocks, departures, reentry, years).items():
            collected.setdefault(name, []).append(value)
    stacked = {name: np.stack(values) for name, values in collected.items() if name not in _AVERAGED}
    averaged = {name: sum(collected[name]) / len(collected[name]) for name in _AVERAGED}
    days = stacked["heads_person_days"].sum(axis=(3, 4)).mean(axis=0)
    met = stacked["heads_people"].sum(axis=(3, 4)).mean(axis=0)
    return Measures(
        countries=tuple(frame.countries),
        periods=periods,
        heads={name: stacked[f"heads_{name}"] for name in HEADS},
        drivers={n.removeprefix("driver_"): a for n, a in stacked.items() if n.startswith("driver_")},
        bounds={"low": stacked["bound_low"], "high": stacked["bound_high"]},
        cells=np.asarray(averaged["cells"], dtype=np.float64),
        moves=np.asarray(averaged["moves"], dtype=np.float64),
        left=np.asarray(averaged["left"], dtype=np.float64),
        borders={n.removeprefix("border_"): a for n, a in stacked.items() if n.startswith("border_")},
        exposure=stacked["exposure"].mean(axis=0),
        stay=np.divide(days, met, out=np.zeros_like(days, dtype=np.float64), where=met > 0),
        regional={n.removeprefix("region_"): a for n, a in stacked.items() if n.startswith("region_")},
        places={n.removeprefix("place_"): a for n, a in stacked.items() if n.startswith("place_")},
        route=frame.route,
    )


def _axes(run: RunTables) -> _Frame:
    flows, stocks, departures = run.flows, run.stocks, run.departures
    if len(stocks) == 0 and len(flows) == 0:
        msg = "the run has no flows and no stocks: nobody moved, so there is nothing to plan for"
        raise RunError(msg)
    route = route_of(run)
    seen = set(pd.unique(route.places["country"])) if len(route.places) else set()
    used = {
        str(c)
        for t, n in ((flows, "from_country"), (flows, "to_country"), (stocks, "country"))
        for c in pd.unique(t[n].dropna())
    }
    countries = sorted(used | (seen & used))
    nationalities = sorted(
        {str(n) for t in (flows, stocks, departures) for n in pd.unique(t["nationality"].dropna())}
    )
    starts = [pd.to_datetime(t["period_start"]) for t in (flows, stocks, departures) if len(t)]
    first, last = min(s.min() for s in starts), max(s.max() for s in starts)
    begin = first.year * 12 + first.month - 1
    months = last.year * 12 + last.month - begin
    index = pd.period_range(first.strftime("%Y-%m"), periods=months, freq="M")
    roles = table("countries").set_index("code")["roles"]
    home = np.array([[float(route.homes.get(n, n) == c) for n in nationalities] for c in countries])
    ends = np.array([roles.get(c, "") == "destination" for c in countries], dtype=bool)
    return _Frame(
        countries,
        nationalities,
        list(route.places.index),
        begin,
        months,
        index.days_in_month.to_numpy(dtype=np.float64),
        route,
        home,
        ends,
    )


def _periods(frame: _Frame) -> tuple[pd.DataFrame, list[slice]]:
    """Months, then years; and the months of each year."""
    start = pd.period_range(f"{frame.first // 12}-{frame.first % 12 + 1:02d}", periods=frame.months, freq="M")
    rows = pd.DataFrame(
        {
            "start": start.start_time.normalize(),
            "end": start.end_time.normalize(),
            "days": frame.days,
            "kind": "month",
            "year": start.year,
            "month": start.strftime("%Y-%m"),
        }
    )
    years: list[slice] = []
    extra = []
    for year in range(int(rows["year"].min()), int(rows["year"].max()) + 1):
        inside = np.flatnonzero(rows["year"].to_numpy() == year)
        years.append(slice(int(inside[0]), int(inside[-1]) + 1))
        part = rows.iloc[inside]
        extra.append(
            {
                "start": part["start"].iloc[0],
                "end": part["end"].iloc[-1],
                "days": part["days"].sum(),
                "kind": "year",
                "year": year,
                "month": str(year),
            }
        )
    return pd.concat([rows, pd.DataFrame(extra)], ignore_index=True), years


def _positions(column: pd.Series) -> tuple[Codes, list[str]]:
    """Code of every row and the names of the codes; -1 where there is none."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        codes = np.asarray(column.cat.codes.to_numpy(), dtype=np.int64)
        return codes, [str(c) for c in column.cat.categories]
    found, uniques = pd.factorize(column)
    return np.asarray(found, dtype=np.int64), [str(u) for u in uniques]


def _codes(column: pd.Series, known: list[str]) -> Codes:
    """Position of every row's name in a list of known names, -1 where it is not in it."""
    codes, names = _positions(column)
    lookup = {name: position for position, name in enumerate(known)}
    return np.array([lookup.get(name, -1) for name in names] + [-1], dtype=np.int64)[codes]


def _marked(column: pd.Series, marked: Callable[[str], bool]) -> NDArray[np.bool_]:
    """Whether every row's name passes a test."""
    codes, names = _positions(column)
    return np.array([marked(name) for name in names] + [False], dtype=bool)[codes]


def _month(column: pd.Series, first: int) -> Codes:
    months = pd.to_datetime(column).to_numpy().astype("datetime64[M]").astype(np.int64) + 1970 * 12
    return np.asarray(months - first, dtype=np.int64)


def _demography(rows: pd.DataFrame) -> Codes:
    sex, age = _codes(rows["sex"], list(SEXES)), _codes(rows["age_band"], list(AGES))
    return np.where((sex < 0) | (age < 0), -1, sex * len(AGES) + age)


def _by_replicate(run: RunTables, frame: _Frame) -> Iterator[tuple[dict[str, Any], ...]]:
    """Integer-coded tables of one replicate after another."""
    coded = (
        _coded_flows(run.flows, frame),
        _coded_stocks(run.stocks, frame),
        _coded_departures(run.departures, frame),
    )
    names = np.unique(np.concatenate([c["replicate"] for c in coded]))
    orders = []
    for part in coded:
        keys = part["replicate"]
        order = None if bool(np.all(keys[1:] >= keys[:-1])) else np.argsort(keys, kind="stable")
        orders.append({k: (v if order is None else v[order]) for k, v in part.items()})
    for name in names:
        picked = []
        for part in orders:
            low, high = np.searchsorted(part["replicate"], [name, name + 1])
            picked.append({k: v[low:high] for k, v in part.items()})
        yield tuple(picked)


def _coded_flows(rows: pd.DataFrame, frame: _Frame) -> dict[str, Any]:
    origin, target = (
        _codes(rows["from_country"], frame.countries),
        _codes(rows["to_country"], frame.countries),
    )
    place = _codes(rows["to_place"], frame.place_ids)
    roles = frame.route.places["role"].to_numpy()
    final = np.append(np.array([str(r).startswith("destination") for r in roles], dtype=bool), False)[place]
    final |= np.append(frame.ends_here, False)[target]
    hazard = _marked(rows["leg"], frame.route.hazardous_legs.__contains__)
    back = _marked(rows["direction"], ("southward", "return").__contains__)
    sent = _marked(rows["direction"], "return".__eq__)
    return {
        "replicate": rows["replicate"].to_numpy(dtype=np.int64),
        "month": _month(rows["period_start"], frame.first),
        "country": target,
        "from_country": origin,
        "from_place": _codes(rows["from_place"], frame.place_ids),
        "place": place,
        "entry": origin != target,
        "sent": sent,
        "nationality": _codes(rows["nationality"], frame.nationalities),
        "demography": _demography(rows),
        "kind": np.where(back, _BACK, np.where(final, _TO_DESTINATION, _FORWARD)),
        "hazard": hazard,
        "persons": rows["persons"].to_numpy(dtype=np.float64),
    }


def _coded_stocks(rows: pd.DataFrame, frame: _Frame) -> dict[str, Any]:
    rows = _monthly_stocks(rows)
    codes, names = _positions(rows["status"])
    state = np.array([_STATUS.get(name, 0) for name in names] + [0], dtype=np.int64)[codes]
    return {
        "replicate": rows["replicate"].to_numpy(dtype=np.int64),
        "month": _month(rows["period_start"], frame.first),
        "country": _codes(rows["country"], frame.countries),
        "place": _codes(rows["place"], frame.place_ids),
        "nationality": _codes(rows["nationality"], frame.nationalities),
        "demography": _demography(rows),
        "status": state,
        "person_days": rows["person_days"].to_numpy(dtype=np.float64),
        "peak": rows["peak_persons"].to_numpy(dtype=np.float64),
    }


def _monthly_stocks(rows: pd.DataFrame) -> pd.DataFrame:
    """Daily stocks made monthly: person-days added, peaks the largest day."""
    start = pd.to_datetime(rows["period_start"])
    if len(rows) == 0 or not bool((start.dt.day != 1).any()):
        return rows
    month = start.to_numpy().astype("datetime64[M]").astype("datetime64[ns]")
    keys = ["replicate", "period_start", "place", "country", "status", "nationality", "sex", "age_band"]
    return (
        rows.assign(period_start=month)
        .groupby(keys, observed=True, sort=True)
        .agg(person_days=("person_days", "sum"), peak_persons=("peak_persons", "max"))
        .reset_index()
    )


def _coded_departures(rows: pd.DataFrame, frame: _Frame) -> dict[str, Any]:
    place = _codes(rows["place"], frame.place_ids)
    lookup = {c: i for i, c in enumerate(frame.countries)}
    of_place = np.array(
        [lookup.get(str(c), -1) for c in frame.route.places["country"]] + [-1], dtype=np.int64
    )
    return {
        "replicate": rows["replicate"].to_numpy(dtype=np.int64),
        "month": _month(rows["period_start"], frame.first),
        "country": of_place[place],
        "place": place,
        "nationality": _codes(rows["nationality"], frame.nationalities),
        "persons": rows["persons"].to_numpy(dtype=np.float64),
    }


def _count(index: Codes, size: int, weights: Array, keep: NDArray[np.bool_]) -> Array:
    if bool(keep.all()):
        return np.bincount(index, weights=weights, minlength=size)[:size].astype(np.float64)
    chosen = np.flatnonzero(keep)
    return np.bincount(index[chosen], weights=weights[chosen], minlength=size)[:size].astype(np.float64)


def _one(
    frame: _Frame,
    flows: dict[str, Any],
    stocks: dict[str, Any],
    departures: dict[str, Any],
    reentry: float,
    years: list[slice],
) -> dict[str, Any]:
    """Every measure of one replicate."""
    from sim.needs.people import Counts, assemble  # noqa: PLC0415  (the estimator lives beside its bounds)

    c, m, n, d = frame.shape
    base = (flows["country"] * m + flows["month"]) * n + flows["nationality"]
    good = (flows["country"] >= 0) & (flows["nationality"] >= 0) & (flows["demography"] >= 0)
    cell = (base * d + flows["demography"]) * 3 + flows["kind"]
    entry = _count(cell, c * m * n * d * 3, flows["persons"], good & flows["entry"]).reshape(c, m, n, d, 3)
    visits = _count(cell, c * m * n * d * 3, flows["persons"], good).reshape(c, m, n, d, 3)
    sent = _count(
        base * d + flows["demography"], c * m * n * d, flows["persons"], good & flows["entry"] & flows["sent"]
    )
    cm = flows["country"] * m + flows["month"]
    hazard = _count(cm, c * m, flows["persons"], good & flows["hazard"])
    arrived = _count(cm, c * m, flows["persons"], good)
    sbase = ((stocks["country"] * m + stocks["month"]) * n + stocks["nationality"]) * d + stocks["demography"]
    sgood = (stocks["country"] >= 0) & (stocks["nationality"] >= 0) & (stocks["demography"] >= 0)
    scell = sbase * 4 + stocks["status"]
    person_days = _count(scell, c * m * n * d * 4, stocks["person_days"], sgood).reshape(c, m, n, d, 4)
    peaks = _count(scell, c * m * n * d * 4, stocks["peak"], sgood).reshape(c, m, n, d, 4)
    largest = np.zeros(c * m * n * d)
    moving = sgood & (stocks["status"] < _SETTLED)
    np.maximum.at(largest, sbase[moving], stocks["peak"][moving])
    dbase = (departures["country"] * m + departures["month"]) * n + departures["nationality"]
    dgood = (departures["country"] >= 0) & (departures["nationality"] >= 0)
    left = _count(dbase, c * m * n, departures["persons"], dgood).reshape(c, m, n)
    counts = Counts(
        entry=entry,
        visits=visits,
        sent=sent.reshape(c, m, n, d),
        person_days=person_days,
        peaks=peaks,
        largest=largest.reshape(c, m, n, d),
        departures=left,
        days=frame.days,
        home=frame.home,
        classes=np.array([nationality_class(x) for x in frame.nationalities]),
        reentry=reentry,
        years=years,
        peak_share=_peak_share(frame, stocks),
    )
    out = assemble(counts)
    share = np.divide(hazard, arrived, out=np.zeros_like(hazard), where=arrived > 0).reshape(c, m)
    out["exposure"] = np.concatenate(
        [share, np.stack([share[:, y].mean(axis=1) for y in years], axis=1)], axis=1
    )
    out.update(_place_arrays(frame, flows, stocks))
    out.update(_move_arrays(frame, flows, departures))
    out.update(_border_arrays(frame, flows, years))
    return _reduce(out)


def _place_arrays(frame: _Frame, flows: dict[str, Any], stocks: dict[str, Any]) -> dict[str, Array]:
    p, m = len(frame.place_ids), frame.months
    inside = stocks["place"] >= 0
    unsettled = inside & (stocks["status"] < _SETTLED)
    index = stocks["place"] * m + stocks["month"]
    to = flows["place"] * m + flows["month"]
    return {
        "place_person_days": _count(index, p * m, stocks["person_days"], unsettled).reshape(p, m),
        "place_all_days": _count(index, p * m, stocks["person_days"], inside).reshape(p, m),
        "place_peak": _count(index, p * m, stocks["peak"], unsettled).reshape(p, m),
        "place_arrivals": _count(to, p * m, flows["persons"], flows["place"] >= 0).reshape(p, m),
    }


def _move_arrays(frame: _Frame, flows: dict[str, Any], departures: dict[str, Any]) -> dict[str, Array]:
    """Persons from place to place, and departing, by month."""
    p, m = len(frame.place_ids), frame.months
    moved = (flows["month"] * p + flows["from_place"]) * p + flows["place"]
    known = (flows["from_place"] >= 0) & (flows["place"] >= 0)
    left = departures["month"] * p + departures["place"]
    return {
        "moves": _count(moved, m * p * p, flows["persons"], known).reshape(m, p, p),
        "left": _count(left, m * p, departures["persons"], departures["place"] >= 0).reshape(m, p),
    }


def _border_arrays(frame: _Frame, flows: dict[str, Any], years: list[slice]) -> dict[str, Array]:
    """Persons over each border by year: all, children, and over irregular crossings."""
    c, y = len(frame.countries), len(years)
    year = np.zeros(frame.months, dtype=np.int64)
    for position, months in enumerate(years):
        year[months] = position
    index = (flows["from_country"] * c + flows["country"]) * y + year[flows["month"]]
    crossed = flows["entry"] & (flows["from_country"] >= 0) & (flows["country"] >= 0)
    trail = np.append(frame.route.places["irregular"].to_numpy(dtype=bool), False)[flows["place"]]
    child = (flows["demography"] >= 0) & (flows["demography"] % len(AGES) < _CHILDREN)
    shape = (c, c, y)
    return {
        "border_persons": _count(index, c * c * y, flows["persons"], crossed).reshape(shape),
        "border_children": _count(index, c * c * y, flows["persons"], crossed & child).reshape(shape),
        "border_irregular": _count(index, c * c * y, flows["persons"], crossed & trail).reshape(shape),
    }


def _peak_share(frame: _Frame, stocks: dict[str, Any]) -> Array:
    """Where the country's peak lies between its mean (0) and the sum of all peaks (1).

    Peaks of places are neither on the same day nor independent: the middle is half-way between both.
    """
    c, m = len(frame.countries), frame.months
    arrays = _place_arrays(
        frame,
        {"place": np.empty(0, np.int64), "month": np.empty(0, np.int64), "persons": np.empty(0)},
        stocks,
    )
    mean = arrays["place_person_days"] / frame.days
    excess = np.maximum(arrays["place_peak"] - mean, 0.0)
    lookup = {name: i for i, name in enumerate(frame.countries)}
    of_place = np.array([lookup.get(str(x), -1) for x in frame.route.places["country"]], dtype=np.int64)
    total, squares = np.zeros((c, m)), np.zeros((c, m))
    for place, country in enumerate(of_place):
        if country >= 0:
            total[country] += excess[place]
            squares[country] += excess[place] ** 2
    independent = np.divide(np.sqrt(squares), total, out=np.ones((c, m)), where=total > 0)
    return (1.0 + independent) / 2.0


def _reduce(arrays: dict[str, Any]) -> dict[str, Any]:
    """From (countries, periods, cells, classes, demography) to what later rooms use."""
    stages, filters = stage_matrix(), filter_matrix()
    out: dict[str, Any] = {
        k: v
        for k, v in arrays.items()
        if k in ("exposure", "moves", "left") or k.startswith(("place_", "region_", "border_"))
    }
    for name in HEADS:
        out[f"heads_{name}"] = arrays[name].sum(axis=3).astype(np.float32)
    for name in ("people", "person_days", "present", "peak_low", "peak", "peak_high", "crossings"):
        kept = np.tensordot(arrays[name], filters, axes=([3, 4], [1, 2]))
        out[f"driver_{name}"] = np.einsum("ctqf,sq->ctsf", kept, stages)
    for name in ("low", "high"):
        out[f"bound_{name}"] = arrays[f"people_{name}"].sum(axis=(2, 3, 4))
    out["cells"] = arrays["people"]
    return out
