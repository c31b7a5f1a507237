"""``travesia doctor``: what enters is this machine, what leaves is a table of findings and advice."""

from __future__ import annotations

import typer

from sim.cli.health import Finding, findings, worst

__all__ = ["app"]

app = typer.Typer(add_completion=False)

_MARKS = {"ok": "[green]ok[/]", "warning": "[yellow]warning[/]", "fault": "[red]fault[/]"}
_CLOSING = {
    "ok": "All well.",
    "warning": "Travesía works here; see the warnings.",
    "fault": "Travesía will not work here until the faults are put right.",
}


@app.command()
def doctor() -> None:
    """Check this machine and say what to do about each problem."""
    found = list(findings())
    _show(found)
    if worst(found) == "fault":
        raise typer.Exit(1)


def _show(found: list[Finding]) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, pad_edge=False, show_header=False)
    for finding in found:
        text = escape(finding.found) + (f"\n-> {escape(finding.advice)}" if finding.advice else "")
        table.add_row(_MARKS[finding.state], finding.subject, text)
    console = Console(highlight=False)
    console.print(table)
    console.print(_CLOSING[worst(found)])
