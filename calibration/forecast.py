"""An origin enters; quantiles of monthly crossings by target and nationality after it leave.

**Rule of the origin.** Only figures for months up to the origin are read. They are read as they stand today: later revisions
are inside, and delays of publication (days for Panama, weeks for Mexico and the United States) are not modelled.

**What is combined.** Series with two years of figures take a weighted mean of three rules (`calibration.stack`): two that
learn from all series together, one of them from smoothed levels, and this one with the width of the series' own latest
changes. Weights and widths depend on what is known of a series and are learnt from forecasts
whose month was known at the origin. All are moved by what the simulated route expects of rules: without a scenario of those
known at the origin, whose effect is still under way down the road; with one, also of those that begin or end later
(`calibration.mechanism`). Which share of that is followed is learnt too. Series published for single months only lean on
the border upstream (`calibration.bridge`).
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
from calibration.one_core import one_core
from calibration.panel import load_panel, parse_month, shift_month
from calibration.score import LEVELS
from calibration.stack import LEARNT_AT, RULES, Memory, learn_combination, rule_quantiles
from sim.errors import CalibrationError, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from calibration.effects import Effects
    from calibration.panel import Panel
    from calibration.stack import Combination

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
    combination : Combination
        How the rules were combined.
    shares : mapping of int to float64 [rules]
        Mean weights of the rules over the series, by months ahead.
    """

    origin: str
    months: tuple[str, ...]
    quantiles: Mapping[Key, NDArray[np.float64]]
    scenario: str
    combination: Combination
    shares: Mapping[int, NDArray[np.float64]]

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


@one_core()
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
    learnt = learn_combination(panel, effects, memory)
    horizons = range(1, months + 1)
    made = rule_quantiles(panel, horizons, effects)
    by_month = [learnt.apply(made.quantiles[:, :, i], made.facts[:, i], made.lid) for i in range(months)]
    together = np.stack(by_month, axis=1)
    quantiles: dict[Key, NDArray[np.float64]] = dict(zip(made.keys, together, strict=True))
    shares = {h: learnt.shares(made.facts[:, h - 1]).mean(axis=0) for h in horizons}
    quantiles.update(bridge_forecasts(panel, quantiles))
    ahead = tuple(shift_month(origin, k) for k in horizons)
    return Forecast(origin, ahead, quantiles, name, learnt, shares)


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
    learnt = forecast.combination
    rules = {
        "weights": {
            h: dict(zip(RULES, share.round(3).tolist(), strict=True)) for h, share in forecast.shares.items()
        },
        "tails": learnt.tails.round(3).tolist(),
        "learnt_at": list(LEARNT_AT),
        "cells": learnt.cells,
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
