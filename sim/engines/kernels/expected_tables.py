"""Who takes which way, stretch by stretch of days on which nothing changes (kernels).

Classes of choice, and groups, lie side by side in rows of whole chunks of eight, so that all are worked out at once. Only places at
which something changed are worked out again; the others keep their block of shares.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim.engines.kernels.expected_layout import (
    ACC,
    AWAY,
    CHOICE,
    COUNT,
    EDGE,
    FROM,
    LAYOUT,
    LO,
    NODE,
    R_OPEN,
    ROW,
    SENT,
    SOUTH,
)  # fmt: skip
from sim.engines.kernels.expected_rows import (
    CHUNK,
    add_product,
    add_rows,
    blend,
    clear,
    inner,
    jit,
    part_of,
    part_over,
    pointer,
    shift,
)

__all__ = ["Beliefs", "Ground", "tabulate"]

FULL = 4294967296.0
NOTICED = 0.02
"""Change of the logarithm of an appeal below which tables are left as they are."""
Array = NDArray[Any]


class Ground(NamedTuple):
    """What choices are worked out from (C classes of choice, padded; G groups, padded; U legs that can be chosen)."""

    on: int  # 1 = people know what is true today
    sweeps: int
    risk_weight: float
    success_weight: float
    harm_cost: float
    apart: float
    alternative: Array  # int64 [P, W], -1 none
    leg_from: Array  # int64 [L]
    leg_to: Array  # int64 [L]
    leg_sort: Array  # int64 [L]
    place_ends: Array  # int64 [P]
    forced_index: Array  # int64 [P]
    weight: Array  # float64 [P, 2, M, W, C], base weights
    quota: Array  # float64 [M, C], share of a class's people in each class of means
    class_group: Array  # int64 [classes]
    group_class: Array  # int64 [groups]
    guess: (
        Array  # float64 [P, W, G], base weights as people see them who ask for the chance of getting through
    )
    order: Array  # int64 [P]
    prior: Array  # float64 [U]
    unit_share: Array  # float64 [K]
    kind_group: Array  # int64 [K]
    place_start: Array  # int64 [P + 1]
    place_node: Array  # int64
    way: Array  # int64 [N, W, 3], offset in the node's block, first class and classes of each alternative; offset -1 none
    block_size: Array  # int64 [N, 2]
    lane_start: Array  # int64 [layouts, classes of people + 1]
    lane_alone: Array  # int64 [layouts], 1 = every class of people lies in one class of choice
    lane_class: Array  # int64
    lane_share: Array  # float64
    kind_start: Array  # int64 [layouts, K + 1]
    kind_lane: Array  # int64
    kind_share: Array  # float64
    sent: Array  # int64 [N, J, K], edge of those sent away, -1 none
    leaves: Array  # int64, rows of the nodes, 1 for classes that choose a way there


class Beliefs(NamedTuple):
    """What carries over from one stretch to the next, and scratch."""

    chance: Array  # float64 [P, G]
    held: Array  # float64 [U, G], logarithm of the appeal of each leg as last noticed
    appeal: Array  # float64 [U, G]
    policy: Array  # float64 [U, G]
    factor: Array  # float64 [U, C]
    fail: Array  # float64 [F, G], share that is not sent back
    risk: Array  # float64 [U]
    pull: Array  # float64 [W, G]
    sums: Array  # float64 [2, G]
    share: Array  # float64 [2, W, C]
    part: Array  # float64 [W + 1, C]
    stirred: Array  # uint8 [U], legs that changed
    closes: Array  # uint8 [N], nodes at which every way was closed to someone


@inner
def harms(G, S, robbery, death, forced, epoch):
    """Harm of each leg, and share that gets through each place at which people are sent back, as they are today."""
    for leg in range(G.prior.shape[0]):
        harm = (np.float64(robbery[epoch, leg]) + np.float64(death[epoch, leg])) / FULL
        S.risk[leg] = harm if G.leg_sort[leg] == 0 and harm > 0.0 else G.prior[leg]
    for f in range(S.fail.shape[0]):
        for g in range(S.fail.shape[1]):
            S.fail[f, g] = 1.0
        for k in range(forced.shape[1]):
            back = np.float64(forced[epoch, k, f, forced.shape[3] - 1])
            S.fail[f, G.kind_group[k]] -= G.unit_share[k] * back / FULL


@inner
def get_through(G, S):
    """Solve the chance of getting through from each place backwards along the graph, from what it was before."""
    n = S.chance.shape[1] // CHUNK
    wide, width = n * CHUNK, G.alternative.shape[1]
    chance, guess, policy, fail = pointer(S.chance), pointer(G.guess), pointer(S.policy), pointer(S.fail)
    top, pull = pointer(S.sums), pointer(S.pull)
    bottom = shift(top, wide)
    for i in range(G.order.shape[0]):
        place = G.order[i]
        here = shift(chance, place * wide)
        if G.place_ends[place]:
            for g in range(wide):
                here[g] = 1.0
            continue
        clear(top, n)
        clear(bottom, n)
        for j in range(width):
            leg = G.alternative[place, j]
            if leg < 0 or G.leg_sort[leg] != 0:
                continue
            own = shift(pull, j * wide)
            part_of(own, shift(guess, (place * width + j) * wide), shift(policy, leg * wide), n)
            add_rows(bottom, own, n)
            kept = 1.0 - min(S.risk[leg] * G.harm_cost, 1.0)
            add_product(top, kept, own, shift(chance, G.leg_to[leg] * wide), n)
        part_over(here, top, bottom, n)
        if G.forced_index[place] >= 0:
            part_of(here, here, shift(fail, G.forced_index[place] * wide), n)


@inner
def notice(G, S):
    """What changed enough to be noticed is believed from now on."""
    wide, groups = S.chance.shape[1], G.group_class.shape[0]
    chance, held, appeal = pointer(S.chance), pointer(S.held), pointer(S.appeal)
    for leg in range(G.prior.shape[0]):
        base = G.risk_weight * (G.prior[leg] - S.risk[leg])
        moves = G.leg_sort[leg] == 0
        here, there = shift(chance, G.leg_from[leg] * wide), shift(chance, G.leg_to[leg] * wide)
        before = shift(held, leg * wide)
        found = 0
        for g in range(groups):
            ahead = there[g] if moves else G.apart
            found |= abs(base + G.success_weight * (ahead - here[g]) - before[g]) > NOTICED
        if not found:
            continue
        S.stirred[leg] = 1
        for g in range(groups):
            x = base + G.success_weight * ((there[g] if moves else G.apart) - here[g])
            if abs(x - before[g]) > NOTICED:
                before[g] = x
                appeal[leg * wide + g] = np.exp(x)


@inner
def stir(G, S, weight, epoch, anew):
    """Mark the legs whose weight policies changed; returns whether there are any."""
    found = 0
    classes, legs = weight.shape[1], G.prior.shape[0]
    stirred, now = pointer(S.stirred), shift(pointer(weight), epoch * weight.shape[1] * weight.shape[2])
    for leg in range(legs):
        stirred[leg] = 1 if anew else 0
    if not anew:
        before = shift(now, -weight.shape[1] * weight.shape[2])
        for c in range(classes):
            o = c * weight.shape[2]
            for leg in range(legs):
                stirred[leg] |= now[o + leg] != before[o + leg]
        for leg in range(legs):
            found |= stirred[leg]
    if anew or found:
        for leg in range(G.prior.shape[0]):
            if S.stirred[leg]:
                for g in range(G.group_class.shape[0]):
                    S.policy[leg, g] = weight[epoch, G.group_class[g], leg]


@inner
def weigh(G, S, weight, epoch):
    """What policies, and what people know, multiply the weight of each leg that changed by."""
    for leg in range(G.prior.shape[0]):
        if S.stirred[leg]:
            for c in range(weight.shape[1]):
                S.factor[leg, c] = np.float64(weight[epoch, c, leg]) * S.appeal[leg, G.class_group[c]]


@inner
def choose(G, S, place, heading):
    """Shares of the ways out of a place with one heading, averaged over the classes of means at departure."""
    n = S.factor.shape[1] // CHUNK
    wide, width, means = n * CHUNK, G.alternative.shape[1], G.quota.shape[0]
    weight = shift(pointer(G.weight), (place * 2 + heading) * means * width * wide)
    share = shift(pointer(S.share), heading * width * wide)
    part, factor, quota = pointer(S.part), pointer(S.factor), pointer(G.quota)
    bottom = shift(part, width * wide)
    for j in range(width):
        clear(shift(share, j * wide), n)
    for m in range(means):
        clear(bottom, n)
        for j in range(width):
            leg = G.alternative[place, j]
            if leg >= 0:
                own = shift(part, j * wide)
                part_of(own, shift(weight, (m * width + j) * wide), shift(factor, leg * wide), n)
                add_rows(bottom, own, n)
        part_over(bottom, shift(quota, m * wide), bottom, n)
        for j in range(width):
            if G.alternative[place, j] >= 0:
                blend(shift(share, j * wide), bottom, shift(part, j * wide), n)


@inner
def fill_choice(G, S, node, i, at):
    """Write the block of shares of a node's choice."""
    me = shift(node, i * NODE)
    heading, layout, lo = me[SOUTH], me[LAYOUT], me[LO]
    clear(at, G.block_size[i, CHOICE] // CHUNK)
    opened = shift(at, me[R_OPEN])
    width, wide = S.share.shape[1], S.share.shape[2]
    lane_class, lane_share = pointer(G.lane_class), pointer(G.lane_share)
    for j in range(G.alternative.shape[1]):
        if G.way[i, j, 0] < 0:
            continue
        row, first = shift(at, G.way[i, j, 0]), G.way[i, j, 1]
        if G.lane_alone[layout]:  # every class of people lies in one class of choice
            share, begin = (
                shift(pointer(S.share), (heading * width + j) * wide),
                G.lane_start[layout, 0] + first,
            )
            for v in range(G.way[i, j, 2]):
                x = lane_share[begin + v] * share[lane_class[begin + v]]
                row[v] = x
                opened[first + v - lo] = 1.0 if x > 0.0 else opened[first + v - lo]
            continue
        for v in range(G.way[i, j, 2]):
            x = 0.0
            for s in range(G.lane_start[layout, first + v], G.lane_start[layout, first + v + 1]):
                x += G.lane_share[s] * S.share[heading, j, G.lane_class[s]]
            row[v] = x
            if x > 0.0:
                opened[first + v - lo] = 1.0
    for v in range(me[COUNT]):
        if opened[v] == 0.0 and G.leaves[me[ACC] + v]:
            S.closes[i] = 1


@inner
def fill_sent(G, node, edge, forced, f, epoch, i, at):
    """Write the block of shares of those sent away on arrival at a node: who stays, then who is sent along each way."""
    me = shift(node, i * NODE)
    lo, count, layout = me[LO], me[COUNT], me[LAYOUT]
    clear(at, G.block_size[i, AWAY] // CHUNK)
    for v in range(count):
        at[v] = 1.0
    for k in range(forced.shape[1]):
        before = 0.0
        for j in range(forced.shape[3]):
            upto = np.float64(forced[epoch, k, f, j])
            if upto >= FULL - 1.0:
                upto = FULL
            share = (upto - before) / FULL
            before = upto
            e = G.sent[i, j, k]
            if e < 0 or share == 0.0:
                continue
            row, begin = shift(at, edge[e * EDGE + ROW]), lo + edge[e * EDGE + FROM]
            for s in range(G.kind_start[layout, k], G.kind_start[layout, k + 1]):
                v = G.kind_lane[s]
                if lo <= v < lo + count:
                    row[v - begin] += G.kind_share[s] * share
                    at[v - lo] -= G.kind_share[s] * share


@inner
def sends_otherwise(forced, f, epoch):
    """Whether other shares are sent away from a place than in the stretch before."""
    for k in range(forced.shape[1]):
        for j in range(forced.shape[3]):
            if forced[epoch, k, f, j] != forced[epoch - 1, k, f, j]:
                return True
    return False


@jit
def tabulate(G, S, node_table, edge_table, weight, robbery, death, forced, first, last, block, rows, used):
    """Work out who takes which way in the stretches from `first` to before `last`.

    Parameters
    ----------
    G : Ground
    S : Beliefs
        Carried on.
    node_table, edge_table : int64
        Of the net.
    weight, robbery, death, forced : arrays
        Of the plan's epochs.
    first, last : int
    block : int64 [epochs, N, 2]
        Overwritten from `first` on: offsets of blocks in `rows`.
    rows : float64
        Written from `used` on.
    used : int

    Returns
    -------
    int
        Numbers used of `rows`.
    """
    node, edge, row = pointer(node_table), pointer(edge_table), pointer(rows)
    for epoch in range(first, last):
        anew = epoch == first
        stir(G, S, weight, epoch, anew)
        if G.on:
            harms(G, S, robbery, death, forced, epoch)
            for _ in range(G.sweeps):
                get_through(G, S)
            notice(G, S)
        weigh(G, S, weight, epoch)
        for place in range(G.alternative.shape[0]):
            if G.place_start[place] == G.place_start[place + 1]:
                continue
            changed = anew
            for j in range(G.alternative.shape[1]):
                leg = G.alternative[place, j]
                changed = changed or (leg >= 0 and S.stirred[leg] == 1)
            f = G.forced_index[place]
            others = f >= 0 and (anew or sends_otherwise(forced, f, epoch))
            solved = -1
            for s in range(G.place_start[place], G.place_start[place + 1]):
                i = G.place_node[s]
                me = shift(node, i * NODE)
                if changed:
                    if solved != me[SOUTH]:
                        solved = me[SOUTH]
                        choose(G, S, place, solved)
                    fill_choice(G, S, node, i, shift(row, used))
                    block[epoch, i, CHOICE] = used
                    used += G.block_size[i, CHOICE]
                else:
                    block[epoch, i, CHOICE] = block[epoch - 1, i, CHOICE]
                if me[SENT] and others:
                    fill_sent(G, node, edge, forced, f, epoch, i, shift(row, used))
                    block[epoch, i, AWAY] = used
                    used += G.block_size[i, AWAY]
                elif me[SENT]:
                    block[epoch, i, AWAY] = block[epoch - 1, i, AWAY]
    return used
