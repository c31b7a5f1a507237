"""Briefs of a real run: exactly two pages in either language, nothing cut off, no English in the Spanish ones."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sim import load_scenario, run
from sim.needs import Needs, estimate
from sim.report import brief
from sim.report.words import LANGUAGES, table

if TYPE_CHECKING:
    from sim.results import Run

COUNTRIES = ("HND", "PAN", "CRI", "ALL")
SCALE, REPLICATES = 0.05, 2


@pytest.fixture(scope="module")
def baseline(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("briefs") / "run"
    return run(
        load_scenario("history/baseline"), replicates=REPLICATES, scale=SCALE, seed=1, workers=1, out=folder
    )


@pytest.fixture(scope="module")
def needs(baseline: Run) -> dict[str, Needs]:
    return {lang: estimate(baseline, lang=lang) for lang in LANGUAGES}


def page_words(path: Path, page: int) -> str:
    command = ["pdftotext", "-f", str(page), "-l", str(page), "-layout", str(path), "-"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("country", COUNTRIES)
def test_a_brief_fits_on_exactly_two_pages(
    country: str, lang: str, baseline: Run, needs: dict[str, Needs], tmp_path: Path
) -> None:
    pages = brief(baseline, country, lang, needs=needs[lang])
    path = pages.save(tmp_path / f"{country}-{lang}.pdf")
    assert len(re.findall(rb"/Type /Page\b(?!s)", path.read_bytes())) == 2
    assert len(pages.headlines) == 5
    assert all(row.interval and row.change for row in pages.headlines)
    assert len(pages.sectors) >= 10
    assert len(pages.skill) >= 3
    if shutil.which("pdftotext") is None:
        return
    first, second = page_words(path, 1), page_words(path, 2)
    assert pages.title in first
    assert pages.groups_note.split(".")[0] in " ".join(first.split())
    assert pages.correct.split(".")[0].split()[-1] in second
    if lang == "es":
        english = {row["en"] for row in table().values() if row["en"] != row["es"] and len(row["en"]) > 6}
        left = {words for words in english if re.search(rf"\b{re.escape(words)}\b", first + second)}
        assert not left
