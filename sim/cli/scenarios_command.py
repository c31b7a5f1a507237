"""``travesia scenarios``: list, show, check and start scenario files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sim.cli.options import Lang

__all__ = ["app"]

app = typer.Typer(add_completion=False, help="List, show, check and start scenario files.")


Source = Annotated[str, typer.Argument(help="A name of the library or a YAML file.", metavar="SCENARIO")]

#: Sections longer than this are counted, not printed, unless all is asked for.
_MOST_ROWS = 20


@app.callback(invoke_without_command=True)
def scenarios(context: typer.Context) -> None:
    """List, show, check and start scenario files; alone it lists the library."""
    if context.invoked_subcommand is None:
        list_library()


@app.command("list")
def list_library(lang: Lang = None) -> None:
    """List the library: name and title of every scenario."""
    from sim.cli.words import language_of, say
    from sim.spec.library import library_entries

    spoken = language_of(lang)
    entries = library_entries()
    if not entries:
        typer.echo(say("scenarios.none", spoken))
    width = max((len(entry.name) for entry in entries), default=0)
    for entry in entries:
        typer.echo(f"{entry.name:{width}}  {entry.title.in_language(spoken)}")


@app.command()
def show(
    scenario: Source,
    full: Annotated[bool, typer.Option("--full", help="Print every row.")] = False,
    figure: Annotated[
        Path | None,
        typer.Option(help="Draw the timeline to this file (.png, .svg, .pdf).", show_default=False),
    ] = None,
    lang: Lang = None,
) -> None:
    """Print a scenario with all it extends, and what is in force when."""
    from sim.cli.words import language_of
    from sim.spec import load_scenario
    from sim.spec.timeline import text_timeline

    spoken = language_of(lang)
    found = load_scenario(scenario)
    text = found.to_yaml()
    for line in text.splitlines() if full else _shortened(text, spoken):
        typer.echo(line)
    typer.echo("")
    for line in text_timeline(found, spoken):
        typer.echo(line)
    if figure is not None:
        _draw(found, figure, spoken)


@app.command()
def validate(
    files: Annotated[list[str], typer.Argument(help="YAML files or names of the library.", metavar="FILE")],
    lang: Lang = None,
) -> None:
    """Check scenarios and tell every fault at once; exit code 2 if there is one."""
    from sim.cli.words import language_of, say, scenario_line
    from sim.errors import Problem, ScenarioError
    from sim.messages import problem_told
    from sim.spec import load_with_notes

    spoken = language_of(lang)
    problems: list[Problem] = []
    messages: list[str] = []
    for name in files:
        try:
            found, notes = load_with_notes(name)
        except ScenarioError as error:
            messages.append(error.message)
            problems.extend(error.problems)
            continue
        typer.echo(f"{name}: {say('scenarios.valid', spoken)} - {scenario_line(found, spoken)}")
        for note in notes:
            typer.echo(f"  {say('scenarios.note', spoken, text=problem_told(note, spoken))}")
    if messages:
        raise ScenarioError("\n".join(messages), problems)


@app.command()
def new(
    name: Annotated[str, typer.Argument(help="Name of the scenario; NAME.yaml is written.", metavar="NAME")],
    extends: Annotated[str, typer.Option(help="Scenario it builds on.")] = "history/baseline",
    out: Annotated[Path, typer.Option(help="Folder to write to.")] = Path(),
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    lang: Lang = None,
) -> None:
    """Write a commented scenario file to start from."""
    from sim.cli.words import language_of, say
    from sim.errors import Problem, ScenarioError
    from sim.spec import load_scenario
    from sim.spec.template import template

    spoken = language_of(lang)
    name = name.removesuffix(".yaml")
    if not name.replace("_", "").replace("-", "").isalnum():
        message = "The file cannot be written"
        raise ScenarioError(message, [Problem(f"the name is '{name}'", "", "letters, digits, '_' and '-'")])
    path = out / f"{name}.yaml"
    if path.exists() and not force:
        message = "The file cannot be written"
        raise ScenarioError(
            message, [Problem("it is there already", str(path), "another name", "or --force")]
        )
    base = load_scenario(extends)
    text = template(name, extends, base.world.legs[0].id, spoken)
    aside = path.with_suffix(".yaml.part")
    aside.write_text(text, encoding="utf-8")
    aside.replace(path)
    typer.echo(say("written", spoken, path=path))


@app.command()
def schema() -> None:
    """Print the JSON Schema of scenario files, for editors."""
    import json

    from sim.spec.template import json_schema

    typer.echo(json.dumps(json_schema(), indent=2, ensure_ascii=False))


def _shortened(text: str, lang: str) -> list[str]:
    """Lines of a resolved scenario with long sections counted instead of printed."""
    from sim.cli.words import count, say

    made: list[str] = []
    rows: list[str] = []
    for line in [*text.splitlines(), ""]:
        if line.lstrip().startswith("- "):
            rows.append(line)
            continue
        if len(rows) > _MOST_ROWS:
            indent = rows[0][: len(rows[0]) - len(rows[0].lstrip())]
            made.append(f"{indent}# {say('scenarios.rows', lang, n=count(len(rows), lang))}")
        else:
            made.extend(rows)
        rows = []
        made.append(line)
    return made[:-1]


def _draw(scenario: object, path: Path, lang: str) -> None:
    """Draw the timeline of a scenario that has not run."""
    from importlib.metadata import version
    from types import SimpleNamespace
    from typing import Any, cast

    from sim.report import policy_timeline, save

    manifest = {"version": version("travesia"), "seed": "-"}
    unrun = cast("Any", SimpleNamespace(scenario=scenario, manifest=manifest, replicates=1))
    drawing, _ = policy_timeline(unrun, lang)
    typer.echo(str(save(drawing, path, unrun)))
