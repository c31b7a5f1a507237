"""The shape of the expected engine's memory, array by array.

A node is a place with a heading (or where a removal ends); a source is what people leave from: a node, those sent away on arrival
at a place, or those let through to a limited leg. A row holds one number for each class of people; rows lie one after another in
flat arrays, at offsets kept in the tables below. Tables of whole numbers have one row for each thing and named columns.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from numpy.typing import NDArray

__all__ = ["Lines", "Memory", "Net"]

Array = NDArray[Any]

# columns of Net.node
WIDTH, LO, COUNT, ACC, PLACE, END, HOME, SENT, CLOSES, SETTLES, TURN = range(11)
EDGE_0, EDGE_1, SEG_0, SEG_1, ASK_0, ASK_1, SCALED, PER = range(11, 19)
NODE = 19
"""Classes in a row, first that can be here, how many; offset in sums; place; outcome of who arrives; row of those for whom it is
one (-1 all); source of those sent away (-1); 1 = ways may close; 1 = people settle; node whose people turn back here (-1); first edge into it and one past the last; the same for segments of stays and limited legs out;
1 = a policy scales stays; classes of a group."""

# columns of Net.edge
SOURCE, L_OFF, REACH, LATE, FLOW = range(5)
EDGE = 5
"""Source, offset of its ring of leaving, days within which all arrive; 1 = the source is solved later, 2 = with the node; offset
in a month of flows."""

# columns of Net.version
ROW, LAG, LEN, TAP = range(4)
VERSION = 4
"""Offset of the row of shares; first day of arrival, number of days, offset of their chances."""

# columns of Net.segment
S_LO, S_COUNT, S_STATE, S_R0, S_R1, S_A, S_MASK = range(7)
SEGMENT = 7
"""First class, classes, offset of the rows of exponentials; first regime and one past the last; offset and mask of the ring of stays
begun, which holds the segment's classes only, so that the days of one lie side by side."""

# columns of Net.regime
R_FIRST, R_LAST, R_KIND, R_LAG, R_LEN, R_TAP, R_EXP, R_EXPS, R_FROM, R_RATIO, R_RATIOS, R_MOST = range(12)
REGIME = 12
STEADY, VARYING, GEOMETRIC = range(3)
"""First and last day; kind. Steady: first day of leaving, number of taps, their offset; first exponential, how many, day of the stay
on which they begin. Varying: days since arrival looked at in the place of the number of taps, offset of the first day's taps, and
offset of their lengths in the place of the first exponential. Geometric: offset of the first day's chance, which changes from day
to day where the number of taps is 1. At the end: offset of the ratios of rewriting, how many, and the oldest arrival
there is afterwards."""

# rows of Memory.stock
STAYING, TRAVELLING, CLOSED, AGAIN = range(4)
# first index of Memory.done
ENDED, DIED, SETTLED = range(3)
# columns of Net.day
MONTH, EPOCH, CALENDAR = range(3)
DAY = 3
"""Period of the tables, epoch, month of the calendar."""
# last index of Net.aux
STAY_ON, OPEN, TURN_BACK, SETTLE = range(4)
AUX = 4


class Net(NamedTuple):
    """What does not change (N nodes, R sources, E edges, V versions of edges, G segments of stays)."""

    day: Array  # int64 [n_days, 3], period of the tables, epoch, month
    block: Array  # int64 [B + 1], nodes are solved in this order, those of a block together
    node: Array  # int64 [N, columns]
    aux: Array  # int64 [epochs, N, 4], rows: share who stay on arrival, open ways, share who turn back, who settle; -1 none
    source: Array  # int64 [R, 2], offset in the rings of leaving and in rows of all sources
    edge: Array  # int64 [E, columns]
    edge_version: Array  # int32 [epochs, E]
    version: Array  # int64 [V, columns]
    death: Array  # float64 [V]
    tap: Array  # float64, chances of days
    row: Array  # float64, rows of shares
    segment: Array  # int64 [G, columns]
    expo: Array  # float64 [exponentials, 2], decay and amount
    regime: Array  # int64 [all regimes of all segments, columns]
    length: Array  # int64
    ratio: Array  # float64
    place_start: Array  # int64 [P + 1]
    place_node: Array  # int64, nodes of each place


class Lines(NamedTuple):
    """Limited legs (Q of them, one for each heading) and what was let through."""

    replay: int  # 1 = let through what was recorded
    save_up: int
    node: Array  # int64 [Q]
    source: Array  # int64 [Q], those who are let through
    limit: Array  # int64 [Q, 3], -1 none
    mixed: Array  # uint8 [Q], 1 = by lot or with patience, else first come first served
    patience: Array  # int64 [Q]
    ask: Array  # int64 [epochs, Q], row of the choice
    queue: Array  # int64 [Q], offset of the row of those in line
    ring: Array  # int64 [Q], offset of the rows of those who joined, day by day; -1 where mixed
    allotment: Array  # float64 [limits, n_days]
    monthly: Array  # uint8 [limits]
    room_place: Array  # int64 [rooms]
    room: Array  # float64 [rooms, n_days]
    record: Array  # float64 [n_days, Q, 3], head of the line or share served, share of the new served, share who gave up


class Memory(NamedTuple):
    """All that moves."""

    a: Array  # rings of those who began a stay
    l: Array  # rings of those who leave
    exps: Array
    stock: Array  # float64 [4, rows]: staying, travelling, waiting because every way is closed, choosing again today
    done: Array  # float64 [3, 3, rows]: ended, died, settled; persons, persons x day, persons x day squared
    days: Array  # float64 [months, 4, rows], person-days staying, queued, travelling, settled
    peak: Array  # float64 [months, 4, places, groups]
    flow: Array  # float64 [months, flow rows]
    since: Array  # int64 [E], day from which an edge's version holds
    balance: Array  # float64 [n_days, 3]
    buffer: Array  # float64 [8, width]
    delta: Array  # rows of all sources: who left in the last round
    queue: Array  # rows of those in line
    joined: Array  # rows of those who joined, day by day
    cohort: Array  # float64 [Q, n_days], persons in line by day of joining
    head: Array  # float64 [Q], day up to which the line is served
    left: Array  # float64 [limits + rooms], what the limits still take today
    asked: Array  # float64 [Q, 2], asked and let through today
    group: Array  # float64 [4, groups], scratch
    want: Array  # float64 [3, Q + limits + rooms], scratch


class Bare(NamedTuple):
    """Addresses of all arrays of a net, its lines and its memory, and the numbers needed to find rows in them."""

    nodes: int
    edges: int
    lines: int
    places: int
    groups: int
    rows: int
    mask: int
    wide: int
    n_days: int
    limits: int
    rooms: int
    of_leg: int
    replay: int
    save_up: int
    day: Array
    node: Array
    aux: Array
    source: Array
    edge: Array
    edge_version: Array
    version: Array
    death: Array
    tap: Array
    row: Array
    segment: Array
    expo: Array
    regime: Array
    length: Array
    ratio: Array
    place_start: Array
    place_node: Array
    q_node: Array
    q_source: Array
    q_limit: Array
    q_mixed: Array
    q_patience: Array
    q_ask: Array
    q_queue: Array
    q_ring: Array
    allotment: Array
    monthly: Array
    room_place: Array
    room: Array
    record: Array
    a: Array
    l: Array
    exps: Array
    stock: Array
    done: Array
    since: Array
    buffer: Array
    delta: Array
    queue: Array
    joined: Array
    cohort: Array
    head: Array
    left: Array
    asked: Array
    group: Array
    want: Array
