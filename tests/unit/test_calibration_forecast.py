"""A forecast reads nothing after its origin and is written as promised; the archive is what the code makes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from calibration.forecast import (
    COLUMNS,
    UNCONDITIONAL,
    apply_rules,
    forecast_panel,
    make_forecast,
    write_forecast,
)
from calibration.hindcast import ARCHIVE, HORIZONS, at_break, hindcast_tables
from calibration.mechanism import RuleEffect, known_rules, scenario_at
from calibration.panel import TARGETS, Panel, load_panel, parse_month, shift_month
from calibration.score import LEVELS
from sim.errors import CalibrationError
from sim.spec import load_scenario


@pytest.fixture(scope="module")
def panel() -> Panel:
    return load_panel(end="2024-06")


def test_nothing_after_the_origin_is_read(panel: Panel) -> None:
    later = panel.counts.copy()
    later[:, panel.months.index("2023-04") :] *= 7.0
    one = forecast_panel(panel.until("2023-03"), 3)
    other = forecast_panel(replace(panel, counts=later).until("2023-03"), 3)
    for key, made in one.quantiles.items():
        np.testing.assert_array_equal(made, other.quantiles[key])


def test_the_file_has_the_promised_form(tmp_path: Path) -> None:
    target = write_forecast(make_forecast("2024-03", 3), tmp_path)
    table = pd.read_parquet(target)
    assert tuple(table.columns) == COLUMNS
    assert set(table["target"]) == set(TARGETS)
    assert set(table["period"]) == {"2024-04", "2024-05", "2024-06"}
    assert set(table["scenario"]) == {UNCONDITIONAL}
    np.testing.assert_allclose(sorted(table["quantile"].unique()), LEVELS)
    wide = table.pivot_table(index=["target", "nationality", "period"], columns="quantile", values="value")
    assert (np.diff(wide.to_numpy(), axis=1) >= 0.0).all()
    assert (wide.to_numpy() >= 0.0).all()
    assert (tmp_path / "manifest.json").is_file()


@pytest.mark.parametrize(
    ("origin", "months"), [("2024-13", 3), ("2031-01", 3), ("2018-02", 3), ("2024-03", 99)]
)
def test_impossible_origins_are_refused(origin: str, months: int) -> None:
    with pytest.raises(CalibrationError):
        make_forecast(origin, months)


def test_rules_move_and_widen_a_forecast(panel: Panel) -> None:
    base = forecast_panel(panel.until("2023-03"), 2)
    effect = RuleEffect((("darien", "ALL"),), base.months, np.array([[0.0, -1.0]]))
    moved = apply_rules(base, effect, "s")
    key = ("darien", "VEN")
    np.testing.assert_allclose(moved.quantiles[key][0], base.quantiles[key][0])
    assert moved.quantiles[key][1, 11] < base.quantiles[key][1, 11]
    spread = [np.ptp(f.quantiles[key][1]) for f in (base, moved)]
    assert spread[1] > spread[0]


def test_known_rules_leave_out_later_policies_and_later_departures() -> None:
    scenario = load_scenario("history/baseline")
    assert all(p.start.strftime("%Y-%m") <= "2022-09" for p in known_rules(scenario, "2022-09").policies)
    cut = scenario_at(scenario, "2022-09", 3)
    assert max(d.start for d in cut.departures).strftime("%Y-%m") == "2022-12"
    months: dict[str, float] = {}
    for row in cut.departures:
        key = row.start.strftime("%Y-%m")
        months[key] = months.get(key, 0.0) + row.total
    assert months["2022-10"] == pytest.approx(months["2022-12"])


def test_the_archive_is_what_the_code_makes(panel: Panel) -> None:
    frozen = pd.read_parquet(ARCHIVE / "hindcast.parquet")
    frozen = frozen[(frozen["origin"] == "2023-06") & (frozen["scenario"] == UNCONDITIONAL)]
    made = forecast_panel(panel.until("2023-06"), max(HORIZONS))
    for row in frozen.sample(20, random_state=1).to_dict("records"):
        ahead = [shift_month("2023-06", h) for h in range(1, 7)].index(row["period"])
        own = np.expm1(made.quantiles[row["target"], row["nationality"]][ahead, 11])
        assert own == pytest.approx(row["q0.5"], rel=1e-3, abs=0.05)


def test_frozen_forecasts_beat_the_naive_rules() -> None:
    tables = hindcast_tables(
        pd.read_parquet(ARCHIVE / "hindcast.parquet"), pd.read_parquet(ARCHIVE / "naive_scores.parquet")
    )
    part = tables["by_part"].set_index(["scenario", "part", "scale"])["relative_wis"]
    assert (part < 1.0).all()
    overall = tables["overall"]
    assert overall["coverage90"].between(0.85, 0.95).all()


def test_breaks_touch_their_series_for_three_months() -> None:
    cells = pd.DataFrame(
        {
            "target": ["darien", "darien", "darien", "us_ports"],
            "nationality": ["VEN", "VEN", "ECU", "MEX"],
            "period": ["2022-10", "2022-09", "2022-10", "2022-05"],
        }
    )
    assert at_break(cells).tolist() == [True, False, False, True]


def test_months_are_checked() -> None:
    assert parse_month("2024-06") == "2024-06"
    for wrong in ("2024-6", "2024-00", "06-2024", "2024/06"):
        with pytest.raises(CalibrationError):
            parse_month(wrong)
