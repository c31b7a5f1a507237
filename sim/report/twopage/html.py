"""The brief as one HTML page: the content model enters, markup without outside references leaves."""

from __future__ import annotations

from functools import partial
from importlib.resources import files
from typing import TYPE_CHECKING

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup, escape

from sim.report.twopage.chart import trend_chart
from sim.report.words import brief_phrase as say

if TYPE_CHECKING:
    from sim.report.twopage.content import Brief

__all__ = ["render_html"]


def render_html(brief: Brief) -> str:
    """Render the brief.

    Parameters
    ----------
    brief : Brief
        The content model.

    Returns
    -------
    str
        A complete HTML document that prints on two A4 pages.
    """
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    source = files("sim.report").joinpath("assets", "brief.html.j2").read_text(encoding="utf-8")
    return environment.from_string(source).render(
        brief=brief, say=partial(_say, brief.lang), chart=trend_svg(brief)
    )


def _say(lang: str, key: str, **values: object) -> str:
    return say(key, lang, **values)


def trend_svg(brief: Brief) -> Markup:
    """The small chart as inline SVG, with its numbers in words for those who cannot see it."""
    chart = trend_chart(brief, 700.0, 104.0)
    if chart is None:
        return Markup("")
    parts = [f'<svg class="trend" viewBox="0 0 700 104" role="img" aria-label="{escape(chart.words)}">']
    for y, label in chart.ticks:
        parts.append(f'<line x1="{chart.left}" x2="700" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>')
        place = f'x="{chart.left - 6}" y="{y + 3:.1f}" font-size="9" text-anchor="end"'
        parts.append(f"<text {place}>{escape(label)}</text>")
    band = " ".join(f"{x:.1f},{y:.1f}" for x, y in chart.band)
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in chart.line)
    parts.append(f'<polygon points="{band}" fill="#bcd9ec"/>')
    parts.append(f'<polyline points="{line}" fill="none" stroke="#0072B2" stroke-width="2"/>')
    for x, label, anchor in chart.months:
        parts.append(f'<text x="{x:.1f}" y="101" font-size="9" text-anchor="{anchor}">{escape(label)}</text>')
    return Markup("".join([*parts, "</svg>"]))  # noqa: S704 - every text inside is escaped above
