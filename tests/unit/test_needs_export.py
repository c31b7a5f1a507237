"""Files of the needs are there whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from sim.errors import DataError
from sim.needs.export import whole, write_csv, write_parquet


@pytest.mark.parametrize("write", [write_csv, write_parquet])
def test_a_file_that_cannot_be_written_is_refused_and_leaves_nothing(write: object, tmp_path: Path) -> None:
    taken = tmp_path / "needs"
    taken.mkdir()
    (taken / "kept.txt").write_text("kept")
    assert callable(write)
    with pytest.raises(DataError, match=r"cannot write .*needs"):
        write(pd.DataFrame({"country": ["PAN"]}), taken)
    assert [path.name for path in tmp_path.iterdir()] == ["needs"]
    assert (taken / "kept.txt").read_text() == "kept"


def test_what_was_there_stays_until_all_is_written(tmp_path: Path) -> None:
    target = tmp_path / "new" / "table.csv"
    with whole(target) as part:
        part.write_text("first")
    with pytest.raises(DataError, match="no room"), whole(target) as part:  # noqa: PT012 - both lines are one write
        part.write_text("half")
        raise OSError("no room")
    assert target.read_text() == "first"
    assert [path.name for path in target.parent.iterdir()] == ["table.csv"]
