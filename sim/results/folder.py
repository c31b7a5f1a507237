"""The run folder: replicates written whole, one by one, and joined at the end; valid or clearly marked partial."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sim.errors import DataError, Problem, RunError
from sim.results.tables import TABLES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["MARKER", "PartialRun", "RunFolder", "content_hash", "read_manifest", "write_aside"]

MARKER = "partial.json"
"""Present as long as a run folder is not complete."""
_LOCK = "writing.lock"


def write_aside(path: Path, data: bytes) -> None:
    """Write a file under another name, flush it to the disk, and rename it: there is never half a file.

    Parameters
    ----------
    path : Path
    data : bytes
    """
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    with aside.open("wb") as handle:
        handle.write(data)
        handle.flush()
        os.fsync(handle.fileno())
    aside.replace(path)


def content_hash(tables: Mapping[str, pa.Table]) -> str:
    """Hash the content of tables, whatever the encoding: column names, text by value, numbers as 64 bits.

    Parameters
    ----------
    tables : mapping of str to pyarrow.Table

    Returns
    -------
    str
        sha256, hexadecimal.
    """
    digest = hashlib.sha256()
    for name in sorted(tables):
        table = tables[name]
        digest.update(f"{name}:{table.num_rows}".encode())
        for column in table.column_names:
            digest.update(column.encode())
            for block in _canonical(table.column(column)):
                digest.update(block)
    return digest.hexdigest()


def _canonical(column: pa.ChunkedArray) -> Iterator[bytes]:
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if isinstance(array, pa.ChunkedArray):
        array = array.chunk(0) if array.num_chunks else pa.array([], type=column.type)
    if pa.types.is_dictionary(array.type):
        names = np.array(array.dictionary.to_pylist(), dtype=object)
        codes = np.asarray(array.indices)
        used = np.unique(codes)
        order = used[np.argsort(names[used].astype(str))] if len(used) else used
        rank = np.zeros(len(names) + 1, np.int64)
        rank[order] = np.arange(len(order))
        yield "\n".join(names[order]).encode()
        yield rank[codes].astype("<i8").tobytes()
    elif pa.types.is_string(array.type):
        yield from _canonical(pa.chunked_array([array.dictionary_encode()]))
    elif pa.types.is_timestamp(array.type):
        yield np.asarray(array.cast(pa.timestamp("s"))).astype("<i8").tobytes()
    else:
        yield np.asarray(array).astype("<f8").tobytes()


@dataclass(frozen=True)
class PartialRun:
    """What a folder that is not complete says of itself."""

    key: str
    replicates: int
    done: tuple[int, ...]


class RunFolder:
    """A run folder being written.

    Parameters
    ----------
    path : Path
    key : str
        Hash of everything that decides the result (scenario, engine, seed, scale, version): a folder is only continued with
        the same.
    replicates : int
    resume : bool
        Continue what is whole in the folder.

    Raises
    ------
    RunError
        When the folder holds another run, a complete one, or is being written by another process.
    """

    def __init__(self, path: Path, key: str, replicates: int, *, resume: bool = False) -> None:
        self.path, self.key, self.replicates = path, key, replicates
        self.parts = path / "parts"
        self._created = not path.exists()
        if path.exists() and not path.is_dir():
            raise RunError(f"{path} is a file; expected a folder to write the run to")
        if path.exists() and any(path.iterdir()):
            self._accept(resume)
        path.mkdir(parents=True, exist_ok=True)
        self._lock()
        self.parts.mkdir(exist_ok=True)
        self._mark()

    def _accept(self, resume: bool) -> None:
        marker = self.path / MARKER
        if not marker.exists():
            if (self.path / "manifest.json").exists():
                raise RunError(f"{self.path} holds a complete run; name another folder with --out, or remove it first")
            raise RunError(f"{self.path} holds files that are not of a run; name another folder with --out")
        if not resume:
            raise RunError(f"{self.path} holds an unfinished run; continue it with --resume, or remove it")
        state = json.loads(marker.read_text())
        if state.get("key") != self.key:
            raise RunError(
                f"{self.path} holds an unfinished run of other input (scenario, seed, scale, engine or version differ); "
                "resume with the options it was begun with, or name another folder"
            )

    def _lock(self) -> None:
        lock = self.path / _LOCK
        try:
            handle = os.open(lock, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
        except FileExistsError:
            owner = lock.read_text().strip()
            if owner.isdigit() and not _alive(int(owner)):
                lock.unlink(missing_ok=True)
                self._lock()
                return
            raise RunError(f"{self.path} is being written by process {owner}; wait for it, or name another folder") from None
        with os.fdopen(handle, "w") as file:
            file.write(str(os.getpid()))

    def _mark(self) -> None:
        state = {"key": self.key, "replicates": self.replicates, "complete": False}
        write_aside(self.path / MARKER, json.dumps(state, indent=1).encode())

    def done(self) -> tuple[int, ...]:
        """Replicates that are whole on disk."""
        return tuple(sorted(int(p.name[1:]) for p in self.parts.iterdir() if p.is_dir() and p.name[0] == "r"))

    def add(self, replicate: int, tables: Mapping[str, pa.Table], facts: Mapping[str, Any]) -> None:
        """Write one replicate; it is there whole or not at all."""
        aside = self.parts / f".{replicate:05d}.{os.getpid()}"
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir()
        for name in TABLES:
            pq.write_table(tables[name], aside / f"{name}.parquet", compression="zstd")
        record = {**facts, "content_hash": content_hash(tables)}
        write_aside(aside / "facts.json", json.dumps(record).encode())
        target = self.parts / f"r{replicate:05d}"
        if target.exists():
            shutil.rmtree(aside)
            return
        aside.rename(target)

    def facts(self) -> list[dict[str, Any]]:
        """What was noted of each replicate, in order."""
        return [json.loads((self.parts / f"r{r:05d}" / "facts.json").read_text()) for r in self.done()]

    def result_hash(self) -> str:
        """Hash over the content of all replicates in order."""
        return hashlib.sha256("".join(f["content_hash"] for f in self.facts()).encode()).hexdigest()

    def join(self) -> None:
        """Write the joined tables beside the parts, replicate by replicate, in bounded memory."""
        for name in TABLES:
            target = self.path / f"{name}.parquet"
            aside = self.path / f".{name}.parquet.{os.getpid()}"
            writer: pq.ParquetWriter | None = None
            for replicate in self.done():
                table = pq.read_table(self.parts / f"r{replicate:05d}" / f"{name}.parquet")
                writer = writer or pq.ParquetWriter(aside, table.schema, compression="zstd")
                writer.write_table(table)
            if writer is not None:
                writer.close()
                aside.replace(target)

    def complete(self, manifest: Mapping[str, Any]) -> None:
        """Write the manifest, take the marker away, and tidy up; from here on the folder is valid."""
        write_aside(self.path / "manifest.json", json.dumps(manifest, indent=1, default=str).encode())
        (self.path / MARKER).unlink(missing_ok=True)
        shutil.rmtree(self.parts, ignore_errors=True)
        self.release()

    def release(self) -> None:
        """Let go of the folder."""
        (self.path / _LOCK).unlink(missing_ok=True)

    def abandon(self) -> None:
        """Remove the folder when nothing in it is worth keeping, else let go of it."""
        if not self.done() and self._created:
            shutil.rmtree(self.path, ignore_errors=True)
        else:
            self.release()


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def read_manifest(path: Path) -> dict[str, Any]:
    """Read the manifest of a complete run folder.

    Raises
    ------
    DataError
        When there is none, or the folder is marked partial.
    """
    if (path / MARKER).exists():
        problem = Problem("the run is not complete", str(path), "a complete run", "continue it with travesia run --resume")
        raise DataError("This run folder is partial.", [problem])
    try:
        loaded = json.loads((path / "manifest.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as fault:
        problem = Problem(f"no readable manifest.json ({fault})", str(path), "a run folder written by travesia run")
        raise DataError("This is not a run folder.", [problem]) from None
    if not isinstance(loaded, dict):
        raise DataError("This is not a run folder.", [Problem("manifest.json is no mapping", str(path))])
    return loaded
