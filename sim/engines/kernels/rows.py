"""Rows of eight whole numbers, written down as they are reckoned with: what a kernel does for eight records at a time.

A `Row` stands for eight 64-bit numbers of the code that is being made, not for numbers of Python: `a + b` writes down an
addition of eight numbers. Where the processor has vectors of 512 bits it is one instruction; elsewhere the compiler takes it
apart, with the same result.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

__all__ = ["EIGHT", "Asked", "Row", "Writer", "copy_four", "room"]

EIGHT = 8
_INT = ir.IntType(64)
_I32 = ir.IntType(32)
_ROW = ir.VectorType(_INT, EIGHT)
_ASKED = ir.VectorType(ir.IntType(1), EIGHT)
_LINE = 64


class _Eight:
    def __init__(self, writer, value) -> None:
        self.writer, self.value = writer, value

    def _of(self, name, other):
        return type(self)(
            self.writer, getattr(self.writer.builder, name)(self.value, self.writer.spread(other).value)
        )

    def __and__(self, other) -> Any:
        return self._of("and_", other)

    def __or__(self, other) -> Any:
        return self._of("or_", other)


class Row(_Eight):
    """Eight numbers."""

    def __add__(self, other) -> Any:
        return self._of("add", other)

    def __sub__(self, other) -> Any:
        return self._of("sub", other)

    def __mul__(self, other) -> Any:
        return self._of("mul", other)

    def __xor__(self, other) -> Any:
        return self._of("xor", other)

    def __lshift__(self, other) -> Any:
        return self._of("shl", other)

    def __rshift__(self, other) -> Any:
        return self._of("lshr", other)

    def _asked(self, how, other):
        w = self.writer
        return Asked(w, w.builder.icmp_unsigned(how, self.value, w.spread(other).value))

    def __eq__(self, other) -> Any:
        return self._asked("==", other)

    def __ne__(self, other) -> Any:
        return self._asked("!=", other)

    def __lt__(self, other) -> Any:
        return self._asked("<", other)

    def __ge__(self, other) -> Any:
        return self._asked(">=", other)

    __hash__ = None

    def least(self, other):
        """The smaller of each two."""
        return (self < other).pick(self, other)


class Asked(_Eight):
    """Eight answers."""

    def _of(self, name, other):
        return Asked(self.writer, getattr(self.writer.builder, name)(self.value, other.value))

    def no(self):
        """The opposite."""
        return Asked(self.writer, self.writer.builder.not_(self.value))

    def pick(self, yes, no):
        """Numbers of one row where the answer is yes, else of the other."""
        w = self.writer
        return Row(w, w.builder.select(self.value, w.spread(yes).value, w.spread(no).value))

    def bits(self):
        """The answers as the low bits of a number."""
        b = self.writer.builder
        return b.zext(b.bitcast(self.value, ir.IntType(8)), _INT)

    def any(self):
        """Whether one is yes."""
        b = self.writer.builder
        return b.icmp_unsigned("!=", b.bitcast(self.value, ir.IntType(8)), ir.IntType(8)(0))


class Writer:
    """Writes rows into a kernel."""

    def __init__(self, builder) -> None:
        self.builder = builder

    def spread(self, number):
        """The same number eight times; a row stays what it is."""
        if isinstance(number, _Eight):
            return number
        if isinstance(number, int):
            return Row(self, ir.Constant(_ROW, [number & 0xFFFFFFFFFFFFFFFF] * EIGHT))
        one = self.builder.insert_element(ir.Constant(_ROW, ir.Undefined), number, _I32(0))
        zeros = ir.Constant(ir.VectorType(_I32, EIGHT), [0] * EIGHT)
        return Row(self, self.builder.shuffle_vector(one, ir.Constant(_ROW, ir.Undefined), zeros))

    def count(self):
        """0 to 7."""
        return Row(self, ir.Constant(_ROW, list(range(EIGHT))))

    def load(self, address, at, align=_LINE):
        """Eight numbers one after another."""
        b = self.builder
        return Row(self, b.load(b.bitcast(b.gep(address, [at]), _ROW.as_pointer()), align=align))

    def store(self, row, address, at, align=_LINE):
        """Write eight numbers one after another."""
        b = self.builder
        b.store(row.value, b.bitcast(b.gep(address, [at]), _ROW.as_pointer()), align=align)

    def gather(self, address, index, width=64):
        """Numbers of `width` bits at eight indices from an address."""
        b = self.builder
        first = self.spread(b.ptrtoint(address, _INT))
        return self.gather_at(first + (index << (width // 8).bit_length() - 1), width)

    def gather_at(self, addresses, width=64):
        """Numbers of `width` bits at eight addresses."""
        b, kind = self.builder, ir.IntType(width)
        row = ir.VectorType(kind, EIGHT)
        which = b.inttoptr(addresses.value, ir.VectorType(kind.as_pointer(), EIGHT))
        wanted = ir.FunctionType(row, [which.type, _I32, _ASKED, row])
        name = f"llvm.masked.gather.v{EIGHT}i{width}.v{EIGHT}p0"
        gather = cgutils.get_or_insert_function(b.module, wanted, name)
        read = b.call(
            gather,
            [which, _I32(width // 8), ir.Constant(_ASKED, [1] * EIGHT), ir.Constant(row, ir.Undefined)],
        )
        return Row(self, read if width == 64 else b.zext(read, _ROW))

    def gather16(self, address, index):
        """16-bit numbers at eight indices, read with their neighbours: such a word never crosses a page of memory."""
        word = self.gather(self.builder.bitcast(address, _INT.as_pointer()), index >> 2)
        return (word >> ((index & 3) << 4)) & 0xFFFF

    def _mixed(self, a, b, order):
        mask = ir.Constant(ir.VectorType(_I32, EIGHT), order)
        return Row(self, self.builder.shuffle_vector(a.value, b.value, mask))

    def words(self, lines):
        """Words of eight records out of four rows of two records each, and (the same steps back) the other way round."""
        pairs = [self._mixed(a, b, [0, 4, 8, 12, 1, 5, 9, 13]) for a, b in (lines[:2], lines[2:])]
        others = [self._mixed(a, b, [2, 6, 10, 14, 3, 7, 11, 15]) for a, b in (lines[:2], lines[2:])]
        low, high = [0, 1, 2, 3, 8, 9, 10, 11], [4, 5, 6, 7, 12, 13, 14, 15]
        return [self._mixed(*two, half) for two in (pairs, others) for half in (low, high)]

    def lines(self, words):
        """Four rows of two records each out of the words of eight records."""
        w0, w1, w2, w3 = words
        low, high = [0, 8, 1, 9, 2, 10, 3, 11], [4, 12, 5, 13, 6, 14, 7, 15]
        made = []
        for half in (low, high):
            a, b = self._mixed(w0, w1, half), self._mixed(w2, w3, half)
            made += [
                self._mixed(a, b, [0, 1, 8, 9, 2, 3, 10, 11]),
                self._mixed(a, b, [4, 5, 12, 13, 6, 7, 14, 15]),
            ]
        return made

    def slot(self, row):
        """A place for a row that may be written again."""
        slot = cgutils.alloca_once(self.builder, row.value.type)
        self.builder.store(row.value, slot)
        return slot

    def kept(self, slot, kind=Row):
        """What stands in a place."""
        return kind(self, self.builder.load(slot))

    def keep(self, slot, row):
        """Write a place again."""
        self.builder.store(row.value, slot)

    @contextmanager
    def where_any(self, asked):
        """What is only done where one of eight needs it."""
        with self.builder.if_then(asked.any(), likely=False):
            yield


@intrinsic(prefer_literal=True)
def room(_, numbers):
    """Address of some 64-bit numbers on the stack of the kernel, from the beginning of a cache line."""
    count = numbers.literal_value

    def codegen(context, builder, signature, arguments):
        with builder.goto_entry_block():
            made = builder.alloca(_INT, count)
            made.align = _LINE
        return made

    return types.CPointer(types.uint64)(numbers), codegen


@intrinsic
def copy_four(_, to, at, source, first):
    """Write four numbers from `first` on of one address to another, from `at` on, at once."""

    def codegen(context, builder, signature, arguments):
        to, at, source, first = arguments
        four = ir.VectorType(_INT, 4).as_pointer()
        numbers = builder.load(builder.bitcast(builder.gep(source, [first]), four), align=8)
        builder.store(numbers, builder.bitcast(builder.gep(to, [at]), four), align=8)
        return context.get_dummy_value()

    return types.void(to, types.int64, source, types.int64), codegen
