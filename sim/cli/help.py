"""Help in the reader's language: a command as typer built it enters, the same in plain letters and in Spanish leaves.

The English of a help text stands in the code, beside what it explains; its Spanish in the table `help.csv` (en, es).
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.resources import files
from typing import Any, Final

import typer
from typer.core import TyperGroup

__all__ = ["in_words", "prepared", "table", "texts"]

_NOTES: Final = re.compile(r"(?P<text>.*?)(?P<gap>\s*)\[(?P<notes>[^\[\]]+)\]", re.DOTALL)
"""What typer puts behind a text: ``Port.  [default: 8050; 0<=x<=65535]``."""
_KIND: Final = re.compile(r"<[a-z ]+>")
"""The kind of a value: ``<int range>``."""


@cache
def table() -> dict[str, str]:
    """Spanish of every text of the help by its English."""
    with files("sim.cli").joinpath("help.csv").open(encoding="utf-8") as stream:
        return {row["en"]: row["es"] for row in csv.DictReader(stream)}


def in_words(text: str, lang: str) -> str:
    """A text of the help in a language; one that the table does not know stays as it is.

    Parameters
    ----------
    text : str
        As it stands in the code.
    lang : str
        ``en`` or ``es``.

    Returns
    -------
    str
    """
    return table().get(text, text) if lang == "es" else text


def texts(command: Any) -> Iterator[tuple[Any, str, str]]:  # noqa: ANN401 - typer keeps its command type private
    """Every text that the help of a command and of its subcommands shows.

    Parameters
    ----------
    command : command
        As typer built it.

    Yields
    ------
    holder, attribute, text
        The command or parameter, the name under which it holds the text, and the English text.
    """
    for name in ("help", "short_help", "epilog"):
        if text := getattr(command, name, None):
            yield command, name, text
    for param in command.params:
        for name in ("help", "metavar"):
            if text := getattr(param, name, None):
                yield param, name, text
    for under in getattr(command, "commands", {}).values():
        yield from texts(under)


def prepared(command: Any, lang: str) -> Any:  # noqa: ANN401 - typer keeps its command type private
    """A command whose help is plain, whole and in the reader's language.

    Parameters
    ----------
    command : command
        As typer built it; it is changed.
    lang : str
        ``en`` or ``es``.

    Returns
    -------
    command
        The same.
    """
    _plain(command, lang)
    for holder, name, text in list(texts(command)) if lang == "es" else ():
        setattr(holder, name, in_words(text, lang))
    return command


def _plain(command: Any, lang: str) -> None:  # noqa: ANN401 - typer keeps its command type private
    """Plain letters appear in half the time, and read well aloud."""
    command.rich_markup_mode = None
    if lang == "es":
        command.context_class = _SpanishContext
        command.options_metavar = in_words(command.options_metavar or "", lang)
    if not isinstance(command, TyperGroup):
        return
    command.subcommand_metavar = in_words(command.subcommand_metavar or "", lang)
    for under in command.commands.values():
        under.short_help = under.short_help or under.help  # typer would cut a long line
        _plain(under, lang)


# Typer carries a copy of click inside, whose formatter it exports under no name: what it formats with is asked of its context.
class _SpanishFormatter(typer.Context.formatter_class):  # type: ignore[valid-type,misc] # a class held by a class
    """The words that typer itself puts between the texts."""

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        super().write_usage(prog, args, in_words(prefix or "Usage: ", "es"))

    def write_heading(self, heading: str) -> None:
        super().write_heading(in_words(heading, "es"))

    def write_dl(self, rows: Sequence[tuple[str, str]], col_max: int = 30, col_spacing: int = 2) -> None:
        made = [
            (_KIND.sub(lambda kind: in_words(kind.group(), "es"), name), _noted(text)) for name, text in rows
        ]
        super().write_dl(made, col_max, col_spacing)


def _noted(text: str) -> str:
    """A text whose notes on default, range and need are in Spanish."""
    found = _NOTES.fullmatch(in_words(text, "es"))
    if found is None:
        return in_words(text, "es")
    notes = "; ".join(map(_note, found["notes"].split("; ")))
    return f"{found['text']}{found['gap']}[{notes}]"


def _note(note: str) -> str:
    what, colon, value = note.partition(": ")
    return f"{in_words(what, 'es')}{colon}{in_words(value, 'es')}"


class _SpanishContext(typer.Context):
    """A call whose help speaks Spanish."""

    formatter_class = _SpanishFormatter
