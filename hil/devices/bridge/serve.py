"""Servants, and how they work: until the loop has ended, and what was to be written for it is or was tried for long.

A servant that raises ends its process; the keeper starts another.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Protocol

from hil.devices.bridge.orders import Orders
from hil.devices.bridge.port import Port
from hil.loop.machine_time import machine_ns

_SLICE_NS = 50_000_000
"""Longest work in one piece: the heart beats, and orders are looked at, this often, ns."""
_SLICE_S = _SLICE_NS / 1e9


class Servant(Protocol):
    """Serves a wire by waiting on it itself."""

    def work(self, orders: Orders, until_ns: int) -> None:
        """Do what is due; return at ``until_ns`` (machine's clock), or as soon as new orders may be there.

        Values and counters go into the port; the caller publishes them. May wait on the wire and on
        ``Port.wake_fileno``.
        """
        ...

    def close(self) -> None:
        """Let go of the wire."""
        ...


class AsyncServant(Protocol):
    """Serves a wire as a coroutine."""

    async def run(self) -> None:
        """Connect and receive, for ever; cancelled at the end."""
        ...

    def obey(self, orders: Orders) -> None:
        """Take orders that are new; never waits."""
        ...


class ServantSpec(Protocol):
    """What makes a servant, in its own process. Pickled: a frozen dataclass of plain data at the top of a module."""

    @property
    def counters(self) -> tuple[str, ...]:
        """Names of what it counts."""
        ...

    def run(self, port: Port) -> None:
        """Make the servant and hand it to :func:`serve` or :func:`serve_async`."""
        ...


def serve(port: Port, servant: Servant) -> None:
    """Let a waiting servant work until the loop's end."""
    try:
        while not port.is_over:
            port.beat()
            servant.work(port.orders(), machine_ns() + _SLICE_NS)
            port.publish()
    finally:
        servant.close()


def serve_async(port: Port, servant: AsyncServant) -> None:
    """Let a coroutine work until the loop's end."""
    # Windows' own kind of loop waits for neither the waker nor the sockets of a client library.
    with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
        runner.run(_serve_async(port, servant))


async def _serve_async(port: Port, servant: AsyncServant) -> None:
    woken = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(port.wake_fileno, woken.set)
    running = loop.create_task(servant.run())
    known: Orders | None = None
    try:
        while not port.is_over and not running.done():
            port.beat()
            woken.clear()
            orders = port.orders()
            if orders is not known:
                known = orders
                servant.obey(orders)
            port.publish()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(woken.wait(), _SLICE_S)
    finally:
        loop.remove_reader(port.wake_fileno)
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
        port.publish()
