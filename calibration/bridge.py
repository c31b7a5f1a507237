"""Series published too rarely to be forecast from their own past enter; forecasts leaned on a neighbour border leave.

Costa Rica and Honduras count nearly the same people as the Darién a few days later, but only some of their months are
published. Their forecast is that of the reference series, moved by the mean log ratio of the months in which both are
known, and widened by how much that ratio varies.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from calibration.panel import Panel

__all__ = ["bridge_forecasts"]

_RECENT = 12
_DEFAULT_SPREAD = 0.45
_MIDDLE = 11
_SHARE_SEEN = 0.3
_SPARSE = ("honduras", "costa_rica")
_SMALLEST_SPREAD = 0.12

Key = tuple[str, str]


def _references(panel: Panel, target: str, nationality: str) -> list[Key]:
    """Series the target may lean on: the Darién, or the US border for those who come by air."""
    darien, us = ("darien", nationality), ("us_border_patrol", nationality)
    own, above = panel.row(target, nationality), panel.row(*darien)
    both = np.isfinite(own) & np.isfinite(above)
    if nationality != "ALL" and both.any() and above[both].sum() < _SHARE_SEEN * own[both].sum():
        return [us, darien]
    return [darien, us]


def _ratio(own: NDArray[np.float64], above: NDArray[np.float64]) -> tuple[float, float, int] | None:
    """Mean and spread of the log ratio over the latest months in which both are known."""
    both = np.flatnonzero(np.isfinite(own) & np.isfinite(above) & (np.nan_to_num(above) > 0.0))[-_RECENT:]
    if not len(both):
        return None
    log_ratio = np.log1p(own[both]) - np.log1p(above[both])
    weight = 0.7 ** np.arange(len(both))[::-1]
    mean = float(np.average(log_ratio, weights=weight))
    # weighed as the mean is: what set an office apart a year ago says as little of its spread as of its share
    scatter = float(weight @ (log_ratio - mean) ** 2)
    spread = float(np.sqrt((_DEFAULT_SPREAD**2 + scatter) / weight.sum()))
    return mean, max(spread, _SMALLEST_SPREAD), len(both)


def bridge_forecasts(
    panel: Panel, known: Mapping[Key, NDArray[np.float64]]
) -> dict[Key, NDArray[np.float64]]:
    """Forecast the series of sparse borders from their neighbours.

    Parameters
    ----------
    panel : Panel
        Cut at the origin.
    known : mapping of (target, nationality) to float64 [months, 23]
        Forecast quantiles of dense series, log scale.

    Returns
    -------
    dict
        Quantiles (log scale) of the series of Honduras and Costa Rica that are not in `known`. A nationality never
        published there takes the ratio of the border as a whole.
    """
    out: dict[Key, NDArray[np.float64]] = {}
    for target in _SPARSE:
        whole = _ratio(panel.row(target, "ALL"), panel.row("darien", "ALL"))
        for nationality in dict.fromkeys(n for t, n in known if t == "darien"):
            if (target, nationality) in known:
                continue
            for reference in _references(panel, target, nationality):
                fitted = _ratio(panel.row(target, nationality), panel.row(*reference)) or whole
                if reference in known and fitted is not None:
                    out[target, nationality] = _moved(known[reference], fitted[0], fitted[1])
                    break
    return out


def _moved(quantiles: NDArray[np.float64], shift: float, spread: float) -> NDArray[np.float64]:
    """Shift by the ratio; widen so that variances on the log scale add up."""
    middle = quantiles[:, _MIDDLE : _MIDDLE + 1]
    inner = (quantiles[:, 16:17] - quantiles[:, 6:7]) / 1.349
    wider = np.sqrt(1.0 + (spread / np.maximum(inner, 1e-6)) ** 2)
    return np.asarray(np.maximum(middle + shift + (quantiles - middle) * np.minimum(wider, 20.0), 0.0))
