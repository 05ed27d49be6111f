"""Power chain of a data centre: grid or generator, transformer, UPS with battery and bypass, distribution, IT.

::

    grid ─ transformer ─┬─ UPS (battery, bypass) ─ distribution ─ IT
            generator ──┤            └─ mechanical feeds on the UPS (pumps)
                        ├─ the other mechanical feeds (fans, chillers)
                        └─ other

Losses are those of :mod:`plant_models.components.power_losses`; modes are states (:mod:`power_modes`), so what a load
is told of its supply depends on no power of the same instant. On bypass by command the inverter stands by (economy
mode) and takes over when the grid fails; on bypass by ``ups_fault`` or overload it does not. The bypass stands 110 %
for good, more by :func:`power_losses.overload_time_s`, and then switches off, and what is on it is in the dark (Staco
FirstLine UPS manual 003-2323: 2 min at 125 %, 10 s at 150 %). Breakers that have tripped stay open until they have
cooled and are reset (IEEE C37.2, device 86), by ``breaker_reset_command_percent``: one held above 50 closes them by
itself.

``pue`` is power of this moment from grid, generator and battery over IT power, of category 3 by default (ISO/IEC
30134-2: IT energy at the input of the IT equipment; 2: at the outputs of the PDUs; 1: at the output of the UPS, less
what is not IT). Over time, energy is to be counted at the meter alone, as ``site_meter`` does: what the battery gives
was bought before.

The IT's heat enters a composition where the racks are (the CDU's ``rack_heat``), so power given to loads leaves here.
What Peukert's law takes from a battery counts as lost while it discharges.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from plant_models._jit import inner
from plant_models.components import codes
from plant_models.components import power_modes as modes
from plant_models.components.checks import whole_number
from plant_models.components.key_ratios import PUE_BOUND, bounded_ratio
from plant_models.components.power_losses import LONGEST_MINUTES, curve_loss_kw
from plant_models.components.power_settings import MOST_FEEDS, PLACE, PowerSettings, packed
from plant_models.ports import Port
from plant_models.system.component import Component, Energy, InputPort, Stage

Array = npt.NDArray[np.float64]

_TAPER_PERCENT = 10.0
(
    _IT_RATIO, _MECHANICAL_RATIO, _ON_BATTERY, _ENERGY, _SOURCE, _BYPASS_OPEN, _UPS_RATIO, _ON_BYPASS, _FACILITY, _IT,
    _MECHANICAL, _UPS_LOSS, _TRANSFORMER_LOSS, _DISTRIBUTION_LOSS, _METERED, _PUE, _MINUTES, _LOAD, _GENERATED,
    _BATTERY,
) = range(20)  # fmt: skip
_UPS, _CONSTANT, _LINEAR, _QUADRATIC, _BYPASS_CONSTANT, _BYPASS_LINEAR = (
    PLACE[n]
    for n in (
        "ups_kw", "ups_constant_loss", "ups_linear_loss", "ups_quadratic_loss", "bypass_constant_loss",
        "bypass_linear_loss",
    )
)  # fmt: skip
_KVA, _NO_LOAD, _LOAD_LOSS, _FACTOR = (
    PLACE[n] for n in ("transformer_kva", "transformer_no_load_loss", "transformer_load_loss", "power_factor")
)
_CHARGE_KW, _CHARGER, _GENERATOR_KW = (PLACE[n] for n in ("charge_kw", "charger_efficiency", "generator_kw"))
_CATEGORY, _RACK_FEED = PLACE["pue_category"], PLACE["rack_feed_share"]
_STATES = (
    Port("battery_charge_percent", "%"),
    Port("source", "1"),
    Port("generator_start_left_s", "s"),
    Port("ups_live", "1"),
    Port("ups_overload_count", "1"),
    Port("ups_overloaded", "1"),
    Port("it_hold_up_left_s", "s"),
    Port("it_supplied", "1"),
    Port("it_restart_left_s", "s"),
    Port("transformer_warmth", "1"),
    Port("transformer_open", "1"),
    Port("bypass_overload_count", "1"),
    Port("bypass_open", "1"),
)
_BY_STATE = (
    Port("it_supply_ratio", "1"),
    Port("mechanical_supply_ratio", "1"),
    Port("on_battery", "1"),
    Port("battery_energy_kwh", "kWh"),
    Port("power_source", "1"),
    Port("bypass_tripped", "1"),
    Port("ups_supply_ratio", "1"),
)
_BY_LOAD = (
    Port("on_bypass", "1"),
    Port("facility_power_kw", "kW"),
    Port("it_power_kw", "kW"),
    Port("mechanical_power_kw", "kW"),
    Port("ups_loss_kw", "kW"),
    Port("transformer_loss_kw", "kW"),
    Port("distribution_loss_kw", "kW"),
    Port("it_metered_power_kw", "kW"),
    Port("pue", "1"),
    Port("battery_minutes", "min"),
    Port("ups_load_percent", "%"),
    Port("generator_power_kw", "kW"),
    Port("battery_power_kw", "kW"),
)
_ENERGIES = (
    Energy("supply", True, None),
    Energy("it", False, None),
    Energy("mechanical", False, None),
    Energy("other", False, None),
    Energy("losses", False, None),
)


@inner
def power_chain_outputs(stage: int, x: Array, u: Array, p: Array, y: Array) -> None:
    """Stage 0: what follows from the modes alone; 1: powers, losses and key figures."""
    if stage == 0:
        source, live = modes.has_source(x), x[modes.LIVE] > 0.5
        y[_IT_RATIO] = 1.0 if x[modes.SUPPLIED] > 0.5 else 0.0
        y[_MECHANICAL_RATIO] = 1.0 if source else 0.0
        y[_UPS_RATIO] = 1.0 if live else 0.0
        y[_ON_BATTERY] = 1.0 if live and not source else 0.0
        y[_ENERGY] = p[modes.BATTERY_KWH] * max(x[modes.CHARGE], 0.0) / 100.0
        y[_SOURCE] = x[modes.SOURCE]
        y[_BYPASS_OPEN] = x[modes.BYPASS_OPEN]
        return
    bypass = modes.bypassed(x, u, p)
    it_kw = modes.it_load_kw(x, u, p)
    output_kw = modes.ups_output_kw(x, u, p)
    y[_ON_BYPASS] = 1.0 if bypass else 0.0
    y[_IT] = it_kw
    y[_MECHANICAL] = modes.on_ups_kw(x, u, p) + modes.on_board_kw(x, u, p)
    y[_DISTRIBUTION_LOSS] = modes.distribution_loss_kw(it_kw, p)
    y[_LOAD] = 100.0 * output_kw / p[_UPS]
    behind_meter = 0.0 if p[_CATEGORY] > 2.5 else p[_RACK_FEED] if p[_CATEGORY] > 1.5 else 1.0
    y[_METERED] = it_kw + behind_meter * y[_DISTRIBUTION_LOSS]
    supply(x, u, p, y, output_kw, bypass)
    y[_PUE] = bounded_ratio(y[_FACILITY] + max(y[_BATTERY], 0.0), y[_METERED], PUE_BOUND)
    y[_MINUTES] = minutes_left(x, output_kw, p)


@inner
def supply(x: Array, u: Array, p: Array, y: Array, output_kw: float, bypass: bool) -> None:
    """Battery, UPS and transformer: put their losses and what grid, generator and battery give."""
    y[_BATTERY], y[_UPS_LOSS], y[_TRANSFORMER_LOSS], y[_FACILITY], y[_GENERATED] = 0.0, 0.0, 0.0, 0.0, 0.0
    if not modes.has_source(x):
        if x[modes.LIVE] > 0.5:
            y[_BATTERY] = modes.inverter_kw(output_kw, p)
            y[_UPS_LOSS] = modes.drain_kw(y[_BATTERY], p) - output_kw
        return
    loss = ups_loss_kw(output_kw, bypass, p)
    board = output_kw + loss + modes.on_board_kw(x, u, p) + modes.other_kw(u)
    charging = charging_kw(x, board, p)
    y[_BATTERY] = 0.0 - charging
    y[_UPS_LOSS] = loss + (1.0 - p[_CHARGER]) * charging
    board += charging
    if x[modes.SOURCE] > 1.5:
        y[_GENERATED] = board
    else:
        relative = board / (p[_FACTOR] * p[_KVA])
        y[_TRANSFORMER_LOSS] = p[_KVA] * (p[_NO_LOAD] + p[_LOAD_LOSS] * relative * relative)
    y[_FACILITY] = board + y[_TRANSFORMER_LOSS]


@inner
def ups_loss_kw(output_kw: float, bypass: bool, p: Array) -> float:
    """Loss of the UPS in double conversion or on bypass, the charger's apart, kW."""
    if bypass:
        return curve_loss_kw(output_kw, p[_UPS], p[_BYPASS_CONSTANT], p[_BYPASS_LINEAR], 0.0)
    return curve_loss_kw(output_kw, p[_UPS], p[_CONSTANT], p[_LINEAR], p[_QUADRATIC])


