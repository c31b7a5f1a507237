"""Every refusal, with the words it is told in, and all of them in one go."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sim.errors import Problem, ScenarioError
from sim.spec import load_scenario
from tests.unit.spec_worlds import TWO_ROADS, two_roads

Change = Callable[[dict[str, Any]], object]


def problems_of(change: Change) -> list[str]:
    content = two_roads()
    change(content)
    with pytest.raises(ScenarioError) as caught:
        load_scenario(content)
    return [str(problem) for problem in caught.value.problems]


def leg(content: dict[str, Any], number: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = content["world"]["legs"][number]
    return found


def place(content: dict[str, Any], number: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = content["world"]["places"][number]
    return found


def policy(content: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = content["policies"][0]
    return found


def departure(content: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = content["departures"][0]
    return found


def zero_cycle(content: dict[str, Any]) -> None:
    place(content, 1)["stay"] = {"kind": "fixed", "days": 0}
    place(content)["stay"] = {"kind": "table", "days": [0], "share": [1]}
    leg(content)["days"] = {"kind": "fixed", "days": 0}
    content["world"]["legs"].append(
        {"id": "B-A", "from": "B", "to": "A", "days": {"kind": "fixed", "days": 0}}
    )


def closed_world(content: dict[str, Any]) -> None:
    place(content, 2)["role"] = "transit"
    content["world"]["legs"].append(
        {"id": "C-A", "from": "C", "to": "A", "days": {"kind": "fixed", "days": 1}}
    )


def always_closed(content: dict[str, Any]) -> None:
    content["policies"].append(
        {"id": "wall", "instrument": "closure", "legs": ["B-C"], "start": "2022-01-01"}
    )


ONE_PROBLEM: list[tuple[Change, str, str]] = [
    (lambda c: c.update(polcies=[]), "polcies: unknown key 'polcies'", "did you mean 'policies'?"),
    (lambda c: leg(c).update(wieght=3), "legs[A-B].wieght: unknown key 'wieght'", "did you mean 'weight'?"),
    (lambda c: place(c)["stay"].update(mean=3), "places[A].stay.mean: unknown key 'mean'", "'mean_days'?"),
    (lambda c: place(c)["stay"].update(kind="geo"), "places[A].stay: kind is 'geo'", "'geometric'?"),
    (lambda c: place(c)["stay"].pop("kind"), "places[A].stay: the key 'kind' is missing", "fixed, geometric"),
    (lambda c: place(c).update(role="border"), "places[A].role: role is 'border'", "one of origin, transit"),
    (lambda c: c.pop("name"), "the key 'name' is missing", "a short name"),
    (lambda c: c.pop("window"), "the key 'window' is missing", "window: {start"),
    (
        lambda c: c["world"]["legs"].append(leg(c)),
        "legs[A-B].id: the id 'A-B' is given twice",
        "each id once",
    ),
    (lambda c: leg(c).update(to="Bb"), "legs[A-B].to: there is no place 'Bb'", "did you mean 'B'?"),
    (lambda c: leg(c).update(to="A"), "legs[A-B].to: the leg 'A-B' ends where it begins", "another place"),
    (lambda c: c["world"]["legs"].pop(), "places[B].id: nobody can leave 'B'", "role: destination"),
    (lambda c: leg(c, 2).update(weight=0), "nobody can ever leave 'B'", "a leg out of it that opens"),
    (lambda c: leg(c, 2).update(open_to="2022-01-01"), "nobody can ever leave 'B'", ""),
    (lambda c: leg(c, 2).update(closed_by_default=True), "nobody can ever leave 'B'", ""),
    (always_closed, "policies[wall]: the policy 'wall' closes every way out of 'B'", "stays open"),
    (closed_world, "the world is closed: from 'A' no destination can be reached", "role: destination"),
    (zero_cycle, "the round trip through A, B takes zero days for certain", "takes time"),
    (lambda c: leg(c).update(weight=-3), "legs[A-B].weight: weight is -3", "greater than or equal to 0"),
    (
        lambda c: leg(c).update(cost_usd=float("nan")),
        "legs[A-B].cost_usd: cost_usd is nan",
        "a finite number",
    ),
    (lambda c: leg(c).update(haz_robbed=1.2), "haz_robbed is 1.2", "less than or equal to 1"),
    (lambda c: leg(c).update(weight=True), "legs[A-B].weight: a number is needed", ""),
    (lambda c: leg(c).update(weight="many"), "weight is 'many'", "a number"),
    (
        lambda c: leg(c).update(open_from="2023-05-01", open_to="2023-04-01"),
        "comes before open_from",
        "in order",
    ),
    (lambda c: leg(c).update(season="rain"), "legs[A-B].season: there is no season 'rain'", "there are none"),
    (lambda c: departure(c).update(per_day=float("inf")), "departures[1].per_day: per_day is inf", "finite"),
    (lambda c: departure(c).update(persons=5), "exactly one of per_day and persons is needed", ""),
    (lambda c: departure(c).update(per_day=0), "nobody departs", "more than 0 persons"),
    (lambda c: c.update(departures=[]), "nobody departs", "rows under departures"),
    (lambda c: departure(c).update(group="VENN"), "there is no group 'VENN'", "did you mean 'VEN'?"),
    (
        lambda c: departure(c).update(place="Q"),
        "departures[1].place: there is no place 'Q'",
        "one of A, B, C",
    ),
    (
        lambda c: departure(c).update(start="2022-12-31"),
        "start 2022-12-31 lies outside the days simulated",
        "2023-01-01 to",
    ),
    (lambda c: departure(c).update(end="2023-07-01"), "end 2023-07-01 lies outside the days simulated", ""),
    (lambda c: departure(c).update(start="2023-04-01"), "end 2023-03-31 comes before start 2023-04-01", ""),
    (
        lambda c: c["window"].update(end="2022-01-01"),
        "window: end 2022-01-01 comes before start 2023-01-01",
        "",
    ),
    (lambda c: c["window"].update(end="2200-01-01"), "longer than a hundred years", ""),
    (lambda c: c.update(spin_up_start="soon"), "spin_up_start is 'soon'", "a date such as"),
    (lambda c: c.update(spin_up_start="2023-01-01"), "does not come before the window", ""),
    (lambda c: c.update(world="america"), "world: there is no world 'america'", "did you mean 'americas'?"),
    (lambda c: c.update(departures="world"), "departures is 'world'", "written in the file"),
    (lambda c: c.update(behaviour={"mean": True}), "behaviour.mean: unknown key 'mean'", "'means'?"),
    (lambda c: c.update(units={"family": {"share": 0.5}}), "the shares of units add up to 0.5", "1"),
    (
        lambda c: c.update(units={"family": {"share": 1, "sizes": {2: 0.5, 3: 0.4}}}),
        "the sizes of family add up to 0.9",
        "shares that add up to 1",
    ),
    (lambda c: c.update(units={"couple": {"share": 1}}), "there is no unit 'couple'", "alone, family"),
    (
        lambda c: c.update(parameters={"hazard_scal": 1}),
        "there is no parameter 'hazard_scal'",
        "'hazard_scale'?",
    ),
    (lambda c: c.update(parameters={"work_share": 2}), "work_share is 2", "0 to 1"),
    (
        lambda c: c.update(parameters={"hazard_scale": "x"}),
        "parameters.hazard_scale: hazard_scale is 'x'",
        "finite",
    ),
    (
        lambda c: c.update(set={"legs": {"A-Bb": {"weight": 1}}}),
        "set.legs.A-Bb: there is no 'A-Bb'",
        "'A-B'?",
    ),
    (lambda c: c.update(set={"policies": {"shutt": {"size": 0}}}), "there is no policy 'shutt'", "'shut'?"),
    (lambda c: c.update(drop_policies=["shutt"]), "no policy or event 'shutt' to drop", ""),
    (
        lambda c: policy(c).update(legs=["A-D"]),
        "policies[shut].legs: there is no leg 'A-D'",
        "one of A-B, A-C, B-C",
    ),
    (lambda c: policy(c).update(places=["Q"]), "policies[shut].places: there is no place 'Q'", ""),
    (lambda c: policy(c).update(countries=["PAM"]), "there is no country 'PAM'", "did you mean 'PAN'?"),
    (
        lambda c: policy(c).update(nationalities=["VEM"]),
        "there is no nationality 'VEM'",
        "did you mean 'VEN'?",
    ),
    (
        lambda c: policy(c).update(nationalities=["HTI"]),
        "touches nothing: nobody of HTI departs",
        "one of VEN",
    ),
    (
        lambda c: policy(c).update(units=["family"]),
        "touches nothing: nobody travels as family",
        "one of alone",
    ),
    (
        lambda c: policy(c).update(legs=[]),
        "touches nothing: it names no place, leg, country or mode",
        "matching legs",
    ),
    (
        lambda c: policy(c).update(start="2024-01-01", end="2024-02-01"),
        "in force on no day of the window",
        "2023-06-30",
    ),
    (lambda c: policy(c).update(end="2023-01-01"), "end 2023-01-01 comes before start 2023-02-01", ""),
    (lambda c: policy(c).update(instrument="closuer"), "instrument is 'closuer'", "did you mean 'closure'?"),
    (
        lambda c: policy(c).pop("instrument"),
        "policies[shut].instrument: the key 'instrument' is missing",
        "closure",
    ),
    (lambda c: policy(c).update(size=3), "policies[shut].size: size is 3", "less than or equal to 1"),
    (lambda c: policy(c).update(leg=["A-B"]), "unknown key 'leg'", "did you mean 'legs'?"),
    (
        lambda c: c["policies"].append("title-4200"),
        "there is no policy or event 'title-4200'",
        "of the library",
    ),
    (lambda c: c["policies"].append(policy(c)), "the policy 'shut' is listed twice", "each id once"),
    (lambda c: c.update(name="../x"), "scenario.name: name is '../x'", ""),
]


@pytest.mark.parametrize(("change", "found", "expected"), ONE_PROBLEM)
def test_refuses_with_place_expectation_and_hint(change: Change, found: str, expected: str) -> None:
    told = problems_of(change)
    assert len(told) == 1, told
    assert found in told[0]
    assert expected in told[0]


def test_all_problems_are_told_in_one_go(tmp_path: Path) -> None:
    text = TWO_ROADS.replace("weight: 3", "wieght: 3").replace("group: VEN", "group: VNE")
    text = text.replace("to: C, mode: boat", "to: D, mode: boat").replace("2023-02-14", "2023-01-14")
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    with pytest.raises(ScenarioError) as caught:
        load_scenario(path)
    told = [str(problem) for problem in caught.value.problems]
    assert "The scenario 'bad.yaml' cannot be run: 4 problems" in str(caught.value)
    assert any(line.startswith("bad.yaml:9:legs[A-B].wieght: unknown key") for line in told)
    assert any(line.startswith("bad.yaml:10:legs[A-C].to: there is no place 'D'") for line in told)
    assert any(line.startswith("bad.yaml:13:departures[1].group: there is no group 'VNE'") for line in told)
    assert any("end 2023-01-14 comes before start 2023-02-01" in line for line in told)


def test_a_missing_id_is_told_with_what_it_breaks() -> None:
    told = problems_of(lambda c: place(c).pop("id"))
    assert told[0] == "places[1].id: the key 'id' is missing; expected the keys id, country, role"
    assert "legs[A-B].from: there is no place 'A'; expected one of B, C" in told


def test_names_of_policies_carry_their_line(tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(TWO_ROADS.replace("legs: [A-B], start", "legs: [A-X], start"))
    with pytest.raises(ScenarioError, match=r"bad.yaml:15:policies\[shut\].legs: there is no leg 'A-X'"):
        load_scenario(path)


def test_unknown_scenarios_are_refused() -> None:
    with pytest.raises(ScenarioError, match="'history/nothing' is not known"):
        load_scenario("history/nothing")
    with pytest.raises(ScenarioError, match="there is no such file"):
        load_scenario("nothing.yaml")


BOMB = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{new}: &{new} [{','.join(['*' + old] * 10)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (BOMB, "aliases repeat too much of the document"),
        ("a: &a [*a]\n", "nested too deeply"),
        ("a: " + "[" * 2000, "nested too deeply"),
        ("a: " + "[" * 50 + "]" * 50, "nested too deeply"),
        ("a: [1, 2", "this is not YAML"),
        ("- a\n- b\n", "there is no mapping at the top"),
        ("", "there is no mapping at the top"),
        ("name: x\nname: y\n", r"bad.yaml:2: the key 'name' is written twice"),
        ("name: !!python/object:os.system x\n", "the tag 'python/object:os.system' is not allowed"),
        ("window: 2023-13-45\n", "window is '2023-13-45'"),
        ("a: 1\n--- \nb: 2\n", "this is not YAML"),
    ],
)
def test_refuses_files_that_are_no_scenario(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    with pytest.raises(ScenarioError, match=message):
        load_scenario(path)


def test_refuses_large_and_binary_files(tmp_path: Path) -> None:
    large = tmp_path / "large.yaml"
    large.write_text("# padding\n" * 1_100_000)
    with pytest.raises(ScenarioError, match="the file has 11,000,000 bytes; expected at most 10,000,000"):
        load_scenario(large)
    binary = tmp_path / "binary.yaml"
    binary.write_bytes(b"\xff\xfe\x00name")
    with pytest.raises(ScenarioError, match="not UTF-8"):
        load_scenario(binary)


def test_an_unreachable_place_is_noted_not_refused() -> None:
    from sim.spec import load_with_notes

    content = two_roads()
    content["world"]["places"].append({"id": "Z", "country": "MEX", "role": "destination"})
    _, notes = load_with_notes(content)
    assert notes == [Problem("nobody can reach the place 'Z'", "places[Z].id")]


ALL_WRONG = """\
name: wrong
window: {start: 2023-06-30, end: 2023-01-01}
world:
  places:
    - {id: A, country: COL, role: origin}
    - {id: B, country: PAN, role: destination}
  legs:
    - {id: A-B, from: A, to: Bb, days: {kind: fixed, days: 1}, weight: -3}
