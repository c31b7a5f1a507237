"""Threads beside the caller's own: one piece of work each.

A scheduler that wakes a thread on the processor that woke it lets two threads of one millisecond take two. Each is therefore kept
to processors of its own while they work together, where the system allows it.
"""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from queue import SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    type Work = Callable[[int], object]
    type Inbox = SimpleQueue[tuple[Work, int] | None]
    type Outbox = SimpleQueue[BaseException | None]

__all__ = ["Mates", "begin_apart", "processors", "share_processors"]


def share_processors(threads: int) -> list[set[int]]:
    """Processors for each of so many threads: every so-manieth that this thread may use.

    Several runs beside each other thus spread over all processors. Nothing where there are fewer than threads, or where
    the system (Linux does) knows no such wish.
    """
    if not hasattr(os, "sched_setaffinity"):
        return []
    allowed = sorted(os.sched_getaffinity(0))
    return [set(allowed[number::threads]) for number in range(threads)] if len(allowed) >= threads > 1 else []


def processors() -> int:
    """Processors that this thread may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Mates:
    """Threads that wait for work.

    Parameters
    ----------
    count : int
        How many beside the caller's own; may be 0.

    Attributes
    ----------
    crowded : bool
        There are fewer processors than threads, so that one that waits in a loop keeps another from its work.
    """

    def __init__(self, count: int) -> None:
        self._outbox: Outbox = SimpleQueue()
        self._inboxes: list[Inbox] = [SimpleQueue() for _ in range(count)]
        shares = share_processors(count + 1)
        self.crowded = count >= processors()
        self._own = shares[0] if shares else set()
        for number, inbox in enumerate(self._inboxes, start=1):
            # they know boxes only, and keep nobody alive who forgets to close them
            among = shares[number] if shares else set[int]()
            Thread(target=_wait_and_work, args=(inbox, self._outbox, among), daemon=True).start()

    @contextmanager
    def apart(self) -> Iterator[None]:
        """Keep the calling thread off the processors of the others meanwhile."""
        before = os.sched_getaffinity(0) if self._own else set[int]()
        _keep_to(self._own)
        try:
            yield
        finally:
            _keep_to(before)

    def together(self, work: Work) -> None:
        """Do ``work(0)`` here and ``work(1)``, ``work(2)``, ... beside it.

        Raises
        ------
        BaseException
            Whatever a piece of work raised, after all have ended.
        """
        for number, inbox in enumerate(self._inboxes, start=1):
            inbox.put((work, number))
        try:
            work(0)
        finally:
            faults = [self._outbox.get() for _ in self._inboxes]
        for fault in faults:
            if fault is not None:
                raise fault

    def close(self) -> None:
        """End the threads."""
        while self._inboxes:
            self._inboxes.pop().put(None)


def _keep_to(processors: set[int]) -> None:
    """Keep the calling thread to processors; it may not be allowed to, and works all the same."""
    if processors:
        with suppress(OSError):
            os.sched_setaffinity(0, processors)


def begin_apart(number: int, threads: int) -> None:
    """Begin, as one of so many threads, on a processor of its own, and be free to leave it.

    For work of so few milliseconds that a scheduler would not have parted them before it is done.
    """
    shares = share_processors(threads)
    if shares:
        before = os.sched_getaffinity(0)
        _keep_to(shares[number])
        _keep_to(before)


def _wait_and_work(inbox: Inbox, outbox: Outbox, processors: set[int]) -> None:
    _keep_to(processors)
    while (asked := inbox.get()) is not None:
        work, number = asked
        fault: BaseException | None = None
        try:
            work(number)
        except BaseException as raised:  # noqa: BLE001 - raised again by who asked
            fault = raised
        del work, asked
        outbox.put(fault)
        del fault
