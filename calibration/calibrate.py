"""A configuration enters; a folder with parameters, departures, diagnostics and a report leaves."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from calibration.behaviour import measure_answers, run_objective, search
from calibration.config import config_windows
from calibration.fit import agents_ratio, load_checkpoint, save_checkpoint
from calibration.likelihood import Counts, Posterior, Priors
from calibration.marginal import find_marginal_mode
from calibration.posterior import Importance, directions, importance, profile
from calibration.response import expected_response, measure_response
from calibration.withheld import blind_scenario, score_withheld
from sim.ensemble.sweep import with_parameters
from sim.spec import load_scenario

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from calibration.behaviour import Found
    from calibration.config import Config
    from calibration.fit import Mode
    from calibration.posterior import Direction, Laplace
    from calibration.response import Response
    from sim.spec import Scenario

__all__ = ["FitResult", "build_posterior", "calibrate", "config_response", "write_result"]


@dataclass
class FitResult:
    """A finished fit.

    Parameters
    ----------
    config : Config
    scenario : Scenario
    posterior : Posterior
        With the corrected response.
    mode : Mode
    normal : Laplace
    directions : list of Direction
    importance : Importance
    profiles : dict of str to (float64, float64)
        Log values and log posterior by detection parameter.
    ratios : list of float
        Mean distance of whole runs from the response, one for each correction.
    withheld : DataFrame or None
    seconds : dict of str to float
    found : Found or None
        Of the search by whole runs; further from the fit than the interval is wide means that slopes mislead.
    withheld_cells : DataFrame or None
        Every count of the withheld borders beside its prediction.
    """

    config: Config
    scenario: Scenario
    posterior: Posterior
    mode: Mode
    normal: Laplace
    directions: list[Direction]
    importance: Importance
    profiles: dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]]
    ratios: list[float] = field(default_factory=list)
    withheld: pd.DataFrame | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    found: Found | None = None
    withheld_cells: pd.DataFrame | None = None

    def draws(self, n: int, rng: np.random.Generator) -> NDArray[np.float64]:
        """Draw parameters inside their bounds: float64 [n, size]."""
        bounds = np.array(
            [[-np.inf if a is None else a, np.inf if b is None else b] for a, b in self.posterior.bounds()]
        )
        return np.clip(self.normal.draws(n, rng), bounds[:, 0], bounds[:, 1])

    @property
    def at_bounds(self) -> dict[str, bool]:
        """Detection rates that ended at the edge of their prior."""
        _, spread, low, high = self.posterior.detection_prior
        value = self.posterior.split(self.normal.theta)[1]
        near = (np.minimum(value - low, high - value) < 0.02 * (high - low)) & (spread > 1e-3)  # noqa: PLR2004
        return dict(zip(self.posterior.names, near.tolist(), strict=True))

    @property
    def parameters(self) -> pd.DataFrame:
        """Detection rates and dispersion with intervals, beside their priors."""
        p = self.posterior
        k = p.n_rows
        middle, spread, _, _ = p.detection_prior
        names = [*p.names, *(f"dispersion {b}" for b in p.counts.borders)]
        before = np.concatenate([middle, np.full(p.n_phi, -2.5)])
        wide = np.concatenate([spread, np.ones(p.n_phi)])
        centre, own = self.normal.theta[k:], self.normal.spread[k:]
        return pd.DataFrame(
            {
                "parameter": names,
                "value": np.exp(centre),
                "lo90": np.exp(centre - 1.645 * own),
                "hi90": np.exp(centre + 1.645 * own),
                "prior": np.exp(before),
                "prior_lo90": np.exp(before - 1.645 * wide),
                "prior_hi90": np.exp(before + 1.645 * wide),
                "narrowed_to": own / wide,
            }
        )


def config_response(
    config: Config, scenario: Scenario, folder: Path, say: Callable[[str], None] = lambda _: None
) -> Response:
    """The response a configuration asks for, measured once and kept.

    Parameters
    ----------
    config : Config
    scenario : Scenario
    folder : Path
        Its ``cache`` keeps the response.
    say : callable

    Returns
    -------
    Response
    """
    if config.engine == "expected":
        return expected_response(scenario, cache=folder / "cache")
    return measure_response(
        scenario,
        scale=config.response_scale,
        lags=config.lags,
        seed=config.seed,
        cache=folder / "cache",
        progress=lambda done, runs: say(f"run {done} of {runs} of the agents engine"),
    )


def build_posterior(config: Config, response: Response) -> Posterior:
    """The posterior a configuration asks for.

    Parameters
    ----------
    config : Config
    response : Response

    Returns
    -------
    Posterior
    """
    counts = Counts.arrange(config_windows(config, response.groups), response)
    known = {name for _, name in response.strands}
    detection = tuple(entry for entry in config.detection if entry[0] in known)
    detection += tuple(entry for entry in config.behaviour if entry[0] in response.answers)
    level = np.log(np.maximum(response.start, 1.0))
    return Posterior(response, counts, Priors(detection, config.monthly_change, level))


def calibrate(
    config: Config,
    folder: Path,
    *,
    resume: bool = False,
    draws: int = 100,
    say: Callable[[str], None] = lambda _: None,
) -> FitResult:
    """Fit, correct by whole runs, refit, and diagnose.

    Parameters
    ----------
    config : Config
    folder : Path
        Keeps the response and a checkpoint after every pass.
    resume : bool
        Continue from the checkpoint of the same configuration.
    draws : int
        Of importance sampling; 0 leaves it out.
    say : callable
        Told what is being done.

    Returns
    -------
    FitResult
    """
    began, worked = time.perf_counter(), time.process_time()
    scenario = blind_scenario(load_scenario(config.scenario), config.withheld)
    say("measuring how crossings answer to departures")
    response = config_response(config, scenario, folder, say)
    seconds = {"response": time.perf_counter() - began}
    if config.behaviour:
        say("measuring how crossings answer to behaviour")
        response = measure_answers(
            scenario, response, config.behaviour, scale=config.run_scale, seed=config.seed
        )
        seconds["behaviour"] = time.perf_counter() - began - seconds["response"]
    shape = (len(response.strands), len(response.groups), len(response.months))
    kept = load_checkpoint(folder / "checkpoint.npz", config.key) if resume else None
    done, theta, factor = kept if kept is not None else (0, None, np.ones(shape))
    ratios: list[float] = []
    for turn in range(done, config.passes + 1):
        say(f"fitting, pass {turn + 1} of {config.passes + 1}")
        posterior = build_posterior(config, response.corrected(factor))
        mode, normal = find_marginal_mode(
            posterior, starts=config.starts if turn == 0 else 1, seed=config.seed, first=theta
        )
        theta = normal.theta
        if turn < config.passes:
            ratio, weight = _whole_runs(config, scenario, posterior, theta)
            ratios.append(float((np.abs(ratio - 1.0) * weight).sum() / weight.sum()))
            factor = np.clip(factor * ratio, 0.02, 50.0)
        save_checkpoint(
            folder / "checkpoint.npz", config.key, turn + 1 if turn < config.passes else turn, theta, factor
        )
    seconds["fit"] = time.perf_counter() - began - seconds["response"]
    say("looking at what the data cannot see")
    result = FitResult(
        config, scenario, posterior, mode, normal, directions(posterior, normal.theta),
        Importance(np.zeros((0, 0)), np.zeros(0), float("nan"), 0.0), {}, ratios, None, seconds,
    )  # fmt: skip
    _diagnose(result, draws, say)
    if config.search[0]:
        say("searching behaviour by whole runs")
        result.found = _search(result)
    if config.withheld:
        say("predicting what was withheld")
        result.withheld, result.withheld_cells = score_withheld(result)
    seconds["all"] = time.perf_counter() - began
    seconds["of a core"] = time.process_time() - worked
    return result


def _whole_runs(
    config: Config, scenario: Scenario, posterior: Posterior, theta: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Ratio of whole runs to what the response predicts at a fit, and what it predicts."""
    u, log_parameters, _ = posterior.split(theta)
    named = dict(zip(posterior.names, log_parameters.tolist(), strict=True))
    behaviour = {name: named[name] for name in posterior.response.answers}
    response = posterior.response.moved(behaviour)
    made = with_parameters(scenario, {name: float(np.exp(value)) for name, value in behaviour.items()})
    seeds = range(config.seed, config.seed + config.runs)
    departures = np.exp(u)
    ratio = agents_ratio(made, response, departures, scale=config.run_scale, seeds=seeds)
    return ratio, response.crossings(departures)


