"""Names and shares of the brief: no code where a name belongs, no part larger than its whole, no total told by a share."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from sim.report.twopage.build import group_rows
from sim.report.words import LANGUAGES, country_name
from sim.spec import load_scenario


def _facts(**groups: float) -> Any:  # noqa: ANN401
    each = {name: np.full(3, value) for name, value in groups.items()}
    nations = {"VEN": np.full(3, sum(groups.values()) - groups["under5"] - groups["older"] + 40.0)}
    return SimpleNamespace(groups=each, nationalities=nations)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_country_of_the_world_has_a_name(lang: str) -> None:
    codes = {place.country for place in load_scenario("history/baseline").world.places}
    assert {code for code in codes if country_name(code, lang) == code} == set()


def test_a_part_is_never_more_than_the_whole_and_does_not_tell_it() -> None:
    """703 people print as 700; 743 of one nationality, by their own median, as 750: 100 %, not 107 % of 703."""
    run = cast("Any", SimpleNamespace(scenario=load_scenario("history/baseline")))
    rows = group_rows(run, _facts(women=150, men=500, girls=26, boys=27, under5=20, older=20), "en")
    shares = {row.label: row.share for row in rows}
    assert max(shares.values()) == 1.0
    men = next(share for label, share in shares.items() if label.startswith("Men"))
    assert men == 500 / 700
