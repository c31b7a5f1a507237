"""``travesia verify``: a run folder or a shared file enters; what is wrong with it, or that it is whole, leaves."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sim.cli.options import Lang

__all__ = ["app"]

app = typer.Typer(add_completion=False)


@app.command()
def verify(
    run_dir: Annotated[
        Path | None, typer.Argument(help="Run folder.", metavar="RUN_DIR", show_default=False)
    ] = None,
    share: Annotated[
        Path | None,
        typer.Option(
            help="Instead: a file that the app shares; it is run again and compared.", show_default=False
        ),
    ] = None,
    lang: Lang = None,
) -> None:
    """Check a run folder: hashes, tables, completeness, conservation of people; or confirm a shared run."""
    from sim.cli.words import language_of
    from sim.errors import DataError, Problem

    spoken = language_of(lang)
    if (run_dir is None) == (share is None):
        message = "Nothing was checked."
        raise DataError(
            message, [Problem("one thing to check is needed", "", "a run folder, or --share FILE")]
        )
    if share is not None:
        _confirm(share, spoken)
    elif run_dir is not None:
        _check(run_dir, spoken)


def _check(run_dir: Path, lang: str) -> None:
    from rich.console import Console

    from sim.cli.progress import progress_bar
    from sim.cli.words import count, say
    from sim.errors import DataError
    from sim.results.verify import verify as verified

    with progress_bar(Console(highlight=False, stderr=True), lang) as report:
        found = verified(run_dir, report)
    if found.problems:
        many = len(found.problems)
        message = f"The run folder {run_dir} has {many} fault{'s' if many != 1 else ''}:"
        if found.partial:
            message = f"The run folder {run_dir} is partial:"
        raise DataError(message, found.problems)
    rows = ", ".join(
        say("verify.rows", lang, name=name, n=count(n, lang)) for name, n in found.facts["rows"].items()
    )
    many = int(found.facts["replicates"])
    whole = "verify.whole.one" if many == 1 else "verify.whole.many"
    typer.echo(say(whole, lang, path=run_dir, n=many, rows=rows))
    typer.echo(say("verify.hashes", lang))
    typer.echo(f"result_hash {found.facts['result_hash']}")


_DIFFERS = {
    "version": "it was made by another version of Travesía",
    "data": "its shipped data are not those here",
    "scenario": "its scenario, once read, is not the same",
}


def _confirm(share: Path, lang: str) -> None:
    from rich.console import Console

    from sim.app.service.share import confirm, read_share
    from sim.cli.progress import progress_bar
    from sim.cli.words import say
    from sim.errors import DataError, Problem
    from sim.messages import in_language
    from sim.spec.reading import read_text

    content = read_share(read_text(share), share.name)
    with progress_bar(Console(highlight=False, stderr=True), lang) as report:
        found = confirm(content, report)
    why = [_DIFFERS[name] for name in found["differs"]]
    if not found["same"]:
        problem = Problem(
            f"the tables hash to {found['result_hash'][:12]}... here",
            share.name,
            f"{str(found['shared_hash'])[:12]}... as shared",
            "; ".join(why) or "same version, data and scenario: please report it",
        )
        message = "The shared run is not confirmed."
        raise DataError(message, [problem])
    typer.echo(say("verify.same", lang, scenario=found["scenario"]))
    for text in why:
        typer.echo(say("verify.note", lang, text=in_language(text, lang)))
    typer.echo(f"result_hash {found['result_hash']}")
