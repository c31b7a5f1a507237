"""Classes that are joined until somebody tells them apart: which class of a source each class of a target is part of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.engines.expected.people import JOINED
from sim.engines.kernels.expected_evening import THREE
from sim.engines.kernels.expected_rows import CHUNK

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sim.engines.expected.people import Lanes

__all__ = ["Parts"]


class Parts:
    """Classes that others are part of, edge by edge where these are told apart on arrival.

    Parameters
    ----------
    lanes : Lanes
    """

    def __init__(self, lanes: Lanes) -> None:
        self.lanes = lanes
        self.whole: list[NDArray[np.int64]] = [np.zeros(CHUNK, np.int64)]
        self.share: list[NDArray[np.float64]] = [np.zeros(CHUNK)]
        self.end = CHUNK

    def of(self, first: int, last: int) -> tuple[int, int]:
        """First class, and one past the last, of the groups whose classes are `first` to before `last` where some are joined."""
        per, joined = self.lanes.per_north, self.lanes.per[JOINED]
        return first // joined * per, -(-last // joined) * per

    def add(self, first: int, into: int, end: int) -> int:
        """Note of the classes `into` to before `end` which they are part of, counted from `first`; returns where."""
        lanes = self.lanes
        lane = np.arange(into, end)
        pad = (0, -len(lane) % CHUNK)
        share = lanes.part.ravel()[lane] if lanes.part is not None else np.ones(len(lane))
        whole = lanes.join(lane) - first
        share = np.where(whole >= 0, share, 0.0)
        self.whole.append(np.pad(np.maximum(whole, 0), pad))
        self.share.append(np.pad(share, pad))
        begin, self.end = self.end, self.end + len(lane) + pad[1]
        return begin

    def thirds(self) -> bool:
        """Whether of the classes added last three after each other are part of one, from the first on."""
        whole, share = self.whole[-1], self.share[-1]
        return bool(np.all((whole == np.arange(len(whole)) // THREE) | (share == 0.0)))

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return the arrays of a net."""
        return {"part_of": np.concatenate(self.whole), "part_share": np.concatenate(self.share)}
