"""Supply and return header with N branches, a bypass, and a group of primary pumps on the common side.

::

    source ──► pumps (check valves) ──► supply header ══╤═══════╤═══ bypass ═╗
       ▲                                           branch 1 … branch N       ║
       └────── common circuit ◄──────── return header ══╧═══════╧════════════╝

Every resistance is quadratic (a conductance is flow over the root of the drop), so the branches together are one
conductance K and the system is ``H = (1/K^2 + 1/K_common^2) M^2``: what is left is one monotone equation in M,
the sum of the pumps' flows at H against M. A branch's flow is ``k_i / K`` of the total, that of N parallel
conductances under one difference of pressure.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from plant_models._jit import inner, plain
from plant_models.actuator import actuator_after, actuator_rate_percent_s
from plant_models.components import codes
from plant_models.components.root import narrowed
from plant_models.errors import PlantSettingError
from plant_models.fluid import WATER, Fluid, FluidProperties, fluid_properties
from plant_models.ports import Port
from plant_models.pump import boiling_degc, coasted, coasting_rate_per_s, power_ratio, vapour_grip
from plant_models.system.component import Component, Energy, InputPort, Stage
from plant_models.valve import opening

Array = npt.NDArray[np.float64]

MOST_BRANCHES, MOST_PUMPS = 40, 8
_BEARING_FRICTION = 0.05
_ITERATIONS = 60
_CONVERGED = 1e-13
_STANDSTILL = 1e-6
(
    _BRANCHES, _PUMPS, _CP, _SHUTOFF_KPA, _CURVE, _PUMP_FLOW, _PUMP_W, _IDLE, _COOLANT_SHARE, _RAMP_S, _COAST_S,
    _FRICTION, _BRANCH_K, _BYPASS_K, _RANGEABILITY, _STROKE_S, _SUPPLY_KG, _RETURN_KG, _FASTEST, _BOILING,
) = range(20)  # fmt: skip
_SWITCHES = 20
"""Where the fault switches begin: a trip for each pump, then a stuck valve for each branch, then for the bypass."""
_SUPPLY, _RETURN = 0, 1
_FLOW, _DROP, _OUT_SUPPLY, _OUT_RETURN, _POWER, _BYPASS_FLOW, _OF_BRANCHES = range(7)


@inner
def pumps_flow(x: Array, p: Array, resistance: float) -> float:
    """Flow (kg/s) at which the pumps' common head is ``resistance`` (kPa s2/kg2) times its square.

    Each pump: ``H0 n^2 - a m^2``. Newton in a bracket between what the fastest gives alone and all at its speed.
    """
    pumps = int(p[_PUMPS])
    fastest, slowest, running = 0.0, math.inf, 0
    for j in range(pumps):
        speed = x[2 + j] / 100.0
        if speed > _STANDSTILL:
            running += 1
            fastest = max(fastest, speed)
            slowest = min(slowest, speed)
    if running == 0 or not resistance < math.inf:
        return 0.0
    head = p[_SHUTOFF_KPA] * fastest * fastest
    high = math.sqrt(head / (resistance + p[_CURVE] / (running * running)))
    if fastest == slowest:
        return high
    low = math.sqrt(head / (resistance + p[_CURVE]))
    flow = low
    for _ in range(_ITERATIONS):
        surplus, steepness = -flow, 1.0
        for j in range(pumps):
            given = pump_flow(x[2 + j] / 100.0, resistance * flow * flow, p)
            surplus += given
            if given > 0.0:
                steepness += resistance * flow / (p[_CURVE] * given)
        following, low, high = narrowed(flow, surplus, steepness, low, high)
        if abs(following - flow) <= _CONVERGED * following:
            return float(following)
        flow = following
    return float(flow)


@inner
def pump_flow(speed: float, head_kpa: float, p: Array) -> float:
    """Flow (kg/s) of one pump at the common head; 0 behind its check valve."""
    surplus = p[_SHUTOFF_KPA] * speed * speed - head_kpa
    if speed <= _STANDSTILL or surplus <= 0.0:
        return 0.0
    return math.sqrt(surplus / p[_CURVE])


@inner
def in_series(first: float, second: float) -> float:
    """Conductance of two in series; by their ratio, for the squares of two that are all but shut are nothing."""
    if first <= 0.0 or second <= 0.0:
        return 0.0
    ratio = min(first, second) / max(first, second)
    return min(first, second) / math.sqrt(1.0 + ratio * ratio)


@inner
def header_outputs(x: Array, u: Array, p: Array, y: Array) -> None:
    """Stage 0: all flows and pressures, from the conductances; temperatures of the headers are states."""
    n, pumps = int(p[_BRANCHES]), int(p[_PUMPS])
    valves = 2 + pumps
    total = p[_BYPASS_K] * opening(x[valves + n] / 100.0, p[_RANGEABILITY])
    y[_BYPASS_FLOW] = total
    for i in range(n):
        own = p[_BRANCH_K]
        if x[valves + i] != 100.0:  # nearly always open: no power to take
            own *= opening(x[valves + i] / 100.0, p[_RANGEABILITY])
        # First the conductances in the flows' places: flows are in proportion.
        y[_OF_BRANCHES + n + i] = in_series(own, u[i])
        total += y[_OF_BRANCHES + n + i]
    common = u[2 * n]
    resistance = math.inf
    if total > 0.0 and common > 0.0:
        resistance = 1.0 / (total * total) + 1.0 / (common * common)
    full = pumps_flow(x, p, resistance)
    # Of all pumps alike: flow goes with it, head with its square, power with its cube.
    grip = vapour_grip(x[_SUPPLY], p[_BOILING])
    flow = grip * full
    root = flow / total if total > 0.0 else 0.0
    y[_FLOW] = flow
    y[_DROP] = root * root
    y[_BYPASS_FLOW] *= root
    y[_OUT_SUPPLY] = x[_SUPPLY]
    y[_OUT_RETURN] = x[_RETURN]
    head = resistance * full * full if full > 0.0 else 0.0
    y[_POWER] = grip * grip * grip * header_power_w(x, p, head) / 1000.0
    for i in range(n):
        y[_OF_BRANCHES + n + i] *= root
        of_load = y[_OF_BRANCHES + n + i] / u[i] if u[i] > 0.0 else 0.0
        y[_OF_BRANCHES + i] = of_load * of_load


@inner
def header_power_w(x: Array, p: Array, head_kpa: float) -> float:
    """Electrical power of all pumps (W) at the common head."""
    power = 0.0
    for j in range(int(p[_PUMPS])):
        speed = x[2 + j] / 100.0
        power += p[_PUMP_W] * power_ratio(speed, pump_flow(speed, head_kpa, p) / p[_PUMP_FLOW], p[_IDLE])
    return power


@inner
def header_rates(x: Array, u: Array, y: Array, p: Array, dx: Array) -> None:
    """Rates of both headers, pumps and valves; heat from each branch, from and to the source, from the pumps (W)."""
    n, pumps = int(p[_BRANCHES]), int(p[_PUMPS])
    cp, flow = p[_CP], y[_FLOW]
    pump_heat = p[_COOLANT_SHARE] * 1000.0 * y[_POWER]
    after = 3 + pumps + n
    returned = y[_BYPASS_FLOW] * (x[_SUPPLY] - x[_RETURN])
    for i in range(n):
        branch = y[_OF_BRANCHES + n + i]
        returned += branch * (u[n + i] - x[_RETURN])
        dx[after + i] = branch * cp * (u[n + i] - x[_SUPPLY])
    dx[_SUPPLY] = (flow * (u[2 * n + 1] - x[_SUPPLY]) + pump_heat / cp) / p[_SUPPLY_KG]
    dx[_RETURN] = returned / p[_RETURN_KG]
    dx[after + n] = flow * cp * u[2 * n + 1]
    dx[after + n + 1] = flow * cp * x[_RETURN]
    dx[after + n + 2] = pump_heat
    commands = 2 * n + 2
    for j in range(pumps):
        if pump_driven(j, u, p):
            dx[2 + j] = actuator_rate_percent_s(x[2 + j], u[commands + j], p[_RAMP_S])
        else:
            dx[2 + j] = 100.0 * coasting_rate_per_s(x[2 + j] / 100.0, p[_COAST_S], p[_FRICTION])
    for i in range(n + 1):
        k = 2 + pumps + i
        dx[k] = 0.0
        if p[_SWITCHES + pumps + i] == 0.0:
            dx[k] = actuator_rate_percent_s(x[k], u[commands + pumps + i], p[_STROKE_S])


@inner
def pump_driven(j: int, u: Array, p: Array) -> bool:
    """Whether a pump follows its command: it has not tripped, and has its supply; else it coasts."""
    n, pumps = int(p[_BRANCHES]), int(p[_PUMPS])
    return bool(p[_SWITCHES + j] == 0.0 and u[3 * n + pumps + 3] >= 0.5)


@inner
def header_move(x: Array, u: Array, p: Array, h: float, to: Array) -> None:
    """Put pumps and valves where they are ``h`` (s) after ``x`` into ``to``."""
    n, pumps = int(p[_BRANCHES]), int(p[_PUMPS])
    commands = 2 * n + 2
    for j in range(pumps):
        if pump_driven(j, u, p):
            to[2 + j] = actuator_after(x[2 + j], u[commands + j], p[_RAMP_S], h)
        else:
            to[2 + j] = 100.0 * coasted(x[2 + j] / 100.0, p[_COAST_S], p[_FRICTION], h)
    for i in range(n + 1):
        k = 2 + pumps + i
        to[k] = x[k]
        if p[_SWITCHES + pumps + i] == 0.0:
            to[k] = actuator_after(x[k], u[commands + pumps + i], p[_STROKE_S], h)


@inner
def header_rate_per_s(p: Array) -> float:
    """Fastest exchange of either header, 1/s, with all pumps at full speed on no resistance."""
    return float(p[_FASTEST])


@dataclass(frozen=True, slots=True, kw_only=True)
class HeaderSettings:
    """Figures of a header pair.

    Attributes
    ----------
    flow_kg_s, head_kpa : float
        Design flow of the duty pumps together, and their head.
    duty_pumps : int
        How many pumps give the design flow; more of them are stand-by.
    shutoff_head_ratio, idle_power_fraction, wire_to_water : float
        As :class:`plant_models.sizing.CduSettings`; efficiency from wire to water at design.
    heat_to_coolant_fraction : float
        Share of the electrical power that ends in the coolant.
    pump_ramp_time_s, pump_coast_time_s, valve_stroke_time_s : float
        0 to 100 %; time in which a tripped pump loses half its speed.
    branch_drop_kpa : float
        Drop of one branch's own pipes and open isolation valve at ``branch_flow_kg_s``.
    branch_flow_kg_s : float or None
        None: an even share of the design flow.
    bypass_flow_kg_s : float
        Through the open bypass at 100 kPa; 0: there is none.
    valve_rangeability : float
        Of the isolation and bypass valves (equal percentage).
    transit_time_s : float
        Volume of each header over design flow.
    pressure_kpa : float
        Of the water, over the atmosphere's, for its boiling point: pumps full of vapour give nothing.
    coolant : Fluid
    temp_degc : float
        Mean temperature, for the coolant's properties, and where it starts.
    """

    flow_kg_s: float
    head_kpa: float
    duty_pumps: int = 2
    shutoff_head_ratio: float = 1.25
    idle_power_fraction: float = 0.4
    wire_to_water: float = 0.7
    heat_to_coolant_fraction: float = 0.9
    pump_ramp_time_s: float = 30.0
    pump_coast_time_s: float = 2.0
    valve_stroke_time_s: float = 30.0
    branch_drop_kpa: float = 20.0
    branch_flow_kg_s: float | None = None
    bypass_flow_kg_s: float = 0.0
    valve_rangeability: float = 30.0
    transit_time_s: float = 5.0
    pressure_kpa: float = 300.0
    coolant: Fluid = WATER
    temp_degc: float = 30.0

    def __post_init__(self) -> None:
        for item in fields(self):
            value = getattr(self, item.name)
            low, high = RANGES.get(item.name, (None, None))
            if low is not None and value is not None and not low <= value <= high:
                raise PlantSettingError(f"header: {item.name} = {value!r} is outside {low:g} … {high:g}")


RANGES: dict[str, tuple[float, float]] = {
    "flow_kg_s": (0.01, 100_000.0), "head_kpa": (1.0, 5000.0), "duty_pumps": (1, MOST_PUMPS),
    "shutoff_head_ratio": (1.01, 5.0), "idle_power_fraction": (0.0, 1.0), "wire_to_water": (0.15, 0.9),
    "heat_to_coolant_fraction": (0.0, 1.0), "pump_ramp_time_s": (0.5, 3600.0), "pump_coast_time_s": (0.5, 600.0),
    "valve_stroke_time_s": (0.5, 3600.0), "branch_drop_kpa": (0.1, 1000.0), "branch_flow_kg_s": (0.001, 10_000.0),
    "bypass_flow_kg_s": (0.0, 10_000.0), "valve_rangeability": (5.0, 500.0), "transit_time_s": (0.5, 600.0),
    "pressure_kpa": (10.0, 2000.0),
    "temp_degc": (0.0, 95.0),
}  # fmt: skip


def header(
    branches: int, *, pumps: int, settings: HeaderSettings, cp_j_kgk: float | None = None
) -> Component:
    """Make a supply and return header with ``branches`` and ``pumps``, pumps at 80 % and branches open.

    ``cp_j_kgk`` replaces the coolant's, where the components on the branches were sized with their own.

    Raises
    ------
    PlantSettingError
        Numbers out of range, or fewer pumps than the duty takes.
    DatasheetError
        No such coolant at that temperature.
    """
    s = settings
    if not 1 <= branches <= MOST_BRANCHES or not s.duty_pumps <= pumps <= MOST_PUMPS:
        raise PlantSettingError(
            f"header: {branches} branches and {pumps} pumps for a duty of {s.duty_pumps}; 1 to {MOST_BRANCHES} "
            f"branches, duty to {MOST_PUMPS} pumps"
        )
    coolant = fluid_properties(s.coolant, s.temp_degc)
    cp = coolant.heat_capacity_j_kgk if cp_j_kgk is None else cp_j_kgk
    mass = s.flow_kg_s * s.transit_time_s
    valves, temps = branches + 1, ("source_supply_temp_degc", "supply_temp_degc", "return_temp_degc")
    return_temps = tuple(f"branch_{i + 1}_return_temp_degc" for i in range(branches))
    return Component(
        kind="header",
        code=codes.HEADER,
        inputs=_inputs(branches, pumps, s, return_temps),
        states=_states(branches, pumps),
        stages=(_stage(branches),),
        energies=(
            *(Energy(f"branch_{i + 1}_heat", True, name) for i, name in enumerate(return_temps)),
            Energy("source_supply_heat", True, "source_supply_temp_degc"),
            Energy("source_return_heat", False, "return_temp_degc"),
            Energy("pump_heat", True, None),
        ),
        parameters=_parameters(branches, pumps, s, cp, coolant),
        capacity_j_k=np.array([mass * cp, mass * cp, *[0.0] * (pumps + valves)]),
        start=np.array([s.temp_degc, s.temp_degc, *[80.0] * pumps, *[100.0] * branches, 0.0]),
        faults=_faults(branches, pumps),
        heat_capacity_j_kgk=dict.fromkeys((*temps, *return_temps), cp),
    )


def _parameters(branches: int, pumps: int, s: HeaderSettings, cp: float, coolant: FluidProperties) -> Array:
    each = s.flow_kg_s / s.duty_pumps
    shutoff = s.shutoff_head_ratio * s.head_kpa
    curve = (s.shutoff_head_ratio - 1.0) * s.head_kpa / each**2
    power_w = 1000.0 * each / coolant.density_kg_m3 * s.head_kpa / s.wire_to_water
    branch_flow = s.flow_kg_s / branches if s.branch_flow_kg_s is None else s.branch_flow_kg_s
    mass = s.flow_kg_s * s.transit_time_s
    most = pumps * math.sqrt(shutoff / curve)
    boiling = plain(boiling_degc)(s.pressure_kpa, s.coolant.water_mole_fraction)
    return np.array([
        branches, pumps, cp, shutoff, curve, each, power_w, s.idle_power_fraction, s.heat_to_coolant_fraction,
        s.pump_ramp_time_s, s.pump_coast_time_s, _BEARING_FRICTION, branch_flow / math.sqrt(s.branch_drop_kpa),
        s.bypass_flow_kg_s / 10.0, s.valve_rangeability, s.valve_stroke_time_s, mass, mass, most / mass, boiling,
        *[0.0] * (pumps + branches + 1),
    ])  # fmt: skip


def _inputs(
    branches: int, pumps: int, s: HeaderSettings, return_temps: tuple[str, ...]
) -> tuple[InputPort, ...]:
    """Order: conductances, return temperatures, common conductance, source, pumps, valves, bypass, supply."""
    even = s.flow_kg_s / branches / math.sqrt(s.head_kpa)
    numbers = range(1, branches + 1)
    common = 10.0 * s.flow_kg_s / math.sqrt(s.head_kpa)
    return (
        *(
            InputPort(f"branch_{i}_conductance_kg_s_kpa05", "kg/s/kPa0.5", 0.0, 1e6, even, optional=True)
            for i in numbers
        ),
        *(InputPort(name, "degC", -20.0, 120.0, s.temp_degc) for name in return_temps),
        InputPort("common_conductance_kg_s_kpa05", "kg/s/kPa0.5", 0.0, 1e6, common, optional=True),
        InputPort("source_supply_temp_degc", "degC", -20.0, 120.0, s.temp_degc),
        *(InputPort(f"pump_{j + 1}_speed_command_percent", "%", 0.0, 100.0, 80.0) for j in range(pumps)),
        *(
            InputPort(f"branch_{i}_valve_command_percent", "%", 0.0, 100.0, 100.0, optional=True)
            for i in numbers
        ),
        InputPort("bypass_valve_command_percent", "%", 0.0, 100.0, 0.0, optional=True),
        InputPort("supply_ratio", "1", 0.0, 1.0, 1.0, optional=True),
    )


def _states(branches: int, pumps: int) -> tuple[Port, ...]:
    return (
        Port("supply_temp_degc", "degC"),
        Port("return_temp_degc", "degC"),
        *(Port(f"pump_{j + 1}_speed_percent", "%") for j in range(pumps)),
        *(Port(f"branch_{i + 1}_valve_position_percent", "%") for i in range(branches)),
        Port("bypass_valve_position_percent", "%"),
    )


def _stage(branches: int) -> Stage:
    numbers = range(1, branches + 1)
    reads = (*(f"branch_{i}_conductance_kg_s_kpa05" for i in numbers), "common_conductance_kg_s_kpa05")
    return Stage(
        reads,
        (
            Port("flow_kg_s", "kg/s"),
            Port("differential_pressure_kpa", "kPa"),
            Port("supply_temp_degc", "degC"),
            Port("return_temp_degc", "degC"),
            Port("pump_power_kw", "kW"),
            Port("bypass_flow_kg_s", "kg/s"),
            *(Port(f"branch_{i}_differential_pressure_kpa", "kPa") for i in numbers),
            *(Port(f"branch_{i}_flow_kg_s", "kg/s") for i in numbers),
        ),
    )


def _faults(branches: int, pumps: int) -> dict[str, int]:
    trips = {f"pump_{j + 1}_trip": _SWITCHES + j for j in range(pumps)}
    stuck = {f"branch_{i + 1}_valve_stuck": _SWITCHES + pumps + i for i in range(branches)}
    return {**trips, **stuck, "bypass_valve_stuck": _SWITCHES + pumps + branches}
