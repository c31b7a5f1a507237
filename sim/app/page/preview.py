"""The preview: a moved slider is answered by the expected engine, with its measured error and a button for the full run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dash import Dash, Input, Output, State, html, no_update
from dash.exceptions import PreventUpdate

from sim.app import figures
from sim.app.page.bits import graph, records, refused, table
from sim.app.parts import Field
from sim.app.service.preview import error_at
from sim.app.text import count, say, signed
from sim.app.workshop import DEFAULT, Draft
from sim.errors import TravesiaError
from sim.report.publication import is_published, rounded
from sim.report.words import number, phrase

if TYPE_CHECKING:
    from sim.app.service.preview import Seen
    from sim.app.workshop import Workshop
    from sim.spec import Scenario

__all__ = ["border_options", "layout", "register", "unit_of"]


SMALLEST_PER_CENT = 0.1
"""Below it a difference is said to be smaller than it."""


def border_options(scenario: Scenario, lang: str) -> list[dict[str, str]]:
    """Borders of a world, by name."""
    named = {b.id: getattr(b, f"name_{lang}") or b.id for b in scenario.world.borders}
    return [{"value": key, "label": name} for key, name in named.items()]


def unit_of(scenario: Scenario, border: str, lang: str) -> str:
    """Unit of a border's counts."""
    kind = next((b.count_kind for b in scenario.world.borders if b.id == border), "persons")
    return phrase("encounters_per_month" if kind == "encounters" else "persons_per_month", lang)


def layout(shop: Workshop, lang: str) -> html.Section:
    """The part of the page."""
    base = shop.shelf.load(DEFAULT)
    groups = [{"value": "ALL", "label": phrase("all", lang)}]
    groups += [{"value": g.id, "label": getattr(g, f"name_{lang}") or g.id} for g in base.world.groups]
    return html.Section(
        [
            html.H2(
                [say("preview_title", lang), " ", html.Span(say("preview_tag", lang), className="tag")],
                id="preview-title",
            ),
            html.P(say("preview_about", lang)),
            html.Div(
                [
                    Field(
                        id="preview-border",
                        kind="select",
                        label=say("border", lang),
                        value="darien",
                        options=border_options(base, lang),
                    ),
                    Field(
                        id="preview-group",
                        kind="select",
                        label=say("nationality", lang),
                        value="ALL",
                        options=groups,
                    ),
                ],
                className="row",
            ),
            html.Div(id="preview-message", className="refusal", role="alert"),
            graph("preview-graph", say("preview_figure", lang), figure=figures.empty(say("working", lang))),
            html.P(id="preview-error", className="notice"),
            html.Button(say("confirm_run", lang), id="confirm", className="main", n_clicks=0),
            html.Div(id="preview-numbers"),
        ],
        id="preview-part",
        className="stay",
        **{"aria-labelledby": "preview-title"},
    )


def register(app: Dash, shop: Workshop, lang: str) -> None:
    """Callbacks of the part."""

    @app.callback(
        Output("preview-graph", "figure"),
        Output("preview-numbers", "children"),
        Output("preview-error", "children"),
        Output("preview-message", "children"),
        Output("preview-border", "options"),
        Output("preview-border", "value"),
        Input("draft", "data"),
        Input("preview-border", "value"),
        Input("preview-group", "value"),
        State("tab", "data"),
        prevent_initial_call=True,
    )
    def answer(data: object, border: str, group: str, tab: str | None) -> tuple[Any, ...]:
        draft = Draft.of(data)
        try:
            base = shop.base(draft)
            seen = shop.look(draft, tab or "")
        except TravesiaError as fault:
            return (no_update, no_update, no_update, refused(fault, lang), no_update, no_update)
        if seen is None:  # a newer move of this tab is on its way
            raise PreventUpdate
        known = border_options(base, lang)
        if not known:
            return figures.empty(say("no_borders", lang)), "", "", "", known, no_update
        shown = border if border in seen.now.borders else seen.now.borders[0]
        group = group if group in seen.now.groups else "ALL"
        unit = unit_of(base, shown, lang)
        drawn = figures.preview(seen.crossings(shown, group), lang, unit, error_at(shown).most)
        told = error_words(draft, seen, shown, lang)
        return drawn, numbers(seen, known, group, lang), told, "", known, shown


def numbers(seen: Seen, borders: list[dict[str, str]], group: str, lang: str) -> list[Any]:
    """Crossings over the window and people present, before and now."""
    names = {row["value"]: row["label"] for row in borders}

    def cell(value: float, border: str) -> Any:  # noqa: ANN401 - what a cell takes
        if small(value):
            return say("hidden", lang)
        share = error_at(border).most / 100.0
        low, high = rounded(value * (1.0 - share)), rounded(value * (1.0 + share))
        told = f"({count(low, lang)}–{count(high, lang)})"
        return [count(rounded(value), lang), html.Br(), html.Span(told, className="source")]

    rows = [
        (
            names.get(str(row.border), row.border),
            cell(row.base, str(row.border)),
            cell(row.now, str(row.border)),
            "–" if small(row.base) or small(row.now) else change(row.difference, row.base, lang),
        )
        for row in records(seen.totals(group))
    ]
    head = (
        say("border", lang),
        say("preview_base", lang),
        say("preview_now", lang),
        say("difference", lang),
    )
    note = html.P(say("preview_ranges", lang), className="hint")
    return [table(say("preview_totals", lang), head, rows, (1, 2, 3)), note]


def small(value: float) -> bool:
    """Whether a count is too small to be shown (see `sim.needs.safeguard`)."""
    return value > 0.0 and not is_published(value)


def change(difference: float, base: float, lang: str) -> str:
    """A difference in persons and per cent."""
    if abs(difference) < 0.5:  # noqa: PLR2004 - less than half a person is none
        return "0"
    text = signed(rounded(abs(difference)) * (1 if difference > 0 else -1), lang)
    if base <= 0:
        return text
    per_cent = 100.0 * abs(difference) / base
    sign = "+" if difference > 0 else "−"
    shown = number(per_cent, lang, 1 if per_cent < 10 else 0)  # noqa: PLR2004 - one decimal for small shares
    told = f"{sign}{shown}" if per_cent >= SMALLEST_PER_CENT else f"<{number(SMALLEST_PER_CENT, lang, 1)}"
    return f"{text} ({told}\u00a0%)"


def error_words(draft: Draft, seen: Seen, border: str, lang: str) -> str:
    """What the preview is worth, as measured."""
    error = error_at(border)
    usual, most = number(error.median, lang, 1), number(error.most, lang, 1)
    told = say("preview_error", lang, scenarios=error.scenarios, usual=usual, most=most)
    exact = say("preview_exact" if seen.now.exact else "preview_approximate", lang)
    took = say("preview_seconds", lang, ms=f"{1000 * seen.seconds:.0f}") if draft.changes else ""
    return f"{told} {exact} {took}".strip()
