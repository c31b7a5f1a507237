"""Days on the route of those who are still on it when the run ends (kernel)."""

from __future__ import annotations

import numpy as np

from sim.engines.kernels.draws import M16, S32, U64, inner, jit
from sim.plan.layout import PAGE

__all__ = ["leftover_durations"]


@inner
def _count(P, w2, day, durations):
    kind = np.int64((w2 >> S32) & M16)
    cell = P.end_cell[0, np.int64(w2 & M16)]
    durations[cell, P.kind_group[kind], min(day - np.int64(w2 >> U64(48)), durations.shape[2] - 1)] += 1


@jit
def leftover_durations(P, S, k, day, durations):
    """Add the days since departure of everyone in part `k`'s last bucket and, with the first part, in the line."""
    page = np.int64(S.head[k, day])
    while page >= 0:
        limit = np.int64(S.fill[k, day]) if page == S.tail[k, day] else PAGE
        for i in range(limit):
            _count(P, S.pages[k, page, 4 * i + 2], day, durations)
        page = np.int64(S.next_page[k, page])
    if k == 0:
        for x in range(S.counter[2]):
            _count(P, S.pool[x, 2], day, durations)
        for x in range(S.counter[3]):
            _count(P, S.shut[x, 2], day, durations)
        for leg in range(S.fifo_head.shape[0]):
            e = np.int64(S.fifo_head[leg])
            while e >= 0:
                _count(P, S.slot[e, 2], day, durations)
                e = np.int64(S.slot_next[e])
