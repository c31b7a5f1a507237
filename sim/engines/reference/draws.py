"""Draws: who, where and when enter as whole numbers, 64 random bits leave; nothing is remembered.

All arithmetic is modulo 2**64. Those who travel together have one key, so they draw alike and stay together.
"""

from __future__ import annotations

import hashlib

__all__ = ["GOLDEN", "MASK", "Stream", "certain", "lower", "mix", "run_key", "upper"]

MASK = 2**64 - 1
GOLDEN = 0x9E3779B97F4A7C15
"""2**64 divided by the golden ratio: spreads small numbers over all bits."""
_FACTOR = 0x0E9846AF9B1A615D
_LARGEST = 2**32 - 2


class Stream:
    """Numbers that keep draws of different kinds apart."""

    forced = 11
    turn = 12 << 16
    again = 13 << 20
    request = 15 << 22
    lottery = 15 << 20
    patience = 15 << 21
    unit = 16
    death = 24
    person = 40


def mix(number: int) -> int:
    """Mix 64 bits (xorshift, multiply, xorshift, multiply, xorshift; J. Maiga's xmx construction)."""
    number &= MASK
    number ^= number >> 32
    number = number * _FACTOR & MASK
    number ^= number >> 32
    number = number * _FACTOR & MASK
    return number ^ number >> 28


def upper(number: int) -> int:
    """The upper 32 of 64 bits."""
    return number >> 32


def lower(number: int) -> int:
    """The lower 32 of 64 bits."""
    return number & 0xFFFFFFFF


def certain(draw: int) -> int:
    """A draw of 32 bits that lies below a threshold of 2**32 - 1 whatever it is."""
    return min(draw, _LARGEST)


def run_key(seed: int, replicate: int) -> int:
    """Key of all draws of a replicate."""
    return int.from_bytes(hashlib.sha256(f"travesia/{seed}/{replicate}".encode()).digest()[:8], "little")
