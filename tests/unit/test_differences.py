"""What `travesia compare` says of a world of one's own, by country and outcome, and its options."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from sim import compare
from sim.cli.main import call
from sim.spec import load_scenario
from tests.unit.spec_worlds import TWO_ROADS, two_roads


def _pair(**behind: Any) -> tuple[Any, Any]:  # noqa: ANN401
    shut = two_roads()
    shut |= {
        "name": "shut",
        "policies": [{"id": "p", "instrument": "closure", "legs": ["A-B"], "start": "2023-01-01"}],
    }
    calm = two_roads() | {"name": "calm", "policies": []}
    return load_scenario(calm | behind), load_scenario(shut | behind)


def test_a_world_without_borders_has_differences_by_country() -> None:
    """Nobody enters Panama once its only road is shut: the difference is the base, with an interval, in every period."""
    done = compare(*_pair(), replicates=3)
    table = done.differences
    assert list(table.columns[:6]) == ["other", "measure", "border", "country", "nationality", "period"]
    entries = table.query("measure == 'entries' and country == 'PAN' and nationality == 'ALL'").set_index(
        "period"
    )
    came = done.base.flows.query("to_country == 'PAN'").groupby("replicate")["persons"].sum()
    assert entries.loc["ALL", "base_median"] == came.median()
    assert entries.loc["ALL", "median"] == -came.median()
    low, high = (entries[name].to_dict()["ALL"] for name in ("lo90", "hi90"))
    assert low <= high < 0
    months = entries[entries.index.str.len() == 7]
    assert len(months) >= 3
    assert set(entries.index) == {*months.index, "2023", "ALL"}
    days = table.query(
        "measure == 'person_days' and country == 'PAN' and period == 'ALL' and nationality == 'VEN'"
    )
    there = done.base.stocks.query("country == 'PAN'").groupby("replicate")["person_days"].sum()
    assert days["base_median"].iloc[0] == there.median()
    assert days["unit"].iloc[0] == "person-days"
    ended = table[table["measure"].isin(["arrived", "on_route"]) & (table["nationality"] == "ALL")]
    assert set(ended["period"]) == {"ALL"}
    assert ended["median"].sum() == 0  # as many people depart


def test_compare_takes_the_options_of_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    base, other = tmp_path / "calm.yaml", tmp_path / "open.yaml"
    base.write_text(TWO_ROADS, encoding="utf-8")
    other.write_text(
        TWO_ROADS.replace("name: two_roads", "name: open").split("policies:")[0], encoding="utf-8"
    )
    words = [
        "compare",
        str(base),
        str(other),
        "--replicates",
        "2",
        "--scale",
        "1",
        "--out",
        str(tmp_path / "out"),
    ]
    assert call([*words, "--engine", "agent"]) == 2
    assert "there is no engine 'agent'" in capsys.readouterr().err
    assert call([*words, "--engine", "expected", "--daily", "--workers", "1", "--lang", "en"]) == 0
    assert "arrived" in capsys.readouterr().out
    flows = pd.read_parquet(tmp_path / "out" / "open" / "flows.parquet")
    assert flows["period_start"].dt.day.nunique() > 20
    assert call([*words, "--engine", "expected", "--daily"]) != 0  # it is there
    assert call([*words, "--engine", "expected", "--daily", "--resume"]) == 0
    assert len(pd.read_parquet(tmp_path / "out" / "differences.parquet"))


def test_what_is_refused_before_anybody_moves_exits_with_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A folder that is taken, an address that is none, a run too large for memory: refused input, nothing ran."""
    scenario, out = tmp_path / "two.yaml", tmp_path / "out"
    scenario.write_text(TWO_ROADS, encoding="utf-8")
    words = ["run", str(scenario), "--no-figures", "--engine", "expected", "--lang", "en", "--out"]
    assert call([*words, str(out)]) == 0
    assert call([*words, str(out)]) == 2
    assert "holds a complete run" in capsys.readouterr().err
    assert call([*words, str(tmp_path / "new"), "--scheduler", "nonsense"]) == 2
    told = capsys.readouterr().err
    assert "'nonsense' is no address of a Dask scheduler" in told
    assert "Traceback" not in told
    assert not (tmp_path / "new").exists()
    large = scenario.with_name("large.yaml")
    large.write_text(TWO_ROADS.replace("per_day: 100", "per_day: 900000000"), encoding="utf-8")
    assert call(["run", str(large), "--lang", "en", "--out", str(tmp_path / "new")]) == 2
    assert "memory" in capsys.readouterr().err
