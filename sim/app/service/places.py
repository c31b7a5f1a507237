"""Places and countries of a run in one month: the small tables enter, what map and tables beside it show leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from sim.report.figures.stocks import SOUTH_TO_NORTH
from sim.report.frame import place_table

if TYPE_CHECKING:
    from sim.app.service.views import Views

__all__ = ["countries_in_order", "leg_rows", "map_tables", "place_rows"]


def of_month(table: pd.DataFrame, month: str) -> pd.DataFrame:
    """Rows of one month."""
    return table[pd.to_datetime(table["month"]) == pd.Timestamp(month)]


def map_tables(views: Views, month: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Legs with coordinates, and places with the people present, in one month.

    Parameters
    ----------
    views : Views
    month : str
        ``2022-10``.

    Returns
    -------
    legs : DataFrame
    places : DataFrame
        By place: name, country, lon, lat, irregular, people, lo90, hi90.
    """
    spots = place_table(views.run)
    legs = of_month(views.legs, month)
    legs = legs[legs["from_place"].isin(spots.index) & legs["to_place"].isin(spots.index)].reset_index(
        drop=True
    )
    for end in ("from", "to"):
        for column in ("name", "lon", "lat"):
            legs[f"{end}_{column}"] = legs[f"{end}_place"].map(spots[column])
    people = of_month(views.places, month).set_index("place")
    used = spots[spots.index.isin(people.index)].copy()
    for column, source in (("people", "median"), ("lo90", "lo90"), ("hi90", "hi90")):
        used[column] = people[source].reindex(used.index)
    return legs, used


def place_rows(places: pd.DataFrame, most: int) -> pd.DataFrame:
    """Places with the most people; camps on irregular routes are not listed by name."""
    named = places[~places["irregular"].astype(bool)]
    return named.sort_values("people", ascending=False).head(most)


def leg_rows(legs: pd.DataFrame, places: pd.DataFrame, most: int) -> pd.DataFrame:
    """Legs that most people used; those that touch an irregular place are drawn, not listed."""
    hidden = set(places.index[places["irregular"].astype(bool)])
    open_ = legs[~(legs["from_place"].isin(hidden) | legs["to_place"].isin(hidden))]
    return open_.sort_values("median", ascending=False).head(most)


def countries_in_order(views: Views) -> list[str]:
    """Countries of a run from south to north, the others after them."""
    found = [str(code) for code in pd.unique(views.countries["country"]) if code != "ALL" and code]
    known = [code for code in SOUTH_TO_NORTH if code in found]
    return known + sorted(code for code in found if code not in known)
