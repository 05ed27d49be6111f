"""The lines of the stubs: frames, pace, units, broken lines; and clients that are not ours: libmodbus and pymodbus."""

from __future__ import annotations

import contextlib
import os
import select
import struct
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import firmware_bench as fb
import pytest
from pymodbus import FramerType
from pymodbus.client import ModbusSerialClient, ModbusTcpClient

pytestmark = [pytest.mark.needs("gcc"), pytest.mark.needs("libmodbus")]

TYPE = bytes.fromhex("03 0003 0001")
TYPE_REPLY = bytes.fromhex("03 02 0004")
SETPOINT, POSITION = 0, 4
BITS_PER_CHAR = 11

C_CLIENT = r"""
#include <errno.h>
#include <modbus/modbus.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* client tcp PORT | rtu DEVICE BAUD, then UNIT: writes a block and a register, reads back, asks for the unlisted */
int main(int argc, char **argv)
{
    modbus_t *m = strcmp(argv[1], "tcp") == 0 ? modbus_new_tcp("127.0.0.1", atoi(argv[2]))
                                              : modbus_new_rtu(argv[2], atoi(argv[3]), 'E', 8, 1);
    const uint16_t limits[2] = {0, 10000};
    uint16_t in[2] = {0, 0};

    modbus_set_response_timeout(m, 10, 0);
    if (modbus_set_slave(m, atoi(argv[argc - 1])) != 0 || modbus_connect(m) != 0)
        return 1;
    printf("%d ", modbus_write_registers(m, 105, 2, limits));
    printf("%d ", modbus_write_register(m, 0, 0x1234));
    printf("%d ", modbus_read_registers(m, 0, 2, in));
    printf("%x ", in[0]);
    printf("%d ", modbus_read_registers(m, 20, 1, in));
    printf("%s\n", modbus_strerror(errno));
    modbus_close(m);
    modbus_free(m);
    return 0;
}
"""


@pytest.fixture
def line() -> Iterator[fb.Pty]:
    line = fb.Pty()
    yield line
    line.close()


@pytest.fixture
def fast(line: fb.Pty) -> Iterator[fb.Stub]:
    """Eight valves on a fast line, whose time stands."""
    with fb.Stub(
        fb.build("valve_actuator"),
        "--units",
        "1-8",
        "--time-scale",
        "0",
        "--baud",
        "115200",
        device=line.device,
    ) as stub:
        yield stub


