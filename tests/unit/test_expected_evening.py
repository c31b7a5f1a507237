"""Evenings of the expected engine: rows of eight beside one number after another, and largest numbers beside every single day."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from sim.engines.expected import run_expected
from sim.engines.expected.crowds import crowds_of
from sim.engines.kernels import expected_count, expected_evening
from sim.engines.kernels import expected_layout as at
from sim.engines.kernels import expected_rows as rows_of
from sim.engines.kernels.build import called
from sim.engines.kernels.expected_layout import SPAN
from sim.engines.kernels.expected_rows import CHUNK
from sim.errors import RunError, ScenarioError
from sim.plan import compile_plan
from sim.spec import load_scenario
from tests.reference.worlds import Size, random_world

WIDE = 12 * CHUNK
evening: Any = expected_evening
by_day: Any = expected_count
pointer: Any = rows_of.pointer
Row = NDArray[np.float64]


@called()
def added(out: Any, x: Any, groups: Any, per: Any) -> None:
    evening.by_group(pointer(x), pointer(out), groups, per)


@called()
def turned(out: Any, back: Any, left: Any, groups: Any, per: Any) -> None:
    if per == 1:
        evening.turned_ones(pointer(out), pointer(back), pointer(left), groups)
    elif per == 2:
        evening.turned_twos(pointer(out), pointer(back), pointer(left), groups)
    else:
        evening.turned_threes(pointer(out), pointer(back), pointer(left), groups)


@called()
def told_apart(out: Any, part: Any, row: Any, share: Any, more: Any, chunks: Any) -> None:
    evening.tell_thirds(pointer(out), pointer(part), pointer(row), share, more, chunks)


@called()
def counted(
    x: Any, step: Any, ring: Any, width: Any, mask: Any, day: Any, days: Any, peak: Any, groups: Any, per: Any,
    first: Any, last: Any,
) -> None:  # fmt: skip
    if per == 1:
        evening.crowd_ones(
            pointer(x), step, pointer(ring), width, mask, day, days, pointer(peak), groups, first, last
        )
    elif per == 2:
        evening.crowd_twos(
            pointer(x), step, pointer(ring), width, mask, day, days, pointer(peak), groups, first, last
        )
    else:
        evening.crowd_threes(
            pointer(x), step, pointer(ring), width, mask, day, days, pointer(peak), groups, first, last
        )


@called()
def counted_now(x: Any, row: Any, peak: Any, groups: Any, per: Any, first: Any, last: Any) -> None:
    if per == 1:
        by_day.now_ones(pointer(x), pointer(row), pointer(peak), groups, first, last)
    elif per == 2:
        by_day.now_twos(pointer(x), pointer(row), pointer(peak), groups, first, last)
    else:
        by_day.now_threes(pointer(x), pointer(row), pointer(peak), groups, first, last)


@called()
def counted_row(days: Any, route: Any, x: Any, chunks: Any) -> None:
    by_day.count_row(pointer(days), pointer(route), pointer(x), chunks)


def rows(seed: int, count: int) -> list[Row]:
    return [np.random.default_rng(seed + i).random(WIDE) for i in range(count)]


@pytest.mark.parametrize("per", [1, 2, 3, 4])
def test_classes_are_added_up_by_group(per: int) -> None:
    for groups in range(1, 20):
        out, x = rows(groups, 2)
        x[groups * per :] = np.nan  # what lies behind is somebody else's
        wanted = out.copy()
        wanted[:groups] += x[: groups * per].reshape(groups, per).sum(axis=1)
        added(out, x, groups, per)
        assert np.allclose(out, wanted, rtol=1e-14, atol=0.0)
        assert np.array_equal(out[groups:], wanted[groups:])


@pytest.mark.parametrize("per", [1, 2, 3])
def test_who_turns_back_is_added_up_by_group(per: int) -> None:
    for groups in range(1, 20):
        out, back, left = rows(groups, 3)
        back[groups * per :] = np.nan
        wanted = out.copy()
        wanted[:groups] += (back * left)[: groups * per].reshape(groups, per).sum(axis=1)
        turned(out, back, left, groups, per)
        assert np.allclose(out, wanted, rtol=1e-14, atol=0.0)
        assert np.array_equal(out[groups:], wanted[groups:])


@pytest.mark.parametrize("more", [0, 1])
def test_classes_are_laid_out_in_threes(more: int) -> None:
    for chunks in range(1, 12):
        out, part, row = rows(chunks, 3)
        laid = 0.5 * part * np.repeat(row, 3)[:WIDE]
        wanted = out.copy()
        wanted[: chunks * CHUNK] = (laid + more * out)[: chunks * CHUNK]
        told_apart(out, part, row, 0.5, more, chunks)
        assert np.allclose(out, wanted, rtol=1e-15, atol=0.0)


@pytest.mark.parametrize("place", [(0, 0), (0, 1), (1, 0), (1, 1)])
@pytest.mark.parametrize("per", [1, 2, 3])
@pytest.mark.parametrize("days", range(1, SPAN + 1))
def test_the_people_of_a_place_are_counted_on_the_evenings_of_a_span(
    days: int, per: int, place: tuple[int, int]
) -> None:
    first, last = place
    for groups in range(1, 34):
        rng = np.random.default_rng([days, groups])
        width = -(-groups // CHUNK) * CHUNK
        day, mask = int(rng.integers(100, 200)), (7, 15)[groups % 2]
        x = rng.random((SPAN, groups * per + 3 * CHUNK))
        x[:, groups * per :] = 1e9  # somebody else's
        x[days:] = 1e9  # as are days behind the last
        ring, peak = rng.random((mask + 1, width)), 2.0 * rng.random(width)
        kept, most = ring.copy(), peak.copy()
        for d in range(days):
            now = x[d, : groups * per].reshape(groups, per).sum(axis=1)
            slot = (day + d) % (mask + 1)
            here = np.concatenate([now, np.zeros(width - groups)]) + (0.0 if first else ring[slot])
            if last:
                most = np.maximum(most, here)
            else:
                kept[slot] = here
        counted(x, x.shape[1], ring, width, mask, day, days, peak, groups, per, first, last)
        assert np.allclose(peak, most, rtol=1e-14, atol=0.0)
        assert np.allclose(ring, kept, rtol=1e-14, atol=0.0)


@pytest.mark.parametrize("place", [(0, 0), (0, 1), (1, 0), (1, 1)])
@pytest.mark.parametrize("per", [1, 2, 3])
def test_the_people_of_a_place_are_counted_on_one_evening(per: int, place: tuple[int, int]) -> None:
    first, last = place
    for groups in range(1, 34):
        rng = np.random.default_rng(groups)
        width = -(-groups // CHUNK) * CHUNK
        x, row, peak = rng.random(groups * per + 3 * CHUNK), rng.random(width), 2.0 * rng.random(width)
        x[groups * per :] = 1e9  # somebody else's
        now = x[: groups * per].reshape(groups, per).sum(axis=1)
        here = np.concatenate([now, np.zeros(width - groups)]) + (0.0 if first else row)
        most, kept = (np.maximum(peak, here), row.copy()) if last else (peak.copy(), here)
        counted_now(x, row, peak, groups, per, first, last)
        assert np.allclose(peak, most, rtol=1e-14, atol=0.0)
        assert np.allclose(row, kept, rtol=1e-14, atol=0.0)


def test_person_days_of_a_row_are_counted_with_all_on_the_route() -> None:
    for chunks in range(10):
        days, x, route = *rows(chunks, 2), np.random.default_rng(chunks).random(CHUNK)
        own = np.where(np.arange(WIDE) < chunks * CHUNK, x, 0.0)
        wanted = days + own, route + own.reshape(-1, CHUNK).sum(axis=0)
        counted_row(days, route, x, chunks)
        assert np.array_equal(days, wanted[0])
        assert np.allclose(route, wanted[1], rtol=1e-14, atol=0.0)


def nodes(seed: int) -> NDArray[np.int64]:
    """Random nodes of a few places, in the order in which they are solved."""
    rng = np.random.default_rng(seed)
    node = np.zeros((30, at.NODE), np.int64)
    node[:, at.PER] = rng.choice([1, 2, 3], len(node))
    node[:, at.LO] = rng.integers(0, 20, len(node)) * node[:, at.PER]
    node[:, at.COUNT] = rng.integers(1, 20, len(node)) * node[:, at.PER]
    node[:, at.PLACE], node[:, at.STAGE] = (
        rng.integers(0, 12, len(node)),
        np.sort(rng.integers(0, 4, len(node))),
    )
    for column in (at.SEG_1, at.CLOSES, at.ASK_1, at.SETTLES):
        node[:, column] = rng.integers(0, 2, len(node))
    return node


@pytest.mark.parametrize("number", range(20))
def test_places_have_rows_of_their_own(number: int) -> None:
    node = nodes(number)
    table, cells, kept = crowds_of(node)
    taken, ring = np.full((2, cells), -1), np.full(kept, -1)
    for i, s in zip(*np.nonzero(table[:, :, at.C_CHUNKS]), strict=True):
        row, who = table[i, s], int(node[i, at.PLACE]) * 4 + int(s)
        width = int(row[at.C_CHUNKS]) * CHUNK
        assert row[at.C_OWN] + -(-row[at.C_GROUPS] // CHUNK) * CHUNK <= width
        own = slice(int(row[at.C_ROW]), int(row[at.C_ROW]) + width)
        days = slice(int(row[at.C_RING]), int(row[at.C_RING]) + width * (int(row[at.C_MASK]) + 1))
        assert set(taken[0, own]) | set(ring[days]) <= {-1, who}
        taken[0, own] = ring[days] = who
        begins = int(node[i, at.LO] // node[i, at.PER] - row[at.C_OWN])  # a group has one place in the row
        assert set(taken[1, own]) <= {-1, begins}
        taken[1, own] = begins
        same = node[:, at.PLACE] == node[i, at.PLACE]
        counting = np.flatnonzero(same & (table[:, s, at.C_CHUNKS] > 0))
        assert row[at.C_FIRST] == (i == counting[0])
        assert row[at.C_LAST] == (i == counting[-1])
        stages = set(node[counting, at.STAGE].tolist())
        assert row[at.C_MASK] + 1 == (at.SPAN if len(stages) == 1 else at.KEPT)
    assert (taken[0] >= 0).all()
    assert (ring >= 0).all()


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
