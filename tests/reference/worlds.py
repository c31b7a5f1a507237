"""Random small worlds: a number and a few sizes enter, a scenario with every mechanism at random leaves."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

__all__ = ["Size", "random_world"]

Mapping = dict[str, Any]
FIRST = date(2023, 1, 10)
COUNTRIES = ("COL", "PAN", "CRI", "HND", "MEX")
GROUPS = ("VEN", "HTI", "ECU")
UNITS = ("alone", "family", "unaccompanied")
WAYS = ("bus", "foot", "boat", "jungle")


@dataclass(frozen=True)
class Size:
    """How large a random world is, and which mechanisms it has."""

    places: int = 5
    days: int = 60
    per_day: int = 8
    policies: int = 4
    means: bool = True
    information: bool = True
    capacities: bool = True


def at(day: int) -> str:
    """ISO date of a day of the run."""
    return (FIRST + timedelta(days=day)).isoformat()


def chance(rng: random.Random, share: float) -> bool:
    return rng.random() < share


def number(rng: random.Random, low: float, high: float) -> float:
    return round(rng.uniform(low, high), 3)


def some_days(rng: random.Random, least: float = 0.0) -> Mapping:
    """A stay or travel time of any kind."""
    mean = max(least, number(rng, 0.2, 6.0))
    return rng.choice(
        (
            {"kind": "fixed", "days": float(rng.randrange(int(least), 5))},
            {"kind": "fixed", "days": mean},
            {"kind": "geometric", "mean_days": max(1.0, mean)},
            {"kind": "triangular", "low": least, "mode": mean, "high": 2.0 * mean},
            {"kind": "gamma", "mean_days": mean, "shape": number(rng, 0.5, 4.0)},
            {"kind": "lognormal", "median_days": mean, "spread": number(rng, 0.0, 1.2)},
            {"kind": "table", "days": [least, least + 1.5, least + 4.0], "share": [0.5, 0.25, 0.25]},
        )
    )


def some_places(rng: random.Random, size: Size) -> list[Mapping]:
    """A chain from an origin to a destination."""
    places = []
    for i in range(size.places):
        role = "origin" if i == 0 else rng.choice(("transit", "crossing", "reception", "origin"))
        place: Mapping = {"id": f"P{i}", "country": rng.choice(COUNTRIES), "role": role}
        if i == size.places - 1:
            place |= {"role": "destination", "country": "USA"}
        if chance(rng, 0.85):
            place["stay"] = some_days(rng)
        if i > 0 and size.capacities and chance(rng, 0.2):
            place["capacity_persons"] = rng.randrange(3, 40)
        if chance(rng, 0.3):
            place["settle_weight"] = number(rng, 0.0, 0.5)
        if chance(rng, 0.5):
            place |= {"daily_cost_usd": rng.randrange(0, 30), "income_usd_per_day": rng.randrange(0, 20)}
        places.append(place)
    return places


def some_legs(rng: random.Random, size: Size) -> list[Mapping]:
    """Every place leads on; more legs northward, sideways and back at random."""
    pairs = [(i, i + 1, "northward") for i in range(size.places - 1)]
    for _ in range(rng.randrange(0, 2 * size.places)):
        i, j = rng.sample(range(size.places), 2)
        ways = ("northward", "lateral") if i < j else ("southward", "return", "lateral", "northward")
        pairs.append((i, j, rng.choice(ways)))
    pairs += [(i + 1, i, "southward") for i in range(size.places - 1) if chance(rng, 0.6)]
    legs: list[Mapping] = []
    for i, j, direction in pairs:
        leg: Mapping = {"id": f"L{len(legs)}", "from": f"P{i}", "to": f"P{j}", "direction": direction}
        leg |= {"mode": rng.choice(WAYS), "days": some_days(rng, 0.0 if i < j else 1.0)}
        leg["weight"] = number(rng, 0.1, 3.0)
        if chance(rng, 0.6):
            leg |= {"cost_usd": rng.randrange(0, 400), "haz_robbed": number(rng, 0.0, 0.6)}
        if chance(rng, 0.4):
            leg["deaths_per_100k"] = rng.randrange(0, 20_000)
        if size.capacities and chance(rng, 0.3):
            leg["capacity_per_day"] = rng.choice((0.4, 1, 2.5, 5, 9))
        if chance(rng, 0.15):
            leg["season"] = "wet"
        if legs and chance(rng, 0.1):
            leg["open_to"] = at(rng.randrange(size.days // 2, size.days))
        legs.append(leg)
    return legs


def dates(rng: random.Random, size: Size) -> Mapping:
    """When a policy is in force, and how it comes and goes."""
    start = rng.randrange(0, size.days - 5)
    made: Mapping = {"start": at(start)}
    if chance(rng, 0.6):
        made["end"] = at(rng.randrange(start, size.days))
    for key, share in (("phase_in_days", 0.2), ("fade_days", 0.2), ("anticipation_days", 0.2)):
        if chance(rng, share):
            made[key] = rng.randrange(1, 12)
    if "anticipation_days" in made:
        made["anticipation_size"] = number(rng, 0.5, 2.5)
    if chance(rng, 0.3):
        made["nationalities"] = rng.sample(GROUPS, rng.randrange(1, 3))
    return made


def policy_makers(
    rng: random.Random, places: list[Mapping], legs: list[Mapping]
) -> dict[str, Callable[[], Mapping]]:
    """One maker for each of the sixteen instruments."""
    inner = [p["id"] for p in places[1:-1]] or [places[0]["id"]]
    every = [p["id"] for p in places]
    names = [leg["id"] for leg in legs]

    def some_legs_named() -> Mapping:
        return {"legs": rng.sample(names, rng.randrange(1, min(4, len(names)) + 1))}

    def somewhere() -> Mapping:
        return {"places": rng.sample(inner, rng.randrange(1, min(3, len(inner)) + 1))}

    def sent() -> Mapping:
        here = rng.sample(every, rng.randrange(1, 3)) if len(every) > 2 else every[-1:]
        away = [p for p in every if p not in here]
        return {"places": here, "to": rng.sample(away, rng.randrange(1, min(3, len(away)) + 1))}

    def factor() -> float:
        return number(rng, 0.0, 3.0)

    def capacity() -> Mapping:
        if chance(rng, 0.5):
            return some_legs_named() | {"per_day": rng.randrange(0, 12)}
        return somewhere() | {"persons": rng.randrange(2, 30)}

    last = {"to": every[-1]}
    return {
        "closure": lambda: some_legs_named() | {"size": rng.choice((1.0, 1.0, 0.6))},
        "capacity": capacity,
        "visa": lambda: some_legs_named() | {"size": factor(), "departures_size": factor()},
        "expulsion": lambda: (
            sent() | {"size": number(rng, 0.0, 0.7), "try_again": rng.choice((None, 0.0, 0.4, 1.0))}
        ),
        "removal": lambda: {"places": rng.sample(every, 2), "size": number(rng, 0.0, 0.6)},
        "transfer": lambda: sent() | {"size": number(rng, 0.0, 0.5)},
        "pathway": lambda: somewhere() | last | {"per_month": rng.choice((5, 40, 200)), "weight": factor()},
        "appointment": lambda: (
            somewhere()
            | last
            | {"per_day": rng.randrange(1, 8), "weight": factor(), "patience_days": rng.choice((None, 4, 12))}
        ),
        "transport": lambda: (
            some_legs_named()
            | {"days_factor": number(rng, 0.3, 2.0), "cost_factor": factor(), "weight_factor": factor()}
        ),
        "penalty": lambda: some_legs_named() | {"cost_usd": rng.randrange(1, 300)},
        "announcement": lambda: somewhere() | {"departures_size": factor(), "hazard_size": factor()},
        "push": lambda: {"size": factor()},
        "regularisation": lambda: somewhere() | {"size": factor(), "settle_size": factor()},
        "hazard": lambda: some_legs_named() | {"size": factor(), "days_factor": number(rng, 0.5, 2.0)},
        "assistance": lambda: somewhere() | {"size": factor(), "income_usd_per_day": rng.randrange(0, 40)},
        "return": lambda: somewhere() | {"size": factor()},
    }


def some_policies(
    rng: random.Random, size: Size, places: list[Mapping], legs: list[Mapping]
) -> list[Mapping]:
    """Policies of any instrument, several of a kind now and then."""
    makers = policy_makers(rng, places, legs)
    made = []
    for i in range(size.policies):
        instrument = rng.choice(sorted(makers))
        if instrument == "capacity" and not size.capacities:
            continue
        made.append({"id": f"policy{i}", "instrument": instrument} | makers[instrument]() | dates(rng, size))
    return made


def some_departures(rng: random.Random, size: Size) -> list[Mapping]:
    """Rows by the day and over a window, of two or three nationalities."""
    rows: list[Mapping] = []
    for group in GROUPS:
        first = rng.randrange(0, size.days // 3)
        last = rng.randrange(first, size.days)
        row: Mapping = {"place": "P0", "group": group, "start": at(first), "end": at(last)}
        if size.places > 2 and chance(rng, 0.3):
            row["place"] = "P1"
        per_day = number(rng, 0.5, size.per_day)
        rows.append(
            row | ({"per_day": per_day} if chance(rng, 0.5) else {"persons": per_day * (last - first + 1)})
        )
    return rows


def random_world(seed: int, size: Size) -> Mapping:
    """A scenario as a mapping; most of them are valid, some are refused as closed worlds.

    Parameters
    ----------
    seed : int
        The same number gives the same world.
    size : Size

    Returns
    -------
    dict
        Ready for :func:`sim.spec.load_scenario`.
    """
    rng = random.Random(seed)  # noqa: S311 - a test world is no secret
    places, legs = some_places(rng, size), some_legs(rng, size)
    groups = [
        {
            "id": group,
            "home_country": rng.choice(COUNTRIES),
            "means_median_usd": rng.choice((150, 600, 2500)),
            "means_spread": number(rng, 0.0, 1.0),
        }
        for group in GROUPS
    ]
    ways = [
        {"leg": leg["id"], "group": "HTI", "weight": number(rng, 0.0, 2.0)} for leg in legs[size.places :: 3]
    ]
    return {
        "name": f"world_{seed}",
        "window": {"start": at(0), "end": at(size.days - 1)},
        "world": {
            "places": places,
            "legs": legs,
            "groups": groups,
            "attraction": ways,
            "seasons": [{"id": "wet", "month": 2, "travel_factor": 1.7, "hazard_factor": 1.5}],
            "home_places": {"VEN": "P0", "HTI": rng.choice(places)["id"]},
        },
        "departures": some_departures(rng, size),
        "policies": some_policies(rng, size, places, legs),
        "units": {
            "alone": {"share": 0.5},
            "family": {"share": 0.4, "sizes": {2: 0.4, 3: 0.3, 5: 0.2, 8: 0.1}},
            "unaccompanied": {"share": 0.1},
        },
        "behaviour": {
            "means": size.means,
            "information": size.information,
            "settling": chance(rng, 0.6),
            "turning_back": chance(rng, 0.6),
            "repeat_attempts": chance(rng, 0.7),
        },
        "parameters": {
            "beta_cost_per_means": number(rng, -2.0, 0.0),
            "beta_days": number(rng, -0.2, 0.0),
            "beta_risk": number(rng, -4.0, 0.0),
            "turn_back_weight": number(rng, 0.0, 0.3),
            "robbery_loss_share": 0.5,
            "repeat_attempt_share": number(rng, 0.0, 1.0),
            "repeat_attempt_wait_days": rng.choice((1, 4, 9)),
            "remittance_share": number(rng, 0.0, 1.0),
            "remittance_usd": rng.choice((0, 120)),
            "remittance_interval_days": 14,
            "risk_factor_family": rng.choice((1, 2.5)),
            "appointment_patience_days": rng.choice((0, 6)),
            "information_weight": number(rng, 0.0, 1.0),
            "information_update_days": rng.choice((1, 3, 7)),
            "information_lag_days": rng.choice((1, 5, 14)),
        },
    }
