"""Lines of the expected engine: whoever left a line when its leg closed is not kept among those who still wait."""

from __future__ import annotations

from sim.engines.expected.model import model_of
from sim.plan import compile_plan
from sim.spec import load_scenario
from tests.theory.tiny import at, departs, leg, place

PATIENCE, CLOSED, DAYS = 20, 12, 30


def test_nobody_is_kept_of_a_line_whose_leg_closed() -> None:
    appointment = {"id": "lot", "instrument": "appointment", "places": ["B"], "to": "C", "per_day": 1}
    content = {
        "name": "lottery",
        "window": {"start": at(0), "end": at(DAYS - 1)},
        "world": {
            "places": [
                place("A", role="origin", country="COL"),
                place("B", 0, country="MEX"),
                place("C", role="destination", country="USA"),
            ],
            "legs": [leg("A-B"), leg("B-C")],
        },
        "departures": [departs(50, last=DAYS - 1)],
        "units": {"alone": {"share": 1.0}},
        "policies": [
            appointment | {"weight": 1.0, "patience_days": PATIENCE, "start": at(0), "end": at(CLOSED - 1)}
        ],
    }
    model = model_of(compile_plan(load_scenario(content)))
    memory = model.run(model.whole)
    lines = model.whole.made.lines
    assert lines.mixed.tolist() == [1]
    assert memory.cohort[0, CLOSED:].sum() == 0.0  # nobody joins a closed line
    assert lines.record[2:CLOSED, 0, 2].max() > 0.0  # some had lost patience before
    assert memory.queue.sum() == 0.0
    assert memory.cohort.sum() == 0.0
