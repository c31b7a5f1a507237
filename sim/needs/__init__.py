"""Coordination needs: a run in, people in need, resources, money, gaps and duplications out."""

from __future__ import annotations

from sim.needs import safeguard
from sim.needs.compare import compare_arrangements
from sim.needs.estimate import estimate
from sim.needs.needs import Needs
from sim.needs.simple import simple_table
from sim.needs.tables import load_standards

__all__ = ["Needs", "compare_arrangements", "estimate", "load_standards", "safeguard", "simple_table"]
