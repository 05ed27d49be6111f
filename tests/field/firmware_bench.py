"""The bench of the firmware stubs: builds and starts one, asks it on bare bytes over TCP or a pty."""

from __future__ import annotations

import functools
import itertools
import os
import select
import socket
import struct
import subprocess
import time
import tty
from pathlib import Path
from types import TracebackType

STUBS = Path(__file__).parents[2] / "firmware_stubs"
GENEROUS_S = 10.0
"""How long an answer may take on a machine that is busy with something else."""
SANITIZED = "-O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all"


@functools.cache
def build(name: str, *, into: Path | None = None, sanitized: bool = False) -> Path:
    """Make one stub; up to date, it costs a few ms."""
    folder = Path("build") if into is None else into
    command = ["make", "-s", "-C", str(STUBS / name), f"BUILD={folder}"]
    if sanitized:
        command += [f"CFLAGS={SANITIZED}", "LDFLAGS=-fsanitize=address,undefined"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return STUBS / name / folder / name


def crc(frame: bytes) -> bytes:
    """CRC of Modbus over serial line, as it is sent."""
    value = 0xFFFF
    for byte in frame:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ 0xA001 if value & 1 else value >> 1
    return struct.pack("<H", value)


class Stub:
    """A stub as a process, commanded on stdin; a context manager that ends it."""

    def __init__(self, executable: Path, *options: str, device: str | None = None, tcp: bool = True) -> None:
        lines = (["--port", "0"] if tcp else []) + (["--rtu", device] if device else [])
        self.process = subprocess.Popen(
            [executable, *lines, "--commands", "stdin", *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.port = 0
        for _ in range(bool(tcp) + bool(device)):
            line = self.process.stdout.readline()
            assert line.startswith("listening on "), line or self.stop()
            if line.startswith("listening on 127.0.0.1:"):
                self.port = int(line.rpartition(":")[2])

    def say(self, command: str) -> str:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def ok(self, command: str) -> list[str]:
        verdict, *words = self.say(command).split()
        assert verdict == "ok", (command, verdict, words)
        return words

    def step(self, seconds: float) -> None:
        """Let the device's time go on; it stands otherwise (``--time-scale 0``)."""
        self.ok(f"step {seconds}")

    def words(self, address: int, count: int = 1, unit: int = 1) -> list[int]:
        return [int(word) for word in self.ok(f"read {unit} {address} {count}")]

    def word(self, address: int, unit: int = 1) -> int:
        return self.words(address, 1, unit)[0]

    def signed(self, address: int, unit: int = 1) -> int:
        return struct.unpack(">h", struct.pack(">H", self.word(address, unit)))[0]

    def put(self, address: int, *values: int, unit: int = 1) -> None:
        self.ok(f"write {unit} {address} " + " ".join(str(value) for value in values))

    def stop(self) -> str:
        """End of file on its stdin; gives what it said on stderr."""
        return self.process.communicate(timeout=GENEROUS_S)[1]

    def __enter__(self) -> Stub:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.stdin is not None and not self.process.stdin.closed:
            said = self.stop()
            assert self.process.returncode == 0, said


class Tcp:
    """A Modbus TCP client on a bare socket."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=GENEROUS_S)
        self._ids = itertools.count(0x1001)

    def send(self, pdu: bytes, unit: int = 1) -> int:
        number = next(self._ids)
        self.socket.sendall(struct.pack(">HHHB", number, 0, len(pdu) + 1, unit) + pdu)
        return number

    def read(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            part = self.socket.recv(count - len(data))
            assert part, "connection closed"
            data += part
        return data

    def frame(self) -> bytes:
        head = self.read(6)
        return head + self.read(struct.unpack(">H", head[4:])[0])

    def ask(self, pdu: bytes, unit: int = 1) -> bytes:
        """Give the PDU of the reply, whose header is checked."""
        number = self.send(pdu, unit)
        frame = self.frame()
        assert frame[:4] == struct.pack(">HH", number, 0)
        assert frame[6] == unit
        return frame[7:]

    def nothing_for(self, seconds: float) -> bool:
        return not select.select([self.socket], [], [], seconds)[0]

    def close(self) -> None:
        self.socket.close()


class Pty:
    """One end of a serial line; the other end's name goes to the stub."""

    def __init__(self) -> None:
        self.fd, self._far = os.openpty()
        tty.setraw(self._far)
        self.device = os.ttyname(self._far)

    def send(self, frame: bytes) -> None:
        os.write(self.fd, frame + crc(frame))

    def read(self, count: int, within_s: float = GENEROUS_S) -> bytes:
        """Up to ``count`` bytes; fewer where no more come in time."""
        data, end_s = b"", time.monotonic() + within_s
        while len(data) < count:
            if not select.select([self.fd], [], [], max(end_s - time.monotonic(), 0.0))[0]:
                break
            data += os.read(self.fd, count - len(data))
        return data

    def ask(self, frame: bytes, reply_bytes: int) -> bytes:
        """Give a reply of this length with its CRC checked and taken off."""
        self.send(frame)
        reply = self.read(reply_bytes)
        assert len(reply) == reply_bytes, reply.hex(" ")
        assert crc(reply[:-2]) == reply[-2:], reply.hex(" ")
        return reply[:-2]

    def close(self) -> None:
        os.close(self.fd)
        os.close(self._far)
