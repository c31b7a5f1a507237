"""A posterior with its priors enters; how often its intervals hold the truth on synthetic counts leaves.

Simulation-based calibration: parameters are drawn from the priors, counts from the parameters, the fit is made as on real
counts, and 50 and 90 % intervals are checked against what was drawn, over many truths.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.stats import norm

from calibration.likelihood import Counts, Posterior
from calibration.marginal import find_marginal_mode

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

__all__ = ["coverage_of", "draw_counts", "draw_truth", "run_sbc", "small_problem"]

_MOST_COUNTS = 5_000_000
_WATCHED = 12
"""Months of departures watched, beside every detection rate and dispersion."""


def small_problem(posterior: Posterior, groups: int = 3, months: int = 24) -> Posterior:
    """The same problem with few groups and the last months, so that a hundred fits take a minute.

    Parameters
    ----------
    posterior : Posterior
    groups : int
        Those with the most counts.
    months : int

    Returns
    -------
    Posterior
    """
    response, counts = posterior.response, posterior.counts
    weight = dict.fromkeys(response.groups, 0.0)
    for window in counts.windows:
        if len(window.groups) == 1:
            weight[window.groups[0]] = weight.get(window.groups[0], 0.0) + np.sqrt(window.count)
    kept_groups = sorted(sorted(weight, key=lambda g: -weight[g])[:groups])
    kept_months = response.months[-months:]
    keep = [i for i, row in enumerate(response.rows) if row[0] in kept_groups and row[2] in kept_months]
    g_at = [response.groups.index(g) for g in kept_groups]
    m_at = [response.months.index(m) for m in kept_months]
    cells = np.arange(response.matrix.shape[0]).reshape(len(response.strands), len(response.groups), -1)
    part = cells[:, g_at][:, :, m_at].ravel()
    smaller = replace(
        response,
        groups=tuple(kept_groups),
        months=tuple(kept_months),
        rows=tuple(response.rows[i] for i in keep),
        start=response.start[keep],
        matrix=response.matrix[part][:, keep],
        answers={name: (at, slope[:, g_at][:, :, m_at]) for name, (at, slope) in response.answers.items()},
    )
    windows = [w for w in counts.windows if len(w.groups) == 1 and not w.lower_bound]
    priors = replace(posterior.priors, level=posterior.priors.level[keep])
    return Posterior(smaller, Counts.arrange(windows, smaller), priors)


def draw_truth(posterior: Posterior, rng: np.random.Generator) -> NDArray[np.float64]:
    """Parameters from the priors.

    Parameters
    ----------
    posterior : Posterior
    rng : Generator

    Returns
    -------
    float64 [size]
    """
    u = np.zeros(posterior.n_rows)
    first = set(posterior.first.tolist())
    for i in range(posterior.n_rows):
        if i in first:
            u[i] = posterior.priors.level[i] + rng.standard_normal()
        else:
            u[i] = u[i - 1] + posterior.priors.monthly_change * rng.standard_normal()
    middle, spread, low, high = posterior.detection_prior
    inside = rng.uniform(norm.cdf((low - middle) / spread), norm.cdf((high - middle) / spread))
    detection = middle + spread * norm.ppf(inside)
    log_phi = -2.5 + rng.standard_normal(posterior.n_phi)
    return np.concatenate([np.clip(u, -4.0, 14.0), np.clip(detection, low, high), log_phi])


def draw_counts(posterior: Posterior, theta: NDArray[np.float64], rng: np.random.Generator) -> Posterior:
    """The same problem with counts drawn from given parameters.

    Parameters
    ----------
    posterior : Posterior
    theta : float64 [size]
    rng : Generator

    Returns
    -------
    Posterior
    """
    mean = posterior.expected(theta)
    phi = np.exp(theta[posterior.n_rows + posterior.n_detection :])[posterior.counts.border]
    drawn = rng.poisson(np.minimum(mean * rng.gamma(1.0 / phi, phi), _MOST_COUNTS)).astype(np.float64)
    counts = replace(posterior.counts, observed=drawn)
    return Posterior(posterior.response, counts, posterior.priors)


def coverage_of(inside: pd.DataFrame) -> pd.DataFrame:
    """Share of truths inside, by kind of parameter and by parameter.

    Parameters
    ----------
    inside : DataFrame
        parameter, kind, inside50, inside90, z.

    Returns
    -------
    DataFrame
        kind, parameter (``all`` for the kind as a whole), truths, coverage50, coverage90, spread_of_z (1 where the
        approximation is as wide as it should be).
    """
    whole = inside.assign(parameter="all")
    both = pd.concat([whole, inside[inside["kind"] != "departures"]], ignore_index=True)
    grouped = both.groupby(["kind", "parameter"], sort=False)
    return grouped.agg(
        truths=("inside90", "size"),
        coverage50=("inside50", "mean"),
        coverage90=("inside90", "mean"),
        spread_of_z=("z", lambda z: float(np.sqrt(np.mean(np.square(z))))),
    ).reset_index()


def run_sbc(
    posterior: Posterior,
    *,
    truths: int = 100,
    seed: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> pd.DataFrame:
    """Fit synthetic counts whose truth is known.

    Parameters
    ----------
    posterior : Posterior
        Small enough that one fit takes a second.
    truths : int
    seed : int
    progress : callable, optional
        Told truths done and truths in all.

    Returns
    -------
    DataFrame
        truth, parameter, kind (departures, detection, dispersion), z, inside50, inside90.
    """
    rng = np.random.default_rng(seed)
    k = posterior.n_rows
    free = posterior.detection_prior[1] > 1e-3  # noqa: PLR2004 - fixed parameters have no spread
    borders = posterior.counts.borders
    rows = []
    for turn in range(truths):
        truth = draw_truth(posterior, rng)
        synthetic = draw_counts(posterior, truth, rng)
        _, normal = find_marginal_mode(synthetic, first=posterior.start())
        z = (truth - normal.theta) / normal.spread
        watched = rng.choice(k, size=min(_WATCHED, k), replace=False)
        named = [("departures", f"departures {i}", i) for i in watched]
        named += [("detection", posterior.names[i], k + i) for i in np.flatnonzero(free)]
        named += [("dispersion", f"dispersion {b}", k + len(free) + i) for i, b in enumerate(borders)]
        for kind, name, i in named:
            low, high = _bounds(posterior, i)
            rows.append(
                (
                    turn,
                    name,
                    kind,
                    float(z[i]),
                    *_inside(truth[i], normal.theta[i], normal.spread[i], low, high),
                )
            )
        if progress is not None:
            progress(turn + 1, truths)
    return pd.DataFrame(rows, columns=["truth", "parameter", "kind", "z", "inside50", "inside90"])


def _bounds(posterior: Posterior, index: int) -> tuple[float, float]:
    low, high = posterior.bounds()[index]
    return (-np.inf if low is None else low), (np.inf if high is None else high)


def _inside(truth: float, middle: float, spread: float, low: float, high: float) -> tuple[bool, bool]:
    """Whether the truth lies inside the central 50 and 90 % of the normal, cut at the bounds of the prior."""
    a, b = norm.cdf((low - middle) / spread), norm.cdf((high - middle) / spread)
    at = (norm.cdf((truth - middle) / spread) - a) / max(b - a, 1e-12)
    return bool(0.25 <= at <= 0.75), bool(0.05 <= at <= 0.95)  # noqa: PLR2004 - quarters and twentieths
