"""The app as people use it, in Chromium: it opens, answers, runs, compares, hands files out, and stays on this machine."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import openpyxl
import pytest

from sim.spec import load_scenario

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from sim.app.serve import Running
    from tests.app.conftest import Watched

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]  # kernels may have to be compiled first
Tab = Callable[..., "Watched"]

OCTOBER = "Venezuelans: parole from abroad and expulsion at the border"
OPENS_WITHIN_SECONDS = 3.0
WHEN_SHOWN = """new MutationObserver(() => {
    if (!window.shown && document.querySelector('#events li')) window.shown = performance.now();
}).observe(document, {childList: true, subtree: true});"""


def of_text(page: Page, selector: str, pattern: str) -> None:
    """Wait until an element says something."""
    script = "([s, p]) => new RegExp(p).test(document.querySelector(s)?.textContent || '')"
    page.wait_for_function(script, arg=[selector, pattern])


def body_opens(page: Page, part: str) -> None:
    page.wait_for_function("name => !document.getElementById(name).hidden", arg=part)


def small(page: Page, prefix: str = "") -> None:
    """Ask for a small run."""
    page.select_option(f"[id='{prefix}scale']", "0.01")
    page.fill(f"[id='{prefix}replicates']", "2")
    page.wait_for_timeout(300)


def test_the_page_opens_within_three_seconds_and_shows_the_record(tab: Tab) -> None:
    watched = tab()
    watched.page.add_init_script(WHEN_SHOWN)
    took = []
    for _ in range(3):  # the fastest of three: the machine may be busy with something else
        watched.open()
        took.append(watched.page.evaluate("window.shown") / 1000.0)
    assert min(took) < OPENS_WITHIN_SECONDS, f"opened in {took} s"
    of_text(watched.page, "#record-short", "past forecasts")
    assert watched.page.locator("#record-table tbody tr").count() >= 6


def test_a_slider_changes_the_scenario_and_the_preview(tab: Tab, short_file: Path) -> None:
    watched = tab()
    page = watched.open()
    watched.upload(short_file)
    of_text(page, "#base-about", "Sep 2022")
    of_text(page, "#preview-error", "preview")
    before = watched.drawn("preview-graph")
    page.get_by_role("button", name=f"Change: {OCTOBER}").click()
    slider = page.locator("#panel").get_by_role("slider", name="Departures").first
    page.wait_for_function("document.activeElement.id === 'panel-title'")
    slider.fill("1")
    of_text(page, "#changed", "^1 policy changed")
    of_text(page, "#preview-error", "Worked out in")
    lines = {trace["name"]: trace["y"] for trace in watched.traces("preview-graph")}
    assert sum(lines["With your changes"]) > sum(lines["As shipped"]) + 1_000 > 100_000
    assert watched.drawn("preview-graph") != before
    assert "%" in page.inner_text("#preview-error")
    page.get_by_role("button", name="Undo all changes").click()
    of_text(page, "#changed", "Nothing changed")


def test_a_full_run_finishes_and_its_figures_have_data(tab: Tab, short_file: Path) -> None:
    watched = tab()
    page = watched.open()
    watched.upload(short_file)
    of_text(page, "#base-about", "Sep 2022")
    small(page)
    page.get_by_role("button", name="Confirm with a full run").click()
    page.wait_for_selector("#jobs-list progress")
    page.wait_for_selector("#jobs-list button")
    body_opens(page, "results-body")
    of_text(page, "#country-detail", "Needs in Panama")
    for graph in ("crossings-graph", "map-graph", "where-graph"):
        page.wait_for_function(
            "name => document.querySelector('#' + name + ' .js-plotly-plot')?.data?.length", arg=graph
        )
        assert sum(abs(y) for y in watched.drawn(graph)) > 100, graph
    names = {trace["name"] for trace in watched.traces("crossings-graph")}
    assert {"observed", "median"} <= names
    assert page.locator("#map-table tbody tr").count() > 10
    assert re.search(
        r"\d[\d,]* \(\d[\d,]*\sto\s\d[\d,]*\) persons on an average day", page.inner_text("#country-detail")
    )
    month = page.inner_text("#map-table caption >> nth=0")
    page.get_by_role("slider", name="Month").fill("0")
    of_text(page, "#map-table caption", "Sep 2022")
    assert month != page.inner_text("#map-table caption >> nth=0")


def test_the_comparison_shows_what_the_october_2022_rule_did(tab: Tab, short_file: Path) -> None:
    watched = tab()
    page = watched.open()
    watched.upload(short_file)
    of_text(page, "#base-about", "Sep 2022")
    page.get_by_role("checkbox", name=f"In force: {OCTOBER}").uncheck()
    of_text(page, "#changed", "9 policies changed")
    small(page, "compare-")
    page.get_by_role("button", name="Run the comparison").click()
    body_opens(page, "compare-body")
    page.wait_for_function("document.querySelector('#compare-graph .js-plotly-plot')?.data?.length")
    median = next(t["y"] for t in watched.traces("compare-graph") if t["name"] == "median")
    assert abs(median[0]) < 2_000, "nothing differs before the rule"
    assert median[2] > 5_000, "in November 2022 more would have crossed the Darién without it"
    assert page.locator("#compare-tables tbody tr").count() >= 6
    page.get_by_role("button", name="Explain this border and month").click()
    page.wait_for_selector("#why-table tbody tr")
    rows = [
        [cell.strip() for cell in row.split("\t")]
        for row in page.locator("#why-table tbody tr").all_inner_texts()
    ]
    parts = [float(row[-1].replace(",", "").replace("+", "").replace("−", "-")) for row in rows]
    assert parts[-1] > 5_000
    assert sum(parts[:-1]) == pytest.approx(parts[-1], abs=len(parts))


def test_downloads_open(tab: Tab, saved_run: str, tmp_path: Path) -> None:
    watched = tab()
    page = watched.open()
    page.select_option("#saved", saved_run)
    body_opens(page, "results-body")

    def take(selector: str, name: str) -> Path:
        with page.expect_download() as waiting:
            page.click(selector)
        file = tmp_path / name
        waiting.value.save_as(file)
        return file

    draft = load_scenario(take("#yaml", "draft.yaml"))
    assert [p.id for p in draft.policies] == [p.id for p in load_scenario("history/baseline").policies]
    assert load_scenario(take("#link-yaml", "run.yaml")).window.start.isoformat() == "2022-09-01"
    shared = json.loads(take("#link-share", "share.json").read_text(encoding="utf-8"))
    assert {"scenario", "data_hashes", "version", "seed", "result_hash"} <= set(shared)
    numbers = take("#crossings-link a", "crossings.csv").read_text(encoding="utf-8")
    assert numbers.startswith("border,month,nationality")
    page.click("#make-brief")
    page.click("#make-workbook")
    pdf = take("#jobs-list a[download]:has-text('.pdf')", "brief.pdf").read_bytes()
    assert pdf.startswith(b"%PDF")
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) == 2
    book = openpyxl.load_workbook(
        take("#jobs-list a[download]:has-text('.xlsx')", "needs.xlsx"), read_only=True
    )
    assert len(book.sheetnames) > 3
    book.close()


def test_a_shared_run_is_confirmed(tab: Tab, running: Running, saved_run: str, tmp_path: Path) -> None:
    from urllib.request import urlopen

    watched = tab()
    page = watched.open()
    shared = json.loads(urlopen(f"{running.address}share?run={saved_run}").read())  # noqa: S310 - this machine
    file = tmp_path / "run.travesia.json"
    file.write_text(json.dumps(shared), encoding="utf-8")
    page.set_input_files("[id='share']", str(file))
    of_text(page, "#jobs-list", "Confirmed: the same result")
    assert page.locator("#jobs-list").inner_text().count("Not the same result") == 0
    file.write_text(json.dumps({**shared, "seed": shared["seed"] + 1}), encoding="utf-8")
    page.set_input_files("[id='share']", str(file))
    of_text(page, "#jobs-list", "Not the same result")


def test_both_languages_say_the_same_things(tab: Tab, saved_run: str) -> None:
    watched = tab()
    page = watched.open()
    page.select_option("#saved", saved_run)
    body_opens(page, "results-body")
    english = page.locator("h2, h3, label, button").all_inner_texts()
    page.click("#language")
    page.wait_for_url("**/es/")
    page.wait_for_selector("#events li")
    body_opens(page, "results-body")  # the tab kept its run
    assert page.evaluate("document.documentElement.lang") == "es"
    spanish = page.locator("h2, h3, label, button").all_inner_texts()
    same = {text.strip() for text in english} & {text.strip() for text in spanish}
    assert same <= {"Seed", ""}
    page.get_by_role("button", name="Cambiar: Personas venezolanas").click()
    of_text(page, "#panel", "Parte expulsada")
    of_text(page, "#country-detail", "Necesidades en Panamá")


def test_a_phone_scrolls_in_one_direction_only(tab: Tab, saved_run: str) -> None:
    watched = tab(360, 740)
    page = watched.open("es")
    page.select_option("#saved", saved_run)
    body_opens(page, "results-body")
    of_text(page, "#country-detail", "Presentes")
    page.get_by_role("button", name="Cambiar: Personas venezolanas").click()
    of_text(page, "#panel", "Parte expulsada")
    of_text(page, "#record-table", "Darién")
    page.wait_for_timeout(500)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_bad_input_gets_the_message_of_the_command_line(tab: Tab, short_file: Path, tmp_path: Path) -> None:
    watched = tab()
    page = watched.open()
    nothing = tmp_path / "no_scenario.yaml"
    nothing.write_text("just words\n", encoding="utf-8")
    watched.upload(nothing)
    of_text(page, "#upload-message", "there is no mapping at the top")
    evil = tmp_path / "evil.yaml"
    evil.write_text("name: x\nwindow: !!python/name:os.system ''\n", encoding="utf-8")
    page.set_input_files("[id='upload']", str(evil))
    of_text(page, "#upload-message", "is not allowed")
    page.set_input_files("[id='upload']", str(short_file))
    of_text(page, "#base-about", "Sep 2022")
    page.get_by_role("button", name=f"Change: {OCTOBER}").click()
    page.locator("#panel").get_by_label("Last day").first.fill("2021-01-01")
    of_text(page, "#preview-message", "end 2021-01-01 comes before start 2022-10-12")
    page.get_by_role("button", name="Undo all changes").click()
    page.fill("#replicates", "0")
    page.wait_for_timeout(300)
    page.click("#start")
    of_text(page, "#start-message", "replicates is 0; expected a whole number, 1 or more")
    page.fill("#replicates", "30000000")
    page.select_option("#scale", "1")
    page.wait_for_timeout(300)
    page.click("#start")
    of_text(page, "#jobs-list", "lower --replicates or --scale|would fit")
    of_text(page, "#preview-error", "preview")  # the page lives on
    assert "Traceback" not in page.locator("body").inner_text()


def test_two_tabs_do_not_disturb_each_other_and_a_run_can_be_cancelled(
    tab: Tab, short_file: Path, runs_dir: Path
) -> None:
    one, other = tab(), tab()
    first, second = one.open(), other.open("es")
    one.upload(short_file)
    of_text(first, "#base-about", "Sep 2022")
    small(first)
    first.fill("#replicates", "400")
    first.fill("#run-name", "to_cancel")
    first.wait_for_timeout(400)
    first.click("#start")
    first.wait_for_selector("#jobs-list progress")
    assert second.input_value("[id='base']") == "history/baseline"
    assert second.locator("#jobs-list li").count() == 0
    begin = time.perf_counter()
    second.get_by_role("button", name="Cambiar: Personas venezolanas").click()
    of_text(second, "#panel", "Parte expulsada")
    assert time.perf_counter() - begin < 5.0, "a run froze the page"
    first.get_by_role("button", name="Cancel: to_cancel").click()
    of_text(first, "#jobs-list", "cancelled")
    for _ in range(50):
        if not list(runs_dir.glob("to_cancel*")):
            break
        time.sleep(0.1)
    assert not list(runs_dir.glob("to_cancel*"))
