"""The expected engine: a plan enters, exact expected counts leave, at a cost that does not depend on the number of people.

The route is walked as nodes (a place with a heading, north or south) and edges (legs). Each node carries one row of numbers, a
column for each class of people (nationality group x travel unit; units that move alike are put together). A day:

1. Lines before limited legs are served (see below).
2. Nodes are solved in the order in which people pass them within a day; nodes that lead back to each other within a day are solved
   together, round after round, until nobody moves.
   a. Arrivals: who left each leg's origin k days ago, times the share who chose the leg that day, times the chance of k days,
      less those who died on the way.
   b. Outcomes on arrival, people sent elsewhere on arrival, departures of the day.
   c. Stays: who began k days ago, times the chance of leaving after k days under the hazards of that time, so that a policy acts on
      those already waiting (see :mod:`sim.engines.expected.stays`).
   d. Who leaves turns back, settles, waits because every way is closed, or takes a leg.
3. Evening: person-days, largest numbers, the balance of people.

Sex and age do not matter for moving; counts are split by them afterwards, by the make-up of each group and unit at departure. On
every day each travel unit has its share of the persons who depart.

Exact where people do not interact, but for long stay distributions, whose tails are kept to a total error of 1e-7 (nobody is lost by
it). Where people interact it is an approximation, and the tally says so:

- Lines are fluids: capacities are persons a day, first come first served by the day of joining, lots as equal shares, patience by the
  day of joining; a quota shared by several lines is split in proportion to those who wait.
- Means: at every choice people are spread over the classes of means as at departure; nothing is spent and nobody is stranded.
- Information: groups know what is true today: the harm of each leg, the share sent back, and so the chance of getting through.

Largest numbers are of the group, split by sex and age as its person-days of the period. Days on the route have the exact mean and
variance of each outcome, country and group (carried by a second run), in the shape of a gamma distribution.
"""

from sim.engines.expected.preview import Preview, PreviewAnswer
from sim.engines.expected.run import run_expected
from sim.engines.expected.series import SeriesFunction, compile_series

__all__ = ["Preview", "PreviewAnswer", "SeriesFunction", "compile_series", "run_expected"]
