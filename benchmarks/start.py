"""How long a command takes from the shell: ``python -m benchmarks.start``.

Help, a check of the shipped scenario (which reads every policy it names), a world of two places with compiled kernels (warm),
and the same with none (cold), each with all its outputs. Seconds on the clock, and seconds of the processor, which say less of
what else the machine does; the load is noted beside them.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

__all__ = ["start"]

_SMALL = """
name: two_places
window: {start: 2024-01-01, end: 2024-01-31}
world:
  places:
    - {id: a, country: COL, role: origin, stay: {kind: fixed, days: 1}}
    - {id: b, country: PAN, role: destination}
  legs:
    - {id: a-b, from: a, to: b, days: {kind: fixed, days: 1}}
departures:
  - {place: a, group: VEN, per_day: 10, start: 2024-01-01, end: 2024-01-10}
"""


def _measured(command: list[str], cache: Path) -> tuple[float, float]:
    """Seconds on the clock and of the processor that a command and its children take."""
    before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(
        command, check=True, capture_output=True, env={**os.environ, "NUMBA_CACHE_DIR": str(cache)}
    )
    wall, after = time.perf_counter() - begin, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def start(repeats: int, cold: int = 1) -> dict[str, float]:
    """Seconds from the shell.

    Parameters
    ----------
    repeats : int
        Times help and the warm run are measured; medians are returned.
    cold : int
        Times the cold run is measured.

    Returns
    -------
    dict of str to float
        Seconds on the clock (``_s``) and of the processor (``_cpu_s``), and the load before.
    """
    travesia = [sys.executable, "-m", "sim.cli.main"]
    out = {"load": round(os.getloadavg()[0], 2)}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        scenario = folder / "two_places.yaml"
        scenario.write_text(_SMALL)

        def run(cache: Path) -> tuple[float, float]:
            target = folder / "run"
            shutil.rmtree(target, ignore_errors=True)
            return _measured([*travesia, "run", str(scenario), "--out", str(target)], cache)

        works = {
            "help": [_measured([*travesia, "--help"], folder) for _ in range(repeats)],
            "validate": [
                _measured([*travesia, "scenarios", "validate", "history/baseline"], folder)
                for _ in range(repeats)
            ],
            "cold_run": [run(folder / f"cache{n}") for n in range(cold)],
            "warm_run": [run(folder / "cache0") for _ in range(repeats)],
        }
    for what, times in works.items():
        out[f"{what}_s"] = round(statistics.median(wall for wall, _ in times), 2)
        out[f"{what}_cpu_s"] = round(statistics.median(cpu for _, cpu in times), 2)
    return out


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--cold", type=int, default=1)
    options = parser.parse_args()
    for what, seconds in start(options.repeats, options.cold).items():
        print(f"{what:16s} {seconds:6.2f}")


if __name__ == "__main__":
    main()
