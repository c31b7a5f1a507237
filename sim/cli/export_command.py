"""``travesia export``: a run folder or scenario enters; a file in another program's format leaves."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["app"]

app = typer.Typer(add_completion=False)

_ENDINGS = {"geojson": ".geojson", "graphml": ".graphml", "netcdf": ".nc", "ema": ".tar.gz"}


@app.command()
def export(
    source: Annotated[
        list[str],
        typer.Argument(help="Run folder, or scenario (geojson, graphml).", metavar="RUN_DIR|SCENARIO"),
    ],
    form: Annotated[str, typer.Option("--format", help="geojson, graphml, netcdf or ema.")] = "geojson",
    out: Annotated[
        Path | None,
        typer.Option(help="File to write; in the current folder if not given.", show_default=False),
    ] = None,
) -> None:
    """Write the route graph as GeoJSON or GraphML, or a run as NetCDF or EMA-workbench results."""
    from sim.errors import DataError, Problem
    from sim.exchange.ensembles import to_ema, to_netcdf
    from sim.exchange.graphs import to_geojson, to_graphml
    from sim.results import open_run
    from sim.spec import load_scenario

    if form not in _ENDINGS:
        fault = Problem(f"there is no format '{form}'", "--format", "one of " + ", ".join(_ENDINGS))
        msg = "The export was refused."
        raise DataError(msg, [fault])
    first = Path(source[0])
    target = out or Path(first.name.removesuffix(".yaml") + _ENDINGS[form])
    if len(source) > 1 and form != "ema":
        fault = Problem(f"{len(source)} sources", form, "one; only ema takes several runs")
        msg = "The export was refused."
        raise DataError(msg, [fault])
    if form in {"netcdf", "ema"}:
        runs = [open_run(one) for one in source]
        to_netcdf(runs[0], target) if form == "netcdf" else to_ema(runs, target)
    else:
        scenario = (
            open_run(first).scenario if (first / "manifest.json").is_file() else load_scenario(source[0])
        )
        to_geojson(scenario.world, target) if form == "geojson" else to_graphml(scenario.world, target)
    typer.echo(str(target))
