"""Line 7 on a real run: every sheet and every column of the workbook, read back, is the CSV beside it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from openpyxl import load_workbook

from sim import load_scenario, run
from sim.needs import Needs, estimate
from sim.needs.axes import REGION
from sim.needs.labels import column_label, label, text
from sim.needs.needs import BESIDE
from sim.needs.safeguard import HIDDEN
from sim.needs.sheets import column_name
from sim.results import open_run
from tests.needs_words import english_left

SHORT = """
name: four_months
title: {en: "Four months", es: "Cuatro meses"}
description: {en: "A short history over the turn of a year.", es: "Una historia corta de un año a otro."}
extends: history/baseline
spin_up_start: 2023-08-01
window: {start: 2023-11-01, end: 2024-02-29}
"""
#: column of a country sheet's first block -> how the CSV names the number
MONTHLY = {
    "people": {"measure": "unique_people", "population_status": "all", "basis": "total"},
    "in_need": {"measure": "unique_people", "population_status": "INN", "basis": "total"},
    "targeted": {"measure": "unique_people", "population_status": "TGT", "basis": "total"},
    "crossings": {"measure": "crossings", "basis": "total"},
    "person_days": {"measure": "person_days", "basis": "total"},
    "travel_days": {"measure": "travel_days", "basis": "total"},
    "present_average": {"measure": "people_present", "basis": "average"},
    "present_peak": {"measure": "people_present", "basis": "peak"},
    "waiting_at_home": {"measure": "waiting_at_home", "basis": "average"},
    "r:water": {"resource": "water", "basis": "total"},
    "r:rations": {"resource": "rations", "basis": "total"},
    "r:shelter_places": {"resource": "shelter_places", "basis": "peak"},
    "r:consultations": {"resource": "consultations", "basis": "total"},
    "r:transport_seats": {"resource": "transport_seats", "basis": "total"},
    "requirement": {"measure": "requirement", "basis": "total"},
}
LEVELS = {"people_lo80": ("people", "population_lo80"), "people_hi80": ("people", "population_hi80")}
LEVELS |= {f"requirement_{level}": ("requirement", level) for level in ("low", "high")}
WHOLE = {"category": "all", "population_group": "all", "gender": "all", "age_range": "all", "admin1_code": ""}


@pytest.fixture(scope="module", params=["short", pytest.param("baseline", marks=pytest.mark.slow)])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every needs file of a real run, and the Spanish workbook."""
    here = tmp_path_factory.mktemp("needs")
    if request.param == "short":
        (here / "short.yaml").write_text(SHORT, encoding="utf-8")
    scenario = load_scenario(here / "short.yaml" if request.param == "short" else "history/baseline")
    run(scenario, scale=0.01 if request.param == "short" else 0.05, replicates=2, out=here / "run")
    needs: Needs = estimate(open_run(here / "run"))
    assert len(needs.countries) >= 20
    needs.to_folder(here / "out")
    needs.to_excel(here / "es.xlsx", lang="es")
    return here


@pytest.fixture(scope="module")
def sheets(folder: Path) -> dict[str, list[list[Any]]]:
    return _cells(folder / "out" / "needs.xlsx")


@pytest.fixture(scope="module")
def csv(folder: Path) -> pd.DataFrame:
    return _read(folder, "needs")


def _cells(path: Path) -> dict[str, list[list[Any]]]:
    book = load_workbook(path, read_only=True)
    return {sheet.title: [list(row) for row in sheet.iter_rows(values_only=True)] for sheet in book}


