"""Lay a route out in the arrays of the kernels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sim.engines.expected.network import ARRIVED, RETURNED
from sim.engines.expected.stays import Stay, regimes_of
from sim.engines.kernels import expected_layout as at
from sim.engines.kernels.expected_layout import Lines, Memory, Net

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sim.engines.expected.network import Edge, Node, Route
    from sim.engines.expected.people import Lanes
    from sim.plan import Plan

__all__ = ["Assembled", "assemble", "new_memory"]

_UNLIMITED = 2.0**59
_FULL = 2.0**32


@dataclass(frozen=True)
class Assembled:
    """A route ready for the kernels.

    Parameters
    ----------
    net : Net
    lines : Lines
    edge_leg : int64 [E]
        Leg of each edge.
    south : bool [N]
        Heading of each node.
    line_keys : list of tuple
        Place, heading and leg of each line.
    sizes : dict of str to int
        Lengths of the arrays of a run.
    """

    net: Net
    lines: Lines
    edge_leg: NDArray[np.int64]
    south: NDArray[np.bool_]
    line_keys: list[tuple[int, bool, int]]
    sizes: dict[str, int]


class _Rows:
    """Rows of shares, each stored once."""

    def __init__(self) -> None:
        self.rows: list[NDArray[np.float64]] = []
        self.seen: dict[bytes, int] = {}
        self.length = 0

    def add(self, row: NDArray[np.float64]) -> int:
        key = row.tobytes()
        if key not in self.seen:
            self.seen[key] = self.length
            self.rows.append(row)
            self.length += len(row)
        return self.seen[key]

    def many(self, rows: NDArray[np.float64]) -> NDArray[np.int64]:
        """Offsets of several rows."""
        return np.array([self.add(np.ascontiguousarray(r)) for r in rows], np.int64)


def _power(n: int) -> int:
    """Smallest power of two that is at least `n`."""
    return 1 << max(0, int(np.ceil(np.log2(max(n, 1)))))


def _node_table(
    plan: Plan, lanes: Lanes, route: Route, rows: _Rows
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Columns of the nodes that follow from who can be there, and the rows of what is no journey."""
    per = (lanes.per_north, lanes.per_south)
    n = len(route.nodes)
    table = np.zeros((n, at.NODE), np.int64)
    table[:, [at.HOME, at.SENT, at.TURN]] = -1
    aux = np.full((len(plan.epochs.weight), n, 4), -1, np.int64)
    homes = lanes.kinds(True) @ (plan.fixed.kind_home[:, None] == plan.fixed.place_country[None, :]).astype(
        np.float64
    )
    for i, node in enumerate(route.nodes):
        there = np.flatnonzero(node.reach.reshape(-1, per[node.south]).any(axis=1))
        table[i, at.PER] = per[node.south]
        table[i, at.WIDTH] = len(node.reach)
        table[i, at.LO] = there[0] * per[node.south]
        table[i, at.COUNT] = (there[-1] + 1 - there[0]) * per[node.south]
        table[i, at.PLACE] = node.place
        table[i, at.END], table[i, at.HOME] = _ends(plan, node, homes[:, node.place] > 0.0, rows)
        if node.removed:
            continue
        twin = route.number.get((node.place, False, 0))
        if node.south and twin is not None and route.nodes[twin].turn is not None:
            table[i, at.TURN] = twin
        table[i, at.CLOSES], table[i, at.SETTLES] = _choices(node, i, aux, rows)
    table[:, at.ACC] = _offsets(table[:, at.WIDTH])
    return table, aux


def _offsets(width: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(width)[:-1]]).astype(np.int64)


def _ends(plan: Plan, node: Node, home: NDArray[np.bool_], rows: _Rows) -> tuple[int, int]:
    """Outcome of those who arrive, and the row of those for whom it is one (-1 all)."""
    if node.removed:
        return node.removed, -1
    if not node.south:
        return (ARRIVED if plan.fixed.place_ends[node.place] else 0), -1
    return (RETURNED, rows.add(home.astype(np.float64))) if home.any() else (0, -1)


