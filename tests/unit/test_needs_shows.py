"""What the needs room must show, line by line."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
import pandas as pd
import pytest
from openpyxl import load_workbook

import sim.needs
from sim.needs import Needs, compare_arrangements, coordination, estimate
from sim.needs.labels import label
from sim.needs.tables import table
from sim.report.words import place_name
from sim.spec.tables import table_rows, world_folder
from tests.needs_fixture import SyntheticRun, synthetic_run
from tests.needs_words import english_left

HEADS = ["unique_people", "crossings", "person_days", "times_assisted"]


@pytest.fixture(scope="module")
def run() -> SyntheticRun:
    return synthetic_run(replicates=2)


@pytest.fixture(scope="module")
def needs(run: SyntheticRun) -> Needs:
    return estimate(run)


@pytest.fixture(scope="module")
def books(needs: Needs, run: SyntheticRun, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("books")
    return {"en": needs.to_excel(folder / "en.xlsx"), "es": needs.to_excel(folder / "es.xlsx", lang="es")}


def _year(needs: Needs, **where: str) -> pd.DataFrame:
    wanted = {
        "period": "year",
        "category": "all",
        "population_group": "all",
        "gender": "all",
        "age_range": "all",
    }
    keep = pd.Series(True, index=needs.table.index)
    for column, value in (wanted | where).items():
        keep &= needs.table[column] == value
    return needs.table[keep & (needs.table["admin1_code"] == "")]


def test_line_1_every_country_on_the_route_has_the_same_sheet(books: dict[str, Path], needs: Needs) -> None:
    book = load_workbook(books["en"])
    heads = {}
    for country in needs.countries:
        sheet = book[label("location", country, "en")]
        rows = [[c.value for c in row if c.value is not None] for row in sheet.iter_rows()]
        heads[country] = [tuple(r) for r in rows if r and r[0] in ("Month", "Year")]
    assert {"HND", "GTM", "NIC"} <= set(heads)
    assert len(set(map(tuple, heads.values()))) == 1
    assert len(heads["HND"]) == 4


def test_line_1_protection_and_host_community_stand_in_every_country(needs: Needs) -> None:
    for country in needs.countries:
        own = needs.table[needs.table["location_code"] == country]
        assert (own["sector_code"] == "PRO").any(), country
        assert (own["population_group"] == "HST").any() or country == "VEN", country
        assert set(needs.minimums.loc[needs.minimums["location_code"] == country, "theme"]) >= {"protection"}


def test_line_3_panama_shows_duplication_and_honduras_a_gap(needs: Needs) -> None:
    matrix = needs.coordination[needs.coordination["sector_code"] == "WSH"].set_index(
        ["location_code", "population"]
    )
    for population in ("ven_transit", "other_transit"):
        assert matrix.loc[("PAN", population), "coverage_flag"] == "duplication"
        assert matrix.loc[("PAN", population), "mechanisms_covering"] == 2
        assert matrix.loc[("HND", population), "coverage_flag"] == "gap"
        assert "interim" in cast("str", matrix.loc[("HND", population), "others"])
    assert "1462" in cast("str", matrix.loc[("PAN", "other_transit"), "source"])
    assert "1464" in cast("str", matrix.loc[("HND", "other_transit"), "source"])
    flags = needs.overview.set_index("location_code")["coverage_flag"]
    assert flags["PAN"] == "duplication"
    assert flags["HND"] == flags["GTM"] == flags["NIC"] == "gap"


def test_line_3_the_flags_come_from_the_data(run: SyntheticRun, monkeypatch: pytest.MonkeyPatch) -> None:
    def changed(name: str, numbers: Iterable[str] = ()) -> pd.DataFrame:
        frame = table(name, numbers)
        if name == "coverage":
            frame = frame[frame["mechanism"] != "hmg_pan"]
            frame.loc[frame["role"] == "interim", "role"] = "lead"
        return frame

    monkeypatch.setattr(coordination, "table", changed)
    flags = estimate(run).overview.set_index("location_code")["coverage_flag"]
    assert flags["PAN"] == "covered"
    assert flags["HND"] == "covered_scarce"


def test_line_3_no_country_is_named_in_the_code() -> None:
    codes = [c for c in table("countries")["code"] if c != "REG"]
    pattern = re.compile(r'["\'](' + "|".join(codes) + r')["\']')
    for path in Path(sim.needs.__file__).parent.glob("*.py"):
        found = set(pattern.findall(path.read_text(encoding="utf-8")))
        nationalities = {"VEN", "CHN", "IND", "SEN", "BGD", "AFG", "NPL", "CMR", "SOM"}
        allowed = nationalities if path.name == "axes.py" else set()
        assert found <= allowed, f"{path.name}: {found}"


def test_line_3_cash_is_led_by_nobody_where_platforms_cover_it(needs: Needs) -> None:
    cash = needs.coordination[needs.coordination["sector_code"] == "MPC"].set_index(
        ["location_code", "population"]
    )
    assert cash.loc[("COL", "ven_transit"), "coverage_flag"] == "no_lead"
    assert cash.loc[("PAN", "ven_transit"), "coverage_flag"] == "no_lead"


def test_line_4_panama_2023_by_hand(run: SyntheticRun, needs: Needs) -> None:
    stocks = run.stocks
    in_places = stocks["status"].isin(
        ["staying", "queued", "stranded"]
    )  # not on a leg: the jungle is not a station
    here = stocks[(stocks["country"] == "PAN") & in_places]
    person_days = here.groupby("replicate")["person_days"].sum().mean()
    got = _year(needs, location_code="PAN", measure="resource", basis="total").set_index("resource")["middle"]
    assert got["water"] == pytest.approx(person_days * 15.0, rel=0.006)  # litres, three significant digits
    assert got["energy"] == pytest.approx(person_days * 2100.0 / 1000.0, rel=0.006)
    step = 500 if person_days < 100_000 else 1000
    assert got["rations"] == pytest.approx(person_days, abs=step / 2)
    assert got["bed_nights"] == pytest.approx(person_days, abs=step / 2)
    low = _year(needs, location_code="PAN", resource="water", basis="total")
    assert low["low"].iloc[0] < low["middle"].iloc[0] < low["high"].iloc[0]
    toilets = _year(needs, location_code="PAN", resource="toilets_medium_term", basis="average")[
        "middle"
    ].iloc[0]
    assert toilets == np.ceil(person_days / 365.0 / 20.0)


def test_line_5_three_arrangements_and_three_funding_levels_side_by_side(run: SyntheticRun) -> None:
    frame = compare_arrangements(run)
    cells = frame[frame["measure"] == "requirement"].groupby(["arrangement", "funding"]).size()
    assert len(cells) == 9
    people = frame[(frame["sector_code"] == "ALL") & (frame["unit"] == "times")].set_index(
        ["arrangement", "measure"]
    )
    assert cast("float", people.loc[("today", "uncovered"), "middle"]) > 0
    assert people.loc[("national_platforms", "uncovered"), "middle"] == 0
    assert cast("float", people.loc[("national_platforms", "duplicated"), "middle"]) > 0
    assert people.loc[("single_structure", "duplicated"), "middle"] == 0
    today = people.xs("today")["middle"]
    assert today["covered"] + today["uncovered"] == pytest.approx(today["in_need"], rel=0.01)
    water = frame[frame["measure"] == "resource:water"].set_index(["arrangement", "funding"])["middle"]
    assert water["today", "as_2019"] > water["today", "as_2023"] > water["today", "as_2025"]
    assert water["single_structure", "as_2023"] > water["today", "as_2023"]
    assert (frame["low"].dropna() <= frame["middle"].dropna()).all()
    assert (frame["source"] != "").all()


def _cells(path: Path) -> dict[str, list[list[object]]]:
    book = load_workbook(path)
    return {sheet.title: [[c.value for c in row] for row in sheet.iter_rows()] for sheet in book}


def test_line_7_the_workbook_gives_back_the_csvs_numbers(
    books: dict[str, Path], needs: Needs, tmp_path: Path
) -> None:
    csv = pd.read_csv(needs.to_csv(tmp_path / "needs.csv"), keep_default_na=False, low_memory=False)
    sheet = _cells(books["en"])["Panama"]
    own = csv[(csv["location_code"] == "PAN") & (csv["period"] == "year") & (csv["category"] == "all")]
    own = own[(own["gender"] == "all") & (own["admin1_code"] == "")]
    start = next(i for i, row in enumerate(sheet) if row[0] == "Year" and "Resource" in row)
    head = sheet[start]
    checked = 0
    for row in sheet[start + 1 :]:
        if row[0] is None or not str(row[0]).isdigit():
            break
        record = dict(zip(head, row, strict=True))
        match = own[own["resource"].map(lambda r: label("resource", r, "en")) == record["Resource"]]
        match = match[match["basis"].map(lambda b: label("basis", b, "en")) == record["Basis"]]
        assert len(match) == 1, record
        for name, column in (("Low", "low"), ("Middle", "middle"), ("High", "high")):
            value = match[column].iloc[0]
            if value == "":
                assert isinstance(record[name], str)
            else:
                assert float(cast("float", record[name])) == pytest.approx(float(value), rel=1e-9)
                checked += 1
    assert checked > 100
    assert len({tuple(map(str, r)) for r in sheet}) > 100


def test_line_7_months_of_every_country_are_the_csvs(books: dict[str, Path], needs: Needs) -> None:
    sheets = _cells(books["es"])
    people = needs.table[
        (needs.table["measure"] == "unique_people")
        & (needs.table["population_status"] == "all")
        & (needs.table["period"] == "month")
        & (needs.table["sector_code"] == "ALL")
    ]
    people = people[(people["category"] == "all") & (people["population_group"] == "all")]
    people = people[
        (people["gender"] == "all") & (people["age_range"] == "all") & (people["admin1_code"] == "")
    ]
    for country in needs.countries:
        rows = sheets[label("location", country, "es")]
        start = next(i for i, row in enumerate(rows) if row[0] == "Mes")
        column = rows[start].index("Personas únicas")
        shown = {row[0]: row[column] for row in rows[start + 1 :] if isinstance(row[0], str)}
        for record in people[people["location_code"] == country].to_dict("records"):
            value = shown[record["reference_period_start"].strftime("%Y-%m")]
            assert (value == "<15") if np.isnan(record["middle"]) else value == record["middle"]


def test_line_7_no_english_is_left_in_the_spanish_labels(books: dict[str, Path]) -> None:
    assert not english_left(_cells(books["es"]))


def test_line_7_headers_are_frozen_and_pages_are_set_up(books: dict[str, Path]) -> None:
    for sheet in load_workbook(books["en"]):
        assert sheet.freeze_panes is not None, sheet.title
        assert sheet.page_setup.orientation == "landscape"
        assert sheet.page_setup.fitToWidth == 1
        assert sheet.print_title_rows


def _ten_years() -> SyntheticRun:
    """The same year ten times over: the size matters here, not the story."""
    year = synthetic_run(start="2015-01", months=12, replicates=1)
    parts = {}
    for name in ("flows", "stocks", "departures"):
        frame = getattr(year, name)
        shifted = [
            frame.assign(period_start=frame["period_start"] + pd.DateOffset(years=y)) for y in range(10)
        ]
        parts[name] = pd.concat(shifted, ignore_index=True)
    return replace(year, **parts)


def test_line_8_ten_years_of_monthly_needs_for_all_countries_in_five_seconds() -> None:
    estimate(synthetic_run(months=6, replicates=1, nationalities=("VEN",)))  # libraries loaded
    run = _ten_years()
    start, busy = time.perf_counter(), time.thread_time()
    found = estimate(run)
    seconds = min(time.perf_counter() - start, time.thread_time() - busy)  # not the time other programs take
    assert len(found.countries) == 9
    assert found.table["reference_period_start"].dt.year.nunique() == 10
    assert seconds < 5.0


ENGLISH_PLACE = re.compile(
    r"\b(City|island|Island|camp|station|border|yard|sector|proxy|interior|arrivals|airport|hub|Rest|West|South)\b"
)


def test_no_place_of_the_shipped_world_keeps_an_english_name_in_spanish() -> None:
    """Neither in the workbook, which names places in full, nor on figures, which shorten them."""
    folder = world_folder("americas")
    assert folder is not None
    names = {str(row["name"]) for row in table_rows(folder / "places.csv")}
    english = {name for name in names if ENGLISH_PLACE.search(name)}
    assert len(english) > 20, "the pattern finds what it should"
    assert not {name for name in english if label("place", name, "es") == name}
    short = {name: place_name(name, "es") for name in names}
    assert not {name for name, told in short.items() if ENGLISH_PLACE.search(told)}
