"""Threads beside the caller's own: one piece of work each, handed over without more ado than a queue.

An engine calls them some thousand times a run, so what a pool of futures adds to each call would be felt.
"""

from __future__ import annotations

from queue import SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    type Work = Callable[[int], int]
    type Inbox = SimpleQueue[tuple[Work, int] | None]
    type Outbox = SimpleQueue[int | BaseException]

__all__ = ["Mates"]


class Mates:
    """Threads that wait for work.

    Parameters
    ----------
    count : int
        How many beside the caller's own; may be 0.
    """

    def __init__(self, count: int) -> None:
        self._outbox: Outbox = SimpleQueue()
        self._inboxes: list[Inbox] = [SimpleQueue() for _ in range(count)]
        for inbox in self._inboxes:  # they know boxes only, and keep nobody alive who forgets to close them
            Thread(target=_wait_and_work, args=(inbox, self._outbox), daemon=True).start()

    def together(self, work: Work) -> int:
        """Do ``work(0)`` here and ``work(1)``, ``work(2)``, ... beside it; return the sum of what they return.

        Raises
        ------
        BaseException
            Whatever a piece of work raised, after all have ended.
        """
        for number, inbox in enumerate(self._inboxes, start=1):
            inbox.put((work, number))
        try:
            total = work(0)
        finally:
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


def _wait_and_work(inbox: Inbox, outbox: Outbox) -> None:
    while (wanted := inbox.get()) is not None:
        work, number = wanted
        try:
            outbox.put(work(number))
        except BaseException as fault:  # noqa: BLE001 - raised again by who asked
            outbox.put(fault)
        del work, wanted
