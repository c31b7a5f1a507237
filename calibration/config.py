"""A small YAML file enters; a checked configuration of a fit, and the counts it asks for, leave.

Faults are named with the file and its line, counts that cannot be used with their file and row, all in one go.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from calibration.likelihood import Window
from calibration.observed.checks import is_month, months_between, nearest
from calibration.observed.load import load_observed
from calibration.observed.tables import GROUPS
from calibration.observed_file import OPEN_SERIES, read_observed
from calibration.panel import TARGETS
from calibration.windows import cumulative_windows
from sim.errors import CalibrationError, Problem
from sim.spec import shipped_parameters

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

__all__ = ["Config", "Series", "config_windows", "read_config", "shipped_config"]

BORDERS = (*TARGETS, "us_southwest")
_REFUSED = "The configuration was refused."
_KEYS = (
    "name", "scenario", "window", "series", "parameters", "monthly_change", "starts", "seed", "response",
    "correction", "observed", "withheld", "search",
)  # fmt: skip
_PARTS = {
    "window": ("start", "end"),
    "series": ("border", "nationalities", "gaps", "windows"),
    "search": ("evaluations", "scale"),
    "response": ("engine", "scale", "lags"),
    "correction": ("passes", "runs", "scale"),
}


@dataclass(frozen=True)
class Series:
    """Counts to fit.

    Parameters
    ----------
    border : str
    nationalities : tuple of str
        Groups; all where blank.
    gaps : bool
        Months without a figure are expected.
    line : int
        Line of the file.
    windows : tuple of str
        Cumulative series that stand for months without a figure.
    """

    border: str
    nationalities: tuple[str, ...]
    gaps: bool
    line: int
    windows: tuple[str, ...] = ()


@dataclass(frozen=True)
class Config:
    """What a fit is to do.

    Parameters
    ----------
    path : Path
    name, scenario : str
    start, end : str
        First and last month of the counts.
    series : tuple of Series
    detection : tuple of (str, float, float, float)
        Parameter, middle, lower and upper bound; equal bounds where it is fixed.
    monthly_change : float
    starts, seed : int
    engine : str
        Which engine the response is taken from, agents or expected.
    response_scale : float
    lags : int
    passes, runs : int
        Corrections by whole runs, and runs in each.
    run_scale : float
    observed : Path or None
        A table of counts to use instead of the shipped ones.
    withheld : tuple of str
        Borders to predict afterwards.
    behaviour : tuple of (str, float, float, float)
        Parameters of behaviour that are free, as `detection`.
    search : (int, float)
        Evaluations of CMA-ES over the parameters of behaviour after the fit, none if 0, and share of the people in each.
    """

    path: Path
    name: str
    scenario: str
    start: str
    end: str
    series: tuple[Series, ...]
    detection: tuple[tuple[str, float, float, float], ...]
    monthly_change: float = 0.35
    starts: int = 3
    seed: int = 1
    engine: str = "agents"
    response_scale: float = 0.05
    lags: int = 6
    passes: int = 2
    runs: int = 4
    run_scale: float = 0.05
    observed: Path | None = None
    withheld: tuple[str, ...] = ()
    behaviour: tuple[tuple[str, float, float, float], ...] = ()
    search: tuple[int, float] = (0, 0.02)

    @property
    def key(self) -> str:
        """Hash of the content, which a checkpoint must share."""
        text = repr([(k, v) for k, v in self.__dict__.items() if k != "path"])
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def shipped_config(name: str) -> Path:
    """Path of a configuration: a file, or the name of a shipped one.

    Parameters
    ----------
    name : str

    Returns
    -------
    Path

    Raises
    ------
    CalibrationError
        If there is neither.
    """
    folder = Path(__file__).parent / "configs"
    for path in (Path(name), folder / f"{name}.yaml"):
        if path.is_file():
            return path
    known = sorted(p.stem for p in folder.glob("*.yaml"))
    raise CalibrationError(
        _REFUSED, [Problem(f"no configuration {name!r}", "CONFIG", f"a file, or {', '.join(known)}")]
    )


class _Reader:
    """Reads keys of the file and remembers what is wrong."""

    def __init__(self, path: Path, content: Any) -> None:  # noqa: ANN401 - whatever the file holds
        self.path, self.content = path, content
        self.problems: list[Problem] = []

    def where(self, part: Any, key: object) -> str:  # noqa: ANN401
        try:
            line = part.lc.key(key)[0] if hasattr(part, "keys") else part.lc.item(key)[0]
        except (AttributeError, KeyError, IndexError, TypeError):
            line = 0
        return f"{self.path.name} line {line + 1}"

    def fault(self, what: str, where: str, expected: str = "", hint: str = "") -> None:
        self.problems.append(Problem(what, where, expected, hint))

    def unknown(self, part: Any, known: tuple[str, ...]) -> None:  # noqa: ANN401
        for key in part:
            if key not in known:
                self.fault(
                    f"unknown key {key!r}", self.where(part, key), ", ".join(known), nearest(str(key), known)
                )

    def number(self, part: Mapping[str, Any], key: str, default: float, low: float, high: float) -> float:
        value = part.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            self.fault(f"{key} {value!r}", self.where(part, key), f"a number from {low:g} to {high:g}")
            return default
        return float(value)

    def month(self, part: Mapping[str, Any], key: str) -> str:
        value = str(part.get(key, ""))[:7]
        if not is_month(value):
            self.fault(f"month {part.get(key)!r}", self.where(part, key), "YYYY-MM")
        return value


def read_config(path: Path) -> Config:
    """Read and check a configuration.

    Parameters
    ----------
    path : Path

    Returns
    -------
    Config

    Raises
    ------
    CalibrationError
        With every fault, each with file and line.
    """
    try:
        content = YAML(typ="rt").load(path.read_text(encoding="utf-8"))
    except (OSError, YAMLError) as error:
        raise CalibrationError(_REFUSED, [Problem(f"cannot be read: {error}", str(path))]) from error
    reader = _Reader(path, content)
    if not hasattr(content, "keys"):
        raise CalibrationError(_REFUSED, [Problem("no mapping", str(path), ", ".join(_KEYS))])
    reader.unknown(content, _KEYS)
    window = content.get("window") or {}
    reader.unknown(window, _PARTS["window"])
    start, end = reader.month(window, "start"), reader.month(window, "end")
    if start > end:
        reader.fault(f"window {start} to {end}", reader.where(content, "window"), "the start before the end")
    series = _series(reader)
    detection = _parameters(reader)
    behaviour = _behaviour(reader)
    response, correction, search = (content.get(key) or {} for key in ("response", "correction", "search"))
    for key, part in (("response", response), ("correction", correction), ("search", search)):
        reader.unknown(part, _PARTS[key])
    if response.get("engine", "agents") not in {"agents", "expected"}:
        reader.fault(f"engine {response['engine']!r}", reader.where(response, "engine"), "agents or expected")
    withheld = tuple(str(b) for b in content.get("withheld") or ())
    for border in withheld:
        if border not in TARGETS or border in {s.border for s in series}:
            place = reader.where(content, "withheld")
            reader.fault(
                f"withheld border {border!r}", place, f"one of {', '.join(TARGETS)} that is not fitted"
            )
    held = content.get("observed")
    made = Config(
        path=path,
        name=str(content.get("name", path.stem)),
        scenario=str(content.get("scenario", "history/baseline")),
        start=start,
        end=end,
        series=series,
        detection=detection,
        monthly_change=reader.number(content, "monthly_change", 0.35, 0.01, 3.0),
        starts=int(reader.number(content, "starts", 3, 1, 50)),
        seed=int(reader.number(content, "seed", 1, 0, 1e9)),
        engine=str(response.get("engine", "agents")),
        response_scale=reader.number(response, "scale", 0.05, 0.001, 1.0),
        lags=int(reader.number(response, "lags", 6, 2, 24)),
        passes=int(reader.number(correction, "passes", 2, 0, 20)),
        runs=int(reader.number(correction, "runs", 4, 1, 100)),
        run_scale=reader.number(correction, "scale", 0.05, 0.001, 1.0),
        observed=path.parent / str(held) if held else None,
        withheld=withheld,
        behaviour=behaviour,
        search=(
            int(reader.number(search, "evaluations", 0, 0, 10_000)),
            reader.number(search, "scale", 0.02, 0.001, 1.0),
        ),
    )
    if reader.problems:
        raise CalibrationError(_REFUSED, reader.problems)
    return made


def _series(reader: _Reader) -> tuple[Series, ...]:
    out = []
    listed = reader.content.get("series") or []
    if not listed:
        reader.fault("no series", reader.where(reader.content, "series"), "a list of borders")
    for i, entry in enumerate(listed):
        place = reader.where(listed, i)
        if not hasattr(entry, "keys"):
            reader.fault(f"series {entry!r}", place, "a mapping with 'border'")
            continue
        reader.unknown(entry, _PARTS["series"])
        border = str(entry.get("border", ""))
        if border not in BORDERS:
            reader.fault(f"unknown border {border!r}", place, ", ".join(BORDERS), nearest(border, BORDERS))
        groups = tuple(str(g) for g in entry.get("nationalities") or ())
        for group in groups:
            if group not in GROUPS:
                reader.fault(
                    f"unknown nationality {group!r}", place, ", ".join(GROUPS), nearest(group, GROUPS)
                )
        if entry.get("gaps", "refused") not in {"allowed", "refused"}:
            reader.fault(f"gaps {entry['gaps']!r}", place, "allowed or refused")
        line = int(place.rsplit(" ", 1)[-1])
        windows = tuple(str(w) for w in entry.get("windows") or ())
        out.append(Series(border, groups, entry.get("gaps", "refused") == "allowed", line, windows))
    borders = {s.border for s in out}
    if "us_southwest" in borders and borders & {"us_border_patrol", "us_ports"}:
        what = "us_southwest holds us_border_patrol and us_ports"
        reader.fault(what, reader.where(reader.content, "series"), "one or the other")
    return tuple(out)


def _parameters(reader: _Reader) -> tuple[tuple[str, float, float, float], ...]:
    """Detection rates with their priors; a name that is in no table, or has no positive range, is refused."""
    table = shipped_parameters()
    rates = tuple(name for name in table if name.startswith("detection_"))
    asked = reader.content.get("parameters") or {}
    for name in asked:
        if name not in table:
            place = reader.where(asked, name)
            reader.fault(f"unknown parameter {name!r}", place, ", ".join(rates), nearest(str(name), table))
    return tuple(_prior(reader, asked, name) for name in rates)


def _behaviour(reader: _Reader) -> tuple[tuple[str, float, float, float], ...]:
    """Parameters of behaviour that are asked for, with their priors: positive ones with a range."""
    table = shipped_parameters()
    asked = reader.content.get("parameters") or {}
    out = []
    for name in asked:
        if name not in table or name.startswith("detection_") or asked[name] == "fixed":
            continue
        low, high = float(table[name].low or 0.0), float(table[name].high or 0.0)
        if not 0.0 < low < high:
            place = reader.where(asked, name)
            reader.fault(f"{name} has no range above zero", place, "low and high in parameters.csv, positive")
            continue
        out.append(_prior(reader, asked, name))
    return tuple(out)


def _prior(reader: _Reader, asked: Mapping[str, Any], name: str) -> tuple[str, float, float, float]:
    """Middle and bounds of one parameter; equal bounds where it is fixed."""
    row = shipped_parameters()[name]
    middle = float(row.default)
    low, high = float(row.low or middle), float(row.high or middle)
    choice = asked.get(name, "free")
    if choice == "fixed":
        low = high = middle
    elif hasattr(choice, "keys"):
        reader.unknown(choice, ("fixed", "low", "middle", "high"))
        if "fixed" in choice:
            low = middle = high = reader.number(choice, "fixed", middle, 1e-6, 1e3)
        else:
            low = reader.number(choice, "low", low, 1e-6, 1e3)
            high = reader.number(choice, "high", high, 1e-6, 1e3)
            middle = reader.number(choice, "middle", min(max(middle, low), high), 1e-6, 1e3)
    elif choice != "free":
        reader.fault(f"{name}: {choice!r}", reader.where(asked, name), "free, fixed, or low, middle, high")
    if not low <= middle <= high:
        reader.fault(
            f"{name}: {low}, {middle}, {high}", reader.where(asked, name), "low, middle, high, rising"
        )
    return name, middle, low * (1.0 - 1e-4), high * (1.0 + 1e-4)


def config_windows(config: Config, groups: tuple[str, ...]) -> list[Window]:
    """Counts a configuration asks for.

    Parameters
    ----------
    config : Config
    groups : tuple of str
        Groups of the model; a border total stands for all of them where nationalities are not published.

    Returns
    -------
    list of Window

    Raises
    ------
    CalibrationError
        If a series has a gap inside the window; counts themselves are checked as they are read.
    """
    out: list[Window] = []
    problems: list[Problem] = []
    for series in config.series:
        rows = border_rows(config, series.border)
        rows = rows[rows["month"].between(config.start, config.end)]
        wanted = series.nationalities or GROUPS
        place = f"{config.path.name} line {series.line}"
        if rows.empty:
            problems.append(
                Problem(
                    f"{series.border} has no figure",
                    place,
                    f"months in {config.start} to {config.end}",
                )
            )
            continue
        if not (series.gaps or series.border in OPEN_SERIES):
            problems += _gaps(series.border, rows, (config.start, config.end), place)
        named = rows[rows["nationality"].isin(wanted)]
        for row in named.astype({"persons": float}).to_dict("records"):
            covers = tuple(str(row["covers"]).split(";")) if row["covers"] else (str(row["nationality"]),)
            low = str(row["confidence"]) == "lower bound"
            out.append(Window(series.border, covers, ((str(row["month"]), 1.0),), float(row["persons"]), low))
        if not series.nationalities:
            alone = rows[(rows["nationality"] == "ALL") & ~rows["month"].isin(set(named["month"]))]
            pairs = zip(alone["month"].astype(str), alone["persons"].to_numpy(np.float64), strict=True)
            out += [
                Window(series.border, groups, ((month, 1.0),), float(persons)) for month, persons in pairs
            ]
        if series.windows:
            span = (config.start, config.end)
            made, wrong = cumulative_windows(series.border, series.windows, span, groups, rows, place)
            out += [w for w in made if not series.nationalities or set(w.groups) <= set(series.nationalities)]
            problems += wrong
    if problems:
        raise CalibrationError(_REFUSED, problems)
    return out


def _gaps(border: str, rows: pd.DataFrame, span: tuple[str, str], place: str) -> list[Problem]:
    missing = [m for m in months_between(*span) if m not in set(rows["month"])]
    if not missing:
        return []
    row = ""
    if "file" in rows and len(rows[rows["month"] < missing[0]]):
        last = rows[rows["month"] < missing[0]].iloc[-1]
        row = f" ({last['file']} row {last['row']} is the last before)"
    what = f"{border} has no figure for {', '.join(missing[:6])}{row}"
    return [Problem(what, place, "every month of the window, or gaps: allowed")]


def border_rows(config: Config, border: str) -> pd.DataFrame:
    """Monthly rows of one border: the shipped ones, or those of the configuration's own table.

    Parameters
    ----------
    config : Config
    border : str

    Returns
    -------
    DataFrame
        month, nationality, persons, covers, confidence, and file and row where they come from a file.
    """
    if config.observed is None:
        return load_observed(border)
    rows = read_observed(config.observed)
    own = rows[rows["border"] == border].assign(covers="", confidence="exact")
    return own
