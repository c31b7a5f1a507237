"""``travesia data``: what it prints, what it refuses, what it writes and where."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner, Result

from calibration import data_command
from calibration.observed import load, seal, tables, update, verify
from calibration.observed.tables import OBSERVED
from calibration.report_words import name_of
from sim.errors import DataError

HEADER = "series,month,nationality_source,persons,source_ref\n"
JULY = (
    HEADER
    + "darien_entries,2024-07,ALL,20519,snm-darien-2024-08\n"
    + "darien_entries,2024-07,Venezuela,15000,snm-darien-2024-08\n"
    + "darien_entries,2024-07,Others,5519,snm-darien-2024-08\n"
)


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty data folder for the user, and a wide terminal."""
    folder = tmp_path / "home"
    monkeypatch.setenv("TRAVESIA_DATA", str(folder))
    monkeypatch.setenv("COLUMNS", "220")
    return folder


def call(*words: str) -> Result:
    return CliRunner().invoke(data_command.app, list(words))


def written(tmp_path: Path, text: str) -> str:
    path = tmp_path / "later.csv"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_list_shows_every_series_with_its_licence() -> None:
    result = call("list", "--csv")
    assert result.exit_code == 0
    lines = result.output.splitlines()
    assert len(lines) == 1 + len(load.list_series())
    assert lines[0] == "table,series,border,kind,source,first,last,nationalities,rows,licence"
    core = next(line for line in lines if "swb_encounters_core,us_ports" in line)
    assert "US government work, public domain" in core
    assert "not described" not in result.output


@pytest.mark.parametrize("lang", ["en", "es"])
def test_where_a_series_is_counted_has_a_name(lang: str) -> None:
    """No id stands where a reader looks for a border or a country."""
    places = set(load.list_series()["border"])
    assert "us_nationwide" in places
    assert not [place for place in places if name_of("border", place, lang) == place]


def test_list_can_be_narrowed_to_a_border() -> None:
    result = call("list", "--border", "honduras")
    assert result.exit_code == 0
    assert "honduras_irregular_entries" in result.output
    assert "2021-02 to 2024-04" in result.output
    assert "darien_entries" not in result.output
    refused = call("list", "--border", "atlantis")
    assert refused.exit_code == 2
    assert "No series is counted at 'atlantis'" in refused.output


