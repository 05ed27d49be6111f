"""Servants for the tests of the bridge, each in a process of its own: a tank on a slow wire, and files as the wire."""

from __future__ import annotations

import asyncio
import os
import select
from dataclasses import dataclass
from pathlib import Path

from hil.devices.bridge import Orders, Port, Stage, serve, serve_async
from hil.loop.machine_time import machine_ns


@dataclass(frozen=True)
class TankSpec:
    """Counts up a level each 5 ms and appends what it is told to write to a file."""

    path: str
    is_async: bool = False
    counters: tuple[str, ...] = ("writes",)

    def run(self, port: Port) -> None:
        tank = Tank(port, Path(self.path))
        if self.is_async:
            serve_async(port, tank)
        else:
            serve(port, tank)


class Tank:
    def __init__(self, port: Port, path: Path) -> None:
        self.port, self.path = port, path
        self.level = 0.0
        self.known: Orders | None = None

    def step(self) -> None:
        self.level += 1.0
        self.port.image.accept(0, self.level, machine_ns())

    def obey(self, orders: Orders) -> None:
        if orders is self.known:
            return
        self.known = orders
        if orders.stage not in (Stage.WAIT, Stage.REST):
            self.port.counts["writes"] += 1
            with self.path.open("a") as file:
                file.write(f"{orders.stage.value} {orders.values[0]:g} {os.getpid()}\n")
        if orders.stage in (Stage.LAST, Stage.FAILSAFE):
            self.port.done()

    def work(self, orders: Orders, until_ns: int) -> None:
        self.obey(orders)
        self.step()
        left_s = min(0.005, max(0.0, (until_ns - machine_ns()) / 1e9))
        select.select([self.port.wake_fileno], (), (), left_s)

    async def run(self) -> None:
        while True:
            self.step()
            await asyncio.sleep(0.005)

    def close(self) -> None:
        with self.path.open("a") as file:
            file.write("closed\n")
