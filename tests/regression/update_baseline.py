"""Record the results of the small worlds anew: ``python -m tests.regression.update_baseline "why they moved"``."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from sim.ensemble import run
from sim.spec import load_scenario

__all__ = ["BASELINE", "cases", "measure"]

BASELINE = Path(__file__).with_name("baseline.yaml")

_FIXED = {"kind": "fixed", "days": 1}
TWO_ROADS: dict[str, Any] = {
    "name": "two_roads",
    "window": {"start": "2023-01-01", "end": "2023-06-30"},
    "world": {
        "places": [
            {"id": "A", "country": "COL", "role": "origin", "stay": {"kind": "geometric", "mean_days": 4}},
            {"id": "B", "country": "PAN", "role": "transit", "stay": {"kind": "fixed", "days": 3}},
            {"id": "C", "country": "CRI", "role": "destination"},
        ],
        "legs": [
            {"id": "A-B", "from": "A", "to": "B", "mode": "bus", "days": _FIXED, "weight": 3},
            {
                "id": "A-C",
                "from": "A",
                "to": "C",
                "mode": "boat",
                "days": {"kind": "fixed", "days": 2},
                "weight": 1,
                "capacity_per_day": 50,
            },
            {"id": "B-C", "from": "B", "to": "C", "mode": "bus", "days": _FIXED},
        ],
    },
    "departures": [
        {"place": "A", "group": "VEN", "per_day": 100, "start": "2023-01-01", "end": "2023-03-31"}
    ],
    "policies": [
        {"id": "shut", "instrument": "closure", "legs": ["A-B"], "start": "2023-02-01", "end": "2023-02-14"}
    ],
}
SENT_BACK: dict[str, Any] = {
    "name": "sent_back",
    "window": {"start": "2023-01-01", "end": "2023-12-31"},
    "world": {
        "places": [
            {
                "id": "A",
                "country": "HND",
                "role": "origin",
                "stay": {"kind": "gamma", "mean_days": 5, "shape": 2},
            },
            {
                "id": "M",
                "country": "MEX",
                "role": "transit",
                "stay": {"kind": "lognormal", "median_days": 6, "spread": 0.7},
            },
            {"id": "X", "country": "USA", "role": "crossing", "stay": {"kind": "fixed", "days": 1.3}},
            {"id": "U", "country": "USA", "role": "destination"},
        ],
        "legs": [
            {
                "id": "A-M",
                "from": "A",
                "to": "M",
                "mode": "bus",
                "days": {"kind": "triangular", "low": 2, "mode": 4, "high": 9},
            },
            {
                "id": "M-X",
                "from": "M",
                "to": "X",
                "mode": "foot",
                "days": _FIXED,
                "deaths_per_100k": 400,
                "haz_robbed": 0.1,
            },
            {"id": "X-U", "from": "X", "to": "U", "mode": "bus", "days": _FIXED},
            {
                "id": "M-A",
                "from": "M",
                "to": "A",
                "mode": "bus",
                "direction": "southward",
                "days": _FIXED,
                "weight": 0.1,
            },
        ],
    },
    "departures": [
        {"place": "A", "group": "HND", "per_day": 20, "start": "2023-01-01", "end": "2023-10-31"},
        {"place": "A", "group": "VEN", "persons": 3000, "start": "2023-03-01", "end": "2023-09-30"},
    ],
    "policies": [
        {
            "id": "sent",
            "instrument": "expulsion",
            "places": ["X"],
            "to": ["M"],
            "size": 0.4,
            "start": "2023-02-01",
            "end": "2023-05-11",
        }
    ],
}


def cases() -> dict[str, dict[str, Any]]:
    """What is recorded: name, scenario, and options of the run."""
    return {
        "two roads, three replicates": {"scenario": TWO_ROADS, "replicates": 3, "seed": 1},
        "sent back, two replicates": {"scenario": SENT_BACK, "replicates": 2, "seed": 7},
        "sent back, reference engine": {
            "scenario": SENT_BACK,
            "replicates": 1,
            "seed": 7,
            "engine": "reference",
            "scale": 0.3,
        },
        "the corridor at a thousandth": {
            "scenario": "history/baseline",
            "replicates": 1,
            "seed": 1,
            "scale": 0.001,
        },
    }


def measure(case: dict[str, Any], **options: Any) -> dict[str, Any]:  # noqa: ANN401 - options of run
    """Run one case and say what is recorded of it."""
    chosen = {k: v for k, v in case.items() if k != "scenario"} | options
    done = run(load_scenario(case["scenario"]), workers=1, **chosen)
    return {
        "scenario_hash": done.manifest["scenario_hash"],
        "people": done.manifest["people"],
        "events": done.manifest["events"],
        "result_hash": done.manifest["result_hash"],
    }


def main(reason: str) -> None:
    """Write the recorded results."""
    recorded = {
        "why": reason,
        "recorded": datetime.now(UTC).strftime("%Y-%m-%d"),
        "results": {name: measure(case) for name, case in cases().items()},
    }
    with BASELINE.open("w", encoding="utf-8") as handle:
        handle.write(
            "# Results that must not move without saying so; rewrite with tests/regression/update_baseline.py\n"
        )
        YAML().dump(recorded, handle)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit('usage: python -m tests.regression.update_baseline "why the results moved"')
    main(sys.argv[1])
