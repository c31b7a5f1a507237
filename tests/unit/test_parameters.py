"""Every parameter of the world is read by code that exists, and every one the code asks for is there."""

from __future__ import annotations

import csv
import importlib
import inspect
import re
from pathlib import Path

import pytest

from sim.plan.plan import UNITS

ROOT = Path(__file__).resolve().parents[2]
WORLD = ROOT / "scenarios" / "world" / "americas"
with (WORLD / "parameters.csv").open(encoding="utf-8", newline="") as table:
    ROWS = {row["id"]: row for row in csv.DictReader(table)}
with (WORLD / "borders.csv").open(encoding="utf-8", newline="") as table:
    DETECTION = {row["detection_parameter"] for row in csv.DictReader(table)}


def asked_for(text: str) -> set[str]:
    """Ids that a piece of code takes out of the parameters."""
    names = set(re.findall(r'parameters\.get\(\s*f?"([\w{}]+)"', text)) | set(
        re.findall(r'return "(\w+)"', text)
    )
    for unit in UNITS:
        names |= {name.replace("{unit}", unit) for name in names if "{unit}" in name}
    return {name for name in names if "{" not in name}


@pytest.mark.parametrize("name", sorted(ROWS))
def test_a_parameter_is_read_where_it_says(name: str) -> None:
    module, _, attribute = ROWS[name]["used_by"].partition(":")
    user = importlib.import_module(module)
    assert callable(getattr(user, attribute))
    read = asked_for(inspect.getsource(user))
    if "detection_parameter" in inspect.getsource(user):
        read |= DETECTION
    assert name in read


def test_the_plan_asks_for_no_parameter_that_is_not_there() -> None:
    code = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "sim" / "plan").glob("*.py"))
    wanted = set(re.findall(r'parameters\.get\(\s*"(\w+)"', code))
    assert wanted
    assert wanted <= set(ROWS)


@pytest.mark.parametrize("name", sorted(ROWS))
def test_a_parameter_states_its_range_and_source(name: str) -> None:
    row = ROWS[name]
    assert float(row["low"]) <= float(row["default"]) <= float(row["high"])
    assert row["unit"]
    assert row["source"]
    assert row["description"]
