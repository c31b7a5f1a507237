"""In which order groups of people lie side by side in a row: what each can reach enters, an order with short rows leaves.

A row holds the classes from the first to the last group that can be at a place, or on an edge, in whole chunks. So rows are
short where groups that can be at the same places lie next to each other, and segments of stays are few where those who stay
alike do. Orders are improved step by step, by turning a stretch about or moving one group, until nothing is won.
"""

from __future__ import annotations

from itertools import cycle, islice
from typing import TYPE_CHECKING

import numpy as np

from sim.engines.expected.network import reached
from sim.engines.kernels.expected_rows import CHUNK

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from sim.engines.expected.people import Lanes
    from sim.engines.expected.ways import Ways
    from sim.plan import Plan

__all__ = ["Rows", "rows_of", "short_order"]

_EDGE, _NODE, _STAY = 1.5, 4.0, 4.0
"""What a chunk of an edge, of a node and of a segment of stays costs a day, and each segment by itself, about."""
_TRIES = 1600
"""Orders tried at most: all moves three times over for nineteen groups."""


class Rows:
    """Rows of a route by which groups they hold, each different one once.

    Parameters
    ----------
    holds : bool [rows, groups]
        Groups that can be there.
    per : int64 [rows]
        Classes of a group.
    weight : float64 [rows]
        What a chunk costs.
    stay : int64 [rows, groups]
        What is the same for groups that stay alike; only looked at in rows of `stays`.
    stays : bool [rows]
        Rows of places at which people stay.
    """

    def __init__(
        self,
        holds: NDArray[np.bool_],
        per: NDArray[np.int64],
        weight: NDArray[np.float64],
        stay: NDArray[np.int64],
        stays: NDArray[np.bool_],
    ) -> None:
        key = np.column_stack([holds, per, stays, np.where(stays[:, None], stay, 0)])
        _, first, which = np.unique(key, axis=0, return_index=True, return_inverse=True)
        self.holds, self.per = holds[first], per[first]
        self.weight = np.bincount(which.ravel(), weights=weight)
        self._with_stays = np.flatnonzero(stays[first])
        self._times = np.bincount(which.ravel())[self._with_stays].astype(np.float64)
        self._stay = stay[first][self._with_stays]

    def cost(self, order: NDArray[np.int64]) -> float:
        """What a day costs, about, with groups in an order: int64 [groups]."""
        own = self.holds[:, order]
        begin = own.argmax(axis=1)
        end = own.shape[1] - own[:, ::-1].argmax(axis=1)
        total = float((self.weight * -(-((end - begin) * self.per) // CHUNK)).sum())
        rows = self._with_stays
        place = np.arange(own.shape[1])
        stay = self._stay[:, order]
        other = np.ones(stay.shape, np.bool_)
        other[:, 1:] = stay[:, 1:] != stay[:, :-1]
        other |= place == begin[rows, None]
        other &= (place >= begin[rows, None]) & (place < end[rows, None])
        row, first = np.nonzero(other)
        last = np.append(first[1:], 0)
        ends = np.append(row[1:] != row[:-1], True)
        last[ends] = end[rows[row[ends]]]
        chunks = -(-((last - first) * self.per[rows[row]]) // CHUNK)
        return total + float((_STAY * self._times[row] * (1 + chunks)).sum())


def rows_of(plan: Plan, lanes: Lanes, ways: Ways, starts: NDArray[np.bool_]) -> Rows:
    """Find which groups the rows of a route hold.

    Parameters
    ----------
    plan : Plan
    lanes : Lanes
        Of all groups, in the order of their numbers.
    ways : Ways
    starts : bool [places, classes]
        Classes that depart from each place.

    Returns
    -------
    Rows
    """
    nodes, edges = reached(plan, lanes, ways, starts)
    groups, per = len(lanes.owner), np.array(lanes.per)
    here = [n for n in nodes if n.reach.any()]
    holds = [n.reach.reshape(groups, -1).any(axis=1) for n in here]
    holds += [on.reshape(groups, -1).any(axis=1) for _, on in edges]
    layout = [n.layout for n in here] + [nodes[e.target].layout for e, _ in edges]
    weight = np.repeat([_NODE, _EDGE], [len(here), len(edges)])
    stay = np.zeros((len(holds), groups), np.int64)
    stay[: len(here)] = _stays(plan)[[n.place for n in here]]
    stays = np.zeros(len(holds), np.bool_)
    stays[: len(here)] = [not n.removed for n in here]
    return Rows(np.array(holds), per[layout], weight, stay, stays)


def _stays(plan: Plan) -> NDArray[np.int64]:
    """What is the same for groups that stay alike at a place: int64 [places, groups]."""
    f, groups = plan.fixed, len(plan.groups)
    tables = np.concatenate([f.stay_table.reshape(groups, -1, len(plan.places)),
                             f.stay_calendar.reshape(groups, -1, len(plan.places))], axis=1)  # fmt: skip
    out = np.zeros((len(plan.places), groups), np.int64)
    for place in range(len(plan.places)):
        out[place] = np.unique(tables[:, :, place], axis=0, return_inverse=True)[1].ravel()
    return out


def short_order(rows: Rows, order: NDArray[np.int64]) -> NDArray[np.int64]:
    """Improve an order of groups.

    Parameters
    ----------
    rows : Rows
    order : int64 [groups]
        To begin with.

    Returns
    -------
    int64 [groups]
        Costs no more than the first.
    """
    least, since = rows.cost(order), 0
    moves = list(islice(_moves(len(order)), _TRIES))
    for move in islice(cycle(moves), _TRIES):
        cost = rows.cost(order[move])
        since += 1
        if cost < least:
            least, order, since = cost, order[move], 0
        elif since == len(moves):  # none of them improves it
            break
    return order


def _moves(n: int) -> Iterator[NDArray[np.int64]]:
    """Every way to turn a stretch of `n` places about, and to move what is in one of them to another."""
    place = np.arange(n)
    for i in range(n):
        for j in range(i + 1, n):
            yield np.concatenate([place[:i], place[i : j + 1][::-1], place[j + 1 :]])
    for i in range(n):
        for j in range(n):
            if abs(i - j) > 1:
                yield np.insert(np.delete(place, i), j, i)
