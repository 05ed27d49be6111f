"""Continuous linear systems to discrete ones: realisation, zero-order hold, dead time.

Between two steps the inputs are held, so zero-order hold is exact. So is dead time of d whole periods and a
fraction f: the input of d periods ago acts over the last T - f of a period, the one before over its first f
(Franklin, Powell & Workman, *Digital Control of Dynamic Systems*, on systems with delay).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from plant_models.errors import LinearModelError

Array = npt.NDArray[np.float64]

_WHOLE = 1e-9
"""Part of a period below which a dead time counts as a whole number of periods."""
_NO_GAIN = 1e-5
"""Gain near zero frequency, over that at the system's slowest pole, below which there is no steady effect."""


@dataclass(frozen=True, slots=True)
class StateSpace:
    """Matrices of ``x' = A x + B u``, ``y = C x + D u``.

    Attributes
    ----------
    a, b, c, d : ndarray
        # (n_x, n_x), (n_x, n_u), (n_y, n_x), (n_y, n_u)
    """

    a: Array
    b: Array
    c: Array
    d: Array


@dataclass(frozen=True, slots=True)
class DiscreteSystem:
    """``x[k+1] = A x[k] + B_new u[k-delay] + B_old u[k-delay-1]``, ``y[k+1] = C x[k+1] + D u[k-delay]``.

    The output is that at the end of the period over which ``u[k]`` is held.

    Attributes
    ----------
    a, b_new, b_old, c, d : ndarray
        # (n_x, n_x), (n_x, n_u), (n_x, n_u), (n_y, n_x), (n_y, n_u)
    delay : int
        Whole periods.
    """

    a: Array
    b_new: Array
    b_old: Array
    c: Array
    d: Array
    delay: int


def checked(a: object, b: object, c: object, d: object) -> StateSpace:
    """Matrices as arrays of matching shapes. A scalar or missing D may be given as 0.

    Raises
    ------
    LinearModelError
        Names the matrix that does not fit, or has values that are not finite.
    """
    matrices = {name: _matrix(name, value) for name, value in (("A", a), ("B", b), ("C", c), ("D", d))}
    n_x = matrices["A"].shape[0]
    n_u, n_y = matrices["B"].shape[1], matrices["C"].shape[0]
    if matrices["D"].size == 1 and matrices["D"][0, 0] == 0.0:
        matrices["D"] = np.zeros((n_y, n_u))
    wanted = {"A": (n_x, n_x), "B": (n_x, n_u), "C": (n_y, n_x), "D": (n_y, n_u)}
    for name, shape in wanted.items():
        if matrices[name].shape != shape:
            has = " x ".join(map(str, matrices[name].shape))
            raise LinearModelError(
                f"{name} is {has}; with {n_x} states (rows of A), {n_u} inputs (columns of B) and {n_y} "
                f"outputs (rows of C) it must be {shape[0]} x {shape[1]}"
            )
    return StateSpace(matrices["A"], matrices["B"], matrices["C"], matrices["D"])


def realize(numerator: Sequence[float], denominator: Sequence[float]) -> StateSpace:
    """Put ``numerator(s)/denominator(s)`` into controllable canonical form, highest power first.

    Raises
    ------
    LinearModelError
        Improper (more zeros than poles), a denominator of zeros, or coefficients that are not finite.
    """
    top, bottom = _polynomial("numerator", numerator), _polynomial("denominator", denominator)
    if bottom.size == 0:
        raise LinearModelError("the denominator is zero")
    if top.size > bottom.size:
        raise LinearModelError(
            f"an improper transfer function: the numerator's order {top.size - 1} is above the denominator's "
            f"{bottom.size - 1}, which would amplify steps without limit; add a pole"
        )
    order = bottom.size - 1
    padded = np.concatenate([np.zeros(bottom.size - top.size), top]) / bottom[0]
    bottom = bottom / bottom[0]
    a = np.zeros((order, order))
    if order:
        a[0] = -bottom[1:]
        a[1:, :-1] = np.eye(order - 1)
    b = np.zeros((order, 1))
    b[:1] = 1.0
    c = (padded[1:] - padded[0] * bottom[1:]).reshape(1, order)
    return StateSpace(a, b, c, padded[:1].reshape(1, 1))


