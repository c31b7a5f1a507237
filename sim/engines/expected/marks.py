"""A run that is kept with what was on the route every few months, so that a changed plan can be taken up from there."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from sim.engines.expected.assemble import assemble
from sim.engines.expected.follow import first_difference, follow, same_stays
from sim.engines.expected.memory import new_memory
from sim.engines.expected.model import Carried, Model, lanes_at, tables_of
from sim.engines.expected.network import sent_otherwise
from sim.engines.expected.people import expected_people, unit_classes
from sim.engines.expected.stages import run_through, spans_of
from sim.engines.expected.ways import Tabulator
from sim.engines.kernels import expected_layout as at
from sim.engines.kernels.expected_layout import Tables
from sim.engines.kernels.expected_tables import Beliefs
from sim.plan import UNITS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sim.engines.expected.assemble import Assembled
    from sim.engines.expected.model import Daily
    from sim.engines.expected.people import Lanes
    from sim.engines.kernels.expected_layout import Memory
    from sim.plan import Plan

__all__ = ["Base", "Counted"]

_EVERY = 3
"""Months between days that are kept."""
_KEPT = (
    "ring",
    "exps",
    "stock",
    "done",
    "since",
    "last",
    "regime",
    "queue",
    "cohort",
    "head",
    "left",
    "asked",
)
"""What is on the route, but for the long rings that are mostly empty."""
_LONG = ("a", "joined")
_BLOCKS = (
    "row_place", "row_group", "block_row", "block_start", "block_days", "block_persons", "unit_threshold", "size_threshold",
    "first_unit_threshold",
)  # fmt: skip
"""What departures before pushes follow from."""


@dataclass(frozen=True)
class Counted:
    """What a run counted, by period.

    Parameters
    ----------
    made : Assembled
    memory : Memory
    spread : sparse matrix
        From legs x groups to the classes of a period of flows.
    groups : int
    since : int
        Period before which nothing differs from `before`.
    before : float64 [periods, legs, groups], optional
        Persons by leg of another run.
    """

    made: Assembled
    memory: Memory
    spread: sparse.csc_matrix
    groups: int
    since: int = 0
    before: NDArray[np.float64] | None = None

    def by_leg(self) -> NDArray[np.float64]:
        """Persons who arrived over each leg: [periods, legs, groups]."""
        return self._by_leg

    @cached_property
    def _by_leg(self) -> NDArray[np.float64]:
        flow = self.memory.flow[self.since :]
        after = np.asarray(flow @ self.spread).reshape(len(flow), -1, self.groups)
        return after if self.before is None else np.concatenate([self.before[: self.since], after])


@dataclass(frozen=True)
class _Leaving:
    """Who departs before pushes, entry by entry, and the classes, nodes and days they are added up to.

    Parameters
    ----------
    row, day : int64 [entries]
    amount : float64 [entries]
    sum_of : int64 [entries]
        Sum that each entry belongs to.
    start : int64 [nodes + 1]
    sum_day, lane : int64 [sums]
    """

    row: NDArray[np.int64]
    day: NDArray[np.int64]
    amount: NDArray[np.float64]
    sum_of: NDArray[np.int64]
    start: NDArray[np.int64]
    sum_day: NDArray[np.int64]
    lane: NDArray[np.int64]

    def _pushes(self, plan: Plan) -> NDArray[np.float64]:
        push = plan.departures.row_push[self.row].astype(np.int64)
        series = np.vstack([plan.departures.push, np.ones((1, plan.n_days))])
        return np.asarray(series[push, self.day])

    def pushed(self, plan: Plan) -> Daily:
        """Who departs as a plan pushes them, as the kernels take it."""
        summed = np.bincount(self.sum_of, weights=self.amount * self._pushes(plan), minlength=len(self.lane))
        return self.start, self.sum_day, self.lane, summed

    def first_difference(self, plan: Plan, other: Plan) -> int:
        """First day on which two plans push someone otherwise."""
        different = self._pushes(plan) != self._pushes(other)
        return int(self.day[different].min(initial=plan.n_days))


@dataclass(frozen=True)
class _Mark:
    """A day of the base run, what people believed before its stretch, and what was on the route that morning."""

    day: int
    beliefs: Beliefs
    kept: dict[str, NDArray[np.generic]]
    long: dict[str, tuple[NDArray[np.int64], NDArray[np.float64]]]


class Base:
    """A plan run once, from which plans that differ little are taken up.

    Parameters
    ----------
    plan : Plan
    every : int
        Months between days that are kept.
    threads : int
        With two, shares and the stages of the route are worked out side by side; the answer is the same.
    """

    def __init__(self, plan: Plan, *, every: int = _EVERY, threads: int = 1) -> None:
        self.plan, self._every, self._threads = plan, every, threads
        self._model = Model(plan)
        self._lanes = self._model.lanes
        self._otherwise = sent_otherwise(plan)
        still = plan.departures._replace(row_push=np.full_like(plan.departures.row_push, -1))
        persons = expected_people(plan, still).persons
        daily = self._model.daily(self._lanes, persons)
        self._route, _, self._node_of = self._model.route(self._lanes, daily)
        day, place, lane, amount = daily
        lane = lanes_at(self._lanes, self._route, self._node_of[place], lane)
        daily = (day, place, lane, amount)
        self._leaving = _leaving(
            self._model.people.by_unit(persons)[0], daily, self._node_of, len(self._route.nodes)
        )
        departures = self._leaving.pushed(plan)
        self._model.forget()
        made = assemble(plan, self._lanes, self._route)
        self._carried = Carried(made, Tables(*(np.zeros(0),) * 2), self._lanes, departures, self._node_of)
        self._spread = _spread(plan, self._lanes, made)
        self._marks: list[_Mark] = []
        self._rows: NDArray[np.float64] | None = None
        self.own = self._first()

    def counted(self, plan: Plan) -> Counted | None:
        """Run a plan from the last kept day before it differs.

        Parameters
        ----------
        plan : Plan

        Returns
        -------
        Counted or None
            None where the plan's route is another. Overwritten by the next run.
        """
        if plan is self.plan:
            return self.own
        if not self._lanes_do(plan):
            return None
        made = follow(plan, self.plan, self._carried.made, self._model.ways)
        departures = self._departures(plan) if made is not None else None
        if made is None or departures is None:
            return None
        day = min(first_difference(plan, self.plan), departures[1])
        if not same_stays(plan, self.plan):
            made, day = assemble(plan, self._lanes, self._route), 0
        if day >= plan.n_days:
            return self.own
        carried = Carried(made, self._carried.tables, self._lanes, departures[0], self._node_of)
        return self._run(plan, carried, max(i for i, m in enumerate(self._marks) if m.day <= day))

    def _lanes_do(self, plan: Plan) -> bool:
        """Whether the classes that are carried tell apart whom the plan tells apart."""
        lanes = self._lanes
        north = lanes.per_north == len(UNITS) or unit_classes(plan) == unit_classes(self.plan)
        if lanes.joined is not None and not np.array_equal(sent_otherwise(plan), self._otherwise):
            return False
        return north and (lanes.per_south == lanes.per_north or len(unit_classes(plan, south_only=True)) == 1)

    def _departures(self, plan: Plan) -> tuple[Daily, int] | None:
        """Who departs, and the first day on which others do; None where they are not the same but for pushes."""
        if all(a is b for a, b in zip(plan.departures, self.plan.departures, strict=True)):
            return self._carried.departures, plan.n_days
        if any(
            not np.array_equal(getattr(plan.departures, name), getattr(self.plan.departures, name))
            for name in _BLOCKS
        ):
            return None
        return self._leaving.pushed(plan), self._leaving.first_difference(plan, self.plan)

    def _first(self) -> Counted:
        """Tabulate and run all days, and keep what is on the route every few months."""
        plan, made = self.plan, self._carried.made
        tabulator, tables = self._tables(plan, made)
        begins = _marked_days(plan, self._every)
        epochs = [int(plan.epochs.epoch_of_day[day]) for day in begins]
        beliefs, held, used = tabulator.start(), [], 0
        for first, last in zip(epochs, [*epochs[1:], len(tables.block)], strict=True):
            held.append(_copied(beliefs))
            used = tabulator.fill(tables, beliefs, first, last, used)
        tabulator.close(beliefs)
        memory = new_memory(plan, made, spare=self._model.spare)
        addresses = tables_of(replace(self._carried, tables=tables), memory)
        for first, last, believed in zip(begins, [*begins[1:], plan.n_days], held, strict=True):
            self._marks.append(_mark(first, believed, memory))
            run_through(addresses, spans_of(made.net.day, first, last), threads=self._threads)
        return Counted(made, memory, self._spread, len(plan.groups))

    def _run(self, plan: Plan, carried: Carried, number: int) -> Counted:
        """Run the days from a mark on; shares are worked out before the days that ask for them, as a stage of their own."""
        made = carried.made
        tabulator, tables = self._tables(plan, made)
        begins = [mark.day for mark in self._marks[number:]]
        beliefs = _copied(self._marks[number].beliefs)
        memory = new_memory(plan, made, spare=self._model.spare)
        since = int(made.net.day[begins[0], at.MONTH])
        if begins[0] > 0:
            self._take_up(self._marks[number], memory, since)
        addresses = tables_of(replace(carried, tables=tables), memory)
        ends = [*begins[1:], plan.n_days]
        of_day = plan.epochs.epoch_of_day
        bounds = [int(of_day[begins[0]]), *(int(of_day[end - 1]) + 1 for end in ends)]
        spans = [span for until in zip(begins, ends, strict=True) for span in spans_of(made.net.day, *until)]
        used = 0

        def share(span: int) -> None:
            nonlocal used
            if spans[span][0] in begins:
                i = begins.index(spans[span][0])
                used = tabulator.fill(tables, beliefs, bounds[i], bounds[i + 1], used)
                tabulator.close(beliefs)

        run_through(addresses, spans, threads=self._threads, before=share)
        before = None if since == 0 else self.own.by_leg()
        return Counted(made, memory, self._spread, len(plan.groups), since, before)

    def _tables(self, plan: Plan, made: Assembled) -> tuple[Tabulator, Tables]:
        """What works out shares, and room for them, used again by every run."""
        tabulator = Tabulator(plan, self._lanes, made, self._model.people.unit_share)
        tables = tabulator.empty(self._rows)
        self._rows = tables.row
        return tabulator, tables

    def _take_up(self, mark: _Mark, memory: Memory, period: int) -> None:
        """Put on the route who was there, and the person-days of the periods before."""
        for name, value in mark.kept.items():
            getattr(memory, name)[...] = value
        for name, (where, what) in mark.long.items():
            getattr(memory, name)[where] = what
        memory.days[:period] = self.own.memory.days[:period]


def _leaving(row: NDArray[np.int64], daily: Daily, node_of: NDArray[np.int64], n_nodes: int) -> _Leaving:
    """Number the sums that departures are added up to, by node and day."""
    day, place, lane, amount = daily
    days, lanes = int(day.max(initial=0)) + 1, int(lane.max(initial=0)) + 1
    key = (node_of[place] * days + day) * lanes + lane
    sums, sum_of = np.unique(key, return_inverse=True)
    start = np.searchsorted(sums // (days * lanes), np.arange(n_nodes + 1)).astype(np.int64)
    return _Leaving(
        row.astype(np.int64), day, amount, sum_of.ravel(), start, sums // lanes % days, sums % lanes
    )


def _marked_days(plan: Plan, every: int) -> list[int]:
    """First days of every so many months (and the first of all)."""
    period = plan.fixed.period_of_day[: plan.n_days].astype(np.int64)
    month = plan.fixed.month_of_day[: plan.n_days].astype(np.int64)
    begins = np.flatnonzero(
        (np.diff(month, prepend=-1) > 0) & (month % every == 0) & (np.diff(period, prepend=-1) > 0)
    )
    return [int(d) for d in begins]


def _copied(beliefs: Beliefs) -> Beliefs:
    return Beliefs(*(array.copy() for array in beliefs))


def _mark(day: int, beliefs: Beliefs, memory: Memory) -> _Mark:
    """Keep what is on the route on a morning."""
    long = {}
    for name in _LONG:
        array = getattr(memory, name)
        where = np.flatnonzero(array)
        long[name] = (where, array[where])
    return _Mark(day, beliefs, {name: getattr(memory, name).copy() for name in _KEPT}, long)


def _spread(plan: Plan, lanes: Lanes, made: Assembled) -> sparse.csc_matrix:
    """Matrix from the classes of a period of flows, its rows, to legs x groups, its columns."""
    edge, node = made.net.edge, made.net.node
    n = made.edge_lanes
    number = np.repeat(np.arange(len(n)), n)
    within = np.arange(len(number)) - np.repeat(np.cumsum(n) - n, n)
    column = edge[number, at.FLOW] + within
    group = lanes.owner[(made.edge_lane[number] + within) // node[edge[number, at.TARGET], at.PER]]
    row = made.edge_leg[number] * len(plan.groups) + group
    shape = (made.sizes["flow"], len(plan.legs) * len(plan.groups))
    return sparse.csc_matrix((np.ones(len(row)), (column, row)), shape=shape)
