"""Choice shares by epoch: which way the people of each class leave a place, each different table kept once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sim.engines.kernels.expected_prepare import believed, choice_shares

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sim.plan import Plan

__all__ = ["PlaceShares", "Shares", "shares_of", "versions_of"]

_NOTICED = 0.02
"""Change of the logarithm of an appeal below which tables are left as they are."""


@dataclass(frozen=True)
class PlaceShares:
    """Shares at one place.

    Parameters
    ----------
    legs : int64 [W]
        Legs of its alternatives.
    version : int64 [epochs]
        Row of `share` in force.
    share : float64 [versions, classes of choice, headings, W]
    """

    legs: NDArray[np.int64]
    version: NDArray[np.int64]
    share: NDArray[np.float64]


Shares = tuple[PlaceShares, ...]


def versions_of(rows: NDArray[np.float64]) -> tuple[list[int], NDArray[np.int64]]:
    """First row of each different one, and which of them each row is."""
    seen: dict[bytes, int] = {}
    first: list[int] = []
    version = np.zeros(len(rows), np.int64)
    for i, row in enumerate(rows):
        key = row.tobytes()
        if key not in seen:
            seen[key] = len(first)
            first.append(i)
        version[i] = seen[key]
    return first, version


def means_classes(plan: Plan) -> NDArray[np.float64]:
    """Share of each group's people in each class of means at departure."""
    edges = plan.fixed.means_edge
    number = np.searchsorted(edges, plan.departures.means.astype(np.int64), side="right")
    return np.stack([(number == m).mean(axis=1) for m in range(len(edges) + 1)], axis=1)


def factors_of(plan: Plan, unit_share: NDArray[np.float64]) -> NDArray[np.float64]:
    """What policies, and what people know, multiply the weight of each leg by: float64 [epochs, classes, L]."""
    weight: NDArray[np.float64] = plan.epochs.weight.astype(np.float64)
    if not plan.knowledge.on:
        return weight
    known = type(plan.knowledge)(*(v.copy() if isinstance(v, np.ndarray) else v for v in plan.knowledge))
    held = np.zeros_like(known.appeal)
    for epoch in range(len(weight)):
        believed(plan.fixed, plan.epochs, known, epoch, unit_share)
        felt = np.log(known.appeal)
        held = np.where(np.abs(felt - held) > _NOTICED, felt, held)
        weight[epoch] *= np.exp(held)[plan.fixed.class_group]
    return weight


def shares_of(plan: Plan, unit_share: NDArray[np.float64]) -> Shares:
    """Table the shares of all places.

    Parameters
    ----------
    plan : Plan
    unit_share : float64 [groups, units]
        Share of persons by unit (for what a group believes).

    Returns
    -------
    tuple of PlaceShares
    """
    f = plan.fixed
    factor = factors_of(plan, unit_share)
    means = means_classes(plan)
    classes, width = factor.shape[1], f.weight.shape[2]
    out = []
    for place in range(len(plan.places)):
        legs = f.alternative[place, :width]
        legs = legs[legs >= 0].astype(np.int64)
        own = np.ascontiguousarray(factor[:, :, legs]).reshape(len(factor), -1)
        first, version = versions_of(own)
        share = np.zeros((len(first), classes, 2, width))
        if len(legs):
            for number, epoch in enumerate(first):
                choice_shares(f, factor[epoch], place, means, share[number])
        out.append(PlaceShares(legs, version, share[..., : len(legs)]))
    return tuple(out)
