"""Counting a run a month at a time gives what grouping its rows one by one gives."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from sim.needs import load_standards
from sim.needs.measures import Measures, measure
from sim.needs.tables import records
from tests.needs_fixture import SyntheticRun, synthetic_run


@pytest.fixture(scope="module")
def run() -> SyntheticRun:
    return synthetic_run(months=5, replicates=2, persons=900.0)


def _differing(one: Measures, other: Measures) -> list[str]:
    """Names of what two counts do not agree in."""
    pairs: dict[str, tuple[NDArray[Any], NDArray[Any]]] = {
        **{name: (one.heads[name], other.heads[name]) for name in one.heads},
        **{f"places {name}": (one.places[name], other.places[name]) for name in one.places},
        **{f"borders {name}": (one.borders[name], other.borders[name]) for name in one.borders},
        "moves": (_from_place_to_place(one), _from_place_to_place(other)),
        "exposure": (one.exposure, other.exposure),
    }
    return [name for name, (a, b) in pairs.items() if not np.allclose(a, b, rtol=1e-6, atol=1e-6)]


def _from_place_to_place(found: Measures) -> NDArray[np.float64]:
    """Mean persons by month, place left and place reached."""
    places = len(found.route.places)
    out = np.zeros((len(found.moves), places, places))
    out[:, found.ways[0], found.ways[1]] = found.moves
    return out


def _summed(rows: pd.DataFrame, keys: list[str]) -> list[dict[str, Any]]:
    """Persons of each combination of keys."""
    return records(rows.groupby(keys)["persons"].sum().reset_index())


def test_moves_borders_and_arrivals_are_the_groups_of_the_flows(run: SyntheticRun) -> None:
    found = measure(run, load_standards())
    places, countries = list(found.route.places.index), list(found.countries)
    flows = run.flows.assign(month=run.flows["period_start"].dt.month - 1)
    keys = ["replicate", "month", "from_place", "to_place"]
    moved = np.zeros((2, *_from_place_to_place(found).shape))
    for row in _summed(flows, keys):
        at = row["replicate"], row["month"], places.index(row["from_place"]), places.index(row["to_place"])
        moved[at] = row["persons"]
    assert _from_place_to_place(found) == pytest.approx(moved.mean(axis=0))
    assert len(np.unique(found.ways, axis=1).T) == len(found.ways.T)
    assert found.places["arrivals"] == pytest.approx(moved.sum(axis=2).transpose(0, 2, 1))
    crossed = flows[flows["from_country"] != flows["to_country"]]
    keys = ["replicate", "from_country", "to_country"]
    for row in _summed(crossed, keys):
        border = found.borders["persons"][row["replicate"]]
        assert (
            border[countries.index(row["from_country"]), countries.index(row["to_country"]), 0]
            == row["persons"]
        )


def test_the_order_of_rows_does_not_matter(run: SyntheticRun) -> None:
    mixed = replace(
        run,
        flows=run.flows.sample(frac=1.0, random_state=3, ignore_index=True),
        stocks=run.stocks.sample(frac=1.0, random_state=4, ignore_index=True),
    )
    assert _differing(measure(run, load_standards()), measure(mixed, load_standards())) == []


def test_legs_without_names_of_their_own_are_told_apart_by_their_ends(run: SyntheticRun) -> None:
    """Tables from elsewhere may have one name, or none, for every leg."""
    bare = replace(run, scenario=None)
    plain = measure(bare, load_standards())
    assert (
        _differing(plain, measure(replace(bare, flows=run.flows.assign(leg="road")), load_standards())) == []
    )
    nameless = run.flows.assign(leg=pd.Categorical([None] * len(run.flows), categories=["road"]))
    assert _differing(plain, measure(replace(bare, flows=nameless), load_standards())) == []


def test_people_of_unknown_age_move_but_have_no_cell(run: SyntheticRun) -> None:
    flows = run.flows.copy()
    unknown = flows["age_band"] == "60+"
    flows["age_band"] = flows["age_band"].where(~unknown, "not recorded")
    found, whole = measure(replace(run, flows=flows), load_standards()), measure(run, load_standards())
    assert np.allclose(_from_place_to_place(found), _from_place_to_place(whole))
    lost = (whole.heads["crossings"] - found.heads["crossings"])[:, :, :5].sum()
    entered = flows["from_country"] != flows["to_country"]
    assert lost == pytest.approx(flows.loc[unknown & entered, "persons"].sum())


def test_a_run_without_flows_or_without_stocks_is_counted(run: SyntheticRun) -> None:
    """Nobody stays where nobody was counted; crossings are counted all the same, and the other way round."""
    whole = measure(run, load_standards())
    still = measure(replace(run, flows=run.flows.iloc[:0]), load_standards())
    moving = measure(replace(run, stocks=run.stocks.iloc[:0]), load_standards())
    assert still.heads["person_days"].sum() == pytest.approx(whole.heads["person_days"].sum(), rel=1e-5)
    assert moving.heads["crossings"].sum() == pytest.approx(whole.heads["crossings"].sum(), rel=1e-5)
    assert not still.heads["crossings"].any()
    assert not moving.heads["person_days"].any()
