"""A fit without some borders enters; how well it predicts them, beside rules built from the Darién alone, leaves.

Nothing of a withheld border is used: shares of a nationality that were set from its own counts are taken out first
(:func:`blind_scenario`). What is known from elsewhere is: Honduras lies behind the airport of Managua, and Nicaragua's
central bank printed how many more foreigners arrived by air than left. Where the fit sends more people there than that,
they stand for others who came another way, and Honduras is told of no more than were seen to land.
"""

from __future__ import annotations

import functools
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.stats import norm

from calibration.config import border_rows
from calibration.likelihood import Counts, Window
from calibration.observed.load import load_windows
from calibration.score import LEVELS, wis

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from numpy.typing import NDArray

    from calibration.calibrate import FitResult
    from calibration.response import Row
    from sim.spec import Scenario

__all__ = ["blind_scenario", "landed_share", "naive_from_darien", "predict_border", "score_withheld"]

_DRAWS = 400
_SCALES = (0.25, 0.5, 0.75, 1.0, 1.5)
_LAGS = (0, 1)
_SPREADS = (0.25, 0.5, 1.0)
_LANDED = "nicaragua_air_arrivals_minus_departures_window"
_BY_AIR = "air_nic"
_BEHIND_MANAGUA = ("honduras",)


def blind_scenario(scenario: Scenario, withheld: tuple[str, ...]) -> Scenario:
    """The scenario without shares of nationalities at withheld borders, since they were set from those borders' counts.

    Parameters
    ----------
    scenario : Scenario
    withheld : tuple of str

    Returns
    -------
    Scenario
        Nationalities that an office does not count at all stay uncounted.
    """
    kept = tuple(e for e in scenario.world.border_exclusions if e.border not in withheld or e.share == 0.0)
    world = scenario.world.model_copy(update={"border_exclusions": kept})
    return scenario.model_copy(update={"world": world})


@functools.cache
def _landed() -> tuple[str, str, float]:
    """First and last month of the central bank's count, and the count."""
    table = load_windows("nicaragua")
    row = table[table["series"] == _LANDED].iloc[0]
    return f"{row['start']:%Y-%m}", f"{row['end']:%Y-%m}", float(row["persons"])


def landed_share(rows: Sequence[Row], persons: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of each departure row that was seen to land in Managua, at most one.

    Parameters
    ----------
    rows : sequence of (str, str, str)
        Group, channel, month.
    persons : float64 [rows]

    Returns
    -------
    float64 [rows]
        One for those who did not come by air.
    """
    first, last, landed = _landed()
    air = np.array([channel == _BY_AIR for _, channel, _ in rows])
    inside = air & np.array([first <= month <= last for _, _, month in rows])
    share = min(1.0, landed / max(float(persons[inside].sum()), 1.0))
    return np.where(air, share, 1.0)


def predict_border(result: FitResult, border: str) -> tuple[pd.DataFrame, NDArray[np.float64]]:
    """Predict the monthly counts of a border that was not fitted.

    Parameters
    ----------
    result : FitResult
    border : str

    Returns
    -------
    cells : DataFrame
        nationality, covers (groups it stands for), month, observed.
    quantiles : float64 [cells, 23]
        Detection rates from their priors, scatter of the counts as at the fitted borders.
    """
    response = result.posterior.response
    rows = border_rows(result.config, border)
    rows = rows[
        rows["month"].between(result.config.start, result.config.end) & (rows["confidence"] != "lower bound")
    ]
    rows = rows[rows["nationality"].isin(response.groups)]
    windows = [
        Window(border, _covered(row, response.groups), ((str(row["month"]), 1.0),), float(row["persons"]))
        for row in rows.to_dict("records")
    ]
    counts = Counts.arrange(windows, response)
    posterior = result.posterior
    rng = np.random.default_rng(result.config.seed)
    drawn = np.zeros((_DRAWS, len(counts.observed)))
    series = posterior.counts.borders
    alike = [
        [i for i, name in enumerate(series) if len(w.groups) == 1 and name.endswith(f" {w.groups[0]}")]
        for w in counts.windows
    ]
    for i, theta in enumerate(result.draws(_DRAWS, rng)):
        u, detection, log_phi = posterior.split(theta)
        rate = posterior.rate(detection)
        persons = np.exp(u)
        if border in _BEHIND_MANAGUA:
            persons = persons * landed_share(response.rows, persons)
        mean = np.asarray(counts.gather @ (rate * (response.matrix @ persons))) + 1e-3
        phi = np.exp(np.array([log_phi[own].mean() if own else log_phi.mean() for own in alike]))
        drawn[i] = rng.poisson(np.minimum(mean * rng.gamma(1.0 / phi, phi), 1e8))
    cells = pd.DataFrame(
        {
            "nationality": [w.groups[0] for w in counts.windows],
            "covers": [";".join(w.groups) for w in counts.windows],
            "month": [w.months[0][0] for w in counts.windows],
            "observed": counts.observed,
        }
    )
    return cells, np.quantile(drawn, LEVELS, axis=0).T


def _covered(row: dict[Hashable, Any], groups: tuple[str, ...]) -> tuple[str, ...]:
    """Groups a count stands for; "others" are all that its list does not name."""
    named = str(row["covers"]).split(";") if row["covers"] else [str(row["nationality"])]
    return tuple(g for g in named if g in groups)


def naive_from_darien(result: FitResult, cells: pd.DataFrame) -> tuple[float, str]:
    """Mean WIS of the best rule that scales and lags the Darién of the same nationality.

    Parameters
    ----------
    result : FitResult
    cells : DataFrame
        nationality, covers, month, observed.

    Returns
    -------
    wis : float
    rule : str
        Scale, lag and spread are chosen by looking at what was withheld, which favours the rule.
    """
    rows = border_rows(result.config, "darien")
    darien = rows.set_index(["nationality", "month"])["persons"]
    best, name = np.inf, ""
    seen = cells["observed"].to_numpy(np.float64)
    for lag in _LAGS:
        months = [str(pd.Period(m, "M") - lag) for m in cells["month"]]
        pairs = zip(cells["covers"].str.split(";"), months, strict=True)
        base = np.array([sum(float(darien.get((g, m), 0.0)) for g in groups) for groups, m in pairs])
        for scale, spread in product(_SCALES, _SPREADS):
            made = np.expm1(np.maximum(np.log1p(base * scale)[:, None] + spread * norm.ppf(LEVELS), 0.0))
            mean = float(wis(made, seen).mean())
            if mean < best:
                best, name = mean, f"Darién x {scale:g}, lag {lag}, spread {spread:g}"
    return best, name


def score_withheld(result: FitResult) -> pd.DataFrame:
    """Score every withheld border.

    Parameters
    ----------
    result : FitResult

    Returns
    -------
    DataFrame
        border, cells, wis, naive_wis, relative_wis, rule, coverage90; ``all`` for the borders together.
    """
    out = []
    for border in result.config.withheld:
        cells, made = predict_border(result, border)
        if cells.empty:
            continue
        seen = cells["observed"].to_numpy(np.float64)
        naive, rule = naive_from_darien(result, cells)
        own = float(wis(made, seen).mean())
        inside = float(((seen >= made[:, 2]) & (seen <= made[:, 20])).mean())
        out.append((border, len(cells), own, naive, own / naive, rule, inside))
    columns = ["border", "cells", "wis", "naive_wis", "relative_wis", "rule", "coverage90"]
    return pd.DataFrame(out, columns=columns)
