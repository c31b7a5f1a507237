"""``travesia import``: tables of others enter; a scenario folder and the list of what is left out leave."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sim.cli.options import Lang

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sim.spec import Scenario

__all__ = ["app"]

app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="Turn FLEE files or tables into a scenario."
)

Out = Annotated[Path, typer.Option(help="Folder for scenario.yaml and its tables.")]
Folder = Annotated[Path, typer.Argument(help="Folder of the tables.", metavar="DIR")]


@app.command("flee")
def flee(
    folder: Folder,
    out: Out,
    settings: Annotated[
        Path | None, typer.Option(help="FLEE's settings (simsetting.yml); FLEE's defaults without.")
    ] = None,
    rules: Annotated[str, typer.Option(help="flee or travesia.")] = "flee",
    full_camps: Annotated[
        str, typer.Option(help="avoid: people turn away as camps fill, as in FLEE; wait: they line up.")
    ] = "avoid",
    location_closures: Annotated[
        str,
        typer.Option(
            help="A location closure with two names shuts: pair (their link) or all (as FLEE 3 does)."
        ),
    ] = "pair",
    lang: Lang = None,
) -> None:
    """Import a FLEE case: its tables, settings and observed series."""
    from sim.cli.words import language_of
    from sim.exchange.flee import import_flee

    spoken = language_of(lang)
    done = import_flee(
        folder,
        settings,
        out,
        rules=chosen(rules, "--rules", ("flee", "travesia")),  # type: ignore[arg-type]
        full_camps=chosen(full_camps, "--full-camps", ("avoid", "wait")),  # type: ignore[arg-type]
        location_pairs=chosen(location_closures, "--location-closures", ("pair", "all")) == "pair",
        lang=spoken,
    )
    show(done.scenario, done.left_out, out, spoken)


@app.command("tables")
def tables(folder: Folder, out: Out, lang: Lang = None) -> None:
    """Import a route graph and departures from places.csv, legs.csv and departures.csv."""
    from sim.cli.words import language_of
    from sim.exchange.plain import import_tables

    spoken = language_of(lang)
    done = import_tables(folder, out, lang=spoken)
    show(done.scenario, done.left_out, out, spoken)


def chosen(value: str, option: str, known: tuple[str, ...]) -> str:
    """One of the values an option may have."""
    from sim.errors import Problem, ScenarioError

    if value not in known:
        msg = "The import was refused."
        raise ScenarioError(msg, [Problem(f"it is '{value}'", option, f"one of {', '.join(known)}")])
    return value


def show(scenario: Scenario, left_out: Sequence[str], out: Path, lang: str) -> None:
    """What was made, what was left out, and where both are."""
    from rich.console import Console
    from rich.markup import escape

    from sim.cli.words import say, scenario_line
    from sim.messages import in_language

    console = Console(highlight=False, soft_wrap=True)
    console.print(escape(scenario_line(scenario, lang)))
    if left_out:
        console.print(say("import.left_out", lang))
        for item in left_out:
            console.print(f"  - {escape(in_language(item, lang))}")
    console.print(escape(say("import.written", lang, path=out / "scenario.yaml")))
    console.print(
        escape(f"  travesia run {out / 'scenario.yaml'} --daily --out {say('import.run_dir', lang)}")
    )
