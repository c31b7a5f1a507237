"""The needs tables: every row sourced, every reference alive, local standards with their trail."""

from __future__ import annotations

import importlib
import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from typing import cast

import numpy as np
import pandas as pd
import pytest

import scenarios
from calibration.observed.verify import verify_package
from sim.errors import DataError
from sim.needs import Needs, estimate, load_standards
from sim.needs.coordination import ARRANGEMENTS, regional_groups
from sim.needs.money import funding_share, plan_check, plan_exponent, reach
from sim.needs.needs import BESIDE
from sim.needs.resources import quantities
from sim.needs.tables import table
from tests.needs_fixture import synthetic_run

FOLDER = Path(scenarios.__file__).parent / "needs"


def test_the_folder_is_what_its_data_package_says() -> None:
    assert verify_package(FOLDER) == []


def test_no_source_is_a_scratch_folder() -> None:
    for path in FOLDER.iterdir():
        text = path.read_text(encoding="utf-8")
        assert "../" not in text, path.name


def test_standards_are_ordered_and_sourced_or_flagged() -> None:
    frame = load_standards().table
    numbers = frame[["low", "middle", "high"]].to_numpy(dtype=float)
    known = ~np.isnan(numbers).any(axis=1)
    assert (numbers[known, 0] <= numbers[known, 1]).all()
    assert (numbers[known, 1] <= numbers[known, 2]).all()
    unverified = frame["source"].str.contains("UNVERIFIED|Travesía|none found")
    assert (frame.loc[unverified, "assumption"] == 1).all()
    assert (frame["source"].str.strip() != "").all()


def test_every_table_with_levels_is_ordered() -> None:
    for name in ("unit_costs", "in_need_rules", "severity_shares"):
        frame = table(name, ["low", "middle", "high"])
        assert (frame["low"] <= frame["middle"]).all(), name
        assert (frame["middle"] <= frame["high"]).all(), name


def test_formulas_name_standards_that_exist() -> None:
    known = set(table("standards")["id"])
    for row in table("resources").to_dict("records"):
        for token in filter(None, f"{row['multiply']};{row['divide']}".split(";")):
            if not token.startswith("#"):
                assert token.removeprefix("1+").removeprefix("%") in known, row["id"]
        assert row["sector_code"] in set(table("sectors")["code"])


def test_coverage_names_mechanisms_countries_sectors_and_populations_that_exist() -> None:
    mechanisms, countries = set(table("mechanisms")["id"]), set(table("countries")["code"])
    populations, sectors = (
        set(table("populations")["id"]),
        set(table("sectors")["code"]) | {"*", "R4V", "IASC"},
    )
    for row in table("coverage").to_dict("records"):
        assert row["mechanism"] in mechanisms
        assert row["countries"] == "*LAC" or set(row["countries"].split(";")) <= countries
        assert row["populations"] == "*" or set(row["populations"].split(";")) <= populations
        assert {s.removeprefix("!") for s in row["sectors"].split(";")} <= sectors
        assert set(row["arrangements"].split(";")) <= set(ARRANGEMENTS)
        assert row["source_ref"] or row["source"].startswith("Travesía")
    for row in table("lead_rules").to_dict("records"):
        assert {row["lead_mechanism"], row["second_mechanism"]} - {""} <= mechanisms


def test_every_word_has_both_languages() -> None:
    for path in FOLDER.glob("*.csv"):
        frame = table(path.stem)
        for column in [c for c in frame.columns if c.endswith("_en")]:
            other = column.removesuffix("_en") + "_es"
            both = (frame[column].str.strip() == "") == (frame[other].str.strip() == "")
            assert both.all(), f"{path.name}: {column}"


def test_regional_groups_show_what_is_unified_and_what_is_double() -> None:
    flags = regional_groups().set_index("sector_code")["flag"]
    assert flags["EDU"] == flags["WSH"] == "unified"
    double = {"NUT", "PRO", "PRO-CPN", "PRO-GBV", "HEA", "FSC", "SHL", "MPC", "X-INF"}
    assert set(flags[flags == "duplication"].index) == double


