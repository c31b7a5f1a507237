"""A FLEE case as a world: places, legs and policies of ours, as the mappings a scenario file holds."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from sim.exchange.flee.calendar import Days, closed_links, day_states, forced_ways, steps, weights_by_day
from sim.exchange.flee.fill import expected_shares, in_steps
from sim.exchange.flee.rules import Way, travel_days
from sim.exchange.flee.series import TOTAL
from sim.exchange.flee.tables import NEVER
from sim.exchange.names import Countries

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sim.exchange.flee.case import Case
    from sim.exchange.flee.tables import Location

__all__ = ["BEYOND", "NOTE", "START", "Frame", "frame_of"]

BEYOND: Final = "beyond"
START: Final = ".start"
NOTE: Final = "observed persons, day:persons"
NEVER_LEAVES: Final = 1e9
CERTAIN: Final = 1e6
TAIL: Final = 1e-6
ROLES: Final = {"conflict_zone": "origin", "camp": "reception", "idpcamp": "reception"}


@dataclass(frozen=True)
class Frame:
    """A case with its states by day and its codes.

    Parameters
    ----------
    case : Case
    days : Days
    countries : Countries
    ways : list of Way
        Those of the case, and those of people who have just set out where they walk.
    shut, forced : bool [ways, days]
    closures : list of (dict)
        Closure policies written so far.
    outside : list of str
        Closures that touch no link or no day.
    """

    case: Case
    days: Days
    countries: Countries
    ways: list[Way]
    shut: NDArray[np.bool_]
    forced: NDArray[np.bool_]
    closures: list[dict[str, Any]]
    outside: list[str]

    def place_id(self, way: Way) -> str:
        """Id of the place a way begins in."""
        return self.case.ids[way.start] + (START if way.on_foot else "")

    def span(self, first: int, end: int) -> dict[str, str]:
        """`start` and `end` of a policy in force from day `first` up to, not on, day `end`."""
        made = {"start": self.case.day(first).isoformat()}
        if end < self.case.n_days:
            made["end"] = self.case.day(end - 1).isoformat()
        return made


def frame_of(case: Case, pairs: bool) -> Frame:
    """States of a case by day, and its closures.

    Parameters
    ----------
    case : Case
    pairs : bool
        Whether a location closure that names two linked places shuts only the link between them.
    """
    days = day_states(case.settings, case.locations, case.conflicts, case.closures, case.n_days)
    ways = list(case.ways)
    if case.settings.start_on_foot:
        rows = {one.name: i for i, one in enumerate(case.locations)}
        ways += [
            replace(way, id=f"{case.ids[way.start]}{START}--{way.id.partition('--')[2]}", on_foot=True)
            for way in case.ways
            if days.conflict[rows[way.start]].any()
        ]
    shut = np.zeros((len(ways), case.n_days), bool)
    frame = Frame(
        case, days, Countries([one.country for one in case.locations]), ways, shut,
        forced_ways(ways, case.closures, case.n_days), [], [],
    )  # fmt: skip
    add_closures(frame, pairs)
    add_forced(frame)
    return frame


def add_closures(frame: Frame, pairs: bool) -> None:
    """A policy for each closure of links, places and borders."""
    case = frame.case
    links = sorted({link for way in frame.ways for link in way.links})
    country = {one.name: one.country for one in case.locations}
    for one in case.closures:
        if one.kind not in {"country", "link", "location"}:
            continue
        found = closed_links(one, links, country, pairs)
        numbers = [i for i, way in enumerate(frame.ways) if found & set(way.links)]
        first, end = max(one.start, 0), min(one.end if one.end > one.start else NEVER, case.n_days)
        if not numbers or first >= end:
            why = "no link is shut by it" if not numbers else "it is in force on no day of the period"
            frame.outside.append(f"closure {one.line.where} ({one.kind} {one.first} {one.second}): {why}")
            continue
        frame.shut[numbers, first:end] = True
        names = "-".join(case.ids.get(name, name) for name in (one.first, one.second) if name)
        add_policy(
            frame, f"closure-{one.kind}-{names}", numbers, first, end, f"closures.csv line {one.line.number}"
        )


def add_policy(frame: Frame, name: str, numbers: list[int], first: int, end: int, source: str) -> None:
    """One closure policy of some ways; an id taken already gets a number."""
    taken = {row["id"] for row in frame.closures}
    base = "".join(c if c.isalnum() or c in "_.-" else "_" for c in name)[:100]
    one, count = base, 1
    while one in taken:
        count += 1
        one = f"{base}-{count}"
    legs = [frame.ways[i].id for i in numbers]
    frame.closures.append(
        {"id": one, "instrument": "closure", "legs": legs, **frame.span(first, end), "sources": [source]}
    )


def add_forced(frame: Frame) -> None:
    """Where everybody is sent one way, the other ways out are closed."""
    starts: dict[str, list[int]] = {}
    for number, way in enumerate(frame.ways):
        starts.setdefault(frame.place_id(way), []).append(number)
    for name, numbers in starts.items():
        held = frame.forced[numbers]
        if not held.any():
            continue
        for first, end in steps(*held):
            others = [n for n, on in zip(numbers, held[:, first], strict=True) if not on]
            if held[:, first].any() and others:
                frame.shut[others, first:end] = True
                add_policy(
                    frame, f"redirection-{name}", others, first, end, "forced_redirection in routes.csv"
                )


def capacities(case: Case) -> NDArray[np.float64]:
    """Hard capacity of each camp, 0 where there is none."""
    scaling = case.settings.capacity_scaling
    return np.array(
        [
            math.floor(one.population * scaling) if one.kind in {"camp", "idpcamp"} else 0
            for one in case.locations
        ],
        float,
    )


def passing_share(frame: Frame, row: int) -> float:
    """Share of those who come to a place and go on the same day, because they have kilometres left.

    A day's ``v`` km end at a place once in ``v / d`` arrivals over links of ``d`` km, so a share ``1 - d /
    v`` has some left; FLEE's people then go on with the place's chance of leaving, or surely where short
    stints are avoided. Places where people set out keep the plain stay, since theirs is the same
    distribution.
    """
    settings, one = frame.case.settings, frame.case.locations[row]
    if frame.days.conflict[row].any() or frame.days.camp[row].any():
        return 0.0
    into = [way.km for way in frame.case.ways if way.end == one.name]
    left = max(0.0, 1.0 - sum(into) / len(into) / settings.max_move_speed) if into else 0.0
    chance = float(frame.days.chance[row, 0])
    return left * (1.0 if settings.avoid_short_stints else chance)


def stay_of(chance: float, passing: float, n_days: int) -> dict[str, Any]:
    """Geometric stay of a chance of leaving on a day; a share may pass on the day of arrival."""
    if passing <= 0.0 or chance <= 0.0:
        return {"kind": "geometric", "mean_days": 1.0 / chance if chance > 0.0 else NEVER_LEAVES}
    last = n_days if chance < 1.0 else 1
    if chance < 1.0:
        last = min(n_days, math.ceil(math.log(TAIL) / math.log1p(-chance)) + 1)
    shares = [(1.0 - passing) * chance * (1.0 - chance) ** day for day in range(last)]
    shares[-1] += 1.0 - passing - sum(shares)
    return {"kind": "table", "days": list(range(last + 1)), "share": [passing, *shares]}


def stay_rows(frame: Frame, row: int, pass_on: bool) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Stay of a place, and the policies that change its chance of leaving by day."""
    chance = frame.days.chance[row]
    inner = chance[(chance > 0.0) & (chance < 1.0)]
    if np.all(chance == chance[0]):
        base = float(chance[0])
    else:
        base = (
            float(np.unique(inner)[np.argmax(np.unique(inner, return_counts=True)[1])]) if len(inner) else 0.5
        )
    stay = stay_of(base, passing_share(frame, row) if pass_on else 0.0, frame.case.n_days)
    name = frame.case.ids[frame.case.locations[row].name]
    places = [name] + (
        [name + START] if any(w.on_foot and frame.case.ids[w.start] == name for w in frame.ways) else []
    )
    policies = []
    for first, end in steps(chance):
        now = float(chance[first])
        if now == base:
            continue
        size = CERTAIN if now >= 1.0 else math.log1p(-now) / math.log1p(-base)
        policies.append(
            {
                "id": f"leaving-{name}-{first}",
                "instrument": "hazard",
                "places": places,
                "stay_size": size,
                **frame.span(first, end),
                "note": f"chance of leaving on a day {now:g} instead of {base:g}",
            }
        )
    return stay, policies


