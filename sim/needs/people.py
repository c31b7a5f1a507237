"""Unique people and their bounds: counts by nationality in, disjoint cells that add up out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sim.needs.axes import CELLS, CLASSES, DEMOGRAPHY

__all__ = ["Counts", "assemble"]

Array = NDArray[np.float64]
_ORIGIN, _TRANSIT, _DESTINATION, _RETURN = range(4)
_POSITION: Final = {cell: position for position, cell in enumerate(CELLS)}
_GROUPS: Final = ("X-MOV", "X-WAI", "X-STR")


@dataclass(frozen=True)
class Counts:
    """Counts of one replicate; c countries, m months, n nationalities, d demographic cells.

    Parameters
    ----------
    entry, visits : numpy.ndarray
        Persons, shape (c, m, n, d, 3): forward, to a destination, back; entries from abroad and all arrivals.
    sent : numpy.ndarray
        Persons expelled or removed into the country, shape (c, m, n, d).
    person_days, peaks : numpy.ndarray
        Shape (c, m, n, d, 4): moving, queued, stranded, settled; peaks are summed over places.
    largest : numpy.ndarray
        Largest single peak, persons, shape (c, m, n, d).
    departures : numpy.ndarray
        Persons who begin their journey, shape (c, m, n).
    days : numpy.ndarray
        Days of each month, shape (m,).
    home : numpy.ndarray
        1 where the country is the nationality's home, shape (c, n).
    classes : numpy.ndarray
        Position in ``CLASSES``, shape (n,).
    reentry : float
        Share of people sent back who had been there in the same month.
    years : list of slice
        Months of each year.
    peak_share : numpy.ndarray
        Where the peak lies between mean and sum of peaks, shape (c, m).
    """

    entry: Array
    visits: Array
    sent: Array
    person_days: Array
    peaks: Array
    largest: Array
    departures: Array
    days: Array
    home: Array
    classes: NDArray[np.int64]
    reentry: float
    years: list[slice]
    peak_share: Array


def assemble(counts: Counts) -> dict[str, Array]:
    """Every measure by country, period, cell, class and demography.

    Returns
    -------
    dict
        people, people_low, people_high, crossings, person_days, times, present, peak_low, peak, peak_high:
        float64, shape (countries, months + years, cells, classes, demography); and region_* arrays.
    """
    share = _stage_share(counts)
    start, start_high, low_total = _at_start(counts)
    flow, flow_high = _new_people(counts)
    lacking = np.maximum(low_total - start - flow.sum(axis=-1), 0.0)
    start = start + lacking
    start_high = np.maximum(start_high, start)
    by_stage = {
        "start": start[..., None] * share[:, :, :, None, :],
        "start_high": start_high[..., None] * share[:, :, :, None, :],
        "flow": flow,
        "flow_high": flow_high,
        "crossings": _by_stage_of_entry(counts, counts.entry),
        "visits": _by_stage_of_entry(counts, counts.visits),
    }
    total = by_stage["start"] + flow
    whole = total.sum(axis=-1)
    part = np.divide(low_total, whole, out=np.zeros_like(whole), where=whole > 0)
    by_stage["low"] = total * np.minimum(part, 1.0)[..., None]
    groups = _group_share(counts)
    cells = {
        name: _to_cells(counts, value, None if name in ("crossings", "visits") else groups)
        for name, value in by_stage.items()
    }
    _add_settled(counts, cells)
    _add_stocks(counts, share, cells)
    return _with_years(counts, cells) | _region(counts, start, start_high)


def _stage_share(counts: Counts) -> Array:
    """Share of unsettled people in each stage, by country, month and nationality; shape (c, m, n, 4)."""
    entry = counts.entry.sum(axis=3)
    home = counts.home[:, None, :]
    weight = np.stack(
        [
            counts.departures,
            entry[..., 0] * (1 - home),
            entry[..., 1] * (1 - home),
            entry[..., 2] + (entry[..., 0] + entry[..., 1]) * home,
        ],
        axis=-1,
    )
    smooth = weight.copy()
    smooth[:, 1:] += weight[:, :-1]
    ever = np.broadcast_to(weight.sum(axis=1, keepdims=True), weight.shape)
    smooth = np.where(smooth.sum(axis=-1, keepdims=True) > 0, smooth, ever)
    default = np.zeros_like(smooth)
    default[..., _ORIGIN] = home
    default[..., _TRANSIT] = 1 - home
    total = smooth.sum(axis=-1, keepdims=True)
    return np.where(total > 0, smooth / np.where(total > 0, total, 1.0), default)


def _at_start(counts: Counts) -> tuple[Array, Array, Array]:
    """People there when the month begins (estimate, upper bound) and the month's lower bound.

    Shape (c, m, n, d).
    """
    mean = counts.person_days[..., :3].sum(axis=-1) / counts.days[None, :, None, None]
    peak = counts.peaks[..., :3].sum(axis=-1)
    before, peak_before = mean.copy(), peak.copy()
    before[:, 1:], peak_before[:, 1:] = mean[:, :-1], peak[:, :-1]
    high = np.minimum(peak_before, peak)
    start = np.minimum((before + mean) / 2.0, high)
    return start, high, np.maximum(mean, np.minimum(counts.largest, peak))


def _spread_departures(counts: Counts) -> Array:
    """Departures by demography: the make-up of the nationality on the whole route; shape (c, m, n, d)."""
    made_of = counts.visits.sum(axis=(0, 1, 4)) + counts.person_days.sum(axis=(0, 1, 4))
    total = made_of.sum(axis=-1, keepdims=True)
    share = np.where(total > 0, made_of / np.where(total > 0, total, 1.0), 1.0 / len(DEMOGRAPHY))
    return counts.departures[..., None] * share[None, None]


def _by_stage_of_entry(counts: Counts, persons: Array) -> Array:
    """Arrivals by the stage they belong to; shape (c, m, n, d, 4)."""
    home = counts.home[:, None, :, None]
    out = np.zeros((*persons.shape[:-1], 4))
    out[..., _TRANSIT] = persons[..., 0] * (1 - home)
    out[..., _DESTINATION] = persons[..., 1] * (1 - home)
    out[..., _RETURN] = persons[..., 2] + (persons[..., 0] + persons[..., 1]) * home
    return out


def _new_people(counts: Counts) -> tuple[Array, Array]:
    """People new to the country this month by stage (estimate, upper bound); shape (c, m, n, d, 4)."""
    high = _by_stage_of_entry(counts, counts.entry)
    high[..., _ORIGIN] += _spread_departures(counts)
    middle = high.copy()
    again = counts.sent * counts.reentry * (1 - counts.home[:, None, :, None])
    middle[..., _RETURN] = np.maximum(middle[..., _RETURN] - again, 0.0)
    return middle, high


def _group_share(counts: Counts) -> Array:
    """Share of unsettled person-days moving, queued and stranded; shape (c, m, n, d, 3)."""
    days = counts.person_days[..., :3]
    total = days.sum(axis=-1, keepdims=True)
    default = np.zeros_like(days)
    default[..., 0] = 1.0
    return np.where(total > 0, days / np.where(total > 0, total, 1.0), default)


def _to_cells(counts: Counts, value: Array, groups: Array | None) -> Array:
    """From nationality and stage to cells and classes, split over the groups; shape (c, m, cells, classes, d)."""
    c, m, n, d, _ = value.shape
    out = np.zeros((c, m, len(CELLS), len(CLASSES), d))
    for x in range(n):
        k = counts.classes[x]
        home = counts.home[:, x][:, None, None]
        moved, sent = value[:, :, x, :, _TRANSIT], value[:, :, x, :, _RETURN]
        out[:, :, _POSITION["origin", "X-DEP"], k] += value[:, :, x, :, _ORIGIN]
        out[:, :, _POSITION["destination", "X-ARR"], k] += value[:, :, x, :, _DESTINATION]
        out[:, :, _POSITION["return", "RET"], k] += sent * home
        abroad = sent * (1 - home)
        for g, group in enumerate(_GROUPS if groups is not None else _GROUPS[:1]):
            part = groups[:, :, x, :, g] if groups is not None else 1.0
            out[:, :, _POSITION["transit", group], k] += moved * part
            out[:, :, _POSITION["return", group], k] += abroad * part
    return out


def _settled_cells(counts: Counts, value: Array) -> Array:
    """Settled people, or returnees where the country is home; shape (c, m, cells, classes, d)."""
    c, m, n, d = value.shape
    out = np.zeros((c, m, len(CELLS), len(CLASSES), d))
    for x in range(n):
        k = counts.classes[x]
        home = counts.home[:, x][:, None, None]
        out[:, :, _POSITION["settled", "X-SET"], k] += value[:, :, x] * (1 - home)
        out[:, :, _POSITION["return", "RET"], k] += value[:, :, x] * home
    return out


def _add_settled(counts: Counts, cells: dict[str, Array]) -> None:
    mean = counts.person_days[..., 3] / counts.days[None, :, None, None]
    settled = _settled_cells(counts, mean)
    high = _settled_cells(counts, np.maximum(counts.peaks[..., 3], mean))
    cells["settled"], cells["settled_high"] = settled, high


def _add_stocks(counts: Counts, share: Array, cells: dict[str, Array]) -> None:
    days = counts.days[None, :, None, None, None]
    for name, stock in (("person_days", counts.person_days), ("peak_high", counts.peaks)):
        out = np.zeros_like(cells["settled"])
        for x in range(stock.shape[2]):
            k = counts.classes[x]
            home = counts.home[:, x][:, None, None]
            for g, group in enumerate(_GROUPS):
                value = stock[:, :, x, :, g]
                stage = [value * share[:, :, x, None, s] for s in range(4)]
                out[:, :, _POSITION["origin", "X-DEP"], k] += stage[_ORIGIN]
                out[:, :, _POSITION["transit", group], k] += stage[_TRANSIT]
                out[:, :, _POSITION["destination", "X-ARR"], k] += stage[_DESTINATION]
                out[:, :, _POSITION["return", group], k] += stage[_RETURN] * (1 - home)
                out[:, :, _POSITION["return", "RET"], k] += stage[_RETURN] * home
        cells[name] = out + _settled_cells(counts, stock[..., 3])
    cells["present"] = cells["person_days"] / days
    cells["peak_high"] = np.maximum(cells["peak_high"], cells["present"])
    cells["peak_low"] = cells["present"]
    lean = counts.peak_share[:, :, None, None, None]
    cells["peak"] = cells["peak_low"] + lean * (cells["peak_high"] - cells["peak_low"])


def _with_years(counts: Counts, cells: dict[str, Array]) -> dict[str, Array]:
    """Months followed by years, each measure by its own rule."""

    def years(value: Array, rule: Callable[..., Array]) -> Array:
        return np.concatenate(
            [value, np.stack([rule(value[:, y], axis=1) for y in counts.years], axis=1)], axis=1
        )

    def first(value: Array) -> Array:
        return np.concatenate([value, np.stack([value[:, y.start] for y in counts.years], axis=1)], axis=1)

    settled, settled_high = years(cells["settled"], np.max), years(cells["settled_high"], np.max)
    people = first(cells["start"]) + years(cells["flow"], np.sum) + settled
    high = np.maximum(first(cells["start_high"]) + years(cells["flow_high"], np.sum) + settled_high, people)
    low = np.minimum(years(cells["low"], np.max) + settled, people)
    days = np.concatenate([counts.days, [counts.days[y].sum() for y in counts.years]])
    person_days = years(cells["person_days"], np.sum)
    return {
        "people": people,
        "people_low": low,
        "people_high": high,
        "crossings": years(cells["crossings"], np.sum),
        "times": first(cells["start"]) + years(cells["visits"], np.sum) + settled,
        "person_days": person_days,
        "present": person_days / days[None, :, None, None, None],
        "peak_low": years(cells["peak_low"], np.max),
        "peak": years(cells["peak"], np.max),
        "peak_high": years(cells["peak_high"], np.max),
    }


def _region(counts: Counts, start: Array, start_high: Array) -> dict[str, Array]:
    """People unique in the region: on the route when the period begins plus new departures.

    Shape (periods,).
    """
    new = counts.departures.sum(axis=(0, 2))
    begin, begin_high = start.sum(axis=(0, 2, 3)), start_high.sum(axis=(0, 2, 3))
    low = counts.largest.sum(axis=(2, 3)).max(axis=0)

    def with_years(first: Array, added: Array) -> Array:
        return np.concatenate([first + added, [first[y.start] + added[y].sum() for y in counts.years]])

    people = with_years(begin, new)
    return {
        "region_people": people,
        "region_people_high": np.maximum(with_years(begin_high, new), people),
        "region_people_low": np.minimum(np.concatenate([low, [low[y].max() for y in counts.years]]), people),
    }
