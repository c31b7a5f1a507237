"""Figures, maps and the two-page brief: a run enters, pictures and pages with their data leave."""

from __future__ import annotations

from sim.report.figures.animation import animation
from sim.report.figures.arrangements import arrangements
from sim.report.figures.crossings import crossings
from sim.report.figures.differences import difference_table, differences
from sim.report.figures.needs import coordination_matrix, needs_by_sector, upstream_pipeline
from sim.report.figures.policies import policy_timeline
from sim.report.figures.routes import leg_flows, route_map
from sim.report.figures.sankey import outcome_links, sankey
from sim.report.figures.stocks import people_by_country, who_is_where
from sim.report.plots import KINDS, Plots, plot_all, plots_for
from sim.report.style import save
from sim.report.twopage.build import brief
from sim.report.twopage.content import Brief

__all__ = [
    "KINDS",
    "Brief",
    "Plots",
    "animation",
    "arrangements",
    "brief",
    "coordination_matrix",
    "crossings",
    "difference_table",
    "differences",
    "leg_flows",
    "needs_by_sector",
    "outcome_links",
    "people_by_country",
    "plot_all",
    "plots_for",
    "policy_timeline",
    "route_map",
    "sankey",
    "save",
    "upstream_pipeline",
    "who_is_where",
]
