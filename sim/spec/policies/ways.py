"""Instruments that act on the ways themselves: closure, capacity, transport, penalty, hazard."""

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from sim.spec.base import Factor, Number, Quantity, Share
from sim.spec.policies.base import PolicyBase

__all__ = ["Capacity", "Closure", "Hazard", "Penalty", "Transport"]


class Closure(PolicyBase):
    """A leg, every leg of a place, or every leg into a country, is closed.

    Formula: the weight of the leg is multiplied by ``1 - s size``. At ``s size = 1`` nobody starts that
    day, whatever other policies say, and those with no other way wait; people already on the leg arrive.
    Unit: share of the leg closed. Source: the policy's own `sources`; a partial closure's size is an
    assumption unless `effect_source` says otherwise.
    """

    leg_rule: ClassVar[Literal["into", "any", "none"]] = "into"
    legs_of_places: ClassVar[bool] = True
    instrument: Literal["closure"] = "closure"
    size: Share = Field(default=1.0, description="share closed, 1 = nobody passes")


class Capacity(PolicyBase):
    """A limit on how many start a leg in a day, or how many are present in a place.

    Formula: while in force (s > 0) the legs touched take together at most `per_day` persons a day, and each place
    holds at most `persons`; the rest wait in line. The smallest of several limits holds, together with the
    leg's own. Units: persons per day, persons. Source: the policy's own `sources`.
    """

    leg_rule: ClassVar[Literal["into", "any", "none"]] = "into"
    at_places: ClassVar[bool] = True
    instrument: Literal["capacity"] = "capacity"
    per_day: Quantity | None = Field(default=None, description="persons per day on all legs touched together")
    persons: Quantity | None = Field(default=None, description="persons present in each place touched")

    @model_validator(mode="after")
    def one_limit(self) -> Self:
        """Refuse no limit, or two."""
        if (self.per_day is None) == (self.persons is None):
            msg = "exactly one of per_day (legs) and persons (places) is needed"
            raise ValueError(msg)
        return self


class Transport(PolicyBase):
    """A leg becomes faster, cheaper or more attractive, or less; a leg closed by default opens.

    Formula: travel days, cost and weight are multiplied by ``1 + s (factor - 1)``. Units: factors, 1 = no
    effect. Source: the policy's own `sources` (for the buses Panama - Costa Rica: fare and hours against
    the same leg before).
    """

    leg_rule: ClassVar[Literal["into", "any", "none"]] = "any"
    instrument: Literal["transport"] = "transport"
    days_factor: Factor = Field(default=1.0, description="multiplies travel days")
    cost_factor: Factor = Field(default=1.0, description="multiplies the cost in USD")
    weight_factor: Factor = Field(default=1.0, description="multiplies the leg's weight")


class Penalty(PolicyBase):
    """A fee or fine is added to the cost of a leg.

    Formula: cost = cost + s cost_usd. Unit: USD per person and crossing. Source: the policy's own `sources`.
    """

    leg_rule: ClassVar[Literal["into", "any", "none"]] = "into"
    instrument: Literal["penalty"] = "penalty"
    cost_usd: Number = Field(description="USD per person added to the cost of the leg")


class Hazard(PolicyBase):
    """A storm, flood, epidemic or violence makes legs dangerous and slow, and holds people where they are.

    Formula: deaths and robberies on the legs are multiplied by ``1 + s (size - 1)``, travel days by ``1 + s
    (days_factor - 1)``, and the hazard of leaving its places by ``1 + s (stay_size - 1)``. Units: factors,
    1 = no effect. Source: the policy's own `sources`; sizes without `effect_source` are assumptions.
    """

    leg_rule: ClassVar[Literal["into", "any", "none"]] = "any"
    at_places: ClassVar[bool] = True
    instrument: Literal["hazard"] = "hazard"
    size: Quantity = Field(default=1.0, description="multiplies deaths and robberies on legs")
    days_factor: Factor = Field(default=1.0, description="multiplies travel days on legs")
    stay_size: Factor = Field(
        default=1.0, description="multiplies the hazard of leaving places; below 1 people stay longer"
    )
