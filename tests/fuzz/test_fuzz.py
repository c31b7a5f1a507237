"""Damaged scenarios, world tables, observed tables, run folders and inputs of the app: a message, never a traceback or a hang."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from calibration.observed.update import plan_update
from sim.app.page.running import numbers_of
from sim.app.service.scenarios import Shelf
from sim.app.service.share import KIND as SHARE
from sim.app.service.share import read_share
from sim.engines.agents import load_kernels
from sim.ensemble import estimate, run
from sim.errors import TravesiaError
from sim.plan import compile_plan
from sim.results import open_run
from sim.results.verify import verify
from sim.spec import load_scenario
from tests.fixtures.make_runs import RUNS
from tests.fuzz.damage import damaged
from tests.regression.update_baseline import SENT_BACK, TWO_ROADS

SEED = int(os.environ.get("TRAVESIA_FUZZ_SEED", "20260101"))
MOST_SECONDS = 10.0
FEW = 40
MANY = {
    "scenario": 8000, "world": 7000, "observed": 2000, "run folder": 4000, "upload": 1000, "shared run": 2000, "fields": 2000,
}  # fmt: skip
MOST_PEOPLE, MOST_DAYS, MOST_BYTES = 20_000, 800, 1.0e9
HERE = Path(tempfile.mkdtemp(prefix="travesia-fuzz-"))

YAML = """\
name: fuzzed
title: {en: "A small world", es: "Un mundo pequeño"}
window: {start: 2023-01-01, end: 2023-04-30}
spin_up_start: 2022-12-01
world:
  places:
    - {id: A, country: COL, role: origin, stay: {kind: geometric, mean_days: 4}}
    - {id: B, country: PAN, role: transit, stay: {kind: triangular, low: 1, mode: 2, high: 9}, capacity_persons: 400}
    - {id: C, country: CRI, role: destination}
  legs:
    - {id: A-B, from: A, to: B, mode: bus, days: {kind: fixed, days: 1}, weight: 3, cost_usd: 30, haz_robbed: 0.1}
    - {id: A-C, from: A, to: C, mode: boat, days: {kind: gamma, mean_days: 2, shape: 2}, capacity_per_day: 50}
    - {id: B-C, from: B, to: C, mode: bus, days: {kind: table, days: [1, 2], share: [0.5, 0.5]}, deaths_per_100k: 20}
  borders:
    - {id: border, leg: A-B, count_kind: persons}
departures:
  - {place: A, group: VEN, per_day: 10, start: 2023-01-01, end: 2023-03-31}
  - {place: A, group: HTI, persons: 500, start: 2023-02-01, end: 2023-02-28}
policies:
  - {id: shut, instrument: closure, legs: [A-B], start: 2023-02-01, end: 2023-02-14}
  - {id: less, instrument: capacity, legs: [A-C], per_day: 20, start: 2023-03-01}
