"""Parameters of behaviour enter the fit by measured slopes; windows add what months do not say; nothing withheld is used."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from calibration.behaviour import measure_answers, search
from calibration.config import config_windows, read_config, shipped_config
from calibration.likelihood import Counts, Posterior, Priors, Window
from calibration.marginal import find_marginal_mode
from calibration.response import expected_response
from calibration.sbc import small_problem
from calibration.sensitivity import DUMMY, Runs, Study, discover, run_study
from calibration.windows import cumulative_windows, month_shares, remainder
from calibration.withheld import blind_scenario, landed_share
from sim.ensemble.sweep import with_parameters
from sim.errors import CalibrationError, ScenarioError
from sim.spec import load_scenario
from tests.calibration_fixture import GROUPS, MONTHS, a_response

BEHAVIOUR = ("stay_scale_mexico", 1.0, 0.4, 2.5)
"""Made up here: what is counted in Honduras falls with its square root, and more so for Ecuadorians."""


def a_behaved_posterior(truth: float) -> Posterior:
    response = a_response()
    slope = np.zeros((2, len(GROUPS), len(MONTHS)))
    slope[1, 0], slope[1, 1] = -0.9, -0.3
    response = replace(response, answers={BEHAVIOUR[0]: (0.0, slope)})
    made = response.moved({BEHAVIOUR[0]: np.log(truth)}).crossings(response.start)
    windows = [
        Window(border, (g,), ((m, 1.0),), float(np.round(rate * made[s, i, k])))
        for s, (border, rate) in enumerate((("darien", 0.95), ("honduras", 0.75)))
        for i, g in enumerate(GROUPS)
        for k, m in enumerate(MONTHS)
    ]
    rates = (("detection_darien", 0.95, 0.9, 1.0), ("detection_honduras", 0.75, 0.6, 0.9))
    priors = Priors((*rates, BEHAVIOUR), 0.35, np.log(response.start))
    return Posterior(response, Counts.arrange(windows, response), priors)


def test_slopes_by_behaviour_are_those_of_small_steps() -> None:
    posterior = a_behaved_posterior(1.3)
    theta = posterior.start() + 0.05 * np.random.default_rng(1).standard_normal(posterior.size)
    _, slope = posterior.value_and_slope(theta)
    jacobian = posterior.jacobian(theta).toarray()
    for i in (3, posterior.n_rows + 1, posterior.n_rows + 2):
        step = np.zeros(posterior.size)
        step[i] = 1e-5
        apart = posterior.value_and_slope(theta + step)[0] - posterior.value_and_slope(theta - step)[0]
        assert slope[i] == pytest.approx(apart / 2e-5, rel=1e-4, abs=1e-3)
        mean = (posterior.expected(theta + step) - posterior.expected(theta - step)) / 2e-5
        np.testing.assert_allclose(jacobian[:, i], mean, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("truth", [0.6, 1.7])
def test_a_parameter_of_behaviour_is_found_again(truth: float) -> None:
    posterior = a_behaved_posterior(truth)
    _, normal = find_marginal_mode(posterior)
    at = posterior.n_rows + posterior.names.index(BEHAVIOUR[0])
    assert np.exp(normal.theta[at]) == pytest.approx(truth, rel=0.15)
    assert normal.spread[at] < 0.3


def test_a_moved_response_predicts_what_its_slopes_say() -> None:
    response = a_behaved_posterior(1.0).response
    moved = response.moved({BEHAVIOUR[0]: np.log(2.0)})
    assert moved.answers[BEHAVIOUR[0]][0] == pytest.approx(np.log(2.0))
    ratio = moved.crossings(response.start)[1, :, 5] / response.crossings(response.start)[1, :, 5]
    np.testing.assert_allclose(ratio, [2.0**-0.9, 2.0**-0.3])
    part = small_problem(a_behaved_posterior(1.0), groups=1, months=12)
    assert part.response.answers[BEHAVIOUR[0]][1].shape == (2, 1, 12)


ROAD = """name: road
window: {start: 2023-01-01, end: 2023-06-30}
world:
  places:
    - {id: A, country: COL, role: origin, stay: {kind: geometric, mean_days: 9}}
    - {id: B, country: PAN, role: transit, stay: {kind: fixed, days: 5}}
    - {id: C, country: CRI, role: destination}
    - {id: D, country: PAN, role: destination}
  legs:
    - {id: A-B, from: A, to: B, mode: foot, days: {kind: fixed, days: 6}}
    - {id: B-C, from: B, to: C, mode: bus, days: {kind: fixed, days: 4}, cost_usd: 10}
    - {id: B-D, from: B, to: D, mode: bus, days: {kind: fixed, days: 1}, cost_usd: 10}
  borders:
    - {id: darien, leg: A-B, detection_parameter: detection_darien}
    - {id: costa_rica, leg: B-C, detection_parameter: detection_costa_rica}
