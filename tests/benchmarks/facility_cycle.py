"""A cycle of a facility, part by part: twelve CDUs on a header under 28 PID loops, 150 signals, a row a second.

``python tests/benchmarks/facility_cycle.py --hours 2 --rounds 5`` runs it on the virtual clock, recording on, and
prints what a cycle takes (us), with the plant and with one that answers at once: processor time over the whole run and
the tenth percentile of the cycles, each the least and the median of the rounds, also over a reference of Python taken
in the same round. ``--profile`` prints where the interpreter spends it.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from controller import PID, Limiter
from hil.loop.clock import NS_PER_S, VirtualClock
from hil.loop.control import PidBlock
from hil.loop.cycle import Cycle, CycleParts, CycleSettings, StopFlag
from hil.loop.events import EventLog
from hil.loop.image import Image, Signal
from hil.loop.output import OutputStage
from hil.loop.overrun import OverrunPolicy, OverrunSettings
from hil.loop.plant import PlantBlock
from hil.loop.source import SourceBlock
from hil.record import InlineRecorder, RowLayout
from plant_models import Composition, Fluid, fluid_properties
from plant_models.components.cdu import cdu
from plant_models.components.header import HeaderSettings, header
from plant_models.components.pipe import pipe
from plant_models.components.three_way import three_way
from plant_models.datasheets import DESCHUTES_2MW
from plant_models.system.plant import SystemPlant
from plant_models.workload import Constant, Sampled

CDUS = 12
_FLOW_KG_S = 32.3 * CDUS
_WATER = fluid_properties(Fluid(), 30.0)
_OF_A_CDU = (
    "tcs_supply_temp_degc", "tcs_return_temp_degc", "rack_differential_pressure_kpa", "tcs_flow_l_min",
    "cold_plate_case_temp_degc", "pump_power_kw",
)  # fmt: skip
_OF_THE_HEADER = (
    "differential_pressure_kpa",
    "flow_kg_s",
    "supply_temp_degc",
    "return_temp_degc",
    "pump_power_kw",
)
_DAY_S, _SAMPLE_S = 86_400, 15.0


def facility() -> SystemPlant:
    """Twelve CDUs on a header, a pipe each way and a three-way valve past a cooler that holds its outlet."""
    whole, cp = Composition(), _WATER.heat_capacity_j_kgk
    settings = HeaderSettings(flow_kg_s=_FLOW_KG_S, head_kpa=320.0, duty_pumps=3, temp_degc=27.0)
    whole.add("fws", header(CDUS, pumps=4, settings=settings, cp_j_kgk=cp))
    sheet = replace(DESCHUTES_2MW, fws_properties=_WATER)
    for i in range(1, CDUS + 1):
        whole.add(f"cdu_{i}", cdu(sheet, pumps=2, initial_rack_heat_kw=1000.0 + 40.0 * i))
        whole.wire(f"cdu_{i}.fws_conductance_kg_s_kpa05", f"fws.branch_{i}_conductance_kg_s_kpa05")
        whole.wire(f"fws.branch_{i}_differential_pressure_kpa", f"cdu_{i}.fws_differential_pressure_kpa")
        whole.wire("fws.supply_temp_degc", f"cdu_{i}.fws_supply_temp_degc")
        whole.wire(f"cdu_{i}.fws_return_temp_degc", f"fws.branch_{i}_return_temp_degc")
        whole.share(
            f"cdu_{i}_pumps_percent", *(f"cdu_{i}.tcs_pump_{j}_speed_command_percent" for j in (1, 2))
        )
    whole.share("fws_pumps_percent", *(f"fws.pump_{j}_speed_command_percent" for j in range(1, 5)))
    whole.add("valve", three_way(_FLOW_KG_S, cooler_drop_kpa=60.0, cp_j_kgk=cp))
    for name in ("warm", "cool"):
        of_water = {"density_kg_m3": _WATER.density_kg_m3, "cp_j_kgk": cp}
        whole.add(name, pipe(40_000.0, flow_kg_s=_FLOW_KG_S, cells=6, temp_degc=27.0, **of_water))
        whole.expose(f"{name}.ambient_temp_degc")
    whole.wire("valve.conductance_kg_s_kpa05", "fws.common_conductance_kg_s_kpa05")
    whole.wire("fws.flow_kg_s", "valve.flow_kg_s", "warm.flow_kg_s", "cool.flow_kg_s")
    whole.wire("fws.return_temp_degc", "warm.inlet_temp_degc")
    whole.wire("warm.outlet_temp_degc", "valve.return_temp_degc")
    whole.wire("valve.supply_temp_degc", "cool.inlet_temp_degc")
    whole.wire("cool.outlet_temp_degc", "fws.source_supply_temp_degc")
    whole.expose("valve.cooled_temp_degc")
    outputs = [f"cdu_{i}.{port}" for i in range(1, CDUS + 1) for port in _OF_A_CDU]
    return whole.build([*outputs, *(f"fws.{port}" for port in _OF_THE_HEADER)], longest_substep_s=0.5)


def _day(seed: int, low: float, high: float) -> Sampled:
    """Samples every 15 s for a day, a random walk between two levels."""
    rng, level, levels = random.Random(seed), 0.5 * (low + high), []
    for _ in range(int(_DAY_S / _SAMPLE_S)):
        level = min(max(level + rng.uniform(-0.03, 0.03) * (high - low), low), high)
        levels.append(level)
    return Sampled(tuple(_SAMPLE_S * n for n in range(len(levels))), tuple(levels), "hold", repeat=True)


def _loops() -> list[tuple[str, str, str, PID]]:
    """Loops as (set-point, measured, output, law)."""
    made = []
    for i in range(1, CDUS + 1):
        temps = PID.ideal(3.0, 20.0, action="direct", initial_output=70.0)
        drops = PID.ideal(0.03, 1.2, initial_output=85.0)
        made.append(
            (
                "supply_temp_setpoint_degc",
                f"cdu_{i}_tcs_supply_temp_degc",
                f"cdu_{i}_fws_valve_command_percent",
                temps,
            )
        )
        made.append(
            (
                "rack_drop_setpoint_kpa",
                f"cdu_{i}_rack_differential_pressure_kpa",
                f"cdu_{i}_pumps_percent",
                drops,
            )
        )
    made.append(
        ("fws_drop_setpoint_kpa", "fws_differential_pressure_kpa", "fws_pumps_percent", PID.ideal(0.05, 8.0))
    )
    valve = PID.ideal(4.0, 120.0, action="direct")
    made.append(("fws_setpoint_degc", "fws_supply_temp_degc", "valve_valve_command_percent", valve))
    for group in (1, 2):
        fans = PID.ideal(5.0, 60.0, action="direct")
        made.append(("fan_setpoint_degc", "fws_return_temp_degc", f"fan_{group}_speed_command_percent", fans))
    return made


_SETPOINTS = {
    "supply_temp_setpoint_degc": 30.0, "rack_drop_setpoint_kpa": 350.0, "fws_drop_setpoint_kpa": 200.0,
    "fws_setpoint_degc": 26.0, "fan_setpoint_degc": 33.0,
}  # fmt: skip


def facility_parts(plant: SystemPlant) -> tuple[CycleParts, RowLayout]:
    """Parts of a cycle as a rig of this facility would have them."""
    loops = _loops()
    commands = [output for _, _, output, _ in loops]
    profiles = {f"cdu_{i}_rack_heat_kw": _day(i, 300.0, 1900.0) for i in range(1, CDUS + 1)}
    profiles |= {f"weather_{i}_degc": _day(100 + i, 10.0, 30.0) for i in range(4)}
    levels = _SETPOINTS | dict.fromkeys((f"held_{i}_percent" for i in range(9)), 50.0)
    names_in = [port.name for port in plant.input_ports]
    names_out = [port.name for port in plant.output_ports]
    names = list(dict.fromkeys([*profiles, *levels, *commands, *names_out]))
    image = Image(
        [Signal(name, "1", *((0.0, 100.0, 50.0) if name in commands else (-5e4, 5e4, 0.0))) for name in names]
    )

    def stage(name: str) -> OutputStage:
        signal = image.signals[image.index[name]]
        rate = 2.0 if "pumps" in name else None
        return OutputStage(
            image, image.index[name], Limiter(signal.low, signal.high, signal.failsafe, rate, rate)
        )

    sources = [SourceBlock(stage(name), profile) for name, profile in profiles.items()]
    sources += [SourceBlock(stage(name), Constant(level)) for name, level in levels.items()]
    blocks = [
        PidBlock(
            output, image, pid, stage(output), setpoint=image.index[setpoint], measured=image.index[measured]
        )
        for setpoint, measured, output, pid in loops
    ]
    defaults = plant.default_inputs | {"valve_cooled_temp_degc": 24.0}
    inputs = [image.index[name] if name in image.index else defaults[name] for name in names_in]
    block = PlantBlock(image, plant, inputs, [image.index[name] for name in names_out])
    parts = CycleParts(
        image, sources=sources, plants=(block,), controllers=blocks, outputs=[each.stage for each in blocks]
    )
    return parts, RowLayout(tuple(names), (*profiles, *levels, *commands))


class Still:
    """A plant that answers at once: its outputs wander a little, so that loops and limits have work."""

    def __init__(self, plant: SystemPlant) -> None:
        first = plant.step(list(plant.inputs.values()), 0.0)
        rng = random.Random(1)
        self._rows = [[value * rng.uniform(0.99, 1.01) for value in first] for _ in range(64)]
        self._at = 0

    def step(self, inputs: Sequence[float], dt_s: float) -> Sequence[float]:
        self._at = (self._at + 1) % 64
        return self._rows[self._at]


def make_cycle(
    parts: CycleParts, layout: RowLayout, folder: Path, hours: float
) -> tuple[Cycle, InlineRecorder]:
    """Put the parts on the virtual clock at 1 s, recording into ``folder``."""
    events = EventLog()
    recorder = InlineRecorder(parts.image, layout, events, folder)
    settings = CycleSettings(NS_PER_S, round(hours * 3600) * NS_PER_S, NS_PER_S, NS_PER_S, is_virtual=True)
    policy = OverrunPolicy(OverrunSettings())
    return Cycle(parts, VirtualClock(), settings, policy, recorder, events, StopFlag()), recorder


@dataclass(frozen=True, slots=True)
class Found:
    """One round: processor time a cycle over the whole run, its tenth percentile on the clock, the reference; us.

    The percentile has no recorder's batches in it, and little of what other programs do to the run.
    """

    mean_us: float
    p10_us: float
    reference_us: float


def reference_us() -> float:
    """Processor time of a fixed piece of Python, us: how fast this machine runs it just now."""
    best = float("inf")
    for _ in range(30):
        began, total = time.thread_time_ns(), 0.0
        for k in range(2000):
            total += k * 0.5
        best = min(best, (time.thread_time_ns() - began) / 1e3)
    return best


def measured(still: bool, hours: float) -> Found:
    """One run, between two looks at the reference."""
    plant = facility()
    parts, layout = facility_parts(plant)
    if still:
        parts.plants[0].plant = Still(plant)
    with tempfile.TemporaryDirectory() as name:
        cycle, recorder = make_cycle(parts, layout, Path(name), hours)
        before = reference_us()
        began = time.thread_time_ns()
        end = cycle.run()
        recorder.finish()
        mean_us = (time.thread_time_ns() - began) / 1e3 / end.cycles
    return Found(mean_us, cycle.timing.cycle.percentile(0.1) / 1e3, min(before, reference_us()))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--hours", type=float, default=2.0)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--profile", action="store_true")
    asked = parser.parse_args()
    if asked.profile:
        profile = cProfile.Profile()
        profile.runcall(measured, True, asked.hours)
        pstats.Stats(profile, stream=sys.stdout).sort_stats("tottime").print_stats(28)
        return
    for still in (True, False):
        rounds = [measured(still, asked.hours) for _ in range(asked.rounds)]
        sys.stdout.write(f"{'all but the plant' if still else 'with the plant':18}{told(rounds)}\n")


def told(rounds: Sequence[Found]) -> str:
    """Least and median of the rounds, and both over the reference."""
    words = []
    for what in ("mean_us", "p10_us"):
        us = [getattr(each, what) for each in rounds]
        ratios = [getattr(each, what) / each.reference_us for each in rounds]
        words.append(
            f"{what.removesuffix('_us'):5}{min(us):6.1f} to {statistics.median(us):6.1f} us, "
            f"{min(ratios):.3f} to {statistics.median(ratios):.3f} x ref"
        )
    return "; ".join(words) + f"; ref {min(each.reference_us for each in rounds):.1f} us"


if __name__ == "__main__":
    main()
