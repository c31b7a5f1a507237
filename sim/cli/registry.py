"""Which commands there are and where their code lives, without importing any of it.

A command is a module that exports ``app``, a `typer.Typer`. Commands of this package stand in `COMMANDS`
with their module; those of other packages are found through the entry point group ``travesia.commands`` and
need a line here only for their one-line help. A command whose module is missing is not listed.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec

import typer
from typer.core import TyperCommand, TyperGroup

from sim.errors import RunError

__all__ = ["COMMANDS", "ENTRY_POINT_GROUP", "Command", "Listing", "available", "load"]

ENTRY_POINT_GROUP = "travesia.commands"

type Command = TyperCommand | TyperGroup

_RUN = "Scenarios and runs"
_NEEDS = "Needs and reports"
_FIT = "Calibration and forecasts"
_CHECK = "Data, exchange and checks"


@dataclass(frozen=True)
class Listing:
    """One command as the help lists it.

    Parameters
    ----------
    help : str
        One line.
    panel : str
        Heading under which the help shows it.
    target : str
        ``module:attribute`` of its `typer.Typer`; empty while only an entry point can give it.
    """

    help: str
    panel: str = "Further commands"
    target: str = ""


COMMANDS: dict[str, Listing] = {
    "scenarios": Listing(
        "List, show, check and start scenario files.", _RUN, "sim.cli.scenarios_command:app"
    ),
    "run": Listing("Run a scenario and write its run folder.", _RUN, "sim.cli.run_command:app"),
    "compare": Listing(
        "Run scenarios with the same luck and show what differs.", _RUN, "sim.cli.compare_command:app"
    ),
    "plot": Listing("Draw the figures of a run folder.", _NEEDS, "sim.cli.plot_command:app"),
    "needs": Listing("What each country needs, as a workbook or CSV.", _NEEDS, "sim.cli.needs_command:app"),
    "brief": Listing("The two-page brief for one country.", _NEEDS, "sim.cli.brief_command:app"),
    "app": Listing("Open the local web app.", _NEEDS, "sim.cli.app_command:app"),
    "calibrate": Listing("Fit parameters to the observed crossings.", _FIT),
    "forecast": Listing("Forecast crossings from a given month, with intervals.", _FIT),
    "score": Listing("Score a forecast against what happened.", _FIT),
    "sensitivity": Listing("Which parameters move the results.", _FIT),
    "data": Listing("List, check and update the observed series.", _CHECK),
    "import": Listing("Turn FLEE files or tables into a scenario.", _CHECK, "sim.cli.import_command:app"),
    "export": Listing("Write a route graph or run in another format.", _CHECK, "sim.cli.export_command:app"),
    "validate-flee": Listing(
        "Compare a run of a FLEE case with its counts.", _CHECK, "sim.cli.validate_flee_command:app"
    ),
    "verify": Listing(
        "Check a run folder: hashes, tables, conservation of people.", _CHECK, "sim.cli.verify_command:app"
    ),
    "doctor": Listing("Check this machine and say what to do.", _CHECK, "sim.cli.doctor_command:app"),
}


def _module_exists(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def _from_entry_points() -> Iterator[tuple[str, Listing]]:
    for point in sorted(entry_points(group=ENTRY_POINT_GROUP), key=lambda found: found.name):
        if not _module_exists(point.module):
            continue
        known = COMMANDS.get(point.name)
        help_line = known.help if known else f"From {_distribution(point)}."
        panel = known.panel if known else Listing.panel
        yield point.name, Listing(help_line, panel, point.value)


def _distribution(point: EntryPoint) -> str:
    return point.dist.name if point.dist else point.module


def available() -> dict[str, Listing]:
    """Commands that can be called here, in the order in which the help lists them.

    Returns
    -------
    dict of str to Listing
        Own commands whose module exists, and those of other packages; an own command is never replaced.
    """
    extra = dict(_from_entry_points())
    found: dict[str, Listing] = {}
    for name, listing in COMMANDS.items():
        if listing.target:
            if _module_exists(listing.target.partition(":")[0]):
                found[name] = listing
        elif name in extra:
            found[name] = extra[name]
    return found | {name: listing for name, listing in extra.items() if name not in COMMANDS}


def load(name: str, target: str) -> Command:
    """Import a command's module and build the command.

    Parameters
    ----------
    name : str
        Name on the command line.
    target : str
        ``module:attribute`` of a `typer.Typer`.

    Raises
    ------
    RunError
        If the module cannot be imported or exports something else.
    """
    module_name, _, attribute = target.partition(":")
    try:
        app = getattr(importlib.import_module(module_name), attribute or "app")
    except ImportError as error:
        message = (
            f"The command '{name}' cannot start: {error}. Install the locked dependencies again "
            "(make install) or see 'travesia doctor'."
        )
        raise RunError(message) from error
    except AttributeError as error:
        message = f"The command '{name}' cannot start: {module_name} exports no '{attribute}'."
        raise RunError(message) from error
    if not isinstance(app, typer.Typer):
        message = (
            f"The command '{name}' cannot start: {target} is {type(app).__name__}, expected typer.Typer."
        )
        raise RunError(message)
    return _build(name, app)


def _build(name: str, app: typer.Typer) -> Command:
    command = typer.main.get_command(app)
    if not isinstance(command, TyperCommand | TyperGroup):  # pragma: no cover - typer builds nothing else
        message = f"The command '{name}' cannot start: typer built {type(command).__name__}."
        raise RunError(message)
    command.name = name
    # only `travesia` itself installs shell completion
    command.params = [p for p in command.params if p.name not in {"install_completion", "show_completion"}]
    return command
