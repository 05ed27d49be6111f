"""A point list drafted from what was found: SunSpec points with their scales, else plain registers."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import replace

from hil.config.point_types import TABLE_SIZE
from hil.config.points import Point
from hil.config.units import unit_of_name
from hil.devices.discovery.registers import Run
from hil.devices.discovery.units import FoundUnit
from hil.devices.sunspec.models import UnknownModelError, model_of
from hil.devices.sunspec.points import Reference, WrongReferenceError, point_of

COLUMNS = (
    "signal", "unit_id", "table", "address_zero_based", "type", "scale", "scale_register", "no_value", "unit", "access",
    "comment",
)  # fmt: skip
_HEAD = ("ID", "L")
_UNIT_ENDS = {"%": "percent", "degC": "degc"}


def draft_list(unit: FoundUnit, runs: Sequence[Run] = (), *, prefix: str = "") -> list[Point]:
    """Give the points of a unit: every number of its SunSpec models, then the registers of ``runs`` as they are.

    All are read only: what may be written is for a person to say. ``prefix`` stands before each signal. What a list
    cannot hold is left out; :func:`left_out` says what that is.
    """
    points, _ = _sunspec_points(unit, prefix)
    taken = {address for point in points for address in range(point.address, point.end)}
    taken |= {point.scale_register for point in points if point.scale_register is not None}
    for run in runs:
        for address, word in enumerate(run.words, start=run.address):
            if address not in taken:
                comment = f"held {word} (0x{word:04X}) at the scan"
                name = f"{prefix}holding_{address}"
                points.append(
                    Point(name, unit.unit_id, "holding_register", address, "uint16", comment=comment)
                )
    return points


def left_out(unit: FoundUnit) -> list[str]:
    """Give the SunSpec points that :func:`draft_list` leaves out, each with the reason."""
    _, reasons = _sunspec_points(unit, "")
    return reasons


def _sunspec_points(unit: FoundUnit, prefix: str) -> tuple[list[Point], list[str]]:
    """Give the points that a list can hold, and why the others are not among them."""
    points: list[Point] = []
    reasons: list[str] = []
    seen: set[int] = set()
    for found in unit.chain.models:
        if found.id in seen:
            continue  # a second one of its kind: a reference names the first
        seen.add(found.id)
        if found.end > TABLE_SIZE:
            said = f"model {found.id} at {found.address} says that it is {found.length} registers long"
            reasons.append(f"unit id {unit.unit_id}: {said}: beyond address {TABLE_SIZE - 1}")
            continue
        try:
            model = model_of(found.id, found.length)
        except UnknownModelError:
            continue
        for point in model.points:
            if not point.is_number or point.type == "sunssf" or point.name in _HEAD:
                continue
            try:
                made = point_of(unit.chain, Reference(found.id, point.name), "", unit.unit_id, ("", 0))
            except WrongReferenceError as error:
                reasons.append(f"unit id {unit.unit_id}: {error}")
            else:
                points.append(_named(made, f"{prefix}s{found.id}_{_snake(point.name)}"))
    return points, reasons


def _named(point: Point, name: str) -> Point:
    end = "" if point.unit == "1" else "_" + _UNIT_ENDS.get(point.unit, _snake(point.unit))
    if not end and unit_of_name(name) is not None:
        end = "_code"  # a number without a unit whose name ends as if it had one (ClcTotVA, a choice)
    return replace(point, signal=name + end)


def _snake(name: str) -> str:
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return re.sub(r"[^a-z0-9]+", "_", apart.lower()).strip("_")


def list_as_csv(points: Sequence[Point], *, notes: Sequence[str] = ()) -> str:
    """Write points as a list that :func:`hil.config.points.load_points` reads; ``notes`` become comment lines."""
    text = io.StringIO()
    text.writelines(f"# {note}\n" for note in notes)
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for point in points:
        scale_register = "" if point.scale_register is None else point.scale_register
        no_value = "" if point.no_value is None else f"0x{point.no_value:X}"
        writer.writerow(
            (point.signal, point.unit_id, point.table, point.address, point.type, f"{point.scale:g}", scale_register,
             no_value, point.unit, point.access, point.comment)
        )  # fmt: skip
    return text.getvalue()
