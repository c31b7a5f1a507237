"""The two-page brief: two pages, two languages, honest numbers."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import fields, replace
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from sim.errors import DataError
from sim.report import Brief, brief
from sim.report.words import LANGUAGES
from tests.report_fixture import SyntheticRun, make_run

COUNTRIES = ("HND", "PAN", "CRI", "ALL")


@pytest.fixture(scope="module")
def run() -> SyntheticRun:
    return make_run(replicates=3, months=24)


class Outside(HTMLParser):
    """Collects what a page would fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.links += [value or "" for name, value in attrs if name in ("src", "href")]


def texts(value: Any) -> list[str]:  # noqa: ANN401 - walks any part of the model
    """Every string of the content model."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, tuple):
        return [text for part in value for text in texts(part)]
    if hasattr(value, "__dataclass_fields__"):
        return [text for field in fields(value) for text in texts(getattr(value, field.name))]
    return []


def page_count(path: Path) -> int:
    return len(re.findall(rb"/Type /Page\b(?!s)", path.read_bytes()))


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("country", COUNTRIES)
def test_two_pages_in_both_forms(country: str, lang: str, run: SyntheticRun, tmp_path: Path) -> None:
    pages = brief(run, country, lang)
    path = pages.save(tmp_path / "brief.pdf")
    assert page_count(path) == 2
    markup = pages.to_html(tmp_path / "brief.html")
    assert markup.count('<section class="page"') == 2
    assert f'<html lang="{lang}">' in markup
    reader = Outside()
    reader.feed(markup)
    assert reader.links == []
    assert "url(" not in markup


def test_even_a_crowded_brief_has_two_pages(run: SyntheticRun, tmp_path: Path) -> None:
    pages = brief(run, "PAN", "es")
    crowded = replace(pages, overlay=pages.overlay * 20, sources=pages.sources * 8, groups=pages.groups * 4)
    assert page_count(crowded.save(tmp_path / "crowded.pdf")) == 2


@pytest.mark.parametrize("country", COUNTRIES)
def test_spanish_is_complete(country: str, run: SyntheticRun) -> None:
    english = set(texts(brief(run, country, "en")))
    spanish = texts(brief(run, country, "es"))
    shared = {text for text in spanish if text in english and len(text) > 25}
    names = ("Travesía 0.1.0 · ",)
    assert not {text for text in shared if not text.startswith(names)}


def test_numbers_are_published_not_raw(run: SyntheticRun) -> None:
    pages = brief(run, "PAN", "en")
    entries = int(pages.headlines[0].value.replace(",", ""))
    assert entries % 100 == 0
    assert len(pages.headlines) == 5
    last = run.flows[(run.flows["to_country"] == "PAN") & (run.flows["from_country"] != "PAN")]
    true = last[last["period_start"] == last["period_start"].max()].groupby("replicate")["persons"].sum().median()
    assert entries == pytest.approx(true, rel=0.01)


def test_few_people_are_not_told_apart(run: SyntheticRun) -> None:
    flows = run.flows.copy()
    flows["persons"] = (flows["to_place"].eq("danli") & flows["age_band"].eq("18-59")).astype(int)
    pages = brief(replace(run, flows=flows), "HND", "en")
    assert pages.headlines[0].value in ("fewer than 15", "10", "20")
    assert pages.directions == () or all("(" in bar.text for bar in pages.directions)
    assert all(row.persons != "2" for row in pages.groups)


def test_the_light_follows_its_rule(run: SyntheticRun) -> None:
    quiet, loud = run.flows.copy(), run.flows.copy()
    last = run.flows["period_start"].max()
    quiet.loc[quiet["period_start"] == last, "persons"] //= 3
    loud.loc[loud["period_start"] == last, "persons"] *= 3
    assert brief(replace(run, flows=quiet), "PAN").trigger.level == "green"
    assert brief(replace(run, flows=loud), "PAN").trigger.level == "red"
    assert brief(run, "PAN", month="2021-02").trigger.level == "unknown"


def test_empty_states_are_sentences_not_numbers(run: SyntheticRun) -> None:
    pages = brief(run, "PAN", "en")
    assert pages.scenarios == ()
    assert "--beside" in pages.scenarios_note
    unseen = replace(run, summary=run.summary.assign(observed=float("nan")))
    assert brief(unseen, "PAN", "en").skill == ()
    assert "caution" in brief(unseen, "PAN", "en").skill_note


def test_scenarios_stand_side_by_side(run: SyntheticRun) -> None:
    more = make_run(replicates=3, months=24, name="what_if/more", factor=1.5)
    pages = brief(run, "PAN", "en", beside=[more])
    assert [row.name for row in pages.scenarios] == ["history/baseline", "what_if/more"]
    assert pages.scenarios[0].entries != pages.scenarios[1].entries


def test_scored_forecasts_replace_the_fit(run: SyntheticRun) -> None:
    skill = pd.DataFrame([{"border": "darien", "inside_share": 0.88, "error": 0.21, "relative_to_naive": 0.74}])
    pages = brief(run, "PAN", "en", skill=skill)
    assert pages.skill[0].naive == "0.74"
    assert "Forecasts made before" in pages.skill_note


def test_hazards_of_the_month_are_named(run: SyntheticRun) -> None:
    storm = SimpleNamespace(
        id="julia",
        instrument="hazard",
        start=pd.Timestamp("2022-10-09").date(),
        end=pd.Timestamp("2022-11-30").date(),
        title={"en": "Hurricane Julia", "es": "Huracán Julia"},
        countries=("HND",),
        intensity=1.0,
    )
    scenario = SimpleNamespace(**{**vars(run.scenario), "policies": [storm]})
    pages = brief(replace(run, scenario=scenario), "HND", "es", month="2022-10")
    assert any("Huracán Julia" in line for line in pages.overlay)
    assert not any("Julia" in line for line in brief(replace(run, scenario=scenario), "PAN", month="2022-10").overlay)


@pytest.mark.parametrize(("country", "month"), [("XXX", None), ("PAN", "2031-01")])
def test_unknown_country_or_month_is_refused(country: str, month: str | None, run: SyntheticRun) -> None:
    with pytest.raises(DataError, match="expected"):
        brief(run, country, month=month)


def test_other_endings_are_refused(run: SyntheticRun, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"\.pdf"):
        brief(run, "PAN").save(tmp_path / "brief.docx")


def test_the_same_run_makes_the_same_file(run: SyntheticRun, tmp_path: Path) -> None:
    one = brief(run, "PAN").save(tmp_path / "a.pdf").read_bytes()
    assert one == brief(run, "PAN").save(tmp_path / "b.pdf").read_bytes()


@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="pdftotext is not installed")
def test_the_pdf_can_be_searched(run: SyntheticRun, tmp_path: Path) -> None:
    path = brief(run, "PAN", "es").save(tmp_path / "a.pdf")
    words = subprocess.run(["pdftotext", path, "-"], capture_output=True, text=True, check=True).stdout
    assert "Panamá: personas en movilidad" in words
    assert "página 2 de 2" in words


def test_the_model_is_frozen(run: SyntheticRun) -> None:
    pages = brief(run, "PAN")
    assert isinstance(pages, Brief)
    with pytest.raises(AttributeError):
        pages.title = "other"  # type: ignore[misc]
