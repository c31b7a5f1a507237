"""Every word a reader sees on a figure or a brief: a key and a language enter, a phrase leaves.

All of them stand in one table, `assets/words.csv` (key, en, es): a missing translation is a fault that a test
finds, and a translator needs no Python. Spanish is written as a first language of the region.
"""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files
from typing import Final, Literal

from sim.errors import DataError, Problem

__all__ = [
    "LANGUAGES",
    "Language",
    "brief_phrase",
    "check_language",
    "country_name",
    "month_name",
    "number",
    "phrase",
    "place_name",
    "short_month",
    "table",
]

Language = Literal["en", "es"]
LANGUAGES: Final[tuple[Language, ...]] = ("en", "es")

MONTHS: Final[dict[str, tuple[str, ...]]] = {
    "en": (
        "January", "February", "March", "April", "May", "June",
        "July", "August", "September", "October", "November", "December",
    ),
    "es": (
        "enero", "febrero", "marzo", "abril", "mayo", "junio",
        "julio", "agosto", "septiembre", "octubre", "noviembre", "diciembre",
    ),
}  # fmt: skip


@cache
def table() -> dict[str, dict[Language, str]]:
    """All phrases by key and language."""
    source = files("sim.report").joinpath("assets", "words.csv")
    with source.open(encoding="utf-8") as stream:
        return {row["key"]: {"en": row["en"], "es": row["es"]} for row in csv.DictReader(stream)}


def check_language(lang: str) -> Language:
    """Return `lang` if there are words for it.

    Parameters
    ----------
    lang : str
        ``en`` or ``es``.

    Returns
    -------
    str
        The same.

    Raises
    ------
    DataError
        For any other language.
    """
    for known in LANGUAGES:
        if lang == known:
            return known
    problem = Problem(f"language {lang!r}", expected="en or es", hint="use --lang en or --lang es")
    message = "There are no words for this language."
    raise DataError(message, [problem])


def phrase(key: str, lang: str, **values: object) -> str:
    """Look up one phrase of the figures and fill in its values.

    Parameters
    ----------
    key : str
        Key of the table, without ``figure.``.
    lang : str
        ``en`` or ``es``.
    **values
        What the phrase's braces ask for.

    Returns
    -------
    str
        The phrase; the key in words if the table does not know it (names from a user's own world).
    """
    row = table().get(f"figure.{key}")
    text = row[check_language(lang)] if row else key.replace("_", " ").replace("-", " ")
    return text.format(**values) if values else text


def brief_phrase(key: str, lang: str, **values: object) -> str:
    """Look up one phrase of the brief; an unknown key is a `KeyError`, so that a test finds it."""
    text = table()[f"brief.{key}"][check_language(lang)]
    return text.format(**values) if values else text


def country_name(code: str, lang: str) -> str:
    """Name of a country or nationality group by code; the code itself if it is not in the table."""
    row = table().get(f"country.{code or 'none'}")
    return row[check_language(lang)] if row else code


def place_name(name: str, lang: str) -> str:
    """Short name of a place: the part before a slash, bracket or comma, in Spanish where it differs."""
    short = name
    for mark in (" / ", " (", ","):
        short = short.partition(mark)[0]
    row = table().get(f"place.{short.strip()}")
    return row[check_language(lang)] if row else short.strip()


def month_name(year: int, month: int, lang: str) -> str:
    """A month in words: ``August 2023``, ``agosto de 2023``."""
    name = MONTHS[check_language(lang)][month - 1]
    return f"{name} {year}" if lang == "en" else f"{name} de {year}"


def short_month(year: int, month: int, lang: str) -> str:
    """A month in short: ``Aug 2023``, ``ago 2023``."""
    return f"{MONTHS[check_language(lang)][month - 1][:3]} {year}"


def number(value: float, lang: str, digits: int = 0) -> str:
    """A number as the language writes it: ``12,345.6`` and ``12 345,6`` (no-break space).

    Parameters
    ----------
    value : float
        Any finite number.
    lang : str
        ``en`` or ``es``.
    digits : int
        Decimals.
    """
    text = f"{value:,.{digits}f}".replace("-", "−")
    if check_language(lang) == "en":
        return text
    whole, _, decimals = text.partition(".")
    # A space groups thousands (Ortografía de la lengua española, 2010), in tables also with four figures.
    grouped = whole.replace(",", "\u00a0")
    return f"{grouped},{decimals}" if decimals else grouped
