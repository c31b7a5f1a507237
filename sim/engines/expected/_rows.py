"""Row operations of the expected engine: short loops over the classes of people of one place (kernels).

Indices are cast to unsigned, so that the compiler needs no check for negative ones and can use wide registers.
"""

from __future__ import annotations

import numba as nb
import numpy as np

__all__ = ["add_rows", "add_scaled", "blend", "clear", "inner", "jit", "taps", "total"]

U = np.uint64
_FAST = {"reassoc", "contract", "nsz", "arcp"}
jit = nb.njit(cache=True, nogil=True, error_model="numpy", boundscheck=False, fastmath=_FAST)
inner = nb.njit(
    cache=True,
    nogil=True,
    error_model="numpy",
    boundscheck=False,
    fastmath=_FAST,
    no_cpython_wrapper=True,
    no_cfunc_wrapper=True,
)


@inner
def clear(x, o, n):
    """``x = 0``."""
    for v in range(n):
        x[U(o + v)] = 0.0


@inner
def total(x, o, n):
    """Sum of a row."""
    s = 0.0
    for v in range(n):
        s += x[U(o + v)]
    return s


@inner
def add_rows(y, oy, x, ox, n):
    """``y += x``."""
    for v in range(n):
        y[U(oy + v)] += x[U(ox + v)]


@inner
def add_scaled(y, oy, c, x, ox, n):
    """``y += c x``."""
    for v in range(n):
        y[U(oy + v)] += c * x[U(ox + v)]


@inner
def blend(y, oy, s, os, x, ox, n):
    """``y += s x``, both rows."""
    for v in range(n):
        y[U(oy + v)] += s[U(os + v)] * x[U(ox + v)]


@inner
def _two(y, oy, x, a, b, ca, cb, n):
    for v in range(n):
        y[U(oy + v)] += ca * x[U(a + v)] + cb * x[U(b + v)]


@inner
def _four(y, oy, x, a, b, c, d, ca, cb, cc, cd, n):
    for v in range(n):
        y[U(oy + v)] += (ca * x[U(a + v)] + cb * x[U(b + v)]) + (cc * x[U(c + v)] + cd * x[U(d + v)])


@inner
def _set_one(y, oy, x, a, ca, n):
    for v in range(n):
        y[U(oy + v)] = ca * x[U(a + v)]


@inner
def _set_two(y, oy, x, a, b, ca, cb, n):
    for v in range(n):
        y[U(oy + v)] = ca * x[U(a + v)] + cb * x[U(b + v)]


@inner
def _set_three(y, oy, x, a, b, c, ca, cb, cc, n):
    for v in range(n):
        y[U(oy + v)] = ca * x[U(a + v)] + cb * x[U(b + v)] + cc * x[U(c + v)]


@inner
def _set_four(y, oy, x, a, b, c, d, ca, cb, cc, cd, n):
    for v in range(n):
        y[U(oy + v)] = (ca * x[U(a + v)] + cb * x[U(b + v)]) + (cc * x[U(c + v)] + cd * x[U(d + v)])


@inner
def taps(y, oy, x, o, width, mask, day, p, op, count, n):
    """``y = sum of p[k] x[day - k]``, k from 0 to `count` - 1, over the ring of days at offset `o` of `x`."""
    k = 0
    if count >= 4:
        _set_four(y, oy, x, o + (day & mask) * width, o + ((day - 1) & mask) * width, o + ((day - 2) & mask) * width,
                  o + ((day - 3) & mask) * width, p[op], p[op + 1], p[op + 2], p[op + 3], n)  # fmt: skip
        k = 4
    elif count == 3:
        _set_three(y, oy, x, o + (day & mask) * width, o + ((day - 1) & mask) * width, o + ((day - 2) & mask) * width,
                   p[op], p[op + 1], p[op + 2], n)  # fmt: skip
        k = 3
    elif count == 2:
        _set_two(y, oy, x, o + (day & mask) * width, o + ((day - 1) & mask) * width, p[op], p[op + 1], n)
        k = 2
    elif count == 1:
        _set_one(y, oy, x, o + (day & mask) * width, p[op], n)
        k = 1
    else:
        clear(y, oy, n)
    while k + 4 <= count:
        a = day - k
        _four(y, oy, x, o + (a & mask) * width, o + ((a - 1) & mask) * width, o + ((a - 2) & mask) * width,
              o + ((a - 3) & mask) * width, p[op + k], p[op + k + 1], p[op + k + 2], p[op + k + 3], n)  # fmt: skip
        k += 4
    while k + 2 <= count:
        a = day - k
        _two(y, oy, x, o + (a & mask) * width, o + ((a - 1) & mask) * width, p[op + k], p[op + k + 1], n)
        k += 2
    if k < count:
        add_scaled(y, oy, p[op + k], x, o + ((day - k) & mask) * width, n)
