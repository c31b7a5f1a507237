"""What the app does without a page: words, changes to a scenario, runs of a folder, jobs, shared files."""

from __future__ import annotations

import csv
import json
import re
import time
from importlib.resources import files
from pathlib import Path

import pandas as pd
import pytest
from flask.testing import FlaskClient

from sim.app.figures import crossings, route_map
from sim.app.page.country import assumed, supposed
from sim.app.page.preview import change, small
from sim.app.server import create_server
from sim.app.service.jobs import Job, Jobs, left_in_words, share_done
from sim.app.service.measure import SCENARIOS, stated
from sim.app.service.policies import all_fields, bar, controls_of, events_of, nice
from sim.app.service.preview import error_at, preview_error
from sim.app.service.runs import OWN, Runs, fresh_name
from sim.app.service.scenarios import Changes, Shelf, cleaned, document, edited, rewritten, yaml_text
from sim.app.service.share import KIND, read_share, share_of
from sim.app.service.track import COLUMNS, track_record
from sim.app.text import LANGUAGES, count, day, has, say, share, signed, spread, table
from sim.app.workshop import Draft
from sim.cli.main import call
from sim.ensemble import run
from sim.errors import DataError, ScenarioError
from sim.spec import INSTRUMENTS, Scenario, load_scenario
from tests.app.conftest import SHORT

APP = Path(str(files("sim.app")))
OCTOBER = "oct-2022-expulsions"


@pytest.fixture(scope="module")
def baseline() -> Scenario:
    return load_scenario("history/baseline")


def test_every_word_is_there_in_both_languages() -> None:
    for key, row in table().items():
        for lang in LANGUAGES:
            assert row[lang].strip(), f"{key} in {lang}"
        assert sorted(re.findall(r"\{\w+\}", row["en"])) == sorted(re.findall(r"\{\w+\}", row["es"])), key
    with (APP / "words.csv").open(encoding="utf-8") as stream:
        keys = [row["key"] for row in csv.DictReader(stream)]
    assert len(keys) == len(set(keys))


def test_every_word_that_the_code_asks_for_is_in_the_table() -> None:
    asked = set()
    for path in APP.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        if path.name in {"work.py", "views.py", "share.py"}:  # their `say` tells progress
            continue
        asked |= set(re.findall(r'\bsay\(\s*"([^"]+)"', text))
        for pair in re.findall(r'\bsay\(\s*"([^"]+)" if [^"]*? else "([^"]+)"', text):
            asked |= set(pair)
    missing = {key for key in asked if not has(key)}
    assert not missing


def test_every_instrument_and_number_has_its_sentence() -> None:
    for instrument, name in all_fields():
        assert has(f"instrument.{instrument}.is"), instrument
        assert has(f"field.{instrument}.{name}"), f"{instrument}.{name}"
        assert has(f"field.{instrument}.{name}.is"), f"{instrument}.{name}"
    assert {name for name, _ in all_fields()} == set(INSTRUMENTS)


def test_numbers_are_written_as_the_language_does() -> None:
    assert count(12345.4, "en") == "12,345"
    assert count(12345.4, "es") == "12\u00a0345"
    assert count(None, "en") == count(float("nan"), "en") == "–"
    assert signed(5.0, "en") == "+5"
    assert signed(-1234.0, "en") == "−1,234"
    assert spread(100.0, 90.0, 120.0, "es") == "100 (de\u00a090\u00a0a\u00a0120)"
    assert spread(float("nan"), 1.0, 2.0, "en") == "under 15"
    assert share(0.05, "en") == "5 %"
    assert day(None, "es") == "sin fin"


def test_a_preview_hides_small_counts_and_says_small_changes() -> None:
    """A count under 15 is not shown, nor a difference that would give it away; no change reads '+0.0 %'."""
    assert small(3.0)
    assert not small(0.0)
    assert not small(40.0)
    assert change(300.0, 1_100_000.0, "es") == "+300 (<0,1\u00a0%)"
    assert change(-2_000.0, 20_000.0, "en") == "−2,000 (−10\u00a0%)"


def test_a_changed_scenario_is_the_one_its_file_gives(baseline: Scenario, tmp_path: Path) -> None:
    changes: Changes = {
        OCTOBER: {"size": 0.4, "end": "2023-02-01"},
        "ven-parole-2022": {"off": True},
        "oct-2022-wait-in-mexico": {"end": ""},
    }
    quick = edited(baseline, changes)
    file = tmp_path / "mine.yaml"
    file.write_text(yaml_text(document("history/baseline", baseline, changes, "mine")), encoding="utf-8")
    read = load_scenario(file)
    assert read.policies == quick.policies
    assert read.name == "mine"
    assert len(file.read_text(encoding="utf-8")) < 1_000, "the file holds only what differs"
    assert edited(baseline, {}) is baseline


