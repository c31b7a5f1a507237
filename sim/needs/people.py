"""Unique people and their bounds: one country's counts by nationality in, disjoint cells that add up out.

One country after another, so that its arrays stay in the processor's cache; the nationality is their first axis, so that adding
nationalities up to classes adds whole blocks of memory.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from sim.needs.axes import AT_HOME, CELLS, CLASSES

__all__ = ["Counts", "assemble", "region"]

Array = NDArray[np.float64]
_STAGES: Final = 4
_ORIGIN, _TRANSIT, _DESTINATION, _RETURN = range(_STAGES)
_POSITION: Final = {cell: position for position, cell in enumerate(CELLS)}
_GROUPS: Final = ("X-MOV", "X-WAI", "X-STR")
_SETTLED: Final = len(_GROUPS)
_BY_KIND: Final = ("entry", "visits", "rough", "person_days", "peaks")
_BY_NATIONALITY: Final = (
    "sent",
    "inland",
    "inland_peaks",
    "entering",
    "danger",
    "waiting",
    "waiting_peaks",
    "largest",
    "departures",
    "make_up",
    "home",
    "classes",
    "country",
)


@dataclass(frozen=True)
class Counts:
    """Counts of one replicate, of every country or of one; n nationalities in countries, m months, d demographic cells.

    Parameters
    ----------
    entry, visits : numpy.ndarray
        Persons, shape (3, n, m, d): forward, to a destination, back; entries from abroad and all arrivals.
    sent : numpy.ndarray
        Persons expelled or removed into the country, shape (n, m, d).
    person_days, peaks : numpy.ndarray
        In places, shape (4, n, m, d): moving, queued, stranded, settled; peaks are summed over places.
    inland, inland_peaks : numpy.ndarray
        Person-days and peaks on legs within the country, shape (n, m, d).
    entering : numpy.ndarray
        Person-days on legs from abroad: who walks them enters on arrival, shape (n, m, d).
    danger : numpy.ndarray
        Person-days on dangerous legs, shape (n, m, d).
    waiting, waiting_peaks : numpy.ndarray
        Person-days and peaks of people who wait at home, shape (n, m, d).
    rough : numpy.ndarray
        Arrivals over dangerous legs, shape (3, n, m, d).
    largest : numpy.ndarray
        Largest single peak in a place, persons, shape (n, m, d).
    departures : numpy.ndarray
        Persons who begin their journey, shape (n, m).
    make_up : numpy.ndarray
        Share of each demographic cell in the nationality on the whole route, shape (n, d).
    home : numpy.ndarray
        1 where the country is the nationality's home, shape (n,).
    classes, country : numpy.ndarray
        Position in ``CLASSES``, and of the country, shape (n,); by country, and in a country by class.
    days : numpy.ndarray
        Days of each month, shape (m,).
    reentry : float
        Share of people sent back who had been there in the same month.
    years : list of slice
        Months of each year.
    peak_share : numpy.ndarray
        Where the peak lies between mean and sum of peaks, shape (countries, m), or (m,) for one country.
    """

    entry: Array
    visits: Array
    sent: Array
    person_days: Array
    peaks: Array
    inland: Array
    inland_peaks: Array
    entering: Array
    danger: Array
    waiting: Array
    waiting_peaks: Array
    rough: Array
    largest: Array
    departures: Array
    make_up: Array
    home: Array
    classes: NDArray[np.int64]
    country: NDArray[np.intp]
    days: Array
    reentry: float
    years: list[slice]
    peak_share: Array

    def of_country(self, country: int) -> Counts:
        """Counts of one country."""
        own = slice(*np.searchsorted(self.country, [country, country + 1]))
        parts: dict[str, Any] = {name: getattr(self, name)[:, own] for name in _BY_KIND}
        parts |= {name: getattr(self, name)[own] for name in _BY_NATIONALITY}
        return replace(self, **parts, peak_share=self.peak_share[country])


def assemble(counts: Counts) -> dict[str, Array]:
    """Every measure of a country by cell, class, period and demography.

    Returns
    -------
    dict
        people, people_low, people_high, crossings, person_days, travel_days, danger_days, in_danger, rough, times,
        present, waiting, peak_low, peak, peak_high: float64, shape (cells, classes, months + years, demography); and
        what the region is made of, by month: route_* arrays of shape (months,).
    """
    share = _stage_share(counts)
    start, start_high, low_total = _at_start(counts)
    flow, flow_high = _new_people(counts)
    lacking = np.maximum(low_total - start - flow.sum(axis=0), 0.0)
    start = start + lacking
    start_high = np.maximum(start_high, start)
    by_stage = {
        "start": start * share[..., None],
        "start_high": start_high * share[..., None],
        "flow": flow,
        "flow_high": flow_high,
        "crossings": _by_stage_of_entry(counts, counts.entry),
        "visits": _by_stage_of_entry(counts, counts.visits),
        "rough": _by_stage_of_entry(counts, counts.rough),
    }
    total = by_stage["start"] + flow
    whole = total.sum(axis=0)
    part = np.divide(low_total, whole, out=np.zeros_like(whole), where=whole > 0)
    by_stage["low"] = total * np.minimum(part, 1.0)
    groups = _group_share(counts)
    cells = {
        name: _to_cells(counts, value, None if name in ("crossings", "visits", "rough") else groups)
        for name, value in by_stage.items()
    }
    at_home = _add_home(counts, cells)
    _add_settled(counts, cells)
    _add_stocks(counts, share, cells)
    _add_travel(counts, share, cells)
    return _with_years(counts, cells) | _on_route(counts, start, start_high, at_home)


def _stage_share(counts: Counts) -> Array:
    """Share of unsettled people in each stage, by nationality and month; shape (4, n, m)."""
    entry = counts.entry.sum(axis=3)
    home = counts.home[:, None]
    weight = np.stack(
        [
            counts.departures,
            entry[0] * (1 - home),
            entry[1] * (1 - home),
            entry[2] + (entry[0] + entry[1]) * home,
        ]
    )
    smooth = weight.copy()
    smooth[..., 1:] += weight[..., :-1]
    ever = np.broadcast_to(weight.sum(axis=2, keepdims=True), weight.shape)
    smooth = np.where(smooth.sum(axis=0) > 0, smooth, ever)
    default = np.zeros_like(smooth)
    default[_ORIGIN] = home
    default[_TRANSIT] = 1 - home
    total = smooth.sum(axis=0)
    return np.where(total > 0, smooth / np.where(total > 0, total, 1.0), default)


def _at_start(counts: Counts) -> tuple[Array, Array, Array]:
    """People there when the month begins (estimate, upper bound) and the month's lower bound.

    Shape (n, m, d).
    """
    mean = (counts.person_days[:_SETTLED].sum(axis=0) + counts.inland) / counts.days[:, None]
    peak = counts.peaks[:_SETTLED].sum(axis=0) + counts.inland_peaks
    start, high = _between(mean, peak)
    return start, high, np.maximum(mean, np.minimum(counts.largest, peak))


def _between(mean: Array, peak: Array) -> tuple[Array, Array]:
    """People there when the month begins, from the means and peaks of this month and the last: estimate, upper bound."""
    before, peak_before = mean.copy(), peak.copy()
    before[:, 1:], peak_before[:, 1:] = mean[:, :-1], peak[:, :-1]
    high = np.minimum(peak_before, peak)
    return np.minimum((before + mean) / 2.0, high), high


def _add_home(counts: Counts, cells: dict[str, Array]) -> Array:
    """People at home who were waiting when the month began; new ones are counted once, with the departures."""
    mean = counts.waiting / counts.days[:, None]
    start, high = _between(mean, counts.waiting_peaks)
    for name, value in (("start", start), ("start_high", high), ("low", np.minimum(start, mean))):
        _add(cells[name], ("origin", AT_HOME), counts, value)
    cells["waiting"] = _empty_cells(counts)
    _add(cells["waiting"], ("origin", AT_HOME), counts, counts.waiting)
    return start


def _by_stage_of_entry(counts: Counts, persons: Array) -> Array:
    """Arrivals by the stage they belong to; shape (4, n, m, d)."""
    home = counts.home[:, None, None]
    out = np.zeros((_STAGES, *persons.shape[1:]))
    np.multiply(persons[0], 1 - home, out=out[_TRANSIT])
    np.multiply(persons[1], 1 - home, out=out[_DESTINATION])
    np.add(persons[2], (persons[0] + persons[1]) * home, out=out[_RETURN])
    return out


def _new_people(counts: Counts) -> tuple[Array, Array]:
    """People new to the country this month by stage (estimate, upper bound); shape (4, n, m, d)."""
    high = _by_stage_of_entry(counts, counts.entry)
    high[_ORIGIN] += counts.departures[..., None] * counts.make_up[:, None]
    middle = high.copy()
    again = counts.sent * counts.reentry * (1 - counts.home[:, None, None])
    middle[_RETURN] = np.maximum(middle[_RETURN] - again, 0.0)
    return middle, high


def _group_share(counts: Counts) -> Array:
    """Share of unsettled person-days moving, queued and stranded; shape (3, n, m, d)."""
    days = counts.person_days[:_SETTLED].copy()
    days[0] += counts.inland
    total = days.sum(axis=0)
    default = np.zeros_like(days)
    default[0] = 1.0
    return np.where(total > 0, days / np.where(total > 0, total, 1.0), default)


def _empty_cells(counts: Counts) -> Array:
    return np.zeros((len(CELLS), len(CLASSES), *counts.largest.shape[1:]))


def _add(out: Array, cell: tuple[str, str], counts: Counts, value: Array) -> None:
    """Add people of one cell to the classes of their nationalities; value of shape (n, m, d)."""
    classes, first = np.unique(counts.classes, return_index=True)
    out[_POSITION[cell]][classes] += np.add.reduceat(value, first, axis=0)


def _to_cells(counts: Counts, value: Array, groups: Array | None) -> Array:
    """From nationality and stage to cells and classes, split over the groups; shape (cells, classes, m, d)."""
    home = counts.home[:, None, None]
    out = _empty_cells(counts)
    abroad = value[_RETURN] * (1 - home)
    _add(out, ("origin", "X-DEP"), counts, value[_ORIGIN])
    _add(out, ("destination", "X-ARR"), counts, value[_DESTINATION])
    _add(out, ("return", "RET"), counts, value[_RETURN] * home)
    if groups is None:
        _add(out, ("transit", _GROUPS[0]), counts, value[_TRANSIT])
        _add(out, ("return", _GROUPS[0]), counts, abroad)
        return out
    for g, group in enumerate(_GROUPS):
        _add(out, ("transit", group), counts, value[_TRANSIT] * groups[g])
        _add(out, ("return", group), counts, abroad * groups[g])
    return out


def _settled_cells(counts: Counts, value: Array) -> Array:
    """Settled people, or returnees where the country is home; shape (cells, classes, m, d)."""
    home = counts.home[:, None, None]
    out = _empty_cells(counts)
    _add(out, ("settled", "X-SET"), counts, value * (1 - home))
    _add(out, ("return", "RET"), counts, value * home)
    return out


def _add_settled(counts: Counts, cells: dict[str, Array]) -> None:
    mean = counts.person_days[_SETTLED] / counts.days[:, None]
    cells["settled"] = _settled_cells(counts, mean)
    cells["settled_high"] = _settled_cells(counts, np.maximum(counts.peaks[_SETTLED], mean))


def _add_stocks(counts: Counts, share: Array, cells: dict[str, Array]) -> None:
    home = counts.home[:, None, None]
    for name, stock in (("person_days", counts.person_days), ("peak_high", counts.peaks)):
        out = _empty_cells(counts)
        for g, group in enumerate(_GROUPS):
            stage = stock[g] * share[..., None]
            _add(out, ("origin", "X-DEP"), counts, stage[_ORIGIN])
            _add(out, ("transit", group), counts, stage[_TRANSIT])
            _add(out, ("destination", "X-ARR"), counts, stage[_DESTINATION])
            _add(out, ("return", group), counts, stage[_RETURN] * (1 - home))
            _add(out, ("return", "RET"), counts, stage[_RETURN] * home)
        cells[name] = out + _settled_cells(counts, stock[_SETTLED])
    cells["present"] = cells["person_days"] / counts.days[:, None]
    cells["peak_high"] = np.maximum(cells["peak_high"], cells["present"])
    cells["peak_low"] = cells["present"]
    lean = counts.peak_share[:, None]
    cells["peak"] = cells["peak_low"] + lean * (cells["peak_high"] - cells["peak_low"])


def _add_travel(counts: Counts, share: Array, cells: dict[str, Array]) -> None:
    """Person-days between places, by the country where the leg ends, and those of them on dangerous legs."""
    home = counts.home[:, None, None]
    for name, days in (("travel_days", counts.inland + counts.entering), ("danger_days", counts.danger)):
        out = _empty_cells(counts)
        stage = days * share[..., None]
        _add(out, ("origin", "X-DEP"), counts, stage[_ORIGIN])
        _add(out, ("transit", _GROUPS[0]), counts, stage[_TRANSIT])
        _add(out, ("destination", "X-ARR"), counts, stage[_DESTINATION])
        _add(out, ("return", _GROUPS[0]), counts, stage[_RETURN] * (1 - home))
        _add(out, ("return", "RET"), counts, stage[_RETURN] * home)
        cells[name] = out


def _with_years(counts: Counts, cells: dict[str, Array]) -> dict[str, Array]:
    """Months followed by years, each measure by its own rule; the period is the last axis but one."""
    starts = [y.start for y in counts.years]

    def years(value: Array, rule: np.ufunc) -> Array:
        return np.concatenate([value, rule.reduceat(value, starts, axis=-2)], axis=-2)

    def first(value: Array) -> Array:
        return np.concatenate([value, value[..., starts, :]], axis=-2)

    settled, settled_high = years(cells["settled"], np.maximum), years(cells["settled_high"], np.maximum)
    start = first(cells["start"])
    met = start.copy()
    met[_POSITION["origin", AT_HOME]] = 0.0
    people = start + years(cells["flow"], np.add) + settled
    high = np.maximum(first(cells["start_high"]) + years(cells["flow_high"], np.add) + settled_high, people)
    low = np.minimum(years(cells["low"], np.maximum) + settled, people)
    days = np.concatenate([counts.days, [counts.days[y].sum() for y in counts.years]])
    person_days, danger = years(cells["person_days"], np.add), years(cells["danger_days"], np.add)
    return {
        "people": people,
        "people_low": low,
        "people_high": high,
        "crossings": years(cells["crossings"], np.add),
        "times": met + years(cells["visits"], np.add) + settled,
        "person_days": person_days,
        "travel_days": years(cells["travel_days"], np.add),
        "danger_days": danger,
        "in_danger": danger / days[:, None],
        "rough": years(cells["rough"], np.add),
        "waiting": years(cells["waiting"], np.add) / days[:, None],
        "present": person_days / days[:, None],
        "peak_low": years(cells["peak_low"], np.maximum),
        "peak": years(cells["peak"], np.maximum),
        "peak_high": years(cells["peak_high"], np.maximum),
    }


def _on_route(counts: Counts, start: Array, start_high: Array, at_home: Array) -> dict[str, Array]:
    """What people unique in the region are made of: on the route or waiting at home when a month begins, and new ones."""
    entering = counts.entering / counts.days[:, None]
    crossing, _ = _between(entering, np.full_like(entering, np.inf))
    waits = at_home.sum(axis=(0, 2))
    beside = crossing.sum(axis=(0, 2)) + waits
    return {
        "route_begin": start.sum(axis=(0, 2)) + beside,
        "route_begin_high": start_high.sum(axis=(0, 2)) + beside,
        "route_home": waits,
        "route_new": counts.departures.sum(axis=0),
        "route_low": counts.largest.sum(axis=(0, 2)),
    }


def region(route: dict[str, Array], years: list[slice]) -> dict[str, Array]:
    """People unique in the region: on the route or waiting at home when the period begins, plus new departures.

    Parameters
    ----------
    route : dict
        The route_* arrays of every country, shape (countries, months).
    years : list of slice
        Months of each year.

    Returns
    -------
    dict
        people, people_low, people_high, and home for those who were waiting at home; shape (periods,).
    """
    begin, begin_high, waits, new = (
        route[f"route_{name}"].sum(axis=0) for name in ("begin", "begin_high", "home", "new")
    )
    low = route["route_low"].max(axis=0)

    def with_years(first: Array, added: Array) -> Array:
        return np.concatenate([first + added, [first[y.start] + added[y].sum() for y in years]])

    people = with_years(begin, new)
    return {
        "people": people,
        "home": np.concatenate([waits, [waits[y.start] for y in years]]),
        "people_high": np.maximum(with_years(begin_high, new), people),
        "people_low": np.minimum(np.concatenate([low, [low[y].max() for y in years]]), people),
    }
