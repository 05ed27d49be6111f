"""``hil scan``: who is on a bus or behind a host, and a point list to begin with. Reads only."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import track

from hil.cli.asker import SerialLine, is_serial, open_asker
from hil.cli.console import errors, results, table
from hil.errors import ConfigError, Problem

if TYPE_CHECKING:
    from hil.config.points import Point, PointList
    from hil.devices.discovery import Asker, Fit, FoundUnit

EXIT_NOBODY = 1
KNOWN_LISTS = Path(__file__).resolve().parents[2] / "configs" / "points"
_LAST_UNIT = 255
_FEW = 10
_EXCHANGE_S = 0.02
"""Time on the line beside the time-out, for a question that is not answered, s; at 9600 baud or more."""


def scan(
    target: Annotated[
        str,
        typer.Argument(
            help="HOST[:PORT], a serial port (/dev/..., COM3), or tcp://HOST:PORT for RTU over TCP."
        ),
    ],
    units: Annotated[str, typer.Option(help="Unit ids to ask: 1-10, or 1,3,247.")] = "",
    registers: Annotated[
        str, typer.Option(help="Also find which of these holding registers answer: 0-999.")
    ] = "",
    timeout_s: Annotated[float, typer.Option("--timeout", min=0.01, max=30, help="For each reply, s.")] = 0.3,
    baud: Annotated[int, typer.Option(min=1200, max=4_000_000, help="Of a serial line.")] = 19_200,
    parity: Annotated[str, typer.Option(help="Of a serial line: even, odd, none.")] = "even",
    out: Annotated[Path | None, typer.Option(help="Write the drafted point list to this file.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one object on stdout.")] = False,
) -> None:
    """Find units and their SunSpec models, say which known lists fit, and draft a point list.

    Nothing is written to any device. On a serial line no other master may be active meanwhile.
    Exit codes: 0 somebody answers, 1 nobody, 2 the port or host cannot be used.
    """  # fmt: skip
    asked = _numbers("--units", units or ("1-247" if is_serial(target) else "1,255,0,2-10"), 0, _LAST_UNIT)
    places = _span("--registers", registers) if registers else None
    if is_serial(target) and len(asked) > _FEW and not as_json:
        errors.print(_how_long(target, len(asked), timeout_s))
    with open_asker(target, SerialLine(baud, parity), timeout_s, "scan") as asker:
        shown = track(asked, "asking units", console=errors, transient=True, disable=as_json)
        found, drafted, omitted = _ask_all(asker, shown, len(asked), places, timeout_s)
        came = _came(asker, bool(found))
    if out is not None and drafted:
        _write(out, target, drafted, omitted)
    elif out is not None:
        errors.print(f"{out} was not written: {_why_nothing(found, places)}")
    if as_json:
        typer.echo(json.dumps(_as_data(target, asked, found, drafted) | {"left_out": omitted}, indent=2))
    else:
        _show(target, asked, found, drafted, out)
    if omitted and not as_json:
        errors.print(_in_short(omitted, out if drafted else None))
    if came:
        errors.print(came)
    if not found:
        raise typer.Exit(EXIT_NOBODY)


def _ask_all(
    asker: Asker, units: Iterable[int], many: int, places: tuple[int, int] | None, timeout_s: float
) -> tuple[list[tuple[FoundUnit, list[Fit]]], list[Point], list[str]]:
    """Give the units that answer with the lists that fit, the drafted points, and what was left out of the draft."""
    from hil.devices.discovery import find_unit, fits, left_out, runs_that_answer  # noqa: PLC0415  loads definitions

    known = _known_lists()
    found: list[tuple[FoundUnit, list[Fit]]] = []
    drafted: list[Point] = []
    omitted: list[str] = []
    for unit_id in units:
        unit = find_unit(asker, unit_id, timeout_s)
        if unit is None:
            continue
        fitting = [] if unit.is_sunspec else [fits(asker, unit_id, each, timeout_s) for each in known]
        found.append((unit, fitting))
        runs = runs_that_answer(asker, unit_id, *places, timeout_s) if places else []
        drafted += _drafted(unit, runs, many=many > 1)
        omitted += left_out(unit)
    return found, drafted, omitted


def _how_long(target: str, ids: int, timeout_s: float) -> str:
    """Say what a silent bus takes: each number is asked twice."""
    from hil.devices.discovery.units import TRIES  # noqa: PLC0415  as above

    each_s = TRIES * (timeout_s + _EXCHANGE_S)
    return (
        f"{target}: asking {ids} unit ids, {each_s:.1f} s for each that is silent, {ids * each_s:.0f} s if all are; "
        "--units and --timeout make it shorter"
    )


def _came(asker: Asker, anybody: bool) -> str:
    """Say what came and was no answer; of a line only where nobody answered, for it takes time to hear it out."""
    from hil.devices.modbus.conversation import Conversation  # noqa: PLC0415  as above
    from hil.devices.rtu.conversation import RtuConversation  # noqa: PLC0415

    if isinstance(asker, Conversation) and asker.wrong_replies:
        count, first = sum(asker.wrong_replies.values()), next(iter(asker.wrong_replies))
        return f"wrong replies, none of which was believed: {count}; it {first}"
    if isinstance(asker, RtuConversation) and not anybody and (came := asker.hear_out()):
        return f"{came}: give it more time with --timeout, or check baud and parity"
    return ""


def _why_nothing(found: Sequence[Any], places: tuple[int, int] | None) -> str:
    if not found:
        return "nobody answers"
    if places is None:
        return "no unit has SunSpec, and without --registers no other register is looked for"
    return f"no unit has SunSpec, and none of the registers {places[0]} to {places[1]} answers"


def _known_lists() -> list[PointList]:
    from hil.config.points import load_points  # noqa: PLC0415

    # In an installed package there are none: then nothing is compared.
    return [load_points(path) for path in sorted(KNOWN_LISTS.glob("*.csv"))]


def _numbers(option: str, text: str, low: int, high: int) -> list[int]:
    """Read ``1-10,20``; each once, in the order given."""
    numbers: dict[int, None] = {}
    for part in text.split(","):
        first, _, last = part.strip().partition("-")
        if not first.isdecimal() or (last and not last.isdecimal()):
            raise ConfigError(Problem(option, None, f"{part.strip()!r} is no number", "for example 1-10,20"))
        start, end = int(first), int(last or first)
        if not low <= start <= end <= high:
            raise ConfigError(Problem(option, None, f"{part.strip()} is outside {low} to {high}"))
        numbers |= dict.fromkeys(range(start, end + 1))
    return list(numbers)


def _span(option: str, text: str) -> tuple[int, int]:
    first, dash, last = text.partition("-")
    if not (first.isdecimal() and dash and last.isdecimal() and int(first) <= int(last) <= 65535):
        raise ConfigError(Problem(option, None, f"{text!r} is no range of addresses", "for example 0-999"))
    return int(first), int(last)


def _drafted(unit: FoundUnit, runs: Sequence[Any], *, many: bool) -> list[Point]:
    from hil.devices.discovery import draft_list  # noqa: PLC0415

    return draft_list(unit, runs, prefix=f"u{unit.unit_id}_" if many else "")


def _in_short(omitted: Sequence[str], out: Path | None) -> str:
    """Say what the draft leaves out and why: the first of it, and where the rest stands."""
    more = "" if len(omitted) == 1 else f" and {len(omitted) - 1} more"
    where = f"all stand in {out}" if out is not None else "--json names all"
    return f"left out of the draft: {omitted[0]}{more}{f'; {where}' if more else ''}"


def _write(out: Path, target: str, drafted: Sequence[Point], omitted: Sequence[str]) -> None:
    from hil.devices.discovery import list_as_csv  # noqa: PLC0415

    notes = (
        f"Drafted by hil scan {target}. All read only: say what may be written, and give the signals their names.",
        f"Prove it with: hil points lint FILE --live {target}",
        *(f"Left out: {reason}" for reason in omitted),
    )
    try:
        out.write_text(list_as_csv(drafted, notes=notes), encoding="utf-8")
    except OSError as error:
        raise ConfigError(Problem(str(out), None, f"cannot be written: {error.strerror}")) from error


def _as_data(
    target: str, asked: Sequence[int], found: Sequence[tuple[FoundUnit, list[Fit]]], drafted: Sequence[Point]
) -> dict[str, Any]:
    return {
        "target": target,
        "asked": list(asked),
        "units": [
            {
                "unit_id": unit.unit_id,
                "identity": list(unit.identity),
                "sunspec_base": unit.chain.base,
                "sunspec_models": [
                    {"id": model.id, "address": model.address, "length": model.length} for model in unit.chain.models
                ],
                "sunspec_trouble": unit.chain.trouble if unit.is_sunspec else "",
                "lists": [
                    {"file": fit.file, "points": fit.points, "answered": fit.answered, "plausible": fit.plausible,
                     "telling": fit.telling}
                    for fit in fitting
                ],
            }
            for unit, fitting in found
        ],
        "drafted_points": len(drafted),
    }  # fmt: skip


def _show(
    target: str,
    asked: Sequence[int],
    found: Sequence[tuple[FoundUnit, list[Fit]]],
    drafted: Sequence[Point],
    out: Path | None,
) -> None:
    if not found:
        hint = "check unit ids, baud and parity, A and B" if is_serial(target) else "is Modbus switched on?"
        errors.print(f"nobody answers at {target} under {len(asked)} unit ids: {hint}")
        return
    rows = [
        (
            str(unit.unit_id),
            " ".join(text for text in unit.identity if text),
            _models(unit),
            _fitting(fitting),
        )
        for unit, fitting in found
    ]
    results.print(table(target, ("unit id", "says it is", "SunSpec models", "known lists that fit"), rows))
    if len(found) == len(asked) > 1 and not is_serial(target):
        results.print("It answers under every unit id: most likely one device that does not look at it.")
    if drafted:
        where = f"written to {out}" if out is not None else "--out FILE writes them as a list"
        results.print(f"{len(drafted)} points drafted; {where}.")
    elif not any(unit.is_sunspec for unit, _ in found):
        results.print("No SunSpec: --registers 0-999 finds which registers answer.")


def _models(unit: FoundUnit) -> str:
    if not unit.is_sunspec:
        return "none"
    listed = ", ".join(str(model.id) for model in unit.chain.models)
    return f"{listed} from {unit.chain.base}" + (f" ({unit.chain.trouble})" if unit.chain.trouble else "")


def _fitting(fitting: Sequence[Fit]) -> str:
    # A list that no value could have refused says nothing of the device, however many of its registers answer.
    said = [fit for fit in fitting if fit.plausible and fit.telling]
    best = sorted(said, key=lambda fit: (-fit.plausible / fit.points, -fit.telling))
    shown = [
        f"{Path(fit.file).name} ({fit.plausible} of {fit.points}, {fit.telling} within limits of their own)"
        for fit in best[:3]
    ]
    return ", ".join(shown) or "none that a value could prove"
