"""Expulsion, removal, transfer: exact shares (4 standard errors: false alarm 1 in 16,000)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.theory.test_stays_and_travel import near
from tests.theory.tiny import Outcome, at, departs, leg, place, simulate

PEOPLE = 20_000
PLACES = [
    place("A", 0, role="origin", country="COL"),
    place("M", 0, country="MEX"),
    place("N", 5, country="MEX"),
    place("C", 0, role="crossing", country="USA"),
    place("U", role="destination", country="USA"),
]
LEGS = [leg("A-M"), leg("M-C"), leg("C-U"), leg("N-U", 1, weight=1.0)]


def run(*policies: dict[str, Any], **more: Any) -> Outcome:  # noqa: ANN401
    dated = [{"id": f"p{i}", "start": at(0)} | p for i, p in enumerate(policies)]
    return simulate(PLACES, LEGS, [departs(PEOPLE)], policies=dated, days=40, **more)


def sent(outcome: Outcome, to: str) -> int:
    """Persons who arrive where they were sent."""
    numbers = [i for i, one in enumerate(outcome.plan.legs) if one.made_by and one.to_place == to]
    return int(outcome.tally.flows[:, numbers].sum())


AGAIN = {"behaviour": {"repeat_attempts": True}}


def test_an_expulsion_takes_its_share_and_people_try_again() -> None:
    out = run({"instrument": "expulsion", "places": ["C"], "to": "M", "size": 0.4}, **AGAIN)
    attempts = out.arrivals("M-C")
    assert attempts[2] == PEOPLE
    assert near(attempts[4], PEOPLE, 0.4)
    assert (
        abs(attempts.sum() - PEOPLE / 0.6) < 4 * np.sqrt(PEOPLE * 0.4) / 0.6
    )  # geometric number of attempts
    assert out.ended("arrived") == PEOPLE


def test_without_repeat_attempts_nobody_expelled_goes_on() -> None:
    out = run({"instrument": "expulsion", "places": ["C"], "to": "M", "size": 0.4})
    assert out.arrivals("M-C").sum() == PEOPLE
    assert near(out.ended("returned"), PEOPLE, 0.4)
    assert out.tally.ended[3].sum(axis=1)[out.plan.places.index("M")] == out.ended("returned")
    assert out.ended("returned") + out.ended("arrived") == PEOPLE


@pytest.mark.parametrize("stated", ["policy", "parameter"])
def test_the_share_stated_tries_again(stated: str) -> None:
    size, again = 0.5, 0.3
    policy = {"instrument": "expulsion", "places": ["C"], "to": "M", "size": size}
    if stated == "policy":
        out = run(policy | {"try_again": again}, parameters={"repeat_attempt_share": 1.0}, **AGAIN)
    else:
        out = run(policy, parameters={"repeat_attempt_share": again}, **AGAIN)
    attempts = out.arrivals("M-C")
    assert near(attempts[4], PEOPLE, size * again)
    # each attempt ends the journey there with probability size (1 - again), succeeds with 1 - size, else is repeated
    gives_up = size * (1.0 - again) / (1.0 - size * again)
    assert near(out.ended("returned"), PEOPLE, gives_up)


def test_who_tries_again_needs_days_for_it() -> None:
    wait = 4.0
    policy = {"instrument": "expulsion", "places": ["C"], "to": "M", "size": 1.0, "end": at(2)}
    out = run(policy, parameters={"repeat_attempt_wait_days": wait}, **AGAIN)
    second = out.arrivals("M-C")[3:]
    days = np.arange(len(second))  # expelled on day 2; geometric days back, one day to the crossing
    expected = PEOPLE / wait * (1.0 - 1.0 / wait) ** (days - 1.0)
    assert second[0] == 0
    assert near(second[1], PEOPLE, expected[1] / PEOPLE)
    assert abs((days * second).sum() / second.sum() - wait) < 4 * np.sqrt(wait * (wait - 1.0) / PEOPLE)


def test_a_share_of_one_sends_everybody_however_many_places_it_names() -> None:
    out = run({"instrument": "transfer", "places": ["C"], "to": ["M", "N"], "size": 1.0, "end": at(2)})
    assert sent(out, "M") + sent(out, "N") == PEOPLE
    assert near(sent(out, "M"), PEOPLE, 0.5)


@pytest.mark.parametrize("shares", [(0.3, 0.2), (0.9, 0.9), (1.0, 0.5)])
def test_competing_policies_share_what_they_send_together(shares: tuple[float, float]) -> None:
    first, second = shares
    out = run(
        {"instrument": "transfer", "places": ["C"], "to": "M", "size": first, "end": at(2)},
        {"instrument": "transfer", "places": ["C"], "to": "N", "size": second, "end": at(2)},
    )
    together = 1.0 - (1.0 - first) * (1.0 - second)
    assert near(sent(out, "M"), PEOPLE, together * first / (first + second))
    assert near(sent(out, "N"), PEOPLE, together * second / (first + second))


def test_a_removal_ends_the_journey_at_home() -> None:
    out = run({"instrument": "removal", "places": ["C"], "size": 0.25}, world={"home_places": {"VEN": "A"}})
    removed = out.ended("removed")
    assert near(removed, PEOPLE, 0.25)
    assert out.tally.ended[4].sum(axis=1)[0] == removed  # they end where they are sent
    assert removed + out.ended("arrived") == PEOPLE


def test_who_has_no_home_place_is_removed_to_where_they_set_out_from() -> None:
    out = run({"instrument": "removal", "places": ["C"], "size": 0.25})
    assert near(out.ended("removed"), PEOPLE, 0.25)
    assert out.ended("removed") + out.ended("arrived") == PEOPLE


def test_a_small_world_has_the_behaviour_that_its_policy_names() -> None:
    """Who writes `try_again: 1` and nothing of behaviour means that all try again."""
    policy = {"instrument": "expulsion", "places": ["C"], "to": "M", "size": 0.25, "try_again": 1.0}
    out = run(policy)
    assert out.ended("returned") == 0
    assert abs(sent(out, "M") - PEOPLE / 3) < 0.04 * PEOPLE
    off = run(policy, behaviour={"repeat_attempts": False})
    assert near(off.ended("returned"), PEOPLE, 0.25)


def test_only_those_named_are_sent_back() -> None:
    policy = {"instrument": "expulsion", "places": ["C"], "to": "M", "size": 0.5, "nationalities": ["HTI"]}
    out = simulate(
        PLACES, LEGS, [departs(500), departs(PEOPLE, group="HTI")], days=40,
        policies=[policy | {"id": "p", "start": at(0), "end": at(2)}],
    )  # fmt: skip
    assert near(sent(out, "M"), PEOPLE, 0.5)
    venezuela = out.plan.groups.index("VEN")
    back = [i for i, one in enumerate(out.plan.legs) if one.made_by]
    assert out.tally.flows[:, back, 10 * venezuela : 10 * venezuela + 10].sum() == 0
