"""Instruments that decide who may enter and who is sent where, from visa to appointment."""

from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field

from sim.spec.base import Names, Quantity, Share
from sim.spec.policies.base import PolicyBase, SharePolicy, SizePolicy, one_or_many

__all__ = ["Appointment", "Expulsion", "Pathway", "Removal", "Transfer", "Visa"]

Targets = Annotated[tuple[str, ...], BeforeValidator(one_or_many), Field(min_length=1)]


class Visa(SizePolicy):
    """Nationals need a visa to use a leg or to enter a country.

    Formula: for the nationalities named, the weight of the legs is multiplied by ``1 + s (size - 1)``, and
    departure rows whose channel needs the leg (`channels`) by ``1 + s (departures_size - 1)``; anticipation
    multiplies the same departures. Units: factors, 1 = no effect, 0 = nobody. Source: `effect_source`,
    usually the change of the same nationality against others.
    """

    leg_rule: ClassVar[Literal["into", "any", "none"]] = "into"
    on_departures: ClassVar[bool] = True
    instrument: Literal["visa"] = "visa"
    departures_size: Quantity = Field(
        default=1.0, description="multiplies departures whose channel needs the leg"
    )


class Expulsion(SharePolicy):
    """A share of those who arrive at a place are sent to another, and may try again.

    Formula: each arrival is sent to one of `to` with probability ``s size``; of those the share `try_again` is
    there after ``repeat_attempt_wait_days`` (geometric, days) and goes on from there like everybody, the rest end
    their journey there as ``returned``. Several expulsions, removals and transfers at one place compete: together
    they send ``1 - product of (1 - s size)``, split in proportion. Unit: share of arrivals. Source:
    `effect_source`.
    """

    at_places: ClassVar[bool] = True
    instrument: Literal["expulsion"] = "expulsion"
    to: Targets = Field(description="places people are sent to")
    try_again: Share | None = Field(
        default=None,
        description="share of those sent who try again; blank = parameter repeat_attempt_share",
    )


class Removal(SharePolicy):
    """A share of those who arrive at a place are removed to their country; their outcome is ``removed``.

    Formula: each arrival is removed with probability ``s size``; competes with expulsions and transfers at the
    place as `Expulsion` says. Unit: share of arrivals. Source: `effect_source`.
    """

    at_places: ClassVar[bool] = True
    instrument: Literal["removal"] = "removal"
    to: Names = Field(
        default=(),
        description="places of removal; blank means the group's home place (`home_places`, else a place of its "
        "country, origins before others and by name, else where it sets out first)",
    )


class Transfer(SharePolicy):
    """A share of those who arrive at a place are moved within the country and go on from there.

    Formula: each arrival is moved to one of `to` with probability ``s size``; competes with expulsions and
    removals at the place as `Expulsion` says. Unit: share of arrivals. Source: `effect_source`.
    """

    at_places: ClassVar[bool] = True
    instrument: Literal["transfer"] = "transfer"
    to: Targets = Field(description="places people are moved to")


class Pathway(PolicyBase):
    """Regular entry that takes people off the route, with a monthly cap.

    Formula: in its places people have one more alternative, of weight ``s weight`` beside the weights of
    the legs, that leads to `to`; at most `per_month` persons take it in a month. Units: weight; persons per
    month. Source: the policy's own `sources`.
    """

    at_places: ClassVar[bool] = True
    on_departures: ClassVar[bool] = True
    instrument: Literal["pathway"] = "pathway"
    to: Targets = Field(
        default=("us-interior",), validate_default=True, description="where the pathway leads"
    )
    per_month: Quantity | None = Field(default=None, description="persons per month; blank = no cap")
    weight: Quantity = Field(default=1.0, description="weight of the alternative beside the legs' weights")
    departures_size: Quantity = Field(
        default=1.0, description="multiplies departures by the route of those it serves"
    )


class Appointment(PolicyBase):
    """A daily quota of appointments drawn by lottery among those who wait.

    Formula: in its places people have one more alternative, of weight ``s weight``; each day `per_day` of
    those who chose it, drawn by lot, go to `to`; who has waited `patience_days` (uniform from 1 to twice the
    mean) chooses again. Two appointment policies that open the same leg share one weight, that of the last listed,
    and both quotas hold for all who use it. Units:
    persons per day; weight; days. Source: the policy's own `sources`.
    """

    at_places: ClassVar[bool] = True
    instrument: Literal["appointment"] = "appointment"
    to: Targets = Field(
        default=("us-interior",), validate_default=True, description="where an appointment leads"
    )
    per_day: Quantity = Field(description="appointments per day over all its places")
    weight: Quantity = Field(default=1.0, description="weight of waiting for one beside the legs' weights")
    patience_days: Quantity | None = Field(
        default=None,
        description="mean days after which people give up waiting; blank = parameter appointment_patience_days",
    )
