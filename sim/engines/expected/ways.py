"""Which ways people may ever take, and how many take each: a plan and classes of people enter, tables for the kernels leave."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sim.engines.expected.people import JOINED, NORTH, SOUTH
from sim.engines.kernels import expected_layout as at
from sim.engines.kernels.expected_layout import Tables
from sim.engines.kernels.expected_rows import CHUNK
from sim.engines.kernels.expected_tables import Beliefs, Ground, tabulate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from sim.engines.expected.assemble import Assembled
    from sim.engines.expected.people import Lanes
    from sim.plan import Plan

__all__ = ["Tabulator", "Ways", "padded", "ways_of"]


def padded(n: int) -> int:
    """Smallest whole number of chunks that holds `n` numbers."""
    return -(-max(n, 1) // CHUNK) * CHUNK


@dataclass(frozen=True)
class Ways:
    """Which ways are ever open.

    Parameters
    ----------
    chosen : bool [P, 2, W, classes of choice]
        Whether a class ever takes an alternative with a heading.
    sent : bool [K, F, J]
        Whether a kind is ever sent along a way.
    base : bool [classes of choice, 2, P, W]
        Whether a class takes an alternative with a heading where policies let it.
    """

    chosen: NDArray[np.bool_]
    sent: NDArray[np.bool_]
    base: NDArray[np.bool_]

    def within(self, other: Ways) -> bool:
        """Whether every way is among those of another."""
        return (
            self.chosen.shape == other.chosen.shape
            and self.sent.shape == other.sent.shape
            and not (self.chosen & ~other.chosen).any()
            and not (self.sent & ~other.sent).any()
        )


def means_classes(plan: Plan) -> NDArray[np.float64]:
    """Share of each group's people in each class of means at departure."""
    edges = plan.fixed.means_edge
    number = np.searchsorted(edges, plan.departures.means.astype(np.int64), side="right")
    return np.stack([(number == m).mean(axis=1) for m in range(len(edges) + 1)], axis=1)


def ways_of(plan: Plan, base: NDArray[np.bool_] | None = None) -> Ways:
    """Find the ways that are ever open.

    Parameters
    ----------
    plan : Plan
    base : bool [classes of choice, 2, P, W], optional
        Those of a plan with the same base weights and means.

    Returns
    -------
    Ways
    """
    f, e = plan.fixed, plan.epochs
    n_class, width = len(f.class_group), f.weight.shape[2]
    if base is None:
        means = means_classes(plan)[f.class_group]
        weight = f.weight.reshape(n_class, 2, -1, *f.weight.shape[1:])
        base = ((weight > 0.0) & (means > 0.0)[:, None, :, None, None]).any(axis=2)
    ever = e.weight.max(axis=0) > 0.0
    legs = f.alternative[:, :width]
    allowed = ever[:, np.maximum(legs, 0)] & (legs >= 0)
    chosen = np.ascontiguousarray(np.moveaxis(base & allowed[:, None], (0, 1, 2, 3), (3, 1, 0, 2)))
    forced = e.forced
    sent = np.empty(forced.shape[1:], np.bool_)
    sent[..., 0] = (forced[..., 0] > 0).any(axis=0)
    sent[..., 1:] = (forced[..., 1:] > forced[..., :-1]).any(axis=0)
    return Ways(chosen, sent, base)


