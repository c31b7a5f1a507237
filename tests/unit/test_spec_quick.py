"""Shipped files read the quick way: the same values, kinds and lines as the general parser gives, and its messages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sim.errors import ScenarioError
from sim.spec import library, reading
from sim.spec.library import library_root
from sim.spec.quick import quick_nodes
from sim.spec.reading import Row, read_text, read_yaml

FILES = sorted(library_root().rglob("*.yaml"))


def told(value: object) -> Any:
    """A value with its type, and every mapping with its file and lines."""
    if isinstance(value, Row):
        return (value.file, value.line, value.lines, [(key, told(held)) for key, held in value.items()])
    if isinstance(value, list):
        return [told(held) for held in value]
    return type(value).__name__, value


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_shipped_file_is_read_the_same_both_ways(path: Path) -> None:
    text = read_text(path)
    assert quick_nodes(text) is not None, "left to the general parser: it starts slowly"
    assert told(read_yaml(text, path.name, shipped=True)) == told(read_yaml(text, path.name))


def test_words_mean_what_they_mean_to_the_general_parser() -> None:
    """`NO` is a country, not a refusal; a day is a day; quotes make text; what is pointed at is the same."""
    text = """
a: [NO, no, yes, on, 'no', true, 2023-01-31, '2023-01-31', 1_000, 0o14, 014, 1e3, .5, 12:30:00, ~, -1]
b: &held
  k: >-
    two
    lines
  'no': {x: 1, y: [2]}
c: [*held, *held]
? d
: |
  kept
"""
    quick, general = (told(read_yaml(text, "x.yaml", shipped=shipped)) for shipped in (True, False))
    assert quick == general
    assert quick_nodes(text) is not None
    assert ("str", "NO") in dict(quick[3])["a"]


@pytest.mark.parametrize(
    "text",
    ["a: !!str 1", "%YAML 1.1\n---\na: no", "a: 1\n---\nb: 2", "", "a: *nowhere", "[" * 100 + "]" * 100],
)
def test_what_is_unusual_is_left_to_the_general_parser(text: str) -> None:
    assert quick_nodes(text) is None


def test_a_fault_in_a_shipped_file_names_file_and_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(library, "library_root", lambda: tmp_path)
    (tmp_path / "broken.yaml").write_text("a: 1\nb: [1, 2\nc: 3\n", encoding="utf-8")
    (tmp_path / "twice.yaml").write_text("a: 1\nb: 2\na: 3\n", encoding="utf-8")
    with pytest.raises(ScenarioError) as caught:
        library.file_yaml(tmp_path / "broken.yaml", "broken.yaml")
    assert caught.value.problems[0].where == "broken.yaml:3"
    with pytest.raises(ScenarioError, match="twice.yaml:3: the key 'a' is written twice"):
        library.file_yaml(tmp_path / "twice.yaml", "twice.yaml")


def test_a_file_of_a_user_is_read_by_the_general_parser(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The scanner behind the quick way has no bound on nesting: only what is shipped meets it."""

    def never(_text: str) -> None:
        raise AssertionError

    monkeypatch.setattr(reading, "quick_nodes", never)
    (tmp_path / "mine.yaml").write_text("a: 1\n", encoding="utf-8")
    assert library.file_yaml(tmp_path / "mine.yaml", "mine.yaml") == {"a": 1}
    with pytest.raises(AssertionError):
        library.file_yaml(FILES[0], "x")
