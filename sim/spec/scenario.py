"""The scenario: what a run needs to know, frozen, comparable, hashable, to YAML and back without loss."""

import hashlib
import json
from datetime import date
from functools import cached_property
from typing import Annotated, Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, Field, model_validator

from sim.spec.base import FrozenMap, Identifier, Quantity, Sentence, Share, Strict, Text, plain
from sim.spec.policies import Policy
from sim.spec.reading import RESOLVED
from sim.spec.world import World

__all__ = ["Behaviour", "Departure", "Scenario", "UnitShare", "Window"]


def inside_its_folder(name: str) -> str:
    """A name that could lead out of a folder is refused."""
    if ".." in name.split("/"):
        msg = "a name without '..' is needed"
        raise ValueError(msg)
    return name


ScenarioName = Annotated[
    str, Field(min_length=1, max_length=120, pattern=r"^\w[\w.\-/ ]*$"), AfterValidator(inside_its_folder)
]


class Window(Strict):
    """First and last day that are reported, both included."""

    start: date
    end: date

    @model_validator(mode="after")
    def in_order(self) -> Self:
        """Refuse an end before the start."""
        if self.end < self.start:
            msg = f"end {self.end} comes before start {self.start}"
            raise ValueError(msg)
        return self


class Departure(Strict):
    """People who set out from a place.

    Parameters
    ----------
    place, group : str
        Where, and which nationality group.
    per_day : float, optional
        Persons on each day from `start` to `end`; or else
    persons : float, optional
        Persons in all between `start` and `end`, spread evenly.
    start, end : date
        First and last day, both included.
    channel : str
        The way they mean to take, where departures are told apart by it.
    id : str, optional
        Stable name for the draws of these people; the default is place, group and channel.
    """

    place: Identifier
    group: Identifier
    per_day: Quantity | None = None
    persons: Quantity | None = None
    start: date
    end: date
    channel: str = ""
    id: Identifier | None = None

    @model_validator(mode="after")
    def complete(self) -> Self:
        """Refuse no number or two numbers of people, and an end before the start."""
        if (self.per_day is None) == (self.persons is None):
            msg = "exactly one of per_day and persons is needed"
            raise ValueError(msg)
        if self.end < self.start:
            msg = f"end {self.end} comes before start {self.start}"
            raise ValueError(msg)
        return self

    @property
    def key(self) -> str:
        """Name that the draws of these people hang on; the same in every scenario that has the row."""
        return self.id or f"{self.place}/{self.group}/{self.channel}"

    @property
    def total(self) -> float:
        """Persons from `start` to `end`."""
        if self.persons is not None:
            return self.persons
        return (self.per_day or 0.0) * ((self.end - self.start).days + 1)


class Behaviour(Strict):
    """What people do beside following weights; each switch can be turned off alone.

    Parameters
    ----------
    means : bool
        Money is spent, limits the choice and may run out.
    information : bool
        People learn from compatriots ahead.
    hazards : bool
        Robbery, injury and death happen on legs.
    settling : bool
        People may stay for good.
    repeat_attempts : bool
        People sent back may try again.
    turning_back : bool
        People may return south.
    """

    means: bool = False
    information: bool = False
    hazards: bool = True
    settling: bool = False
    repeat_attempts: bool = False
    turning_back: bool = False


class UnitShare(Strict):
    """How many people travel in one kind of unit, and how large the units are.

    Parameters
    ----------
    share : float
        Share of people, 0 to 1.
    sizes : mapping of int to float
        Share of units of each size (blank: units of one).
    """

    share: Share
    sizes: FrozenMap[int, Share] = FrozenMap()


