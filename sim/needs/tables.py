"""The product's own needs tables: a table's name in, the table, checked out."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from sim.errors import DataError, Problem

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "LEVELS",
    "SECTORS_WITHOUT_NEED",
    "Standards",
    "categories",
    "load_standards",
    "records",
    "table",
    "translate",
]

LEVELS: Final = ("low", "middle", "high")
SECTORS_WITHOUT_NEED: Final = ("ALL", "CSS")
_OVERRIDE_COLUMNS: Final = (
    "id",
    "country",
    "low",
    "middle",
    "high",
    "unit",
    "reason",
    "source",
    "source_ref",
    "set_by",
    "set_on",
)


@cache
def _read(name: str) -> pd.DataFrame:
    source = resources.files("scenarios") / "needs" / f"{name}.csv"
    try:
        with source.open("r", encoding="utf-8") as stream:
            return pd.read_csv(stream, keep_default_na=False, dtype=str)
    except FileNotFoundError as error:
        msg = f"the needs table {name!r} is missing from the package"
        raise DataError(msg) from error


def table(name: str, numbers: Iterable[str] = ()) -> pd.DataFrame:
    """One of the product's needs tables.

    Parameters
    ----------
    name : str
        Table name without its ending, for example ``"coverage"``.
    numbers : iterable of str
        Columns to read as numbers; a blank becomes not-a-number.

    Returns
    -------
    pandas.DataFrame
        A copy; text columns keep blanks as empty text.
    """
    frame = _read(name).copy()
    for column in numbers:
        frame[column] = pd.to_numeric(frame[column], errors="raise")
    return frame


def translate(name: str, code: str, language: str) -> dict[str, str]:
    """Names by code in one language, from a table with ``name_en`` and ``name_es``."""
    frame = _read(name)
    return dict(zip(frame[code], frame[f"name_{language}"], strict=True))


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows of a table as dictionaries with text keys."""
    return [{str(k): v for k, v in row.items()} for row in frame.to_dict("records")]


def categories(codes: NDArray[Any], names: Sequence[str]) -> pd.Categorical:
    """Text column from positions in a list of names."""
    small = np.min_scalar_type(-max(len(names), 1))
    return pd.Categorical.from_codes(codes.astype(small), pd.Index(list(names), dtype=object))


@dataclass(frozen=True)
class Standards:
    """Planning standards, with every local change written down.

    Parameters
    ----------
    table : pandas.DataFrame
        One row for each standard: id, sector_code, low, middle, high, unit, basis, source, source_ref,
        assumption.
    audit : pandas.DataFrame
        One row for each override: id, country, the three old and new values, reason, source, set_by, set_on.
    """

    table: pd.DataFrame
    audit: pd.DataFrame

    def values(self, standard: str, countries: Sequence[str]) -> NDArray[np.float64]:
        """Low, middle and high of a standard for each country.

        Returns
        -------
        numpy.ndarray
            float64, shape (3, countries), in the standard's unit; not-a-number where nothing is set.
        """
        if standard not in self._rows:
            raise DataError(_unknown("standard", standard, self.table["id"]))
        base = np.array([self._rows[standard][level] for level in LEVELS], dtype=np.float64)
        out = np.repeat(base[:, None], len(countries), axis=1)
        for change in (
            self.audit[self.audit["id"] == standard].itertuples(index=False) if len(self.audit) else ()
        ):
            new = np.array([change.low, change.middle, change.high], dtype=np.float64)
            for position, country in enumerate(countries):
                if change.country in ("", country):
                    out[:, position] = new
        return out

    @cached_property
    def _rows(self) -> dict[str, dict[str, object]]:
        return {str(r["id"]): r for r in records(self.table)}

    def is_assumption(self, standard: str) -> bool:
        """Whether a standard is unverified, a choice of ours, or has no source."""
        row = self._rows[standard]
        return str(row["assumption"]) != "0" or not str(row["source"]).strip()

    def source(self, standard: str) -> str:
        """Source of a standard, as printed beside a number."""
        return str(self._rows[standard]["source"])


def _unknown(kind: str, name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), n=1)
    return f"unknown {kind} {name!r}" + (f"; nearest valid name: {near[0]!r}" if near else "")


