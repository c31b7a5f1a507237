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
    n_groups, n_legs = I.risk.shape
    slot = (day // I.every) % I.crossings.shape[0]
    total = np.zeros((n_groups, n_legs))
    for k in range(S.flow.shape[0]):
        for m in range(S.flow.shape[1]):
            if abs(P.month_of_period[m] - P.month_of_day[day]) > 1:
                continue
            for leg in range(n_legs):
                for g in range(S.flow.shape[3]):
                    total[P.tally_group[g], leg] += S.flow[k, m, leg, g]
    for group in range(n_groups):
        for leg in range(n_legs):
            harm = 0
            for k in range(S.harm.shape[0]):
                harm += S.harm[k, group, leg]
            I.crossings[slot, group, leg] = max(total[group, leg] - I.before[group, leg], 0.0)
            I.harmed[slot, group, leg] = harm - I.harm_before[group, leg]
            I.harm_before[group, leg] = harm
    later = np.zeros((n_groups, n_legs))
    for k in range(S.flow.shape[0]):
        for m in range(S.flow.shape[1]):
            if abs(P.month_of_period[m] - P.month_of_day[min(day + I.every, P.n_days)]) > 1:
                continue
            for leg in range(n_legs):
                for g in range(S.flow.shape[3]):
                    later[P.tally_group[g], leg] += S.flow[k, m, leg, g]
    I.before[:] = later
    for group in range(n_groups):
        for f in range(S.forced_seen.shape[2]):
            seen, sent = 0, 0
            for k in range(S.forced_seen.shape[0]):
                seen += S.forced_seen[k, group, f, 0]
                sent += S.forced_seen[k, group, f, 1]
            I.seen[slot, group, f] = seen - I.seen_before[group, f, 0]
            I.sent[slot, group, f] = sent - I.seen_before[group, f, 1]
            I.seen_before[group, f, 0] = seen
            I.seen_before[group, f, 1] = sent
    old = (day // I.every - I.lag) % I.crossings.shape[0]
    if day // I.every >= I.lag:
        for group in range(n_groups):
            for leg in range(n_legs):
                n = I.crossings[old, group, leg]
                if n > 0.0:
                    share = min(I.harmed[old, group, leg] / n, 1.0)
                    I.risk[group, leg] += (1.0 - np.exp(-n / I.trust)) * (share - I.risk[group, leg])
            for f in range(S.forced_seen.shape[2]):
                n = I.seen[old, group, f]
                if n > 0.0:
                    share = I.sent[old, group, f] / n
                    I.fail[group, f] += (1.0 - np.exp(-n / I.trust)) * (share - I.fail[group, f])
    _solve_chance(P, E, I, epoch)
    for group in range(n_groups):
        for leg in range(n_legs):
            here, ahead = I.chance[group, P.leg_from[leg]], I.chance[group, P.leg_to[leg]]
            if P.leg_sort[leg] != MOVE:
                ahead = I.chance_apart
            x = I.risk_weight * (I.prior[leg] - I.risk[group, leg]) + I.success_weight * (ahead - here)
            I.appeal[group, leg] = np.exp(x)


@inner
def _solve_chance(P, E, I, epoch):
    """Chance of getting through from each place, as each group believes it, by sweeps against the direction of travel."""
    for group in range(I.chance.shape[0]):
        own = I.group_class[group]
        for _ in range(I.sweeps):
            for place in I.order:
                if P.place_ends[place]:
                    I.chance[group, place] = 1.0
                    continue
                top, bottom = 0.0, 0.0
                for j in range(P.alternative.shape[1] - 1):
                    leg = P.alternative[place, j]
                    if leg < 0 or P.leg_sort[leg] != MOVE:
                        continue
                    w = P.weight[I.group_row[group], place, j] * E.weight[epoch, own, leg]
                    top += w * (1.0 - min(I.risk[group, leg] * I.harm_cost, 1.0)) * I.chance[group, P.leg_to[leg]]
                    bottom += w
                value = top / bottom if bottom > 0.0 else 0.0
                f = P.forced_index[place]
                if f >= 0:
                    value *= 1.0 - I.fail[group, f]
                I.chance[group, place] = value
