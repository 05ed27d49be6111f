"""``plants.json`` as a run of a whole facility leaves it, made without running one: kinds, ports, wires, signals."""

from __future__ import annotations

from typing import Any

UNITS = {"degc": "degC", "kg_s": "kg/s", "kw": "kW", "kpa": "kPa", "percent": "%", "l_kwh": "L/kWh"}


def unit_of(port: str) -> str:
    """Unit that a port's name ends with."""
    return next((unit for end, unit in UNITS.items() if port.endswith(f"_{end}")), "1")


class Maker:
    """Collects components and wires; every output, and every input of the whole, gets a signal of its own."""

    def __init__(self) -> None:
        self.components: list[dict[str, Any]] = []
        self.wires: list[dict[str, str]] = []
        self.means: dict[str, float] = {}
        self.inputs: list[tuple[str, str, list[str]]] = []

    def add(self, name: str, kind: str, inputs: str = "", **outputs: float) -> None:
        """Add a component with its inputs' names and its outputs' means."""
        ports = [{"name": port, "unit": unit_of(port), "side": "input"} for port in inputs.split()]
        ports += [{"name": port, "unit": unit_of(port), "side": "output"} for port in outputs]
        self.components.append({"instance": name, "kind": kind, "ports": ports})
        self.means |= {f"{name}_{port}": value for port, value in outputs.items()}

    def wire(self, source: str, *targets: str) -> None:
        """Wire an output to inputs."""
        self.wires += [{"source": source, "target": target, "unit": unit_of(source)} for target in targets]

    def drive(self, name: str, mean: float, *targets: str) -> None:
        """Let an input of the whole, with its signal, drive inputs."""
        self.inputs.append((name, name, list(targets)))
        self.means[name] = mean

    def plant(self, left_out: tuple[str, ...] = ()) -> dict[str, Any]:
        """Give the entry of ``plants.json``; outputs in ``left_out`` have no signal."""
        outputs = [(f"{made['instance']}_{port['name']}", f"{made['instance']}.{port['name']}")
                   for made in self.components for port in made["ports"] if port["side"] == "output"]  # fmt: skip
        return {
            "type": "system",
            "diagram": {
                "components": self.components,
                "wires": self.wires,
                "inputs": [{"name": name, "places": places} for name, _, places in self.inputs],
                "outputs": [{"name": name, "places": [place]} for name, place in outputs],
            },
            "inputs": {name: signal for name, signal, _ in self.inputs},
            "outputs": {name: name for name, _ in outputs if name not in left_out},
        }


