"""The Mesa face: days, agents with the day's numbers, collectors, seeds."""

from __future__ import annotations

import runpy
from typing import Any

import numpy as np
import pytest

from sim.engines.agents import run_agents
from sim.errors import RunError
from sim.model import Country, Post, RouteModel
from sim.plan import compile_plan
from sim.spec import load_scenario
from tests.conftest import ROOT
from tests.reference.worlds import Size, random_world


def tiny(days: int = 20, per_day: int = 10) -> dict[str, Any]:
    window = {"start": "2023-01-01", "end": f"2023-01-{days:02d}"}
    places: list[dict[str, Any]] = [
        {"id": "A", "country": "COL", "role": "origin", "stay": {"kind": "fixed", "days": 1}},
        {"id": "P", "country": "PAN", "role": "reception", "stay": {"kind": "fixed", "days": 2}},
        {"id": "B", "country": "CRI", "role": "destination"},
    ]
    places[1]["reception_capacity_persons"] = 15
    day = {"kind": "fixed", "days": 1}
    legs = [
        {"id": "A-P", "from": "A", "to": "P", "days": day},
        {"id": "P-B", "from": "P", "to": "B", "days": day, "capacity_per_day": 4},
    ]
    rows = [{"place": "A", "group": "VEN", "per_day": per_day, **window}]
    return {"name": "tiny", "window": window, "world": {"places": places, "legs": legs}, "departures": rows}


def test_a_step_is_a_day_and_agents_carry_its_numbers() -> None:
    model = RouteModel(tiny(), rng=1)
    seen = []
    for _ in range(8):
        model.step()
        post = model.posts["P"]
        seen.append((post.came, post.staying, post.queued, post.coming, model.countries["CRI"].arrived))
    # day 0 to 7: ten people a day leave after one day, arrive after another, stay two, then four a day go on
    assert [s[0] for s in seen] == [0, 0, 10, 10, 10, 10, 10, 10]
    assert [s[1] for s in seen] == [0, 0, 10, 20, 20, 20, 20, 20]
    assert [s[2] for s in seen] == [0, 0, 0, 0, 6, 12, 18, 24]
    assert [s[3] for s in seen] == [0, 10, 10, 10, 10, 10, 10, 10]
    assert [s[4] for s in seen] == [0, 0, 0, 0, 0, 4, 4, 4]
    assert str(model.date) == "2023-01-08"
    assert model.posts["P"].over_capacity == 20 + 24 - 15
    assert model.departed == 10
    assert model.on_route + model.ended == 80


def test_countries_and_posts_are_mesa_agents() -> None:
    model = RouteModel(tiny(), rng=1)
    assert {type(agent) for agent in model.agents} == {Country, Post}
    assert set(model.countries) == {"COL", "PAN", "CRI"}
    assert set(model.posts) == {"P"}
    model.run_for(6)
    assert model.day == 6
    present, coming = (model.agents.select(agent_type=Country).agg(n, sum) for n in ("present", "coming"))
    assert present + coming == model.on_route


def test_the_data_collector_keeps_every_day() -> None:
    model = RouteModel(tiny(), rng=1)
    while model.running:
        model.step()
    days = model.datacollector.get_model_vars_dataframe()
    assert len(days) == 20
    assert days["departed"].sum() == 200
    assert days["ended"].iloc[-1] + days["on_route"].iloc[-1] == 200
    countries = model.datacollector.get_agenttype_vars_dataframe(Country).reset_index()
    assert countries[countries["name"] == "CRI"]["arrived"].sum() == days["ended"].iloc[-1]
    assert len(model.datacollector.get_agenttype_vars_dataframe(Post)) == 20
    with pytest.raises(RunError, match="expected at most 20 steps"):
        model.step()


def test_the_same_whole_number_gives_the_same_people_as_a_run() -> None:
    world = random_world(4, Size(places=6, days=40, per_day=9, policies=5))
    model = RouteModel(world, rng=7, threads=2)
    arrived = 0
    while model.running:
        model.step()
        arrived += model.countries["USA"].arrived
    tally = run_agents(compile_plan(load_scenario(world)), seed=7)
    assert np.array_equal(model.people.state.balance, tally.balance)
    usa = [i for i, c in enumerate(model.plan.place_country) if c == "USA"]
    assert arrived == tally.ended[1][usa].sum()
    crossed = model.people.state.flow.sum(axis=(0, 1, 3))
    assert np.array_equal(crossed, tally.flows.sum(axis=(0, 2)))


def test_people_who_came_are_those_who_crossed() -> None:
    model = RouteModel(random_world(11, Size(places=8, days=40, per_day=9, policies=6)), rng=3)
    came = 0
    while model.running:
        model.step()
        came += sum(country.came for country in model.countries.values())
    assert came == model.people.state.flow[:, : model.plan.n_days].sum()


def test_generators_and_nothing_are_seeds_too() -> None:
    one, two = (RouteModel(tiny(), rng=np.random.default_rng(5)) for _ in range(2))
    assert one.run_seed == two.run_seed
    assert RouteModel(tiny(), rng=6).run_seed == 6
    assert RouteModel(tiny()).run_seed >= 0


def test_scale_and_a_library_scenario() -> None:
    model = RouteModel.from_scenario("history/baseline", scale=0.002, rng=1)
    model.run_for(3)
    assert {"PAN", "MEX", "COL"} <= set(model.countries)
    balance = np.asarray(model.people.state.balance, np.int64)
    assert model.on_route == balance[:3, 0].sum() - model.ended


def test_the_example_runs(capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(str(ROOT / "docs" / "examples" / "mesa_model.py"), run_name="__main__")
    table = [line.split() for line in capsys.readouterr().out.splitlines()[2:]]
    assert [row[0] for row in table] == ["7.0", "14.0", "21.0", "28.0", "35.0", "42.0"]
    assert int(table[3][3]) == 0  # nobody came while the jungle was closed
    assert int(table[4][2]) > 100  # and then all at once
