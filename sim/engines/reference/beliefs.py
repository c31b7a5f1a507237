"""Beliefs: what happened to compatriots ahead enters, the appeal of every leg to every group leaves."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sim.plan import Plan

__all__ = ["Beliefs"]

MOVE = 0


@dataclass
class Interval:
    """What happened between two days on which news is told.

    Parameters
    ----------
    started : counter of (group, leg, month of arrival)
        Crossings begun that end alive within the run.
    harmed : counter of (group, leg)
        Robberies and deaths.
    seen, sent : counter of (group, forced place)
        Arrivals where people may be sent elsewhere, and those who were.
    """

    started: Counter[tuple[int, int, int]] = field(default_factory=Counter)
    harmed: Counter[tuple[int, int]] = field(default_factory=Counter)
    seen: Counter[tuple[int, int]] = field(default_factory=Counter)
    sent: Counter[tuple[int, int]] = field(default_factory=Counter)


class Beliefs:
    """What each group believes about the risk of each leg and the chance of getting through from each place.

    Parameters
    ----------
    plan : Plan
    """

    def __init__(self, plan: Plan) -> None:
        know, fixed = plan.knowledge, plan.fixed
        self.plan, self.know = plan, know
        self.on = bool(know.on)
        self.groups = range(len(plan.groups))
        self.n_legs = len(know.prior)  # people hold no beliefs about legs that they are only sent along
        self.risk: list[list[float]] = know.risk.tolist()
        self.fail: list[list[float]] = know.fail.tolist()
        self.chance: list[list[float]] = know.chance.tolist()
        self.appeal: list[list[float]] = know.appeal.tolist()
        self.prior: list[float] = know.prior.tolist()
        self.ahead: list[int] = fixed.leg_to.tolist()
        self.behind: list[int] = fixed.leg_from.tolist()
        self.sort: list[int] = fixed.leg_sort.tolist()
        self.now = Interval()
        self.past: list[Interval] = []

    def tells_news(self, day: int) -> bool:
        """Whether beliefs change on a day."""
        return self.on and day > 0 and day % self.know.every == 0

    def learn(self, epoch: int, day: int) -> None:
        """Close today's interval; let the one that lies the lag behind move beliefs; weigh the legs anew.

        A belief moves by the share ``1 - exp(-n / trust)`` towards what `n` crossings showed.
        """
        self.past.append(self.now)
        self.now = Interval()
        if len(self.past) > self.know.lag:
            told = day - self.know.lag * self.know.every
            self._believe(self.past[-1 - self.know.lag], int(self.plan.fixed.month_of_day[told]))
        for group in self.groups:
            kind = int(self.know.group_class[group])
            self._spread_back(group, self.plan.epochs.weight[epoch][kind].tolist())
            for leg in range(self.n_legs):
                self.appeal[group][leg] = self._appeal(group, leg)

    def _believe(self, news: Interval, month: int) -> None:
        crossings: Counter[tuple[int, int]] = Counter()
        for (group, leg, arrival), n in news.started.items():
            if abs(arrival - month) <= 1 and leg < self.n_legs:
                crossings[group, leg] += n
        for (group, leg), n in crossings.items():
            share = min(news.harmed[group, leg] / n, 1.0)
            self.risk[group][leg] += self._trust(n) * (share - self.risk[group][leg])
        for (group, place), n in news.seen.items():
            share = news.sent[group, place] / n
            self.fail[group][place] += self._trust(n) * (share - self.fail[group][place])

    def _trust(self, crossings: int) -> float:
        return 1.0 - math.exp(-float(crossings) / self.know.trust)

    def _spread_back(self, group: int, factor: list[float]) -> None:
        """Chance of getting through from each place: as ahead, less harm and being sent back."""
        fixed, know, chance = self.plan.fixed, self.know, self.chance[group]
        base = fixed.weight[int(know.group_row[group])]
        for place in know.order.tolist() * know.sweeps:
            if fixed.place_ends[place]:
                chance[place] = 1.0
                continue
            through, total = 0.0, 0.0
            for weight, leg in zip(base[place].tolist(), fixed.alternative[place].tolist(), strict=False):
                if leg < 0 or self.sort[leg] != MOVE:
                    continue
                w = weight * factor[leg]
                unharmed = 1.0 - min(self.risk[group][leg] * know.harm_cost, 1.0)
                through += w * unharmed * chance[self.ahead[leg]]
                total += w
            chance[place] = through / total if total > 0.0 else 0.0
            forced = int(fixed.forced_index[place])
            if forced >= 0:
                chance[place] *= 1.0 - self.fail[group][forced]

    def _appeal(self, group: int, leg: int) -> float:
        know, chance = self.know, self.chance[group]
        ahead = chance[self.ahead[leg]] if self.sort[leg] == MOVE else know.chance_apart
        less_risk = know.risk_weight * (self.prior[leg] - self.risk[group][leg])
        return math.exp(less_risk + know.success_weight * (ahead - chance[self.behind[leg]]))
