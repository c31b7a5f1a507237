"""Policy timeline: a scenario's policies enter, bars by date leave."""

from __future__ import annotations

from textwrap import wrap
from typing import TYPE_CHECKING, Any, Final

import pandas as pd
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from sim.report.style import COLOURS, GREY, HATCHES, INK, empty, month_axis, new_figure, stamp
from sim.report.words import check_language, phrase

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from sim.report.frame import RunLike

__all__ = ["policy_table", "policy_timeline"]

#: Instruments in families that share a colour; the hatch tells families apart in black and white.
FAMILIES: Final = {
    "closure": 3, "capacity": 3, "visa": 1, "penalty": 1, "expulsion": 7, "removal": 7, "transfer": 7,
    "return": 5, "pathway": 0, "appointment": 0, "regularisation": 2, "assistance": 2, "transport": 4,
    "announcement": 6, "push": 6, "hazard": 5,
}  # fmt: skip
OTHERS = 7
BAR = 0.64


def policy_table(run: RunLike, lang: str = "en") -> pd.DataFrame:
    """Policies of a run's scenario inside its window.

    Parameters
    ----------
    run : RunLike
        An opened run folder (anything with a `scenario`).
    lang : str
        ``en`` or ``es``.

    Returns
    -------
    DataFrame
        policy, event, title, instrument, start, full (first day at full strength), end (NaT: open),
        bar_start and bar_end (inside the window).
    """
    window = run.scenario.window
    first, last = pd.Timestamp(window.start), pd.Timestamp(window.end)
    rows = []
    for policy in run.scenario.policies:
        start = pd.Timestamp(policy.start) if policy.start else first
        end = pd.Timestamp(policy.end) if getattr(policy, "end", None) else pd.NaT
        delay = int(getattr(policy, "lag_days", 0) or 0) + int(getattr(policy, "phase_in_days", 0) or 0)
        early = int(getattr(policy, "anticipation_days", 0) or 0)
        if float(getattr(policy, "intensity", 1.0)) == 0.0:
            continue  # switched off
        if start - pd.Timedelta(days=early) > last or (not pd.isna(end) and end < first):
            continue
        rows.append(
            {
                "policy": str(policy.id),
                "event": str(getattr(policy, "event", "") or policy.id),
                "title": policy_title(policy, lang),
                "instrument": str(getattr(policy.instrument, "value", policy.instrument)),
                "start": start,
                "full": start + pd.Timedelta(days=delay),
                "end": end,
                "bar_start": max(start - pd.Timedelta(days=early), first),
                "bar_end": min(end if not pd.isna(end) else last, last),
            }
        )
    columns = ["policy", "event", "title", "instrument", "start", "full", "end", "bar_start", "bar_end"]
    return pd.DataFrame(rows, columns=columns).sort_values(["start", "policy"], ignore_index=True)


def policy_title(policy: Any, lang: str) -> str:  # noqa: ANN401 - any instrument
    """Title in the language asked for; the id in words where there is none."""
    title = getattr(policy, "title", None)
    if isinstance(title, dict):
        title = title.get(lang) or title.get("en")
    elif title is not None and hasattr(title, lang):
        title = getattr(title, lang) or getattr(title, "en", "")
    return str(title or str(policy.id).replace("-", " ").replace("_", " "))


def policy_timeline(run: RunLike, lang: str = "en") -> tuple[Figure, pd.DataFrame]:
    """When each policy was in force, by instrument.

    Parameters
    ----------
    run : RunLike
        An opened run folder.
    lang : str
        ``en`` or ``es``.

    Returns
    -------
    figure : Figure
        One bar per policy.
    data : DataFrame
        What `policy_table` gives.
    """
    check_language(lang)
    table = policy_table(run, lang)
    title = phrase("timeline_title", lang)
    if table.empty:
        return empty(run, lang, title, phrase("nothing_policies", lang)), table
    rows = list(table.groupby(["event", "title"], sort=False))
    figure = new_figure(run, lang, title, (11.0, 1.8 + 0.3 * len(rows)))
    axes = figure.subplots()
    window = run.scenario.window
    first, last = (stamp(pd.Timestamp(day)) for day in (window.start, window.end))
    for row, (_, together) in enumerate(rows):
        height = BAR / len(together)
        for number, policy in enumerate(together.itertuples()):
            draw_bar(axes, row - BAR / 2 + number * height, height, policy)
        if (together["end"].isna() | (together["end"] > together["bar_end"])).any():
            axes.plot([last + 1], [row], marker=5, color=INK, markersize=5, clip_on=False)
    axes.set_xlim(first, last + 1)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_yticks(
        range(len(rows)), [in_lines(str(label[1])) for label, _ in rows], fontsize=8, linespacing=0.95
    )
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.tick_params(axis="x", labelsize=8)
    axes.grid(axis="x", color="#E3E3E3", linewidth=0.6)
    axes.set_axisbelow(True)
    month_axis(axes, lang)
    figure.legend(
        handles=legend_of(table, lang),
        loc="outside right upper",
        frameon=False,
        fontsize=8.5,
        title=phrase("instrument", lang),
        title_fontsize=8.5,
        alignment="left",
    )
    return figure, table


def legend_of(table: pd.DataFrame, lang: str) -> list[Patch | Line2D]:
    """One entry for each family of instruments in use."""
    families: dict[int, list[str]] = {}
    for kind in dict.fromkeys(table["instrument"]):
        families.setdefault(FAMILIES.get(kind, OTHERS), []).append(phrase(kind, lang))
    handles: list[Patch | Line2D] = [
        Patch(facecolor=COLOURS[family], hatch=HATCHES[family], edgecolor="white", label="\n".join(kinds))
        for family, kinds in families.items()
    ]
    if (table["full"] > table["start"]).any():
        handles.append(Patch(facecolor="#DDDDDD", edgecolor=GREY, label=phrase("timeline_lag", lang)))
    handles.append(goes_on(phrase("timeline_on", lang)))
    return handles


def goes_on(label: str) -> Line2D:
    """The mark of a policy that is still in force when the window ends."""
    return Line2D([], [], linestyle="none", marker=5, color=INK, markersize=5, label=label)


def draw_bar(axes: Axes, low: float, height: float, policy: Any) -> None:  # noqa: ANN401 - a row
    """A pale bar for lag and phase-in, a full one while in force."""
    begin, full, end = (stamp(day) for day in (policy.bar_start, policy.full, policy.bar_end))
    family = FAMILIES.get(policy.instrument, OTHERS)
    full = min(max(full, begin), end + 1)
    if full > begin:
        pale = Rectangle(
            (begin, low), full - begin, height, facecolor="#DDDDDD", edgecolor=GREY, linewidth=0.5
        )
        axes.add_patch(pale)
    bar = Rectangle((full, low), max(end + 1 - full, 2.0), height, edgecolor="white", linewidth=0.0)
    bar.set(facecolor=COLOURS[family], hatch=HATCHES[family])
    axes.add_patch(bar)


def in_lines(text: str, letters: int = 52) -> str:
    """A title in at most two lines; what does not fit is cut with an ellipsis."""
    lines = wrap(text, letters)
    if len(lines) > 2:  # noqa: PLR2004 - two lines fit into a row
        lines = [lines[0], lines[1][: letters - 1].rstrip() + "…"]
    return "\n".join(lines)
