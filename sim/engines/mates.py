"""Threads beside the caller's own: one piece of work each, handed over without more ado than a queue.

An engine calls them some thousand times a run for a millisecond each, so what a pool of futures adds to each call would be
felt, and so would a scheduler that wakes a thread on the processor that woke it: two threads of one millisecond then take
two. Each is therefore kept to processors of its own while they work together, where the system allows it. Who waits looks for
a moment whether there is something (a `watch`, which must let other threads of Python go on) before it goes to sleep: to be woken
takes as long as a tenth of the work.
"""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from queue import SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    type Work = Callable[[int], int]
    type Inbox = SimpleQueue[tuple[Work, int] | None]
    type Outbox = SimpleQueue[int | BaseException]
    type Watch = Callable[[NDArray[np.int64], int], object]

__all__ = ["Mates", "share_processors"]

_LINE = 8
"""Numbers in a cache line: a word that one thread watches and another writes has a line of its own."""


def share_processors(threads: int) -> list[set[int]]:
    """Processors for each of so many threads: every so-manieth that this thread may use.

    Several runs beside each other thus spread over all processors. Nothing where there are fewer than threads, or where
    the system (Linux does) knows no such wish.
    """
    if not hasattr(os, "sched_setaffinity"):
        return []
    allowed = sorted(os.sched_getaffinity(0))
    return [set(allowed[number::threads]) for number in range(threads)] if len(allowed) >= threads > 1 else []


class Mates:
    """Threads that wait for work.

    Parameters
    ----------
    count : int
        How many beside the caller's own; may be 0.
    watch : callable, optional
        ``watch(word, seen)`` comes back when ``word[0]`` (int64) is no longer `seen`, or when its patience ends.
    """

    def __init__(self, count: int, watch: Watch | None = None) -> None:
        self._outbox: Outbox = SimpleQueue()
        self._watch = watch or _no_patience
        self._wanted = np.zeros((count, _LINE), np.int64)
        self._done = np.zeros((count, _LINE), np.int64)
        self._inboxes: list[Inbox] = [SimpleQueue() for _ in range(count)]
        shares = share_processors(count + 1)
        self._own = shares[0] if shares else set()
        for number, inbox in enumerate(self._inboxes, start=1):
            # they know boxes only, and keep nobody alive who forgets to close them
            among = shares[number] if shares else set[int]()
            words = self._wanted[number - 1], self._done[number - 1]
            boxes = inbox, self._outbox
            Thread(target=_wait_and_work, args=(boxes, words, self._watch, among), daemon=True).start()

    @contextmanager
    def apart(self) -> Iterator[None]:
        """Keep the calling thread off the processors of the others meanwhile."""
        before = os.sched_getaffinity(0) if self._own else set[int]()
        _keep_to(self._own)
        try:
            yield
        finally:
            _keep_to(before)

    def together(self, work: Work) -> int:
        """Do ``work(0)`` here and ``work(1)``, ``work(2)``, ... beside it; return the sum of what they return.

        Raises
        ------
        BaseException
            Whatever a piece of work raised, after all have ended.
        """
        for number, inbox in enumerate(self._inboxes, start=1):
            inbox.put((work, number))
            self._wanted[number - 1, 0] += 1
        try:
            total = work(0)
        finally:
            for wanted, done in zip(self._wanted, self._done, strict=True):
                self._watch(done, int(wanted[0]) - 1)
            answers = [self._outbox.get() for _ in self._inboxes]
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer
            total += answer
        return total

    def close(self) -> None:
        """End the threads."""
        while self._inboxes:
            self._inboxes.pop().put(None)
        self._wanted[:, 0] += 1


def _keep_to(processors: set[int]) -> None:
    """Keep the calling thread to processors; it may not be allowed to, and works all the same."""
    if processors:
        with suppress(OSError):
            os.sched_setaffinity(0, processors)


def _no_patience(word: NDArray[np.int64], seen: int) -> None:
    """Go to sleep at once."""


def _wait_and_work(
    boxes: tuple[Inbox, Outbox],
    words: tuple[NDArray[np.int64], NDArray[np.int64]],
    watch: Watch,
    processors: set[int],
) -> None:
    inbox, outbox = boxes
    wanted, done = words
    _keep_to(processors)
    while True:
        watch(wanted, int(done[0]))
        asked = inbox.get()
        if asked is None:
            return
        work, number = asked
        try:
            outbox.put(work(number))
        except BaseException as fault:  # noqa: BLE001 - raised again by who asked
            outbox.put(fault)
        done[0] += 1
        del work, asked