def _choices(node: Node, i: int, aux: NDArray[np.int64], rows: _Rows) -> tuple[bool, bool]:
    """Rows of what is no journey: the stay of those not sent away, open ways, turning back, settling."""
    version, opened = node.version, node.opened
    if version is None or opened is None:
        return False, False
    if node.passing is not None and node.sent_version is not None:
        aux[:, i, 0] = rows.many(node.passing)[node.sent_version]
    closes = bool((opened[:, node.reach] == 0.0).any())
    if closes:
        aux[:, i, 1] = rows.many(opened)[version]
    if node.turn is not None:
        aux[:, i, 2] = rows.many(node.turn)[version]
    if node.settle is not None:
        aux[:, i, 3] = rows.many(node.settle)[version]
    return closes, node.settle is not None


def _segments(
    plan: Plan, lanes: Lanes, route: Route, lo: NDArray[np.int64], count: NDArray[np.int64]
) -> list[list[tuple[int, int, int, int]]]:
    """Runs of classes with the same stay and calendar at each node: (first class, classes, stay, calendar)."""
    f = plan.fixed
    lead = [np.argmax(lanes.kinds(south), axis=1) for south in (False, True)]
    out = []
    for i, node in enumerate(route.nodes):
        found: list[tuple[int, int, int, int]] = []
        if not node.removed:
            kind = lead[node.south][lo[i] : lo[i] + count[i]]
            pair = np.stack([f.stay_table[kind, node.place], f.stay_calendar[kind, node.place]], axis=1)
            cuts = np.flatnonzero(np.any(np.diff(pair, axis=0) != 0, axis=1)) + 1
            edges = [0, *cuts.tolist(), len(kind)]
            found = [
                (int(lo[i] + a), b - a, int(pair[a, 0]), int(pair[a, 1]))
                for a, b in zip(edges[:-1], edges[1:], strict=True)
            ]
        out.append(found)
    return out


class _Stays:
    """Segments of stays, their regimes, taps and exponentials, as they are added."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.segments: list[tuple[int, ...]] = []
        self.regimes: list[tuple[int, ...]] = []
        self.taps: list[NDArray[np.float64]] = [np.zeros(1)]
        self.tap_at: dict[bytes, int] = {}
        self.tap_end = 1
        self.expo: list[tuple[float, float]] = []
        self.expo_at: dict[bytes, int] = {}
        self.state = 0
        self.history = 0
        self.known: dict[tuple[int, int], tuple[list[tuple[int, ...]], int, int]] = {}
        self.length: list[NDArray[np.int64]] = [np.zeros(1, np.int64)]
        self.ratio: list[NDArray[np.float64]] = [np.zeros(1)]

    def tap(self, taps: NDArray[np.float64]) -> int:
        """Offset of some taps."""
        key = taps.tobytes()
        if key not in self.tap_at:
            self.tap_at[key] = self.tap_end
            self.taps.append(taps.ravel())
            self.tap_end += taps.size
        return self.tap_at[key]

    def add(self, lo: int, count: int, table: int, calendar: int) -> None:
        """Add a segment."""
        key = (table, calendar)
        if key not in self.known:
            self.known[key] = self._regimes(table, calendar)
        rows, depth, states = self.known[key]
        ring = _power(depth)
        begin = len(self.regimes)
        self.segments.append((lo, count, self.state, begin, begin + len(rows), self.history, ring - 1))
        self.history += ring * count
        self.regimes.extend(rows)
        self.state += states * count

    def _regimes(self, table: int, calendar: int) -> tuple[list[tuple[int, ...]], int, int]:
        rows: list[tuple[int, ...]] = []
        depth, states = 1, 0
        for r in regimes_of(self.plan, table, calendar):
            ratio = sum(len(x) for x in self.ratio)
            self.ratio.append(r.ratio)
            rewriting = (ratio, len(r.ratio), r.most)
            depth = max(depth, len(r.ratio))
            if r.stay is None:
                length = sum(len(x) for x in self.length)
                self.length.append(r.length)
                rows.append(
                    (
                        r.first,
                        r.last,
                        at.VARYING,
                        0,
                        r.taps.shape[1],
                        self.tap(r.taps),
                        length,
                        0,
                        0,
                        *rewriting,
                    )
                )
                depth = max(depth, r.taps.shape[1])
            elif r.stay.geometric > 0.0:
                chance = r.taps if r.taps.size else np.array([r.stay.geometric])
                rows.append(
                    (
                        r.first,
                        r.last,
                        at.GEOMETRIC,
                        0,
                        int(r.taps.size > 0),
                        self.tap(chance),
                        0,
                        0,
                        0,
                        *rewriting,
                    )
                )
            else:
                rows.append((r.first, r.last, at.STEADY, *self._steady(r.stay), *rewriting))
                depth = max(depth, r.stay.lag + len(r.stay.taps), r.stay.begin + 1)
                states = max(states, len(r.stay.decay))
        return rows, depth, states

    def _steady(self, stay: Stay) -> tuple[int, ...]:
        tap = self.tap(stay.taps) if len(stay.taps) else 0
        key = stay.decay.tobytes() + stay.amount.tobytes()
        if key not in self.expo_at:
            self.expo_at[key] = len(self.expo)
            self.expo.extend(zip(stay.decay.tolist(), stay.amount.tolist(), strict=True))
        return stay.lag, len(stay.taps), tap, self.expo_at[key], len(stay.decay), stay.begin

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return the arrays of a net."""
        return {
            "segment": np.array(self.segments, np.int64).reshape(-1, at.SEGMENT),
            "expo": np.array(self.expo, np.float64).reshape(-1, 2),
            "regime": np.array(self.regimes, np.int64).reshape(-1, at.REGIME),
            "length": np.concatenate(self.length),
            "ratio": np.concatenate(self.ratio),
        }


