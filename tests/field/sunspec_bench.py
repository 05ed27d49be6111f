"""Our SunSpec device on an inverter's stub: as the loop has it, on a clock that the tests let leap with the stub's."""

from __future__ import annotations

import time
from collections.abc import Mapping
from types import TracebackType

import firmware_bench as fb

from hil.devices.modbus.settings import ModbusTcpSettings
from hil.devices.sunspec.curtailment import CurtailSettings
from hil.devices.sunspec.device import Curtail, SunSpecDevice
from hil.devices.sunspec.discovery import LIMIT_POINTS, Wanted
from hil.devices.sunspec.points import parse_reference, unit_of
from hil.loop.image import GOOD, Image, Signal

S = 1_000_000_000
READS = {
    "power_w": "701.W", "power_old_w": "103.W", "state": "103.St", "inverter_state": "701.InvSt",
    "frequency_hz": "701.Hz", "energy_wh": "701.TotWhInj", "phase_v": "103.PhVphA",
}  # fmt: skip
MOST_AGE_S = 5.0


class LeapingClock:
    """Time of the machine, plus what the test has let it leap."""

    def __init__(self) -> None:
        self._zero_ns = time.monotonic_ns()

    def now_ns(self) -> int:
        return time.monotonic_ns() - self._zero_ns

    def leap(self, seconds: float) -> None:
        self._zero_ns -= round(seconds * S)


class Field:
    """One inverter and our side of it; a context manager."""

    def __init__(
        self,
        port: int,
        model: int | None = None,
        *,
        reads: Mapping[str, str] = READS,
        unit: int = 1,
        budget_s: float = 5.0,
        reversion_s: int = 30,
        gap_ms: float = 0.0,
        max_registers: int = 125,
        **curtail: float,
    ) -> None:
        points = dict(reads)
        if model is not None:
            limit, enabled = LIMIT_POINTS[model]
            points |= {"limit_back_percent": f"{model}.{limit}", "limit_enabled": f"{model}.{enabled}"}
        signals = [
            Signal(name, unit_of(parse_reference(text)), -1e12, 1e12, 0.0, max_age_ns=round(MOST_AGE_S * S))
            for name, text in points.items()
        ]
        signals.append(Signal("limit_percent", "%", 0.0, 100.0, 100.0))
        self.image = Image(signals)
        self.clock = LeapingClock()
        self.budget_ns = round(budget_s * S)
        index = self.image.index
        wanted = [
            Wanted(parse_reference(text), name, index[name], ("rig.yaml", row + 1))
            for row, (name, text) in enumerate(points.items())
        ]
        limited = None
        if model is not None:
            settings = CurtailSettings(model, reversion_s, **curtail)  # type: ignore[arg-type]
            limited = Curtail(
                settings, index["limit_percent"], index["limit_back_percent"], index["limit_enabled"]
            )
        self.device = SunSpecDevice(
            "pv", ModbusTcpSettings("127.0.0.1", port, max_registers, gap_ms=gap_ms), self.image, unit, wanted,
            self.clock.now_ns, limited,
        )  # fmt: skip
        self.told: list[str] = []

    def cycle(self, limit_percent: float | None = None, *, force: bool = False) -> None:
        """Do as the loop does: read, age, write."""
        if limit_percent is not None:
            self.image.values[self.image.index["limit_percent"]] = limit_percent
        now_ns = self.clock.now_ns()
        self.device.read(now_ns, now_ns + self.budget_ns)
        self.image.age(self.clock.now_ns())
        if force:
            self.device.force_writes()
        now_ns = self.clock.now_ns()
        self.device.write(now_ns, now_ns + self.budget_ns)
        said = [text for _, text in self.device.drain_events()]
        self.told += [text for text in said if not text.startswith("connected to")]

    def value(self, name: str) -> float:
        return self.image.values[self.image.index[name]]

    def quality(self, name: str) -> int:
        return self.image.quality[self.image.index[name]]

    def good(self, name: str) -> bool:
        return self.quality(name) == GOOD

    def count(self, name: str) -> int:
        return self.device.counters()[name]

    def __enter__(self) -> Field:
        self.device.prove(fb.GENEROUS_S)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.device.close()


def together(stub: fb.Stub, field: Field, seconds: float) -> None:
    """Let both sides' time go on, silently."""
    stub.step(seconds)
    field.clock.leap(seconds)
