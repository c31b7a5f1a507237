"""The small needs table of a run folder: a run in, ``needs.csv`` by country and month out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from sim.needs import safeguard
from sim.needs.axes import ALL
from sim.needs.estimate import published_rows
from sim.needs.measures import measure
from sim.needs.plan import Plan, plan_needs
from sim.needs.tables import load_standards

if TYPE_CHECKING:
    from pathlib import Path

    from sim.needs.resources import Quantity
    from sim.needs.world import RunTables

__all__ = ["simple_table"]

#: indicator -> (resource, basis)
_RESOURCES: Final = {
    "water": ("water", "total"),
    "food": ("rations", "total"),
    "shelter_places": ("shelter_places", "peak"),
    "consultations": ("consultations", "total"),
    "transport_seats": ("transport_seats", "total"),
}


def simple_table(run: RunTables, *, standards: str | Path | pd.DataFrame | None = None) -> pd.DataFrame:
    """People and basic needs of each country and month.

    Parameters
    ----------
    run : Run
        A run as opened by ``sim.results.open_run``.
    standards : path or DataFrame, optional
        Local standards.

    Returns
    -------
    pandas.DataFrame
        country, month, indicator (people, person_days, water, food, shelter_places, consultations,
        transport_seats, usd), low, middle, high, unit, standard, source, assumption, suppressed. The numbers
        are those of the whole needs table: a cell hidden there, be it to hide another, is hidden here.
    """
    chosen = load_standards(standards)
    plan = plan_needs(measure(run, chosen), chosen, "today")
    printed = published_rows(plan, "", None)
    whole = printed["admin1_code"] == ""
    for name in ("category", "population_group", "gender", "age_range"):
        whole &= printed[name] == ALL
    parts = [
        _block(plan, name, printed[whole & _rows_of(printed, name)])
        for name in ("people", "person_days", *_RESOURCES, "usd")
    ]
    frame = pd.concat(parts, ignore_index=True)
    frame["suppressed"] = np.where(frame["middle"].isna(), safeguard.HIDDEN, "")
    return frame.sort_values(["country", "month"], kind="stable", ignore_index=True)


def _rows_of(printed: pd.DataFrame, name: str) -> pd.Series:
    """Rows of the needs table that hold an indicator."""
    if name == "usd":
        return (printed["measure"] == "requirement") & (printed["sector_code"] == "ALL")
    if name in _RESOURCES:
        resource, basis = _RESOURCES[name]
        return (printed["resource"] == resource) & (printed["basis"] == basis)
    if name == "people":
        return (printed["measure"] == "unique_people") & (printed["population_status"] == "all")
    return printed["measure"] == name


def _quantity(plan: Plan, name: str) -> Quantity:
    return next(q for q in plan.quantities if (q.resource, q.basis, q.stage) == (*_RESOURCES[name], ALL))


def _said(plan: Plan, name: str) -> tuple[str, str, str, bool]:
    """Unit, standards used and source of an indicator, and whether it rests on an assumption."""
    if name in {"people", "person_days"}:
        return name.replace("_", "-"), "", "Travesía scenario run", False
    if name == "usd":
        source = "RMRP 2020 sector costs at plan prices of 2024; CR-PAN bus agreement; VenEsperanza 2022"
        return "USD", "unit_costs.csv; target_share_of_need", source, True
    found = _quantity(plan, name)
    source = "; ".join(dict.fromkeys(plan.standards.source(s) for s in found.standards))
    assumed = any(plan.standards.is_assumption(s) for s in found.standards)
    values = "; ".join(_printed(plan, s) for s in found.standards)
    return found.unit, values or "one for each person", source or "Sphere: one for each person", assumed


def _printed(plan: Plan, standard: str) -> str:
    row = plan.standards.table.set_index("id").loc[standard]
    return f"{standard} {row['low']:g}-{row['middle']:g}-{row['high']:g} {row['unit']}"


def _block(plan: Plan, name: str, printed: pd.DataFrame) -> pd.DataFrame:
    """One indicator of every country and month with people, with the numbers of the needs table."""
    months = plan.measures.months
    where, period = np.nonzero(plan.people[2, :, :months] > 0)
    month = plan.measures.periods["month"].to_numpy()
    numbers = np.full((3, *plan.people.shape[1:]), np.nan)
    inside = printed[printed["_location"] < len(plan.measures.countries)]
    at = (inside["_location"].to_numpy(), inside["_period"].to_numpy())
    for level, column in enumerate(("low", "middle", "high")):
        numbers[level][at] = inside[column].to_numpy()
    low, middle, high = numbers[:, where, period]
    unit, standard, source, assumed = _said(plan, name)
    return pd.DataFrame(
        {
            "country": np.array(plan.measures.countries)[where],
            "month": month[period],
            "indicator": name,
            "low": low,
            "middle": middle,
            "high": high,
            "unit": unit,
            "standard": standard,
            "source": source,
            "assumption": assumed,
        }
    )
