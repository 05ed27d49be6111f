"""Memory that a loop shares with the processes it has started.

Where the system allows it the memory has no name: it is gone with the last process that maps it, however that ends.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import tempfile
from pathlib import Path

_SHARED = Path("/dev/shm")


class Shared:
    """Zeroed memory of ``size`` bytes that a child process can map too.

    Attributes
    ----------
    map : mmap.mmap
        The memory.
    descriptor : int or None
        File descriptor that the child must inherit; None where the memory has a name instead.
    handle : str
        For :meth:`attach` in the child: the descriptor or the path.
    path : str
        For any process of the same user as long as this one lives, on Linux and on Windows; elsewhere empty.

    Raises
    ------
    OSError
        There is no room for it, in memory or on the disk.
    """

    __slots__ = ("_file", "_name", "descriptor", "handle", "map", "path")

    def __init__(self, size: int) -> None:
        try:
            self._file, name = _room(size, _SHARED if _SHARED.is_dir() else None)
        except OSError:
            # A container's shared memory may be smaller than what is asked for.
            self._file, name = _room(size, None)
        self._name = Path(name)
        self.descriptor: int | None = None
        self.handle = self.path = name
        if os.name == "posix":
            self._name.unlink()
            self.descriptor = self._file
            self.handle = str(self._file)
            self.path = f"/proc/{os.getpid()}/fd/{self._file}" if Path("/proc/self/fd").is_dir() else ""
        self.map = mmap.mmap(self._file, size)

    @staticmethod
    def attach(handle: str) -> mmap.mmap:
        """Map, in the child, what the parent has made."""
        if handle.isdigit():
            return mmap.mmap(int(handle), 0)
        with Path(handle).open("r+b") as file:
            return mmap.mmap(file.fileno(), 0)

    def close(self) -> None:
        """Unmap, and let go of the memory; a name goes with it."""
        self.map.close()
        os.close(self._file)
        # Without a name there is nothing to remove; with one, another process may still have it open.
        with contextlib.suppress(OSError):
            self._name.unlink(missing_ok=True)


def _room(size: int, folder: Path | None) -> tuple[int, str]:
    """Make a file of ``size`` bytes that are there: a hole found full later would kill the loop by a signal."""
    file, path = tempfile.mkstemp(prefix="coldloop-", dir=folder)
    try:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file, 0, size)
        else:
            os.ftruncate(file, size)
    except OSError:
        os.close(file)
        Path(path).unlink(missing_ok=True)
        raise
    return file, path
