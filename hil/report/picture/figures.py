"""Figures as they stand in the picture: short, as there is little room."""

from __future__ import annotations

from hil.report.numbers import figure_text
from hil.report.picture.readings import Reading, Readings


def short(value: float) -> str:
    """Give three digits or so: 9.87, 98.7, 987, 9 870."""
    size = abs(value)
    digits = 2 if size < 9.995 else 1 if size < 99.95 else 0
    return (
        figure_text(float(round(value)) if digits == 0 else value) if digits == 0 else f"{value:.{digits}f}"
    )


def flow_text(reading: Reading | None) -> str:
    """Give a flow with its unit; nothing without a reading."""
    return "" if reading is None else f"{short(reading.value)} {reading.unit}"


def temp_text(reading: Reading | None) -> str:
    """Give a temperature to a tenth; nothing without a reading."""
    return "" if reading is None else f"{reading.value:.1f} {reading.unit}"


def line_of(readings: Readings, name: str, label: str, *ports: str) -> str:
    """Give ``label`` and the reading of the first of ``ports`` that has one; nothing without one."""
    reading = readings.of(name, *ports)
    if reading is None:
        return ""
    shown = temp_text(reading) if reading.unit == "°C" else flow_text(reading)
    return f"{label} {shown}".rstrip()


def all_readings(readings: Readings, name: str) -> list[tuple[str, Reading]]:
    """Every port of a component that has a reading, outputs first."""
    part = readings.plan.parts[name]
    found = [(port, readings.of(name, port)) for port in {**part.outputs, **part.inputs}]
    return [(port, reading) for port, reading in found if reading is not None]


def told(readings: Readings, name: str) -> str:
    """Give what the pointer tells of a component: kind, and each reading with its signal."""
    rows = [f"{name} ({readings.plan.parts[name].kind})"]
    rows += [f"{port}: {figure_text(each.value, each.unit)} [{each.signal}]"
             for port, each in all_readings(readings, name)]  # fmt: skip
    return "\n".join(rows)
