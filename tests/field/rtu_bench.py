"""A serial line between two ends of this machine, and our side of it as the loop has it: behind the bridge."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

import firmware_bench as fb

from hil.config.points import Point
from hil.devices.bridge import BridgedDevice, BridgeSettings
from hil.devices.modbus.settings import ModbusTcpSettings
from hil.devices.rtu.servant import RtuSpec
from hil.devices.rtu.settings import BusSettings, PolledPoint, StationSettings
from hil.loop.clock import WallClock
from hil.loop.image import GOOD, SUBSTITUTED, Image, Signal

SETPOINT, MINIMUM, MAXIMUM = 0, 105, 106
"""Registers of the valve actuator that hold what is written to them."""
PLACES = (SETPOINT, MINIMUM, MAXIMUM)


class Socat:
    """Two pseudo-terminals tied together: ``ours`` and ``theirs``."""

    def __init__(self, folder: Path) -> None:
        self.ours, self.theirs = str(folder / "ours"), str(folder / "theirs")
        ends = [f"pty,raw,echo=0,link={end}" for end in (self.ours, self.theirs)]
        self.process = subprocess.Popen(["socat", *ends], stderr=subprocess.DEVNULL)
        until_s = time.monotonic() + fb.GENEROUS_S
        while not (Path(self.ours).exists() and Path(self.theirs).exists()):
            assert time.monotonic() < until_s, "socat made no line"
            time.sleep(0.01)

    def __enter__(self) -> Socat:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.terminate()
        self.process.wait(timeout=fb.GENEROUS_S)


def told(unit_id: int, place: int) -> int:
    """What a unit is given to hold at a place: no two registers of the line hold the same."""
    return {SETPOINT: 5000, MINIMUM: 100, MAXIMUM: 9000}[place] + unit_id


class Line:
    """Units of which each has three registers read one by one, all by requests of one shape; one may be written."""

    def __init__(
        self,
        bus: BusSettings,
        unit_ids: range,
        *,
        writes: bool = False,
        settings: BridgeSettings | None = None,
    ) -> None:
        reads = [(unit_id, place) for unit_id in unit_ids for place in PLACES]
        names = [f"u{unit_id}_{place}" for unit_id, place in reads]
        writers = [f"w{unit_id}" for unit_id in unit_ids] if writes else []
        signals = [Signal(name, "1", 0, 65535, 0, max_age_ns=30 * 10**9) for name in names]
        signals += [Signal(name, "1", 0, 10_000, failsafe=1234) for name in writers]
        self.image = Image(signals)
        self.expected = [told(unit_id, place) for unit_id, place in reads]
        slots = self.image.index
        limits = ModbusTcpSettings(host="line", max_registers=1)
        stations = tuple(
            StationSettings(
                "valves", unit_id,
                tuple(
                    PolledPoint(
                        Point(f"u{unit_id}_{place}", unit_id, "holding_register", place, "uint16"),
                        slots[f"u{unit_id}_{place}"],
                    )
                    for place in PLACES
                ),
                tuple(
                    (
                        Point(name, unit_id, "holding_register", SETPOINT, "uint16", access="rw", write="on_change"),
                        slots[name],
                    )
                    for name in writers
                    if name == f"w{unit_id}"
                ),
                None, limits,
            )
            for unit_id in unit_ids
        )  # fmt: skip
        self.clock = WallClock()
        self.device = BridgedDevice(
            "bus", RtuSpec(bus, stations), self.image, range(len(names)),
            range(len(names), len(signals)), self.clock.now_ns, settings,
        )  # fmt: skip
        self.wrong: list[str] = []
        self.marks_seen = 0
        self.device.start()

    def cycle(self) -> None:
        """Do as the loop does, and judge every value there is."""
        now_ns = self.clock.now_ns()
        self.device.read(now_ns, now_ns)
        self.image.age(now_ns)
        for slot, expected in enumerate(self.expected):
            quality = self.image.quality[slot]
            self.marks_seen += quality not in (GOOD, SUBSTITUTED)
            if quality != SUBSTITUTED and self.image.values[slot] != expected:
                self.wrong.append(f"{self.image.signals[slot].name}: {self.image.values[slot]:g}")
        self.device.write(now_ns, now_ns)

    def until(self, condition: Callable[[], bool], timeout_s: float = 60.0) -> None:
        end_s = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < end_s, self.device.counters()
            self.cycle()
            time.sleep(0.002)

    def all_good(self) -> bool:
        return all(quality == GOOD for quality in self.image.quality[: len(self.expected)])

    def count(self, *names: str) -> int:
        counters = self.device.counters()
        return sum(counters[name] for name in names)


def fill(stub: fb.Stub, unit_ids: range) -> None:
    """Give every unit its own numbers."""
    for unit_id in unit_ids:
        for place in PLACES:
            stub.put(place, told(unit_id, place), unit=unit_id)
