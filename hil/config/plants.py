"""Plants as a user writes them in a rig: physics from figures, or any linear system in python-control's terms."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from hil.config.pace import Paced
from hil.config.strict import Finite, Instant, Span, WrongKeyError
from hil.config.weather import WeatherConfig

Points = Annotated[tuple[Finite, ...], Field(strict=False)]


class CduConfig(Paced):
    """A coolant distribution unit with its racks, from a datasheet.

    ``inputs`` and ``outputs`` map the plant's ports to signals (an input also to a number). ``figures`` replaces
    figures of the datasheet, by the names of :class:`plant_models.CduDatasheet`; with ``datasheet: null`` they are all
    there is. The plant starts in equilibrium with the first values of its inputs.
    """

    type: Literal["cdu"]
    datasheet: str | None = "deschutes_2mw"
    figures: dict[str, Finite | str | Points] = Field(default_factory=dict)
    parameters: dict[str, Finite] = Field(default_factory=dict)
    """Settings of the model, by the names of :class:`plant_models.CduSettings`: stroke and ramp times, volumes …"""
    inputs: dict[str, str | Finite] = Field(default_factory=dict)
    outputs: dict[str, str] = Field(min_length=1)


class _Linear(Paced):
    """Signals in and out, in order; levels at which the linear model is zero, in the signals' units."""

    inputs: tuple[str, ...] = Field(strict=False, min_length=1)
    outputs: tuple[str, ...] = Field(strict=False, min_length=1)
    input_levels: tuple[Finite, ...] | None = Field(default=None, strict=False)
    output_levels: tuple[Finite, ...] | None = Field(default=None, strict=False)
    dead_time_s: Instant = 0.0

    @model_validator(mode="after")
    def _levels_fit(self) -> _Linear:
        for name, levels, signals in (
            ("input_levels", self.input_levels, self.inputs),
            ("output_levels", self.output_levels, self.outputs),
        ):
            if levels is not None and len(levels) != len(signals):
                what = f"{len(levels)} numbers for {len(signals)} signals ({', '.join(signals)})"
                raise WrongKeyError(name, what, "one number a signal, in its unit")
        return self


Row = Annotated[tuple[Finite, ...], Field(strict=False, min_length=1)]
Matrix = Annotated[tuple[Row, ...], Field(strict=False, min_length=1)]


class TransferFunctionConfig(_Linear):
    """One input, one output: polynomials in s, highest power first, and a dead time in s."""

    type: Literal["transfer_function"]
    numerator: Row
    denominator: Row


class StateSpaceConfig(_Linear):
    """Matrices of dx/dt = A x + B u, y = C x + D u; ``D`` is zero where it is not given."""

    type: Literal["state_space"]
    A: Matrix
    B: Matrix
    C: Matrix
    D: Matrix | None = None


class PvPlantConfig(Paced):
    """A PV plant up to its point of interconnection, under a year's weather from ``weather.start`` on.

    ``inputs`` and ``outputs`` map its ports to signals (an input also to a number). It starts as it would stand there
    with the first values of its inputs: cells warm, stations within the limit.
    """

    type: Literal["pv_plant"]
    weather: WeatherConfig
    seed: Annotated[int, Field(ge=0, lt=2**63)] | None = None
    """Of the clouds; the rig's where it is not given."""
    parameters: dict[str, bool | Finite | str] = Field(default_factory=dict)
    """By the names of :class:`plant_models.PvSettings`: capacities, mounting, ramps, limits of the grid …"""
    inputs: dict[str, str | Finite] = Field(default_factory=dict)
    outputs: dict[str, str] = Field(min_length=1)


class WanConfig(Paced):
    """A link with delay, jitter and loss. Each of ``inputs`` is a channel: its name, and the signal that is sent.

    What arrives is the output ``received_<channel>``; ``wan_age_s`` is how long ago that was sent. Before the first
    message there is what the signals start with.
    """

    type: Literal["wan"]
    message_period_s: Span | None = None
    """From message to message; the plant's own period where it is not given."""
    delay_s: Instant
    jitter_s: Instant = 0.0
    loss_share: Annotated[float, Field(ge=0, lt=1)] = 0.0
    seed: Annotated[int, Field(ge=0, lt=2**63)] | None = None
    """Of jitter and losses; the rig's where it is not given."""
    inputs: dict[str, str] = Field(min_length=1)
    outputs: dict[str, str] = Field(min_length=1)


Ports = Annotated[tuple[str, ...], Field(strict=False, min_length=1)]


class SystemConfig(Paced):
    """Components composed into one plant, wired by their ports; ``hil plants`` lists the kinds with ports and settings.

    A port is ``component.port``. What no wire drives is an input of the plant. Inputs that are optional hold their
    value, unless ``inputs`` or ``expose`` name them. It starts in equilibrium with the first values of its inputs,
    where there is one.
    """

    type: Literal["system"]
    components: dict[str, dict[str, Any]] = Field(min_length=1)
    """Settings of each, its kind under ``kind``."""
    wires: dict[str, str | Ports] = Field(default_factory=dict)
    """From an output to the input, or inputs, that it drives."""
    share: dict[str, str | Ports] = Field(default_factory=dict)
    """One input of the plant, by a name of your own, that drives several inputs of components."""
    hold: dict[str, Finite] = Field(default_factory=dict)
    expose: tuple[str, ...] = Field(default=(), strict=False)
    longest_substep_s: Annotated[float, Field(ge=0.05, le=0.5)] = 0.25
    inputs: dict[str, str | Finite] = Field(default_factory=dict)
    outputs: dict[str, str] = Field(min_length=1)


class FacilityConfig(Paced):
    """A whole facility, its parts sized from a few figures: CDUs, facility water, coolers, chillers, power chain.

    ``spec`` has the figures of :class:`plant_models.facility.spec.FacilitySpec`; its ``cdu`` is a ready sheet's name,
    or a mapping of figures with the sheet that they replace under ``datasheet``. Ports are as of ``system``; inputs
    that are not wired stay where the design starts them.
    """

    type: Literal["facility"]
    spec: dict[str, Finite | str | dict[str, Finite | str | Points | None]] = Field(default_factory=dict)
    longest_substep_s: Annotated[float, Field(ge=0.05, le=0.5)] = 0.5
    inputs: dict[str, str | Finite] = Field(default_factory=dict)
    outputs: dict[str, str] = Field(min_length=1)


PlantConfig = Annotated[
    CduConfig
    | SystemConfig
    | FacilityConfig
    | PvPlantConfig
    | WanConfig
    | TransferFunctionConfig
    | StateSpaceConfig,
    Field(discriminator="type"),
]
