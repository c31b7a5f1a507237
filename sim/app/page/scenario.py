"""The scenario: choose one, see its policies on a timeline, and change them."""

from __future__ import annotations

import base64
import binascii
from datetime import date
from functools import cache
from typing import TYPE_CHECKING, Any

from dash import ALL, Dash, Input, Output, State, ctx, dcc, html, no_update
from dash.exceptions import PreventUpdate

from sim.app.page.bits import refused
from sim.app.parts import Field
from sim.app.service.policies import Control, Event, Switch, controls_of, events_of
from sim.app.service.scenarios import MOST_UPLOADED, Changes, is_upload, yaml_text
from sim.app.text import day, say
from sim.app.workshop import DEFAULT, Draft
from sim.errors import TravesiaError
from sim.spec import Scenario, library_entries

if TYPE_CHECKING:
    from sim.app.workshop import Workshop
    from sim.spec.library import Entry

__all__ = ["layout", "options", "register"]


@cache
def library() -> tuple[Entry, ...]:
    """Scenarios of the library, read once."""
    return tuple(library_entries())


def options(lang: str, more: str = "") -> list[dict[str, Any]]:
    """Scenarios of the library by shelf, and an upload if there is one."""
    shelves: dict[str, list[dict[str, str]]] = {}
    for entry in library():
        shelf = entry.name.partition("/")[0]
        row = {"value": entry.name, "label": entry.title.in_language(lang) or entry.name}
        shelves.setdefault(shelf, []).append(row)
    made: list[dict[str, Any]] = [
        {"label": say(f"shelf_{shelf}", lang), "options": rows} for shelf, rows in shelves.items()
    ]
    if is_upload(more):
        row = {"value": more, "label": more.rpartition("/")[2]}
        made.append({"label": say("shelf_uploads", lang), "options": [row]})
    return made


