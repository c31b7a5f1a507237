"""Answers while a slider moves: a scenario enters, expected crossings, stocks and flows leave, without tables."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sim.engines.expected.model import Model
from sim.engines.kernels import expected_layout as at
from sim.plan import compile_plan

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sim.engines.kernels.expected_layout import Memory
    from sim.plan import Plan
    from sim.spec import Scenario

__all__ = ["Preview", "PreviewAnswer"]


@dataclass(frozen=True)
class PreviewAnswer:
    """Expected counts of one scenario, of the months of its window.

    Parameters
    ----------
    months : tuple of str
        YYYY-MM, those of the window.
    borders, groups : tuple of str
    crossings : float64 [borders, months, groups]
        Expected persons (or encounters) as each border's authority counts them: counted legs times the rate of detection.
    countries : tuple of str
    stocks : float64 [countries, months]
        Mean persons present on an evening: staying, waiting or on their way to a place of the country.
    legs : tuple of str
        Legs that people travel.
    flows : float64 [legs, months]
        Persons who arrive over each leg.
    exact : bool
        Whether nobody interacts, so that the agents' mean is the same number.
    reason : str
        Why it is an approximation; empty where it is exact.
    seconds : float
        Time it took to answer.
    """

    months: tuple[str, ...]
    borders: tuple[str, ...]
    groups: tuple[str, ...]
    crossings: NDArray[np.float64]
    countries: tuple[str, ...]
    stocks: NDArray[np.float64]
    legs: tuple[str, ...]
    flows: NDArray[np.float64]
    exact: bool
    reason: str
    seconds: float


class Preview:
    """Expected answers to scenarios that differ from a first one in policies or parameters.

    Parameters
    ----------
    scenario : Scenario
        What later scenarios are changes of.
    threads : int
        Taken so that every engine is called alike; one thread is used.
    """

    def __init__(self, scenario: Scenario, *, threads: int = 1) -> None:
        self.scenario = scenario
        self.threads = threads

    def answer(self, scenario: Scenario) -> PreviewAnswer:
        """Work out what a scenario leads to, in expectation.

        Parameters
        ----------
        scenario : Scenario

        Returns
        -------
        PreviewAnswer

        Raises
        ------
        RunError
            When the scenario cannot be run.
        """
        begin = time.perf_counter()
        model = Model(compile_plan(scenario))
        memory = model.run(model.whole)
        return _answer(model, memory, begin)


def _answer(model: Model, memory: Memory, begin: float) -> PreviewAnswer:
    """Lay out what a run counted."""
    plan = model.plan
    kept = _window(plan)
    months = tuple(plan.months[i] for i in kept)
    by_leg = _by_leg(model, memory)[kept]
    borders, crossings = _crossings(plan, by_leg)
    travelled = np.array([i for i, leg in enumerate(plan.legs) if leg.travelled], np.int64)
    return PreviewAnswer(
        months=months,
        borders=borders,
        groups=plan.groups,
        crossings=crossings,
        countries=plan.countries,
        stocks=_stocks(model, memory)[:, kept],
        legs=tuple(plan.legs[i].id for i in travelled),
        flows=np.ascontiguousarray(by_leg[:, travelled].sum(axis=2).T),
        exact=not plan.reasons,
        reason="; ".join(plan.reasons),
        seconds=time.perf_counter() - begin,
    )


def _window(plan: Plan) -> NDArray[np.int64]:
    """Periods of the window; the spin-up before it is not reported."""
    return np.unique(plan.fixed.period_of_day[plan.report_from : plan.n_days]).astype(np.int64)


def _by_leg(model: Model, memory: Memory) -> NDArray[np.float64]:
    """Persons who arrived over each leg: [months, legs, groups]."""
    made, lanes = model.whole.made, model.whole.lanes
    net = made.net
    out = np.zeros((len(memory.flow), len(model.plan.legs), len(model.plan.groups)))
    for edge, leg in enumerate(made.edge_leg):
        begin, first, n = int(net.edge[edge, at.FLOW]), int(made.edge_lane[edge]), int(made.edge_lanes[edge])
        group = lanes.owner[np.arange(first, first + n) // int(net.node[net.edge[edge, at.SOURCE], at.PER])]
        np.add.at(out[:, leg].T, group, memory.flow[:, begin : begin + n].T)
    return out


def _crossings(plan: Plan, by_leg: NDArray[np.float64]) -> tuple[tuple[str, ...], NDArray[np.float64]]:
    """Add up the legs each border counts, as often as it detects people, and the groups it counts less often or not at all."""
    world, rate = plan.scenario.world, plan.scenario.parameters
    number = {leg.id: i for i, leg in enumerate(plan.legs)}
    borders = tuple(dict.fromkeys(b.id for b in world.borders))
    out = np.zeros((len(borders), *by_leg[:, 0].shape))
    for row in world.borders:
        if row.leg in number:
            share = float(rate.get(row.detection_parameter, 1.0))
            out[borders.index(row.id)] += share * by_leg[:, number[row.leg]]
    for excluded in world.border_exclusions:
        if excluded.border in borders and excluded.group in plan.groups:
            out[borders.index(excluded.border), :, plan.groups.index(excluded.group)] *= excluded.share
    return borders, out


def _stocks(model: Model, memory: Memory) -> NDArray[np.float64]:
    """Mean persons present in each country on an evening of each month: [countries, months]."""
    plan, net = model.plan, model.whole.made.net
    present = memory.days[:, :3].sum(axis=1)
    by_node = np.add.reduceat(present, net.node[:, at.ACC], axis=1)
    days = np.bincount(plan.fixed.period_of_day[: plan.n_days], minlength=len(present))
    out = np.zeros((len(plan.countries), len(present)))
    np.add.at(out, plan.fixed.place_country[net.node[:, at.PLACE]].astype(np.int64), by_node.T)
    return out / days
