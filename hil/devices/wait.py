"""One wait for many sockets: each is registered once, and a wait gives back who has something."""

from __future__ import annotations

import ctypes
import select
import selectors
import socket
import sys
from typing import Generic, Protocol, TypeVar

Owner = TypeVar("Owner")
_MAX_EVENTS = 256
_EPOLL_STEP_S = 1e-3
"""epoll counts in milliseconds, and rounds up."""
_FD_SETSIZE = 1024
"""select(2) takes no descriptor from here on."""


class Wait(Protocol[Owner]):
    """A set of sockets, each with the owner that is told of it."""

    def register(self, connection: socket.socket, owner: Owner, *, connecting: bool) -> None:
        """Watch a socket for bytes and its end, or for the outcome of an attempt to connect."""
        ...

    def unregister(self, connection: socket.socket) -> None:
        """Watch it no longer; a socket that is not watched is passed over."""
        ...

    def ready(self, timeout_s: float) -> list[Owner]:
        """Wait up to ``timeout_s`` (s; 0 looks only) and give the owners with something.

        From one millisecond on, whole milliseconds are waited exactly and others may be rounded up to them.
        """
        ...

    def close(self) -> None:
        """Let go of the system's handle; may be called twice."""
        ...


class SelectorWait(Generic[Owner]):
    """On any system, through :mod:`selectors`."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()

    def register(self, connection: socket.socket, owner: Owner, *, connecting: bool) -> None:
        """See :class:`Wait`."""
        self._selector.register(
            connection, selectors.EVENT_WRITE if connecting else selectors.EVENT_READ, owner
        )

    def unregister(self, connection: socket.socket) -> None:
        """See :class:`Wait`."""
        if connection in (self._selector.get_map() or ()):
            self._selector.unregister(connection)

    def ready(self, timeout_s: float) -> list[Owner]:
        """See :class:`Wait`."""
        return [key.data for key, _ in self._selector.select(timeout_s)]

    def close(self) -> None:
        """See :class:`Wait`."""
        self._selector.close()


if sys.platform == "linux":

    class _PollFd(ctypes.Structure):
        """``struct pollfd`` of poll(2)."""

        _fields_ = (("fd", ctypes.c_int), ("events", ctypes.c_short), ("revents", ctypes.c_short))

    class _Timespec(ctypes.Structure):
        """``struct timespec``."""

        _fields_ = (("tv_sec", ctypes.c_long), ("tv_nsec", ctypes.c_long))

    class _BeyondSelect:
        """Waits part of a second on any descriptor, by ppoll(2); 0.3 us dearer than :func:`select.select`."""

        def __init__(self, number: int) -> None:
            self._asked, self._span = _PollFd(number, select.POLLIN), _Timespec()
            self._ppoll = ctypes.CDLL(None).ppoll
            self._ppoll.argtypes = (ctypes.c_void_p, ctypes.c_ulong, ctypes.c_void_p, ctypes.c_void_p)

        def __call__(self, timeout_s: float) -> bool:
            """Give whether there is something, or a signal has ended the wait before its time."""
            self._span.tv_nsec = int(timeout_s * 1e9) + 1
            found = self._ppoll(ctypes.addressof(self._asked), 1, ctypes.addressof(self._span), None)
            return bool(found)

    class EpollWait(Generic[Owner]):
        """On Linux's epoll without a layer between: a third of the cost of :class:`SelectorWait`."""

        def __init__(self) -> None:
            self._epoll = select.epoll()
            self._as_list = [self._epoll.fileno()]
            beyond = self._as_list[0] >= _FD_SETSIZE
            self._beyond_select = _BeyondSelect(self._as_list[0]) if beyond else None
            self._owners: dict[int, Owner] = {}

        def register(self, connection: socket.socket, owner: Owner, *, connecting: bool) -> None:
            """See :class:`Wait`."""
            number = connection.fileno()
            self._epoll.register(number, select.EPOLLOUT if connecting else select.EPOLLIN)
            self._owners[number] = owner

        def unregister(self, connection: socket.socket) -> None:
            """See :class:`Wait`."""
            number = connection.fileno()
            if self._owners.pop(number, None) is not None:
                self._epoll.unregister(number)

        def ready(self, timeout_s: float) -> list[Owner]:
            """See :class:`Wait`."""
            if 0.0 < timeout_s < _EPOLL_STEP_S:
                # Nothing but this gives way to others in the last part of a millisecond: at real-time priority a
                # loop that polled would keep the kernel's own network thread off the processor.
                if self._beyond_select is not None:
                    found = self._beyond_select(timeout_s)
                else:
                    found = bool(select.select(self._as_list, (), (), timeout_s)[0])
                if not found:
                    return []
                timeout_s = 0.0
            owners = self._owners
            return [owners[number] for number, _ in self._epoll.poll(timeout_s, _MAX_EVENTS)]

        def close(self) -> None:
            """See :class:`Wait`."""
            self._epoll.close()


def new_wait() -> Wait[Owner]:
    """Make the quickest wait of this system."""
    if sys.platform == "linux":
        return EpollWait()
    else:  # noqa: RET505  the type checker must see that only one of the two can be reached
        return SelectorWait()
