"""``travesia import``: tables of others enter; a scenario folder and the list of what is left out leave."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

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
) -> None:
    """Import a FLEE case: its tables, settings and observed series."""
    from sim.exchange.flee import import_flee

    done = import_flee(
        folder,
        settings,
        out,
        rules=chosen(rules, "--rules", ("flee", "travesia")),  # type: ignore[arg-type]
        full_camps=chosen(full_camps, "--full-camps", ("avoid", "wait")),  # type: ignore[arg-type]
        location_pairs=chosen(location_closures, "--location-closures", ("pair", "all")) == "pair",
    )
    show(done.scenario, done.left_out, out, "import_report.md")


@app.command("tables")
def tables(folder: Folder, out: Out) -> None:
    """Import a route graph and departures from places.csv, legs.csv and departures.csv."""
    from sim.exchange.plain import import_tables

    done = import_tables(folder, out)
    show(done.scenario, done.left_out, out, "import_report.md")


def chosen(value: str, option: str, known: tuple[str, ...]) -> str:
    """One of the values an option may have."""
    from sim.errors import Problem, ScenarioError

    if value not in known:
        msg = "The import was refused."
        raise ScenarioError(msg, [Problem(f"it is '{value}'", option, f"one of {', '.join(known)}")])
    return value


def show(scenario: Scenario, left_out: Sequence[str], out: Path, report: str) -> None:
    """What was made, what was left out, and where both are."""
    from rich.console import Console
    from rich.markup import escape

    console = Console(highlight=False, soft_wrap=True)
    world = scenario.world
    console.print(
        f"{scenario.name}: {len(world.places)} places, {len(world.legs)} legs, {len(scenario.departures)} "
        f"departure "
        f"rows, {len(scenario.policies)} policies, {scenario.window.start} to {scenario.window.end}"
    )
    if left_out:
        console.print("No counterpart, or read in one of several ways:")
        for item in left_out:
            console.print(f"  - {escape(item)}")
    console.print(f"Written to {out / 'scenario.yaml'} (list in {report}); run it with")
    console.print(f"  travesia run {out / 'scenario.yaml'} --daily --out RUN_DIR")
