"""``travesia brief``: a run folder and a country enter, two pages leave."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sim.cli.options import Lang

__all__ = ["app"]

app = typer.Typer(add_completion=False)


@app.command()
def brief(
    run_dir: Annotated[Path, typer.Argument(help="Run folder.", metavar="RUN_DIR")],
    country: Annotated[
        str, typer.Option(help="Country by its ISO 3166 code (PAN), or ALL for the regional brief.")
    ] = "ALL",
    lang: Lang = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="File to write, .pdf or .html; in the run folder if not given.", show_default=False
        ),
    ] = None,
    month: Annotated[
        str | None, typer.Option(help="Month, as 2023-08; the last one if not given.", show_default=False)
    ] = None,
    beside: Annotated[
        list[Path] | None,
        typer.Option(
            help="Another run folder to show side by side; up to two, best with the same seed.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Write the two-page brief for one country, or for the region."""
    from sim.cli.words import language_of
    from sim.report import brief as write
    from sim.results import open_run

    spoken = language_of(lang)
    others = [open_run(folder) for folder in beside or ()]
    pages = write(open_run(run_dir), country, spoken, month=month, beside=others)
    typer.echo(str(pages.save(out or run_dir / f"brief_{pages.country}_{spoken}.pdf")))
