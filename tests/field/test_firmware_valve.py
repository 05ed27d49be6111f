"""The valve actuator: stroke, dead band, backlash, flow, faults and the watchdog, on the device's own time."""

from __future__ import annotations

import math
from collections.abc import Iterator

import firmware_bench as fb
import pytest

pytestmark = [pytest.mark.needs("gcc"), pytest.mark.needs("libmodbus")]

SETPOINT, OVERRIDE, COMMAND, POSITION, ANGLE, RELATIVE_FLOW, ABSOLUTE_FLOW, FLOW = 0, 1, 2, 4, 5, 6, 7, 10
FAULTS, MINIMUM, MAXIMUM, FAIL_POSITION, NOMINAL_FLOW, MODE, UNIT, SOURCE = (
    104,
    105,
    106,
    108,
    112,
    116,
    117,
    118,
)
DP, STUCK, BLOCKED, ANALOGUE = 61000, 61001, 61002, 61003
CANNOT_MOVE, ACTIVITY, WATCHDOG = 1 << 2, 1 << 8, 1 << 10
STROKE_S, NOMINAL_L_MIN, AUTHORITY, RANGEABILITY = 90.0, 600.0, 0.5, 50.0
SETTLED_S = 5.0


@pytest.fixture
def stub() -> Iterator[fb.Stub]:
    with fb.Stub(fb.build("valve_actuator"), "--time-scale", "0", "--backlash", "0") as stub:
        yield stub


def flow_l_min(lift: float, dp_kpa: float = 100.0, free: float = 1.0) -> float:
    """Valve and branch in series, worked out apart: resistances in units of the branch's at design."""
    area = RANGEABILITY ** (lift - 1.0) * free
    resistance = (1.0 - AUTHORITY) + AUTHORITY / area**2
    return NOMINAL_L_MIN * math.sqrt(dp_kpa / 100.0 / resistance)


def shown_l_min(stub: fb.Stub) -> float:
    low, high = stub.words(FLOW, 2)
    return (high << 16 | low) / 1000.0


def settle(stub: fb.Stub, percent: float) -> None:
    stub.put(SETPOINT, round(100 * percent))
    stub.step(STROKE_S + SETTLED_S)


class TestMovement:
    def test_the_stroke_takes_its_time(self, stub: fb.Stub) -> None:
        stub.put(SETPOINT, 10000)
        stub.step(STROKE_S / 2)
        assert stub.word(POSITION) == pytest.approx(5000, abs=2)
        assert stub.word(ANGLE) == 45
        stub.step(STROKE_S / 2 + 0.1)
        assert stub.words(POSITION, 2) == [10000, 90]

    def test_a_small_change_does_not_start_the_motor(self, stub: fb.Stub) -> None:
        settle(stub, 50.0)
        settle(stub, 50.4)
        assert stub.word(POSITION) == 5000
        settle(stub, 50.6)
        assert stub.word(POSITION) == 5060  # once started it goes all the way
        settle(stub, 100.0)
        settle(stub, 99.7)
        assert stub.word(POSITION) == 10000
        settle(stub, 0.3)
        settle(stub, 0.0)
        assert stub.word(POSITION) == 0  # the end stops are always reached

    def test_backlash_shows_in_the_flow_and_not_in_the_feedback(self) -> None:
        with fb.Stub(fb.build("valve_actuator"), "--time-scale", "0", "--backlash", "4") as stub:
            settle(stub, 50.0)
            rising_l_min = shown_l_min(stub)
            settle(stub, 80.0)
            settle(stub, 50.0)
            falling_l_min = shown_l_min(stub)
            assert stub.word(POSITION) == 5000
            assert rising_l_min == pytest.approx(flow_l_min(0.48), rel=1e-3)
            assert falling_l_min == pytest.approx(flow_l_min(0.52), rel=1e-3)

    def test_set_point_is_scaled_between_minimum_and_maximum(self, stub: fb.Stub) -> None:
        stub.put(MINIMUM, 2000, 6000)
        settle(stub, 50.0)
        assert stub.word(POSITION) == 4000
        settle(stub, 0.0)
        assert stub.word(POSITION) == 2000
        assert stub.say(f"write 1 {MINIMUM} 6001") == "exception 3"
        assert stub.say(f"write 1 {MINIMUM} 7000 6999") == "exception 3"
        assert stub.words(MINIMUM, 2) == [2000, 6000]

    @pytest.mark.parametrize(("word", "percent"), [(1, 100.0), (2, 0.0), (3, 20.0), (4, 50.0), (5, 80.0)])
    def test_override_outranks_the_set_point(self, stub: fb.Stub, word: int, percent: float) -> None:
        stub.put(MINIMUM, 2000, 8000)
        settle(stub, 30.0)
        stub.put(OVERRIDE, word)
        stub.step(STROKE_S)
        assert stub.word(POSITION) == 100 * percent
        stub.put(OVERRIDE, 0)
        stub.step(STROKE_S)
        assert stub.word(POSITION) == 3800

    def test_a_set_point_of_the_bus_is_stored_and_not_followed_when_the_source_is_analogue(
        self, stub: fb.Stub
    ) -> None:
        stub.put(SOURCE, 0)
        stub.put(ANALOGUE, 2500)
        settle(stub, 90.0)
        assert (stub.word(SETPOINT), stub.word(POSITION)) == (9000, 2500)

    def test_a_test_run_takes_the_valve_through_its_stroke_whatever_is_asked(self, stub: fb.Stub) -> None:
        settle(stub, 50.0)
        stub.put(SETPOINT, 5000, 0, 2)
        assert stub.word(COMMAND) == 0
        stub.step(STROKE_S / 2 + 1.0)
        assert stub.word(FAULTS) == ACTIVITY
        assert stub.word(POSITION) < 200
        stub.put(SETPOINT, 5000)
        stub.step(STROKE_S)
        assert stub.word(POSITION) > 9800
        stub.put(SETPOINT, 5000)
        stub.step(STROKE_S)
        assert (stub.word(POSITION), stub.word(FAULTS)) == (5000, 0)


