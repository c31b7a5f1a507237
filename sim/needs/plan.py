"""Everything planned from one run, as arrays: measures and standards in, needs by axis out.

This is the only place where people, severity, resources, money and coverage meet; the tables are made from
it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from sim.needs.axes import DEMOGRAPHY, POPULATIONS, SEXES, STAGES, population_matrix, stage_matrix
from sim.needs.coordination import Coverage, coverage
from sim.needs.in_need import InNeed, in_need
from sim.needs.intervals import interval
from sim.needs.money import Requirement, Stay, requirement
from sim.needs.resources import Quantity, quantities
from sim.needs.tables import LEVELS, Standards, table

if TYPE_CHECKING:
    import pandas as pd

    from sim.needs.measures import Measures

__all__ = ["Plan", "plan_needs"]

Array = NDArray[np.float64]
_PREFERRED: Final = "PRO"


@dataclass(frozen=True)
class Plan:
    """Needs of every country and period.

    Parameters
    ----------
    measures, standards, need : Measures, Standards, InNeed
        What the plan was made from.
    people : numpy.ndarray
        Unique people: 80 % interval and mean, shape (3, countries, periods).
    sector_need : numpy.ndarray
        People in need, shape (3, countries, periods, sectors, stages).
    sector_sex : numpy.ndarray
        The same by sex, shape (3, countries, periods, sectors, 2).
    population_need : numpy.ndarray
        People in need by population of a mandate, shape (3, countries, periods, sectors, populations).
    host : numpy.ndarray
        Host community people, shape (3, countries, periods).
    quantities : list of Quantity
        Resources.
    money : Requirement
        USD required.
    cover : Coverage
        Coverage under the chosen arrangement; sectors end with coordination (CSS).
    """

    measures: Measures
    standards: Standards
    need: InNeed
    people: Array
    sector_need: Array
    sector_sex: Array
    population_need: Array
    host: Array
    quantities: list[Quantity]
    money: Requirement
    cover: Coverage

    @property
    def sectors(self) -> tuple[str, ...]:
        """Sector codes with people in need."""
        return self.need.sectors

    def decisive(self) -> NDArray[np.int64]:
        """Sector that decides whether people are in need, shape (countries, periods, populations)."""
        return decisive_sector(self.population_need[1], self.sectors)


def decisive_sector(need: Array, sectors: tuple[str, ...]) -> NDArray[np.int64]:
    """Sector with most people in need; protection where several are equal (centrality of protection).

    Parameters
    ----------
    need : numpy.ndarray
        People in need, shape (countries, periods, sectors, populations).
    sectors : tuple of str
        Codes of the sector axis.
    """
    weight = np.ones(len(sectors))
    weight[sectors.index(_PREFERRED)] = 1.0 + 1e-9
    return np.asarray((need * weight[:, None]).argmax(axis=2))


def plan_needs(measures: Measures, standards: Standards, arrangement: str, *, stages: bool = True) -> Plan:
    """Make the plan of a run.

    Parameters
    ----------
    measures : Measures
        The four measures.
    standards : Standards
        Planning standards with local overrides.
    arrangement : str
        Coordination arrangement.
    stages : bool
        Also resources by stage.
    """
    need = in_need(measures)
    people = interval(measures.heads["people"].sum(axis=(3, 4)))
    spread = _spread(people)
    sector_need, sector_sex, population_need = _need_arrays(measures, need, spread)
    host = _host(measures, standards)
    sector_need, population_need = _with_host(need, host, sector_need, population_need)
    resources = quantities(measures, standards, stages=stages)
    transport = next(q.values for q in resources if q.resource == "transport_cost" and q.stage == "all")
    stay = Stay(sector_need, _person_years(measures))
    money = requirement(stay, need.sectors, transport, standards, measures.countries)
    cover = coverage(arrangement, measures.countries, (*need.sectors, "CSS"), _as_of(measures))
    return Plan(
        measures,
        standards,
        need,
        people,
        sector_need,
        sector_sex,
        population_need,
        host,
        resources,
        money,
        cover,
    )


def _as_of(measures: Measures) -> pd.Series:
    """Date at which coverage is read: a month's first day; for a year, the first day of its last month."""
    periods = measures.periods
    return periods["start"].where(periods["kind"] == "month", periods["end"].dt.to_period("M").dt.start_time)


