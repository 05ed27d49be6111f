"""The rig file: what a rig is made of. Every key a user may write, with its unit, is a field here."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from hil.config.buses import ModbusRtuConfig, SerialBusConfig
from hil.config.drives import DriveConfig
from hil.config.facility import FacilityConfig, LimitConfig
from hil.config.host import Host
from hil.config.instruments import ActuatorConfig, SensorConfig
from hil.config.mqtt import MqttConfig, TelemetryConfig
from hil.config.northbound import NorthboundConfig
from hil.config.pace import Paced
from hil.config.plants import PlantConfig
from hil.config.profiles import ProfileConfig
from hil.config.realtime import RealTimeConfig
from hil.config.stages import StagesConfig
from hil.config.strict import Finite, Instant, Name, Pair, Positive, Span, Strict, WrongKeyError
from hil.config.sunspec import SunSpecConfig


class SignalConfig(Strict):
    """One signal; ``range``, ``failsafe`` and ``initial`` are in ``unit``, rates in ``unit`` per second."""

    unit: str
    range: Pair
    failsafe: Finite | None = None
    max_age_s: Instant | None = None
    initial: Finite | None = None
    rate_up_per_s: Positive | None = None
    rate_down_per_s: Positive | None = None
    mirrors: str | None = None
    """The signal this one is a copy of, by way of a device: lets a loop's action be checked through a PLC."""
    note: str = ""


class OverrunConfig(Strict):
    """What happens when cycles end after their deadline."""

    policy: Literal["skip", "degrade", "trip"] = "skip"
    trip_after: Annotated[int, Field(gt=0, le=1_000_000)] = 10
    """Missed periods in succession at which policy ``trip`` ends the run."""
    degrade_after: Annotated[int, Field(gt=0, le=1_000_000)] = 3
    """Missed periods in succession at which policy ``degrade`` doubles the period."""
    degrade_limit: Annotated[int, Field(ge=2, le=1000)] = 8
    """Greatest factor on the period under policy ``degrade``."""
    recover_after: Annotated[int, Field(gt=0, le=1_000_000)] = 50
    """Cycles on time in succession after which a doubled period is halved again."""


class FeedforwardConfig(Strict):
    """``gain`` x signal + ``bias``, added to the controller's output; in the output's unit per the signal's unit."""

    signal: str
    gain: Finite
    bias: Finite = 0.0


class WorkerConfig(Strict):
    """A controller that may outlast its slot computes in a process of its own.

    A plan that is not there ``deadline_s`` after its inputs were posted is late: the output holds. After
    ``fallback_after`` late ones in succession the controller's fallback (``on_bad``) takes over.
    """

    deadline_s: Span
    fallback_after: Annotated[int, Field(ge=1, le=1_000_000)] = 3


class PidConfig(Paced):
    """One PID loop. Gains are in ``gain_unit`` (and that per second or times second), which is checked."""

    type: Literal["pid"] = "pid"
    setpoint: str
    measured: str
    output: str
    action: Literal["direct", "reverse"]
    """direct: the output rises when the measured value rises above its set-point (a cooling valve)."""
    form: Literal["ideal", "parallel"] = "ideal"
    gain_unit: str
    design_range: Positive | None = None
    """Of the measured value, in its unit: with ``gain_unit: 1/design range`` the gain is output ranges per this."""
    gain: Finite | None = None
    integral_time_s: Span | None = None
    derivative_time_s: Instant = 0.0
    kp: Finite | None = None
    ki_per_s: Finite | None = None
    kd_s: Finite | None = None
    setpoint_weight_b: Annotated[float, Field(ge=0, le=2, allow_inf_nan=False)] = 1.0
    setpoint_weight_c: Annotated[float, Field(ge=0, le=2, allow_inf_nan=False)] = 0.0
    derivative_filter_n: Positive = 10.0
    anti_windup: Literal["tracking", "conditional"] = "tracking"
    tracking_time_s: Span | None = None
    feedforward: FeedforwardConfig | None = None
    applied: str | None = None
    """Signal with what the actuator truly does, where that is not this controller's own output (shadow)."""
    on_stale: Literal["hold", "failsafe"] = "hold"
    on_bad: Literal["hold", "failsafe"] = "failsafe"
    worker: WorkerConfig | None = None

    @property
    def read(self) -> tuple[str, ...]:
        """Signals that it follows."""
        forward = (self.feedforward.signal,) if self.feedforward is not None else ()
        return (self.setpoint, self.measured, *forward)

    @property
    def written(self) -> tuple[str, ...]:
        """Signals that it writes."""
        return (self.output,)

    @model_validator(mode="after")
    def _range_with_its_unit(self) -> PidConfig:
        per_range = self.gain_unit == "1/design range"
        if per_range and self.design_range is None:
            what = "a gain per design range needs the range"
            raise WrongKeyError("gain_unit", what, "design_range: <range of the measured value, in its unit>")
        if not per_range and self.design_range is not None:
            what = f"design_range goes with gain_unit: 1/design range, not {self.gain_unit!r}"
            raise WrongKeyError("design_range", what, "leave it out, or give the gain per design range")
        return self

    @model_validator(mode="after")
    def _gains_of_the_form(self) -> PidConfig:
        ideal = {"gain": self.gain, "integral_time_s": self.integral_time_s}
        parallel = {"kp": self.kp, "ki_per_s": self.ki_per_s, "kd_s": self.kd_s}
        own, other, needed = (ideal, parallel, "gain") if self.form == "ideal" else (parallel, ideal, "kp")
        for name, value in other.items():
            if value is not None:
                hint = f"it takes {', '.join(own)}; or the other form"
                raise WrongKeyError(name, f"form {self.form} has no {name}", hint)
        if own[needed] is None:
            raise WrongKeyError("form", f"form {self.form} needs {needed}", f"{needed}: <size of the gain>")
        for name, value in own.items():
            if value is not None and value < 0:
                raise WrongKeyError(
                    name,
                    f"{value:g} is negative, and a gain is given by its size ({-value:g})",
                    "say the direction with action: direct (output rises when the measured value is too high) "
                    "or reverse",
                )
        return self


