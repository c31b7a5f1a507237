"""Rows of the needs table: what enters is a plan's arrays, what leaves is one tidy row for each number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sim.needs.axes import AGES, ALL, CELLS, DEMOGRAPHY, SEXES, STAGES
from sim.needs.coordination import FLAGS
from sim.needs.intervals import interval
from sim.needs.measures import Measures
from sim.needs.money import funding_share, gap, reach
from sim.needs.plan import Plan
from sim.needs.resources import Quantity, regional_quantities

__all__ = ["Rows", "admin1_rows", "flag_columns", "head_rows", "money_rows", "regional_rows", "resource_rows", "sector_rows"]

Array = NDArray[np.float64]
_LABELS: Final = (
    "admin1_code", "sector_code", "category", "population_group", "gender", "age_range", "population_status",
    "measure", "resource", "basis", "funding", "unit", "source",
)
_DEFAULT: Final = {"admin1_code": "", "sector_code": "ALL", "category": ALL, "population_group": ALL, "gender": ALL,
                   "age_range": ALL, "population_status": "", "resource": "", "basis": "total", "funding": ""}
_GENDER: Final = {"female": "f", "male": "m", ALL: ALL}
_ESTIMATE: Final = "Travesía scenario run"
_RULES: Final = "Travesía scenario run; needs rules (JIAF phases, RMRP shares)"


@dataclass
class Rows:
    """Rows under way: codes of the text columns and the numbers, one block at a time.

    Parameters
    ----------
    countries : tuple of str
        Location codes; the region comes last.
    periods : pandas.DataFrame
        Months and years.
    """

    countries: tuple[str, ...]
    periods: pd.DataFrame
    _blocks: list[dict[str, Any]] = field(default_factory=list)
    _codes: dict[str, dict[str, int]] = field(default_factory=lambda: {name: {} for name in _LABELS})

    def add(
        self, values: Array, *, people: bool, assumption: bool = False, location: NDArray[np.int64] | None = None,
        replicates: Array | None = None, **labels: str,
    ) -> None:
        """Add an array of shape (3, countries, periods); empty cells are left out.

        Parameters
        ----------
        values : numpy.ndarray
            Low, middle and high.
        people : bool
            Whether the numbers count people.
        assumption : bool
            Whether a standard or rule behind the number is an assumption.
        location : numpy.ndarray, optional
            Position of each entry of the second axis in ``countries``.
        replicates : numpy.ndarray, optional
            80 % interval over replicates where it differs from low and high.
        **labels : str
            Text columns; those left out are 'all'.
        """
        keep = (values[2] > 0) | np.isnan(values[1])
        where, period = np.nonzero(keep)
        if where.size == 0:
            return
        given = _DEFAULT | labels
        block: dict[str, Any] = {
            "location": (where if location is None else location[where]).astype(np.int16),
            "period": period.astype(np.int16), "people": people, "assumption": assumption, "size": where.size,
            "values": values[:, where, period], "codes": {n: self._code(n, given[n]) for n in _LABELS},
            "interval": None if replicates is None else replicates[:, where, period],
        }
        self._blocks.append(block)

    def _code(self, column: str, label: str) -> int:
        known = self._codes[column]
        return known.setdefault(label, len(known))

    def frame(self) -> pd.DataFrame:
        """All rows as one table, text columns as categories."""
        blocks = self._blocks
        sizes = np.array([b["size"] for b in blocks])
        location = np.concatenate([b["location"] for b in blocks])
        period = np.concatenate([b["period"] for b in blocks])
        values = np.concatenate([b["values"] for b in blocks], axis=1)
        out: dict[str, Any] = {"location_code": pd.Categorical.from_codes(location, list(self.countries))}
        for name in _LABELS:
            codes = np.repeat(np.array([b["codes"][name] for b in blocks], dtype=np.int16), sizes)
            out[name] = pd.Categorical.from_codes(codes, list(self._codes[name]))
        for name in ("start", "end", "kind", "month", "year"):
            out[f"period_{name}"] = self._period(name, period)
        people = np.repeat(np.array([b["people"] for b in blocks]), sizes)
        spread = np.concatenate([b["values"] if b["interval"] is None else b["interval"] for b in blocks], axis=1)
        heads = people & (out["resource"] == "") if len(people) else people
        out |= {
            "population": np.where(heads, values[1], np.nan), "population_lo80": np.where(heads, spread[0], np.nan),
            "population_hi80": np.where(heads, spread[2], np.nan),
            "low": values[0], "middle": values[1], "high": values[2], "counts_people": people,
            "assumption": np.repeat(np.array([b["assumption"] for b in blocks]), sizes),
            "_location": location, "_period": period,
        }
        return pd.DataFrame(out)

    def _period(self, name: str, period: NDArray[np.int16]) -> Any:
        column = self.periods[name]
        if name in ("start", "end"):
            return column.to_numpy()[period]
        text = column.astype(str)
        if name == "month":
            text = text.where(self.periods["kind"] == "month", ALL)
        names = list(dict.fromkeys(text))
        return pd.Categorical.from_codes(np.array([names.index(x) for x in text], dtype=np.int16)[period], names)


def _selections() -> list[tuple[dict[str, str], NDArray[np.bool_], NDArray[np.bool_]]]:
    """Labels of every published margin, the cells it sums and the demographic cells it sums."""
    every_cell, every_person = np.ones(len(CELLS), bool), np.ones(len(DEMOGRAPHY), bool)
    stages = [(ALL, every_cell)] + [(s, np.array([c[0] == s for c in CELLS])) for s in STAGES]
    persons = []
    for sex in (ALL, *SEXES):
        for age in (ALL, *AGES):
            mask = np.array([(sex in (ALL, d[0])) and (age in (ALL, d[1])) for d in DEMOGRAPHY])
            persons.append(({"gender": _GENDER[sex], "age_range": age}, mask))
    out = [({"category": s, **labels}, cells, mask) for s, cells in stages for labels, mask in persons]
    for position, (stage, group) in enumerate(CELLS):
        only = np.zeros(len(CELLS), bool)
        only[position] = True
        out.append(({"category": stage, "population_group": group}, only, every_person))
    return out


def head_rows(rows: Rows, plan: Plan, scenario: str) -> None:
    """The four measures, and people affected, in need and targeted, by stage, group, sex and age."""
    measures = plan.measures
    target = plan.standards.values("target_share_of_need", measures.countries)[:, :, None] / 100.0
    shares = {"AFF": plan.need.affected, "INN": plan.need.intersectoral}
    mean = measures.heads["people"].mean(axis=0, dtype=np.float64)
    source = f"{_ESTIMATE} {scenario}".strip()
    for labels, cells, persons in _selections():
        plain = labels.get("gender", ALL) == ALL and labels.get("age_range", ALL) == ALL
        people = interval(_pick(measures.heads["people"], cells, persons))
        rows.add(people, people=True, measure="unique_people", population_status="all", unit="people", source=source,
                 **labels)
        spread = np.divide(people, people[1], out=np.ones_like(people), where=people[1] > 0)
        held: dict[str, Array] = {}
        for status, share in shares.items():
            met = np.stack([_pick((mean * share[level])[None], cells, persons)[0] for level in range(3)])
            held[status] = met
            if plain or (status == "INN" and labels["category"] == ALL):
                rows.add(met * spread, people=True, assumption=True, measure="unique_people", population_status=status,
                         unit="people", source=_RULES, replicates=met[1] * spread, **labels)
        if plain:
            rows.add(held["INN"] * target * spread, people=True, assumption=True, measure="unique_people",
                     population_status="TGT", unit="people", source=_RULES,
                     replicates=held["INN"][1] * target[1] * spread, **labels)
        if plain or labels["category"] == ALL:
            for name, unit in (("crossings", "crossings"), ("person_days", "person-days"), ("times", "times")):
                rows.add(interval(_pick(measures.heads[name], cells, persons)), people=True,
                         measure="times_assisted" if name == "times" else name, population_status="all", unit=unit,
                         source=source, **labels)
    _present_and_bounds(rows, measures, source)
    _host_rows(rows, plan)


def _pick(heads: NDArray[Any], cells: NDArray[np.bool_], persons: NDArray[np.bool_]) -> Array:
    chosen = heads[:, :, :, cells] if not cells.all() else heads
    chosen = chosen[..., persons] if not persons.all() else chosen
    return np.asarray(chosen.sum(axis=(3, 4), dtype=np.float64))


def _present_and_bounds(rows: Rows, measures: Measures, source: str) -> None:
    """People present on the mean and the peak day, and the bounds of unique people."""
    unsettled = [i for i, stage in enumerate(STAGES) if stage != "settled"]

    def total(name: str) -> Array:
        return np.asarray(measures.drivers[name][:, :, :, unsettled, 0].sum(axis=3))

    rows.add(interval(total("present")), people=True, measure="people_present", basis="average",
             population_status="all", unit="people", source=source)
    peak = interval(total("peak"))
    low, high = interval(total("peak_low"))[0], interval(total("peak_high"))[2]
    rows.add(np.stack([np.minimum(low, peak[1]), peak[1], np.maximum(high, peak[1])]), people=True,
             measure="people_present", basis="peak", population_status="all", unit="people", source=source)
    bounds = np.stack([interval(measures.bounds["low"])[0], interval(measures.heads["people"].sum(axis=(3, 4)))[1],
                       interval(measures.bounds["high"])[2]])
    rows.add(np.stack([np.minimum(bounds[0], bounds[1]), bounds[1], np.maximum(bounds[2], bounds[1])]), people=True,
             measure="unique_people_bounds", population_status="all", unit="people", source=source)


def _host_rows(rows: Rows, plan: Plan) -> None:
    """Host community: affected, in need and targeted (mandatory in every country)."""
    target = plan.standards.values("target_share_of_need", plan.measures.countries)[:, :, None] / 100.0
    in_need = plan.sector_need[..., -1].max(axis=3)
    for status, values in (("all", plan.host), ("AFF", plan.host), ("INN", in_need), ("TGT", in_need * target)):
        rows.add(values, people=True, assumption=True, measure="unique_people", population_status=status,
                 category="host", population_group="HST", unit="people",
                 source="RMRP 2024 update; RMRP 2021 (R4V)")


def admin1_rows(rows: Rows, plan: Plan) -> None:
    """People by first-level area: person-days and arrivals as counted, people and need by their share of days."""
    measures = plan.measures
    places = measures.route.places
    lookup = {c: i for i, c in enumerate(measures.countries)}
    days, arrivals = _yearly(measures, "all_days"), _yearly(measures, "arrivals")
    in_need = _need_total(plan)
    for code, inside in places.groupby("admin1_code", sort=True).indices.items():
        if not code:
            continue
        country = lookup.get(str(places["country"].iloc[inside[0]]), -1)
        if country < 0:
            continue
        where = np.array([country], dtype=np.int64)
        here = days[:, inside].sum(axis=1)
        whole = days[:, (places["country"] == measures.countries[country]).to_numpy()].sum(axis=1).mean(axis=0)
        share = np.divide(here.mean(axis=0), whole, out=np.zeros_like(whole), where=whole > 0)
        source = "Travesía scenario run; people shared out by person-days"
        common = {"people": True, "location": where, "admin1_code": str(code)}
        rows.add(interval(here)[:, None], measure="person_days", population_status="all", unit="person-days",
                 source=source, **common)  # type: ignore[arg-type]
        rows.add(interval(arrivals[:, inside].sum(axis=1))[:, None], measure="times_assisted", population_status="all",
                 unit="times", source=source, **common)  # type: ignore[arg-type]
        rows.add((plan.people[:, country] * share)[:, None], measure="unique_people", population_status="all",
                 unit="people", source=source, **common)  # type: ignore[arg-type]
        rows.add((in_need[:, country] * share)[:, None], measure="unique_people", population_status="INN",
                 assumption=True, unit="people", source=source, **common)  # type: ignore[arg-type]


def _need_total(plan: Plan) -> Array:
    """People in need over cells, shape (3, countries, periods)."""
    mean = plan.measures.heads["people"].mean(axis=0, dtype=np.float64)
    met = np.stack([(mean * plan.need.intersectoral[level]).sum(axis=(2, 3)) for level in range(3)])
    spread = np.divide(plan.people, plan.people[1], out=np.ones_like(plan.people), where=plan.people[1] > 0)
    return np.asarray(met * spread)


def _yearly(measures: Measures, name: str) -> Array:
    """Place totals by month, then by year; shape (replicates, places, periods)."""
    monthly = measures.places[name]
    year = measures.periods["year"].to_numpy()
    m = measures.months
    years = [monthly[:, :, year[:m] == y].sum(axis=2) for y in year[m:]]
    return np.concatenate([monthly, np.stack(years, axis=2)], axis=2)


def sector_rows(rows: Rows, plan: Plan) -> None:
    """People in need and targeted by sector, by sex; never added over sectors."""
    target = plan.standards.values("target_share_of_need", plan.measures.countries)[:, :, None] / 100.0
    for position, code in enumerate(plan.sectors):
        whole = plan.sector_need[:, :, :, position, : len(STAGES)].sum(axis=-1)
        for status, values in (("INN", whole), ("TGT", whole * target)):
            rows.add(values, people=True, assumption=True, measure="unique_people", sector_code=code,
                     population_status=status, unit="people", source=_RULES)
        for x, sex in enumerate(SEXES):
            rows.add(plan.sector_sex[:, :, :, position, x], people=True, assumption=True, measure="unique_people",
                     sector_code=code, population_status="INN", gender=_GENDER[sex], unit="people", source=_RULES)


def resource_rows(rows: Rows, plan: Plan) -> None:
    """Resources of every sector."""
    for quantity in plan.quantities:
        _resource(rows, plan, quantity, None)


def _resource(rows: Rows, plan: Plan, quantity: Quantity, location: NDArray[np.int64] | None) -> None:
    used = quantity.standards
    assumed = any(plan.standards.is_assumption(name) for name in used)
    source = "; ".join(dict.fromkeys(plan.standards.source(name) for name in used)) or "Sphere: one for each person"
    values = np.ceil(quantity.values - 1e-9) if quantity.row["whole"] == "1" else quantity.values
    if np.isnan(values).all():
        return _missing(rows, quantity, source, plan)
    rows.add(values, people=quantity.row["counts_people"] == "1", assumption=assumed, location=location,
             measure="resource", resource=quantity.resource, basis=quantity.basis, sector_code=quantity.sector,
             category=quantity.stage, unit=quantity.unit, source=source)
    return None


def _missing(rows: Rows, quantity: Quantity, source: str, plan: Plan) -> None:
    """A resource whose standard a country office must still set: one empty row for each country, last year."""
    if quantity.stage != ALL:
        return
    empty = np.full((3, len(plan.measures.countries), len(plan.measures.periods)), np.nan)
    empty[:, :, :-1] = 0.0
    rows.add(empty, people=False, assumption=True, measure="resource", resource=quantity.resource,
             basis=quantity.basis, sector_code=quantity.sector, unit=quantity.unit, source=source)


def money_rows(rows: Rows, plan: Plan, funding: str | float | None, scenarios: list[str]) -> None:
    """USD required, funded and missing, by sector and in all, with the gap as a bound."""
    countries = plan.measures.countries
    outside = plan.standards.values("outside_plan_share", countries)[:, 0] / 100.0
    chosen = [funding] if funding is not None else list(scenarios)
    costs = "RMRP 2020 sector costs at plan prices of 2024; CR-PAN bus agreement; VenEsperanza 2022"
    every: list[tuple[str, Array, str, bool]] = [
        (code, plan.money.sector[..., i], costs, True) for i, code in enumerate(plan.sectors)
    ]
    every += [("CSS", plan.money.coordination, "RMRP 2020 (R4V), sector pages", False),
              ("ALL", plan.money.total, costs, True)]
    for code, usd, source, assumed in every:
        rows.add(usd, people=False, assumption=assumed, measure="requirement", sector_code=code, unit="USD", source=source)
        for scenario in chosen:
            name, share = funding_share(scenario)
            funded, missing = gap(usd, share, outside)
            label = {"sector_code": code, "funding": name, "unit": "USD"}
            note = "funding.csv; spending outside plans is untracked: the gap is a bound"
            rows.add(funded, people=False, assumption=assumed, measure="funded", source=note, **label)
            rows.add(missing, people=False, assumption=True, measure="gap", source=note, **label)
    if funding is not None:
        _reached(rows, plan, funding)


def _reached(rows: Rows, plan: Plan, funding: str | float) -> None:
    """People reached under a funding scenario (coverage = reached over targeted over in need)."""
    name, share = funding_share(funding)
    target = plan.standards.values("target_share_of_need", plan.measures.countries)[:, :, None] / 100.0
    values = _need_total(plan) * target * reach(share)
    rows.add(values, people=True, assumption=True, measure="unique_people", population_status="REA", funding=name,
             unit="people", source="RMRP 2023: reached over target at its funding; reach.csv")


def regional_rows(rows: Rows, plan: Plan, scenario: str) -> None:
    """The region: unique people (never a sum of countries), sums labelled times, and the sensitive resources."""
    measures = plan.measures
    where = np.array([len(measures.countries)], dtype=np.int64)
    source = f"{_ESTIMATE} {scenario}".strip()
    rows.add(interval(measures.regional["people"])[:, None], people=True, location=where, measure="unique_people",
             population_status="all", unit="people", source=source)
    for name, label, unit in (("crossings", "crossings", "times"), ("person_days", "person_days", "person-days")):
        whole = measures.heads[name].sum(axis=(1, 3, 4), dtype=np.float64)
        rows.add(interval(whole)[:, None], people=True, location=where, measure=label, population_status="all",
                 unit=unit, source=source)
    met = _need_total(plan).sum(axis=1)[:, None]
    rows.add(met, people=True, assumption=True, location=where, measure="times_in_need", population_status="INN",
             unit="times", source=_RULES)
    for quantity in regional_quantities(measures, plan.standards):
        _resource(rows, plan, quantity, where)


def flag_columns(plan: Plan, frame: pd.DataFrame, names: Mapping[str, str]) -> tuple[Any, Any]:
    """Lead mechanism and coverage flag of each row: those of the population with most people in need."""
    cover = plan.cover
    sectors = {code: i for i, code in enumerate(cover.sectors)}
    main = plan.population_need[1].argmax(axis=3)
    main = np.concatenate([main, main[:, :, :1]], axis=2)
    whole = plan.population_need[1].max(axis=3).argmax(axis=2)
    codes = frame["sector_code"].cat.categories.map(lambda c: sectors.get(str(c), -1)).to_numpy()
    sector = codes[frame["sector_code"].cat.codes.to_numpy()]
    location, period = frame["_location"].to_numpy(), frame["_period"].to_numpy()
    known = location < len(plan.measures.countries)
    at = np.where(known, location, 0)
    sector = np.where(sector < 0, whole[at, period], sector)
    population = main[at, period, sector]
    flag = np.where(known, cover.flag[at, sector, population, period], len(FLAGS))
    lead = np.where(known, cover.lead[at, sector, population, period], 0)
    readable = ["; ".join(names.get(p, p) for p in text.split(";") if p) for text in cover.names]
    unique = list(dict.fromkeys(readable))
    lead = np.array([unique.index(text) for text in readable])[lead]
    return pd.Categorical.from_codes(lead, unique), pd.Categorical.from_codes(flag, [*FLAGS, ""])


