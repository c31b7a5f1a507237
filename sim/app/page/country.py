"""A country in detail: people, needs and who is on the way to it; and the files to take away."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pandas as pd
from dash import Dash, Input, Output, State, html, no_update
from dash.exceptions import PreventUpdate

from sim.app.page.bits import records, refused, table
from sim.app.page.results import opened_views, preparing, run_name
from sim.app.page.running import ids
from sim.app.parts import Field
from sim.app.text import count, day, month, say, spread
from sim.errors import TravesiaError
from sim.needs.labels import label, phrase
from sim.report.needs_access import REGIONAL_ONLY, funding_of, sector_names, sector_table, totals
from sim.report.words import country_name, number

if TYPE_CHECKING:
    from sim.app.service.views import NeedsView, Views
    from sim.app.workshop import Workshop

__all__ = ["downloads", "register"]

_GROUPS = 8
_UPSTREAM = ("0-2", "2-8", "8+")


def register(app: Dash, shop: Workshop, lang: str) -> None:
    """Callbacks of the part."""
    _detail(app, shop, lang)
    _products(app, shop, lang)
    _assumptions(app, shop, lang)


def _detail(app: Dash, shop: Workshop, lang: str) -> None:
    @app.callback(
        Output("country-detail", "children"),
        Output("jobs", "data", allow_duplicate=True),
        Input("opened", "data"),
        Input("country", "value"),
        Input("map-month", "value"),
        State("jobs", "data"),
        prevent_initial_call=True,
    )
    def show(opened: object, country: str, at: float | None, jobs: object) -> tuple[Any, Any]:
        views = opened_views(shop, opened)
        if not country:
            raise PreventUpdate
        when = views.months[min(int(at or 0), len(views.months) - 1)]
        parts = people_parts(views, country, when, lang)
        more: Any = no_update
        if views.has_needs(lang):
            needs = views.needs(lang)
            parts += [needs_part(needs, country, when, lang), upstream_part(needs, country, lang)]
        else:
            name = run_name(opened)
            parts.append(html.P(say("needs_preparing", lang), className="notice"))
            if not any(needs_of(shop, one, name, lang) for one in ids(jobs)):
                more = [*ids(jobs), shop.start_preparing(name, lang)]
        return parts, more


def needs_of(shop: Workshop, job_id: str, name: str, lang: str) -> bool:
    """Whether a job works out the needs of a run in a language, or failed at it."""
    job = shop.jobs.get(job_id)
    return job is not None and preparing(shop, job_id, name) and job.payload["lang"] == lang


def people_parts(views: Views, country: str, when: str, lang: str) -> list[Any]:
    """Headline numbers and the nationalities present."""
    stamp = pd.Timestamp(when)

    def one(frame: pd.DataFrame) -> str:
        rows = frame[(pd.to_datetime(frame["month"]) == stamp) & (frame["country"] == country)]
        if rows.empty:
            return "0"
        row = rows.iloc[0]
        return spread(row["median"], row["lo90"], row["hi90"], lang)

    named: dict[str, Any] = {"country": country_name(country, lang), "month": month(when, lang)}
    present = f"{one(views.countries)} {say('persons_per_day', lang)}"
    entered = f"{one(views.entries)} {say('persons_a_month', lang)}"
    head = html.Div(
        [
            html.Div([html.Strong(say("present_in", lang, **named)), html.Br(), present]),
            html.Div([html.Strong(say("entered", lang, **named)), html.Br(), entered]),
        ],
        className="numbers",
    )
    groups = views.groups
    part = groups[
        (pd.to_datetime(groups["month"]) == stamp) & (groups["country"] == country) & groups["median"].notna()
    ]
    part = part[part["median"] > 0].sort_values("median", ascending=False).head(_GROUPS)
    names = {g.id: getattr(g, f"name_{lang}") or g.id for g in views.run.scenario.world.groups}
    rows = [
        (names.get(str(row.nationality), str(row.nationality)), spread(row.median, row.lo90, row.hi90, lang))
        for row in records(part)
    ]
    caption = say("groups_present", lang, country=country_name(country, lang), month=month(when, lang))
    return [head, table(caption, (say("nationality", lang), say("persons_day_90", lang)), rows, (1,))]


def needs_part(needs: NeedsView, country: str, when: str, lang: str) -> Any:  # noqa: ANN401 - a component
    """People in need and money by sector."""
    frame = sector_table(needs, country, when)
    if frame.empty:
        return html.P(say("needs_none", lang))
    names = sector_names(lang)
    money = money_ranges(needs, country, when)
    rows = []
    for row in records(frame):
        code = str(row.sector)
        hidden = say("regional_only", lang) if code in REGIONAL_ONLY else None
        rows.append(
            (
                names.get(code, code),
                hidden or spread(row.middle, row.low, row.high, lang),
                usd(row.usd, money["requirement"].get(code), lang),
                usd(row.gap, money["gap"].get(code), lang),
                label("flag", row.flag, lang),
                str(row.lead) or "–",
            )
        )
    head = tuple(say(key, lang) for key in ("sector", "in_need_80", "usd", "gap_usd", "coverage", "lead"))
    return table(
        say("needs_caption", lang, country=country_name(country, lang), month=month(when, lang)),
        head,
        rows,
        (1, 2, 3),
    )


def money_ranges(needs: NeedsView, country: str, when: str) -> dict[str, dict[str, tuple[float, float]]]:
    """Low and high of the money needed and missing, by sector."""
    frame = totals(needs, when)
    frame = frame[frame["location_code"] == country]
    missing = (frame["measure"] == "gap") & (frame["funding"] == funding_of(when))
    kept = {"requirement": frame[frame["measure"] == "requirement"], "gap": frame[missing]}
    return {
        name: {str(row.sector_code): (float(row.low), float(row.high)) for row in records(part)}
        for name, part in kept.items()
    }


def usd(middle: float, ends: tuple[float, float] | None, lang: str) -> str:
    """An amount with its range; a dash where there is none."""
    low, high = ends or (float("nan"), float("nan"))
    return count(middle, lang) if math.isnan(middle) else spread(middle, low, high, lang)


def upstream_part(needs: NeedsView, country: str, lang: str) -> Any:  # noqa: ANN401 - a component
    """People on their way to the country, by weeks and where they are now."""
    frame = needs.upstream
    frame = frame[(frame["location_code"] == country) & frame["middle"].notna()]
    rows = []
    for weeks in _UPSTREAM:
        part = frame[frame["weeks"] == weeks].sort_values("middle", ascending=False).head(4)
        rows += [
            (
                say(f"weeks_{weeks}", lang),
                f"{row.admin1_name or country_name(str(row.from_country), lang)}, {country_name(str(row.from_country), lang)}",
                spread(row.middle, row.low, row.high, lang),
            )
            for row in records(part)
        ]
    if not rows:
        return html.P(say("upstream_none", lang))
    as_of = day(date.fromisoformat(str(frame["as_of"].iloc[0])[:10]), lang)
    head = (say("arrive_in", lang), say("now_in", lang), say("persons_80", lang))
    return table(
        say("upstream_caption", lang, country=country_name(country, lang), day=as_of), head, rows, (2,)
    )


def downloads(run: str, country: str, lang: str) -> list[Any]:
    """Everything that can be taken away from a run."""
    query = urlencode({"run": run, "lang": lang})
    languages = [{"value": "en", "label": "English"}, {"value": "es", "label": "Español"}]
    return [
        html.H3(say("downloads_title", lang)),
        html.P(say("downloads_about", lang), className="hint"),
        html.Div(
            [
                Field(
                    id="product-lang",
                    kind="select",
                    label=say("product_lang", lang),
                    value=lang,
                    options=languages,
                ),
                html.Button(say("make_workbook", lang), id="make-workbook", n_clicks=0),
                html.Button(say("make_brief", lang), id="make-brief", n_clicks=0),
            ],
            className="row",
        ),
        html.Div(
            [
                html.A(
                    say("download_yaml", lang),
                    href=f"/scenario?{query}",
                    className="button",
                    download="",
                    id="link-yaml",
                ),
                html.A(
                    say("download_share", lang),
                    href=f"/share?{query}",
                    className="button",
                    download="",
                    id="link-share",
                ),
            ],
            className="row",
        ),
        html.P(say("share_about", lang), className="hint"),
        html.P(
            say("product_where", lang, country=country_name(country, lang) if country else ""),
            className="hint",
        ),
    ]


def _products(app: Dash, shop: Workshop, lang: str) -> None:
    @app.callback(
        Output("downloads", "children"),
        Input("opened", "data"),
        Input("country", "value"),
        prevent_initial_call=True,
    )
    def fill(opened: object, country: str) -> list[Any]:
        opened_views(shop, opened)
        return downloads(run_name(opened), country, lang)

    def product(kind: str) -> None:
        @app.callback(
            Output("jobs", "data", allow_duplicate=True),
            Output("results-message", "children", allow_duplicate=True),
            Output("started", "data", allow_duplicate=True),
            Input(f"make-{kind}", "n_clicks"),
            State("opened", "data"),
            State("country", "value"),
            State("product-lang", "value"),
            State("jobs", "data"),
            State("started", "data"),
            prevent_initial_call=True,
        )
        def make(  # noqa: PLR0913, PLR0917 - one argument for each field
            clicks: int | None, opened: object, country: str, language: str, jobs: object, started: int | None
        ) -> tuple[Any, ...]:
            if not clicks or not isinstance(opened, dict) or not opened.get("run"):
                raise PreventUpdate
            language = language if language in {"en", "es"} else lang
            try:
                job = shop.start_product(kind, run_name(opened), country if kind == "brief" else "", language)
            except TravesiaError as fault:
                return no_update, refused(fault, lang), no_update
            return [*ids(jobs), job], "", (started or 0) + 1

    for kind in ("workbook", "brief"):
        product(kind)


def supposed(row: Mapping[Any, Any], lang: str) -> str:
    """What a standard is for: its name, with the stage of the journey or the country that it holds for."""
    kind = {"in_need_rules": "stage", "coverage": "location"}.get(str(row["table"]), "")
    part = str(row["id"]).partition("/")[2]
    return f"{row['name']}, {label(kind, part, lang)}" if kind and part else str(row["name"])


def assumed(row: Mapping[Any, Any], lang: str) -> str:
    """Value of a standard with its range and unit: ``0.55 (0.5 to 0.65) kg/ration``; blank where it is a rule in words."""
    values = [float(row[name]) for name in ("middle", "low", "high")]
    if any(math.isnan(value) for value in values):
        return ""
    middle, low, high = (number(value, lang, decimals(value)) for value in values)
    return f"{middle} ({say('to', lang, low=low, high=high)}) {label('unit', row['unit'], lang)}"


def decimals(value: float) -> int:
    """Decimals that a value is written with, at most four."""
    return len(f"{value:.4f}".rstrip("0").partition(".")[2])


def _assumptions(app: Dash, shop: Workshop, lang: str) -> None:
    @app.callback(Output("assumptions", "children"), Input("opened", "data"), prevent_initial_call=True)
    def show(opened: object) -> Any:  # noqa: ANN401 - a component
        views = opened_views(shop, opened)
        if not views.has_needs(lang):
            raise PreventUpdate
        frame = views.needs(lang).assumptions
        rows = [
            (supposed(row, lang), assumed(row, lang), phrase(str(row["source"]), lang))
            for row in frame.to_dict("records")
        ]
        head = (say("assumption", lang), say("value", lang), say("source", lang))
        return table(say("assumptions_needs", lang), head, list(dict.fromkeys(rows)))
