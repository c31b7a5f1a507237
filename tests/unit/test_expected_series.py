"""The series function: what crosses a border as a function of who departs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sim.engines.expected import Preview, compile_series
from sim.errors import RunError
from sim.plan import Plan, compile_plan
from sim.spec import load_scenario
from tests.theory.tiny import at, leg, place


def world(**more: Any) -> Plan:  # noqa: ANN401
    places = [
        place("A", {"kind": "geometric", "mean_days": 3.0}, role="origin", country="COL"),
        place("B", {"kind": "triangular", "low": 1.0, "mode": 2.0, "high": 9.0}),
        place("C", role="destination", country="CRI"),
    ]
    legs = [leg("A-B", 2.0, **more), leg("B-C", 1.0), leg("A-C", 4.0, weight=0.5)]
    content = {
        "name": "counted",
        "window": {"start": at(0), "end": at(119)},
        "world": {
            "places": places,
            "legs": legs,
            "borders": [
                {"id": "first", "leg": "A-B", "name_en": "first", "name_es": "primera"},
                {"id": "second", "leg": "B-C", "name_en": "second", "name_es": "segunda"},
            ],
        },
        "departures": [
            {"place": "A", "group": "VEN", "per_day": 20, "start": at(0), "end": at(45)},
            {"place": "A", "group": "HTI", "per_day": 5, "start": at(20), "end": at(80)},
        ],
    }
    return compile_plan(load_scenario(content))


def test_the_matrix_gives_what_a_run_counts() -> None:
    plan = world()
    series = compile_series(plan)
    found = series(series.theta)
    assert np.allclose(found, series.run(series.theta), rtol=1e-4, atol=1e-3)  # long answers are cut off
    preview = Preview(plan.scenario)
    assert np.allclose(found, preview.answer(plan.scenario).crossings, rtol=1e-4, atol=1e-3)
    assert found.sum() > 1000.0


def test_months_side_by_side_give_the_same_matrix() -> None:
    plan = world(capacity_per_day=6)
    one, two = compile_series(plan), compile_series(plan, threads=2)
    assert np.array_equal(one.matrix.toarray(), two.matrix.toarray())


def test_who_departs_doubles_what_crosses_where_there_is_no_line() -> None:
    series = compile_series(world())
    double = series.theta.copy()
    double[: len(series.cells)] += np.log(2.0)
    assert np.allclose(series(double), 2.0 * series(series.theta), rtol=1e-12)
    assert np.allclose(series.run(double), 2.0 * series.run(series.theta), rtol=1e-9)


def test_a_line_lets_through_no_more_than_it_can() -> None:
    series = compile_series(world(capacity_per_day=6))
    crossed = series.run(series.theta)[0].sum(axis=1)
    assert crossed.max() <= 6 * 31 + 1e-6
    assert np.allclose(series(series.theta), series.run(series.theta), rtol=1e-3, atol=0.1)


def test_an_unknown_border_is_named() -> None:
    with pytest.raises(RunError, match="border nowhere is not in counted"):
        compile_series(world(), ["nowhere"])
