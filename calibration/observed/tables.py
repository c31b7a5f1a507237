"""Where the observed tables live, what their columns mean, and how one of them is read.

Every table ``calibration/observed/<name>.csv`` has the columns of :data:`COLUMNS`, one row per published
figure. ``nationalities.csv`` maps each name a source uses to a nationality group; ``sources.csv`` describes
each source.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from sim.errors import DataError, Problem

__all__ = [
    "COLUMNS",
    "GROUPS",
    "NOT_SERIES",
    "OBSERVED",
    "REST_GROUPS",
    "SEXES",
    "WHOLE_KINDS",
    "licences",
    "nationalities",
    "read_series",
    "read_table",
    "series_tables",
    "table_path",
    "user_directory",
]

OBSERVED = Path(__file__).resolve().parent

COLUMNS: tuple[str, ...] = (
    "series",
    "border",
    "month",
    "nationality",
    "nationality_source",
    "sex",
    "age_band",
    "persons",
    "kind",
    "cut",
    "source",
    "source_ref",
    "confidence",
    "note",
)

GROUPS: tuple[str, ...] = (
    "VEN",
    "HTI",
    "CUB",
    "ECU",
    "COL",
    "NIC",
    "HND",
    "GTM",
    "SLV",
    "MEX",
    "BRA",
    "PER",
    "CHN",
    "IND",
    "DOM",
    "CHL",
    "AFR",
    "ASI",
    "OTH",
)

REST_GROUPS: tuple[str, ...] = ("AFR", "ASI", "OTH")
"""Groups made of many nationalities: complete only where a source lists everybody."""

SEXES: tuple[str, ...] = ("ALL", "female", "male")

WHOLE_KINDS: frozenset[str] = frozenset(
    {"persons", "encounters", "events", "applications", "cases", "beneficiaries", "authorizations", "flights"}
)
"""Kinds that count whole things; the others are prices, days, shares and rates."""

_UNREADABLE = "An observed table cannot be read."

NOT_SERIES: frozenset[str] = frozenset({"nationalities.csv", "sources.csv"})
"""Tables that describe the series and hold none themselves."""


def user_directory() -> Path:
    """Directory in which ``travesia data update`` keeps a user's own later months.

    Returns
    -------
    pathlib.Path
        ``$TRAVESIA_DATA``, else ``$XDG_DATA_HOME/travesia``, else ``~/.local/share/travesia``.
    """
    named = os.environ.get("TRAVESIA_DATA")
    if named:
        return Path(named).expanduser()
    home = os.environ.get("XDG_DATA_HOME")
    return (Path(home).expanduser() if home else Path.home() / ".local" / "share") / "travesia"


def table_path(name: str) -> Path:
    """File that holds table `name`: the user's updated copy if there is one, else the shipped table.

    Parameters
    ----------
    name : str
        File name, for example ``darien.csv``.

    Returns
    -------
    pathlib.Path
        Existing file.

    Raises
    ------
    DataError
        If neither place has the table.
    """
    for folder in (user_directory() / "observed", OBSERVED):
        path = folder / name
        if path.is_file():
            return path
    known = ", ".join(path.stem for path in series_tables())
    problem = Problem(f"no table {name!r}", str(OBSERVED), f"one of {known}")
    raise DataError(_UNREADABLE, [problem])


def series_tables() -> list[Path]:
    """All shipped tables that hold series, by name.

    Returns
    -------
    list of pathlib.Path
        The CSV files of this directory without ``nationalities.csv`` and ``sources.csv``.
    """
    return sorted(path for path in OBSERVED.glob("*.csv") if path.name not in NOT_SERIES)


def read_table(name: str) -> pd.DataFrame:
    """Read one table as published.

    Parameters
    ----------
    name : str
        File name, for example ``honduras.csv``.

    Returns
    -------
    pandas.DataFrame
        Columns of :data:`COLUMNS`; ``persons`` float64 in the unit of ``kind``, everything else text, blanks
        as ``""``.
    """
    path = table_path(name)
    return _parse(path, path.stat().st_mtime_ns).copy()


def read_series(name: str, series: Sequence[str]) -> pd.DataFrame:
    """Read the rows of `series` from table `name`.

    Parameters
    ----------
    name : str
        File name.
    series : sequence of str
        Names of series.

    Returns
    -------
    pandas.DataFrame
        As :func:`read_table`.
    """
    path = table_path(name)
    table = _parse(path, path.stat().st_mtime_ns)
    return table[table["series"].isin(series)].copy()


@functools.cache
def _parse(path: Path, _modified: int) -> pd.DataFrame:
    text: dict[str, type[str] | str] = {column: str for column in COLUMNS if column != "persons"}
    try:
        table = pd.read_csv(path, dtype={**text, "persons": "float64"}, keep_default_na=False)
    except ValueError as error:
        raise DataError(_UNREADABLE, [Problem(str(error), str(path))]) from error
    missing = [column for column in COLUMNS if column not in table.columns]
    if missing:
        problem = Problem(f"no column {', '.join(missing)}", str(path), ", ".join(COLUMNS))
        raise DataError(_UNREADABLE, [problem])
    return table[list(COLUMNS)]


@functools.cache
def nationalities() -> pd.DataFrame:
    """Names of nationalities as the sources write them, and the group each belongs to.

    Returns
    -------
    pandas.DataFrame
        Indexed by ``name``; columns ``iso3``, ``group``, ``travels_with`` (group of the parents, for
        children counted by another passport), ``rest`` (bool: whatever a source does not list by name),
        ``note``.
    """
    table = pd.read_csv(OBSERVED / "nationalities.csv", dtype=str, keep_default_na=False).set_index("name")
    table["rest"] = table["rest"] == "1"
    return table


def licences() -> pd.DataFrame:
    """Licences under which the sources of each series publish.

    Returns
    -------
    pandas.DataFrame
        table, series, licence (several separated by ``;``).
    """
    path = table_path("sources.csv")
    licence = pd.read_csv(path, dtype=str, keep_default_na=False).set_index("id")["licence"].to_dict()
    rows = []
    for item in series_tables():
        pairs = read_table(item.name)[["series", "source_ref"]].drop_duplicates()
        for name, part in pairs.groupby("series"):
            terms = sorted({licence.get(ref, "not described") for ref in part["source_ref"]})
            rows.append((item.stem, name, "; ".join(terms)))
    return pd.DataFrame(rows, columns=["table", "series", "licence"])