class TestFrames:
    def test_each_unit_has_its_own_registers_and_others_are_silent(self, fast: fb.Stub, line: fb.Pty) -> None:
        for unit in range(1, 9):
            request = struct.pack(">BBHH", unit, 6, SETPOINT, 1000 * unit)
            assert line.ask(request, 8) == request
        fast.step(100.0)
        for unit in range(1, 9):
            reply = line.ask(struct.pack(">BBHH", unit, 3, POSITION, 1), 7)
            assert reply == struct.pack(">BBBH", unit, 3, 2, 1000 * unit)
        line.send(b"\x09" + TYPE)
        assert line.read(1, within_s=0.15) == b""
        assert fast.ok("counts")[3] == "not_for_us=1"

    def test_a_broadcast_is_carried_out_by_all_and_answered_by_none(
        self, fast: fb.Stub, line: fb.Pty
    ) -> None:
        line.send(bytes.fromhex("00 06 0000 1388"))
        assert line.read(1, within_s=0.15) == b""
        assert [fast.word(SETPOINT, unit) for unit in range(1, 9)] == [5000] * 8

    def test_a_frame_in_pieces_and_two_in_one(self, fast: fb.Stub, line: fb.Pty) -> None:
        whole = b"\x01" + TYPE
        whole += fb.crc(whole)
        os.write(line.fd, whole + b"\x02" + whole[1:-2] + fb.crc(b"\x02" + whole[1:-2]))
        assert {line.read(7)[:-2], line.read(7)[:-2]} == {b"\x01" + TYPE_REPLY, b"\x02" + TYPE_REPLY}
        # As a line does, without a silence between them: unless this process loses its processor amid the frame.
        reply = b""
        for _ in range(20):
            for byte in whole:
                os.write(line.fd, bytes([byte]))
            reply = line.read(7, within_s=0.5)
            if reply:
                break
        assert reply[:-2] == b"\x01" + TYPE_REPLY

    def test_what_is_no_frame_is_dropped_at_the_next_silence(self, fast: fb.Stub, line: fb.Pty) -> None:
        for noise in (
            b"\xff",
            b"\x01\x03\x00",
            b"\x01" + TYPE + b"\0\0",
            b"\x01\x10" + b"\xff" * 300,
            bytes(600),
        ):
            os.write(line.fd, noise)
            # A stub without a processor sees no silence; the one before the second request is long enough.
            reply = b""
            for _ in range(20):
                time.sleep(0.05)
                line.send(b"\x01" + TYPE)
                reply = line.read(7, within_s=0.5)
                if reply:
                    break
            assert reply[:-2] == b"\x01" + TYPE_REPLY

    def test_malformed_and_unknown_requests_get_their_exception(self, fast: fb.Stub, line: fb.Pty) -> None:
        assert line.ask(bytes.fromhex("01 2b 0e 01 00"), 5) == bytes.fromhex("01 ab 01")
        assert line.ask(bytes.fromhex("01 03 0000"), 5) == bytes.fromhex("01 83 03")
        assert line.ask(bytes.fromhex("01 03 0063 0001"), 5) == bytes.fromhex("01 83 02")
        assert line.ask(bytes.fromhex("01 06 0000 2711"), 5) == bytes.fromhex("01 86 03")
        assert line.ask(bytes.fromhex("01 06 0004 0001"), 5) == bytes.fromhex("01 86 02")

    def test_input_registers_and_discrete_inputs_too(self, line: fb.Pty) -> None:
        """The CDU PLC on a serial line: powered up in failsafe positions, no sensors, no leak."""
        with fb.Stub(fb.build("cdu_plc"), "--units", "5", device=line.device, tcp=False) as stub:
            reply = line.ask(bytes.fromhex("05 04 0000 0009"), 23)
            assert reply == bytes.fromhex("05 04 12 0081 8000 8000 8000 ffff 2710 1b58 0000 0000")
            assert line.ask(bytes.fromhex("05 02 0000 0001"), 6) == bytes.fromhex("05 02 01 01")
            assert line.ask(bytes.fromhex("05 06 006e 0911"), 8) == bytes.fromhex("05 06 006e 0911")
            assert line.ask(bytes.fromhex("05 06 006e 0910"), 5) == bytes.fromhex("05 86 03")
            stub.process.terminate()
            assert "4 requests, 1 exceptions" in stub.stop()
            assert stub.process.returncode == 0

    def test_a_line_that_goes_away_is_taken_up_again(self, tmp_path: Path) -> None:
        """The device lives on: its registers and its time are those of before."""
        name, first = tmp_path / "line", fb.Pty()
        name.symlink_to(first.device)
        with fb.Stub(fb.build("valve_actuator"), "--time-scale", "0", device=str(name), tcp=False) as stub:
            assert first.ask(bytes.fromhex("01 06 0000 1388"), 8)
            first.close()
            second = fb.Pty()
            name.unlink()
            name.symlink_to(second.device)
            reply, end_s = b"", time.monotonic() + fb.GENEROUS_S
            while not reply and time.monotonic() < end_s:
                second.send(bytes.fromhex("01 03 0000 0001"))
                reply = second.read(7, within_s=0.5)
            assert reply[:-2] == bytes.fromhex("01 03 02 1388")
            assert "line lost 1 times" in stub.stop()
            second.close()


