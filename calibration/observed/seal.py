"""Observed tables in, ``datapackage.json`` out: hashes, spans, gaps, licences. A maintenance command.

Run ``python -m calibration.observed.seal`` after a table was changed on purpose, and read the difference it
makes.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from calibration.observed.checks import series_facts
from calibration.observed.tables import COLUMNS, NOT_SERIES, OBSERVED, SEXES
from calibration.observed.verify import file_hash

__all__ = ["describe", "main", "write_atomically"]

TITLES: Mapping[str, str] = {
    "annual.csv": "Calendar-year totals, contradictions kept side by side",
    "colombia.csv": "Colombia: transit, Necoclí, San Andrés",
    "costa_rica.csv": "Costa Rica: northbound entries and people stranded",
    "darien.csv": "Darién (Colombia to Panama): irregular entries by nationality, sex and age",
    "flights.csv": "Removal flights, charters and air arrivals in Nicaragua",
    "honduras.csv": "Honduras: irregular entries from Nicaragua",
    "mexico.csv": "Mexico: encounters, returns and asylum applications",
    "missing_migrants.csv": "People dead and missing, minimum estimates",
    "nationalities.csv": "Names of nationalities in the sources, and their group",
    "sources.csv": "Where every figure was published",
    "stocks.csv": "Venezuelans abroad, by country",
    "transit.csv": "Prices, days, stays and survey shares on the route",
    "us_border_patrol.csv": "US Border Patrol, southwest: by nationality, sector and family status",
    "us_pathways.csv": "United States: appointments, parole, expulsions, transfers, removals, credible fear",
    "us_southwest.csv": "US southwest border: by nationality, component, demographic and authority",
    "us_southwest_states.csv": "US southwest border: by nationality and US state",
}

FIELDS: tuple[Mapping[str, Any], ...] = (
    {
        "name": "series",
        "type": "string",
        "description": "One agency, one definition",
        "constraints": {"required": True},
    },
    {
        "name": "border",
        "type": "string",
        "description": "Where it is counted",
        "constraints": {"required": True},
    },
    {
        "name": "month",
        "type": "string",
        "description": "Month YYYY-MM, year YYYY, or window first day/last day, both included",
        "constraints": {"required": True, "pattern": r"\d{4}(-\d{2}(-\d{2}/\d{4}-\d{2}-\d{2})?)?"},
    },
    {
        "name": "nationality",
        "type": "string",
        "description": "Nationality group, or ALL",
        "constraints": {"required": True},
    },
    {
        "name": "nationality_source",
        "type": "string",
        "description": "Nationality as the source names it",
        "constraints": {"required": True},
    },
    {"name": "sex", "type": "string", "constraints": {"required": True, "enum": list(SEXES)}},
    {"name": "age_band", "type": "string", "description": "Years, as the source cuts them, or ALL"},
    {
        "name": "persons",
        "type": "number",
        "description": "The figure, in the unit of kind",
        "constraints": {"required": True, "minimum": 0},
    },
    {
        "name": "kind",
        "type": "string",
        "description": "Unit: persons, encounters, events, ...",
        "constraints": {"required": True},
    },
    {
        "name": "cut",
        "type": "string",
        "description": "Overlapping cut; for the US component|demographic|authority[|sector or state]",
    },
    {"name": "source", "type": "string", "description": "Issuing agency", "constraints": {"required": True}},
    {
        "name": "source_ref",
        "type": "string",
        "description": "Id in sources.csv",
        "constraints": {"required": True},
    },
    {
        "name": "confidence",
        "type": "string",
        "constraints": {"required": True, "enum": ["exact", "rounded", "approx", "derived"]},
    },
    {"name": "note", "type": "string"},
)

_SIDE_FIELDS: Mapping[str, tuple[str, ...]] = {
    "nationalities.csv": ("name", "iso3", "group", "travels_with", "rest", "note"),
    "sources.csv": ("id", "agency", "title", "read_from", "licence", "note"),
}

_LICENCE = {
    "name": "CC-BY-4.0",
    "title": "Creative Commons Attribution 4.0 (the compilation); terms of each source in sources.csv",
    "path": "https://creativecommons.org/licenses/by/4.0/",
}


def describe(folder: Path, *, based_on: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Build the descriptor of a folder of observed tables.

    Parameters
    ----------
    folder : pathlib.Path
        Folder with CSV tables.
    based_on : mapping of str to str, optional
        Table name to the hash of the shipped table it was made from.

    Returns
    -------
    dict
        A Frictionless data package with hashes, fields, and span, gaps and parts of every series.
    """
    paths = sorted(folder.glob("*.csv"))
    resources = [_resource(path, (based_on or {}).get(path.name)) for path in paths]
    periods = [
        entry[end][:4] for item in resources for entry in item.get("series", []) for end in ("first", "last")
    ]
    return {
        "profile": "data-package",
        "name": "travesia-observed",
        "title": "Observed crossings, encounters and pathways in the Americas",
        "description": "Published counts, one row per figure. Encounters are events, not people.",
        "temporal": f"{min(periods)}/{max(periods)}" if periods else "",
        "licenses": [_LICENCE],
        "sources": [
            {"title": "sources.csv: agency, edition, where it was read, and licence of every source"}
        ],
        "resources": resources,
    }


