"""Every word of the app: a key and a language enter, a sentence leaves (table `words.csv`: key, en, es)."""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

import pandas as pd

from sim.report.words import LANGUAGES, check_language, number, short_month

if TYPE_CHECKING:
    from datetime import date

    from sim.report.words import Language

__all__ = ["LANGUAGES", "count", "day", "has", "month", "say", "share", "signed", "spread", "table"]


@cache
def table() -> dict[str, dict[Language, str]]:
    """All words by key and language."""
    source = files("sim.app").joinpath("words.csv")
    with source.open(encoding="utf-8") as stream:
        return {row["key"]: {"en": row["en"], "es": row["es"]} for row in csv.DictReader(stream)}


def has(key: str) -> bool:
    """Whether there are words under a key."""
    return key in table()


def say(key: str, lang: str, **values: object) -> str:
    """Look up a sentence and fill in its values; an unknown key is a `KeyError`, so that a test finds it.

    Parameters
    ----------
    key : str
    lang : str
        ``en`` or ``es``.
    **values
        What the braces of the sentence ask for.

    Returns
    -------
    str
    """
    text = table()[key][check_language(lang)]
    return text.format(**values) if values else text


def count(value: float | None, lang: str) -> str:
    """A number of people as the language writes it; a dash where there is none."""
    return "–" if pd.isna(value) else number(float(value or 0.0), lang)


def signed(value: float | None, lang: str) -> str:
    """A difference with its sign."""
    text = count(value, lang)
    return f"+{text}" if value is not None and value > 0 else text


def spread(middle: float | None, low: float | None, high: float | None, lang: str) -> str:
    """A number with its interval, ``12,300 (11,900 to 12,800)``, which breaks into lines before the bracket only."""
    if pd.isna(middle):
        return say("hidden", lang)
    if pd.isna(low) or pd.isna(high):
        return count(middle, lang)
    ends = say("to", lang, low=count(low, lang), high=count(high, lang)).replace(" ", "\u00a0")
    return f"{count(middle, lang)} ({ends})"


def month(value: str, lang: str) -> str:
    """``2022-10`` in words: ``Oct 2022``, ``oct 2022``."""
    return short_month(int(value[:4]), int(value[5:7]), lang)


def day(value: date | None, lang: str) -> str:
    """A day in words: ``12 Oct 2022``, ``12 oct 2022``."""
    if value is None:
        return say("open_end", lang)
    return f"{value.day} {short_month(value.year, value.month, lang)}"


def share(value: float, lang: str) -> str:
    """A share of people in per cent: ``1 %``."""
    digits = 0 if float(100 * value).is_integer() else 1
    return f"{number(100 * value, lang, digits)} %"
