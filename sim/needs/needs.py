"""The result of a needs estimate: published tables in, files in open formats out."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pandas as pd

from sim.errors import DataError
from sim.needs.axes import REGION

__all__ = ["BESIDE", "Needs"]

#: tables beside the main one, in the order in which products show them
BESIDE: Final = (
    "overview",
    "coordination",
    "minimums",
    "binational",
    "upstream",
    "triggers",
    "impacts",
    "sources",
    "assumptions",
    "audit",
)


@dataclass(frozen=True)
class Needs:
    """Coordination needs of a run, ready to publish.

    Parameters
    ----------
    table : pandas.DataFrame
        One row for each number, HAPI-style columns (``fields.csv``).
    overview, coordination, minimums, binational, upstream, triggers, impacts : pandas.DataFrame
        The tables a meeting looks at.
    sources, assumptions, audit : pandas.DataFrame
        Where numbers come from, what is assumed, and what a country office changed.
    lang, arrangement, scenario : str
        Language of names, coordination arrangement, name of the scenario.
    manifest : dict
        Run date, window, engine, replicates.
    """

    table: pd.DataFrame
    overview: pd.DataFrame
    coordination: pd.DataFrame
    minimums: pd.DataFrame
    binational: pd.DataFrame
    upstream: pd.DataFrame
    triggers: pd.DataFrame
    impacts: pd.DataFrame
    sources: pd.DataFrame
    assumptions: pd.DataFrame
    audit: pd.DataFrame
    lang: str = "en"
    arrangement: str = "today"
    scenario: str = ""
    manifest: dict[str, str] = field(default_factory=dict)

    def __repr__(self) -> str:
        countries = ", ".join(self.countries)
        return (
            f"Needs({self.scenario or 'run'}: {len(self.table):,} numbers, {countries}; {self.arrangement})"
        )

    @property
    def countries(self) -> list[str]:
        """ISO3 codes, without the region."""
        return sorted(str(c) for c in pd.unique(self.table["location_code"]) if c != REGION)

    def for_country(self, country: str) -> Needs:
        """The same needs for one country.

        The region's rows stay, so that sensitive figures keep their place.
        """
        if country not in self.countries:
            msg = f"{country!r} is not in these needs; expected one of {', '.join(self.countries)}"
            raise DataError(msg)
        parts: dict[str, Any] = {}
        for name in ("table", *BESIDE):
            frame = getattr(self, name)
            if "location_code" in frame.columns:
                keep = frame["location_code"].isin([country, REGION])
            elif name == "binational":
                keep = (frame["from_country"] == country) | (frame["to_country"] == country)
            else:
                continue
            parts[name] = frame[keep].reset_index(drop=True)
        return dataclasses.replace(self, **parts)

    def to_csv(self, path: str | Path) -> Path:
        """Write the main table as CSV, plain HAPI-style column names."""
        from sim.needs.export import write_csv  # noqa: PLC0415  (writers are heavy and seldom needed)

        return write_csv(self.table, Path(path))

    def to_hxl(self, path: str | Path) -> Path:
        """Write the main table as CSV with an HXL tag row under the header."""
        from sim.needs.export import write_csv  # noqa: PLC0415

        return write_csv(self.table, Path(path), hxl=True)

    def to_parquet(self, path: str | Path) -> Path:
        """Write the main table as Parquet."""
        from sim.needs.export import write_parquet  # noqa: PLC0415

        return write_parquet(self.table, Path(path))

    def to_excel(self, path: str | Path, lang: str | None = None) -> Path:
        """Write the workbook, in English or Spanish."""
        from sim.needs.workbook import write_workbook  # noqa: PLC0415

        return write_workbook(self, Path(path), lang or self.lang)

    def to_folder(self, path: str | Path, *, hxl: bool = False) -> Path:
        """Write every table as CSV, the main one also as Parquet, the workbook and ``datapackage.json``."""
        from sim.needs.export import write_folder  # noqa: PLC0415

        return write_folder(self, Path(path), hxl=hxl)
