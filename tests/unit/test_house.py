"""The walls of the house that no linter measures."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("sim", "scenarios", "calibration")
LONGEST_FILE = 600
LONGEST_FUNCTION = 80
IN_ONE_PIECE = {"move_one"}
"""The kernel that moves one unit by everything that may become of it."""

SOURCES = [path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))]


def functions(text: str) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno is not None:
            yield node.name, node.end_lineno - node.lineno + 1


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_files_and_functions_stay_short(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    lines = text.count("\n")
    assert lines <= LONGEST_FILE, f"{lines} lines; split the file"
    too_long = [
        f"{name} ({length} lines)"
        for name, length in functions(text)
        if length > LONGEST_FUNCTION and name not in IN_ONE_PIECE
    ]
    assert not too_long, f"over {LONGEST_FUNCTION} lines: {', '.join(too_long)}"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_module_says_what_it_is_for(path: Path) -> None:
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    assert docstring
    assert docstring != "Placeholder."


@pytest.mark.parametrize("lock", sorted(ROOT.glob("requirements*.lock")), ids=lambda path: path.name)
def test_locks_hold_hashes_and_no_addresses(lock: Path) -> None:
    text = lock.read_text(encoding="utf-8")
    assert "://" not in text
    pins = [block for block in text.split("\n") if "==" in block.partition(";")[0]]
    assert pins
    assert all(pin.endswith("\\") for pin in pins), "a pin without a hash"
