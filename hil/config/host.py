"""The host of a device or broker: a name or an IP address, and nothing else."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated

from pydantic import AfterValidator, Field

from hil.config.strict import WrongKeyError

_SCHEME = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]*://")
_WITH_PORT = re.compile(r"^(?P<host>[^:\s]+|\[[0-9A-Fa-f:]+\]):(?P<port>[0-9]+)$")
_NUMBERS = re.compile(r"^[0-9.]+$")
_NAME = re.compile(r"^\w([\w.-]*[\w.])?$")


def check_host(host: str) -> str:
    """Give ``host`` back; ``WrongKeyError`` says what keeps it from being one."""
    scheme = _SCHEME.match(host)
    if scheme or _WITH_PORT.match(host):
        raise _none(host, _parts(host[scheme.end() if scheme else 0 :]))
    try:
        ipaddress.ip_address(host)
    except ValueError as error:
        if _NUMBERS.match(host):
            raise _none(host, "an IP address is four numbers from 0 to 255") from error
        if not _NAME.match(host):
            raise _none(host, "a name is letters, digits, - and dots") from error
    return host


def _none(host: str, hint: str) -> WrongKeyError:
    return WrongKeyError("", f'"{host}" is not the name or address of a host', hint)


def _parts(text: str) -> str:
    """Say how to write the host, and the port where there is one, that ``text`` begins with."""
    first = text.partition("/")[0]
    found = _WITH_PORT.match(first)
    return f"host: {found['host'].strip('[]')}, port: {found['port']}" if found else f"host: {first}"


Host = Annotated[str, Field(min_length=1), AfterValidator(check_host)]
