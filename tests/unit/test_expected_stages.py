"""Stages and spans of the expected engine: what runs beside what, and what ends it."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.engines.expected import run_expected, stages
from sim.engines.expected.memory import new_memory
from sim.engines.expected.model import model_of, tables_of
from sim.engines.expected.stages import run_through, spans_of
from sim.engines.kernels import expected_layout
from sim.errors import RunError
from sim.plan import Plan, compile_plan
from sim.spec import load_scenario
from tests.reference.worlds import Size, random_world


def plan_of(number: int) -> Plan:
    return compile_plan(load_scenario(random_world(number, Size(days=60))))


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("wrong", [0, 3])
def test_what_goes_wrong_before_a_span_is_told_and_ends_all_threads(threads: int, wrong: int) -> None:
    model = model_of(plan_of(5))
    carried, begun = model.whole, threading.active_count()
    spans = spans_of(carried.made.net.day, 0, 60)

    def before(span: int) -> None:
        if span == wrong:
            raise RunError(f"span {span}")

    memory = new_memory(model.plan, carried.made, crowds=carried.crowds)
    with pytest.raises(RunError, match=f"span {wrong}"):
        run_through(tables_of(carried, memory), spans, threads=threads, before=before)
    assert threading.active_count() == begun
    assert memory.balance[:, spans[wrong][0] :, 1].sum() == 0.0  # nothing was run that was not allowed


def test_two_threads_on_one_processor_wait_for_each_other_without_looking_about(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plan = plan_of(5)
    two = run_expected(plan, threads=2)
    monkeypatch.setattr(stages, "processors", lambda: 1)
    one = run_expected(plan, threads=2)
    assert np.array_equal(two.flows, one.flows)


@given(
    lengths=st.lists(st.integers(1, 40), min_size=1, max_size=8),
    first=st.integers(0, 30),
    days=st.integers(1, 100),
)
def test_spans_are_of_one_period_and_follow_one_another(lengths: list[int], first: int, days: int) -> None:
    day = np.zeros((sum(lengths), expected_layout.DAY), np.int64)
    day[:, expected_layout.MONTH] = np.repeat(np.arange(len(lengths)), lengths)
    last = min(first + days, len(day))
    spans = spans_of(day, first, last)
    assert [d for span in spans for d in range(*span)] == list(range(first, last))
    for begin, end in spans:
        assert end - begin <= expected_layout.SPAN
        assert len(set(day[begin:end, expected_layout.MONTH])) == 1
        follows = end == last or end - begin == expected_layout.SPAN
        assert follows or day[end, expected_layout.MONTH] != day[begin, expected_layout.MONTH]
