"""The small chart of page one: monthly points enter, coordinates that both renderers draw leave."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sim.report.words import number

if TYPE_CHECKING:
    from sim.report.twopage.content import Brief

__all__ = ["Chart", "trend_chart"]

Point = tuple[float, float]
FEWEST_MONTHS, MOST_TICKS, MOST_LABELS = 2, 4, 6
STEPS: Final = (0.2, 0.25, 0.5, 1.0, 2.0)


@dataclass(frozen=True)
class Chart:
    """Coordinates with y downwards; `months` are x, label and anchor."""

    left: float
    ticks: tuple[tuple[float, str], ...]
    band: tuple[Point, ...]
    line: tuple[Point, ...]
    months: tuple[tuple[float, str, str], ...]
    words: str


def trend_chart(brief: Brief, width: float, height: float) -> Chart | None:
    """Lay out the chart of a brief; None where there is nothing to draw.

    Parameters
    ----------
    brief : Brief
        The content model.
    width, height : float
        Size of the drawing.
    """
    points = brief.trend
    top = max((point.high for point in points), default=0.0)
    if top <= 0 or len(points) < FEWEST_MONTHS:
        return None
    step = tick_step(top)
    ticks = math.ceil(top / step)
    left, low, roof = 46.0, height - 14.0, 6.0
    up, across = (low - roof) / (ticks * step), (width - left - 6.0) / (len(points) - 1)
    spots = [(left + index * across, point) for index, point in enumerate(points)]
    band = [(x, low - point.high * up) for x, point in spots] + [
        (x, low - point.low * up) for x, point in reversed(spots)
    ]
    every = -(-len(points) // MOST_LABELS)
    months = [
        (x, point.month, "end" if index == len(points) - 1 else "middle")
        for index, (x, point) in enumerate(spots)
        if (len(points) - 1 - index) % every == 0
    ]
    return Chart(
        left=left,
        ticks=tuple((low - tick * step * up, number(tick * step, brief.lang)) for tick in range(ticks + 1)),
        band=tuple(band),
        line=tuple((x, low - point.median * up) for x, point in spots),
        months=tuple(months),
        words=brief.trend_title
        + ". "
        + "; ".join(f"{point.month}: {number(point.median, brief.lang)}" for point in points),
    )


def tick_step(top: float) -> float:
    """A round distance between two to five ticks."""
    power = 10.0 ** math.floor(math.log10(top))
    return next((step * power for step in STEPS if top / (step * power) <= MOST_TICKS), 5.0 * power)