def zero_order_hold(system: StateSpace, period_s: float, dead_time_s: float = 0.0) -> DiscreteSystem:
    """Discretise ``system`` with held inputs and ``dead_time_s`` of dead time before each of them, exactly.

    Raises
    ------
    LinearModelError
        A period that is not positive or a dead time that is negative.
    """
    if not 0.0 < period_s < math.inf:
        raise LinearModelError(f"period_s = {period_s!r} must be positive")
    if not 0.0 <= dead_time_s < math.inf:
        raise LinearModelError(f"dead_time_s = {dead_time_s!r} must not be negative")
    delay = math.floor(dead_time_s / period_s + _WHOLE)
    fraction_s = max(dead_time_s - delay * period_s, 0.0)
    if fraction_s < _WHOLE * period_s:
        transition, b_new = _held(system, period_s)
        return DiscreteSystem(transition, b_new, np.zeros_like(b_new), system.c, system.d, delay)
    late, b_new = _held(system, period_s - fraction_s)
    early, b_early = _held(system, fraction_s)
    return DiscreteSystem(late @ early, b_new, late @ b_early, system.c, system.d, delay)


def gain_signs(system: StateSpace) -> npt.NDArray[np.int64]:
    """Signs of the gain as the frequency goes to zero: of the steady gain, or of the slope of an integrator.

    No sign (0) where the gain vanishes there. An unstable plant has no steady effect; of one input and one
    output it is the sign of the loop gain that can hold it: of the lowest coefficients of denominator plus k times
    numerator their sum must have the highest one's sign, as in every stable polynomial (Hurwitz), and each pole
    right of zero has turned the denominator's. Of more inputs or outputs none is known.
    """
    poles = np.linalg.eigvals(system.a) if system.a.size else np.array([-1.0])
    speeds = np.abs(poles)
    moving = speeds[speeds > _WHOLE * max(float(speeds.max()), 1e-300)]
    slowest = float(moving.min()) if moving.size else 1.0
    near = _gain(system, 1e-7 * slowest)
    signs = np.sign(near).astype(np.int64)
    signs[np.abs(near) <= _NO_GAIN * np.abs(_gain(system, slowest))] = 0
    unstable = int((poles.real > _WHOLE * float(speeds.max())).sum())
    if not unstable:
        return signs
    return signs * (-1) ** unstable if signs.size == 1 else np.zeros_like(signs)


def _gain(system: StateSpace, s: float) -> Array:
    """Transfer matrix at the real frequency ``s`` (1/s)."""  # (n_y, n_u)
    lag: Array = s * np.eye(system.a.shape[0]) - system.a
    # Least squares rather than a solution: an unstable pole may lie right at s.
    inner = np.linalg.lstsq(lag, system.b, rcond=None)[0] if lag.size else system.b
    return np.asarray(system.c @ inner + system.d, float)


def _held(system: StateSpace, span_s: float) -> tuple[Array, Array]:
    """Transition over ``span_s`` and response to inputs held over it, by one matrix exponential."""
    from scipy.linalg import expm  # noqa: PLC0415 - set-up only, and slow to import

    n_x, n_u = system.b.shape
    block = np.zeros((n_x + n_u, n_x + n_u))
    block[:n_x, :n_x] = system.a * span_s
    block[:n_x, n_x:] = system.b * span_s
    exponential = np.asarray(expm(block), float)
    return exponential[:n_x, :n_x], exponential[:n_x, n_x:]


def _matrix(name: str, value: object) -> Array:
    try:
        matrix = np.atleast_2d(np.asarray(value, dtype=float))
    except (TypeError, ValueError) as error:
        rows = value if isinstance(value, Sequence) else ()
        lengths = [len(row) for row in rows if isinstance(row, Sequence)]
        if len(set(lengths)) > 1:
            what = f"{name} has rows of {', '.join(map(str, lengths))} numbers; all must be of one length"
            raise LinearModelError(what) from error
        raise LinearModelError(f"{name} is not a matrix of numbers: {error}") from error
    if matrix.ndim != 2:
        raise LinearModelError(f"{name} has {matrix.ndim} dimensions; a matrix has two")
    if not np.isfinite(matrix).all():
        raise LinearModelError(f"{name} has values that are not finite")
    return matrix


def _polynomial(name: str, coefficients: Sequence[float]) -> Array:
    try:
        values = np.asarray(coefficients, dtype=float)
    except (TypeError, ValueError) as error:
        raise LinearModelError(f"{name}: not a list of numbers: {error}") from error
    if values.ndim != 1 or values.size == 0 or not np.isfinite(values).all():
        raise LinearModelError(f"{name} must be a list of finite coefficients, highest power first")
    return np.asarray(np.trim_zeros(values, "f"), float)
