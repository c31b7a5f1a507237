"""A tally becomes labelled tables: one row per cell, at full size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from sim.engines.tally import OUTCOMES, STATUSES
from sim.plan import AGES, SEXES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from sim.engines.tally import Tally
    from sim.plan import Plan

    type Array = NDArray[Any]

__all__ = ["TABLES", "period_starts", "tally_tables"]

TABLES = ("flows", "stocks", "outcomes", "departures")


def period_starts(plan: Plan) -> NDArray[np.datetime64]:
    """First day of every period of a plan, the spin-up included."""
    return np.array(plan.months, dtype="datetime64[D]")


def _dictionary(codes: Array, names: Sequence[str]) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(
        pa.array(codes.astype(np.int32)), pa.array(list(names), pa.string())
    )


def _number(values: Array, scale: float) -> pa.Array:
    """Persons at full size: whole numbers when everybody was simulated one by one."""
    if scale == 1.0 and np.issubdtype(values.dtype, np.integer):
        return pa.array(values.astype(np.int64))
    return pa.array(values.astype(np.float64) / scale)


def _tally_columns(plan: Plan, tally_class: Array) -> dict[str, pa.Array]:
    ages, sexes = len(AGES), len(SEXES)
    return {
        "nationality": _dictionary(tally_class // (ages * sexes), plan.groups),
        "sex": _dictionary(tally_class // ages % sexes, SEXES),
        "age_band": _dictionary(tally_class % ages, AGES),
    }


def _first_period(plan: Plan) -> int:
    window = np.datetime64(plan.scenario.window.start)
    starts = period_starts(plan)
    return int(np.searchsorted(starts, window, side="right")) - 1


def tally_tables(plan: Plan, tally: Tally) -> dict[str, pa.Table]:
    """Label the counts of one replicate.

    Parameters
    ----------
    plan : Plan
    tally : Tally

    Returns
    -------
    dict of str to pyarrow.Table
        ``flows`` (persons counted on arrival), ``stocks`` (person-days and peak persons by status), ``outcomes`` (persons
        and days of journey), ``departures``. Columns are those of the run folder (see ``docs``); the spin-up is left out
        except in outcomes, which hold everybody who departed.
    """
    return {
        "flows": _flows(plan, tally),
        "stocks": _stocks(plan, tally),
        "outcomes": _outcomes(plan, tally),
        "departures": _departures(plan, tally),
    }


def _replicate(tally: Tally, n: int) -> pa.Array:
    return pa.array(np.full(n, tally.replicate, np.int32))


def _periods(plan: Plan, period: Array, first: int) -> pa.Array:
    return pa.array(period_starts(plan)[period + first].astype("datetime64[s]"))


def _cells(counts: Array) -> tuple[Array, ...]:
    """Where an array is not nought, one index array for each dimension, in C order."""
    rest = np.flatnonzero(counts).astype(np.int32 if counts.size < 2**31 else np.int64)
    indices = []
    for size in counts.shape[:0:-1]:
        rest, index = np.divmod(rest, size)
        indices.append(index)
    return rest, *reversed(indices)


def _flows(plan: Plan, tally: Tally) -> pa.Table:
    first = _first_period(plan)
    travelled = np.array([leg.travelled for leg in plan.legs])
    counts = tally.flows[first:]
    period, leg, g = _cells(counts)
    if not travelled[leg].all():
        period, leg, g = (index[travelled[leg]] for index in (period, leg, g))
    legs = plan.legs
    place = {p: i for i, p in enumerate(plan.places)}
    start = np.array([place[x.from_place] for x in legs])
    end = np.array([place[x.to_place] for x in legs])
    country = np.array([plan.countries.index(c) for c in plan.place_country])
    ways = ("northward", "southward", "lateral", "return")
    direction = np.array([ways.index(x.direction) for x in legs])
    return pa.table(
        {
            "replicate": _replicate(tally, len(period)),
            "period_start": _periods(plan, period, first),
            "leg": _dictionary(leg, [x.id for x in legs]),
            "from_place": _dictionary(start[leg], plan.places),
            "to_place": _dictionary(end[leg], plan.places),
            "from_country": _dictionary(country[start[leg]], plan.countries),
            "to_country": _dictionary(country[end[leg]], plan.countries),
            "direction": _dictionary(direction[leg], ways),
            **_tally_columns(plan, g),
            "persons": _number(counts[period, leg, g], plan.scale),
        }
    )


def _stocks(plan: Plan, tally: Tally) -> pa.Table:
    first = _first_period(plan)
    days = tally.person_days[first:]
    period, status, place, g = _cells(days)
    country = np.array([plan.countries.index(c) for c in plan.place_country])
    cell = (period, status, place, g)
    return pa.table(
        {
            "replicate": _replicate(tally, len(period)),
            "period_start": _periods(plan, period, first),
            "place": _dictionary(place, plan.places),
            "country": _dictionary(country[place], plan.countries),
            "status": _dictionary(status, STATUSES),
            **_tally_columns(plan, g),
            "person_days": _number(days[cell], plan.scale),
            "peak_persons": _number(tally.peaks[first:][cell], plan.scale),
        }
    )


def _departures(plan: Plan, tally: Tally) -> pa.Table:
    first = _first_period(plan)
    keys = sorted({(plan.places.index(p), plan.groups.index(g)) for p, g in plan.rows})
    of_row = np.array([keys.index((plan.places.index(p), plan.groups.index(g))) for p, g in plan.rows])
    counts = np.zeros((tally.departed.shape[0], len(keys)), tally.departed.dtype)
    np.add.at(counts.T, of_row, tally.departed.T)
    period, key = np.nonzero(counts[first:])
    place, group = np.array([k[0] for k in keys]), np.array([k[1] for k in keys])
    return pa.table(
        {
            "replicate": _replicate(tally, len(period)),
            "period_start": _periods(plan, period, first),
            "place": _dictionary(place[key], plan.places),
            "nationality": _dictionary(group[key], plan.groups),
            "persons": _number(counts[first:][period, key], plan.scale),
        }
    )


def _quantile(histogram: Array, q: float) -> float:
    total = histogram.sum()
    return float(np.searchsorted(np.cumsum(histogram), q * total)) if total > 0 else float("nan")


def _outcomes(plan: Plan, tally: Tally) -> pa.Table:
    """Persons by outcome and the country where it happened; removal and return count in the country of destination."""
    n_countries, per_group = len(plan.countries), len(AGES) * len(SEXES)
    country = np.array([plan.countries.index(c) for c in plan.place_country])
    persons = np.zeros((len(OUTCOMES), n_countries, len(plan.groups)))
    for o in range(1, 6):
        by_group = tally.ended[o].reshape(len(plan.places), len(plan.groups), per_group).sum(axis=2)
        np.add.at(persons[o - 1], country, by_group)
    left = tally.on_route.sum(axis=0).reshape(len(plan.places), len(plan.groups), per_group).sum(axis=2)
    np.add.at(persons[5], country, left)
    outcome, where, group = np.nonzero(persons)
    median, p90 = np.zeros(len(outcome)), np.zeros(len(outcome))
    for i, (o, c, g) in enumerate(zip(outcome.tolist(), where.tolist(), group.tolist(), strict=True)):
        histogram = tally.durations[(o + 1) % 6 * n_countries + c, g]
        median[i], p90[i] = _quantile(histogram, 0.5), _quantile(histogram, 0.9)
    values = persons[outcome, where, group]
    whole = values if tally.engine == "expected" else values.astype(np.int64)
    return pa.table(
        {
            "replicate": _replicate(tally, len(outcome)),
            "nationality": _dictionary(group, plan.groups),
            "outcome": _dictionary(outcome, OUTCOMES),
            "country": _dictionary(where, plan.countries),
            "persons": _number(whole, plan.scale),
            "days_median": pa.array(median),
            "days_p90": pa.array(p90),
        }
    )
