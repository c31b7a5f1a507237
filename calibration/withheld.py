"""A fit without some borders enters; how well it predicts them, beside rules built from the Darién alone, leaves.

Nothing of a withheld border inside the window is used: shares of a nationality that were set from its own counts are taken out
first (:func:`blind_scenario`), and its detection rates come from the priors of the configuration and from
`calibration.registered`, which are documented without its counts (`configs/withheld.yaml` says how). Half of the variance of
such a range is shared by all nationalities, half is each one's own; a border that was counted before the window has learnt how
far nationalities and months stand apart from those years (`calibration.apart`). What is known from elsewhere is used:

- Who comes by way of the Darién was registered there: more or fewer people than the fit says walk on (`calibration.upstream`).
- Honduras lies behind the airport of Managua, and Nicaragua's central bank printed how many more foreigners arrived by air
  than left. Where the fit sends more people there than that, they stand for others who came another way, and Honduras is
  told of no more than were seen to land.
- Those who fly to Managua buy a passage by land with the flight and are led past the offices (`registered_shares.csv`).
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

from calibration.apart import apart_before, land_only
from calibration.config import border_rows
from calibration.darien_rules import best_with_hindsight, best_without_sight
from calibration.fit import with_departures
from calibration.likelihood import Counts, Window
from calibration.observed.load import load_windows
from calibration.registered import own_channels, registered_ranges
from calibration.score import LEVELS, wis
from calibration.upstream import Upstream, nationality_phi
from sim.engines.agents import load_kernels, run_agents
from sim.plan import compile_plan

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from numpy.typing import NDArray

    from calibration.apart import Apart
    from calibration.calibrate import FitResult
    from calibration.likelihood import Posterior
    from calibration.response import Response, Row
    from sim.spec import Scenario

__all__ = ["blind_scenario", "landed_share", "moved_people", "predict_border", "score_withheld"]

_DRAWS = 1000
_LANDED = "nicaragua_air_arrivals_minus_departures_window"
_BY_AIR = "air_nic"
_BEHIND_MANAGUA = ("honduras",)
_SHARED = np.sqrt(0.5)
"""Part of the standard deviation of a documented range that all nationalities share, and that each has for itself."""
_BOUNDS_WIDE = 2.0 * 1.645
_TRANSFER = "transfer"
_SAME_PEOPLE = "costa_rica"
"""The fitted border that counts the people of the Darién once more some days later: its scatter is that of an office."""


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
class _Way:
    """People who are detected alike.

    Parameters
    ----------
    strand : int
    rows : bool [rows]
        Their departures.
    ranges : float64 [months, 3]
        Low, middle and high of the share detected.
    parameter : int
        Detection parameter that says where in its range the share lies; -1 where no parameter does.
    """

    strand: int
    rows: NDArray[np.bool_]
    ranges: NDArray[np.float64]
    parameter: int


@dataclass(frozen=True)
class _Border:
    """What predicts a withheld border, apart from the parameters that are drawn.

    Parameters
    ----------
    name : str
    counts : Counts
    ways : tuple of _Way
    once : bool
        Whether persons are counted, each at most once, and not events.
    upstream : Upstream
        Who passed the Darién before.
    apart : Apart or None
        How far months and nationalities stand apart there, where it was counted before the window.
    scatter : NDArray[np.int64]
        Fitted series whose scatter is that of an office.
    moved : float64 [groups, months]
        People moved back by rules of the window.
    """

    name: str
    counts: Counts
    ways: tuple[_Way, ...]
    once: bool
    upstream: Upstream
    apart: Apart | None
    scatter: NDArray[np.int64]
    moved: NDArray[np.float64]

    @classmethod
    def of(cls, result: FitResult, name: str) -> _Border:
        response, series = result.posterior.response, result.posterior.counts.borders
        counts = Counts.arrange(_windows(result, name), response)
        strands = tuple(s for s, (border, _) in enumerate(response.strands) if border == name)
        kinds = {b.count_kind for b in result.scenario.world.borders if b.id == name}
        once = kinds == {"persons"}
        by_land = land_only(response, strands)
        alike = [i for i, s in enumerate(series) if s.startswith(f"{_SAME_PEOPLE} ")]
        return cls(
            name,
            counts,
            _ways(result.posterior, name, strands),
            once,
            Upstream.of(response, _reached_by_land(response, strands)),
            None if once else apart_before(result.config, name, by_land),
            np.array(alike or range(len(series)), np.int64),
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
        shape = (len(response.strands), len(response.groups), len(response.months))
        phi = nationality_phi(posterior, log_phi)[:, None]
        elsewhere = phi * rng.gamma(1.0 / phi, size=shape[1:])
        known = self.upstream.multipliers(posterior, theta, rng)
        matrix = self.upstream.carried(response, known, elsewhere)
        apart = rng.standard_normal(shape[1])[:, None]  # of each nationality, by all ways
        behaviour = detection.copy()
        behaviour[[posterior.names.index(name) for _, name in response.strands]] = 0.0
        changed = posterior.rate(behaviour).reshape(shape)
        seen = np.zeros(shape)
        for way in self.ways:
            k = way.parameter
            place = rng.standard_normal() if k < 0 else (detection[k] - middle[k]) / spread[k]
            rate = way.ranges[:, 1] * np.exp(self._apart(way, place, apart))
            if self.once:  # a share of persons stays within its range, as the parameters of the fit do
                rate = np.clip(rate, way.ranges[:, 0], way.ranges[:, 2])
            crossed = np.asarray(matrix @ (persons * way.rows)).reshape(shape)[way.strand]
            seen[way.strand] += changed[way.strand] * rate * crossed
        seen[self.ways[0].strand] += rng.uniform() * self.moved
        return self._counted(np.asarray(self.counts.gather @ seen.ravel()) + 1e-3, log_phi, rng)

    def _apart(self, way: _Way, place: float, apart: NDArray[np.float64]) -> NDArray[np.float64]:
        """Log distance from the middle of the range: float64 [groups, months]."""
        wide = np.log(way.ranges[:, 2] / way.ranges[:, 0]) / _BOUNDS_WIDE
        if self.apart is not None and way.parameter == self.ways[0].parameter:
            return np.asarray(wide * place + self.apart.nationalities * apart)
        return np.asarray(_SHARED * wide * (place + apart))

    def _counted(
        self, mean: NDArray[np.float64], log_phi: NDArray[np.float64], rng: np.random.Generator
    ) -> NDArray[np.float64]:
        """Counts around what is expected."""
        if self.apart is None:
            phi = float(np.exp(log_phi[self.scatter].mean()))
            factor = phi * rng.gamma(1.0 / phi, size=len(mean))
        else:
            months = [w.months[0][0] for w in self.counts.windows]
            named, at = np.unique(months, return_inverse=True)
            factor = np.exp(
                self.apart.months * rng.standard_normal(len(named))[at]
                + self.apart.both * rng.standard_normal(len(mean))
            )
        return np.asarray(rng.poisson(np.minimum(mean * factor, 1e8)), np.float64)


def _windows(result: FitResult, border: str) -> list[Window]:
    """Monthly counts of a border by nationality."""
    groups = result.posterior.response.groups
    rows = border_rows(result.config, border)
    rows = rows[
        rows["month"].between(result.config.start, result.config.end) & (rows["confidence"] != "lower bound")
    ]
    rows = rows[rows["nationality"].isin(groups)]
    return [
        Window(border, _covered(row, groups), ((str(row["month"]), 1.0),), float(row["persons"]))
        for row in rows.to_dict("records")
    ]


def _reached_by_land(response: Response, strands: tuple[int, ...]) -> tuple[int, ...]:
    """The strand of a border that most people cross; the others are flights."""
    crossed = response.crossings(response.start)[list(strands)].sum(axis=(1, 2))
    return (strands[int(crossed.argmax())],)


def _ways(posterior: Posterior, border: str, strands: tuple[int, ...]) -> tuple[_Way, ...]:
    """Who is detected alike at a border, the main strand first."""
    response = posterior.response
    main = _reached_by_land(response, strands)
    channel = np.array([c for _, c, _ in response.rows])
    own = own_channels(border)
    ways = []
    for s in (*main, *(s for s in strands if s not in main)):
        k = posterior.names.index(response.strands[s][1])
        _, middle, low, high = posterior.priors.detection[k]
        for name in ("", *own):
            ranges = registered_ranges(border, name, response.months, (low, middle, high))
            rows = channel == name if name else ~np.isin(channel, own)
            ways.append(_Way(s, rows, ranges, -1 if name else k))
    return tuple(ways)


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
