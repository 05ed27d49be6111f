"""Units of gains: ``%/K`` and the like, checked against the loop's signals and converted to them."""

from __future__ import annotations

import re

from hil.config.units import UNITS

_DIFFERENCE = {"degC": "K", "degF": "K"}
"""What a difference of two such values is in, and what a change of such an output is in."""
PER_RANGE = "1/design range"
"""Gain in output ranges per design range of the measured value: 1 moves the output over all of its range for an error
of the design range, as the controllers of LBNL's Modelica Buildings have it."""
_SHAPE = re.compile(r"^\s*\(?(?P<over>[^()]+?)\)?\s*/\s*\(?(?P<under>[^()/]+(?:/[^()/]+)?)\)?\s*$")


def gain_unit_for(output_unit: str, measured_unit: str) -> str:
    """Write the unit of a gain from a measured unit to an output unit, for messages."""
    units = (_DIFFERENCE.get(unit, unit) for unit in (output_unit, measured_unit))
    return "/".join(f"({unit})" if "/" in unit else unit for unit in units)


def range_factor(output_range: tuple[float, float], design_range: float) -> float:
    """Factor from a gain in :data:`PER_RANGE` to one in output unit per measured unit."""
    return (output_range[1] - output_range[0]) / design_range


def gain_factor(gain_unit: str, output_unit: str, measured_unit: str) -> float:
    """Factor from a gain in ``gain_unit`` to one in output unit per measured unit.

    ``0.1 1/K`` on a valve in % is 10 %/K: the factor is 100. Temperatures count by their differences: K over and
    under, whatever degrees the signals are in. Raises ``ValueError`` where the units do not fit.
    """
    match = _SHAPE.match(gain_unit)
    if match is None:
        raise ValueError(f"gain unit {gain_unit!r} is not of the form output/measured")
    factor = 1.0
    for found, signal_unit, what, power in (
        (match["over"].strip(), output_unit, "output", 1),
        (match["under"].strip(), measured_unit, "measured value", -1),
    ):
        needed = _DIFFERENCE.get(signal_unit, signal_unit)
        if found not in UNITS:
            raise ValueError(f"gain unit {gain_unit!r}: unknown unit {found!r}")
        if UNITS[found].dimension != UNITS[needed].dimension:
            raise ValueError(
                f"gain unit {gain_unit!r}: {found} does not fit the {what}, which is in {needed}"
            )
        # Factors alone: a degree Fahrenheit of difference is 5/9 K, whatever the zero of its scale.
        factor *= (UNITS[found].factor / UNITS[signal_unit].factor) ** power
    return factor
