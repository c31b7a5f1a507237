"""Reading a scenario: a name, file or mapping enters, a checked `Scenario` or one error leaves."""

from __future__ import annotations

import calendar
import logging
import math
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from sim.errors import Problem, ScenarioError
from sim.spec.base import FrozenMap
from sim.spec.checks import THROUGH, Material, check, homes, sends_home
from sim.spec.draft import Draft, drafted, shown_name
from sim.spec.explain import build, build_all, nearest, value_of
from sim.spec.library import file_yaml, scenario_file, unknown_scenario
from sim.spec.policies import INSTRUMENTS, PolicyBase
from sim.spec.reading import Row, located
from sim.spec.scenario import Behaviour, Departure, Scenario, UnitShare, Window
from sim.spec.tables import SECTIONS, month_table
from sim.spec.world import World

__all__ = ["load_scenario", "load_with_notes"]

log = logging.getLogger(__name__)

#: Behaviour of a world from tables where the scenario says nothing; an inline world has hazards only.
FULL_BEHAVIOUR = dict.fromkeys(Behaviour.model_fields, True)


def load_scenario(source: str | Path | Mapping[str, Any] | Scenario) -> Scenario:
    """Read, complete and check a scenario.

    Parameters
    ----------
    source : str, Path, mapping or Scenario
        A name of the library (``history/baseline``), a YAML file, or what such a file holds.

    Returns
    -------
    Scenario
        Frozen, with all it extends merged in.

    Raises
    ------
    ScenarioError
        With every fault found: what was found, file, line and key, what was expected, the nearest name.

    Examples
    --------
    >>> stay = {"kind": "fixed", "days": 1}
    >>> origin = {"id": "A", "country": "COL", "role": "origin", "stay": stay}
    >>> target = {"id": "B", "country": "PAN", "role": "destination"}
    >>> road = {"id": "A-B", "from": "A", "to": "B", "days": stay}
    >>> window = {"start": "2023-01-01", "end": "2023-01-31"}
    >>> scenario = load_scenario({
    ...     "name": "one_road", "window": window, "world": {"places": [origin, target], "legs": [road]},
    ...     "departures": [{"place": "A", "group": "VEN", "per_day": 10, **window}]})
    >>> scenario.world.leg("A-B").to
    'B'
    """
    scenario, notes = load_with_notes(source)
    for note in notes:
        log.info("%s: %s", scenario.name, note)
    return scenario


def load_with_notes(source: str | Path | Mapping[str, Any] | Scenario) -> tuple[Scenario, list[Problem]]:
    """Read a scenario as `load_scenario` does, and also return what is odd without being wrong.

    Parameters
    ----------
    source : str, Path, mapping or Scenario
        See `load_scenario`.

    Returns
    -------
    scenario : Scenario
    notes : list of Problem
        Unreachable places, inherited policies outside the window.
    """
    if isinstance(source, Scenario):
        return source, []
    raw, folder, label = opened(source)
    problems: list[Problem] = []
    draft = drafted(raw, folder, problems)
    if "name" not in draft.values and label != "scenario":
        draft.values["name"] = Path(label).stem
    material = materialised(draft, label, problems)
    notes = check(material, problems)
    scenario = None
    if not problems:
        scenario = assembled(draft, material, problems)
    if scenario is None or problems:
        count = len(problems)
        message = f"The scenario '{label}' cannot be run: {count} problem{'s' if count != 1 else ''}"
        raise ScenarioError(message, list(dict.fromkeys(problems)))
    return scenario, notes


def opened(source: str | Path | Mapping[str, Any]) -> tuple[Row, Path | None, str]:
    """The mapping of a source, the folder its paths may not leave, and what messages call it."""
    if isinstance(source, Mapping):
        row = located(dict(source))
        return row, None, str(source.get("name", "scenario"))
    name = str(source)
    path = scenario_file(name) if isinstance(source, str) else None
    if path is None:
        path = Path(source)
        if not path.is_file():
            if path.is_dir() or path.suffix in {".yaml", ".yml"}:
                message = "The scenario cannot be read"
                found = "this is a folder" if path.is_dir() else "there is no such file"
                meant = path / "scenario.yaml"
                hint = f"did you mean '{meant}'?" if meant.is_file() else ""
                raise ScenarioError(message, [Problem(found, name, "a YAML file", hint)])
            meant = path.with_name(f"{path.name}.yaml")
            raise unknown_scenario(name, hint=f"did you mean '{meant}'?" if meant.is_file() else "")
    label = shown_name(path)
    return file_yaml(path, label), path.parent, label


