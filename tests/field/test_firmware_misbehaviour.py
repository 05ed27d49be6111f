"""Every misbehaviour of the stubs on the wire, byte by byte, over TCP and RTU; set on stdin and over the bus.

Lateness is asserted from below only: a busy machine can delay any reply, but none can come too early.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Iterator

import firmware_bench as fb
import pytest

pytestmark = [pytest.mark.needs("gcc"), pytest.mark.needs("libmodbus")]

TYPE = bytes.fromhex("03 0003 0001")  # the valve's type register always holds 4
TYPE_REPLY = bytes.fromhex("03 02 0004")
SETPOINT = 0
KINDS = ("late", "silent", "exception", "wrong-id", "truncated", "garbage", "revert", "ignore-write")
COUNT, PARAMETER, PROBABILITY, SEED, SCOPE, SKIP, HAPPENED = range(7)


def register(kind: str, field: int) -> int:
    return 60000 + 10 * KINDS.index(kind) + field


def write(address: int, *words: int) -> bytes:
    return struct.pack(f">BHHB{len(words)}H", 16, address, len(words), 2 * len(words), *words)


@pytest.fixture
def line() -> Iterator[fb.Pty]:
    line = fb.Pty()
    yield line
    line.close()


@pytest.fixture
def stub(line: fb.Pty) -> Iterator[fb.Stub]:
    """Eight valves whose time stands, on TCP and on a fast line at once."""
    options = ("--units", "1-8", "--time-scale", "0", "--baud", "115200")
    with fb.Stub(fb.build("valve_actuator"), *options, device=line.device) as stub:
        yield stub


@pytest.fixture
def tcp(stub: fb.Stub) -> Iterator[fb.Tcp]:
    tcp = fb.Tcp(stub.port)
    yield tcp
    tcp.close()


class TestOverTcp:
    def test_late_is_sent_later_and_those_behind_wait(self, stub: fb.Stub, tcp: fb.Tcp) -> None:
        stub.ok("misbehave 1 late parameter=150")
        asked_s = time.monotonic()
        first = tcp.send(TYPE)
        second = tcp.send(TYPE, unit=2)
        frames = [tcp.frame(), tcp.frame()]
        assert time.monotonic() - asked_s >= 0.150
        assert [struct.unpack(">H", frame[:2])[0] for frame in frames] == [first, second]
        assert {frame[7:] for frame in frames} == {TYPE_REPLY}

    def test_a_late_reply_holds_up_no_other_client(self, stub: fb.Stub, tcp: fb.Tcp) -> None:
        stub.ok("misbehave 1 late parameter=60000")
        tcp.send(TYPE)
        other = fb.Tcp(stub.port)
        assert other.ask(TYPE) == TYPE_REPLY
        other.close()

    def test_silent_is_not_heard(self, stub: fb.Stub, tcp: fb.Tcp) -> None:
        stub.ok("misbehave 1 silent")
        tcp.send(write(SETPOINT, 5000))
        assert tcp.ask(TYPE) == TYPE_REPLY  # the next answer is the next request's
        assert stub.word(SETPOINT) == 0

    def test_silent_with_parameter_1_is_carried_out(self, stub: fb.Stub, tcp: fb.Tcp) -> None:
        stub.ok("misbehave 1 silent parameter=1")
        tcp.send(write(SETPOINT, 5000))
        assert tcp.ask(TYPE) == TYPE_REPLY
        assert stub.word(SETPOINT) == 5000

    @pytest.mark.parametrize(("parameter", "code"), [(0, 4), (6, 6), (256, 4), (300, 44)])
    def test_exception_and_the_write_is_not_taken(
        self, stub: fb.Stub, tcp: fb.Tcp, parameter: int, code: int
    ) -> None:
        stub.ok(f"misbehave 1 exception parameter={parameter}")
        assert tcp.ask(write(SETPOINT, 5000)) == bytes([0x90, code])
        assert stub.word(SETPOINT) == 0
        assert tcp.ask(TYPE) == TYPE_REPLY

    @pytest.mark.parametrize(("parameter", "added"), [(0, 1), (300, 300), (65535, 65535)])
    def test_wrong_transaction_id(self, stub: fb.Stub, tcp: fb.Tcp, parameter: int, added: int) -> None:
        stub.ok(f"misbehave 1 wrong-id parameter={parameter}")
        number = tcp.send(TYPE)
        assert tcp.frame() == struct.pack(">HHHB", (number + added) % 65536, 0, 5, 1) + TYPE_REPLY

    @pytest.mark.parametrize(("parameter", "kept"), [(0, 5), (3, 3), (10, 10), (11, 10), (65535, 10)])
    def test_truncated(self, stub: fb.Stub, tcp: fb.Tcp, parameter: int, kept: int) -> None:
        stub.ok(f"misbehave 1 truncated parameter={parameter}")
        number = tcp.send(TYPE)
        whole = struct.pack(">HHHB", number, 0, 5, 1) + TYPE_REPLY
        assert tcp.read(kept) == whole[:kept]
        assert tcp.nothing_for(0.1)
        assert tcp.ask(TYPE) == TYPE_REPLY  # and the connection goes on with whole frames

    def test_garbage_is_never_modbus_and_the_same_for_the_same_seed(self, stub: fb.Stub, tcp: fb.Tcp) -> None:
        seen = []
        for seed in (7, 8, 7):
            stub.ok(f"misbehave 1 garbage seed={seed} parameter=40")
            tcp.send(TYPE)
            seen.append(tcp.read(40))
        assert seen[0] == seen[2] != seen[1]
        assert all(frame[2:4] != b"\0\0" for frame in seen)
        assert tcp.ask(TYPE) == TYPE_REPLY

    def test_revert_falls_back_in_the_devices_time(self, stub: fb.Stub, tcp: fb.Tcp) -> None:
        assert tcp.ask(write(SETPOINT, 3000)) == bytes.fromhex("10 0000 0001")
        stub.ok("misbehave 1 revert parameter=2000")
        assert tcp.ask(write(SETPOINT, 5000, 1)) == bytes.fromhex("10 0000 0002")
        stub.step(1.9)
        assert stub.words(SETPOINT, 2) == [5000, 1]
        stub.step(0.2)
        assert stub.words(SETPOINT, 2) == [3000, 0]
        stub.step(95.0)
        assert stub.word(4) == 3000  # and the actuator goes where the register says

    def test_ignored_write_is_acknowledged(self, stub: fb.Stub, tcp: fb.Tcp) -> None:
        stub.ok("misbehave 1 ignore-write count=2")
        assert tcp.ask(bytes.fromhex("06 0000 1388")) == bytes.fromhex("06 0000 1388")
        assert tcp.ask(TYPE) == TYPE_REPLY  # a read does not use it up
        assert tcp.ask(write(SETPOINT, 5000)) == bytes.fromhex("10 0000 0001")
        stub.step(60.0)
        assert (stub.word(SETPOINT), stub.word(4)) == (0, 0)
        assert tcp.ask(write(SETPOINT, 5000)) == bytes.fromhex("10 0000 0001")
        assert stub.word(SETPOINT) == 5000


class TestOverRtu:
    UNIT_3 = b"\x03"

    def ask(self, line: fb.Pty, unit: int = 3) -> bytes:
        return line.ask(bytes([unit]) + TYPE, 7)

    def test_late_while_the_next_request_is_on_the_wire(self, stub: fb.Stub, line: fb.Pty) -> None:
        """Two units share the line: the late one's answer comes behind the other's, and answers nobody's question."""
        stub.ok("misbehave 3 late parameter=1500")
        asked_s = time.monotonic()
        line.send(self.UNIT_3 + TYPE)
        assert self.ask(line, unit=4) == b"\x04" + TYPE_REPLY
        late = line.read(7)
        assert time.monotonic() - asked_s >= 1.5
        assert late[:-2] == self.UNIT_3 + TYPE_REPLY

    def test_one_late_reply_shifts_all_that_follow_from_the_same_unit(
        self, stub: fb.Stub, line: fb.Pty
    ) -> None:
        """RTU has no transaction id: the answer to the second question is the first one's, with a good CRC."""
        stub.ok("misbehave 3 late parameter=100")
        line.send(self.UNIT_3 + bytes.fromhex("03 0067 0001"))  # firmware, 302
        line.send(self.UNIT_3 + TYPE)
        assert line.read(7)[:-2] == self.UNIT_3 + bytes.fromhex("03 02 012e")
        assert line.read(7)[:-2] == self.UNIT_3 + TYPE_REPLY

    def test_silent(self, stub: fb.Stub, line: fb.Pty) -> None:
        stub.ok("misbehave 3 silent")
        line.send(self.UNIT_3 + TYPE)
        assert line.read(1, within_s=0.15) == b""
        assert self.ask(line) == self.UNIT_3 + TYPE_REPLY

    @pytest.mark.parametrize(("parameter", "code"), [(6, 6), (256, 4), (300, 44)])
    def test_exception(self, stub: fb.Stub, line: fb.Pty, parameter: int, code: int) -> None:
        stub.ok(f"misbehave 3 exception parameter={parameter}")
        assert line.ask(self.UNIT_3 + TYPE, 5) == bytes([3, 0x83, code])

    @pytest.mark.parametrize(("parameter", "unit"), [(0, 4), (2, 5), (256, 4), (258, 5), (65280, 4)])
    def test_wrong_unit_with_a_good_crc(self, stub: fb.Stub, line: fb.Pty, parameter: int, unit: int) -> None:
        stub.ok(f"misbehave 3 wrong-id parameter={parameter}")
        assert self.ask(line) == bytes([unit]) + TYPE_REPLY

    def test_truncated(self, stub: fb.Stub, line: fb.Pty) -> None:
        stub.ok("misbehave 3 truncated parameter=4")
        line.send(self.UNIT_3 + TYPE)
        assert line.read(4) == self.UNIT_3 + TYPE_REPLY[:3]
        assert line.read(1, within_s=0.1) == b""

    def test_garbage_has_never_a_good_crc(self, stub: fb.Stub, line: fb.Pty) -> None:
        stub.ok("misbehave 3 garbage count=always seed=3")
        for _ in range(20):
            line.send(self.UNIT_3 + TYPE)
            frame = line.read(7)
            assert len(frame) == 7
            assert fb.crc(frame[:-2]) != frame[-2:]

    def test_ignored_write(self, stub: fb.Stub, line: fb.Pty) -> None:
        stub.ok("misbehave 3 ignore-write")
        frame = self.UNIT_3 + bytes.fromhex("06 0000 1388")
        assert line.ask(frame, 8) == frame
        assert stub.word(SETPOINT, unit=3) == 0


