"""A folder with a ``datapackage.json`` enters; a list of problems leaves, empty if all is as described.

One function, :func:`verify_package`, serves the observed tables, a user's own updates and the world tables:
hash, columns, types, constraints, keys, tables nobody described. Tables of observed series are also checked
for months, gaps, sums and duplicates.
"""

from __future__ import annotations

import hashlib
import importlib.resources
import json
import re
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd

from calibration.observed.checks import (
    SeriesFacts,
    check_columns,
    check_duplicates,
    check_gaps,
    check_rows,
    check_sums,
    is_month,
)
from calibration.observed.tables import COLUMNS, OBSERVED, user_directory
from sim.errors import Problem

__all__ = ["file_hash", "shipped_packages", "verify_package"]

DESCRIPTOR = "datapackage.json"
_TRUE_FALSE = {"0", "1", "true", "false"}


def file_hash(path: Path) -> str:
    """SHA-256 of a file as a descriptor writes it.

    Parameters
    ----------
    path : pathlib.Path
        File to read.

    Returns
    -------
    str
        ``sha256:`` and 64 hexadecimal digits.
    """
    return "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()


def shipped_packages() -> list[Path]:
    """Folders ``travesia data verify`` looks at when none is named.

    Returns
    -------
    list of pathlib.Path
        The observed tables, every world under ``scenarios/world``, every other folder of ``scenarios`` that
        has a descriptor, and the user's own updates if there are any.
    """
    scenarios = Path(str(importlib.resources.files("scenarios")))
    described = {path.parent for path in scenarios.rglob(DESCRIPTOR)}
    worlds = {path.parent for path in (scenarios / "world").rglob("*.csv")}
    own = user_directory() / "observed"
    return [OBSERVED, *sorted(described | worlds), *([own] if own.is_dir() else [])]


def verify_package(path: str | Path) -> list[Problem]:
    """Check every table of a folder against its ``datapackage.json``.

    Parameters
    ----------
    path : str or pathlib.Path
        Folder, or the descriptor itself.

    Returns
    -------
    list of Problem
        Empty if nothing is wrong. Each names file, row and column as far as known.
    """
    path = Path(path)
    descriptor_path = path if path.suffix == ".json" else path / DESCRIPTOR
    folder = descriptor_path.parent
    if not descriptor_path.is_file():
        hint = "seal it with: python -m calibration.observed.seal FOLDER"
        return [
            Problem(f"no {DESCRIPTOR}", str(folder), "a description of the tables with their hashes", hint)
        ]
    try:
        descriptor = json.loads(descriptor_path.read_text(encoding="utf-8"))
    except ValueError as error:
        return [Problem(f"not JSON: {error}", str(descriptor_path), "a data package descriptor")]
    resources = descriptor.get("resources", [])
    problems = [] if resources else [Problem("describes no table", str(descriptor_path), "resources")]
    tables: dict[str, pd.DataFrame] = {}
    for resource in resources:
        found, table = _verify_resource(folder, resource, descriptor)
        problems += found
        if table is not None:
            tables[str(resource["name"])] = table
    for resource in resources:
        problems += _verify_foreign_keys(resource, tables)
    problems += _verify_observed(folder, resources, tables)
    return problems + _verify_undescribed(folder, resources)


def _verify_resource(
    folder: Path, resource: Mapping[str, Any], descriptor: Mapping[str, Any]
) -> tuple[list[Problem], pd.DataFrame | None]:
    name = str(resource.get("path", resource.get("name", "?")))
    path = folder / name
    if not path.is_file():
        return [Problem("the file is missing", str(path), "the file the descriptor lists")], None
    problems = _verify_file(path, resource, descriptor)
    fields = resource.get("schema", {}).get("fields", [])
    if path.suffix != ".csv" or not fields:
        if path.suffix == ".csv":
            problems.append(Problem("its columns are not described", name, "schema.fields"))
        return problems, None
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8")
    except ValueError as error:
        return [*problems, Problem(f"cannot be read: {error}", name, "a CSV table in UTF-8")], None
    expected = [str(field["name"]) for field in fields]
    if list(table.columns) != expected:
        what = f"columns {', '.join(table.columns)}"
        return [*problems, Problem(what, f"{name} header", ", ".join(expected))], None
    missing = set(resource.get("schema", {}).get("missingValues", [""]))
    for field in fields:
        problems += _verify_field(table[field["name"]], field, name, missing)
    problems += _verify_primary_key(table, resource, name)
    return problems, table