class Tabulator:
    """Works out who takes which way along a route.

    Parameters
    ----------
    plan : Plan
    lanes : Lanes
    made : Assembled
    unit_share : float64 [groups, units]
        Share of persons by unit (for what a group believes).
    """

    def __init__(self, plan: Plan, lanes: Lanes, made: Assembled, unit_share: NDArray[np.float64]) -> None:
        self.plan, self.made = plan, made
        self.ground = _ground(plan, lanes, made, unit_share)

    def start(self) -> Beliefs:
        """What people believe before the first day."""
        g, net, plan = self.ground, self.made.net, self.plan
        groups, classes, width = g.guess.shape[2], g.quota.shape[1], g.alternative.shape[1]
        legs = len(g.prior)
        chance = np.ones((len(plan.places), groups))
        chance[:, : len(plan.groups)] = plan.knowledge.chance.T
        return Beliefs(
            chance=chance,
            held=np.zeros((legs, groups)),
            appeal=np.ones((legs, groups)),
            policy=np.zeros((legs, groups)),
            factor=np.zeros((legs, classes)),
            fail=np.zeros((plan.epochs.forced.shape[2], groups)),
            risk=np.zeros(legs),
            pull=np.zeros((width, groups)),
            sums=np.zeros((2, groups)),
            share=np.zeros((2, width, classes)),
            part=np.zeros((width + 1, classes)),
            stirred=np.zeros(legs, np.uint8),
            closes=np.zeros(len(net.node), np.uint8),
        )

    def empty(self, rows: NDArray[np.float64] | None = None, stretches: int | None = None) -> Tables:
        """Room for the tables of all stretches (or so many of them); memory is only taken up where it is written."""
        n = len(self.plan.epochs.weight) if stretches is None else stretches
        most = int(self.ground.block_size.sum()) * n + 3 * CHUNK
        if rows is None or len(rows) < most:
            whole = np.empty(most + CHUNK)
            rows = whole[-(whole.__array_interface__["data"][0] // whole.itemsize) % CHUNK :][:most]
        block = np.zeros((len(self.plan.epochs.weight), len(self.made.net.node), 2), np.int64)
        return Tables(block, rows)

    def fill(self, tables: Tables, beliefs: Beliefs, first: int, last: int, used: int) -> int:
        """Work out the stretches from `first` to before `last`; returns how many numbers are used."""
        e, net = self.plan.epochs, self.made.net
        return int(
            tabulate(
                self.ground,
                beliefs,
                net.node,
                net.edge,
                e.weight,
                e.leg_robbery,
                e.leg_death,
                e.forced,
                first,
                last,
                tables.block,
                tables.row,
                used,
            )
        )

    def whole(self) -> Tables:
        """Tables of all stretches."""
        tables, beliefs = self.empty(), self.start()
        used = self.fill(tables, beliefs, 0, len(tables.block), 0)
        self.close(beliefs)
        return Tables(tables.block, tables.row[: used + CHUNK])

    def close(self, beliefs: Beliefs) -> None:
        """Note the nodes at which people wait because every way is closed."""
        node = self.made.net.node
        nobody = (node[:, at.END] > 0) & (node[:, at.HOME] < 0)
        node[:, at.CLOSES] |= (beliefs.closes > 0) & ~nobody


def _ground(plan: Plan, lanes: Lanes, made: Assembled, unit_share: NDArray[np.float64]) -> Ground:
    f, k, net = plan.fixed, plan.knowledge, made.net
    classes, groups = padded(len(f.class_group)), padded(len(plan.groups))
    width = f.weight.shape[2]
    n_class, places = len(f.class_group), len(plan.places)
    base = f.weight.reshape(n_class, 2, -1, places, width)
    weight = np.zeros((places, 2, base.shape[2], width, classes))
    weight[..., :n_class] = np.moveaxis(base, (0, 1, 2, 3, 4), (4, 1, 2, 0, 3))
    quota = np.zeros((base.shape[2], classes))
    quota[:, :n_class] = means_classes(plan)[f.class_group].T
    guess = np.zeros((places, width, groups))
    guess[..., : len(plan.groups)] = np.moveaxis(f.weight[k.group_row], 0, 2)
    walked = np.flatnonzero(net.node[:, at.SEG_1] > net.node[:, at.SEG_0])
    walked = walked[np.lexsort((net.node[walked, at.SOUTH], net.node[walked, at.PLACE]))]
    kinds = [lanes.kinds(layout) for layout in (NORTH, SOUTH, JOINED)]
    lane = [_sparse(own @ np.eye(n_class)[f.kind_class]) for own in kinds]
    kind = [_sparse(own.T) for own in kinds]
    return Ground(
        on=int(k.on),
        sweeps=int(k.sweeps),
        risk_weight=float(k.risk_weight),
        success_weight=float(k.success_weight),
        harm_cost=float(k.harm_cost),
        apart=float(k.chance_apart),
        alternative=np.ascontiguousarray(f.alternative[:, :width], np.int64),
        leg_from=f.leg_from.astype(np.int64),
        leg_to=f.leg_to.astype(np.int64),
        leg_sort=f.leg_sort.astype(np.int64),
        place_ends=f.place_ends.astype(np.int64),
        forced_index=f.forced_index.astype(np.int64),
        weight=weight,
        quota=quota,
        class_group=f.class_group.astype(np.int64),
        group_class=k.group_class.astype(np.int64),
        guess=guess,
        order=k.order.astype(np.int64),
        prior=k.prior,
        unit_share=np.ascontiguousarray(unit_share.ravel()),
        kind_group=f.kind_group.astype(np.int64),
        place_start=np.searchsorted(net.node[walked, at.PLACE], np.arange(places + 1)).astype(np.int64),
        place_node=walked.astype(np.int64),
        way=made.way,
        block_size=made.block_size,
        lane_start=_stacked(lane),
        lane_alone=np.array([(np.diff(one[0]) == 1).all() for one in lane], np.int64),
        lane_class=np.concatenate([one[1] for one in lane]),
        lane_share=np.concatenate([one[2] for one in lane]),
        kind_start=_stacked(kind),
        kind_lane=np.concatenate([one[1] for one in kind]),
        kind_share=np.concatenate([one[2] for one in kind]),
        sent=made.sent,
        leaves=made.leaves,
    )


def _stacked(
    tables: Sequence[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]],
) -> NDArray[np.int64]:
    """First entries of the rows of several matrices whose entries lie one after another: int64 [matrices, most rows + 1]."""
    out = np.zeros((len(tables), max(len(start) for start, *_ in tables)), np.int64)
    before = 0
    for own, (start, column, *_) in zip(out, tables, strict=True):
        own[: len(start)] = start + before
        before += len(column)
    return out


def _sparse(
    matrix: NDArray[np.float64],
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Rows of a matrix by what is not nought: first entry of each row, columns, values."""
    row, column = np.nonzero(matrix)
    start = np.searchsorted(row, np.arange(len(matrix) + 1)).astype(np.int64)
    return start, column.astype(np.int64), matrix[row, column]