def test_a_refused_change_reads_as_on_the_command_line(baseline: Scenario, tmp_path: Path) -> None:
    changes: Changes = {
        OCTOBER: {"start": "2023-05-01", "end": "2023-02-01"},
        "ven-parole-2022": {"per_month": -3.0},
    }
    with pytest.raises(ScenarioError) as page:
        edited(baseline, changes)
    file = tmp_path / "baseline.yaml"
    file.write_text(yaml_text(document("history/baseline", baseline, changes, "baseline")), encoding="utf-8")
    with pytest.raises(ScenarioError) as command:
        load_scenario(file)
    said = [re.sub(r"^[\w./-]+\.yaml:\d+:", "", str(problem)) for problem in command.value.problems]
    assert sorted(said) == sorted(str(problem) for problem in page.value.problems)
    assert "comes before start 2023-05-01" in str(page.value)


def test_an_uploaded_file_is_read_as_data_and_kept_inside(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path / "own")
    name = shelf.keep("../../four months.yaml", SHORT.encode())
    assert name.endswith("/four_months.yaml")
    assert (tmp_path / "own" / name).is_file()
    scenario = shelf.load(name)
    assert scenario.window.start.isoformat() == "2022-09-01"
    made = rewritten(shelf.written(name), scenario, {OCTOBER: {"off": True}}, "changed")
    again = load_scenario(made)
    assert again.policy(OCTOBER).intensity == 0
    assert again.name == "changed"
    assert len(json.dumps(made)) < 1_000


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"just words", "there is no mapping at the top"),
        (b"name: x\nwindow: !!python/name:os.system ''\n", "is not allowed"),
        (b"\xff\xfe\x00", "not UTF-8"),
        (b"name: x\nextends: /etc/passwd\n", "no such scenario"),
        (b"name: x\nextends: ../../secret.yaml\n", "leaves the folder"),
        (b"name: x\nextends: history/baseline\nworld: ../..\n", "world"),
        (b"a" * 10_000_001, "at most 10,000,000"),
    ],
)
def test_an_uploaded_file_that_is_no_scenario_is_refused_and_not_kept(
    content: bytes, said: str, tmp_path: Path
) -> None:
    shelf = Shelf(tmp_path)
    with pytest.raises(ScenarioError) as refusal:
        shelf.keep("bad.yaml", content)
    assert said in str(refusal.value)
    assert not list(tmp_path.rglob("*.yaml"))


@pytest.mark.parametrize("base", ["uploads/../../x.yaml", "/etc/passwd", "uploads/zz/none.yaml", "nothing"])
def test_a_base_that_is_neither_shipped_nor_uploaded_is_refused(base: str, tmp_path: Path) -> None:
    with pytest.raises(ScenarioError):
        Shelf(tmp_path).load(base)


def test_file_names_keep_only_letters() -> None:
    assert cleaned("..\\..\\a b$.yaml") == "a_b.yaml"
    assert cleaned("///") == "scenario.yaml"


def test_events_stand_by_date_with_bars_inside_the_window(baseline: Scenario) -> None:
    events = events_of(baseline, "es")
    assert [event.start for event in events] == sorted(event.start for event in events)
    assert sum(len(event.policies) for event in events) == len(baseline.policies)
    for event in events:
        assert 0 <= event.left <= 100 - event.width + 0.02
        assert event.title
        assert event.summary
    first, last = baseline.window.start, baseline.window.end
    assert bar(first, last, first, last) == (0.0, 100.0)


def test_a_policy_says_what_it_is_and_where_its_size_comes_from(baseline: Scenario) -> None:
    switch = controls_of(baseline.policy(OCTOBER), baseline, "en")
    assert switch.name == "Expulsion: Venezuela"
    assert switch.controls[0].key == "size"
    assert switch.controls[0].kind == "share"
    assert switch.source
    again = next(control for control in switch.controls if control.key == "try_again")
    assert (again.kind, again.high) == ("share", 1.0), "a share ends at one, also where it may be left out"
    for policy in baseline.policies:
        for control in controls_of(policy, baseline, "es").controls:
            assert control.low <= control.value <= control.high, f"{policy.id}.{control.key}"
            assert control.sentence


