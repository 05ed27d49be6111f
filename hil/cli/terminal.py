"""A terminal that nobody waits for: the loop tells its progress to it, and a loop must not stop for a Ctrl-S."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from hil.cli.console import errors

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer as Buffer


class _Dropping(io.FileIO):
    """Writes what the terminal takes at once, and drops the rest: the next picture of a bar replaces it anyway."""

    def write(self, data: Buffer, /) -> int:
        """Write without waiting; all of it counts as written."""
        with contextlib.suppress(OSError):
            os.write(self.fileno(), data)
        return len(memoryview(data))


@contextlib.contextmanager
def patient_terminal(console: Console) -> Iterator[Console]:
    """Give a console on the same terminal that drops what the terminal does not take at once.

    Where the system cannot open the terminal a second time (Windows), ``console`` itself.
    """
    try:
        # Opened anew: the flag belongs to the open file, and the shell shares the one that was inherited.
        descriptor = os.open(os.ttyname(console.file.fileno()), os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY)
    except (AttributeError, OSError):
        yield console
        return
    buffered = io.BufferedWriter(_Dropping(descriptor, "wb"))
    with io.TextIOWrapper(buffered, encoding="utf-8", errors="replace") as terminal:
        yield Console(file=terminal, force_terminal=True, soft_wrap=True)


def tell_reading(rig_file: Path) -> None:
    """Say in a terminal that a rig is being read: the first composed plant on a machine takes a while."""
    if errors.is_terminal:
        with patient_terminal(errors) as terminal:
            told = f"reading {rig_file}; a machine's first composed plant compiles for about a minute"
            terminal.print(told, style="dim", markup=False, highlight=False)
