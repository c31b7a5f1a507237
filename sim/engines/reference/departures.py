"""Departures: blocks of persons over days enter, travel units and their members leave."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from sim.engines.reference.draws import GOLDEN, Stream, certain, lower, mix, upper
from sim.engines.reference.person import Person

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sim.engines.reference.corridor import Corridor

__all__ = ["Departures"]

LARGEST_UNIT = 8


def pick(draw: int, cumulated: Sequence[int]) -> int:
    """Index of the first cumulated share above a draw of 32 bits (the last one where none is)."""
    for index, share in enumerate(cumulated[:-1]):
        if draw < share:
            return index
    return len(cumulated) - 1


class Departures:
    """Lets travel units depart, block by block.

    A block is a number of persons over some days, cut from units one after another that begin before it and
    go on behind it: the first and the last are cut to fit. A unit departs on the day on which one of its
    members, drawn, falls due. A push below one leaves units out, above one adds copies of them, so that the
    same people depart in two scenarios.

    Parameters
    ----------
    corridor : Corridor
    """

    def __init__(self, corridor: Corridor) -> None:
        self.corridor = corridor
        self.tables = corridor.plan.departures
        blocks = len(self.tables.block_row)
        self.persons_done = [0] * blocks
        self.units_done = [0] * blocks

    def depart(self, day: int) -> int:
        """Let everybody depart who falls due; return how many."""
        first, last = self.tables.due_start[day], self.tables.due_start[day + 1]
        return sum(self._block(int(block), day) for block in self.tables.due_block[first:last])

    def _block(self, block: int, day: int) -> int:
        tables, departed = self.tables, 0
        persons, days = int(tables.block_persons[block]), int(tables.block_days[block])
        start, row = int(tables.block_start[block]), int(tables.block_row[block])
        block_key = mix(int(tables.row_key[row]) ^ self.corridor.key) + (start << 40)
        push = int(tables.row_push[row])
        factor = 1.0 if push < 0 else float(tables.push[push, day])
        while self.persons_done[block] < persons:
            done, first = self.persons_done[block], self.units_done[block] == 0
            unit_key = mix(block_key + self.units_done[block] * GOLDEN)
            kind, size, means = self._unit(unit_key, int(tables.row_group[row]), first)
            size = min(size, persons - done)
            due = done + self._member_of(unit_key, size)
            if start + due * days // persons > day:
                break
            self.units_done[block] += 1
            self.persons_done[block] += size
            for copy in range(self._copies(unit_key, factor)):
                key = unit_key if copy == 0 else mix(unit_key + copy * GOLDEN)
                self._members(key, kind, size, int(tables.row_place[row]), means)
                departed += size
        self.corridor.departed[self.corridor.period[day], row] += departed
        return departed

    def _unit(self, unit_key: int, group: int, first: bool) -> tuple[int, int, int]:
        """Kind, size and means of a unit; of the first of a block, what lies in the block."""
        tables = self.tables
        draw = mix(unit_key + Stream.unit * GOLDEN)
        by_unit = tables.first_unit_threshold if first else tables.unit_threshold
        by_size = tables.first_size_threshold if first else tables.size_threshold
        units = by_unit[group].tolist()
        kind = group * len(units) + pick(certain(upper(draw)), units)
        size = 1 + pick(certain(lower(mix(draw))), by_size[kind].tolist())
        return kind, min(size, LARGEST_UNIT), int(tables.means[group, draw >> 16 & 0xFF])

    def _member_of(self, unit_key: int, size: int) -> int:
        """Which member of a unit it is whose day is the unit's."""
        return upper(mix(mix(unit_key + Stream.unit * GOLDEN))) * size >> 32

    def _copies(self, unit_key: int, factor: float) -> int:
        """How often a unit departs: the whole part of the factor, once more with the rest as chance."""
        whole = math.floor(factor)
        draw = upper(mix(mix(unit_key + Stream.unit * GOLDEN) + GOLDEN))
        return whole + (draw < int((factor - whole) * 2.0**32))

    def _members(self, unit_key: int, kind: int, size: int, place: int, means: int) -> None:
        """Let the members of a unit depart; a family has at least one adult."""
        tables, corridor = self.tables, self.corridor
        adult_age = int(tables.first_adult_age)
        adult = False
        for position in range(size):
            draw = mix(unit_key + (position + Stream.person) * GOLDEN)
            female = lower(draw) < int(tables.female_threshold[kind])
            age = pick(certain(upper(draw)), tables.age_threshold[kind].tolist())
            adult = adult or age >= adult_age
            if position == size - 1 and not adult and tables.needs_adult[kind]:
                age = adult_age
            tally_class = int(tables.tally_class[corridor.group_of_kind[kind], 0 if female else 1, age])
            Person(corridor, unit_key, position, kind, tally_class, place, means).depart()
