"""What is shipped under ``scenarios/``: names enter, the files of scenarios, policies and worlds leave."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Final

from sim.errors import Problem, ScenarioError
from sim.spec.base import Text
from sim.spec.explain import nearest
from sim.spec.reading import Row, read_text, read_yaml

__all__ = [
    "Entry",
    "file_yaml",
    "in_words",
    "library_entries",
    "library_names",
    "library_root",
    "policy_rows",
    "scenario_file",
]

#: Folders of the package that hold scenarios.
SHELVES: Final = ("history", "what_if")
NAME: Final = re.compile(r"^[\w\-]+(/[\w\-]+)*$")


@dataclass(frozen=True)
class Entry:
    """One scenario of the library.

    Parameters
    ----------
    name : str
        What `load_scenario` takes.
    title, description : Text
        In English and Spanish.
    extends : str
        The scenario it builds on.
    """

    name: str
    title: Text
    description: Text
    extends: str


def library_root() -> Path:
    """Folder of the shipped scenarios."""
    return Path(str(files("scenarios")))


def library_names() -> list[str]:
    """Names of all shipped scenarios."""
    root = library_root()
    found = [path for shelf in SHELVES for path in sorted((root / shelf).rglob("*.yaml"))]
    return [path.relative_to(root).with_suffix("").as_posix() for path in found]


def library_entries() -> list[Entry]:
    """Name, titles and parent of every shipped scenario, in the order of the shelves."""
    return [entry_of(name) for name in library_names()]


def file_yaml(path: Path, label: str) -> Row:
    """The mapping a YAML file holds; what is shipped is read the quick way, with the same result.

    Parameters
    ----------
    path : Path
    label : str
        What messages call it.

    Returns
    -------
    Row

    Raises
    ------
    ScenarioError
        If it cannot be read, or holds no mapping.
    """
    return read_yaml(read_text(path), label, shipped=path.is_relative_to(library_root()))


def entry_of(name: str) -> Entry:
    """One scenario's heading."""
    row = file_yaml(library_root() / f"{name}.yaml", f"{name}.yaml")
    return Entry(
        name, text_of(row.get("title")), text_of(row.get("description")), str(row.get("extends", ""))
    )


def text_of(value: object) -> Text:
    """A title that may be one sentence or two."""
    if isinstance(value, dict):
        return Text(en=str(value.get("en", "")), es=str(value.get("es", "")))
    return Text(en=str(value or ""), es=str(value or ""))


def scenario_file(name: str) -> Path | None:
    """File of a shipped scenario, None if there is none of that name."""
    if not NAME.match(name):
        return None
    path = library_root() / f"{name}.yaml"
    return path if path.is_file() and name.partition("/")[0] in SHELVES else None


def unknown_scenario(name: str, where: str = "", hint: str = "") -> ScenarioError:
    """The error for a name that is neither shipped nor a file; a hint of the caller's own goes before the nearest name."""
    known = library_names()
    hint = hint or nearest(name, known) or nearest(name, [known_name.split("/")[-1] for known_name in known])
    expected = "a YAML file or a name that 'travesia scenarios list' shows"
    return ScenarioError(
        "There is no such scenario", [Problem(f"'{name}' is not known", where, expected, hint)]
    )


@lru_cache(maxsize=256)
def policy_text(path: Path, _modified: int) -> str:
    """Text of a policy file as it was at that time."""
    return read_text(path)


@lru_cache(maxsize=256)
def policy_file(path: Path, modified: int) -> Row:
    """Content of a policy file as it was at that time."""
    return read_yaml(policy_text(path, modified), f"policies/{path.name}", shipped=True)


def policy_paths() -> Iterator[tuple[Path, int]]:
    """Every policy file and when it was written."""
    with os.scandir(library_root() / "policies") as found:
        for entry in sorted(found, key=lambda one: one.name):
            if entry.name.endswith(".yaml"):
                yield Path(entry.path), entry.stat().st_mtime_ns


def policy_rows(name: str) -> list[Row] | None:
    """Policies of the library that a name stands for.

    Parameters
    ----------
    name : str
        Id of a policy, or of an event, which stands for all of its policies.

    Returns
    -------
    list of Row or None
        None if the library has neither.
    """
    for path, modified in policy_paths():
        if name not in policy_text(path, modified):
            continue
        content = policy_file(path, modified)
        event = content.get("event")
        rows = [with_event(row, event) for row in content.get("policies") or () if isinstance(row, Row)]
        if isinstance(event, Row) and event.get("id") == name:
            return rows
        found = [row for row in rows if row.get("id") == name]
        if found:
            return found
    return None


def with_event(row: Row, event: object) -> Row:
    """A policy with the title and sources of its event where it has none of its own."""
    made = row.copy()
    if isinstance(event, Row):
        made.setdefault("event", str(event.get("id", "")))
        for key in ("title", "sources"):
            if key in event:
                made.setdefault(key, event[key])
    return made


@cache
def policy_words() -> dict[str, str]:
    """Spanish of what policies and events say of sizes, effects and sources, by its English."""
    with (library_root() / "policies" / "words.csv").open(encoding="utf-8", newline="") as stream:
        return {row["en"]: row["es"] for row in csv.DictReader(stream)}


def in_words(text: str, lang: str) -> str:
    """What a policy of the library says of its size, its effect or a source, in a language.

    Parameters
    ----------
    text : str
        As it stands in the file, in English; a source may be followed by its address.
    lang : str
        ``es``; any other leaves it as it is.

    Returns
    -------
    str
        The same where the table does not know it: the words of a user's own file.
    """
    if lang != "es":
        return text
    label, address, rest = text.partition(": http")
    known = policy_words()
    return known.get(text) or known.get(label, label) + address + rest


def policy_names() -> list[str]:
    """Ids of all events and policies of the library."""
    names: list[str] = []
    for path, modified in policy_paths():
        content = policy_file(path, modified)
        event = content.get("event")
        names.extend([str(event.get("id"))] if isinstance(event, Row) else [])
        names.extend(str(row.get("id")) for row in content.get("policies") or () if isinstance(row, Row))
    return names
