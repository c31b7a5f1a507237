"""Open formats: published tables in, CSV, Parquet, HXL and a data package out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from sim.errors import DataError
from sim.needs.safeguard import publish
from sim.needs.tables import records, table

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sim.needs.needs import Needs

__all__ = ["describe", "field_schema", "whole", "write_csv", "write_folder", "write_parquet"]


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A name to write to, which becomes the file once all is written: a file is there whole or not at all.

    Parameters
    ----------
    path : Path
        Its folder is made if it is not there.

    Raises
    ------
    DataError
        If the file cannot be written.
    """
    part = path.with_name(f".{path.name}.part")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield part
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        msg = f"cannot write {path}: {error}"
        raise DataError(msg) from error


def _plain(frame: pd.DataFrame) -> pd.DataFrame:
    """Published once more (safe text), numbers and dates as they are printed: each is written out once."""
    out = publish(frame.copy())
    for name, column in out.items():
        if pd.api.types.is_datetime64_any_dtype(column.dtype):
            codes, dates = pd.factorize(column)
            out[name] = _texts(codes, list(pd.DatetimeIndex(dates).strftime("%Y-%m-%d")))
        elif pd.api.types.is_float_dtype(column.dtype):
            codes, numbers = pd.factorize(column)
            out[name] = _texts(codes, [f"{number:.12g}" for number in numbers])
    return out


def _texts(codes: NDArray[np.intp], texts: list[str]) -> NDArray[np.object_]:
    """Text of every row from its number; nothing for -1."""
    return np.array([*texts, ""], dtype=object)[codes]


def write_csv(frame: pd.DataFrame, path: Path, *, hxl: bool = False, name: str = "needs") -> Path:
    """Write a table as UTF-8 CSV.

    Parameters
    ----------
    frame : pandas.DataFrame
        A published table.
    path : Path
        Target; written aside and renamed.
    hxl : bool
        Add a row of HXL tags under the header.
    name : str
        Table name in ``fields.csv``, for the tags.
    """
    plain = _plain(frame)
    tags = {f["name"]: f["hxl"] for f in records(table("fields").query("table == @name"))}
    with whole(path) as part, part.open("w", encoding="utf-8", newline="") as stream:
        stream.write(",".join(plain.columns) + "\n")
        if hxl:
            stream.write(",".join(str(tags.get(c, "")) for c in plain.columns) + "\n")
        plain.to_csv(stream, index=False, header=False, lineterminator="\n")
    return path


def write_parquet(frame: pd.DataFrame, path: Path) -> Path:
    """Write a table as Parquet, text columns as dictionaries."""
    with whole(path) as part:
        publish(frame.copy()).to_parquet(part, index=False, compression="zstd")
    return path


def write_folder(needs: Needs, folder: Path, *, hxl: bool = False) -> Path:
    """Write every product of a needs estimate into a folder, with a data package that describes it."""
    from sim.needs.needs import BESIDE  # noqa: PLC0415

    folder.mkdir(parents=True, exist_ok=True)
    files: dict[str, str] = {"needs.csv": "needs"}
    write_csv(needs.table, folder / "needs.csv", hxl=hxl)
    write_parquet(needs.table, folder / "needs.parquet")
    for name in BESIDE:
        frame = getattr(needs, name)
        if len(frame.columns):
            write_csv(frame, folder / f"{name}.csv", hxl=hxl, name=name)
            files[f"{name}.csv"] = name
    needs.to_excel(folder / "needs.xlsx")
    package = describe(
        folder,
        files,
        name="travesia-needs",
        title=f"Travesía coordination needs: {needs.scenario or 'scenario run'} ({needs.arrangement})",
        sources=[{"title": "Travesía scenario run", "path": ""}],
        extra={"manifest": needs.manifest, "arrangement": needs.arrangement, "language": needs.lang},
    )
    (folder / "datapackage.json").write_text(
        json.dumps(package, indent=2, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    return folder


def field_schema(name: str, columns: list[str]) -> dict[str, Any]:
    """Frictionless schema of a table, with units and both languages' descriptions."""
    known = {f["name"]: f for f in records(table("fields").query("table == @name"))}
    kinds = {"integer": "integer", "number": "number", "date": "date", "boolean": "boolean"}
    fields = []
    for column in columns:
        row = known.get(column)
        entry: dict[str, Any] = {
            "name": column,
            "type": kinds.get(str(row["type"]), "string") if row else "string",
        }
        if row:
            entry |= {"title": row["label_en"], "description": row["description_en"]}
            if row["unit"]:
                entry["unit"] = row["unit"]
            if entry["type"] == "boolean":
                entry |= {"trueValues": ["True"], "falseValues": ["False"]}
        fields.append(entry)
    return {"fields": fields, "missingValues": [""]}


def describe(
    folder: Path,
    files: Mapping[str, str],
    *,
    name: str,
    title: str,
    sources: list[dict[str, str]],
    extra: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """A data package for the CSV files of a folder.

    Parameters
    ----------
    folder : Path
        Where the files are.
    files : mapping
        File name to table name of ``fields.csv`` (blank for none).
    name, title : str
        Name and title of the package.
    sources : list of dict
        Data package sources.
    extra : mapping, optional
        More top-level keys.
    """
    resources = []
    for file, table_name in files.items():
        data = (folder / file).read_bytes()
        columns = data.split(b"\n", 1)[0].decode("utf-8").strip().split(",")
        resources.append(
            {
                "name": Path(file).stem.replace("_", "-"),
                "path": file,
                "format": "csv",
                "mediatype": "text/csv",
                "encoding": "utf-8",
                "bytes": len(data),
                "hash": "sha256:" + hashlib.sha256(data).hexdigest(),
                "schema": field_schema(table_name, columns),
            }
        )
    return {
        "name": name,
        "title": title,
        "profile": "tabular-data-package",
        "licenses": [
            {
                "name": "CC-BY-4.0",
                "path": "https://creativecommons.org/licenses/by/4.0/",
                "title": "Creative Commons Attribution 4.0",
            }
        ],
        "sources": sources,
        **(extra or {}),
        "resources": resources,
    }
