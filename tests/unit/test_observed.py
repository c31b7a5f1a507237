"""The observed series hold the published numbers, do not overlap, and say where they are incomplete."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
from frictionless import Package

from calibration.observed import load
from calibration.observed.checks import check_gaps, check_sums, series_facts
from calibration.observed.tables import COLUMNS, GROUPS, OBSERVED, nationalities, read_table, series_tables
from calibration.observed.verify import file_hash, verify_package
from sim.errors import DataError


@pytest.fixture(autouse=True)
def no_user_tables(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Only the shipped tables: a developer's own updates must not decide a test."""
    monkeypatch.setenv("TRAVESIA_DATA", str(tmp_path / "nothing"))


def year(border: str, nationality: str, which: str, *, haitian_children: bool = False) -> int:
    rows = load.load_observed(
        border, nationality, start=f"{which}-01", end=f"{which}-12", haitian_children=haitian_children
    )
    return int(rows["persons"].sum())


@pytest.mark.parametrize(
    ("nationality", "which", "persons"),
    [
        ("ALL", "2020", 6_465),
        ("ALL", "2021", 133_726),
        ("ALL", "2022", 248_284),
        ("ALL", "2023", 520_085),
        ("VEN", "2021", 2_819),
        ("VEN", "2022", 150_327),
        ("VEN", "2023", 328_650),
        ("ECU", "2022", 29_356),
        ("ECU", "2023", 57_250),
        ("HTI", "2023", 46_422),
        ("CHN", "2023", 25_565),
        ("CUB", "2021", 18_600),
    ],
)
def test_darien_published_years(nationality: str, which: str, persons: int) -> None:
    assert year("darien", nationality, which) == persons


def test_children_of_haitians_can_be_counted_with_their_parents() -> None:
    assert year("darien", "HTI", "2021") == 82_952
    assert year("darien", "HTI", "2021", haitian_children=True) == 101_072  # as WOLA publishes it
    assert year("darien", "HTI", "2022", haitian_children=True) == 27_287
    assert year("darien", "ALL", "2021", haitian_children=True) == 133_726


@pytest.mark.parametrize(
    ("fiscal_year", "encounters"),
    [(2019, 977_509), (2020, 458_088), (2021, 1_734_686), (2022, 2_378_944), (2023, 2_475_669)],
)
def test_us_southwest_fiscal_years(fiscal_year: int, encounters: int) -> None:
    first, last = f"{fiscal_year - 1}-10", f"{fiscal_year}-09"
    totals = {
        border: int(load.load_observed(border, "ALL", start=first, end=last)["persons"].sum())
        for border in ("us_southwest", "us_border_patrol", "us_ports")
    }
    assert totals["us_southwest"] == encounters
    assert totals["us_border_patrol"] + totals["us_ports"] == encounters


def test_mexico_keeps_both_series() -> None:
    assert year("mexico", "ALL", "2023") == 778_986
    annual = load.load_series("mexico_irregular_encounters_annual").set_index("month")["persons"]
    assert annual["2023"] == 782_176
    revised = load.load_series("mexico_irregular_encounters_revised").set_index("month")["persons"]
    monthly = load.load_observed("mexico", "ALL").set_index("month")["persons"]
    assert (revised["2023-01"], monthly["2023-01"]) == (36_147, 37_360)


def test_contradicting_years_stand_side_by_side() -> None:
    annual = load.load_series("darien_entries_annual")
    twenty = annual[(annual["month"] == "2020") & (annual["nationality"] == "ALL")]
    assert sorted(set(twenty["persons"])) == [6_465, 8_594]


def test_parts_add_up_to_totals() -> None:
    rows = load.load_observed()
    keys = ["border", "month"]
    parts = rows[rows["nationality"] != "ALL"].groupby(keys)["persons"].sum()
    gap = (parts - rows[rows["nationality"] == "ALL"].set_index(keys)["persons"]).dropna()
    for border in ("darien", "mexico", "us_ports"):
        assert (gap[border] == 0).all(), border
    assert gap["us_border_patrol"].between(-66, 46).all()  # nationalities are rounded to ten
    assert (gap["honduras"] <= 0).all()  # lists of the largest nationalities only


def test_rows_are_unique_and_in_groups() -> None:
    rows = load.load_observed()
    assert not rows.duplicated(["border", "month", "nationality"]).any()
    assert set(rows["nationality"]) <= {*GROUPS, "ALL"}
    assert set(rows["border"]) == set(load.BORDERS)
    assert rows["persons"].dtype == "int64"
    assert (rows["persons"] >= 0).all()
    assert rows["month"].between("2018-01", "2024-06").all()


