"""Base weights of the alternatives at each place: attraction, cost relative to means, days, expected harm."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from sim.plan.graph import Graph

__all__ = ["MEANS_EDGES", "alternatives_of", "base_weights", "classes_of", "equal_sorts"]

MEANS_EDGES = (300, 1000, 3000)
"""Edges of the classes of means in USD, between which choice weights are tabled (resolution of the table, not a parameter)."""
_MEANS_MIDDLE = (150.0, 550.0, 1700.0, 5000.0)
_NORTH, _SOUTH = {"northward", "lateral"}, {"southward", "return", "lateral"}


def alternatives_of(graph: Graph) -> NDArray[np.int32]:
    """List the legs out of each place: int32 [P, W + 1], -1 beyond the last; legs that people are only sent along are left out.

    They are listed by id, those made by policies last, so that what a draw chooses does not depend on the order of a table.
    """
    out: list[list[int]] = [[] for _ in graph.places]
    for number, leg in sorted(enumerate(graph.legs), key=lambda entry: (bool(entry[1].made_by), entry[1].id)):
        if leg.direction == "return" and leg.made_by:
            continue
        out[graph.place_number[leg.from_place]].append(number)
    width = -8 * (-max(1, *(len(o) for o in out)) // 8)
    table = np.full((len(out), width + 1), -1, np.int32)
    for place, numbers in enumerate(out):
        table[place, : len(numbers)] = numbers
    return table


def base_weights(
    graph: Graph,
    alternative: NDArray[np.int32],
    mean_days: Mapping[int, float],
    policy_weight: Mapping[int, float],
    class_group: Sequence[int],
) -> NDArray[np.float64]:
    """Table the weight of each alternative for each class of people.

    ``weight x attraction x exp(beta_cost cost / means + beta_days days + beta_risk harm)``; with coefficients of zero the
    shares are the legs' weights exactly.

    Parameters
    ----------
    graph : Graph
    alternative : int32 [P, W + 1]
    mean_days : mapping of int to float
        Mean travel days by leg.
    policy_weight : mapping of int to float
        Attraction of legs that a policy opens.
    class_group : sequence of int
        Group of each class of choice.

    Returns
    -------
    float64 [C, P, W]
        C = classes of choice x headings (north, south) x classes of means.
    """
    scenario = graph.scenario
    world, parameters = scenario.world, scenario.parameters
    classes = len(MEANS_EDGES) + 1 if scenario.behaviour.means else 1
    beta_cost = parameters.get("beta_cost_per_means", 0.0) if scenario.behaviour.means else 0.0
    beta_days, beta_risk = parameters.get("beta_days", 0.0), parameters.get("beta_risk", 0.0)
    attraction = {(a.leg, a.group): a.weight for a in world.attraction}
    settle = {(a.place, a.group): a.weight for a in world.settle_attraction}
    settle_weight = {p.id: p.settle_weight for p in world.places}
    n_places, width = alternative.shape[0], alternative.shape[1] - 1
    out = np.zeros((len(graph.groups), 2, classes, n_places, width))
    drawn = np.ones((len(graph.legs), len(graph.groups)))
    for (leg_id, group), factor in attraction.items():
        if leg_id in graph.leg_number and group in graph.groups:
            drawn[graph.leg_number[leg_id], graph.groups.index(group)] = factor
    for place, j in np.argwhere(alternative[:, :width] >= 0).tolist():
        number = int(alternative[place, j])
        leg = graph.legs[number]
        real = graph.world_legs.get(number)
        if leg.mode == "settle":
            own = settle_weight[leg.from_place]
            stays = np.array([own * settle.get((leg.from_place, group), 1.0) for group in graph.groups])
            out[:, 0, :, place, j] = stays[:, None]
            continue
        if leg.mode == "turn_back":
            out[:, 0, :, place, j] = 1.0
            continue
        weight = policy_weight.get(number, real.weight if real else 1.0) * drawn[number]
        utility = beta_days * mean_days.get(number, 0.0) + beta_risk * (real.haz_robbed if real else 0.0)
        cost = real.cost_usd if real else 0.0
        value = weight[:, None] * np.exp(utility + beta_cost * cost / np.array(_MEANS_MIDDLE[:classes]))
        if leg.direction in _NORTH:
            out[:, 0, :, place, j] = value
        if leg.direction in _SOUTH and (leg.direction != "lateral" or leg.mode != "air_regular"):
            out[:, 1, :, place, j] = value
    by_class = out[np.asarray(class_group)]
    return np.ascontiguousarray(by_class.reshape(-1, n_places, width))


def classes_of(
    weight: NDArray[np.float32], sort: NDArray[np.int64], units: int
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Find the kinds of a group that every policy treats alike when they choose.

    Parameters
    ----------
    weight : float32 [epochs, sorts, L]
        Multipliers of the choice weights by sort of kinds.
    sort : int64 [K]
        Sort of each kind.
    units : int
        Travel units in a group.

    Returns
    -------
    kind_class : int32 [K]
    first : int64 [classes]
        A kind of each class.
    """
    kind_class = np.zeros(len(sort), np.int32)
    first: list[int] = []
    equal = equal_sorts(weight)[sort].tolist()
    for kind in range(len(sort)):
        alike = [c for c, k in enumerate(first) if k // units == kind // units]
        same = next((c for c in alike if equal[first[c]] == equal[kind]), None)
        if same is None:
            same = len(first)
            first.append(kind)
        kind_class[kind] = same
    return kind_class, np.array(first, np.int64)


def equal_sorts(weight: NDArray[np.float32]) -> NDArray[np.int64]:
    """Number of the first sort with the same weights as each.

    Parameters
    ----------
    weight : float32 [epochs, sorts, legs]

    Returns
    -------
    int64 [sorts]
    """
    out = np.arange(weight.shape[1])
    summed = weight.sum(axis=(0, 2), dtype=np.float64)  # those that are equal have nearly the same sum
    for s in range(weight.shape[1]):
        for known in np.flatnonzero(np.isclose(summed[:s], summed[s])).tolist():
            if out[known] == known and np.array_equal(weight[:, known], weight[:, s]):
                out[s] = known
                break
    return out
