"""One pool of whole-day distributions: thresholds, guide tables and discrete hazards for the kernels."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sim.spec import Distribution

__all__ = ["Pool", "scaled"]

_FULL = 2**32
_CERTAIN = _FULL - 1
_NEVER_HAZARD = 1e31


def scaled(distribution: Distribution, factor: float) -> Distribution:
    """Stretch a distribution of days by a factor (a geometric stay keeps at least one day).

    Parameters
    ----------
    distribution : Distribution
    factor : float
        Above zero.

    Returns
    -------
    Distribution
    """
    if factor == 1.0:
        return distribution
    change: dict[str, object] = {}
    for name in ("days", "mean_days", "low", "mode", "high", "median_days"):
        value = getattr(distribution, name, None)
        if value is None:
            continue
        change[name] = tuple(v * factor for v in value) if isinstance(value, tuple) else value * factor
    if distribution.kind == "geometric":
        change["mean_days"] = max(1.0, distribution.mean_days * factor)
    return distribution.model_copy(update=change)


@lru_cache(maxsize=4096)
def _whole_days(
    distribution: Distribution, max_days: int
) -> tuple[NDArray[np.float64], NDArray[np.uint32], NDArray[np.float64]]:
    """Chances of whole days, their thresholds on the scale of 32 bits, and the hazard of each day."""
    pmf = np.asarray(distribution.pmf(max_days), dtype=np.float64)
    cdf = np.minimum(np.cumsum(pmf), 1.0)
    if cdf[-1] > 1.0 - 1e-12:
        cdf[-1] = 1.0
    enough = int(np.searchsorted(cdf, 1.0 - 0.5 / _FULL)) + 1
    cdf = cdf[: min(enough, len(cdf))]
    rest = cdf[-1] < 1.0 - 0.5 / _FULL
    thresholds = np.minimum(np.round(cdf * _FULL), _CERTAIN).astype(np.uint32)
    survival = np.concatenate([[1.0], 1.0 - cdf])
    with np.errstate(divide="ignore", invalid="ignore"):
        hazard = np.log(survival[:-1]) - np.log(survival[1:])
    hazard[~np.isfinite(hazard)] = _NEVER_HAZARD
    if rest:
        thresholds = np.append(thresholds, np.uint32(_CERTAIN))
        hazard = np.append(hazard, 0.0)
    elif distribution.kind == "geometric" and len(hazard) > 1:
        thresholds[-1] = _CERTAIN
        mean = distribution.mean_days
        hazard[-1] = -np.log1p(-1.0 / mean) if mean > 1.0 else _NEVER_HAZARD
    elif not np.isfinite(distribution.longest()) and len(hazard) > 1:
        thresholds[-1] = (
            _CERTAIN  # beyond the last share of 32 bits the hazard goes on as it was: a policy may slow it
        )
        hazard[-1] = hazard[-2]
    else:
        thresholds[-1] = _CERTAIN
        hazard[-1] = _NEVER_HAZARD
    return pmf, thresholds, hazard


class Pool:
    """Distributions seen so far, each stored once.

    Parameters
    ----------
    max_days : int
        Days beyond which "later" is all that is kept.
    """

    def __init__(self, max_days: int) -> None:
        self.max_days = max_days
        self.pmfs: list[NDArray[np.float64]] = []
        self._index: dict[object, int] = {}
        self._thresholds: list[NDArray[np.uint32]] = []
        self._hazards: list[NDArray[np.float64]] = []

    def add(self, distribution: Distribution) -> int:
        """Return the number of a distribution in the pool, adding it when new."""
        if distribution in self._index:
            return self._index[distribution]
        pmf, thresholds, hazard = _whole_days(distribution, self.max_days)
        number = len(self.pmfs)
        self.pmfs.append(pmf)
        self._thresholds.append(thresholds)
        self._hazards.append(hazard)
        self._index[distribution] = number
        return number

    def arrays(self) -> tuple[NDArray[np.uint16], NDArray[np.int64], NDArray[np.uint32], NDArray[np.float64]]:
        """Return guide tables, offsets, thresholds and hazards of all distributions.

        Returns
        -------
        guide : uint16 [D, 256]
            First day whose threshold lies above the draw's upper eight bits.
        offset : int64 [D + 1]
        thresholds : uint32
            Cumulated probability on the scale of 32 bits.
        hazards : float64
            Discrete hazard of each day in cumulated form, ``log S(k - 1) - log S(k)``.
        """
        offset = np.concatenate([[0], np.cumsum([len(t) for t in self._thresholds])]).astype(np.int64)
        steps = np.arange(256, dtype=np.uint64) << np.uint64(24)
        guide = np.stack(
            [np.searchsorted(t.astype(np.uint64), steps, side="right") for t in self._thresholds]
        )
        return (
            guide.astype(np.uint16),
            offset,
            np.concatenate(self._thresholds),
            np.concatenate(self._hazards),
        )
