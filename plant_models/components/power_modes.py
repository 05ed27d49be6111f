"""States of a power chain, and how it changes between them: source, inverter, bypass, supply of IT."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from plant_models._jit import inner
from plant_models.components.power_losses import battery_drain_kw, curve_loss_kw, overload_time_s
from plant_models.components.power_settings import NAMES, PLACE

Array = npt.NDArray[np.float64]

(
    CHARGE, SOURCE, START_LEFT, LIVE, HEATED, OVERLOADED, HOLD_LEFT, SUPPLIED, RESTART_LEFT, WARMTH, TRANSFORMER_OPEN,
    BYPASS_HEATED, BYPASS_OPEN,
) = range(13)  # fmt: skip
STATES = 13
NO_SOURCE, GRID, GENERATOR, GENERATOR_TRIPPED, TRANSFORMER_TRIPPED = 0.0, 1.0, 2.0, 3.0, 4.0
"""Values of the state ``SOURCE``."""
IT_FEEDS, MECHANICAL_FEEDS, BATTERY_KWH, BATTERY_RATED_KW, OUTAGE, UPS_FAULT, BATTERY_OPEN = range(
    len(NAMES), len(NAMES) + 7
)
"""Places of parameters behind the figures of :class:`PowerSettings`."""
_UPS, _CONSTANT, _LINEAR, _QUADRATIC, _INVERTER = (
    PLACE[n]
    for n in ("ups_kw", "ups_constant_loss", "ups_linear_loss", "ups_quadratic_loss", "inverter_loss_share")
)
_DISTRIBUTION_KW, _DISTRIBUTION, _ON_UPS = (
    PLACE[n] for n in ("distribution_kw", "distribution_loss", "mechanical_feeds_on_ups")
)
_EFFICIENCY, _PEUKERT = PLACE["battery_efficiency"], PLACE["peukert_exponent"]
_OVERLOAD_S, _RESET_S = PLACE["ups_overload_time_s"], PLACE["ups_overload_reset_s"]
_BYPASS_S, _BYPASS_LASTING = PLACE["bypass_overload_time_s"], 1.1
_GENERATOR_KW, _START_S = PLACE["generator_kw"], PLACE["generator_start_time_s"]
_HOLD_S, _RESTART_S = PLACE["it_hold_up_time_s"], PLACE["it_restart_delay_s"]
_OVER = 1e-9
"""A timer this far above 0 has run down: what is left is rounding."""
_GENERATOR_TRIP = 1.1
_TRANSFORMER_TRIP = 1.2**2
"""Warmth (1: that of rated load for good) at which the transformers' relay trips; it can be reset at 1."""
_AFTER_OTHER, _AFTER_BYPASS, _AFTER_RESET = 3, 2, 1
"""From the end of the inputs: other power, command of the bypass, reset of breakers."""
_WARMING_S = PLACE["transformer_time_constant_s"]


@inner
def has_source(x: Array) -> bool:
    """Whether grid or generator feeds the main board."""
    return bool(0.5 < x[SOURCE] < 2.5)


@inner
def other_kw(u: Array) -> float:
    """Power that other loads ask for, none below 0, kW."""
    return float(max(u[u.size - _AFTER_OTHER], 0.0))


@inner
def feeds_sum(u: Array, first: int, feeds: int) -> float:
    """Sum of ``feeds`` inputs from place ``first`` on, none below 0, kW."""
    total = 0.0
    for i in range(first, first + feeds):
        total += max(u[i], 0.0)
    return total


@inner
def it_load_kw(x: Array, u: Array, p: Array) -> float:
    """Power at the input of the IT equipment, kW; none while the UPS gives none, be it held up or not."""
    if x[LIVE] < 0.5 or x[SUPPLIED] < 0.5:
        return 0.0
    return feeds_sum(u, 0, int(p[IT_FEEDS]))


