"""An origin and a scenario enter; what the simulated route says the rules will change after the origin leaves.

The route is run with the same demand and the same luck under three sets of rules: *held*, those of six months before the
origin, going on as they were; *known*, those that had begun by the end of the origin, going on as they are; and the
*scenario*'s, with every later rule and every end. Demand is that inferred from the crossings up to the month before the
origin, kept at the mean of its last three months afterwards. What counts is by how much one run moves away from the held
one between the origin and a later month (a difference of differences, in logs): a rule that began in the middle of the
origin, has not yet reached the border down the road, or is fading, still has some of its effect to come. Demand and
season are the same in all runs and fall out. How much of the change is followed is learnt (`calibration.pooled`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from calibration.panel import TARGETS, shift_month
from sim.engines.agents import load_kernels, run_agents
from sim.plan import AGES, SEXES, compile_plan
from sim.spec import Departure, load_scenario

if TYPE_CHECKING:
    from datetime import date

    from numpy.typing import NDArray

    from sim.engines.tally import Tally
    from sim.plan import Plan
    from sim.spec import Policy, Scenario

__all__ = ["RuleEffect", "border_table", "held_rules", "known_rules", "rule_effects", "scenario_at"]

_HELD_MONTHS = 3
_RUN_UP = 9
"""Months simulated before the origin."""
_SCALE = 0.1
_HELD_BACK = 5
"""Rules of the origin and of this many months before it are the young ones, whose effect may still be under way."""
_SMALL = 60.0
"""Persons added to both sides of a ratio, so that a handful of simulated people decides nothing."""
_LARGEST = 2.5


@dataclass(frozen=True)
class RuleEffect:
    """Change the rules make, on the log scale.

    Parameters
    ----------
    keys : tuple of (str, str)
        Target and nationality.
    months : tuple of str
        Months after the origin.
    log_ratio : float64 [series, months]
        Change since the origin of the log of crossings over those under held rules.
    persons : float64 [series, months], optional
        The same change in persons (or encounters) a month; zero where it was not measured.
    """

    keys: tuple[tuple[str, str], ...]
    months: tuple[str, ...]
    log_ratio: NDArray[np.float64]
    persons: NDArray[np.float64] | None = None

    def of(self, target: str, nationality: str) -> NDArray[np.float64]:
        """Log ratio of one series by month; that of the whole border where the group is not simulated."""
        for key in ((target, nationality), (target, "ALL")):
            if key in self.keys:
                return np.asarray(self.log_ratio[self.keys.index(key)])
        return np.zeros(len(self.months))


def _last_day(month: str) -> date:
    end: date = pd.Period(month, "M").end_time.date()
    return end


def _goes_on(policy: Policy, scenario: Scenario, last: date) -> bool:
    """Whether a policy with an end is still in force after a day, as far as is known on it.

    One that ends on that very day goes on where another of its instrument takes over its places the day after: that is a
    change of size (another daily quota, another share) which has not begun by then. Ended there, it would leave a hole
    that nobody announced.
    """
    if policy.end is None or policy.end != last:
        return policy.end is None or policy.end > last
    own = _where(policy)
    return any(
        other.instrument == policy.instrument
        and other.start == last + timedelta(days=1)
        and bool(own & _where(other))
        for other in scenario.policies
    )


def _where(policy: Policy) -> set[str]:
    """Places, legs and countries a policy names."""
    return {str(x) for name in ("places", "legs", "countries") for x in getattr(policy, name, ()) or ()}


def _begun_by(scenario: Scenario, last: date) -> Scenario:
    """Policies that had begun by a day, going on: ends after it are not known yet."""
    policies = tuple(
        p.model_copy(update={"end": None}) if p.end is not None and _goes_on(p, scenario, last) else p
        for p in scenario.policies
        if p.start <= last
    )
    return scenario.model_copy(update={"policies": policies})


def known_rules(scenario: Scenario, origin: str) -> Scenario:
    """The scenario with the policies that had begun by the end of the origin, going on as they are.

    Parameters
    ----------
    scenario : Scenario
    origin : str

    Returns
    -------
    Scenario
    """
    return _begun_by(scenario, _last_day(origin))


def held_rules(scenario: Scenario, origin: str) -> Scenario:
    """The scenario with the policies of six months before the origin, going on as they were.

    Parameters
    ----------
    scenario : Scenario
    origin : str

    Returns
    -------
    Scenario
    """
    return _begun_by(scenario, _last_day(shift_month(origin, -_HELD_BACK - 1)))


def scenario_at(scenario: Scenario, origin: str, months: int) -> Scenario:
    """The scenario as it can be run from an origin: a short run-up, demand of the last months held afterwards.

    Parameters
    ----------
    scenario : Scenario
    origin : str
    months : int
        Months after the origin.

    Returns
    -------
    Scenario
        Departures after the month before the origin are not used.
    """
    begin = shift_month(origin, -_RUN_UP)
    last_known = shift_month(origin, -1)
    recent = [shift_month(last_known, -k) for k in range(_HELD_MONTHS)]
    kept, held = [], dict[tuple[str, str, str], float]()
    for row in scenario.departures:
        month = row.start.strftime("%Y-%m")
        if begin <= month <= last_known:
            kept.append(row)
        if month in recent:
            key = (row.place, row.group, row.channel)
            held[key] = held.get(key, 0.0) + row.total / _HELD_MONTHS
    for ahead in range(months + 1):
        month = shift_month(origin, ahead)
        span = {"start": pd.Period(month, "M").start_time.date(), "end": _last_day(month)}
        kept += [
            Departure(place=place, group=group, channel=channel, persons=persons, **span)
            for (place, group, channel), persons in held.items()
        ]
    window = scenario.window.model_copy(
        update={
            "start": pd.Period(origin, "M").start_time.date(),
            "end": _last_day(shift_month(origin, months)),
        }
    )
    first = pd.Period(begin, "M").start_time.date()
    return scenario.model_copy(update={"departures": tuple(kept), "window": window, "spin_up_start": first})


def border_table(plan: Plan, tally: Tally) -> pd.DataFrame:
    """Crossings as the authorities count them, from the arrays of one run.

    Parameters
    ----------
    plan : Plan
    tally : Tally

    Returns
    -------
    DataFrame
        Rows (border, nationality), a column for each month of the plan; ``ALL`` included.
    """
    scenario = plan.scenario
    number = {leg.id: i for i, leg in enumerate(plan.legs)}
    share = {(e.border, e.group): e.share for e in scenario.world.border_exclusions}
    out = {pair for pair, factor in share.items() if factor == 0.0}
    counts = {b: np.zeros((len(plan.months), len(plan.groups))) for b in TARGETS}
    for border in scenario.world.borders:
        if border.id in counts and border.leg in number:
            rate = float(scenario.parameters.get(border.detection_parameter, 1.0)) / plan.scale
            flow = (
                tally.flows[:, number[border.leg]].reshape(len(plan.months), len(plan.groups), -1).sum(axis=2)
            )
            own = np.array([share.get((border.id, g), 1.0) for g in plan.groups])
            counts[border.id] += flow * rate * own
    rows = {}
    for target, table in counts.items():
        inside = [i for i, g in enumerate(plan.groups) if (target, g) not in out]
        rows[target, "ALL"] = table[:, inside].sum(axis=1)
        rows.update({(target, plan.groups[i]): table[:, i] for i in inside})
    frame = pd.DataFrame.from_dict(rows, orient="index", columns=list(plan.months))
    frame.index = pd.MultiIndex.from_tuples(list(rows), names=["target", "nationality"])
    return frame


def _simulate(scenario: Scenario, scale: float, seed: int) -> pd.DataFrame:
    plan = compile_plan(scenario, scale=scale)
    if plan.n_tally != len(plan.groups) * len(AGES) * len(SEXES):
        raise AssertionError
    return border_table(plan, run_agents(plan, seed=seed))


def rule_effects(
    origin: str,
    months: int,
    name: str,
    *,
    scale: float = _SCALE,
    seed: int = 1,
    loaded: Scenario | None = None,
) -> tuple[RuleEffect, RuleEffect]:
    """Simulate what rules change after an origin.

    Parameters
    ----------
    origin : str
        Last month known, ``YYYY-MM``.
    months : int
        Months after it.
    name : str
        Scenario of the library, or a file.
    scale : float
        Share of the people simulated.
    seed : int
        The same for all runs, so that people have the same luck.
    loaded : Scenario, optional
        The scenario, where it has been read already.

    Returns
    -------
    known : RuleEffect
        Of the rules known at the origin.
    scenario : RuleEffect
        Of all rules of the scenario, also those that begin or end later.
    """
    load_kernels()
    scenario = scenario_at(loaded or load_scenario(name), origin, months)
    held = _simulate(held_rules(scenario, origin), scale, seed)
    known = _simulate(known_rules(scenario, origin), scale, seed)
    return _apart(known, held, origin, months), _apart(_simulate(scenario, scale, seed), held, origin, months)


def _apart(made: pd.DataFrame, held: pd.DataFrame, origin: str, months: int) -> RuleEffect:
    """By how much a run moves away from the held one after the origin."""
    ahead = tuple(shift_month(origin, k) for k in range(1, months + 1))
    both = made.index.intersection(held.index)
    columns = [origin, *ahead]
    above, below = (table.loc[both, columns].to_numpy(np.float64) + _SMALL for table in (made, held))
    log_ratio = np.log(above) - np.log(below)
    moved = log_ratio[:, 1:] - log_ratio[:, :1]
    keys = tuple((str(t), str(n)) for t, n in both)
    added = above - below
    persons = added[:, 1:] - added[:, :1]
    return RuleEffect(keys, ahead, np.clip(moved, -_LARGEST, _LARGEST), persons)
