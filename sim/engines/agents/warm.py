"""Load or compile the kernels on a world of two places, so that the wait can be shown and measured by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.engines.agents.engine import AgentsRun
from sim.engines.kernels.build import CODE, OPTIMISE, watched
from sim.plan import compile_plan
from sim.spec import load_scenario

if TYPE_CHECKING:
    from collections.abc import Callable

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


_FUNCTIONS = 62
"""Functions that the compiler reads, about: one more or less moves the bar by a hair."""
_READ, _OPTIMISED = 0.85, 0.93
"""Share of the time when all are read, and when they are optimised."""


def load_kernels(progress: Callable[[float], None] | None = None) -> None:
    """Load every kernel of the agents engine from the cache, or compile it (seconds, once for each version).

    Parameters
    ----------
    progress : callable, optional
        Called with the share of the time that is over, 0 to 1, while kernels compile.
    """
    run = AgentsRun(compile_plan(load_scenario(_SMALL)))
    read = 0

    def tell(step: str) -> None:
        nonlocal read
        share = {OPTIMISE: _READ, CODE: _OPTIMISED}.get(step)
        if share is None:
            read += 1
            share = _READ * min(read / _FUNCTIONS, 1.0)
        if progress is not None:
            progress(share)

    with watched(tell):
        run.advance(3)
    run.tally()
