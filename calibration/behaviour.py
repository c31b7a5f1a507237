"""A scenario and parameters of behaviour enter; how the counted series answer to them, measured by whole runs, leaves.

Departures enter the series linearly, behaviour does not: for each parameter the plan is compiled again a little above and a
little below, everybody walks with the same luck, and the slope of log crossings is taken by series and month. Fits move
along these slopes and are corrected by whole runs (`calibration.fit.agents_ratio`). Where slopes mislead, as with choices
that jump, :func:`search` tries whole runs instead (CMA-ES), each with the departures of the fit.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from calibration.fit import with_departures
from calibration.response import run_strands
from sim.ensemble.sweep import with_parameters

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from calibration.likelihood import Posterior
    from calibration.response import Response
    from sim.spec import Scenario

__all__ = ["Found", "crossings_of", "measure_answers", "run_objective", "search"]

_STEP = 0.15
"""Relative step of a difference; smaller ones drown in the luck of single runs."""
_HELD = 200.0
"""Crossings by which a ratio of runs is held towards one."""
_STEEPEST = 3.0
_FIRST_SPREAD = 0.25
_RATIO = (0.2, 5.0)


def crossings_of(scenario: Scenario, response: Response, *, scale: float, seed: int) -> NDArray[np.float64]:
    """Crossings of one run of the agents engine before detection, on the axes of a response.

    Parameters
    ----------
    scenario : Scenario
    response : Response
    scale : float
        Share of the people simulated.
    seed : int

    Returns
    -------
    float64 [strands, groups, months]
    """
    table = run_strands(scenario, response.strands, scale=scale, seed=seed)
    counted = table.reindex(columns=list(response.months)).fillna(0.0).to_numpy(np.float64)
    out = np.zeros((len(response.strands), len(response.groups), len(response.months)))
    for i, (border, parameter, group) in enumerate(table.index):
        if group in response.groups:
            out[response.strands.index((str(border), str(parameter))), response.groups.index(str(group))] += (
                counted[i]
            )
    return out


def measure_answers(
    scenario: Scenario,
    response: Response,
    priors: Sequence[tuple[str, float, float, float]],
    *,
    scale: float,
    seed: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> Response:
    """Measure how the series answer to parameters of behaviour.

    Parameters
    ----------
    scenario : Scenario
        Holds the values around which differences are taken.
    response : Response
    priors : sequence of (str, float, float, float)
        Parameter, middle, lower and upper bound.
    scale : float
        Share of the people simulated.
    seed : int
        The same on both sides of a difference.
    progress : callable, optional
        Told parameters done and parameters in all.

    Returns
    -------
    Response
        With `answers`.
    """
    answers = dict(response.answers)
    for done, (name, _, low, high) in enumerate(priors):
        value = float(scenario.parameters[name])
        below, above = max(value * (1.0 - _STEP), low), min(value * (1.0 + _STEP), high)
        runs = [
            crossings_of(with_parameters(scenario, {name: v}), response, scale=scale, seed=seed)
            for v in (below, above)
        ]
        slope = (np.log(runs[1] + _HELD) - np.log(runs[0] + _HELD)) / np.log(above / below)
        answers[name] = (float(np.log(value)), np.clip(slope, -_STEEPEST, _STEEPEST))
        if progress is not None:
            progress(done + 1, len(priors))
    return replace(response, answers=answers)


@dataclass(frozen=True)
class Found:
    """What a search found.

    Parameters
    ----------
    x : float64 [parameters]
    value : float
    evaluations : int
    begun : float
        Value at the start.
    """

    x: NDArray[np.float64]
    value: float
    evaluations: int
    begun: float


def search(
    objective: Callable[[NDArray[np.float64]], float],
    start: NDArray[np.float64],
    low: NDArray[np.float64],
    high: NDArray[np.float64],
    *,
    evaluations: int,
    seed: int = 1,
    whole: Sequence[int] = (),
) -> Found:
    """CMA-ES between bounds, for objectives without useful slopes.

    Parameters
    ----------
    objective : callable
        Of float64 [parameters]; smaller is better.
    start, low, high : float64 [parameters]
    evaluations : int
        At most this many calls, give or take one generation.
    seed : int
    whole : sequence of int
        Numbers of the parameters that are choices: they take whole numbers only.

    Returns
    -------
    Found
        Never worse than the start.
    """
    import cma  # noqa: PLC0415 - slow to import

    width = np.maximum(high - low, 1e-12)

    def back(z: NDArray[np.float64]) -> NDArray[np.float64]:
        x = low + np.clip(z, 0.0, 1.0) * width
        for i in whole:
            x[i] = np.round(x[i])
        return np.asarray(np.clip(x, low, high))

    begun = objective(start)
    best, least = start.copy(), begun
    options = {"seed": seed, "verbose": -9, "bounds": [0.0, 1.0], "maxfevals": evaluations}
    strategy = cma.CMAEvolutionStrategy(((start - low) / width).tolist(), _FIRST_SPREAD, options)
    calls = 1
    while not strategy.stop():
        points = strategy.ask()
        values = []
        for point in points:
            x = back(np.asarray(point))
            values.append(objective(x))
            calls += 1
            if values[-1] < least:
                best, least = x, values[-1]
        strategy.tell(points, values)
    return Found(best, float(least), calls, float(begun))


def run_objective(
    posterior: Posterior,
    scenario: Scenario,
    theta: NDArray[np.float64],
    names: Sequence[str],
    *,
    scale: float,
    seed: int = 1,
) -> Callable[[NDArray[np.float64]], float]:
    """Negative log posterior of parameters of behaviour, each tried by a whole run with the departures of a fit.

    Parameters
    ----------
    posterior : Posterior
    scenario : Scenario
    theta : float64 [size]
        The fit.
    names : sequence of str
        Parameters, in the order of the objective's argument (logs).
    scale : float
    seed : int
        The same in every run.

    Returns
    -------
    callable
    """
    response = posterior.response
    departures = np.exp(posterior.split(theta)[0])
    made = with_departures(scenario, response, departures)
    at = [posterior.n_rows + posterior.names.index(name) for name in names]

    def crossed(x: NDArray[np.float64]) -> NDArray[np.float64]:
        values = dict(zip(names, np.exp(x).tolist(), strict=True))
        return crossings_of(with_parameters(made, values), response, scale=scale, seed=seed)

    base = crossed(theta[at])
    predicted = response.moved(dict(zip(names, theta[at].tolist(), strict=True)))

    def objective(x: NDArray[np.float64]) -> float:
        ratio = np.clip((crossed(x) + _HELD) / (base + _HELD), *_RATIO)
        answers = {
            name: (float(v), 0.0 * predicted.answers[name][1]) for name, v in zip(names, x, strict=True)
        }
        tried = replace(predicted.corrected(ratio), answers={**predicted.answers, **answers})
        moved = theta.copy()
        moved[at] = x
        value, _ = type(posterior)(tried, posterior.counts, posterior.priors).value_and_slope(moved)
        return value

    return objective