def load_standards(override: str | Path | pd.DataFrame | None = None) -> Standards:
    """Planning standards, with a country office's own values laid over them.

    Parameters
    ----------
    override : path, DataFrame or None
        A CSV with ``id`` and ``middle`` (or ``low``, ``middle``, ``high``), and if wanted ``country``
        (ISO3, blank for all), ``reason``, ``source``, ``set_by`` (an office, never a person) and
        ``set_on``.

    Returns
    -------
    Standards
        Every accepted change is in ``audit``; a change without a source is shown as an assumption.
    """
    base = table("standards", LEVELS)
    base["assumption"] = base["assumption"].astype(int)
    if override is None:
        return Standards(
            base, pd.DataFrame(columns=[*_OVERRIDE_COLUMNS, "old_low", "old_middle", "old_high"])
        )
    given, origin = _override_frame(override)
    changes = _check_override(given, base, origin)
    merged = changes.merge(
        base[["id", *LEVELS]].rename(columns={level: f"old_{level}" for level in LEVELS}), on="id", how="left"
    )
    return Standards(_apply_sources(base, merged), merged)


def _override_frame(override: str | Path | pd.DataFrame) -> tuple[pd.DataFrame, str]:
    if isinstance(override, pd.DataFrame):
        return override.astype(object).where(override.notna(), "").astype(str), "standards table"
    path = Path(override)
    try:
        return pd.read_csv(path, keep_default_na=False, dtype=str), str(path)
    except (OSError, UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        msg = f"cannot read the standards table {path}: {error}"
        raise DataError(msg) from error


def _check_override(given: pd.DataFrame, base: pd.DataFrame, origin: str) -> pd.DataFrame:
    """All faults of an override at once, or the override with its three values filled."""
    problems: list[Problem] = []
    extra = [str(column) for column in given.columns if column not in _OVERRIDE_COLUMNS]
    problems += [
        Problem(f"unknown column {name!r}", origin, f"one of {', '.join(_OVERRIDE_COLUMNS)}")
        for name in extra
    ]
    missing = [name for name in ("id", "middle") if name not in given.columns]
    problems += [Problem(f"missing column {name!r}", origin) for name in missing]
    if missing:
        msg = "the standards table cannot be used"
        raise DataError(msg, problems)
    frame = pd.DataFrame(
        {name: given.get(name, pd.Series("", index=given.index)) for name in _OVERRIDE_COLUMNS}
    )
    known = set(base["id"])
    countries = set(_read("countries")["code"])
    rows: list[dict[str, object]] = []
    for line, row in enumerate(records(frame), start=2):
        where = f"{origin}, line {line}"
        if row["id"] not in known:
            problems.append(Problem(_unknown("standard", str(row["id"]), known), where))
            continue
        if row["country"] and row["country"] not in countries:
            problems.append(
                Problem(_unknown("country", str(row["country"]), countries), where, "an ISO3 code")
            )
        rows.append(_numbers(row, where, problems))
    if problems:
        msg = "the standards table cannot be used"
        raise DataError(msg, problems)
    return pd.DataFrame(rows, columns=list(_OVERRIDE_COLUMNS))


def _numbers(row: Mapping[str, object], where: str, problems: list[Problem]) -> dict[str, object]:
    out: dict[str, object] = dict(row)
    try:
        middle = float(str(row["middle"]))
        low = float(str(row["low"])) if row["low"] else middle
        high = float(str(row["high"])) if row["high"] else middle
    except ValueError:
        problems.append(Problem(f"not a number in {row['id']!r}", where, "numbers in low, middle, high"))
        return out
    if not all(np.isfinite([low, middle, high])) or low < 0 or not low <= middle <= high:
        problems.append(
            Problem(f"{low:g}, {middle:g}, {high:g}", where, "0 <= low <= middle <= high, finite")
        )
    out.update(low=low, middle=middle, high=high)
    return out


def _apply_sources(base: pd.DataFrame, changes: pd.DataFrame) -> pd.DataFrame:
    """The base table with the changes for all countries, and the source of every change."""
    rows = {str(row["id"]): row for row in records(base)}
    for change in records(changes):
        row, source = rows[str(change["id"])], str(change["source"]).strip()
        row["assumption"] = 0 if source else 1
        row["source"] = source or "country office, no source given"
        row["source_ref"] = str(change["source_ref"])
        if not change["country"]:
            row.update({level: change[level] for level in LEVELS})
    return pd.DataFrame(list(rows.values()), columns=base.columns)
