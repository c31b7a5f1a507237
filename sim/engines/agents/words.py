"""Pack what an arrival asks of a place into words that lie side by side, once for each run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sim.plan.layout import Fixed

__all__ = [
    "CERTAIN",
    "count_thresholds",
    "count_ways",
    "write_kinds",
    "write_members",
    "write_ways",
    "write_words",
]

CERTAIN = 0x8000
"""Bit of a guide word: every draw of this 256th of the range means the same day, nothing else need be looked up."""


def write_words(
    fixed: Fixed,
    place_word: NDArray[np.uint64],
    stay_word: NDArray[np.uint64],
    guide_word: NDArray[np.uint16],
) -> None:
    """Fill the words of places, stays and distributions.

    Parameters
    ----------
    fixed : Fixed
    place_word : uint64 [P * 4]
        Written: key; visit slot 8, country 16, ends 1 (from the low bits: 0, 8, 24), forced index + 1 (32); cost of a day in
        USD; alternatives 12, doublings of eight thresholds 4, first way 22 (see :func:`write_ways`), thresholds by eight before
        those of the place 26.
    stay_word : uint64 [K * P]
        Written: first day of the distribution in `cdf` 32, calendar 16 (0xFFFF none), distribution 16.
    guide_word : uint16 [D * 256]
        Written: first day that a draw of the cell can mean, with `CERTAIN` where it is the only one.
    """
    word = place_word.reshape(-1, 4)
    word[:] = 0
    word[:, 0] = fixed.place_key
    word[:, 1] = (
        fixed.place_slot
        | (fixed.place_country.astype(np.uint64) << np.uint64(8))
        | (fixed.place_ends.astype(np.uint64) << np.uint64(24))
        | ((fixed.forced_index + 1).astype(np.uint64) << np.uint64(32))
    )
    word[:, 2] = fixed.daily_cost.astype(np.uint64)
    eights, doublings = _eights(fixed)
    first = np.cumsum(fixed.alternatives + 1) - fixed.alternatives - 1
    before = np.cumsum(eights) - eights
    parts = (fixed.alternatives, 0), (doublings, 12), (first, 16), (before, 38)
    for values, bit in parts:
        word[:, 3] |= values.astype(np.uint64) << np.uint64(bit)
    table = fixed.stay_table.reshape(-1)
    calendar = fixed.stay_calendar.reshape(-1).astype(np.int64)
    stay_word[:] = (
        fixed.offset[table].astype(np.uint64)
        | (np.where(calendar < 0, 0xFFFF, calendar).astype(np.uint64) << np.uint64(32))
        | (table.astype(np.uint64) << np.uint64(48))
    )
    last = (np.arange(256, dtype=np.uint64) << np.uint64(24)) | np.uint64(0xFFFFFF)
    last[255] = 0xFFFFFFFE
    first_day = fixed.guide.astype(np.int64)
    top = fixed.cdf[fixed.offset[:-1, None] + first_day].astype(np.uint64)
    guide_word[:] = (
        np.where(top > last[None, :], first_day | CERTAIN, first_day).reshape(-1).astype(np.uint16)
    )


def _eights(fixed: Fixed) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Eights of thresholds of each place, over all classes of people, and how often eight is doubled for one class."""
    doublings = np.ceil(np.log2(np.maximum(fixed.alternatives, 8) / 8)).astype(np.int64)
    return fixed.weight.shape[0] << doublings, doublings


def count_thresholds(fixed: Fixed) -> int:
    """Count the thresholds: for each place and class of people as many as its alternatives, and up to 8, 16, 32, ..."""
    return 8 * int(_eights(fixed)[0].sum())


def count_ways(fixed: Fixed) -> int:
    """Count the ways: the alternatives of each place and one for none, and the legs that nobody chooses."""
    return len(fixed.alternatives) + len(fixed.leg_to)


def write_ways(fixed: Fixed, way_leg: NDArray[np.int32], leg_way: NDArray[np.int32]) -> None:
    """Lay out the ways: those out of a place side by side, so that a choice is an address without looking up its leg.

    Parameters
    ----------
    fixed : Fixed
    way_leg : int32 [ways]
        Written: the alternatives of each place in their order and -1 for none, place by place; then legs of no choice.
    leg_way : int32 [L]
        Written: the way of each leg.
    """
    listed = np.concatenate(
        [row[: n + 1] for row, n in zip(fixed.alternative, fixed.alternatives, strict=True)]
        or [np.zeros(0, np.int32)]
    )
    others = np.setdiff1d(np.arange(len(leg_way)), listed)
    way_leg[:] = np.concatenate([listed, others])
    chosen = np.flatnonzero(way_leg >= 0)
    leg_way[way_leg[chosen]] = chosen


def write_members(
    kind_group: NDArray[np.int16], tally_class: NDArray[np.int32], member_class: NDArray[np.uint16]
) -> None:
    """Fill the tally classes of members by the four bits each has in a record.

    Parameters
    ----------
    kind_group : int16 [K]
    tally_class : int32 [groups, 2, age bands]
    member_class : uint16 [K * 16]
        Written: for member 1 + sex x age bands + age band; 0 is nobody.
    """
    of_group = tally_class.reshape(tally_class.shape[0], -1)
    member_class.reshape(-1, 16)[:, 1 : 1 + of_group.shape[1]] = of_group[kind_group]


def write_kinds(fixed: Fixed, member_class: NDArray[np.uint16], kind_word: NDArray[np.uint64]) -> None:
    """Fill what the first look at a record asks of its kind, with the class of its only member: one word for both.

    Parameters
    ----------
    fixed : Fixed
    member_class : uint16 [K * 16]
        See :func:`write_members`.
    kind_word : uint64 [K * 16]
        Written, by kind and member as `member_class`: tally class of the member 32, first class of people of the kind 32.
    """
    first = fixed.kind_class.astype(np.uint64) * np.uint64(2 * (len(fixed.means_edge) + 1))
    kind_word[:] = member_class | (np.repeat(first, 16) << np.uint64(32))