def _verify_file(path: Path, resource: Mapping[str, Any], descriptor: Mapping[str, Any]) -> list[Problem]:
    name = path.name
    promised = str(resource.get("hash", ""))
    if not promised:
        problems = [Problem("has no hash", name, "sha256:...")]
    else:
        found = file_hash(path)
        same = promised.removeprefix("sha256:") == found.removeprefix("sha256:")
        hint = "the table was changed after it was sealed; restore it, or check the change and seal again"
        problems = [] if same else [Problem(f"hash {found[:19]}...", name, f"{promised[:19]}...", hint)]
    if not (resource.get("licenses") or descriptor.get("licenses")):
        problems.append(Problem("has no licence", name, "licenses in the descriptor"))
    if not (resource.get("sources") or descriptor.get("sources")):
        problems.append(Problem("has no source", name, "sources in the descriptor"))
    return problems


def _verify_field(column: pd.Series, field: Mapping[str, Any], name: str, missing: set[str]) -> list[Problem]:
    """First fault of each sort in one column, with its row, and how many rows share it."""
    limits = field.get("constraints", {})
    faults: dict[str, tuple[int, str, int]] = {}
    kind = str(field.get("type", "string"))
    allowed = set(limits.get("enum", []))
    pattern = re.compile(str(limits["pattern"])) if "pattern" in limits else None
    for number, value in enumerate(column.to_list(), start=2):
        if value in missing:
            expected = "a value" if limits.get("required") else ""
        else:
            expected = _wrong_type(value, kind) or _out_of_bounds(value, kind, limits)
            if not expected and allowed and value not in {str(item) for item in allowed}:
                expected = "one of " + ", ".join(sorted(str(item) for item in allowed))
            if not expected and pattern is not None and not pattern.fullmatch(value):
                expected = f"the pattern {pattern.pattern}"
        if expected:
            row, first, count = faults.get(expected, (number, value, 0))
            faults[expected] = (row, first, count + 1)
    if limits.get("unique") and column[~column.isin(missing)].duplicated().any():
        number = int(column.duplicated().to_numpy().argmax()) + 2
        faults["each value once"] = (number, str(column.iloc[number - 2]), int(column.duplicated().sum()))
    problems = []
    for expected, (number, value, count) in faults.items():
        more = f", and {count - 1} more rows" if count > 1 else ""
        what = f"{value!r}{more}" if value else f"nothing written{more}"
        problems.append(Problem(what, f"{name} row {number}, column {field['name']}", expected))
    return problems


def _wrong_type(value: str, kind: str) -> str:
    if kind in ("integer", "number", "year"):
        try:
            number = float(value)
        except ValueError:
            return f"a {kind}"
        if kind != "number" and number != int(number):
            return "a whole number"
    elif kind == "boolean" and value.lower() not in _TRUE_FALSE:
        return "0 or 1"
    elif kind == "date":
        try:
            date.fromisoformat(value)
        except ValueError:
            return "a date YYYY-MM-DD"
    elif kind == "yearmonth" and not is_month(value):
        return "a month YYYY-MM"
    return ""


def _out_of_bounds(value: str, kind: str, limits: Mapping[str, Any]) -> str:
    if kind not in ("integer", "number", "year"):
        return ""
    if "minimum" in limits and float(value) < float(limits["minimum"]):
        return f"{limits['minimum']} or more"
    if "maximum" in limits and float(value) > float(limits["maximum"]):
        return f"{limits['maximum']} or less"
    return ""


