"""Reading FLEE cases: refusals with file and row, columns and files in any form, rules that need a "
"counterpart."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from sim.ensemble import run
from sim.errors import DataError
from sim.exchange.files import Reader
from sim.exchange.flee import compare_with_data, import_flee
from sim.exchange.flee.rules import walking_table
from sim.exchange.flee.series import Series, by_day, correct
from sim.exchange.flee.settings import Settings, read_settings
from sim.exchange.flee.spawn import daily_arrivals
from tests.flee_cases import BURUNDI, persons, write_flee

ORIGIN = "Origin,R,Burundi,1.0,1.0,conflict_zone,0,1000"
TOWN = "Town,R,Burundi,1.5,1.5,town,,"
CAMP = "Camp,R,Rwanda,2.0,2.0,camp,,"
ROADS = ["Origin,Town,50,", "Town,Camp,60,"]
BASIC = {"locations": [ORIGIN, TOWN, CAMP], "routes": ROADS}


def refused(case: tuple[Path, Path]) -> str:
    with pytest.raises(DataError) as caught:
        import_flee(*case)
    return str(caught.value)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"routes": [*ROADS, "Origin,Twon,5,"]}, ["routes.csv:4 name2", "no location 'Twon'", "'Town'"]),
        ({"routes": ["Origin,Town,fifty,", ROADS[1]]}, ["routes.csv:2 distance", "'fifty'", "a number"]),
        ({"routes": ["Origin,Town,-3,", ROADS[1]]}, ["routes.csv:2 distance", "0 or more"]),
        ({"routes": [*ROADS, "Camp,Camp,5,"]}, ["routes.csv:4", "ends where it begins"]),
        ({"routes": [ROADS[0]]}, ["the world is closed", "locations.csv:2", "reached from 'Origin'"]),
        ({"locations": [ORIGIN, TOWN]}, ["there is no location 'Camp'"]),
        ({"locations": [ORIGIN, TOWN, CAMP, CAMP]}, ["locations.csv:5", "twice", "first at locations.csv:4"]),
        ({"locations": [ORIGIN, TOWN, CAMP.replace("camp", "kamp")]}, ["locations.csv:4", "mean 'camp'"]),
        ({"locations": [ORIGIN, TOWN, CAMP.replace("2.0,2.0", "200,2")]}, ["locations.csv:4 latitude"]),
        ({"camps": {"Cmap": ["2020-01-01,3"]}}, ["data_layout.csv:2", "'Cmap'", "'Camp'"]),
        ({"camps": {"Camp": ["#only,a comment"]}}, ["data_layout.csv:2", "the series of 'Camp' is empty"]),
        ({"camps": {"Camp": ["2020-01-01,many"]}}, ["Camp.csv:1 persons", "'many'"]),
        ({"camps": {"Camp": ["first of May,3"]}}, ["Camp.csv:1 date"]),
        ({"total": ["2020-01-01,0"]}, ["nobody is displaced"]),
        ({"closures": ["wall,Origin,Town,1,2"]}, ["closures.csv:2 closure_type", "'wall'"]),
        ({"closures": ["link,Origin,Toun,1,2"]}, ["closures.csv:2 name2", "'Town'"]),
        ({"closures": ["country,Burundi,Ruanda,1,2"]}, ["closures.csv:2 name2", "'Ruanda'", "'Rwanda'"]),
        ({"closures": ["link,Origin,Town,soon,2"]}, ["closures.csv:2 closure_start", "'soon'"]),
        ({"settings": {"default_movechance": 1.3}}, ["settings.yml", "default_movechance is 1.3", "0 to 1"]),
        ({"settings": {"max_move_speed": "fast"}}, ["settings.yml", "max_move_speed is 'fast'"]),
        ({"locations": [ORIGIN.replace(",0,", ",30,"), TOWN, CAMP]}, ["no conflict zone on that day"]),
    ],
)
def test_refusals_name_file_and_row(tmp_path: Path, change: dict[str, object], said: list[str]) -> None:
    message = refused(write_flee(tmp_path / "case", **{**BASIC, **change}))  # type: ignore[arg-type]
    for part in said:
        assert part in message, message


def test_all_faults_in_one_go(tmp_path: Path) -> None:
    case = write_flee(
        tmp_path / "case", locations=[ORIGIN, TOWN, CAMP], routes=["Origin,Tow,5,", "Twn,Camp,x,"]
    )
    assert "4 problems" in refused(case) or "3 problems" in refused(case)


def test_missing_files(tmp_path: Path) -> None:
    folder, settings = write_flee(tmp_path / "case", **BASIC)  # type: ignore[arg-type]
    (folder / "input_csv" / "closures.csv").unlink()
    (folder / "input_csv" / "sim_period.csv").unlink()
    done = import_flee(folder, None)
    assert done.scenario.window.end == date(2020, 1, 2)
    assert any("sim_period.csv is missing" in item for item in done.left_out)
    (folder / "source_data" / "refugees.csv").unlink()
    assert "data_layout.csv:1" in refused((folder, settings))
    (folder / "input_csv" / "routes.csv").unlink()
    assert "routes.csv is missing" in refused((folder, settings))
    assert "no such folder" in refused((tmp_path / "nowhere", settings))


def test_headings_in_any_form(tmp_path: Path) -> None:
    folder, settings = write_flee(tmp_path / "case", **BASIC)  # type: ignore[arg-type]
    plain = import_flee(folder, settings).scenario
    inputs = folder / "input_csv"
    (inputs / "locations.csv").write_text(
        '"country","name","lat","lon","type","pop/cap","conflict_date","region","colour"\n'
        "# a remark\n\nBurundi,Origin,1.0,1.0,conflict_zone,1000,0,R,red\n"
        "Burundi,Town,1.5,1.5,default,,,R,\nRwanda,Camp,2.0,2.0,Camp,,,R,blue\n"
    )
    assert import_flee(folder, settings).scenario.world.legs == plain.world.legs
    (inputs / "locations.csv").write_text(f"{ORIGIN}\n{TOWN}\n{CAMP}\n")
    assert import_flee(folder, settings).scenario.world.legs == plain.world.legs
    flat = tmp_path / "flat"
    flat.mkdir()
    for path in [*inputs.iterdir(), *(folder / "source_data").iterdir()]:
        (flat / path.name).write_text(path.read_text())
    assert import_flee(flat, settings).scenario.departures == plain.departures


def test_settings_in_any_form(tmp_path: Path) -> None:
    flat = tmp_path / "flat.yml"
    flat.write_text(
        "max_move_speed: 200\nconflict_movechance: 0.5\nawareness_levle: 2\nchildrenavoidhazards: true\n"
    )
    left_out: list[str] = []
    read = read_settings(flat, Reader([]), left_out)
    assert (read.max_move_speed, read.conflict_movechance, read.camp_movechance) == (200.0, 0.5, 0.001)
    assert any("awareness_levle" in item and "awareness" in item for item in left_out)
    assert any("childrenavoidhazards" in item for item in left_out)
    old = tmp_path / "simsetting.csv"
    old.write_text("AgentLogLevel,0\nMaxMoveSpeed,200\nCampMoveChance,0.01\nStartOnFoot,False\n")
    assert read_settings(old, Reader([]), []).camp_movechance == 0.01
    assert read_settings(None, Reader([]), []) == Settings()


def test_names_become_ids_and_countries_codes(tmp_path: Path) -> None:
    case = write_flee(
        tmp_path / "case",
        locations=["N'Dele (north),R,CAR,1,1,conflict_zone,0,10", "Camp 1,R,Atlantis,2,2,camp,,"],
        routes=["N'Dele (north),Camp 1,30,"],
        camps={"Camp 1": ["2020-01-01,5"]},
    )
    world = import_flee(*case).scenario.world
    assert [place.id for place in world.places][:2] == ["N_Dele_north", "Camp_1"]
    assert [place.country for place in world.places][:2] == ["CAF", "XAA"]
    assert world.places[0].name == "N'Dele (north)"


def test_first_day_in_camps_and_falls_of_the_total(tmp_path: Path) -> None:
    total = by_day(Series("t", [0, 1, 2, 3, 4], [10, 30, 20, 25, 40], ""), 5)
    assert daily_arrivals(total, True).tolist() == [0, 20, 0, 0, 10]
    case = write_flee(
        tmp_path / "case",
        **BASIC,  # type: ignore[arg-type]
        total=["2020-01-01,100", "2020-01-11,1100"],
        camps={"Camp": ["2020-01-01,40", "2020-01-11,900"]},
    )
    done = run(import_flee(*case).scenario, daily=True, out=tmp_path / "run")
    assert persons(done, "Camp").iloc[0] == 40
    assert done.manifest["people"] == 1040


def test_registration_corrections(tmp_path: Path) -> None:
    path = tmp_path / "registration_corrections.csv"
    path.write_text("Camp,2020-01-21,normalize\nCamp,2020-01-22\n")
    series = {"Camp": Series("Camp", [0, 10, 20], [100.0, 200.0, 150.0], "camp.csv")}
    skipped = correct(path, series, Reader([]), date(2020, 1, 1))
    assert series["Camp"].persons == [75.0, 150.0, 150.0]
    assert len(skipped) == 1
    assert ":2" in skipped[0]


def test_conflicts_move_scores_and_leaving(tmp_path: Path) -> None:
    folder, settings = write_flee(
        tmp_path / "case",
        **BASIC,  # type: ignore[arg-type]
        settings={"conflict_weight": 0.25, "default_movechance": 0.5, "softening": 0.0},
    )
    rows = ["#Day,Origin,Town,", *(f"{day},1,{1 if day >= 10 else 0}," for day in range(60))]
    (folder / "input_csv" / "conflicts.csv").write_text("\n".join(rows) + "\n")
    scenario = import_flee(folder, settings).scenario
    into = [p for p in scenario.policies if p.id.startswith("weight-into-Town")]
    assert [p.weight_factor for p in into] == [0.25]  # type: ignore[union-attr]
    assert into[0].start == date(2020, 1, 11)
    assert any(p.id.startswith("leaving-Town") for p in scenario.policies)
    done = run(scenario, daily=True, out=tmp_path / "run")
    assert persons(done, "Camp").iloc[-1] == 20_000


def test_a_conflict_keeps_its_first_intensity(tmp_path: Path) -> None:
    folder, settings = write_flee(
        tmp_path / "case",
        locations=[
            "#name,region,country,lat,lon,location_type,conflict_date,population,IPC",
            ORIGIN + ",3",
            TOWN,
            CAMP,
        ],
        routes=ROADS,
        settings={"conflict_weight": 0.25},
    )
    levels = [0.5, 0.9, 0.1, 0.7]
    rows = ["#Day,Origin,Town", *(f"{day},1,{levels[day % 4] if 10 <= day < 20 else 0}" for day in range(60))]
    (folder / "input_csv" / "conflicts.csv").write_text("\n".join(rows) + "\n")
    into = [p for p in import_flee(folder, settings).scenario.policies if p.id.startswith("weight-into-Town")]
    assert [(p.start, p.end) for p in into] == [(date(2020, 1, 11), date(2020, 1, 20))]
    assert into[0].weight_factor == pytest.approx(0.25**0.1)  # type: ignore[union-attr]


def test_camp_that_opens_later(tmp_path: Path) -> None:
    case = write_flee(tmp_path / "case", **BASIC, closures=["camp,Camp,,0,20"])  # type: ignore[arg-type]
    done = run(import_flee(*case).scenario, daily=True, out=tmp_path / "run")
    there = persons(done, "Camp")
    assert there[19] < 15_000 < there[50]


def test_forced_redirection_and_its_end(tmp_path: Path) -> None:
    other = "Other,R,Rwanda,2.0,3.0,camp,,"
    case = write_flee(
        tmp_path / "case",
        locations=[ORIGIN, CAMP, other],
        routes=["Origin,Camp,60,1", "Other,Origin,60,"],
        total=["2020-01-01,0", "2020-02-29,59000"],
        closures=["remove_forced_redirection,Origin,Camp,30,0"],
        settings={"insert_day0": "true"},
    )
    done = run(import_flee(*case).scenario, daily=True, out=tmp_path / "run")
    aside = persons(done, "Other")
    assert aside[29] == 0
    assert aside.iloc[-1] > 13_000


def test_markers_are_passed_not_chosen(tmp_path: Path) -> None:
    case = write_flee(
        tmp_path / "case",
        locations=[ORIGIN, "Bend,R,Burundi,1,1,marker,,", CAMP],
        routes=["Origin,Bend,30,", "Bend,Camp,60,"],
        settings={"softening": 10.0},
    )
    scenario = import_flee(*case).scenario
    assert scenario.world.leg("Origin--Camp--via-Bend").distance_km == 90.0
    assert "Bend" not in {place.id for place in scenario.world.places}


def test_walking_from_home(tmp_path: Path) -> None:
    case = write_flee(
        tmp_path / "case",
        locations=[ORIGIN, CAMP],
        routes=["Origin,Camp,100,"],
        settings={"start_on_foot": "true", "max_walk_speed": 35.0},
    )
    done = run(import_flee(*case).scenario, daily=True, out=tmp_path / "run")
    there = persons(done, "Camp")
    assert (there[3], there[4]) == (0, 20_000)  # out on day 1, floor(100 / 35) + 1 = 3 days


def test_walking_days_by_chance() -> None:
    table = walking_table(100.0, 101.0, 60.0, 0.25)
    assert table["days"] == [0, 1]
    assert table["share"] == pytest.approx([0.75, 0.25])


def test_awareness_of_two_links(tmp_path: Path) -> None:
    far = "Far,R,Rwanda,2.0,3.0,camp,,"
    case = write_flee(
        tmp_path / "case",
        locations=[ORIGIN, TOWN, CAMP, far],
        routes=["Origin,Town,90,", "Town,Far,90,", "Origin,Camp,90,"],
        settings={"awareness_level": 2, "softening": 10.0},
    )
    legs = import_flee(*case).scenario.world
    assert legs.leg("Origin--Camp").weight == pytest.approx(1 / 100)
    assert legs.leg("Origin--Town").weight == pytest.approx(1 / 100 + 1 / 190)


def test_departures_driven_by_conflict(tmp_path: Path) -> None:
    folder, _ = write_flee(tmp_path / "case", **BASIC)  # type: ignore[arg-type]
    settings = tmp_path / "push.yml"
    settings.write_text(
        "spawn_rules:\n  conflict_driven_spawning:\n    spawn_mode: pop_ratio\n    "
        "displaced_per_conflict_day: 0.01\n"
    )
    for path in (folder / "source_data").iterdir():
        path.unlink()
    scenario = import_flee(folder, settings).scenario
    assert [(d.place, d.per_day) for d in scenario.departures] == [("Origin", 10.0)]


def test_the_scenario_reads_back(tmp_path: Path) -> None:
    from sim.spec import load_scenario

    done = import_flee(BURUNDI, BURUNDI / "simsetting.yml", tmp_path / "out")
    assert done.path is not None
    assert load_scenario(done.path) == done.scenario


def test_comparison_needs_days_and_counts(tmp_path: Path) -> None:
    case = write_flee(tmp_path / "case", **BASIC, camps={"Camp": ["2020-01-01,5"]})  # type: ignore[arg-type]
    scenario = import_flee(*case).scenario
    with pytest.raises(DataError, match="by month"):
        compare_with_data(run(scenario, out=tmp_path / "monthly"))
    other = write_flee(tmp_path / "other", **BASIC)  # type: ignore[arg-type]
    with pytest.raises(DataError, match="no place carries observed counts"):
        compare_with_data(run(import_flee(*other).scenario, daily=True, out=tmp_path / "daily"))


def test_comparison_by_hand(tmp_path: Path) -> None:
    two = "Two,R,Rwanda,2,2,camp,,"
    case = write_flee(
        tmp_path / "case",
        locations=[ORIGIN, CAMP, two],
        routes=["Origin,Camp,10,", "Origin,Two,10,"],
        total=["2020-01-01,100", "2020-01-02,110"],
        camps={"Camp": ["2020-01-01,60"], "Two": ["2020-01-01,40", "2020-01-02,40", "2020-01-03,60"]},
        length=3,
    )
    done = compare_with_data(run(import_flee(*case).scenario, daily=True, out=tmp_path / "run"))
    assert done.by_day["difference"].tolist()[:2] == [0.0, 0.0]
    assert done.by_day["simulated"].tolist() == [100.0, 100.0, 110.0]
    assert done.plain == pytest.approx(done.by_day["difference"].mean())
