"""An origin enters; quantiles of monthly crossings by target and nationality after it leave.

**Rule of the origin.** Only figures for months up to the origin are read. They are read as they stand today: later revisions
are inside, and delays of publication (days for Panama, weeks for Mexico and the United States) are not modelled.

**What is combined.** Series with two years of figures take a weighted mean of three rules (`calibration.stack`): one that
stays where it is, one that learns from all series together, and the naive rule of the forecast hubs; weights and widths
are learnt from forecasts whose month was known at the origin. All three are moved by what the simulated route expects
of rules: without a scenario of those known at the origin, whose effect is still under way down the road; with one, also of
those that begin or end later (`calibration.mechanism`). Which share of that is followed is learnt too. Series
published for single months only lean on the border upstream (`calibration.bridge`).
"""

from __future__ import annotations

import hashlib
import json
import platform
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from calibration.bridge import bridge_forecasts
from calibration.panel import load_panel, parse_month, shift_month
from calibration.score import LEVELS
from calibration.stack import Combination, Memory, combine, learn_combination, rule_quantiles
from sim.errors import CalibrationError, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from calibration.effects import Effects
    from calibration.panel import Panel

__all__ = [
    "COLUMNS",
    "Forecast",
    "UNCONDITIONAL",
    "forecast_panel",
    "make_forecast",
    "write_forecast",
]

COLUMNS = ("target", "nationality", "period", "quantile", "value", "origin", "scenario")

UNCONDITIONAL = "known_rules"
"""Name in the column `scenario` of forecasts that take only the rules known at the origin."""

_LEARNT_AT = (1, 3, 6, 12)
_FEWEST = 30
_LONGEST = 24

Key = tuple[str, str]


@dataclass(frozen=True)
class Forecast:
    """Quantiles of every series.

    Parameters
    ----------
    origin : str
    months : tuple of str
        Months forecast.
    quantiles : mapping of (target, nationality) to float64 [months, 23]
        Log(1 + count).
    scenario : str
        Name of the rules assumed.
    combination : mapping of int to (Combination, Combination)
        How the rules were combined, by horizon, for small and for large series.
    """

    origin: str
    months: tuple[str, ...]
    quantiles: Mapping[Key, NDArray[np.float64]]
    scenario: str
    combination: Mapping[int, tuple[Combination, Combination]]

    def frame(self) -> pd.DataFrame:
        """The forecast as rows with the columns of :data:`COLUMNS`."""
        parts = []
        for (target, nationality), z in self.quantiles.items():
            values = np.expm1(np.minimum(np.maximum.accumulate(z, axis=1), 16.0))
            parts.append(
                pd.DataFrame(
                    {
                        "target": target,
                        "nationality": nationality,
                        "period": np.repeat(self.months, len(LEVELS)),
                        "quantile": np.tile(LEVELS, len(self.months)),
                        "value": np.round(np.maximum(values, 0.0), 2).ravel(),
                    }
                )
            )
        table = pd.concat(parts, ignore_index=True)
        return table.assign(origin=self.origin, scenario=self.scenario)[list(COLUMNS)]


def _between(learnt: Mapping[int, tuple[Combination, Combination]], ahead: int, size: int) -> Combination:
    """Combination for any horizon, by straight lines between those learnt."""
    at = sorted(learnt)
    own = [learnt[h][size] for h in at]
    rows = np.array([[*rule.weights, rule.lower, rule.upper] for rule in own])
    mixed = np.array([np.interp(ahead, at, column) for column in rows.T])
    return Combination(mixed[:-2], float(mixed[-2]), float(mixed[-1]), min(rule.cells for rule in own))


def forecast_panel(
    panel: Panel,
    months: int,
    effects: Effects | None = None,
    *,
    name: str = UNCONDITIONAL,
    memory: Memory | None = None,
) -> Forecast:
    """Forecast from the end of a panel.

    Parameters
    ----------
    panel : Panel
        Cut at the origin.
    months : int
    effects : Effects, optional
        What rules change after every origin, this one and those before it; nothing by default.
    name : str
        Name of the rules assumed.
    memory : Memory, optional
        Kept between origins of one panel and one set of effects.

    Returns
    -------
    Forecast
    """
    origin = panel.months[-1]
    learn_at = [h for h in _LEARNT_AT if h <= max(months, 1)]
    learnt = dict(zip(learn_at, learn_combination(panel, learn_at, effects, memory), strict=True))
    horizons = range(1, months + 1)
    made = rule_quantiles(panel, horizons, effects)
    used = {h: (_between(learnt, h, 0), _between(learnt, h, 1)) for h in horizons}
    quantiles: dict[Key, NDArray[np.float64]] = {}
    for i, key in enumerate(made.keys):
        size = int(made.large[i])
        quantiles[key] = np.stack([combine(made.quantiles[:, i, h - 1], used[h][size]) for h in horizons])
    quantiles.update(bridge_forecasts(panel, quantiles))
    ahead = tuple(shift_month(origin, k) for k in horizons)
    return Forecast(origin, ahead, quantiles, name, used)


