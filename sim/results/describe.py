"""The data package of a run folder: every table's columns with type, meaning and unit."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from sim.results.content import table_files

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["COLUMNS", "describe_tables"]

_PERSON = {
    "nationality": ("string", "nationality group", ""),
    "sex": ("string", "female or male", ""),
    "age_band": ("string", "0-4, 5-11, 12-17, 18-59 or 60+", "years"),
}
_START = {
    "replicate": ("integer", "number of the replicate, from 0", ""),
    "period_start": ("date", "first day of the month (of the day with daily tables)", ""),
}
COLUMNS: dict[str, dict[str, tuple[str, str, str]]] = {
    "flows": {
        **_START,
        "leg": ("string", "leg of the route graph", ""),
        "from_place": ("string", "place of departure", ""),
        "to_place": ("string", "place of arrival", ""),
        "from_country": ("string", "country of departure, ISO 3166-1 alpha-3", ""),
        "to_country": ("string", "country of arrival, ISO 3166-1 alpha-3", ""),
        "direction": ("string", "northward, southward, lateral or return", ""),
        **_PERSON,
        "persons": ("number", "persons counted on arrival at to_place", "persons"),
    },
    "stocks": {
        **_START,
        "place": ("string", "place; for travelling the place they are on the way to", ""),
        "country": ("string", "country of the place, ISO 3166-1 alpha-3", ""),
        "status": ("string", "staying, queued, stranded, travelling or settled", ""),
        **_PERSON,
        "person_days": ("number", "sum over the evenings of the period of persons present", "person-days"),
        "peak_persons": ("number", "largest number of persons on any evening of the period", "persons"),
    },
    "outcomes": {
        "replicate": _START["replicate"],
        "nationality": _PERSON["nationality"],
        "outcome": ("string", "arrived, settled, returned, removed, died_or_missing or on_route", ""),
        "country": ("string", "country where it happened, ISO 3166-1 alpha-3", ""),
        "persons": ("number", "persons; all rows of a replicate add up to those who departed", "persons"),
        "days_median": ("number", "median days since departure", "days"),
        "days_p90": ("number", "90th percentile of days since departure", "days"),
    },
    "departures": {
        **_START,
        "place": ("string", "place of departure", ""),
        "nationality": _PERSON["nationality"],
        "persons": ("number", "persons who departed", "persons"),
    },
    "crossings": {
        "replicate": _START["replicate"],
        "border": ("string", "border as its authority counts it", ""),
        "month": ("yearmonth", "month", ""),
        "nationality": ("string", "nationality group or ALL", ""),
        "persons": ("number", "crossings as the authority counts them", "persons or encounters, see summary"),
    },
}
_SUMMARY = {
    "border": ("string", "border as its authority counts it", ""),
    "month": ("yearmonth", "month", ""),
    "nationality": ("string", "nationality group or ALL", ""),
    **{
        name: ("number", f"{name} over replicates", "see unit")
        for name in ("median", "lo50", "hi50", "lo90", "hi90")
    },
    "observed": ("number", "observed count", "see unit"),
    "observed_kind": ("string", "what the authority counts", ""),
    "unit": ("string", "persons or encounters", ""),
}


def _measured(path: Path) -> dict[str, Any]:
    """Size and hash of a table; of one kept as a folder, the sum and the hash of all its files in order."""
    digest, size = hashlib.sha256(), 0
    for file in table_files(path):
        size += file.stat().st_size
        with file.open("rb") as handle:
            while block := handle.read(1 << 20):
                digest.update(block)
    return {"bytes": size, "hash": "sha256:" + digest.hexdigest()}


def describe_tables(folder: Path, name: str) -> dict[str, Any]:
    """Describe the tables of a run folder in the frictionless form.

    Parameters
    ----------
    folder : Path
    name : str
        Scenario.

    Returns
    -------
    dict
    """
    resources = []
    for table, columns in [*COLUMNS.items(), ("summary", _SUMMARY)]:
        file = folder / f"{table}.{'csv' if table == 'summary' else 'parquet'}"
        resources.append(
            {
                "name": table,
                "path": file.name,
                "format": file.suffix[1:],
                **{
                    key: value
                    for key, value in _measured(file).items()
                    if key != "bytes" or file.suffix == ".csv"
                },
                "schema": {
                    "fields": [
                        {
                            "name": column,
                            "type": kind,
                            "description": text,
                            **({"unit": unit} if unit else {}),
                        }
                        for column, (kind, text, unit) in columns.items()
                    ]
                },
            }
        )
    return {
        "name": "travesia-run",
        "title": f"Run of the scenario {name}",
        "description": "Simulated people, not records of real ones; working data, see the safeguards before publishing.",
        "licenses": [{"name": "CC-BY-4.0", "path": "https://creativecommons.org/licenses/by/4.0/"}],
        "resources": resources,
    }
