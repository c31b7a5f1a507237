"""Four measures kept apart: a run in, crossings, person-days, unique people and times out.

Estimator of unique people in a country and month (documented in ``docs``): people there when the month
begins, plus entries from abroad, plus departures that begin there, less entries of people sent back who had
been there in the same month (``same_month_reentry_share``). Lower bound: the mean daily number present or
the largest single peak. Upper bound: every entry a new person, on top of the smaller sum of peaks of this
and the last month. People are then split over stages by where entries of that nationality came from, and
over groups by their person-days, so that the cells are disjoint and add up.

Person-days are days in places. Days on a leg are a measure of their own, ``travel_days``, by the country where the leg ends
and with those on dangerous legs apart: nobody in the jungle can be given a bed or a meal at a reception centre, which begins
to serve people when they come out. Who is on a leg within the country is in the country; who is on a leg from abroad is
counted when they enter. People who wait where their journey begins, in their own country, for a regular way or for means have
not left: they are a group apart (``X-HOM``), in unique people only, and never in need as people on the way.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sim.errors import RunError
from sim.needs.axes import AT_HOME, CELLS, filter_matrix, nationality_class, stage_matrix
from sim.needs.counting import (
    IN_PLACES,
    TRAVELLING,
    Axes,
    FlowCounts,
    StockCounts,
    count_flows,
    count_stocks,
    month_of,
    positions,
)
from sim.needs.people import Counts, assemble
from sim.needs.tables import Standards, table
from sim.needs.world import Route, RunTables, labels_used, route_of

__all__ = ["HEADS", "Measures", "measure"]

Array = NDArray[np.float64]
HEADS: Final = ("people", "crossings", "person_days", "times", "travel_days", "danger_days")
_DRIVERS: Final = (
    "people",
    "person_days",
    "present",
    "peak_low",
    "peak",
    "peak_high",
    "crossings",
    "rough",
    "in_danger",
)
_AVERAGED: Final = ("cells", "moves", "left")


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
        float32 arrays, shape (replicates, countries, periods, cells, demography), persons or person-days: people,
        crossings, person_days, times, travel_days, danger_days.
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
    waiting : numpy.ndarray
        People who wait at home on the mean day, shape (replicates, countries, periods).
    places : dict
        Arrays, shape (replicates, places, months): person_days (in the place, unsettled), travel_days (towards it),
        all_days (in the place), arrivals, peak. People who wait at home are left out.
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
    waiting: Array
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
    flows, stocks = count_flows(run.flows, frame), count_stocks(run.stocks, frame, _begins(run, frame))
    for replicate in _replicates(run):
        left = _departures(run.departures, frame, replicate)
        moved = flows(replicate)
        found = _one(frame, moved, stocks(replicate, moved), left, reentry, years)
        for name, value in found.items():
            collected.setdefault(name, []).append(value)
    stacked = {name: np.stack(values) for name, values in collected.items() if name not in _AVERAGED}
    averaged = {name: sum(collected[name]) / len(collected[name]) for name in _AVERAGED}
    under_way = [q for q, (_, group) in enumerate(CELLS) if group != AT_HOME]
    days = stacked["heads_person_days"].sum(axis=(3, 4)).mean(axis=0)
    met = stacked["heads_people"][:, :, :, under_way].sum(axis=(3, 4)).mean(axis=0)
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
        waiting=stacked["waiting"],
        places={n.removeprefix("place_"): a for n, a in stacked.items() if n.startswith("place_")},
        route=frame.route,
    )


def _axes(run: RunTables) -> Axes:
    flows, stocks, departures = run.flows, run.stocks, run.departures
    if len(stocks) == 0 and len(flows) == 0:
        msg = "the run has no flows and no stocks: nobody moved, so there is nothing to plan for"
        raise RunError(msg)
    route = route_of(run)
    seen = set(pd.unique(route.places["country"])) if len(route.places) else set()
    used = {
        c
        for t, n in ((flows, "from_country"), (flows, "to_country"), (stocks, "country"))
        for c in labels_used(t[n])
    }
    countries = sorted(used | (seen & used))
    nationalities = sorted({n for t in (flows, stocks, departures) for n in labels_used(t["nationality"])})
    starts = [pd.to_datetime(t["period_start"]).to_numpy() for t in (flows, stocks, departures) if len(t)]
    first, last = pd.Timestamp(min(s.min() for s in starts)), pd.Timestamp(max(s.max() for s in starts))
    begin = first.year * 12 + first.month - 1
    months = last.year * 12 + last.month - begin
    index = pd.period_range(first.strftime("%Y-%m"), periods=months, freq="M")
    roles = table("countries").set_index("code")["roles"]
    home = np.array([[float(route.homes.get(n, n) == c) for n in nationalities] for c in countries])
    ends = np.array([roles.get(c, "") == "destination" for c in countries], dtype=bool)
    return Axes(
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


def _periods(frame: Axes) -> tuple[pd.DataFrame, list[slice]]:
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


def _replicates(run: RunTables) -> list[int]:
    """Numbers of the replicates of a run, in order."""
    return sorted(
        {int(x) for t in (run.flows, run.stocks, run.departures) for x in pd.unique(t["replicate"])}
    )


def _begins(run: RunTables, frame: Axes) -> NDArray[np.bool_]:
    """Whether journeys of a nationality begin at a place, shape (places, nationalities)."""
    out = np.zeros((len(frame.place_ids) + 1, len(frame.nationalities) + 1), dtype=bool)
    rows = run.departures
    out[positions(rows["place"], frame.place_ids), positions(rows["nationality"], frame.nationalities)] = True
    return out[:-1, :-1]


def _departures(rows: pd.DataFrame, frame: Axes, replicate: int) -> tuple[Array, Array]:
    """Persons who begin their journey, shape (nationalities, countries, months) and (months, places)."""
    c, m, n, _ = frame.shape
    rows = rows[rows["replicate"].to_numpy() == replicate]
    place = positions(rows["place"], frame.place_ids)
    of_place = np.append(_country_of_place(frame), -1)
    country, nationality = of_place[place], positions(rows["nationality"], frame.nationalities)
    month = month_of(rows["period_start"]) - frame.first
    persons = rows["persons"].to_numpy(dtype=np.float64)
    known, there = (country >= 0) & (nationality >= 0), place >= 0
    by_country = np.bincount(
        ((nationality * c + country) * m + month)[known], weights=persons[known], minlength=n * c * m
    )
    p = len(frame.place_ids)
    by_place = np.bincount((month * p + place)[there], weights=persons[there], minlength=m * p)
    return by_country.reshape(n, c, m), by_place.reshape(m, p)


def _country_of_place(frame: Axes) -> NDArray[np.intp]:
    lookup = {name: i for i, name in enumerate(frame.countries)}
    return np.array([lookup.get(str(x), -1) for x in frame.route.places["country"]], dtype=np.intp)


def _one(
    frame: Axes,
    flows: FlowCounts,
    stocks: StockCounts,
    departures: tuple[Array, Array],
    reentry: float,
    years: list[slice],
) -> dict[str, Any]:
    """Every measure of one replicate."""
    counts = Counts(
        entry=flows.entry,
        visits=flows.visits,
        sent=flows.sent,
        person_days=stocks.person_days[:TRAVELLING],
        peaks=stocks.peaks[:TRAVELLING],
        inland=stocks.person_days[TRAVELLING],
        inland_peaks=stocks.peaks[TRAVELLING],
        entering=stocks.entering,
        danger=stocks.danger,
        waiting=stocks.home,
        waiting_peaks=stocks.home_peaks,
        rough=flows.rough,
        largest=stocks.largest,
        departures=departures[0],
        days=frame.days,
        home=np.ascontiguousarray(frame.home.T),
        classes=np.array([nationality_class(x) for x in frame.nationalities]),
        reentry=reentry,
        years=years,
        peak_share=_peak_share(frame, stocks),
    )
    out = _reduce(assemble(counts))
    share = np.divide(flows.hazard, flows.arrived, out=np.zeros_like(flows.hazard), where=flows.arrived > 0)
    out["exposure"] = np.concatenate(
        [share, np.stack([share[:, y].mean(axis=1) for y in years], axis=1)], axis=1
    )
    borders = [np.stack([x[..., y].sum(axis=2) for y in years], axis=2) for x in flows.borders]
    return out | {
        "place_person_days": stocks.place_days[: len(IN_PLACES)].sum(axis=0),
        "place_travel_days": stocks.place_days[TRAVELLING],
        "place_all_days": stocks.place_days[:TRAVELLING].sum(axis=0),
        "place_peak": stocks.place_peaks[: len(IN_PLACES)].sum(axis=0),
        "place_arrivals": flows.place_arrivals,
        "moves": flows.moves,
        "left": departures[1],
        "border_persons": borders[0],
        "border_children": borders[1],
        "border_irregular": borders[2],
    }


def _peak_share(frame: Axes, stocks: StockCounts) -> Array:
    """Where the country's peak lies between its mean (0) and the sum of all peaks (1).

    Peaks of places are neither on the same day nor independent: the middle is half-way between both.
    """
    c, m = len(frame.countries), frame.months
    there = len(IN_PLACES)
    mean = stocks.place_days[:there].sum(axis=0) / frame.days
    excess = np.maximum(stocks.place_peaks[:there].sum(axis=0) - mean, 0.0)
    total, squares = np.zeros((c, m)), np.zeros((c, m))
    for place, country in enumerate(_country_of_place(frame)):
        if country >= 0:
            total[country] += excess[place]
            squares[country] += excess[place] ** 2
    independent = np.divide(np.sqrt(squares), total, out=np.ones((c, m)), where=total > 0)
    return (1.0 + independent) / 2.0


def _reduce(arrays: dict[str, Any]) -> dict[str, Any]:
    """From (cells, classes, countries, periods, demography) to what later rooms use."""
    stages, filters = stage_matrix(), filter_matrix()
    out: dict[str, Any] = {k: v for k, v in arrays.items() if k.startswith("region_")}
    for name in HEADS:
        out[f"heads_{name}"] = np.ascontiguousarray(
            arrays[name].sum(axis=1).transpose(1, 2, 0, 3), np.float32
        )
    for name in _DRIVERS:
        whole = arrays[name]
        by_stage = np.stack([whole[row > 0].sum(axis=0) for row in stages])
        out[f"driver_{name}"] = np.einsum("skctd,fkd->ctsf", by_stage, filters, optimize=True)
    for name in ("low", "high"):
        out[f"bound_{name}"] = arrays[f"people_{name}"].sum(axis=(0, 1, 4))
    out["waiting"] = arrays["waiting"].sum(axis=(0, 1, 4))
    out["cells"] = arrays["people"].transpose(2, 3, 0, 1, 4)
    return out
