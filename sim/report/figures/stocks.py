"""Who is where: stocks enter, people on an average day by country over time leave."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import pandas as pd
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from sim.needs.world import waits_at_home
from sim.report.frame import RunLike, intervals, replicate_count, sums, total
from sim.report.publication import publishable
from sim.report.style import COLOURS, HATCHES, INK, count_axis, empty, month_axis, new_figure, plain, stamps
from sim.report.words import check_language, country_name, phrase

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["people_by_country", "who_is_where"]

#: Everyone on the way; people who settled have left the route.
ON_THE_WAY: Final = ("staying", "queued", "stranded", "travelling")

#: Countries from south to north, as a reader looks for them.
SOUTH_TO_NORTH: Final = (
    "CHL", "BOL", "PER", "ECU", "BRA", "COL", "VEN", "PAN", "CRI", "NIC", "HND", "SLV", "GTM", "MEX", "USA",
)  # fmt: skip
MONTH: Final = pd.offsets.MonthBegin(1)
MOST_COUNTRIES = 7


def people_by_country(run: RunLike, statuses: Sequence[str] = ON_THE_WAY) -> pd.DataFrame:
    """People present on an average day, by country and month, with a row `ALL` for the total.

    People who wait at home, where their journey would begin, are not on the route and are left out.

    Parameters
    ----------
    run : RunLike
        An opened run folder.
    statuses : sequence of str
        Which statuses count as being on the route.

    Returns
    -------
    DataFrame
        month, country, lo90, lo50, median, hi50, hi90 (persons on an average day).
    """
    stocks = sums(run, "stocks", ["place", "country", "status", "nationality"], "person_days")
    stocks = stocks[stocks["status"].isin(list(statuses)).to_numpy() & ~waits_at_home(run, stocks)]
    keys = ["replicate", "month", "country"]
    frame = total(stocks, keys, "person_days")
    frame["persons"] = frame["person_days"] / frame["month"].dt.days_in_month
    both = total(pd.concat([frame, frame.assign(country="ALL")]), keys)
    return intervals(both, ["month", "country"], "persons", replicate_count(run))


def who_is_where(run: RunLike, lang: str = "en") -> tuple[Figure, pd.DataFrame]:
    """People on the route by country over time, stacked, with the interval of the total.

    Parameters
    ----------
    run : RunLike
        An opened run folder.
    lang : str
        ``en`` or ``es``.

    Returns
    -------
    figure : Figure
        Stacked areas.
    data : DataFrame
        What `people_by_country` gives.
    """
    check_language(lang)
    table = people_by_country(run)
    title = phrase("where_title", lang)
    if table.empty:
        return empty(run, lang, title, phrase("nothing_stocks", lang)), table
    total = table[table["country"] == "ALL"].set_index("month").sort_index()
    wide = (
        table[table["country"] != "ALL"]
        .pivot(index="month", columns="country", values="median")
        .fillna(0.0)
        .sort_index()
    )
    wide = merge_small(wide)
    if len(wide) == 1:  # one month has no width: its level is drawn to the month's end
        total, wide = (pd.concat([part, part.set_axis([part.index[0] + MONTH])]) for part in (total, wide))
    figure = new_figure(run, lang, title, (10.5, 5.6))
    axes = figure.subplots()
    when = stamps(pd.Series(wide.index))
    areas = axes.stackplot(
        when, wide.to_numpy().T, colors=COLOURS[: wide.shape[1]], edgecolor="white", linewidth=0.4
    )
    for area, hatch in zip(areas, HATCHES, strict=False):
        area.set_hatch(hatch)
        area.set_hatch_linewidth(0.5)
    axes.plot(stamps(pd.Series(total.index)), total["median"], color=INK, linewidth=1.4)
    handles: list[Line2D | Patch] = [
        Line2D([], [], color=INK, linewidth=1.4, label=phrase("where_total", lang))
    ]
    if replicate_count(run) > 1:
        for side in ("lo90", "hi90"):
            axes.plot(
                stamps(pd.Series(total.index)), total[side], color=INK, linewidth=0.8, linestyle=(0, (3, 2))
            )
        handles.append(
            Line2D(
                [],
                [],
                color=INK,
                linewidth=0.8,
                linestyle=(0, (3, 2)),
                label=phrase("where_total_band", lang),
            )
        )
    plain(axes)
    axes.set_ylabel(phrase("where_axis", lang), fontsize=8.5)
    axes.set_ylim(bottom=0)
    axes.margins(x=0)
    count_axis(axes.yaxis, lang)
    month_axis(axes, lang)
    for index in reversed(range(wide.shape[1])):
        code = str(wide.columns[index])
        name = phrase("other", lang) if code == "OTH" else country_name(code, lang)
        handles.append(Patch(facecolor=COLOURS[index], edgecolor="white", hatch=HATCHES[index], label=name))
    figure.legend(handles=handles, loc="outside right center", frameon=False, fontsize=8.5)
    return figure, publishable(table, {"country": "ALL"})


def merge_small(wide: pd.DataFrame) -> pd.DataFrame:
    """Keep the largest countries in order from south to north and add the rest up as `OTH`, at the bottom."""
    largest = [str(code) for code in wide.sum().sort_values(ascending=False).index[:MOST_COUNTRIES]]
    ordered = [code for code in SOUTH_TO_NORTH if code in largest] + [
        code for code in largest if code not in SOUTH_TO_NORTH
    ]
    rest = wide.drop(columns=ordered)
    kept = wide[ordered]
    if rest.shape[1]:
        kept = kept.assign(OTH=rest.sum(axis=1))
    return kept
