"""Observed counts by camp: data_layout.csv and its series enter, corrected and interpolated counts leave."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from sim.exchange.files import Line, Reader

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["TOTAL", "Series", "by_day", "correct", "read_layout"]

TOTAL: Final = "total"


@dataclass
class Series:
    """Counts of one camp, or of all, on some days.

    Parameters
    ----------
    name : str
        Location, or ``total``.
    days : list of int
        Days after the first of the simulation, rising.
    persons : list of float
    file : str
    """

    name: str
    days: list[int]
    persons: list[float]
    file: str


def by_day(series: Series, n_days: int) -> NDArray[np.int64]:
    """Counts on every day, whole persons: linear in between, constant before and after, as FLEE does."""
    exact = np.interp(np.arange(n_days), series.days, series.persons)
    return np.floor(exact + 1e-9).astype(np.int64)


def read_layout(folder: Path, reader: Reader, names: set[str], first: date) -> list[Series]:
    """Every series that data_layout.csv lists; several files of one row are added."""
    path = folder / "data_layout.csv"
    made: list[Series] = []
    for number, cells in reader.sheet(path, ("location", "name")).rows:
        where = f"{path.name}:{number}"
        name = cells[0]
        if name.lower() in {TOTAL, "all"}:
            name = TOTAL
        elif not reader.known(name, names, "location", where):
            continue
        files = [cell for cell in cells[1:] if cell]
        if not files:
            reader.fault(f"no series is named for '{name}'", where, "the name of a CSV file")
            continue
        parts = [
            part
            for file in files
            if (part := read_series(folder, file, name, reader, where, first)) is not None
        ]
        if len(parts) == len(files):
            made.append(added(parts))
    return made


def read_series(folder: Path, file: str, name: str, reader: Reader, where: str, first: date) -> Series | None:
    """One file of dates and counts."""
    path = folder / file
    if not path.is_file():
        near = sorted(one.name for one in folder.glob("*.csv"))
        reader.known(file, near, "file", where)
        return None
    days: list[int] = []
    persons: list[float] = []
    for line_number, cells in reader.sheet(path, ("date", "datetime", "day")).rows:
        line = Line(file, line_number, dict(zip(("date", "persons"), cells, strict=False)))
        if line["persons"] == "":
            continue
        before = len(reader.problems)
        day, count = reader.day(line, "date", first, 0), reader.number(line, "persons")
        if len(reader.problems) == before:
            days.append(day)
            persons.append(count)
    if not days:
        reader.fault(
            f"the series of '{name}' is empty", f"{where} {file}", "at least one line with a date and a count"
        )
        return None
    order = np.argsort(days, kind="stable")
    return Series(name, [days[i] for i in order], [persons[i] for i in order], file)


def added(parts: list[Series]) -> Series:
    """The sum of several series, on the days of any of them."""
    if len(parts) == 1:
        return parts[0]
    days = sorted({day for part in parts for day in part.days})
    total = sum(np.interp(days, part.days, part.persons) for part in parts)
    return Series(
        parts[0].name, days, [float(v) for v in np.asarray(total)], " + ".join(p.file for p in parts)
    )


def correct(path: Path | None, series: dict[str, Series], reader: Reader, first: date) -> list[str]:
    """Scale registrations before a correction: all earlier counts times (first corrected / last uncorrected).

    Parameters
    ----------
    path : Path or None
        registration_corrections.csv: camp, date of the first corrected count.
    series : dict of str to Series
        Changed in place.
    reader : Reader
    first : date
        First day of the simulation.

    Returns
    -------
    list of str
        Corrections that could not be applied, and why.
    """
    skipped: list[str] = []
    if path is None:
        return skipped
    for line in reader.lines(path, ("name", "date"), {}):
        if not reader.known(line["name"], series, "series", line.at("name")):
            continue
        one = series[line["name"]]
        before = len(reader.problems)
        day = reader.day(line, "date", first, 0)
        if len(reader.problems) > before:
            continue
        if day not in one.days:
            skipped.append(
                f"{line.where}: {one.name} has no count on {line['date']}, so nothing is corrected"
            )
            continue
        at = one.days.index(day)
        if at > 0 and one.persons[at - 1] > 0:
            factor = one.persons[at] / one.persons[at - 1]
            one.persons[:at] = [count * factor for count in one.persons[:at]]
        elif at > 0:
            skipped.append(
                f"{line.where}: the count of {one.name} before {line['date']} is 0, so nothing is corrected"
            )
    return skipped