def layout(shop: Workshop, lang: str) -> html.Section:
    """The part of the page, already filled with the default scenario."""
    first = shop.shelf.load(DEFAULT)
    rows = event_rows(events_of(first, lang), {}, lang)
    return html.Section(
        [
            html.H2(say("scenario_title", lang), id="scenario-title"),
            Field(
                id="base",
                kind="select",
                label=say("scenario_choose", lang),
                value=DEFAULT,
                options=options(lang),
            ),
            html.Div(id="base-about", children=about(first, lang)),
            html.Details(
                [
                    html.Summary(say("scenario_upload", lang)),
                    Field(
                        id="upload",
                        kind="file",
                        label=say("scenario_file", lang),
                        hint=say("scenario_file_hint", lang, most=MOST_UPLOADED // 1_000_000),
                        accept=".yaml,.yml",
                        most=MOST_UPLOADED,
                    ),
                ]
            ),
            html.Div(id="upload-message", className="refusal", role="alert"),
            html.H3(say("policies_title", lang)),
            html.P(say("policies_about", lang), className="hint"),
            html.Div(
                html.Ul(rows, id="events", className="events"),
                className="scroll",
                tabIndex="0",
                role="region",
                **{"aria-label": say("policies_title", lang)},
            ),
            html.Div(
                [
                    html.Button(say("reset", lang), id="reset", n_clicks=0),
                    html.Button(say("download_yaml", lang), id="yaml", n_clicks=0),
                    dcc.Download(id="yaml-file"),
                ],
                className="row",
            ),
            html.P(id="changed", role="status", className="hint"),
            html.Div(id="panel", className="box", children=html.P(say("panel_empty", lang))),
            html.Div(id="scenario-message", className="refusal", role="alert"),
        ],
        id="scenario-part",
        **{"aria-labelledby": "scenario-title"},
    )


def about(scenario: Scenario, lang: str) -> list[Any]:
    """What a scenario is, in its own words."""
    text = scenario.description.in_language(lang)
    window = scenario.window
    facts = say(
        "scenario_window",
        lang,
        start=day(window.start, lang),
        end=day(window.end, lang),
        n=len(scenario.policies),
    )
    return [html.P(text) if text else None, html.P(facts, className="hint")]


def event_rows(events: list[Event], changes: Changes, lang: str) -> list[html.Li]:
    """The timeline: a switch, a bar and a button for each event."""
    if not events:
        return [html.Li(say("no_policies", lang))]
    rows = []
    for event in events:
        off = all(changes.get(policy, {}).get("off") for policy in event.policies)
        touched = any(policy in changes for policy in event.policies)
        style = {"left": f"{event.left}%", "width": f"{event.width}%"}
        words = "from_to" if event.end else "from_on"
        told = say(words, lang, start=day(event.start, lang), end=day(event.end, lang))
        rows.append(
            html.Li(
                [
                    Field(
                        id={"type": "on", "event": event.id},
                        kind="checkbox",
                        quiet=True,
                        value=not off,
                        label=say("in_force", lang, title=event.title),
                    ),
                    html.Div(
                        [
                            html.Span(event.title, className="name"),
                            html.Div(html.Span(style=style), className="track", **{"aria-hidden": "true"}),
                            html.Span(told, className="when"),
                        ],
                        className="about",
                    ),
                    html.Button(
                        say("change", lang),
                        id={"type": "open", "event": event.id},
                        n_clicks=0,
                        **{"aria-label": f"{say('change', lang)}: {event.title}"},
                    ),
                ],
                id={"type": "row", "event": event.id},
                className=" ".join(filter(None, ("off" if off else "", "touched" if touched else ""))),
            )
        )
    return rows


def panel(event: Event | None, scenario: Scenario, changes: Changes, lang: str) -> list[Any]:
    """Everything that can be changed on an event's policies."""
    if event is None:
        return [html.P(say("panel_empty", lang))]
    told = [
        html.H3(event.title, id="panel-title", tabIndex="-1"),
        html.P(event.summary) if event.summary else None,
    ]
    if event.effect:
        told.append(
            html.P(
                [html.Strong(say("documented", lang)), " ", event.effect],
                className="source",
            )
        )
    boxes = [
        policy_box(controls_of(scenario.policy(name), scenario, lang), changes.get(name, {}), lang)
        for name in event.policies
    ]
    sources = html.Details(
        [
            html.Summary(say("sources", lang)),
            html.Ul([html.Li(source) for source in event.sources]),
        ]
    )
    return [*told, *boxes, sources if event.sources else None]


def policy_box(switch: Switch, change: dict[str, Any], lang: str) -> html.Fieldset:
    """Switch, dates and sliders of one policy."""
    name = switch.policy
    start = change.get("start", switch.start.isoformat())
    end = change.get("end", switch.end.isoformat() if switch.end else "")
    return html.Fieldset(
        [
            html.Legend(html.Strong(switch.name)),
            html.P(
                switch.sentence + (f" {say('acts_in', lang, where=switch.places)}" if switch.places else ""),
                className="hint",
            ),
            Field(
                id={"type": "keep", "policy": name},
                kind="checkbox",
                label=say("policy_on", lang),
                value=not change.get("off"),
            ),
            *(slider(name, control, change, lang) for control in switch.controls),
            html.Div(
                [
                    Field(
                        id={"type": "set", "policy": name, "key": "start"},
                        kind="date",
                        label=say("starts", lang),
                        value=start,
                    ),
                    Field(
                        id={"type": "set", "policy": name, "key": "end"},
                        kind="date",
                        label=say("ends", lang),
                        value=end,
                        hint=say("ends_hint", lang),
                    ),
                ],
                className="row",
            ),
            html.P(switch.note, className="hint") if switch.note else None,
            html.P([say("size_from", lang), " ", switch.source], className="source")
            if switch.source
            else html.P(say("size_assumed", lang), className="source"),
        ]
    )


def slider(policy: str, control: Control, change: dict[str, Any], lang: str) -> Field:
    """A slider for one number."""
    return Field(
        id={"type": "set", "policy": policy, "key": control.key},
        kind="range",
        label=control.label,
        value=change.get(control.key, control.value),
        min=control.low,
        max=control.high,
        step=control.step,
        hint=control.sentence,
        unit=control.unit,
        percent=control.kind == "share",
        lang=lang,
    )


def read_controls(
    scenario: Scenario, changes: Changes, sets: list[dict[str, Any]], keeps: list[dict[str, Any]]
) -> Changes:
    """Changes after what the panel shows: only values that differ from the base are kept."""
    made = {name: dict(change) for name, change in changes.items()}
    for item in sets:
        name, key = item["id"]["policy"], item["id"]["key"]
        policy = next((p for p in scenario.policies if p.id == name), None)
        if policy is None:
            continue
        base, value = getattr(policy, key), item.get("value")
        if key in {"start", "end"}:
            base = base.isoformat() if isinstance(base, date) else ""
            value = value or ""
            if key == "start" and not value:
                value = base
        elif value is None:
            value = base
        if value == base:
            made.get(name, {}).pop(key, None)
        else:
            made.setdefault(name, {})[key] = value
    for item in keeps:
        name = item["id"]["policy"]
        if item.get("value"):
            made.get(name, {}).pop("off", None)
        else:
            made.setdefault(name, {})["off"] = True
    return {name: change for name, change in made.items() if change}


def register(app: Dash, shop: Workshop, lang: str) -> None:
    """Callbacks of the part."""
    _choose(app, shop, lang)
    _open(app, shop, lang)
    _change(app, shop, lang)
    _download(app, shop, lang)


def _choose(app: Dash, shop: Workshop, lang: str) -> None:
    @app.callback(
        Output("base", "options"),
        Output("base", "value"),
        Output("base-about", "children"),
        Output("events", "children"),
        Output("panel", "children"),
        Output("upload-message", "children"),
        Output("draft", "data"),
        Input("boot", "n_intervals"),
        Input("base", "value"),
        Input("reset", "n_clicks"),
        Input("upload", "moment"),
        State("draft", "data"),
        State("upload", "contents"),
        State("upload", "filename"),
        State("upload", "size"),
    )
    def choose(  # noqa: PLR0913, PLR0917 - one argument for each input
        boot: int | None, base: str, _reset: int, _moment: int | None, data: object,
        contents: str | None, filename: str | None, size: int | None,
    ) -> tuple[Any, ...]:  # fmt: skip
        draft, message = Draft.of(data), ""
        if not boot:
            raise PreventUpdate
        try:
            if ctx.triggered_id == "upload":
                draft = Draft(shop.shelf.keep(str(filename), uploaded(contents, size)))
            elif ctx.triggered_id == "reset":
                draft = Draft(draft.base)
            elif ctx.triggered_id == "base":
                if base == draft.base:
                    raise PreventUpdate
                draft = Draft(base)
            if ctx.triggered_id == "boot" and draft == Draft():  # the page came with it
                return (no_update,) * 6 + (draft.data(),)
            scenario = shop.base(draft)
        except TravesiaError as fault:
            message = refused(fault, lang)
            if ctx.triggered_id == "upload":
                return (no_update,) * 5 + (message, no_update)
            draft = Draft()
            scenario = shop.base(draft)
        rows = event_rows(events_of(scenario, lang), draft.changes, lang)
        blank = panel(None, scenario, draft.changes, lang)
        return (
            options(lang, draft.base),
            draft.base,
            about(scenario, lang),
            rows,
            blank,
            message,
            draft.data(),
        )


def uploaded(contents: str | None, size: int | None) -> bytes:
    """Bytes of an uploaded file; one that is too large is cut off before it gets here."""
    if contents is None:
        return b"\0" * (MOST_UPLOADED + 1) if (size or 0) > MOST_UPLOADED else b""
    try:
        return base64.b64decode(contents, validate=True)
    except (binascii.Error, ValueError):
        return b""


def _open(app: Dash, shop: Workshop, lang: str) -> None:
    @app.callback(
        Output("panel", "children", allow_duplicate=True),
        Output("opened-event", "data"),
        Input({"type": "open", "event": ALL}, "n_clicks"),
        State("draft", "data"),
        prevent_initial_call=True,
    )
    def show(clicks: list[int], data: object) -> tuple[Any, Any]:
        found = ctx.triggered_id
        if not any(clicks) or not isinstance(found, dict):
            raise PreventUpdate
        draft = Draft.of(data)
        scenario = shop.base(draft)
        event = next((e for e in events_of(scenario, lang) if e.id == found["event"]), None)
        return panel(event, scenario, draft.changes, lang), {"event": found["event"], "n": sum(clicks)}

    app.clientside_callback(
        "function(signal) { return window.dash_clientside.travesia.focus(signal, 'panel-title'); }",
        Output("focus-sink", "data"),
        Input("opened-event", "data"),
        prevent_initial_call=True,
    )


def _change(app: Dash, shop: Workshop, lang: str) -> None:
    @app.callback(
        Output("draft", "data", allow_duplicate=True),
        Output({"type": "on", "event": ALL}, "value"),
        Output({"type": "row", "event": ALL}, "className"),
        Output({"type": "keep", "policy": ALL}, "value"),
        Input({"type": "on", "event": ALL}, "value"),
        Input({"type": "set", "policy": ALL, "key": ALL}, "value"),
        Input({"type": "keep", "policy": ALL}, "value"),
        State("draft", "data"),
        prevent_initial_call=True,
    )
    def change(_on: list[bool], _sets: list[Any], _keeps: list[bool], data: object) -> tuple[Any, ...]:
        draft = Draft.of(data)
        scenario = shop.base(draft)
        events = {event.id: event for event in events_of(scenario, lang)}
        switches, sets, keeps = (list(group) for group in ctx.inputs_list)
        changes = draft.changes
        found = ctx.triggered_id
        if isinstance(found, dict) and found.get("type") == "on":
            on = next(item.get("value") for item in switches if item["id"] == found)
            for name in events[found["event"]].policies:
                entry = dict(changes.get(name, {}))
                if on:
                    entry.pop("off", None)
                else:
                    entry["off"] = True
                changes = {**changes, name: entry}
            changes = {name: entry for name, entry in changes.items() if entry}
        else:
            changes = read_controls(scenario, changes, sets, keeps)
        off = {name for name, entry in changes.items() if entry.get("off")}
        rows = [events[item["id"]["event"]] for item in switches if item["id"]["event"] in events]
        marks = [mark(event, off, changes) for event in rows]
        data_out = no_update if changes == draft.changes else Draft(draft.base, changes).data()
        return (
            data_out,
            [not all(name in off for name in event.policies) for event in rows],
            marks,
            [item["id"]["policy"] not in off for item in keeps],
        )

    @app.callback(Output("changed", "children"), Input("draft", "data"))
    def tell(data: object) -> str:
        n = len(Draft.of(data).changes)
        return say("changed_none" if n == 0 else "changed_one" if n == 1 else "changed_many", lang, n=n)


def mark(event: Event, off: set[str], changes: Changes) -> str:
    """How a row of the timeline looks."""
    gone = all(name in off for name in event.policies)
    touched = any(name in changes for name in event.policies)
    return " ".join(filter(None, ("off" if gone else "", "touched" if touched else "")))


def _download(app: Dash, shop: Workshop, lang: str) -> None:
    @app.callback(
        Output("yaml-file", "data"),
        Output("scenario-message", "children"),
        Input("yaml", "n_clicks"),
        State("draft", "data"),
        prevent_initial_call=True,
    )
    def download(_clicks: int, data: object) -> tuple[Any, str]:
        try:
            content = shop.file(Draft.of(data))
        except TravesiaError as fault:
            return no_update, refused(fault, lang)
        return {"content": yaml_text(content), "filename": f"{content['name'].rpartition('/')[2]}.yaml"}, ""
