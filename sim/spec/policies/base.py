"""What every policy has: whom and what it touches, when, and how strongly on each day.

Composing. On one quantity the multipliers of all policies in force multiply, added amounts add, the
smallest capacity holds, and a full closure dominates everything else on its leg.
"""

from datetime import date
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator, Field, model_validator

from sim.spec.base import Count, Factor, Identifier, Names, Quantity, Sentence, Share, Strict, Text
from sim.spec.world import Leg, Mode, Unit, World

__all__ = ["PolicyBase", "SharePolicy", "SizePolicy", "day_numbers"]

#: Ordinal of 1970-01-01, numpy's day zero.
EPOCH = date(1970, 1, 1).toordinal()
Strengths = NDArray[np.float64]


def day_numbers(days: NDArray[Any]) -> NDArray[np.int64]:
    """Ordinals (`date.toordinal`) of an array of datetime64 or of ordinals."""
    days = np.asarray(days)
    if np.issubdtype(days.dtype, np.datetime64):
        return days.astype("datetime64[D]").astype(np.int64) + EPOCH
    return days.astype(np.int64)


def one_or_many(value: object) -> object:
    """One name may stand for a list of one."""
    return (value,) if isinstance(value, str) else value


class PolicyBase(Strict):
    """A dated change of the rules (fields of every instrument).

    Parameters
    ----------
    id, instrument : str
        Its name and its kind.
    places, legs, countries, modes : tuple of str
        What it touches (see `leg_ids` and `place_ids`).
    nationalities, units, channels : tuple of str
        Whom it touches: groups, travel units, channels of departure. Blank means all.
    start, end : date
        First and last day, both included; no `end` means open.
    intensity : float
        Scales the strength, 0 to 1; 0 switches the policy off.
    phase_in_days : int
        Days over which the strength grows linearly.
    lag_days : int
        Days between `start` and the first effect.
    anticipation_days, anticipation_size : int, float
        Days before `start` in which people act ahead of it, and the factor they reach on the eve.
    fade_days : int
        Days over which the strength falls linearly to 0, counted after `end`, or with ``fade_from: start``
        after the first day at full strength.
    effect_source, sources, note : str
        Where the size comes from, and the references of the event.

    Notes
    -----
    With D the first day of effect (``start + lag_days``), P the phase-in, F the fading and i the intensity,
    the strength on day t is

    * 0 before D,
    * ``i (t - D + 1) / (P + 1)`` up to day D + P, on which it reaches i,
    * i until `end`, then 0, or ``i (1 - k / (F + 1))`` on the k-th day after `end` (``fade_from: end``),
    * ``i (1 - k / (F + 1))`` on the k-th day after D + P, and 0 after `end` (``fade_from: start``).

    A multiplier of size m is ``1 + s (m - 1)``; an amount a is ``s a``; a share q is ``s q``. What acts on legs comes and goes in
    steps of ``i / 20``.
    """

    #: How countries select legs: ``into`` = entering from outside, ``any`` = touching, ``none`` = not at all.
    leg_rule: ClassVar[Literal["into", "any", "none"]] = "none"
    #: Whether naming a place means the legs that begin or end there.
    legs_of_places: ClassVar[bool] = False
    #: Whether the instrument acts at places.
    at_places: ClassVar[bool] = False
    #: Whether the instrument acts on departures.
    on_departures: ClassVar[bool] = False

    id: Identifier
    instrument: str
    title: Sentence = Text()
    event: str = ""
    places: Names = ()
    legs: Names = ()
    countries: Names = ()
    modes: Annotated[tuple[Mode, ...], BeforeValidator(one_or_many)] = ()
    nationalities: Names = ()
    units: Annotated[tuple[Unit, ...], BeforeValidator(one_or_many)] = ()
    channels: Names = ()
    start: date
    end: date | None = None
    intensity: Share = 1.0
    phase_in_days: Count = 0
    lag_days: Count = 0
    anticipation_days: Count = 0
    anticipation_size: Factor = 1.0
    fade_days: Count = 0
    fade_from: Literal["start", "end"] = "end"
    sources: Annotated[tuple[str, ...], BeforeValidator(one_or_many)] = ()
    effect_source: str = ""
    note: str = ""

    @model_validator(mode="after")
    def in_order(self) -> Self:
        """Refuse an end before the start."""
        if self.end is not None and self.end < self.start:
            msg = f"end {self.end} comes before start {self.start}"
            raise ValueError(msg)
        return self

    def strength(self, days: NDArray[Any]) -> Strengths:
        """How strongly the policy acts on each day.

        Parameters
        ----------
        days : datetime64[:] or int64[:]
            Days, or their ordinals as `date.toordinal` gives them.

        Returns
        -------
        float64[:], shape of `days`
            0 (not in force) to 1; the formula is in the notes of the class.
        """
        return self.intensity * self.shape_in_time(day_numbers(days))

    def shape_in_time(self, ordinals: NDArray[np.int64]) -> Strengths:
        """The strength of the policy at intensity 1."""
        first = self.start.toordinal() + self.lag_days
        last = self.end.toordinal() if self.end is not None else np.iinfo(np.int64).max // 2
        rising = self.rising(ordinals, first)
        if not self.fade_days:
            return np.where(ordinals <= last, rising, 0.0)
        if self.fade_from == "start":
            passed = ordinals - (first + self.phase_in_days)
            falling = np.clip(1.0 - passed / (self.fade_days + 1.0), 0.0, 1.0)
            return np.where(ordinals <= last, np.minimum(rising, falling), 0.0)
        falling = np.clip(1.0 - (ordinals - last) / (self.fade_days + 1.0), 0.0, 1.0)
        return self.rising(np.minimum(ordinals, last), first) * falling

    def rising(self, ordinals: NDArray[np.int64], first: int) -> Strengths:
        """Linear growth from `first` to full strength `phase_in_days` later."""
        return np.clip((ordinals - first + 1.0) / (self.phase_in_days + 1.0), 0.0, 1.0)

    def anticipation(self, days: NDArray[Any]) -> Strengths:
        """Factor by which people act ahead of the policy on each day.

        Parameters
        ----------
        days : datetime64[:] or int64[:]
            Days, or their ordinals.

        Returns
        -------
        float64[:], shape of `days`
            ``1 + r (anticipation_size - 1)`` in the A days before `start`, where r grows linearly from 1/A
            to 1 on the eve; 1 on all other days.
        """
        return 1.0 + self.intensity * (self.anticipation_size - 1.0) * self.eve(day_numbers(days))

    def eve(self, ordinals: NDArray[np.int64]) -> Strengths:
        """Linear growth from 1/A to 1 over the A days before the start."""
        if not self.anticipation_days:
            return np.zeros(ordinals.shape)
        ahead = self.start.toordinal() - ordinals
        ramp = (self.anticipation_days - ahead + 1.0) / self.anticipation_days
        return np.where((ahead >= 1) & (ahead <= self.anticipation_days), ramp, 0.0)

    def multiplier(self, days: NDArray[Any], size: float) -> Strengths:
        """``1 + s (size - 1)`` on each day."""
        return 1.0 + self.strength(days) * (size - 1.0)

    def touches_days(self, days: NDArray[Any]) -> bool:
        """Whether any of these days feels the policy, whatever its intensity and size."""
        ordinals = day_numbers(days)
        return bool((self.shape_in_time(ordinals) > 0).any() or (self.eve(ordinals) > 0).any())

    def leg_ids(self, world: World) -> tuple[str, ...]:
        """Ids of the legs it touches in `world`, in the order of the world's table.

        The legs named, if any; else those of its countries (entering one from outside, or for hazards and
        transport touching one) and, for a closure, of its places, narrowed to its modes. Modes alone select
        every leg of those modes.
        """
        if self.legs:
            named = set(self.legs)
            return tuple(leg.id for leg in world.legs if leg.id in named)
        if self.leg_rule == "none":
            return ()
        everywhere = bool(self.modes) and not (self.places or self.countries)
        return tuple(
            leg.id
            for leg in world.legs
            if (not self.modes or leg.mode in self.modes) and (everywhere or self.meets(leg, world))
        )

    def meets(self, leg: Leg, world: World) -> bool:
        """Whether a leg belongs to the policy's countries or places by the instrument's rule."""
        if self.legs_of_places and (leg.from_ in self.places or leg.to in self.places):
            return True
        begins = world.place(leg.from_).country in self.countries
        ends = world.place(leg.to).country in self.countries
        return (ends and not begins) if self.leg_rule == "into" else (ends or begins)

    def place_ids(self, world: World) -> tuple[str, ...]:
        """Ids of the places it acts at: those named and all of its countries."""
        if not self.at_places:
            return ()
        return tuple(p.id for p in world.places if p.id in self.places or p.country in self.countries)

    @classmethod
    def acts_on(cls) -> str:
        """What the instrument needs, as messages say it."""
        ways = ["legs", "countries", "modes"] if cls.leg_rule != "none" else []
        ways += ["places"] if cls.legs_of_places else []
        ways += ["places", "countries"] if cls.at_places else []
        ways += ["departures of its nationalities, places or channels"] if cls.on_departures else []
        return "matching " + ", ".join(dict.fromkeys(ways))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.id}: {self.start} to {self.end or 'open'})"

    __str__ = __repr__


class SizePolicy(PolicyBase):
    """A policy with one factor, 1 meaning no effect."""

    size: Quantity = Field(description="factor, 0 or more; 1 = no effect")


class SharePolicy(PolicyBase):
    """A policy with one share of people, 0 meaning no effect."""

    size: Share = Field(description="share of people, 0 to 1; 0 = no effect")
