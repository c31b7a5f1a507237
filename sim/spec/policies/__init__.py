"""The sixteen policy instruments: a dated mapping enters, a policy with its strength by day leaves."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field

from sim.spec.policies.base import PolicyBase
from sim.spec.policies.people import Announcement, Assistance, Push, Regularisation, Return
from sim.spec.policies.rules import Appointment, Expulsion, Pathway, Removal, Transfer, Visa
from sim.spec.policies.ways import Capacity, Closure, Hazard, Penalty, Transport

__all__ = [
    "INSTRUMENTS",
    "Announcement",
    "Appointment",
    "Assistance",
    "Capacity",
    "Closure",
    "Expulsion",
    "Hazard",
    "Pathway",
    "Penalty",
    "Policy",
    "PolicyBase",
    "Push",
    "Regularisation",
    "Removal",
    "Return",
    "Transfer",
    "Transport",
    "Visa",
]

INSTRUMENTS: Final[dict[str, type[PolicyBase]]] = {
    "closure": Closure,
    "capacity": Capacity,
    "visa": Visa,
    "expulsion": Expulsion,
    "removal": Removal,
    "transfer": Transfer,
    "pathway": Pathway,
    "appointment": Appointment,
    "transport": Transport,
    "penalty": Penalty,
    "announcement": Announcement,
    "push": Push,
    "regularisation": Regularisation,
    "hazard": Hazard,
    "assistance": Assistance,
    "return": Return,
}

Policy = Annotated[
    Closure
    | Capacity
    | Visa
    | Expulsion
    | Removal
    | Transfer
    | Pathway
    | Appointment
    | Transport
    | Penalty
    | Announcement
    | Push
    | Regularisation
    | Hazard
    | Assistance
    | Return,
    Field(discriminator="instrument"),
]
