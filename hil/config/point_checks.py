"""Points against the signals they carry: units, ranges and resolution."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Protocol

from hil.config.point_types import DATA_TYPES, Point
from hil.config.units import affine, same_dimension
from hil.errors import Problem

_RAISE = "else raise the signal's range to 0 or give an offset"

COARSEST = 0.01
"""Coarsest step worth having, as a share of the signal's range."""


class SignalRange(Protocol):
    """What is needed of a signal: name, unit and range in it."""

    @property
    def name(self) -> str:
        """Name of the signal."""
        ...

    @property
    def unit(self) -> str:
        """Unit of the range."""
        ...

    @property
    def low(self) -> float:
        """Smallest value, in the unit."""
        ...

    @property
    def high(self) -> float:
        """Largest value, in the unit."""
        ...


def check_against(points: Sequence[Point], signals: Iterable[SignalRange]) -> list[Problem]:
    """Give what is wrong between points and the signals of the same name.

    A unit of another dimension; an integer that cannot hold the signal's range; a negative value into an
    unsigned integer; a written range beyond the point's min and max. Points without a signal are skipped:
    a device may have more points than a rig uses.
    """
    problems: list[Problem] = []
    for point, signal in _pairs(points, signals):
        if not same_dimension(point.unit, signal.unit):
            problems.append(_unit_mismatch(point, signal))
            continue
        low, high = _range_in_point_unit(point, signal)
        problems += _beyond_type(point, low, high)
        problems += _beyond_limits(point, low, high)
    return problems


def coarse_points(points: Sequence[Point], signals: Iterable[SignalRange]) -> list[Problem]:
    """Give warnings for integer points whose step is coarser than :data:`COARSEST` of the signal's range."""
    warnings = []
    for point, signal in _pairs(points, signals):
        if (
            point.type == "bool"
            # A number without a unit is a count, a mode or a word: its step is what it is.
            or point.unit in ("1", "bool")
            or not point.data_type.is_integer
            or point.scale_register is not None
            or not same_dimension(point.unit, signal.unit)
        ):
            continue
        low, high = _range_in_point_unit(point, signal)
        if abs(point.scale) > COARSEST * (high - low):
            what = (
                f'"{point.signal}": one count is {abs(point.scale):g} {point.unit}, '
                f"{100 * abs(point.scale) / (high - low):.3g} % of the range {low:g} to {high:g}"
            )
            hint = f"a scale of {_round_down(COARSEST * (high - low)):g} or finer"
            warnings.append(Problem(point.file, point.line, what, hint))
    return warnings


def _pairs(points: Sequence[Point], signals: Iterable[SignalRange]) -> list[tuple[Point, SignalRange]]:
    by_name = {signal.name: signal for signal in signals}
    return [(point, by_name[point.signal]) for point in points if point.signal in by_name]


def _unit_mismatch(point: Point, signal: SignalRange) -> Problem:
    what = f'"{point.signal}": the point is in {point.unit}, the signal in {signal.unit}'
    return Problem(
        point.file, point.line, what, "they measure different things: check the wiring or the unit"
    )


def _range_in_point_unit(point: Point, signal: SignalRange) -> tuple[float, float]:
    factor, offset = affine(signal.unit, point.unit)
    return signal.low * factor + offset, signal.high * factor + offset


def _beyond_type(point: Point, low: float, high: float) -> list[Problem]:
    if point.scale_register is not None:
        return []  # the device shifts the decimal point as it needs
    data_type = point.data_type
    raws = {value: (value - point.offset) / point.scale for value in (low, high)}
    for value, raw in raws.items():
        if raw < 0.0 and data_type.low == 0 and round(raw) < 0:
            needs = f'"{point.signal}" at {value:g} {point.unit} needs raw {round(raw)}'
            what = f"{needs}, but {point.type} is unsigned"
            return [Problem(point.file, point.line, what, _signed_hint(point, raws.values()))]
    for value, raw in raws.items():
        # Rounded first: 6553.5 at scale 0.1 is 65535, whatever binary fractions make of it.
        if math.isfinite(data_type.high) and not data_type.low <= round(raw) <= data_type.high:
            limit = data_type.high if raw > 0 else data_type.low
            what = (
                f'"{point.signal}" at {value:g} {point.unit} needs raw {round(raw)}, '
                f"but {point.type} ends at {limit:.0f} ({limit * point.scale + point.offset:g} {point.unit})"
            )
            return [Problem(point.file, point.line, what, _fitting_hint(point, raws.values()))]
    return []


def _signed_hint(point: Point, raws: Iterable[float]) -> str:
    listed = [round(raw) for raw in raws]
    for name in ("int16", "int32", "int64"):
        data_type = DATA_TYPES[name]
        if data_type.registers >= point.count and all(
            data_type.low <= raw <= data_type.high for raw in listed
        ):
            return f'type "{name}" fits if the device has it; {_RAISE}'
    return _RAISE


def _fitting_hint(point: Point, raws: Iterable[float]) -> str:
    data_type = point.data_type
    stretch = max(raw / data_type.high if raw > 0 else raw / (data_type.low or -1.0) for raw in raws)
    scale = math.copysign(_round_up(stretch * abs(point.scale)), point.scale)
    wider = "uint32" if data_type.low == 0 else "int32"
    other = f', or type "{wider}"' if data_type.registers == 1 else ""
    return f"a scale of {scale:g} fits{other}; or narrow the signal's range"


def _beyond_limits(point: Point, low: float, high: float) -> list[Problem]:
    tolerance = 1e-9 * max(abs(low), abs(high), 1.0)
    if not point.writable or (low >= point.low - tolerance and high <= point.high + tolerance):
        return []
    unit = "" if point.unit == "1" else f" {point.unit}"
    what = (
        f'"{point.signal}" may be written from {low:g} to {high:g}{unit}, '
        f"the point takes {point.low:g} to {point.high:g}"
    )
    return [Problem(point.file, point.line, what, "narrow the signal's range to the device's")]


def _round_up(value: float) -> float:
    """Give the next of 1, 2, 5 x 10^n at or above ``value`` (> 0)."""
    decade = 10.0 ** math.floor(math.log10(value))
    return next((step * decade for step in (1.0, 2.0, 5.0) if step * decade >= value), 10.0 * decade)


def _round_down(value: float) -> float:
    """Give the next of 1, 2, 5 x 10^n at or below ``value`` (> 0)."""
    decade = 10.0 ** math.floor(math.log10(value))
    return next(step * decade for step in (5.0, 2.0, 1.0) if step * decade <= value)
