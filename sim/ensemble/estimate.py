"""What a run will need, estimated from its plan before it starts: memory, disk and time; and a refusal if it cannot fit.

Memory is added up array by array, as the engine and the tables allocate them; what depends on how people spread over
cells and days is estimated from the measured behaviour of the corridor (see docs/cluster.md).
"""

from __future__ import annotations

import math
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import psutil

from sim.errors import RunError
from sim.results.folder import MOST_JOINED

if TYPE_CHECKING:
    from sim.plan import Plan

__all__ = [
    "Estimate",
    "available_memory",
    "disk_needed",
    "estimate_replicate",
    "helpful_workers",
    "refuse_what_cannot_fit",
    "usable_cores",
]

MB = 1024.0 * 1024.0
KERNELS = 110 * MB
"""numba and the compiled kernels, once for each process."""
PROCESS = 370 * MB
"""A fresh worker: interpreter, libraries, kernels and the plan of the corridor."""
ROOM = 0.95
"""Share of the free memory or disk that a run may take."""
_PAGE_PERSON, _LINE_PERSON = 40.0, 150.0
"""Bytes of a person on the way, and of one who waits in a line or before closed ways."""
_WAITING_SHARE = 0.2
_PLACE_KEPT = 48.0
"""Bytes for each person of the largest array, which the system grants only where it could hold everybody."""
_ON_THE_WAY_DAYS = 60
_ROW = 58.0
"""Bytes of a row of flows or stocks while tables are made."""
_SPREAD, _SATURATION = 0.15, 0.78
"""Rows of tables are at most this share of the cells, approached as 1 - exp(-0.78 sqrt(events per cell))."""
_FEW_CELLS = 1_000_000
_EVENTS = 15.0
"""Events of a person on the corridor."""
_BYTES_FLOW, _BYTES_STOCK = 1.9, 2.4
"""Bytes of a row on the disk."""
_SECONDS_EVENT, _SECONDS_CELL = 9e-8, 1.1e-7
"""Seconds for each event, and for each cell of the tables."""


@dataclass(frozen=True)
class Estimate:
    """What one replicate needs.

    Parameters
    ----------
    engine_bytes : float
        Memory of the engine and of its counts, whatever the number of people.
    people_bytes : float
        Memory of the people on the way.
    table_bytes : float
        Memory of the counts and the tables made of them, when the people are gone.
    disk_bytes : float
        Size of the part on the disk.
    seconds : float
        On one core.
    engine : str
    threads : int
    """

    engine_bytes: float
    people_bytes: float
    table_bytes: float
    disk_bytes: float
    seconds: float
    engine: str = "agents"
    threads: int = 1

    @property
    def memory(self) -> float:
        """Bytes beyond those of the process with plan and kernels."""
        return max(self.engine_bytes + self.people_bytes, self.table_bytes)


def estimate_replicate(plan: Plan, engine: str = "agents", threads: int = 1, share: float = 1.0) -> Estimate:
    """Estimate what one replicate of a plan needs.

    Parameters
    ----------
    plan : Plan
    engine : str
    threads : int
    share : float
        Estimate for this multiple of the people of the plan.

    Returns
    -------
    Estimate
    """
    periods, places, legs = len(plan.months), len(plan.places), len(plan.legs)
    classes, people = plan.n_tally, plan.people * share
    flow_cells, stock_cells = periods * legs * classes, periods * 5 * places * classes
    departing = people * 0.68  # of the upper bound, pushes and roundings taken out
    flow_rows, stock_rows = (
        _rows(flow_cells, departing * _EVENTS * 0.55),
        _rows(stock_cells, departing * _EVENTS),
    )
    ring = 64 * places * classes * 4
    durations = 6 * len(plan.countries) * len(plan.groups) * 1024
    state = threads * (flow_cells * 4 * 0.8 + ring + durations * 4 + 6 * places * classes * 12)
    state += stock_cells * 12 + float(plan.fixed.weight.nbytes) / 2
    tally = flow_cells * 8.0 + durations * 8.0
    on_the_way = people * _share_on_the_way(plan)
    waiting = on_the_way * _WAITING_SHARE if len(plan.limits.leg_limit) else 0.0
    per_person = {"agents": _PAGE_PERSON, "expected": 0.0, "reference": 4000.0}.get(engine, _PAGE_PERSON)
    tables = tally + stock_cells * 12.0 + flow_cells * 8.0 + (flow_rows + stock_rows) * _ROW
    return Estimate(
        engine_bytes=state + tally,
        people_bytes=on_the_way * per_person + waiting * _LINE_PERSON,
        table_bytes=tables,
        disk_bytes=flow_rows * _BYTES_FLOW + stock_rows * _BYTES_STOCK + 20_000.0,
        seconds=departing * _EVENTS * _SECONDS_EVENT + (flow_cells + stock_cells) * _SECONDS_CELL + 0.02,
        engine=engine,
        threads=threads,
    )


def _rows(cells: float, events: float) -> float:
    """Rows of a table: cells that somebody reaches."""
    if cells <= _FEW_CELLS:
        return min(cells, events)
    reached = _SPREAD * cells * (1.0 - math.exp(-_SATURATION * math.sqrt(events / cells)))
    return min(max(reached, min(events, _FEW_CELLS * _SPREAD)), events)


def _share_on_the_way(plan: Plan) -> float:
    """Largest share of the people on the way at once, taken as those who depart within two months."""
    d = plan.departures
    days = np.zeros(plan.n_days + 1)
    length = np.maximum(d.block_days, 1)
    end = np.minimum(d.block_start + length, plan.n_days)
    rate = d.block_persons / length
    np.add.at(days, d.block_start, rate)
    np.add.at(days, end, -rate)
    departed = np.cumsum(np.cumsum(days[:-1]))
    total = max(float(departed[-1]), 1.0)
    window = min(plan.n_days, _ON_THE_WAY_DAYS)
    before = np.concatenate([np.zeros(window), departed])[: plan.n_days]
    return float(np.max(departed - before) / total)


