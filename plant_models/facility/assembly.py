"""The plant of a facility: components of the sizes found, wired.

::

      CDUs 1 … N on the branches
            │
    ┌─ header ─► return pipe ─► three-way ─► dry coolers ─┐
    │                              └──────── past ────────┤
    └── supply pipe ◄── buffer ◄── trim chillers ◄────────┘

Power of CDUs, primary pumps, fans and chillers goes to the power chain, which tells the racks whether they have any;
case temperatures, power and water go to the site's meters.
"""

from __future__ import annotations

from plant_models.components.cdu import cdu
from plant_models.components.chiller import chiller
from plant_models.components.dry_cooler import dry_cooler
from plant_models.components.header import HeaderSettings, header
from plant_models.components.pipe import pipe
from plant_models.components.power_chain import power_chain
from plant_models.components.power_settings import PowerSettings
from plant_models.components.site_meter import site_meter
from plant_models.components.three_way import three_way
from plant_models.facility.rejection_sizing import BUFFER_CELLS, high_air_trip_degc
from plant_models.facility.sizes import FacilitySizes
from plant_models.facility.spec import SHUTDOWN_BAND_K, THROTTLE_BAND_K, FacilitySpec
from plant_models.facility.water_sizing import pipe_drop_kpa
from plant_models.system.composition import Composition

PIPE_CELLS = 3


def cdu_numbers(sizes: FacilitySizes) -> range:
    """1 … N."""
    return range(1, sizes.cdus.installed + 1)


def add_cdus(whole: Composition, spec: FacilitySpec, sizes: FacilitySizes) -> None:
    """CDUs with their racks, on the header's branches; their pumps share one command."""
    supply = sizes.water.supply_temp_degc
    for i in cdu_numbers(sizes):
        name = f"cdu_{i}"
        made = cdu(
            spec.sheet,
            pumps=spec.pumps_per_cdu,
            initial_rack_heat_kw=sizes.cdus.load_kw,
            initial_fws_supply_temp_degc=supply,
            initial_tcs_supply_temp_degc=supply + spec.sheet.approach_k,
            throttle_case_temp_degc=spec.throttle_case_temp_degc,
            throttle_band_k=THROTTLE_BAND_K,
            shutdown_case_temp_degc=spec.shutdown_temp_degc,
            shutdown_band_k=SHUTDOWN_BAND_K,
            initial_fws_differential_pressure_kpa=spec.sheet.fws_drop_kpa,
        )
        whole.add(name, made)
        whole.wire(f"{name}.fws_conductance_kg_s_kpa05", f"fws.branch_{i}_conductance_kg_s_kpa05")
        whole.wire(f"fws.branch_{i}_differential_pressure_kpa", f"{name}.fws_differential_pressure_kpa")
        whole.wire("fws.supply_temp_degc", f"{name}.fws_supply_temp_degc")
        whole.wire(f"{name}.fws_return_temp_degc", f"fws.branch_{i}_return_temp_degc")
        commands = [p.name for p in made.inputs if p.name.endswith("_speed_command_percent")]
        whole.share(f"{name}_tcs_pump_speed_command_percent", *(f"{name}.{command}" for command in commands))


