"""Everybody can use the page: axe-core finds no fault of WCAG 2.2 A or AA, and the keyboard alone is enough."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files
from typing import TYPE_CHECKING

import pytest

from tests.app.test_app_browser import body_opens, of_text

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.app.conftest import Watched

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]  # kernels may have to be compiled first
Tab = Callable[..., "Watched"]

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa"]


def faults(page: Page) -> list[str]:
    """What axe-core finds against the rules, as short lines."""
    if not page.evaluate("typeof window.axe !== 'undefined'"):
        page.evaluate(files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8"))
    options = {"runOnly": {"type": "tag", "values": RULES}, "resultTypes": ["violations"]}
    found = page.evaluate("options => axe.run(document, options)", options)
    return [
        f"{fault['id']}: {node['target']} {node['failureSummary']}"
        for fault in found["violations"]
        for node in fault["nodes"]
    ]


@pytest.mark.parametrize(("lang", "width"), [("en", 1280), ("es", 360)])
def test_axe_finds_no_fault(tab: Tab, saved_run: str, lang: str, width: int) -> None:
    watched = tab(width)
    page = watched.open(lang)
    of_text(page, "#preview-error", "%")
    of_text(page, "#record-table", "Darién")
    assert faults(page) == []
    page.select_option("#saved", saved_run)
    body_opens(page, "results-body")
    of_text(page, "#country-detail", "Needs in|Necesidades en")
    page.locator("#events button").nth(3).click()
    page.wait_for_selector("#panel input")
    page.fill("#replicates", "0")
    page.wait_for_timeout(300)
    page.click("#start")
    of_text(page, "#start-message", "replicates")
    for summary in page.locator("summary").all():
        summary.click()
    assert faults(page) == []


def test_axe_would_see_a_fault(tab: Tab) -> None:
    page = tab().open()
    page.evaluate("document.querySelector('label[for=base]').remove()")
    assert any("base" in line for line in faults(page))


def test_the_keyboard_is_enough(tab: Tab) -> None:
    page = tab().open()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("location.hash") == "#main"
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.getAttribute('aria-label') || ''").startswith("Change: "):
            break
    page.keyboard.press("Enter")
    page.wait_for_selector("#panel input[type=range]")
    page.wait_for_function("document.activeElement.id === 'panel-title'")
    while page.evaluate("document.activeElement.type") != "range":
        page.keyboard.press("Tab")
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    before = page.evaluate("document.activeElement.value")
    page.keyboard.press("ArrowLeft")
    assert page.evaluate("document.activeElement.value") != before
    of_text(page, "#changed", "^1 policy changed")
