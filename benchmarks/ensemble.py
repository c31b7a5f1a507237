"""``python -m benchmarks.ensemble``: how well two workers share replicates, and whether bounded memory costs a quantile.

One worker and two run the same what-if from the shell, one after the other: few replicates on one worker, all of them on two,
the same few on one worker again, so that a machine that slows down or speeds up shows. Nothing here passes or fails on a time.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import threading
import time
from pathlib import Path
from subprocess import Popen

import numpy as np
import pandas as pd
import psutil

from sim.results import open_run

QUANTILES = {"lo90": 0.05, "lo50": 0.25, "median": 0.5, "hi50": 0.75, "hi90": 0.95}
CELL = ["border", "month", "nationality"]


def timed_run(name: str, scale: float, replicates: int, workers: int, out: Path) -> tuple[float, float]:
    """Run a scenario from the shell; return seconds and the largest resident memory of the parent (MB)."""
    command = [sys.executable, "-m", "sim.cli.main", "run", name, "--scale", str(scale), "--out", str(out)]
    command += ["--replicates", str(replicates), "--workers", str(workers)]
    begin = time.perf_counter()
    with (out.parent / f"{out.name}.log").open("w") as log, Popen(command, stdout=log, stderr=log) as process:
        peak = [0.0]
        watcher = threading.Thread(target=_watch, args=(process, peak), daemon=True)
        watcher.start()
        code = process.wait()
    if code:
        raise SystemExit(f"travesia run ended with {code}; see {log.name}")
    return time.perf_counter() - begin, peak[0]


def _watch(process: Popen[bytes], peak: list[float]) -> None:
    """Note the parent's largest resident memory, in MB, until it ends."""
    try:
        parent = psutil.Process(process.pid)
        while process.poll() is None:
            peak[0] = max(peak[0], parent.memory_info().rss / 2**20)
            time.sleep(0.1)
    except psutil.Error:
        return


def largest_difference(path: Path) -> tuple[int, float]:
    """Compare summary.csv with quantiles of all tables at once: cells compared, largest difference (persons)."""
    run = open_run(path)
    every = pd.read_parquet(path / "crossings.parquet")
    wide = every.pivot_table(index=CELL, columns="replicate", values="persons", aggfunc="sum", observed=True)
    wide = wide.reindex(columns=range(run.manifest["replicates"])).fillna(0.0)
    whole = np.quantile(wide.to_numpy(), list(QUANTILES.values()), axis=1).T
    table = pd.DataFrame(whole, index=wide.index, columns=list(QUANTILES))
    published = pd.read_csv(path / "summary.csv").set_index(CELL)[list(QUANTILES)].dropna()
    gap = (published - table.reindex(published.index, fill_value=0.0)).abs()
    return len(published), float(gap.to_numpy().max())


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenario", default="what_if/no_appointments")
    parser.add_argument("--scale", type=float, default=0.05)
    parser.add_argument("--replicates", type=int, default=1000)
    parser.add_argument("--few", type=int, default=100, help="replicates of each run on one worker")
    parser.add_argument("--keep", type=Path, help="folder to leave the runs in")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="travesia-bench-") as temporary:
        place = given.keep or Path(temporary)
        place.mkdir(parents=True, exist_ok=True)
        told = measure(given.scenario, given.scale, given.replicates, given.few, place)
    sys.stdout.write(json.dumps(told, indent=1) + "\n")


def measure(name: str, scale: float, replicates: int, few: int, place: Path) -> dict[str, object]:
    """Time one worker, two, and one again.

    Seconds are those of the ensemble itself, from the manifest: from reading the scenario to the finished tables. Figures and
    needs, which the command makes afterwards from some of the replicates, are in the seconds from the shell only.
    """
    load = os.getloadavg()[0]
    timed_run(name, scale, few, 1, place / "one-before")
    shell, peak = timed_run(name, scale, replicates, 2, place / "two")
    timed_run(name, scale, few, 1, place / "one-after")
    timed_run(name, scale, 1, 1, place / "start")
    before, shared, after, start = (
        float(open_run(place / run).manifest["timing"]["total_s"])
        for run in ("one-before", "two", "one-after", "start")
    )
    # a few replicates carry the whole start-up: it is taken off by a run of one; of the two, the faster is the harder to match
    each = (min(before, after) - start) / (few - 1)
    alone = start + each * (replicates - 1)
    cells, gap = largest_difference(place / "two")
    return {
        "scenario": name,
        "scale": scale,
        "replicates": replicates,
        "load_before": load,
        "one_worker_s_of_a_few": [before, after],
        "one_worker_s_of_one": start,
        "one_worker_s_for_all": round(alone, 1),
        "two_workers_s_for_all": shared,
        "two_workers_s_from_the_shell": round(shell, 1),
        "efficiency": round(alone / (2 * shared), 3),
        "parent_peak_mb": round(peak),
        "cells_compared": cells,
        "largest_difference_persons": gap,
    }


if __name__ == "__main__":
    main()
