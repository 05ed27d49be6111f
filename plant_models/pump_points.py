"""From a sheet's pump curve, flow and head by points, to the curve that the kernels take."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from plant_models._jit import plain
from plant_models.errors import DatasheetError
from plant_models.pump_curve import MOST_POINTS, curve_head, falling_slopes

if TYPE_CHECKING:
    from plant_models.datasheets import CduDatasheet

LEAST_DESIGN_SPEED = 0.3
_SHORT = 0.005
"""Head that may be wanting at design flow: sheets round, and then the design flow comes out that little less."""
_BISECTIONS = 60


def check_points(sheet: CduDatasheet) -> None:
    """Refuse points that are no pump curve.

    Raises
    ------
    DatasheetError
        Not as many heads as flows, both kinds of heads, flows that do not rise, or a head that does not fall.
    """
    flows, own, external = (
        sheet.pump_curve_flow_kg_s, sheet.pump_curve_head_kpa, sheet.pump_curve_external_head_kpa
    )  # fmt: skip
    if own and external:
        raise DatasheetError(
            f"{sheet.name}: pump_curve_head_kpa and pump_curve_external_head_kpa: one of the two"
        )
    heads = own or external
    if len(flows) != len(heads) or (flows and not 2 <= len(flows) <= MOST_POINTS):
        raise DatasheetError(
            f"{sheet.name}: pump_curve_flow_kg_s has {len(flows)} points and its heads {len(heads)}: as many of both, "
            f"2 to {MOST_POINTS}"
        )
    finite = all(0.0 <= value < float("inf") for value in (*flows, *heads))
    if not finite or not all(a < b for a, b in pairwise(flows)):
        raise DatasheetError(
            f"{sheet.name}: pump_curve_flow_kg_s = {list(flows)} must rise, and neither it nor a head be negative"
        )
    for (flow, head), (more, less) in pairwise(zip(flows, total_heads_kpa(sheet), strict=True)):
        if not less < head:
            raise DatasheetError(
                f"{sheet.name}: {'pump_curve_head_kpa' if own else 'pump_curve_external_head_kpa'} must fall: "
                f"{head:.4g} kPa at {flow:g} kg/s, {less:.4g} kPa at {more:g} kg/s, exchanger and filter included"
            )


def total_heads_kpa(sheet: CduDatasheet) -> list[float]:
    """Heads of the pump itself: the external ones with what exchanger and filter take at each flow."""
    if sheet.pump_curve_head_kpa:
        return list(sheet.pump_curve_head_kpa)
    heads = []
    for flow, head in zip(sheet.pump_curve_flow_kg_s, sheet.pump_curve_external_head_kpa, strict=True):
        ratio = flow / sheet.tcs_flow_kg_s
        inside = (
            sheet.tcs_exchanger_drop_kpa * ratio**2 + sheet.filter_drop_kpa * ratio**sheet.filter_exponent
        )
        heads.append(head + inside)
    return heads


def curve_at_design(sheet: CduDatasheet, head_kpa: float) -> tuple[tuple[float, ...], float]:
    """Curve over the design point's flow and head at the speed that gives them; that speed (0 … 1).

    Raises
    ------
    DatasheetError
        At full speed the pump gives less head at design flow than the circuit takes, or far more.
    """
    flows = [flow / sheet.tcs_flow_kg_s for flow in sheet.pump_curve_flow_kg_s]
    heads = [head / head_kpa for head in total_heads_kpa(sheet)]
    full = np.array([*flows, *heads, *falling_slopes(flows, heads)])
    head_at = plain(curve_head)
    given = float(head_at(1.0, full)[0])
    if given < 1.0 - _SHORT:
        raise DatasheetError(
            f"{sheet.name}: at full speed the pump curve gives {given * head_kpa:.4g} kPa at tcs_flow_kg_s = "
            f"{sheet.tcs_flow_kg_s:g}; rack_drop_kpa, tcs_exchanger_drop_kpa and filter_drop_kpa take {head_kpa:.4g}"
        )
    low, high = LEAST_DESIGN_SPEED, 1.0
    if low * low * float(head_at(1.0 / low, full)[0]) > 1.0:
        raise DatasheetError(
            f"{sheet.name}: the pump curve gives tcs_flow_kg_s = {sheet.tcs_flow_kg_s:g} at {head_kpa:.4g} kPa below "
            f"{100 * low:g} % of its speed: another pump's"
        )
    # Slower, a pump gives less at the same flow.
    for _ in range(_BISECTIONS if given > 1.0 else 0):
        speed = 0.5 * (low + high)
        low, high = (
            (low, speed) if speed * speed * float(head_at(1.0 / speed, full)[0]) > 1.0 else (speed, high)
        )
    points, speed = len(flows), high
    scale = np.repeat([speed, speed * speed, speed], points)
    return tuple((full * scale).tolist()), speed
