"""``travesia data``: what is known, whether it is what it says, and how later months are added."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Annotated

import pandas as pd
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from calibration.report_words import column, name_of, phrase
from sim.cli.options import Lang
from sim.cli.words import language_of
from sim.errors import DataError
from sim.messages import problem_told, told
from sim.report.words import number

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
    lang: Lang = None,
) -> None:
    """List the observed series: border, months, nationalities, unit, source, licence."""
    from calibration.observed.load import list_series
    from calibration.observed.tables import licences

    spoken = language_of(lang)
    series = list_series().merge(licences(), on=["table", "series"], how="left")
    if border is not None:
        known = sorted(series["border"].unique())
        if border not in known:
            _refuse(phrase("say_no_series", spoken, border=border, known=", ".join(known)))
        series = series[series["border"].isin([border])]
    if csv:
        typer.echo(series.to_csv(index=False), nl=False)
        return
    rows = [_in_words(row, spoken) for row in series.astype(str).to_dict("records")]
    if _console().width < WIDE_ENOUGH:
        for row in rows:
            about = f"{row['border']}, {row['months']}, {row['kind']}; {row['source']}; {row['licence']}"
            _console().print(f"{escape(row['series'])}\n  {escape(about)}")
        return
    table = Table(
        title=phrase("say_list_title", spoken, n=len(series)),
        header_style="bold",
        box=None,
        padding=(0, 1, 0, 0),
    )
    for name in ("series", "border", "months", "nationalities", "kind", "source", "licence"):
        counted = name == "nationalities"
        table.add_column(
            column(name, spoken),
            justify="right" if counted else "left",
            overflow="fold",
            no_wrap=name == "series",
        )
    for row in rows:
        names = ("series", "border", "months", "nationalities", "kind", "source", "licence")
        table.add_row(*(escape(row[name]) for name in names))
    _console().print(table)


def _in_words(row: Mapping[Hashable, str], lang: str) -> dict[str, str]:
    """A series with its months, kind and licence as a reader is told them."""
    one = row["first"] == row["last"]
    months = row["first"] if one else phrase("say_months", lang, first=row["first"], last=row["last"])
    words = {name: name_of(name, row[name], lang) for name in ("border", "kind", "licence")}
    return {**{str(name): value for name, value in row.items()}, **words, "months": months}


@app.command("verify")
def verify_command(
    folders: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Folders with a datapackage.json; all shipped tables by default.", metavar="FOLDER"
        ),
    ] = None,
    lang: Lang = None,
) -> None:
    """Check hashes, columns, months, gaps, sums and duplicates of the observed and the world tables."""
    from calibration.observed.verify import shipped_packages, verify_package

    spoken = language_of(lang)
    console = _console()
    faults = 0
    for folder in folders or shipped_packages():
        problems = verify_package(folder)
        faults += len(problems)
        sound = f"[green]{phrase('say_sound', spoken)}[/green]"
        verdict = f"[red]{phrase('say_problems', spoken, n=len(problems))}[/red]" if problems else sound
        console.print(f"{escape(str(folder))}: {verdict}", soft_wrap=True)
        for problem in problems:
            console.print(f"  - {escape(problem_told(problem, spoken))}", soft_wrap=True)
    if faults:
        raise typer.Exit(REFUSED)


@app.command("update")
def update_command(
    file: Annotated[
        Path,
        typer.Argument(help="CSV with later months, in the form of the observed tables.", metavar="FILE"),
    ],
    in_place: Annotated[
        bool, typer.Option("--in-place", help="Change the shipped tables, not your own copy.")
    ] = False,
    allow_gaps: Annotated[
        bool, typer.Option("--allow-gaps", help="Accept months that skip over missing ones.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check and show, write nothing.")] = False,
    lang: Lang = None,
) -> None:
    """Add later months: check every row, show every revision of an older figure, write the table."""
    from calibration.observed.update import apply_update, plan_update

    spoken = language_of(lang)
    try:
        plan = plan_update(file, in_place=in_place, allow_gaps=allow_gaps)
        written = [] if dry_run else apply_update(plan)
    except DataError as error:
        _refuse(told(error, spoken))
        return
    console = _console()
    if len(plan.revisions):
        console.print(_revision_table(plan.revisions, spoken))
    console.print(
        phrase(
            "say_updated",
            spoken,
            added=plan.added,
            revised=len(plan.revisions),
            unchanged=plan.unchanged,
            tables=", ".join(sorted(plan.tables)),
        )
    )
    if dry_run:
        console.print(phrase("say_dry_run", spoken))
    for path in written:
        console.print(escape(phrase("say_written", spoken, path=path)), soft_wrap=True)


def _revision_table(revisions: pd.DataFrame, lang: str) -> Table:
    table = Table(title=phrase("table_revisions", lang), header_style="bold")
    for name in ("series", "month", "nationality", "before", "after", "difference", "changed"):
        figure = name in ("before", "after", "difference", "changed")
        table.add_column(column(name, lang), justify="right" if figure else "left")
    for row in revisions.to_dict("records"):
        before, after = float(row["before"]), float(row["after"])
        sign = "+" if after > before else ""
        changed = f"{number(100 * (after - before) / before, lang, 1)} %" if before else ""
        name = f"{row['nationality']} {row['cut']}".strip()
        figures = (
            number(before, lang),
            number(after, lang),
            sign + number(after - before, lang),
            sign + changed if changed else phrase("say_was_zero", lang),
        )
        table.add_row(str(row["series"]), str(row["month"]), escape(name), *figures)
    return table


def _console() -> Console:
    return Console()


def _refuse(message: str) -> None:
    typer.secho(message, err=True)
    raise typer.Exit(REFUSED)
