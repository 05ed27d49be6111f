"""Racks of a CDU in parallel: each with its share of the flow, its own heat, coolant volume, plates and throttling.

All branches drop ``~ m^1.85`` between the same two pipes, so they share the flow in constant proportions, whatever it
is. A device above its limit lowers its clock and with it the heat it draws; over the many plates of a rack that is a
straight line from all to the least share over a band of case temperature, and further up one to none, as one device
after the other switches itself off. The case has its own mass, so that line closes no algebraic loop.

Sources: NVIDIA, *NVML API reference* (thermal slowdown takes half of the clock or more: the least share of 0.5).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from plant_models import cdu_physics as physics
from plant_models._jit import inner
from plant_models.cold_plate import ColdPlate, on_share
from plant_models.components import cdu_places as at
from plant_models.components.checks import in_range
from plant_models.errors import PlantSettingError
from plant_models.parameters import PLACE

Array = npt.NDArray[np.float64]

NEVER_DEGC = 1e6
_TCS_FLOW, _TCS_CP, _PLATES, _PLATE_C = (
    PLACE[n] for n in ("tcs_flow_kg_s", "tcs_cp_j_kgk", "plates", "plate_capacity_j_k")
)
_SHUTDOWN, _SHUTDOWN_PER_K = PLACE["shutdown_degc"], PLACE["shutdown_per_k"]
_SUPPLY_KG, _RACK_KG, _RETURN_KG = (
    PLACE[n] for n in ("supply_pipe_mass_kg", "rack_mass_kg", "return_pipe_mass_kg")
)
_RACK_IN, _RACK_OUT, _CASE, _RETURN = physics.RACK_IN, physics.RACK_OUT, physics.CASE, physics.RETURN


@inner
def drawn_share(case_degc: float, p: Array) -> float:
    """Share of the demanded heat that a rack draws at a case temperature, 0 … 1."""
    share = 1.0
    if case_degc > p[at.THROTTLE]:
        share = max(1.0 - (case_degc - p[at.THROTTLE]) * p[at.THROTTLE_PER_K], p[at.THROTTLE_LEAST])
    if case_degc > p[_SHUTDOWN]:
        share *= on_share(case_degc, p[_SHUTDOWN], p[_SHUTDOWN_PER_K])
    return share


@inner
def rack_heat_kw(i: int, u: Array, p: Array) -> float:
    """Heat demanded by rack ``i`` (from 0), as far as it has power."""
    after = at.FIRST_COMMAND + int(p[at.PUMPS])
    demanded = u[physics.HEAT] if i == 0 else u[after + at.MORE_HEAT + i - 1]
    return float(demanded * u[after + at.IT_SUPPLY])


@inner
def rack_places(i: int, p: Array) -> tuple[int, int, int]:
    """Places of a rack's outlet and case among the states, and of its shares among the parameters."""
    racks = int(p[at.RACKS])
    shares = p.size - len(at.EXTRA) + 2 * (i - racks)
    if i == 0:
        return _RACK_OUT, _CASE, shares
    outlet = at.FIRST_PUMP + int(p[at.PUMPS]) + at.INVENTORY + 2 * (i - 1)
    return outlet, outlet + 1, shares


@inner
def first_cell(p: Array) -> int:
    """Place of the supply pipe's first cell before its last; as many of the return pipe follow."""
    return at.FIRST_PUMP + int(p[at.PUMPS]) + at.INVENTORY + 2 * (int(p[at.RACKS]) - 1)


@inner
def rack_rates(x: Array, u: Array, p: Array, tcs_ratio: float, dx: Array) -> float:
    """Put d/dt of racks, cases and pipes (K/s) into ``dx``; gives the heat that the racks draw (W)."""
    tcs_cp, cells = p[_TCS_CP], int(p[at.CELLS])
    tcs_c = tcs_ratio * p[_TCS_FLOW] * tcs_cp
    mixed, drawn = 0.0, 0.0
    for i in range(int(p[at.RACKS])):
        outlet, case, shares = rack_places(i, p)
        flow, plates = p[shares], p[shares + 1]
        l_min = physics.plate_l_min(tcs_ratio * (flow / plates), p)
        heat = physics.plate_heat_w(x[case], x[_RACK_IN], x[outlet], p[_PLATES] * plates, l_min, p)
        own = 1000.0 * rack_heat_kw(i, u, p) * drawn_share(x[case], p)
        dx[outlet] = (flow * tcs_c * (x[_RACK_IN] - x[outlet]) + heat) / (plates * p[_RACK_KG] * tcs_cp)
        dx[case] = (own - heat) / (plates * p[_PLATE_C])
        mixed += flow * x[outlet]
        drawn += own
    supply, returned = p[_SUPPLY_KG] * tcs_cp / cells, p[_RETURN_KG] * tcs_cp / cells
    before, cell = x[physics.SUPPLY], first_cell(p)
    for k in range(cells - 1):
        dx[cell + k] = tcs_c * (before - x[cell + k]) / supply
        dx[cell + cells - 1 + k] = tcs_c * (mixed - x[cell + cells - 1 + k]) / returned
        before, mixed = x[cell + k], x[cell + cells - 1 + k]
    dx[_RACK_IN] = tcs_c * (before - x[_RACK_IN]) / supply
    dx[_RETURN] = tcs_c * (mixed - x[_RETURN]) / returned
    return drawn