def available_memory() -> float:
    """Bytes this process and its workers may still take: free memory, less where a container or a limit says so."""
    free = float(psutil.virtual_memory().available)
    try:
        limit = Path("/sys/fs/cgroup/memory.max").read_text().strip()
        if limit.isdigit():
            used = float(Path("/sys/fs/cgroup/memory.current").read_text())
            free = min(free, float(limit) - used)
    except (OSError, ValueError):
        pass
    if sys.platform != "win32":
        import resource  # noqa: PLC0415 - exists on other systems only

        soft, _ = resource.getrlimit(resource.RLIMIT_AS)
        if soft != resource.RLIM_INFINITY:
            free = min(free, soft - float(psutil.Process().memory_info().vms))
    return max(free, 0.0)


def usable_cores() -> int:
    """Cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def memory_needed(one: Estimate, workers: int) -> float:
    """Bytes beyond what this process has: kernels and one replicate, or workers and what they hand back."""
    if workers <= 1:
        return KERNELS + one.memory
    return workers * (PROCESS + one.memory) + 2 * workers * one.disk_bytes


def disk_needed(one: Estimate, replicates: int) -> float:
    """Bytes on the disk while the run is written: parts, and tables joined beside them."""
    return one.disk_bytes * replicates * (2.0 if replicates <= MOST_JOINED else 1.0) + 2e6


def helpful_workers(plan: Plan, one: Estimate, replicates: int, threads: int, engine: str) -> int:
    """How many processes make a run shorter: one, unless it lasts longer than starting them.

    Parameters
    ----------
    plan : Plan
    one : Estimate
    replicates, threads : int
    engine : str

    Returns
    -------
    int
    """
    seconds = one.seconds * (50.0 if engine == "reference" else 1.0) * replicates
    workers = min(usable_cores() // max(threads, 1), replicates, 16)
    if engine == "expected" or seconds < _WORTH_SECONDS:
        return 1
    while workers > 1 and memory_needed(one, workers) > ROOM * available_memory():
        workers -= 1
    return max(workers, 1)


_WORTH_SECONDS = 30.0
"""Runs shorter than this are not worth the start of workers (about five seconds)."""


def refuse_what_cannot_fit(plan: Plan, one: Estimate, replicates: int, workers: int, folder: Path) -> None:
    """Refuse a run that needs more memory or disk than there is.

    Parameters
    ----------
    plan : Plan
    one : Estimate
    replicates : int
        Still to be made.
    workers : int
        Processes on this machine; 0 when they are elsewhere.
    folder : Path
        Where the run is written.

    Raises
    ------
    RunError
        With the estimate, what there is, and the scale that would fit.
    """
    free = available_memory()
    need = memory_needed(one, workers) if workers else 8 * one.disk_bytes
    if need > ROOM * free:
        raise RunError(_memory_message(plan, one, workers, need, free), refused=True)
    if one.engine == "agents" and workers and plan.people * _PLACE_KEPT > psutil.virtual_memory().total:
        raise RunError(_too_many_people(plan), refused=True)
    place = next(p for p in (folder, *folder.absolute().parents) if p.exists())
    space, room = disk_needed(one, replicates), float(shutil.disk_usage(place).free)
    if space > ROOM * room:
        fit = int(ROOM * room / disk_needed(one, 1))
        message = (
            f"The run would write about {_size(space)} and {place} has {_size(room)} free; about {fit} replicates "
            "would fit. Free some space, name a folder on another disk with --out, or lower --replicates or --scale."
        )
        raise RunError(message, refused=True)


def _too_many_people(plan: Plan) -> str:
    total = psutil.virtual_memory().total
    fits = plan.scale * ROOM * total / (plan.people * _PLACE_KEPT)
    digits = 1 - math.floor(math.log10(fits))
    fits = math.floor(fits * 10.0**digits) / 10.0**digits
    return (
        f"{plan.scenario.name} at scale {plan.scale:g} has {plan.people:,} people; places for all of them in one line would take "
        f"{_size(plan.people * _PLACE_KEPT)}, and this machine has {_size(total)} of memory. --scale {fits:g} would fit; or use "
        "a machine with more memory."
    )


def _memory_message(plan: Plan, one: Estimate, workers: int, need: float, free: float) -> str:
    each = max(workers, 1)
    found = (
        f"{plan.scenario.name} at scale {plan.scale:g} with {each} process(es) would need about {_size(need)} of "
        f"memory ({plan.people:,} people), and {_size(free)} are free."
    )
    shares = np.geomspace(1.0, 1e-6, 400)
    fitting = (s for s in shares if _needed_at(plan, one, workers, float(s)) <= ROOM * free)
    fits = plan.scale * float(next(fitting, 0.0))
    if fits <= 0.0:
        return f"{found} No scale would fit: use fewer --workers or --threads, a shorter window, or monthly tables."
    digits = 1 - math.floor(math.log10(fits))
    fits = math.floor(fits * 10.0**digits) / 10.0**digits
    return f"{found} --scale {fits:g} would fit; or use fewer --workers, or a machine with more memory."


def _needed_at(plan: Plan, one: Estimate, workers: int, share: float) -> float:
    """Bytes that the same run needs with a share of its people."""
    other = estimate_replicate(plan, one.engine, one.threads, share)
    return memory_needed(other, workers) if workers else 8 * other.disk_bytes


def _size(count: float) -> str:
    return f"{count / 1e9:,.1f} GB" if count >= 1e9 else f"{count / 1e6:,.0f} MB"
