"""Where the people of each place are counted by group on an evening: the nodes of a route enter, rows of cells leave.

Each place has a row for each status, of the groups that can be there. The first of its nodes that has people with the status
clears it, the last compares it with the largest numbers of the period.
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


def crowds_of(node: NDArray[np.int64]) -> tuple[NDArray[np.int64], int]:
    """Lay out the rows of the places.

    Parameters
    ----------
    node : int64 [N, columns]
        As in :class:`sim.engines.kernels.expected_layout.Net`, in the order in which nodes are solved.

    Returns
    -------
    crowded : int64 [N, 4, columns]
        As in :class:`sim.engines.kernels.expected_layout.Memory`; statuses are staying, waiting, travelling and settled.
    cells : int
        Numbers in the rows of a day.
    """
    table = np.zeros((len(node), 4, at.CROWDED), np.int64)
    first, last = _groups(node)
    stays = node[:, at.SEG_1] > node[:, at.SEG_0]
    waits = (node[:, at.CLOSES] > 0) | (node[:, at.ASK_1] > node[:, at.ASK_0])
    begin = 0
    for status, counted in enumerate((stays, waits, np.ones(len(node), np.bool_), node[:, at.SETTLES] > 0)):
        own = np.flatnonzero(counted)
        place = node[own, at.PLACE]
        low, high = (
            np.full(int(place.max(initial=0)) + 1, 10**6),
            np.zeros(int(place.max(initial=0)) + 1, np.int64),
        )
        np.minimum.at(low, place, first[own])
        np.maximum.at(high, place, last[own])
        chunks = np.maximum(-(-(high - low) // CHUNK), 0)
        row = begin + CHUNK * (np.cumsum(chunks) - chunks)
        begin += int(chunks.sum()) * CHUNK
        table[own, status, at.C_ROW] = row[place]
        table[own, status, at.C_OWN] = first[own] - low[place]
        table[own, status, at.C_CHUNKS] = chunks[place]
        table[own, status, at.C_GROUPS] = last[own] - first[own]
        table[own[np.unique(place, return_index=True)[1]], status, at.C_FIRST] = 1
        table[own[len(own) - 1 - np.unique(place[::-1], return_index=True)[1]], status, at.C_LAST] = 1
    return table, begin + CHUNK  # what is added to a row may go a chunk beyond it


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
