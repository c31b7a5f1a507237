"""Long work beside the page: a task enters, a process of its own runs it; progress, result or message leave."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import uuid
import weakref
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from sim.errors import Problem, RunError, TravesiaError

__all__ = ["Job", "Jobs", "State", "left_in_words"]

State = Literal["waiting", "running", "done", "failed", "cancelled"]
_GRACE_SECONDS = 3.0
_MOST_KEPT = 200
_TELLING = 0.02
"""Below this share nothing can be said of what remains."""
#: How much of a job's time each stage takes, roughly; what is not named takes a share of what is left.
WEIGHTS: Final = {
    "compile": 0.05,
    "days": 0.6,
    "workers": 0.03,
    "replicates": 0.6,
    "tables": 0.1,
    "views": 0.08,
}
_NEEDS = 0.17


@dataclass
class Job:
    """One task and how far it is.

    Parameters
    ----------
    id, kind : str
    payload : dict
        What the worker is given.
    label : str
        What the page calls it.
    state : str
    stage : str
        What is being done.
    share : float
        Done of the whole, 0 to 1.
    result : dict
        What the worker handed back.
    fault : TravesiaError, optional
        Why it failed, in the words of the command line.
    """

    id: str
    kind: str
    payload: dict[str, Any]
    label: str
    state: State = "waiting"
    stage: str = ""
    share: float = 0.0
    began: float = 0.0
    ended: float = 0.0
    result: dict[str, Any] = field(default_factory=dict)
    fault: TravesiaError | None = None
    process: subprocess.Popen[bytes] | None = None

    @property
    def message(self) -> str:
        """Why it failed, in English; blank if it did not."""
        return str(self.fault) if self.fault else ""

    @property
    def over(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.state in {"done", "failed", "cancelled"}

    @property
    def seconds(self) -> float:
        """Seconds since it began, or that it took."""
        if not self.began:
            return 0.0
        return (self.ended or time.monotonic()) - self.began

    @property
    def seconds_left(self) -> float | None:
        """Estimate of what remains; None while nothing is known."""
        if self.state != "running" or self.share <= _TELLING:
            return None
        return self.seconds * (1.0 - self.share) / self.share


class Jobs:
    """Tasks in processes of their own, a few at a time; any number may wait.

    Parameters
    ----------
    most : int
        Processes at once.
    """

    def __init__(self, most: int = 1) -> None:
        self.most = max(most, 1)
        self._jobs: dict[str, Job] = {}
        self._lock = threading.RLock()
        self._end = weakref.finalize(self, _kill_all, self._jobs)
        atexit.register(_kill_all, self._jobs)

    def start(self, kind: str, payload: dict[str, Any], label: str = "") -> str:
        """Queue a task; returns its id, which nobody can guess."""
        job = Job(uuid.uuid4().hex, kind, payload, label)
        with self._lock:
            self._jobs[job.id] = job
            for old in [j.id for j in self._jobs.values() if j.over][:-_MOST_KEPT]:
                del self._jobs[old]
            self._next()
        return job.id

    def get(self, job_id: str) -> Job | None:
        """The job of an id."""
        return self._jobs.get(job_id)

    def wait_for(self, job_id: str, seconds: float) -> Job:
        """Wait until a job is over."""
        job = self._jobs[job_id]
        last = time.monotonic() + seconds
        while not job.over and time.monotonic() < last:
            time.sleep(0.05)
        return job

    def cancel(self, job_id: str) -> None:
        """Stop a job; what it wrote is removed."""
        with self._lock:
            job = self._jobs.get(job_id)
            if job is None or job.over:
                return
            job.state, job.ended = "cancelled", time.monotonic()
            process = job.process
        if process is not None:
            _stop(process)
        self._sweep(job)
        with self._lock:
            self._next()

    def close(self) -> None:
        """Stop everything."""
        for job_id in list(self._jobs):
            self.cancel(job_id)

    def _next(self) -> None:
        running = sum(job.state == "running" for job in self._jobs.values())
        for job in list(self._jobs.values()):
            if running >= self.most:
                return
            if job.state == "waiting":
                job.state, job.began = "running", time.monotonic()
                running += 1
                threading.Thread(target=self._follow, args=(job,), daemon=True).start()

    def _follow(self, job: Job) -> None:
        """Run one job and hear what it says until it ends."""
        try:
            self._talk(job)
        except (OSError, ValueError) as fault:
            job.fault = job.fault or RunError(str(fault))
        with self._lock:
            if not job.over:
                job.state = "done" if job.result and job.fault is None else "failed"
                if job.state == "failed" and job.fault is None:
                    message = "The process ended without an answer."
                    job.fault = RunError(message)
                job.ended = time.monotonic()
            self._next()
        if job.state != "done":
            self._sweep(job)

    def _talk(self, job: Job) -> None:
        command = [sys.executable, "-m", "sim.app.service.work"]
        here = Path(__file__).resolve().parents[3]
        paths = os.pathsep.join(filter(None, (str(here), os.environ.get("PYTHONPATH", ""))))
        with subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": paths},
        ) as process:
            job.process = process
            if job.over or process.stdin is None or process.stdout is None:  # cancelled while it started
                _stop(process)
                return
            task = json.dumps({"kind": job.kind, "payload": job.payload}) + "\n"
            process.stdin.write(task.encode())  # stays open: the worker ends when this process does
            process.stdin.flush()
            for line in process.stdout:
                self._hear(job, json.loads(line))

    def _hear(self, job: Job, said: dict[str, Any]) -> None:
        if "progress" in said:
            stage, done, total = said["progress"]
            job.stage = str(stage)
            job.share = max(
                job.share, share_done(str(stage), float(done) / max(float(total), 1e-9), said.get("of"))
            )
        elif "result" in said:
            job.result, job.share = said["result"], 1.0
            with self._lock:  # all is written; that the process takes itself apart keeps nobody waiting
                if not job.over:
                    job.state, job.ended = "done", time.monotonic()
        else:
            problems = [Problem(*map(str, one)) for one in said.get("problems", ())]
            job.fault = RunError(str(said.get("refused", "")), problems)

    def _sweep(self, job: Job) -> None:
        """Remove what an unfinished job wrote: only folders it was given for itself."""
        for name in job.payload.get("own_folders", ()):
            shutil.rmtree(name, ignore_errors=True)


def share_done(stage: str, part: float, turn: list[int] | None = None) -> float:
    """Share of a whole job that is done, from its stage; `turn` is (which, of how many) for jobs that repeat."""
    before = 0.0
    order = ("compile", "workers", "days", "replicates", "tables", "views", "needs")
    weights = {**WEIGHTS, "needs": _NEEDS}
    if stage in weights:
        skipped = "replicates" if stage == "days" else "days" if stage == "replicates" else ""
        for name in order[: order.index(stage)]:
            before += (
                weights[name] if name != skipped and not (name == "replicates" and stage != "days") else 0.0
            )
        done = min(before + weights[stage] * min(part, 1.0), 1.0)
    else:
        done = min(part, 1.0)
    if turn:
        which, of = turn
        return (which + done) / max(of, 1)
    return done


def left_in_words(seconds: float | None) -> tuple[str, int]:
    """Key of a sentence and its number: seconds under a minute and a half, else minutes."""
    if seconds is None:
        return "left_unknown", 0
    if seconds < 90:  # noqa: PLR2004 - a minute and a half reads better in seconds
        return "left_seconds", max(int(5 * round(seconds / 5)), 5)
    return "left_minutes", max(int(round(seconds / 60)), 2)


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End a process and what it started: politely, then not."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(_GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)


def _kill_all(jobs: dict[str, Job]) -> None:
    for job in list(jobs.values()):
        if job.process is not None and job.process.poll() is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(job.process.pid, signal.SIGKILL)
            for name in job.payload.get("own_folders", ()):
                shutil.rmtree(name, ignore_errors=True)
