"""Severity and people in need: people by cell in, the share of them in need by sector out.

People in need are the maximum over sectors at the lowest level (country, period, stage, group, sex and
age), then summed over areas and disjoint groups. Nothing here adds sectors up. The rules are the tables
``severity.csv``, ``severity_shares.csv`` and ``in_need_rules.csv``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sim.needs.axes import CELLS, DEMOGRAPHY
from sim.needs.tables import LEVELS, SECTORS_WITHOUT_NEED, records, table

if TYPE_CHECKING:
    from sim.needs.measures import Measures

__all__ = ["InNeed", "in_need", "need_sectors"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class InNeed:
    """Shares of people by cell.

    Parameters
    ----------
    sectors : tuple of str
        Sector codes with people in need.
    base : numpy.ndarray
        Share in need by severity alone, shape (3, countries, periods, cells, demography).
    sector : numpy.ndarray
        Share of those in need whom a sector concerns, shape (3, sectors, cells, demography).
    intersectoral : numpy.ndarray
        ``base`` times the largest sector factor of the cell; same shape as ``base``.
    affected : numpy.ndarray
        Share affected, never below ``intersectoral``; same shape as ``base``.
    phase : numpy.ndarray
        Mean severity phase, shape (countries, periods, cells, demography).
    host : numpy.ndarray
        Share of the host community in need by sector, shape (3, sectors).
    """

    sectors: tuple[str, ...]
    base: Array
    sector: Array
    intersectoral: Array
    affected: Array
    phase: Array
    host: Array


def need_sectors() -> tuple[str, ...]:
    """Sector codes for which people in need are counted."""
    return tuple(code for code in table("sectors")["code"] if code not in SECTORS_WITHOUT_NEED)


def in_need(measures: Measures) -> InNeed:
    """Apply the severity and sector rules to every cell of a run."""
    phase, stay_threshold, stay_points = _phases()
    shares = _phase_shares()
    exposed = measures.exposure[..., None, None]
    waits = (measures.stay > stay_threshold)[..., None, None] * stay_points
    calm = np.clip(phase[None, None] + waits, 1, 5).astype(np.int64)
    hurt = np.clip(calm + 1, 1, 5)
    moving = np.array([stage in ("transit", "return") for stage, _ in CELLS])[:, None]
    hurt = np.where(moving, hurt, calm)
    cells = np.arange(len(CELLS))[:, None]
    base = shares[:, cells, calm - 1] * (1 - exposed) + shares[:, cells, hurt - 1] * exposed
    factors, host = _sector_factors()
    intersectoral = base * factors.max(axis=1)[:, None, None]
    affected = np.maximum(_affected()[:, None, None, :, None], intersectoral)
    return InNeed(
        need_sectors(), base, factors, intersectoral, affected, calm * (1 - exposed) + hurt * exposed, host
    )


def _phases() -> tuple[Array, float, float]:
    """Phase of each cell before exposure and stay; the stay threshold in days and its points."""
    rules = table("severity", ["points"])
    of = {(r.criterion, r.applies_to): float(str(r.points)) for r in rules.itertuples(index=False)}
    out = np.zeros((len(CELLS), len(DEMOGRAPHY)))
    for q, (stage, group) in enumerate(CELLS):
        for d, (_, age) in enumerate(DEMOGRAPHY):
            out[q, d] = of["base", stage] + of.get(("group", group), 0.0) + of.get(("age", age), 0.0)
    stay = rules[rules["criterion"] == "stay"].iloc[0]
    return out, float(str(stay["threshold"])), float(str(stay["points"]))


@lru_cache(maxsize=1)
def _phase_shares() -> Array:
    """Share in need by cell and phase; shape (3, cells, 5)."""
    rows = table("severity_shares", ["phase", *LEVELS])
    shares: dict[tuple[str, int], tuple[float, ...]] = {}
    for row in records(rows):
        shares.setdefault((row["stage"], int(row["phase"])), tuple(float(row[level]) for level in LEVELS))
    out = np.zeros((3, len(CELLS), 5))
    for q, (stage, _) in enumerate(CELLS):
        for phase in range(1, 6):
            out[:, q, phase - 1] = shares[(stage if (stage, phase) in shares else "*"), phase]
    return out


@lru_cache(maxsize=1)
def _not_affected() -> frozenset[str]:
    """Groups of which nobody is affected as people on the way: those at home."""
    rows = table("population_groups", ["affected_high"])
    return frozenset(rows.loc[rows["affected_high"] == 0, "code"])


@lru_cache(maxsize=1)
def _sector_factors() -> tuple[Array, Array]:
    """Sector factors by cell, shape (3, sectors, cells, demography), and for hosts, shape (3, sectors)."""
    rows = table("in_need_rules", LEVELS)
    sectors = need_sectors()
    out = np.zeros((3, len(sectors), len(CELLS), len(DEMOGRAPHY)))
    host = np.zeros((3, len(sectors)))
    for rule in rows.itertuples(index=False):
        s = sectors.index(str(rule.sector_code))
        levels = np.array([rule.low, rule.middle, rule.high], dtype=np.float64)
        if rule.stage == "host":
            host[:, s] = levels
            continue
        ages = str(rule.age_bands).split(";")
        for q, (stage, group) in enumerate(CELLS):
            if group in _not_affected():
                continue
            for d, (sex, age) in enumerate(DEMOGRAPHY):
                women_only = rule.sector_code == "PRO-GBV" and sex == "male"
                if stage == rule.stage and ("*" in ages or age in ages) and not women_only:
                    out[:, s, q, d] = levels
    return out, host


def _affected() -> Array:
    """Affected share of each cell's group; shape (3, cells)."""
    columns = [f"affected_{level}" for level in LEVELS]
    rows = table("population_groups", columns).set_index("code")
    return np.stack([rows.loc[group, columns].to_numpy(dtype=np.float64) for _, group in CELLS], axis=1)
