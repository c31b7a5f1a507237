"""A tally enters, labelled tables and a run folder leave; a run folder enters, a run leaves."""

from sim.results.folder import RunFolder, content_hash
from sim.results.provider import observed_series
from sim.results.run import Run, open_run
from sim.results.summary import border_counts, nationality_table, summarise, year_table
from sim.results.tables import tally_tables

__all__ = [
    "Run",
    "RunFolder",
    "border_counts",
    "content_hash",
    "observed_series",
    "open_run",
    "summarise",
    "tally_tables",
    "nationality_table",
    "year_table",
]
