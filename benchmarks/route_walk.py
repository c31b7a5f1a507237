"""The common route walk: 24 places, 72 legs, people leave by chance and choose by weight, two places absorb.

Every engine walks the same graph: travesia's full agents engine, an event sketch with paged day buckets (the yardstick), numpy
(everyone every day), and Mesa (one agent a person, each asked every day, people counted by Mesa's own collector). The peers
leave people by place and day and moves by leg and day; travesia leaves them by sex and age as well, by month as users run
it, or by day.
"""

from __future__ import annotations

import time
from collections import Counter
from typing import Any, NamedTuple

import numba as nb
import numpy as np

from sim.engines.agents import load_kernels, run_agents
from sim.plan import compile_plan
from sim.spec import load_scenario

__all__ = ["Graph", "Walked", "mesa_walk", "numpy_walk", "sketch_walk", "travesia_walk"]

DAYS, PLACES, ENTRY_DAYS = 365, 24, 30


class Walked(NamedTuple):
    """What a walk took and what it counted.

    Parameters
    ----------
    seconds : float
    moves : int
    stock : ndarray, optional
        Persons by day and place at the end of the day.
    flow : ndarray, optional
        Moves by day, place left, and number of the leg at that place.
    """

    seconds: float
    moves: int
    stock: np.ndarray | None = None
    flow: np.ndarray | None = None


class Graph:
    """The walk's graph, drawn once from a fixed seed."""

    def __init__(self, seed: int = 1) -> None:
        rng = np.random.default_rng(seed)
        degree = [2 + i % 3 for i in range(PLACES - 2)]
        degree[0] += 72 - sum(degree)
        self.leave = rng.uniform(0.06, 0.43, PLACES)
        self.targets = [
            rng.choice([q for q in range(PLACES) if q != p], d, replace=False) for p, d in enumerate(degree)
        ]
        self.shares = [rng.uniform(0.2, 1.2, d) for d in degree]
        self.shares = [s / s.sum() for s in self.shares]

    def scenario(self, people: int) -> dict[str, Any]:
        """The walk as an inline scenario."""
        places = [
            {"id": f"p{i:02d}", "country": "COL", "role": "transit",
             "stay": {"kind": "geometric", "mean_days": 1.0 / float(self.leave[i])}}
            for i in range(PLACES - 2)
        ]  # fmt: skip
        places += [
            {"id": f"p{i:02d}", "country": "USA", "role": "destination"} for i in (PLACES - 2, PLACES - 1)
        ]
        legs = [
            {"id": f"p{p:02d}-p{q:02d}", "from": f"p{p:02d}", "to": f"p{q:02d}", "weight": float(w),
             "days": {"kind": "fixed", "days": 0}}
            for p, (targets, shares) in enumerate(zip(self.targets, self.shares, strict=True))
            for q, w in zip(targets, shares, strict=True)
        ]  # fmt: skip
        return {
            "name": "route_walk",
            "window": {"start": "2023-01-01", "end": "2023-12-31"},
            "world": {"places": places, "legs": legs},
            "departures": [
                {
                    "place": "p00",
                    "group": "VEN",
                    "per_day": people / ENTRY_DAYS,
                    "start": "2023-01-01",
                    "end": "2023-01-30",
                }
            ],
        }

    def tables(self) -> tuple[np.ndarray, ...]:
        """Thresholds and targets for the yardsticks."""
        width = max(len(t) for t in self.targets)
        to = np.zeros((PLACES, width), np.int32)
        cut = np.full((PLACES, width), 2**32 - 1, np.uint32)
        for p, (targets, shares) in enumerate(zip(self.targets, self.shares, strict=True)):
            to[p, : len(targets)] = targets
            cut[p, : len(targets)] = np.minimum(np.cumsum(shares) * 2**32, 2**32 - 1)
        return to, cut, self.leave


def travesia_walk(graph: Graph, people: int, threads: int = 1, *, daily: bool = False) -> Walked:
    """Walk with the full agents engine; counts by day are handed back, without sex and age, where they were kept."""
    load_kernels()
    tally = run_agents(compile_plan(load_scenario(graph.scenario(people)), daily=daily), threads=threads)
    walked = Walked(tally.timing["engine_s"], int(tally.flows.sum()))
    if not daily:
        return walked
    return walked._replace(stock=tally.person_days.sum(axis=(1, 3)), flow=tally.flows.sum(axis=2))


@nb.njit(cache=True)
def _mix(x: np.uint64) -> np.uint64:
    x ^= x >> np.uint64(32)
    x *= np.uint64(0x0E9846AF9B1A615D)
    x ^= x >> np.uint64(32)
    x *= np.uint64(0x0E9846AF9B1A615D)
    x ^= x >> np.uint64(28)
    return x