def _controller_type(value: Any) -> str | None:
    """Tell the type of a controller, from the file or made already; one that says nothing is a PID."""
    kind = value.get("type", "pid") if isinstance(value, dict) else getattr(value, "type", None)
    return kind if isinstance(kind, str) else None


ControllerConfig = Annotated[
    Annotated[PidConfig, Tag("pid")] | Annotated[StagesConfig, Tag("stages")],
    Discriminator(_controller_type),
]


class ModbusTcpConfig(Strict):
    """A device on Modbus TCP. Only the signals under ``read`` and ``write`` are ever touched."""

    type: Literal["modbus_tcp"]
    host: Host
    port: Annotated[int, Field(ge=1, le=65535)] = 502
    points: str
    prefix: str = Field(default="", pattern=r"^[a-z0-9_]*$")
    """Put before every signal of the point list, so that one list serves several devices: pump_1_."""
    read: tuple[str, ...] = Field(default=(), strict=False)
    write: tuple[str, ...] = Field(default=(), strict=False)
    heartbeat: str | None = None
    """Point that gets a counter, written last in each cycle; the far end's watchdog watches it."""
    max_registers: Annotated[int, Field(ge=1, le=125)] = 125
    max_gap_registers: Annotated[int, Field(ge=0, le=100)] = 0
    max_in_flight: Annotated[int, Field(ge=1, le=16)] = 1
    gap_ms: Annotated[float, Field(ge=0, le=60_000)] = 0.0
    connect_timeout_s: Annotated[float, Field(gt=0, le=60)] = 1.0
    reconnect_max_s: Annotated[float, Field(gt=0, le=3600)] = 5.0
    """Longest wait between attempts to connect; the first comes half a period after the loss (at most 0.1 s)."""


DeviceConfig = Annotated[
    ModbusTcpConfig | ModbusRtuConfig | SunSpecConfig | MqttConfig, Field(discriminator="type")
]


class LoopConfig(Strict):
    """A control loop that the report judges, whoever closes it. ``band`` is +- in the measured signal's unit."""

    setpoint: str
    measured: str
    output: str
    band: Positive
    warm_up_s: Instant = 0.0


class RequirementConfig(Strict):
    """A key figure and the limits it must keep for the run to be met (exit code 0)."""

    kpi: str
    min: Finite | None = None
    max: Finite | None = None

    @model_validator(mode="after")
    def _has_a_limit(self) -> RequirementConfig:
        if self.min is None and self.max is None:
            raise WrongKeyError("kpi", f"{self.kpi} has no limit", "give min, max or both")
        if self.min is not None and self.max is not None and self.min > self.max:
            what = f"{self.kpi}: min {self.min:g} is above max {self.max:g}, so nothing can meet it"
            raise WrongKeyError("min", what, f"did you mean min: {self.max:g}, max: {self.min:g}?")
        return self


class BudgetConfig(Strict):
    """Share of the period that devices may take to answer; the loop goes on without them after it."""

    read_percent: Annotated[float, Field(gt=0, le=80)] = 40.0
    write_percent: Annotated[float, Field(gt=0, le=80)] = 30.0

    @model_validator(mode="after")
    def _leaves_time(self) -> BudgetConfig:
        total = self.read_percent + self.write_percent
        if total > 95:
            what = f"read_percent and write_percent take {total:g} % of the period together"
            raise WrongKeyError("read_percent", what, "leave 5 % or more for plants and controllers")
        return self


