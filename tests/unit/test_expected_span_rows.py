"""Rows of the expected engine over the days of a span: all eight at once beside one day after another."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from sim.engines.kernels import expected_rows, expected_span_rows
from sim.engines.kernels.build import called
from sim.engines.kernels.expected_layout import SPAN
from sim.engines.kernels.expected_rows import CHUNK

span: Any = expected_span_rows
to: Any = expected_rows.pointer
Row = NDArray[np.float64]
RING = 32
"""Days of a ring."""
days_of_a_span = pytest.mark.parametrize("days", range(1, SPAN + 1))


@called()
def arrive(
    here: Any, change: Any, step: Any, flow: Any, z: Any, keep_z: Any, ring: Any, width: Any, begun: Any, day: Any,
    counts: Any, p: Any, fours: Any, alive: Any, chunks: Any,
) -> None:  # fmt: skip
    span.arrive_span(
        to(here), to(change), step, to(flow), to(z), keep_z, to(ring), width, RING - 1, begun, day, to(counts), to(p),
        fours, alive, chunks,
    )  # fmt: skip


@called()
def convolve(y: Any, step: Any, x: Any, width: Any, day: Any, p: Any, fours: Any, chunks: Any) -> None:
    span.convolve_span(to(y), step, to(x), width, RING - 1, day, to(p), fours, chunks)


@called()
def spread(
    y: Any, step: Any, x: Any, width: Any, day: Any, p: Any, length: Any, most: Any, chunks: Any
) -> None:
    span.spread_span(to(y), step, to(x), width, RING - 1, day, to(p), length, most, chunks)


@called()
def decay(
    y: Any, step: Any, state: Any, width: Any, x: Any, day: Any, days: Any, expo: Any, count: Any, chunks: Any
) -> None:
    span.decay_span(to(y), step, to(state), width, to(x), RING - 1, day, days, to(expo), count, chunks)


@called()
def begin_decay(
    state: Any, width: Any, x: Any, day: Any, days: Any, expo: Any, count: Any, chunks: Any
) -> None:
    span.begin_decay(to(state), width, to(x), RING - 1, day, days, to(expo), count, chunks)


@called()
def scale_days(x: Any, width: Any, day: Any, p: Any, days: Any, chunks: Any) -> None:
    span.scale_days(to(x), width, RING - 1, day, to(p), days, chunks)


@called()
def send(ring: Any, width: Any, day: Any, rows: Any, begin: Any, out: Any, step: Any, chunks: Any) -> None:
    span.send_span(to(ring), width, RING - 1, day, to(rows), to(begin), to(out), step, chunks)


@called()
def start(ring: Any, width: Any, day: Any, here: Any, step: Any, chunks: Any) -> None:
    span.start_stays(to(ring), width, RING - 1, day, to(here), step, chunks)


@called()
def nobody(ring: Any, width: Any, day: Any, chunks: Any) -> None:
    span.no_stays(to(ring), width, RING - 1, day, chunks)


@called()
def count(counted: Any, route: Any, x: Any, step: Any, counts: Any, chunks: Any) -> None:
    span.count_span(to(counted), to(route), to(x), step, to(counts), chunks)


@called()
def die(dead: Any, gone: Any, z: Any, step: Any, chance: Any, counts: Any, chunks: Any) -> None:
    span.die_span(to(dead), to(gone), to(z), step, chance, to(counts), chunks)


@called()
def end(ended: Any, gone: Any, here: Any, step: Any, home: Any, some: Any, counts: Any, chunks: Any) -> None:
    span.end_span(to(ended), to(gone), to(here), step, to(home), some, to(counts), chunks)


@called()
def keep(
    stock: Any, counted: Any, route: Any, change: Any, step: Any, days: Any, counts: Any, chunks: Any
) -> None:
    span.keep_span(to(stock), to(counted), to(route), to(change), step, days, to(counts), chunks)


@called()
def settle(
    stock: Any, counted: Any, route: Any, here: Any, out: Any, step: Any, days: Any, counts: Any, chunks: Any
) -> None:
    span.settle_span(to(stock), to(counted), to(route), to(here), to(out), step, days, to(counts), chunks)


class World:
    """Random numbers for one number of days and of chunks.

    Rows of days are [8, width + 8]: behind each lies a chunk that is somebody else's. Rings are [32, width].
    """

    def __init__(self, days: int, chunks: int) -> None:
        self.rng = np.random.default_rng([days, chunks])
        self.days, self.chunks, self.width = days, chunks, chunks * CHUNK
        self.step = self.width + CHUNK
        self.day = int(self.rng.integers(100, 200))
        self.counts = np.where(np.arange(SPAN) < days, 1.0, 0.0)

    def row(self) -> Row:
        return self.rng.random(self.width + CHUNK)

    def rows(self) -> Row:
        return self.rng.random((SPAN, self.step))

    def ring(self) -> Row:
        return self.rng.random((RING, self.width))

    def gone(self) -> Row:
        return self.rng.random((SPAN, CHUNK))

    def taps(self) -> tuple[Row, int, int]:
        """Chances of 1 to 13 days, with noughts up to a multiple of four; how many, and how many fours."""
        n = int(self.rng.integers(1, 14))
        fours = -(-n // span.FOUR)
        p = np.zeros(fours * span.FOUR)
        p[:n] = self.rng.random(n)
        return p, n, fours

    def slots(self) -> list[int]:
        """Where the days of the span lie in a ring."""
        return [(self.day + d) % RING for d in range(self.days)]

    def others(self) -> list[int]:
        """Where days that have nothing to do with a span of eight lie."""
        return [(self.day + d) % RING for d in range(SPAN, RING)]


def worlds(days: int) -> list[World]:
    return [World(days, chunks) for chunks in range(1, 10)]


def by_chunk(row: Row) -> Row:
    """Chunks of a row added to one."""
    return row.reshape(-1, CHUNK).sum(axis=0)


def convolved(w: World, ring: Row, begun: int, p: Row) -> Row:
    out = np.zeros((SPAN, w.width))
    for d in range(SPAN):
        for k, chance in enumerate(p):
            out[d] += chance * ring[(begun + d - k) % RING]
    return out


def same(found: Row, wanted: Row) -> None:
    assert np.allclose(found, wanted, rtol=1e-13, atol=1e-13)


@days_of_a_span
def test_who_comes_over_an_edge(days: int) -> None:
    for w in worlds(days):
        here, change, z, flow, ring = w.rows(), w.rows(), w.rows(), w.row(), w.ring()
        p, _, fours = w.taps()
        begun, alive, keep_z = w.day - int(w.rng.integers(0, 5)), 0.75, w.chunks % 2
        came = convolved(w, ring, begun, p)
        one, two, three, four = here.copy(), change.copy(), z.copy(), flow.copy()
        for d in range(days):
            one[d, : w.width] += alive * came[d]
            two[d, : w.width] += ring[(w.day + d) % RING] - came[d]
            four[: w.width] += alive * came[d]
            if keep_z:
                three[d, : w.width] = came[d]
        arrive(
            here,
            change,
            w.step,
            flow,
            z,
            keep_z,
            ring,
            w.width,
            begun,
            w.day,
            w.counts,
            p,
            fours,
            alive,
            w.chunks,
        )
        for found, wanted in ((here, one), (change, two), (z, three)):
            same(found[:days], wanted[:days])
            same(found[:, w.width :], wanted[:, w.width :])
        same(flow, four)


@days_of_a_span
def test_who_leaves_by_the_days_of_a_stay(days: int) -> None:
    for w in worlds(days):
        y, x = w.rows(), w.ring()
        p, _, fours = w.taps()
        wanted = y.copy()
        wanted[:, : w.width] = convolved(w, x, w.day, p)
        convolve(y, w.step, x, w.width, w.day, p, fours, w.chunks)
        same(y[:days], wanted[:days])
        same(y[:, w.width :], wanted[:, w.width :])


@days_of_a_span
def test_who_leaves_where_chances_hang_on_the_day(days: int) -> None:
    for w in worlds(days):
        y, x = w.rows(), w.ring()
        most = w.taps()[1]
        p = np.zeros((SPAN, most + SPAN - 1))
        p[:, :most] = w.rng.random((SPAN, most))
        wanted = y.copy()
        for d in range(days):
            wanted[d, : w.width] = convolved(w, x, w.day, p[d])[d]
        spread(y, w.step, x, w.width, w.day, p, p.shape[1], most, w.chunks)
        same(y[:days], wanted[:days])
        same(y[:, w.width :], wanted[:, w.width :])


@days_of_a_span
def test_exponentials_of_a_stay_go_on(days: int) -> None:
    for w in worlds(days):
        count = w.chunks % 4
        y, x, state, expo = (
            w.rows(),
            w.ring(),
            w.rng.random((count + 1, w.width)),
            w.rng.random((count + 1, 2)),
        )
        wanted, after = y.copy(), state.copy()
        for d, slot in enumerate(w.slots()):
            for j in range(count):
                after[j] = expo[j, 0] * after[j] + x[slot]
                wanted[d, : w.width] += expo[j, 1] * after[j]
        decay(y, w.step, state, w.width, x, w.day, days, expo, count, w.chunks)
        same(y[:days], wanted[:days])
        same(y[:, w.width :], wanted[:, w.width :])
        same(state, after)


@pytest.mark.parametrize("count", [1, 2, 7, 8, 9, 14, 17])
def test_exponentials_begin_with_those_who_began_a_stay(count: int) -> None:
    for w in worlds(count):
        days = int(w.rng.integers(0, RING))
        x, state, expo = w.ring(), w.rng.random((count + 1, w.width)), w.rng.random((count + 1, 2))
        wanted = state.copy()
        for j in range(count):
            wanted[j] = sum((expo[j, 0] ** k * x[(w.day - k) % RING] for k in range(days)), np.zeros(w.width))
        begin_decay(state, w.width, x, w.day, days, expo, count, w.chunks)
        same(state, wanted)


@pytest.mark.parametrize("days", [0, 1, 5, RING])
def test_days_of_a_ring_are_scaled(days: int) -> None:
    for w in worlds(days):
        x, p = w.ring(), w.rng.random(days + 1)
        wanted = x.copy()
        for k in range(days):
            wanted[(w.day - k) % RING] *= p[k]
        scale_days(x, w.width, w.day, p, days, w.chunks)
        same(x, wanted)


@days_of_a_span
def test_who_sets_out(days: int) -> None:
    for w in worlds(days):
        ring, shares, out = w.ring(), w.rng.random(20 * w.width), w.rows()
        begin = w.rng.integers(0, 19 * w.width, SPAN)
        wanted = ring.copy()
        for d, slot in enumerate(w.slots()):
            wanted[slot] = shares[begin[d] : begin[d] + w.width] * out[d, : w.width]
        send(ring, w.width, w.day, shares, begin, out, w.step, w.chunks)
        known = w.slots() + w.others()
        same(ring[known], wanted[known])


@days_of_a_span
def test_who_begins_a_stay_or_nobody(days: int) -> None:
    for w in worlds(days):
        some, none, here = w.ring(), w.ring(), w.rows()
        one, two = some.copy(), none.copy()
        one[w.slots()], two[w.slots()] = here[:days, : w.width], 0.0
        start(some, w.width, w.day, here, w.step, w.chunks)
        nobody(none, w.width, w.day, w.chunks)
        known = w.slots() + w.others()
        same(some[known], one[known])
        same(none[known], two[known])


@days_of_a_span
def test_evenings_are_counted(days: int) -> None:
    for w in worlds(days):
        counted, route, x = w.row(), w.gone(), w.rows()
        one, two = counted.copy(), route.copy()
        for d in range(days):
            one[: w.width] += x[d, : w.width]
            two[d] += by_chunk(x[d, : w.width])
        count(counted, route, x, w.step, w.counts, w.chunks)
        same(counted, one)
        same(route, two)


@days_of_a_span
def test_who_dies_on_the_way(days: int) -> None:
    for w in worlds(days):
        dead, gone, z, chance = w.row(), w.gone(), w.rows(), 0.125
        one, two = dead.copy(), gone.copy()
        for d in range(days):
            one[: w.width] += chance * z[d, : w.width]
            two[d] += chance * by_chunk(z[d, : w.width])
        die(dead, gone, z, w.step, chance, w.counts, w.chunks)
        same(dead, one)
        same(gone, two)


@pytest.mark.parametrize("some", [0, 1])
@days_of_a_span
def test_journeys_end_on_arrival(days: int, some: int) -> None:
    for w in worlds(days):
        ended, gone, here, home = w.row(), w.gone(), w.rows(), w.row()
        one, two, three = ended.copy(), gone.copy(), here.copy()
        for d in range(days):
            part = here[d, : w.width] * (home[: w.width] if some else 1.0)
            one[: w.width] += part
            two[d] += by_chunk(part)
            three[d, : w.width] -= part
        end(ended, gone, here, w.step, home, some, w.counts, w.chunks)
        same(ended, one)
        same(gone, two)
        same(here[:days], three[:days])
        same(here[:, w.width :], three[:, w.width :])


@pytest.mark.parametrize("leaving", [False, True])
@days_of_a_span
def test_a_stock_goes_on_day_by_day(days: int, leaving: bool) -> None:
    for w in worlds(days):
        stock, counted, route, come, go = w.row(), w.row(), w.gone(), w.rows(), w.rows()
        one, two, three, four = stock.copy(), counted.copy(), route.copy(), come.copy()
        for d in range(days):
            one[: w.width] += come[d, : w.width] - (go[d, : w.width] if leaving else 0.0)
            two[: w.width] += one[: w.width]
            three[d] += by_chunk(one[: w.width])
            four[d, : w.width] = one[: w.width]
        if leaving:
            settle(stock, counted, route, come, go, w.step, days, w.counts, w.chunks)
        else:
            keep(stock, counted, route, come, w.step, days, w.counts, w.chunks)
        same(stock, one)
        same(counted, two)
        same(route[:days], three[:days])
        same(come[:days], four[:days])
        same(come[:, w.width :], four[:, w.width :])
