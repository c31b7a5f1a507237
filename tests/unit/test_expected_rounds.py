"""Places that lead back to each other within a day: rounds of the expected engine beside a system of equations for each day."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from sim.engines.expected import run_expected
from sim.engines.expected.model import model_of
from sim.engines.kernels import expected_rows
from sim.engines.kernels.build import called
from sim.engines.kernels.expected_rows import CHUNK
from sim.plan import Plan, compile_plan
from sim.spec import load_scenario
from tests.theory.tiny import at, departs, leg, place

rows_of: Any = expected_rows
pointer: Any = expected_rows.pointer
LATER, DAYS = 2, 14
AT_ONCE = ((0.4, 0.4, 0.4), (0.4, 0.0, 0.0))
"""Shares who leave each place on the day on which they came; the others stay two days."""
TRAVEL = (0.7, 0.3)
"""Chances of no days and of one on the way from C to B."""
NAMES = ("B", "C", "E")
SHARES = {"B-C": 1.0, "C-B": 0.5, "C-E": 0.5, "E-B": 0.5, "E-D": 0.5}


@called()
def some_there(x: Any, chunks: Any) -> Any:
    return rows_of.anyone(pointer(x), chunks)


@called()
def arrived(here: Any, flow: Any, z: Any, keep_z: Any, later: Any, p: Any, alive: Any, chunks: Any) -> None:
    rows_of.arrive_at_once(pointer(here), pointer(flow), pointer(z), keep_z, pointer(later), p, alive, chunks)


def test_a_row_with_one_person_is_not_empty() -> None:
    x = np.zeros(4 * CHUNK)
    assert not some_there(x, 3)
    for i in range(4 * CHUNK):
        x[:] = 0.0
        x[i] = 1e-300
        assert some_there(x, 3) == (i < 3 * CHUNK)


@pytest.mark.parametrize("keep_z", [0, 1])
def test_who_sets_out_and_arrives_today_is_counted_once(keep_z: int) -> None:
    here, flow, z, later = np.random.default_rng(keep_z).random((4, 3 * CHUNK))
    own = np.arange(3 * CHUNK) < 2 * CHUNK
    came = 0.5 * later * own
    wanted = (
        here + 0.75 * came,
        flow + 0.75 * came,
        np.where(own, came, z) if keep_z else z.copy(),
        later * ~own,
    )
    arrived(here, flow, z, keep_z, later, 0.5, 0.75, 2)
    for found, one in zip((here, flow, z, later), wanted, strict=True):
        assert np.allclose(found, one, rtol=1e-15, atol=0.0)


def plan_of(at_once: tuple[float, ...], limited: str) -> Plan:
    """People go round between B, C and E until they leave for D; some stay nowhere and travel at once."""
    stays: list[Any] = [
        {"kind": "table", "days": [0.0, float(LATER)], "share": [p, 1.0 - p]} if p else LATER for p in at_once
    ]
    days: dict[str, Any] = {"C-B": {"kind": "table", "days": [0.0, 1.0], "share": list(TRAVEL)}, "E-D": 1.0}
    more = {limited: {"capacity_per_day": 10**6}}
    legs = [leg(name, days.get(name, 0.0), **more.get(name, {})) for name in ("A-B", *SHARES)]
    places = [place("A", 1.0, role="origin", country="COL"), *map(place, NAMES, stays)]
    content = {
        "name": "round",
        "window": {"start": at(0), "end": at(DAYS - 1)},
        "world": {"places": [*places, place("D", role="destination", country="CRI")], "legs": legs},
        "departures": [departs(100, last=5)],
        "units": {"alone": {"share": 1.0}},
    }
    return compile_plan(load_scenario(content), daily=True)


def arrivals(at_once: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """Arrivals over each leg by day, from the equations of each day."""
    out = {name: np.zeros(DAYS) for name in SHARES}
    came = np.zeros((DAYS, len(NAMES)))
    left = np.zeros_like(came)
    today = np.zeros((len(NAMES),) * 2)
    for name, share in SHARES.items():
        if name != "E-D":
            today[NAMES.index(name[2]), NAMES.index(name[0])] = share * (TRAVEL[0] if name == "C-B" else 1.0)
    for day in range(DAYS):
        before = (1.0 - at_once) * came[day - LATER] if day >= LATER else np.zeros(len(NAMES))
        new = today @ before
        new[0] += 100.0 * (1 <= day <= 6)
        if day > 0:
            new[0] += SHARES["C-B"] * TRAVEL[1] * left[day - 1, 1]
        came[day] = np.linalg.solve(np.eye(len(NAMES)) - today * at_once, new)
        left[day] = at_once * came[day] + before
        for name, share in SHARES.items():
            now, then = TRAVEL if name == "C-B" else (0.0, 1.0) if name == "E-D" else (1.0, 0.0)
            own = NAMES.index(name[0])
            out[name][day] = share * (now * left[day, own] + (then * left[day - 1, own] if day > 0 else 0.0))
    return out


@pytest.mark.parametrize("at_once", AT_ONCE)
@pytest.mark.parametrize("limited", ["", "B-C", "C-B"])
def test_rounds_within_a_day_are_the_solution_of_its_equations(
    at_once: tuple[float, ...], limited: str
) -> None:
    plan = plan_of(at_once, limited)
    assert np.diff(model_of(plan).whole.made.net.block).max() == len(NAMES)
    tally = run_expected(plan, durations=False)
    number = {one.id: i for i, one in enumerate(plan.legs)}
    for name, wanted in arrivals(np.array(at_once)).items():
        assert np.allclose(tally.flows[:, number[name]].sum(axis=1), wanted, rtol=1e-10, atol=1e-8), name
    departed = np.cumsum(tally.balance[:, 0])
    assert np.allclose(departed, tally.balance[:, 1] + tally.balance[:, 2], rtol=0.0, atol=1e-9)
    assert np.isclose(tally.ended.sum() + tally.on_route.sum(), 600.0, rtol=1e-12)
