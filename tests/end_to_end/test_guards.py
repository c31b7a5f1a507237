"""What cannot work is refused before it starts; what is interrupted says how to go on."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sim.cli.main import call
from sim.ensemble import estimate, run
from sim.errors import RunError
from sim.plan import compile_plan
from sim.results import disk
from sim.results.folder import RunFolder
from sim.results.lock import Lock
from sim.results.verify import verify
from sim.spec import load_scenario
from tests.end_to_end.test_crash import WORLD


def test_two_processes_never_write_one_folder(tmp_path: Path) -> None:
    path = tmp_path / "run"
    first = RunFolder(path, "key", 3)
    with pytest.raises(RunError, match="holds an unfinished run"):
        RunFolder(path, "key", 3)
    with pytest.raises(RunError, match=f"is being written by process {os.getpid()}"):
        RunFolder(path, "key", 3, resume=True)
    first.release()
    RunFolder(path, "key", 3, resume=True).release()


def test_two_runs_started_at_once(tmp_path: Path) -> None:
    source, path = tmp_path / "w.yaml", tmp_path / "run"
    source.write_text(json.dumps(WORLD))
    command = [
        sys.executable,
        "-m",
        "sim.cli.main",
        "run",
        str(source),
        "--replicates",
        "30",
        "--workers",
        "1",
    ]
    command += ["--no-figures", "--resume", "--out", str(path)]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) for _ in range(2)]
    told = [p.communicate()[0].decode() for p in both]
    codes = [p.returncode for p in both]
    assert 0 in codes, told
    assert all(c == 0 or "is being written by process" in t for c, t in zip(codes, told, strict=True)), told
    assert not verify(path).problems


def test_the_lock_of_a_process_that_is_gone_is_no_lock(tmp_path: Path) -> None:
    script = "import os, sys, pathlib; from sim.results.lock import Lock; Lock(pathlib.Path(sys.argv[1])); os._exit(1)"
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=False)
    assert (tmp_path / "writing.lock").exists()
    Lock(tmp_path).release()
    assert not (tmp_path / "writing.lock").exists()


def test_a_foreign_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("mine")
    with pytest.raises(RunError, match="files that are not of a run"):
        run(WORLD, out=tmp_path)  # type: ignore[arg-type]
    assert [p.name for p in tmp_path.iterdir()] == ["letter.txt"]


def test_a_complete_run_is_not_overwritten_but_resuming_it_returns_it(tmp_path: Path) -> None:
    path = tmp_path / "run"
    first = run(WORLD, out=path)  # type: ignore[arg-type]
    with pytest.raises(RunError, match="holds a complete run"):
        run(WORLD, out=path)  # type: ignore[arg-type]
    with pytest.raises(RunError, match="holds a complete run"):
        run(WORLD, out=path, resume=True, seed=2)  # type: ignore[arg-type]
    again = run(WORLD, out=path, resume=True)  # type: ignore[arg-type]
    assert again.manifest == first.manifest


def test_too_little_memory_is_refused_with_the_scale_that_would_fit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scenario = load_scenario("history/baseline")
    free = 700e6
    monkeypatch.setattr(estimate, "available_memory", lambda: free)
    begin = time.perf_counter()
    with pytest.raises(RunError) as told:
        run(scenario, scale=50.0, workers=1, out=tmp_path / "run")
    seconds = time.perf_counter() - begin
    assert "of memory" in str(told.value)
    fits = re.search(r"--scale ([0-9.]+) would fit", str(told.value))
    assert fits is not None, str(told.value)
    smaller = estimate.estimate_replicate(compile_plan(scenario, scale=float(fits[1])))
    assert estimate.memory_needed(smaller, 1) <= free
    assert not (tmp_path / "run").exists()
    assert seconds < 10, "refused long before it would have run"  # alone on a machine it takes one second


def test_memory_that_no_scale_fits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(estimate, "available_memory", lambda: 50e6)
    with pytest.raises(RunError, match="No scale would fit"):
        run(WORLD, out=tmp_path / "run")  # type: ignore[arg-type]


def test_too_little_disk_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**9, 10**9, 10**6))
    with pytest.raises(RunError, match="would write about .* replicates would fit"):
        run(WORLD, replicates=500, workers=1, out=tmp_path / "run")  # type: ignore[arg-type]


def test_more_people_than_the_machine_has_places_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(estimate, "_PLACE_KEPT", 1e9)
    with pytest.raises(RunError, match=r"at scale 1 has [\d,]+ people; .* --scale [\d.e-]+ would fit"):
        run(WORLD, workers=1, out=tmp_path / "run")  # type: ignore[arg-type]
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("fault", [errno.ENOSPC, errno.EDQUOT])
def test_a_disk_that_fills_up_ends_with_a_message_and_whole_parts(tmp_path: Path, fault: int) -> None:
    written = 0

    def full(name: str, path: Path, data: bytes) -> None:
        nonlocal written
        written += len(data)
        if written > 40_000 and name in {"write", "folder", "open", "flush"}:
            raise OSError(fault, "full", str(path))

    path = tmp_path / "run"
    with (
        disk.watched(full),
        pytest.raises(RunError, match=r"is full; free some space\. \d+ of 9 replicates are whole"),
    ):
        run(WORLD, replicates=9, workers=1, out=path)  # type: ignore[arg-type]
    assert verify(path).partial
    again = run(WORLD, replicates=9, workers=1, out=path, resume=True)  # type: ignore[arg-type]
    assert again.manifest["result_hash"] == run(WORLD, replicates=9, workers=1).manifest["result_hash"]  # type: ignore[arg-type]


@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="no memory file system here")  # noqa: S108
@pytest.mark.slow
def test_a_real_file_system_that_is_full(tmp_path: Path) -> None:
    mount = tmp_path / "small"
    mount.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", str(mount)], check=False, capture_output=True
    )
    if made.returncode:
        pytest.skip("may not mount a small file system here (needs root)")
    try:
        path, world = mount / "run", {**WORLD, "window": {"start": "2023-01-01", "end": "2023-12-31"}}
        (mount / "ballast").write_bytes(b"0" * 60_000)
        estimate_free = shutil.disk_usage(mount).free
        with pytest.raises(RunError, match="is full; free some space"):
            _unguarded(world, path, 20)
        assert verify(path).partial, estimate_free
        (mount / "ballast").unlink()
        subprocess.run(["mount", "-o", "remount,size=8m", str(mount)], check=True)
        again = _unguarded(world, path, 20, resume=True)
        assert again == run(world, replicates=20, workers=1).manifest["result_hash"]  # type: ignore[arg-type]
    finally:
        subprocess.run(["umount", str(mount)], check=True)


def _unguarded(world: object, path: Path, replicates: int, resume: bool = False) -> str:
    """Run without the estimate, as if others filled the disk meanwhile."""
    from sim.ensemble import simulate

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(simulate, "refuse_what_cannot_fit", lambda *_: None)
        done = run(world, replicates=replicates, workers=1, out=path, resume=resume)  # type: ignore[arg-type]
    return str(done.manifest["result_hash"])


def _hear_ctrl_c() -> None:
    """As from a terminal: what a shell starts in the background, perhaps these tests, is deaf to Ctrl-C, with its children."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _interrupted(command: list[str], path: Path) -> tuple[str, float, int]:
    """Start a run, press Ctrl-C after three replicates; what it says then, after how many seconds it has ended, and how."""
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=_hear_ctrl_c,  # noqa: PLW1509 - nothing but a signal is set
    ) as process:
        try:
            while process.poll() is None and len(list(path.glob("parts/r*"))) < 3:
                time.sleep(0.05)
            begin = time.monotonic()
            process.send_signal(signal.SIGINT)
            _, told = process.communicate(timeout=60)
        finally:
            process.kill()
    return told.decode(), time.monotonic() - begin, process.returncode


