"""The controllers of ``configs/rigs/facility_10mw.yaml`` as plain objects around a plant, one step a second."""

from __future__ import annotations

from collections.abc import Mapping

from controller import PID, Condition, Stages
from plant_models import SystemPlant

MODES = ((30.5, 31.0, 0.0), (30.0, 30.5, 100.0), (50.0, 50.5, 100.0))
"""By cooling mode: set-points of mixing valve and fans (°C), chillers' enable (%)."""


class FacilityLoops:
    """PI loops and changeover of a facility with ``cdus``; ``step`` gives the outputs by name."""

    def __init__(self, plant: SystemPlant, cdus: int) -> None:
        self.plant = plant
        self._numbers = range(1, cdus + 1)
        self._places = {port.name: k for k, port in enumerate(plant.input_ports)}
        self._names = [port.name for port in plant.output_ports]
        self._u = list(plant.inputs.values())
        self.outputs = dict(zip(self._names, plant.step(self._u, 0.0), strict=True))
        self._supply = [self._pid(3.0, 30.0, "direct", 80.0) for _ in self._numbers]
        self._pressure = [self._pid(0.03, 1.2, "reverse", 83.0) for _ in self._numbers]
        self._header = self._pid(0.1, 3.0, "reverse", 75.0)
        self._valve = self._pid(1.5, 40.0, "direct", 100.0)
        self._fans = self._pid(2.0, 75.0, "direct", 25.0)
        self._pads = self._pid(10.0, 300.0, "direct", 0.0)
        self.changeover = Stages([27.5, 44.0], [26.5, 42.0], up_if=[Condition((31.8, 42.0), is_above=True)])

    @staticmethod
    def _pid(gain: float, integral_time_s: float, action: str, bias: float) -> PID:
        return PID.ideal(gain, integral_time_s, action=action, output_low=0.0, output_high=100.0, bias=bias)

    def step(self, inputs: Mapping[str, float]) -> dict[str, float]:
        """One second under ``inputs`` (loads and weather), with commands from the outputs before."""
        y = self.outputs
        for name, value in {
            **self._of_cdus(y),
            **self._of_water(y, inputs["dry_bulb_temp_degc"]),
            **inputs,
        }.items():
            self._u[self._places[name]] = value
        self.outputs = dict(zip(self._names, self.plant.step(self._u, 1.0), strict=True))
        return self.outputs

    def _of_cdus(self, y: Mapping[str, float]) -> dict[str, float]:
        commands = {}
        for i, supply, pressure in zip(self._numbers, self._supply, self._pressure, strict=True):
            name = f"cdu_{i}"
            measured = y[f"{name}_tcs_supply_temp_degc"], y[f"{name}_rack_differential_pressure_kpa"]
            commands[f"{name}_fws_valve_command_percent"] = supply.step(36.0, measured[0], 1.0)
            commands[f"{name}_tcs_pump_speed_command_percent"] = pressure.step(350.0, measured[1], 1.0)
        return commands

    def _of_water(self, y: Mapping[str, float], dry_bulb_degc: float) -> dict[str, float]:
        after_coolers = y["free_cooling_supply_temp_degc"]
        valve_at, fans_at, enable = MODES[self.changeover.step(dry_bulb_degc, 1.0, [after_coolers])]
        pumps = self._header.step(104.0, y["fws_differential_pressure_kpa"], 1.0)
        return {
            "fws_pump_speed_command_percent": pumps,
            "fws_standby_pump_speed_command_percent": pumps,
            "free_cooling_valve_command_percent": self._valve.step(valve_at, after_coolers, 1.0),
            "cooler_fan_speed_command_percent": self._fans.step(fans_at, after_coolers, 1.0),
            "pad_command_percent": self._pads.step(34.0, y["chillers_outlet_temp_degc"], 1.0),
            "chiller_enable_command_percent": enable,
            "chiller_supply_setpoint_temp_degc": 31.0,
        }
