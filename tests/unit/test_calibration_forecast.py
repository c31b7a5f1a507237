"""A forecast reads nothing after its origin and is written as promised; the archive is what the code makes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm
from threadpoolctl import threadpool_info, threadpool_limits

from calibration.bridge import bridge_forecasts
from calibration.effects import RECORD, Effects, load_effects
from calibration.forecast import COLUMNS, UNCONDITIONAL, forecast_panel, make_forecast, write_forecast
from calibration.hindcast import ARCHIVE, HORIZONS, at_break, hindcast_tables
from calibration.mechanism import RuleEffect, held_rules, known_rules, scenario_at
from calibration.panel import TARGETS, Panel, load_panel, parse_month, shift_month
from calibration.pooled import FEWEST_MONTHS, pooled_forecast
from calibration.score import LEVELS, wis
from calibration.smooth import recent_quantiles, smooth_forecast
from calibration.spread import fit_spread, spread_of
from calibration.stack import (
    FACTS,
    RULES,
    Combination,
    Memory,
    _Loss,
    _Past,
    _tails,
    learn_combination,
    rule_quantiles,
)
from sim.errors import CalibrationError
from sim.spec import load_scenario


@pytest.fixture(scope="module")
def panel() -> Panel:
    return load_panel(end="2024-06")


@pytest.fixture(scope="module")
def known() -> Effects:
    return load_effects("known")


def test_nothing_after_the_origin_is_read(panel: Panel, known: Effects) -> None:
    """Weights, widths and outer quantiles included: later figures and later rules may be anything."""
    later = panel.counts.copy()
    later[:, panel.months.index("2023-04") :] *= 7.0
    rules = known.change.copy()
    rules[:, known.origins.index("2023-04") :] = 1.0
    assert known.persons is not None
    persons = known.persons.copy()
    persons[:, known.origins.index("2023-04") :] = 1e4
    one = forecast_panel(panel.until("2023-03"), 3, known)
    changed = replace(panel, counts=later)
    memory = Memory()
    told = replace(known, change=rules, persons=persons)
    forecast_panel(changed.until("2023-02"), 3, told, memory=memory)  # an earlier origin fills the memory
    other = forecast_panel(changed.until("2023-03"), 3, told, memory=memory)
    for key, made in one.quantiles.items():
        np.testing.assert_array_equal(made, other.quantiles[key])
    np.testing.assert_array_equal(one.combination.weights, other.combination.weights)
    np.testing.assert_array_equal(one.combination.tails, other.combination.tails)
    # and figures before the origin do matter, so that the comparison can fail
    earlier = panel.counts.copy()
    earlier[:, panel.months.index("2023-01")] *= 7.0
    moved = forecast_panel(replace(panel, counts=earlier).until("2023-03"), 3, known)
    assert not np.array_equal(moved.combination.weights, one.combination.weights)


def test_a_month_ahead_does_not_depend_on_how_many_are_asked_for(panel: Panel, known: Effects) -> None:
    short, long = (forecast_panel(panel.until("2023-03"), months, known) for months in (1, 8))
    for key, made in short.quantiles.items():
        np.testing.assert_allclose(made[0], long.quantiles[key][0], atol=1e-9)


def test_a_forecast_keeps_to_one_core(panel: Panel, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*_: object) -> None:
        raise CalibrationError(
            str({one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas"})
        )

    monkeypatch.setattr("calibration.forecast.learn_combination", stopped)
    with threadpool_limits(limits=2, user_api="blas"), pytest.raises(CalibrationError, match=r"^\{1\}$"):
        forecast_panel(panel.until("2023-03"), 1)


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


def test_rules_move_a_forecast_by_a_share_of_what_they_change(panel: Panel) -> None:
    cut = panel.until("2023-03")
    nothing = Effects((), (), np.zeros((0, 0, 12)))
    key = ("darien", "VEN")
    fall = RuleEffect((key,), ("2023-04", "2023-05"), np.array([[0.0, -1.0]]))
    still, moved = (pooled_forecast(cut, [1, 2], e) for e in (nothing, nothing.with_origin("2023-03", fall)))
    i, other = still.keys.index(key), still.keys.index(("darien", "ECU"))
    np.testing.assert_allclose(moved.moved[i], [0.0, -0.7], atol=1e-6)
    np.testing.assert_allclose(moved.quantiles[i, 1, 11], still.quantiles[i, 1, 11] - 0.7, rtol=0.1)
    assert np.ptp(moved.quantiles[i, 1]) > np.ptp(still.quantiles[i, 1])
    np.testing.assert_allclose(moved.quantiles[other], still.quantiles[other])


def test_the_share_that_is_followed_is_learnt_from_the_past(panel: Panel) -> None:
    cut = panel.until("2023-03")
    seen = np.nan_to_num(np.log1p(panel.counts))
    change = np.zeros((len(panel.keys), len(panel.months), 1))
    change[:, :-1, 0] = np.clip(seen[:, 1:] - seen[:, :-1], -2.5, 2.5)

    def nothing(_keys: object, z: np.ndarray, _ahead: int) -> np.ndarray:
        return np.zeros((*z.shape, 1))

    for factor, low, high in ((1.0, 0.9, 1.05), (-1.0, -1.05, 0.2)):
        told = Effects(panel.keys, panel.months, factor * change)
        made = pooled_forecast(cut, [1], told, features=nothing)
        at = [i for i, key in enumerate(made.keys) if key[0] == "mexico"]
        rows = [panel.keys.index(made.keys[i]) for i in at]
        asked = factor * change[rows, panel.months.index("2023-03"), 0]
        clear = np.abs(asked) > 0.1
        shares = made.moved[at, 0][clear] / asked[clear]
        assert ((shares > low) & (shares < high)).all()


def test_effects_are_found_by_series_origin_and_months_ahead() -> None:
    table = Effects((("darien", "VEN"),), ("2022-01", "2022-03"), np.array([[[1.0, 2.0], [3.0, 4.0]]]))
    out = table.aligned(
        [("darien", "ECU"), ("darien", "VEN")], ["2021-12", "2022-01", "2022-02", "2022-03"], 9
    )
    np.testing.assert_array_equal(out[1], [0.0, 2.0, np.nan, 4.0])
    np.testing.assert_array_equal(out[0], [0.0, 0.0, np.nan, 0.0])
    longer = table.with_origin(
        "2022-02",
        RuleEffect((("mexico", "ALL"),), ("2022-03", "2022-04", "2022-05"), np.array([[5.0, 6.0, 7.0]])),
    )
    assert longer.origins == ("2022-01", "2022-02", "2022-03")
    np.testing.assert_array_equal(longer.change[0], [[1.0, 2.0, 2.0], [0.0, 0.0, 0.0], [3.0, 4.0, 4.0]])
    np.testing.assert_array_equal(longer.change[1, 1], [5.0, 6.0, 7.0])


def test_the_size_of_errors_is_found_again() -> None:
    rng = np.random.default_rng(3)
    features = np.stack([np.ones(4000), rng.standard_normal(4000)], axis=1)
    errors = np.abs(rng.standard_normal(4000)) * np.exp(0.4 + 0.6 * features[:, 1]) / 0.798
    beta = fit_spread(features, errors, np.ones(4000), np.zeros(2))
    np.testing.assert_allclose(beta, [0.4, 0.6], atol=0.05)
    np.testing.assert_allclose(spread_of(features, beta).mean(), np.exp(0.4 + 0.6**2 / 2), rtol=0.05)


def some_past(n: int = 50, seed: int = 4) -> _Past:
    rng = np.random.default_rng(seed)
    middle = rng.normal(6.0, 1.0, (len(RULES), n, 1))
    quantiles = middle + np.linspace(-1.0, 1.0, 23) * rng.uniform(0.3, 1.0, (len(RULES), n, 1))
    facts = np.column_stack([np.ones(n), rng.normal(size=(n, len(FACTS) - 1))])
    weight = rng.uniform(0.5, 1.0, n)
    return _Past(quantiles, rng.normal(6.0, 1.0, n), facts, weight / weight.sum())


def test_the_loss_of_a_combination_has_the_slope_of_small_steps() -> None:
    past = some_past()
    usual = np.zeros((len(RULES) + 2, len(FACTS)))
    loss = _Loss(past, usual)
    at = 0.1 * np.random.default_rng(5).standard_normal(usual.size)
    slope = loss(at)[1]
    for i in range(0, usual.size, 7):
        step = np.zeros(usual.size)
        step[i] = 1e-5
        assert slope[i] == pytest.approx((loss(at + step)[0] - loss(at - step)[0]) / 2e-5, rel=1e-3, abs=1e-5)
    # the first rule alone, with its own width, is the unit
    alone = usual.copy()
    alone[1 : len(RULES), 0] = -40.0
    held = 0.005 * (len(RULES) - 1) * 40.0**2
    assert loss(alone.ravel())[0] == pytest.approx(1.0 + held, rel=1e-6)
    assert loss.log_unit == pytest.approx(past.weight @ wis(past.quantiles[0], past.outcome))


def test_a_combination_is_the_weighted_mean_of_its_rules() -> None:
    past = some_past()
    weights = np.zeros((len(RULES), len(FACTS)))
    weights[:, 0] = np.log([0.5, 0.3, 0.2])
    rule = Combination(weights, np.zeros((2, len(FACTS))), np.ones((2, 2)), 50)
    np.testing.assert_allclose(rule.shares(past.facts)[7], [0.5, 0.3, 0.2])
    made = rule.apply(past.quantiles, past.facts)
    np.testing.assert_allclose(made, np.tensordot([0.5, 0.3, 0.2], past.quantiles, axes=1))
    wide = replace(rule, tails=np.array([[1.5, 1.5], [1.2, 1.2]])).apply(past.quantiles, past.facts)
    middle = made[:, 11]
    np.testing.assert_allclose(wide[:, 11], middle)
    np.testing.assert_allclose(wide[:, 6], made[:, 6])
    np.testing.assert_allclose(middle - wide[:, 2], 1.5 * (middle - made[:, 2]))
    np.testing.assert_allclose(wide[:, 20] - middle, 1.2 * (made[:, 20] - middle))


def test_what_is_widened_keeps_to_how_far_a_series_is_let_go() -> None:
    past = some_past()
    weights = np.zeros((len(RULES), len(FACTS)))
    rule = Combination(weights, np.full((2, len(FACTS)), 0.2), np.full((2, 2), 1.5), 50)
    free = rule.apply(past.quantiles, past.facts)
    lid = free[:, 18]
    held = rule.apply(past.quantiles, past.facts, lid)
    assert (free[:, 22] > lid).any()
    assert (held <= lid[:, None]).all()
    np.testing.assert_array_equal(held[:, :18], free[:, :18])


def test_no_archived_forecast_of_a_dense_series_is_far_above_its_record(panel: Panel) -> None:
    """August 2023, when the Border Patrol met no Haitian: its 95 % quantile for February had once been 1.4 million."""
    frozen = pd.read_parquet(ARCHIVE / "hindcast.parquet")
    for (target, nationality, origin), part in frozen.groupby(["target", "nationality", "origin"]):
        own = panel.until(str(origin)).row(str(target), str(nationality))
        if np.isfinite(own).sum() >= FEWEST_MONTHS:
            most = (1.0 + np.nanmax(own)) * np.exp(1.1) + 1000.0
            assert part["q0.99"].max() <= most * 1.001, (target, nationality, origin)


def test_an_office_that_changed_its_ways_long_ago_is_not_uncertain_for_it() -> None:
    months = tuple(str(m) for m in pd.period_range("2022-01", periods=14, freq="M"))
    darien = np.full(14, 20_000.0)
    ratio = np.array([0.05, 0.05, *[0.7, 0.72] * 6])
    told = Panel((("darien", "ALL"), ("honduras", "ALL")), months, np.stack([darien, darien * ratio]))
    known = {("darien", "ALL"): np.log(20_000.0) + 0.2 * np.tile(norm.ppf(LEVELS), (2, 1))}
    made = bridge_forecasts(told, known)["honduras", "ALL"]
    assert np.exp(made[0, 11]) == pytest.approx(14_000.0, rel=0.1)
    wide = (made[0, 20] - made[0, 2]) / (2 * 1.645)
    assert wide == pytest.approx(np.hypot(0.2, 0.45 / np.sqrt(3.29)), rel=0.15)


def test_outer_quantiles_are_widened_where_too_few_outcomes_lay_inside() -> None:
    rng = np.random.default_rng(6)
    n = 4000
    z = norm.ppf(LEVELS)
    quantiles = np.broadcast_to(6.0 + z, (len(RULES), n, 23)).copy()
    facts = np.zeros((n, len(FACTS)))
    facts[:, 0] = 1.0
    facts[: n // 2, FACTS.index("rules")] = 1.0
    outcome = 6.0 + rng.standard_normal(n) * np.where(np.arange(n) < n // 2, 1.4, 1.0)
    past = _Past(quantiles, outcome, facts, np.full(n, 1.0 / n))
    below, above = _tails(past, quantiles[0])
    for left_alone, moved in (below, above):
        # three quarters of what is lacking: 1.4 asked for, and the pull of both kinds together
        assert 0.98 < left_alone < 1.09
        assert 1.22 < moved < 1.32


def test_a_quiet_series_is_forecast_narrowly_by_its_own_latest_changes() -> None:
    rng = np.random.default_rng(8)
    months = tuple(str(m) for m in pd.period_range("2019-01", periods=60, freq="M"))
    wild = np.exp(8.0 + np.cumsum(0.4 * rng.standard_normal((6, 60)), axis=1) / 2.0)
    wild[0, 30:] = 40_000.0 * np.exp(0.02 * rng.standard_normal(30))  # a daily quota holds it
    keys = (("us_ports", "ALL"), *(("mexico", g) for g in ("VEN", "HND", "GTM", "CUB", "ECU")))
    panel = Panel(keys, months, wild)
    smooth = smooth_forecast(panel, [1, 3])
    own = recent_quantiles(panel, smooth)
    held, others = (np.ptp(own[rows][..., 2:21], axis=-1).mean() for rows in ([0], [1, 2, 3, 4, 5]))
    assert held < 0.5 * others
    np.testing.assert_allclose(np.expm1(own[0, 0, 11]), 40_000.0, rtol=0.05)


def test_large_and_small_series_have_slopes_of_their_own() -> None:
    """Large series swing back after every rise, small ones go on rising: one slope for both would forecast neither."""
    rng = np.random.default_rng(9)
    months = tuple(str(m) for m in pd.period_range("2015-01", periods=120, freq="M"))
    level = np.where(np.arange(12) < 6, 11.0, 7.0)
    slope = np.where(np.arange(12) < 6, -0.7, 0.7)
    change = np.zeros((12, 120))
    for t in range(1, 120):
        change[:, t] = slope * change[:, t - 1] + 0.1 * rng.standard_normal(12)
    counts = np.exp(level[:, None] + np.cumsum(change, axis=1))
    names = ("ALL", "VEN", "HTI", "CUB", "ECU", "COL", "NIC", "HND", "GTM", "SLV", "MEX", "BRA")
    panel = Panel(tuple(("mexico", name) for name in names), months, counts)
    expected = smooth_forecast(panel, [1]).centre[:, 0] - np.log1p(counts[:, -1])
    last = change[:, -1]
    large, small = (
        expected[rows] @ last[rows] / np.sum(last[rows] ** 2) for rows in (slice(6), slice(6, 12))
    )
    # without slopes by size -0.03 and 0.18: what is left apart is what quiet and restless series have of their own
    assert large < -0.1
    assert small > 0.1


def test_facts_tell_a_restless_small_series_from_a_quiet_large_one(panel: Panel) -> None:
    made = rule_quantiles(panel.until("2023-03"), [1])
    facts = dict(zip(FACTS, made.facts[:, 0].T, strict=True))
    np.testing.assert_allclose(facts["size by restless"], facts["size"] * facts["restless"])
    np.testing.assert_allclose(facts["size squared"], facts["size"] ** 2 - 0.5)
    whole, rare = (made.keys.index(key) for key in (("us_border_patrol", "ALL"), ("us_ports", "IND")))
    assert facts["size"][whole] == pytest.approx(
        np.log1p(panel.until("2023-03").counts[panel.keys.index(made.keys[whole]), -1]) / 2.5 - 2.6
    )
    assert facts["size"][whole] > 1.5 > -1.0 > facts["size"][rare]


def test_weights_and_widths_stay_in_bounds(panel: Panel, known: Effects) -> None:
    cut = panel.until("2022-06")
    learnt = learn_combination(cut, known)
    made = rule_quantiles(cut, [1, 3, 6], known)
    shares = learnt.shares(made.facts.reshape(-1, len(FACTS)))
    np.testing.assert_allclose(shares.sum(axis=1), 1.0)
    factor = np.exp(made.facts.reshape(-1, len(FACTS)) @ learnt.widths.T)
    assert ((np.median(factor, axis=0) > 0.5) & (np.median(factor, axis=0) < 1.6)).all()
    assert ((learnt.tails >= 0.9) & (learnt.tails <= 1.3)).all()
    few = learn_combination(panel.until(panel.months[29]), known)
    assert few.cells == 0
    np.testing.assert_allclose(few.shares(made.facts[:, 0]).mean(axis=0), [1.0 / 3.0] * 3)


def test_rises_are_held_to_the_persons_a_rule_adds() -> None:
    change = np.array([[[2.0]], [[2.0]], [[-2.0]], [[1.0]]])
    persons = np.array([[[500.0]], [[5e5]], [[-900.0]], [[-20.0]]])
    keys = tuple(("us_ports", g) for g in ("OTH", "MEX", "VEN", "HTI"))
    told = Effects(keys, ("2022-12",), change, persons)
    level = np.full((4, 1), np.log(5000.0))
    held = told.aligned(keys, ["2022-12"], 1, level)
    np.testing.assert_allclose(held[:, 0], [np.log(1.1), 2.0, -2.0, 0.0])
    np.testing.assert_allclose(told.aligned(keys, ["2022-12"], 1)[:, 0], change[:, 0, 0])
    more = told.with_origin(
        "2023-01", RuleEffect((("us_ports", "OTH"),), ("2023-02",), np.array([[2.0]]), np.array([[2500.0]]))
    )
    np.testing.assert_allclose(
        more.aligned(keys[:1], ["2022-12", "2023-01"], 1, np.tile(level[:1], 2)), [[np.log(1.1), np.log(1.5)]]
    )


def test_a_slice_that_ends_with_the_origin_goes_on_where_the_next_takes_over() -> None:
    scenario = load_scenario("history/baseline")
    quota = {p.id: p for p in known_rules(scenario, "2023-05").policies}
    assert quota["cbpone-1000"].end is None
    strike = {p.id: p for p in known_rules(scenario, "2024-02").policies}
    assert strike["necocli-boats-stop"].end is not None
    later = {p.id: p for p in known_rules(scenario, "2023-06").policies}
    assert later["cbpone-1000"].end is not None
    assert later["cbpone-1000"].end.isoformat() == "2023-05-31"


def test_known_rules_go_on_and_young_rules_are_not_in_the_held_ones() -> None:
    scenario = load_scenario("history/baseline")
    known = known_rules(scenario, "2022-10")
    held = held_rules(scenario, "2022-10")
    assert "oct-2022-departures" in {p.id for p in known.policies}
    assert "oct-2022-departures" not in {p.id for p in held.policies}
    assert {p.id for p in held.policies} < {p.id for p in known.policies}
    assert all(p.end is None or p.end.isoformat() <= "2022-10-31" for p in known.policies)


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


@pytest.mark.parametrize(("scenario", "which"), [(UNCONDITIONAL, "known"), (RECORD, "record")])
def test_the_archive_is_what_the_code_makes(panel: Panel, scenario: str, which: str) -> None:
    frozen = pd.read_parquet(ARCHIVE / "hindcast.parquet")
    frozen = frozen[(frozen["origin"] == "2023-06") & (frozen["scenario"] == scenario)]
    made = forecast_panel(panel.until("2023-06"), max(HORIZONS), load_effects(which))
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
