"""`travesia import tables`: places.csv, legs.csv and departures.csv enter, a scenario leaves."""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sim.errors import DataError, Problem, ScenarioError
from sim.messages import in_language
from sim.results.folder import write_aside
from sim.spec import load_with_notes
from sim.spec.explain import key_names
from sim.spec.reading import Row, read_text, read_yaml
from sim.spec.tables import SECTIONS, folded, known_groups, table_rows

if TYPE_CHECKING:
    from sim.spec import Scenario

__all__ = ["Tables", "import_tables"]

NEEDED: Final = ("places.csv", "legs.csv", "departures.csv")
#: Shorter names that people write, and the field they stand for.
SHORT: Final = {
    "places": {"latitude": "lat", "longitude": "lon", "capacity": "capacity_persons", "stay": "stay_days"},
    "legs": {
        "from_place": "from",
        "to_place": "to",
        "distance": "distance_km",
        "capacity": "capacity_per_day",
        "cost": "cost_usd",
    },
    "departures": {"nationality": "group", "date": "start", "people": "persons"},
}
DEPARTURE: Final = frozenset({"place", "group", "per_day", "persons", "start", "end", "channel", "id"})
AFTER_DAYS: Final = 180


@dataclass(frozen=True)
class Tables:
    """What an import of tables gives: the scenario, and what of the tables was not used."""

    scenario: Scenario
    left_out: tuple[str, ...]
    path: Path | None


def import_tables(folder: str | Path, out: str | Path | None = None, *, lang: str = "en") -> Tables:
    """Make a scenario of plain tables.

    Parameters
    ----------
    folder : str or Path
        ``places.csv`` (id; country, role, lat, lon, stay_mean_days, ...), ``legs.csv`` (from, to, days;
        mode, weight, cost_usd, ...) and ``departures.csv`` (place; group, per_day or persons, start and end,
        or month); other tables of a world and ``policies.yaml`` where they are there.
    out : str or Path, optional
        Folder to write ``scenario.yaml`` and ``import_report.md`` to.
    lang : str
        Language of ``import_report.md``, ``en`` or ``es``.

    Raises
    ------
    DataError
        When a table is missing.
    ScenarioError
        With every fault of the tables, each with file and line.
    """
    source = Path(folder)
    missing = [name for name in NEEDED if not (source / name).is_file()]
    if missing:
        where = str(source)
        faults = [
            Problem(f"{name} is missing", where, "places.csv, legs.csv and departures.csv")
            for name in missing
        ]
        msg = "The tables cannot be imported."
        raise DataError(msg, faults)
    left_out: list[str] = []
    departures = [departure_row(row) for row in rows_of(source / "departures.csv", "departures", left_out)]
    world: dict[str, Any] = {"name": "tables"}
    for section, (table, _) in SECTIONS.items():
        if (source / table).is_file():
            world[section] = rows_of(source / table, section, left_out)
    world["legs"] = [leg_row(row) for row in world["legs"]]
    world["places"] = [place_row(row, world["legs"], departures) for row in world["places"]]
    add_groups(world, departures)
    content = {
        "name": source.resolve().name.replace(" ", "_") or "tables",
        "window": window_of(departures),
        "world": Row(world),
        "departures": departures,
    }
    if (source / "policies.yaml").is_file():
        content["policies"] = read_yaml(read_text(source / "policies.yaml"), "policies.yaml").get(
            "policies", []
        )
    try:
        scenario, notes = load_with_notes(content)
    except ScenarioError as error:
        msg = "The tables cannot be imported."
        raise ScenarioError(msg, error.problems) from None
    left_out += [str(note) for note in notes]
    path = write(Path(out), scenario, left_out, lang) if out is not None else None
    return Tables(scenario, tuple(left_out), path)