@inner
def charging_kw(x: Array, board_kw: float, p: Array) -> float:
    """Power that the charger draws, kW: less near full charge, and no more than a generator has left."""
    if p[modes.BATTERY_OPEN] > 0.5 or p[modes.UPS_FAULT] > 0.5:
        return 0.0
    wanted = p[_CHARGE_KW] * min(max((100.0 - x[modes.CHARGE]) / _TAPER_PERCENT, 0.0), 1.0)
    if x[modes.SOURCE] > 1.5:
        wanted = min(wanted, max(p[_GENERATOR_KW] - board_kw, 0.0))
    return float(wanted)


@inner
def minutes_left(x: Array, output_kw: float, p: Array) -> float:
    """How long the battery would carry the present load, min; at most a day."""
    if p[modes.BATTERY_OPEN] > 0.5 or p[modes.UPS_FAULT] > 0.5:
        return 0.0
    left_kwh = p[modes.BATTERY_KWH] * max(x[modes.CHARGE], 0.0) / 100.0
    drain_kw = modes.drain_kw(modes.inverter_kw(output_kw, p), p)
    return bounded_ratio(60.0 * left_kwh, drain_kw, LONGEST_MINUTES)


@inner
def power_chain_rates(x: Array, u: Array, y: Array, p: Array, dx: Array) -> None:
    """Rates of charge, overload and timers; power in, to IT, mechanical and other loads, and lost (W)."""
    modes.timer_rates(x, p, dx)
    battery = y[_BATTERY]
    stored_kw = -modes.drain_kw(battery, p) if battery > 0.0 else -p[_CHARGER] * battery
    dx[modes.CHARGE] = stored_kw / p[modes.BATTERY_KWH] / 36.0
    on_bypass, load_ratio = y[_ON_BYPASS] > 0.5, y[_LOAD] / 100.0
    dx[modes.HEATED] = modes.heating_per_s(x, load_ratio, on_bypass, p)
    dx[modes.BYPASS_HEATED] = modes.bypass_heating_per_s(x, load_ratio, on_bypass, p)
    through_kw = y[_FACILITY] - y[_TRANSFORMER_LOSS] - y[_GENERATED]
    dx[modes.WARMTH] = modes.warming_per_s(x, through_kw / (p[_FACTOR] * p[_KVA]), p)
    first = modes.STATES
    dx[first] = 1000.0 * y[_FACILITY]
    dx[first + 1] = 1000.0 * y[_IT]
    dx[first + 2] = 1000.0 * y[_MECHANICAL]
    dx[first + 3] = 1000.0 * modes.other_kw(u) if modes.has_source(x) else 0.0
    dx[first + 4] = 1000.0 * (y[_UPS_LOSS] + y[_TRANSFORMER_LOSS] + y[_DISTRIBUTION_LOSS])


