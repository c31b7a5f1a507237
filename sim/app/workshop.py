"""What the pages share while the app runs: a folder of runs enters, the services leave; nothing is global."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sim.app.service.jobs import Jobs
from sim.app.service.preview import Previews, Seen
from sim.app.service.runs import Runs, fresh_name
from sim.app.service.scenarios import Changes, Shelf, document, edited, is_upload, rewritten
from sim.app.service.track import track_record
from sim.errors import TravesiaError

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from sim.spec import Scenario

__all__ = ["DEFAULT", "Draft", "Workshop"]

DEFAULT = "history/baseline"


@dataclass(frozen=True)
class Draft:
    """A scenario as one tab has it: a base and what was changed.

    Parameters
    ----------
    base : str
    changes : dict
    """

    base: str = DEFAULT
    changes: Changes = field(default_factory=dict)

    @classmethod
    def of(cls, data: object) -> Draft:
        """Read what a browser kept; anything odd is the default."""
        if (
            isinstance(data, dict)
            and isinstance(data.get("base"), str)
            and isinstance(data.get("changes"), dict)
        ):
            changes = {str(k): dict(v) for k, v in data["changes"].items() if isinstance(v, dict)}
            return cls(data["base"], changes)
        return cls()

    def data(self) -> dict[str, Any]:
        """What the browser keeps."""
        return {"base": self.base, "changes": self.changes}

    @property
    def key(self) -> str:
        """The same for the same scenario."""
        return json.dumps(self.data(), sort_keys=True)


class Workshop:
    """Services of one running app.

    Parameters
    ----------
    runs_dir : Path
        Folder of runs; made if missing. The app writes nowhere else.
    processes : int
        Full runs at once.
    """

    def __init__(self, runs_dir: Path, processes: int = 1) -> None:
        runs_dir.mkdir(parents=True, exist_ok=True)
        self.runs = Runs(runs_dir)
        self.shelf = Shelf(self.runs.own)
        self.previews = Previews()
        self.jobs = Jobs(processes)
        self._record: pd.DataFrame | None = None
        self._lock = threading.Lock()

    def close(self) -> None:
        """Stop what runs, and wait for what cannot be stopped."""
        self.jobs.close()
        self.previews.close()

    def warm(self, base: str = DEFAULT) -> None:
        """Make the first preview quick: compile kernels and base beside the page."""

        def prepare() -> None:
            try:
                self.previews.ready(self.shelf.load(base))
            except TravesiaError:  # the page says so when it is asked for
                return

        threading.Thread(target=prepare, daemon=True).start()

    def base(self, draft: Draft) -> Scenario:
        """The scenario a draft starts from."""
        return self.shelf.load(draft.base)

    def scenario(self, draft: Draft) -> Scenario:
        """The scenario of a draft."""
        return edited(self.base(draft), draft.changes)

    def look(self, draft: Draft, tab: str = "") -> Seen | None:
        """The preview of a draft; None when the same tab has asked for another meanwhile."""
        return self.previews.look(self.base(draft), self.scenario(draft), draft.key, tab)

    def file(self, draft: Draft, name: str = "", title: str = "") -> dict[str, Any]:
        """The small scenario file of a draft."""
        base = self.base(draft)
        edited(base, draft.changes)
        stem = base.name.rpartition("/")[2]
        named = name or (f"{stem}_changed" if draft.changes else stem)
        if is_upload(draft.base):
            return rewritten(self.shelf.written(draft.base), base, draft.changes, named)
        return document(draft.base, base, draft.changes, named, title)

    def record(self) -> pd.DataFrame:
        """The track record, read once."""
        with self._lock:
            if self._record is None:
                self._record = track_record()
            return self._record

    def start_run(
        self, draft: Draft, lang: str, *, replicates: int, scale: float, seed: int, name: str = ""
    ) -> str:
        """Queue a full run of a draft; returns the job's id."""
        content = self.file(draft, name)
        folder = fresh_name(self.runs.folder, str(content["name"]), f"{len(draft.changes)}s{seed}")
        out = self.runs.folder / folder
        payload = {
            "scenario": content,
            "replicates": replicates,
            "scale": scale,
            "seed": seed,
            "out": str(out),
            "name": folder,
            "views": str(self.runs.own),
            "lang": lang,
            "own_folders": [str(out)],
        }
        return self.jobs.start("run", payload, str(content["name"]))

    def start_comparison(self, base: Draft, other: Draft, *, replicates: int, scale: float, seed: int) -> str:
        """Queue a paired comparison; returns the job's id."""
        first, second = self.file(base), self.file(other)
        if first["name"] == second["name"]:
            second["name"] = f"{second['name']}_b"
        folder = fresh_name(self.runs.folder, f"compare-{second['name']}", f"s{seed}")
        out = self.runs.folder / folder
        payload = {
            "base": first,
            "other": second,
            "replicates": replicates,
            "scale": scale,
            "seed": seed,
            "out": str(out),
            "name": folder,
            "views": str(self.runs.own),
            "own_folders": [str(out)],
        }
        return self.jobs.start("compare", payload, f"{second['name']} − {first['name']}")

    def start_product(self, kind: str, run: str, country: str, lang: str) -> str:
        """Queue a workbook or a brief of a saved run; returns the job's id."""
        ending = {"workbook": "xlsx", "brief": "pdf"}[kind]
        path = self.runs.path(run)
        folder = self.runs.own / "products"
        folder.mkdir(parents=True, exist_ok=True)
        where = f"_{country}" if country else ""
        file = folder / f"{kind}_{run.replace('/', '_')}{where}_{lang}.{ending}"
        payload = {"run": str(path), "country": country, "lang": lang, "file": str(file)}
        return self.jobs.start(kind, payload, file.name)

    def start_preparing(self, run: str, lang: str) -> str:
        """Queue the small tables of a saved run; returns the job's id."""
        payload = {"run": str(self.runs.path(run)), "views": str(self.runs.own), "lang": lang, "name": run}
        return self.jobs.start("prepare", payload, run)
