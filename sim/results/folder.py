"""The run folder: replicates written whole, one by one, and joined at the end; valid or clearly marked partial.

Steps, each safe to be cut: the folder, its lock, the marker `partial.json`; parts (``parts/r00007/``: files written aside,
hashed in ``facts.json``, the part renamed when whole); the joined tables and descriptions; ``manifest.json``; and at last the
marker is taken away. A folder with a marker is partial and can be continued; a folder without one is valid.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from sim.errors import DataError, Problem, RunError
from sim.results import disk
from sim.results.content import content_hash, table_files
from sim.results.disk import write_aside
from sim.results.lock import LOCK, Lock
from sim.results.tables import TABLES

if TYPE_CHECKING:
    from pathlib import Path

__all__ = [
    "CROSSINGS",
    "MARKER",
    "MOST_JOINED",
    "Part",
    "RunFolder",
    "content_hash",
    "part_of",
    "read_manifest",
    "write_aside",
]

log = logging.getLogger(__name__)

MARKER = "partial.json"
"""Present as long as a run folder is not complete."""
CROSSINGS = "crossings"
"""Persons by border as its authority counts, month and nationality, for every replicate."""
MOST_JOINED = 100
"""Up to so many replicates a table is one file; of more, a folder of the same name with one file for each replicate."""
_WRITERS = 2
"""Tables joined at once."""
_PARTS = "parts"
_PART_NAME = re.compile(r"r(\d{5,9})")


@dataclass(frozen=True)
class Part:
    """One replicate ready to be written: a worker makes it, the parent writes it.

    Parameters
    ----------
    replicate : int
    files : dict of str to bytes
        Parquet files by table.
    facts : dict
        What is noted of the replicate, hashes of files and content included.
    """

    replicate: int
    files: dict[str, bytes] = field(repr=False)
    facts: dict[str, Any] = field(repr=False)


_SORTED = ["replicate", "period_start"]
"""Columns whose range in a block is kept, so that readers may skip blocks."""


def part_of(replicate: int, tables: Mapping[str, pa.Table], facts: Mapping[str, Any]) -> Part:
    """Encode the tables of one replicate.

    Parameters
    ----------
    replicate : int
    tables : mapping of str to pyarrow.Table
        Those of the run folder, and the crossings.
    facts : mapping

    Returns
    -------
    Part
    """
    files = {}
    for name, table in tables.items():
        sink = pa.BufferOutputStream()
        # smallest and largest words of a column help no reader, and take half the time to write
        pq.write_table(table, sink, compression="zstd", write_statistics=_SORTED)
        files[name] = sink.getvalue().to_pybytes()
    hashes = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    content = content_hash({name: tables[name] for name in TABLES})
    return Part(replicate, files, {**facts, "replicate": replicate, "content_hash": content, "files": hashes})


@dataclass(frozen=True)
class _Found:
    """What a folder holds before anything is written."""

    complete: bool = False
    empty: bool = True


class RunFolder:
    """A run folder being written.

    Parameters
    ----------
    path : Path
    key : str
        Hash of everything that decides the result (scenario, engine, seed, scale, version): a folder is only continued
        with the same.
    replicates : int
    resume : bool
        Continue what is whole in the folder.

    Attributes
    ----------
    finished : bool
        The folder already holds this run, complete; there is nothing to do.

    Raises
    ------
    RunError
        When the folder holds another run, a complete one, or is being written by another process.
    """

    def __init__(self, path: Path, key: str, replicates: int, *, resume: bool = False) -> None:
        self.path, self.key, self.replicates = path, key, replicates
        self.parts = path / _PARTS
        self._created = not path.exists()
        self._whole: set[int] = set()
        self._lock: Lock | None = None
        self._look(resume)  # before anything is touched; and again when nobody else can write
        disk.make_folder(path)
        self._lock = Lock(path)
        try:
            found = self._look(resume)
            self.finished = found.complete
            if self.finished:
                self._tidy()
                self.release()
                return
            self._mark()
            disk.make_folder(self.parts)
            self._sweep()
        except BaseException as fault:
            if not isinstance(fault, Exception):
                self._lock.drop()
                raise
            self.release()
            raise

    def _look(self, resume: bool) -> _Found:
        """What is there; a refusal if it cannot be written to."""
        if self.path.exists() and not self.path.is_dir():
            msg = f"{self.path} is a file; expected a folder to write the run to"
            raise RunError(msg, refused=True)
        if not self.path.exists():
            return _Found()
        if (self.path / MARKER).exists():
            self._accept(resume)
            return _Found(empty=False)
        if (self.path / "manifest.json").exists():
            return self._accept_complete(resume)
        own = {LOCK}
        others = [p.name for p in self.path.iterdir() if p.name not in own and not disk.is_aside(p)]
        if others:
            msg = (
                f"{self.path} holds files that are not of a run ({', '.join(sorted(others)[:3])}); name another folder "
                "with --out"
            )
            raise RunError(msg, refused=True)
        return _Found()

    def _accept(self, resume: bool) -> None:
        if not resume:
            msg = f"{self.path} holds an unfinished run; continue it with --resume, or remove it"
            raise RunError(msg, refused=True)
        try:
            state = disk.unseal(self.path / MARKER)
        except DataError as fault:
            problems = fault.problems
            msg = f"{self.path} cannot be continued; remove it, or name another folder"
            raise RunError(msg, problems, refused=True) from None
        if state.get("key") != self.key:
            msg = (
                f"{self.path} holds an unfinished run of other input (scenario, seed, scale, engine or version differ; "
                f"written by version {state.get('version', 'unknown')}); resume with the options it was begun with, or "
                "name another folder"
            )
            raise RunError(msg, refused=True)

    def _accept_complete(self, resume: bool) -> _Found:
        if resume:
            manifest = read_manifest(self.path)
            if manifest.get("key") == self.key and manifest.get("replicates") == self.replicates:
                return _Found(complete=True, empty=False)
        msg = f"{self.path} holds a complete run; name another folder with --out, or remove it first"
        raise RunError(msg, refused=True)

    def _mark(self) -> None:
        state = {"key": self.key, "replicates": self.replicates, "complete": False, "version": own_version()}
        write_aside(self.path / MARKER, disk.seal(state))
        disk.sync_folder(self.path)

    def _sweep(self) -> None:
        """Remove what a process that is gone left half-way, and parts that are not whole; note those that are."""
        for entry in [*self.path.iterdir(), *self.parts.iterdir()]:
            if disk.is_aside(entry):
                disk.remove_tree(entry) if entry.is_dir() else disk.remove_file(entry)
        for entry in sorted(self.parts.iterdir()):
            match = _PART_NAME.fullmatch(entry.name)
            fault = part_fault(entry) if match else "not a part"
            if match and not fault:
                self._whole.add(int(match[1]))
                continue
            log.warning("%s is not whole (%s) and is made again", entry, fault)
            disk.remove_tree(entry) if entry.is_dir() else disk.remove_file(entry)

    def _part(self, replicate: int) -> Path:
        return self.parts / f"r{replicate:05d}"

    def done(self) -> tuple[int, ...]:
        """Replicates of this run that are whole on disk."""
        return tuple(sorted(r for r in self._whole if r < self.replicates))

    def missing(self) -> list[int]:
        """Replicates that are still to be made."""
        return [r for r in range(self.replicates) if r not in self._whole]

    def add(self, part: Part) -> None:
        """Write one replicate; it is there whole or not at all."""
        if part.replicate in self._whole:
            return
        aside = self.parts / f".r{part.replicate:05d}.{os.getpid()}"
        try:
            disk.remove_tree(aside)
            disk.make_folder(aside)
            for name, data in part.files.items():
                write_aside(aside / f"{name}.parquet", data)
            write_aside(aside / "facts.json", disk.seal(part.facts))
            disk.sync_folder(aside)
            disk.rename(aside, self._part(part.replicate))
        except OSError:
            _try_to(disk.remove_tree, aside)
            raise
        self._whole.add(part.replicate)

    def facts(self) -> list[dict[str, Any]]:
        """What was noted of each replicate, in order."""
        return [disk.unseal(self._part(r) / "facts.json") for r in self.done()]

    def result_hash(self) -> str:
        """Hash over the content of all replicates in order."""
        return combined_hash(f["content_hash"] for f in self.facts())

    def part_files(self, name: str) -> list[Path]:
        """Files of one table, by replicate."""
        return [self._part(r) / f"{name}.parquet" for r in self.done()]

    def join(self) -> None:
        """Put the tables beside the parts, in bounded memory; parts stay until the run is complete."""
        with ThreadPoolExecutor(_WRITERS) as writers:  # flows beside stocks, which take nearly all the time
            list(writers.map(self._join_table, (*TABLES, CROSSINGS)))
        disk.sync_folder(self.path)

    def _join_table(self, name: str) -> None:
        files = self.part_files(name)
        if name == CROSSINGS or len(files) <= MOST_JOINED:
            self._join_in_one(name, files)
        else:
            self._join_as_folder(name, files)

    def _join_in_one(self, name: str, files: list[Path]) -> None:
        target = self.path / f"{name}.parquet"
        disk.remove_tree(target)
        sink = disk.AsideFile(target)
        try:
            schema = pq.read_schema(files[0])
            with pq.ParquetWriter(sink, schema, compression="zstd", write_statistics=_SORTED) as writer:
                for file in files:
                    writer.write_table(pq.ParquetFile(file).read(use_threads=False))
            sink.commit()
        finally:
            sink.close()

    def _join_as_folder(self, name: str, files: list[Path]) -> None:
        target = self.path / f"{name}.parquet"
        aside = self.path / f".{target.name}.{os.getpid()}"
        disk.remove_tree(aside)
        disk.make_folder(aside)
        for replicate, file in zip(self.done(), files, strict=True):
            disk.link(file, aside / f"{replicate:05d}.parquet")
        disk.sync_folder(aside)
        if target.is_dir():
            disk.remove_tree(target)
        disk.rename(aside, target)

    def complete(self, manifest: Mapping[str, Any]) -> None:
        """Write the manifest, take the marker away, and tidy up; from here on the folder is valid."""
        listed = {**manifest, "files": file_hashes(self.path)}
        write_aside(self.path / "manifest.json", disk.seal(listed))
        disk.sync_folder(self.path)
        disk.remove_file(self.path / MARKER)
        disk.sync_folder(self.path)
        self._tidy()
        self.release()

    def _tidy(self) -> None:
        """Remove the parts of a complete run, and what was left aside."""
        for entry in self.path.iterdir():
            if disk.is_aside(entry):
                disk.remove_tree(entry) if entry.is_dir() else disk.remove_file(entry)
        disk.remove_tree(self.parts)

    def release(self) -> None:
        """Let go of the folder."""
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def abandon(self) -> None:
        """Remove the folder when nothing in it is worth keeping, else let go of it."""
        if self._lock is None:
            return
        try:
            if self._created and not self._whole and (self.path / MARKER).exists():
                disk.remove_tree(self.parts)
                self._tidy()
                disk.remove_file(self.path / MARKER)
                self.release()
                disk.remove_folder(self.path)
            else:
                self.release()
        except OSError:
            log.warning("%s could not be tidied up", self.path)


def _try_to(action: Any, path: Path) -> None:  # noqa: ANN401 - a step of the disk
    try:
        action(path)
    except OSError:
        log.warning("%s could not be removed", path)


def own_version() -> str:
    """Version of Travesía that runs."""
    try:
        return version("travesia")
    except PackageNotFoundError:
        return "unknown"


def combined_hash(content_hashes: Iterable[str]) -> str:
    """Result hash of replicates in order."""
    return hashlib.sha256("".join(content_hashes).encode()).hexdigest()


def file_hashes(folder: Path) -> dict[str, dict[str, Any]]:
    """Size and sha256 of the files that make up a complete run.

    Parameters
    ----------
    folder : Path

    Returns
    -------
    dict
        By path inside the folder.
    """
    tables = [file for name in (*TABLES, CROSSINGS) for file in table_files(folder / f"{name}.parquet")]
    texts = [folder / name for name in ("scenario.yaml", "checks.json", "summary.csv", "datapackage.json")]
    return {
        file.relative_to(folder).as_posix(): {"bytes": file.stat().st_size, "sha256": file_hash(file)}
        for file in [*tables, *texts]
    }


def file_hash(file: Path) -> str:
    """sha256 of a file, read in pieces."""
    with file.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def part_fault(folder: Path) -> str:
    """What is wrong with a part; empty if it is whole."""
    try:
        facts = disk.unseal(folder / "facts.json")
        hashes: dict[str, str] = facts["files"]
        for name in (*TABLES, CROSSINGS):
            file = folder / f"{name}.parquet"
            if file_hash(file) != hashes[name]:
                return f"{file.name} differs from its hash"
    except DataError as fault:
        return "; ".join(str(p) for p in fault.problems)
    except (OSError, KeyError, TypeError) as fault:
        return str(fault)
    return ""


def read_manifest(path: Path) -> dict[str, Any]:
    """Read the manifest of a complete run folder.

    Raises
    ------
    DataError
        When there is none, or the folder is marked partial.
    """
    if (path / MARKER).exists():
        problem = Problem(
            "the run is not complete", str(path), "a complete run", "continue it with travesia run --resume"
        )
        msg = "This run folder is partial."
        raise DataError(msg, [problem])
    try:
        loaded = json.loads((path / "manifest.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as fault:
        expected = "a run folder written by travesia run"
        if not path.exists():
            problem = Problem("there is no such folder", str(path), expected, _nearby(path.parent))
        elif isinstance(fault, FileNotFoundError | NotADirectoryError):
            problem = Problem("there is no manifest.json in it", str(path), expected, _nearby(path))
        else:
            problem = Problem(f"no readable manifest.json ({fault})", str(path), expected)
        msg = "This is not a run folder."
        raise DataError(msg, [problem]) from None
    if not isinstance(loaded, dict):
        msg = "This is not a run folder."
        raise DataError(msg, [Problem("manifest.json is no mapping", str(path))])
    return loaded


def _nearby(folder: Path) -> str:
    """A hint with the run folders inside a folder; nothing where there are none or it cannot be read."""
    try:
        found = sorted(str(one.parent) for one in folder.glob("*/manifest.json"))
    except OSError:
        return ""
    return f"run folders here: {', '.join(found[:5])}" if found else ""
