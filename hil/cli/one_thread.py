"""Libraries that start threads of their own when they are loaded, told not to: the loop's process has one thread."""

from __future__ import annotations

import os

_POOLS = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
"""Threads of the linear algebra behind numpy and scipy, whichever it was built with."""
_ARROW = "JE_ARROW_MALLOC_CONF"
_NO_THREAD = "background_thread:false"
"""For an allocator in Arrow's library, which starts a thread to tidy up even where another allocator is used."""


def keep_to_one_thread() -> None:
    """Set what these libraries look at, before any of them is loaded; the processes beside the loop inherit it.

    A value of the user's own does not hold: it was set for other programs, and would put threads beside the loop.
    """
    os.environ |= dict.fromkeys(_POOLS, "1")
    asked = os.environ.get(_ARROW, "")
    if not asked.endswith(_NO_THREAD):
        # The last of several settings holds.
        os.environ[_ARROW] = f"{asked},{_NO_THREAD}".lstrip(",")
