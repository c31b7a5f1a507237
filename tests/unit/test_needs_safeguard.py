"""Nothing small, nothing recoverable, nothing sensitive by country, nothing a spreadsheet would run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array

from sim.needs import Needs, estimate, safeguard, simple_table
from sim.needs.export import write_csv
from sim.needs.safeguard import Margins, as_text, publish, round_people, round_quantity, suppression
from sim.needs.tables import table
from tests.needs_fixture import synthetic_run


@pytest.fixture(scope="module")
def needs() -> Needs:
    return estimate(synthetic_run(months=4, persons=160.0, replicates=2))


def _people_rows(frame: pd.DataFrame) -> pd.DataFrame:
    counted = set(table("resources").query("counts_people == '1'")["id"])
    return frame[
        frame["measure"].isin(
            [
                "unique_people",
                "crossings",
                "person_days",
                "times_assisted",
                "people_present",
                "unique_people_bounds",
                "times_in_need",
            ]
        )
        | frame["resource"].isin(counted)
    ]


def test_no_published_cell_is_under_15(needs: Needs) -> None:
    rows = _people_rows(needs.table)
    assert (rows["suppressed"] == "<15").any()
    for column in ("population", "population_lo80", "population_hi80", "low", "middle", "high"):
        values = rows[column].dropna()
        assert (values >= 15).all(), column
    for frame in (needs.coordination, needs.binational, needs.upstream, needs.impacts):
        for column in ("low", "middle", "high"):
            assert (frame[column].dropna() >= 15).all()


def test_hidden_rows_hide_every_number(needs: Needs) -> None:
    hidden = needs.table[needs.table["suppressed"] == "<15"]
    assert (
        hidden[["population", "population_lo80", "population_hi80", "low", "middle", "high"]]
        .isna()
        .all()
        .all()
    )


def _solve(frame: pd.DataFrame, dimensions: dict[str, str], fixed: list[str]) -> int:
    """Hidden cells that the linear system of published totals determines, by the null space of each block."""
    names = list(dimensions)
    text = {n: frame[n].astype(str).tolist() for n in [*names, *fixed]}
    values = frame["middle"].to_numpy()
    blocks: dict[tuple[str, ...], list[int]] = {}
    for row in range(len(frame)):
        blocks.setdefault(tuple(text[f][row] for f in fixed), []).append(row)
    determined = 0
    for block in blocks.values():
        column = {row: i for i, row in enumerate(r for r in block if np.isnan(values[r]))}
        if not column:
            continue
        lines: dict[tuple[str, ...], list[tuple[int, bool]]] = {}
        for name in names:
            for row in block:
                key = (name, *(text[d][row] for d in names if d != name))
                lines.setdefault(key, []).append((row, text[name][row] == dimensions[name]))
        equations = []
        for line in lines.values():
            if len({whole for _, whole in line}) < 2:
                continue
            equation = np.zeros(len(column))
            for row, whole in line:
                if row in column:
                    equation[column[row]] = -1.0 if whole else 1.0
            if equation.any():
                equations.append(equation)
        if equations:
            _, singular, right = np.linalg.svd(np.array(equations), full_matrices=True)
            free = right[int((singular > 1e-9).sum()) :]
            determined += int((np.abs(free).max(axis=0, initial=0.0) < 1e-9).sum())
    return determined


def test_no_hidden_cell_of_unique_people_can_be_recovered(needs: Needs) -> None:
    frame = needs.table[(needs.table["measure"] == "unique_people") & (needs.table["category"] != "host")]
    assert frame["middle"].isna().any()
    dimensions = {
        "category": "all",
        "population_group": "all",
        "gender": "all",
        "age_range": "all",
        "admin1_code": "",
    }
    fixed = ["location_code", "reference_period_start", "period", "sector_code", "population_status"]
    assert _solve(frame, dimensions, fixed) == 0


def test_no_hidden_event_can_be_recovered_along_months_and_countries(needs: Needs) -> None:
    frame = needs.table[needs.table["measure"].isin(["crossings", "person_days"])].copy()
    frame["month"] = np.where(
        frame["period"] == "year", "all", frame["reference_period_start"].dt.strftime("%m")
    )
    frame["year"] = frame["reference_period_start"].dt.year
    plain = frame[(frame["gender"] == "all") & (frame["age_range"] == "all")]
    dimensions = {
        "category": "all",
        "population_group": "all",
        "admin1_code": "",
        "month": "all",
        "location_code": "REG",
    }
    assert plain["middle"].isna().any()
    assert _solve(plain, dimensions, ["year", "measure"]) == 0


def test_no_hidden_resource_can_be_recovered(needs: Needs) -> None:
    counted = set(table("resources").query("counts_people == '1'")["id"])
    frame = needs.table[needs.table["resource"].isin(counted)].copy()
    frame["month"] = np.where(
        frame["period"] == "year", "all", frame["reference_period_start"].dt.strftime("%m")
    )
    frame["year"] = frame["reference_period_start"].dt.year
    assert (
        _solve(frame, {"category": "all", "month": "all"}, ["location_code", "year", "resource", "basis"])
        == 0
    )


def test_sensitive_figures_are_regional_only(needs: Needs) -> None:
    sensitive = set(table("resources").query("regional_only == '1'")["id"])
    rows = needs.table[needs.table["resource"].isin(sensitive)]
    assert len(rows)
    assert set(rows["location_code"]) == {"REG"}
    frame = pd.DataFrame(
        {
            "location_code": ["PAN", "REG"],
            "resource": ["unaccompanied_children"] * 2,
            "middle": [400.0, 900.0],
        }
    )
    assert list(publish(frame, people="middle", values=["middle"])["location_code"]) == ["REG"]


def test_text_that_a_spreadsheet_would_run_is_written_as_text(tmp_path: Path) -> None:
    assert as_text("=1+1") == "'=1+1"
    assert as_text("plain") == "plain"
    frame = pd.DataFrame(
        {"a": ["=cmd()", "+1", "-2", "@x", "fine"], "b": pd.Categorical(["=x"] * 5), "c": range(5)}
    )
    path = write_csv(frame, tmp_path / "t.csv")
    read = pd.read_csv(path)
    assert list(read["a"]) == ["'=cmd()", "'+1", "'-2", "'@x", "fine"]
    assert set(read["b"]) == {"'=x"}


@pytest.mark.parametrize(
    ("value", "rounded"),
    [
        (15, 20),
        (24.9, 20),
        (94, 90),
        (99, 100),
        (124, 100),
        (125, 150),
        (999, 1000),
        (1049, 1000),
        (1050, 1100),
        (9999, 10000),
        (10249, 10000),
        (10250, 10500),
        (123456, 123000),
    ],
)
def test_people_are_rounded_by_the_census_rule(value: float, rounded: float) -> None:
    assert round_people(np.array([value]))[0] == rounded
    assert round_people(np.array([float(rounded)]))[0] == rounded


def test_rounding_keeps_order() -> None:
    values = np.sort(np.random.default_rng(3).uniform(15, 200_000, 5000))
    assert (np.diff(round_people(values)) >= 0).all()
    assert (np.diff(round_quantity(values)) >= 0).all()


def test_one_hidden_cell_takes_another_with_it() -> None:
    frame = pd.DataFrame({"gender": ["f", "m", "all"], "v": [9.0, 100.0, 109.0]})
    hidden = suppression(frame, frame["v"].to_numpy(), Margins({"gender": "all"}))
    assert list(hidden) == [True, True, False]


def test_a_bridge_between_two_closed_rings_is_found() -> None:
    """Every line has two hidden cells, yet one cell would be determined: only the linear system sees it."""
    rows = ["r1", "r2", "r3", "r4"]
    columns = ["c1", "c2", "c3", "c4"]
    values = np.full((4, 4), 100.0)
    for r, c in [(0, 0), (0, 1), (1, 0), (1, 1), (2, 2), (2, 3), (3, 2), (3, 3), (1, 2)]:
        values[r, c] = 5.0
    cells = [(r, c, values[i, j]) for i, r in enumerate(rows) for j, c in enumerate(columns)]
    cells += [(r, "all", values[i].sum()) for i, r in enumerate(rows)]
    cells += [("all", c, values[:, j].sum()) for j, c in enumerate(columns)] + [("all", "all", values.sum())]
    frame = pd.DataFrame(cells, columns=["r", "c", "middle"])
    margins = Margins({"r": "all", "c": "all"})
    hidden = suppression(frame, frame["middle"].to_numpy(), margins)
    shown = frame.assign(middle=frame["middle"].where(~hidden), one=1)
    naive = frame.assign(middle=frame["middle"].where(frame["middle"] >= 15), one=1)
    assert _solve(naive, {"r": "all", "c": "all"}, ["one"]) > 0
    assert _solve(shown, {"r": "all", "c": "all"}, ["one"]) == 0


def test_every_export_passes_through_the_one_door(
    needs: Needs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sim.needs import export

    seen: list[int] = []

    def watched(frame: pd.DataFrame, **options: object) -> pd.DataFrame:
        seen.append(len(frame))
        return publish(frame, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(export, "publish", watched)
    needs.to_csv(tmp_path / "n.csv")
    needs.to_hxl(tmp_path / "h.csv")
    needs.to_parquet(tmp_path / "n.parquet")
    assert seen == [len(needs.table)] * 3


def test_the_simple_table_is_published_too() -> None:
    frame = simple_table(synthetic_run(months=4, persons=30.0, replicates=1))
    people = frame[
        frame["indicator"].isin(["people", "person_days", "food", "shelter_places", "consultations"])
    ]
    assert (people["middle"].dropna() >= 15).all()
    assert (frame["suppressed"] == safeguard.HIDDEN).any()
    small = frame[(frame["indicator"] == "people") & frame["middle"].isna()]
    for country, month in zip(small["country"], small["month"], strict=True):
        rows = frame[(frame["country"] == country) & (frame["month"] == month)]
        assert rows["middle"].isna().all()


def test_what_can_be_told_is_what_equations_say_and_in_doubt_everything(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(3)
    for _ in range(30):
        system = rng.choice([-1.0, 0.0, 0.0, 0.0, 1.0], size=(12, 15))
        system[0] = system[1]  # an equation that says nothing new
        _, singular, right = np.linalg.svd(system)
        free = right[int((singular > 1e-9).sum()) :]
        told = safeguard._determined(csr_array(system))
        np.testing.assert_array_equal(told, np.abs(free).max(axis=0, initial=0.0) < 1e-9)
    monkeypatch.setattr(safeguard, "_PROJECTIONS", 0)
    assert safeguard._determined(csr_array(np.array([[1.0, -1.0, 0.0]]))).all()


def _cells(frame: pd.DataFrame, names: list[str]) -> set[tuple[str, ...]]:
    return set(frame[names].astype(str).itertuples(index=False, name=None))


def test_goods_do_not_give_away_the_people_they_were_reckoned_from(needs: Needs) -> None:
    """Square metres over 3.5 are the people who sleep there: whoever hides the places hides the metres."""
    where = ["location_code", "reference_period_start", "period", "category", "basis"]
    frame = needs.table
    same = {
        "shelter_places": ["covered_area", "site_area", "taps", "bathing", "shelter_capital"],
        "rations": ["energy", "food_weight", "water", "soap", "water_trucked"],
        "child_places": ["child_spaces"],
    }
    for counted, goods in same.items():
        hidden = _cells(frame[(frame["resource"] == counted) & frame["middle"].isna()], where)
        assert hidden, counted
        for name in goods:
            printed = _cells(frame[(frame["resource"] == name) & frame["middle"].notna()], where)
            assert printed or counted != "rations"
            assert not printed & hidden, (name, counted)


def test_money_does_not_give_away_people_in_need(needs: Needs) -> None:
    where = ["location_code", "reference_period_start", "period", "sector_code"]
    frame = needs.table
    plain = (frame["category"] == "all") & (frame["gender"] == "all") & (frame["age_range"] == "all")
    met = frame[(frame["population_status"] == "INN") & plain & (frame["admin1_code"] == "")]
    hidden = _cells(met[met["middle"].isna() & (met["population_group"] == "all")], where)
    money = frame[frame["measure"].isin(["requirement", "funded", "gap"])]
    printed = money[money["middle"].notna()]
    assert hidden
    assert len(printed)
    assert not _cells(printed, where) & hidden
    required = money[money["measure"] == "requirement"]
    sectors = required[required["sector_code"] != "CSS"]
    assert _solve(sectors, {"sector_code": "ALL"}, ["location_code", "reference_period_start", "period"]) == 0
    whole = _cells(required[(required["sector_code"] == "ALL") & required["middle"].isna()], where[:3])
    shared = required[(required["sector_code"] == "CSS") & required["middle"].notna()]
    assert not _cells(shared, where[:3]) & whole


def test_the_simple_table_hides_goods_and_money_with_their_people() -> None:
    frame = simple_table(synthetic_run(months=4, persons=60.0, replicates=1))
    wide = frame.pivot_table(
        index=["country", "month"], columns="indicator", values="middle", aggfunc="first", dropna=False
    )
    assert wide["food"].isna().any()
    assert wide["water"].notna().any()
    assert wide.loc[wide["food"].isna(), "water"].isna().all()
    assert wide.loc[wide["people"].isna(), "usd"].isna().all()


def test_the_simple_table_shows_nothing_that_the_whole_table_hides() -> None:
    """A cell hidden so that a sum tells no other one would tell it from the other table."""
    run = synthetic_run(months=6, persons=90.0, replicates=2)
    simple, whole = simple_table(run), estimate(run).table
    where = ["category", "population_group", "gender", "age_range"]
    plain = whole[
        (whole[where] == "all").all(axis=1) & (whole["admin1_code"] == "") & (whole["period"] == "month")
    ]
    plain = plain.assign(month=plain["reference_period_start"].dt.strftime("%Y-%m"))
    rows = {
        "person_days": plain["measure"] == "person_days",
        "food": (plain["resource"] == "rations") & (plain["basis"] == "total"),
        "water": (plain["resource"] == "water") & (plain["basis"] == "total"),
        "shelter_places": (plain["resource"] == "shelter_places") & (plain["basis"] == "peak"),
        "usd": (plain["measure"] == "requirement") & (plain["sector_code"] == "ALL"),
    }
    hidden = 0
    for name, chosen in rows.items():
        full = (
            plain[chosen]
            .astype({"location_code": str})
            .set_index(["location_code", "month"])["middle"]
            .to_dict()
        )
        mine = simple[simple["indicator"] == name]
        for key, value in zip(zip(mine["country"], mine["month"], strict=True), mine["middle"], strict=True):
            known = full.get(key, float("nan"))
            assert (np.isnan(value) and np.isnan(known)) or value == known, (name, key)
            hidden += int(np.isnan(known))
    assert hidden
