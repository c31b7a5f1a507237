"""Who departs: every kind of travel unit has its share of the persons on every day, however few depart.

Random shares are held to 4 standard errors of whole units (each fails by chance once in 16,000; the seed is fixed).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from sim.engines.expected.people import expected_people
from sim.plan import UNITS
from tests.theory.tiny import Outcome, at, departs, leg, place, simulate

PLACES = [place("A", 0, role="origin"), place("B", role="destination", country="CRI")]
SHARES = {"alone": 0.35, "family": 0.55, "unaccompanied": 0.1}
SIZES = {2: 0.4, 3: 0.3, 4: 0.2, 5: 0.1}
MIXED: dict[str, Any] = {
    unit: {"share": share} | ({"sizes": SIZES} if unit == "family" else {}) for unit, share in SHARES.items()
}
DAYS = 4000


def _units(run: Outcome) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Kind, day of departure and size of every unit that arrived."""
    assert run.tally.trace is not None
    _, first, size = np.unique(run.tally.trace[:, 0], return_index=True, return_counts=True)
    kind = (run.tally.trace[first, 2] >> 32 & 0xFFFF).astype(np.int64) % len(UNITS)
    return kind, (run.tally.trace[first, 2] >> 48).astype(np.int64), size.astype(np.int64)


@pytest.mark.parametrize("persons", [1, 2, 3, 5, 40])
def test_shares_of_persons_hold_however_few_depart(persons: int) -> None:
    days = DAYS // persons
    run = simulate(
        PLACES, [leg("A-B")], [departs(persons, last=days - 1)], days=days + 5, units=MIXED, trace=True
    )
    kind, _, size = _units(run)
    assert size.sum() == persons * days  # to the person
    for number, unit in enumerate(UNITS):
        found = size[kind == number]
        share, error = found.sum() / size.sum(), np.sqrt((found**2).sum()) / size.sum()
        assert abs(share - SHARES[unit]) <= 4.0 * error, (unit, share)


def test_every_day_of_a_window_has_the_same_shares() -> None:
    """Six persons over three days, 400 times: a family departs no sooner and no later than the others."""
    rows = [
        {"place": "A", "group": "VEN", "persons": 6, "start": at(3 * i), "end": at(3 * i + 2)}
        for i in range(400)
    ]
    run = simulate(PLACES, [leg("A-B")], rows, days=1210, units=MIXED, trace=True)
    kind, day, size = _units(run)
    for of_block in range(3):
        own = day % 3 == of_block
        for number, unit in enumerate(UNITS):
            found = size[own & (kind == number)]
            error = np.sqrt((found**2).sum())
            assert abs(found.sum() - 800 * SHARES[unit]) <= 4.0 * error, (of_block, unit)


@pytest.mark.parametrize(("persons", "days"), [(1, 1), (4, 1), (9, 4), (30, 3), (100, 7)])
def test_expected_units_by_size_are_those_of_every_cut(persons: int, days: int) -> None:
    """Who are adults depends on the sizes of families: every way in which a block can cut the units is gone through."""
    row = {"place": "A", "group": "VEN", "persons": persons, "start": at(0), "end": at(days - 1)}
    run = simulate(PLACES, [leg("A-B")], [row], units=MIXED, world={"profiles": CHILDREN})
    people = expected_people(run.plan)
    assert np.allclose(people.unit_share[0], list(SHARES.values()), atol=1e-9, rtol=0.0)
    assert people.persons.sum() == pytest.approx(persons)
    mean = sum(size * part for size, part in SIZES.items())
    count = np.zeros(9)
    for size, part in SIZES.items():
        for begin in range(1 - size, persons):
            count[min(begin + size, persons) - max(begin, 0)] += SHARES["family"] / mean * part
    child = 0.8
    sizes = np.arange(9)
    children = (count * (sizes * child - child**sizes * (sizes > 0))).sum() / (count * sizes).sum()
    assert people.make_up[1].reshape(2, -1)[:, :3].sum() == pytest.approx(children)


CHILDREN = [
    {"group": "ALL", "unit": "family", "measure": "age_share", "key": key, "value": value}
    for key, value in {"0-4": 0.3, "5-11": 0.3, "12-17": 0.2, "18-59": 0.2, "60+": 0.0}.items()
]
