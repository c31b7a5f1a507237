"""What the machine itself allows: draws, and loads from memory at random; and the expected engine's calls."""

from __future__ import annotations

import time
from collections.abc import Callable

import numba as nb
import numpy as np

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


def _seconds(work: Callable[..., object], *arguments: object) -> float:
    begin = time.perf_counter()
    work(*arguments)
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


def expected_engine(repeats: int, *, series: bool) -> dict[str, float]:
    """Milliseconds a call of the expected engine and of its compiled series, whole window, every group."""
    from sim.engines.expected import compile_series, run_expected
    from sim.plan import compile_plan
    from sim.spec import load_scenario

    plan = compile_plan(load_scenario("history/baseline"))
    run_expected(plan)
    out = {}
    for threads, name in ((1, ""), (2, "_2_threads")):
        engine, whole = [], []
        for _ in range(repeats):
            begin = time.perf_counter()
            tally = run_expected(plan, threads=threads)
            whole.append(time.perf_counter() - begin)
            engine.append(float(tally.timing["engine_s"]))
        out |= {f"engine{name}_ms": min(engine) * 1e3, f"engine_and_tables{name}_ms": min(whole) * 1e3}
    if series:
        begin = time.perf_counter()
        function = compile_series(plan)
        function(function.theta)
        out["series_compiled_once_s"] = time.perf_counter() - begin
        out["series_ms"] = min(_seconds(function, function.theta) for _ in range(20)) * 1e3
    return out
