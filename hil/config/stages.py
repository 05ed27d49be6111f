"""A staged changeover as a user writes it: ``controllers: <name>: {type: stages, ...}``."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from controller.stages import DELAY_S, MINIMUM_TIME_S
from hil.config.pace import Paced
from hil.config.strict import Finite, Instant, Strict, WrongKeyError

Levels = Annotated[tuple[Finite, ...], Field(strict=False, min_length=1)]
Times = Annotated[tuple[Instant, ...], Field(strict=False, min_length=2)]


class ConditionConfig(Strict):
    """A second signal that must be ``above`` or ``below`` a level; one level for all changes, or a list of them."""

    signal: str
    above: Finite | Levels | None = None
    below: Finite | Levels | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> ConditionConfig:
        if (self.above is None) == (self.below is None):
            raise WrongKeyError(
                "signal", f"the condition on {self.signal} needs above or below", "one of both"
            )
        return self

    def levels(self, changes: int) -> tuple[float, ...]:
        """Give the levels, one for each change between neighbouring stages."""
        given = self.below if self.above is None else self.above
        return given if isinstance(given, tuple) else (given or 0.0,) * changes


class StagesConfig(Paced):
    """Stages 0, 1, 2 … changed one at a time by thresholds; ``output`` gets the number of the stage.

    It goes from stage i to i + 1 once ``measured`` has been above ``up_at[i]`` for ``delay_s``, and back once it has
    been below ``down_at[i]`` for as long (thresholds in the unit of ``measured``), never before ``minimum_time_s`` in
    the stage are over. ``outputs`` are signals that take one value in each stage, in their own units.
    """

    type: Literal["stages"]
    measured: str
    output: str
    up_at: Levels
    down_at: Levels
    names: tuple[str, ...] = Field(default=(), strict=False)
    """What each stage is called in events: free, partly mechanical, mechanical."""
    action: Literal["direct", "reverse"] = "direct"
    """direct: the stage rises with the measured value; reverse: it rises as the value falls, up_at below down_at."""
    delay_s: Instant = DELAY_S
    minimum_time_s: Instant | Times = MINIMUM_TIME_S
    """Least time in a stage, or a list with one for each."""
    up_if: tuple[ConditionConfig, ...] = Field(default=(), strict=False)
    """What must hold besides the threshold to go up, for as long."""
    down_if: tuple[ConditionConfig, ...] = Field(default=(), strict=False)
    outputs: dict[str, Levels] = Field(default_factory=dict)
    """Signals, and their values in stage 0, 1, 2 …"""
    on_stale: Literal["hold", "failsafe"] = "hold"
    on_bad: Literal["hold", "failsafe"] = "failsafe"

    @property
    def count(self) -> int:
        """Number of stages."""
        return len(self.up_at) + 1

    @property
    def read(self) -> tuple[str, ...]:
        """Signals that it follows."""
        return (self.measured, *(condition.signal for condition in (*self.up_if, *self.down_if)))

    @property
    def written(self) -> tuple[str, ...]:
        """Signals that it writes, the number of the stage first."""
        return (self.output, *self.outputs)

    @model_validator(mode="after")
    def _lengths_fit(self) -> StagesConfig:
        changes, count = len(self.up_at), self.count
        _fit("down_at", len(self.down_at), changes, f"as many as up_at, which has {changes}")
        _fit("names", len(self.names) or count, count, f"one for each of {count} stages")
        if isinstance(self.minimum_time_s, tuple):
            _fit("minimum_time_s", len(self.minimum_time_s), count, f"one for each of {count} stages")
        for key, conditions in (("up_if", self.up_if), ("down_if", self.down_if)):
            for condition in conditions:
                found = len(condition.levels(changes))
                _fit(
                    key,
                    found,
                    changes,
                    f"one level for each of {changes} changes",
                    f"{condition.signal} has ",
                )
        return self


def _fit(key: str, found: int, needed: int, hint: str, whose: str = "") -> None:
    if found != needed:
        raise WrongKeyError(key, f"{whose}{found} entries where {needed} are needed", hint)
