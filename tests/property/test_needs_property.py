"""Laws of the needs room that hold for any run."""

from __future__ import annotations

from typing import cast

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sim.needs import estimate, safeguard, simple_table
from sim.needs.safeguard import Margins
from tests.needs_fixture import CHAIN, SyntheticRun, synthetic_run

pytestmark = pytest.mark.property

RUNS = st.builds(
    synthetic_run,
    start=st.sampled_from(["2021-11", "2022-12", "2023-01"]),
    months=st.integers(1, 5),
    replicates=st.integers(1, 3),
    seed=st.integers(0, 10_000),
    persons=st.floats(20.0, 4000.0),
    nationalities=st.sampled_from([("VEN",), ("VEN", "HTI"), ("ECU", "CHN", "HND"), ("COL",)]),
    chain=st.sampled_from([None, CHAIN[:4], CHAIN[1:6]]),
    settle=st.floats(0.0, 0.3),
    turn_back=st.floats(0.0, 0.3),
)
SLOW = settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))


@SLOW
@given(run=RUNS)
def test_laws_of_every_estimate(run: SyntheticRun) -> None:
    """Targeted <= in need <= affected <= people; ordered, sourced, never small; the headline is no sum."""
    needs = estimate(run)
    _parts_stay_within_wholes(needs.table)
    _numbers_are_ordered_and_sourced(needs.table)
    _headline_is_the_largest_sector(needs.table)
    for frame in (needs.table, needs.coordination, needs.binational, needs.upstream, needs.impacts):
        people = frame[frame["unit"].isin(["people", "crossings", "times", "person-days"])]
        for column in ("low", "middle", "high"):
            assert (people[column].dropna().astype(float) >= 15).all()
    small = simple_table(run)
    assert (small.loc[small["indicator"] == "people", "middle"].dropna() >= 15).all()


def _parts_stay_within_wholes(table: pd.DataFrame) -> None:
    keys = [
        "location_code",
        "reference_period_start",
        "period",
        "admin1_code",
        "category",
        "population_group",
        "gender",
        "age_range",
    ]
    heads = table[(table["measure"] == "unique_people") & (table["sector_code"] == "ALL")]
    plain = heads.astype(dict.fromkeys(keys, object))
    wide = plain.pivot_table(index=keys, columns="population_status", values="middle", observed=True)
    for smaller, larger in (("TGT", "INN"), ("INN", "AFF"), ("AFF", "all"), ("INN", "all")):
        if smaller in wide and larger in wide:
            both = wide[[smaller, larger]].dropna()
            assert (both[smaller] <= both[larger]).all(), (smaller, larger)


def _numbers_are_ordered_and_sourced(table: pd.DataFrame) -> None:
    shown = table.dropna(subset=["middle"])
    assert (shown["low"] <= shown["middle"]).all()
    assert (shown["middle"] <= shown["high"]).all()
    people = shown.dropna(subset=["population"])
    assert (people["population_lo80"] <= people["population"]).all()
    assert (people["population"] <= people["population_hi80"]).all()
    assert (table["unit"] != "").all()
    assert (table["source"] != "").all()


def _headline_is_the_largest_sector(table: pd.DataFrame) -> None:
    keep = (table["population_status"] == "INN") & (table["gender"] == "all") & (table["age_range"] == "all")
    keep &= (table["category"] == "all") & (table["population_group"] == "all") & (table["admin1_code"] == "")
    keep &= (table["measure"] == "unique_people") & (table["location_code"] != "REG")
    frame = table[keep].dropna(subset=["middle"])
    keys = ["location_code", "reference_period_start", "period"]
    headline = frame[frame["sector_code"] == "ALL"].set_index(keys)["middle"]
    sectors = frame[frame["sector_code"] != "ALL"].groupby(keys, observed=True)["middle"]
    largest, added = sectors.max(), sectors.sum()
    for name, value in headline.items():
        key = cast("tuple[str, pd.Timestamp, str]", name)
        if key in largest.index:
            assert value >= largest[key] * 0.9 - 20  # both are rounded
            if added[key] > 3 * largest[key]:
                assert value < added[key]


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 100_000),
    shape=st.tuples(st.integers(2, 6), st.integers(2, 5), st.integers(1, 4)),
    scale=st.floats(5.0, 120.0),
)
def test_no_table_with_margins_gives_a_hidden_cell_away(
    seed: int, shape: tuple[int, int, int], scale: float
) -> None:
    rng = np.random.default_rng(seed)
    cube = rng.poisson(rng.gamma(0.6, scale, size=shape)).astype(float)
    for axis in range(3):
        cube = np.concatenate([cube, cube.sum(axis=axis, keepdims=True)], axis=axis)
    index = np.indices(cube.shape).reshape(3, -1)
    names = [[*map(str, range(n)), "all"] for n in shape]
    frame = pd.DataFrame({f"d{i}": [names[i][j] for j in index[i]] for i in range(3)})
    frame["v"] = cube.ravel()
    frame = frame[frame["v"] > 0].reset_index(drop=True)
    margins = Margins({"d0": "all", "d1": "all", "d2": "all"})
    hidden = safeguard.suppression(frame, frame["v"].to_numpy(), margins)
    assert (frame.loc[~hidden, "v"] >= 15).all()
    where = {tuple(k): i for i, k in enumerate(frame[["d0", "d1", "d2"]].to_numpy())}
    unknown = {row: i for i, row in enumerate(np.flatnonzero(hidden).tolist())}
    equations = []
    for axis in range(3):
        groups: dict[tuple[str, ...], list[int]] = {}
        for key, row in where.items():
            groups.setdefault(key[:axis] + key[axis + 1 :], []).append(row)
        for rows in groups.values():
            equation = np.zeros(len(unknown))
            for row in rows:
                if row in unknown:
                    equation[unknown[row]] = -1.0 if frame[f"d{axis}"][row] == "all" else 1.0
            equations.append(equation)
    if unknown:
        _, singular, right = np.linalg.svd(np.array(equations), full_matrices=True)
        free = right[int((singular > 1e-9).sum()) :]
        assert (np.abs(free).max(axis=0, initial=0.0) > 1e-9).all()
