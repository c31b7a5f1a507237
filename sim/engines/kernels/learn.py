"""What compatriots ahead went through becomes what people know (kernel)."""

from __future__ import annotations

import numpy as np

from sim.engines.kernels.address import array, number, real
from sim.engines.kernels.draws import MOVE, inner

__all__ = ["learn", "share_of_groups"]


@inner
def share_of_groups(k, of, groups):
    """First group, and the one after the last, of the `k`-th of `of` shares."""
    return groups * k // of, groups * (k + 1) // of


@inner
def learn(book, k, of, epoch, day):
    """Update the perceived risk of each leg and chance of getting through from each place, of a share of the groups.

    Every ``I.every`` days the harm per crossing and the share sent back of that interval join a queue of intervals; the one
    that is ``I.lag`` intervals old moves the group's belief by the share ``1 - exp(-crossings / I.trust)``. The chance of
    getting through is then solved backwards along the graph. Appeal of a leg:
    ``exp(risk_weight * (prior - risk) + success_weight * (chance ahead - chance here))``.
    """
    every = number(book, "knowledge.every")
    crossings = array(book, "knowledge.crossings", 3)
    risk = array(book, "knowledge.risk", 2)
    flow = array(book, "state.flow", 4)
    month_of_period = array(book, "fixed.month_of_period", 1)
    month_of_day = array(book, "fixed.month_of_day", 1)
    harmed = array(book, "knowledge.harmed", 3)
    before = array(book, "knowledge.before", 2)
    harm_before = array(book, "knowledge.harm_before", 2)
    harm = array(book, "state.harm", 3)
    n_days = number(book, "fixed.n_days")
    seen = array(book, "knowledge.seen", 3)
    sent = array(book, "knowledge.sent", 3)
    seen_before = array(book, "knowledge.seen_before", 3)
    forced_seen = array(book, "state.forced_seen", 4)
    lag = number(book, "knowledge.lag")
    trust = real(book, "knowledge.trust")
    fail = array(book, "knowledge.fail", 2)
    slot = (day // every) % crossings.shape[0]
    a, b = share_of_groups(k, of, risk.shape[0])
    total = np.empty(risk.shape)
    month, ahead = month_of_day[day], month_of_day[min(day + every, n_days)]
    for look in range(1 if ahead == month else 2):  # the second as the next news day will look
        _count_crossings(flow, month_of_period, month if look == 0 else ahead, a, b, total)
        if look == 0:
            _close_interval(crossings[slot], harmed[slot], before, harm_before, harm, a, b, total)
    for group in range(a, b):
        for leg in range(total.shape[1]):
            before[group, leg] = total[group, leg]
    _close_returns(seen[slot], sent[slot], seen_before, forced_seen, a, b)
    if day // every >= lag:
        old = (day // every - lag) % crossings.shape[0]
        _believe(risk, crossings[old], harmed[old], trust, a, b)
        _believe(fail, seen[old], sent[old], trust, a, b)
    _solve_chance(book, epoch, a, b)
    _weigh(book, a, b)


@inner
def _count_crossings(flow, month_of_period, month, first, last, total):
    """Persons of some groups by leg who arrive in the month before, this one and the next."""
    per_group = flow.shape[3] // total.shape[0]  # tally classes of a group stand together
    start, end = first * per_group, last * per_group
    row = np.empty(flow.shape[3], np.int64)
    for leg in range(total.shape[1]):
        for g in range(start, end):
            row[g] = 0
        for k in range(flow.shape[0]):
            for m in range(flow.shape[1]):
                if abs(month_of_period[m] - month) <= 1:
                    for g in range(start, end):
                        row[g] += flow[k, m, leg, g]
        for group in range(first, last):
            persons = np.int64(0)
            for g in range(group * per_group, (group + 1) * per_group):
                persons += row[g]
            total[group, leg] = persons


@inner
def _close_interval(crossings, harmed, before, harm_before, harm, first, last, total):
    for group in range(first, last):
        for leg in range(total.shape[1]):
            hurt = 0
            for k in range(harm.shape[0]):
                hurt += harm[k, group, leg]
            crossings[group, leg] = max(total[group, leg] - before[group, leg], 0.0)
            harmed[group, leg] = hurt - harm_before[group, leg]
            harm_before[group, leg] = hurt


@inner
def _close_returns(seen, sent, seen_before, forced_seen, first, last):
    for group in range(first, last):
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
def _believe(belief, cases, bad, trust, first, last):
    """Move a belief towards what an interval showed, the further the more cases there were."""
    for group in range(first, last):
        for i in range(belief.shape[1]):
            n = cases[group, i]
            if n > 0.0:
                share = min(bad[group, i] / n, 1.0)
                belief[group, i] += (1.0 - np.exp(-n / trust)) * (share - belief[group, i])


@inner
def _weigh(book, first, last):
    leg_from = array(book, "fixed.leg_from", 1)
    leg_to = array(book, "fixed.leg_to", 1)
    leg_sort = array(book, "fixed.leg_sort", 1)
    appeal = array(book, "knowledge.appeal", 2)
    chance = array(book, "knowledge.chance", 2)
    prior = array(book, "knowledge.prior", 1)
    risk = array(book, "knowledge.risk", 2)
    apart = real(book, "knowledge.chance_apart")
    risk_weight = real(book, "knowledge.risk_weight")
    success_weight = real(book, "knowledge.success_weight")
    for group in range(first, last):
        for leg in range(appeal.shape[1]):
            ahead = chance[group, leg_to[leg]] if leg_sort[leg] == MOVE else apart
            x = risk_weight * (prior[leg] - risk[group, leg]) + success_weight * (
                ahead - chance[group, leg_from[leg]]
            )
            appeal[group, leg] = np.exp(x)


@inner
def _solve_chance(book, epoch, first, last):
    """Chance of getting through from each place, as each group believes it, by sweeps against the direction of travel."""
    alternative = array(book, "fixed.alternative", 2)
    forced_index = array(book, "fixed.forced_index", 1)
    leg_sort = array(book, "fixed.leg_sort", 1)
    leg_to = array(book, "fixed.leg_to", 1)
    place_ends = array(book, "fixed.place_ends", 1)
    weight = array(book, "fixed.weight", 3)
    e_weight = array(book, "epochs.weight", 3)
    i_chance = array(book, "knowledge.chance", 2)
    i_fail = array(book, "knowledge.fail", 2)
    i_group_class = array(book, "knowledge.group_class", 1)
    i_group_row = array(book, "knowledge.group_row", 1)
    i_harm_cost = real(book, "knowledge.harm_cost")
    i_order = array(book, "knowledge.order", 1)
    i_risk = array(book, "knowledge.risk", 2)
    i_sweeps = number(book, "knowledge.sweeps")
    n_places, width = alternative.shape[0], alternative.shape[1]
    start, onward = np.empty(n_places + 1, np.int64), np.empty(n_places)
    share, target = np.empty(n_places * width), np.empty(n_places * width, np.int64)
    for group in range(first, last):
        own = i_group_class[group]
        n = 0
        for place in range(n_places):
            start[place] = n
            onward[place] = 0.0
            for j in range(width - 1):
                leg = alternative[place, j]
                if leg < 0 or leg_sort[leg] != MOVE:
                    continue
                w = weight[i_group_row[group], place, j] * e_weight[epoch, own, leg]
                if w > 0.0:
                    onward[place] += w
                    share[n] = w * (1.0 - min(i_risk[group, leg] * i_harm_cost, 1.0))
                    target[n] = leg_to[leg]
                    n += 1
        start[n_places] = n
        for _ in range(i_sweeps):
            for place in i_order:
                if place_ends[place]:
                    i_chance[group, place] = 1.0
                    continue
                top = 0.0
                for a in range(start[place], start[place + 1]):
                    top += share[a] * i_chance[group, target[a]]
                value = top / onward[place] if onward[place] > 0.0 else 0.0
                f = forced_index[place]
                if f >= 0:
                    value *= 1.0 - i_fail[group, f]
                i_chance[group, place] = value
