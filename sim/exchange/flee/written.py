"""An imported case on disk: scenario, tables, observed counts, and what is left out."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any

from sim.exchange.flee.series import TOTAL
from sim.messages import in_language
from sim.results.folder import write_aside

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from sim.exchange.flee.case import Case
    from sim.exchange.flee.world import Frame
    from sim.spec import Scenario

__all__ = ["write_case", "write_rows"]


def write_rows(path: Path, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """A CSV file, written whole or not at all."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    write_aside(path, stream.getvalue().encode())


def write_case(
    folder: Path, case: Case, frame: Frame, scenario: Scenario, left_out: Sequence[str], lang: str = "en"
) -> Path:
    """Write an imported case.

    Parameters
    ----------
    folder : Path
        Made if it is not there.
    case : Case
    frame : Frame
    scenario : Scenario
    left_out : sequence of str
    lang : str
        Language of ``import_report.md``, ``en`` or ``es``; ``import_report.json`` is for programs and stays English.

    Returns
    -------
    Path
        The scenario file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    world = scenario.world
    write_rows(
        folder / "places.csv",
        ("id", "name", "country", "admin1", "role", "lat", "lon", "stay_mean_days", "capacity_persons"),
        [
            (
                p.id,
                p.name,
                p.country,
                p.admin1,
                p.role,
                p.lat,
                p.lon,
                p.stay.mean if p.stay else "",
                p.capacity_persons,
            )
            for p in world.places
        ],
    )
    write_rows(
        folder / "legs.csv",
        ("id", "from", "to", "mode", "distance_km", "days_mean", "weight"),
        [
            (leg.id, leg.from_, leg.to, leg.mode, leg.distance_km, leg.days.mean, leg.weight)
            for leg in world.legs
        ],
    )
    write_rows(
        folder / "departures.csv",
        ("place", "group", "per_day", "start", "end"),
        [(d.place, d.group, d.per_day, d.start, d.end) for d in scenario.departures],
    )
    counts = [
        (case.ids.get(one.name, TOTAL), case.day(day).isoformat(), day, f"{persons:.10g}", one.file)
        for one in case.series.values()
        for day, persons in zip(one.days, one.persons, strict=True)
    ]
    write_rows(folder / "observed.csv", ("place", "date", "day", "persons", "file"), counts)
    write_aside(folder / "import_report.md", report_text(case, frame, scenario, left_out, lang).encode())
    write_aside(
        folder / "import_report.json",
        json.dumps({"case": case.name, "left_out": list(left_out)}, indent=1).encode(),
    )
    write_aside(folder / "scenario.yaml", scenario.to_yaml().encode())
    return folder / "scenario.yaml"


def report_text(
    case: Case, frame: Frame, scenario: Scenario, left_out: Sequence[str], lang: str = "en"
) -> str:
    """The report as Markdown; settings keep the names FLEE gives them."""

    def told(text: str) -> str:
        return in_language(text, lang)

    world = scenario.world
    read = (
        f"{len(case.locations)} locations, {len(case.routes)} routes, {len(case.closures)} dated changes, "
        f"{len(case.series)} observed series, {case.n_days} days from {case.first}."
    )
    became = (
        f"Became {len(world.places)} places, {len(world.legs)} legs, "
        f"{len(scenario.departures)} departure rows and {len(scenario.policies)} policies."
    )
    given = [f"{name}: {getattr(case.settings, name)}" for name in sorted(case.settings.given)]
    lines = [
        f"# {told(f'Import of the FLEE case {case.name}')}",
        "",
        told(read),
        told(became),
        "",
        f"## {told('No counterpart, or read in one of several ways')}",
        "",
        *(f"- {told(item)}" for item in left_out or ["nothing"]),
        "",
        f"## {told('Settings')}",
        "",
        *(f"- {one}" for one in given),
        f"- {told(f"all others: FLEE's defaults ({len(frame.ways)} ways weighed with them)")}",
        "",
    ]
    return "\n".join(lines)
