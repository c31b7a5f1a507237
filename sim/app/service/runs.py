"""Saved runs: a folder chosen at the start enters, the runs in it leave, and nothing outside it."""

from __future__ import annotations

import json
import re
import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sim.app.service.views import Views
from sim.errors import DataError, Problem
from sim.results import open_run

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["OWN", "Runs", "Saved", "fresh_name"]

OWN: Final = ".app"
"""Folder for what the app keeps beside the runs: small tables, uploads, downloads."""
_NAME: Final = re.compile(r"^[\w][\w.\- ]*(/[\w][\w.\- ]*)?$")
_MOST_HELD = 6


@dataclass(frozen=True)
class Saved:
    """One run folder as the list shows it."""

    name: str
    scenario: str
    replicates: int
    scale: float
    created: str


class Runs:
    """The runs under one folder.

    Parameters
    ----------
    folder : Path
        The directory chosen when the app was started.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self.own = self.folder / OWN
        self._held: OrderedDict[str, Views] = OrderedDict()
        self._lock = threading.Lock()

    def path(self, name: str) -> Path:
        """Folder of a run.

        Raises
        ------
        DataError
            For a name that is no run inside the directory: '..', absolute paths and links out of it are refused.
        """
        path = (self.folder / name).resolve() if _NAME.match(name) else None
        if path is None or not path.is_relative_to(self.folder) or path == self.folder:
            problem = Problem(f"'{name}' is not a run folder in {self.folder.name}", "", "one of the list")
            message = "This is not a run folder."
            raise DataError(message, [problem])
        return path

    def listed(self) -> list[Saved]:
        """Complete runs in the directory and one level below, the newest first."""
        found = []
        for manifest in [*self.folder.glob("*/manifest.json"), *self.folder.glob("*/*/manifest.json")]:
            folder = manifest.parent
            name = folder.relative_to(self.folder).as_posix()
            if (
                name.startswith(".")
                or not _NAME.match(name)
                or not folder.resolve().is_relative_to(self.folder)
            ):
                continue
            one = _saved(name, manifest)
            if one is not None:
                found.append(one)
        return sorted(found, key=lambda run: run.created, reverse=True)

    def open(self, name: str) -> Views:
        """A run and its small tables.

        Raises
        ------
        DataError
            When it is no complete run folder of the directory.
        """
        path = self.path(name)
        run = open_run(path)
        key = f"{name}:{run.manifest['result_hash']}"
        with self._lock:
            if key not in self._held:
                self._held[key] = Views(run, self.own)
                while len(self._held) > _MOST_HELD:
                    self._held.popitem(last=False)
            self._held.move_to_end(key)
            return self._held[key]

    def scenario_file(self, name: str) -> dict[str, Any] | None:
        """The small scenario file a run of this app was made from; None for other runs."""
        file = self.path(name) / "scenario_file.json"
        try:
            content = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            return None
        return content if isinstance(content, dict) else None


def _saved(name: str, manifest: Path) -> Saved | None:
    try:
        facts = json.loads(manifest.read_text(encoding="utf-8"))
        return Saved(
            name,
            str(facts["scenario"]),
            int(facts["replicates"]),
            float(facts["scale"]),
            str(facts["created"]),
        )
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def fresh_name(folder: Path, stem: str, tail: str) -> str:
    """A folder name that is free."""
    base = re.sub(r"[^\w\-]+", "-", stem).strip("-") or "run"
    name = f"{base[:50]}-{tail[:6]}"
    number = 2
    while (folder / name).exists():
        name = f"{base[:50]}-{tail[:6]}-{number}"
        number += 1
    return name
