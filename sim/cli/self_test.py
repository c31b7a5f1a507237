"""The doctor's self-test: a small world whose answer is known, run with every thread this machine has."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from sim.cli.health import Finding

__all__ = ["KNOWN", "findings"]

_STAY = {"kind": "geometric", "mean_days": 3}
_WORLD: dict[str, Any] = {
    "name": "self_test",
    "window": {"start": "2024-01-01", "end": "2024-06-30"},
    "world": {
        "places": [
            {"id": "a", "country": "COL", "role": "origin", "stay": _STAY},
            {"id": "b", "country": "PAN", "role": "transit", "stay": {"kind": "fixed", "days": 2}},
            {"id": "c", "country": "USA", "role": "destination"},
        ],
        "legs": [
            {"id": "a-b", "from": "a", "to": "b", "days": {"kind": "fixed", "days": 1}, "weight": 3},
            {"id": "a-c", "from": "a", "to": "c", "days": {"kind": "fixed", "days": 4}, "weight": 1},
            {"id": "b-c", "from": "b", "to": "c", "days": {"kind": "geometric", "mean_days": 2}},
        ],
    },
    "departures": [
        {"place": "a", "group": "VEN", "per_day": 1000, "start": "2024-01-01", "end": "2024-03-31"}
    ],
}
KNOWN = {"departed": 91_000, "through_b": 68_250, "arrived": 91_000}
"""People who depart; three of four go by b (within five standard errors); all arrive."""
_ERROR = 5.0 * (91_000 * 0.75 * 0.25) ** 0.5
_SECONDS = 2.0
_LEAST_RUNS, _MOST_RUNS = 2, 100
_SLOW = 1e-6


def _answer() -> tuple[dict[str, int], str, float, float]:
    """What the engine says: people, balance, seconds for a million events, seconds to load the kernels."""
    from sim.engines.agents import load_kernels, run_agents
    from sim.plan import compile_plan
    from sim.spec import load_scenario

    begin = time.perf_counter()
    load_kernels()
    loaded = time.perf_counter() - begin
    plan = compile_plan(load_scenario(_WORLD))
    begin, events, runs = time.perf_counter(), 0, 0
    while runs < _LEAST_RUNS or (time.perf_counter() - begin < _SECONDS / 4 and runs < _MOST_RUNS):
        tally = run_agents(plan, seed=1, replicate=0, threads=1 + runs % 2)
        events, runs = events + tally.events, runs + 1
    seconds = time.perf_counter() - begin
    legs = {leg.id: number for number, leg in enumerate(plan.legs)}
    found = {
        "departed": int(tally.balance[:, 0].sum()),
        "through_b": int(tally.flows[:, legs["a-b"]].sum()),
        "arrived": int(tally.ended[1].sum()),
    }
    lost = int(abs(tally.balance[:, 0].cumsum() - tally.balance[:, 1] - tally.balance[:, 2]).max())
    return found, "" if lost == 0 else f"{lost} people lost", seconds / events, loaded


def findings() -> Iterator[Finding]:
    """Whether the engine gives the known answer here, and how fast it is.

    Yields
    ------
    Finding
    """
    found, fault, each, loaded = _answer()
    wrong = [
        f"{name} {found[name]:,}, expected {KNOWN[name]:,}"
        for name, room in (("departed", 0.0), ("through_b", _ERROR), ("arrived", 0.0))
        if abs(found[name] - KNOWN[name]) > room
    ]
    if fault or wrong:
        advice = "Results cannot be trusted here: run 'make clean install', and report this if it stays."
        yield Finding("Self-test", "fault", "; ".join(filter(None, [fault, *wrong])), advice)
        return
    told = (
        f"{found['departed']:,} people, three of four by the road, all arrived, none lost; "
        f"{each * 1e9:.0f} ns an event; kernels ready in {loaded:.1f} s"
    )
    if each > _SLOW:
        yield Finding(
            "Self-test", "warning", told, "Correct but slow: other programs are busy on this machine."
        )
    else:
        yield Finding("Self-test", "ok", told)
