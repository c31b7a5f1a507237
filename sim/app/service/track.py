"""The model's own track record: forecasts of the past against what happened, from whoever provides them."""

from __future__ import annotations

from importlib.metadata import entry_points

import pandas as pd

__all__ = ["COLUMNS", "track_record"]

COLUMNS = (
    "border",
    "months_ahead",
    "forecasts",
    "inside50",
    "inside90",
    "error",
    "relative_to_naive",
    "from",
    "to",
)


def track_record() -> pd.DataFrame:
    """Return the scored forecasts of the installed provider (entry point group ``travesia.track_record``).

    Returns
    -------
    DataFrame
        border, months_ahead, forecasts (count), inside50 and inside90 (shares of observed months inside the interval),
        error (median absolute error over the observed), relative_to_naive (weighted interval score over that of the best
        naive rule; below 1 is better), from, to (months); empty when nobody provides any.
    """
    for entry in entry_points(group="travesia.track_record"):
        table = entry.load()()
        if isinstance(table, pd.DataFrame):
            return table
    return pd.DataFrame(columns=list(COLUMNS))
