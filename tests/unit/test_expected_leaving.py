"""Who leaves a place of the expected engine over the days of a span: all eight at once beside one day after another."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from sim.engines.kernels import expected_leaving, expected_rows
from sim.engines.kernels.build import called
from sim.engines.kernels.expected_layout import SPAN
from sim.engines.kernels.expected_rows import CHUNK

leaving: Any = expected_leaving
to: Any = expected_rows.pointer
shift: Any = expected_rows.shift
Row = NDArray[np.float64]
RING = 16
"""Days of a ring."""
days_of_a_span = pytest.mark.parametrize("days", range(1, SPAN + 1))


@called()
def trimmed(x: Any, first: Any, step: Any) -> None:
    leaving.trim_span(shift(to(x), first), step)


@called()
def waited(
    closed: Any, waiting: Any, out: Any, step: Any, rows: Any, begin: Any, days: Any, chunks: Any
) -> None:
    leaving.wait_span(to(closed), to(waiting), to(out), step, to(rows), to(begin), days, chunks)


@called()
def remained(
    settled: Any, there: Any, gone: Any, out: Any, step: Any, rows: Any, begin: Any, counts: Any, chunks: Any
) -> None:
    leaving.remain_span(
        to(settled), to(there), to(gone), to(out), step, to(rows), to(begin), to(counts), chunks
    )


@called()
def turned(
    ring: Any,
    width: Any,
    mask: Any,
    day: Any,
    rows: Any,
    begin: Any,
    out: Any,
    step: Any,
    groups: Any,
    per: Any,
) -> None:
    if per == 1:
        leaving.turn_ones(to(ring), width, mask, day, to(rows), to(begin), to(out), step, groups)
    elif per == 2:
        leaving.turn_twos(to(ring), width, mask, day, to(rows), to(begin), to(out), step, groups)
    else:
        leaving.turn_threes(to(ring), width, mask, day, to(rows), to(begin), to(out), step, groups)


@called()
def joined(out: Any, first: Any, step: Any, ring: Any, width: Any, mask: Any, day: Any, chunks: Any) -> None:
    leaving.join_span(shift(to(out), first), step, to(ring), width, mask, day, chunks)


def same(found: Row, wanted: Row) -> None:
    assert np.allclose(found, wanted, rtol=1e-13, atol=0.0)


def test_nobody_is_left_behind_the_last_class() -> None:
    for count in range(1, 3 * CHUNK):
        x = np.random.default_rng(count).random((SPAN, 5 * CHUNK))
        wanted = x.copy()
        wanted[:, count : count + CHUNK] = 0.0
        trimmed(x, count, 5 * CHUNK)
        assert np.array_equal(x, wanted)


@days_of_a_span
def test_who_leaves_waits_where_every_way_is_closed(days: int) -> None:
    for chunks in range(1, 10):
        rng = np.random.default_rng([days, chunks])
        width, step = chunks * CHUNK, chunks * CHUNK + CHUNK
        closed, waiting, out = rng.random(step), rng.random((SPAN, step)), rng.random((SPAN, step))
        shares, begin = rng.random(20 * width), rng.integers(0, 19 * width, SPAN)
        one, two, three = closed.copy(), waiting.copy(), out.copy()
        for d in range(days):
            opened = shares[begin[d] : begin[d] + width]
            one[:width] += out[d, :width]
            three[d, :width] = opened * one[:width]
            one[:width] -= three[d, :width]
            two[d, :width] = one[:width]
        waited(closed, waiting, out, step, shares, begin, days, chunks)
        same(closed, one)
        for found, wanted in ((waiting, two), (out, three)):
            same(found[:days], wanted[:days])
            same(found[:, width:], wanted[:, width:])


@days_of_a_span
def test_who_leaves_may_settle(days: int) -> None:
    for chunks in range(1, 10):
        rng = np.random.default_rng([days, chunks])
        width, step = chunks * CHUNK, chunks * CHUNK + CHUNK
        settled, there, gone, out = (
            rng.random(step),
            rng.random((SPAN, step)),
            rng.random((SPAN, CHUNK)),
            rng.random((SPAN, step)),
        )
        shares, begin = rng.random(20 * width), rng.integers(0, 19 * width, SPAN)
        one, two, three, before = settled.copy(), there.copy(), gone.copy(), out.copy()
        for d in range(days):
            part = shares[begin[d] : begin[d] + width] * out[d, :width]
            one[:width] += part
            two[d, :width] = one[:width]
            three[d] += part.reshape(-1, CHUNK).sum(axis=0)
        counts = np.where(np.arange(SPAN) < days, 1.0, 0.0)
        remained(settled, there, gone, out, step, shares, begin, counts, chunks)
        same(settled, one)
        same(gone, three)
        same(there[:days], two[:days])
        same(there[:, width:], two[:, width:])
        assert np.array_equal(out, before)


@pytest.mark.parametrize("per", [1, 2, 3])
def test_who_turns_back_is_kept_by_group_and_day(per: int) -> None:
    for groups in range(1, 20):
        rng = np.random.default_rng([per, groups])
        width, wide = -(-groups // CHUNK) * CHUNK, groups * per + 2 * CHUNK
        day, ring = int(rng.integers(100, 200)), rng.random((RING, width))
        out, shares, begin = rng.random((SPAN, wide)), rng.random(20 * wide), rng.integers(0, 19 * wide, SPAN)
        wanted = ring.copy()
        for d in range(SPAN):
            row = shares[begin[d] : begin[d] + groups * per] * out[d, : groups * per]
            own = wanted[(day + d) % RING]
            own[:groups], own[groups:] = row.reshape(groups, per).sum(axis=1), 0.0
        turned(ring, width, RING - 1, day, shares, begin, out, wide, groups, per)
        same(ring, wanted)


def test_those_who_turned_back_join_those_who_leave() -> None:
    for chunks in range(1, 6):
        rng = np.random.default_rng(chunks)
        width, step, first = chunks * CHUNK, chunks * CHUNK + 2 * CHUNK, int(rng.integers(0, CHUNK))
        out, ring, day = rng.random((SPAN, step)), rng.random((RING, width)), int(rng.integers(100, 200))
        wanted = out.copy()
        for d in range(SPAN):
            wanted[d, first : first + width] += ring[(day + d) % RING]
        joined(out, first, step, ring, width, RING - 1, day, chunks)
        same(out, wanted)
