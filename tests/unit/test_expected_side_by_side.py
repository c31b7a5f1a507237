"""Days of a span side by side beside days one by one, and groups in one order beside another: the same people everywhere."""

from __future__ import annotations

import weakref
from collections import Counter
from typing import Any

import numpy as np
import pytest

from sim.engines.expected import assemble, run_expected
from sim.engines.expected.model import _KNOWN, Model, model_of
from sim.engines.expected.order import Rows, short_order
from sim.engines.expected.people import lanes_of
from sim.engines.kernels import expected_layout as at
from sim.engines.kernels.expected_rows import CHUNK
from sim.engines.tally import Tally
from sim.errors import RunError, ScenarioError
from sim.plan import Plan, compile_plan
from sim.spec import load_scenario
from tests.reference.worlds import Size, random_world
from tests.theory.tiny import at as at_day
from tests.theory.tiny import departs, leg, place

WORLDS = range(24)


def planned(number: int) -> Plan | None:
    try:
        scenario = load_scenario(
            random_world(number, Size(places=8, days=100, policies=6, capacities=number % 3 > 0))
        )
        return compile_plan(scenario)
    except (ScenarioError, RunError):
        return None


def same(found: Tally, wanted: Tally) -> None:
    for name in ("flows", "person_days", "ended", "balance"):
        one, other = np.asarray(getattr(found, name)), np.asarray(getattr(wanted, name))
        assert other.max() > 0.0
        assert np.allclose(one, other, rtol=1e-9, atol=1e-9), name


def plainly(plan: Plan) -> Tally:
    """A run in which every day, every way and every line is gone through by itself."""
    model = Model(plan)
    net = model.whole.made.net
    net.node[:, at.SENT_ON] = net.node[:, at.SENT_1]
    net.part[:, [at.ALONE, at.APART]] = 0
    net.edge[:, at.RARE] = 0
    net.node[net.node[:, at.SEG_0] < net.node[:, at.SEG_1], at.CLOSES] = 1
    try:
        _KNOWN[id(plan)] = (weakref.ref(plan), model)
        return run_expected(plan, durations=False)
    finally:
        del _KNOWN[id(plan)]


def ways_it_went(plan: Plan) -> Counter[str]:
    """How many nodes, parts and edges of a plan are solved in a way of their own."""
    net = model_of(plan).whole.made.net
    later = net.node[:, at.SENT_ON] < net.node[:, at.SENT_1]
    return Counter(
        alone=int(net.part[:, at.ALONE].sum()),
        later=int(later.sum()),
        lines=int(net.part[:, at.APART].sum()),
        rare=int(net.edge[:, at.RARE].sum()),
        turned=int((net.node[:, at.BACK] >= 0).sum()),
        open=int((net.node[:, at.CLOSES] == 0).sum()),
        closing=int((net.node[:, at.CLOSES] > 0).sum()),
    )


def test_days_side_by_side_are_days_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assemble, "_MANY", 1)
    went: Counter[str] = Counter()
    for number in WORLDS:
        plan = planned(number)
        if plan is None:
            continue
        same(run_expected(plan, durations=False), plainly(plan))
        went += ways_it_went(plan)
    assert (
        min(went[name] for name in ("alone", "later", "lines", "rare", "turned", "open", "closing")) >= 3
    ), went


def between(first: int, last: int) -> dict[str, Any]:
    return {"start": at_day(first), "end": at_day(last)}


def on_and_off() -> Plan:
    """People who are removed now and then from two places that lead back to each other, on their way to a line."""
    days = 400
    windows = ((20, 26), (60, 61), (100, 130), (150, 150), (310, 330), (345, 346))
    removals = [
        {"id": f"removal{i}", "instrument": "removal", "places": ["T", "U"], "size": 0.5} | between(*dates)
        for i, dates in enumerate(windows)
    ]
    limits = [
        {"id": f"limit{i}", "instrument": "capacity", "legs": ["L-B"], "per_day": 4} | between(*dates)
        for i, dates in enumerate(((15, 30), (200, 211)))  # to the end of a month, where spans begin anew
    ]
    homes = {"VEN": "A", "HTI": "H", "CUB": "K"}
    content = {
        "name": "on_and_off",
        "window": {"start": at_day(0), "end": at_day(days - 1)},
        "world": {
            "places": [
                place("A", 1, role="origin", country="VEN"),
                *(place(name, stay) for name, stay in (("T", 2), ("U", 1), ("L", 3))),
                *(place(name, role="destination", country=c) for name, c in (("H", "HTI"), ("K", "CUB"))),
                place("B", role="destination", country="CRI"),
            ],
            "legs": [
                leg("A-T", 2),
                leg("T-U", 1),
                leg("U-T", 1, weight=0.3, direction="lateral"),
                leg("U-L", 2),
                leg("L-B", 1),
            ],
            "groups": [{"id": group, "home_country": group} for group in homes],
            "home_places": homes,
        },
        "departures": [departs(7, last=days - 1, group=group) for group in homes],
        "policies": removals + limits,
    }
    return compile_plan(load_scenario(content))


