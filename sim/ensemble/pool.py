"""Work shared out: what all tasks share and a list of items enter, results leave as they come.

One task form for replicates, sweeps and calibration passes: a function of (shared, item). In this process, or on Dask.
"""

from __future__ import annotations

import contextlib
import hashlib
import pickle
import queue
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from sim.errors import RunError, TravesiaError

if TYPE_CHECKING:
    from sim.ensemble.cluster import LocalWorkers

__all__ = ["DaskPool", "Done", "HerePool", "Pool", "open_pool"]

TRIES = 3
"""A task is tried on one worker and, if it fails, on two others."""
_TASK_SECONDS = 1.5
_MOST_IN_TASK = 64
_IN_FLIGHT = 2
"""Tasks for each worker: one that runs and one that is ready."""
_LONELY_SECONDS = 30.0
"""How long to wait for a worker when all are gone."""


@dataclass(frozen=True)
class Done[T, R]:
    """One item that is done, or failed.

    Parameters
    ----------
    item : object
    value : object or None
    failure : str
        What went wrong in the end; empty when it did not.
    tries : int
    fault : BaseException, optional
        What was raised, where it happened in this process.
    """

    item: T
    value: R | None = None
    failure: str = ""
    tries: int = 1
    fault: BaseException | None = None


class Pool(ABC):
    """Somewhere work is done; used in a ``with`` block."""

    workers: int = 1
    local: bool = True

    @abstractmethod
    def each[S, T, R](self, work: Callable[[S, T], R], shared: S, items: Sequence[T]) -> Iterator[Done[T, R]]:
        """Do `work(shared, item)` for every item, in any order; bounded in what waits in memory.

        Parameters
        ----------
        work : callable
            A function of a module, so that workers can import it.
        shared : object
            Sent to each worker once.
        items : sequence
            Small things: numbers, names.

        Yields
        ------
        Done
        """

    def close(self) -> None:
        """End what was started."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class HerePool(Pool):
    """One item after the other in this process."""

    def each[S, T, R](self, work: Callable[[S, T], R], shared: S, items: Sequence[T]) -> Iterator[Done[T, R]]:
        """Do the work here; see `Pool.each`."""
        for item in items:
            try:
                value = work(shared, item)
            except OSError:
                raise
            except Exception as fault:  # noqa: BLE001 - one item that fails must not end the others
                yield Done(item, failure=_told(fault), fault=fault)
            else:
                yield Done(item, value)


def _told(fault: BaseException) -> str:
    return str(fault) if isinstance(fault, TravesiaError) else f"{type(fault).__name__}: {fault}"


_unpacked: dict[str, tuple[Any, Any]] = {}


def _unpack(token: str, payload: bytes) -> tuple[Any, Any]:
    """Work and shared object, unpacked once for each worker; arrays may be written to, as kernels expect."""
    if token not in _unpacked:
        _unpacked.clear()
        _unpacked[token] = pickle.loads(payload)  # noqa: S301 - sent by our own parent process, never read from a file
    return _unpacked[token]


def _task(token: str, payload: bytes, items: list[Any]) -> tuple[str, list[tuple[bool, Any, float]]]:
    """What runs on a worker: several items; one that fails is told, the others go on."""
    from distributed import get_worker  # noqa: PLC0415

    work, shared = _unpack(token, payload)
    out: list[tuple[bool, Any, float]] = []
    for item in items:
        begin = time.perf_counter()
        try:
            value, good = work(shared, item), True
        except Exception as fault:  # noqa: BLE001 - told to the parent, which tries elsewhere
            value, good = _told(fault), False
        out.append((good, value, time.perf_counter() - begin))
    return get_worker().address, out


@dataclass
class _Entry:
    """An item on its way."""

    item: Any
    tries: int = 0
    avoid: set[str] = field(default_factory=set)
    failure: str = ""


class DaskPool(Pool):
    """Workers of a Dask scheduler: of one's own on this machine, or any cluster.

    Parameters
    ----------
    address : str
        ``tcp://host:port``; with `own`, that of the local scheduler.
    own : LocalWorkers, optional
        Ended with the pool.
    """

    def __init__(self, address: str, own: LocalWorkers | None = None) -> None:
        from sim.ensemble.cluster import connect  # noqa: PLC0415 - Dask takes a second to import

        self.address, self._own = address, own
        self.local = own is not None
        try:
            self._client: Any = connect(address, own.wanted if own else 1, own.mend if own else None)
            self._check_versions()
        except BaseException:
            if own is not None:
                own.close()
            raise
        self.workers = max(1, self._count())
        self._seconds = 0.0
        self._measured = 0
        self._lonely_since = 0.0

    def _count(self) -> int:
        return len(self._client.scheduler_info(n_workers=-1)["workers"])

    def _check_versions(self) -> None:
        from sim.ensemble.facts import versions  # noqa: PLC0415

        names = ("travesia", "python", "numpy", "numba")
        mine = {n: versions()[n] for n in names}
        try:
            found = self._client.run(versions)
        except Exception as fault:
            message = f"The workers at {self.address} cannot import Travesía ({fault}); install the same version there."
            raise RunError(message) from None
        other = {w: {n: v.get(n) for n in names} for w, v in found.items()}
        wrong = {w: v for w, v in other.items() if v != mine}
        if wrong:
            worker, theirs = next(iter(wrong.items()))
            message = f"Worker {worker} has {theirs}, expected {mine}: results could differ. Install the same lock there."
            raise RunError(message)

    def each[S, T, R](self, work: Callable[[S, T], R], shared: S, items: Sequence[T]) -> Iterator[Done[T, R]]:
        """Do the work on the workers; see `Pool.each`."""
        payload = pickle.dumps((work, shared), protocol=5)
        token = hashlib.sha256(payload).hexdigest()
        sent = self._scatter(payload)
        waiting = deque(_Entry(item) for item in items)
        flying: dict[Any, list[_Entry]] = {}
        back: queue.SimpleQueue[Any] = queue.SimpleQueue()
        try:
            while waiting or flying:
                while waiting and len(flying) < _IN_FLIGHT * self.workers:
                    entries = self._take(waiting)
                    future = self._submit(token, sent, entries)
                    flying[future] = entries
                    future.add_done_callback(back.put)
                try:
                    future = back.get(timeout=0.25)
                except queue.Empty:
                    self._look_after()
                    continue
                entries = flying.pop(future, [])
                if future.status == "cancelled":
                    self._scheduler_or_data_lost()
                    sent = self._scatter(payload)
                    waiting.extendleft(reversed(entries))
                    continue
                for entry, done in self._results(future, entries):
                    if done is None:
                        waiting.append(entry)
                    else:
                        yield done
                future.release()
        finally:
            if flying:
                self._cancel(list(flying))

    def _take(self, waiting: deque[_Entry]) -> list[_Entry]:
        """The next entries: as many as take one to two seconds; those that failed before alone."""
        first = waiting.popleft()
        taken = [first]
        mean = self._seconds / self._measured if self._measured else _TASK_SECONDS
        most = min(
            _MOST_IN_TASK, int(_TASK_SECONDS / max(mean, 1e-3)), -(-len(waiting) // (2 * self.workers))
        )
        while not first.tries and waiting and len(taken) < most and not waiting[0].tries:
            taken.append(waiting.popleft())
        return taken

    def _submit(self, token: str, sent: Any, entries: list[_Entry]) -> Any:  # noqa: ANN401 - Dask has no types
        options: dict[str, Any] = {"pure": False}
        if entries[0].avoid:
            everybody = self._client.scheduler_info(n_workers=-1)["workers"]
            others = [w for w in everybody if w not in entries[0].avoid]
            if others:
                options |= {"workers": others, "allow_other_workers": True}
        return self._client.submit(_task, token, sent, [e.item for e in entries], **options)

    def _results(self, future: Any, entries: list[_Entry]) -> Iterator[tuple[_Entry, Done[Any, Any] | None]]:  # noqa: ANN401
        """Each entry with its result, or None if it is to be tried again."""
        fault = future.exception() if future.status == "error" else None
        worker, results = ("", []) if fault is not None else future.result()
        for number, entry in enumerate(entries):
            good, value, seconds = results[number] if results else (False, _told(fault), 0.0)  # type: ignore[arg-type]
            if good:
                self._seconds += seconds
                self._measured += 1
                yield entry, Done(entry.item, value, tries=entry.tries + 1)
                continue
            entry.tries += 1
            entry.failure = value
            if worker:
                entry.avoid.add(worker)
            again = entry.tries < TRIES
            yield entry, None if again else Done(entry.item, failure=entry.failure, tries=entry.tries)

    def _scatter(self, payload: bytes) -> Any:  # noqa: ANN401
        try:
            return self._client.scatter(payload, broadcast=True, hash=False, timeout=60)
        except Exception as fault:  # noqa: BLE001 - whatever Dask raises when nobody is there
            raise self._lost(str(fault)) from None

    def _look_after(self) -> None:
        """Replace workers that died; give up when the scheduler, or every worker, is gone."""
        if self._client.status != "running":
            msg = "the connection broke"
            raise self._lost(msg)
        if self._own is not None:
            self._own.mend()
        try:
            count = self._count()
        except Exception as fault:  # noqa: BLE001
            raise self._lost(str(fault)) from None
        if count:
            self.workers, self._lonely_since = count, 0.0
            return
        now = time.monotonic()
        self._lonely_since = self._lonely_since or now
        if now - self._lonely_since > _LONELY_SECONDS:
            message = f"All workers of the Dask scheduler at {self.address} are gone."
            raise RunError(message)

    def _scheduler_or_data_lost(self) -> None:
        """Tasks were taken away: by the end of the scheduler, or of the workers that held what is shared."""
        for _ in range(8):
            self._look_after()
            time.sleep(0.25)

    def _lost(self, why: str) -> RunError:
        return RunError(f"The Dask scheduler at {self.address} was lost ({why}).")

    def _cancel(self, futures: list[Any]) -> None:
        if self._client.status != "running" or self._own is not None:
            return
        try:
            self._client.cancel(futures, force=True)
        except Exception:  # noqa: BLE001 - on the way out
            return

    def process_ids(self) -> list[int]:
        """Workers that this pool started and that live."""
        return self._own.process_ids() if self._own is not None else []

    def close(self) -> None:
        """End workers that were started here, and the connection."""
        if self._own is not None:
            self._own.stop()
        with contextlib.suppress(Exception):  # the other side may be gone
            self._client.close(timeout=1)
        if self._own is not None:
            self._own.close()


def open_pool(workers: int = 1, scheduler: str | None = None) -> Pool:
    """Open a pool: on a scheduler, on a local cluster of several workers, or in this process.

    Parameters
    ----------
    workers : int
        Processes on this machine; 1 works in this process.
    scheduler : str, optional
        Address of a Dask scheduler instead.

    Returns
    -------
    Pool
    """
    if scheduler is not None:
        return DaskPool(scheduler)
    if workers <= 1:
        return HerePool()
    from sim.ensemble.cluster import LocalWorkers  # noqa: PLC0415

    own = LocalWorkers(workers)
    return DaskPool(own.address, own)
