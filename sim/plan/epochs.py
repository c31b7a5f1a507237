"""Stretches of days on which nothing changes, and the tables in force on each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.plan.distributions import scaled
from sim.plan.layout import Epochs

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from sim.plan.distributions import Pool
    from sim.plan.effects import Effect
    from sim.plan.forced import Forced
    from sim.plan.graph import Graph
    from sim.spec import Distribution

__all__ = ["epochs_of"]

_FULL = 2.0**32
_LEG_QUANTITIES = {"weight", "open", "add", "days", "cost_factor", "cost", "harm", "income"}


def _seasons(
    graph: Graph, days: NDArray[np.datetime64]
) -> dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Travel and hazard factors by season and day."""
    month = days.astype("datetime64[M]").astype(int) % 12 + 1
    out = {}
    for name in {s.id for s in graph.scenario.world.seasons}:
        rows = {s.month: s for s in graph.scenario.world.seasons if s.id == name}
        travel = np.array([rows[m].travel_factor if m in rows else 1.0 for m in range(1, 13)])
        harm = np.array([rows[m].hazard_factor if m in rows else 1.0 for m in range(1, 13)])
        out[name] = (travel[month - 1], harm[month - 1])
    return out


def _breaks(
    graph: Graph, effects: Sequence[Effect], forced: Forced, days: NDArray[np.datetime64]
) -> NDArray[np.int64]:
    """Days on which a table changes."""
    n = len(days)
    changed = np.zeros(n, bool)
    changed[0] = True
    series = [e.value for e in effects if e.quantity in _LEG_QUANTITIES]
    series += [share.value for share in forced.shares]
    for travel, harm in _seasons(graph, days).values():
        series += [travel, harm]
    for value in series:
        changed[1:] |= value[1:] != value[:-1]
    for leg in graph.world_legs.values():
        for date, shift in ((leg.open_from, 0), (leg.open_to, 1)):
            if date is not None:
                day = int((np.datetime64(date) - days[0]).astype(int)) + shift
                if 0 < day < n:
                    changed[day] = True
    return np.flatnonzero(changed)


def epochs_of(
    graph: Graph,
    effects: Sequence[Effect],
    forced: Forced,
    days: NDArray[np.datetime64],
    pool: Pool,
    leg_days: Callable[[int], Distribution],
) -> Epochs:
    """Compile the tables of every epoch.

    Parameters
    ----------
    graph : Graph
    effects : sequence of Effect
    forced : Forced
    days : datetime64[D] [n_days]
    pool : Pool
    leg_days : callable
        Travel-time distribution of a leg by number.

    Returns
    -------
    Epochs
    """
    starts = _breaks(graph, effects, forced, days)
    n_epochs, n_legs, n_places = len(starts), len(graph.legs), len(graph.places)
    n_chosen = graph.n_chosen
    epoch_of_day = np.searchsorted(starts, np.arange(len(days) + 1), side="right").astype(np.int32) - 1
    base = _base(graph)
    seasons = _seasons(graph, days)
    weight = np.zeros((n_epochs, graph.n_kinds, n_chosen), np.float32)
    table = np.zeros((n_epochs, n_legs), np.int32)
    cost = np.zeros((n_epochs, n_legs), np.int64)
    robbery, death = np.zeros((n_epochs, n_legs), np.uint64), np.zeros((n_epochs, n_legs), np.uint64)
    income = np.zeros((n_epochs, n_places), np.int64)
    forced_table = forced.tables(starts, graph.n_kinds)
    leg_effects = [e for e in effects if e.quantity in _LEG_QUANTITIES]
    stretched: dict[tuple[int, float], int] = {}
    usual = np.array([pool.add(leg_days(leg)) for leg in range(n_legs)], np.int32)
    for epoch, day in enumerate(starts):
        state = _State(graph, base, day, days, seasons)
        for effect in leg_effects:
            state.apply(effect, float(effect.value[day]))
        weight[epoch] = state.weights()
        cost[epoch] = np.maximum(np.round(base["cost"] * state.cost_factor + state.cost), 0.0)
        harm = state.harm if graph.scenario.behaviour.hazards else 0.0
        robbery[epoch] = _threshold(base["robbery"] * harm)
        death[epoch] = _threshold(base["death"] * harm)
        income[epoch] = np.round(base["income"] + state.income)
        table[epoch] = usual
        for leg in np.flatnonzero(state.days != 1.0):
            key = (int(leg), round(float(state.days[leg]) * 20) / 20)
            if key not in stretched:
                stretched[key] = pool.add(scaled(leg_days(key[0]), key[1]))
            table[epoch, leg] = stretched[key]
    return Epochs(epoch_of_day, weight, table, cost, robbery, death, income, forced_table)


