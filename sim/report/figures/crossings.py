"""Crossings: the summary of a run enters, small multiples with bands and observed points leave."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import fill
from typing import TYPE_CHECKING

import pandas as pd
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from sim.errors import DataError, Problem
from sim.report.frame import RunLike, border_title, group_name, replicate_count
from sim.report.publication import publishable
from sim.report.style import (
    BANDS,
    COLOURS,
    INK,
    count_axis,
    empty,
    legend_below,
    month_axis,
    new_figure,
    plain,
    short_count,
    stamps,
)
from sim.report.words import check_language, phrase

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["crossings"]

#: How many nationalities get a panel of their own.
MOST_GROUPS = 8
ACROSS, TITLE_LETTERS = 3, 44


def crossings(
    run: RunLike, borders: str | Sequence[str] | None = None, lang: str = "en"
) -> tuple[Figure, pd.DataFrame]:
    """Crossings by month with the median, 50 and 90 % bands, and observed points.

    Parameters
    ----------
    run : RunLike
        An opened run folder.
    borders : str or sequence of str, optional
        One border shows its nationalities; several show one panel each; none shows every border and the
        nationalities of the first.
    lang : str
        ``en`` or ``es``.

    Returns
    -------
    figure : Figure
        Small multiples.
    data : DataFrame
        The rows of `summary.csv` that are drawn, published: small cells blank, the others rounded.
    """
    check_language(lang)
    summary = run.summary.copy()
    known = in_order(run, [str(border) for border in dict.fromkeys(summary["border"])])
    wanted = known if borders is None else [borders] if isinstance(borders, str) else list(borders)
    unknown = [border for border in wanted if border not in known]
    if unknown:
        problems = [
            Problem(f"border {border!r}", "summary.csv", "one of: " + ", ".join(known)) for border in unknown
        ]
        msg = "This run does not count that border."
        raise DataError(msg, problems)
    if not wanted:
        return empty(run, lang, phrase("crossings_title", lang), phrase("nothing_border", lang)), summary
    panels = choose_panels(summary, wanted, everything=borders is None)
    title = phrase("crossings_title", lang)
    if len(wanted) == 1:
        title = phrase("crossings_title_one", lang, border=border_title(run, wanted[0], lang))
    columns = min(ACROSS, len(panels))
    rows = -(-len(panels) // columns)
    figure = new_figure(run, lang, title, (3.75 * columns + 0.2, 2.3 * rows + 1.15))
    grid = figure.subplots(rows, columns, squeeze=False)
    for axes in grid.flat[len(panels) :]:
        axes.set_axis_off()
    drawn = []
    for axes, (border, group) in zip(grid.flat, panels, strict=False):
        part = summary[(summary["border"] == border) & (summary["nationality"] == group)].sort_values("month")
        draw_panel(axes, run, part, panel_title(run, border, group, len(wanted), lang), lang)
        drawn.append(part)
    legend_below(figure, legend_handles(run, pd.concat(drawn), lang), 4)
    return figure, publishable(pd.concat(drawn, ignore_index=True))


def in_order(run: RunLike, known: list[str]) -> list[str]:
    """Borders as the world lists them, that is along the route."""
    listed = [str(row.id) for row in getattr(run.scenario.world, "borders", None) or ()]
    return sorted(known, key=lambda border: listed.index(border) if border in listed else len(listed))


def choose_panels(summary: pd.DataFrame, wanted: Sequence[str], everything: bool) -> list[tuple[str, str]]:
    """Which (border, nationality) pairs to draw, largest nationalities first."""
    panels = [
        (border, "ALL")
        for border in wanted
        if ((summary["border"] == border) & (summary["nationality"] == "ALL")).any()
    ]
    if len(wanted) > 1 and not everything:
        return panels
    first = summary[(summary["border"] == wanted[0]) & (summary["nationality"] != "ALL")]
    size = first.groupby("nationality", observed=True)["median"].sum().sort_values(ascending=False)
    groups = [str(group) for group in size[size > 0].index[:MOST_GROUPS]]
    # fill whole rows of three
    if len(panels) + len(groups) > ACROSS:
        groups = groups[: max(1, (len(panels) + len(groups)) // ACROSS * ACROSS - len(panels))]
    return panels + [(wanted[0], group) for group in groups]


def panel_title(run: RunLike, border: str, group: str, borders: int, lang: str) -> str:
    """Border, nationality or both."""
    if borders == 1:
        return group_name(run, group, lang)
    name = border_title(run, border, lang)
    return name if group == "ALL" else f"{name.split(' (')[0]}: {group_name(run, group, lang)}"


def draw_panel(axes: Axes, run: RunLike, part: pd.DataFrame, title: str, lang: str) -> None:
    """One border and nationality."""
    when = stamps(pd.to_datetime(part["month"]))
    if replicate_count(run) > 1:
        axes.fill_between(when, part["lo90"], part["hi90"], color=BANDS[1], linewidth=0)
        axes.fill_between(when, part["lo50"], part["hi50"], color=BANDS[0], linewidth=0)
    axes.plot(when, part["median"], color=COLOURS[0], linewidth=1.6)
    seen = part["observed"].notna()
    if seen.any():
        points = [day for day, keep in zip(when, seen, strict=True) if keep]
        axes.plot(
            points,
            part.loc[seen, "observed"],
            "o",
            mfc="white",
            mec=INK,
            mew=0.8,
            markersize=3.4,
            linestyle="none",
        )
    plain(axes)
    axes.set_title(fill(title, TITLE_LETTERS), loc="left", fontsize=9, color=INK)
    axes.set_ylabel(unit_words(part, lang), fontsize=7.5, color=INK)
    axes.set_ylim(bottom=0)
    axes.margins(x=0.02)
    count_axis(axes.yaxis, lang, 4)
    month_axis(axes, lang)
    if len(part) and part["median"].max() > 0:
        top = part["median"].to_numpy().argmax()
        axes.set_ylim(top=1.18 * max(axes.get_ylim()[1] / 1.05, part["median"].max()))
        side = "right" if top > 0.6 * len(part) else "left"
        text = phrase("peak", lang, value=short_count(float(part["median"].max()), lang))
        axes.annotate(
            text,
            (when[top], axes.get_ylim()[1]),
            (0, -2),
            textcoords="offset points",
            ha=side,
            va="top",
            fontsize=7.5,
            color="#00507E",
        )


def unit_words(part: pd.DataFrame, lang: str) -> str:
    """Unit of the axis, from the table."""
    unit = str(part["unit"].iloc[0]) if len(part) and "unit" in part else "persons"
    return phrase(
        "encounters_per_month" if "encounter" in unit or "event" in unit else "persons_per_month", lang
    )


def legend_handles(run: RunLike, part: pd.DataFrame, lang: str) -> list[Line2D | Patch]:
    """What the lines, bands and points are."""
    handles: list[Line2D | Patch] = [
        Line2D([], [], color=COLOURS[0], linewidth=1.6, label=phrase("median", lang))
    ]
    if replicate_count(run) > 1:
        handles.append(Patch(facecolor=BANDS[0], label=phrase("band50", lang)))
        handles.append(Patch(facecolor=BANDS[1], label=phrase("band90", lang)))
    else:
        handles.append(Line2D([], [], linestyle="none", label=phrase("one_replicate", lang)))
    if part["observed"].notna().any():
        handles.append(
            Line2D(
                [],
                [],
                marker="o",
                mfc="white",
                mec=INK,
                markersize=4,
                linestyle="none",
                label=phrase("observed", lang),
            )
        )
    return handles
