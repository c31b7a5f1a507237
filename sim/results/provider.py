"""Observed series reach the simulator through whoever provides them; the simulator imports nobody for it."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["no_series", "observed_series"]


def observed_series() -> pd.DataFrame:
    """Return observed monthly counts from the installed provider (entry point group ``travesia.observed``).

    Returns
    -------
    DataFrame
        Columns border, month (YYYY-MM), nationality, persons, kind, source; empty when nobody provides any.
    """
    import pandas as pd

    for entry in entry_points(group="travesia.observed"):
        table = entry.load()()
        if isinstance(table, pd.DataFrame):
            return table
    return no_series()


def no_series() -> pd.DataFrame:
    """Return an empty table in the form of `observed_series`, for worlds where nothing is counted."""
    import pandas as pd

    return pd.DataFrame(columns=["border", "month", "nationality", "persons", "kind", "source"])
