"""Which kernel belongs to which kind: the one place to enter a new kind of component.

Branches over numbers rather than function pointers: all kinds are compiled once, into one executor, whose machine code
is cached; a new composition compiles nothing.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from plant_models._jit import merged
from plant_models.components import (
    cdu,
    chiller,
    chiller_sequence,
    dry_cooler,
    header,
    pipe,
    power_chain,
    site_meter,
    tank,
    three_way,
)
from plant_models.components.codes import (
    CDU,
    CHILLER,
    DRY_COOLER,
    HEADER,
    PIPE,
    POWER_CHAIN,
    SITE_METER,
    TANK,
    THREE_WAY,
)

Array = npt.NDArray[np.float64]


@merged
def component_outputs(code: int, stage: int, x: Array, u: Array, p: Array, y: Array) -> None:
    """Fill the outputs of one stage of one component."""
    if code == CDU:
        cdu.cdu_stage(stage, x, u, p, y)
    elif code == HEADER:
        header.header_outputs(x, u, p, y)
    elif code == PIPE:
        pipe.pipe_outputs(x, y)
    elif code == THREE_WAY:
        three_way.three_way_outputs(stage, x, u, p, y)
    elif code == TANK:
        tank.tank_outputs(x, y)
    elif code == DRY_COOLER:
        dry_cooler.dry_cooler_outputs(stage, x, u, p, y)
    elif code == POWER_CHAIN:
        power_chain.power_chain_outputs(stage, x, u, p, y)
    elif code == SITE_METER:
        site_meter.site_meter_outputs(stage, x, u, y)
    elif code == CHILLER:
        chiller.chiller_outputs(stage, x, u, p, y)


@merged
def component_rates(code: int, x: Array, u: Array, y: Array, p: Array, dx: Array) -> None:
    """Put d/dt of one component's states, then the powers (W) of its energies, into ``dx``."""
    if code == CDU:
        cdu.cdu_rates(x, u, y, p, dx)
    elif code == HEADER:
        header.header_rates(x, u, y, p, dx)
    elif code == PIPE:
        pipe.pipe_rates(x, u, p, dx)
    elif code == THREE_WAY:
        three_way.three_way_rates(x, u, y, p, dx)
    elif code == TANK:
        tank.tank_rates(x, u, p, dx)
    elif code == DRY_COOLER:
        dry_cooler.dry_cooler_rates(x, u, y, p, dx)
    elif code == POWER_CHAIN:
        power_chain.power_chain_rates(x, u, y, p, dx)
    elif code == SITE_METER:
        site_meter.site_meter_rates(u, dx)
    elif code == CHILLER:
        chiller.chiller_rates(x, u, y, p, dx)


@merged
def component_move(code: int, x: Array, u: Array, p: Array, h: float, to: Array) -> None:
    """Put a component's actuators where they are ``h`` (s) after ``x`` into ``to``, and nothing else."""
    if code == CDU:
        cdu.cdu_move(x, u, p, h, to)
    elif code == HEADER:
        header.header_move(x, u, p, h, to)
    elif code == THREE_WAY:
        three_way.three_way_move(x, u, p, h, to)
    elif code == DRY_COOLER:
        dry_cooler.dry_cooler_move(x, u, p, h, to)
    elif code == CHILLER:
        chiller.chiller_move(x, u, p, h, to)


@merged
def component_settle(code: int, x: Array, u: Array, p: Array, substep_s: float) -> None:
    """Put states where a substep may not leave them: actuators outside the model, modes that change."""
    if code == CDU:
        cdu.cdu_settle(x, u, p)
    elif code == POWER_CHAIN:
        power_chain.power_chain_settle(x, u, p, substep_s)
    elif code == CHILLER:
        chiller_sequence.chiller_settle(x, u, p, substep_s)


@merged
def component_rate_per_s(code: int, u: Array, p: Array) -> float:
    """Substeps a second that one component needs at these inputs."""
    rate = 0.0
    if code == CDU:
        rate = cdu.cdu_rate_per_s(u, p)
    elif code == HEADER:
        rate = header.header_rate_per_s(p)
    elif code == PIPE:
        rate = pipe.pipe_rate_per_s(u, p)
    elif code == TANK:
        rate = tank.tank_rate_per_s(u, p)
    elif code == DRY_COOLER:
        rate = dry_cooler.dry_cooler_rate_per_s(u, p)
    elif code == CHILLER:
        rate = chiller.chiller_rate_per_s(u, p)
    return rate
