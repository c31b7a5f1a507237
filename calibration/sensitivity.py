"""Parameters with ranges and a scenario enter; which of them move the crossings, beside one that does nothing, leave.

Morris (elementary effects) needs few runs and suits the agents engine; Sobol (shares of variance) needs thousands and suits
expected counts. A dummy parameter that enters nothing is the zero line: what it scores is noise. On the agents engine it stands
for luck: it chooses the seed, and runs that differ in another parameter share theirs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from calibration.mechanism import border_table
from calibration.observed.checks import is_month, nearest
from calibration.panel import TARGETS
from sim.errors import CalibrationError, Problem
from sim.plan import compile_plan
from sim.spec import load_scenario, shipped_parameters

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from sim.spec import Scenario

__all__ = [
    "DUMMY",
    "Runs",
    "Study",
    "analyse",
    "discover",
    "indices",
    "read_study",
    "run_points",
    "run_study",
    "sample",
    "study_scenario",
]

DUMMY = "dummy"
METHODS = ("morris", "sobol")
ENGINES = ("agents", "expected")
_RUN_UP = 4
_STILL = 1e-9
_LUCK = 1_000_000
"""Seeds over which the dummy ranges on the agents engine."""
_REFUSED = "The sensitivity study was refused."
_KEYS = ("name", "scenario", "window", "method", "engine", "trajectories", "scale", "seed", "parameters")


@dataclass(frozen=True)
class Study:
    """What a sensitivity study is to do.

    Parameters
    ----------
    name, scenario : str
    start, end : str
        Months whose crossings are looked at.
    method, engine : str
    trajectories : int
        Of Morris; base sample of Sobol.
    scale : float
    seed : int
    parameters : tuple of (str, float, float)
        Id and range.
    """

    name: str
    scenario: str
    start: str
    end: str
    method: str
    engine: str
    trajectories: int
    scale: float
    seed: int
    parameters: tuple[tuple[str, float, float], ...]

    @property
    def problem(self) -> dict[str, Any]:
        """The study in the form of SALib, the dummy last."""
        return {
            "num_vars": len(self.parameters) + 1,
            "names": [*(name for name, _, _ in self.parameters), DUMMY],
            "bounds": [*([low, high] for _, low, high in self.parameters), [0.0, 1.0]],
        }


def read_study(path: Path) -> Study:
    """Read and check the file of a study.

    Parameters
    ----------
    path : Path

    Returns
    -------
    Study

    Raises
    ------
    CalibrationError
        With every fault, each with file and line.
    """
    try:
        content = YAML(typ="rt").load(path.read_text(encoding="utf-8"))
    except (OSError, YAMLError) as error:
        raise CalibrationError(_REFUSED, [Problem(f"cannot be read: {error}", str(path))]) from error
    problems: list[Problem] = []

    def fault(what: str, key: str, expected: str, hint: str = "") -> None:
        line = content.lc.key(key)[0] + 1 if key in content else 1
        problems.append(Problem(what, f"{path.name} line {line}", expected, hint))

    for key in content:
        if key not in _KEYS:
            fault(f"unknown key {key!r}", key, ", ".join(_KEYS), nearest(str(key), _KEYS))
    window = content.get("window") or {}
    start, end = (str(window.get(key, ""))[:7] for key in ("start", "end"))
    if not is_month(start) or not is_month(end) or start > end:
        fault(f"window {dict(window)}", "window", "start and end, YYYY-MM")
    for key, known in (("method", METHODS), ("engine", ENGINES)):
        if content.get(key) not in known:
            fault(f"{key} {content.get(key)!r}", key, " or ".join(known))
    chosen = _ranges(path, content.get("parameters") or [], problems)
    numbers = {"trajectories": 6, "scale": 0.02, "seed": 1}
    for key, usual in list(numbers.items()):
        value = content.get(key, usual)
        if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
            fault(f"{key} {value!r}", key, "a positive number")
        else:
            numbers[key] = value
    if problems:
        raise CalibrationError(_REFUSED, problems)
    return Study(
        str(content.get("name", path.stem)), str(content.get("scenario", "history/baseline")), start, end,
        str(content["method"]), str(content["engine"]), int(numbers["trajectories"]), float(numbers["scale"]),
        int(numbers["seed"]), chosen,
    )  # fmt: skip


def _ranges(path: Path, listed: Any, problems: list[Problem]) -> tuple[tuple[str, float, float], ...]:  # noqa: ANN401
    table = shipped_parameters()
    out = []
    for i, name in enumerate(listed):
        place = f"{path.name} line {listed.lc.item(i)[0] + 1}"
        if name not in table:
            hint = nearest(str(name), table)
            problems.append(Problem(f"unknown parameter {name!r}", place, "a row of parameters.csv", hint))
        elif table[name].low is None or table[name].high is None or table[name].low == table[name].high:
            problems.append(Problem(f"{name} has no range", place, "low and high in parameters.csv"))
        else:
            out.append((str(name), float(table[name].low or 0.0), float(table[name].high or 0.0)))
    if not listed:
        problems.append(Problem("no parameters", path.name, "a list of ids of parameters.csv"))
    return tuple(out)


def sample(study: Study) -> NDArray[np.float64]:
    """Points at which the route is run: float64 [runs, parameters + dummy].

    Parameters
    ----------
    study : Study

    Returns
    -------
    float64
    """
    if study.method == "morris":
        from SALib.sample import morris  # noqa: PLC0415 - slow to import

        return np.asarray(morris.sample(study.problem, N=study.trajectories, num_levels=4, seed=study.seed))
    from SALib.sample import sobol  # noqa: PLC0415 - slow to import

    return np.asarray(
        sobol.sample(study.problem, study.trajectories, calc_second_order=False, seed=study.seed)
    )


def indices(study: Study, points: NDArray[np.float64], values: NDArray[np.float64]) -> pd.DataFrame:
    """Sensitivity of one outcome.

    Parameters
    ----------
    study : Study
    points : float64 [runs, parameters]
    values : float64 [runs]
        Outcome of each run.

    Returns
    -------
    DataFrame
        parameter, effect (Morris: mean of absolute effects over the whole range; Sobol: total share of variance),
        interval (half-width, 95 %), other (Morris: spread of effects, which shows interaction; Sobol: first order),
        above_dummy.
    """
    if np.ptp(values) <= _STILL * max(
        float(np.abs(values).max()), 1.0
    ):  # nothing moves it: no shares to speak of
        effect = interval = other = np.zeros(len(study.problem["names"]))
    elif study.method == "morris":
        from SALib.analyze import morris  # noqa: PLC0415 - slow to import

        found = morris.analyze(study.problem, points, values, num_levels=4, seed=study.seed)
        effect, interval, other = found["mu_star"], found["mu_star_conf"], found["sigma"]
    else:
        from SALib.analyze import sobol  # noqa: PLC0415 - slow to import

        found = sobol.analyze(study.problem, values, calc_second_order=False, seed=study.seed)
        effect, interval, other = found["ST"], found["ST_conf"], found["S1"]
    table = pd.DataFrame(
        {
            "parameter": study.problem["names"],
            "effect": np.asarray(effect, np.float64),
            "interval": np.asarray(interval, np.float64),
            "other": np.asarray(other, np.float64),
        }
    )
    zero = table.loc[table["parameter"] == DUMMY, ["effect", "interval"]].iloc[0].sum()
    table["above_dummy"] = table["effect"] - table["interval"] > zero
    return table.sort_values("effect", ascending=False, ignore_index=True)


def study_scenario(study: Study) -> Scenario:
    """The scenario with the window of the study and a short run-up.

    Parameters
    ----------
    study : Study

    Returns
    -------
    Scenario
    """
    base = load_scenario(study.scenario)
    first = pd.Period(study.start, "M")
    begin = (first - _RUN_UP).start_time.date()
    window = base.window.model_copy(
        update={"start": first.start_time.date(), "end": pd.Period(study.end, "M").end_time.date()}
    )
    rows = tuple(d for d in base.departures if d.start >= begin and d.end <= window.end)
    return base.model_copy(update={"window": window, "spin_up_start": begin, "departures": rows})


def _outcomes(scenario: Scenario, study: Study, dummy: float = 0.0) -> dict[str, float]:
    """Crossings over the window by border, in all."""
    plan = compile_plan(scenario, scale=study.scale)
    if study.engine == "agents":
        from sim.engines.agents import run_agents  # noqa: PLC0415 - compiles kernels

        tally = run_agents(plan, seed=study.seed + round(_LUCK * dummy))
    else:
        import sim.engines.expected as engine  # noqa: PLC0415 - compiles kernels

        if not hasattr(engine, "run_expected"):
            raise CalibrationError(_REFUSED, [Problem("no expected engine here", "engine", "agents")])
        tally = engine.run_expected(plan)
    table = border_table(plan, tally)
    months = [m for m in plan.months if study.start <= m <= study.end]
    return {
        target: float(np.asarray(table.loc[(target, "ALL"), months], np.float64).sum()) for target in TARGETS
    }


@dataclass(frozen=True)
class Runs:
    """The runs of a study.

    Parameters
    ----------
    points : float64 [runs, parameters + dummy]
    crossings : mapping of str to float64 [runs]
        People counted over the window, by border.
    """

    points: NDArray[np.float64]
    crossings: Mapping[str, NDArray[np.float64]]


def run_points(study: Study, *, progress: Callable[[int, int], None] | None = None) -> Runs:
    """Run the route at every point of a study.

    Parameters
    ----------
    study : Study
    progress : callable, optional
        Told runs done and runs in all.

    Returns
    -------
    Runs
        Borders that nobody crosses in any run are left out.
    """
    base = study_scenario(study)
    points = sample(study)
    names = [name for name, _, _ in study.parameters]
    values: dict[str, list[float]] = {target: [] for target in TARGETS}
    for done, point in enumerate(points):
        changed = {**base.parameters, **dict(zip(names, point[: len(names)].tolist(), strict=True))}
        own = base.model_copy(update={"parameters": type(base.parameters)(changed)})
        made = _outcomes(own, study, float(point[-1]))
        for target, value in made.items():
            values[target].append(value)
        if progress is not None:
            progress(done + 1, len(points))
    return Runs(points, {target: np.array(column) for target, column in values.items() if any(column)})


def run_study(study: Study, *, progress: Callable[[int, int], None] | None = None) -> pd.DataFrame:
    """Run the route at every point and analyse the crossings of each border.

    Parameters
    ----------
    study : Study
    progress : callable, optional
        Told runs done and runs in all.

    Returns
    -------
    DataFrame
        border, parameter, effect, interval, other, above_dummy; effects as shares of the mean crossings.
    """
    return analyse(study, run_points(study, progress=progress))


def analyse(study: Study, runs: Runs) -> pd.DataFrame:
    """Sensitivity of the crossings of each border: the table of :func:`run_study`.

    Parameters
    ----------
    study : Study
    runs : Runs

    Returns
    -------
    DataFrame
    """
    parts = [_analysed(study, runs.points, target, column) for target, column in runs.crossings.items()]
    return pd.concat(parts, ignore_index=True)


def discover(study: Study, runs: Runs, border: str) -> pd.DataFrame:
    """Ranges of parameters in which many cross a border: the top quarter of the runs, by PRIM.

    Parameters
    ----------
    study : Study
    runs : Runs
    border : str

    Returns
    -------
    DataFrame
        As `calibration.extras.prim_boxes`.

    Raises
    ------
    CalibrationError
        If nobody crosses the border, or the optional package is missing.
    """
    from calibration.extras import prim_boxes  # noqa: PLC0415 - an optional package

    if border not in runs.crossings:
        known = ", ".join(runs.crossings)
        raise CalibrationError(_REFUSED, [Problem(f"no crossings of {border!r}", "--discover", known)])
    seen = runs.crossings[border]
    points = pd.DataFrame(runs.points, columns=study.problem["names"])
    return prim_boxes(points, seen >= np.quantile(seen, 0.75))


def _analysed(
    study: Study, points: NDArray[np.float64], target: str, seen: NDArray[np.float64]
) -> pd.DataFrame:
    table = indices(study, points, seen / max(float(seen.mean()), 1e-9))
    table.insert(0, "border", target)
    return table
