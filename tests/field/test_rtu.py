"""Modbus RTU over a line of two pseudo-terminals against the C stubs, paced as at their baud rates, eight units.

``RTU_LATE_REPLIES=200 pytest tests/field/test_rtu.py -k late`` is the long form, a few minutes.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator
from pathlib import Path

import firmware_bench as fb
import pytest
from rtu_bench import SETPOINT, Line, Socat, fill, told

from hil.devices.bridge import BridgeSettings
from hil.devices.rtu.settings import BusSettings

pytestmark = [pytest.mark.needs("gcc"), pytest.mark.needs("libmodbus"), pytest.mark.needs("socat")]

LATE_REPLIES = int(os.environ.get("RTU_LATE_REPLIES", "40"))
UNITS = range(1, 9)
TIMEOUT_S = 0.1
LATE_MS = 150
LATE_KIND_HAPPENED = 60006


def bus(port: str, baud: int, *, late_reply_s: float = 5.0, quarantine: bool = True) -> BusSettings:
    # A reply may be held up by a busy machine as well; as long as it comes in the end, waiting for it costs nothing.
    return BusSettings(
        port, baud, reply_timeout_s=TIMEOUT_S, late_reply_s=late_reply_s, scan_s=0.05, quarantine=quarantine
    )


@pytest.fixture
def socat(tmp_path: Path) -> Iterator[Socat]:
    with Socat(tmp_path) as socat:
        yield socat


def stub(socat: Socat, baud: int) -> fb.Stub:
    return fb.Stub(
        fb.build("valve_actuator"), "--baud", str(baud), "--units", "1-8", "--time-scale", "0",
        device=socat.theirs, tcp=False,
    )  # fmt: skip


def make_late(valves: fb.Stub, unit_id: int, *, skip: int = 0) -> None:
    valves.ok(f"misbehave {unit_id} late count=1 parameter={LATE_MS} scope=reads skip={skip}")


@pytest.mark.parametrize(("baud", "share"), [(9600, 2), (115200, 8)])
def test_late_replies_give_no_wrong_value_and_every_affected_point_is_marked(
    socat: Socat, baud: int, share: int
) -> None:
    chance = random.Random(baud)
    with stub(socat, baud) as valves:
        fill(valves, UNITS)
        line = Line(bus(socat.ours, baud), UNITS)
        try:
            for _ in range(LATE_REPLIES * share // 10):
                line.until(line.all_good)
                marked = line.count("points_marked", "canaries_unanswered")
                unit_id = chance.choice(UNITS)
                make_late(valves, unit_id, skip=chance.randint(0, 2))
                until_s = time.monotonic() + chance.uniform(0.0, 0.05)
                line.until(lambda until_s=until_s: time.monotonic() > until_s)
                line.until(lambda unit_id=unit_id: valves.word(LATE_KIND_HAPPENED, unit_id) == 1)
                line.until(lambda marked=marked: line.count("points_marked", "canaries_unanswered") > marked)
            line.until(line.all_good)
        finally:
            line.device.close()
    assert line.wrong == []
    assert line.marks_seen > 0
    assert line.count("late_replies") > 0
    assert line.count("trust_regained") > 0


def test_without_quarantine_the_same_line_gives_wrong_values(socat: Socat) -> None:
    with stub(socat, 115200) as valves:
        fill(valves, UNITS)
        line = Line(bus(socat.ours, 115200, quarantine=False), UNITS)
        try:
            line.until(line.all_good)
            for _ in range(LATE_REPLIES):
                unit_id = random.Random(7).choice(UNITS)
                make_late(valves, unit_id)
                line.until(lambda unit_id=unit_id: valves.word(LATE_KIND_HAPPENED, unit_id) == 1)
                until_s = time.monotonic() + 0.5
                line.until(lambda until_s=until_s: time.monotonic() > until_s or bool(line.wrong))
                if line.wrong:
                    break
        finally:
            line.device.close()
    assert line.wrong


def test_silence_exceptions_garbage_and_cut_frames_give_no_wrong_value(socat: Socat) -> None:
    with stub(socat, 115200) as valves:
        fill(valves, UNITS)
        # These units do one thing at a time: the canary's answer says that nothing older comes.
        line = Line(bus(socat.ours, 115200, late_reply_s=0.3), UNITS)
        try:
            line.until(line.all_good)
            # Exception 6 is that of a busy unit: it passes, and no point is bad for it.
            for kind in ("silent", "exception parameter=6", "truncated", "garbage", "wrong-id"):
                for unit_id in UNITS:
                    chances = f"count=1 probability=0.3 seed={unit_id} scope=reads"
                    valves.ok(f"misbehave {unit_id} {kind} {chances}")
                begun = line.count("requests")
                line.until(lambda begun=begun: line.count("requests") > begun + 60)
                valves.ok("misbehave all off")
                line.until(line.all_good)
        finally:
            line.device.close()
    assert line.wrong == []
    assert line.count("timeouts") > 0
    assert line.count("exception_replies") > 0
    assert line.count("bad_frames") > 0
    assert line.count("mismatched_replies") > 0


def test_commands_reach_their_units_and_the_failsafe_when_the_loop_stops(socat: Socat) -> None:
    settings = BridgeSettings(loop_timeout_s=1.5, last_s=20.0)
    with stub(socat, 115200) as valves:
        fill(valves, UNITS)
        line = Line(bus(socat.ours, 115200), UNITS, writes=True, settings=settings)
        try:
            for unit_id in UNITS:
                line.image.values[line.image.index[f"w{unit_id}"]] = told(unit_id, SETPOINT)
            line.until(lambda: line.count("writes_acknowledged") >= len(UNITS))
            line.until(line.all_good)
            assert [valves.word(SETPOINT, unit_id) for unit_id in UNITS] == [told(u, SETPOINT) for u in UNITS]
            assert line.wrong == []
            time.sleep(1.6)  # the loop stands still
            end_s = time.monotonic() + 30.0
            while [valves.word(SETPOINT, unit_id) for unit_id in UNITS] != [1234] * len(UNITS):
                assert time.monotonic() < end_s, line.device.counters()
                time.sleep(0.05)
            while line.count("failsafes_written") == 0:
                assert time.monotonic() < end_s, line.device.counters()
                time.sleep(0.05)
            now_ns = line.clock.now_ns()
            for unit_id in UNITS:
                line.image.values[line.image.index[f"w{unit_id}"]] = 4321
            line.device.write(now_ns, now_ns, force=True)
            assert [valves.word(SETPOINT, unit_id) for unit_id in UNITS] == [4321] * len(UNITS)
        finally:
            line.device.close()
    assert line.count("last_writes_unacknowledged") == 0


def test_a_port_that_goes_away_comes_back(tmp_path: Path) -> None:
    line = None
    try:
        with Socat(tmp_path) as socat, stub(socat, 115200) as valves:
            fill(valves, UNITS)
            line = Line(bus(socat.ours, 115200), UNITS)
            line.until(line.all_good)
        line.until(lambda: line.count("connections_lost") >= 1)
        with Socat(tmp_path) as socat, stub(socat, 115200) as valves:
            fill(valves, UNITS)
            replies = line.count("replies")
            line.until(lambda: line.count("reconnections") >= 1 and line.count("replies") > replies + 30)
            line.until(line.all_good)
    finally:
        if line is not None:
            line.device.close()
    assert line.wrong == []


def test_a_last_write_that_nobody_acknowledges_is_given_up_and_counted(socat: Socat) -> None:
    settings = BridgeSettings(loop_timeout_s=30.0, last_s=1.0)
    with stub(socat, 115200) as valves:
        fill(valves, UNITS)
        line = Line(bus(socat.ours, 115200), UNITS, writes=True, settings=settings)
        try:
            line.until(line.all_good)
            valves.stop()
            now_ns = line.clock.now_ns()
            line.device.write(now_ns, now_ns, force=True)
            told = [text for _, text in line.device.drain_events()]
        finally:
            line.device.close()
    assert line.count("last_writes_unacknowledged") == 1
    assert "the last write of the run was not acknowledged in time" in told
