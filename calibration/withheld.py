"""A fit without some borders enters; how well it predicts them, beside rules built from the Darién alone, leaves.

Nothing of a withheld border is used: shares of a nationality that were set from its own counts are taken out first
(:func:`blind_scenario`), and its detection rates come from the priors of the configuration, which are documented without the
counts of the window (`configs/withheld.yaml` says how). Half of the variance of such a prior is shared by all nationalities,
half is each one's own. What is known from elsewhere is used:

- Honduras lies behind the airport of Managua, and Nicaragua's central bank printed how many more foreigners arrived by air
  than left. Where the fit sends more people there than that, they stand for others who came another way, and Honduras is
  told of no more than were seen to land.
- Those who fly to Managua buy a passage by land with the flight and are led past the offices (:data:`BY_CHANNEL`).
- Where detentions are counted, whoever is moved back south is detained once more. What a country moves as a matter of course
  is part of its detections per entry; what a rule of the window adds is counted on top (:func:`moved_people`), each time with
  a probability of which nothing is known but that it lies between nought and one.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from calibration.config import border_rows
from calibration.darien_rules import best_with_hindsight, best_without_sight
from calibration.fit import with_departures
from calibration.likelihood import Counts, Window
from calibration.observed.load import load_windows
from calibration.score import LEVELS, wis
from sim.engines.agents import load_kernels, run_agents
from sim.plan import compile_plan

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from numpy.typing import NDArray

    from calibration.calibrate import FitResult
    from calibration.response import Row
    from sim.spec import Scenario

__all__ = ["BY_CHANNEL", "blind_scenario", "landed_share", "moved_people", "predict_border", "score_withheld"]

BY_CHANNEL: dict[tuple[str, str], tuple[float, float, float]] = {("honduras", "air_nic"): (0.1, 0.25, 0.6)}
"""Share registered of those who came by a channel, where it is not that of the border: low, middle and high.

Flights to Managua are sold with a passage by land (`observed/transit.csv`: 2,100 USD for the smuggler on top of 1,250 for the
charter), and in early 2022 the church of Danlí saw those who were led pass by the checkpoints (14ymedio). They are taken to
register as people did while it cost a fine: one in four, the assumption of the policy HN-AMNISTIA, within wide bounds.
"""

_DRAWS = 400
_LANDED = "nicaragua_air_arrivals_minus_departures_window"
_BY_AIR = "air_nic"
_BEHIND_MANAGUA = ("honduras",)
_SHARED = np.sqrt(0.5)
"""Part of the standard deviation of a documented range that all nationalities share, and that each has for itself."""
_BOUNDS_WIDE = 2.0 * 1.645
_TRANSFER = "transfer"


def blind_scenario(scenario: Scenario, withheld: tuple[str, ...]) -> Scenario:
    """The scenario without shares of nationalities at withheld borders, since they were set from those borders' counts.

    Parameters
    ----------
    scenario : Scenario
    withheld : tuple of str

    Returns
    -------
    Scenario
        Nationalities that an office does not count at all stay uncounted.
    """
    kept = tuple(e for e in scenario.world.border_exclusions if e.border not in withheld or e.share == 0.0)
    world = scenario.world.model_copy(update={"border_exclusions": kept})
    return scenario.model_copy(update={"world": world})


@functools.cache
def _landed() -> tuple[str, str, float]:
    """First and last month of the central bank's count, and the count."""
    table = load_windows("nicaragua")
    row = table[table["series"] == _LANDED].iloc[0]
    return f"{row['start']:%Y-%m}", f"{row['end']:%Y-%m}", float(row["persons"])


