"""The likelihood has the slopes it says, fits find the truth, and what cannot be told apart is said in words."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import nbinom
from threadpoolctl import threadpool_info, threadpool_limits

from calibration.config import config_windows, read_config, shipped_config
from calibration.fit import find_mode, load_checkpoint, save_checkpoint
from calibration.likelihood import negative_binomial
from calibration.marginal import find_marginal_mode
from calibration.posterior import directions, importance, laplace, profile
from calibration.response import Response, expected_response, measure_response
from calibration.sensitivity import DUMMY, Study, indices, read_study, sample
from sim.errors import CalibrationError, TravesiaError
from sim.spec import load_scenario
from tests.calibration_fixture import a_posterior, a_response


def test_negative_binomial_is_scipys() -> None:
    y, m, phi = np.array([0.0, 7.0, 900.0]), np.array([2.0, 9.0, 700.0]), np.array([0.1, 0.5, 0.02])
    log_p, _, _ = negative_binomial(y, m, phi)
    np.testing.assert_allclose(log_p, nbinom.logpmf(y, 1.0 / phi, 1.0 / (1.0 + phi * m)))


@pytest.mark.parametrize("bound", [False, True])
def test_slopes_are_those_of_small_steps(bound: bool) -> None:
    posterior = a_posterior(bound=bound)
    theta = posterior.start() + 0.1 * np.random.default_rng(2).standard_normal(posterior.size)
    _, slope = posterior.value_and_slope(theta)
    for i in (0, 5, 30, posterior.n_rows, posterior.n_rows + 1, posterior.size - 1):
        step = np.zeros(posterior.size)
        step[i] = 1e-5
        apart = posterior.value_and_slope(theta + step)[0] - posterior.value_and_slope(theta - step)[0]
        assert slope[i] == pytest.approx(apart / 2e-5, rel=1e-4, abs=1e-3)


def test_fit_meets_the_counts_and_starts_agree() -> None:
    posterior = a_posterior()
    mode = find_mode(posterior, starts=3)
    assert max(mode.starts) - min(mode.starts) < 1.0
    _, normal = find_marginal_mode(posterior)
    expected = posterior.expected(normal.theta)
    assert abs(np.log(expected.sum() / posterior.counts.observed.sum())) < 0.05
    assert normal.spread.min() > 0.0


def test_a_pair_that_cannot_be_told_apart_is_named() -> None:
    seen = directions(a_posterior(darien=False), a_posterior(darien=False).start())
    blind = [d for d in seen if not d.seen]
    assert blind
    assert any("detection_darien" in d.words for d in blind)
    both = a_posterior(free_darien=(0.1, 3.0))
    least = directions(both, find_mode(both, starts=1).theta)[0]
    assert "detection_darien" in least.words
    assert "departures" in least.words
    assert "while lowering" in least.words


def test_profile_is_highest_at_the_mode() -> None:
    posterior = a_posterior()
    theta = find_marginal_mode(posterior)[1].theta
    k = posterior.n_rows + 1
    value = profile(posterior, theta, 1, np.array([theta[k] - 0.1, theta[k], theta[k] + 0.1]))
    assert value.argmax() == 1


def test_importance_sampling_agrees_with_the_normal() -> None:
    posterior = a_posterior()
    _, normal = find_marginal_mode(posterior)
    check = importance(posterior, normal, n=60)
    assert check.weights.sum() == pytest.approx(1.0)
    middle = (check.weights[:, None] * check.draws).sum(axis=0)
    at = slice(posterior.n_rows, posterior.n_rows + 2)
    assert (np.abs(middle - normal.theta[at]) < 1.5 * normal.spread[at]).all()


def test_draws_too_few_to_smooth_are_not_trusted() -> None:
    posterior = a_posterior()
    few = importance(posterior, find_marginal_mode(posterior)[1], n=24)
    assert (few.pareto_k, few.effective) == (float("inf"), 0.0)


def test_searches_keep_to_one_core(monkeypatch: pytest.MonkeyPatch) -> None:
    posterior, meanwhile = a_posterior(), set()
    whole = posterior.value_and_slope

    def watched(theta: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        meanwhile.update(_blas_threads())
        return whole(theta)

    monkeypatch.setattr(posterior, "value_and_slope", watched)
    with threadpool_limits(limits=2, user_api="blas"):
        theta = find_mode(posterior, starts=1).theta
        _, normal = find_marginal_mode(posterior, first=theta)
        importance(posterior, normal, n=1)
        profile(posterior, normal.theta, 1, normal.theta[:1])
        assert _blas_threads() == {2}
    assert meanwhile == {1}


def _blas_threads() -> set[int]:
    return {one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas"}


def test_laplace_draws_have_its_spread() -> None:
    posterior = a_posterior()
    normal = laplace(posterior, find_mode(posterior, starts=1).theta)
    drawn = normal.draws(3000, np.random.default_rng(1))
    np.testing.assert_allclose(drawn.std(axis=0), normal.spread, rtol=0.1)


def test_response_is_kept_and_found_again(tmp_path: Path) -> None:
    response = a_response()
    response.save(tmp_path / "r.npz")
    again = Response.load(tmp_path / "r.npz")
    assert again.rows == response.rows
    np.testing.assert_array_equal(again.crossings(again.start), response.crossings(response.start))


def test_checkpoints_of_another_configuration_are_not_taken(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.npz"
    save_checkpoint(path, "one", 2, np.arange(3.0), np.ones((1, 1, 1)))
    assert load_checkpoint(path, "other") is None
    kept = load_checkpoint(path, "one")
    assert kept is not None
    assert kept[0] == 2


def test_the_shipped_configurations_are_sound() -> None:
    for name in ("full", "withheld"):
        config = read_config(shipped_config(name))
        windows = config_windows(config, ("VEN", "ECU"))
        assert len({w.border for w in windows}) >= 3
    for name in ("sensitivity_morris", "sensitivity_sobol"):
        read_study(shipped_config(name))


SOUND = """name: t
window: {start: 2022-01, end: 2022-12}
series:
  - {border: darien}
