"""Intervals over replicates: values by replicate in, a low, a middle and a high out."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["interval", "lower", "upper"]

Array = NDArray[np.float64]


def interval(values: NDArray[Any]) -> Array:
    """80 % interval and mean over the first axis.

    The middle is the mean, not the median, so that months, stages and ages still add up.

    Returns
    -------
    numpy.ndarray
        float64, shape (3, ...): 10th percentile, mean, 90th percentile; low <= middle <= high.
    """
    middle = values.mean(axis=0, dtype=np.float64)
    if values.shape[0] == 1:
        return np.stack([middle, middle, middle])
    ordered = np.sort(values, axis=0)
    return np.stack([np.minimum(_at(ordered, 0.1), middle), middle, np.maximum(_at(ordered, 0.9), middle)])


def lower(values: NDArray[Any]) -> Array:
    """10th percentile over the first axis."""
    return _at(np.sort(values, axis=0), 0.1)


def upper(values: NDArray[Any]) -> Array:
    """90th percentile over the first axis."""
    return _at(np.sort(values, axis=0), 0.9)


def _at(ordered: NDArray[Any], share: float) -> Array:
    place = share * (ordered.shape[0] - 1)
    below = int(np.floor(place))
    above = min(below + 1, ordered.shape[0] - 1)
    weight = place - below
    return np.asarray(ordered[below] * (1.0 - weight) + ordered[above] * weight, dtype=np.float64)
