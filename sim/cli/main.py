"""The command ``travesia``: finds a command, runs it, and turns every fault into a message and an exit code.

Nothing heavy is imported here: help must appear at once, so a command's module is imported when it is called.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperCommand, TyperGroup
from typer.exceptions import TyperException

from sim.cli.help import in_words, prepared
from sim.cli.registry import Listing, available, load
from sim.cli.words import reader_language
from sim.errors import CalibrationError, DataError, RunError, ScenarioError, TravesiaError

__all__ = ["DONE", "FAILED", "INTERRUPTED", "REFUSED", "call", "exit_code", "main"]

DONE, FAILED, REFUSED, INTERRUPTED = 0, 1, 2, 130

_EPILOG = "Exit codes: 0 done, 1 failed while running, 2 refused input, 130 interrupted."

_app = typer.Typer(
    name="travesia",
    help="Simulate mixed movements in the Americas, for protection and assistance planning.",
    epilog=_EPILOG,
    no_args_is_help=True,
    rich_markup_mode=None,  # plain help appears in half the time, and reads well aloud
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


class _LateCommand(TyperCommand):
    """A command that is known by name and one line of help; the real one is imported when it is called."""

    def __init__(self, name: str, listing: Listing, lang: str) -> None:
        panel = in_words(listing.panel, lang)
        super().__init__(name, help=listing.help, rich_help_panel=panel, add_help_option=False)
        self.target, self.lang = listing.target, lang

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: Any = None,  # noqa: ANN401 - typer keeps its context type private
        **extra: Any,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401
        real = prepared(load(self.name or "", self.target), self.lang)
        return real.make_context(info_name, args, parent=parent, **extra)


class _Commands(TyperGroup):
    """The group that lists the commands under their headings."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401 - types that typer keeps private
        panels: dict[str, list[tuple[str, str]]] = {}
        for name in self.list_commands(ctx):
            command = self.commands[name]
            panel = str(getattr(command, "rich_help_panel", None) or "Commands")
            panels.setdefault(panel, []).append((name, command.get_short_help_str()))
        width = max((len(name) for name in self.commands), default=0)
        for panel, rows in panels.items():
            with formatter.section(panel):
                formatter.write_dl([(name.ljust(width), line) for name, line in rows])


def _installed_version() -> str:
    try:
        return version("travesia")
    except PackageNotFoundError:
        return "unknown (not installed; run 'make install')"


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"travesia {_installed_version()}")
        raise typer.Exit(DONE)


def _log_to_stderr(verbosity: int) -> None:
    if verbosity:
        import logging

        level = logging.INFO if verbosity == 1 else logging.DEBUG
        logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")


@_app.callback(cls=_Commands)
def _travesia(
    show_version: Annotated[
        bool,
        typer.Option("--version", help="Show the version and stop.", callback=_show_version, is_eager=True),
    ] = False,
    verbose: Annotated[
        int,
        typer.Option(
            "--verbose",
            "-v",
            count=True,
            show_default=False,
            help="Say more while running; twice for everything.",
        ),
    ] = 0,
) -> None:
    _log_to_stderr(verbose)


def _group(lang: str) -> TyperGroup:
    group = typer.main.get_command(_app)
    if not isinstance(group, TyperGroup):  # pragma: no cover - a callback makes it a group
        unlikely = "typer built no group"
        raise TypeError(unlikely)
    group.commands.update({name: _LateCommand(name, listing, lang) for name, listing in available().items()})
    prepared(group, lang)
    return group


def exit_code(error: BaseException) -> int:
    """Exit code for an error that ended a command.

    Parameters
    ----------
    error : BaseException
        What was raised.

    Returns
    -------
    int
        2 for refused input, 130 for an interruption or what was raised from one, else 1.
    """
    if isinstance(error, KeyboardInterrupt) or isinstance(error.__cause__, KeyboardInterrupt):
        return INTERRUPTED
    refused = isinstance(error, ScenarioError | DataError | CalibrationError)
    if refused or (isinstance(error, RunError) and error.refused):
        return REFUSED
    return FAILED


def _explain(error: BaseException) -> str:
    if isinstance(error, KeyboardInterrupt):
        return "Interrupted."
    if isinstance(error, MemoryError):
        return "Out of memory: run with a smaller --scale, fewer --replicates or fewer workers."
    if isinstance(error, OSError) and error.strerror:
        where = f": {error.filename}" if error.filename else ""
        return f"The system refused: {error.strerror}{where}"
    return (
        f"Travesía failed on a fault of its own, {type(error).__name__}: {error}\n"
        "Run the command again with TRAVESIA_DEBUG=1 to see where, and please report it with that text."
    )


def _report(error: BaseException, arguments: Sequence[str] | None = None) -> int:
    from sim.messages import in_language, told

    if os.environ.get("TRAVESIA_DEBUG", "") not in {"", "0"}:
        traceback.print_exception(error)
    lang = reader_language(arguments)
    text = told(error, lang) if isinstance(error, TravesiaError) else in_language(_explain(error), lang)
    typer.echo(text, err=True)
    return exit_code(error)


def call(arguments: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code; nothing but the exit code leaves.

    Parameters
    ----------
    arguments : sequence of str, optional
        Words after ``travesia``; those of the process if not given.

    Returns
    -------
    int
        0 done, 1 failed while running, 2 refused input, 130 interrupted.
    """
    try:
        code = _group(reader_language(arguments)).main(
            args=arguments, prog_name="travesia", standalone_mode=False
        )
    except (
        TyperException
    ) as fault:  # a word of the command line that is missing, unknown or of the wrong kind
        return _misused(fault, arguments)
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else DONE if stop.code is None else FAILED
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - the one place where every fault ends
        return _report(error, arguments)
    if code == INTERRUPTED:
        return _report(KeyboardInterrupt(), arguments)
    return code if isinstance(code, int) else DONE


def _misused(fault: TyperException, arguments: Sequence[str] | None) -> int:
    """Say how a command is called, and what was wrong with the call."""
    from sim.cli.words import say
    from sim.messages import in_language

    lang = reader_language(arguments)
    if type(fault).__name__ == "NoArgsIsHelpError":  # its message is the help; typer exports it under no name
        typer.echo(fault.format_message(), err=True)
        return fault.exit_code
    context: Any = getattr(fault, "ctx", None)
    if context is not None:
        usage = str(context.get_usage()).partition(":")[2].strip()
        typer.echo(say("usage", lang, usage=usage), err=True)
        typer.echo(say("usage.help", lang, command=context.command_path), err=True)
    typer.echo(say("usage.error", lang, text=in_language(fault.format_message(), lang)), err=True)
    return fault.exit_code


def main() -> NoReturn:
    """Entry point of the console command."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a terminal that lacks a letter shows '?', never a traceback
            stream.reconfigure(errors="replace")
    raise SystemExit(call())


if __name__ == "__main__":
    main()