def materialised(draft: Draft, label: str, problems: list[Problem]) -> Material:
    """The models of every part that can be built; faults are noted."""
    values = draft.values
    behaviour = values.get("behaviour")
    policies = policies_of(draft, problems)
    defaults = FULL_BEHAVIOUR if draft.folder is not None else asked_for(policies)
    switches = Row(defaults).updated(behaviour) if isinstance(behaviour, Row) else Row(dict(defaults))
    if behaviour is not None and not isinstance(behaviour, Row):
        problems.append(
            Problem(f"behaviour is {value_of(behaviour)}", values.at("behaviour", "behaviour"), "a mapping")
        )
    window = build(Window, values["window"], "window", problems) if "window" in values else None
    if "name" not in values:
        problems.append(Problem("the key 'name' is missing", label, "a short name"))
    if "window" not in values:
        problems.append(
            Problem("the key 'window' is missing", label, "window: {start: 2023-01-01, end: 2023-06-30}")
        )
    spin_up = day_of(values.get("spin_up_start"))
    if values.get("spin_up_start") is not None and spin_up is None:
        found = value_of(values["spin_up_start"])
        where = values.at("spin_up_start", "spin_up_start")
        problems.append(Problem(f"spin_up_start is {found}", where, "a date such as 2020-07-01"))
    sections = {
        section: build_all(model, draft.world.get(section, []), section, problems)
        for section, (_, model) in SECTIONS.items()
    }
    return Material(
        label=label,
        window=window,
        spin_up_start=spin_up,
        sections=sections,
        rows=draft.world,
        home_places=draft.home_places,
        departures=departures_of(draft, window, spin_up, problems),
        policies=policies,
        own=draft.own,
        parameters=parameters_of(draft, sections["parameters"], problems),
        behaviour=build(Behaviour, switches, "behaviour", problems) or Behaviour(),
        units=units_of(values, problems),
        values=values,
        known_world=bool(draft.world_name),
        policy_rows=draft.policies,
        parameter_rows=draft.parameters,
        departure_rows=draft.departures or (),
    )


def asked_for(policies: Sequence[tuple[PolicyBase, Row]]) -> dict[str, bool]:
    """Behaviours that a small world has unless it says otherwise: those a policy of it names, and which do nothing without."""
    made: dict[str, bool] = {}
    for policy, _ in policies:
        for (instrument, field), (neutral, switch) in THROUGH.items():
            if policy.instrument == instrument and switch in {"repeat_attempts", "turning_back"}:
                made[switch] = made.get(switch, False) or getattr(policy, field) not in {None, neutral}
    return made


def day_of(value: object) -> date | None:
    """A date, or None where it is not one."""
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        return None


def departures_of(
    draft: Draft, window: Window | None, spin_up: date | None, problems: list[Problem]
) -> list[tuple[Departure, Row]]:
    """Departure rows: written in the file, or one for each line and month of the world's table."""
    if window is None:  # its own rows are still looked at, so that every fault is told in one go
        return paired(Departure, draft.departures or [], problems)
    first = min(spin_up or window.start, window.start)
    if draft.departures is None:
        if draft.folder is None:
            return []
        try:
            table = month_table(draft.folder)
        except ScenarioError as error:
            problems.extend(error.problems)
            return []
        return paired(
            Departure, [row for line in table if (row := month_row(line, first, window.end))], problems
        )
    rows = draft.departures
    if not rows:
        problems.append(
            Problem(
                "nobody departs",
                draft.values.where("departures") or draft.values.file,
                "rows under departures",
            )
        )
    made = paired(Departure, rows, problems)
    if draft.inherited_departures:
        made = [
            (cut, row)
            for departure, row in made
            if (cut := clipped(departure, first, window.end)) is not None
        ]
    return made


def paired(
    model: type[Departure], rows: Sequence[Any], problems: list[Problem]
) -> list[tuple[Departure, Row]]:
    """Departures with the rows they come from."""
    built = build_all(model, rows, "departures", problems)
    if len(built) == len(rows):
        return list(zip(built, rows, strict=True))
    return [(one, row) for row in rows if (one := build(model, row, "departures", [])) is not None]


