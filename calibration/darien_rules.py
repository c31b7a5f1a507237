"""Counts of the Darién enter; what rules that scale and lag them would have said of another border leaves.

Two readings of "the best rule built from the Darién alone". With hindsight (:func:`best_with_hindsight`) scale, lag and spread
are chosen by looking at the counts to be predicted: nobody could have used such a rule, and it is the harder to beat. Without
sight (:func:`best_without_sight`) nothing of those counts is seen: the scale is one or the ratio of Costa Rica to the Darién,
the spread that of past changes of the Darién itself; only which of the six is shown is chosen afterwards.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.stats import norm

from calibration.config import border_rows
from calibration.score import LEVELS, wis

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from calibration.config import Config

__all__ = ["best_with_hindsight", "best_without_sight"]

_SCALES = (0.25, 0.5, 0.75, 1.0, 1.5)
_LAGS = (0, 1)
_SPREADS = (0.25, 0.5, 1.0)
_BLIND_LAGS = (0, 1, 2)


class _Darien:
    """Counts of the Darién of the nationalities that each cell stands for."""

    def __init__(self, config: Config, cells: pd.DataFrame) -> None:
        rows = border_rows(config, "darien")
        self.counts = rows.set_index(["nationality", "month"])["persons"]
        self.months = [str(m) for m in pd.period_range(config.start, config.end, freq="M")]
        self.cells = cells

    def _sum(self, covers: str, month: str) -> float:
        return sum(float(self.counts.get((g, month), 0.0)) for g in covers.split(";"))

    def lagged(self, lag: int) -> NDArray[np.float64]:
        """Count of the Darién `lag` months before each cell: float64 [cells]."""
        months = [str(pd.Period(m, "M") - lag) for m in self.cells["month"]]
        return np.array([self._sum(c, m) for c, m in zip(self.cells["covers"], months, strict=True)])

    def changes(self, lag: int) -> NDArray[np.float64]:
        """Quantiles of past log changes (both signs) over the lag, at least a month: float64 [cells, 23]."""
        step = max(lag, 1)
        made = {}
        for covers in self.cells["covers"].unique():
            z = np.log1p([self._sum(covers, m) for m in self.months])
            change = z[step:] - z[:-step]
            made[covers] = np.quantile(np.concatenate([change, -change]), LEVELS)
        return np.stack([made[covers] for covers in self.cells["covers"]])


def _quantiles(base: NDArray[np.float64], apart: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.expm1(np.maximum(np.log1p(base)[:, None] + apart, 0.0)))


def best_with_hindsight(config: Config, cells: pd.DataFrame) -> tuple[NDArray[np.float64], str]:
    """WIS of the best of thirty rules that scale and lag the Darién of the same nationality.

    Parameters
    ----------
    config : Config
    cells : DataFrame
        nationality, covers, month, observed.

    Returns
    -------
    wis : float64 [cells]
    rule : str
        Scale, lag and spread are chosen by looking at what was withheld, which favours the rule.
    """
    darien, seen = _Darien(config, cells), cells["observed"].to_numpy(np.float64)
    tried = [
        (
            wis(_quantiles(darien.lagged(lag) * scale, spread * norm.ppf(LEVELS)), seen),
            f"Darién x {scale:g}, lag {lag}, spread {spread:g}",
        )
        for lag, scale, spread in product(_LAGS, _SCALES, _SPREADS)
    ]
    return min(tried, key=lambda one: float(one[0].mean()))


def best_without_sight(config: Config, cells: pd.DataFrame) -> tuple[NDArray[np.float64], str]:
    """WIS of the best of six rules that know nothing of the counts to be predicted.

    Parameters
    ----------
    config : Config
    cells : DataFrame
        nationality, covers, month, observed (only scored against).

    Returns
    -------
    wis : float64 [cells]
    rule : str
    """
    darien, seen = _Darien(config, cells), cells["observed"].to_numpy(np.float64)
    tried = [
        (
            wis(_quantiles(darien.lagged(lag) * scale, darien.changes(lag)), seen),
            f"Darién x {scale:.2g}, lag {lag}, past changes",
        )
        for lag, scale in product(_BLIND_LAGS, (1.0, _ratio_of_costa_rica(config)))
    ]
    return min(tried, key=lambda one: float(one[0].mean()))


def _ratio_of_costa_rica(config: Config) -> float:
    """What Costa Rica counted over what Panama counted, in the months of the window that both published."""
    totals = []
    for border in ("costa_rica", "darien"):
        rows = border_rows(config, border)
        rows = rows[(rows["nationality"] == "ALL") & rows["month"].between(config.start, config.end)]
        totals.append(rows.set_index("month")["persons"].astype(float))
    both = totals[0].index.intersection(totals[1].index)
    return float(totals[0][both].sum() / totals[1][both].sum()) if len(both) else 1.0