def test_short_lists_say_what_they_cover() -> None:
    mexico = load.load_observed("mexico", start="2023-05", end="2023-05").set_index("nationality")
    assert mexico.loc["OTH", "covers"] == "OTH;MEX;AFR;ASI"
    assert mexico.loc["AFR", "confidence"] == "lower bound"
    honduras = load.load_observed("honduras", start="2023-12", end="2023-12")
    assert not set(honduras["nationality"]) & {"AFR", "ASI", "OTH"}
    ports = load.load_observed("us_ports", ["NIC", "VEN"], start="2023-05", end="2023-05")
    assert dict(zip(ports["nationality"], ports["confidence"], strict=True)) == {
        "VEN": "rounded",
        "NIC": "derived",
    }


def test_cached_tables_cannot_be_spoiled_by_a_caller() -> None:
    first = load.load_observed("darien")
    first["persons"] = 0
    assert load.load_observed("darien")["persons"].sum() > 0
    table = read_table("darien.csv")
    table["persons"] = -1.0
    assert (read_table("darien.csv")["persons"] >= 0).all()


def test_windows_are_dated() -> None:
    windows = load.load_windows("honduras", annual=False)
    october = windows[(windows["end"] == "2023-10-25") & (windows["nationality"] == "VEN")]
    assert october["persons"].tolist() == [184_602]
    assert (windows["start"] <= windows["end"]).all()
    with_years = load.load_windows("honduras")
    whole = with_years[
        (with_years["series"] == "honduras_irregular_entries_annual") & (with_years["end"] == "2023-12-31")
    ]
    assert whole.loc[whole["nationality"] == "ALL", "persons"].tolist() == [545_043]


def test_expulsions_have_shares() -> None:
    expulsions = load.load_expulsions()
    whole = expulsions[expulsions["nationality"] == "ALL"]
    assert whole["persons"].sum() == 2_912_200
    assert (whole["month"].min(), whole["month"].max()) == ("2020-03", "2023-05")
    assert expulsions["share"].between(0, 1).all()
    parts = expulsions[expulsions["nationality"] != "ALL"].groupby("month")["persons"].sum()
    assert (parts == whole.set_index("month")["persons"]).all()
    venezuela = expulsions[expulsions["nationality"] == "VEN"].set_index("month")["persons"]
    assert venezuela["2022-09"] < 200 < venezuela["2022-11"]  # Mexico took Venezuelans from 12 October 2022


def test_every_pathway_has_rows() -> None:
    rows = load.load_pathways()
    assert set(rows["pathway"]) == set(load.PATHWAYS)
    assert rows[(rows["pathway"] == "cbp_one") & (rows["nationality"] == "ALL")]["persons"].sum() == 680_580
    chnv = load.load_pathways("chnv_parole")
    assert set(chnv.loc[chnv["persons"] > 0, "nationality"]) == {"ALL", "VEN", "CUB", "HTI", "NIC"}


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: load.load_observed("darian"), ["border 'darian'", "us_border_patrol"]),
        (lambda: load.load_observed("darien", "XYZ"), ["nationality XYZ", "VEN"]),
        (lambda: load.load_series("darien_entrees"), ["series 'darien_entrees'", "darien_entries"]),
        (lambda: load.load_pathways("cbp"), ["pathway 'cbp'", "cbp_one"]),
    ],
)
def test_wrong_names_are_refused_with_the_right_ones(call: object, words: list[str]) -> None:
    assert callable(call)
    with pytest.raises(DataError) as caught:
        call()
    assert all(word in str(caught.value) for word in words)


def test_every_nationality_is_mapped() -> None:
    names = nationalities()
    assert set(names["group"]) == {*GROUPS, "ALL"}
    for path in series_tables():
        table = read_table(path.name)
        assert (table["nationality_source"].map(names["group"]) == table["nationality"]).all(), path.name


def test_shipped_tables_are_sound() -> None:
    assert verify_package(OBSERVED) == []