class _Versions:
    """Versions of edges: shares, travel days and deaths in force together."""

    def __init__(self, plan: Plan, rows: _Rows, stays: _Stays) -> None:
        self.plan, self.rows, self.stays = plan, rows, stays
        self.table: list[tuple[int, int, int, int]] = []
        self.death: list[float] = []
        self.trimmed: dict[int, tuple[int, NDArray[np.float64]]] = {}

    def travel(self, table: int) -> tuple[int, NDArray[np.float64]]:
        """First day and chances of a travel time; what comes later than can be told is put on the last day."""
        if table not in self.trimmed:
            pmf = self.plan.pmfs[table]
            lag = int(np.flatnonzero(pmf > 0.0)[0]) if (pmf > 0.0).any() else len(pmf) - 1
            tail = pmf.sum() - np.cumsum(pmf)
            end = int(np.searchsorted(-tail, -1e-13)) + 1
            taps = pmf[lag : max(end, lag + 1)].copy()
            if len(pmf) <= self.plan.n_days:
                taps[-1] += 1.0 - taps.sum()
            self.trimmed[table] = (lag, taps)
        return self.trimmed[table]

    def add(
        self, edge: Edge, share: NDArray[np.float64], version: NDArray[np.int64]
    ) -> tuple[NDArray[np.int32], int]:
        """Add the versions of an edge; return the version of each epoch, and the days it reaches."""
        e = self.plan.epochs
        table, death = e.leg_table[:, edge.leg].astype(np.int64), e.leg_death[:, edge.leg].astype(np.int64)
        key = (death * (int(table.max()) + 1) + table) * (int(version.max()) + 1) + version
        _, first, inverse = np.unique(key, return_index=True, return_inverse=True)
        begin = len(self.table)
        reach = 1
        offsets = self.rows.many(share)
        for i in first:
            lag, taps = self.travel(int(table[i]))
            self.table.append((int(offsets[version[i]]), lag, len(taps), self.stays.tap(taps)))
            self.death.append(float(death[i]) / _FULL)
            reach = max(reach, lag + len(taps))
        return (inverse.ravel() + begin).astype(np.int32), reach


def _edges(
    route: Route, versions: _Versions, sources: dict[tuple[int, int], int], block_of: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int32], list[Edge]]:
    """Edges sorted by the node they lead to: their table, their version in each epoch."""
    order = sorted(route.edges, key=lambda e: (e.target, e.leg, e.source))
    table = np.zeros((len(order), 5), np.int64)
    in_force = np.zeros((len(versions.plan.epochs.weight), len(order)), np.int32)
    for i, e in enumerate(order):
        share, version = e.share, e.version
        if e.limited:
            share, version = np.ones((1, e.share.shape[1])), np.zeros_like(e.version)
        in_force[:, i], table[i, at.REACH] = versions.add(e, share, version)
        table[i, at.SOURCE] = sources[_source_key(e)]
        same, later = block_of[e.source] == block_of[e.target], block_of[e.source] > block_of[e.target]
        table[i, at.LATE] = 2 if same else int(later)
    return table, in_force, order


