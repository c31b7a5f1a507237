"""What a manifest says of how a run was made: versions, git state, data hashes, memory."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import resource
import subprocess
import sys
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from pathlib import Path
from typing import Any

__all__ = ["data_hashes", "departures_fit", "git_state", "machine", "peak_rss_mb", "versions"]

_PACKAGES = (
    "travesia",
    "numpy",
    "numba",
    "pandas",
    "pyarrow",
    "pydantic",
    "mesa",
    "scipy",
    "matplotlib",
    "dask",
)


def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that decide results."""
    return dict(_versions())


@lru_cache(maxsize=1)
def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def git_state() -> dict[str, Any]:
    """Return commit and whether the tree differs from it, where the sources are a git checkout."""
    root = Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():
        return {"commit": None, "changed": None}
    try:
        commit = _git(root, "rev-parse", "HEAD")
        changed = bool(_git(root, "status", "--porcelain"))
    except (OSError, subprocess.SubprocessError):
        return {"commit": None, "changed": None}
    return {"commit": commit, "changed": changed}


def _git(root: Path, *words: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(root), *words], capture_output=True, text=True, timeout=5, check=True
    )  # noqa: S603, S607
    return done.stdout.strip()


@lru_cache(maxsize=1)
def data_hashes() -> dict[str, str]:
    """Return one sha256 for each shipped folder of tables and policies that a run may read."""
    root = Path(str(files("scenarios")))
    folders = [p for p in (root / "policies", *sorted((root / "world").glob("*"))) if p.is_dir()]
    return {f.relative_to(root).as_posix(): folder_hash(f) for f in folders}


@lru_cache(maxsize=1)
def departures_fit() -> dict[str, Any]:
    """Return which fit made the shipped departures, and whether they are still the ones it made."""
    world = Path(str(files("scenarios"))) / "world" / "americas"
    try:
        facts = json.loads((world / "departures_fit.json").read_text(encoding="utf-8"))
        fitted = facts["inputs"]["departures.csv"]
        unchanged = hashlib.sha256((world / "departures.csv").read_bytes()).hexdigest() == fitted
    except (OSError, ValueError, KeyError):
        return {"known": False}
    return {
        "known": True,
        "version": facts["version"],
        "config": facts["config"],
        "departures_sha256": fitted,
        "unchanged": unchanged,
    }


def folder_hash(folder: Path) -> str:
    """Hash names and contents of the tables of a folder."""
    digest = hashlib.sha256()
    for file in sorted(folder.rglob("*")):
        if file.suffix in {".csv", ".yaml", ".json"}:
            digest.update(file.relative_to(folder).as_posix().encode())
            digest.update(file.read_bytes())
    return digest.hexdigest()


def machine() -> dict[str, Any]:
    """Return what kind of machine this is, without its name."""
    return {
        "system": platform.system(),
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "load": _load(),
    }


def _load() -> list[float] | None:
    try:
        return [round(x, 2) for x in os.getloadavg()]
    except OSError:
        return None


def peak_rss_mb() -> float:
    """Return the largest memory this process has used, in MB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1024 * 1024 if sys.platform == "darwin" else 1024), 1)
