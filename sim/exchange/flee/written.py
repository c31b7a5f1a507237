"""An imported case on disk: scenario, tables, observed counts, and what is left out."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any

from sim.exchange.flee.series import TOTAL
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


def write_case(folder: Path, case: Case, frame: Frame, scenario: Scenario, left_out: Sequence[str]) -> Path:
    """Write an imported case.

    Parameters
    ----------
    folder : Path
        Made if it is not there.
    case : Case
    frame : Frame
    scenario : Scenario
    left_out : sequence of str

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
    write_aside(folder / "import_report.md", report_text(case, frame, scenario, left_out).encode())
    write_aside(
        folder / "import_report.json",
        json.dumps({"case": case.name, "left_out": list(left_out)}, indent=1).encode(),
    )
    write_aside(folder / "scenario.yaml", scenario.to_yaml().encode())
    return folder / "scenario.yaml"


def report_text(case: Case, frame: Frame, scenario: Scenario, left_out: Sequence[str]) -> str:
    """The report as Markdown."""
    given = sorted(case.settings.given)
    lines = [
        f"# Import of the FLEE case {case.name}",
        "",
        f"{len(case.locations)} locations, {len(case.routes)} routes, {len(case.closures)} dated changes, "
        f"{len(case.series)} observed series, {case.n_days} days from {case.first}.",
        f"Became {len(scenario.world.places)} places, {len(scenario.world.legs)} legs, "
        f"{len(scenario.departures)} departure rows and {len(scenario.policies)} policies.",
        "",
        "## No counterpart, or read in one of several ways",
        "",
        *(f"- {item}" for item in left_out),
        *(["- nothing"] if not left_out else []),
        "",
        "## Settings",
        "",
        *(f"- {name}: {getattr(case.settings, name)}" for name in given),
        f"- all others: FLEE's defaults ({len(frame.ways)} ways weighed with them)",
        "",
    ]
    return "\n".join(lines)
