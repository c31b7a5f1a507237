"""How kernels are compiled: once, together, and only what Python calls is kept.

Numba optimises a function and makes machine code of it, then does both again for all of it inside each function that calls
it, up to the one that Python calls. Here a function that only kernels call is handed on as it was written down, and the whole is
optimised and made into machine code once, with the function that Python calls.
"""

from __future__ import annotations

import gc
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import TYPE_CHECKING, Any

import numba as nb
from numba.core import typed_passes, types, untyped_passes
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import CompilerBase, Flags
from numba.core.compiler_machinery import PassManager
from numba.core.environment import lookup_environment

from sim.engines.kernels.keep import KernelCache

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["CODE", "OPTIMISE", "called", "fewer_collections", "inside", "watched"]

_COMMON = {"nogil": True, "error_model": "numpy", "boundscheck": False}
OPTIMISE, CODE = "optimise", "code"
"""Steps that are told after the names of the functions read."""
_watcher: ContextVar[Callable[[str], None] | None] = ContextVar("kernel_watcher", default=None)


@contextmanager
def watched(tell: Callable[[str], None]) -> Iterator[None]:
    """Call `tell` with the name of each function read by the compiler, then `OPTIMISE`, then `CODE`."""
    before = _watcher.set(tell)
    try:
        yield
    finally:
        _watcher.reset(before)


def _tell(step: str) -> None:
    watcher = _watcher.get()
    if watcher is not None:
        watcher(step)


class _WithoutAddresses:
    """Code generator of a `_Part`: what numba notes at an address of the machine code is noted later, in the `_Whole`."""

    def __init__(self, codegen: Any) -> None:
        self._own = codegen

    def __getattr__(self, name: str) -> Any:
        return getattr(self._own, name)

    def set_env(self, name: str, environment: Any) -> None:
        """There is no machine code to note it in."""


class _Part(JITCodeLibrary):
    """Code that is only ever put into other code: not optimised by itself, and never made into machine code."""

    @property
    def codegen(self) -> Any:
        return _WithoutAddresses(self._codegen)

    def _optimize_final_module(self) -> None:
        pass

    def _finalize_final_module(self) -> None:
        self._finalize_dynamic_globals()
        self._finalized = True


class _Whole(JITCodeLibrary):
    """Code of a kernel that Python calls, with all that it calls."""

    def _optimize_final_module(self) -> None:
        _tell(OPTIMISE)
        super()._optimize_final_module()
        _tell(CODE)

    def _finalize_specific(self) -> None:
        super()._finalize_specific()
        for variable in self._final_module.global_variables:
            environment = lookup_environment(variable.name)
            if environment is not None:
                self._codegen.set_env(variable.name, environment)


class _Settled(Flags):
    """Options of a compilation that no longer change.

    Numba looks up what it knows of an operation by, among others, these options, and compares them one by one; where they are
    the same object it need not.
    """

    def copy(self) -> _Settled:
        """These options."""
        return self

    __hash__ = Flags.__hash__


@cache
def _settled_before() -> list[_Settled]:
    return []


def _settle(flags: Flags) -> _Settled:
    """Return the one object of these options."""
    known = _settled_before()
    for one in known:
        if one == flags:
            return one
    known.append(_Settled(flags))
    return known[-1]


class _Remembering:
    """What numba knows of types, and what it has worked out before of operations on types.

    A kernel adds two whole numbers many hundred times, and each time numba would ask all thirty ways to add anything.
    """

    def __init__(self, own: Any, known: dict[Any, Any]) -> None:
        self._own, self._known = own, known

    def __getattr__(self, name: str) -> Any:
        return getattr(self._own, name)

    def resolve_function_type(self, func: Any, args: Any, kws: Any) -> Any:
        """Signature of a call; asked once for each operation and types.

        A kernel that begins with a nought of its caller's is not compiled for nought and then again for any number.
        """
        if isinstance(func, types.Dispatcher):
            return self._own.resolve_function_type(func, tuple(types.unliteral(one) for one in args), kws)
        if kws:
            return self._own.resolve_function_type(func, args, kws)
        key = (func, tuple(args))
        found = self._known.get(key)
        if found is None:
            found = self._own.resolve_function_type(func, args, kws)
            if found is not None:
                self._known[key] = found
        return found


@cache
def _worked_out(fastmath: str) -> dict[Any, Any]:
    """What was worked out under the one option in which kernels differ and that matters to operations."""
    return {}


class _PartCompiler(CompilerBase):
    """Numba's compiler, writing into a `_Part`, without the passes that find nothing to do in kernels.

    Left out are those for closures, object mode, loops that are cut out, branches on None, fused array expressions and parallel
    loops.
    """

    library: type[JITCodeLibrary] = _Part

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        state = self.state
        state.flags = _settle(state.flags)
        state.typingctx = _Remembering(state.typingctx, _worked_out(str(state.flags.fastmath)))

    def define_pipelines(self) -> Any:
        state = self.state
        if state.library is None:
            state.library = self.library(state.targetctx.codegen(), state.func_id.func_qualname)
            state.library.enable_object_caching()
        _tell(state.func_id.func_qualname)
        passes = PassManager("kernel")
        for one in _PASSES:
            passes.add_pass(one, one.__name__)
        passes.finalize()
        return [passes]


_PASSES = (
    untyped_passes.TranslateByteCode,
    untyped_passes.FixupArgs,
    untyped_passes.IRProcessing,
    untyped_passes.GenericRewrites,
    untyped_passes.InlineInlinables,
    untyped_passes.ReconstructSSA,
    typed_passes.NopythonTypeInference,
    typed_passes.PreLowerStripPhis,
    typed_passes.IRLegalization,
    typed_passes.NativeLowering,
    typed_passes.NoPythonBackend,
)


@contextmanager
def fewer_collections() -> Iterator[None]:
    """Look for garbage less often meanwhile: a kernel is read into a million small objects, nearly all of which are kept."""
    before = gc.get_threshold()
    if before[0] > 0:  # 0 = never, as somebody may have asked for
        gc.set_threshold(max(before[0], 100_000), max(before[1], 50), max(before[2], 100))
    try:
        yield
    finally:
        gc.set_threshold(*before)


class _WholeCompiler(_PartCompiler):
    """Numba's compiler, writing into a `_Whole`."""

    library = _Whole

    def compile_extra(self, func: Callable[..., Any]) -> Any:
        """Compile a kernel with all that it calls."""
        with fewer_collections():
            return super().compile_extra(func)


def called(**options: Any) -> Callable[..., Any]:
    """Decorate a kernel that Python calls: it is compiled with all that it calls, and kept.

    Parameters
    ----------
    **options
        Further options of `numba.njit`.
    """

    def decorate(function: Callable[..., Any]) -> Any:
        made = nb.njit(**_COMMON, pipeline_class=_WholeCompiler, **options)(function)
        made._cache = KernelCache(function)
        return made

    return decorate


def inside(**options: Any) -> Callable[..., Any]:
    """Decorate a kernel that only kernels call.

    Parameters
    ----------
    **options
        Further options of `numba.njit`, such as ``forceinline``.
    """
    return nb.njit(
        **_COMMON, no_cpython_wrapper=True, no_cfunc_wrapper=True, pipeline_class=_PartCompiler, **options
    )
