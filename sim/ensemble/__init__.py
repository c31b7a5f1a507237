"""A scenario, replicates and options enter, a run folder leaves."""

from sim.ensemble.simulate import run, run_replicate, warm_up

__all__ = ["run", "run_replicate", "warm_up"]
