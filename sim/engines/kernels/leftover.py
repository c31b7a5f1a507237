"""Days on the route of those who are still on it when the run ends (kernel)."""

from __future__ import annotations

import numpy as np

from sim.engines.kernels.address import array
from sim.engines.kernels.draws import M16, S32, U64, inner
from sim.plan.layout import PAGE

__all__ = ["leftover_durations"]


@inner
def _count(book, w2, day, durations):
    end_cell = array(book, "fixed.end_cell", 2)
    kind_group = array(book, "fixed.kind_group", 1)
    kind = np.int64((w2 >> S32) & M16)
    cell = end_cell[0, np.int64(w2 & M16)]
    durations[cell, kind_group[kind], min(day - np.int64(w2 >> U64(48)), durations.shape[2] - 1)] += 1


@inner
def leftover_durations(book, k, day, durations):
    """Add the days since departure of everyone in part `k`'s last bucket and, with the first part, in the line."""
    head = array(book, "state.head", 2)
    cursor = array(book, "state.cursor", 2)
    pages = array(book, "state.pages", 2)
    next_page = array(book, "state.next_page", 2)
    counter = array(book, "state.counter", 1)
    pool_first = array(book, "state.pool_first", 1)
    slot = array(book, "state.slot", 2)
    slot_next = array(book, "state.slot_next", 1)
    shut = array(book, "state.shut", 2)
    fifo_head = array(book, "state.fifo_head", 1)
    page = np.int64(head[k, day])
    end = cursor[k, day]
    while page >= 0:
        for r in range(
            page * PAGE, min((page + 1) * PAGE, end) if page == (end - 1) // PAGE else (page + 1) * PAGE
        ):
            _count(book, pages[k, 4 * r + 2], day, durations)
        page = np.int64(next_page[k, page])
    if k == 0:
        for x in range(counter[2]):
            e = np.int64(pool_first[x])
            while e >= 0:
                _count(book, slot[e, 2], day, durations)
                e = np.int64(slot_next[e])
        for x in range(counter[3]):
            _count(book, shut[x, 2], day, durations)
        for leg in range(fifo_head.shape[0]):
            e = np.int64(fifo_head[leg])
            while e >= 0:
                _count(book, slot[e, 2], day, durations)
                e = np.int64(slot_next[e])