def test_a_spanish_page_tells_effects_sizes_and_sources_in_spanish(baseline: Scenario) -> None:
    """What happened, what was documented, where a size comes from, and who says so."""
    told = {lang: {event.id: event for event in events_of(baseline, lang)} for lang in LANGUAGES}
    for name, event in told["es"].items():
        assert event.title != told["en"][name].title
        assert event.summary != told["en"][name].summary
        assert event.effect != told["en"][name].effect, f"{name}: {event.effect}"
    assert "OIM y ACNUR" not in told["en"]["US-T42"].sources
    assert any("tablas mensuales de agosto de 2024" in source for source in told["es"]["US-T42"].sources)
    for policy in baseline.policies:
        told_of = controls_of(policy, baseline, "es")
        assert told_of.source != policy.effect_source
        assert controls_of(policy, baseline, "en").note == policy.note
        assert bool(told_of.note) == bool(policy.note)
        assert not policy.note or told_of.note != policy.note, f"{policy.id}: {policy.note}"


def test_values_of_the_needs_are_in_the_language_of_the_page() -> None:
    """Numbers, units; a rule in words has no value."""
    row = {"middle": "0.55", "low": "0.5", "high": "10000.0", "unit": "kg/ration"}
    assert assumed(row, "en") == "0.55 (0.5 to 10,000) kg/ration"
    assert assumed(row, "es") == "0,55 (de 0,5 a 10\u00a0000) kg/ración"
    assert assumed({**row, "low": "nan"}, "es") == ""
    rule = {"table": "in_need_rules", "id": "NUT/return", "name": "Nutrición"}
    assert supposed(rule, "es") == "Nutrición, retorno"
    assert supposed({**rule, "table": "coverage", "id": "smo/CRI"}, "es") == "Nutrición, Costa Rica"
    assert supposed({**rule, "table": "standards", "id": "soap"}, "es") == "Nutrición"


@pytest.mark.parametrize(
    ("value", "expected"), [(0.0, 1.0), (3.0, 4.0), (18.0, 20.0), (1520.0, 2000.0), (0.06, 0.08)]
)
def test_a_slider_ends_at_a_round_number(value: float, expected: float) -> None:
    assert nice(value) == pytest.approx(expected)


def test_what_a_browser_kept_is_not_trusted() -> None:
    assert Draft.of(None) == Draft.of({"base": 3}) == Draft.of([1]) == Draft()
    assert Draft.of({"base": "x", "changes": {"a": {"off": True}, "b": 3}}).changes == {"a": {"off": True}}


@pytest.mark.parametrize("name", ["../other", "..", "/etc", "a/../../b", "", ".app", "a/b/c", "link"])
def test_runs_outside_the_folder_are_not_reachable(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "runs"
    folder.mkdir()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "manifest.json").write_text("{}", encoding="utf-8")
    (folder / "link").symlink_to(tmp_path / "other")
    with pytest.raises(DataError):
        Runs(folder).open(name)


def test_damaged_folders_are_not_listed(tmp_path: Path) -> None:
    good = {"scenario": "a", "replicates": 2, "scale": 0.1, "created": "2026-01-01"}
    for name, text in (("good", json.dumps(good)), ("bad", "{"), ("list", "[]"), (".app", json.dumps(good))):
        (tmp_path / name).mkdir()
        (tmp_path / name / "manifest.json").write_text(text, encoding="utf-8")
    assert [run.name for run in Runs(tmp_path).listed()] == ["good"]
    assert fresh_name(tmp_path, "go/od !", "1s2") == "go-od-1s2"


def test_a_job_that_is_refused_says_why_and_leaves_nothing(tmp_path: Path) -> None:
    jobs = Jobs(1)
    out = tmp_path / "out"
    out.mkdir()
    payload = {
        "scenario": {"name": "x"},
        "replicates": 1,
        "seed": 1,
        "scale": 1.0,
        "out": str(out),
        "own_folders": [str(out)],
    }
    first = jobs.start("run", payload, "x")
    second = jobs.start("nonsense", {}, "y")
    waiting = jobs.get(second)
    assert waiting is not None
    assert waiting.state == "waiting"
    job = jobs.wait_for(first, 60)
    assert job.state == "failed"
    assert "window: {start: 2023-01-01, end: 2023-06-30}" in job.message
    assert jobs.wait_for(second, 60).message.startswith("Travesía failed on a fault of its own")
    for _ in range(50):
        if not out.exists():
            break
        time.sleep(0.1)
    assert not out.exists()