class TestPace:
    @pytest.mark.parametrize("baud", [1200, 9600, 115200])
    @pytest.mark.parametrize("words", [1, 4])
    def test_a_reply_takes_the_time_of_the_line(self, line: fb.Pty, baud: int, words: int) -> None:
        """Request, silence, turnaround and reply, at 11 bits a character (Modbus over serial line V1.02, 2.5.1)."""
        char_s = BITS_PER_CHAR / baud
        least_s = (8 + 5 + 2 * words) * char_s + max(3.5 * char_s, 1.75e-3) + 1e-3
        options = ("--baud", str(baud), "--time-scale", "0")
        with fb.Stub(fb.build("valve_actuator"), *options, device=line.device, tcp=False):
            took_s = []
            for _ in range(5):
                asked_s = time.monotonic()
                line.ask(struct.pack(">BBHH", 1, 3, POSITION, words), 5 + 2 * words)
                took_s.append(time.monotonic() - asked_s)
        assert min(took_s) >= least_s
        assert min(took_s) < least_s + 0.25  # once in five, even a busy machine is in time

    def test_character_by_character(self, line: fb.Pty) -> None:
        """At 1200 baud a character takes 9 ms: a reader that looks often sees the frame grow."""
        with fb.Stub(
            fb.build("valve_actuator"), "--baud", "1200", "--pace", "chars", device=line.device, tcp=False
        ):
            # Any one of the frames may be overslept.
            most = 0
            for _ in range(20):
                line.send(b"\x01" + TYPE)
                pieces: list[bytes] = []
                while sum(map(len, pieces)) < 7:
                    assert select.select([line.fd], [], [], fb.GENEROUS_S)[0]
                    pieces.append(os.read(line.fd, 16))
                assert b"".join(pieces)[:-2] == b"\x01" + TYPE_REPLY
                most = max(most, len(pieces))
                if most > 1:
                    break
        assert most > 1

    def test_turnaround(self, line: fb.Pty) -> None:
        options = ("--baud", "115200", "--turnaround-ms", "120")
        with fb.Stub(fb.build("valve_actuator"), *options, device=line.device, tcp=False):
            asked_s = time.monotonic()
            line.ask(b"\x01" + TYPE, 7)
            assert time.monotonic() - asked_s >= 0.120


@contextlib.contextmanager
def socat_pair(folder: Path) -> Iterator[tuple[str, str]]:
    """Two ptys, joined."""
    ends = [folder / "near", folder / "far"]
    process = subprocess.Popen(
        ["socat", *(f"pty,raw,echo=0,link={end}" for end in ends)], stderr=subprocess.DEVNULL
    )
    try:
        end_s = time.monotonic() + fb.GENEROUS_S
        while not all(end.exists() for end in ends):
            assert time.monotonic() < end_s
            time.sleep(0.01)
        yield str(ends[0]), str(ends[1])
    finally:
        process.terminate()
        process.wait()


