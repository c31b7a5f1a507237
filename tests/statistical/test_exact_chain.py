"""A memoryless world against powers of its matrix: every evening is a Markov chain.

Stays and legs are geometric, everybody departs on one day and travels alone: the number in each state is
binomial with the chance that the power gives. Seeds are fixed; the false-alarm rate stands at each bound.
"""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from tests.theory.tiny import Outcome, Row, departs, leg, place, simulate

PEOPLE = 20_000
STAYS = {"A": 3.0, "B": 6.0, "C": 2.0, "D": 9.0}
LEGS = {
    "A-B": (2.0, 3.0),
    "A-C": (4.0, 1.0),
    "B-C": (1.5, 2.0),
    "B-D": (3.0, 2.0),
    "B-E": (8.0, 1.0),
    "C-D": (2.5, 1.0),
    "C-A": (5.0, 0.5),
    "D-E": (2.0, 4.0),
    "D-B": (3.0, 1.0),
}
EVENINGS = (1, 2, 3, 5, 8, 13, 21, 34, 55, 89)


def geometric(mean: float) -> Row:
    return {"kind": "geometric", "mean_days": mean}


def world(seed: int) -> Outcome:
    places = [
        place(name, geometric(mean), role="origin" if name == "A" else "transit")
        for name, mean in STAYS.items()
    ]
    places.append(place("E", role="destination", country="CRI"))
    legs = [leg(name, geometric(mean), weight=weight) for name, (mean, weight) in LEGS.items()]
    return simulate(places, legs, [departs(PEOPLE)], days=100, seed=seed)


def matrix() -> tuple[list[str], NDArray[np.float64]]:
    """States (places, legs) and the chances from one evening to the next."""
    states = [*STAYS, *LEGS, "E"]
    step = np.zeros((len(states), len(states)))
    number = {state: i for i, state in enumerate(states)}
    for name, mean in STAYS.items():
        out = {way: weight for way, (_, weight) in LEGS.items() if way.startswith(name + "-")}
        step[number[name], number[name]] = 1.0 - 1.0 / mean
        for way, weight in out.items():
            step[number[name], number[way]] = weight / sum(out.values()) / mean
    for way, (mean, _) in LEGS.items():
        step[number[way], number[way]] = 1.0 - 1.0 / mean
        step[number[way], number[way.split("-")[1]]] = 1.0 / mean
    step[number["E"], number["E"]] = 1.0
    return states, step


def scores(run: Outcome) -> NDArray[np.float64]:
    """Standard scores of persons staying in, and travelling to, each place on some evenings."""
    states, step = matrix()
    start = np.zeros(len(states))
    start[0] = 1.0
    found = []
    for evening in EVENINGS:
        chance = start @ np.linalg.matrix_power(step, evening)
        for name in [*STAYS, "E"]:
            bound = sum(chance[i] for i, s in enumerate(states) if s.endswith("-" + name))
            cells = [(run.present(name, "travelling")[evening], bound)]
            if name != "E":
                cells.append((run.present(name)[evening], chance[states.index(name)]))
            found += [(n - PEOPLE * p) / np.sqrt(PEOPLE * p * (1 - p)) for n, p in cells if PEOPLE * p > 20]
    return np.array(found)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_evening_agrees_with_the_power_of_the_matrix(seed: int) -> None:
    z = scores(world(seed))
    assert len(z) > 60
    assert np.abs(z).max() < 4.7  # about one false alarm in 5,000 seeds over some 80 scores
    assert 0.5 < np.mean(z**2) < 1.7  # correlated scores; one false alarm in about 1,000 seeds


def test_scores_are_standard_over_replicates() -> None:
    z = np.concatenate([scores(world(seed)) for seed in range(100, 130)])
    assert abs(z.mean()) < 0.1
    assert abs(np.mean(z**2) - 1.0) < 0.15  # thirty seeds: standard error about 0.04
    assert stats.kstest(z[::7], "norm").pvalue > 1e-4


def test_crossings_of_every_leg_agree_with_the_sum_of_powers() -> None:
    states, step = matrix()
    chance = np.zeros(len(states))
    chance[0] = 1.0
    expected = dict.fromkeys(LEGS, 0.0)
    for _ in range(99):  # who is on a leg in the evening arrives on the next day with probability 1 / mean
        for way, (mean, _weight) in LEGS.items():
            expected[way] += PEOPLE * chance[states.index(way)] / mean
        chance = chance @ step
    runs = [world(1000 + seed) for seed in range(16)]
    for way in LEGS:
        crossed = np.array([run.arrivals(way).sum() for run in runs])
        error = crossed.std(ddof=1) / np.sqrt(len(runs))
        assert (
            abs(crossed.mean() - expected[way]) < 5 * error
        )  # t with 15 degrees of freedom: 1 in 6,000 a leg
