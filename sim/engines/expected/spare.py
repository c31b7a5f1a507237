"""Memory of runs that nobody holds any more, taken up again by later runs of the same size.

A run of the corridor asks for some forty million bytes. Where they go back to the system between one run and the next, as they do
when a plan is run again and again, every page is fetched and cleared anew, which takes longer than to clear what is at hand.
"""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING

import numpy as np

from sim.engines.kernels.expected_rows import CHUNK

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

__all__ = ["Spare"]


class _Lent:
    """What the arrays of a run lie in: it lives as long as any of them, or a part of one, is held."""

    def __init__(self, block: NDArray[np.float64]) -> None:
        self.__array_interface__ = block.__array_interface__


class Spare:
    """Memory that was given back.

    Parameters
    ----------
    most : int
        Blocks kept at most; those given back first are let go.
    """

    def __init__(self, most: int = 2) -> None:
        self._most = most
        self._blocks: dict[int, NDArray[np.float64]] = {}

    def arrays(
        self, shapes: Mapping[str, int | tuple[int, ...]], as_found: tuple[str, ...] = ()
    ) -> dict[str, NDArray[np.float64]]:
        """Lend arrays of noughts that lie in one piece; it comes back once nobody holds any of them.

        Parameters
        ----------
        shapes : dict of str to shape
        as_found : tuple of str
            The last arrays, where they are written before they are read: their numbers may be any.

        Returns
        -------
        dict of str to float64 arrays
            Each begins where a line of the processor's memory does, so that no chunk lies across two.
        """
        size = {name: -(-int(np.prod(shape)) // CHUNK) * CHUNK for name, shape in shapes.items()}
        lent = self._lend(sum(size.values()), sum(n for name, n in size.items() if name not in as_found))
        out, begin = {}, 0
        for name, shape in shapes.items():
            out[name] = lent[begin : begin + int(np.prod(shape))].reshape(shape)
            begin += size[name]
        return out

    def _lend(self, n: int, noughts: int) -> NDArray[np.float64]:
        """So many numbers, the first of them nought."""
        block = self._taken(n + CHUNK)
        if block is None:
            block, noughts = np.empty(n + CHUNK), n
        first = -(block.__array_interface__["data"][0] // block.itemsize) % CHUNK
        block[first : first + noughts] = 0.0
        lent = _Lent(block[first : first + n])
        weakref.finalize(lent, self._give_back, block).atexit = False
        return np.asarray(lent)

    def _taken(self, n: int) -> NDArray[np.float64] | None:
        """A block of a size; threads may ask at the same time."""
        for key, block in list(self._blocks.items()):
            if len(block) == n and self._blocks.pop(key, None) is not None:
                return block
        return None

    def _give_back(self, block: NDArray[np.float64]) -> None:
        self._blocks[id(block)] = block
        for key in list(self._blocks)[: -self._most]:
            self._blocks.pop(key, None)
