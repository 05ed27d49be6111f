"""Hosts that are none, told before anything is connected to."""

from __future__ import annotations

import pytest

from hil.config.host import check_host
from hil.config.strict import WrongKeyError


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "::1",
        "fe80::1%eth0",
        "localhost",
        "plc-7.site.example.",
        "PLC_7",
        "7even.example",
        "plc-süd",
    ],
)
def test_names_and_addresses(host: str) -> None:
    assert check_host(host) == host


@pytest.mark.parametrize(
    ("host", "hint"),
    [
        ("300.1.2.3", "four numbers from 0 to 255"),
        ("10.1.2", "four numbers from 0 to 255"),
        ("10.1.2.3:502", "host: 10.1.2.3, port: 502"),
        ("[::1]:502", "host: ::1, port: 502"),
        ("tcp://plc:502/x", "host: plc, port: 502"),
        ("http://plc.example/map", "host: plc.example"),
        ("plc 7", "letters, digits"),
        ("plc/7", "letters, digits"),
        ("-plc", "letters, digits"),
        ("2001:db8::zz", "letters, digits"),
    ],
)
def test_what_is_no_host(host: str, hint: str) -> None:
    with pytest.raises(WrongKeyError, match="is not the name or address of a host") as caught:
        check_host(host)
    assert hint in caught.value.hint
