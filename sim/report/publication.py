"""Numbers on their way out: tables and values enter, what `sim.needs.safeguard` lets through leaves.

A figure draws what the run holds; the table that goes with it, and every printed number, passes here.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from sim.needs.safeguard import Margins, publish, round_people

__all__ = ["is_published", "published_parts", "publishable", "rounded"]

#: Number columns of the tables that go with figures.
COUNTS = ("median", "lo50", "hi50", "lo90", "hi90", "entries")


def publishable(table: pd.DataFrame, total: Mapping[str, str] | None = None) -> pd.DataFrame:
    """The table of a figure, fit to be published: small counts blank, the others rounded.

    Parameters
    ----------
    table : DataFrame
        Has a column `median` and others of `COUNTS`, in persons.
    total : mapping of str to str, optional
        Columns and the label of their total, so that a blank cannot be worked out from the rest.

    Returns
    -------
    DataFrame
        The same rows with a column `suppressed`.
    """
    if table.empty:
        return table
    counts = [name for name in COUNTS if name in table.columns]
    margins = None
    if total:
        others = [name for name in table.columns if name not in counts and name not in total]
        margins = Margins(dict(total), tuple(others))
    return publish(table, people="median", values=counts, margins=margins)


def published_parts(parts: Mapping[str, float]) -> dict[str, float | None]:
    """Parts of a whole that is printed too: rounded counts, None where one must be hidden.

    Parameters
    ----------
    parts : mapping of str to float
        Persons by part; together they are everybody.
    """
    if not parts:
        return {}
    frame = pd.DataFrame({"part": [*parts, "all"], "persons": [*parts.values(), sum(parts.values())]})
    table = publish(frame, people="persons", values=["persons"], margins=Margins({"part": "all"}))
    values = dict(zip(table["part"], table["persons"], strict=True))
    return {key: None if np.isnan(values[key]) else float(values[key]) for key in parts}


def rounded(value: float) -> float:
    """A count of people as the rule rounds it."""
    return float(round_people(np.array([value]))[0])


def is_published(value: float) -> bool:
    """Whether the rule lets a count out at all."""
    table = publish(pd.DataFrame({"persons": [float(value)]}), people="persons", values=["persons"])
    return bool(table["persons"].notna().iloc[0])
