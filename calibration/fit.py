"""A posterior enters; its mode leaves, from several starts, and corrected by whole runs of the agents engine."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import minimize

from calibration.one_core import one_core
from calibration.response import month_of, run_strands

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from calibration.likelihood import Posterior
    from calibration.response import Response
    from sim.spec import Scenario

__all__ = ["Mode", "agents_ratio", "find_mode", "load_checkpoint", "save_checkpoint", "with_departures"]

_STEPS = 400
_SCATTER = 0.3
_HELD = 200.0
"""Crossings by which a ratio of runs is held towards one."""
_RATIO = (0.2, 5.0)


@dataclass(frozen=True)
class Mode:
    """The best parameters found.

    Parameters
    ----------
    theta : float64 [size]
    value : float
        Negative log posterior there.
    starts : tuple of float
        Where each start ended; far apart means more than one hill.
    calls : int
    """

    theta: NDArray[np.float64]
    value: float
    starts: tuple[float, ...]
    calls: int


@one_core()
def find_mode(
    posterior: Posterior, *, starts: int = 3, seed: int = 1, first: NDArray[np.float64] | None = None
) -> Mode:
    """Multi-start L-BFGS-B with exact gradients.

    Parameters
    ----------
    posterior : Posterior
    starts : int
    seed : int
        Of the scatter around the first start.
    first : float64, optional
        Where to start; the scenario's own departures by default.

    Returns
    -------
    Mode
    """
    rng = np.random.default_rng(seed)
    begin = posterior.start() if first is None else first
    bounds = posterior.bounds()
    low = np.array([-np.inf if a is None else a for a, _ in bounds])
    high = np.array([np.inf if b is None else b for _, b in bounds])
    best, ends, calls = None, [], 0
    for turn in range(starts):
        x0 = begin if turn == 0 else begin + _SCATTER * rng.standard_normal(posterior.size)
        found = minimize(
            posterior.value_and_slope,
            np.clip(x0, low, high),
            jac=True,
            method="L-BFGS-B",
            bounds=bounds,
            options={"maxiter": _STEPS, "maxfun": 2 * _STEPS, "maxcor": 20},
        )
        calls += int(found.nfev)
        ends.append(float(found.fun))
        if best is None or found.fun < best.fun:
            best = found
    assert best is not None  # noqa: S101 - there is at least one start
    return Mode(np.asarray(best.x), float(best.fun), tuple(ends), calls)


def with_departures(scenario: Scenario, response: Response, departures: NDArray[np.float64]) -> Scenario:
    """The scenario with other numbers of departures by group, channel and month.

    Parameters
    ----------
    scenario : Scenario
    response : Response
        Names the rows.
    departures : float64 [rows]

    Returns
    -------
    Scenario
        Shares between the places of a row are kept.
    """
    factor = dict(zip(response.rows, departures / np.maximum(response.start, 1e-9), strict=True))
    rows = [
        row.model_copy(
            update={
                "persons": row.total * factor.get((row.group, row.channel, month_of(row)), 1.0),
                "per_day": None,
            }
        )
        for row in scenario.departures
    ]
    return scenario.model_copy(update={"departures": tuple(rows)})


def agents_ratio(
    scenario: Scenario,
    response: Response,
    departures: NDArray[np.float64],
    *,
    scale: float,
    seeds: range,
    progress: Callable[[int, int], None] | None = None,
) -> NDArray[np.float64]:
    """Ratio of whole agent runs to what the response predicts, by series and month.

    Parameters
    ----------
    scenario : Scenario
    response : Response
    departures : float64 [rows]
    scale : float
    seeds : range
        One run each; the same in every pass, so that passes differ by parameters and not by luck.
    progress : callable, optional

    Returns
    -------
    float64 [strands, groups, months]
        Held towards one where few people cross.
    """
    made = with_departures(scenario, response, departures)
    total = np.zeros((len(response.strands), len(response.groups), len(response.months)))
    for done, seed in enumerate(seeds):
        table = run_strands(made, response.strands, scale=scale, seed=seed)
        counted = table.reindex(columns=list(response.months)).fillna(0.0).to_numpy(np.float64)
        for i, (border, parameter, group) in enumerate(table.index):
            s = response.strands.index((str(border), str(parameter)))
            total[s, response.groups.index(str(group))] += counted[i]
        if progress is not None:
            progress(done + 1, len(seeds))
    predicted = response.crossings(departures)
    return np.clip((total / len(seeds) + _HELD) / (predicted + _HELD), *_RATIO)


def save_checkpoint(
    path: Path, key: str, passes: int, theta: NDArray[np.float64], factor: NDArray[np.float64]
) -> None:
    """Keep where a fit stands, aside first and then renamed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_suffix(".part.npz")
    np.savez_compressed(
        aside, facts=np.array(json.dumps({"key": key, "passes": passes})), theta=theta, factor=factor
    )
    aside.replace(path)


def load_checkpoint(path: Path, key: str) -> tuple[int, NDArray[np.float64], NDArray[np.float64]] | None:
    """Read a checkpoint of the same configuration, or nothing."""
    if not path.is_file():
        return None
    with np.load(path, allow_pickle=False) as held:
        facts = json.loads(str(held["facts"]))
        if facts["key"] != key:
            return None
        return int(facts["passes"]), held["theta"], held["factor"]
