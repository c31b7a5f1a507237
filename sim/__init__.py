"""Travesía: a simulator of mixed movements in the Americas, for protection and assistance."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sim.ensemble import run
    from sim.ensemble.compare import compare
    from sim.results import open_run
    from sim.spec import load_scenario

__all__ = ["compare", "load_scenario", "open_run", "run"]

_HOMES = {
    "compare": "sim.ensemble.compare",
    "load_scenario": "sim.spec",
    "open_run": "sim.results",
    "run": "sim.ensemble",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - the public names are imported when they are first used
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'sim' has no attribute {name!r}; it has {', '.join(__all__)}")
