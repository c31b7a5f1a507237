"""Damage for any file: bytes flipped, pieces cut, doubled or moved, values replaced by nasty ones."""

from __future__ import annotations

import re
from collections.abc import Callable

from hypothesis import strategies as st

__all__ = ["damaged"]

NASTY = (
    *(
        "",
        "null",
        "~",
        "true",
        "-1",
        "0",
        "1e400",
        "-1e-400",
        ".nan",
        ".inf",
        "-.inf",
        "9" * 30,
        "1e9",
        "0.5",
        "NaN",
    ),
    *(
        "2023-13-45",
        "0000-00-00",
        "9999-12-31",
        "2023-02-29",
        "1.5.2",
        "'",
        '"',
        "[]",
        "{}",
        "[[[[",
        "{a: {b: {c:",
    ),
    *(
        "&x [*x, *x]",
        "<<: *y",
        "!!python/object:os.system",
        "!!binary aGk=",
        "../../../etc/passwd",
        "/dev/zero",
        "C:\\x",
    ),
    *(
        "\x00",
        "\ufeff",
        "\u202e",
        "é" * 50,
        "🧭",
        "a" * 3000,
        "%s%n",
        "${HOME}",
        "\t",
        "\n\n",
        "- - - -",
        "---\n---",
        "=1+1",
    ),
)
_WORD = re.compile(rb"[\w.\-]+")


def _word_replaced(data: bytes, where: float, what: int) -> bytes:
    """One word replaced by a nasty value."""
    words = list(_WORD.finditer(data))
    if not words:
        return NASTY[what % len(NASTY)].encode("utf-8", "surrogatepass")
    word = words[min(int(where * len(words)), len(words) - 1)]
    return data[: word.start()] + NASTY[what % len(NASTY)].encode() + data[word.end() :]


def _word_of_elsewhere(data: bytes, where: float, what: int) -> bytes:
    """One word replaced by another of the same file: right in form, wrong in meaning."""
    words = list(_WORD.finditer(data))
    if not words:
        return data
    word, other = words[min(int(where * len(words)), len(words) - 1)], words[what % len(words)]
    return data[: word.start()] + other.group() + data[word.end() :]


def _line_doubled(data: bytes, where: float, what: int) -> bytes:
    lines = data.split(b"\n")
    at = min(int(where * len(lines)), len(lines) - 1)
    return b"\n".join([*lines[:at], *[lines[at]] * (1 + what % 4), *lines[at:]])


def _line_moved(data: bytes, where: float, what: int) -> bytes:
    lines = data.split(b"\n")
    line = lines.pop(min(int(where * len(lines)), len(lines) - 1))
    lines.insert(what % (len(lines) + 1), line)
    return b"\n".join(lines)


def _cut(data: bytes, where: float, what: int) -> bytes:
    at = int(where * len(data))
    return data[:at] + data[at + what % 200 :]


def _ended(data: bytes, where: float, what: int) -> bytes:
    return data[: int(where * len(data))]


def _flipped(data: bytes, where: float, what: int) -> bytes:
    if not data:
        return bytes([what % 256])
    at = min(int(where * len(data)), len(data) - 1)
    return data[:at] + bytes([data[at] ^ (1 << what % 8)]) + data[at + 1 :]


def _inserted(data: bytes, where: float, what: int) -> bytes:
    at = int(where * len(data))
    return data[:at] + NASTY[what % len(NASTY)].encode() + data[at:]


_WAYS: tuple[Callable[[bytes, float, int], bytes], ...] = (
    *(_word_replaced, _word_replaced, _word_of_elsewhere, _word_of_elsewhere),
    *(_line_doubled, _line_moved, _cut, _ended, _flipped, _inserted),
)


def damaged(data: bytes) -> st.SearchStrategy[bytes]:
    """The same file, damaged in one to four ways."""
    one = st.tuples(st.sampled_from(_WAYS), st.floats(0.0, 1.0), st.integers(0, 10_000))

    def applied(ways: list[tuple[Callable[[bytes, float, int], bytes], float, int]]) -> bytes:
        made = data
        for way, where, what in ways:
            made = way(made, where, what)
        return made

    return st.lists(one, min_size=1, max_size=3).map(applied)
