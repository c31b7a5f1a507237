"""Compiled kernels kept on disk: a function and its compiled code enter; a later process finds it again.

One folder holds the kernels of one state of their sources and of the compiler, and each file in it those of one function,
signature and processor, so that what does not fit is not found, rather than found and refused. Whatever cannot be read is
compiled anew. Numba's own cache names neither the functions that a kernel calls nor, in its index, anything that can be read
once a type has gone from the sources.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import pickle
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import llvmlite
import numba
import numpy as np
from numba.core.caching import _Cache
from numba.core.compiler import CompileResult
from numba.core.serialize import dumps

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "FOLDERS_KEPT",
    "KernelCache",
    "cache_directory",
    "cache_root",
    "kept_kernels",
    "sources_digest",
    "tidy",
]

log = logging.getLogger(__name__)

FOLDERS_KEPT = 6
"""States of sources whose kernels are kept: those used last. Several checkouts share the place."""
_DAY = 86_400.0
_SUFFIX = ".kernel"
_COMPILER = f"{sys.implementation.cache_tag} numba {numba.__version__} llvmlite {llvmlite.__version__} numpy {np.__version__}"
_SWITCHES = ("OPT", "LOOP_VECTORIZE", "SLP_VECTORIZE", "DEBUGINFO_DEFAULT", "BOUNDSCHECK")
"""Settings of numba that change the code it makes."""


def cache_root() -> Path:
    """Return the place of all kept kernels: in ``NUMBA_CACHE_DIR``, else the user's caches."""
    base = (
        os.environ.get("NUMBA_CACHE_DIR") or os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    )
    return Path(base) / "travesia"


def sources_digest() -> str:
    """Return the hash of all kernel sources as they are on disk, and of the versions that compile them."""
    digest = hashlib.sha256(_COMPILER.encode())
    here = Path(__file__).parent
    for source in [*sorted(here.glob("*.py")), here.parents[1] / "plan" / "layout.py"]:
        digest.update(f"{source.name}\n".encode())
        digest.update(source.read_bytes())
    return digest.hexdigest()[:16]


_SOURCES = sources_digest()
"""State of the sources when the first kernel was imported; what was imported after a change is not of this state."""


def cache_directory() -> Path:
    """Return the folder of the kernels of these sources, this compiler and this Python."""
    return cache_root() / f"kernels-{_SOURCES}"


def kept_kernels() -> list[Path]:
    """Return the files of the kernels that are kept for these sources."""
    return sorted(cache_directory().glob(f"*{_SUFFIX}"))


class KernelCache(_Cache):
    """What numba asks of a cache, for one function.

    Parameters
    ----------
    function : callable
        Python function of the kernel.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self._name = f"{function.__module__.rpartition('.')[2]}.{function.__qualname__}"
        self._on = True

    @property
    def cache_path(self) -> str:
        """Folder of the kernels of these sources."""
        return str(cache_directory())

    def enable(self) -> None:
        """Use the cache."""
        self._on = True

    def disable(self) -> None:
        """Compile always."""
        self._on = False

    def flush(self) -> None:
        """Forget what is kept of this function."""
        for file in cache_directory().glob(f"{self._name}-*{_SUFFIX}"):
            _remove(file)

    def _file(self, signature: Any, target_context: Any) -> Path:
        switches = [str(getattr(numba.config, name, "")) for name in _SWITCHES]
        key = repr((signature, target_context.codegen().magic_tuple(), switches))
        return cache_directory() / f"{self._name}-{hashlib.sha256(key.encode()).hexdigest()[:16]}{_SUFFIX}"

    def load_overload(self, sig: Any, target_context: Any) -> CompileResult | None:
        """Return what was compiled for a signature, or None."""
        target_context.refresh()
        if not self._on:
            return None
        file = self._file(sig, target_context)
        try:
            content = file.read_bytes()
        except OSError:
            return None
        if sources_digest() != _SOURCES:
            return None
        digest, payload = content[:32], content[32:]
        if hashlib.sha256(payload).digest() != digest:
            log.info("%s is compiled again: what was kept is not whole", self._name)
            _remove(file)
            return None
        try:
            found = CompileResult._rebuild(target_context, *pickle.loads(payload))  # noqa: S301, SLF001 - the user's own cache
        except Exception as fault:  # noqa: BLE001 - whatever is wrong with a kept kernel, it can be compiled again
            log.info("%s is compiled again: what was kept cannot be used (%s)", self._name, fault)
            _remove(file)
            return None
        with contextlib.suppress(OSError):
            os.utime(file.parent)
        return found

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep what was compiled; where that is impossible the next process compiles again."""
        if not self._on or data.library.has_dynamic_globals or sources_digest() != _SOURCES:
            return
        file = self._file(sig, data.target_context)
        payload = dumps(data._reduce())  # noqa: SLF001 - numba has no other way to keep what was compiled
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=file.parent, prefix=".aside-", delete=False) as aside:
                aside.write(hashlib.sha256(payload).digest() + payload)
            Path(aside.name).replace(file)
            tidy()
        except OSError as fault:
            log.warning(
                "Compiled kernels cannot be kept: %s. Each run compiles again; see 'travesia doctor'.", fault
            )


def tidy() -> list[Path]:
    """Remove the kernels of sources that are no longer used, and what was left aside.

    The folders used last are kept, so that two checkouts, or two versions installed side by side, do not remove each
    other's; those of today are kept as well.

    Returns
    -------
    list of Path
        Folders removed.
    """
    now = time.time()
    own = cache_directory()
    others = []
    for folder in cache_root().glob("kernels-*"):
        with contextlib.suppress(OSError):
            if folder != own:
                others.append((folder.stat().st_mtime, folder))
    others.sort(reverse=True)
    gone = [folder for used, folder in others[FOLDERS_KEPT - 1 :] if now - used > _DAY]
    for folder in gone:
        shutil.rmtree(folder, ignore_errors=True)
    for file in own.glob(".aside-*"):
        with contextlib.suppress(OSError):
            if now - file.stat().st_mtime > _DAY:
                file.unlink()
    return gone


def _remove(file: Path) -> None:
    with contextlib.suppress(OSError):
        file.unlink()
