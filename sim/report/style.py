"""How figures look: colours that colour-blind eyes and a grey printer can tell apart, and the file writer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from io import BytesIO
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Final

import matplotlib as mpl
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.dates import AutoDateLocator, DateFormatter
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from sim.errors import DataError, Problem
from sim.report.frame import RunLike, footer, provenance
from sim.report.words import MONTHS, number, phrase

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

__all__ = [
    "COLOURS",
    "GREY",
    "HATCHES",
    "INK",
    "LINES",
    "count_axis",
    "empty",
    "month_axis",
    "new_figure",
    "save",
    "short_count",
    "stamp",
    "stamps",
]

#: Okabe and Ito (2008), darkest contrast first; with HATCHES and LINES also told apart in black and white.
COLOURS: Final = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#56B4E9", "#CC79A7", "#F0E442", "#666666")
HATCHES: Final = ("", "//", "..", "\\\\", "xx", "--", "oo", "++")
LINES: Final = ("-", "--", ":", "-.")
INK: Final = "#222222"
GREY: Final = "#8A8A8A"
EPOCH: Final = pd.Timestamp("1970-01-01")
THOUSAND, MILLION, TWO_FIGURES, LONG_WINDOW_DAYS = 1_000, 1_000_000, 10, 900
#: Light ends of a 50 and 90 % band.
BANDS: Final = ("#8FC1E3", "#D3E6F4")


class Picture(Figure):
    """A figure that a notebook shows as the last line of a cell, whatever backend it has."""

    def _repr_png_(self) -> bytes:
        """The figure as a notebook asks for it."""
        content = BytesIO()
        self.savefig(content, format="png", dpi=110)
        return content.getvalue()


def new_figure(run: RunLike, lang: str, title: str, size: tuple[float, float]) -> Figure:
    """An empty figure with title and provenance line, ready for the object interface.

    Parameters
    ----------
    run : RunLike
        The run the figure shows.
    lang : str
        ``en`` or ``es``.
    title : str
        Headline.
    size : tuple of float
        Width and height in inches.
    """
    figure = Picture(figsize=size, layout="constrained")
    FigureCanvasAgg(figure)
    lines = wrap(footer(run, lang), max(30, int(size[0] * 15.5)))
    strip = footer_strip(figure, len(lines))
    figure.get_layout_engine().set(rect=(0.0, strip, 1.0, 1.0 - strip))  # type: ignore[union-attr, call-arg]
    headline = "\n".join(wrap(title, max(20, int(size[0] * 8.6))))
    figure.suptitle(headline, x=0.1 / size[0], ha="left", fontsize=13, fontweight="bold", color=INK)
    figure.text(
        0.1 / size[0], 0.06 / size[1], "\n".join(lines), ha="left", va="bottom", fontsize=7.5, color="#555555"
    )
    return figure


def footer_strip(figure: Figure, lines: int = 1) -> float:
    """Share of the height that the provenance line takes."""
    return float((0.1 + 0.15 * lines) / figure.get_size_inches()[1])


def empty(run: RunLike, lang: str, title: str, sentence: str) -> Figure:
    """A figure that says in one sentence why it has nothing to show."""
    figure = new_figure(run, lang, title, (7.0, 2.2))
    axes = figure.subplots()
    axes.set_axis_off()
    axes.text(
        0.5, 0.5, sentence, ha="center", va="center", fontsize=11, color="#555555", transform=axes.transAxes
    )
    return figure


def stamps(months: pd.Series[pd.Timestamp]) -> list[float]:
    """Months as matplotlib dates."""
    return [stamp(month) for month in pd.to_datetime(months)]


def stamp(day: pd.Timestamp) -> float:
    """A day as matplotlib counts them, since 1970."""
    return (day - EPOCH) / pd.Timedelta(days=1)


def short_count(value: float, lang: str) -> str:
    """A count short enough for an axis: ``85k``, ``85 mil``, ``1.2k``."""
    if abs(value) >= MILLION - 500:
        millions = round(value / MILLION, 2 if abs(value) < 10 * MILLION else 1)
        digits = next(digits for digits in (0, 1, 2) if round(millions, digits) == millions)
        return number(millions, lang, digits) + phrase("million", lang)
    if abs(value) < THOUSAND:
        return number(value, lang, 0 if float(value).is_integer() else 1)
    scaled = value / THOUSAND
    digits = 0 if abs(scaled) >= TWO_FIGURES or float(round(scaled, 1)).is_integer() else 1
    return number(scaled, lang, digits) + phrase("thousand", lang)


def count_axis(axis: Axis, lang: str, bins: int = 5) -> None:
    """Ticks of a count axis in short form, as the language writes numbers."""
    axis.set_major_locator(MaxNLocator(bins))
    axis.set_major_formatter(FuncFormatter(lambda value, _: short_count(value, lang)))


def month_axis(axes: Axes, lang: str) -> None:
    """Ticks of a time axis: years, or months where the window is short."""
    locator = AutoDateLocator(minticks=3, maxticks=6)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    low, high = axes.get_xlim()
    if high - low > LONG_WINDOW_DAYS:
        axes.xaxis.set_major_formatter(DateFormatter("%Y"))  # type: ignore[no-untyped-call]
        return

    def write(value: float, _: int | None) -> str:
        day = datetime.fromordinal(datetime(1970, 1, 1).toordinal() + int(value))
        return f"{MONTHS[lang][day.month - 1][:3]}\n{day.year}"

    axes.xaxis.set_major_formatter(FuncFormatter(write))


def plain(axes: Axes) -> None:
    """Take away what carries no information."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(GREY)
    axes.tick_params(colors=INK, labelsize=8, length=3)
    axes.grid(axis="y", color="#E3E3E3", linewidth=0.6)
    axes.set_axisbelow(True)


