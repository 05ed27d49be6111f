"""Inputs of a plant as they are let in: only what is finite, and only within the model's domain."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Bounds = Sequence[tuple[float, float]]


def admit(inputs: Sequence[float], bounds: Bounds, held: npt.NDArray[np.float64]) -> tuple[int, int]:
    """Take ``inputs`` into ``held``; gives how many were not finite, and how many outside their bounds.

    A value that is not finite leaves the last good one, a value outside is clamped.  # (n_u,), (n_u, 2), (n_u,)
    """
    rejected = clamped = 0
    for slot, (value, (low, high)) in enumerate(zip(inputs, bounds, strict=True)):
        if low <= value <= high:
            held[slot] = value
        elif math.isfinite(value):
            held[slot] = low if value < low else high
            clamped += 1
        else:
            rejected += 1
    return rejected, clamped
