"""Counting: the tables of a run in, dense arrays by country, month, nationality, sex and age out.

A table of millions of rows is read once, a month at a time: every row's leg (or place and status), nationality, sex and
age become one position in a block that fits the processor's cache, and what a country needs of the block is a product with
a sparse matrix that says which leg or place belongs to it. Nothing is grouped row by row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_array

from sim.needs.axes import AGES, DEMOGRAPHY, SEXES
from sim.needs.world import codes_of

if TYPE_CHECKING:
    from sim.needs.world import Route

__all__ = [
    "IN_PLACES",
    "SETTLED",
    "STATUSES",
    "TRAVELLING",
    "Axes",
    "FlowCounts",
    "StockCounts",
    "count_flows",
    "count_stocks",
    "month_of",
    "positions",
]

Array = NDArray[np.float64]
Codes = NDArray[np.intp]
#: kinds of arrival: onward, to a destination, back
KINDS: Final = 3
FORWARD, TO_DESTINATION, BACK = range(KINDS)
STATUSES: Final = ("staying", "queued", "stranded", "settled", "travelling")
SETTLED, TRAVELLING = STATUSES.index("settled"), STATUSES.index("travelling")
#: people in a place on their way; what standards for places multiply
IN_PLACES: Final = ("staying", "queued", "stranded")
_CHILDREN: Final = 3  # the first age bands
_SEGMENTS: Final = 64  # runs of equal months a replicate and month may be cut into before rows are sorted
_FLOW_COLUMNS: Final = ("from_place", "to_place", "from_country", "to_country", "direction")


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
    home : numpy.ndarray
        1 where the country is the nationality's home, shape (countries, nationalities).
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
    home: Array
    ends_here: NDArray[np.bool_]

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Countries, months, nationalities, demographic cells."""
        return len(self.countries), self.months, len(self.nationalities), len(DEMOGRAPHY)


@dataclass(frozen=True)
class FlowCounts:
    """Arrivals of one replicate, persons.

    Parameters
    ----------
    entry, visits : numpy.ndarray
        Entries from abroad and all arrivals, shape (kinds, nationalities, countries, months, demography).
    sent : numpy.ndarray
        Expelled or removed into the country, shape (nationalities, countries, months, demography).
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
        From place to place, shape (months, places, places).
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
    """People of one replicate between their moves; n nationalities, c countries, m months, d demographic cells.

    Parameters
    ----------
    person_days, peaks : numpy.ndarray
        Person-days, and peaks summed over places, shape (statuses, n, c, m, d): staying, queued, stranded, settled, and
        travelling on a leg within the country.
    entering : numpy.ndarray
        Person-days on legs from abroad, by the country where the leg ends, shape (n, c, m, d).
    danger : numpy.ndarray
        Person-days on dangerous legs, from abroad and within the country, shape (n, c, m, d).
    home, home_peaks : numpy.ndarray
        Person-days and peaks of people who wait at home for a regular way or for means, shape (n, c, m, d).
    largest : numpy.ndarray
        Largest single peak of people in a place on their way, shape (n, c, m, d).
    place_days, place_peaks : numpy.ndarray
        By place, shape (statuses, places, months); travelling towards the place over any leg; without people at home.
    """

    person_days: Array
    peaks: Array
    entering: Array
    danger: Array
    home: Array
    home_peaks: Array
    largest: Array
    place_days: Array
    place_peaks: Array


def _lookup(names: Sequence[str], known: Sequence[str], missing: int) -> Codes:
    """Position of every name in a list of known names; the last entry is for rows without a name."""
    at = {name: position for position, name in enumerate(known)}
    return np.array([*(at.get(name, missing) for name in names), missing], dtype=np.intp)


def positions(column: pd.Series, known: Sequence[str]) -> Codes:
    """Position of every row's name in a list of known names, -1 where it is not in it."""
    codes, names = codes_of(column)
    return np.asarray(_lookup(names, known, -1)[codes], dtype=np.intp)


def month_of(column: pd.Series) -> NDArray[np.int64]:
    """Months since the year 0."""
    months = pd.to_datetime(column).to_numpy().astype("datetime64[M]").astype(np.int64)
    return np.asarray(months + 1970 * 12, dtype=np.int64)


