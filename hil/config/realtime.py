"""The rig's wishes of the machine: scheduling class, processor, memory, and how the loop waits."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from hil.config.strict import Strict, WrongKeyError


class RealTimeConfig(Strict):
    """What to ask of the system for a run on the wall clock; a refusal is told and never ends the run.

    The defaults ask for nothing, so that a laptop and a test run as they are.
    """

    priority: Annotated[int, Field(ge=1, le=99)] | None = None
    """Of SCHED_FIFO. Above 50 also comes before the kernel's interrupt threads where it has any."""
    cpu: Annotated[int, Field(ge=0, le=4095)] | None = None
    """The one processor to run on."""
    lock_memory: bool = False
    wait: Literal["block", "spin"] = "block"
    """block sleeps to the deadline; spin sleeps to a margin before it and looks at the clock for the rest."""
    rehearse: bool = False
    """Warm the caches by a cycle that goes nowhere, shortly before each deadline and while replies are waited for."""
    spin_margin_us: Annotated[float, Field(gt=0, le=5000)] | None = None
    """Measured at the start of the run where not given; never over half the period."""

    @model_validator(mode="after")
    def _margin_is_used(self) -> RealTimeConfig:
        if self.spin_margin_us is not None and self.wait != "spin":
            what = f"spin_margin_us {self.spin_margin_us:g} has no use where the loop waits by {self.wait}"
            raise WrongKeyError("spin_margin_us", what, "wait: spin, or leave it out")
        return self
