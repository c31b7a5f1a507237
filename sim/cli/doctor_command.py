"""``travesia doctor``: what enters is this machine, what leaves is a table of findings and advice."""

from __future__ import annotations

import re

import typer

from sim.cli.health import Finding, findings, worst
from sim.cli.options import Lang

__all__ = ["app"]

app = typer.Typer(add_completion=False)

_MEASURE = re.compile(r"(\d)\.(\d+)(?= (?:GB|MB|s)\b)")
"""A number with decimals and its unit, which a version has not."""
_COLOURS = {"ok": "green", "warning": "yellow", "fault": "red"}


@app.command()
def doctor(lang: Lang = None) -> None:
    """Check this machine and say what to do about each problem."""
    from sim.cli.words import language_of

    spoken = language_of(lang)
    found = list(findings())
    _show(found, spoken)
    if worst(found) == "fault":
        raise typer.Exit(1)


def _show(found: list[Finding], lang: str) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from sim.cli.words import say
    from sim.messages import in_language

    table = Table(box=None, pad_edge=False, show_header=False)
    for finding in found:
        told = "; ".join(in_language(part, lang) for part in finding.found.split("; "))
        text = escape(_MEASURE.sub(r"\1,\2", told) if lang == "es" else told)
        text += f"\n-> {escape(in_language(finding.advice, lang))}" if finding.advice else ""
        mark = f"[{_COLOURS[finding.state]}]{say(f'mark.{finding.state}', lang)}[/]"
        table.add_row(mark, in_language(finding.subject, lang), text)
    console = Console(highlight=False)
    console.print(table)
    console.print(say(f"doctor.{worst(found)}", lang))
