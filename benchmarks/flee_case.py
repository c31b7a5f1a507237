"""FLEE from PyPI and Travesía on the same real case, in turn: person-days a second and error against the data.

``python -m benchmarks.flee_case`` (in the environment of ``make bench``).
"""

from __future__ import annotations

import contextlib
import io
import json
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from sim.exchange.flee import compare_with_data, import_flee

CASE = Path(__file__).parents[1] / "tests" / "data" / "burundi2015"
SETTINGS = CASE / "simsetting.yml"
#: FLEE simulates one in so many people; its own setting for large cases.
HASTEN = 50


def flee_run(whole_closure: bool) -> dict[str, float]:
    """One run of FLEE: person-days a second, and the rescaled averaged relative difference."""
    from flee import InputGeography, flee, spawning
    from flee.datamanager import handle_refugee_data, read_period
    from flee.SimulationSettings import SimulationSettings

    random.seed(1)
    np.random.seed(1)  # noqa: NPY002 - FLEE draws from the global generators
    inputs, source = CASE / "input_csv", CASE / "source_data"
    with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
        SimulationSettings.ReadFromYML(str(SETTINGS))
        SimulationSettings.optimisations["PopulationScaleDownFactor"] = HASTEN
        SimulationSettings.ConflictInputFile = str(inputs / "conflicts.csv")
        start, length = read_period.read_conflict_period(str(inputs / "sim_period.csv"))
        model, geography = flee.Ecosystem(), InputGeography.InputGeography()
        geography.ReadConflictInputCSV(SimulationSettings.ConflictInputFile)
        geography.conflicts = {name: held for name, held in geography.conflicts.items() if name}
        geography.ReadLocationsFromCSV(str(inputs / "locations.csv"))
        geography.ReadLinksFromCSV(str(inputs / "routes.csv"))
        geography.ReadClosuresFromCSV(str(inputs / "closures.csv"))
        if not whole_closure:
            geography.closures = [one for one in geography.closures if one[0] != "location"]
        model, places = geography.StoreInputGeographyInEcosystem(model)
        data = handle_refugee_data.RefugeeTable(
            csvformat="generic",
            data_directory=str(source),
            start_date=start,
            data_layout="data_layout.csv",
            population_scaledown_factor=HASTEN,
        )
        data.ReadL1Corrections(str(inputs / "registration_corrections.csv"))
        camps = model.get_camp_names()
        for name in camps:
            spawning.add_initial_refugees(model, data, places[name])
            places[name].capacity = int(places[name].capacity * 1.25)
        made, seen, person_days = [], [], 0
        begin = time.perf_counter()
        for day in range(length):
            geography.AddNewConflictZones(model, day)
            spawning.spawn_daily_displaced(model, day, data)
            spawning.refresh_spawn_weights(model)
            model.enact_border_closures(day)
            model.evolve()
            person_days += model.numAgents()
            made.append([places[name].numAgents for name in camps])
            seen.append([data.get_field(name, day) for name in camps])
        seconds = time.perf_counter() - begin
    return {"person_days_per_s": person_days / seconds, "rescaled": rescaled(np.array(made), np.array(seen))}


def rescaled(made: np.ndarray[Any, Any], seen: np.ndarray[Any, Any]) -> float:
    """Mean over days of sum |simulated - observed| / sum observed, simulated counts scaled to the observed total."""
    total, people = seen.sum(axis=1), made.sum(axis=1)
    factor = np.divide(total, people, out=np.zeros(len(total)), where=people > 0)
    return float((np.abs(made * factor[:, None] - seen).sum(axis=1) / np.maximum(total, 1)).mean())


def our_run(pairs: bool) -> dict[str, float]:
    """One run of ours, everybody one to one."""
    from sim.ensemble import run

    with tempfile.TemporaryDirectory() as folder:
        scenario = import_flee(CASE, SETTINGS, location_pairs=pairs).scenario
        done = run(scenario, daily=True, out=Path(folder) / "run")
        days = float(done.stocks["person_days"].sum())
        return {
            "person_days_per_s": days / float(done.manifest["timing"]["engine_s"]),
            "rescaled": compare_with_data(done).rescaled,
        }


def main(repeats: int = 3) -> None:
    """Run both in turn and print ratios of the rounds' medians as JSON."""
    our_run(pairs=True)  # compile
    rounds = [(flee_run(whole_closure=False), our_run(pairs=True)) for _ in range(repeats)]
    speed = [np.median([one[side]["person_days_per_s"] for one in rounds]) for side in (0, 1)]
    made = {
        "case": "burundi2015",
        "flee_person_days_per_s": round(float(speed[0])),
        "travesia_person_days_per_s": round(float(speed[1])),
        "travesia_is_faster_by": round(
            float(np.median([b["person_days_per_s"] / a["person_days_per_s"] for a, b in rounds]))
        ),
        "rescaled_difference": {"flee": rounds[0][0]["rescaled"], "travesia": rounds[0][1]["rescaled"]},
        "rescaled_difference_all_links_of_bujumbura_shut": {
            "flee": flee_run(whole_closure=True)["rescaled"],
            "travesia": our_run(pairs=False)["rescaled"],
        },
    }
    sys.stdout.write(json.dumps(made, indent=1) + "\n")


if __name__ == "__main__":
    main()
