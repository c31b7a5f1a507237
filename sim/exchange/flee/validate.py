"""`travesia validate-flee`: a run folder enters, relative differences to the counts leave."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from sim.errors import DataError, Problem
from sim.exchange.flee.series import TOTAL, Series, by_day
from sim.exchange.flee.world import NOTE

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from sim.results import Run

__all__ = ["Comparison", "compare_with_data"]


@dataclass(frozen=True)
class Comparison:
    """A run beside the observed counts.

    Parameters
    ----------
    by_day : DataFrame
        date, observed, simulated, difference, rescaled (relative differences of the day).
    by_camp : DataFrame
        place, observed, simulated (means over the days), difference, rescaled (mean of absolute difference
        over the mean observed).
    plain, rescaled : float
        Averaged relative difference: mean over days of ``sum |simulated - observed| / sum observed``;
        rescaled multiplies the simulated counts of a day so that they add up to the observed.
    replicates : int
    """

    by_day: pd.DataFrame
    by_camp: pd.DataFrame
    plain: float
    rescaled: float
    replicates: int


def compare_with_data(run: Run, observed: Path | None = None) -> Comparison:
    """Compare a run of an imported case with its observed counts.

    Parameters
    ----------
    run : Run
        Run with ``--daily``; with several replicates their mean is compared.
    observed : Path, optional
        A table like the import's ``observed.csv``; otherwise the counts the scenario carries in its places'
        notes.

    Raises
    ------
    DataError
        When the run is not daily or carries no observed counts.
    """
    scenario = run.scenario
    dates = pd.date_range(scenario.window.start, scenario.window.end, freq="D")
    series = series_of_table(observed, run) if observed else series_of_notes(run)
    if not series:
        problem = Problem(
            "no place carries observed counts", str(run.path), "a run of a scenario made by travesia "
            "import flee", "or name the table with --observed"
        )  # fmt: skip
        msg = "There is nothing to compare with."
        raise DataError(msg, [problem])
    places = list(series)
    seen = np.stack([by_day(series[name], len(dates)) for name in places]).astype(float)
    made = simulated(run, places, dates)
    return figures(places, dates, seen, made, run.replicates)


def series_of_notes(run: Run) -> dict[str, Series]:
    """Observed counts written into the notes of places."""
    made = {}
    start = run.scenario.window.start
    for place in run.scenario.world.places:
        found = re.match(rf"{re.escape(NOTE)} since (\d{{4}}-\d\d-\d\d) \((.*?)\): (.*)$", place.note)
        if not found:
            continue
        shift = (pd.Timestamp(found[1]).date() - start).days
        pairs = [pair.split(":") for pair in found[3].split()]
        made[place.id] = Series(
            place.id, [int(d) + shift for d, _ in pairs], [float(p) for _, p in pairs], found[2]
        )
    return made


def series_of_table(path: Path, run: Run) -> dict[str, Series]:
    """Observed counts of a table with place, date and persons."""
    try:
        table = pd.read_csv(path, dtype={"place": str})
        table["day"] = (pd.to_datetime(table["date"]) - pd.Timestamp(run.scenario.window.start)).dt.days
        table["persons"] = table["persons"].astype(float)
    except (OSError, ValueError, KeyError) as error:
        problem = Problem(
            f"cannot be read ({error})", str(path), "a CSV file with the columns place, date, persons"
        )
        msg = "The observed counts cannot be read."
        raise DataError(msg, [problem]) from None
    known = {place.id for place in run.scenario.world.places}
    table = table[table["place"] != TOTAL]
    strange = sorted(set(table["place"]) - known)
    if strange:
        msg = "The observed counts do not belong to this run."
        raise DataError(
            msg,
            [
                Problem(f"there is no place '{name}'", str(path), "the id of a place of the run")
                for name in strange
            ],
        )
    made = {}
    for name, rows in table.sort_values("day").groupby("place"):
        made[str(name)] = Series(str(name), [int(d) for d in rows["day"]], list(rows["persons"]), path.name)
    return made


def simulated(run: Run, places: list[str], dates: pd.DatetimeIndex) -> NDArray[np.float64]:
    """Persons present in each place on each evening, mean over replicates."""
    stocks = run.stocks
    starts = pd.to_datetime(stocks["period_start"].astype("datetime64[ns]"))
    if len(dates) > 1 and (starts.dt.day == 1).all():
        problem = Problem("the tables are by month", str(run.path), "a run with --daily")
        msg = "A comparison by day needs a daily run."
        raise DataError(msg, [problem])
    here = stocks[stocks["place"].isin(places) & (stocks["status"] != "travelling")]
    table = (
        here.assign(date=starts[here.index], place=here["place"].astype(str))
        .groupby(["place", "date"])["person_days"]
        .sum()
        .unstack("date")
        .reindex(index=places, columns=dates, fill_value=0.0)
        .fillna(0.0)
    )
    return np.asarray(table.to_numpy(dtype=float) / run.replicates)


def figures(
    places: list[str],
    dates: pd.DatetimeIndex,
    seen: NDArray[np.float64],
    made: NDArray[np.float64],
    replicates: int,
) -> Comparison:
    """Differences by day, by camp and overall."""
    total = np.maximum(seen.sum(axis=0), 1.0)
    people = made.sum(axis=0)
    factor = np.divide(seen.sum(axis=0), people, out=np.zeros(len(people)), where=people > 0.0)
    plain = np.abs(made - seen).sum(axis=0) / total
    rescaled = np.abs(made * factor - seen).sum(axis=0) / total
    mean_seen = np.maximum(seen.mean(axis=1), 1e-9)
    return Comparison(
        pd.DataFrame(
            {
                "date": dates,
                "observed": seen.sum(axis=0),
                "simulated": people,
                "difference": plain,
                "rescaled": rescaled,
            }
        ),
        pd.DataFrame(
            {
                "place": places,
                "observed": seen.mean(axis=1),
                "simulated": made.mean(axis=1),
                "difference": np.abs(made - seen).mean(axis=1) / mean_seen,
                "rescaled": np.abs(made * factor - seen).mean(axis=1) / mean_seen,
            }
        ),
        float(plain.mean()),
        float(rescaled.mean()),
        replicates,
    )
