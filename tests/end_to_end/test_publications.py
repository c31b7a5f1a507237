"""What leaves a real run: briefs of exactly two pages, the same needs sheet for every country, nothing small or recoverable."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from openpyxl import load_workbook

from sim import load_scenario, run
from sim.needs import Needs, estimate
from sim.needs.labels import label
from sim.report import brief
from sim.report.words import LANGUAGES, table
from tests.unit.test_needs_safeguard import _solve

if TYPE_CHECKING:
    from sim.results import Run

COUNTRIES = ("HND", "PAN", "CRI", "ALL")
SCALE, REPLICATES = 0.05, 2


@pytest.fixture(scope="module")
def baseline(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("briefs") / "run"
    return run(
        load_scenario("history/baseline"), replicates=REPLICATES, scale=SCALE, seed=1, workers=1, out=folder
    )


@pytest.fixture(scope="module")
def needs(baseline: Run) -> dict[str, Needs]:
    return {lang: estimate(baseline, lang=lang) for lang in LANGUAGES}


def page_words(path: Path, page: int) -> str:
    command = ["pdftotext", "-f", str(page), "-l", str(page), "-layout", str(path), "-"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("country", COUNTRIES)
def test_a_brief_fits_on_exactly_two_pages(
    country: str, lang: str, baseline: Run, needs: dict[str, Needs], tmp_path: Path
) -> None:
    pages = brief(baseline, country, lang, needs=needs[lang])
    path = pages.save(tmp_path / f"{country}-{lang}.pdf")
    assert len(re.findall(rb"/Type /Page\b(?!s)", path.read_bytes())) == 2
    assert len(pages.headlines) == 5
    assert all(row.interval and row.change for row in pages.headlines)
    assert len(pages.sectors) >= 10
    assert len(pages.skill) >= 3
    if shutil.which("pdftotext") is None:
        return
    first, second = page_words(path, 1), page_words(path, 2)
    assert pages.title in first
    assert pages.groups_note.split(".")[0] in " ".join(first.split())
    assert pages.correct.split(".")[0].split()[-1] in second
    if lang == "es":
        english = {row["en"] for row in table().values() if row["en"] != row["es"] and len(row["en"]) > 6}
        left = {words for words in english if re.search(rf"\b{re.escape(words)}\b", first + second)}
        assert not left


def test_panama_shows_the_duplication_and_honduras_the_gap_of_the_review(needs: dict[str, Needs]) -> None:
    matrix = needs["en"].coordination
    water = matrix[(matrix["sector_code"] == "WSH") & (matrix["year"] == 2023)]
    flags = water.set_index(["location_code", "population"])["coverage_flag"]
    for population in ("ven_transit", "other_transit"):
        assert flags["PAN", population] == "duplication"
        assert {flags[country, population] for country in ("HND", "GTM", "NIC")} == {"gap"}
    overview = needs["en"].overview
    found = overview[overview["year"] == 2023].set_index("location_code")["coverage_flag"]
    assert found["PAN"] == "duplication"
    assert found["HND"] == found["GTM"] == found["NIC"] == "gap"


def test_no_published_cell_of_people_is_small(needs: dict[str, Needs]) -> None:
    found = needs["en"]
    for frame in (found.table, found.coordination, found.binational, found.upstream, found.impacts):
        people = frame[frame["unit"].isin(["people", "crossings", "times", "person-days"])]
        values = people[["low", "middle", "high"]].to_numpy(dtype=float)
        assert len(values)
        assert np.nanmin(values) >= 15.0


def test_no_hidden_number_of_people_can_be_solved_for(needs: dict[str, Needs]) -> None:
    """A block in which nothing is printed has nothing to solve from and is left out."""
    table = needs["en"].table
    heads = table[(table["measure"] == "unique_people") & (table["category"] != "host")]
    fixed = ["location_code", "reference_period_start", "period", "sector_code", "population_status"]
    block = heads.groupby(fixed, observed=True)["middle"]
    heads = heads[block.transform("count").to_numpy() > 0]
    assert heads["middle"].isna().sum() > 100
    everyone = {
        "category": "all",
        "population_group": "all",
        "gender": "all",
        "age_range": "all",
        "admin1_code": "",
    }
    assert _solve(heads, everyone, fixed) == 0


@pytest.mark.slow
def test_every_country_has_the_same_sheet_with_the_numbers_of_the_csv(
    needs: dict[str, Needs], tmp_path: Path
) -> None:
    book = load_workbook(needs["es"].to_excel(tmp_path / "needs.xlsx"), read_only=True)
    csv = pd.read_csv(needs["es"].to_csv(tmp_path / "needs.csv"), keep_default_na=False, low_memory=False)
    people = csv[
        (csv["measure"] == "unique_people")
        & (csv["population_status"] == "all")
        & (csv["sector_code"] == "ALL")
    ]
    for column in ("category", "population_group", "gender", "age_range"):
        people = people[people[column] == "all"]
    people = people[(people["admin1_code"] == "") & (people["period"] == "month")]
    heads = set()
    for country in needs["es"].countries:
        rows: list[Any] = list(book[label("location", country, "es")].iter_rows(values_only=True))
        heads.add(
            tuple(tuple(v for v in row if v is not None) for row in rows if row and row[0] in ("Mes", "Año"))
        )
        start = next(i for i, row in enumerate(rows) if row[0] == "Mes")
        column = rows[start].index("Personas únicas")
        shown = {row[0]: row[column] for row in rows[start + 1 :] if isinstance(row[0], str)}
        for record in people[people["location_code"] == country].to_dict("records"):
            value = shown[str(record["reference_period_start"])[:7]]
            assert value == "<15" if record["middle"] == "" else float(value) == float(record["middle"])
    assert {"HND", "GTM", "NIC"} <= set(needs["es"].countries)
    assert len(heads) == 1
