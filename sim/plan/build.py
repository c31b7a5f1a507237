"""Compile a scenario to a plan."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sim.errors import RunError, ScenarioError
from sim.plan.choice import MEANS_EDGES, alternatives_of, base_weights, classes_of
from sim.plan.distributions import Pool, scaled
from sim.plan.effects import effects_of, series_product
from sim.plan.epochs import epochs_of
from sim.plan.forced import INSTRUMENTS, forced_of
from sim.plan.graph import PATHWAY_DAYS, Graph, key_of
from sim.plan.layout import Fixed, Knowledge
from sim.plan.limits import limits_of
from sim.plan.near import near_of
from sim.plan.people import departures_of
from sim.plan.plan import AGES, SEXES, UNITS, Parts, Plan
from sim.spec import Fixed as FixedDays

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from numpy.typing import NDArray

    from sim.plan.effects import Effect
    from sim.plan.forced import Forced
    from sim.plan.layout import Departures, Epochs, Limits
    from sim.plan.near import Near
    from sim.spec import Distribution, Policy, Scenario

__all__ = ["compile_plan"]

MAX_PLACES, MAX_TALLY, MAX_DAYS = 2**16 - 1, 2**16 - 1, 2**16 - 2


def compile_plan(
    scenario: Scenario, *, scale: float = 1.0, daily: bool = False, like: Plan | None = None
) -> Plan:
    """Turn a scenario into integer ids, typed tables and calendars.

    Parameters
    ----------
    scenario : Scenario
    scale : float
        Share of the people to simulate, above 0; capacities are scaled alike.
    daily : bool
        Count by day instead of by month.
    like : Plan, optional
        A plan of nearly the same scenario: what is alike is taken from it instead of being worked out again.

    Returns
    -------
    Plan

    Raises
    ------
    ScenarioError
        When the scale is not a positive number.
    RunError
        When nobody departs, or there are more places or days than fit.
    """
    if not (np.isfinite(scale) and 0.0 < scale <= 100.0):
        raise ScenarioError(
            f"scale {scale} is not a share of the people; expected a number above 0 and at most 100"
        )
    first = scenario.spin_up_start or scenario.window.start
    n_days = (scenario.window.end - first).days + 1
    if n_days > MAX_DAYS or len(scenario.world.places) > MAX_PLACES:
        raise RunError(
            f"{n_days} days and {len(scenario.world.places)} places; at most {MAX_DAYS} and {MAX_PLACES} fit"
        )
    days = scenario.days
    graph, alike = _graph(scenario, like)
    forced = _forced(graph, days, alike)
    by_policy = _effects(graph, days, alike)
    effects = [e for _, own in by_policy.values() for e in own]
    near = near_of(graph, forced, by_policy, alike)
    near = near if near is not None and near.plan.scale == scale and _counts_by(near.plan) == daily else None
    if near is not None and near.same("departures"):
        departures, people = near.plan.departures, near.plan.people
    else:
        departures, people = departures_of(graph, effects, days, scale, like)
    if people == 0:
        raise RunError(f"nobody departs in {scenario.name}: every departure row is empty at scale {scale}")
    limits = (
        near.plan.limits
        if near is not None and _policies(scenario, _LIMITING) == _policies(near.plan.scenario, _LIMITING)
        else limits_of(graph, scenario.policies, days, scale)
    )
    parts = Parts(forced, by_policy, graph, _policy_weights(graph), daily)
    fixed, epochs, pmfs = _tables(graph, parts, effects, days, limits, near)
    return Plan(
        scenario=scenario,
        first_day=first,
        report_from=(scenario.window.start - first).days,
        places=graph.places,
        place_country=graph.country,
        groups=graph.groups,
        countries=tuple(sorted({*graph.country, *(graph.homes[g] for g in graph.groups)})),
        legs=tuple(graph.legs) if near is None else near.plan.legs,
        fixed=_contiguous(fixed),
        departures=_contiguous(departures),
        epochs=_contiguous(epochs),
        limits=_contiguous(limits),
        knowledge=near.plan.knowledge
        if near is not None and fixed.kind_class is near.plan.fixed.kind_class
        else _knowledge(graph, fixed, forced, scale),
        people=people,
        scale=scale,
        rows=tuple((d.place, d.group) for d in scenario.departures) if near is None else near.plan.rows,
        months=tuple(str(m) for m in np.unique(days if daily else days.astype("datetime64[M]"))),
        pmfs=pmfs,
        reasons=_reasons(scenario, limits, departures, epochs),
        parts=parts,
    )


def _tables(
    graph: Graph,
    parts: Parts,
    effects: Sequence[Effect],
    days: NDArray[np.datetime64],
    limits: Limits,
    near: Near | None,
) -> tuple[Fixed, Epochs, tuple[NDArray[np.float64], ...]]:
    """What does not change during a run, the tables of every epoch, and whole-day distributions."""
    pool = Pool(len(days))
    leg_days = _leg_days(graph, parts.forced)
    if near is None:
        epochs, sort = epochs_of(graph, effects, parts.forced, days, pool, leg_days.__getitem__)
        kind_class, first_kind = classes_of(epochs.weight, sort, len(UNITS))
        epochs = epochs._replace(weight=epochs.weight[:, sort[first_kind]])
        fixed = _fixed(graph, parts, effects, days, pool, leg_days, limits, kind_class)
        return fixed, epochs, tuple(pool.pmfs)
    epochs, kind_class = near.epochs(graph, effects, parts.forced, days, pool, leg_days.__getitem__)
    fixed = near.plan.fixed._replace(kind_class=kind_class, leg_limited=_limited(limits, len(graph.legs)))
    known = near.plan.parts
    if kind_class is not near.plan.fixed.kind_class or (
        known is not None and parts.policy_weight != known.policy_weight
    ):
        class_group = _class_group(kind_class)
        mean_days = {i: d.mean for i, d in leg_days.items()}
        weight = base_weights(graph, fixed.alternative, mean_days, parts.policy_weight, class_group)
        fixed = fixed._replace(class_group=np.array(class_group, np.int32), weight=weight)
    if not near.same("stay"):
        stay_calendar, calendar, span = _calendars(graph, effects, len(days))
        fixed = fixed._replace(stay_calendar=stay_calendar, calendar=calendar, calendar_span=span)
    if near.same("days"):
        return fixed, epochs, near.plan.pmfs
    stay_table = _stays(graph, pool)
    guide, offset, thresholds, hazards = pool.arrays()
    fixed = fixed._replace(stay_table=stay_table, guide=guide, offset=offset, cdf=thresholds, hazard=hazards)
    return fixed, epochs, tuple(pool.pmfs)


_OPENING = frozenset({"pathway", "appointment"})
_LIMITING = _OPENING | {"capacity"}


def _policies(scenario: Scenario, instruments: Container[str]) -> list[Policy]:
    return [p for p in scenario.policies if p.instrument in instruments]


def _counts_by(plan: Plan) -> bool | None:
    """Whether a plan counts by day; None where that was not kept."""
    return plan.parts.daily if plan.parts is not None else None


def _graph(scenario: Scenario, like: Plan | None) -> tuple[Graph, Plan | None]:
    """The graph of a scenario, and a plan whose scenario differs at most in policies that open the same legs."""
    if like is None or like.parts is None or not _on_the_same_ground(scenario, like):
        return Graph(scenario), None
    if _policies(scenario, _OPENING) == _policies(like.scenario, _OPENING):
        return like.parts.graph.again(scenario), like
    graph = Graph(scenario)
    chosen = len(graph.legs)
    same = like.legs[:chosen] == tuple(graph.legs) and all(
        leg.made_by and leg.direction == "return" for leg in like.legs[chosen:]
    )
    return graph, like if same else None


def _on_the_same_ground(scenario: Scenario, like: Plan) -> bool:
    """Whether a plan's scenario differs at most in policies."""
    other = like.scenario
    return (
        scenario.world is other.world
        and scenario.departures is other.departures
        and scenario.units == other.units
        and scenario.window == other.window
        and scenario.spin_up_start == other.spin_up_start
        and scenario.parameters == other.parameters
        and scenario.behaviour == other.behaviour
    )