@dataclass(frozen=True)
class _Rows:
    """A table made ready: where each row falls in its month's block, and which rows belong to which month.

    Parameters
    ----------
    keys : tuple
        Codes by row (line, nationality, sex, age), and what each code adds to the position in the block.
    values : tuple of numpy.ndarray
        Number columns.
    segments : list of tuple
        Replicate, month, first and last row.
    shape : tuple
        Lines, nationalities and one for others, demographic cells and one for others.
    """

    keys: tuple[tuple[NDArray[Any], Codes], ...]
    values: tuple[Array, ...]
    segments: list[tuple[int, int, int, int]]
    shape: tuple[int, int, int]

    def blocks(self, replicate: int) -> Iterator[tuple[int, list[Array]]]:
        """Month and dense blocks, one for each number column, of every piece of a replicate."""
        size = int(np.prod(self.shape))
        for owner, month, low, high in self.segments:
            if owner != replicate:
                continue
            at = sum(weight.take(codes[low:high]) for codes, weight in self.keys)
            yield (
                month,
                [
                    np.bincount(at, weights=v[low:high], minlength=size).reshape(self.shape)
                    for v in self.values
                ],
            )


def _ready(rows: pd.DataFrame, axes: Axes, line: NDArray[Any], lines: int, values: Sequence[str]) -> _Rows:
    """Keys of a table as positions in a block; people whose nationality, sex or age is unknown go to the last ones."""
    n, d = len(axes.nationalities), len(DEMOGRAPHY)
    nationality, names = codes_of(rows["nationality"])
    of_nationality = _lookup(names, axes.nationalities, n) * (d + 1)
    person, of_person = _demography(rows, d)
    keys = [(line, np.arange(lines + 1, dtype=np.intp) * ((n + 1) * (d + 1))), (nationality, of_nationality)]
    columns = [rows[name].to_numpy(dtype=np.float64) for name in values]
    replicate = rows["replicate"].to_numpy(dtype=np.int64)
    start = pd.to_datetime(rows["period_start"]).to_numpy()
    segments = _segments(replicate, start, axes)
    everything = [*keys, *zip(person, of_person, strict=True)]
    if segments is None:
        order = np.lexsort((start, replicate))
        everything = [(codes[order], weight) for codes, weight in everything]
        columns = [c[order] for c in columns]
        segments = _segments(replicate[order], start[order], axes, cut=False)
    return _Rows(tuple(everything), tuple(columns), segments or [], (lines, n + 1, d + 1))


def _demography(rows: pd.DataFrame, other: int) -> tuple[list[NDArray[Any]], list[Codes]]:
    """Sex and age as two keys, or as one where some are unknown."""
    sex, sexes = codes_of(rows["sex"])
    age, ages = codes_of(rows["age_band"])
    of_sex, of_age = _lookup(sexes, SEXES, -1), _lookup(ages, AGES, -1)
    used_sex, used_age = of_sex[np.unique(sex)], of_age[np.unique(age)]
    if not (used_sex < 0).any() and not (used_age < 0).any():
        return [sex, age], [np.maximum(of_sex, 0) * len(AGES), np.maximum(of_age, 0)]
    by_row_sex, by_row_age = of_sex[sex], of_age[age]
    known = (by_row_sex >= 0) & (by_row_age >= 0)
    return [np.where(known, by_row_sex * len(AGES) + by_row_age, other)], [
        np.arange(other + 1, dtype=np.intp)
    ]


def _segments(
    replicate: NDArray[np.int64], start: NDArray[Any], axes: Axes, *, cut: bool = True
) -> list[tuple[int, int, int, int]] | None:
    """Runs of rows of one replicate and period; None where the rows are in no useful order."""
    size = len(start)
    if size == 0:
        return []
    change = np.flatnonzero((start[1:] != start[:-1]) | (replicate[1:] != replicate[:-1])) + 1
    first = np.concatenate([[0], change])
    many = _SEGMENTS * axes.months * len(np.unique(replicate[first]))
    if cut and len(first) > max(many, 1000):
        return None
    last = np.concatenate([change, [size]])
    months = month_of(pd.Series(start[first]))
    return list(
        zip(
            replicate[first].tolist(),
            (months - axes.first).tolist(),
            first.tolist(),
            last.tolist(),
            strict=True,
        )
    )


