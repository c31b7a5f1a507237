"""The small needs table of a run folder: a run in, ``needs.csv`` by country and month out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from sim.needs import safeguard
from sim.needs.axes import ALL
from sim.needs.intervals import interval
from sim.needs.measures import measure
from sim.needs.plan import Plan, plan_needs
from sim.needs.rows import need_total
from sim.needs.safeguard import Margins
from sim.needs.tables import load_standards

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

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
_PEOPLE: Final = ("people", "person_days", "food", "shelter_places", "consultations", "transport_seats")


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
        transport_seats, usd), low, middle, high, unit, standard, source, assumption, suppressed. Published:
        small cells are hidden.
    """
    chosen = load_standards(standards)
    plan = plan_needs(measure(run, chosen), chosen, "today", stages=False)
    parts = [
        _block(plan, name, *_figure(plan, name)) for name in ("people", "person_days", *_RESOURCES, "usd")
    ]
    frame = pd.concat(parts, ignore_index=True)
    frame["_people"] = frame["indicator"].isin(_PEOPLE)
    heads = frame["indicator"] == "people"
    hidden = safeguard.suppression(frame[heads], frame.loc[heads, "middle"].to_numpy(), None)
    closed = set(frame.loc[heads, ["country", "month"]][hidden].itertuples(index=False, name=None))
    shut = np.array([(c, m) in closed for c, m in zip(frame["country"], frame["month"], strict=True)])
    shut |= (frame["_behind"] < safeguard.threshold()).to_numpy()
    out = safeguard.publish(
        frame,
        people="middle",
        values=("low", "middle", "high"),
        margins=Margins({}, ("country", "month", "indicator")),
        counts_people="_people",
        hidden=shut,
    )
    out = out.drop(columns=["_people", "_behind"]).sort_values(
        ["country", "month"], kind="stable", ignore_index=True
    )
    return out


def _behind(plan: Plan, name: str) -> NDArray[np.float64]:
    """People that goods and money were reckoned from, which whoever knows the standard can reckon back to."""
    if name == "usd":
        return np.asarray(need_total(plan)[1])
    if name in _RESOURCES:
        return _quantity(plan, name).people
    return np.asarray(_figure(plan, name)[0][1])


def _quantity(plan: Plan, name: str) -> Quantity:
    return next(q for q in plan.quantities if (q.resource, q.basis, q.stage) == (*_RESOURCES[name], ALL))


def _figure(plan: Plan, name: str) -> tuple[NDArray[np.float64], str, str, str, bool]:
    """Values of shape (3, countries, periods), unit, standards used, source.

    And whether it rests on an assumption.
    """
    measures = plan.measures
    if name == "people":
        return plan.people, "people", "", "Travesía scenario run", False
    if name == "person_days":
        days = interval(measures.heads["person_days"].sum(axis=(3, 4)))
        return days, "person-days", "", "Travesía scenario run", False
    if name == "usd":
        source = "RMRP 2020 sector costs at plan prices of 2024; CR-PAN bus agreement; VenEsperanza 2022"
        return plan.money.total, "USD", "unit_costs.csv; target_share_of_need", source, True
    found = _quantity(plan, name)
    source = "; ".join(dict.fromkeys(plan.standards.source(s) for s in found.standards))
    assumed = any(plan.standards.is_assumption(s) for s in found.standards)
    values = "; ".join(_printed(plan, s) for s in found.standards)
    return (
        found.values,
        found.unit,
        values or "one for each person",
        source or "Sphere: one for each person",
        assumed,
    )


def _printed(plan: Plan, standard: str) -> str:
    row = plan.standards.table.set_index("id").loc[standard]
    return f"{standard} {row['low']:g}-{row['middle']:g}-{row['high']:g} {row['unit']}"


def _block(
    plan: Plan, name: str, values: NDArray[np.float64], unit: str, standard: str, source: str, assumed: bool
) -> pd.DataFrame:
    months = plan.measures.months
    where, period = np.nonzero(plan.people[2, :, :months] > 0)
    month = plan.measures.periods["month"].to_numpy()
    chosen = values[:, where, period]
    return pd.DataFrame(
        {
            "country": np.array(plan.measures.countries)[where],
            "month": month[period],
            "indicator": name,
            "low": chosen[0],
            "middle": chosen[1],
            "high": chosen[2],
            "unit": unit,
            "standard": standard,
            "source": source,
            "assumption": assumed,
            "_behind": _behind(plan, name)[where, period],
        }
    )
