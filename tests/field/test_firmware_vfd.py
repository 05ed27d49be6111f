"""The drive: CiA 402 on the Altivar map, ramps, slip, heat and the bus's time-out, on the device's own time."""

from __future__ import annotations

from collections.abc import Iterator

import firmware_bench as fb
import pytest

pytestmark = [pytest.mark.needs("gcc"), pytest.mark.needs("libmodbus")]

CMD, LFR, LFRD, ETA, RFR, FRH, LCR, OTR, OPR = 8501, 8502, 8602, 3201, 3202, 3203, 3204, 3205, 3211
RFRD, ACC, DEC, TTO, SLL, LFT, FAULT_NOW, THERMAL = 8604, 9001, 9002, 6005, 7010, 7121, 8606, 9630
LOAD, TRIP, LOCAL, SHAFT = 61000, 61001, 61002, 61003
DISABLED, READY, SWITCHED_ON, RUNNING, QUICK_STOP, FAULT, REACTION = 0x40, 0x21, 0x23, 0x27, 0x07, 0x08, 0x0F
SLF, EPF, OLF = 5, 8, 17
RATED_RPM, RATED_A = 1460, 29.0
TICK_S = 0.02


@pytest.fixture
def stub() -> Iterator[fb.Stub]:
    """A drive whose time stands, and whose bus may be silent for ever."""
    with fb.Stub(fb.build("vfd"), "--time-scale", "0") as stub:
        stub.put(SLL, 0)
        yield stub


def state(stub: fb.Stub) -> int:
    return stub.word(ETA) & 0x6F


def command(stub: fb.Stub, word: int) -> int:
    """Write the command word; gives the state two steps later."""
    stub.put(CMD, word)
    stub.step(TICK_S)
    return state(stub)


def start(stub: fb.Stub, hz: float = 50.0) -> None:
    stub.put(LFR, round(10 * hz))
    assert [command(stub, word) for word in (6, 7, 15)] == [READY, SWITCHED_ON, RUNNING]


class TestCia402:
    def test_the_order_of_the_manual(self, stub: fb.Stub) -> None:
        assert state(stub) == DISABLED
        start(stub)
        assert command(stub, 6) == READY

    def test_15_alone_starts_nothing(self, stub: fb.Stub) -> None:
        """The trap of timed writes: without 6 before it, 15 is a word like any other."""
        stub.put(LFR, 500)
        assert command(stub, 15) == DISABLED
        assert command(stub, 7) == DISABLED
        stub.step(5.0)
        assert stub.word(RFR) == 0

    @pytest.mark.parametrize(
        ("before", "word", "then"),
        [
            ((6,), 0, DISABLED),
            ((6,), 2, DISABLED),
            ((6, 7), 0, DISABLED),
            ((6, 7), 6, READY),
            ((6, 7), 2, DISABLED),
            ((6, 7, 15), 0, DISABLED),
            ((6, 7, 15), 6, READY),
            ((6, 7, 15), 11, QUICK_STOP),
            ((6,), 15, RUNNING),  # by way of switched on
        ],
    )
    def test_transitions(self, stub: fb.Stub, before: tuple[int, ...], word: int, then: int) -> None:
        stub.put(LFR, 500)
        for each in before:
            command(stub, each)
        stub.step(0.5)
        assert command(stub, word) == then

    def test_disable_operation_ramps_down_first(self, stub: fb.Stub) -> None:
        start(stub)
        stub.step(3.5)
        assert command(stub, 7) == RUNNING
        stub.step(2.8)
        assert (state(stub), stub.word(RFR) > 0) == (RUNNING, True)
        stub.step(0.3)
        assert (state(stub), stub.word(RFR)) == (SWITCHED_ON, 0)

    def test_quick_stop_is_four_times_as_quick_and_ends_disabled(self, stub: fb.Stub) -> None:
        start(stub)
        stub.step(3.5)
        assert command(stub, 11) == QUICK_STOP
        stub.step(0.6)
        assert state(stub) == QUICK_STOP
        stub.step(0.2)
        assert state(stub) == DISABLED

    def test_halt_stops_and_stays_enabled(self, stub: fb.Stub) -> None:
        start(stub)
        stub.step(3.5)
        assert command(stub, 15 | 1 << 8) == RUNNING
        stub.step(3.5)
        assert (state(stub), stub.word(RFR)) == (RUNNING, 0)
        assert command(stub, 15) == RUNNING
        stub.step(3.5)
        assert stub.word(RFR) == 500

    def test_a_fault_is_reset_by_the_rising_edge_of_bit_7_once_its_cause_is_gone(self, stub: fb.Stub) -> None:
        start(stub)
        stub.put(TRIP, EPF)
        stub.step(TICK_S)
        assert (state(stub), stub.word(LFT), stub.word(FAULT_NOW)) == (FAULT, EPF, EPF)
        assert command(stub, 0x80) == FAULT  # the cause is still there
        stub.put(TRIP, 0)
        assert command(stub, 0x80) == FAULT  # no edge
        assert command(stub, 0) == FAULT
        assert command(stub, 0x80) == DISABLED
        assert (stub.word(LFT), stub.word(FAULT_NOW)) == (EPF, 0)  # the last fault stays written down
        assert command(stub, 15) == DISABLED
        assert command(stub, 6) == READY

    def test_faults_are_kept_the_last_first(self, stub: fb.Stub) -> None:
        for code in range(1, 9):
            stub.put(TRIP, code)
            stub.step(TICK_S)
            stub.put(TRIP, 0)
            command(stub, 0)
            command(stub, 0x80)
        assert stub.words(LFT, 7) == [8, 7, 6, 5, 4, 3, 2]


