"""FLEE's tables: locations, routes, closures and the period enter, checked rows leave."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

from sim.exchange.files import Line, Reader, nearest_of, plain_key

if TYPE_CHECKING:
    from pathlib import Path

__all__ = [
    "Closure",
    "Location",
    "Route",
    "find",
    "read_closures",
    "read_conflicts",
    "read_locations",
    "read_period",
    "read_routes",
]

LOCATIONS: Final = (
    "name",
    "region",
    "country",
    "latitude",
    "longitude",
    "location_type",
    "conflict_date",
    "population",
)
LOCATION_NAMES: Final = {
    "name": ("location", "location_name", "names"),
    "region": ("admin1", "province"),
    "latitude": ("lat", "gps_x", "x"),
    "longitude": ("lon", "long", "lng", "gps_y", "y"),
    "location_type": ("type", "locationtype"),
    "conflict_date": ("date", "conflict_day"),
    "population": (
        "pop",
        "pop/cap",
        "cap",
        "capacity",
        "population/capacity",
        "pop_cap",
        "population_capacity",
    ),
}
KINDS: Final = ("conflict_zone", "town", "camp", "idpcamp", "forwarding_hub", "marker")
CLOSURES: Final = ("location", "country", "link", "camp", "idpcamp", "remove_forced_redirection")
NEVER: Final = 10**6
POLE: Final = 90.0


@dataclass(frozen=True)
class Location:
    """One place of the case (columns of locations.csv; `conflict_day` counts from the first day)."""

    name: str
    region: str
    country: str
    lat: float | None
    lon: float | None
    kind: str
    conflict_day: int | None
    population: int
    attributes: dict[str, str]
    line: Line


@dataclass(frozen=True)
class Route:
    """One link, both ways; `forced` is 0, 1 (all at `first` take it) or 2 (all at `second` take it)."""

    first: str
    second: str
    km: float
    forced: int
    attributes: dict[str, str]
    line: Line


@dataclass(frozen=True)
class Closure:
    """One dated change: closed, or opened, from day `start`; undone on day `end` (never, if `NEVER`)."""

    kind: str
    first: str
    second: str
    start: int
    end: int
    line: Line


def find(folder: Path, name: str) -> Path | None:
    """A file of the case, in the folder itself, in input_csv or in source_data."""
    for place in (folder / "input_csv", folder, folder / "source_data"):
        if (place / name).is_file():
            return place / name
    return None


def kind_of(text: str) -> str | None:
    """FLEE's reading of a location type: by the word it holds."""
    lower = text.lower()
    for word, kind in (
        ("idp", "idpcamp"),
        ("camp", "camp"),
        ("conflict", "conflict_zone"),
        ("forward", "forwarding_hub"),
        ("marker", "marker"),
        ("town", "town"),
        ("default", "town"),
    ):
        if word in lower:
            return kind
    return None


def read_locations(path: Path, reader: Reader, first: date) -> list[Location]:
    """Places of the case; faults are noted with their line."""
    made: list[Location] = []
    seen: dict[str, Line] = {}
    for line in reader.lines(path, LOCATIONS, LOCATION_NAMES):
        name = line["name"]
        if name in seen:
            reader.fault(
                f"the location '{name}' is given twice",
                line.at("name"),
                "each name once",
                f"first at {seen[name].where}",
            )
            continue
        if not name:
            reader.fault("the name is blank", line.at("name"), "a name")
            continue
        seen[name] = line
        kind = kind_of(line["location_type"])
        if kind is None:
            hint = nearest_of(line["location_type"], KINDS)
            reader.fault(
                f"location_type is '{line['location_type']}'",
                line.at("location_type"),
                f"one of {', '.join(KINDS)}",
                hint,
            )
            continue
        lat, lon = coordinate(line, "latitude", reader, 180.0), coordinate(line, "longitude", reader, 180.0)
        if lat is not None and lon is not None and abs(lat) > POLE >= abs(lon):
            lat, lon = lon, lat  # some cases write longitude first
        if lat is not None and abs(lat) > POLE:
            reader.fault(f"latitude is {lat:g}", line.at("latitude"), "degrees from -90 to 90")
            lat = None
        made.append(
            Location(
                name,
                line["region"],
                line["country"],
                lat,
                lon,
                kind,
                reader.day(line, "conflict_date", first, 0) if kind == "conflict_zone" else None,
                int(reader.number(line, "population", default=0.0)),
                dict(line.extra),
                line,
            )  # fmt: skip
        )
    if not made and not reader.problems:
        reader.fault("there are no locations", path.name, "at least one row")
    return made


def coordinate(line: Line, column: str, reader: Reader, most: float) -> float | None:
    """Degrees, None where blank."""
    return reader.number(line, column, default=0.0, low=-most, high=most) if line[column] else None