@inner
def on_ups_kw(x: Array, u: Array, p: Array) -> float:
    """Power that the mechanical loads behind the UPS get, kW."""
    return feeds_sum(u, int(p[IT_FEEDS]), int(p[_ON_UPS])) if x[LIVE] > 0.5 else 0.0


@inner
def on_board_kw(x: Array, u: Array, p: Array) -> float:
    """Power that the mechanical loads on the main board get, kW."""
    behind = int(p[_ON_UPS])
    return (
        feeds_sum(u, int(p[IT_FEEDS]) + behind, int(p[MECHANICAL_FEEDS]) - behind) if has_source(x) else 0.0
    )


@inner
def distribution_loss_kw(it_kw: float, p: Array) -> float:
    """Loss of busway, PDU and rack feeds: with the square of the power, kW."""
    return float(p[_DISTRIBUTION] * it_kw * it_kw / p[_DISTRIBUTION_KW])


@inner
def ups_output_kw(x: Array, u: Array, p: Array) -> float:
    """Power that leaves the UPS, or its bypass, kW."""
    it_kw = it_load_kw(x, u, p)
    return it_kw + distribution_loss_kw(it_kw, p) + on_ups_kw(x, u, p)


@inner
def bypassed(x: Array, u: Array, p: Array) -> bool:
    """Whether the load is on the bypass: by fault, overload or command, while it is closed and there is a source."""
    wanted = p[UPS_FAULT] > 0.5 or x[OVERLOADED] > 0.5 or u[u.size - _AFTER_BYPASS] > 50.0
    return wanted and has_source(x) and x[LIVE] > 0.5 and x[BYPASS_OPEN] < 0.5


@inner
def inverter_kw(output_kw: float, p: Array) -> float:
    """Power that the inverter takes from the battery for ``output_kw``, kW."""
    loss = curve_loss_kw(output_kw, p[_UPS], p[_CONSTANT], p[_LINEAR], p[_QUADRATIC])
    return float(output_kw + p[_INVERTER] * loss)


@inner
def drain_kw(given_kw: float, p: Array) -> float:
    """Rate at which the battery's stored energy falls while it gives ``given_kw``, kW."""
    return battery_drain_kw(given_kw, p[_EFFICIENCY], p[BATTERY_RATED_KW], p[_PEUKERT])


@inner
def heating_per_s(x: Array, ratio: float, bypass: bool, p: Array) -> float:
    """Rate of the inverter's overload count (1: it gives up), by its load over rated."""
    if ratio > 1.0 and x[LIVE] > 0.5:
        return 0.0 if bypass else 1.0 / overload_time_s(ratio, p[_OVERLOAD_S])
    return float(-1.0 / p[_RESET_S]) if x[HEATED] > 0.0 else 0.0


@inner
def bypass_heating_per_s(x: Array, ratio: float, bypass: bool, p: Array) -> float:
    """Rate of the bypass's overload count (1: it switches off), by its load over rated."""
    if bypass and ratio > _BYPASS_LASTING:
        return 1.0 / overload_time_s(ratio, p[_BYPASS_S])
    return float(-1.0 / p[_RESET_S]) if x[BYPASS_HEATED] > 0.0 else 0.0


@inner
def warming_per_s(x: Array, ratio: float, p: Array) -> float:
    """Rate of the transformers' warmth: it goes to the square of their load over rated (IEC 60255-149)."""
    return float((ratio * ratio - x[WARMTH]) / p[_WARMING_S])


@inner
def timer_rates(x: Array, p: Array, dx: Array) -> None:
    """Timers run down while what they wait for lasts; all modes stand still between substeps."""
    dx[SOURCE], dx[LIVE], dx[OVERLOADED], dx[SUPPLIED] = 0.0, 0.0, 0.0, 0.0
    dx[TRANSFORMER_OPEN], dx[BYPASS_OPEN] = 0.0, 0.0
    live, supplied = x[LIVE] > 0.5, x[SUPPLIED] > 0.5
    starting = x[SOURCE] < 0.5 and p[_GENERATOR_KW] > 0.0
    dx[START_LEFT] = -1.0 if starting and x[START_LEFT] > 0.0 else 0.0
    dx[HOLD_LEFT] = -1.0 if supplied and not live and x[HOLD_LEFT] > 0.0 else 0.0
    dx[RESTART_LEFT] = -1.0 if live and not supplied and x[RESTART_LEFT] > 0.0 else 0.0