LimitUs = Annotated[float, Field(gt=0, le=1e12, allow_inf_nan=False)]


class LatencyConfig(Strict):
    """The latency contract: what a run on the wall clock must keep to be met. Only what is given is checked.

    Times in us. Lateness is from a deadline to the wake-up, cycle from the wake-up to the end of the row;
    sensor to actuator from the receipt of the oldest sample of the cycle to the acknowledgement of its last write;
    data age that of the oldest value at its use by a block.
    """

    lateness_p99_us: LimitUs | None = None
    lateness_max_us: LimitUs | None = None
    cycle_p99_us: LimitUs | None = None
    cycle_max_us: LimitUs | None = None
    sensor_to_actuator_p99_us: LimitUs | None = None
    sensor_to_actuator_max_us: LimitUs | None = None
    data_age_p99_us: LimitUs | None = None
    data_age_max_us: LimitUs | None = None
    overruns: Annotated[int, Field(ge=0, le=10**9)] | None = None
    """Most overruns of the run."""

    @model_validator(mode="after")
    def _in_order(self) -> LatencyConfig:
        for name in ("lateness", "cycle", "sensor_to_actuator", "data_age"):
            p99, most = getattr(self, f"{name}_p99_us"), getattr(self, f"{name}_max_us")
            if p99 is not None and most is not None and p99 > most:
                what = f"{name}_p99_us {p99:g} is above {name}_max_us {most:g}: the maximum alone would count"
                raise WrongKeyError(f"{name}_p99_us", what, f"at most {most:g}")
        return self


class RigConfig(Strict):
    """A whole rig."""

    rig: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")]
    description: str = ""
    clock: Literal["wall", "virtual"]
    period_s: Annotated[float, Field(ge=1e-6, le=86400)]
    duration_s: Span | None = None
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    overrun: OverrunConfig = OverrunConfig()
    budget: BudgetConfig = BudgetConfig()
    latency: LatencyConfig | None = None
    """The latency contract; checked by every run on the wall clock."""
    realtime: RealTimeConfig = RealTimeConfig()
    """What to ask of the system; only on the wall clock."""
    signals: dict[Name, SignalConfig] = Field(min_length=1)
    sources: dict[Name, ProfileConfig] = Field(default_factory=dict)
    load: str | None = None
    """The source that ``--load`` replaces."""
    scenario: str | None = None
    plants: dict[Name, PlantConfig] = Field(default_factory=dict)
    sensors: dict[Name, SensorConfig] = Field(default_factory=dict)
    """What measures a signal, by signal; plants go on seeing the truth."""
    actuators: dict[Name, ActuatorConfig] = Field(default_factory=dict)
    """What stands between a command and the plants that take it, by signal."""
    controllers: dict[Name, ControllerConfig] = Field(default_factory=dict)
    buses: dict[Name, SerialBusConfig] = Field(default_factory=dict)
    devices: dict[Name, DeviceConfig] = Field(default_factory=dict)
    drives: dict[Name, DriveConfig] = Field(default_factory=dict)
    """What turns commands (run, reset) into the control words of a drive."""
    northbound: NorthboundConfig | None = None
    """What the rig shows of itself to a DCIM; only on the wall clock."""
    telemetry: TelemetryConfig | None = None
    """What is published for a historian; only on the wall clock."""
    loops: dict[Name, LoopConfig] = Field(default_factory=dict)
    facility: FacilityConfig | None = None
    """Signals of PUE, WUE and hours by cooling mode."""
    limits: tuple[LimitConfig, ...] = Field(default=(), strict=False)
    """Limits that the report gives the time to, from the run's first fault on."""
    requirements: tuple[RequirementConfig, ...] = Field(default=(), strict=False)

    @property
    def pids(self) -> dict[str, PidConfig]:
        """The controllers that are PID loops."""
        return {name: each for name, each in self.controllers.items() if isinstance(each, PidConfig)}

    @property
    def changeovers(self) -> dict[str, StagesConfig]:
        """The controllers that change stages."""
        return {name: each for name, each in self.controllers.items() if isinstance(each, StagesConfig)}

    @model_validator(mode="after")
    def _leaves_the_processor_alone(self) -> RigConfig:
        margin_us = self.realtime.spin_margin_us
        if margin_us is not None and margin_us > self.period_s * 5e5:
            what = f"spin_margin_us {margin_us:g} is more than half the period of {self.period_s * 1e6:g} us"
            raise WrongKeyError("realtime", what, f"at most {self.period_s * 5e5:g}")
        return self
