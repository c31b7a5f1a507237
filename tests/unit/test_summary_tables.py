"""Tables printed at the end of a run."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pandas as pd
import pytest

from sim.results import nationality_table
from sim.results.reduce import nationality_counts
from sim.results.summary import counted_months


def _rows() -> pd.DataFrame:
    return pd.DataFrame(
        [
            ("darien", "2022-01", "VEN", 110.0, 100.0),
            ("darien", "2022-02", "VEN", 90.0, 100.0),
            ("darien", "2022-03", "VEN", 500.0, None),
            ("darien", "2022-01", "HTI", 30.0, 20.0),
            ("darien", "2022-01", "ALL", 140.0, 120.0),
            ("mexico", "2022-01", "CUB", 5.0, 0.0),
        ],
        columns=["border", "month", "nationality", "median", "observed"],
    )


def _counts() -> pd.DataFrame:
    """Two replicates of the months with a count, as they are added up."""
    rows = [(0, "darien", "VEN", 190.0), (1, "darien", "VEN", 210.0), (0, "darien", "HTI", 30.0)]
    return pd.DataFrame(rows, columns=["replicate", "border", "nationality", "persons"])


def test_only_months_with_a_count_are_added() -> None:
    """A month nobody counted is in neither sum, and totals of all nationalities are not a nationality."""
    table = nationality_table(_rows(), _counts(), 2).set_index("nationality")
    assert list(table.index) == ["VEN", "HTI"]
    venezuela = cast("pd.Series", table.loc["VEN", ["months", "simulated", "observed"]])
    assert venezuela.tolist() == [2, 200.0, 200.0]
    assert table.loc["VEN", "difference_percent"] == 0.0
    assert table.loc["HTI", "observed"] == 20.0


def test_totals_carry_an_interval_and_an_empty_replicate_is_nought() -> None:
    """The interval is that of the sums over replicates; nobody in a replicate counts as 0."""
    table = nationality_table(_rows(), _counts(), 2).set_index("nationality")
    rows = table[["lo90", "simulated", "hi90"]].to_numpy().tolist()
    assert rows == [pytest.approx([191.0, 200.0, 209.0]), pytest.approx([1.5, 15.0, 28.5])]


def test_the_largest_come_first_and_no_more_than_asked() -> None:
    """The largest observed are shown."""
    assert nationality_table(_rows(), _counts(), 2, most=1)["nationality"].tolist() == ["VEN"]


def test_counts_are_added_over_the_months_with_a_count(tmp_path: Path) -> None:
    """Of the crossings of a run folder, only months that somebody counted are added up."""
    frame = (
        _rows()
        .rename(columns={"median": "persons"})
        .assign(replicate=0)[["replicate", "border", "month", "nationality", "persons"]]
    )
    path = tmp_path / "crossings.parquet"
    frame.astype({"replicate": "int32"}).to_parquet(path, index=False)
    made = nationality_counts(path, counted_months(_rows()))
    found = made.set_index("nationality")["persons"].to_dict()
    assert found == {"VEN": 200.0, "HTI": 30.0, "CUB": 5.0}
