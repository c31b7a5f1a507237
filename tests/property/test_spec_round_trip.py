"""Any valid scenario survives being written and read."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from sim.spec import load_scenario
from sim.spec.reading import read_yaml
from tests.unit.spec_worlds import two_roads

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


@st.composite
def scenarios(draw: st.DrawFn) -> dict[str, Any]:
    content = two_roads()
    content["title"] = {"en": draw(text), "es": draw(text)}
    content["world"]["places"][0]["name"] = draw(text)
    content["world"]["legs"][0]["weight"] = draw(st.floats(1e-9, 1e9))
    content["world"]["legs"][1]["cost_usd"] = draw(st.floats(0, 1e6))
    content["departures"][0]["per_day"] = draw(st.floats(1e-6, 1e6))
    content["policies"][0] |= {
        "size": draw(st.floats(0, 1)),
        "phase_in_days": draw(st.integers(0, 30)),
        "note": draw(text),
        "anticipation_days": draw(st.integers(0, 30)),
    }
    return content


@settings(max_examples=40)
@given(scenarios())
def test_written_and_read_is_equal(content: dict[str, Any]) -> None:
    scenario = load_scenario(content)
    again = load_scenario(dict(read_yaml(scenario.to_yaml(), "copy.yaml")))
    assert again == scenario
    assert again.hash() == scenario.hash()
