"""Sizes of a facility's parts, as :func:`plant_models.facility.sizing.size_facility` finds them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class CduSizes:
    """The modules and their CDUs.

    Attributes
    ----------
    modules, duty_per_module, per_module, installed : int
    load_kw, worst_load_kw : float
        IT on one CDU with all of a module running; with as many out as are spare.
    pump_power_kw : float
        Electrical, one CDU at its design flow.
    """

    modules: int
    duty_per_module: int
    per_module: int
    installed: int
    load_kw: float
    worst_load_kw: float
    pump_power_kw: float


@dataclass(frozen=True, slots=True, kw_only=True)
class WaterSizes:
    """The facility water system.

    Attributes
    ----------
    flow_kg_s : float
        Design flow: that of the duty CDUs at the datasheet's.
    supply_temp_degc, return_temp_degc : float
        At design.
    heat_kw : float
        To reject: IT, heat of all CDUs' pumps, heat of the primary pumps.
    duty_pumps, pumps : int
    head_kpa, header_drop_kpa : float
        Of the primary pumps at design; of that, between the headers: what the pumps are to hold there.
    pump_power_kw : float
        All duty pumps together, electrical.
    pipe_volume_l : float
        One way between plant room and modules.
    pipe_diameter_m : float
    density_kg_m3, cp_j_kgk : float
        Of the water, as the CDUs were sized with.
    """

    flow_kg_s: float
    supply_temp_degc: float
    return_temp_degc: float
    heat_kw: float
    duty_pumps: int
    pumps: int
    head_kpa: float
    header_drop_kpa: float
    pump_power_kw: float
    pipe_volume_l: float
    pipe_diameter_m: float
    density_kg_m3: float
    cp_j_kgk: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectionSizes:
    """Dry coolers, chillers, buffer.

    Attributes
    ----------
    duty_coolers, coolers : int
    cooler_heat_kw : float
        Of the duty coolers at :attr:`free_cooling_dry_bulb_degc`, fans at full speed.
    free_cooling_dry_bulb_degc : float
        Highest dry bulb at which the duty coolers alone carry the heat, as found with whole units.
    fan_power_kw : float
        All installed fans at full speed.
    cooler_heat_on_hottest_day_kw : float
        What the duty coolers still give on the design day, pads dry.
    supply_on_hottest_day_with_pads_degc : float
        Supply that duty coolers with wet pads would reach alone on the design day: why there are chillers, or none.
    pad_water_l_h : float
        All pads on the design day.
    design_dry_bulb_degc, design_wet_bulb_degc : float
        Of the design day.
    chiller_kw, machine_kw : float
        Duty of the trim chillers together; capacity of one on the design day.
    machine_nominal_kw : float
        At the temperatures of :class:`plant_models.components.chiller_settings.ChillerSettings`.
    duty_machines, machines : int
    chiller_power_kw : float
        At the design day.
    restart_s : float
        Mean time from the command to half load of the duty machines, which start one after the other.
    buffer_l : float
    """

    duty_coolers: int
    coolers: int
    cooler_heat_kw: float
    free_cooling_dry_bulb_degc: float
    fan_power_kw: float
    cooler_heat_on_hottest_day_kw: float
    supply_on_hottest_day_with_pads_degc: float
    pad_water_l_h: float
    design_dry_bulb_degc: float
    design_wet_bulb_degc: float
    chiller_kw: float
    machine_kw: float
    machine_nominal_kw: float
    duty_machines: int
    machines: int
    chiller_power_kw: float
    restart_s: float
    buffer_l: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerSizes:
    """The power chain.

    Attributes
    ----------
    it_kw, mechanical_kw, peak_kw : float
        IT; pumps, fans and chillers on the design day; both with the losses, at the meter.
    duty_ups_modules, ups_modules : int
    duty_transformers, transformers : int
    duty_generators, generators : int
    transformer_kva, ups_module_kw, generator_kw : float
        Of one.
    """

    it_kw: float
    mechanical_kw: float
    peak_kw: float
    duty_ups_modules: int
    ups_modules: int
    duty_transformers: int
    transformers: int
    transformer_kva: float
    ups_module_kw: float
    duty_generators: int
    generators: int
    generator_kw: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SizingCheck:
    """A rule of thumb and how the sizes stand to it.

    Attributes
    ----------
    figure, unit, source : str
    value, low, high : float
    """

    figure: str
    value: float
    low: float
    high: float
    unit: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FacilitySizes:
    """All sizes of a facility, and the rules of thumb they were held against."""

    cdus: CduSizes
    water: WaterSizes
    rejection: RejectionSizes
    power: PowerSizes
    checks: tuple[SizingCheck, ...]
