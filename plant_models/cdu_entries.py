"""What Python calls of the CDU's physics: a step with its integration and its heat balance, rates, outputs, flows."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from plant_models import cdu_physics as physics
from plant_models._jit import entry, inner, physics_stamp
from plant_models.cold_plate import inlet_weight
from plant_models.parameters import PLACE, PUMP_TRIPPED, VALVE_STUCK

Array = npt.NDArray[np.float64]
_Gives = Callable[..., Array]

WORK_ROWS = 6
_LONGEST_SUBSTEP_S = 0.25
(
    _TCS_FLOW, _FWS_FLOW, _TCS_CP, _FWS_CP, _DENSITY, _STROKE_S, _RAMP_S, _PUMP_KG, _RACK_KG, _SUPPLY_KG,
    _RETURN_KG, _FWS_KG, _PLATE_C, _SHUTDOWN_PER_K, _FASTEST,
) = (
    PLACE[name]
    for name in (
        "tcs_flow_kg_s", "fws_flow_kg_s", "tcs_cp_j_kgk", "fws_cp_j_kgk", "tcs_density_kg_m3",
        "valve_stroke_time_s", "pump_ramp_time_s", "pump_mass_kg", "rack_mass_kg", "supply_pipe_mass_kg",
        "return_pipe_mass_kg", "fws_mass_kg", "plate_capacity_j_k", "shutdown_per_k", "fastest_rate_per_s",
    )
)  # fmt: skip


@inner
def runge_kutta(y: Array, u: Array, p: Array, h: float, work: Array) -> None:
    """Take one step of states and energies in ``y`` over ``h`` (s): Kutta's of third order, with the actuators moved.

    As :func:`plant_models.system.executor.runge_kutta` does with a composition.
    """
    k1, k2, k3, middle, end = work[0], work[1], work[2], work[3], work[4]
    physics.cdu_rates(y, u, p, k1)
    for i in range(y.size):
        middle[i] = y[i] + 0.5 * h * k1[i]
    physics.move_actuators(y, u, p, 0.5 * h, middle)
    physics.cdu_rates(middle, u, p, k2)
    for i in range(y.size):
        end[i] = y[i] + h * (2.0 * k2[i] - k1[i])
    physics.move_actuators(middle, u, p, 0.5 * h, end)
    physics.cdu_rates(end, u, p, k3)
    for i in range(y.size):
        y[i] += h / 6.0 * (k1[i] + 4.0 * k2[i] + k3[i])
    physics.move_actuators(middle, u, p, 0.5 * h, y)


@inner
def settle_actuators(y: Array, u: Array, p: Array) -> None:
    """Put actuators outside the model where their command is."""
    if p[_STROKE_S] == 0.0 and p[VALVE_STUCK] == 0.0:
        y[physics.VALVE] = u[physics.VALVE_COMMAND]
    if p[_RAMP_S] == 0.0 and p[PUMP_TRIPPED] == 0.0:
        y[physics.PUMP] = u[physics.PUMP_COMMAND]


@inner
def substep_rate_per_s(u: Array, p: Array) -> float:
    """Substeps a second: each no longer than the fastest volume's time, the FWS side's with its valve wide open.

    Eigenvalues of a chain of such volumes are at most twice its fastest rate (Gershgorin), and the method is stable
    to 2.5 of them a substep.
    """
    fws_per_s = physics.fws_flow_ratio(1.0, u[physics.FWS_DROP], p) * p[_FWS_FLOW] / p[_FWS_KG]
    # Devices that switch off with the case's temperature settle that fast on their own.
    devices_per_s = 1000.0 * u[physics.HEAT] * p[_SHUTDOWN_PER_K] / p[_PLATE_C]
    return float(max(1.0 / _LONGEST_SUBSTEP_S, p[_FASTEST] + 0.5 * devices_per_s, fws_per_s))


@inner
def residual_w(y: Array, before: Array, p: Array, dt_s: float) -> float:
    """Worse of the two heat balances over the step, W: around the CDU, and around the racks with their pipes.

    CDU: to FWS - from TCS - from the pump + stored. Racks: from TCS - from the racks + stored.
    """
    tcs_cp = p[_TCS_CP]
    cdu = y[physics.STATES] - y[physics.STATES + 1] - y[physics.STATES + 2]
    cdu += p[_PUMP_KG] * tcs_cp * (y[physics.SUPPLY] - before[physics.SUPPLY])
    cdu += p[_FWS_KG] * p[_FWS_CP] * (y[physics.FWS_RETURN] - before[physics.FWS_RETURN])
    racks = y[physics.STATES + 1] - y[physics.STATES + 3]
    racks += p[_SUPPLY_KG] * tcs_cp * (y[physics.RACK_IN] - before[physics.RACK_IN])
    racks += p[_RACK_KG] * tcs_cp * (y[physics.RACK_OUT] - before[physics.RACK_OUT])
    racks += p[_RETURN_KG] * tcs_cp * (y[physics.RETURN] - before[physics.RETURN])
    racks += p[_PLATE_C] * (y[physics.CASE] - before[physics.CASE])
    return float((cdu if abs(cdu) > abs(racks) else racks) / dt_s)


@inner
def advance_all(y: Array, u: Array, p: Array, dt_s: float, out: Array, work: Array) -> None:
    """Advance ``y`` (states, then energies) by ``dt_s`` (s) in equal substeps; outputs go into ``out``."""
    before = work[5]
    y[physics.STATES :] = 0.0
    settle_actuators(y, u, p)
    before[:] = y
    if dt_s > 0.0:
        substeps = max(math.ceil(dt_s * substep_rate_per_s(u, p) - 1e-9), 1)
        for _ in range(substeps):
            runge_kutta(y, u, p, dt_s / substeps, work)
        out[physics.RESIDUAL] = residual_w(y, before, p, dt_s) / 1000.0
    physics.cdu_outputs(y, u, p, out)


@inner
def flows_alone(position: float, speed: float, drop_kpa: float, params: Array, out: Array) -> None:
    """Put what flows and actuators alone decide into ``out``, see ``steady_flows``."""  # (6,)
    tcs_ratio = physics.tcs_flow_ratio(speed, params)
    fws_ratio = physics.fws_flow_ratio(position, drop_kpa, params)
    plate_flow = physics.plate_l_min(tcs_ratio, params)
    total_k_w = math.inf
    if plate_flow > 0.0:
        own = (1.0 - inlet_weight(plate_flow)) / (plate_flow / 60_000.0 * params[_DENSITY] * params[_TCS_CP])
        total_k_w = physics.plate_film_k_w(plate_flow, params) + own
    out[0] = tcs_ratio * params[_TCS_FLOW]
    out[1] = physics.rack_drop_kpa(tcs_ratio, params)
    out[2] = fws_ratio * params[_FWS_FLOW]
    out[3] = physics.pump_power_w(speed, tcs_ratio, params)
    out[4] = physics.exchanger_w_k(tcs_ratio, fws_ratio, params)
    out[5] = total_k_w


def _entries(stamp: int) -> tuple[Callable[..., None], _Gives, _Gives, _Gives]:
    """Make what Python calls. That they close over ``stamp`` makes it part of the key of numba's cache.

    As the default of an argument it costs 150 us a call in some processes, as in :mod:`plant_models.system.executor`.
    """

    @entry
    def advance(y: Array, u: Array, p: Array, dt_s: float, out: Array, work: Array) -> None:
        """Advance ``y`` (states, then energies) by ``dt_s`` (s) in equal substeps; outputs go into ``out``.

        ``u`` must be finite and inside the domain.  # (12,), (5,), (n_p,), (), (14,), (6, 12)
        """
        advance_all(y, u, p, dt_s, out, work)
        # Read, so that it is closed over; so below.
        _ = stamp

    @entry
    def derivative(_t: float, x: Array, u: Array, params: Array) -> Array:
        """d/dt of the states in python-control's order of arguments, K/s and %/s."""  # (8,)
        dx = np.empty(physics.STATES + physics.ENERGIES)
        physics.cdu_rates(x, u, params, dx)
        _ = stamp
        return dx[: physics.STATES]

    @entry
    def outputs(_t: float, x: Array, u: Array, params: Array) -> Array:
        """Give the outputs (14,) in python-control's order of arguments; the residual, of a step, is 0."""
        out = np.zeros(physics.RESIDUAL + 1)
        physics.cdu_outputs(x, u, params, out)
        _ = stamp
        return out

    @entry
    def steady_flows(position: float, speed: float, drop_kpa: float, params: Array) -> Array:
        """Give TCS flow (kg/s), rack drop (kPa), FWS flow (kg/s), pump power (W), exchanger (W/K), plate (K/W)."""
        out = np.empty(6)
        flows_alone(position, speed, drop_kpa, params, out)
        _ = stamp
        return out

    return advance, derivative, outputs, steady_flows


advance, derivative, outputs, steady_flows = _entries(physics_stamp(__name__))
