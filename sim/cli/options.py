"""Options that several commands share, so that each is called and explained the same everywhere."""

from __future__ import annotations

from typing import Annotated

import typer

__all__ = ["Lang"]

Lang = Annotated[
    str | None,
    typer.Option("--lang", help="Language: en or es; that of the system if not given.", show_default=False),
]
