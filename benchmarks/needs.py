"""Ten years of monthly needs for every country of the real corridor: seconds from a run's tables to published tables.

``python -m benchmarks.needs`` runs ``history/baseline`` with every person an agent and measures on it; ``--run DIR`` takes
a run folder that is there already. The shipped history has three and a half years: its months are repeated, one copy after
another, until there are ten years, so that every country, nationality, sex, age band and leg of the real run is in every
year. The time is that of ``sim.needs.estimate`` (measures, in need, resources, money, coordination, triggers, suppression
and rounding) on tables in memory; reading the Parquet files is printed beside it.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from sim.needs import estimate
from sim.results import open_run

MONTHS = 120
TARGET_S = 5.0
_TABLES = ("flows", "stocks", "departures")


@dataclass
class LongRun:
    """Tables of a run, repeated; what ``sim.needs`` looks at."""

    flows: pd.DataFrame
    stocks: pd.DataFrame
    departures: pd.DataFrame
    scenario: Any
    manifest: dict[str, Any] = field(default_factory=dict)


def repeated(run: Any, months: int = MONTHS) -> LongRun:  # noqa: ANN401  (a run, or anything like it)
    """The months of a run one copy after another until there are `months`."""
    first = pd.Timestamp(run.flows["period_start"].min()).to_period("M")
    length = (pd.Timestamp(run.flows["period_start"].max()).to_period("M") - first).n + 1
    end = (first + months).to_timestamp()
    made: dict[str, pd.DataFrame] = {}
    for name in _TABLES:
        rows = getattr(run, name)
        shifted = [
            rows.assign(period_start=rows["period_start"] + pd.DateOffset(months=shift))
            for shift in range(0, months, length)
        ]
        whole = pd.concat(shifted, ignore_index=True)
        made[name] = whole[whole["period_start"] < end].reset_index(drop=True)
    return LongRun(**made, scenario=run.scenario, manifest=dict(run.manifest))


def long_needs(folder: Path, repeats: int) -> dict[str, Any]:
    """Seconds of ten years of needs from a run folder, the best of `repeats` and all of them."""
    begin = time.perf_counter()
    run = open_run(folder)
    sizes = [len(run.flows), len(run.stocks), len(run.departures)]
    read = time.perf_counter() - begin
    estimate(run)  # libraries loaded, tables of the package read
    long = repeated(run)
    wall, busy = [], []
    for _ in range(repeats):
        start, cpu = time.perf_counter(), time.process_time()
        needs = estimate(long)
        wall.append(round(time.perf_counter() - start, 2))
        busy.append(round(time.process_time() - cpu, 2))
    return {
        "run_rows": dict(zip(_TABLES, sizes, strict=True)),
        "read_s": round(read, 2),
        "flow_rows": len(long.flows),
        "stock_rows": len(long.stocks),
        "months": int(needs.table.loc[needs.table["period"] == "month", "reference_period_start"].nunique()),
        "countries": len(needs.countries),
        "numbers": len(needs.table),
        "wall_s": wall,
        "cpu_s": busy,
        "best_wall_s": min(wall),
        "target_s": TARGET_S,
        "load": [round(x, 2) for x in os.getloadavg()],
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--run", type=Path, help="run folder of a long history; made if not given")
    parser.add_argument(
        "--scale", type=float, default=1.0, help="share of the people of the run that is made"
    )
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    if options.run is not None:
        results = long_needs(options.run, options.repeats)
    else:
        with tempfile.TemporaryDirectory() as folder:
            results = long_needs(_made(Path(folder) / "run", options.scale), options.repeats)
    print(json.dumps(results, indent=1))


def _made(folder: Path, scale: float) -> Path:
    """One replicate of the shipped history."""
    from sim import load_scenario, run

    run(load_scenario("history/baseline"), seed=1, scale=scale, out=folder)
    return folder


if __name__ == "__main__":
    main()
