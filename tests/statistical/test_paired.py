"""The same luck in both scenarios: differences of national totals are known far better than the totals themselves."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

from sim.engines.agents import load_kernels, run_agents
from sim.plan import Plan, compile_plan
from sim.spec import load_scenario

pytestmark = [pytest.mark.slow, pytest.mark.statistical, pytest.mark.timeout(1200)]

SCALE, SEEDS = 0.02, range(8)
COUNTRIES = ("COL", "PAN", "CRI", "NIC", "HND", "GTM", "MEX", "USA")
MOST = 1.0 / 3.0


def entries(plan: Plan, seed: int) -> list[int]:
    """Persons who enter each country from another, over the whole run."""
    flows = run_agents(plan, seed=seed, threads=2).flows.sum(axis=(0, 2))
    country = dict(zip(plan.places, plan.place_country, strict=True))
    crosses = [(country[leg.from_place], country[leg.to_place]) for leg in plan.legs]
    return [
        int(sum(n for n, (out, into) in zip(flows, crosses, strict=True) if into == name != out))
        for name in COUNTRIES
    ]


@cache
def totals(name: str) -> NDArray[np.float64]:
    load_kernels()
    plan = compile_plan(load_scenario(name), scale=SCALE)
    return np.array([entries(plan, seed) for seed in SEEDS], float) / SCALE


@pytest.mark.parametrize(
    "name", ["darien_closed_one_month", "no_appointments", "push_ecuador", "no_mexico_surge"]
)
def test_paired_errors_are_at_most_a_third_of_unpaired_ones(name: str) -> None:
    base, other = totals("history/baseline"), totals(f"what_if/{name}")
    paired = (other - base).std(axis=0, ddof=1)
    unpaired = np.hypot(base.std(axis=0, ddof=1), other.std(axis=0, ddof=1))
    ratio = dict(zip(COUNTRIES, (paired / unpaired).round(2).tolist(), strict=True))
    assert np.abs((other - base).mean(axis=0)).max() > 5_000, "a what-if that changes something"
    assert max(ratio.values()) <= MOST, ratio
