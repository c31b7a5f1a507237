"""Underlying demand to leave, inferred from the observed series with the policies' effects divided out.

The step is repeatable: ``python -m calibration.departures`` writes ``scenarios/world/americas/departures.csv``. Persons who
depart by group, channel and month are raised or lowered until the simulated crossings of the baseline, policies in force, meet
the observed ones (multiplicative updates along the lag from departure to border, as in Richardson and Lucy's deconvolution).
Since the simulation applies the policies to these departures, what is inferred is the demand before they act: switching a policy
off then shows what it did. ``departure_channels.csv`` says which series each channel is set from and where demand is held.
"""

from __future__ import annotations

import argparse
import logging
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from calibration.observed.load import load_observed, load_pathways
from sim.engines.agents import load_kernels, run_agents
from sim.plan import AGES, SEXES, compile_plan
from sim.spec import Departure, load_scenario

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from sim.spec import Scenario

__all__ = ["infer_departures", "main"]

log = logging.getLogger(__name__)

_US = ("us_border_patrol", "us_ports")
_LAGS = 6
_FLOOR = 0.5
"""Persons a month below which a channel is taken as empty."""
_CLIP = 3.0
"""Largest change of a month in one pass."""
_SMOOTH = 3.0
"""A month keeps between a third and three times the median of the seven months around it: demand does not jump where a policy
blocks a channel, and what then remains shows as misfit."""
_CHARTERS = {"2023-08": 10_000.0, "2023-09": 11_000.0, "2023-10": 10_000.0}
"""Haitians by charter to Managua: 31,000 in three months, Inter-American Dialogue and AP, 2023."""
_CHARTERS_OTHERWISE = 3_000.0
"""Assumption."""
_CHARTERS_FROM = "2023-06"
_HELD_MONTHS = 20
"""Months after the last observed one for which demand is carried on, so that later policies have somebody to act on."""


@dataclass
class Demand:
    """Persons who depart: groups x channels by month.

    Parameters
    ----------
    channels : DataFrame
        Rows of ``departure_channels.csv``.
    months : tuple of str
    persons : float64 [channels, months]
    """

    channels: pd.DataFrame
    months: tuple[str, ...]
    persons: NDArray[np.float64]
    fitted: NDArray[np.bool_]


def _rows(frame: pd.DataFrame) -> Iterator[Any]:
    return iter(frame.itertuples())


def _month_list(scenario: Scenario) -> tuple[str, ...]:
    first, last = scenario.spin_up_start or scenario.window.start, scenario.window.end
    return tuple(str(m) for m in pd.period_range(first, last, freq="M"))


def _observed(months: tuple[str, ...], groups: list[str]) -> dict[str, NDArray[np.float64]]:
    table = load_observed()
    out = {}
    for border in ("darien", *_US):
        part = table[(table["border"] == border) & table["month"].isin(months)]
        wide = part.pivot_table(index="nationality", columns="month", values="persons", aggfunc="sum")
        out[border] = wide.reindex(index=groups, columns=list(months)).fillna(0.0).to_numpy()
    paroles = load_pathways("chnv_parole")
    wide = paroles[paroles["month"].isin(months)].pivot_table(
        index="nationality", columns="month", values="persons", aggfunc="sum"
    )
    out["paroles"] = wide.reindex(index=groups, columns=list(months)).fillna(0.0).to_numpy()
    out["us"] = out["us_border_patrol"] + out["us_ports"] + out["paroles"]
    return out


def _start(scenario: Scenario, channels: pd.DataFrame, groups: list[str]) -> Demand:
    months = _month_list(scenario)
    seen = _observed(months, groups)
    persons = np.zeros((len(channels), len(months)))
    fitted = np.zeros_like(persons, bool)
    for i, row in enumerate(_rows(channels)):
        series = seen["darien" if row.set_from == "darien" else "us"][groups.index(str(row.group))]
        persons[i] = 0.5 * series + 0.5 * np.append(series[1:], series[-1])
        fitted[i] = True
        if isinstance(row.fit_from, str):
            fitted[i] &= np.array(months) >= row.fit_from
        if isinstance(row.fit_to, str):
            fitted[i] &= np.array(months) <= row.fit_to
        persons[i, ~fitted[i]] = 0.0
        if row.set_from == "charters":
            persons[i] = fitted[i] * (
                _charter_flights(months) + seen["paroles"][groups.index(str(row.group))]
            )
    return Demand(channels, months, persons, fitted)


def _charter_flights(months: tuple[str, ...]) -> NDArray[np.float64]:
    """Haitians who flew to Managua; those with a parole leave from the same place and come on top."""
    return np.array([_CHARTERS.get(m, _CHARTERS_OTHERWISE if m >= _CHARTERS_FROM else 0.0) for m in months])


