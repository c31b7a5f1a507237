"""What the machine itself allows: draws, and loads from memory at random; and the expected engine's calls."""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING

import numba as nb
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from sim.plan import Plan

__all__ = ["expected_engine", "machine_bounds"]


@nb.njit(cache=True)
def _draws(n: int) -> int:
    total = np.uint64(0)
    for i in range(n):
        x = np.uint64(i) * np.uint64(0x9E3779B97F4A7C15)
        x ^= x >> np.uint64(32)
        x *= np.uint64(0x0E9846AF9B1A615D)
        x ^= x >> np.uint64(32)
        x *= np.uint64(0x0E9846AF9B1A615D)
        x ^= x >> np.uint64(28)
        total ^= x
    return total


@nb.njit(cache=True)
def _chase(following: np.ndarray, steps: int) -> int:
    at = 0
    for _ in range(steps):
        at = following[at]
    return at


def _seconds(work: Callable[..., object], *arguments: object, **options: object) -> float:
    begin = time.perf_counter()
    work(*arguments, **options)
    return time.perf_counter() - begin


def machine_bounds(repeats: int) -> dict[str, float]:
    """Nanoseconds of a 64-bit draw, and of one load that waits for the one before, in 1 MB and in 256 MB."""
    out = {}
    _draws(10)
    n = 20_000_000
    out["ns_per_draw"] = min(_seconds(_draws, n) for _ in range(repeats)) / n * 1e9
    for megabytes in (1, 256):
        order = np.random.default_rng(1).permutation(megabytes * 1_000_000 // 8)
        following = np.empty_like(order)
        following[order] = np.roll(order, 1)
        _chase(following, 10)
        steps = 2_000_000
        out[f"ns_per_load_in_{megabytes}_mb"] = (
            min(_seconds(_chase, following, steps) for _ in range(repeats)) / steps * 1e9
        )
    return out


def _window(plan: Plan, threads: int) -> float:
    """Seconds that the days of the window take, once those of the run-up before it, which fill the route, have been run."""
    from sim.engines.expected.memory import new_memory
    from sim.engines.expected.model import model_of, tables_of
    from sim.engines.expected.stages import run_through, spans_of

    model = model_of(plan)
    made = model.whole.made
    memory = new_memory(plan, made, crowds=model.whole.crowds, spare=model.spare)
    tables = tables_of(model.whole, memory)
    run_through(tables, spans_of(made.net.day, 0, plan.report_from), threads=threads)
    window = spans_of(made.net.day, plan.report_from, plan.n_days)
    begin = time.perf_counter()
    run_through(tables, window, threads=threads)
    return time.perf_counter() - begin


def expected_engine(repeats: int, *, series: bool) -> dict[str, float]:
    """Milliseconds a call of the expected engine and of its compiled series, whole window, every group.

    Calls one after another, as a slider or a fit makes them: medians of five times `repeats`, and the best. Of the window alone,
    without the half year before it that fills the route, and with all tables and days on the route the same.
    """
    from sim.engines.expected import compile_series, run_expected
    from sim.plan import compile_plan
    from sim.spec import load_scenario

    plan = compile_plan(load_scenario("history/baseline"))
    run_expected(plan)
    out = {"days": plan.n_days, "days_of_the_window": plan.n_days - plan.report_from}
    for threads, name in ((1, ""), (2, "_2_threads")):
        calls = range(5 * repeats)
        engine = [run_expected(plan, threads=threads, durations=False).timing["engine_s"] for _ in calls]
        window = [_window(plan, threads) for _ in calls]
        whole = [_seconds(run_expected, plan, threads=threads) for _ in range(repeats)]
        for what, seconds in (("engine", engine), ("window", window), ("engine_and_tables", whole)):
            out[f"{what}{name}_ms"] = statistics.median(seconds) * 1e3
            out[f"{what}{name}_best_ms"] = min(seconds) * 1e3
    if series:
        begin = time.perf_counter()
        function = compile_series(plan)
        function(function.theta)
        out["series_compiled_once_s"] = time.perf_counter() - begin
        out["series_ms"] = min(_seconds(function, function.theta) for _ in range(20)) * 1e3
    return out