def _read(folder: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(folder / "out" / f"{name}.csv", keep_default_na=False, dtype=str)


def _block(rows: list[list[Any]], heads: list[str]) -> Iterator[dict[str, Any]]:
    """Rows of the block of a sheet that has exactly these headings."""
    start = next(i for i, row in enumerate(rows) if [c for c in row if c is not None] == heads)
    for row in rows[start + 1 :]:
        if all(cell is None for cell in row):
            return
        yield dict(zip(heads, row[: len(heads)], strict=True))


def _is(shown: object, written: str, suppressed: str, where: object) -> None:
    """A cell shows what the CSV says: its number, '<15' where it is hidden, words where it is not set, or nothing."""
    if suppressed:
        assert shown == HIDDEN, where
    elif written == "":
        assert shown in (None, text("unset", "en")), where
    else:
        assert isinstance(shown, (int, float)), where
        assert float(shown) == float(written), where


def _index(csv: pd.DataFrame, columns: list[str], **where: str) -> dict[tuple[str, ...], dict[str, str]]:
    """Rows of the CSV by the columns that name them; a name that fits two rows fails."""
    part = csv
    for column, value in where.items():
        part = part[part[column] == value]
    out: dict[tuple[str, ...], dict[str, str]] = {}
    for record in part.to_dict("records"):
        key = tuple(str(record[c]) for c in columns)
        assert key not in out, key
        out[key] = {str(k): str(v) for k, v in record.items()}
    return out


def test_months_and_years_of_every_country(sheets: dict[str, list[list[Any]]], csv: pd.DataFrame) -> None:
    names = [
        "location_code",
        "period",
        "reference_period_start",
        "measure",
        "population_status",
        "resource",
        "basis",
    ]
    part = csv[(csv["sector_code"] == "ALL") | (csv["resource"] != "")]
    rows = _index(part[(part["funding"] == "")], names, **WHOLE)
    columns = [
        "month",
        *dict.fromkeys(k for n in MONTHLY for k in (n, *(x for x, (y, _) in LEVELS.items() if y == n))),
    ]
    checked = 0
    for country in sorted(set(csv["location_code"]) - {REGION}):
        shown = sheets[label("location", country, "en")]
        heads = next(row for row in shown if row[0] == column_name("month", "en"))
        heads = [h for h in heads if h is not None]
        assert set(heads) == {column_name(c, "en") for c in columns}, country
        for record in _block(shown, heads):
            month = str(record[column_name("month", "en")])
            period, start = ("month", f"{month}-01") if "-" in month else ("year", "")
            if not start:
                start = min(s for c, p, s, *_ in rows if c == country and p == "year" and s.startswith(month))
            for column in columns[1:]:
                base, level = LEVELS.get(column, (column, "middle"))
                kind = {"population_status": "", "resource": "", "measure": "resource"} | MONTHLY[base]
                if kind["measure"] in (
                    "crossings",
                    "person_days",
                    "travel_days",
                    "people_present",
                    "waiting_at_home",
                ):
                    kind["population_status"] = "all"
                key = (country, period, start, *(kind[n] for n in names[3:]))
                found = rows.get(key, {level: "", "suppressed": ""})
                value = record[column_name(column, "en")]
                _is(value, found[level], found["suppressed"], (key, level))
                checked += value is not None
    assert checked > 2000


def test_sectors_of_every_country_and_all_together(
    sheets: dict[str, list[list[Any]]], csv: pd.DataFrame
) -> None:
    years = csv[csv["period"] == "year"]
    names = [
        "location_code",
        "reference_period_start",
        "sector_code",
        "measure",
        "population_status",
        "funding",
    ]
    kinds = years["measure"].isin(["unique_people", "requirement", "gap"])
    rows = _index(years[kinds & ~years["population_status"].isin(["all", "AFF"])], names, **WHOLE)
    sectors = {label("sector", s, "en"): s for s in set(csv["sector_code"])}
    columns = ["year", "sector_code", "in_need", "low", "high", "targeted"]
    columns += [
        "requirement_low",
        "requirement",
        "requirement_high",
        "gap",
        "coverage_flag",
        "lead_mechanism",
    ]
    of = {
        "in_need": ("INN", "middle"),
        "low": ("INN", "low"),
        "high": ("INN", "high"),
        "targeted": ("TGT", "middle"),
    }
    money = {"requirement_low": "low", "requirement": "middle", "requirement_high": "high"}
    starts = {
        (c, s[:4]): s for c, s in zip(years["location_code"], years["reference_period_start"], strict=True)
    }
    countries = {label("location", c, "en"): c for c in set(csv["location_code"])}
    blocks = [(name, code, columns) for name, code in countries.items() if code != REGION] + [
        (label("sheet", "sectors", "en"), "", ["location_code", *columns])
    ]
    checked = 0
    for title, code, wanted in blocks:
        heads = [column_name(c, "en") for c in wanted]
        for record in _block(sheets[title], heads):
            line = dict(zip(wanted, record.values(), strict=True))
            country = code or countries[line["location_code"]]
            base = (country, starts[country, str(line["year"])], sectors[line["sector_code"]])
            for column, (status, level) in of.items():
                found = rows.get((*base, "unique_people", status, ""), {level: "", "suppressed": ""})
                _is(line[column], found[level], found["suppressed"], (base, column))
                checked += 1
            for column, level in money.items():
                found = rows.get((*base, "requirement", "", ""), {level: "", "suppressed": ""})
                _is(line[column], found[level], found["suppressed"], (base, column))
            found = rows.get((*base, "gap", "", "as_2023"), {"middle": "", "suppressed": ""})
            _is(line["gap"], found["middle"], found["suppressed"], (base, "gap"))
            flag = rows[(*base, "unique_people", "INN", "")]
            assert line["coverage_flag"] == label("flag", flag["coverage_flag"], "en"), base
            assert (line["lead_mechanism"] or "") == flag["lead_mechanism"], base
    assert checked > 1000


def test_resources_of_every_country_and_of_the_region(
    sheets: dict[str, list[list[Any]]], csv: pd.DataFrame
) -> None:
    years = csv[(csv["period"] == "year") & (csv["measure"] == "resource")]
    rows = _index(years, ["location_code", "reference_period_start", "resource", "basis"], **WHOLE)
    columns = [
        "year",
        "sector_code",
        "resource",
        "basis",
        "low",
        "middle",
        "high",
        "unit",
        "nexus",
        "assumption",
        "source",
    ]
    heads = [column_name(c, "en") for c in columns]
    resources = {label("resource", r, "en"): r for r in set(csv["resource"])}
    bases = {label("basis", b, "en"): b for b in set(csv["basis"])}
    starts = {
        (c, s[:4]): s for c, s in zip(years["location_code"], years["reference_period_start"], strict=True)
    }
    seen = set()
    for country in set(csv["location_code"]):
        title = label("sheet", "sectors", "en") if country == REGION else label("location", country, "en")
        for record in _block(sheets[title], heads):
            line = dict(zip(columns, record.values(), strict=True))
            start = starts[country, str(line["year"])]
            key = (country, start, resources[line["resource"]], bases[line["basis"]])
            found = rows[key]
            for level in ("low", "middle", "high"):
                _is(line[level], found[level], found["suppressed"], (key, level))
            assert line["unit"] == label("unit", found["unit"], "en"), key
            assert line["assumption"] == text(found["assumption"].lower(), "en"), key
            assert line["sector_code"] == label("sector", found["sector_code"], "en"), key
            seen.add(key)
    assert seen == set(rows)  # nothing is left out


def test_people_by_group_sex_and_age(sheets: dict[str, list[list[Any]]], csv: pd.DataFrame) -> None:
    names = ["category", "population_group", "gender", "age_range", "population_status"]
    kinds = dict(zip(names, ("stage", "group", "gender", "age", "status"), strict=True))
    part = csv[
        (csv["period"] == "year") & (csv["measure"] == "unique_people") & (csv["sector_code"] == "ALL")
    ]
    part = part[part["population_status"].isin(["all", "INN"])]
    rows = _index(part, ["location_code", "reference_period_start", *names], admin1_code="")
    columns = ["year", *names, "low", "middle", "high"]
    heads = [column_name(c, "en") for c in columns]
    codes = {n: {label(k, v, "en"): v for v in set(part[n])} for n, k in kinds.items()}
    starts = {
        (c, s[:4]): s for c, s in zip(part["location_code"], part["reference_period_start"], strict=True)
    }
    seen = set()
    for country in set(csv["location_code"]) - {REGION}:
        for record in _block(sheets[label("location", country, "en")], heads):
            line = dict(zip(columns, record.values(), strict=True))
            key = (country, starts[country, str(line["year"])], *(codes[n][line[n]] for n in names))
            for level in ("low", "middle", "high"):
                _is(line[level], rows[key][level], rows[key]["suppressed"], (key, level))
            seen.add(key)
    assert seen == {key for key in rows if key[0] != REGION}


def test_the_matrix_shows_the_flags_of_the_last_year(
    sheets: dict[str, list[list[Any]]], csv: pd.DataFrame
) -> None:
    rows = sheets[label("sheet", "matrix", "en")]
    start = next(i for i, row in enumerate(rows) if row[0] == column_name("sector_code", "en"))
    countries = {label("location", c, "en"): c for c in set(csv["location_code"])}
    part = csv[
        (csv["period"] == "year") & (csv["measure"] == "unique_people") & (csv["population_status"] == "INN")
    ]
    part = part[part["reference_period_start"] == part["reference_period_start"].max()]
    flags = _index(part, ["sector_code", "location_code"], **WHOLE)
    sectors = {label("sector", s, "en"): s for s in set(part["sector_code"])}
    checked = 0
    for row in rows[start + 1 :]:
        for name, shown in zip(rows[start][1:], row[1:], strict=True):
            if name is not None and shown:
                flag = flags[sectors[row[0]], countries[name]]["coverage_flag"]
                assert shown == label("flag", flag, "en"), (row[0], name)
                checked += 1
    assert checked > 100


@pytest.mark.parametrize("name", BESIDE)
def test_tables_beside_are_row_by_row_those_of_the_csv(
    name: str, sheets: dict[str, list[list[Any]]], folder: Path
) -> None:
    """Every number, date and plain text of a sheet; codes stand there as words, the same word for the same code."""
    table, rows = _read(folder, name), sheets[label("sheet", name, "en")]
    if name == "coordination" and len(table):
        table = table[table["year"] == table["year"].max()]
    of = {column_label(name, c, "en"): c for c in table.columns}
    of |= {column_name(c, "en"): c for c in ("sector_code", "location_code") if c in table.columns}
    start = next(i for i, row in enumerate(rows) if sum(c in of for c in row if c is not None) >= 3)
    heads = [h for h in rows[start] if h is not None]
    assert set(heads) <= set(of), set(heads) - set(of)
    body = [row[: len(heads)] for row in rows[start + 1 :] if any(c is not None for c in row)]
    assert len(body) == len(table)
    for position, head in enumerate(heads):
        words: dict[str, object] = {}
        for row, record in zip(body, table.to_dict("records"), strict=True):
            written, shown = str(record[of[head]]), row[position]
            if isinstance(shown, (int, float)) and not isinstance(shown, bool):
                assert float(shown) == float(written), (head, record)
            elif isinstance(shown, dt.date):
                assert shown.isoformat()[:10] == written, (head, record)
            elif shown == HIDDEN:
                assert record["suppressed"] == HIDDEN, (head, record)
            else:
                assert (shown is None) <= (written == ""), (head, record)
                assert words.setdefault(written, shown) == shown or written == "", (head, record)


def test_the_spanish_workbook_of_a_real_run_has_no_english_left(folder: Path) -> None:
    assert not english_left(_cells(folder / "es.xlsx"))
