"""Each behaviour can be switched off alone, and what that changes on the corridor.

One person in a hundred of the real corridor, with the same luck in both runs: what is left over is the behaviour.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest

from sim.engines.agents import load_kernels, run_agents
from sim.engines.tally import OUTCOMES, STATUSES, Tally
from sim.plan import AGES, SEXES, UNITS, Plan, compile_plan
from sim.spec import Scenario, load_scenario
from sim.spec.policies import Closure
from sim.spec.scenario import UnitShare

pytestmark = [pytest.mark.slow, pytest.mark.statistical, pytest.mark.timeout(600)]

SCALE, SEED = 0.01, 5
CLASSES = len(AGES) * len(SEXES)
SINCE = "2020-07-01"


@cache
def baseline() -> Scenario:
    return load_scenario("history/baseline")


class Run:
    """A corridor of one person in a hundred, by name."""

    def __init__(self, scenario: Scenario, *, daily: bool = False) -> None:
        load_kernels()
        self.plan: Plan = compile_plan(scenario, scale=SCALE, daily=daily)
        self.tally: Tally = run_agents(self.plan, seed=SEED)

    def ended(self, outcome: str) -> int:
        return int(self.tally.ended[OUTCOMES.index(outcome) + 1].sum())

    def days(self, status: str) -> int:
        return int(self.tally.person_days[:, STATUSES.index(status)].sum())

    def over(
        self, chosen: Callable[[Any], bool], group: str | None = None, months: slice = slice(None)
    ) -> int:
        """Arrivals over some legs, of everybody or of one nationality."""
        numbers = [i for i, leg in enumerate(self.plan.legs) if chosen(leg)]
        flows = self.tally.flows[: len(self.plan.months)][months][:, numbers]
        by_group = flows.reshape(*flows.shape[:2], len(self.plan.groups), CLASSES).sum(axis=(0, 1, 3))
        return int(by_group.sum() if group is None else by_group[self.plan.groups.index(group)])

    def into(self, border: str, group: str | None = None, months: slice = slice(None)) -> int:
        legs = {row.leg for row in self.plan.scenario.world.borders if row.id == border}
        return self.over(lambda leg: leg.id in legs, group, months)

    def month(self, name: str) -> slice:
        first = self.plan.months.index(name)
        return slice(first, first + 1)


@cache
def usual() -> Run:
    return Run(baseline())


def without(**switches: bool) -> Run:
    return Run(baseline().model_copy(update={"behaviour": baseline().behaviour.model_copy(update=switches)}))


def less(*instruments: str, keep: Callable[[Any], bool] = lambda policy: False) -> Run:
    """The corridor without the policies of some instruments."""
    kept = tuple(p for p in baseline().policies if p.instrument not in instruments or keep(p))
    assert len(kept) < len(baseline().policies)
    return Run(baseline().model_copy(update={"policies": kept}))


def closed(*legs: str) -> Run:
    """The corridor with some legs closed throughout."""
    shut = Closure(id="shut-for-the-test", legs=legs, start=SINCE)
    return Run(baseline().model_copy(update={"policies": (*baseline().policies, shut)}))


def test_without_means_nobody_is_stranded() -> None:
    off = without(means=False)
    assert usual().days("stranded") > 100_000
    assert off.days("stranded") == 0
    assert off.ended("arrived") > usual().ended("arrived")


def test_without_information_the_ways_are_those_of_the_tables() -> None:
    off = without(information=False)
    assert usual().plan.knowledge.on
    assert not off.plan.knowledge.on
    assert not np.array_equal(off.tally.flows, usual().tally.flows)
    # people learn where others were sent back, and choose the ways on which fewer were
    assert usual().into("us_border_patrol") != off.into("us_border_patrol")


def test_without_hazards_nobody_dies() -> None:
    off = without(hazards=False)
    assert usual().ended("died_or_missing") > 20
    assert off.ended("died_or_missing") == 0


def test_without_settling_all_move_on() -> None:
    off = without(settling=False)
    assert usual().ended("settled") > 500
    assert off.ended("settled") == 0
    assert off.ended("arrived") > usual().ended("arrived")


def is_back(leg: Any) -> bool:  # noqa: ANN401
    return bool(leg.direction == "southward")


def test_without_turning_back_nobody_heads_south() -> None:
    off = without(turning_back=False)
    assert usual().over(is_back) > 1_000
    assert off.over(is_back) == 0


def tries_again(leg: Any) -> bool:  # noqa: ANN401
    return bool(leg.made_by == "expulsion" and not leg.id.endswith(":for-good"))


def test_without_repeat_attempts_nobody_expelled_comes_again() -> None:
    off = without(repeat_attempts=False)
    assert usual().over(tries_again, "MEX") > 1_000
    assert off.over(tries_again) == 0
    year = slice(off.plan.months.index("2021-01"), off.plan.months.index("2022-01"))
    more = usual().into("us_border_patrol", "MEX", year) / off.into("us_border_patrol", "MEX", year)
    # each encounter is followed by another with probability 0.9 x 0.57 of those not unaccompanied: up to 1 / (1 - 0.51) as many
    assert 1.4 < more < 2.1
    assert off.ended("returned") > usual().ended("returned")


def test_without_families_everybody_travels_alone() -> None:
    units = {"alone": UnitShare(share=1.0)}
    off = Run(baseline().model_copy(update={"units": units}))
    size = usual().plan.departures.unit_threshold
    assert len(UNITS) == size.shape[1]
    assert (off.plan.departures.unit_threshold[:, 0] == 0xFFFFFFFF).all()
    children = slice(0, 3)
    by_age = [
        run.tally.flows.reshape(*run.tally.flows.shape[:2], -1, 2, 5).sum(axis=(0, 1, 2, 3))
        for run in (usual(), off)
    ]
    assert by_age[0][children].sum() > 0.1 * by_age[0].sum()
    assert by_age[1][children].sum() == 0


def test_families_may_stay_longer() -> None:
    more = {**baseline().parameters, "stay_factor_family": 1.5}
    longer = Run(baseline().model_copy(update={"parameters": more}))
    assert longer.days("staying") > 1.03 * usual().days("staying")


def test_without_removals_nobody_is_removed() -> None:
    off = less("removal")
    assert usual().ended("removed") > 1_000
    assert off.ended("removed") == 0
    assert off.ended("arrived") > usual().ended("arrived")


def is_transfer(leg: Any) -> bool:  # noqa: ANN401
    return bool(leg.made_by == "transfer")


def test_without_transfers_nobody_is_moved_south() -> None:
    off = less("transfer")
    month = usual().month("2024-01")
    assert usual().over(is_transfer, "VEN") > 100
    assert off.over(is_transfer) == 0
    assert off.into("us_border_patrol", "VEN", month) > usual().into("us_border_patrol", "VEN", month)


def test_without_support_for_return_fewer_turn_back() -> None:
    off = less("return")
    autumn = slice(usual().plan.months.index("2022-10"), usual().plan.months.index("2023-01"))
    assert off.over(is_back, "VEN", autumn) < 0.7 * usual().over(is_back, "VEN", autumn)


def by_air(place: str) -> tuple[str, ...]:
    return tuple(leg.id for leg in baseline().world.legs if leg.mode == "air" and leg.to == place)


def test_without_air_entry_to_nicaragua_cubans_do_not_come_through_honduras() -> None:
    off = closed(*by_air("managua"))
    year = slice(usual().plan.months.index("2022-01"), usual().plan.months.index("2022-12"))
    assert usual().into("honduras", "CUB", year) > 1_000
    assert off.into("honduras", "CUB", year) < 0.2 * usual().into("honduras", "CUB", year)


def test_san_andres_is_for_those_with_the_means() -> None:
    ways = {leg.id for leg in baseline().world.legs if leg.from_ == "san-andres" and leg.mode == "boat"}
    assert ways
    off = closed(*ways)
    assert usual().over(lambda leg: leg.id in ways) > 0
    assert off.over(lambda leg: leg.id in ways) == 0
    fixed = usual().plan.fixed
    place = usual().plan.places.index("bogota")
    legs = [usual().plan.legs[i].id if i >= 0 else "" for i in fixed.alternative[place]]
    way = next(i for i, name in enumerate(legs) if name.startswith("bogota--san-andres"))
    rows = fixed.weight[:4, place]  # the first class heading north, by means
    share = rows[:, way] / rows.sum(axis=1)
    assert (np.diff(share) > 0.0).all()


def test_without_announcements_nobody_waits_to_see_what_a_rule_does() -> None:
    off = less("announcement", keep=lambda policy: policy.id != "oct-2022-wait-in-mexico")
    november = usual().month("2022-11")
    assert off.into("us_border_patrol", "VEN", november) > 3 * usual().into(
        "us_border_patrol", "VEN", november
    )


def test_without_announcements_nobody_hurries_before_a_date() -> None:
    spring = load_scenario(
        {
            "name": "spring",
            "extends": "history/baseline",
            "window": {"start": "2023-04-01", "end": "2023-06-15"},
            "spin_up_start": "2022-12-01",
        }
    )
    calm = tuple(p for p in spring.policies if not p.id.startswith("clp-"))
    assert len(calm) == len(spring.policies) - 3
    rush = []
    for scenario in (spring, spring.model_copy(update={"policies": calm})):
        run = Run(scenario, daily=True)
        first = run.plan.months.index("2023-05-05")
        before, after = slice(first, first + 7), slice(first + 9, first + 23)
        rush.append(run.into("us_border_patrol", months=before) / run.into("us_border_patrol", months=after))
    assert rush[0] > 1.3 * rush[1]  # the record: 10,000 a day before, 4,000 after


def test_anticipation_brings_people_before_the_date() -> None:
    calm = tuple(
        p.model_copy(update={"anticipation_days": 0}) if p.id.startswith("mx-visa-ven") else p
        for p in baseline().policies
    )
    assert calm != baseline().policies
    off = Run(baseline().model_copy(update={"policies": calm}))
    before = usual().month("2022-01")
    assert usual().over(lambda leg: leg.id == "caracas--mexico-city--air", "VEN", before) > 1.05 * off.over(
        lambda leg: leg.id == "caracas--mexico-city--air", "VEN", before
    )