def test_a_waiting_and_a_running_job_can_be_cancelled() -> None:
    jobs = Jobs(1)
    running, waiting = jobs.start("sleep", {}, "a"), jobs.start("sleep", {}, "b")
    jobs.cancel(waiting)
    jobs.cancel(running)
    for one in (running, waiting):
        job = jobs.wait_for(one, 10)
        assert job.state == "cancelled"
    process = jobs._jobs[running].process
    assert process is None or process.poll() is not None or process.wait(5) is not None
    assert jobs._jobs[waiting].process is None


def test_progress_never_runs_backwards_and_says_what_is_left() -> None:
    stages = [
        ("compile", 1.0),
        ("days", 0.0),
        ("days", 0.5),
        ("days", 1.0),
        ("tables", 1.0),
        ("views", 1.0),
        ("needs", 1.0),
    ]
    shares = [share_done(stage, part) for stage, part in stages]
    assert shares == sorted(shares)
    assert shares[-1] <= 1.0
    assert share_done("days", 1.0, [1, 3]) > share_done("needs", 1.0, [0, 3]) * 0.9
    assert left_in_words(None)[0] == "left_unknown"
    assert left_in_words(12) == ("left_seconds", 10)
    assert left_in_words(600) == ("left_minutes", 10)
    job = Job("1", "run", {}, "", state="running", share=0.5, began=time.monotonic() - 10)
    assert job.seconds_left == pytest.approx(10, abs=0.5)


SHARED = {
    "kind": KIND, "scenario": {"name": "x"}, "scenario_hash": "a", "data_hashes": {}, "version": "0", "engine": "agents",
    "seed": 1, "replicates": 2, "scale": 0.1, "result_hash": "b",
}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"seed": "one"}, "seed is 'one'; expected a whole number"),
        ({"replicates": 0}, "replicates is 0; expected 1 to 10,000"),
        ({"kind": "other"}, "kind is 'other'"),
        ({"scenario": "history/baseline"}, "expected a mapping"),
    ],
)
def test_a_file_that_is_no_shared_run_is_refused(change: dict[str, object], said: str) -> None:
    assert read_share(json.dumps(SHARED), "f.json")["seed"] == 1
    assert read_share(yaml_text(SHARED), "f.yaml")["seed"] == 1
    with pytest.raises(DataError) as refusal:
        read_share(json.dumps({**SHARED, **change}), "f.json")
    assert said in str(refusal.value)
    with pytest.raises(DataError, match="the keys"):
        read_share("{}\n", "f.json")


STAY = {"kind": "fixed", "days": 2}
ROAD = {
    "name": "one_road",
    "window": {"start": "2023-01-01", "end": "2023-02-28"},
    "world": {
        "places": [
            {"id": "A", "country": "COL", "role": "origin", "stay": STAY},
            {"id": "B", "country": "PAN", "role": "destination"},
        ],
        "legs": [{"id": "A-B", "from": "A", "to": "B", "days": STAY}],
    },
    "departures": [{"place": "A", "group": "VEN", "per_day": 10, "start": "2023-01-01", "end": "2023-01-31"}],
}


def test_a_shared_run_is_confirmed_on_the_command_line_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    done = run(load_scenario(ROAD), out=tmp_path / "run", replicates=2, seed=3)
    shared = share_of(done, ROAD)
    file = tmp_path / "road.travesia.json"
    file.write_text(json.dumps(shared), encoding="utf-8")
    assert call(["verify", "--share", str(file)]) == 0
    assert f"result_hash {shared['result_hash']}" in capsys.readouterr().out
    file.write_text(json.dumps({**shared, "seed": 4, "version": "0.0.0"}), encoding="utf-8")
    assert call(["verify", "--share", str(file)]) == 2
    said = capsys.readouterr().err
    assert "The shared run is not confirmed" in said
    assert "another version of Travesía" in said
    assert call(["verify"]) == 2
    assert "one thing to check is needed" in capsys.readouterr().err


def test_the_track_record_has_what_the_page_shows() -> None:
    record = track_record()
    assert list(record.columns) == list(COLUMNS)
    assert len(record) >= 6
    assert record["inside90"].between(0, 1).all()
    assert (record["relative_to_naive"] > 0).all()


def test_the_page_quotes_a_measured_error_for_every_border(baseline: Scenario) -> None:
    error = preview_error()
    assert set(error) == {"ALL", *(border.id for border in baseline.world.borders)}
    assert all(0 < one.median < one.most < 100 for one in error.values())
    assert {one.scenarios for one in error.values()} == {len(SCENARIOS)}
    assert error_at("a border of one's own") == error["ALL"]


