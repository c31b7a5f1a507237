"""The skill box: forecasts of the past beside what happened enter, rows that say how far to trust it leave."""

from __future__ import annotations

from importlib.metadata import entry_points
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from sim.report.frame import RunLike, border_title, replicate_count
from sim.report.publication import rounded
from sim.report.twopage.content import SkillRow
from sim.report.twopage.published import share_text
from sim.report.words import brief_phrase as say
from sim.report.words import number, short_month

__all__ = ["provided", "skill_part"]

FEWEST_MONTHS, MOST_ROWS = 3, 6
#: Borders at which a country counts those who come in.
OWN_BORDERS: Final = {
    "PAN": ("darien",),
    "CRI": ("costa_rica",),
    "HND": ("honduras",),
    "MEX": ("mexico",),
    "USA": ("us_border_patrol", "us_ports"),
}


def provided(kind: str) -> pd.DataFrame:
    """A table of the installed provider of ``travesia.<kind>``; without one, an empty table.

    Parameters
    ----------
    kind : str
        ``track_record`` (scores by border and months ahead) or ``last_forecasts`` (one month ahead, beside the count).
    """
    for entry in entry_points(group=f"travesia.{kind}"):
        table = entry.load()()
        if isinstance(table, pd.DataFrame):
            return table
    return pd.DataFrame()


def skill_part(
    run: RunLike, country: str, lang: str, month: pd.Timestamp, skill: pd.DataFrame | None = None
) -> tuple[tuple[SkillRow, ...], str]:
    """Scores of forecasts if there are any; else the run beside its counts, labelled as fit; else a warning.

    Parameters
    ----------
    run : RunLike
        An opened run folder.
    country : str
        Its own border comes first.
    lang : str
        ``en`` or ``es``.
    month : Timestamp
        Of the brief: no forecast of a later month is shown.
    skill : DataFrame, optional
        border, inside_share, error, relative_to_naive; else `skill.csv` of the run folder, else the archive of forecasts.

    Returns
    -------
    tuple of SkillRow
    str
        The sentence below them.
    """
    table = skill
    path = getattr(run, "path", None)
    if table is None and path is not None and (Path(path) / "skill.csv").is_file():
        table = pd.read_csv(Path(path) / "skill.csv")
    if table is not None and len(table):
        return tuple(scored_rows(run, own_first(table, country), lang)), say("skill_forecast_note", lang)
    record = provided("track_record")
    if len(record):
        rows = record_rows(run, own_first(record[record["months_ahead"] == 1], country), lang, month)
        span = {"start": month_text(record["from"].min(), lang), "end": month_text(record["to"].max(), lang)}
        return tuple(rows), say("skill_record_note", lang, **span)
    rows = fit_rows(run, lang)
    return tuple(rows), say("skill_note" if rows else "skill_none", lang)


def own_first(table: pd.DataFrame, country: str) -> pd.DataFrame:
    """Rows of a country's own borders, then the others."""
    own = table["border"].isin(OWN_BORDERS.get(country, ()))
    return pd.concat([table[own], table[~own]]).head(MOST_ROWS)


def scored_rows(run: RunLike, table: pd.DataFrame, lang: str) -> list[SkillRow]:
    """Rows of a table of scores."""
    return [
        SkillRow(
            label=border_title(run, str(row["border"]), lang),
            forecast="–",
            seen="–",
            inside=share_text(float(row["inside_share"]), lang),
            error=share_text(float(row["error"]), lang),
            naive=number(float(row["relative_to_naive"]), lang, 2),
        )
        for row in table.to_dict("records")
    ]


def record_rows(run: RunLike, record: pd.DataFrame, lang: str, month: pd.Timestamp) -> list[SkillRow]:
    """Rows of the archive: the last forecast up to a month beside its count, and all of them scored."""
    last = provided("last_forecasts")
    rows = []
    for row in record.to_dict("records"):
        forecast, seen = "–", "–"
        past = (
            last[(last["border"] == row["border"]) & (last["month"] <= f"{month:%Y-%m}")]
            if len(last)
            else last
        )
        if len(past):
            made = past.iloc[-1]
            low, middle, high = (
                number(rounded(float(made[name])), lang) for name in ("low90", "median", "high90")
            )
            forecast = f"{month_text(str(made['month']), lang)}: {middle} ({low}–{high})"
            seen = number(rounded(float(made["observed"])), lang)
        inside, total = round(float(row["inside90"]) * int(row["forecasts"])), int(row["forecasts"])
        rows.append(
            SkillRow(
                label=border_title(run, str(row["border"]), lang),
                forecast=forecast,
                seen=seen,
                inside=say("skill_inside_text", lang, n=inside, total=total),
                error=share_text(float(row["error"]), lang),
                naive=number(float(row["relative_to_naive"]), lang, 2),
            )
        )
    return rows


def month_text(month: str, lang: str) -> str:
    """``2024-06`` in words."""
    day = pd.Timestamp(month)
    return short_month(day.year, day.month, lang)


def fit_rows(run: RunLike, lang: str) -> list[SkillRow]:
    """How close a run is to the counts of the same months, beside repeating the last month."""
    rows = []
    summary = run.summary[(run.summary["nationality"] == "ALL") & (run.summary["observed"] > 0)]
    for border, part in summary.sort_values("month").groupby("border", sort=False):
        if len(part) < FEWEST_MONTHS:
            continue
        counted = part["observed"].to_numpy(dtype=float)
        inside = int(((counted >= part["lo90"]) & (counted <= part["hi90"])).sum())
        error = float(np.median(np.abs(part["median"].to_numpy(dtype=float) - counted) / counted))
        naive = float(np.median(np.abs(counted[:-1] - counted[1:]) / counted[1:]))
        inside_text = (
            say("skill_inside_text", lang, n=inside, total=len(part)) if replicate_count(run) > 1 else "–"
        )
        rows.append(
            SkillRow(
                label=border_title(run, str(border), lang),
                forecast="–",
                seen="–",
                inside=inside_text,
                error=share_text(error, lang),
                naive=number(error / naive, lang, 2) if naive > 0 else "–",
            )
        )
    return rows[:MOST_ROWS]
