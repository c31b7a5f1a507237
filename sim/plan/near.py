"""A plan of nearly the same scenario: what other policies do not touch is taken over, the rest is worked out again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sim.plan.choice import equal_sorts
from sim.plan.epochs import CHOICE_QUANTITIES, Amounts, Choices, breaks_of, stretch_of_day
from sim.plan.layout import Epochs
from sim.plan.plan import UNITS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from sim.plan.distributions import Pool
    from sim.plan.effects import Effect
    from sim.plan.forced import Forced
    from sim.plan.graph import Graph
    from sim.plan.plan import Plan
    from sim.spec import Distribution, Policy

    type Effects = Mapping[str, tuple[Policy, tuple[Effect, ...]]]

__all__ = ["Near", "near_of"]


@dataclass(frozen=True)
class Near:
    """Another plan with the same places, legs and ways on which people are sent, and the effects that differ.

    Parameters
    ----------
    plan : Plan
        The other.
    moved : list of Effect
        Effects that only one of the two has.
    forced : bool
        Whether the same people are sent elsewhere.
    """

    plan: Plan
    moved: list[Effect]
    forced: bool

    def same(self, *quantities: str) -> bool:
        """Whether no effect on some quantities differs."""
        return not any(e.quantity in quantities for e in self.moved)

    def columns(self, graph: Graph) -> NDArray[np.int64]:
        """Legs whose choice weights may differ."""
        legs = [e.legs for e in self.moved if e.quantity in CHOICE_QUANTITIES]
        before = self.plan.parts.opened if self.plan.parts is not None else {}
        for name in graph.opened.keys() | before.keys():
            one, other = graph.opened.get(name), before.get(name)
            if one != other:
                legs += [np.array(side, np.int64) for side in (one, other) if side]
        return np.unique(np.concatenate(legs)).astype(np.int64) if legs else np.zeros(0, np.int64)

    def epochs(
        self,
        graph: Graph,
        effects: Sequence[Effect],
        forced: Forced,
        days: NDArray[np.datetime64],
        pool: Pool,
        leg_days: Callable[[int], Distribution],
    ) -> tuple[Epochs, NDArray[np.int32]]:
        """Compile the tables of every epoch.

        Returns
        -------
        epochs : Epochs
        kind_class : int32 [K]
            Class of choice of each kind.
        """
        before = self.plan.epochs
        starts = breaks_of(graph, effects, forced, days)
        then = before.epoch_of_day[starts]
        whole = np.array_equal(then, np.arange(len(before.weight)))

        def taken(table: NDArray[np.generic]) -> NDArray[np.generic]:
            return table if whole else table[then]

        weight, kind_class = self._weights(graph, effects, starts, days, None if whole else then)
        tables = {name: taken(getattr(before, name)) for name in _AMOUNTS}
        leg_table = taken(before.leg_table)
        if not self.same("days", "cost_factor", "cost", "harm", "income"):
            amounts = Amounts(graph, effects, starts, days)
            tables = amounts.tables()
            if not self.same("days"):
                leg_table = amounts.leg_tables(pool, leg_days)
        sent = taken(before.forced)
        if not self.forced and self.plan.parts is not None:
            sent = sent.copy() if whole else sent
            for row in forced.otherwise(self.plan.parts.forced):
                sent[:, :, row] = forced.row_tables(row, starts, graph.n_kinds)
        made = Epochs(stretch_of_day(starts, len(days)), weight, leg_table, **tables, forced=sent)
        return made, kind_class

    def _weights(
        self,
        graph: Graph,
        effects: Sequence[Effect],
        starts: NDArray[np.int64],
        days: NDArray[np.datetime64],
        then: NDArray[np.int32] | None,
    ) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
        """Choice weights by class, and the class of each kind: only the columns of some legs are worked out."""
        before, old = self.plan.epochs.weight, self.plan.fixed.kind_class
        columns = self.columns(graph)
        if not len(columns):
            return before if then is None else before[then], old
        choices = Choices(graph, effects, starts, days, columns)
        values = choices.weights()
        kind_class, first = self._classes(equal_sorts(values)[choices.row], columns)
        kind_class = old if np.array_equal(kind_class, old) else kind_class
        rows = old[first]
        alike = np.array_equal(rows, np.arange(before.shape[1]))
        if then is None:
            weight = before.copy() if alike else before[:, rows]
        else:
            weight = before[then] if alike else before[then[:, None], rows]
        weight[:, :, columns] = values[:, choices.row[first]]
        return weight, kind_class

    def _classes(
        self, sort: NDArray[np.int64], columns: NDArray[np.int64]
    ) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """Class of each kind, and a kind of each class: kinds of a group alike on the columns and on all others."""
        old, weight = self.plan.fixed.kind_class, self.plan.epochs.weight
        others = np.setdiff1d(np.arange(weight.shape[2]), columns)
        kind_class = np.zeros(len(old), np.int32)
        first: list[int] = []
        for kind in range(len(old)):
            for number, k in enumerate(first):
                if k // len(UNITS) == kind // len(UNITS) and sort[k] == sort[kind]:
                    a, b = int(old[k]), int(old[kind])
                    if a == b or np.array_equal(weight[:, a][:, others], weight[:, b][:, others]):
                        kind_class[kind] = number
                        break
            else:
                kind_class[kind] = len(first)
                first.append(kind)
        return kind_class, np.array(first, np.int64)


_AMOUNTS = ("leg_cost", "leg_robbery", "leg_death", "income")


def near_of(graph: Graph, forced: Forced, effects: Effects, other: Plan | None) -> Near | None:
    """Find out whether a plan on the same ground is near enough, and which effects differ.

    Parameters
    ----------
    graph : Graph
        Of the scenario to compile, with the legs on which people are sent.
    forced : Forced
    effects : mapping
        By policy.
    other : Plan, optional

    Returns
    -------
    Near or None
        None where legs, or the ways on which people are sent, are others, or policies come in another order.
    """
    if other is None or other.parts is None or other.legs != tuple(graph.legs):
        return None
    then, before = other.parts.forced, other.parts.effects
    if forced is not then and not (
        np.array_equal(forced.index, then.index)
        and np.array_equal(forced.leg, then.leg)
        and forced.ends == then.ends
        and forced.days == then.days
    ):
        return None
    if [n for n in effects if n in before] != [n for n in before if n in effects]:
        return None
    moved: list[Effect] = []
    for name in effects.keys() | before.keys():
        one, two = effects.get(name), before.get(name)
        if one is None or two is None or one[1] is not two[1]:
            moved += [*(one[1] if one else ()), *(two[1] if two else ())]
    return Near(other, moved, forced is then)
