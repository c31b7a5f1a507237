"""Two scenarios: two runs with the same luck enter, the difference with its interval leaves."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import fill
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from sim.errors import RunError
from sim.report.frame import QUANTILES, RunLike, border_title, provenance, replicate_count, sums
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
    stamps,
)
from sim.report.words import check_language, number, phrase
from sim.results import border_counts

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["difference_table", "differences"]


def counts_of(run: RunLike) -> pd.DataFrame:
    """Persons over each border by replicate and month, as each authority counts; empty months are zero."""
    flows = sums(run, "flows", ["leg", "nationality"])
    counts = border_counts(flows, run.scenario)
    counts = counts[counts["nationality"] == "ALL"].assign(month=lambda frame: pd.to_datetime(frame["month"]))
    months = flows["month"]
    every = pd.date_range(months.min(), months.max(), freq="MS") if len(months) else pd.DatetimeIndex([])
    borders = list(dict.fromkeys(str(row.id) for row in run.scenario.world.borders))
    replicates = sorted(flows["replicate"].unique())
    index = pd.MultiIndex.from_product([borders, replicates, every], names=["border", "replicate", "month"])
    counted = counts.groupby(["border", "replicate", "month"])["persons"].sum()
    return pd.DataFrame({"persons": counted.reindex(index, fill_value=0.0)}).reset_index()


def difference_table(base: RunLike, other: RunLike) -> pd.DataFrame:
    """Other minus base by border and month, replicate by replicate, then median and interval.

    Parameters
    ----------
    base, other : RunLike
        Two runs with the same seed and number of replicates.

    Returns
    -------
    DataFrame
        border, month, lo90, lo50, median, hi50, hi90 (persons per month), share_of_base (median, where
        the base has people); a row with month NaT holds the whole window.
    """
    if replicate_count(base) != replicate_count(other):
        msg = (
            f"The runs cannot be paired: {replicate_count(base)} and {replicate_count(other)} replicates. "
            "Run both with the same seed and number of replicates (travesia compare does)."
        )
        raise RunError(msg)
    keys = ["border", "replicate", "month"]
    pair = (
        counts_of(base).merge(counts_of(other), on=keys, how="outer", suffixes=("_base", "_other")).fillna(0)
    )
    if pair.empty:  # a world without borders counts no crossings
        return pd.DataFrame(columns=["border", "month", *QUANTILES, "share_of_base"])
    pair["difference"] = pair["persons_other"] - pair["persons_base"]
    window = pair.groupby(["border", "replicate"], as_index=False)[["difference", "persons_base"]].sum()
    window["month"] = pd.NaT
    rows = pd.concat([pair[[*keys, "difference", "persons_base"]], window], ignore_index=True)
    grouped = rows.groupby(["border", "month"], dropna=False, sort=False)
    table = pd.DataFrame({name: grouped["difference"].quantile(share) for name, share in QUANTILES.items()})
    median_base = grouped["persons_base"].median()
    table["share_of_base"] = table["median"] / median_base.where(median_base > 0)
    return table.reset_index()


def differences(
    base: RunLike | pd.DataFrame, other: RunLike, lang: str = "en", borders: Sequence[str] | None = None
) -> tuple[Figure, pd.DataFrame]:
    """Difference between two scenarios by border, with the zero line and intervals.

    Parameters
    ----------
    base : RunLike or DataFrame
        The run to compare with, or a table of `difference_table`.
    other : RunLike
        The run that differs.
    lang : str
        ``en`` or ``es``.
    borders : sequence of str, optional
        Which borders; all if not given.

    Returns
    -------
    figure : Figure
        One panel per border.
    data : DataFrame
        What `difference_table` gives.
    """
    check_language(lang)
    table = base if isinstance(base, pd.DataFrame) else difference_table(base, other)
    wanted = [str(name) for name in (borders or dict.fromkeys(table["border"]))]
    names: dict[str, Any] = {
        "other": provenance(other).scenario,
        "base": "?" if isinstance(base, pd.DataFrame) else provenance(base).scenario,
    }
    title = phrase("differences_title", lang, **names)
    if not wanted:
        return empty(other, lang, title, phrase("nothing_border", lang)), table
    columns = min(3, len(wanted))
    rows = -(-len(wanted) // columns)
    figure = new_figure(other, lang, title, (3.9 * columns + 0.3, 2.7 * rows + 1.1))
    grid = figure.subplots(rows, columns, squeeze=False)
    for axes in grid.flat[len(wanted) :]:
        axes.set_axis_off()
    for axes, border in zip(grid.flat, wanted, strict=False):
        draw_difference(axes, table[table["border"] == border], border_title(other, border, lang), lang)
    handles: list[Line2D | Patch] = [
        Line2D([], [], color=COLOURS[3], linewidth=1.6, label=phrase("median", lang))
    ]
    if replicate_count(other) > 1:
        handles += [
            Patch(facecolor=BANDS[0], label=phrase("band50", lang)),
            Patch(facecolor=BANDS[1], label=phrase("band90", lang)),
        ]
    handles.append(
        Line2D(
            [], [], color=INK, linewidth=0.8, linestyle=(0, (4, 2)), label=phrase("differences_zero", lang)
        )
    )
    legend_below(figure, handles, 4)
    return figure, table


def draw_difference(axes: Axes, part: pd.DataFrame, title: str, lang: str) -> None:
    """One border: band, median, zero line, and the sum over the window in words."""
    monthly = part[part["month"].notna()].sort_values("month")
    when = stamps(monthly["month"])
    axes.fill_between(when, monthly["lo90"], monthly["hi90"], color=BANDS[1], linewidth=0)
    axes.fill_between(when, monthly["lo50"], monthly["hi50"], color=BANDS[0], linewidth=0)
    axes.plot(when, monthly["median"], color=COLOURS[3], linewidth=1.6)
    axes.axhline(0, color=INK, linewidth=0.8, linestyle=(0, (4, 2)))
    plain(axes)
    axes.set_ylabel(phrase("differences_axis", lang), fontsize=7.5)
    axes.margins(x=0.02)
    if len(monthly) and np.allclose(monthly[["lo90", "hi90"]], 0):
        axes.set_ylim(-1, 1)
    count_axis(axes.yaxis, lang, 5)
    month_axis(axes, lang)
    axes.set_title(fill(title, 46), loc="left", fontsize=9, color=INK, pad=16)
    window = part[part["month"].isna()]
    if len(window):
        row = window.iloc[0]
        values = {
            key: signed(float(row[column]), lang)
            for key, column in (("value", "median"), ("low", "lo90"), ("high", "hi90"))
        }
        axes.text(
            0,
            1.02,
            phrase("differences_sum", lang, **values),
            transform=axes.transAxes,
            fontsize=7.5,
            color="#00507E",
            va="bottom",
        )


def signed(value: float, lang: str) -> str:
    """A difference to three figures with its sign."""
    text = number(float(f"{value:.3g}"), lang)
    return f"+{text}" if value > 0 else text
