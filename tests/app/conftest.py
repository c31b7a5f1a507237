"""A server on a free port, and pages of Chromium that note what goes wrong and where they go."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from sim.app.serve import Running, start
from sim.app.workshop import Draft

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

PATIENCE = int(os.environ.get("TRAVESIA_TEST_PATIENCE_MS", "240000"))
"""Milliseconds: kernels may have to be compiled first."""
SHORT = """\
name: four_months
title: {en: Four months of 2022, es: Cuatro meses de 2022}
extends: history/baseline
window: {start: 2022-09-01, end: 2022-12-31}
spin_up_start: 2022-08-01
"""


@dataclass
class Watched:
    """A page, what its console said, and every address it asked for."""

    page: Page
    address: str
    faults: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def open(self, lang: str = "en") -> Page:
        """Load the page and wait until its policies are there."""
        self.page.goto(f"{self.address}{lang}/")
        self.page.wait_for_selector("#events li")
        return self.page

    def upload(self, file: Path) -> Page:
        """Bring a scenario file."""
        self.page.click("summary:has(~ .field-file)")
        self.page.set_input_files("[id='upload']", str(file))
        return self.page

    def traces(self, graph: str) -> list[dict[str, Any]]:
        """What plotly has drawn in a graph."""
        script = """name => { const gd = document.querySelector('#' + name + ' .js-plotly-plot');
            return gd && gd.data ? gd.data.map(t => ({name: t.name, y: Array.from(t.y || [])})) : []; }"""
        found: list[dict[str, Any]] = self.page.evaluate(script, graph)
        return found

    def drawn(self, graph: str) -> list[float]:
        """Numbers of all traces of a graph but the outlines of countries."""
        return [y for t in self.traces(graph) if t["name"] != "land" for y in t["y"] if y is not None]


@pytest.fixture(scope="session")
def runs_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="session")
def short_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("files") / "four_months.yaml"
    file.write_text(SHORT, encoding="utf-8")
    return file


@pytest.fixture(scope="session")
def running(runs_dir: Path) -> Iterator[Running]:
    server = start(runs_dir, port=0, warm=False)
    server.in_background()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def saved_run(running: Running, short_file: Path) -> str:
    """A finished run of four months, made as the page makes it."""
    shop = running.shop
    draft = Draft(shop.shelf.keep(short_file.name, short_file.read_bytes()))
    job = shop.jobs.wait_for(shop.start_run(draft, "en", replicates=2, scale=0.01, seed=1), 240)
    assert job.state == "done", job.message
    return str(job.result["run"])


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as kit:
        made = kit.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield made
        made.close()


@pytest.fixture
def tab(running: Running, browser: Browser) -> Iterator[Callable[..., Watched]]:
    """Open a tab; at the end no console error and no request beyond this machine may have happened."""
    opened: list[Watched] = []

    def new(width: int = 1280, height: int = 900) -> Watched:
        context = browser.new_context(viewport={"width": width, "height": height}, accept_downloads=True)
        watched = Watched(context.new_page(), running.address)
        watched.page.set_default_timeout(PATIENCE)
        watched.page.on(
            "console", lambda said: watched.faults.append(said.text) if said.type == "error" else None
        )
        watched.page.on("pageerror", lambda fault: watched.faults.append(str(fault)))
        watched.page.on("request", lambda request: watched.asked.append(request.url))
        opened.append(watched)
        return watched

    yield new
    for watched in opened:
        watched.page.context.close()
    assert [fault for watched in opened for fault in watched.faults] == []
    hosts = {urlsplit(url).hostname for watched in opened for url in watched.asked if url.startswith("http")}
    assert hosts <= {"127.0.0.1"}