@inner
def it_outputs(x: Array, u: Array, p: Array, y: Array, first: int) -> None:
    """Put heat drawn and throttled (kW), the hottest case and, of several, each rack's outlet and case into ``y``."""
    racks = int(p[at.RACKS])
    drawn, demanded, hottest = 0.0, 0.0, x[_CASE]
    for i in range(racks):
        outlet, case, _ = rack_places(i, p)
        heat = rack_heat_kw(i, u, p)
        demanded += heat
        drawn += heat * drawn_share(x[case], p)
        hottest = max(hottest, x[case])
        if racks > 1:
            y[first + 3 + i] = x[outlet]
            y[first + 3 + racks + i] = x[case]
    y[first] = drawn
    y[first + 1] = demanded - drawn
    y[first + 2] = hottest


@inner
def throttling_rate_per_s(u: Array, p: Array) -> float:
    """How fast a throttling case settles, at most, 1/s: heat over band and heat capacity."""
    steepest = max(p[at.THROTTLE_PER_K], p[_SHUTDOWN_PER_K])
    fastest = 0.0
    for i in range(int(p[at.RACKS])):
        plates = p[rack_places(i, p)[2] + 1]
        fastest = max(fastest, 1000.0 * rack_heat_kw(i, u, p) * steepest / (plates * p[_PLATE_C]))
    return float(fastest)


@dataclass(frozen=True, slots=True, kw_only=True)
class RackSettings:
    """Racks on one CDU.

    Attributes
    ----------
    racks : int
        1 to 16.
    rack_flow_shares, rack_heat_shares : sequence of float or None
        Each rack's share of the flow, and of the design heat (so of plates and coolant); they are brought to a
        sum of 1. None: even.
    pipe_cells : int
        Stirred volumes in which each of supply and return pipe is divided: the more, the nearer to a dead time.
    throttle_case_temp_degc : float or None
        Case temperature above which the devices throttle; None: they do not.
    throttle_band_k, throttle_least_share : float
        The drawn share falls to the least over this band.
    shutdown_case_temp_degc, shutdown_band_k : float or None
        Above it they switch off, all of them over the band; None: the cold plate's.
    """

    racks: int = 1
    rack_flow_shares: Sequence[float] | None = None
    rack_heat_shares: Sequence[float] | None = None
    pipe_cells: int = 1
    throttle_case_temp_degc: float | None = None
    throttle_band_k: float = 5.0
    throttle_least_share: float = 0.5
    shutdown_case_temp_degc: float | None = None
    shutdown_band_k: float | None = None

    def __post_init__(self) -> None:
        throttles = self.throttle_case_temp_degc
        limits = {} if throttles is None else {"throttle_case_temp_degc": (throttles, 20.0, 200.0)}
        in_range(
            "cdu",
            racks=(self.racks, 1, at.MOST_RACKS),
            pipe_cells=(self.pipe_cells, 1, at.MOST_CELLS),
            throttle_band_k=(self.throttle_band_k, 0.5, 50.0),
            throttle_least_share=(self.throttle_least_share, 0.0, 1.0),
            **limits,
        )

    def on(self, plate: ColdPlate) -> ColdPlate:
        """Give ``plate`` with the limits at which its devices switch off.

        Raises
        ------
        PlantSettingError
            A limit out of range, or below the end of throttling.
        """
        limit, band = self.shutdown_case_temp_degc, self.shutdown_band_k
        plate = replace(
            plate,
            shutdown_case_temp_degc=plate.shutdown_case_temp_degc if limit is None else limit,
            shutdown_band_k=plate.shutdown_band_k if band is None else band,
        )
        low, high = self.throttle_case_temp_degc, plate.shutdown_case_temp_degc
        if low is not None and high < low + self.throttle_band_k:
            raise PlantSettingError(
                f"cdu: shutdown_case_temp_degc = {high:g} is below throttle_case_temp_degc + throttle_band_k = "
                f"{low + self.throttle_band_k:g}"
            )
        return plate

    def shares(self) -> list[tuple[float, float]]:
        """Flow and heat share of each rack.

        Raises
        ------
        PlantSettingError
            Not one share a rack, a share that is not positive, or flow and heat further apart than ten times.
        """
        flows = _to_one("rack_flow_shares", self.rack_flow_shares, self.racks)
        heats = _to_one("rack_heat_shares", self.rack_heat_shares, self.racks)
        for i, (flow, heat) in enumerate(zip(flows, heats, strict=True)):
            in_range(f"cdu rack {i + 1}", flow_share_over_heat_share=(flow / heat, 0.1, 10.0))
        return [*zip(flows, heats, strict=True)]

    def figures(self) -> dict[str, float]:
        """Values of :data:`cdu_places.EXTRA` that these settings give."""
        throttles = self.throttle_case_temp_degc
        least = self.throttle_least_share
        return {
            "racks": float(self.racks),
            "pipe_cells": float(self.pipe_cells),
            "throttle_degc": NEVER_DEGC if throttles is None else throttles,
            "throttle_per_k": 0.0 if throttles is None else (1.0 - least) / self.throttle_band_k,
            "throttle_least": least,
        }


def _to_one(name: str, shares: Sequence[float] | None, racks: int) -> list[float]:
    given = [1.0] * racks if shares is None else [float(share) for share in shares]
    if len(given) != racks or not all(0.0 < share < float("inf") for share in given):
        raise PlantSettingError(f"cdu: {name} = {given}: one positive number for each of {racks} racks")
    return [share / sum(given) for share in given]