def _threshold(chance: NDArray[np.float64]) -> NDArray[np.uint64]:
    return np.minimum(np.round(np.clip(chance, 0.0, 1.0) * _FULL), _FULL).astype(np.uint64)


def _base(graph: Graph) -> dict[str, NDArray[np.float64]]:
    """Amounts that policies and seasons change."""
    n = len(graph.legs)
    out = {name: np.zeros(n) for name in ("cost", "robbery", "death")}
    parameters = graph.scenario.parameters
    hazard_scale, death_scale = parameters.get("hazard_scale", 1.0), parameters.get("death_scale", 1.0)
    extorted = parameters.get("extortion_loss_usd", 0.0) * hazard_scale * graph.scenario.behaviour.hazards
    for number, leg in graph.world_legs.items():
        out["cost"][number] = leg.cost_usd + leg.haz_extorted * extorted
        out["robbery"][number] = leg.haz_robbed * hazard_scale
        out["death"][number] = leg.deaths_per_100k / 1e5 * hazard_scale * death_scale
    work = np.array([p.income_usd_per_day or 0.0 for p in graph.scenario.world.places])
    out["income"] = parameters.get("work_share", 1.0) * work + _remittances(parameters)
    return out


def _remittances(parameters: Mapping[str, float]) -> float:
    """USD a day that a stranded person has from relatives, as a mean over those who receive any and those who do not."""
    received = parameters.get("remittance_usd", 0.0) * (1.0 - parameters.get("transfer_fee_share", 0.0))
    return (
        parameters.get("remittance_share", 0.0)
        * received
        / max(parameters.get("remittance_interval_days", 1.0), 1.0)
    )


def _caution(graph: Graph) -> NDArray[np.float64]:
    """Factor on the weight of each leg for families and unaccompanied children, who may mind its dangers more: [K, legs]."""
    parameters = graph.scenario.parameters
    beta = parameters.get("beta_risk", 0.0)
    more = np.array([parameters.get(f"risk_factor_{unit}", 1.0) - 1.0 for unit in graph.units])
    robbed = np.zeros(graph.n_chosen)
    for number, leg in graph.world_legs.items():
        robbed[number] = leg.haz_robbed
    return np.exp(beta * np.tile(more, len(graph.groups))[:, None] * robbed[None, :])


class _State:
    """Multipliers of one epoch, gathered effect by effect."""

    def __init__(
        self,
        graph: Graph,
        base: dict[str, NDArray[np.float64]],
        day: int,
        days: NDArray[np.datetime64],
        seasons: dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]],
    ) -> None:
        n = len(graph.legs)
        self.weight = np.ones((graph.n_kinds, graph.n_chosen))
        self.add = np.zeros((graph.n_kinds, graph.n_chosen))
        self.opened = np.ones((graph.n_kinds, graph.n_chosen))
        self.days, self.cost_factor, self.harm = np.ones(n), np.ones(n), np.ones(n)
        self.cost, self.income = np.zeros(n), np.zeros(len(graph.places))
        self.turn = np.array([leg.mode == "turn_back" for leg in graph.legs[: graph.n_chosen]])
        self.base_turn = graph.scenario.parameters.get("turn_back_weight", 0.0)
        self.weight *= _caution(graph)
        today = days[day]
        for number, leg in graph.world_legs.items():
            if leg.season:
                self.days[number] = seasons[leg.season][0][day]
                self.harm[number] = seasons[leg.season][1][day]
            early = leg.open_from is not None and today < np.datetime64(leg.open_from)
            late = leg.open_to is not None and today > np.datetime64(leg.open_to)
            if leg.closed_by_default or early or late:
                self.opened[:, number] = 0.0
        for numbers in graph.opened.values():
            self.opened[:, numbers] = 0.0

    def apply(self, effect: Effect, value: float) -> None:
        if effect.quantity == "income":
            self.income[effect.places] += value
            return
        legs, kinds = effect.legs, effect.kinds
        if effect.quantity in {"days", "cost_factor", "harm"}:
            getattr(self, effect.quantity)[legs] *= value
        elif effect.quantity == "cost":
            self.cost[legs] += value
        elif value != 1.0 or effect.quantity != "weight":
            cells = np.ix_(kinds, legs)
            if effect.quantity == "weight":
                self.weight[cells] *= value
            elif effect.quantity == "add":
                self.add[cells] += value
            else:
                self.opened[cells] = np.maximum(self.opened[cells], value)

    def weights(self) -> NDArray[np.float64]:
        """Multipliers of the choice weights, 0 = closed."""
        out = self.weight * self.opened
        out[:, self.turn] = (self.base_turn + self.add[:, self.turn]) * self.weight[:, self.turn]
        return out
