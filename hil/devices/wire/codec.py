"""Modbus TCP frames to and from plain numbers, without a socket: the only module that imports pymodbus.

pymodbus (pinned at 3.16.1) encodes and decodes the protocol data units (PDU) and writes the header
(MBAP). Reading the header of a byte stream is done here, for two reasons found in 3.16.1: its socket
framer waits for ever on a wrong protocol id, and takes one byte of the following frame when an empty
one of 8 bytes arrives with exactly one byte behind it.

Layout of a frame, big-endian (Modbus Messaging on TCP/IP Implementation Guide V1.0b, 3.1.3)::

    | transaction id 2 | protocol id 2 = 0 | length 2 | unit id 1 | function 1 | data ... |
                                           '-- length counts from here: 2 to 254 --------'
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from pymodbus.exceptions import ModbusException
from pymodbus.framer.socket import FramerSocket
from pymodbus.pdu import DecodePDU, ExceptionResponse, ModbusPDU

READ_COILS, READ_DISCRETE_INPUTS, READ_HOLDING_REGISTERS, READ_INPUT_REGISTERS = 1, 2, 3, 4
WRITE_COIL, WRITE_REGISTER, WRITE_COILS, WRITE_REGISTERS = 5, 6, 15, 16

BIT_FUNCTIONS = frozenset({READ_COILS, READ_DISCRETE_INPUTS, WRITE_COIL, WRITE_COILS})
READ_FUNCTIONS = frozenset({READ_COILS, READ_DISCRETE_INPUTS, READ_HOLDING_REGISTERS, READ_INPUT_REGISTERS})
SINGLE_WRITES = frozenset({WRITE_COIL, WRITE_REGISTER})
FUNCTIONS = READ_FUNCTIONS | SINGLE_WRITES | {WRITE_COILS, WRITE_REGISTERS}

MAX_COUNT = {
    READ_COILS: 2000,
    READ_DISCRETE_INPUTS: 2000,
    READ_HOLDING_REGISTERS: 125,
    READ_INPUT_REGISTERS: 125,
    WRITE_COIL: 1,
    WRITE_REGISTER: 1,
    WRITE_COILS: 1968,
    WRITE_REGISTERS: 123,
}
"""Most coils or registers in one request (Modbus Application Protocol V1.1b3, 6.1 to 6.12)."""

ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ILLEGAL_VALUE, DEVICE_FAILURE = 1, 2, 3, 4

EXCEPTION_WORDS = {
    1: "illegal function: the device does not know this kind of request",
    2: "illegal data address: the device has no such register",
    3: "illegal data value: the device refuses this value or count",
    4: "device failure: the device could not carry out the request",
    5: "acknowledge: the device needs longer to carry out the request",
    6: "device busy: ask again later",
    8: "memory parity error",
    10: "gateway path unavailable: the gateway cannot reach the unit",
    11: "gateway target did not respond: no such unit behind the gateway",
}
"""Exception codes in words (Modbus Application Protocol V1.1b3, 7)."""

_HEADER = struct.Struct(">HHHB")
_HEADER_BYTES = 7
_MIN_LENGTH, _MAX_LENGTH = 2, 254
_COIL_WORDS = (b"\x00\x00", b"\xff\x00")

# Both directions share the table of PDU classes; asking it once here keeps the look-up out of the cycle.
_CLASSES = {function: DecodePDU.pdu_table[function] for function in FUNCTIONS}
_FRAMER = FramerSocket(DecodePDU(is_server=False))


@dataclass(frozen=True, slots=True)
class Request:
    """One request, as it is asked.

    Attributes
    ----------
    unit_id : int
        0 to 255.
    function : int
        Function code: 1, 2, 3, 4 (read), 5, 6 (write one), 15, 16 (write many). Received requests may
        carry any other code; answer those with exception 1.
    address : int
        Zero-based, 0 to 65535.
    count : int
        Coils or registers. A received request with 0 is malformed; answer it with exception 3.
    values : tuple of int
        What to write: 0 or 1 for coils, 0 to 65535 for registers. Empty for reads.  # (count,)
    """

    unit_id: int
    function: int
    address: int
    count: int
    values: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Reply:
    """One reply, as it came.

    Attributes
    ----------
    transaction_id, unit_id : int
        As in the request it belongs to.
    function : int
        Function code without the exception bit.
    values : tuple of int
        Reads: registers, or bits 0 and 1 padded with 0 to a multiple of 8. Writes of one: address and
        value. Writes of many: address and count. Empty for an exception.
    exception : int
        Exception code; 0 where the request was carried out.
    """

    transaction_id: int
    unit_id: int
    function: int
    values: tuple[int, ...]
    exception: int = 0


def exception_in_words(code: int) -> str:
    """Name an exception code for a person."""
    return EXCEPTION_WORDS.get(code, f"exception {code}, which the standard does not define")


def encode_request(request: Request, transaction_id: int) -> bytes:
    """Give the frame of a request.

    Raises
    ------
    ValueError
        Where the function is unknown, the count is outside 1 to :data:`MAX_COUNT`, the address is outside
        the table, or the values do not match the count.
    """
    _check(request)
    pdu = (
        _CLASSES[request.function][0](address=request.address)
        if request.function == WRITE_COILS
        else (_CLASSES[request.function][0](address=request.address, count=request.count))
    )
    _fill(pdu, request.function, request.values)
    return _frame(pdu, request.unit_id, transaction_id)


def encode_reply(request: Request, transaction_id: int, values: Sequence[int] = ()) -> bytes:
    """Give the frame that answers ``request``: ``values`` for reads  # (count,), nothing for writes."""
    if request.function in READ_FUNCTIONS and len(values) != request.count:
        raise ValueError(f"{len(values)} values for a read of {request.count}")
    pdu = _CLASSES[request.function][1](address=request.address, count=request.count)
    _fill(pdu, request.function, values if request.function in READ_FUNCTIONS else request.values)
    return _frame(pdu, request.unit_id, transaction_id)


