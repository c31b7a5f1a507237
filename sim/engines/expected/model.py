"""A plan made ready for expected counts, and one run of it."""

from __future__ import annotations

import weakref
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.engines.expected.assemble import Assembled, assemble
from sim.engines.expected.crowds import crowds_of
from sim.engines.expected.memory import new_memory
from sim.engines.expected.network import route_of
from sim.engines.expected.order import rows_of, short_order
from sim.engines.expected.people import JOINED, NORTH, Lanes, expected_people, lanes_of
from sim.engines.expected.spare import Spare
from sim.engines.expected.stages import run_through, spans_of
from sim.engines.expected.ways import Tabulator, ways_of
from sim.engines.kernels import expected_layout as at
from sim.plan import UNITS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sim.engines.expected.network import Route
    from sim.engines.kernels.expected_layout import Memory, Tables
    from sim.plan import Plan

__all__ = ["Carried", "Daily", "Model", "by_node", "lanes_at", "model_of", "tables_of"]

_SORTS = (np.dtype(np.int64), np.dtype(np.float64))

Daily = tuple["NDArray[np.int64]", "NDArray[np.int64]", "NDArray[np.int64]", "NDArray[np.float64]"]
"""Day, place (or node), class and persons of departures."""


@dataclass(frozen=True)
class Carried:
    """A route laid out for some classes of people, and when they depart.

    Parameters
    ----------
    made : Assembled
    tables : Tables
    lanes : Lanes
    departures : tuple of arrays
        As :func:`sim.engines.kernels.expected_days.run_stages` takes them.
    """

    made: Assembled
    tables: Tables
    lanes: Lanes
    departures: Daily
    node_of: NDArray[np.int64]

    @cached_property
    def crowds(self) -> tuple[NDArray[np.int64], int, int]:
        """Where people are counted by place and group, once it is known where ways may close."""
        return crowds_of(self.made.net.node)


class Model:
    """A plan made ready once, to be run as often as wanted.

    Parameters
    ----------
    plan : Plan
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.people = expected_people(plan)
        self.ways = ways_of(plan)
        self.moments: Carried | None = None
        """Each group three times, to carry days on the route along; laid out when it is first asked for."""
        self.spare = Spare()
        """Memory of earlier runs."""

    @cached_property
    def whole(self) -> Carried:
        """Every group's classes, as the plan has them depart."""
        return self.carry(self.lanes)

    @cached_property
    def departed(self) -> NDArray[np.float64]:
        """Persons who depart by period and row: float64 [periods, rows]."""
        period = self.plan.fixed.period_of_day[: self.plan.n_days].astype(np.int64)
        begins = np.flatnonzero(np.diff(period, prepend=-1))
        by_period = np.add.reduceat(self.people.persons, begins, axis=1)
        return np.ascontiguousarray(by_period.T)

    def forget(self) -> None:
        """Let go of the departures by row and day, which are large, where they were laid out already."""
        self.people = replace(self.people, persons=np.zeros((0, 0)))

    @cached_property
    def lanes(self) -> Lanes:
        """Every group's classes; groups that can be at the same places, and stay alike there, lie side by side."""
        d, groups = self.plan.departures, len(self.plan.groups)
        anyhow = lanes_of(self.plan, self.people, np.arange(groups), joined=True)
        starts = np.zeros((len(self.plan.places), groups, anyhow.per_north), np.bool_)
        starts[d.row_place, d.row_group] = True
        rows = rows_of(self.plan, anyhow, self.ways, starts.reshape(len(starts), -1))
        first = [int(d.row_place[d.row_group == g].min(initial=10**6)) for g in range(groups)]
        order = short_order(rows, np.argsort(first, kind="stable").astype(np.int64))
        return lanes_of(self.plan, self.people, order, joined=True)

    def daily(self, lanes: Lanes, persons: NDArray[np.float64] | None = None) -> Daily:
        """Who departs, for owners that are groups.

        Parameters
        ----------
        lanes : Lanes
        persons : float64 [rows, n_days], optional
            The plan's own expected departures where not given.

        Returns
        -------
        day, place, class, persons : arrays
        """
        d = self.plan.departures
        persons = self.people.persons if persons is None else persons
        per = lanes.per_north
        position = np.argsort(lanes.owner)
        kinds = len(UNITS)
        column = np.zeros((len(self.plan.groups), kinds), np.int64)
        for g in range(len(self.plan.groups)):
            for u in range(kinds):
                column[g, u] = position[g] * per + int(
                    np.argmax(lanes.mix[position[g], :, g * kinds + u] > 0.0)
                )
        row, day, unit, amount = self.people.by_unit(persons)
        return day.astype(np.int64), d.row_place[row].astype(np.int64), column[d.row_group[row], unit], amount

    def carry(self, lanes: Lanes, daily: Daily | None = None, *, replay: Assembled | None = None) -> Carried:
        """Lay out the route for classes of people.

        Parameters
        ----------
        lanes : Lanes
        daily : tuple of arrays, optional
            Day, place, class and persons of each departure; the plan's own where not given.
        replay : Assembled, optional
            A route that was run: let through at limited legs what was let through there.

        Returns
        -------
        Carried
        """
        route, departures, node_of = self.route(lanes, self.daily(lanes) if daily is None else daily)
        made = assemble(self.plan, lanes, route, replay=replay)
        tables = Tabulator(self.plan, lanes, made, self.people.unit_share).whole()
        return Carried(made, tables, lanes, departures, node_of)

    def route(self, lanes: Lanes, daily: Daily) -> tuple[Route, Daily, NDArray[np.int64]]:
        """Find the route that classes of people can take.

        Parameters
        ----------
        lanes : Lanes
        daily : tuple of arrays
            Day, place, class and persons of each departure.

        Returns
        -------
        route : Route
        departures : tuple of arrays
            By node and day.
        node_of : int64 [P]
            Node at which people depart from each place.
        """
        day, place, lane, amount = daily
        starts = np.zeros((len(self.plan.places), len(lanes.kinds(NORTH))), np.bool_)
        starts[place, lane] = True
        route = route_of(self.plan, lanes, self.ways, starts)
        node_of = np.zeros(len(self.plan.places), np.int64)
        for (p, south, removed), number in route.number.items():
            if not south and not removed:
                node_of[p] = number
        node = node_of[place]
        lane = lanes_at(lanes, route, node, lane)
        return route, by_node(day, node, lane, amount, len(route.nodes)), node_of

    def run(
        self, carried: Carried, *, tables: bool = True, moments: bool = False, threads: int = 1
    ) -> Memory:
        """Run all days once.

        Parameters
        ----------
        carried : Carried
        tables : bool
            Keep person-days, largest numbers and the balance.
        moments : bool
            Keep days and squared days of those whose journey ends.
        threads : int
            Two go through the days side by side; more do not help. The counts are the same.

        Returns
        -------
        Memory
        """
        made = carried.made
        crowds = carried.crowds if tables else None
        memory = new_memory(self.plan, made, tables=tables, crowds=crowds, spare=self.spare)
        spans = spans_of(made.net.day, 0, self.plan.n_days)
        run_through(tables_of(carried, memory), spans, moments=moments, threads=threads)
        return memory


