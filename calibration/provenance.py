"""The shipped departures enter; what made them and how well they bring the counts back leaves, in ``departures_fit.json``.

The file stands beside ``departures.csv`` and names the configuration of the fit, hashes of everything it read, and its
scores, border by border. A run's manifest repeats it and says whether the departures are still those of the fit.
Maintenance, after ``python -m calibration.departures``: ``python -m calibration.provenance``.
"""

from __future__ import annotations

import argparse
import hashlib
import inspect
import json
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from calibration.departures import infer_departures
from calibration.observed.load import load_observed
from calibration.panel import TARGETS

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

    import pandas as pd

    from sim.spec import Scenario

__all__ = ["FIT_FILE", "describe_fit", "fit_scores", "input_hashes", "write_fit"]

FIT_FILE = "departures_fit.json"

SCENARIO = "history/baseline"

_READ = ("darien.csv", "us_border_patrol.csv", "us_southwest.csv", "us_pathways.csv", "nationalities.csv")
_SET_FROM = ("darien", "us_border_patrol", "us_ports")


def _world() -> Path:
    return Path(str(files("scenarios"))) / "world" / "americas"


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def input_hashes() -> dict[str, str]:
    """SHA-256 of what the inference of departures reads and writes, as it is shipped.

    Returns
    -------
    dict of str to str
        ``departures.csv``, ``departure_channels.csv`` and the observed tables.
    """
    here = Path(str(files("calibration")))
    out = {"departures.csv": _digest(_world() / "departures.csv")}
    out["departure_channels.csv"] = _digest(here / "departure_channels.csv")
    out |= {f"observed/{name}": _digest(here / "observed" / name) for name in _READ}
    return out


def fit_scores(table: pd.DataFrame, first: str, last: str) -> dict[str, dict[str, Any]]:
    """How a run of the baseline compares with the counts, border by border.

    Parameters
    ----------
    table : DataFrame
        From `calibration.mechanism.border_table`: rows (border, nationality), months as columns.
    first, last : str
        Months compared.

    Returns
    -------
    dict of str to dict
        By border: whether departures were set from it, months, observed and simulated people, their ratio by year, and
        the absolute error by nationality and month as a share of what was observed.
    """
    seen = load_observed(start=first, end=last)
    seen = seen[seen["confidence"] != "lower bound"]
    simulated = table.to_dict("index")
    out: dict[str, dict[str, Any]] = {}
    for border in TARGETS:
        rows = seen[seen["border"] == border]
        pairs = zip(rows["nationality"].astype(str), rows["month"].astype(str), strict=True)
        made = np.array([_made(simulated, border, nationality, month) for nationality, month in pairs])
        whole = rows.assign(made=made).dropna(subset=["made"])
        total = whole[whole["nationality"] == "ALL"]
        single = whole[(whole["nationality"] != "ALL") & (whole["covers"] == whole["nationality"])]
        years = total.groupby(total["month"].str[:4])[["persons", "made"]].sum()
        off = float((single["made"] - single["persons"]).abs().sum())
        out[border] = {
            "departures_set_from_it": border in _SET_FROM,
            "months": int(total["month"].nunique()),
            "observed": round(float(total["persons"].sum())),
            "simulated": round(float(total["made"].sum())),
            "ratio_by_year": (years["made"] / years["persons"]).round(3).to_dict(),
            "error_by_nationality_and_month": round(off / float(single["persons"].sum()), 3)
            if len(single)
            else None,
        }
    return out


def _made(
    rows: Mapping[Hashable, Mapping[Hashable, Any]], border: str, nationality: str, month: str
) -> float:
    return float(rows.get((border, nationality), {}).get(month, np.nan))


def describe_fit(scenario: Scenario, *, scale: float, seed: int) -> dict[str, Any]:
    """What is known of the fit behind the shipped departures.

    Parameters
    ----------
    scenario : Scenario
        The baseline, which is run once for its scores.
    scale : float
        Share of the people simulated for the scores.
    seed : int

    Returns
    -------
    dict
    """
    from calibration.mechanism import border_table  # noqa: PLC0415 - loads the engine
    from sim.engines.agents import load_kernels, run_agents  # noqa: PLC0415
    from sim.plan import compile_plan  # noqa: PLC0415

    load_kernels()
    plan = compile_plan(scenario, scale=scale)
    table = border_table(plan, run_agents(plan, seed=seed))
    first, last = f"{scenario.window.start:%Y-%m}", f"{scenario.window.end:%Y-%m}"
    usual = {
        name: p.default
        for name, p in inspect.signature(infer_departures).parameters.items()
        if p.default is not inspect.Parameter.empty
    }
    return {
        "made_by": "python -m calibration.departures",
        "method": "multiplicative updates along the lag from departure to border on whole runs of the agents engine",
        "config": usual,
        "version": version("travesia"),
        "scenario": SCENARIO,
        "scenario_hash": scenario.hash(),
        "window": [first, last],
        "inputs": input_hashes(),
        "scored_with": {"scale": scale, "seed": seed},
        "scores": fit_scores(table, first, last),
        "note": "Borders that departures were set from are no test; the others are. A scenario, not a prediction.",
    }


def write_fit(folder: Path | None = None, *, scale: float = 0.2, seed: int = 1) -> Path:
    """Write the file beside the departures.

    Parameters
    ----------
    folder : Path, optional
        The shipped world by default.
    scale : float
    seed : int

    Returns
    -------
    Path
    """
    from sim.spec import load_scenario  # noqa: PLC0415

    facts = describe_fit(load_scenario(SCENARIO), scale=scale, seed=seed)
    target = (folder or _world()) / FIT_FILE
    aside = target.with_suffix(".part")
    aside.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    aside.replace(target)
    return target


def main() -> None:
    """Write the provenance of the shipped departures anew (maintenance command)."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--scale", type=float, default=0.2)
    write_fit(scale=parser.parse_args().scale)


if __name__ == "__main__":
    main()
