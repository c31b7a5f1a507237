"""The peers of the benchmark walk the walk they are timed on: people by place and day agree with the exact chain.

Seeds are fixed. The root mean square of the standardised differences is 1 if a walk is right; a right walk lies outside
0.8 to 1.25, or its mean beyond 0.35, less than once in a thousand seeds (over 120 seeds the first had a standard deviation
of 0.043, the second of 0.086: differences of neighbouring days go together).
"""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.route_walk import (
    DAYS,
    ENTRY_DAYS,
    PLACES,
    Graph,
    Walked,
    mesa_walk,
    numpy_walk,
    sketch_walk,
    travesia_walk,
)

PEOPLE = 6_000


def exact_chain(graph: Graph) -> np.ndarray:
    """Probability of each place at the end of each day, for a person who enters on day 0."""
    step = np.eye(PLACES)
    for place, (targets, shares) in enumerate(zip(graph.targets, graph.shares, strict=True)):
        step[place, place] = 1.0 - graph.leave[place]
        step[place, targets] = graph.leave[place] * shares
    at = np.zeros((DAYS, PLACES))
    at[0, 0] = 1.0
    for day in range(1, DAYS):
        at[day] = at[day - 1] @ step
    return at


def differences(walked: Walked, people: int, places: int = PLACES) -> np.ndarray:
    """Standardised differences of people by day and (the first) places from the exact chain, where five are expected."""
    at = exact_chain(Graph())
    mean, variance = np.zeros((DAYS, PLACES)), np.zeros((DAYS, PLACES))
    for entry in range(ENTRY_DAYS):
        entered = len(range(entry, people, ENTRY_DAYS))
        mean[entry:] += entered * at[: DAYS - entry]
        variance[entry:] += entered * at[: DAYS - entry] * (1.0 - at[: DAYS - entry])
    assert walked.stock is not None
    there = (mean >= 5.0) & (variance >= 2.0)  # noqa: PLR2004
    there[:, places:] = False
    return (walked.stock - mean)[there] / np.sqrt(variance[there])


@pytest.mark.parametrize("walk", [sketch_walk, numpy_walk, mesa_walk])
def test_a_peer_agrees_with_the_exact_chain(walk: object) -> None:
    walked = walk(Graph(), PEOPLE)  # type: ignore[operator]
    z = differences(walked, PEOPLE)
    assert 0.8 < np.sqrt(np.mean(z**2)) < 1.25
    assert abs(z.mean()) < 0.35
    assert walked.flow is not None
    assert walked.flow.sum() == walked.moves
    arrived = walked.stock[:, -2:]
    assert (np.diff(arrived.sum(axis=1)) >= 0).all()
    absorbed = sum(
        int(walked.flow[:, place, number].sum())
        for place, targets in enumerate(Graph().targets)
        for number, target in enumerate(targets)
        if target >= PLACES - 2
    )
    assert absorbed == arrived[-1].sum()


def test_travesia_by_day_agrees_with_the_exact_chain() -> None:
    """The engine counts who is on the way; whoever arrived has left its stock, and is in the flow of the last leg."""
    graph = Graph()
    walked = travesia_walk(graph, PEOPLE, daily=True)
    assert walked.stock is not None
    z = differences(walked, PEOPLE, PLACES - 2)
    assert 0.8 < np.sqrt(np.mean(z**2)) < 1.25
    assert abs(z.mean()) < 0.35
    assert walked.flow is not None
    ends = [int(target) >= PLACES - 2 for targets in graph.targets for target in targets]
    assert PEOPLE - walked.stock[-1].sum() == walked.flow[:, ends].sum()
