"""Anticipation: flows and people at places in, who is weeks upstream, and triggers out.

People at a place reach a country with the probability that the flows of the last months imply (hitting
probability of a Markov chain on places), after a time made of stays and travel days. Triggers compare a
forecast of entries with a threshold; their false-alarm and miss rates are those of the run's own past
months, or of hindcasts handed in.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sim.needs.axes import STAGES
from sim.needs.intervals import interval
from sim.needs.measures import measure
from sim.needs.tables import load_standards, records, table

if TYPE_CHECKING:
    from sim.needs.measures import Measures
    from sim.needs.world import RunTables

__all__ = ["Ahead", "people_upstream", "triggers"]

Array = NDArray[np.float64]
_WINDOW: Final = 3
_MONTHS_NEEDED: Final = 6
_HALF_A_PERSON: Final = 0.5
_NEVER: Final = 1e-9
_STEPS: Final = 500
_STILL: Final = 1e-7
_HORIZON_DAYS: Final = {"0-2": (0.0, 14.0), "2-8": (14.0, 56.0), "8+": (56.0, np.inf)}


@dataclass(frozen=True)
class Ahead:
    """Chance and time to reach each country from each place, at one month.

    Parameters
    ----------
    chance : numpy.ndarray
        Probability of reaching, shape (countries, places); zero inside the country itself.
    days : numpy.ndarray
        Mean days until then, given that it is reached, same shape.
    """

    chance: Array
    days: Array


def _ahead(measures: Measures, month: int, leg_days: Array) -> Ahead:
    """Chances and times that the months up to ``month`` imply, by repeated steps along the flows."""
    from scipy.sparse import csr_array

    since = max(month - _WINDOW + 1, 0)
    flow, (start, end) = measures.moves[since : month + 1].sum(axis=0), measures.ways
    left = measures.left[since : month + 1].sum(axis=0)
    country = measures.route.places["country"].to_numpy()
    inside = country[:, None] == np.array(measures.countries)[None, :]
    p, c = inside.shape
    through = np.maximum(
        np.bincount(start, weights=flow, minlength=p), np.bincount(end, weights=flow, minlength=p) + left
    )
    step = np.divide(flow, through[start], out=np.zeros_like(flow), where=through[start] > 0)
    days = measures.places["person_days"].mean(axis=0)[:, since : month + 1].sum(axis=1)
    stay = np.divide(days, through, out=np.zeros(len(through)), where=through > 0)
    values = np.concatenate([step, step * (leg_days[start, end] + stay[start])])
    both = csr_array((values, (np.concatenate([start, start + p]), np.tile(end, 2))), shape=(2 * p, p))
    both.eliminate_zeros()
    reached = np.concatenate([inside, np.zeros((p, c))], axis=1)  # chances, and days still to add
    hit, time, outside = np.zeros((p, c)), np.zeros((p, c)), ~inside
    for _ in range(_STEPS):
        moved = both @ reached
        new, time = moved[:p, :c], moved[p:, :c] + moved[:p, c:]
        change = float((new - hit).max(initial=0.0))  # chances only grow
        hit = new
        if change < _STILL:
            break
        np.copyto(reached[:, :c], hit, where=outside)
        np.copyto(reached[:, c:], time, where=outside)
    hit = np.where(inside, 0.0, np.clip(hit, 0.0, 1.0))
    mean = np.divide(time, hit, out=np.zeros_like(time), where=hit > _NEVER)
    return Ahead(hit.T, mean.T)


def _leg_days(measures: Measures) -> Array:
    places = {p: i for i, p in enumerate(measures.route.places.index)}
    out = np.ones((len(places), len(places)))
    for start, end, days in measures.route.legs:
        if start in places and end in places:
            out[places[start], places[end]] = days
    return out


def _within(days: Array, first: float, last: float, spread: float) -> Array:
    """Share who take between ``first`` and ``last`` days when the mean is ``days`` (lognormal)."""
    from scipy.stats import lognorm

    scale = np.maximum(days, 0.25) * np.exp(-(spread**2) / 2.0)
    upper = np.ones_like(days) if np.isinf(last) else lognorm.cdf(last, spread, scale=scale)
    return np.asarray(upper - lognorm.cdf(first, spread, scale=scale))


@lru_cache(maxsize=1)
def _spread() -> float:
    rows = table("triggers", ["threshold"])
    return float(rows.loc[rows["id"] == "spread", "threshold"].iloc[0])


def people_upstream(
    run: RunTables, measures: Measures | None = None, month: int | None = None
) -> pd.DataFrame:
    """People upstream of each country by area and by weeks until they may arrive.

    Parameters
    ----------
    run : Run
        A run.
    measures : Measures, optional
        Its measures, where they are at hand; made from the run if not.
    month : int, optional
        Position of the month looked from; the last one if left out.

    Returns
    -------
    pandas.DataFrame
        location_code, as_of, from_country, admin1_code, admin1_name, places, weeks, low, middle, high,
        unit, source.
    """
    measures = measures or measure(run, load_standards())
    at = measures.months - 1 if month is None else month
    ahead = _ahead(measures, at, _leg_days(measures))
    there = measures.places["person_days"][:, :, at] + measures.places["travel_days"][:, :, at]
    present = interval(there / float(measures.periods["days"].iloc[at]))
    areas, member = _areas(measures)
    names = [_names_off_trail(measures, inside) for inside in member]
    shares = [ahead.chance * _within(ahead.days, *limits, _spread()) for limits in _HORIZON_DAYS.values()]
    expected = np.einsum("lp,wcp,ap->wcal", present, np.stack(shares), member.astype(np.float64))
    weeks = list(_HORIZON_DAYS)
    rows = [
        (measures.countries[c], *areas[a], names[a], weeks[w], *expected[w, c, a])
        for w, c, a in zip(*np.nonzero(expected[..., 2] > _HALF_A_PERSON), strict=True)
    ]
    columns = ["location_code", "from_country", "admin1_code", "admin1_name", "places", "weeks"]
    out = pd.DataFrame(rows, columns=[*columns, "low", "middle", "high"])
    out.insert(1, "as_of", measures.periods["end"].iloc[at])
    out["unit"] = "people"
    out["source"] = "Travesía scenario run; flows of the last three months"
    order = ["location_code", "weeks", "middle"]
    return out.sort_values(order, ascending=[True, True, False], ignore_index=True)


def _areas(measures: Measures) -> tuple[list[tuple[str, str, str]], NDArray[np.bool_]]:
    """Country, code and name of each area, and which places lie in it, shape (areas, places)."""
    places = measures.route.places
    keys = list(zip(places["country"], places["admin1_code"], places["admin1"], strict=True))
    areas = list(dict.fromkeys(keys))
    position = {area: i for i, area in enumerate(areas)}
    member = np.zeros((len(areas), len(keys)), dtype=bool)
    member[[position[key] for key in keys], np.arange(len(keys))] = True
    return areas, member


def _names_off_trail(measures: Measures, inside: NDArray[np.bool_]) -> str:
    """Names of an area's places; those on trails and irregular crossings are left out."""
    places = measures.route.places
    seen = inside & ~places["irregular"].to_numpy(dtype=bool)
    return "; ".join(places["name"].to_numpy()[seen])


