"""Days on the route of those who are still on it when the run ends (kernel)."""

from __future__ import annotations

import numpy as np

from sim.engines.kernels.address import array
from sim.engines.kernels.draws import inner
from sim.engines.kernels.record import PLACE, day_of_departure, kind_of, size_of
from sim.plan.layout import PAGE

__all__ = ["leftover_durations"]


@inner
def _count(book, w2, w3, day, durations):
    end_cell = array(book, "fixed.end_cell", 2)
    kind_group = array(book, "fixed.kind_group", 1)
    cell = end_cell[0, np.int64(w2 & PLACE)]
    days = min(day - day_of_departure(w2, w3), durations.shape[2] - 1)
    durations[cell, kind_group[kind_of(w2)], days] += size_of(w2)


@inner
def leftover_durations(book, k, day, durations):
    """Add the days since departure of everyone in part `k`'s last bucket and, with the first part, in the line."""
    head = array(book, "state.head", 2)
    cursor = array(book, "state.cursor", 2)
    pages = array(book, "state.pages", 1)
    next_page = array(book, "state.next_page", 1)
    counter = array(book, "state.counter", 1)
    pool_slot = array(book, "state.pool_slot", 1)
    slot = array(book, "state.slot", 2)
    slot_next = array(book, "state.slot_next", 1)
    shut = array(book, "state.shut", 2)
    fifo_head = array(book, "state.fifo_head", 1)
    n_buckets = head.shape[1]
    days = n_buckets // array(book, "state.reading", 3).shape[1]
    for bucket in range(day, n_buckets, days):
        page = np.int64(head[k, bucket])
        end = cursor[k, bucket]
        while page >= 0:
            first = page * PAGE
            for r in range(first, end if page == (end - 1) // PAGE else first + PAGE):
                _count(book, pages[4 * r + 2], pages[4 * r + 3], day, durations)
            page = np.int64(next_page[page])
    if k == 0:
        for x in range(counter[2]):
            e = np.int64(pool_slot[x])
            _count(book, slot[e, 2], slot[e, 3], day, durations)
        for x in range(counter[3]):
            _count(book, shut[x, 2], shut[x, 3], day, durations)
        for leg in range(fifo_head.shape[0]):
            e = np.int64(fifo_head[leg])
            while e >= 0:
                _count(book, slot[e, 2], slot[e, 3], day, durations)
                e = np.int64(slot_next[e])
