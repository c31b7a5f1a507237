"""``travesia scenarios``: list, show, check and start scenario files."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

__all__ = ["app"]

app = typer.Typer(add_completion=False, help="List, show, check and start scenario files.")


class Language(StrEnum):
    """Languages of the output."""

    EN = "en"
    ES = "es"


Lang = Annotated[Language, typer.Option(help="Language: en or es.")]
Source = Annotated[str, typer.Argument(help="A name of the library or a YAML file.", metavar="SCENARIO")]

#: Sections longer than this are counted, not printed, unless all is asked for.
_MOST_ROWS = 20
_SAID = {
    "valid": {"en": "valid", "es": "válido"},
    "note": {"en": "note", "es": "nota"},
    "rows": {"en": "rows; --full prints them", "es": "filas; --full las muestra"},
    "wrote": {"en": "wrote", "es": "se escribió"},
    "none": {"en": "The library holds no scenarios.", "es": "La biblioteca no tiene escenarios."},
}


@app.callback(invoke_without_command=True)
def scenarios(context: typer.Context) -> None:
    """List, show, check and start scenario files; alone it lists the library."""
    if context.invoked_subcommand is None:
        list_library()


@app.command("list")
def list_library() -> None:
    """List the library with titles in English and Spanish."""
    from sim.spec.library import library_entries

    entries = library_entries()
    if not entries:
        typer.echo(_SAID["none"]["en"])
    width = max((len(entry.name) for entry in entries), default=0)
    for entry in entries:
        typer.echo(f"{entry.name:{width}}  {entry.title.en}")
        if entry.title.es not in {"", entry.title.en}:
            typer.echo(f"{'':{width}}  {entry.title.es}")


@app.command()
def show(
    scenario: Source,
    full: Annotated[bool, typer.Option("--full", help="Print every row.")] = False,
    figure: Annotated[
        Path | None,
        typer.Option(help="Draw the timeline to this file (.png, .svg, .pdf).", show_default=False),
    ] = None,
    lang: Lang = Language.EN,
) -> None:
    """Print a scenario with all it extends, and what is in force when."""
    from sim.spec import load_scenario
    from sim.spec.timeline import text_timeline

    found = load_scenario(scenario)
    text = found.to_yaml()
    for line in text.splitlines() if full else _shortened(text, lang.value):
        typer.echo(line)
    typer.echo("")
    for line in text_timeline(found, lang.value):
        typer.echo(line)
    if figure is not None:
        _draw(found, figure, lang.value)


@app.command()
def validate(
    files: Annotated[list[str], typer.Argument(help="YAML files or names of the library.", metavar="FILE")],
    lang: Lang = Language.EN,
) -> None:
    """Check scenarios and tell every fault at once; exit code 2 if there is one."""
    from sim.errors import Problem, ScenarioError
    from sim.spec import load_with_notes

    problems: list[Problem] = []
    messages: list[str] = []
    for name in files:
        try:
            found, notes = load_with_notes(name)
        except ScenarioError as error:
            messages.append(error.message)
            problems.extend(error.problems)
            continue
        typer.echo(f"{name}: {_SAID['valid'][lang]} - {found!r}")
        for note in notes:
            typer.echo(f"  {_SAID['note'][lang]}: {note}")
    if messages:
        raise ScenarioError("\n".join(messages), problems)


@app.command()
def new(
    name: Annotated[str, typer.Argument(help="Name of the scenario; NAME.yaml is written.")],
    extends: Annotated[str, typer.Option(help="Scenario it builds on.")] = "history/baseline",
    out: Annotated[Path, typer.Option(help="Folder to write to.")] = Path(),
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    lang: Lang = Language.EN,
) -> None:
    """Write a commented scenario file to start from."""
    from sim.errors import Problem, ScenarioError
    from sim.spec import load_scenario
    from sim.spec.template import template

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
    text = template(name, extends, base.world.legs[0].id, lang.value)
    aside = path.with_suffix(".yaml.part")
    aside.write_text(text, encoding="utf-8")
    aside.replace(path)
    typer.echo(f"{_SAID['wrote'][lang]} {path}")


@app.command()
def schema() -> None:
    """Print the JSON Schema of scenario files, for editors."""
    import json

    from sim.spec.template import json_schema

    typer.echo(json.dumps(json_schema(), indent=2, ensure_ascii=False))


def _shortened(text: str, lang: str) -> list[str]:
    """Lines of a resolved scenario with long sections counted instead of printed."""
    made: list[str] = []
    rows: list[str] = []
    for line in [*text.splitlines(), ""]:
        if line.lstrip().startswith("- "):
            rows.append(line)
            continue
        if len(rows) > _MOST_ROWS:
            made.append(
                f"{rows[0][: len(rows[0]) - len(rows[0].lstrip())]}# {len(rows)} {_SAID['rows'][lang]}"
            )
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
