"""A scenario enters, a plan leaves: integer ids, typed tables and calendars that engines can run."""

from sim.plan.build import compile_plan
from sim.plan.plan import AGES, SEXES, UNITS, Plan, PlanLeg

__all__ = ["AGES", "SEXES", "UNITS", "Plan", "PlanLeg", "compile_plan"]