@inner
def settle_breakers(x: Array, u: Array) -> None:
    """Open breakers of transformers and bypass that are too warm; cooled, they close when they are reset."""
    reset = u[u.size - _AFTER_RESET] > 50.0
    if x[WARMTH] >= _TRANSFORMER_TRIP:
        x[TRANSFORMER_OPEN] = 1.0
    elif reset and x[WARMTH] <= 1.0:
        x[TRANSFORMER_OPEN] = 0.0
    if x[BYPASS_HEATED] >= 1.0 - _OVER:
        x[BYPASS_OPEN] = 1.0
    elif x[BYPASS_HEATED] <= 0.0:
        x[BYPASS_HEATED] = 0.0
        if reset:
            x[BYPASS_OPEN] = 0.0


@inner
def settle_source(x: Array, board_kw: float, p: Array) -> None:
    """Grid, nothing, or the generator once it has started; overloaded it trips until the grid is back.

    No generator starts for transformers that are off, unless the grid is out too.
    """
    if p[OUTAGE] < 0.5:
        x[SOURCE] = TRANSFORMER_TRIPPED if x[TRANSFORMER_OPEN] > 0.5 else GRID
        x[START_LEFT] = p[_START_S]
        return
    if x[SOURCE] == GRID or x[SOURCE] == TRANSFORMER_TRIPPED:
        x[SOURCE], x[START_LEFT] = NO_SOURCE, p[_START_S]
    if x[SOURCE] == GENERATOR and board_kw > _GENERATOR_TRIP * p[_GENERATOR_KW]:
        x[SOURCE] = GENERATOR_TRIPPED
    if x[SOURCE] == NO_SOURCE and p[_GENERATOR_KW] > 0.0 and x[START_LEFT] <= _OVER:
        x[SOURCE] = GENERATOR


@inner
def settle_ups(x: Array, u: Array, p: Array, substep_s: float) -> None:
    """Latch an overload; keep the output alive from a source, or from the battery while it lasts a substep more.

    An inverter that has given up with no bypass to go to stays off until that is reset.
    """
    no_bypass = x[BYPASS_OPEN] > 0.5
    if x[HEATED] >= 1.0 - _OVER:
        x[OVERLOADED] = 1.0
    elif x[HEATED] <= 0.0:
        x[HEATED] = 0.0
        if not no_bypass:
            x[OVERLOADED] = 0.0
    if has_source(x):
        x[LIVE] = 0.0 if no_bypass and (p[UPS_FAULT] > 0.5 or x[OVERLOADED] > 0.5) else 1.0
        return
    left_kwh = p[BATTERY_KWH] * x[CHARGE] / 100.0
    needed_kwh = drain_kw(inverter_kw(ups_output_kw(x, u, p), p), p) * substep_s / 3600.0
    broken = p[UPS_FAULT] > 0.5 or p[BATTERY_OPEN] > 0.5 or x[OVERLOADED] > 0.5
    if broken or left_kwh <= needed_kwh:
        x[LIVE] = 0.0


@inner
def settle_supply(x: Array, p: Array) -> None:
    """Take IT down when its hold-up time is over, and bring it back a restart delay after the supply."""
    if x[LIVE] > 0.5:
        x[HOLD_LEFT] = p[_HOLD_S]
        if x[SUPPLIED] < 0.5 and x[RESTART_LEFT] <= _OVER:
            x[SUPPLIED] = 1.0
    else:
        if x[HOLD_LEFT] <= _OVER:
            x[SUPPLIED] = 0.0
        x[RESTART_LEFT] = p[_RESTART_S]
