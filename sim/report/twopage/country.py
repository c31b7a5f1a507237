"""One country and month of a run: tables enter, persons per replicate leave, ready to be published."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from sim.errors import DataError, Problem
from sim.needs.world import waits_at_home
from sim.report.figures.stocks import ON_THE_WAY
from sim.report.frame import RunLike, replicate_count, sums, total

__all__ = ["CHILD_BANDS", "REGION", "CountryMonth", "Spread", "read_country", "spread"]

FloatArray = npt.NDArray[np.float64]

#: Code of the regional brief.
REGION: Final = "ALL"
CHILD_BANDS: Final = ("0-4", "5-11", "12-17")


@dataclass(frozen=True)
class Spread:
    """Median and 80 % interval over replicates."""

    median: float
    low: float
    high: float


@dataclass(frozen=True)
class CountryMonth:
    """What a brief needs from the run itself; arrays have one value per replicate.

    `entries` has one row per month up to and with this one (the last row); so has `present`.
    In the regional brief entries are departures.
    """

    country: str
    month: pd.Timestamp
    entries: FloatArray
    present: FloatArray
    waiting: FloatArray
    waiting_before: FloatArray | None
    children: FloatArray
    children_before: FloatArray | None
    groups: dict[str, FloatArray]
    nationalities: dict[str, FloatArray]
    directions: dict[str, FloatArray]
    by_country: pd.DataFrame


def spread(values: FloatArray) -> Spread:
    """Median and 80 % interval of one value per replicate."""
    low, middle, high = np.quantile(values, [0.1, 0.5, 0.9])
    return Spread(float(middle), float(low), float(high))


def read_country(run: RunLike, country: str, month: str | None = None) -> CountryMonth:
    """Collect one country and month from the tables of a run.

    Parameters
    ----------
    run : RunLike
        An opened run folder.
    country : str
        ISO 3166-1 alpha-3 code, or ``ALL``.
    month : str, optional
        ``2023-08``; the last month of the run if not given.

    Returns
    -------
    CountryMonth

    Raises
    ------
    DataError
        If the run knows no such country or month.
    """
    known = sorted({str(place.country) for place in run.scenario.world.places})
    if country != REGION and country not in known:
        problem = Problem(f"country {country!r}", "--country", "ALL or one of: " + ", ".join(known))
        msg = "This run has no such country."
        raise DataError(msg, [problem])
    keys = ["replicate", "month", "direction", "nationality", "sex", "age_band", "from_country", "to_country"]
    moved = sums(run, "flows", keys[2:])
    months = month_range(moved["month"], month)
    flows = total(moved if country == REGION else moved[moved["to_country"] == country], keys)
    size = replicate_count(run)
    into = flows[flows["from_country"] != flows["to_country"]]
    people = people_in(run, country)
    now = into[into["month"] == months[-1]]
    here = people[people["month"] == months[-1]]
    before = months[-2] if len(months) > 1 else None
    stood = people[people["month"] == before]
    came = stood.rename(columns={"people": "persons"}) if country == REGION else into[into["month"] == before]
    if country == REGION:
        departed = sums(run, "departures", [])
        entries = by_month(departed, "persons", months, size)
        who = here.rename(columns={"people": "persons"})
    else:
        entries = by_month(into, "persons", months, size)
        who = now
    return CountryMonth(
        country=country,
        month=months[-1],
        entries=entries,
        present=by_month(people, "people", months, size),
        waiting=waiting(here, size),
        waiting_before=None if before is None else waiting(stood, size),
        children=children(who, size),
        children_before=None if before is None else children(came, size),
        groups=demography(who, size),
        nationalities={
            str(key): per_replicate(part, "persons", size) for key, part in who.groupby("nationality")
        },
        directions={str(key): per_replicate(part, "persons", size) for key, part in now.groupby("direction")},
        by_country=country_table(people, into, months[-1], size) if country == REGION else pd.DataFrame(),
    )


def month_range(present: pd.Series[pd.Timestamp], month: str | None) -> pd.DatetimeIndex:
    """Months of the run up to the one asked for."""
    if present.empty:
        message = "This run has no movements to write about."
        raise DataError(message)
    first, last = present.min(), present.max()
    end = last if month is None else pd.Timestamp(month)
    if not first <= end <= last:
        problem = Problem(f"month {month!r}", "--month", f"{first:%Y-%m} to {last:%Y-%m}")
        msg = "This run has no such month."
        raise DataError(msg, [problem])
    return pd.date_range(first, end, freq="MS")


def people_in(run: RunLike, country: str) -> pd.DataFrame:
    """Persons on an average day, by replicate, month, status, country and group, of one country or all."""
    by = ["country", "status", "nationality", "sex", "age_band"]
    stocks = sums(run, "stocks", ["place", *by], "person_days")
    if country != REGION:
        stocks = stocks[stocks["country"] == country]
    stocks = stocks[stocks["status"].isin(ON_THE_WAY).to_numpy() & ~waits_at_home(run, stocks)]
    table = total(stocks, ["replicate", "month", *by], "person_days")
    table["people"] = table["person_days"] / table["month"].dt.days_in_month
    return table


def per_replicate(frame: pd.DataFrame, value: str, size: int) -> FloatArray:
    """Sum by replicate; a replicate without a row is zero."""
    sums = frame.groupby("replicate")[value].sum().to_numpy(dtype=np.float64)
    return np.concatenate([sums, np.zeros(max(0, size - len(sums)))])


def waiting(people: pd.DataFrame, size: int) -> FloatArray:
    """People stranded or in a queue, by replicate."""
    return per_replicate(people[people["status"].isin(["stranded", "queued"])], "people", size)


def children(who: pd.DataFrame, size: int) -> FloatArray:
    """People under 18, by replicate."""
    return per_replicate(who[who["age_band"].isin(CHILD_BANDS)], "persons", size)


def by_month(frame: pd.DataFrame, value: str, months: pd.DatetimeIndex, size: int) -> FloatArray:
    """Sum by month (rows) and replicate (columns)."""
    wide = frame.groupby(["month", "replicate"])[value].sum().unstack("replicate", fill_value=0)
    wide = wide.reindex(months, fill_value=0.0).fillna(0.0)
    values = wide.to_numpy(dtype=np.float64)
    return np.concatenate([values, np.zeros((len(months), max(0, size - values.shape[1])))], axis=1)


def demography(who: pd.DataFrame, size: int) -> dict[str, FloatArray]:
    """Women, men, girls, boys, and two ages that plans ask for."""
    child = who["age_band"].isin(CHILD_BANDS)
    female = who["sex"] == "female"
    masks = {
        "women": ~child & female,
        "men": ~child & ~female,
        "girls": child & female,
        "boys": child & ~female,
        "under5": who["age_band"] == "0-4",
        "older": who["age_band"] == "60+",
    }
    return {key: per_replicate(who[mask], "persons", size) for key, mask in masks.items()}


def country_table(
    people: pd.DataFrame, crossing: pd.DataFrame, month: pd.Timestamp, size: int
) -> pd.DataFrame:
    """People present and entries of every country in one month, largest first."""
    rows = []
    here, moved = people[people["month"] == month], crossing[crossing["month"] == month]
    for country, part in here.groupby("country"):
        present = spread(per_replicate(part, "people", size))
        entered = spread(per_replicate(moved[moved["to_country"] == country], "persons", size))
        rows.append((str(country), present.median, present.low, present.high, entered.median))
    table = pd.DataFrame(rows, columns=["country", "median", "low", "high", "entries"])
    return table.sort_values("median", ascending=False, ignore_index=True)
