"""Reading CSV files of others: a file enters, cells that know their line leave, and every fault is noted."""

from __future__ import annotations

import csv
import difflib
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

from sim.errors import Problem

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Line", "Reader", "Sheet", "nearest_of"]

MOST_LISTED = 12
NO_LIMIT = 1e15
LEAST_NAMED = 2


def nearest_of(name: str, known: Iterable[str]) -> str:
    """A hint with the nearest valid name, blank if none is near."""
    lower = {one.lower(): one for one in known}
    found = difflib.get_close_matches(name.lower(), list(lower), n=1, cutoff=0.6)
    return f"did you mean '{lower[found[0]]}'?" if found else ""


def plain_key(text: str) -> str:
    """A heading without marks: ``#"Pop/Cap"`` becomes ``popcap``."""
    return re.sub(r"[^a-z0-9]", "", text.lower())


@dataclass(frozen=True)
class Line:
    """One row of a file.

    Parameters
    ----------
    file : str
        Name for messages.
    number : int
        Line in the file, from 1.
    cells : mapping of str to str
        Text by column, stripped; missing cells are blank.
    extra : mapping of str to str
        Columns beyond the known ones.
    """

    file: str
    number: int
    cells: Mapping[str, str]
    extra: Mapping[str, str] = field(default_factory=dict)

    def __getitem__(self, column: str) -> str:
        return self.cells.get(column, "")

    @property
    def where(self) -> str:
        """File and line."""
        return f"{self.file}:{self.number}"

    def at(self, column: str) -> str:
        """File, line and column."""
        return f"{self.file}:{self.number} {column}"


@dataclass(frozen=True)
class Sheet:
    """Raw rows of a file, with the heading where there is one.

    Parameters
    ----------
    file : str
    heading : list of str or None
        Cells of the heading as written.
    rows : list of (int, list of str)
        Line number and cells.
    """

    file: str
    heading: list[str] | None
    rows: list[tuple[int, list[str]]]


class Reader:
    """Reads files and gathers every fault found in them.

    Parameters
    ----------
    problems : list of Problem
        Faults are added here.
    """

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems

    def fault(self, what: str, where: str, expected: str = "", hint: str = "") -> None:
        """Note a fault."""
        self.problems.append(Problem(what, where, expected, hint))

    def text(self, path: Path) -> str | None:
        """Text of a file; None, with a fault noted, where it cannot be read."""
        try:
            return path.read_text(encoding="utf-8-sig")
        except UnicodeDecodeError as error:
            line = path.read_bytes()[: error.start].count(b"\n") + 1
            self.fault("a character that is not UTF-8", f"{path.name}:{line}", "a file in UTF-8")
        except OSError as error:
            self.fault(f"the file cannot be read ({error.strerror})", path.name, "a readable CSV file")
        return None

    def sheet(self, path: Path, headings: Sequence[str], others: Sequence[str] = ()) -> Sheet:
        """Rows of a file without blank lines and comments.

        Parameters
        ----------
        path : Path
        headings : sequence of str
            First cells that mark a line as the heading, whether or not it begins with ``#``.
        others : sequence of str
            Names of columns; a first line with two of them is a heading whatever it begins with.
        """
        heading: list[str] | None = None
        rows: list[tuple[int, list[str]]] = []
        known = {plain_key(name) for name in headings}
        columns = {plain_key(name) for name in others}
        text = self.text(path) or ""
        reader = csv.reader(io.StringIO(text), skipinitialspace=True)
        begin = 1
        for raw in reader:
            number, begin = begin, reader.line_num + 1
            cells = [cell.strip() for cell in raw]
            if not any(cells):
                continue
            comment = cells[0].startswith("#")
            named = [cell for cell in cells if plain_key(cell) in columns]
            marked = plain_key(cells[0]) in known or len(named) >= LEAST_NAMED
            if heading is None and not rows and marked:
                heading = [cell.lstrip("#").strip().strip('"').strip() for cell in cells]
            elif not comment:
                rows.append((number, cells))
        return Sheet(path.name, heading, rows)

    def lines(self, path: Path, columns: Sequence[str], aliases: Mapping[str, Sequence[str]]) -> list[Line]:
        """Rows of a file by column, by heading where there is one and by position where there is none.

        Parameters
        ----------
        path : Path
        columns : sequence of str
            Known columns in their usual order.
        aliases : mapping of str to sequence of str
            Other names of a column.
        """
        sheet = self.sheet(path, columns[:1], [*columns, *(one for more in aliases.values() for one in more)])
        names = list(columns)
        if sheet.heading is not None:
            named = {plain_key(name): name for name in columns}
            named |= {plain_key(other): name for name, others in aliases.items() for other in others}
            found = [named.get(plain_key(cell), "") for cell in sheet.heading]
            if len([name for name in found if name]) > 1:
                names = [name or f"+{cell}" for name, cell in zip(found, sheet.heading, strict=True)]
            else:
                names += [f"+{cell}" for cell in sheet.heading[len(columns) :]]
        made = []
        for number, cells in sheet.rows:
            pairs = dict(zip(names, cells, strict=False))
            made.append(
                Line(
                    sheet.file,
                    number,
                    {name: cell for name, cell in pairs.items() if not name.startswith("+")},
                    {name[1:]: cell for name, cell in pairs.items() if name.startswith("+") and name != "+"},
                )
            )
        return made

    def number(
        self, line: Line, column: str, default: float | None = None, low: float = 0.0, high: float = NO_LIMIT
    ) -> float:
        """A number in a cell; a fault is noted, and the default returned, where there is none."""
        text = line[column]
        usual = low if default is None else default
        if text == "":
            if default is None:
                self.fault(f"{column} is blank", line.at(column), "a number")
            return usual
        try:
            value = float(text)
        except ValueError:
            self.fault(f"{column} is '{text}'", line.at(column), "a number")
            return usual
        if not low <= value <= high:
            bounds = (
                f"a number of {low:g} or more" if high >= NO_LIMIT else f"a number from {low:g} to {high:g}"
            )
            self.fault(f"{column} is {text}", line.at(column), bounds)
            return usual
        return value

    def day(self, line: Line, column: str, first: date, default: int) -> int:
        """Days after `first`: a whole number, or a date."""
        text = line[column]
        if text == "":
            return default
        try:
            value = float(text)
            if value == int(value):
                return int(value)
        except (ValueError, OverflowError):
            try:
                return (date.fromisoformat(text[:10]) - first).days
            except ValueError:
                pass
        self.fault(f"{column} is '{text}'", line.at(column), "a whole number of days or a date")
        return default

    def known(self, name: str, names: Iterable[str], kind: str, where: str) -> bool:
        """Whether a name is one of those known; a fault is noted where it is not."""
        listed = sorted(names)
        if name in listed:
            return True
        expected = f"one of {', '.join(listed)}" if len(listed) <= MOST_LISTED else f"a {kind} of the case"
        self.fault(f"there is no {kind} '{name}'", where, expected, nearest_of(name, listed))
        return False
