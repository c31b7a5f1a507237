"""Scores are what they are called, baselines are statsmodels' own, faulty counts are refused with file and row."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scoringrules
from scipy.stats import norm

from calibration import score as rules
from calibration.baselines import BASELINES, arima, baseline_quantiles, clean_log, ets, last_value
from calibration.evaluate import score_folder
from calibration.observed_file import check_gaps, read_observed
from sim.errors import CalibrationError, DataError

SERIES = np.round(400.0 * np.exp(np.cumsum(np.random.default_rng(5).normal(0.02, 0.2, 48))))


def a_forecast() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    values = np.sort(rng.gamma(2.0, 300.0, (40, 23)), axis=1)
    return values, rng.gamma(2.0, 300.0, 40)


def test_wis_is_twice_the_mean_pinball_loss() -> None:
    values, observed = a_forecast()
    np.testing.assert_allclose(
        rules.wis(values, observed), 2.0 * rules.pinball(values, observed).mean(axis=1)
    )


def test_wis_is_the_weighted_sum_of_interval_scores() -> None:
    values, observed = a_forecast()
    total = 0.5 * np.abs(observed - values[:, 11])
    for k in range(11):
        alpha = 2.0 * rules.LEVELS[k]
        total += alpha / 2.0 * scoringrules.interval_score(observed, values[:, k], values[:, 22 - k], alpha)
    np.testing.assert_allclose(rules.wis(values, observed), total / 11.5)


def test_bias_and_coverage_at_the_edges() -> None:
    values = np.tile(np.linspace(1.0, 23.0, 23), (3, 1))
    observed = np.array([0.0, 12.0, 99.0])
    np.testing.assert_allclose(rules.bias(values, observed), [0.99, 0.0, -0.99], atol=0.02)
    cells = pd.DataFrame(
        {"target": "darien", "nationality": "VEN", "origin": "2023-01", "period": ["a", "b", "c"]}
    )
    table = rules.score_cells(cells, values, observed, "m")
    assert table["inside90"].tolist()[:3] == [False, True, False]
    assert set(table["scale"]) == set(rules.SCALES)


def test_crps_of_a_normal_forecast_is_its_closed_form() -> None:
    values = norm.ppf(rules.LEVELS)[None, :] * 10.0 + 100.0
    observed = np.array([104.0])
    expected = scoringrules.crps_normal(104.0, 100.0, 10.0)
    assert rules.crps(values, observed)[0] == pytest.approx(expected, rel=0.03)


def test_pairwise_skill_of_a_model_that_is_twice_as_good() -> None:
    index = pd.DataFrame(
        {"target": "darien", "nationality": "VEN", "origin": "o", "period": [str(i) for i in range(8)]}
    )
    scores = pd.concat([index.assign(model="a", wis=1.0), index.assign(model="b", wis=2.0)])
    table = rules.pairwise_skill(scores, "b").set_index("model")["relative_wis"]
    assert table["a"] == pytest.approx(0.5)
    assert table["b"] == 1.0


def test_forecasts_with_crossing_or_missing_quantiles_are_refused() -> None:
    rows = pd.DataFrame(
        {
            "target": "darien",
            "nationality": "VEN",
            "period": "2023-02",
            "origin": "2023-01",
            "quantile": rules.LEVELS,
            "value": np.linspace(23.0, 1.0, 23),
        }
    )
    with pytest.raises(CalibrationError, match="cross"):
        rules.forecast_matrix(rows)
    with pytest.raises(CalibrationError, match="missing"):
        rules.forecast_matrix(rows[rows["quantile"] > 0.02])


def test_ets_is_statsmodels_own() -> None:
    from statsmodels.tsa.exponential_smoothing.ets import ETSModel

    z = pd.Series(clean_log(SERIES))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit = ETSModel(z, error="add", trend="add", damped_trend=True).fit(disp=False)
        ahead = fit.get_prediction(start=48, end=50)
    expected = np.expm1(ahead.predicted_mean + np.sqrt(ahead.forecast_variance) * norm.ppf(0.9))
    np.testing.assert_allclose(ets(SERIES, 3)[:, 19], expected, rtol=1e-9)


def test_arima_is_statsmodels_own() -> None:
    from statsmodels.tsa.arima.model import ARIMA

    z = clean_log(SERIES)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        orders = ((0, 1, 1), (1, 1, 0), (1, 1, 1))
        fits = [ARIMA(z, order=o).fit(method="innovations_mle", cov_type="none") for o in orders]
        ahead = min(fits, key=lambda f: f.aic).get_forecast(3)
    np.testing.assert_allclose(arima(SERIES, 3)[:, 11], np.expm1(ahead.predicted_mean), rtol=1e-9)


def test_last_value_is_the_last_month_and_past_changes() -> None:
    made = last_value(SERIES, 2)
    assert made[0, 11] == pytest.approx(SERIES[-1])
    change = SERIES[2:] - SERIES[:-2]
    both = np.concatenate([change, -change])
    np.testing.assert_allclose(made[1], np.maximum(SERIES[-1] + np.quantile(both, rules.LEVELS), 0.0))


@pytest.mark.parametrize("name", BASELINES)
def test_every_rule_copes_with_short_flat_and_broken_series(name: str) -> None:
    for series in (np.array([5.0]), np.zeros(30), np.r_[np.full(20, np.nan), 10.0, np.nan, 30.0]):
        made = baseline_quantiles(name, series, 6)
        assert made.shape == (6, 23)
        assert np.isfinite(made).all()
        assert (made >= 0.0).all()
        assert (np.diff(made, axis=1) >= -1e-9).all()


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "counts.csv"
    path.write_text("border,month,nationality,persons\n" + text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("darien,2024-07,VEN,-3\n", "counts.csv row 2, column persons: negative count -3"),
        ("darien,2024-07,VEN,3\ndarien,2024-13,VEN,3\n", "counts.csv row 3, column month: month '2024-13'"),
        ("darien,2024-07,VEN,3\ndarien,2024-07,VEN,4\n", "counts.csv row 3"),
        ("darian,2024-07,VEN,3\n", "did you mean 'darien'"),
        ("darien,2024-07,VEM,3\n", "unknown nationality 'VEM'"),
        ("darien,2024-07,VEN,many\n", "counts.csv row 2, column persons"),
    ],
)
def test_faulty_counts_are_refused_with_file_and_row(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(DataError) as caught:
        read_observed(written(tmp_path, text))
    assert said in str(caught.value)


def test_unknown_columns_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "counts.csv"
    path.write_text("border,month,nationality,persons,colour\ndarien,2024-07,VEN,3,red\n", encoding="utf-8")
    with pytest.raises(DataError, match="unknown column 'colour'"):
        read_observed(path)


def test_gaps_are_refused_where_every_month_is_published(tmp_path: Path) -> None:
    rows = read_observed(
        written(tmp_path, "darien,2024-07,ALL,3\ndarien,2024-09,ALL,4\nhonduras,2024-07,ALL,5\n")
    )
    with pytest.raises(DataError, match="darien ALL: nothing for 2024-08"):
        check_gaps(rows, ["2024-07", "2024-12"], "counts.csv")


def test_a_forecast_is_scored_from_end_to_end(tmp_path: Path) -> None:
    levels = np.tile(rules.LEVELS, 2)
    frame = pd.DataFrame(
        {
            "target": "darien",
            "nationality": "ALL",
            "period": np.repeat(["2024-05", "2024-06"], 23),
            "quantile": levels,
            "value": 30_000.0 * np.exp(0.2 * norm.ppf(levels)),
            "origin": "2024-04",
            "scenario": "known_rules",
        }
    )
    frame.to_parquet(tmp_path / "forecast.parquet")
    tables = score_folder(tmp_path, written(tmp_path, "darien,2024-05,ALL,30747\ndarien,2024-06,ALL,31049\n"))
    assert set(tables["summary"]["model"]) == {"travesia", *BASELINES}
    relative = tables["relative"].set_index("scale")["relative_wis"]
    assert relative["natural"] < 1.0
    assert tables["cells"].query("model == 'travesia' and scale == 'natural'")["inside50"].all()
