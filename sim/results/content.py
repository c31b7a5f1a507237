"""What a table says, whatever its encoding: hashes of content, and tables read in pieces of one replicate."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["content_hash", "pieces", "sums", "table_files"]


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
    array = column.unify_dictionaries().combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if isinstance(array, pa.ChunkedArray):
        array = array.chunk(0) if array.num_chunks else pa.array([], type=column.type)
    if pa.types.is_dictionary(array.type):
        names = np.array(array.dictionary.to_pylist(), dtype=object)
        codes = np.asarray(array.indices)
        used = np.flatnonzero(np.bincount(codes, minlength=1))
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


def table_files(path: Path) -> list[Path]:
    """Files of a table: itself, or those in the folder of its name, in order."""
    return sorted(path.glob("*.parquet")) if path.is_dir() else [path]


def pieces(path: Path, columns: list[str] | None = None) -> Iterator[tuple[int, pa.Table]]:
    """Read a table of a run folder replicate by replicate, so that never more than one is in memory.

    Parameters
    ----------
    path : Path
        A Parquet file, or a folder of one file for each replicate.
    columns : list of str, optional
        Only these; ``replicate`` is always among them.

    Yields
    ------
    replicate : int
        Replicates without rows are left out.
    table : pyarrow.Table
    """
    wanted = None if columns is None else list(dict.fromkeys(["replicate", *columns]))
    for file in table_files(path):
        held: list[tuple[int, pa.Table]] = []
        with pq.ParquetFile(file) as source:
            for group in range(source.num_row_groups):
                table = source.read_row_group(group, columns=wanted)
                for number, part in _by_replicate(table):
                    if held and held[0][0] != number:
                        yield held[0][0], pa.concat_tables([t for _, t in held])
                        held = []
                    held.append((number, part))
        if held:
            yield held[0][0], pa.concat_tables([t for _, t in held])


def _by_replicate(table: pa.Table) -> Iterator[tuple[int, pa.Table]]:
    numbers = np.asarray(table.column("replicate"))
    starts = [0, *(np.flatnonzero(np.diff(numbers)) + 1)] if len(numbers) else []
    for begin, end in pairwise([*starts, len(numbers)]):
        yield int(numbers[begin]), table.slice(begin, end - begin)


def sums(path: Path, keys: list[str], value: str, most: int | None = None) -> pa.Table:
    """Add a column of a table of a run folder up by other columns, in the memory of one replicate and of the sums.

    Parameters
    ----------
    path : Path
        A Parquet file, or a folder of one file for each replicate.
    keys : list of str
        Columns to keep beside ``replicate``.
    value : str
        Column to add up.
    most : int, optional
        Only the first so many replicates.

    Returns
    -------
    pyarrow.Table
        ``replicate``, `keys` and `value`, one row for each combination that has rows.
    """
    by = ["replicate", *keys]
    added = [
        table.group_by(by, use_threads=False).aggregate([(value, "sum")])
        for number, table in pieces(path, [*by, value])
        if most is None or number < most
    ]
    if not added:
        schema = pq.read_schema(table_files(path)[0])
        return pa.schema([schema.field(name) for name in [*by, value]]).empty_table()
    return pa.concat_tables(added).rename_columns([*by, value])