@pytest.mark.parametrize("workers", ["1", "2"])
def test_ctrl_c_ends_soon_and_says_how_to_resume(workers: str, tmp_path: Path) -> None:
    source, path = tmp_path / "w.yaml", tmp_path / "run"
    source.write_text(json.dumps({**WORLD, "window": {"start": "2023-01-01", "end": "2024-12-31"}}))
    command = [
        sys.executable,
        "-m",
        "sim.cli.main",
        "run",
        str(source),
        "--replicates",
        "5000",
        "--workers",
        workers,
    ]
    told, seconds, code = _interrupted([*command, "--out", str(path)], path)
    assert code == 130, told
    assert "replicates are whole in" in told
    assert "--resume" in told
    assert "Traceback" not in told
    assert verify(path).partial
    busy = max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
    assert seconds < 2.0 * busy, f"{seconds:.1f} s"


def test_run_help_is_coherent(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["run", "--help"]) == 0
    told = capsys.readouterr().out
    assert all(
        option in told for option in ("--workers", "--scheduler", "--resume", "--replicates", "--threads")
    )


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("scale", [0.02, 0.2, 1.0])
def test_memory_is_estimated_within_a_fifth(scale: float, tmp_path: Path) -> None:
    script = (
        "import sys; from sim import run; from sim.ensemble import simulate, estimate; import psutil\n"
        "base = {}\n"
        "real = simulate.refuse_what_cannot_fit\n"
        "def noted(plan, one, *rest):\n"
        "    base['mb'] = (psutil.Process().memory_info().rss + estimate.memory_needed(one, 1)) / 2**20\n"
        "    return real(plan, one, *rest)\n"
        "simulate.refuse_what_cannot_fit = noted\n"
        "done = run('history/baseline', scale=float(sys.argv[1]), workers=1, out=sys.argv[2])\n"
        "print(base['mb'], done.manifest['peak_rss_mb'])\n"
    )
    told = subprocess.run(
        [sys.executable, "-c", script, str(scale), str(tmp_path / "run")],
        check=True,
        capture_output=True,
        text=True,
    )
    estimated, peak = map(float, told.stdout.split())
    assert abs(estimated / peak - 1.0) <= 0.2, (estimated, peak)
