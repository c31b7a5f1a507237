"""A fit and the counts of a border on the way enter; how many more or fewer people walk on than the fit says leaves.

The scatter of the counts around a fit is a gamma multiplier on the people of that nationality and month (the negative binomial
of `calibration.likelihood`). Where an office registers nine in ten, as in the Darién, this scatter is people, and not errors of
counting: once a month was counted, its multiplier is known up to ``Gamma(1 / dispersion + count, 1 / dispersion + expected)``.
These people reach the next border days or weeks later. Who left in the same month is taken to keep its order on the way (first
out, first through), which says of each crossing further north in which month it passed the earlier border.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_matrix

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from calibration.likelihood import Posterior
    from calibration.response import Response

__all__ = ["Upstream", "nationality_phi"]

_NOTHING = 1e-9


def nationality_phi(posterior: Posterior, log_phi: NDArray[np.float64]) -> NDArray[np.float64]:
    """Dispersion of the fitted series of each nationality; that of all series where it has none.

    Parameters
    ----------
    posterior : Posterior
    log_phi : float64 [series]

    Returns
    -------
    float64 [groups]
    """
    names = posterior.counts.borders
    out = []
    for group in posterior.response.groups:
        own = [i for i, name in enumerate(names) if name.endswith(f" {group}")]
        out.append(log_phi[own].mean() if own else log_phi.mean())
    return np.exp(np.array(out))


@dataclass(frozen=True)
class Upstream:
    """Which part of the crossings further north passed an earlier border, and when.

    Parameters
    ----------
    border : str
        The earlier border.
    entry : int64 [links]
        Number of the entry of the response's matrix.
    group, month : int64 [links]
        Who, and the month in which they passed the earlier border.
    share : float64 [links]
        Part of the entry.
    rest : float64 [entries]
        Part of each entry that did not pass it.
    own_group, own_month : int64 [entries]
        Who crosses, and when.
    """

    border: str
    entry: NDArray[np.int64]
    group: NDArray[np.int64]
    month: NDArray[np.int64]
    share: NDArray[np.float64]
    rest: NDArray[np.float64]
    own_group: NDArray[np.int64]
    own_month: NDArray[np.int64]

    @classmethod
    def of(cls, response: Response, strands: Sequence[int], border: str = "darien") -> Upstream:
        """Couple two borders by the order in which people pass them.

        Parameters
        ----------
        response : Response
        strands : sequence of int
            Those of the border further north that are reached by way of the earlier one.
        border : str

        Returns
        -------
        Upstream
        """
        matrix, months = response.matrix, len(response.months)
        line = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
        strand, group, month = _split(line, len(response.groups), months)
        earlier = np.isin(strand, [s for s, (name, _) in enumerate(response.strands) if name == border])
        later = np.isin(strand, list(strands))
        links: list[tuple[int, int, float]] = []
        for column in np.unique(matrix.indices[later]):
            here = matrix.indices == column
            before = np.bincount(month[here & earlier], matrix.data[here & earlier], minlength=months)
            at = np.flatnonzero(here & later)
            if before.sum() > 0.0 and matrix.data[at].sum() > 0.0:
                links += _first_out_first_through(before, at, month[at], matrix.data[at])
        entry = np.array([link[0] for link in links], np.int64)
        share = np.array([link[2] for link in links])
        rest = 1.0 - np.bincount(entry, share, minlength=matrix.nnz)
        when = np.array([link[1] for link in links], np.int64)
        return cls(border, entry, group[entry], when, share, np.maximum(rest, 0.0), group, month)

    def multipliers(
        self, posterior: Posterior, theta: NDArray[np.float64], rng: np.random.Generator
    ) -> NDArray[np.float64]:
        """People over what the fit expects, by nationality and month, given what the earlier border counted.

        Parameters
        ----------
        posterior : Posterior
        theta : float64 [size]
        rng : Generator

        Returns
        -------
        float64 [groups, months]
            Scattered as the counts of the nationality are, where the border says nothing of it.
        """
        response, counts = posterior.response, posterior.counts
        log_phi = posterior.split(theta)[2]
        phi = nationality_phi(posterior, log_phi)[:, None]
        out = phi * rng.gamma(1.0 / phi, size=(len(response.groups), len(response.months)))
        at, group, month = _counted_months(posterior, self.border)
        shape = 1.0 / np.exp(log_phi[counts.border])
        made = rng.gamma(shape + counts.observed) / (shape + posterior.expected(theta))
        out[group, month] = made[at]
        return np.asarray(out)

    def carried(
        self, response: Response, multipliers: NDArray[np.float64], elsewhere: NDArray[np.float64]
    ) -> csr_matrix:
        """The response's matrix with multipliers carried on.

        Parameters
        ----------
        response : Response
        multipliers : float64 [groups, months]
            By the month in which people passed the earlier border.
        elsewhere : float64 [groups, months]
            Of those who did not pass it, by the month in which they cross.

        Returns
        -------
        csr_matrix [strands x groups x months, rows]
        """
        factor = self.rest * elsewhere[self.own_group, self.own_month]
        factor += np.bincount(
            self.entry, self.share * multipliers[self.group, self.month], minlength=len(factor)
        )
        old = response.matrix
        return csr_matrix((old.data * factor, old.indices, old.indptr), shape=old.shape)


@functools.lru_cache(maxsize=4)
def _counted_months(
    posterior: Posterior, border: str
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Single months that a border counted in full: number of the count, group and month it stands for."""
    response, out = posterior.response, []
    for i, window in enumerate(posterior.counts.windows):
        if window.border == border and not window.lower_bound and len(window.months) == 1:
            month = response.months.index(window.months[0][0])
            out += [(i, response.groups.index(g), month) for g in window.groups if g in response.groups]
    table = np.array(out, np.int64).reshape(-1, 3)
    return table[:, 0], table[:, 1], table[:, 2]


def _split(
    line: NDArray[np.int64], groups: int, months: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Strand, group and month of the lines of a response's matrix."""
    return line // (groups * months), (line // months) % groups, line % months


def _first_out_first_through(
    before: NDArray[np.float64],
    entries: NDArray[np.int64],
    months: NDArray[np.int64],
    crossed: NDArray[np.float64],
) -> list[tuple[int, int, float]]:
    """Entry, month at the earlier border and part of the entry, for the people of one departure.

    No more people than passed the earlier border come from it.
    """
    through = min(1.0, float(before.sum() / crossed.sum()))
    after = np.bincount(months, crossed, minlength=len(before))
    out = np.concatenate([[0.0], np.cumsum(before / before.sum())])
    into = np.concatenate([[0.0], np.cumsum(after / after.sum())])
    links = []
    for entry, month in zip(entries, months, strict=True):
        both = np.minimum(out[1:], into[month + 1]) - np.maximum(out[:-1], into[month])
        width = into[month + 1] - into[month]
        for earlier in np.flatnonzero(both > _NOTHING):
            links.append((int(entry), int(earlier), through * float(both[earlier] / width)))
    return links
