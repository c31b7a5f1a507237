"""What needs must know of the route: a run in, places, legs and homes as plain arrays out."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np
import pandas as pd

from sim.needs.tables import table

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Route", "RunTables", "admin1_code", "codes_of", "route_of", "waits_at_home"]

_WILD: Final = ("foot", "jungle", "boat")


class RunTables(Protocol):
    """What needs look at in a run: three tables; its scenario and manifest are read where it has them."""

    @property
    def flows(self) -> pd.DataFrame:
        """Persons by leg and period."""

    @property
    def stocks(self) -> pd.DataFrame:
        """Person-days and peaks by place and status."""

    @property
    def departures(self) -> pd.DataFrame:
        """Persons who departed by place and nationality."""


@dataclass(frozen=True)
class Route:
    """Places, legs and home countries of a run.

    Parameters
    ----------
    places : pandas.DataFrame
        Index place id; columns country, admin1, admin1_code, name, role, irregular, reception_capacity.
    hazardous_legs : frozenset of str
        Legs over the hazard thresholds of the severity table.
    wild_legs : frozenset of str
        Those of them on foot, through the jungle or by boat: whoever walks them is out of reach of any service.
    legs : tuple
        From place, to place and mean travel days of each leg.
    leg_days : dict
        Mean travel days by leg.
    homes : dict
        Home country of each nationality group.
    """

    places: pd.DataFrame
    hazardous_legs: frozenset[str]
    wild_legs: frozenset[str]
    legs: tuple[tuple[str, str, float], ...]
    leg_days: dict[str, float]
    homes: dict[str, str]


def admin1_code(country: str, admin1: str) -> str:
    """A code of our own for a first-level area (no P-codes are claimed), for example ``PAN-darien``."""
    plain = unicodedata.normalize("NFKD", admin1).encode("ascii", "ignore").decode().lower()
    slug = "-".join("".join(c if c.isalnum() else " " for c in plain).split())
    return f"{country}-{slug}" if slug else ""


def route_of(run: RunTables, seen: Iterable[tuple[str, ...]]) -> Route:
    """Read the route of a run; what the scenario does not say is taken from the tables themselves.

    Parameters
    ----------
    run : Run
        A run, with or without a scenario.
    seen : iterable of tuple
        Places of its tables with the country they lie in.
    """
    world = getattr(getattr(run, "scenario", None), "world", None)
    places = _places(seen, _items(getattr(world, "places", ())))
    legs = _items(getattr(world, "legs", ()))
    groups = _items(getattr(world, "groups", ()))
    homes = {str(g.id): str(getattr(g, "home_country", "") or "") for g in groups}
    for nationality in pd.unique(run.departures["nationality"].astype(str)):
        homes.setdefault(str(nationality), str(nationality))
    ends = tuple((_text(leg, "from_"), _text(leg, "to"), _days(leg)) for leg in legs)
    hazardous = _hazardous(legs)
    wild = frozenset(str(leg.id) for leg in legs if str(leg.id) in hazardous and _text(leg, "mode") in _WILD)
    return Route(places, hazardous, wild, ends, {str(leg.id): _days(leg) for leg in legs}, homes)


def _items(given: object) -> list[Any]:
    """Things of a world, given as a list or by id."""
    if isinstance(given, dict):
        return list(given.values())
    return list(given) if isinstance(given, Iterable) else []


def _text(thing: object, name: str) -> str:
    value = getattr(thing, name, None)
    return "" if value is None else str(getattr(value, "value", value))


def _places(seen: Iterable[tuple[str, ...]], known: Iterable[Any]) -> pd.DataFrame:
    rows: dict[str, dict[str, object]] = {}
    for place in known:
        country, admin1 = _text(place, "country"), _text(place, "admin1")
        capacity = getattr(place, "reception_capacity_persons", None)
        rows[str(place.id)] = {
            "country": country,
            "admin1": admin1,
            "admin1_code": admin1_code(country, admin1),
            "name": _text(place, "name") or str(place.id),
            "role": _text(place, "role"),
            "irregular": bool(getattr(place, "irregular", False)),
            "reception_capacity": capacity,
        }
    for place, country in seen:
        rows.setdefault(
            place,
            {
                "country": country,
                "admin1": "",
                "admin1_code": "",
                "name": place,
                "role": "",
                "irregular": False,
                "reception_capacity": None,
            },
        )
    return pd.DataFrame.from_dict(rows, orient="index")


def waits_at_home(run: RunTables, stocks: pd.DataFrame | None = None) -> NDArray[np.bool_]:
    """Which rows of the stocks, or of sums of them, are people who wait where their journey begins, in their own country.

    They wait in a queue for a regular way, or have no means for any: they have not left, and are not on the route.
    """
    groups = _items(getattr(getattr(getattr(run, "scenario", None), "world", None), "groups", ()))
    homes = {str(g.id): str(getattr(g, "home_country", "") or "") for g in groups}
    left, rows = run.departures, run.stocks if stocks is None else stocks
    begins = set(zip(left["place"].astype(str), left["nationality"].astype(str), strict=True))
    (place, places), (country, countries) = codes_of(rows["place"]), codes_of(rows["country"])
    (who, nationalities), (status, statuses) = codes_of(rows["nationality"]), codes_of(rows["status"])
    starts = np.array([[(p, n) in begins for n in [*nationalities, ""]] for p in [*places, ""]], dtype=bool)
    own = np.array(
        [[homes.get(n, n) == c for n in [*nationalities, ""]] for c in [*countries, ""]], dtype=bool
    )
    still = np.array([x in ("queued", "stranded") for x in [*statuses, ""]], dtype=bool)
    return np.asarray(starts[place, who] & own[country, who] & still[status], dtype=bool)


def codes_of(column: pd.Series) -> tuple[NDArray[Any], list[str]]:
    """Code of every row and the names of the codes; -1 where there is none."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        return np.asarray(column.cat.codes.to_numpy()), [str(c) for c in column.cat.categories]
    found, uniques = pd.factorize(column)
    return np.asarray(found), [str(u) for u in uniques]


def _hazardous(legs: Iterable[Any]) -> frozenset[str]:
    """Legs over any hazard threshold of ``severity.csv``."""
    rules = table("severity")
    rules = rules[rules["criterion"] == "hazard"]
    limits = {str(row.applies_to): float(str(row.threshold)) for row in rules.itertuples(index=False)}
    out = set()
    for leg in legs:
        robbed = float(getattr(leg, "haz_robbed", None) or 0.0)
        deaths = float(getattr(leg, "deaths_per_100k", None) or 0.0)
        if (
            robbed >= limits.get("robbed_share", 2.0)
            or deaths >= limits.get("deaths_per_100k", 1e9)
            or f"mode:{_text(leg, 'mode')}" in limits
        ):
            out.add(str(leg.id))
    return frozenset(out)


def _days(leg: object) -> float:
    """Mean days on a leg, from whichever fields its distribution has."""
    days = getattr(leg, "days", None)
    three = [getattr(days, name, None) for name in ("low", "mode", "high")]
    known = [float(x) for x in three if isinstance(x, (int, float))]
    if known:
        return sum(known) / len(known)
    for name in ("days", "mean_days", "median_days"):
        value = getattr(days, name, None)
        if isinstance(value, (int, float)):
            return float(value)
    return 1.0
