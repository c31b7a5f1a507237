"""Counting: the tables of a run in, dense arrays by country, nationality, month, sex and age out.

A table of millions of rows is read once, a month at a time, as lines (``sim.needs.lines``); what a country needs of a month's
block is a product with a sparse matrix that says which line belongs to which country and nationality. Only pairs of country
and nationality that occur have a place in the arrays: half of them, and fewer in a small country.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from sim.needs.axes import AGES, DEMOGRAPHY
from sim.needs.lines import lookup, starts

if TYPE_CHECKING:
    import pandas as pd

    from sim.needs.lines import Lines
    from sim.needs.world import Route

__all__ = [
    "FLOW_COLUMNS",
    "IN_PLACES",
    "STOCK_COLUMNS",
    "TRAVELLING",
    "Axes",
    "FlowCounts",
    "StockCounts",
    "count_flows",
    "count_stocks",
    "monthly",
]

Array = NDArray[np.float64]
Codes = NDArray[np.intp]
Mask = NDArray[np.bool_]
#: columns that tell the lines of a table apart, and columns that these decide
FLOW_COLUMNS: Final = (
    ("leg", "nationality"),
    ("from_place", "to_place", "from_country", "to_country", "direction"),
)
STOCK_COLUMNS: Final = (("place", "status", "nationality"), ("country",))
#: kinds of arrival: onward, to a destination, back
KINDS: Final = 3
FORWARD, TO_DESTINATION, BACK = range(KINDS)
STATUSES: Final = ("staying", "queued", "stranded", "settled", "travelling")
TRAVELLING: Final = STATUSES.index("travelling")
_WAITING: Final = tuple(STATUSES.index(name) for name in ("queued", "stranded"))
_HOME: Final = len(STATUSES)  # beside the statuses: people who wait at home
#: people in a place on their way; what standards for places multiply
IN_PLACES: Final = ("staying", "queued", "stranded")
_YOUNG: Final = np.arange(len(DEMOGRAPHY)) % len(AGES) < AGES.index("18-59")


@dataclass(frozen=True)
class Axes:
    """Axes shared by every replicate.

    Parameters
    ----------
    countries, nationalities, place_ids : list of str
        Names along the axes.
    first : int
        First month, counted from the year 0.
    months : int
        Number of months.
    days : numpy.ndarray
        Days of each month.
    route : Route
        Places, legs and homes.
    pairs : numpy.ndarray
        Country and nationality of each pair that occurs, sorted by country, shape (2, pairs).
    home : numpy.ndarray
        Whether the country of a pair is the nationality's home, shape (pairs,).
    ends_here : numpy.ndarray
        Countries that are a destination only.
    """

    countries: list[str]
    nationalities: list[str]
    place_ids: list[str]
    first: int
    months: int
    days: Array
    route: Route
    pairs: Codes
    home: Mask
    ends_here: Mask

    @property
    def shape(self) -> tuple[int, int, int]:
        """Pairs of country and nationality, months, demographic cells."""
        return len(self.home), self.months, len(DEMOGRAPHY)

    @cached_property
    def _pair(self) -> Codes:
        out = np.full((len(self.countries) + 1, len(self.nationalities) + 1), -1, dtype=np.intp)
        out[self.pairs[0], self.pairs[1]] = np.arange(self.pairs.shape[1])
        return out

    def pair(self, country: Codes, nationality: Codes) -> Codes:
        """Position of pairs, -1 where the country or the nationality is."""
        return self._pair[country, nationality]


@dataclass(frozen=True)
class FlowCounts:
    """Arrivals of one replicate, persons.

    Parameters
    ----------
    entry, visits : numpy.ndarray
        Entries from abroad and all arrivals, shape (kinds, pairs, months, demography).
    sent : numpy.ndarray
        Expelled or removed into the country, shape (pairs, months, demography).
    rough : numpy.ndarray
        Arrivals at a reception or crossing place over dangerous legs on foot, through the jungle or by boat: people who come
        out; shape as ``visits``.
    hazard, arrived : numpy.ndarray
        Arrivals over dangerous legs and all, shape (countries, months).
    inland, danger : numpy.ndarray
        Share of the travel days towards a place that are on legs within its country, and on such dangerous legs; shape
        (places, months).
    place_arrivals : numpy.ndarray
        Shape (places, months).
    moves : numpy.ndarray
        Over each way from place to place, shape (months, ways).
    borders : tuple of numpy.ndarray
        All, children, and over irregular crossings, each of shape (countries from, countries to, months).
    """

    entry: Array
    visits: Array
    sent: Array
    rough: Array
    hazard: Array
    arrived: Array
    inland: Array
    danger: Array
    place_arrivals: Array
    moves: Array
    borders: tuple[Array, Array, Array]


@dataclass(frozen=True)
class StockCounts:
    """People of one replicate between their moves; p pairs of country and nationality, m months, d demographic cells.

    Parameters
    ----------
    person_days, peaks : numpy.ndarray
        Person-days, and peaks summed over places, shape (4, p, m, d): staying, queued, stranded, settled.
    inland, inland_peaks : numpy.ndarray
        The same of people on a leg within the country, shape (p, m, d).
    entering : numpy.ndarray
        Person-days on legs from abroad, by the country where the leg ends, shape (p, m, d).
    danger : numpy.ndarray
        Person-days on dangerous legs, from abroad and within the country, shape (p, m, d).
    home, home_peaks : numpy.ndarray
        Person-days and peaks of people who wait at home for a regular way or for means, shape (p, m, d).
    largest : numpy.ndarray
        Largest single peak of people in a place on their way, shape (p, m, d).
    place_days, place_peaks : numpy.ndarray
        By place, shape (statuses, places, months); travelling towards the place over any leg; without people at home.
    """

    person_days: Array
    peaks: Array
    inland: Array
    inland_peaks: Array
    entering: Array
    danger: Array
    home: Array
    home_peaks: Array
    largest: Array
    place_days: Array
    place_peaks: Array


def _matrix(rows: Sequence[Codes], keep: Sequence[Mask], size: int) -> csr_array:
    """Sparse matrix of ones that adds lines up: row k of part j holds the lines whose code is k in part j."""
    data, into, columns, start = [], [], [], 0
    for codes, wanted in zip(rows, keep, strict=True):
        chosen = np.flatnonzero(wanted & (codes >= 0))
        data.append(np.ones(len(chosen)))
        into.append(codes[chosen] + start)
        columns.append(chosen)
        start += size
    lines = len(rows[0])
    return csr_array(
        (np.concatenate(data), (np.concatenate(into), np.concatenate(columns))), shape=(start, lines)
    )


@dataclass(frozen=True)
class _Legs:
    """What needs ask of each line of the flows."""

    pair: Codes
    country: Codes
    from_country: Codes
    place: Codes
    from_place: Codes
    kind: Codes
    sent: Mask
    hazard: Mask
    wild: Mask
    out: Mask
    trail: Mask
    days: Array

    @property
    def entry(self) -> Mask:
        return np.asarray(self.from_country != self.country)

    @cached_property
    def every(self) -> Mask:
        return np.ones(len(self.pair), dtype=bool)

    @cached_property
    def ways(self) -> tuple[Codes, Codes]:
        """From and to of each way from place to place, shape (2, ways), and the way of each line, -1 for none."""
        both = np.stack([self.from_place, self.place])
        known = (both >= 0).all(axis=0)
        ways, of_line = np.unique(both[:, known], axis=1, return_inverse=True)
        out = np.full(len(known), -1, dtype=np.intp)
        out[known] = of_line.reshape(-1)
        return ways, out


def count_flows(flows: Lines, axes: Axes) -> tuple[Codes, Callable[[int], FlowCounts]]:
    """Make flows ready, and count any of their replicates.

    Parameters
    ----------
    flows : Lines
        ``flows`` of a run.
    axes : Axes
        Axes of the arrays.

    Returns
    -------
    tuple
        From and to of each way from place to place, shape (2, ways), and a callable: replicate in, its counts out.
    """
    legs = _legs(flows, axes)
    return legs.ways[0], lambda replicate: _flow_counts(flows, legs, axes, replicate)


def _legs(flows: Lines, axes: Axes) -> _Legs:
    route = axes.route
    country, place = flows.at("to_country", axes.countries), flows.at("to_place", axes.place_ids)
    roles = route.places["role"].to_numpy()
    final = _at_place(roles, place, ("destination",))
    final |= np.append(axes.ends_here, False)[country]
    back = flows.marked("direction", ("southward", "return").__contains__)
    days = [*(route.leg_days.get(x, 1.0) for x in flows.names["leg"]), 1.0]
    return _Legs(
        pair=axes.pair(country, flows.at("nationality", axes.nationalities)),
        country=country,
        from_country=flows.at("from_country", axes.countries),
        place=place,
        from_place=flows.at("from_place", axes.place_ids),
        kind=np.where(back, BACK, np.where(final, TO_DESTINATION, FORWARD)).astype(np.intp),
        sent=flows.marked("direction", "return".__eq__),
        hazard=flows.marked("leg", route.hazardous_legs.__contains__),
        wild=flows.marked("leg", route.wild_legs.__contains__),
        out=_at_place(roles, place, ("reception", "crossing")),
        trail=np.append(route.places["irregular"].to_numpy(dtype=bool), False)[place],
        days=np.array(days)[flows.codes["leg"]],
    )


def _at_place(roles: NDArray[Any], place: Codes, wanted: tuple[str, ...]) -> Mask:
    """Lines that end at a place with one of some roles."""
    return np.asarray(np.append([str(r).startswith(wanted) for r in roles], False)[place], dtype=bool)


def _flow_counts(flows: Lines, legs: _Legs, axes: Axes, replicate: int) -> FlowCounts:
    p, m, d = axes.shape
    c, places = len(axes.countries), len(axes.place_ids)
    kinds = [legs.kind == k for k in range(KINDS)]
    parts = [
        *(legs.entry & k for k in kinds),
        *kinds,
        *(legs.wild & legs.out & k for k in kinds),
        legs.entry & legs.sent,
    ]
    adds = _matrix([legs.pair] * len(parts), parts, p)
    counted = np.zeros((len(parts), p, m, d))
    everybody, known, young = np.ones(d + 1), np.append(np.ones(d), 0.0), np.append(_YOUNG, 0.0)
    sums = np.zeros((m, flows.size, 3))
    for month, (block,) in flows.blocks(replicate):
        counted[:, :, month - axes.first] += (adds @ block[:, :d]).reshape(len(parts), p, d)
        sums[month - axes.first] += block @ np.stack([everybody, known, young], axis=1)
    every, known, children = np.moveaxis(sums, 2, 0)
    country = _matrix([legs.country] * 2, [legs.hazard & (legs.pair >= 0), legs.pair >= 0], c) @ known.T
    return FlowCounts(
        entry=counted[:KINDS],
        visits=counted[KINDS : 2 * KINDS],
        rough=counted[2 * KINDS : 3 * KINDS],
        sent=counted[3 * KINDS],
        hazard=country[:c],
        arrived=country[c:],
        inland=_share_of_days(legs, ~legs.entry, every, places),
        danger=_share_of_days(legs, legs.wild, every, places),
        place_arrivals=_matrix([legs.place], [legs.every], places) @ every.T,
        moves=(_matrix([legs.ways[1]], [legs.every], legs.ways[0].shape[1]) @ every.T).T,
        borders=(
            _between(legs, legs.entry, every, c),
            _between(legs, legs.entry, children, c),
            _between(legs, legs.entry & legs.trail, every, c),
        ),
    )


def _share_of_days(legs: _Legs, chosen: Mask, by_line: Array, places: int) -> Array:
    """Share of the travel days towards a place that are on chosen legs, shape (places, months).

    Stocks say only where travellers are going. Their days are shared out over the legs that end there: arrivals of the
    month times the leg's mean days; of the whole run where nobody arrived in the month.
    """
    days = by_line * legs.days
    part, whole = (np.asarray(_matrix([legs.place], [k], places) @ days.T) for k in (chosen, legs.every))
    ever = np.divide(part.sum(axis=1), whole.sum(axis=1), out=np.zeros(places), where=whole.sum(axis=1) > 0)
    out = np.repeat(ever[:, None], days.shape[0], axis=1)
    return np.asarray(np.divide(part, whole, out=out, where=whole > 0))


def _between(legs: _Legs, keep: Mask, by_line: Array, size: int) -> Array:
    """Lines added up by country of departure and of arrival; shape (from, to, months)."""
    known = (legs.from_country >= 0) & (legs.country >= 0)
    pair = np.where(known, legs.from_country * size + legs.country, -1)
    return np.asarray(_matrix([pair], [keep], size * size) @ by_line.T).reshape(size, size, -1)


@dataclass(frozen=True)
class _Spots:
    """What needs ask of each line of the stocks; the state is a status, or waiting at home."""

    pair: Codes
    place: Codes
    state: Codes


def count_stocks(stocks: Lines, axes: Axes, begins: Mask) -> Callable[[int, FlowCounts], StockCounts]:
    """Make stocks ready, and count any of their replicates.

    Parameters
    ----------
    stocks : Lines
        ``stocks`` of a run, by month.
    axes : Axes
        Axes of the arrays.
    begins : numpy.ndarray
        Whether journeys of a nationality begin at a place, shape (places + 1, nationalities + 1); the last for unknown ones.

    Returns
    -------
    callable
        Replicate and its flows in, its counts out.
    """
    place, nationality = stocks.at("place", axes.place_ids), stocks.at("nationality", axes.nationalities)
    pair = axes.pair(stocks.at("country", axes.countries), nationality)
    state = lookup(stocks.names["status"], STATUSES, 0)[stocks.codes["status"]]
    at_home = begins[place, nationality] & np.append(axes.home, False)[pair] & np.isin(state, _WAITING)
    spots = _Spots(pair, place, np.where(at_home, _HOME, state))
    return lambda replicate, flows: _stock_counts(stocks, spots, axes, replicate, flows)


def _stock_counts(stocks: Lines, spots: _Spots, axes: Axes, replicate: int, flows: FlowCounts) -> StockCounts:
    p, m, d = axes.shape
    states = [*range(TRAVELLING), _HOME]
    adds = _matrix([spots.pair] * len(states), [spots.state == s for s in states], p)
    on_leg = np.flatnonzero(spots.state == TRAVELLING)
    adds_legs = _matrix([spots.pair[on_leg]], [np.ones(len(on_leg), dtype=bool)], p)
    days, peaks = np.zeros((2, len(states), p, m, d))
    legs = np.zeros((4, p, m, d))  # days inland, entering and in danger, and peaks inland
    largest = np.zeros((p, m, d))
    there = np.flatnonzero((spots.state < len(IN_PLACES)) & (spots.pair >= 0))
    there = there[np.argsort(spots.pair[there], kind="stable")]
    owners, first = np.unique(spots.pair[there], return_index=True)
    by_line = np.zeros((2, m, stocks.size))
    for position, (stay, peak) in stocks.blocks(replicate):
        month = position - axes.first
        inland, danger = (
            np.append(x[:, month], 0.0)[spots.place[on_leg]] for x in (flows.inland, flows.danger)
        )
        days[:, :, month] += (adds @ stay[:, :d]).reshape(len(states), p, d)
        peaks[:, :, month] += (adds @ peak[:, :d]).reshape(len(states), p, d)
        for part, (block, share) in enumerate(
            ((stay, inland), (stay, 1.0 - inland), (stay, danger), (peak, inland))
        ):
            legs[part, :, month] += adds_legs @ (block[on_leg, :d] * share[:, None])
        if there.size:
            top = np.maximum.reduceat(peak[there, :d], first, axis=0)
            largest[owners, month] = np.maximum(largest[owners, month], top)
        by_line[0, month] += stay.sum(axis=1)
        by_line[1, month] += peak.sum(axis=1)
    place_days, place_peaks = (_by_place(x, spots, len(axes.place_ids)) for x in by_line)
    return StockCounts(
        person_days=days[:TRAVELLING],
        peaks=peaks[:TRAVELLING],
        inland=legs[0],
        inland_peaks=legs[3],
        entering=legs[1],
        danger=legs[2],
        home=days[TRAVELLING],
        home_peaks=peaks[TRAVELLING],
        largest=largest,
        place_days=place_days,
        place_peaks=place_peaks,
    )


def _by_place(by_line: Array, spots: _Spots, places: int) -> Array:
    """Lines added up by status and place; shape (statuses, places, months)."""
    adds = _matrix([spots.place] * len(STATUSES), [spots.state == s for s in range(len(STATUSES))], places)
    return np.asarray(adds @ by_line.T).reshape(len(STATUSES), places, -1)


def monthly(rows: pd.DataFrame) -> pd.DataFrame:
    """Daily stocks made monthly: person-days added, peaks the largest day."""
    start = starts(rows)
    some = start[np.flatnonzero(start[1:] != start[:-1])] if len(start) > 1 else start[:0]
    some = np.concatenate([some, start[-1:]])  # one of every run of equal days
    if bool((some == some.astype("datetime64[M]")).all()):
        return rows
    keys = ["replicate", "period_start", "place", "country", "status", "nationality", "sex", "age_band"]
    return (
        rows.assign(period_start=start.astype("datetime64[M]").astype("datetime64[ns]"))
        .groupby(keys, observed=True, sort=True)
        .agg(person_days=("person_days", "sum"), peak_persons=("peak_persons", "max"))
        .reset_index()
    )
