"""Rows of the needs table: a plan's arrays in, one tidy row for each number out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sim.needs.axes import AGES, ALL, CELLS, DEMOGRAPHY, SEXES, STAGES
from sim.needs.intervals import interval

if TYPE_CHECKING:
    from sim.needs.measures import Measures
    from sim.needs.plan import Plan
from sim.needs.tables import categories

__all__ = [
    "ESTIMATE",
    "PARTS",
    "RULES",
    "Rows",
    "admin1_rows",
    "head_rows",
    "need_total",
    "sector_rows",
    "target_share",
]

Array = NDArray[np.float64]
_LABELS: Final = (
    "admin1_code",
    "sector_code",
    "category",
    "population_group",
    "gender",
    "age_range",
    "population_status",
    "measure",
    "resource",
    "basis",
    "funding",
    "unit",
    "source",
)
_DEFAULT: Final = {
    "admin1_code": "",
    "sector_code": "ALL",
    "category": ALL,
    "population_group": ALL,
    "gender": ALL,
    "age_range": ALL,
    "population_status": "",
    "resource": "",
    "basis": "total",
    "funding": "",
}
#: measures of people between places, for the country as a whole
_ON_LEGS: Final = ("travel_days", "danger_days")
#: parts of the table in the order in which they are published
PARTS: Final = ("headline", "heads", "events", "resources", "things", "money")
_GENDER: Final = {"female": "f", "male": "m", ALL: ALL}
ESTIMATE: Final = "Travesía scenario run"
RULES: Final = "Travesía scenario run; needs rules (JIAF phases, RMRP shares)"


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
        self,
        values: Array,
        labels: Mapping[str, str],
        *,
        people: bool,
        assumption: bool = False,
        location: NDArray[np.int64] | None = None,
        replicates: Array | None = None,
        behind: Array | None = None,
    ) -> None:
        """Add an array of shape (3, countries, periods); empty cells are left out.

        Parameters
        ----------
        values : numpy.ndarray
            Low, middle and high.
        labels : mapping
            Text columns; those left out are 'all'.
        people : bool
            Whether the numbers count people.
        assumption : bool
            Whether a standard or rule behind the number is an assumption.
        location : numpy.ndarray, optional
            Position of each entry of the second axis in ``countries``.
        replicates : numpy.ndarray, optional
            80 % interval over replicates where it differs from low and high.
        behind : numpy.ndarray, optional
            For goods: the people they were reckoned from, shape (countries, periods). Whoever knows the
            standard can divide by it, so goods are hidden with those people.
        """
        where, period = np.nonzero((values[2] > 0) | np.isnan(values[1]))
        if where.size == 0:
            return
        given = {**_DEFAULT, **labels}
        block: dict[str, Any] = {
            "location": (where if location is None else location[where]).astype(np.int16),
            "period": period.astype(np.int16),
            "people": people,
            "assumption": assumption,
            "size": where.size,
            "values": values[:, where, period],
            "codes": {n: self._code(n, given[n]) for n in _LABELS},
            "interval": None if replicates is None else replicates[:, where, period],
            "behind": values[1, where, period] if behind is None else behind[where, period],
        }
        self._blocks.append(block)

    def _code(self, column: str, label: str) -> int:
        known = self._codes[column]
        return known.setdefault(label, len(known))

    def frame(self) -> pd.DataFrame:
        """All rows as one table, by place, period and the part of the table they are published with; text as categories.

        ``_part`` is that part (``PARTS``), ``_block`` the number of the block a row was added with.
        """
        blocks = self._blocks
        part = np.array([self._part(b) for b in blocks], dtype=np.int8)
        rank = np.empty(len(blocks), dtype=np.int64)
        rank[np.argsort(part, kind="stable")] = np.arange(len(blocks))
        sizes = [b["size"] for b in blocks]
        block = np.repeat(np.arange(len(blocks), dtype=np.int32), sizes)
        location = np.concatenate([b["location"] for b in blocks])
        period = np.concatenate([b["period"] for b in blocks])
        place = (location.astype(np.int64) * len(self.periods) + period) * len(blocks) + rank[block]
        at = np.full(len(self.countries) * len(self.periods) * len(blocks), -1, dtype=np.int32)
        at[place] = np.arange(len(place))
        order = at[at >= 0]
        block, location, period = block[order], location[order], period[order]
        low, middle, high = (np.concatenate([b["values"][i] for b in blocks])[order] for i in range(3))
        least, most = self._intervals(order, low, high)
        out: dict[str, Any] = {"location_code": categories(location, list(self.countries))}
        for name in _LABELS:
            codes = np.array([b["codes"][name] for b in blocks], dtype=np.int16)[block]
            out[name] = categories(codes, list(self._codes[name]))
        for name in ("start", "end", "kind", "month", "year"):
            out[f"period_{name}"] = self._period(name, period)
        heads = (part < PARTS.index("resources"))[block]
        out |= {
            "population": np.where(heads, middle, np.nan),
            "population_lo80": np.where(heads, least, np.nan),
            "population_hi80": np.where(heads, most, np.nan),
            "low": low,
            "middle": middle,
            "high": high,
            "counts_people": np.array([b["people"] for b in blocks])[block],
            "assumption": np.array([b["assumption"] for b in blocks])[block],
            "_behind": np.concatenate([b["behind"] for b in blocks])[order],
            "_location": location,
            "_period": period,
            "_part": part[block],
            "_block": block,
        }
        return pd.DataFrame(out, copy=False)

    def _intervals(self, order: NDArray[np.int32], low: Array, high: Array) -> tuple[Array, Array]:
        """80 % interval over replicates of every row: low and high, but where a block has its own."""
        row = np.empty(len(order), dtype=np.int64)
        row[order] = np.arange(len(order))
        least, most = low.copy(), high.copy()
        start = 0
        for block in self._blocks:
            if block["interval"] is not None:
                own = row[start : start + block["size"]]
                least[own], most[own] = block["interval"][0], block["interval"][2]
            start += block["size"]
        return least, most

    def _part(self, block: Mapping[str, Any]) -> int:
        """Part of the table a block is published with: one part hides cells of the next."""

        def has(name: str, *labels: str) -> bool:
            return block["codes"][name] in [self._codes[name].get(x, -1) for x in labels]

        if not block["people"]:
            return PARTS.index("things" if has("measure", "resource") else "money")
        if not has("resource", ""):
            return PARTS.index("resources")
        if has("measure", "crossings", "person_days", *_ON_LEGS):
            return PARTS.index("events")
        headline = has("measure", "unique_people") and has("population_status", "all")
        return PARTS.index("headline" if headline else "heads")

    def _period(self, name: str, period: NDArray[np.int16]) -> NDArray[Any] | pd.Categorical:
        column = self.periods[name]
        if name in ("start", "end"):
            return column.to_numpy()[period]
        text = column.astype(str)
        if name == "month":
            text = text.where(self.periods["kind"] == "month", ALL)
        names = list(dict.fromkeys(text))
        return categories(np.array([names.index(x) for x in text], dtype=np.int16)[period], names)


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
    """Add the four measures, and people affected, in need and targeted, by stage, group, sex and age."""
    measures = plan.measures
    source = f"{ESTIMATE} {scenario}".strip()
    mean = measures.heads["people"].mean(axis=0, dtype=np.float64)
    in_need, affected = mean * plan.need.intersectoral, mean * plan.need.affected
    for labels, cells, persons in _selections():
        people = interval(_pick(measures.heads["people"], cells, persons))
        if labels["category"] != ALL and _is_cross(labels):
            people[:, :, : measures.months] = 0.0  # sex by age of a stage: by year
        everyone = {**labels, "measure": "unique_people", "population_status": "all", "unit": "people"}
        rows.add(people, {**everyone, "source": source}, people=True)
        if _is_plain(labels) or labels["category"] == ALL:
            share = np.divide(people, people[1], out=np.ones_like(people), where=people[1] > 0)
            need = _pick(in_need, cells, persons)
            met = {"INN": need}
            if _is_plain(labels):
                met |= {"AFF": _pick(affected, cells, persons), "TGT": need * target_share(plan)}
            _need_rows(rows, labels, met, share)
        if not _is_plain(labels) and labels["category"] != ALL:
            continue
        for name, unit in (
            ("crossings", "crossings"),
            ("person_days", "person-days"),
            ("times", "times"),
            ("travel_days", "person-days"),
            ("danger_days", "person-days"),
        ):
            if name in _ON_LEGS and not _is_whole(labels):
                continue
            measure = "times_assisted" if name == "times" else name
            values = interval(_pick(measures.heads[name], cells, persons))
            wanted = {
                **labels,
                "measure": measure,
                "population_status": "all",
                "unit": unit,
                "source": source,
            }
            rows.add(values, wanted, people=True)
    _present_and_bounds(rows, measures, source)
    _host_rows(rows, plan)


def _is_cross(labels: Mapping[str, str]) -> bool:
    """Whether a margin is for one sex and one age band."""
    return labels.get("gender", ALL) != ALL and labels.get("age_range", ALL) != ALL


def _is_whole(labels: Mapping[str, str]) -> bool:
    """Whether a margin is over every stage, group, sex and age."""
    return _is_plain(labels) and labels["category"] == ALL and labels.get("population_group", ALL) == ALL


def _is_plain(labels: Mapping[str, str]) -> bool:
    """Whether a margin is over every sex and age."""
    return labels.get("gender", ALL) == ALL and labels.get("age_range", ALL) == ALL


def _need_rows(rows: Rows, labels: Mapping[str, str], met: Mapping[str, Array], spread: Array) -> None:
    """People affected, in need and targeted in one margin, by status; each a part of the one before."""
    named = {**labels, "measure": "unique_people", "unit": "people", "source": RULES}
    for status, values in met.items():
        rows.add(
            values * spread,
            {**named, "population_status": status},
            people=True,
            assumption=True,
            replicates=values[1] * spread,
        )


def target_share(plan: Plan) -> Array:
    """Share of people in need who are targeted, shape (3, countries, 1)."""
    return plan.standards.values("target_share_of_need", plan.measures.countries)[:, :, None] / 100.0


def _pick(heads: NDArray[Any], cells: NDArray[np.bool_], persons: NDArray[np.bool_]) -> Array:
    chosen = heads[:, :, :, cells] if not cells.all() else heads
    chosen = chosen[..., persons] if not persons.all() else chosen
    return np.asarray(chosen.sum(axis=(3, 4), dtype=np.float64))


def _present_and_bounds(rows: Rows, measures: Measures, source: str) -> None:
    """People present on the mean and the peak day, and the bounds of unique people."""
    unsettled = [i for i, stage in enumerate(STAGES) if stage != "settled"]

    def total(name: str) -> Array:
        return np.asarray(measures.drivers[name][:, :, :, unsettled, 0].sum(axis=3))

    def ordered(low: Array, middle: Array, high: Array) -> Array:
        return np.stack([np.minimum(low, middle), middle, np.maximum(high, middle)])

    named = {"population_status": "all", "unit": "people", "source": source}
    present = {**named, "measure": "people_present"}
    rows.add(interval(total("present")), {**present, "basis": "average"}, people=True)
    low, middle, high = (interval(total(n))[i] for i, n in enumerate(("peak_low", "peak", "peak_high")))
    rows.add(ordered(low, middle, high), {**present, "basis": "peak"}, people=True)
    waiting = {**named, "measure": "waiting_at_home", "basis": "average"}
    rows.add(interval(measures.waiting), waiting, people=True)
    bounds = ordered(
        interval(measures.bounds["low"])[0],
        interval(measures.heads["people"].sum(axis=(3, 4)))[1],
        interval(measures.bounds["high"])[2],
    )
    rows.add(bounds, {**named, "measure": "unique_people_bounds"}, people=True)


def _host_rows(rows: Rows, plan: Plan) -> None:
    """Host community: affected, in need and targeted (mandatory in every country)."""
    in_need = plan.sector_need[..., -1].max(axis=3)
    named = {
        "measure": "unique_people",
        "category": "host",
        "population_group": "HST",
        "unit": "people",
        "source": "RMRP 2024 update; RMRP 2021 (R4V)",
    }
    parts = (("all", plan.host), ("AFF", plan.host), ("INN", in_need), ("TGT", in_need * target_share(plan)))
    for status, values in parts:
        rows.add(values, {**named, "population_status": status}, people=True, assumption=True)


def admin1_rows(rows: Rows, plan: Plan) -> None:
    """Add people by first-level area.

    Person-days and arrivals are as counted, people and need are shared out by person-days.
    """
    measures = plan.measures
    places = measures.route.places
    lookup = {c: i for i, c in enumerate(measures.countries)}
    days, arrivals = _yearly(measures, "all_days"), _yearly(measures, "arrivals")
    in_need = need_total(plan)
    for key, inside in places.groupby("admin1_code", sort=True).indices.items():
        code = str(key)
        country = lookup.get(str(places["country"].iloc[inside[0]]), -1)
        if not code or country < 0:
            continue
        where = np.array([country], dtype=np.int64)
        here = days[:, inside].sum(axis=1)
        own = (places["country"] == measures.countries[country]).to_numpy()
        whole = days[:, own].sum(axis=1).mean(axis=0)
        share = np.divide(here.mean(axis=0), whole, out=np.zeros_like(whole), where=whole > 0)
        parts = (
            ("person_days", "all", "person-days", interval(here)),
            ("times_assisted", "all", "times", interval(arrivals[:, inside].sum(axis=1))),
            ("unique_people", "all", "people", plan.people[:, country] * share),
            ("unique_people", "INN", "people", in_need[:, country] * share),
        )
        for measure, status, unit, values in parts:
            named = {"admin1_code": code, "measure": measure, "population_status": status, "unit": unit}
            source = f"{ESTIMATE}; people shared out by person-days"
            rows.add(
                values[:, None],
                {**named, "source": source},
                people=True,
                assumption=status == "INN",
                location=where,
            )


def need_total(plan: Plan) -> Array:
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
    """Add people in need and targeted by sector, and by sex; never added over sectors."""
    target = target_share(plan)
    for position, code in enumerate(plan.sectors):
        named = {"measure": "unique_people", "sector_code": code, "unit": "people", "source": RULES}
        whole = plan.sector_need[:, :, :, position, : len(STAGES)].sum(axis=-1)
        for status, values in (("INN", whole), ("TGT", whole * target)):
            rows.add(values, {**named, "population_status": status}, people=True, assumption=True)
        for x, sex in enumerate(SEXES):
            labels = {**named, "population_status": "INN", "gender": _GENDER[sex]}
            rows.add(plan.sector_sex[:, :, :, position, x], labels, people=True, assumption=True)
