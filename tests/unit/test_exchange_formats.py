"""Round trips: the world to GeoJSON, GraphML and YAML, a run folder to NetCDF, and back, all equal."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import frictionless
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from sim.cli.main import call
from sim.ensemble import run
from sim.errors import DataError, ScenarioError
from sim.exchange.ensembles import experiments_outcomes, from_netcdf, to_dataset, to_ema, to_netcdf
from sim.exchange.graphs import from_geojson, from_graphml, to_geojson, to_graphml
from sim.exchange.plain import import_tables
from sim.results import Run
from sim.results.folder import content_hash
from sim.results.tables import TABLES
from sim.results.verify import verify
from sim.spec import load_scenario

STAY = {"kind": "geometric", "mean_days": 4}
DAY = {"kind": "fixed", "days": 1}
SPREAD = {"kind": "table", "days": [1, 2], "share": [0.5, 0.5]}
TRAIL = {"lat": 8.1, "lon": -77.2, "irregular": True}
SMALL = {
    "name": "two_roads",
    "window": {"start": "2023-01-01", "end": "2023-04-30"},
    "world": {
        "places": [
            {"id": "A", "country": "COL", "role": "origin", "stay": STAY, **TRAIL},
            {"id": "B", "country": "PAN", "role": "transit", "stay": {"kind": "fixed", "days": 3}},
            {"id": "C", "name": "Peñas", "country": "CRI", "role": "destination", "lat": 9.5, "lon": -83.0},
        ],
        "legs": [
            {"id": "A-B", "from": "A", "to": "B", "days": DAY, "weight": 3, "direction": "northward"},
            {"id": "A-C", "from": "A", "to": "C", "mode": "boat", "days": DAY, "capacity_per_day": 50},
            {"id": "B-C", "from": "B", "to": "C", "days": SPREAD},
        ],
        "borders": [{"id": "darien", "leg": "A-B"}],
    },
    "departures": [{"place": "A", "group": "VEN", "per_day": 20, "start": "2023-01-01", "end": "2023-02-28"}],
}


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run(load_scenario(SMALL), replicates=3, out=tmp_path_factory.mktemp("runs") / "small")


@pytest.mark.parametrize("name", ["small", "baseline"])
def test_world_to_geojson_and_graphml_and_back(name: str, tmp_path: Path) -> None:
    world = load_scenario(SMALL if name == "small" else "history/baseline").world
    to_geojson(world, tmp_path / "world.geojson")
    assert from_geojson(tmp_path / "world.geojson") == world
    to_graphml(world, tmp_path / "world.graphml")
    assert from_graphml(tmp_path / "world.graphml") == world


def test_geojson_is_what_maps_expect() -> None:
    made = to_geojson(load_scenario(SMALL).world)
    kinds = {
        feature["id"]: feature["geometry"] and feature["geometry"]["type"] for feature in made["features"]
    }
    assert kinds == {"A": "Point", "B": None, "C": "Point", "A-B": None, "A-C": "LineString", "B-C": None}
    assert made["features"][0]["geometry"]["coordinates"] == [-77.2, 8.1]


def test_points_on_irregular_trails_are_rounded() -> None:
    scenario = load_scenario(SMALL)
    exact = scenario.world.places[0].model_copy(update={"lat": 8.1234, "lon": -77.2987})
    world = scenario.world.model_copy(update={"places": (exact, *scenario.world.places[1:])})
    assert to_geojson(world)["features"][0]["geometry"]["coordinates"] == [-77.3, 8.1]


@pytest.mark.parametrize("text", ["no json", '{"features": [{"properties": {"kind": "river"}}]}'])
def test_other_files_are_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "other.geojson").write_text(text)
    with pytest.raises(DataError):
        from_geojson(tmp_path / "other.geojson")
    with pytest.raises(DataError):
        from_graphml(tmp_path / "missing.graphml")
    (tmp_path / "other.nc").write_bytes(b"CDF\x01 but not really")
    with pytest.raises(DataError):
        from_netcdf(tmp_path / "other.nc", tmp_path / "run")


def test_scenario_to_yaml_and_back(tmp_path: Path) -> None:
    scenario = load_scenario("history/baseline")
    (tmp_path / "s.yaml").write_text(scenario.to_yaml(), encoding="utf-8")
    assert load_scenario(tmp_path / "s.yaml") == scenario


def test_run_folder_to_netcdf_and_back(small: Run, tmp_path: Path) -> None:
    to_netcdf(small, tmp_path / "run.nc")
    back = from_netcdf(tmp_path / "run.nc", tmp_path / "back")
    for name in (*TABLES, "crossings"):
        before, after = (pq.read_table(one.path / f"{name}.parquet") for one in (small, back))
        assert content_hash({name: before}) == content_hash({name: after})
        assert before.schema.equals(after.schema)
    packed = {"files": 0, "seal": 0}
    assert {**back.manifest, **packed} == {**small.manifest, **packed}
    assert not verify(back.path).problems
    assert back.checks == small.checks
    assert back.scenario == small.scenario
    pd.testing.assert_frame_equal(back.summary, small.summary)
    with pytest.raises(DataError, match="there already"):
        from_netcdf(tmp_path / "run.nc", tmp_path / "back")


def test_arrays_hold_what_the_tables_hold(small: Run) -> None:
    arrays = to_dataset(small)
    assert float(arrays["crossings"].sum()) == small.flows["persons"].sum()
    assert float(arrays["person_days"].sel(place="B").sum()) == pytest.approx(
        small.stocks.loc[small.stocks["place"] == "B", "person_days"].sum()
    )
    experiments, outcomes = experiments_outcomes([small])
    assert experiments["scenario"].tolist() == [0, 1, 2]
    assert set(experiments["policy"]) == {"two_roads"}
    assert outcomes["crossings A-B"].shape == (3, 4)
    assert np.all(outcomes["arrived"] == 1180)
    assert len(set(outcomes["crossings A-B"][:, 0])) > 1


def test_results_archive_of_the_ema_workbench(small: Run, tmp_path: Path) -> None:
    to_ema([small, small], tmp_path / "results.tar.gz")
    with tarfile.open(tmp_path / "results.tar.gz") as archive:
        files = {one.name: archive.extractfile(one).read() for one in archive}  # type: ignore[union-attr]
    metadata = json.loads(files["metadata.json"])
    kinds = {name: (kind, file) for kind, name, file in metadata["outcomes"]}
    assert kinds["crossings A-B"][0] == "ArrayOutcome"
    assert kinds["arrived"][0] == "ScalarOutcome"
    assert len(files["experiments.csv"].decode().splitlines()) == 7
    assert all(file in files for _, file in kinds.values())


def test_run_folder_is_a_valid_data_package(small: Run) -> None:
    report = frictionless.validate(str(small.path / "datapackage.json"))
    assert report.valid, report.flatten(["type", "note"])


TABLES_IN = {
    "places.csv": "id,country,role,latitude,longitude,stay_mean_days,colour\n"
    "A,COL,,8,-77,4,red\nB,PAN,,9,-80,,\n",
    "legs.csv": "from,to,mode,days,weight\nA,B,boat,1.5,2\n",
    "departures.csv": "place,nationality,per_day,start,end,month,persons\n"
    "A,VEN,10,2023-01-01,2023-01-31,,\nA,XYZ,,,,2023-02,280\n",
}


def tables(folder: Path, **change: str) -> Path:
    folder.mkdir()
    for name, text in {**TABLES_IN, **{f"{key}.csv": text for key, text in change.items()}}.items():
        (folder / name).write_text(text)
    return folder


def test_plain_tables_become_a_scenario(tmp_path: Path) -> None:
    done = import_tables(tables(tmp_path / "mine"), tmp_path / "out")
    world = done.scenario.world
    assert [place.role for place in world.places] == ["origin", "destination"]
    assert world.legs[0].id == "A--B--boat"
    assert [one.total for one in done.scenario.departures] == [310, 280]
    assert done.left_out == ("places.csv: columns not used: colour",)
    assert load_scenario(tmp_path / "out" / "scenario.yaml") == done.scenario
    assert run(done.scenario, out=tmp_path / "run").manifest["people"] == 590


def test_the_report_of_an_import_is_in_the_language_asked_for(tmp_path: Path) -> None:
    folder = tables(tmp_path / "mine")
    assert call(["import", "tables", str(folder), "--out", str(tmp_path / "out"), "--lang", "es"]) == 0
    report = (tmp_path / "out" / "import_report.md").read_text()
    assert report == "# Importación de tablas\n\n- places.csv: columnas sin usar: colour\n"
    import_tables(tables(tmp_path / "all", places="id\nA\nB\n"), tmp_path / "used", lang="es")
    assert (tmp_path / "used" / "import_report.md").read_text().endswith("- se usaron todas las columnas\n")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"legs": "from,to,days\nA,Bb,1\n"}, "legs.csv:2"),
        ({"departures": "place,per_day,start\nQ,1,2023-01-01\n"}, "departures.csv:2"),
        ({"departures": "place,per_day,start\nA,many,2023-01-01\n"}, "departures.csv:2"),
        ({"legs": "from,to\nA,B\n"}, "days"),
        ({"legs": "from,to,days\nA,B,-1\n"}, "legs.csv:2:legs[A--B--bus].days"),
        ({"places": "id,stay_mean_days\nA,0.1\nB,\n"}, "places.csv:2:places[A].stay"),
    ],
)
def test_faults_of_plain_tables_name_file_and_row(change: dict[str, str], said: str, tmp_path: Path) -> None:
    with pytest.raises(ScenarioError) as caught:
        import_tables(tables(tmp_path / "mine", **change))
    assert said in str(caught.value)


def test_missing_tables(tmp_path: Path) -> None:
    folder = tables(tmp_path / "mine")
    (folder / "legs.csv").unlink()
    with pytest.raises(DataError, match=r"legs\.csv is missing"):
        import_tables(folder)


def test_commands(small: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for form, name in (
        ("geojson", "w.geojson"),
        ("graphml", "w.graphml"),
        ("netcdf", "r.nc"),
        ("ema", "r.tar.gz"),
    ):
        assert call(["export", str(small.path), "--format", form, "--out", str(tmp_path / name)]) == 0
        assert (tmp_path / name).stat().st_size > 100
    assert call(["export", "history/baseline", "--out", str(tmp_path / "b.geojson")]) == 0
    assert call(["export", str(small.path), "--format", "shape"]) == 2
    assert call(["import", "tables", str(tables(tmp_path / "mine")), "--out", str(tmp_path / "out")]) == 0
    assert call(["import", "flee", str(tmp_path), "--out", str(tmp_path / "no")]) == 2
    assert "locations.csv is missing" in capsys.readouterr().err
