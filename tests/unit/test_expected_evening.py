"""Evenings of the expected engine: rows of eight beside one number after another, and largest numbers beside every single day."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from sim.engines.expected import run_expected
from sim.engines.kernels import expected_evening
from sim.engines.kernels import expected_rows as rows_of
from sim.engines.kernels.build import called
from sim.engines.kernels.expected_rows import CHUNK
from sim.errors import RunError, ScenarioError
from sim.plan import compile_plan
from sim.spec import load_scenario
from tests.reference.worlds import Size, random_world

WIDE = 12 * CHUNK
evening: Any = expected_evening
pointer: Any = rows_of.pointer
Row = NDArray[np.float64]


@called()
def added(out: Any, x: Any, groups: Any, per: Any) -> None:
    evening.by_group(pointer(x), pointer(out), groups, per)


@called()
def turned(out: Any, back: Any, left: Any, groups: Any, per: Any) -> None:
    if per == 1:
        evening.add_parts(pointer(out), pointer(back), pointer(left), groups)
    else:
        evening.add_turned(pointer(out), pointer(back), pointer(left), groups)


@called()
def gone_on(
    stock: Any, counted: Any, route: Any, here: Any, out: Any, step: Any, days: Any, chunks: Any
) -> None:
    evening.settle_days(
        pointer(stock), pointer(counted), pointer(route), pointer(here), pointer(out), step, days, chunks
    )


@called()
def kept_on(stock: Any, counted: Any, route: Any, here: Any, step: Any, days: Any, chunks: Any) -> None:
    evening.keep_days(pointer(stock), pointer(counted), pointer(route), pointer(here), step, days, chunks)


def rows(seed: int, count: int) -> list[Row]:
    return [np.random.default_rng(seed + i).random(WIDE) for i in range(count)]


@pytest.mark.parametrize("per", [1, 2, 3])
def test_classes_are_added_up_by_group(per: int) -> None:
    for groups in range(1, 20):
        out, x = rows(groups, 2)
        x[groups * per :] = np.nan  # what lies behind is somebody else's
        wanted = out.copy()
        wanted[:groups] += x[: groups * per].reshape(groups, per).sum(axis=1)
        added(out, x, groups, per)
        assert np.allclose(out, wanted, rtol=1e-14, atol=0.0)
        assert np.array_equal(out[groups:], wanted[groups:])


@pytest.mark.parametrize("per", [1, 3])
def test_who_turns_back_is_added_up_by_group(per: int) -> None:
    for groups in range(1, 20):
        out, back, left = rows(groups, 3)
        back[groups * per :] = np.nan
        wanted = out.copy()
        wanted[:groups] += (back * left)[: groups * per].reshape(groups, per).sum(axis=1)
        turned(out, back, left, groups, per)
        assert np.allclose(out, wanted, rtol=1e-14, atol=0.0)
        assert np.array_equal(out[groups:], wanted[groups:])


@pytest.mark.parametrize("days", [1, 5, 8])
@pytest.mark.parametrize("chunks", [1, 2])
def test_a_stock_goes_on_day_by_day(days: int, chunks: int) -> None:
    n, step = chunks * CHUNK, (chunks + 1) * CHUNK
    for minus in (True, False):
        stock, counted, route, come, gone = (r.copy() for r in np.random.default_rng(days).random((5, 256)))
        one, every, ways, kept = stock.copy(), counted.copy(), route.copy(), come.copy()
        for i in range(days):
            own = slice(i * step, i * step + n)
            one[:n] += come[own] - (gone[own] if minus else 0.0)
            every[:n] += one[:n]
            ways[i * CHUNK : (i + 1) * CHUNK] += one[:n].reshape(chunks, CHUNK).sum(axis=0)
            kept[own] = one[:n]
        if minus:
            gone_on(stock, counted, route, come, gone, step, days, chunks)
        else:
            kept_on(stock, counted, route, come, step, days, chunks)
        for found, wanted in ((stock, one), (counted, every), (route, ways), (come, kept)):
            assert np.allclose(found, wanted, rtol=1e-13, atol=0.0)


@pytest.mark.parametrize("number", range(12))
def test_largest_numbers_of_a_month_are_those_of_its_fullest_day(number: int) -> None:
    try:
        scenario = load_scenario(random_world(number, Size(places=7, days=70, policies=5)))
        plan, by_day = (compile_plan(scenario, daily=daily) for daily in (False, True))
    except (ScenarioError, RunError):
        pytest.skip("no world")
    month = run_expected(plan, durations=False)
    day = run_expected(by_day, durations=False)
    groups = len(plan.groups)
    found, each = (x.reshape(*x.shape[:3], groups, -1).sum(axis=4) for x in (month.peaks, day.person_days))
    of_day = plan.fixed.period_of_day[: plan.n_days].astype(np.int64)
    wanted = np.stack([each[of_day == m].max(axis=0) for m in range(len(found))])
    assert wanted.max() > 0.0
    assert np.allclose(found, wanted, rtol=1e-9, atol=1e-9)
