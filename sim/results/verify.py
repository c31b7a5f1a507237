"""A run folder enters, what is wrong with it leaves: hashes, tables, completeness, conservation of people."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sim.errors import DataError, Problem, TravesiaError
from sim.results import disk
from sim.results.content import content_hash, pieces
from sim.results.describe import COLUMNS
from sim.results.folder import CROSSINGS, MARKER, combined_hash, file_hash, own_version, part_fault
from sim.results.tables import TABLES

__all__ = ["Verified", "verify"]

_KEYS = (
    "scenario", "engine", "seed", "replicates", "scale", "people", "events", "timing", "peak_rss_mb", "result_hash",
    "scenario_hash", "data_hashes", "versions", "key", "files",
)  # fmt: skip
_SUMMARY = (
    "border", "month", "nationality", "median", "lo50", "hi50", "lo90", "hi90", "observed", "observed_kind", "unit",
)  # fmt: skip
_TEXTS = ("scenario.yaml", "checks.json", "summary.csv", "datapackage.json")
_NUMBERS = {
    "integer": pa.types.is_integer,
    "number": lambda t: pa.types.is_integer(t) or pa.types.is_floating(t),
}


@dataclass(frozen=True)
class Verified:
    """What was found.

    Parameters
    ----------
    problems : tuple of Problem
        Empty when the folder is whole.
    facts : dict
        What was looked at, for a message: replicates, rows, result hash.
    partial : bool
        The folder is marked as not complete.
    """

    problems: tuple[Problem, ...]
    facts: dict[str, Any]
    partial: bool = False


def verify(path: Path, progress: Callable[[str, float, float], None] | None = None) -> Verified:
    """Check a run folder.

    Parameters
    ----------
    path : Path
    progress : callable, optional
        Called with (what, done, in all).

    Returns
    -------
    Verified
        With every fault that was found.
    """
    if not path.is_dir():
        return Verified(
            (Problem("there is no such folder", str(path), "a folder written by travesia run"),), {}
        )
    if (path / MARKER).exists():
        return _partial(path)
    try:
        manifest = disk.unseal(path / "manifest.json")
    except DataError as fault:
        return Verified(fault.problems, {})
    problems = [
        Problem(f"the key '{key}' is missing", str(path / "manifest.json"), "a manifest of travesia run")
        for key in _KEYS
        if key not in manifest
    ]
    if problems:
        return Verified(tuple(problems), {})
    problems += _files(path, manifest)
    damaged = {Path(p.where).name for p in problems} | {Path(p.where).parent.name for p in problems}
    rows = _tables(path, manifest, damaged, problems, progress)
    problems += _texts(path, manifest, damaged)
    facts = {"replicates": manifest["replicates"], "result_hash": manifest["result_hash"], "rows": rows}
    return Verified(tuple(problems), facts)


def _partial(path: Path) -> Verified:
    """A folder that is marked as not complete: what is whole in it."""
    try:
        state = disk.unseal(path / MARKER)
    except DataError as fault:
        return Verified(fault.problems, {}, partial=True)
    whole, problems = 0, []
    for part in sorted((path / "parts").glob("r*")):
        wrong = part_fault(part)
        if wrong:
            hint = "travesia run --resume makes it again"
            problems.append(
                Problem(f"the part is not whole ({wrong})", str(part), "what travesia run wrote", hint)
            )
        else:
            whole += 1
    total = state.get("replicates", "unknown")
    told = Problem(
        f"the run is not complete: {whole} of {total} replicates are whole",
        str(path),
        "a complete run",
        "continue it with the same command and --resume",
    )
    return Verified((told, *problems), {"replicates": total, "whole": whole}, partial=True)


def _files(path: Path, manifest: dict[str, Any]) -> list[Problem]:
    """Files that are missing, of another size or content, or that the manifest does not know."""
    problems, listed = [], manifest["files"]
    root = path.resolve()
    for name, known in listed.items():
        file = path / name
        if not file.resolve().is_relative_to(root):
            problems.append(
                Problem(f"'{name}' lies outside the folder", str(path / "manifest.json"), "a file of the run")
            )
        elif not file.is_file():
            problems.append(Problem("the file is missing", str(file), f"{known['bytes']} bytes"))
        elif file.stat().st_size != known["bytes"]:
            found = f"the file has {file.stat().st_size} bytes"
            problems.append(Problem(found, str(file), f"{known['bytes']} bytes", "it was cut off or changed"))
        elif file_hash(file) != known["sha256"]:
            problems.append(
                Problem("the content differs from its hash", str(file), "", "it was changed or damaged")
            )
    for name in (*TABLES, CROSSINGS):
        folder = path / f"{name}.parquet"
        for file in folder.glob("*") if folder.is_dir() else ():
            if file.relative_to(path).as_posix() not in listed:
                problems.append(
                    Problem("the file does not belong to the run", str(file), "only what the manifest lists")
                )
    problems += [
        Problem("a file of the run is not listed in the manifest", str(path / name), "its hash")
        for name in _TEXTS
        if name not in listed
    ]
    return problems


def _tables(
    path: Path,
    manifest: dict[str, Any],
    damaged: set[str],
    problems: list[Problem],
    progress: Callable[[str, float, float], None] | None,
) -> dict[str, int]:
    """Columns of every table, replicates, people, and the result hash; returns the rows of each table."""
    rows = dict.fromkeys(TABLES, 0)
    if any(f"{name}.parquet" in damaged for name in TABLES):
        return rows
    readers = {name: pieces(path / f"{name}.parquet") for name in TABLES}
    ahead: dict[str, tuple[int, pa.Table] | None] = {}
    hashes: list[str] = []
    empty = {}
    try:
        for name in TABLES:
            schema, found = _columns(path / f"{name}.parquet", name)
            problems += found
            if found:
                return rows
            empty[name] = schema.empty_table()
            ahead[name] = next(readers[name], None)
        departed = _departed(path, manifest)
        for replicate in range(int(manifest["replicates"])):
            tables = {}
            for name in TABLES:
                tables[name] = empty[name]
                piece = ahead[name]
                if piece is not None and piece[0] == replicate:
                    tables[name] = piece[1]
                    ahead[name] = next(readers[name], None)
                rows[name] += tables[name].num_rows
            hashes.append(content_hash(tables))
            problems += _people(path, manifest, replicate, tables["outcomes"], departed)
            if progress is not None:
                progress("replicates", replicate + 1, int(manifest["replicates"]))
    except (OSError, ValueError, OverflowError, LookupError, pa.ArrowException) as fault:
        problems.append(
            Problem(f"a table cannot be read ({fault})", str(path), "tables written by travesia run")
        )
        return rows
    problems += [
        Problem(
            f"holds rows of replicate {piece[0]}",
            str(path / f"{name}.parquet"),
            "replicates in order, none beyond",
        )
        for name, piece in ahead.items()
        if piece is not None
    ]
    found_hash = combined_hash(hashes)
    if found_hash != manifest["result_hash"]:
        what = f"the tables hash to {found_hash[:12]}..."
        problems.append(
            Problem(
                what, str(path), f"the result_hash {str(manifest['result_hash'])[:12]}... of the manifest"
            )
        )
    return rows


def _columns(file: Path, name: str) -> tuple[pa.Schema, list[Problem]]:
    """Schema of a table and what is wrong with it."""
    import pyarrow.parquet as pq  # noqa: PLC0415

    from sim.results.content import table_files  # noqa: PLC0415

    schema = pq.read_schema(table_files(file)[0])
    expected = COLUMNS[name]
    if tuple(schema.names) != tuple(expected):
        found = f"columns are {', '.join(schema.names)}"
        return schema, [Problem(found, str(file), ", ".join(expected))]
    problems = []
    for column, (kind, *_) in expected.items():
        of = schema.field(column).type
        right = {
            "date": pa.types.is_timestamp,
            "string": lambda t: pa.types.is_dictionary(t) or pa.types.is_string(t),
            "yearmonth": pa.types.is_string,
            **_NUMBERS,
        }[kind](of)
        if not right:
            problems.append(Problem(f"column {column} holds {of}", str(file), kind))
    return schema, problems


def _departed(path: Path, manifest: dict[str, Any]) -> dict[int, float]:
    """People who departed by replicate, as the checks say; nothing where they cannot be read."""
    try:
        checks = json.loads((path / "checks.json").read_text(encoding="utf-8"))
        return {int(c["replicate"]): float(c["departed"]) for c in checks["replicates"]}
    except (OSError, ValueError, OverflowError, KeyError, TypeError, RecursionError):
        return {}


def _people(
    path: Path, manifest: dict[str, Any], replicate: int, outcomes: pa.Table, departed: dict[int, float]
) -> Iterator[Problem]:
    """Whether the outcomes of a replicate add up to those who departed."""
    if replicate not in departed:
        yield Problem(
            f"nothing is said of replicate {replicate}", str(path / "checks.json"), "its balance of people"
        )
        return
    total = float(pc.sum(outcomes.column("persons")).as_py() or 0.0) * float(manifest["scale"])
    people = departed[replicate]
    if not np.isclose(total, people, rtol=1e-6, atol=0.5):
        what = f"the outcomes of replicate {replicate} add up to {total:,.0f} people"
        yield Problem(what, str(path / "outcomes.parquet"), f"the {people:,.0f} who departed")


def _texts(path: Path, manifest: dict[str, Any], damaged: set[str]) -> list[Problem]:
    """Whether scenario, checks and summary can be read and say what they should."""
    problems: list[Problem] = []
    if "scenario.yaml" not in damaged:
        problems += _scenario(path, manifest)
    if "checks.json" not in damaged:
        try:
            checks = json.loads((path / "checks.json").read_text(encoding="utf-8"))
            if not checks["conserved"]:
                problems.append(
                    Problem("people do not add up on every day", str(path / "checks.json"), "conserved")
                )
        except (OSError, ValueError, OverflowError, KeyError, TypeError, RecursionError) as fault:
            problems.append(
                Problem(f"cannot be read ({fault})", str(path / "checks.json"), "balances by replicate")
            )
    if "summary.csv" not in damaged:
        try:
            header = next(csv.reader(StringIO((path / "summary.csv").read_text(encoding="utf-8"))), [])
        except (OSError, ValueError) as fault:
            header = [str(fault)]
        if tuple(header) != _SUMMARY:
            problems.append(
                Problem(f"columns are {', '.join(header)}", str(path / "summary.csv"), ", ".join(_SUMMARY))
            )
    return problems


def _scenario(path: Path, manifest: dict[str, Any]) -> list[Problem]:
    from sim.spec import load_scenario  # noqa: PLC0415

    file = path / "scenario.yaml"
    try:
        load_scenario(file)
    except TravesiaError as fault:
        wrote = (
            manifest["versions"].get("travesia", "unknown")
            if isinstance(manifest["versions"], dict)
            else "unknown"
        )
        hint = f"the run was written by version {wrote}, this is version {own_version()}"
        return [Problem(f"cannot be read: {fault.message}", str(file), "the scenario that was run", hint)]
    return []