parameters: {beta_days: 0.3}
departures:
  - {place: A, group: VEN, per_day: 400, start: 2023-01-01, end: 2023-05-31, channel: darien}
"""


@pytest.mark.filterwarnings("ignore:The 'generic' unit:DeprecationWarning")
def test_answers_are_measured_with_the_plan_compiled_again(tmp_path: Path) -> None:
    path = tmp_path / "road.yaml"
    path.write_text(ROAD, encoding="utf-8")
    scenario = load_scenario(str(path))
    response = expected_response(scenario)
    measured = measure_answers(scenario, response, [("beta_days", 0.3, 0.05, 1.0)], scale=1.0)
    at, slope = measured.answers["beta_days"]
    assert at == pytest.approx(np.log(0.3))
    # shares of the two ways are exp(4 b) and exp(b): the log of the first rises by 3 b (1 - share) per log b
    share = 1.0 / (1.0 + np.exp(-3 * 0.3))
    np.testing.assert_allclose(slope[1, 0, 1:4], 0.9 * (1.0 - share), atol=0.03)
    np.testing.assert_allclose(slope[0], 0.0, atol=1e-9)
    with pytest.raises(ScenarioError, match="no parameter 'beta_dyas'"):
        with_parameters(scenario, {"beta_dyas": 1.0})


def test_search_finds_the_choice_and_the_value_behind_a_rugged_slope() -> None:
    def rugged(x: np.ndarray) -> float:
        return float((x[0] - 0.7) ** 2 + 0.02 * np.cos(40 * x[0]) + (x[1] != 2.0) * 0.5)

    low, high = np.array([0.0, 0.0]), np.array([1.0, 3.0])
    found = search(rugged, np.array([0.1, 0.0]), low, high, evaluations=300, seed=3, whole=[1])
    assert found.x[1] == 2.0
    assert found.x[0] == pytest.approx(0.7, abs=0.06)
    assert found.value < found.begun
    again = search(rugged, np.array([0.1, 0.0]), low, high, evaluations=300, seed=3, whole=[1])
    np.testing.assert_array_equal(found.x, again.x)


def test_a_cumulative_count_stands_for_the_months_without_a_figure() -> None:
    shares = month_shares(pd.Timestamp("2022-01-01"), pd.Timestamp("2022-03-15"))
    assert [m for m, _ in shares] == ["2022-01", "2022-02", "2022-03"]
    assert shares[2][1] == pytest.approx(15 / 31)
    rest = remainder(Window("honduras", ("VEN",), shares, 1000.0), {"2022-02": 300.0})
    assert rest is not None
    assert rest.count == pytest.approx(700.0)
    assert [m for m, _ in rest.months] == ["2022-01", "2022-03"]
    assert remainder(Window("honduras", ("VEN",), shares[:1], 9.0), {"2022-01": 9.0}) is None


def test_the_year_of_honduras_leaves_its_missing_months(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    text = (
        "window: {start: 2022-01, end: 2023-12}\nseries:\n"
        "  - {border: honduras, gaps: allowed, windows: [honduras_irregular_entries_annual]}\n"
    )
    path.write_text(text, encoding="utf-8")
    windows = config_windows(read_config(path), ("CUB", "HTI", "VEN", "OTH"))
    year = [w for w in windows if w.groups == ("VEN",) and len(w.months) > 1 and w.months[0][0] < "2023"]
    assert len(year) == 1
    assert year[0].count == pytest.approx(55_030 - 14_027 - 1_615 - 1_111)
    assert len(year[0].months) == 9
    path.write_text(text.replace("annual", "anual"), encoding="utf-8")
    with pytest.raises(
        CalibrationError, match=r"c\.yaml line 3.*unknown cumulative series|unknown cumulative"
    ):
        config_windows(read_config(path), ("VEN",))


def test_months_above_their_sum_are_refused() -> None:
    monthly = pd.DataFrame({"month": ["2022-05"], "nationality": ["VEN"], "persons": [99_000.0]})
    _, problems = cumulative_windows(
        "honduras",
        ["honduras_irregular_entries_annual"],
        ("2022-01", "2022-12"),
        ("VEN",),
        monthly,
        "c.yaml line 3",
    )
    assert any("add up to" in p.what and p.where.startswith("c.yaml line 3") for p in problems)


def test_behaviour_is_free_only_where_asked_and_ranged(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    text = "window: {start: 2022-01, end: 2022-12}\nseries:\n  - {border: darien}\nparameters: {NAME: free}\n"
    path.write_text(text.replace("NAME", "stay_scale_mexico"), encoding="utf-8")
    assert [name for name, *_ in read_config(path).behaviour] == ["stay_scale_mexico"]
    path.write_text(text.replace("NAME", "detection_darien"), encoding="utf-8")
    assert read_config(path).behaviour == ()
    path.write_text(text.replace("NAME", "beta_days"), encoding="utf-8")
    with pytest.raises(CalibrationError, match="line 4: beta_days has no range above zero"):
        read_config(path)
    assert read_config(shipped_config("full")).search[0] == 0


def test_shares_set_from_a_withheld_border_are_not_used() -> None:
    scenario = load_scenario("history/baseline")
    blind = blind_scenario(scenario, ("mexico",))
    shares = {(e.border, e.group): e.share for e in blind.world.border_exclusions}
    assert shares["mexico", "MEX"] == 0.0
    assert not [key for key, share in shares.items() if key[0] == "mexico" and share > 0.0]
    assert any(border != "mexico" and share > 0.0 for (border, _), share in shares.items())


def test_no_more_people_are_sent_on_by_air_than_were_seen_to_land() -> None:
    rows = (("CUB", "air_nic", "2022-06"), ("VEN", "darien", "2022-06"), ("CUB", "air_nic", "2024-02"))
    many = landed_share(rows, np.array([1_257_400.0, 50_000.0, 1_000.0]))
    np.testing.assert_allclose(many, [0.5, 1.0, 0.5])
    np.testing.assert_allclose(landed_share(rows, np.array([1_000.0, 50_000.0, 1_000.0])), 1.0)


@pytest.mark.parametrize(("method", "engine", "size"), [("morris", "agents", 3), ("sobol", "expected", 4)])
@pytest.mark.filterwarnings("ignore:The 'generic' unit:DeprecationWarning")
def test_both_studies_run_from_scenario_to_table(tmp_path: Path, method: str, engine: str, size: int) -> None:
    path = tmp_path / "road.yaml"
    path.write_text(ROAD, encoding="utf-8")
    ranges = (("detection_costa_rica", 0.6, 1.0), ("robbery_loss_share", 0.2, 1.0))
    study = Study("s", str(path), "2023-02", "2023-06", method, engine, size, 1.0, 1, ranges)
    rows = run_study(study).to_dict("records")
    effect = {(row["border"], row["parameter"]): float(row["effect"]) for row in rows}
    above = {(row["border"], row["parameter"]): bool(row["above_dummy"]) for row in rows}
    assert {border for border, _ in effect} == {"darien", "costa_rica"}
    assert effect["costa_rica", "detection_costa_rica"] > 0.2
    if method == "morris":  # four base points are too few for Sobol's interval to stand clear of zero
        assert above["costa_rica", "detection_costa_rica"]
    for border in ("darien", "costa_rica"):
        assert not above[border, "robbery_loss_share"]
    if engine == "agents":  # the luck of another seed: a few of 12,400 people cross a day later
        assert 0.0 < effect["darien", DUMMY] < 0.01
    else:
        assert all(
            effect[border, DUMMY] == pytest.approx(0.0, abs=1e-6) for border in ("darien", "costa_rica")
        )


def test_discovery_of_an_unknown_border_is_refused() -> None:
    study = Study("s", "x", "2022-01", "2022-02", "morris", "agents", 3, 0.1, 1, (("a", 0.0, 1.0),))
    with pytest.raises(CalibrationError, match="no crossings of 'darian'"):
        discover(study, Runs(np.zeros((4, 2)), {"darien": np.arange(4.0)}), "darian")
