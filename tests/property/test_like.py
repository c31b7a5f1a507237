"""A plan that takes over what is alike from another is the plan that is worked out anew, to the bit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sim.plan import compile_plan
from sim.spec import load_scenario
from tests.property.test_expected import changed, few, loaded, numbers, planned, sizes
from tests.reference.worlds import Size, random_world

PARTS = ("fixed", "departures", "epochs", "limits", "knowledge")


@few(80)
@given(number=numbers, size=sizes, which=st.integers(0, 7), kind=st.integers(0, 2))
def test_a_plan_like_another_is_the_plan_itself(number: int, size: Size, which: int, kind: int) -> None:
    scenario = loaded(random_world(number, size))
    assume(scenario.policies)
    first = planned(scenario)
    other = changed(scenario, which, kind)
    anew = planned(other)
    like = compile_plan(other, like=first)
    assert (like.legs, like.people, like.months, like.reasons) == (
        anew.legs,
        anew.people,
        anew.months,
        anew.reasons,
    )
    for part in PARTS:
        one, two = getattr(like, part)._asdict(), getattr(anew, part)._asdict()
        assert [name for name in one if not np.array_equal(one[name], two[name])] == []


@pytest.mark.parametrize("policy", ["chnv-turn-back", "t42-mexicans", "mx-visa-bra", "ni-cub-visafree"])
def test_a_switched_off_policy_of_the_corridor_leaves_the_same_plan(policy: str) -> None:
    base = load_scenario("history/baseline")
    first = compile_plan(base)
    without = tuple(p for p in base.policies if p.id != policy)
    assert len(without) < len(base.policies)
    other = base.model_copy(update={"policies": without})
    one, two = compile_plan(other, like=first), compile_plan(other)
    for part in PARTS:
        left, right = getattr(one, part)._asdict(), getattr(two, part)._asdict()
        assert [name for name in left if not np.array_equal(left[name], right[name])] == []
