"""Whether a reply is the answer to a request, beyond its transaction id: unit, function, and length or echo.

A transaction id alone proves nothing: a device that gives a register too few, or a gateway that asks the wrong unit,
repeats it faithfully. Replies to writes: Modbus Application Protocol V1.1b3, 6.5, 6.6, 6.11 and 6.12.
"""

from __future__ import annotations

from hil.devices.wire.codec import BIT_FUNCTIONS, READ_FUNCTIONS, SINGLE_WRITES, Reply, Request


def mismatch(reply: Reply, request: Request) -> str:
    """Say why ``reply`` is no answer to ``request``; empty where it is one. An exception has no length to compare."""
    if reply.unit_id != request.unit_id:
        return f"answers as unit id {reply.unit_id} where {request.unit_id} was asked"
    if reply.function != request.function:
        return f"answers with function {reply.function} where {request.function} was asked"
    if reply.exception:
        return ""
    if request.function in READ_FUNCTIONS:
        return _wrong_length(reply, request)
    return _wrong_echo(reply, request)


def _wrong_length(reply: Reply, request: Request) -> str:
    is_bits = request.function in BIT_FUNCTIONS
    # Bits come in whole bytes.
    expected = (request.count + 7) // 8 * 8 if is_bits else request.count
    if len(reply.values) == expected:
        return ""
    what = "bit" if is_bits else "register"
    return f"answers with {len(reply.values)} {what}{'s' * (len(reply.values) != 1)} instead of {expected}"


def _wrong_echo(reply: Reply, request: Request) -> str:
    single = request.function in SINGLE_WRITES
    address, rest = reply.values
    if (address, rest) == (request.address, request.values[0] if single else request.count):
        return ""
    kind = "value" if single else "count"
    return f"acknowledges a write to address {address}, {kind} {rest}, that was not asked for"
