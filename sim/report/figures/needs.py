"""Needs, coordination and pipeline: published needs tables enter, figures leave."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
from matplotlib.patches import Patch, Rectangle

from sim.report.needs_access import (
    NeedsLike,
    coordination_of,
    flag_key,
    flag_rank,
    funding_of,
    last_month,
    mechanism_roles,
    needs_of,
    sector_names,
    sector_table,
)
from sim.report.style import (
    COLOURS,
    GREY,
    HATCHES,
    INK,
    count_axis,
    empty,
    legend_below,
    new_figure,
    plain,
    short_count,
)
from sim.report.words import check_language, country_name, month_name, phrase

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from sim.report.frame import RunLike

__all__ = ["coordination_matrix", "needs_by_sector", "upstream_pipeline"]

#: How the words for a sector without a unit cost are set.
NOT_COSTED: Final[dict[str, Any]] = {"fontsize": 7.5, "color": "#666666", "va": "center"}
MOST_MECHANISMS, MOST_AREAS, MOST_COUNTRIES = 6, 14, 14
#: Fill and hatch of a finding: told apart by colour, by hatch and by word.
FINDINGS: Final = {
    "gap": ("#D55E00", "xx"),
    "no_lead": ("#E69F00", "\\\\"),
    "duplication": ("#CC79A7", "//"),
    "shared": ("#56B4E9", "--"),
    "covered_scarce": ("#C9E4D6", ".."),
    "covered": ("#FFFFFF", ""),
}


def needs_by_sector(
    run: RunLike,
    country: str | None = None,
    month: str | None = None,
    lang: str = "en",
    needs: NeedsLike | None = None,
) -> tuple[Figure, pd.DataFrame]:
    """People in need and money required by sector, with 80 % intervals.

    Parameters
    ----------
    run : RunLike
        An opened run folder.
    country : str, optional
        ISO 3166-1 alpha-3 code; the region if not given.
    month : str, optional
        ``2023-08``; the last month of the run if not given.
    lang : str
        ``en`` or ``es``.
    needs : NeedsLike, optional
        An estimate made before.

    Returns
    -------
    figure : Figure
        Bars with whiskers, and money beside them.
    data : DataFrame
        sector, low, middle, high, usd, funded, gap, lead, flag.
    """
    check_language(lang)
    when = month or last_month(run)
    table = sector_table(needs_of(run, lang, needs), country, when)
    title = phrase(
        "needs_title", lang, country=country_name(country or "ALL", lang), period=month_words(when, lang)
    )
    if table.empty or table["middle"].notna().sum() == 0:
        return empty(run, lang, title, phrase("nothing_needs", lang)), table
    names = sector_names(lang)
    shown = table.dropna(subset="middle").sort_values("middle").reset_index(drop=True)
    figure = new_figure(run, lang, title, (11.0, 1.9 + 0.3 * len(shown)))
    people, money = figure.subplots(1, 2, sharey=True, width_ratios=(3, 2))
    rows = np.arange(len(shown))
    middle = shown["middle"].fillna(0.0)
    people.barh(rows, middle, color="#8FC1E3", edgecolor=COLOURS[0], height=0.66)
    people.hlines(rows, shown["low"], shown["high"], color=INK, linewidth=1.3)
    people.set_yticks(rows, [names.get(code, code) for code in shown["sector"]], fontsize=8.5)
    people.set_xlabel(phrase("needs_people" if country else "needs_times", lang), fontsize=8.5)
    draw_money(money, shown, lang)
    for axes in (people, money):
        plain(axes)
        axes.grid(axis="y", visible=False)
        axes.grid(axis="x", color="#E3E3E3", linewidth=0.6)
        count_axis(axes.xaxis, lang, 4)
        axes.set_xlim(left=0)
        axes.tick_params(axis="y", length=0)
    choice = funding_words(when, lang)
    handles = [
        Patch(
            facecolor="#8FC1E3",
            edgecolor=COLOURS[0],
            label=phrase("needs_people", lang) + ", " + phrase("band80", lang),
        ),
        Patch(facecolor=COLOURS[2], label=phrase("needs_funded", lang, funding=choice)),
        Patch(facecolor="#F3D9C6", edgecolor=COLOURS[3], hatch="//", label=phrase("needs_gap", lang)),
        Patch(facecolor="none", label=phrase("needs_note", lang)),
    ]
    legend_below(figure, handles, 4)
    return figure, table


def draw_money(money: Axes, shown: pd.DataFrame, lang: str) -> None:
    """Funded and missing USD of each sector, with low to high; words where nothing has a cost of its own."""
    rows = np.arange(len(shown))
    funded = shown["funded"].fillna(0.0)
    money.barh(rows, funded, color=COLOURS[2], height=0.66)
    money.barh(
        rows,
        shown["gap"].fillna(0.0),
        left=funded,
        color="#F3D9C6",
        edgecolor=COLOURS[3],
        hatch="//",
        height=0.66,
    )
    money.hlines(rows, shown["usd_low"], shown["usd_high"], color=INK, linewidth=1.3)
    for row in rows[shown["usd"].isna() | (shown["usd"] <= 0)]:
        money.text(
            0.01, row, phrase("needs_not_costed", lang), transform=money.get_yaxis_transform(), **NOT_COSTED
        )
    money.set_xlabel(phrase("needs_usd", lang), fontsize=8.5)


def month_words(month: str, lang: str) -> str:
    """A month in words."""
    day = pd.Timestamp(month)
    return month_name(day.year, day.month, lang)


def funding_words(month: str, lang: str) -> str:
    """The funding scenario in words."""
    from sim.needs.tables import translate  # noqa: PLC0415 - a small table, read late

    return translate("funding", "id", check_language(lang))[funding_of(month)]


def coordination_matrix(
    run: RunLike,
    country: str | None = None,
    year: int | None = None,
    lang: str = "en",
    needs: NeedsLike | None = None,
) -> tuple[Figure, pd.DataFrame]:
    """Sectors by mechanisms (one country) or by countries (the region), with gaps and duplications.

    Parameters
    ----------
    run : RunLike
        An opened run folder.
    country : str, optional
        ISO 3166-1 alpha-3 code; the region if not given.
    year : int, optional
        The last year of the run if not given.
    lang : str
        ``en`` or ``es``.
    needs : NeedsLike, optional
        An estimate made before.

    Returns
    -------
    figure : Figure
        A table of words on colour and hatch.
    data : DataFrame
        sector, column (mechanism or country), role or flag.
    """
    check_language(lang)
    when = year or int(last_month(run)[:4])
    rows = coordination_of(needs_of(run, lang, needs), country, when)
    title = phrase("matrix_title", lang, country=country_name(country or "ALL", lang), year=when)
    if rows.empty:
        return empty(run, lang, title, phrase("nothing_coordination", lang)), rows
    codes = {str(code) for code in rows["sector_code"]}
    sectors = [code for code in sector_names(lang) if code in codes]
    table = country_cells(rows, sectors) if country else region_cells(rows, sectors)
    columns = list(dict.fromkeys(table["column"]))
    figure = new_figure(run, lang, title, (3.4 + 1.28 * len(columns), 2.3 + 0.33 * len(sectors)))
    axes = figure.subplots()
    for cell in table.itertuples():
        draw_cell(
            axes, columns.index(str(cell.column)), sectors.index(str(cell.sector)), str(cell.value), lang
        )
    labels = [column_words(name, bool(country), lang) for name in columns]
    axes.set_xlim(0, len(columns))
    axes.set_ylim(len(sectors), 0)
    axes.set_xticks(np.arange(len(columns)) + 0.5, labels, fontsize=7.5)
    axes.xaxis.tick_top()
    axes.set_yticks(
        np.arange(len(sectors)) + 0.5, [sector_names(lang)[code] for code in sectors], fontsize=8.5
    )
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_color(GREY)
    used = [flag for flag in FINDINGS if flag in set(table["value"])]
    handles = [
        Patch(
            facecolor=FINDINGS[flag][0],
            hatch=FINDINGS[flag][1],
            edgecolor=GREY,
            label=phrase(f"legend_{flag}", lang),
        )
        for flag in used
    ]
    if country is None and not table["value"].all():
        handles.append(Patch(facecolor="none", label=phrase("legend_none", lang)))
    legend_below(figure, handles, 6)
    return figure, table


def country_cells(rows: pd.DataFrame, sectors: list[str]) -> pd.DataFrame:
    """Role of each mechanism by sector, and the finding for the largest population and the worst one."""
    mechanisms, roles = mechanism_roles(rows)
    cells = [
        (code, name, roles.get(code, {}).get(name, ""))
        for name in mechanisms[:MOST_MECHANISMS]
        for code in sectors
    ]
    worst, main = worst_flags(rows, "sector_code"), main_flags(rows, "sector_code")
    cells += [(code, "main", main[code]) for code in sectors] + [
        (code, "flag", worst[code]) for code in sectors
    ]
    return pd.DataFrame(cells, columns=["sector", "column", "value"])


def region_cells(rows: pd.DataFrame, sectors: list[str]) -> pd.DataFrame:
    """Finding for the largest population by sector and country, countries with most people in need first."""
    size = rows.assign(code=rows["location_code"].astype(str)).groupby("code")["middle"].sum()
    countries = [str(code) for code in size.sort_values(ascending=False).index[:MOST_COUNTRIES]]
    cells = []
    for country in countries:
        main = main_flags(rows[rows["location_code"] == country], "sector_code")
        cells += [(code, country, main.get(code, "")) for code in sectors]
    return pd.DataFrame(cells, columns=["sector", "column", "value"])


def worst_flags(rows: pd.DataFrame, by: str) -> dict[str, str]:
    """Worst finding by the column `by`."""
    flags: dict[str, str] = {}
    for key, flag in zip(rows[by].astype(str), rows["coverage_flag"].astype(str), strict=True):
        if key not in flags or flag_rank(flag) < flag_rank(flags[key]):
            flags[key] = flag
    return flags


def main_flags(rows: pd.DataFrame, by: str) -> dict[str, str]:
    """Finding for the population with most people in need, by the column `by`."""
    ordered = rows.sort_values("middle", ascending=False, na_position="last").drop_duplicates(by)
    return dict(zip(ordered[by].astype(str), ordered["coverage_flag"].astype(str), strict=True))


def draw_cell(axes: Axes, column: int, row: int, value: str, lang: str) -> None:
    """One cell: a finding in colour, hatch and word, or a role in words."""
    colour, hatch = FINDINGS.get(value, ("#DCEAF4" if value == "leads" else "white", ""))
    edge = "#FFFFFF" if hatch else "#DDDDDD"
    axes.add_patch(Rectangle((column, row), 1, 1, facecolor=colour, hatch=hatch, edgecolor=edge, linewidth=0))
    axes.add_patch(Rectangle((column, row), 1, 1, fill=False, edgecolor="#CFCFCF", linewidth=0.6))
    words = (
        phrase(flag_key(value), lang)
        if value in FINDINGS
        else phrase(f"matrix_{value}", lang)
        if value
        else "–"
    )
    halo = {"facecolor": "white", "alpha": 0.82, "edgecolor": "none", "pad": 0.6} if hatch else None
    axes.text(column + 0.5, row + 0.5, words, ha="center", va="center", fontsize=6.8, color=INK, bbox=halo)


def column_words(name: str, mechanism: bool, lang: str) -> str:
    """Heading of a column, in lines that fit."""
    if name in ("flag", "main"):
        name = phrase(f"matrix_{name}", lang)
    words = name if mechanism else country_name(name, lang)
    lines: list[str] = [""]
    for word in words.split():
        if lines[-1] and len(lines[-1]) + len(word) > COLUMN_LETTERS:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return "\n".join(lines[:4])


COLUMN_LETTERS = 15


def upstream_pipeline(
    run: RunLike, country: str | None = None, lang: str = "en", needs: NeedsLike | None = None
) -> tuple[Figure, pd.DataFrame]:
    """People two to eight weeks away, by area where they are (one country) or country they may reach.

    Parameters
    ----------
    run : RunLike
        An opened run folder.
    country : str, optional
        ISO 3166-1 alpha-3 code; all countries if not given.
    lang : str
        ``en`` or ``es``.
    needs : NeedsLike, optional
        An estimate made before.

    Returns
    -------
    figure : Figure
        Bars with 80 % intervals, at the end of the last month of the run.
    data : DataFrame
        The rows of the upstream table that are drawn.
    """
    check_language(lang)
    rows = needs_of(run, lang, needs).upstream
    period = month_words(last_month(run), lang)
    title = (
        phrase("upstream_title", lang, country=country_name(country, lang), period=period)
        if country
        else phrase("upstream_title_all", lang, period=period)
    )
    rows = rows[(rows["weeks"] == "2-8") & rows["middle"].notna()] if len(rows) else rows
    if country is not None and len(rows):
        rows = rows[rows["location_code"] == country]
    if rows.empty:
        return empty(run, lang, title, phrase("nothing_upstream", lang)), rows
    shown = by_area(rows, lang) if country else by_destination(rows, lang)
    shown = shown.sort_values("middle", ascending=False).head(MOST_AREAS).iloc[::-1]
    figure = new_figure(run, lang, title, (8.6, 1.8 + 0.32 * len(shown)))
    axes = figure.subplots()
    at = np.arange(len(shown))
    origins = list(dict.fromkeys(shown["from_country"].iloc[::-1]))
    for origin in origins:
        mask = (shown["from_country"] == origin).to_numpy()
        index = origins.index(origin) % len(COLOURS)
        axes.barh(
            at[mask],
            shown["middle"][mask],
            height=0.66,
            color=COLOURS[index],
            edgecolor="white",
            hatch=HATCHES[index],
        )
    axes.hlines(at, shown["low"], shown["high"], color=INK, linewidth=1.3)
    write_numbers(axes, shown, lang)
    axes.set_yticks(at, list(shown["label"]), fontsize=8.5)
    plain(axes)
    axes.grid(axis="y", visible=False)
    axes.grid(axis="x", color="#E3E3E3", linewidth=0.6)
    count_axis(axes.xaxis, lang, 5)
    axes.set_xlabel(f"{phrase('upstream_axis', lang)}, {phrase('band80', lang)}", fontsize=8.5)
    return figure, rows.reset_index(drop=True)


def write_numbers(axes: Axes, shown: pd.DataFrame, lang: str) -> None:
    """Number and interval at the end of each bar: the short ones cannot be read off the axis."""
    for row, ends in enumerate(shown[["low", "middle", "high"]].to_numpy(float).tolist()):
        low, middle, high = (short_count(three_figures(value), lang) for value in ends)
        axes.annotate(
            f"{middle} ({low}–{high})",
            (ends[2], row),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            fontsize=7.5,
            color=INK,
        )
    axes.set_xlim(0, 1.22 * float(shown["high"].max()))


def three_figures(value: float) -> float:
    """A sum of rounded numbers says no more than its first three figures."""
    return float(f"{value:.3g}")


def by_area(rows: pd.DataFrame, lang: str) -> pd.DataFrame:
    """One bar per area."""
    names = [
        f"{area} ({country_name(str(origin), lang)})" if area else country_name(str(origin), lang)
        for area, origin in zip(rows["admin1_name"].astype(str), rows["from_country"], strict=True)
    ]
    return rows.assign(label=names, from_country=rows["from_country"].astype(str))


def by_destination(rows: pd.DataFrame, lang: str) -> pd.DataFrame:
    """One bar per country that people may reach; a person may be upstream of several."""
    code = rows["location_code"].astype(str)
    sums = rows[["low", "middle", "high"]].groupby(code).sum().reset_index(names="code")
    sums["label"] = [country_name(name, lang) for name in sums["code"]]
    return sums.assign(from_country="")