class TestFlow:
    @pytest.mark.parametrize("percent", [10.0, 30.0, 50.0, 75.0, 100.0])
    def test_equal_percentage_with_authority(self, stub: fb.Stub, percent: float) -> None:
        settle(stub, percent)
        expected = flow_l_min(percent / 100.0)
        assert shown_l_min(stub) == pytest.approx(expected, rel=1e-3)
        assert stub.word(ABSOLUTE_FLOW) == round(shown_l_min(stub))
        assert stub.word(RELATIVE_FLOW) == pytest.approx(1e4 * expected / NOMINAL_L_MIN, abs=5)

    def test_shut_is_shut(self, stub: fb.Stub) -> None:
        settle(stub, 50.0)
        settle(stub, 0.0)
        stub.step(10.0)
        assert stub.words(FLOW, 2) == [0, 0]

    def test_flow_goes_with_the_root_of_the_pressure(self, stub: fb.Stub) -> None:
        settle(stub, 60.0)
        stub.put(DP, 250)
        stub.step(SETTLED_S)
        assert shown_l_min(stub) == pytest.approx(flow_l_min(0.6, dp_kpa=25.0), rel=1e-3)
        stub.put(DP, 0)
        stub.step(10.0)
        assert stub.words(FLOW, 2) == [0, 0]

    def test_low_word_first(self, stub: fb.Stub) -> None:
        """600 L/min in thousandths is 600 000 = 9 x 65536 + 10176."""
        assert stub.words(NOMINAL_FLOW, 2) == [10176, 9]

    @pytest.mark.parametrize(
        ("unit", "per_l_min"), [(0, 1 / 60000), (1, 0.06), (2, 1 / 60), (4, 60.0), (5, 0.264172)]
    )
    def test_units(self, stub: fb.Stub, unit: int, per_l_min: float) -> None:
        settle(stub, 100.0)
        stub.put(UNIT, unit)
        stub.step(1.0)
        assert shown_l_min(stub) == pytest.approx(NOMINAL_L_MIN * per_l_min, rel=1e-5, abs=1e-3)
        assert stub.word(ABSOLUTE_FLOW) == 600

    def test_flow_control_holds_the_flow_against_the_pressure(self, stub: fb.Stub) -> None:
        stub.put(MODE, 1)
        for dp_kpa in (100, 60):
            stub.put(DP, 10 * dp_kpa)
            stub.put(SETPOINT, 5000)
            stub.step(100.0)
            stub.put(SETPOINT, 5000)
            stub.step(100.0)
            assert stub.word(RELATIVE_FLOW) == pytest.approx(5000, abs=150)


