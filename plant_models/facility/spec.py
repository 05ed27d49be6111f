"""What is wanted of a facility: the figures that its sizes are derived from."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from plant_models.components.cdu_places import MOST_PUMPS
from plant_models.components.checks import whole_number
from plant_models.datasheets import DATASHEETS, CduDatasheet, datasheet
from plant_models.errors import PlantSettingError, WeatherError
from plant_models.nearest import hint
from plant_models.weather.climate import Climate, climate

SUPPLY_CLASSES = {"W17": 17.0, "W27": 27.0, "W32": 32.0, "W40": 40.0, "W45": 45.0}
"""Highest facility water supply temperature of each class, °C (ASHRAE TC 9.9, PLANT.md §5)."""

THROTTLE_BAND_K, SHUTDOWN_BAND_K = 5.0, 10.0
"""Over which IT lowers its clocks, and over which all of it switches off: a whole CDU's devices are not equally hot."""
_SHUTDOWN_OVER_THROTTLE_K = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class FacilitySpec:
    """Figures of a facility, before any size is known. Only what a designer decides, with usual values.

    Attributes
    ----------
    it_power_mw, module_mw : float
        Of the IT; of one prefabricated module. The last module may be filled in part.
    cdu : str or CduDatasheet
        A ready sheet by name, or one of your own.
    pumps_per_cdu : int
        1 to 3; they share the CDU's design flow.
    spare_cdus_per_module, spare_units : int
        Beyond the duty: in each module; of pumps, coolers, chillers, transformers and UPS modules each (1: N+1).
        A spare CDU is a matter of size: see :mod:`plant_models.facility.water_sizing` for what the plant has of it.
    throttle_case_temp_degc : float
        Case temperature above which IT lowers its clocks, over 5 K down to half of its power.
    shutdown_case_temp_degc : float or None
        Case temperature above which IT switches off, all of it 10 K higher. None: 10 K over the throttling one
        (assumption: data sheets of accelerators tell neither; NVML has its shutdown above its slowdown temperature).
    supply_class : str
        One of :data:`SUPPLY_CLASSES`; its number is the design supply temperature of the facility water.
    climate : str or Climate
        A ready one by name, or your own.
    cooler : str
        A ready sheet of a dry cooler by name.
    free_cooling_approach_k : float
        Supply temperature over the dry bulb at which coolers alone carry the whole duty, fans at full speed, no water.
    hottest_dry_bulb_degc : float or None
        Of the design day, for the chillers. None: the hottest sirocco maximum of the climate; where it knows no
        sirocco, the hottest month's mean maximum and three standard deviations of 1.8 K, those of
        :mod:`plant_models.weather.year`.
    largest_pump_kg_s, largest_chiller_kw : float
        Largest unit on offer.
    chiller_margin : float
        Capacity of the duty chillers over what they are to take on the hottest day, less 1 (assumption: 5 %).
    transformer_kva, ups_module_kw : float
        Ratings on offer: preferred ones of IEC 60076-1, one UPS module.
    power_factor : float
        Of the facility at the transformers.
    pumps_on_ups : bool
        Pumps of CDUs and facility water are behind the UPS, since the racks' coolant warms by a kelvin in a second or
        two; fans and chillers are on the main board.
    battery_minutes : float
        At the rated load of the UPS.
    generator_kw, generator_start_time_s : float
        Rating of one on offer (0: no generators), and the time from an outage until they carry.
    pipe_length_m, pipe_velocity_m_s, pipe_drop_pa_m : float
        One way between plant room and modules; velocity and drop a metre at design flow.
    module_drop_kpa, cooler_drop_kpa, evaporator_drop_kpa : float
        At design flow: piping and open isolation valves of one CDU's branch, the coolers' coils, the evaporators.
    three_way_authority : float
        Share of the drop of valve and coolers that the open three-way valve takes.
    chiller_start_time_s, chiller_ramp_time_s, chiller_lag_s : float
        Of one machine from its start to running, and from 0 to full load; full load of those that run until the next
        one starts.
    ride_through_rise_k : float
        How much warmer the supply may get on the hottest day until chillers that all start from standstill cool it.
    """

    it_power_mw: float = 10.0
    module_mw: float = 2.5
    cdu: str | CduDatasheet = "xdu1350"
    pumps_per_cdu: int = 2
    spare_cdus_per_module: int = 1
    spare_units: int = 1
    throttle_case_temp_degc: float = 85.0
    shutdown_case_temp_degc: float | None = None
    supply_class: str = "W32"
    climate: str | Climate = "bizerte"
    cooler: str = "bac_tdfs1238n"
    free_cooling_approach_k: float = 4.0
    hottest_dry_bulb_degc: float | None = None
    largest_pump_kg_s: float = 100.0
    largest_chiller_kw: float = 2500.0
    chiller_margin: float = 0.05
    transformer_kva: float = 3150.0
    ups_module_kw: float = 1500.0
    power_factor: float = 0.95
    pumps_on_ups: bool = True
    battery_minutes: float = 5.0
    generator_kw: float = 2500.0
    generator_start_time_s: float = 12.0
    pipe_length_m: float = 120.0
    pipe_velocity_m_s: float = 2.0
    pipe_drop_pa_m: float = 100.0
    module_drop_kpa: float = 20.0
    cooler_drop_kpa: float = 60.0
    evaporator_drop_kpa: float = 60.0
    three_way_authority: float = 0.5
    chiller_start_time_s: float = 60.0
    chiller_ramp_time_s: float = 30.0
    chiller_lag_s: float = 10.0
    ride_through_rise_k: float = 4.0

    def __post_init__(self) -> None:
        for item in fields(self):
            value = getattr(self, item.name)
            low, high = RANGES.get(item.name, (-math.inf, math.inf))
            if item.name in RANGES and not isinstance(value, int | float | None):
                raise PlantSettingError(f"facility: {item.name} = {value!r} is no number")
            if item.name in RANGES and value is not None and not low <= value <= high:
                raise PlantSettingError(f"facility: {item.name} = {value!r} is outside {low:g} … {high:g}")
        for name in COUNTS:
            value, (low, high) = getattr(self, name), RANGES[name]
            whole_number("facility", **{name: (value, int(low), int(high))})
            object.__setattr__(self, name, int(value))
        if self.supply_class not in SUPPLY_CLASSES:
            raise PlantSettingError(
                f"facility: supply_class = {self.supply_class!r}; there are {', '.join(SUPPLY_CLASSES)}"
            )
        if not isinstance(self.pumps_on_ups, bool):
            raise PlantSettingError(
                f"facility: pumps_on_ups = {self.pumps_on_ups!r} is neither true nor false"
            )
        if isinstance(self.cdu, str) and self.cdu not in DATASHEETS:
            raise PlantSettingError(f"facility: cdu = {self.cdu!r}; there are {', '.join(DATASHEETS)}")
        self._check_climate()
        if self.shutdown_temp_degc < self.throttle_case_temp_degc + THROTTLE_BAND_K:
            raise PlantSettingError(
                f"facility: shutdown_case_temp_degc = {self.shutdown_temp_degc:g} is less than {THROTTLE_BAND_K:g} K "
                f"over throttle_case_temp_degc = {self.throttle_case_temp_degc:g}"
            )
        if self.module_mw > self.it_power_mw:
            raise PlantSettingError(
                f"facility: module_mw = {self.module_mw:g} is more than it_power_mw = {self.it_power_mw:g}"
            )

    def _check_climate(self) -> None:
        if isinstance(self.climate, str):
            try:
                climate(self.climate)
            except WeatherError as error:
                raise PlantSettingError(f"facility: climate: {error}") from error

    @property
    def sheet(self) -> CduDatasheet:
        """Datasheet of the CDUs."""
        return datasheet(self.cdu) if isinstance(self.cdu, str) else self.cdu

    @property
    def place(self) -> Climate:
        """The climate."""
        return climate(self.climate) if isinstance(self.climate, str) else self.climate

    @property
    def shutdown_temp_degc(self) -> float:
        """Case temperature above which IT switches off, °C."""
        if self.shutdown_case_temp_degc is not None:
            return self.shutdown_case_temp_degc
        return self.throttle_case_temp_degc + _SHUTDOWN_OVER_THROTTLE_K

    @property
    def supply_temp_degc(self) -> float:
        """Design supply temperature of the facility water, °C."""
        return SUPPLY_CLASSES[self.supply_class]

    @property
    def free_cooling_dry_bulb_degc(self) -> float:
        """Dry bulb up to which coolers alone carry the duty, °C."""
        return self.supply_temp_degc - self.free_cooling_approach_k

    @property
    def design_dry_bulb_degc(self) -> float:
        """Dry bulb of the hottest design day, °C."""
        if self.hottest_dry_bulb_degc is not None:
            return self.hottest_dry_bulb_degc
        if any(self.place.sirocco_days):
            return self.place.sirocco_peak_degc[1]
        return max(self.place.max_temp_degc) + 3.0 * 1.8


