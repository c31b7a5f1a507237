"""What stands on the two pages: one frozen model, every number already published and in the reader's words.

HTML and PDF render the same object, so the two can never say different things.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sim.errors import DataError, Problem

__all__ = [
    "Bar",
    "Brief",
    "GroupRow",
    "Headline",
    "Matrix",
    "Pair",
    "ScenarioRow",
    "SectorRow",
    "SkillRow",
    "TrendPoint",
    "Trigger",
    "UpstreamRow",
]

Level = Literal["green", "amber", "red", "unknown"]


@dataclass(frozen=True)
class Pair:
    """A label and its text."""

    label: str
    text: str


@dataclass(frozen=True)
class Headline:
    """One of the five numbers: what it counts, its value, its interval, and how it moved."""

    label: str
    value: str
    interval: str
    change: str
    way: Literal["up", "down", "same", ""]


@dataclass(frozen=True)
class Trigger:
    """The light, the word beside it, why it is lit, and the rule."""

    level: Level
    word: str
    reason: str
    rule: str


@dataclass(frozen=True)
class Bar:
    """A part of the direction bar."""

    key: str
    label: str
    share: float
    text: str


@dataclass(frozen=True)
class TrendPoint:
    """A month of the small chart; numbers already rounded, 0 where withheld."""

    month: str
    median: float
    low: float
    high: float


@dataclass(frozen=True)
class SectorRow:
    """A line of the sector table; numbers come with the line of their range."""

    sector: str
    in_need: str
    interval: str
    units: str
    units_range: str
    usd: str
    usd_range: str
    funded: str
    gap: str
    gap_range: str
    lead: str
    flag: str


@dataclass(frozen=True)
class GroupRow:
    """A group of people: how many, between what, and which share."""

    label: str
    persons: str
    interval: str
    share: float
    share_text: str


@dataclass(frozen=True)
class UpstreamRow:
    """People on their way, by when they are expected (or, in the regional brief, by country)."""

    label: str
    persons: str
    interval: str
    extra: str


@dataclass(frozen=True)
class ScenarioRow:
    """One scenario beside the others."""

    name: str
    entries: str
    present: str
    in_need: str
    usd: str


@dataclass(frozen=True)
class Matrix:
    """Sectors by mechanisms; a cell is a word, not a colour."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class SkillRow:
    """How close the model came: its last forecast, what happened, and the score of all forecasts."""

    label: str
    forecast: str
    seen: str
    inside: str
    error: str
    naive: str


@dataclass(frozen=True)
class Brief:
    """The two pages of one country and month.

    Empty tuples are empty states: the renderers print the sentence in the matching `*_note`, never a number.
    """

    lang: str
    country: str
    title: str
    subtitle: str
    facts: tuple[Pair, ...]
    headlines: tuple[Headline, ...]
    trigger: Trigger
    directions: tuple[Bar, ...]
    directions_note: str
    trend: tuple[TrendPoint, ...]
    trend_title: str
    sectors: tuple[SectorRow, ...]
    sectors_note: str
    groups: tuple[GroupRow, ...]
    groups_note: str
    upstream: tuple[UpstreamRow, ...]
    upstream_note: str
    scenarios: tuple[ScenarioRow, ...]
    scenarios_note: str
    overlay: tuple[str, ...]
    matrix: Matrix
    matrix_note: str
    skill: tuple[SkillRow, ...]
    skill_note: str
    sources: tuple[str, ...]
    assumptions: tuple[str, ...]
    not_for: tuple[str, ...]
    correct: str
    footer: str

    def to_html(self, path: str | Path | None = None) -> str:
        """Render as one HTML page without outside references, and write it if a path is given."""
        from sim.report.twopage.html import render_html  # noqa: PLC0415 - renderers import the model

        text = render_html(self)
        if path is not None:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            Path(path).write_text(text, encoding="utf-8")
        return text

    def to_pdf(self, path: str | Path) -> Path:
        """Write as a PDF of exactly two A4 pages."""
        from sim.report.twopage.pdf import render_pdf  # noqa: PLC0415 - renderers import the model

        return render_pdf(self, path)

    def save(self, path: str | Path) -> Path:
        """Write as PDF or HTML, by the ending of `path`."""
        target = Path(path)
        if target.suffix.lower() == ".pdf":
            return self.to_pdf(target)
        if target.suffix.lower() in (".html", ".htm"):
            self.to_html(target)
            return target
        problem = Problem(f"file ending {target.suffix!r}", str(target), ".pdf or .html")
        msg = "A brief cannot be written in this format."
        raise DataError(msg, [problem])
