"""Departures as blocks of persons, and the tables from which units and their members are drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.errors import RunError
from sim.plan.effects import series_product
from sim.plan.graph import key_of
from sim.plan.layout import Departures
from sim.plan.plan import AGES, UNITS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from sim.plan.effects import Effect
    from sim.plan.graph import Graph
    from sim.plan.plan import Plan
    from sim.spec.scenario import Departure

__all__ = ["departures_of"]

_FULL = 2.0**32
NO_MEANS = 0xFFFF
MOST_PEOPLE = 10**12
LARGEST_UNIT = 8
"""Members of a unit are told apart by three bits."""
FIRST_ADULT = AGES.index("18-59")
DEFAULT_FEMALE = 0.38
"""Share of women and girls where a world states none (assumption: Darién 2022 to 2023, SNM Panama, about 0.35 to 0.40)."""
DEFAULT_AGES = {
    "alone": (0.0, 0.0, 0.0, 0.97, 0.03),
    "family": (0.12, 0.15, 0.12, 0.59, 0.02),
    "unaccompanied": (0.0, 0.1, 0.9, 0.0, 0.0),
}
"""Shares of age bands where a world states none (assumption)."""
DEFAULT_SIZES = {2: 0.4, 3: 0.3, 4: 0.2, 5: 0.1}
"""Shares of family sizes where a world states none (assumption)."""


def _cumulated(shares: Sequence[float]) -> NDArray[np.uint64]:
    total = np.cumsum(np.asarray(shares, float))
    out = np.minimum(np.round(total / total[-1] * _FULL), _FULL - 1).astype(np.uint64)
    out[np.flatnonzero(np.asarray(shares) > 0.0)[-1] :] = 0xFFFFFFFF
    return np.asarray(out, np.uint64)


def _profile(graph: Graph, group: str, unit: str) -> tuple[float, float, tuple[float, ...], dict[int, float]]:
    """Share of persons, share of females, age shares and size shares of one group and unit."""
    world = graph.scenario.world
    share = {"alone": 1.0, "family": 0.0, "unaccompanied": 0.0}[unit]
    female = DEFAULT_FEMALE
    ages = dict(zip(AGES, DEFAULT_AGES[unit], strict=True))
    sizes = DEFAULT_SIZES if unit == "family" else {1: 1.0}
    own = [p for p in world.profiles if p.group in {group, "ALL"} and p.unit in {unit, "ALL"}]
    own.sort(key=lambda p: (p.group == group, p.unit == unit))
    read_ages = {p.key: p.value for p in own if p.measure == "age_share"}
    read_sizes = {int(p.key): p.value for p in own if p.measure == "family_size_share"}
    for p in own:
        if p.measure == "unit_share" and p.unit == unit:
            share = p.value
        elif p.measure == "female_share":
            female = p.value
    if read_ages:
        ages = {a: read_ages.get(a, 0.0) for a in AGES}
    if read_sizes and unit == "family":
        sizes = read_sizes
    stated = graph.scenario.units
    if stated:
        entry = stated.get(unit)
        share = entry.share if entry is not None else 0.0
        if entry is not None and entry.sizes:
            sizes = dict(entry.sizes)
    held = dict.fromkeys(range(1, LARGEST_UNIT + 1), 0.0)
    for size, part in sizes.items():  # larger units travel as the largest there is
        held[min(size, LARGEST_UNIT)] += part
    return (
        share,
        female,
        tuple(ages[a] for a in AGES),
        {size: part for size, part in held.items() if part > 0.0},
    )


def _drawn_tables(graph: Graph) -> dict[str, NDArray[np.generic]]:
    n_groups, n_units = len(graph.groups), len(UNITS)
    k = n_groups * n_units
    unit = np.zeros((n_groups, n_units), np.uint64)
    size = np.full((k, 8), 0xFFFFFFFF, np.uint64)
    first_unit, first_size = np.zeros_like(unit), np.zeros_like(size)
    female = np.zeros(k, np.uint64)
    age = np.zeros((k, len(AGES)), np.uint64)
    adult = np.zeros(k, np.uint8)
    for g, group in enumerate(graph.groups):
        chance, stated = [], []
        for u, name in enumerate(UNITS):
            share, women, ages, sizes = _profile(graph, group, name)
            mean = sum(n * s for n, s in sizes.items()) / sum(sizes.values())
            chance.append(share / mean)
            stated.append(share)
            kind = g * n_units + u
            part = [sizes.get(n, 0.0) for n in range(1, 9)]
            size[kind] = _cumulated(part)
            # a unit is cut as likely here as there: of so many members or more
            first_size[kind] = _cumulated([sum(part[n:]) for n in range(8)])
            female[kind] = np.uint64(min(round(women * _FULL), _FULL))
            age[kind] = _cumulated(ages)
            adult[kind] = name == "family"
        unit[g], first_unit[g] = _cumulated(chance), _cumulated(stated)
    return {
        "unit_threshold": unit,
        "size_threshold": size,
        "first_unit_threshold": first_unit,
        "first_size_threshold": first_size,
        "female_threshold": female,
        "age_threshold": age,
        "needs_adult": adult,
    }


def _means(graph: Graph) -> NDArray[np.uint16]:
    """Quantiles of means at departure, lognormal by group, in USD."""
    out = np.full((len(graph.groups), 256), NO_MEANS, np.uint16)
    if not graph.scenario.behaviour.means:
        return out
    from scipy.special import ndtri

    groups = {g.id: g for g in graph.scenario.world.groups}
    z = ndtri((np.arange(256) + 0.5) / 256)
    for g, name in enumerate(graph.groups):
        group = groups[name]
        if group.means_median_usd:
            usd = group.means_median_usd * np.exp(z * (group.means_spread or 0.0))
            out[g] = np.clip(np.round(usd), 0, NO_MEANS - 1).astype(np.uint16)
    return out


def departures_of(
    graph: Graph,
    effects: Sequence[Effect],
    days: NDArray[np.datetime64],
    scale: float,
    like: Plan | None = None,
) -> tuple[Departures, int]:
    """Compile departure rows to blocks of whole persons.

    Rows stated as persons a day are a block a day; rows stated as persons over a window are one block spread evenly.
    Scaled totals are rounded down on the running total of each row, so that the sum is kept to one person. A plan that is `like`
    this one lends its blocks where the same people depart.

    Returns
    -------
    departures : Departures
    people : int
        Upper bound of persons who depart.
    """
    n = len(days)
    rows = graph.scenario.departures
    own = _pushes(effects, len(rows))
    if like is not None and _departs_alike(graph, scale, n, like):
        return _pushed_otherwise(effects, own, n, like.departures)
    start0 = days[0]
    series: list[NDArray[np.float64]] = []
    seen: dict[object, int] = {}
    keys, places, groups, pushes = [], [], [], []
    blocks: list[tuple[int, int, int, int]] = []
    running: dict[str, float] = {}
    bound = 0.0
    windows: dict[str, list[tuple[int, int]]] = {}
    for number, row in enumerate(rows):
        place, group = graph.place_number[row.place], graph.groups.index(row.group)
        name = row.id or f"{row.place}/{row.group}/{row.channel}"
        places.append(place)
        groups.append(group)
        push, top = _push_of(effects, own[number], n, seen, series)
        pushes.append(push)
        first = int((np.datetime64(row.start) - start0).astype(int))
        last = int((np.datetime64(row.end) - start0).astype(int))
        double = sum(first <= b and a <= last for a, b in windows.setdefault(name, []))
        windows[name].append((first, last))
        keys.append(key_of(name if double == 0 else f"{name}#{double}"))
        for day, length, persons in _stretches(row, first, last):
            before = running.get(name, 0.0)
            running[name] = before + persons * scale
            whole = int(np.floor(running[name] + 1e-9) - np.floor(before + 1e-9))
            if whole > 0 and day < n:
                blocks.append((number, day, length, whole))
                bound += whole * top + (8 if top > 1.0 else 0)
    if bound > MOST_PEOPLE:
        msg = f"{bound:,.0f} people would depart; at most {MOST_PEOPLE:,} fit into a run"
        raise RunError(msg)
    order = sorted(range(len(blocks)), key=lambda b: (blocks[b][1], blocks[b][0]))
    table = np.array([blocks[b] for b in order], np.int64).reshape(len(blocks), 4)
    due_start, due_block = _due(table, n)
    tally = np.arange(len(graph.groups) * 2 * len(AGES), dtype=np.int32).reshape(
        len(graph.groups), 2, len(AGES)
    )
    made = Departures(
        row_place=np.array(places, np.int32),
        row_group=np.array(groups, np.int32),
        row_key=np.array(keys, np.uint64),
        row_push=np.array(pushes, np.int32),
        push=np.array(series).reshape(len(series), n),
        block_row=table[:, 0].astype(np.int32),
        block_start=table[:, 1].copy(),
        block_days=table[:, 2].copy(),
        block_persons=table[:, 3].copy(),
        due_start=due_start,
        due_block=due_block,
        first_adult_age=FIRST_ADULT,
        tally_class=tally,
        means=_means(graph),
        **_drawn_tables(graph),
    )
    return made, int(np.ceil(bound))


def _stretches(row: Departure, first: int, last: int) -> list[tuple[int, int, float]]:
    """Days, length and persons of a row: day by day where it states persons a day, else all at once."""
    if row.per_day is None:
        return [(first, last - first + 1, float(row.persons or 0.0))]
    return [(day, 1, float(row.per_day)) for day in range(first, last + 1)]


def _departs_alike(graph: Graph, scale: float, n: int, like: Plan) -> bool:
    """Whether the same people depart as in another plan, but for pushes."""
    one, other, world, there = graph.scenario, like.scenario, graph.scenario.world, like.scenario.world
    if scale != like.scale or one.first_day != other.first_day or n != like.n_days:
        return False
    if world is not there and (world.profiles, world.groups, world.places) != (
        there.profiles,
        there.groups,
        there.places,
    ):
        return False
    if one.departures is not other.departures and one.departures != other.departures:
        return False
    return one.units == other.units and one.behaviour == other.behaviour


def _pushed_otherwise(
    effects: Sequence[Effect], own: list[tuple[int, ...]], n: int, before: Departures
) -> tuple[Departures, int]:
    """The blocks of another plan under the pushes of this one, and the upper bound of persons."""
    seen: dict[object, int] = {}
    series: list[NDArray[np.float64]] = []
    found = [_push_of(effects, numbers, n, seen, series) for numbers in own]
    top = np.array([one[1] for one in found])[before.block_row]
    bound = float((before.block_persons * top + np.where(top > 1.0, 8.0, 0.0)).sum())
    if bound > MOST_PEOPLE:
        msg = f"{bound:,.0f} people would depart; at most {MOST_PEOPLE:,} fit into a run"
        raise RunError(msg)
    made = before._replace(
        row_push=np.array([one[0] for one in found], np.int32), push=np.array(series).reshape(len(series), n)
    )
    return made, int(np.ceil(bound))


def _pushes(effects: Sequence[Effect], rows: int) -> list[tuple[int, ...]]:
    """Numbers of the effects on the departures of each row."""
    out: list[list[int]] = [[] for _ in range(rows)]
    for number, effect in enumerate(effects):
        if effect.quantity == "departures":
            for row in effect.rows.tolist():
                out[row].append(number)
    return [tuple(numbers) for numbers in out]


def _push_of(
    effects: Sequence[Effect],
    own: tuple[int, ...],
    n: int,
    seen: dict[object, int],
    series: list[NDArray[np.float64]],
) -> tuple[int, float]:
    """Number of the daily factor on a row's departures (-1 none) and its largest value."""
    if not own:
        return -1, 1.0
    if own not in seen:
        product = series_product([effects[i] for i in own], n)
        key = product.tobytes()
        if key not in seen:
            seen[key] = len(series)
            series.append(product)
        seen[own] = seen[key]
    return seen[own], float(max(1.0, np.ceil(series[seen[own]].max())))


def _due(table: NDArray[np.int64], n: int) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """List, for each day, the blocks in which someone may fall due."""
    lengths = np.minimum(table[:, 1] + table[:, 2], n) - table[:, 1]
    block = np.repeat(np.arange(len(table)), lengths)
    offset = np.arange(len(block)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    day = table[block, 1] + offset
    order = np.argsort(day, kind="stable")
    counts = np.bincount(day, minlength=n)[:n] if len(day) else np.zeros(n, np.int64)
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64), block[order].astype(np.int32)
