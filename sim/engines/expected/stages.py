"""The days of a run in spans and the route in stages: tables of addresses enter, a run moves on, on one thread or more.

Parts of the route follow one another, so that the parts behind can be solved for some days while those before them are solved
for later days. The parts are cut into stages of about as much work; each goes through the same spans of days one after
another, behind the stage before it and not too far ahead of the last. What is worked out, and in which order each number is added
up, does not depend on how many threads do it.
"""

from __future__ import annotations

import threading
import time
from bisect import bisect_right
from typing import TYPE_CHECKING

import numpy as np

from sim.engines.kernels import expected_layout as at
from sim.engines.kernels.expected_days import ALLOWED, DONE, PROGRESS, STOP, run_stages
from sim.engines.mates import begin_apart, processors

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

__all__ = ["spans_of", "run_through"]

_MOST = 512
"""Spans of a stage after which a thread comes back from the kernel."""
_PATIENCE, _NAP = 2000, 5e-5
"""Looks, some 0.3 ms, and seconds of sleep after them, of a thread that finds nothing to do."""


def spans_of(day: NDArray[np.int64], first: int, last: int) -> list[tuple[int, int]]:
    """Cut days into spans of one period of the tables each, and of at most `SPAN` days.

    Parameters
    ----------
    day : int64 [n_days, columns]
        As in :class:`sim.engines.kernels.expected_layout.Net`.
    first, last : int
        The days from `first` to before `last`.

    Returns
    -------
    list of (first day, day after the last)
    """
    ends = [*(np.flatnonzero(np.diff(day[:, at.MONTH])) + 1).tolist(), len(day)]
    found = []
    while first < last:
        end = min(ends[bisect_right(ends, first)], first + at.SPAN, last)
        found.append((first, end))
        first = end
    return found


def run_through(
    tables: NDArray[np.int64],
    spans: list[tuple[int, int]],
    *,
    origin: int = 0,
    moments: bool = False,
    threads: int = 1,
    before: Callable[[int], None] | None = None,
) -> None:
    """Run spans of days through all stages.

    Parameters
    ----------
    tables : int64 [stages, numbers and addresses]
        One for each stage (see :func:`sim.engines.expected.model.tables_of`).
    spans : list of (int, int)
        First day and day after the last of each, one after another (see :func:`spans_of`).
    origin : int
        Day on which the run began, with nobody on the route.
    moments : bool
        Keep sums of days and squared days of those whose journey ends.
    threads : int
        Two go through the stages side by side; one goes through a span with all stages before it begins the next.
    before : callable, optional
        Called with the number of each span, in order, before the first stage goes through it; as far ahead as it likes.
    """
    line = _Line(tables, spans, origin, moments, patience=_PATIENCE if threads > 1 and _room() else 1)
    other = threading.Thread(target=_beside, args=(line,))
    if threads > 1:
        other.start()
        begin_apart(0, 2)
    try:
        if before is not None:
            for span in range(len(spans)):
                before(span)
                line.allow(span + 1)
                if threads == 1:
                    line.some(backwards=True)
        line.allow(len(spans))
        line.go(backwards=threads == 1)
    finally:
        line.stop()
        if threads > 1:
            other.join()


def _beside(line: _Line) -> None:
    """What the second thread does."""
    begin_apart(1, 2)
    line.go(backwards=True)


def _room() -> bool:
    """Whether two threads have processors of their own, so that one that looks about keeps nobody from working."""
    return processors() > 1


class _Line:
    """Which stage has gone through how many spans; threads find in the kernel what can be done next.

    Parameters
    ----------
    tables, spans, origin, moments
        As in :func:`run_through`.
    patience : int
        How often a thread looks for something to do before it lets others have its processor for a moment.
    """

    def __init__(
        self,
        tables: NDArray[np.int64],
        spans: list[tuple[int, int]],
        origin: int,
        moments: bool,
        *,
        patience: int,
    ) -> None:
        self._progress = np.zeros((len(tables) + 1, PROGRESS), np.int64)
        self._spans = np.array(spans, np.int64).reshape(-1, 2)
        self._run = (tables, self._spans, self._progress)
        self._how = (origin, moments)
        self._patience = patience

    def allow(self, spans: int) -> None:
        """The first stage may go through so many spans."""
        self._progress[-1, ALLOWED] = spans

    def some(self, *, backwards: bool = False) -> int:
        """Do some of what can be done; returns how many spans, which is none where there was nothing to do for a while."""
        return int(run_stages(*self._run, backwards, _MOST, self._patience, *self._how))

    def go(self, *, backwards: bool = False) -> None:
        """Do what can be done, the first stages first or the last, until all is done; between calls an interrupt is heard."""
        while self._progress[-1, STOP] == 0 and self._progress[-2, DONE] < len(self._spans):
            if self.some(backwards=backwards) == 0:
                time.sleep(_NAP)

    def stop(self) -> None:
        """Begin nothing more."""
        self._progress[-1, STOP] = 1
