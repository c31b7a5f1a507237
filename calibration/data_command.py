"""``travesia data``: what is known, whether it is what it says, and how later months are added."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import pandas as pd
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from sim.cli.words import reader_language
from sim.errors import DataError
from sim.messages import told

__all__ = ["app"]

app = typer.Typer(help="Observed series: list, verify, update.", no_args_is_help=True)

WIDE_ENOUGH = 150
"""Columns of a terminal in which sources and licences can be read beside the series."""
REFUSED = 2
"""Exit code for input that was refused."""


@app.command("list")
def list_command(
    border: Annotated[str | None, typer.Option(help="Only series counted there, for example darien.")] = None,
    csv: Annotated[bool, typer.Option("--csv", help="Write plain CSV instead of a table.")] = False,
) -> None:
    """List the observed series: border, months, nationalities, unit, source, licence."""
    from calibration.observed.load import list_series
    from calibration.observed.tables import licences

    series = list_series().merge(licences(), on=["table", "series"], how="left")
    if border is not None:
        known = sorted(series["border"].unique())
        if border not in known:
            _refuse(f"No series is counted at {border!r}; borders are {', '.join(known)}.")
        series = series[series["border"].isin([border])]
    if csv:
        typer.echo(series.to_csv(index=False), nl=False)
        return
    rows = [
        {**row, "months": row["first"] if row["first"] == row["last"] else f"{row['first']} to {row['last']}"}
        for row in series.astype(str).to_dict("records")
    ]
    if _console().width < WIDE_ENOUGH:
        for row in rows:
            told = f"{row['border']}, {row['months']}, {row['kind']}; {row['source']}; {row['licence']}"
            _console().print(f"{escape(row['series'])}\n  {escape(told)}")
        return
    table = Table(
        title=f"Observed series ({len(series)})", header_style="bold", box=None, padding=(0, 1, 0, 0)
    )
    for name in ("series", "border", "months", "nationalities", "kind", "source", "licence"):
        number = name == "nationalities"
        table.add_column(
            name, justify="right" if number else "left", overflow="fold", no_wrap=name == "series"
        )
    for row in rows:
        names = ("series", "border", "months", "nationalities", "kind", "source", "licence")
        table.add_row(*(escape(row[name]) for name in names))
    _console().print(table)


@app.command("verify")
def verify_command(
    folders: Annotated[
        list[Path] | None,
        typer.Argument(help="Folders with a datapackage.json; all shipped tables by default."),
    ] = None,
) -> None:
    """Check hashes, columns, months, gaps, sums and duplicates of the observed and the world tables."""
    from calibration.observed.verify import shipped_packages, verify_package

    console = _console()
    faults = 0
    for folder in folders or shipped_packages():
        problems = verify_package(folder)
        faults += len(problems)
        verdict = "[green]sound[/green]" if not problems else f"[red]{len(problems)} problem(s)[/red]"
        console.print(f"{escape(str(folder))}: {verdict}", soft_wrap=True)
        for problem in problems:
            console.print(f"  - {escape(str(problem))}", soft_wrap=True)
    if faults:
        raise typer.Exit(REFUSED)


@app.command("update")
def update_command(
    file: Annotated[Path, typer.Argument(help="CSV with later months, in the form of the observed tables.")],
    in_place: Annotated[
        bool, typer.Option("--in-place", help="Change the shipped tables, not your own copy.")
    ] = False,
    allow_gaps: Annotated[
        bool, typer.Option("--allow-gaps", help="Accept months that skip over missing ones.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check and show, write nothing.")] = False,
) -> None:
    """Add later months: check every row, show every revision of an older figure, write the table."""
    from calibration.observed.update import apply_update, plan_update

    try:
        plan = plan_update(file, in_place=in_place, allow_gaps=allow_gaps)
        written = [] if dry_run else apply_update(plan)
    except DataError as error:
        _refuse(told(error, reader_language()))
        return
    console = _console()
    if len(plan.revisions):
        console.print(_revision_table(plan.revisions))
    console.print(
        f"{plan.added} new, {len(plan.revisions)} revised, {plan.unchanged} unchanged "
        f"in {', '.join(sorted(plan.tables))}."
    )
    if dry_run:
        console.print("Nothing was written (--dry-run).")
    for path in written:
        console.print(f"wrote {escape(str(path))}", soft_wrap=True)


def _revision_table(revisions: pd.DataFrame) -> Table:
    table = Table(title="Revised figures", header_style="bold")
    for name in ("series", "month", "nationality", "before", "after", "difference", "change"):
        table.add_column(
            name, justify="right" if name in ("before", "after", "difference", "change") else "left"
        )
    for row in revisions.to_dict("records"):
        before, after = float(row["before"]), float(row["after"])
        change = f"{100 * (after - before) / before:+.1f} %" if before else "was zero"
        name = f"{row['nationality']} {row['cut']}".strip()
        figures = (f"{before:,.0f}", f"{after:,.0f}", f"{after - before:+,.0f}", change)
        table.add_row(str(row["series"]), str(row["month"]), escape(name), *figures)
    return table


def _console() -> Console:
    return Console()


def _refuse(message: str) -> None:
    typer.secho(message, err=True)
    raise typer.Exit(REFUSED)
