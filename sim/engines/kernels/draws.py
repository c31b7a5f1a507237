"""Counter-based draws and the words of a record: pure functions of (seed, stream, unit or person, place or leg, visit)."""

from __future__ import annotations

import numpy as np

from sim.engines.kernels.build import called, inside

__all__ = [
    "ARRIVED",
    "BOARDING",
    "DIED",
    "GOLD",
    "MIX",
    "MOVE",
    "NO_MEANS",
    "QUEUED",
    "REMOVED",
    "RETURNED",
    "SETTLE",
    "SETTLED",
    "SHUT",
    "STAYING",
    "STRANDED",
    "TRAVELLING",
    "TURN",
    "inline",
    "inner",
    "jit",
    "mix",
    "visit",
    "woven",
]

U64 = np.uint64
MIX = U64(0x0E9846AF9B1A615D)
GOLD = U64(0x9E3779B97F4A7C15)
_S28, _S32 = U64(28), U64(32)
S16 = U64(16)
S32 = _S32
M16 = U64(0xFFFF)
M32 = U64(0xFFFFFFFF)
TOP = U64(0xFFFFFFFE)
"""Largest 32-bit draw, so that a threshold of 0xFFFFFFFF is certain."""

STAYING, QUEUED, STRANDED, TRAVELLING, SETTLED = 0, 1, 2, 3, 4
MOVE, SETTLE, TURN, SHUT = 0, 1, 2, 3
"""Sorts of a way out of a place; the last stands for none that is open."""
ARRIVED, OUT_SETTLED, RETURNED, REMOVED, DIED = 1, 2, 3, 4, 5
BOARDING = 1
NO_MEANS = 0xFFFF
"""Means of people who never run out (mechanism switched off)."""
STREAM_FORCED, STREAM_TURN, STREAM_AGAIN, STREAM_DEATH, STREAM_LINE, STREAM_UNIT, STREAM_PERSON = (
    11,
    12,
    13,
    24,
    15,
    16,
    40,
)

jit = called()
inner = inside()
woven = inside(forceinline=True)
"""For small kernels called once a person: a call counts references to every array handed on, which costs more than the work."""
inline = woven


@inline
def mix(x):
    """Mix 64 bits (xorshift, multiply, twice: J. Maiga's xmx construction)."""
    x ^= x >> _S32
    x *= MIX
    x ^= x >> _S32
    x *= MIX
    x ^= x >> _S28
    return x


@inline
def visit(key, shift, w0, w1, lap):
    """Count an arrival at a place and draw its 64 bits (upper half: choice, lower half: stay).

    A place has two bits of the visits word; when they overflow the lap goes up, so that no draw is used twice.
    """
    v = (w1 >> shift) & U64(3)
    h = mix(w0 + key + (v + (lap << U64(2))) * GOLD)
    v += U64(1)  # no branch: whether a place has been seen four times is nothing a processor can guess
    w1 = (w1 & ~(U64(3) << shift)) | ((v & U64(3)) << shift)
    return w1, (lap + (v >> U64(2))) & U64(63), h
