"""Figures, maps and the two-page brief: a run enters, pictures and pages with their data leave."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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

_HOMES = {
    "Brief": "sim.report.twopage.content",
    "KINDS": "sim.report.plots",
    "Plots": "sim.report.plots",
    "animation": "sim.report.figures.animation",
    "arrangements": "sim.report.figures.arrangements",
    "brief": "sim.report.twopage.build",
    "coordination_matrix": "sim.report.figures.needs",
    "crossings": "sim.report.figures.crossings",
    "difference_table": "sim.report.figures.differences",
    "differences": "sim.report.figures.differences",
    "leg_flows": "sim.report.figures.routes",
    "needs_by_sector": "sim.report.figures.needs",
    "outcome_links": "sim.report.figures.sankey",
    "people_by_country": "sim.report.figures.stocks",
    "plot_all": "sim.report.plots",
    "plots_for": "sim.report.plots",
    "policy_timeline": "sim.report.figures.policies",
    "route_map": "sim.report.figures.routes",
    "sankey": "sim.report.figures.sankey",
    "save": "sim.report.style",
    "upstream_pipeline": "sim.report.figures.needs",
    "who_is_where": "sim.report.figures.stocks",
}
"""Where each name lives; the drawing library is imported with the first figure that needs it."""


def __getattr__(name: str) -> Any:  # noqa: ANN401 - the public names are imported when they are first used
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'sim.report' has no attribute {name!r}; it has {', '.join(__all__)}")
