"""Modbus RTU frames: the check, what a reply must begin with, and replies cut out of a stream of bytes. Pure.

A frame on a serial line is what a TCP frame holds behind its first six bytes, with a CRC behind it (Modbus over
Serial Line V1.02, 2.5)::

    | unit id 1 | function 1 | data ... | CRC 2, low byte first |

It carries no transaction id: nothing but unit, function and shape tells whose answer it is. So a frame is whole, or it
is nothing: bytes that are no reply spoil all up to the next silence, and no frame is looked for inside of them.
"""

from __future__ import annotations

from dataclasses import dataclass

from hil.devices.wire.codec import FUNCTIONS, READ_FUNCTIONS

TCP_HEAD_BYTES = 6
"""What a TCP frame has in front of the unit id."""
DIAGNOSTICS = 8
"""Function whose sub-function 0 has the device repeat the request (Modbus Application Protocol V1.1b3, 6.8)."""
MAX_FRAME_BYTES = 256
CRC_BYTES = 2
_ECHO_BYTES = 6
"""Unit, function and four bytes: replies to writes and diagnostics, before the CRC."""
_EXCEPTION_BYTES = 5
_POLYNOMIAL = 0xA001
_BITS_A_CHARACTER = 11
_FAST_BAUD = 19_200
_FAST_SILENCE_NS = 1_750_000


def _table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = crc >> 1 ^ (_POLYNOMIAL if crc & 1 else 0)
        table.append(crc)
    return tuple(table)


_TABLE = _table()


def crc16(data: bytes) -> int:
    """CRC of a frame's bytes (Modbus over Serial Line V1.02, 6.2.2): 0 over a whole frame with its CRC behind it."""
    crc, table = 0xFFFF, _TABLE
    for byte in data:
        crc = crc >> 8 ^ table[(crc ^ byte) & 0xFF]
    return crc


def sealed(body: bytes) -> bytes:
    """Give unit id, function and data with their CRC."""
    return body + crc16(body).to_bytes(2, "little")


def from_tcp(frame: bytes) -> bytes:
    """Give the RTU frame of a TCP frame's request or reply."""
    return sealed(frame[TCP_HEAD_BYTES:])


def reply_prefix(request: bytes) -> bytes:
    """Give what the good reply to an RTU request begins with; for writes and diagnostics that is all but its CRC.

    Two requests whose prefixes are equal cannot be told apart by their replies.
    """
    unit, function = request[0], request[1]
    if function not in READ_FUNCTIONS:
        return request[:_ECHO_BYTES]
    count = int.from_bytes(request[4:6], "big")
    return bytes((unit, function, 2 * count if function > 2 else (count + 7) // 8))


def reply_bytes(request: bytes) -> int:
    """Give the length of the good reply to an RTU request, with its CRC."""
    prefix = reply_prefix(request)
    return 3 + prefix[2] + CRC_BYTES if request[1] in READ_FUNCTIONS else _ECHO_BYTES + CRC_BYTES


def character_ns(baud: int) -> float:
    """Time of a character of 11 bits, ns."""
    return _BITS_A_CHARACTER / baud * 1e9


def silence_ns(baud: int) -> int:
    """Give the silence between frames: 3.5 characters, 1.75 ms above 19,200 baud (as above, 2.5.1.1), ns."""
    return _FAST_SILENCE_NS if baud > _FAST_BAUD else round(3.5 * character_ns(baud))


@dataclass(frozen=True, slots=True)
class ReplyFrame:
    """A reply whose CRC holds.

    Attributes
    ----------
    body : bytes
        Unit id, function and data.
    received_ns : int
        When its last byte was taken from the wire, ns.
    """

    body: bytes
    received_ns: int

    @property
    def unit_id(self) -> int:
        """Who it is from."""
        return self.body[0]

    @property
    def exception(self) -> int:
        """Exception code; 0 where it is none."""
        return self.body[2] if self.body[1] & 0x80 else 0

    @property
    def function(self) -> int:
        """Function, without the exception's bit."""
        return self.body[1] & 0x7F


class ReplyCutter:
    """Cuts replies out of what comes from the wire: by length while frames are good, by silence after one is not.

    A computer cannot see silences of milliseconds: adapters and operating systems hand bytes over in lumps. So good
    frames may follow each other in one lump, and a part of one waits for its rest up to ``patience_ns``.

    Attributes
    ----------
    bad_frames : int
        Lumps that were no reply: CRC, function, length, or an end too early.
    last_byte_ns : int
        When something came last, ns.
    """

    __slots__ = ("_buffer", "_echo", "_patience_ns", "_spoilt", "bad_frames", "last_byte_ns")

    def __init__(self, patience_ns: int) -> None:
        self._patience_ns = patience_ns
        self._buffer = bytearray()
        self._echo = b""
        self._spoilt = False
        self.bad_frames = 0
        self.last_byte_ns = 0

    @property
    def is_clean(self) -> bool:
        """Whether nothing is begun and nothing spoilt."""
        return not (self._buffer or self._spoilt)

    def expect_echo(self, request: bytes) -> None:
        """Leave out the next bytes where they are ``request``: some adapters hear what they send."""
        self._echo = request

    def feed(self, data: bytes, now_ns: int) -> list[ReplyFrame]:
        """Give the replies completed by ``data``, which came at ``now_ns``."""
        self.silence(now_ns)
        if not data:
            return []
        self.last_byte_ns = now_ns
        if self._spoilt:
            return []
        self._buffer += data
        frames: list[ReplyFrame] = []
        while self._buffer and not self._spoilt:
            length = self._next_length()
            if length > len(self._buffer):
                break
            taken = bytes(self._buffer[:length])
            del self._buffer[:length]
            if taken and taken == self._echo:
                self._echo = b""
            elif length == 0 or crc16(taken):
                self._spoil()
            else:
                frames.append(ReplyFrame(taken[:-CRC_BYTES], now_ns))
        return frames

    def _next_length(self) -> int:
        """Give the length of what begins the buffer, as far as can be told; 0 where nothing begins so."""
        buffer, echo = self._buffer, self._echo
        if echo and echo.startswith(buffer[: len(echo)]):
            return len(echo)
        return reply_length(buffer)

    def _spoil(self) -> None:
        self.bad_frames += 1
        self._spoilt = True
        self._buffer.clear()

    def silence(self, now_ns: int) -> None:
        """Look at the time: after a silence a new frame may begin, and one that was begun has ended too early."""
        if now_ns - self.last_byte_ns > self._patience_ns:
            if self._buffer:
                self._spoil()
            self._spoilt = False

    def reset(self) -> None:
        """Forget what was begun."""
        self._buffer.clear()
        self._echo = b""
        self._spoilt = False


def reply_length(head: bytes | bytearray) -> int:
    """Give the length of the reply that begins with ``head``, or more than is there; 0 where no reply begins so."""
    if len(head) < 3:
        return 3
    function = head[1]
    if function & 0x80:
        return _EXCEPTION_BYTES if function & 0x7F and head[2] else 0
    if function in READ_FUNCTIONS:
        length = 3 + head[2] + CRC_BYTES
        return length if head[2] and length <= MAX_FRAME_BYTES else 0
    return _ECHO_BYTES + CRC_BYTES if function in FUNCTIONS or function == DIAGNOSTICS else 0