def _hold(demand: Demand) -> None:
    """Carry demand on where a rule, not its absence, explains that nothing was seen: mean of the last six fitted months."""
    for i, row in enumerate(_rows(demand.channels)):
        known = np.flatnonzero(demand.fitted[i])
        if row.hold_after and len(known) and known[-1] + 1 < len(demand.months):
            demand.persons[i, known[-1] + 1 :] = demand.persons[i, known[-6:]].mean()


def _scenario_with(base: Scenario, demand: Demand, places: pd.DataFrame, keep: NDArray[np.bool_]) -> Scenario:
    rows = []
    for i, row in enumerate(_rows(demand.channels)):
        if not keep[i]:
            continue
        own = places[(places["group"] == row.group) & (places["channel"] == row.channel)]
        for m, month in enumerate(demand.months):
            if demand.persons[i, m] < _FLOOR:
                continue
            period = pd.Period(month, "M")
            for place in _rows(own):
                rows.append(
                    Departure(
                        place=place.place,
                        group=row.group,
                        channel=row.channel,
                        persons=float(demand.persons[i, m] * place.share),
                        start=period.start_time.date(),
                        end=period.end_time.date(),
                    )
                )
    return base.model_copy(update={"departures": tuple(rows)})


def _simulate(
    scenario: Scenario, groups: list[str], scale: float, seed: int
) -> dict[str, NDArray[np.float64]]:
    """Crossings by border, group and month, as the authorities count them."""
    plan = compile_plan(scenario, scale=scale)
    tally = run_agents(plan, seed=seed)
    number = {leg.id: i for i, leg in enumerate(plan.legs)}
    per_group = len(AGES) * len(SEXES)
    out = {b: np.zeros((len(groups), len(plan.months))) for b in ("darien", *_US)}
    order = [groups.index(g) for g in plan.groups]
    share = {(e.border, e.group): e.share for e in scenario.world.border_exclusions}
    for border in scenario.world.borders:
        if border.id in out and border.leg in number:
            rate = scenario.parameters.get(border.detection_parameter, 1.0)
            flow = tally.flows[:, number[border.leg], :].reshape(len(plan.months), -1, per_group).sum(axis=2)
            own = np.array([share.get((border.id, g), 1.0) for g in plan.groups])
            out[border.id][order] += (flow * own).T * rate / scale
    out["paroles"] = np.zeros((len(groups), len(plan.months)))
    for i, leg in enumerate(plan.legs):
        if leg.mode == "air_regular":
            flow = tally.flows[:, i, :].reshape(len(plan.months), -1, per_group).sum(axis=2)
            out["paroles"][order] += flow.T / scale
    out["us"] = out["us_border_patrol"] + out["us_ports"] + out["paroles"]
    return out


