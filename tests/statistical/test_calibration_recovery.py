"""Intervals hold the truth as often as they say (simulation-based calibration, fixed seed).

With 100 truths and 12 months of departures each, a 90 % interval that covers 0.90 falls outside 0.85 to 0.95 with a
probability below one in a thousand; months of one truth move together, so that the bounds are those of the contract.
"""

from __future__ import annotations

from calibration.sbc import coverage_of, run_sbc
from tests.calibration_fixture import a_posterior


def test_intervals_cover_what_they_promise() -> None:
    table = coverage_of(run_sbc(a_posterior(), truths=100, seed=7))
    whole = table[table["parameter"] == "all"].astype({"coverage50": float, "coverage90": float})
    half = dict(zip(whole["kind"], whole["coverage50"].tolist(), strict=True))
    ninety = dict(zip(whole["kind"], whole["coverage90"].tolist(), strict=True))
    for kind in ("departures", "detection"):
        assert 0.85 <= ninety[kind] <= 0.95, whole
        assert 0.43 <= half[kind] <= 0.57, whole
    assert 0.80 <= ninety["dispersion"] <= 0.97, whole
