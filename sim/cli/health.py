"""What can be wrong with a machine: what enters is this computer, what leaves are findings and advice."""

from __future__ import annotations

import importlib
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from packaging.requirements import Requirement

__all__ = ["EXTRA_CHECKS", "Finding", "findings", "worst"]

type State = Literal["ok", "warning", "fault"]

# "module:function" of further checks, each returning findings; a module that is missing is passed over
EXTRA_CHECKS: tuple[str, ...] = ("sim.cli.self_test:findings",)

_OLDEST = (3, 12)
_NEWEST_TESTED = (3, 13)
_GIGABYTE = 1_000_000_000
_MEMORY_NEEDED = 2 * _GIGABYTE
_DISK_NEEDED = 1 * _GIGABYTE
_SHOWN = 5
"""Packages that differ from the lock and are named."""
_LOCK_LINE = re.compile(
    r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^\s;\\]+)(?:\s*;\s*(?P<marker>[^\\]+))?", re.M
)


@dataclass(frozen=True)
class Finding:
    """One thing looked at.

    Parameters
    ----------
    subject : str
        What was looked at.
    state : {"ok", "warning", "fault"}
        A fault keeps Travesía from working; a warning does not.
    found : str
        What is there.
    advice : str
        What to do about it; empty when all is well.
    """

    subject: str
    state: State
    found: str
    advice: str = ""


def check_python() -> Iterator[Finding]:
    """Whether this Python is new enough, and tested."""
    found = f"{sys.version.split()[0]} ({sys.executable})"
    if sys.version_info[:2] < _OLDEST:
        yield Finding("Python", "fault", found, "Install Python 3.12 or newer, then 'make clean install'.")
    elif sys.version_info[:2] > _NEWEST_TESTED:
        yield Finding("Python", "warning", found, "Tested are 3.12 and 3.13.")
    else:
        yield Finding("Python", "ok", found)


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def check_packages() -> Iterator[Finding]:
    """Whether every package that Travesía declares is installed in a version it accepts."""
    try:
        declared = [Requirement(line) for line in requires("travesia") or ()]
    except PackageNotFoundError:
        yield Finding("Packages", "fault", "travesia itself is not installed", "Run 'make install'.")
        return
    needed = [r for r in declared if r.marker is None or r.marker.evaluate({"extra": ""})]
    wrong = [
        f"{r.name} {have} (needs {r.specifier})" if have else f"{r.name} is missing (needs {r.specifier})"
        for r in needed
        if (have := _installed(r.name)) is None or not r.specifier.contains(have, prereleases=True)
    ]
    if wrong:
        yield Finding("Packages", "fault", "; ".join(wrong), "Run 'make clean install'.")
    else:
        yield Finding("Packages", "ok", f"{len(needed)} declared packages in accepted versions")


def _lock_file() -> Path:
    return Path(__file__).parents[2] / "requirements.lock"


def check_lock() -> Iterator[Finding]:
    """Whether the installed versions are the locked ones; silent where there is no lock (no checkout)."""
    lock = _lock_file()
    if not lock.is_file():
        return
    pinned, other = 0, []
    for line in _LOCK_LINE.finditer(lock.read_text(encoding="utf-8")):
        name, wanted, marker = line["name"], line["version"], line["marker"]
        if marker and not _applies(name, marker):
            continue
        pinned += 1
        have = _installed(name)
        if have != wanted:
            other.append(f"{name} {have}, locked {wanted}" if have else f"{name} is missing, locked {wanted}")
    if other:
        shown = "; ".join(
            [*other[:_SHOWN], *([f"and {len(other) - _SHOWN} more"] if len(other) > _SHOWN else [])]
        )
        yield Finding(
            "Lock", "warning", shown, "Results are promised for the lock: run 'make clean install'."
        )
    else:
        yield Finding("Lock", "ok", f"{pinned} packages exactly as locked")


def _applies(name: str, marker: str) -> bool:
    parsed = Requirement(f"{name} ; {marker}").marker
    return parsed is None or parsed.evaluate()


