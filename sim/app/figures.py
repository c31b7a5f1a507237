"""Figures of the page: small tables enter, what plotly draws leaves, as plain mappings. No tile, font or map is fetched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from sim.app.text import count, month, say
from sim.report.figures.routes import FAR_DEGREES, SHORT_DEGREES, SMALLEST_SHARE
from sim.report.figures.stocks import merge_small
from sim.report.geography import REGION_BOX, rings
from sim.report.style import BANDS, COLOURS, INK
from sim.report.words import country_name, phrase, place_name

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["CONFIG", "HEIGHTS", "crossings", "difference", "empty", "preview", "route_map", "where"]

type Figure = dict[str, Any]

CONFIG: Final = {
    "displayModeBar": False,
    "responsive": True,
    "scrollZoom": False,
    "doubleClick": False,
    "displaylogo": False,
}
HEIGHTS: Final = {
    "preview-graph": 330, "crossings-graph": 380, "map-graph": 560, "where-graph": 420, "compare-graph": 340,
}  # fmt: skip
"""Pixels that each figure takes on the page, filled or not."""
PATTERNS: Final = ("", "/", ".", "\\", "x", "-", "|", "+")
WAYS: Final = {
    "northward": (COLOURS[0], "solid"),
    "southward": (COLOURS[3], "dash"),
    "lateral": ("#5f6a70", "dot"),
    "return": ("#8f4f76", "dashdot"),
}
_WIDTHS: Final = (1.0, 2.0, 3.5, 5.5, 8.0, 11.0)
_TICKS = 6
_FONT: Final = {"family": "system-ui, Liberation Sans, sans-serif", "size": 13, "color": INK}


def base(lang: str, height: int, **more: Any) -> Figure:  # noqa: ANN401 - whatever plotly takes
    """Layout that every figure starts from."""
    layout: Figure = {
        "font": dict(_FONT),
        "height": height,
        "margin": {"l": 70, "r": 16, "t": 10, "b": 52},
        "paper_bgcolor": "white",
        "plot_bgcolor": "white",
        "separators": ".," if lang == "en" else ",\u00a0",
        "hovermode": "x unified",
        "dragmode": False,
        "legend": {"orientation": "h", "y": -0.2, "x": 0, "font": {"size": 12}},
        "yaxis": {"gridcolor": "#e1e6e8", "zeroline": False, "rangemode": "tozero", "separatethousands": True,
                  "tickformat": ",~r", "automargin": True, "fixedrange": True},
        "xaxis": {"showgrid": False, "fixedrange": True, "linecolor": "#8a8a8a"},
        "template": None,
    }  # fmt: skip
    return {**layout, **more}


def months_axis(layout: Figure, months: Sequence[str], lang: str) -> None:
    """Ticks in the language of the page."""
    step = max(1, -(-len(months) // _TICKS))
    picked = list(months)[::step]
    layout["xaxis"] |= {
        "type": "category",
        "categoryorder": "array",
        "categoryarray": list(months),
        "tickmode": "array",
        "tickvals": picked,
        "ticktext": [month(one, lang).replace(" ", "<br>") for one in picked],  # narrow enough for a phone
        "tickangle": 0,
    }


def empty(sentence: str) -> Figure:
    """A figure that says why it has nothing to show."""
    note = {"text": sentence, "showarrow": False, "x": 0.5, "y": 0.5, "xref": "paper", "yref": "paper"}
    hidden = {"visible": False}
    return {"data": [], "layout": base("en", 160, annotations=[note], xaxis=hidden, yaxis=hidden)}


def line(x: Sequence[Any], y: Sequence[float | None], name: str, **style: Any) -> Figure:  # noqa: ANN401
    """A line without points."""
    return {"type": "scatter", "mode": "lines", "x": x, "y": y, "name": name, **style}


def values(column: pd.Series) -> list[float | None]:
    """Numbers as JSON takes them; None where there is none."""
    return [None if pd.isna(value) else float(value) for value in column]


def band(table: pd.DataFrame, low: str, high: str, colour: str, name: str) -> list[Figure]:
    """Two invisible lines with a filled space between them."""
    x = [str(m) for m in table["month"]]
    none = {"line": {"width": 0, "color": colour}, "hoverinfo": "skip"}
    return [
        line(x, values(table[low]), name, showlegend=False, **none),
        line(x, values(table[high]), name, fill="tonexty", fillcolor=colour, **none),
    ]


def crossings(table: pd.DataFrame, lang: str, unit: str, replicates: int) -> Figure:
    """Crossings of one border by month: median, bands, and what was observed.

    Parameters
    ----------
    table : DataFrame
        month, median, lo50, hi50, lo90, hi90, observed.
    lang, unit : str
    replicates : int
    """
    table = table.sort_values("month")
    x = [str(m) for m in table["month"]]
    data: list[Figure] = []
    if replicates > 1:
        data += band(table, "lo90", "hi90", BANDS[1], phrase("band90", lang))
        data += band(table, "lo50", "hi50", BANDS[0], phrase("band50", lang))
    data.append(
        line(x, values(table["median"]), phrase("median", lang), line={"color": COLOURS[0], "width": 2.2})
    )
    if table["observed"].notna().any():
        open_dot = {"symbol": "circle-open", "size": 7, "color": INK, "line": {"width": 1.4}}
        data.append(
            {"type": "scatter", "mode": "markers", "x": x, "y": values(table["observed"]),
             "name": phrase("observed", lang), "marker": open_dot}
        )  # fmt: skip
    layout = base(lang, HEIGHTS["crossings-graph"])
    layout["yaxis"]["title"] = {"text": unit, "font": {"size": 12}}
    months_axis(layout, x, lang)
    return {"data": data, "layout": layout}


def preview(table: pd.DataFrame, lang: str, unit: str, most: float) -> Figure:
    """Expected crossings by month: the base dashed, the scenario as it stands solid, with the range of previews.

    Parameters
    ----------
    table : DataFrame
        month, base, now (persons).
    lang, unit : str
    most : float
        Per cent by which nine in ten previews of a month lay off full runs at this border.
    """
    x = list(table["month"])
    grey = {"color": "#5f6a70", "width": 2, "dash": "dash"}
    ends = table.assign(
        low=table["now"] * (1.0 - most / 100.0), high=table["now"] * (1.0 + most / 100.0)
    ).round(1)
    data = [
        *band(ends, "low", "high", BANDS[1], say("preview_range", lang)),
        line(x, [round(v, 1) for v in table["base"]], say("preview_base", lang), line=grey),
        line(
            x,
            [round(v, 1) for v in table["now"]],
            say("preview_now", lang),
            line={"color": COLOURS[0], "width": 2.6},
        ),
    ]
    layout = base(lang, HEIGHTS["preview-graph"])
    layout["yaxis"]["title"] = {"text": unit, "font": {"size": 12}}
    months_axis(layout, x, lang)
    return {"data": data, "layout": layout}


def difference(table: pd.DataFrame, lang: str, unit: str, replicates: int) -> Figure:
    """Other less base by month, with intervals and the line of no difference."""
    table = table.assign(month=[f"{m:%Y-%m}" for m in pd.to_datetime(table["month"])]).sort_values("month")
    x = list(table["month"])
    data: list[Figure] = []
    if replicates > 1:
        data += band(table, "lo90", "hi90", "#f3d9c6", phrase("band90", lang))
        data += band(table, "lo50", "hi50", "#e6b391", phrase("band50", lang))
    data.append(
        line(x, values(table["median"]), phrase("median", lang), line={"color": COLOURS[3], "width": 2.2})
    )
    layout = base(lang, HEIGHTS["compare-graph"])
    layout["yaxis"] |= {"rangemode": "normal", "title": {"text": unit, "font": {"size": 12}}}
    layout["shapes"] = [
        {
            "type": "line",
            "xref": "paper",
            "x0": 0,
            "x1": 1,
            "y0": 0,
            "y1": 0,
            "line": {"color": INK, "width": 1, "dash": "dash"},
        }
    ]
    months_axis(layout, x, lang)
    return {"data": data, "layout": layout}


def where(countries: pd.DataFrame, lang: str) -> Figure:
    """People on the route by country over time, stacked."""
    table = countries[countries["country"] != "ALL"]
    wide = table.pivot(index="month", columns="country", values="median").fillna(0.0).sort_index()
    wide = merge_small(wide)
    x = [f"{m:%Y-%m}" for m in pd.to_datetime(wide.index)]
    data = []
    for number, code in enumerate(wide.columns):
        name = phrase("other", lang) if code == "OTH" else country_name(str(code), lang)
        colour = COLOURS[number % len(COLOURS)]
        data.append(
            line(x, [float(v) for v in wide[code]], name, stackgroup="one", line={"width": 0.5, "color": INK},
                 fillcolor=colour, fillpattern={"shape": PATTERNS[number % len(PATTERNS)], "fgcolor": "#ffffff",
                                                "bgcolor": colour, "size": 7, "solidity": 0.22})
        )  # fmt: skip
    layout = base(lang, HEIGHTS["where-graph"])
    layout["yaxis"]["title"] = {"text": phrase("persons_per_day", lang), "font": {"size": 12}}
    months_axis(layout, x, lang)
    return {"data": data, "layout": layout}


def land() -> list[Figure]:
    """Countries as filled outlines, without a projection: nothing is fetched for it."""
    xs: list[float | None] = []
    ys: list[float | None] = []
    for parts in rings("region").values():
        for ring in parts:
            xs += [*(round(float(v), 2) for v in ring[:, 0]), None]
            ys += [*(round(float(v), 2) for v in ring[:, 1]), None]
    return [
        {"type": "scatter", "mode": "lines", "x": xs, "y": ys, "fill": "toself", "fillcolor": "#efede8", "hoverinfo": "skip",
         "line": {"color": "#a39d92", "width": 0.7}, "showlegend": False, "name": "land"}
    ]  # fmt: skip


def curve(row: Any) -> tuple[list[float | None], list[float | None]]:  # noqa: ANN401 - a row of a table
    """A bent line, so that opposite ways do not lie on each other."""
    x0, y0, x1, y1 = row.from_lon, row.from_lat, row.to_lon, row.to_lat
    far = np.hypot(x1 - x0, y1 - y0)
    bend = 0.11 if far > FAR_DEGREES else 0.05
    mx, my = (x0 + x1) / 2 - bend * 2 * (y1 - y0) / 2, (y0 + y1) / 2 + bend * 2 * (x1 - x0) / 2
    t = np.linspace(0.0, 1.0, 9 if far > SHORT_DEGREES else 4)
    x = (1 - t) ** 2 * x0 + 2 * t * (1 - t) * mx + t**2 * x1
    y = (1 - t) ** 2 * y0 + 2 * t * (1 - t) * my + t**2 * y1
    return [*(round(float(v), 2) for v in x), None], [*(round(float(v), 2) for v in y), None]


def route_map(legs: pd.DataFrame, places: pd.DataFrame, lang: str) -> Figure:
    """Flows of one month as widths on the map, with a point for each place in use.

    Parameters
    ----------
    legs : DataFrame
        from_place, to_place, direction, median, lo90, hi90 and coordinates `from_lon` ... `to_lat`.
    places : DataFrame
        place (index), name, lon, lat, country; and `people`, `lo90`, `hi90` present on an average day.
    lang : str
    """
    data = land()
    seen = legs[legs["median"].notna()]
    largest = float(seen["median"].max()) if len(seen) else 1.0
    seen = seen[seen["median"] >= SMALLEST_SHARE * largest]
    rank = np.digitize(seen["median"] / largest, (0.02, 0.06, 0.18, 0.4, 0.7))
    for way, (colour, dash) in WAYS.items():
        if not (seen["direction"] == way).any():
            continue
        key = {"color": colour, "width": 3, "dash": dash}
        data.append(line([None], [None], phrase(way, lang), line=key))
        for width in range(len(_WIDTHS)):
            part = seen[(seen["direction"] == way).to_numpy() & (rank == width)]
            if part.empty:
                continue
            xs: list[float | None] = []
            ys: list[float | None] = []
            for row in part.itertuples():
                x, y = curve(row)
                xs, ys = xs + x, ys + y
            data.append(
                line(xs, ys, phrase(way, lang), hoverinfo="skip",  showlegend=False, opacity=0.8,
                     line={"color": colour, "width": _WIDTHS[width], "dash": dash})
            )  # fmt: skip
    data.append(place_points(places, lang))
    west, south, east, north = REGION_BOX
    middle = np.cos(np.radians((south + north) / 2))
    hidden = {"visible": False, "fixedrange": True, "showgrid": False, "zeroline": False}
    layout = base(
        lang,
        HEIGHTS["map-graph"],
        hovermode="closest",
        margin={"l": 0, "r": 0, "t": 0, "b": 0},
        xaxis={**hidden, "range": [west, east], "constrain": "domain"},
        yaxis={
            **hidden,
            "range": [south, north],
            "scaleanchor": "x",
            "scaleratio": float(1 / middle),
            "constrain": "domain",
            "constraintoward": "top",
        },
        legend={"orientation": "h", "x": 0, "y": 0, "bgcolor": "rgba(255,255,255,0.9)", "font": {"size": 12}},
    )
    layout.pop("height")  # the page gives the map the room its width asks for
    if len(seen):
        told = say("map_widest", lang, n=count(float(seen["median"].max()), lang))
        layout["legend"] |= {"title": {"text": told, "side": "top", "font": {"size": 12}}}
    return {"data": data, "layout": layout}


def place_points(places: pd.DataFrame, lang: str) -> Figure:
    """A point for each place, larger where more people are; its name and number when it is pointed at."""
    people = places["people"].fillna(0.0).to_numpy()
    top = max(float(people.max()) if len(people) else 1.0, 1.0)
    size = 5.0 + 15.0 * np.sqrt(people / top)
    texts = [
        f"{place_name(name, lang)}, {country_name(country, lang)}<br>{say('people_here', lang, n=count(number, lang))}"
        for name, country, number in zip(places["name"], places["country"], places["people"], strict=True)
    ]
    ring = {"color": INK, "width": 1.3}
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [float(v) for v in places["lon"]],
        "y": [float(v) for v in places["lat"]],
        "name": say("map_places", lang),
        "text": texts,
        "hovertemplate": "%{text}<extra></extra>",
        "customdata": [str(p) for p in places.index],
        "marker": {
            "size": [round(float(v), 1) for v in size],
            "color": "#ffffff",
            "opacity": 0.95,
            "line": ring,
        },
    }
