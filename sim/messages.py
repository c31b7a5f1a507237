"""Refusals in the reader's language: an error in English enters, the same in Spanish leaves (table `messages.csv`).

Errors are raised in English, where they are found. At the edge, on the command line and on the page, each sentence is
looked up here; a sentence the table does not know stays as it is, so that nothing is ever hidden.
"""

from __future__ import annotations

import csv
import re
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from sim.errors import Problem, TravesiaError

__all__ = ["in_language", "problem_told", "table", "told"]

_HOLE: Final = "{}"
_FEWEST_LETTERS: Final = 10
"""Letters that a sentence inside another must bring with it, so that a name is not taken for one."""
_THOUSANDS: Final = re.compile(r"(?<![\d.])\d{1,3}(?:,\d{3})+(?!\d)")


class _Sentence(NamedTuple):
    """One row of the table, ready to be matched."""

    pattern: re.Pattern[str]
    spanish: str
    quoted: tuple[bool, ...]
    letters: int


@cache
def table() -> dict[str, str]:
    """Spanish of every sentence by its English; ``{}`` stands for what was found, ``{0}`` for where it goes."""
    with files("sim").joinpath("messages.csv").open(encoding="utf-8") as stream:
        return {row["en"]: row["es"] for row in csv.DictReader(stream)}


@cache
def _sentences() -> tuple[_Sentence, ...]:
    """Sentences with gaps, the most telling first."""
    made = []
    for english, spanish in table().items():
        if _HOLE not in english:
            continue
        parts = english.split(_HOLE)
        bare = sum(map(len, parts)) < _FEWEST_LETTERS  # "{} is {}": only a name may stand first
        gaps = [r"(\S+)" if bare and not parts[0] else "(.+?)", *["(.+?)"] * (len(parts) - 2)]
        pattern = re.compile(
            "".join(re.escape(part) + gap for part, gap in zip(parts, [*gaps, ""], strict=True)), re.DOTALL
        )
        quoted = tuple(part.endswith("'") for part in parts[:-1])
        made.append(_Sentence(pattern, spanish, quoted, sum(map(len, parts))))
    return tuple(sorted(made, key=lambda one: -one.letters))


def in_language(text: str, lang: str) -> str:
    """One sentence of a message in a language.

    Parameters
    ----------
    text : str
        As it was raised, in English.
    lang : str
        ``es``; any other leaves it as it is.

    Returns
    -------
    str
    """
    if lang != "es":
        return text
    return "\n".join(_spanish(line) for line in text.split("\n")) if text not in table() else table()[text]


def _spanish(text: str, fewest: int = 0) -> str:
    """A sentence looked up; `fewest` letters of it must be the table's own."""
    if text in table():
        return table()[text]
    for one in _sentences():
        if one.letters < fewest:
            break
        found = one.pattern.fullmatch(text)
        if found:
            values = [
                value if quoted else _THOUSANDS.sub(_grouped, _spanish(value, _FEWEST_LETTERS))
                for value, quoted in zip(found.groups(), one.quoted, strict=True)
            ]
            return one.spanish.format(*values)
    return text


def _grouped(found: re.Match[str]) -> str:
    """Thousands apart by a space that does not break."""
    return found.group().replace(",", "\u00a0")


def told(error: TravesiaError, lang: str) -> str:
    """A refusal with all its problems, in a language.

    Parameters
    ----------
    error : TravesiaError
    lang : str
        ``en`` or ``es``.

    Returns
    -------
    str
        In English the same as ``str(error)``.
    """
    if lang != "es":
        return str(error)
    return "\n".join(
        [in_language(error.message, lang), *(f"  - {problem_told(p, lang)}" for p in error.problems)]
    )


def problem_told(problem: Problem, lang: str) -> str:
    """One fault in a language.

    Parameters
    ----------
    problem : Problem
    lang : str
        ``en`` or ``es``.

    Returns
    -------
    str
        In English the same as ``str(problem)``.
    """
    if lang != "es":
        return str(problem)
    what = in_language(problem.what, "es")
    text = f"{in_language(problem.where, 'es')}: {what}" if problem.where else what
    if problem.expected:
        text += f"; se esperaba {in_language(problem.expected, 'es')}"
    if problem.hint:
        text += f" ({in_language(problem.hint, 'es')})"
    return text