def facility(cdus: int) -> Maker:
    """A facility of the shape of ``facility_10mw``: FWS with dry cooler, trim chiller and tank; power chain; meters."""
    made = Maker()
    flow, each = 20.3 * cdus, 10_000.0 / 12.0
    made.add("fws", "header",
             "source_supply_temp_degc " + " ".join(f"branch_{n + 1}_return_temp_degc" for n in range(cdus))
             + " pump_1_speed_command_percent pump_2_speed_command_percent pump_3_speed_command_percent",
             flow_kg_s=flow, differential_pressure_kpa=141.2, supply_temp_degc=29.84, return_temp_degc=39.71,
             pump_power_kw=58.3, pump_1_speed_percent=82.0,
             pump_2_speed_percent=82.0, pump_3_speed_percent=0.0)  # fmt: skip
    made.add("return_pipe", "pipe", "flow_kg_s inlet_temp_degc ambient_temp_degc", outlet_temp_degc=39.6)
    made.add("changeover", "three_way", "flow_kg_s return_temp_degc cooled_temp_degc valve_command_percent",
             cooler_share=0.82, valve_position_percent=76.4, cooler_flow_kg_s=0.82 * flow, bypass_flow_kg_s=0.18 * flow,
             supply_temp_degc=31.92)  # fmt: skip
    made.add("dry_cooler", "dry_cooler", "flow_kg_s inlet_temp_degc dry_bulb_temp_degc wet_bulb_temp_degc "
             + " ".join(f"fan_{n + 1}_speed_command_percent" for n in range(4)) + " pad_command_percent",
             outlet_temp_degc=30.22, heat_kw=8_412.0, fan_power_kw=141.2,
             water_use_kg_s=0.213, entering_air_temp_degc=24.6)  # fmt: skip
    made.add("trim_chiller", "chiller", "flow_kg_s inlet_temp_degc condenser_air_temp_degc enable_command_percent",
             outlet_temp_degc=29.9, cooling_kw=1_712.0, power_kw=301.0, cop=5.69, load_percent=61.2,
             machines_running=2.0,
             machine_1_state=2.0, machine_2_state=2.0, machine_3_state=0.0, machine_4_state=3.0)  # fmt: skip
    made.add("buffer", "tank", "load_flow_kg_s load_return_temp_degc source_flow_kg_s source_return_temp_degc",
             bottom_temp_degc=29.9, top_temp_degc=31.4, mean_temp_degc=30.2)  # fmt: skip
    made.add("supply_pipe", "pipe", "flow_kg_s inlet_temp_degc ambient_temp_degc", outlet_temp_degc=29.86)
    made.wire("fws.return_temp_degc", "return_pipe.inlet_temp_degc")
    made.wire("return_pipe.outlet_temp_degc", "changeover.return_temp_degc", "dry_cooler.inlet_temp_degc")
    made.wire("dry_cooler.outlet_temp_degc", "changeover.cooled_temp_degc")
    made.wire("changeover.supply_temp_degc", "trim_chiller.inlet_temp_degc")
    made.wire("trim_chiller.outlet_temp_degc", "buffer.source_return_temp_degc")
    made.wire("buffer.bottom_temp_degc", "supply_pipe.inlet_temp_degc")
    made.wire("supply_pipe.outlet_temp_degc", "fws.source_supply_temp_degc")
    made.wire("changeover.cooler_flow_kg_s", "dry_cooler.flow_kg_s")
    made.wire("fws.flow_kg_s", "return_pipe.flow_kg_s", "changeover.flow_kg_s", "trim_chiller.flow_kg_s",
              "buffer.source_flow_kg_s", "buffer.load_flow_kg_s", "supply_pipe.flow_kg_s")  # fmt: skip
    _consumers(made, cdus, each)
    _side(made, cdus)
    made.drive(
        "dry_bulb_temp_degc", 24.61, "dry_cooler.dry_bulb_temp_degc", "trim_chiller.condenser_air_temp_degc"
    )
    made.drive("wet_bulb_temp_degc", 18.33, "dry_cooler.wet_bulb_temp_degc")
    for n in range(4):
        made.drive(f"fan_{n + 1}_percent", 25.0 * (n + 1), f"dry_cooler.fan_{n + 1}_speed_command_percent")
    return made


def _consumers(made: Maker, cdus: int, each: float) -> None:
    for n in range(1, cdus + 1):
        heat = each * (0.35 + 0.65 * (n * 7 % 12) / 11.0)
        made.add(f"cdu_{n}", "cdu", "fws_supply_temp_degc fws_differential_pressure_kpa rack_heat_kw",
                 fws_flow_kg_s=20.3 * heat / each, fws_return_temp_degc=36.0 + 0.3 * (n % 11),
                 tcs_supply_temp_degc=33.1, tcs_return_temp_degc=42.7, it_power_kw=heat,
                 cold_plate_case_temp_degc=55.0 + 0.5 * (n % 13),
                 pump_power_kw=18.2)  # fmt: skip
        made.wire("fws.supply_temp_degc", f"cdu_{n}.fws_supply_temp_degc")
        made.wire(f"cdu_{n}.fws_return_temp_degc", f"fws.branch_{n}_return_temp_degc")


def _side(made: Maker, cdus: int) -> None:
    made.add("power", "power_chain", " ".join(f"it_power_{n + 1}_kw" for n in range(cdus)) + " mechanical_power_1_kw",
             facility_power_kw=11_412.0, it_power_kw=9_980.0, mechanical_power_kw=962.0, ups_loss_kw=288.0,
             transformer_loss_kw=112.0, distribution_loss_kw=70.0, pue=1.1435, battery_minutes=8.2)  # fmt: skip
    made.add("meters", "site_meter", " ".join(f"case_{n + 1}_temp_degc" for n in range(cdus)),
             hottest_case_temp_degc=61.5, pue=1.1435, wue_l_kwh=0.071, pue_since_start=1.1402)  # fmt: skip
    for n in range(1, cdus + 1):
        made.wire(f"cdu_{n}.it_power_kw", f"power.it_power_{n}_kw")
        made.wire(f"cdu_{n}.cold_plate_case_temp_degc", f"meters.case_{n}_temp_degc")
