"""Who departs, in expectation: travel units, their sizes, sexes and ages; and the classes that are carried along."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from sim.engines.kernels.expected_prepare import departures_by_day
from sim.plan import AGES, SEXES, UNITS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sim.plan import Plan
    from sim.plan.layout import Departures

__all__ = ["JOINED", "NORTH", "SOUTH", "Lanes", "People", "expected_people", "lanes_of", "unit_classes"]

_FULL = 2.0**32
NORTH, SOUTH, JOINED = range(3)
"""How classes are laid out: heading north, heading south, and heading north where some that always come together are one."""


@dataclass(frozen=True)
class People:
    """Expected departures.

    Parameters
    ----------
    persons : float64 [rows, n_days]
        Persons who depart by departure row and day.
    row_group : int64 [rows]
        Group of each row.
    unit_share : float64 [groups, units]
        Share of persons by travel unit, on every day.
    make_up : float64 [kinds, sexes x ages]
        Share of persons by sex and age band.
    """

    persons: NDArray[np.float64]
    row_group: NDArray[np.int64]
    unit_share: NDArray[np.float64]
    make_up: NDArray[np.float64]

    def by_unit(
        self, persons: NDArray[np.float64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
        """Row, day, travel unit and persons of all departures of some persons by row and day."""
        row, day = np.nonzero(persons)
        amount = persons[row, day][:, None] * self.unit_share[self.row_group[row]]
        entry, unit = np.nonzero(amount)
        return row[entry], day[entry], unit, amount[entry, unit]


@dataclass(frozen=True)
class Lanes:
    """The classes of people that are carried along, one column of every row for each.

    Parameters
    ----------
    owner : int64 [owners]
        Group of each owner (a group, or a source of departures), in the order of the columns.
    mix : float64 [owners, per_north, kinds]
        Share of each kind (group x unit) in a class heading north.
    per_south : int
        Classes of an owner heading south: 1, or as many as north.
    joined : int64 [per_north], optional
        Class that each is part of where nobody tells them apart yet, on the way north; each is one of its own where not given.
    part : float64 [owners, per_north], optional
        Share of each in the class it is part of, at all times.
    """

    owner: NDArray[np.int64]
    mix: NDArray[np.float64]
    per_south: int
    joined: NDArray[np.int64] | None = None
    part: NDArray[np.float64] | None = None

    @property
    def per_north(self) -> int:
        """Classes of an owner heading north."""
        return int(self.mix.shape[1])

    @property
    def per(self) -> tuple[int, int, int]:
        """Classes of an owner by layout: `NORTH`, `SOUTH`, `JOINED`."""
        joined = self.per_north if self.joined is None else int(self.joined.max()) + 1
        return self.per_north, self.per_south, joined

    def join(self, lane: NDArray[np.int64]) -> NDArray[np.int64]:
        """Classes as numbered where some are joined."""
        if self.joined is None:
            return lane
        own: NDArray[np.int64] = (
            lane // self.per_north * self.per[JOINED] + self.joined[lane % self.per_north]
        )
        return own

    def joins(self, lanes: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Of some classes, those they are part of."""
        out = np.zeros(len(self.owner) * self.per[JOINED], np.bool_)
        out[self.join(np.flatnonzero(lanes))] = True
        return out

    def parts(self, lanes: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Of some classes that others are part of, their parts."""
        return np.asarray(lanes[self.join(np.arange(len(self.owner) * self.per_north))])

    def column(self, kind: int) -> int:
        """Class, among those of an owner of the kind's group, that a kind belongs to."""
        return int(np.argmax((self.mix[:, :, kind] > 0.0).any(axis=0)))

    def kinds(self, layout: int) -> NDArray[np.float64]:
        """Return the share of each kind in each class of a layout: float64 [classes, kinds]."""
        mix = self.mix
        if layout == JOINED and self.joined is not None and self.part is not None:
            mix = np.zeros((len(self.owner), self.per[JOINED], mix.shape[2]))
            for c, whole in enumerate(self.joined.tolist()):
                mix[:, whole] += self.part[:, c, None] * self.mix[:, c]
        if layout == SOUTH and self.per_south < self.per_north:
            weight = np.maximum(mix.sum(axis=2, keepdims=True), 1e-300)
            mix = (mix / weight).mean(axis=1, keepdims=True)
        return mix.reshape(-1, mix.shape[2])


def _shares(cumulated: NDArray[np.uint64]) -> NDArray[np.float64]:
    edges = cumulated.astype(np.float64)
    edges[edges >= _FULL - 1] = _FULL
    return np.diff(np.concatenate([np.zeros((*edges.shape[:-1], 1)), edges], axis=-1), axis=-1) / _FULL


def expected_people(plan: Plan, departures: Departures | None = None) -> People:
    """Work out expected departures by row, day and unit, and what they are made of.

    Blocks of persons are cut from units without beginning or end, so that every day has each unit's share of persons; only the
    sizes of the first and the last units differ (which matters to how many are adults).

    Parameters
    ----------
    plan : Plan
    departures : Departures, optional
        The plan's own where not given.

    Returns
    -------
    People
    """
    d = plan.departures if departures is None else departures
    n_groups, n_units = len(plan.groups), len(UNITS)
    unit = _shares(d.unit_threshold)
    size = _shares(d.size_threshold).reshape(n_groups, n_units, 8)
    begins = unit[:, :, None] * size
    begins /= (begins * np.arange(1, 9)).sum(axis=(1, 2), keepdims=True)
    share = _shares(d.first_unit_threshold)
    persons = np.zeros((len(plan.rows), plan.n_days))
    sizes = np.zeros((n_groups, n_units, 8))
    departures_by_day(d, plan.n_days, share, begins, persons, sizes)
    return People(persons, d.row_group.astype(np.int64), share, _make_up(plan, sizes.reshape(-1, 8)))


def _make_up(plan: Plan, sizes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of persons by sex and age: a family without an adult has its last member made one."""
    d = plan.departures
    ages = _shares(d.age_threshold)
    female = d.female_threshold.astype(np.float64) / _FULL
    child = np.arange(len(AGES)) < d.first_adult_age
    count = np.zeros_like(ages)
    for s in range(1, 9):
        one = s * ages
        no_adult_before = ages[:, child].sum(axis=1) ** (s - 1)
        moved = np.where(child, ages, 0.0) * (no_adult_before * d.needs_adult)[:, None]
        one = one - moved
        one[:, d.first_adult_age] += moved.sum(axis=1)
        count += sizes[:, s - 1 : s] * one
    total = count.sum(axis=1, keepdims=True)
    count = np.where(total > 0.0, count / np.maximum(total, 1e-300), ages)
    sexes = np.stack([female, 1.0 - female], axis=1)
    return (sexes[:, :, None] * count[:, None, :]).reshape(len(count), len(SEXES) * len(AGES))


def unit_classes(plan: Plan, *, south_only: bool = False) -> list[tuple[int, ...]]:
    """Group the travel units that move alike: those whose every table is the same for every group.

    Parameters
    ----------
    plan : Plan
    south_only : bool
        Look only at what matters to people who head south (nobody sends them elsewhere).

    Returns
    -------
    list of tuple of int
    """
    n = len(UNITS)
    f, e = plan.fixed, plan.epochs
    tables = [f.kind_class, f.stay_table, f.stay_calendar]
    if not south_only:
        tables += [np.moveaxis(e.forced, 1, 0), np.moveaxis(f.forced_leg, 2, 0)]
    split = [t.reshape(len(plan.groups), n, -1) for t in tables]
    classes: list[list[int]] = []
    for u in range(n):
        for known in classes:
            if all(np.array_equal(t[:, u], t[:, known[0]]) for t in split):
                known.append(u)
                break
        else:
            classes.append([u])
    return [tuple(c) for c in classes]


def _joined(
    plan: Plan, people: People, classes: list[tuple[int, ...]]
) -> tuple[NDArray[np.int64], NDArray[np.float64]] | None:
    """Classes that are one until somebody tells them apart: they depart in one ratio at all times and move alike till then."""
    alike = unit_classes(plan, south_only=True)
    whole = np.arange(len(classes))
    for c, units in enumerate(classes):
        for other, before in enumerate(classes[:c]):
            if any(set(units) | set(before) <= set(one) for one in alike):
                whole[c] = whole[other]
                break
    numbers, joined = np.unique(whole, return_inverse=True)
    share = np.stack([people.unit_share[:, list(units)].sum(axis=1) for units in classes], axis=1)
    if len(numbers) == len(classes) or (share <= 0.0).any():
        return None
    total = np.stack([share[:, joined == n].sum(axis=1) for n in range(len(numbers))], axis=1)
    return joined.ravel().astype(np.int64), share / total[:, joined.ravel()]


def lanes_of(
    plan: Plan,
    people: People,
    owner: NDArray[np.int64],
    *,
    merged: bool = False,
    copies: int = 1,
    joined: bool = False,
) -> Lanes:
    """Choose the classes of people to carry along.

    Parameters
    ----------
    plan : Plan
    people : People
    owner : int64 [owners]
        Group of each owner.
    merged : bool
        Put all units together, with average tables where they differ.
    copies : int
        Classes alike in everything (one for each moment of the days on the route).
    joined : bool
        Carry classes that always come together as one until somebody tells them apart.

    Returns
    -------
    Lanes
    """
    n = len(UNITS)
    classes = [tuple(range(n))] if merged else unit_classes(plan)
    mix = np.zeros((len(owner), len(classes), len(plan.groups) * n))
    for i, group in enumerate(owner):
        for c, units in enumerate(classes):
            part = people.unit_share[group, list(units)]
            part = part / part.sum() if part.sum() > 0.0 else np.full(len(units), 1.0 / len(units))
            mix[i, c, group * n + np.array(units)] = part
    if copies > 1:
        return Lanes(owner, np.repeat(mix, copies, axis=1), copies)
    alike = merged or len(unit_classes(plan, south_only=True)) == 1
    lanes = Lanes(owner, mix, 1 if alike else len(classes))
    together = _joined(plan, people, classes) if joined and alike and not merged else None
    return lanes if together is None else replace(lanes, joined=together[0], part=together[1][owner])