parameters: {detection_darien: free}
"""


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("detection_darien: free", "detection_dairen: free", "line 5: unknown parameter 'detection_dairen'"),
        ("2022-12}", "2022-13}", "line 2: month '2022-13'"),
        ("border: darien", "border: darian", "line 4: unknown border 'darian'"),
        ("name: t", "nane: t", "line 1: unknown key 'nane'"),
        ("border: darien", "border: darien, nationalities: [VEM]", "line 4: unknown nationality 'VEM'"),
        (
            "detection_darien: free",
            "detection_darien: {low: 2, middle: 1, high: 3}",
            "line 5: detection_darien",
        ),
    ],
)
def test_faulty_configurations_are_refused_with_file_and_line(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(SOUND.replace(old, new), encoding="utf-8")
    with pytest.raises(CalibrationError) as caught:
        read_config(path)
    assert f"c.yaml {said}" in str(caught.value)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("darien,2022-01,ALL,5\ndarien,2022-03,ALL,6\n", "c.yaml line 4: darien has no figure for 2022-02"),
        ("darien,2022-01,ALL,5\ndarien,2022-02,ALL,-6\n", "counts.csv row 3, column persons: negative count"),
        ("darien,2022-01,ALL,5\ndarien,2022-00,ALL,6\n", "counts.csv row 3, column month"),
    ],
)
def test_faulty_counts_of_a_configuration_are_refused(tmp_path: Path, rows: str, said: str) -> None:
    (tmp_path / "counts.csv").write_text("border,month,nationality,persons\n" + rows, encoding="utf-8")
    path = tmp_path / "c.yaml"
    path.write_text(SOUND + "observed: counts.csv\n", encoding="utf-8")
    with pytest.raises(TravesiaError) as caught:
        config_windows(read_config(path), ("VEN",))
    assert said in str(caught.value)


@pytest.mark.parametrize("method", ["morris", "sobol"])
def test_sensitivity_ranks_what_matters_above_the_dummy(method: str) -> None:
    ranges = (("a", 0.0, 1.0), ("b", 0.0, 1.0))
    study = Study("s", "x", "2022-01", "2022-02", method, "agents", 16, 0.1, 1, ranges)
    points = sample(study)
    table = indices(study, points, 5.0 * points[:, 0] + 0.5 * points[:, 1])
    assert table["parameter"].tolist() == ["a", "b", DUMMY]
    assert table["above_dummy"].tolist()[0]
    assert table["effect"].tolist()[-1] == pytest.approx(0.0, abs=1e-6)


def test_faulty_studies_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(
        "window: {start: 2022-01, end: 2022-02}\nmethod: moris\nengine: agents\nparameters:\n  - beta_dys\n"
    )
    with pytest.raises(CalibrationError) as caught:
        read_study(path)
    assert "s.yaml line 2: method 'moris'" in str(caught.value)
    assert "s.yaml line 5: unknown parameter 'beta_dys'" in str(caught.value)


ROAD = """name: road
window: {start: 2023-01-01, end: 2023-06-30}
world:
  places:
    - {id: A, country: COL, role: origin, stay: {kind: geometric, mean_days: 9}}
    - {id: B, country: PAN, role: transit, stay: {kind: fixed, days: 5}}
    - {id: C, country: CRI, role: destination}
  legs:
    - {id: A-B, from: A, to: B, mode: foot, days: {kind: fixed, days: 6}}
    - {id: B-C, from: B, to: C, mode: bus, days: {kind: fixed, days: 1}}
  borders:
    - {id: darien, leg: A-B, detection_parameter: detection_darien}
    - {id: costa_rica, leg: B-C, detection_parameter: detection_costa_rica}
departures:
  - {place: A, group: VEN, per_day: 400, start: 2023-01-01, end: 2023-01-31, channel: darien}
  - {place: A, group: VEN, per_day: 600, start: 2023-02-01, end: 2023-02-28, channel: darien}
  - {place: A, group: VEN, per_day: 500, start: 2023-03-01, end: 2023-03-31, channel: darien}
"""


@pytest.mark.filterwarnings("ignore:The 'generic' unit:DeprecationWarning")
def test_both_engines_give_the_same_response(tmp_path: Path) -> None:
    path = tmp_path / "road.yaml"
    path.write_text(ROAD, encoding="utf-8")
    scenario = load_scenario(str(path))
    exact = expected_response(scenario)
    measured = measure_response(scenario, scale=1.0, lags=4, cache=tmp_path)
    assert exact.rows == measured.rows
    assert exact.strands == measured.strands
    np.testing.assert_allclose(exact.start, measured.start, rtol=1e-6)
    np.testing.assert_allclose(exact.matrix.toarray(), measured.matrix.toarray(), atol=0.02)
    np.testing.assert_allclose(exact.matrix.toarray().sum(axis=0), 2.0, atol=1e-3)
