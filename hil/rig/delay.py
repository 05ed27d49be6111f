"""What delays a loop, part by part: the latency of a cycle, the hold of its output, its worker, its plant's dead time.

A zero-order hold over h seconds turns the phase back as a dead time of h/2 does. Source: Åström and Wittenmark,
"Computer-Controlled Systems", 3rd ed., Prentice Hall, 1997, sec. 8.2.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hil.config.schema import RigConfig
from hil.rig.build import Rig
from hil.rig.rtu import poll_periods_s


@dataclass(frozen=True, slots=True)
class Latency:
    """From a sample's receipt to the write's acknowledgement, lateness of the wake-up included, s.

    ``is_measured`` tells a run's 99th percentiles from what a rig plans for.
    """

    latency_s: float
    is_measured: bool


@dataclass(frozen=True, slots=True)
class LoopDelay:
    """Parts of one loop's delay, s.

    Attributes
    ----------
    latency_s, is_measured : float, bool
        See :class:`Latency`.
    hold_s : float
        Half of the time for which the loop's values hold: of its own period, or of its plant's, or from one read of
        a slow line to the next, whichever is longest.
    worker_s : float
        One own period where a worker computes: inputs posted at one point are acted on at the next.
    dead_time_s : float
        Of the plant that moves the measured value. It belongs to the loop's linear model and not to ``total_s``.
    """

    latency_s: float
    is_measured: bool
    hold_s: float
    worker_s: float
    dead_time_s: float

    @property
    def total_s(self) -> float:
        """What comes on top of the linear model, s."""
        return self.latency_s + self.hold_s + self.worker_s


def measured_latency(phases: Mapping[str, Any]) -> Latency:
    """Latency of a run from the histograms of ``timing.json``: the sum of two 99th percentiles.

    Where nothing was acknowledged (no device, or none written) the whole cycle stands for sensor to actuator.
    """
    acting = phases.get("sensor_to_actuator") or phases["cycle"]
    late_us = phases.get("lateness", {}).get("p99_us", 0.0)
    return Latency(1e-6 * float(acting["p99_us"] + late_us), is_measured=True)


def planned_latency(config: RigConfig) -> Latency:
    """Latency that a rig plans for: its contract's limits; where it has none, the devices' budgets to the full."""
    contract, budget = config.latency, config.budget
    acting_us = late_us = None
    if contract is not None:
        acting_us = contract.sensor_to_actuator_p99_us if config.devices else contract.cycle_p99_us
        late_us = contract.lateness_p99_us
    if acting_us is None:
        share = (budget.read_percent + budget.write_percent) / 100.0 if config.devices else 0.0
        acting_us = 1e6 * share * config.period_s
    return Latency(1e-6 * (acting_us + (late_us or 0.0)), is_measured=False)


def delay_of(rig: Rig, loop: str, latency: Latency) -> LoopDelay:
    """Give the delay of one PID loop of ``rig``."""
    config = rig.config
    controller = config.pids[loop]
    plant = _moving(rig, controller.measured)
    slowest = max(controller.every, 1 if plant is None else config.plants[plant].every)
    worker_s = controller.every * config.period_s if controller.worker is not None else 0.0
    dead_time_s = 0.0 if plant is None else getattr(config.plants[plant], "dead_time_s", 0.0)
    polled_s = poll_periods_s(config).get(controller.measured, 0.0)
    hold_s = 0.5 * max(slowest * config.period_s, polled_s)
    return LoopDelay(latency.latency_s, latency.is_measured, hold_s, worker_s, dead_time_s)


def _moving(rig: Rig, signal: str) -> str | None:
    """Give the plant that moves a signal, or what the signal is a copy of; None where no plant does."""
    seen: set[str] = set()
    at: str | None = signal
    while at is not None and at not in seen:
        seen.add(at)
        for name, wired in rig.wired_plants.items():
            if at in wired.outputs:
                return name
        at = rig.config.signals[at].mirrors
    return None