def _usable_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def check_processor() -> Iterator[Finding]:
    """Cores and the threads that kernels will use."""
    cores = _usable_cores()
    yield Finding("Processor", "ok", f"{cores} usable of {os.cpu_count() or cores} cores")
    asked = os.environ.get("NUMBA_NUM_THREADS", "")
    if not asked:
        yield Finding("Threads", "ok", f"{cores} (NUMBA_NUM_THREADS is not set)")
    elif not asked.isdecimal() or int(asked) < 1:
        yield Finding("Threads", "fault", f"NUMBA_NUM_THREADS={asked}", "Set it to 1 or more, or unset it.")
    elif int(asked) > cores:
        yield Finding(
            "Threads", "warning", f"NUMBA_NUM_THREADS={asked} on {cores} cores", "Unset it, or lower it."
        )
    else:
        yield Finding("Threads", "ok", f"{asked} (NUMBA_NUM_THREADS)")


def check_memory() -> Iterator[Finding]:
    """Whether the whole corridor fits into free memory."""
    import psutil

    memory = psutil.virtual_memory()
    found = f"{memory.available / _GIGABYTE:.1f} GB free of {memory.total / _GIGABYTE:.1f} GB"
    if memory.available < _MEMORY_NEEDED:
        yield Finding(
            "Memory", "warning", found, "The corridor needs about 2 GB: use --scale 0.1, or free some."
        )
    else:
        yield Finding("Memory", "ok", found)


def _can_write(folder: Path) -> bool:
    """Whether a file can be made in a folder, which is made too if its parent allows."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".travesia-doctor-"):
            return True
    except OSError:
        return False


def check_cache() -> Iterator[Finding]:
    """Whether compiled kernels can be kept, so that only the first run compiles."""
    from sim.engines.kernels.keep import cache_directory, cache_root, kept_kernels

    folder = cache_directory()
    if not _can_write(folder):
        advice = "Set NUMBA_CACHE_DIR to a folder you can write to; until then runs may compile anew."
        yield Finding("Kernel cache", "warning", f"cannot write to {folder}", advice)
        return
    kept = kept_kernels()
    size = sum(file.stat().st_size for file in kept) / 1e6
    found = f"{folder}; kernels of this version: {len(kept)} ({size:.1f} MB)"
    if not any(file.name.startswith("day.work_on") for file in kept):
        found += "; the first run compiles, which takes about 20 s"
    others = sum(1 for other in cache_root().glob("kernels-*") if other != folder)
    found += f"; other versions kept: {others} (the oldest go by themselves)" if others else ""
    yield Finding("Kernel cache", "ok", found)


def check_writing() -> Iterator[Finding]:
    """Whether run folders can be written where the command was called."""
    here = Path.cwd()
    if not _can_write(here):
        yield Finding(
            "Write access", "fault", f"cannot write to {here}", "Change folder, or give --out elsewhere."
        )
    else:
        yield Finding("Write access", "ok", str(here))
    free = shutil.disk_usage(here).free
    found = f"{free / _GIGABYTE:.1f} GB free"
    if free < _DISK_NEEDED:
        yield Finding(
            "Disk", "warning", found, "A run folder with many replicates may not fit: free some space."
        )
    else:
        yield Finding("Disk", "ok", found)


def _further_checks() -> Iterator[Finding]:
    for target in EXTRA_CHECKS:
        module_name, _, function = target.partition(":")
        if find_spec(module_name) is not None:
            yield from getattr(importlib.import_module(module_name), function)()


_CHECKS: tuple[Callable[[], Iterable[Finding]], ...] = (
    check_python,
    check_packages,
    check_lock,
    check_processor,
    check_memory,
    check_cache,
    check_writing,
    _further_checks,
)


def findings() -> Iterator[Finding]:
    """Every check, one after the other; a check that fails by itself is a finding too."""
    for check in _CHECKS:
        try:
            yield from check()
        except Exception as error:  # noqa: BLE001 - the doctor must come to the end of its list
            name = check.__name__.removeprefix("check_").strip("_").replace("_", " ").capitalize()
            found = f"the check itself failed: {type(error).__name__}: {error}"
            yield Finding(name, "fault", found, "Please report this with the text above.")


def worst(found: Iterable[Finding]) -> State:
    """The gravest state among findings.

    Parameters
    ----------
    found : iterable of Finding
        Possibly empty.
    """
    states = {finding.state for finding in found}
    return "fault" if "fault" in states else "warning" if "warning" in states else "ok"