def _search(result: FitResult) -> Found | None:
    """CMA-ES over the parameters of behaviour from the fit, where the configuration asks for it."""
    evaluations, scale = result.config.search
    names = [name for name, _, _, _ in result.config.behaviour]
    if not evaluations or not names:
        return None
    theta = result.normal.theta
    at = [result.posterior.n_rows + result.posterior.names.index(name) for name in names]
    bounds = np.log(np.array([[low, high] for _, _, low, high in result.config.behaviour]))
    objective = run_objective(
        result.posterior, result.scenario, theta, names, scale=scale, seed=result.config.seed
    )
    return search(
        objective, theta[at], bounds[:, 0], bounds[:, 1], evaluations=evaluations, seed=result.config.seed
    )


def _diagnose(result: FitResult, draws: int, say: Callable[[str], None]) -> None:
    posterior, normal = result.posterior, result.normal
    _, spread, low, high = posterior.detection_prior
    for i, name in enumerate(posterior.names):
        if spread[i] > 1e-3:  # noqa: PLR2004 - fixed parameters have no spread
            k = posterior.n_rows + i
            at = np.clip(
                normal.theta[k] + normal.spread[k] * np.array([-2.0, -1.0, 0.0, 1.0, 2.0]), low[i], high[i]
            )
            result.profiles[name] = (at, profile(posterior, normal.theta, i, at))
    if draws:
        say("checking the intervals by importance sampling")
        result.importance = importance(posterior, normal, n=draws, seed=result.config.seed)


