"""A small synthetic run with conserved numbers, for tests of the needs room without an engine.

Every person departs once, passes the places of a chain with fixed stays, and ends once: arrived, settled, returned,
died, or on the route when the window ends. Tables have the columns of a run folder.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pandas as pd

SEX_AGE = [(s, a) for s in ("female", "male") for a in ("0-4", "5-11", "12-17", "18-59", "60+")]
SHARES = np.array([0.05, 0.05, 0.04, 0.29, 0.01, 0.05, 0.05, 0.05, 0.40, 0.01])

# id, country, admin1, role, stay days, months of delay before arriving there, irregular
type Step = tuple[str, str, str, str, float, int, bool]
# replicate, nationality, outcome, country
type End = tuple[int, str, str, str]

CHAIN: list[Step] = [
    ("caracas", "VEN", "Distrito Capital", "origin", 3, 0, False),
    ("cucuta", "COL", "Norte de Santander", "transit", 4, 0, False),
    ("necocli", "COL", "Antioquia", "transit", 3, 0, False),
    ("bajo-chiquito", "PAN", "Comarca Emberá-Wounaan", "reception", 1, 0, True),
    ("lajas-blancas", "PAN", "Darién", "reception", 2, 0, False),
    ("paso-canoas", "CRI", "Puntarenas", "crossing", 2, 0, False),
    ("managua", "NIC", "Managua", "transit", 1, 1, False),
    ("danli", "HND", "El Paraíso", "reception", 2, 1, False),
    ("esquipulas", "GTM", "Chiquimula", "crossing", 2, 1, False),
    ("tapachula", "MEX", "Chiapas", "reception", 20, 1, False),
    ("ciudad-juarez", "MEX", "Chihuahua", "crossing", 10, 2, False),
    ("us-el-paso", "USA", "Texas", "crossing", 1, 2, False),
]
HOMES = {"VEN": "VEN", "HTI": "HTI", "ECU": "ECU", "CHN": "CHN", "COL": "COL", "HND": "HND"}


@dataclass
class SyntheticRun:
    """What ``sim.results.open_run`` gives, as far as needs looks at it."""

    flows: pd.DataFrame
    stocks: pd.DataFrame
    outcomes: pd.DataFrame
    departures: pd.DataFrame
    scenario: Any
    manifest: dict[str, Any] = field(default_factory=dict)
    checks: dict[str, Any] = field(default_factory=dict)
    replicates: int = 1
    path: Path = Path("synthetic")


def synthetic_run(
    start: str = "2023-01",
    months: int = 12,
    replicates: int = 2,
    seed: int = 1,
    persons: float = 3000.0,
    nationalities: tuple[str, ...] = ("VEN", "HTI", "ECU", "CHN", "HND"),
    chain: Sequence[Step] | None = None,
    settle: float = 0.02,
    turn_back: float = 0.05,
) -> SyntheticRun:
    """A run of ``months`` months along the chain, with settlement in Costa Rica and Mexico and a southward flow."""
    rng = np.random.default_rng(seed)
    steps: Sequence[Step] = chain if chain is not None else CHAIN
    index = pd.period_range(start, periods=months, freq="M").to_timestamp()
    flows: list[tuple[Any, ...]] = []
    stocks: list[tuple[Any, ...]] = []
    departures: list[tuple[Any, ...]] = []
    ends: dict[End, int] = {}
    for replicate in range(replicates):
        for nationality in nationalities:
            level = persons * rng.uniform(0.3, 1.7) * (1.0 if nationality == "VEN" else 0.15)
            for month in range(months):
                cohort = rng.multinomial(rng.poisson(level * (1 + 0.4 * np.sin(month))), SHARES)
                first = 8 if nationality == "HND" and chain is None and len(steps) > 8 else 0
                origin = steps[first - 1] if first else steps[0]
                departures.append((replicate, index[month], origin[0], nationality, int(cohort.sum())))
                for key, value in zip(SEX_AGE, cohort, strict=True):
                    _walk(
                        replicate,
                        nationality,
                        key,
                        int(value),
                        month,
                        index,
                        steps,
                        first,
                        flows,
                        stocks,
                        ends,
                        rng,
                        settle,
                        turn_back,
                    )
    columns = [
        "replicate",
        "period_start",
        "leg",
        "from_place",
        "to_place",
        "from_country",
        "to_country",
        "direction",
        "nationality",
        "sex",
        "age_band",
        "persons",
    ]
    keys = columns[:-1]
    sums = pd.DataFrame(flows, columns=columns).groupby(keys, as_index=False)["persons"].sum()
    flow = cast("pd.DataFrame", sums)  # as_index=False makes columns of the keys
    stock_keys = ["replicate", "period_start", "place", "country", "status", "nationality", "sex", "age_band"]
    stock = (
        pd.DataFrame(stocks, columns=[*stock_keys, "person_days", "peak_persons"])
        .groupby(stock_keys, as_index=False)
        .agg(person_days=("person_days", "sum"), peak_persons=("peak_persons", "sum"))
    )
    outcomes = pd.DataFrame(
        [(r, n, o, c, v, 30.0, 60.0) for (r, n, o, c), v in ends.items()],
        columns=["replicate", "nationality", "outcome", "country", "persons", "days_median", "days_p90"],
    )
    left = pd.DataFrame(departures, columns=["replicate", "period_start", "place", "nationality", "persons"])
    return SyntheticRun(
        flow,
        stock,
        outcomes,
        left,
        _scenario(steps, nationalities),
        {"engine": "synthetic", "seed": seed},
        {},
        replicates,
    )


def _walk(
    replicate: int,
    nationality: str,
    key: tuple[str, str],
    persons: int,
    month: int,
    index: pd.DatetimeIndex,
    steps: Sequence[Step],
    first: int,
    flows: list[tuple[Any, ...]],
    stocks: list[tuple[Any, ...]],
    ends: dict[End, int],
    rng: np.random.Generator,
    settle: float,
    turn_back: float,
) -> None:
    """One cohort along the chain, every person ending exactly once."""
    begin = steps[first - 1] if first else steps[0]
    here, now = persons, month
    offset = begin[5]
    previous = begin
    if here == 0:
        return
    _stay(replicate, begin, nationality, key, here, now, index, stocks, "staying")
    for step in steps[first if first else 1 :]:
        now = month + max(step[5] - offset, 0)
        if now >= len(index):
            _end(ends, replicate, nationality, "on_route", previous[1], here)
            return
        dead = int(rng.binomial(here, 0.0005))
        _end(ends, replicate, nationality, "died_or_missing", previous[1], dead)
        here -= dead
        if here == 0:
            return
        flows.append(
            (
                replicate,
                index[now],
                f"{previous[0]}--{step[0]}--bus",
                previous[0],
                step[0],
                previous[1],
                step[1],
                "northward",
                nationality,
                *key,
                here,
            )
        )
        status = "queued" if step[0] == "necocli" else "staying"
        _stay(replicate, step, nationality, key, here, now, index, stocks, status)
        if step[1] in ("CRI", "MEX") and settle > 0:
            stay = int(rng.binomial(here, settle))
            _settle(replicate, step, nationality, key, stay, now, index, stocks)
            _end(ends, replicate, nationality, "settled", step[1], stay)
            here -= stay
        if step[0] == "tapachula" and turn_back > 0:
            back = int(rng.binomial(here, turn_back))
            _back(replicate, nationality, key, back, now, index, steps, flows, stocks)
            _end(ends, replicate, nationality, "returned", "COL", back)
            here -= back
        previous = step
        if here == 0:
            return
    _end(ends, replicate, nationality, "arrived", previous[1], here)


def _stay(
    replicate: int,
    step: Step,
    nationality: str,
    key: tuple[str, str],
    persons: int,
    month: int,
    index: pd.DatetimeIndex,
    stocks: list[tuple[Any, ...]],
    status: str,
) -> None:
    days = float(index[month].days_in_month)
    person_days = persons * float(step[4])
    mean = person_days / days
    stranded = int(persons * 0.03) if step[1] == "MEX" else 0
    rows = [(status, persons - stranded), ("stranded", stranded)]
    for name, people in rows:
        if people > 0:
            share = people / persons
            stocks.append(
                (
                    replicate,
                    index[month],
                    step[0],
                    step[1],
                    name,
                    nationality,
                    *key,
                    person_days * share,
                    min(float(people), float(np.ceil(mean * share * 1.5))),
                )
            )


def _settle(
    replicate: int,
    step: Step,
    nationality: str,
    key: tuple[str, str],
    persons: int,
    month: int,
    index: pd.DatetimeIndex,
    stocks: list[tuple[Any, ...]],
) -> None:
    for later in range(month, len(index)):
        if persons > 0:
            days = float(index[later].days_in_month)
            stocks.append(
                (
                    replicate,
                    index[later],
                    step[0],
                    step[1],
                    "settled",
                    nationality,
                    *key,
                    persons * days,
                    persons,
                )
            )


def _back(
    replicate: int,
    nationality: str,
    key: tuple[str, str],
    persons: int,
    month: int,
    index: pd.DatetimeIndex,
    steps: Sequence[Step],
    flows: list[tuple[Any, ...]],
    stocks: list[tuple[Any, ...]],
) -> None:
    """People who turn round in Tapachula and go back to Necoclí within the month."""
    if persons == 0:
        return
    ids = [s[0] for s in steps]
    if "necocli" not in ids or "tapachula" not in ids:
        return
    south = [steps[i] for i in range(ids.index("tapachula"), ids.index("necocli") - 1, -1)]
    for before, after in zip(south[:-1], south[1:], strict=True):
        flows.append(
            (
                replicate,
                index[month],
                f"{before[0]}--{after[0]}--bus",
                before[0],
                after[0],
                before[1],
                after[1],
                "southward",
                nationality,
                *key,
                persons,
            )
        )
        _stay(replicate, after, nationality, key, persons, month, index, stocks, "staying")


def _end(
    ends: dict[End, int], replicate: int, nationality: str, outcome: str, country: str, persons: int
) -> None:
    if persons > 0:
        name = (replicate, nationality, outcome, country)
        ends[name] = ends.get(name, 0) + persons


def _scenario(steps: Sequence[Step], nationalities: tuple[str, ...]) -> Any:
    places = [
        SimpleNamespace(
            id=s[0],
            name=s[0].replace("-", " ").title(),
            country=s[1],
            admin1=s[2],
            role=s[3],
            irregular=s[6],
            reception_capacity_persons=None,
        )
        for s in steps
    ]
    legs = []
    for a, b in zip(steps[:-1], steps[1:], strict=True):
        jungle = b[0] == "bajo-chiquito"
        legs.append(
            SimpleNamespace(
                id=f"{a[0]}--{b[0]}--bus",
                from_=a[0],
                to=b[0],
                mode="jungle" if jungle else "bus",
                haz_robbed=0.3 if jungle else 0.01,
                deaths_per_100k=20.0 if jungle else 0.0,
                irregular=jungle,
                days=SimpleNamespace(mode=5.0 if jungle else 1.0),
            )
        )
    groups = [SimpleNamespace(id=n, home_country=HOMES.get(n, "")) for n in nationalities]
    return SimpleNamespace(
        name="synthetic/route", world=SimpleNamespace(places=places, legs=legs, groups=groups)
    )
