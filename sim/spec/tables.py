"""World tables: a folder of CSV files enters, the rows of each section leave, with their file and line."""

from __future__ import annotations

import csv
from collections.abc import Callable
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, Final

from sim.errors import Problem, ScenarioError
from sim.spec.explain import key_names, nearest
from sim.spec.library import library_root
from sim.spec.reading import MOST_BYTES, Row
from sim.spec.world import (
    Border,
    BorderExclusion,
    Group,
    Leg,
    LegAttraction,
    Parameter,
    Place,
    Profile,
    Season,
    SettleAttraction,
)

if TYPE_CHECKING:
    from pathlib import Path

    from sim.spec.base import Strict

__all__ = [
    "SECTIONS",
    "known_groups",
    "month_table",
    "shipped_parameters",
    "table_rows",
    "world_folder",
    "world_rows",
]

#: Section of a world, the table that holds it, and the class of its rows.
SECTIONS: Final[dict[str, tuple[str, type[Strict]]]] = {
    "places": ("places.csv", Place),
    "legs": ("legs.csv", Leg),
    "groups": ("groups.csv", Group),
    "attraction": ("leg_attraction.csv", LegAttraction),
    "settle_attraction": ("settle_attraction.csv", SettleAttraction),
    "profiles": ("profiles.csv", Profile),
    "seasons": ("seasons.csv", Season),
    "borders": ("borders.csv", Border),
    "border_exclusions": ("border_exclusions.csv", BorderExclusion),
    "parameters": ("parameters.csv", Parameter),
}
NEEDED: Final = ("places", "legs", "groups")
TIMES: Final = ("stay", "days")
TIME_FIELDS: Final = ("kind", "days", "mean_days", "low", "mode", "high", "shape", "median_days", "spread")
SHIPPED: Final = "americas"


def world_folder(name: str) -> Path | None:
    """Folder of a shipped world, None if there is none of that name."""
    folder = library_root() / "world" / name
    plain_name = name.replace("_", "").replace("-", "").isalnum()
    return folder if plain_name and folder.is_dir() else None


def world_rows(folder: Path) -> dict[str, list[Row]]:
    """Rows of every section of a world's folder.

    Parameters
    ----------
    folder : Path
        Holds places.csv, legs.csv, groups.csv and, where the world has them, the other tables of `SECTIONS`.

    Returns
    -------
    dict of str to list of Row
        Also ``home_places`` (group, place). Columns that only document a row are left out.

    Raises
    ------
    ScenarioError
        If a table that is needed is missing or cannot be read.
    """
    made: dict[str, list[Row]] = {}
    missing = [SECTIONS[name][0] for name in NEEDED if not (folder / SECTIONS[name][0]).is_file()]
    if missing:
        message = f"The world '{folder.name}' is not complete"
        raise ScenarioError(
            message, [Problem(f"{name} is missing", str(folder), "a table") for name in missing]
        )
    for section, (table, model) in SECTIONS.items():
        if (folder / table).is_file():
            made[section] = table_rows(folder / table, partial(folded, keep=frozenset(key_names(model))))
    if (folder / "home_places.csv").is_file():
        made["home_places"] = table_rows(folder / "home_places.csv")
    return made


def month_table(folder: Path) -> list[Row]:
    """Rows of a world's departures.csv: month, group, place, persons, channel.

    Parameters
    ----------
    folder : Path
        The world's folder.

    Raises
    ------
    ScenarioError
        If the world has no such table.
    """
    path = folder / "departures.csv"
    if not path.is_file():
        message = f"The world '{folder.name}' has no departures"
        problem = Problem(
            "departures.csv is missing", str(folder), "the table, or departures written in the scenario"
        )
        raise ScenarioError(message, [problem])
    return table_rows(path)


def table_rows(path: Path, change: Callable[[dict[str, str]], dict[str, Any]] | None = None) -> list[Row]:
    """Rows of a CSV file without their blank cells, each with its line.

    Parameters
    ----------
    path : Path
        A file in UTF-8 with a heading.
    change : callable, optional
        Applied to each row.
    """
    if path.stat().st_size > MOST_BYTES * 10:
        message = f"The table {path.name} is too large"
        raise ScenarioError(message, [Problem(f"{path.stat().st_size:,} bytes", path.name, "at most 100 MB")])
    name = f"{path.parent.name}/{path.name}"
    made: list[Row] = []
    before = 1
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream)
            for record in reader:
                cells = {key: value for key, value in record.items() if key and value not in {"", None}}
                made.append(Row(change(cells) if change else cells, name, before + 1))
                for time in TIMES:  # the mapping of a time lies in the same line
                    if isinstance(inner := made[-1].get(time), Row):
                        inner.file, inner.line = name, before + 1
                before = reader.line_num
    except (UnicodeDecodeError, csv.Error) as fault:
        message = f"The table {path.name} cannot be read"
        problem = Problem(f"{fault}", f"{name}:{before + 1}", "CSV in UTF-8")
        raise ScenarioError(message, [problem]) from None
    return made


def folded(cells: dict[str, str], keep: frozenset[str]) -> dict[str, Any]:
    """The cells in `keep`, with the columns ``stay_kind, stay_days, ...`` as one mapping ``stay``."""
    made: dict[str, Any] = dict(cells)
    for time in TIMES:
        names = {f"{time}_{field}": field for field in TIME_FIELDS}
        found = {field: made.pop(name) for name, field in names.items() if name in made}
        if found:
            made[time] = Row(found)
    return {key: value for key, value in made.items() if key in keep}


@lru_cache(maxsize=1)
def known_groups() -> dict[str, Row]:
    """Rows of the shipped nationality groups by id, which inline worlds may use without listing them."""
    folder = world_folder(SHIPPED)
    if folder is None:
        return {}
    keep = frozenset(key_names(Group))
    rows = table_rows(folder / "groups.csv", partial(folded, keep=keep))
    return {str(row["id"]): row for row in rows}


@lru_cache(maxsize=1)
def shipped_parameters() -> dict[str, Parameter]:
    """Every parameter the shipped world describes, by id."""
    folder = world_folder(SHIPPED)
    if folder is None or not (folder / "parameters.csv").is_file():
        return {}
    keep = frozenset(key_names(Parameter))
    rows = table_rows(folder / "parameters.csv", partial(folded, keep=keep))
    return {row["id"]: Parameter.model_validate(row) for row in rows}


def unknown_world(name: str, where: str) -> Problem:
    """The fault of a world that is not there."""
    root = library_root() / "world"
    known = sorted(path.name for path in root.iterdir() if path.is_dir()) if root.is_dir() else []
    return Problem(
        f"there is no world '{name}'", where, f"one of {', '.join(known)}, or a mapping", nearest(name, known)
    )
