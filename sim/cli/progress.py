"""A progress bar with the time that remains."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sim.cli.words import reader_language, say, table

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["progress_bar"]


@contextmanager
def progress_bar(console: Console, lang: str | None = None) -> Iterator[Callable[[str, float, float], None]]:
    """Show what is being done.

    Parameters
    ----------
    console : Console
    lang : str, optional
        ``en`` or ``es``; that of the reader if not given.

    Yields
    ------
    callable
        To be called with (what, done, in all).
    """
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    language = lang or reader_language()
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TimeElapsedColumn(),
        TextColumn(say("left", language)),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        tasks = {}

        def report(what: str, done: float, total: float) -> None:
            if what not in tasks:
                told = say(what, language) if what in table() else what
                tasks[what] = progress.add_task(told, total=total)
            progress.update(tasks[what], completed=done, total=total)

        yield report
