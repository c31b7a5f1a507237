"""Arrangements side by side: a run in, who is covered, at what cost, under what funding out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sim.needs import safeguard
from sim.needs.axes import ALL
from sim.needs.coordination import ARRANGEMENTS, FLAGS, coverage
from sim.needs.measures import measure
from sim.needs.money import reach
from sim.needs.plan import Plan, plan_needs
from sim.needs.tables import load_standards, records, table

if TYPE_CHECKING:
    from pathlib import Path

    from sim.needs.world import RunTables

__all__ = ["compare_arrangements"]

Array = NDArray[np.float64]
_RESOURCES: Final = (
    ("water", "total"),
    ("rations", "total"),
    ("bed_nights", "total"),
    ("consultations", "total"),
    ("transport_seats", "total"),
    ("child_places", "average"),
)


def compare_arrangements(
    run: RunTables, *, standards: str | Path | pd.DataFrame | None = None
) -> pd.DataFrame:
    """People covered and left out, resources and money, under three arrangements and three funding levels.

    Parameters
    ----------
    run : Run
        A run as opened by ``sim.results.open_run``.
    standards : path or DataFrame, optional
        Local standards.

    Returns
    -------
    pandas.DataFrame
        arrangement, funding, funded_share, measure, sector_code, low, middle, high, unit, source. People are
        'times': each counts once for a country and year. ``resource:*`` rows are what could be delivered: the
        resource times the share of people covered times the share reached at that funding.
    """
    chosen = load_standards(standards)
    plan = plan_needs(measure(run, chosen), chosen, ARRANGEMENTS[0], stages=False)
    funding = table("funding", ["share"])
    rows: list[tuple[Any, ...]] = []
    for arrangement in ARRANGEMENTS:
        people = _people(plan, arrangement)
        rows += [
            (arrangement, "", np.nan, name, sector, *values, "times", "coverage.csv; Review 2024 (IECAH)")
            for (name, sector), values in people.items()
        ]
        coordination = _coordination(plan, people)
        share = _share(people)
        for level in records(funding):
            rows += _money(plan, arrangement, coordination, level)
            rows += _resources(plan, arrangement, share, level)
    columns = [
        "arrangement",
        "funding",
        "funded_share",
        "measure",
        "sector_code",
        "low",
        "middle",
        "high",
        "unit",
        "source",
    ]
    frame = pd.DataFrame(rows, columns=columns)
    frame["_people"] = (frame["unit"] == "times") & (
        frame["high"] > 0
    )  # a zero is a statement of the coverage data
    return safeguard.publish(
        frame, people="middle", values=("low", "middle", "high"), counts_people="_people"
    ).drop(columns="_people")


def _years(plan: Plan) -> slice:
    return slice(plan.measures.months, len(plan.measures.periods))


def _people(plan: Plan, arrangement: str) -> dict[tuple[str, str], Array]:
    """In need, covered, uncovered, duplicated and led by nobody.

    By sector, and in all by the decisive sector.
    """
    measures, years = plan.measures, _years(plan)
    ends = measures.periods["end"].iloc[years].dt.to_period("M").dt.start_time.reset_index(drop=True)
    cover = coverage(arrangement, measures.countries, plan.cover.sectors, ends)
    need = plan.population_need[:, :, years]
    flag = cover.flag[:, : len(plan.sectors)].transpose(0, 3, 1, 2)
    out: dict[tuple[str, str], Array] = {}
    for s, sector in enumerate(plan.sectors):
        _tally(out, sector, need[:, :, :, s], flag[:, :, s])
    decisive = plan.decisive()[:, years]
    whole = np.take_along_axis(need, decisive[None, :, :, None, :], axis=3)[:, :, :, 0]
    deciding = np.take_along_axis(flag, decisive[:, :, None, :], axis=2)[:, :, 0]
    _tally(out, "ALL", whole, deciding)
    return out


def _tally(out: dict[tuple[str, str], Array], sector: str, need: Array, flag: NDArray[np.int8]) -> None:
    """Add people over countries, years and populations (times) by flag."""
    kinds = {
        "in_need": FLAGS,
        "covered": ("covered", "covered_scarce", "shared", "duplication", "no_lead"),
        "uncovered": ("gap",),
        "duplicated": ("duplication",),
        "no_lead": ("no_lead",),
    }
    for name, flags in kinds.items():
        keep = np.isin(flag, [FLAGS.index(f) for f in flags])
        out[name, sector] = (need * keep).sum(axis=(1, 2, 3))


def _share(people: dict[tuple[str, str], Array]) -> float:
    whole = people["in_need", "ALL"][1]
    return float(people["covered", "ALL"][1] / whole) if whole > 0 else 0.0


def _coordination(plan: Plan, people: dict[tuple[str, str], Array]) -> Array:
    """Cost of coordination, dearer where parallel structures serve the same people."""
    base = plan.money.coordination[:, :, _years(plan)].sum(axis=(1, 2))
    factor = plan.standards.values("parallel_structure_cost_factor", ["*"])[:, 0]
    whole = people["in_need", "ALL"][1]
    double = float(people["duplicated", "ALL"][1] / whole) if whole > 0 else 0.0
    return np.asarray(base * (1.0 + (factor - 1.0) * double))


def _money(plan: Plan, arrangement: str, coordination: Array, level: dict[Any, Any]) -> list[tuple[Any, ...]]:
    required = plan.money.sector[:, :, _years(plan)].sum(axis=(1, 2, 3)) + coordination
    share, name = float(level["share"]), str(level["id"])
    source = "unit_costs.csv; funding.csv; spending outside plans is untracked: the gap is a bound"
    outside = plan.standards.values("outside_plan_share", ["*"])[:, 0] / 100.0
    missing = required * np.maximum(1.0 - share - outside[::-1], 0.0)
    return [
        (arrangement, name, share, measure_name, "ALL", *values, "USD", source)
        for measure_name, values in (
            ("requirement", required),
            ("coordination_cost", coordination),
            ("funded", required * share),
            ("gap", missing),
        )
    ]


def _resources(plan: Plan, arrangement: str, covered: float, level: dict[Any, Any]) -> list[tuple[Any, ...]]:
    out: list[tuple[Any, ...]] = []
    share, name = float(level["share"]), str(level["id"])
    target = plan.standards.values("target_share_of_need", ["*"])[:, 0] / 100.0
    delivered = covered * reach(share)
    for quantity in plan.quantities:
        if (quantity.resource, quantity.basis) in _RESOURCES and quantity.stage == ALL:
            values = quantity.values[:, :, _years(plan)].sum(axis=(1, 2)) * delivered * target
            out.append(
                (
                    arrangement,
                    name,
                    share,
                    f"resource:{quantity.resource}",
                    quantity.sector,
                    *values,
                    quantity.unit,
                    "resources.csv; standards.csv; reach.csv; coverage.csv",
                )
            )
    return out
