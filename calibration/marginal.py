"""A posterior enters; its mode with the dispersion estimated after departures are integrated out leaves.

Departures are free enough to follow every count, so that the joint mode makes the counts look less scattered than they are and
all intervals too narrow (simulation-based calibration showed 58 % where 90 % was promised for the dispersion). Here the
dispersion maximises the posterior with departures and detection integrated out (Laplace), as restricted maximum likelihood
does: each count's leverage, the share of it that the fit spends on itself, is taken out of its evidence.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.optimize import minimize
from scipy.sparse import csr_matrix

from calibration.fit import Mode, find_mode
from calibration.likelihood import negative_binomial
from calibration.one_core import one_core
from calibration.posterior import Laplace

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from calibration.likelihood import Posterior

__all__ = ["find_marginal_mode"]

_ROUNDS = 25
_CLOSE = 0.02
_STEP = 0.8
_RIDGE = 1e-9
_PRIOR = (-2.5, 1.0)
_LOG_PHI = (-8.0, 2.0)


def _inner(posterior: Posterior, theta: NDArray[np.float64]) -> NDArray[np.float64]:
    """Best departures and detection for the dispersion in `theta`."""
    k = posterior.n_rows + posterior.n_detection
    tail = theta[k:]

    def part(x: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        value, slope = posterior.value_and_slope(np.concatenate([x, tail]))
        return value, slope[:k]

    found = minimize(
        part,
        theta[:k],
        jac=True,
        method="L-BFGS-B",
        bounds=posterior.bounds()[:k],
        options={"maxiter": 300, "maxcor": 20, "ftol": 1e-10},
    )
    return np.concatenate([found.x, tail])


def _leverage(
    posterior: Posterior, theta: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Variance of each expected count, and the covariance of departures and detection."""
    k = posterior.n_rows + posterior.n_detection
    information = posterior.information(theta)[:k, :k]
    covariance = cho_solve(cho_factor(information + _RIDGE * np.eye(k)), np.eye(k))
    jacobian = csr_matrix(posterior.jacobian(theta))
    return np.asarray(jacobian.multiply(jacobian @ covariance).sum(axis=1)).ravel(), covariance


def _dispersion_step(
    posterior: Posterior, theta: NDArray[np.float64], variance: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Slope and information of the log dispersion, departures integrated out."""
    c = posterior.counts
    k = posterior.n_rows + posterior.n_detection
    log_phi = theta[k:]
    mean, phi = posterior.expected(theta), np.exp(log_phi)[c.border]
    _, _, by_phi = negative_binomial(c.observed, mean, phi)
    weight = 1.0 / (mean + phi * mean**2)
    share = np.clip(weight * variance, 0.0, 0.98)
    by_phi = np.where(c.lower_bound, 0.0, by_phi + 0.5 * weight * mean**2 * share)
    known = np.where(c.lower_bound, 0.0, 0.5 * (phi * mean / (1.0 + phi * mean)) ** 2 * (1.0 - share))
    slope = (
        np.bincount(c.border, by_phi * phi, minlength=posterior.n_phi)
        - (log_phi - _PRIOR[0]) / _PRIOR[1] ** 2
    )
    return slope, np.bincount(c.border, known, minlength=posterior.n_phi) + 1.0 / _PRIOR[1] ** 2


@one_core()
def find_marginal_mode(
    posterior: Posterior, *, starts: int = 1, seed: int = 1, first: NDArray[np.float64] | None = None
) -> tuple[Mode, Laplace]:
    """Find the mode and its normal approximation.

    Parameters
    ----------
    posterior : Posterior
    starts : int
        Starts of the joint search that comes first.
    seed : int
    first : float64, optional

    Returns
    -------
    mode : Mode
    normal : Laplace
        Covariance of departures and detection given the dispersion, widened by how they move with it, and of the
        log dispersion.
    """
    mode = find_mode(posterior, starts=starts, seed=seed, first=first)
    k = posterior.n_rows + posterior.n_detection
    theta = mode.theta.copy()
    theta[k:] = np.maximum(theta[k:], _PRIOR[0])
    covariance = np.eye(k)
    known = np.ones(posterior.n_phi)
    for _ in range(_ROUNDS):
        theta = _inner(posterior, theta)
        variance, covariance = _leverage(posterior, theta)
        slope, known = _dispersion_step(posterior, theta, variance)
        step = np.clip(slope / known, -_STEP, _STEP)
        theta[k:] = np.clip(theta[k:] + step, *_LOG_PHI)
        if np.abs(step).max() < _CLOSE:
            break
    moved = np.zeros((k, posterior.n_phi))
    for b in range(posterior.n_phi):
        aside = theta.copy()
        aside[k + b] += 0.3
        moved[:, b] = (_inner(posterior, aside)[:k] - theta[:k]) / 0.3
    full = np.zeros((posterior.size, posterior.size))
    full[:k, :k] = covariance + (moved / known) @ moved.T
    full[:k, k:] = moved / known
    full[k:, :k] = full[:k, k:].T
    full[range(k, posterior.size), range(k, posterior.size)] = 1.0 / known
    value, _ = posterior.value_and_slope(theta)
    return replace(mode, theta=theta, value=value), Laplace(theta, full)
