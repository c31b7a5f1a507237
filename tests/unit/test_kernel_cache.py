"""Kept kernels: found again by the same sources only, and never in the way of a run."""

from __future__ import annotations

import gc
import hashlib
import os
import pickle
import shutil
import sys
import time
import types
from pathlib import Path
from typing import Any

import pytest

from sim.cli import health
from sim.engines.kernels import keep
from sim.engines.kernels.build import CODE, OPTIMISE, called, fewer_collections, inside, watched


@inside()
def _half(x: Any) -> Any:
    return x * 0.5


def _quarter(x: Any) -> Any:
    return _half(_half(x))


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty place for kept kernels; returns the folder of these sources."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    return keep.cache_directory()


def hits(kernel: Any) -> int:
    """Call a kernel, check its answer, and say how often it was found."""
    assert kernel(8.0) == 2.0
    return sum(kernel.stats.cache_hits.values())


def kept(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.kernel"))


def test_a_kernel_is_compiled_once_and_found_by_the_next_process(place: Path) -> None:
    assert hits(called()(_quarter)) == 0
    assert len(kept(place)) == 1, "only what Python calls is kept"
    assert hits(called()(_quarter)) == 1
    assert not list(place.glob(".aside-*"))


def test_another_type_is_another_kernel(place: Path) -> None:
    first = called()(_quarter)
    assert (hits(first), first(8)) == (0, 2.0)
    assert len(kept(place)) == 2
    again = called()(_quarter)
    assert again(8) == 2.0
    assert sum(again.stats.cache_hits.values()) == 1


def gone_type() -> bytes:
    """What an older version kept: something of a type that is no longer in the sources."""
    module = types.ModuleType("sim.engines.kernels.draws_of_old")
    module.Bare = type("Bare", (), {"__module__": module.__name__})  # type: ignore[attr-defined]
    sys.modules[module.__name__] = module
    try:
        return pickle.dumps(module.Bare())
    finally:
        del sys.modules[module.__name__]


def whole(payload: bytes) -> bytes:
    return hashlib.sha256(payload).digest() + payload


@pytest.mark.parametrize(
    "content",
    [whole(gone_type()), whole(b"no pickle"), whole(pickle.dumps(("too", "few"))), b"", b"cut"],
    ids=["a type that is gone", "no pickle", "other content", "empty", "cut"],
)
def test_what_cannot_be_read_is_compiled_again(place: Path, content: bytes) -> None:
    hits(called()(_quarter))
    (file,) = kept(place)
    file.write_bytes(content)
    assert hits(called()(_quarter)) == 0
    assert hits(called()(_quarter)) == 1


def test_a_damaged_kernel_is_not_run(place: Path) -> None:
    hits(called()(_quarter))
    (file,) = kept(place)
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    assert hits(called()(_quarter)) == 0


def test_sources_that_change_under_a_process_are_neither_kept_nor_found(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hits(called()(_quarter))
    (file,) = kept(place)
    monkeypatch.setattr(keep, "sources_digest", lambda: "after an upgrade")
    assert hits(called()(_quarter)) == 0
    file.unlink()
    assert hits(called()(_quarter)) == 0
    assert kept(place) == []


def test_every_kernel_source_and_the_layout_decide_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Path(keep.__file__).parents[2]
    copy = tmp_path / "sim"
    for part in ("engines/kernels", "plan"):
        shutil.copytree(home / part, copy / part, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(keep, "__file__", str(copy / "engines" / "kernels" / "keep.py"))
    before = keep.sources_digest()
    sources = [*sorted((copy / "engines" / "kernels").glob("*.py")), copy / "plan" / "layout.py"]
    assert len(sources) > 10
    for source in sources:
        text = source.read_text(encoding="utf-8")
        source.write_text(text + "\n", encoding="utf-8")
        assert keep.sources_digest() != before, source.name
        source.write_text(text, encoding="utf-8")
    assert keep.sources_digest() == before


def test_a_place_that_cannot_be_written_only_costs_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(blocked))
    assert hits(called()(_quarter)) == 0
    assert "cannot be kept" in caplog.text
    (finding,) = health.check_cache()
    assert finding.state == "warning"
    assert "NUMBA_CACHE_DIR" in finding.advice


def test_kernels_of_sources_long_unused_are_removed(place: Path) -> None:
    root = place.parent
    for age in range(10):
        folder = root / f"kernels-{age:016d}"
        folder.mkdir(parents=True)
        used = time.time() - (age + 2) * 86_400.0
        os.utime(folder, (used, used))
    today = root / "kernels-of-today"
    today.mkdir()
    gone = keep.tidy()
    left = {folder.name for folder in root.iterdir()}
    assert len(gone) == 10 - (keep.FOLDERS_KEPT - 2)
    assert today.name in left
    assert f"kernels-{0:016d}" in left
    assert f"kernels-{9:016d}" not in left


def test_whoever_waits_is_told_what_is_compiled(place: Path) -> None:
    steps: list[str] = []
    with watched(steps.append):
        hits(called()(_quarter))
    assert steps[0] == "_quarter"
    assert steps[-2:] == [OPTIMISE, CODE]
    steps.clear()
    hits(called()(_quarter))
    with watched(steps.append):
        hits(called()(_quarter))
    assert steps == [], "what is kept is not compiled"


def test_doctor_says_what_is_kept(place: Path) -> None:
    (finding,) = health.check_cache()
    assert "the first run compiles" in finding.found
    hits(called()(_quarter))
    (finding,) = health.check_cache()
    assert finding.state == "ok"
    assert "kernels of this version: 1 " in finding.found
    assert str(place) in finding.found


@pytest.mark.parametrize("own", [(700, 10, 10), (0, 10, 10), (200_000, 10, 10)])
def test_garbage_is_looked_for_less_often_while_kernels_compile_and_then_as_before(
    own: tuple[int, int, int],
) -> None:
    before = gc.get_threshold()
    gc.set_threshold(*own)
    try:
        with fewer_collections():
            meanwhile = gc.get_threshold()
        assert meanwhile[0] == (0 if own[0] == 0 else max(own[0], 100_000))
        assert gc.get_threshold() == own
    finally:
        gc.set_threshold(*before)