def _verify_primary_key(table: pd.DataFrame, resource: Mapping[str, Any], name: str) -> list[Problem]:
    key = resource.get("schema", {}).get("primaryKey", [])
    columns = [key] if isinstance(key, str) else list(key)
    if not columns:
        return []
    twice = table.duplicated(columns).to_numpy()
    if not twice.any():
        return []
    number = int(twice.argmax())
    cell = ", ".join(str(table[column].iloc[number]) for column in columns)
    more = f", and {int(twice.sum()) - 1} more" if twice.sum() > 1 else ""
    return [
        Problem(f"duplicate of {cell}{more}", f"{name} row {number + 2}", f"each {' + '.join(columns)} once")
    ]


def _verify_foreign_keys(resource: Mapping[str, Any], tables: Mapping[str, pd.DataFrame]) -> list[Problem]:
    problems: list[Problem] = []
    table = tables.get(str(resource.get("name")))
    for key in resource.get("schema", {}).get("foreignKeys", []):
        fields = key["fields"] if isinstance(key["fields"], str) else key["fields"][0]
        target = key["reference"]["fields"]
        target = target if isinstance(target, str) else target[0]
        other = tables.get(str(key["reference"]["resource"]) or str(resource.get("name")))
        if table is None or other is None:
            continue
        known = {*other[target], ""}
        strange = ~table[fields].isin(known).to_numpy()
        if strange.any():
            number = int(strange.argmax())
            where = f"{resource['path']} row {number + 2}, column {fields}"
            what = f"{table[fields].iloc[number]!r}" + (
                f", and {strange.sum() - 1} more" if strange.sum() > 1 else ""
            )
            problems.append(
                Problem(what, where, f"a {target} of {key['reference']['resource'] or 'the same table'}")
            )
    return problems


def _verify_observed(
    folder: Path, resources: list[Mapping[str, Any]], tables: Mapping[str, pd.DataFrame]
) -> list[Problem]:
    """Rules of observed series, for the tables that have their columns."""
    problems: list[Problem] = []
    sources = tables.get("sources")
    known = None if sources is None else sources["id"].to_list()
    for resource in resources:
        table = tables.get(str(resource.get("name")))
        if table is None or tuple(table.columns) != COLUMNS:
            continue
        where = str(resource["path"])
        faults = check_columns(list(table.columns), where) + check_rows(table, where, known_sources=known)
        faults += check_duplicates(table, where)
        problems += faults
        if faults:
            continue
        table = table.assign(persons=table["persons"].astype(float))
        promised = [_facts(entry) for entry in resource.get("series", [])]
        complete = [(fact.name, fact.border) for fact in promised if fact.parts == "complete"]
        problems += check_sums(table, where, complete=complete)
        problems += check_gaps(table, where, promised)
        problems += _verify_base(folder, where, resource)
    return problems


def _facts(entry: Mapping[str, Any]) -> SeriesFacts:
    name, border, kind, first, last = (str(entry[key]) for key in ("name", "border", "kind", "first", "last"))
    gaps = tuple(str(month) for month in entry.get("gaps", ()))
    return SeriesFacts(name, border, kind, first, last, gaps, str(entry.get("parts", "none")))


def _verify_base(folder: Path, name: str, resource: Mapping[str, Any]) -> list[Problem]:
    """A user's copy made from a shipped table that has changed since."""
    base = str(resource.get("based_on", ""))
    shipped = OBSERVED / name
    if folder == OBSERVED or not base or not shipped.is_file() or file_hash(shipped) == base:
        return []
    hint = f"remove {folder / name} and run travesia data update again"
    return [
        Problem(
            "this copy was made from an older shipped table",
            str(folder / name),
            "the table shipped now",
            hint,
        )
    ]


def _verify_undescribed(folder: Path, resources: list[Mapping[str, Any]]) -> list[Problem]:
    described = {str(resource.get("path")) for resource in resources}
    return [
        Problem("the table is not described", str(path), f"an entry in {DESCRIPTOR}")
        for path in sorted(folder.glob("*.csv"))
        if path.name not in described
    ]