def place_row(frame: Frame, row: int, stay: dict[str, Any], limit: float) -> dict[str, Any]:
    """One place as a mapping."""
    case, one = frame.case, frame.case.locations[row]
    made: dict[str, Any] = {
        "id": case.ids[one.name],
        "name": one.name,
        "country": frame.countries[one.country],
        "role": "origin" if frame.days.conflict[row].any() else ROLES.get(one.kind, "transit"),
        "stay": stay,
        "source": "FLEE case " + case.name,
        "source_ref": f"locations.csv line {one.line.number}",
    }
    if one.kind in {"camp", "idpcamp"}:
        made["role"] = "reception"
    if one.region:
        made["admin1"] = one.region
    if one.lat is not None and one.lon is not None:
        made |= {"lat": one.lat, "lon": one.lon}
    if limit >= 1:
        made["capacity_persons"] = limit
    if one.name in case.series and one.name != TOTAL:
        series = case.series[one.name]
        pairs = " ".join(f"{d}:{p:.10g}" for d, p in zip(series.days, series.persons, strict=True))
        made["note"] = f"{NOTE} since {case.first} ({series.file}): {pairs}"
    return made


def leg_row(frame: Frame, way: Way, weight: float, smooth: bool) -> dict[str, Any]:
    """One leg as a mapping; `smooth` times are fractions of days, rounded at random."""
    days = travel_days(frame.case.settings, way)
    if smooth:
        settings = frame.case.settings
        days = {
            "kind": "fixed",
            "days": way.km / (settings.max_walk_speed if way.on_foot else settings.max_move_speed),
        }
    return {
        "id": way.id,
        "from": frame.place_id(way),
        "to": frame.case.ids[way.end],
        "mode": "foot" if way.on_foot else "car",
        "direction": "lateral",
        "distance_km": way.km,
        "days": days,
        "weight": weight,
    }