def test_verify_finds_a_tampered_file(tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(OBSERVED, folder, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    sound = call("verify", str(folder))
    assert sound.exit_code == 0
    assert "sound" in sound.output
    path = folder / "darien.csv"
    path.write_text(path.read_text(encoding="utf-8").replace(",59773,", ",59774,", 1), encoding="utf-8")
    result = call("verify", str(folder))
    assert result.exit_code == 2
    assert "darien.csv: hash sha256:" in result.output
    assert (
        "nationalities of darien_entries in 2022-10 add up to 59,773, -1 against the total" in result.output
    )


def test_verify_looks_at_shipped_packages() -> None:
    folders = verify.shipped_packages()
    assert folders[0] == OBSERVED
    assert any(folder.parts[-2:] == ("world", "americas") for folder in folders)


def test_update_goes_to_the_users_own_folder(tmp_path: Path, home: Path) -> None:
    shipped = verify.file_hash(OBSERVED / "darien.csv")
    result = call("update", written(tmp_path, JULY))
    assert result.exit_code == 0, result.output
    assert "3 new, 0 revised, 0 unchanged in darien.csv." in result.output
    assert sorted(path.name for path in (home / "observed").iterdir()) == [
        "darien.csv",
        "datapackage.json",
        "sources.csv",
    ]
    assert verify.file_hash(OBSERVED / "darien.csv") == shipped
    assert verify.verify_package(home / "observed") == []
    july = load.load_observed("darien", start="2024-07").set_index("nationality")["persons"]
    assert july["ALL"] == 20_519
    assert july["VEN"] == 15_000
    assert load.load_observed("darien", "ALL", end="2021-12", start="2021-01")["persons"].sum() == 133_726


def test_update_keeps_every_other_line_as_it_was(tmp_path: Path, home: Path) -> None:
    call("update", written(tmp_path, JULY))
    before = (OBSERVED / "darien.csv").read_text(encoding="utf-8").splitlines()
    after = (home / "observed" / "darien.csv").read_text(encoding="utf-8").splitlines()
    assert [line for line in after if ",2024-07," not in line] == before


def test_update_twice_changes_nothing(tmp_path: Path) -> None:
    call("update", written(tmp_path, JULY))
    again = call("update", written(tmp_path, JULY))
    assert again.exit_code == 0
    assert "0 new, 0 revised, 3 unchanged" in again.output


def test_revisions_are_shown_as_differences(tmp_path: Path, home: Path) -> None:
    text = HEADER + "honduras_irregular_entries,2024-04,ALL,40500,inm-2024-12\n"
    result = call("update", written(tmp_path, text), "--dry-run")
    assert result.exit_code == 0
    for word in ("Revised figures", "40,230", "40,500", "+270", "+0.7 %", "1 revised", "Nothing was written"):
        assert word in result.output
    assert not home.exists()
    call("update", written(tmp_path, text))
    sources = pd.read_csv(home / "observed" / "sources.csv", keep_default_na=False).set_index("id")
    assert sources.loc["inm-2024-12", "agency"] == "Instituto Nacional de Migración de Honduras (INM)"
    assert load.load_observed("honduras", "ALL", start="2024-04")["persons"].tolist() == [40_500]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (JULY.replace("persons", "people"), ["unknown column 'people'", "no column 'persons'"]),
        (
            JULY.replace("source_ref", "source_ref,sauce", 1),
            ["unknown column 'sauce'", "did you mean 'source'?"],
        ),
        (JULY.replace("series", "month", 1), ["column 'month' appears twice", "no column 'series'"]),
        (HEADER, ["later.csv: holds no row"]),
        (
            JULY.replace("15000", "-15000"),
            ["later.csv row 3, column persons: -15000", "a count of 0 or more"],
        ),
        (JULY.replace("15000", "many"), ["later.csv row 3, column persons: 'many' is not a number"]),
        (JULY.replace("15000", "15000.5"), ["a whole number of persons"]),
        (JULY.replace("2024-07", "2024-17"), ["later.csv row 2, column month: '2024-17' is not a month"]),
        (
            JULY.replace("2024-07", "2011-07"),
            ["2011-07 lies before darien_entries starts", "2019-03 or later"],
        ),
        (JULY.replace("2024-07", "2199-07"), ["2199-07 is not over yet"]),
        (JULY.replace("2024-07", "2024"), ["'2024' is a year", "expected a month, as in darien_entries"]),
        (JULY.replace("2024-07", "2024-09"), ["darien_entries jumps over 2024-07, 2024-08", "--allow-gaps"]),
        (JULY.replace("5519", "5518"), ["nationalities of darien_entries in 2024-07 add up to 20,518, -1"]),
        (
            JULY.replace(",ALL,20519,", ",Cuba,20519,"),
            ["2024-07 has nationalities but no total", "a row for ALL"],
        ),
        (JULY.replace("Venezuela", "Venezuele"), ["'Venezuele' is not known", "did you mean 'Venezuela'?"]),
        (
            JULY.replace("Venezuela", "Others"),
            ["later.csv row 4: duplicate of darien_entries, 2024-07, Others"],
        ),
        (
            JULY.replace("darien_entries", "darien_entires"),
            ["unknown series 'darien_entires'", "did you mean 'darien_entries'?"],
        ),
        (
            JULY.replace("nationality_source", "nationality")
            .replace("Venezuela", "VEN")
            .replace("Others", "OTH"),
            ["later.csv row 4, column nationality: group 'OTH' does not say which nationality is meant"],
        ),
    ],
)
def test_bad_files_are_refused_and_nothing_is_written(
    tmp_path: Path, home: Path, text: str, words: list[str]
) -> None:
    result = call("update", written(tmp_path, text))
    assert result.exit_code == 2
    assert "The update was refused; nothing was written." in result.output
    for word in words:
        assert word in result.output
    assert not home.exists()


