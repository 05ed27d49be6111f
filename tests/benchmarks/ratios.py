"""Costs of the loop's parts as ratios to plain Python and numpy, timed in turn within one run.

``python tests/benchmarks/ratios.py`` measures them all and writes ``baseline.json``; do so on a calm machine, after a
change that is meant to make a part slower or faster, and commit it with that change.

A ratio is between the medians of ROUNDS rounds. In each round subject and reference run one after the other, so that a
machine that is slow for a second is slow for both.
"""

from __future__ import annotations

import json
import platform
import statistics
import struct
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from controller import PID, Limiter
from hil.devices.wire.codec import READ_HOLDING_REGISTERS, Request, encode_reply, encode_request
from hil.devices.wire.frames import ReadFrame
from hil.loop.clock import NS_PER_S, VirtualClock
from hil.loop.cycle import Cycle, CycleSettings, StopFlag
from hil.loop.events import EventLog
from hil.loop.image import Image, Signal
from hil.loop.lateness import CountedRows
from hil.loop.overrun import OverrunPolicy, OverrunSettings
from hil.record.ring import Ring
from hil.record.rows import RowLayout, RowSink
from hil.rig import Wishes, load_rig
from plant_models import CduPlant

ROOT = Path(__file__).resolve().parents[2]
BASELINE = Path(__file__).with_name("baseline.json")
ROUNDS = 31
SIGNALS = 64
CYCLES = 200

Work = Callable[[], object]


@dataclass(frozen=True)
class Pair:
    """A part and what it is held against; each call of either does its work ``calls`` times a round."""

    subject: Work
    reference: Work
    calls: int


def plain_arithmetic(count: int) -> Work:
    """The reference for code that is Python itself: attribute reads, floats and comparisons, ``count`` times."""

    class State:
        value = 0.5
        low, high = 0.0, 1.0

    state = State()

    def work() -> None:
        for _ in range(count):
            value = state.value * 0.999 + 0.0004
            if state.low <= value <= state.high:
                state.value = value

    return work


def pid_step() -> Pair:
    pid = PID.ideal(2.0, 20.0, 1.0, output_low=0.0, output_high=100.0)
    return Pair(lambda: pid.step(30.0, 29.5, 0.1), plain_arithmetic(5), 200)


def limiter_step() -> Pair:
    limiter = Limiter(0.0, 100.0, 50.0, 10.0, 10.0)
    return Pair(lambda: limiter.apply(60.0, 0.1), plain_arithmetic(2), 500)


def image_of(signals: int) -> Image:
    return Image([Signal(f"signal_{n}", "%", 0.0, 100.0, 50.0, NS_PER_S) for n in range(signals)])


def image_accept() -> Pair:
    image = image_of(SIGNALS)
    slots = range(SIGNALS)

    def work() -> None:
        accept = image.accept
        for slot in slots:
            accept(slot, 42.0, 1)

    return Pair(work, plain_arithmetic(SIGNALS), 20)


def ring_push() -> Pair:
    image = image_of(SIGNALS)
    layout = RowLayout(tuple(signal.name for signal in image.signals), ())
    ring = Ring.private(layout.packer.size, 8)
    sink = RowSink(image, ring, layout)
    packer, row = struct.Struct(f"<{SIGNALS}d"), bytearray(8 * SIGNALS)

    def work() -> None:
        sink.push(1)
        ring.release(1)

    return Pair(work, lambda: packer.pack_into(row, 0, *image.values), 200)


def codec_request() -> Pair:
    request = Request(1, READ_HOLDING_REGISTERS, 100, 32)
    packer = struct.Struct(">HHHBBHH")
    return Pair(lambda: encode_request(request, 7), lambda: packer.pack(7, 0, 6, 1, 3, 100, 32), 200)


def codec_reply() -> Pair:
    request = Request(1, READ_HOLDING_REGISTERS, 100, 32)
    reply = bytearray(encode_reply(request, 7, tuple(range(32))))
    prepared = ReadFrame(1, READ_HOLDING_REGISTERS, 100, 32)
    prepared.request(7)
    unpacker = struct.Struct(">HHHBBB32H")

    def work() -> tuple[int, ...]:
        assert prepared.is_reply(reply, 0, 7)
        return prepared.values(reply, 0)

    assert work() == tuple(range(32))
    return Pair(work, lambda: unpacker.unpack(reply), 500)


def plant_step() -> Pair:
    plant = CduPlant.from_datasheet("deschutes_2mw")
    inputs = [plant.inputs[port.name] for port in plant.input_ports]
    plant.step(inputs, 1.0)
    return Pair(lambda: plant.step(inputs, 1.0), plain_arithmetic(50), 100)


def whole_cycle() -> Pair:
    """``CYCLES`` cycles of the rig cdu_sil, the collection at the beginning of a run not among them."""
    rig = load_rig(ROOT / "configs" / "rigs" / "cdu_sil.yaml", Wishes(load="1000"))
    clock = VirtualClock()
    parts, _ = rig.build(EventLog(), clock.now_ns)
    period_ns = round(rig.config.period_s * NS_PER_S)
    settings = CycleSettings(period_ns, CYCLES * period_ns, period_ns, period_ns, is_virtual=True)

    def work() -> None:
        policy = OverrunPolicy(OverrunSettings())
        Cycle(parts, clock, settings, policy, CountedRows(), EventLog(), StopFlag())._run()

    return Pair(work, plain_arithmetic(100 * CYCLES), 1)


PAIRS: dict[str, Callable[[], Pair]] = {
    "pid_step": pid_step,
    "limiter_step": limiter_step,
    "image_accept_64": image_accept,
    "ring_push_64": ring_push,
    "codec_request": codec_request,
    "codec_reply_32": codec_reply,
    "plant_step": plant_step,
    "whole_cycle": whole_cycle,
}


def seconds_of(work: Work, calls: int) -> float:
    began = time.perf_counter()
    for _ in range(calls):
        work()
    return time.perf_counter() - began


def measured_ratio(pair: Pair, rounds: int = ROUNDS) -> float:
    """Time of the subject over that of the reference: the median of the rounds' ratios, after one to warm up."""
    ratios = [
        seconds_of(pair.subject, pair.calls) / seconds_of(pair.reference, pair.calls)
        for _ in range(rounds + 1)
    ]
    return statistics.median(ratios[1:])


def main() -> None:
    ratios = {name: round(measured_ratio(make()), 3) for name, make in PAIRS.items()}
    made = {"python": platform.python_version(), "machine": platform.machine(), "ratios": ratios}
    BASELINE.write_text(json.dumps(made, indent=1) + "\n")
    sys.stdout.write(BASELINE.read_text())


if __name__ == "__main__":
    main()