def _forced(graph: Graph, days: NDArray[np.datetime64], like: Plan | None) -> Forced:
    """Who is sent elsewhere, taken from another plan where the policies that send people are the same."""
    own, other = (
        _policies(s, INSTRUMENTS) for s in (graph.scenario, like.scenario if like else graph.scenario)
    )
    if like is None or like.parts is None:
        return forced_of(graph, graph.scenario.policies, days)
    known: Forced | None = like.parts.forced
    if own != other and known is not None:
        known = known.resized(graph.scenario.policies, like.scenario.policies, days)
    if known is None:
        return forced_of(graph, graph.scenario.policies, days)
    for leg in like.legs[len(graph.legs) :]:
        graph.add_leg(leg)
    return known


def _effects(
    graph: Graph, days: NDArray[np.datetime64], like: Plan | None
) -> dict[str, tuple[Policy, tuple[Effect, ...]]]:
    """Effects by policy, those of policies that are the same taken from another plan."""
    known = like.parts.effects if like is not None and like.parts is not None else {}
    out: dict[str, tuple[Policy, tuple[Effect, ...]]] = {}
    for policy in graph.scenario.policies:
        before = known.get(policy.id)
        same = before is not None and (before[0] is policy or before[0] == policy)
        out[policy.id] = (policy, before[1] if same and before else tuple(effects_of(policy, graph, days)))
    return out


