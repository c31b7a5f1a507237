"""Observed counts, a response and priors enter; the log posterior of departures, detection and dispersion leaves.

Counts are negative binomial around what is expected, with a dispersion for each series. Departures of each group and channel
follow a random walk on the log scale; detection rates have log-normal priors from ``parameters.csv`` and its bounds. Windows
(cumulative counts) are sums over their months. A lower bound counts through the probability of being at least that large.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import coo_matrix, csr_matrix, diags
from scipy.special import gammaln, psi
from scipy.stats import norm

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from calibration.response import Response

__all__ = ["Counts", "Posterior", "Priors", "Window", "negative_binomial", "series_name"]

_SMALLEST = 1e-3
_LEVEL_SPREAD = 1.0
_DISPERSION = (-2.5, 1.0)
"""Prior mean and spread of the log dispersion: counts scatter by about 30 % around what is expected."""


@dataclass(frozen=True)
class Window:
    """One published count.

    Parameters
    ----------
    border : str
    groups : tuple of str
        Groups it stands for.
    months : mapping, as tuple of (str, float)
        Months and the share of each that lies inside.
    count : float
    lower_bound : bool
        The source hides part of the group elsewhere.
    """

    border: str
    groups: tuple[str, ...]
    months: tuple[tuple[str, float], ...]
    count: float
    lower_bound: bool = False


def series_name(window: Window) -> str:
    """Name of the series a count belongs to, for its dispersion: the border and the group that names it."""
    group = window.groups[0] if len(window.groups) == 1 else "OTH" if window.groups[0] == "OTH" else "ALL"
    return f"{window.border} {group}"


@dataclass(frozen=True)
class Counts:
    """Counts as the likelihood takes them.

    Parameters
    ----------
    gather : csr_matrix [counts, strands x groups x months]
        What each count adds up.
    observed : float64 [counts]
    border : int64 [counts]
        Number of the series, for the dispersion.
    lower_bound : bool [counts]
    borders : tuple of str
        Series: border and group.
    windows : tuple of Window
    unseen : tuple of Window
        Counts the route of the model does not produce (less than one person expected): left out and reported.
    """

    gather: csr_matrix
    observed: NDArray[np.float64]
    border: NDArray[np.int64]
    lower_bound: NDArray[np.bool_]
    borders: tuple[str, ...]
    windows: tuple[Window, ...]
    unseen: tuple[Window, ...] = ()

    @classmethod
    def arrange(cls, windows: Sequence[Window], response: Response) -> Counts:
        """Set windows against the axes of a response.

        Parameters
        ----------
        windows : sequence of Window
        response : Response

        Returns
        -------
        Counts
        """
        g_at = {g: i for i, g in enumerate(response.groups)}
        m_at = {m: i for i, m in enumerate(response.months)}
        strands: dict[str, list[int]] = {}
        for s, (border, _) in enumerate(response.strands):
            strands.setdefault(border, []).append(s)
        strands["us_southwest"] = [*strands.get("us_border_patrol", []), *strands.get("us_ports", [])]
        predicted = response.crossings(response.start)
        unseen: list[Window] = []
        row: list[int] = []
        col: list[int] = []
        value: list[float] = []
        kept: list[Window] = []
        for window in windows:
            groups = [g_at[g] for g in window.groups if g in g_at]
            months = [(m_at[m], share) for m, share in window.months if m in m_at]
            if not groups or len(months) < len(window.months) or window.border not in strands:
                continue
            made = sum(
                predicted[s, g, m] * share
                for s in strands[window.border]
                for g in groups
                for m, share in months
            )
            if made < 1.0:
                unseen.append(window)
                continue
            for s in strands[window.border]:
                for g in groups:
                    for m, share in months:
                        row.append(len(kept))
                        col.append((s * len(g_at) + g) * len(m_at) + m)
                        value.append(share)
            kept.append(window)
        shape = (len(kept), len(response.strands) * len(g_at) * len(m_at))
        borders = tuple(dict.fromkeys(series_name(w) for w in kept))
        return cls(
            coo_matrix((np.array(value), (np.array(row), np.array(col))), shape=shape).tocsr(),
            np.array([w.count for w in kept], np.float64),
            np.array([borders.index(series_name(w)) for w in kept], np.int64),
            np.array([w.lower_bound for w in kept], np.bool_),
            borders,
            tuple(kept),
            tuple(unseen),
        )


@dataclass(frozen=True)
class Priors:
    """What is held before the counts are seen.

    Parameters
    ----------
    detection : tuple of (str, float, float, float)
        Parameter, middle, lower and upper bound; a parameter whose bounds meet is fixed. Parameters of behaviour follow the
        detection rates.
    monthly_change : float
        Spread of the monthly change of log departures.
    level : float64 [rows]
        Log departures expected of the first month of each group and channel (only those are read).
    """

    detection: tuple[tuple[str, float, float, float], ...]
    monthly_change: float
    level: NDArray[np.float64]


def negative_binomial(
    observed: NDArray[np.float64], mean: NDArray[np.float64], phi: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Log probability of counts, and its slopes.

    Parameters
    ----------
    observed, mean : float64 [n]
    phi : float64 [n]
        Dispersion: the variance is ``mean + phi mean^2``.

    Returns
    -------
    log_probability, by_mean, by_phi : float64 [n]
    """
    r = 1.0 / phi
    total = mean + r
    log_p = gammaln(observed + r) - gammaln(r) - gammaln(observed + 1.0)
    log_p += r * np.log(r / total) + observed * np.log(mean / total)
    by_mean = observed / mean - (observed + r) / total
    by_r = psi(observed + r) - psi(r) + np.log(r / total) + 1.0 - (observed + r) / total
    return log_p, by_mean, -by_r * r**2


