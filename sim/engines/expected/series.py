"""Monthly series as a function of departures: a plan and its borders enter, a function of a parameter vector leaves.

Where people do not interact, what crosses a border in a month is linear in the departures of each source and month: the
answers to one person from each source in each month are worked out once (sources side by side, month after month), kept as a
sparse matrix and multiplied. Lines make it curved: what lines let through is taken from a run at reference departures and
held, so the function is the tangent there but for who waits behind whom; `SeriesFunction.run` works out the curve itself,
`SeriesFunction.around` moves the reference.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from sim.engines.expected.memory import new_memory
from sim.engines.expected.model import by_node, model_of, tables_of
from sim.engines.expected.people import expected_people, lanes_of
from sim.engines.expected.spare import Spare
from sim.engines.expected.stages import run_through, spans_of
from sim.engines.kernels import expected_layout as at
from sim.errors import RunError
from sim.plan import UNITS, compile_plan
from sim.spec import FrozenMap

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from sim.engines.expected.assemble import Assembled
    from sim.engines.expected.model import Carried, Daily
    from sim.plan import Plan

__all__ = ["Cell", "SeriesFunction", "compile_series"]

_CHECK_DAYS = 45
_NOBODY = 1e-5
"""Crossings for each person who departed, in twice so many days, below which the answer to a month is cut off."""
_STEP = 1e-3
_CACHE = 8


@dataclass(frozen=True)
class Cell:
    """Departures from one source in one month.

    Parameters
    ----------
    group, place, channel : str
    month : str
        YYYY-MM.
    """

    group: str
    place: str
    channel: str
    month: str


@dataclass(frozen=True)
class _Counter:
    """Legs of a border counted with one detection parameter."""

    border: int
    parameter: str
    legs: tuple[int, ...]


class SeriesFunction:
    """Expected monthly crossings by border and group, from a parameter vector.

    The vector holds the logarithm of persons who depart in each cell (before pushes), then the detection parameters, then the
    behaviour parameters, as `names` lists them; `theta` is the plan's own.

    Parameters
    ----------
    plan : Plan
    borders, months : tuple of str
        Rows and columns of the series.
    behaviour : tuple of str
        Parameters whose change needs the plan to be compiled again (the last few are kept). At other values than the plan's
        own the series is worked out by a run, lines included, unless the matrix of `with_behaviour` is asked for.
    reference : float64 [cells], optional
        Persons by cell at which lines are worked out; the plan's own where not given.
    threads : int
        Months worked out side by side.
    """

    def __init__(
        self,
        plan: Plan,
        borders: tuple[str, ...],
        months: tuple[str, ...],
        behaviour: tuple[str, ...] = (),
        reference: NDArray[np.float64] | None = None,
        threads: int = 1,
    ) -> None:
        self.plan, self.borders, self.months, self.behaviour = plan, borders, months, behaviour
        self.groups = plan.groups
        self._model = model_of(plan)
        self._cells()
        self._counters = _counters(plan, borders)
        self.detection = tuple(dict.fromkeys(c.parameter for c in self._counters if c.parameter))
        own = plan.scenario.parameters
        self.names = (
            *(f"departures/{c.group}/{c.place}/{c.channel}/{c.month}" for c in self.cells),
            *self.detection,
            *behaviour,
        )
        self._own = np.array([own[p] for p in behaviour])
        self.theta = np.concatenate([np.log(self.base), [own.get(p, 1.0) for p in self.detection], self._own])
        self._counts = _counted(plan, borders)
        self._reference = self.base if reference is None else reference
        self._threads = threads
        self._others: dict[bytes, SeriesFunction] = {}

    def __repr__(self) -> str:
        return (
            f"<SeriesFunction {len(self.borders)} borders x {len(self.months)} months x {len(self.groups)} groups of "
            f"{len(self.cells)} departures, {len(self.detection)} detection and {len(self.behaviour)} behaviour parameters>"
        )

    @property
    def shape(self) -> tuple[int, int, int]:
        """Borders, months, groups."""
        return len(self.borders), len(self.months), len(self.groups)

    @cached_property
    def matrix(self) -> sparse.csr_matrix:
        """Crossings for each person who departs: sparse [counters x months x groups, cells]; worked out on first use."""
        return self._answers(self._at(self._reference))

    def _cells(self) -> None:
        """Number departures by source and month, and what each day of a cell is worth."""
        plan = self.plan
        rows = plan.scenario.departures
        keys = list(dict.fromkeys((r.group, r.place, r.channel) for r in rows))
        self._source = np.array([keys.index((r.group, r.place, r.channel)) for r in rows], np.int64)
        self._source_group = np.array([plan.groups.index(k[0]) for k in keys], np.int64)
        self._source_place = np.array([plan.places.index(k[1]) for k in keys], np.int64)
        month = plan.fixed.month_of_day[: plan.n_days].astype(np.int64)
        self._month = month
        names = _months_from(np.datetime64(plan.first_day, "M"), int(month.max()) + 1)
        unpushed = plan.departures._replace(row_push=np.full_like(plan.departures.row_push, -1))
        before = expected_people(plan, unpushed).persons
        summed = np.zeros((len(keys), len(names)))
        np.add.at(summed, (self._source[:, None], month[None, :]), before)
        self._number = np.full(summed.shape, -1, np.int64)
        source, when = np.nonzero(summed > 0.0)
        self._number[source, when] = np.arange(len(source))
        self.base = summed[source, when]
        self._cell_source, self._cell_month = source.astype(np.int64), when.astype(np.int64)
        self.cells = tuple(Cell(*keys[s], names[m]) for s, m in zip(source, when, strict=True))
        self.departure_months = tuple(names)

    def _daily(self, per_cell: NDArray[np.float64]) -> NDArray[np.float64]:
        """Persons by row and day when each cell's departures are multiplied by a factor."""
        cell = self._number[self._source[:, None], self._month[None, :]]
        return np.asarray(self._model.people.persons * np.where(cell >= 0, per_cell[cell], 0.0))

    def _at(self, persons: NDArray[np.float64]) -> Carried:
        """Run the plan at departures, so that what lines let through is known."""
        model = self._model
        whole = model.whole
        if persons is not self.base:
            lanes = whole.lanes
            day, place, lane, amount = model.daily(lanes, self._daily(persons / self.base))
            whole = model.carry(lanes, (day, place, lane, amount))
        model.run(whole, tables=False)
        return whole

    def _answers(self, reference: Carried) -> sparse.csr_matrix:
        """Matrix of (counter, month, group) by cell: crossings for each person who departs."""
        model, plan = self._model, self.plan
        lanes = lanes_of(plan, model.people, self._source_group)
        daily = self._sources_daily(
            lanes.per_north,
            [lanes.column(int(g) * len(UNITS) + u) for g in self._source_group for u in range(len(UNITS))],
        )
        carried = model.carry(lanes, daily, replay=reference.made)
        edges = _edges_of(carried.made, self._counters)
        wanted = np.array([self.months.index(m) if m in self.months else -1 for m in self.departure_months])
        spare = Spare(self._threads)
        with ThreadPoolExecutor(self._threads) as pool:
            parts = list(
                pool.map(
                    lambda m: self._answer(carried, daily, m, edges, wanted, spare),
                    range(len(self.departure_months)),
                )
            )
        row, column, value = (np.concatenate(x) for x in zip(*parts, strict=True))
        shape = (len(self._counters) * len(self.months) * len(self.groups), len(self.cells))
        return sparse.csr_matrix((value, (row, column)), shape=shape)

    def _sources_daily(self, per: int, column: Sequence[int]) -> Daily:
        """One person from each cell: day, place, class and persons."""
        row, day, unit, amount = self._model.people.by_unit(self._daily(1.0 / self.base))
        source = self._source[row]
        lane = source * per + np.array(column).reshape(-1, len(UNITS))[source, unit]
        return day.astype(np.int64), self._source_place[source], lane, amount

    def _answer(
        self,
        carried: Carried,
        daily: Daily,
        month: int,
        edges: list[list[tuple[int, NDArray[np.int64]]]],
        wanted: NDArray[np.int64],
        spare: Spare,
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
        """Crossings of those who depart in one month, as entries of the matrix."""
        plan, made = self.plan, carried.made
        own = self._month[daily[0]] == month
        if not own.any():
            return np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0)
        day, place, lane, amount = (x[own] for x in daily)
        departures = by_node(day, carried.node_of[place], lane, amount, len(made.net.node))
        memory = new_memory(plan, made, tables=False, spare=spare, to_the_end=False)
        tables = tables_of(carried, memory, departures)
        origin = begin = int(day.min())
        total, crossed, quiet = float(amount.sum()), 0.0, 0
        while begin < plan.n_days:
            end = min(begin + _CHECK_DAYS, plan.n_days)
            run_through(tables, spans_of(made.net.day, begin, end), origin=origin)
            before, crossed = (
                crossed,
                sum(float(memory.flow[:, o : o + len(w)].sum()) for c in edges for o, w in c),
            )
            quiet = quiet + 1 if begin > origin and crossed - before < _NOBODY * total else 0
            if quiet > 1:
                break
            begin = end
        counts = _counted_persons(memory.flow, edges, len(self._source_group))
        return self._entries(self._by_month(counts), month, wanted)

    def _by_month(self, counts: NDArray[np.float64]) -> NDArray[np.float64]:
        """Add periods to months where the plan counts by day."""
        to_month = self.plan.fixed.month_of_period[: counts.shape[1]].astype(np.int64)
        out = np.zeros((counts.shape[0], len(self.departure_months), counts.shape[2]))
        np.add.at(np.moveaxis(out, 1, 0), to_month, np.moveaxis(counts, 1, 0))
        return out

    def _entries(
        self, counts: NDArray[np.float64], month: int, wanted: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
        counter, when, source = np.nonzero(counts > 0.0)
        value = counts[counter, when, source]
        group, column = self._source_group[source], self._number[source, month]
        border = np.array([c.border for c in self._counters], np.int64)[counter]
        value = value * self._counts[border, group]
        keep = (wanted[when] >= 0) & (self._counts[border, group] > 0.0) & (column >= 0)
        row = (counter * len(self.months) + wanted[when]) * len(self.groups) + group
        return row[keep], column[keep], value[keep]

    def _other(self, values: NDArray[np.float64]) -> SeriesFunction:
        """The function at other behaviour parameters, compiled when new."""
        if np.array_equal(values, self._own):
            return self
        key = values.tobytes()
        if key not in self._others:
            while len(self._others) >= _CACHE:
                del self._others[next(iter(self._others))]
            self._others[key] = self.with_behaviour(dict(zip(self.behaviour, values.tolist(), strict=True)))
        return self._others[key]

    def with_behaviour(self, values: Mapping[str, float]) -> SeriesFunction:
        """Compile the function at other values of parameters.

        Parameters
        ----------
        values : mapping of str to float

        Returns
        -------
        SeriesFunction
        """
        scenario = self.plan.scenario
        changed = scenario.model_copy(update={"parameters": FrozenMap({**scenario.parameters, **values})})
        plan = compile_plan(changed, scale=self.plan.scale)
        return SeriesFunction(plan, self.borders, self.months, self.behaviour, self._reference, self._threads)

    def around(self, theta: NDArray[np.float64]) -> SeriesFunction:
        """Return the function with what lines let through worked out at other departures.

        Parameters
        ----------
        theta : float64 [n]

        Returns
        -------
        SeriesFunction
        """
        persons, _, values = self._split(theta)
        return SeriesFunction(
            self._other(values).plan, self.borders, self.months, self.behaviour, persons, self._threads
        )

    def _split(
        self, theta: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        if theta.shape != self.theta.shape:
            msg = f"{theta.shape} parameters; expected {self.theta.shape}, as `names` lists them"
            raise RunError(msg)
        n, d = len(self.cells), len(self.detection)
        return np.exp(theta[:n]), theta[n : n + d], theta[n + d :]

    def __call__(self, theta: NDArray[np.float64]) -> NDArray[np.float64]:
        """Expected crossings: float64 [borders, months, groups]."""
        persons, detection, values = self._split(theta)
        if not np.array_equal(values, self._own):
            return self.run(theta)
        return self._detected(self.matrix @ persons, detection)

    def _detected(self, raw: NDArray[np.float64], detection: NDArray[np.float64]) -> NDArray[np.float64]:
        out = np.zeros(self.shape)
        share = dict(zip(self.detection, detection.tolist(), strict=True))
        for counter, part in zip(self._counters, raw.reshape(-1, *self.shape[1:]), strict=True):
            out[counter.border] += share.get(counter.parameter, 1.0) * part
        return out

    def run(self, theta: NDArray[np.float64]) -> NDArray[np.float64]:
        """Work the series out by a run of its own, lines included: float64 [borders, months, groups]."""
        persons, detection, values = self._split(theta)
        other = self._other(values)
        model = other._model
        lanes = model.whole.lanes
        carried = model.carry(lanes, model.daily(lanes, other._daily(persons / other.base)))
        memory = model.run(carried, tables=False)
        by_owner = _counted_persons(memory.flow, _edges_of(carried.made, self._counters), len(lanes.owner))
        counts = np.zeros_like(by_owner)
        counts[:, :, lanes.owner] = by_owner
        by_month = self._by_month(counts)
        out = np.zeros((len(self._counters), len(self.months), len(self.groups)))
        for i, name in enumerate(self.departure_months):
            if name in self.months:
                out[:, self.months.index(name)] = by_month[:, i]
        for c, counter in enumerate(self._counters):
            out[c] *= self._counts[counter.border][None, :]
        return self._detected(out.ravel(), detection)

    def jacobian(self, theta: NDArray[np.float64]) -> sparse.csr_matrix:
        """Derivatives of the flattened series: sparse [borders x months x groups, parameters].

        Departures and detection are exact; each behaviour parameter costs two more compilations.

        Parameters
        ----------
        theta : float64 [n]

        Returns
        -------
        scipy.sparse.csr_matrix
        """
        persons, detection, values = self._split(theta)
        matrix = self._other(values).matrix
        size = len(self.months) * len(self.groups)
        share = dict(zip(self.detection, detection.tolist(), strict=True))
        sums: dict[int, sparse.csr_matrix] = {}
        columns = np.zeros((len(self.borders) * size, len(self.detection)))
        for c, counter in enumerate(self._counters):
            part = matrix[c * size : (c + 1) * size].multiply(persons[None, :]).tocsr()
            scaled = part * share.get(counter.parameter, 1.0)
            sums[counter.border] = sums[counter.border] + scaled if counter.border in sums else scaled
            if counter.parameter:
                rows = slice(counter.border * size, (counter.border + 1) * size)
                columns[rows, self.detection.index(counter.parameter)] += np.asarray(part.sum(axis=1)).ravel()
        empty = sparse.csr_matrix((size, len(self.cells)))
        linear = sparse.csr_matrix(sparse.vstack([sums.get(b, empty) for b in range(len(self.borders))]))
        return sparse.csr_matrix(
            sparse.hstack(
                [linear, sparse.csr_matrix(columns), sparse.csr_matrix(self._behaviour_columns(theta))]
            )
        )

    def _behaviour_columns(self, theta: NDArray[np.float64]) -> NDArray[np.float64]:
        out = np.zeros((int(np.prod(self.shape)), len(self.behaviour)))
        for i in range(len(self.behaviour)):
            k = len(self.theta) - len(self.behaviour) + i
            step = _STEP * max(abs(theta[k]), 1.0)
            up, down = theta.copy(), theta.copy()
            up[k] += step
            down[k] -= step
            out[:, i] = ((self.run(up) - self.run(down)) / (2.0 * step)).ravel()
        return out


def _months_from(first: np.datetime64, n: int) -> list[str]:
    """So many months from one on, as YYYY-MM."""
    return [str(first + np.timedelta64(m, "M")) for m in range(n)]


def _counters(plan: Plan, borders: tuple[str, ...]) -> tuple[_Counter, ...]:
    """Legs of each border by detection parameter."""
    number = {leg.id: i for i, leg in enumerate(plan.legs)}
    found: dict[tuple[int, str], list[int]] = {}
    for row in plan.scenario.world.borders:
        if row.id in borders and row.leg in number:
            found.setdefault((borders.index(row.id), row.detection_parameter), []).append(number[row.leg])
    return tuple(_Counter(b, p, tuple(legs)) for (b, p), legs in sorted(found.items()))


def _counted(plan: Plan, borders: tuple[str, ...]) -> NDArray[np.float64]:
    """What the rate of each border is multiplied by for each group; 0 = not counted."""
    out = np.ones((len(borders), len(plan.groups)))
    for row in plan.scenario.world.border_exclusions:
        if row.border in borders and row.group in plan.groups:
            out[borders.index(row.border), plan.groups.index(row.group)] = row.share
    return out


def _edges_of(made: Assembled, counters: Sequence[_Counter]) -> list[list[tuple[int, NDArray[np.int64]]]]:
    """Offset of each counter's edges in a month of flows, and the owner of each of their classes."""
    net = made.net
    out = []
    for counter in counters:
        own = []
        for e in np.flatnonzero(np.isin(made.edge_leg, counter.legs)):
            classes = np.arange(made.edge_lane[e], made.edge_lane[e] + made.edge_lanes[e])
            own.append((int(net.edge[e, at.FLOW]), classes // net.node[net.edge[e, at.TARGET], at.PER]))
        out.append(own)
    return out


def _counted_persons(
    flow: NDArray[np.float64], edges: list[list[tuple[int, NDArray[np.int64]]]], owners: int
) -> NDArray[np.float64]:
    """Persons by counter, period and owner."""
    out = np.zeros((len(edges), len(flow), owners))
    for c, of_counter in enumerate(edges):
        for offset, owner in of_counter:
            np.add.at(out[c].T, owner, flow[:, offset : offset + len(owner)].T)
    return out


def compile_series(
    plan: Plan,
    borders: Sequence[str] | None = None,
    months: Sequence[str] | None = None,
    *,
    behaviour: Sequence[str] = (),
    threads: int = 1,
) -> SeriesFunction:
    """Compile the monthly series of a plan as a function of a parameter vector.

    Parameters
    ----------
    plan : Plan
    borders : sequence of str, optional
        Border ids; all of the world where not given.
    months : sequence of str, optional
        Months (YYYY-MM); those of the window where not given.
    behaviour : sequence of str
        Scenario parameters to take as part of the vector.
    threads : int
        Months worked out side by side.

    Returns
    -------
    SeriesFunction

    Raises
    ------
    RunError
        When a border, month or parameter is not known.
    """
    scenario = plan.scenario
    known = tuple(dict.fromkeys(b.id for b in scenario.world.borders))
    first, last = np.datetime64(scenario.window.start, "M"), np.datetime64(scenario.window.end, "M")
    window = tuple(_months_from(first, int((last - first).astype(np.int64)) + 1))
    days = plan.fixed.month_of_day[: plan.n_days]
    simulated = set(_months_from(np.datetime64(plan.first_day, "M"), int(days[-1]) + 1))
    chosen = tuple(borders) if borders is not None else known
    when = tuple(months) if months is not None else window
    for label, wanted, allowed in (
        ("border", chosen, set(known)),
        ("month", when, simulated),
        ("parameter", tuple(behaviour), set(scenario.parameters)),
    ):
        if wrong := [w for w in wanted if w not in allowed]:
            raise RunError(
                f"{label} {', '.join(wrong)} is not in {scenario.name}; expected one of {', '.join(sorted(allowed))}"
            )
    return SeriesFunction(plan, chosen, when, tuple(behaviour), threads=threads)
