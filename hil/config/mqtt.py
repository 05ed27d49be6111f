"""MQTT: under ``devices``, ``type: mqtt``; and the section ``telemetry``."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from hil.config.host import Host
from hil.config.strict import Finite, Instant, Name, NotNegative, Span, Strict, WrongKeyError

Topic = Annotated[str, Field(min_length=1)]
Qos = Literal[0, 1, 2]
_SECRETS = ("password", "key_password")


class SecretConfig(Strict):
    """Where a secret is: a file, or a variable of the environment. Never the secret itself."""

    file: Annotated[str, Field(min_length=1)] | None = None
    env: Annotated[str, Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _is_in_one_place(self) -> SecretConfig:
        if (self.file is None) == (self.env is None):
            raise WrongKeyError(
                "file", "a secret is in one place", "file: <path>, or env: <name of a variable>"
            )
        return self


class _Secretive(Strict):
    """A part of the rig that names secrets."""

    @model_validator(mode="before")
    @classmethod
    def _holds_no_secret(cls, data: Any) -> Any:
        for key in _SECRETS:
            if isinstance(data, dict) and isinstance(data.get(key), (str, int, float, list)):
                # The rig is copied into every run folder, and into many a mail.
                hint = f"{key}: {{file: /etc/coldloop/mqtt.{key}}} or {key}: {{env: NAME_OF_A_VARIABLE}}"
                raise WrongKeyError(key, "a secret does not belong in a rig", hint)
        return data


class TlsConfig(_Secretive):
    """Whom to trust, and how to show who we are; PEM files, relative to the rig's folder."""

    ca: Annotated[str, Field(min_length=1)] | None = None
    """Certificates of the authorities; those of the system where it is not given."""
    certificate: Annotated[str, Field(min_length=1)] | None = None
    key: Annotated[str, Field(min_length=1)] | None = None
    key_password: SecretConfig | None = None


