"""The PV plant's equations as compiled kernels: sun and clouds → cells → inverter stations → POI → meter.

Clouds are sampled at the end of each substep. Powers in MW and Mvar, positive into the grid.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from plant_models._jit import entry, inner, physics_stamp
from plant_models.pv.grid import decay, poi
from plant_models.pv.layout import (
    AVAILABLE,
    BREAKER_OPEN,
    CELL,
    CLEARNESS_INDEX,
    ENERGY,
    FREQUENCY,
    IN_FORCE,
    IRRADIANCE,
    METER_F,
    METER_LOST,
    METER_P,
    METER_Q,
    METER_V,
    P_AC_CAPACITY_MW,
    P_APPARENT_POWER_MVA,
    P_AUXILIARY_POWER_MW,
    P_COLLECTOR_LOSS_SHARE,
    P_COLLECTOR_REACTANCE_PU,
    P_GRID_SHORT_CIRCUIT_MVA,
    P_GRID_X_TO_R,
    P_LONGEST_SUBSTEP_S,
    P_METER_TIME_CONSTANT_S,
    P_REACTIVE_LIMIT_SHARE,
    POI_P,
    POI_Q,
    POI_V,
    STANDBY,
    STATE,
    TEMP,
    THROTTLED,
    TIME,
    TRIPPED,
    VOLTAGE,
    WIND,
    P,
    Q,
)
from plant_models.pv.stations import (
    at_hour,
    follow_limit,
    run_stations,
    sky_and_cells,
    watch_grid,
)
from plant_models.weather.series import YEAR_S

Array = npt.NDArray[np.float64]


@inner
def feed(s: Array, u: Array, p: Array) -> tuple[float, float, float]:
    """Power, reactive power and voltage at the POI with what the stations give now."""
    return poi(
        s[P].sum(), s[Q].sum(), u[VOLTAGE],
        p[P_AC_CAPACITY_MW], p[P_COLLECTOR_LOSS_SHARE], p[P_COLLECTOR_REACTANCE_PU],
        p[P_AUXILIARY_POWER_MW], p[P_GRID_SHORT_CIRCUIT_MVA], p[P_GRID_X_TO_R],
    )  # fmt: skip


@inner
def at_poi(s: Array, u: Array, p: Array, faults: Array) -> tuple[float, float, float]:
    """As :func:`feed`; behind an open breaker there is the grid's voltage, and no power."""
    if faults[BREAKER_OPEN] != 0.0:
        return 0.0, 0.0, float(u[VOLTAGE])
    return feed(s, u, p)


@inner
def point_of_interconnection(y: Array, s: Array, u: Array, p: Array, faults: Array, h: float) -> None:
    """Losses up to the POI, its voltage, the energy that went through it, and its meter."""
    before = y[POI_P]
    p_mw, q_mvar, voltage = at_poi(s, u, p, faults)
    y[POI_P], y[POI_Q], y[POI_V] = p_mw, q_mvar, voltage
    y[ENERGY] += 0.5 * (before + p_mw) * h / 3600.0
    if faults[METER_LOST] == 0.0:
        stays = decay(h, p[P_METER_TIME_CONSTANT_S])
        y[METER_P] = p_mw + (y[METER_P] - p_mw) * stays
        y[METER_Q] = q_mvar + (y[METER_Q] - q_mvar) * stays
        y[METER_V] = voltage + (y[METER_V] - voltage) * stays
        y[METER_F] = u[FREQUENCY] + (y[METER_F] - u[FREQUENCY]) * stays


@inner
def reactive_room_mvar(y: Array, s: Array, p: Array) -> float:
    """Reactive power that the connected stations could give at their present active power."""
    stations = s.shape[1]
    circle = p[P_APPARENT_POWER_MVA] / stations * min(y[POI_V], 1.0)
    most = p[P_REACTIVE_LIMIT_SHARE] * p[P_AC_CAPACITY_MW] / stations
    room = 0.0
    for n in range(stations):
        if s[STATE, n] <= THROTTLED:
            room += min(math.sqrt(max(circle * circle - s[P, n] * s[P, n], 0.0)), most)
    return float(room)


@inner
def tell(y: Array, s: Array, p: Array, hours: Array, faults: Array, out: Array) -> None:
    """Put the outputs into ``out``, in the ports' order."""
    out[0:3] = y[POI_P : POI_V + 1]
    out[3:7] = y[METER_P : METER_F + 1]
    out[7] = 1.0 if faults[METER_LOST] == 0.0 else 0.0
    out[8] = s[AVAILABLE].sum()
    out[9] = y[IN_FORCE]
    out[10] = reactive_room_mvar(y, s, p)
    out[11] = y[ENERGY]
    out[12] = s[IRRADIANCE].mean()
    out[13] = s[CLEARNESS_INDEX].mean()
    out[14] = s[CELL].mean()
    out[15] = at_hour(hours, y[TIME], TEMP)
    out[16] = at_hour(hours, y[TIME], WIND)
    out[17:21] = 0.0
    for n in range(s.shape[1]):
        if s[STATE, n] <= THROTTLED:
            out[17] += 1.0
        if s[STATE, n] == THROTTLED:
            out[18] += 1.0
        elif s[STATE, n] == TRIPPED:
            out[19] += 1.0
        elif s[STATE, n] == STANDBY:
            out[20] += 1.0


def _advance(stamp: int) -> Callable[..., None]:
    """Make what Python calls.

    That it closes over ``stamp`` makes it part of the key of numba's cache, as in :mod:`plant_models.system.executor`:
    as an omitted argument it costs 150 us a call in some processes.
    """

    @entry
    def advance(
        y: Array,
        s: Array,
        u: Array,
        p: Array,
        faults: Array,
        sun: Array,
        hours: Array,
        points: Array,
        pattern: Array,
        dt_s: float,
        out: Array,
    ) -> None:
        """Advance plant ``y`` and stations ``s`` by ``dt_s`` (s) in equal substeps; outputs go into ``out``.

        ``u`` must be finite and inside the domain.
        """  # (16,), (8, n), (5,), (31,), (2 + n,), (105120, 11), (8760, 5), (n, 4, 2), (512, 512), (), (21,)
        substeps = max(math.ceil(dt_s / p[P_LONGEST_SUBSTEP_S] - 1e-9), 1)
        h = dt_s / substeps
        for _ in range(substeps):
            y[TIME] = (y[TIME] + h) % YEAR_S
            follow_limit(y, u, p, h)
            sky_and_cells(y, s, p, sun, hours, points, pattern, h)
            # Voltage follows the grid at once: protection must see it in this substep, with what the stations feed now.
            y[POI_V] = feed(s, u, p)[2]
            run_stations(y, s, u, p, faults, watch_grid(y, u, p, h), h)
            point_of_interconnection(y, s, u, p, faults, h)
        tell(y, s, p, hours, faults, out)
        # Read, so that it is closed over.
        _ = stamp

    return advance


advance = _advance(physics_stamp(__name__))
