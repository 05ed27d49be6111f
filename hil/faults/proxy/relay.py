"""The sockets of the proxy: two for each connection, and between them a conversation."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable
from typing import cast

from hil.faults.proxy.conversation import Conversation
from hil.faults.proxy.fate import Direction
from hil.faults.proxy.plan import Board, ProxiedDevice

_CONNECT_S = 3.0
_MOST_WAITING_BYTES = 1 << 20
"""Kept for a peer that does not read; beyond it the connection is reset."""
_RESET = struct.pack("ii", 1, 0)
"""Linger for 0 s: the system sends RST in place of FIN."""


class DeviceLedger:
    """What the board knows of one device, as its conversations see it."""

    def __init__(self, board: Board, device: int, first_fault: int) -> None:
        self._board = board
        self._device = device
        self._first = first_fault
        self._last = first_fault + len(board.plan.devices[device].faults)

    def number(self, direction: Direction) -> int:
        """Count a frame that passes; gives its number, from 0."""
        counter = "requests" if direction == "request" else "replies"
        return self._board.count(self._device, counter) - 1

    def in_force(self) -> list[int]:
        """Give the numbers of the device's faults in force now."""
        return self._board.in_force(self._first, self._last)

    def hit(self, fault: int) -> None:
        """Count a frame that a fault has befallen."""
        self._board.inject(self._first + fault)

    def connected(self) -> None:
        """Count a client's connection."""
        self._board.count(self._device, "connections")

    def unreachable(self) -> None:
        """Count an attempt to reach the device that failed."""
        self._board.count(self._device, "unreachable")


class Relay:
    """One connection of a client, and the one to the device behind it."""

    def __init__(self, device: ProxiedDevice, ledger: DeviceLedger) -> None:
        self._device = device
        self._ledger = ledger
        self._loop = asyncio.get_running_loop()
        self._talk = Conversation(device.faults, device.seed, ledger)
        self._ends: dict[Direction, asyncio.Transport] = {}
        self._kept: list[bytes] = []
        self._timer: asyncio.TimerHandle | None = None
        self._reaching: asyncio.Task[None] | None = None
        self._is_over = False

    def client_side(self) -> asyncio.Protocol:
        """Give the end that the client talks to."""
        return _End("request", self)

    def is_up(self, direction: Direction, transport: asyncio.Transport) -> None:
        """Note that one end is connected; ``direction`` is that of the bytes which come from it."""
        connection = cast("socket.socket", transport.get_extra_info("socket"))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._is_over:
            transport.abort()
            return
        self._ends[direction] = transport
        if direction == "request":
            self._ledger.connected()
            self._reaching = self._loop.create_task(self._reach())
            return
        for data in self._kept:
            transport.write(data)
        self._kept.clear()

    async def _reach(self) -> None:
        connect = self._loop.create_connection(
            lambda: _End("reply", self), self._device.host, self._device.port
        )
        try:
            await asyncio.wait_for(connect, _CONNECT_S)
        except OSError:
            self._ledger.unreachable()
            self._end(reset=True)

    def came(self, direction: Direction, data: bytes) -> None:
        """Take bytes from one end."""
        self._talk.take(direction, data, self._loop.time())
        if self._talk.is_reset:
            self._end(reset=True)
        elif self._talk.is_dead:
            self._let_go_of("reply")
        self._flush()

    def went(self, direction: Direction, error: Exception | None) -> None:
        """Note that one end is gone: the other goes the same way, unless the connection is half-open."""
        self._ends.pop(direction, None)
        if direction == "request" or not self._talk.is_dead:
            self._end(reset=error is not None)

    def _flush(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._is_over:
            return
        for direction, data in self._talk.due(self._loop.time()):
            self._write("reply" if direction == "request" else "request", data)
        next_s = self._talk.next_s
        if next_s is not None and not self._is_over:
            self._timer = self._loop.call_at(next_s, self._flush)

    def _write(self, end: Direction, data: bytes) -> None:
        transport = self._ends.get(end)
        if transport is None:
            self._kept.append(data)  # on the way to a device that is not reached yet
            return
        if transport.is_closing():
            return
        transport.write(data)
        if transport.get_write_buffer_size() > _MOST_WAITING_BYTES:
            self._end(reset=True)

    def _let_go_of(self, end: Direction) -> None:
        transport = self._ends.pop(end, None)
        if transport is not None:
            transport.abort()

    def _end(self, *, reset: bool) -> None:
        if self._is_over:
            return
        self._is_over = True
        if self._timer is not None:
            self._timer.cancel()
        if self._reaching is not None:
            self._reaching.cancel()
        for transport in self._ends.values():
            if reset:
                connection = cast("socket.socket", transport.get_extra_info("socket"))
                with contextlib.suppress(OSError):
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                transport.abort()
            else:
                transport.close()
        self._ends.clear()


class _End(asyncio.Protocol):
    """One end of a relay."""

    def __init__(self, direction: Direction, relay: Relay) -> None:
        self._direction = direction
        self._relay = relay

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._relay.is_up(self._direction, cast("asyncio.Transport", transport))

    def data_received(self, data: bytes) -> None:
        self._relay.came(self._direction, data)

    def connection_lost(self, error: Exception | None) -> None:
        self._relay.went(self._direction, error)


async def listen(board: Board, device: int, first_fault: int) -> Callable[[], None]:
    """Listen for one device, where the board says or on a free port; gives what ends that."""
    ledger = DeviceLedger(board, device, first_fault)
    told = board.plan.devices[device]
    server = await asyncio.get_running_loop().create_server(
        lambda: Relay(told, ledger).client_side(), "127.0.0.1", board.port(device)
    )
    board.set_port(device, server.sockets[0].getsockname()[1])
    return server.close
