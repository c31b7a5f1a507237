"""Nothing of a withheld border reaches its prediction, and both yardsticks are what they are called."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from calibration.calibrate import FitResult
from calibration.config import border_rows, read_config, shipped_config
from calibration.darien_rules import best_with_hindsight, best_without_sight
from calibration.fit import Mode
from calibration.likelihood import Counts, Posterior, Priors, Window
from calibration.posterior import Importance, laplace
from calibration.registered import registered_ranges
from calibration.report_words import rule_in_words
from calibration.withheld import blind_scenario, moved_people, predict_border, score_withheld
from sim.spec import load_scenario
from tests.calibration_fixture import GROUPS, MONTHS, a_response

if TYPE_CHECKING:
    from pathlib import Path

    from calibration.config import Config

SPAN = "window: {start: 2022-01, end: 2023-12}\n"


def a_config(folder: Path, honduras: float = 1_000.0) -> Config:
    """Fitted on the Darién, Honduras withheld; its monthly counts are `honduras` and rising."""
    rows = ["border,month,nationality,persons"]
    for k, month in enumerate(MONTHS):
        for g in GROUPS:
            rows.append(f"darien,{month},{g},{3000 + 40 * k}")
            rows.append(f"honduras,{month},{g},{honduras + 10 * k:g}")
        rows.append(f"darien,{month},ALL,{6000 + 80 * k}")
        rows.append(f"costa_rica,{month},ALL,{4500 + 60 * k}")
    (folder / "counts.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    text = SPAN + "series:\n  - {border: darien}\nwithheld: [honduras]\nobserved: counts.csv\n"
    text += "parameters: {detection_honduras: {low: 0.25, middle: 0.49, high: 0.96}}\n"
    (folder / "c.yaml").write_text(text, encoding="utf-8")
    return read_config(folder / "c.yaml")


def a_result(config: Config, channel: str = "darien") -> FitResult:
    response = a_response()
    response = replace(response, rows=tuple((g, channel, m) for g, _, m in response.rows))
    windows = [
        Window("darien", (str(r["nationality"]),), ((str(r["month"]), 1.0),), float(r["persons"]))
        for r in border_rows(config, "darien").to_dict("records")
        if r["nationality"] != "ALL"
    ]
    rates = tuple(d for d in config.detection if d[0] in {"detection_darien", "detection_honduras"})
    posterior = Posterior(
        response,
        Counts.arrange(windows, response),
        Priors(rates, 0.35, np.log(response.start)),
    )
    theta = posterior.start()
    theta[: posterior.n_rows] = np.log(3_500.0)
    return FitResult(
        config, load_scenario("history/baseline"), posterior, Mode(theta, 0.0, (0.0,), 1),
        laplace(posterior, theta), [], Importance(np.zeros((0, 0)), np.zeros(0), float("nan"), 0.0), {},
    )  # fmt: skip


def test_a_prediction_does_not_know_the_counts_it_is_scored_on(tmp_path: Path) -> None:
    cells, first = predict_border(a_result(a_config(tmp_path, 1_000.0)), "honduras")
    other, second = predict_border(a_result(a_config(tmp_path, 90_000.0)), "honduras")
    assert len(cells) == len(MONTHS) * len(GROUPS)
    assert other["observed"].min() > 80 * cells["observed"].min()
    np.testing.assert_array_equal(first, second)
    counts = cells["observed"].to_numpy()
    assert not np.allclose(best_with_hindsight(a_config(tmp_path), cells)[0], counts)


def test_priors_of_withheld_borders_are_those_of_the_configuration_not_of_their_counts() -> None:
    config = read_config(shipped_config("withheld"))
    rates = {name: (low, middle, high) for name, middle, low, high in config.detection}
    shared = {name: middle for name, middle, _, _ in read_config(shipped_config("full")).detection}
    for name in ("detection_honduras", "detection_mexico_land", "detection_mexico_air"):
        low, middle, high = rates[name]
        assert middle == pytest.approx(np.sqrt(low * high), rel=0.02), name
        assert middle != pytest.approx(shared[name], rel=0.05), name
    met = {2006: 0.36, 2014: 0.54}  # share met by the Border Patrol, Institute for Defense Analyses
    made = {2006: 0.7, 2014: 0.3}  # share of the arrests made by Mexico, Bier 2019
    per_entry = sorted(made[y] / (made[y] + (1.0 - made[y]) / met[y]) for y in met)
    np.testing.assert_allclose(per_entry, [rates["detection_mexico_land"][i] for i in (0, 2)], rtol=0.01)


def test_who_is_led_past_the_offices_is_registered_less_until_buses_ask_for_the_permit(
    tmp_path: Path,
) -> None:
    config = a_config(tmp_path)
    cells, by_land = predict_border(a_result(config), "honduras")
    by_air = predict_border(a_result(config, "air_nic"), "honduras")[1][:, 11]
    ratio = by_air / by_land[:, 11]
    early = cells["month"].to_numpy() < "2023"
    late = cells["month"].to_numpy() > "2023-01"
    assert np.median(ratio[early]) == pytest.approx(0.25 / 0.49, rel=0.1)
    assert np.median(ratio[late]) == pytest.approx(0.49 / 0.69, rel=0.1)


def test_ranges_change_on_the_day_their_sources_say() -> None:
    usual = (0.25, 0.49, 0.96)
    made = registered_ranges("honduras", "", ("2022-12", "2023-01", "2023-02"), usual)
    np.testing.assert_allclose(made[0], usual)
    np.testing.assert_allclose(made[2], (0.5, 0.69, 0.96))
    np.testing.assert_allclose(made[1], (12 * made[0] + 19 * made[2]) / 31)  # from the 13th on
    np.testing.assert_allclose(registered_ranges("mexico", "", ("2023-02",), usual), [usual])
    table = pd.read_csv(shipped_config("full").parents[1] / "registered_shares.csv", keep_default_na=False)
    assert (table["source"] != "").all()
    assert (table["unit"] == "share registered").all()
    np.testing.assert_allclose(table["middle"], np.sqrt(table["low"] * table["high"]), rtol=0.03)


def test_a_prediction_is_as_uncertain_as_its_documented_range(tmp_path: Path) -> None:
    """What nationalities share and what each has for itself add up to the range, no more and no less.

    The scatter of an office comes on top; that of people does not, since the Darién counted them.
    """
    result = a_result(a_config(tmp_path))
    cells, made = predict_border(result, "honduras")
    early = cells["month"].to_numpy() < "2023"
    wide = np.log(made[early, 20] / made[early, 2]) / (2 * 1.645)
    documented = np.log(0.96 / 0.25) / (2 * 1.645)
    scatter = np.exp(result.posterior.split(result.normal.theta)[2]).mean()
    assert wide.mean() == pytest.approx(np.sqrt(documented**2 + scatter), rel=0.08)
    assert set(cells["nationality"]) == set(GROUPS)


def test_only_rules_of_the_window_add_detentions(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    config = replace(a_config(tmp_path), runs=1, run_scale=0.002, start="2021-01", end="2024-06")
    scenario = blind_scenario(load_scenario("history/baseline"), ("honduras", "mexico"))
    response = replace(
        a_response(),
        months=tuple(str(m) for m in pd.period_range("2023-09", "2024-03", freq="M")),
        rows=tuple((d.group, d.channel, f"{d.start:%Y-%m}") for d in scenario.departures[:1]),
        start=np.ones(1),
    )
    result = a_result(config)
    held = replace(result, scenario=scenario)
    held.posterior.response = response
    monkeypatch.setattr(held.posterior, "split", lambda _: (np.zeros(1), np.zeros(0), np.zeros(0)))
    moved = moved_people(held, "mexico")
    assert moved[:, :3].sum() == 0.0  # what is moved as a matter of course belongs to the rate per entry
    assert moved[:, 4:].sum() > 10_000.0
    assert moved_people(held, "honduras").sum() == 0.0  # persons are registered there, once


def test_the_blind_rule_sees_nothing_and_the_other_one_is_never_worse(tmp_path: Path) -> None:
    config = a_config(tmp_path, 1_000.0)
    table, cells = score_withheld(a_result(config))
    row = table.iloc[0]
    assert row["naive_wis"] <= row["blind_wis"]
    assert row["relative_wis"] == pytest.approx(row["wis"] / row["naive_wis"])
    assert row["blind_relative_wis"] == pytest.approx(row["wis"] / row["blind_wis"])
    assert cells["wis"].mean() == pytest.approx(row["wis"])
    quarter, named = best_with_hindsight(config, cells.assign(covers=cells["nationality"]))
    assert "x 0.25" in named or "x 0.5" in named
    assert quarter.mean() == pytest.approx(row["naive_wis"])
    _, blind = best_without_sight(config, cells.assign(covers=cells["nationality"]))
    assert blind.startswith("Darién x 0.75, ")  # Costa Rica counts three quarters of the Darién in this table
    assert rule_in_words(blind, "es") == blind.replace("x 0.75, lag", "× 0,75, desfase").replace(
        "past changes", "cambios pasados"
    )
