"""A real mosquitto with TLS and passwords, to be killed and restarted; and a chiller that lags and reverts."""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

PASSWORDS = {"rig": "of the rig", "chiller": "of the chiller", "dcim": "of the dcim"}
_MOSQUITTO = shutil.which("mosquitto") or "/usr/sbin/mosquitto"


def _openssl(*arguments: str, cwd: Path) -> None:
    subprocess.run(["openssl", *arguments], cwd=cwd, check=True, capture_output=True)


def make_authority(folder: Path, name: str) -> None:
    """Make ``name.pem`` and ``name.key`` of an authority of our own."""
    subject = f"/CN={name}"
    usage = ("-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign")
    _openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
             "-keyout", f"{name}.key", "-out", f"{name}.pem", "-subj", subject, *usage, cwd=folder)  # fmt: skip


def make_certificate(folder: Path, name: str, authority: str, *, names: str = "", days: str = "2") -> None:
    """Make ``name.pem`` and ``name.key``, signed by ``authority``; ``names`` as in a subjectAltName."""
    _openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
             "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}", cwd=folder)  # fmt: skip
    extension = folder / f"{name}.ext"
    extension.write_text(f"subjectAltName={names}\n" if names else "extendedKeyUsage=clientAuth\n")
    _openssl("x509", "-req", "-in", f"{name}.csr", "-CA", f"{authority}.pem", "-CAkey", f"{authority}.key",
             "-CAcreateserial", "-days", days, "-extfile", extension.name, "-out", f"{name}.pem",
             cwd=folder)  # fmt: skip


class Broker:
    """One mosquitto on a free port; ``folder`` has ``ca.pem``, and certificates for localhost."""

    def __init__(self, folder: Path, *, client_certificates: bool = False) -> None:
        self.folder = folder
        self.ca = folder / "ca.pem"
        if not self.ca.exists():
            make_authority(folder, "ca")
            make_certificate(folder, "server", "ca", names="DNS:localhost")
        for number, (user, password) in enumerate(PASSWORDS.items()):
            create = ["-c"] if number == 0 else []
            command = ["mosquitto_passwd", *create, "-b", str(folder / "passwords"), user, password]
            subprocess.run(command, check=True, capture_output=True)
            (folder / f"{user}.password").write_text(password + "\n")
            (folder / f"{user}.password").chmod(0o600)
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = int(free.getsockname()[1])
        lines = [
            "user root", "persistence false", f"listener {self.port} 127.0.0.1", f"cafile {self.ca}",
            f"certfile {folder / 'server.pem'}", f"keyfile {folder / 'server.key'}", "allow_anonymous false",
            f"password_file {folder / 'passwords'}", "log_type all",
        ]  # fmt: skip
        if client_certificates:
            lines += ["require_certificate true", "use_identity_as_username true"]
        self._config = folder / "mosquitto.conf"
        self._config.write_text("\n".join(lines) + "\n")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it listens."""
        with (self.folder / "mosquitto.log").open("ab") as log:
            self._process = subprocess.Popen([_MOSQUITTO, "-c", str(self._config)], stdout=log, stderr=log)
        until_s = time.monotonic() + 60.0
        while time.monotonic() < until_s:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1.0):
                return
            assert self._process.poll() is None, (self.folder / "mosquitto.log").read_text()
            time.sleep(0.02)
        raise AssertionError("mosquitto does not listen")

    def kill(self) -> None:
        """End it as a power cut would."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)
            self._process.kill()
            self._process.wait()
            self._process = None

    def pause(self) -> None:
        """Let it stand still."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def arguments(self, user: str | None) -> list[str]:
        """Give the arguments of mosquitto_pub and mosquitto_sub for a user; None: anonymous."""
        login = ["-u", user, "-P", PASSWORDS[user]] if user is not None else []
        return ["-h", "localhost", "-p", str(self.port), "--cafile", str(self.ca), *login]

    def publish(
        self, user: str | None, topic: str, payload: str, *more: str
    ) -> subprocess.CompletedProcess[str]:
        """Publish with the C client."""
        command = ["mosquitto_pub", *self.arguments(user), "-q", "1", "-t", topic, "-m", payload, *more]
        return subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)

    def heard(self, user: str | None, topic: str, wait_s: int, *more: str) -> list[str]:
        """Give what the C client hears on ``topic`` within ``wait_s`` (s), as ``topic payload`` lines."""
        command = ["mosquitto_sub", *self.arguments(user), "-v", "-t", topic, "-W", str(wait_s), *more]
        done = subprocess.run(command, capture_output=True, text=True, timeout=wait_s + 20, check=False)
        return done.stdout.splitlines()


OPEN: list[Listener] = []
"""All that were made; a test closes them at its end, however it ends."""


class Listener:
    """A client of its own, with paho's thread; reconnects by itself. ``messages`` are (topic, payload, retained)."""

    def __init__(self, broker: Broker, user: str, *topics: str, client_id: str = "") -> None:
        self.messages: list[tuple[str, bytes, bool]] = []
        self._topics = topics
        self._acknowledged = 0
        self.client = paho.Client(CallbackAPIVersion.VERSION2, client_id=client_id, protocol=paho.MQTTv5)
        self.client.username_pw_set(user, PASSWORDS[user])
        self.client.tls_set(str(broker.ca))
        self.client.reconnect_delay_set(1, 1)
        self.client.on_connect = self._connected
        self.client.on_subscribe = self._subscribed
        self.client.on_message = self._received
        self.ready = threading.Event()
        OPEN.append(self)
        self.client.connect("localhost", broker.port, keepalive=5)
        self.client.loop_start()
        # What is published before the broker has heard of us is lost to us.
        assert self.ready.wait(60.0), "no subscription"

    def _connected(self, client: Any, *_: Any) -> None:
        for topic in self._topics:
            client.subscribe(topic, 1)
        if not self._topics:
            self.ready.set()

    def _subscribed(self, *_: Any) -> None:
        self._acknowledged += 1
        if self._acknowledged >= len(self._topics):
            self.ready.set()

    def _received(self, _client: Any, _data: Any, message: Any) -> None:
        self.messages.append((message.topic, bytes(message.payload), bool(message.retain)))
        self.hear(message.topic, bytes(message.payload), retained=bool(message.retain))

    def hear(self, topic: str, payload: bytes, *, retained: bool) -> None:
        """Act on a message; for those that do more than listen."""

    def publish(self, topic: str, payload: bytes, *, qos: int = 1, retain: bool = False) -> None:
        """Publish, or drop where there is no connection and no room."""
        self.client.publish(topic, payload, qos, retain)

    def close(self) -> None:
        """Leave."""
        self.client.disconnect()
        self.client.loop_stop()
        # paho leaves the pair of sockets that wakes its thread to its finalizer, and the collector may come to the
        # sockets first: a warning then, in whatever test runs at that moment.
        self.client._reset_sockets()


