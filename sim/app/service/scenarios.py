"""Scenarios as the app edits them: a base and changes enter, a checked scenario and its small YAML leave."""

from __future__ import annotations

import hashlib
import re
import threading
from collections import OrderedDict
from collections.abc import Mapping
from datetime import date
from io import StringIO
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML

from sim.errors import Problem, ScenarioError
from sim.spec import INSTRUMENTS, Policy, Scenario, load_scenario
from sim.spec.base import plain
from sim.spec.explain import build
from sim.spec.library import scenario_file
from sim.spec.reading import MOST_BYTES, Row, read_text, read_yaml

__all__ = ["MOST_UPLOADED", "Changes", "Shelf", "document", "edited", "is_upload", "rewritten", "yaml_text"]

type Changes = dict[str, dict[str, Any]]
"""By policy: the keys that differ from the base; ``off`` true takes the policy away."""

MOST_UPLOADED: Final = MOST_BYTES
"""Bytes of an uploaded scenario, as for a file."""
UPLOADS: Final = "uploads"
_MOST_HELD = 6
_DATES: Final = ("start", "end")


def is_upload(base: str) -> bool:
    """Whether a base is a file that a reader of the page brought."""
    return base.startswith(f"{UPLOADS}/")


class Shelf:
    """Scenarios that were read, a few at a time.

    Parameters
    ----------
    folder : Path
        The app's own folder, where uploads are kept.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._held: OrderedDict[str, Scenario] = OrderedDict()
        self._lock = threading.Lock()

    def load(self, base: str) -> Scenario:
        """A scenario by its name in the library, or by the name `keep` gave.

        Parameters
        ----------
        base : str

        Returns
        -------
        Scenario

        Raises
        ------
        ScenarioError
            As on the command line.
        """
        with self._lock:
            if base in self._held:
                self._held.move_to_end(base)
                return self._held[base]
        loaded = load_scenario(self.source(base))
        with self._lock:
            self._held[base] = loaded
            while len(self._held) > _MOST_HELD:
                self._held.popitem(last=False)
        return loaded

    def source(self, base: str) -> str | Path:
        """What `load_scenario` takes for a base: never a path that a browser named."""
        if is_upload(base):
            path = (self.folder / base).resolve()
            if path.is_relative_to((self.folder / UPLOADS).resolve()) and path.is_file():
                return path
        elif scenario_file(base) is not None:
            return base
        message = "There is no such scenario"
        raise ScenarioError(message, [Problem(f"'{base}' is not known", "", "one of the list, or an upload")])

    def written(self, base: str) -> dict[str, Any]:
        """What an uploaded file holds, as it was written."""
        path = self.source(base)
        content: dict[str, Any] = _plain(read_yaml(read_text(Path(path)), Path(path).name))
        return content

    def keep(self, filename: str, content: bytes) -> str:
        """Check an uploaded file and keep it.

        Parameters
        ----------
        filename : str
            As the browser names it; only letters of it are used.
        content : bytes

        Returns
        -------
        str
            Name to load it by.

        Raises
        ------
        ScenarioError
            With the message of the command line.
        """
        if len(content) > MOST_UPLOADED:
            problem = Problem(
                f"the file has {len(content):,} bytes", cleaned(filename), f"at most {MOST_UPLOADED:,}"
            )
            message = "The scenario cannot be read"
            raise ScenarioError(message, [problem])
        name = f"{UPLOADS}/{hashlib.sha256(content).hexdigest()[:12]}/{cleaned(filename)}"
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        try:
            self.load(name)
        except ScenarioError:
            path.unlink()
            raise
        return name


def cleaned(filename: str) -> str:
    """A file name of letters, digits, '_' and '-' that ends in .yaml."""
    stem = re.sub(r"[^\w\-]+", "_", Path(filename.replace("\\", "/")).stem)[:60].strip("_")
    return f"{stem or 'scenario'}.yaml"


def edited(scenario: Scenario, changes: Changes) -> Scenario:
    """A scenario with policies changed, checked policy by policy but not run through all checks (see `document`).

    Parameters
    ----------
    scenario : Scenario
    changes : dict

    Returns
    -------
    Scenario

    Raises
    ------
    ScenarioError
        All faults in one go, as when a file is read.
    """
    if not changes:
        return scenario
    problems: list[Problem] = []
    policies = []
    for policy in scenario.policies:
        change = changes.get(policy.id)
        if change is None:
            policies.append(policy)
        elif not change.get("off"):
            made = changed(policy, change, problems)
            if made is not None:
                policies.append(made)
    if problems:
        many = len(problems)
        message = f"The scenario '{scenario.name}' cannot be run: {many} problem{'s' if many != 1 else ''}"
        raise ScenarioError(message, problems)
    return scenario.model_copy(update={"policies": tuple(policies), "sources": scenario.sources})


def changed(policy: Policy, change: Mapping[str, Any], problems: list[Problem]) -> Policy | None:
    """One policy with other values; None with its faults noted."""
    label = f"policies[{policy.id}]"
    row = Row({**plain(policy), **values_of(change)})
    if row.get("end") is None:
        row.pop("end", None)
    return build(INSTRUMENTS[policy.instrument], row, label, problems)  # type: ignore[return-value]


def values_of(change: Mapping[str, Any]) -> dict[str, Any]:
    """Keys of a policy that a change sets; a blank end means open."""
    return {
        key: None if key in _DATES and not value else value for key, value in change.items() if key != "off"
    }


def document(base: str, scenario: Scenario, changes: Changes, name: str, title: str = "") -> dict[str, Any]:
    """What the scenario file of an edited scenario holds: the base by name, and only what differs from it.

    Parameters
    ----------
    base : str
        Name in the library.
    scenario : Scenario
        The base, read.
    changes : dict
    name, title : str

    Returns
    -------
    dict
        Ready for `load_scenario`.
    """
    texts = {"en": scenario.title.en, "es": scenario.title.es}
    made: dict[str, Any] = {
        "name": name,
        "title": title or (texts if any(texts.values()) else name),
        "extends": base,
    }
    off, on = sorted_changes(scenario, changes)
    if off:
        made["drop_policies"] = off
    if on:
        made["set"] = {"policies": on}
    return made


def rewritten(content: dict[str, Any], scenario: Scenario, changes: Changes, name: str) -> dict[str, Any]:
    """An uploaded file with changes written into it; a policy taken away stays listed, at intensity 0.

    Parameters
    ----------
    content : dict
        What the file holds.
    scenario : Scenario
        The same, read.
    changes : dict
    name : str
    """
    off, on = sorted_changes(scenario, changes)
    on |= {one: {"intensity": 0} for one in off}
    made = {**content, "name": name}
    if on:
        given = dict(made.get("set") or {})
        policies = dict(given.get("policies") or {})
        given["policies"] = policies | {
            one: {**(policies.get(one) or {}), **change} for one, change in on.items()
        }
        made["set"] = given
    return made


def sorted_changes(scenario: Scenario, changes: Changes) -> tuple[list[str], Changes]:
    """Policies taken away, and those with other values; both only of this scenario."""
    known = {policy.id for policy in scenario.policies}
    off = [one for one, change in changes.items() if one in known and change.get("off")]
    on = {
        one: values_of(change)
        for one, change in changes.items()
        if one in known and not change.get("off") and values_of(change)
    }
    return off, on


def _plain(value: Any) -> Any:  # noqa: ANN401 - as YAML gives it
    """Rows, lists and dates as JSON takes them."""
    if isinstance(value, Mapping):
        return {str(key): _plain(held) for key, held in value.items()}
    if isinstance(value, list):
        return [_plain(held) for held in value]
    return value.isoformat() if isinstance(value, date) else value


def yaml_text(content: Mapping[str, Any]) -> str:
    """A scenario file as text."""
    writer = YAML(typ="safe", pure=True)
    writer.default_flow_style = False
    writer.allow_unicode = True
    writer.width = 120
    writer.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    out = StringIO()
    writer.dump(dict(content), out)
    return out.getvalue()
