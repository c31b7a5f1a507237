"""Route map: flows enter, a map with widths on shipped borders leaves. Drawn without the network."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
from matplotlib.collections import PolyCollection
from matplotlib.lines import Line2D
from matplotlib.patches import FancyArrowPatch, Rectangle

from sim.report.frame import (
    SMALLEST_CELL,
    RunLike,
    intervals,
    period_mask,
    period_words,
    place_table,
    replicate_count,
    sums,
    total,
)
from sim.report.geography import DARIEN_BOX, REGION_BOX, rings
from sim.report.publication import publishable
from sim.report.style import COLOURS, GREY, INK, empty, new_figure, short_count
from sim.report.words import check_language, number, phrase, place_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["leg_flows", "route_map"]

#: Colour and line of each direction.
DIRECTIONS: Final[dict[str, tuple[str, Any]]] = {
    "northward": (COLOURS[0], "-"),
    "southward": (COLOURS[3], (0, (3, 1.2))),
    "lateral": ("#6B6B6B", (0, (1, 1))),
    "return": (COLOURS[5], (0, (5, 1, 1, 1))),
}
WIDEST = 11.0
THINNEST = 0.5
LABELS = 26
FAR_DEGREES, SHORT_DEGREES = 9.0, 1.5
SMALLEST_SHARE = 0.006


def leg_flows(run: RunLike, period: str | None = None) -> pd.DataFrame:
    """Persons per month from place to place, median and intervals over replicates.

    Parameters
    ----------
    run : RunLike
        An opened run folder.
    period : str, optional
        ``2023-08`` or ``2023-06/2023-08``; the whole window if not given. A month is the finest step.

    Returns
    -------
    DataFrame
        from_place, to_place, direction, lo90, lo50, median, hi50, hi90 (persons per month), months.
    """
    return _leg_flows(run, period)[0]


def _leg_flows(run: RunLike, period: str | None) -> tuple[pd.DataFrame, list[pd.Timestamp]]:
    """The table of `leg_flows`, and the months it is of."""
    keys = ["from_place", "to_place", "direction"]
    flows = sums(run, "flows", keys)
    flows = flows[period_mask(flows["month"], period)]
    months = sorted(flows["month"].unique())
    span = max(1, len(months))
    table = intervals(total(flows, [*keys, "replicate"]), keys, "persons", replicate_count(run))
    numbers = ["lo90", "lo50", "median", "hi50", "hi90"]
    table[numbers] = table[numbers] / span
    # a leg is shown if at least 15 people used it in the period (safeguard)
    table = table[table["median"] * span >= SMALLEST_CELL]
    return table.assign(months=span).sort_values("median", ascending=False, ignore_index=True), months


def route_map(run: RunLike, period: str | None = None, lang: str = "en") -> tuple[Figure, pd.DataFrame]:
    """Flows as widths on a map of the corridor, with the Darién inset.

    Parameters
    ----------
    run : RunLike
        An opened run folder.
    period : str, optional
        ``2023-08`` or ``2023-06/2023-08``; the whole window if not given.
    lang : str
        ``en`` or ``es``.

    Returns
    -------
    figure : Figure
        The map.
    data : DataFrame
        What `leg_flows` gives, with names and rounded coordinates.
    """
    check_language(lang)
    table, shown = _leg_flows(run, period)
    places = place_table(run)
    table = table[table["from_place"].isin(places.index) & table["to_place"].isin(places.index)].reset_index(
        drop=True
    )
    if table.empty:
        return empty(
            run, lang, phrase("map_title", lang, period=period or ""), phrase("nothing_flows", lang)
        ), table
    for end in ("from", "to"):
        for column in ("name", "lon", "lat"):
            table[f"{end}_{column}"] = table[f"{end}_place"].map(places[column])
    figure = new_figure(run, lang, phrase("map_title", lang, period=period_words(shown, lang)), (9.6, 8.9))
    axes = figure.subplots()
    drawn, largest = drawable(table, places)
    draw_ground(axes, "region")
    draw_flows(axes, drawn, largest)
    draw_places(axes, drawn, places, lang, LABELS, REGION_BOX, skip_box=DARIEN_BOX)
    draw_inset(axes, drawn, places, largest, lang)
    draw_key(axes, drawn, largest, lang)
    least = short_count(round_up(max(SMALLEST_CELL, SMALLEST_SHARE * largest)), lang)
    axes.text(
        0.5,
        0.004,
        phrase("map_note", lang, least=least),
        transform=axes.transAxes,
        ha="center",
        fontsize=6.8,
        color="#444444",
        zorder=9,
        bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 1.5},
    )
    return figure, publishable(table)


def drawable(table: pd.DataFrame, places: pd.DataFrame) -> tuple[pd.DataFrame, float]:
    """What can be told apart on a map, and the persons that the widest band stands for.

    Long returns (flights) are drawn once for each pair of countries; legs too thin to see stay in the table.

    Parameters
    ----------
    table : DataFrame
        Legs with coordinates and `median`.
    places : DataFrame
        What `place_table` gives.
    """
    length = np.hypot(table["to_lon"] - table["from_lon"], table["to_lat"] - table["from_lat"])
    seen = table["median"][length > SHORT_DEGREES]
    largest = float(seen.max() if len(seen) else table["median"].max())
    flights = (table["direction"] == "return") & (length > FAR_DEGREES)
    merged = by_country(table[flights], places)
    drawn = pd.concat([table[~flights], merged], ignore_index=True)
    return drawn[drawn["median"] >= SMALLEST_SHARE * largest], largest


def by_country(legs: pd.DataFrame, places: pd.DataFrame) -> pd.DataFrame:
    """One row for each pair of countries, drawn between the busiest pair of places."""
    if legs.empty:
        return legs
    ends = [legs[f"{end}_place"].map(places["country"]).rename(f"{end}_country") for end in ("from", "to")]
    ordered = legs.sort_values("median", ascending=False)
    first = ordered.groupby(ends, sort=False).first()
    first["median"] = legs.groupby(ends)["median"].sum()
    return first.reset_index(drop=True)


def round_up(persons: float) -> float:
    """One significant figure, upwards."""
    grid = 10.0 ** math.floor(math.log10(persons))
    return math.ceil(persons / grid) * grid


def draw_ground(axes: Axes, scale: str) -> None:
    """Land, borders, frame."""
    box = REGION_BOX if scale == "region" else DARIEN_BOX
    outlines = [
        ring for parts in rings("region" if scale == "region" else "darien").values() for ring in parts
    ]
    axes.add_collection(
        PolyCollection(outlines, facecolor="#EFEDE8", edgecolor="#B5B0A6", linewidth=0.6, zorder=1)
    )
    axes.set_facecolor("#FBFDFE")
    axes.set_xlim(box[0], box[2])
    axes.set_ylim(box[1], box[3])
    axes.set_aspect(1 / math.cos(math.radians((box[1] + box[3]) / 2)))
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_color(GREY)


def line_width(persons: float, largest: float) -> float:
    """Points, proportional to persons, never thinner than can be seen."""
    return min(max(THINNEST, WIDEST * persons / largest), 1.4 * WIDEST)


def draw_flows(axes: Axes, table: pd.DataFrame, largest: float, scale: float = 1.0) -> None:
    """One curved band per pair of places; opposite directions bend to opposite sides."""
    for row in table.sort_values("median", ascending=False).itertuples():
        start, end = (float(row.from_lon), float(row.from_lat)), (float(row.to_lon), float(row.to_lat))  # type: ignore[arg-type]
        if start == end:
            continue
        colour, line = DIRECTIONS.get(str(row.direction), DIRECTIONS["lateral"])
        width = line_width(float(row.median), largest) * scale  # type: ignore[arg-type]
        far = math.dist(start, end) > FAR_DEGREES
        patch = FancyArrowPatch(
            start,
            end,
            connectionstyle=f"arc3,rad={0.22 if far else 0.1}",
            arrowstyle="-",
            linewidth=width,
            linestyle=line,
            color=colour,
            alpha=0.78,
            shrinkA=0,
            shrinkB=0,
            zorder=3,
            capstyle="butt",
        )
        axes.add_patch(patch)


def throughput(table: pd.DataFrame) -> pd.Series[float]:
    """Persons per month through each place, the larger of in and out."""
    into = table.groupby("to_place")["median"].sum()
    out = table.groupby("from_place")["median"].sum()
    return pd.concat([into, out], axis=1).max(axis=1).sort_values(ascending=False)


def draw_places(
    axes: Axes,
    table: pd.DataFrame,
    places: pd.DataFrame,
    lang: str,
    most: int,
    box: tuple[float, float, float, float],
    skip_box: tuple[float, float, float, float] | None = None,
    share: float = 1.0,
) -> None:
    """Dots for places in use and names for the busiest, no two names on top of each other."""
    degrees = (box[2] - box[0]) / 62.0 / share
    taken: list[tuple[float, float, float, float]] = []
    named = 0
    for place in throughput(table).index:
        spot = places.loc[place]
        x, y = float(spot["lon"]), float(spot["lat"])
        if not inside(x, y, box):
            continue
        axes.plot([x], [y], "o", color=INK, markersize=2.2, zorder=5)
        # camps on irregular routes are not named
        if named >= most or bool(spot["irregular"]) or (skip_box is not None and inside(x, y, skip_box)):
            continue
        words = place_name(str(spot["name"]), lang)
        width, height = 0.52 * len(words) * degrees, 1.15 * degrees
        for dx, dy, side in (
            (0.5, 0.0, "left"),
            (-0.5, 0.0, "right"),
            (0.4, 1.0, "left"),
            (0.4, -1.0, "left"),
            (-0.4, 1.0, "right"),
        ):
            left = x + dx * degrees - (width if side == "right" else 0)
            low = y + dy * degrees - height / 2
            spot_box = (left, low, left + width, low + height)
            clear = (
                spot_box[0] > box[0]
                and spot_box[2] < box[2]
                and not any(overlap(spot_box, other) for other in taken)
            )
            if clear:
                halo = {"facecolor": "white", "edgecolor": "none", "alpha": 0.62, "pad": 0.6}
                axes.text(
                    x + dx * degrees,
                    y + dy * degrees,
                    words,
                    ha=side,
                    va="center",
                    fontsize=6.6,
                    color=INK,
                    zorder=6,
                    bbox=halo,
                )
                taken.append(spot_box)
                named += 1
                break


def inside(x: float, y: float, box: tuple[float, float, float, float]) -> bool:
    """Whether a point lies in a box."""
    return box[0] <= x <= box[2] and box[1] <= y <= box[3]


def overlap(one: tuple[float, float, float, float], two: tuple[float, float, float, float]) -> bool:
    """Whether two boxes share any area."""
    return one[0] < two[2] and two[0] < one[2] and one[1] < two[3] and two[1] < one[3]


def draw_inset(axes: Axes, table: pd.DataFrame, places: pd.DataFrame, largest: float, lang: str) -> None:
    """The Darién at 1:10m in the Pacific corner; irregular points stay rounded."""
    inset = axes.inset_axes((0.012, 0.035, 0.43, 0.35))
    draw_ground(inset, "darien")
    local = table[[near(row, places) for row in table.itertuples()]]
    if len(local):
        draw_flows(inset, local, largest)
        draw_places(inset, local, places, lang, 9, DARIEN_BOX, share=0.43)
    inset.set_title(phrase("map_inset", lang), fontsize=8, loc="left", color=INK, pad=3)
    west, south, east, north = DARIEN_BOX
    axes.add_patch(
        Rectangle(
            (west, south), east - west, north - south, fill=False, edgecolor=INK, linewidth=0.7, zorder=7
        )
    )


def near(row: object, places: pd.DataFrame) -> bool:
    """Whether a leg touches the inset."""
    ends = (row.from_place, row.to_place)  # type: ignore[attr-defined]
    spots = [(float(str(places.at[end, "lon"])), float(str(places.at[end, "lat"]))) for end in ends]
    return any(inside(x, y, DARIEN_BOX) for x, y in spots)


def draw_key(axes: Axes, table: pd.DataFrame, largest: float, lang: str) -> None:
    """What a width means, and a direction."""
    power = 10 ** math.floor(math.log10(largest))
    top = max(step * power for step in (1, 2, 5) if step * power <= largest)
    sizes = [value for value in (top, top / 5, top / 25) if value >= 1]
    widths = [
        Line2D(
            [],
            [],
            color=COLOURS[0],
            linewidth=line_width(value, largest),
            label=number(float(np.round(value)), lang),
        )
        for value in sizes
    ]
    first = axes.legend(
        handles=widths,
        title=phrase("map_unit", lang),
        loc="upper left",
        bbox_to_anchor=(0.74, 0.995),
        fontsize=7.5,
        title_fontsize=7.5,
    )
    first.get_frame().set(edgecolor="#CCCCCC", alpha=1.0)
    axes.add_artist(first)
    ways = [
        Line2D([], [], color=colour, linestyle=line, linewidth=3, label=phrase(way, lang))
        for way, (colour, line) in DIRECTIONS.items()
        if (table["direction"] == way).any()
    ]
    second = axes.legend(
        handles=ways,
        title=phrase("map_direction", lang),
        loc="upper left",
        bbox_to_anchor=(0.74, 0.895),
        fontsize=7.5,
        title_fontsize=7.5,
        handlelength=3,
    )
    second.get_frame().set(edgecolor="#CCCCCC", alpha=1.0)
