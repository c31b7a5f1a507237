"""Compare: two scenarios with the same luck, what differs, and which policy makes the difference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pandas as pd
from dash import Dash, Input, Output, State, ctx, html, no_update
from dash.exceptions import PreventUpdate

from sim.app import figures
from sim.app.page.bits import graph, link_csv, records, refused, table
from sim.app.page.preview import border_options, unit_of
from sim.app.page.running import ids, numbers_of, size_fields
from sim.app.page.scenario import options
from sim.app.parts import Field
from sim.app.service.comparisons import Pair, open_pair
from sim.app.text import count, month, say, share, signed
from sim.app.workshop import Draft
from sim.errors import TravesiaError
from sim.report.publication import rounded

if TYPE_CHECKING:
    from sim.app.workshop import Workshop

__all__ = ["layout", "register"]

MINE, SHIPPED = "mine", "shipped"


def layout(lang: str) -> html.Section:
    """The part of the page."""
    library = options(lang)
    mine = [
        {"value": SHIPPED, "label": say("compare_shipped", lang)},
        {"value": MINE, "label": say("compare_mine", lang)},
        *library,
    ]
    return html.Section(
        [
            html.H2(say("compare_title", lang), id="compare-title"),
            html.P(say("compare_about", lang)),
            html.Div(
                [
                    Field(
                        id="compare-base",
                        kind="select",
                        label=say("compare_base", lang),
                        value=SHIPPED,
                        options=mine,
                    ),
                    Field(
                        id="compare-other",
                        kind="select",
                        label=say("compare_other", lang),
                        value=MINE,
                        options=mine,
                    ),
                ],
                className="row",
            ),
            html.Div(size_fields(lang, "compare-"), className="row"),
            html.Button(say("compare_start", lang), id="compare-start", className="main", n_clicks=0),
            html.Div(id="compare-message", className="refusal", role="alert"),
            findings(lang),
        ],
        id="compare-part",
        **{"aria-labelledby": "compare-title"},
    )


def findings(lang: str) -> html.Div:
    """What a comparison found, empty until there is one."""
    return html.Div(
        [
            html.Div(id="compare-facts"),
            Field(id="compare-border", kind="select", label=say("border", lang), value="", options=[]),
            graph("compare-graph", say("difference_title", lang), figure=figures.empty("")),
            html.Div(id="compare-tables"),
            html.Div(id="compare-link"),
            html.H3(say("why_title", lang)),
            html.P(say("why_about", lang), className="hint"),
            html.Div(
                [
                    Field(id="why-month", kind="select", label=say("month", lang), value="", options=[]),
                    html.Button(say("why_start", lang), id="why-start", n_clicks=0),
                ],
                className="row",
            ),
            html.Div(id="why-table", role="status"),
        ],
        id="compare-body",
        hidden=True,
    )


def register(app: Dash, shop: Workshop, lang: str) -> None:
    """Callbacks of the part."""
    _start(app, shop, lang)
    _arrive(app, shop, lang)
    _draw(app, shop, lang)
    _why(app, shop, lang)


def draft_of(value: object, mine: object) -> Draft:
    """The scenario a list names: of the library, or as it stands above."""
    if value == SHIPPED:
        return Draft(Draft.of(mine).base)
    return Draft.of(mine) if value == MINE else Draft(str(value))


def _start(app: Dash, shop: Workshop, lang: str) -> None:
    @app.callback(
        Output("jobs", "data", allow_duplicate=True),
        Output("compare-message", "children"),
        Output("started", "data", allow_duplicate=True),
        Input("compare-start", "n_clicks"),
        State("compare-base", "value"),
        State("compare-other", "value"),
        State("compare-scale", "value"),
        State("compare-replicates", "value"),
        State("compare-seed", "value"),
        State("draft", "data"),
        State("jobs", "data"),
        State("started", "data"),
        prevent_initial_call=True,
    )
    def start(  # noqa: PLR0913, PLR0917 - one argument for each field
        clicks: int, base: str, other: str, scale: object, replicates: object, seed: object, mine: object,
        jobs: object, started: int | None,
    ) -> tuple[Any, ...]:  # fmt: skip
        if not clicks:
            raise PreventUpdate
        try:
            many, share, luck = numbers_of(replicates, scale, seed)
            first, second = draft_of(base, mine), draft_of(other, mine)
            job = shop.start_comparison(first, second, replicates=many, scale=share, seed=luck)
        except TravesiaError as fault:
            return no_update, refused(fault, lang), no_update
        return [*ids(jobs), job], "", (started or 0) + 1


def _arrive(app: Dash, shop: Workshop, lang: str) -> None:
    @app.callback(
        Output("comparison", "data"),
        Output("compare-body", "hidden"),
        Output("compare-facts", "children"),
        Output("compare-border", "options"),
        Output("compare-border", "value"),
        Output("why-month", "options"),
        Output("why-month", "value"),
        Input("boot", "n_intervals"),
        Input("news", "data"),
        State("comparison", "data"),
        State("compare-border", "value"),
        prevent_initial_call=True,
    )
    def arrive(_boot: int, news: object, kept: object, border: str) -> tuple[Any, ...]:
        name = str((kept or {}).get("name", "")) if isinstance(kept, dict) else ""
        if ctx.triggered_id == "news":
            job = shop.jobs.get(ids(news)[-1]) if ids(news) else None
            if job is None or job.kind != "compare" or job.state != "done":
                raise PreventUpdate
            name = str(job.result["comparison"])
        try:
            pair = open_pair(shop.runs, name)
        except TravesiaError:
            return None, True, "", [], "", [], ""
        borders = border_options(pair.base.scenario, lang)
        border = (
            border
            if border in {row["value"] for row in borders}
            else (borders[0]["value"] if borders else "")
        )
        months = [{"value": one, "label": month(one, lang)} for one in pair.months]
        m = pair.other.manifest
        told = say("compare_facts", lang, other=m["scenario"], base=pair.base.manifest["scenario"], n=m["replicates"],
                   scale=share(m["scale"], lang), seed=m["seed"])  # fmt: skip
        facts = [html.P(told, className="notice")]
        if m["replicates"] == 1:
            facts.append(html.P(say("one_draw", lang), className="notice"))
        return {"name": name}, False, facts, borders, border, months, pair.widest(border)


def pair_of(shop: Workshop, kept: object) -> Pair:
    """The comparison that is open."""
    if not isinstance(kept, dict) or not kept.get("name"):
        raise PreventUpdate
    try:
        return open_pair(shop.runs, str(kept["name"]))
    except TravesiaError as fault:
        raise PreventUpdate from fault


def _draw(app: Dash, shop: Workshop, lang: str) -> None:
    @app.callback(
        Output("compare-graph", "figure"),
        Output("compare-tables", "children"),
        Output("compare-link", "children"),
        Input("comparison", "data"),
        Input("compare-border", "value"),
        prevent_initial_call=True,
    )
    def draw(kept: object, border: str) -> tuple[Any, ...]:
        pair = pair_of(shop, kept)
        names = {row["value"]: row["label"] for row in border_options(pair.base.scenario, lang)}
        frame = pair.by_month
        part = frame[(frame["border"] == border) & frame["month"].notna()]
        unit = unit_of(pair.base.scenario, border, lang)
        drawn = figures.difference(part, lang, unit, pair.base.replicates)
        return (
            drawn,
            comparison_tables(pair, names, lang),
            link_csv(lang, "/data/difference?" + urlencode({"comparison": pair.path.name, "lang": lang})),
        )


def comparison_tables(pair: Pair, names: dict[str, str], lang: str) -> list[Any]:
    """Differences over the window, and whose journey changed."""
    whole = pair.differences
    of_borders = whole["border"] != ""  # the others are by country
    whole = whole[of_borders & (whole["period"] == "ALL") & (whole["nationality"] == "ALL")]

    def number(value: float) -> str:
        return signed(rounded(abs(value)) * (1 if value > 0 else -1), lang)

    rows = [
        (
            names.get(row["border"], row["border"]),
            count(rounded(row["base_median"]), lang),
            f"{number(row['median'])} ({say('to', lang, low=number(row['lo90']), high=number(row['hi90']))})",
        )
        for row in whole.to_dict("records")
    ]
    head = (say("border", lang), say("compare_base_short", lang), say("difference_90", lang))
    made = [table(say("difference_window", lang), head, rows, (1, 2))]
    if len(pair.people):
        grouped = pair.people.groupby("change")["persons"].sum().sort_values(ascending=False)
        changed = [
            (say(f"change_{name}", lang), count(rounded(float(n)), lang)) for name, n in grouped.items()
        ]
        made.append(
            table(
                say("people_changed", lang), (say("what_changed", lang), say("persons", lang)), changed, (1,)
            )
        )
    return made


def _why(app: Dash, shop: Workshop, lang: str) -> None:
    @app.callback(
        Output("jobs", "data", allow_duplicate=True),
        Output("why-table", "children"),
        Input("why-start", "n_clicks"),
        State("comparison", "data"),
        State("compare-border", "value"),
        State("why-month", "value"),
        State("jobs", "data"),
        prevent_initial_call=True,
    )
    def start(clicks: int, kept: object, border: str, when: str, jobs: object) -> tuple[Any, Any]:
        if not clicks:
            raise PreventUpdate
        pair = pair_of(shop, kept)
        job = shop.jobs.start("explain", pair.explain_payload(border, when), f"{border} {month(when, lang)}")
        return [*ids(jobs), job], say("working", lang)

    @app.callback(
        Output("why-table", "children", allow_duplicate=True),
        Input("news", "data"),
        prevent_initial_call=True,
    )
    def show(news: object) -> Any:  # noqa: ANN401 - a component
        job = shop.jobs.get(ids(news)[-1]) if ids(news) else None
        if job is None or job.kind != "explain":
            raise PreventUpdate
        if job.state != "done":
            told = refused(job.fault, lang) if job.fault else say(f"state_{job.state}", lang)
            return html.Div(told, className="refusal")
        frame = pd.DataFrame(job.result["parts"], columns=["step", "policy", "change", "persons"])
        titles = job.payload.get("titles", {})
        rows = [
            (
                titles.get(str(row.policy), {}).get(lang) or str(row.policy) or "–",
                say(f"step_{str(row.change).replace(' ', '_')}", lang),
                signed(float(round(row.persons)), lang),
            )
            for row in records(frame)
        ]
        rows.append((say("in_all", lang), "", signed(float(round(frame["persons"].sum())), lang)))
        caption = say("why_caption", lang, month=month(str(job.result["month"]), lang))
        head = (say("policy", lang), say("what_changed", lang), say("persons", lang))
        return [table(caption, head, rows, (2,)), html.P(say("why_note", lang), className="hint")]
