"""Extending and overriding: a scenario file's mapping enters, a draft with all it builds on leaves."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from sim.errors import Problem, ScenarioError
from sim.spec.explain import nearest, unknown_keys, value_of
from sim.spec.library import file_yaml, policy_names, policy_rows, scenario_file, unknown_scenario
from sim.spec.reading import Row
from sim.spec.tables import SECTIONS, known_groups, unknown_world, world_folder, world_rows

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Draft", "drafted"]

MOST_EXTENDED: Final = 8
HEADING: Final = ("name", "title", "description")
KEYS: Final = (
    *HEADING,
    "extends",
    "window",
    "spin_up_start",
    "world",
    "departures",
    "policies",
    "drop_policies",
    "set",
    "parameters",
    "behaviour",
    "units",
)
WORLD_KEYS: Final = ("name", *SECTIONS, "home_places")
OVERRIDDEN: Final = ("places", "legs", "groups", "policies")


@dataclass
class Draft:
    """A scenario being put together, still as rows.

    Parameters
    ----------
    values : Row
        Single keys: name, title, description, window, spin_up_start, behaviour, units.
    world : dict of str to list of Row
        Sections of the world.
    world_name : str
        Name of the shipped world, or ``inline``.
    folder : Path, optional
        Folder of the world's tables, if it has one.
    departures : list of Row, optional
        Rows; None means the table of the world.
    policies : dict of str to Row
        By id, in the order they were added.
    own : dict of str to str
        Policies this scenario itself lists or changes, each with the item that named it (an event
        names several); the others come from what it extends.
    parameters : Row
        Overrides.
    inherited_departures : bool
        Whether the departure rows come from what it extends.
    """

    values: Row = field(default_factory=Row)
    world: dict[str, list[Any]] = field(default_factory=dict)
    world_name: str = ""
    home_places: Row = field(default_factory=Row)
    folder: Path | None = None
    departures: list[Any] | None = None
    policies: dict[str, Row] = field(default_factory=dict)
    own: dict[str, str] = field(default_factory=dict)
    parameters: Row = field(default_factory=Row)
    inherited_departures: bool = False


class Drafter:
    """Merges one scenario file and what it extends, noting every fault."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems

    def draft(self, raw: Row, folder: Path | None, depth: int = 0) -> Draft:
        """The draft of a file; `folder` is the one its paths may not leave."""
        unknown_keys(raw, KEYS, "", self.problems)
        made = self.parent(raw, folder, depth)
        for key in HEADING:  # a scenario does not inherit its names
            made.values.pop(key, None)
        single = Row(
            {key: raw[key] for key in (*HEADING, "window", "spin_up_start", "units") if key in raw}, raw.file
        )
        single.lines = raw.lines
        made.values = made.values.updated(single)
        if "window" in raw and "spin_up_start" not in raw:
            self.drop_late_spin_up(made)
        self.behaviour(made, raw)
        self.world(made, raw, folder)
        self.departures(made, raw)
        self.drop(made, raw)
        self.policies(made, raw)
        made.parameters = made.parameters.updated(self.mapping(raw, "parameters"))
        self.overrides(made, raw)
        return made

    def note(self, what: str, where: str, expected: str = "", hint: str = "") -> None:
        """Add a fault."""
        self.problems.append(Problem(what, where, expected, hint))

    def mapping(self, raw: Row, key: str) -> Row:
        """The mapping under a key; empty where there is none."""
        value = raw.get(key)
        if value is None:
            return Row({}, raw.file, raw.line)
        if not isinstance(value, Row):
            self.note(f"{key} is {value_of(value)}", raw.at(key, f"{key}"), "a mapping")
            return Row({}, raw.file, raw.line)
        return value

    def rows(self, raw: Row, key: str, label: str) -> list[Any]:
        """The list under a key; empty where there is none."""
        value = raw.get(key)
        if value is None:
            return []
        if not isinstance(value, list):
            self.note(f"{label} is {value_of(value)}", raw.at(key, f"{label}"), "a list")
            return []
        return value

    def parent(self, raw: Row, folder: Path | None, depth: int) -> Draft:
        """What the file extends, as inherited; an empty draft if it extends nothing."""
        if "extends" not in raw:
            return Draft(values=Row({}, raw.file, raw.line))
        where = raw.at("extends", "extends")
        if depth >= MOST_EXTENDED:
            message = "The scenario extends too many others"
            fault = Problem(
                "the chain of 'extends' is too long",
                where,
                f"at most {MOST_EXTENDED}",
                "does it run in a circle?",
            )
            raise ScenarioError(message, [fault])
        path, inner = extended_file(str(raw["extends"]), folder, where)
        made = self.draft(file_yaml(path, shown_name(path)), inner, depth + 1)
        made.own = {}
        made.inherited_departures = made.departures is not None
        return made

    def drop_late_spin_up(self, made: Draft) -> None:
        """An inherited spin-up that would start after the new window is no spin-up."""
        window = made.values.get("window")
        if "spin_up_start" not in made.values or not isinstance(window, Row):
            return
        if str(made.values["spin_up_start"]) >= str(window.get("start", "")):
            made.values.pop("spin_up_start")

    def behaviour(self, made: Draft, raw: Row) -> None:
        """Switches given here take over one by one."""
        if "behaviour" in raw:
            before = made.values.get("behaviour")
            given = self.mapping(raw, "behaviour")
            made.values["behaviour"] = before.updated(given) if isinstance(before, Row) else given
            made.values.lines["behaviour"] = raw.lines.get("behaviour", raw.line)

    def world(self, made: Draft, raw: Row, folder: Path | None) -> None:
        """The world: a shipped name, a folder of tables, or written in the file."""
        value = raw.get("world")
        if value is None:
            if not made.world and "extends" not in raw:
                self.tables(made, "americas", folder, raw.where("world"))
            return
        if isinstance(value, str):
            self.tables(made, value, folder, raw.at("world", "world"))
            return
        if not isinstance(value, Row):
            self.note(
                f"world is {value_of(value)}", raw.at("world", "world"), "a name, a folder or a mapping"
            )
            return
        unknown_keys(value, WORLD_KEYS, "world.", self.problems)
        made.world = {key: list(self.rows(value, key, f"world.{key}")) for key in SECTIONS}
        made.home_places = self.mapping(value, "home_places")
        made.world_name, made.folder = str(value.get("name", "inline")), None
        made.departures = made.departures if made.departures is not None else []

    def tables(self, made: Draft, name: str, folder: Path | None, where: str) -> None:
        """A world from its tables."""
        found = world_folder(name)
        if (
            found is None
            and folder is not None
            and (inner := inside(folder, name)) is not None
            and inner.is_dir()
        ):
            found = inner
        if found is None:
            self.problems.append(unknown_world(name, where))
            return
        sections = world_rows(found)
        homes = sections.pop("home_places", [])
        made.world = dict(sections)
        made.home_places = Row({str(row.get("group")): row.get("place") for row in homes})
        made.world_name, made.folder = found.name, found
        made.departures, made.inherited_departures = None, False

    def departures(self, made: Draft, raw: Row) -> None:
        """Departure rows written here replace those inherited."""
        value = raw.get("departures")
        if value is None:
            return
        if value == "world":
            if made.folder is None:
                expected = "departure rows, because this world is written in the file"
                self.note("departures is 'world'", raw.at("departures", "departures"), expected)
            made.departures = None
        else:
            made.departures = list(self.rows(raw, "departures", "departures"))
        made.inherited_departures = False

    def drop(self, made: Draft, raw: Row) -> None:
        """Take policies, or all policies of an event, away."""
        for name in self.rows(raw, "drop_policies", "drop_policies"):
            gone = [key for key, row in made.policies.items() if name in {key, row.get("event")}]
            if not gone:
                known = {*made.policies, *(str(row.get("event", "")) for row in made.policies.values())} - {
                    ""
                }
                where = raw.at("drop_policies", "drop_policies")
                self.note(
                    f"there is no policy or event '{name}' to drop",
                    where,
                    "one that is in force",
                    nearest(name, known),
                )
            for key in gone:
                del made.policies[key]

    def policies(self, made: Draft, raw: Row) -> None:
        """Add policies: ids of the library, or written in full."""
        here: set[str] = set()
        for number, item in enumerate(self.rows(raw, "policies", "policies"), 1):
            for row in self.policy_items(item, raw, number):
                name = str(row.get("id", f"#{number}"))
                if name in here:
                    self.note(
                        f"the policy '{name}' is listed twice",
                        row.at("id", f"policies[{name}]"),
                        "each id once",
                    )
                here.add(name)
                made.policies[name] = row
                made.own[name] = item if isinstance(item, str) else name

    def policy_items(self, item: object, raw: Row, number: int) -> list[Row]:
        """The rows one item of the list stands for."""
        if isinstance(item, Row):
            return [item]
        where = raw.at("policies", f"policies[{number}]")
        if not isinstance(item, str):
            self.note(f"policy {number} is {value_of(item)}", where, "an id of the library or a mapping")
            return []
        found = policy_rows(item)
        if found is None:
            expected = "an event or policy of the library, or a mapping"
            self.note(f"there is no policy or event '{item}'", where, expected, nearest(item, policy_names()))
        elif not found:
            self.note(f"the event '{item}' holds no policy", where, "an event that the model can represent")
        return found or []

    def overrides(self, made: Draft, raw: Row) -> None:
        """Apply `set`: values by id."""
        given = self.mapping(raw, "set")
        unknown_keys(given, (*OVERRIDDEN, "parameters"), "set.", self.problems)
        made.parameters = made.parameters.updated(self.mapping(given, "parameters"))
        for section in OVERRIDDEN:
            for name, change in self.mapping(given, section).items():
                where = given[section].at(name, f"set.{section}.{name}")
                if not isinstance(change, Row):
                    self.note(f"{name} is {value_of(change)}", where, "a mapping of the keys to change")
                elif section == "policies":
                    self.change_policy(made, name, change, where)
                else:
                    self.change_row(made.world.get(section, []), name, change, where)

    def change_policy(self, made: Draft, name: str, change: Row, where: str) -> None:
        """Override keys of a policy."""
        if name not in made.policies:
            self.note(
                f"there is no policy '{name}'",
                where,
                "a policy of this scenario",
                nearest(name, made.policies),
            )
            return
        made.policies[name] = made.policies[name].updated(change)
        made.own[name] = name

    def change_row(self, rows: list[Any], name: str, change: Row, where: str) -> None:
        """Override keys of a place, leg or group."""
        for number, row in enumerate(rows):
            if isinstance(row, Row) and row.get("id") == name:
                rows[number] = row.updated(change)
                return
        known = [str(row.get("id")) for row in rows if isinstance(row, Row)]
        self.note(f"there is no '{name}'", where, "an id of this world", nearest(name, known))


