"""FLEE's rules in our terms: scores of places, weights of ways, days of travel, shares of camps.

==============================  ==========================================================================
FLEE                            here
==============================  ==========================================================================
leaves on a day with chance p   geometric stay, mean ``1 / p`` (first chance on the day after arrival)
travel ``floor(d / v) + 1``     the day of leaving is the last of the stay, so the leg takes ``floor(d / v)``
weight of a way                 weight of the leg, divided by the sum of those open
==============================  ==========================================================================
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sim.exchange.flee.settings import Settings
    from sim.exchange.flee.tables import Location, Route

__all__ = ["Way", "capacity_share", "endpoint_score", "travel_days", "way_weight", "ways_of"]

EARTH_KM = 6373.0
LEAST_LEFT = 1e-9
MOST_HOPS = 6


@dataclass(frozen=True)
class Way:
    """A directed way between two places, over markers if there are any.

    Parameters
    ----------
    id, start, end : str
        `start` and `end` are names of locations.
    links : tuple of (str, str)
        The directed links it runs over.
    km : float
    forced : bool
        All at `start` take it while it is forced.
    attributes : dict
        Extra columns of the (first) route.
    on_foot : bool
        Taken by those who have just set out and walk.
    """

    id: str
    start: str
    end: str
    links: tuple[tuple[str, str], ...]
    km: float
    forced: bool
    attributes: dict[str, str]
    on_foot: bool = False


def ways_of(locations: Sequence[Location], routes: Sequence[Route], ids: dict[str, str]) -> list[Way]:
    """Directed ways of a case; markers, which nobody stops at, are folded into the ways through them."""
    marker = {one.name for one in locations if one.kind == "marker"}
    out: dict[str, list[tuple[str, Route]]] = {one.name: [] for one in locations}
    for route in routes:
        out[route.first].append((route.second, route))
        out[route.second].append((route.first, route))
    made: list[Way] = []
    used: dict[str, int] = {}

    def follow(start: str, at: str, before: list[str], km: float, first: Route | None, forced: bool) -> None:
        for end, route in out[at]:
            if end in before or len(before) > MOST_HOPS * 2:
                continue
            here = route.forced == (1 if at == route.first else 2)
            entry = first or route
            if end in marker:
                follow(start, end, [*before, end], km + route.km, entry, forced or here)
                continue
            path = [*before, end]
            name = "--".join([ids[start], ids[end], *(f"via-{ids[via]}" for via in before[1:])])
            used[name] = used.get(name, 0) + 1
            name += f"--{used[name]}" if used[name] > 1 else ""
            links = tuple(zip(path[:-1], path[1:], strict=True))
            made.append(Way(name, start, end, links, km + route.km, forced or here, entry.attributes))

    for one in locations:
        if one.name not in marker:
            follow(one.name, one.name, [one.name], 0.0, None, False)
    return made


def great_circle_km(first: Location, second: Location) -> float:
    """Distance as the bird flies."""
    if None in {first.lat, first.lon, second.lat, second.lon}:
        return 0.0
    lat1, lon1 = math.radians(first.lat or 0.0), math.radians(first.lon or 0.0)
    lat2, lon2 = math.radians(second.lat or 0.0), math.radians(second.lon or 0.0)
    a = math.sin((lat2 - lat1) / 2) ** 2 + math.cos(lat1) * math.cos(lat2) * math.sin((lon2 - lon1) / 2) ** 2
    return 2 * EARTH_KM * math.asin(min(1.0, math.sqrt(a)))


def endpoint_score(settings: Settings, foreign: bool, camp: bool, conflict: float) -> float:
    """Attractiveness of a place: product of its factors (`conflict` is the decayed intensity)."""
    score = settings.foreign_weight if foreign else 1.0
    score *= settings.camp_weight if camp else 1.0
    return score * settings.conflict_weight**conflict if conflict > 0.0 else score


def way_weight(settings: Settings, km: float, score: float, share: float = 1.0) -> float:
    """``((weight_softening + score) / (softening + km) ** distance_power x share) ** weight_power``.

    Parameters
    ----------
    settings : Settings
    km : float
        Kilometres to the place, from where the person is.
    score : float
        See `endpoint_score`.
    share : float
        See `capacity_share`.
    """
    distance = max(settings.softening + km, LEAST_LEFT)
    return float(
        ((settings.weight_softening + score) / distance**settings.distance_power * share)
        ** settings.weight_power
    )


def own_factor(settings: Settings, start: Location, end: Location, kind: str) -> float:
    """Factors of the pair of places: closeness to where the person is, and population."""
    factor = 1.0
    if settings.stay_close_to_home:
        factor /= max(1.0, great_circle_km(end, start)) ** settings.home_distance_power
    if settings.use_pop_for_loc_weight and kind not in {"camp", "idpcamp"}:
        factor *= max(1.0, float(end.population)) ** settings.pop_power_for_loc_weight
    return factor


def capacity_share(settings: Settings, persons: float, capacity: float) -> float:
    """How much of its attraction a camp keeps as it fills: 1 up to the buffer, then falling to 0 when full.

    FLEE's people turn back from a camp that has less than half of it left, so below a half it is 0.
    """
    if capacity < 1 or persons <= settings.capacity_buffer * capacity:
        return 1.0
    if persons >= capacity or settings.capacity_buffer >= 1.0:
        return 0.0
    share = 1.0 - (persons / capacity - settings.capacity_buffer) / (1.0 - settings.capacity_buffer)
    return share if share >= 0.5 else 0.0  # noqa: PLR2004 - FLEE's own half


def travel_days(settings: Settings, way: Way) -> dict[str, object]:
    """Distribution of the days of a leg: ``floor(km / speed)``; the day of leaving belongs to the stay.

    A ``walk_probability`` of the route makes each day a walking day with that chance.
    """
    speed = attribute(way, "max_move_speed", settings.max_move_speed) or settings.max_move_speed
    if way.on_foot:
        speed = settings.max_walk_speed
    walking = attribute(way, "walk_probability", 0.0)
    if not 0.0 < walking <= 1.0:
        return {"kind": "fixed", "days": math.floor(way.km / speed)}
    return walking_table(way.km, speed, settings.max_walk_speed, walking)


def attribute(way: Way, name: str, usual: float) -> float:
    """A number among the extra columns of a route."""
    try:
        value = float(way.attributes.get(name, "") or usual)
    except ValueError:
        return usual
    return value if value >= 0.0 else usual


def walking_table(km: float, fast: float, slow: float, chance: float) -> dict[str, object]:
    """Days until the distance is covered when each day is slow with a chance."""
    chances = [1.0]  # by number of slow days, of those still on the way
    days: list[int] = []
    shares: list[float] = []
    step = 0
    while sum(chances) > LEAST_LEFT and step < 10_000:  # noqa: PLR2004 - a bound, never met
        step += 1
        after = [0.0] * (step + 1)
        for slow_days, share in enumerate(chances):
            after[slow_days] += share * (1.0 - chance)
            after[slow_days + 1] += share * chance
        there = [i * slow + (step - i) * fast > km for i in range(step + 1)]
        arrived = sum(share for share, done in zip(after, there, strict=True) if done)
        if arrived > 0.0:
            days.append(step - 1)
            shares.append(arrived)
        chances = [0.0 if done else share for share, done in zip(after, there, strict=True)]
    total = sum(shares)
    return {"kind": "table", "days": days, "share": [share / total for share in shares]}
