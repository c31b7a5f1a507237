"""Months enter; the documented range of the share of people that a border registers leaves.

``registered_shares.csv`` holds what is known of a border apart from its own counts: one row is a range that holds from a date
on, for those who came by a channel or (blank) for all that have no row of their own, with its source. Before the first row the
range is that of the configuration. The middle is the geometric mean of the ends.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["own_channels", "registered_ranges"]


@functools.cache
def _table() -> pd.DataFrame:
    table = pd.read_csv(Path(__file__).parent / "registered_shares.csv", keep_default_na=False)
    return table.assign(start=pd.to_datetime(table["start"])).sort_values("start")


def own_channels(border: str) -> tuple[str, ...]:
    """Channels of departure with a share of their own at a border.

    Parameters
    ----------
    border : str

    Returns
    -------
    tuple of str
    """
    table = _table()
    channels = table[(table["border"] == border) & (table["channel"] != "")]["channel"]
    return tuple(sorted(set(channels)))


def registered_ranges(
    border: str, channel: str, months: Sequence[str], usual: tuple[float, float, float]
) -> NDArray[np.float64]:
    """Share of people registered, by month.

    Parameters
    ----------
    border : str
    channel : str
        Empty for all that have no share of their own.
    months : sequence of str
        ``YYYY-MM``.
    usual : (float, float, float)
        Low, middle and high before the table says anything.

    Returns
    -------
    float64 [months, 3]
        Of a month in which the range changes, the mean over its days.
    """
    table = _table()
    rows = table[(table["border"] == border) & (table["channel"] == channel)]
    ranges = np.vstack([usual, rows[["low", "middle", "high"]].to_numpy(np.float64)])
    out = []
    for month in months:
        span = pd.Period(month, "M")
        days = pd.date_range(span.start_time, periods=span.days_in_month)
        out.append(
            ranges[np.searchsorted(rows["start"].to_numpy(), days.to_numpy(), side="right")].mean(axis=0)
        )
    return np.array(out)