def _effects(origin: str, months: int, scenario: str | None, scale: float) -> Effects:
    """Effects of rules on record, with those after this origin simulated where the kept table does not hold them."""
    from calibration.effects import AHEAD, RECORD, load_effects  # noqa: PLC0415 - reads a table

    kept = load_effects("known" if scenario is None else "record")
    if origin in kept.origins and scenario in {None, RECORD}:
        return kept
    if scenario is None and origin < kept.origins[0]:
        return kept
    from calibration.mechanism import rule_effects  # noqa: PLC0415 - loads the engine

    known, given = rule_effects(origin, max(months, AHEAD), scenario or RECORD, scale=scale)
    return kept.with_origin(origin, known if scenario is None else given)


def make_forecast(origin: str, months: int, *, scenario: str | None = None, scale: float = 0.1) -> Forecast:
    """Forecast after an origin from the observed series.

    Parameters
    ----------
    origin : str
        Last month that may be used, ``YYYY-MM``.
    months : int
        How many months ahead, 1 to 24.
    scenario : str, optional
        Take the rules of this scenario as given, also those that begin after the origin.
    scale : float
        Share of the people simulated for the effect of the rules.

    Returns
    -------
    Forecast

    Raises
    ------
    CalibrationError
        If the origin lies outside the observed series or too early to learn anything.
    """
    parse_month(origin, "--origin")
    if not 1 <= months <= _LONGEST:
        problem = Problem(f"{months} months", "--months", f"1 to {_LONGEST}")
        raise CalibrationError("The forecast was refused.", [problem])
    everything = load_panel()
    if not everything.months[_FEWEST] <= origin <= everything.months[-1]:
        expected = f"{everything.months[_FEWEST]} to {everything.months[-1]}"
        hint = "later months are added with 'travesia data update FILE'"
        raise CalibrationError(
            "The forecast was refused.", [Problem(f"origin {origin}", "--origin", expected, hint)]
        )
    effects = _effects(origin, months, scenario, scale)
    return forecast_panel(everything.until(origin), months, effects, name=scenario or UNCONDITIONAL)


def write_forecast(forecast: Forecast, folder: Path) -> Path:
    """Write ``forecast.parquet`` and ``manifest.json``, aside first and then renamed.

    Parameters
    ----------
    forecast : Forecast
    folder : Path

    Returns
    -------
    Path
        The Parquet file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / "forecast.parquet"
    aside = target.with_suffix(".part")
    table = forecast.frame()
    table.to_parquet(aside, index=False, compression="zstd")
    aside.replace(target)
    rules = {
        h: {
            size: {"weights": r.weights.round(3).tolist(), "widths": [r.lower, r.upper], "cells": r.cells}
            for size, r in zip(("small", "large"), pair, strict=True)
        }
        for h, pair in forecast.combination.items()
    }
    manifest = {
        "origin": forecast.origin,
        "months": list(forecast.months),
        "scenario": forecast.scenario,
        "rows": len(table),
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "version": version("travesia"),
        "python": platform.python_version(),
        "combination": rules,
        "observed_sha256": observed_hash(forecast.origin),
        "forecast_sha256": hashlib.sha256(table.to_csv(index=False).encode()).hexdigest(),
        "rule": "figures for months up to the origin, as published today",
    }
    part = folder / "manifest.part"
    part.write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
    part.replace(folder / "manifest.json")
    return target


def observed_hash(origin: str) -> str:
    """SHA-256 of the observed figures a forecast from `origin` may use.

    Parameters
    ----------
    origin : str

    Returns
    -------
    str
    """
    frame = load_panel(end=origin).frame()
    return hashlib.sha256(frame.to_csv(index=False).encode()).hexdigest()
