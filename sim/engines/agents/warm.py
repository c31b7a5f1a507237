"""Load or compile the kernels on a world of two places, so that the wait can be shown and measured by itself."""

from __future__ import annotations

from sim.engines.agents.engine import AgentsRun
from sim.plan import compile_plan
from sim.spec import load_scenario

__all__ = ["load_kernels"]

_SMALL = {
    "name": "warm_up",
    "window": {"start": "2024-01-01", "end": "2024-01-03"},
    "world": {
        "places": [
            {"id": "a", "country": "COL", "role": "origin", "stay": {"kind": "fixed", "days": 1}},
            {"id": "b", "country": "PAN", "role": "destination"},
        ],
        "legs": [
            {"id": "a-b", "from": "a", "to": "b", "days": {"kind": "fixed", "days": 1}, "capacity_per_day": 1}
        ],
    },
    "departures": [{"place": "a", "group": "VEN", "per_day": 1, "start": "2024-01-01", "end": "2024-01-01"}],
}


def load_kernels() -> None:
    """Load every kernel of the agents engine from the cache, or compile it (seconds, once for each version)."""
    run = AgentsRun(compile_plan(load_scenario(_SMALL)))
    run.advance(3)
    run.tally()
