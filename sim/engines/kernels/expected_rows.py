"""Row operations of the expected engine: short loops over the classes of people of one place (kernels).

Arrays are handed over as addresses (see `pointer`).
"""

from __future__ import annotations

import numba as nb
from numba.core import types
from numba.extending import intrinsic

__all__ = [
    "add_rows",
    "add_scaled",
    "arrive",
    "blend",
    "clear",
    "inner",
    "jit",
    "pointer",
    "shift",
    "taps",
    "total",
]

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


@intrinsic
def pointer(_, array):
    """Address of the first number of an array (kept alive by the caller).

    Kernels that hand arrays and views to each other count references at every step, which takes longer than the work itself;
    addresses are not counted, and compile in a fraction of the time.
    """

    def codegen(context, builder, signature, arguments):
        made = context.make_array(signature.args[0])(context, builder, arguments[0])
        return made.data

    return types.CPointer(array.dtype)(array), codegen


@intrinsic
def shift(_, address, steps):
    """Address some numbers further on."""

    def codegen(context, builder, signature, arguments):
        return builder.gep(arguments[0], [arguments[1]])

    return address(address, types.int64), codegen


@inner
def clear(x, o, n):
    """``x = 0``."""
    for v in range(n):
        x[o + v] = 0.0


@inner
def total(x, o, n):
    """Sum of a row."""
    s = 0.0
    for v in range(n):
        s += x[o + v]
    return s


@inner
def add_rows(y, oy, x, ox, n):
    """``y += x``."""
    for v in range(n):
        y[oy + v] += x[ox + v]


@inner
def add_scaled(y, oy, c, x, ox, n):
    """``y += c x``."""
    for v in range(n):
        y[oy + v] += c * x[ox + v]


@inner
def blend(y, oy, s, os, x, ox, n):
    """``y += s x``, both rows."""
    for v in range(n):
        y[oy + v] += s[os + v] * x[ox + v]


@inner
def arrive(here, flow, of, row, rows, z, c, n):
    """Those who arrive over an edge: ``here += c row z``, and the same into the month's flow."""
    for v in range(n):
        x = c * row[rows + v] * z[v]
        here[v] += x
        flow[of + v] += x


@inner
def _two(y, oy, x, a, b, ca, cb, n):
    for v in range(n):
        y[oy + v] += ca * x[a + v] + cb * x[b + v]


@inner
def _four(y, oy, x, a, b, c, d, ca, cb, cc, cd, n):
    for v in range(n):
        y[oy + v] += (ca * x[a + v] + cb * x[b + v]) + (cc * x[c + v] + cd * x[d + v])


@inner
def _eight(y, oy, x, o, width, mask, day, p, op, n):
    """``y += sum of p[k] x[day - k]``, k from 0 to 7."""
    a, b, c, d = (
        o + (day & mask) * width,
        o + ((day - 1) & mask) * width,
        o + ((day - 2) & mask) * width,
        o + ((day - 3) & mask) * width,
    )
    e, f, g, h = (
        o + ((day - 4) & mask) * width,
        o + ((day - 5) & mask) * width,
        o + ((day - 6) & mask) * width,
        o + ((day - 7) & mask) * width,
    )
    pa, pb, pc, pd, pe, pf, pg, ph = (
        p[op],
        p[op + 1],
        p[op + 2],
        p[op + 3],
        p[op + 4],
        p[op + 5],
        p[op + 6],
        p[op + 7],
    )
    for v in range(n):
        y[oy + v] += ((pa * x[a + v] + pb * x[b + v]) + (pc * x[c + v] + pd * x[d + v])) + (
            (pe * x[e + v] + pf * x[f + v]) + (pg * x[g + v] + ph * x[h + v])
        )


@inner
def _set_one(y, oy, x, a, ca, n):
    for v in range(n):
        y[oy + v] = ca * x[a + v]


@inner
def _set_two(y, oy, x, a, b, ca, cb, n):
    for v in range(n):
        y[oy + v] = ca * x[a + v] + cb * x[b + v]


@inner
def _set_three(y, oy, x, a, b, c, ca, cb, cc, n):
    for v in range(n):
        y[oy + v] = ca * x[a + v] + cb * x[b + v] + cc * x[c + v]


@inner
def _set_four(y, oy, x, a, b, c, d, ca, cb, cc, cd, n):
    for v in range(n):
        y[oy + v] = (ca * x[a + v] + cb * x[b + v]) + (cc * x[c + v] + cd * x[d + v])


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
    while k + 8 <= count:
        _eight(y, oy, x, o, width, mask, day - k, p, op + k, n)
        k += 8
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
