"""Paired differences: two runs with the same luck enter, one row a difference with its interval leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from sim.results import border_counts

if TYPE_CHECKING:
    from sim.results import Run

__all__ = ["CROSSINGS", "difference_table"]

CROSSINGS: Final = "crossings"
"""Measure of the rows by border; the others are by country."""
_LEVELS: Final = {"lo90": 0.05, "lo50": 0.25, "median": 0.5, "hi50": 0.75, "hi90": 0.95}
_KEYS: Final = ["measure", "border", "country", "nationality", "period"]
_ALL: Final = "ALL"


def difference_table(base: Run, other: Run) -> pd.DataFrame:
    """Differences, other less base, replicate by replicate.

    Parameters
    ----------
    base, other : Run
        Of the same seeds and replicates.

    Returns
    -------
    DataFrame
        other; measure: ``crossings`` of a border as its authority counts them, or of a country ``entries`` (persons who come
        from another country), ``person_days`` (everybody there or on the way there), and each outcome (persons, over the
        whole window); border or country, nationality, period (month, year, ``ALL``); median and intervals of the
        difference over replicates, the base's median, standard errors paired and unpaired, unit.
    """
    wide = [
        _by_period(_counts(run))
        .pivot_table(index=_KEYS, columns="replicate", values="value", aggfunc="sum")
        .reindex(columns=range(base.replicates))
        for run in (base, other)
    ]
    index = wide[0].index.union(wide[1].index)
    x, y = (w.reindex(index).fillna(0.0).to_numpy(dtype=np.float64) for w in wide)
    gap = y - x
    out = index.to_frame(index=False)
    out.insert(0, "other", other.manifest["scenario"])
    out["base_median"] = np.median(x, axis=1)
    for name, level in _LEVELS.items():
        out[name] = np.quantile(gap, level, axis=1)
    n = max(base.replicates, 1)
    spread = (lambda v: v.std(axis=1, ddof=1) / np.sqrt(n)) if n > 1 else (lambda v: np.full(len(v), np.nan))
    out["se_paired"] = spread(gap)
    out["se_unpaired"] = np.hypot(spread(x), spread(y))
    kinds = {e.id: e.count_kind for e in base.scenario.world.borders}
    out["unit"] = [
        "person-days" if measure == "person_days" else kinds.get(border, "persons")
        for measure, border in zip(out["measure"], out["border"], strict=True)
    ]
    return out


def _counts(run: Run) -> pd.DataFrame:
    """Every measure by replicate, month and nationality, with sums over nationalities."""
    legs = run.sums("flows", ["leg", "period_start", "nationality"], "persons")
    crossings = border_counts(legs, run.scenario).rename(columns={"persons": "value"})
    parts = [crossings.assign(measure=CROSSINGS, country="")]
    flows = run.sums("flows", ["from_country", "to_country", "period_start", "nationality"], "persons")
    came = flows[flows["from_country"].astype(str) != flows["to_country"].astype(str)]
    parts.append(_by_country(came.rename(columns={"to_country": "country", "persons": "value"}), "entries"))
    stocks = run.sums("stocks", ["country", "period_start", "nationality"], "person_days")
    parts.append(_by_country(stocks.rename(columns={"person_days": "value"}), "person_days"))
    ended = run.outcomes.rename(columns={"persons": "value"})
    parts += [_by_country(rows, str(outcome)) for outcome, rows in ended.groupby("outcome", observed=True)]
    filled = [part for part in parts if len(part)]
    return pd.concat(filled, ignore_index=True) if filled else parts[0]


def _by_country(rows: pd.DataFrame, measure: str) -> pd.DataFrame:
    """One measure of countries, by month where it has months, with the sum over nationalities."""
    dated = "period_start" in rows.columns
    named = pd.DataFrame(
        {
            "replicate": rows["replicate"].to_numpy(),
            "country": rows["country"].astype(str).to_numpy(),
            "month": rows["period_start"].dt.strftime("%Y-%m").to_numpy() if dated else "",
            "nationality": rows["nationality"].astype(str).to_numpy(),
            "value": rows["value"].to_numpy(dtype=np.float64),
        }
    )
    keys = ["replicate", "country", "month"]
    each = named.groupby([*keys, "nationality"], as_index=False)["value"].sum()
    total = named.groupby(keys, as_index=False)["value"].sum().assign(nationality=_ALL)
    both: pd.DataFrame = pd.concat([each, total], ignore_index=True).assign(measure=measure, border="")
    return both


def _by_period(counts: pd.DataFrame) -> pd.DataFrame:
    """The same by month, by year and over the whole window."""
    dated = counts[counts["month"] != ""]
    parts = [
        dated.assign(period=dated["month"]),
        dated.assign(period=dated["month"].str[:4]),
        counts.assign(period=_ALL),
    ]
    return pd.concat(parts, ignore_index=True)
