"""Profiles of a signal over time, as a user writes them: in a rig's ``sources``, in a load file, in a scenario.

Levels are in ``unit`` where it is given, else in the signal's own unit. Times are loop time, s.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from hil.config.strict import Finite, Instant, NotNegative, Pair, Positive, Span, Strict
from hil.config.weather import WeatherProfile


class _Profile(Strict):
    unit: str | None = None
    description: str = ""


class ConstantProfile(_Profile):
    """The same level throughout."""

    type: Literal["constant"]
    level: Finite


class StepAt(Strict):
    """The level from ``at_s`` on."""

    at_s: Instant
    level: Finite


class StepProfile(_Profile):
    """Level ``before`` the first step, then each step's."""

    type: Literal["step"]
    before: Finite
    steps: tuple[StepAt, ...] = Field(strict=False, min_length=1)


class RampProfile(_Profile):
    """Straight line from ``start_level`` at ``start_s`` to ``end_level`` at ``end_s``."""

    type: Literal["ramp"]
    start_level: Finite
    end_level: Finite
    start_s: Instant = 0.0
    end_s: Span


class SquareProfile(_Profile):
    """Square pulse between ``low`` and ``high``, its edges taking ``edge_time_s``."""

    type: Literal["square"]
    low: Finite
    high: Finite
    period_s: Span
    duty: Annotated[float, Field(gt=0, lt=1)] = 0.5
    edge_time_s: Instant = 0.0
    start_s: Instant = 0.0


class CsvProfile(_Profile):
    """One column of a CSV file (may be .gz) with a ``time_s`` column; its unit is ``unit``, else its name's ending."""

    type: Literal["csv"]
    file: str
    column: str
    interpolation: Literal["hold", "linear"] = "linear"
    repeat: bool = False
    max_gap_s: Span | None = None
    """Longest step of time that is not a gap.

    Where it is not given: 1.5 times the median step where a clock has written the rows, else ten times.
    """


class AiWorkloadProfile(_Profile):
    """Seeded synthetic AI load: synchronised training with crests, troughs and fast edges, checkpoints, idle times."""

    type: Literal["ai_workload"]
    racks: Annotated[int, Field(gt=0, le=100_000)]
    rack_power_kw: Positive = 132.0
    swing_kw: Pair = (55.0, 95.0)
    crest_s: Pair = (10.0, 30.0)
    trough_s: Pair = (1.0, 2.0)
    edge_time_s: Annotated[float, Field(gt=0, le=5)] = 0.2
    job_s: Pair = (1800.0, 14400.0)
    idle_s: Pair = (120.0, 1200.0)
    checkpoint_every_s: Span = 1800.0
    checkpoint_s: Span = 60.0
    seed: Annotated[int, Field(ge=0, lt=2**63)] | None = None
    """The rig's seed where it is not given."""


_Racks = Annotated[int, Field(gt=0, le=100_000)]
_Edge = Annotated[float, Field(gt=0, le=5)]
_Seed = Annotated[int, Field(ge=0, lt=2**63)]
_Ratio = Annotated[float, Field(ge=0, le=1)]


class InferenceProfile(_Profile):
    """Seeded synthetic load of requests: a day's rise and fall, bursts with fast edges, noise of the batches."""

    type: Literal["inference"]
    racks: _Racks
    rack_power_kw: Positive = 132.0
    idle_share: _Ratio = 0.3
    peak_utilisation: _Ratio = 0.7
    night_share: Annotated[float, Field(gt=0, le=1)] = 0.4
    """Lowest request rate of the day over its highest."""
    peak_hour: Annotated[float, Field(ge=0, lt=24)] = 15.0
    """When it is highest, h after loop time 0, day by day."""
    batch_s: Span = 5.0
    batch_noise: Annotated[float, Field(ge=0, le=0.5)] = 0.02
    bursts_per_h: Annotated[float, Field(ge=0, le=3600)] = 30.0
    burst_share: Pair = (0.05, 0.2)
    burst_s: Pair = (2.0, 20.0)
    edge_time_s: _Edge = 0.2
    seed: _Seed | None = None
    """The rig's seed where it is not given."""


class JobConfig(Strict):
    """One job: what it does, on how many racks, from when to when."""

    kind: Literal["training", "inference", "idle", "checkpoint"]
    start_s: Instant
    end_s: Span
    racks: _Racks


class JobsProfile(_Profile):
    """Racks that run the jobs of a list, and idle otherwise; jobs may overlap while there are racks."""

    type: Literal["jobs"]
    racks: _Racks
    jobs: tuple[JobConfig, ...] = Field(strict=False)
    rack_power_kw: Positive = 132.0
    idle_kw: NotNegative | None = None
    """Of one rack without a job; power less the largest swing where it is not given."""
    swing_kw: Pair = (55.0, 95.0)
    crest_s: Pair = (10.0, 30.0)
    trough_s: Pair = (1.0, 2.0)
    edge_time_s: _Edge = 0.2
    checkpoint_every_s: Span = 1800.0
    checkpoint_s: Span = 60.0
    seed: _Seed | None = None
    """The rig's seed where it is not given."""


class ShareProfile(_Profile):
    """A part of another load, ``lag_s`` later: by ``weight``, or as one of several unequal parts of the whole."""

    type: Literal["share"]
    of: AnyProfile
    weight: Positive | None = None
    parts: Annotated[int, Field(gt=0, le=10_000)] | None = None
    number: Annotated[int, Field(gt=0)] | None = None
    """Which of the parts, from 1."""
    spread: Annotated[float, Field(ge=0, lt=1)] = 0.2
    """How far the parts are drawn from their mean, either way; 0: all alike."""
    lag_s: Instant = 0.0
    seed: _Seed | None = None
    """Of the parts; the rig's where it is not given."""


class FileProfile(_Profile):
    """A load file: YAML with one profile in it."""

    type: Literal["file"]
    file: str


def _tag(value: Any) -> str | None:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return "number"
    tag = value.get("type") if isinstance(value, dict) else getattr(value, "type", None)
    return tag if isinstance(tag, str) else None


PROFILE_TYPES = (
    "constant",
    "step",
    "ramp",
    "square",
    "csv",
    "ai_workload",
    "inference",
    "jobs",
    "share",
    "weather",
    "file",
)
"""What the key ``type`` of a profile may be."""

AnyProfile = Annotated[
    Annotated[ConstantProfile, Tag("constant")]
    | Annotated[StepProfile, Tag("step")]
    | Annotated[RampProfile, Tag("ramp")]
    | Annotated[SquareProfile, Tag("square")]
    | Annotated[CsvProfile, Tag("csv")]
    | Annotated[AiWorkloadProfile, Tag("ai_workload")]
    | Annotated[InferenceProfile, Tag("inference")]
    | Annotated[JobsProfile, Tag("jobs")]
    | Annotated[ShareProfile, Tag("share")]
    | Annotated[WeatherProfile, Tag("weather")]
    | Annotated[FileProfile, Tag("file")]
    | Annotated[Finite, Tag("number")],
    Discriminator(_tag, custom_error_type="profile", custom_error_message="must be a number, or a mapping with the "
                  f"key 'type': {', '.join(PROFILE_TYPES)}"),
]  # fmt: skip

ShareProfile.model_rebuild()

ProfileConfig = AnyProfile
