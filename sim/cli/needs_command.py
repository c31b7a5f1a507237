"""``travesia needs``: a run folder enters, what each country needs leaves as a workbook, CSV or Parquet."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sim.cli.options import Lang

__all__ = ["app"]

app = typer.Typer(add_completion=False)


@app.command()
def needs(
    run_dir: Annotated[Path, typer.Argument(help="Run folder.", metavar="RUN_DIR")],
    lang: Lang = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="File to write, .xlsx, .csv or .parquet; all of them in RUN_DIR/needs if not given.",
            show_default=False,
        ),
    ] = None,
    country: Annotated[
        str | None,
        typer.Option(help="Country by its ISO 3166 code (PAN); all if not given.", show_default=False),
    ] = None,
    funding: Annotated[
        str | None,
        typer.Option(
            help="Funding: 2019, 2023, 2025, or a share from 0 to 1; all three if not given.",
            show_default=False,
        ),
    ] = None,
    arrangement: Annotated[
        str, typer.Option(help="Coordination: today, national_platforms or single_structure.")
    ] = "today",
    hxl: Annotated[bool, typer.Option("--hxl", help="Add a row of HXL tags under the CSV header.")] = False,
    standards: Annotated[
        Path | None,
        typer.Option(
            help="CSV with your own standards (id, middle, low, high, country, source).", show_default=False
        ),
    ] = None,
) -> None:
    """Write what each country needs: people, resources, money, gaps and duplications."""
    from sim.cli.words import language_of
    from sim.errors import DataError
    from sim.needs import estimate
    from sim.needs.export import write_csv
    from sim.results import open_run

    endings = {".xlsx", ".csv", ".parquet"}
    if out is not None and out.suffix.lower() not in endings:
        msg = f"cannot write {out.name}: expected a file that ends in {', '.join(sorted(endings))}"
        raise DataError(msg)
    found = estimate(
        open_run(run_dir),
        country=country,
        lang=language_of(lang),
        standards=standards,
        arrangement=arrangement,
        funding=funding,
    )
    if out is None:
        written = found.to_folder(run_dir / "needs", hxl=hxl)
    elif out.suffix.lower() == ".xlsx":
        written = found.to_excel(out)
    elif out.suffix.lower() == ".csv":
        written = write_csv(found.table, out, hxl=hxl)
    else:
        written = found.to_parquet(out)
    typer.echo(str(written))
