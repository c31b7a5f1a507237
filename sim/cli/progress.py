"""A progress bar with the time that remains."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["progress_bar"]

_WORDS = {
    "compile": "Preparing the kernels (compiled once for each version)",
    "days": "Running the days",
    "workers": "Starting the workers",
    "replicates": "Running the replicates",
    "tables": "Writing tables",
    "figures": "Drawing figures",
}


@contextmanager
def progress_bar(console: Console) -> Iterator[Callable[[str, float, float], None]]:
    """Show what is being done.

    Yields
    ------
    callable
        To be called with (what, done, in all).
    """
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        tasks = {}

        def report(what: str, done: float, total: float) -> None:
            if what not in tasks:
                tasks[what] = progress.add_task(_WORDS.get(what, what), total=total)
            progress.update(tasks[what], completed=done, total=total)

        yield report
