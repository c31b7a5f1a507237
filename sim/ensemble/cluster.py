"""A scheduler in this process and workers beside it, all on 127.0.0.1 and gone when the run is."""

from __future__ import annotations

import contextlib
import logging
import re
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

from sim.ensemble.worker import LOCAL, QUIET
from sim.errors import RunError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["LocalWorkers", "connect"]

_ADDRESS = re.compile(r"inproc://\S+|(?:[a-z]+://)?\S+:\d{1,5}")
_START_SECONDS = 90.0
_RESTARTS = 2


def configure() -> None:
    """Settings of Dask for this process, before its parts are imported."""
    import dask  # noqa: PLC0415 - a second, only when workers are wanted

    dask.config.set(QUIET)
    for name in ("distributed", "tornado", "asyncio"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


class LocalWorkers:
    """A scheduler in this process and worker processes of its own session, so that Ctrl-C reaches only the parent.

    Parameters
    ----------
    workers : int
    """

    def __init__(self, workers: int) -> None:
        configure()
        from distributed import LocalCluster  # noqa: PLC0415

        self.wanted = workers
        self._restarts = _RESTARTS * workers
        self._processes: list[subprocess.Popen[bytes]] = []
        self.cluster = LocalCluster(  # type: ignore[no-untyped-call]
            n_workers=0,
            processes=False,
            threads_per_worker=1,
            host=LOCAL,
            protocol="tcp://",
            scheduler_port=0,
            dashboard_address=f"{LOCAL}:0",
            scheduler_kwargs={"dashboard": False},
            silence_logs=logging.CRITICAL,
        )
        self.address: str = self.cluster.scheduler_address
        for _ in range(workers):
            self._start()

    def _start(self) -> None:
        command = [sys.executable, "-m", "sim.ensemble.worker", self.address]
        quiet = subprocess.DEVNULL
        self._processes.append(
            subprocess.Popen(command, stdin=quiet, stdout=quiet, stderr=quiet, start_new_session=True)
        )

    def process_ids(self) -> list[int]:
        """Workers that live."""
        return [p.pid for p in self._processes if p.poll() is None]

    def mend(self) -> None:
        """Start another worker for each that died, a few times."""
        for process in list(self._processes):
            if process.poll() is not None:
                self._processes.remove(process)
                if self._restarts > 0:
                    self._restarts -= 1
                    self._start()

    def stop(self) -> None:
        """End the workers at once."""
        self._restarts = 0
        for process in self._processes:
            process.kill()
        for process in self._processes:
            process.wait()
        self._processes.clear()

    def close(self) -> None:
        """End the workers at once, then the scheduler."""
        self.stop()
        with contextlib.suppress(Exception):
            self.cluster.close(timeout=1)


def connect(address: str, workers: int, alive: Callable[[], Any] | None = None) -> Any:  # noqa: ANN401
    """Client of a scheduler that has workers.

    Parameters
    ----------
    address : str
        ``tcp://host:port``.
    workers : int
        Wait for so many, at least for one.
    alive : callable, optional
        Called while waiting.

    Returns
    -------
    distributed.Client

    Raises
    ------
    RunError
        When nobody answers, or no worker comes.
    """
    if not _ADDRESS.fullmatch(
        address
    ):  # Dask's own refusal leaves a half-made client that complains as it goes
        message = f"'{address}' is no address of a Dask scheduler; expected one such as tcp://127.0.0.1:8786"
        raise RunError(message, refused=True)
    configure()
    from distributed import Client  # noqa: PLC0415

    try:
        client: Any = Client(  # type: ignore[no-untyped-call]
            address, timeout=10, set_as_default=False, name="travesia"
        )
    except (OSError, TimeoutError, ValueError) as fault:
        message = (
            f"No Dask scheduler answers at {address} ({fault}). Start one with 'dask scheduler --host 127.0.0.1' "
            "and workers with 'dask worker ADDRESS', see docs/cluster.md."
        )
        raise RunError(message) from None
    begin = time.monotonic()
    while len(client.scheduler_info(n_workers=-1)["workers"]) < max(workers, 1):
        if time.monotonic() - begin > _START_SECONDS:
            client.close(timeout=1)
            message = f"No worker came to the Dask scheduler at {address} within {_START_SECONDS:.0f} s."
            raise RunError(message)
        if alive is not None:
            alive()
        time.sleep(0.05)
    return client