def add_water(whole: Composition, spec: FacilitySpec, sizes: FacilitySizes) -> None:
    """Header with primary pumps (the stand-by ones have a command of their own), pipes, three-way valve, buffer."""
    water = sizes.water
    settings = HeaderSettings(
        flow_kg_s=water.flow_kg_s,
        head_kpa=water.head_kpa,
        duty_pumps=water.duty_pumps,
        branch_drop_kpa=spec.module_drop_kpa,
        branch_flow_kg_s=spec.sheet.fws_flow_kg_s,
        temp_degc=water.supply_temp_degc,
    )
    whole.add(
        "fws", header(sizes.cdus.installed, pumps=water.pumps, settings=settings, cp_j_kgk=water.cp_j_kgk)
    )
    commands = [f"fws.pump_{j + 1}_speed_command_percent" for j in range(water.pumps)]
    whole.share("fws_pump_speed_command_percent", *commands[: water.duty_pumps])
    if water.pumps > water.duty_pumps:
        whole.share("fws_standby_pump_speed_command_percent", *commands[water.duty_pumps :])
    of_water = {
        "density_kg_m3": water.density_kg_m3,
        "cp_j_kgk": water.cp_j_kgk,
        "flow_kg_s": water.flow_kg_s,
    }
    for name, volume_l, cells, temp in (
        ("return_pipe", water.pipe_volume_l, PIPE_CELLS, water.return_temp_degc),
        ("buffer", sizes.rejection.buffer_l, BUFFER_CELLS, water.supply_temp_degc),
        ("supply_pipe", water.pipe_volume_l, PIPE_CELLS, water.supply_temp_degc),
    ):
        whole.add(name, pipe(volume_l, cells=cells, temp_degc=temp, **of_water))
        whole.wire("fws.flow_kg_s", f"{name}.flow_kg_s")
    valve = three_way(
        water.flow_kg_s,
        cooler_drop_kpa=spec.cooler_drop_kpa,
        cp_j_kgk=water.cp_j_kgk,
        valve_authority=spec.three_way_authority,
        temp_degc=water.supply_temp_degc,
    )
    whole.add("free_cooling", valve)
    whole.share("free_cooling_valve_command_percent", "free_cooling.valve_command_percent")
    whole.wire("fws.flow_kg_s", "free_cooling.flow_kg_s")
    whole.wire("fws.return_temp_degc", "return_pipe.inlet_temp_degc")
    whole.wire("return_pipe.outlet_temp_degc", "free_cooling.return_temp_degc")
    whole.wire("buffer.outlet_temp_degc", "supply_pipe.inlet_temp_degc")
    whole.wire("supply_pipe.outlet_temp_degc", "fws.source_supply_temp_degc")


def add_rejection(whole: Composition, spec: FacilitySpec, sizes: FacilitySizes) -> None:
    """Dry coolers, all fans under one command, and trim chillers, if any, behind them; both in the same air."""
    of, water = sizes.rejection, sizes.water
    bank = dry_cooler(
        spec.cooler,
        count=of.coolers,
        fan_groups=of.coolers,
        cp_j_kgk=water.cp_j_kgk,
        temp_degc=water.supply_temp_degc,
    )
    whole.add("coolers", bank)
    fans = [f"coolers.fan_{g + 1}_speed_command_percent" for g in range(of.coolers)]
    whole.share("cooler_fan_speed_command_percent", *fans)
    whole.share("pad_command_percent", "coolers.pad_command_percent")
    whole.share("wet_bulb_temp_degc", "coolers.wet_bulb_temp_degc")
    whole.wire("free_cooling.cooler_flow_kg_s", "coolers.flow_kg_s")
    whole.wire("return_pipe.outlet_temp_degc", "coolers.inlet_temp_degc")
    whole.wire("coolers.outlet_temp_degc", "free_cooling.cooled_temp_degc")
    if of.machines:
        add_chillers(whole, spec, sizes)
    else:
        whole.share("dry_bulb_temp_degc", "coolers.dry_bulb_temp_degc")
        whole.wire("free_cooling.supply_temp_degc", "buffer.inlet_temp_degc")
        whole.wire("free_cooling.conductance_kg_s_kpa05", "fws.common_conductance_kg_s_kpa05")


