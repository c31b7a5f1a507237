"""How full camps become: weights and departures enter, what full camps attract leaves.

The rule of FLEE looks at a camp's people on the day; our weights are set beforehand. So the expected counts
of the case are walked once, day by day, with FLEE's rule, and the shares found are written as dated policies.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.exchange.flee.rules import capacity_share

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from sim.exchange.flee.settings import Settings

__all__ = ["expected_shares", "in_steps"]

STEP = 0.1
LEAST = 0.01


def expected_shares(
    settings: Settings,
    ends: Sequence[tuple[int, int]],
    leg_days: Sequence[int],
    weight: NDArray[np.float64],
    chance: NDArray[np.float64],
    departures: NDArray[np.float64],
    capacity: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Share of its attraction that each place keeps, by day.

    Parameters
    ----------
    settings : Settings
    ends : sequence of (int, int)
        Rows of the start and end of every way.
    leg_days : sequence of int
        Days on the way (the mean, where they vary).
    weight : float64 [ways, days]
        0 where the way is shut.
    chance : float64 [places, days]
    departures : float64 [places, days]
    capacity : float64 [places]
        0 where there is none.

    Returns
    -------
    float64 [places, days]
    """
    n_places, n_days = chance.shape
    start = np.array([end[0] for end in ends])
    to = np.array([end[1] for end in ends])
    here, coming = np.zeros(n_places), np.zeros((n_days + max(leg_days, default=0) + 1, n_places))
    out = np.ones((n_places, n_days))
    for day in range(n_days):
        for place in np.flatnonzero(capacity >= 1):
            out[place, day] = capacity_share(settings, here[place], capacity[place])
        today = weight[:, day] * out[to, day] ** settings.weight_power
        total = np.bincount(start, today, minlength=n_places)
        share = np.divide(today, total[start], out=np.zeros(len(today)), where=total[start] > 0.0)
        leaving = np.where(total > 0.0, here * chance[:, day], 0.0)
        here = here - leaving
        np.add.at(coming, (day + np.asarray(leg_days), to), leaving[start] * share)
        here = here + coming[day] + departures[:, day]
    return out


def in_steps(share: NDArray[np.float64], shortest: int = 5) -> NDArray[np.float64]:
    """A series of shares held constant in stretches: a new value where it is more than a step away.

    Parameters
    ----------
    share : float64 [days]
    shortest : int
        Days a value holds at least.
    """
    out = np.ones(len(share))
    day = 0
    while day < len(share):
        ahead = share[day : day + shortest]
        value = float(np.clip(round(float(ahead.mean()) / STEP) * STEP, LEAST, 1.0))
        end = day + len(ahead)
        while end < len(share) and abs(share[end] - value) <= STEP:
            end += 1
        out[day:end] = value
        day = end
    return out
