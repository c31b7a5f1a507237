"""Tables printed at the end of a run."""

from __future__ import annotations

from typing import cast

import pandas as pd

from sim.results import nationality_table


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


def test_only_months_with_a_count_are_added() -> None:
    """A month nobody counted is in neither sum, and totals of all nationalities are not a nationality."""
    table = nationality_table(_rows()).set_index("nationality")
    assert list(table.index) == ["VEN", "HTI"]
    venezuela = cast("pd.Series", table.loc["VEN", ["months", "simulated", "observed"]])
    assert venezuela.tolist() == [2, 200.0, 200.0]
    assert table.loc["VEN", "difference_percent"] == 0.0
    assert table.loc["HTI", "difference_percent"] == 50.0


def test_the_largest_come_first_and_no_more_than_asked() -> None:
    """The largest observed are shown."""
    assert nationality_table(_rows(), most=1)["nationality"].tolist() == ["VEN"]
