"""Routes and outcomes: departures and outcomes enter, bands from departure to outcome leave."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pandas as pd
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.path import Path

from sim.report.frame import SMALLEST_CELL, RunLike, group_name, intervals, replicate_count, total
from sim.report.publication import publishable
from sim.report.style import COLOURS, HATCHES, INK, empty, new_figure, short_count
from sim.report.words import check_language, country_name, phrase

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["outcome_links", "sankey"]

#: Colour of those who are not named, unlike any nationality's.
OTHERS = "#BFA98F"
STAGES: Final = ("departure", "nationality", "outcome", "country")
OUTCOMES: Final = ("arrived", "settled", "on_route", "returned", "removed", "died_or_missing")
MOST: Final = {"departure": 8, "nationality": 9, "outcome": 6, "country": 9}
GAP = 0.018
BAR = 0.035
#: Positions of the columns, as in STAGES.
NATIONALITY, OUTCOME, COUNTRY = 1, 2, 3
#: Where the columns stand; outcomes need room for their intervals.
ACROSS: Final = (0.0, 1.0, 2.0, 3.35)


@dataclass(frozen=True)
class Node:
    """One bar: its place in the drawing and what it counts."""

    stage: int
    key: str
    persons: float
    low: float
    high: float


def outcome_links(run: RunLike) -> pd.DataFrame:
    """Persons between each pair of neighbouring stages, median and interval over replicates.

    Parameters
    ----------
    run : RunLike
        An opened run folder.

    Returns
    -------
    DataFrame
        stage (departure, nationality, outcome), source, target, lo90, lo50, median, hi50, hi90 (persons).
    """
    country = {str(place.id): str(place.country) for place in run.scenario.world.places}
    left = total(run.departures, ["place", "nationality", "replicate"])
    left = left.assign(
        source=left["place"].astype(str).map(country).fillna(""), target=left["nationality"].astype(str)
    )
    out = run.outcomes.astype({"nationality": "str", "outcome": "str"})
    out = out.assign(country=out["country"].astype(object).fillna("").astype(str))
    parts = {
        "departure": left,
        "nationality": out.assign(source=out["nationality"], target=out["outcome"]),
        "outcome": out.assign(source=out["outcome"], target=out["country"]),
    }
    tables = [
        intervals(part, ["source", "target"], "persons", replicate_count(run)).assign(stage=stage)
        for stage, part in parts.items()
    ]
    table = pd.concat(tables, ignore_index=True)
    table = table[table["median"] >= SMALLEST_CELL]
    return table[["stage", "source", "target", "lo90", "lo50", "median", "hi50", "hi90"]].reset_index(
        drop=True
    )


def sankey(run: RunLike, lang: str = "en") -> tuple[Figure, pd.DataFrame]:
    """Bands from country of departure over nationality and outcome to the country of the outcome.

    Parameters
    ----------
    run : RunLike
        An opened run folder.
    lang : str
        ``en`` or ``es``.

    Returns
    -------
    figure : Figure
        Four columns of bars, bands as wide as the people they stand for (medians).
    data : DataFrame
        What `outcome_links` gives.
    """
    check_language(lang)
    table = outcome_links(run)
    title = phrase("sankey_title", lang)
    if table.empty:
        return empty(run, lang, title, phrase("nothing", lang)), table
    links = merge_minor(table)
    nodes = lay_out(links)
    figure = new_figure(run, lang, title, (11.0, 7.2))
    axes = figure.subplots()
    axes.set_xlim(-0.16, ACROSS[COUNTRY] + BAR + 0.42)
    axes.set_ylim(-0.02, 1.06)
    axes.set_axis_off()
    draw_links(axes, links, nodes)
    draw_nodes(axes, run, nodes, outcome_spread(run), lang)
    for stage, name in enumerate(STAGES):
        axes.text(
            ACROSS[stage],
            1.045,
            phrase(f"sankey_{name}", lang),
            fontsize=9.5,
            fontweight="bold",
            color=INK,
            va="bottom",
        )
    axes.text(
        ACROSS[COUNTRY] + BAR,
        -0.02,
        phrase("sankey_unit", lang),
        fontsize=7.5,
        color="#555555",
        ha="right",
        va="top",
    )
    return figure, publishable(table)


def merge_minor(table: pd.DataFrame) -> pd.DataFrame:
    """Fold the smallest keys of each stage into `OTH`, so that names stay readable."""
    links = table[["stage", "source", "target", "median"]].copy()
    for position, stage in enumerate(STAGES):
        column, where = ("source", stage) if position < COUNTRY else ("target", "outcome")
        size = links[links["stage"] == where].groupby(column)["median"].sum().sort_values(ascending=False)
        minor = set(size.index[MOST[stage] :])
        if position < COUNTRY:
            rows = links["stage"] == stage
            links.loc[rows & links["source"].isin(minor), "source"] = "OTH"
        if position > 0:
            rows = links["stage"] == STAGES[position - 1]
            links.loc[rows & links["target"].isin(minor), "target"] = "OTH"
    return total(links, ["stage", "source", "target"], "median")


def lay_out(links: pd.DataFrame) -> dict[tuple[int, str], Node]:
    """Heights and positions of all bars; stages that count the same people are equally tall."""
    sizes: dict[int, pd.Series[float]] = {}
    for position in range(4):
        ins = (
            links[links["stage"] == STAGES[position - 1]].groupby("target")["median"].sum()
            if position
            else pd.Series(dtype=float)
        )
        outs = (
            links[links["stage"] == STAGES[position]].groupby("source")["median"].sum()
            if position < COUNTRY
            else pd.Series(dtype=float)
        )
        sizes[position] = pd.concat([ins, outs], axis=1).max(axis=1).sort_values(ascending=False)
    tallest = max(float(size.sum()) for size in sizes.values())
    most = max(len(size) for size in sizes.values())
    scale = (1 - GAP * (most - 1)) / tallest
    nodes: dict[tuple[int, str], Node] = {}
    for position, size in sizes.items():
        keys = [key for key in OUTCOMES if key in size.index] if position == OUTCOME else list(size.index)
        keys = [key for key in keys if key != "OTH"] + [key for key in keys if key == "OTH"]
        gap = (1 - scale * float(size.sum())) / max(1, len(keys) - 1) if len(keys) > 1 else 0.0
        top = 1.0
        for key in keys:
            height = scale * float(size[key])
            nodes[position, str(key)] = Node(position, str(key), float(size[key]), top - height, top)
            top -= height + min(gap, 0.06)
    return nodes


def draw_links(axes: Axes, links: pd.DataFrame, nodes: dict[tuple[int, str], Node]) -> None:
    """One curved band per link, coloured by its source."""
    keys = [key for position, key in nodes if position == 1]
    colour = {key: COLOURS[index % len(COLOURS)] for index, key in enumerate(keys)} | {"OTH": OTHERS}
    for position in range(3):
        part = links[links["stage"] == STAGES[position]]
        out_top = {key: node.high for (p, key), node in nodes.items() if p == position}
        in_top = {key: node.high for (p, key), node in nodes.items() if p == position + 1}
        rank = {pair: index for index, pair in enumerate(nodes)}
        rows = sorted(
            part.itertuples(),
            key=lambda row: (rank[position, str(row.source)], rank[position + 1, str(row.target)]),
        )
        for row in rows:
            start, end = nodes[position, str(row.source)], nodes[position + 1, str(row.target)]
            persons = float(row.median)  # type: ignore[arg-type]
            left = persons * (start.high - start.low) / start.persons
            right = persons * (end.high - end.low) / end.persons
            tone = (
                "#9A9A9A"
                if position == OUTCOME
                else colour.get(str(row.target if position == 0 else row.source), "#999999")
            )
            band(
                axes,
                ACROSS[position] + BAR,
                ACROSS[position + 1],
                (out_top[start.key], left),
                (in_top[end.key], right),
                tone,
            )
            out_top[start.key] -= left
            in_top[end.key] -= right


def band(
    axes: Axes, x0: float, x1: float, left: tuple[float, float], right: tuple[float, float], colour: str
) -> None:
    """A smooth band between two bars; each end is (top, height)."""
    middle = (x0 + x1) / 2
    (top0, high0), (top1, high1) = left, right
    points = [
        (x0, top0), (middle, top0), (middle, top1), (x1, top1),
        (x1, top1 - high1), (middle, top1 - high1), (middle, top0 - high0), (x0, top0 - high0), (x0, top0),
    ]  # fmt: skip
    codes = [Path.MOVETO, *[Path.CURVE4] * 3, Path.LINETO, *[Path.CURVE4] * 3, Path.CLOSEPOLY]
    axes.add_patch(
        PathPatch(Path(points, codes), facecolor=colour, edgecolor=colour, linewidth=0.3, alpha=0.45)
    )


def outcome_spread(run: RunLike) -> dict[str, tuple[float, float]]:
    """The 90 % interval of each outcome, for its label."""
    if replicate_count(run) == 1:
        return {}
    table = intervals(run.outcomes.astype({"outcome": "str"}), ["outcome"], "persons", replicate_count(run))
    return {
        str(name): (float(low), float(high))
        for name, low, high in zip(table["outcome"], table["lo90"], table["hi90"], strict=True)
    }


def draw_nodes(
    axes: Axes,
    run: RunLike,
    nodes: dict[tuple[int, str], Node],
    spread: dict[str, tuple[float, float]],
    lang: str,
) -> None:
    """Bars with name and number; names of thin bars are pushed apart."""
    for position in range(4):
        column = [node for (p, _), node in nodes.items() if p == position]
        floor = 2.0
        for node in column:
            hatch = HATCHES[OUTCOMES.index(node.key)] if position == OUTCOME and node.key in OUTCOMES else ""
            height = max(node.high - node.low, 0.002)
            axes.add_patch(
                Rectangle(
                    (ACROSS[position], node.high - height),
                    BAR,
                    height,
                    facecolor=INK if not hatch else "#555555",
                    hatch=hatch,
                    edgecolor="white",
                    linewidth=0,
                )
            )
            middle = min((node.low + node.high) / 2, floor)
            floor = middle - 0.027
            words = (
                f"{node_name(run, position, node.key, lang)}  {short_count(round_count(node.persons), lang)}"
            )
            if position == OUTCOME and node.key in spread:
                low, high = (short_count(round_count(value), lang) for value in spread[node.key])
                words += f" ({low}–{high})"
            side, x = ("left", ACROSS[position] + BAR + 0.015) if position else ("right", -0.015)
            axes.text(
                x,
                middle,
                words,
                ha=side,
                va="center",
                fontsize=8,
                color=INK,
                bbox={"facecolor": "white", "alpha": 0.6, "edgecolor": "none", "pad": 0.4},
            )


def round_count(persons: float) -> float:
    """Three figures are enough for a label."""
    return float(f"{persons:.3g}")


def node_name(run: RunLike, position: int, key: str, lang: str) -> str:
    """Name of a bar by its column."""
    if key == "OTH":
        return phrase("other", lang)
    if position == NATIONALITY:
        return group_name(run, key, lang)
    return phrase(key, lang) if position == OUTCOME else country_name(key, lang)
