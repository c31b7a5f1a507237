"""The frozen forecasts of the past enter; how good they were, and the last of them beside what happened, leave.

The app shows the first on its first page, the brief both.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from calibration.hindcast import ARCHIVE
from calibration.score import LEVELS, wis

__all__ = ["last_forecasts", "track_record"]

_UNCONDITIONAL = "known_rules"
_LOW50, _HIGH50, _LOW90, _HIGH90, _MIDDLE = "q0.25", "q0.75", "q0.05", "q0.95", "q0.5"


def track_record() -> pd.DataFrame:
    """Score the archive of forecasts of all nationalities together, border by border.

    Returns
    -------
    DataFrame
        border, months_ahead, forecasts, inside50, inside90, error, relative_to_naive, from, to: see
        `sim.app.service.track`. Forecasts are those made with only the rules known at their origin; the yardstick is the
        naive rule with the lowest mean weighted interval score on the same months, which flatters the yardstick.
    """
    forecasts = pd.read_parquet(ARCHIVE / "hindcast.parquet")
    forecasts = forecasts[(forecasts["scenario"] == _UNCONDITIONAL) & (forecasts["nationality"] == "ALL")]
    columns = [f"q{level:g}" for level in LEVELS]
    cell = ["target", "origin", "period"]
    scores = forecasts[[*cell, "observed", _LOW50, _HIGH50, _LOW90, _HIGH90, _MIDDLE]].reset_index(drop=True)
    scores["wis"] = wis(forecasts[columns].to_numpy(np.float64), forecasts["observed"].to_numpy(np.float64))
    naive = pd.read_parquet(
        ARCHIVE / "naive_scores.parquet", columns=[*cell, "nationality", "model", "scale", "wis"]
    )
    naive = naive[(naive["nationality"] == "ALL") & (naive["scale"] == "natural")]
    scores["months_ahead"] = [
        _months(str(a), str(b)) for a, b in zip(scores["origin"], scores["period"], strict=True)
    ]
    rows = [
        _row(str(target), int(str(ahead)), part, naive.merge(part[cell], on=cell))
        for (target, ahead), part in scores.groupby(["target", "months_ahead"], sort=False)
    ]
    return pd.DataFrame(rows).sort_values(["border", "months_ahead"], ignore_index=True)


def last_forecasts() -> pd.DataFrame:
    """Forecasts of the month after each origin, all nationalities together, beside what was counted.

    Returns
    -------
    DataFrame
        border, origin, month (YYYY-MM), low90, median, high90, observed (persons or encounters a month); one row for each
        border and month, with only the rules known at the origin.
    """
    table = pd.read_parquet(ARCHIVE / "hindcast.parquet")
    table = table[(table["scenario"] == _UNCONDITIONAL) & (table["nationality"] == "ALL")]
    ahead = [_months(str(a), str(b)) for a, b in zip(table["origin"], table["period"], strict=True)]
    names = {"target": "border", "period": "month", _LOW90: "low90", _MIDDLE: "median", _HIGH90: "high90"}
    columns = ["border", "origin", "month", "low90", "median", "high90", "observed"]
    chosen = table[[months == 1 for months in ahead]].rename(columns=names)[columns]
    return chosen.sort_values(["border", "month"], ignore_index=True)


def _months(origin: str, period: str) -> int:
    return 12 * (int(period[:4]) - int(origin[:4])) + int(period[5:7]) - int(origin[5:7])


def _row(target: str, ahead: int, part: pd.DataFrame, naive: pd.DataFrame) -> dict[str, object]:
    seen = part["observed"]
    best = naive.groupby("model")["wis"].mean().min()
    known = seen > 0
    error = ((part[_MIDDLE] - seen).abs() / seen)[known]
    return {
        "border": target,
        "months_ahead": ahead,
        "forecasts": len(part),
        "inside50": float(seen.between(part[_LOW50], part[_HIGH50]).mean()),
        "inside90": float(seen.between(part[_LOW90], part[_HIGH90]).mean()),
        "error": float(error.median()) if len(error) else float("nan"),
        "relative_to_naive": float(part["wis"].mean() / best) if best > 0 else float("nan"),
        "from": str(part["period"].min()),
        "to": str(part["period"].max()),
    }
