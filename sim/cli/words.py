"""What commands say in a terminal: a key enters, a sentence in the reader's language leaves (table `words.csv`)."""

from __future__ import annotations

import csv
import os
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from sim.errors import DataError, Problem

if TYPE_CHECKING:
    from sim.spec import Scenario

__all__ = [
    "border_names",
    "count",
    "decimal",
    "language_of",
    "percent",
    "reader_language",
    "say",
    "scenario_line",
    "table",
]

_OPTION = "--lang"


@cache
def table() -> dict[str, dict[str, str]]:
    """All sentences by key and language."""
    with files("sim.cli").joinpath("words.csv").open(encoding="utf-8") as stream:
        return {row["key"]: {"en": row["en"], "es": row["es"]} for row in csv.DictReader(stream)}


def reader_language(
    arguments: Sequence[str] | None = None, environment: Mapping[str, str] | None = None
) -> str:
    """Language of whoever reads the terminal.

    Parameters
    ----------
    arguments : sequence of str, optional
        Words of the command line, those of the process if not given: ``--lang es`` decides.
    environment : mapping, optional
        ``TRAVESIA_LANG``, else the system's own ``LC_ALL``, ``LC_MESSAGES``, ``LANG``: the first that is set.

    Returns
    -------
    str
        ``es`` or ``en``.
    """
    words = sys.argv[1:] if arguments is None else list(arguments)
    for number, word in enumerate(words):
        option, given, asked = word.partition("=")
        if option == _OPTION and not given:
            asked = words[number + 1] if number + 1 < len(words) else ""
        if option == _OPTION and asked in {"en", "es"}:
            return asked
    known = os.environ if environment is None else environment
    for name in ("TRAVESIA_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        if known.get(name):
            return "es" if known[name].lower().startswith("es") else "en"
    return "en"


def language_of(asked: str | None) -> str:
    """The language a command was asked for, or that of the reader.

    Raises
    ------
    DataError
        For a language there are no words for.
    """
    if asked is None:
        return reader_language()
    if asked not in {"en", "es"}:
        message = "There are no words for this language."
        problem = Problem(f"language '{asked}'", "--lang", "en or es")
        raise DataError(message, [problem])
    return asked


def say(key: str, lang: str, **values: object) -> str:
    """Look up a sentence and fill in its values.

    Raises
    ------
    KeyError
        If there are no words under the key: a test finds it.
    """
    text = table()[key]["es" if lang == "es" else "en"]
    return text.format(**values) if values else text


def scenario_line(scenario: Scenario, lang: str) -> str:
    """A scenario in one line: its name, how much it holds, and its window."""
    world, window = scenario.world, scenario.window
    held = {
        "places": world.places,
        "legs": world.legs,
        "departures": scenario.departures,
        "policies": scenario.policies,
    }
    sizes = {name: count(len(rows), lang) for name, rows in held.items()}
    return say("scenario.is", lang, name=scenario.name, start=window.start, end=window.end, **sizes)


def border_names(scenario: Scenario, lang: str) -> dict[str, str]:
    """Names of a scenario's borders, short enough for a table of eighty columns."""
    names = {}
    for border in scenario.world.borders:
        key = f"border.{border.id}"
        full = str(getattr(border, f"name_{lang}") or border.id)
        names[border.id] = say(key, lang) if key in table() else full.partition(" (")[0].partition(",")[0]
    return names


def count(value: float, lang: str, *, sign: bool = False) -> str:
    """A whole number as the language groups it: ``12,345`` or ``12 345`` (no-break space)."""
    text = f"{value:+,.0f}" if sign else f"{value:,.0f}"
    return text.replace(",", "\u00a0") if lang == "es" else text


def decimal(value: float, lang: str, digits: int = 1) -> str:
    """A number with decimals as the language writes it: ``12,345.6`` or ``12 345,6`` (no-break space)."""
    text = f"{value:,.{digits}f}"
    return text.translate(str.maketrans(",.", "\u00a0,")) if lang == "es" else text


def percent(value: float, lang: str) -> str:
    """A signed difference in per cent with one decimal."""
    text = f"{value:+.1f} %"
    return text.replace(".", ",") if lang == "es" else text
