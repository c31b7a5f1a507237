"""The days of a run in pieces and the route in stages: tables of addresses enter, a run moves on, on one thread or more.

Parts of the route follow one another, so that the parts behind can be solved for some days while those before them are solved
for later days. The parts are cut into a few stages of about as much work; each goes through the same pieces of days one after
another, behind the stage before it and not too far ahead of the last. What is worked out, and in which order each number is added
up, does not depend on how many threads do it.
"""

from __future__ import annotations

import threading
from bisect import bisect_right
from typing import TYPE_CHECKING

import numpy as np

from sim.engines.kernels import expected_layout as at
from sim.engines.kernels.expected_days import run_days

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

__all__ = ["pieces_of", "run_through"]


def pieces_of(day: NDArray[np.int64], first: int, last: int) -> list[tuple[int, int]]:
    """Cut days into pieces that end with a period of the tables where one ends.

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
        one, other = bisect_right(ends, first), bisect_right(ends, first + at.PIECE)
        end = min(ends[other - 1] if one < other else first + at.PIECE, last)
        found.append((first, end))
        first = end
    return found


def run_through(
    tables: NDArray[np.int64],
    pieces: list[tuple[int, int]],
    *,
    origin: int = 0,
    moments: bool = False,
    threads: int = 1,
    before: Callable[[int], None] | None = None,
) -> None:
    """Run pieces of days through all stages.

    Parameters
    ----------
    tables : int64 [stages, numbers and addresses]
        One for each stage (see :func:`sim.engines.expected.model.tables_of`).
    pieces : list of (int, int)
        First day and day after the last of each, one after another.
    origin : int
        Day on which the run began, with nobody on the route.
    moments : bool
        Keep sums of days and squared days of those whose journey ends.
    threads : int
        Two go through the stages side by side; one goes as far ahead in each as it may before the next.
    before : callable, optional
        Called with the number of each piece, in order, before the first stage goes through it; as far ahead as it likes.
    """
    ahead = int(before is not None)  # a stage that is not one of the route

    def work(stage: int, piece: int) -> None:
        if stage < ahead and before is not None:
            before(piece)
        else:
            run_days(tables[stage - ahead], *pieces[piece], origin, moments)

    stages = len(tables) + ahead
    line = _Line(stages, len(pieces), work, unbound=ahead)
    other = threading.Thread(target=line.go, args=(range(stages - 1, -1, -1),))
    if threads > 1:
        other.start()
    try:
        line.go(range(stages))
    finally:
        line.stop()
        if threads > 1:
            other.join()
    line.ask()


class _Line:
    """Which stage has gone through how many pieces, and what can be done next."""

    def __init__(self, stages: int, pieces: int, work: Callable[[int, int], None], *, unbound: int) -> None:
        self._done = [0] * stages
        self._busy = [False] * stages
        self._pieces, self._work = pieces, work
        self._changed = threading.Condition()
        self._fault: BaseException | None = None
        self._stopped = False
        self._unbound = unbound

    def _free(self, stage: int) -> bool:
        """Whether a stage can go through its next piece."""
        piece = self._done[stage]
        if self._busy[stage] or piece == self._pieces:
            return False
        if stage > 0 and piece >= self._done[stage - 1]:
            return False
        return stage < self._unbound or piece < self._done[-1] + at.AHEAD

    def _next(self, order: range) -> int:
        """Wait for a stage that can go on; -1 when there is nothing left to do."""
        while not self._stopped and min(self._done) < self._pieces:
            for stage in order:
                if self._free(stage):
                    return stage
            self._changed.wait()
        return -1

    def go(self, order: range) -> None:
        """Do what can be done, the first in an order first, until all is done."""
        with self._changed:
            stage = self._next(order)
            while stage >= 0:
                self._busy[stage] = True
                self._changed.release()
                try:
                    self._work(stage, self._done[stage])
                except BaseException as fault:  # noqa: BLE001 - told by `ask` in the thread that called
                    self._fault, self._stopped = fault, True
                finally:
                    self._changed.acquire()
                self._busy[stage] = False
                self._done[stage] += 1
                self._changed.notify_all()
                stage = self._next(order)

    def stop(self) -> None:
        """Begin nothing more."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def ask(self) -> None:
        """Raise what went wrong."""
        if self._fault is not None:
            raise self._fault
