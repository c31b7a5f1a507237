"""The only door to the disk: every write, flush, rename and removal of run folders is a step of this module.

A watcher can be set that is asked before each step; tests use it to stop a run, or to fill the disk, at every step.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sim.errors import DataError, Problem

__all__ = [
    "AsideFile",
    "Step",
    "announce",
    "is_aside",
    "link",
    "make_folder",
    "remove_file",
    "remove_folder",
    "remove_tree",
    "rename",
    "seal",
    "sync_folder",
    "unseal",
    "watched",
    "write_aside",
]

type Step = Callable[[str, Path, bytes], bytes | None]
"""Asked before a step with its name, path and, for writes, the bytes; may raise, or return fewer bytes to write."""

_SEAL = "seal"
_BLOCK = 1 << 20
_watcher: list[Step] = []


@contextmanager
def watched(step: Step) -> Iterator[None]:
    """Have every step of this process announced to `step`.

    Parameters
    ----------
    step : callable
        Called with (name, path, bytes to write); what it raises happens instead of the step. If it returns bytes, these
        are written and it is called again with the name ``"torn"``, so that a write can stop half-way.
    """
    _watcher.append(step)
    try:
        yield
    finally:
        _watcher.remove(step)


def announce(name: str, path: Path, data: bytes = b"") -> bytes | None:
    """Tell the watcher, if there is one, of the step that comes next."""
    return _watcher[-1](name, path, data) if _watcher else None


class AsideFile:
    """A file written under another name, flushed to the disk, and renamed when it is whole.

    Parameters
    ----------
    path : Path
        The name it gets at the end.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.aside = path.with_name(f".{path.name}.{os.getpid()}")
        self.closed = False
        self._held = bytearray()
        self._written = 0
        announce("open", self.aside)
        self._handle = self.aside.open("wb", buffering=0)

    def write(self, data: bytes) -> int:
        """Write bytes; they reach the system in blocks of a megabyte."""
        self._held += data
        if len(self._held) >= _BLOCK:
            self._put()
        return len(data)

    def _put(self) -> None:
        data = bytes(self._held)
        self._held.clear()
        if not data:
            return
        instead = announce("write", self.aside, data)
        if instead is not None:
            self._handle.write(instead)
            announce("torn", self.aside)
        view = memoryview(data)
        while view:
            view = view[self._handle.write(view) :]
        self._written += len(data)

    def tell(self) -> int:
        """Position in the file."""
        return self._written + len(self._held)

    def flush(self) -> None:
        """Nothing: what is written counts when it is committed."""

    def close(self) -> None:
        """Close the file without naming it; what is not committed is swept away later."""
        if not self.closed:
            self.closed = True
            self._handle.close()

    def commit(self) -> None:
        """Flush the file to the disk and give it its name."""
        self._put()
        announce("flush", self.aside)
        os.fsync(self._handle.fileno())
        self.close()
        rename(self.aside, self.path)


def write_aside(path: Path, data: bytes) -> None:
    """Write a file under another name, flush it to the disk, and rename it: there is never half a file.

    Parameters
    ----------
    path : Path
    data : bytes
    """
    file = AsideFile(path)
    try:
        file.write(data)
        file.commit()
    except OSError:
        file.close()
        _forget(file.aside)
        raise
    finally:
        file.close()


def _forget(path: Path) -> None:
    """Remove what a failed write left, if the system lets us."""
    try:
        remove_file(path)
    except OSError:
        return


def make_folder(path: Path) -> None:
    """Make a folder and those above it."""
    announce("folder", path)
    path.mkdir(parents=True, exist_ok=True)


def rename(old: Path, new: Path) -> None:
    """Give a file or folder its name."""
    announce("rename", new)
    old.replace(new)


def link(old: Path, new: Path) -> None:
    """Give a file a second name; a copy where the file system knows no links."""
    announce("link", new)
    try:
        os.link(old, new)
    except OSError:
        shutil.copyfile(old, new)


def sync_folder(path: Path) -> None:
    """Flush the names in a folder to the disk, where the system can."""
    announce("flush", path)
    try:
        handle = os.open(path, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    except OSError:
        return
    finally:
        os.close(handle)


def remove_file(path: Path) -> None:
    """Remove a file if it is there."""
    announce("remove", path)
    path.unlink(missing_ok=True)


def remove_folder(path: Path) -> None:
    """Remove an empty folder if it is there and empty."""
    announce("remove", path)
    try:
        path.rmdir()
    except OSError:
        return


def remove_tree(path: Path) -> None:
    """Remove a folder with all it holds, if it is there."""
    if not path.is_dir() or path.is_symlink():
        return
    for entry in sorted(path.iterdir()):
        if entry.is_dir() and not entry.is_symlink():
            remove_tree(entry)
        else:
            remove_file(entry)
    announce("remove", path)
    path.rmdir()


def is_aside(path: Path) -> bool:
    """Whether a path is something that was being written under another name."""
    head, dot, process = path.name.rpartition(".")
    return bool(dot) and head.startswith(".") and len(head) > 1 and process.isdigit()


def seal(content: Mapping[str, Any]) -> bytes:
    """Write a mapping as JSON that carries the hash of its own content.

    Parameters
    ----------
    content : mapping

    Returns
    -------
    bytes
    """
    plain = {k: v for k, v in json.loads(json.dumps(content, default=str)).items() if k != _SEAL}
    return json.dumps({**plain, _SEAL: _digest(plain)}, indent=1).encode()


def unseal(path: Path) -> dict[str, Any]:
    """Read a mapping written by `seal`.

    Parameters
    ----------
    path : Path

    Returns
    -------
    dict

    Raises
    ------
    DataError
        When it is missing, no JSON, or was changed.
    """
    expected = "a file written by travesia run"
    try:
        data = path.read_bytes()
        loaded = json.loads(data)
    except OSError as fault:
        msg = "A file is missing."
        raise DataError(msg, [Problem(f"cannot be read ({fault.strerror})", str(path), expected)]) from None
    except (ValueError, RecursionError):
        msg = "A file is damaged."
        raise DataError(msg, [Problem("holds no JSON", str(path), expected)]) from None
    if not isinstance(loaded, dict):
        msg = "A file is damaged."
        raise DataError(msg, [Problem("holds no mapping", str(path), expected)])
    found = loaded.pop(_SEAL, None)
    if found != _digest(loaded) or data != seal(loaded):
        problem = Problem("content differs from its own hash: it was changed or damaged", str(path), expected)
        msg = "A file is damaged."
        raise DataError(msg, [problem])
    return loaded


def _digest(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
