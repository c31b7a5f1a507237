"""Rows of goods and money: a plan's quantities and requirement in, one tidy row for each number out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sim.needs.axes import ALL, AT_HOME
from sim.needs.coordination import FLAGS
from sim.needs.intervals import interval
from sim.needs.money import funding_share, gap, reach
from sim.needs.resources import Quantity, regional_quantities
from sim.needs.rows import ESTIMATE, RULES, Rows, need_total, target_share
from sim.needs.tables import categories, table

if TYPE_CHECKING:
    import pandas as pd

    from sim.needs.plan import Plan

__all__ = ["flag_columns", "money_rows", "regional_rows", "resource_rows"]

Array = NDArray[np.float64]


def resource_rows(rows: Rows, plan: Plan) -> None:
    """Add the resources of every sector."""
    for quantity in plan.quantities:
        _resource(rows, plan, quantity, None)


def _resource(rows: Rows, plan: Plan, quantity: Quantity, location: NDArray[np.int64] | None) -> None:
    used = quantity.standards
    cited = "; ".join(dict.fromkeys(plan.standards.source(name) for name in used))
    labels = {
        "measure": "resource",
        "resource": quantity.resource,
        "basis": quantity.basis,
        "sector_code": quantity.sector,
        "category": quantity.stage,
        "unit": quantity.unit,
        "source": cited or "Sphere: one for each person",
    }
    values = np.ceil(quantity.values - 1e-9) if quantity.row["whole"] == "1" else quantity.values
    if np.isnan(values).all():
        _missing(rows, plan, quantity, labels)
        return
    counts = quantity.row["counts_people"] == "1"
    rows.add(
        values,
        labels,
        people=counts,
        assumption=any(plan.standards.is_assumption(name) for name in used),
        location=location,
        behind=None if counts else quantity.people,
    )


def _missing(rows: Rows, plan: Plan, quantity: Quantity, labels: Mapping[str, str]) -> None:
    """One empty row for each country, last year: a country office must still set the standard."""
    if quantity.stage != ALL:
        return
    empty = np.full((3, len(plan.measures.countries), len(plan.measures.periods)), np.nan)
    empty[:, :, :-1] = 0.0
    rows.add(empty, labels, people=False, assumption=True, behind=np.full(empty.shape[1:], np.inf))


def money_rows(rows: Rows, plan: Plan, funding: str | float | None, scenarios: list[str]) -> None:
    """Add USD required, funded and missing, by sector and in all, with the gap as a bound."""
    outside = plan.standards.values("outside_plan_share", plan.measures.countries)[:, :, None] / 100.0
    chosen = [funding] if funding is not None else list(scenarios)
    costs = "RMRP 2020 sector costs at plan prices of 2024; CR-PAN bus agreement; VenEsperanza 2022"
    every: list[tuple[str, Array, str, bool]] = [
        (code, plan.money.sector[..., i], costs, True) for i, code in enumerate(plan.sectors)
    ]
    every += [
        ("CSS", plan.money.coordination, "RMRP 2020 (R4V), sector pages", False),
        ("ALL", plan.money.total, costs, True),
    ]
    note = "funding.csv; spending outside plans is untracked: the gap is a bound"
    for code, usd, source, assumed in every:
        named = {"sector_code": code, "unit": "USD"}
        rows.add(usd, {**named, "measure": "requirement", "source": source}, people=False, assumption=assumed)
        for scenario in chosen:
            name, share = funding_share(scenario)
            shown = usd if funding is not None else usd * _months_like(plan, name)
            funded, missing = gap(shown, share, outside)
            label = {**named, "funding": name, "source": note}
            rows.add(funded, {**label, "measure": "funded"}, people=False, assumption=assumed)
            rows.add(missing, {**label, "measure": "gap"}, people=False, assumption=True)
    if funding is not None:
        _reached(rows, plan, funding)


def _months_like(plan: Plan, scenario: str) -> Array:
    """One for the years, and for the months whose year is nearest to the scenario's; shape (periods,).

    All funding scenarios for every month would drown the table.
    """
    rows = table("funding", ["year"])
    year = plan.measures.periods["year"].to_numpy(dtype=np.float64)
    nearest = np.abs(rows["year"].to_numpy(dtype=np.float64)[:, None] - year).argmin(axis=0)
    keep = rows["id"].to_numpy()[nearest] == scenario
    keep[plan.measures.months :] = True
    return np.asarray(keep, dtype=np.float64)


def _reached(rows: Rows, plan: Plan, funding: str | float) -> None:
    """People reached under a funding scenario (coverage = reached over targeted over in need)."""
    name, share = funding_share(funding)
    labels = {
        "measure": "unique_people",
        "population_status": "REA",
        "funding": name,
        "unit": "people",
        "source": "RMRP 2023: reached over target at its funding; reach.csv",
    }
    rows.add(need_total(plan) * target_share(plan) * reach(share), labels, people=True, assumption=True)


def regional_rows(rows: Rows, plan: Plan, scenario: str) -> None:
    """Add the region: unique people (never a sum of countries), sums labelled times, sensitive resources."""
    measures = plan.measures
    where = np.array([len(measures.countries)], dtype=np.int64)
    source = f"{ESTIMATE} {scenario}".strip()
    named = {"population_status": "all", "source": source}
    people = interval(measures.regional["people"])[:, None]
    rows.add(people, {**named, "measure": "unique_people", "unit": "people"}, people=True, location=where)
    at_home = {**named, "measure": "unique_people", "category": "origin", "population_group": AT_HOME}
    waits = interval(measures.regional["home"])[:, None]
    rows.add(waits, {**at_home, "unit": "people"}, people=True, location=where)
    for name, unit in (
        ("crossings", "times"),
        ("person_days", "person-days"),
        ("travel_days", "person-days"),
        ("danger_days", "person-days"),
    ):
        whole = interval(measures.heads[name].sum(axis=(1, 3, 4), dtype=np.float64))[:, None]
        rows.add(whole, {**named, "measure": name, "unit": unit}, people=True, location=where)
    met = need_total(plan).sum(axis=1)[:, None]
    times = {"measure": "times_in_need", "population_status": "INN", "unit": "times", "source": RULES}
    rows.add(met, times, people=True, assumption=True, location=where)
    for quantity in regional_quantities(measures, plan.standards):
        _resource(rows, plan, quantity, where)


def flag_columns(
    plan: Plan, frame: pd.DataFrame, names: Mapping[str, str]
) -> tuple[pd.Categorical, pd.Categorical]:
    """Lead mechanism and coverage flag of each row: those of the population with most people in need."""
    cover = plan.cover
    sectors = {code: i for i, code in enumerate(cover.sectors)}
    main = plan.population_need[1].argmax(axis=3)
    main = np.concatenate([main, main[:, :, :1]], axis=2)
    whole = plan.population_need[1].max(axis=3).argmax(axis=2)
    codes = np.array([sectors.get(str(c), -1) for c in frame["sector_code"].cat.categories])
    sector = codes[frame["sector_code"].cat.codes.to_numpy()]
    location, period = frame["_location"].to_numpy(), frame["_period"].to_numpy()
    known = location < len(plan.measures.countries)
    at = np.where(known, location, 0)
    sector = np.where(sector < 0, whole[at, period], sector)
    population = main[at, period, sector]
    cell = np.ravel_multi_index((at, sector, population, period), cover.flag.shape)
    flag = np.where(known, cover.flag.ravel()[cell], len(FLAGS))
    lead = np.where(known, cover.lead.ravel()[cell], 0)
    readable = ["; ".join(names.get(p, p) for p in text.split(";") if p) for text in cover.names]
    unique = list(dict.fromkeys(readable))
    position = np.array([unique.index(text) for text in readable], dtype=np.int64)
    return categories(position[lead], unique), categories(flag, [*FLAGS, ""])
