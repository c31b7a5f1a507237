"""``make bench``: peers and Travesía in turn, ratios of medians, a JSON file with the machine's description.

``--quick`` runs a small version, as CI prints it; nothing here passes or fails on a time.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.bounds import expected_engine, machine_bounds
from benchmarks.flee_peer import flee_person_days, flee_version, travesia_person_days
from benchmarks.route_walk import Graph, Walked, mesa_walk, numpy_walk, sketch_walk, travesia_walk
from benchmarks.start import start

if TYPE_CHECKING:
    from sim.plan import Plan

REPEATS = 3


def in_turn(works: dict[str, Callable[[], Walked]], repeats: int) -> dict[str, list[float]]:
    """Run works one after another, `repeats` times round, and return nanoseconds a unit of each."""
    out: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(repeats):
        for name, work in works.items():
            walked = work()
            out[name].append(walked.seconds / walked.moves * 1e9)
    return out


def route_walk(people: int, repeats: int) -> dict[str, Any]:
    """The common route walk: nanoseconds a move."""
    graph = Graph()
    works: dict[str, Callable[[], Walked]] = {
        "event sketch (yardstick)": lambda: sketch_walk(graph, people),
        "travesia, 1 thread": lambda: travesia_walk(graph, people, 1),
        "travesia, 1 thread, by day": lambda: travesia_walk(graph, people, 1, daily=True),
        "travesia, 2 threads": lambda: travesia_walk(graph, people, 2),
        "numpy, everyone every day": lambda: numpy_walk(graph, people // 20),
        "Mesa, one agent a person": lambda: mesa_walk(graph, max(people // 100, 1000)),
    }
    for warm in (works["event sketch (yardstick)"], works["travesia, 1 thread"]):
        warm()
    times = in_turn(works, repeats)
    mine = times["travesia, 1 thread"]
    rows = {
        name: {"ns_per_move": statistics.median(v), "travesia_is_faster_by": ratio(v, mine)}
        for name, v in times.items()
    }
    return {"people": people, "rows": rows}


def ratio(peer: list[float], mine: list[float]) -> float:
    """Median over rounds of peer's time over ours, round by round."""
    return statistics.median(p / m for p, m in zip(peer, mine, strict=True))


def flee(repeats: int, people: int) -> dict[str, Any]:
    """FLEE's kind of graph: person-days a second."""
    version = flee_version()
    if version is None:
        return {"missing": "flee is not installed; install the bench group (make bench does)"}
    travesia_person_days(10_000)
    rounds = [(flee_person_days(people), travesia_person_days(people * 200)) for _ in range(repeats)]
    return {
        "flee_version": version,
        "flee_person_days_per_s": statistics.median(r[0] for r in rounds),
        "travesia_person_days_per_s": statistics.median(r[1] for r in rounds),
        "travesia_is_faster_by": statistics.median(r[1] / r[0] for r in rounds),
    }


def corridor(scales: tuple[float, ...], repeats: int) -> dict[str, Any]:
    """The corridor with every mechanism: seconds, nanoseconds an event, gain of a second thread, growth with work.

    One and two threads run in turn, as often as `repeats` up to scale 1 and once beyond.
    """
    from sim.engines.agents import load_kernels
    from sim.plan import compile_plan
    from sim.spec import load_scenario

    load_kernels()
    yardstick = Graph()
    scenario = load_scenario("history/baseline")
    out: dict[str, Any] = {}
    smaller: tuple[float, float] | None = None
    for scale in scales:
        plan = compile_plan(scenario, scale=scale)
        rounds = [
            {threads: _one_run(plan, threads, yardstick) for threads in (1, 2)}
            for _ in range(repeats if scale <= 1.0 else 1)
        ]
        seconds = {n: [run[n]["engine_s"] for run in rounds] for n in (1, 2)}
        for threads in (1, 2):
            middle = sorted((run[threads] for run in rounds), key=lambda run: float(run["engine_s"]))
            out[f"scale {scale}, {threads} thread(s)"] = middle[len(middle) // 2]
        gain = statistics.median(one / two for one, two in zip(seconds[1], seconds[2], strict=True))
        out[f"scale {scale}"] = {"two_threads_are_faster_by": gain, "seconds_in_turn": str(seconds)}
        one = statistics.median(seconds[1])
        if smaller is not None:
            out[f"scale {scale}"][f"times_scale_{smaller[0]}"] = one / smaller[1]
        smaller = scale, one
    return out


def _one_run(plan: Plan, threads: int, yardstick: Graph) -> dict[str, Any]:
    """One run of the agents engine between two walks of the sketch."""
    from sim.engines.agents import run_agents
    from sim.ensemble.facts import peak_rss_mb

    before = sketch_walk(yardstick, 200_000)
    begin = time.process_time()
    tally = run_agents(plan, threads=threads)
    cpu = time.process_time() - begin
    after = sketch_walk(yardstick, 200_000)
    seconds = tally.timing["engine_s"]
    move = (before.seconds / before.moves + after.seconds / after.moves) / 2.0
    return {
        "people": tally.people,
        "events": tally.events,
        "engine_s": round(seconds, 2),
        "cpu_s": round(cpu, 2),
        "ns_per_event": round(seconds / tally.events * 1e9, 1),
        "events_in_moves_of_the_sketch": round(seconds / tally.events / move, 2),
        "peak_rss_mb": peak_rss_mb(),
    }


def _processor() -> str:
    """Name of the processor, as the kernel gives it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    return next(
        (x.split(":", 1)[1].strip() for x in lines if x.startswith("model name")), platform.processor()
    )


def lines_of(results: dict[str, Any], indent: str = "") -> list[str]:
    """Results as lines to read."""
    out: list[str] = []
    for name, value in results.items():
        if isinstance(value, dict):
            flat = all(not isinstance(v, dict | list) for v in value.values())
            if flat and indent:
                out.append(f"{indent}{name}: " + ", ".join(f"{k} {_short(v)}" for k, v in value.items()))
            else:
                out += [f"{indent}{name}", *lines_of(value, indent + "  ")]
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            for item in value:
                out += [f"{indent}{name}", *lines_of(item, indent + "  ")]
        else:
            out.append(f"{indent}{name}: {_short(value)}")
    return out


def _short(value: object) -> str:
    return (
        f"{value:,.4g}"
        if isinstance(value, float)
        else f"{value:,}"
        if isinstance(value, int)
        else str(value)
    )


def main() -> None:
    """Measure, print, and save."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--out", type=Path, default=Path("runs/benchmarks.json"))
    options = parser.parse_args()
    repeats = 1 if options.quick else REPEATS
    begin = time.time()
    quick = options.quick
    results: dict[str, Any] = {
        "machine": {
            "cores": os.cpu_count(),
            "processor": _processor(),
            "python": platform.python_version(),
            "load_before": os.getloadavg(),
            **machine_bounds(repeats),
        },
        "start": start(repeats),
        "route_walk": [route_walk(n, repeats) for n in ((100_000,) if quick else (1_000_000, 5_000_000))],
        "flee_graph": flee(repeats, 500 if quick else 5_000),
        "corridor": corridor((0.02,) if quick else (0.1, 1.0, 2.0), repeats),
        "expected_engine": expected_engine(repeats, series=not quick),
    }
    results["machine"]["load_after"] = os.getloadavg()
    results["seconds"] = round(time.time() - begin, 1)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(results, indent=1))
    print("\n".join(lines_of(results)))
    print(f"written to {options.out}")


if __name__ == "__main__":
    main()
