"""The compiled executor: evaluates, integrates and balances any composition through its tables.

Kutta's third-order method in equal substeps over the whole state, all components at the same instants; actuators,
which obey nothing but their commands and are faster than the rest, are not integrated but moved to where their
equation's solution has them at each of those instants. A substep is 0.25 s (or what :meth:`Composition.build` is
told), or shorter where a component's fastest exchange asks for it: components say how fast. The volumes of a facility
turn over in half a second or more, so that a stiff method's Jacobian (over a hundred states) would cost more than the
substeps it saved.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from plant_models._jit import entry, inner, physics_stamp, unowned
from plant_models.system.dispatch import (
    component_move,
    component_outputs,
    component_rate_per_s,
    component_rates,
    component_settle,
)
from plant_models.system.layout import Indices, Tables

Array = npt.NDArray[np.float64]

LONGEST_SUBSTEP_S = 0.25
"""Default: half of the time in which the fastest volume of a facility turns over."""
WORK_ROWS = 6


@inner
def evaluate(z: Array, u: Array, y: Array, p: Array, t: Tables, reported: bool) -> None:
    """Compute all outputs and all wired inputs of this instant, those that are only ``reported`` if asked for."""
    for c in range(t.calls.shape[0]):
        k = t.calls[c, 0]
        for w in range(t.calls[c, 2], t.calls[c, 3]):
            u[t.wires[w, 0]] = y[t.wires[w, 1]]
        if k >= 0:
            component_outputs(
                t.parts[k, 0],
                t.calls[c, 1],
                z[t.parts[k, 1] : t.parts[k, 1] + t.parts[k, 5]],
                u[t.parts[k, 2] : t.ends[k, 1]],
                p[t.parts[k, 4] : t.ends[k, 3]],
                y[t.parts[k, 3] : t.ends[k, 2]],
            )
        elif not reported:
            return


@inner
def all_rates(z: Array, u: Array, y: Array, p: Array, t: Tables, dz: Array) -> None:
    """Put d/dt of states and energies into ``dz``, after evaluating the instant."""
    evaluate(z, u, y, p, t, False)
    rates_there(z, u, y, p, t, dz)


@inner
def rates_there(z: Array, u: Array, y: Array, p: Array, t: Tables, dz: Array) -> None:
    """Put d/dt of states and energies into ``dz``, at an instant that is evaluated."""
    for k in range(t.parts.shape[0]):
        component_rates(
            t.parts[k, 0],
            z[t.parts[k, 1] : t.parts[k, 1] + t.parts[k, 5]],
            u[t.parts[k, 2] : t.ends[k, 1]],
            y[t.parts[k, 3] : t.ends[k, 2]],
            p[t.parts[k, 4] : t.ends[k, 3]],
            dz[t.parts[k, 1] : t.ends[k, 0]],
        )


@inner
def runge_kutta(
    z: Array, u: Array, y: Array, p: Array, t: Tables, h: float, work: Array, evaluated: bool
) -> None:
    """Take one step of states and energies over ``h`` (s), Kutta's of third order; ``evaluated``: its start is.

    Actuators go from the start to the middle by the commands of the start, and on by those of the middle.
    """
    k1, k2, k3, middle, end = work[0], work[1], work[2], work[3], work[4]
    if not evaluated:
        evaluate(z, u, y, p, t, False)
    rates_there(z, u, y, p, t, k1)
    for i in range(z.size):
        middle[i] = z[i] + 0.5 * h * k1[i]
    move(z, u, p, t, 0.5 * h, middle)
    all_rates(middle, u, y, p, t, k2)
    for i in range(z.size):
        end[i] = z[i] + h * (2.0 * k2[i] - k1[i])
    move(middle, u, p, t, 0.5 * h, end)
    all_rates(end, u, y, p, t, k3)
    for i in range(z.size):
        z[i] += h / 6.0 * (k1[i] + 4.0 * k2[i] + k3[i])
    move(middle, u, p, t, 0.5 * h, z)


@inner
def move(z: Array, u: Array, p: Array, t: Tables, h: float, to: Array) -> None:
    """Put all actuators where they are ``h`` (s) after ``z`` into ``to``."""
    for k in range(t.parts.shape[0]):
        component_move(
            t.parts[k, 0],
            z[t.parts[k, 1] : t.parts[k, 1] + t.parts[k, 5]],
            u[t.parts[k, 2] : t.ends[k, 1]],
            p[t.parts[k, 4] : t.ends[k, 3]],
            h,
            to[t.parts[k, 1] : t.ends[k, 0]],
        )


@inner
def settle(z: Array, u: Array, p: Array, t: Tables, longest_s: float) -> None:
    """Let every component put right what a substep may not leave."""
    for k in range(t.parts.shape[0]):
        component_settle(
            t.parts[k, 0],
            z[t.parts[k, 1] : t.parts[k, 1] + t.parts[k, 5]],
            u[t.parts[k, 2] : t.ends[k, 1]],
            p[t.parts[k, 4] : t.ends[k, 3]],
            longest_s,
        )


@inner
def substep_rate_per_s(u: Array, p: Array, t: Tables, longest_s: float) -> float:
    """Substeps a second: as many as the fastest component needs."""
    rate = 1.0 / longest_s
    for k in range(t.parts.shape[0]):
        own_u, own_p = u[t.parts[k, 2] : t.ends[k, 1]], p[t.parts[k, 4] : t.ends[k, 3]]
        rate = max(rate, component_rate_per_s(t.parts[k, 0], own_u, own_p))
    return rate


@inner
def integrate(
    z: Array,
    u: Array,
    y: Array,
    p: Array,
    t: Tables,
    dt_s: float,
    longest_s: float,
    work: Array,
    evaluated: bool,
) -> None:
    """Advance states and energies by ``dt_s`` in substeps; ``evaluated``: the instant it starts from is.

    They are equal unless flows rise on the way and ask for shorter ones.
    """
    substeps = substeps_for(dt_s, u, p, t, longest_s)
    h = dt_s / substeps
    while substeps > 0:
        runge_kutta(z, u, y, p, t, h, work, evaluated)
        settle(z, u, p, t, longest_s)
        evaluated = False
        substeps -= 1
        if substeps > 0:
            shorter = substeps_for(h, u, p, t, longest_s)
            substeps *= shorter
            h /= shorter


@inner
def substeps_for(span_s: float, u: Array, p: Array, t: Tables, longest_s: float) -> int:
    """Give the number of equal substeps that ``span_s`` (s) needs at the flows of this instant."""
    return max(math.ceil(span_s * substep_rate_per_s(u, p, t, longest_s) - 1e-9), 1)


@inner
def residual_w(z: Array, before: Array, t: Tables, dt_s: float) -> float:
    """Worst heat balance over the step, W: of any component, and of the whole across its own boundary."""
    worst, whole = 0.0, 0.0
    for k in range(t.parts.shape[0]):
        own = 0.0
        for i in range(t.parts[k, 1], t.ends[k, 0]):
            stored = t.capacity[i] * (z[i] - before[i])
            own += t.sign[i] * z[i] - stored
            whole += t.boundary[i] * z[i] - stored
        if abs(own) > abs(worst):
            worst = own
    if abs(whole) > abs(worst):
        worst = whole
    # NaN is larger than nothing, but what is not finite is the worst there is.
    return (worst if math.isfinite(whole) else whole) / dt_s


@inner
def admit(values: Array, held: Array, u: Array, t: Tables, counters: Array) -> None:
    """Take inputs: hold the last good one for what is not finite, clamp the rest to its domain, count both."""
    for i in range(values.size):
        value = values[i]
        if t.low[i] <= value <= t.high[i]:
            held[i] = value
        elif math.isfinite(value):
            held[i] = t.low[i] if value < t.low[i] else t.high[i]
            counters[1] += 1
        else:
            counters[0] += 1
    for i in range(t.inlets.shape[0]):
        u[t.inlets[i, 0]] = held[t.inlets[i, 1]]


@inner
def advance_all(
    values: Array,
    z: Array,
    u: Array,
    y: Array,
    p: Array,
    parts: Indices,
    ends: Indices,
    calls: Indices,
    wires: Indices,
    inlets: Indices,
    chosen: Indices,
    capacity: Array,
    sign: Array,
    boundary: Array,
    low: Array,
    high: Array,
    dt_s: float,
    longest_s: float,
    held: Array,
    out: Array,
    totals: Array,
    counters: Array,
    work: Array,
    _stamp: int,
) -> None:
    """Advance ``z`` by ``dt_s`` (s) with the inputs ``values``; outputs go into ``out``, the residual last.

    Energies in ``z`` are those of the step, J; ``totals`` has their sums over all steps, at their places.
    The tables come one by one, since a tuple of arrays takes longer to hand over than a step to compute.
    # (n_in,), (n_z,), (n_u,), (n_y,), (n_p,), tables, (), (), (n_in,), (n_out + 1,), (n_z,), (2,), (6, n_z)
    """
    z, u, y, p, held, work = unowned(z), unowned(u), unowned(y), unowned(p), unowned(held), unowned(work)
    t = Tables(
        unowned(parts), unowned(ends), unowned(calls), unowned(wires), unowned(inlets), unowned(chosen),
        unowned(capacity), unowned(sign), unowned(boundary), unowned(low), unowned(high),
    )  # fmt: skip
    admit(values, held, u, t, counters)
    before = work[5]
    for i in range(z.size):
        if t.sign[i] != 0.0:
            z[i] = 0.0
    evaluate(z, u, y, p, t, False)
    before[:] = z
    settle(z, u, p, t, longest_s)
    # Where there was nothing to put right, the first stage of the first substep has been evaluated.
    evaluated = bool(np.all(before == z))
    before[:] = z
    if dt_s > 0.0:
        integrate(z, u, y, p, t, dt_s, longest_s, work, evaluated)
        out[out.size - 1] = residual_w(z, before, t, dt_s) / 1000.0
        for i in range(z.size):
            if t.sign[i] != 0.0:
                totals[i] += z[i]
    evaluate(z, u, y, p, t, True)
    for i in range(t.chosen.size):
        out[i] = y[t.chosen[i]]


@inner
def derivative_all(
    x: Array,
    values: Array,
    z: Array,
    u: Array,
    y: Array,
    p: Array,
    parts: Indices,
    ends: Indices,
    calls: Indices,
    wires: Indices,
    inlets: Indices,
    chosen: Indices,
    capacity: Array,
    sign: Array,
    boundary: Array,
    low: Array,
    high: Array,
    dz: Array,
    _stamp: int,
) -> None:
    """Put d/dt of the whole (states and energies) at states ``x`` and inputs ``values`` into ``dz``; ``y`` too.

    ``z``, ``u``, ``y`` are scratch, ``u`` with what is held in it.  # (n_x,), (n_in,), (n_z,), (n_u,) …
    """
    t = Tables(parts, ends, calls, wires, inlets, chosen, capacity, sign, boundary, low, high)
    for i in range(t.inlets.shape[0]):
        u[t.inlets[i, 0]] = values[t.inlets[i, 1]]
    place = 0
    for i in range(z.size):
        z[i] = 0.0
        if t.sign[i] == 0.0:
            z[i] = x[place]
            place += 1
    all_rates(z, u, y, p, t, dz)
    evaluate(z, u, y, p, t, True)


def _entries(stamp: int) -> tuple[Callable[..., None], Callable[..., None]]:
    """Make what Python calls. That they close over ``stamp`` makes it part of the key of numba's cache.

    As the default of an argument, which :mod:`plant_models._jit` recommends, it costs 200 µs a call as soon as
    a process has many kinds of arguments: numba's fast look-up of argument types then fails on the omitted one.
    """

    @entry
    def advance(  # type: ignore[no-untyped-def]
        values, z, u, y, p,
        parts, ends, calls, wires, inlets, chosen, capacity, sign, boundary, low, high,
        dt_s, longest_s, held, out, totals, counters, work,
    ):  # fmt: skip
        advance_all(
            values, z, u, y, p,
            parts, ends, calls, wires, inlets, chosen, capacity, sign, boundary, low, high,
            dt_s, longest_s, held, out, totals, counters, work, stamp,
        )  # fmt: skip

    @entry
    def derivative(  # type: ignore[no-untyped-def]
        x, values, z, u, y, p,
        parts, ends, calls, wires, inlets, chosen, capacity, sign, boundary, low, high,
        dz,
    ):  # fmt: skip
        derivative_all(
            x, values, z, u, y, p,
            parts, ends, calls, wires, inlets, chosen, capacity, sign, boundary, low, high,
            dz, stamp,
        )  # fmt: skip

    return advance, derivative


advance, derivative = _entries(physics_stamp(__name__))
