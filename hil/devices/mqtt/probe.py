"""A closer look at a broker that accepts a connection and then says nothing.

Since TLS 1.3 a server refuses a client's certificate, or the want of one, only after the client takes the handshake
for done. The client library then hears the end of the connection and not its reason.
"""

from __future__ import annotations

import socket
import ssl

from hil.devices.mqtt.connection import tls_context
from hil.devices.mqtt.settings import BrokerSettings, SecretError
from hil.devices.mqtt.trouble import Trouble, explain

_WAIT_S = 2.0


def look_closer(settings: BrokerSettings) -> Trouble | None:
    """Make a handshake and wait for what comes after it; None where nothing does. Blocks for some seconds."""
    if settings.tls is None:
        return None
    try:
        context = tls_context(settings.tls)
        with (
            socket.create_connection((settings.host, settings.port), _WAIT_S) as plain,
            context.wrap_socket(plain, server_hostname=settings.host) as wire,
        ):
            wire.settimeout(_WAIT_S)
            wire.recv(1)
    except TimeoutError:
        return None
    except ssl.SSLError as error:
        return explain(error, settings)
    except (OSError, SecretError):
        return None
    return None
