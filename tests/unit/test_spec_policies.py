"""The strength of a policy day by day, what it touches, and the sixteen schemas."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from sim.spec import INSTRUMENTS, Leg, Place, Policy, PolicyBase, World

ADAPTER: TypeAdapter[Policy] = TypeAdapter(Policy)
DAYS = np.arange("2023-01-01", "2023-01-21", dtype="datetime64[D]")

#: What each instrument needs beside id and start.
NEEDED: dict[str, dict[str, Any]] = {
    "closure": {},
    "capacity": {"per_day": 50},
    "visa": {"size": 0.1},
    "expulsion": {"size": 0.5, "to": "B"},
    "removal": {"size": 0.5},
    "transfer": {"size": 0.2, "to": ["B"]},
    "pathway": {"per_month": 1000},
    "appointment": {"per_day": 10},
    "transport": {"days_factor": 0.5},
    "penalty": {"cost_usd": 100},
    "announcement": {"departures_size": 0.5},
    "push": {"size": 1.5},
    "regularisation": {"size": 0.5},
    "hazard": {"size": 3},
    "assistance": {"income_usd_per_day": 2},
    "return": {"size": 0.2},
}


def policy(instrument: str = "closure", **values: object) -> PolicyBase:
    given = {"id": "p", "instrument": instrument, "start": "2023-01-06", **NEEDED[instrument], **values}
    return ADAPTER.validate_python(given)


def strengths(made: PolicyBase) -> list[float]:
    return [round(float(s), 6) for s in made.strength(DAYS)]


def test_there_are_sixteen_instruments_and_all_parse() -> None:
    assert len(INSTRUMENTS) == 16
    for name, kind in INSTRUMENTS.items():
        assert type(policy(name)) is kind
        assert hash(policy(name)) == hash(policy(name))


@pytest.mark.parametrize("kind", INSTRUMENTS.values())
def test_every_instrument_states_formula_unit_and_source(kind: type[PolicyBase]) -> None:
    text = kind.__doc__ or ""
    for word in ("Formula:", "Unit", "Source:"):
        assert word in text


def test_in_force_from_start_to_end_both_included() -> None:
    assert strengths(policy(end="2023-01-08")) == [0] * 5 + [1] * 3 + [0] * 12
    assert strengths(policy()) == [0] * 5 + [1] * 15


def test_lag_and_phase_in_reach_full_strength_after_both() -> None:
    found = strengths(policy(lag_days=2, phase_in_days=3))
    assert found == [0] * 7 + [0.25, 0.5, 0.75] + [1] * 10


def test_fading_after_the_end() -> None:
    found = strengths(policy(end="2023-01-08", fade_days=3))
    assert found == [0] * 5 + [1] * 3 + [0.75, 0.5, 0.25] + [0] * 9


def test_fading_from_the_start_stops_at_the_end() -> None:
    found = strengths(policy(fade_days=4, fade_from="start", end="2023-01-08"))
    assert found == [0] * 5 + [1, 0.8, 0.6] + [0] * 12


def test_an_end_inside_the_phase_in_fades_from_what_was_reached() -> None:
    found = strengths(policy(phase_in_days=3, end="2023-01-07", fade_days=1))
    assert found == [0] * 5 + [0.25, 0.5, 0.25] + [0] * 12


def test_anticipation_grows_to_the_eve() -> None:
    found = policy(anticipation_days=4, anticipation_size=3).anticipation(DAYS)
    np.testing.assert_allclose(found, [1, 1.5, 2, 2.5, 3] + [1] * 15)


def test_intensity_scales_everything_and_zero_is_no_policy() -> None:
    made = policy(intensity=0.5, anticipation_days=1, anticipation_size=3)
    assert made.strength(DAYS).max() == 0.5
    assert made.anticipation(DAYS).max() == 2.0
    off = made.model_copy(update={"intensity": 0.0})
    assert not off.strength(DAYS).any()
    assert (off.anticipation(DAYS) == 1).all()


def test_days_may_be_ordinals() -> None:
    ordinals = np.array([day.toordinal() for day in DAYS.tolist()])
    made = policy(phase_in_days=4, end="2023-01-15")
    np.testing.assert_array_equal(made.strength(ordinals), made.strength(DAYS))


def test_a_multiplier_of_one_is_no_effect() -> None:
    made = policy("visa", phase_in_days=3)
    assert (made.multiplier(DAYS, 1.0) == 1).all()
    assert made.multiplier(DAYS, 0.1).min() == pytest.approx(0.1)


def world() -> World:
    places = [("A", "COL"), ("B", "PAN"), ("C", "PAN"), ("D", "CRI")]
    legs = [
        ("A-B", "A", "B", "jungle"),
        ("A-C", "A", "C", "boat"),
        ("B-C", "B", "C", "bus"),
        ("C-D", "C", "D", "bus"),
    ]
    one_day = {"kind": "fixed", "days": 1}
    return World(
        places=tuple(Place(id=i, country=c, role="transit") for i, c in places),
        legs=tuple(
            Leg.model_validate({"id": i, "from": a, "to": b, "mode": m, "days": one_day})
            for i, a, b, m in legs
        ),
    )


@pytest.mark.parametrize(
    ("values", "legs"),
    [
        ({"legs": ["A-B"]}, ["A-B"]),
        ({"legs": ["A-B"], "countries": ["CRI"]}, ["A-B"]),
        ({"countries": ["PAN"]}, ["A-B", "A-C"]),
        ({"countries": ["PAN"], "modes": ["boat"]}, ["A-C"]),
        ({"modes": ["bus"]}, ["B-C", "C-D"]),
        ({"places": ["C"]}, ["A-C", "B-C", "C-D"]),
        ({"instrument": "hazard", "countries": ["PAN"]}, ["A-B", "A-C", "B-C", "C-D"]),
        ({"instrument": "visa", "countries": ["PAN", "CRI"], "size": 0}, ["A-B", "A-C"]),
        ({"instrument": "push", "countries": ["COL"], "size": 2}, []),
        ({}, []),
    ],
)
def test_which_legs_a_policy_touches(values: dict[str, Any], legs: list[str]) -> None:
    assert list(policy(**{"instrument": "closure", **values}).leg_ids(world())) == legs


def test_which_places_a_policy_touches() -> None:
    made = policy("assistance", places=["D"], countries=["PAN"])
    assert made.place_ids(world()) == ("B", "C", "D")
    assert policy("visa", countries=["PAN"]).place_ids(world()) == ()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"end": "2023-01-01"}, "end 2023-01-01 comes before start 2023-01-06"),
        ({"size": 1.5}, "less than or equal to 1"),
        ({"phase_in_days": -1}, "greater than or equal to 0"),
        ({"legs": ["A", "A"]}, "named twice: A"),
        ({"instrument": "capacity", "per_day": None}, "exactly one of per_day"),
        ({"instrument": "expulsion", "to": []}, "at least 1 item"),
        ({"units": ["families"]}, "'alone', 'family' or 'unaccompanied'"),
    ],
)
def test_refuses_what_is_no_policy(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        policy(**{"instrument": "closure", **values})
