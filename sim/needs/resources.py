"""Resources: people measures and standards in, quantities, each low, middle and high out.

Every formula is a row of ``resources.csv``: a driver (person-days, people present, unique people,
crossings, posts), standards to multiply by and standards to divide by. A missing standard leaves the
quantity empty, never zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from sim.needs.axes import ALL, FILTERS, STAGES
from sim.needs.intervals import interval, lower, upper
from sim.needs.tables import Standards, records, table

if TYPE_CHECKING:
    import pandas as pd

    from sim.needs.measures import Measures

__all__ = ["Quantity", "quantities", "regional_quantities"]

Array = NDArray[np.float64]
_DRIVER: Final = {
    ("person_days", "total"): "person_days",
    ("person_days", "average"): "present",
    ("person_days", "peak"): "peak",
    ("present", "average"): "present",
    ("present", "peak"): "peak",
    ("people", "total"): "people",
    ("crossings", "total"): "crossings",
    ("crossings", "average"): "crossings",
    ("rough", "total"): "rough",
    ("in_danger", "average"): "in_danger",
}


@dataclass(frozen=True)
class Quantity:
    """One resource, basis and stage.

    Parameters
    ----------
    resource, sector, basis, stage, unit : str
        What it is; ``stage`` is ``all`` or one stage.
    values : numpy.ndarray
        float64, shape (3, countries, periods); not-a-number where a standard is missing.
    standards : tuple of str
        Standards used.
    row : dict
        The row of ``resources.csv``.
    people : numpy.ndarray
        Middle of the count of people the standards were applied to, shape (countries, periods); infinite
        where it is no count of people (posts).
    """

    resource: str
    sector: str
    basis: str
    stage: str
    unit: str
    values: Array
    standards: tuple[str, ...]
    row: dict[str, Any]
    people: Array


def quantities(measures: Measures, standards: Standards, *, stages: bool = True) -> list[Quantity]:
    """Every resource for every country and period.

    Parameters
    ----------
    measures : Measures
        People measures.
    standards : Standards
        Planning standards, with local overrides.
    stages : bool
        Also by stage, for totals.

    Returns
    -------
    list of Quantity
        Resources that may be published by country; regional ones come from ``regional_quantities``.
    """
    cache: dict[tuple[str, str], Array] = {}
    out: list[Quantity] = []
    for row in records(table("resources")):
        if row["regional_only"] == "1":
            continue
        factor, used = _factor(row, standards, measures.countries)
        for basis in str(row["bases"]).split(";"):
            wanted = [ALL]
            if stages and basis == "total" and row["driver"] != "posts":
                wanted += [s for s in str(row["stages"]).split(";") if s]
            for stage in wanted:
                driver = _driver(measures, row, basis, stage, cache)
                out.append(
                    Quantity(
                        str(row["id"]),
                        str(row["sector_code"]),
                        basis,
                        stage,
                        str(row["unit"]),
                        driver * factor[:, :, None],
                        used,
                        row,
                        np.full(driver.shape[1:], np.inf) if row["driver"] == "posts" else driver[1],
                    )
                )
    return out


def regional_quantities(measures: Measures, standards: Standards) -> list[Quantity]:
    """Sensitive resources, for the region only: sexual violence, trafficking, unaccompanied children."""
    people = interval(measures.regional["people"])[:, None, :]
    out = []
    for row in records(table("resources")):
        if row["regional_only"] == "1":
            factor, used = _factor(row, standards, ["REG"])
            out.append(
                Quantity(
                    str(row["id"]),
                    str(row["sector_code"]),
                    "total",
                    ALL,
                    str(row["unit"]),
                    people * factor[:, :, None],
                    used,
                    row,
                    people[1],
                )
            )
    return out


def _factor(
    row: dict[str, Any], standards: Standards, countries: Sequence[str]
) -> tuple[Array, tuple[str, ...]]:
    """Product of multipliers over divisors by country; shape (3, countries)."""
    out = np.ones((3, len(countries)))
    used: list[str] = []
    for token in filter(None, str(row["multiply"]).split(";")):
        out = out * _value(token, standards, countries, used)
    for token in filter(None, str(row["divide"]).split(";")):
        out = out / _value(token, standards, countries, used)[::-1]
    return out, tuple(used)


def _value(token: str, standards: Standards, countries: Sequence[str], used: list[str]) -> Array:
    if token.startswith("#"):
        return np.full((3, len(countries)), float(token[1:]))
    name = token.removeprefix("1+").removeprefix("%")
    used.append(name)
    values = standards.values(name, list(countries))
    if token.startswith("1+"):
        return 1.0 + values / 100.0
    return values / 100.0 if token.startswith("%") else values


def _driver(
    measures: Measures, row: dict[str, Any], basis: str, stage: str, cache: dict[tuple[str, str], Array]
) -> Array:
    """What a standard multiplies, by country and period; shape (3, countries, periods)."""
    if row["driver"] == "posts":
        posts = _posts(measures.route.places, measures.countries)
        return np.broadcast_to(posts[None, :, None], (3, len(posts), len(measures.periods))).copy()
    name = _DRIVER[str(row["driver"]), basis]
    over = str(row["stages"]) if stage == ALL else stage
    key = (name, over)
    if key not in cache:
        cache[key] = _summed(measures, name, over.split(";"))
    driver = cache[key][..., FILTERS.index(str(row["population"]))]
    if row["driver"] == "crossings" and basis == "average":
        driver = driver / measures.periods["days"].to_numpy(dtype=np.float64)
    return driver


def _summed(measures: Measures, name: str, stages: list[str]) -> Array:
    """Interval of a driver over a set of stages; shape (3, countries, periods, filters)."""
    which = [STAGES.index(s) for s in stages]

    def total(driver: str) -> Array:
        return np.asarray(measures.drivers[driver][:, :, :, which].sum(axis=3))

    if name != "peak":
        return interval(total(name))
    middle = total("peak").mean(axis=0)
    return np.stack(
        [np.minimum(lower(total("peak_low")), middle), middle, np.maximum(upper(total("peak_high")), middle)]
    )


def _posts(places: pd.DataFrame, countries: Sequence[str]) -> Array:
    """Border posts and reception stations of each country."""
    posts = places.loc[places["role"].astype(str).str.contains("crossing|reception"), "country"]
    counted = posts.value_counts().reindex(list(countries), fill_value=0)
    return np.asarray(counted, dtype=np.float64)