RANGES: dict[str, tuple[float, float]] = {
    "it_power_mw": (0.1, 100.0), "module_mw": (0.1, 20.0), "pumps_per_cdu": (1, MOST_PUMPS),
    "throttle_case_temp_degc": (40.0, 120.0), "shutdown_case_temp_degc": (45.0, 150.0),
    "spare_cdus_per_module": (0, 4), "spare_units": (0, 3), "free_cooling_approach_k": (1.0, 30.0),
    "hottest_dry_bulb_degc": (0.0, 55.0), "largest_pump_kg_s": (1.0, 1000.0), "largest_chiller_kw": (50.0, 10_000.0),
    "chiller_margin": (0.0, 0.5),
    "transformer_kva": (100.0, 10_000.0), "ups_module_kw": (50.0, 5000.0), "power_factor": (0.7, 1.0),
    "battery_minutes": (0.1, 600.0), "generator_kw": (0.0, 20_000.0), "generator_start_time_s": (0.0, 3600.0),
    "pipe_length_m": (5.0, 2000.0), "pipe_velocity_m_s": (0.5, 3.5), "pipe_drop_pa_m": (20.0, 500.0),
    "module_drop_kpa": (1.0, 200.0), "cooler_drop_kpa": (5.0, 300.0), "evaporator_drop_kpa": (5.0, 300.0),
    "three_way_authority": (0.05, 0.95),
    "chiller_start_time_s": (10.0, 1800.0), "chiller_ramp_time_s": (5.0, 1800.0), "chiller_lag_s": (1.0, 1800.0),
    "ride_through_rise_k": (0.5, 20.0),
}  # fmt: skip
COUNTS = ("pumps_per_cdu", "spare_cdus_per_module", "spare_units")
"""Figures that are whole numbers."""


def spec_from(**figures: object) -> FacilitySpec:
    """Make a spec by name, as a rig file gives it.

    Raises
    ------
    PlantSettingError
        No such figure (the message has the nearest), one of a wrong type, or one out of range.
    """
    known = {item.name: item for item in fields(FacilitySpec)}
    for name, value in figures.items():
        if name not in known:
            raise PlantSettingError(f"a facility has no figure {name!r}; {hint(name, known)}")
        if name in RANGES and (
            isinstance(value, bool) or (value is None and known[name].default is not None)
        ):
            raise PlantSettingError(f"facility: {name} = {value!r} is no number")
    return FacilitySpec(**figures)  # type: ignore[arg-type]  # names and numbers checked above, the rest by the class
