"""Run the expected engine and lay its counts out as every engine does."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import gammainc

from sim.engines.expected.crowds import peaks_by_owner
from sim.engines.expected.model import Carried, Model, model_of
from sim.engines.expected.people import NORTH, SOUTH, lanes_of
from sim.engines.kernels import expected_layout as at
from sim.engines.kernels.expected_prepare import spread_rows
from sim.engines.tally import DURATION_BINS, Tally

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sim.engines.kernels.expected_layout import Memory
    from sim.plan import Plan

__all__ = ["run_expected"]

_CLASSES = 10
_SETTLED, _DIED = 2, 5
_NOBODY = 1e-9
"""Persons, or days, taken as none."""
_STATUS = ((0, 0), (1, 1), (2, 3), (3, 4))
"""Rows of the memory's days, and the status each is in a tally."""


def run_expected(plan: Plan, *, threads: int = 1, durations: bool = True) -> Tally:
    """Work out expected counts of a plan.

    Parameters
    ----------
    plan : Plan
    threads : int
        Two go through the days side by side, and lay tables out beside days on the route; more do not help. Counts are the same.
    durations : bool
        Work out days on the route by outcome too, which takes a second run.

    Returns
    -------
    Tally
        ``exact`` is false where people interact, with the plan's reasons.
    """
    begin = time.perf_counter()
    model = model_of(plan)
    ready = time.perf_counter()
    memory = model.run(model.whole, threads=threads)
    ran = time.perf_counter()
    layout = _Layout(model, memory)
    ended = layout.ended()
    on_route = layout.on_route()
    days_on_route = np.zeros((0, len(plan.groups), DURATION_BINS))
    with ThreadPoolExecutor(max_workers=1) as beside:
        counts = beside.submit(layout.counts) if threads > 1 else None
        if durations:
            days_on_route = _durations(model, ended, on_route, threads)
        flows, person_days, peaks = layout.counts() if counts is None else counts.result()
    tally = Tally(
        flows=flows,
        person_days=person_days,
        peaks=peaks,
        departed=model.departed.copy(),
        ended=ended,
        on_route=on_route,
        durations=days_on_route,
        balance=_balance(memory),
        people=round(float(memory.balance[:, :, 0].sum())),
        events=0,
        engine="expected",
        seed=0,
        replicate=0,
        threads=threads,
        exact=not plan.reasons,
        reasons=plan.reasons,
    )
    tally.timing = {
        "prepare_s": ready - begin,
        "engine_s": ran - ready,
        "tables_s": time.perf_counter() - ran,
    }
    return tally


def _balance(memory: Memory) -> NDArray[Any]:
    """Departed on each day, on the route in the evening, ended so far: float64 [n_days, 3]."""
    out: NDArray[Any] = memory.balance.sum(axis=0)
    out[:, 2] = np.cumsum(out[:, 2])
    return out