def _spread(people: Array) -> Array:
    """Low and high of people over their mean, shape (3, countries, periods)."""
    middle = people[1]
    return np.asarray(np.divide(people, middle, out=np.ones_like(people), where=middle > 0))


def _need_arrays(measures: Measures, need: InNeed, spread: Array) -> tuple[Array, Array, Array]:
    """People in need by sector and stage, by sector and sex, and by sector and population."""
    c, t = len(measures.countries), len(measures.periods)
    heads = measures.heads["people"].mean(axis=0, dtype=np.float64)
    s = len(need.sectors)
    by_stage, by_sex = np.empty((3, c, t, s, len(STAGES))), np.empty((3, c, t, s, 2))
    by_population = np.empty((3, c, t, s, len(POPULATIONS)))
    stages = stage_matrix()
    sexes = np.array([[float(cell[0] == sex) for cell in DEMOGRAPHY] for sex in SEXES])
    member = population_matrix()
    for level in range(3):
        wide = spread[level][:, :, None, None]
        base = need.base[level]
        met = (heads * base).reshape(c * t, -1)
        factor = need.sector[level]
        by_stage[level] = _weigh(met, np.einsum("sqd,zq->qdsz", factor, stages), (c, t)) * wide
        by_sex[level] = _weigh(met, np.einsum("sqd,xd->qdsx", factor, sexes), (c, t)) * wide
        cells = (measures.cells * base[:, :, :, None, :]).reshape(c * t, -1)
        by_population[level] = _weigh(cells, np.einsum("sqd,pqk->qkdsp", factor, member), (c, t)) * wide
    return by_stage, by_sex, by_population


def _weigh(people: Array, weights: Array, shape: tuple[int, int]) -> Array:
    last = weights.shape[-2:]
    return np.asarray((people @ weights.reshape(people.shape[1], -1)).reshape(*shape, *last))


def _host(measures: Measures, standards: Standards) -> Array:
    """Host community: a number of hosts for each person present on the mean day, origin aside."""
    present = measures.drivers["present"][:, :, :, 1:, 0].sum(axis=3)
    ratio = standards.values("host_per_refugee_migrant", measures.countries)
    return np.asarray(interval(present) * ratio[:, :, None])


def _with_host(need: InNeed, host: Array, by_stage: Array, by_population: Array) -> tuple[Array, Array]:
    """Append the host community as a last stage, and fill the host population."""
    share = _host_share()
    added = host[..., None] * share[:, None, None, None] * need.host[:, None, None, :]
    by_population = by_population.copy()
    by_population[..., POPULATIONS.index("host")] = added
    return np.concatenate([by_stage, added[..., None]], axis=-1), by_population


def _host_share() -> Array:
    """Share of the host community in need by severity, shape (3,)."""
    rules = table("severity", ["points"])
    phase = float(rules[(rules["criterion"] == "base") & (rules["applies_to"] == "host")]["points"].iloc[0])
    rows = table("severity_shares", ["phase", *LEVELS])
    row = rows[(rows["stage"] == "*") & (rows["phase"] == phase)]
    return np.asarray(row[list(LEVELS)].to_numpy(dtype=np.float64)[0])


def _person_years(measures: Measures) -> Array:
    """Mean years a person spends in a stage, shape (countries, periods, stages + host)."""
    days = measures.drivers["person_days"][..., 0].mean(axis=0)
    people = measures.drivers["people"][..., 0].mean(axis=0)
    stay = np.divide(days, people, out=np.zeros_like(days), where=people > 0)
    length = measures.periods["days"].to_numpy(dtype=np.float64)[None, :, None]
    years = np.minimum(stay, length) / 365.25
    host = np.broadcast_to(length / 365.25, (*years.shape[:2], 1))
    return np.concatenate([years, host], axis=2)
