"""Laws of every stay and travel time, whatever its numbers."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sim.spec import Fixed, Gamma, Geometric, Lognormal, Table, Triangular
from sim.spec.distributions import Time

MANY_DAYS = 4000
days = st.floats(0, 60, allow_nan=False)
positive = st.floats(0.05, 30)


@st.composite
def triangular(draw: st.DrawFn) -> Triangular:
    low, mode, high = sorted(draw(st.tuples(days, days, days)))
    return Triangular(low=low, mode=mode, high=high)


@st.composite
def table(draw: st.DrawFn) -> Table:
    rows = draw(st.lists(st.tuples(days, st.floats(0.01, 1)), min_size=1, max_size=6))
    total = sum(weight for _, weight in rows)
    return Table(days=tuple(day for day, _ in rows), share=tuple(weight / total for _, weight in rows))


times = st.one_of(
    st.builds(Fixed, days=days),
    st.builds(Geometric, mean_days=st.floats(1, 60)),
    triangular(),
    st.builds(Gamma, mean_days=positive, shape=st.floats(0.3, 20)),
    st.builds(Lognormal, median_days=positive, spread=st.floats(0, 0.8)),
    table(),
)


@given(times)
def test_probabilities_add_up_and_keep_the_mean(time: Time) -> None:
    shares = time.pmf(MANY_DAYS)
    assert (shares >= 0).all()
    assert abs(shares.sum() - 1) < 1e-9
    assert abs((shares * np.arange(shares.size)).sum() - time.mean) < 1e-6 * (1 + time.mean)


@given(times, st.integers(0, 40))
def test_a_short_horizon_is_the_beginning_of_a_long_one(time: Time, horizon: int) -> None:
    short, long = time.pmf(horizon), time.pmf(MANY_DAYS)
    assert short.size <= horizon + 1
    np.testing.assert_allclose(short, long[: short.size], atol=1e-12)
    assert short.sum() <= 1 + 1e-12
    assert not long[short.size : horizon + 1].any()


@given(times)
def test_rounding_goes_to_a_neighbouring_day(time: Time) -> None:
    longest = time.longest()
    if np.isfinite(longest):
        assert time.pmf(MANY_DAYS).size == int(np.ceil(longest)) + 1
