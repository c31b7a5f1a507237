"""``travesia app``: a folder of runs enters, a page on 127.0.0.1 leaves, until it is stopped with Ctrl-C."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sim.cli.options import Lang

__all__ = ["app"]

app = typer.Typer(add_completion=False)


@app.command()
def serve(
    port: Annotated[
        int, typer.Option(help="Port on 127.0.0.1; 0 takes a free one.", min=0, max=65535)
    ] = 8050,
    browser: Annotated[bool, typer.Option(help="Open a browser on it.")] = True,
    runs: Annotated[Path, typer.Option(help="Folder of runs; the app reads and writes nowhere else.")] = Path(
        "runs"
    ),
    processes: Annotated[int, typer.Option(help="Full runs at once.", min=1)] = 1,
    lang: Lang = None,
) -> None:
    """Open the local web app; nothing leaves this machine."""
    from sim.app.serve import open_page, start
    from sim.cli.words import language_of, say

    spoken = language_of(lang)
    running = start(runs, port=port, processes=processes)
    address = f"{running.address}{spoken}/"
    typer.echo(say("app.at", spoken, address=address))
    if browser:
        open_page(address)
    running.wait()
