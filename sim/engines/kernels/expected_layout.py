"""The shape of the expected engine's memory, array by array.

A node is a place with a heading (or where a removal ends). A row holds one number for each class of people that can be there,
padded with noughts to whole chunks of eight; rows lie one after another in flat arrays, at offsets kept in the tables below. An edge is
a leg as travelled with one heading; it keeps a ring of days of those who set out over it. Shares (who takes which way) lie in blocks,
one for each node and stretch of days on which they are the same; `Tables.block` says where. Tables of whole numbers have one row for each
thing and named columns.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from numpy.typing import NDArray

__all__ = ["Lines", "Memory", "Net", "Tables"]

Array = NDArray[Any]

# columns of Net.node
LO, COUNT, CHUNKS, ACC, PLACE, SOUTH, END, HOME, TURN, SENT = range(10)
CLOSES, SETTLES, EDGE_0, EDGE_1, OUT_0, OUT_1, SENT_0, SENT_1 = range(10, 18)
SEG_0, SEG_1, ASK_0, ASK_1, SCALED, PER, R_OPEN, R_TURN, R_SETTLE, IN_PART, STAGE, LEFT, LEFT_MASK, LAYOUT = (
    range(18, 32)
)
SENT_ON, SENT_ROWS, BACK, BACK_CHUNKS, BACK_FIRST, BACK_GROUPS, BACK_PER, JOIN_AT, HELD = range(32, 41)
NODE = 41
"""First class that can be here, how many, chunks of a row; offset of its rows in sums; place; 1 = heading south; outcome of who arrives;
row of those for whom it is one (-1 all); node whose people turn back here (-1); 1 = people are sent away on arrival; 1 = ways may close;
1 = people settle; first edge into it and one past the last; the same of edges chosen here, and of edges for those sent away (both in
Net.out), segments of stays, limited legs out; 1 = a policy scales stays; classes of a group; offsets in its block of shares of the rows
of open ways, of those who turn back and who settle (-1 none); part and stage of the route; offset and mask of the ring of those who
turned back, by group; how classes are laid out (see `sim.engines.expected.people`); first of the edges for those sent away over which they set out
only at the end of a span, offset of the rows of its days for those who came until then; node at which those who turn back go on
(-1), chunks of a row of them, the first class of which some do, how many groups of so many classes each; for the node they go on
at, where the first group of them lies in its row; offset of the rows that stays
are worked out from day by day."""

# columns of Net.edge
SOURCE, TARGET, FROM, INTO, WIDE, RING, MASK, REACH, LATE, FLOW, ROW, LATER, EVEN, SAME, ACROSS, LINE = range(
    16
)
ASKED, PARTS, RARE, THIRDS = 16, 17, 18, 19
EDGE = 20
"""Nodes it leads from and to; offset of its classes in a row of either; chunks; offset and mask of its ring; days within which all arrive;
1 = the source is solved later, 2 = with the target; offset in a month of flows; offset of its shares in the block of its source;
offset of those who set out in the last round (-1 where the source is not solved with the target, or nobody arrives on the same day);
1 = the same share of those on their way arrives every day, all along: who is on their way is kept in a row behind the ring; 1 = one
travel time holds all along; 1 = the source lies in another part; 1 = served through a line; chunks in a row of the source; offset in
Net.part_of of the classes that others are part of where the source has them (-1 where classes are the same at both ends); 1 = only
those sent away to another part take it, which on many days is nobody."""

# columns of Net.part
BLOCK_0, BLOCK_1, ALONE, Q_0, Q_1, APART = range(6)
PART = 6
"""First block of nodes and one past the last; 1 = one node that nothing leads back to, which is solved for up to `SPAN` days at a
time; first line and one past the last; 1 = only lines keep its nodes from being solved so, each alone."""
SPAN, FEW = 8, 2
"""Days of a span at most; days of one up to which it is quicker to go through them one by one."""
STAGES, AHEAD = 16, 3
LEAD = AHEAD * SPAN
KEPT = 1 << (LEAD - 1).bit_length()
"""Parts are cut into at most so many stages, the first of which is at most so many spans before the last: few, so that what one
leaves for another is read while it is near, but with one to spare for a thread whose processor is slower than the other's; days
between the two, and days of a ring for those."""

# columns of Net.way
LAG, LEN, TAP = range(3)
WAY = 3
"""First day of arrival, number of days, offset of their chances."""

# columns of Net.segment
S_LO, S_CHUNKS, S_STATE, S_R0, S_R1, S_A, S_MASK, S_KNOWN, S_COUNT = range(9)
SEGMENT = 9
"""First class, chunks, offset of the rows of exponentials; first regime and one past the last; offset and mask of the ring of stays
begun, which holds the segment's classes only, so that the days of one lie side by side; offset of the rows of who is known to leave,
beside the exponentials; classes."""

# columns of Net.regime
R_FIRST, R_LAST, R_KIND, R_LAG, R_LEN, R_TAP, R_EXP, R_EXPS, R_FROM, R_RATIO, R_RATIOS, R_MOST = range(12)
REGIME = 12
STEADY, VARYING, GEOMETRIC = range(3)
"""First and last day; kind. Steady: first day of leaving, number of taps, their offset; first exponential, how many, day of the stay
on which they begin. Varying: days since arrival looked at in the place of the number of taps, offset of the first day's taps, and
offset of their lengths in the place of the first exponential. Geometric: offset of the first day's chance, which changes from day
to day where the number of taps is 1. At the end: offset of the ratios of rewriting, how many, and the oldest arrival
there is afterwards."""

# columns of Memory.crowded, for each node and status
C_ROW, C_CHUNKS, C_OWN, C_GROUPS, C_FIRST, C_LAST, C_RING, C_MASK = range(8)
CROWDED = 8
"""Offset of the row of the place in a period of Memory.peak, chunks of the row; the node's first group within it, and how many;
1 = the first, the last node of the place that counts there; offset and mask of the place's ring of evenings in Memory.crowd."""

