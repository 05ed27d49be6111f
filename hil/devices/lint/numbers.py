"""Whether a point's type, scale and limits hold its values, and finely enough."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from hil.config.point_checks import check_against, coarse_points
from hil.config.points import Point
from hil.config.units import UNITS, same_dimension
from hil.devices.lint.finding import Finding, Reach, found, reach_of

_DAY_S = 86_400.0
_COUNTED = frozenset({"energy", "total", "totaliser", "totalizer", "counter", "hours", "runtime"})
_COUNTED_DIMENSIONS = frozenset({"energy", "volume"})
_SHORT_COUNTER = 65_536


def number_findings(points: Sequence[Point], signals: Mapping[str, Reach]) -> list[Finding]:
    """Give what is wrong with the points' numbers; ``signals`` are those of a rig, where there is one."""
    return [finding for point in points for finding in _of(point, signals)]


def _of(point: Point, signals: Mapping[str, Reach]) -> Iterator[Finding]:
    yield from _own_limits(point)
    signal = signals.get(point.signal)
    if signal is not None:
        yield from _against_signal(point, signal)
    reach = reach_of(point, signals)
    if reach is not None:
        yield from _coarse(point, reach)
    else:
        yield from _unsigned_temperature(point)
    yield from _counters(point)
    yield from _writing(point, reach)


def _own_limits(point: Point) -> Iterator[Finding]:
    """Hold min and max against what the type can carry."""
    if point.scale_register is not None:
        return
    data_type = point.data_type
    for name, value in (("min", point.low), ("max", point.high)):
        if not (math.isfinite(value) and math.isfinite(data_type.high)):
            continue
        exact = (value - point.offset) / point.scale
        raw = round(exact) if math.isfinite(exact) else exact
        if data_type.low <= raw <= data_type.high:
            continue
        code = "wrap" if raw < 0 and data_type.low == 0 else "saturation"
        limit = _end(point, data_type.high if raw > 0 else data_type.low)
        what = f"{name} {value:g} needs raw {raw}, {point.type} ends at {(limit - point.offset) / point.scale:.0f}"
        hint = (
            f"{name} {limit:g}, a signed type, or another scale"
            if code == "wrap"
            else f"{name} {limit:g}, or another scale"
        )
        yield found(code, point, what, hint, value=value, limit=limit)


def _end(point: Point, raw: float) -> float:
    return raw * point.scale + point.offset


def _against_signal(point: Point, signal: Reach) -> Iterator[Finding]:
    for problem in check_against([point], [signal]):
        what = problem.what.removeprefix(f'"{point.signal}": ').removeprefix(f'"{point.signal}" ')
        if not same_dimension(point.unit, signal.unit):
            yield found("unit_mismatch", point, what, problem.hint)
            continue
        reach = reach_of(point, {signal.name: signal})
        assert reach is not None
        yield _with_figures(point, reach, what, problem.hint)


def _with_figures(point: Point, reach: Reach, what: str, hint: str) -> Finding:
    data_type = point.data_type
    for value in (reach.low, reach.high):
        raw = round((value - point.offset) / point.scale)
        if raw < 0 and data_type.low == 0:
            return found("wrap", point, what, hint, value=value, limit=_end(point, 0))
        if not data_type.low <= raw <= data_type.high:
            limit = _end(point, data_type.high if raw > 0 else data_type.low)
            return found("saturation", point, what, hint, value=value, limit=limit)
    is_low = reach.low < point.low
    value, limit = (reach.low, point.low) if is_low else (reach.high, point.high)
    return found("beyond_limits", point, what, hint, value=value, limit=limit)


def _coarse(point: Point, reach: Reach) -> Iterator[Finding]:
    if reach.high <= reach.low:
        return
    for problem in coarse_points([point], [reach]):
        what = problem.what.removeprefix(f'"{point.signal}": ')
        limit = 0.01 * (reach.high - reach.low)
        yield found("coarse", point, what, problem.hint, value=abs(point.scale), limit=limit)


def _unsigned_temperature(point: Point) -> Iterator[Finding]:
    """Find temperatures that below zero would show as very high ones, where no range is known to catch that."""
    lowest = _end(point, 0)
    unsigned = point.data_type.low == 0 and point.type != "bool" and point.bit is None
    if unsigned and UNITS[point.unit].dimension == "temperature" and point.scale > 0 and lowest >= 0.0:
        step, high = abs(point.scale), _end(point, point.data_type.high)
        what = f"{point.type}: {lowest - step:g} {point.unit} would show as {high:g}"
        hint = 'type "int16"? else give min and max, or a rig whose range refuses it'
        yield found("wrap", point, what, hint, value=lowest - step, limit=lowest)


def _counters(point: Point) -> Iterator[Finding]:
    counted = UNITS[point.unit].dimension in _COUNTED_DIMENSIONS or _COUNTED & set(
        point.signal.lower().split("_")
    )
    short = (
        point.data_type.is_integer
        and point.count == 1
        and point.type != "bool"
        and point.scale_register is None
    )
    if counted and short and not point.writable:
        limit = _end(point, point.data_type.high)
        what = f"counts in {point.type}: starts again after {limit:g} {point.unit}"
        yield found(
            "counter_wrap", point, what, "a 32-bit register, if the device has one; else accepted: counter_wrap",
            value=_end(point, _SHORT_COUNTER), limit=limit,
        )  # fmt: skip


def _writing(point: Point, reach: Reach | None) -> Iterator[Finding]:
    if not point.writable or point.write == "never":
        return
    if not point.data_type.is_integer and reach is None:
        what = f"a written {point.type} without min and max: any finite number would be sent"
        yield found("no_limits", point, what, "min and max from the device's manual, or --rig")
    step = abs(point.scale)
    if 0.0 < point.deadband < step and point.data_type.is_integer:
        what = f"dead band {point.deadband:g} is below one count ({step:g} {point.unit}): it does nothing"
        yield found(
            "deadband", point, what, f"deadband {2 * step:g}, or none", value=point.deadband, limit=step
        )
    if reach is not None and point.deadband > 0.1 * (reach.high - reach.low):
        what = f"dead band {point.deadband:g} is more than a tenth of the range"
        limit = 0.1 * (reach.high - reach.low)
        yield found("deadband", point, what, "a smaller one", value=point.deadband, limit=limit)
    budget = point.rules.writes_per_day
    if budget is not None and point.refresh_s is not None and _DAY_S / point.refresh_s > budget:
        refreshes = _DAY_S / point.refresh_s
        what = f"refresh_s {point.refresh_s:g} makes {refreshes:g} writes a day, writes_per_day is {budget}"
        hint = f"refresh_s {_DAY_S / budget:g} or more, or none"
        yield found("wear", point, what, hint, value=refreshes, limit=budget, unit="writes/day")
