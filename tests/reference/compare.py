"""Comparing two tallies count by count and person by person."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sim.engines.tally import Tally

__all__ = ["COUNTS", "differences"]

COUNTS = ("flows", "person_days", "peaks", "departed", "ended", "on_route", "durations", "balance")


def differences(one: Tally, other: Tally) -> list[str]:
    """Names of the tables in which two runs differ, ``trace`` for people; nothing where they agree."""
    found = [name for name in COUNTS if not np.array_equal(getattr(one, name), getattr(other, name))]
    if one.people != other.people:
        found.append("people")
    if one.trace is not None and other.trace is not None:
        found += [] if np.array_equal(people(one.trace), people(other.trace)) else ["trace"]
    return found


def people(trace: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Ended people in the order of their words."""
    return trace[np.lexsort(trace.T)]