@nb.njit(cache=True, nogil=True)
def _sketch(
    people: int, days: int, to: np.ndarray, cut: np.ndarray, rate: np.ndarray
) -> tuple[int, np.ndarray, np.ndarray]:
    """The yardstick: an event calendar in paged day buckets, place and leg counts, nothing else."""
    page_size = 128
    pages = people // page_size + 3 * days + 8
    store = np.empty((pages, page_size), np.uint64)
    following = np.full(pages, -1, np.int32)
    head, tail = np.full(days + 1, -1, np.int32), np.full(days + 1, -1, np.int32)
    fill = np.full(days + 1, page_size, np.int32)
    free, top, fresh = np.empty(pages, np.int32), 0, 0
    stock = np.zeros((days, to.shape[0]), np.int32)
    flow = np.zeros((days, to.shape[0], to.shape[1]), np.int32)
    n_absorb = to.shape[0] - 2
    moves = 0
    here = np.zeros(to.shape[0], np.int32)
    for day in range(days):
        if day < 30:
            for person in range(day, people, 30):
                h = _mix(np.uint64(person) * np.uint64(0x9E3779B97F4A7C15))
                u = (np.float64(h >> np.uint64(11)) + 0.5) / 9007199254740992.0
                when = min(day + 1 + np.int64(np.log(u) * rate[0]), days)
                here[0] += 1
                n = fill[when]
                page = tail[when]
                if n == page_size:
                    new = fresh
                    if top > 0:
                        top -= 1
                        new = free[top]
                    else:
                        fresh += 1
                    following[new] = -1
                    if page < 0:
                        head[when] = new
                    else:
                        following[page] = new
                    tail[when] = new
                    page = new
                    n = 0
                store[page, n] = np.uint64(person) << np.uint64(32)
                fill[when] = n + 1
        page = head[day]
        while page >= 0:
            size = fill[day] if page == tail[day] else page_size
            for i in range(size):
                word = store[page, i]
                place = np.int64(word & np.uint64(0xFF))
                hops = (word >> np.uint64(8)) & np.uint64(0xFFFF)
                h = _mix(word * np.uint64(0x9E3779B97F4A7C15) + hops)
                u = np.uint32(h >> np.uint64(32))
                j = 0
                while u >= cut[place, j] and j < cut.shape[1] - 1:
                    j += 1
                q = to[place, j]
                flow[day, place, j] += 1
                here[place] -= 1
                here[q] += 1
                moves += 1
                if q >= n_absorb:
                    continue
                v = (np.float64(_mix(h) >> np.uint64(11)) + 0.5) / 9007199254740992.0
                when = min(day + 1 + np.int64(np.log(v) * rate[q]), days)
                n = fill[when]
                last = tail[when]
                if n == page_size:
                    new = fresh
                    if top > 0:
                        top -= 1
                        new = free[top]
                    else:
                        fresh += 1
                    following[new] = -1
                    if last < 0:
                        head[when] = new
                    else:
                        following[last] = new
                    tail[when] = new
                    last = new
                    n = 0
                person_bits = word & np.uint64(0xFFFFFFFF00000000)
                store[last, n] = person_bits | ((hops + np.uint64(1)) << np.uint64(8)) | np.uint64(q)
                fill[when] = n + 1
            free[top] = page
            top += 1
            page = following[page]
        stock[day] = here
    return moves, stock, flow


def sketch_walk(graph: Graph, people: int) -> Walked:
    """Walk with the yardstick (compiled before the clock starts)."""
    to, cut, leave = graph.tables()
    rate = 1.0 / np.log1p(-leave)
    _sketch(1000, DAYS, to, cut, rate)
    begin = time.perf_counter()
    moves, stock, flow = _sketch(people, DAYS, to, cut, rate)
    return Walked(time.perf_counter() - begin, int(moves), stock, flow)


def numpy_walk(graph: Graph, people: int) -> Walked:
    """Walk with numpy: everyone, every day."""
    to, cut, leave = graph.tables()
    rng = np.random.default_rng(1)
    cumulated = cut / 2.0**32
    width = to.shape[1]
    place = np.full(people, -1, np.int16)
    entry = np.arange(people) % ENTRY_DAYS
    stock, flow = np.zeros((DAYS, PLACES), np.int64), np.zeros((DAYS, PLACES, width), np.int64)
    begin = time.perf_counter()
    for day in range(DAYS):
        on_route = np.flatnonzero((place >= 0) & (place < PLACES - 2))
        going = on_route[rng.random(len(on_route)) < leave[place[on_route]]]
        here = place[going]
        pick = np.minimum((rng.random(len(going))[:, None] >= cumulated[here]).sum(axis=1), width - 1)
        place[going] = to[here, pick]
        flow[day] = np.bincount(here * width + pick, minlength=PLACES * width).reshape(PLACES, width)
        if day < ENTRY_DAYS:
            place[entry == day] = 0
        stock[day] = np.bincount(place[place >= 0], minlength=PLACES)
    return Walked(time.perf_counter() - begin, int(flow.sum()), stock, flow)


def mesa_walk(graph: Graph, people: int) -> Walked:
    """Walk with Mesa as its tutorials do: one agent a person, `do` every day, and a `DataCollector`."""
    import mesa

    to, cut, leave = graph.tables()
    cumulated = (cut / 2.0**32).tolist()
    targets, rates = to.tolist(), leave.tolist()
    width = to.shape[1]

    class Walker(mesa.Agent):  # type: ignore[misc]
        place = 0

        def step(self) -> None:
            model = self.model
            if self.place >= PLACES - 2 or model.random.random() >= rates[self.place]:
                return
            u, j = model.random.random(), 0
            while u >= cumulated[self.place][j] and j < width - 1:
                j += 1
            model.flow[self.place][j] += 1
            self.place = targets[self.place][j]

    class Walk(mesa.Model):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__(rng=1)
            self.flow = [[0] * width for _ in range(PLACES)]
            self.datacollector = mesa.DataCollector(
                {
                    "stock": lambda model: Counter(agent.place for agent in model.agents),
                    "flow": lambda model: [row.copy() for row in model.flow],
                }
            )

    model = Walk()
    begin = time.perf_counter()
    for day in range(DAYS):
        model.flow = [[0] * width for _ in range(PLACES)]
        model.agents.do("step")
        if day < ENTRY_DAYS:
            Walker.create_agents(model, len(range(day, people, ENTRY_DAYS)))
        model.datacollector.collect(model)
    seconds = time.perf_counter() - begin
    kept = model.datacollector.model_vars
    stock = np.array([[counted[place] for place in range(PLACES)] for counted in kept["stock"]])
    flow = np.array(kept["flow"])
    return Walked(seconds, int(flow.sum()), stock, flow)