def test_all_faults_come_in_one_go(tmp_path: Path) -> None:
    text = JULY.replace("15000", "-1").replace("Others", "Otherz").replace("ALL,20519", "ALL,x")
    result = call("update", written(tmp_path, text))
    assert all(f"later.csv row {number}" in result.output for number in (2, 3, 4))


def test_missing_and_unreadable_files(tmp_path: Path) -> None:
    assert "no such file" in call("update", str(tmp_path / "none.csv")).output
    path = tmp_path / "latin.csv"
    path.write_bytes("series\nDarién\n".encode("latin-1"))
    result = call("update", str(path))
    assert result.exit_code == 2
    assert "latin.csv: cannot be read" in result.output


def test_gaps_can_be_accepted(tmp_path: Path) -> None:
    result = call("update", written(tmp_path, JULY.replace("2024-07", "2024-09")), "--allow-gaps")
    assert result.exit_code == 0
    assert "3 new" in result.output


def test_in_place_changes_the_given_tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "shipped"
    shutil.copytree(OBSERVED, folder, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    for module in (tables, update, verify, seal):
        monkeypatch.setattr(module, "OBSERVED", folder)
    result = call("update", written(tmp_path, JULY), "--in-place")
    assert result.exit_code == 0, result.output
    assert verify.verify_package(folder) == []
    assert load.load_observed("darien", "ALL", start="2024-07")["persons"].tolist() == [20_519]


def test_an_interrupted_write_leaves_the_old_table(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    call("update", written(tmp_path, JULY))
    before = (home / "observed" / "darien.csv").read_bytes()

    def fail(self: Path, target: Path) -> Path:
        raise OSError(str(target))

    plan = update.plan_update(written(tmp_path, JULY.replace("20519", "20520").replace("5519", "5520")))
    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="darien"):
        update.apply_update(plan)
    assert (home / "observed" / "darien.csv").read_bytes() == before
    assert not list((home / "observed").glob(".*.new"))


def test_a_copy_of_an_older_release_is_named(tmp_path: Path, home: Path) -> None:
    call("update", written(tmp_path, JULY))
    descriptor = home / "observed" / "datapackage.json"
    text = descriptor.read_text(encoding="utf-8")
    shipped = verify.file_hash(OBSERVED / "darien.csv")
    assert shipped in text
    descriptor.write_text(text.replace(shipped, "sha256:0"), encoding="utf-8")
    problems = [str(problem) for problem in verify.verify_package(home / "observed")]
    assert any("made from an older shipped table" in problem for problem in problems)


def test_python_callers_get_the_exception(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        update.plan_update(written(tmp_path, JULY.replace("15000", "-15000")))
    assert caught.value.problems[0].where == "later.csv row 3, column persons"


def test_nationalities_may_be_written_by_their_codes(tmp_path: Path, home: Path) -> None:
    """As the group ids of the same table are: each under the name its series uses."""
    coded = (
        JULY.replace("Venezuela", "VEN").replace("5519", "5419")
        + "darien_entries,2024-07,CHN,100,snm-darien-2024-08\n"
    )
    result = call("update", written(tmp_path, coded))
    assert result.exit_code == 0, result.output
    table = pd.read_csv(home / "observed" / "darien.csv", dtype=str, keep_default_na=False)
    july = table[table["month"] == "2024-07"].set_index("nationality_source")["nationality"].to_dict()
    assert july == {"ALL": "ALL", "Venezuela": "VEN", "China": "CHN", "Others": "OTH"}


def test_a_list_that_falls_short_says_where_the_rest_goes(tmp_path: Path) -> None:
    short = "".join(line for line in JULY.splitlines(keepends=True) if "Others" not in line)
    result = call("update", written(tmp_path, short))
    assert result.exit_code == 2
    assert "-5,519 against the total" in result.output
    assert "write those not listed as 'Others'" in result.output