def weight_policies(
    frame: Frame, weight: NDArray[np.float64]
) -> tuple[NDArray[np.float64], list[dict[str, Any]]]:
    """Base weight of every way, and the policies that change it by day."""
    base = np.array([next((w for w in row if w > 0.0), 0.0) for row in weight])
    groups: dict[tuple[str, int, int, float], list[str]] = {}
    for number, row in enumerate(weight):
        for first, end in steps(row):
            if base[number] > 0.0 and not math.isclose(row[first], base[number], rel_tol=1e-12):
                key = (frame.ways[number].end, first, end, float(f"{row[first] / base[number]:.12g}"))
                groups.setdefault(key, []).append(frame.ways[number].id)
    rows = []
    count: dict[str, int] = {}
    for (end_name, first, end, factor), legs in sorted(
        groups.items(), key=lambda item: (item[0][1], item[0])
    ):
        name = frame.case.ids[end_name]
        count[name] = count.get(name, 0) + 1
        rows.append(
            {
                "id": f"weight-into-{name}-{count[name]}",
                "instrument": "transport",
                "legs": legs,
                "weight_factor": factor,
                **frame.span(first, end),
                "note": f"score of {end_name} changed",
            }
        )
    return base, rows


def fill_policies(
    frame: Frame, weight: NDArray[np.float64], departures: NDArray[np.float64]
) -> list[dict[str, Any]]:
    """Policies that let camps attract less as they fill, after FLEE's rule on the expected counts."""
    case = frame.case
    rows = {one.name: i for i, one in enumerate(case.locations)}
    usual = [i for i, way in enumerate(frame.ways) if not way.on_foot]
    ways = [frame.ways[i] for i in usual]
    share = expected_shares(
        case.settings,
        [(rows[way.start], rows[way.end]) for way in ways],
        [int(way.km // case.settings.max_move_speed) for way in ways],
        np.where(frame.shut, 0.0, weight)[usual],
        frame.days.chance,
        departures,
        capacities(case),
    )
    policies = []
    for name, row in rows.items():
        held = in_steps(share[row])
        for first, end in steps(held):
            if held[first] < 1.0:
                policies.append(
                    {
                        "id": f"filling-{case.ids[name]}-{first}",
                        "instrument": "transport",
                        "legs": [way.id for way in frame.ways if way.end == name],
                        "weight_factor": float(f"{held[first] ** case.settings.weight_power:.6g}"),
                        **frame.span(first, end),
                        "note": f"{name} is expected to be nearly full",
                    }
                )
    return policies


def home_groups(locations: list[Location], countries: Countries) -> list[dict[str, str]]:
    """A group of people for each country of a place where people set out."""
    made = {}
    for one in locations:
        code = countries[one.country]
        name = one.country or "unknown"
        made[code] = {
            "id": code,
            "name_en": f"People of {name}",
            "name_es": f"Personas de {name}",
            "home_country": code,
        }
    return list(made.values())


def all_weights(frame: Frame) -> NDArray[np.float64]:
    """Weight of every way by day, before camps fill."""
    return weights_by_day(frame.case.settings, frame.case.locations, frame.ways, frame.days, frame.shut)
