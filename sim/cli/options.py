"""Options that several commands share, so that each is called and explained the same everywhere."""

from __future__ import annotations

from typing import Annotated

import typer

__all__ = ["Lang", "known_engine"]

_ENGINES = ("agents", "expected", "reference")

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