def rows_of(path: Path, section: str, left_out: list[str]) -> list[Row]:
    """Rows of a table with the fields of its section; other columns are listed."""
    keep = DEPARTURE | {"month"} if section == "departures" else frozenset(key_names(SECTIONS[section][1]))
    short = SHORT.get(section, {})
    unused: set[str] = set()

    def change(cells: dict[str, str]) -> dict[str, Any]:
        named = {short.get(key, key).strip(): value.strip() for key, value in cells.items()}
        kinds = {time: named.pop(time) for time in ("days",) if section == "legs" and time in named}
        made = folded(timed(named), frozenset({*keep, *named}))
        for time, value in kinds.items():
            made[time] = Row({"kind": "fixed", "days": value})
        unused.update(key for key in made if key not in keep)
        return {key: value for key, value in made.items() if key in keep}

    rows = table_rows(path, partial(change))
    if unused:
        left_out.append(f"{path.name}: columns not used: {', '.join(sorted(unused))}")
    return rows


def timed(cells: dict[str, str]) -> dict[str, str]:
    """Cells with the kind of a time added where only its numbers are given."""
    made = dict(cells)
    for time in ("stay", "days"):
        if f"{time}_kind" in made:
            continue
        for field, kind in (
            ("mean_days", "geometric"),
            ("median_days", "lognormal"),
            ("mode", "triangular"),
            ("days", "fixed"),
        ):
            if f"{time}_{field}" in made:
                made[f"{time}_kind"] = kind
                break
    return made


def departure_row(row: Row) -> Row:
    """A departure row with its days; a month is its first to its last day."""
    made = Row({"group": "OTH", **row}, row.file, row.line)
    month = made.pop("month", None)
    if month is not None:
        try:
            year, number = (int(part) for part in str(month).split("-")[:2])
            last = calendar.monthrange(year, number)[1]
            made.update(start=f"{year:04d}-{number:02d}-01", end=f"{year:04d}-{number:02d}-{last:02d}")
        except (ValueError, IndexError):
            made["start"] = month
    if "start" in made:
        made.setdefault("end", made["start"])
    return made


def leg_row(row: Row) -> Row:
    """A leg with an id."""
    if "id" in row or "from" not in row or "to" not in row:
        return row
    mode = str(row.get("mode", "bus"))
    return Row({"id": f"{row['from']}--{row['to']}--{mode}", **row}, row.file, row.line)


def place_row(row: Row, legs: list[Row], departures: list[Row]) -> Row:
    """A place with country and role: no leg out makes a destination, departures an origin."""
    made = Row({"country": "XXX", **row}, row.file, row.line)
    if "role" not in made:
        name = row.get("id")
        ends = not any(leg.get("from") == name for leg in legs)
        begins = any(one.get("place") == name for one in departures)
        made["role"] = "destination" if ends else "origin" if begins else "transit"
    return made


def add_groups(world: dict[str, Any], departures: list[Row]) -> None:
    """Groups that departures name and no table describes."""
    known = {row.get("id") for row in world.get("groups", [])} | set(known_groups())
    named = dict.fromkeys(str(row["group"]) for row in departures if row.get("group") not in known)
    if named:
        world["groups"] = [*world.get("groups", []), *(Row({"id": name, "name_en": name}) for name in named)]


def window_of(departures: list[Row]) -> dict[str, str]:
    """From the first departure to half a year after the last."""
    days = []
    for row in departures:
        for key in ("start", "end"):
            try:
                days.append(date.fromisoformat(str(row.get(key, ""))[:10]))
            except ValueError:
                continue
    if not days:
        fault = Problem("no row has a day", "departures.csv", "start and end, date, or month")
        msg = "The tables cannot be imported."
        raise DataError(msg, [fault])
    return {"start": min(days).isoformat(), "end": (max(days) + timedelta(days=AFTER_DAYS)).isoformat()}


def write(folder: Path, scenario: Scenario, left_out: list[str], lang: str) -> Path:
    """Write the scenario file and the report."""
    folder.mkdir(parents=True, exist_ok=True)
    items = (in_language(item, lang) for item in left_out or ["every column was used"])
    lines = [f"# {in_language('Import of tables', lang)}", "", *(f"- {item}" for item in items), ""]
    write_aside(folder / "import_report.md", "\n".join(lines).encode())
    write_aside(folder / "scenario.yaml", scenario.to_yaml().encode())
    return folder / "scenario.yaml"
