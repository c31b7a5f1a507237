"""The two-page brief: two pages, two languages, honest numbers."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import fields, replace
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from calibration.hindcast import ARCHIVE
from sim.errors import DataError
from sim.needs import Needs, estimate
from sim.report import Brief
from sim.report import brief as write
from sim.report.twopage import needs_reading, skill
from sim.report.words import LANGUAGES
from tests.report_fixture import SyntheticRun, make_run

Writer = Callable[..., Brief]
COUNTRIES = ("HND", "PAN", "CRI", "ALL")


@pytest.fixture(scope="module")
def run() -> SyntheticRun:
    return make_run(replicates=3, months=24)


@pytest.fixture(scope="module")
def needs(run: SyntheticRun) -> dict[str, Needs]:
    return {lang: estimate(run, lang=lang) for lang in LANGUAGES}


@pytest.fixture
def brief(needs: dict[str, Needs]) -> Callable[..., Brief]:
    """Write a brief with the estimate already made (a new one for each takes seconds)."""

    def with_needs(run: SyntheticRun, country: str = "ALL", lang: str = "en", **options: Any) -> Brief:  # noqa: ANN401
        return write(run, country, lang, **{"needs": needs[lang], **options})

    return with_needs


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
def test_two_pages_in_both_forms(
    country: str, lang: str, run: SyntheticRun, brief: Writer, tmp_path: Path
) -> None:
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


def test_even_a_crowded_brief_has_two_pages(run: SyntheticRun, brief: Writer, tmp_path: Path) -> None:
    pages = brief(run, "PAN", "es")
    crowded = replace(pages, overlay=pages.overlay * 20, sources=pages.sources * 8, groups=pages.groups * 4)
    assert page_count(crowded.save(tmp_path / "crowded.pdf")) == 2


@pytest.mark.parametrize("country", COUNTRIES)
def test_spanish_is_complete(country: str, run: SyntheticRun, brief: Writer) -> None:
    english = set(texts(brief(run, country, "en")))
    spanish = texts(brief(run, country, "es"))
    shared = {text for text in spanish if text in english and len(text) > 25}
    names = re.compile(r"[A-ZÁ-Ú0-9][\w·./-]*(?:[ ,;]+(?:y |· )?[A-ZÁ-Ú0-9h·][\w·./-]*)*")
    assert not {text for text in shared if not names.fullmatch(text)}


def test_numbers_are_published_not_raw(run: SyntheticRun, brief: Writer) -> None:
    pages = brief(run, "PAN", "en")
    entries = int(pages.headlines[0].value.replace(",", ""))
    assert entries % 100 == 0
    assert len(pages.headlines) == 5
    last = run.flows[(run.flows["to_country"] == "PAN") & (run.flows["from_country"] != "PAN")]
    true = (
        last[last["period_start"] == last["period_start"].max()]
        .groupby("replicate")["persons"]
        .sum()
        .median()
    )
    assert entries == pytest.approx(true, rel=0.01)


def test_few_people_are_not_told_apart(run: SyntheticRun, brief: Writer) -> None:
    flows = run.flows.copy()
    flows["persons"] = (flows["to_place"].eq("danli") & flows["age_band"].eq("18-59")).astype(int)
    pages = brief(replace(run, flows=flows), "HND", "en")
    assert pages.headlines[0].value in ("fewer than 15", "10", "20")
    assert pages.directions == () or all("(" in bar.text for bar in pages.directions)
    assert all(row.persons != "2" for row in pages.groups)


def test_the_light_follows_its_rule(run: SyntheticRun, brief: Writer) -> None:
    quiet, loud = run.flows.copy(), run.flows.copy()
    last = run.flows["period_start"].max()
    quiet.loc[quiet["period_start"] == last, "persons"] //= 3
    loud.loc[loud["period_start"] == last, "persons"] *= 3
    assert brief(replace(run, flows=quiet), "PAN").trigger.level == "green"
    assert brief(replace(run, flows=loud), "PAN").trigger.level == "red"
    assert brief(run, "PAN", month="2021-02").trigger.level == "unknown"


def test_empty_states_are_sentences_not_numbers(
    run: SyntheticRun, brief: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(skill, "provided", lambda _: pd.DataFrame())
    pages = brief(run, "PAN", "en")
    assert pages.scenarios == ()
    assert "--beside" in pages.scenarios_note
    assert "fit and not forecast skill" in pages.skill_note
    unseen = replace(run, summary=run.summary.assign(observed=float("nan")))
    assert brief(unseen, "PAN", "en").skill == ()
    assert "caution" in brief(unseen, "PAN", "en").skill_note


def test_scenarios_stand_side_by_side(run: SyntheticRun, brief: Writer) -> None:
    more = make_run(replicates=3, months=24, name="what_if/more", factor=1.5)
    pages = brief(run, "PAN", "en", beside=[more])
    assert [row.name for row in pages.scenarios] == ["history/baseline", "what_if/more"]
    assert pages.scenarios[0].entries != pages.scenarios[1].entries


def test_scored_forecasts_replace_the_fit(run: SyntheticRun, brief: Writer) -> None:
    scored = pd.DataFrame(
        [{"border": "darien", "inside_share": 0.88, "error": 0.21, "relative_to_naive": 0.74}]
    )
    pages = brief(run, "PAN", "en", skill=scored)
    assert pages.skill[0].naive == "0.74"
    assert "Forecasts made before" in pages.skill_note


def test_the_skill_box_holds_the_last_archived_forecast_and_what_happened(
    run: SyntheticRun, brief: Writer
) -> None:
    archive = pd.read_parquet(ARCHIVE / "hindcast.parquet")
    archive = archive[(archive["scenario"] == "known_rules") & (archive["nationality"] == "ALL")]
    archive = archive[(archive["target"] == "honduras") & (archive["period"] <= "2022-12")]
    made = archive[archive["origin"] == archive["period"].map(lambda m: str(pd.Period(m, "M") - 1))].iloc[-1]
    first = brief(run, "HND", "en", month="2022-12").skill[0]
    assert first.label.startswith("Honduras")
    assert int(first.seen.replace(",", "")) == pytest.approx(made["observed"], rel=0.01)
    numbers = [int(n.replace(",", "")) for n in re.findall(r"\d[\d,]*", first.forecast.partition(": ")[2])]
    assert numbers == pytest.approx([made["q0.5"], made["q0.05"], made["q0.95"]], rel=0.03)
    assert f"{pd.Timestamp(made['period']):%b %Y}" in first.forecast


def test_numbers_of_page_one_have_intervals(run: SyntheticRun, brief: Writer) -> None:
    pages = brief(run, "PAN", "en")
    assert all(row.interval and row.change for row in pages.headlines)
    assert all("80 %" in bar.text for bar in pages.directions)
    assert all("–" in row.interval for row in pages.groups if row.share)
    for row in pages.sectors:
        assert bool(row.usd_range) == (row.usd != "–"), row.sector
        assert bool(row.units_range) == (row.units != "–"), row.sector


def test_hazards_of_the_month_are_named(run: SyntheticRun, brief: Writer) -> None:
    storm = SimpleNamespace(
        id="storm",
        instrument="hazard",
        start=pd.Timestamp("2022-10-09").date(),
        end=pd.Timestamp("2022-11-30").date(),
        title={"en": "Invented Storm", "es": "Tormenta Inventada"},
        countries=("HND",),
        intensity=1.0,
    )
    scenario = SimpleNamespace(**{**vars(run.scenario), "policies": [storm]})
    pages = brief(replace(run, scenario=scenario), "HND", "es", month="2022-10")
    assert any("Tormenta Inventada" in line for line in pages.overlay)
    assert not any(
        "Invented" in line for line in brief(replace(run, scenario=scenario), "PAN", month="2022-10").overlay
    )


@pytest.mark.parametrize(("country", "month"), [("XXX", None), ("PAN", "2031-01")])
def test_unknown_country_or_month_is_refused(
    country: str, month: str | None, run: SyntheticRun, brief: Writer
) -> None:
    with pytest.raises(DataError, match="expected"):
        brief(run, country, month=month)


def test_other_endings_are_refused(run: SyntheticRun, brief: Writer, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"\.pdf"):
        brief(run, "PAN").save(tmp_path / "brief.docx")


def test_the_same_run_makes_the_same_file(run: SyntheticRun, brief: Writer, tmp_path: Path) -> None:
    one = brief(run, "PAN").save(tmp_path / "a.pdf").read_bytes()
    assert one == brief(run, "PAN").save(tmp_path / "b.pdf").read_bytes()


@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="pdftotext is not installed")
def test_the_pdf_can_be_searched(run: SyntheticRun, brief: Writer, tmp_path: Path) -> None:
    path = brief(run, "PAN", "es").save(tmp_path / "a.pdf")
    words = subprocess.run(["pdftotext", path, "-"], capture_output=True, text=True, check=True).stdout
    assert "Panamá: personas en movilidad" in words
    assert "página 2 de 2" in words


def test_the_model_is_frozen(run: SyntheticRun, brief: Writer) -> None:
    pages = brief(run, "PAN")
    assert isinstance(pages, Brief)
    with pytest.raises(AttributeError):
        pages.title = "other"  # type: ignore[misc]


def test_people_upstream_are_known_for_earlier_months_too(run: SyntheticRun, brief: Writer) -> None:
    pages = brief(run, "HND", "en", month="2022-06")
    assert [row.label for row in pages.upstream] == ["under 2 weeks", "2 to 8 weeks", "over 8 weeks"]
    assert pages.headlines[4].value == pages.upstream[1].persons


def test_needs_come_with_interval_money_lead_and_finding(run: SyntheticRun, brief: Writer) -> None:
    pages = brief(run, "PAN", "en")
    rows = {row.sector: row for row in pages.sectors}
    water = rows["Water, sanitation and hygiene"]
    assert "m³" in water.units
    assert "–" in water.interval
    assert water.usd != "–"
    assert water.flag == "duplication"
    assert "R4V" in water.lead
    assert pages.matrix.columns[0] == "Sector"
    assert len(pages.matrix.rows) > 10
    assert "R4V" in pages.facts[2].text


def test_violence_and_trafficking_are_regional_only(run: SyntheticRun, brief: Writer) -> None:
    for country, shown in (("PAN", False), ("ALL", True)):
        rows = {row.sector: row for row in brief(run, country, "en").sectors}
        for name in ("Gender-based violence", "Trafficking and smuggling"):
            assert rows[name].in_need.replace(",", "").isdigit() == shown


def test_a_run_that_needs_cannot_read_still_has_a_brief(
    run: SyntheticRun, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def refuse(*_: object) -> None:
        message = "no such table"
        raise DataError(message)

    monkeypatch.setattr(needs_reading, "needs_of", refuse)
    pages = write(run, "PAN", "en")
    assert pages.sectors == ()
    assert "travesia needs" in pages.sectors_note
    assert [row.value for row in pages.headlines].count("not available") == 2
    assert pages.upstream_note.startswith("Not known")
    assert "R4V" in pages.facts[2].text
    assert page_count(pages.save(tmp_path / "b.pdf")) == 2
