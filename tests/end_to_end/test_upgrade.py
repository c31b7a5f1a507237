"""Travesía is upgraded in place while it runs: what the running process compiled is never found by the new version."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

KERNELS = Path(__file__).parents[2] / "sim" / "engines" / "kernels"
OLD = """
from typing import NamedTuple
from small.engines.kernels.build import called
class Box(NamedTuple):
    x: float
@called()
def twice(box):
    return box.x * 2
def answer():
    return twice(Box(1.0))
"""
NEW = OLD.replace("Box", "Bare")
PROCESS = """
import sys
from pathlib import Path
import small.engines.kernels.build
if len(sys.argv) > 1:
    Path(sys.argv[1]).write_text(sys.argv[2])
from small.engines.kernels import lesson
print(lesson.answer(), sum(lesson.twice.stats.cache_hits.values()))
"""


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A small package whose kernels are compiled and kept as Travesía's are; returns the file of its kernel."""
    folder = tmp_path / "small" / "engines" / "kernels"
    folder.mkdir(parents=True)
    (tmp_path / "small" / "plan").mkdir()
    for file in ("__init__.py", "engines/__init__.py", "engines/kernels/__init__.py", "plan/layout.py"):
        (tmp_path / "small" / file).write_text("")
    for file in ("build.py", "keep.py"):
        text = (KERNELS / file).read_text(encoding="utf-8").replace("sim.engines", "small.engines")
        (folder / file).write_text(text, encoding="utf-8")
    (folder / "lesson.py").write_text(OLD)
    return folder / "lesson.py"


def process(package: Path, *words: str) -> str:
    home = package.parents[3]
    done = subprocess.run(
        [sys.executable, "-B", "-c", PROCESS, *words],
        env={**os.environ, "PYTHONPATH": str(home), "NUMBA_CACHE_DIR": str(home / "cache")},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_an_upgrade_under_a_running_process_spoils_no_kept_kernel(package: Path) -> None:
    assert process(package, str(package), NEW) == "2.0 0"
    assert not list(package.parents[3].glob("cache/**/*.kernel")), "compiled of changed sources, and kept"
    package.write_text(OLD)
    assert process(package) == "2.0 0"
    assert process(package) == "2.0 1", "the next process finds it"
    package.write_text(NEW)
    assert process(package) == "2.0 0", "the new version does not find the old one's"