class _Layout:
    """Counts of a run by place or leg, group, sex and age."""

    def __init__(self, model: Model, memory: Memory) -> None:
        self.plan, self.memory = model.plan, memory
        self.made = model.whole.made
        lanes = model.whole.lanes
        net = self.made.net
        columns = (at.ACC, at.LO, at.COUNT, at.PLACE, at.END, at.LAYOUT)
        self.acc, self.first, self.width, self.place, self.end, self.layout = (
            np.ascontiguousarray(net.node[:, c]) for c in columns
        )
        self.owner = lanes.owner
        wide = len(lanes.kinds(NORTH))
        self.lane_group = np.zeros((len(lanes.per), wide), np.int64)
        self.lane_class = np.zeros((len(lanes.per), wide, _CLASSES))
        people = model.people
        for layout, per in enumerate(lanes.per):
            kinds = lanes.kinds(layout)
            group = np.repeat(lanes.owner, per)
            if layout == SOUTH and per < lanes.per_north:
                kinds = np.zeros_like(kinds)
                units = people.unit_share.shape[1]
                for i, g in enumerate(group):
                    kinds[i, g * units : (g + 1) * units] = people.unit_share[g]
            self.lane_group[layout, : len(group)] = group
            self.lane_class[layout, : len(group)] = kinds @ people.make_up

    def _spread(
        self,
        source: NDArray[np.float64],
        target: NDArray[np.int64],
        n_target: int,
        rows: NDArray[np.int64] | None = None,
    ) -> NDArray[np.float64]:
        rows = np.arange(len(self.acc)) if rows is None else rows
        out = np.zeros((len(source), n_target, len(self.plan.groups) * _CLASSES))
        spread_rows(
            np.ascontiguousarray(source),
            self.acc[rows],
            self.first[rows],
            self.width[rows],
            target,
            self.layout[rows],
            self.lane_group,
            self.lane_class,
            out,
        )
        return out

    def counts(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Flows, person-days and largest numbers."""
        flows, person_days = self.flows(), self.person_days()
        return flows, person_days, self.peaks(person_days)

    def flows(self) -> NDArray[np.float64]:
        """Persons who arrived over each leg: [periods, legs, classes]."""
        out = np.zeros((len(self.memory.flow), len(self.plan.legs), len(self.plan.groups) * _CLASSES))
        spread_rows(
            self.memory.flow,
            np.ascontiguousarray(self.made.net.edge[:, at.FLOW]),
            self.made.edge_lane,
            self.made.edge_lanes,
            self.made.edge_leg,
            self.made.edge_layout,
            self.lane_group,
            self.lane_class,
            out,
        )
        return out

    def person_days(self) -> NDArray[np.float64]:
        """Sum over evenings of persons by status: [periods, 5, places, classes]."""
        n = len(self.plan.places)
        out = np.zeros((len(self.memory.days), 5, n, len(self.plan.groups) * _CLASSES))
        for row, status in _STATUS:
            out[:, status] = self._spread(self.memory.days[:, row], self.place, n)
        return out

    def peaks(self, person_days: NDArray[np.float64]) -> NDArray[np.float64]:
        """Largest expected number of a group on an evening, split by sex and age as its person-days of the period."""
        out = np.zeros_like(person_days)
        split = person_days.reshape(*person_days.shape[:3], -1, _CLASSES)
        parts = out.reshape(split.shape)
        net, memory = self.made.net, self.memory
        peak = peaks_by_owner(memory.peak, net.node, memory.crowded, (len(self.plan.places), len(self.owner)))
        for row, status in _STATUS:
            own = peak[:, row]
            here = np.flatnonzero(own.any(axis=(0, 2)))
            whole = split[:, status, here]
            top = np.zeros(whole.shape[:3])
            top[..., self.owner] = own[:, here]
            total = whole.sum(axis=3)
            factor = np.divide(top, total, out=np.zeros_like(top), where=total > 0.0)
            parts[:, status, here] = np.multiply(whole, factor[..., None], out=whole)
        return out

    def ended(self) -> NDArray[np.float64]:
        """Persons by outcome and place: [6, places, classes]."""
        n = len(self.plan.places)
        out = np.zeros((6, n, len(self.plan.groups) * _CLASSES))
        for code in (1, 3, 4):
            rows = np.flatnonzero(self.end == code)
            out[code] = self._spread(self.memory.done[at.ENDED, :1], self.place[rows], n, rows)[0]
        out[_DIED] = self._spread(self.memory.done[at.DIED, :1], self.place, n)[0]
        out[_SETTLED] = self._spread(self.memory.done[at.SETTLED, :1], self.place, n)[0]
        return out

    def on_route(self) -> NDArray[np.float64]:
        """Persons staying, queued, stranded and travelling at the end: [4, places, classes]."""
        n = len(self.plan.places)
        stock = self.memory.stock
        queued = stock[at.CLOSED] + _in_line(self.made, self.memory, stock.shape[1])
        rows = (stock[at.STAYING], queued, np.zeros_like(queued), stock[at.TRAVELLING])
        return np.stack([self._spread(r[None], self.place, n)[0] for r in rows])


def _in_line(made: object, memory: Memory, n: int) -> NDArray[np.float64]:
    """People in line as rows of all nodes."""
    out = np.zeros(n)
    net, lines = made.net, made.lines  # type: ignore[attr-defined]
    for q, node in enumerate(lines.node):
        width = int(net.node[node, at.COUNT])
        acc = int(net.node[node, at.ACC])
        out[acc : acc + width] += memory.queue[lines.queue[q] : lines.queue[q] + width]
    return out


def _durations(
    model: Model, ended: NDArray[np.float64], on_route: NDArray[np.float64], threads: int
) -> NDArray[np.float64]:
    """Days on the route by outcome and country: a gamma distribution with the exact mean and variance of each cell."""
    plan = model.plan
    count, first, second = _moments(model, threads)
    groups = len(plan.groups)
    out = np.zeros((int(plan.fixed.end_cell.max()) + 1, groups, DURATION_BINS))
    persons = np.zeros(out.shape[:2])
    by_place = ended.reshape(6, len(plan.places), groups, _CLASSES).sum(axis=3)
    by_place[0] = on_route.reshape(4, len(plan.places), groups, _CLASSES).sum(axis=(0, 3))
    np.add.at(persons, plan.fixed.end_cell, by_place)
    cell, group = np.nonzero((persons > _NOBODY) & (count > _NOBODY))
    mean = first[cell, group] / count[cell, group]
    variance = np.maximum(second[cell, group] / count[cell, group] - mean**2, 0.0)
    out[cell, group] = persons[cell, group][:, None] * _gammas(mean, variance)
    return out


def _gammas(mean: NDArray[np.float64], variance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of each whole number of days, for each mean and variance: [cells, bins]."""
    out = np.zeros((len(mean), DURATION_BINS))
    mean = np.maximum(mean, 0.0)
    certain = (mean < _NOBODY) | (variance < 1e-6 * np.maximum(mean, 1.0))
    one = np.flatnonzero(certain)
    day = np.minimum(mean[one].astype(np.int64), DURATION_BINS - 2)
    later = np.minimum(mean[one] - day, 1.0)
    out[one, day], out[one, day + 1] = 1.0 - later, later
    some = np.flatnonzero(~certain)
    last = np.minimum(DURATION_BINS - 1, (mean[some] + 15.0 * np.sqrt(variance[some])).astype(np.int64) + 2)
    row = np.repeat(some, last)
    bins = np.arange(len(row)) - np.repeat(np.cumsum(last) - last, last)
    reached = gammainc(mean[row] ** 2 / variance[row], (bins + 0.5) * mean[row] / variance[row])
    out[row, bins] = np.where(bins > 0, np.diff(reached, prepend=0.0), reached)
    out[some, last] += 1.0 - reached[np.cumsum(last) - 1]
    return out


def _moments(
    model: Model, threads: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Persons, days and squared days by cell and group, from a run that carries the day of departure and its square."""
    plan = model.plan
    if model.moments is None:
        model.moments = _with_moments(model)
    carried = model.moments
    memory = model.run(carried, tables=False, moments=True, threads=threads)
    net = carried.made.net
    n = float(plan.n_days)
    stock = memory.stock[[at.STAYING, at.TRAVELLING, at.CLOSED]].sum(axis=0) + _in_line(
        carried.made, memory, memory.stock.shape[1]
    )
    shape = (int(plan.fixed.end_cell.max()) + 1, len(plan.groups))
    out = (np.zeros(shape), np.zeros(shape), np.zeros(shape))
    for node in net.node:
        acc, width, place = node[at.ACC], node[at.COUNT], node[at.PLACE]
        owners = carried.lanes.owner[node[at.LO] // 3 : (node[at.LO] + width) // 3]
        for code, sums in (
            (node[at.END], memory.done[at.ENDED]),
            (_DIED, memory.done[at.DIED]),
            (_SETTLED, memory.done[at.SETTLED]),
        ):
            zero, one, two = (s[acc : acc + width].reshape(-1, 3) for s in sums)
            parts = (zero[:, 0], one[:, 0] - zero[:, 1], two[:, 0] - 2.0 * one[:, 1] + zero[:, 2])
            for total, part in zip(out, parts, strict=True):
                total[plan.fixed.end_cell[code, place], owners] += part
        x = stock[acc : acc + width].reshape(-1, 3)
        parts = (x[:, 0], n * x[:, 0] - x[:, 1], n * n * x[:, 0] - 2.0 * n * x[:, 1] + x[:, 2])
        for total, part in zip(out, parts, strict=True):
            total[plan.fixed.end_cell[0, place], owners] += part
    return out


def _with_moments(model: Model) -> Carried:
    """Each group three times: persons, persons x day of departure, persons x its square."""
    lanes = lanes_of(model.plan, model.people, model.whole.lanes.owner, merged=True, copies=3)
    day, place, lane, amount = model.daily(lanes)
    daily = (
        np.tile(day, 3),
        np.tile(place, 3),
        np.concatenate([lane, lane + 1, lane + 2]),
        np.concatenate([amount, amount * day, amount * day.astype(np.float64) ** 2]),
    )
    return model.carry(lanes, daily, replay=model.whole.made)
