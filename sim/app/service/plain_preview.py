"""A scenario enters, what the expected engine counts leaves; worked out anew on every call."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sim.engines.expected import run_expected
from sim.plan import compile_plan

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sim.spec import Scenario

__all__ = ["Preview", "PreviewAnswer"]


class PreviewAnswer(NamedTuple):
    """Expected counts of one scenario.

    Parameters
    ----------
    months, borders, groups, countries, legs : tuple of str
    crossings : float64 [borders, months, groups]
        Expected persons, as each border's authority counts.
    stocks : float64 [countries, months]
        Mean persons present.
    flows : float64 [legs, months]
    exact : bool
    reason : str
    seconds : float
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
    """Answers scenarios that differ from a first one."""

    def __init__(self, scenario: Scenario, *, threads: int = 1) -> None:
        self.scenario, self.threads = scenario, threads

    def answer(self, scenario: Scenario) -> PreviewAnswer:
        """Work out expected counts."""
        begin = time.perf_counter()
        plan = compile_plan(scenario)
        tally = run_expected(plan, threads=self.threads, durations=False)
        months, groups = tuple(str(m) for m in plan.months), tuple(str(g) for g in plan.groups)
        flows = tally.flows.reshape(len(months), len(plan.legs), len(groups), -1).sum(axis=3)
        number = {leg.id: i for i, leg in enumerate(plan.legs)}
        rows = scenario.world.borders
        borders = tuple(dict.fromkeys(row.id for row in rows))
        crossings = np.zeros((len(borders), len(months), len(groups)))
        out = {(e.border, e.group) for e in scenario.world.border_exclusions}
        for row in rows:
            rate = float(scenario.parameters.get(row.detection_parameter, 1.0))
            keep = np.array([(row.id, group) not in out for group in groups])
            crossings[borders.index(row.id)] += flows[:, number[row.leg]] * keep * rate
        days = np.bincount(plan.fixed.period_of_day[: plan.n_days].astype(np.int64), minlength=len(months))
        present = tally.person_days[:, [0, 1, 2, 3]].sum(axis=(1, 3)) / np.maximum(days, 1)[:, None]
        of_place = np.array(plan.place_country)
        countries = tuple(str(c) for c in dict.fromkeys(plan.place_country))
        stocks = np.stack([present[:, of_place == country].sum(axis=1) for country in countries])
        first = months.index(scenario.window.start.strftime("%Y-%m"))
        return PreviewAnswer(
            months[first:],
            borders,
            groups,
            crossings[:, first:],
            countries,
            stocks[:, first:],
            tuple(leg.id for leg in plan.legs),
            flows.sum(axis=2).T[:, first:],
            tally.exact,
            "; ".join(tally.reasons),
            time.perf_counter() - begin,
        )