# rows of Memory.stock
STAYING, TRAVELLING, CLOSED, AGAIN = range(4)
# statuses that are counted in the evening
STAYS, WAITS, TRAVELS, HAS_SETTLED = range(4)
STATUSES = 4
# first index of Memory.done
ENDED, DIED, SETTLED = range(3)
# columns of Net.day
MONTH, EPOCH, CALENDAR = range(3)
DAY = 3
"""Period of the tables, epoch, month of the calendar."""
# last index of Tables.block
CHOICE, AWAY = range(2)


class Net(NamedTuple):
    """What people walk along (N nodes, E edges, W travel times, G segments of stays)."""

    day: Array  # int64 [n_days, 3], period of the tables, epoch, month
    block: Array  # int64 [B + 1], nodes are solved in this order, those of a block together
    part: Array  # int64 [parts, columns], blocks that lead back to each other, later days included, one part after another
    node: Array  # int64 [N, columns]
    edge: Array  # int64 [E, columns]
    out: Array  # int64, edges out of each node
    way_of: Array  # int64 [epochs, E]
    way: Array  # int64 [W, columns]
    death: Array  # float64 [W]
    tap: Array  # float64, chances of days
    part_of: Array  # int64, class of the source that each class of an edge is part of
    part_share: Array  # float64, its share
    home: Array  # float64, rows of those for whom arriving is an outcome
    segment: Array  # int64 [G, columns]
    expo: Array  # float64 [exponentials, 2], decay and amount
    regime: Array  # int64 [all regimes of all segments, columns]
    length: Array  # int64
    ratio: Array  # float64
    place_start: Array  # int64 [P + 1]
    place_node: Array  # int64, nodes of each place
    stage: Array  # int64 [stages + 1], first part of each stage


class Tables(NamedTuple):
    """Who takes which way."""

    block: Array  # int64 [epochs, N, 2], offset of the shares of a node's choice, and of those sent away
    row: Array  # float64, blocks of rows of shares


class Lines(NamedTuple):
    """Limited legs (Q of them, one for each heading) and what was let through."""

    replay: int  # 1 = let through what was recorded
    save_up: int
    node: Array  # int64 [Q]
    edge: Array  # int64 [Q]
    limit: Array  # int64 [Q, most], -1 none, behind the others
    limits: Array  # int64 [Q], how many
    mixed: Array  # int64 [Q], 1 = by lot or with patience, else first come first served
    patience: Array  # int64 [Q]
    queue: Array  # int64 [Q], offset of the row of those in line
    ring: Array  # int64 [Q], offset of the rows of those who joined, day by day; -1 where mixed
    allotment: Array  # float64 [limits, n_days]
    monthly: Array  # int64 [limits]
    room_place: Array  # int64 [rooms]
    room: Array  # float64 [rooms, n_days]
    limit_part: Array  # int64 [limits], part whose lines a limit is for
    room_part: Array  # int64 [rooms]
    record: Array  # float64 [n_days, Q, 3], head of the line or share served, share of the new served, share who gave up