def _update(
    x: NDArray[np.float64], ratio: NDArray[np.float64], lag: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Multiply each month by the mean ratio of the months in which its people cross."""
    n = len(x)
    weight = np.zeros(n)
    total = np.zeros(n)
    for k, share in enumerate(lag):
        total[: n - k] += share * ratio[k:]
        weight[: n - k] += share
    factor = np.where(weight > 0.0, total / np.maximum(weight, 1e-12), 1.0)
    return np.asarray(x * np.clip(factor, 1.0 / _CLIP, _CLIP))


def _smooth(x: NDArray[np.float64], fitted: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Hold every fitted month within a third and three times the median of the seven months around it."""
    known = pd.Series(np.where(fitted, x, np.nan))
    middle = known.rolling(7, center=True, min_periods=1).median().fillna(0.0).to_numpy()
    return np.asarray(np.where(fitted, np.clip(x, middle / _SMOOTH, np.maximum(middle * _SMOOTH, 30.0)), x))


def _lag_shares(scenario: Scenario, border: str) -> NDArray[np.float64]:
    """Rough shares of people who cross k months after the month of departure (from the tables' mean travel times)."""
    mean = 0.6 if border == "darien" else 1.0
    k = np.arange(_LAGS)
    share = np.exp(-0.5 * ((k - mean) / 0.55) ** 2)
    return np.asarray(share / share.sum())


def infer_departures(
    *,
    passes: int = 10,
    scale: float = 0.06,
    year_passes: int = 3,
    year_scale: float = 1.0,
    seed: int = 1,
    name: str = "history/baseline",
) -> Demand:
    """Infer demand by group, channel and month.

    Parameters
    ----------
    passes : int
        Multiplicative updates by month.
    scale : float
        Share of the people simulated in each pass.
    year_passes : int
        Passes after them that bring each year of the overland channels to its count.
    year_scale : float
        Share of the people simulated in these.
    seed : int
    name : str
        Scenario whose policies are in force.

    Returns
    -------
    Demand
    """
    base = load_scenario(name)
    folder = Path(str(files("scenarios"))) / "world" / "americas"
    places = pd.read_csv(folder / "departure_places.csv")
    channels = pd.read_csv(Path(str(files("calibration"))) / "departure_channels.csv", keep_default_na=True)
    channels = channels.merge(places[["group", "channel"]].drop_duplicates(), on=["group", "channel"])
    groups = sorted(channels["group"].unique())
    demand = _start(base, channels, groups)
    seen = _observed(demand.months, groups)
    overland = (channels["set_from"] == "darien").to_numpy()
    everyone = np.ones(len(channels), bool)
    load_kernels()
    for turn in range(passes):
        _hold(demand)
        full = _simulate(_scenario_with(base, demand, places, everyone), groups, scale, seed + turn)
        alone = _simulate(_scenario_with(base, demand, places, overland), groups, scale, seed + turn)
        for i, row in enumerate(_rows(channels)):
            g = groups.index(str(row.group))
            if row.set_from == "darien":
                target, made = seen["darien"][g], full["darien"][g]
            else:
                target = np.maximum(seen["us"][g] - alone["us"][g], 0.02 * seen["us"][g])
                made = np.maximum(full["us"][g] - alone["us"][g], 0.0)
            if row.set_from == "charters":
                continue
            noise = 4.0 / scale  # persons by which one draw of the scaled people is off
            ratio = ((target + noise) / (made + noise)) ** (1.0 if turn < 3 else 0.7)
            x = _update(demand.persons[i], ratio, _lag_shares(base, str(row.set_from)))
            demand.persons[i] = _smooth(np.where(demand.fitted[i], x, 0.0), demand.fitted[i])
        misfit = np.abs(full["darien"].sum(axis=1) - seen["darien"].sum(axis=1)).sum() / seen["darien"].sum()
        us = full["us"].sum() / seen["us"].sum()
        log.info(
            "pass %d: Darién by nationality off by %.1f %%, US border in all %.3f of observed",
            turn,
            100 * misfit,
            us,
        )
    for turn in range(year_passes):
        _hold(demand)
        full = _simulate(_scenario_with(base, demand, places, everyone), groups, year_scale, seed + turn)
        _meet_years(demand, full["darien"], seen["darien"], groups)
    _hold(demand)
    return demand


def _meet_years(
    demand: Demand, made: NDArray[np.float64], seen: NDArray[np.float64], groups: list[str]
) -> None:
    """Raise or lower each year of the overland channels to the year's count, leaving the months within it as they are."""
    years = np.array([str(pd.Period(m, "M") + 1)[:4] for m in demand.months])
    crossed = np.array([m[:4] for m in demand.months])
    for i, row in enumerate(_rows(demand.channels)):
        if row.set_from != "darien":
            continue
        g = groups.index(str(row.group))
        for year in np.unique(crossed):
            ratio = (seen[g, crossed == year].sum() + 20.0) / (made[g, crossed == year].sum() + 20.0)
            demand.persons[i, years == year] *= np.clip(ratio, 0.5, 2.0)


def write_departures(demand: Demand, target: Path) -> int:
    """Write the table of departures, one row for each month, group, channel and place.

    Returns
    -------
    int
        Rows.
    """
    folder = Path(str(files("scenarios"))) / "world" / "americas"
    places = pd.read_csv(folder / "departure_places.csv")
    later = pd.period_range(pd.Period(demand.months[-1], "M") + 1, periods=_HELD_MONTHS, freq="M")
    series = {
        "charters": "charter flights (Inter-American Dialogue, AP)",
        "darien": "darien_entries (SNM Panama)",
        "us": "us_border_patrol + us_ports + chnv_paroles (CBP, DHS)",
    }
    rows = []
    for i, row in enumerate(_rows(demand.channels)):
        own = places[(places["group"] == row.group) & (places["channel"] == row.channel)]
        for m, month in enumerate(demand.months):
            for place in _rows(own):
                persons = round(float(demand.persons[i, m] * place.share), 1)
                if persons >= _FLOOR:
                    held = "" if demand.fitted[i, m] else "; held: mean of the last six fitted months"
                    rows.append(
                        (
                            month,
                            row.group,
                            place.place,
                            persons,
                            row.channel,
                            series[str(row.set_from)] + held,
                        )
                    )
        year = float(demand.persons[i, -12:].mean())
        for coming in later:
            for place in _rows(own):
                if year * place.share >= _FLOOR:
                    held = f"{series[str(row.set_from)]}; held: mean of the last twelve months"
                    rows.append(
                        (str(coming), row.group, place.place, round(year * place.share, 1), row.channel, held)
                    )
    table = pd.DataFrame(rows, columns=["month", "group", "place", "persons", "channel", "set_from"])
    table.sort_values(["month", "group", "channel", "place"]).to_csv(target, index=False)
    return len(table)


def main() -> None:
    """Infer demand and write ``departures.csv`` (maintenance command)."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--passes", type=int, default=10)
    parser.add_argument("--scale", type=float, default=0.06)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    demand = infer_departures(passes=options.passes, scale=options.scale)
    target = Path(str(files("scenarios"))) / "world" / "americas" / "departures.csv"
    log.info("%d rows in %s", write_departures(demand, target), target.name)


if __name__ == "__main__":
    main()
