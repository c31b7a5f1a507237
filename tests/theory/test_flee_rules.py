"""FLEE's documented rules hold for what the importer makes, at 20,000 people and 4 standard errors."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from sim.ensemble import run
from sim.exchange.flee import import_flee
from tests.flee_cases import persons, write_flee

PEOPLE = 20_000
ORIGIN = "Origin,R,Home,1.0,1.0,conflict_zone,0,1000"


def camp(name: str, country: str = "Away", capacity: str = "") -> str:
    return f"{name},R,{country},2.0,2.0,camp,,{capacity}"


@pytest.mark.parametrize(
    ("near", "far", "settings", "share"),
    [
        (100, 200, {}, 0.656),
        (100, 400, {}, 0.788),
        (50, 400, {"weight_power": 2.0}, 0.979),
        (50, 400, {"distance_power": 2.0}, 0.979),
    ],
)
def test_nearer_of_two_camps(
    tmp_path: Path, near: int, far: int, settings: dict[str, object], share: float
) -> None:
    case = write_flee(
        tmp_path / "two_camps",
        locations=[ORIGIN, camp("Near"), camp("Far")],
        routes=[f"Origin,Near,{near},", f"Origin,Far,{far},"],
        settings=settings,
    )
    done = run(import_flee(*case).scenario, daily=True, out=tmp_path / "run")
    counts = [persons(done, name).iloc[-1] for name in ("Near", "Far")]
    assert sum(counts) == PEOPLE
    power = 2.0 if settings else 1.0
    exact = (near + 10.0) ** -power / ((near + 10.0) ** -power + (far + 10.0) ** -power)
    assert exact == pytest.approx(share, abs=0.0005)
    assert abs(counts[0] / PEOPLE - exact) < 4 * math.sqrt(exact * (1 - exact) / PEOPLE)


def test_bernoulli_leaving(tmp_path: Path) -> None:
    case = write_flee(
        tmp_path / "leaving",
        locations=[ORIGIN, camp("Camp")],
        routes=["Origin,Camp,100,"],
        settings={"conflict_movechance": 0.3},
    )
    left = persons(run(import_flee(*case).scenario, daily=True, out=tmp_path / "run"), "Origin")
    for k in range(12):
        exact = 0.7**k
        assert abs(left[1 + k] / PEOPLE - exact) <= 4 * math.sqrt(exact * (1 - exact) / PEOPLE) + 1e-12


@pytest.mark.parametrize(("km", "days"), [(359, 1), (360, 2), (719, 2), (1080, 4)])
def test_travel_days(tmp_path: Path, km: int, days: int) -> None:
    case = write_flee(
        tmp_path / "travel",
        locations=[ORIGIN, camp("Camp")],
        routes=[f"Origin,Camp,{km},"],
        settings={"max_move_speed": 360.0},
    )
    done = run(import_flee(*case).scenario, daily=True, out=tmp_path / "run")
    there = persons(done, "Camp")
    assert there[days] == 0
    assert there[1 + days] == PEOPLE
    left = done.departures.iloc[0]["period_start"]
    assert (done.flows["period_start"] - left).dt.days.eq(days).all()


@pytest.mark.parametrize(
    "closure",
    ["link,Origin,Camp,20,30", "links,Camp,Origin,20,30", "location,Camp,,20,30", "country,Home,Away,20,30"],
)
def test_closures_freeze_arrivals(tmp_path: Path, closure: str) -> None:
    case = write_flee(
        tmp_path / "closed",
        locations=[ORIGIN, camp("Camp")],
        routes=["Origin,Camp,100,"],
        total=["2020-01-01,0", "2020-02-29,59000"],
        closures=[closure],
    )
    done = run(import_flee(*case).scenario, daily=True, out=tmp_path / "run")
    there, here = persons(done, "Camp"), persons(done, "Origin")
    assert (there[20:30] == there[19]).all()
    assert there[30] > there[29] + 9_000
    assert (here + there).tolist() == [1000 * day for day in range(60)]
    assert done.checks["conserved"]


def test_camp_never_holds_one_too_many(tmp_path: Path) -> None:
    case = write_flee(
        tmp_path / "full",
        locations=[ORIGIN, camp("Small", capacity="1000"), camp("Large")],
        routes=["Origin,Small,100,", "Origin,Large,400,"],
        total=["2020-01-01,0", "2020-02-29,59000"],
    )
    for full in ("avoid", "wait"):
        done = run(import_flee(*case, full_camps=full).scenario, daily=True, out=tmp_path / full)
        peak = done.stocks[(done.stocks["place"] == "Small") & (done.stocks["status"] == "staying")]
        assert 900 < persons(done, "Small").max() <= 1000
        assert peak["peak_persons"].max() <= 1000


def test_only_camp_fills_to_the_last_bed(tmp_path: Path) -> None:
    case = write_flee(
        tmp_path / "only",
        locations=[ORIGIN, camp("Small", capacity="1000")],
        routes=["Origin,Small,100,"],
        total=["2020-01-01,0", "2020-01-02,5000"],
    )
    done = run(import_flee(*case).scenario, daily=True, out=tmp_path / "run")
    assert persons(done, "Small").max() == 1000
    assert (persons(done, "Small") + persons(done, "Origin")).iloc[-1] == 5000