def _search_facts(result: FitResult) -> dict[str, object] | None:
    if result.found is None:
        return None
    names = [name for name, _, _, _ in result.config.behaviour]
    return {
        "evaluations": result.found.evaluations,
        "gain": round(result.found.begun - result.found.value, 3),
        "values": dict(zip(names, np.exp(result.found.x).round(4).tolist(), strict=True)),
    }


def write_result(result: FitResult, folder: Path, lang: str = "en") -> list[Path]:
    """Write tables, report and manifest.

    Parameters
    ----------
    result : FitResult
    folder : Path
    lang : str
        Language of the report, ``en`` or ``es``.

    Returns
    -------
    list of Path
    """
    from calibration.report import write_report  # noqa: PLC0415 - draws figures

    folder.mkdir(parents=True, exist_ok=True)
    posterior = result.posterior
    result.parameters.to_csv(folder / "parameters.csv", index=False)
    u = posterior.split(result.normal.theta)[0]
    spread = result.normal.spread[: posterior.n_rows]
    table = pd.DataFrame(posterior.response.rows, columns=["group", "channel", "month"])
    table["persons"] = np.exp(u)
    table["lo90"], table["hi90"] = np.exp(u - 1.645 * spread), np.exp(u + 1.645 * spread)
    table["before"] = posterior.response.start
    table.round(1).to_csv(folder / "departures.csv", index=False)
    named = [(d.information, d.seen, d.words) for d in result.directions]
    pd.DataFrame(named, columns=["information", "seen", "combination"]).to_csv(
        folder / "directions.csv", index=False
    )
    if result.withheld is not None:
        result.withheld.to_csv(folder / "withheld.csv", index=False)
    if result.withheld_cells is not None:
        result.withheld_cells.round(3).to_csv(folder / "withheld_cells.csv", index=False)
    write_report(result, folder / "report.html", lang)
    manifest = {
        "name": result.config.name,
        "version": version("travesia"),
        "config": result.config.key,
        "scenario": result.scenario.hash(),
        "counts": len(posterior.counts.observed),
        "parameters": posterior.size,
        "log_posterior": -result.mode.value,
        "starts": list(result.mode.starts),
        "pareto_k": result.importance.pareto_k,
        "effective_draws": result.importance.effective,
        "agents_against_response": result.ratios,
        "search": _search_facts(result),
        "seconds": {k: round(v, 1) for k, v in result.seconds.items()},
    }
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
    names = (
        "report.html",
        "parameters.csv",
        "departures.csv",
        "directions.csv",
        "fit.csv",
        "breaks.csv",
        "manifest.json",
    )
    return [folder / name for name in names]
