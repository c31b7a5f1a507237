"""A scenario, replicates and options enter, a run folder leaves."""

from sim.ensemble.pool import Pool, open_pool
from sim.ensemble.simulate import run, run_replicate, warm_up
from sim.ensemble.sweep import sweep

__all__ = ["Pool", "open_pool", "run", "run_replicate", "sweep", "warm_up"]
