"""What the page shows of a run, small enough to be at hand: a run enters, a folder of small tables leaves.

Large tables are read here, in the worker; the server reads the small ones. Every table is published by the rule of
`sim.needs.safeguard` where it is shown.
"""

from __future__ import annotations

import json
import os
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, cast

import pandas as pd

from sim.errors import DataError
from sim.needs.world import waits_at_home
from sim.report import people_by_country
from sim.report.frame import intervals, months_of, replicate_count, total
from sim.report.publication import publishable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from sim.results import Run
    from sim.spec import Scenario

__all__ = ["FORM", "Views", "prepare", "views_folder"]

FORM: Final = 3
"""Raised when the tables change, so that old ones are made again."""
ON_THE_WAY: Final = ("staying", "queued", "stranded", "travelling")
_TOTALS: Final = ("category", "population_group", "gender", "age_range")


def views_folder(folder: Path, result_hash: str) -> Path:
    """Folder of the small tables of a result."""
    return folder / "views" / f"{result_hash[:24]}-{FORM}"


@dataclass(frozen=True)
class _Sums:
    """What the page's tables take from a run: without sex and age, added up once and replicate by replicate."""

    flows: pd.DataFrame
    stocks: pd.DataFrame
    outcomes: pd.DataFrame
    departures: pd.DataFrame
    scenario: Scenario
    manifest: Mapping[str, Any]
    replicates: int

    @classmethod
    def of(cls, run: Run) -> _Sums:
        """Add up the tables of a run, two at once."""
        ways = ["from_place", "to_place", "from_country", "to_country", "direction"]
        who = ["place", "country", "status", "nationality"]
        with ThreadPoolExecutor(2) as readers:
            flows = readers.submit(run.sums, "flows", ["period_start", *ways], "persons")
            stocks = readers.submit(run.sums, "stocks", ["period_start", *who], "person_days")
        return cls(
            flows=flows.result(),
            stocks=stocks.result(),
            outcomes=run.outcomes,
            departures=run.departures,
            scenario=run.scenario,
            manifest=run.manifest,
            replicates=replicate_count(run),
        )


def prepare(run: Run, folder: Path, lang: str, say: Callable[..., None]) -> Path:
    """Make the small tables of a run that are not there yet.

    Parameters
    ----------
    run : Run
    folder : Path
        The app's own folder.
    lang : str
        Needs in this language too; blank for none.
    say : callable

    Returns
    -------
    Path
    """
    target = views_folder(folder, str(run.manifest["result_hash"]))
    target.mkdir(parents=True, exist_ok=True)
    if not (target / "facts.json").is_file():
        makers = (
            ("legs", leg_table), ("places", place_people), ("countries", people_by_country),
            ("entries", entries), ("groups", group_people), ("outcomes", outcome_table),
        )  # fmt: skip
        say("views", 0, len(makers))
        sums = cast("Run", _Sums.of(run))
        for number, (name, make) in enumerate(makers):
            say("views", number, len(makers))
            _write(make(sums), target / f"{name}.parquet")
        _write_text(target / "facts.json", json.dumps({"result_hash": run.manifest["result_hash"]}))
    say("views", 1.0, 1.0)
    if lang and not (target / f"needs_{lang}.parquet").is_file():
        say("needs", 0.1, 1.0)
        _needs(run, target, lang)
    say("needs", 1.0, 1.0)
    return target


def _write(table: pd.DataFrame, path: Path) -> None:
    half = path.with_name(f".{uuid.uuid4().hex}.part")
    table.to_parquet(half, index=False)
    half.replace(path)


def _write_text(path: Path, text: str) -> None:
    half = path.with_name(f".{uuid.uuid4().hex}.part")
    half.write_text(text, encoding="utf-8")
    half.replace(path)


