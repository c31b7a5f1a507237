"""What the record shows around single dates, nationality against nationality, and what the model makes of it.

An effect is the change of one nationality at one border from the months before a rule to the months after it,
over the change of a nationality that the rule did not touch. The direction must be right and go away without
the rule; the size must be within a factor of two, or the miss is listed below with its cause.

Set from the same figures, so reproduced rather than predicted: the cuts of departures and the waiting of each
rule. Not set from them: when the effect arrives at a border weeks down the road, the turn of Venezuelans to
the Darién, and that nothing happens to the others.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from calibration.observed.load import load_observed
from sim.engines.agents import AgentsRun, load_kernels, run_agents
from sim.plan import AGES, SEXES, Plan, compile_plan
from sim.spec import Scenario, load_scenario

pytestmark = [pytest.mark.slow, pytest.mark.statistical, pytest.mark.timeout(1200)]

SCALE = 0.05
SEED = 11
BETWEEN = ("us_border_patrol",)
US = (*BETWEEN, "us_ports")
FACTOR = 2.0


@dataclass(frozen=True)
class Experiment:
    """One rule, one nationality, one border, and what came after over what came before."""

    name: str
    drop: tuple[str, ...]
    borders: tuple[str, ...]
    group: str
    control: str
    before: tuple[str, ...]
    after: tuple[str, ...]


EXPERIMENTS = (
    Experiment(
        "Ecuadorians after Mexico's visa of September 2021",
        ("MX-VISA-ECU",), US, "ECU", "BRA", ("2021-07", "2021-08"), ("2021-11", "2021-12"),
    ),
    Experiment(
        "Brazilians after Mexico's authorisation of December 2021",
        ("MX-VISA-BRA1",), US, "BRA", "COL", ("2021-11", "2021-12"), ("2022-02",),
    ),
    Experiment(
        "Brazilians after Mexico's visa of August 2022",
        ("MX-VISA-BRA2",), BETWEEN, "BRA", "PER", ("2022-07", "2022-08"), ("2022-10", "2022-11"),
    ),
    Experiment(
        "Venezuelans by air after Mexico's visa of January 2022",
        ("MX-VISA-VEN",), US, "VEN", "NIC", ("2021-12", "2022-01"), ("2022-03", "2022-04"),
    ),
    Experiment(
        "Venezuelans turn to the Darién in 2022",
        ("MX-VISA-VEN",), ("darien",), "VEN", "AFR", ("2022-01", "2022-02"), ("2022-06", "2022-07"),
    ),
    Experiment(
        "Venezuelans at the Darién after 12 October 2022",
        ("US-VEN-T42PAROLE",), ("darien",), "VEN", "ECU", ("2022-09", "2022-10"), ("2022-11", "2022-12"),
    ),
    Experiment(
        "Cubans after 5 January 2023",
        ("US-CHNV", "MX-ACCEPT-CHNV"), US, "CUB", "COL", ("2022-11", "2022-12"), ("2023-02", "2023-03"),
    ),
    Experiment(
        "Nicaraguans after 5 January 2023",
        ("US-CHNV", "MX-ACCEPT-CHNV"), US, "NIC", "HND", ("2022-11", "2022-12"), ("2023-02", "2023-03"),
    ),
    Experiment(
        "Peruvians after Mexico's visa of May 2024",
        ("MX-VISA-PER",), US, "PER", "COL", ("2024-03", "2024-04"), ("2024-06",),
    ),
    Experiment(
        "Venezuelans between ports after Mexico's transfers of January 2024",
        ("MX-SURGE",), BETWEEN, "VEN", "MEX", ("2023-11", "2023-12"), ("2024-01", "2024-02"),
    ),
)  # fmt: skip

#: Sizes missed by more than a factor of two, with the cause.
MISSES: dict[str, str] = {}


@cache
def simulated(drop: tuple[str, ...]) -> pd.DataFrame:
    """Counts as the authorities would make them: month, border, group."""
    scenario = load_scenario("history/baseline")
    kept = tuple(policy for policy in scenario.policies if policy.event not in drop)
    assert drop == () or len(kept) < len(scenario.policies)
    plan = compile_plan(scenario.model_copy(update={"policies": kept}), scale=SCALE)
    load_kernels()
    return counted(scenario, plan, run_agents(plan, seed=SEED).flows)


def counted(scenario: Scenario, plan: Plan, flows: NDArray[np.generic]) -> pd.DataFrame:
    """Flows on the counted legs, times the share detected."""
    number = {leg.id: i for i, leg in enumerate(plan.legs)}
    cells = len(AGES) * len(SEXES)
    rows = []
    for border in scenario.world.borders:
        rate = scenario.parameters.get(border.detection_parameter, 1.0)
        flow = flows[:, number[border.leg], :].reshape(len(plan.months), -1, cells).sum(axis=2)
        for m, month in enumerate(plan.months):
            for g, group in enumerate(plan.groups):
                rows.append((border.id, month, group, float(flow[m, g]) * rate / SCALE))
    return pd.DataFrame(rows, columns=["border", "month", "nationality", "persons"])


@cache
def observed() -> pd.DataFrame:
    return load_observed(start="2021-01", end="2024-06")


def total(table: pd.DataFrame, borders: tuple[str, ...], group: str, months: tuple[str, ...]) -> float:
    """Mean persons a month at some borders."""
    held = table[table["border"].isin(borders) & (table["nationality"] == group)]
    return float(held[held["month"].isin(months)]["persons"].sum()) / len(months)


def effect(table: pd.DataFrame, case: Experiment) -> float:
    """Change of the group over the change of the control; half a simulated person keeps it finite."""
    tiny = 0.5 / SCALE
    change = [
        (total(table, case.borders, group, case.after) + tiny)
        / (total(table, case.borders, group, case.before) + tiny)
        for group in (case.group, case.control)
    ]
    return change[0] / change[1]


@pytest.mark.parametrize("case", EXPERIMENTS, ids=lambda case: str(case.name))
def test_a_rule_shows_as_it_did(case: Experiment, record_property: Callable[[str, object], None]) -> None:
    seen = effect(observed(), case)
    with_rule, without = effect(simulated(()), case), effect(simulated(case.drop), case)
    record_property("observed", round(seen, 3))
    record_property("simulated", round(with_rule, 3))
    record_property("without the rule", round(without, 3))
    rose = seen > 1.0
    assert (with_rule > 1.0) == rose, f"{case.name}: {with_rule:.2f} simulated, {seen:.2f} observed"
    assert (with_rule > without) == rose, f"{case.name}: {without:.2f} without, {with_rule:.2f} with"
    apart = max(with_rule / seen, seen / with_rule)
    if apart > FACTOR and case.name in MISSES:
        pytest.xfail(MISSES[case.name])
    assert apart <= FACTOR, f"{case.name}: {with_rule:.3f} simulated, {seen:.3f} observed"


def test_people_hurry_before_11_may_2023_and_wait_after() -> None:
    """Border Patrol: 98,850 encounters on 1-11 May, 70,394 on 12-31 May: 2.6 times as many a day before."""
    scenario = load_scenario("history/baseline")
    plan = compile_plan(scenario, scale=SCALE)
    load_kernels()
    run = AgentsRun(plan, seed=SEED)
    counts = []
    for day in ("2023-04-30", "2023-05-11", "2023-05-31"):
        last = int((np.datetime64(day, "D") - np.datetime64(plan.first_day, "D")).astype(int)) + 1
        run.advance(last - run.day)
        table = counted(scenario, plan, run.tally().flows)
        counts.append(float(table[table["border"] == "us_border_patrol"]["persons"].sum()))
    run.close()
    before, after = (counts[1] - counts[0]) / 11, (counts[2] - counts[1]) / 20
    assert before > after
    assert before / after == pytest.approx(8986 / 3520, rel=1.0)
    april = total(simulated(()), ("us_border_patrol",), "VEN", ("2023-04",))
    march = total(simulated(()), ("us_border_patrol",), "VEN", ("2023-03",))
    assert april > march, "Venezuelans who had waited in Mexico came before the date"


def test_december_2023_and_january_2024() -> None:
    """Border Patrol without Mexicans: 193,500 (2023-12), 77,900 (2024-01): up, then down."""
    shares = {}
    for name, table in (("observed", observed()), ("simulated", simulated(()))):
        held = table[(table["border"] == "us_border_patrol") & ~table["nationality"].isin(["MEX", "ALL"])]
        month = held.groupby("month")["persons"].sum()
        shares[name] = (month["2023-12"] / month["2023-11"], month["2024-01"] / month["2023-12"])
    for seen, made in zip(shares["observed"], shares["simulated"], strict=True):
        assert (made > 1.0) == (seen > 1.0)
        assert max(made / seen, seen / made) <= FACTOR
