"""Reading and validating: a name, file or mapping enters, a frozen `Scenario` or one error leaves."""

from __future__ import annotations

from sim.spec.base import FrozenMap, Text
from sim.spec.distributions import Distribution, Fixed, Gamma, Geometric, Lognormal, Table, Triangular
from sim.spec.library import library_entries, library_names
from sim.spec.load import load_scenario, load_with_notes
from sim.spec.policies import INSTRUMENTS, Policy, PolicyBase
from sim.spec.scenario import Behaviour, Departure, Scenario, UnitShare, Window
from sim.spec.tables import shipped_parameters
from sim.spec.world import (
    Border,
    BorderExclusion,
    Group,
    Leg,
    LegAttraction,
    Parameter,
    Place,
    Profile,
    Season,
    SettleAttraction,
    World,
)

__all__ = [
    "INSTRUMENTS",
    "Behaviour",
    "Border",
    "BorderExclusion",
    "Departure",
    "Distribution",
    "Fixed",
    "FrozenMap",
    "Gamma",
    "Geometric",
    "Group",
    "Leg",
    "LegAttraction",
    "Lognormal",
    "Parameter",
    "Place",
    "Policy",
    "PolicyBase",
    "Profile",
    "Scenario",
    "Season",
    "SettleAttraction",
    "Table",
    "Text",
    "Triangular",
    "UnitShare",
    "Window",
    "World",
    "library_entries",
    "library_names",
    "load_scenario",
    "load_with_notes",
    "shipped_parameters",
]
