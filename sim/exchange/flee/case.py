"""A FLEE case read whole: a folder enters, checked tables and every fault leave."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from sim.errors import DataError, Problem
from sim.exchange.files import Reader
from sim.exchange.flee.rules import ways_of
from sim.exchange.flee.series import TOTAL, Series, correct, read_layout
from sim.exchange.flee.settings import Settings, read_settings
from sim.exchange.flee.tables import (
    Closure,
    Location,
    Route,
    find,
    read_closures,
    read_conflicts,
    read_locations,
    read_period,
    read_routes,
)
from sim.exchange.names import ids_of

if TYPE_CHECKING:
    from sim.exchange.flee.rules import Way

__all__ = ["Case", "read_case"]

KNOWN_FILES = frozenset(
    {
        "locations.csv",
        "routes.csv",
        "closures.csv",
        "conflicts.csv",
        "registration_corrections.csv",
        "sim_period.csv",
    }
)


@dataclass
class Case:
    """Everything a FLEE case holds.

    Parameters
    ----------
    name : str
    first : date
        First day.
    n_days : int
    settings : Settings
    locations, routes, closures : list
    conflicts : dict of str to list of float
        Intensity by place and day.
    series : dict of str to Series
        Observed counts, corrected.
    ids : dict of str to str
        Id of each location.
    ways : list of Way
    left_out : list of str
        What has no counterpart here.
    """

    name: str
    first: date
    n_days: int
    settings: Settings
    locations: list[Location]
    routes: list[Route]
    closures: list[Closure]
    conflicts: dict[str, list[float]]
    series: dict[str, Series]
    ids: dict[str, str]
    ways: list[Way]
    left_out: list[str]

    @property
    def last(self) -> date:
        """Last day."""
        return self.day(self.n_days - 1)

    def day(self, number: int) -> date:
        """Date of a day."""
        return self.first + timedelta(days=number)


def read_case(folder: Path, settings_file: Path | None) -> Case:
    """Read a case and refuse it, with every fault found, if it cannot be run.

    Parameters
    ----------
    folder : Path
        Holds ``input_csv`` and ``source_data``, or their files themselves.
    settings_file : Path or None
        FLEE's settings; None means FLEE's defaults.

    Raises
    ------
    DataError
        Names that do not match, closed worlds, empty series, numbers out of range: each with file and line.
    """
    problems: list[Problem] = []
    reader = Reader(problems)
    left_out: list[str] = []
    if not folder.is_dir():
        raise refusal(folder, [Problem("there is no such folder", str(folder), "the folder of a FLEE case")])
    if settings_file is not None and not settings_file.is_file():
        problems.append(Problem("there is no such file", str(settings_file), "FLEE's settings, YAML or CSV"))
        settings_file = None
    settings = read_settings(settings_file, reader, left_out)
    missing = [name for name in ("locations.csv", "routes.csv") if find(folder, name) is None]
    problems.extend(Problem(f"{name} is missing", str(folder), "a FLEE case") for name in missing)
    if missing:
        raise refusal(folder, problems)
    source = folder / "source_data" if (folder / "source_data").is_dir() else folder
    first, n_days = period_of(folder, source, reader, left_out)
    locations = read_locations(find(folder, "locations.csv") or folder, reader, first)
    names = {one.name for one in locations}
    routes = read_routes(find(folder, "routes.csv") or folder, reader, names)
    countries = {one.country for one in locations}
    closures = read_closures(find(folder, "closures.csv"), reader, names, countries, first)
    conflicts = read_conflicts(conflict_file(folder, settings), reader, names)
    series: dict[str, Series] = {}
    if (source / "data_layout.csv").is_file():
        series = {one.name: one for one in read_layout(source, reader, names, first)}
        skipped = (
            correct(find(folder, "registration_corrections.csv"), series, reader, first)
            if not problems
            else []
        )
        left_out.extend(skipped)
    elif settings.displaced_per_conflict_day is None:
        reader.fault(
            "data_layout.csv is missing",
            str(source),
            "the observed series, or conflict_driven_spawning in the settings",
        )
    left_out.extend(other_files(folder))
    if problems:
        raise refusal(folder, problems)
    ids = ids_of([one.name for one in locations])
    ways = ways_of(locations, routes, ids)
    return Case(
        case_name(folder),
        first,
        n_days,
        settings,
        locations,
        routes,
        closures,
        conflicts,
        series,
        ids,
        ways,
        left_out,
    )


def refusal(folder: Path, problems: list[Problem]) -> DataError:
    """The error with all faults."""
    count = len(problems)
    message = f"The FLEE case '{folder.name}' cannot be imported: {count} problem{'s' if count != 1 else ''}"
    return DataError(message, list(dict.fromkeys(problems)))


def case_name(folder: Path) -> str:
    """Name of a case as a scenario's name."""
    path = folder.resolve()
    name = path.parent.name if path.name == "input_csv" else path.name
    return next(iter(ids_of([name or "flee"]).values()))


def conflict_file(folder: Path, settings: Settings) -> Path | None:
    """The table of conflicts: the one the settings name, else conflicts.csv if there is one."""
    named = Path(settings.conflict_input_file).name if settings.conflict_input_file else ""
    return (find(folder, named) if named else None) or find(folder, "conflicts.csv")


def period_of(folder: Path, source: Path, reader: Reader, left_out: list[str]) -> tuple[date, int]:
    """First day and length; without sim_period.csv those of the observed total."""
    path = find(folder, "sim_period.csv") or find(folder, "conflict_period.csv")
    found = read_period(path, reader)
    if found is not None:
        return found
    epoch = date(1970, 1, 1)
    if path is None and (source / "data_layout.csv").is_file():
        quiet = Reader([])
        layout = quiet.sheet(source / "data_layout.csv", ("location", "name"))
        totals = [cells[1] for _, cells in layout.rows if len(cells) > 1 and cells[0].lower() == TOTAL]
        days = [
            quiet_day
            for name in totals
            if (source / name).is_file()
            for _, cells in quiet.sheet(source / name, ("date", "datetime")).rows
            if (quiet_day := iso(cells[0])) is not None
        ]
        if days:
            length = (max(days) - min(days)).days + 1
            left_out.append(
                f"sim_period.csv is missing: the period is that of the observed total, {min(days)} and "
                f"{length} days"
            )
            return min(days), length
    if path is None:
        reader.fault(
            "sim_period.csv is missing", str(folder), "StartDate and Length, or an observed total with dates"
        )
    return epoch, 1


def iso(text: str) -> date | None:
    """A date, None where it is none."""
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        return None


def other_files(folder: Path) -> list[str]:
    """Tables of the case that nothing here reads."""
    inputs = folder / "input_csv" if (folder / "input_csv").is_dir() else folder
    made = []
    for path in sorted(inputs.glob("*.csv")):
        if path.name.startswith("demographics_") or path.name in {
            "agents.csv",
            "flood_level.csv",
            "food_crisis.csv",
        }:
            reason = {
                "agents.csv": "people listed one by one; write departure rows instead",
                "flood_level.csv": "floods have their own instrument, 'hazard'",
                "food_crisis.csv": "food security is no state of our places",
            }.get(path.name, "attributes of people; write profiles instead")
            made.append(f"file {path.name}: {reason}")
        elif inputs != folder and path.name not in KNOWN_FILES and not path.name.startswith("conflict"):
            made.append(f"file {path.name}: not part of a FLEE case as documented, not read")
    return made
