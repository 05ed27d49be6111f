"""All findings of a list, and which of them its author has accepted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from hil.config.nearest import one_of
from hil.config.points import Point, PointList
from hil.devices.lint.finding import CODES, LIST_CODES, Finding, Reach, found
from hil.devices.lint.layout import broadcast_findings, layout_findings
from hil.devices.lint.numbers import number_findings
from hil.devices.lint.places import place_findings, request_findings
from hil.devices.wire.coalesce import Limits


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a rig wants of a list; without a rig nothing is known of it.

    Attributes
    ----------
    signals : mapping of str to Reach
        The rig's signals.
    uses : tuple of (tuple of str, Limits)
        For each of its devices with this list: the signals it reads, and what a request may hold.
    serial : bool
        Whether any of them is on a serial bus, or may be.
    """

    signals: Mapping[str, Reach] = field(default_factory=dict)
    uses: tuple[tuple[tuple[str, ...], Limits], ...] = ()
    serial: bool = True


def findings_of(points: PointList, wanted: Wanted | None = None) -> list[Finding]:
    """Give all findings at the desk, in the order of the lines; accepted ones too."""
    wanted = wanted or Wanted()
    listed = points.points
    findings = [
        *layout_findings(listed),
        *number_findings(listed, wanted.signals),
        *place_findings(listed, points.counted_in),
        *_unknown_codes(listed),
    ]
    if wanted.serial:
        findings += broadcast_findings(listed, {name for reads, _ in wanted.uses for name in reads})
    for reads, limits in wanted.uses:
        findings += request_findings([point for point in listed if point.signal in reads], limits)
    if not wanted.uses:
        findings += request_findings(listed, Limits())
    return sorted(findings, key=lambda finding: finding.line)


def parted(findings: Sequence[Finding], points: Sequence[Point]) -> tuple[list[Finding], list[Finding]]:
    """Give what is left to be looked at, and what the list's author has accepted."""
    accepted = {(point.line, code) for point in points for code in point.accepted}
    whole = {code for _, code in accepted} & LIST_CODES
    left: list[Finding] = []
    left_so: list[Finding] = []
    for finding in findings:
        is_accepted = finding.code in whole or (finding.line, finding.code) in accepted
        (left_so if is_accepted else left).append(finding)
    return left, left_so


def _unknown_codes(points: Sequence[Point]) -> list[Finding]:
    return [
        found("unknown_code", point, f'accepted "{code}" is no finding', one_of(code, CODES))
        for point in points
        for code in point.accepted
        if code not in CODES
    ]