def _lines(codes: Sequence[NDArray[Any]]) -> tuple[NDArray[Any], list[NDArray[Any]]]:
    """Line of every row, and the codes of every line: the first column names the line where the others agree with it.

    A leg has one place of departure, one of arrival and one direction. Tables from elsewhere need not be so: there every
    combination is a line of its own.
    """
    line = codes[0].astype(np.intp)
    if len(line) == 0:
        return line, [c[:0] for c in codes]
    line = np.where(line < 0, int(line.max()) + 1, line)
    some = np.full(int(line.max()) + 1, -1, dtype=np.intp)
    some[line[::-1]] = np.arange(len(line) - 1, -1, -1)
    of_line = [np.where(some >= 0, c[some], -1) for c in codes]
    if all(bool((of.take(line) == c).all()) for of, c in zip(of_line[1:], codes[1:], strict=True)):
        return line, of_line
    whole = np.zeros(len(line), dtype=np.int64)
    for c in codes:
        whole = np.unique(whole * (int(c.max()) + 2) + c + 1, return_inverse=True)[1].reshape(-1)
    some = np.unique(whole, return_index=True)[1]
    return whole.astype(np.intp), [c[some] for c in codes]


def _matrix(rows: Sequence[NDArray[np.intp]], keep: Sequence[NDArray[np.bool_]], size: int) -> csr_array:
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

    country: Codes
    from_country: Codes
    place: Codes
    from_place: Codes
    kind: Codes
    sent: NDArray[np.bool_]
    hazard: NDArray[np.bool_]
    wild: NDArray[np.bool_]
    out: NDArray[np.bool_]
    trail: NDArray[np.bool_]
    days: Array

    @property
    def entry(self) -> NDArray[np.bool_]:
        return np.asarray(self.from_country != self.country)


def count_flows(rows: pd.DataFrame, axes: Axes) -> Callable[[int], FlowCounts]:
    """Make a table of flows ready, and count any of its replicates.

    Parameters
    ----------
    rows : pandas.DataFrame
        ``flows`` of a run.
    axes : Axes
        Axes of the arrays.

    Returns
    -------
    callable
        Replicate in, its counts out.
    """
    coded = {name: codes_of(rows[name]) for name in ("leg", *_FLOW_COLUMNS)}
    line, of_line = _lines([coded[name][0] for name in ("leg", *_FLOW_COLUMNS)])
    legs = _legs(
        dict(zip(("leg", *_FLOW_COLUMNS), of_line, strict=True)), {k: v[1] for k, v in coded.items()}, axes
    )
    ready = _ready(rows, axes, line, len(legs.country), ("persons",))
    return lambda replicate: _flow_counts(ready, legs, axes, replicate)


def _legs(of_line: dict[str, NDArray[Any]], names: dict[str, list[str]], axes: Axes) -> _Legs:
    def at(column: str, known: Sequence[str]) -> Codes:
        return np.asarray(_lookup(names[column], known, -1)[of_line[column]], dtype=np.intp)

    def marked(column: str, test: Callable[[str], bool]) -> NDArray[np.bool_]:
        return np.asarray(np.array([*(test(n) for n in names[column]), False])[of_line[column]], dtype=bool)

    country, place = at("to_country", axes.countries), at("to_place", axes.place_ids)
    roles = axes.route.places["role"].to_numpy()
    final = _at_place(roles, place, ("destination",))
    final |= np.append(axes.ends_here, False)[country]
    back = marked("direction", ("southward", "return").__contains__)
    return _Legs(
        country=country,
        from_country=at("from_country", axes.countries),
        place=place,
        from_place=at("from_place", axes.place_ids),
        kind=np.where(back, BACK, np.where(final, TO_DESTINATION, FORWARD)).astype(np.intp),
        sent=marked("direction", "return".__eq__),
        hazard=marked("leg", axes.route.hazardous_legs.__contains__),
        wild=marked("leg", axes.route.wild_legs.__contains__),
        out=_at_place(roles, place, ("reception", "crossing")),
        trail=np.append(axes.route.places["irregular"].to_numpy(dtype=bool), False)[place],
        days=np.array([*(axes.route.leg_days.get(x, 1.0) for x in names["leg"]), 1.0])[of_line["leg"]],
    )


def _at_place(roles: NDArray[Any], place: Codes, wanted: tuple[str, ...]) -> NDArray[np.bool_]:
    """Lines that end at a place with one of some roles."""
    return np.asarray(np.append([str(r).startswith(wanted) for r in roles], False)[place], dtype=bool)


