"""Checks that need more than one row: models and their rows enter, every fault and every oddity leaves."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from sim.errors import Problem
from sim.spec.explain import nearest
from sim.spec.network import check_network
from sim.spec.reading import Row
from sim.spec.scenario import Behaviour, Departure, UnitShare, Window, every_day
from sim.spec.tables import known_groups, shipped_parameters
from sim.spec.world import World

if TYPE_CHECKING:
    from datetime import date

    import numpy as np
    from numpy.typing import NDArray

    from sim.spec.policies import PolicyBase

__all__ = ["THROUGH", "Material", "check", "homes", "sends_home"]

#: Fields of policies that act only through a behaviour: the value without effect, and the behaviour.
THROUGH: Final[dict[tuple[str, str], tuple[float, str]]] = {
    ("expulsion", "try_again"): (0.0, "repeat_attempts"),
    ("return", "size"): (0.0, "turning_back"),
    ("regularisation", "settle_size"): (1.0, "settling"),
    ("assistance", "income_usd_per_day"): (0.0, "means"),
    ("penalty", "cost_usd"): (0.0, "means"),
    ("transport", "cost_factor"): (1.0, "means"),
}

LONGEST_WINDOW: Final = 36_525
#: Known names that a message lists in full.
MOST_LISTED: Final = 12
UNITS: Final = ("alone", "family", "unaccompanied")
MEASURES: Final = ("unit_share", "female_share", "age_share", "family_size_share")
TOLERANCE: Final = 1e-6
#: Shares of profiles are published with few decimals.
PROFILE_TOLERANCE: Final = 0.005


@dataclass
class Material:
    """Parts of a scenario before it is put together, each with the row it comes from."""

    label: str
    window: Window | None
    spin_up_start: date | None
    sections: dict[str, tuple[Any, ...]]
    rows: dict[str, list[Any]]
    home_places: Row
    departures: list[tuple[Departure, Row]]
    policies: list[tuple[PolicyBase, Row]]
    own: dict[str, str]
    parameters: dict[str, float]
    behaviour: Behaviour
    units: dict[str, UnitShare]
    values: Row
    known_world: bool
    policy_rows: Mapping[str, Row] = field(default_factory=dict)
    parameter_rows: Row = field(default_factory=Row)
    departure_rows: Sequence[Any] = ()

    def ids(self, section: str) -> set[str]:
        """Ids written in a section, also of rows that were refused."""
        return self.ids_by_section.get(section, set())

    @cached_property
    def ids_by_section(self) -> dict[str, set[str]]:
        """Ids written in every section."""
        return {
            section: {str(row["id"]) for row in rows if isinstance(row, Row) and "id" in row}
            for section, rows in self.rows.items()
        }

    @cached_property
    def countries(self) -> frozenset[str]:
        """Countries of the places that were accepted."""
        return frozenset(place.country for place in self.sections["places"])

    @cached_property
    def channels(self) -> frozenset[str]:
        """Channels of the departures."""
        return frozenset(one.channel for one, _ in self.departures if one.channel)

    @cached_property
    def departing(self) -> frozenset[str]:
        """Groups that depart."""
        return frozenset(one.group for one, _ in self.departures)

    @cached_property
    def rows_by_id(self) -> dict[tuple[str, str], Row]:
        """Row of each section and id; the first where an id is given twice."""
        found: dict[tuple[str, str], Row] = {}
        for section, rows in self.rows.items():
            for row in rows:
                if isinstance(row, Row) and "id" in row:
                    found.setdefault((section, str(row["id"])), row)
        return found

    def where(self, section: str, name: str, key: str = "id") -> str:
        """File, line and key of a row."""
        row = self.rows_by_id.get((section, name))
        label = f"{section}[{name}].{key}"
        return label if row is None else row.at(key, label)

    def world(self) -> World:
        """Places and legs as a world."""
        return World.model_construct(places=self.sections["places"], legs=self.sections["legs"])

    def whole(self, section: str) -> bool:
        """Whether every row of a section was accepted."""
        return len(self.sections[section]) == len(self.rows.get(section, []))

    @property
    def groups(self) -> set[str]:
        """Group ids that may be used."""
        return self.ids("groups") | set(known_groups())

    @cached_property
    def days(self) -> NDArray[np.datetime64] | None:
        """Every day simulated."""
        if self.window is None:
            return None
        first = min(self.spin_up_start or self.window.start, self.window.start)
        if (self.window.end - first).days > LONGEST_WINDOW:
            return None
        return every_day(first, self.window.end)


def check(material: Material, problems: list[Problem]) -> list[Problem]:
    """Note every fault of the parts taken together.

    Parameters
    ----------
    material : Material
        Parts already valid in themselves; policies that touch nothing and were inherited are taken out of it.
    problems : list of Problem
        Faults are added here.

    Returns
    -------
    list of Problem
        What is odd without being wrong.
    """
    notes: list[Problem] = []
    if not material.known_world:
        return notes
    sound = not problems
    check_window(material, problems)
    check_ids(material, problems)
    check_world(material, problems)
    check_profiles(material, problems)
    check_units(material, problems)
    check_parameters(material, problems)
    check_departures(material, problems)
    check_policies(material, problems, notes)
    if sound and not problems:
        notes.extend(check_network(material, problems))
    return notes


def check_window(material: Material, problems: list[Problem]) -> None:
    """Refuse a spin-up that does not come first, and centuries."""
    window, spin_up, values = material.window, material.spin_up_start, material.values
    if window is None:
        return
    where = values.at("spin_up_start", "spin_up_start")
    if spin_up is not None and spin_up >= window.start:
        problems.append(
            Problem(
                f"spin_up_start {spin_up} does not come before the window",
                where,
                f"a day before {window.start}",
            )
        )
    if (window.end - min(spin_up or window.start, window.start)).days > LONGEST_WINDOW:
        problems.append(
            Problem(
                "the window is longer than a hundred years", values.at("window", "window"), "a shorter one"
            )
        )


def check_ids(material: Material, problems: list[Problem]) -> None:
    """Refuse ids given twice."""
    for section in ("places", "legs", "groups", "parameters"):
        rows = [row for row in material.rows.get(section, []) if isinstance(row, Row) and "id" in row]
        seen: dict[str, Row] = {}
        for row in rows:
            name = str(row["id"])
            if name in seen:
                where = row.at("id", f"{section}[{name}].id")
                problems.append(
                    Problem(
                        f"the id '{name}' is given twice",
                        where,
                        "each id once",
                        f"first at {place}" if (place := seen[name].where("id")) else "",
                    )
                )
            seen.setdefault(name, row)
    for section, keys in (("attraction", ("leg", "group")), ("settle_attraction", ("place", "group"))):
        pairs = Counter(tuple(getattr(row, key) for key in keys) for row in material.sections[section])
        problems.extend(
            Problem(f"{' and '.join(pair)} are paired twice", section, "each pair once")
            for pair, n in pairs.items()
            if n > 1
        )


def check_reference(name: str, known: Iterable[str], kind: str, where: str, problems: list[Problem]) -> None:
    """Refuse a name that is not known."""
    known = set(known)
    if not known:
        problems.append(Problem(f"there is no {kind} '{name}'", where, f"a {kind}, but there are none"))
    elif name not in known:
        expected = f"the id of a {kind}" if len(known) > MOST_LISTED else f"one of {', '.join(sorted(known))}"
        problems.append(Problem(f"there is no {kind} '{name}'", where, expected, nearest(name, known)))


def check_world(material: Material, problems: list[Problem]) -> None:
    """Refuse rows that point to places, legs, groups or seasons there are not."""
    places, legs, groups = material.ids("places"), material.ids("legs"), material.groups
    seasons = {row.id for row in material.sections["seasons"]}
    where = material.values.at("world", "world")
    empty = [section for section in ("places", "legs") if not material.rows.get(section)]
    problems.extend(Problem(f"the world has no {section}", where, "at least one") for section in empty)
    for number, row in enumerate(material.rows.get("legs", []), 1):  # those refused for another fault as well
        for key in ("from", "to"):
            if isinstance(row, Row) and isinstance(row.get(key), str):
                label = f"legs[{row.get('id', number)}].{key}"
                check_reference(row[key], places, "place", row.at(key, label), problems)
    for leg in material.sections["legs"]:
        if leg.from_ == leg.to:
            problems.append(
                Problem(
                    f"the leg '{leg.id}' ends where it begins",
                    material.where("legs", leg.id, "to"),
                    "another place",
                )
            )
        if leg.open_from and leg.open_to and leg.open_to < leg.open_from:
            where = material.where("legs", leg.id, "open_to")
            problems.append(
                Problem(
                    f"open_to {leg.open_to} comes before open_from {leg.open_from}", where, "dates in order"
                )
            )
        if leg.season:
            check_reference(leg.season, seasons, "season", material.where("legs", leg.id, "season"), problems)
    known = {
        "leg": legs,
        "place": places,
        "group": groups,
        "border": {row.id for row in material.sections["borders"]},
    }
    for section in ("attraction", "settle_attraction", "borders", "border_exclusions"):
        check_links(material, section, known, problems)
    for group, place in material.home_places.items():
        where = material.home_places.at(group, f"home_places.{group}")
        check_reference(group, groups, "group", where, problems)
        check_reference(str(place), places, "place", where, problems)


def check_links(
    material: Material, section: str, known: dict[str, set[str]], problems: list[Problem]
) -> None:
    """Refuse rows of a section whose leg, place, group or border is unknown."""
    rows = material.rows.get(section, [])
    for number, model in enumerate(material.sections[section]):
        for kind, names in known.items():
            name = getattr(model, kind, None)
            if name is not None and name not in names:
                label = f"{section}[{number + 1}].{kind}"
                where = (
                    rows[number].at(kind, label) if len(rows) == len(material.sections[section]) else label
                )
                check_reference(name, names, kind, where, problems)


def check_profiles(material: Material, problems: list[Problem]) -> None:
    """Refuse unknown measures and shares of a group that do not add up."""
    totals: dict[tuple[str, str, str], float] = {}
    groups = material.groups | {"ALL"}
    for row in material.sections["profiles"]:
        label = f"profiles[{row.group}/{row.unit}/{row.measure}]"
        check_reference(row.group, groups, "group", label, problems)
        if row.measure not in MEASURES:
            problems.append(
                Problem(
                    f"measure is '{row.measure}'",
                    label,
                    f"one of {', '.join(MEASURES)}",
                    nearest(row.measure, MEASURES),
                )
            )
        if row.unit not in {*UNITS, ""}:
            problems.append(
                Problem(
                    f"unit is '{row.unit}'", label, f"one of {', '.join(UNITS)}", nearest(row.unit, UNITS)
                )
            )
        if row.measure != "female_share":
            key = (row.group, "" if row.measure == "unit_share" else row.unit, row.measure)
            totals[key] = totals.get(key, 0.0) + row.value
    for (group, unit, measure), total in totals.items():
        if abs(total - 1.0) > PROFILE_TOLERANCE:
            label = "/".join(part for part in (group, unit, measure) if part)
            problems.append(Problem(f"the shares of {label} add up to {total:g}", f"profiles[{label}]", "1"))


def check_units(material: Material, problems: list[Problem]) -> None:
    """Refuse units there are not and shares that do not add up."""
    if "units" not in material.values or not material.units:
        return
    where = material.values.at("units", "units")
    for name, unit in material.units.items():
        check_reference(name, UNITS, "unit", where, problems)
        total = math.fsum(unit.sizes.values())
        if unit.sizes and abs(total - 1.0) > TOLERANCE:
            problems.append(
                Problem(
                    f"the sizes of {name} add up to {total:g}",
                    f"{where}.{name}.sizes",
                    "shares that add up to 1",
                )
            )
        if unit.sizes and min(unit.sizes) < 1:
            problems.append(
                Problem(f"a size of {name} is {min(unit.sizes)}", f"{where}.{name}.sizes", "1 or more")
            )
        if name != "family" and unit.sizes and set(unit.sizes) != {1}:
            problems.append(
                Problem(f"{name} has sizes other than 1", f"{where}.{name}.sizes", "sizes for family only")
            )
    total = math.fsum(unit.share for unit in material.units.values())
    if abs(total - 1.0) > TOLERANCE:
        problems.append(Problem(f"the shares of units add up to {total:g}", where, "1"))


def check_parameters(material: Material, problems: list[Problem]) -> None:
    """Refuse parameters that no table describes, and shares outside 0 to 1."""
    described = {row.id: row for row in material.sections["parameters"]} or shipped_parameters()
    for name, value in material.parameters.items():
        where = material.parameter_rows.at(name, f"parameters.{name}")
        if described and name not in described:
            problems.append(
                Problem(
                    f"there is no parameter '{name}'",
                    where,
                    "one that parameters.csv describes",
                    nearest(name, described),
                )
            )
        elif described and described[name].unit in {"share", "probability"} and not 0.0 <= value <= 1.0:
            problems.append(Problem(f"{name} is {value:g}", where, f"0 to 1 ({described[name].unit})"))


def check_raw_departures(material: Material, problems: list[Problem]) -> None:
    """Refuse places and groups there are not in rows that could not be built."""
    built = {id(row) for _, row in material.departures}
    for number, row in enumerate(material.departure_rows, 1):
        if isinstance(row, Row) and id(row) not in built:
            for kind, known in (("place", material.ids("places")), ("group", material.groups)):
                if isinstance(row.get(kind), str):
                    where = row.at(kind, f"departures[{number}].{kind}")
                    check_reference(row[kind], known, kind, where, problems)


def check_departures(material: Material, problems: list[Problem]) -> None:
    """Refuse departures from unknown places, of unknown groups, and outside the days simulated."""
    places, groups, window = material.ids("places"), material.ids("groups"), material.window
    days = (material.spin_up_start or window.start, window.end) if window is not None else None
    told: set[tuple[str, str]] = set()
    check_raw_departures(material, problems)
    spans: dict[str, list[tuple[date, date]]] = {}
    for number, (one, row) in enumerate(material.departures, 1):
        label = f"departures[{number}]"
        for kind, name, known in (("place", one.place, places), ("group", one.group, groups)):
            if name not in known and (kind, name) not in told:
                told.add((kind, name))
                named = known if kind == "place" else material.groups - {name}
                check_reference(name, named, kind, row.at(kind, f"{label}.{kind}"), problems)
        for key, day in (("start", one.start), ("end", one.end)):
            if days is not None and not days[0] <= day <= days[1]:
                where = row.at(key, f"{label}.{key}")
                found = f"{key} {day} lies outside the days simulated"
                problems.append(Problem(found, where, f"a day from {days[0]} to {days[1]}"))
        if one.id is not None:
            if any(one.start <= end and start <= one.end for start, end in spans.get(one.id, [])):
                where = row.at("id", f"{label}.id")
                problems.append(
                    Problem(f"the id '{one.id}' is given twice for the same days", where, "another id")
                )
            spans.setdefault(one.id, []).append((one.start, one.end))
    if not problems and not any(one.total > 0 for one, _ in material.departures):
        problems.append(
            Problem("nobody departs", material.label, "at least one departure of more than 0 persons")
        )


def check_policies(material: Material, problems: list[Problem], notes: list[Problem]) -> None:
    """Refuse policies with unknown names or that touch nothing; drop inherited ones that touch nothing."""
    before = len(problems)
    for policy, row in material.policies:
        check_names(material, policy, row, problems)
        check_switches(material, policy, row, notes)
    built = {policy.id for policy, _ in material.policies}
    for name, row in material.policy_rows.items():
        if name not in built:  # refused for another fault
            check_raw_names(material, name, row, problems)
    if len(problems) > before or material.days is None:
        return
    world = material.world()
    sound = material.whole("places") and material.whole("legs")
    sound = sound and all(
        leg.from_ in world.places_by_id and leg.to in world.places_by_id for leg in world.legs
    )
    idle: list[tuple[str, Problem]] = []
    kept: list[tuple[PolicyBase, Row]] = []
    for policy, row in material.policies:
        fault = touches_nothing(material, policy, world) if sound else None
        if fault is None:
            kept.append((policy, row))
            check_ways_back(material, policy, row, world, notes)
            continue
        key, what, expected = fault
        where = row.at(key, f"policies[{policy.id}].{key}")
        idle.append(
            (policy.id, Problem(f"the policy '{policy.id}' touches nothing: {what}", where, expected))
        )
    material.policies[:] = kept
    active = {material.own.get(policy.id) for policy, _ in kept}
    for name, problem in idle:  # of an event with several policies, one must act
        refused = name in material.own and material.own[name] not in active
        (problems if refused else notes).append(problem)


def check_names(material: Material, policy: PolicyBase, row: Row, problems: list[Problem]) -> None:
    """Refuse places, legs, countries, nationalities and targets there are not."""
    countries, channels = material.countries, material.channels
    if material.own.get(policy.id) != policy.id:  # of an event, or inherited: its channels may be absent here
        channels |= set(policy.channels)
    lists: tuple[tuple[str, Iterable[str], Iterable[str], str], ...] = (
        ("places", policy.places, material.ids("places"), "place"),
        ("to", getattr(policy, "to", ()), material.ids("places"), "place"),
        ("legs", policy.legs, material.ids("legs"), "leg"),
        ("countries", policy.countries, countries, "country"),
        ("nationalities", policy.nationalities, material.groups, "nationality"),
        ("channels", policy.channels, channels, "channel"),
    )
    for key, names, known, kind in lists:
        for name in names:
            where = row.at(key, f"policies[{policy.id}].{key}")
            check_reference(name, known, kind, where, problems)


def check_raw_names(material: Material, policy: str, row: Row, problems: list[Problem]) -> None:
    """Refuse places and legs there are not in a policy that could not be built."""
    for key, section in (("places", "places"), ("to", "places"), ("legs", "legs")):
        given = row.get(key, ())
        for name in (given,) if isinstance(given, str) else given if isinstance(given, list | tuple) else ():
            where = row.at(key, f"policies[{policy}].{key}")
            check_reference(str(name), material.ids(section), section.removesuffix("s"), where, problems)


def check_switches(material: Material, policy: PolicyBase, row: Row, notes: list[Problem]) -> None:
    """Say which part of a policy of this file does nothing, because the behaviour it works through is switched off.

    A policy that is inherited, or of an event, loses that part in silence: who switches a behaviour off wants to see what it
    does.
    """
    if material.own.get(policy.id) != policy.id:
        return
    for (instrument, name), (neutral, switch) in THROUGH.items():
        value = getattr(policy, name, None) if policy.instrument == instrument else None
        if value is None or value == neutral or getattr(material.behaviour, switch):
            continue
        notes.append(
            Problem(
                f"{name} is {value:g}, and the behaviour '{switch}' is switched off",
                row.at(name, f"policies[{policy.id}].{name}"),
                f"'{switch}: true' under behaviour, or {neutral:g}",
            )
        )


def check_ways_back(
    material: Material, policy: PolicyBase, row: Row, world: World, notes: list[Problem]
) -> None:
    """Say where support for return of this file does nothing, because nobody can turn back there.

    People turn back where a leg that they can choose leads south, at places on the way: see `sim.plan.graph.Graph`.
    """
    own = material.own.get(policy.id) == policy.id
    if policy.instrument != "return" or not own or not material.behaviour.turning_back:
        return
    able = {leg.from_ for leg in world.legs if leg.leads_back} - {
        place.id for place in world.places if place.role in {"origin", "destination"}
    }
    reached = policy.place_ids(world)
    without = [name for name in policy.places or reached if name not in able]
    if not without or (not policy.places and able & set(reached)):
        return  # of a country's places, some are not on the way
    names = ", ".join(without[:MOST_LISTED]) + (", ..." if len(without) > MOST_LISTED else "")
    key = "places" if policy.places else "countries"
    notes.append(
        Problem(
            f"nobody can turn back at {names}, so that the policy does nothing there",
            row.at(key, f"policies[{policy.id}].{key}"),
            "a place on the way (role transit, crossing or reception) with a leg out of it in direction southward, "
            "or in direction return and not closed_by_default",
        )
    )


def sends_home(material: Material) -> bool:
    """Whether any policy sends people to the home place of their group."""
    return any(one.instrument == "removal" and not getattr(one, "to", ()) for one, _ in material.policies)


def homes(material: Material) -> dict[str, str]:
    """Home place of each group: as written, else a place of its country (an origin before others), else where it sets out first.

    Among several the first by name, so that the order of tables means nothing.
    """
    places = sorted(material.sections["places"], key=lambda place: (place.role != "origin", place.id))
    first = {place.country: place.id for place in reversed(places)}
    departures = sorted(material.departures, key=lambda pair: (pair[0].start, pair[0].place))
    found = {one.group: one.place for one, _ in reversed(departures)}
    found |= {
        one.id: first[one.home_country] for one in material.sections["groups"] if one.home_country in first
    }
    return found | {str(group): str(place) for group, place in material.home_places.items()}


def touches_nothing(material: Material, policy: PolicyBase, world: World) -> tuple[str, str, str] | None:
    """Key, finding and expectation of a policy that has no day, nobody, or no place and leg to act on."""
    assert material.days is not None  # noqa: S101 - the caller has looked
    if not policy.touches_days(material.days):
        span = f"{material.days[0]} to {material.days[-1]}"
        return "start", "it is in force on no day of the window", f"dates that reach into {span}"
    present = material.departing
    if policy.nationalities and not present & set(policy.nationalities):
        return (
            "nationalities",
            f"nobody of {', '.join(policy.nationalities)} departs",
            f"one of {', '.join(sorted(present))}",
        )
    units = set(material.units) or ({"alone"} if not material.sections["profiles"] else set(UNITS))
    if policy.units and not units & set(policy.units):
        return "units", f"nobody travels as {', '.join(policy.units)}", f"one of {', '.join(sorted(units))}"
    if policy.leg_ids(world) or policy.place_ids(world):
        return None
    if policy.on_departures and reaches_departures(material, policy, world):
        return None
    return "id", "it names no place, leg, country or mode that it could act on", policy.acts_on()


def reaches_departures(material: Material, policy: PolicyBase, world: World) -> bool:
    """Whether any departure row belongs to the policy, by nationality, channel and place of departure."""
    by_place = policy.leg_rule == "none" and bool(policy.places or policy.countries)
    for one, _ in material.departures:
        here = world.places_by_id.get(one.place)
        country = here.country if here is not None else ""
        if by_place and one.place not in policy.places and country not in policy.countries:
            continue
        if (not policy.channels or one.channel in policy.channels) and (
            not policy.nationalities or one.group in policy.nationalities
        ):
            return True
    return False
