"""What every test shares: kept kernels, no window system, no network, markers by folder, a browser."""

from __future__ import annotations

import os
import shutil
import socket
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

ROOT = Path(__file__).parents[1]
IN_CI = os.environ.get("CI", "") not in {"", "0", "false"}

# before anything imports numba or matplotlib; child processes inherit them
os.environ.setdefault("NUMBA_CACHE_DIR", str(ROOT / ".numba_cache"))
os.environ.setdefault("MPLBACKEND", "Agg")
os.environ["TRAVESIA_LANG"] = "en"  # tests read English whatever the machine speaks

# the same examples every time in CI, new ones at a desk
settings.register_profile("desk", deadline=None, print_blob=True)
settings.register_profile("ci", deadline=None, print_blob=True, derandomize=True)
settings.load_profile("ci" if IN_CI else "desk")

FOLDER_MARKERS = {"property", "statistical", "theory", "regression"}
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
LOCAL_HOSTS = {"localhost", "127.0.0.1", "::1", "0.0.0.0", "::", ""}  # noqa: S104 - compared, not bound


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests by the folder they lie in."""
    for item in items:
        for part in FOLDER_MARKERS.intersection(item.path.relative_to(ROOT).parts):
            item.add_marker(part)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Any:  # noqa: ANN401 - pytest keeps this type private
    """Turn a skipped browser test into a failure in CI."""
    report = yield
    if IN_CI and report.skipped and not hasattr(report, "wasxfail") and item.get_closest_marker("browser"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid}: browser tests must not be skipped in CI ({report.longrepr})"
    return report


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of a Chromium found on this machine."""
    named = os.environ.get("CHROMIUM", "")
    found = next(filter(None, map(shutil.which, (named, *CHROMIUM_NAMES) if named else CHROMIUM_NAMES)), None)
    if found is None:
        pytest.skip("no Chromium here: install the package 'chromium', or name one with CHROMIUM=/path")
    return found


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no test leave this machine: Travesía never needs the network."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:  # noqa: ANN401 - any address family
        if isinstance(address, tuple) and address[0] not in LOCAL_HOSTS:
            pytest.fail(f"a test tried to reach {address[0]}")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)
