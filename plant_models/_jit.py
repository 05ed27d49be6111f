"""How the physics is compiled: :func:`inner` for building blocks, :func:`entry` for what Python calls.

numba's cache on disk looks at the file of the function it compiles, not at the files of the functions
that one calls: after an edit of a building block it would go on using the old physics. So only entries are
cached, and each takes :func:`physics_stamp` as the default of its last argument: numba keys the cache
by the value of an omitted argument, and the stamp changes with the code of any building block.
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Callable
from types import ModuleType
from typing import Any, ParamSpec, TypeVar, cast

from numba import config, njit
from numba.extending import intrinsic

P = ParamSpec("P")
R = TypeVar("R")
A = TypeVar("A")

_codes: list[tuple[str, bytes]] = []
"""Module and code of each building block."""


def inner(function: Callable[P, R]) -> Callable[P, R]:
    """Compile ``function`` as part of whatever entry calls it."""
    return _part(function, merged=False)


def merged(function: Callable[P, R]) -> Callable[P, R]:
    """As :func:`inner`, its machine code laid into each caller's: for what only chooses whom to hand its arrays on to.

    An array is seven arguments of machine code, and four of them handed on cost as much as a short kernel.
    """
    return _part(function, merged=True)


def _part(function: Callable[P, R], *, merged: bool) -> Callable[P, R]:
    code = function.__code__
    text = code.co_code + repr((code.co_name, code.co_consts, code.co_names)).encode()
    _codes.append((function.__module__, text))
    # Division follows IEEE 754 rather than raising: the kernels guard their divisors themselves.
    return cast("Callable[P, R]", njit(error_model="numpy", forceinline=merged)(function))


def entry(function: Callable[P, R]) -> Callable[P, R]:
    """Compile ``function`` and keep the machine code on disk for the next process, where there is a place for it."""
    try:
        compiled = njit(cache=True, error_model="numpy")(function)
    except RuntimeError:
        # Neither beside the package nor in the user's cache may be written: each process compiles for itself.
        compiled = njit(error_model="numpy")(function)
    return cast("Callable[P, R]", compiled)


@intrinsic
def _unowned(_context: Any, array: Any) -> Any:
    """Tell numba how to make the same array without the counter of those who use it."""

    def made(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        found = context.make_array(signature.args[0])(context, builder, args[0])
        found.meminfo = found.meminfo.type(None)
        found.parent = found.parent.type(None)
        return found._getvalue()

    return array(array), made


def _as_it_is(array: A) -> A:
    return array


# Without compilation (NUMBA_DISABLE_JIT) there are no counters either.
unowned = _as_it_is if vars(config)["DISABLE_JIT"] else cast("Callable[[A], A]", _unowned)
"""The same array, but nobody counts its users, nor those of its slices: for the entries of kernels that cut many.

Whoever calls the entry holds the array until it returns. Counting is an atomic operation, twice a slice: a third of a
composed plant's step.
"""


def plain(function: Callable[P, R]) -> Callable[P, R]:
    """Give the Python function behind a building block, for set-up: called once it is not worth compiling."""
    return cast("Callable[P, R]", getattr(function, "py_func", function))


def physics_stamp(module: str | None = None) -> int:
    """Sum over the code of the building blocks behind ``module``, or of all so far.

    With the module's name the sum is the same whatever else a process has imported, and in whatever order.
    """
    if module is None:
        return zlib.crc32(b"".join(text for _, text in _codes))
    behind = _modules_behind(module)
    return zlib.crc32(b"".join(sorted(text for home, text in _codes if home in behind)))


def _modules_behind(name: str) -> set[str]:
    """Modules of the same package that ``name`` has its names from, and those that these have theirs from."""
    package, behind, waiting = name.partition(".")[0], set[str](), [name]
    while waiting:
        module = waiting.pop()
        if module in behind or module.partition(".")[0] != package or module not in sys.modules:
            continue
        behind.add(module)
        for value in vars(sys.modules[module]).values():
            home = value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", None)
            if isinstance(home, str):
                waiting.append(home)
    return behind
