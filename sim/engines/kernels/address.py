"""The engine's memory as one book of addresses, and bare addresses for loops that touch a person.

A kernel that takes the six tuples of :mod:`sim.plan.layout` takes some two hundred arrays: to hand them over costs more than
a day's work on a small world, and to compile that takes longer than the work itself. So Python writes one book of addresses
(:func:`book_of`), and a kernel asks it for what it needs by name: as an array (`array`), a whole number (`number`) or a real
one (`real`). The types of the numbers come from the layout. Whoever writes the book keeps the arrays alive.
"""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING, Any, NamedTuple, get_type_hints

import numpy as np
from llvmlite import ir
from numba import from_dtype
from numba.core import types
from numba.core.cgutils import get_or_insert_function
from numba.extending import intrinsic
from numba.np.arrayobj import populate_array

from sim.errors import RunError
from sim.plan import layout

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "add_one",
    "array",
    "book_of",
    "fetch",
    "look",
    "lowest",
    "number",
    "pointer",
    "reached_of_eight",
    "real",
    "seen",
    "shift",
    "take",
]

_TUPLES: dict[str, Any] = {
    "fixed": layout.Fixed,
    "epochs": layout.Epochs,
    "departures": layout.Departures,
    "limits": layout.Limits,
    "knowledge": layout.Knowledge,
    "state": layout.State,
}
_WORDS = 6
"""Words of an entry: address (or the number itself) and up to five dimensions."""


def _entries() -> dict[str, tuple[int, str]]:
    """Number and type of every entry: a numpy type for arrays, else ``int`` or ``float``."""
    table: dict[str, tuple[int, str]] = {}
    for prefix, kind in _TUPLES.items():
        for name, hint in get_type_hints(kind, include_extras=True).items():
            word = hint.__metadata__[0] if hasattr(hint, "__metadata__") else hint.__name__
            table[f"{prefix}.{name}"] = (len(table), word)
    return table


_ENTRIES = _entries()
_INT = ir.IntType(64)


def book_of(**tuples: NamedTuple) -> NDArray[np.int64]:
    """Write the addresses of all arrays of the engine's tuples.

    Parameters
    ----------
    **tuples : NamedTuple
        ``fixed``, ``epochs``, ``departures``, ``limits``, ``knowledge``, ``state`` (see :mod:`sim.plan.layout`), kept alive by
        the caller for as long as the book is used.

    Returns
    -------
    int64 [entries * 6]

    Raises
    ------
    RunError
        When an array is not of the type its layout states, or does not lie in one piece.
    """
    book = np.zeros((len(_ENTRIES), _WORDS), np.int64)
    for prefix, values in tuples.items():
        for name, value in values._asdict().items():
            entry, kind = _ENTRIES[f"{prefix}.{name}"]
            if kind == "float":
                book[entry, 0] = np.float64(value).view(np.int64)
            elif kind == "int":
                book[entry, 0] = value
            elif value.dtype != np.dtype(kind) or not value.flags.c_contiguous:
                raise RunError(
                    f"{prefix}.{name} holds {value.dtype}, in one piece: {value.flags.c_contiguous}; expected {kind} in one piece"
                )
            else:
                book[entry, 0] = value.ctypes.data
                book[entry, 1 : 1 + value.ndim] = value.shape
    return book.ravel()


def _word(builder, book, entry, word):
    return builder.load(builder.gep(book, [ir.Constant(_INT, entry * _WORDS + word)]))


@intrinsic(prefer_literal=True)
def array(_, book, name, dimensions):
    """Array of an entry, in C order, with as many dimensions as said; its references are not counted."""
    entry, kind = _ENTRIES[name.literal_value]
    made_type = types.Array(from_dtype(np.dtype(kind)), dimensions.literal_value, "C")

    def codegen(context, builder, signature, arguments):
        n = made_type.ndim
        made = context.make_array(made_type)(context, builder)
        step = ir.Constant(_INT, context.get_abi_sizeof(context.get_data_type(made_type.dtype)))
        shape = [_word(builder, arguments[0], entry, 1 + d) for d in range(n)]
        strides = []
        size = step
        for d in range(n - 1, -1, -1):
            strides.insert(0, size)
            size = builder.mul(size, shape[d])
        data = builder.inttoptr(_word(builder, arguments[0], entry, 0), made.data.type)
        populate_array(made, data=data, shape=shape, strides=strides, itemsize=step, meminfo=None)
        return made._getvalue()

    return made_type(book, name, dimensions), codegen


