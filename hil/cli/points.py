"""``hil points``: what can be done with a point list by itself."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from hil.cli.asker import SerialLine, open_asker
from hil.cli.console import results, table, tell_problems
from hil.errors import ConfigError, HilError, Problem

if TYPE_CHECKING:
    from hil.config.points import PointList
    from hil.devices.lint import Finding, Wanted

EXIT_FINDINGS, EXIT_UNUSABLE = 1, 2
_LIVE_S = 60.0
"""Longest look at a live device, s."""
_PIPE_WIDTH = 1000

points = typer.Typer(
    no_args_is_help=True, help="Look after point lists.", epilog="Exit codes of each verb: see its help."
)


@points.callback()
def _group() -> None:
    """Look after point lists."""


@points.command()
def lint(
    file: Annotated[Path, typer.Argument(help="Point list (.csv).")],
    rig: Annotated[
        Path | None, typer.Option(help="Hold the points against this rig's signals and devices.")
    ] = None,
    live: Annotated[
        str | None,
        typer.Option(
            metavar="TARGET",
            help="Read every point of this device, nothing is written: HOST[:PORT], a serial port, or "
            "tcp://HOST:PORT for RTU over TCP.",
        ),
    ] = None,
    baud: Annotated[int, typer.Option(min=1200, max=4_000_000, help="Of a serial line.")] = 19_200,
    parity: Annotated[str, typer.Option(help="Of a serial line: even, odd, none.")] = "even",
    as_json: Annotated[bool, typer.Option("--json", help="Print one object on stdout.")] = False,
) -> None:
    """Prove a point list: overlaps, ranges, resolution, addresses, word order.

    Exit codes: 0 clean, 1 findings, 2 the file, the rig or the device cannot be used.
    """
    try:
        report = _lint(file, rig, live, SerialLine(baud, parity))
    except HilError as error:
        if as_json:
            _print_json({"file": str(file), "problems": [asdict(problem) for problem in error.problems],
                         "exit_code": EXIT_UNUSABLE})  # fmt: skip
        else:
            tell_problems(error.problems)
        raise typer.Exit(EXIT_UNUSABLE) from error
    code = EXIT_UNUSABLE if report["problems"] else EXIT_FINDINGS if report["findings"] else 0
    if as_json:
        listed = {
            name: [asdict(each) for each in report[name]] for name in ("problems", "findings", "accepted")
        }
        _print_json(report | listed | {"exit_code": code})
    else:
        tell_problems(report["problems"])
        _show(report)
    raise typer.Exit(code)


def _lint(file: Path, rig: Path | None, live: str | None, line: SerialLine) -> dict[str, Any]:
    from hil.config.points import read_points  # noqa: PLC0415  keeps the other verbs quick
    from hil.devices.lint import findings_of  # noqa: PLC0415  as above
    from hil.devices.lint.prove import parted  # noqa: PLC0415  as above

    listed, problems = read_points(file)
    if not listed.points:
        raise ConfigError(problems)
    # Rows that cannot be read are told, and the others are judged all the same: one go shows all there is.
    wanted = _wanted(rig, file, listed) if rig is not None else None
    findings = findings_of(listed, wanted)
    answered = None
    if live is not None:
        more, answered = _ask_live(listed, live, line, wanted)
        findings = sorted([*findings, *more], key=lambda finding: finding.line)
    left, accepted = parted(findings, listed.points)
    return {
        "file": str(file), "points": len(listed.points), "rig": None if rig is None else str(rig), "live": live,
        "answered": answered, "problems": problems, "findings": left, "accepted": accepted,
    }  # fmt: skip


def _wanted(rig: Path, file: Path, listed: PointList) -> Wanted:
    """Read the rig's signals, and what its devices with this list read; the rest of the rig is not looked at."""
    from hil.config.expansion import expand  # noqa: PLC0415  as above
    from hil.config.file_kinds import read_kind  # noqa: PLC0415  as above
    from hil.config.schema import RigConfig  # noqa: PLC0415  keeps the other verbs quick
    from hil.config.strict import validate  # noqa: PLC0415  as above
    from hil.config.units import UNITS  # noqa: PLC0415  as above
    from hil.devices.lint import Reach, Wanted  # noqa: PLC0415  as above
    from hil.devices.wire.coalesce import Limits  # noqa: PLC0415  as above

    config = validate(RigConfig, expand(read_kind(rig, "rig")))
    # Kinds of devices differ in what they have; what they have in common has the same name.
    devices = [
        device
        for device in config.devices.values()
        if (points := getattr(device, "points", None)) and (rig.parent / points).resolve() == file.resolve()
    ]
    prefixes = {getattr(device, "prefix", "") for device in devices} or {""}
    signals: dict[str, Reach] = {}
    for name, signal in config.signals.items():
        if signal.unit in UNITS and signal.range[0] < signal.range[1]:
            for prefix in prefixes:
                if name.startswith(prefix):
                    own = name.removeprefix(prefix)
                    signals.setdefault(own, Reach(own, signal.unit, *signal.range))
    uses = tuple(
        (
            tuple(name.removeprefix(getattr(device, "prefix", "")) for name in getattr(device, "read", ())),
            Limits(getattr(device, "max_registers", 125), max_gap=getattr(device, "max_gap_registers", 0)),
        )
        for device in devices
    )
    if not uses and not any(point.signal in signals for point in listed.points):
        what = f"{rig} has no device with {file}, and none of its signals"
        raise ConfigError(Problem("--rig", None, what, "the rig that uses this list"))
    on_buses = [device for device in devices if getattr(device, "bus", None)]
    serial = not uses or any(getattr(device, "unit_id", None) in (None, 0) for device in on_buses)
    return Wanted(signals, uses, serial)


def _ask_live(
    listed: PointList, target: str, line: SerialLine, wanted: Wanted | None
) -> tuple[list[Finding], int]:
    from hil.devices.lint.live import Manner, live_findings  # noqa: PLC0415  keeps the other verbs quick

    manner = Manner(f"the device at {target}")
    with open_asker(target, line, manner.reply_timeout_s, manner.who, _LIVE_S) as asker:
        return live_findings(listed.points, asker, {} if wanted is None else wanted.signals, manner)


def _show(report: dict[str, Any]) -> None:
    findings: Sequence[Finding] = report["findings"]
    if findings:
        columns = ("place", "signal", "finding", "value", "limit", "unit", "what", "hint")
        rows = [
            (
                f"{each.file}:{each.line}", each.signal, each.code, _figure(each.value), _figure(each.limit), each.unit,
                each.what, each.hint,
            )
            for each in findings
        ]  # fmt: skip
        # A pipe has no width of its own: one line a finding, for grep.
        shown_on = results if results.is_terminal else Console(width=_PIPE_WIDTH)
        shown_on.print(table("findings", columns, rows))
    word = "clean" if not findings else f"{len(findings)} finding{'s' * (len(findings) > 1)}"
    if report["problems"]:
        count = len(report["problems"])
        word = f"not usable: {count} problem{'s' * (count > 1)} in its rows; of the others: {word}"
    live = "" if report["live"] is None else f", {report['answered']} read from {report['live']}"
    accepted = f", {len(report['accepted'])} accepted" if report["accepted"] else ""
    text = f"{report['file']}: {word}: {report['points']} points{live}{accepted}"
    results.print(escape(text), highlight=False)


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:g}"


def _print_json(report: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(report, indent=1, allow_nan=False) + "\n")