class TestRampsAndMotor:
    def test_acceleration_and_deceleration_are_times_to_rated_frequency(self, stub: fb.Stub) -> None:
        stub.put(ACC, 100, 50)
        start(stub, 25.0)
        stub.step(2.5)
        assert stub.word(RFR) == pytest.approx(125, abs=2)
        stub.step(2.5)
        assert stub.word(RFR) == 250
        assert stub.word(ETA) & 1 << 10  # on target
        stub.put(LFR, 0)
        stub.step(1.25)
        assert stub.word(RFR) == pytest.approx(125, abs=2)
        assert not stub.word(ETA) & 1 << 10

    def test_slip_current_and_power_at_rated_load(self, stub: fb.Stub) -> None:
        start(stub)
        stub.step(6.0)
        assert stub.word(RFRD) == RATED_RPM
        assert stub.word(LCR) == pytest.approx(10 * RATED_A, abs=1)
        assert stub.word(OTR) == pytest.approx(1000, abs=2)
        assert stub.word(OPR) == 100

    def test_affinity_half_speed_is_an_eighth_of_the_power(self, stub: fb.Stub) -> None:
        start(stub, 25.0)
        stub.step(6.0)
        share = stub.word(RFRD) / RATED_RPM
        assert stub.word(OTR) == pytest.approx(1000 * share**2, abs=2)
        assert stub.word(OPR) == pytest.approx(100 * share**3, abs=1)
        assert share == pytest.approx(0.51, abs=0.01)  # less load, less slip
        assert stub.word(LCR) > 0.4 * 10 * RATED_A  # the field still wants its current

    def test_reverse_by_sign_or_by_bit(self, stub: fb.Stub) -> None:
        start(stub, -50.0)
        stub.step(6.0)
        assert (stub.signed(RFR), stub.signed(RFRD)) == (-500, -RATED_RPM)
        assert stub.word(ETA) & 1 << 15
        command(stub, 15 | 1 << 11)
        stub.step(7.0)
        assert stub.signed(RFR) == 500

    def test_reference_in_rpm_and_its_limits(self, stub: fb.Stub) -> None:
        start(stub)
        stub.put(LFRD, 750)
        stub.step(4.0)
        assert stub.word(RFR) == 250
        assert not stub.word(ETA) & 1 << 11
        stub.put(LFR, 5000)
        stub.step(4.0)
        assert stub.word(RFR) == 500  # high speed
        assert stub.word(ETA) & 1 << 11

    def test_a_motor_without_current_coasts_and_is_caught_again(self, stub: fb.Stub) -> None:
        start(stub)
        stub.step(5.0)
        command(stub, 0)
        assert (stub.word(RFR), stub.word(RFRD), stub.word(LCR)) == (0, 0, 0)
        stub.step(2.0)
        turning_rpm = stub.signed(SHAFT)
        assert 500 < turning_rpm < 1000  # of 1460, by half in the time constant, and the bearings
        for word in (6, 7, 15):
            command(stub, word)
        assert stub.word(RFR) == pytest.approx(turning_rpm / 3, rel=0.1)  # not from zero
        assert command(stub, 0) == DISABLED
        stub.step(60.0)
        assert stub.signed(SHAFT) == 0

    def test_overload_warns_then_trips_and_must_cool(self, stub: fb.Stub) -> None:
        stub.put(LOAD, 13000)
        start(stub)
        warned_s = tripped_s = 0.0
        for second in range(0, 1200, 5):
            stub.step(5.0)
            if not warned_s and stub.word(ETA) & 1 << 7:
                warned_s = second
            if state(stub) == FAULT:
                tripped_s = second
                break
        # First order with 600 s toward (I / In)^2, tripping at 118 %: hotter than 118 % or it would never trip.
        assert 0 < warned_s < tripped_s
        assert (stub.word(LFT), stub.word(THERMAL)) == (OLF, 118)
        stub.put(LOAD, 10000)
        assert command(stub, 0x80) == FAULT  # too hot still
        stub.step(150.0)
        assert stub.word(THERMAL) < 100
        command(stub, 0)
        assert command(stub, 0x80) == DISABLED

    def test_rated_load_never_trips(self, stub: fb.Stub) -> None:
        start(stub)
        stub.step(6000.0)
        assert (state(stub), stub.word(THERMAL)) == (RUNNING, 100)


