"""Compiled kernels (numba only): arrays enter, counts leave. Nothing here knows names, dates or files."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numba as nb

__all__ = ["cache_directory"]


def cache_directory() -> Path:
    """Return the folder of compiled kernels, one for each state of the sources and version of the compiler.

    Numba's own cache does not notice when a function that a kernel calls changes in another file; a folder named after
    all kernel sources does.
    """
    digest = hashlib.sha256(nb.__version__.encode())
    here = Path(__file__).parent
    for source in [*sorted(here.glob("*.py")), here.parents[1] / "plan" / "layout.py"]:
        digest.update(source.read_bytes())
    base = (
        os.environ.get("NUMBA_CACHE_DIR") or os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    )
    return Path(base) / "travesia" / f"kernels-{digest.hexdigest()[:16]}"


nb.config.CACHE_DIR = str(cache_directory())
