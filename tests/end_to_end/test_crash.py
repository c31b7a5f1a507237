"""A run is cut at every step it takes on the disk: the folder is before or after, and resumes to the same result."""

from __future__ import annotations

import errno
import gc
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest

from sim.ensemble import facts, simulate
from sim.ensemble.replicate import Work, make_part
from sim.errors import RunError
from sim.results import disk, folder, open_run
from sim.results.lock import LOCK
from sim.results.verify import verify

WORLD = {
    "name": "cut",
    "window": {"start": "2023-01-01", "end": "2023-02-10"},
    "world": {
        "places": [
            {"id": "A", "country": "COL", "role": "origin", "stay": {"kind": "geometric", "mean_days": 3}},
            {"id": "B", "country": "PAN", "role": "transit", "stay": {"kind": "fixed", "days": 2}},
            {"id": "C", "country": "USA", "role": "destination"},
        ],
        "legs": [
            {"id": "A-B", "from": "A", "to": "B", "days": {"kind": "fixed", "days": 1}},
            {"id": "B-C", "from": "B", "to": "C", "days": {"kind": "geometric", "mean_days": 2}},
        ],
        "borders": [
            {"id": "darien", "name_en": "Darien", "name_es": "Darién", "leg": "A-B", "count_kind": "persons"}
        ],
    },
    "departures": [{"place": "A", "group": "VEN", "per_day": 5, "start": "2023-01-01", "end": "2023-01-31"}],
}


class Stopped(BaseException):
    """The process is no more."""