class Posterior:
    """Log posterior of ``theta`` = log departures, log detection, log dispersion.

    Parameters
    ----------
    response : Response
    counts : Counts
    priors : Priors
    """

    def __init__(self, response: Response, counts: Counts, priors: Priors) -> None:
        self.response, self.counts, self.priors = response, counts, priors
        self.n_rows = len(response.rows)
        self.names = [name for name, _, _, _ in priors.detection]
        self.n_detection, self.n_phi = len(self.names), len(counts.borders)
        self.size = self.n_rows + self.n_detection + self.n_phi
        self._answers()
        self._walk()

    def _answers(self) -> None:
        """How the log of what is counted of each strand, group and month answers to each log parameter.

        One for its detection rate; for a parameter of behaviour the slope measured by whole runs.
        """
        response = self.response
        cells = len(response.groups) * len(response.months)
        of_strand = np.array([self.names.index(p) for _, p in response.strands])
        parameter = np.repeat(of_strand, cells)
        n = len(parameter)
        one_hot = coo_matrix((np.ones(n), (np.arange(n), parameter)), shape=(n, self.n_detection)).tolil()
        self._at = np.zeros(self.n_detection)
        for name, (at, slope) in response.answers.items():
            one_hot[:, self.names.index(name)] = slope.reshape(-1, 1)
            self._at[self.names.index(name)] = at
        self.answers = csr_matrix(one_hot)

    def rate(self, detection: NDArray[np.float64]) -> NDArray[np.float64]:
        """Counted per person that the response sends, by strand, group and month.

        Parameters
        ----------
        detection : float64 [parameters]
            Logs.

        Returns
        -------
        float64 [strands x groups x months]
        """
        return np.asarray(np.exp(self.answers @ (detection - self._at)))

    def _walk(self) -> None:
        """Pairs of consecutive months of each group and channel, and their first months."""
        rows = self.response.rows
        month = {m: i for i, m in enumerate(self.response.months)}
        later, earlier, gap = [], [], []
        first = []
        for i, row in enumerate(rows):
            if i and rows[i - 1][:2] == row[:2]:
                later.append(i)
                earlier.append(i - 1)
                gap.append(month[row[2]] - month[rows[i - 1][2]])
            else:
                first.append(i)
        self.first = np.array(first, np.int64)
        spread = self.priors.monthly_change * np.sqrt(np.array(gap, np.float64))
        n = len(later)
        at = np.arange(n)
        data = np.concatenate([1.0 / spread, -1.0 / spread])
        columns = np.concatenate([np.array(later, np.int64), np.array(earlier, np.int64)])
        self.steps = coo_matrix((data, (np.tile(at, 2), columns)), shape=(n, self.n_rows)).tocsr()
        self.step_rows = np.array(later, np.int64)

    @property
    def detection_prior(
        self,
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Middle, spread, lower and upper bound of the log detection rates."""
        table = np.log(np.array([[m, lo, hi] for _, m, lo, hi in self.priors.detection]))
        spread = np.maximum((table[:, 2] - table[:, 1]) / (2 * 1.645), 1e-4)
        return table[:, 0], spread, table[:, 1], table[:, 2]

    def split(
        self, theta: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Log departures, log detection and log dispersion."""
        a, b = self.n_rows, self.n_rows + self.n_detection
        return theta[:a], theta[a:b], theta[b:]

    def start(self) -> NDArray[np.float64]:
        """Departures of the scenario, middle of the priors."""
        middle = self.detection_prior[0]
        u = np.log(np.maximum(self.response.start, 1.0))
        return np.concatenate([u, middle, np.full(self.n_phi, _DISPERSION[0])])

    def bounds(self) -> list[tuple[float | None, float | None]]:
        """Bounds for the optimiser."""
        _, _, low, high = self.detection_prior
        rates = [(float(a), float(b)) for a, b in zip(low, high, strict=True)]
        return [(-4.0, 14.0)] * self.n_rows + rates + [(-9.0, 2.0)] * self.n_phi  # type: ignore[return-value]

    def expected(self, theta: NDArray[np.float64]) -> NDArray[np.float64]:
        """Expected counts.

        Parameters
        ----------
        theta : float64 [size]

        Returns
        -------
        float64 [counts]
        """
        u, detection, _ = self.split(theta)
        crossed = self.response.matrix @ np.exp(u)
        return np.asarray(self.counts.gather @ (self.rate(detection) * crossed)) + _SMALLEST

    def jacobian(self, theta: NDArray[np.float64]) -> csr_matrix:
        """Slope of the expected counts by log departures and log detection."""
        u, detection, _ = self.split(theta)
        x, rate = np.exp(u), self.rate(detection)
        by_u = self.counts.gather @ diags(rate) @ self.response.matrix @ diags(x)
        crossed = rate * (self.response.matrix @ x)
        by_parameter = self.counts.gather @ diags(crossed) @ self.answers
        from scipy.sparse import hstack  # noqa: PLC0415 - used here alone

        joined: csr_matrix = hstack([by_u, by_parameter]).tocsr()
        return joined

    def value_and_slope(self, theta: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        """Negative log posterior and its gradient.

        Parameters
        ----------
        theta : float64 [size]

        Returns
        -------
        value : float
        slope : float64 [size]
        """
        u, detection, log_phi = self.split(theta)
        c = self.counts
        x, rate = np.exp(u), self.rate(detection)
        crossed = rate * (self.response.matrix @ x)
        mean = np.asarray(c.gather @ crossed) + _SMALLEST
        phi = np.exp(log_phi)[c.border]
        log_p, by_mean, by_phi = negative_binomial(c.observed, mean, phi)
        if c.lower_bound.any():
            self._censor(mean, phi, log_p, by_mean, by_phi)
        by_crossed = np.asarray(c.gather.T @ by_mean)
        slope = np.empty(self.size)
        slope[: self.n_rows] = (self.response.matrix.T @ (by_crossed * rate)) * x
        slope[self.n_rows : self.n_rows + self.n_detection] = self.answers.T @ (by_crossed * crossed)
        slope[self.n_rows + self.n_detection :] = np.bincount(c.border, by_phi * phi, minlength=self.n_phi)
        prior, prior_slope = self._prior(u, detection, log_phi)
        return float(-log_p.sum() + prior), prior_slope - slope

    def _censor(
        self,
        mean: NDArray[np.float64],
        phi: NDArray[np.float64],
        log_p: NDArray[np.float64],
        by_mean: NDArray[np.float64],
        by_phi: NDArray[np.float64],
    ) -> None:
        """Replace lower bounds by the probability of at least that many (normal approximation)."""
        at = self.counts.lower_bound
        m, y = mean[at], self.counts.observed[at]
        spread = np.sqrt(m + phi[at] * m**2)
        z = (m - y) / spread
        ratio = np.exp(norm.logpdf(z) - norm.logcdf(z))
        log_p[at] = norm.logcdf(z)
        by_mean[at] = ratio * (1.0 / spread - z * (1.0 + 2.0 * phi[at] * m) / (2.0 * spread**2))
        by_phi[at] = ratio * (-z * m**2 / (2.0 * spread**2))

    def _prior(
        self, u: NDArray[np.float64], detection: NDArray[np.float64], log_phi: NDArray[np.float64]
    ) -> tuple[float, NDArray[np.float64]]:
        step = self.steps @ u
        apart = (u[self.first] - self.priors.level[self.first]) / _LEVEL_SPREAD
        middle, spread, _, _ = self.detection_prior
        z = (detection - middle) / spread
        w = (log_phi - _DISPERSION[0]) / _DISPERSION[1]
        slope_u = np.asarray(self.steps.T @ step)
        slope_u[self.first] += apart / _LEVEL_SPREAD
        slope = np.concatenate([slope_u, z / spread, w / _DISPERSION[1]])
        return float(0.5 * (step @ step + apart @ apart + z @ z + w @ w)), slope

    def information(self, theta: NDArray[np.float64], *, prior: bool = True) -> NDArray[np.float64]:
        """Fisher information of log departures and log detection, and of log dispersion.

        Parameters
        ----------
        theta : float64 [size]
        prior : bool
            Add the precision of the priors.

        Returns
        -------
        float64 [size, size]
        """
        _, _, log_phi = self.split(theta)
        c = self.counts
        mean, phi = self.expected(theta), np.exp(log_phi)[c.border]
        jacobian = self.jacobian(theta)
        weight = np.where(c.lower_bound, 0.25, 1.0) / (mean + phi * mean**2)
        out = np.zeros((self.size, self.size))
        k = self.n_rows + self.n_detection
        out[:k, :k] = (jacobian.T @ diags(weight) @ jacobian).toarray()
        scatter = 0.5 * (phi * mean / (1.0 + phi * mean)) ** 2
        out[range(k, self.size), range(k, self.size)] = np.bincount(c.border, scatter, minlength=self.n_phi)
        if prior:
            out[: self.n_rows, : self.n_rows] += (self.steps.T @ self.steps).toarray()
            out[self.first, self.first] += 1.0 / _LEVEL_SPREAD**2
            spread = self.detection_prior[1]
            out[range(self.n_rows, k), range(self.n_rows, k)] += 1.0 / spread**2
            out[range(k, self.size), range(k, self.size)] += 1.0 / _DISPERSION[1] ** 2
        return out
