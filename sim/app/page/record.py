"""The model's own track record: forecasts of the past against what happened, better or worse than simple rules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dash import Dash, Input, Output, html

from sim.app.page.bits import records, table
from sim.app.page.preview import border_options
from sim.app.text import month, say
from sim.app.workshop import DEFAULT
from sim.report.words import number

if TYPE_CHECKING:
    import pandas as pd

    from sim.app.workshop import Workshop

__all__ = ["layout", "register"]


def layout(lang: str) -> html.Section:
    """The part of the page."""
    return html.Section(
        [
            html.H2(say("record_title", lang), id="record-title"),
            html.P(say("record_about", lang)),
            html.Div(id="record-table", children=html.P(say("working", lang))),
        ],
        id="record-part",
        **{"aria-labelledby": "record-title"},
    )


def register(app: Dash, shop: Workshop, lang: str) -> None:
    """Callbacks of the part."""

    @app.callback(
        Output("record-table", "children"),
        Output("record-short", "children"),
        Input("boot", "n_intervals"),
        prevent_initial_call=True,
    )
    def show(_boot: int) -> tuple[Any, Any]:
        record = shop.record()
        if record.empty:
            none = html.P(say("record_none", lang))
            return none, say("record_none", lang)
        names = {row["value"]: row["label"] for row in border_options(shop.shelf.load(DEFAULT), lang)}
        return record_table(record, names, lang), short(record, lang)


def short(record: pd.DataFrame, lang: str) -> list[Any]:
    """One sentence for the top of the page."""
    weights = record["forecasts"]
    inside = float((record["inside90"] * weights).sum() / weights.sum())
    better = int((record["relative_to_naive"] < 1).sum())
    text = say(
        "record_short",
        lang,
        n=int(weights.sum()),
        inside=percent(inside, lang),
        better=better,
        of=len(record),
    )
    return [text, " ", html.A(say("record_link", lang), href="#record-part")]


def percent(share: float, lang: str) -> str:
    """A share in per cent."""
    return f"{number(100 * share, lang)}\u00a0%"


def record_table(record: pd.DataFrame, names: dict[str, str], lang: str) -> list[Any]:
    """Every border and horizon."""
    rows = []
    for row in records(record):
        ratio = float(row.relative_to_naive)
        worse = say("worse" if ratio > 1.0 else "better", lang)
        rows.append(
            (
                names.get(str(row.border), str(row.border)),
                str(row.months_ahead),
                str(row.forecasts),
                percent(float(row.inside50), lang),
                percent(float(row.inside90), lang),
                percent(float(row.error), lang),
                f"{number(ratio, lang, 2)} {worse}",
            )
        )
    head = tuple(
        say(key, lang)
        for key in (
            "border",
            "months_ahead",
            "forecasts",
            "inside50",
            "inside90",
            "median_error",
            "against_naive",
        )
    )
    first, last = month(str(record["from"].min()), lang), month(str(record["to"].max()), lang)
    return [
        table(say("record_caption", lang, first=first, last=last), head, rows, (1, 2, 3, 4, 5, 6)),
        html.P(say("record_note", lang), className="hint"),
    ]
