"""The agents engine: a plan and a seed enter, counts of people one by one leave.

A day, in this order, and nowhere else:

1. Policies in force today: the tables of the day's epoch; what people know, when it is news day.
2. Those who waited in a line are served up to today's capacity (appointments by lot); legs that closed, and patience that
   ended, let their line choose again.
3. Departures: travel units begin their stay.
4. Everyone whose day it is: those who arrive where something may happen (an outcome, home, expulsion, removal, transfer),
   and those whose stay ends: they choose a leg, settle, turn back, are stranded, or ask for a limited leg.
5. Requests for limited legs are served in random order; the rest join the line.
6. Steps 4 and 5 repeat for those whose leg and stay took no days.
7. Evening: who is where, person-days, and the balance of people.

Draws are pure functions of (seed, stream, unit or person, place or leg, visit), so results do not depend on threads.
"""

from sim.engines.agents.engine import AgentsRun, run_agents
from sim.engines.agents.warm import load_kernels

__all__ = ["AgentsRun", "load_kernels", "run_agents"]