behaviour: {hazards: true, means: true}
parameters: {beta_risk: -0.5}
"""
PLACES = """\
id,name,country,lat,lon,irregular,role,stay_kind,stay_days,stay_mean_days,capacity_persons,source,confidence
a,Necoclí,COL,8.4,-76.8,0,origin,geometric,,4,,survey,seen
b,Bajo Chiquito,PAN,8.6,-77.6,1,transit,fixed,2,,300,survey,derived
c,San José,CRI,9.9,-84.1,0,destination,,,,,survey,assumption
"""
LEGS = """\
id,from,to,mode,direction,distance_km,days_kind,days_days,weight,cost_usd,haz_robbed,deaths_per_100k,irregular
a--b--jungle,a,b,jungle,northward,100,fixed,3,1,350,0.2,20,1
b--c--bus,b,c,bus,northward,600,fixed,1,1,40,0.01,0,0
b--a--boat,b,a,boat,southward,90,fixed,1,0.1,20,0,0,0
"""
GROUPS = "id,name_en,name_es,home_country,region\nVEN,Venezuelans,Venezolanos,VEN,south_america\n"
DEPARTURES = "month,group,place,persons,channel\n2023-01,VEN,a,500,darien\n2023-02,VEN,a,700,darien\n"
TABLES = {"places.csv": PLACES, "legs.csv": LEGS, "groups.csv": GROUPS, "departures.csv": DEPARTURES}
SCENARIO = "name: tables\nwindow: {start: 2023-01-01, end: 2023-03-31}\nworld: tables\ndepartures: world\n"
OBSERVED = """\
series,border,month,nationality,nationality_source,sex,age_band,persons,kind,cut,source,source_ref,confidence,note
darien_entries,darien,2024-07,VEN,Venezuela,ALL,ALL,9000,persons,,SNM,snm-darien-2021,exact,
darien_entries,darien,2024-07,ALL,ALL,ALL,ALL,9000,persons,,SNM,snm-darien-2021,exact,"in all, as published"
darien_entries,darien,2024-08,VEN,Venezuela,ALL,ALL,7000,persons,,SNM,snm-darien-2021,exact,
darien_entries,darien,2024-08,ALL,ALL,ALL,0-17,3000,persons,,SNM,snm-darien-2021,exact,
"""


def scenario(data: bytes) -> str:
    """Read, compile, estimate, and run it where it is small."""
    folder = HERE / "scenario"
    folder.mkdir(exist_ok=True)
    (folder / "fuzzed.yaml").write_bytes(data)
    loaded = load_scenario(folder / "fuzzed.yaml")
    plan = compile_plan(loaded)
    one = estimate.estimate_replicate(plan)
    if plan.people > MOST_PEOPLE or plan.n_days > MOST_DAYS or one.memory > MOST_BYTES:
        return "accepted, too large to run here"
    shutil.rmtree(folder / "run", ignore_errors=True)
    run(loaded, out=folder / "run", workers=1)
    assert {p.name for p in folder.iterdir()} == {"fuzzed.yaml", "run"}
    return "accepted and run"


def world(choice: tuple[str, bytes]) -> str:
    """Read a world of tables of which one is damaged."""
    folder = HERE / "world"
    (folder / "tables").mkdir(parents=True, exist_ok=True)
    for name, text in TABLES.items():
        (folder / "tables" / name).write_text(text, encoding="utf-8")
    (folder / "tables" / choice[0]).write_bytes(choice[1])
    (folder / "w.yaml").write_text(SCENARIO, encoding="utf-8")
    compile_plan(load_scenario(folder / "w.yaml"))
    return "accepted"


def observed(data: bytes) -> str:
    """Plan to take an observed table over."""
    file = HERE / "observed.csv"
    file.write_bytes(data)
    plan_update(file)
    return "accepted"


def run_folder(choice: tuple[str, bytes]) -> str:
    """Verify, open and read a run folder of which one file is damaged."""
    folder = HERE / "run_folder"
    if not folder.exists():
        shutil.copytree(WHOLE, folder)
    (folder / choice[0]).write_bytes(choice[1])
    try:
        problems = verify(folder).problems
        assert problems or choice[1] == (WHOLE / choice[0]).read_bytes(), "damage that verify does not see"
        done = open_run(folder)
        for read in (
            "flows",
            "stocks",
            "outcomes",
            "departures",
            "crossings",
            "summary",
            "checks",
            "scenario",
        ):
            getattr(done, read)
    finally:
        shutil.copy(WHOLE / choice[0], folder / choice[0])
    return "opened"


def upload(content: bytes) -> str:
    """Bring a damaged scenario to the app."""
    Shelf(HERE).keep("mine.yaml", content)
    return "kept"


def shared(content: bytes) -> str:
    """Bring a damaged shared run to the app."""
    read_share(content.decode("utf-8", "replace"), "shared.json")
    return "read"


def options(values: tuple[object, object, object]) -> str:
    """Fill the fields of a full run in the app."""
    numbers_of(*values)
    return "taken"


FIELD = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9) | st.lists(st.integers(), max_size=2)
    | st.sampled_from([1, 10, 0.05, "0.05", 1.0])
)  # fmt: skip
SHARED = json.dumps({
    "kind": SHARE, "scenario": TWO_ROADS, "scenario_hash": "0", "data_hashes": {}, "version": "0", "engine": "agents",
    "seed": 1, "replicates": 2, "scale": 1.0, "result_hash": "0",
})  # fmt: skip
WHOLE = max(p for p in RUNS.iterdir() if p.is_dir()) / "whole"


def one_of(files: dict[str, bytes]) -> st.SearchStrategy[tuple[str, bytes]]:
    return st.sampled_from(sorted(files)).flatmap(lambda name: st.tuples(st.just(name), damaged(files[name])))


BASES = [YAML.encode(), json.dumps(TWO_ROADS).encode(), json.dumps(SENT_BACK, indent=1).encode()]
KINDS: dict[str, tuple[Callable[..., str], st.SearchStrategy[object]]] = {
    "scenario": (scenario, st.sampled_from(BASES).flatmap(damaged) | st.binary(max_size=200)),
    "world": (world, one_of({name: text.encode() for name, text in TABLES.items()})),
    "observed": (observed, damaged(OBSERVED.encode()) | st.binary(max_size=200)),
    "upload": (upload, st.sampled_from(BASES).flatmap(damaged) | st.binary(max_size=200)),
    "shared run": (shared, damaged(SHARED.encode())),
    "fields": (options, st.tuples(FIELD, FIELD, FIELD)),
    "run folder": (run_folder, one_of({p.name: p.read_bytes() for p in WHOLE.iterdir()})),
}


def fuzz(kind: str, count: int) -> Counter[str]:
    """Give damaged input to one door and count what became of it; anything but a refusal or success fails."""
    door, inputs = KINDS[kind]
    became: Counter[str] = Counter()
    quiet = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example]

    @seed(SEED)
    @settings(
        max_examples=count, database=None, deadline=None, suppress_health_check=quiet, derandomize=False,
        phases=[Phase.generate, Phase.shrink],
    )  # fmt: skip
    @given(inputs)
    def each(value: object) -> None:
        begin = time.perf_counter()
        try:
            became[door(value)] += 1
        except TravesiaError as refused:
            assert str(refused).strip()
            became["refused"] += 1
        assert time.perf_counter() - begin < MOST_SECONDS * max(1.0, os.getloadavg()[0] / 2)

    each()
    return became


@pytest.fixture(autouse=True, scope="module")
def _kernels() -> None:
    """Compiled before anything is timed."""
    load_kernels()


def test_every_base_is_sound() -> None:
    for base in BASES:
        assert scenario(base) == "accepted and run"
    assert world(("places.csv", PLACES.encode())) == "accepted"


@pytest.mark.parametrize("kind", KINDS)
def test_a_few_damaged_inputs(kind: str) -> None:
    assert fuzz(kind, FEW).total() >= FEW // 2


def test_a_year_of_thirty_digits_is_refused() -> None:
    damage = TABLES["departures.csv"].replace("2023-01", "2" + "9" * 30 + "-01", 1)
    assert damage != TABLES["departures.csv"]
    with pytest.raises(TravesiaError, match=r"departures\.csv:2"):
        world(("departures.csv", damage.encode()))


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.filterwarnings("ignore:Generating overly large repr")
@pytest.mark.parametrize("kind", KINDS)
def test_many_damaged_inputs(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    many = int(MANY[kind] * float(os.environ.get("TRAVESIA_FUZZ_SHARE", "1.0")))
    became = fuzz(kind, many)
    with capsys.disabled():
        sys.stdout.write(f"\n{kind}: {became.total():,} inputs (seed {SEED}): {dict(became)}\n")
    assert became.total() >= many * 0.9
