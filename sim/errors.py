"""The one exception tree: what enters is a fault, what leaves is a message that says what to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["CalibrationError", "DataError", "Problem", "RunError", "ScenarioError", "TravesiaError"]


@dataclass(frozen=True)
class Problem:
    """One fault found while reading or checking input.

    Parameters
    ----------
    what : str
        What was found.
    where : str
        File, line and key, as far as known.
    expected : str
        What would have been right.
    hint : str
        What to do; often the nearest valid name.
    """

    what: str
    where: str = ""
    expected: str = ""
    hint: str = ""

    def __str__(self) -> str:
        text = f"{self.where}: {self.what}" if self.where else self.what
        if self.expected:
            text += f"; expected {self.expected}"
        if self.hint:
            text += f" ({self.hint})"
        return text


class TravesiaError(Exception):
    """Anything Travesía refuses or fails at, with every problem found in one go.

    Parameters
    ----------
    message : str
        One sentence.
    problems : sequence of Problem
        The single faults, all of them.
    """

    def __init__(self, message: str, problems: Sequence[Problem] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.problems = tuple(problems)

    def __str__(self) -> str:
        if not self.problems:
            return self.message
        return "\n".join([self.message, *(f"  - {p}" for p in self.problems)])


class ScenarioError(TravesiaError):
    """A scenario, world or policy that cannot be run as written."""


class DataError(TravesiaError):
    """A table that is missing, damaged or contradicts its own description."""


class RunError(TravesiaError):
    """A run that failed, was interrupted, or would not fit this machine.

    Parameters
    ----------
    message, problems
        As for every fault.
    refused : bool
        Whether it was refused before the first person moved, so that nothing ran and nothing was written.
    """

    def __init__(self, message: str, problems: Sequence[Problem] = (), *, refused: bool = False) -> None:
        super().__init__(message, problems)
        self.refused = refused


class CalibrationError(TravesiaError):
    """A fit, forecast or score that cannot be made from what was given."""
