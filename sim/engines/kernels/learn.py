"""What compatriots ahead went through becomes what people know (kernel)."""

from __future__ import annotations

import numpy as np

from sim.engines.kernels.draws import MOVE, inner

__all__ = ["learn"]


@inner
def learn(P, E, I, S, epoch, day):
    """Update each group's perceived risk of each leg and chance of getting through from each place.

    Every ``I.every`` days the harm per crossing and the share sent back of that interval join a queue of intervals; the one
    that is ``I.lag`` intervals old moves the group's belief by the share ``1 - exp(-crossings / I.trust)``. The chance of
    getting through is then solved backwards along the graph. Appeal of a leg:
    ``exp(risk_weight * (prior - risk) + success_weight * (chance ahead - chance here))``.
    """
    slot = (day // I.every) % I.crossings.shape[0]
    total = np.zeros(I.risk.shape)
    _count_crossings(S.flow, P.month_of_period, P.tally_group, P.month_of_day[day], total)
    _close_interval(I.crossings[slot], I.harmed[slot], I.before, I.harm_before, S.harm, total)
    I.before[:] = 0.0
    ahead = P.month_of_day[min(day + I.every, P.n_days)]
    _count_crossings(S.flow, P.month_of_period, P.tally_group, ahead, I.before)
    _close_returns(I.seen[slot], I.sent[slot], I.seen_before, S.forced_seen)
    if day // I.every >= I.lag:
        old = (day // I.every - I.lag) % I.crossings.shape[0]
        _believe(I.risk, I.crossings[old], I.harmed[old], I.trust)
        _believe(I.fail, I.seen[old], I.sent[old], I.trust)
    _solve_chance(P, E, I, epoch)
    _weigh(I, P.leg_from, P.leg_to, P.leg_sort)


@inner
def _count_crossings(flow, month_of_period, tally_group, month, total):
    """Persons by group and leg who arrive in the month before, this one and the next."""
    for k in range(flow.shape[0]):
        for m in range(flow.shape[1]):
            if abs(month_of_period[m] - month) <= 1:
                for leg in range(total.shape[1]):
                    for g in range(flow.shape[3]):
                        total[tally_group[g], leg] += flow[k, m, leg, g]


@inner
def _close_interval(crossings, harmed, before, harm_before, harm, total):
    for group in range(total.shape[0]):
        for leg in range(total.shape[1]):
            hurt = 0
            for k in range(harm.shape[0]):
                hurt += harm[k, group, leg]
            crossings[group, leg] = max(total[group, leg] - before[group, leg], 0.0)
            harmed[group, leg] = hurt - harm_before[group, leg]
            harm_before[group, leg] = hurt


@inner
def _close_returns(seen, sent, seen_before, forced_seen):
    for group in range(seen.shape[0]):
        for f in range(seen.shape[1]):
            came, back = 0, 0
            for k in range(forced_seen.shape[0]):
                came += forced_seen[k, group, f, 0]
                back += forced_seen[k, group, f, 1]
            seen[group, f] = came - seen_before[group, f, 0]
            sent[group, f] = back - seen_before[group, f, 1]
            seen_before[group, f, 0] = came
            seen_before[group, f, 1] = back


@inner
def _believe(belief, cases, bad, trust):
    """Move a belief towards what an interval showed, the further the more cases there were."""
    for group in range(belief.shape[0]):
        for i in range(belief.shape[1]):
            n = cases[group, i]
            if n > 0.0:
                share = min(bad[group, i] / n, 1.0)
                belief[group, i] += (1.0 - np.exp(-n / trust)) * (share - belief[group, i])


@inner
def _weigh(I, leg_from, leg_to, leg_sort):
    appeal, chance, prior, risk = I.appeal, I.chance, I.prior, I.risk
    apart, risk_weight, success_weight = I.chance_apart, I.risk_weight, I.success_weight
    for group in range(appeal.shape[0]):
        for leg in range(appeal.shape[1]):
            ahead = chance[group, leg_to[leg]] if leg_sort[leg] == MOVE else apart
            x = risk_weight * (prior[leg] - risk[group, leg]) + success_weight * (
                ahead - chance[group, leg_from[leg]]
            )
            appeal[group, leg] = np.exp(x)


@inner
def _solve_chance(P, E, I, epoch):
    """Chance of getting through from each place, as each group believes it, by sweeps against the direction of travel."""
    alternative = P.alternative
    forced_index = P.forced_index
    leg_sort = P.leg_sort
    leg_to = P.leg_to
    place_ends = P.place_ends
    weight = P.weight
    e_weight = E.weight
    i_chance = I.chance
    i_fail = I.fail
    i_group_class = I.group_class
    i_group_row = I.group_row
    i_harm_cost = I.harm_cost
    i_order = I.order
    i_risk = I.risk
    i_sweeps = I.sweeps
    for group in range(i_chance.shape[0]):
        own = i_group_class[group]
        for _ in range(i_sweeps):
            for place in i_order:
                if place_ends[place]:
                    i_chance[group, place] = 1.0
                    continue
                top, bottom = 0.0, 0.0
                for j in range(alternative.shape[1] - 1):
                    leg = alternative[place, j]
                    if leg < 0 or leg_sort[leg] != MOVE:
                        continue
                    w = weight[i_group_row[group], place, j] * e_weight[epoch, own, leg]
                    top += (
                        w * (1.0 - min(i_risk[group, leg] * i_harm_cost, 1.0)) * i_chance[group, leg_to[leg]]
                    )
                    bottom += w
                value = top / bottom if bottom > 0.0 else 0.0
                f = forced_index[place]
                if f >= 0:
                    value *= 1.0 - i_fail[group, f]
                i_chance[group, place] = value
