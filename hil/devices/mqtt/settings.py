"""How to reach a broker, and where the secrets for it are. Holds no secret itself: it may be copied and printed."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

_LARGEST_SECRET = 65536


class SecretError(Exception):
    """A secret cannot be had; the text says which and why, never what it is."""


class UnusableFileError(OSError):
    """A certificate's or key's file cannot be used; the text names it."""


@dataclass(frozen=True, slots=True)
class Secret:
    """Where a secret is: a file, or a variable of the environment."""

    kind: Literal["file", "env"]
    name: str

    def read(self) -> bytes:
        """Give the secret, without the line's end that editors leave; raises :class:`SecretError`."""
        if self.kind == "env":
            text = os.environ.get(self.name)
            if not text:
                raise SecretError(f"the environment has no variable {self.name}, or it is empty")
            return text.encode()
        try:
            with Path(self.name).open("rb") as file:
                found = file.read(_LARGEST_SECRET).rstrip(b"\r\n")
        except OSError as error:
            raise SecretError(f"the file {self.name} cannot be read: {error.strerror}") from error
        if not found:
            raise SecretError(f"the file {self.name} is empty")
        return found

    @property
    def is_open_to_others(self) -> bool:
        """Whether every user of this machine can read the file."""
        if self.kind == "env" or os.name != "posix":
            return False
        try:
            return bool(Path(self.name).stat().st_mode & 0o004)
        except OSError:
            return False


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """Whom to trust, and how to show who we are; paths of PEM files.

    Attributes
    ----------
    ca : str or None
        Certificates of the authorities; None: those of the system.
    certificate, key : str or None
        Of this client; the key alone in ``key``, or in the certificate's file.
    key_password : Secret or None
        Of the key's file.
    """

    ca: str | None = None
    certificate: str | None = None
    key: str | None = None
    key_password: Secret | None = None


@dataclass(frozen=True, slots=True)
class BrokerSettings:
    """One connection to a broker.

    Attributes
    ----------
    host, port : str, int
        Of the broker; the name is checked against its certificate.
    client_id : str
        One connection a client id: a broker ends the older of two.
    tls : TlsSettings or None
        None: in the clear.
    username, password : str or None, Secret or None
        How to log in.
    keepalive_s : int
        Silence after which either side asks whether the other is there, s.
    clean_session : bool
        Whether the broker forgets us between connections; else it keeps messages for us meanwhile.
    version : {"5", "3.1.1"}
        Of the protocol.
    timeout_s : float
        For each answer of the broker, s.
    backoff_min_s, backoff_max_s : float
        First and longest wait between attempts to connect, s.
    incoming_queue : int
        Messages received and not yet looked at; the oldest go where there are more.
    seed : int
        Of the jitter on the back-off.
    """

    host: str
    port: int
    client_id: str
    tls: TlsSettings | None = None
    username: str | None = None
    password: Secret | None = None
    keepalive_s: int = 10
    clean_session: bool = True
    version: Literal["5", "3.1.1"] = "5"
    timeout_s: float = 5.0
    backoff_min_s: float = 0.2
    backoff_max_s: float = 10.0
    incoming_queue: int = 1000
    seed: int = 0

    @property
    def address(self) -> str:
        """Host and port for messages."""
        return f"{self.host}:{self.port}"