class TestBusAndPanel:
    def ask(self, client: fb.Tcp) -> int:
        """Read ETA over the bus."""
        reply = client.ask(bytes.fromhex("03 0c81 0001"))
        return int.from_bytes(reply[2:], "big") & 0x6F

    @pytest.mark.parametrize(("action", "at_once"), [(1, FAULT), (2, REACTION)])
    def test_a_silent_bus_is_a_fault(self, stub: fb.Stub, action: int, at_once: int) -> None:
        stub.put(SLL, action)
        stub.put(TTO, 20)
        client = fb.Tcp(stub.port)
        start(stub)
        for _ in range(4):
            stub.step(1.5)
            assert self.ask(client) == RUNNING  # any request feeds it
        stub.step(1.9)
        assert state(stub) == RUNNING
        stub.step(0.2)
        assert (state(stub), stub.word(LFT)) == (at_once, SLF)
        stub.step(5.0)
        assert (state(stub), stub.word(RFR)) == (FAULT, 0)
        assert client.ask(bytes.fromhex("06 2135 0080"))[0] == 6
        stub.step(TICK_S)
        assert state(stub) == DISABLED  # the bus is back, so the cause is gone
        client.close()

    def test_a_drive_that_was_never_commanded_does_not_wait_for_anybody(self, stub: fb.Stub) -> None:
        stub.put(SLL, 1)
        stub.step(100.0)
        assert state(stub) == DISABLED

    def test_in_local_the_bus_is_acknowledged_and_not_obeyed(self) -> None:
        with fb.Stub(fb.build("vfd"), "--time-scale", "0", "--mode", "local") as stub:
            client = fb.Tcp(stub.port)
            for word in (6, 7, 15):
                assert client.ask(bytes.fromhex("10 2135 0002 04") + bytes([0, word, 1, 0xF4]))[0] == 16
                stub.step(TICK_S)
            assert stub.words(CMD, 2) == [15, 500]  # read back as if taken
            stub.step(100.0)
            assert (state(stub), stub.word(RFR)) == (DISABLED, 0)
            assert not stub.word(ETA) & 1 << 9
            stub.put(LOCAL, 0)
            stub.put(SLL, 0)
            stub.step(5.0)
            assert state(stub) == DISABLED  # and nothing starts when the key turns
            assert stub.word(ETA) & 1 << 9
            client.close()

    def test_taking_local_stops_a_running_drive(self, stub: fb.Stub) -> None:
        start(stub)
        stub.step(4.0)
        stub.put(LOCAL, 1)
        stub.step(TICK_S)
        assert (state(stub), stub.word(RFR)) == (DISABLED, 0)

    def test_what_may_not_be_written(self, stub: fb.Stub) -> None:
        assert stub.say("write 1 3201 0") == "exception 2"
        assert stub.say("write 1 3104 700") == "exception 3"
        assert stub.say("write 1 3104 200") == "ok"
        assert stub.say("write 1 3105 201") == "exception 3"  # low above high
        assert stub.say("write 1 3104 300 301") == "exception 3"
        assert stub.words(3104, 2) == [200, 0]
        start(stub, 10.0)
        assert stub.say("write 1 3103 500") == "exception 4"  # not while it runs


def test_the_frames_of_the_manual_byte_for_byte() -> None:
    """Schneider's examples (CRC verified): block read, single and block write."""
    line = fb.Pty()
    with fb.Stub(fb.build("vfd"), "--units", "2", device=line.device, tcp=False) as stub:
        for request, reply in (
            ("02 03 0C 1E 00 04 27 6C", "02 03 08 00 28 02 58 01 F4 00 00 52 B0"),
            ("02 06 23 29 00 0D 92 70", "02 06 23 29 00 0D 92 70"),
            ("02 10 23 29 00 02 04 00 14 00 1E 73 A4", "02 10 23 29 00 02 9B B7"),
        ):
            line.send(bytes.fromhex(request)[:-2])
            assert line.read(len(bytes.fromhex(reply))) == bytes.fromhex(reply)
        assert stub.words(9001, 2, unit=2) == [20, 30]
    line.close()
