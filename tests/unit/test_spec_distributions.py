"""Probabilities of whole days against numbers worked out by hand and by integration."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError
from scipy import integrate, stats

from sim.spec import Fixed, Gamma, Geometric, Lognormal, Table, Triangular
from sim.spec.distributions import Time


def test_a_fraction_of_a_fixed_day_is_rounded_at_random() -> None:
    np.testing.assert_allclose(Fixed(days=2.3).pmf(10), [0, 0, 0.7, 0.3])


@pytest.mark.parametrize("days", [0, 1, 7])
def test_whole_fixed_days_are_certain(days: int) -> None:
    shares = Fixed(days=days).pmf(10)
    assert shares.size == days + 1
    assert shares[days] == 1.0


def test_geometric_starts_on_the_first_day_after_arrival() -> None:
    np.testing.assert_allclose(Geometric(mean_days=4).pmf(4), [0, 0.25, 0.1875, 0.140625, 0.10546875])
    np.testing.assert_array_equal(Geometric(mean_days=1).pmf(3), [0, 1, 0, 0])


def test_a_table_splits_fractions_between_neighbours() -> None:
    np.testing.assert_allclose(Table(days=(0.5, 3), share=(0.4, 0.6)).pmf(5), [0.2, 0.2, 0, 0.6])


def test_zero_days_can_happen() -> None:
    # uniform-like triangle on 0 to 1 with its peak at 0: E[1 - X] = 2/3
    np.testing.assert_allclose(Triangular(low=0, mode=0, high=1).pmf(5), [2 / 3, 1 / 3])


@pytest.mark.parametrize(
    ("distribution", "same"),
    [
        (Triangular(low=0.68, mode=0.82, high=1.17), stats.triang((0.82 - 0.68) / 0.49, 0.68, 0.49)),
        (Triangular(low=2, mode=9, high=9), stats.triang(1.0, 2, 7)),
        (Gamma(mean_days=3, shape=2), stats.gamma(2, scale=1.5)),
        (Lognormal(median_days=5, spread=0.7), stats.lognorm(0.7, scale=5)),
    ],
)
def test_continuous_kinds_agree_with_integration(distribution: Time, same: stats.rv_continuous) -> None:
    shares = distribution.pmf(30)
    for day in (0, 1, 2, 5, 8):
        expected = sum(
            integrate.quad(lambda x, k=day: max(0.0, 1 - abs(x - k)) * same.pdf(x), a, a + 1, epsabs=1e-11)[0]
            for a in (day - 1, day)
            if a >= 0
        )
        found = shares[day] if day < shares.size else 0.0
        assert found == pytest.approx(expected, abs=1e-7)
    assert distribution.mean == pytest.approx(same.mean())


def test_what_comes_later_is_missing_from_one() -> None:
    shares = Geometric(mean_days=10).pmf(5)
    assert shares.size == 6
    assert 1 - shares.sum() == pytest.approx(0.9**5)


@pytest.mark.parametrize(
    ("distribution", "zero"),
    [
        (Fixed(days=0), True),
        (Fixed(days=0.2), False),
        (Table(days=(0, 4), share=(1, 0)), True),
        (Triangular(low=0, mode=0, high=0), True),
        (Triangular(low=0, mode=0, high=0.1), False),
        (Geometric(mean_days=1), False),
    ],
)
def test_knows_whether_no_time_passes_for_certain(distribution: Time, zero: bool) -> None:
    assert distribution.surely_zero is zero


@pytest.mark.parametrize(
    ("kind", "values", "message"),
    [
        (Geometric, {"mean_days": 0.5}, "greater than or equal to 1"),
        (Triangular, {"low": 3, "mode": 2, "high": 4}, "low <= mode <= high"),
        (Table, {"days": (1, 2), "share": (0.4, 0.5)}, "add up to 0.9"),
        (Table, {"days": (1, 2), "share": (1,)}, "2 days and 1 shares"),
        (Fixed, {"days": float("inf")}, "finite number"),
        (Gamma, {"mean_days": 3, "shape": 0}, "greater than 0"),
    ],
)
def test_refuses_what_is_no_distribution(kind: type[Time], values: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        kind.model_validate(values)


def test_equal_distributions_are_equal_and_hash_alike() -> None:
    assert Fixed(days=2) == Fixed(days=2.0)
    assert len({Fixed(days=2), Fixed(days=2.0), Table(days=(2,), share=(1,))}) == 2
