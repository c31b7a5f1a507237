"""The shipped departures say which fit made them, and notice when they are not its own any more."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path

import pandas as pd
import pytest

from calibration.panel import TARGETS
from calibration.provenance import FIT_FILE, fit_scores, input_hashes
from sim.ensemble import facts

WORLD = Path(str(files("scenarios"))) / "world" / "americas"


def test_the_shipped_fit_names_what_it_read_and_made() -> None:
    fit = json.loads((WORLD / FIT_FILE).read_text(encoding="utf-8"))
    assert fit["inputs"] == input_hashes(), "after a new inference: python -m calibration.provenance"
    assert fit["config"]["passes"] > 0
    assert set(fit["scores"]) == set(TARGETS)
    assert fit["scores"]["darien"]["departures_set_from_it"]
    assert not fit["scores"]["honduras"]["departures_set_from_it"]
    assert fit["scores"]["darien"]["simulated"] == pytest.approx(
        fit["scores"]["darien"]["observed"], rel=0.05
    )


def test_scores_are_ratios_and_errors_of_what_was_seen() -> None:
    months = ["2022-10", "2022-11"]
    made = pd.DataFrame([[59_773.0 * 2, 0.0], [40_593.0, 0.0]], columns=months)
    made.index = pd.MultiIndex.from_tuples([("darien", "ALL"), ("darien", "VEN")])
    scores = fit_scores(made, "2022-10", "2022-10")["darien"]
    assert scores["ratio_by_year"] == {"2022": 2.0}
    assert scores["error_by_nationality_and_month"] == 0.0
    assert fit_scores(made, "2022-10", "2022-10")["mexico"]["months"] == 0


def test_a_manifest_says_whether_departures_are_those_of_the_fit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert facts.departures_fit()["unchanged"]
    world = tmp_path / "world" / "americas"
    world.mkdir(parents=True)
    world.joinpath("departures.csv").write_text("month,group\n", encoding="utf-8")
    monkeypatch.setattr(facts, "files", lambda _: tmp_path)
    facts.departures_fit.cache_clear()
    assert facts.departures_fit() == {"known": False}
    world.joinpath(FIT_FILE).write_text((WORLD / FIT_FILE).read_text(encoding="utf-8"), encoding="utf-8")
    facts.departures_fit.cache_clear()
    assert facts.departures_fit()["unchanged"] is False
    facts.departures_fit.cache_clear()