def test_descriptor_is_a_valid_data_package() -> None:
    descriptor = json.loads((OBSERVED / "datapackage.json").read_text(encoding="utf-8"))
    assert not list(Package.metadata_validate(descriptor))
    for resource in descriptor["resources"]:
        assert resource["hash"] == file_hash(OBSERVED / resource["path"])
    darien = next(item for item in descriptor["resources"] if item["name"] == "darien")
    entries = next(item for item in darien["series"] if item["name"] == "darien_entries")
    assert entries["parts"] == "complete"
    assert entries["gaps"] == [f"2019-{month:02d}" for month in range(7, 13)]


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A copy of the Honduras table with its descriptor."""
    folder = tmp_path / "observed"
    folder.mkdir()
    for name in ("honduras.csv", "sources.csv", "nationalities.csv"):
        shutil.copy(OBSERVED / name, folder / name)
    descriptor = json.loads((OBSERVED / "datapackage.json").read_text(encoding="utf-8"))
    kept = [item for item in descriptor["resources"] if (folder / item["path"]).exists()]
    (folder / "datapackage.json").write_text(json.dumps({**descriptor, "resources": kept}), encoding="utf-8")
    return folder


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (",42637,", ",42638,", ["hash", "restore it"]),
        (",42637,", ",-42637,", ["honduras.csv row", "column persons", "0 or more"]),
        (",42637,", ",42637.5,", ["42637.5", "a whole number of persons"]),
        (",42637,", ",39000,", ["nationalities of honduras_irregular_entries in 2023-12", "+1,325"]),
        ("honduras,2023-12,ALL", "honduras,2023-13,ALL", ["'2023-13' is not a month", "YYYY-MM"]),
        ("2024-03", "2024-02", ["duplicate of honduras_irregular_entries, 2024-02"]),
        ("VEN,Venezuela", "VEN,Venezuala", ["'Venezuala' is not known", "did you mean 'Venezuela'?"]),
        ("VEN,Venezuela", "CUB,Venezuela", ["'Venezuela' is filed under 'CUB'", "group 'VEN'"]),
    ],
)
def test_tampering_is_found(package: Path, old: str, new: str, words: list[str]) -> None:
    assert verify_package(package) == []
    edit(package / "honduras.csv", old, new)
    text = "\n".join(str(problem) for problem in verify_package(package))
    for word in words:
        assert word in text


def test_a_lost_month_is_a_gap(package: Path) -> None:
    path = package / "honduras.csv"
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join(line for line in lines if "honduras,2024-02," not in line), encoding="utf-8")
    text = "\n".join(str(problem) for problem in verify_package(package))
    assert "series 'honduras_irregular_entries' has a gap: 2024-02" in text


def test_missing_and_undescribed_files_are_found(package: Path) -> None:
    (package / "honduras.csv").rename(package / "guatemala.csv")
    text = "\n".join(str(problem) for problem in verify_package(package))
    assert "the file is missing" in text
    assert "guatemala.csv: the table is not described" in text
    assert "no datapackage.json" in str(verify_package(package.parent)[0])


def test_any_package_is_checked_by_its_schema(tmp_path: Path) -> None:
    (tmp_path / "places.csv").write_text("id,lat,role\na,8.1,origin\na,north,hub\n", encoding="utf-8")
    (tmp_path / "legs.csv").write_text("id,from\na--b,a\nc--d,c\n", encoding="utf-8")
    fields = [
        {"name": "id", "type": "string", "constraints": {"required": True}},
        {"name": "lat", "type": "number", "constraints": {"minimum": -90, "maximum": 90}},
        {"name": "role", "type": "string", "constraints": {"enum": ["origin", "transit"]}},
    ]
    legs = {
        "fields": [{"name": "id", "type": "string"}, {"name": "from", "type": "string"}],
        "foreignKeys": [{"fields": "from", "reference": {"resource": "places", "fields": "id"}}],
    }
    resources = [
        {"name": "places", "path": "places.csv", "schema": {"fields": fields, "primaryKey": "id"}},
        {"name": "legs", "path": "legs.csv", "schema": legs, "hash": file_hash(tmp_path / "legs.csv")},
    ]
    descriptor = {"name": "world", "licenses": [{"name": "CC-BY-4.0"}], "resources": resources}
    (tmp_path / "datapackage.json").write_text(json.dumps(descriptor), encoding="utf-8")
    text = "\n".join(str(problem) for problem in verify_package(tmp_path))
    assert "places.csv: has no hash" in text
    assert "legs.csv: has no source" in text
    assert "places.csv row 3, column lat: 'north'; expected a number" in text
    assert "places.csv row 3, column role: 'hub'; expected one of origin, transit" in text
    assert "places.csv row 3: duplicate of a" in text
    assert "legs.csv row 3, column from: 'c'; expected a id of places" in text


def test_sums_by_sex_and_age() -> None:
    rows = read_table("darien.csv")
    assert check_sums(rows, "darien.csv", complete=[("darien_entries", "darien")]) == []
    women = (rows["sex"] == "female") & (rows["month"] == "2022-10") & (rows["age_band"] == "ALL")
    rows.loc[women, "persons"] += 7
    (problem,) = check_sums(rows, "darien.csv")
    assert "women and men of darien_entries in 2022-10" in problem.what
    assert "+7 against the total" in problem.what


def test_facts_of_a_series_are_compared() -> None:
    rows = read_table("costa_rica.csv")
    facts = series_facts(rows)
    assert check_gaps(rows, "costa_rica.csv", facts) == []
    shorter = rows[rows["month"] != "2024-06"]
    texts = [str(problem) for problem in check_gaps(shorter, "costa_rica.csv", facts)]
    assert any("runs from 2022-03 to 2024-05; expected 2022-03 to 2024-06" in text for text in texts)


def test_tables_have_one_form() -> None:
    for path in series_tables():
        header = path.read_text(encoding="utf-8").splitlines()[0]
        assert header == ",".join(COLUMNS), path.name
    assert isinstance(load.list_series(), pd.DataFrame)
