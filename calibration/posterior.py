"""A mode enters; intervals, draws, what the data cannot see and how far the approximation holds leave."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.optimize import minimize

from calibration.one_core import one_core

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from calibration.likelihood import Posterior

__all__ = ["Direction", "Importance", "Laplace", "directions", "importance", "laplace", "profile"]

_RIDGE = 1e-9
_SMALL_LOADING = 0.25
_STEPS = 250
_FREEDOM = 7.0
_TRIES = 200
_FEWEST_DRAWS = 25
"""Pareto smoothing fits a tail of a fifth of the draws, and five at least."""


@dataclass(frozen=True)
class Laplace:
    """Normal approximation around the mode.

    Parameters
    ----------
    theta : float64 [size]
    covariance : float64 [size, size]
    """

    theta: NDArray[np.float64]
    covariance: NDArray[np.float64]

    @property
    def spread(self) -> NDArray[np.float64]:
        """Standard deviations."""
        return np.asarray(np.sqrt(np.diag(self.covariance)))

    def draws(self, n: int, rng: np.random.Generator) -> NDArray[np.float64]:
        """Draw parameters: float64 [n, size]."""
        root = np.linalg.cholesky(self.covariance + _RIDGE * np.eye(len(self.theta)))
        return np.asarray(self.theta + rng.standard_normal((n, len(self.theta))) @ root.T)


@dataclass(frozen=True)
class Direction:
    """A combination of parameters and how much the counts say about it.

    Parameters
    ----------
    information : float
        Information of the counts in units of the prior's own: below 1 the prior says more than the data.
    words : str
        Which parameters rise and which fall.
    seen : bool
        Whether the data say more than the prior.
    up, down : tuple of str
        The parameters that rise, and those that fall.
    """

    information: float
    words: str
    seen: bool
    up: tuple[str, ...] = ()
    down: tuple[str, ...] = ()


@dataclass(frozen=True)
class Importance:
    """Importance sampling of the free detection rates, departures integrated out at each draw, dispersion held.

    Parameters
    ----------
    draws : float64 [n, rates]
    weights : float64 [n]
        Smoothed, together one.
    pareto_k : float
        Below 0.7 the weighted draws can be trusted.
    effective : float
        Effective number of draws.
    """

    draws: NDArray[np.float64]
    weights: NDArray[np.float64]
    pareto_k: float
    effective: float


@one_core()
def laplace(posterior: Posterior, theta: NDArray[np.float64]) -> Laplace:
    """Approximate the posterior by a normal at its mode.

    Parameters
    ----------
    posterior : Posterior
    theta : float64 [size]

    Returns
    -------
    Laplace
    """
    information = posterior.information(theta)
    factor = cho_factor(information + _RIDGE * np.eye(posterior.size))
    covariance = cho_solve(factor, np.eye(posterior.size))
    return Laplace(theta, 0.5 * (covariance + covariance.T))


def _basis(posterior: Posterior) -> tuple[NDArray[np.float64], list[str], NDArray[np.float64]]:
    """Detection rates and the level of each group and channel: columns, names, prior spreads."""
    rows = posterior.response.rows
    blocks = list(dict.fromkeys(row[:2] for row in rows))
    names = [*posterior.names, *(f"departures {g} by {c}" for g, c in blocks)]
    basis = np.zeros((posterior.size, len(names)))
    for i in range(posterior.n_detection):
        basis[posterior.n_rows + i, i] = 1.0
    for k, block in enumerate(blocks):
        for r, row in enumerate(rows):
            basis[r, posterior.n_detection + k] = float(row[:2] == block)
    spread = np.concatenate([posterior.detection_prior[1], np.ones(len(blocks))])
    return basis, names, spread


@one_core()
def directions(posterior: Posterior, theta: NDArray[np.float64]) -> list[Direction]:
    """What the counts can and cannot tell apart, from the eigenvalues of the Fisher information.

    Parameters
    ----------
    posterior : Posterior
    theta : float64 [size]

    Returns
    -------
    list of Direction
        The least visible first.
    """
    basis, names, spread = _basis(posterior)
    free = spread > 1e-3  # noqa: PLR2004 - fixed parameters have next to no prior spread
    scaled = (basis * spread)[:, free]
    names = [name for name, keep in zip(names, free, strict=True) if keep]
    information = scaled.T @ posterior.information(theta, prior=False) @ scaled
    values, vectors = np.linalg.eigh(information)
    spread = spread[free]
    return [_direction(float(v), vector * spread, names) for v, vector in zip(values, vectors.T, strict=True)]


def _direction(information: float, vector: NDArray[np.float64], names: list[str]) -> Direction:
    if abs(vector.min()) > vector.max():
        vector = -vector
    large = np.flatnonzero(np.abs(vector) >= _SMALL_LOADING * np.abs(vector).max())
    order = large[np.argsort(-np.abs(vector[large]))][:6]
    up = tuple(names[i] for i in order if vector[i] > 0)
    down = tuple(names[i] for i in order if vector[i] < 0)
    text = "raising " + ", ".join(up) + (" while lowering " + ", ".join(down) if down else "")
    return Direction(information, text, information > 1.0, up, down)


def _conditional(
    posterior: Posterior, hyper: NDArray[np.float64], begin: NDArray[np.float64]
) -> tuple[float, NDArray[np.float64]]:
    """Best departures for given detection and dispersion: value and parameters."""
    n = posterior.n_rows

    def part(u: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        value, slope = posterior.value_and_slope(np.concatenate([u, hyper]))
        return value, slope[:n]

    found = minimize(part, begin[:n], jac=True, method="L-BFGS-B", options={"maxiter": _STEPS, "maxcor": 20})
    return float(found.fun), np.concatenate([found.x, hyper])


@one_core()
def importance(posterior: Posterior, normal: Laplace, *, n: int = 200, seed: int = 1) -> Importance:
    """Check the normal approximation of the detection rates.

    Parameters
    ----------
    posterior : Posterior
    normal : Laplace
    n : int
        Draws.
    seed : int

    Returns
    -------
    Importance
        Draws from a t distribution with seven degrees of freedom around the mode, inside the bounds; each weighed by
        the posterior with departures integrated out (Laplace at each draw).
    """
    k = posterior.n_rows
    rng = np.random.default_rng(seed)
    _, spread, low, high = posterior.detection_prior
    free = np.flatnonzero(spread > 1e-3)  # noqa: PLR2004 - fixed parameters have no spread
    at = k + free
    centre, covariance = normal.theta[at], normal.covariance[np.ix_(at, at)]
    root = np.linalg.cholesky(covariance + _RIDGE * np.eye(len(centre)))
    z = np.zeros((n, len(free)))
    for i in range(n):
        for _ in range(_TRIES):
            z[i] = rng.standard_normal(len(free)) * np.sqrt(_FREEDOM / rng.chisquare(_FREEDOM))
            draw = centre + root @ z[i]
            if (draw >= low[free]).all() and (draw <= high[free]).all():
                break
    draws = np.clip(centre + z @ root.T, low[free], high[free])
    log_weight = np.zeros(n)
    for i in range(n):
        hyper = normal.theta[k:].copy()
        hyper[free] = draws[i]
        value, theta = _conditional(posterior, hyper, normal.theta)
        _, log_det = np.linalg.slogdet(posterior.information(theta)[:k, :k])
        proposal = -0.5 * (_FREEDOM + len(centre)) * np.log1p((z[i] @ z[i]) / _FREEDOM)
        log_weight[i] = -value - 0.5 * log_det - proposal
    return _smoothed(draws, log_weight)


def _smoothed(draws: NDArray[np.float64], log_weight: NDArray[np.float64]) -> Importance:
    if len(draws) < max(2 * draws.shape[1], _FEWEST_DRAWS):
        return Importance(draws, np.full(len(draws), 1.0 / max(len(draws), 1)), float("inf"), 0.0)
    smooth, k = _psis(log_weight - log_weight.max())
    weights = np.exp(smooth - np.max(smooth))
    weights /= weights.sum()
    return Importance(draws, weights, float(k), float(1.0 / (weights**2).sum()))


def _psis(log_weight: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """Pareto smoothing, wherever this version of arviz keeps it."""
    try:
        stats: Any = import_module("arviz_stats.base").array_stats
    except ImportError:
        stats = import_module("arviz")
    smooth, k = stats.psislw(log_weight)
    return np.asarray(smooth, np.float64), float(k)


@one_core()
def profile(
    posterior: Posterior, theta: NDArray[np.float64], parameter: int, at: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Profile of one detection rate: the best log posterior for each of its values.

    Departures and the other rates are refitted; the dispersion is held, since it was estimated with departures integrated out.

    Parameters
    ----------
    posterior : Posterior
    theta : float64 [size]
        The mode.
    parameter : int
        Number of the detection rate.
    at : float64 [n]
        Log values to hold it at.

    Returns
    -------
    float64 [n]
        Log posterior minus that of the mode.
    """
    index = posterior.n_rows + parameter
    bounds = posterior.bounds()
    base, _ = posterior.value_and_slope(theta)
    tail = posterior.n_rows + posterior.n_detection
    dispersion = [(float(x), float(x)) for x in theta[tail:]]
    out = []
    for value in at:
        x0 = theta.copy()
        x0[index] = value
        held = [*bounds[:index], (float(value), float(value)), *bounds[index + 1 : tail], *dispersion]
        found = minimize(
            posterior.value_and_slope,
            x0,
            jac=True,
            method="L-BFGS-B",
            bounds=held,
            options={"maxiter": _STEPS},
        )
        out.append(base - float(found.fun))
    return np.array(out)