def add_chillers(whole: Composition, spec: FacilitySpec, sizes: FacilitySizes) -> None:
    """Trim chillers in the common flow; the drop of the pipes is in that of their evaporators."""
    of, water = sizes.rejection, sizes.water
    machines = chiller(
        of.machine_nominal_kw,
        machines=of.machines,
        flow_kg_s=water.flow_kg_s,
        cp_j_kgk=water.cp_j_kgk,
        drop_kpa=spec.evaporator_drop_kpa + pipe_drop_kpa(spec),
        start_time_s=spec.chiller_start_time_s,
        load_ramp_time_s=spec.chiller_ramp_time_s,
        lag_delay_s=spec.chiller_lag_s,
        high_air_trip_temp_degc=high_air_trip_degc(of.design_dry_bulb_degc),
        temp_degc=water.supply_temp_degc,
    )
    whole.add("chillers", machines)
    whole.share("dry_bulb_temp_degc", "coolers.dry_bulb_temp_degc", "chillers.condenser_air_temp_degc")
    whole.share("chiller_enable_command_percent", "chillers.enable_command_percent")
    whole.share("chiller_supply_setpoint_temp_degc", "chillers.supply_setpoint_temp_degc")
    whole.wire("fws.flow_kg_s", "chillers.flow_kg_s")
    whole.wire("free_cooling.supply_temp_degc", "chillers.inlet_temp_degc")
    whole.wire("chillers.outlet_temp_degc", "buffer.inlet_temp_degc")
    whole.wire("free_cooling.conductance_kg_s_kpa05", "chillers.upstream_conductance_kg_s_kpa05")
    whole.wire("chillers.conductance_kg_s_kpa05", "fws.common_conductance_kg_s_kpa05")


def add_power(whole: Composition, spec: FacilitySpec, sizes: FacilitySizes) -> None:
    """Power chain that feeds each CDU's racks, each CDU's pumps, the primary pumps, the fans and the chillers."""
    of = sizes.power
    pumps = [*(f"cdu_{i}.pump_power_kw" for i in cdu_numbers(sizes)), "fws.pump_power_kw"]
    others = ["coolers.fan_power_kw", *(["chillers.power_kw"] if sizes.rejection.machines else [])]
    settings = PowerSettings(
        ups_kw=of.ups_modules * of.ups_module_kw,
        transformer_kva=of.transformers * of.transformer_kva,
        power_factor=spec.power_factor,
        battery_minutes=spec.battery_minutes,
        mechanical_feeds_on_ups=len(pumps) if spec.pumps_on_ups else 0,
        generator_kw=of.generators * of.generator_kw,
        generator_start_time_s=spec.generator_start_time_s,
    )
    feeds = len(pumps) + len(others)
    whole.add("power", power_chain(it_feeds=sizes.cdus.installed, mechanical_feeds=feeds, settings=settings))
    for command in ("ups_bypass_command_percent", "breaker_reset_command_percent"):
        whole.share(command, f"power.{command}")
    for i in cdu_numbers(sizes):
        whole.wire(f"cdu_{i}.it_power_kw", f"power.it_power_{i}_kw")
        whole.wire("power.it_supply_ratio", f"cdu_{i}.it_supply_ratio")
    of_pumps = "power.ups_supply_ratio" if spec.pumps_on_ups else "power.mechanical_supply_ratio"
    driven = [f"cdu_{i}.pump_supply_ratio" for i in cdu_numbers(sizes)]
    whole.wire(of_pumps, *driven, "fws.supply_ratio")
    for source in others:
        whole.wire("power.mechanical_supply_ratio", f"{source.partition('.')[0]}.supply_ratio")
    for j, source in enumerate((*pumps, *others)):
        whole.wire(source, f"power.mechanical_power_{j + 1}_kw")


def add_meters(whole: Composition, sizes: FacilitySizes) -> None:
    """Hottest case, PUE, WUE."""
    whole.add("site", site_meter(sizes.cdus.installed))
    for i in cdu_numbers(sizes):
        whole.wire(f"cdu_{i}.cold_plate_case_temp_degc", f"site.case_{i}_temp_degc")
    whole.wire("power.it_power_kw", "site.it_power_kw")
    whole.wire("power.facility_power_kw", "site.facility_power_kw")
    whole.wire("coolers.water_use_kg_s", "site.water_use_kg_s")
