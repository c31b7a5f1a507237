"""The record of a travel unit: four words that hold the people who travel together (kernel).

People of a unit share every draw but those of a death, so they arrive, wait, choose and leave together, and one record
moves all of them. They are counted, and die, one by one: each has four bits, so that who is left is known.

====  =====================================================================================================
word  content (low bits first)
====  =====================================================================================================
0     travel-unit key, 64 bits
1     visits: 32 slots of 2 bits, one slot for each place (modulo 32)
2     place 12, kind (group x unit) 8, departure day 12 (low bits), members 8 x 4 by position: 0 nobody, else
      1 + sex x 5 + age band
3     means in USD 16, departure day 3 (high bits), heading 1, status 2, arriving 1, outcome 3, lap 6, choice draw 32
====  =====================================================================================================
"""

from __future__ import annotations

import numpy as np

from sim.engines.kernels.draws import GOLD, S32, STREAM_DEATH, U64, mix, woven

__all__ = [
    "ARRIVING",
    "KEEP",
    "MEMBER_BITS",
    "NO_LEG",
    "PLACE",
    "SOUTHWARD",
    "WAY",
    "ask",
    "day_of_departure",
    "first_threshold",
    "first_words",
    "kind_of",
    "size_of",
    "who_dies",
]

PLACE = U64(0xFFF)
"""Bits of word 2 that hold the place."""
KIND = U64(0xFF)
WAY = U64(0x3FFFFF)
"""First way out of a place, in the upper bits of its fourth word."""
MEMBER_BITS = U64(4)
ARRIVING = U64(1 << 22)
SOUTHWARD = U64(1 << 19)
KEEP = U64(0x0F0000)
"""Departure day and heading in word 3, which a move leaves as they are."""
NO_LEG = U64(1 << 23)
"""Bit of the second word of a way whose sort is not to move: one of its own, so that nearly everybody passes one branch."""
_ONES = U64(0x11111111)


@woven
def first_threshold(ways, row):
    """First threshold of a class of people (`row`) in a place whose fourth word is `ways` (see `sim.engines.agents.words`)."""
    return (np.int64(ways >> U64(38)) + (row << np.int64((ways >> U64(12)) & U64(15)))) << 3


@woven
def kind_of(w2):
    """Group and sort of unit."""
    return np.int64((w2 >> U64(12)) & KIND)


@woven
def day_of_departure(w2, w3):
    """Day on which the unit departed."""
    return np.int64(((w2 >> U64(20)) & PLACE) | ((w3 >> U64(4)) & U64(0x7000)))


@woven
def size_of(w2):
    """Persons in a record: four-bit fields of the members that are not zero."""
    x = w2 >> S32
    x = (x | (x >> U64(1)) | (x >> U64(2)) | (x >> U64(3))) & _ONES
    return np.int64(((x * _ONES) >> U64(28)) & U64(15))


@woven
def first_words(place, kind, day, members, means, lap, draw):
    """Words 2 and 3 of a unit that departs northward on `day`."""
    d = U64(day)
    w2 = U64(place) | (U64(kind) << U64(12)) | ((d & PLACE) << U64(20)) | (members << S32)
    w3 = means | ((d & U64(0x7000)) << U64(4)) | (lap << U64(26)) | (draw << S32)
    return w2, w3


@woven
def who_dies(h, death, w2):
    """Fields of word 2 of the members who die on a crossing: each has a draw of their own."""
    dead = U64(0)
    for pos in range(8):
        field = U64(15) << (S32 + MEMBER_BITS * U64(pos))
        if w2 & field and (mix(h + U64(pos + STREAM_DEATH) * GOLD) >> S32) < death:
            dead |= w2 & field
    return dead


@woven
def ask(request, turn, w0, w1, w2, w3, leg):
    """Write down that a unit asks for a limited leg (its number + 1), or (0) found every way closed."""
    n = turn[4]
    at = 5 * n
    request[at], request[at + 1], request[at + 2], request[at + 3], request[at + 4] = w0, w1, w2, w3, leg
    turn[4] = n + 1