def _contiguous[T: tuple[Any, ...]](arrays: T) -> T:
    """Lay every array out row by row, so that kernels are compiled for one layout only."""
    return type(arrays)(*(np.ascontiguousarray(a) if isinstance(a, np.ndarray) else a for a in arrays))


def _leg_days(graph: Graph, forced: Forced) -> dict[int, Distribution]:
    out: dict[int, Distribution] = {}
    for number in range(len(graph.legs)):
        leg = graph.world_legs.get(number)
        out[number] = leg.days if leg else forced.days.get(number, FixedDays(days=PATHWAY_DAYS))
    return out


def _policy_weights(graph: Graph) -> dict[int, float]:
    return {
        int(number): float(policy.weight)
        for policy in graph.scenario.policies
        if policy.instrument in {"pathway", "appointment"} and policy.weight is not None
        for number in graph.legs_opened_by(policy)
    }


def _class_group(kind_class: NDArray[np.int32]) -> list[int]:
    """Group of each class of choice."""
    return [int(np.flatnonzero(kind_class == c)[0]) // len(UNITS) for c in range(int(kind_class.max()) + 1)]


def _limited(limits: Limits, n_legs: int) -> NDArray[np.uint8]:
    """Whether each leg is served through a line."""
    out = np.zeros(n_legs, np.uint8)
    if len(limits.leg_limit):
        out[(limits.leg_limit >= 0).any(axis=1)] = 1
    return out


def _fixed(
    graph: Graph,
    parts: Parts,
    effects: Sequence[Effect],
    days: NDArray[np.datetime64],
    pool: Pool,
    leg_days: dict[int, Distribution],
    limits: Limits,
    kind_class: NDArray[np.int32],
) -> Fixed:
    world, forced = graph.scenario.world, parts.forced
    n_legs = len(graph.legs)
    alternative = alternatives_of(graph)
    class_group = _class_group(kind_class)
    mean_days = {i: d.mean for i, d in leg_days.items()}
    weight = base_weights(graph, alternative, mean_days, parts.policy_weight, class_group)
    stay_table = _stays(graph, pool)
    stay_calendar, calendar, span = _calendars(graph, effects, len(days))
    guide, offset, thresholds, hazards = pool.arrays()
    countries = sorted({*graph.country, *(graph.homes[g] for g in graph.groups)})
    home = np.array([countries.index(graph.homes[g]) for g in graph.groups], np.int16)
    ends = np.array([p.role == "destination" for p in world.places], np.uint8)
    index = np.array([countries.index(c) for c in graph.country], np.int16)
    leg_end = np.zeros(n_legs, np.uint8)
    for number, outcome in forced.ends.items():
        leg_end[number] = outcome
    dates = _periods(days, parts.daily)
    return Fixed(
        n_days=len(days),
        **dates,
        place_key=np.array([key_of(p) for p in graph.places], np.uint64),
        place_slot=np.array([key_of(p) % 32 * 2 for p in graph.places], np.uint64),
        place_country=index,
        place_ends=ends,
        place_event=((ends > 0) | (forced.index >= 0)).astype(np.uint8),
        daily_cost=np.array([round(p.daily_cost_usd or 0.0) for p in world.places], np.int64),
        kind_home=np.repeat(home, len(UNITS)),
        tally_group=np.repeat(np.arange(len(graph.groups)), len(SEXES) * len(AGES)).astype(np.int16),
        leg_from=np.array([graph.place_number[leg.from_place] for leg in graph.legs], np.int32),
        leg_to=np.array([graph.place_number[leg.to_place] for leg in graph.legs], np.int32),
        leg_key=np.array([key_of(leg.id) for leg in graph.legs], np.uint64),
        leg_sort=np.array([{"settle": 1, "turn_back": 2}.get(leg.mode, 0) for leg in graph.legs], np.uint8),
        leg_limited=_limited(limits, n_legs),
        leg_end=leg_end,
        alternative=alternative,
        alternatives=(alternative >= 0).sum(axis=1).astype(np.int32),
        weight=weight,
        guide=guide,
        offset=offset,
        cdf=thresholds,
        hazard=hazards,
        stay_table=stay_table,
        stay_calendar=stay_calendar,
        calendar=calendar,
        calendar_span=span,
        forced_index=forced.index,
        forced_leg=forced.leg,
        means_edge=np.array(MEANS_EDGES if graph.scenario.behaviour.means else (), np.int64),
        keep_after_robbery=round(256 * (1.0 - graph.scenario.parameters.get("robbery_loss_share", 0.0))),
        kind_group=np.repeat(np.arange(len(graph.groups)), len(UNITS)).astype(np.int16),
        kind_class=kind_class,
        class_group=np.array(class_group, np.int32),
        end_cell=(np.arange(6)[:, None] * len(countries) + index[None, :]).astype(np.int32),
    )


def _periods(days: NDArray[np.datetime64], daily: bool) -> dict[str, NDArray[np.int16]]:
    """Month and period of the tables of each day, and the month of each period."""
    month = np.unique(days.astype("datetime64[M]"), return_inverse=True)[1]
    months = np.append(month, month[-1] + 1)
    period = np.arange(len(days) + 1) if daily else months
    of_period = months if daily else np.arange(month[-1] + 2)
    return {
        "month_of_day": months.astype(np.int16),
        "period_of_day": period.astype(np.int16),
        "month_of_period": of_period.astype(np.int16),
    }


def _stays(graph: Graph, pool: Pool) -> NDArray[np.int32]:
    """Number of the stay distribution of each kind at each place; none stated means no stay at all."""
    factor = [graph.scenario.parameters.get(f"stay_factor_{unit}", 1.0) for unit in UNITS]
    table = np.zeros((graph.n_kinds, len(graph.places)), np.int32)
    none = FixedDays(kind="fixed", days=0.0)
    for place, entry in enumerate(graph.scenario.world.places):
        scale = graph.scenario.parameters.get(_region_scale(entry.country), 1.0)
        for u in range(len(UNITS)):
            number = pool.add(scaled(entry.stay or none, factor[u] * scale))
            table[u :: len(UNITS), place] = number
    return table


def _region_scale(country: str) -> str:
    if country == "MEX":
        return "stay_scale_mexico"
    if country in {"CRI", "NIC", "HND", "GTM", "SLV"}:
        return "stay_scale_central_america"
    if country in {"COL", "ECU", "PER", "CHL", "BRA", "BOL", "VEN", "GUY", "SUR"}:
        return "stay_scale_south_america"
    return ""


def _calendars(
    graph: Graph, effects: Sequence[Effect], n_days: int
) -> tuple[NDArray[np.int32], NDArray[np.float64], NDArray[np.int32]]:
    """Multipliers of the hazard of leaving, summed over days, and which of them each kind meets at each place."""
    index = np.full((graph.n_kinds, len(graph.places)), -1, np.int32)
    own = [e for e in effects if e.quantity == "stay"]
    rows: dict[tuple[int, ...], int] = {}
    series: list[NDArray[np.float64]] = []
    where, whom = ([set(getattr(e, name).tolist()) for e in own] for name in ("places", "kinds"))
    for place in range(len(graph.places)):
        here = [i for i in range(len(own)) if place in where[i]]
        for kind in range(graph.n_kinds) if here else ():
            key = tuple(i for i in here if kind in whom[i])
            if not key:
                continue
            if key not in rows:
                rows[key] = len(series)
                series.append(series_product([own[i] for i in key], n_days))
            index[kind, place] = rows[key]
    calendar = np.zeros((max(len(series), 1), n_days + 1))
    span = np.zeros((max(len(series), 1), 2), np.int32)
    span[:, 0], span[:, 1] = n_days + 1, -1
    for row, value in enumerate(series):
        calendar[row] = np.concatenate([[0.0], np.cumsum(value)])
        active = np.flatnonzero(value != 1.0)
        if len(active):
            span[row] = active[0] - 1, active[-1]
    return index, calendar, span


def _towards_the_end(graph: Graph, fixed: Fixed) -> NDArray[np.int32]:
    """Places by the number of legs to the nearest destination, then by id: the order in which chances spread back."""
    hops = np.where(fixed.place_ends > 0, 0, len(graph.places))
    journeys = np.flatnonzero(fixed.leg_sort[: graph.n_chosen] == 0)  # not those people are only sent along
    for _ in range(len(graph.places)):
        before = hops.copy()
        np.minimum.at(hops, fixed.leg_from[journeys], hops[fixed.leg_to[journeys]] + 1)
        if np.array_equal(before, hops):
            break
    return np.array(sorted(range(len(hops)), key=lambda p: (hops[p], graph.places[p])), np.int32)


def _knowledge(graph: Graph, fixed: Fixed, forced: Forced, scale: float) -> Knowledge:
    parameters, behaviour = graph.scenario.parameters, graph.scenario.behaviour
    n_groups, n_legs, n_places = len(graph.groups), graph.n_chosen, len(graph.places)
    n_forced = forced.leg.shape[0]
    every = max(1, round(parameters.get("information_update_days", 7.0)))
    lag = max(1, round(parameters.get("information_lag_days", 14.0) / every))
    prior = np.zeros(n_legs)
    for number, leg in graph.world_legs.items():
        prior[number] = leg.haz_robbed + leg.deaths_per_100k / 1e5
    weight = parameters.get("information_weight", 0.5)
    classes = len(fixed.means_edge) + 1
    group_class = fixed.kind_class[:: len(UNITS)].astype(np.int32)
    return Knowledge(
        on=int(behaviour.information),
        every=every,
        lag=lag,
        trust=max(parameters.get("information_trust_crossings", 200.0) * scale, 1e-9),
        risk_weight=-parameters.get("beta_risk", 0.0) * weight,
        success_weight=parameters.get("beta_success", 1.0) * weight,
        harm_cost=parameters.get("information_harm_cost", 0.1),
        chance_apart=parameters.get("information_chance_apart", 0.5),
        sweeps=4,
        order=_towards_the_end(graph, fixed),
        group_class=group_class,
        group_row=(group_class * 2 * classes).astype(np.int32),
        prior=prior,
        risk=np.tile(prior, (n_groups, 1)),
        fail=np.zeros((n_groups, n_forced)),
        chance=np.ones((n_groups, n_places)),
        appeal=np.ones((n_groups, n_legs)),
        crossings=np.zeros((lag + 1, n_groups, n_legs)),
        harmed=np.zeros((lag + 1, n_groups, n_legs)),
        seen=np.zeros((lag + 1, n_groups, n_forced)),
        sent=np.zeros((lag + 1, n_groups, n_forced)),
        before=np.zeros((n_groups, n_legs)),
        harm_before=np.zeros((n_groups, n_legs)),
        seen_before=np.zeros((n_groups, n_forced, 2)),
    )


def _reasons(scenario: Scenario, limits: Limits, departures: Departures, epochs: Epochs) -> tuple[str, ...]:
    """Why expected counts are only an approximation here."""
    out = []
    if len(limits.leg_limit):
        out.append("lines before limited legs or full places (fluid approximation)")
    if scenario.behaviour.means:
        out.append("means that run out (classes of means held at their starting shares)")
    if scenario.behaviour.information:
        out.append("information passed between people (beliefs held at their starting values)")
    return tuple(out)
