"""The worker: one task enters on standard input, progress, a result or a refusal leave as lines of JSON.

``python -m sim.app.service.work``. It ends when its parent does.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable
from dataclasses import astuple
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from sim.errors import TravesiaError

if TYPE_CHECKING:
    from sim.spec import Scenario

__all__ = ["TASKS", "main"]

type Say = Callable[..., None]
type Task = Callable[[dict[str, Any], Say], dict[str, Any]]


def scenario_of(payload: dict[str, Any], key: str = "scenario") -> Scenario:
    """The scenario of a task: what its file holds, read and checked like any file."""
    from sim.spec import load_scenario  # noqa: PLC0415 - loaded by the tasks that need it

    return load_scenario(payload[key])


def run_task(payload: dict[str, Any], say: Say) -> dict[str, Any]:
    """Run a scenario and prepare what the page shows of it."""
    from sim.app.service.views import prepare  # noqa: PLC0415
    from sim.ensemble import run  # noqa: PLC0415

    scenario = scenario_of(payload)
    done = run(
        scenario,
        replicates=int(payload["replicates"]),
        seed=int(payload["seed"]),
        scale=float(payload["scale"]),
        out=Path(payload["out"]),
        progress=say,
    )
    (Path(payload["out"]) / "scenario_file.json").write_text(
        json.dumps(payload["scenario"]), encoding="utf-8"
    )
    prepare(
        done, Path(payload["views"]), "", say
    )  # needs follow in a task of their own: the page is open by then
    return {"run": payload["name"], "hash": done.manifest["result_hash"]}


def compare_task(payload: dict[str, Any], say: Say) -> dict[str, Any]:
    """Run two scenarios with the same luck, and prepare both."""
    from sim.app.service.views import prepare  # noqa: PLC0415
    from sim.ensemble.compare import compare  # noqa: PLC0415
    from sim.report import difference_table  # noqa: PLC0415

    base, other = scenario_of(payload, "base"), scenario_of(payload, "other")
    out = Path(payload["out"])
    turn = [0]

    def told(stage: str, done: float, total: float) -> None:
        say(stage, done, total, [turn[0], 3])
        if stage == "tables" and done >= total:
            turn[0] += 1

    made = compare(
        base,
        other,
        replicates=int(payload["replicates"]),
        seed=int(payload["seed"]),
        scale=float(payload["scale"]),
        out=out,
        progress=told,
    )
    difference_table(made.base, made.others[0]).to_parquet(out / "by_month.parquet", index=False)
    for which, one in (("base", made.base), ("other", made.others[0])):
        (one.path / "scenario_file.json").write_text(json.dumps(payload[which]), encoding="utf-8")
        prepare(one, Path(payload["views"]), "", lambda *_: None)
    return {"comparison": payload["name"], "base": made.base.path.name, "other": made.others[0].path.name}


def explain_task(payload: dict[str, Any], say: Say) -> dict[str, Any]:
    """Trace a difference back to policies and legs."""
    from sim.ensemble.compare import explain  # noqa: PLC0415

    base, other = scenario_of(payload, "base"), scenario_of(payload, "other")
    say("explain", 0.1, 1.0)
    parts = explain(
        base,
        other,
        payload["border"],
        payload["month"],
        seed=int(payload["seed"]),
        scale=float(payload["scale"]),
    )
    by = parts.groupby(["step", "policy", "change"], sort=False)["persons"].sum().reset_index()
    return {"parts": by.to_dict("records"), "border": payload["border"], "month": payload["month"]}


def prepare_task(payload: dict[str, Any], say: Say) -> dict[str, Any]:
    """Prepare what the page shows of a saved run, in a language if one is named."""
    from sim.app.service.views import prepare  # noqa: PLC0415
    from sim.results import open_run  # noqa: PLC0415

    prepare(open_run(payload["run"]), Path(payload["views"]), payload["lang"], say)
    return {"run": payload["name"]}


def workbook_task(payload: dict[str, Any], say: Say) -> dict[str, Any]:
    """Write the workbook of needs."""
    from sim.needs import estimate  # noqa: PLC0415
    from sim.results import open_run  # noqa: PLC0415

    say("needs", 0.0, 1.0)
    found = estimate(open_run(payload["run"]), country=payload["country"] or None, lang=payload["lang"])
    say("needs", 1.0, 1.0)
    return {"file": str(found.to_excel(Path(payload["file"])))}


def brief_task(payload: dict[str, Any], say: Say) -> dict[str, Any]:
    """Write the two-page brief."""
    from sim.report import brief  # noqa: PLC0415
    from sim.results import open_run  # noqa: PLC0415

    say("needs", 0.0, 1.0)
    pages = brief(open_run(payload["run"]), payload["country"] or "ALL", payload["lang"])
    return {"file": str(pages.save(Path(payload["file"])))}


def confirm_task(payload: dict[str, Any], say: Say) -> dict[str, Any]:
    """Run a shared file again and say whether the result is the same."""
    from sim.app.service.share import confirm  # noqa: PLC0415

    return confirm(payload["share"], say)


TASKS: dict[str, Task] = {
    "run": run_task,
    "compare": compare_task,
    "explain": explain_task,
    "prepare": prepare_task,
    "workbook": workbook_task,
    "brief": brief_task,
    "confirm": confirm_task,
}


def main(lines: TextIO = sys.stdin) -> None:
    """Do one task."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)  # whatever a library prints must not be taken for an answer
    task = json.loads(lines.readline())
    threading.Thread(target=_end_with_parent, args=(lines,), daemon=True).start()

    def say(stage: str, done: float, total: float, turn: list[int] | None = None) -> None:
        out.write(json.dumps({"progress": [stage, done, total], "of": turn}) + "\n")

    try:
        result = TASKS[task["kind"]](task["payload"], say)
        out.write(json.dumps({"result": result}) + "\n")
    except TravesiaError as fault:
        problems = [astuple(problem) for problem in fault.problems]
        out.write(json.dumps({"refused": fault.message, "problems": problems}) + "\n")
    except MemoryError:
        text = "Out of memory: run with a smaller --scale, fewer --replicates or fewer workers."
        out.write(json.dumps({"refused": text}) + "\n")
    except OSError as fault:
        out.write(json.dumps({"refused": f"The system refused: {fault.strerror or fault}"}) + "\n")
    except Exception as fault:  # noqa: BLE001 - the one place where a fault of a task ends
        text = f"Travesía failed on a fault of its own, {type(fault).__name__}: {fault}"
        out.write(json.dumps({"refused": text}) + "\n")
    out.flush()


def _end_with_parent(lines: TextIO) -> None:
    lines.read()
    os._exit(1)


if __name__ == "__main__":
    main()
