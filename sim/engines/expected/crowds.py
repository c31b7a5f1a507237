"""Where the people of each place are counted by group on an evening: the nodes of a route enter, rows of cells leave.

Each place has a row for each status, of the groups that can be there, on each of the last days. The first of its nodes that has
people with the status begins it, the last compares it with the largest numbers of the period.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.engines.kernels import expected_layout as at
from sim.engines.kernels.expected_rows import CHUNK

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["crowds_of", "peaks_by_owner"]


def _groups(node: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First owner that can be at each node, and one past the last."""
    first: NDArray[np.int64] = node[:, at.LO] // node[:, at.PER]
    last: NDArray[np.int64] = first + node[:, at.COUNT] // node[:, at.PER]
    return first, last


def _reached(place: NDArray[np.int64], low: NDArray[np.int64], high: NDArray[np.int64]) -> NDArray[np.int64]:
    """Chunks of the row of each place, such that no node's own chunks of groups reach beyond it."""
    chunks = np.zeros(int(place.max(initial=0)) + 1, np.int64)
    np.maximum.at(chunks, place, -(-(low + CHUNK * -(-(high - low) // CHUNK)) // CHUNK))
    return chunks


def _kept(place: NDArray[np.int64], stage: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Days for which the row of each place is kept: those of a span, more where nodes of several stages count there."""
    early, late = np.full(count, at.STAGES), np.full(count, -1)
    np.minimum.at(early, place, stage)
    np.maximum.at(late, place, stage)
    return np.where(early < late, at.KEPT, at.SPAN)


def crowds_of(node: NDArray[np.int64]) -> tuple[NDArray[np.int64], int, int]:
    """Lay out the rows of the places.

    Parameters
    ----------
    node : int64 [N, columns]
        As in :class:`sim.engines.kernels.expected_layout.Net`, in the order in which nodes are solved.

    Returns
    -------
    crowded : int64 [N, 4, columns]
        As in :class:`sim.engines.kernels.expected_layout.Memory`; statuses are staying, waiting, travelling and settled.
    cells, kept : int
        Numbers in all rows, once and for all days that are kept.
    """
    table = np.zeros((len(node), 4, at.CROWDED), np.int64)
    first, last = _groups(node)
    stays = node[:, at.SEG_1] > node[:, at.SEG_0]
    waits = (node[:, at.CLOSES] > 0) | (node[:, at.ASK_1] > node[:, at.ASK_0])
    begin = kept = 0
    for status, counted in enumerate((stays, waits, np.ones(len(node), np.bool_), node[:, at.SETTLES] > 0)):
        own = np.flatnonzero(counted)
        place = node[own, at.PLACE]
        low = np.full(int(place.max(initial=0)) + 1, 10**6)
        np.minimum.at(low, place, first[own])
        chunks = _reached(place, first[own] - low[place], last[own] - low[place])
        days = _kept(place, node[own, at.STAGE], len(chunks))
        size, ring = chunks * CHUNK, chunks * CHUNK * days
        table[own, status, at.C_ROW] = (begin + np.cumsum(size) - size)[place]
        table[own, status, at.C_RING] = (kept + np.cumsum(ring) - ring)[place]
        begin, kept = begin + int(size.sum()), kept + int(ring.sum())
        table[own, status, at.C_MASK] = days[place] - 1
        table[own, status, at.C_OWN] = first[own] - low[place]
        table[own, status, at.C_CHUNKS] = chunks[place]
        table[own, status, at.C_GROUPS] = last[own] - first[own]
        table[own[np.unique(place, return_index=True)[1]], status, at.C_FIRST] = 1
        table[own[len(own) - 1 - np.unique(place[::-1], return_index=True)[1]], status, at.C_LAST] = 1
    return table, begin, kept


def peaks_by_owner(
    peak: NDArray[np.float64], node: NDArray[np.int64], crowded: NDArray[np.int64], shape: tuple[int, int]
) -> NDArray[np.float64]:
    """Largest numbers by status, place and owner.

    Parameters
    ----------
    peak : float64 [periods, cells]
    node, crowded : int64
        As given to, and by, :func:`crowds_of`.
    shape : (int, int)
        Places and owners.

    Returns
    -------
    float64 [periods, 4, places, owners]
    """
    out = np.zeros((len(peak), 4, *shape))
    first, last = _groups(node)
    number, status = np.nonzero(crowded[:, :, at.C_CHUNKS])
    for i, s in zip(number.tolist(), status.tolist(), strict=True):
        begin = int(crowded[i, s, at.C_ROW] + crowded[i, s, at.C_OWN])
        own = slice(int(first[i]), int(last[i]))
        out[:, s, node[i, at.PLACE], own] = peak[:, begin : begin + own.stop - own.start]
    return out