# --- the 86 requirements ----------------------------------------------------------------------------------


def _module(name: str) -> bool:
    return importlib.util.find_spec(name) is not None


def _exists(reference: str) -> bool:
    kind, _, name = reference.partition(":")
    fields = table("fields")
    if kind in set(fields["table"]):
        return bool(((fields["table"] == kind) & (fields["name"] == name)).any())
    labels = table("labels")
    lists: dict[str, Callable[[], object]] = {
        "table": (FOLDER / f"{name}.csv").is_file,
        "module": lambda: _module(name),
        "package": lambda: (
            _module(name) or (Path(scenarios.__file__).parent.parent / name.replace(".", "/")).is_dir()
        ),
        "function": lambda: hasattr(
            importlib.import_module(name.rpartition(".")[0]), name.rpartition(".")[2]
        ),
        "sheet": ((labels["kind"] == "sheet") & (labels["key"] == name)).any,
        "text": ((labels["kind"] == "text") & (labels["key"] == name)).any,
        "resource": lambda: name in set(table("resources")["id"]),
        "standard": lambda: name in set(table("standards")["id"]),
        "sector": lambda: name in set(table("sectors")["code"]),
        "population_group": lambda: name in set(table("population_groups")["code"]),
        "severity": lambda: name in set(table("severity")["criterion"]),
        "trigger": lambda: name in set(table("triggers")["id"]),
    }
    return bool(lists[kind]())


def test_all_86_requirements_say_where_they_are_met() -> None:
    frame = table("requirements")
    assert list(frame["id"]) == [f"R{i:03d}" for i in range(1, 87)]
    assert set(frame["status"]) <= {"satisfied", "partly", "not"}
    for row in frame.to_dict("records"):
        references = row["where"].split("; ")
        assert references, row["id"]
        for reference in references:
            assert _exists(reference), f"{row['id']}: {reference}"
        assert row["note"] or row["status"] == "satisfied", row["id"]


def test_columns_the_tables_promise_are_the_columns_that_come_out() -> None:
    needs = estimate(synthetic_run(months=7, replicates=1, persons=800.0), funding="2023")
    fields = table("fields")
    for name in ("table", *BESIDE):
        wanted = set(fields.loc[fields["table"] == ("needs" if name == "table" else name), "name"])
        assert set(getattr(needs, name).columns) == wanted, name


# --- local standards --------------------------------------------------------------------------------------


def test_a_country_office_sets_its_own_water_and_leaves_a_trail(tmp_path: Path) -> None:
    path = tmp_path / "own.csv"
    path.write_text(
        "id,country,low,middle,high,reason,source,set_by,set_on\n"
        "water_per_person_day,PAN,10,12,14,trucked water,Panama WASH group,country office,2024-02-01\n"
        "persons_per_protection_officer,,400,500,600,agreed ratio,,country office,2024-02-01\n"
    )
    run = synthetic_run(months=6, replicates=1, persons=800.0)
    plain, own = estimate(run), estimate(run, standards=path)

    def water(needs: Needs, country: str) -> float:
        frame = needs.table
        keep = (frame["resource"] == "water") & (frame["basis"] == "total") & (frame["period"] == "year")
        return float(
            frame[keep & (frame["category"] == "all") & (frame["location_code"] == country)]["middle"].iloc[0]
        )

    assert water(own, "PAN") == pytest.approx(water(plain, "PAN") * 12 / 15, rel=0.01)
    assert water(own, "CRI") == water(plain, "CRI")
    officers = own.table[own.table["resource"] == "protection_officers"]
    assert officers["middle"].notna().any()
    assert officers["assumption"].all()  # no source given
    assert plain.table.loc[plain.table["resource"] == "protection_officers", "middle"].isna().all()
    assert list(own.audit["old_middle"]) == [15.0, pytest.approx(np.nan, nan_ok=True)]
    assert list(own.audit["set_by"]) == ["country office"] * 2
    assert len(plain.audit) == 0


