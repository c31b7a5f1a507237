"""Options that several commands share, so that each is called and explained the same everywhere."""

from __future__ import annotations

from typing import Annotated

import typer

__all__ = ["Daily", "Engine", "Lang", "Scheduler", "Threads", "Workers", "known_engine"]

_ENGINES = ("agents", "expected", "reference")

Engine = Annotated[str, typer.Option(help="agents, expected or reference.")]
Threads = Annotated[int, typer.Option(help="Does not change the result.", min=1)]
Workers = Annotated[
    int | None,
    typer.Option(
        help="Processes that share the replicates; as many as help if not given.", min=1, show_default=False
    ),
]
Daily = Annotated[bool, typer.Option(help="Tables by day instead of by month.")]
Scheduler = Annotated[
    str | None,
    typer.Option(help="Address of a Dask scheduler, tcp://..., instead of --workers.", show_default=False),
]
Lang = Annotated[
    str | None,
    typer.Option("--lang", help="Language: en or es; that of the system if not given.", show_default=False),
]


def known_engine(engine: str, message: str) -> None:
    """Refuse an engine there is not, under the message of the command."""
    from sim.errors import Problem, ScenarioError

    if engine not in _ENGINES:
        expected = "one of " + ", ".join(_ENGINES)
        raise ScenarioError(message, [Problem(f"there is no engine '{engine}'", "--engine", expected)])
