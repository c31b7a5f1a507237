"""Figures, maps and the two-page brief: a run enters, pictures and pages with their data leave."""

from __future__ import annotations

from sim.report.figures.crossings import crossings
from sim.report.figures.routes import leg_flows, route_map
from sim.report.style import save

__all__ = ["crossings", "leg_flows", "route_map", "save"]
