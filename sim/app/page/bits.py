"""Small pieces that several parts of the page use: tables, refusals, figures with a table beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dash import dcc, html

from sim.app.figures import CONFIG, HEIGHTS
from sim.app.text import say
from sim.messages import told

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd
    from dash.development.base_component import Component

    from sim.errors import TravesiaError

__all__ = ["graph", "link_csv", "records", "refused", "table"]

type Cell = str | Component


def table(
    caption: str, head: Sequence[str], rows: Sequence[Sequence[Any]], numbers: Sequence[int] = ()
) -> html.Div:
    """A table that scrolls by itself where it is too wide; row heads are headers.

    Parameters
    ----------
    caption : str
    head : sequence of str
    rows : sequence of sequences
    numbers : sequence of int
        Columns that are set to the right.
    """

    def style(column: int) -> dict[str, str]:
        return {"className": "n"} if column in numbers else {}

    body = [
        html.Tr(
            [
                html.Th(cell, scope="row", **style(c)) if c == 0 else html.Td(cell, **style(c))
                for c, cell in enumerate(row)
            ]
        )
        for row in rows
    ]
    made = html.Table(
        [
            html.Caption(caption),
            html.Thead(html.Tr([html.Th(name, scope="col", **style(c)) for c, name in enumerate(head)])),
            html.Tbody(body),
        ]
    )
    return html.Div(made, className="wide", tabIndex="0", role="region", **{"aria-label": caption})


def graph(name: str, label: str, **more: Any) -> html.Figure:  # noqa: ANN401 - what Dash takes
    """A figure with a name for those who cannot see it; its table stands beside it.

    Parameters
    ----------
    name : str
        Id of the graph.
    label : str
    """
    return html.Figure(
        [dcc.Graph(id=name, config=dict(CONFIG), style={"height": f"min({HEIGHTS[name]}px, 115vw)"}, **more)],
        role="group",
        id=f"{name}-figure",
        **{"aria-label": label},
    )


def refused(fault: TravesiaError, lang: str) -> str:
    """A refusal in the words of the command line, in the language of the page."""
    return told(fault, lang)


def link_csv(lang: str, address: str) -> html.A:
    """A link to the numbers of a figure."""
    return html.A(say("download_csv", lang), href=address, className="button", download="")


def records(frame: pd.DataFrame) -> Iterator[Any]:
    """Rows of a table by the names of its columns."""
    return iter(frame.itertuples(index=False))