def _month(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(month=months_of(frame))


def leg_table(run: Run) -> pd.DataFrame:
    """Persons from place to place by month, with intervals."""
    keys = ["month", "from_place", "to_place", "direction"]
    flows = total(_month(run.flows), [*keys, "replicate"])
    return publishable(intervals(flows, keys, "persons", replicate_count(run)))


def _present(run: Run, keys: list[str]) -> pd.DataFrame:
    on_the_way = run.stocks["status"].isin(list(ON_THE_WAY)).to_numpy() & ~waits_at_home(run)
    stocks = run.stocks[on_the_way]
    frame = total(_month(stocks), [*keys, "replicate"], "person_days")
    frame["persons"] = frame["person_days"] / frame["month"].dt.days_in_month
    return publishable(intervals(frame, keys, "persons", replicate_count(run)))


def place_people(run: Run) -> pd.DataFrame:
    """People on the route on an average day by place and month, without those who wait at home for their turn."""
    return _present(run, ["month", "place"])


def group_people(run: Run) -> pd.DataFrame:
    """People on the route on an average day by country, nationality and month, like `place_people`."""
    return _present(run, ["month", "country", "nationality"])


def entries(run: Run) -> pd.DataFrame:
    """Persons who entered each country from another, by month."""
    flows = run.flows
    flows = flows[flows["from_country"].astype(str) != flows["to_country"].astype(str)]
    keys = ["month", "to_country"]
    made = intervals(total(_month(flows), [*keys, "replicate"]), keys, "persons", replicate_count(run))
    return publishable(made.rename(columns={"to_country": "country"}))


def outcome_table(run: Run) -> pd.DataFrame:
    """Persons by outcome and country over the whole run."""
    keys = ["outcome", "country"]
    frame = total(run.outcomes, [*keys, "replicate"])
    return publishable(intervals(frame, keys, "persons", replicate_count(run)))


def _needs(run: Run, target: Path, lang: str) -> None:
    """Needs by country and month, people upstream and assumptions: already published by `sim.needs`."""
    from sim.needs import estimate  # noqa: PLC0415 - the whole needs room, only when it is asked for

    found = estimate(run, lang=lang)
    frame = found.table
    keep = (frame["period"] == "month") & (frame["admin1_code"] == "") & (frame["resource"] == "")
    for column in _TOTALS:
        keep &= frame[column] == "all"
    _write(found.upstream, target / f"upstream_{lang}.parquet")
    _write(found.assumptions.astype(str), target / f"assumptions_{lang}.parquet")
    _write(frame[keep].reset_index(drop=True), target / f"needs_{lang}.parquet")


class Views:
    """The small tables of one run.

    Parameters
    ----------
    run : Run
        Its folder; of its tables only the summary is read here.
    folder : Path
        The app's own folder.
    """

    def __init__(self, run: Run, folder: Path) -> None:
        self.run = run
        self.path = views_folder(folder, str(run.manifest["result_hash"]))

    @property
    def ready(self) -> bool:
        """Whether the tables are there."""
        return (self.path / "facts.json").is_file()

    def has_needs(self, lang: str) -> bool:
        """Whether needs are there in a language."""
        return (self.path / f"needs_{lang}.parquet").is_file()

    def _read(self, name: str) -> pd.DataFrame:
        try:
            return pd.read_parquet(self.path / f"{name}.parquet")
        except OSError as fault:
            message = f"The tables of this run are not ready: {os.fspath(self.path.name)}"
            raise DataError(message) from fault

    @cached_property
    def legs(self) -> pd.DataFrame:
        """See `leg_table`."""
        return self._read("legs")

    @cached_property
    def places(self) -> pd.DataFrame:
        """See `place_people`."""
        return self._read("places")

    @cached_property
    def countries(self) -> pd.DataFrame:
        """People present on an average day by country and month, with a row ALL."""
        return publishable(self._read("countries"), {"country": "ALL"})

    @cached_property
    def entries(self) -> pd.DataFrame:
        """See `entries`."""
        return self._read("entries")

    @cached_property
    def groups(self) -> pd.DataFrame:
        """See `group_people`."""
        return self._read("groups")

    @cached_property
    def outcomes(self) -> pd.DataFrame:
        """See `outcome_table`."""
        return self._read("outcomes")

    @cached_property
    def crossings(self) -> pd.DataFrame:
        """Crossings of everybody by border and month, published."""
        summary = self.run.summary
        return publishable(summary[summary["nationality"] == "ALL"].reset_index(drop=True))

    @cached_property
    def months(self) -> list[str]:
        """Months of the run."""
        return sorted({f"{month:%Y-%m}" for month in pd.to_datetime(self.legs["month"])})

    def needs(self, lang: str) -> NeedsView:
        """Needs by country and month, ready for `sim.report.needs_access`."""
        return NeedsView(
            self._read(f"needs_{lang}"), self._read(f"upstream_{lang}"), self._read(f"assumptions_{lang}")
        )


class NeedsView:
    """The part of `sim.needs.Needs` that the page shows."""

    def __init__(self, table: pd.DataFrame, upstream: pd.DataFrame, assumptions: pd.DataFrame) -> None:
        self.table, self.upstream, self.assumptions = table, upstream, assumptions
        self.coordination = pd.DataFrame()
