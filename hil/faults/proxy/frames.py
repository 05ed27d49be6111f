"""Modbus TCP frames as far as a proxy needs them: where one ends, whose it is, how it is refused.

Layout, big-endian (Modbus Messaging on TCP/IP Implementation Guide V1.0b, 3.1.3)::

    | transaction id 2 | protocol id 2 = 0 | length 2 | unit id 1 | function 1 | data ... |
                                           '-- length counts from here: 2 to 254 --------'

Kept apart from the codec of the devices: what is tested through the proxy must not share its faults.
"""

from __future__ import annotations

import struct

HEADER_BYTES = 8
"""Up to and with the function: what a client can check against what it asked."""
_CUT_BYTES = 6
_MIN_LENGTH, _MAX_LENGTH = 2, 254
_CUT = struct.Struct(">HHH")


class FrameCutter:
    """Cuts a byte stream into frames, whatever the splits.

    Attributes
    ----------
    opaque : bool
        Whether something came that is no Modbus TCP: from there on everything passes uncut.
    """

    __slots__ = ("_buffer", "opaque")

    def __init__(self) -> None:
        self._buffer = b""
        self.opaque = False

    def feed(self, data: bytes) -> list[bytes]:
        """Give the frames completed by ``data``; once opaque, all that is there in one piece."""
        buffer, start, frames = self._buffer + data, 0, []
        while not self.opaque and len(buffer) - start >= _CUT_BYTES:
            _, protocol, length = _CUT.unpack_from(buffer, start)
            if protocol or not _MIN_LENGTH <= length <= _MAX_LENGTH:
                self.opaque = True
                break
            end = start + _CUT_BYTES + length
            if end > len(buffer):
                break
            frames.append(buffer[start:end])
            start = end
        self._buffer = buffer[start:]
        if self.opaque and self._buffer:
            frames.append(self._buffer)
            self._buffer = b""
        return frames


def refusal(request: bytes, code: int) -> bytes:
    """Give the frame that answers ``request`` with exception ``code``."""
    return request[:4] + b"\x00\x03" + request[6:7] + bytes([request[7] | 0x80, code])


def with_transaction_moved(frame: bytes, by: int) -> bytes:
    """Give ``frame`` with another transaction id: ``by`` further, modulo 65536."""
    moved = (int.from_bytes(frame[:2], "big") + by) & 0xFFFF
    return moved.to_bytes(2, "big") + frame[2:]


def with_bits_flipped(frame: bytes, places: set[int]) -> bytes:
    """Give ``frame`` with the bits at ``places`` (0 is the first one sent) turned over."""
    flipped = bytearray(frame)
    for place in places:
        flipped[place >> 3] ^= 0x80 >> (place & 7)
    return bytes(flipped)