@inner
def power_chain_settle(x: Array, u: Array, p: Array, substep_s: float) -> None:
    """Change modes: breakers and source first, then the UPS that they feed, then the IT behind that."""
    output_kw = modes.ups_output_kw(x, u, p)
    loss = ups_loss_kw(output_kw, modes.bypassed(x, u, p), p)
    modes.settle_breakers(x, u)
    modes.settle_source(x, output_kw + loss + modes.on_board_kw(x, u, p) + modes.other_kw(u), p)
    modes.settle_ups(x, u, p, substep_s)
    modes.settle_supply(x, p)


def battery_kwh(settings: PowerSettings) -> float:
    """Size the battery, kWh stored: it carries the rated load of the UPS for its minutes, by Peukert's law."""
    loss = settings.ups_constant_loss + settings.ups_linear_loss + settings.ups_quadratic_loss
    drawn_kw = settings.ups_kw * (1.0 + settings.inverter_loss_share * loss) / settings.battery_efficiency
    hours, rated_h = settings.battery_minutes / 60.0, settings.battery_rated_minutes / 60.0
    if hours >= rated_h:
        return drawn_kw * hours
    k = settings.peukert_exponent
    return float(drawn_kw * hours ** (1.0 / k) * rated_h ** (1.0 - 1.0 / k))


