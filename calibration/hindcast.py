"""The observed series enter; forecasts as they would have been made in the past, frozen, and their scores leave.

Every month from 2021-12 to 2024-05 is an origin; one, three and six months ahead are scored. Each forecast is made from the
months up to its origin alone, weights, widths and the share of the rules that is followed included. The same origins are
forecast once more with the rules on record given, also those that begin or end later: these are scored apart. Two things
are not undone: figures are read as revised since, and sizes of policies and demand come from a record that ends
later than the origin (demand is the same in every run of `calibration.mechanism`, so that of it next to nothing is left
in the difference; the sizes are what "the policy given as scenario" means).

Besides, constants of the rules (half-lives, ridge, how firmly coefficients are held, the share of lacking width that is
added) were set while looking at these very months, the latest of them mostly by origins up to December 2022, so that the
table flatters the rules a little; months after 2024-06 do not.

A cell lies at a break if its month is the month of a row of ``breaks.csv`` that names its target and nationality, or one
of the three months after; all others are ordinary.
"""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from calibration.baselines import BASELINES
from calibration.effects import FILE, RECORD, load_effects, make_effects
from calibration.evaluate import MODEL, naive_scores
from calibration.forecast import UNCONDITIONAL, forecast_panel, observed_hash
from calibration.panel import load_panel, months_apart, shift_month
from calibration.score import LEVELS, pairwise_skill, relative_table, score_cells
from calibration.stack import Memory

if TYPE_CHECKING:
    from collections.abc import Sequence

    from calibration.effects import Effects
    from calibration.panel import Panel

__all__ = ["ARCHIVE", "HORIZONS", "at_break", "hindcast_tables", "make_hindcast", "score_hindcast"]

ARCHIVE = Path(__file__).parent / "archive"
"""Frozen forecasts and scores, with what made them."""

HORIZONS = (1, 3, 6)
FIRST_ORIGIN, LAST_ORIGIN = "2021-12", "2024-05"
LAST_MONTH = "2024-06"

_QUANTILE_COLUMNS = [f"q{level:g}" for level in LEVELS]
_CELL = ["target", "nationality", "origin", "period"]
_MONTHS_AT_BREAK = 3


def at_break(cells: pd.DataFrame) -> pd.Series:
    """Whether the month of each cell lies within three months of a policy break that touches its series.

    Parameters
    ----------
    cells : DataFrame
        target, nationality, period.

    Returns
    -------
    Series of bool
    """
    table = pd.read_csv(Path(__file__).parent / "breaks.csv", dtype=str, keep_default_na=False)
    hit = np.zeros(len(cells), bool)
    for row in table.itertuples():
        last = shift_month(str(row.month), _MONTHS_AT_BREAK)
        touched = cells["period"].between(str(row.month), last)
        if row.targets:
            touched &= cells["target"].isin(str(row.targets).split(";"))
        if row.nationalities:
            touched &= cells["nationality"].isin(str(row.nationalities).split(";"))
        hit |= touched.to_numpy()
    return pd.Series(hit, index=cells.index)


def origins() -> list[str]:
    """Months from which forecasts are made."""
    return [str(m) for m in pd.period_range(FIRST_ORIGIN, LAST_ORIGIN, freq="M")]


def make_hindcast(panel: Panel, known: Effects | None = None, record: Effects | None = None) -> pd.DataFrame:
    """Make the forecasts of all origins.

    Parameters
    ----------
    panel : Panel
        All that is known; each origin sees its own part.
    known : Effects, optional
        What the rules known at each origin change.
    record : Effects, optional
        What all rules on record change; adds the conditional forecasts.

    Returns
    -------
    DataFrame
        target, nationality, origin, period, scenario, observed, and a column for each quantile; only cells whose
        month was observed.
    """
    rows = []
    asked = [(UNCONDITIONAL, known, Memory())]
    if record is not None:
        asked.append((RECORD, record, Memory()))
    for origin in origins():
        for name, effects, memory in asked:
            made = forecast_panel(panel.until(origin), max(HORIZONS), effects, name=name, memory=memory)
            for (target, nationality), z in made.quantiles.items():
                seen = panel.row(target, nationality)
                for ahead in HORIZONS:
                    period = shift_month(origin, ahead)
                    if period > LAST_MONTH or not np.isfinite(seen[panel.months.index(period)]):
                        continue
                    q = np.expm1(np.minimum(np.maximum.accumulate(z[ahead - 1]), 16.0))
                    observed = seen[panel.months.index(period)]
                    rows.append((target, nationality, origin, period, name, observed, *q))
    columns = [*_CELL, "scenario", "observed", *_QUANTILE_COLUMNS]
    table = pd.DataFrame(rows, columns=columns)
    table[_QUANTILE_COLUMNS] = table[_QUANTILE_COLUMNS].astype("float32")
    return table


