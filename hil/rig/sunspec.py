"""From ``type: sunspec`` in the rig to a device: the points by their definitions, the limit and its read-back."""

from __future__ import annotations

from collections.abc import Callable

from hil.config.points import Point, check_against
from hil.config.sunspec import CurtailConfig, SunSpecConfig
from hil.devices.modbus.settings import ModbusTcpSettings
from hil.devices.sunspec.curtailment import CurtailSettings
from hil.devices.sunspec.device import Curtail, SunSpecDevice
from hil.devices.sunspec.discovery import LIMIT_POINTS, Wanted
from hil.devices.sunspec.points import WrongReferenceError, parse_reference, unit_of
from hil.loop.image import Image
from hil.rig.draft import Draft
from hil.rig.ranges import signal_ranges

_LEAST_RENEWALS = 2
"""Cycles within half a reversion time: or else one late cycle would let the limit go."""


def select_sunspec(draft: Draft, name: str, config: SunSpecConfig) -> tuple[Point, ...]:
    """Check what the rig names, as far as it can be without the device; gives the points with no address yet."""
    points = []
    for signal, text in config.read.items():
        path = ("devices", name, "read", signal)
        draft.writes(signal, path, f"devices.{name}")
        try:
            reference = parse_reference(text)
        except WrongReferenceError as error:
            draft.refuse(path, str(error), error.hint)
            continue
        line = draft.document.line(*path) or 0
        # Scale and layout are the device's: any number of the unit may come.
        points.append(
            Point(signal, config.unit_id, "holding_register", 0, "float32", unit=unit_of(reference),
                  file=draft.document.file, line=line)
        )  # fmt: skip
    draft.problems += check_against(points, signal_ranges(draft.config))
    if config.curtail is not None:
        _check_curtail(draft, name, config, config.curtail)
    return tuple(points)


def _check_curtail(draft: Draft, name: str, config: SunSpecConfig, curtail: CurtailConfig) -> None:
    path = ("devices", name, "curtail")
    draft.reads(curtail.signal, (*path, "signal"), f"devices.{name}")
    signal = draft.config.signals.get(curtail.signal)
    if signal is not None and signal.unit != "%":
        what = f"the limit {curtail.signal} is in {signal.unit}; model {curtail.model} takes % of the rated power"
        draft.refuse((*path, "signal"), what, "a signal in %")
    elif signal is not None and not (signal.range[0] >= 0 and signal.range[1] <= 100):
        low, high = signal.range
        what = f"the limit {curtail.signal} ranges from {low:g} to {high:g} %; model {curtail.model} takes 0 to 100 %"
        draft.refuse(("signals", curtail.signal, "range"), what, "range: [0, 100]")
    for point in LIMIT_POINTS[curtail.model]:
        if f"{curtail.model}.{point}" not in config.read.values():
            what = f"device {name} limits by model {curtail.model} and does not read {curtail.model}.{point} back"
            draft.refuse(path, what, f"under read: a signal from {curtail.model}.{point}")
    half_s = curtail.reversion_s / 2
    if _LEAST_RENEWALS * draft.config.period_s > half_s:
        what = (
            f"device {name}: a limit that reverts after {curtail.reversion_s} s is renewed every {half_s:g} s, "
            f"and a period of {draft.config.period_s:g} s may miss that"
        )
        least = 2 * _LEAST_RENEWALS * draft.config.period_s
        draft.refuse((*path, "reversion_s"), what, f"reversion_s of {least:g} or more, or a shorter period")


def make_sunspec(
    draft: Draft,
    name: str,
    config: SunSpecConfig,
    settings: ModbusTcpSettings,
    image: Image,
    now_ns: Callable[[], int],
) -> SunSpecDevice:
    """Make the device, not yet connected: it finds its registers when it is proven."""
    file = draft.document.file
    wanted = [
        Wanted(
            parse_reference(text), signal, image.index[signal],
            (file, draft.document.line("devices", name, "read", signal) or 0),
        )
        for signal, text in config.read.items()
    ]  # fmt: skip
    place = (file, draft.document.line("devices", name))
    curtail = None if config.curtail is None else _curtail(config, config.curtail, image)
    return SunSpecDevice(name, settings, image, config.unit_id, wanted, now_ns, curtail, place)


def _curtail(config: SunSpecConfig, curtail: CurtailConfig, image: Image) -> Curtail:
    by_point = {text: signal for signal, text in config.read.items()}
    limit, enabled = (
        image.index[by_point[f"{curtail.model}.{point}"]] for point in LIMIT_POINTS[curtail.model]
    )
    settings = CurtailSettings(
        curtail.model, curtail.reversion_s, curtail.ramp_s, curtail.reverts_to_percent,
        0.0 if curtail.allow_zero else curtail.least_percent, curtail.dead_band_percent, curtail.least_interval_s,
    )  # fmt: skip
    return Curtail(settings, image.index[curtail.signal], limit, enabled)