def triggers(
    run: RunTables, measures: Measures | None = None, hindcast: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Triggers for each country: threshold, probability, expected date, and how often they were wrong.

    Parameters
    ----------
    run : Run
        A run.
    measures : Measures, optional
        Its measures, where they are at hand; made from the run if not.
    hindcast : pandas.DataFrame, optional
        Columns country, month (YYYY-MM), forecast, observed: real past forecasts of entries. Without it the
        rates are those of this run's own past months, and the table says so.

    Returns
    -------
    pandas.DataFrame
        One row for each country and trigger.
    """
    measures = measures or measure(run, load_standards())
    heads = measures.drivers["crossings"][..., 0].mean(axis=0)[:, : measures.months]
    back = heads[:, :, STAGES.index("return")]
    forward = heads.sum(axis=2) - back
    ready = _pressure(measures)
    rows: list[dict[str, Any]] = []
    rules = records(table("triggers", ["threshold"]))
    for c, country in enumerate(measures.countries):
        for rule in rules:
            if rule["rule"] != "ratio_to_mean_3m" or rule["country"] not in ("*", country):
                continue
            entries = back[c] if rule["measure"] == "entries_back" else forward[c]
            past = (
                _of_country(hindcast, country)
                if hindcast is not None and rule["measure"] == "entries"
                else None
            )
            row = _one_trigger(entries, ready[c], float(rule["threshold"]), float(rule["probability"]), past)
            if row is not None:
                rows.append(
                    {
                        "location_code": country,
                        "trigger": rule["id"],
                        **row,
                        "unit": "people",
                        "expected_date": measures.periods["end"].iloc[measures.months - 1]
                        + pd.Timedelta(days=1),
                        "basis": "hindcasts" if past is not None else "this run's own months",
                        "source": rule["source"],
                        "assumption": rule["assumption"] == "1",
                    }
                )
    return pd.DataFrame(rows)


def _of_country(hindcast: pd.DataFrame, country: str) -> pd.DataFrame:
    return hindcast[hindcast["country"] == country].sort_values("month")


def _pressure(measures: Measures) -> Array:
    """People expected within eight weeks, by country and month, shape (countries, months)."""
    days = measures.periods["days"].to_numpy(dtype=np.float64)[: measures.months]
    present = (measures.places["person_days"] + measures.places["travel_days"]).mean(axis=0) / days
    out = np.zeros((len(measures.countries), measures.months))
    ahead, leg_days = None, _leg_days(measures)
    for month in range(measures.months):
        if ahead is None or month % 3 == 0 or month == measures.months - 1:
            ahead = _ahead(measures, month, leg_days)
        out[:, month] = (ahead.chance * _within(ahead.days, 0.0, 56.0, _spread())) @ present[:, month]
    return out


def _rate(part: NDArray[np.bool_], whole: NDArray[np.bool_]) -> float:
    """Share of the cases, to two decimals; zero where there was no case."""
    return round(int(part.sum()) / max(int(whole.sum()), 1), 2)


def _one_trigger(
    entries: Array, ready: Array, ratio: float, alarm: float, past: pd.DataFrame | None
) -> dict[str, Any] | None:
    """Threshold, forecast, probability and past errors of one country and trigger."""
    if len(entries) < _MONTHS_NEEDED or entries.max() < 1:
        return None
    from scipy.stats import norm

    change = np.divide(ready[1:], ready[:-1], out=np.ones(len(ready) - 1), where=ready[:-1] > 0)
    guess = entries[1:] * np.clip(change, 1 / 3, 3)
    base = np.convolve(entries, np.ones(3) / 3, mode="valid")
    limits = base * ratio
    told, seen = guess[1:-1], entries[3:]
    if past is not None and len(past) >= _WINDOW:
        told, seen = past["forecast"].to_numpy(dtype=np.float64), past["observed"].to_numpy(dtype=np.float64)
        smooth = pd.Series(seen).rolling(3, min_periods=1).mean().shift(1).bfill().to_numpy()
        thresholds = smooth * ratio
    else:
        thresholds = limits[:-1]
    both = (told > 0) & (seen > 0)
    error = float(np.std(np.log(seen[both] / told[both]))) if both.sum() >= _WINDOW else 0.5
    error = max(error, 0.05)
    chance = norm.sf(np.log(np.maximum(thresholds, 1.0) / np.maximum(told, 1e-9)) / error)
    called, happened = chance >= alarm, seen > thresholds
    forecast, limit = float(guess[-1]), float(limits[-1])
    now = float(norm.sf(np.log(max(limit, 1.0) / max(forecast, 1e-9)) / error))
    return {
        "threshold": limit,
        "low": forecast * float(np.exp(-1.2816 * error)),
        "middle": forecast,
        "high": forecast * float(np.exp(1.2816 * error)),
        "probability": round(now, 2),
        "alarm": now >= alarm,
        "false_alarm_rate": _rate(called & ~happened, called),
        "miss_rate": _rate(~called & happened, happened),
        "alarms": int(called.sum()),
        "events": int(happened.sum()),
        "months_checked": len(seen),
    }
