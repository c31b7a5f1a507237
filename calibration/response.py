"""A scenario enters; what one more departure does to every counted series leaves.

Where people do not interact, monthly crossings are linear in the departures: the response holds, for each group, channel
and month of departure, the share that crosses each counted border in that month and the months after. It is measured on the
agents engine with the policies in force: months of departure that lie `lags` apart are sent out together, each channel by
itself, so that whose crossings they are is known; or it is taken from the expected engine (:func:`expected_response`).
Queues and information make the shares depend on who else is on the route; `calibration.fit` corrects them by the ratio of
whole runs to what the response predicts.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.sparse import coo_matrix, vstack

from calibration.panel import TARGETS
from sim.engines.agents import load_kernels, run_agents
from sim.plan import compile_plan

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from scipy.sparse import csr_matrix

    from sim.spec import Departure, Scenario

__all__ = ["Response", "expected_response", "measure_response", "month_of", "run_strands", "strand_names"]

Row = tuple[str, str, str]
"""Group, channel and month of departure."""


@dataclass(frozen=True)
class Response:
    """Crossings per departure.

    Parameters
    ----------
    strands : tuple of (str, str)
        Border and detection parameter; a border counted with two rates has two strands.
    groups, months : tuple of str
    rows : tuple of (str, str, str)
        Group, channel, month of departure.
    start : float64 [rows]
        Departures of the scenario, in persons.
    matrix : csr_matrix [strands x groups x months, rows]
        Crossings (before detection) for one departure.
    answers : mapping of str to (float, float64 [strands, groups, months])
        Parameters of behaviour: the log value at which `matrix` holds, and the slope of log crossings by the log value.
    """

    strands: tuple[tuple[str, str], ...]
    groups: tuple[str, ...]
    months: tuple[str, ...]
    rows: tuple[Row, ...]
    start: NDArray[np.float64]
    matrix: csr_matrix
    answers: Mapping[str, tuple[float, NDArray[np.float64]]] = field(default_factory=dict)

    def crossings(self, departures: NDArray[np.float64]) -> NDArray[np.float64]:
        """Expected crossings before detection.

        Parameters
        ----------
        departures : float64 [rows]

        Returns
        -------
        float64 [strands, groups, months]
        """
        shape = (len(self.strands), len(self.groups), len(self.months))
        return np.asarray(self.matrix @ departures).reshape(shape)

    def corrected(self, factor: NDArray[np.float64]) -> Response:
        """The response with every series and month multiplied by a factor.

        Parameters
        ----------
        factor : float64 [strands, groups, months]

        Returns
        -------
        Response
        """
        from scipy.sparse import diags  # noqa: PLC0415 - used here alone

        return replace(self, matrix=(diags(factor.ravel()) @ self.matrix).tocsr())

    def moved(self, values: Mapping[str, float]) -> Response:
        """The response at other values of the parameters of behaviour, along their slopes.

        Parameters
        ----------
        values : mapping of str to float
            Logs.

        Returns
        -------
        Response
        """
        log_factor = np.zeros((len(self.strands), len(self.groups), len(self.months)))
        answers = dict(self.answers)
        for name, value in values.items():
            at, slope = self.answers[name]
            log_factor += slope * (value - at)
            answers[name] = (value, slope)
        return replace(self.corrected(np.exp(np.clip(log_factor, -2.0, 2.0))), answers=answers)

    def save(self, path: Path) -> None:
        """Write to one file, aside first and then renamed."""
        aside = path.with_suffix(".part.npz")
        coo = self.matrix.tocoo()
        facts = json.dumps(
            {"strands": self.strands, "groups": self.groups, "months": self.months, "rows": self.rows}
        )
        np.savez_compressed(
            aside, facts=np.array(facts), start=self.start, data=coo.data, row=coo.row, col=coo.col
        )
        aside.replace(path)

    @classmethod
    def load(cls, path: Path) -> Response:
        """Read what :meth:`save` wrote."""
        with np.load(path, allow_pickle=False) as held:
            facts = json.loads(str(held["facts"]))
            pairs = tuple((str(a), str(b)) for a, b in facts["strands"])
            rows = tuple((str(a), str(b), str(c)) for a, b, c in facts["rows"])
            shape = (len(pairs) * len(facts["groups"]) * len(facts["months"]), len(rows))
            matrix = coo_matrix((held["data"], (held["row"], held["col"])), shape=shape).tocsr()
            return cls(pairs, tuple(facts["groups"]), tuple(facts["months"]), rows, held["start"], matrix)


def month_of(row: Departure) -> str:
    """Month in which a departure row begins."""
    return row.start.strftime("%Y-%m")


def strand_names(scenario: Scenario) -> tuple[tuple[str, str], ...]:
    """Border and detection parameter of everything that is counted, from south to north."""
    found = {(b.id, b.detection_parameter) for b in scenario.world.borders if b.id in TARGETS}
    return tuple(sorted(found, key=lambda pair: (TARGETS.index(pair[0]), pair[1])))


def run_strands(
    scenario: Scenario, strands: Sequence[tuple[str, str]], *, scale: float, seed: int
) -> pd.DataFrame:
    """Crossings of one run of the agents engine before detection, at full size.

    Parameters
    ----------
    scenario : Scenario
    strands : sequence of (str, str)
    scale : float
        Share of the people simulated.
    seed : int

    Returns
    -------
    DataFrame
        Index (border, parameter, group), a column for each month.
    """
    plan = compile_plan(scenario, scale=scale)
    flows = run_agents(plan, seed=seed).flows
    number = {leg.id: i for i, leg in enumerate(plan.legs)}
    share = {(e.border, e.group): e.share for e in scenario.world.border_exclusions}
    legs: dict[tuple[str, str], list[int]] = {pair: [] for pair in strands}
    for border in scenario.world.borders:
        pair = (border.id, border.detection_parameter)
        if pair in legs and border.leg in number:
            legs[pair].append(number[border.leg])
    rows = {}
    for pair, own in legs.items():
        flow = flows[:, own].sum(axis=1) if own else np.zeros((len(plan.months), plan.n_tally))
        by_group = flow.reshape(len(plan.months), len(plan.groups), -1).sum(axis=2) / scale
        for i, group in enumerate(plan.groups):
            factor = share.get((pair[0], group), 1.0)
            if factor > 0.0:
                rows[(*pair, group)] = by_group[:, i] * factor
    frame = pd.DataFrame.from_dict(rows, orient="index", columns=list(plan.months))
    frame.index = pd.MultiIndex.from_tuples(list(rows))
    return frame


def _key(scenario: Scenario, scale: float, lags: int, seed: int) -> str:
    text = f"{scenario.hash()}/{scale}/{lags}/{seed}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def measure_response(
    scenario: Scenario,
    *,
    scale: float = 0.05,
    lags: int = 6,
    seed: int = 1,
    cache: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Response:
    """Measure the response on the agents engine.

    Parameters
    ----------
    scenario : Scenario
        Policies in force and departures with channels.
    scale : float
        Share of the people simulated.
    lags : int
        Months within which people cross; also the distance of months that are sent out together.
    seed : int
    cache : Path, optional
        Folder in which a response is kept and found again, by the hash of the scenario.
    progress : callable, optional
        Told runs done and runs in all.

    Returns
    -------
    Response
    """
    file = cache / f"response_{_key(scenario, scale, lags, seed)}.npz" if cache is not None else None
    if file is not None and file.is_file():
        return Response.load(file)
    load_kernels()
    strands = strand_names(scenario)
    months = tuple(str(m) for m in pd.period_range(scenario.first_day, scenario.window.end, freq="M"))
    groups = tuple(sorted({row.group for row in scenario.departures}))
    totals: dict[Row, float] = {}
    for row in scenario.departures:
        key = (row.group, row.channel, month_of(row))
        totals[key] = totals.get(key, 0.0) + row.total
    rows = tuple(sorted(totals))
    turn = _turns(rows)
    entries: list[tuple[int, int, float]] = []
    runs = [(k, phase) for k in sorted(set(turn.values())) for phase in range(lags)]
    for done, (k, phase) in enumerate(runs):
        chosen = {r for r in rows if turn[r[0], r[1]] == k and months.index(r[2]) % lags == phase}
        part = tuple(d for d in scenario.departures if (d.group, d.channel, month_of(d)) in chosen)
        if part:
            seen = run_strands(
                scenario.model_copy(update={"departures": part}), strands, scale=scale, seed=seed
            )
            entries += _entries(seen, sorted(chosen), rows, totals, (strands, groups, months), lags)
        if progress is not None:
            progress(done + 1, len(runs))
    i, j, value = (np.array(x) for x in zip(*entries, strict=True))
    shape = (len(strands) * len(groups) * len(months), len(rows))
    matrix = coo_matrix((value, (i, j)), shape=shape).tocsr()
    start = np.array([totals[row] for row in rows])
    response = Response(strands, groups, months, rows, start, matrix)
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        response.save(file)
    return response


def expected_response(scenario: Scenario, *, cache: Path | None = None) -> Response:
    """Take the response from the expected engine: exact where people do not interact, its tangent where they do.

    Parameters
    ----------
    scenario : Scenario
    cache : Path, optional
        Folder in which it is kept and found again.

    Returns
    -------
    Response
    """
    from sim.engines.expected import compile_series  # noqa: PLC0415 - compiles kernels

    file = cache / f"response_expected_{_key(scenario, 1.0, 0, 0)}.npz" if cache is not None else None
    if file is not None and file.is_file():
        return Response.load(file)
    strands = strand_names(scenario)
    plan = compile_plan(scenario)
    months = tuple(str(m) for m in pd.period_range(scenario.first_day, scenario.window.end, freq="M"))
    series = compile_series(plan, tuple(dict.fromkeys(b for b, _ in strands)), months)
    groups = tuple(sorted(series.groups))
    cells = series.cells
    rows = tuple(sorted({(c.group, c.channel, c.month) for c in cells}))
    number = {row: i for i, row in enumerate(rows)}
    persons = np.exp(series.theta[: len(cells)])
    own = np.array([number[c.group, c.channel, c.month] for c in cells])
    start = np.bincount(own, persons, minlength=len(rows))
    join = coo_matrix((1.0 / start[own], (np.arange(len(cells)), own)), shape=(len(cells), len(rows))).tocsr()
    order = [series.groups.index(g) for g in groups]
    shape = (len(series.borders), len(months), len(groups), len(rows))
    parts = []
    for border, parameter in strands:
        theta = series.theta.copy()
        at = len(cells) + np.arange(len(series.detection))
        theta[at] = [float(name == parameter) for name in series.detection]
        slope = (series.jacobian(theta)[:, : len(cells)] @ join).toarray().reshape(shape)
        block = slope[series.borders.index(border)][:, order].transpose(1, 0, 2)
        parts.append(coo_matrix(block.reshape(-1, len(rows))))
    response = Response(strands, groups, months, rows, start, vstack(parts).tocsr())
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        response.save(file)
    return response


def _turns(rows: Sequence[Row]) -> dict[tuple[str, str], int]:
    """Number the channels of each group, so that each is sent out by itself."""
    channels: dict[str, list[str]] = {}
    for group, channel, _ in rows:
        if channel not in channels.setdefault(group, []):
            channels[group].append(channel)
    return {(g, c): i for g, own in channels.items() for i, c in enumerate(own)}


def _entries(
    seen: pd.DataFrame,
    chosen: Sequence[Row],
    rows: Sequence[Row],
    totals: dict[Row, float],
    axes: tuple[tuple[tuple[str, str], ...], tuple[str, ...], tuple[str, ...]],
    lags: int,
) -> list[tuple[int, int, float]]:
    """Crossings within `lags` months of each departure row, as entries of the matrix."""
    strands, groups, months = axes
    held = {key: i for i, key in enumerate(seen.index)}
    values = seen.to_numpy(np.float64)
    out = []
    for row in chosen:
        column, g, begin = rows.index(row), groups.index(row[0]), months.index(row[2])
        for s, pair in enumerate(strands):
            at = held.get((*pair, row[0]))
            if at is None:
                continue
            crossed = values[at, begin : begin + lags] / totals[row]
            base = (s * len(groups) + g) * len(months) + begin
            out += [(base + k, column, float(v)) for k, v in enumerate(crossed) if v > 0.0]
    return out