class BrokerConfig(_Secretive):
    """How to reach a broker. TLS unless it is turned off in so many words."""

    host: Host
    port: Annotated[int, Field(ge=1, le=65535)] = 8883
    tls: TlsConfig | Literal[False] = TlsConfig()
    username: Annotated[str, Field(min_length=1)] | None = None
    password: SecretConfig | None = None
    client_id: Annotated[str, Field(min_length=1, max_length=256)] | None = None
    """One connection a client id; ``coldloop-<rig>-<device>`` where it is not given."""
    keepalive_s: Annotated[int, Field(ge=1, le=3600)] = 10
    session: Literal["clean", "kept"] = "clean"
    """Whether the broker keeps messages for us while we are not connected."""
    version: Literal["5", "3.1.1"] = "5"
    reconnect_max_s: Annotated[float, Field(gt=0, le=3600)] = 10.0

    @model_validator(mode="before")
    @classmethod
    def _means_what_it_says(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        if data.get("tls") is True:
            hint = "tls: {} for the authorities of the system, tls: {ca: <file>} for one of your own"
            raise WrongKeyError("tls", "true does not say whom to trust", hint)
        # 5 without quotes is a number in YAML, and means the same.
        return data | {"version": "5"} if data.get("version") == 5 else data

    @model_validator(mode="after")
    def _has_a_name_to_its_password(self) -> BrokerConfig:
        if self.password is not None and self.username is None:
            raise WrongKeyError("password", "a password needs a user name", "username: <name>")
        return self


class MqttReadConfig(Strict):
    """Where a signal comes from. A plain number, unless ``value`` says where it is in JSON."""

    topic: Topic
    value: Annotated[str, Field(min_length=1)] | None = None
    """Path in JSON, outside to inside: ``data.0.temp``."""
    template: str | None = None
    """Of a plain text, with {value} in one place: ``{value} degC``."""
    time: Annotated[str, Field(min_length=1)] | None = None
    """Path of the time at which it was taken."""
    quality: Annotated[str, Field(min_length=1)] | None = None
    good: tuple[str, ...] | None = Field(default=None, strict=False)
    """What stands at ``quality`` for a good value; good, ok, true, 0 and 192 where it is not given."""
    unit: str | None = None
    """Of the payload; the signal's where it is not given."""
    qos: Qos = 1

    @model_validator(mode="after")
    def _is_of_one_kind(self) -> MqttReadConfig:
        if self.value is None:
            for key in ("time", "quality", "good"):
                if getattr(self, key) is not None:
                    raise WrongKeyError(
                        key, f"{key} is found in JSON, and this is a plain text", "value: <path>"
                    )
        elif self.template is not None:
            raise WrongKeyError(
                "template", "a payload is JSON or a text, not both", "take value or template out"
            )
        if self.template is not None and self.template.count("{value}") != 1:
            raise WrongKeyError(
                "template", "the template needs {value} in one place", 'template: "{value} degC"'
            )
        return self


class MqttWriteConfig(Strict):
    """Where a signal's commands go; ``deadband`` in ``unit``."""

    topic: Topic
    name: Annotated[str, Field(min_length=1)] | None = None
    """What the far end calls it; the signal's name where it is not given."""
    unit: str | None = None
    qos: Qos = 1
    deadband: NotNegative = 0.0
    least_interval_s: Instant = 0.0
    refresh_s: Span | None = None
    """Sent again after this time; a third of ``reverts_s`` where it is not given."""
    life_s: Annotated[float, Field(gt=0, le=3600)] = 2.0
    timeout_s: Span | None = None
    """For the acknowledgement; 1.5 times the life where it is not given."""
    acknowledged: str | None = None
    """Signal that shows what the far end has taken."""

    @model_validator(mode="after")
    def _waits_for_its_life(self) -> MqttWriteConfig:
        if self.timeout_s is not None and self.timeout_s < self.life_s:
            what = f"timeout_s {self.timeout_s:g} s is shorter than the life of {self.life_s:g} s"
            raise WrongKeyError(
                "timeout_s", f"{what}: a command given up could still happen", f"{self.life_s:g}"
            )
        return self


class MqttCommandsConfig(Strict):
    """Where others command us, and which signals."""

    topic: Topic
    answers: Topic
    signals: tuple[Name, ...] = Field(min_length=1, strict=False)
    longest_life_s: Annotated[float, Field(gt=0, le=3600)] = 30.0


class MqttPeerConfig(Strict):
    """Where the far end says that it is there, and its last will that it is not."""

    topic: Topic
    state: Annotated[str, Field(min_length=1)] | None = None
    """Path of the word in JSON; the whole payload where it is not given."""
    online: str = "online"


class SigningConfig(Strict):
    """Commands and their acknowledgements are signed: which key signs ours, and which keys are believed."""

    sign_with: str
    keys: dict[str, SecretConfig] = Field(min_length=1)

    @model_validator(mode="before")
    @classmethod
    def _holds_no_key(cls, data: Any) -> Any:
        keys = data.get("keys", {}) if isinstance(data, dict) else {}
        if not isinstance(keys, dict) or not all(
            isinstance(key, (dict, SecretConfig)) for key in keys.values()
        ):
            hint = "keys: {<id>: {file: <path>}}, or {<id>: {env: <name of a variable>}}"
            raise WrongKeyError("keys", "a secret does not belong in a rig", hint)
        return data

    @model_validator(mode="after")
    def _has_the_key(self) -> SigningConfig:
        if self.sign_with not in self.keys:
            raise WrongKeyError(
                "sign_with", f"there is no key {self.sign_with!r}", f"keys: {', '.join(self.keys)}"
            )
        return self


class MqttConfig(Strict):
    """A device on a broker. Only the signals under ``read``, ``write`` and ``commands`` are ever touched."""

    type: Literal["mqtt"]
    broker: BrokerConfig
    presence: Topic = "coldloop/{rig}/{device}/state"
    read: dict[Name, MqttReadConfig] = Field(default_factory=dict)
    write: dict[Name, MqttWriteConfig] = Field(default_factory=dict)
    answers: Topic | None = None
    """Where the far end acknowledges commands."""
    reverts_s: Span | None = None
    """Time without a command after which the far end takes its own value."""
    peer: MqttPeerConfig | None = None
    commands: MqttCommandsConfig | None = None
    signing: SigningConfig | None = None
    clock_tolerance_s: Annotated[float, Field(ge=0, le=3600)] = 1.0
    """By how much the clocks of others may be ahead of ours."""
    loop_timeout_s: Span | None = None
    """Silence of the loop after which the failsafe is commanded; 1 s, and 5 periods at least, if not given."""

    @property
    def heartbeat(self) -> None:
        """There is none: the refresh is the heartbeat."""
        return

    @model_validator(mode="after")
    def _can_write(self) -> MqttConfig:
        if not self.write:
            return self
        if self.answers is None:
            hint = "answers: <topic on which the far end acknowledges>"
            raise WrongKeyError("write", "a command needs an acknowledgement", hint)
        if self.reverts_s is None:
            what = "what does the far end do when commands stop? It has to go back to a value of its own"
            raise WrongKeyError("write", what, "reverts_s: <time after which it does, s>")
        for name, point in self.write.items():
            if point.refresh_s is not None and point.refresh_s > self.reverts_s / 2:
                what = f"{name} is sent every {point.refresh_s:g} s, and the far end reverts after {self.reverts_s:g} s"
                raise WrongKeyError("write", what, f"refresh_s: {self.reverts_s / 3:g}")
            if point.life_s > self.reverts_s:
                what = (
                    f"a command of {name} lives for {point.life_s:g} s, and the far end reverts after "
                    f"{self.reverts_s:g} s: a late one would undo that"
                )
                raise WrongKeyError("write", what, f"life_s: {self.reverts_s:g} at most")
        return self

    @model_validator(mode="after")
    def _knows_the_age(self) -> MqttConfig:
        untimed = [name for name, point in self.read.items() if point.time is None]
        if untimed and self.broker.session == "kept":
            what = f"with a kept session the broker delivers what is old, and {untimed[0]} says no time"
            raise WrongKeyError("broker", what, "session: clean, or time: <path> for each value")
        return self


class TelemetryConfig(Strict):
    """Signals published for a historian or a DCIM; only on the wall clock."""

    broker: BrokerConfig
    topic: Topic = "coldloop/{rig}/signal/{signal}"
    presence: Topic = "coldloop/{rig}/state"
    signals: tuple[Name, ...] | None = Field(default=None, strict=False)
    """All of them where it is not given."""
    qos: Qos = 0
    retain: bool = True
    deadband_percent: Annotated[float, Field(ge=0, le=100)] = 0.1
    """Smallest change worth a message, of the signal's range."""
    deadbands: dict[Name, NotNegative] = Field(default_factory=dict)
    """The same of single signals, in their units."""
    least_interval_s: Instant = 1.0
    most_interval_s: Span = 60.0
    rate_per_s: Annotated[Finite, Field(gt=0, le=100_000)] = 200.0
    queue: Annotated[int, Field(ge=1, le=1_000_000)] = 10_000

    @model_validator(mode="after")
    def _has_its_intervals_in_order(self) -> TelemetryConfig:
        if self.least_interval_s > self.most_interval_s:
            what = f"least_interval_s {self.least_interval_s:g} is above most_interval_s {self.most_interval_s:g}"
            raise WrongKeyError("least_interval_s", what, f"at most {self.most_interval_s:g}")
        return self