def _source_key(e: Edge) -> tuple[int, int]:
    """A node's own leaving, those sent away there (-2), or those let through to a limited leg."""
    if e.forced:
        return e.source, -2
    return (e.source, e.leg) if e.limited else (e.source, -1)


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
    rows, stays = _Rows(), _Stays(plan)
    versions = _Versions(plan, rows, stays)
    node, aux = _node_table(plan, lanes, route, rows)
    n = len(node)
    width = node[:, at.WIDTH]
    for i, segments in enumerate(_segments(plan, lanes, route, node[:, at.LO], node[:, at.COUNT])):
        node[i, at.SEG_0] = len(stays.segments)
        for segment in segments:
            stays.add(*segment)
        node[i, at.SEG_1] = len(stays.segments)
        node[i, at.SCALED] = any(s[4] > s[3] + 1 for s in stays.segments[node[i, at.SEG_0] :])
    limited = sorted((e for e in route.edges if e.limited), key=lambda e: (e.source, e.leg))
    sources: dict[tuple[int, int], int] = {(i, -1): i for i in range(n)}
    for e in [*(e for e in route.edges if e.forced), *limited]:
        sources.setdefault(_source_key(e), len(sources))
    node[:, at.SENT] = [sources.get((i, -2), -1) for i in range(n)]
    block_of = np.searchsorted(np.array(route.blocks), np.arange(n), side="right")
    edge, edge_version, order = _edges(route, versions, sources, block_of)
    days = _power(int(edge[:, at.REACH].max(initial=1)) + 1)
    l_width = np.array([width[key[0]] for key in sources], np.int64)
    source = np.stack([_offsets(l_width * days), _offsets(l_width)], axis=1)
    e_width = width[[e.target for e in order]] if order else np.zeros(0, np.int64)
    edge[:, at.L_OFF] = source[edge[:, at.SOURCE], 0]
    edge[:, at.FLOW] = _offsets(e_width)[: len(order)]
    into = np.searchsorted([e.target for e in order], np.arange(n + 1))
    node[:, at.EDGE_0], node[:, at.EDGE_1] = into[:-1], into[1:]
    asks = np.searchsorted([e.source for e in limited], np.arange(n + 1))
    node[:, at.ASK_0], node[:, at.ASK_1] = asks[:-1], asks[1:]
    lines = _lines(plan, limited, sources, rows, width)
    keys = [(route.nodes[e.source].place, route.nodes[e.source].south, e.leg) for e in limited]
    if replay is not None:
        lines = lines._replace(replay=1, record=_recorded(replay, keys))
    place_node = np.argsort(node[:, at.PLACE], kind="stable").astype(np.int64)
    net = Net(
        day=_day_table(plan),
        block=np.array(route.blocks, np.int64),
        node=node,
        aux=aux,
        source=source,
        edge=edge,
        edge_version=edge_version,
        version=np.array(versions.table, np.int64).reshape(-1, 4),
        death=np.array(versions.death, np.float64),
        tap=np.concatenate(stays.taps),
        row=np.concatenate(rows.rows) if rows.rows else np.zeros(1),
        **stays.arrays(),
        place_start=np.searchsorted(node[place_node, at.PLACE], np.arange(len(plan.places) + 1)).astype(
            np.int64
        ),
        place_node=place_node,
    )
    sizes = {
        "a": max(stays.history, 1),
        "l": int((l_width * days).sum()),
        "delta": int(l_width.sum()),
        "exps": max(stays.state, 1),
        "rows": int(width.sum()),
        "flow": int(e_width.sum()),
        "width": len(lanes.kinds(False)),
        "owners": len(lanes.owner),
        "queue": max(int(width[lines.node].sum()), 1),
        "joined": max(int((width[lines.node] * (lines.ring >= 0)).sum()) * plan.n_days, 1),
    }
    south = np.array([part.south for part in route.nodes])
    return Assembled(net, lines, np.array([e.leg for e in order], np.int64), south, keys, sizes)


