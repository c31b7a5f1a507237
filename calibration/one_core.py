"""Small linear algebra held to one core, whatever the number of cores."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from threadpoolctl import threadpool_limits

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["one_core"]


@contextmanager
def one_core() -> Iterator[None]:
    """Let BLAS use one core meanwhile; also a decorator, ``@one_core()``.

    A search takes thousands of products of vectors too short to share out. OpenBLAS shares them out all the same, and its
    threads spin until the last is done, which on a machine where others work takes several times as long. The engines'
    own threads are not touched. Sums come out in one order, so that a fit is the same on one core as on many.
    """
    with threadpool_limits(limits=1, user_api="blas"):
        yield
