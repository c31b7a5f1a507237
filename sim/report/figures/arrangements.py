"""Coordination arrangements and funding side by side: a run enters, one figure of what would reach people leaves."""

from __future__ import annotations

from textwrap import fill
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from sim.needs import compare_arrangements
from sim.needs.labels import label
from sim.report.style import COLOURS, HATCHES, INK, count_axis, legend_below, new_figure, plain
from sim.report.words import check_language, phrase

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from sim.report.frame import RunLike

__all__ = ["arrangements"]

#: Parts of the people in need, bottom first; who is covered twice is part of who is covered.
PARTS: Final = (
    ("covered_once", "#C9E4D6", ""),
    ("duplicated", "#CC79A7", "//"),
    ("uncovered", "#D55E00", "xx"),
)
COLUMNS, WIDTH = 4, 0.26
#: How the words of an empty panel are set.
TOO_FEW: Final[dict[str, Any]] = {"ha": "center", "va": "center", "fontsize": 8, "color": "#555555"}


def arrangements(
    run: RunLike, lang: str = "en", table: pd.DataFrame | None = None
) -> tuple[Figure, pd.DataFrame]:
    """People covered and resources delivered under three arrangements and three funding levels.

    Parameters
    ----------
    run : RunLike
        An opened run folder.
    lang : str
        ``en`` or ``es``.
    table : DataFrame, optional
        What `sim.needs.compare_arrangements` gives; made if not given.

    Returns
    -------
    figure : Figure
        People in need by who covers them, the money missing, and each resource, with low to high.
    data : DataFrame
        The table.
    """
    check_language(lang)
    data = compare_arrangements(run) if table is None else table
    kinds = list(dict.fromkeys(data["arrangement"]))
    levels = [name for name in dict.fromkeys(data["funding"]) if name]
    wanted = ["gap", *(name for name in dict.fromkeys(data["measure"]) if str(name).startswith("resource:"))]
    rows = -(-(len(wanted) + 1) // COLUMNS)
    figure = new_figure(run, lang, phrase("arrangements_title", lang), (13.0, 3.1 * rows + 0.9))
    grid = figure.subplots(rows, COLUMNS, squeeze=False)
    names = [fill(label("arrangement", kind, lang), 16) for kind in kinds]
    draw_people(grid.flat[0], data, kinds, lang)
    for axes, measure in zip(grid.flat[1:], wanted, strict=False):
        draw_measure(axes, data[data["measure"] == measure], kinds, levels, lang)
    for axes in grid.flat[len(wanted) + 1 :]:
        axes.set_axis_off()
    for axes in grid.flat[: len(wanted) + 1]:
        plain(axes)
        count_axis(axes.yaxis, lang, 4)
        axes.set_ylim(bottom=0)
        if not any(bar.get_height() > 0 for bar in axes.patches if isinstance(bar, Rectangle)):
            axes.set_yticks([])
        axes.set_xticks(range(len(kinds)), names, fontsize=6.6)
        axes.tick_params(axis="x", length=0)
    handles: list[Patch | Line2D] = [
        Patch(
            facecolor=colour,
            hatch=hatch,
            edgecolor=INK,
            linewidth=0.4,
            label=phrase(f"arrangements_{part}", lang),
        )
        for part, colour, hatch in PARTS
    ]
    handles += [
        Patch(facecolor=COLOURS[i], hatch=HATCHES[i], edgecolor="white", label=funded_words(level, lang))
        for i, level in enumerate(levels)
    ]
    handles.append(Line2D([], [], color=INK, linewidth=1.0, label=phrase("arrangements_range", lang)))
    legend_below(figure, handles, 7)
    return figure, data


def funded_words(level: str, lang: str) -> str:
    """A funding level in words."""
    return phrase("arrangements_funded", lang, funding=label("funding", level, lang))


def draw_people(axes: Axes, data: pd.DataFrame, kinds: list[str], lang: str) -> None:
    """Times in need by whether somebody covers them, and the range of those whom nobody covers."""
    people = data[(data["sector_code"] == "ALL") & (data["funding"] == "")].set_index(
        ["arrangement", "measure"]
    )
    middle = people["middle"].unstack("measure").reindex(kinds).fillna(0.0)
    parts = {
        "covered_once": middle["covered"] - middle["duplicated"],
        "duplicated": middle["duplicated"],
        "uncovered": middle["uncovered"],
    }
    base = np.zeros(len(kinds))
    where = np.arange(len(kinds))
    for part, colour, hatch in PARTS:
        axes.bar(
            where,
            parts[part],
            bottom=base,
            width=0.7,
            color=colour,
            hatch=hatch,
            edgecolor=INK,
            linewidth=0.4,
        )
        base += parts[part].to_numpy()
    whole = people.xs("in_need", level="measure").reindex(kinds)
    axes.vlines(where, whole["low"], whole["high"], color=INK, linewidth=1.2)
    axes.set_title(phrase("arrangements_people", lang), loc="left", fontsize=8.5)
    axes.set_ylabel(phrase("arrangements_times", lang), fontsize=7.5)


def draw_measure(axes: Axes, part: pd.DataFrame, kinds: list[str], levels: list[str], lang: str) -> None:
    """One resource, or the money missing, by arrangement and funding, with low to high."""
    where = np.arange(len(kinds), dtype=float)
    for i, level in enumerate(levels):
        rows = part[part["funding"] == level].set_index("arrangement").reindex(kinds)
        at = where + (i - (len(levels) - 1) / 2) * WIDTH
        axes.bar(
            at,
            rows["middle"],
            width=WIDTH,
            color=COLOURS[i],
            hatch=HATCHES[i],
            edgecolor="white",
            linewidth=0.3,
        )
        axes.vlines(at, rows["low"], rows["high"], color=INK, linewidth=1.0)
    if not (part["middle"] > 0).any():
        axes.text(0.5, 0.5, fill(phrase("arrangements_none", lang), 24), transform=axes.transAxes, **TOO_FEW)
    measure, unit = str(part["measure"].iloc[0]), str(part["unit"].iloc[0])
    _, _, resource = measure.partition("resource:")
    title = label("resource", resource, lang) if resource else phrase("arrangements_gap", lang)
    axes.set_title(title, loc="left", fontsize=8.5)
    axes.set_ylabel(label("unit", unit, lang), fontsize=7.5)
