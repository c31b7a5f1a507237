"""Every notebook runs from top to bottom without a warning, and its page in the docs is that of the notebook."""

from __future__ import annotations

import importlib
import re
import sys
from pathlib import Path
from typing import Any

import jupytext
import pytest

DOCS = Path(__file__).parents[2] / "docs"
LARGEST_PAGE_BYTES, LARGEST_FIGURE_BYTES = 30_000, 150_000
#: Parts of a lesson, in the order in which they come.
PARTS = ("**Question.**", "**What we do.**", "**What it cannot say.**")


def runner() -> Any:
    sys.path.insert(0, str(DOCS))
    try:
        return importlib.import_module("run_notebooks")
    finally:
        sys.path.remove(str(DOCS))


RUNNER = runner()


def test_there_are_eight_lessons() -> None:
    assert [path.stem[:2] for path in RUNNER.NOTEBOOKS] == [f"{n:02d}" for n in range(1, 9)]


@pytest.mark.notebook
@pytest.mark.timeout(600)
@pytest.mark.filterwarnings("default")  # those of the kernel's client; the notebook's own are looked at below
@pytest.mark.parametrize("path", RUNNER.NOTEBOOKS, ids=lambda path: str(path.stem))
def test_a_notebook_runs_and_shows_something(path: Path) -> None:
    done = RUNNER.execute(path)
    assert not list(RUNNER.faults(done))
    outputs = [output for cell in done["cells"] for output in cell.get("outputs", [])]
    kinds = {kind for output in outputs for kind in output.get("data", {})}
    assert "image/png" in kinds
    spoken = [
        str(output["data"]["text/markdown"])
        for output in outputs
        if "text/markdown" in output.get("data", {})
    ]
    assert spoken
    assert re.search(r"\d", spoken[0])
    assert not re.search(r"\bnan\b", " ".join(spoken))


@pytest.mark.parametrize("path", RUNNER.NOTEBOOKS, ids=lambda path: str(path.stem))
def test_a_notebook_is_a_lesson_without_outputs(path: Path) -> None:
    notebook = jupytext.read(path)
    assert not any(cell.get("outputs") for cell in notebook["cells"])
    text = "\n".join(source for kind, source in RUNNER.parts(notebook) if kind == "markdown")
    places = [text.find(part) for part in PARTS]
    assert places == sorted(places)
    assert places[0] > 0


@pytest.mark.parametrize("path", RUNNER.NOTEBOOKS, ids=lambda path: str(path.stem))
def test_the_page_is_that_of_the_notebook(path: Path) -> None:
    page = RUNNER.PAGES / f"{path.stem}.md"
    text = page.read_text(encoding="utf-8")
    assert len(text) < LARGEST_PAGE_BYTES
    for kind, source in RUNNER.parts(jupytext.read(path)):
        wanted = source if kind == "markdown" else f"```py\n{source}\n```"
        assert wanted in text, f"run `make notebooks`: {page.name} is older than its notebook"
    figures = re.findall(r"\]\(([^)]+\.png)\)", text)
    assert figures
    for name in figures:
        assert (page.parent / name).stat().st_size < LARGEST_FIGURE_BYTES
