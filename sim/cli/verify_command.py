"""``travesia verify``: a run folder enters; what is wrong with it, or that it is whole, leaves."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["app"]

app = typer.Typer(add_completion=False)


@app.command()
def verify(
    run_dir: Annotated[Path, typer.Argument(help="Run folder.", metavar="RUN_DIR")],
) -> None:
    """Check a run folder: hashes, tables, completeness, conservation of people."""
    from rich.console import Console

    from sim.cli.progress import progress_bar
    from sim.errors import DataError
    from sim.results.verify import verify as verified

    with progress_bar(Console(highlight=False, stderr=True)) as report:
        found = verified(run_dir, report)
    if found.problems:
        many = len(found.problems)
        told = "is partial" if found.partial else f"has {many} fault{'s' if many != 1 else ''}"
        message = f"The run folder {run_dir} {told}:"
        raise DataError(message, found.problems)
    rows = ", ".join(f"{name} {count:,} rows" for name, count in found.facts["rows"].items())
    typer.echo(f"{run_dir} is whole: {found.facts['replicates']} replicate(s), {rows}.")
    typer.echo(
        "Every file has its recorded hash, every table its columns, and people add up in every replicate."
    )
    typer.echo(f"result_hash {found.facts['result_hash']}")