def _recorded(earlier: Assembled, keys: list[tuple[int, bool, int]]) -> NDArray[np.float64]:
    """What an earlier run let through, in the order of other lines."""
    record = np.zeros((len(earlier.net.day), len(keys), 3))
    for q, key in enumerate(keys):
        if key in earlier.line_keys:
            record[:, q] = earlier.lines.record[:, earlier.line_keys.index(key)]
    return record


def _day_table(plan: Plan) -> NDArray[np.int64]:
    columns = (plan.fixed.period_of_day, plan.epochs.epoch_of_day, plan.fixed.month_of_day)
    return np.stack([c[: plan.n_days].astype(np.int64) for c in columns], axis=1)


def _lines(
    plan: Plan,
    limited: list[Edge],
    sources: dict[tuple[int, int], int],
    rows: _Rows,
    width: NDArray[np.int64],
) -> Lines:
    """Lay out the limited legs."""
    q = plan.limits
    legs = np.array([e.leg for e in limited], np.int64)
    node = np.array([e.source for e in limited], np.int64)
    own = width[node] if len(limited) else np.zeros(0, np.int64)
    limit = q.leg_limit[legs].astype(np.int64) if len(limited) else np.zeros((0, 1), np.int64)
    patience = q.leg_patience[legs].astype(np.int64)
    mixed = q.leg_lottery[legs] > 0
    patience = np.where(mixed, patience, 0)
    ring = (
        np.where(mixed, -1, _offsets(np.where(mixed, 0, own)) * plan.n_days)
        if len(limited)
        else np.zeros(0, np.int64)
    )
    ask = np.zeros((len(plan.epochs.weight), len(limited)), np.int64)
    for i, e in enumerate(limited):
        ask[:, i] = rows.many(e.share)[e.version]
    allotment = q.allotment.astype(np.float64)
    allotment[allotment > _UNLIMITED] = 1e18
    return Lines(
        replay=0,
        save_up=int(q.save_up),
        node=node,
        source=np.array([sources[_source_key(e)] for e in limited], np.int64),
        limit=limit,
        mixed=mixed.astype(np.uint8),
        patience=patience,
        ask=ask,
        queue=_offsets(own) if len(limited) else np.zeros(0, np.int64),
        ring=ring.astype(np.int64),
        allotment=allotment,
        monthly=q.limit_month.astype(np.uint8),
        room_place=q.room_place.astype(np.int64),
        room=q.room.astype(np.float64),
        record=np.zeros((plan.n_days, len(limited), 3)),
    )


def new_memory(plan: Plan, made: Assembled, *, tables: bool = True) -> Memory:
    """Allocate what moves.

    Parameters
    ----------
    plan : Plan
    made : Assembled
    tables : bool
        Room for person-days and largest numbers too.

    Returns
    -------
    Memory
    """
    s, months = made.sizes, len(plan.months)
    lines = len(made.lines.node)
    kept = months if tables else 0
    return Memory(
        a=np.zeros(s["a"]),
        l=np.zeros(s["l"]),
        exps=np.zeros(s["exps"]),
        stock=np.zeros((4, s["rows"])),
        done=np.zeros((3, 3, s["rows"])),
        days=np.zeros((kept, 4, s["rows"])),
        peak=np.zeros((kept, 4, len(plan.places), s["owners"])),
        flow=np.zeros((months, s["flow"])),
        since=np.full(len(made.edge_leg), -(10**6), np.int64),
        balance=np.zeros((plan.n_days, 3)),
        buffer=np.zeros((8, s["width"])),
        delta=np.zeros(s["delta"]),
        queue=np.zeros(s["queue"]),
        joined=np.zeros(s["joined"]),
        cohort=np.zeros((lines, plan.n_days)),
        head=np.zeros(lines),
        left=np.zeros(max(len(made.lines.allotment) + len(made.lines.room_place), 1)),
        asked=np.zeros((lines, 2)),
        group=np.zeros((4, s["owners"])),
        want=np.zeros(3 * lines + len(made.lines.allotment) + len(made.lines.room_place) + 1),
    )
