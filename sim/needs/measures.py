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
    FLOW_COLUMNS,
    IN_PLACES,
    STOCK_COLUMNS,
    TRAVELLING,
    Axes,
    FlowCounts,
    StockCounts,
    count_flows,
    count_stocks,
    monthly,
)
from sim.needs.lines import Lines, lines_of, month_of, positions, starts
from sim.needs.people import Counts, assemble, region
from sim.needs.tables import Standards, table
from sim.needs.world import Route, RunTables, codes_of, route_of

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
        Mean persons over each way from place to place, shape (months, ways), and departing, shape (months, places).
    ways : numpy.ndarray
        Places where each way begins and ends, shape (2, ways).
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
    ways: NDArray[np.intp]
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
    if len(run.stocks) == 0 and len(run.flows) == 0:
        msg = "the run has no flows and no stocks: nobody moved, so there is nothing to plan for"
        raise RunError(msg)
    flows = lines_of(run.flows, *FLOW_COLUMNS, ["persons"])
    stocks = lines_of(monthly(run.stocks), *STOCK_COLUMNS, ["person_days", "peak_persons"])
    frame = _axes(run, flows, stocks)
    reentry = float(standards.values("same_month_reentry_share", ["*"])[1, 0]) / 100.0
    periods, years = _periods(frame)
    collected: dict[str, list[Any]] = {}
    ways, arrivals = count_flows(flows, frame)
    waiting = count_stocks(stocks, frame, _begins(run, frame))
    for replicate in _replicates(run):
        left = _departures(run.departures, frame, replicate)
        moved = arrivals(replicate)
        found = _one(frame, moved, waiting(replicate, moved), left, reentry, years)
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
        ways=ways,
        left=np.asarray(averaged["left"], dtype=np.float64),
        borders={n.removeprefix("border_"): a for n, a in stacked.items() if n.startswith("border_")},
        exposure=stacked["exposure"].mean(axis=0),
        stay=np.divide(days, met, out=np.zeros_like(days, dtype=np.float64), where=met > 0),
        regional={n.removeprefix("region_"): a for n, a in stacked.items() if n.startswith("region_")},
        waiting=stacked["waiting"],
        places={n.removeprefix("place_"): a for n, a in stacked.items() if n.startswith("place_")},
        route=frame.route,
    )


