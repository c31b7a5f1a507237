"""Stays that go day by day, all of a place at once: beside one day after another and one segment after another."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sim.engines.expected import run_expected
from sim.engines.expected.memory import new_memory
from sim.engines.expected.model import Model, tables_of
from sim.engines.expected.stages import run_through, spans_of
from sim.engines.kernels import expected_day_stays, expected_rows
from sim.engines.kernels import expected_layout as at
from sim.engines.kernels.build import called
from sim.engines.kernels.expected_layout import SPAN
from sim.engines.kernels.expected_rows import CHUNK
from sim.errors import RunError, ScenarioError
from sim.plan import Plan, compile_plan
from sim.spec import Scenario, load_scenario
from tests.reference.worlds import Size, random_world

stays: Any = expected_day_stays
rows_of: Any = expected_rows
to: Any = expected_rows.pointer


@called()
def left(out: Any, known: Any, taps: Any, came: Any, step: Any, i: Any, chunks: Any) -> None:
    stays.leave_today(to(out), to(known), to(taps), to(came), step, i, chunks)


@called()
def summed(y: Any, row: Any, x: Any, chunks: Any) -> Any:
    return rows_of.part_sum(to(y), to(row), to(x), chunks)


@pytest.mark.parametrize("today", range(SPAN))
def test_who_leaves_today_came_before_the_span_or_on_one_of_its_days(today: int) -> None:
    for chunks in range(1, 10):
        rng = np.random.default_rng([today, chunks])
        width, step = chunks * CHUNK, chunks * CHUNK + CHUNK
        known, taps, came = rng.random((3, SPAN, step))
        out = rng.random(step)
        wanted = out.copy()
        wanted[:width] = known[today, :width]
        for k in range(today + 1):
            wanted[:width] += taps[k, :width] * came[today - k, :width]
        left(out, known, taps, came, step, today, chunks)
        assert np.allclose(out, wanted, rtol=1e-14, atol=0.0)


def test_a_part_of_a_row_is_summed_as_it_is_written() -> None:
    for chunks in range(1, 10):
        y, row, x = np.random.default_rng(chunks).random((3, 10 * CHUNK))
        own = slice(chunks * CHUNK)
        wanted = np.concatenate([row[own] * x[own], y[chunks * CHUNK :]])
        found = summed(y, row, x, chunks)
        assert np.array_equal(y, wanted)
        assert found == pytest.approx(wanted[own].sum(), rel=1e-14)


def world(number: int) -> Scenario:
    return load_scenario(
        random_world(number, Size(places=8, days=100, policies=6, capacities=number % 3 > 0))
    )


@pytest.mark.parametrize("number", range(24))
def test_months_are_the_sums_of_their_days(number: int) -> None:
    """Periods of a day are spans of a day, through which every place goes segment by segment."""
    try:
        month, day = (compile_plan(world(number), daily=daily) for daily in (False, True))
    except (ScenarioError, RunError):
        pytest.skip("no world")
    found, every = run_expected(month), run_expected(day)
    of_day = month.fixed.period_of_day[: month.n_days].astype(np.int64)
    begins = np.flatnonzero(np.diff(of_day, prepend=-1))
    for name in ("flows", "person_days"):
        wanted = np.add.reduceat(np.asarray(getattr(every, name)), begins, axis=0)
        assert wanted.max() > 0.0
        assert np.allclose(getattr(found, name), wanted, rtol=1e-9, atol=1e-9), name
    for name in ("ended", "balance"):
        assert np.allclose(getattr(found, name), getattr(every, name), rtol=1e-9, atol=1e-9), name


def along(plan: Plan) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Kinds of stay by whether they went by themselves or with the others, where places go day by day, by span and segment."""
    model = Model(plan)
    carried, net = model.whole, model.whole.made.net
    memory = new_memory(plan, carried.made, crowds=carried.crowds)
    tables = tables_of(carried, memory)
    seen = np.zeros((3, 2), np.int64)
    for span in spans_of(net.day, 0, plan.n_days):
        run_through(tables, [span])
        for me in net.node[net.part[net.node[:, at.IN_PART], at.ALONE] == 0]:
            for g in range(me[at.SEG_0], me[at.SEG_1]):
                regime = net.regime[net.segment[g, at.S_R0] : net.segment[g, at.S_R1]]
                kind = regime[np.searchsorted(regime[:, at.R_LAST], span[0]), at.R_KIND]
                seen[kind, memory.along[g]] += 1
    return seen


def test_steady_stays_go_together_and_all_others_by_themselves() -> None:
    seen = np.zeros((3, 2), np.int64)
    for number in range(12):
        try:
            seen += along(compile_plan(world(number)))
        except (ScenarioError, RunError):
            continue
    assert seen[at.STEADY].min() > 0  # also where a regime ends within the span
    assert seen[at.VARYING, 0] > 0
    assert seen[at.GEOMETRIC, 0] > 0
    assert seen[[at.VARYING, at.GEOMETRIC], 1].sum() == 0