def _flow_counts(ready: _Rows, legs: _Legs, axes: Axes, replicate: int) -> FlowCounts:
    c, m, n, d = axes.shape
    kinds = [legs.kind == k for k in range(KINDS)]
    parts = [
        *(legs.entry & k for k in kinds),
        *kinds,
        *(legs.wild & legs.out & k for k in kinds),
        legs.entry & legs.sent,
    ]
    adds = _matrix([legs.country] * len(parts), parts, c)
    counted = np.zeros((m, len(parts), c, n, d))
    lines = len(legs.country)
    every, known, children = np.zeros((m, lines)), np.zeros((m, lines)), np.zeros((m, lines))
    young = np.flatnonzero(np.arange(d) % len(AGES) < _CHILDREN)
    for month, (block,) in ready.blocks(replicate):
        inside = np.ascontiguousarray(block[:, :n, :d])
        counted[month] += (adds @ inside.reshape(lines, n * d)).reshape(len(parts), c, n, d)
        every[month] += block.reshape(lines, -1).sum(axis=1)
        known[month] += inside.reshape(lines, -1).sum(axis=1)
        children[month] += block[:, :, young].sum(axis=(1, 2))
    counted = np.ascontiguousarray(counted.transpose(1, 3, 2, 0, 4))
    all_lines = np.ones(lines, dtype=bool)
    country = _matrix([legs.country, legs.country], [legs.hazard, all_lines], c) @ known.T
    return FlowCounts(
        entry=counted[:KINDS],
        visits=counted[KINDS : 2 * KINDS],
        rough=counted[2 * KINDS : 3 * KINDS],
        sent=counted[3 * KINDS],
        hazard=country[:c],
        arrived=country[c:],
        inland=_share_of_days(legs, ~legs.entry, every, len(axes.place_ids)),
        danger=_share_of_days(legs, legs.wild, every, len(axes.place_ids)),
        place_arrivals=_matrix([legs.place], [all_lines], len(axes.place_ids)) @ every.T,
        moves=_pairs(legs.from_place, legs.place, all_lines, every, len(axes.place_ids)).transpose(2, 0, 1),
        borders=(
            _pairs(legs.from_country, legs.country, legs.entry, every, c),
            _pairs(legs.from_country, legs.country, legs.entry, children, c),
            _pairs(legs.from_country, legs.country, legs.entry & legs.trail, every, c),
        ),
    )


def _share_of_days(legs: _Legs, chosen: NDArray[np.bool_], by_line: Array, places: int) -> Array:
    """Share of the travel days towards a place that are on chosen legs, shape (places, months).

    Stocks say only where travellers are going. Their days are shared out over the legs that end there: arrivals of the
    month times the leg's mean days; of the whole run where nobody arrived in the month.
    """
    days = by_line * legs.days
    every = np.ones(len(legs.place), dtype=bool)
    part, whole = (np.asarray(_matrix([legs.place], [k], places) @ days.T) for k in (chosen, every))
    ever = np.divide(part.sum(axis=1), whole.sum(axis=1), out=np.zeros(places), where=whole.sum(axis=1) > 0)
    out = np.repeat(ever[:, None], days.shape[0], axis=1)
    return np.asarray(np.divide(part, whole, out=out, where=whole > 0))


def _pairs(origin: Codes, target: Codes, keep: NDArray[np.bool_], by_line: Array, size: int) -> Array:
    """Lines added up by origin and target; shape (origin, target, months)."""
    pair = np.where((origin >= 0) & (target >= 0), origin * size + target, -1)
    return np.asarray(_matrix([pair], [keep], size * size) @ by_line.T).reshape(size, size, -1)


@dataclass(frozen=True)
class _Spots:
    """What needs ask of each place of the stocks."""

    place: Codes
    country: Codes
    at_home: NDArray[np.bool_]


def count_stocks(
    rows: pd.DataFrame, axes: Axes, begins: NDArray[np.bool_]
) -> Callable[[int, FlowCounts], StockCounts]:
    """Make a table of stocks ready, and count any of its replicates.

    Parameters
    ----------
    rows : pandas.DataFrame
        ``stocks`` of a run; daily tables become monthly ones first.
    axes : Axes
        Axes of the arrays.
    begins : numpy.ndarray
        Whether journeys of a nationality begin at a place, shape (places, nationalities).

    Returns
    -------
    callable
        Replicate and its flows in, its counts out.
    """
    rows = _monthly(rows)
    (place, places), (country, countries) = codes_of(rows["place"]), codes_of(rows["country"])
    spot, (place_of, country_of) = _lines([place, country])
    status, statuses = codes_of(rows["status"])
    state = _lookup(statuses, STATUSES, 0)
    at_place = np.asarray(_lookup(places, axes.place_ids, -1)[place_of], dtype=np.intp)
    in_country = np.asarray(_lookup(countries, axes.countries, -1)[country_of], dtype=np.intp)
    known = (at_place >= 0) & (in_country >= 0)
    at_home = known[:, None] & begins[at_place] & (axes.home[in_country] > 0)
    line = state.take(status) * len(at_place) + spot
    ready = _ready(rows, axes, line, len(STATUSES) * len(at_place), ("person_days", "peak_persons"))
    spots = _Spots(at_place, in_country, at_home)
    return lambda replicate, flows: _stock_counts(ready, spots, axes, replicate, flows)


