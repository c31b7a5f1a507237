"""Numbers on their way out: a value enters, the text the publication rule allows leaves."""

from __future__ import annotations

from sim.report.frame import SMALLEST_CELL
from sim.report.twopage.country import Spread
from sim.report.twopage.words import say
from sim.report.words import number

__all__ = ["count_text", "interval_text", "is_published", "rounded", "share_text"]


def rounded(value: float) -> float:
    """The value as the rule rounds it."""
    for limit, step in ((100, 10), (1000, 50), (10_000, 100), (100_000, 500)):
        if value < limit:
            return round(value / step) * step
    return round(value / 1000) * 1000


def is_published(value: float) -> bool:
    """Whether the rule lets a count out at all."""
    return value >= SMALLEST_CELL


def count_text(value: float, lang: str) -> str:
    """A count as it may be printed."""
    return number(rounded(value), lang) if is_published(value) else say("below", lang)


def interval_text(values: Spread, lang: str, short: bool = False) -> str:
    """An 80 % interval in words, or as two numbers."""
    low = number(rounded(values.low), lang) if is_published(values.low) else "<15"
    high = number(rounded(values.high), lang) if is_published(values.high) else "<15"
    return f"{low}–{high}" if short else say("interval80", lang, low=low, high=high)


def share_text(share: float, lang: str) -> str:
    """A share in whole per cent."""
    return number(100 * share, lang) + "\u00a0%"
