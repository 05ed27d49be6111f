"""How the physics is compiled: :func:`inner` for building blocks, :func:`entry` for what Python calls.

numba's cache on disk looks at the file of the function it compiles, not at the files of the functions
that one calls: after an edit of a building block it would go on using the old physics. So only entries are
cached, and each takes :func:`physics_stamp` as the default of its last argument: numba keys the cache
by the value of an omitted argument, and the stamp changes with the code of any building block.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import ParamSpec, TypeVar, cast

from numba import njit

P = ParamSpec("P")
R = TypeVar("R")

_codes: list[bytes] = []


def inner(function: Callable[P, R]) -> Callable[P, R]:
    """Compile ``function`` as part of whatever entry calls it."""
    code = function.__code__
    _codes.append(code.co_code + repr((code.co_name, code.co_consts, code.co_names)).encode())
    # Division follows IEEE 754 rather than raising: the kernels guard their divisors themselves.
    return cast("Callable[P, R]", njit(error_model="numpy")(function))


def entry(function: Callable[P, R]) -> Callable[P, R]:
    """Compile ``function`` and keep the machine code on disk for the next process, where there is a place for it."""
    try:
        compiled = njit(cache=True, error_model="numpy")(function)
    except RuntimeError:
        # Neither beside the package nor in the user's cache may be written: each process compiles for itself.
        compiled = njit(error_model="numpy")(function)
    return cast("Callable[P, R]", compiled)


def plain(function: Callable[P, R]) -> Callable[P, R]:
    """Give the Python function behind a building block, for set-up: called once it is not worth compiling."""
    return cast("Callable[P, R]", getattr(function, "py_func", function))


def physics_stamp() -> int:
    """Sum over the code of all building blocks compiled so far."""
    return zlib.crc32(b"".join(_codes))
