"""The route as nodes, sources and edges that the kernels walk: a plan and the classes to carry enter, arrays leave."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import networkx as nx
import numpy as np

from sim.engines.expected.people import JOINED, NORTH, SOUTH
from sim.plan import UNITS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sim.engines.expected.people import Lanes
    from sim.engines.expected.ways import Ways
    from sim.plan import Plan

__all__ = ["Edge", "Node", "Route", "reached", "route_of", "sent_otherwise"]

MOVE, SETTLE, TURN = 0, 1, 2
ARRIVED, RETURNED, REMOVED = 1, 3, 4


@dataclass
class Node:
    """A place with a heading (or where a removal ends).

    Parameters
    ----------
    place : int
    south : bool
    removed : int
        Outcome with which all who are sent here end, 0 where they do not.
    reach : bool [classes]
        Classes that can be here.
    begin : bool [classes]
        Classes that depart or turn back here (they need not arrive first).
    turn, settle : bool [classes], optional
        Classes that may turn back or settle here.
    layout : int
        How classes are laid out here (`NORTH`, `SOUTH`, `JOINED` of :mod:`sim.engines.expected.people`).
    leaves : bool [classes], optional
        Classes that choose a way here: their journey does not end on arrival.
    """

    place: int
    south: bool
    removed: int
    reach: NDArray[np.bool_]
    begin: NDArray[np.bool_]
    edges_out: list[int] = field(default_factory=list)
    turn: NDArray[np.bool_] | None = None
    layout: int = NORTH
    settle: NDArray[np.bool_] | None = None
    leaves: NDArray[np.bool_] | None = None


@dataclass
class Edge:
    """A leg as travelled with one heading: from a node (or those sent away there) to a node.

    Parameters
    ----------
    source, target : int
        Nodes.
    leg : int
    forced : bool
        Travelled by those sent away on arrival.
    limited : bool
        Served through a line.
    takes : bool [classes]
        Classes that ever take it.
    """

    source: int
    target: int
    leg: int
    forced: bool
    limited: bool
    takes: NDArray[np.bool_]


@dataclass(frozen=True)
class Route:
    """Nodes in the order in which they are solved, and the edges between them.

    Parameters
    ----------
    nodes : list of Node
    edges : list of Edge
    blocks : list of int
        First node of each block of nodes that lead back to each other within a day, and the number of nodes.
    parts : list of int
        First block of each part of nodes that lead back to each other at all, and the number of blocks.
    number : dict
        Number of a node by (place, south, removed).
    """

    nodes: list[Node]
    edges: list[Edge]
    blocks: list[int]
    parts: list[int]
    number: dict[tuple[int, bool, int], int]


class _Builder:
    """Gathers nodes and edges of a plan for some classes of people."""

    def __init__(self, plan: Plan, lanes: Lanes, ways: Ways) -> None:
        self.plan, self.ways, self.lanes = plan, ways, lanes
        self.kinds = tuple(lanes.kinds(layout) for layout in (NORTH, SOUTH, JOINED))
        self.apart = _told_apart(plan, ways) if lanes.joined is not None else None
        chooses = np.eye(int(plan.fixed.kind_class.max()) + 1)[plan.fixed.kind_class]
        self.choosers = tuple(k @ chooses for k in self.kinds)
        self.nodes: list[Node] = []
        self.edges: list[Edge] = []
        self.number: dict[tuple[int, bool, int], int] = {}
        self.new: list[int] = []
        self.homes: dict[int, NDArray[np.bool_]] = {}

    def grow(self) -> None:
        """Follow the ways out of every node that was named."""
        while self.new:
            number = self.new.pop()
            if not self.nodes[number].removed:
                self._ways_out(number)

    def node(self, place: int, south: bool, removed: int = 0) -> int:
        key = (place, south, removed)
        if key not in self.number:
            self.number[key] = len(self.nodes)
            layout = SOUTH if south else NORTH
            if not south and self.apart is not None and (place, removed) not in self.apart:
                layout = JOINED
            none = np.zeros(len(self.kinds[layout]), np.bool_)
            self.nodes.append(Node(place, south, removed, none, none.copy(), layout=layout))
            self.new.append(self.number[key])
        return self.number[key]

    def _ways_out(self, number: int) -> None:
        node = self.nodes[number]
        f = self.plan.fixed
        chosen = self.ways.chosen[node.place, int(node.south)].T.astype(np.float64)
        takes = (self.choosers[node.layout] @ chosen) > 0.0
        for j in np.flatnonzero(takes.any(axis=0)):
            leg = int(f.alternative[node.place, j])
            own = np.ascontiguousarray(takes[:, j])
            if f.leg_sort[leg] == SETTLE:
                node.settle = own
            elif f.leg_sort[leg] == TURN:
                node.turn = own
                self.node(node.place, south=True)
            else:
                self._edge(number, leg, own, forced=False)
        if not node.south and f.forced_index[node.place] >= 0:
            self._forced(number)

    def _edge(self, source: int, leg: int, takes: NDArray[np.bool_], *, forced: bool) -> None:
        f = self.plan.fixed
        removed = int(f.leg_end[leg])
        target = self.node(int(f.leg_to[leg]), self.nodes[source].south, removed)
        self.nodes[source].edges_out.append(len(self.edges))
        limited = bool(f.leg_limited[leg]) and not forced
        self.edges.append(Edge(source, target, leg, forced, limited, takes))

    def _forced(self, number: int) -> None:
        """Ways of those sent away on arrival at a node."""
        f = self.plan.fixed
        row = f.forced_index[self.nodes[number].place]
        sent = self.ways.sent[:, row]
        for leg in np.unique(f.forced_leg[row][f.forced_leg[row] >= 0]):
            kinds = (sent & (leg == f.forced_leg[row].T)).any(axis=1)
            own = (self.kinds[self.nodes[number].layout] @ kinds.astype(np.float64)) > 0.0
            if own.any():
                self._edge(number, int(leg), own, forced=True)
        self.nodes[number].edges_out.sort()

    def home(self, place: int) -> NDArray[np.bool_]:
        """Classes heading south whose home country a place is in."""
        country = int(self.plan.fixed.place_country[place])
        if country not in self.homes:
            own = self.plan.fixed.kind_home == country
            self.homes[country] = np.asarray((self.kinds[SOUTH] @ own.astype(np.float64)) > 0.0)
        return self.homes[country]

    def spread(self, starts: list[tuple[int, NDArray[np.bool_]]]) -> None:
        """Mark which classes can reach which node."""
        queue = []
        for number, lanes in starts:
            self.nodes[number].reach |= lanes
            self.nodes[number].begin |= lanes
            queue.append(number)
        while queue:
            number = queue.pop()
            node = self.nodes[number]
            moving = self.leaving(node)
            for edge in (self.edges[i] for i in node.edges_out):
                setting_out = self.on(edge)
                if node.layout == JOINED and self.nodes[edge.target].layout == NORTH:
                    setting_out = self.lanes.parts(setting_out)
                self._reach(edge.target, setting_out, queue)
            if node.turn is not None:
                turned = moving & node.turn
                merge = self.lanes.per[node.layout] // self.lanes.per[SOUTH]
                if merge > 1:
                    turned = turned.reshape(-1, merge).any(axis=1)
                south = self.number[node.place, True, False]
                away = turned & ~self.home(node.place)
                new = away & ~self.nodes[south].begin
                self.nodes[south].begin |= away
                self._reach(south, turned, queue)
                if new.any() and south not in queue:
                    queue.append(south)

    def on(self, edge: Edge) -> NDArray[np.bool_]:
        """Classes that ever set out over an edge, of those known to reach its source."""
        node = self.nodes[edge.source]
        return (node.reach if edge.forced else self.leaving(node)) & edge.takes

    def leaving(self, node: Node) -> NDArray[np.bool_]:
        """Classes that choose a way at a node."""
        return self._staying(node) | node.begin

    def _staying(self, node: Node) -> NDArray[np.bool_]:
        """Classes whose journey does not end on arrival."""
        if node.removed or (not node.south and self.plan.fixed.place_ends[node.place]):
            return np.zeros_like(node.reach)
        return node.reach & ~self.home(node.place) if node.south else node.reach

    def _reach(self, target: int, lanes: NDArray[np.bool_], queue: list[int]) -> None:
        new = lanes & ~self.nodes[target].reach
        if new.any():
            self.nodes[target].reach |= new
            queue.append(target)


def _told_apart(plan: Plan, ways: Ways) -> frozenset[tuple[int, int]]:
    """Where units may come in another ratio: places (and ends of removals) at or behind one at which they are sent otherwise.

    Places whose lines share a limit with one of these are among them, since they are solved together.
    """
    f, limits = plan.fixed, plan.limits
    found = {(int(p), 0) for p in sent_otherwise(plan)}
    new = list(found)
    while True:
        while new:
            place, removed = new.pop()
            if removed:
                continue
            legs = f.alternative[place, : ways.chosen.shape[2]][ways.chosen[place, 0].any(axis=1)]
            legs = legs[f.leg_sort[legs] == MOVE]
            if f.forced_index[place] >= 0:
                forced = f.forced_leg[f.forced_index[place]]
                legs = np.concatenate([legs, forced[forced >= 0]])
            ahead = {(int(f.leg_to[leg]), int(f.leg_end[leg])) for leg in np.unique(legs)} - found
            found |= ahead
            new.extend(ahead)
        ties: dict[int, set[int]] = {}
        for leg in np.flatnonzero(f.leg_limited):
            for limit in limits.leg_limit[leg][limits.leg_limit[leg] >= 0].tolist():
                ties.setdefault(limit, set()).add(int(f.leg_from[leg]))
        for place, limit in zip(limits.room_place.tolist(), limits.room_limit.tolist(), strict=True):
            if limit in ties:
                ties[limit].add(int(place))
        for places in ties.values():
            if any((p, 0) in found for p in places):
                new.extend({(p, 0) for p in places} - found)
        found |= set(new)
        if not new:
            return frozenset(found)


def sent_otherwise(plan: Plan) -> NDArray[np.int64]:
    """Places at which not all travel units of a group are sent away alike."""
    f, e = plan.fixed, plan.epochs
    share = e.forced.reshape(len(e.forced), len(plan.groups), len(UNITS), *e.forced.shape[2:])
    leg = f.forced_leg.reshape(len(f.forced_leg), -1, len(plan.groups), len(UNITS))
    row = (share != share[:, :, :1]).any(axis=(0, 1, 2, 4))
    row |= (leg != leg[:, :, :, :1]).any(axis=(1, 2, 3))
    return np.flatnonzero((f.forced_index >= 0) & row[np.maximum(f.forced_index, 0)])


def may_be_zero(plan: Plan) -> NDArray[np.bool_]:
    """Whether each leg may take no days."""
    at_once = np.array([pmf[0] > 0.0 for pmf in plan.pmfs])
    return np.asarray(at_once[plan.epochs.leg_table].any(axis=0))


def _order(builder: _Builder, keep: list[int]) -> tuple[list[int], list[int], list[int]]:
    """Order nodes so that those passed earlier come first.

    Nodes that lead back to each other, or share a limit, form a part; within a part, those that lead back to each other within
    a day form a block.
    """
    graph: nx.DiGraph[int] = nx.DiGraph()
    graph.add_nodes_from(keep)
    inside = set(keep)
    zero = may_be_zero(builder.plan)
    within: list[tuple[int, int]] = []
    for e in builder.edges:
        graph.add_edge(e.source, e.target)
        if zero[e.leg]:
            within.append((e.source, e.target))
    for n in keep:
        south = builder.number.get((builder.nodes[n].place, True, False), -1)
        if builder.nodes[n].turn is not None and south in inside:
            graph.add_edge(n, south)
            within.append((n, south))
    for together in _sharing(builder, inside):
        graph.add_edges_from(zip(together, [*together[1:], together[0]], strict=True))
    passed: nx.DiGraph[int] = nx.DiGraph()
    passed.add_nodes_from(keep)
    passed.add_edges_from(within)
    order: list[int] = []
    blocks: list[int] = []
    parts: list[int] = []
    whole = nx.condensation(graph)
    for part in nx.lexicographical_topological_sort(whole):
        parts.append(len(blocks))
        members = nx.condensation(passed.subgraph(whole.nodes[part]["members"]))
        for component in nx.lexicographical_topological_sort(members):
            blocks.append(len(order))
            order.extend(sorted(members.nodes[component]["members"]))
    return order, [*blocks, len(order)], [*parts, len(blocks)]


def _sharing(builder: _Builder, inside: set[int]) -> list[list[int]]:
    """Nodes whose lines share a limit; those of a place that can be full are with the lines before it."""
    limits = builder.plan.limits
    found: dict[int, set[int]] = {}
    for e in builder.edges:
        if e.limited and e.source in inside and e.target in inside:
            for limit in limits.leg_limit[e.leg].tolist():
                if limit >= 0:
                    found.setdefault(limit, set()).add(e.source)
    for place, limit in zip(limits.room_place.tolist(), limits.room_limit.tolist(), strict=True):
        if limit in found:
            found[limit] |= {i for i in inside if builder.nodes[i].place == place}
    return [sorted(nodes) for nodes in found.values()]


def _spread(plan: Plan, lanes: Lanes, ways: Ways, starts: NDArray[np.bool_]) -> tuple[_Builder, list[int]]:
    """Nodes and edges that somebody can reach; those nodes."""
    builder = _Builder(plan, lanes, ways)
    begin = []
    for p in np.flatnonzero(starts.any(axis=1)):
        first = builder.node(int(p), south=False)
        joined = builder.nodes[first].layout == JOINED
        begin.append((first, lanes.joins(starts[p]) if joined else starts[p]))
    builder.grow()
    builder.spread(begin)
    keep = [i for i, n in enumerate(builder.nodes) if n.reach.any()]
    builder.edges = [e for e in builder.edges if builder.on(e).any()]
    return builder, keep


def reached(
    plan: Plan, lanes: Lanes, ways: Ways, starts: NDArray[np.bool_]
) -> tuple[list[Node], list[tuple[Edge, NDArray[np.bool_]]]]:
    """Find the nodes and edges that the classes can reach, in no order.

    Parameters
    ----------
    plan : Plan
    lanes : Lanes
    ways : Ways
    starts : bool [places, classes]
        Classes that depart from each place.

    Returns
    -------
    nodes : list of Node
        Also those that nobody reaches.
    edges : list of (Edge, bool [classes])
        And the classes of the source that ever set out over each.
    """
    builder, _ = _spread(plan, lanes, ways, starts)
    return builder.nodes, [(e, builder.on(e)) for e in builder.edges]


def route_of(plan: Plan, lanes: Lanes, ways: Ways, starts: NDArray[np.bool_]) -> Route:
    """Find the nodes and edges that the classes can reach, in the order in which they are solved.

    Parameters
    ----------
    plan : Plan
    lanes : Lanes
    ways : Ways
    starts : bool [places, classes]
        Classes that depart from each place.

    Returns
    -------
    Route
    """
    builder, keep = _spread(plan, lanes, ways, starts)
    for i in keep:
        builder.nodes[i].leaves = builder.leaving(builder.nodes[i])
    order, blocks, parts = _order(builder, keep)
    rank = {old: new for new, old in enumerate(order)}
    nodes = [builder.nodes[old] for old in order]
    edges = [Edge(rank[e.source], rank[e.target], e.leg, e.forced, e.limited, e.takes) for e in builder.edges]
    number = {key: rank[old] for key, old in builder.number.items() if old in rank}
    return Route(nodes, edges, blocks, parts, number)
