"""Printed numbers of the brief: a value enters, the text the publication rule allows leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.report.publication import is_published, rounded
from sim.report.words import brief_phrase as say
from sim.report.words import number

if TYPE_CHECKING:
    from sim.report.twopage.country import Spread

__all__ = ["count_text", "interval_text", "share_text"]

HALF_A_PER_CENT = 0.005


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
    if 0 < share < HALF_A_PER_CENT:
        return "<1\u00a0%"
    return number(100 * share, lang) + "\u00a0%"
