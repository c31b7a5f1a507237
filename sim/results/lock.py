"""One writer for a folder: a lock that the system takes back when the process that held it is gone."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from sim.errors import RunError
from sim.results import disk

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["LOCK", "Lock"]

LOCK = "writing.lock"


class Lock:
    """The right to write into a folder.

    Parameters
    ----------
    folder : Path

    Raises
    ------
    RunError
        When another process has it.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / LOCK
        self._handle: int | None = None
        while self._handle is None:
            self._handle = self._take(folder)
        os.ftruncate(self._handle, 0)
        os.write(self._handle, str(os.getpid()).encode())

    def _take(self, folder: Path) -> int | None:
        """Handle of the locked file, None when it was removed meanwhile and another try is due."""
        disk.announce("open", self.path)
        handle = os.open(self.path, os.O_CREAT | os.O_RDWR, 0o644)
        try:
            _lock(handle)
        except OSError:
            owner = os.read(handle, 32).decode(errors="replace").strip() or "unknown"
            os.close(handle)
            message = f"{folder} is being written by process {owner}; wait for it, or name another folder with --out"
            raise RunError(message, refused=True) from None
        try:
            if os.fstat(handle).st_ino == self.path.stat().st_ino:
                return handle
        except FileNotFoundError:
            pass
        os.close(handle)
        return None

    def release(self) -> None:
        """Remove the lock and let go."""
        if self._handle is None:
            return
        try:
            disk.remove_file(self.path)
        finally:
            self.drop()

    def drop(self) -> None:
        """Let go without touching the file, as the end of the process would."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    def __del__(self) -> None:
        self.drop()


def _lock(handle: int) -> None:
    if os.name == "nt":
        import msvcrt  # noqa: PLC0415 - exists on Windows only

        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined, unused-ignore]
        return
    import fcntl  # noqa: PLC0415 - exists on other systems only

    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