def test_faulty_standards_are_refused_all_at_once(tmp_path: Path) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(
        "id,country,low,middle,high,colour\n"
        "water_per_persn_day,,1,2,3,x\n"
        "persons_per_tap,PNM,200,250,300,x\n"
        "persons_per_bathing,,60,50,40,x\n"
        "persons_per_laundry,,a,b,c,x\n"
    )
    with pytest.raises(DataError) as caught:
        load_standards(path)
    message = str(caught.value)
    for part in ("colour", "water_per_person_day", "PAN", "0 <= low <= middle <= high", "not a number"):
        assert part in message
    with pytest.raises(DataError, match="missing column 'middle'"):
        load_standards(pd.DataFrame({"id": ["persons_per_tap"]}))
    with pytest.raises(DataError, match="cannot read"):
        load_standards(tmp_path / "none.csv")


def test_a_missing_standard_leaves_the_quantity_empty_never_zero() -> None:
    from sim.needs.measures import measure

    standards = load_standards()
    found = quantities(measure(synthetic_run(months=3, replicates=1), standards), standards)
    missing = {q.resource for q in found if np.isnan(q.values).all()}
    unset = {"protection_officers", "officials_trained", "child_spaces", "information_points", "rescue_teams"}
    assert missing == unset


# --- money ------------------------------------------------------------------------------------------------


def test_plans_grow_less_than_their_people() -> None:
    assert 0.3 < plan_exponent() < 1.0
    check = plan_check(6_800_000.0, 2.0e9, 2023)
    # twice the people of 2023, less than twice the money
    assert cast("float", check["plan_usd"]) < 2 * 1_720_000_000
    assert check["verdict"] == "within"
    assert plan_check(1000.0, 5e6, 2023)["verdict"] == "above"


def test_funding_is_a_year_an_id_or_a_share() -> None:
    assert funding_share("2019") == ("as_2019", 0.54)
    assert funding_share("as_2025") == ("as_2025", 0.08)
    assert funding_share(0.3) == ("0.3", 0.3)
    assert funding_share("0.3") == ("0.3", 0.3)
    with pytest.raises(DataError, match="as_2023"):
        funding_share("lots")
    with pytest.raises(DataError, match="not a share"):
        funding_share(1.5)
    assert reach(0.0) == 0.0
    assert reach(0.22) == pytest.approx(0.64)
    assert reach(0.1) < reach(0.5) < reach(1.0) == 1.0


def test_the_gap_is_a_bound_and_reach_follows_funding() -> None:
    run = synthetic_run(months=4, replicates=1, persons=1500.0)
    poor, rich = estimate(run, country="PAN", funding=0.08), estimate(run, country="PAN", funding=0.54)

    def pick(needs: Needs, measure: str, status: str = "") -> pd.Series:
        frame = needs.table
        keep = (frame["measure"] == measure) & (frame["period"] == "year") & (frame["sector_code"] == "ALL")
        keep &= (frame["category"] == "all") & (frame["population_status"] == status)
        found: pd.Series = frame[keep & (frame["location_code"] == "PAN")].iloc[0]
        return found

    gap = pick(poor, "gap")
    need = pick(poor, "requirement")
    assert gap["low"] < need["low"] * 0.92
    assert gap["high"] == pytest.approx(need["high"] * 0.92, rel=0.01)
    assert gap["assumption"]
    reached = [pick(n, "unique_people", "REA")["middle"] for n in (poor, rich)]
    targeted = pick(poor, "unique_people", "TGT")["middle"]
    assert reached[0] < reached[1] <= targeted


def test_the_data_package_of_an_export_has_units_and_hashes(tmp_path: Path) -> None:
    needs = estimate(synthetic_run(months=3, replicates=1, persons=600.0), lang="es")
    folder = needs.to_folder(tmp_path / "needs", hxl=False)
    package = json.loads((folder / "datapackage.json").read_text(encoding="utf-8"))
    main = next(r for r in package["resources"] if r["path"] == "needs.csv")
    units = {f["name"]: f.get("unit") for f in main["schema"]["fields"]}
    assert units["population"] == "people"
    assert units["middle"] == "see unit"
    assert package["licenses"]
    assert verify_package(folder) == []
