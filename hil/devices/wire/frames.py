"""The frames of the cycle, prepared once: of a request only the transaction id and the values change.

This is the codec for what is hot. A reply is recognised whole, by comparing its first bytes with what this very
request must be answered with: transaction id, protocol, length, unit, function and count (or the echo) in one
comparison. Whatever differs by one bit is not recognised and goes to :mod:`hil.devices.wire.codec`, which is on
pymodbus and knows exceptions, splits and nonsense. Byte equality of the two is held by a property test.

Layout: see :mod:`hil.devices.wire.codec`; the functions: Modbus Application Protocol V1.1b3, 6.1 to 6.12.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from itertools import chain

from hil.devices.wire.codec import (
    BIT_FUNCTIONS,
    FUNCTIONS,
    MAX_COUNT,
    READ_FUNCTIONS,
    SINGLE_WRITES,
    WRITE_COIL,
)

DATA_AT = 9
"""Where the data of a read's reply begins: header, function, count of bytes."""
_WRITE_REPLY_BYTES = 12
_REQUEST = struct.Struct(">HHBBHH")
_REPLY_HEAD = struct.Struct(">HHBBB")
_WORDS = tuple(struct.Struct(f">{count}H") for count in range(max(MAX_COUNT[16], MAX_COUNT[3]) + 1))
_BITS = tuple(tuple(byte >> place & 1 for place in range(8)) for byte in range(256))
_COIL_ON = 0xFF00


class ReadFrame:
    """One read request and the reply it must have.

    Parameters
    ----------
    unit_id, function, address, count : int
        As of :class:`hil.devices.wire.codec.Request`; the function one of 1 to 4.

    Attributes
    ----------
    reply_bytes : int
        Length of the whole reply.

    Raises
    ------
    ValueError
        No such read.
    """

    __slots__ = ("_body", "_head", "_words", "count", "is_bits", "reply_bytes")

    def __init__(self, unit_id: int, function: int, address: int, count: int) -> None:
        if function not in READ_FUNCTIONS:
            raise ValueError(f"function {function} reads nothing")
        _check_span(unit_id, function, address, count)
        self.count = count
        self.is_bits = function in BIT_FUNCTIONS
        data_bytes = (count + 7) // 8 if self.is_bits else 2 * count
        self.reply_bytes = DATA_AT + data_bytes
        self._body = _REQUEST.pack(0, 6, unit_id, function, address, count)
        self._head = _REPLY_HEAD.pack(0, 3 + data_bytes, unit_id, function, data_bytes)
        self._words = None if self.is_bits else _WORDS[count]

    def request(self, transaction_id: int) -> bytes:
        """Give the frame to send; ``transaction_id`` 0 to 65535."""
        return transaction_id.to_bytes(2, "big") + self._body

    def is_reply(self, buffer: bytearray, start: int, transaction_id: int) -> bool:
        """Whether the reply to this request begins at ``start``; that ``reply_bytes`` are there is the caller's."""
        return buffer.startswith(transaction_id.to_bytes(2, "big") + self._head, start)

    def values(self, buffer: bytearray, start: int) -> tuple[int, ...]:
        """Give the registers, or the bits 0 and 1, of the reply that begins at ``start``.  # (count,)."""
        if self._words is not None:
            return self._words.unpack_from(buffer, start + DATA_AT)
        data = buffer[start + DATA_AT : start + self.reply_bytes]
        return tuple(chain.from_iterable([_BITS[byte] for byte in data]))[: self.count]


class WriteFrame:
    """One write request, for any values, and the reply it must have; parameters and errors as above.

    Attributes
    ----------
    unit_id, function, address, count : int
        What is written where.
    reply_bytes : int
        Length of the whole reply.
    """

    __slots__ = ("_echo", "_head", "_words", "address", "count", "function", "reply_bytes", "unit_id")

    def __init__(self, unit_id: int, function: int, address: int, count: int) -> None:
        if function not in FUNCTIONS - READ_FUNCTIONS:
            raise ValueError(f"function {function} writes nothing")
        _check_span(unit_id, function, address, count)
        self.unit_id, self.function, self.address, self.count = unit_id, function, address, count
        self.reply_bytes = _WRITE_REPLY_BYTES
        self._words = None if function in BIT_FUNCTIONS else _WORDS[count].pack
        if function in SINGLE_WRITES:
            # The request is its own echo, value included.
            self._head = _REQUEST.pack(0, 6, unit_id, function, address, 0)[:-2]
            self._echo = b""
            return
        data_bytes = 2 * count if self._words else (count + 7) // 8
        self._head = _REQUEST.pack(0, 7 + data_bytes, unit_id, function, address, count) + bytes([data_bytes])
        self._echo = _REQUEST.pack(0, 6, unit_id, function, address, count)

    def request(self, transaction_id: int, values: Sequence[int]) -> bytes:
        """Give the frame to send: registers 0 to 65535, or bits (any other number than 0 is on).  # (count,)."""
        return transaction_id.to_bytes(2, "big") + self._head + self._data(values)

    def _data(self, values: Sequence[int]) -> bytes:
        if self._words is not None:
            return self._words(*values)
        if self.function == WRITE_COIL:
            return _WORDS[1].pack(_COIL_ON if values[0] else 0)
        bits = sum(1 << place for place, value in enumerate(values) if value)
        return bits.to_bytes((self.count + 7) // 8, "little")

    def is_reply(self, buffer: bytearray, start: int, transaction_id: int, values: Sequence[int]) -> bool:
        """Whether the acknowledgement of ``values`` begins at ``start``; see :meth:`ReadFrame.is_reply`."""
        echo = self._echo or self._head + self._data(values)
        return buffer.startswith(transaction_id.to_bytes(2, "big") + echo, start)


def _check_span(unit_id: int, function: int, address: int, count: int) -> None:
    if not 0 <= unit_id <= 255:
        raise ValueError(f"unit id {unit_id} is outside 0 to 255")
    if not 1 <= count <= MAX_COUNT[function]:
        raise ValueError(f"count {count} is outside 1 to {MAX_COUNT[function]}")
    if not 0 <= address <= 65536 - count:
        raise ValueError(f"address {address} with count {count} is outside 0 to 65535")
