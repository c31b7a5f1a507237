"""Choices: the tables of today enter, the way a person takes out of a place leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.engines.reference.draws import certain

if TYPE_CHECKING:
    from sim.plan import Plan

__all__ = ["Choices"]

_CERTAIN = 2**32 - 1
_BELOW = 2.0**32 - 2.0


class Choices:
    """The share of every way out of every place, under the policies in force and with what is known today.

    The weight of an alternative is its base weight (attraction, cost relative to means, days, harm) times the
    policies' factor times its appeal to the group; its share is its weight over the sum.

    Parameters
    ----------
    plan : Plan
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.edges: list[int] = plan.fixed.means_edge.tolist()
        self.alternatives: list[list[int]] = plan.fixed.alternative[:, :-1].tolist()
        self.kind_class: list[int] = plan.fixed.kind_class.tolist()
        self.factor: list[list[float]] = []
        self.appeal: list[list[float]] | None = None
        self._shares: dict[tuple[int, int], list[int]] = {}

    def renew(self, epoch: int, appeal: list[list[float]] | None) -> None:
        """Take the policies of an epoch, and the appeal of each leg to each group, into force."""
        self.factor = self.plan.epochs.weight[epoch].tolist()
        self.appeal = appeal
        self._shares = {}

    def is_open(self, kind: int, leg: int) -> bool:
        """Whether people of a kind may start a leg today."""
        return self.factor[self.kind_class[kind]][leg] > 0.0

    def pick(self, kind: int, south: bool, means: int, place: int, draw: int) -> int | None:
        """The leg that a draw of 32 bits chooses; None where every way is closed."""
        wealth = sum(means >= edge for edge in self.edges)
        row = (self.kind_class[kind] * 2 + south) * (len(self.edges) + 1) + wealth
        shares = self._shares.get((row, place))
        if shares is None:
            shares = self._shares[row, place] = self._cumulated(kind, row, place)
        if not shares:
            return None
        chosen = sum(certain(draw) >= share for share in shares)
        return self.alternatives[place][chosen]

    def _cumulated(self, kind: int, row: int, place: int) -> list[int]:
        """Cumulated shares of the ways out on the scale of 32 bits; empty where none has any weight."""
        group = int(self.plan.fixed.kind_group[kind])
        factor = self.factor[self.kind_class[kind]]
        weights, bases = [], self.plan.fixed.weight[row, place].tolist()
        for base, leg in zip(bases, self.alternatives[place], strict=True):
            known = 1.0 if self.appeal is None or leg < 0 else self.appeal[group][leg]
            weights.append(base * (factor[leg] * known) if leg >= 0 else 0.0)
        total = 0.0
        for weight in weights:
            total += weight
        if total <= 0.0:
            return []
        last = max(j for j, weight in enumerate(weights) if weight > 0.0)
        running, shares = 0.0, []
        for weight in weights[: last + 1]:
            running += weight
            shares.append(int(min(running / total * 2.0**32, _BELOW)))
        shares[last] = _CERTAIN
        return shares
