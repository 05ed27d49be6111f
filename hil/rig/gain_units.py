"""Units of gains: ``%/K`` and the like, checked against the loop's signals and converted to them."""

from __future__ import annotations

import re

from hil.config.units import UNITS, convert

_DIFFERENCE = {"degC": "K", "degF": "K"}
"""What a difference of two such values is in."""
_SHAPE = re.compile(r"^\s*\(?(?P<over>[^()]+?)\)?\s*/\s*\(?(?P<under>[^()/]+(?:/[^()/]+)?)\)?\s*$")


def gain_unit_for(output_unit: str, measured_unit: str) -> str:
    """Write the unit of a gain from a measured unit to an output unit, for messages."""
    under = _DIFFERENCE.get(measured_unit, measured_unit)
    return f"{output_unit}/{f'({under})' if '/' in under else under}"


def gain_factor(gain_unit: str, output_unit: str, measured_unit: str) -> float:
    """Factor from a gain in ``gain_unit`` to one in output unit per measured unit.

    ``0.1 1/K`` on a valve in % is 10 %/K: the factor is 100. Raises ``ValueError`` where the units do not fit.
    """
    match = _SHAPE.match(gain_unit)
    if match is None:
        raise ValueError(f"gain unit {gain_unit!r} is not of the form output/measured")
    over, under = match["over"].strip(), match["under"].strip()
    wanted = _DIFFERENCE.get(measured_unit, measured_unit)
    for found, needed, what in ((over, output_unit, "output"), (under, wanted, "measured value")):
        if found not in UNITS:
            raise ValueError(f"gain unit {gain_unit!r}: unknown unit {found!r}")
        if UNITS[found].dimension != UNITS[needed].dimension:
            raise ValueError(
                f"gain unit {gain_unit!r}: {found} does not fit the {what}, which is in {needed}"
            )
    return convert(1.0, over, output_unit) / convert(1.0, under, wanted)
