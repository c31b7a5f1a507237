"""Answers while a slider moves: a scenario enters, expected crossings, stocks and flows leave, without tables."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sim.engines.expected.marks import Base
from sim.engines.kernels import expected_layout as at
from sim.plan import compile_plan

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sim.engines.expected.marks import Counted
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

    The first is run once, and what is on the route is kept every three months. A changed scenario is taken up at the last
    such day before anything differs. Where its route is another (a way that was never open, other places or groups) it is
    laid out anew, and kept beside the first for the changes that follow.

    Parameters
    ----------
    scenario : Scenario
        What later scenarios are changes of.
    threads : int
        With two, shares and the stages of the route are worked out side by side; the answer is the same. One answer at a time.
    """

    def __init__(self, scenario: Scenario, *, threads: int = 1) -> None:
        self.scenario = scenario
        self.threads = threads
        self._bases = [Base(compile_plan(scenario), threads=threads)]

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
        plan = compile_plan(scenario, like=self._bases[0].plan)
        for base in self._bases:
            counted = base.counted(plan)
            if counted is not None:
                return _answer(plan, counted, begin)
        self._bases[1:] = [Base(plan, threads=self.threads)]
        return _answer(plan, self._bases[1].own, begin)


def _answer(plan: Plan, counted: Counted, begin: float) -> PreviewAnswer:
    """Lay out what a run counted."""
    kept = np.unique(plan.fixed.period_of_day[plan.report_from : plan.n_days]).astype(np.int64)
    by_leg = counted.by_leg()[kept]
    borders, crossings = _crossings(plan, by_leg)
    travelled = np.array([i for i, leg in enumerate(plan.legs) if leg.travelled], np.int64)
    return PreviewAnswer(
        months=tuple(plan.months[i] for i in kept),
        borders=borders,
        groups=plan.groups,
        crossings=crossings,
        countries=plan.countries,
        stocks=_stocks(plan, counted)[:, kept],
        legs=tuple(plan.legs[i].id for i in travelled),
        flows=np.ascontiguousarray(by_leg[:, travelled].sum(axis=2).T),
        exact=not plan.reasons,
        reason="; ".join(plan.reasons),
        seconds=time.perf_counter() - begin,
    )


def _crossings(plan: Plan, by_leg: NDArray[np.float64]) -> tuple[tuple[str, ...], NDArray[np.float64]]:
    """Add up the legs each border counts, as often as it detects people, and the groups it counts less often or not at all."""
    world, rate = plan.scenario.world, plan.scenario.parameters
    number = {leg.id: i for i, leg in enumerate(plan.legs)}
    borders = tuple(dict.fromkeys(b.id for b in world.borders))
    share = np.zeros((len(borders), len(plan.legs)))
    for row in world.borders:
        if row.leg in number:
            share[borders.index(row.id), number[row.leg]] += float(rate.get(row.detection_parameter, 1.0))
    counted = np.flatnonzero(share.any(axis=0))
    out = np.einsum("bl,mlg->bmg", share[:, counted], by_leg[:, counted], optimize=True)
    for excluded in world.border_exclusions:
        if excluded.border in borders and excluded.group in plan.groups:
            out[borders.index(excluded.border), :, plan.groups.index(excluded.group)] *= excluded.share
    return borders, out


def _stocks(plan: Plan, counted: Counted) -> NDArray[np.float64]:
    """Mean persons present in each country on an evening of each month: [countries, months]."""
    node = counted.made.net.node
    present = counted.memory.days[:, :3].sum(axis=1)
    by_node = np.add.reduceat(present, node[:, at.ACC], axis=1)
    days = np.bincount(plan.fixed.period_of_day[: plan.n_days], minlength=len(present))
    country = plan.fixed.place_country[node[:, at.PLACE]].astype(np.int64)
    of_country = (country[:, None] == np.arange(len(plan.countries))).astype(np.float64)
    return np.asarray((by_node @ of_country).T / days)
