"""Engines: a plan and a seed enter, a tally of counts leaves."""