def drafted(raw: Row, folder: Path | None, problems: list[Problem]) -> Draft:
    """Merge a scenario's mapping with everything it extends.

    Parameters
    ----------
    raw : Row
        The file's mapping.
    folder : Path, optional
        Folder of the file, which its paths may not leave.
    problems : list of Problem
        Faults are added here.

    Returns
    -------
    Draft
    """
    made = Drafter(problems).draft(raw, folder)
    complete_groups(made)
    return made


def complete_groups(made: Draft) -> None:
    """An inline world may use the shipped groups without listing them."""
    if made.folder is not None:
        return
    listed = {row.get("id") for row in made.world.get("groups", []) if isinstance(row, Row)}
    used = [row.get("group") for row in made.departures or () if isinstance(row, Row)]
    used += [row.get("group") for row in made.world.get("attraction", []) if isinstance(row, Row)]
    for row in made.policies.values():
        named = row.get("nationalities") or ()
        used += [named] if isinstance(named, str) else list(named) if isinstance(named, list) else []
    shipped = known_groups()
    added = [row for name, row in shipped.items() if name in used and name not in listed]
    made.world["groups"] = [*made.world.get("groups", []), *added]


def extended_file(name: str, folder: Path | None, where: str) -> tuple[Path, Path]:
    """File and folder of what a scenario extends: of the library, or in the same folder or below."""
    shipped = scenario_file(name)
    if shipped is not None:
        return shipped, shipped.parent
    if folder is None or not name.endswith((".yaml", ".yml")):
        raise unknown_scenario(name, where)
    path = inside(folder, name)
    if path is None:
        message = "The scenario cannot be read"
        raise ScenarioError(
            message, [Problem(f"'{name}' leaves the folder of the file", where, "a file in the same folder")]
        )
    if not path.is_file():
        raise unknown_scenario(name, where)
    return path, path.parent


def inside(folder: Path, name: str) -> Path | None:
    """A path in a folder, None if it would leave it (through '..', an absolute path or a link)."""
    path = (folder / name).resolve()
    return path if path.is_relative_to(folder.resolve()) else None


def shown_name(path: Path) -> str:
    """What messages call a file."""
    return (
        f"{path.parent.name}/{path.name}"
        if scenario_file(f"{path.parent.name}/{path.stem}") == path
        else path.name
    )
