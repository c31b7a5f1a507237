"""FLEE's kind of graph: 24 places, 31 two-way links, 100 days, people keep travelling."""

from __future__ import annotations

import contextlib
import io
import tempfile
import time
from pathlib import Path

import numpy as np

from sim.engines.agents import load_kernels, run_agents
from sim.plan import compile_plan
from sim.spec import load_scenario

__all__ = ["flee_person_days", "flee_version", "travesia_person_days"]

PLACES, LINKS, DAYS = 24, 31, 100
MOVE_CHANCE, SPEED_KM = 0.3, 360.0


_SETTINGS = f"""
log_levels: {{agent: 0, link: 0, camp: 0, conflict: 0, init: 0, idp_totals: 0, granularity: location}}
spawn_rules: {{take_from_population: false, insert_day0: true}}
move_rules:
  max_move_speed: {SPEED_KM}
  max_walk_speed: {SPEED_KM}
  default_movechance: {MOVE_CHANCE}
  conflict_movechance: {MOVE_CHANCE}
  camp_movechance: {MOVE_CHANCE}
  awareness_level: 1
  softening: 10.0
optimisations: {{hasten: 1}}
"""


def links(seed: int = 3) -> list[tuple[int, int, float]]:
    """Two-way links: a path through all places and chords, with distances in km."""
    rng = np.random.default_rng(seed)
    found = {(i, i + 1) for i in range(PLACES - 1)}
    while len(found) < LINKS:
        a, b = sorted(int(x) for x in rng.choice(PLACES, 2, replace=False))
        found.add((a, b))
    return [(a, b, float(rng.uniform(50, 400))) for a, b in sorted(found)]


def flee_version() -> str | None:
    """Version of FLEE from PyPI, None where it is not installed."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("flee")
    except PackageNotFoundError:
        return None


def flee_person_days(people: int) -> float:
    """Person-days a second of FLEE on the graph."""
    from flee import flee
    from flee.SimulationSettings import SimulationSettings

    with (
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
        tempfile.TemporaryDirectory() as folder,
    ):
        file = Path(folder) / "simsetting.yml"
        file.write_text(_SETTINGS)
        SimulationSettings.ReadFromYML(str(file))
        model = flee.Ecosystem()
        places = [
            model.addLocation(name=f"p{i:02d}", x=i, y=0, movechance=MOVE_CHANCE, foreign=False)
            for i in range(PLACES)
        ]
        for a, b, km in links():
            model.linkUp(f"p{a:02d}", f"p{b:02d}", km)
        for i in range(people):
            model.addAgent(location=places[i % PLACES], attributes={})
        begin = time.perf_counter()
        for _ in range(DAYS):
            model.evolve()
        seconds = time.perf_counter() - begin
    return people * DAYS / seconds


def travesia_person_days(people: int) -> float:
    """Person-days a second of the full agents engine on the same graph and rules."""
    load_kernels()
    legs = []
    for a, b, km in links():
        days = float(int(km / SPEED_KM) + 1)
        for x, y in ((a, b), (b, a)):
            legs.append(
                {"id": f"p{x:02d}-p{y:02d}", "from": f"p{x:02d}", "to": f"p{y:02d}", "direction": "lateral",
                 "weight": 1.0 / (10.0 + km), "days": {"kind": "fixed", "days": days}}
            )  # fmt: skip
    legs.append(
        {
            "id": "out",
            "from": "p00",
            "to": "end",
            "direction": "lateral",
            "weight": 1e-12,
            "days": {"kind": "fixed", "days": 1},
        }
    )
    places = [
        {
            "id": f"p{i:02d}",
            "country": "COL",
            "role": "transit",
            "stay": {"kind": "geometric", "mean_days": 1.0 / MOVE_CHANCE},
        }
        for i in range(PLACES)
    ]
    places.append({"id": "end", "country": "USA", "role": "destination"})
    scenario = {
        "name": "flee_graph",
        "window": {"start": "2023-01-01", "end": "2023-04-10"},
        "world": {"places": places, "legs": legs},
        "departures": [
            {
                "place": f"p{i:02d}",
                "group": "VEN",
                "per_day": people / PLACES,
                "start": "2023-01-01",
                "end": "2023-01-01",
            }
            for i in range(PLACES)
        ],
    }
    tally = run_agents(compile_plan(load_scenario(scenario)))
    return tally.people * DAYS / tally.timing["engine_s"]