def encode_exception(request: Request, transaction_id: int, code: int) -> bytes:
    """Give the frame that refuses ``request`` with the exception ``code``."""
    return _frame(ExceptionResponse(request.function & 0x7F, code), request.unit_id, transaction_id)


def _check(request: Request) -> None:
    if request.function not in FUNCTIONS:
        raise ValueError(f"function {request.function} is not one of {sorted(FUNCTIONS)}")
    if not 0 <= request.unit_id <= 255:
        raise ValueError(f"unit id {request.unit_id} is outside 0 to 255")
    if not 1 <= request.count <= MAX_COUNT[request.function]:
        raise ValueError(f"count {request.count} is outside 1 to {MAX_COUNT[request.function]}")
    if not 0 <= request.address <= 65536 - request.count:
        raise ValueError(f"address {request.address} with count {request.count} is outside 0 to 65535")
    if len(request.values) != (0 if request.function in READ_FUNCTIONS else request.count):
        raise ValueError(
            f"{len(request.values)} values for function {request.function}, count {request.count}"
        )
    top = 1 if request.function in BIT_FUNCTIONS else 65535
    if any(not 0 <= value <= top for value in request.values):
        raise ValueError(f"a value is outside 0 to {top}")


def _fill(pdu: ModbusPDU, function: int, values: Sequence[int]) -> None:
    if function in BIT_FUNCTIONS:
        pdu.bits = [bool(value) for value in values]
    else:
        pdu.registers = list(values)


def _frame(pdu: ModbusPDU, unit_id: int, transaction_id: int) -> bytes:
    pdu.dev_id = unit_id
    pdu.transaction_id = transaction_id & 0xFFFF
    return _FRAMER.buildFrame(pdu)


class _Stream:
    """Cuts a byte stream into frames by the header's length, whatever the splits.

    Attributes
    ----------
    broken : str
        Why the stream can no longer be cut; empty while it can. Once broken, everything is ignored:
        there is no way to find the next header, so the connection must be dropped.
    """

    __slots__ = ("_buffer", "broken")

    def __init__(self) -> None:
        self._buffer = b""
        self.broken = ""

    @property
    def pending_bytes(self) -> int:
        """Bytes of a frame that has not come whole."""
        return len(self._buffer)

    def _frames(self, data: bytes) -> list[tuple[int, int, bytes]]:
        """Give (transaction id, unit id, PDU) of each frame now whole."""
        if self.broken:
            return []
        buffer = self._buffer + data if self._buffer else bytes(data)
        frames: list[tuple[int, int, bytes]] = []
        start = 0
        while len(buffer) - start >= _HEADER_BYTES:
            transaction_id, protocol_id, length, unit_id = _HEADER.unpack_from(buffer, start)
            if protocol_id or not _MIN_LENGTH <= length <= _MAX_LENGTH:
                self.broken = f"not a Modbus TCP header: protocol id {protocol_id}, length {length}"
                break
            end = start + 6 + length
            if end > len(buffer):
                break
            frames.append((transaction_id, unit_id, buffer[start + _HEADER_BYTES : end]))
            start = end
        self._buffer = b"" if self.broken else buffer[start:]
        return frames


