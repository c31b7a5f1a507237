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

__all__ = ["CHOICE_QUANTITIES", "Amounts", "Choices", "breaks_of", "epochs_of", "stretch_of_day"]

_FULL = 2.0**32
CHOICE_QUANTITIES = {"weight", "open", "add"}
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


def breaks_of(
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
) -> tuple[Epochs, NDArray[np.int64]]:
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
    epochs : Epochs
        Weights have a row for each sort of kinds that all effects treat alike.
    sort : int64 [K]
        Sort of each kind.
    """
    starts = breaks_of(graph, effects, forced, days)
    choices = Choices(graph, effects, starts, days)
    amounts = Amounts(graph, effects, starts, days)
    made = Epochs(
        stretch_of_day(starts, len(days)),
        choices.weights(),
        amounts.leg_tables(pool, leg_days),
        **amounts.tables(),
        forced=forced.tables(starts, graph.n_kinds),
    )
    return made, choices.row


def stretch_of_day(starts: NDArray[np.int64], n_days: int) -> NDArray[np.int32]:
    """Number of the stretch that each day (and the one after the last) lies in."""
    return np.searchsorted(starts, np.arange(n_days + 1), side="right").astype(np.int32) - np.int32(1)


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


class Choices:
    """Multipliers of choice weights in every stretch of days, effect by effect; kinds that all effects treat alike share a row.

    Parameters
    ----------
    graph : Graph
    effects : sequence of Effect
        All of a scenario, in their order.
    starts : int64 [stretches]
    days : datetime64[D] [n_days]
    columns : int64 [n], optional
        Legs to work out; all that can be chosen where not given.
    """

    def __init__(
        self,
        graph: Graph,
        effects: Sequence[Effect],
        starts: NDArray[np.int64],
        days: NDArray[np.datetime64],
        columns: NDArray[np.int64] | None = None,
    ) -> None:
        chosen = np.arange(graph.n_chosen) if columns is None else columns
        self.starts = starts
        self.place = np.full(len(graph.legs), -1, np.int64)
        self.place[chosen] = np.arange(len(chosen))
        own = [e for e in effects if e.quantity in CHOICE_QUANTITIES and (self.place[e.legs] >= 0).any()]
        caution = _caution(graph)[:, chosen]
        self.first, self.row = _alike(graph, own, caution)
        self.weight = np.tile(caution[self.first], (len(starts), 1, 1))
        self.opened = np.ones(self.weight.shape, np.float32)
        self.turn = np.flatnonzero([graph.legs[leg].mode == "turn_back" for leg in chosen.tolist()])
        self.add = np.zeros((len(starts), len(self.first), len(chosen)))
        self.base_turn = graph.scenario.parameters.get("turn_back_weight", 0.0)
        self._open(graph, days[starts])
        for effect in own:
            self._apply(effect)

    def _open(self, graph: Graph, today: NDArray[np.datetime64]) -> None:
        """Close what is closed by the world on a day, or unless a policy opens it."""
        for number, leg in graph.world_legs.items():
            column = self.place[number]
            if column < 0:
                continue
            if leg.closed_by_default:
                self.opened[:, :, column] = 0.0
            if leg.open_from is not None:
                self.opened[today < np.datetime64(leg.open_from), :, column] = 0.0
            if leg.open_to is not None:
                self.opened[today > np.datetime64(leg.open_to), :, column] = 0.0
        for numbers in graph.opened.values():
            columns = self.place[numbers]
            self.opened[:, :, columns[columns >= 0]] = 0.0

    def _apply(self, effect: Effect) -> None:
        value = effect.value[self.starts]
        legs = self.place[effect.legs]
        on = np.flatnonzero(value != (1.0 if effect.quantity == "weight" else 0.0))
        cells = np.ix_(on, np.unique(self.row[effect.kinds]), legs[legs >= 0])
        if effect.quantity == "weight":
            self.weight[cells] *= value[on, None, None]
        elif effect.quantity == "add":
            self.add[cells] += value[on, None, None]
        else:
            self.opened[cells] = np.maximum(self.opened[cells], value[on, None, None])

    def weights(self) -> NDArray[np.float32]:
        """Multipliers of the choice weights of every sort of kind, 0 = closed: float32 [stretches, sorts, columns]."""
        out = self.weight * self.opened
        turn = self.turn
        out[:, :, turn] = (self.base_turn + self.add[:, :, turn]) * self.weight[:, :, turn]
        return out.astype(np.float32)


class Amounts:
    """Travel days, costs, harm and income in every stretch of days.

    Parameters
    ----------
    graph : Graph
    effects : sequence of Effect
    starts : int64 [stretches]
    days : datetime64[D] [n_days]
    """

    def __init__(
        self, graph: Graph, effects: Sequence[Effect], starts: NDArray[np.int64], days: NDArray[np.datetime64]
    ) -> None:
        n, legs = len(starts), len(graph.legs)
        self.graph = graph
        self.days, self.cost_factor, self.harm = (np.ones((n, legs)) for _ in range(3))
        self.cost, self.income = np.zeros((n, legs)), np.zeros((n, len(graph.places)))
        seasons = _seasons(graph, days)
        for number, leg in graph.world_legs.items():
            if leg.season:
                self.days[:, number] = seasons[leg.season][0][starts]
                self.harm[:, number] = seasons[leg.season][1][starts]
        for effect in effects:
            value = effect.value[starts][:, None]
            if effect.quantity == "income":
                self.income[:, effect.places] += value
            elif effect.quantity in {"days", "cost_factor", "harm"}:
                getattr(self, effect.quantity)[:, effect.legs] *= value
            elif effect.quantity == "cost":
                self.cost[:, effect.legs] += value

    def leg_tables(self, pool: Pool, leg_days: Callable[[int], Distribution]) -> NDArray[np.int32]:
        """Travel-time distribution of each leg, numbered in the pool: int32 [stretches, L]."""
        usual = np.array([pool.add(leg_days(leg)) for leg in range(self.days.shape[1])], np.int32)
        table = np.tile(usual, (len(self.days), 1))
        steps = np.round(self.days * 20) / 20
        stretched: dict[tuple[int, float], int] = {}
        for epoch, leg in np.argwhere(self.days != 1.0).tolist():
            key = (leg, float(steps[epoch, leg]))
            if key not in stretched:
                stretched[key] = pool.add(scaled(leg_days(leg), key[1]))
            table[epoch, leg] = stretched[key]
        return table

    def tables(self) -> dict[str, NDArray[np.generic]]:
        """Costs, thresholds of robbery and death, and income."""
        base = _base(self.graph)
        harm = self.harm * self.graph.scenario.behaviour.hazards
        cost = np.round(base["cost"] * self.cost_factor + self.cost)
        return {
            "leg_cost": np.maximum(cost, 0.0).astype(np.int64),
            "leg_robbery": _threshold(base["robbery"] * harm),
            "leg_death": _threshold(base["death"] * harm),
            "income": np.round(base["income"] + self.income).astype(np.int64),
        }


def _alike(
    graph: Graph, effects: Sequence[Effect], caution: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Find the kinds that all effects on choices treat alike: a kind of each sort, and the sort of each kind."""
    own = [e for e in effects if e.quantity in CHOICE_QUANTITIES]
    marks = np.zeros((graph.n_kinds, len(own)), np.bool_)
    for i, effect in enumerate(own):
        marks[effect.kinds, i] = True
    seen: dict[bytes, int] = {}
    keys = [m.tobytes() + c.tobytes() for m, c in zip(marks, np.ascontiguousarray(caution), strict=True)]
    row = np.array([seen.setdefault(key, len(seen)) for key in keys], np.int64)
    return np.unique(row, return_index=True)[1].astype(np.int64), row
