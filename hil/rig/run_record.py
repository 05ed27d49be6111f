"""What is written down of a run when it is over: its timing, its counters, what it ran on and how it ended."""

from __future__ import annotations

import importlib.metadata
import platform
import sys
from dataclasses import asdict
from datetime import datetime
from typing import Any

from hil.devices.drives import DriveBlock
from hil.loop.cycle import Cycle, CycleEnd, CycleParts
from hil.loop.events import EventLog
from hil.loop.realtime import Grant
from hil.record import Recorded
from hil.rig.build import Rig
from hil.rig.delay import measured_latency
from hil.rig.devices import FieldBus
from hil.rig.instruments import instrument_counters
from hil.rig.margins import lost_margins
from hil.version import __version__

_PACKAGES = ("numpy", "numba", "pyarrow", "pymodbus", "pydantic", "plotly", "control", "CoolProp")


def timing_as_data(rig: Rig, cycle: Cycle, bus: FieldBus | None) -> dict[str, Any]:
    """Give the phases of the cycle with their percentiles, for ``timing.json``."""
    virtual = rig.config.clock == "virtual"
    phases = cycle.timing.summary(with_lateness=not virtual)
    if bus is not None:
        phases |= bus.timing.summary()
    timing: dict[str, Any] = {
        "clock": rig.config.clock,
        "period_s": rig.config.period_s,
        "cycles": cycle.cycles,
        "overruns": cycle.overrun.overruns,
        "skipped_periods": cycle.overrun.skipped_periods,
        "degraded_cycles": cycle.overrun.degraded_cycles,
        "phases": phases,
    }
    if not virtual:
        timing["margins"] = [asdict(margin) for margin in lost_margins(rig, measured_latency(phases))]
    return timing


def counters_of(parts: CycleParts, cycle: Cycle, events: EventLog) -> dict[str, dict[str, int]]:
    """Everything that was clamped, refused, dropped, substituted or retried, by source."""
    image = parts.image
    found: dict[str, dict[str, int]] = {
        "loop": {
            "degraded_cycles": cycle.overrun.degraded_cycles,
            "events_dropped": events.dropped,
            "writes_withheld": cycle.writes_withheld,
        },
        "values_rejected": {s.name: n for s, n in zip(image.signals, image.rejected, strict=True) if n},
    }
    for stage in (*parts.outputs, *parts.source_outputs):
        found[f"limits.{image.signals[stage.slot].name}"] = stage.limiter.counters()
    for controller in parts.controllers:
        section = "drives" if isinstance(controller, DriveBlock) else "controllers"
        found[f"{section}.{controller.name}"] = controller.counters()
    for number, plant in enumerate(parts.plants):
        found[f"plants.{number + 1}"] = {"inputs_substituted": plant.inputs_substituted}
    for device in parts.devices:
        found["devices"] = device.counters()
    return found | instrument_counters(parts.instruments)


def run_as_data(
    end: CycleEnd,
    wall_s: float,
    recorded: Recorded,
    lost_files: list[str],
    counters: dict[str, dict[str, int]],
    started: datetime,
    command: str,
    grants: tuple[Grant, ...],
) -> dict[str, Any]:
    """Give what a run was and came to, for ``run.json``."""
    return {
        "version": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": {name: importlib.metadata.version(name) for name in _PACKAGES},
        "started_utc": started.isoformat(timespec="seconds"),
        "simulated_s": end.simulated_s,
        "wall_s": round(wall_s, 6),
        "cycles": end.cycles,
        "stop": end.stop,
        "stop_reason": end.reason,
        "rows_written": recorded.rows_written,
        "rows_lost": recorded.rows_lost,
        "events_lost": recorded.events_lost,
        "recorder_error": "; ".join([recorded.error, *lost_files]).strip("; "),
        "realtime": [asdict(grant) for grant in grants],
        "counters": counters,
        "command": command or " ".join(sys.argv),
    }
