"""Ensembles as arrays: a run enters; xarray, NetCDF, or EMA's experiments and outcomes leave."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import xarray as xr

from sim.errors import DataError, Problem
from sim.results import disk, open_run
from sim.results.folder import CROSSINGS, file_hashes, write_aside
from sim.results.tables import TABLES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sim.results import Run

__all__ = ["experiments_outcomes", "from_netcdf", "to_dataset", "to_ema", "to_netcdf"]

#: Files of a run folder that travel as text in the attributes of its NetCDF file.
TEXTS: Final = ("manifest.json", "checks.json", "datapackage.json", "scenario.yaml", "summary.csv")
HELD: Final = (*TABLES, CROSSINGS)
FORMAT: Final = "NETCDF3_64BIT"


def to_dataset(run: Run) -> xr.Dataset:
    """An ensemble as labelled arrays.

    Parameters
    ----------
    run : Run

    Returns
    -------
    xarray.Dataset
        ``crossings`` (replicate, period, leg, nationality; persons), ``person_days`` (replicate, period,
        place, status), ``departures`` (replicate, period, place, nationality), ``outcomes`` (replicate,
        nationality, outcome, country).
    """
    flows, stocks = run.flows, run.stocks
    arrays = {
        "crossings": summed(flows, ("replicate", "period_start", "leg", "nationality"), "persons"),
        "person_days": summed(stocks, ("replicate", "period_start", "place", "status"), "person_days"),
        "departures": summed(
            run.departures, ("replicate", "period_start", "place", "nationality"), "persons"
        ),
        "outcomes": summed(run.outcomes, ("replicate", "nationality", "outcome", "country"), "persons"),
    }
    made = xr.merge(list(arrays.values()), join="outer", fill_value=0.0)
    made = made.rename(period_start="period")
    for name, unit in (("crossings", "persons"), ("person_days", "person-days"), ("departures", "persons")):
        made[name].attrs["units"] = unit
    made["outcomes"].attrs["units"] = "persons"
    made.attrs = {
        "scenario": run.manifest["scenario"],
        "seed": run.manifest["seed"],
        "engine": run.manifest["engine"],
    }
    return made


def summed(table: pd.DataFrame, keys: tuple[str, ...], value: str) -> xr.DataArray:
    """Sums of a column over the cells of its keys; 0 where there is no row."""
    name = {"person_days": "person_days"}.get(value, "departures")
    if "leg" in keys:
        name = "crossings"
    elif "outcome" in keys:
        name = "outcomes"
    plain = table[[*keys, value]].copy()
    for key in keys:
        if isinstance(plain[key].dtype, pd.CategoricalDtype):
            plain[key] = plain[key].astype(str)
    series = plain.groupby(list(keys), observed=True)[value].sum().astype(float)
    series.name = name
    return xr.DataArray.from_series(series).fillna(0.0)


def to_netcdf(run: Run, path: str | Path) -> Path:
    """Write a run folder as one NetCDF file (classic format, 64-bit offsets), without loss.

    Parameters
    ----------
    run : Run
    path : str or Path
        File to write.

    Notes
    -----
    Tables keep their tidy form, one dimension ``<table>_row`` each. Text columns are codes with their names
    in ``<table>_<column>_name``; times are days since 1970-01-01. The run's other files stand in the global
    attributes.
    """
    variables: dict[str, tuple[tuple[str, ...], Any, dict[str, Any]]] = {}
    for name in HELD:
        if not (run.path / f"{name}.parquet").exists():
            continue
        table = pq.read_table(run.path / f"{name}.parquet")
        for column in table.column_names:
            add_column(variables, name, column, table.column(column))
    texts = {
        one.replace(".", "_"): (run.path / one).read_text(encoding="utf-8")
        for one in TEXTS
        if (run.path / one).is_file()
    }
    dataset = xr.Dataset(
        variables, attrs={"Conventions": "CF-1.8", "title": str(run.manifest["scenario"]), **texts}
    )
    target = Path(path)
    aside = target.with_name(f".{target.name}.part")
    dataset.to_netcdf(aside, format=FORMAT, engine="scipy")
    aside.replace(target)
    return target


def add_column(
    variables: dict[str, tuple[tuple[str, ...], Any, dict[str, Any]]],
    table: str,
    column: str,
    values: pa.ChunkedArray,
) -> None:
    """One column of a table as a variable, or as codes with their names."""
    key, row = f"{table}_{column}", f"{table}_row"
    kind = values.type
    if pa.types.is_dictionary(kind) or pa.types.is_string(kind):
        series = values.to_pandas().astype("category")
        names = np.array([str(one) for one in series.cat.categories] or [""], dtype=str)
        variables[key] = (
            (row,),
            series.cat.codes.to_numpy(np.int32),
            {"travesia_type": "text" if pa.types.is_dictionary(kind) else "string"},
        )
        variables[f"{key}_name"] = ((f"{key}_names",), names, {})
    elif pa.types.is_timestamp(kind):
        days = values.to_numpy().astype("datetime64[D]").astype(np.int32)
        variables[key] = ((row,), days, {"travesia_type": str(kind), "long_name": "days since 1970-01-01"})
    else:
        exact = np.asarray(values.to_numpy())
        stored = exact if exact.dtype == np.int32 else exact.astype(np.float64)
        variables[key] = ((row,), stored, {"travesia_type": str(kind)})


def from_netcdf(path: str | Path, out: str | Path) -> Run:
    """A run folder from a NetCDF file that `to_netcdf` wrote.

    Parameters
    ----------
    path : str or Path
    out : str or Path
        New folder.

    Raises
    ------
    DataError
        When the file is not one of these, or the folder is there already.
    """
    folder = Path(out)
    if folder.exists():
        msg = "The run folder is not written."
        raise DataError(msg, [Problem("it is there already", str(folder), "a new folder")])
    try:
        with xr.open_dataset(path, engine="scipy", decode_times=False) as dataset:
            dataset.load()
            tables = {name: found for name in HELD if (found := table_of(dataset, name)).num_columns}
            texts = {
                one: dataset.attrs[one.replace(".", "_")]
                for one in TEXTS
                if one.replace(".", "_") in dataset.attrs
            }
    except (OSError, ValueError, KeyError, TypeError) as error:
        msg = "The NetCDF file cannot be read."
        raise DataError(msg, [Problem(str(error), str(path), "a file written here")]) from None
    folder.mkdir(parents=True)
    for name, table in tables.items():
        pq.write_table(table, folder / f"{name}.parquet", compression="zstd")
    for one, text in texts.items():
        write_aside(folder / one, str(text).encode())
    renew(folder)
    return open_run(folder)


def renew(folder: Path) -> None:
    """Write the hashes of the files as they are now into the manifest: Parquet may pack rows otherwise."""
    manifest = disk.unseal(folder / "manifest.json")
    write_aside(folder / "manifest.json", disk.seal({**manifest, "files": file_hashes(folder)}))


def table_of(dataset: xr.Dataset, name: str) -> pa.Table:
    """One table of a NetCDF file."""
    columns = {}
    for key in dataset.variables:
        variable = dataset[key]
        if not str(key).startswith(f"{name}_") or "travesia_type" not in variable.attrs:
            continue
        kind, values = variable.attrs["travesia_type"], variable.to_numpy()
        if kind in {"text", "string"}:
            names = [
                one.decode() if isinstance(one, bytes) else str(one)
                for one in dataset[f"{key}_name"].to_numpy()
            ]
            made = pa.DictionaryArray.from_arrays(
                pa.array(values.astype(np.int32)), pa.array(names, pa.string())
            )
            made = made.dictionary_decode() if kind == "string" else made
        elif kind.startswith("timestamp"):
            made = pa.array(values.astype("datetime64[D]").astype("datetime64[s]"))
        else:
            made = pa.array(values.astype({"int64": np.int64, "int32": np.int32}.get(kind, np.float64)))
        columns[str(key).removeprefix(f"{name}_")] = made
    return pa.table(columns)


def experiments_outcomes(
    runs: Sequence[Run],
) -> tuple[pd.DataFrame, dict[str, np.ndarray[Any, np.dtype[np.float64]]]]:
    """Runs as the EMA workbench holds results: one row per replicate, one array per outcome.

    Parameters
    ----------
    runs : sequence of Run
        Runs of one window, e.g. of several scenarios.

    Returns
    -------
    experiments : DataFrame
        scenario, policy, model, seed, replicate and every parameter.
    outcomes : dict of str to float64[:, :]
        ``TIME`` (period number), ``crossings <border or leg>`` and ``arrived``, ...: experiments x periods,
        or one column.
    """
    rows: list[dict[str, Any]] = []
    arrays: dict[str, list[Any]] = {}
    names = sorted({str(one) for run in runs for one in run.outcomes["outcome"].astype(str).unique()})
    legs = sorted({str(one) for run in runs for one in counted(run)})
    starts = sorted(
        {one for run in runs for table in (run.flows, run.stocks) for one in table["period_start"].unique()}
    )
    for run in runs:
        flows = run.flows.assign(leg=run.flows["leg"].astype(str))
        for replicate in range(run.replicates):
            rows.append(
                {
                    "scenario": replicate,
                    "policy": run.manifest["scenario"],
                    "model": "travesia",
                    "seed": run.manifest["seed"],
                    **dict(run.scenario.parameters),
                }
            )
            arrays.setdefault("TIME", []).append(np.arange(len(starts)))
            mine = flows[flows["replicate"] == replicate]
            table = mine.pivot_table(
                index="leg", columns="period_start", values="persons", aggfunc="sum", observed=True
            )
            table = table.reindex(index=legs, columns=starts).fillna(0.0)
            for leg in legs:
                arrays.setdefault(f"crossings {leg}", []).append(table.loc[leg].to_numpy(dtype=float))
            ends = run.outcomes[run.outcomes["replicate"] == replicate]
            totals = ends.groupby(ends["outcome"].astype(str))["persons"].sum()
            for name in names:
                arrays.setdefault(name, []).append(float(totals.get(name, 0.0)))
    return pd.DataFrame(rows), {name: np.asarray(values, dtype=np.float64) for name, values in arrays.items()}


def counted(run: Run) -> list[str]:
    """Legs on which a border's crossings are counted; all legs where no border is."""
    borders = [border.leg for border in run.scenario.world.borders]
    return borders or [leg.id for leg in run.scenario.world.legs]


def to_ema(runs: Sequence[Run], path: str | Path) -> Path:
    """Write runs as a results archive that the EMA workbench opens with ``load_results``.

    Parameters
    ----------
    runs : sequence of Run
    path : str or Path
        A ``.tar.gz`` file.
    """
    experiments, outcomes = experiments_outcomes(runs)
    files: dict[str, bytes] = {"experiments.csv": experiments.to_csv(index=False).encode()}
    listed = []
    for number, (name, values) in enumerate(outcomes.items()):
        file = f"outcome_{number}.csv"
        files[file] = pd.DataFrame(values).to_csv(header=False, index=False).encode()
        listed.append(("ScalarOutcome" if values.ndim == 1 else "ArrayOutcome", name, file))
    kinds = {str(name): kind.name for name, kind in experiments.dtypes.items()}
    files["metadata.json"] = json.dumps({"version": 0.1, "outcomes": listed, "experiments": kinds}).encode()
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    target = Path(path)
    write_aside(target, stream.getvalue())
    return target
