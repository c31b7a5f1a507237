"""The model description: seven elements, and every submodel with equation, units, parameters, code and test that exist."""

from __future__ import annotations

import csv
import importlib
import re
from pathlib import Path
from types import UnionType
from typing import Any

import pytest

from sim.spec import INSTRUMENTS, Departure
from sim.spec.tables import SECTIONS
from sim.spec.world import World

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "odd.md").read_text(encoding="utf-8")
SUBMODELS = {
    part.partition("\n")[0]: part for part in TEXT.partition("## 7. Submodels")[2].split("\n### ")[1:]
}
ELEMENTS = (
    "1. Purpose and patterns",
    "2. Entities, state variables and scales",
    "3. Process overview and scheduling",
    "4. Design concepts",
    "5. Initialization",
    "6. Input data",
    "7. Submodels",
)


def parameters() -> set[str]:
    with (ROOT / "scenarios/world/americas/parameters.csv").open(encoding="utf-8-sig", newline="") as stream:
        return {row["id"] for row in csv.DictReader(stream)}


def fields() -> dict[str, Any]:
    held: dict[str, Any] = {section: model.model_fields for section, (_, model) in SECTIONS.items()}
    held["departures"] = Departure.model_fields
    held["policies"] = {key: 0 for model in INSTRUMENTS.values() for key in model.model_fields}
    held["home_places"] = {"place": 0} if "home_places" in World.model_fields else {}
    return held


def test_all_seven_elements_in_their_order() -> None:
    assert tuple(re.findall(r"^## (.*)$", TEXT, re.MULTILINE)) == ELEMENTS


@pytest.mark.parametrize("reference", sorted(set(re.findall(r"`((?:sim|calibration)\.[\w.]+:\w+)`", TEXT))))
def test_code_references_exist(reference: str) -> None:
    module, _, name = reference.partition(":")
    assert hasattr(importlib.import_module(module), name), reference


@pytest.mark.parametrize("name", sorted(SUBMODELS))
def test_every_submodel_is_complete(name: str) -> None:
    part = SUBMODELS[name]
    assert "- Code: `" in part
    assert "- Test: `" in part
    assert re.search(r"Units?:\s", part), "no units"
    assert re.search(r"`[^`]*[=*(+<].*?`|\d", part), "no equation"
    for path in re.findall(r"- Test: `([\w/.]+)`", part):
        assert (ROOT / path).is_file(), path
    listed = part.partition("- Parameters:")[2].partition("- Test:")[0]
    known, tables = parameters(), fields()
    for one in re.findall(r"`([\w.]+)`", listed):
        section, _, field = one.partition(".")
        found = field in tables[section] if field and section in tables else one in known
        assert found, f"{one} is neither a parameter nor a field"


def test_unions_are_not_mistaken_for_names() -> None:
    assert not any(isinstance(value, UnionType) for value in fields()["departures"])


def test_every_parameter_used_by_the_engines_is_described() -> None:
    used: set[str] = set()
    for path in (ROOT / "sim" / "plan").glob("*.py"):
        used |= set(re.findall(r'parameters\.get\("(\w+)"', path.read_text(encoding="utf-8")))
    missing = {name for name in used if f"`{name}`" not in TEXT}
    assert not missing
    assert used <= parameters()
