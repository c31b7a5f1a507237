"""Words that lie ready for a move: ways out of a place, a draw beside eight thresholds, visits and laps."""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np

from sim.engines.agents import AgentsRun
from sim.engines.agents.state import new_state
from sim.engines.kernels.address import pointer, reached_of_eight, shift
from sim.engines.kernels.draws import GOLD, mix, visit
from sim.engines.kernels.record import first_threshold
from sim.plan import compile_plan
from sim.spec import load_scenario

U64 = np.uint64
_eight: Any = reached_of_eight
_shift: Any = shift
_pointer: Any = pointer
_reached: Any = nb.njit(lambda row, start, value: _eight(_shift(_pointer(row), start), value))
_visit: Any = nb.njit(lambda key, slot, w0, w1, lap: visit(key, slot, w0, w1, lap))  # noqa: PLW0108
_mixed: Any = nb.njit(lambda x: mix(x))  # noqa: PLW0108 - what is woven in is no function that can be compiled alone
_threshold: Any = nb.njit(lambda word, row: first_threshold(word, row))  # noqa: PLW0108


def test_the_ways_out_of_a_place_are_its_alternatives_and_none() -> None:
    plan = compile_plan(load_scenario("history/baseline"), scale=0.001)
    state, fixed = new_state(plan, 1), plan.fixed
    for place, n in enumerate(fixed.alternatives):
        word = int(state.place_word[4 * place + 3])
        first = word >> 16 & 0x3FFFFF
        assert word & 0xFFF == n
        assert state.way_leg[first : first + n + 1].tolist() == [*fixed.alternative[place, :n].tolist(), -1]
    legs = np.arange(len(fixed.leg_to))
    assert np.array_equal(state.way_leg[state.leg_way[legs]], legs)
    listed = fixed.alternative[fixed.alternative >= 0]
    assert len(listed) < len(legs), "no leg is left that nobody chooses"


def test_a_draw_reaches_as_many_of_eight_thresholds_as_a_count_finds() -> None:
    rng = np.random.default_rng(5)
    edges = np.array([0, 1, 2**31 - 1, 2**31, 2**31 + 1, 2**32 - 2, 2**32 - 1], np.uint32)
    for _ in range(200):
        row = np.where(rng.random(16) < 0.4, rng.choice(edges, 16), rng.integers(0, 2**32, 16)).astype(
            np.uint32
        )
        value = rng.choice(np.concatenate([edges, row]))
        for start in (0, 3, 8):  # not only where a cache line begins
            assert _reached(row, start, value) == int((value >= row[start : start + 8]).sum())


def test_visits_are_counted_to_four_and_then_by_laps() -> None:
    key, w0, w1, lap, drawn = U64(77), U64(123456789), U64(0b11_10_01 << 40), U64(0), set()
    for _ in range(300):
        for slot in (0, 44, 62):
            seen = (int(w1) >> slot) & 3
            expected = _mixed(U64((int(w0) + int(key) + (seen + (int(lap) << 2)) * int(GOLD)) % 2**64))
            others = int(w1) & ~(3 << slot)
            before = int(lap)
            w1, lap, h = (U64(x) for x in _visit(key, U64(slot), w0, w1, lap))
            assert int(h) == int(U64(expected))
            assert int(w1) == others | (((seen + 1) % 4) << slot)
            assert int(lap) == (before + (seen == 3)) % 64
            drawn.add(int(h))
    assert len(drawn) == 256, "a lap of sixty-four has four draws each"


def test_thresholds_of_a_place_lie_together_and_without_gaps() -> None:
    plan = compile_plan(load_scenario("history/baseline"), scale=0.001)
    state, fixed = new_state(plan, 1), plan.fixed
    rows, taken = fixed.weight.shape[0], np.zeros(len(state.threshold), int)
    for place, n in enumerate(fixed.alternatives):
        word = U64(state.place_word[4 * place + 3])
        for row in (0, 1, rows - 1):
            taken[_threshold(word, row) + np.arange(n)] += 1
        assert _threshold(word, rows - 1) - _threshold(word, 0) >= (rows - 1) * n
    assert taken.max() == 1, "two classes of people share thresholds"
    assert fixed.alternatives.max() > 8, "no place has more than one row of eight"
    assert len(state.threshold) < fixed.weight.size / 3


def test_a_kind_and_its_only_member_have_one_word_for_both() -> None:
    plan = compile_plan(load_scenario("history/baseline"), scale=0.001)
    state, fixed = new_state(plan, 1), plan.fixed
    classes = plan.departures.tally_class
    members = 2 * classes.shape[2]
    for kind, group in enumerate(fixed.kind_group):
        first = int(fixed.kind_class[kind]) * 2 * (len(fixed.means_edge) + 1)
        for member in range(16):
            word = int(state.kind_word[16 * kind + member])
            sex, age = divmod(member - 1, classes.shape[2])
            known = 1 <= member <= members
            assert word & 0xFFFFFFFF == (classes[group, sex, age] if known else 0)
            assert word >> 32 == first


def test_a_way_knows_the_bucket_where_it_leads() -> None:
    run = AgentsRun(compile_plan(load_scenario("history/baseline"), scale=0.001))
    run.advance(1)
    fixed, state, led = run.plan.fixed, run.state, 0
    for way, leg in enumerate(state.way_leg):
        to = int(fixed.leg_to[leg]) if leg >= 0 else -1
        words = state.way_word[8 * way : 8 * way + 8]
        assert int(words[6]) >> 32 == (int(state.bucket[to]) if to >= 0 else 0)
        assert int(words[6]) & 0xFFFFFFFF <= 0x8000
        if to >= 0:
            assert int(words[7]) == int(state.place_word[4 * to])
            led += 1
    run.close()
    assert led > 100
    assert state.bucket.max() > 0, "one zone, whose first bucket is nought"