class Scenario(Strict):
    """A complete, checked and frozen scenario (see `load_scenario`).

    Parameters
    ----------
    name : str
        Short name.
    title, description : Text
        In English and Spanish.
    window : Window
        Days reported.
    spin_up_start : date, optional
        First day simulated, so that the route is not empty when the window starts.
    world : World
        Places, legs, groups.
    departures : tuple of Departure
        Who sets out.
    policies : tuple of Policy
        The rules and events in force.
    parameters : mapping of str to float
        Value of every parameter.
    behaviour : Behaviour
        Switches.
    units : mapping of str to UnitShare
        Travel units of everybody, where the world has no profiles; blank means everybody travels alone.
    sources : mapping of str to str
        File and line of places, legs, departures and policies, for messages; not part of what is compared,
        hashed or written.
    """

    name: ScenarioName
    title: Sentence = Text()
    description: Sentence = Text()
    window: Window
    spin_up_start: date | None = None
    world: World
    departures: tuple[Departure, ...] = ()
    policies: tuple[Policy, ...] = ()
    parameters: FrozenMap[str, float] = FrozenMap()
    behaviour: Behaviour = Behaviour()
    units: FrozenMap[str, UnitShare] = FrozenMap()
    sources: FrozenMap[str, str] = Field(default=FrozenMap(), exclude=True, repr=False)

    @property
    def first_day(self) -> date:
        """First day simulated."""
        return self.spin_up_start or self.window.start

    @property
    def days(self) -> NDArray[np.datetime64]:
        """Every day simulated: datetime64[D], from the spin-up's first to the window's last."""
        return every_day(self.first_day, self.window.end)

    def policy(self, policy_id: str) -> Policy:
        """The policy of that id (KeyError if there is none)."""
        for policy in self.policies:
            if policy.id == policy_id:
                return policy
        raise KeyError(policy_id)

    def to_dict(self) -> dict[str, Any]:
        """Mappings, lists, text and numbers that `load_scenario` reads back as an equal scenario."""
        content: dict[str, Any] = plain(self)
        content["world"] = {"name": self.world.name, **content.get("world", {})}
        content["behaviour"] = {name: getattr(self.behaviour, name) for name in Behaviour.model_fields}
        content.setdefault("departures", [])
        return content

    def to_yaml(self) -> str:
        """The resolved scenario as YAML, one row on each line; reading it gives an equal scenario."""
        lines = [RESOLVED]
        for key, value in self.to_dict().items():
            lines.extend(yaml_lines(key, value, indent=0))
        return "\n".join(lines) + "\n"

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the content, as hexadecimal text."""
        text = json.dumps(self.to_dict(), sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()

    def hash(self) -> str:
        """SHA-256 of the content: equal for equal scenarios, on any machine."""
        return self.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Scenario):
            return NotImplemented
        names = [name for name in type(self).model_fields if name != "sources"]
        return all(getattr(self, name) == getattr(other, name) for name in names)

    def __repr__(self) -> str:
        return (
            f"Scenario({self.name}: {self.window.start} to {self.window.end}, "
            f"{len(self.world.places)} places, {len(self.world.legs)} legs, "
            f"{len(self.departures)} departure rows, {len(self.policies)} policies)"
        )

    __str__ = __repr__


def every_day(first: date, last: date) -> NDArray[np.datetime64]:
    """Days from the first to the last, both included: datetime64[D]."""
    span = np.arange((last - first).days + 1)
    return np.datetime64(first, "D") + span.astype("timedelta64[D]")


def yaml_lines(key: str, value: object, indent: int) -> list[str]:
    """One key as block YAML whose rows are JSON, which is YAML too."""
    pad = " " * indent
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return [f"{pad}{key}:", *(f"{pad}  - {as_json(row)}" for row in value)]
    if key == "world" and isinstance(value, dict):
        return [
            f"{pad}{key}:",
            *(line for name, held in value.items() for line in yaml_lines(name, held, indent + 2)),
        ]
    return [f"{pad}{key}: {as_json(value)}"]


def as_json(value: object) -> str:
    """JSON on one line that a YAML reader takes too, with all that YAML counts as line ends escaped."""
    text = json.dumps(value, ensure_ascii=False)
    return text.replace("\x85", "\\u0085").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
