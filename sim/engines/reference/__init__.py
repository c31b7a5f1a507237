"""The reference engine: a plan and a seed enter, a tally leaves, made by one Mesa agent a person.

It is the model written to be read, not to be fast, and it shares no code with the agents engine: the same
plan and draws give the same person the same journey there. Read it in this order:

- :mod:`sim.engines.reference.corridor`: the order of a day, and the evening's count
- :mod:`sim.engines.reference.departures`: who departs, alone or together
- :mod:`sim.engines.reference.person`: stays, chooses, sets out, arrives, is sent back, ends
- :mod:`sim.engines.reference.choices`: the weights of the ways out of a place, today
- :mod:`sim.engines.reference.stays`: days drawn, and how a policy acts on those who wait
- :mod:`sim.engines.reference.lines`: lines before limited legs: capacities, quotas, lots
- :mod:`sim.engines.reference.beliefs`: what compatriots ahead went through becomes what people know
- :mod:`sim.engines.reference.draws`: every random number as a pure function of who, where and when

Mesa takes seconds to import and is only imported when a run starts.
"""

from sim.engines.reference.run import run_reference

__all__ = ["run_reference"]
