"""``travesia plot``: a run folder enters, its figures and the tables they show leave."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sim.cli.options import Lang

__all__ = ["app"]

app = typer.Typer(add_completion=False)

_KINDS = "crossings, map, where, outcomes, policies, needs, coordination, upstream, arrangements, animation; all if none given."


@app.command()
def plot(
    run_dir: Annotated[Path, typer.Argument(help="Run folder.", metavar="RUN_DIR")],
    kinds: Annotated[
        list[str] | None, typer.Argument(help=_KINDS, metavar="KIND", show_default=False)
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder to write to; RUN_DIR/plots if not given.", show_default=False)
    ] = None,
    lang: Lang = None,
    ending: Annotated[str, typer.Option("--format", help="png, svg or pdf.")] = "png",
) -> None:
    """Draw the figures of a run folder, each with the table it shows as CSV."""
    from sim.cli.words import language_of
    from sim.report import plot_all
    from sim.results import open_run

    spoken = language_of(lang)
    run = open_run(run_dir)
    for path in plot_all(run, out or run_dir / "plots", kinds or None, spoken, ending):
        typer.echo(str(path))