def power_chain(*, it_feeds: int = 1, mechanical_feeds: int = 1, settings: PowerSettings) -> Component:
    """Make a power chain with ``it_feeds`` and ``mechanical_feeds`` loads (1 … 100, 0 … 100), on the grid at its start.

    Powers in are what the loads ask for; ``it_supply_ratio``, ``ups_supply_ratio`` (the first mechanical feeds, on the
    UPS) and ``mechanical_supply_ratio`` (the others) tell them what they get (1 or 0). ``facility_power_kw`` is what
    comes from the grid, at the utility meter, or from the generator. ``battery_minutes`` is held at a day, ``pue`` at
    100. ``power_source``: 0 none, 1 grid, 2 generator, 3 generator tripped on overload, 4 transformers tripped on
    overload. ``battery_power_kw``: above 0 what the battery gives, below what its charger draws. A thermal relay trips
    transformers over 1.2 times their rating; they can be reset when they have cooled to what rated load gives, and IT
    comes back its restart delay later. ``bypass_tripped``: 1 while an overload keeps the bypass open.

    Faults: ``grid_outage``; ``ups_fault`` (inverter and charger out, the load goes to the bypass);
    ``battery_open`` (its breaker: neither charge nor discharge).

    Raises
    ------
    PlantSettingError
        A number of feeds out of range.
    """
    whole_number(
        "power chain",
        it_feeds=(it_feeds, 1, MOST_FEEDS),
        mechanical_feeds=(mechanical_feeds, 0, MOST_FEEDS),
        mechanical_feeds_on_ups=(settings.mechanical_feeds_on_ups, 0, mechanical_feeds),
    )
    figures = packed(settings)
    figures[_CHARGE_KW] = settings.charge_kw or 0.1 * settings.ups_kw
    figures[PLACE["distribution_kw"]] = settings.distribution_kw or settings.ups_kw
    stored_kwh = battery_kwh(settings)
    rated_kw = stored_kwh / (settings.battery_rated_minutes / 60.0)
    start = np.zeros(len(_STATES))
    start[modes.CHARGE] = settings.initial_charge_percent
    start[modes.SOURCE] = modes.GRID
    for place, value in (
        (modes.LIVE, 1.0),
        (modes.SUPPLIED, 1.0),
        (modes.START_LEFT, settings.generator_start_time_s),
        (modes.HOLD_LEFT, settings.it_hold_up_time_s),
        (modes.RESTART_LEFT, settings.it_restart_delay_s),
    ):
        start[place] = value
    inputs = _inputs(it_feeds, mechanical_feeds, 10.0 * max(settings.ups_kw, settings.transformer_kva))
    capacity = np.zeros(len(_STATES))
    capacity[modes.CHARGE] = 36_000.0 * stored_kwh
    return Component(
        kind="power_chain",
        code=codes.POWER_CHAIN,
        inputs=inputs,
        states=_STATES,
        stages=(Stage((), _BY_STATE), Stage(tuple(port.name for port in inputs), _BY_LOAD)),
        energies=_ENERGIES,
        parameters=np.array(
            [*figures, float(it_feeds), float(mechanical_feeds), stored_kwh, rated_kw, 0.0, 0.0, 0.0]
        ),
        capacity_j_k=capacity,
        start=start,
        faults={
            "grid_outage": modes.OUTAGE,
            "ups_fault": modes.UPS_FAULT,
            "battery_open": modes.BATTERY_OPEN,
        },
    )


def _inputs(it_feeds: int, mechanical_feeds: int, most_kw: float) -> tuple[InputPort, ...]:
    names = [
        *(f"it_power_{i}_kw" for i in range(1, it_feeds + 1)),
        *(f"mechanical_power_{j}_kw" for j in range(1, mechanical_feeds + 1)),
    ]
    return (
        *(InputPort(name, "kW", 0.0, most_kw, 0.0) for name in names),
        InputPort("other_power_kw", "kW", 0.0, most_kw, 0.0, optional=True),
        InputPort("ups_bypass_command_percent", "%", 0.0, 100.0, 0.0, optional=True),
        InputPort("breaker_reset_command_percent", "%", 0.0, 100.0, 0.0, optional=True),
    )
