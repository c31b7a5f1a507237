"""FLEE's cases: its tables and settings enter, a scenario and what it leaves out leave."""

from __future__ import annotations

from sim.exchange.flee.importer import Imported, import_flee
from sim.exchange.flee.validate import Comparison, compare_with_data

__all__ = ["Comparison", "Imported", "compare_with_data", "import_flee"]
