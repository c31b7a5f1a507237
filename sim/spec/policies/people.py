"""Instruments that act on what people decide: announcement, push, regularisation, assistance, return."""

from typing import ClassVar, Literal

from pydantic import Field

from sim.spec.base import Number, Quantity
from sim.spec.policies.base import PolicyBase, SizePolicy

__all__ = ["Announcement", "Assistance", "Push", "Regularisation", "Return"]


class Announcement(PolicyBase):
    """News of a coming or past rule: people hurry or wait.

    Formula: departures are multiplied by ``1 + s (departures_size - 1)`` and the hazard of leaving places
    by ``1 + s (hazard_size - 1)``, both also by the anticipation factor in the days before `start`. Units:
    factors, 1 = no effect. Source: `effect_source`.
    """

    at_places: ClassVar[bool] = True
    on_departures: ClassVar[bool] = True
    instrument: Literal["announcement"] = "announcement"
    departures_size: Quantity = Field(default=1.0, description="multiplies departures")
    hazard_size: Quantity = Field(default=1.0, description="multiplies the hazard of leaving places")


class Push(SizePolicy):
    """More or fewer people leave home.

    Formula: the departures of its nationalities from its places, countries and channels are multiplied by
    ``1 + s (size - 1)``. Unit: factor, 1 = no effect. Source: `effect_source`.
    """

    on_departures: ClassVar[bool] = True
    instrument: Literal["push"] = "push"


class Regularisation(SizePolicy):
    """Papers and work where people are: fewer move on, more stay for good.

    Formula: in its places and countries the hazard of leaving is multiplied by ``1 + s (size - 1)`` and the
    weight of settling by ``1 + s (settle_size - 1)``. Units: factors, 1 = no effect. Source:
    `effect_source`.
    """

    at_places: ClassVar[bool] = True
    instrument: Literal["regularisation"] = "regularisation"
    settle_size: Quantity = Field(default=1.0, description="multiplies the weight of settling")


class Assistance(PolicyBase):
    """Services and cash: the funding of the response changes how long people stay and what they have.

    Formula: in its places and countries the hazard of leaving is multiplied by ``1 + s (size - 1)``, and what
    people who are stranded there have a day rises by ``s income_usd_per_day``. Units: factor, 1 = no effect; USD per person
    and day. Source: `effect_source`.
    """

    at_places: ClassVar[bool] = True
    instrument: Literal["assistance"] = "assistance"
    size: Quantity = Field(default=1.0, description="multiplies the hazard of leaving places")
    income_usd_per_day: Number = Field(default=0.0, description="USD per stranded person and day added")


class Return(PolicyBase):
    """Support for voluntary return.

    Formula: in its places and countries the weight of turning back rises by ``s size``, where a leg leads
    southward or back and the place is neither origin nor destination. Unit: weight, beside the legs'
    weights. Source: `effect_source`.
    """

    at_places: ClassVar[bool] = True
    instrument: Literal["return"] = "return"
    size: Quantity = Field(description="weight of turning back added; 0 = no effect")
