"""Replicates on workers: the same result as in one process, nothing open to the network, and deaths survived."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from sim.ensemble import open_pool, run
from sim.ensemble.pool import DaskPool, HerePool, Pool
from sim.errors import RunError
from sim.results.verify import verify

SOURCE = """\
name: shared_out
window: {start: 2023-01-01, end: 2023-06-30}
world:
  places:
    - {id: A, country: COL, role: origin, stay: {kind: geometric, mean_days: 4}}
    - {id: B, country: PAN, role: transit, stay: {kind: geometric, mean_days: 3}}
    - {id: C, country: USA, role: destination}
  legs:
    - {id: A-B, from: A, to: B, mode: bus, days: {kind: fixed, days: 1}}
    - {id: B-C, from: B, to: C, mode: bus, days: {kind: geometric, mean_days: 2}, capacity_per_day: 400}
departures:
  - {place: A, group: VEN, per_day: 300, start: 2023-01-01, end: 2023-03-31}
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "shared_out.yaml"
    path.write_text(SOURCE, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    with open_pool(2) as opened:
        yield opened


def failing(shared: int, item: int) -> int:
    """Work that fails for one item wherever it is done."""
    if item == shared:
        message = f"item {item} cannot be done"
        raise ValueError(message)
    return item * item


def dying(shared: str, item: int) -> int:
    """Work that ends its worker the first time."""
    mark = Path(shared)
    if item == 3 and not mark.exists():
        mark.touch()
        os._exit(1)
    return item


def test_nothing_listens_but_on_this_machine(pool: Pool) -> None:
    assert isinstance(pool, DaskPool)
    processes = [psutil.Process(), *(psutil.Process(pid) for pid in pool.process_ids())]
    assert len(processes) == 3
    found = [
        c.laddr.ip for p in processes for c in p.net_connections("inet") if c.status == psutil.CONN_LISTEN
    ]
    assert len(found) >= 3, "scheduler and workers must listen somewhere"
    assert set(found) == {"127.0.0.1"}


def test_no_dashboard(pool: Pool) -> None:
    assert isinstance(pool, DaskPool)
    assert "distributed.dashboard.scheduler" not in sys.modules


def test_workers_do_not_change_the_result(pool: Pool, source: Path, tmp_path: Path) -> None:
    alone = run(source, replicates=6, seed=5, workers=1, out=tmp_path / "alone")
    shared = run(source, replicates=6, seed=5, pool=pool, out=tmp_path / "shared")
    assert shared.manifest["result_hash"] == alone.manifest["result_hash"]
    assert shared.summary.equals(alone.summary)
    assert shared.flows.equals(alone.flows)
    assert not verify(shared.path).problems


@pytest.mark.parametrize("where", ["here", "workers"])
def test_what_fails_by_itself_is_told_and_the_rest_is_done(where: str, pool: Pool) -> None:
    used = pool if where == "workers" else HerePool()
    done = {d.item: d for d in used.each(failing, 4, range(12))}
    assert sorted(done) == list(range(12))
    assert done[4].value is None
    assert "item 4 cannot be done" in done[4].failure
    assert done[4].tries == (3 if where == "workers" else 1)
    assert all(done[i].value == i * i for i in range(12) if i != 4)


def test_a_worker_that_dies_is_replaced(pool: Pool, tmp_path: Path) -> None:
    done = list(pool.each(dying, str(tmp_path / "died"), range(20)))
    assert sorted(d.item for d in done) == list(range(20))
    assert all(d.value == d.item for d in done)


def test_replicates_that_fail_are_named_with_their_seed(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sim.ensemble import replicate as replicate_module
    from sim.ensemble import simulate

    made = replicate_module.make_part

    def sometimes(work: object, replicate: int, progress: object = None) -> object:
        if replicate == 2:
            message = "a fault of this replicate"
            raise ValueError(message)
        return made(work, replicate)  # type: ignore[arg-type]

    monkeypatch.setattr(simulate, "make_part", sometimes)
    path = tmp_path / "run"
    with pytest.raises(RunError) as told:
        run(source, replicates=5, seed=9, workers=1, out=path)
    assert "1 of 5 replicates failed" in str(told.value)
    assert "replicate 2 (seed 9" in str(told.value)
    assert "4 of 5 replicates are whole" in str(told.value)
    monkeypatch.undo()
    again = run(source, replicates=5, seed=9, workers=1, out=path, resume=True)
    assert (
        again.manifest["result_hash"] == run(source, replicates=5, seed=9, workers=1).manifest["result_hash"]
    )


def test_nobody_answers(source: Path, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="No Dask scheduler answers"):
        run(source, replicates=2, scheduler="tcp://127.0.0.1:9", out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


class Cluster:
    """A scheduler and workers started as anybody would: separate processes."""

    def __init__(self, folder: Path, workers: int) -> None:
        self.file = folder / "scheduler.json"
        self.scheduler = self._start(
            "scheduler", "--port", "0", "--scheduler-file", str(self.file), "--no-dashboard"
        )
        begin = time.monotonic()
        while not self.file.exists() and time.monotonic() - begin < 60:
            time.sleep(0.1)
        self.address = str(__import__("json").loads(self.file.read_text())["address"])
        self.workers = [
            self._start(
                "worker",
                self.address,
                "--nthreads",
                "1",
                "--no-nanny",
                "--no-dashboard",
                "--memory-limit",
                "0",
            )
            for _ in range(workers)
        ]

    def _start(self, *words: str) -> subprocess.Popen[bytes]:
        command = [
            sys.executable,
            "-m",
            "distributed.cli.dask_" + words[0],
            *words[1:],
            "--host",
            "127.0.0.1",
        ]
        code = f"import sys; from distributed.cli.dask_{words[0]} import main; sys.argv = {command[2:]!r}; main()"
        return subprocess.Popen(
            [sys.executable, "-c", code],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def close(self) -> None:
        for process in [*self.workers, self.scheduler]:
            process.kill()
            process.wait()


def kill_when(path: Path, parts: int, process: subprocess.Popen[bytes]) -> threading.Thread:
    """Kill a process as soon as so many parts are whole."""

    def watch() -> None:
        while len(list(path.glob("parts/r*"))) < parts:
            time.sleep(0.02)
        process.kill()

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    return thread


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_deaths_of_a_worker_and_of_the_scheduler(source: Path, tmp_path: Path) -> None:
    count, options = 60, {"seed": 3, "scale": 20.0}
    whole = run(source, replicates=count, workers=1, out=tmp_path / "whole", **options)  # type: ignore[arg-type]
    cluster = Cluster(tmp_path, 2)
    try:
        path = tmp_path / "worker"
        watcher = kill_when(path, 6, cluster.workers[0])
        first = run(source, replicates=count, scheduler=cluster.address, out=path, **options)  # type: ignore[arg-type]
        watcher.join(10)
        assert cluster.workers[0].wait(10) != 0
        assert first.manifest["result_hash"] == whole.manifest["result_hash"]
        path = tmp_path / "scheduler"
        watcher = kill_when(path, 6, cluster.scheduler)
        with pytest.raises(RunError, match=r"was lost .* replicates are whole in .* --resume"):
            run(source, replicates=count, scheduler=cluster.address, out=path, **options)  # type: ignore[arg-type]
        assert verify(path).partial
        kept = len(list(path.glob("parts/r*")))
        assert 6 <= kept < count
    finally:
        cluster.close()
    again = run(source, replicates=count, workers=1, out=path, resume=True, **options)  # type: ignore[arg-type]
    assert again.manifest["result_hash"] == whole.manifest["result_hash"]
    assert again.summary.equals(whole.summary)
    assert not verify(path).problems