def tables_of(carried: Carried, memory: Memory, departures: Daily | None = None) -> NDArray[np.int64]:
    """Put down the numbers of a run and the addresses of its arrays for :func:`sim.engines.kernels.expected_days.run_stages`.

    Parameters
    ----------
    carried : Carried
    memory : Memory
    departures : tuple of arrays, optional
        Those of `carried` where not given. All arrays must be kept as long as the table is used.

    Returns
    -------
    int64 [stages, numbers and addresses]
        In the order of the names that begin with N and A in :mod:`sim.engines.kernels.expected_layout`.
    """
    net, lines, tables = carried.made.net, carried.made.lines, carried.tables
    numbers = (
        len(net.node),
        len(net.edge),
        len(lines.node),
        len(net.place_start) - 1,
        memory.peak.shape[1],
        memory.stock.shape[1],
        memory.buffer.shape[2],
        len(net.day),
        len(lines.allotment),
        len(lines.room_place),
        lines.limit.shape[1],
        lines.replay,
        lines.save_up,
        len(net.part),
        len(memory.days) > 0,
        len(memory.peak) > 0,
        memory.flow.shape[1],
    )
    of_net, of_lines = list(net._asdict().values()), list(lines._asdict().values())[2:]
    shared: list[NDArray[Any]] = [*of_net, *tables, *of_lines]
    leaving = carried.departures if departures is None else departures
    memory.entry[...] = leaving[0][:-1]
    for array in [*shared, *memory, *leaving]:
        if not array.flags.c_contiguous or array.dtype not in _SORTS:
            msg = f"an array of {array.dtype} in no order of rows"
            raise TypeError(msg)
    of_memory = {name: _address(array) for name, array in memory._asdict().items()}
    before, behind = [_address(array) for array in shared], [_address(array) for array in leaving]
    out = []
    for stage in range(len(net.stage) - 1):
        own = {name: _address(getattr(memory, name)[stage]) for name in ("balance", "buffer", "want")}
        addresses = (*before, *(of_memory | own).values(), *behind)
        out.append(
            [*numbers, int(net.stage[stage]), int(net.stage[stage + 1]), 0, 0, *[0] * at.SPAN, *addresses]
        )
    return np.array(out, np.int64)


def _address(array: NDArray[Any]) -> int:
    return int(array.__array_interface__["data"][0])


def lanes_at(
    lanes: Lanes, route: Route, node: NDArray[np.int64], lane: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Classes as they are numbered at the nodes they are at.

    Parameters
    ----------
    lanes : Lanes
    route : Route
    node : int64
    lane : int64
        Classes heading north.

    Returns
    -------
    int64
    """
    layout = np.array([n.layout for n in route.nodes], np.int64)
    return np.where(layout[node] == JOINED, lanes.join(lane), lane)


def by_node(
    day: NDArray[np.int64],
    node: NDArray[np.int64],
    lane: NDArray[np.int64],
    amount: NDArray[np.float64],
    n_nodes: int,
) -> Daily:
    """Sort departures by node and day and add up those of the same class.

    Returns
    -------
    start : int64 [n_nodes + 1]
        First entry of each node.
    day, lane, amount
    """
    days, lanes = int(day.max(initial=0)) + 1, int(lane.max(initial=0)) + 1
    key = (node * days + day) * lanes + lane
    different, inverse = np.unique(key, return_inverse=True)
    summed = np.bincount(inverse.ravel(), weights=amount, minlength=len(different))
    start = np.searchsorted(different // (days * lanes), np.arange(n_nodes + 1)).astype(np.int64)
    return start, different // lanes % days, different % lanes, summed.astype(np.float64)


_KNOWN: dict[int, tuple[weakref.ref[Plan], Model]] = {}


def model_of(plan: Plan) -> Model:
    """Return the model of a plan, made ready on first use and kept as long as the plan lives.

    Parameters
    ----------
    plan : Plan

    Returns
    -------
    Model
    """
    known = _KNOWN.get(id(plan))
    if known is not None and known[0]() is plan:
        return known[1]
    for key in [k for k, (ref, _) in _KNOWN.items() if ref() is None]:
        del _KNOWN[key]
    model = Model(plan)
    _KNOWN[id(plan)] = (weakref.ref(plan), model)
    return model
