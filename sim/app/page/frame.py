"""The whole page in one language: heading, ways around it, the parts, and what the tab remembers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dash import Dash, Input, Output, State, dcc, html, no_update
from dash.exceptions import PreventUpdate

from sim.app.page import compare, country, preview, record, results, running, scenario
from sim.app.page.bits import refused
from sim.app.page.running import ids
from sim.app.page.scenario import uploaded
from sim.app.parts import Field
from sim.app.service.share import read_share
from sim.app.text import say
from sim.errors import TravesiaError

if TYPE_CHECKING:
    from sim.app.workshop import Workshop

__all__ = ["layout", "register"]

_MOST_SHARED = 10_000_000
_PARTS = ("scenario", "preview", "run", "results", "compare", "record", "share")


def layout(shop: Workshop, lang: str) -> html.Div:
    """The page."""
    other = "es" if lang == "en" else "en"
    switch = html.A(say("other_language", lang), href=f"/{other}/", lang=other, hrefLang=other, id="language")
    heading = html.Header(
        [html.H1(say("title", lang)), html.P(say("tagline", lang)), html.Div(switch, className="lang")]
    )
    ways = html.Nav(
        html.Ul([html.Li(html.A(say(f"nav_{part}", lang), href=f"#{part}-part")) for part in _PARTS]),
        **{"aria-label": say("nav", lang)},
    )
    body = html.Main(
        [
            html.P(id="record-short", className="notice"),
            html.Div([scenario.layout(shop, lang), preview.layout(shop, lang)], className="two bench"),
            running.layout(lang),
            results.layout(lang),
            compare.layout(lang),
            record.layout(lang),
            share(lang),
            assumptions(lang),
        ],
        id="main",
        tabIndex="-1",
    )
    skip = html.A(say("skip", lang), href="#main", className="skip")
    foot = html.Footer([html.P(say("footer", lang)), html.P(say("footer_not_for", lang))])
    return html.Div([skip, heading, ways, body, foot, *memory()], id="page")


def memory() -> list[Any]:
    """What a tab keeps to itself: nothing of it is shared with another tab."""
    session = [dcc.Store(id=name, storage_type="session") for name in ("draft", "jobs", "run", "comparison")]
    fleeting = [
        dcc.Store(id=name)
        for name in ("news", "poke", "opened", "opened-event", "started", "focus-sink", "tab")
    ]
    clocks = [
        dcc.Interval(id="boot", interval=30, max_intervals=1),
        dcc.Interval(id="tick", interval=1000, disabled=True),
    ]
    return [*session, *fleeting, *clocks]


def share(lang: str) -> html.Section:
    """Bring a file that somebody shared."""
    return html.Section(
        [
            html.H2(say("share_title", lang), id="share-title"),
            html.P(say("share_text", lang)),
            Field(
                id="share",
                kind="file",
                label=say("share_file", lang),
                accept=".json,.yaml,.yml",
                most=_MOST_SHARED,
            ),
            html.Div(id="share-message", className="refusal", role="alert"),
        ],
        id="share-part",
        **{"aria-labelledby": "share-title"},
    )


def assumptions(lang: str) -> html.Section:
    """What everything rests on."""
    points = [html.Li(say(f"assumption_{n}", lang)) for n in range(1, 8)]
    return html.Section(
        [
            html.H2(say("assumptions_title", lang), id="assumptions-title"),
            html.Ul(points),
            html.Details(
                [
                    html.Summary(say("assumptions_all", lang)),
                    html.Div(id="assumptions", children=say("assumptions_later", lang)),
                ]
            ),
        ],
        id="assumptions-part",
        **{"aria-labelledby": "assumptions-title"},
    )


def register(app: Dash, shop: Workshop, lang: str) -> None:
    """Callbacks of all parts."""
    app.clientside_callback(
        "function(_boot) { return String(Math.random()).slice(2) + Date.now(); }",
        Output("tab", "data"),
        Input("boot", "n_intervals"),
    )
    for part in (scenario, preview, running, results, country, compare, record):
        part.register(app, shop, lang)

    @app.callback(
        Output("jobs", "data", allow_duplicate=True),
        Output("share-message", "children"),
        Output("started", "data", allow_duplicate=True),
        Input("share", "moment"),
        State("share", "contents"),
        State("share", "filename"),
        State("share", "size"),
        State("jobs", "data"),
        State("started", "data"),
        prevent_initial_call=True,
    )
    def confirm(  # noqa: PLR0913, PLR0917 - one argument for each field
        moment: int | None,
        contents: str | None,
        filename: str,
        size: int | None,
        jobs: object,
        started: int | None,
    ) -> tuple[Any, ...]:
        if not moment:
            raise PreventUpdate
        try:
            text = uploaded(contents, size).decode("utf-8", errors="replace")
            content = read_share(text, str(filename)[:80])
        except TravesiaError as fault:
            return no_update, refused(fault, lang), no_update
        job = shop.jobs.start("confirm", {"share": content}, str(filename)[:80])
        return [*ids(jobs), job], "", (started or 0) + 1
