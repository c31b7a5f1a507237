"""Checks of the whole graph: places nobody can leave, closed worlds, cycles that take no time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.errors import Problem
from sim.spec.policies import Appointment, Closure, Pathway, PolicyBase, Transport

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sim.spec.checks import Material
    from sim.spec.world import Leg

__all__ = ["check_network"]

type Ways = dict[str, set[str]]
"""Places that can be come to from each place."""


def check_network(material: Material, problems: list[Problem]) -> list[Problem]:
    """Refuse graphs that hold people for ever or pass them round in no time.

    Parameters
    ----------
    material : Material
        Parts without faults so far.
    problems : list of Problem
        Faults are added here.

    Returns
    -------
    list of Problem
        Places that nobody reaches.
    """
    closers = closed_throughout(material)
    ways = open_ways(material, set(closers))
    starts = {one.place for one, _ in material.departures if one.total > 0}
    reached = reachable(ways, starts)
    check_exits(material, ways, reached, closers, problems)
    if not problems:
        check_ends(material, ways, starts, problems)
    check_instant_cycles(material, problems)
    never = [place.id for place in material.sections["places"] if place.id not in reached]
    return [Problem(f"nobody can reach the place '{name}'", material.where("places", name)) for name in never]


def ends_here(material: Material, name: str) -> bool:
    """Whether the journey may end in a place."""
    place = next(place for place in material.sections["places"] if place.id == name)
    return place.role == "destination" or (material.behaviour.settling and place.settle_weight > 0)


def closed_throughout(material: Material) -> dict[str, PolicyBase]:
    """Legs that a full closure of everybody holds shut on every day simulated, and the closure."""
    closers: dict[str, PolicyBase] = {}
    world = material.world()
    for policy, _ in material.policies:
        everybody = not policy.nationalities and not policy.units
        if not isinstance(policy, Closure) or not everybody or material.days is None:
            continue
        if np.all(policy.strength(material.days) * policy.size >= 1.0):
            closers |= dict.fromkeys(policy.leg_ids(world), policy)
    return closers


def reachable(ways: Ways, starts: Iterable[str]) -> set[str]:
    """Places that can be come to from any of `starts`, those included (a search; a graph library takes longer to import)."""
    found = set(starts)
    ahead = list(found)
    while ahead:
        new = ways.get(ahead.pop(), set()) - found
        found |= new
        ahead.extend(new)
    return found


def open_ways(material: Material, closed: set[str]) -> Ways:
    """Places joined wherever a leg, or a policy that carries people on, lets somebody pass some day."""
    ways: Ways = {place.id: set() for place in material.sections["places"]}
    openers = (
        policy for policy, _ in material.policies if isinstance(policy, Transport | Pathway | Appointment)
    )
    opened = {name for policy in openers for name in policy.leg_ids(material.world())}
    for leg in material.sections["legs"]:
        if (
            leg.id not in closed
            and leg.weight > 0
            and exists(leg, material)
            and (not leg.closed_by_default or leg.id in opened)
        ):
            ways.setdefault(leg.from_, set()).add(leg.to)
    for policy, _ in material.policies:
        targets = getattr(policy, "to", ())
        for place in policy.place_ids(material.world()) if targets else ():
            ways.setdefault(place, set()).update(to for to in targets if place != to)
    return ways


def exists(leg: Leg, material: Material) -> bool:
    """Whether a leg is there on some day of the simulation."""
    if material.days is None:
        return True
    late = leg.open_from is not None and np.datetime64(leg.open_from) > material.days[-1]
    early = leg.open_to is not None and np.datetime64(leg.open_to) < material.days[0]
    return not (late or early)


def check_exits(
    material: Material,
    ways: Ways,
    reached: set[str],
    closers: dict[str, PolicyBase],
    problems: list[Problem],
) -> None:
    """Refuse a place that people reach, cannot leave and do not end in."""
    legs_out: dict[str, list[str]] = {}
    for leg in material.sections["legs"]:
        legs_out.setdefault(leg.from_, []).append(leg.id)
    for name in sorted(reached):
        if ways.get(name) or ends_here(material, name):
            continue
        blocking = sorted({closers[leg].id for leg in legs_out.get(name, []) if leg in closers})
        where = material.where("places", name)
        if blocking:
            row = next(row for policy, row in material.policies if policy.id == blocking[0])
            where = row.at("id", f"policies[{blocking[0]}]")
            what = f"the policy '{blocking[0]}' closes every way out of '{name}' for the whole window"
            problems.append(Problem(what, where, "a leg that stays open, or an end within the window"))
        elif name in legs_out:
            what = f"nobody can ever leave '{name}': its legs have weight 0 or never open"
            problems.append(Problem(what, where, "a leg out of it that opens, or role: destination"))
        else:
            expected = "a leg out of it, or role: destination"
            problems.append(Problem(f"nobody can leave '{name}', which is no destination", where, expected))


def check_ends(material: Material, ways: Ways, starts: set[str], problems: list[Problem]) -> None:
    """Refuse a closed world: departures from which no destination can be reached."""
    ends = [place.id for place in material.sections["places"] if ends_here(material, place.id)]
    backwards: Ways = {}
    for place, following in ways.items():
        for to in following:
            backwards.setdefault(to, set()).add(place)
    arriving = reachable(backwards, ends)
    for start in sorted(starts - arriving):
        row = next(row for one, row in material.departures if one.place == start)
        where = ":".join(part for part in (row.where("place"), "departures.place") if part)
        problems.append(
            Problem(
                f"the world is closed: from '{start}' no destination can be reached",
                where,
                "a way to a place with role: destination",
            )
        )


def check_instant_cycles(material: Material, problems: list[Problem]) -> None:
    """Refuse a round trip that takes zero days for certain."""
    instant = {
        place.id
        for place in material.sections["places"]
        if place.role != "destination" and (place.stay is None or place.stay.surely_zero)
    }
    legs = [
        leg
        for leg in material.sections["legs"]
        if leg.days.surely_zero and leg.from_ in instant and leg.to in instant and leg.weight > 0
    ]
    if not legs:
        return
    import networkx as nx

    graph: nx.DiGraph[str] = nx.DiGraph((leg.from_, leg.to) for leg in legs)
    for component in nx.strongly_connected_components(graph):
        if len(component) > 1:
            first = next(leg.id for leg in legs if leg.from_ in component and leg.to in component)
            what = f"the round trip through {', '.join(sorted(component))} takes zero days for certain"
            where = material.where("legs", first, "days")
            problems.append(Problem(what, where, "a stay or a leg that takes time"))
