"""The whole library is read, checked, compiled and run at one person in twenty, in one process.

Within three minutes on two free cores; the bound is on the processor's time, which other work on the machine
moves less than the clock. ``make library`` runs it alone and prints what each step took.
"""

from __future__ import annotations

import time

import pytest

from sim.engines.agents import load_kernels, run_agents
from sim.engines.tally import Tally
from sim.plan import compile_plan
from sim.spec import load_scenario
from sim.spec.library import library_names

pytestmark = pytest.mark.timeout(1200)

SCALE = 0.05
THREADS = 2
MOST_SECONDS = 180.0


def test_the_whole_library_validates_and_runs(capsys: pytest.CaptureFixture[str]) -> None:
    load_kernels()
    names = library_names()
    assert len(names) >= 30
    tallies: dict[str, Tally] = {}
    clock = {"read": 0.0, "compile": 0.0, "run": 0.0}
    for name in names:
        start = time.process_time()
        scenario = load_scenario(name)
        read = time.process_time()
        plan = compile_plan(scenario, scale=SCALE)
        ready = time.process_time()
        tallies[name] = run_agents(plan, seed=1, threads=THREADS)
        clock["read"] += read - start
        clock["compile"] += ready - read
        clock["run"] += (time.process_time() - ready) / THREADS
    with capsys.disabled():
        steps = ", ".join(f"{step} {seconds:.0f} s" for step, seconds in clock.items())
        print(f"\n{len(names)} scenarios of the library: {steps} on {THREADS} threads")  # noqa: T201
    people = tallies["history/baseline"].people
    assert people > 300_000
    for name, tally in tallies.items():
        first = tally.balance.cumsum(axis=0)[:, 0]
        assert (first == tally.balance[:, 1] + tally.balance[:, 2]).all(), f"{name}: people do not add up"
    assert sum(clock.values()) < MOST_SECONDS