def month_row(line: Row, first: date, last: date) -> Row | None:
    """A departure row from a line of the table for the days of its month that are simulated."""
    try:
        year, month = (int(part) for part in str(line.get("month", "")).split("-"))
        start, days = date(year, month, 1), calendar.monthrange(year, month)[1]
        persons = float(line.get("persons", 0.0))
    except (ValueError, OverflowError):  # a year of thirty digits is a number, and no date
        return Row({**line, "start": line.get("month", "")}, line.file, line.line)
    end = start + timedelta(days=days - 1)
    begin, stop = max(start, first), min(end, last)
    if begin > stop or persons == 0.0:
        return None
    share = ((stop - begin).days + 1) / days
    values = {"place": line.get("place"), "group": line.get("group"), "channel": line.get("channel", "")}
    return Row({**values, "persons": persons * share, "start": begin, "end": stop}, line.file, line.line)


def clipped(departure: Departure, first: date, last: date) -> Departure | None:
    """An inherited departure row within the days simulated, None if it has none of them."""
    begin, stop = max(departure.start, first), min(departure.end, last)
    if begin > stop:
        return None
    share = ((stop - begin).days + 1) / ((departure.end - departure.start).days + 1)
    persons = None if departure.persons is None else departure.persons * share
    return departure.model_copy(update={"start": begin, "end": stop, "persons": persons})


def policies_of(draft: Draft, problems: list[Problem]) -> list[tuple[PolicyBase, Row]]:
    """Policies by their instrument, with the rows they come from."""
    made: list[tuple[PolicyBase, Row]] = []
    for name, row in draft.policies.items():
        instrument = row.get("instrument")
        label = f"policies[{name}]"
        where = row.at("instrument", f"{label}.instrument")
        if instrument is None:
            problems.append(
                Problem("the key 'instrument' is missing", where, f"one of {', '.join(INSTRUMENTS)}")
            )
        elif instrument not in INSTRUMENTS:
            expected = f"one of {', '.join(INSTRUMENTS)}"
            problems.append(
                Problem(
                    f"instrument is {value_of(instrument)}", where, expected, nearest(instrument, INSTRUMENTS)
                )
            )
        elif (policy := build(INSTRUMENTS[instrument], row, label, problems)) is not None:
            made.append((policy, row))
    return made


def parameters_of(draft: Draft, table: Sequence[Any], problems: list[Problem]) -> dict[str, float]:
    """Defaults of the world's table with the scenario's values over them."""
    made = {row.id: row.default for row in table}
    for name, value in draft.parameters.items():
        number = value if isinstance(value, int | float) and not isinstance(value, bool) else math.nan
        if not math.isfinite(number):
            where = draft.parameters.at(name, f"parameters.{name}")
            problems.append(Problem(f"{name} is {value_of(value)}", where, "a finite number"))
        else:
            made[name] = float(number)
    return made


def units_of(values: Row, problems: list[Problem]) -> dict[str, UnitShare]:
    """Travel units of an inline world."""
    given = values.get("units")
    if given is None:
        return {}
    if not isinstance(given, Row):
        problems.append(Problem(f"units is {value_of(given)}", values.at("units", "units"), "a mapping"))
        return {}
    built = {name: build(UnitShare, row, f"units.{name}", problems) for name, row in given.items()}
    return {name: unit for name, unit in built.items() if unit is not None}


def assembled(draft: Draft, material: Material, problems: list[Problem]) -> Scenario | None:
    """The scenario of parts that were all accepted."""
    sources = {f"departures.{one.key}": row.where() for one, row in material.departures}
    sources |= {f"policies.{one.id}": row.where("id") for one, row in material.policies}
    for section in ("places", "legs"):
        sources |= {f"{section}.{row['id']}": row.where("id") for row in draft.world.get(section, [])}
    world = World(
        name=draft.world_name,
        **material.sections,
        home_places=FrozenMap(homes(material) if sends_home(material) else draft.home_places),
    )
    content = Row(
        {
            **{key: draft.values[key] for key in ("name", "title", "description") if key in draft.values},
            "window": material.window,
            "spin_up_start": material.spin_up_start,
            "world": world,
            "departures": tuple(one for one, _ in material.departures),
            "policies": tuple(one for one, _ in material.policies),
            "parameters": material.parameters,
            "behaviour": material.behaviour,
            "units": material.units,
            "sources": sources,
        },
        draft.values.file,
        draft.values.line,
        draft.values.lines,
    )
    return build(Scenario, content, "scenario", problems)
