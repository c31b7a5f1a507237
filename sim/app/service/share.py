"""Sharing: a run enters, one small file leaves that another machine can run again and confirm."""

from __future__ import annotations

import json
import math
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sim.errors import DataError, Problem
from sim.spec import load_scenario
from sim.spec.reading import read_yaml

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sim.results import Run

__all__ = ["KIND", "confirm", "read_share", "share_of"]

KIND: Final = "travesia share 1"
_KEYS: Final = (
    "kind", "scenario", "scenario_hash", "data_hashes", "version", "engine", "seed", "replicates", "scale", "result_hash",
)  # fmt: skip
_MOST_REPLICATES = 10_000


def share_of(run: Run, scenario_file: Mapping[str, Any] | None) -> dict[str, Any]:
    """What the shared file of a run holds.

    Parameters
    ----------
    run : Run
    scenario_file : mapping, optional
        The small file it was made from; the resolved scenario when left out.

    Returns
    -------
    dict
    """
    facts = run.manifest
    return {
        "kind": KIND,
        "scenario": dict(scenario_file) if scenario_file else run.scenario.to_dict(),
        "scenario_hash": facts["scenario_hash"],
        "data_hashes": dict(facts["data_hashes"]),
        "version": facts["versions"]["travesia"],
        "engine": facts["engine"],
        "seed": facts["seed"],
        "replicates": facts["replicates"],
        "scale": facts["scale"],
        "result_hash": facts["result_hash"],
    }


def read_share(text: str, name: str) -> dict[str, Any]:
    """Read a shared file as data.

    Raises
    ------
    DataError, ScenarioError
        When it is no shared file.
    """
    content = _json(text) or read_yaml(text, name)
    missing = [key for key in _KEYS if key not in content]
    if missing or content["kind"] != KIND:
        problem = Problem(
            f"the keys {', '.join(missing)} are missing" if missing else f"kind is '{content['kind']}'",
            name,
            f"a file that the app shares, of kind '{KIND}'",
        )
        message = "This is not a shared run."
        raise DataError(message, [problem])
    problems = [
        Problem(f"{key} is {content[key]!r}", name, told)
        for key, kind, told in (
            ("seed", int, "a whole number"),
            ("replicates", int, "a whole number"),
            ("scale", int | float, "a number"),
            ("scenario", dict, "a mapping"),
            ("data_hashes", dict, "a mapping"),
        )
        if not isinstance(content[key], kind) or isinstance(content[key], bool)
    ]
    if not problems and not 1 <= content["replicates"] <= _MOST_REPLICATES:
        problems.append(Problem(f"replicates is {content['replicates']}", name, f"1 to {_MOST_REPLICATES:,}"))
    if not problems and not 0.0 < content["scale"] < math.inf:
        problems.append(Problem(f"scale is {content['scale']}", name, "a share above 0"))
    if not problems and content["seed"] < 0:
        problems.append(Problem(f"seed is {content['seed']}", name, "0 or more"))
    if problems:
        message = "This is not a shared run."
        raise DataError(message, problems)
    return dict(content)


def _json(text: str) -> dict[str, Any]:
    """The mapping of a JSON text; empty where it is none, so that the YAML reader says what is wrong."""
    try:
        content = json.loads(text) if text.lstrip().startswith("{") else {}
    except (ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def confirm(share: Mapping[str, Any], say: Callable[..., None]) -> dict[str, Any]:
    """Run what a shared file describes and compare the result.

    Parameters
    ----------
    share : mapping
        As `read_share` gives.
    say : callable
        Called with (what, done, in all).

    Returns
    -------
    dict
        ``same`` (bool), ``result_hash`` here, ``shared_hash``, and ``differs``: what was not the same before the run
        (version, data, scenario), which explains a different result.
    """
    from sim.ensemble import run  # noqa: PLC0415 - loads the engines
    from sim.ensemble.facts import data_hashes, versions  # noqa: PLC0415

    scenario = load_scenario(share["scenario"])
    here = data_hashes()
    differs = []
    if versions()["travesia"] != share["version"]:
        differs.append("version")
    if any(here.get(name) != known for name, known in share["data_hashes"].items()):
        differs.append("data")
    if scenario.digest != share["scenario_hash"]:
        differs.append("scenario")
    with tempfile.TemporaryDirectory(prefix="travesia-share-") as folder:
        done = run(
            scenario,
            replicates=share["replicates"],
            engine=share["engine"],
            seed=share["seed"],
            scale=share["scale"],
            out=Path(folder) / "run",
            progress=say,
        )
        found = str(done.manifest["result_hash"])
    return {
        "same": found == share["result_hash"],
        "result_hash": found,
        "shared_hash": share["result_hash"],
        "differs": differs,
        "scenario": scenario.name,
    }
