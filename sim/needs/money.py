"""Money: people in need and unit costs in, requirement, funded, gap, and a check out.

A person who stays ten days is not charged a year: people on the move cost the larger of a fixed share of
the yearly cost (one contact) and their days over the year. Settled people cost their days over the year.
The plans' cost per person is a check on the result, never a multiplier of it: between plans of different
size the plans' own fitted exponent is used.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from sim.errors import DataError
from sim.needs.axes import STAGES
from sim.needs.tables import LEVELS, Standards, records, table

__all__ = [
    "Requirement",
    "Stay",
    "funding_share",
    "gap",
    "plan_check",
    "plan_exponent",
    "reach",
    "requirement",
]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Stay:
    """People in need by sector and stage, with their stay.

    Parameters
    ----------
    in_need : numpy.ndarray
        float64, shape (3, countries, periods, sectors, stages + host), persons.
    years : numpy.ndarray
        Mean person-years of a person in a stage, shape (countries, periods, stages + host).
    """

    in_need: Array
    years: Array


@dataclass(frozen=True)
class Requirement:
    """USD required by sector; float64, shape (3, countries, periods, sectors), with coordination apart.

    Parameters
    ----------
    sector : numpy.ndarray
        USD by sector.
    coordination : numpy.ndarray
        USD for coordination itself, shape (3, countries, periods).
    target : numpy.ndarray
        People targeted by sector, shape (3, countries, periods, sectors).
    """

    sector: Array
    coordination: Array
    target: Array

    @property
    def total(self) -> Array:
        """USD over sectors and coordination, shape (3, countries, periods)."""
        return np.asarray(self.sector.sum(axis=3) + self.coordination)


def requirement(
    stay: Stay,
    sectors: tuple[str, ...],
    transport_usd: Array,
    standards: Standards,
    countries: tuple[str, ...],
) -> Requirement:
    """USD required for the people targeted.

    Parameters
    ----------
    stay : Stay
        People in need and how long they stay.
    sectors : tuple of str
        Sector codes, in the order of the sector axis.
    transport_usd : numpy.ndarray
        Cost of transport seats, shape (3, countries, periods).
    standards : Standards
        Planning standards.
    countries : tuple of str
        ISO3 codes.
    """
    costs = table("unit_costs", LEVELS).set_index("sector_code")
    share = standards.values("target_share_of_need", countries)[:, :, None, None] / 100.0
    contact = standards.values("transit_cost_share_of_annual", countries)[:, :, None] / 100.0
    long_term = np.array([stage in ("settled", "destination", "host") for stage in (*STAGES, "host")])
    period = np.empty((3, *stay.years.shape))
    for level in range(3):
        moving = np.maximum(contact[level][:, :, None], stay.years)
        period[level] = np.where(long_term, stay.years, np.minimum(moving, 1.0))
    out = np.zeros(stay.in_need.shape[:-1])
    target = stay.in_need.sum(axis=-1) * share
    for position, code in enumerate(sectors):
        if code == "X-TRN":
            out[..., position] = transport_usd * share[..., 0]
        elif code in costs.index:
            cost = costs.loc[code, list(LEVELS)].to_numpy(dtype=np.float64)
            people = stay.in_need[..., position, :] * share
            out[..., position] = (people * period).sum(axis=-1) * cost[:, None, None]
    coordination = (
        out.sum(axis=-1) * standards.values("coordination_cost_share", countries)[:, :, None] / 100.0
    )
    return Requirement(out, coordination, target)


@lru_cache(maxsize=1)
def _funding() -> tuple[dict[str, float], dict[str, str]]:
    """Share of each funding scenario, and the scenario of each year."""
    rows = table("funding", ["share"])
    known = {str(r["id"]): float(r["share"]) for r in records(rows)}
    return known, dict(zip(rows["year"].astype(str), rows["id"].astype(str), strict=True))


def funding_share(funding: str | float) -> tuple[str, float]:
    """Name and share of a funding scenario, from ``funding.csv`` or a number between 0 and 1."""
    known, years = _funding()
    name = years.get(str(funding), str(funding))
    if name in known:
        return name, known[name]
    try:
        share = float(funding)
    except ValueError as error:
        listed = ", ".join([*known, *years])
        msg = f"unknown funding {funding!r}; expected one of {listed}, or a share from 0 to 1"
        raise DataError(msg) from error
    if not 0.0 <= share <= 1.0:
        msg = f"funding {share:g} is not a share; expected a number from 0 to 1"
        raise DataError(msg)
    return f"{share:g}", share


def gap(required: Array, share: float, outside: Array) -> tuple[Array, Array]:
    """Funded and gap; the gap is a bound because spending outside the plans is untracked.

    Parameters
    ----------
    required : numpy.ndarray
        USD, shape (3, ...).
    share : float
        Funded share of the requirement.
    outside : numpy.ndarray
        Share of the requirement spent outside the plans, shape (3, ...) like ``required``.
    """
    funded = required * share
    left = np.maximum(1.0 - share - outside[::-1], 0.0)
    return funded, required * left


def reach(share: float) -> float:
    """Share of the target that is reached at a funded share, from ``reach.csv``."""
    rows = table("reach", ["funded_share", "reached_share_of_target"])
    return float(np.interp(share, rows["funded_share"], rows["reached_share_of_target"]))


@lru_cache(maxsize=1)
def plan_exponent() -> float:
    """How the plans' USD grow with their target: slope of the logarithms over the regional plans.

    Below one: twice the people have not cost twice the money, so the cost per person is never stretched
    linearly.
    """
    rows = table("plans", ["target", "usd"])
    rows = rows[(rows["country"] == "REG") & rows["target"].notna() & rows["usd"].notna()]
    x, y = np.log(rows["target"].to_numpy(dtype=np.float64)), np.log(rows["usd"].to_numpy(dtype=np.float64))
    return float(np.clip(np.polyfit(x, y, 1)[0], 0.0, 1.0))


@lru_cache(maxsize=1)
def _plans() -> tuple[tuple[tuple[float, float, float], ...], float, float]:
    """Regional plans as (year, target, USD), and the smallest and largest USD per person of any plan."""
    rows = table("plans", ["year", "target", "usd"])
    rows = rows[rows["country"].isin(["REG", "ROUTE"]) & rows["target"].notna()]
    each = rows["usd"] / rows["target"]
    region = rows.loc[rows["country"] == "REG", ["year", "target", "usd"]]
    return tuple(region.itertuples(index=False, name=None)), float(each.min()), float(each.max())


def plan_check(target: float, usd: float, year: int) -> dict[str, float | str]:
    """Compare a yearly requirement with what the plans would ask for as many people.

    Returns
    -------
    dict
        usd_per_person, plan_low, plan_high (USD per targeted person over the plans), plan_usd (the nearest
        plan moved to this target with the plans' exponent) and verdict: within, below, above or none.
    """
    plans, low, high = _plans()
    _, plan_target, plan_usd = min(plans, key=lambda plan: abs(plan[0] - year))
    expected = plan_usd * (target / plan_target) ** plan_exponent() if target > 0 else 0.0
    per_person = usd / target if target > 0 else float("nan")
    verdict = (
        "none"
        if not target > 0
        else "below"
        if per_person < low
        else "above"
        if per_person > high
        else "within"
    )
    return {
        "usd_per_person": per_person,
        "plan_low": low,
        "plan_high": high,
        "plan_usd": expected,
        "verdict": verdict,
    }