def landed_share(rows: Sequence[Row], persons: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of each departure row that was seen to land in Managua, at most one.

    Parameters
    ----------
    rows : sequence of (str, str, str)
        Group, channel, month.
    persons : float64 [rows]

    Returns
    -------
    float64 [rows]
        One for those who did not come by air.
    """
    first, last, landed = _landed()
    air = np.array([channel == _BY_AIR for _, channel, _ in rows])
    inside = air & np.array([first <= month <= last for _, _, month in rows])
    share = min(1.0, landed / max(float(persons[inside].sum()), 1.0))
    return np.where(air, share, 1.0)


@dataclass(frozen=True)
class _Border:
    """What predicts a withheld border, apart from the parameters that are drawn.

    Parameters
    ----------
    name : str
    counts : Counts
    strands : int64
        Its strands in the response.
    alike : tuple of int64
        Fitted series of the same nationality, for each count; empty where there is none.
    channels : tuple of (bool [rows], (float, float, float))
        Departure rows whose share is another, and that share.
    moved : float64 [groups, months]
        People moved back by rules of the window.
    """

    name: str
    counts: Counts
    strands: NDArray[np.int64]
    alike: tuple[NDArray[np.int64], ...]
    channels: tuple[tuple[NDArray[np.bool_], tuple[float, float, float]], ...]
    moved: NDArray[np.float64]

    @classmethod
    def of(cls, result: FitResult, name: str) -> _Border:
        response, series = result.posterior.response, result.posterior.counts.borders
        rows = border_rows(result.config, name)
        rows = rows[
            rows["month"].between(result.config.start, result.config.end)
            & (rows["confidence"] != "lower bound")
        ]
        rows = rows[rows["nationality"].isin(response.groups)]
        windows = [
            Window(name, _covered(row, response.groups), ((str(row["month"]), 1.0),), float(row["persons"]))
            for row in rows.to_dict("records")
        ]
        counts = Counts.arrange(windows, response)
        own = [w.groups[0] if len(w.groups) == 1 else "" for w in counts.windows]
        alike = [[i for i, s in enumerate(series) if g and s.endswith(f" {g}")] for g in own]
        channel = np.array([c for _, c, _ in response.rows])
        return cls(
            name,
            counts,
            np.array([i for i, (border, _) in enumerate(response.strands) if border == name], np.int64),
            tuple(np.array(a, np.int64) for a in alike),
            tuple((channel == c, share) for (border, c), share in BY_CHANNEL.items() if border == name),
            moved_people(result, name),
        )

    def draw(
        self, result: FitResult, theta: NDArray[np.float64], rng: np.random.Generator
    ) -> NDArray[np.float64]:
        """Counts of one draw: float64 [counts]."""
        posterior = result.posterior
        response = posterior.response
        u, detection, log_phi = posterior.split(theta)
        persons = np.exp(u)
        if self.name in _BEHIND_MANAGUA:
            persons = persons * landed_share(response.rows, persons)
        middle, spread, _, _ = posterior.detection_prior
        apart = rng.standard_normal(len(response.groups))[:, None]  # of each nationality, by all ways
        shape = (len(response.strands), len(response.groups), len(response.months))
        seen = np.zeros(shape)
        rest = np.ones(len(persons), np.bool_)
        for rows, (low, usual, high) in self.channels:
            rest &= ~rows
            wide = _SHARED * np.log(high / low) / _BOUNDS_WIDE
            rate = usual * np.exp(wide * (rng.standard_normal() + apart))
            seen[self.strands] += (rate * response.crossings(persons * rows))[self.strands]
        at = [posterior.names.index(response.strands[s][1]) for s in self.strands]
        held = detection.copy()
        held[at] = middle[at] + _SHARED * (detection - middle)[at]
        rates = posterior.rate(held).reshape(shape)
        crossed = response.crossings(persons * rest)
        for s, k in zip(self.strands, at, strict=True):
            seen[s] += rates[s] * np.exp(_SHARED * spread[k] * apart) * crossed[s]
        seen[self.strands[0]] += rng.uniform() * self.moved
        mean = np.asarray(self.counts.gather @ seen.ravel()) + 1e-3
        phi = np.exp(np.array([log_phi[own].mean() if len(own) else log_phi.mean() for own in self.alike]))
        return np.asarray(rng.poisson(np.minimum(mean * rng.gamma(1.0 / phi, phi), 1e8)), np.float64)


def moved_people(result: FitResult, border: str) -> NDArray[np.float64]:
    """People whom the country behind a border moves back by rules that begin inside the window, in whole runs at the fit.

    Parameters
    ----------
    result : FitResult
    border : str

    Returns
    -------
    float64 [groups, months]
        Nought where the border counts persons once, and before the first such rule.
    """
    response, world = result.posterior.response, result.scenario.world
    out = np.zeros((len(response.groups), len(response.months)))
    country = {place.id: place.country for place in world.places}
    end_of = {leg.id: leg.to for leg in world.legs}
    counted = [b for b in world.borders if b.id == border and b.count_kind == "encounters"]
    own = {country[end_of[b.leg]] for b in counted if b.leg in end_of}
    begin = [
        f"{policy.start:%Y-%m}"
        for policy in result.scenario.policies
        if policy.instrument == _TRANSFER and own & {country[p] for p in policy.places}
    ]
    later = [month for month in begin if month > result.config.start]
    if not later:
        return out
    departures = np.exp(result.posterior.split(result.normal.theta)[0])
    load_kernels()
    plan = compile_plan(with_departures(result.scenario, response, departures), scale=result.config.run_scale)
    ways = [
        i for i, leg in enumerate(plan.legs) if leg.made_by == _TRANSFER and country[leg.from_place] in own
    ]
    for turn in range(result.config.runs):
        flows = run_agents(plan, seed=result.config.seed + turn).flows[:, ways].sum(axis=1)
        by_group = flows.reshape(len(plan.months), len(plan.groups), -1).sum(axis=2)
        for i, group in enumerate(response.groups):
            for j, month in enumerate(response.months):
                if month >= min(later) and month in plan.months:
                    out[i, j] += by_group[plan.months.index(month), plan.groups.index(group)]
    return out / (result.config.runs * result.config.run_scale)


def predict_border(result: FitResult, border: str) -> tuple[pd.DataFrame, NDArray[np.float64]]:
    """Predict the monthly counts of a border that was not fitted.

    Parameters
    ----------
    result : FitResult
    border : str

    Returns
    -------
    cells : DataFrame
        nationality, covers (groups it stands for), month, observed.
    quantiles : float64 [cells, 23]
        Detection rates from their priors, scatter of the counts as at the fitted borders.
    """
    rng = np.random.default_rng(result.config.seed)
    made = _Border.of(result, border)
    counts = made.counts
    cells = pd.DataFrame(
        {
            "nationality": [w.groups[0] for w in counts.windows],
            "covers": [";".join(w.groups) for w in counts.windows],
            "month": [w.months[0][0] for w in counts.windows],
            "observed": counts.observed,
        }
    )
    if cells.empty:
        return cells, np.zeros((0, len(LEVELS)))
    drawn = np.stack([made.draw(result, theta, rng) for theta in result.draws(_DRAWS, rng)])
    return cells, np.quantile(drawn, LEVELS, axis=0).T


def _covered(row: dict[Hashable, Any], groups: tuple[str, ...]) -> tuple[str, ...]:
    """Groups a count stands for; "others" are all that its list does not name."""
    named = str(row["covers"]).split(";") if row["covers"] else [str(row["nationality"])]
    return tuple(g for g in named if g in groups)


def score_withheld(result: FitResult) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Score every withheld border beside the two best rules from the Darién.

    Parameters
    ----------
    result : FitResult

    Returns
    -------
    table : DataFrame
        border, cells, wis, naive_wis, relative_wis, rule (chosen with sight of the withheld counts: scale, lag and spread),
        blind_wis, blind_relative_wis, blind_rule (nothing of them seen), coverage90.
    cells : DataFrame
        border, nationality, month, observed, median, lo90, hi90, wis, naive_wis, blind_wis: one row for each count.
    """
    out, every = [], []
    for border in result.config.withheld:
        cells, made = predict_border(result, border)
        if cells.empty:
            continue
        seen = cells["observed"].to_numpy(np.float64)
        own = wis(made, seen)
        naive, rule = best_with_hindsight(result.config, cells)
        blind, blind_rule = best_without_sight(result.config, cells)
        inside = float(((seen >= made[:, 2]) & (seen <= made[:, 20])).mean())
        mean, best, blind_best = float(own.mean()), float(naive.mean()), float(blind.mean())
        out.append(
            (border, len(cells), mean, best, mean / best, rule, blind_best, mean / blind_best, blind_rule, inside)
        )  # fmt: skip
        scores = {"median": made[:, 11], "lo90": made[:, 2], "hi90": made[:, 20], "wis": own}
        every.append(
            cells.drop(columns="covers").assign(border=border, **scores, naive_wis=naive, blind_wis=blind)
        )
    columns = ["border", "cells", "wis", "naive_wis", "relative_wis", "rule"]
    columns += ["blind_wis", "blind_relative_wis", "blind_rule", "coverage90"]
    return pd.DataFrame(out, columns=columns), pd.concat(every, ignore_index=True)