class TestSettings:
    def test_set_over_the_bus_by_the_documented_registers(self, tcp: fb.Tcp) -> None:
        """Two exceptions with code 5, on writes only, after one that goes well."""
        words = (2, 5, 10000, 0, 2, 1)
        assert tcp.ask(write(register("exception", COUNT), *words)) == bytes.fromhex("10 ea74 0006")
        assert [tcp.ask(write(SETPOINT, value))[0] for value in (1, 2, 3, 4)] == [16, 0x90, 0x90, 16]
        assert tcp.ask(TYPE) == TYPE_REPLY
        read = tcp.ask(struct.pack(">BHH", 3, register("exception", COUNT), 7))
        assert struct.unpack(">7H", read[2:]) == (0, 5, 10000, 0, 2, 0, 2)

    def test_the_block_itself_is_always_answered(self, stub: fb.Stub, tcp: fb.Tcp) -> None:
        stub.ok("misbehave all silent count=always")
        assert tcp.ask(write(register("silent", COUNT), 0)) == struct.pack(">BHH", 16, 60010, 1)
        assert tcp.ask(TYPE) == TYPE_REPLY

    def test_probability_with_a_seed_is_a_matter_of_the_seed_alone(self, stub: fb.Stub, tcp: fb.Tcp) -> None:
        def pattern(seed: int) -> list[bool]:
            stub.ok(f"misbehave 1 exception count=always probability=0.25 seed={seed}")
            return [tcp.ask(TYPE) != TYPE_REPLY for _ in range(400)]

        first, other, again = pattern(1), pattern(2), pattern(1)
        assert first == again != other
        assert stub.word(register("exception", HAPPENED)) == sum(first)
        assert 60 <= sum(first) <= 140  # 100 expected, standard deviation 9

    def test_a_unit_misbehaves_alone(self, stub: fb.Stub, tcp: fb.Tcp) -> None:
        stub.ok("misbehave 2 exception count=always")
        assert [tcp.ask(TYPE, unit)[0] for unit in (1, 2, 3)] == [3, 0x83, 3]
        stub.ok("misbehave 2 off")
        assert tcp.ask(TYPE, 2) == TYPE_REPLY
        assert "misbehaved=1" in stub.ok("counts")

    def test_a_request_meets_one_misbehaviour(self, stub: fb.Stub, tcp: fb.Tcp) -> None:
        stub.ok("misbehave 1 exception")
        stub.ok("misbehave 1 wrong-id")
        assert tcp.ask(TYPE) == b"\x83\x04"
        number = tcp.send(TYPE)
        assert tcp.frame()[:2] == struct.pack(">H", number + 1)

    def test_happened_is_read_only_and_values_have_limits(self, tcp: fb.Tcp) -> None:
        assert tcp.ask(write(register("late", HAPPENED), 0)) == b"\x90\x02"
        assert tcp.ask(write(register("late", PROBABILITY), 10001)) == b"\x90\x03"
        assert tcp.ask(write(register("late", SCOPE), 3)) == b"\x90\x03"

    @pytest.mark.parametrize(
        "command",
        [
            "misbehave",
            "misbehave 9 late",
            "misbehave 1 lately",
            "misbehave 1 late probability=2",
            "misbehave 1 late count=70000",
            "misbehave 1 late when=never",
            "read 9 0",
            "read 1 65535 2",
            "write 1 70000 1",
            "write 1 0 x",
            "write 1 0 1.5",
            "read 1.5 0",
            "step -1",
            "jump",
        ],
    )
    def test_a_wrong_command_is_answered_and_changes_nothing(
        self, stub: fb.Stub, tcp: fb.Tcp, command: str
    ) -> None:
        assert stub.say(command).startswith("error: ")
        assert tcp.ask(TYPE) == TYPE_REPLY
