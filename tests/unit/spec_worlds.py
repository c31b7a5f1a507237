"""Small scenarios that the tests of the specification share."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

TWO_ROADS = """\
name: two_roads
window: {start: 2023-01-01, end: 2023-06-30}
world:
  places:
    - {id: A, country: COL, role: origin, stay: {kind: geometric, mean_days: 4}}
    - {id: B, country: PAN, role: transit, stay: {kind: fixed, days: 3}}
    - {id: C, country: CRI, role: destination}
  legs:
    - {id: A-B, from: A, to: B, mode: bus, days: {kind: fixed, days: 1}, weight: 3}
    - {id: A-C, from: A, to: C, mode: boat, days: {kind: fixed, days: 2}, weight: 1, capacity_per_day: 50}
    - {id: B-C, from: B, to: C, mode: bus, days: {kind: fixed, days: 1}}
departures:
  - {place: A, group: VEN, per_day: 100, start: 2023-01-01, end: 2023-03-31}
policies:
  - {id: shut, instrument: closure, legs: [A-B], start: 2023-02-01, end: 2023-02-14}
"""

_ONE_DAY = {"kind": "fixed", "days": 1}
_CONTENT: dict[str, Any] = {
    "name": "two_roads",
    "window": {"start": "2023-01-01", "end": "2023-06-30"},
    "world": {
        "places": [
            {"id": "A", "country": "COL", "role": "origin", "stay": {"kind": "geometric", "mean_days": 4}},
            {"id": "B", "country": "PAN", "role": "transit", "stay": {"kind": "fixed", "days": 3}},
            {"id": "C", "country": "CRI", "role": "destination"},
        ],
        "legs": [
            {"id": "A-B", "from": "A", "to": "B", "mode": "bus", "days": _ONE_DAY, "weight": 3},
            {"id": "A-C", "from": "A", "to": "C", "mode": "boat", "days": {"kind": "fixed", "days": 2}},
            {"id": "B-C", "from": "B", "to": "C", "mode": "bus", "days": _ONE_DAY},
        ],
    },
    "departures": [
        {"place": "A", "group": "VEN", "per_day": 100, "start": "2023-01-01", "end": "2023-03-31"}
    ],
    "policies": [
        {"id": "shut", "instrument": "closure", "legs": ["A-B"], "start": "2023-02-01", "end": "2023-02-14"}
    ],
}


def two_roads() -> dict[str, Any]:
    """The example of the design as a mapping that a test may change."""
    return deepcopy(_CONTENT)
