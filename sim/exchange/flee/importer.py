"""`travesia import flee`: a FLEE case enters; a scenario and the list of what is left out leave."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import networkx as nx
import numpy as np

from sim.errors import Problem
from sim.exchange.files import Reader
from sim.exchange.flee.case import Case, read_case, refusal
from sim.exchange.flee.series import TOTAL, by_day
from sim.exchange.flee.spawn import daily_arrivals, from_conflict, spread
from sim.exchange.flee.world import (
    BEYOND,
    START,
    Frame,
    all_weights,
    capacities,
    fill_policies,
    frame_of,
    home_groups,
    leg_row,
    place_row,
    stay_rows,
    weight_policies,
)
from sim.exchange.flee.written import write_case
from sim.spec import load_scenario

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sim.spec import Scenario

__all__ = ["Imported", "import_flee"]

Rules = Literal["flee", "travesia"]
Full = Literal["avoid", "wait"]


@dataclass(frozen=True)
class Imported:
    """What an import gives.

    Parameters
    ----------
    scenario : Scenario
    left_out : tuple of str
        What has no counterpart, or was read in one of several ways.
    path : Path or None
        The scenario file, where it was written.
    """

    scenario: Scenario
    left_out: tuple[str, ...]
    path: Path | None


def import_flee(
    folder: str | Path,
    settings: str | Path | None = None,
    out: str | Path | None = None,
    *,
    rules: Rules = "flee",
    full_camps: Full = "avoid",
    location_pairs: bool = True,
    lang: str = "en",
) -> Imported:
    """Turn a FLEE case into a scenario.

    Parameters
    ----------
    folder : str or Path
        Holds ``input_csv`` and ``source_data``, or their files themselves.
    settings : str or Path, optional
        FLEE's settings; FLEE's defaults where left out.
    out : str or Path, optional
        Folder to write ``scenario.yaml``, its tables and ``import_report.md`` to.
    rules : {"flee", "travesia"}
        FLEE's weights, whole travel days and filling camps; or our own: weights by expected days, fractional
        travel days, lines before full camps.
    full_camps : {"avoid", "wait"}
        With FLEE's rules: people turn to other camps as one fills, or choose it and wait.
    location_pairs : bool
        A location closure that names two linked places shuts the link between them; FLEE 3 reads the first
        name only and shuts all its links (False).
    lang : str
        Language of ``import_report.md``, ``en`` or ``es``.

    Returns
    -------
    Imported

    Raises
    ------
    DataError
        With every fault of the case, each with file and line.
    """
    case = read_case(Path(folder), Path(settings) if settings is not None else None)
    frame = frame_of(case, location_pairs)
    problems: list[Problem] = []
    persons, notes = departures_of(case, frame, Reader(problems))
    problems += closed_world(frame, persons)
    if problems:
        raise refusal(Path(folder), problems)
    content = scenario_of(frame, persons, rules, full_camps)
    left_out = [
        *case.left_out,
        *frame.outside,
        *notes,
        *differences(frame, rules, full_camps, location_pairs, content),
    ]
    scenario = load_scenario(content)
    path = write_case(Path(out), case, frame, scenario, left_out, lang) if out is not None else None
    return Imported(scenario, tuple(left_out), path)


def departures_of(case: Case, frame: Frame, reader: Reader) -> tuple[NDArray[np.float64], list[str]]:
    """Whole persons who set out by place and day."""
    notes: list[str] = []
    if case.settings.displaced_per_conflict_day is not None:
        persons = from_conflict(case.settings, case.locations, frame.days.conflict)
        if case.settings.spawn_mode.lower() == "poisson":
            notes.append(
                "setting spawn_mode = poisson: the expected number sets out each day, without its spread"
            )
    else:
        camps = [one for name, one in case.series.items() if name != TOTAL]
        total = case.series.get(TOTAL)
        if total is None:
            notes.append("data_layout.csv has no row 'total': the sum of the camps stands in for it")
        counts = (
            by_day(total, case.n_days)
            if total
            else np.sum([by_day(one, case.n_days) for one in camps], axis=0)
        )
        new = daily_arrivals(counts, case.settings.insert_day0)
        where = total.file if total else "data_layout.csv"
        persons, notes = spread(new, case.settings, case.locations, frame.days.conflict, reader, where)
    if case.settings.insert_day0:
        for row, one in enumerate(case.locations):
            if one.name in case.series and one.kind in {"camp", "idpcamp"}:
                persons[row, 0] += by_day(case.series[one.name], 1)[0]
    if not persons.any() and not reader.problems:
        reader.fault(
            "nobody is displaced on any day",
            "refugees.csv" if case.series else "settings",
            "a total that rises",
        )
    return persons, notes


def closed_world(frame: Frame, persons: NDArray[np.float64]) -> list[Problem]:
    """Places where people set out and from which no camp can be reached by any route."""
    case = frame.case
    graph: nx.DiGraph[str] = nx.DiGraph((way.start, way.end) for way in frame.ways)
    graph.add_nodes_from(one.name for one in case.locations)
    camps = {one.name for one in case.locations if one.kind in {"camp", "idpcamp"}}
    made = []
    for row, one in enumerate(case.locations):
        if not persons[row].any() or one.name in camps:
            continue
        reached: set[str] = nx.descendants(graph, one.name)
        if not camps & reached:
            what = f"the world is closed: no camp can be reached from '{one.name}'"
            made.append(Problem(what, one.line.where, "a route to a camp in routes.csv"))
    if not camps:
        made.append(Problem("there is no camp", "locations.csv", "at least one location of type camp"))
    return made


def scenario_of(frame: Frame, persons: NDArray[np.float64], rules: Rules, full_camps: Full) -> dict[str, Any]:
    """The scenario as the mapping its file holds."""
    case = frame.case
    markers = {one.name for one in case.locations if one.kind == "marker"}
    flee = rules == "flee"
    weight = all_weights(frame) if flee else np.ones((len(frame.ways), case.n_days))
    base, policies = weight_policies(frame, weight)
    if flee and full_camps == "avoid":
        policies += fill_policies(frame, weight, persons)
    limits = np.maximum(capacities(case), np.where(capacities(case) >= 1, persons[:, 0], 0.0))
    places = []
    for row, one in enumerate(case.locations):
        if one.name in markers:
            continue
        stay, changes = stay_rows(frame, row, flee)
        policies += changes
        places.append(place_row(frame, row, stay, float(limits[row])))
        if any(way.on_foot and way.start == one.name for way in frame.ways):
            twin = {
                key: value for key, value in places[-1].items() if key not in {"note", "capacity_persons"}
            }
            places.append(
                {**twin, "id": twin["id"] + START, "name": f"{one.name} (setting out)", "role": "origin"}
            )
    legs = [leg_row(frame, way, float(base[i]), not flee) for i, way in enumerate(frame.ways)]
    spin_up = case.first - timedelta(days=1)
    ends = ending_legs(frame, persons, spin_up.isoformat())
    places.append(
        {
            "id": BEYOND,
            "name": "Beyond the case (nobody goes there)",
            "country": places[0]["country"],
            "role": "destination",
        }
    )
    rows = departure_rows(frame, persons)
    groups = [
        one
        for one in home_groups(case.locations, frame.countries)
        if one["id"] in {row["group"] for row in rows}
    ]
    title = f"{case.name} (FLEE), {'its own rules' if flee else 'rules of Travesía'}"
    return {
        "name": case.name,
        "title": {
            "en": title,
            "es": f"{case.name} (FLEE), {'sus propias reglas' if flee else 'reglas de Travesía'}",
        },
        "window": {"start": case.first.isoformat(), "end": case.last.isoformat()},
        "spin_up_start": spin_up.isoformat(),
        "world": {"name": "flee", "places": places, "legs": [*legs, *ends], "groups": groups},
        "departures": rows,
        "policies": frame.closures + policies,
        "parameters": {} if flee else {"beta_days": -0.03},
        "behaviour": dict.fromkeys(
            ("means", "information", "hazards", "settling", "repeat_attempts", "turning_back"), False
        ),
    }


def ending_legs(frame: Frame, persons: NDArray[np.float64], day: str) -> list[dict[str, Any]]:
    """Legs to the end that every world must have; they exist only before anybody has set out."""
    case = frame.case
    graph: nx.DiGraph[str] = nx.DiGraph((way.start, way.end) for way in frame.ways)
    camps = [one.name for one in case.locations if one.kind in {"camp", "idpcamp"}]
    graph.add_nodes_from(camps)
    waiting = {one.name for row, one in enumerate(case.locations) if persons[row].any()}
    chosen: list[str] = []
    while waiting:
        before: dict[str, set[str]] = {camp: nx.ancestors(graph, camp) for camp in camps}
        reached = {camp: waiting & {camp, *before[camp]} for camp in camps}
        best = max(camps, key=lambda camp: len(reached[camp]))
        if not reached[best]:
            break
        chosen.append(best)
        waiting -= reached[best]
    return [
        {
            "id": f"{case.ids[camp]}--{BEYOND}",
            "from": case.ids[camp],
            "to": BEYOND,
            "mode": "car",
            "direction": "lateral",
            "days": {"kind": "fixed", "days": 1},
            "open_from": day,
            "open_to": day,
            "note": (
                "stands for the end that every world must have; it exists only before anybody has set out"
            ),
        }
        for camp in chosen
    ]


def departure_rows(frame: Frame, persons: NDArray[np.float64]) -> list[Mapping[str, Any]]:
    """Departure rows, one for each stretch of days with the same number."""
    case = frame.case
    home = frame.countries[case.locations[0].country]
    walkers = {way.start for way in frame.ways if way.on_foot}
    rows: list[Mapping[str, Any]] = []
    for row, one in enumerate(case.locations):
        camp = one.kind in {"camp", "idpcamp"}
        place = case.ids[one.name] + (START if one.name in walkers else "")
        day = 0
        while day < case.n_days:
            number, end = float(persons[row, day]), day + 1
            while end < case.n_days and persons[row, end] == number:
                end += 1
            if number > 0.0:
                rows.append(
                    {
                        "place": place,
                        "group": home if camp else frame.countries[one.country],
                        "per_day": number,
                        "start": case.day(day).isoformat(),
                        "end": case.day(end - 1).isoformat(),
                    }
                )
            day = end
    return rows


def differences(
    frame: Frame, rules: Rules, full_camps: Full, pairs: bool, content: dict[str, Any]
) -> list[str]:
    """What our model does otherwise than FLEE in this case."""
    case, settings = frame.case, frame.case.settings
    made = []
    how = (
        "surely, as short stints are avoided" if settings.avoid_short_stints else "with its chance of leaving"
    )
    made.append(
        "several links on one day: FLEE lets people go on while they have kilometres left; here a share of "
        f"those who come to a place, set from its links and the speed, goes on the same day {how}"
        if rules == "flee"
        else "several links on one day: every stop lasts the night, travel takes fractions of days"
    )
    if any(one.kind in {"country", "link", "location"} for one in case.closures):
        made.append("closures: people already on a link that closes are led back in FLEE; here they arrive")
    doubled = [one for one in case.closures if one.kind == "location" and one.second]
    reading = (
        "the link between them (FLEE 3 reads the first only and shuts all its links)"
        if pairs
        else "all links of the first, as FLEE 3 does"
    )
    made += [
        f"closure {one.line.where}: a location closure that names '{one.first}' and '{one.second}' shuts "
        f"{reading}"
        for one in doubled
    ]
    if settings.awareness_level > 1:
        made.append(
            "setting awareness_level: first links are weighed with all that lies behind them; people "
            "then choose anew at each stop instead of keeping a plan"
        )
    if settings.start_on_foot:
        made.append(
            "setting start_on_foot: places where people set out have a twin that they leave on foot, "
            "e.g. 'X.start'"
        )
    if any(one.kind == "marker" for one in case.locations):
        made.append("markers: nobody stops at them, so routes over a marker became one leg")
    if np.any(capacities(case) >= 1):
        made.append(
            "capacity: our camps never hold more than their capacity; FLEE's can be overrun by those on "
            "the way"
        )
    if any(row["id"].startswith("filling-") for row in content["policies"]):
        made.append(
            "capacity: that a filling camp attracts less is set beforehand from expected counts "
            "('filling-...' policies)"
        )
    if rules == "flee" and full_camps == "wait":
        made.append("capacity: people who chose a full camp wait for room where they are")
    unknown = [f"{name or 'blank'} = {frame.countries[name]}" for name in frame.countries.unknown]
    if unknown:
        made.append(f"countries without an ISO code got one of the users' range: {', '.join(unknown)}")
    blind = [
        one.name for one in case.locations if one.kind in {"camp", "idpcamp"} and one.name not in case.series
    ]
    linked = {end for route in case.routes for end in (route.first, route.second)}
    alone = [f"{one.name} ({one.line.where})" for one in case.locations if one.name not in linked]
    if alone:
        made.append(f"no route reaches {', '.join(alone)}")
    if blind:
        made.append(f"camps without an observed series are not compared: {', '.join(blind)}")
    return made