def test_the_error_stated_is_that_of_the_scenario_farthest_off() -> None:
    near = pd.DataFrame({"scenario": "near", "border": "darien", "percent": [0.1] * 9 + [1.0]})
    far = pd.DataFrame({"scenario": "far", "border": "darien", "percent": [2.01] * 5 + [6.0] * 5})
    table = stated(pd.concat([near, far]))
    assert table["border"].tolist() == ["darien", "ALL"]
    for name, wanted in {"median_percent": 4.1, "p90_percent": 6.0, "months": 20, "scenarios": 2}.items():
        assert table[name].tolist() == [wanted, wanted]


def test_a_figure_draws_bands_only_where_there_are_replicates() -> None:
    part = pd.DataFrame(
        {"month": ["2022-10", "2022-11"], "median": [5.0, 6.0], "lo50": [4.0, 5.0], "hi50": [6.0, 7.0], "lo90": [3.0, 4.0],
         "hi90": [7.0, 8.0], "observed": [5.0, None]}
    )  # fmt: skip
    assert len(crossings(part, "en", "persons", 1)["data"]) == 2
    assert len(crossings(part, "en", "persons", 5)["data"]) == 6
    json.dumps(crossings(part, "es", "personas", 5), allow_nan=False)
    legs = pd.DataFrame(
        columns=["from_place", "to_place", "direction", "median", "from_lon", "from_lat", "to_lon", "to_lat"]
    )
    places = pd.DataFrame(columns=["name", "country", "lon", "lat", "people"])
    assert len(route_map(legs, places, "en")["data"]) == 2


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    return create_server(tmp_path_factory.mktemp("runs"), warm=False).test_client()


def test_only_this_machine_is_answered(client: FlaskClient) -> None:
    assert client.get("/en/", headers={"Host": "127.0.0.1:8050"}).status_code == 200
    assert client.get("/en/", headers={"Host": "evil.example"}).status_code == 403
    assert (
        client.post(
            "/en/_dash-update-component", headers={"Host": "127.0.0.1", "Origin": "http://evil.example"}
        ).status_code
        == 403
    )
    answer = client.get("/en/", headers={"Host": "127.0.0.1"})
    assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
    assert not re.search(r"""(src|href)=["'](https?:)?//""", answer.text)


def test_the_page_speaks_the_language_of_its_address(client: FlaskClient) -> None:
    for lang in LANGUAGES:
        text = client.get(f"/{lang}/", headers={"Host": "127.0.0.1"}).text
        assert f'<html lang="{lang}">' in text
        layout = client.get(f"/{lang}/_dash-layout", headers={"Host": "127.0.0.1"}).text
        assert json.dumps(say("tagline", lang)) in layout or say("tagline", lang) in layout
    home = client.get("/", headers={"Host": "127.0.0.1", "Accept-Language": "es-PA,es;q=0.9"})
    assert home.headers["Location"].endswith("/es/")


@pytest.mark.parametrize("name", ["../../etc", "/etc/passwd", ".app", "none", ""])
@pytest.mark.parametrize("path", ["data/crossings", "data/map", "scenario", "share"])
def test_files_of_other_folders_are_refused(client: FlaskClient, path: str, name: str) -> None:
    answer = client.get(f"/{path}", query_string={"run": name}, headers={"Host": "127.0.0.1"})
    assert answer.status_code == 400
    assert "run folder" in answer.text
    assert client.get(f"/product/{'0' * 32}", headers={"Host": "127.0.0.1"}).status_code == 404


def test_a_request_that_is_too_large_is_refused(client: FlaskClient) -> None:
    answer = client.post("/en/_dash-update-component", data=b"x" * 17_000_000, headers={"Host": "127.0.0.1"})
    assert answer.status_code in {400, 413, 415, 500}
    assert OWN.startswith(".")


def test_nothing_of_the_app_names_an_address_elsewhere() -> None:
    for path in APP.rglob("*"):
        if path.suffix in {".py", ".js", ".css", ".csv"}:
            found = set(re.findall(r"https?://[^\s\"')]+", path.read_text(encoding="utf-8")))
            assert {one for one in found if "127.0.0.1" not in one and "{HOST}" not in one} == set(), path


def test_the_server_listens_on_this_machine_only(tmp_path: Path) -> None:
    from sim.app.serve import start
    from sim.errors import RunError

    one = start(tmp_path, port=0, warm=False)
    try:
        assert one.http.server_address[0] == "127.0.0.1"
        with pytest.raises(RunError, match="taken"):
            start(tmp_path, port=one.http.server_port, warm=False)
    finally:
        one.http.server_close()
        one.shop.close()
    assert list(tmp_path.iterdir()) == []