@pytest.fixture(scope="module")
def c_client(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("client")
    source = folder / "client.c"
    source.write_text(C_CLIENT)
    subprocess.run(["cc", "-O1", str(source), "-lmodbus", "-o", str(folder / "client")], check=True)
    return folder / "client"


class TestOtherClients:
    SAID = "2 1 2 1234 -1 Illegal data address\n"

    def test_libmodbus_over_tcp(self, c_client: Path) -> None:
        with fb.Stub(fb.build("valve_actuator"), "--units", "1-8") as stub:
            done = subprocess.run(
                [c_client, "tcp", str(stub.port), "7"], capture_output=True, text=True, check=True, timeout=30
            )
        assert done.stdout == self.SAID

    @pytest.mark.needs("socat")
    @pytest.mark.parametrize("baud", ["9600", "115200"])
    def test_libmodbus_over_a_serial_line(self, c_client: Path, tmp_path: Path, baud: str) -> None:
        with (
            socat_pair(tmp_path) as (near, far),
            fb.Stub(fb.build("valve_actuator"), "--units", "1-8", "--baud", baud, device=far),
        ):
            done = subprocess.run(
                [c_client, "rtu", near, baud, "7"], capture_output=True, text=True, check=True, timeout=30
            )
        assert done.stdout == self.SAID

    def test_pymodbus_over_tcp(self) -> None:
        with fb.Stub(fb.build("vfd"), "--units", "2") as stub:
            client = ModbusTcpClient("127.0.0.1", port=stub.port, timeout=fb.GENEROUS_S, retries=0)
            assert client.connect()
            assert client.read_holding_registers(3102, count=4, device_id=2).registers == [40, 600, 500, 0]
            assert client.read_holding_registers(3102, count=4, device_id=3).exception_code == 11
            client.close()

    @pytest.mark.needs("socat")
    def test_pymodbus_over_a_serial_line_with_eight_units(self, tmp_path: Path) -> None:
        with (
            socat_pair(tmp_path) as (near, far),
            fb.Stub(fb.build("vfd"), "--units", "1-8", "--baud", "19200", device=far),
        ):
            client = ModbusSerialClient(
                near, framer=FramerType.RTU, baudrate=19200, timeout=fb.GENEROUS_S, retries=0
            )
            assert client.connect()
            for unit in range(1, 9):
                assert not client.write_register(8502, 10 * unit, device_id=unit).isError()
            for unit in range(1, 9):
                assert client.read_holding_registers(8502, count=1, device_id=unit).registers == [10 * unit]
            client.close()


class TestCommandLine:
    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["--units", "0"], "--units 0: expected unit ids from 1 to 247"),
            (["--units", "1-"], "expected unit ids from 1 to 247"),
            (["--units", "5-2"], "expected unit ids from 1 to 247"),
            (["--units", "1,,2"], "expected unit ids from 1 to 247"),
            (["--units", "1-99999999999999999999"], "expected unit ids from 1 to 247"),
            (["--parity", "maybe"], "--parity maybe: expected even or none or odd"),
            (["--baud", "300"], "--baud 300: expected a whole number from 1200 to 115200 baud"),
            (["--fail-position", "shut"], "expected last or close or open or middle"),
            (["--stroke-s", "0"], "--stroke-s 0: expected a number from 1 to 600 s"),
        ],
    )
    def test_bad_options_are_named(self, arguments: list[str], message: str) -> None:
        done = subprocess.run(
            [fb.build("valve_actuator"), *arguments], capture_output=True, text=True, timeout=10, check=False
        )
        assert done.returncode == 2
        assert message in done.stderr
        assert done.stderr.startswith("valve_actuator: ")

    def test_a_device_that_is_not_there_is_named(self) -> None:
        done = subprocess.run(
            [fb.build("vfd"), "--rtu", "/dev/no-such-line"],
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
        assert done.returncode == 1
        assert "vfd: cannot open /dev/no-such-line: No such file or directory" in done.stderr

    @pytest.mark.parametrize("name", ["cdu_plc", "valve_actuator", "vfd", "vfd_acs580", "vfd_fc102"])
    def test_help_names_every_option_the_readme_lists(self, name: str) -> None:
        done = subprocess.run(
            [fb.build(name), "--help"], capture_output=True, text=True, timeout=10, check=True
        )
        readme = (fb.STUBS / "README.md").read_text()
        options = [word for word in done.stdout.split() if word.startswith("--")]
        assert "--rtu" in options
        assert [option for option in options if f"`{option}`" not in readme] == []

    def test_make_at_the_top_builds_all(self) -> None:
        subprocess.run(["make", "-s", "-C", str(fb.STUBS)], check=True, timeout=120)
        for name in ("cdu_plc", "valve_actuator", "vfd", "vfd_acs580", "vfd_fc102"):
            assert os.access(fb.STUBS / name / "build" / name, os.X_OK)