def _resource(path: Path, based_on: str | None) -> dict[str, Any]:
    resource: dict[str, Any] = {
        "profile": "tabular-data-resource",
        "name": path.stem,
        "path": path.name,
        "title": TITLES.get(path.name, path.stem),
        "format": "csv",
        "mediatype": "text/csv",
        "encoding": "utf-8",
        "bytes": path.stat().st_size,
        "hash": file_hash(path),
    }
    if based_on:
        resource["based_on"] = based_on
    if path.name in NOT_SERIES:
        names = _SIDE_FIELDS[path.name]
        fields = [{"name": name, "type": "string"} for name in names]
        resource["schema"] = {"fields": fields, "primaryKey": [names[0]], "missingValues": [""]}
        return resource
    rows = pd.read_csv(path, dtype=str, keep_default_na=False).astype({"persons": "float64"})
    resource["unit"] = sorted(rows["kind"].unique())
    resource["sources"] = [{"title": name} for name in sorted(rows["source"].unique())]
    resource["series"] = [
        {
            "name": fact.name,
            "border": fact.border,
            "kind": fact.kind,
            "first": fact.first,
            "last": fact.last,
            "gaps": list(fact.gaps),
            "parts": fact.parts,
        }
        for fact in series_facts(rows)
    ]
    resource["schema"] = {"fields": [dict(field) for field in FIELDS], "missingValues": [""]}
    if tuple(rows.columns) != COLUMNS:
        resource["schema"]["fields"] = [{"name": name, "type": "string"} for name in rows.columns]
    return resource


def write_atomically(files: Mapping[Path, str]) -> None:
    """Write all files aside, then rename them into place, so that a reader never sees half of them.

    Parameters
    ----------
    files : mapping of pathlib.Path to str
        Target and UTF-8 text.
    """
    aside: list[tuple[Path, Path]] = []
    try:
        for path, text in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary = path.with_name(f".{path.name}.new")
            aside.append((temporary, path))
            temporary.write_text(text, encoding="utf-8", newline="\n")
        for temporary, path in aside:
            temporary.replace(path)
    finally:
        for temporary, _ in aside:
            temporary.unlink(missing_ok=True)


def main(folder: Path = OBSERVED) -> None:
    """Recompute and write the descriptor of `folder`.

    Parameters
    ----------
    folder : pathlib.Path
        Folder with observed tables; the shipped ones by default.
    """
    text = json.dumps(describe(folder), ensure_ascii=False, indent=1) + "\n"
    write_atomically({folder / "datapackage.json": text})
    logging.getLogger(__name__).info("sealed %s", folder)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else OBSERVED)
