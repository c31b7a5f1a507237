"""Every word of the diagnostics report: a key and a language enter, a phrase leaves.

They stand in one table, ``report_words.csv`` (key, en, es): a missing translation is a fault that a test finds, and a
translator needs no Python.
"""

from __future__ import annotations

import csv
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from sim.report.words import check_language, country_name

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["column", "combination", "name_of", "phrase", "rule_in_words", "table"]

_RULES = {
    "rule_darien": re.compile(r"^Darién x (?P<scale>\S+), lag (?P<lag>\S+), spread (?P<spread>\S+)$"),
    "rule_darien_blind": re.compile(r"^Darién x (?P<scale>\S+), lag (?P<lag>\S+), past changes$"),
}


@cache
def table() -> dict[str, dict[str, str]]:
    """All phrases by key and language."""
    file = Path(__file__).parent / "report_words.csv"
    with file.open(encoding="utf-8", newline="") as stream:
        return {row["key"]: {"en": row["en"], "es": row["es"]} for row in csv.DictReader(stream)}


def phrase(key: str, lang: str, **values: object) -> str:
    """Look up one phrase and fill in its values; an unknown key is a `KeyError`, so that a test finds it."""
    text = table()[key][check_language(lang)]
    return text.format(**values) if values else text


def _known(key: str, lang: str) -> str | None:
    row = table().get(key)
    return row[check_language(lang)] if row else None


def column(name: str, lang: str) -> str:
    """Heading of a column; the name itself where the table does not know it."""
    return _known(f"column_{name}", lang) or name


def name_of(kind: str, key: str, lang: str) -> str:
    """Name of a border, channel, group or parameter.

    Parameters
    ----------
    kind : str
        ``border``, ``channel``, ``group`` or ``parameter``. A parameter may also be ``dispersion SERIES`` or
        ``departures GROUP by CHANNEL``.
    key : str
    lang : str

    Returns
    -------
    str
        The key itself where nothing is known of it (names of a user's own world).
    """
    if kind == "group":
        return country_name(key, lang)
    if kind == "parameter" and key.startswith("dispersion "):
        return phrase("dispersion_of", lang, series=_series(key.removeprefix("dispersion "), lang))
    if kind == "parameter" and key.startswith("departures "):
        group, _, channel = key.removeprefix("departures ").partition(" by ")
        return phrase(
            "departures_of",
            lang,
            group=country_name(group, lang),
            channel=name_of("channel", channel, lang),
        )
    return _known(f"{kind}_{key}", lang) or key


def _series(key: str, lang: str) -> str:
    border, _, group = key.partition(" ")
    name = name_of("border", border, lang)
    return f"{name} {country_name(group, lang)}" if group else name


def combination(up: Sequence[str], down: Sequence[str], lang: str) -> str:
    """Which parameters rise and which fall, in words.

    Parameters
    ----------
    up, down : sequence of str
        Names as the posterior has them.
    lang : str

    Returns
    -------
    str
    """
    risen, fallen = (", ".join(name_of("parameter", name, lang) for name in names) for names in (up, down))
    text = phrase("raising", lang, names=risen)
    return f"{text} {phrase('while_lowering', lang, names=fallen)}" if fallen else text


def rule_in_words(rule: str, lang: str) -> str:
    """A rule built from the Darién in the reader's language; other texts stay as they are."""
    mark = "." if check_language(lang) == "en" else ","
    for key, pattern in _RULES.items():
        if found := pattern.match(rule):
            return phrase(key, lang, **{k: v.replace(".", mark) for k, v in found.groupdict().items()})
    return rule