def legend_below(figure: Figure, handles: Sequence[Artist], columns: int) -> None:
    """One legend for the whole figure, in a strip of its own between the panels and the provenance line."""
    width, height = figure.get_size_inches()
    across = max(1, min(columns, int(width / 1.75), len(handles)))
    rows = -(-len(handles) // across)
    strip = footer_strip(figure, figure.texts[0].get_text().count("\n") + 1)
    top = strip + (0.16 + 0.18 * rows) / height
    figure.get_layout_engine().set(rect=(0.0, top, 1.0, 1.0 - top))  # type: ignore[union-attr, call-arg]
    figure.legend(
        handles=list(handles),
        loc="lower right",
        bbox_to_anchor=(1.0, strip + 0.02 / height),
        borderaxespad=0.1,
        ncols=across,
        frameon=False,
        fontsize=8.5,
        handlelength=2.2,
        columnspacing=1.4,
    )


def save(figure: Figure, path: str | Path, run: RunLike) -> Path:
    """Write a figure with its provenance inside the file; the ending names the format.

    Parameters
    ----------
    figure : Figure
        Any figure of `sim.report`.
    path : str or Path
        Ends in ``.png``, ``.svg`` or ``.pdf``.
    run : RunLike
        The run it came from.

    Returns
    -------
    Path
        Where it was written.
    """
    target = Path(path)
    kind = target.suffix.lower().lstrip(".")
    if kind not in ("png", "svg", "pdf"):
        problem = Problem(f"file ending {target.suffix!r}", str(target), ".png, .svg or .pdf")
        msg = "A figure cannot be written in this format."
        raise DataError(msg, [problem])
    target.parent.mkdir(parents=True, exist_ok=True)
    half = target.with_name(f".{target.name}.part")
    with mpl.rc_context({"svg.hashsalt": "travesia", "svg.fonttype": "path", "pdf.fonttype": 42}):
        figure.savefig(half, format=kind, dpi=150, metadata=metadata(run, kind))
    half.replace(target)
    return target


def metadata(run: RunLike, kind: str) -> dict[str, str | None]:
    """What `save` writes into a PNG, SVG or PDF, by the names each format knows."""
    source = provenance(run)
    text = (
        f"scenario={source.scenario}; version={source.version}; seed={source.seed}; "
        f"replicates={source.replicates}; engine={source.engine}; result_hash={source.result_hash}; "
        f"run={source.created}; simulation, not a count"
    )
    title, software = f"Travesía: {source.scenario}", f"Travesía {source.version}"
    if kind == "png":
        return {"Title": title, "Description": text, "Software": software}
    if kind == "svg":
        return {"Title": title, "Description": text, "Creator": software, "Date": None}
    return {"Title": title, "Subject": text, "Creator": software, "CreationDate": None}
