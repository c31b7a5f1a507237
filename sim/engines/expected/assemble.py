"""Lay a route out in the arrays of the kernels."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from sim.engines.expected.network import ARRIVED, RETURNED, SETTLE, TURN
from sim.engines.expected.parts import Parts
from sim.engines.expected.people import SOUTH
from sim.engines.expected.segments import Segments, power, segments_of
from sim.engines.expected.stays import stay_of
from sim.engines.expected.ways import padded
from sim.engines.kernels import expected_layout as at
from sim.engines.kernels.expected_layout import Lines, Net
from sim.engines.kernels.expected_rows import CHUNK

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sim.engines.expected.network import Edge, Node, Route
    from sim.engines.expected.people import Lanes
    from sim.plan import Plan

__all__ = ["Assembled", "Travel", "ahead", "assemble", "day_table", "lines_of"]

_UNLIMITED = 2.0**59
_FULL = 2.0**32
_UNSEEN = 1e-13
"""Chance of a travel time beyond which the rest is put on the last day."""
_MANY = 4
"""Ways to other parts from which on it is quicker to set out over them when the days of a span are over."""


@dataclass(frozen=True)
class Assembled:
    """A route ready for the kernels.

    Parameters
    ----------
    net : Net
    lines : Lines
    edge_leg : int64 [E]
        Leg of each edge.
    edge_lane, edge_lanes : int64 [E]
        First class of each edge, and how many, as those who set out are counted.
    edge_layout : int64 [E]
        How these are laid out.
    way : int64 [N, W, 3]
        Offset in the node's block of shares, first class and classes of each alternative; offset -1 where nobody takes it.
    sent : int64 [N, J, K]
        Edge of those sent away, -1 none.
    block_size : int64 [N, 2]
        Numbers in the blocks of shares of each node.
    leaves : int64
        In rows as the nodes' sums, 1 for classes that choose a way there.
    line_keys : list of tuple
        Place, heading and leg of each line.
    sizes : dict of str to int
        Lengths of the arrays of a run.
    """

    net: Net
    lines: Lines
    edge_leg: NDArray[np.int64]
    edge_lane: NDArray[np.int64]
    edge_lanes: NDArray[np.int64]
    edge_layout: NDArray[np.int64]
    way: NDArray[np.int64]
    sent: NDArray[np.int64]
    block_size: NDArray[np.int64]
    leaves: NDArray[np.int64]
    line_keys: list[tuple[int, bool, int]]
    sizes: dict[str, int]

    def on(self, net: Net, lines: Lines) -> Assembled:
        """The same route with other numbers."""
        return replace(self, net=net, lines=lines)


def _offsets(width: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(width)[:-1]]).astype(np.int64)


def _node_table(plan: Plan, lanes: Lanes, route: Route) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Columns of the nodes that follow from who can be there, and the rows of whom a journey ends for."""
    per = lanes.per
    table = np.zeros((len(route.nodes), at.NODE), np.int64)
    table[:, [at.HOME, at.TURN, at.BACK, at.R_OPEN, at.R_TURN, at.R_SETTLE]] = -1
    homes = lanes.kinds(SOUTH) @ (plan.fixed.kind_home[:, None] == plan.fixed.place_country[None, :]).astype(
        np.float64
    )
    rows: list[NDArray[np.float64]] = [np.zeros(CHUNK)]
    for i, node in enumerate(route.nodes):
        own = per[node.layout]
        there = np.flatnonzero(node.reach.reshape(-1, own).any(axis=1))
        lo, count = there[0] * own, (there[-1] + 1 - there[0]) * own
        table[i, [at.PER, at.LO, at.COUNT, at.PLACE]] = own, lo, count, node.place
        table[i, at.LAYOUT] = node.layout
        table[i, at.SOUTH] = node.south
        home = homes[lo : lo + count, node.place] > 0.0 if node.south else np.zeros(0, np.bool_)
        table[i, at.END] = _end(plan, node, home)
        if node.south and table[i, at.END] == RETURNED and not node.removed:
            table[i, at.HOME] = sum(len(r) for r in rows)
            rows.append(np.pad(home.astype(np.float64), (0, padded(count) - count)))
        if not node.removed:
            _choices(route, node, i, table)
    table[:, at.CHUNKS] = -(-table[:, at.COUNT] // CHUNK)
    table[:, at.ACC] = _offsets(table[:, at.CHUNKS] * CHUNK)
    return table, np.concatenate(rows)


def _end(plan: Plan, node: Node, home: NDArray[np.bool_]) -> int:
    """Outcome of those who arrive."""
    if node.removed:
        return node.removed
    if not node.south:
        return ARRIVED if plan.fixed.place_ends[node.place] else 0
    return RETURNED if home.any() else 0


def _choices(route: Route, node: Node, i: int, table: NDArray[np.int64]) -> None:
    """Offsets of the rows of what is no journey in the node's block: open ways, turning back, settling."""
    twin = route.number.get((node.place, False, 0))
    if node.south and twin is not None and route.nodes[twin].turn is not None:
        table[i, at.TURN] = twin
    wide = padded(int(table[i, at.COUNT]))
    table[i, at.R_OPEN] = 0
    if node.turn is not None:
        table[i, at.R_TURN] = wide
    if node.settle is not None:
        table[i, at.R_SETTLE] = (1 + (node.turn is not None)) * wide
        table[i, at.SETTLES] = 1


class Travel:
    """Travel times and deaths of legs in force together.

    Parameters
    ----------
    plan : Plan
    stays : Segments
        Keeps the chances of days.
    """

    def __init__(self, plan: Plan, stays: Segments) -> None:
        self.plan, self.stays = plan, stays
        self.table: list[tuple[int, int, int]] = []
        self.death: list[float] = []
        self.trimmed: dict[int, tuple[int, NDArray[np.float64]]] = {}
        self.of_leg: dict[int, tuple[NDArray[np.int64] | int, int]] = {}
        self.even: set[int] = set()
        e = plan.epochs
        self.same = ((e.leg_table == e.leg_table[0]) & (e.leg_death == e.leg_death[0])).all(axis=0)

    def travel(self, table: int) -> tuple[int, NDArray[np.float64]]:
        """First day and chances of a travel time; what comes later than can be told is put on the last day."""
        if table not in self.trimmed:
            pmf = self.plan.pmfs[table]
            lag = int(np.flatnonzero(pmf > 0.0)[0]) if (pmf > 0.0).any() else len(pmf) - 1
            tail = pmf.sum() - np.cumsum(pmf)
            end = int(np.searchsorted(-tail, -_UNSEEN)) + 1
            taps = pmf[lag : max(end, lag + 1)].copy()
            if len(pmf) <= self.plan.n_days:
                taps[-1] += 1.0 - taps.sum()
            self.trimmed[table] = (lag, taps)
        return self.trimmed[table]

    def add(self, leg: int) -> tuple[NDArray[np.int64] | int, int]:
        """Add a leg; return its travel time in each epoch, and the days it reaches."""
        if leg in self.of_leg:
            return self.of_leg[leg]
        e = self.plan.epochs
        table, death = e.leg_table[:, leg].astype(np.int64), e.leg_death[:, leg].astype(np.int64)
        begin = len(self.table)
        number: NDArray[np.int64] | int = begin
        first = np.zeros(1, np.int64)
        if not self.same[leg]:
            key = death * (int(table.max()) + 1) + table
            _, first, inverse = np.unique(key, return_index=True, return_inverse=True)
            number = (inverse.ravel() + begin).astype(np.int64)
        reach = 1
        if self.same[leg] and stay_of(self.plan.pmfs[int(table[0])]).geometric > 0.0:
            self.even.add(leg)
        for i in first:
            lag, taps = self.travel(int(table[i]))
            self.table.append((lag, len(taps), self.stays.tap(taps)))
            self.death.append(float(death[i]) / _FULL)
            reach = max(reach, lag + len(taps))
        self.of_leg[leg] = (number, reach)
        return self.of_leg[leg]


def _edge_table(
    route: Route,
    order: list[Edge],
    ways: Travel,
    node: NDArray[np.int64],
    block_of: NDArray[np.int64],
    parts: Parts,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Table of the edges, their travel time in each epoch, and how many classes each has at its source and at its target."""
    table = np.zeros((len(order), at.EDGE), np.int64)
    way_of = np.zeros((len(ways.plan.epochs.weight), len(order)), np.int64)
    lanes = np.zeros((len(order), 2), np.int64)
    for i, e in enumerate(order):
        way_of[:, i], table[i, at.REACH] = ways.add(e.leg)
        source, target = node[e.source], node[e.target]
        taking = e.takes & route.nodes[e.source].reach
        apart = source[at.LAYOUT] != target[at.LAYOUT]
        there = np.flatnonzero(taking if apart else taking & route.nodes[e.target].reach)
        span = (there[0], there[-1] + 1) if len(there) else (source[at.LO], source[at.LO] + 1)
        first, last = int(span[0]), int(span[1])
        if e.limited:
            first -= (first - int(source[at.LO])) % CHUNK
        into, end = parts.of(first, last) if apart else (first, last)
        lanes[i] = last - first, end - into
        table[i, at.PARTS] = parts.add(first, into, end) if apart else -1
        table[i, at.THIRDS] = apart and parts.thirds()
        table[i, at.SOURCE], table[i, at.TARGET] = e.source, e.target
        table[i, at.FROM], table[i, at.INTO] = first - source[at.LO], into - target[at.LO]
        same, later = block_of[e.source] == block_of[e.target], block_of[e.source] > block_of[e.target]
        table[i, at.LATE] = 2 if same else int(later)
        table[i, at.LINE] = e.limited
        table[i, at.ACROSS] = source[at.IN_PART] != target[at.IN_PART]
        table[i, at.RARE] = e.forced and table[i, at.ACROSS] and e.leg not in ways.even
    table[:, at.ASKED], wide = -(-lanes // CHUNK).T
    table[:, at.EVEN] = [e.leg in ways.even for e in order]
    even = table[:, at.EVEN] > 0
    table[:, at.SAME] = (way_of == way_of[:1]).all(axis=0)
    reach = np.where(even, 2, table[:, at.REACH]) + ahead(table, node)
    days = np.array([power(int(r)) for r in reach], np.int64).reshape(-1)
    lag = np.array(ways.table, np.int64).reshape(-1, at.WAY)[way_of, at.LAG]
    at_once = (table[:, at.LATE] == 2) & (lag.min(axis=0, initial=1) == 0)  # noqa: PLR2004 - solved together
    within = at_once.astype(np.int64)
    table[:, at.WIDE], table[:, at.MASK] = wide, days - 1
    if len(order):
        table[:, at.RING] = _offsets(wide * (days + even) * CHUNK)
        table[:, at.FLOW] = _offsets(wide * CHUNK)
        table[:, at.LATER] = np.where(within > 0, _offsets(within * wide * CHUNK), -1)
    return table, way_of, lanes


def ahead(edge: NDArray[np.int64], node: NDArray[np.int64]) -> NDArray[np.int64]:
    """Days by which the source of each edge may have gone ahead of its target."""
    one, other = (node[edge[:, column], at.STAGE] for column in (at.SOURCE, at.TARGET))
    days: NDArray[np.int64] = (np.where(one < other, at.LEAD, at.SPAN) - 1) * edge[:, at.ACROSS]
    return days


def _stages(route: Route, node: NDArray[np.int64], part_of: NDArray[np.int64]) -> NDArray[np.int64]:
    """Cut the parts into stages of about as much work: first part of each, and the number of parts.

    Nodes that lead back to each other, which go day by day, take about twice as long; lines about as long again.
    """
    parts = len(route.parts) - 1
    alone = np.bincount(part_of, minlength=parts) == 1
    own = node[:, at.CHUNKS].astype(np.float64)
    for e in route.edges:
        own[e.target] += node[e.target, at.CHUNKS] / 2 if not e.limited else 0.0
        own[e.source] += 4 * node[e.source, at.CHUNKS] if e.limited else 0.0
    work = np.cumsum(np.bincount(part_of, weights=own * np.where(alone[part_of], 1.0, 2.0), minlength=parts))
    shares = np.arange(1, at.STAGES) / at.STAGES
    cuts = np.searchsorted(work, shares * work[-1]) + 1
    return np.unique(np.concatenate([[0], np.minimum(cuts, parts), [parts]])).astype(np.int64)


def _blocks(
    plan: Plan, order: list[Edge], edge: NDArray[np.int64], node: NDArray[np.int64], lanes: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Lay out each node's blocks of shares: size, rows of its alternatives, edges of those sent away, lists of edges out."""
    f = plan.fixed
    n, width = len(node), f.weight.shape[2]
    wide = node[:, at.CHUNKS] * CHUNK
    extra = 1 + (node[:, at.R_TURN] >= 0) + (node[:, at.R_SETTLE] >= 0)
    size = np.stack([extra * wide, wide], axis=1)
    way = np.full((n, width, 3), -1, np.int64)
    sent = np.full((n, f.forced_leg.shape[1], f.forced_leg.shape[2]), -1, np.int64)
    chosen: list[list[int]] = [[] for _ in range(n)]
    forced: list[list[int]] = [[] for _ in range(n)]
    for i, e in enumerate(order):
        away = int(e.forced)
        edge[i, at.ROW] = size[e.source, away]
        size[e.source, away] += edge[i, at.ASKED] * CHUNK
        me = node[e.source]
        if e.forced:
            forced[e.source].append(i)
            row = f.forced_index[me[at.PLACE]]
            sent[e.source][f.forced_leg[row] == e.leg] = i
            continue
        if not e.limited:
            chosen[e.source].append(i)
        j = int(np.flatnonzero(f.alternative[me[at.PLACE], :width] == e.leg)[0])
        way[e.source, j] = edge[i, at.ROW], me[at.LO] + edge[i, at.FROM], lanes[i]
    for i, me in enumerate(node):
        for column, sort in ((at.R_TURN, TURN), (at.R_SETTLE, SETTLE)):
            legs = f.alternative[me[at.PLACE], :width]
            for a in np.flatnonzero((legs >= 0) & (f.leg_sort[np.maximum(legs, 0)] == sort)):
                if me[column] >= 0:
                    way[i, a] = me[column], me[at.LO], me[at.COUNT]
    out: list[int] = []
    for i in range(n):
        node[i, at.OUT_0], node[i, at.OUT_1] = len(out), len(out) + len(chosen[i])
        node[i, at.SENT_0] = node[i, at.OUT_1]
        node[i, at.SENT_1] = node[i, at.SENT_0] + len(forced[i])
        node[i, at.SENT] = bool(forced[i])
        out += chosen[i] + forced[i]
    return size, way, sent, np.array(out, np.int64)


def assemble(plan: Plan, lanes: Lanes, route: Route, *, replay: Assembled | None = None) -> Assembled:
    """Lay out the arrays of a route.

    Parameters
    ----------
    plan : Plan
    lanes : Lanes
    route : Route
    replay : Assembled, optional
        A route that was run: let through at limited legs what was let through there.

    Returns
    -------
    Assembled
    """
    stays = Segments(plan)
    ways = Travel(plan, stays)
    node, home = _node_table(plan, lanes, route)
    n = len(node)
    for i, segments in enumerate(segments_of(plan, lanes, route, node[:, at.LO], node[:, at.COUNT])):
        node[i, at.SEG_0] = len(stays.segments)
        for segment in segments:
            stays.add(*segment)
        node[i, at.SEG_1] = len(stays.segments)
        node[i, at.SCALED] = any(s[4] > s[3] + 1 for s in stays.segments[node[i, at.SEG_0] :])
    order = sorted(route.edges, key=lambda e: (e.target, e.leg, e.source))
    block_of = np.searchsorted(np.array(route.blocks), np.arange(n), side="right")
    part_of = np.searchsorted(np.array(route.parts), block_of - 1, side="right") - 1
    node[:, at.IN_PART] = part_of
    stage = _stages(route, node, part_of)
    node[:, at.STAGE] = np.searchsorted(stage, part_of, side="right") - 1
    # what is added to a row may go a chunk beyond it: stages must not write into each other's
    node[:, at.ACC] += CHUNK * node[:, at.STAGE]
    kept = _kept_for_days(node)
    parts = Parts(lanes)
    edge, way_of, edge_lanes = _edge_table(route, order, ways, node, block_of, parts)
    block_size, way, sent, out = _blocks(plan, order, edge, node, edge_lanes[:, 0])
    into = np.searchsorted([e.target for e in order], np.arange(n + 1))
    node[:, at.EDGE_0], node[:, at.EDGE_1] = into[:-1], into[1:]
    limited = _limited(order, node)
    edge_leg = np.array([e.leg for e in order], np.int64)
    lines = lines_of(plan, np.array(limited, np.int64), edge_leg, edge, node)
    keys = [
        (route.nodes[order[i].source].place, route.nodes[order[i].source].south, order[i].leg)
        for i in limited
    ]
    if replay is not None:
        lines = lines._replace(replay=1, record=_recorded(replay, keys))
    place_node = np.argsort(node[:, at.PLACE], kind="stable").astype(np.int64)
    part = _parts(route, edge, node, lines)
    came = _sent_at_the_end(node, edge, out, part)
    net = Net(
        day=day_table(plan),
        block=np.array(route.blocks, np.int64),
        part=part,
        node=node,
        edge=edge,
        out=out,
        way_of=way_of,
        way=np.array(ways.table, np.int64).reshape(-1, at.WAY),
        death=np.array(ways.death, np.float64),
        tap=np.concatenate(stays.taps),
        home=home,
        **parts.arrays(),
        **stays.arrays(),
        place_start=np.searchsorted(node[place_node, at.PLACE], np.arange(len(plan.places) + 1)).astype(
            np.int64
        ),
        place_node=place_node,
        stage=stage,
    )
    edge_lane = edge[:, at.INTO] + node[edge[:, at.TARGET], at.LO]
    sizes = _sizes(plan, lanes, net, lines, stays) | kept | {"came": came}
    layout = node[edge[:, at.TARGET], at.LAYOUT]
    return Assembled(
        net, lines, edge_leg, edge_lane, edge_lanes[:, 1].copy(), layout, way, sent, block_size, _leaves(route, node), keys, sizes
    )  # fmt: skip


def _leaves(route: Route, node: NDArray[np.int64]) -> NDArray[np.int64]:
    """Row after row of the nodes, 1 for those who choose a way there."""
    rows = np.zeros(int((node[:, at.ACC] + node[:, at.CHUNKS] * CHUNK).max(initial=0)), np.int64)
    for me, own in zip(node, route.nodes, strict=True):
        if own.leaves is not None:
            rows[me[at.ACC] :][: me[at.COUNT]] = own.leaves[me[at.LO] :][: me[at.COUNT]]
    return rows


def _limited(order: list[Edge], node: NDArray[np.int64]) -> list[int]:
    """Edges that are served through a line, node by node."""
    limited = sorted(
        (i for i, e in enumerate(order) if e.limited), key=lambda i: (order[i].source, order[i].leg)
    )
    asks = np.searchsorted([order[i].source for i in limited], np.arange(len(node) + 1))
    node[:, at.ASK_0], node[:, at.ASK_1] = asks[:-1], asks[1:]
    return limited


def _sent_at_the_end(
    node: NDArray[np.int64], edge: NDArray[np.int64], out: NDArray[np.int64], part: NDArray[np.int64]
) -> int:
    """Choose nodes of parts that go day by day from which many ways of those sent away lead to other parts.

    Who sets out over these is worked out for all days of a span at once when it is over, since nobody of them comes back
    within it. Their ways come last at the node. Returns how many numbers are kept until then.
    """
    size = 0
    for me in node:
        me[at.SENT_ON] = me[at.SENT_1]
        sent = out[me[at.SENT_0] : me[at.SENT_1]].copy()
        across = edge[sent, at.ACROSS] > 0
        if part[me[at.IN_PART], at.ALONE] or across.sum() < _MANY:
            continue
        out[me[at.SENT_0] : me[at.SENT_1]] = np.concatenate([sent[~across], sent[across]])
        me[at.SENT_ON] = me[at.SENT_1] - across.sum()
        me[at.SENT_ROWS] = size
        size += at.SPAN * int(me[at.CHUNKS]) * CHUNK
    return size + CHUNK


def _kept_for_days(node: NDArray[np.int64]) -> dict[str, int]:
    """Lay out what nodes keep from one day to another, or until a span is over; returns how many numbers each holds."""
    held = 3 * at.SPAN * (node[:, at.CHUNKS] + 1) * CHUNK  # chances, who is known to leave, who came
    node[:, at.HELD] = _offsets(held)
    return {"turned": _rings_of_those_who_turn(node), "held": int(held.sum())}


def _rings_of_those_who_turn(node: NDArray[np.int64]) -> int:
    """Lay out the rings of those who turn back, by group; returns how many numbers they hold."""
    size = 0
    for number in np.flatnonzero(node[:, at.TURN] >= 0).tolist():
        south = node[number]
        north = node[south[at.TURN]]
        per = int(north[at.PER] // south[at.PER])
        begin = int(north[at.LO]) // per
        first = max(int(south[at.LO]), begin)
        end = min(int(south[at.LO] + south[at.COUNT]), int(north[at.LO] + north[at.COUNT]) // per)
        days = at.KEPT if south[at.STAGE] > north[at.STAGE] else at.SPAN
        north[at.BACK], north[at.BACK_CHUNKS] = number, -(-(end - first) // CHUNK)
        north[at.BACK_FIRST], north[at.BACK_GROUPS], north[at.BACK_PER] = (
            (first - begin) * per,
            end - first,
            per,
        )
        south[at.JOIN_AT] = first - south[at.LO]
        north[at.LEFT], north[at.LEFT_MASK] = size, days - 1
        size += days * int(north[at.BACK_CHUNKS]) * CHUNK
    return size + CHUNK


def _parts(route: Route, edge: NDArray[np.int64], node: NDArray[np.int64], lines: Lines) -> NDArray[np.int64]:
    """Table of the parts: their blocks and lines, and whether one is a node that nothing leads back to."""
    table = np.zeros((len(route.parts) - 1, at.PART), np.int64)
    table[:, at.BLOCK_0], table[:, at.BLOCK_1] = route.parts[:-1], route.parts[1:]
    of_line = node[lines.node, at.IN_PART]
    every = np.arange(len(table))
    table[:, at.Q_0], table[:, at.Q_1] = (
        np.searchsorted(of_line, every, side=side) for side in ("left", "right")
    )
    back = node[edge[edge[:, at.ACROSS] == 0, at.SOURCE], at.IN_PART]
    table[:, at.APART] = 1
    table[back, at.APART] = 0
    table[lines.room_part[lines.room_part >= 0], at.APART] = 0
    lines_too = table[:, at.Q_0] < table[:, at.Q_1]
    table[:, at.ALONE] = table[:, at.APART] & (np.bincount(node[:, at.IN_PART]) == 1) & ~lines_too
    table[:, at.APART] &= lines_too
    return table


def _sizes(plan: Plan, lanes: Lanes, net: Net, lines: Lines, stays: Segments) -> dict[str, int]:
    """Lengths of the arrays of a run, with a chunk to spare beyond the last row of each."""
    wide = net.edge[:, at.WIDE] * CHUNK
    width = net.node[:, at.CHUNKS] * CHUNK
    in_line = width[lines.node]
    return {
        "a": stays.history + CHUNK,
        "ring": int((wide * (net.edge[:, at.MASK] + 1 + net.edge[:, at.EVEN])).sum()) + CHUNK,
        "later": int(wide[net.edge[:, at.LATER] >= 0].sum()) + CHUNK,
        "exps": stays.state + CHUNK,
        "rows": int(width.sum()) + CHUNK * len(net.stage),
        "flow": int(wide.sum()) + CHUNK,
        "width": (int(width.max(initial=CHUNK)) + CHUNK) * at.SPAN + 3 * CHUNK,
        "owners": len(lanes.owner),
        "queue": int(in_line.sum()) + 3 * CHUNK,
        "joined": int((in_line * (lines.ring >= 0)).sum()) * plan.n_days + CHUNK,
    }


def _recorded(earlier: Assembled, keys: list[tuple[int, bool, int]]) -> NDArray[np.float64]:
    """What an earlier run let through, in the order of other lines."""
    record = np.zeros((len(earlier.net.day), len(keys), 3))
    for q, key in enumerate(keys):
        if key in earlier.line_keys:
            record[:, q] = earlier.lines.record[:, earlier.line_keys.index(key)]
    return record


def day_table(plan: Plan) -> NDArray[np.int64]:
    """Period of the tables, epoch and month of each day."""
    columns = (plan.fixed.period_of_day, plan.epochs.epoch_of_day, plan.fixed.month_of_day)
    return np.stack([c[: plan.n_days].astype(np.int64) for c in columns], axis=1)


def lines_of(
    plan: Plan,
    limited: NDArray[np.int64],
    edge_leg: NDArray[np.int64],
    edge: NDArray[np.int64],
    node: NDArray[np.int64],
) -> Lines:
    """Lay out the limited legs.

    Parameters
    ----------
    plan : Plan
    limited : int64 [Q]
        Edges that are served through a line.
    edge_leg : int64 [E]
    edge, node : int64
        Tables of the net.

    Returns
    -------
    Lines
    """
    q = plan.limits
    legs, source = edge_leg[limited], edge[limited, at.SOURCE]
    own = node[source, at.CHUNKS] * CHUNK
    some = len(limited) > 0
    mixed = q.leg_lottery[legs] > 0
    ring = np.where(mixed, -1, _offsets(np.where(mixed, 0, own)) * plan.n_days) if some else own
    limit = -np.sort(-q.leg_limit[legs].astype(np.int64), axis=1) if some else np.zeros((0, 1), np.int64)
    limit_part = np.full(len(q.allotment) + len(q.room_place), -1, np.int64)
    for number, leg in zip(node[source, at.IN_PART].tolist(), legs.tolist(), strict=True):
        limit_part[q.leg_limit[leg][q.leg_limit[leg] >= 0]] = number
    allotment = q.allotment.astype(np.float64)
    allotment[allotment > _UNLIMITED] = 1e18
    return Lines(
        replay=0,
        save_up=int(q.save_up),
        node=source.astype(np.int64),
        edge=limited,
        limit=limit,
        limits=(limit >= 0).sum(axis=1),
        mixed=mixed.astype(np.int64),
        patience=np.where(mixed, q.leg_patience[legs].astype(np.int64), 0),
        queue=_offsets(own) if some else own,
        ring=ring.astype(np.int64),
        allotment=allotment,
        monthly=q.limit_month.astype(np.int64),
        room_place=q.room_place.astype(np.int64),
        room=q.room.astype(np.float64),
        limit_part=limit_part[: len(q.allotment)].copy(),
        room_part=limit_part[len(q.allotment) :].copy(),
        record=np.zeros((plan.n_days, len(limited), 3)),
    )
