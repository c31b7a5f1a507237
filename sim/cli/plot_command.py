"""``travesia plot``: a run folder enters, its figures and the tables they show leave."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["app"]

app = typer.Typer(add_completion=False)

_KINDS = "crossings, map, where, outcomes, policies, needs, coordination, upstream, arrangements, animation; all if none given."


@app.command()
def plot(
    run_dir: Annotated[Path, typer.Argument(help="Run folder.", metavar="RUN_DIR")],
    kinds: Annotated[
        list[str] | None, typer.Argument(help=_KINDS, metavar="[KIND]...", show_default=False)
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder to write to; RUN_DIR/plots if not given.", show_default=False)
    ] = None,
    lang: Annotated[str, typer.Option(help="Language of the labels: en or es.")] = "en",
    ending: Annotated[str, typer.Option("--format", help="png, svg or pdf.")] = "png",
) -> None:
    """Draw the figures of a run folder, each with the table it shows as CSV."""
    from sim.report import plot_all
    from sim.results import open_run

    run = open_run(run_dir)
    for path in plot_all(run, out or run_dir / "plots", kinds or None, lang, ending):
        typer.echo(str(path))
