"""Results of a saved run: crossings, map, who is where, a country in detail; every figure with its table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pandas as pd
from dash import Dash, Input, Output, State, ctx, html, no_update
from dash.exceptions import PreventUpdate

from sim.app import figures
from sim.app.page.bits import graph, link_csv, records, refused, table
from sim.app.page.preview import border_options, unit_of
from sim.app.page.running import ids
from sim.app.parts import Field
from sim.app.service.places import countries_in_order, leg_rows, map_tables, place_rows
from sim.app.text import count, day, month, say, share, spread
from sim.errors import TravesiaError
from sim.report.words import country_name, phrase, place_name

if TYPE_CHECKING:
    from sim.app.service.runs import Saved
    from sim.app.service.views import Views
    from sim.app.workshop import Workshop

__all__ = ["layout", "register"]

_ROWS = 12


def layout(lang: str) -> html.Section:
    """The part of the page."""
    return html.Section(
        [
            html.H2(say("results_title", lang), id="results-title"),
            Field(
                id="saved",
                kind="select",
                label=say("saved", lang),
                value="",
                options=[{"value": "", "label": say("saved_none", lang)}],
            ),
            html.Div(id="results-message", className="refusal", role="alert"),
            html.Div(id="results-facts", children=html.P(say("results_empty", lang))),
            html.Div(
                [
                    html.Div(crossings_part(lang)),
                    html.Div(map_part(lang)),
                    html.Div(where_part(lang)),
                    html.Div(id="country-part", children=country_part(lang)),
                    html.Div(id="downloads"),
                ],
                id="results-body",
                hidden=True,
            ),
        ],
        id="results-part",
        **{"aria-labelledby": "results-title"},
    )


def crossings_part(lang: str) -> list[Any]:
    """Crossings with bands."""
    return [
        html.H3(say("crossings_title", lang)),
        Field(id="result-border", kind="select", label=say("border", lang), value="", options=[]),
        graph("crossings-graph", say("crossings_title", lang), figure=figures.empty("")),
        html.Details([html.Summary(say("numbers", lang)), html.Div(id="crossings-table")]),
        html.Div(id="crossings-link"),
    ]


def map_part(lang: str) -> list[Any]:
    """The map by month with tables beside it."""
    return [
        html.H3(say("map_title", lang)),
        html.P(say("map_about", lang), className="hint"),
        Field(
            id="map-month", kind="range", label=say("month", lang), value=0, min=0, max=1, step=1, lang=lang
        ),
        html.Div(
            [
                graph("map-graph", say("map_title", lang), figure=figures.empty("")),
                html.Div([html.Div(id="map-table"), html.Div(id="map-link")]),
            ],
            className="two",
        ),
    ]


def where_part(lang: str) -> list[Any]:
    """Who is where."""
    return [
        html.H3(say("where_title", lang)),
        graph("where-graph", say("where_title", lang), figure=figures.empty("")),
        html.Div(id="where-table"),
        html.Div(id="where-link"),
    ]


def country_part(lang: str) -> list[Any]:
    """A country in detail."""
    return [
        html.H3(say("country_title", lang), id="country-title", tabIndex="-1"),
        html.P(say("country_about", lang), className="hint"),
        Field(id="country", kind="select", label=say("country", lang), value="PAN", options=[]),
        html.Div(id="country-detail"),
    ]


def saved_options(saved: list[Saved], lang: str) -> list[dict[str, str]]:
    """Runs of the folder as a list offers them."""
    rows = [{"value": "", "label": say("saved_choose" if saved else "saved_none", lang)}]
    for run in saved:
        told = say(
            "saved_row",
            lang,
            scenario=run.scenario,
            n=run.replicates,
            scale=share(run.scale, lang),
            name=run.name,
        )
        rows.append({"value": run.name, "label": told})
    return rows


def facts(views: Views, lang: str) -> html.Div:
    """Where the results come from, with the assumptions one click away."""
    m = views.run.manifest
    scenario = views.run.scenario
    title = scenario.title.in_language(lang) or scenario.name
    window = scenario.window
    lines = [
        (say("fact_scenario", lang), title),
        (
            say("fact_window", lang),
            say("from_to", lang, start=day(window.start, lang), end=day(window.end, lang)),
        ),
        (
            say("fact_people", lang),
            say("fact_people_text", lang, n=count(m["people"], lang), scale=share(m["scale"], lang)),
        ),
        (say("fact_replicates", lang), say("fact_replicates_text", lang, n=m["replicates"], seed=m["seed"])),
        (say("fact_version", lang), f"{m['versions'].get('travesia', '?')} · {m['result_hash'][:12]}"),
    ]
    items = [html.Div([html.Strong(f"{name}: "), text]) for name, text in lines]
    return html.Div(
        [
            html.Div(items, className="numbers"),
            html.P(
                say("scenario_not_prediction" if m["replicates"] > 1 else "one_draw", lang),
                className="notice",
            ),
            html.P(html.A(say("assumptions_link", lang), href="#assumptions-part")),
        ]
    )


def register(app: Dash, shop: Workshop, lang: str) -> None:
    """Callbacks of the part."""
    _open(app, shop, lang)
    _fill(app, shop, lang)
    _crossings(app, shop, lang)
    _map(app, shop, lang)
    _where(app, shop, lang)


def _open(app: Dash, shop: Workshop, lang: str) -> None:
    @app.callback(
        Output("saved", "options"),
        Output("saved", "value"),
        Output("run", "data"),
        Output("opened", "data"),
        Output("results-message", "children"),
        Output("jobs", "data", allow_duplicate=True),
        Input("boot", "n_intervals"),
        Input("saved", "value"),
        Input("news", "data"),
        State("run", "data"),
        State("jobs", "data"),
        State("opened", "data"),
        prevent_initial_call=True,
    )
    def choose(  # noqa: PLR0913, PLR0917 - one argument for each input
        _boot: int, picked: str, news: object, kept: str | None, jobs: object, opened: dict[str, Any] | None
    ) -> tuple[Any, ...]:
        name = picked if ctx.triggered_id == "saved" else kept or ""
        if ctx.triggered_id == "news":
            job = shop.jobs.get(ids(news)[-1]) if ids(news) else None
            if job is not None and job.state == "done" and job.kind in {"run", "prepare"}:
                name = str(job.result["run"])
        listed = shop.runs.listed()
        rows = saved_options(listed, lang)
        if not name or (ctx.triggered_id != "saved" and name not in {run.name for run in listed}):
            return rows, "", None, {"run": ""}, "", no_update
        try:
            views = shop.runs.open(name)
        except TravesiaError as fault:
            return rows, no_update, no_update, no_update, refused(fault, lang), no_update
        more: Any = no_update
        if not views.ready and not any(preparing(shop, one, name) for one in ids(jobs)):
            more = [*ids(jobs), shop.start_preparing(name, "")]
        state = {"run": name, "ready": views.ready, "needs": views.has_needs(lang)}
        return rows, name, name, no_update if state == opened else state, "", more


def preparing(shop: Workshop, job_id: str, name: str) -> bool:
    """Whether a job is making the small tables of a run, or failed at it."""
    job = shop.jobs.get(job_id)
    return (
        job is not None and job.kind == "prepare" and job.payload["name"] == name and job.state != "cancelled"
    )


def run_name(opened: object) -> str:
    """Name of the run that is open."""
    return str(opened.get("run", "")) if isinstance(opened, dict) else ""


def opened_views(shop: Workshop, opened: object) -> Views:
    """The run that is open and ready."""
    if not isinstance(opened, dict) or not opened.get("run") or not opened.get("ready"):
        raise PreventUpdate
    try:
        return shop.runs.open(run_name(opened))
    except TravesiaError as fault:
        raise PreventUpdate from fault


def _fill(app: Dash, shop: Workshop, lang: str) -> None:
    @app.callback(
        Output("results-facts", "children"),
        Output("results-body", "hidden"),
        Output("result-border", "options"),
        Output("result-border", "value"),
        Output("map-month", "max"),
        Output("map-month", "labels"),
        Output("map-month", "value"),
        Output("country", "options"),
        Output("country", "value"),
        Input("opened", "data"),
        State("result-border", "value"),
        State("map-month", "value"),
        State("country", "value"),
    )
    def fill(opened: object, border: str, at: float, country: str) -> tuple[Any, ...]:
        if not isinstance(opened, dict) or not opened.get("run"):
            return html.P(say("results_empty", lang)), True, *(no_update,) * 7
        if not opened.get("ready"):
            return html.P(say("results_preparing", lang)), True, *(no_update,) * 7
        views = opened_views(shop, opened)
        scenario = views.run.scenario
        borders = border_options(scenario, lang)
        border = (
            border
            if border in {row["value"] for row in borders}
            else (borders[0]["value"] if borders else "")
        )
        last = max(len(views.months) - 1, 0)
        at = at if 0 < at <= last else busiest(views)
        countries = [{"value": code, "label": country_name(code, lang)} for code in countries_in_order(views)]
        codes = [row["value"] for row in countries]
        country = country if country in codes else ("PAN" if "PAN" in codes else codes[0] if codes else "")
        named = [month(one, lang) for one in views.months]
        return facts(views, lang), False, borders, border, last, named, at, countries, country


def busiest(views: Views) -> int:
    """Number of the month with the most people on the move."""
    legs = views.legs.assign(month=pd.to_datetime(views.legs["month"]).dt.strftime("%Y-%m"))
    if legs.empty:
        return 0
    return views.months.index(str(legs.groupby("month")["median"].sum().idxmax()))


def _crossings(app: Dash, shop: Workshop, lang: str) -> None:
    @app.callback(
        Output("crossings-graph", "figure"),
        Output("crossings-table", "children"),
        Output("crossings-link", "children"),
        Input("opened", "data"),
        Input("result-border", "value"),
        prevent_initial_call=True,
    )
    def draw(opened: object, border: str) -> tuple[Any, ...]:
        views = opened_views(shop, opened)
        part = views.crossings[views.crossings["border"] == border].sort_values("month")
        if part.empty:
            return figures.empty(say("no_borders", lang)), "", ""
        unit = unit_of(views.run.scenario, border, lang)
        rows = [
            (
                month(str(row.month), lang),
                spread(row.median, row.lo90, row.hi90, lang),
                count(row.observed, lang),
            )
            for row in records(part)
        ]
        head = (say("month", lang), say("median_90", lang), say("observed", lang))
        shown = table(f"{say('crossings_title', lang)} ({unit})", head, rows, (1, 2))
        address = "/data/crossings?" + urlencode({"run": run_name(opened), "lang": lang, "border": border})
        return figures.crossings(part, lang, unit, views.run.replicates), shown, link_csv(lang, address)


def _map(app: Dash, shop: Workshop, lang: str) -> None:
    @app.callback(
        Output("map-graph", "figure"),
        Output("map-table", "children"),
        Output("map-link", "children"),
        Input("opened", "data"),
        Input("map-month", "value"),
        prevent_initial_call=True,
    )
    def draw(opened: object, at: float | None) -> tuple[Any, ...]:
        views = opened_views(shop, opened)
        when = views.months[min(int(at or 0), len(views.months) - 1)]
        legs, places = map_tables(views, when)
        told = month(when, lang)
        ways = [
            (
                f"{place_name(str(row.from_name), lang)} → {place_name(str(row.to_name), lang)}",
                phrase(str(row.direction), lang),
                spread(row.median, row.lo90, row.hi90, lang),
            )
            for row in records(leg_rows(legs, places, _ROWS))
        ]
        spots = [
            (
                f"{place_name(str(row['name']), lang)}, {country_name(str(row['country']), lang)}",
                spread(row["people"], row["lo90"], row["hi90"], lang),
            )
            for row in place_rows(places, _ROWS).to_dict("records")
        ]
        tables = [
            table(
                say("map_legs", lang, month=told),
                (say("leg", lang), say("direction", lang), say("persons_90", lang)),
                ways,
                (2,),
            ),
            table(
                say("map_people", lang, month=told),
                (say("place", lang), say("persons_day_90", lang)),
                spots,
                (1,),
            ),
        ]
        address = "/data/map?" + urlencode({"run": run_name(opened), "lang": lang, "month": when})
        return (
            figures.route_map(legs, places, lang),
            tables,
            link_csv(lang, address),
        )

    @app.callback(
        Output("country", "value", allow_duplicate=True),
        Input("map-graph", "clickData"),
        State("opened", "data"),
        prevent_initial_call=True,
    )
    def click(clicked: dict[str, Any] | None, opened: object) -> Any:  # noqa: ANN401 - Dash's no_update
        views = opened_views(shop, opened)
        place = (clicked or {}).get("points", [{}])[0].get("customdata")
        found = next((p.country for p in views.run.scenario.world.places if p.id == place), None)
        return found or no_update


def _where(app: Dash, shop: Workshop, lang: str) -> None:
    @app.callback(
        Output("where-graph", "figure"),
        Output("where-table", "children"),
        Output("where-link", "children"),
        Input("opened", "data"),
        Input("map-month", "value"),
        prevent_initial_call=True,
    )
    def draw(opened: object, at: float | None) -> tuple[Any, ...]:
        views = opened_views(shop, opened)
        when = views.months[min(int(at or 0), len(views.months) - 1)]
        people = views.countries.assign(when=pd.to_datetime(views.countries["month"]).dt.strftime("%Y-%m"))
        part = people[(people["when"] == when) & (people["median"] > 0)].sort_values(
            "median", ascending=False
        )
        rows = [
            (country_name(str(row.country), lang), spread(row.median, row.lo90, row.hi90, lang))
            for row in records(part.head(_ROWS + 4))
        ]
        caption = say("where_table", lang, month=month(when, lang))
        address = "/data/where?" + urlencode({"run": run_name(opened), "lang": lang})
        shown = table(caption, (say("country", lang), say("persons_day_90", lang)), rows, (1,))
        drawn: Any = no_update if ctx.triggered_id == "map-month" else figures.where(views.countries, lang)
        return drawn, shown, link_csv(lang, address)
