"""Classes that are one until somebody tells them apart: the same numbers as where each is carried by itself."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from sim.engines.expected import people
from sim.engines.expected.model import Carried, Model
from sim.engines.expected.network import sent_otherwise
from sim.engines.expected.run import _Layout
from sim.engines.kernels import expected_layout as at
from sim.errors import ScenarioError
from sim.plan import Plan, compile_plan
from sim.spec import load_scenario
from tests.reference.worlds import Size, random_world
from tests.reference.worlds import at as at_day

TELLING = ("expulsion", "removal", "transfer")


def world(seed: int) -> dict[str, Any]:
    """A random world in which each travel unit is sent away otherwise, none to the first places, to which nothing leads back."""
    made = random_world(seed, Size(places=8, days=50, per_day=9, policies=9))
    made["parameters"]["risk_factor_family"] = 1
    made["world"]["legs"] = [leg for leg in made["world"]["legs"] if leg["from"] < leg["to"]]
    legs = {leg["id"] for leg in made["world"]["legs"]}
    made["world"]["attraction"] = [row for row in made["world"]["attraction"] if row["leg"] in legs]
    kept = [p for p in made["policies"] if p["instrument"] not in TELLING and set(p.get("legs", [])) <= legs]
    send = {"instrument": "expulsion", "places": ["P5"], "to": "P3", "start": at_day(5)}
    kept += [
        send | {"id": "alone", "units": ["alone"], "size": 0.3},
        send
        | {
            "id": "others",
            "units": ["unaccompanied"],
            "size": 0.6,
            "end": at_day(30),
            "places": ["P5", "P6"],
        },
    ]
    return made | {"policies": kept}


def tables(model: Model, carried: Carried) -> list[np.ndarray[Any, Any]]:
    model.__dict__["whole"] = carried
    layout = _Layout(model, model.run(carried))
    return [*layout.counts(), layout.ended(), layout.on_route()]


def told_apart(model: Model) -> Carried:
    return model.carry(replace(model.lanes, joined=None, part=None))


def plans() -> list[Plan]:
    found = []
    for seed in range(40):
        try:
            plan = compile_plan(load_scenario(world(seed)))
        except ScenarioError:  # a policy for which nothing is left
            continue
        if len(sent_otherwise(plan)):
            found.append(plan)
    return found


def test_joined_classes_are_the_sum_of_their_parts() -> None:
    seen = set()
    for plan in plans():
        model = Model(plan)
        together = model.whole
        layouts = set(together.made.net.node[:, at.LAYOUT].tolist())
        seen |= {(*sorted(layouts), bool((together.made.net.edge[:, at.PARTS] >= 0).any()))}
        for one, other in zip(tables(model, together), tables(model, told_apart(model)), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-9)
    # some are joined at the beginning of the route and told apart on the way
    assert any({people.NORTH, people.JOINED} <= set(one[:-1]) and one[-1] for one in seen)


def test_nothing_is_joined_where_units_choose_otherwise() -> None:
    made = world(1)
    assert Model(compile_plan(load_scenario(made))).lanes.per == (3, 1, 1)
    made["parameters"]["risk_factor_family"] = 2.5
    lanes = Model(compile_plan(load_scenario(made))).lanes
    assert lanes.joined is None
    np.testing.assert_array_equal(lanes.join(np.arange(4)), np.arange(4))


def test_parts_of_a_class_are_all_of_it() -> None:
    model = Model(compile_plan(load_scenario(world(1))))
    lanes = model.lanes
    if lanes.joined is None or lanes.part is None:
        pytest.fail("classes are not joined")
    for whole in range(lanes.per[people.JOINED]):
        np.testing.assert_allclose(lanes.part[:, lanes.joined == whole].sum(axis=1), 1.0, rtol=1e-12)
    np.testing.assert_allclose(lanes.kinds(people.JOINED).sum(axis=1), 1.0, rtol=1e-12)