def read_routes(path: Path, reader: Reader, names: set[str]) -> list[Route]:
    """Links of the case; faults are noted with their line."""
    made: list[Route] = []
    columns = ("name1", "name2", "distance", "forced_redirection")
    aliases = {
        "name1": ("from", "location1", "start"),
        "name2": ("to", "location2", "end"),
        "distance": ("distance_km", "km", "dist"),
        "forced_redirection": ("redirection", "forced"),
    }
    for line in reader.lines(path, columns, aliases):
        ends = [line["name1"], line["name2"]]
        known = [
            reader.known(end, names, "location", line.at(column))
            for end, column in zip(ends, columns, strict=False)
        ]
        km = reader.number(line, "distance")
        forced = reader.number(line, "forced_redirection", default=0.0, high=2.0)
        if forced not in {0.0, 1.0, 2.0}:
            reader.fault(f"forced_redirection is {forced:g}", line.at("forced_redirection"), "0, 1 or 2")
        if ends[0] == ends[1]:
            reader.fault(f"the route ends where it begins, in '{ends[0]}'", line.where, "two places")
        elif all(known):
            made.append(Route(ends[0], ends[1], km, int(forced), dict(line.extra), line))
    if not made and not reader.problems:
        reader.fault("there are no routes", path.name, "at least one row")
    return made


def closure_kind(text: str) -> str | None:
    """The kind of a closure by its name in any number and spelling."""
    key = plain_key(text)
    for name in CLOSURES:
        if key in {plain_key(name), plain_key(name) + "s"}:
            return name
    return {
        "border": "country",
        "countries": "country",
        "town": "location",
        "route": "link",
        "routes": "link",
    }.get(key)


def read_closures(
    path: Path | None, reader: Reader, places: set[str], countries: set[str], first: date
) -> list[Closure]:
    """Dated changes of the case; faults are noted with their line."""
    if path is None:
        return []
    made: list[Closure] = []
    columns = ("closure_type", "name1", "name2", "closure_start", "closure_end")
    aliases = {"closure_type": ("type",), "closure_start": ("start",), "closure_end": ("end",)}
    for line in reader.lines(path, columns, aliases):
        kind = closure_kind(line["closure_type"])
        if kind is None:
            hint = nearest_of(line["closure_type"], CLOSURES)
            reader.fault(
                f"closure_type is '{line['closure_type']}'",
                line.at("closure_type"),
                f"one of {', '.join(CLOSURES)}",
                hint,
            )
            continue
        known, what = (countries, "country") if kind == "country" else (places, "location")
        both = kind in {"country", "link", "remove_forced_redirection"}
        good = reader.known(line["name1"], known, what, line.at("name1"))
        if both or (kind == "location" and line["name2"]):
            good = reader.known(line["name2"], known, what, line.at("name2")) and good
        start = reader.day(line, "closure_start", first, 0)
        end = reader.day(line, "closure_end", first, -1)
        if good:
            made.append(Closure(kind, line["name1"], line["name2"], start, NEVER if end < 0 else end, line))
    return made


def read_conflicts(path: Path | None, reader: Reader, names: set[str]) -> dict[str, list[float]]:
    """Intensity of conflict by place and day (columns are places)."""
    if path is None:
        return {}
    sheet = reader.sheet(path, ("day", "days", "time"))
    if sheet.heading is None or not sheet.rows:
        reader.fault(
            "there is no heading or no row", path.name, "a line '#Day,place,place,...' and one row a day"
        )
        return {}
    made: dict[str, list[float]] = {}
    for column, name in enumerate(sheet.heading[1:], start=1):
        if not name or not reader.known(name, names, "location", f"{sheet.file}:1 column {column + 1}"):
            continue
        values = []
        for number, cells in sheet.rows:
            cell = Line(sheet.file, number, {name: cells[column] if column < len(cells) else ""})
            values.append(reader.number(cell, name, default=0.0))
        made[name] = values
    return made


def read_period(path: Path | None, reader: Reader) -> tuple[date, int] | None:
    """First day and number of days; None where the file is missing or wrong (then with a fault)."""
    if path is None:
        return None
    sheet = reader.sheet(path, ())
    found = {
        plain_key(cells[0]): (number, cells[1] if len(cells) > 1 else "") for number, cells in sheet.rows
    }
    start, length = found.get("startdate"), found.get("length")
    if start is None or length is None:
        reader.fault(
            "StartDate and Length are needed", sheet.file, "two lines: StartDate,2015-05-01 and Length,396"
        )
        return None
    try:
        first = date.fromisoformat(start[1][:10])
    except ValueError:
        reader.fault(f"StartDate is '{start[1]}'", f"{sheet.file}:{start[0]}", "a date such as 2015-05-01")
        return None
    try:
        days = int(float(length[1]))
    except (ValueError, OverflowError):
        days = 0
    if days < 1:
        reader.fault(
            f"Length is '{length[1]}'", f"{sheet.file}:{length[0]}", "a whole number of days, 1 or more"
        )
        return None
    return first, days


def day_of(first: date, day: int) -> date:
    """Date of a day of the simulation."""
    return first + timedelta(days=day)
