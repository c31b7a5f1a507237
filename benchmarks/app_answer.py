"""What 'confirm with a full run' takes in the app, and whether the preview it confirms agrees as the page states.

``python -m benchmarks.app_answer`` moves one slider, asks for the preview, starts the full run that the button starts, waits
as the page waits, and compares the two month by month. Everybody in ten replicates by default; ``--scale 0.02`` for a trial.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sim.app.service.measure import apart
from sim.app.service.preview import error_at
from sim.app.workshop import Draft, Workshop

if TYPE_CHECKING:
    import pandas as pd

BASE = "history/baseline"
#: The move that is confirmed: half of the expulsions of the October 2022 rule.
CHANGES: dict[str, dict[str, Any]] = {"oct-2022-expulsions": {"size": 0.5}}
PATIENCE = 3600.0
"""Seconds after which the run is given up."""


def answer(folder: Path, replicates: int, scale: float) -> tuple[pd.DataFrame, dict[str, float]]:
    """Preview, full run and what each took in seconds.

    Parameters
    ----------
    folder : Path
        Where the app keeps its runs.
    replicates : int
    scale : float

    Returns
    -------
    gaps : DataFrame
        See `sim.app.service.measure.apart`.
    seconds : dict
        ``preview`` (warm); ``run``, from the click until the page can show it; ``folder`` of that; ``engine``, added up
        over replicates.
    """
    shop = Workshop(folder)
    draft = Draft(BASE, CHANGES)
    try:
        shop.previews.ready(shop.base(draft))
        seen = shop.look(draft)
        clicked = time.perf_counter()
        job = shop.jobs.wait_for(
            shop.start_run(draft, "en", replicates=replicates, scale=scale, seed=1), PATIENCE
        )
        took = time.perf_counter() - clicked
        if job.state != "done" or seen is None:
            message = f"the run is {job.state}: {job.message}"
            raise SystemExit(message)
        views = shop.runs.open(str(job.result["run"]))
        timing = views.run.manifest["timing"]
        seconds = {
            "preview": seen.seconds,
            "run": took,
            "engine": timing["engine_s"],
            "folder": timing["total_s"],
        }
        return apart(seen, views.run.summary), seconds
    finally:
        shop.close()


def main() -> None:
    """Print seconds, and the measured difference beside the stated one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replicates", type=int, default=10)
    parser.add_argument("--scale", type=float, default=1.0, help="share of the people simulated")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found, seconds = answer(Path(folder), options.replicates, options.scale)
    print(f"{BASE} with {CHANGES}: scale {options.scale:g}, {options.replicates} replicates")
    print(
        f"preview {1e3 * seconds['preview']:.0f} ms; full answer {seconds['run']:.1f} s (target 60 s), of it the run "
        f"folder {seconds['folder']:.1f} s, engine {seconds['engine']:.1f} s over all replicates"
    )
    print(f"{'border':18s}{'half within':>12s}{'stated':>8s}{'9 of 10':>9s}{'stated':>8s}{'months':>8s}")
    for border, part in found.groupby("border", sort=False):
        stated = error_at(str(border))
        near, far = statistics.median(part["percent"]), part["percent"].quantile(0.9)
        print(
            f"{border!s:18s}{near:10.1f} %{stated.median:6.1f} %{far:7.1f} %{stated.most:6.1f} %{len(part):8d}"
        )
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


if __name__ == "__main__":
    main()