def _axes(run: RunTables, flows: Lines, stocks: Lines) -> Axes:
    left = run.departures
    seen = (
        *stocks.used("place", "country"),
        *flows.used("to_place", "to_country"),
        *flows.used("from_place", "from_country"),
    )
    route = route_of(run, seen)
    used = (*flows.used("from_country"), *flows.used("to_country"), *stocks.used("country"))
    countries = sorted({name for (name,) in used})
    codes, names = codes_of(left["nationality"])
    nationalities = sorted(
        {name for lines in (flows, stocks) for (name,) in lines.used("nationality")}
        | {names[code] for code in np.unique(codes) if code >= 0}
    )
    nationalities.sort(key=nationality_class)  # nationalities of a class stand together
    months = [month for lines in (flows, stocks) for _, month, _, _ in lines.pieces]
    months += month_of(np.unique(starts(left))).tolist()
    first, length = min(months), max(months) - min(months) + 1
    index = pd.period_range(f"{first // 12}-{first % 12 + 1:02d}", periods=length, freq="M")
    roles = table("countries").set_index("code")["roles"]
    place_ids = list(route.places.index)
    of_place = positions(route.places["country"], countries)
    there = np.zeros((len(countries) + 1, len(nationalities) + 1), dtype=bool)
    for lines, column in ((flows, "to_country"), (stocks, "country")):
        there[lines.at(column, countries), lines.at("nationality", nationalities)] = True
    there[
        np.append(of_place, -1)[positions(left["place"], place_ids)],
        positions(left["nationality"], nationalities),
    ] = True
    pairs = np.stack(np.nonzero(there[:-1, :-1]))
    home = [route.homes.get(nationalities[n], nationalities[n]) == countries[c] for c, n in pairs.T]
    return Axes(
        countries,
        nationalities,
        place_ids,
        first,
        length,
        index.days_in_month.to_numpy(dtype=np.float64),
        route,
        pairs,
        np.array(home, dtype=bool),
        np.array([roles.get(c, "") == "destination" for c in countries], dtype=bool),
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
    """Whether journeys of a nationality begin at a place, shape (places + 1, nationalities + 1)."""
    out = np.zeros((len(frame.place_ids) + 1, len(frame.nationalities) + 1), dtype=bool)
    rows = run.departures
    out[positions(rows["place"], frame.place_ids), positions(rows["nationality"], frame.nationalities)] = True
    out[-1], out[:, -1] = False, False
    return out


def _departures(rows: pd.DataFrame, frame: Axes, replicate: int) -> tuple[Array, Array]:
    """Persons who begin their journey, shape (pairs, months) and (months, places)."""
    p, m, _ = frame.shape
    rows = rows[rows["replicate"].to_numpy() == replicate]
    place = positions(rows["place"], frame.place_ids)
    country = np.append(_country_of_place(frame), -1)[place]
    pair = frame.pair(country, positions(rows["nationality"], frame.nationalities))
    month = month_of(starts(rows)) - frame.first
    persons = rows["persons"].to_numpy(dtype=np.float64)
    known, there = pair >= 0, place >= 0
    by_pair = np.bincount((pair * m + month)[known], weights=persons[known], minlength=p * m)
    places = len(frame.place_ids)
    by_place = np.bincount((month * places + place)[there], weights=persons[there], minlength=m * places)
    return by_pair.reshape(p, m), by_place.reshape(m, places)


def _country_of_place(frame: Axes) -> NDArray[np.intp]:
    return positions(frame.route.places["country"], frame.countries)


def _one(
    frame: Axes,
    flows: FlowCounts,
    stocks: StockCounts,
    departures: tuple[Array, Array],
    reentry: float,
    years: list[slice],
) -> dict[str, Any]:
    """Every measure of one replicate."""
    counts = _counts(frame, flows, stocks, departures[0], reentry, years)
    countries = [_reduce(assemble(counts.of_country(c))) for c in range(len(frame.countries))]
    out = {name: np.stack([country[name] for country in countries]) for name in countries[0]}
    route = {name: out.pop(name) for name in list(out) if name.startswith("route_")}
    out |= {f"region_{name}": values for name, values in region(route, years).items()}
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


def _make_up(frame: Axes, flows: FlowCounts, stocks: StockCounts) -> Array:
    """Share of each demographic cell in a nationality on the whole route, by pair; shape (pairs, demography)."""
    nationality = frame.pairs[1]
    made_of = np.zeros((len(frame.nationalities), frame.shape[2]))
    np.add.at(made_of, nationality, flows.visits.sum(axis=(0, 2)) + stocks.person_days.sum(axis=(0, 2)))
    total = made_of.sum(axis=-1, keepdims=True)
    share = np.divide(made_of, total, out=np.full_like(made_of, 1.0 / frame.shape[2]), where=total > 0)
    return np.asarray(share[nationality])


def _counts(
    frame: Axes,
    flows: FlowCounts,
    stocks: StockCounts,
    departures: Array,
    reentry: float,
    years: list[slice],
) -> Counts:
    """Counts of every country."""
    return Counts(
        entry=flows.entry,
        visits=flows.visits,
        sent=flows.sent,
        person_days=stocks.person_days,
        peaks=stocks.peaks,
        inland=stocks.inland,
        inland_peaks=stocks.inland_peaks,
        entering=stocks.entering,
        danger=stocks.danger,
        waiting=stocks.home,
        waiting_peaks=stocks.home_peaks,
        rough=flows.rough,
        largest=stocks.largest,
        departures=departures,
        make_up=_make_up(frame, flows, stocks),
        home=frame.home.astype(np.float64),
        classes=np.array([nationality_class(x) for x in frame.nationalities])[frame.pairs[1]],
        country=frame.pairs[0],
        days=frame.days,
        reentry=reentry,
        years=years,
        peak_share=_peak_share(frame, stocks),
    )


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
    """A country's arrays from (cells, classes, periods, demography) to what later rooms use."""
    stages, filters = stage_matrix() > 0, filter_matrix()
    kept = filters.reshape(len(filters), -1).T
    out: dict[str, Any] = {k: v for k, v in arrays.items() if k.startswith("route_")}
    for name in HEADS:
        out[f"heads_{name}"] = arrays[name].sum(axis=1).transpose(1, 0, 2).astype(np.float32)
    for name in _DRIVERS:
        by_stage = np.stack([arrays[name][row].sum(axis=0) for row in stages])
        people = by_stage.transpose(2, 0, 1, 3)
        out[f"driver_{name}"] = people.reshape(*people.shape[:2], -1) @ kept
    for name in ("low", "high"):
        out[f"bound_{name}"] = arrays[f"people_{name}"].sum(axis=(0, 1, 3))
    out["waiting"] = arrays["waiting"].sum(axis=(0, 1, 3))
    out["cells"] = arrays["people"].transpose(2, 0, 1, 3)
    return out