@intrinsic(prefer_literal=True)
def number(_, book, name):
    """Whole number of an entry."""
    entry, _kind = _ENTRIES[name.literal_value]

    def codegen(context, builder, signature, arguments):
        return _word(builder, arguments[0], entry, 0)

    return types.int64(book, name), codegen


@intrinsic(prefer_literal=True)
def real(_, book, name):
    """Real number of an entry."""
    entry, _kind = _ENTRIES[name.literal_value]

    def codegen(context, builder, signature, arguments):
        return builder.bitcast(_word(builder, arguments[0], entry, 0), ir.DoubleType())

    return types.float64(book, name), codegen


@intrinsic
def pointer(_, numbers):
    """Address of the first number of an array in C order (kept alive by the caller).

    An index into an array is first asked whether it is negative, and an array handed on is counted; for some forty arrays
    both take longer than to move a person.
    """

    def codegen(context, builder, signature, arguments):
        made = context.make_array(signature.args[0])(context, builder, arguments[0])
        return made.data

    return types.CPointer(numbers.dtype)(numbers), codegen


@intrinsic
def shift(_, address, steps):
    """Address some numbers further on."""

    def codegen(context, builder, signature, arguments):
        return builder.gep(arguments[0], [arguments[1]])

    return address(address, types.int64), codegen


@intrinsic
def reached_of_eight(_, address, value):
    """Number of the eight unsigned numbers at an address that a value of their type reaches: one comparison of a row."""

    def codegen(context, builder, signature, arguments):
        kind = context.get_value_type(signature.args[1])
        row = ir.VectorType(kind, 8)
        numbers = builder.load(builder.bitcast(arguments[0], row.as_pointer()), align=kind.width // 8)
        first = builder.insert_element(ir.Constant(row, ir.Undefined), arguments[1], ir.IntType(32)(0))
        value = builder.shuffle_vector(
            first, ir.Constant(row, ir.Undefined), ir.Constant(ir.VectorType(ir.IntType(32), 8), [0] * 8)
        )
        bits = builder.bitcast(builder.icmp_unsigned(">=", value, numbers), ir.IntType(8))
        return builder.zext(builder.ctpop(bits), _INT)

    return types.int64(address, address.dtype), codegen


@intrinsic
def lowest(_, bits):
    """Number of the lowest bit that is set (one is)."""

    def codegen(context, builder, signature, arguments):
        return builder.cttz(arguments[0], ir.IntType(1)(1))

    return types.int64(bits), codegen


@intrinsic
def add_one(_, address):
    """Add one to a number that several threads count on; return what it was."""

    def codegen(context, builder, signature, arguments):
        return builder.atomic_rmw("add", arguments[0], arguments[0].type.pointee(1), "seq_cst")

    return address.dtype(address), codegen


@intrinsic
def take(_, address, number):
    """Write the next number where a number still stands, before another thread does; return whether it was this one."""

    def codegen(context, builder, signature, arguments):
        address, number = arguments
        pair = builder.cmpxchg(address, number, builder.add(number, number.type(1)), "seq_cst")
        return builder.zext(builder.extract_value(pair, 1), context.get_value_type(types.boolean))

    return types.boolean(address, types.int64), codegen


@intrinsic
def look(_, address):
    """Number that another thread may write meanwhile; the processor is told that the caller does nothing but look."""

    def codegen(context, builder, signature, arguments):
        if platform.machine() in ("x86_64", "AMD64"):
            nothing = ir.FunctionType(ir.VoidType(), [])
            builder.call(get_or_insert_function(builder.module, nothing, "llvm.x86.sse2.pause"), [])
        return builder.load_atomic(arguments[0], "acquire", 8)

    return address.dtype(address), codegen


@intrinsic
def seen(_, address):
    """Number that another thread may write meanwhile, for a caller who has something else to do."""

    def codegen(context, builder, signature, arguments):
        return builder.load_atomic(arguments[0], "acquire", 8)

    return address.dtype(address), codegen


@intrinsic
def fetch(_, address, steps):
    """Ask for the cache line of a number some numbers further on, which is read soon."""

    def codegen(context, builder, signature, arguments):
        byte, small = ir.IntType(8).as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [byte, small, small, small])
        hint = builder.module.declare_intrinsic("llvm.prefetch", [byte], kind)
        place = builder.bitcast(builder.gep(arguments[0], [arguments[1]]), byte)
        builder.call(hint, [place, small(0), small(3), small(1)])
        return context.get_dummy_value()

    return types.void(address, types.int64), codegen
