"""What holds on each day of a FLEE case: conflicts and closures enter, states by day leave."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sim.exchange.flee.rules import MOST_HOPS, Way, endpoint_score, own_factor, way_weight

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from sim.exchange.flee.settings import Settings
    from sim.exchange.flee.tables import Closure, Location

__all__ = ["Days", "closed_links", "day_states", "forced_ways", "weights_by_day"]

DECAY_DAYS = 30
Grid = "NDArray[np.float64]"


@dataclass(frozen=True)
class Days:
    """States by place (rows) and day (columns).

    Parameters
    ----------
    conflict : float64 [places, days]
        Decayed intensity of conflict, 0 = none.
    camp : bool [places, days]
    chance : float64 [places, days]
        Probability of leaving on a day.
    score : float64 [places, days]
    """

    conflict: NDArray[np.float64]
    camp: NDArray[np.bool_]
    chance: NDArray[np.float64]
    score: NDArray[np.float64]


def base_chance(settings: Settings, kind: str) -> float:
    """Probability of leaving a place of a kind on a day."""
    return {
        "camp": settings.camp_movechance,
        "idpcamp": settings.idpcamp_movechance,
        "conflict_zone": settings.conflict_movechance,
        "forwarding_hub": 1.0,
        "marker": 1.0,
    }.get(kind, settings.default_movechance)


def intensities(location: Location, series: Sequence[float] | None, n_days: int) -> NDArray[np.float64]:
    """Intensity of conflict by day: from conflicts.csv where it names the place, else its date.

    As in FLEE a conflict keeps the intensity of its first day until it ends.
    """
    out = np.zeros(n_days)
    if series:
        known = np.asarray(series[:n_days], dtype=float)
        out[: len(known)], out[len(known) :] = known, known[-1]
        for day in range(1, n_days):
            if out[day] > 0.0 and out[day - 1] > 0.0:
                out[day] = out[day - 1]
    elif location.conflict_day is not None:
        text = location.attributes.get("conflict_intensity", "")
        out[max(location.conflict_day, 0) :] = float(text) if text.replace(".", "", 1).isdigit() else 1.0
    return out


def decay(settings: Settings, intensity: NDArray[np.float64]) -> NDArray[np.float64]:
    """Factor on a conflict by the days since it began."""
    out = np.ones(len(intensity))
    if not settings.conflict_spawn_decay:
        return out
    since = 0
    for day, value in enumerate(intensity):
        since = since + 1 if value > 0.0 and day > 0 and intensity[day - 1] > 0.0 else 0
        step = min(since // DECAY_DAYS, len(settings.conflict_spawn_decay) - 1)
        out[day] = settings.conflict_spawn_decay[step]
    return out


def camp_kinds(location: Location, closures: Sequence[Closure], n_days: int) -> list[str]:
    """Kind of a place on each day: a closed camp is a town until it opens."""
    kind = "town" if location.kind == "conflict_zone" else location.kind
    made = []
    own = [one for one in closures if one.kind in {"camp", "idpcamp"} and one.first == location.name]
    for day in range(n_days):
        for one in own:
            if day == one.start:
                kind = "town"
            if day == one.end:
                kind = one.kind
        made.append(kind)
    return made


def day_states(
    settings: Settings,
    locations: Sequence[Location],
    conflicts: Mapping[str, Sequence[float]],
    closures: Sequence[Closure],
    n_days: int,
) -> Days:
    """States of all places on all days."""
    shape = (len(locations), n_days)
    days = Days(np.zeros(shape), np.zeros(shape, bool), np.zeros(shape), np.zeros(shape))
    home = locations[0].country
    for row, place in enumerate(locations):
        intensity = intensities(place, conflicts.get(place.name), n_days)
        faded = intensity * decay(settings, intensity)
        kinds = camp_kinds(place, closures, n_days)
        for day, kind in enumerate(kinds):
            camp = kind in {"camp", "idpcamp"}
            now = "conflict_zone" if intensity[day] > 0.0 else kind
            days.camp[row, day] = camp
            days.chance[row, day] = base_chance(settings, now)
            days.score[row, day] = endpoint_score(settings, place.country != home, camp, float(faded[day]))
        days.conflict[row] = faded
        if settings.movechance_pop_scale_factor:
            size = place.population / settings.movechance_pop_base
            days.chance[row] = np.clip(
                days.chance[row] * size**settings.movechance_pop_scale_factor, 0.0, 1.0
            )
    return days


def closed_links(
    closure: Closure, links: Sequence[tuple[str, str]], country: Mapping[str, str], pairs: bool
) -> set[tuple[str, str]]:
    """Directed links a closure shuts, both ways.

    Parameters
    ----------
    closure : Closure
    links : sequence of (str, str)
    country : mapping of str to str
        Country by place.
    pairs : bool
        Whether a location closure that names two places is the link between them.
    """
    ends = {closure.first, closure.second}
    if closure.kind == "country":
        return {link for link in links if {country[link[0]], country[link[1]]} == ends and len(ends) > 1}
    if closure.kind == "link" or (
        closure.kind == "location" and closure.second and pairs and ends in map(set, links)
    ):
        return {link for link in links if set(link) == ends}
    if closure.kind == "location":
        return {link for link in links if closure.first in link}
    return set()


def forced_ways(ways: Sequence[Way], closures: Sequence[Closure], n_days: int) -> NDArray[np.bool_]:
    """Whether each way takes everybody from its start, by day."""
    out = np.zeros((len(ways), n_days), bool)
    for number, way in enumerate(ways):
        out[number] = way.forced
        own = [
            one
            for one in closures
            if one.kind == "remove_forced_redirection" and (one.first, one.second) in way.links
        ]
        state = way.forced
        for day in range(n_days) if own else ():
            for one in own:
                state = False if day == one.start else True if day == one.end else state
            out[number, day] = state
    return out


def weights_by_day(
    settings: Settings,
    locations: Sequence[Location],
    ways: Sequence[Way],
    days: Days,
    shut: NDArray[np.bool_],
    share: NDArray[np.float64] | None = None,
) -> NDArray[np.float64]:
    """Weight of every way on every day, whether or not it is shut itself.

    With an awareness of one link a way weighs what its end weighs. With more, it weighs what all routes that
    begin with it weigh together, up to that many links, never back to a place already on the route.

    Parameters
    ----------
    settings : Settings
    locations : sequence of Location
    ways : sequence of Way
    days : Days
    shut : bool [ways, days]
    share : float64 [places, days], optional
        What full camps keep of their attraction; 1 without.
    """
    n_days = days.score.shape[1]
    row = {one.name: i for i, one in enumerate(locations)}
    if settings.awareness_level < 1:
        return np.ones((len(ways), n_days))
    parts = np.ones(days.score.shape) if share is None else share
    own = np.array(
        [
            own_factor(settings, locations[row[w.start]], locations[row[w.end]], locations[row[w.end]].kind)
            for w in ways
        ]
    )
    out = np.zeros((len(ways), n_days))
    if settings.awareness_level == 1:
        for number, way in enumerate(ways):
            for first, last in steps(days.score[row[way.end]], parts[row[way.end]]):
                out[number, first:last] = way_weight(
                    settings,
                    way.km,
                    own[number] * days.score[row[way.end], first],
                    parts[row[way.end], first],
                )
        return out
    onward: dict[str, list[int]] = {}
    for number, way in enumerate(ways):
        onward.setdefault(way.start, []).append(number)
    level = min(settings.awareness_level, MOST_HOPS)

    def routes(number: int, km: float, before: frozenset[str], depth: int, day: int) -> float:
        way = ways[number]
        end = row[way.end]
        total = way_weight(settings, km + way.km, own[number] * days.score[end, day], parts[end, day])
        if depth < level:
            here = before | {way.start}
            for after in onward.get(way.end, ()):
                if ways[after].end not in here and not shut[after, day] and not ways[after].on_foot:
                    total += routes(after, km + way.km, here, depth + 1, day)
        return total

    for first, last in steps(*days.score, *parts, *shut):
        for number in range(len(ways)):
            out[number, first:last] = routes(number, 0.0, frozenset(), 1, first)
    return out


def steps(*series: NDArray[np.float64] | NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Stretches of days (first, one past the last) on which none of the series changes."""
    n_days = len(series[0])
    changed = np.zeros(n_days, bool)
    changed[0] = True
    for values in series:
        changed[1:] |= values[1:] != values[:-1]
    starts = [int(day) for day in np.flatnonzero(changed)]
    return list(zip(starts, [*starts[1:], n_days], strict=True))
