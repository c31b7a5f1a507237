"""Moves of a slider, answered as the app answers them: median, nine in ten and longest of the server's time.

``python -m benchmarks.preview`` prints, for fifty moves of ten sliders (early and late policies, sizes and dates) on the
baseline, wall time, time of the processor and the load of the machine.
"""

from __future__ import annotations

import os
import statistics
import time
from datetime import timedelta
from typing import Any

from sim.app.service.preview import Previews
from sim.app.service.scenarios import Changes, edited
from sim.spec import Scenario, load_scenario

BASE = "history/baseline"
#: Policy, what is moved, and how far: factors of a number, or days of a date.
SLIDERS: tuple[tuple[str, str, tuple[float, ...]], ...] = (
    ("t42-other-latin-americans", "size", (0.0, 0.5, 2.0, 4.0, 8.0)),
    ("delrio-wait", "hazard_size", (0.0, 0.5, 2.0, 3.0, 5.0)),
    ("mx-visa-ecu", "size", (0.0, 5.0, 20.0, 50.0, 100.0)),
    ("mx-visa-ven-first-months", "start", (-28, -14, -7, 7, 14)),
    ("port-exceptions", "per_day", (0.25, 0.5, 1.5, 2.0, 4.0)),
    ("oct-2022-expulsions", "size", (0.0, 0.25, 0.5, 0.75, 1.2)),
    ("chnv-parole-venezuelans", "per_month", (0.25, 0.5, 1.5, 2.0, 4.0)),
    ("clp-departures", "departures_size", (0.2, 0.5, 0.8, 1.2, 1.6)),
    ("cbpone-1450", "per_day", (0.25, 0.5, 1.5, 2.0, 3.0)),
    ("mx-surge-transfers", "start", (-28, -14, 14, 28, 56)),
)


def moves(scenario: Scenario) -> list[tuple[str, Changes]]:
    """Fifty moves: each slider in turn, so that two moves in a row never are of the same policy."""
    policies = {policy.id: policy for policy in scenario.policies}
    made: list[tuple[str, Changes]] = []
    for turn in range(len(SLIDERS[0][2])):
        for policy, field, amounts in SLIDERS:
            before: Any = getattr(policies[policy], field)
            after = (
                (before + timedelta(days=int(amounts[turn]))).isoformat()
                if field == "start"
                else before * amounts[turn]
            )
            made.append((f"{policy} {field} {after}", {policy: {field: after}}))
    return made


def measured(previews: Previews, base: Scenario, name: str, changes: Changes) -> tuple[float, float]:
    """Seconds on the wall and of the processor of one move, from the numbers of the page to the answer."""
    wall, cpu = time.perf_counter(), time.process_time()
    previews.look(base, edited(base, changes), name)
    return time.perf_counter() - wall, time.process_time() - cpu


def main() -> None:
    """Print what fifty moves take."""
    base = load_scenario(BASE)
    previews = Previews()
    previews.ready(base)
    measured(previews, base, "warm", {"cbpone-1000": {"per_day": 900.0}})
    found = [(name, *measured(previews, base, name, changes)) for name, changes in moves(base)]
    for policy, field, _ in SLIDERS:
        own = [one for one in found if one[0].startswith(f"{policy} {field} ")]
        print(
            f"{policy:28s}{field:16s} wall {1e3 * statistics.median(o[1] for o in own):6.0f} ms"
            f"  cpu {1e3 * statistics.median(o[2] for o in own):6.0f} ms"
        )
    for which, of in (("wall", 1), ("cpu", 2)):
        times = sorted(1e3 * one[of] for one in found)
        print(
            f"{which:4s} median {statistics.median(times):.0f} ms, nine in ten {times[int(0.9 * len(times))]:.0f} ms,"
            f" longest {times[-1]:.0f} ms, {len(times)} moves"
        )
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


if __name__ == "__main__":
    main()
