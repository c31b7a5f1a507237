"""How far a preview lies from full runs: scenarios enter, the table that the page quotes leaves.

``python -m sim.app.service.measure`` writes `preview_error.csv` beside the page (maintenance command).
"""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from sim.app.service.preview import Previews, Seen
from sim.ensemble import run
from sim.spec import Scenario, load_scenario

__all__ = ["SCENARIOS", "apart", "gaps", "main", "stated"]

log = logging.getLogger(__name__)

SCENARIOS = (
    "history/baseline",
    "what_if/no_october_2022_rule",
    "what_if/no_appointments",
    "what_if/appointments_doubled",
    "what_if/darien_closed_one_month",
    "what_if/title_42_kept",
    "what_if/mexico_transfers_doubled",
    "what_if/nicaragua_ends_air_entry",
)
"""What happened, and what-ifs of different kinds: no expulsion or longer, no queue or a shorter one, a closed way, people
moved south, people who no longer fly in."""
_FEWEST = 100.0


def gaps(scenario: Scenario, *, replicates: int, scale: float) -> pd.DataFrame:
    """Compare a preview with a full run, month by month.

    Parameters
    ----------
    scenario : Scenario
    replicates : int
    scale : float
        Share of the people simulated.

    Returns
    -------
    DataFrame
        border, month, preview, run (persons), percent (absolute difference); months with 100 persons or more.
    """
    seen = Previews().look(scenario, scenario, scenario.name)
    if seen is None:  # nobody else asks
        return pd.DataFrame()
    with tempfile.TemporaryDirectory() as folder:
        done = run(scenario, replicates=replicates, scale=scale, out=Path(folder) / "run")
        return apart(seen, done.summary)


def apart(seen: Seen, summary: pd.DataFrame) -> pd.DataFrame:
    """How far a preview lies from the summary of a full run.

    Parameters
    ----------
    seen : Seen
    summary : DataFrame
        Of `sim.results.Run`.

    Returns
    -------
    DataFrame
        As `gaps`.
    """
    table = summary[summary["nationality"] == "ALL"]
    ran_by = dict(zip(zip(table["border"], table["month"], strict=True), table["median"], strict=True))
    rows = []
    for border in seen.now.borders:
        line = seen.crossings(border)
        for month, persons in zip(line["month"], line["now"], strict=True):
            ran = float(ran_by.get((border, month), 0.0))
            if ran >= _FEWEST:
                rows.append((border, month, float(persons), ran, 100.0 * abs(float(persons) - ran) / ran))
    return pd.DataFrame(rows, columns=["border", "month", "preview", "run", "percent"])


def stated(found: pd.DataFrame) -> pd.DataFrame:
    """What may be said of every scenario alike: of each border, the scenario in which previews lay farthest off.

    Parameters
    ----------
    found : DataFrame
        scenario, border, percent: of every month compared.

    Returns
    -------
    DataFrame
        border (with ``ALL``), median_percent, p90_percent (largest over scenarios, rounded up to a tenth), months,
        scenarios.
    """
    both = pd.concat([found, found.assign(border="ALL")])
    by = both.groupby(["border", "scenario"], sort=False)["percent"]
    each = pd.DataFrame({"median_percent": by.median(), "p90_percent": by.quantile(0.9), "months": by.size()})
    border = each.groupby("border", sort=False)
    table = pd.DataFrame({name: border[name].max() for name in ("median_percent", "p90_percent")})
    table = pd.DataFrame(np.ceil(10.0 * table.to_numpy()) / 10.0, table.index, table.columns)
    return table.assign(months=border["months"].sum(), scenarios=border.size()).reset_index()


def main(replicates: int = 3, scale: float = 0.3) -> pd.DataFrame:
    """Measure `SCENARIOS` and write the table."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    found = []
    for name in SCENARIOS:
        one = gaps(load_scenario(name), replicates=replicates, scale=scale)
        found.append(one.assign(scenario=name))
        log.info("%s: nine in ten months within %.1f %%", name, one["percent"].quantile(0.9))
    table = stated(pd.concat(found, ignore_index=True))
    path = Path(__file__).parents[1] / "preview_error.csv"
    table.to_csv(path, index=False)
    log.info("%s written\n%s", path.name, table.to_string(index=False))
    return table


if __name__ == "__main__":
    main()
