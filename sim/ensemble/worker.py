"""A worker of the local cluster: ``python -m sim.ensemble.worker ADDRESS THREADS``, ended with its scheduler."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import tempfile

__all__ = ["LOCAL", "QUIET", "main"]

LOCAL = "127.0.0.1"
QUIET = {
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
    "distributed.scheduler.allowed-failures": 2,
    "distributed.worker.profile.enabled": False,
    "distributed.admin.system-monitor.gil.enabled": False,
    "distributed.worker.memory.target": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
    "distributed.worker.memory.terminate": False,
    "distributed.comm.timeouts.connect": "10s",
    "distributed.logging": {"distributed": "error", "tornado": "critical", "asyncio": "critical"},
}
"""No pages, no spilling, no more than a worker needs; a task whose worker died is tried on two others."""


async def _work(address: str, threads: int, folder: str) -> None:
    from distributed import Worker  # noqa: PLC0415 - after the configuration

    worker = Worker(
        address,
        nthreads=threads,
        host=LOCAL,
        dashboard=False,
        dashboard_address=f"{LOCAL}:0",
        memory_limit=0,
        local_directory=folder,
        death_timeout=30,
    )
    async with worker:
        await worker.finished()  # type: ignore[no-untyped-call]


def main(arguments: list[str]) -> int:
    """Work for a scheduler until it is gone.

    Parameters
    ----------
    arguments : list of str
        Address, and threads if more than one.

    Returns
    -------
    int
        Exit code.
    """
    import dask  # noqa: PLC0415

    dask.config.set(QUIET)
    if hasattr(os, "nice"):
        with contextlib.suppress(OSError):
            os.nice(1)  # the parent, which writes and shows progress, comes first
    with tempfile.TemporaryDirectory(prefix="travesia-worker-") as folder:
        try:
            asyncio.run(_work(arguments[0], int(arguments[1]) if len(arguments) > 1 else 1, folder))
        except (KeyboardInterrupt, OSError, TimeoutError):
            return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
