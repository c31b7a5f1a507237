"""The table of a sensitivity study enters; a figure of what moves the crossings of each border leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from calibration.report_words import name_of, phrase
from calibration.sensitivity import DUMMY

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["sensitivity_figure"]

_ACROSS = 3
_ABOVE, _NOISE = "#0072B2", "#BBBBBB"


def sensitivity_figure(table: pd.DataFrame, method: str, lang: str = "en") -> Figure:
    """Draw effects with their 95 % intervals, one panel a border, beside the zero line of the dummy.

    Parameters
    ----------
    table : DataFrame
        border, parameter, effect, interval, above_dummy, as `calibration.sensitivity.analyse` makes it.
    method : str
        ``morris`` or ``sobol``, which says what an effect is.
    lang : str
        ``en`` or ``es``.

    Returns
    -------
    Figure
        Parameters in the order of their largest effect at any border, the same in all panels.
    """
    from matplotlib.figure import Figure as NewFigure  # noqa: PLC0415 - slow to import
    from matplotlib.ticker import MaxNLocator, PercentFormatter  # noqa: PLC0415

    order = table.groupby("parameter")["effect"].max().drop(DUMMY).sort_values().index.tolist()
    borders = table["border"].drop_duplicates().tolist()
    rows = -(-len(borders) // _ACROSS)
    figure = NewFigure(figsize=(13, rows * (0.24 * len(order) + 0.9) + 0.6), layout="constrained")
    axes = np.atleast_2d(figure.subplots(rows, _ACROSS, sharey=True, squeeze=False))
    for axis, border in zip(axes.ravel(), borders, strict=False):
        part = table[table["border"] == border].set_index("parameter")
        own = part.loc[order]
        colours = [_ABOVE if above else _NOISE for above in own["above_dummy"]]
        axis.barh(range(len(order)), own["effect"], color=colours)
        axis.errorbar(
            own["effect"],
            range(len(order)),
            xerr=own["interval"],
            fmt="none",
            ecolor="#222222",
            elinewidth=0.8,
        )
        zero = float(part.loc[DUMMY, ["effect", "interval"]].sum())
        axis.axvline(zero, color="#D55E00", ls="--", lw=1.0)
        axis.set_title(name_of("border", str(border), lang), fontsize=10)
        axis.set_yticks(range(len(order)), [name_of("parameter", name, lang) for name in order], fontsize=8)
        axis.set_xlim(left=0.0)
        axis.xaxis.set_major_locator(MaxNLocator(5))
        axis.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0, symbol=" %"))
        axis.tick_params(axis="x", labelsize=8)
    for axis in axes.ravel()[len(borders) :]:
        axis.set_axis_off()
    figure.supxlabel(
        f"{phrase(f'sensitivity_{method}', lang)}\n{phrase('sensitivity_key', lang)}", fontsize=9
    )
    return figure
