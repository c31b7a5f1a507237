"""A fit or a study enters; what two optional packages make of it leaves, or a plain word that they are not installed.

``travesia[abc]`` brings pyabc: approximate Bayesian computation from the posterior of a fit, as a check that needs no
likelihood. ``travesia[discovery]`` brings the EMA workbench: PRIM, which names the ranges of parameters in which something
happens (scenario discovery).
"""

from __future__ import annotations

import warnings
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from sim.errors import CalibrationError, Problem

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from calibration.calibrate import FitResult

__all__ = ["abc_from_fit", "optional", "prim_boxes"]

_WIDER = 2.0
"""Factor on the spread of the posterior for the prior that ABC starts from: it must be free to disagree."""
_FEWEST = 30


def optional(module: str, extra: str) -> Any:  # noqa: ANN401 - a module of a package without types
    """Import a package that is no dependency of ours.

    Parameters
    ----------
    module : str
    extra : str
        Name of the extra that brings it.

    Returns
    -------
    module

    Raises
    ------
    CalibrationError
        If it is not installed, with the words that install it.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return import_module(module)
    except ImportError as error:
        problem = Problem(
            f"{module.split('.', maxsplit=1)[0]} is not installed here",
            "optional package",
            f"pip install 'travesia[{extra}]'",
        )
        raise CalibrationError("This part needs an optional package.", [problem]) from error


def prim_boxes(points: pd.DataFrame, happened: NDArray[np.bool_]) -> pd.DataFrame:
    """Ranges of parameters in which something happens, by PRIM.

    Parameters
    ----------
    points : DataFrame
        Parameters of each run.
    happened : bool [runs]

    Returns
    -------
    DataFrame
        parameter, low, high, share_caught (of the cases), share_right (of the runs inside), for the first box; empty where
        no range does better than chance.
    """
    if len(points) < _FEWEST or not 0 < happened.sum() < len(points):
        problem = Problem(
            f"{len(points)} runs, {int(happened.sum())} cases", "runs", f"at least {_FEWEST} and both kinds"
        )
        raise CalibrationError("There is nothing to discover from.", [problem])
    prim = optional("ema_workbench.analysis.prim", "discovery")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        box = prim.Prim(points.reset_index(drop=True), happened.astype(bool)).find_box()
    columns = ["parameter", "low", "high", "share_caught", "share_right"]
    if box is None:
        return pd.DataFrame(columns=columns)
    limits = box.box_lims[-1]
    rows = []
    for name in points.columns:
        low, high = float(limits[name].iloc[0]), float(limits[name].iloc[1])
        if low > points[name].min() or high < points[name].max():
            rows.append((name, low, high, float(box.coverage), float(box.density)))
    return pd.DataFrame(rows, columns=columns)


def abc_from_fit(
    result: FitResult, database: Path, *, population: int = 100, generations: int = 4, seed: int = 1
) -> pd.DataFrame:
    """ABC-SMC over the free detection rates and parameters of behaviour, starting from the posterior of a fit.

    Parameters
    ----------
    result : FitResult
    database : Path
        File that pyabc keeps its populations in.
    population, generations : int
    seed : int

    Returns
    -------
    DataFrame
        A row a particle: the parameters (natural units) and ``weight``. Counts are drawn around what the fitted response
        expects, departures at the fit; they are compared by the log total of each series.
    """
    pyabc = optional("pyabc", "abc")
    posterior, theta = result.posterior, result.normal.theta
    k = posterior.n_rows
    free = np.flatnonzero(posterior.detection_prior[1] > 1e-3)
    names = [posterior.names[i] for i in free]
    middle, spread = theta[k + free], _WIDER * result.normal.spread[k + free]
    series = posterior.counts.border
    rng = np.random.default_rng(seed)

    def totals(counts: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
        return {"totals": np.log1p(np.bincount(series, counts, minlength=posterior.n_phi))}

    def model(drawn: dict[str, float]) -> dict[str, NDArray[np.float64]]:
        moved = theta.copy()
        moved[k + free] = [drawn[name] for name in names]
        phi = np.exp(theta[k + posterior.n_detection :])[series]
        mean = np.minimum(posterior.expected(moved) * rng.gamma(1.0 / phi, phi), 1e8)
        return totals(rng.poisson(mean).astype(np.float64))

    def distance(a: dict[str, NDArray[np.float64]], b: dict[str, NDArray[np.float64]]) -> float:
        return float(np.abs(a["totals"] - b["totals"]).mean())

    prior = pyabc.Distribution(
        **{n: pyabc.RV("norm", m, s) for n, m, s in zip(names, middle.tolist(), spread.tolist(), strict=True)}
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        smc = pyabc.ABCSMC(
            model, prior, distance, population_size=population, sampler=pyabc.sampler.SingleCoreSampler()
        )
        smc.new(f"sqlite:///{database}", totals(posterior.counts.observed))
        frame, weights = smc.run(max_nr_populations=generations).get_distribution()
    table = np.exp(frame[names].reset_index(drop=True))
    return pd.DataFrame(table).assign(weight=np.asarray(weights, np.float64))