def test_ways_that_are_taken_now_and_then_and_lines_that_come_and_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assemble, "_MANY", 1)
    plan = on_and_off()
    went = ways_it_went(plan)
    assert min(went[name] for name in ("later", "lines", "rare")) >= 1, went
    found = run_expected(plan, durations=False)
    same(found, plainly(plan))
    removed = 4
    assert found.ended[removed].sum() > 300.0
    queued = np.asarray(found.person_days)[:, 1, plan.places.index("L")].sum()
    assert queued > 100.0  # somebody waited when the limit ended


def test_groups_may_lie_side_by_side_in_any_order() -> None:
    for number in WORLDS[:8]:
        plan = planned(number)
        if plan is None:
            continue
        model = Model(plan)
        orders = [model.lanes.owner, model.lanes.owner[::-1].copy(), np.arange(len(plan.groups))]
        counts = []
        for order in orders:
            lanes = lanes_of(plan, model.people, order, joined=True)
            carried = model.carry(lanes)
            memory = model.run(carried)
            counts.append([memory.balance.sum(axis=0), memory.flow.sum(), memory.days.sum(axis=(0, 2))])
        for other in counts[1:]:
            for found, wanted in zip(other, counts[0], strict=True):
                assert np.allclose(found, wanted, rtol=1e-9, atol=1e-9)


def some_rows(
    seed: int, groups: int = 7
) -> tuple[Rows, list[tuple[np.ndarray, int, float, np.ndarray, bool]]]:
    rng = np.random.default_rng(seed)
    n = 40
    holds = rng.random((n, groups)) < 0.4
    holds[np.arange(n), rng.integers(0, groups, n)] = True
    holds[n // 2 :] = holds[: n - n // 2]  # most rows occur more than once
    per, weight = rng.integers(1, 4, n), rng.random(n)
    per[n // 2 :] = per[: n - n // 2]
    stay, stays = rng.integers(0, 3, (n, groups)), rng.random(n) < 0.5
    every = list(zip(holds, per.tolist(), weight.tolist(), stay, stays.tolist(), strict=True))
    return Rows(holds, per, weight, stay, stays), every


def slow_cost(every: list[tuple[np.ndarray, int, float, np.ndarray, bool]], order: list[int]) -> float:
    """Row after row, group after group."""
    total = 0.0
    for holds, per, weight, stay, stays in every:
        there = [i for i, g in enumerate(order) if holds[g]]
        between = order[there[0] : there[-1] + 1]
        total += weight * -(-len(between) * per // CHUNK)
        if stays:
            lengths = [1]
            for before, g in zip(between, between[1:], strict=False):
                if stay[g] == stay[before]:
                    lengths[-1] += 1
                else:
                    lengths.append(1)
            total += sum(4.0 * (1 + -(-n * per // CHUNK)) for n in lengths)
    return total


@pytest.mark.parametrize("seed", range(6))
def test_an_order_costs_its_chunks_and_segments(seed: int) -> None:
    rows, every = some_rows(seed)
    rng = np.random.default_rng(seed)
    for _ in range(20):
        order = rng.permutation(7)
        assert rows.cost(order) == pytest.approx(slow_cost(every, order.tolist()))


@pytest.mark.parametrize("seed", range(6))
def test_a_short_order_is_one_that_no_single_move_improves(seed: int) -> None:
    rows, every = some_rows(seed, groups=5)
    first = np.arange(5)
    order = short_order(rows, first)
    assert sorted(order.tolist()) == first.tolist()
    assert rows.cost(order) <= rows.cost(first)
    least = slow_cost(every, order.tolist())
    for i in range(5):
        for j in range(i + 1, 5):
            turned = order.tolist()
            turned[i : j + 1] = turned[i : j + 1][::-1]
            assert slow_cost(every, turned) >= least - 1e-9