class TestFaults:
    def test_a_stuck_motor_is_told_and_latched_until_reset(self, stub: fb.Stub) -> None:
        settle(stub, 40.0)
        stub.put(STUCK, 1)
        stub.step(20.0)
        assert stub.word(FAULTS) == 0  # nobody asked it to move
        stub.put(SETPOINT, 6000)
        stub.step(4.0)
        assert stub.word(FAULTS) == 0
        stub.step(2.0)
        assert (stub.word(FAULTS), stub.word(POSITION)) == (CANNOT_MOVE, 4000)
        stub.put(STUCK, 0)
        settle(stub, 60.0)
        assert (stub.word(FAULTS), stub.word(POSITION)) == (CANNOT_MOVE, 6000)
        stub.put(COMMAND, 4)
        stub.step(0.1)
        assert stub.word(FAULTS) == 0

    def test_a_blocked_branch_moves_and_does_not_flow(self, stub: fb.Stub) -> None:
        settle(stub, 80.0)
        stub.put(BLOCKED, 7500)
        stub.step(SETTLED_S)
        assert shown_l_min(stub) == pytest.approx(flow_l_min(0.8, free=0.25), rel=1e-3)
        stub.put(BLOCKED, 10000)
        stub.step(10.0)
        assert stub.words(FLOW, 2) == [0, 0]
        assert (stub.word(POSITION), stub.word(FAULTS)) == (8000, 0)


class TestWatchdog:
    def test_120_s_without_a_set_point_is_the_fail_position_though_the_bus_reads_on(
        self, stub: fb.Stub
    ) -> None:
        client = fb.Tcp(stub.port)
        settle(stub, 30.0)
        for _ in range(12):
            stub.step(2.0)
            assert client.ask(bytes.fromhex("03 0004 0001"))[0] == 3  # reads are no sign of life
        stub.step(0.9)
        assert (stub.word(FAULTS), stub.word(POSITION)) == (0, 3000)
        stub.step(0.2)
        assert stub.word(FAULTS) == WATCHDOG
        stub.step(STROKE_S)
        assert stub.word(POSITION) == 10000
        assert client.ask(bytes.fromhex("06 0000 0bb8"))[0] == 6  # the same value again will do
        stub.step(STROKE_S)
        assert (stub.word(FAULTS), stub.word(POSITION)) == (0, 3000)
        client.close()

    @pytest.mark.parametrize(("word", "position"), [(0, 3000), (1, 0), (2, 10000), (3, 5000)])
    def test_fail_positions(self, stub: fb.Stub, word: int, position: int) -> None:
        stub.put(FAIL_POSITION, word)
        settle(stub, 30.0)
        stub.step(120.0 + STROKE_S)
        assert (stub.word(FAULTS), stub.word(POSITION)) == (WATCHDOG, position)

    def test_override_feeds_it_too_and_it_can_be_shortened(self) -> None:
        options = (
            "--time-scale",
            "0",
            "--watchdog-s",
            "5",
            "--fail-position",
            "close",
            "--start-position",
            "70",
        )
        with fb.Stub(fb.build("valve_actuator"), *options) as stub:
            assert (stub.word(POSITION), stub.word(FAIL_POSITION)) == (7000, 1)
            stub.put(SETPOINT, 7000)
            for _ in range(3):
                stub.step(4.0)
                stub.put(OVERRIDE, 0)
            assert stub.word(FAULTS) == 0
            stub.step(5.1)
            assert stub.word(FAULTS) == WATCHDOG


def test_scaled_time_passes_by_itself() -> None:
    """A hundred times as fast: a whole stroke within a few wall seconds, without a command."""
    with fb.Stub(fb.build("valve_actuator"), "--time-scale", "100") as stub:
        client = fb.Tcp(stub.port)
        assert client.ask(bytes.fromhex("06 0000 2710"))[0] == 6
        position = 0
        for _ in range(2000):
            position = int.from_bytes(client.ask(bytes.fromhex("03 0004 0001"))[2:], "big")
            if position == 10000:
                break
            client.nothing_for(0.005)
        assert position == 10000
        client.close()