departures:
  - {place: Q, group: VENN, per_day: -1, start: 2023-01-01, end: 2023-01-31}
  - {place: A, group: VEN, per_day: 1, start: 2023-02-30, end: 2023-03-31}
policies:
  - {id: shut, instrument: closure, legs: [A-BB], start: 2023-02-20, end: 2023-02-14}
parameters: {beta_dayz: 1}
"""


def test_a_fault_hides_no_other(tmp_path: Path) -> None:
    """A wrong window, an impossible date and rows with two faults each: all told at once, each with its line."""
    path = tmp_path / "wrong.yaml"
    path.write_text(ALL_WRONG, encoding="utf-8")
    with pytest.raises(ScenarioError) as caught:
        load_scenario(path)
    told = [str(problem) for problem in caught.value.problems]
    expected = (
        (2, "window", "end 2023-01-01 comes before start"),
        (8, "legs[A-B].weight", "weight is -3"),
        (8, "legs[A-B].to", "there is no place 'Bb'"),
        (10, "departures[1].place", "there is no place 'Q'"),
        (10, "departures[1].group", "there is no group 'VENN'"),
        (10, "departures[1].per_day", "per_day is -1"),
        (11, "departures[2].start", "start is '2023-02-30'"),
        (13, "policies[shut]", "end 2023-02-14 comes before start"),
        (13, "policies[shut].legs", "there is no leg 'A-BB'"),
        (14, "parameters.beta_dayz", "there is no parameter 'beta_dayz'"),
    )
    for line, key, words in expected:
        assert any(one.startswith(f"wrong.yaml:{line}:{key}: {words}") for one in told), (line, key, words)
    assert len(told) == len(expected)