def instant(seconds: float) -> str:
    """ISO 8601 as the far end writes it."""
    return datetime.fromtimestamp(seconds, UTC).isoformat()


class Chiller(Listener):
    """A chiller with a set-point of its own: it lags, reverts where no command comes, never acts twice on an id.

    Attributes
    ----------
    applied : list of (str, float)
        Ids acted on, in order, with the set-point taken.
    seen : Counter
        How often each id was heard.
    """

    LOCAL_DEGC = 18.0
    LAG_S = 0.5
    REVERTS_S = 3.0

    def __init__(self, broker: Broker, **options: Any) -> None:
        self.applied: list[tuple[str, float]] = []
        self.seen: Counter[str] = Counter()
        self.retained_commands = 0
        self.setpoint_degc = self.LOCAL_DEGC
        self.temp_degc = self.LOCAL_DEGC
        self.mute = False
        self.deaf_answers = False
        self.began_s = time.time()
        self._heard_s = 0.0
        self._stop = threading.Event()
        self._answers: dict[str, bool] = {}
        super().__init__(broker, "chiller", "site/chiller/command", **options)
        self._thread = threading.Thread(target=self._live, daemon=True)
        self._thread.start()

    def hear(self, topic: str, payload: bytes, *, retained: bool) -> None:
        command = json.loads(payload)
        command_id = command["id"]
        self.seen[command_id] += 1
        self.retained_commands += retained
        value = float(command["values"]["setpoint"])
        if command_id not in self._answers:
            issued_s = datetime.fromisoformat(command["time"]).timestamp()
            alive = time.time() <= issued_s + command["life_s"]
            self._answers[command_id] = alive and not retained and 5.0 <= value <= 25.0
            if self._answers[command_id]:
                self.applied.append((command_id, value))
                self.setpoint_degc = value
        if self._answers[command_id]:
            self._heard_s = time.monotonic()
        if not self.deaf_answers:
            reason = "" if self._answers[command_id] else "out of its limits"
            answer = {"id": command_id, "accepted": self._answers[command_id], "reason": reason}
            self.publish("site/chiller/answer", json.dumps(answer).encode())

    def _live(self) -> None:
        step_s = 0.05
        while not self._stop.wait(step_s):
            if time.monotonic() - self._heard_s > self.REVERTS_S:
                self.setpoint_degc = self.LOCAL_DEGC
            self.temp_degc += (self.setpoint_degc - self.temp_degc) * step_s / self.LAG_S
            if self.client.is_connected() and not self.mute:
                now_s = time.time()
                state = {"degc": self.temp_degc, "time": instant(now_s), "clock_s": now_s - self.began_s}
                self.publish("site/chiller/state", json.dumps({"supply": state}).encode(), qos=0, retain=True)
                # Without a time of its own; the value itself says when it was taken.
                self.publish("site/chiller/clock", f"{time.time() - self.began_s:.4f} s".encode(), qos=0)

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        super().close()