class Memory(NamedTuple):
    """All that moves."""

    a: Array  # rings of those who began a stay
    ring: Array  # rings of those who set out
    exps: Array
    stock: Array  # float64 [4, rows]: staying, travelling, waiting because every way is closed, choosing again today
    held: Array  # float64, rows that stays are worked out from where they go day by day
    taps_of: Array  # int64 [G], regime whose chances are among them; -1 none, -10**6 not yet
    along: Array  # int64 [G], 1 = the segment is worked out with the others of its node
    by_themselves: Array  # int64 [N], how many are not
    came: Array  # float64, who came to nodes from which part is sent to other parts at the end of a span, day by day
    turned: Array  # float64, rings of days of those who turned back at each node, by group
    done: Array  # float64 [3, 3, rows]: ended, died, settled; persons, persons x day, persons x day squared
    days: Array  # float64 [months, 4, rows], person-days staying, queued, travelling, settled
    peak: Array  # float64 [months, cells], largest numbers by status, place and group
    crowd: Array  # float64, rings of the persons at each place on the evenings
    crowded: Array  # int64 [N, 4, columns], where a node's people are counted
    flow: Array  # float64 [months, flow rows]
    since: Array  # int64 [E], day from which an edge's travel time holds
    last: Array  # int64 [E], last day on which anyone set out over a rare edge; for others a day that never comes
    regime: Array  # int64 [G], regime of each segment
    ahead: Array  # int64 [G], day from which on it is known for some days who leaves of those who came before
    entry: Array  # int64 [N], next entry of the departures of each node
    balance: Array  # float64 [stages, n_days, 3], departed, on the route, ended on each day
    buffer: Array  # float64 [stages, 9, width]
    later: Array  # rows of edges within blocks: who set out in the last round
    queue: Array  # rows of those in line
    joined: Array  # rows of those who joined, day by day
    cohort: Array  # float64 [Q, n_days], persons in line by day of joining
    head: Array  # float64 [Q], day up to which the line is served
    left: Array  # float64 [limits + rooms], what the limits still take today
    asked: Array  # float64 [Q, 2], asked and let through today
    want: Array  # float64 [stages, 3 Q + limits + rooms], scratch


# a run as the kernels see it: a table of numbers, then of the addresses of all arrays (every array of numbers that count is int64)
(
    N_NODES, N_EDGES, N_LINES, N_PLACES, N_CELLS, N_ROWS, N_WIDE, N_N_DAYS, N_LIMITS, N_ROOMS,
    N_OF_LEG, N_REPLAY, N_SAVE_UP, N_PARTS, N_TABLES, N_PEAKS, N_FLOWS, N_BEGIN, N_END, N_DAY, N_DAYS, N_SHARES,
) = range(22)  # fmt: skip
"""The last five: first part of a stage and one past the last; written by the kernels, the first day of a span, how many, and eight offsets
of a node's shares on its days."""
(
    A_DAY, A_BLOCK, A_PART, A_NODE, A_EDGE, A_OUT, A_WAY_OF, A_WAY, A_DEATH, A_TAP, A_PART_OF, A_PART_SHARE, A_HOME, A_SEGMENT, A_EXPO,
    A_REGIME, A_LENGTH, A_RATIO, A_PLACE_START, A_PLACE_NODE, A_STAGE, A_BLOCK_OF, A_ROW, A_Q_NODE, A_Q_EDGE,
    A_Q_LIMIT, A_Q_LIMITS, A_Q_MIXED, A_Q_PATIENCE, A_Q_QUEUE, A_Q_RING, A_ALLOTMENT, A_MONTHLY, A_ROOM_PLACE,
    A_ROOM, A_LIMIT_PART, A_ROOM_PART, A_RECORD, A_A, A_RING, A_EXPS, A_STOCK, A_HELD, A_TAPS_OF, A_ALONG, A_BY_THEMSELVES, A_CAME, A_TURNED, A_DONE, A_DAYS, A_PEAK, A_CROWD, A_CROWDED,
    A_FLOW, A_SINCE, A_LAST, A_NOW, A_AHEAD, A_ENTRY, A_BALANCE, A_BUFFER, A_LATER, A_QUEUE, A_JOINED, A_COHORT, A_HEAD, A_LEFT, A_ASKED,
    A_WANT, A_DEP_START, A_DEP_DAY, A_DEP_LANE, A_DEP_PERSONS,
) = range(29, 102)  # fmt: skip
