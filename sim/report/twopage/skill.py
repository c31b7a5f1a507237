"""The skill box: scored forecasts or the run's own counts enter, rows that say how far to trust it leave."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from sim.report.frame import RunLike, border_title, replicate_count
from sim.report.twopage.content import SkillRow
from sim.report.twopage.published import share_text
from sim.report.words import brief_phrase as say
from sim.report.words import number

__all__ = ["skill_part"]

FEWEST_MONTHS = 3


def skill_part(
    run: RunLike, country: str, lang: str, skill: pd.DataFrame | None
) -> tuple[tuple[SkillRow, ...], str]:
    """Scored forecasts if there are any; else the run beside its counts, labelled as fit; else a warning."""
    table = skill
    path = getattr(run, "path", None)
    if table is None and path is not None and (Path(path) / "skill.csv").is_file():
        table = pd.read_csv(Path(path) / "skill.csv")
    if table is not None and len(table):
        rows = tuple(
            SkillRow(
                border_title(run, str(row.border), lang),
                share_text(float(row.inside_share), lang),  # type: ignore[arg-type]
                share_text(float(row.error), lang),  # type: ignore[arg-type]
                number(float(row.relative_to_naive), lang, 2),  # type: ignore[arg-type]
            )
            for row in table.head(5).itertuples()
        )
        return rows, say("skill_forecast_note", lang)
    rows = tuple(fit_rows(run, lang))
    return rows, say("skill_note" if rows else "skill_none", lang)


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
                border_title(run, str(border), lang),
                inside_text,
                share_text(error, lang),
                share_text(naive, lang),
            )
        )
    return rows[:5]