def _own_scores(table: pd.DataFrame) -> pd.DataFrame:
    cells = table[_CELL].reset_index(drop=True)
    values = table[_QUANTILE_COLUMNS].to_numpy(np.float64)
    return score_cells(cells, values, table["observed"].to_numpy(np.float64), MODEL)


def _naive(panel: Panel, table: pd.DataFrame) -> pd.DataFrame:
    """Scores of the naive rules on the cells of the unconditional forecasts."""
    cells = table[table["scenario"] == UNCONDITIONAL].reset_index(drop=True)
    scores = naive_scores(cells[_CELL], cells["observed"].to_numpy(np.float64), panel)
    small = dict.fromkeys(("wis", "crps", "bias", "median"), "float32")
    return scores.astype(small)


def _write(forecasts: pd.DataFrame, naive: pd.DataFrame, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    forecasts.to_parquet(folder / "hindcast.parquet", index=False, compression="zstd")
    naive.to_parquet(folder / "naive_scores.parquet", index=False, compression="zstd")
    facts = {
        "version": version("travesia"),
        "origins": [FIRST_ORIGIN, LAST_ORIGIN],
        "horizons": list(HORIZONS),
        "scenario": RECORD,
        "rule_effects": json.loads(FILE.with_suffix(".json").read_text(encoding="utf-8")),
        "observed_sha256": observed_hash(LAST_MONTH),
        "forecasts": len(forecasts),
    }
    (folder / "manifest.json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")


def hindcast_tables(forecasts: pd.DataFrame, naive: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Compare frozen forecasts with the naive rules, ordinary months and breaks apart.

    Parameters
    ----------
    forecasts, naive : DataFrame

    Returns
    -------
    dict of str to DataFrame
        ``by_part``, ``by_horizon``, ``by_target``, ``by_origin_year``, ``pairwise`` and ``cells``.
    """
    tables: dict[str, list[pd.DataFrame]] = {}
    every = []
    for scenario, part in forecasts.groupby("scenario", sort=False):
        own = _own_scores(part)
        scores = pd.concat([own, naive.merge(own[_CELL].drop_duplicates(), on=_CELL)], ignore_index=True)
        scores["part"] = np.where(at_break(scores), "break", "ordinary")
        apart = zip(scores["origin"], scores["period"], strict=True)
        scores["months_ahead"] = [months_apart(str(a), str(b)) for a, b in apart]
        every.append(scores.assign(scenario=scenario))
        splits: dict[str, Sequence[str]] = {
            "overall": [],
            "by_part": ["part"],
            "by_horizon": ["part", "months_ahead"],
            "by_target": ["part", "target"],
        }
        for name, by in splits.items():
            table = relative_table(scores, MODEL, BASELINES, by)
            tables.setdefault(name, []).append(table.assign(scenario=scenario))
        for (piece, scale), block in scores.groupby(["part", "scale"]):
            pairs = pairwise_skill(block, BASELINES[0]).assign(
                part=str(piece), scale=str(scale), scenario=scenario
            )
            tables.setdefault("pairwise", []).append(pairs)
    out = {name: pd.concat(parts, ignore_index=True) for name, parts in tables.items()}
    out["cells"] = pd.concat(every, ignore_index=True)
    return out


def score_hindcast(*, refresh: bool = False, folder: Path = ARCHIVE) -> dict[str, pd.DataFrame]:
    """Score the forecasts of the past, from the archive or made anew.

    Parameters
    ----------
    refresh : bool
        Make them anew (ten minutes: the route is simulated three times per origin) and freeze them.
    folder : Path
        Archive.

    Returns
    -------
    dict of str to DataFrame
        As :func:`hindcast_tables`.
    """
    if refresh or not (folder / "hindcast.parquet").is_file():
        if refresh:
            make_effects()
        panel = load_panel(end=LAST_MONTH)
        forecasts = make_hindcast(panel, load_effects("known"), load_effects("record"))
        _write(forecasts, _naive(panel, forecasts), folder)
    forecasts = pd.read_parquet(folder / "hindcast.parquet")
    naive = pd.read_parquet(folder / "naive_scores.parquet")
    return hindcast_tables(forecasts, naive)
