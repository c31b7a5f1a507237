"""Tidy monthly counts enter; a rectangle of series by month leaves, gaps as NaN, ready to be forecast."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from calibration.observed.load import load_observed
from calibration.observed.tables import GROUPS
from sim.errors import CalibrationError, Problem

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["TARGETS", "Panel", "load_panel", "months_apart", "panel_of", "parse_month", "shift_month"]

TARGETS: tuple[str, ...] = ("darien", "honduras", "costa_rica", "mexico", "us_border_patrol", "us_ports")
"""Borders that are forecast, from south to north."""

_FIRST_POSSIBLE = "2000-01"


@dataclass(frozen=True)
class Panel:
    """Monthly series side by side.

    Parameters
    ----------
    keys : tuple of (str, str)
        Target and nationality (group id or ``ALL``) of each row.
    months : tuple of str
        ``YYYY-MM``, without holes.
    counts : float64 [series, months]
        Persons or encounters a month; NaN where nothing was published.
    """

    keys: tuple[tuple[str, str], ...]
    months: tuple[str, ...]
    counts: NDArray[np.float64]

    def until(self, origin: str) -> Panel:
        """The same series with the months up to `origin` only.

        Parameters
        ----------
        origin : str
            Last month that may be used, ``YYYY-MM``.

        Returns
        -------
        Panel
        """
        keep = sum(month <= origin for month in self.months)
        return replace(self, months=self.months[:keep], counts=self.counts[:, :keep])

    def row(self, target: str, nationality: str) -> NDArray[np.float64]:
        """One series.

        Parameters
        ----------
        target, nationality : str

        Returns
        -------
        float64 [months]
            All NaN where the panel has no such series.
        """
        if (target, nationality) not in self.keys:
            return np.full(len(self.months), np.nan)
        return np.asarray(self.counts[self.keys.index((target, nationality))])

    def frame(self) -> pd.DataFrame:
        """The published figures as rows: target, nationality, period, observed."""
        i, j = np.nonzero(~np.isnan(self.counts))
        return pd.DataFrame(
            {
                "target": [self.keys[a][0] for a in i],
                "nationality": [self.keys[a][1] for a in i],
                "period": [self.months[b] for b in j],
                "observed": self.counts[i, j],
            }
        )


def parse_month(text: str, where: str = "month") -> str:
    """Check that a text is a month.

    Parameters
    ----------
    text : str
    where : str
        Said in the refusal.

    Returns
    -------
    str
        The month, ``YYYY-MM``.

    Raises
    ------
    CalibrationError
        If it is not a month.
    """
    well_formed = len(text) == len("2024-06") and text[:4].isdigit() and text[4] == "-" and text[5:].isdigit()
    if not well_formed or not "01" <= text[5:] <= "12" or text < _FIRST_POSSIBLE:
        raise CalibrationError(
            "A month cannot be read.", [Problem(f"month {text!r}", where, "YYYY-MM, for example 2024-06")]
        )
    return text


def shift_month(month: str, by: int) -> str:
    """Month that lies `by` months later.

    Parameters
    ----------
    month : str
    by : int
        Negative for earlier.

    Returns
    -------
    str
    """
    return str(pd.Period(month, "M") + by)


def months_apart(earlier: str, later: str) -> int:
    """Months from one month to another.

    Parameters
    ----------
    earlier, later : str

    Returns
    -------
    int
    """
    return (int(later[:4]) - int(earlier[:4])) * 12 + int(later[5:]) - int(earlier[5:])


def panel_of(rows: pd.DataFrame) -> Panel:
    """Arrange tidy rows as a panel.

    Parameters
    ----------
    rows : DataFrame
        border, month, nationality, persons.

    Returns
    -------
    Panel
        Series ordered by target (south to north), ``ALL`` first, then the groups.
    """
    rows = rows[rows["border"].isin(TARGETS)]
    if rows.empty:
        raise CalibrationError(
            "There is nothing to work with.", [Problem("no row of a known border", "", ", ".join(TARGETS))]
        )
    months = [str(m) for m in pd.period_range(rows["month"].min(), rows["month"].max(), freq="M")]
    wide = rows.pivot_table(index=["border", "nationality"], columns="month", values="persons", aggfunc="sum")
    order = [(t, g) for t in TARGETS for g in ("ALL", *GROUPS) if (t, g) in wide.index]
    table = wide.reindex(index=pd.MultiIndex.from_tuples(order), columns=months)
    return Panel(tuple(order), tuple(months), table.to_numpy(dtype=np.float64))


def load_panel(*, start: str | None = None, end: str | None = None) -> Panel:
    """The observed series as a panel.

    Parameters
    ----------
    start, end : str, optional
        First and last month, inclusive.

    Returns
    -------
    Panel
        ``lower bound`` rows are left out: the source hides part of the group among others.
    """
    rows = load_observed(start=start, end=end)
    return panel_of(rows[rows["confidence"] != "lower bound"])