@dataclass
class Cut:
    """Stops, tears or fails the n-th step; a process that stopped takes no further step."""

    number: int
    mode: str
    steps: int = 0
    struck: bool = False

    def __call__(self, name: str, path: Path, data: bytes) -> bytes | None:
        if self.struck and self.mode in {"stop", "torn"}:
            raise Stopped
        if name == "torn":
            self.struck = True
            raise Stopped
        self.steps += 1
        if self.steps == self.number:
            if self.mode == "torn":
                if name == "write" and len(data) > 1:
                    return data[: len(data) // 2]
                self.struck = True
                raise Stopped
            self.struck = True
            if self.mode == "stop":
                raise Stopped
            if self.mode == "fail":
                raise OSError(errno.EIO, "Input/output error", str(path))
        if self.mode == "full" and self.struck and name in {"write", "open", "folder", "link", "flush"}:
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        return None


@dataclass(frozen=True)
class Kind:
    """A kind of folder."""

    name: str
    replicates: int
    joined: int = 100
    before: str = "nothing"


KINDS = (
    Kind("one replicate", 1),
    Kind("three replicates joined", 3),
    Kind("tables as folders", 3, joined=2),
    Kind("an empty folder", 2, before="empty"),
    Kind("an unfinished run", 3, before="unfinished"),
    Kind("an unfinished run with a damaged part", 2, before="damaged"),
)
MODES = ("stop", "torn", "full", "fail")


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Simulate each replicate once, and leave out what does not touch the run folder."""
    known: dict[tuple[int, int], folder.Part] = {}

    def remembered(work: Work, replicate: int, progress: object = None) -> folder.Part:
        if (work.seed, replicate) not in known:
            known[work.seed, replicate] = make_part(work, replicate)
        return known[work.seed, replicate]

    nobody = pd.DataFrame(columns=["border", "month", "nationality", "persons", "kind", "source"])
    monkeypatch.setattr(simulate, "make_part", remembered)
    monkeypatch.setattr(simulate, "git_state", dict)
    monkeypatch.setattr(simulate, "observed_series", lambda: nobody)
    versions = facts.versions()
    monkeypatch.setattr(simulate, "versions", lambda: versions)
    monkeypatch.setattr(os, "fsync", lambda _: None)  # steps are watched, the test's own disk need not turn


def once(kind: Kind, path: Path, resume: bool = False) -> str:
    done = simulate.run(WORLD, replicates=kind.replicates, out=path, workers=1, resume=resume)  # type: ignore[arg-type]
    return str(done.manifest["result_hash"])


def begun(kind: Kind, path: Path) -> bool:
    """Bring the folder into the state in which the run finds it; whether it must be resumed."""
    if kind.before == "empty":
        path.mkdir()
    if kind.before not in {"unfinished", "damaged"}:
        return False
    cut = Cut(50, "stop")
    with disk.watched(cut), pytest.raises(Stopped):
        once(kind, path)
    gc.collect()
    parts = [p for p in (path / "parts").iterdir() if p.name.startswith("r")]
    assert parts
    if kind.before == "damaged":
        (parts[0] / "flows.parquet").write_bytes(b"PAR1")
    return True


def steps_of(kind: Kind, path: Path) -> tuple[int, str]:
    """How many steps an uncut run takes, and its result."""
    resume = begun(kind, path)
    cut = Cut(-1, "stop")
    with disk.watched(cut):
        result = once(kind, path, resume)
    assert not verify(path).problems
    return cut.steps, result


def state_of(path: Path, kind: Kind) -> str:
    """What a folder is: absent, empty, partial with whole parts, or complete; anything else is a fault."""
    if not path.exists():
        return "absent"
    left = [p for p in path.iterdir() if p.name != LOCK and not disk.is_aside(p)]
    if not left:
        return "empty"
    found = verify(path)
    if found.partial:
        others = found.problems[1:]
        assert kind.before == "damaged" or not others, [str(p) for p in others]
        return "partial"
    assert not found.problems, [str(p) for p in found.problems]
    return "complete"


def asides(path: Path) -> set[Path]:
    """Parts that were being written."""
    return {p for p in path.glob("parts/*") if disk.is_aside(p)}


def cut_once(kind: Kind, number: int, mode: str, path: Path, result: str) -> str:
    """Cut a run at one step, look at the folder, resume, and look again."""
    resume = begun(kind, path)
    older = asides(path)
    cut = Cut(number, mode)
    with disk.watched(cut):
        try:
            assert once(kind, path, resume) == result
        except (Stopped, RunError) as ended:
            assert isinstance(ended, Stopped) == (mode in {"stop", "torn"})
    gc.collect()
    assert cut.struck or cut.steps < number
    state = state_of(path, kind)
    if mode in {"full", "fail"}:
        assert mode == "fail" or asides(path) <= older, "a run that met a full disk left something aside"
    assert once(kind, path, resume=True) == result
    assert not verify(path).problems
    assert {p.name for p in path.iterdir()} == {
        *(f"{t}.parquet" for t in ("flows", "stocks", "outcomes", "departures", "crossings")),
        *("scenario.yaml", "checks.json", "summary.csv", "datapackage.json", "manifest.json"),
    }
    shutil.rmtree(path)
    return state


def cuts(kind: Kind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, share: float) -> Iterator[str]:
    """Cut at every step in every mode, or at a share of these."""
    monkeypatch.setattr(folder, "MOST_JOINED", kind.joined)
    steps, result = steps_of(kind, tmp_path / "whole")
    points = [(number, mode) for number in range(1, steps + 1) for mode in MODES]
    chosen = random.Random(kind.name).sample(points, round(share * len(points)))
    for number, mode in sorted(chosen):
        yield cut_once(kind, number, mode, tmp_path / "cut", result)


@pytest.mark.parametrize("kind", KINDS, ids=lambda k: k.name)
def test_sample_of_cuts(kind: Kind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    states = list(cuts(kind, tmp_path, monkeypatch, share=0.012))
    assert len(states) >= 3


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_every_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    share, total = float(os.environ.get("TRAVESIA_CUTS", "1.0")), 0
    for kind in KINDS:
        place = tmp_path / kind.name.replace(" ", "-")
        place.mkdir()
        states = pd.Series(list(cuts(kind, place, monkeypatch, share))).value_counts()
        total += int(states.sum())
        with capsys.disabled():
            sys.stdout.write(f"\n{kind.name}: {states.sum()} cuts, then {states.to_dict()}")
    with capsys.disabled():
        sys.stdout.write(f"\n{total} cuts, each before or after, each resumed to the same result_hash\n")
    assert total >= 1000 * share


SCRIPT = """
import sys
from sim import run
run(sys.argv[1], replicates=12, out=sys.argv[2], workers=int(sys.argv[3]), resume=True, scale=float(sys.argv[4]))
"""


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_twenty_kills(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Real SIGKILLs at random moments of an ensemble; the folder is looked at after each and resumed at the end."""
    seed = int(os.environ.get("TRAVESIA_KILL_SEED", "8"))
    moments, source = random.Random(seed), tmp_path / "world.yaml"
    source.write_text(
        json.dumps({**WORLD, "name": "killed", "window": {"start": "2023-01-01", "end": "2024-12-31"}})
    )
    whole = simulate.run(source, replicates=12, out=tmp_path / "whole", workers=1, scale=5.0)
    kills, seen, path, round_ = 0, [], tmp_path / "killed", 0
    while kills < 20:
        path = tmp_path / f"killed-{round_}"
        command = [sys.executable, "-c", SCRIPT, str(source), str(path), "1" if round_ % 3 else "2", "5.0"]
        process = subprocess.Popen(command)
        if moments.random() < 0.8:
            wait_for_work(path, process)
        time.sleep(moments.uniform(0.0, 0.6))
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            kills += 1
        process.wait()
        seen.append(state_of(path, KINDS[1]))
        if seen[-1] == "complete" or moments.random() < 0.3:
            again = simulate.run(source, replicates=12, out=path, workers=1, scale=5.0, resume=True)
            assert again.manifest["result_hash"] == whole.manifest["result_hash"]
            assert not verify(path).problems
            round_ += 1
    again = simulate.run(source, replicates=12, out=path, workers=1, scale=5.0, resume=True)
    assert again.manifest["result_hash"] == whole.manifest["result_hash"]
    assert open_run(path).summary.equals(whole.summary)
    with capsys.disabled():
        sys.stdout.write(f"\n20 kills (seed {seed}): {pd.Series(seen).value_counts().to_dict()}\n")


def wait_for_work(path: Path, process: subprocess.Popen[bytes]) -> None:
    """Until the run has begun to write."""
    while process.poll() is None and not (path / folder.MARKER).exists():
        time.sleep(0.02)