class ReplyStream(_Stream):
    """The client's side: bytes in, replies out."""

    __slots__ = ()

    def feed(self, data: bytes) -> list[Reply]:
        """Give the replies completed by ``data``; sets ``broken`` instead of raising."""
        replies = []
        for transaction_id, unit_id, pdu in self._frames(data):
            reply = _decode_reply(transaction_id, unit_id, pdu)
            if reply is None:
                self.broken = f"malformed reply, function {pdu[0]}, {len(pdu)} bytes"
                break
            replies.append(reply)
        return replies


class RequestStream(_Stream):
    """The server's side: bytes in, requests with their transaction ids out."""

    __slots__ = ()

    def feed(self, data: bytes) -> list[tuple[int, Request]]:
        """Give the requests completed by ``data``; sets ``broken`` instead of raising."""
        return [
            (transaction_id, _decode_request(unit_id, pdu))
            for transaction_id, unit_id, pdu in self._frames(data)
        ]


def _decode_reply(transaction_id: int, unit_id: int, pdu: bytes) -> Reply | None:
    function = pdu[0]
    if function & 0x80:
        refused = ExceptionResponse(function & 0x7F)
        if len(pdu) != 2 or not pdu[1]:
            return None
        refused.decode(pdu[1:])
        return Reply(transaction_id, unit_id, function & 0x7F, (), refused.exception_code)
    if function not in FUNCTIONS or not _reply_length_fits(pdu):
        return None
    decoded = _CLASSES[function][1]()
    decoded.decode(pdu[1:])
    return Reply(transaction_id, unit_id, function, _reply_values(decoded, function))


def _reply_length_fits(pdu: bytes) -> bool:
    # pymodbus reads short and long replies alike as far as they go; a length that does not fit its own
    # byte count means the stream is not what it seems.
    if pdu[0] not in READ_FUNCTIONS:
        return len(pdu) == 5 and (pdu[0] != WRITE_COIL or pdu[3:5] in _COIL_WORDS)
    odd_registers = pdu[0] not in BIT_FUNCTIONS and len(pdu) % 2 == 1
    return len(pdu) > 2 and len(pdu) == 2 + pdu[1] and not odd_registers


def _reply_values(decoded: ModbusPDU, function: int) -> tuple[int, ...]:
    if function in READ_FUNCTIONS:
        return tuple(map(int, decoded.bits)) if function in BIT_FUNCTIONS else tuple(decoded.registers)
    if function == WRITE_COIL:
        return decoded.address, int(decoded.bits[0])
    return decoded.address, decoded.registers[0] if function == WRITE_REGISTER else decoded.count


def _decode_request(unit_id: int, pdu: bytes) -> Request:
    function = pdu[0]
    malformed = Request(unit_id, function, 0, 0)
    if function not in FUNCTIONS:
        return malformed
    decoded = _CLASSES[function][0]()
    try:
        decoded.decode(pdu[1:])
    except (ModbusException, ValueError, IndexError, struct.error):
        return malformed
    values: tuple[int, ...] = ()
    if function not in READ_FUNCTIONS:
        values = tuple(map(int, decoded.bits if function in BIT_FUNCTIONS else decoded.registers))
    count = 1 if function in SINGLE_WRITES else decoded.count
    request = Request(unit_id, function, decoded.address, count, values)
    return request if _request_length_fits(pdu, count) and _is_legal(request) else malformed


def _request_length_fits(pdu: bytes, count: int) -> bool:
    if pdu[0] not in (WRITE_COILS, WRITE_REGISTERS):
        return len(pdu) == 5 and (pdu[0] != WRITE_COIL or pdu[3:5] in _COIL_WORDS)
    data_bytes = (count + 7) // 8 if pdu[0] == WRITE_COILS else 2 * count
    return len(pdu) == 6 + data_bytes and pdu[5] == data_bytes


def _is_legal(request: Request) -> bool:
    # An address running out of the table is legal as a frame: the server answers it with exception 2.
    return 1 <= request.count <= MAX_COUNT[request.function] and (
        request.function in READ_FUNCTIONS or len(request.values) == request.count
    )