def _stock_counts(ready: _Rows, spots: _Spots, axes: Axes, replicate: int, flows: FlowCounts) -> StockCounts:
    c, m, n, d = axes.shape
    size, statuses = len(spots.place), len(STATUSES)
    adds = _matrix([spots.country], [np.ones(size, dtype=bool)], c)
    # the five statuses, on legs from abroad, on dangerous legs, at home
    counted = np.zeros((2, statuses + 3, m, c, n * d))
    largest = np.zeros((m, c, n * d))
    by_spot = np.zeros((2, m, statuses, size))
    order = np.argsort(spots.country, kind="stable")
    owners, first = np.unique(spots.country[order], return_index=True)
    known = owners >= 0
    for month, blocks in ready.blocks(replicate):
        inland, danger = (_of_spot(x[:, month], spots.place) for x in (flows.inland, flows.danger))
        for into, spotted, block in zip(counted, by_spot, blocks, strict=True):
            whole = block.reshape(statuses, size, -1).sum(axis=2)
            inside = np.ascontiguousarray(block[:, :n, :d]).reshape(statuses, size, n, d)
            home = _take_home(inside, whole, spots.at_home)
            flat = inside.reshape(statuses, size, n * d)
            travel = flat[TRAVELLING]
            parts = (*flat[:TRAVELLING], travel * inland, travel * (1.0 - inland), travel * danger, home)
            for s, part in enumerate(parts):
                into[s, month] += adds @ part
            spotted[month] += whole
        top = np.maximum.reduceat(flat[: len(IN_PLACES)].max(axis=0)[order], first, axis=0)
        largest[month, owners[known]] = np.maximum(largest[month, owners[known]], top[known])
    days, peaks = (_by_country(x, axes) for x in counted)
    return StockCounts(
        person_days=days[:statuses],
        peaks=peaks[:statuses],
        entering=days[statuses],
        danger=days[statuses + 1],
        home=days[statuses + 2],
        home_peaks=peaks[statuses + 2],
        largest=_by_country(largest[None], axes)[0],
        place_days=_by_place(by_spot[0], spots.place, axes),
        place_peaks=_by_place(by_spot[1], spots.place, axes),
    )


def _of_spot(share: Array, place: Codes) -> Array:
    """A share by place as a column by spot."""
    return np.append(share, 0.0)[place][:, None]


def _take_home(inside: Array, whole: Array, at_home: NDArray[np.bool_]) -> Array:
    """Take people who wait at home out of those who queue or are stranded, and return them; shape (spots, n x d).

    They are where their journey begins, in their own country: they have not left.
    """
    where = np.flatnonzero(at_home.any(axis=1))
    home = np.zeros((*inside.shape[1:3], inside.shape[3]))
    for status in (STATUSES.index("queued"), STATUSES.index("stranded")):
        some = inside[status, where] * at_home[where][:, :, None]
        inside[status, where] -= some
        whole[status, where] -= some.sum(axis=(1, 2))
        home[where] += some
    return home.reshape(len(home), -1)


def _by_country(counted: Array, axes: Axes) -> Array:
    c, m, n, d = axes.shape
    return np.ascontiguousarray(counted.reshape(-1, m, c, n, d).transpose(0, 3, 2, 1, 4))


def _by_place(by_spot: Array, place: Codes, axes: Axes) -> Array:
    """Spots added up by place; shape (statuses, places, months)."""
    adds = _matrix([place], [np.ones(len(place), dtype=bool)], len(axes.place_ids))
    return np.stack([np.asarray(adds @ by_spot[:, s].T) for s in range(by_spot.shape[1])])


def _monthly(rows: pd.DataFrame) -> pd.DataFrame:
    """Daily stocks made monthly: person-days added, peaks the largest day."""
    start = pd.to_datetime(rows["period_start"]).to_numpy()
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
