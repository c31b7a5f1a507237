"""Tables of the commands: a frame enters, the same in the reader's words and numbers, fit for a terminal, leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from calibration.report_words import column, name_of, phrase
from sim.report.words import number

if TYPE_CHECKING:
    import pandas as pd
    from rich.table import Table

__all__ = ["in_a_table"]

_KINDS: Final = {"target": "border", "nationality": "group", "best_naive": "model"}
"""Columns whose values are names of another kind than the column is called."""
_LARGE: Final = 100.0
"""From here on a number needs no decimals."""
_DECIMALS: Final = 3


def in_a_table(frame: pd.DataFrame, lang: str, title: str = "") -> Table:
    """A table whose headings, names and numbers are those of the language.

    Parameters
    ----------
    frame : DataFrame
        Columns of names and of numbers.
    lang : str
        ``en`` or ``es``.
    title : str
        What stands above it.

    Returns
    -------
    Table
    """
    from rich.table import Table as Rows

    table = Rows(title=title or None, title_justify="left", box=None, padding=(0, 1, 0, 0), pad_edge=False)
    for name, dtype in frame.dtypes.items():
        table.add_column(column(str(name), lang), justify="right" if dtype.kind in "fiu" else "left")
    for row in frame.itertuples(index=False):
        table.add_row(
            *(_told(str(name), value, lang) for name, value in zip(frame.columns, row, strict=True))
        )
    return table


def _told(name: str, value: object, lang: str) -> str:
    """One cell."""
    if isinstance(value, bool):
        return phrase("yes" if value else "no", lang)
    if isinstance(value, float):
        return "" if value != value else number(value, lang, 0 if abs(value) >= _LARGE else _DECIMALS)  # noqa: PLR0124 - NaN
    if isinstance(value, int):
        return number(value, lang)
    return name_of(_KINDS.get(name, name), str(value), lang)
