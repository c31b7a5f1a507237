"""Moving map: flows enter, a small GIF with one frame per month leaves.

A month is the finest step, also for runs with daily tables: nothing here tells where people are this week.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from PIL import Image

from sim.report.figures.routes import DIRECTIONS, draw_flows, draw_ground, drawable
from sim.report.frame import (
    SMALLEST_CELL,
    RunLike,
    intervals,
    place_table,
    provenance,
    replicate_count,
    sums,
    total,
)
from sim.report.publication import publishable
from sim.report.style import (
    COLOURS,
    INK,
    count_axis,
    empty,
    month_axis,
    new_figure,
    plain,
    short_count,
    stamps,
)
from sim.report.words import check_language, month_name, phrase

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["animation", "monthly_leg_flows"]


def monthly_leg_flows(run: RunLike) -> pd.DataFrame:
    """Persons from place to place by month, median and intervals; legs below 15 people left out."""
    keys = ["month", "from_place", "to_place", "direction"]
    frame = sums(run, "flows", keys[1:])
    table = intervals(total(frame, [*keys, "replicate"]), keys, "persons", replicate_count(run))
    table = table[table["median"] >= SMALLEST_CELL]
    places = place_table(run)
    table = table[table["from_place"].isin(places.index) & table["to_place"].isin(places.index)].reset_index(
        drop=True
    )
    for end in ("from", "to"):
        for column in ("lon", "lat"):
            table[f"{end}_{column}"] = table[f"{end}_place"].map(places[column])
    return table


def animation(
    run: RunLike, path: str | Path, lang: str = "en", milliseconds: int = 450
) -> tuple[Path, pd.DataFrame]:
    """Write the route map of every month as one GIF.

    Parameters
    ----------
    run : RunLike
        An opened run folder.
    path : str or Path
        Where to write; ends in ``.gif``.
    lang : str
        ``en`` or ``es``.
    milliseconds : int
        How long a month stays on the screen; the last one stays four times as long.

    Returns
    -------
    path : Path
        The file.
    data : DataFrame
        What `monthly_leg_flows` gives.
    """
    check_language(lang)
    table = monthly_leg_flows(run)
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    frames = [picture(figure) for figure in figures(run, table, lang)]
    durations = [milliseconds] * (len(frames) - 1) + [4 * milliseconds]
    source = provenance(run)
    comment = (
        f"scenario={source.scenario}; version={source.version}; seed={source.seed}; simulation, not a count"
    )
    half = target.with_name(f".{target.name}.part")
    frames[0].save(
        half,
        format="GIF",
        save_all=True,
        append_images=frames[1:],
        duration=durations,
        loop=0,
        optimize=True,
        comment=comment.encode(),
    )
    half.replace(target)
    return target, publishable(table)


def figures(run: RunLike, table: pd.DataFrame, lang: str) -> list[Figure]:
    """One figure per month, or one empty one."""
    if table.empty:
        return [empty(run, lang, phrase("map_title", lang, period=""), phrase("nothing_flows", lang))]
    places = place_table(run)
    _, largest = drawable(table, places)
    busiest = table.groupby("month")["median"].max()
    return [frame_of(run, part, month, busiest, largest, lang) for month, part in table.groupby("month")]


def frame_of(
    run: RunLike, part: pd.DataFrame, month: object, busiest: pd.Series[float], largest: float, lang: str
) -> Figure:
    """The map of one month, and where this month lies in time."""
    when = pd.Timestamp(month)  # type: ignore[arg-type]
    title = phrase("map_title", lang, period=month_name(when.year, when.month, lang))
    figure = new_figure(run, lang, title, (7.2, 6.9))
    axes = figure.subplots()
    draw_ground(axes, "region")
    draw_flows(axes, drawable(part, place_table(run))[0], largest)
    clock = axes.inset_axes((0.09, 0.1, 0.36, 0.2))
    days = stamps(pd.Series(busiest.index))
    clock.plot(days, busiest, color="#9A9A9A", linewidth=1)
    clock.plot(stamps(pd.Series([when])), [busiest[when]], "o", color=COLOURS[3], markersize=5)
    clock.set_ylim(bottom=0)
    plain(clock)
    count_axis(clock.yaxis, lang, 3)
    month_axis(clock, lang)
    clock.tick_params(labelsize=7)
    clock.set_title(phrase("busiest_leg", lang), fontsize=7.5, loc="left", color=INK)
    for row, (way, (colour, _)) in enumerate(DIRECTIONS.items()):
        axes.text(
            0.975,
            0.96 - 0.035 * row,
            phrase(way, lang),
            transform=axes.transAxes,
            ha="right",
            fontsize=8,
            color=colour,
            fontweight="bold",
        )
    axes.text(
        0.975,
        0.96 - 0.035 * len(DIRECTIONS),
        f"{phrase('map_unit', lang)} ≤ {short_count(largest, lang)}",
        transform=axes.transAxes,
        ha="right",
        fontsize=7.5,
        color=INK,
    )
    return figure


def picture(figure: Figure) -> Image.Image:
    """A figure as a small picture of 64 colours."""
    figure.set_dpi(84)
    figure.canvas.draw()
    pixels = np.asarray(figure.canvas.buffer_rgba())[..., :3]  # type: ignore[attr-defined]
    image = Image.fromarray(np.ascontiguousarray(pixels))
    return image.quantize(
        colors=64, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE
    )  # keeps rare colours
