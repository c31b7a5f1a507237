"""Counts of the years before a window enter; how far months and nationalities stand apart in what is detected leaves.

A country detects more of one nationality than of another, and more in one month than in the next. How much is learnt from the
months before the window, at the same border: nothing of the window is in it. Detections per entry are ``M / (M + U / met)``,
where M is what the border counted, U what the southwest border of the United States counted and met the share that it meets.
Only nationalities that come by land are taken, since those who fly pass neither; and only months in which both counted
twenty of them, below which luck alone is wider than what is sought.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from calibration.config import border_rows

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from calibration.config import Config
    from calibration.response import Response

__all__ = ["Apart", "apart_before", "land_only"]

_FEWEST = 20.0
_NATIONALITIES = 4
_BY_LAND = 0.99
_MONTHS = 12
_NORTH = "us_southwest"
_MET = "detection_us_between_ports"


@dataclass(frozen=True)
class Apart:
    """Standard deviations of log detections per entry.

    Parameters
    ----------
    months : float
        From month to month, of all nationalities together.
    nationalities : float
        Between nationalities, for good.
    both : float
        Of one nationality in one month.
    """

    months: float
    nationalities: float
    both: float


def land_only(response: Response, strands: tuple[int, ...]) -> tuple[str, ...]:
    """Nationalities of which the route sends no more than one in a hundred over any but the main strand of a border.

    Parameters
    ----------
    response : Response
    strands : tuple of int
        Those of the border; the main one is the one that most people cross, and the others are flights.

    Returns
    -------
    tuple of str
    """
    crossed = response.crossings(response.start)[list(strands)].sum(axis=2)
    main = int(crossed.sum(axis=1).argmax())
    everybody = crossed.sum(axis=0)
    by_land = (everybody > 0.0) & (crossed[main] >= _BY_LAND * everybody)
    return tuple(g for g, kept in zip(response.groups, by_land, strict=True) if kept)


def apart_before(config: Config, border: str, groups: tuple[str, ...]) -> Apart | None:
    """Learn the spread of detections per entry from the months before the window.

    Parameters
    ----------
    config : Config
    border : str
        A border that counts events.
    groups : tuple of str
        Nationalities that come by land.

    Returns
    -------
    Apart or None
        None where fewer than four nationalities or twelve months were counted.
    """
    met = next((middle for name, middle, _, _ in config.detection if name == _MET), 1.0)
    here, north = (_table(config, name, groups) for name in (border, _NORTH))
    months, named = here.index.intersection(north.index), here.columns.intersection(north.columns)
    a, b = here.loc[months, named].to_numpy(np.float64), north.loc[months, named].to_numpy(np.float64)
    enough = (a >= _FEWEST) & (b >= _FEWEST)
    keep = enough.any(axis=0)
    if keep.sum() < _NATIONALITIES or enough.any(axis=1).sum() < _MONTHS:
        return None
    with np.errstate(divide="ignore", invalid="ignore"):
        log_rate = np.where(enough, np.log(a / (a + b / met)), np.nan)
    return _parts(log_rate[enough.any(axis=1)][:, keep])


def _table(config: Config, border: str, groups: tuple[str, ...]) -> pd.DataFrame:
    rows = border_rows(config, border)
    rows = rows[(rows["month"] < config.start) & rows["nationality"].isin(groups)]
    rows = rows[rows["confidence"] != "lower bound"]
    return rows.pivot_table(index="month", columns="nationality", values="persons", aggfunc="sum")


def _parts(log_rate: NDArray[np.float64]) -> Apart:
    """Two-way analysis of variance of months x nationalities, with gaps."""
    seen = np.isfinite(log_rate)
    filled = np.where(seen, log_rate, 0.0)
    by_month, by_group = np.zeros(log_rate.shape[0]), np.zeros(log_rate.shape[1])
    for _ in range(100):
        by_month = ((filled - by_group) * seen).sum(axis=1) / seen.sum(axis=1)
        by_group = ((filled - by_month[:, None]) * seen).sum(axis=0) / seen.sum(axis=0)
    left = (filled - by_month[:, None] - by_group)[seen]
    freedom = seen.sum() - len(by_month) - len(by_group) + 1
    both = float(np.sqrt((left**2).sum() / freedom))
    month_luck = both**2 * float((1.0 / seen.sum(axis=1)).mean())
    group_luck = both**2 * float((1.0 / seen.sum(axis=0)).mean())
    months = float(np.sqrt(max(by_month.var(ddof=1) - month_luck, 0.0)))
    nationalities = float(np.sqrt(max(by_group.var(ddof=1) - group_luck, 0.0)))
    return Apart(months, nationalities, both)
